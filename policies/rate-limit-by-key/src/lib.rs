//! `rate-limit-by-key`: so many calls with one key in any interval of so many seconds.

use policy_limits::{KeyedCounter, Rate, RateLimit};
use tollgate_sdk::{ConfigError, CounterKey, Policy, Request, Verdict, configuration, policy};

/// The rate, and what it counts by.
#[configuration]
pub struct Config {
    /// What to count by: client-ip, subscription or header:NAME.
    counter_key: CounterKey,
    /// How many calls one call counts for.
    #[serde(default = "one")]
    #[schema(range(min = 1))]
    increment_count: u64,
    #[serde(flatten)]
    rate: Rate,
}

fn one() -> u64 {
    1
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    counter: KeyedCounter,
    limit: RateLimit,
}

/// Limits how often calls with the same key may come.
#[policy]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let limit = RateLimit::new(config.rate, config.increment_count)?;
        Ok(Self { counter: KeyedCounter::new(config.counter_key), limit })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.limit.admit(&self.counter.of(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Outcome, Request, World};

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
    fn the_configuration_is_closed_and_checked() {
        let with = |more: Value| {
            let mut config = json!({ "counter-key": "client-ip", "calls": 1, "renewal-period": 10 });
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Gateway::<Statement>::with(config).map(drop)
        };
        assert_eq!(with(json!({})), Ok(()));
        assert!(with(json!({ "increment-condition": "true" })).is_err());
        assert!(with(json!({ "counter-key": "ip" })).is_err());
        assert!(with(json!({ "increment-count": 0 })).is_err());
        let header = with(json!({ "total-calls-header-name": "connection" }));
        assert_eq!(header.unwrap_err().pointer, "/total-calls-header-name");
        assert_eq!(with(json!({ "increment-count": 2 })).unwrap_err().pointer, "/increment-count");
        assert!(Gateway::<Statement>::with(json!({ "calls": 1, "renewal-period": 10 })).is_err());
    }
}
