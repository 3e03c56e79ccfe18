//! A body on its way out over a HTTP/2 stream.
//!
//! A chunk is handed to h2 only as far as the other side's window has room for it, so nothing piles up for who doesn't
//! read; and how long that may take is limited, because h2 waits forever.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body as _;
use tokio::time::Instant;

use super::{Body, BodyError};
use crate::deadline::Alarm;

pub(crate) use super::client::Patience;

/// The most that is asked for at once: a frame of the usual size.
const PIECE: usize = 16 << 10;

/// Why a body was not sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The body itself; the stream was reset, so that the other side sees it.
    Body(BodyError),
    /// The other side doesn't want it, or is gone.
    Peer,
    /// The other side takes too long; the stream was reset.
    Slow,
}

/// Send all of a body and its trailers, and end the stream.
pub(crate) async fn send(mut body: Body, stream: &mut SendStream<Bytes>, patience: Patience) -> Result<(), Broken> {
    let mut pace = Pace { patience, sent: 0, waited: Duration::ZERO, alarm: None };
    loop {
        let next = poll_fn(|cx| {
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Broken::Peer));
            }
            Pin::new(&mut body).poll_frame(cx).map(Ok)
        })
        .await?;
        let frame = match next {
            None => return end(stream.send_data(Bytes::new(), true)),
            Some(Err(error)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(Broken::Body(error));
            }
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(chunk) => {
                let is_last = body.is_end_stream();
                pace.send(chunk, is_last, stream).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return end(stream.send_trailers(trailers));
                }
            }
        }
    }
}

fn end(ended: Result<(), h2::Error>) -> Result<(), Broken> {
    ended.map_err(|_| Broken::Peer)
}

/// How fast the other side takes what is there for it.
struct Pace {
    patience: Patience,
    sent: u64,
    /// How long it was waited for, in all.
    waited: Duration,
    alarm: Option<Alarm>,
}

impl Pace {
    async fn send(&mut self, mut chunk: Bytes, is_last: bool, stream: &mut SendStream<Bytes>) -> Result<(), Broken> {
        while !chunk.is_empty() {
            let room = self.room(chunk.len().min(PIECE), stream).await?;
            let piece = chunk.split_to(room.min(chunk.len()));
            self.sent = self.sent.saturating_add(piece.len() as u64);
            end(stream.send_data(piece, is_last && chunk.is_empty()))?;
        }
        Ok(())
    }

    async fn room(&mut self, wanted: usize, stream: &mut SendStream<Bytes>) -> Result<usize, Broken> {
        stream.reserve_capacity(wanted);
        let mut since = None;
        let room = poll_fn(|cx| {
            loop {
                let room = stream.capacity();
                if room > 0 {
                    return Poll::Ready(Ok(room));
                }
                match stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(_) => return Poll::Ready(Err(Broken::Peer)),
                    Poll::Pending => {
                        let since = *since.get_or_insert_with(Instant::now);
                        return self.poll_patience(since, cx);
                    }
                }
            }
        })
        .await;
        if let Some(since) = since {
            self.waited += since.elapsed();
        }
        if room == Err(Broken::Slow) || self.is_slow() {
            stream.send_reset(Reason::CANCEL);
            return Err(Broken::Slow);
        }
        room
    }

    fn poll_patience(&mut self, since: Instant, cx: &mut Context<'_>) -> Poll<Result<usize, Broken>> {
        let deadline = since + self.patience.idle;
        let alarm = self.alarm.get_or_insert_with(|| Alarm::new(deadline));
        alarm.poll(cx, deadline).map(|()| Err(Broken::Slow))
    }

    /// Is it read just often enough not to stall, and for longer than anybody needs?
    fn is_slow(&self) -> bool {
        self.waited >= self.patience.idle
            && self.sent < self.patience.bytes_per_second.saturating_mul(self.waited.as_secs())
    }
}
