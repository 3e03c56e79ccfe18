//! From what the document says of an operation to an answer.

use crate::sample::sample;
use tollgate_sdk::serde::Deserialize;
use tollgate_sdk::serde_json::{self, Value};

/// As much of an operation as answers need.
#[derive(Default, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", default)]
struct Operation {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(crate = "tollgate_sdk::serde")]
struct Response {
    status: u16,
    #[serde(default)]
    representations: Vec<Representation>,
}

#[derive(Deserialize)]
#[serde(crate = "tollgate_sdk::serde", rename_all = "kebab-case")]
struct Representation {
    content_type: String,
    #[serde(default)]
    schema: Option<Value>,
    /// `null` is an example too.
    #[serde(default, deserialize_with = "present")]
    example: Option<Value>,
}

fn present<'de, D: tollgate_sdk::serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The media type and the body of the answer with this status; none if it has no body.
///
/// Of the representations that fit, the example with the number `index` is taken. Without one, a sample is made of the
/// first schema.
pub(crate) fn answer(
    definition: &str,
    status: u16,
    content_type: Option<&str>,
    index: usize,
) -> Option<(String, Vec<u8>)> {
    if matches!(status, 204 | 205 | 304) {
        return None;
    }
    let operation: Operation = serde_json::from_str(definition).unwrap_or_default();
    let fits = |representation: &&Representation| {
        content_type.is_none_or(|wanted| essence(wanted) == essence(&representation.content_type))
    };
    let responses = operation.responses.iter().filter(|response| response.status == status);
    let fitting: Vec<&Representation> = responses.flat_map(|response| &response.representations).filter(fits).collect();
    let mut examples = fitting.iter().filter_map(|one| Some((&one.content_type, one.example.as_ref()?)));
    if let Some((content_type, example)) = examples.nth(index) {
        return Some((content_type.clone(), written(example, content_type)));
    }
    let first = fitting.first()?;
    let body = first.schema.as_ref().and_then(|schema| generated(schema, &first.content_type));
    Some((first.content_type.clone(), body.unwrap_or_default()))
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json")
}

/// An example as a body: text as it is, unless the body is JSON and the text is no JSON object or list by itself.
fn written(example: &Value, content_type: &str) -> Vec<u8> {
    match example {
        Value::String(text) if !is_json(content_type) || is_document(text) => text.clone().into_bytes(),
        value => value.to_string().into_bytes(),
    }
}

fn is_document(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array())
}

/// A sample as a body; none for media types that nobody knows how to write.
fn generated(schema: &Value, content_type: &str) -> Option<Vec<u8>> {
    match sample(schema) {
        value if is_json(content_type) => Some(value.to_string().into_bytes()),
        Value::String(text) if essence(content_type).starts_with("text/") => Some(text.into_bytes()),
        _ => None,
    }
}
