//! `openid-config`: issuers that tell their keys themselves.

use super::*;
use std::time::Duration;
use tollgate_harness::Answer;

const METADATA: &str = "/.well-known/openid-configuration";

/// What an issuer says of itself; its keys are on the same host.
fn metadata(request: &Request) -> Value {
    let host = request.headers.get("host").expect("every request has a host");
    json!({ "issuer": "https://login.example", "jwks_uri": format!("http://{host}/keys") })
}

fn json_response(value: &Value) -> Response {
    Response::new(200).header("content-type", "application/json").body(value.to_string())
}

/// A key as an issuer lists it, by its name and with these members too.
fn listed(name: &str, more: Value) -> Value {
    let mut key = jwk(name);
    let members = key.as_object_mut().expect("a mapping");
    members.insert("kid".into(), name.into());
    members.extend(more.as_object().cloned().expect("a mapping"));
    key
}

/// An issuer with these keys.
fn issuer(keys: impl IntoIterator<Item = Value>) -> Origin {
    let keys = json!({ "keys": keys.into_iter().collect::<Vec<_>>() });
    Origin::start(move |request| match request.target.as_str() {
        METADATA => json_response(&metadata(request)),
        "/keys" => json_response(&keys),
        _ => Response::new(404),
    })
}

fn known() -> Origin {
    issuer(["rsa", "p256", "p384", "ed25519"].map(|name| listed(name, json!({}))))
}

/// A gateway that asks this issuer.
fn asking(issuer: &Origin, more: &str) -> Asking {
    let origin = hello();
    let config = format!("header-name: Authorization, openid-config: [ {{ url: '{{issuer}}{METADATA}' }} ], {more}");
    let setup = Gateway::with(&format!("workers: 4\n{}", guard(&config)));
    Asking { gateway: setup.origin(&origin).value("issuer", &issuer.url()).start(), _origin: origin }
}

struct Asking {
    gateway: Gateway,
    _origin: Origin,
}

impl Deref for Asking {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

fn targets(issuer: &Origin) -> Vec<String> {
    issuer.requests().into_iter().map(|request| request.target).collect()
}

#[test]
fn keys_are_fetched_once_and_kept_for_all_workers() {
    let issuer = known();
    let gateway = asking(&issuer, "audiences: [ orders ]");
    assert!(issuer.requests().is_empty(), "nothing is fetched before it is needed");
    assert_eq!(verdict(&gateway, &Request::get("/")), "TokenNotPresent");
    assert!(issuer.requests().is_empty(), "nothing is fetched for who has no token");
    assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
    assert_eq!(targets(&issuer), [METADATA, "/keys"]);
    assert_eq!(gateway.burst(32, || bearer(token("RS256"))), [200; 32]);
    for name in ["RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "no-kid"] {
        assert_eq!(verdict_on(&gateway, token(name)), "passed", "{name}");
    }
    assert_eq!(verdict_on(&gateway, token("other-key")), "TokenSignatureInvalid");
    assert_eq!(verdict_on(&gateway, token("HS256-by-pem")), "TokenSignatureKeyNotFound");
    assert_eq!(targets(&issuer), [METADATA, "/keys"]);
}

#[test]
fn an_unknown_key_has_no_keys_fetched_within_five_minutes() {
    let issuer = issuer([listed("rsa", json!({}))]);
    let gateway = asking(&issuer, "");
    assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
    for _ in 0..3 {
        assert_eq!(verdict_on(&gateway, token("second-key")), "TokenSignatureKeyNotFound");
    }
    assert_eq!(gateway.burst(16, || bearer(token("second-key"))), [401; 16]);
    assert_eq!(targets(&issuer), [METADATA, "/keys"], "who makes up keys causes no requests");
}

#[test]
fn a_gateway_that_is_started_anew_knows_of_a_new_key() {
    let (before, after) =
        (issuer([listed("rsa", json!({}))]), issuer(["rsa", "rsa-2"].map(|name| listed(name, json!({})))));
    for (issuer, expected) in [(before, "TokenSignatureKeyNotFound"), (after, "passed")] {
        let gateway = asking(&issuer, "");
        assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
        assert_eq!(verdict_on(&gateway, token("second-key")), expected);
    }
}

#[test]
fn an_issuer_that_does_not_tell_its_keys_is_no_reason_to_let_anybody_pass() {
    let say = |value: Value| move |_: &Request| Answer::from(json_response(&value));
    type Say = Box<dyn Fn(&Request) -> Answer + Send + Sync>;
    let sayings: Vec<(&str, Say, &str)> = vec![
        ("an error", Box::new(|_| Response::new(503).into()), "status 503"),
        ("a redirect", Box::new(|_| Response::new(302).header("location", "/elsewhere").into()), "status 302"),
        ("a page", Box::new(|_| Response::new(200).body("<html>").into()), "is no JSON"),
        ("a list", Box::new(say(json!([]))), "the metadata has no `issuer`"),
        ("no issuer", Box::new(say(json!({ "jwks_uri": "http://127.0.0.1/" }))), "the metadata has no `issuer`"),
        ("no keys", Box::new(say(json!({ "issuer": "https://login.example" }))), "the metadata has no `jwks_uri`"),
        ("half an answer", Box::new(|_| Answer::close_in_body(Response::new(200).body("{}"), 1)), "can't be had"),
        ("nothing", Box::new(|_| Answer::close()), "can't be had"),
    ];
    for (what, say, logged) in sayings {
        let issuer = Origin::start(say);
        let gateway = asking(&issuer, "");
        for _ in 0..3 {
            assert_eq!(verdict_on(&gateway, token("RS256")), "TokenSignatureKeyNotFound", "{what}");
        }
        gateway.wait_for_log(logged);
        assert_eq!(targets(&issuer), [METADATA], "{what}: it isn't asked again at once");
    }
    let keys_answer = |answer: &'static str| {
        Origin::start(move |request| match request.target.as_str() {
            METADATA => json_response(&metadata(request)),
            _ => Response::new(200).body(answer),
        })
    };
    for (answer, logged) in [("[]", "has no list `keys`"), ("{\"keys\":{}}", "has no list `keys`"), ("x", "is no JSON")]
    {
        let issuer = keys_answer(answer);
        let gateway = asking(&issuer, "");
        assert_eq!(verdict_on(&gateway, token("RS256")), "TokenSignatureKeyNotFound", "{answer}");
        gateway.wait_for_log(logged);
    }
    let nobody = Origin::refusing();
    assert_eq!(verdict_on(&asking(&nobody, ""), token("RS256")), "TokenSignatureKeyNotFound");
}

#[test]
fn an_issuer_of_too_many_keys_is_asked_once_and_fails_no_request() {
    let many = |keys: usize| {
        let padding = "x".repeat(180);
        let other = (0..keys).map(move |at| listed("rsa", json!({ "kid": format!("{at}-{padding}"), "use": "enc" })));
        issuer(other.chain(["rsa"].map(|name| listed(name, json!({})))))
    };
    // Nearly 256 KiB of keys that are of no use, and the right one behind them.
    let full = many(400);
    assert_eq!(verdict_on(&asking(&full, "audiences: [ orders ]"), token("RS256")), "passed");
    let huge = many(10_000);
    let gateway = asking(&huge, "audiences: [ orders ]");
    for _ in 0..5 {
        assert_eq!(verdict_on(&gateway, token("RS256")), "TokenSignatureKeyNotFound");
    }
    gateway.wait_for_log("longer than");
    assert_eq!(targets(&huge), [METADATA, "/keys"]);
}

#[test]
fn an_issuer_that_takes_its_time_is_waited_for() {
    let keys = json!({ "keys": [listed("rsa", json!({}))] });
    let issuer = Origin::start(move |request| {
        std::thread::sleep(Duration::from_millis(400));
        match request.target.as_str() {
            METADATA => json_response(&metadata(request)),
            _ => json_response(&keys),
        }
    });
    assert_eq!(verdict_on(&asking(&issuer, ""), token("RS256")), "passed", "the statement's deadline is 500 ms");
}

#[test]
fn keys_that_are_not_for_signatures_are_passed_over() {
    let passed = ["passed"; 2];
    let missing = ["TokenSignatureKeyNotFound", "passed"];
    for (key, expected) in [
        (
            listed("rsa", json!({ "use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5t": "x", "x5c": ["x"] })),
            passed,
        ),
        (listed("rsa", json!({ "use": "enc" })), missing),
        (listed("rsa", json!({ "key_ops": ["encrypt"] })), missing),
        (listed("rsa", json!({ "alg": "RSA-OAEP" })), missing),
        (listed("rsa", json!({ "alg": "PS256" })), missing),
        (listed("rsa", json!({ "kty": "EC", "crv": "P-256" })), missing),
        (listed("rsa", json!({ "n": encoded([0xc1; 128]) })), missing),
        (listed("rsa", json!({ "e": null })), missing),
        (json!({ "kty": "EC", "crv": "secp256k1", "kid": "rsa", "x": "AQ", "y": "AQ" }), missing),
        (json!("rsa"), missing),
        (json!({}), missing),
    ] {
        let issuer = issuer([key.clone(), listed("p256", json!({}))]);
        let gateway = asking(&issuer, "");
        let found = ["RS256", "ES256"].map(|name| verdict_on(&gateway, token(name)));
        assert_eq!(found, expected, "{key}");
    }
    // Who could read the list could sign.
    let issuer = issuer([listed("secret", json!({ "use": "sig", "alg": "HS256" })), listed("p256", json!({}))]);
    let gateway = asking(&issuer, "");
    assert_eq!(verdict_on(&gateway, token("HS256")), "TokenSignatureKeyNotFound");
    assert_eq!(verdict_on(&gateway, token("ES256")), "passed");
}

#[test]
fn the_issuer_is_the_one_whose_key_it_is_unless_others_are_named() {
    let issuer = known();
    let gateway = asking(&issuer, "");
    assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
    assert_eq!(verdict_on(&gateway, token("by-other-issuer")), "TokenIssuerNotAllowed");
    let gateway = asking(&issuer, "issuers: [ 'https://other.example' ]");
    assert_eq!(verdict_on(&gateway, token("RS256")), "TokenIssuerNotAllowed");
    assert_eq!(verdict_on(&gateway, token("by-other-issuer")), "passed");
}

#[test]
fn an_issuer_with_a_placeholder_fits_no_token() {
    let keys = json!({ "keys": [listed("rsa", json!({}))] });
    let issuer = Origin::start(move |request| {
        let mut metadata = metadata(request);
        metadata["issuer"] = "https://login.example/{tenantid}".into();
        json_response(if request.target == METADATA { &metadata } else { &keys })
    });
    assert_eq!(verdict_on(&asking(&issuer, ""), token("RS256")), "TokenIssuerNotAllowed");
    assert_eq!(verdict_on(&asking(&issuer, "issuers: [ 'https://login.example' ]"), token("RS256")), "passed");
}

#[test]
fn one_issuer_that_is_away_does_not_stop_the_tokens_of_another_or_of_a_fixed_key() {
    let (here, away, origin) = (issuer([listed("rsa", json!({}))]), Origin::refusing(), hello());
    let config = format!(
        "header-name: Authorization, openid-config: [ {{ url: '{{away}}/' }}, {{ url: '{{here}}{METADATA}' }} ], \
         issuer-signing-keys: [ {} ]",
        key("secret")
    );
    let setup = Gateway::with(&guard(&config)).origin(&origin);
    let gateway = setup.value("away", &away.url()).value("here", &here.url()).start();
    for (name, expected) in [
        ("RS256", "passed"),
        ("HS256", "passed"),
        ("by-other-issuer", "TokenIssuerNotAllowed"),
        ("by-other", "passed"),
        ("ES256", "TokenSignatureKeyNotFound"),
    ] {
        assert_eq!(verdict_on(&gateway, token(name)), expected, "{name}");
    }
}

#[test]
fn unsigned_tokens_never_pass_where_an_issuer_is_named() {
    let issuer = known();
    let gateway = asking(&issuer, "require-signed-tokens: false");
    let unsigned = claiming(&json!({ "iss": "https://login.example" }));
    assert_eq!(verdict_on(&gateway, &unsigned), "TokenSignatureInvalid");
    assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
}

#[test]
fn keys_elsewhere_are_fetched_only_if_egress_says_so() {
    let keys = issuer([listed("rsa", json!({}))]);
    let elsewhere = format!("{}/keys", keys.url());
    let names =
        Origin::start(move |_| json_response(&json!({ "issuer": "https://login.example", "jwks_uri": elsewhere })));
    let config = format!("header-name: Authorization, openid-config: [ {{ url: '{{issuer}}{METADATA}' }} ]");
    for (egress, expected) in [("", "TokenSignatureKeyNotFound"), ("egress: [ '{keys}' ]\n", "passed")] {
        let origin = hello();
        let setup = Gateway::with(&format!("{egress}{}", guard(&config))).origin(&origin);
        let gateway = setup.value("issuer", &names.url()).value("keys", &keys.url()).start();
        assert_eq!(verdict_on(&gateway, token("RS256")), expected, "{egress}");
    }
    assert_eq!(targets(&keys), ["/keys"]);
}
