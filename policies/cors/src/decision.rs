//! The CORS protocol of the Fetch standard, §3.2, from the server's side.

use crate::config::Config;
use crate::origin::normal;
use policy_headers::FieldName;
use tollgate_sdk::serde_json::{Value, from_str};
use tollgate_sdk::{ExpressionError, Request, context};

/// What a request is.
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    /// Not from a page of another origin.
    Plain,
    /// A call, from this origin as it was sent; none if what was sent is none.
    Actual(Option<String>),
    /// A browser asks whether it may call.
    Preflight(Option<String>, Wish),
}

/// What a browser wants to call with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Wish {
    method: String,
    /// None if one of them is no name.
    headers: Option<Vec<FieldName>>,
}

/// Headers of the answer, by name.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// Find out what a request is.
pub(crate) fn call(request: &Request<'_>) -> Call {
    let lines = request.header_values("origin");
    let origin = match lines.as_slice() {
        [] => return Call::Plain,
        [one] => String::from_utf8(one.clone()).ok().filter(|origin| !origin.is_empty()),
        _ => None,
    };
    if request.method() == "OPTIONS"
        && let Some(method) = request.header_str("access-control-request-method")
        && !is_operation()
    {
        return Call::Preflight(origin, Wish { method, headers: wanted_headers(request) });
    }
    Call::Actual(origin)
}

/// Whether the API has this very request: `OPTIONS` is then a method like any other.
fn is_operation() -> bool {
    let definition = context::operation_definition().and_then(|text| from_str::<Value>(&text).ok());
    definition.is_some_and(|definition| definition.get("method").and_then(Value::as_str) == Some("OPTIONS"))
}

fn wanted_headers(request: &Request<'_>) -> Option<Vec<FieldName>> {
    let lines = request.header_values("access-control-request-headers");
    let names = lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let name = |name: &[u8]| FieldName::parse(std::str::from_utf8(name).ok()?).ok();
    names.filter(|text| !text.is_empty()).map(name).collect()
}

/// What a call from this origin is answered with; none if it isn't one of those that may call.
pub(crate) fn actual(config: &Config, origin: Option<&str>) -> Result<Option<Fields>, ExpressionError> {
    let Some(mut fields) = origin_fields(config, origin)? else { return Ok(None) };
    if !config.expose_headers.is_empty() {
        fields.push(("access-control-expose-headers", joined(&config.expose_headers)));
    }
    Ok(Some(fields))
}

/// What a preflight is answered with; none if the call may not be made.
pub(crate) fn preflight(config: &Config, origin: Option<&str>, wish: &Wish) -> Result<Option<Fields>, ExpressionError> {
    let Some(mut fields) = origin_fields(config, origin)? else { return Ok(None) };
    let methods = &config.allowed_methods.0.methods;
    let any_method = methods.iter().any(|method| &**method == "*");
    if !any_method && !methods.iter().any(|method| **method == *wish.method) {
        return Ok(None);
    }
    let Some(wanted) = &wish.headers else { return Ok(None) };
    let any_header = config.allowed_headers.iter().any(|name| &**name == "*");
    if !any_header && !wanted.iter().all(|name| config.allowed_headers.contains(name)) {
        return Ok(None);
    }
    // What was asked for instead of `*`, which browsers don't take for `Authorization`, nor with credentials.
    let methods = if any_method { wish.method.clone() } else { joined(methods) };
    let headers = if any_header { wanted } else { &config.allowed_headers };
    fields.push(("access-control-allow-methods", methods));
    if !headers.is_empty() {
        fields.push(("access-control-allow-headers", joined(headers)));
    }
    let max_age = config.allowed_methods.0.preflight_result_max_age.get()?;
    fields.push(("access-control-max-age", max_age.to_string()));
    Ok(Some(fields))
}

/// The fields that both kinds of answers have.
fn origin_fields(config: &Config, origin: Option<&str>) -> Result<Option<Fields>, ExpressionError> {
    let Some(origin) = origin else { return Ok(None) };
    let compared = normal(origin);
    if !config.allowed_origins.iter().any(|allowed| allowed.is(&compared)) {
        return Ok(None);
    }
    let told = if config.allows_any_origin() { "*" } else { origin };
    let mut fields = vec![("access-control-allow-origin", told.to_owned())];
    if *config.allow_credentials.get()? {
        fields.push(("access-control-allow-credentials", "true".to_owned()));
    }
    Ok(Some(fields))
}

/// Names with commas between them.
fn joined(names: &[impl std::ops::Deref<Target = str>]) -> String {
    names.iter().map(|name| &**name).collect::<Vec<_>>().join(", ")
}
