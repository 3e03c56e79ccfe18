//! A worker's companion: the thread where calls of policies go on that compute for long.
//!
//! It begins with the first such call, and gives way to the workers when the processors are short.

use std::any::Any;
use std::cell::OnceCell;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tollgate_runtime::{Aside, Work};

/// How much a worker goes before it, as `nice` counts.
const COURTESY: i32 = 5;

/// The companion of the worker with this number.
pub(crate) struct Companion {
    worker: usize,
    /// None if it couldn't be started.
    thread: OnceCell<Option<Thread>>,
}

struct Thread {
    handle: Handle,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

/// Work that is given up when this is dropped.
struct UnderWay(AbortHandle);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Companion {
    pub(crate) fn of(worker: usize) -> Companion {
        Companion { worker, thread: OnceCell::new() }
    }

    fn start(&self) -> std::io::Result<Thread> {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let handle = event_loop.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name(format!("long-calls-{}", self.worker)).spawn(move || {
            if let Err(problem) = rustix::process::nice(COURTESY) {
                tracing::debug!(%problem, "long calls run like others");
            }
            drop(event_loop.block_on(stopped));
        })?;
        Ok(Thread { handle, _stop: stop })
    }
}

impl Aside for Companion {
    fn take(&self, work: Work) -> Result<Box<dyn Any>, Work> {
        let thread = self.thread.get_or_init(|| {
            let started = self.start();
            started.inspect_err(|error| tracing::warn!(worker = self.worker, %error, "no thread for long calls")).ok()
        });
        match thread {
            Some(thread) => Ok(Box::new(UnderWay(thread.handle.spawn(work).abort_handle()))),
            None => Err(work),
        }
    }
}
