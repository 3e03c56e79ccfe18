//! The README's examples, which have to be here word for word.

mod hello {
    use tollgate_sdk::{Reply, Request, Verdict, policy};

    /// Greets whoever asks for /hello, and lets every other request pass.
    #[policy]
    fn on_request(request: &mut Request) -> Verdict {
        match request.path().as_str() {
            "/hello" => Reply::new(200).body("Hello from a policy!\n").into(),
            _ => Verdict::next(),
        }
    }

    #[test]
    fn whoever_asks_is_greeted() {
        use tollgate_sdk::testing::{Gateway, Request};

        let gateway = Gateway::<OnRequest>::with(serde_json::json!(null)).unwrap();
        assert_eq!(gateway.request(Request::get("/hello")).response().body(), b"Hello from a policy!\n");
        assert_eq!(gateway.request(Request::get("/other")).verdict, Verdict::Next);
    }
}

mod burst {
    use tollgate_sdk::limiter::{self, Counter, Rule};
    use tollgate_sdk::{ConfigError, CounterKey, Failure, Policy, Request, Response, Verdict, configuration, policy};

    #[configuration]
    struct Config {
        /// What tells callers apart.
        counter_key: CounterKey,
        #[schema(range(min = 1))]
        calls: u64,
    }

    struct Burst(Config);

    /// Lets each caller make a few calls a second.
    #[policy]
    impl Policy for Burst {
        type Config = Config;

        fn configure(config: Config) -> Result<Self, ConfigError> {
            Ok(Self(config))
        }

        fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
            let counter = Counter::of_statement(self.0.counter_key.resolve(request)?.unwrap_or_default());
            let decision = limiter::admit(&counter, 1, Rule::sliding_window(self.0.calls, 1000))?;
            match decision.admitted {
                true => Ok(()),
                false => Err(Failure::new(429, "TooFast", "Slow down.").header("retry-after", "1").into()),
            }
        }

        fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
            Ok(response.set_header("x-burst", self.0.calls.to_string())?)
        }
    }

    #[test]
    fn a_few_calls_pass_each_second() -> Result<(), ConfigError> {
        use serde_json::json;
        use std::time::Duration;
        use tollgate_sdk::testing::{Gateway, Request, Response};

        let gateway = Gateway::<Burst>::with(json!({ "counter-key": "client-ip", "calls": 1 }))?;
        assert_eq!(gateway.request(Request::get("/a")).verdict, Verdict::Next);
        assert_eq!(gateway.request(Request::get("/a")).response().header_str("retry-after"), Some("1"));
        gateway.advance(Duration::from_secs(1));
        assert_eq!(gateway.request(Request::get("/a")).verdict, Verdict::Next);
        let outcome = gateway.response(Request::get("/a"), Response::new(200).with_body("…"));
        assert_eq!(outcome.response().header_str("x-burst"), Some("1"));
        Ok(())
    }
}

mod tenant {
    use tollgate_sdk::{ConfigError, Dynamic, Failure, Policy, Request, Verdict, configuration, policy};

    #[configuration]
    struct Config {
        /// Whom the request is for.
        #[schema(length(min = 1))]
        tenant: Dynamic<String>,
        #[serde(default)]
        enabled: Option<Dynamic<bool>>,
    }

    struct Tenant(Config);

    /// Tells the origin whom a request is for.
    #[policy(sections(inbound), rejects(400 = "TenantMissing"))]
    impl Policy for Tenant {
        type Config = Config;

        fn configure(config: Config) -> Result<Self, ConfigError> {
            match config.tenant.literal() {
                Some(name) if name.contains(' ') => Err(ConfigError::new("/tenant", "a tenant's name has no spaces")),
                _ => Ok(Self(config)),
            }
        }

        fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
            if let Some(enabled) = &self.0.enabled
                && !*enabled.get()?
            {
                return Ok(());
            }
            let tenant = self.0.tenant.get()?;
            match tenant.as_str() {
                "" => Err(Failure::new(400, "TenantMissing", "There is no tenant.").into()),
                name => Ok(request.set_header("x-tenant", name)?),
            }
        }
    }

    #[test]
    fn a_tenant_may_be_an_expression() -> Result<(), ConfigError> {
        use serde_json::json;
        use tollgate_sdk::testing::{Gateway, Request};

        let gateway = Gateway::<Tenant>::with(json!({ "tenant": "${variables.tenant}" }))?;
        gateway.expression("${variables.tenant}", "acme");
        assert_eq!(gateway.request(Request::get("/")).request.header_str("x-tenant"), Some("acme"));
        assert!(Gateway::<Tenant>::with(json!({ "tenant": "a b" })).is_err());
        assert!(Gateway::<Tenant>::with(json!({ "tenant": "" })).is_err());
        Ok(())
    }
}

mod calls {
    use std::time::Duration;
    use tollgate_sdk::http_client::{self, Request as Call};
    use tollgate_sdk::{Failure, Request, Verdict, policy};

    /// Lets another service decide.
    #[policy]
    fn on_request(request: &mut Request) -> Result<(), Verdict> {
        let call = Call::new("POST", "https://auth.example/check")
            .header("content-type", "text/plain")
            .body(request.header("authorization").unwrap_or_default())
            .timeout(Duration::from_secs(2));
        match http_client::send(&call)?.status {
            200 => Ok(()),
            _ => Err(Failure::new(403, "NotAllowed", "This is not allowed.").into()),
        }
    }

    #[test]
    fn another_service_decides() -> Result<(), tollgate_sdk::ConfigError> {
        use serde_json::json;
        use tollgate_sdk::http_client::Response;
        use tollgate_sdk::testing::{Gateway, Request};

        let gateway = Gateway::<OnRequest>::with(json!({}))?;
        gateway.world().on_http(|call| Ok(Response::new(if call.body == b"me" { 200 } else { 401 })));
        let outcome = gateway.request(Request::get("/").with_header("authorization", "me"));
        assert_eq!((&outcome.verdict, gateway.world().http_requests().len()), (&Verdict::Next, 1));
        Ok(())
    }
}

#[test]
fn the_readmes_examples_are_the_ones_that_are_tested() {
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let tested = lines(include_str!("readme.rs"));
    let mut examples = 0;
    for block in include_str!("../README.md").split("```rust\n").skip(1) {
        let example = block.split("```").next().unwrap();
        assert!(tested.contains(&lines(example)), "not tested:\n{example}");
        examples += 1;
    }
    assert_eq!(examples, 7);
    assert!(tested.contains(&lines(include_str!("../../../examples/hello/src/lib.rs"))));
}
