//! Messages as tests build and read them.

use crate::bindings::imports::tollgate::policy::messages::HeaderError;
use crate::context::Subscription;
use serde_json::Value;
use std::collections::BTreeMap;

/// A header section: names in lower case, lines in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lines(pub(crate) Vec<(String, Vec<u8>)>);

/// Headers for the response, whoever will make it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    set: Lines,
    appended: Lines,
    removed: Vec<String>,
}

impl Staged {
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.appended.remove(name);
        self.set.set(name, value);
    }

    pub(crate) fn append(&mut self, name: &str, value: &[u8]) {
        self.appended.append(name, value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.set.remove(name);
        self.appended.remove(name);
        self.removed.push(name.to_ascii_lowercase());
    }

    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.set.values(name).chain(self.appended.values(name)).next()
    }

    pub(crate) fn apply(&self, headers: &mut Lines) {
        self.removed.iter().for_each(|name| headers.remove(name));
        self.set.0.iter().for_each(|(name, value)| headers.set(name, value));
        self.appended.0.iter().for_each(|(name, value)| headers.append(name, value));
    }
}

/// A request, with the facts that the gateway knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Lines,
    pub(crate) body: Vec<u8>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) client_ip: String,
    pub(crate) api_id: String,
    pub(crate) api_path: String,
    pub(crate) operation_definition: Option<Value>,
    pub(crate) operation_id: Option<String>,
    pub(crate) product_id: Option<String>,
    pub(crate) subscription: Option<Subscription>,
}

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Lines,
    pub(crate) body: Vec<u8>,
}

impl Lines {
    pub(crate) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let name = name.to_ascii_lowercase();
        self.0.iter().filter(move |(line, _)| *line == name).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn append(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(line, _)| !line.eq_ignore_ascii_case(name));
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.append(name, value);
    }
}

/// Would the gateway take this header? `value` is none for a removal.
pub(crate) fn check_header(name: &str, value: Option<&[u8]>, on_request: bool) -> Result<(), HeaderError> {
    const FRAMING: [&str; 8] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
        return Err(HeaderError::InvalidName);
    }
    let name = name.to_ascii_lowercase();
    if FRAMING.contains(&name.as_str()) || (on_request && name == "host") {
        return Err(HeaderError::Forbidden);
    }
    let allowed = |byte: &u8| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f);
    match value {
        Some(value) if !value.iter().all(allowed) => Err(HeaderError::InvalidValue),
        _ => Ok(()),
    }
}

/// What both messages let a test do.
macro_rules! message {
    ($message:ident) => {
        impl $message {
            /// Add a header line.
            #[must_use]
            pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
                self.headers.append(name, value.as_ref());
                self
            }

            /// With this body.
            #[must_use]
            pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
                self.body = body.into();
                self
            }

            /// The first value of a header.
            pub fn header(&self, name: &str) -> Option<&[u8]> {
                self.headers.values(name).next()
            }

            /// The first value of a header as text.
            pub fn header_str(&self, name: &str) -> Option<&str> {
                std::str::from_utf8(self.header(name)?).ok()
            }

            /// All values of a header, as text, in order.
            pub fn header_values(&self, name: &str) -> Vec<String> {
                self.headers.values(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
            }

            /// The body.
            pub fn body(&self) -> &[u8] {
                &self.body
            }

            /// The body as text.
            pub fn body_str(&self) -> Option<&str> {
                std::str::from_utf8(&self.body).ok()
            }
        }
    };
}

message!(Request);
message!(Response);

impl Request {
    /// A request from `192.0.2.1` to `https://api.example` without a subscription key.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = split_target(target);
        Self {
            method: method.into(),
            scheme: "https".into(),
            authority: "api.example".into(),
            path,
            query,
            headers: Lines::default(),
            body: Vec::new(),
            parameters: BTreeMap::new(),
            client_ip: "192.0.2.1".into(),
            api_id: "api".into(),
            api_path: "api".into(),
            operation_definition: None,
            operation_id: None,
            product_id: None,
            subscription: None,
        }
    }

    /// A `GET`. Example: `/orders?limit=3`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A `POST`.
    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// From this client.
    #[must_use]
    pub fn from_ip(mut self, address: &str) -> Self {
        self.client_ip = address.into();
        self
    }

    /// With the key of a subscription that began at 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn with_subscription(self, id: &str) -> Self {
        self.with_subscription_since(id, 0)
    }

    /// With the key of a subscription that began then.
    #[must_use]
    pub fn with_subscription_since(mut self, id: &str, start_unix_ms: i64) -> Self {
        self.subscription = Some(Subscription { id: id.into(), start_unix_ms });
        self
    }

    /// With a parameter of the operation's URL template.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// To this host and port.
    #[must_use]
    pub fn to_authority(mut self, authority: &str) -> Self {
        self.authority = authority.into();
        self
    }

    /// With this scheme.
    #[must_use]
    pub fn over(mut self, scheme: &str) -> Self {
        self.scheme = scheme.into();
        self
    }

    /// Matched to this API, operation and product.
    #[must_use]
    pub fn matched(mut self, api: &str, operation: Option<&str>, product: Option<&str>) -> Self {
        self.api_id = api.into();
        self.operation_id = operation.map(Into::into);
        self.product_id = product.map(Into::into);
        self
    }

    /// Matched to an API with this public path. Example: `shop/orders`.
    #[must_use]
    pub fn with_api_path(mut self, path: &str) -> Self {
        self.api_path = path.into();
        self
    }

    /// Matched to an operation of which the document says this. Its `id` is the operation's.
    #[must_use]
    pub fn with_operation_definition(mut self, definition: Value) -> Self {
        if let Some(id) = definition["id"].as_str() {
            self.operation_id = Some(id.into());
        }
        self.operation_definition = Some(definition);
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl Response {
    /// An empty response.
    pub fn new(status: u16) -> Self {
        Self { status, reason: None, headers: Lines::default(), body: Vec::new() }
    }

    /// What the gateway answers to a failure, as an on-error section finds it.
    pub fn failure(status: u16, message: &str) -> Self {
        let body = format!("{{ \"statusCode\": {status}, \"message\": {} }}", serde_json::Value::from(message));
        Self::new(status).with_header("content-type", "application/json").with_body(body)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, if it isn't the usual one.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

pub(crate) fn split_target(target: &str) -> (String, Option<String>) {
    match target.split_once('?') {
        Some((path, query)) => (path.into(), Some(query.into())),
        None => (target.into(), None),
    }
}

/// Percent- and plus-decoded, as `query-values` gives it.
pub(crate) fn decoded(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::new();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        decoded.push(match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                rest = &tail[2..];
                value
            }
            (b'+', _) => b' ',
            (byte, _) => *byte,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        assert_eq!(decoded("a+b%20c%2Fd%zz%4"), "a b c/d%zz%4");
    }

    #[test]
    fn framing_headers_are_the_gateways() {
        assert_eq!(check_header("Content-Length", Some(b"1"), false), Err(HeaderError::Forbidden));
        assert_eq!(check_header("Host", Some(b"a"), true), Err(HeaderError::Forbidden));
        assert_eq!(check_header("Host", Some(b"a"), false), Ok(()));
        assert_eq!(check_header("a b", None, false), Err(HeaderError::InvalidName));
        assert_eq!(check_header("a", Some(b"x\r\ny"), false), Err(HeaderError::InvalidValue));
    }
}
