//! A response's body that is read as fast as the origin sends it, for a cache, while its client reads it as it likes.
//!
//! So that nobody who waits for the cache waits for that client: one that reads slowly, or goes away. What the body
//! may take up meanwhile is bounded by `cap` bytes; beyond, the client reads the rest itself, and nothing is stored.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::{Body, BodyError};

/// How long a body may take to be stored. Longer, and it is like any other.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all bodies on their way into a cache may take up together.
pub(crate) trait Room: 'static {
    /// Take more. False if there is no more.
    fn grow(&mut self, bytes: usize) -> bool;
}

/// What is handed to the reader, in order.
enum Piece {
    Chunk(Bytes),
    /// The body ended early.
    Failed(BodyError),
    /// From here on it is read from the origin.
    Rest(Box<Body>),
}

/// The reader's end.
pub(crate) struct Poured {
    pieces: mpsc::UnboundedReceiver<Piece>,
    rest: Option<Box<Body>>,
    /// Bytes to come, if that is known.
    left: Option<u64>,
    is_done: bool,
}

/// Read `body` in a task of its own. `done` gets all of it, before the reader gets its end; or nothing if it is larger
/// than `cap`, too slow or broken, or ends without saying so. `room` is asked for each chunk, and dropped when nobody
/// holds any of them.
pub(crate) fn pour(body: Body, cap: usize, room: impl Room, done: impl FnOnce(Option<Bytes>) + 'static) -> Body {
    if let Some(bytes) = body.in_memory() {
        done((bytes.len() <= cap).then_some(bytes));
        return body;
    }
    if body.is_end_stream() {
        done(Some(Bytes::new()));
        return body;
    }
    if body.size_hint().lower() > cap as u64 || !body.tells_its_end() {
        done(None);
        return body;
    }
    let (sender, pieces) = mpsc::unbounded_channel();
    let left = body.size_hint().exact();
    let room = Rc::new(RefCell::new(room));
    tokio::task::spawn_local({
        let room = Rc::clone(&room);
        async move { fill(body, cap, &*room, &sender, done).await }
    });
    Body::from_poured(Poured { pieces, rest: None, left, is_done: false }).guarded(room)
}

async fn fill(
    mut body: Body,
    cap: usize,
    room: &RefCell<impl Room>,
    reader: &mpsc::UnboundedSender<Piece>,
    done: impl FnOnce(Option<Bytes>),
) {
    let deadline = Instant::now() + PATIENCE;
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut length = 0_usize;
    let (whole, last) = loop {
        let next = timeout_at(deadline, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await;
        let chunk = match next {
            Ok(None) => break (true, [None, None]),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(chunk) => chunk,
                Err(_) => continue,
            },
            Ok(Some(Err(error))) => break (false, [Some(Piece::Failed(error)), None]),
            Err(_) => break (false, [Some(Piece::Rest(Box::new(body))), None]),
        };
        length = length.saturating_add(chunk.len());
        if length > cap || !room.borrow_mut().grow(chunk.len()) {
            break (false, [Some(Piece::Chunk(chunk)), Some(Piece::Rest(Box::new(body)))]);
        }
        chunks.push(chunk.clone());
        if body.is_end_stream() {
            break (true, [Some(Piece::Chunk(chunk)), None]);
        }
        // A reader that has gone away misses nothing that it wants.
        let _ = reader.send(Piece::Chunk(chunk));
    };
    done(whole.then(|| super::joined(&chunks)));
    for piece in last.into_iter().flatten() {
        let _ = reader.send(piece);
    }
}

impl Poured {
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if let Some(rest) = &mut self.rest {
                return match ready!(Pin::new(&mut **rest).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(chunk) => Poll::Ready(Some(Ok(self.pass(chunk)))),
                        Err(_) => continue,
                    },
                    Some(Err(error)) => Poll::Ready(Some(Err(error))),
                    None => Poll::Ready(None),
                };
            }
            return Poll::Ready(match ready!(self.pieces.poll_recv(cx)) {
                Some(Piece::Chunk(chunk)) => Some(Ok(self.pass(chunk))),
                Some(Piece::Failed(error)) => Some(Err(error)),
                Some(Piece::Rest(rest)) => {
                    self.rest = Some(rest);
                    continue;
                }
                None => {
                    self.is_done = true;
                    None
                }
            });
        }
    }

    fn pass(&mut self, chunk: Bytes) -> Bytes {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(chunk.len() as u64);
        }
        chunk
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.is_done || self.left == Some(0) || self.rest.as_ref().is_some_and(|rest| rest.is_end_stream())
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match (self.left, &self.rest) {
            (Some(left), _) => SizeHint::with_exact(left),
            (None, Some(rest)) => rest.size_hint(),
            (None, None) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::collect;

    /// Room for so many bytes.
    struct Bytewise(usize);

    impl Room for Bytewise {
        fn grow(&mut self, bytes: usize) -> bool {
            self.0.checked_sub(bytes).map(|left| self.0 = left).is_some()
        }
    }

    /// A body that comes in pieces, whose sender the test holds.
    fn source(left: Option<u64>) -> (mpsc::UnboundedSender<Piece>, Body) {
        let (sender, pieces) = mpsc::unbounded_channel();
        (sender, Body::from_poured(Poured { pieces, rest: None, left, is_done: false }))
    }

    fn chunk(text: &'static str) -> Piece {
        Piece::Chunk(Bytes::from_static(text.as_bytes()))
    }

    type Kept = Rc<RefCell<Option<Option<Bytes>>>>;

    fn poured(left: Option<u64>, cap: usize) -> (mpsc::UnboundedSender<Piece>, Body, Kept) {
        let (sender, body) = source(left);
        let kept = Kept::default();
        let body = pour(body, cap, Bytewise(1000), {
            let kept = Rc::clone(&kept);
            move |bytes| *kept.borrow_mut() = Some(bytes)
        });
        (sender, body, kept)
    }

    async fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
        tokio::task::LocalSet::new().run_until(test).await
    }

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_cache_has_all_of_it_whatever_the_reader_does() {
        on_a_worker(async {
            let (sender, body, kept) = poured(None, 100);
            sender.send(chunk("hello, ")).ok().unwrap();
            sender.send(chunk("world")).ok().unwrap();
            drop(sender);
            settle().await;
            assert_eq!(*kept.borrow(), Some(Some("hello, world".into())), "before the reader has read anything");
            assert_eq!(collect(body, 100).await.unwrap(), "hello, world");

            let (sender, body, kept) = poured(Some(5), 100);
            drop(body);
            sender.send(chunk("hello")).ok().unwrap();
            settle().await;
            assert_eq!(*kept.borrow(), Some(Some("hello".into())), "though the reader has gone");
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_too_large_is_read_by_the_reader_alone() {
        on_a_worker(async {
            let (sender, body, kept) = poured(None, 8);
            for text in ["12345", "67890", "abcde"] {
                sender.send(chunk(text)).ok().unwrap();
            }
            drop(sender);
            settle().await;
            assert_eq!(*kept.borrow(), Some(None));
            assert_eq!(collect(body, 100).await.unwrap(), "1234567890abcde");

            let (sender, body) = source(None);
            let kept = Kept::default();
            let body = pour(body, 100, Bytewise(7), {
                let kept = Rc::clone(&kept);
                move |bytes| *kept.borrow_mut() = Some(bytes)
            });
            sender.send(chunk("12345")).ok().unwrap();
            sender.send(chunk("67890")).ok().unwrap();
            drop(sender);
            assert_eq!(collect(body, 100).await.unwrap(), "1234567890");
            assert_eq!(*kept.borrow(), Some(None), "there was no room for all of it");

            let (_sender, body, kept) = poured(Some(9), 8);
            assert_eq!((kept.borrow().clone(), body.size_hint().exact()), (Some(None), Some(9)));
        })
        .await;
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_kept_and_breaks_off_for_the_reader_too() {
        on_a_worker(async {
            let (sender, body, kept) = poured(Some(10), 100);
            sender.send(chunk("12345")).ok().unwrap();
            sender.send(Piece::Failed(BodyError::Broken)).ok().unwrap();
            settle().await;
            assert_eq!(*kept.borrow(), Some(None));
            assert_eq!(collect(body, 100).await, Err(BodyError::Broken));
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_handed_over() {
        on_a_worker(async {
            let (sender, body, kept) = poured(None, 100);
            sender.send(chunk("a")).ok().unwrap();
            tokio::time::sleep(PATIENCE * 2).await;
            assert_eq!(*kept.borrow(), Some(None));
            sender.send(chunk("b")).ok().unwrap();
            drop(sender);
            assert_eq!(collect(body, 100).await.unwrap(), "ab");
        })
        .await;
    }
}
