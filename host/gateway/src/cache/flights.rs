//! Many requests for the same become one (RFC 9111 §4: "collapse requests"): the first one leads, the others wait for
//! what becomes of it.
//!
//! What turns out to be for nobody else is remembered for a while, so that requests for it never stand in a queue. All
//! workers share this: a lock is held for a look at a map, and only after a miss.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tollgate_caching::Stored;

const SHARDS: usize = 16;

/// For how long requests go alone once a response was for its own request only.
const ALONE: Duration = Duration::from_secs(30);

/// Keys per shard that are remembered for it. Beyond, all are forgotten, which costs a wait.
const MAX_ALONE: usize = 4096;

/// Requests that nobody waits for, under way at a time: validations behind the client's back.
const MAX_IN_BACKGROUND: usize = 256;

/// What became of a leading request.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// Its response is stored.
    Stored(Arc<Stored>),
    /// Its response isn't for others.
    Alone,
    /// The origin failed.
    Failed,
    /// It was abandoned before anything was known.
    Abandoned,
}

/// Requests under way that others may wait for.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
    in_background: AtomicUsize,
    filling: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    /// At most one for each request that is being handled.
    flying: HashMap<u128, watch::Sender<Option<Landing>>>,
    /// Until when requests for a key go alone.
    alone: HashMap<u128, Instant>,
}

/// What a request for a key is to do.
#[derive(Debug)]
pub(crate) enum Joined {
    /// Ask the origin, for others too.
    Lead(Lead),
    /// Wait.
    Follow(Follow),
    /// Ask the origin.
    Alone,
}

/// The request that others wait for. Dropped without a landing, it was abandoned.
#[derive(Debug)]
pub(crate) struct Lead {
    /// None once it has landed.
    flights: Option<Arc<Flights>>,
    key: u128,
}

/// The wait for another request.
#[derive(Debug)]
pub(crate) struct Follow(watch::Receiver<Option<Landing>>);

impl Follow {
    /// What becomes of it.
    pub(crate) async fn landing(mut self) -> Landing {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|landed| landed.clone()).unwrap_or(Landing::Abandoned)
    }
}

impl Flights {
    fn shard(&self, key: u128) -> MutexGuard<'_, Shard> {
        let number = (key % SHARDS as u128) as usize;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lead, follow, or go alone. Who may not lead goes alone instead.
    pub(crate) fn join(self: &Arc<Flights>, key: u128, may_lead: bool) -> Joined {
        let mut shard = self.shard(key);
        if let Some(flying) = shard.flying.get(&key) {
            return Joined::Follow(Follow(flying.subscribe()));
        }
        match shard.alone.get(&key) {
            Some(until) if Instant::now() < *until => return Joined::Alone,
            Some(_) => {
                shard.alone.remove(&key);
            }
            None => {}
        }
        if !may_lead {
            return Joined::Alone;
        }
        shard.flying.insert(key, watch::Sender::new(None));
        Joined::Lead(Lead { flights: Some(Arc::clone(self)), key })
    }

    /// Responses to this key are for others again.
    pub(crate) fn share(&self, key: u128) {
        self.shard(key).alone.remove(&key);
    }

    fn land(&self, key: u128, landing: Landing) {
        let mut shard = self.shard(key);
        let flying = shard.flying.remove(&key);
        if matches!(landing, Landing::Alone) {
            if shard.alone.len() >= MAX_ALONE {
                shard.alone.clear();
            }
            shard.alone.insert(key, Instant::now() + ALONE);
        }
        drop(shard);
        if let Some(flying) = flying {
            flying.send_replace(Some(landing));
        }
    }

    /// Room for one more request that nobody waits for.
    pub(crate) fn go_behind(self: &Arc<Flights>) -> Option<Share> {
        let mut share = self.share_of(|flights| &flights.in_background, MAX_IN_BACKGROUND);
        share.grow(1).then_some(share)
    }

    /// Room for a body that is on its way into the cache, none of it yet: `limit` bytes for all of them.
    pub(crate) fn filling(self: &Arc<Flights>, limit: usize) -> Share {
        self.share_of(|flights| &flights.filling, limit)
    }

    fn share_of(self: &Arc<Flights>, of: fn(&Flights) -> &AtomicUsize, limit: usize) -> Share {
        Share { flights: Arc::clone(self), of, limit, amount: 0 }
    }
}

/// A part of what there may be at a time, given back when it is dropped.
pub(crate) struct Share {
    flights: Arc<Flights>,
    of: fn(&Flights) -> &AtomicUsize,
    limit: usize,
    amount: usize,
}

impl Share {
    /// Take more. False, and nothing taken, if there is no more.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let taken = (self.of)(&self.flights).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(more).filter(|sum| *sum <= self.limit)
        });
        if taken.is_ok() {
            self.amount += more;
        }
        taken.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        (self.of)(&self.flights).fetch_sub(self.amount, Ordering::Relaxed);
    }
}

impl Lead {
    /// Tell those who wait.
    pub(crate) fn land(mut self, landing: Landing) {
        if let Some(flights) = self.flights.take() {
            flights.land(self.key, landing);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(flights) = self.flights.take() {
            flights.land(self.key, Landing::Abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(flights: &Arc<Flights>, key: u128) -> Lead {
        match flights.join(key, true) {
            Joined::Lead(lead) => lead,
            other => panic!("{other:?}"),
        }
    }

    fn follow(flights: &Arc<Flights>, key: u128) -> Follow {
        match flights.join(key, true) {
            Joined::Follow(follow) => follow,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_leads_and_all_others_hear_how_it_ended() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights, 1);
        let waiting: Vec<_> = (0..3).map(|_| follow(&flights, 1)).collect();
        let other = lead(&flights, 2);
        first.land(Landing::Failed);
        for wait in waiting {
            assert!(matches!(wait.landing().await, Landing::Failed));
        }
        drop(other);
        drop(lead(&flights, 1));
    }

    #[tokio::test]
    async fn who_waits_for_an_abandoned_request_hears_of_it() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights, 1);
        let wait = follow(&flights, 1);
        drop(first);
        assert!(matches!(wait.landing().await, Landing::Abandoned));
        drop(lead(&flights, 1));
    }

    #[tokio::test]
    async fn what_is_for_nobody_else_makes_nobody_wait() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights, 1);
        let wait = follow(&flights, 1);
        first.land(Landing::Alone);
        assert!(matches!(wait.landing().await, Landing::Alone));
        assert!(matches!(flights.join(1, true), Joined::Alone));
        flights.share(1);
        drop(lead(&flights, 1));
        assert!(matches!(flights.join(1, false), Joined::Alone));
    }

    #[test]
    fn nothing_is_remembered_without_bound() {
        let flights = Arc::new(Flights::default());
        for key in 0..(SHARDS * MAX_ALONE * 2) as u128 {
            lead(&flights, key).land(Landing::Alone);
        }
        let kept: usize = flights.shards.iter().map(|shard| shard.lock().unwrap().alone.len()).sum();
        assert!(kept <= SHARDS * MAX_ALONE);
        assert!(flights.shards.iter().all(|shard| shard.lock().unwrap().flying.is_empty()));
    }

    #[test]
    fn who_has_landed_does_not_end_the_next_one() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights, 1);
        first.land(Landing::Failed);
        let second = lead(&flights, 1);
        drop(follow(&flights, 1));
        drop(second);
    }

    #[test]
    fn shares_are_given_back() {
        let flights = Arc::new(Flights::default());
        let (mut first, mut second) = (flights.filling(10), flights.filling(10));
        assert!(first.grow(4) && second.grow(5) && !first.grow(2) && first.grow(1));
        drop(first);
        assert!(second.grow(5) && !second.grow(1));
    }
}
