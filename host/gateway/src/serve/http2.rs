//! HTTP/2 connections: a task for each stream, over h2.
//!
//! h2 keeps the protocol, and the budgets for resets, CONTINUATION and empty DATA frames. This adds what h2 leaves to
//! its user: silence, floods of frames that cost the client nothing (`conduct`), and clients that don't read.

/// What a client does with its connection, and since when.
mod conduct;

/// The socket as h2 sees it.
mod io;

/// Frames as they pass.
mod frames;

use std::cell::RefCell;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::handshake::Connected;
use super::{Handler, Server, Settings, Worker};
use crate::body::Body;
use crate::body::client::ClientBody;
use crate::body::outflow;
use crate::deadline::Alarm;
use crate::respond::X_REQUEST_ID;
use crate::stream::Stream;
use conduct::{Conduct, Overdue};
use io::FrameIo;

/// Resets that h2 sends by itself before it gives a connection up: each answers a fault of the client.
const MAX_FAULTY_STREAMS: usize = 100;

/// Bytes that wait for the socket, for each stream. Nothing is handed over before the client's window has room for it.
const SEND_BUFFER: usize = 64 << 10;

pub(super) fn builder(settings: &Settings) -> h2::server::Builder {
    let mut http = h2::server::Builder::new();
    let header_list = u32::try_from(settings.header_bytes).unwrap_or(u32::MAX);
    http.max_concurrent_streams(settings.http2.streams)
        .initial_window_size(settings.http2.window)
        .initial_connection_window_size(settings.http2.window.saturating_mul(4))
        .max_header_list_size(header_list)
        .max_send_buffer_size(SEND_BUFFER)
        .max_local_error_reset_streams(Some(MAX_FAULTY_STREAMS));
    http
}

/// Serve a connection to its end. `first` was read from it already.
pub(super) async fn serve<H: Handler>(server: &Server<H>, stream: Stream, first: Bytes, connected: Connected) {
    let worker = &server.worker;
    let conduct = Rc::new(Conduct::new(Rc::clone(&worker.settings)));
    let io = FrameIo::new(stream, first, Rc::clone(&conduct));
    let handshake = tokio::time::timeout(worker.settings.header_timeout, server.http2.handshake(io));
    let Ok(Ok(mut connection)) = handshake.await else { return };
    let connected = Rc::new(connected);
    let pings = connection.ping_pong();
    let mut shell = Shell { conduct, pings, alarm: None, is_going: false, is_expelled: false };
    poll_fn(|cx| {
        loop {
            shell.steer(&mut connection, worker.connections.is_leaving());
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let (worker, connected) = (Rc::clone(worker), Rc::clone(&connected));
                    let stream = StreamTask { worker, connected, conduct: Rc::clone(&shell.conduct) };
                    shell.conduct.stream_began();
                    tokio::task::spawn_local(stream.run(request, respond));
                    continue;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if shell.conduct.is_flooded() && !shell.is_expelled {
                continue;
            }
            match shell.look_at_the_time(cx) {
                Step::Wait => return Poll::Pending,
                Step::Again => {}
                Step::Drop => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// What goes on around a connection's frames.
struct Shell {
    conduct: Rc<Conduct>,
    pings: Option<h2::PingPong>,
    alarm: Option<Alarm>,
    /// The client was told that no more requests are taken.
    is_going: bool,
    /// The client was told that it has gone too far.
    is_expelled: bool,
}

enum Step {
    Wait,
    Again,
    Drop,
}

impl Shell {
    /// Tell the client what is to be told now.
    fn steer(&mut self, connection: &mut Connection<FrameIo, Bytes>, is_leaving: bool) {
        if self.conduct.is_flooded() && !self.is_expelled {
            self.is_expelled = true;
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
        if (is_leaving || self.conduct.is_leaving()) && !self.is_going {
            self.is_going = true;
            if !self.conduct.is_leaving() {
                self.conduct.leave();
            }
            connection.graceful_shutdown();
        }
    }

    fn look_at_the_time(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(deadline) = self.conduct.deadline() else { return Step::Wait };
        if self.alarm.get_or_insert_with(|| Alarm::new(deadline)).poll(cx, deadline).is_pending() {
            return Step::Wait;
        }
        match self.conduct.overdue() {
            None => Step::Again,
            Some(Overdue::Connection) => Step::Drop,
            Some(Overdue::Idle) => {
                self.conduct.leave();
                Step::Again
            }
            Some(Overdue::Sign) => {
                if let Some(pings) = &mut self.pings {
                    // The answer is only of interest as something that was read.
                    let _ = pings.poll_pong(cx);
                    let _ = pings.send_ping(h2::Ping::opaque());
                }
                self.conduct.asked_for_a_sign();
                Step::Again
            }
        }
    }
}

/// One request, in a task of its own.
struct StreamTask<H> {
    worker: Rc<Worker<H>>,
    connected: Rc<Connected>,
    conduct: Rc<Conduct>,
}

impl<H> Drop for StreamTask<H> {
    fn drop(&mut self) {
        self.conduct.stream_ended();
    }
}

impl<H: Handler> StreamTask<H> {
    async fn run(self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let worker = &*self.worker;
        let arrival = self.connected.arrival(Instant::now().into_std(), worker.ids.next());
        let is_head = request.method() == Method::HEAD;
        let (parts, receive) = request.into_parts();
        let respond = Rc::new(RefCell::new(respond));
        let body = match receive.is_end_stream() {
            true => Body::empty(),
            false => {
                let patience = worker.settings.body_patience;
                Body::from_client(ClientBody::http2(receive, Rc::clone(&respond), &parts.headers, patience))
            }
        };
        let mut request = Request::from_parts(parts, body);
        let answer = pin!(worker.answer(&mut request, &self.connected, &arrival));
        let mut answer = pin!(worker.unless_panicked(&arrival, answer));
        let answered = poll_fn(|cx| {
            if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(response));
            }
            // A stream that the client has reset needs no answer, and what works for one is dropped.
            respond.borrow_mut().poll_reset(cx).map(|_| None)
        })
        .await;
        let Some(mut response) = answered else { return };
        if !response.headers().contains_key(X_REQUEST_ID) {
            response.headers_mut().insert(X_REQUEST_ID, arrival.request_id.header());
        }
        let (head, body) = framed(response, is_head);
        // Whoever goes on reading the request is gone now.
        let sent = respond.borrow_mut().send_response(head, http_body::Body::is_end_stream(&body));
        let Ok(mut stream) = sent else { return };
        if !http_body::Body::is_end_stream(&body) && outflow::send(body, &mut stream, self.patience()).await.is_err() {
            return;
        }
        self.conduct.answered();
    }

    fn patience(&self) -> outflow::Patience {
        outflow::Patience {
            idle: self.worker.settings.write_timeout,
            bytes_per_second: self.worker.settings.body_patience.bytes_per_second,
        }
    }
}

/// The head as HTTP/2 wants it, and the body that may follow (RFC 9113 §8.2.2, RFC 9110 §6.4.1).
fn framed(response: Response<Body>, is_head: bool) -> (Response<()>, Body) {
    let (mut parts, body) = response.into_parts();
    let has_no_content = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = &mut parts.headers;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
    if !is_head {
        headers.remove(header::CONTENT_LENGTH);
    }
    let body = if is_head || has_no_content { Body::empty() } else { body };
    let length = http_body::Body::size_hint(&body).exact();
    if let Some(length) = length.filter(|_| !is_head && !has_no_content) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    date(headers);
    (Response::from_parts(parts, ()), body)
}

/// RFC 9110 §6.6.1. hyper does it for HTTP/1.
fn date(headers: &mut HeaderMap) {
    if headers.contains_key(header::DATE) {
        return;
    }
    if let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now())) {
        headers.insert(header::DATE, now);
    }
}
