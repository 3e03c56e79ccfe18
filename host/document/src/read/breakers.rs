//! `circuit-breaker` and `ejection`: when an origin that fails isn't asked for a while (`apim.md` §3, Backend).

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::fields::Fields;
use super::settings::MAX_SECONDS;
use super::{Reader, Seen};
use crate::backend::{BreakerRule, FailureReason, Threshold};
use crate::settings::{BREAKER_MINIMUM_REQUESTS, EJECTION_FAILURES, EJECTION_S};
use crate::yaml::{Content, Node};

const RULE_KEYS: [&str; 4] = ["name", "failure-condition", "trip-duration", "accept-retry-after"];

const CONDITION_KEYS: [&str; 6] =
    ["count", "percentage", "minimum-requests", "interval", "status-code-ranges", "error-reasons"];

const REASONS: [(&str, FailureReason); 2] =
    [("BackendConnectionFailure", FailureReason::Connection), ("Timeout", FailureReason::Timeout)];

/// Rules of one circuit breaker; each outcome is held against each.
const MAX_RULES: usize = 10;

/// The most failures that are remembered, each with its time.
const MAX_COUNT: u64 = 10_000;

impl Reader<'_> {
    pub(super) fn circuit_breaker(&mut self, node: &Arc<Node>) -> Vec<BreakerRule> {
        let fields = self.fields(node, "a mapping with the key `rules`", &["rules"]);
        let Some(list) = self.required(&fields, "rules", "a circuit breaker") else { return Vec::new() };
        let mut names = Seen::default();
        let mut rules = Vec::new();
        for fields in self.each(Some(list), "rules", &RULE_KEYS) {
            let name = fields.get("name").and_then(|node| self.text(node, "a name")).map(str::to_owned);
            let name = name.unwrap_or_else(|| format!("rule-{}", rules.len() + 1));
            names.check(self, "name of a rule", &name, fields.mark_of("name"));
            rules.extend(self.rule(&fields, name));
        }
        if rules.len() > MAX_RULES {
            self.error(list.mark, format!("expected at most {MAX_RULES} rules, found {}", rules.len()));
        }
        rules
    }

    fn rule(&mut self, fields: &Fields<'_>, name: String) -> Option<BreakerRule> {
        const WHAT: &str = "a rule of a circuit breaker";
        let trip_duration = self.required(fields, "trip-duration", WHAT);
        let trip_duration = trip_duration.and_then(|node| self.seconds(node, false, MAX_SECONDS));
        let accept_retry_after = self.flag(fields, "accept-retry-after", false);
        let condition = self.required(fields, "failure-condition", WHAT)?;
        let condition = self.fields(condition, "a mapping with keys such as `count`", &CONDITION_KEYS);
        let threshold = self.threshold(&condition);
        let interval = self.required(&condition, "interval", "a failure condition");
        let interval = interval.and_then(|node| self.seconds(node, false, MAX_SECONDS));
        let (statuses, reasons) = self.failures(&condition);
        Some(BreakerRule {
            name,
            threshold: threshold?,
            interval: interval?,
            statuses,
            reasons,
            trip_duration: trip_duration?,
            accept_retry_after,
        })
    }

    fn threshold(&mut self, fields: &Fields<'_>) -> Option<Threshold> {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let minimum = fields.get("minimum-requests").and_then(|node| self.integer(node, 1, MAX_COUNT)).map(narrow);
        match (fields.get("count"), fields.get("percentage")) {
            (Some(count), None) => {
                if let Some((key, _)) = fields.entry("minimum-requests") {
                    self.error(key.mark, "expected no `minimum-requests` beside `count`; it is for `percentage`");
                }
                self.integer(count, 1, MAX_COUNT).map(|count| Threshold::Count(narrow(count)))
            }
            (None, Some(percent)) => {
                let percent = self.integer(percent, 1, 100).map(narrow)?;
                Some(Threshold::Percentage { percent, minimum: minimum.unwrap_or(BREAKER_MINIMUM_REQUESTS) })
            }
            (Some(_), Some(_)) | (None, None) => {
                self.error(fields.mark, "expected either `count` or `percentage` in a failure condition");
                None
            }
        }
    }

    /// `status-code-ranges` and `error-reasons`; without both, everything that is the origin's failure.
    fn failures(&mut self, fields: &Fields<'_>) -> (Vec<RangeInclusive<u16>>, Vec<FailureReason>) {
        if fields.get("status-code-ranges").is_none() && fields.get("error-reasons").is_none() {
            return (vec![500..=599], REASONS.map(|(_, reason)| reason).to_vec());
        }
        let ranges = fields.get("status-code-ranges").and_then(|node| self.list(node, "a list of ranges"));
        let ranges = ranges.unwrap_or_default().iter().filter_map(|node| self.status_range(node)).collect();
        let reasons = fields.get("error-reasons").and_then(|node| self.list(node, "a list of reasons"));
        let reasons = reasons.unwrap_or_default().iter().filter_map(|node| self.choice(node, &REASONS)).collect();
        (ranges, reasons)
    }

    /// `{ min: 500, max: 599 }`, or one status.
    fn status_range(&mut self, node: &Arc<Node>) -> Option<RangeInclusive<u16>> {
        if !matches!(node.content, Content::Mapping(_)) {
            let status = u16::try_from(self.integer(node, 100, 599)?).ok()?;
            return Some(status..=status);
        }
        let fields = self.fields(node, "a mapping with the keys `min` and `max`", &["min", "max"]);
        let mut end = |key: &str| {
            let node = self.required(&fields, key, "a range of statuses")?;
            self.integer(node, 100, 599).and_then(|status| u16::try_from(status).ok())
        };
        let (min, max) = (end("min"), end("max"));
        let (min, max) = (min?, max?);
        if min > max {
            self.error(fields.mark, format!("expected `min` to be at most `max`, found {min} and {max}"));
            return None;
        }
        Some(min..=max)
    }

    /// `ejection` of a pool: on unless it is `off`.
    pub(super) fn ejection(&mut self, node: Option<&Arc<Node>>) -> Option<BreakerRule> {
        let mut rule = BreakerRule {
            name: "ejection".into(),
            threshold: Threshold::InARow(EJECTION_FAILURES),
            interval: Duration::ZERO,
            statuses: Vec::new(),
            reasons: REASONS.map(|(_, reason)| reason).to_vec(),
            trip_duration: Duration::from_secs(EJECTION_S),
            accept_retry_after: false,
        };
        let Some(node) = node else { return Some(rule) };
        if node.scalar().and_then(|scalar| scalar.as_text()) == Some("off") {
            return None;
        }
        let fields =
            self.fields(node, "a mapping with the keys `failures` and `duration`, or `off`", &["failures", "duration"]);
        if let Some(failures) = fields.get("failures").and_then(|node| self.integer(node, 1, MAX_COUNT)) {
            rule.threshold = Threshold::InARow(u32::try_from(failures).unwrap_or(u32::MAX));
        }
        if let Some(duration) = fields.get("duration").and_then(|node| self.seconds(node, false, MAX_SECONDS)) {
            rule.trip_duration = duration;
        }
        Some(rule)
    }
}
