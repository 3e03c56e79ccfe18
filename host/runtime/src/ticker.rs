//! The thread that makes deadlines pass. A thread of the system and not a task: a guest can't starve it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wasmtime::Engine;

/// How exact deadlines are, and how long a guest with a stack of its own computes before others have their turn, as long
/// as no guest computes for longer than this.
const TICK: Duration = Duration::from_millis(2);

/// The same while some guest does. Whoever else is served waits so long for it at each step of a request; ticking like this
/// all the time would cost a processor one or two hundredths of its time for nothing.
pub(crate) const SHORT_TICK: Duration = Duration::from_micros(SHORT_TICK_US);
const SHORT_TICK_US: u64 = 200;

/// Short ticks after the last guest that computed for longer than a tick: more than the turns of the others take.
const SHORT_TICKS: u32 = 64;

/// Short ticks that are still to come, of all engines of the process.
static SHORT_TICKS_LEFT: AtomicU32 = AtomicU32::new(0);

/// A guest computes for longer than a tick.
pub(crate) fn hurry() {
    SHORT_TICKS_LEFT.store(SHORT_TICKS, Ordering::Relaxed);
}

/// Tick until the engine is gone.
pub(crate) fn start(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("deadline-ticker".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(next());
            }
        })
        .map(drop)
}

fn next() -> Duration {
    let left = SHORT_TICKS_LEFT.load(Ordering::Relaxed);
    if left == 0 {
        return TICK;
    }
    // Whoever hurries meanwhile is heard of again at the next tick.
    SHORT_TICKS_LEFT.store(left - 1, Ordering::Relaxed);
    SHORT_TICK
}

/// How many ticks make a deadline, all of them short: never fewer than it says, and ten times as many if none is.
pub(crate) fn ticks(deadline_ms: u64) -> u64 {
    deadline_ms.saturating_mul(1_000).div_ceil(SHORT_TICK_US).saturating_add(1)
}
