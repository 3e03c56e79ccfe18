//! What a token claims: times, issuer, audience and whatever else is required.

use super::*;

/// What becomes of a token that claims this, with this configuration.
#[track_caller]
fn with(config: &str, cases: &[(Value, &str)]) {
    let gateway = guarded(&unsigned_too(config));
    for (claims, expected) in cases {
        assert_eq!(verdict_on(&gateway, &claiming(claims)), *expected, "{claims} with {config}");
    }
}

#[test]
fn a_token_is_good_from_nbf_until_exp() {
    let now = unix_seconds();
    with(
        "clock-skew: 0",
        &[
            (json!({ "exp": now + 60 }), "passed"),
            (json!({ "exp": now - 1 }), "TokenExpired"),
            (json!({ "exp": now as f64 - 0.5 }), "TokenExpired"),
            (json!({ "exp": 0 }), "TokenExpired"),
            (json!({ "exp": -1 }), "TokenExpired"),
            (json!({ "exp": 1e300 }), "passed"),
            (json!({ "nbf": now }), "passed"),
            (json!({ "nbf": now + 60 }), "JwtInvalid"),
            (json!({ "nbf": now + 60, "exp": now - 60 }), "TokenExpired"),
            (json!({ "exp": (now + 60).to_string() }), "JwtInvalid"),
            (json!({ "exp": null }), "JwtInvalid"),
            (json!({ "exp": [now + 60] }), "JwtInvalid"),
            (json!({ "nbf": "0" }), "JwtInvalid"),
            // When it was made is nobody's business.
            (json!({ "iat": now + 60 }), "passed"),
        ],
    );
    with(
        "clock-skew: 300",
        &[
            (json!({ "exp": now - 200 }), "passed"),
            (json!({ "exp": now - 301 }), "TokenExpired"),
            (json!({ "nbf": now + 200 }), "passed"),
            (json!({ "nbf": now + 400 }), "JwtInvalid"),
        ],
    );
}

#[test]
fn a_token_expires_while_the_gateway_runs() {
    let gateway = guarded(&unsigned_too(""));
    let end = unix_seconds() + 2;
    let token = claiming(&json!({ "exp": end }));
    let first = verdict_on(&gateway, &token);
    assert!(first == "passed" || unix_seconds() >= end, "{first}");
    wait_for_status(&gateway, 401, || bearer(&token));
    assert!(unix_seconds() >= end, "it expired too early");
    assert_eq!(verdict_on(&gateway, &token), "TokenExpired");
}

#[test]
fn a_token_without_an_end_passes_only_if_told() {
    let endless = format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded("{}"));
    assert_eq!(verdict_on(&guarded(&unsigned_too("")), &endless), "JwtInvalid");
    assert_eq!(verdict_on(&guarded(&unsigned_too("require-expiration-time: false")), &endless), "passed");
    let lax = guarded(&signed_by(&key("secret"), "require-expiration-time: false"));
    assert_eq!(verdict_on(&lax, token("no-end")), "passed");
    assert_eq!(verdict_on(&lax, token("expired")), "TokenExpired");
}

#[test]
fn the_issuer_is_one_of_those_named() {
    let cases = [
        (json!({ "iss": "https://login.example" }), "passed"),
        (json!({ "iss": "b" }), "passed"),
        (json!({ "iss": "https://login.example/" }), "TokenIssuerNotAllowed"),
        (json!({ "iss": "B" }), "TokenIssuerNotAllowed"),
        (json!({ "iss": ["b"] }), "TokenIssuerNotAllowed"),
        (json!({ "iss": "" }), "TokenIssuerNotAllowed"),
        (json!({}), "TokenIssuerNotAllowed"),
    ];
    with("issuers: [ 'https://login.example', b ]", &cases);
}

#[test]
fn without_issuers_whoever_has_a_key_of_the_configuration_will_do() {
    let gateway = guarded(&signed_by(&key("secret"), ""));
    for name in ["HS256", "by-other", "by-nobody"] {
        assert_eq!(verdict_on(&gateway, token(name)), "passed", "{name}");
    }
}

#[test]
fn one_of_the_audiences_is_enough() {
    let cases = [
        (json!({ "aud": "orders" }), "passed"),
        (json!({ "aud": ["x", "invoices"] }), "passed"),
        (json!({ "aud": ["x", 5, "orders"] }), "passed"),
        (json!({ "aud": "Orders" }), "TokenAudienceNotAllowed"),
        (json!({ "aud": "orders invoices" }), "TokenAudienceNotAllowed"),
        (json!({ "aud": [] }), "TokenAudienceNotAllowed"),
        (json!({ "aud": { "orders": true } }), "TokenAudienceNotAllowed"),
        (json!({ "aud": null }), "TokenAudienceNotAllowed"),
        (json!({}), "TokenAudienceNotAllowed"),
    ];
    with("audiences: [ orders, invoices ]", &cases);
}

#[test]
fn an_audience_that_comes_to_nothing_fits_nobody() {
    let gateway = guarded(&unsigned_too("audiences: [ \"${request.query['for']}\", orders ]"));
    let ask = |query: &str, audience: &str| {
        let token = claiming(&json!({ "aud": audience }));
        verdict(&gateway, &Request { target: format!("/{query}"), ..bearer(&token) })
    };
    assert_eq!(ask("?for=shop", "shop"), "passed");
    assert_eq!(ask("?for=shop", "orders"), "passed");
    assert_eq!(ask("?for=", ""), "TokenAudienceNotAllowed");
}

#[test]
fn a_required_claim_has_to_be_there_and_not_null() {
    let cases = [
        (json!({ "sub": "ada", "tier": "gold" }), "passed"),
        (json!({ "sub": "", "tier": false }), "passed"),
        (json!({ "sub": [], "tier": {} }), "passed"),
        (json!({ "sub": "ada" }), "TokenClaimNotFound"),
        (json!({ "sub": "ada", "tier": null }), "TokenClaimNotFound"),
        (json!({ "sub": "ada", "Tier": "gold" }), "TokenClaimNotFound"),
    ];
    with("required-claims: [ { name: sub }, { name: tier } ]", &cases);
    // Only claims at the top can be named.
    with(
        "required-claims: [ { name: a.b } ]",
        &[(json!({ "a": { "b": 1 } }), "TokenClaimNotFound"), (json!({ "a.b": 1 }), "passed")],
    );
    let gateway = guarded(&unsigned_too("required-claims: [ { name: a }, { name: b }, { name: c } ]"));
    let response = gateway.send(&bearer(&claiming(&json!({ "b": 1 }))));
    assert_error(&response, 401, "JWT token is missing the following claims: a, c. Access denied.");
}

#[test]
fn a_claim_has_all_of_the_values_unless_any_will_do() {
    let (refused, passed) = ("TokenClaimValueNotAllowed", "passed");
    let all = [
        (json!({ "roles": ["read", "admin", "write"] }), passed),
        (json!({ "roles": ["read"] }), refused),
        (json!({ "roles": "read write" }), refused),
        (json!({ "roles": [] }), refused),
        (json!({ "roles": ["READ", "WRITE"] }), refused),
    ];
    with("required-claims: [ { name: roles, values: [ read, write ] } ]", &all);
    with("required-claims: [ { name: roles, match: all, values: [ read, write ] } ]", &all);
    let any = [
        (json!({ "roles": ["admin", "read"] }), passed),
        (json!({ "roles": "write" }), passed),
        (json!({ "roles": ["admin"] }), refused),
        (json!({ "roles": "read write" }), refused),
        (json!({ "roles": [] }), refused),
    ];
    with("required-claims: [ { name: roles, match: any, values: [ read, write ] } ]", &any);
}

#[test]
fn a_separator_splits_the_texts_of_a_claim() {
    let (refused, passed) = ("TokenClaimValueNotAllowed", "passed");
    let cases = [
        (json!({ "scp": "write admin read" }), passed),
        (json!({ "scp": ["admin write", "read"] }), passed),
        (json!({ "scp": "write reads" }), refused),
        (json!({ "scp": "write,read" }), refused),
        (json!({ "scp": "" }), refused),
    ];
    with("required-claims: [ { name: scp, separator: ' ', values: [ read, write ] } ]", &cases);
    let cases =
        [(json!({ "scp": "a, b" }), passed), (json!({ "scp": "a,b" }), refused), (json!({ "scp": "b" }), passed)];
    with("required-claims: [ { name: scp, separator: ', ', match: any, values: [ b ] } ]", &cases);
}

#[test]
fn what_is_no_text_is_compared_as_json_writes_it() {
    for (value, claim, expected) in [
        ("5", json!(5), "passed"),
        ("'5'", json!("5"), "passed"),
        ("true", json!(true), "passed"),
        ("'true'", json!([false, true]), "passed"),
        ("'{\"a\":1}'", json!({ "a": 1 }), "passed"),
        ("5", json!(5.5), "TokenClaimValueNotAllowed"),
        ("gold", json!({ "gold": true }), "TokenClaimValueNotAllowed"),
    ] {
        with(&format!("required-claims: [ {{ name: c, values: [ {value} ] }} ]"), &[(json!({ "c": claim }), expected)]);
    }
    let gateway = guarded(&unsigned_too("required-claims: [ { name: c, values: [ a ] } ]"));
    let response = gateway.send(&bearer(&claiming(&json!({ "c": ["b", 1] }))));
    assert_error(&response, 401, "Claim c value of [\"b\",1] is not allowed. Access denied.");
}
