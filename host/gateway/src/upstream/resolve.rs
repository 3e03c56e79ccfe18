//! Names to addresses: the system's resolver, with a small memory.
//!
//! The last good answer is kept when the resolver fails (`reliability.md` §2.9, row 81). One look-up per name runs at
//! a time; who has an old answer uses it meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Names that are remembered: more than any configuration names, so only made-up ones push others out.
const NAMES: usize = 1024;

/// How long a failure is remembered, so that a flood of requests isn't a flood of look-ups.
const FAILURE_TTL: Duration = Duration::from_secs(1);

pub(super) struct Resolver {
    names: RefCell<HashMap<Arc<str>, Rc<Name>>>,
    ttl: Duration,
}

struct Name {
    /// The last good answer; empty if there was none.
    addresses: RefCell<Rc<[IpAddr]>>,
    /// Until when that, or the last failure, needn't be asked again.
    good_until: Cell<Option<Instant>>,
    turn: Mutex<()>,
}

impl Name {
    fn new() -> Rc<Name> {
        let addresses = RefCell::new(Rc::from([]));
        Rc::new(Name { addresses, good_until: Cell::new(None), turn: Mutex::new(()) })
    }

    fn is_fresh(&self) -> bool {
        self.good_until.get().is_some_and(|until| Instant::now() < until)
    }

    fn last(&self) -> Rc<[IpAddr]> {
        Rc::clone(&self.addresses.borrow())
    }
}

impl Resolver {
    pub(super) fn new(ttl: Duration) -> Resolver {
        Resolver { names: RefCell::new(HashMap::new()), ttl }
    }

    /// The addresses of a name; none if it can't be resolved.
    pub(super) async fn resolve(&self, host: &Arc<str>) -> Rc<[IpAddr]> {
        self.resolve_with(host, async || {
            let found = tokio::net::lookup_host((&**host, 0)).await.ok()?;
            Some(found.map(|address| address.ip()).collect())
        })
        .await
    }

    async fn resolve_with(&self, host: &Arc<str>, look_up: impl AsyncFnOnce() -> Option<Vec<IpAddr>>) -> Rc<[IpAddr]> {
        let name = self.name(host);
        let last = name.last();
        if name.is_fresh() {
            return last;
        }
        let _turn = match name.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) if !last.is_empty() => return last,
            Err(_) => name.turn.lock().await,
        };
        if name.is_fresh() {
            return name.last();
        }
        let found = look_up().await.unwrap_or_default();
        let ttl = if found.is_empty() { FAILURE_TTL } else { self.ttl };
        name.good_until.set(Some(Instant::now() + ttl));
        if !found.is_empty() {
            *name.addresses.borrow_mut() = found.into();
        }
        name.last()
    }

    fn name(&self, host: &Arc<str>) -> Rc<Name> {
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(host) {
            return Rc::clone(name);
        }
        if names.len() >= NAMES {
            names.retain(|_, name| name.is_fresh());
        }
        if names.len() >= NAMES {
            names.clear();
        }
        let name = Name::new();
        names.insert(Arc::clone(host), Rc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<Vec<IpAddr>> {
        Some(vec![text.parse().unwrap()])
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_good_answer_outlives_its_time_while_the_resolver_fails() {
        let resolver = Resolver::new(Duration::from_secs(10));
        let host: Arc<str> = "a.example".into();
        assert_eq!(resolver.resolve_with(&host, async || None).await.len(), 0);
        // The failure is remembered for a moment.
        assert_eq!(resolver.resolve_with(&host, async || address("192.0.2.1")).await.len(), 0);
        tokio::time::advance(FAILURE_TTL).await;
        assert_eq!(
            *resolver.resolve_with(&host, async || address("192.0.2.1")).await,
            address("192.0.2.1").unwrap()[..]
        );
        assert_eq!(
            *resolver.resolve_with(&host, async || address("192.0.2.2")).await,
            address("192.0.2.1").unwrap()[..]
        );
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(*resolver.resolve_with(&host, async || None).await, address("192.0.2.1").unwrap()[..]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(
            *resolver.resolve_with(&host, async || address("192.0.2.2")).await,
            address("192.0.2.2").unwrap()[..]
        );
    }

    #[tokio::test]
    async fn names_that_somebody_makes_up_do_not_pile_up() {
        let resolver = Resolver::new(Duration::from_secs(10));
        for number in 0..3 * NAMES {
            resolver.resolve_with(&format!("n{number}").into(), async || None).await;
        }
        assert!(resolver.names.borrow().len() <= NAMES);
    }
}
