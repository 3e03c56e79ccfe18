//! A timer that costs next to nothing while it isn't needed.
//!
//! Nearly no time limit of a gateway is ever reached, but each would cost two operations on the timer wheel. An alarm
//! stays in the wheel between uses and is only moved when it fires too early or would fire too late.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// An alarm that is first expected at `deadline`.
    pub(crate) fn new(deadline: Instant) -> Alarm {
        Alarm { sleep: Box::pin(sleep_until(deadline)) }
    }

    /// Ready when `deadline` is past; otherwise the task is woken by then, perhaps earlier.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.sleep.deadline() > deadline {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// Alarms that nobody uses at the moment, kept for what comes and goes as often as requests.
#[derive(Default)]
pub(crate) struct Alarms(RefCell<Vec<Alarm>>);

/// More than are in use at once where it matters; one is as large as a timer.
const MOST_SPARE: usize = 1024;

/// An alarm that goes back when this is dropped, however its use ends.
struct Lent<'a> {
    alarm: Option<Alarm>,
    back: &'a Alarms,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut spare = self.back.0.borrow_mut();
        if spare.len() < MOST_SPARE {
            spare.extend(self.alarm.take());
        }
    }
}

impl Alarms {
    /// What comes of `task` if it is done by `deadline`, otherwise none.
    pub(crate) async fn within<T>(&self, deadline: Instant, mut task: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let spare = self.0.borrow_mut().pop();
        let mut lent = Lent { alarm: Some(spare.unwrap_or_else(|| Alarm::new(deadline))), back: self };
        poll_fn(|cx| {
            // Before the task, which may use up what tokio lets this poll do, and the alarm would not be looked at then.
            let is_late = lent.alarm.as_mut().is_some_and(|alarm| alarm.poll(cx, deadline).is_ready());
            match task.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if is_late => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::time::Duration;

    /// What `task` comes to within so many milliseconds, and how many alarms are spare then.
    async fn tried<T>(alarms: &Alarms, milliseconds: u64, task: impl Future<Output = T>) -> (Option<T>, usize) {
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        let done = alarms.within(deadline, pin!(task)).await;
        (done, alarms.0.borrow().len())
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_is_used_again_for_later_and_for_earlier_deadlines() {
        let alarms = Alarms::default();
        let sleep = |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds));
        assert_eq!(tried(&alarms, 100, async { 7 }).await, (Some(7), 1));
        for (limit, task) in [(1000, 2000), (50, 60), (500, 501)] {
            let began = Instant::now();
            assert_eq!(tried(&alarms, limit, sleep(task)).await, (None, 1));
            let took = began.elapsed().as_millis() as u64;
            assert!((limit..=limit + 1).contains(&took), "{took} of {limit} ms");
        }
        // The last deadline is past, and the next is later than the one that the alarm stands at.
        assert_eq!(tried(&alarms, 1000, sleep(900)).await, (Some(()), 1));
        assert_eq!(tried(&alarms, 1000, sleep(1100)).await, (None, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_never_rests_is_stopped() {
        let alarms = Alarms::default();
        let busy = async {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                for _ in 0..1000 {
                    tokio::task::coop::consume_budget().await;
                }
            }
        };
        assert_eq!(tried::<()>(&alarms, 100, busy).await, (None, 1));
    }

    #[tokio::test]
    async fn two_at_once_have_two_and_spare_ones_are_bounded() {
        let alarms = Alarms::default();
        let (one, other) = tokio::join!(
            tried(&alarms, 1000, tokio::task::yield_now()),
            tried(&alarms, 1000, tokio::task::yield_now())
        );
        assert_eq!((one.0, other.0), (Some(()), Some(())));
        assert_eq!(one.1.max(other.1), 2);
        let many: Vec<Lent<'_>> =
            (0..MOST_SPARE + 5).map(|_| Lent { alarm: Some(Alarm::new(Instant::now())), back: &alarms }).collect();
        drop(many);
        assert_eq!(alarms.0.borrow().len(), MOST_SPARE);
    }
}
