//! Requests and responses, as plain values. The client sends and the origin records the same type.

use std::fmt;

/// Header lines in the order in which they were sent; names as they were written.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Vec<u8>)>);

impl Headers {
    /// The first value of a header, whatever the case of its name.
    ///
    /// # Panics
    ///
    /// If the value is no UTF-8; see `bytes`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// All values of a header, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let text = |value| std::str::from_utf8(value).expect("a header value in UTF-8");
        self.bytes(name).into_iter().map(text).collect()
    }

    /// All values of a header, as bytes.
    pub fn bytes(&self, name: &str) -> Vec<&[u8]> {
        let lines = self.0.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_slice()).collect()
    }

    /// Is there such a header?
    pub fn has(&self, name: &str) -> bool {
        !self.bytes(name).is_empty()
    }

    pub(crate) fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.push((name.to_owned(), value.as_ref().to_owned()));
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|(name, value)| (name, value.escape_ascii().to_string()));
        f.debug_map().entries(lines).finish()
    }
}

/// A request to send, or one that an origin has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// As it stands in the request line. Example: `/orders?x=1`.
    pub target: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Headers::default(), body: Vec::new() }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// Add a header line.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The request on the wire. `host` is added unless it is there, and `content-length` if there is a body.
    pub fn to_bytes(&self, host: &str) -> Vec<u8> {
        let mut headers = self.headers.clone();
        if !headers.has("host") {
            headers.0.insert(0, ("host".to_owned(), host.as_bytes().to_owned()));
        }
        let framed = headers.has("content-length") || headers.has("transfer-encoding");
        if !framed && (!self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")) {
            headers.push("content-length", self.body.len().to_string());
        }
        write(&format!("{} {} HTTP/1.1", self.method, self.target), &headers, &self.body)
    }
}

/// A response that an origin gives, or one that a client has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self { status, reason: reason(status).to_owned(), headers: Headers::default(), body: Vec::new() }
    }

    /// Add a header line.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The status line and headers on the wire, with whatever framing the headers say.
    pub(crate) fn head_bytes(&self) -> Vec<u8> {
        write(&format!("HTTP/1.1 {} {}", self.status, self.reason), &self.headers, b"")
    }

    /// The response on the wire, with `content-length` unless the headers say how long it is.
    pub(crate) fn to_bytes(&self, method: &str) -> Vec<u8> {
        let mut whole = self.clone();
        let framed = whole.headers.has("content-length") || whole.headers.has("transfer-encoding");
        let may_have_body = self.status >= 200 && !matches!(self.status, 204 | 304);
        if !framed && may_have_body {
            whole.headers.push("content-length", whole.body.len().to_string());
        }
        let mut bytes = whole.head_bytes();
        if may_have_body && method != "HEAD" {
            bytes.extend(&whole.body);
        }
        bytes
    }
}

fn write(first: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut bytes = first.as_bytes().to_owned();
    bytes.extend(b"\r\n");
    for (name, value) in &headers.0 {
        bytes.extend(name.as_bytes());
        bytes.extend(b": ");
        bytes.extend(value);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_order_and_repeats_and_ignore_case() {
        let request = Request::get("/").header("X-A", "1").header("b", "2").header("x-a", b"\xff");
        assert_eq!(request.headers.bytes("x-A"), [b"1".as_slice(), b"\xff"]);
        assert_eq!(request.headers.get("B"), Some("2"));
        assert!(!request.headers.has("c"));
    }

    #[test]
    fn what_is_missing_is_added_and_nothing_else() {
        let bytes = Request::post("/x", "hi").to_bytes("h:1");
        assert_eq!(bytes, b"POST /x HTTP/1.1\r\nhost: h:1\r\ncontent-length: 2\r\n\r\nhi");
        let bytes = Request::get("/").header("Host", "own").to_bytes("h:1");
        assert_eq!(bytes, b"GET / HTTP/1.1\r\nHost: own\r\n\r\n");
        let bytes = Response::new(200).header("content-length", "9").body("hi").to_bytes("GET");
        assert_eq!(bytes, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi");
        assert_eq!(Response::new(204).to_bytes("GET"), b"HTTP/1.1 204 No Content\r\n\r\n");
    }
}
