//! Too much to do: new requests are refused with 503 and `Retry-After` before memory runs out or everybody waits
//! (`reliability.md` §2.9, row 85).
//!
//! Two measures. Requests in progress, counted by each worker for itself. And memory: a thread looks every 50 ms at what
//! the process, or its control group, uses of what it may use. Between two looks bodies may take so much as there was
//! room for; more waits for the next look, in the kernel's buffers. While too much is used, of the requests that are in
//! and have a large body on its way into memory as many are refused as it takes. Asking costs a request one load of a
//! line that seldom changes and one comparison.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often memory is looked at: it costs some 20 µs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Percent of the limit that memory must fall below the threshold before requests are let in again, so that it doesn't
/// go to and fro.
const SLACK_PERCENT: u64 = 3;

/// Where control groups (version 2) are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadSettings {
    /// Requests in progress of the whole gateway.
    pub requests: usize,
    /// Memory that the process may use; none for what its control group or its machine has.
    pub memory_bytes: Option<u64>,
    /// Percent of that from which on requests are refused; 0 for never.
    pub memory_percent: u32,
}

impl Default for OverloadSettings {
    fn default() -> OverloadSettings {
        OverloadSettings { requests: 10_000, memory_bytes: None, memory_percent: 90 }
    }
}

/// Is memory short? One for the process, for so is its memory.
static IS_SHORT: AtomicBool = AtomicBool::new(false);

/// Bytes that bodies may still take until the next look. Without a watch nobody counts down to its end.
static ROOM: AtomicI64 = AtomicI64::new(i64::MAX);

/// For so many looks a body waits for room before it is given up: 5 s.
const PATIENCE: usize = 100;

/// Bytes that those who are in must give back before there is enough again, as of the last look.
static TO_FREE: AtomicI64 = AtomicI64::new(0);

/// Bytes of bodies that were given up since the last look.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// For so many looks, half a second, what was given up is taken to be on its way: the allocator gives it back to the system
/// after a while, and without this more would be given up for what is free already.
const ON_ITS_WAY: usize = 10;

/// Is there too little memory to take more?
pub(crate) fn memory_is_short() -> bool {
    IS_SHORT.load(Ordering::Relaxed)
}

/// Take memory for more of a body, of which so many bytes are held; wait for it if there is none just now. False if the
/// body must be given up.
pub(crate) async fn take(more: usize, held: usize) -> bool {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    for _ in 0..PATIENCE {
        if must_give_up(held) {
            return false;
        }
        if ROOM.load(Ordering::Relaxed) >= more && ROOM.fetch_sub(more, Ordering::Relaxed) >= more {
            return true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    false
}

/// Must a body be given up of which so many bytes are held? As many are as it takes until the next look, and not all.
fn must_give_up(held: usize) -> bool {
    if TO_FREE.load(Ordering::Relaxed) <= 0 {
        return false;
    }
    let must = TO_FREE.fetch_sub(i64::try_from(held).unwrap_or(i64::MAX), Ordering::Relaxed) > 0;
    if must {
        GIVEN_UP.fetch_add(held as u64, Ordering::Relaxed);
    }
    must
}

/// What all workers share: how many were refused, and what was seen of memory.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    refused: AtomicU64,
    used_bytes: AtomicU64,
    limit_bytes: AtomicU64,
}

impl Overload {
    /// Begin to watch, until nobody asks any more.
    pub(crate) fn start(settings: &OverloadSettings) -> io::Result<Arc<Overload>> {
        let overload = Arc::new(Overload::default());
        let Some(memory) = Memory::find(settings.memory_bytes, Path::new("/proc/self/cgroup"), Path::new(CGROUPS))
        else {
            return Ok(overload);
        };
        overload.limit_bytes.store(memory.limit, Ordering::Relaxed);
        let percent = u64::from(settings.memory_percent);
        let watched = Arc::downgrade(&overload);
        if percent > 0 {
            std::thread::Builder::new().name("memory-watch".into()).spawn(move || watch(&watched, &memory, percent))?;
        }
        Ok(overload)
    }

    /// Requests that were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Memory in use, as it was when it was last looked at, and what there is.
    pub(crate) fn memory(&self) -> (u64, u64) {
        (self.used_bytes.load(Ordering::Relaxed), self.limit_bytes.load(Ordering::Relaxed))
    }
}

fn watch(watched: &Weak<Overload>, memory: &Memory, percent: u64) {
    let mut given_up = [0; ON_ITS_WAY];
    for look in 0.. {
        let Some(overload) = watched.upgrade() else { return };
        given_up[look % ON_ITS_WAY] = GIVEN_UP.swap(0, Ordering::Relaxed);
        let on_its_way: u64 = given_up.iter().sum();
        if let Some(used) = memory.used() {
            let was_short = memory_is_short();
            let threshold = if was_short { percent.saturating_sub(SLACK_PERCENT) } else { percent };
            let is_short = u128::from(used) * 100 >= u128::from(memory.limit) * u128::from(threshold.max(1));
            overload.used_bytes.store(used, Ordering::Relaxed);
            let most = memory.limit / 100 * percent;
            ROOM.store(i64::try_from(most.saturating_sub(used)).unwrap_or(i64::MAX), Ordering::Relaxed);
            let enough = memory.limit / 100 * percent.saturating_sub(SLACK_PERCENT);
            let to_free = if is_short { used.saturating_sub(enough.saturating_add(on_its_way)) } else { 0 };
            TO_FREE.store(i64::try_from(to_free).unwrap_or(i64::MAX), Ordering::Relaxed);
            if is_short != was_short {
                IS_SHORT.store(is_short, Ordering::Relaxed);
                let (used_bytes, limit_bytes) = (used, memory.limit);
                match is_short {
                    true => tracing::error!(used_bytes, limit_bytes, "memory is short: new requests are refused"),
                    false => tracing::warn!(used_bytes, limit_bytes, "there is memory again"),
                }
            }
        }
        drop(overload);
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A worker's own count.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    overload: Arc<Overload>,
    in_progress: Rc<Cell<usize>>,
    most: usize,
}

impl Doorkeeper {
    /// For one of `workers` workers.
    pub(crate) fn new(overload: Arc<Overload>, settings: &OverloadSettings, workers: usize) -> Doorkeeper {
        Doorkeeper { overload, in_progress: Rc::default(), most: settings.requests.div_ceil(workers.max(1)).max(1) }
    }

    /// Let a request in; none if there is too much to do.
    pub(crate) fn enter(&self) -> Option<InProgress> {
        let now = self.in_progress.get();
        if now >= self.most || memory_is_short() {
            self.overload.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.in_progress.set(now + 1);
        Some(InProgress(Rc::clone(&self.in_progress)))
    }
}

/// A request, until the end of its response.
pub(crate) struct InProgress(Rc<Cell<usize>>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// How much memory there is, and where to see how much is used.
#[derive(Debug, PartialEq, Eq)]
struct Memory {
    limit: u64,
    /// The folder of the control group whose limit it is; none for the process' own use.
    group: Option<std::path::PathBuf>,
}

impl Memory {
    /// What the operator says; or else the least that a control group around this process has, or the machine.
    fn find(said: Option<u64>, own_group: &Path, groups: &Path) -> Option<Memory> {
        if let Some(limit) = said {
            return Some(Memory { limit, group: None });
        }
        let own = std::fs::read_to_string(own_group).unwrap_or_default();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let folder = groups.join(own);
        let mut least: Option<Memory> = None;
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(groups)) {
            let limit = read_number(&folder.join("memory.max"));
            if let Some(limit) = limit
                && least.as_ref().is_none_or(|least| limit < least.limit)
            {
                least = Some(Memory { limit, group: Some(folder.to_owned()) });
            }
        }
        // A limit above what the machine has is none.
        match (least, machine()) {
            (Some(group), Some(machine)) if group.limit < machine => Some(group),
            (group, None) => group,
            (_, Some(machine)) => Some(Memory { limit: machine, group: None }),
        }
    }

    fn used(&self) -> Option<u64> {
        match &self.group {
            // What the kernel would take back before it kills isn't in use.
            Some(folder) => {
                let all = read_number(&folder.join("memory.current"))?;
                let stat = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
                let idle = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok());
                Some(all.saturating_sub(idle.unwrap_or(0)))
            }
            None => kilobytes("/proc/self/status", "VmRSS:"),
        }
    }
}

/// Physical memory.
fn machine() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemTotal:")
}

/// A number of kB in a file of the kernel, in bytes.
fn kilobytes(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// A file with a number; none for `max`.
fn read_number(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_process_and_the_groups_around_it_counts() {
        let folder = std::env::temp_dir().join(format!("tollgate-overload-{}", std::process::id()));
        let (groups, own) = (folder.join("groups"), folder.join("own"));
        std::fs::create_dir_all(groups.join("a/b")).unwrap();
        std::fs::write(&own, "1:name=x:/y\n0::/a/b\n").unwrap();
        let write = |file: &str, text: &str| std::fs::write(groups.join(file), text).unwrap();
        let machine = machine().unwrap();
        assert_eq!(Memory::find(None, &own, &groups), Some(Memory { limit: machine, group: None }));
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "1000000\n");
        let found = Memory::find(None, &own, &groups).unwrap();
        assert_eq!(found, Memory { limit: 1_000_000, group: Some(groups.join("a")) });
        write("a/memory.current", "900000\n");
        write("a/memory.stat", "anon 1\ninactive_file 300000\n");
        assert_eq!(found.used(), Some(600_000));
        write("a/b/memory.max", "500\n");
        assert_eq!(Memory::find(None, &own, &groups).unwrap().limit, 500);
        assert_eq!(Memory::find(Some(7), &own, &groups), Some(Memory { limit: 7, group: None }));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn so_many_are_let_in_and_room_comes_back() {
        let settings = OverloadSettings { requests: 3, ..OverloadSettings::default() };
        let overload = Arc::new(Overload::default());
        let door = Doorkeeper::new(Arc::clone(&overload), &settings, 2);
        let inside = [door.enter(), door.enter()];
        assert!(inside.iter().all(Option::is_some));
        assert!(door.enter().is_none());
        assert_eq!(overload.refused(), 1);
        drop(inside);
        assert!(door.enter().is_some());
    }

    #[test]
    fn this_process_uses_memory() {
        let memory = Memory { limit: 1, group: None };
        assert!(memory.used().is_some_and(|used| used > 100_000));
    }
}
