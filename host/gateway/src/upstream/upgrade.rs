//! A request that asks an origin to speak another protocol (RFC 9110 §7.8).

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::socket::OriginStream;
use super::wire::Wire;
use super::{Origin, Timeouts, Upstream, UpstreamError, frame, response};
use crate::body::Body;
use crate::tunnel::{Tunnel, Wanted};

impl Upstream {
    /// Send a request without a body and wait for the response's head. If the origin agrees to the protocol that is
    /// `wanted`, the response is its 101 and its body the way to it.
    ///
    /// On a connection of its own, which may not come back; so nothing is ever sent twice.
    pub(crate) async fn upgrade(
        &self,
        origin: &Origin,
        mut request: Request<Body>,
        timeouts: Timeouts,
        wanted: Wanted,
    ) -> Result<Response<Body>, UpstreamError> {
        frame(&mut request);
        let headers = request.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, wanted.protocol.clone());
        let worker = &*self.worker;
        let mut wire = worker.connect(origin, timeouts.connect).await?;
        wire.may_be_upgraded();
        let (wire, response) = wire.request(&mut Some(request), timeouts.response_header).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let framing = response::check(&response)?;
            let (head, incoming) = response.into_parts();
            let body = response::body(incoming, framing, wire, &worker.pool, &origin.key, timeouts.body_idle);
            return Ok(Response::from_parts(head, body));
        }
        let mut agreed = response.headers().get_all(header::UPGRADE).iter();
        let is_agreed = |line: &HeaderValue| line.as_bytes().eq_ignore_ascii_case(wanted.protocol.as_bytes());
        if !agreed.next().is_some_and(is_agreed) || agreed.next().is_some() {
            return Err(UpstreamError::Malformed("it agrees to a protocol that nobody asked for"));
        }
        let head = response.into_parts().0;
        let (origin, first) = hand_over(wire, timeouts).await?;
        Ok(Response::from_parts(head, Body::tunnel(Tunnel { origin, first, wanted })))
    }
}

/// hyper needs a moment to let go of the connection.
async fn hand_over(mut wire: Box<Wire>, timeouts: Timeouts) -> Result<(OriginStream, Bytes), UpstreamError> {
    let deadline = Instant::now() + timeouts.connect;
    poll_fn(|cx| {
        wire.drive(cx);
        match wire.take_upgraded() {
            Some(upgraded) => Poll::Ready(Ok(upgraded)),
            None if wire.is_over() => Poll::Ready(Err(UpstreamError::Broken)),
            None => wire.poll_deadline(cx, deadline).map(|()| Err(UpstreamError::ResponseHeaderTimeout)),
        }
    })
    .await
}
