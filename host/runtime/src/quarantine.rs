//! A statement that keeps failing is left out for a while: its `on-failure` is followed without entering Wasm.
//!
//! Failures in a row shut it, many of them or a few that computed for long; any success between them starts the count
//! anew, so that a client whose requests a policy can't stand shuts out nobody as long as others' requests pass. While
//! it is shut, one call is let in after each pause to try. A pause is twice as long as the one before, up to
//! [`LONGEST_PAUSE`].

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tollgate_core::limits::Limits;

/// How long a statement is left out at most before it is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One statement's quarantine, for all workers.
#[derive(Debug, Default)]
pub struct Quarantine {
    failures_in_a_row: AtomicU32,
    /// Microseconds that these computed.
    computed_in_vain: AtomicU64,
    /// Asked at each call; `pause` is looked at only if it is set.
    is_shut: AtomicBool,
    pause: Mutex<Option<Pause>>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    length: Duration,
    /// When the next call may try.
    until: Instant,
}

/// How a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// As every call of a healthy statement.
    Regular,
    /// To try whether the statement works again.
    Trial,
}

/// What a call's end changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// From now on the statement is left out for this long.
    Shut(Duration),
    /// It works again.
    Opened,
}

impl Quarantine {
    /// Is the statement left out at present?
    pub fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Relaxed)
    }

    /// May a call enter? `now` is asked for only if that isn't plain.
    pub(crate) fn admit(&self, now: impl FnOnce() -> Instant) -> Option<Admission> {
        if !self.is_shut() {
            return Some(Admission::Regular);
        }
        let mut pause = self.pause();
        let Some(pause) = pause.as_mut() else { return Some(Admission::Regular) };
        let now = now();
        if now < pause.until {
            return None;
        }
        // The next one has its turn if this one never ends: its client may go away.
        pause.until = now + pause.length;
        Some(Admission::Trial)
    }

    /// A call ended well.
    pub(crate) fn succeeded(&self, admission: Admission) -> Change {
        if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            self.computed_in_vain.store(0, Ordering::Relaxed);
        }
        match admission {
            Admission::Regular => Change::None,
            Admission::Trial => {
                *self.pause() = None;
                self.is_shut.store(false, Ordering::Relaxed);
                Change::Opened
            }
        }
    }

    /// A call failed that computed for this long, and the guest was to blame.
    pub(crate) fn failed(
        &self,
        admission: Admission,
        computed: Duration,
        limits: &Limits,
        now: impl FnOnce() -> Instant,
    ) -> Change {
        let in_a_row = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let us = u64::try_from(computed.as_micros()).unwrap_or(u64::MAX);
        let in_vain = self.computed_in_vain.fetch_add(us, Ordering::Relaxed).saturating_add(us);
        let is_enough = in_a_row >= limits.quarantine_after || in_vain / 1_000 >= limits.quarantine_after_ms;
        let mut pause = self.pause();
        let length = match (admission, pause.as_ref()) {
            (Admission::Trial, Some(pause)) => pause.length.saturating_mul(2),
            // It came in before the statement was shut.
            (Admission::Regular, Some(_)) => return Change::None,
            (_, None) if !is_enough => return Change::None,
            (_, None) => Duration::from_millis(limits.quarantine_ms),
        };
        let length = length.min(LONGEST_PAUSE);
        *pause = Some(Pause { length, until: now() + length });
        self.is_shut.store(true, Ordering::Relaxed);
        Change::Shut(length)
    }

    fn pause(&self) -> MutexGuard<'_, Option<Pause>> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { quarantine_after: 3, quarantine_ms: 1000, ..Limits::default() }
    }

    fn shut(quarantine: &Quarantine, now: Instant) {
        for _ in 0..2 {
            assert_eq!(quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now), Change::None);
        }
        assert_eq!(quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now), Change::Shut(SECOND));
        assert!(quarantine.is_shut());
    }

    #[test]
    fn failures_in_a_row_shut_and_a_success_between_them_does_not_count_as_one() {
        let (quarantine, now) = (Quarantine::default(), Instant::now());
        for _ in 0..100 {
            quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now);
            quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now);
            assert_eq!(quarantine.succeeded(Admission::Regular), Change::None);
        }
        assert_eq!(quarantine.admit(|| now), Some(Admission::Regular));
        shut(&quarantine, now);
        assert_eq!(quarantine.admit(|| now), None);
    }

    #[test]
    fn failures_that_computed_for_long_shut_it_sooner() {
        let (quarantine, now) = (Quarantine::default(), Instant::now());
        let limits = Limits { quarantine_after_ms: 1000, ..Limits::default() };
        let fail = |ms| quarantine.failed(Admission::Regular, Duration::from_millis(ms), &limits, || now);
        assert_eq!((fail(600), fail(399)), (Change::None, Change::None));
        quarantine.succeeded(Admission::Regular);
        assert_eq!((fail(600), fail(400)), (Change::None, Change::Shut(SECOND)));
    }

    #[test]
    fn one_call_tries_after_each_pause_and_pauses_grow_up_to_a_minute() {
        let (quarantine, mut now) = (Quarantine::default(), Instant::now());
        shut(&quarantine, now);
        let mut pause = SECOND;
        for _ in 0..10 {
            assert_eq!(quarantine.admit(|| now + pause - Duration::from_millis(1)), None);
            now += pause;
            assert_eq!(quarantine.admit(|| now), Some(Admission::Trial));
            assert_eq!(quarantine.admit(|| now), None, "one at a time");
            pause = (pause * 2).min(LONGEST_PAUSE);
            assert_eq!(quarantine.failed(Admission::Trial, Duration::ZERO, &limits(), || now), Change::Shut(pause));
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn a_trial_that_ends_well_opens_and_one_that_never_ends_keeps_nobody_out() {
        let (quarantine, now) = (Quarantine::default(), Instant::now());
        shut(&quarantine, now);
        assert_eq!(quarantine.admit(|| now + SECOND), Some(Admission::Trial));
        assert_eq!(quarantine.admit(|| now + SECOND * 2), Some(Admission::Trial));
        assert_eq!(quarantine.succeeded(Admission::Trial), Change::Opened);
        assert_eq!(quarantine.admit(|| now + SECOND * 2), Some(Admission::Regular));
        assert_eq!(quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now), Change::None);
    }

    #[test]
    fn calls_that_were_under_way_when_it_was_shut_change_nothing() {
        let (quarantine, now) = (Quarantine::default(), Instant::now());
        shut(&quarantine, now);
        assert_eq!(quarantine.failed(Admission::Regular, Duration::ZERO, &limits(), || now), Change::None);
        assert_eq!(quarantine.succeeded(Admission::Regular), Change::None);
        assert_eq!(quarantine.admit(|| now), None);
    }
}
