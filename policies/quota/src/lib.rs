//! `quota`: so many calls or bytes of one subscription in each period.

mod config;

use config::Config;
use policy_limits::{Increment, Parts, QuotaLimit};
use tollgate_sdk::limiter::Counter;
use tollgate_sdk::{ConfigError, Policy, Request, Verdict, context, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement {
    limit: QuotaLimit,
    parts: Parts<QuotaLimit>,
}

/// Limits how much each subscription may use in a period.
#[policy(sections(inbound), scopes(product), once, rejects(403 = "QuotaExceeded"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { quota, apis, operations } = config;
        Ok(Self { limit: QuotaLimit::new(quota, Increment::ONE)?, parts: config::parts(apis, operations)? })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        // Without a key there is nobody to count for.
        let Some(subscription) = context::subscription() else { return Ok(()) };
        for part in self.parts.matching() {
            let counter = Counter::of_statement([subscription.id.as_str(), part.suffix.as_str()].concat());
            part.limit.admit(&counter, subscription.start_unix_ms)?;
        }
        self.limit.admit(&Counter::of_statement(subscription.id), subscription.start_unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Gateway, Outcome, Request, Response, World};

    const DAY_MS: i64 = 86_400_000;

    fn call(gateway: &Gateway<Statement>) -> Outcome {
        let start = 1_767_225_600_000 - DAY_MS;
        gateway.request(Request::get("/").with_subscription_since("acme", start))
    }

    #[test]
    fn periods_begin_with_the_subscription() {
        let gateway = Gateway::<Statement>::with(json!({ "calls": 1, "renewal-period": 864_000 })).unwrap();
        assert_eq!(call(&gateway).verdict, Verdict::Next);
        gateway.advance(Duration::from_secs(18_337));
        let outcome = call(&gateway);
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (403, "QuotaExceeded"));
        assert_eq!(failure.message(), "Out of call volume quota. Quota will be replenished in 8.18:54:23.");
        assert_eq!(outcome.response().header_str("retry-after"), Some("759263"));
        gateway.advance(Duration::from_secs(759_263));
        assert_eq!(call(&gateway).verdict, Verdict::Next);
    }

    #[test]
    fn a_period_of_zero_never_ends() {
        let gateway = Gateway::<Statement>::with(json!({ "calls": 1, "renewal-period": 0 })).unwrap();
        assert_eq!(call(&gateway).verdict, Verdict::Next);
        gateway.advance(Duration::from_secs(100 * 365 * 86_400));
        let outcome = call(&gateway);
        assert_eq!(outcome.failure().unwrap().message(), "Out of call volume quota.");
        assert_eq!(outcome.response().header("retry-after"), None);
    }

    #[test]
    fn bandwidth_counts_bodies_both_ways() {
        let gateway = Gateway::<Statement>::with(json!({ "bandwidth": 1, "renewal-period": 3600 })).unwrap();
        let request = || Request::post("/").with_subscription("acme").with_body(vec![0; 500]);
        let exchange = || {
            let outcome = gateway.request(request());
            let failed = outcome.failure().is_some();
            let mut exchange = outcome.into_exchange();
            if !failed {
                exchange.answer(Response::new(200).with_body(vec![0; 524]));
            }
            failed
        };
        assert!(!exchange());
        assert!(exchange());
        let message = gateway.request(request()).failure().unwrap().message().to_owned();
        assert_eq!(message, "Out of bandwidth quota. Quota will be replenished in 01:00:00.");
    }

    #[test]
    fn without_a_key_nothing_is_counted() {
        let gateway = Gateway::<Statement>::with(json!({ "calls": 1, "renewal-period": 0 })).unwrap();
        assert_eq!(gateway.request(Request::get("/")).verdict, Verdict::Next);
        assert_eq!(gateway.request(Request::get("/")).verdict, Verdict::Next);
    }

    #[test]
    fn apis_and_operations_have_quotas_of_their_own() {
        let gateway = Gateway::<Statement>::with(json!({
            "calls": 9, "renewal-period": 0,
            "apis": [{
                "id": "orders", "calls": 2, "renewal-period": 0,
                "operations": [{ "id": "get", "calls": 1, "renewal-period": 3600 }],
            }],
            "operations": [{ "name": "delete", "calls": 1, "renewal-period": 0 }],
        }))
        .unwrap();
        let passes = |api: &str, operation: &str| {
            let request = Request::get("/").with_subscription("acme").matched(api, Some(operation), Some("starter"));
            gateway.request(request).verdict == Verdict::Next
        };
        assert!(passes("orders", "get") && !passes("orders", "get"));
        assert!(passes("orders", "put") && !passes("orders", "put"));
        assert!(passes("invoices", "delete") && !passes("invoices", "delete"));
        assert!(passes("invoices", "get"));
    }

    #[test]
    fn parts_are_checked_at_their_place() {
        let refused = |parts| {
            let mut config = json!({ "calls": 1, "renewal-period": 0 });
            config["apis"] = parts;
            Gateway::<Statement>::with(config).map(drop).unwrap_err()
        };
        assert_eq!(refused(json!([{ "id": "a", "renewal-period": 0 }])).pointer, "/apis/0");
        assert_eq!(refused(json!([{ "calls": 1, "renewal-period": 0 }])).message, "`id` or `name` is needed");
        let operations = json!([{ "id": "b", "bandwidth": u64::MAX, "renewal-period": 0 }]);
        let api = json!({ "id": "a", "calls": 1, "renewal-period": 0, "operations": operations });
        assert_eq!(refused(json!([api])).pointer, "/apis/0/operations/0/bandwidth");
    }

    #[test]
    fn a_quota_of_nothing_is_refused() {
        let world = World::new();
        let refused = |config| Gateway::<Statement>::within(&world, config).map(drop).unwrap_err();
        assert_eq!(refused(json!({ "renewal-period": 60 })).message, "`calls` or `bandwidth` is needed");
        assert_eq!(refused(json!({ "calls": 0, "renewal-period": 60 })).pointer, "/calls");
        assert_eq!(refused(json!({ "calls": 1 })).pointer, "");
        refused(json!({ "calls": 1, "renewal-period": 60, "increment-count": 2 }));
    }
}
