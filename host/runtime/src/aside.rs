//! Calls that compute for long go on beside their worker, on a thread of their own.
//!
//! On the worker, others have a turn once in a tick, and a request needs its worker several times. On another thread the
//! system shares the processor out, and a worker runs as soon as somebody needs it. A call begins on its worker, and
//! goes on beside it when it has taken a whole tick; one of a statement whose calls were that long lately begins there.

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::ticker::TICK;

/// What is done beside a worker.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A place beside a worker.
pub trait Aside {
    /// Do this there. It is given up when what this returns is dropped.
    ///
    /// # Errors
    /// There is no such place: the work comes back.
    fn take(&self, work: Work) -> Result<Box<dyn Any>, Work>;
}

thread_local! {
    /// Turns that guests of this thread have given to others.
    static TURNS: Cell<u32> = const { Cell::new(0) };
}

/// A guest gives way to others.
pub(crate) fn note_turn() {
    TURNS.set(TURNS.get().wrapping_add(1));
}

/// For so many calls of a statement it is remembered that one was long.
const REMEMBERED: u8 = 16;

/// How long a statement's calls have been lately.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU8);

impl Pace {
    fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn note(&self, longest: Duration) {
        if longest >= TICK {
            self.0.store(REMEMBERED, Ordering::Relaxed);
        } else if self.is_slow() {
            // Of two at once one may be lost, which matters to nobody.
            self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
    }
}

/// See a call through, here or beside the worker. None if the place beside it ended with it.
pub(crate) async fn see_through<T: Send + 'static>(
    aside: Option<&dyn Aside>,
    pace: &Pace,
    call: Pin<Box<dyn Future<Output = T> + Send>>,
) -> Option<T> {
    let Some(aside) = aside else { return Some(call.await) };
    let mut stretches = Stretches { call, longest: Duration::ZERO };
    if !pace.is_slow()
        && let Some(done) = stretches.begun_here().await
    {
        pace.note(stretches.longest);
        return Some(done);
    }
    let (sender, receiver) = oneshot::channel();
    let work = Box::pin(async move {
        let done = stretches.ended().await;
        drop(sender.send((done, stretches.longest)));
    });
    let guard = match aside.take(work) {
        Ok(guard) => Some(guard),
        Err(work) => {
            work.await;
            None
        }
    };
    let (done, longest) = receiver.await.ok()?;
    drop(guard);
    pace.note(longest);
    Some(done)
}

/// A call, and the longest stretch of time that it has taken without a pause.
struct Stretches<T> {
    call: Pin<Box<dyn Future<Output = T> + Send>>,
    longest: Duration,
}

impl<T> Stretches<T> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<T> {
        let began = Instant::now();
        let polled = self.call.as_mut().poll(context);
        self.longest = self.longest.max(began.elapsed());
        polled
    }

    async fn ended(&mut self) -> T {
        poll_fn(|context| self.poll(context)).await
    }

    /// None if it has computed for a whole tick and isn't done: a short call may give one turn, for ticks come when they
    /// come, but not two.
    async fn begun_here(&mut self) -> Option<T> {
        let mut turns = 0u32;
        poll_fn(|context| {
            let before = TURNS.get();
            match self.poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => {
                    turns = turns.saturating_add(TURNS.get().wrapping_sub(before));
                    if turns >= 2 { Poll::Ready(None) } else { Poll::Pending }
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Waker;

    /// A place that does everything at once, and counts.
    #[derive(Default)]
    struct Beside(Arc<AtomicUsize>);

    impl Aside for Beside {
        fn take(&self, mut work: Work) -> Result<Box<dyn Any>, Work> {
            self.0.fetch_add(1, Ordering::Relaxed);
            while work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
            Ok(Box::new(()))
        }
    }

    /// There is none.
    struct Nowhere;

    impl Aside for Nowhere {
        fn take(&self, work: Work) -> Result<Box<dyn Any>, Work> {
            Err(work)
        }
    }

    /// A guest that gives way so many times.
    async fn guest(turns: u32, stretch: Duration) -> u32 {
        std::thread::sleep(stretch);
        for _ in 0..turns {
            let mut has_given_way = false;
            poll_fn(|_| {
                if std::mem::replace(&mut has_given_way, true) {
                    return Poll::Ready(());
                }
                note_turn();
                Poll::Pending
            })
            .await;
        }
        turns
    }

    fn called(aside: &dyn Aside, pace: &Pace, turns: u32, stretch: Duration) -> Option<u32> {
        let mut call = pin!(see_through(Some(aside), pace, Box::pin(guest(turns, stretch))));
        (0..10).find_map(|_| match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })?
    }

    #[test]
    fn a_call_that_takes_a_whole_tick_goes_on_beside_its_worker() {
        let (beside, pace) = (Beside::default(), Pace::default());
        for (turns, taken) in [(0, 0), (1, 0), (2, 1), (5, 2)] {
            assert_eq!(called(&beside, &pace, turns, Duration::ZERO), Some(turns));
            assert_eq!(beside.0.load(Ordering::Relaxed), taken, "{turns}");
        }
    }

    #[test]
    fn calls_after_a_long_one_begin_beside_their_worker_until_they_are_short_again() {
        let (beside, pace) = (Beside::default(), Pace::default());
        assert_eq!(called(&beside, &pace, 0, TICK), Some(0));
        for round in 1..=30 {
            called(&beside, &pace, 0, Duration::ZERO);
            assert_eq!(beside.0.load(Ordering::Relaxed), round.min(usize::from(REMEMBERED)), "{round}");
        }
    }

    #[test]
    fn without_another_place_a_long_call_ends_where_it_began() {
        assert_eq!(called(&Nowhere, &Pace::default(), 4, Duration::ZERO), Some(4));
    }
}
