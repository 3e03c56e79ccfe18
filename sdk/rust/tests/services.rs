//! Dynamic values, requests of a policy's own and the rest of what stands around the gateway, on the fakes.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in test functions, not in what they share")]

use serde_json::{Value, json};
use std::time::Duration;
use tollgate_sdk::crypto::{Algorithm, CryptoError, Key};
use tollgate_sdk::http_client::{self, HttpError};
use tollgate_sdk::limiter::{self, Counter, Quota, Rule};
use tollgate_sdk::testing::{self, Backend, Event, Exchange, Gateway, Trace, World};
use tollgate_sdk::{
    CounterKey, Dynamic, Expression, ExpressionError, Failure, Policy, Request, Response, Verdict, backend,
    configuration, context, crypto, dynamic, events, expression, log, policy,
};

mod dynamic_values {
    use super::*;

    #[configuration]
    struct Config {
        #[schema(pattern = "^[a-z]*$")]
        name: Dynamic<String>,
        #[serde(default)]
        on: Option<Dynamic<bool>>,
        #[serde(default)]
        body: Option<Dynamic<Vec<u8>>>,
        #[serde(default)]
        json: Dynamic<Value>,
        #[serde(default)]
        always: Option<Expression>,
    }

    #[policy]
    fn on_request(request: &mut Request, config: &Config) -> Result<(), Verdict> {
        let on = config.on.as_ref().map(Dynamic::get).transpose()?;
        request.set_header("x-on", format!("{on:?}"))?;
        request.set_header("x-name", config.name.get()?.as_bytes())?;
        if let Some(body) = &config.body {
            request.set_body(&*body.get()?)?;
        }
        let json = match config.json.literal() {
            Some(literal) => dynamic::resolved(literal)?,
            None => config.json.get()?.into_owned(),
        };
        request.set_header("x-json", json.to_string())?;
        if let Some(always) = config.always {
            request.set_header("x-always", format!("{:?}", always.evaluate()?))?;
        }
        Ok(())
    }

    fn gateway(config: Value) -> Gateway<OnRequest> {
        Gateway::with(config).unwrap()
    }

    #[test]
    fn a_literal_needs_no_gateway() {
        let outcome = gateway(json!({ "name": "ada", "on": true })).request(testing::Request::get("/"));
        assert_eq!(outcome.request.header_str("x-name"), Some("ada"));
        assert_eq!(outcome.request.header_str("x-on"), Some("Some(true)"));
    }

    #[test]
    fn an_expression_is_what_the_test_says() {
        let gateway = gateway(json!({
            "name": "Hello ${variables.user}",
            "on": "${variables.on}",
            "body": "${request.body}",
            "always": "${1}",
        }));
        gateway.expression("Hello ${variables.user}", "Hello Ada");
        gateway.expression("${variables.on}", "False");
        gateway.expression("${1}", 1);
        gateway.world().expression_bytes("${request.body}", b"\xff");
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.request.header_str("x-name"), Some("Hello Ada"));
        assert_eq!(outcome.request.header_str("x-on"), Some("Some(false)"));
        assert_eq!(outcome.request.header_str("x-always"), Some("Value::Integer(1)"));
        assert_eq!(outcome.request.body(), b"\xff");
    }

    #[test]
    fn expressions_within_a_literal_are_put_in() {
        let gateway = gateway(json!({ "name": "a", "json": { "a": ["${x}", 1], "b": { "c": "$${x}" } } }));
        gateway.expression("${x}", json!({ "deep": true }));
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.request.header_str("x-json"), Some(r#"{"a":[{"deep":true},1],"b":{"c":"${x}"}}"#));
    }

    #[test]
    fn an_expression_that_fails_refuses_the_request_and_says_nothing_to_the_client() {
        let gateway = gateway(json!({ "name": "${nobody.knows}" }));
        let outcome = gateway.request(testing::Request::get("/"));
        let expected = Failure::new(500, "ExpressionValueEvaluationFailure", "Internal server error.");
        assert_eq!(outcome.failure(), Some(&expected));
    }

    #[test]
    fn a_value_of_the_wrong_kind_fails_too_and_is_logged_without_itself() {
        let gateway = gateway(json!({ "name": "a", "on": "${variables.on}" }));
        gateway.expression("${variables.on}", "secret");
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.failure().unwrap().status(), 500);
        let line = "an expression's value can't be used: expected a boolean, found a text".to_owned();
        assert_eq!(gateway.world().log(), [(log::Level::Warn, line)]);
    }

    #[test]
    fn the_schema_still_says_what_is_wrong_with_a_literal() {
        let refused = Gateway::<OnRequest>::with(json!({ "name": "A" })).unwrap_err();
        assert_eq!(refused.pointer, "/name");
        assert!(refused.message.contains("does not match"), "{refused}");
        assert!(Gateway::<OnRequest>::with(json!({ "name": "a", "always": true })).is_err());
    }

    #[test]
    fn a_number_that_the_configuration_does_not_have_is_unknown() {
        #[policy]
        fn on_response(_: &Request, _: &mut Response) -> Result<(), ExpressionError> {
            assert_eq!(expression::evaluate(5), Err(ExpressionError::Unknown));
            Err(ExpressionError::Unknown)
        }
        let gateway = Gateway::<OnResponse>::with(json!(null)).unwrap();
        let outcome = gateway.response(testing::Request::get("/"), testing::Response::new(200));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }
}

mod counter_keys {
    use super::*;

    #[configuration]
    struct Config {
        counter_key: CounterKey,
    }

    #[policy]
    fn on_request(request: &mut Request, config: &Config) -> Result<(), Verdict> {
        let key = config.counter_key.resolve(request)?;
        request.set_header("x-key", format!("{}={key:?}", config.counter_key))?;
        Ok(())
    }

    #[test]
    fn a_counter_can_count_by_an_expression() {
        let gateway = Gateway::<OnRequest>::with(json!({ "counter-key": "${request.client_ip}" })).unwrap();
        let key = || gateway.request(testing::Request::get("/")).request.header_str("x-key").map(str::to_owned);
        assert_eq!(key(), None);
        gateway.expression("${request.client_ip}", "192.0.2.1");
        assert_eq!(key().as_deref(), Some(r#"expression=Some("192.0.2.1")"#));
        gateway.expression("${request.client_ip}", json!(null));
        assert_eq!(key().as_deref(), Some("expression=None"));
        let refused = Gateway::<OnRequest>::with(json!({ "counter-key": "ip" })).unwrap_err();
        assert_eq!(refused.pointer, "/counter-key");
    }
}

/// Counts answers when they are there.
struct Later(Config);

#[configuration]
struct Config {
    #[serde(default)]
    quota: bool,
    #[serde(default)]
    condition: Option<Dynamic<bool>>,
    #[serde(default)]
    count: Option<Dynamic<u64>>,
}

impl From<Config> for Later {
    fn from(config: Config) -> Self {
        Self(config)
    }
}

#[policy]
impl Policy for Later {
    type Config = Config;

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        let counter = Counter::of_statement("k");
        let condition = self.0.condition.as_ref().and_then(Dynamic::expression);
        let count = self.0.count.as_ref().and_then(Dynamic::expression);
        let admitted = match self.0.quota {
            true => {
                let quota = Quota { calls: Some(2), bytes: None, period_ms: 0, anchor_unix_ms: 0 };
                limiter::admit_quota_later(&counter, 1, quota, condition, count)?.exhausted.is_none()
            }
            false => limiter::admit_later(&counter, 1, Rule::sliding_window(2, 1000), condition, count)?.admitted,
        };
        match admitted {
            true => Ok(()),
            false => Err(Failure::new(429, "TooMany", "Too many.").into()),
        }
    }
}

#[test]
fn what_is_promised_is_counted_when_the_exchange_is_finished() {
    for quota in [false, true] {
        let gateway = Gateway::<Later>::with(json!({ "quota": quota, "condition": "${ok}", "count": "${n}" })).unwrap();
        let call = |ok: Value, n: Value| {
            let mut exchange = Exchange::new(gateway.world(), testing::Request::get("/"));
            let verdict = gateway.on_request(&mut exchange);
            gateway.expression("${ok}", ok);
            gateway.expression("${n}", n);
            gateway.finish(&mut exchange);
            verdict == Verdict::Next
        };
        for _ in 0..5 {
            assert!(call(json!(false), json!(1)), "what the condition refuses isn't counted");
            assert!(call(json!("no"), json!(1)), "what fails isn't counted");
        }
        assert!(call(json!(true), json!(9)), "it was admitted before it was counted");
        assert!(!call(json!(true), json!(1)), "the limit has been passed");
    }
}

#[test]
fn without_expressions_an_exchange_counts_at_its_end_in_any_case() {
    for quota in [false, true] {
        let gateway = Gateway::<Later>::with(json!({ "quota": quota })).unwrap();
        let first = gateway.request(testing::Request::get("/"));
        let others: Vec<_> = (0..4).map(|_| gateway.request(testing::Request::get("/"))).collect();
        assert!(others.iter().all(|outcome| outcome.verdict == Verdict::Next), "none has been counted yet");
        drop((first, others));
        assert!(gateway.request(testing::Request::get("/")).failure().is_some());
    }
}

mod callouts {
    use super::*;

    #[policy]
    fn on_request(request: &mut Request) -> Result<(), Verdict> {
        let ask = |path: &str| {
            http_client::Request::new("POST", format!("https://auth.example{path}"))
                .header("accept", "application/json")
                .body("a=b")
                .timeout(Duration::from_secs(2))
        };
        let response = http_client::send(&ask("/one"))?;
        request.set_header("x-status", response.status.to_string())?;
        request.set_header("x-kind", response.header("Content-Type").unwrap_or_default())?;
        request.set_header("x-user", response.json::<Value>()?["user"].to_string())?;
        let both = http_client::send_all(&[ask("/one"), ask("/broken")]);
        assert_eq!(both[1], Err(HttpError::Timeout));
        http_client::send_one_way(&ask("/broken"))?;
        let wrong = http_client::send(&http_client::Request::get("/relative"));
        assert!(matches!(wrong, Err(HttpError::InvalidRequest(_))));
        let framed = http_client::send(&http_client::Request::get("http://a").header("Host", "b"));
        assert!(matches!(framed, Err(HttpError::InvalidRequest(_))));
        Ok(())
    }

    #[test]
    fn other_services_answer_as_the_test_says() {
        let gateway = Gateway::<OnRequest>::with(json!(null)).unwrap();
        gateway.world().on_http(|request| match request.url.as_str() {
            "https://auth.example/one" => Ok(http_client::Response::new(201)
                .with_header("Content-Type", "application/json")
                .with_body(r#"{"user":"ada"}"#)),
            _ => Err(HttpError::Timeout),
        });
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.request.header_str("x-status"), Some("201"));
        assert_eq!(outcome.request.header_str("x-kind"), Some("application/json"));
        assert_eq!(outcome.request.header_str("x-user"), Some("\"ada\""));
        let sent = gateway.world().http_requests();
        assert_eq!(sent.len(), 4);
        assert_eq!((sent[0].method.as_str(), sent[0].body.as_slice()), ("POST", &b"a=b"[..]));
        assert_eq!(sent[0].timeout, Duration::from_secs(2));
    }

    #[test]
    fn a_service_that_does_not_answer_fails_the_statement() {
        let gateway = Gateway::<OnRequest>::with(json!(null)).unwrap();
        let verdict = gateway.request(testing::Request::get("/")).verdict.clone();
        assert!(matches!(&verdict, Verdict::Fail(why) if why.contains("there was no connection")), "{verdict:?}");
    }
}

mod backends {
    use super::*;

    #[configuration]
    struct Config {
        #[serde(default)]
        url: Option<String>,
        #[serde(default)]
        id: Option<String>,
    }

    #[policy]
    fn on_request(request: &mut Request, config: &Config) -> Result<(), Verdict> {
        if let Some(url) = &config.url {
            backend::set_base_url(url)?;
        }
        if let Some(id) = &config.id {
            backend::set_backend_id(id)?;
        }
        Ok(request.set_header("x-base", backend::base_url())?)
    }

    fn chosen(world: &World, config: Value) -> testing::Outcome {
        Gateway::<OnRequest>::within(world, config).unwrap().request(testing::Request::get("/"))
    }

    #[test]
    fn a_request_goes_where_a_statement_sends_it() {
        let world = World::new();
        let own = chosen(&world, json!({}));
        assert_eq!((own.backend(), own.request.header_str("x-base")), (None, Some("https://origin.example")));
        let url = chosen(&world, json!({ "url": "https://b.example/v2" }));
        assert_eq!(url.backend(), Some(&Backend::BaseUrl("https://b.example/v2".into())));
        let id = chosen(&world, json!({ "id": "b" }));
        assert_eq!(id.backend(), Some(&Backend::Id("b".into())));
        assert_eq!(id.request.header_str("x-base"), Some("https://b.example"));
    }

    #[test]
    fn what_is_no_backend_fails_the_statement() {
        let world = World::new();
        world.add_backend("a", "https://a.example/base");
        assert_eq!(chosen(&world, json!({ "id": "a" })).request.header_str("x-base"), Some("https://a.example/base"));
        for config in [json!({ "id": "b" }), json!({ "url": "ftp://b" }), json!({ "url": "https://b?x" })] {
            let outcome = chosen(&world, config.clone());
            assert!(matches!(outcome.verdict, Verdict::Fail(_)), "{config}");
            assert_eq!(outcome.backend(), None);
        }
    }

    #[test]
    fn only_an_id_replaces_an_id_of_a_broader_scope() {
        let world = World::new();
        let by = |config: Value| {
            let mut exchange = Exchange::new(&world, testing::Request::get("/"));
            exchange.choose_backend(Backend::Id("global".into()));
            let verdict = Gateway::<OnRequest>::within(&world, config).unwrap().on_request(&mut exchange);
            (verdict, exchange.backend().cloned())
        };
        let (verdict, kept) = by(json!({ "url": "https://b.example" }));
        assert!(matches!(verdict, Verdict::Fail(_)));
        assert_eq!(kept, Some(Backend::Id("global".into())));
        assert_eq!(by(json!({ "id": "api" })), (Verdict::Next, Some(Backend::Id("api".into()))));
    }
}

mod signatures {
    use super::*;

    #[policy]
    fn on_request(request: &mut Request) -> Result<(), Verdict> {
        let sent = |name: &str| request.header(name).unwrap_or_default();
        let algorithm = Algorithm::from_name(&request.header_str("x-algorithm").unwrap_or_default());
        let algorithm = algorithm.ok_or(Verdict::fail("no algorithm"))?;
        let key = Key::Secret(sent("x-key"));
        let verified = crypto::verify(algorithm, &key, b"what do ya want for nothing?", &sent("x-tag"))?;
        Ok(request.set_header("x-verified", verified.to_string())?)
    }

    /// RFC 4231 §4.3.
    const TAG: [u8; 32] = [
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
        0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
    ];

    fn request(algorithm: &str, key: &str) -> testing::Request {
        let request = testing::Request::post("/").with_header("x-algorithm", algorithm);
        request.with_header("x-key", key).with_header("x-tag", TAG)
    }

    #[test]
    fn a_secret_verifies() {
        let gateway = Gateway::<OnRequest>::with(json!(null)).unwrap();
        let verified = |algorithm, key| {
            gateway.request(request(algorithm, key)).request.header_str("x-verified").map(str::to_owned)
        };
        assert_eq!(verified("HS256", "Jefe").as_deref(), Some("true"));
        assert_eq!(verified("HS256", "jefe").as_deref(), Some("false"));
        assert_eq!(verified("HS512", "Jefe").as_deref(), Some("false"));
        assert_eq!(verified("HS256", ""), None, "an empty secret is none");
        assert_eq!(verified("RS256", "Jefe"), None, "a secret is no RSA key");
        assert_eq!(verified("none", "Jefe"), None);
    }

    #[test]
    fn a_test_can_verify_itself() {
        let gateway = Gateway::<OnRequest>::with(json!(null)).unwrap();
        gateway.world().on_verify(|algorithm, _, _, _| match algorithm {
            Algorithm::Rs256 => Ok(true),
            _ => Err(CryptoError::InvalidKey("not today".into())),
        });
        let outcome = gateway.request(request("RS256", "any"));
        assert_eq!(outcome.request.header_str("x-verified"), Some("true"));
        assert!(
            matches!(&gateway.request(request("HS256", "a")).verdict, Verdict::Fail(why) if why.contains("not today"))
        );
    }
}

mod records {
    use super::*;

    #[policy]
    fn on_response(_: &Request, response: &mut Response) -> Result<(), Verdict> {
        log::trace("mine", log::Level::Info, "seen", &[("status", &response.status().to_string())]);
        events::emit("audit", Some("k"), "{}")?;
        Ok(())
    }

    fn run(gateway: &Gateway<OnResponse>) -> Verdict {
        gateway.response(testing::Request::get("/"), testing::Response::new(200)).verdict.clone()
    }

    #[test]
    fn events_and_traces_are_kept() {
        let gateway = Gateway::<OnResponse>::with(json!(null)).unwrap();
        let world = gateway.world();
        world.keep_log_from(log::Level::Warn);
        assert_eq!(run(&gateway), Verdict::Next);
        let event = Event { log: "audit".into(), partition_key: Some("k".into()), message: "{}".into() };
        assert_eq!(world.events(), [event]);
        let trace = Trace {
            source: "mine".into(),
            level: log::Level::Info,
            message: "seen".into(),
            metadata: vec![("status".into(), "200".into())],
        };
        assert_eq!(world.traces(), [trace]);
        assert_eq!(world.log(), [], "the level isn't kept");
    }

    #[test]
    fn an_event_log_has_to_be_there() {
        let gateway = Gateway::<OnResponse>::with(json!(null)).unwrap();
        gateway.world().add_event_log("other");
        assert!(matches!(run(&gateway), Verdict::Fail(why) if why.contains("no event log `audit`")));
    }
}

mod facts {
    use super::*;

    #[policy]
    fn on_request(request: &mut Request) -> Result<(), Verdict> {
        request.set_header("x-path", context::api_path())?;
        request.set_header("x-operation", context::operation_id().unwrap_or_default())?;
        request.set_header("x-definition", context::operation_definition().unwrap_or_default())?;
        request.set_query(Some("b=2"))?;
        assert!(request.set_query(Some("b c")).is_err());
        context::append_response_header("vary", "origin")?;
        context::append_response_header("vary", "accept")?;
        Ok(())
    }

    #[test]
    fn the_operation_is_known_as_the_document_has_it() {
        let gateway = Gateway::<OnRequest>::with(json!(null)).unwrap();
        let definition = json!({ "id": "get", "method": "GET", "url": "/{id}" });
        let request =
            testing::Request::get("/a?x").with_api_path("orders").with_operation_definition(definition.clone());
        let mut outcome = gateway.request(request).into_exchange();
        assert_eq!(outcome.request.header_str("x-path"), Some("orders"));
        assert_eq!(outcome.request.header_str("x-operation"), Some("get"));
        assert_eq!(outcome.request.header_str("x-definition"), Some(definition.to_string().as_str()));
        assert_eq!(outcome.request.target(), "/a?b=2");
        outcome.answer(testing::Response::new(200).with_header("vary", "cookie"));
        assert_eq!(outcome.response().header_values("vary"), ["cookie", "origin", "accept"]);
    }

    mod outbound {
        use super::*;

        #[policy]
        fn on_response(_: &Request, response: &mut Response) -> Result<(), Verdict> {
            assert!(!response.set_status_with_reason(200, Some("a\nb")) && !response.set_status_with_reason(99, None));
            match response.set_status_with_reason(404, Some("Gone Fishing")) {
                true => Ok(()),
                false => Err(Verdict::fail("404 is a status")),
            }
        }

        #[test]
        fn a_status_has_its_phrase() {
            let gateway = Gateway::<OnResponse>::with(json!(null)).unwrap();
            let outcome = gateway.response(testing::Request::get("/"), testing::Response::new(200));
            assert_eq!((outcome.response().status(), outcome.response().reason()), (404, Some("Gone Fishing")));
        }
    }
}
