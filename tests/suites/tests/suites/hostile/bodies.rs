//! Bodies and parsers (rows 27 to 35): bombs cost what their bytes cost, and every parser reads the same.

use super::{Siege, answer};
use std::time::{Duration, Instant};
use tollgate_harness::{Gateway, Origin, Outcome, Request, Response, check};

use crate::scene::{greeter, hello};

/// APIs that do one thing each with a body, on a single worker.
const PARSERS: &str = r#"
workers: 1
schemas:
  two: { type: object, required: [ a ], properties: { a: { const: 2 } } }
apis:
  - id: to-json
    path: to-json
    backend: {origin}
    subscription-required: false
    policies: { inbound: [ { xml-to-json: { kind: direct, apply: always } } ] }
  - id: to-xml
    path: to-xml
    backend: {origin}
    subscription-required: false
    policies: { inbound: [ { json-to-xml: { apply: always } } ] }
  - id: expression
    path: expression
    backend: {origin}
    subscription-required: false
    policies: { inbound: [ { return-response: { body: "${request.json.a}" } } ] }
  - id: valid
    path: valid
    backend: {origin}
    subscription-required: false
    policies:
      inbound:
        - validate-content:
            unspecified-content-type-action: prevent
            max-size: 4194304
            size-exceeded-action: prevent
            content: [ { type: application/json, validate-as: json, action: prevent, schema-id: two } ]
  - id: liquid
    path: liquid
    backend: {origin}
    subscription-required: false
    policies: { inbound: [ { set-body: { template: liquid, value: "{{ body.a }}" } } ] }
"#;

fn parsers() -> (Gateway, Origin) {
    let origin = Origin::start(|request| Response::new(200).body(request.body.clone()));
    (Gateway::with(PARSERS).origin(&origin).start(), origin)
}

fn json(api: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(&format!("/{api}/x"), body).header("content-type", "application/json")
}

fn xml(body: impl Into<Vec<u8>>) -> Request {
    Request::post("/to-json/x", body).header("content-type", "application/xml")
}

/// A request, and the processor time that the gateway took for it, in ticks of 10 ms.
fn timed(gateway: &Gateway, request: &Request) -> (Response, u64) {
    let before = gateway.cpu_ticks();
    let response = gateway.send(request);
    (response, gateway.cpu_ticks() - before)
}

#[test]
fn row_27_what_is_compressed_is_never_unpacked() {
    let (gateway, origin) = parsers();
    let before = gateway.rss_bytes();
    // A bomb is passed on as it came where nobody reads it, and refused where somebody would have to.
    let bomb = vec![0_u8; 64 << 10];
    for coding in ["gzip", "br", "zstd", "gzip, gzip", "x-unknown"] {
        for (api, status) in [("to-json", 415), ("to-xml", 415), ("valid", 400)] {
            let response = gateway.send(&json(api, bomb.clone()).header("content-encoding", coding));
            assert_eq!(response.status, status, "{api} {coding}: {response:?}");
        }
    }
    assert_eq!(origin.requests().len(), 0);
    assert!(gateway.rss_bytes() < before + (16 << 20), "{before} bytes became {}", gateway.rss_bytes());
}

#[test]
fn row_28_a_document_type_is_refused_before_anything_is_read_of_it() {
    let (gateway, origin) = parsers();
    let mut laughs = String::from("<!DOCTYPE a [<!ENTITY a0 'ha'>");
    for at in 1..64 {
        laughs += &format!("<!ENTITY a{at} '&a{};&a{};'>", at - 1, at - 1);
    }
    laughs += "]><a>&a63;</a>";
    let quadratic = format!("<!DOCTYPE a [<!ENTITY b '{}'>]><a>{}</a>", "b".repeat(50_000), "&b;".repeat(50_000));
    let external = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>".to_owned();
    let remote = "<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/a.dtd'><a/>".to_owned();
    for body in [laughs, quadratic, external, remote] {
        let (response, ticks) = timed(&gateway, &xml(body));
        assert_eq!(response.status, 400, "{response:?}");
        assert!(!response.text().contains("root:"), "{response:?}");
        assert!(ticks <= 3, "{ticks} ticks");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn row_29_deep_and_wide_xml_is_refused_in_time_that_grows_with_its_bytes() {
    let (gateway, _origin) = parsers();
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert_eq!([127, 128, 500_000].map(|depth| gateway.send(&xml(deep(depth))).status), [200, 400, 400]);
    let attributes = |count: usize| {
        let attributes: String = (0..count).map(|at| format!(" a{at}=''")).collect();
        format!("<a{attributes}/>")
    };
    assert_eq!(gateway.send(&xml(attributes(100_000))).status, 400);
    let name = format!("<{}/>", "a".repeat(1 << 20));
    assert_eq!(gateway.send(&xml(name)).status, 400);
    // Twice as much takes about twice as long: a quadratic parser would take four times.
    let time = |elements: usize| {
        let body = format!("<a>{}</a>", "<b c='d'>e</b>".repeat(elements));
        let best = (0..5).map(|_| {
            let began = Instant::now();
            assert_eq!(gateway.send(&xml(body.clone())).status, 200);
            began.elapsed()
        });
        best.min().unwrap()
    };
    let (once, twice) = (time(20_000), time(40_000));
    assert!(twice < once * 3, "{once:?}, and {twice:?} for twice as much");
}

#[test]
fn row_30_every_reader_of_json_reads_the_same() {
    let (gateway, _origin) = parsers();
    let statuses = |body: &str| {
        ["to-xml", "valid", "expression", "liquid"].map(|api| gateway.send(&json(api, body.as_bytes().to_vec())).status)
    };
    // Of members with the same name the last one counts, for whoever asks.
    let twice = r#"{"a":1,"a":2}"#;
    assert_eq!(statuses(twice), [200; 4]);
    assert_eq!(gateway.send(&json("expression", twice)).text(), "2");
    assert_eq!(gateway.send(&json("to-xml", twice)).text(), "<a>2</a>");
    assert_eq!(gateway.send(&json("liquid", twice)).text(), "2");
    assert_eq!(gateway.send(&json("valid", r#"{"a":2,"a":1}"#)).status, 400);
    // A byte order mark is passed over by all.
    assert_eq!(statuses("\u{feff}{\"a\":2}"), [200; 4]);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for odd in [
        deep.as_str(),
        r#"{"a":"\ud800"}"#,
        r#"{"a":2"#,
        r#"{"a":2}}"#,
        r#"{"a":02}"#,
        r#"{"a":2,}"#,
        r#"{"a":NaN}"#,
        r#"{'a':2}"#,
        "{\"a\":\"\u{1}\"}",
        "{\"a\":2}\0",
    ] {
        let short = &odd[..odd.len().min(40)];
        for (api, status) in ["to-xml", "valid", "expression", "liquid"].into_iter().zip(statuses(odd)) {
            assert!((400..=500).contains(&status), "{api} takes {short:?}: {status}");
        }
    }
}

#[test]
fn row_31_a_conversion_grows_four_times_at_most() {
    let (gateway, origin) = parsers();
    let name = "n".repeat(1_000);
    let items = "1,".repeat(200_000);
    let (response, _) = timed(&gateway, &json("to-xml", format!("{{\"{name}\":[{items}1]}}")));
    assert_eq!(response.status, 413, "{response:?}");
    let attributes: String = (0..200).map(|at| format!(" a{at}=''")).collect();
    let response = gateway.send(&xml(format!("<a>{}</a>", format!("<b{attributes}/>").repeat(300))));
    assert!([200, 413].contains(&response.status), "{response:?}");
    assert!(origin.requests().iter().all(|request| request.body.len() < 5 << 20));
}

#[test]
fn row_32_a_schema_cannot_loop_explode_or_fetch() {
    let tripwire = hello();
    let document = |schema: &str| {
        PARSERS.replace("two: { type: object, required: [ a ], properties: { a: { const: 2 } } }", schema)
    };
    // What can't be read is found when the document is read, and nothing is fetched for it.
    let remote = document(&format!("two: {{ $ref: '{}/schema.json' }}", tripwire.url()));
    let Outcome { code, stderr, .. } = check(&remote.replace("{origin}", &tripwire.url()));
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(tripwire.requests().len(), 0);
    // A schema that refers to itself ends, and one of many alternatives takes no time that doubles with each.
    let mut alternatives = String::from("two: { definitions: { d0: { type: integer }");
    for at in 1..40 {
        alternatives += &format!(
            ", d{at}: {{ anyOf: [ {{ $ref: '#/definitions/d{0}' }}, {{ $ref: '#/definitions/d{0}' }} ] }}",
            at - 1
        );
    }
    alternatives += " }, $ref: '#/definitions/d39' }";
    let recursive = "two: { anyOf: [ { $ref: '#' }, { type: integer } ] }".to_owned();
    for schema in [alternatives, recursive] {
        let gateway = match Gateway::with(&document(&schema)).origin(&tripwire).try_start() {
            Ok(gateway) => gateway,
            // Refused when it is read is as good.
            Err(outcome) => {
                assert_eq!(outcome.code, 2, "{}", outcome.stderr);
                continue;
            }
        };
        let began = Instant::now();
        let response = gateway.send(&json("valid", r#"{"a":2}"#));
        assert!(response.status >= 400, "{response:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(gateway.send(&json("expression", r#"{"a":2}"#)).text(), "2");
    }
}

/// Patterns that take engines with backtracking exponential or high polynomial time for the text beside them.
const EVIL: [(&str, &str); 12] = [
    ("^(a+)+$", "a"),
    ("^([a-zA-Z]+)*$", "a"),
    ("^(a|aa)+$", "a"),
    ("^(a|a?)+$", "a"),
    ("^(.*a){20}$", "a"),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a"),
    ("^(x+x+)+y$", "x"),
    ("^((ab)*)+$", "ab"),
    ("(.*)*(.*)*(.*)*=", "a"),
    ("^\\\\s*(\\\\s*\\\\s*)*x$", " "),
    ("^([0-9]+)*[^0-9]$", "7"),
    ("^(\\\\w+\\\\s?)*$", "a"),
];

#[test]
fn row_33_no_pattern_takes_longer_than_its_text() {
    let apis: String = EVIL
        .iter()
        .enumerate()
        .map(|(at, (pattern, _))| {
            format!(
                "  - id: p{at}\n    path: p{at}\n    backend: {{origin}}\n    subscription-required: false\n    policies:\n      \
                 inbound:\n        - return-response: {{ body: '${{request.body.matches(\"{pattern}\") ? \"1\" : \"0\"}}' }}\n"
            )
        })
        .collect();
    let gateway = Gateway::with(&format!("workers: 1\napis:\n{apis}")).origin(greeter()).start();
    for (at, (pattern, text)) in EVIL.iter().enumerate() {
        let body = text.repeat(100_000 / text.len()) + "!";
        let (response, ticks) = timed(&gateway, &Request::post(&format!("/p{at}/x"), body));
        assert_eq!(response.status, 200, "{pattern}: {response:?}");
        // 100 kB in a second at most; with backtracking it would be longer than the universe is old.
        assert!(ticks < 100, "{pattern}: {ticks} ticks");
    }
}

#[test]
fn row_34_many_parameters_are_a_long_target() {
    let yaml = "workers: 1\napis:\n  - id: all\n    path: ''\n    backend: {origin}\n    subscription-required: false\n    \
                policies:\n      inbound:\n        - set-query-parameter: { name: a, value: b }\n        \
                - set-header: { name: x-count, value: '${size(request.query)}' }\n    operations:\n      - id: any\n        \
                method: '*'\n        url: '/*'\n";
    let origin = hello();
    let gateway = Gateway::with(yaml).origin(&origin).start();
    assert_eq!(gateway.get(&format!("/?{}", "a[b][c]=1&".repeat(1_000))).status, 414);
    // As many as fit into a target, and a form's as many as it likes: nobody reads those.
    let (response, ticks) = timed(&gateway, &Request::get(&format!("/?{}", "a&".repeat(4_000))));
    assert_eq!(response.status, 200, "{response:?}");
    assert!(ticks <= 10, "{ticks} ticks");
    let form = Request::post("/", "a[]=1&".repeat(100_000)).header("content-type", "application/x-www-form-urlencoded");
    let (response, ticks) = timed(&gateway, &form);
    assert_eq!(response.status, 200);
    assert!(ticks <= 10, "{ticks} ticks");
}

#[test]
fn row_35_bytes_that_are_no_text_or_show_as_another_are_refused_or_escaped() {
    let siege = Siege::of("");
    let status = |request: &[u8]| {
        let mut connection = siege.gateway.connect();
        connection.write(request).unwrap();
        answer(&mut connection).map(|response| response.status)
    };
    // Overlong forms, surrogates and bytes that are no UTF-8, bare in a target, and in a host.
    for target in [&b"/\xc0\xae"[..], b"/\xed\xa0\x80", b"/\xff", "/\u{202e}".as_bytes()] {
        let request = [b"GET ", target, b" HTTP/1.1\r\nhost: a\r\n\r\n"].concat();
        assert_eq!(status(&request), Some(400), "{target:?}");
    }
    for host in ["ex\u{430}mple.com", "a\u{202e}b", "a%00b", "a b", "\u{ff21}"] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(status(request.as_bytes()), Some(400), "{host}");
    }
    // Escaped they are bytes like others, and stay escaped wherever somebody looks.
    assert_eq!(siege.gateway.get("/%e2%80%ae").status, 200);
    siege.gateway.wait_for_access_log(5);
    let hidden = |line: &String| line.contains('\u{202e}');
    assert!(!siege.gateway.stdout().iter().any(hidden) && !siege.gateway.stderr().iter().any(hidden));
    siege.stands_having_seen(&["/%E2%80%AE"]);
}
