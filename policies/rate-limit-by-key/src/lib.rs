//! `rate-limit-by-key`: so many calls with one key in any interval of so many seconds.

use policy_limits::{Increment, KeyedCounter, Rate, Telling, TellingConfig, admit};
use tollgate_sdk::{ConfigError, CounterKey, Dynamic, Policy, Request, Verdict, configuration, policy};

/// The rate, and what it counts by.
#[configuration]
pub struct Config {
    /// What to count by: client-ip, subscription, header:NAME, or an expression.
    counter_key: CounterKey,
    /// How many calls are let through in any interval of `renewal-period` seconds.
    #[schema(range(min = 1))]
    calls: Dynamic<u64>,
    /// The length of the interval in seconds.
    #[schema(range(min = 1, max = 300))]
    renewal_period: Dynamic<u64>,
    /// Whether a call counts; as an expression it is evaluated when there is a response.
    #[serde(default)]
    increment_condition: Option<Dynamic<bool>>,
    /// How many calls one call counts for; as an expression it is evaluated when there is a response.
    #[serde(default = "one")]
    #[schema(range(min = 1))]
    increment_count: Dynamic<u64>,
    #[serde(flatten)]
    telling: TellingConfig,
}

fn one() -> Dynamic<u64> {
    1.into()
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    counter: KeyedCounter,
    increment: Increment,
    calls: Dynamic<u64>,
    period: Dynamic<u64>,
    telling: Telling,
}

/// Limits how often calls with the same key may come.
#[policy(sections(inbound), rejects(429 = "RateLimitExceeded", 400 = "CounterKeyAmbiguous"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let increment = Increment::new(config.increment_condition.as_ref(), &config.increment_count)?;
        if let Some(calls) = config.calls.literal() {
            increment.fits(*calls)?;
        }
        Ok(Self {
            counter: KeyedCounter::new(config.counter_key),
            increment,
            calls: config.calls,
            period: config.renewal_period,
            telling: Telling::new(config.telling)?,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let rate = Rate::computed(*self.calls.get()?, *self.period.get()?)?;
        let asked = admit("default", &self.counter.of(request)?, &self.increment, rate)?;
        self.telling.settle(&[asked])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Exchange, Gateway, Outcome, Request, Response, World};

    fn gateway(world: &World, key: &str, more: Value) -> Gateway<Statement> {
        let mut config = json!({ "counter-key": key, "calls": 1, "renewal-period": 10 });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::within(world, config).unwrap()
    }

    fn passes(outcome: Outcome) -> bool {
        outcome.verdict == Verdict::Next
    }

    #[test]
    fn each_address_has_its_calls() {
        let gateway = gateway(&World::new(), "client-ip", json!({}));
        let from = |ip| gateway.request(Request::get("/").from_ip(ip));
        assert!(passes(from("192.0.2.1")) && passes(from("192.0.2.2")));
        let refused = from("192.0.2.1");
        assert_eq!(refused.failure().unwrap().message(), "Rate limit is exceeded. Try again in 10 seconds.");
        gateway.advance(Duration::from_secs(10));
        assert!(passes(from("192.0.2.1")));
    }

    #[test]
    fn statements_share_the_counters_of_a_key() {
        let world = World::new();
        let first = gateway(&world, "header:X-Tenant", json!({}));
        let second = gateway(&world, "header:x-tenant", json!({}));
        let request = || Request::get("/").with_header("x-tenant", "gold");
        assert!(passes(first.request(request())));
        assert!(!passes(second.request(request())));
    }

    #[test]
    fn a_header_spends_nobody_elses_budget() {
        let world = World::new();
        let by_ip = gateway(&world, "client-ip", json!({}));
        let by_header = gateway(&world, "header:x", json!({}));
        assert!(passes(by_header.request(Request::get("/").with_header("x", "192.0.2.1"))));
        assert!(passes(by_ip.request(Request::get("/").from_ip("192.0.2.1"))));
    }

    #[test]
    fn requests_without_the_key_are_limited_together() {
        for key in ["header:x-tenant", "subscription"] {
            let gateway = gateway(&World::new(), key, json!({}));
            assert!(passes(gateway.request(Request::get("/").from_ip("192.0.2.1"))));
            assert!(!passes(gateway.request(Request::get("/").from_ip("192.0.2.2"))), "{key}");
        }
    }

    #[test]
    fn a_subscription_is_a_key_like_any_other() {
        let gateway = gateway(&World::new(), "subscription", json!({}));
        let request = |id| gateway.request(Request::get("/").with_subscription(id));
        assert!(passes(request("acme")) && passes(request("zeta")) && !passes(request("acme")));
    }

    #[test]
    fn one_call_can_count_for_several() {
        let gateway = gateway(&World::new(), "client-ip", json!({ "calls": 5, "increment-count": 2 }));
        let call = || passes(gateway.request(Request::get("/")));
        assert!(call() && call() && !call());
    }

    #[test]
    fn key_calls_and_period_may_be_expressions() {
        let world = World::new();
        let dynamic = json!({ "calls": "${variables.calls}", "renewal-period": "${variables.period}" });
        let gateway = gateway(&world, "${variables.tenant}", dynamic);
        world.expression("${variables.tenant}", "gold");
        world.expression("${variables.calls}", 2);
        world.expression("${variables.period}", 30);
        let call = || gateway.request(Request::get("/"));
        assert!(passes(call()) && passes(call()));
        assert_eq!(call().response().header_str("retry-after"), Some("30"));
        world.expression("${variables.tenant}", "silver");
        assert!(passes(call()));
        for (name, value) in [("calls", 0), ("calls", -1), ("period", 301), ("period", 0)] {
            world.expression("${variables.calls}", 2);
            world.expression("${variables.period}", 30);
            world.expression(&format!("${{variables.{name}}}"), value);
            let outcome = call();
            assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure", "{name} {value}");
        }
    }

    #[test]
    fn an_expression_spends_nobody_elses_budget() {
        let world = World::new();
        let computed = gateway(&world, "${variables.x}", json!({}));
        let by_ip = gateway(&world, "client-ip", json!({}));
        world.expression("${variables.x}", "192.0.2.1");
        assert!(passes(computed.request(Request::get("/"))));
        assert!(passes(by_ip.request(Request::get("/").from_ip("192.0.2.1"))));
        world.expression("${variables.x}", Value::Null);
        assert!(passes(computed.request(Request::get("/"))));
        assert!(!passes(computed.request(Request::get("/"))), "requests without a key are limited together");
    }

    /// Whether it was admitted. Counted is at the end.
    fn exchange(gateway: &Gateway<Statement>, world: &World) -> bool {
        let mut exchange = Exchange::new(world, Request::get("/"));
        if gateway.on_request(&mut exchange) != Verdict::Next {
            return false;
        }
        exchange.answer(Response::new(200));
        exchange.finish();
        true
    }

    #[test]
    fn a_condition_is_looked_at_when_there_is_a_response() {
        let world = World::new();
        let gateway = gateway(&world, "client-ip", json!({ "increment-condition": "${response.status == 401}" }));
        world.expression("${response.status == 401}", false);
        assert!(exchange(&gateway, &world) && exchange(&gateway, &world));
        world.expression("${response.status == 401}", true);
        assert!(exchange(&gateway, &world), "this one counts, but passes");
        assert!(!exchange(&gateway, &world));
    }

    #[test]
    fn a_count_may_be_known_only_in_the_end() {
        let world = World::new();
        let more = json!({ "calls": 5, "increment-count": "${variables.tokens}", "remaining-calls-header-name": "x" });
        let gateway = gateway(&world, "client-ip", more);
        world.expression("${variables.tokens}", 7);
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.staged_header("x"), Some("5"), "nothing is counted yet");
        drop(outcome);
        assert!(exchange(&gateway, &world));
        assert!(!exchange(&gateway, &world));
    }

    #[test]
    fn the_drafted_fields_are_written_if_told() {
        let gateway = gateway(&World::new(), "client-ip", json!({ "ratelimit-headers": true }));
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.staged_header("ratelimit-policy"), Some(r#""default";q=1;w=10"#));
        assert_eq!(outcome.staged_header("ratelimit"), Some(r#""default";r=0;t=10"#));
    }

    #[test]
    fn the_configuration_is_closed_and_checked() {
        let with = |more: Value| {
            let mut config = json!({ "counter-key": "client-ip", "calls": 1, "renewal-period": 10 });
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Gateway::<Statement>::with(config).map(drop)
        };
        assert_eq!(with(json!({})), Ok(()));
        assert!(with(json!({ "increment-condition": "yes" })).is_err());
        assert_eq!(with(json!({ "increment-condition": false })).unwrap_err().pointer, "/increment-condition");
        assert_eq!(with(json!({ "increment-condition": true })), Ok(()));
        assert!(with(json!({ "counter-key": "ip" })).is_err());
        assert!(with(json!({ "increment-count": 0 })).is_err());
        let header = with(json!({ "total-calls-header-name": "connection" }));
        assert_eq!(header.unwrap_err().pointer, "/total-calls-header-name");
        assert_eq!(with(json!({ "increment-count": 2 })).unwrap_err().pointer, "/increment-count");
        assert!(Gateway::<Statement>::with(json!({ "calls": 1, "renewal-period": 10 })).is_err());
    }
}
