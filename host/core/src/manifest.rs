//! The manifest: what a component says of itself, in JSON, when `describe` is called at load.

use serde::Deserialize;
use serde_json::Value;

use crate::place::Phase;

/// The largest manifest text that is read.
pub const MAX_MANIFEST_BYTES: usize = 256 << 10;

/// What a phase needs of the message's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyNeed {
    /// Nothing: the body streams past.
    #[default]
    None,
    /// All of it, up to a size.
    Buffer {
        /// In bytes; a larger body fails the statement.
        max_bytes: usize,
    },
}

/// What a component says of itself.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Lower-case words joined by hyphens. Example: `rate-limit`.
    pub id: String,
    /// The component's own version. Example: `1.4.0`.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The JSON Schema (draft 2020-12) of the configuration.
    pub configuration: Value,
    bodies: [BodyNeed; Phase::ALL.len()],
}

/// Why a manifest was refused, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ManifestError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    id: String,
    version: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    configuration: Option<Value>,
    #[serde(default)]
    bodies: RawBodies,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawBodies {
    on_request: RawBody,
    on_response: RawBody,
    on_error: RawBody,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawBody {
    #[default]
    None,
    #[serde(rename_all = "kebab-case")]
    Buffer {
        max_bytes: usize,
    },
    Stream,
}

impl Manifest {
    /// Read what `describe` returned.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError(format!(
                "the manifest has {} bytes; at most {MAX_MANIFEST_BYTES} are read",
                text.len()
            )));
        }
        let raw: RawManifest =
            serde_json::from_str(text).map_err(|e| ManifestError(format!("the manifest can't be read: {e}")))?;
        if !is_id(&raw.id) {
            return Err(ManifestError(format!(
                "the manifest's id {:?} must be lower-case letters, digits and hyphens, at most 64",
                raw.id
            )));
        }
        let mut bodies = [BodyNeed::None; Phase::ALL.len()];
        for (phase, body) in [
            (Phase::OnRequest, raw.bodies.on_request),
            (Phase::OnResponse, raw.bodies.on_response),
            (Phase::OnError, raw.bodies.on_error),
        ] {
            bodies[phase.index()] = match body {
                RawBody::None => BodyNeed::None,
                RawBody::Buffer { max_bytes } => BodyNeed::Buffer { max_bytes },
                RawBody::Stream => {
                    return Err(ManifestError(format!(
                        "the manifest asks for the body of {phase} as a stream, which contract 0.1 doesn't offer; \
                         ask for `buffer`"
                    )));
                }
            };
        }
        let configuration = raw.configuration.unwrap_or(Value::Bool(true));
        if !(configuration.is_object() || configuration.is_boolean()) {
            return Err(ManifestError("the manifest's `configuration` must be a JSON Schema".into()));
        }
        Ok(Manifest { id: raw.id, version: raw.version, summary: raw.summary, configuration, bodies })
    }

    /// What `phase` needs of the body.
    pub fn body(&self, phase: Phase) -> BodyNeed {
        self.bodies[phase.index()]
    }
}

/// True for an id of the form used throughout: lower-case letters, digits and hyphens, 1–64 of them.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = Manifest::parse(
            r#"{"id":"xml-to-json","version":"0.1.0","summary":"s","configuration":{"type":"object"},
                "bodies":{"on-request":{"buffer":{"max-bytes":10}},"on-response":"none"}}"#,
        )
        .unwrap();
        assert_eq!(manifest.id, "xml-to-json");
        assert_eq!(manifest.body(Phase::OnRequest), BodyNeed::Buffer { max_bytes: 10 });
        assert_eq!(manifest.body(Phase::OnResponse), BodyNeed::None);
        assert_eq!(manifest.body(Phase::OnError), BodyNeed::None);
    }

    #[test]
    fn a_bad_manifest_is_refused_in_one_sentence() {
        for (text, expected) in [
            ("", "can't be read"),
            ("{\"version\":\"1\"}", "missing field `id`"),
            ("{\"id\":\"A b\",\"version\":\"1\"}", "lower-case letters"),
            ("{\"id\":\"a\",\"version\":\"1\",\"bodies\":{\"on-request\":\"stream\"}}", "as a stream"),
            ("{\"id\":\"a\",\"version\":\"1\",\"bodies\":{\"on-request\":\"all\"}}", "unknown variant"),
            ("{\"id\":\"a\",\"version\":\"1\",\"configuration\":3}", "JSON Schema"),
        ] {
            let error = Manifest::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
