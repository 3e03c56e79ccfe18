//! The manifest: how a policy presents itself, made of what the attribute saw and of the configuration's type.

use crate::policy::Policy;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

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
    /// Whether `body-gate` is exported.
    pub body_gate: bool,
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

/// The manifest as JSON text. Written by hand but for the schema: a tree of values would weigh more than it says.
pub fn describe<P: Component>() -> String {
    let identity = P::IDENTITY;
    let mut text = String::new();
    for (name, value) in [("{\"id\":", identity.id), (",\"version\":", identity.version), (",\"summary\":", identity.summary)] {
        text.push_str(name);
        text.push_str(&json(value));
    }
    text.push_str(",\"configuration\":");
    text.push_str(&schema::<P>());
    text.push_str(",\"bodies\":{");
    text.push_str(&bodies(&identity));
    text.push_str("}}");
    text
}

/// Only the phases that exist and see a body of the wire: an on-error section's response is the gateway's own.
fn bodies(identity: &Identity) -> String {
    let mut bodies = Vec::new();
    for (phase, name, bytes) in [
        (Phase::OnRequest, "on-request", identity.buffer_request),
        (Phase::OnResponse, "on-response", identity.buffer_response),
    ] {
        if identity.phases.contains(&phase) {
            bodies.push(match bytes {
                Some(bytes) => format!("\"{name}\":{{\"buffer\":{{\"max-bytes\":{bytes}}}}}"),
                None => format!("\"{name}\":\"none\""),
            });
        }
    }
    bodies.join(",")
}

/// The configuration's schema, self-contained. A configuration without required members may also be left out.
fn schema<P: Policy>() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<P::Config>();
    // The Rust type's name means nothing to the operator.
    schema.remove("title");
    if schema.get("type").and_then(Value::as_str) == Some("object") && schema.get("required").is_none() {
        schema.insert("type".into(), Value::Array(vec!["object".into(), "null".into()]));
    }
    json(schema.as_value())
}

/// A string or a schema always has a JSON text.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConfigError;
    use serde_json::json;

    /// Has a "quoted" word.
    #[crate::configuration]
    struct Config {
        /// How many.
        #[serde(default)]
        many: Option<u64>,
    }

    struct Quoting;

    #[crate::policy(id = "quoting", summary = "says \"hi\"", buffer(on_request = "1KiB"))]
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
                        "type": ["integer", "null"],
                        "format": "uint64",
                        "minimum": 0,
                        "default": null,
                    },
                },
                "additionalProperties": false,
            },
            "bodies": { "on-request": { "buffer": { "max-bytes": 1024 } }, "on-response": "none" },
        });
        assert_eq!(manifest, expected);
    }
}
