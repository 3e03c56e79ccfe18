//! A timer that costs next to nothing while it isn't needed.
//!
//! Nearly no time limit of a gateway is ever reached, but each would cost two operations on the timer wheel. An alarm
//! stays in the wheel between uses and is only moved when it fires too early or would fire too late.

use std::future::Future;
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
