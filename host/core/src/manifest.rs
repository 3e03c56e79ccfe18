//! The manifest: what a component says of itself, in JSON, when `describe` is called at load.

use serde::Deserialize;
use serde_json::Value;

use crate::place::{Phase, Scope, Section};

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
    /// Where statements may stand; none for every section whose phase the component exports.
    pub sections: Option<Vec<Section>>,
    /// In whose documents statements may stand; none for all.
    pub scopes: Option<Vec<Scope>>,
    /// True if a section may have it once only.
    pub once: bool,
    /// What it refuses with, for documentation and checks; not every refusal need be listed.
    pub rejections: Vec<ManifestRejection>,
    bodies: [BodyNeed; Phase::ALL.len()],
}

/// One way in which a component refuses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestRejection {
    /// 400–599; none if the configuration says.
    #[serde(default)]
    pub status: Option<u16>,
    /// A word. Example: `RateLimitExceeded`.
    pub reason: String,
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
    #[serde(default)]
    sections: Option<Vec<String>>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    rejections: Vec<ManifestRejection>,
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
        let raw: RawManifest = serde_json::from_str(text).map_err(|error| {
            ManifestError(format!(
                "the manifest can't be read: {error}; it is what `describe` returns, a JSON object such as \
                 `{{ \"id\": \"greets\", \"version\": \"0.1.0\" }}`"
            ))
        })?;
        if !is_id(&raw.id) {
            return Err(ManifestError(format!(
                "the manifest's id {:?} must be lower-case letters, digits and hyphens, at most 64",
                raw.id
            )));
        }
        let bodies = read_bodies(&raw.bodies)?;
        let configuration = raw.configuration.unwrap_or(Value::Bool(true));
        if !(configuration.is_object() || configuration.is_boolean()) {
            return Err(ManifestError("the manifest's `configuration` must be a JSON Schema".into()));
        }
        raw.rejections.iter().try_for_each(check_rejection)?;
        Ok(Manifest {
            id: raw.id,
            version: raw.version,
            summary: raw.summary,
            configuration,
            sections: read_names(raw.sections, "sections", Section::ALL, Section::name)?,
            scopes: read_names(raw.scopes, "scopes", Scope::ALL, Scope::name)?,
            once: raw.once,
            rejections: raw.rejections,
            bodies,
        })
    }

    /// What `phase` needs of the body.
    pub fn body(&self, phase: Phase) -> BodyNeed {
        self.bodies[phase.index()]
    }
}

fn read_bodies(raw: &RawBodies) -> Result<[BodyNeed; Phase::ALL.len()], ManifestError> {
    let mut bodies = [BodyNeed::None; Phase::ALL.len()];
    for (phase, body) in
        [(Phase::OnRequest, &raw.on_request), (Phase::OnResponse, &raw.on_response), (Phase::OnError, &raw.on_error)]
    {
        bodies[phase.index()] = match *body {
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
    Ok(bodies)
}

/// Read a list of names, each of them one of `all`, in the order in which they were written.
fn read_names<T: Copy, const N: usize>(
    names: Option<Vec<String>>,
    member: &str,
    all: [T; N],
    name_of: fn(T) -> &'static str,
) -> Result<Option<Vec<T>>, ManifestError> {
    let Some(names) = names else {
        return Ok(None);
    };
    if names.is_empty() {
        return Err(ManifestError(format!("the manifest's `{member}` is empty; leave it out for all")));
    }
    let mut found = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let Some(value) = all.into_iter().find(|value| name_of(*value) == name) else {
            let known = all.map(|value| format!("`{}`", name_of(value))).join(", ");
            return Err(ManifestError(format!("the manifest's `{member}` has {name:?}, which is none of {known}")));
        };
        if names[..at].contains(name) {
            return Err(ManifestError(format!("the manifest's `{member}` has {name:?} twice")));
        }
        found.push(value);
    }
    Ok(Some(found))
}

fn check_rejection(rejection: &ManifestRejection) -> Result<(), ManifestError> {
    /// Reasons are words in logs, metrics and `last-error`.
    const MAX_REASON_BYTES: usize = 64;
    let ManifestRejection { status, reason } = rejection;
    if let Some(status) = status.filter(|status| !(400..=599).contains(status)) {
        return Err(ManifestError(format!("the manifest's rejection {reason:?} has the status {status}, not 400–599")));
    }
    let is_word = reason.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_word || !(1..=MAX_REASON_BYTES).contains(&reason.len()) {
        return Err(ManifestError(format!(
            "the manifest's rejection {reason:?} must have one word as its reason: letters, digits, `-` and `_`, \
             at most {MAX_REASON_BYTES}"
        )));
    }
    Ok(())
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
        assert_eq!((manifest.sections, manifest.scopes, manifest.once), (None, None, false));
        assert_eq!(manifest.rejections, []);
    }

    #[test]
    fn a_manifest_says_where_a_statement_may_stand_and_how_it_refuses() {
        let manifest = Manifest::parse(
            r#"{"id":"a","version":"1","sections":["outbound","on-error"],"scopes":["product","api"],"once":true,
                "rejections":[{"status":429,"reason":"RateLimitExceeded"},{"status":null,"reason":"HeaderNotFound"}]}"#,
        )
        .unwrap();
        assert_eq!(manifest.sections, Some(vec![Section::Outbound, Section::OnError]));
        assert_eq!(manifest.scopes, Some(vec![Scope::Product, Scope::Api]));
        assert!(manifest.once);
        let rejection = |status, reason: &str| ManifestRejection { status, reason: reason.to_owned() };
        let expected = [rejection(Some(429), "RateLimitExceeded"), rejection(None, "HeaderNotFound")];
        assert_eq!(manifest.rejections, expected);
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
            (
                r#"{"id":"a","version":"1","sections":["inbond"]}"#,
                r#"`sections` has "inbond", which is none of `inbound`"#,
            ),
            (r#"{"id":"a","version":"1","sections":[]}"#, "`sections` is empty"),
            (r#"{"id":"a","version":"1","scopes":["api","api"]}"#, r#"`scopes` has "api" twice"#),
            (r#"{"id":"a","version":"1","scopes":"api"}"#, "expected a sequence"),
            (r#"{"id":"a","version":"1","once":1}"#, "expected a boolean"),
            (r#"{"id":"a","version":"1","rejections":[{"status":200,"reason":"A"}]}"#, "status 200, not 400"),
            (r#"{"id":"a","version":"1","rejections":[{"status":429,"reason":"a b"}]}"#, "one word"),
            (r#"{"id":"a","version":"1","rejections":[{"status":429,"reason":""}]}"#, "one word"),
            (r#"{"id":"a","version":"1","rejections":[{"status":429}]}"#, "missing field `reason`"),
            (r#"{"id":"a","version":"1","rejections":[{"code":429,"reason":"A"}]}"#, "unknown field `code`"),
        ] {
            let error = Manifest::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
