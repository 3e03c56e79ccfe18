//! The statement `validate-jwt` on the SDK's test gateway.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tollgate_sdk::crypto::{Algorithm, Key};
use tollgate_sdk::http_client::{HttpError, Response};
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Gateway, Outcome, World};

/// Where every world's clock stands at first, in seconds.
const NOW: u64 = 1_767_225_600;
const SECRET: &[u8] = b"a secret of thirty-two bytes ...";

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this signature.
fn token(header: Value, claims: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    move |message| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }
}

fn good(claims: Value) -> String {
    token(json!({ "alg": "HS256" }), claims, hs256(SECRET))
}

fn forever() -> Value {
    json!({ "exp": NOW * 2 })
}

fn merged(base: Value, more: Value) -> Value {
    let mut base = base;
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

/// Takes tokens from `Authorization`, signed with the secret.
fn config(more: Value) -> Value {
    let keys = json!([{ "key": STANDARD.encode(SECRET) }]);
    merged(json!({ "header-name": "Authorization", "issuer-signing-keys": keys }), more)
}

fn gateway(more: Value) -> Gateway<Statement> {
    Gateway::with(config(more)).unwrap()
}

fn bearer(token: &str) -> testing::Request {
    testing::Request::get("/").with_header("authorization", format!("Bearer {token}"))
}

/// The reason of a refusal, or nothing.
fn reason(outcome: &Outcome) -> String {
    match &outcome.verdict {
        Verdict::Next => String::new(),
        Verdict::Reject(failure) => failure.reason().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn call(gateway: &Gateway<Statement>, token: &str) -> String {
    reason(&gateway.request(bearer(token)))
}

#[test]
fn a_token_that_somebody_known_has_signed_passes() {
    let gateway = gateway(json!({}));
    assert_eq!(call(&gateway, &good(forever())), "");
    let forged = token(json!({ "alg": "HS256" }), forever(), hs256(b"another secret"));
    assert_eq!(call(&gateway, &forged), "TokenSignatureInvalid");
    let (signed, signature) = forged.rsplit_once('.').unwrap();
    let changed = format!("{}.{}.{signature}", signed.split_once('.').unwrap().0, part(&json!({ "exp": NOW * 3 })));
    assert_eq!(call(&gateway, &changed), "TokenSignatureInvalid");
}

#[test]
fn without_a_token_the_client_is_told_so() {
    let outcome = gateway(json!({})).request(testing::Request::get("/"));
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.reason()), (401, "TokenNotPresent"));
    assert_eq!(failure.message(), "JWT not present.");
}

#[test]
fn the_operator_chooses_status_and_message() {
    let gateway = gateway(json!({
        "failed-validation-httpcode": "${variables.status}",
        "failed-validation-error-message": "No ${variables.what}.",
    }));
    gateway.expression("${variables.status}", 403);
    gateway.expression("No ${variables.what}.", "No entry.");
    let outcome = gateway.request(testing::Request::get("/"));
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.message(), failure.reason()), (403, "No entry.", "TokenNotPresent"));
    gateway.expression("${variables.status}", 200);
    let outcome = gateway.request(testing::Request::get("/"));
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.reason()), (500, "ExpressionValueEvaluationFailure"));
}

#[test]
fn the_token_stands_where_the_operator_says() {
    let token = good(forever());
    let keys = config(json!({}))["issuer-signing-keys"].clone();
    let passes = |place: Value, request| {
        let gateway =
            Gateway::<Statement>::with(merged(json!({ "issuer-signing-keys": keys.clone() }), place)).unwrap();
        gateway.expression("${variables.token}", token.clone());
        reason(&gateway.request(request))
    };
    let get = testing::Request::get;
    assert_eq!(passes(json!({ "header-name": "X-Token" }), get("/").with_header("x-token", &token)), "");
    let scheme = get("/").with_header("x-token", format!("Bearer {token}"));
    assert_eq!(passes(json!({ "header-name": "X-Token" }), scheme), "JwtInvalid");
    assert_eq!(passes(json!({ "query-parameter-name": "t" }), get(&format!("/?t={token}"))), "");
    assert_eq!(passes(json!({ "query-parameter-name": "t" }), get(&format!("/?t={token}&t=x"))), "JwtInvalid");
    assert_eq!(passes(json!({ "token-value": "${variables.token}" }), get("/")), "");
    let two = bearer(&token).with_header("authorization", "Bearer x");
    assert_eq!(passes(json!({ "header-name": "authorization" }), two), "JwtInvalid");
}

#[test]
fn a_required_scheme_has_to_be_there() {
    let gateway = gateway(json!({ "require-scheme": "Bearer" }));
    let token = good(forever());
    let with = |value: String| reason(&gateway.request(testing::Request::get("/").with_header("authorization", value)));
    assert_eq!(with(format!("bearer {token}")), "");
    assert_eq!(with(token.clone()), "TokenNotPresent");
    assert_eq!(with(format!("Basic {token}")), "TokenNotPresent");
}

#[test]
fn a_token_ends() {
    let gateway = gateway(json!({ "clock-skew": 10 }));
    let token = good(json!({ "exp": NOW + 60 }));
    assert_eq!(call(&gateway, &token), "");
    gateway.advance(Duration::from_secs(69));
    assert_eq!(call(&gateway, &token), "");
    // The signature is remembered by now; the end is looked at all the same.
    gateway.advance(Duration::from_secs(1));
    assert_eq!(call(&gateway, &token), "TokenExpired");
    assert_eq!(call(&gateway, &good(json!({}))), "JwtInvalid");
}

#[test]
fn a_token_without_an_end_passes_if_told() {
    assert_eq!(call(&gateway(json!({ "require-expiration-time": false })), &good(json!({}))), "");
}

#[test]
fn audiences_issuers_and_claims_are_asked_for() {
    let gateway = gateway(json!({
        "audiences": ["api", "${variables.audience}"],
        "issuers": ["https://login.example"],
        "required-claims": [{ "name": "roles", "match": "any", "values": ["admin"] }],
    }));
    gateway.expression("${variables.audience}", "shop");
    let claims = |more| merged(json!({ "exp": NOW * 2, "aud": "shop", "iss": "https://login.example" }), more);
    assert_eq!(call(&gateway, &good(claims(json!({ "roles": ["admin"] })))), "");
    assert_eq!(call(&gateway, &good(claims(json!({ "aud": "other" })))), "TokenAudienceNotAllowed");
    assert_eq!(call(&gateway, &good(claims(json!({ "iss": "other" })))), "TokenIssuerNotAllowed");
    assert_eq!(call(&gateway, &good(claims(json!({})))), "TokenClaimNotFound");
    let outcome = gateway.request(bearer(&good(claims(json!({ "roles": ["guest"] })))));
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.reason(), "TokenClaimValueNotAllowed");
    assert_eq!(failure.message(), "Claim roles value of [\"guest\"] is not allowed. Access denied.");
}

#[test]
fn unsigned_tokens_pass_only_if_told_and_if_there_are_no_keys() {
    let unsigned = token(json!({ "alg": "none" }), forever(), |_| Vec::new());
    let signed = token(json!({ "alg": "none" }), forever(), |_| b"x".to_vec());
    assert_eq!(call(&gateway(json!({})), &unsigned), "TokenSignatureInvalid");
    assert_eq!(call(&gateway(json!({ "require-signed-tokens": false })), &unsigned), "TokenSignatureInvalid");
    let open = Gateway::<Statement>::with(json!({ "header-name": "authorization", "require-signed-tokens": false }));
    let open = open.unwrap();
    assert_eq!(call(&open, &unsigned), "");
    assert_eq!(call(&open, &signed), "TokenSignatureInvalid");
    assert_eq!(call(&open, &good(forever())), "TokenSignatureKeyNotFound");
    let upper = token(json!({ "alg": "NONE" }), forever(), |_| Vec::new());
    assert_eq!(call(&open, &upper), "TokenSignatureKeyNotFound");
}

fn rsa_jwk(id: &str, byte: u8) -> Value {
    json!({ "kty": "RSA", "kid": id, "n": URL_SAFE_NO_PAD.encode([byte; 256]), "e": "AQAB" })
}

/// An RSA signature is good if it is the first byte of the key's modulus.
fn fake_rsa(world: &World, seen: Rc<RefCell<Vec<Algorithm>>>) {
    world.on_verify(move |algorithm, key, _, signature| {
        seen.borrow_mut().push(algorithm);
        match key {
            Key::Rsa(key) => Ok(signature == &key.modulus[..1]),
            _ => panic!("no RSA key"),
        }
    });
}

fn by_rsa(algorithm: &str, id: Option<&str>, claims: Value, byte: u8) -> String {
    let header = id.map_or(json!({ "alg": algorithm }), |id| json!({ "alg": algorithm, "kid": id }));
    token(header, claims, |_| vec![byte])
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let modulus = [0xa5; 256];
    let key = json!([{ "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" }]);
    let gateway = Gateway::<Statement>::with(json!({ "header-name": "authorization", "issuer-signing-keys": key }));
    let gateway = gateway.unwrap();
    let seen = Rc::default();
    fake_rsa(gateway.world(), Rc::clone(&seen));
    let forged = token(json!({ "alg": "HS256" }), forever(), hs256(&modulus));
    assert_eq!(call(&gateway, &forged), "TokenSignatureKeyNotFound");
    assert!(seen.borrow().is_empty(), "nothing was tried");
    assert_eq!(call(&gateway, &by_rsa("RS256", None, forever(), 0xa5)), "");
    assert_eq!(call(&gateway, &by_rsa("PS512", Some("x"), forever(), 0xa5)), "", "keys without an id are tried too");
    assert_eq!(call(&gateway, &by_rsa("ES256", None, forever(), 0xa5)), "TokenSignatureKeyNotFound");
}

#[test]
fn a_key_with_an_id_is_for_tokens_that_name_it() {
    let secret = |id: &str, text: &[u8]| json!({ "id": id, "key": STANDARD.encode(text) });
    let keys = json!([secret("a", b"first"), secret("b", b"second")]);
    let gateway = gateway(json!({ "issuer-signing-keys": keys }));
    let named = |id: &str, secret: &[u8]| token(json!({ "alg": "HS256", "kid": id }), forever(), hs256(secret));
    assert_eq!(call(&gateway, &named("b", b"second")), "");
    assert_eq!(call(&gateway, &named("a", b"second")), "TokenSignatureInvalid");
    assert_eq!(call(&gateway, &named("c", b"second")), "TokenSignatureKeyNotFound");
    assert_eq!(call(&gateway, &token(json!({ "alg": "HS256" }), forever(), hs256(b"second"))), "");
}

#[test]
fn at_most_16_keys_are_tried() {
    let keys: Vec<Value> = (0..20).map(|n| json!({ "key": STANDARD.encode([n; 32]) })).collect();
    let gateway = gateway(json!({ "issuer-signing-keys": keys }));
    let by = |n: u8| token(json!({ "alg": "HS256" }), forever(), hs256(&[n; 32]));
    assert_eq!(call(&gateway, &by(15)), "");
    assert_eq!(call(&gateway, &by(16)), "TokenSignatureInvalid");
}

#[test]
fn a_secret_may_be_an_expression() {
    let gateway = gateway(json!({ "issuer-signing-keys": [{ "key": "${variables.secret}" }] }));
    let token = good(forever());
    gateway.expression("${variables.secret}", STANDARD.encode(SECRET));
    assert_eq!(call(&gateway, &token), "");
    gateway.expression("${variables.secret}", STANDARD.encode("other"));
    assert_eq!(call(&gateway, &token), "TokenSignatureInvalid", "what was good for one secret isn't for another");
    gateway.expression("${variables.secret}", "");
    assert_eq!(call(&gateway, &token), "ExpressionValueEvaluationFailure");
}

#[test]
fn a_signature_is_verified_once() {
    let gateway = gateway(json!({}));
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    gateway.world().on_verify(move |_, _, _, _| {
        counted.set(counted.get() + 1);
        Ok(true)
    });
    for _ in 0..3 {
        assert_eq!(call(&gateway, &good(forever())), "");
    }
    assert_eq!(count.get(), 1);
}

#[test]
fn later_statements_get_the_token() {
    let gateway = gateway(json!({ "output-token-variable-name": "jwt" }));
    let claims = json!({ "exp": NOW * 2, "iss": "me", "sub": "you", "aud": ["a"], "jti": "1", "n": [1] });
    let outcome = gateway.request(bearer(&good(claims.clone())));
    assert_eq!(
        outcome.variables["jwt"],
        json!({
            "algorithm": "HS256", "audiences": ["a"], "claims": claims, "expiration_time": NOW * 2, "id": "1",
            "issued_at": null, "issuer": "me", "not_before": null, "subject": "you", "type": null,
        })
    );
    assert!(gateway.request(bearer("x")).variables.is_empty());
}

const METADATA: &str = "https://login.example/.well-known/openid-configuration";
const KEYS: &str = "https://login.example/keys";

/// An issuer that answers with these keys, or not at all; and a world in which RSA signatures are verified.
struct Issuer {
    world: World,
    keys: Rc<RefCell<Option<Vec<Value>>>>,
}

impl Issuer {
    fn with(keys: Vec<Value>) -> Self {
        let (world, keys) = (World::new(), Rc::new(RefCell::new(Some(keys))));
        fake_rsa(&world, Rc::default());
        let answers = Rc::clone(&keys);
        world.on_http(move |request| {
            let body = match (request.url.as_str(), &*answers.borrow()) {
                (_, None) => return Err(HttpError::Timeout),
                (METADATA, _) => json!({ "issuer": "https://login.example", "jwks_uri": KEYS }),
                (KEYS, Some(keys)) => json!({ "keys": keys }),
                (other, _) => panic!("nobody is at {other}"),
            };
            Ok(Response::new(200).with_body(body.to_string()))
        });
        Self { world, keys }
    }

    fn gateway(&self) -> Gateway<Statement> {
        let config = json!({ "header-name": "authorization", "openid-config": [{ "url": METADATA }] });
        Gateway::within(&self.world, config).unwrap()
    }

    fn answer(&self, keys: Option<Vec<Value>>) {
        *self.keys.borrow_mut() = keys;
    }

    fn pulls(&self) -> usize {
        self.world.http_requests().iter().filter(|request| request.url == METADATA).count()
    }
}

fn of_issuer(id: &str, byte: u8) -> String {
    by_rsa("RS256", Some(id), json!({ "exp": NOW * 2, "iss": "https://login.example" }), byte)
}

#[test]
fn the_keys_of_an_issuer_are_pulled_once_an_hour_for_all_instances() {
    let issuer = Issuer::with(vec![rsa_jwk("a", 1)]);
    let (first, second) = (issuer.gateway(), issuer.gateway());
    assert_eq!(call(&first, &of_issuer("a", 1)), "");
    assert_eq!(call(&second, &of_issuer("a", 1)), "");
    assert_eq!(issuer.world.http_requests().len(), 2, "metadata and keys");
    issuer.world.advance(Duration::from_secs(3599));
    assert_eq!(call(&first, &of_issuer("a", 1)), "");
    assert_eq!(issuer.pulls(), 1);
    issuer.world.advance(Duration::from_secs(1));
    assert_eq!(call(&second, &of_issuer("a", 1)), "");
    assert_eq!(call(&first, &of_issuer("a", 1)), "");
    assert_eq!(issuer.pulls(), 2);
}

#[test]
fn the_issuer_is_the_one_whose_key_it_is() {
    let gateway = Issuer::with(vec![rsa_jwk("a", 1)]).gateway();
    let other = by_rsa("RS256", Some("a"), json!({ "exp": NOW * 2, "iss": "https://evil.example" }), 1);
    assert_eq!(call(&gateway, &other), "TokenIssuerNotAllowed");
}

#[test]
fn a_new_key_is_found_at_most_five_minutes_late() {
    let issuer = Issuer::with(vec![rsa_jwk("a", 1)]);
    let gateway = issuer.gateway();
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    issuer.answer(Some(vec![rsa_jwk("a", 1), rsa_jwk("b", 2)]));
    for _ in 0..3 {
        assert_eq!(call(&gateway, &of_issuer("b", 2)), "TokenSignatureKeyNotFound");
    }
    assert_eq!(issuer.pulls(), 1);
    issuer.world.advance(Duration::from_secs(300));
    assert_eq!(call(&gateway, &of_issuer("b", 2)), "");
    assert_eq!(issuer.pulls(), 2);
    for _ in 0..3 {
        assert_eq!(call(&gateway, &of_issuer("c", 3)), "TokenSignatureKeyNotFound");
    }
    assert_eq!(issuer.pulls(), 2, "who makes up keys causes no requests");
    assert_eq!(call(&gateway, &of_issuer("a", 2)), "TokenSignatureInvalid");
}

#[test]
fn another_instance_has_pulled_the_new_key_already() {
    let issuer = Issuer::with(vec![rsa_jwk("a", 1)]);
    let (first, second) = (issuer.gateway(), issuer.gateway());
    assert_eq!(call(&first, &of_issuer("a", 1)), "");
    assert_eq!(call(&second, &of_issuer("a", 1)), "");
    issuer.answer(Some(vec![rsa_jwk("b", 2)]));
    issuer.world.advance(Duration::from_secs(300));
    assert_eq!(call(&first, &of_issuer("b", 2)), "");
    assert_eq!(call(&second, &of_issuer("b", 2)), "");
    assert_eq!(issuer.pulls(), 2);
    // And the key that is gone is gone for tokens that were verified with it.
    assert_eq!(call(&second, &of_issuer("a", 1)), "TokenSignatureKeyNotFound");
    assert_eq!(call(&first, &of_issuer("a", 1)), "TokenSignatureKeyNotFound");
}

#[test]
fn while_an_issuer_is_away_its_keys_stay_good_for_a_day() {
    let issuer = Issuer::with(vec![rsa_jwk("a", 1)]);
    let gateway = issuer.gateway();
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    issuer.answer(None);
    issuer.world.advance(Duration::from_secs(3600));
    for _ in 0..3 {
        assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    }
    assert_eq!(issuer.pulls(), 2, "it isn't asked again at once");
    assert!(issuer.world.log().iter().any(|(_, line)| line.contains("can't be had")));
    issuer.world.advance(Duration::from_secs(22 * 3600));
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    issuer.world.advance(Duration::from_secs(3601));
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "TokenSignatureKeyNotFound");
}

#[test]
fn an_issuer_that_was_never_there_is_asked_every_five_minutes() {
    let issuer = Issuer::with(Vec::new());
    issuer.answer(None);
    let gateway = issuer.gateway();
    for _ in 0..3 {
        assert_eq!(call(&gateway, &of_issuer("a", 1)), "TokenSignatureKeyNotFound");
    }
    assert_eq!(issuer.pulls(), 1);
    issuer.answer(Some(vec![rsa_jwk("a", 1)]));
    issuer.world.advance(Duration::from_secs(300));
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
}

#[test]
fn without_a_cache_each_instance_has_its_own_keys() {
    let issuer = Issuer::with(vec![rsa_jwk("a", 1)]);
    let gateway = issuer.gateway();
    issuer.world.break_state("no cache");
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "");
    assert_eq!(issuer.pulls(), 1);
}

#[test]
fn keys_that_can_not_be_used_are_left_out() {
    let encryption = merged(rsa_jwk("a", 1), json!({ "use": "enc" }));
    let secret = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0" });
    let issuer = Issuer::with(vec![json!(5), secret, encryption, rsa_jwk("b", 2)]);
    let gateway = issuer.gateway();
    assert_eq!(call(&gateway, &of_issuer("b", 2)), "");
    assert_eq!(call(&gateway, &of_issuer("a", 1)), "TokenSignatureKeyNotFound");
    let forged = token(json!({ "alg": "HS256", "kid": "s" }), forever(), hs256(b"secret"));
    assert_eq!(call(&gateway, &forged), "TokenSignatureKeyNotFound");
}

#[test]
fn the_configuration_is_checked() {
    let refused = |config: Value| Gateway::<Statement>::with(config).map(drop).unwrap_err();
    let pointer = |more: Value| refused(config(more)).pointer;
    let keys = config(json!({}))["issuer-signing-keys"].clone();
    assert!(refused(json!({ "issuer-signing-keys": keys })).message.contains("exactly one of"));
    assert!(refused(config(json!({ "token-value": "x" }))).message.contains("exactly one of"));
    assert!(refused(json!({ "header-name": "a" })).message.contains("`openid-config` or `issuer-signing-keys`"));
    assert_eq!(pointer(json!({ "header-name": "a b" })), "/header-name");
    assert_eq!(pointer(json!({ "header-name": "x-token", "require-scheme": "Bearer" })), "/require-scheme");
    assert_eq!(pointer(json!({ "require-scheme": "a b" })), "/require-scheme");
    assert_eq!(pointer(json!({ "failed-validation-httpcode": 200 })), "/failed-validation-httpcode");
    assert_eq!(pointer(json!({ "decryption-keys": [] })), "/decryption-keys");
    assert_eq!(pointer(json!({ "openid-config": [{ "url": "login.example" }] })), "/openid-config/0/url");
    let key = |key: Value| pointer(json!({ "issuer-signing-keys": [key] }));
    assert_eq!(key(json!({})), "/issuer-signing-keys/0");
    assert_eq!(key(json!({ "key": "a b" })), "/issuer-signing-keys/0/key");
    assert_eq!(key(json!({ "key": "" })), "/issuer-signing-keys/0/key");
    assert_eq!(key(json!({ "key": "AAAA", "alg": "RS256" })), "/issuer-signing-keys/0/alg");
    assert_eq!(key(json!({ "key": "AAAA", "n": "AQAB" })), "/issuer-signing-keys/0");
    assert_eq!(key(json!({ "n": "AQAB", "e": "AQAB" })), "/issuer-signing-keys/0");
    assert_eq!(key(json!({ "crv": "P-521", "x": "AA", "y": "AA" })), "/issuer-signing-keys/0");
    let claim = json!({ "required-claims": [{ "name": "a", "separator": "," }] });
    assert_eq!(pointer(claim), "/required-claims/0/separator");
    assert_eq!(pointer(json!({ "required-claims": [{ "name": "a", "match": "some" }] })), "/required-claims/0/match");
}
