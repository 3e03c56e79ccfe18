//! HTTP/2 to origins: many exchanges over few connections.
//!
//! A connection has a task of its own, which ends when nobody holds it any more; everything about one exchange stays in
//! that exchange's task, and dropping it resets its stream. What an origin hasn't begun to work on (REFUSED_STREAM, or
//! a stream behind its GOAWAY) is sent again, once and on a new connection, if the body is still there.

/// One stream.
mod exchange;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use http::Response;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tollgate_document::HttpVersion;

use super::connect::{self, Alpn};
use super::socket::OriginStream;
use super::{Origin, Settings, Timeouts, Unsent, Upstream, UpstreamError, count};
use crate::body::Body;

pub(crate) use exchange::StreamBody;

/// Bytes that an origin may send ahead of the client, on a stream; four times that on a connection. As much as a
/// HTTP/1 connection may have under way in the kernel.
const WINDOW: u32 = 256 << 10;

/// For how long an origin that chose HTTP/1.1 isn't asked again.
const REMEMBERED: Duration = Duration::from_secs(60);

/// A worker's HTTP/2 connections.
pub(super) struct Http2 {
    http: Builder,
    streams: usize,
    idle_timeout: Duration,
    /// An origin without connections has no entry, but for one that chose HTTP/1.1.
    origins: RefCell<HashMap<Arc<str>, Rc<Known>>>,
}

/// What is known of an origin.
struct Known {
    connections: RefCell<Vec<Rc<Shared>>>,
    /// Only one exchange makes a connection; those that come meanwhile wait for it and use it.
    turn: Mutex<()>,
    chose_http_1: Cell<Option<Instant>>,
}

/// A connection that several exchanges use.
struct Shared {
    sender: SendRequest<Bytes>,
    streams: Cell<usize>,
    is_over: Rc<Cell<bool>>,
    idle_since: Cell<Instant>,
}

/// A stream's share of its connection.
struct Share(Rc<Shared>);

impl Share {
    fn of(shared: &Rc<Shared>) -> Share {
        shared.streams.set(shared.streams.get() + 1);
        Share(Rc::clone(shared))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.streams.set(self.0.streams.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
    }
}

/// Where a request may go.
enum Way {
    Http2(Share),
    /// The origin chose HTTP/1.1.
    Http1,
}

impl Http2 {
    pub(super) fn new(settings: &Settings) -> Http2 {
        let mut http = Builder::new();
        let header_list = u32::try_from(settings.header_bytes).unwrap_or(u32::MAX);
        http.initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * 4)
            .max_header_list_size(header_list)
            .max_send_buffer_size(settings.buffer_bytes)
            .enable_push(false);
        Http2 {
            http,
            streams: settings.http2_streams,
            idle_timeout: settings.idle_timeout,
            origins: RefCell::new(HashMap::new()),
        }
    }

    /// Close what is idle for too long, and forget what is over.
    pub(super) fn sweep(&self) {
        self.origins.borrow_mut().retain(|_, known| {
            known.connections.borrow_mut().retain(|shared| {
                let is_idle = shared.streams.get() == 0 && shared.idle_since.get().elapsed() >= self.idle_timeout;
                !shared.is_over.get() && !is_idle
            });
            // Whoever waits for its turn holds it.
            Rc::strong_count(known) > 1 || !known.connections.borrow().is_empty() || known.chose_http_1()
        });
    }

    fn known(&self, key: &Arc<str>) -> Rc<Known> {
        let mut origins = self.origins.borrow_mut();
        let known = origins.entry(Arc::clone(key)).or_insert_with(|| {
            Rc::new(Known { connections: RefCell::default(), turn: Mutex::new(()), chose_http_1: Cell::new(None) })
        });
        Rc::clone(known)
    }
}

impl Known {
    fn chose_http_1(&self) -> bool {
        self.chose_http_1.get().is_some_and(|when| when.elapsed() < REMEMBERED)
    }

    /// A connection with room for one more stream.
    fn share(&self, streams: usize) -> Option<Share> {
        let has_room = |shared: &&Rc<Shared>| {
            let most = streams.min(shared.sender.current_max_send_streams());
            !shared.is_over.get() && shared.streams.get() < most
        };
        self.connections.borrow().iter().find(has_room).map(Share::of)
    }

    /// Don't begin anything on this connection any more.
    fn leave(&self, share: &Share) {
        self.connections.borrow_mut().retain(|shared| !Rc::ptr_eq(shared, &share.0));
    }
}

impl Upstream {
    /// As [`Upstream::try_send`], by the version that the operator chose.
    pub(crate) async fn try_send_by(
        &self,
        version: HttpVersion,
        origin: &Origin,
        request: &mut Unsent,
        timeouts: Timeouts,
    ) -> Result<Response<Body>, UpstreamError> {
        let is_http_1 = match version {
            HttpVersion::Http1 => true,
            HttpVersion::Http2 => false,
            // In cleartext nobody offers anything.
            HttpVersion::Http2Or1 => origin.tls.is_none(),
        };
        if is_http_1 {
            return self.try_send(origin, request, timeouts).await;
        }
        self.send_http2(version, origin, request, timeouts).await
    }

    async fn send_http2(
        &self,
        version: HttpVersion,
        origin: &Origin,
        request: &mut Unsent,
        timeouts: Timeouts,
    ) -> Result<Response<Body>, UpstreamError> {
        let worker = &*self.worker;
        let known = worker.http2.known(&origin.key);
        let mut is_first = true;
        loop {
            let share = match self.way(&known, version, origin, timeouts.connect).await {
                Ok(Way::Http2(share)) => share,
                Ok(Way::Http1) => return self.try_send(origin, request, timeouts).await,
                Err(error) => {
                    if !is_first {
                        *request = None;
                    }
                    return Err(error);
                }
            };
            if is_first {
                self.budget.count_request(self.number);
            }
            let Some(sent) = request.take() else { return Err(UpstreamError::Broken) };
            let spare = exchange::spare(&sent);
            match exchange::exchange(share, origin, sent, timeouts).await {
                Ok(response) => return Ok(response),
                Err(failed) => {
                    if let Some(share) = &failed.share {
                        known.leave(share);
                    }
                    let may_repeat = match &spare {
                        None => false,
                        Some(spare) => failed.is_unseen || failed.is_broken && spare.is_repeatable,
                    };
                    match spare {
                        Some(spare) if may_repeat && is_first && self.may_retry() => *request = Some(spare.request),
                        _ => return Err(failed.error),
                    }
                }
            }
            is_first = false;
            count(&worker.counts.resent);
        }
    }

    async fn way(
        &self,
        known: &Known,
        version: HttpVersion,
        origin: &Origin,
        within: Duration,
    ) -> Result<Way, UpstreamError> {
        let worker = &*self.worker;
        if let Some(share) = known.share(worker.http2.streams) {
            count(&worker.counts.reused);
            return Ok(Way::Http2(share));
        }
        if version == HttpVersion::Http2Or1 && known.chose_http_1() {
            return Ok(Way::Http1);
        }
        let turn = timeout(within, known.turn.lock()).await.map_err(|_| UpstreamError::ConnectTimeout)?;
        if let Some(share) = known.share(worker.http2.streams) {
            count(&worker.counts.reused);
            return Ok(Way::Http2(share));
        }
        let alpn = if version == HttpVersion::Http2 { Alpn::Http2 } else { Alpn::Http2Or1 };
        let stream = connect::connect(&worker.resolver, origin, within, alpn).await?;
        count(&worker.counts.connected);
        if origin.tls.is_some() && stream.protocol() != Some(b"h2") {
            if version == HttpVersion::Http2 {
                return Err(UpstreamError::Malformed("it doesn't speak HTTP/2"));
            }
            known.chose_http_1.set(Some(Instant::now()));
            return Ok(Way::Http1);
        }
        let shared = begin(&worker.http2.http, stream, within).await?;
        known.connections.borrow_mut().push(Rc::clone(&shared));
        drop(turn);
        Ok(Way::Http2(Share::of(&shared)))
    }
}

/// Settle a new connection, and leave it to a task.
async fn begin(http: &Builder, stream: OriginStream, within: Duration) -> Result<Rc<Shared>, UpstreamError> {
    let settled = timeout(within, http.handshake::<_, Bytes>(stream)).await;
    let settled = settled.map_err(|_| UpstreamError::ConnectTimeout)?;
    let (sender, connection) = settled.map_err(|_| UpstreamError::Broken)?;
    let is_over = Rc::new(Cell::new(false));
    tokio::task::spawn_local(drive(connection, Rc::clone(&is_over)));
    Ok(Rc::new(Shared { sender, streams: Cell::new(0), is_over, idle_since: Cell::new(Instant::now()) }))
}

async fn drive(mut connection: Connection<OriginStream, Bytes>, is_over: Rc<Cell<bool>>) {
    // Whatever it ends with shows in its streams.
    let _ = poll_fn(|cx| std::pin::Pin::new(&mut connection).poll(cx)).await;
    is_over.set(true);
}
