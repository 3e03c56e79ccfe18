//! One worker's warm instances. An instance is lent to one call at a time and comes back only if it ended well.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tollgate_capabilities::http_client::HttpClient;
use tollgate_capabilities::session::{Services, Turns};
use tollgate_core::edits::Diff;
use tollgate_core::limits::Class;
use tollgate_core::place::Phase;

use crate::account::Used;
use crate::aside::Aside;
use crate::decisions::{Asked, Decisions};
use crate::engine::Runtime;
use crate::link::{Isolation, Unit};
use crate::store::{CreateError, Instance};

/// Calls after which an instance is made anew: keeps a slow leak in a guest from growing for ever.
const MAX_CALLS: u32 = 10_000;

/// Age after which an instance is made anew.
const MAX_AGE: Duration = Duration::from_secs(600);

/// An instance whose memory has grown past this is not kept: one large body shall not stay resident for ever.
const MAX_KEPT_BYTES: usize = 8 << 20;

/// The same for an interpreter, which begins with more than that.
const MAX_KEPT_INTERPRETER_BYTES: usize = 96 << 20;

/// Warm instances that a worker keeps of one interpreted statement: each has its interpreter's memory to itself.
const MAX_KEPT_INTERPRETERS: usize = 4;

/// Interpreters of one worker that run at once. More bring nothing, for they compute on the same core, and each takes its memory.
const MAX_INTERPRETERS_LENT: usize = 16;

/// Instances that the pool as a whole keeps for calls that have none yet: a quarter.
const POOL_SHARE: usize = 1500;

/// Decisions that all workers together know: half a kilobyte to one each.
const DECISIONS: usize = 16_384;

/// What one worker has of one unit.
#[derive(Default)]
pub(crate) struct Ready {
    #[expect(clippy::vec_box, reason = "an instance moves out and back for each call, and is a cache line or more")]
    instances: Vec<Box<Instance>>,
    decisions: [Decisions; Phase::ALL.len()],
}

/// One worker's warm instances.
pub struct Leases {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) worker: usize,
    pub(crate) client: Option<Arc<dyn HttpClient>>,
    pub(crate) turns: Option<Turns>,
    pub(crate) aside: Option<Box<dyn Aside>>,
    /// By the numbers of units, which nobody outside chooses.
    warm: RefCell<FxHashMap<u64, Ready>>,
    kept: Cell<usize>,
    may_keep: usize,
    /// Decisions that were learnt, and those that were known when they were last counted.
    learnt: Cell<usize>,
    may_learn: usize,
    interpreters: Rc<Interpreters>,
}

/// How many interpreters of a worker are lent, and who waits for one to come back.
#[derive(Default)]
struct Interpreters {
    lent: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

/// The right to run an interpreter. It comes back when this is dropped, however a call ends.
pub(crate) struct Place(Rc<Interpreters>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lent.set(self.0.lent.get().saturating_sub(1));
        // Whoever gave up waiting is among them, so all are told; there are no more of them than requests.
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl Leases {
    /// The leases of the worker with this number, whose policies call others through `client` and give way to others
    /// by `turns`.
    pub fn new(
        runtime: Arc<Runtime>,
        worker: usize,
        client: Option<Arc<dyn HttpClient>>,
        turns: Option<Turns>,
    ) -> Leases {
        let workers = runtime.workers.max(1);
        Leases {
            runtime,
            worker,
            client,
            turns,
            aside: None,
            warm: RefCell::default(),
            kept: Cell::new(0),
            may_keep: POOL_SHARE / workers,
            learnt: Cell::new(0),
            may_learn: DECISIONS / workers,
            interpreters: Rc::default(),
        }
    }

    /// Let calls that compute for long go on there.
    #[must_use]
    pub fn beside(self, aside: Box<dyn Aside>) -> Leases {
        Leases { aside: Some(aside), ..self }
    }

    /// The state that all workers share.
    pub fn services(&self) -> Arc<Services> {
        Arc::clone(&self.runtime.services)
    }

    /// How many warm instances are kept.
    pub fn kept(&self) -> usize {
        self.kept.get()
    }

    /// The largest linear memory among the warm instances, in bytes.
    pub fn largest_kept_bytes(&self) -> usize {
        let warm = self.warm.borrow();
        warm.values()
            .flat_map(|ready| &ready.instances)
            .map(|instance| instance.store.data().memory_bytes())
            .max()
            .unwrap_or(0)
    }

    /// Wait until an interpreter may run; none for what is no interpreter.
    pub(crate) async fn place(&self, unit: &Unit) -> Option<Place> {
        if unit.admitted.class() == Class::Compact {
            return None;
        }
        let places = &self.interpreters;
        poll_fn(|context| {
            if places.lent.get() < MAX_INTERPRETERS_LENT {
                places.lent.set(places.lent.get() + 1);
                return Poll::Ready(Some(Place(Rc::clone(places))));
            }
            let mut waiting = places.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// An instance for one call.
    pub(crate) fn take(&self, unit: &Arc<Unit>) -> Result<Box<Instance>, CreateError> {
        match self.take_warm(unit) {
            Some(instance) => Ok(instance),
            None => Instance::create(&self.runtime.engine, unit).map(|instance| self.connected(unit, instance)),
        }
    }

    /// The same for a unit that waits: others have their turn while the instance is made.
    pub(crate) async fn take_waiting(&self, unit: &Arc<Unit>) -> Result<Box<Instance>, CreateError> {
        match self.take_warm(unit) {
            Some(instance) => Ok(instance),
            None => {
                let made = Instance::create_waiting(&self.runtime.engine, unit, self.turns).await;
                made.map(|instance| self.connected(unit, instance))
            }
        }
    }

    fn take_warm(&self, unit: &Unit) -> Option<Box<Instance>> {
        let instance = self.warm.borrow_mut().get_mut(&unit.id)?.instances.pop()?;
        self.kept.set(self.kept.get() - 1);
        Some(instance)
    }

    fn connected(&self, unit: &Arc<Unit>, mut instance: Instance) -> Box<Instance> {
        self.runtime.snapshots.ask(unit);
        instance.store.data_mut().connect(self.client.clone());
        Box::new(instance)
    }

    /// Take an instance back that ended well. What is over its budget is dropped.
    pub(crate) fn put_back(&self, unit: &Unit, mut instance: Box<Instance>) {
        instance.calls += 1;
        let spent = unit.isolation == Isolation::Fresh
            || instance.calls >= MAX_CALLS
            || !self.is_kept(unit, instance.store.data().memory_bytes())
            // Asking the clock costs as much as a small call, so age is looked at now and then.
            || (instance.calls.is_multiple_of(256) && instance.made_at.elapsed() >= MAX_AGE);
        if spent {
            return;
        }
        if self.kept.get() >= self.may_keep {
            self.forget_one(unit.id);
        }
        self.warm.borrow_mut().entry(unit.id).or_default().instances.push(instance);
        self.kept.set(self.kept.get() + 1);
    }

    /// Is an instance with so much memory worth keeping?
    fn is_kept(&self, unit: &Unit, memory_bytes: usize) -> bool {
        match unit.admitted.class() {
            Class::Compact => memory_bytes <= MAX_KEPT_BYTES,
            Class::Interpreter => {
                let kept = self.warm.borrow().get(&unit.id).map_or(0, |ready| ready.instances.len());
                memory_bytes <= MAX_KEPT_INTERPRETER_BYTES && kept < MAX_KEPT_INTERPRETERS
            }
        }
    }

    /// Make room: let an instance of another unit go.
    fn forget_one(&self, keep: u64) {
        let mut warm = self.warm.borrow_mut();
        let other = warm.iter().find(|(id, ready)| **id != keep && !ready.instances.is_empty()).map(|(id, _)| *id);
        if let Some(ready) = warm.get_mut(&other.unwrap_or(keep))
            && ready.instances.pop().is_some()
        {
            self.kept.set(self.kept.get() - 1);
        }
        if let Some(other) = other.filter(|id| warm.get(id).is_some_and(|ready| ready.instances.is_empty())) {
            warm.remove(&other);
        }
    }

    /// Do something with what is known of a phase's decisions.
    pub(crate) fn decisions<T>(&self, unit: &Unit, phase: Phase, work: impl FnOnce(&mut Decisions) -> T) -> T {
        work(&mut self.warm.borrow_mut().entry(unit.id).or_default().decisions[phase.index()])
    }

    /// Keep a decision. If there are too many of all statements together, those that are of use are soon learnt again.
    pub(crate) fn learn(&self, unit: &Unit, phase: Phase, asked: Asked, diff: &Diff, used: Used) {
        if self.learnt.get() >= self.may_learn {
            self.learnt.set(self.forget_if_full());
        }
        self.decisions(unit, phase, |decisions| decisions.learn(asked, diff, used));
        self.learnt.set(self.learnt.get() + 1);
    }

    /// Count the decisions that are known, for statements may have given up theirs; forget all if they are nearly as many as may
    /// be. Gives what is left.
    fn forget_if_full(&self) -> usize {
        let mut warm = self.warm.borrow_mut();
        let known = warm.values().flat_map(|ready| &ready.decisions).map(Decisions::known).sum();
        if known < self.may_learn / 4 * 3 {
            return known;
        }
        warm.values_mut().flat_map(|ready| &mut ready.decisions).for_each(Decisions::forget);
        0
    }

    /// Let go of every instance whose unit is not in use any more: after a reload.
    pub fn keep_only(&self, is_used: impl Fn(u64) -> bool) {
        let mut warm = self.warm.borrow_mut();
        warm.retain(|id, _| is_used(*id));
        self.kept.set(warm.values().map(|ready| ready.instances.len()).sum());
    }
}
