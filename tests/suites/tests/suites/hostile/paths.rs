//! Paths, overrides and hop-by-hop abuse (rows 36 to 38 and 40).

use super::Siege;
use tollgate_harness::{Gateway, Origin, Request};

/// `admin` is guarded, everything else isn't; both tell which path their policies see.
const GUARDED: &str = r#"
policies:
  inbound:
    - set-header: { name: x-policy-path, value: "${request.path}" }
apis:
  - id: admin
    path: admin
    backend: {origin}
    subscription-required: true
  - id: rest
    path: ""
    backend: {origin}
    subscription-required: false
"#;

#[test]
fn row_36_no_spelling_of_a_path_comes_past_its_guard_and_all_see_the_same_one() {
    let origin = Origin::echo();
    let gateway = Gateway::with(GUARDED).origin(&origin).start();
    let prefixes = [
        "/",
        "/x/../",
        "/x/%2e%2e/",
        "/x/.%2E/",
        "/./",
        "/%2e/",
        "//",
        "/x//..//",
        "/;a/../",
        "/x/..;/",
        "/%2f",
        "/%5c",
        "\\",
        "/..\\",
        "/x%2f..%2f",
        "/%252e%252e/",
        "/x/..%00/",
        "/%00",
        "/x/../../",
        "/%c0%ae%c0%ae/",
        "/a/b/../../",
    ];
    let names = [
        "admin",
        "Admin",
        "%61dmin",
        "adm%69n",
        "admin/",
        "admin/.",
        "admin//",
        "admin;x=1",
        "admin%20",
        "admin%2f",
        "admin%00",
        "admin/%2e%2e/admin",
        "admin?x",
        "admin#x",
        "adm\u{131}n",
    ];
    let mut client = gateway.client();
    let mut forms = 0;
    for prefix in prefixes {
        for name in names {
            let target = format!("{prefix}{name}");
            forms += 1;
            let response = client.send(&Request::get(&target));
            match response.status {
                200 => {
                    let seen = response.json();
                    let at_origin = seen["target"].as_str().unwrap().split('?').next().unwrap().to_owned();
                    let headers = seen["headers"].as_array().unwrap();
                    let policy = headers.iter().find(|pair| pair[0] == "x-policy-path").unwrap()[1].as_str().unwrap();
                    assert_eq!(at_origin, policy, "{target}");
                    // An empty segment makes another path of it, here and there.
                    let first = at_origin.split('/').nth(1).unwrap();
                    assert_ne!(first, "admin", "{target} came past the guard as {at_origin}");
                    for forbidden in ["/..", "/./", "%2f", "%2F", "%5c", "%5C", "%00", "\\", "\0"] {
                        assert!(!at_origin.contains(forbidden), "{target} is {at_origin} at the origin");
                    }
                }
                status => assert!(matches!(status, 400 | 401), "{target}: {status}"),
            }
        }
    }
    assert!(forms > 300);
    assert!(gateway.is_running());
}

#[test]
fn row_37_case_slashes_and_escapes_mean_the_same_everywhere() {
    let siege = Siege::of("");
    for (sent, seen) in [
        ("/A", "/A"),
        ("/a/", "/a/"),
        ("/a//b", "/a//b"),
        ("/%41", "/A"),
        ("/%7Ea", "/~a"),
        ("/%c3%a9", "/%C3%A9"),
        ("/a%20b", "/a%20b"),
        ("/a/b/../c/./d", "/a/c/d"),
        ("/a?x=%2e%2e/", "/a?x=%2e%2e/"),
    ] {
        assert_eq!(siege.gateway.get(sent).json()["target"], seen, "{sent}");
    }
}

#[test]
fn row_38_a_client_cannot_name_another_url_or_method_than_the_one_that_was_admitted() {
    let siege = Siege::of("");
    let names = [
        "X-Original-URL",
        "X-Original-URI",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Original-Host",
        "X-Forwarded-Server",
        "Forwarded",
    ];
    let request = names.iter().fold(Request::get("/x"), |request, name| request.header(name, "/admin"));
    assert_eq!(siege.gateway.send(&request).status, 200);
    let seen = siege.origin.only_request();
    for name in names {
        assert!(!seen.headers.has(name), "{name}");
    }
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_40_connection_cannot_take_away_what_somebody_behind_relies_on() {
    let siege = Siege::of("");
    let kept =
        ["authorization", "cookie", "x-forwarded-for", "x-forwarded-proto", "content-type", "origin", "cache-control"];
    let request = Request::post("/x", "{}")
        .header("connection", "close, Authorization, Cookie, X-Forwarded-For, X-Forwarded-Proto, Content-Type, Origin, Cache-Control, X-Gone")
        .header("authorization", "Bearer a")
        .header("cookie", "a=b")
        .header("content-type", "application/json")
        .header("origin", "https://a")
        .header("cache-control", "no-cache")
        .header("x-gone", "1");
    assert_eq!(siege.gateway.send(&request).status, 200);
    let seen = siege.origin.only_request();
    for name in kept {
        assert!(seen.headers.has(name), "{name}");
    }
    assert!(!seen.headers.has("x-gone") && !seen.headers.has("connection"));
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_40_connection_cannot_take_away_the_subscription_key() {
    let yaml = "apis: [ { id: a, path: '', backend: '{origin}' } ]\nsubscriptions: [ { id: s, all-apis: true, primary-key: secret } ]";
    let origin = Origin::echo();
    let gateway = Gateway::with(yaml).origin(&origin).start();
    let request = Request::get("/x").header("ocp-apim-subscription-key", "secret");
    assert_eq!(gateway.send(&request.clone().header("connection", "Ocp-Apim-Subscription-Key")).status, 200);
    assert_eq!(gateway.send(&request).status, 200);
}
