//! A response as a variable holds it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_sdk::http_client::Response;
use tollgate_sdk::serde_json::{Map, Value};

/// `{ "status", "reason", "headers": { "name": "value" }, "body" }`; a body that is no UTF-8 is `body_base64` instead.
pub(crate) fn variable(response: Response) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for field in response.headers {
        let line = String::from_utf8_lossy(&field.value).into_owned();
        match headers.get_mut(&field.name) {
            Some(Value::String(lines)) => {
                lines.push_str(", ");
                lines.push_str(&line);
            }
            _ => {
                headers.insert(field.name, Value::String(line));
            }
        }
    }
    let (name, body) = match String::from_utf8(response.body) {
        Ok(text) => ("body", text),
        Err(error) => ("body_base64", STANDARD.encode(error.as_bytes())),
    };
    let members = [
        ("status", Value::from(response.status)),
        ("reason", Value::from(response.reason.unwrap_or_default())),
        ("headers", Value::Object(headers)),
        (name, Value::from(body)),
    ];
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
