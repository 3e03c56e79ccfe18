//! One request and its response over a stream of a shared connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::header::{self, HeaderValue};
use http::uri::{Authority, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::super::{Origin, Timeouts, UpstreamError};
use super::Share;
use crate::body::outflow::{self, Broken, Patience};
use crate::body::{Body, BodyError, Flow};
use crate::deadline::Alarm;

/// A request's body on its way, polled by whoever waits for the response.
type Sending = Pin<Box<dyn Future<Output = Result<(), Broken>>>>;

/// A request that may be sent twice.
pub(super) struct Spare {
    pub(super) request: Request<Body>,
    /// Even if the origin may have seen it (RFC 9110 §9.2.2).
    pub(super) is_repeatable: bool,
}

/// A request without a response.
pub(super) struct Failed {
    pub(super) error: UpstreamError,
    /// The origin says that it hasn't begun with it (RFC 9113 §8.7).
    pub(super) is_unseen: bool,
    /// The connection ended.
    pub(super) is_broken: bool,
    /// The connection, if nothing more should be begun on it.
    pub(super) share: Option<Share>,
}

impl From<UpstreamError> for Failed {
    fn from(error: UpstreamError) -> Failed {
        Failed { error, is_unseen: false, is_broken: false, share: None }
    }
}

/// A copy of a request whose body is in memory.
pub(super) fn spare(request: &Request<Body>) -> Option<Spare> {
    let bytes = request.body().in_memory()?;
    let is_repeatable = request.method().is_idempotent() && bytes.is_empty();
    let mut spare = Request::new(Body::full(bytes));
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.headers_mut() = request.headers().clone();
    Some(Spare { request: spare, is_repeatable })
}

/// Send a request and wait for the response's head.
pub(super) async fn exchange(
    share: Share,
    origin: &Origin,
    request: Request<Body>,
    timeouts: Timeouts,
) -> Result<Response<Body>, Failed> {
    let is_head = *request.method() == Method::HEAD;
    let (head, mut body) =
        head_of(request, origin).ok_or(UpstreamError::Malformed("its name can't be an authority"))?;
    let ready = tokio::time::timeout(timeouts.connect, share.0.sender.clone().ready()).await;
    let mut sender = match ready {
        Ok(Ok(sender)) => sender,
        Ok(Err(error)) => return Err(failed(&error, share)),
        Err(_) => return Err(UpstreamError::ConnectTimeout.into()),
    };
    let ends = body.is_end_stream();
    let progress = body.flow_if_streaming();
    let (response, stream) = match sender.send_request(head, ends) {
        Ok(sent) => sent,
        Err(error) => return Err(failed(&error, share)),
    };
    let patience = Patience { idle: timeouts.response_header, bytes_per_second: 0 };
    let mut sending = (!ends).then(|| -> Sending { Box::pin(send(body, stream, patience)) });
    let mut response = pin!(response);
    let mut pace = Pace { timeout: timeouts.response_header, progress, seen: 0, alarm: None, since: Instant::now() };
    let answered = poll_fn(|cx| {
        if let Some(error) = poll_sending(&mut sending, cx) {
            return Poll::Ready(Err(Failed::from(error)));
        }
        match response.as_mut().poll(cx) {
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(judged(&error))),
            Poll::Pending => pace.poll(cx).map(|()| Err(UpstreamError::ResponseHeaderTimeout.into())),
        }
    })
    .await;
    let response = match answered {
        Ok(response) => response,
        Err(mut failed) => {
            failed.share = (failed.is_unseen || failed.is_broken).then_some(share);
            return Err(failed);
        }
    };
    if !(200..=599).contains(&response.status().as_u16()) {
        return Err(UpstreamError::Malformed("its status isn't one of a final response").into());
    }
    let (parts, receive) = response.into_parts();
    let has_no_content = is_head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if receive.is_end_stream() && sending.is_none() {
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    let length = parts.headers.get(header::CONTENT_LENGTH).filter(|_| !has_no_content);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let idle = timeouts.body_idle;
    let body =
        StreamBody { receive, sending, length, passed: 0, idle, until: None, waits: None, alarm: None, _share: share };
    Ok(Response::from_parts(parts, Body::from_stream(Box::new(body))))
}

async fn send(body: Body, mut stream: SendStream<Bytes>, patience: Patience) -> Result<(), Broken> {
    outflow::send(body, &mut stream, patience).await
}

/// Go on sending. An error only if the request's body failed: everything else shows in the response.
fn poll_sending(sending: &mut Option<Sending>, cx: &mut Context<'_>) -> Option<UpstreamError> {
    let Poll::Ready(ended) = sending.as_mut()?.as_mut().poll(cx) else { return None };
    *sending = None;
    match ended {
        Err(Broken::Body(error)) => Some(UpstreamError::RequestBody(error)),
        Err(Broken::Slow) => Some(UpstreamError::ResponseHeaderTimeout),
        Ok(()) | Err(Broken::Peer) => None,
    }
}

/// The head as HTTP/2 has it (RFC 9113 §8.3.1).
fn head_of(request: Request<Body>, origin: &Origin) -> Option<(Request<()>, Body)> {
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(header::HOST)?;
    let mut uri = parts.uri.into_parts();
    uri.scheme = Some(if origin.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
    parts.uri = Uri::from_parts(uri).ok()?;
    parts.version = Version::HTTP_2;
    parts.extensions.clear();
    let headers = &mut parts.headers;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0 || parts.method == Method::POST) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // It is said for this hop: trailers are read here, whoever gets them. gRPC's servers ask for it.
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    Some((Request::from_parts(parts, ()), body))
}

fn failed(error: &h2::Error, share: Share) -> Failed {
    Failed { share: Some(share), ..judged(error) }
}

fn judged(error: &h2::Error) -> Failed {
    // A GOAWAY of ours says nothing about what the origin has seen.
    let is_unseen = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    let is_broken = error.is_io() || error.is_go_away();
    let error = match error.reason() {
        Some(Reason::PROTOCOL_ERROR | Reason::COMPRESSION_ERROR | Reason::FRAME_SIZE_ERROR) if !error.is_remote() => {
            UpstreamError::Malformed("it breaks the rules of HTTP/2")
        }
        _ => UpstreamError::Broken,
    };
    Failed { error, is_unseen, is_broken, share: None }
}

/// How long the head may take, from the last progress of the request's body.
struct Pace {
    timeout: Duration,
    progress: Option<Rc<Flow>>,
    seen: u64,
    alarm: Option<Alarm>,
    since: Instant,
}

impl Pace {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let deadline = self.since + self.timeout;
            ready!(self.alarm.get_or_insert_with(|| Alarm::new(deadline)).poll(cx, deadline));
            let now = self.progress.as_ref().map_or(0, |flow| flow.bytes());
            if now == self.seen {
                return Poll::Ready(());
            }
            self.seen = now;
            self.since = Instant::now();
        }
    }
}

/// A response's body as it comes over its stream. Dropped before its end, it resets the stream.
pub(crate) struct StreamBody {
    receive: RecvStream,
    /// The rest of the request's body.
    sending: Option<Sending>,
    length: Option<u64>,
    passed: u64,
    idle: Duration,
    /// When all of it must have come.
    until: Option<Instant>,
    waits: Option<Instant>,
    alarm: Option<Alarm>,
    _share: Share,
}

impl StreamBody {
    /// Fail when somebody still waits for it at this time.
    pub(crate) fn end_by(&mut self, until: Instant) {
        self.until = Some(until);
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = poll_sending(&mut self.sending, cx) {
            let error = match error {
                UpstreamError::RequestBody(error) => error,
                _ => BodyError::Timeout,
            };
            return Poll::Ready(Some(Err(error)));
        }
        let data = match self.receive.poll_data(cx) {
            Poll::Ready(data) => data,
            Poll::Pending => return self.wait(cx),
        };
        self.waits = None;
        match data {
            Some(Ok(chunk)) => {
                self.passed = self.passed.saturating_add(chunk.len() as u64);
                let _ = self.receive.flow_control().release_capacity(chunk.len());
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            // The rest isn't wanted, and the response is whole (RFC 9113 §8.1).
            Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
            Some(Err(_)) => Poll::Ready(Some(Err(BodyError::Broken))),
            None => Poll::Ready(match ready!(self.receive.poll_trailers(cx)) {
                Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Ok(None) => None,
                Err(_) => Some(Err(BodyError::Broken)),
            }),
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let idle = *self.waits.get_or_insert_with(Instant::now) + self.idle;
        let deadline = self.until.map_or(idle, |until| until.min(idle));
        let alarm = self.alarm.get_or_insert_with(|| Alarm::new(deadline));
        alarm.poll(cx, deadline).map(|()| Some(Err(BodyError::Timeout)))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.receive.is_end_stream() && self.sending.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.passed)),
            None => SizeHint::default(),
        }
    }
}
