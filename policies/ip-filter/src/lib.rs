//! `ip-filter`: let only some client addresses through, or keep some out.

mod ranges;

use ranges::{Family, Ranges, parse_ip};
use std::net::IpAddr;
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::{ConfigError, Dynamic, Failure, Policy, Request, Verdict, configuration, context, policy};

/// Which addresses, and what becomes of them.
#[configuration]
pub struct Config {
    /// What becomes of calls from these addresses: let through (and no others), or kept out.
    #[serde(default)]
    action: Dynamic<Action>,
    /// Addresses, blocks and ranges: `192.0.2.7`, `2001:db8::/32`, `192.0.2.10-192.0.2.20`.
    #[serde(default)]
    addresses: Vec<Dynamic<String>>,
    /// Ranges, both ends included.
    #[serde(default)]
    address_ranges: Vec<AddressRange>,
}

/// What becomes of the addresses.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Only these may call.
    #[default]
    Allow,
    /// These may not call.
    Forbid,
}

impl Scalar for Action {
    fn from_value(value: Value) -> Result<Self, String> {
        match String::from_value(value)?.as_str() {
            "allow" => Ok(Self::Allow),
            "forbid" => Ok(Self::Forbid),
            _ => Err("expected `allow` or `forbid`, found something else".into()),
        }
    }
}

/// From one address to another, both included.
#[configuration]
#[derive(Clone, Debug)]
pub struct AddressRange {
    /// The first address.
    from: Dynamic<String>,
    /// The last address.
    to: Dynamic<String>,
}

/// What is known only when somebody calls.
#[derive(Debug)]
enum Later {
    Entry(Dynamic<String>),
    Range(AddressRange),
}

/// The statement, with its ranges sorted.
#[derive(Debug)]
pub struct Statement {
    action: Dynamic<Action>,
    ranges: Ranges,
    later: Vec<Later>,
}

/// Lets only some client addresses through, or keeps some out.
#[policy(
    sections(inbound),
    rejects(403 = "CallerIpNotAllowed", 403 = "CallerIpBlocked", 403 = "FailedToParseCallerIP")
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let (mut ranges, mut later) = (Vec::new(), Vec::new());
        for (index, entry) in config.addresses.into_iter().enumerate() {
            match entry.literal().map(|text| Family::parse(text)) {
                Some(range) => {
                    ranges.push(range.map_err(|why| ConfigError::new(format!("/addresses/{index}"), why))?);
                }
                None => later.push(Later::Entry(entry)),
            }
        }
        for (index, range) in config.address_ranges.into_iter().enumerate() {
            let at = |end: &str, why| ConfigError::new(format!("/address-ranges/{index}{end}"), why);
            let from = range.from.literal().map(|text| parse_ip(text)).transpose().map_err(|why| at("/from", why))?;
            let to = range.to.literal().map(|text| parse_ip(text)).transpose().map_err(|why| at("/to", why))?;
            match (from, to) {
                (Some(from), Some(to)) => ranges.push(Family::between(from, to).map_err(|why| at("", why))?),
                _ => later.push(Later::Range(range)),
            }
        }
        if ranges.is_empty() && later.is_empty() {
            return Err(ConfigError::new("", "`addresses` or `address-ranges` needs at least one entry"));
        }
        Ok(Self { action: config.action, ranges: Ranges::new(ranges), later })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        let refuse = |reason| Err(Failure::new(403, reason, "Forbidden").into());
        let Ok(client) = parse_ip(&context::client_ip()) else { return refuse("FailedToParseCallerIP") };
        match (*self.action.get()?, self.holds(client)?) {
            (Action::Allow, false) => refuse("CallerIpNotAllowed"),
            (Action::Forbid, true) => refuse("CallerIpBlocked"),
            (Action::Allow, true) | (Action::Forbid, false) => Ok(()),
        }
    }
}

impl Statement {
    /// Whether the address is among these. Expressions are asked only if what is written doesn't settle it, and only
    /// until one does.
    fn holds(&self, client: IpAddr) -> Result<bool, Verdict> {
        if self.ranges.contains(client) {
            return Ok(true);
        }
        for later in &self.later {
            if later.range()?.is_some_and(|range| range.contains(client)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Later {
    /// The range for this call; none if an entry is empty.
    fn range(&self) -> Result<Option<Family>, Verdict> {
        // The text comes from whoever the expression asks: the log tells that it is wrong, and the statement fails.
        let range = match self {
            Self::Entry(entry) => match entry.get()?.trim() {
                "" => return Ok(None),
                text => Family::parse(text),
            },
            Self::Range(AddressRange { from, to }) => {
                let (from, to) = (parse_ip(from.get()?.trim()), parse_ip(to.get()?.trim()));
                from.and_then(|from| Family::between(from, to?))
            }
        };
        range.map(Some).map_err(|why| Verdict::fail(format!("an expression gave no address: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request};

    /// The reason of the refusal; empty if there is none.
    fn call(config: Value, ip: &str) -> String {
        let gateway = Gateway::<Statement>::with(config).unwrap();
        let outcome = gateway.request(Request::get("/").from_ip(ip));
        outcome.failure().map(|failure| failure.reason().to_owned()).unwrap_or_default()
    }

    #[test]
    fn allow_is_the_default_and_refuses_the_rest() {
        let config = json!({ "addresses": ["192.0.2.0/24", "2001:db8::1"] });
        assert_eq!(call(config.clone(), "192.0.2.255"), "");
        assert_eq!(call(config.clone(), "2001:db8::1"), "");
        assert_eq!(call(config.clone(), "192.0.3.0"), "CallerIpNotAllowed");
        assert_eq!(call(config, "2001:db8::2"), "CallerIpNotAllowed");
    }

    #[test]
    fn forbid_refuses_only_these() {
        let config = json!({ "action": "forbid", "address-ranges": [{ "from": "192.0.2.1", "to": "192.0.2.3" }] });
        assert_eq!(call(config.clone(), "192.0.2.3"), "CallerIpBlocked");
        assert_eq!(call(config, "192.0.2.4"), "");
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        assert_eq!(call(json!({ "addresses": ["192.0.2.7"] }), "::ffff:192.0.2.7"), "");
        assert_eq!(call(json!({ "addresses": ["::ffff:192.0.2.7"] }), "192.0.2.7"), "");
        assert_eq!(call(json!({ "addresses": ["::ffff:192.0.2.0/120"] }), "192.0.2.9"), "");
    }

    #[test]
    fn an_address_that_is_none_is_refused_whatever_the_action() {
        for action in ["allow", "forbid"] {
            let config = json!({ "action": action, "addresses": ["0.0.0.0/0", "::/0"] });
            assert_eq!(call(config.clone(), "unix:"), "FailedToParseCallerIP");
            assert_eq!(call(config, ""), "FailedToParseCallerIP");
        }
    }

    #[test]
    fn the_client_learns_nothing_but_forbidden() {
        let gateway = Gateway::<Statement>::with(json!({ "addresses": ["192.0.2.7"] })).unwrap();
        let outcome = gateway.request(Request::get("/").from_ip("192.0.2.8"));
        assert_eq!(outcome.response().status(), 403);
        assert_eq!(outcome.response().body_str(), Some(r#"{"statusCode":403,"message":"Forbidden"}"#));
    }

    #[test]
    fn expressions_are_asked_at_each_call() {
        let config = json!({
            "action": "${variables.action}",
            "addresses": ["192.0.2.1", "${variables.block}"],
            "address-ranges": [{ "from": "198.51.100.1", "to": "${variables.last}" }],
        });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        let call = |ip: &str| {
            let outcome = gateway.request(Request::get("/").from_ip(ip));
            outcome.failure().map(|failure| failure.reason().to_owned()).unwrap_or_default()
        };
        gateway.expression("${variables.action}", "allow");
        gateway.expression("${variables.block}", "203.0.113.0/24");
        gateway.expression("${variables.last}", "198.51.100.9");
        for (ip, reason) in
            [("192.0.2.1", ""), ("203.0.113.200", ""), ("198.51.100.9", ""), ("198.51.100.10", "CallerIpNotAllowed")]
        {
            assert_eq!(call(ip), reason, "{ip}");
        }
        gateway.expression("${variables.action}", "forbid");
        gateway.expression("${variables.block}", Value::Null);
        assert_eq!(call("192.0.2.1"), "CallerIpBlocked");
        assert_eq!(call("203.0.113.200"), "");
        gateway.expression("${variables.action}", "perhaps");
        assert_eq!(call("192.0.2.1"), "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn an_expression_that_gives_no_address_fails_the_statement() {
        let gateway =
            Gateway::<Statement>::with(json!({ "action": "forbid", "addresses": ["${variables.x}"] })).unwrap();
        gateway.expression("${variables.x}", "somewhere");
        let outcome = gateway.request(Request::get("/"));
        assert!(matches!(outcome.verdict, Verdict::Fail(_)), "{:?}", outcome.verdict);
    }

    #[test]
    fn a_bad_entry_is_told_with_its_place() {
        let pointer = |config| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "addresses": ["::1", "192.0.2.1", "192.0.2.256"] })), "/addresses/2");
        assert_eq!(pointer(json!({ "address-ranges": [{ "from": "x", "to": "::1" }] })), "/address-ranges/0/from");
        assert_eq!(pointer(json!({ "address-ranges": [{ "from": "::1", "to": "" }] })), "/address-ranges/0/to");
        assert_eq!(pointer(json!({ "address-ranges": [{ "from": "::2", "to": "::1" }] })), "/address-ranges/0");
        assert_eq!(pointer(json!({ "address-ranges": [{ "from": "::1", "to": "192.0.2.1" }] })), "/address-ranges/0");
        assert_eq!(pointer(json!({ "action": "allow" })), "");
        assert_eq!(pointer(json!({})), "");
        assert_eq!(pointer(json!({ "action": "deny", "addresses": ["::1"] })), "/action");
    }
}
