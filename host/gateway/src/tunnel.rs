//! Connections that speak another protocol after an upgrade (RFC 9110 §7.8), web sockets above all.
//!
//! A request is an upgrade only if its API allows the protocol, and becomes one only if the origin agrees with 101. Until
//! then the client's bytes stay with its connection: if the origin doesn't agree, they are the next request, and are
//! checked as one. `h2c` is never passed on. From then on bytes pass both ways, and nobody reads them.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::Instant;

use crate::body::{Body, Flow};
use crate::upstream::socket::OriginStream;

/// What is on its way in each direction.
const BUFFER: usize = 16 << 10;

/// How many tunnels a worker may have, and has.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    taken: Cell<usize>,
}

/// One tunnel's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Rc<Places>);

impl Places {
    pub(crate) fn new(most: usize) -> Rc<Places> {
        Rc::new(Places { most, taken: Cell::new(0) })
    }

    /// Take a place; none if there is none.
    pub(crate) fn take(self: &Rc<Places>) -> Option<Place> {
        if self.taken.get() >= self.most {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Place(Rc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get().saturating_sub(1));
    }
}

/// An upgrade that a client asks for.
pub(crate) struct Wanted {
    /// What it wants to speak.
    pub(crate) protocol: HeaderValue,
    /// Given back when the tunnel ends.
    pub(crate) _place: Place,
    /// The account of what the client sends.
    pub(crate) flow: Rc<Flow>,
}

/// The origin's end of a tunnel.
pub(crate) struct Tunnel {
    pub(crate) origin: OriginStream,
    /// What the origin sent right behind its agreement.
    pub(crate) first: Bytes,
    pub(crate) wanted: Wanted,
}

/// The protocol that a request asks for, if it is one of `allowed` and the request can be an upgrade at all.
///
/// HTTP/1.1, GET, no body, `upgrade` among the options of `Connection`, and one protocol: what asks for more is
/// answered as if it hadn't asked, which RFC 9110 §7.8 allows.
pub(crate) fn wanted(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    has_body: bool,
    allowed: &[String],
) -> Option<HeaderValue> {
    let mut lines = headers.get_all(header::UPGRADE).iter();
    let protocol = lines.next()?;
    let is_upgrade = lines.next().is_none()
        && version == Version::HTTP_11
        && *method == Method::GET
        && !has_body
        && headers.get_all(header::CONNECTION).iter().any(|line| names(line, b"upgrade"))
        && allowed.iter().any(|name| protocol.as_bytes().eq_ignore_ascii_case(name.as_bytes()));
    is_upgrade.then(|| protocol.clone())
}

/// Is `option` in a list of options?
fn names(line: &HeaderValue, option: &[u8]) -> bool {
    line.as_bytes().split(|byte| *byte == b',').any(|name| name.trim_ascii().eq_ignore_ascii_case(option))
}

/// A client connection that becomes a tunnel as soon as its 101 is written.
pub(crate) struct Agreed {
    pub(crate) tunnel: Tunnel,
    /// The response's body, with everything that must happen when it is over.
    pub(crate) body: Body,
}

impl Agreed {
    /// Pass bytes both ways until both sides have ended, one has broken, or nothing has passed for `idle`.
    /// `early` came from the client behind its request.
    pub(crate) async fn run(self, client: impl AsyncRead + AsyncWrite + Unpin, early: Bytes, idle: Duration) {
        let Agreed { tunnel, mut body } = self;
        let active = Rc::new(Cell::new(Instant::now()));
        let (sent, received) = (tunnel.wanted.flow, body.flow());
        let mut client = Counted { stream: client, first: early, flow: sent, active: Rc::clone(&active) };
        let mut origin =
            Counted { stream: tunnel.origin, first: tunnel.first, flow: received, active: Rc::clone(&active) };
        let copied = copy_bidirectional_with_sizes(&mut client, &mut origin, BUFFER, BUFFER);
        let silent = async {
            loop {
                let until = active.get() + idle;
                tokio::time::sleep_until(until).await;
                if active.get() + idle <= Instant::now() {
                    return;
                }
            }
        };
        tokio::select! {
            _ = copied => {}
            () = silent => {}
        }
    }
}

/// One end, whose bytes are counted as they come.
struct Counted<S> {
    stream: S,
    first: Bytes,
    flow: Rc<Flow>,
    active: Rc<Cell<Instant>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = if this.first.is_empty() {
            Pin::new(&mut this.stream).poll_read(cx, buffer)
        } else {
            let length = this.first.len().min(buffer.remaining());
            buffer.put_slice(&this.first[..length]);
            this.first.advance(length);
            Poll::Ready(Ok(()))
        };
        if read.is_ready() {
            this.flow.add(buffer.filled().len() - before);
            this.active.set(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn asks(method: &str, version: Version, fields: &[(&str, &str)], has_body: bool) -> bool {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        wanted(&method, version, &headers, has_body, &["websocket".into()]).is_some()
    }

    #[test]
    fn only_a_clean_request_for_an_allowed_protocol_is_an_upgrade() {
        let good = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        assert!(asks("GET", Version::HTTP_11, &good, false));
        assert!(!asks("POST", Version::HTTP_11, &good, false));
        assert!(!asks("GET", Version::HTTP_11, &good, true));
        assert!(!asks("GET", Version::HTTP_10, &good, false));
        assert!(!asks("GET", Version::HTTP_2, &good, false));
        for fields in [
            &[("upgrade", "websocket")][..],
            &[("connection", "upgrade")],
            &[("connection", "upgrade"), ("upgrade", "h2c")],
            &[("connection", "upgrade"), ("upgrade", "h2c, websocket")],
            &[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")],
            &[("connection", "close"), ("upgrade", "websocket")],
        ] {
            assert!(!asks("GET", Version::HTTP_11, fields, false), "{fields:?}");
        }
    }

    #[test]
    fn there_are_no_more_tunnels_than_places() {
        let places = Places::new(1);
        let place = places.take();
        assert!(place.is_some() && places.take().is_none());
        drop(place);
        assert!(places.take().is_some());
    }
}
