//! Who signed the token: algorithms, keys, and what was verified before.

use super::*;
use tollgate_harness::Reload;

const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const HMAC: [&str; 3] = ["HS256", "HS384", "HS512"];

fn all() -> impl Iterator<Item = &'static str> {
    RSA.into_iter().chain(["ES256", "ES384", "EdDSA"]).chain(HMAC)
}

/// Takes tokens that one of these keys has signed.
fn signed_by_one_of(keys: &[Value]) -> Served<Origin> {
    guarded(&format!("header-name: Authorization, issuer-signing-keys: {}", Value::from(keys)))
}

/// Each algorithm with each key, of which one kind serves it and no other does.
#[test]
fn the_kind_of_a_key_decides_what_it_verifies() {
    for (name, served) in [
        ("rsa", RSA.as_slice()),
        ("p256", &["ES256"]),
        ("p384", &["ES384"]),
        ("ed25519", &["EdDSA"]),
        ("secret", &HMAC),
    ] {
        let gateway = signed_by_one_of(&[key(name)]);
        for algorithm in all() {
            let expected = if served.contains(&algorithm) { "passed" } else { "TokenSignatureKeyNotFound" };
            assert_eq!(verdict_on(&gateway, token(algorithm)), expected, "{algorithm} by {name}");
        }
    }
}

#[test]
fn a_token_that_was_changed_is_refused_whatever_its_algorithm() {
    let gateway = signed_by_one_of(&["rsa", "p256", "p384", "ed25519", "secret"].map(key));
    let changed = encoded(r#"{"sub":"root","aud":"orders","exp":4102444800}"#);
    for algorithm in all() {
        let good = token(algorithm);
        let parts: Vec<&str> = good.split('.').collect();
        let (header, claims, signature) = (parts[0], parts[1], parts[2]);
        let first = if signature.starts_with('A') { "B" } else { "A" };
        for forged in [
            format!("{header}.{changed}.{signature}"),
            format!("{header}.{claims}.{first}{}", &signature[1..]),
            format!("{header}.{claims}.{}", &signature[4..]),
            format!("{header}.{claims}.AAAA{signature}"),
            format!("{header}.{claims}."),
        ] {
            assert_eq!(verdict_on(&gateway, &forged), "TokenSignatureInvalid", "{algorithm}: {forged}");
        }
        assert_eq!(verdict_on(&gateway, good), "passed", "{algorithm}");
    }
    for forged in ["other-key", "RS-as-PS", "ES-as-der"] {
        assert_eq!(verdict_on(&gateway, token(forged)), "TokenSignatureInvalid", "{forged}");
    }
}

/// The classic confusion: who knows a public key signs with its bytes as if they were a secret.
#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let (alone, beside) = (signed_by_one_of(&[key("rsa")]), signed_by_one_of(&[key("rsa"), key("secret")]));
    for bytes in ["pem", "pem-stripped", "der", "pkcs1", "modulus", "modulus-text"] {
        let forged = token(&format!("HS256-by-{bytes}"));
        assert_eq!(verdict_on(&alone, forged), "TokenSignatureKeyNotFound", "{bytes}");
        assert_eq!(verdict_on(&beside, forged), "TokenSignatureInvalid", "{bytes}");
    }
    assert!(alone.origin.requests().is_empty() && beside.origin.requests().is_empty());
}

#[test]
fn where_there_are_keys_unsigned_tokens_never_pass() {
    let payload = token("HS256").split('.').nth(1).unwrap();
    let signature = token("HS256").rsplit('.').next().unwrap();
    for more in ["require-signed-tokens: true", "require-signed-tokens: false"] {
        let gateway = guarded(&signed_by(&key("secret"), more));
        for algorithm in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS1", "RS1", "ES256K"] {
            for signature in ["", signature] {
                let header = encoded(json!({ "alg": algorithm }).to_string());
                let forged = format!("{header}.{payload}.{signature}");
                assert_eq!(verdict_on(&gateway, &forged), "TokenSignatureInvalid", "{algorithm} {signature}");
            }
        }
        assert_eq!(verdict_on(&gateway, token("HS256")), "passed");
    }
}

#[test]
fn without_keys_unsigned_tokens_pass_if_told_and_signed_ones_do_not() {
    let gateway = guarded(&unsigned_too("audiences: [ orders ]"));
    let unsigned = claiming(&json!({ "aud": "orders" }));
    assert_eq!(verdict_on(&gateway, &unsigned), "passed");
    assert_eq!(verdict_on(&gateway, &claiming(&json!({ "aud": "invoices" }))), "TokenAudienceNotAllowed");
    assert_eq!(verdict_on(&gateway, &format!("{unsigned}AAAA")), "TokenSignatureInvalid");
    for algorithm in all() {
        assert_eq!(verdict_on(&gateway, token(algorithm)), "TokenSignatureKeyNotFound", "{algorithm}");
    }
    let upper = unsigned.replace(&encoded(r#"{"alg":"none"}"#), &encoded(r#"{"alg":"NONE"}"#));
    assert_eq!(verdict_on(&gateway, &upper), "TokenSignatureKeyNotFound");
}

#[test]
fn a_key_that_names_an_algorithm_serves_no_other() {
    for (name, algorithm) in [("rsa", "PS256"), ("rsa", "RS512"), ("p256", "ES256"), ("secret", "HS384")] {
        let gateway = signed_by_one_of(&[key_with(name, json!({ "alg": algorithm }))]);
        for other in all() {
            let expected = if other == algorithm { "passed" } else { "TokenSignatureKeyNotFound" };
            assert_eq!(verdict_on(&gateway, token(other)), expected, "{other} by {name} for {algorithm}");
        }
    }
}

#[test]
fn a_secret_may_be_written_in_either_alphabet_with_or_without_padding() {
    // RFC 7515's secret has letters that differ, and needs padding; its token has expired.
    let url = KEY.replace('+', "-").replace('/', "_");
    for secret in [KEY, KEY.trim_end_matches('='), &url, url.trim_end_matches('=')] {
        let gateway = guarded(&signed_by(&json!({ "key": secret }), ""));
        assert_eq!(verdict_on(&gateway, TOKEN), "TokenExpired", "{secret}");
    }
    let gateway = guarded(&signed_by(&json!({ "key": KEY.to_lowercase() }), ""));
    assert_eq!(verdict_on(&gateway, TOKEN), "TokenSignatureInvalid");
}

#[test]
fn a_secret_may_be_an_expression_and_another_one_for_each_request() {
    let gateway =
        guarded("header-name: Authorization, issuer-signing-keys: [ { key: \"${request.headers['x-key']}\" } ]");
    let secret = jwk("secret")["k"].as_str().unwrap().to_owned();
    let ask = |secret: &str| verdict(&gateway, &bearer(token("HS256")).header("x-key", secret));
    for _ in 0..2 {
        assert_eq!(ask(&secret), "passed");
        assert_eq!(ask("c2VjcmV0"), "TokenSignatureInvalid", "what was good for one secret isn't for another");
    }
}

#[test]
fn a_token_that_names_a_key_is_not_tried_with_others() {
    let id = |name: &str, id: &str| key_with(name, json!({ "id": id }));
    for (keys, name, expected) in [
        (vec![id("rsa", "rsa")], "RS256", "passed"),
        (vec![id("rsa", "another")], "RS256", "TokenSignatureKeyNotFound"),
        (vec![id("rsa", "RSA")], "RS256", "TokenSignatureKeyNotFound"),
        (vec![key("rsa")], "RS256", "passed"),
        (vec![id("rsa-2", "rsa"), id("rsa", "rsa-2")], "RS256", "TokenSignatureInvalid"),
        (vec![id("rsa-2", "rsa"), key("rsa")], "RS256", "passed"),
        (vec![id("rsa-2", "rsa-2"), id("rsa", "rsa")], "second-key", "passed"),
        (vec![id("rsa-2", "x"), id("rsa", "y")], "no-kid", "passed"),
        (vec![id("rsa-2", "x")], "no-kid", "TokenSignatureInvalid"),
    ] {
        assert_eq!(verdict_on(&signed_by_one_of(&keys), token(name)), expected, "{name} with {keys:?}");
    }
}

#[test]
fn at_most_16_keys_are_tried() {
    for (before, expected) in [(15, "passed"), (16, "TokenSignatureInvalid")] {
        let others = (0..before).map(|n| json!({ "key": encoded([n; 32]) }));
        let keys: Vec<Value> = others.chain([key("secret")]).collect();
        assert_eq!(verdict_on(&signed_by_one_of(&keys), token("HS256")), expected, "after {before} others");
    }
    // Those that serve another algorithm or have another name don't count.
    let rsa = (0..20).map(|_| key("rsa"));
    let named = (0..20).map(|n| json!({ "id": format!("k{n}"), "key": encoded([n; 32]) }));
    let keys: Vec<Value> = rsa.chain(named).chain([key("secret")]).collect();
    assert_eq!(verdict_on(&signed_by_one_of(&keys), token("HS256")), "passed");
}

#[test]
fn what_a_remembered_token_claims_is_checked_each_time() {
    let config = "audiences: [ \"${request.headers['x-for']}\" ]";
    let gateway = serve(&format!("workers: 1\n{}", guard(&signed_by(&key("rsa"), config))), hello());
    let ask = |audience: &str| verdict(&gateway, &bearer(token("RS256")).header("x-for", audience));
    for _ in 0..3 {
        assert_eq!(ask("orders"), "passed");
        assert_eq!(ask("invoices"), "TokenAudienceNotAllowed");
    }
}

#[test]
fn a_token_is_forgotten_with_the_key_that_signed_it() {
    let yaml = |name: &str| guard(&signed_by(&key(name), ""));
    let gateway = serve(&yaml("rsa"), hello());
    for _ in 0..3 {
        assert_eq!(verdict_on(&gateway, token("RS256")), "passed");
    }
    assert_eq!(gateway.reload(&yaml("rsa-2")), Reload::Applied);
    assert_eq!(verdict_on(&gateway, token("RS256")), "TokenSignatureInvalid");
    assert_eq!(verdict_on(&gateway, token("second-key")), "passed");
}
