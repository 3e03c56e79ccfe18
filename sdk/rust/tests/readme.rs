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
    assert_eq!(examples, 3);
    assert!(tested.contains(&lines(include_str!("../../../examples/hello/src/lib.rs"))));
}
