//! A request as a span of kind "server", by the semantic conventions for HTTP.

use std::time::SystemTime;

use http::Method;
use serde_json::Value;

use super::super::access_log::{Cache, Line, Trace};
use super::scope;
use crate::forwarded::address_text;
use crate::json::{push_number, push_string};
use crate::serve::check;

/// `SPAN_KIND_SERVER`.
const SERVER: u64 = 2;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// The body of a request to `/v1/traces`.
pub(super) fn request(spans: &[u8], resource: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(spans.len() + 512);
    out.extend_from_slice(b"{\"resourceSpans\":[{\"resource\":");
    out.extend_from_slice(resource.to_string().as_bytes());
    out.extend_from_slice(b",\"scopeSpans\":[{\"scope\":");
    out.extend_from_slice(scope().to_string().as_bytes());
    out.extend_from_slice(b",\"spans\":[");
    out.extend_from_slice(spans);
    out.extend_from_slice(b"]}]}]}");
    out
}

/// Append a request's span.
pub(super) fn push(out: &mut Vec<u8>, line: &Line<'_>, trace: &Trace<'_>) {
    out.extend_from_slice(b"{\"traceId\":");
    push_string(out, trace.trace_id.as_bytes());
    out.extend_from_slice(b",\"spanId\":");
    push_string(out, trace.span_id.as_bytes());
    if let Some(parent) = trace.parent_id {
        out.extend_from_slice(b",\"parentSpanId\":");
        push_string(out, parent.as_bytes());
    }
    out.extend_from_slice(b",\"name\":");
    push_string(out, name(line).as_bytes());
    out.extend_from_slice(b",\"kind\":");
    push_number(out, SERVER);
    push_time(out, "startTimeUnixNano", line.time);
    push_time(out, "endTimeUnixNano", line.time + line.duration);
    out.extend_from_slice(b",\"attributes\":[");
    let mut attributes = Attributes { out, is_first: true };
    attributes.text("http.request.method", line.method.as_bytes());
    attributes.text("url.scheme", line.scheme.as_bytes());
    attributes.text("url.path", line.path.as_bytes());
    if let Some(route) = route(line) {
        attributes.text("http.route", route.as_bytes());
    }
    attributes.text("server.address", line.host);
    attributes.text("client.address", &address_text(line.client_ip));
    attributes.number("http.response.status_code", u64::from(line.status));
    attributes.number("http.request.body.size", line.request_bytes);
    attributes.number("http.response.body.size", line.response_bytes);
    attributes.optional("user_agent.original", line.user_agent);
    attributes.text("tollgate.request_id", line.request_id.as_bytes());
    attributes.optional("tollgate.api", line.api.map(str::as_bytes));
    attributes.optional("tollgate.operation", line.operation.map(str::as_bytes));
    attributes.optional("tollgate.product", line.product.map(str::as_bytes));
    attributes.optional("tollgate.subscription", line.subscription.map(str::as_bytes));
    match line.cache {
        Cache::None => {}
        Cache::Hit => attributes.text("tollgate.cache", b"hit"),
        Cache::Miss => attributes.text("tollgate.cache", b"miss"),
    }
    if let Some(origin) = line.origin {
        attributes.number("tollgate.origin_us", u64::try_from(origin.as_micros()).unwrap_or(u64::MAX));
    }
    if let Some(error) = line.error {
        attributes.text("error.type", error.reason.as_bytes());
        attributes.text("tollgate.error_source", error.source.as_bytes());
        attributes.text("tollgate.error_blame", error.blame.name().as_bytes());
    }
    out.push(b']');
    // Of a server's span only its own failures are errors: what the client did wrong isn't.
    if line.status >= 500 {
        out.extend_from_slice(b",\"status\":{\"code\":");
        push_number(out, ERROR);
        out.push(b'}');
    }
    out.push(b'}');
}

/// Method and route, and nothing that clients choose.
fn name(line: &Line<'_>) -> String {
    let is_registered = Method::from_bytes(line.method.as_bytes()).is_ok_and(|method| check::is_registered(&method));
    let method = if is_registered { line.method } else { "HTTP" };
    match route(line) {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

/// The API's path and the operation's template.
fn route(line: &Line<'_>) -> Option<String> {
    let path = line.api_path?;
    let slash = if path.is_empty() { "" } else { "/" };
    Some(format!("{slash}{path}{}", line.template.unwrap_or("/*")))
}

fn push_time(out: &mut Vec<u8>, key: &str, time: SystemTime) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    let nanos = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    push_number(out, u64::try_from(nanos).unwrap_or(u64::MAX));
    out.push(b'"');
}

struct Attributes<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl Attributes<'_> {
    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"{\"key\":\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\",\"value\":{");
    }

    fn text(&mut self, key: &str, value: &[u8]) {
        /// Enough for any path; what is longer is a client's joke.
        const MAX_BYTES: usize = 1024;
        self.key(key);
        self.out.extend_from_slice(b"\"stringValue\":");
        push_string(self.out, &value[..value.len().min(MAX_BYTES)]);
        self.out.extend_from_slice(b"}}");
    }

    fn optional(&mut self, key: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.out.extend_from_slice(b"\"intValue\":\"");
        push_number(self.out, value);
        self.out.extend_from_slice(b"\"}}");
    }
}
