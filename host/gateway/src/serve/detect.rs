//! HTTP/1 or HTTP/2? In cleartext only the first bytes tell (RFC 9113 §3.3, prior knowledge).

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What every HTTP/2 client sends first (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As much as a common request's head, so that most connections are read once here and not again.
const FIRST_BYTES: usize = 2 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Read until it is clear what is spoken; and what was read, which belongs to the protocol's own reader.
///
/// Waits as long as the client does: limit it. A client that goes away speaks HTTP/1, in which that is no error.
pub(super) async fn detect(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(Protocol, Bytes)> {
    let mut first = [0; FIRST_BYTES];
    let mut length = 0;
    loop {
        let read = stream.read(&mut first[length..]).await?;
        length += read;
        let seen = length.min(PREFACE.len());
        let protocol = if first[..seen] != PREFACE[..seen] || read == 0 {
            Protocol::Http1
        } else if seen == PREFACE.len() {
            Protocol::Http2
        } else {
            continue;
        };
        return Ok((protocol, Bytes::copy_from_slice(&first[..length])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn protocol_of(text: &[u8]) -> (Protocol, Bytes) {
        detect(&mut &*text).await.unwrap()
    }

    #[tokio::test]
    async fn only_a_whole_preface_is_http_2() {
        assert_eq!(protocol_of(PREFACE).await.0, Protocol::Http2);
        for text in
            [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"PUT / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\n"]
        {
            let (protocol, read) = protocol_of(text).await;
            assert_eq!((protocol, &read[..]), (Protocol::Http1, text));
        }
        let more = [PREFACE, &b"\0\0\0\x04\0\0\0\0\0"[..]].concat();
        assert_eq!(protocol_of(&more).await, (Protocol::Http2, Bytes::from(more)));
    }
}
