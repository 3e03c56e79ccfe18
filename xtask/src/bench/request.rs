//! What is sent to a benchmark of `bench/micro.yaml`: by its name, where that needs something special.

use super::plan::Benchmark;

impl Benchmark {
    /// A request that no other one is like: `number` is part of its path and of a header.
    pub(super) fn request(&self, number: u64) -> Vec<u8> {
        let name = self.name.as_str();
        // Answers from a cache are always the same one's.
        let number = if matches!(name, "cache-hit" | "cache-lookup") { 0 } else { number };
        let (kind, body) = body(name);
        let method = match name {
            "cors-preflight" => "OPTIONS",
            _ if body.is_empty() => "GET",
            _ => "POST",
        };
        let id = 100_000 + number;
        let path = match name.strip_prefix("routing-").and_then(|count| count.parse::<u64>().ok()) {
            // A stride, so that neighbours don't follow one another.
            Some(operations) => format!("items-{}/{id}", 1 + number * 7919 % operations),
            None if name == "jsonp" => format!("items/{id}?cb=called.back"),
            None => format!("items/{id}"),
        };
        let mut request = format!("{method} /{name}/{path} HTTP/1.1\r\nhost: gateway.example\r\n");
        request += &format!("x-tenant: tenant-{id}\r\nx-key: {}\r\n", if name == "quota" { "gold" } else { "key" });
        request += &match name {
            "cors" => "origin: https://a.example\r\n".to_owned(),
            "cors-preflight" => "origin: https://a.example\r\naccess-control-request-method: GET\r\n".to_owned(),
            "jsonp" | "redirect-content-urls" => "accept: application/json\r\n".to_owned(),
            // Elsewhere it would keep responses out of the cache.
            "validate-jwt" => format!("authorization: Bearer {TOKEN}\r\n"),
            _ => String::new(),
        };
        if !body.is_empty() {
            request += &format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len());
        }
        (request + "\r\n" + &body).into_bytes()
    }
}

/// Content type and body.
fn body(name: &str) -> (&'static str, String) {
    const XML: &str = "application/xml";
    const JSON: &str = "application/json";
    match name {
        "xml-to-json-1-kb" => (XML, xml(1 << 10)),
        "xml-to-json-100-kb" => (XML, xml(100 << 10)),
        "json-to-xml" | "find-and-replace" | "set-body" | "validate-content" => (JSON, json(1 << 10)),
        _ => ("", String::new()),
    }
}

/// `{"alg":"HS256"}`, `{"sub":"a"}`, signed with the key that stands in the document.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.f8YmoJ2jQ65cIt3_kI9mZMe8rLiSJ4ZQA1l8QqszjbM";

fn xml(bytes: usize) -> String {
    let line = "<line number=\"7\"><sku>A-1009</sku><quantity>12</quantity><note>fragile &amp; heavy</note></line>";
    format!("<order>{}</order>", line.repeat(bytes / line.len()))
}

fn json(bytes: usize) -> String {
    let line = r#"{"number":7,"sku":"A-1009","quantity":12,"note":"fragile and heavy"}"#;
    format!(r#"{{"lines":[{}]}}"#, vec![line; bytes / line.len()].join(","))
}
