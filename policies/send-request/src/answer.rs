//! A response as a variable holds it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_sdk::http_client::Response;
use tollgate_sdk::serde_json::{Map, Value};

/// `{ "status", "reason", "headers": { "name": "value" }, "body" }`; a body that is no UTF-8 is `body_base64` instead. Cookies
/// are in the list `set_cookies` besides, if there are any: their lines are the only ones that lose by being joined (RFC
/// 9110 §5.3).
pub(crate) fn variable(response: Response) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    let mut cookies: Vec<Value> = Vec::new();
    for field in response.headers {
        let line = String::from_utf8_lossy(&field.value).into_owned();
        if field.name == "set-cookie" {
            cookies.push(Value::from(line.as_str()));
        }
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
    let cookies = (!cookies.is_empty()).then_some(("set_cookies", Value::Array(cookies)));
    let members = members.into_iter().chain(cookies);
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
}
