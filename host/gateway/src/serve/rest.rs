//! What is left of a request's body over HTTP/1 when its answer is ready.
//!
//! The next request stands behind it. A small rest is read and thrown away so that the connection can be kept
//! (`reliability.md` §2.1, row 4); otherwise the connection must be closed, and the response has to say so: a client that
//! has written its whole body may send the next request as soon as it sees the end of this response (RFC 9112 §9.6).

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http_body::Body as _;
use hyper::body::Incoming;

use super::watch::Watch;

/// The longest rest that is read and thrown away.
const MOST_BYTES: u64 = 64 << 10;

/// How long that may take behind a response: a round trip around the world, and some. A client that needs more hasn't
/// sent its body yet, so it can't have sent another request either.
const TIME_BEHIND: Duration = Duration::from_secs(1);

/// How long a response may wait to learn whether a rest of unknown length is small.
const TIME_BEFORE: Duration = Duration::from_millis(100);

/// May so many bytes be read to keep a connection?
pub(crate) fn is_small(bytes: u64) -> bool {
    bytes <= MOST_BYTES
}

/// Bytes that are still to come, if the head of the request says so.
pub(crate) fn length(rest: &Incoming) -> Option<u64> {
    rest.size_hint().exact()
}

/// Before a response is begun: can its connection be kept?
pub(super) async fn can_be_passed_over(mut rest: Incoming, watch: &Rc<Watch>) -> bool {
    match length(&rest) {
        Some(bytes) if is_small(bytes) => {
            drain(rest, Rc::clone(watch));
            true
        }
        Some(_) => false,
        None => matches!(tokio::time::timeout(TIME_BEFORE, read_to_end(&mut rest)).await, Ok(true)),
    }
}

/// Read a small rest in the background.
pub(crate) fn drain(mut rest: Incoming, watch: Rc<Watch>) {
    tokio::task::spawn_local(async move {
        if !matches!(tokio::time::timeout(TIME_BEHIND, read_to_end(&mut rest)).await, Ok(true)) {
            // Dropping the rest makes hyper close the connection when the response is written.
            watch.must_linger();
        }
    });
}

/// False if it is too much, or fails.
async fn read_to_end(rest: &mut Incoming) -> bool {
    let mut left = MOST_BYTES;
    poll_fn(|cx| {
        loop {
            match Pin::new(&mut *rest).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(Some(Ok(frame))) => {
                    let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                    match left.checked_sub(length) {
                        Some(rest) => left = rest,
                        None => return Poll::Ready(false),
                    }
                }
            }
        }
    })
    .await
}
