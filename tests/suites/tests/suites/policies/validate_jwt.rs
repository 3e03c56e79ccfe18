//! `validate-jwt`: a token that somebody signed. What passes is in `situations.rs`.

use super::*;

/// RFC 7515 appendix A.1, whose token expired in 2011.
const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                     dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

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
    ] {
        assert_eq!(answered("", token.as_deref()), (401, reason.to_owned()), "{token:?}");
    }
    let (status, reason) = answered("", Some(&format!("Bearer {unsigned}")));
    assert_eq!(status, 401);
    assert_ne!(reason, "", "an unsigned token never passes where there are keys");
}

#[test]
fn the_operator_chooses_the_status() {
    assert_eq!(answered(", failed-validation-httpcode: 403", None).0, 403);
}
