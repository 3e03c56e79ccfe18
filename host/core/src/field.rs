//! Header fields that belong to the gateway: framing and hop-by-hop (RFC 9110 §7.6.1, RFC 9112 §6).

use http::header::{self, HeaderName};

/// `keep-alive`, which RFC 9110 §7.6.1 lists though it was never registered as a constant here.
pub const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// `proxy-connection`, a relic that must not be forwarded (RFC 9110 §7.6.1).
pub const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// True for a field that no policy may set, because it frames the message or belongs to one hop.
pub fn is_framing(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::CONTENT_LENGTH
        || *name == header::TRANSFER_ENCODING
        || *name == header::TE
        || *name == header::TRAILER
        || *name == header::UPGRADE
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_fields_belong_to_the_gateway() {
        for name in [
            "connection",
            "content-length",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(is_framing(&HeaderName::from_static(name)), "{name}");
        }
        assert!(!is_framing(&header::CONTENT_TYPE));
    }
}
