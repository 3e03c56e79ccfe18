//! The documents of `examples/situations`, each as it is written there: what their pages promise.

use std::path::Path;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use tollgate_harness::{Gateway, Origin, PATIENCE, Request, Response};

/// The gateway of a situation, between these two origins.
#[track_caller]
fn situation(name: &str, origin: &Origin, second: &Origin) -> Gateway {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/situations").join(name).join("tollgate.yaml");
    let yaml = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let port = |origin: &Origin| origin.address().port().to_string();
    Gateway::with(&yaml).env("ORIGIN_PORT", &port(origin)).env("SECOND_PORT", &port(second)).start()
}

/// An origin that says who it is.
fn named(name: &'static str) -> Origin {
    Origin::start(move |_| Response::new(200).header("content-type", "text/plain").body(name))
}

fn targets(origin: &Origin) -> Vec<String> {
    origin.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}

/// An issuer whose tokens are numbered from 1: `token-1`, …
fn issuer() -> Origin {
    let count = AtomicUsize::new(0);
    Origin::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(r#"{{"access_token":"token-{number}","token_type":"Bearer","expires_in":3600}}"#);
        Response::new(200).header("content-type", "application/json").body(body)
    })
}

#[test]
fn a_token_is_fetched_once_and_sent_along() {
    let (origin, issuer) = (named("orders"), issuer());
    let gateway = situation("token-exchange", &origin, &issuer);
    assert_eq!(gateway.get("/orders/7").text(), "orders");
    let asked = issuer.only_request();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token"));
    assert_eq!(asked.text(), "grant_type=client_credentials&scope=orders");
    assert_eq!(asked.headers.all("authorization"), ["Basic dG9sbGdhdGU6czNjcmV0"]);
    assert_eq!(asked.headers.all("content-type"), ["application/x-www-form-urlencoded"]);

    // Others may see a stored value a moment later, so a few requests may fetch tokens of their own.
    let start = std::time::Instant::now();
    loop {
        let fetched = issuer.requests().len();
        assert_eq!(gateway.send(&Request::get("/orders/8").header("authorization", "Bearer mine")).status, 200);
        if issuer.requests().len() == fetched {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the token is never kept");
    }
    for request in origin.requests() {
        let lines = request.headers.all("authorization");
        assert!(lines.len() == 1 && lines[0].starts_with("Bearer token-"), "{request:?}");
    }
}

#[test]
fn a_token_that_the_origin_refuses_is_fetched_anew() {
    let issuer = issuer();
    let refuses = AtomicUsize::new(1);
    let origin = Origin::start(move |_| {
        let refused = refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        Response::new(if refused { 401 } else { 200 })
    });
    let gateway = situation("token-exchange", &origin, &issuer);
    assert_eq!(gateway.get("/orders/7").status, 401);
    let start = std::time::Instant::now();
    while issuer.requests().len() < 2 {
        assert_eq!(gateway.get("/orders/7").status, 200);
        assert!(start.elapsed() < PATIENCE, "the refused token is used for ever");
    }
}

#[test]
fn an_issuer_that_fails_is_not_shown_to_clients() {
    let origin = named("orders");
    let issuer = Origin::start(|_| Response::new(403).body("client tollgate is locked"));
    let response = situation("token-exchange", &origin, &issuer).get("/orders/7");
    assert_eq!((response.status, response.text()), (502, "The service can't be reached right now."));
    let response = situation("token-exchange", &origin, &Origin::refusing()).get("/orders/7");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("Internal server error."), "{response:?}");
    assert!(origin.requests().is_empty());
}

/// The same header, issuer, audience and end for all; signed with the secret of the document.
const GOLD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJhdWQiOiJvcmRlcnMiLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6ImFjbWUiLCJ0aWVyIjoiZ29sZCJ9.R_LcmnL_hlYj1mKZ7vdB6kiw8lyNF2T_aKHH3vZcPZA";
const SILVER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJhdWQiOiJvcmRlcnMiLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6InpldGEiLCJ0aWVyIjoic2lsdmVyIn0.asD7mzKfIqWS6O3RAXJ4SXEvS4oXo1YuPPW9LgTVdHk";
const OTHER_SILVER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJhdWQiOiJvcmRlcnMiLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6ImJldGEiLCJ0aWVyIjoic2lsdmVyIn0.LWvMjhQ6IgOOyEXMAOTR3p25GCxHlRCvU6Z9D7oLwMo";
const BRONZE: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJhdWQiOiJvcmRlcnMiLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6Im9kZCIsInRpZXIiOiJicm9uemUifQ.pRzib8YkQH77inp2hduimFD48ZWE6_4eXiTH_rBzSlM";

#[test]
fn each_caller_has_the_rate_of_its_tier() {
    let origin = named("orders");
    let gateway = situation("jwt-rate-limits", &origin, &Origin::refusing());
    let call =
        |token: &str| gateway.send(&Request::get("/orders/7").header("authorization", format!("Bearer {token}")));
    let first = call(SILVER);
    assert_eq!((first.status, first.headers.get("x-calls-left")), (200, Some("1")));
    assert_eq!(call(SILVER).status, 200);
    let third = call(SILVER);
    assert_eq!(third.status, 429);
    assert!(third.headers.has("retry-after"), "{third:?}");
    assert_eq!(call(OTHER_SILVER).headers.get("x-calls-left"), Some("1"));
    assert_eq!((0..6).map(|_| call(GOLD).status).collect::<Vec<_>>(), [200, 200, 200, 200, 200, 429]);
    let seen = origin.requests();
    assert_eq!((seen[0].target.as_str(), seen[0].headers.get("x-caller")), ("/7", Some("zeta")));
    assert!(seen.iter().all(|request| !request.headers.has("authorization")));
}

#[test]
fn callers_without_a_good_token_are_turned_away() {
    let origin = named("orders");
    let gateway = situation("jwt-rate-limits", &origin, &Origin::refusing());
    assert_eq!(gateway.get("/orders/7").status, 401);
    let forged = format!("{}AAAA", &GOLD[..GOLD.len() - 4]);
    for token in [BRONZE, &forged, "nonsense"] {
        let request = Request::get("/orders/7").header("authorization", format!("Bearer {token}"));
        assert_eq!(gateway.send(&request).status, 401, "{token}");
    }
    assert_eq!(
        gateway.send(&Request::get("/orders/7").header("authorization", GOLD)).status,
        401,
        "without its scheme"
    );
    assert!(origin.requests().is_empty());
}

#[test]
fn callers_who_ask_for_the_next_version_get_it() {
    let (current, next) = (named("current"), named("next"));
    let gateway = situation("a-b-by-header", &current, &next);
    let call = |variant: Option<&str>| {
        let request = Request::get("/shop/cart?x=1");
        gateway.send(&variant.into_iter().fold(request, |request, variant| request.header("x-variant", variant)))
    };
    for (variant, body, served_by) in
        [(None, "current", "a"), (Some("b"), "next", "b"), (Some("a"), "current", "a"), (Some("c"), "current", "a")]
    {
        let response = call(variant);
        assert_eq!((response.text(), response.headers.get("x-served-by")), (body, Some(served_by)), "{variant:?}");
        assert_eq!(response.headers.all("vary"), ["X-Variant"]);
    }
    assert_eq!(targets(&current), ["GET /cart?x=1"; 3]);
    assert_eq!(targets(&next), ["GET /next/cart?x=1"]);
    assert!(current.requests().iter().chain(&next.requests()).all(|request| !request.headers.has("x-variant")));
    let metrics = gateway.metrics();
    let count = |variant: &str| metrics.sum("tollgate_policy_shop_requests_total", &[("variant", variant)]);
    assert_eq!((count("a"), count("b")), (3.0, 1.0));
}

#[test]
fn a_service_that_speaks_xml_is_shown_as_json() {
    let origin = Origin::start(|request: &Request| {
        let body = match request.method.as_str() {
            "GET" => r#"<item sku="4711"><name>Bolt</name><left>12</left></item>"#,
            _ => "<booked><number>17</number></booked>",
        };
        Response::new(200).header("content-type", "text/xml; charset=utf-8").body(body)
    });
    let gateway = situation("xml-as-json", &origin, &Origin::refusing());
    let request =
        Request::get("/stock/items/4711").header("accept", "application/json").header("accept-encoding", "gzip");
    let response = gateway.send(&request);
    assert_eq!((response.status, response.headers.get("content-type")), (200, Some("application/json")));
    assert_eq!(response.text(), r#"{"item":{"sku":"4711","name":"Bolt","left":"12"}}"#);

    let booking = Request::post("/stock/bookings", r#"{"booking":{"sku":"4711","count":2}}"#);
    let response = gateway.send(&booking.header("content-type", "application/json"));
    assert_eq!((response.status, response.text()), (201, r#"{"booked":{"number":"17"}}"#));

    let seen = origin.requests();
    assert_eq!(targets(&origin), ["GET /StockService/items/4711", "POST /StockService/Service.asmx"]);
    assert_eq!(seen[0].headers.all("accept"), ["application/xml"]);
    assert!(!seen[0].headers.has("accept-encoding"));
    assert_eq!(seen[1].headers.all("soapaction"), ["urn:stock:book"]);
    assert_eq!(seen[1].text(), "<booking><sku>4711</sku><count>2</count></booking>");
}

#[test]
fn what_the_xml_service_can_not_do_does_not_reach_it() {
    let origin = named("stock");
    let gateway = situation("xml-as-json", &origin, &Origin::refusing());
    let broken = Request::post("/stock/bookings", "{\"booking\":").header("content-type", "application/json");
    assert_eq!(gateway.send(&broken).status, 400);
    assert_eq!(gateway.send(&Request::new("DELETE", "/stock/items/4711")).status, 404);
    assert!(origin.requests().is_empty());
}

#[test]
fn each_user_has_responses_of_its_own() {
    let count = AtomicUsize::new(0);
    let origin = Origin::start(move |request: &Request| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        Response::new(200).body(format!("report {number} for {}", request.headers.get("x-user").unwrap_or("nobody")))
    });
    let gateway = situation("cache-per-user", &origin, &Origin::refusing());
    let ask = |user: &str, query: &str| {
        gateway.send(&Request::get(&format!("/reports/sales?{query}")).header("x-user", user))
    };
    let first = ask("ada", "month=5");
    assert_eq!(first.text(), "report 1 for ada");
    assert_eq!(first.headers.all("cache-control"), ["private, max-age=60, must-revalidate"]);
    let again = ask("ada", "month=5&nocache=1");
    assert_eq!((again.text(), again.headers.has("age")), ("report 1 for ada", true));
    assert_eq!(again.headers.all("x-cache-for"), ["ada"]);
    assert_eq!(ask("bob", "month=5").text(), "report 2 for bob");
    assert_eq!(ask("ada", "month=6").text(), "report 3 for ada");
    assert_eq!(ask("bob", "month=5").text(), "report 2 for bob");
    let nobody = gateway.get("/reports/sales?month=5");
    assert_eq!(nobody.status, 401);
    assert!(nobody.text().contains("Who are you?"), "{nobody:?}");
    assert_eq!(origin.requests().len(), 3);
}

#[test]
fn the_second_origin_is_asked_when_the_first_one_fails() {
    static FIRST: AtomicU16 = AtomicU16::new(200);
    static SECOND: AtomicU16 = AtomicU16::new(200);
    let first = Origin::start(|_| Response::new(FIRST.load(Ordering::SeqCst)).body("first"));
    let second = Origin::start(|_| Response::new(SECOND.load(Ordering::SeqCst)).body("second"));
    let gateway = situation("second-origin", &first, &second);
    let ask = |request: Request| {
        let response = gateway.send(&request);
        (response.status, response.text().to_owned(), response.headers.get("x-tries").map(str::to_owned))
    };
    let said = |status: u16, body: &str, tries: &str| (status, body.to_owned(), Some(tries.to_owned()));

    assert_eq!(ask(Request::get("/prices/4711")), said(200, "first", "1"));
    assert!(second.requests().is_empty());

    FIRST.store(503, Ordering::SeqCst);
    assert_eq!(ask(Request::get("/prices/4711?x=1")), said(200, "second", "2"));
    gateway.wait_for_log("the first origin failed, the second said 200");
    assert_eq!(ask(Request::new("PUT", "/prices/4711").body("{\"price\":5}")), said(200, "second", "2"));
    assert_eq!(targets(&second), ["GET /4711?x=1", "PUT /4711"]);
    assert_eq!(second.requests()[1].text(), "{\"price\":5}");
    assert_eq!(first.requests().last().map(|request| request.text().to_owned()).as_deref(), Some("{\"price\":5}"));

    assert_eq!(ask(Request::post("/prices", "{}")), said(503, "first", "1"));
    SECOND.store(503, Ordering::SeqCst);
    assert_eq!(ask(Request::get("/prices/4711")), said(503, "second", "2"));
    assert_eq!((first.requests().len(), second.requests().len()), (5, 3));
}

#[test]
fn a_browser_app_may_call_and_others_may_not() {
    let origin = Origin::start(|_| Response::new(200).header("x-total-count", "2").body("[]"));
    let gateway = situation("cors-for-a-browser-app", &origin, &Origin::refusing());
    let preflight = Request::new("OPTIONS", "/notes/7")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "DELETE");
    let response = gateway.send(&preflight);
    assert!((200..300).contains(&response.status), "{response:?}");
    assert_eq!(response.headers.all("access-control-allow-origin"), ["https://app.example"]);
    assert!(response.headers.get("access-control-allow-methods").is_some_and(|methods| methods.contains("DELETE")));
    assert_eq!(response.headers.all("access-control-max-age"), ["600"]);
    assert!(origin.requests().is_empty());

    let call = |page: &str| {
        gateway.send(&Request::get("/notes/").header("origin", page).header("ocp-apim-subscription-key", "app-key-1"))
    };
    let response = call("https://app.example");
    assert_eq!((response.status, response.text()), (200, "[]"));
    assert_eq!(response.headers.all("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(response.headers.all("access-control-allow-credentials"), ["true"]);
    assert_eq!(response.headers.all("access-control-expose-headers").join(",").to_lowercase(), "x-total-count");
    assert!(!call("https://evil.example").headers.has("access-control-allow-origin"));
}

#[test]
fn no_inner_address_leaves_the_gateway() {
    let second = named("images");
    let images = second.url();
    let origin = Origin::start(move |request: &Request| {
        // The origin's own address is where it was asked.
        let own = request.headers.get("host").unwrap_or_default();
        let response = Response::new(200)
            .header("content-type", "application/json")
            .header("server", "Kestrel")
            .header("x-powered-by", "PHP")
            .header("x-backend-host", own);
        match request.method.as_str() {
            "GET" => response.body(format!(r#"{{"self":"http://{own}/items/7","image":"{images}/7.png"}}"#)),
            _ => Response { status: 201, ..response.header("location", format!("http://{own}/items/8")) },
        }
    });
    let gateway = situation("mask-internal-urls", &origin, &second);
    let host = "api.example";
    let item = gateway.send(&Request::get("/catalog/items/7").header("host", host));
    let masked = r#"{"self":"http://api.example/catalog/items/7","image":"https://images.example/7.png"}"#;
    assert_eq!((item.status, item.text()), (200, masked));
    let added = gateway.send(&Request::post("/catalog/items", "{}").header("host", host));
    assert_eq!(added.status, 201);
    assert_eq!(added.headers.all("location"), ["http://api.example/catalog/items/8"]);
    for response in [item, added] {
        assert_eq!(response.headers.all("server"), ["catalog"]);
        assert!(!response.headers.has("x-powered-by") && !response.headers.has("x-backend-host"), "{response:?}");
    }
}

#[test]
fn an_origin_that_is_gone_is_not_named_either() {
    let origin = Origin::refusing();
    let response = situation("mask-internal-urls", &origin, &Origin::refusing()).get("/catalog/items/7");
    assert_eq!((response.status, response.headers.all("server")), (502, vec!["catalog"]));
    assert!(!response.text().contains("127.0.0.1"), "{response:?}");
}
