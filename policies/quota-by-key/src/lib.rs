//! `quota-by-key`: so many calls or bytes with one key in each period.

use policy_limits::{Increment, KeyedCounter, Quota, QuotaLimit, Rfc3339};
use tollgate_sdk::{ConfigError, CounterKey, Dynamic, Policy, Request, Verdict, configuration, policy};

/// A shorter period is a matter for `rate-limit-by-key`.
const SHORTEST_PERIOD: u64 = 300;
/// 0001-01-01T00:00:00Z, in milliseconds since 1970.
const YEAR_1: Rfc3339 = Rfc3339 { unix_ms: -62_135_596_800_000 };

/// The quota, and what it counts by.
#[configuration]
pub struct Config {
    /// What to count by: client-ip, subscription, header:NAME, or an expression.
    counter_key: CounterKey,
    /// Whether a call counts; as an expression it is evaluated when there is a response.
    #[serde(default)]
    increment_condition: Option<Dynamic<bool>>,
    /// How many calls one call counts for; as an expression it is evaluated when there is a response.
    #[serde(default = "one")]
    #[schema(range(min = 1))]
    increment_count: Dynamic<u64>,
    /// When the first period began; the others follow. By default 0001-01-01T00:00:00Z.
    #[serde(default = "year_1")]
    first_period_start: Rfc3339,
    #[serde(flatten)]
    quota: Quota,
}

fn one() -> Dynamic<u64> {
    1.into()
}

fn year_1() -> Rfc3339 {
    YEAR_1
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    counter: KeyedCounter,
    limit: QuotaLimit,
    anchor: Rfc3339,
}

/// Limits how much may be used with the same key in a period.
#[policy(sections(inbound), rejects(403 = "QuotaExceeded", 400 = "CounterKeyAmbiguous"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { counter_key, increment_condition, increment_count, first_period_start, quota } = config;
        if (1..SHORTEST_PERIOD).contains(&quota.renewal_period) {
            let message = format!("a period lasts at least {SHORTEST_PERIOD} seconds, or 0 for ever");
            return Err(ConfigError::new("/renewal-period", message));
        }
        let increment = Increment::new(increment_condition.as_ref(), &increment_count)?;
        let limit = QuotaLimit::new(quota, increment)?;
        Ok(Self { counter: KeyedCounter::new(counter_key), limit, anchor: first_period_start })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.limit.admit(&self.counter.of(request)?, self.anchor.unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Exchange, Gateway, Request, Response, World};

    fn gateway(world: &World, more: Value) -> Gateway<Statement> {
        let mut config = json!({ "counter-key": "client-ip", "calls": 1, "renewal-period": 86_400 });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::within(world, config).unwrap()
    }

    #[test]
    fn days_end_at_midnight_unless_told_otherwise() {
        let left = |more: Value| {
            let gateway = gateway(&World::new(), more);
            gateway.advance(Duration::from_secs(3600));
            assert_eq!(gateway.request(Request::get("/")).verdict, Verdict::Next);
            gateway.request(Request::get("/")).response().header_str("retry-after").unwrap().to_owned()
        };
        assert_eq!(left(json!({})), (23 * 3600).to_string());
        assert_eq!(left(json!({ "first-period-start": "2025-12-31T06:30:00Z" })), (5 * 3600 + 1800).to_string());
        assert_eq!(left(json!({ "first-period-start": "2030-01-01T02:00:00+01:00" })), 86_400.to_string());
    }

    #[test]
    fn keys_are_counted_apart() {
        let gateway = gateway(&World::new(), json!({}));
        let from = |ip| gateway.request(Request::get("/").from_ip(ip)).verdict == Verdict::Next;
        assert!(from("192.0.2.1") && from("192.0.2.2") && !from("192.0.2.1"));
    }

    #[test]
    fn one_exchange_counts_once_however_many_statements_name_the_key() {
        let world = World::new();
        let (first, second) = (gateway(&world, json!({})), gateway(&world, json!({})));
        let mut exchange = Exchange::new(&world, Request::get("/"));
        assert_eq!(first.on_request(&mut exchange), Verdict::Next);
        assert_eq!(second.on_request(&mut exchange), Verdict::Next);
        assert!(second.request(Request::get("/")).failure().is_some());
    }

    #[test]
    fn one_call_can_count_for_several() {
        let gateway = gateway(&World::new(), json!({ "calls": 5, "increment-count": 2 }));
        let call = || gateway.request(Request::get("/")).verdict == Verdict::Next;
        assert!(call() && call() && !call());
    }

    #[test]
    fn the_key_may_be_an_expression() {
        let world = World::new();
        let gateway = gateway(&world, json!({ "counter-key": "${variables.tenant}" }));
        let call = |tenant: &str| {
            world.expression("${variables.tenant}", tenant);
            gateway.request(Request::get("/")).verdict == Verdict::Next
        };
        assert!(call("gold") && call("silver") && !call("gold"));
    }

    #[test]
    fn condition_and_count_are_looked_at_when_there_is_a_response() {
        let world = World::new();
        let more = json!({
            "calls": 3, "increment-condition": "${response.status < 400}", "increment-count": "${variables.count}",
        });
        let gateway = gateway(&world, more);
        let call = |counts: bool, count: u64| {
            world.expression("${response.status < 400}", counts);
            world.expression("${variables.count}", count);
            let mut exchange = Exchange::new(&world, Request::get("/"));
            let passes = gateway.on_request(&mut exchange) == Verdict::Next;
            if passes {
                exchange.answer(Response::new(200));
                exchange.finish();
            }
            passes
        };
        assert!(call(false, 9) && call(false, 9));
        assert!(call(true, 2) && call(true, 2), "the limit is passed by the one that counts too much");
        assert!(!call(true, 1));
    }

    #[test]
    fn the_configuration_is_closed_and_checked() {
        let refused = |more: Value| {
            let mut config = json!({ "counter-key": "client-ip", "calls": 1, "renewal-period": 300 });
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Gateway::<Statement>::with(config).map(drop).unwrap_err()
        };
        assert_eq!(refused(json!({ "renewal-period": 299 })).pointer, "/renewal-period");
        assert_eq!(refused(json!({ "first-period-start": "yesterday" })).pointer, "/first-period-start");
        assert_eq!(refused(json!({ "increment-count": 2 })).pointer, "/increment-count");
        refused(json!({ "increment-condition": "yes" }));
        assert_eq!(refused(json!({ "increment-condition": false })).pointer, "/increment-condition");
        refused(json!({ "counter-key": "nobody" }));
        gateway(&World::new(), json!({ "renewal-period": 0 }));
    }
}
