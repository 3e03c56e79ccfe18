//! Valid components that nobody has thought of (`reliability.md` §2.7, row 76): each input is the seed of one, which is compiled
//! and called. The host goes on as if nothing had been.

use std::rc::Rc;

use tollgate_core::limits::Limits;
use tollgate_core::place::Phase;
use tollgate_runtime::{Leases, Outcome};

use crate::targets::wasm;
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "random-component",
    make,
    seeds: || (0..4_u64).map(|seed| seed.to_le_bytes().to_vec()).collect(),
    words: &[],
    max_bytes: 8,
};

/// Loops without end among them shall not take most of the time.
const FUEL: u64 = 1_000_000;

fn make() -> Run {
    let runtime = wasm::runtime();
    let leases = Rc::new(Leases::new(std::sync::Arc::clone(&runtime), 0, None, None));
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("an event loop");
    let limits = Limits { fuel: FUEL, ..Limits::default() };
    Box::new(move |input| {
        let mut seed = [0; 8];
        seed.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
        let component = tollgate_guests::random(u64::from_le_bytes(seed));
        let statement = wasm::statement_in(&runtime, &component, &limits);
        // Twice: what an instance has become in a call is where the next one begins.
        let call = || {
            let call = leases.call_waiting(&statement, Phase::OnRequest, wasm::exchange());
            let Outcome { exchange, called, .. } = event_loop.block_on(call);
            assert!(exchange.is_some(), "an exchange is gone only if a host function panicked");
            called
                .map(|called| (called.verdict.label(), called.fuel.checked_ilog2()))
                .map_err(|fault| fault.kind.name())
        };
        outcome((call(), call()))
    })
}
