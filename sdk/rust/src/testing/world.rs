//! What outlives a request: clock, counters, cache, log and metrics.

use crate::log::Level;
use crate::testing::cache::Cache;
use crate::testing::limiter::Limiter;
use crate::testing::services::Services;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// 2026-01-01T00:00:00Z: where the wall clock of every new world stands.
const START_UNIX_MS: u64 = 1_767_225_600_000;

/// The gateway around policies under test. Clones are the same world.
#[derive(Clone, Debug, Default)]
pub struct World(Rc<RefCell<State>>);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) unix_ms: u64,
    pub(crate) monotonic_ms: u64,
    pub(crate) limiter: Limiter,
    pub(crate) cache: Cache,
    pub(crate) log: Vec<(Level, String)>,
    pub(crate) log_level: Level,
    pub(crate) counts: BTreeMap<(String, Vec<(String, String)>), f64>,
    pub(crate) services: Services,
    pub(crate) broken: Option<String>,
    pub(crate) statements: usize,
    pub(crate) requests: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            unix_ms: START_UNIX_MS,
            monotonic_ms: 0,
            limiter: Limiter::default(),
            cache: Cache::default(),
            log: Vec::new(),
            log_level: Level::Debug,
            counts: BTreeMap::new(),
            services: Services::default(),
            broken: None,
            statements: 0,
            requests: 0,
        }
    }
}

impl World {
    /// A world of its own, at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Let time pass.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let mut state = self.state();
        state.unix_ms += ms;
        state.monotonic_ms += ms;
    }

    /// What the wall clock shows, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_ms(&self) -> u64 {
        self.state().unix_ms
    }

    /// Step the wall clock. The monotonic one goes on.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        self.state().unix_ms = unix_ms;
    }

    /// Make limiter, cache and event logs answer every call with `other(why)` from now on.
    pub fn break_state(&self, why: &str) {
        self.state().broken = Some(why.into());
    }

    /// Keep log lines of this level and above; at first all are kept.
    pub fn keep_log_from(&self, level: Level) {
        self.state().log_level = level;
    }

    /// The log lines so far.
    pub fn log(&self) -> Vec<(Level, String)> {
        self.state().log.clone()
    }

    /// A counter of `metrics`; 0 if it was never added to.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        self.state().counts.get(&(name.into(), labels)).copied().unwrap_or(0.0)
    }

    /// How many responses the cache holds, expired ones included.
    pub fn cached_responses(&self) -> usize {
        self.state().cache.responses()
    }
}
