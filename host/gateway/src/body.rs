//! Bodies: one concrete type for both directions, so that nothing on the path is boxed for being generic.
//!
//! A [`Body`] is whole in memory or streams from a client or an origin, and carries what must happen along the way:
//! counting, filling a cache, and dropping a guard at the end. It pulls; what nobody pulls isn't read from the
//! network either. Trailers are read and dropped but for those that the operator lets pass: no policy sees them.

/// Request bodies as they come from clients.
pub(crate) mod client;

/// Response bodies on their way into a cache.
pub(crate) mod poured;
/// What may stand behind a body.
pub(crate) mod trailers;

/// Bodies on their way out over HTTP/2.
pub(crate) mod outflow;

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::overload;
use crate::serve::watch::Watch;
use crate::tunnel::Tunnel;
use crate::upstream::http2::StreamBody;
use crate::upstream::response::OriginBody;
use client::ClientBody;
use poured::Poured;
use trailers::TrailerNames;

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than it may be.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// Bytes that were allowed.
        limit: u64,
    },
    /// Nothing came for too long, or too little in too long.
    #[error("the body came too slowly")]
    Timeout,
    /// The connection ended or the framing is wrong.
    #[error("the body ended before its end")]
    Broken,
    /// There is no memory to hold it in; what streams past needs none.
    #[error("memory is too short for the body")]
    NoMemory,
}

/// So much of a body is held even while memory is short: most messages, which cost no more than their heads.
const SMALL_BYTES: usize = 16 << 10;

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not at an end yet; if the body is gone, its reader abandoned it.
    Open,
    /// All of it was read.
    Whole,
    /// It failed.
    Failed(BodyError),
}

/// The account of a body, shared with whoever wants to know.
#[derive(Debug)]
pub struct Flow {
    bytes: Cell<u64>,
    end: Cell<End>,
}

impl Flow {
    /// An account of nothing yet.
    pub fn new() -> Rc<Flow> {
        Rc::new(Flow { bytes: Cell::new(0), end: Cell::new(End::Open) })
    }

    /// Bytes that passed.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes as u64));
    }

    /// See [`End`].
    pub fn end(&self) -> End {
        self.end.get()
    }
}

/// A request's or response's body.
pub struct Body {
    source: Source,
    flow: Option<Rc<Flow>>,
    tee: Option<Box<Tee>>,
    guard: Option<Box<dyn Any>>,
    /// The client connection that this body answers on; told when the body is gone.
    answers: Option<Rc<Watch>>,
    /// The trailers that may pass; none for none.
    trailers: Option<Arc<TrailerNames>>,
    failed: bool,
}

enum Source {
    Empty,
    Full(Bytes),
    Client(Box<ClientBody>),
    Origin(Box<OriginBody>),
    Poured(Box<Poured>),
    Stream(Box<StreamBody>),
    /// No body at all, but the way to an origin that has agreed to another protocol.
    Tunnel(Box<Tunnel>),
}

/// A copy on the side, for caches.
struct Tee {
    chunks: Vec<Bytes>,
    room: usize,
    done: Box<dyn FnOnce(Vec<Bytes>)>,
}

impl Body {
    fn new(source: Source) -> Body {
        Body { source, flow: None, tee: None, guard: None, answers: None, trailers: None, failed: false }
    }

    /// No body.
    pub fn empty() -> Body {
        Body::new(Source::Empty)
    }

    /// A body that is in memory.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body::new(if bytes.is_empty() { Source::Empty } else { Source::Full(bytes) })
    }

    pub(crate) fn from_client(body: ClientBody) -> Body {
        Body::new(Source::Client(Box::new(body)))
    }

    /// What a client sends, if this is it.
    pub(crate) fn of_client(&mut self) -> Option<&mut ClientBody> {
        match &mut self.source {
            Source::Client(body) => Some(body),
            _ => None,
        }
    }

    pub(crate) fn from_origin(body: Box<OriginBody>) -> Body {
        Body::new(Source::Origin(body))
    }

    fn from_poured(body: Poured) -> Body {
        Body::new(Source::Poured(Box::new(body)))
    }

    pub(crate) fn from_stream(body: Box<StreamBody>) -> Body {
        Body::new(Source::Stream(body))
    }

    pub(crate) fn tunnel(tunnel: Tunnel) -> Body {
        Body::new(Source::Tunnel(Box::new(tunnel)))
    }

    /// The way to an origin, if this is one. What else the body carries stays.
    pub(crate) fn take_tunnel(&mut self) -> Option<Tunnel> {
        match std::mem::replace(&mut self.source, Source::Empty) {
            Source::Tunnel(tunnel) => Some(*tunnel),
            other => {
                self.source = other;
                None
            }
        }
    }

    /// The account, begun now if there is none.
    pub(crate) fn flow(&mut self) -> Rc<Flow> {
        Rc::clone(self.flow.get_or_insert_with(Flow::new))
    }

    /// Account for what passes in `flow`.
    #[must_use]
    pub fn counted(mut self, flow: Rc<Flow>) -> Body {
        if self.is_end_stream() {
            flow.end.set(End::Whole);
        }
        self.flow = Some(flow);
        self
    }

    /// Drop `guard` when the body has ended or was abandoned.
    ///
    /// A guard that was there is dropped together with the new one, after it.
    #[must_use]
    pub fn guarded(mut self, guard: impl Any) -> Body {
        self.guard = Some(match self.guard.take() {
            None => Box::new(guard),
            Some(before) => Box::new((guard, before)),
        });
        self
    }

    /// Keep what passes and hand it to `done` if the body ends whole and holds no more than `cap` bytes.
    ///
    /// `done` gets shares of network buffers, which may be larger than what they hold: copy what is to be kept. It is
    /// never called for a body that was ended by closing the connection, because a truncated one looks the same.
    #[must_use]
    pub fn teed(mut self, cap: usize, done: impl FnOnce(Vec<Bytes>) + 'static) -> Body {
        if self.is_end_stream() {
            done(Vec::new());
        } else if self.size_hint().lower() <= cap as u64 && self.tells_its_end() {
            self.tee = Some(Box::new(Tee { chunks: Vec::new(), room: cap, done: Box::new(done) }));
        }
        self
    }

    /// Change how much of a client's body may be read, counted from its beginning.
    ///
    /// Fails at once if the client announced more. Other bodies have no limit.
    pub fn limit(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.of_client().map_or(Ok(()), |body| body.limit(bytes))
    }

    /// Fail with a time-out when somebody still waits for an origin's body at this time. Other bodies don't.
    pub(crate) fn end_by(&mut self, until: Instant) {
        match &mut self.source {
            Source::Origin(body) => body.end_by(until),
            Source::Stream(body) => body.end_by(until),
            _ => {}
        }
    }

    /// The bytes, if all of them are in memory.
    pub fn in_memory(&self) -> Option<Bytes> {
        match &self.source {
            Source::Empty | Source::Tunnel(_) => Some(Bytes::new()),
            Source::Full(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// The account of a body that isn't in memory, begun now if there is none.
    pub(crate) fn flow_if_streaming(&mut self) -> Option<Rc<Flow>> {
        match &self.source {
            Source::Empty | Source::Full(_) | Source::Tunnel(_) => None,
            _ => Some(self.flow()),
        }
    }

    /// Let these trailers pass.
    #[must_use]
    pub(crate) fn with_trailers(mut self, names: &Arc<TrailerNames>) -> Body {
        // A body in memory has none.
        if matches!(self.source, Source::Client(_) | Source::Origin(_) | Source::Stream(_)) {
            self.trailers = Some(Arc::clone(names));
        }
        self
    }

    pub(crate) fn answering(&mut self, watch: Rc<Watch>) {
        self.answers = Some(watch);
    }

    fn tells_its_end(&self) -> bool {
        match &self.source {
            Source::Origin(body) => !body.is_close_delimited(),
            _ => true,
        }
    }

    fn finish(&mut self, end: End) {
        if let Some(flow) = &self.flow {
            flow.end.set(end);
        }
        if let Some(tee) = self.tee.take()
            && end == End::Whole
        {
            (tee.done)(tee.chunks);
        }
        self.failed = matches!(end, End::Failed(_));
        self.source = Source::Empty;
        self.guard = None;
    }

    /// Let a part of the body by. Trailers are its end, whether or not there is one that may pass.
    fn pass(&mut self, frame: Frame<Bytes>) -> Option<Result<Frame<Bytes>, BodyError>> {
        match frame.into_data() {
            Ok(chunk) => {
                self.account(&chunk);
                if self.is_end_stream() {
                    self.finish(End::Whole);
                }
                Some(Ok(Frame::data(chunk)))
            }
            Err(frame) => {
                self.finish(End::Whole);
                let trailers = self.trailers.as_ref()?.admit(frame.into_trailers().ok()?)?;
                Some(Ok(Frame::trailers(trailers)))
            }
        }
    }

    fn account(&mut self, chunk: &Bytes) {
        if let Some(flow) = &self.flow {
            flow.add(chunk.len());
        }
        if let Some(tee) = &mut self.tee {
            match tee.room.checked_sub(chunk.len()) {
                Some(room) => {
                    tee.room = room;
                    tee.chunks.push(chunk.clone());
                }
                None => self.tee = None,
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let read = match &mut this.source {
            Source::Empty | Source::Tunnel(_) => None,
            Source::Full(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Client(body) => ready!(body.poll_frame(cx)),
            Source::Origin(body) => ready!(body.poll_frame(cx)),
            Source::Stream(body) => ready!(body.poll_frame(cx)),
            Source::Poured(body) => ready!(body.poll_frame(cx)),
        };
        Poll::Ready(match read {
            Some(Ok(frame)) => this.pass(frame),
            Some(Err(error)) => {
                this.finish(End::Failed(error));
                Some(Err(error))
            }
            None => {
                if !matches!(this.source, Source::Empty) {
                    this.finish(End::Whole);
                }
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty | Source::Tunnel(_) => true,
            Source::Full(bytes) => bytes.is_empty(),
            Source::Client(body) => body.is_end_stream(),
            Source::Origin(body) => body.is_end_stream(),
            Source::Poured(body) => body.is_end_stream(),
            Source::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty | Source::Tunnel(_) => SizeHint::with_exact(0),
            Source::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Client(body) => body.size_hint(),
            Source::Origin(body) => body.size_hint(),
            Source::Poured(body) => body.size_hint(),
            Source::Stream(body) => body.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(watch) = &self.answers {
            watch.answered(matches!(self.source, Source::Empty | Source::Tunnel(_)) && !self.failed);
        }
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::full(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            Source::Empty => "Body(empty)",
            Source::Full(_) => "Body(in memory)",
            Source::Client(_) => "Body(from the client)",
            Source::Origin(_) | Source::Stream(_) | Source::Poured(_) => "Body(from the origin)",
            Source::Tunnel(_) => "Body(another protocol)",
        })
    }
}

/// Chunks as one buffer of just that size: shares of network buffers would hold more memory than they show.
pub(crate) fn joined(chunks: &[Bytes]) -> Bytes {
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        whole.extend_from_slice(chunk);
    }
    whole.freeze()
}

/// Read a whole body of at most `max` bytes. Fails before reading if it is known to be larger; waits for memory if it
/// isn't small, and fails if there comes to be none.
pub async fn collect(mut body: Body, max: usize) -> Result<Bytes, BodyError> {
    let limit = max as u64;
    if body.size_hint().lower() > limit {
        return Err(BodyError::TooLarge { limit });
    }
    let mut first = Bytes::new();
    let mut joined: Option<BytesMut> = None;
    let mut length = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(chunk) = frame?.into_data() else { continue };
        length += chunk.len();
        if length > max {
            return Err(BodyError::TooLarge { limit });
        }
        // Refusing new requests isn't enough: those that are in may still have gigabytes to come.
        if length > SMALL_BYTES && !overload::take(chunk.len(), length).await {
            return Err(BodyError::NoMemory);
        }
        match &mut joined {
            Some(joined) => joined.extend_from_slice(&chunk),
            None if first.is_empty() => first = chunk,
            None => {
                let expected = body.size_hint().lower().saturating_add(length as u64).min(limit);
                let mut both = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(length));
                both.extend_from_slice(&first);
                both.extend_from_slice(&chunk);
                joined = Some(both);
            }
        }
    }
    Ok(joined.map_or(first, BytesMut::freeze))
}
