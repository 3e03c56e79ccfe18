//! The thread that makes deadlines pass. A thread of the system and not a task: a guest can't starve it.

use std::io;
use std::time::Duration;

use wasmtime::Engine;

/// How exact deadlines are, and how long a guest with a stack of its own computes before others have their turn.
pub(crate) const TICK: Duration = Duration::from_millis(TICK_MS);
const TICK_MS: u64 = 2;

/// Tick until the engine is gone.
pub(crate) fn start(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("deadline-ticker".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map(drop)
}

/// How many ticks make a deadline: never fewer than it says.
pub(crate) fn ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS) + 1
}
