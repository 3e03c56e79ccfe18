//! Requests of a statement's own, from the configuration to the wire: what `send-request` and `send-one-way-request`
//! have in common. A library; it is no statement itself.

mod copy;
mod timeout;

use policy_bodies::{NewBody, may_have_body};
pub use policy_bodies::{Phase, SetBody};
use policy_credentials::Basic;
pub use policy_headers::SetHeaders;
use policy_headers::{HeaderEdit, Section};
use std::borrow::Cow;
use timeout::Timeout;
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::http_client;
use tollgate_sdk::{ConfigError, Dynamic, Field, Headers, Request, Response, Verdict, configuration};

/// What the request begins with.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: it is what the children say.
    #[default]
    New,
    /// The client's request, which the children change.
    Copy,
}

impl Scalar for Mode {
    fn from_value(value: Value) -> Result<Self, String> {
        match String::from_value(value)?.as_str() {
            "new" => Ok(Self::New),
            "copy" => Ok(Self::Copy),
            _ => Err("expected `new` or `copy`, found another text".into()),
        }
    }
}

/// The attributes and children that both statements have, as the configuration gives them.
#[derive(Debug, Default)]
pub struct Parts {
    /// `mode`.
    pub mode: Dynamic<Mode>,
    /// `timeout`, in seconds.
    pub timeout: Option<Dynamic<f64>>,
    /// `timeout-ms`.
    pub timeout_ms: Option<Dynamic<u64>>,
    /// `set-url`.
    pub set_url: Option<Dynamic<String>>,
    /// `set-method`.
    pub set_method: Option<Dynamic<String>>,
    /// `set-header`.
    pub set_header: Option<SetHeaders>,
    /// `set-body`.
    pub set_body: Option<SetBody>,
    /// `authentication-basic`.
    pub authentication_basic: Option<Basic>,
}

/// A request that is made anew for each exchange.
#[derive(Debug)]
pub struct Outgoing {
    mode: Dynamic<Mode>,
    timeout: Timeout,
    url: Option<Dynamic<String>>,
    method: Option<Dynamic<String>>,
    headers: Vec<HeaderEdit>,
    body: Option<NewBody>,
    basic: Option<Basic>,
}

impl Outgoing {
    /// Checks what the schema can't say.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { mode, timeout, timeout_ms, set_url, set_method, set_header, set_body, authentication_basic } =
            parts;
        if set_url.is_none() && mode.literal() != Some(&Mode::Copy) {
            return Err(ConfigError::new("", "`set-url` is missing; only `mode: copy` needs none"));
        }
        if set_url.as_ref().and_then(Dynamic::literal).is_some_and(|url| !is_url(url)) {
            return Err(ConfigError::new("/set-url", "expected an absolute URL with `http://` or `https://`"));
        }
        if set_method.as_ref().and_then(Dynamic::literal).is_some_and(|method| !is_method(method)) {
            return Err(ConfigError::new("/set-method", "this is no method"));
        }
        let below =
            |error: ConfigError| ConfigError::new(format!("/authentication-basic{}", error.pointer), error.message);
        Ok(Self {
            mode,
            timeout: Timeout::new(timeout, timeout_ms)?,
            url: set_url,
            method: set_method,
            headers: set_header.map_or(Ok(Vec::new()), SetHeaders::edits)?,
            body: set_body.map(|body| NewBody::below("/set-body", body)).transpose()?,
            basic: authentication_basic.map(Basic::checked).transpose().map_err(below)?,
        })
    }

    /// Whether the client's body is a part of the request, or its template looks at it.
    pub fn wants_request_body(&self, request: &Request) -> bool {
        match &self.body {
            Some(body) => body.reads(request),
            None => self.mode.get().is_ok_and(|mode| *mode == Mode::Copy),
        }
    }

    /// Whether its template looks at the response's body.
    pub fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        self.body.as_ref().is_some_and(|body| body.reads(response)) && may_have_body(request, response)
    }

    /// The request for this exchange. The client's body is a part of it in `on-request` only: behind that it has gone to
    /// the origin, or nowhere.
    pub fn make(&self, phase: Phase<'_>) -> Result<http_client::Request, Verdict> {
        let request = phase.request();
        let copied = *self.mode.get()? == Mode::Copy;
        let url = match &self.url {
            Some(url) => url.get()?,
            None => Cow::Owned(copy::url(request)),
        };
        let method = match &self.method {
            Some(method) => method.get()?,
            None if copied => Cow::Owned(request.method()),
            None => Cow::Owned("GET".to_owned()),
        };
        let body = match (&self.body, phase) {
            (Some(body), _) => body.make(phase)?,
            (None, Phase::Request(request)) if copied => request.body()?,
            (None, _) => Vec::new(),
        };
        Ok(http_client::Request {
            method: method.into_owned(),
            url: url.into_owned(),
            headers: self.headers(request, copied)?,
            body,
            timeout: self.timeout.get()?,
        })
    }

    fn headers(&self, request: &Request, copied: bool) -> Result<Vec<Field>, Verdict> {
        let mut section = Section(if copied { copy::headers(request) } else { Vec::new() });
        for edit in &self.headers {
            edit.apply(&mut section)?;
        }
        if let Some(basic) = &self.basic {
            section.set_header("authorization", basic.authorization()?)?;
        }
        Ok(section.0)
    }
}

/// What is certainly none is told when the document is loaded; the gateway looks closer when it sends.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']))
        && text.bytes().all(|byte| byte > b' ' && byte != 0x7f)
}

/// RFC 9110 §9.1, without the one that makes tunnels.
fn is_method(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text != "CONNECT" && text.bytes().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_absolute() {
        for url in ["http://a", "https://a.example:8443/x?y=1", "http://[::1]/"] {
            assert!(is_url(url), "{url}");
        }
        for text in ["", "/a", "a.example", "ftp://a", "http://", "http:///x", "http://a b", "http://a\n"] {
            assert!(!is_url(text), "{text}");
        }
    }

    #[test]
    fn methods_are_tokens_and_no_tunnels() {
        assert!(is_method("PROPFIND") && is_method("get"));
        assert!(!is_method("") && !is_method("A B") && !is_method("CONNECT"));
    }
}
