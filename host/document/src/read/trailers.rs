//! `trailers`: which trailer fields pass.

use std::sync::Arc;

use super::Reader;
use crate::settings::TRAILERS;
use crate::yaml::{Node, Quoted};

impl Reader<'_> {
    /// Names in lower case.
    pub(super) fn trailers(&mut self, node: Option<&Arc<Node>>) -> Vec<String> {
        const EXPECTED: &str = "the name of a trailer field such as `grpc-status`";
        let Some(node) = node else { return TRAILERS.map(str::to_owned).to_vec() };
        let mut names = Vec::new();
        for item in self.one_or_many(node, &format!("{EXPECTED}, or a list of them")) {
            let Some(text) = self.text(item, EXPECTED) else { continue };
            let name = text.to_ascii_lowercase();
            if !is_token(&name) {
                self.expected(EXPECTED, item);
            } else if must_be_in_head(&name) {
                let message = format!("{} can't be a trailer field: it must stand in the head", Quoted(text));
                self.error(item.mark, message);
            } else {
                names.push(name);
            }
        }
        names
    }
}

fn is_token(name: &str) -> bool {
    let is_token_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_token_byte)
}

/// RFC 9110 §6.5.1: fields of framing, routing, request modifiers, authentication and content format, and those that
/// the gateway writes itself. Whoever merges trailers into the head must never find one of these.
fn must_be_in_head(name: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-", "x-http-method"];
    const NAMES: [&str; 36] = [
        "age",
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "expect",
        "expires",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "range",
        "retry-after",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "x-original-uri",
        "x-original-url",
        "x-real-ip",
        "x-request-id",
        "x-rewrite-url",
        "x-method-override",
        "ocp-apim-subscription-key",
        "accept-ranges",
        "status",
    ];
    name != "content-digest" && (PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name))
}
