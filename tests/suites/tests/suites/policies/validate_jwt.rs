//! `validate-jwt`: a token that somebody signed.
//!
//! `keys.json` has public keys as a JWK set writes them, and a secret; their private halves are gone. `tokens.txt` has
//! what they signed, by names that tell what is peculiar. Unless it is that, a token is from `https://login.example` for
//! `orders`, ends in 2100, and names its key.

mod claims;
mod issuers;
mod signatures;

use super::*;
use serde_json::json;

/// RFC 7515 appendix A.1, whose token expired in 2011.
const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                     dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The token of this name.
#[track_caller]
fn token(name: &str) -> &'static str {
    let mut lines = include_str!("validate_jwt/tokens.txt").lines().filter_map(|line| line.split_once(' '));
    lines.find_map(|(found, token)| (found == name).then_some(token)).unwrap_or_else(|| panic!("no token `{name}`"))
}

/// The key of this name as a JWK.
#[track_caller]
fn jwk(name: &str) -> Value {
    let keys: Value = serde_json::from_str(include_str!("validate_jwt/keys.json")).expect("JSON");
    keys.get(name).cloned().unwrap_or_else(|| panic!("no key `{name}`"))
}

/// The same as `issuer-signing-keys` takes it, with these members too.
fn key_with(name: &str, more: Value) -> Value {
    let members = |value: Value| value.as_object().cloned().expect("a mapping");
    let renamed = |(name, value): (String, Value)| (if name == "k" { "key".into() } else { name }, value);
    let key = members(jwk(name)).into_iter().filter(|(name, _)| name != "kty").map(renamed);
    Value::from_iter(key.chain(members(more)))
}

fn key(name: &str) -> Value {
    key_with(name, json!({}))
}

/// Keeps signed tokens: those in `Authorization` that this key has signed.
fn signed_by(key: &Value, more: &str) -> String {
    format!("header-name: Authorization, issuer-signing-keys: [ {key} ], {more}")
}

/// Keeps tokens that nobody has signed, which the tests make up as they like.
fn unsigned_too(more: &str) -> String {
    format!("header-name: Authorization, require-signed-tokens: false, {more}")
}

/// A statement that keeps everybody out who has no good token, and tells why in `x-reason`.
fn guard(config: &str) -> String {
    open_api(&format!(
        "inbound: [ {{ validate-jwt: {{ {config} }} }} ]\n\
         on-error: [ {{ set-header: {{ name: x-reason, value: \"${{last_error.reason}}\" }} }} ]"
    ))
}

fn guarded(config: &str) -> Served<Origin> {
    serve(&guard(config), hello())
}

fn bearer(token: &str) -> Request {
    Request::get("/").header("authorization", format!("Bearer {token}"))
}

/// `passed`, or why not.
#[track_caller]
fn verdict(gateway: &Gateway, request: &Request) -> String {
    let response = gateway.send(request);
    match response.headers.get("x-reason") {
        Some(reason) => reason.to_owned(),
        None => {
            assert_eq!((response.status, response.text()), (200, "hello"), "{request:?}");
            "passed".to_owned()
        }
    }
}

#[track_caller]
fn verdict_on(gateway: &Gateway, token: &str) -> String {
    verdict(gateway, &bearer(token))
}

/// Base64url without padding.
fn encoded(bytes: impl AsRef<[u8]>) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = |chunk: &[u8]| {
        let bits = chunk.iter().enumerate().fold(0, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
        (0..=chunk.len()).map(|index| LETTERS[(bits >> (18 - 6 * index)) as usize & 63] as char).collect::<String>()
    };
    bytes.as_ref().chunks(3).map(letters).collect()
}

/// A token without a signature that claims this and never ends.
fn claiming(claims: &Value) -> String {
    let mut claims = claims.clone();
    claims.as_object_mut().expect("a mapping").entry("exp").or_insert(json!(4_102_444_800_u64));
    format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded(claims.to_string()))
}

/// The answer to a token, and the reason in the log.
#[track_caller]
fn answered(more: &str, authorization: Option<&str>) -> (u16, String) {
    let sections = format!(
        "inbound: [ {{ validate-jwt: {{ header-name: Authorization, require-scheme: Bearer, \
         issuer-signing-keys: [ {{ key: {KEY} }} ]{more} }} }} ]"
    );
    let gateway = serve(&open_api(&sections), hello());
    let request = Request::get("/");
    let response = gateway.send(&match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    });
    let (source, reason) = logged_error(&gateway, 1);
    assert_eq!(source, "validate-jwt");
    (response.status, reason)
}

#[test]
fn each_refusal_has_its_reason() {
    let tampered = TOKEN.replace("dBjft", "dBjfs");
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.";
    for (token, reason) in [
        (None, "TokenNotPresent"),
        (Some(format!("Bearer {TOKEN}")), "TokenExpired"),
        (Some(format!("Bearer {tampered}")), "TokenSignatureInvalid"),
        (Some("Bearer no.token".to_owned()), "JwtInvalid"),
        (Some(format!("Bearer {unsigned}")), "TokenSignatureInvalid"),
    ] {
        assert_eq!(answered("", token.as_deref()), (401, reason.to_owned()), "{token:?}");
    }
}

#[test]
fn authorization_may_have_a_scheme_and_other_headers_hold_the_token_alone() {
    let good = token("HS256");
    for (name, value, expected) in [
        ("Authorization", format!("Bearer {good}"), "passed"),
        ("authorization", format!("JWT   {good} "), "passed"),
        ("Authorization", good.to_owned(), "passed"),
        ("Authorization", "Bearer ".to_owned(), "JwtInvalid"),
        ("Authorization", String::new(), "TokenNotPresent"),
        ("X-Token", good.to_owned(), "passed"),
        ("X-Token", format!("Bearer {good}"), "JwtInvalid"),
        ("X-Token", String::new(), "TokenNotPresent"),
        ("X-Other", good.to_owned(), "TokenNotPresent"),
    ] {
        let asked = if name == "X-Other" { "X-Token" } else { name };
        let gateway = guarded(&format!("header-name: {asked}, issuer-signing-keys: [ {} ]", key("secret")));
        assert_eq!(verdict(&gateway, &Request::get("/").header(name, &value)), expected, "{name}: {value}");
    }
}

#[test]
fn a_required_scheme_has_to_stand_before_the_token() {
    let gateway = guarded(&signed_by(&key("secret"), "require-scheme: Bearer"));
    let good = token("HS256");
    for (value, expected) in [
        (format!("Bearer {good}"), "passed"),
        (format!("bEARER  {good}"), "passed"),
        (good.to_owned(), "TokenNotPresent"),
        (format!("Basic {good}"), "TokenNotPresent"),
        (format!("Bearer{good}"), "TokenNotPresent"),
        ("Bearer".to_owned(), "TokenNotPresent"),
    ] {
        let request = Request::get("/").header("authorization", &value);
        assert_eq!(verdict(&gateway, &request), expected, "{value}");
    }
}

#[test]
fn a_query_parameter_or_an_expression_may_hold_the_token() {
    let (good, keys) = (token("HS256"), key("secret"));
    let gateway = guarded(&format!("query-parameter-name: t, issuer-signing-keys: [ {keys} ]"));
    for (target, expected) in [
        (format!("/?a=1&t={good}"), "passed"),
        (format!("/?t={}", good.replace('.', "%2E")), "passed"),
        (format!("/?t=Bearer%20{good}"), "JwtInvalid"),
        (format!("/?T={good}"), "TokenNotPresent"),
        ("/?t=".to_owned(), "TokenNotPresent"),
    ] {
        assert_eq!(verdict(&gateway, &Request::get(&target)), expected, "{target}");
    }
    let value = "token-value: \"${coalesce(regex.find(request.headers['cookie'], 'eyJ[^;]*'), '')}\"";
    let gateway = guarded(&format!("{value}, issuer-signing-keys: [ {keys} ]"));
    let cookie = |value: &str| Request::get("/").header("cookie", value);
    assert_eq!(verdict(&gateway, &cookie(&format!("a=1; jwt={good}; b=2"))), "passed");
    assert_eq!(verdict(&gateway, &cookie("a=1")), "TokenNotPresent");
    for place in ["header-name: \"${request.query['in']}\"", "query-parameter-name: \"${request.query['in']}\""] {
        let gateway = guarded(&format!("{place}, issuer-signing-keys: [ {keys} ]"));
        let request = Request::get(&format!("/?in=token&token={good}")).header("token", good);
        assert_eq!(verdict(&gateway, &request), "passed", "{place}");
        let request = Request::get(&format!("/?in=other&token={good}")).header("token", good);
        assert_eq!(verdict(&gateway, &request), "TokenNotPresent", "{place}");
    }
}

#[test]
fn of_two_tokens_neither_is_taken() {
    let (good, keys) = (token("HS256"), key("secret"));
    let gateway = guarded(&signed_by(&keys, ""));
    for other in [good, token("HS384"), "nonsense", ""] {
        let request = bearer(good).header("Authorization", format!("Bearer {other}"));
        assert_eq!(verdict(&gateway, &request), "JwtInvalid", "{other}");
    }
    let gateway = guarded(&format!("query-parameter-name: t, issuer-signing-keys: [ {keys} ]"));
    for target in [format!("/?t={good}&t={good}"), format!("/?t={good}&%74=x"), format!("/?t=&t={good}")] {
        assert_eq!(verdict(&gateway, &Request::get(&target)), "JwtInvalid", "{target}");
    }
}

#[test]
fn the_operator_chooses_the_status_and_the_message() {
    let config = "failed-validation-httpcode: 403, failed-validation-error-message: Sign in first.";
    let gateway = guarded(&signed_by(&key("secret"), config));
    for request in [Request::get("/"), bearer("x"), bearer(token("expired")), bearer(token("RS256"))] {
        assert_error(&gateway.send(&request), 403, "Sign in first.");
    }
    let config = "failed-validation-httpcode: \"${int(request.query['code'])}\", \
                  failed-validation-error-message: \"Not ${request.path}.\"";
    let gateway = guarded(&signed_by(&key("secret"), config));
    assert_error(&gateway.get("/orders?code=599"), 599, "Not /orders.");
    for code in ["200", "399", "600"] {
        let response = gateway.get(&format!("/orders?code={code}"));
        assert_error(&response, 500, "Internal server error.");
        assert_eq!(response.headers.get("x-reason"), Some("ExpressionValueEvaluationFailure"));
    }
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn without_a_message_of_the_operators_the_client_is_told_what_is_wrong() {
    let more = "audiences: [ orders ], issuers: [ 'https://login.example' ], \
                required-claims: [ { name: sub, values: [ ada ] } ]";
    let gateway = guarded(&signed_by(&key("secret"), more));
    assert_error(&gateway.get("/"), 401, "JWT not present.");
    for (token, message) in [
        ("x.y", "Invalid JWT."),
        (token("RS256"), "The key of the token's signature is not known. Access denied."),
        (
            &format!("{}AAAA", &token("HS256")[..token("HS256").len() - 4]),
            "The token's signature is not valid. Access denied.",
        ),
        (token("expired"), "The token has expired. Access denied."),
        (token("no-end"), "The token has no expiration time. Access denied."),
        (token("not-yet"), "The token is not valid yet. Access denied."),
        (token("by-other"), "The token's issuer is not allowed. Access denied."),
        (token("for-invoices"), "The token's audience is not allowed. Access denied."),
        (token("by-bob"), "Claim sub value of bob is not allowed. Access denied."),
        (token("without-sub"), "JWT token is missing the following claims: sub. Access denied."),
    ] {
        assert_error(&gateway.send(&bearer(token)), 401, message);
    }
    assert_eq!(gateway.send(&bearer(token("HS256"))).status, 200);
}

#[test]
fn the_log_tells_the_operator_more_than_the_client() {
    let origin = hello();
    let yaml = guard(&signed_by(&key("secret"), ""));
    let gateway = Gateway::with(&yaml).origin(&origin).env("TOLLGATE_LOG", "debug").start();
    assert_error(&gateway.send(&bearer("a.b")), 401, "Invalid JWT.");
    gateway.wait_for_log("the token doesn't have three parts");
}

#[test]
fn anything_but_three_parts_of_base64url_around_json_is_refused() {
    let gateway = guarded(&unsigned_too("require-expiration-time: false"));
    let token = |header: &str, claims: &str| format!("{}.{}.", encoded(header), encoded(claims));
    let (none, empty) = (r#"{"alg":"none"}"#, "{}");
    assert_eq!(verdict_on(&gateway, &token(none, empty)), "passed");
    let good = token(none, empty);
    for bad in [
        "a.b".to_owned(),
        good.trim_end_matches('.').to_owned(),
        format!("{good}."),
        format!("{good}.."),
        format!("{good}="),
        format!("{good}a b"),
        good.replace("e30.", "e30=."),
        // The same bytes, but bits are set that nobody reads.
        good.replace("e30.", "e31."),
        good.replace("e30.", "e3+."),
        token("none", empty),
        token("[]", empty),
        token("{}", empty),
        token(r#"{"alg":5}"#, empty),
        token(r#"{"alg":null}"#, empty),
        token(r#"{"alg":"none","kid":5}"#, empty),
        token(none, ""),
        token(none, "[]"),
        token(none, "{} {}"),
        token(none, r#"{"a":1,"a":1}"#),
        token(none, r#"{"exp":4102444800,"\u0065xp":4102444800}"#),
        token(r#"{"alg":"none","alg":"none"}"#, empty),
        token(r#"{"alg":"none","crit":[]}"#, empty),
        token(r#"{"alg":"none","crit":["exp"],"exp":1}"#, empty),
        token(r#"{"alg":"none","zip":"DEF"}"#, empty),
        token(r#"{"alg":"none","enc":"A128GCM"}"#, empty),
        format!("{}.{}.", encoded(none), encoded(b"{\"a\":\"\xff\"}")),
    ] {
        assert_eq!(verdict_on(&gateway, &bad), "JwtInvalid", "{bad}");
    }
    assert_eq!(verdict(&gateway, &Request::get("/").header("authorization", b"Bearer \xff.\xff.")), "JwtInvalid");
}

#[test]
fn a_token_has_at_most_16_kibibytes() {
    let gateway = guarded(&unsigned_too("require-expiration-time: false"));
    let (header, payload) = (encoded(r#"{"alg":"none"}"#), 12_272);
    let sized = |bytes: usize| format!("{header}.{}.", encoded(format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8))));
    let lengths = [payload, payload + 1].map(|bytes| sized(bytes).len());
    assert_eq!(lengths, [16 * 1024, 16 * 1024 + 1]);
    assert_eq!(verdict_on(&gateway, &sized(payload)), "passed");
    assert_eq!(verdict_on(&gateway, &sized(payload + 1)), "JwtInvalid");
}

#[test]
fn later_statements_get_the_token() {
    let say = "{ return-response: { body: \"${toJson(variables.jwt)}\" } }";
    let jwt = format!("validate-jwt: {{ {} }}", unsigned_too("output-token-variable-name: jwt"));
    let gateway = serve(&open_api(&format!("inbound: [ {{ {jwt} }}, {say} ]")), hello());
    let full = json!({
        "iss": "https://login.example", "sub": "ada", "aud": ["orders", "invoices"], "exp": 4_102_444_800_u64,
        "nbf": 1_000_000_000, "iat": 1_000_000_001, "jti": "7", "roles": { "a": [1, null] },
    });
    let header = encoded(r#"{"alg":"none","typ":"JWT"}"#);
    let said = gateway.send(&bearer(&format!("{header}.{}.", encoded(full.to_string())))).json();
    let expected = json!({
        "algorithm": "none", "audiences": ["orders", "invoices"], "claims": full, "expiration_time": 4_102_444_800_u64,
        "id": "7", "issued_at": 1_000_000_001, "issuer": "https://login.example", "not_before": 1_000_000_000,
        "subject": "ada", "type": "JWT",
    });
    assert_eq!(said, expected);
    let said = gateway.send(&bearer(&claiming(&json!({ "aud": "orders" })))).json();
    let expected = json!({
        "algorithm": "none", "audiences": ["orders"], "claims": { "aud": "orders", "exp": 4_102_444_800_u64 },
        "expiration_time": 4_102_444_800_u64, "id": null, "issued_at": null, "issuer": null, "not_before": null,
        "subject": null, "type": null,
    });
    assert_eq!(said, expected);
}

#[test]
fn a_refused_token_is_in_no_variable() {
    let jwt = format!("validate-jwt: {{ {} }}", signed_by(&key("secret"), "output-token-variable-name: jwt"));
    let say = "set-header: { name: x-variable, value: \"${variables.jwt == null ? 'none' : 'some'}\" }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ {jwt} }} ]\non-error: [ {{ {say} }} ]")), hello());
    for refused in ["expired", "RS256"] {
        let response = gateway.send(&bearer(token(refused)));
        assert_eq!((response.status, response.headers.get("x-variable")), (401, Some("none")), "{refused}");
    }
}

#[test]
fn an_expression_that_fails_lets_nobody_pass() {
    let bad = "\"${json(request.path)}\"";
    let (good, keys) = (token("HS256"), key("secret"));
    let with_keys = |more: &str| format!("issuer-signing-keys: [ {keys} ], {more}");
    let from_header = |more: &str| format!("header-name: Authorization, {more}");
    for (config, request) in [
        (with_keys(&format!("header-name: {bad}")), bearer(good)),
        (with_keys(&format!("query-parameter-name: {bad}")), bearer(good)),
        (with_keys(&format!("token-value: {bad}")), bearer(good)),
        (signed_by(&keys, &format!("audiences: [ {bad}, orders ]")), bearer(good)),
        (signed_by(&keys, &format!("failed-validation-httpcode: {bad}")), Request::get("/")),
        (signed_by(&keys, &format!("failed-validation-error-message: {bad}")), Request::get("/")),
        (from_header(&format!("issuer-signing-keys: [ {keys}, {{ key: {bad} }} ]")), bearer(good)),
        (from_header("issuer-signing-keys: [ { key: \"${request.headers['x-none']}\" } ]"), bearer(good)),
        (from_header("issuer-signing-keys: [ { key: \"${'no base64!'}\" } ]"), bearer(good)),
    ] {
        // Not even if the statement's own failures are forgiven.
        let yaml = guard(&config).replace("} } ]\n", "}, on-failure: open } ]\n");
        let gateway = serve(&yaml, hello());
        let response = gateway.send(&request);
        assert_error(&response, 500, "Internal server error.");
        assert_eq!(response.headers.get("x-reason"), Some("ExpressionValueEvaluationFailure"), "{config}");
        assert!(gateway.origin.requests().is_empty(), "{config}");
    }
}

#[test]
fn it_stands_in_every_scope() {
    let (good, statement) =
        (token("HS256"), format!("[ {{ validate-jwt: {{ {} }} }} ]", signed_by(&key("secret"), "")));
    let global = format!("policies: {{ inbound: {statement} }}\n{}", open_api("outbound: []"));
    let operation = format!("[ {{ id: get, method: GET, url: /, policies: {{ inbound: {statement} }} }} ]");
    for yaml in [global, api_with_operations("inbound: []", &operation)] {
        let gateway = serve(&yaml, hello());
        assert_eq!((gateway.send(&bearer(good)).status, gateway.get("/").status), (200, 401), "{yaml}");
    }
    let gateway = serve(&keyed_api("inbound: [ base ]", &format!("inbound: {statement}")), hello());
    let keyed = with_key("acme-1");
    assert_eq!(gateway.send(&keyed.clone().header("authorization", good)).status, 200);
    assert_eq!(gateway.send(&keyed).status, 401);
}

#[test]
fn a_401_tells_how_to_show_a_token() {
    let challenge = |config: &str, authorization: Option<&str>| {
        let gateway = guarded(&signed_by(&key("secret"), config));
        let request = Request::get("/");
        let response = gateway.send(&match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        });
        (response.status, response.headers.all("www-authenticate").join("; "))
    };
    assert_eq!(challenge("clock-skew: 0", None), (401, "Bearer".to_owned()));
    let invalid = |scheme: &str| (401, format!("{scheme} error=\"invalid_token\""));
    assert_eq!(challenge("clock-skew: 0", Some("Bearer a.b.c")), invalid("Bearer"));
    assert_eq!(challenge("require-scheme: DPoP", Some("DPoP a.b.c")), invalid("DPoP"));
    assert_eq!(challenge("failed-validation-httpcode: 403", Some("Bearer a.b.c")), (403, String::new()));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let keys = format!("issuer-signing-keys: [ {} ]", key("secret"));
    let modulus = encoded([0xc1; 128]);
    let header = |more: &str| format!("validate-jwt: {{ header-name: Authorization, {keys}, {more} }}");
    let one_key = |key: &str| format!("validate-jwt: {{ header-name: a, issuer-signing-keys: [ {key} ] }}");
    let cases = [
        (format!("validate-jwt: §{{ {keys} }}"), "exactly one of"),
        (header("§token-value: x").replace("{ h", "§{ h").replacen(", §t", ", t", 1), "exactly one of"),
        ("validate-jwt: §{ header-name: a }".into(), "`openid-config` or `issuer-signing-keys` is needed"),
        (format!("validate-jwt: {{ header-name: §'a b', {keys} }}"), "no header name"),
        (format!("validate-jwt: {{ header-name: x-token, require-scheme: §Bearer, {keys} }}"), "only the header Auth"),
        (
            format!("validate-jwt: {{ query-parameter-name: t, require-scheme: §Bearer, {keys} }}"),
            "only the header Auth",
        ),
        (header("require-scheme: §a b"), "is no scheme"),
        (header("failed-validation-httpcode: §200"), "400"),
        (header("failed-validation-httpcode: §600"), "599"),
        (header("clock-skew: §-1"), "0"),
        (header("clock-skew: §86401"), "86400"),
        (header("output-token-variable-name: §''"), "shorter than 1"),
        (header("decryption-keys: §[]"), "encrypted tokens aren't supported"),
        (header("openid-config: [ { url: §login.example } ]"), "does not match"),
        (header("required-claims: [ { name: a, separator: §',' } ]"), "there are no `values`"),
        (header("required-claims: [ { name: a, match: §some, values: [b] } ]"), "any"),
        (header("required-claims: [ §{ values: [b] } ]"), "name"),
        (header("issuers: [ §\"${request.path}\" ]"), "an expression can't stand here"),
        (header("§audience: [ orders ]"), "did you mean `audiences`?"),
        (one_key("§{ }"), "are needed"),
        (one_key("§{ id: a, alg: RS256 }"), "are needed"),
        (one_key("{ key: §a b }"), "no base64"),
        (one_key("{ key: §'' }"), "the secret is empty"),
        (one_key("{ key: AAAA, alg: §RS256 }"), "a secret serves HS256"),
        (one_key("§{ key: AAAA, n: AQAB, e: AQAB }"), "a secret, and can't be public too"),
        (one_key(&format!("§{{ n: {modulus}, e: AQAB }}")), "at least 2048 bits"),
        (one_key(&format!("§{}", key_with("rsa", json!({ "alg": "HS256" })))), "`alg` doesn't fit the key"),
        (one_key(&format!("§{}", key_with("p256", json!({ "alg": "ES384" })))), "`alg` doesn't fit the key"),
        (one_key(&format!("§{}", key_with("p256", json!({ "alg": "none" })))), "isn't supported"),
        (one_key("§{ crv: P-521, x: AA, y: AA }"), "P-256, P-384 and Ed25519 are"),
        (one_key("§{ crv: P-256, x: AA }"), "`y` is missing"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(statement, words)| (statement.as_str(), *words)).collect();
    refused("inbound", &cases);
    let statement = format!("§validate-jwt: {{ header-name: a, {keys} }}");
    for section in ["outbound", "on-error", "backend"] {
        refused(section, &[(&statement, "can't stand in the section")]);
    }
}
