//! `ip-filter`: let only some client addresses through, or keep some out.

mod ranges;

use ranges::{Family, Ranges, parse_ip};
use tollgate_sdk::{ConfigError, Failure, Policy, Request, configuration, context, policy};

/// Which addresses, and what becomes of them.
#[configuration]
pub struct Config {
    /// What becomes of calls from these addresses: let through (and no others), or kept out.
    #[serde(default)]
    action: Action,
    /// Addresses, blocks and ranges: `192.0.2.7`, `2001:db8::/32`, `192.0.2.10-192.0.2.20`.
    #[serde(default)]
    addresses: Vec<String>,
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

/// From one address to another, both included.
#[configuration]
pub struct AddressRange {
    /// The first address.
    from: String,
    /// The last address.
    to: String,
}

/// The statement, with its ranges sorted.
#[derive(Debug)]
pub struct Statement {
    action: Action,
    ranges: Ranges,
}

/// Lets only some client addresses through, or keeps some out.
#[policy]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let mut ranges = Vec::new();
        for (index, text) in config.addresses.iter().enumerate() {
            let at = |message| ConfigError::new(format!("/addresses/{index}"), message);
            ranges.push(Family::parse(text).map_err(at)?);
        }
        for (index, AddressRange { from, to }) in config.address_ranges.iter().enumerate() {
            let at =
                |end: &'static str| move |message| ConfigError::new(format!("/address-ranges/{index}{end}"), message);
            let (from, to) = (parse_ip(from).map_err(at("/from"))?, parse_ip(to).map_err(at("/to"))?);
            ranges.push(Family::between(from, to).map_err(at(""))?);
        }
        if ranges.is_empty() {
            return Err(ConfigError::new("", "`addresses` or `address-ranges` needs at least one entry"));
        }
        Ok(Self { action: config.action, ranges: Ranges::new(ranges) })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Failure> {
        let refuse = |reason| Err(Failure::new(403, reason, "Forbidden"));
        let Ok(client) = parse_ip(&context::client_ip()) else { return refuse("FailedToParseCallerIP") };
        match (self.action, self.ranges.contains(client)) {
            (Action::Allow, false) => refuse("CallerIpNotAllowed"),
            (Action::Forbid, true) => refuse("CallerIpBlocked"),
            (Action::Allow, true) | (Action::Forbid, false) => Ok(()),
        }
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
