//! The manifest: how a policy presents itself, made of what the attribute saw and of the configuration's type.

use crate::policy::Policy;
use crate::schema::{Schema, push_string};

/// What `#[policy]` found out about a policy.
#[derive(Debug)]
pub struct Identity {
    /// The statement's name in documents.
    pub id: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// One line for `tollgate inspect` and catalogues.
    pub summary: &'static str,
    /// The phases that are exported.
    pub phases: &'static [Phase],
    /// How much of a request's body to buffer; none for not at all.
    pub buffer_request: Option<u64>,
    /// How much of a response's body to buffer; none for not at all.
    pub buffer_response: Option<u64>,
    /// Bytes of the body that `on-error` buffers.
    pub buffer_error: Option<u64>,
    /// Whether `body-gate` is exported.
    pub body_gate: bool,
    /// The manifest's members `sections`, `scopes`, `once` and `rejections`, as JSON text with a comma before each; what
    /// says nothing is left out.
    pub standing: &'static str,
}

/// A phase, as far as the manifest tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The inbound section.
    OnRequest,
    /// The outbound section.
    OnResponse,
    /// The on-error section.
    OnError,
}

/// A policy that `#[policy]` has seen.
pub trait Component: Policy + 'static {
    /// What the attribute saw.
    const IDENTITY: Identity;
}

/// The manifest as JSON text.
pub fn describe<P: Component>() -> String {
    let identity = P::IDENTITY;
    let mut text = String::new();
    for (name, value) in
        [("{\"id\":", identity.id), (",\"version\":", identity.version), (",\"summary\":", identity.summary)]
    {
        text.push_str(name);
        push_string(&mut text, value);
    }
    text.push_str(",\"configuration\":");
    text.push_str(&P::Config::SCHEMA.document());
    text.push_str(",\"bodies\":{");
    push_bodies(&mut text, &identity);
    text.push('}');
    text.push_str(identity.standing);
    text.push('}');
    text
}

/// Only the phases that exist; `on-error` only if it wants to see what the client is about to get.
fn push_bodies(text: &mut String, identity: &Identity) {
    let mut comma = "";
    for (phase, name, bytes) in [
        (Phase::OnRequest, "on-request", identity.buffer_request),
        (Phase::OnResponse, "on-response", identity.buffer_response),
        (Phase::OnError, "on-error", identity.buffer_error),
    ] {
        if !identity.phases.contains(&phase) || (phase == Phase::OnError && bytes.is_none()) {
            continue;
        }
        text.push_str(comma);
        push_string(text, name);
        match bytes {
            Some(bytes) => text.push_str(&format!(":{{\"buffer\":{{\"max-bytes\":{bytes}}}}}")),
            None => text.push_str(":\"none\""),
        }
        comma = ",";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConfigError;
    use serde_json::{Value, json};

    /// Has a "quoted" word.
    #[crate::configuration]
    struct Config {
        /// How many.
        #[serde(default)]
        many: Option<u64>,
    }

    struct Quoting;

    #[crate::policy(
        id = "quoting",
        summary = "says \"hi\"",
        buffer(on_request = "1KiB"),
        sections(inbound, outbound, on_error),
        scopes(product, api),
        once,
        rejects(429 = "TooMany", configured = "Missing")
    )]
    impl crate::Policy for Quoting {
        type Config = Config;

        fn configure(config: Config) -> Result<Self, ConfigError> {
            config.many.map_or(Ok(Self), |_| Err(ConfigError::new("/many", "none is wanted")))
        }

        fn on_request(&self, _: &mut crate::Request) {}

        fn on_response(&self, _: &crate::Request, _: &mut crate::Response) {}

        fn on_error(&self, _: &crate::Request, _: &mut crate::Response, _: &crate::LastError) {}
    }

    #[test]
    fn the_manifest_says_all_that_the_contract_asks_for() {
        let manifest: Value = serde_json::from_str(&describe::<Quoting>()).unwrap();
        let expected = json!({
            "id": "quoting",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "says \"hi\"",
            "configuration": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "description": "Has a \"quoted\" word.",
                "type": ["object", "null"],
                "properties": {
                    "many": {
                        "description": "How many.",
                        "type": "integer",
                        "minimum": 0,
                    },
                },
                "additionalProperties": false,
            },
            "bodies": { "on-request": { "buffer": { "max-bytes": 1024 } }, "on-response": "none" },
            "sections": ["inbound", "outbound", "on-error"],
            "scopes": ["product", "api"],
            "once": true,
            "rejections": [{ "status": 429, "reason": "TooMany" }, { "status": null, "reason": "Missing" }],
        });
        assert_eq!(manifest, expected);
    }
}
