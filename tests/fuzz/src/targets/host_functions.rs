//! Every host function, with whatever arguments: no guest makes the host panic, whatever handles, pointers and lengths
//! it gives.
//!
//! The guest (`tollgate_guests::caller`) reads a program from the request's body: steps of a function's number and 16
//! words, which become its arguments as they are.

use bytes::Bytes;
use tollgate_core::place::Phase;

use crate::targets::wasm;
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "host-functions",
    make,
    seeds: Vec::new,
    // The request's handle; the first bytes of the program in the guest's memory; a text in it.
    words: &[
        "\0\0\0\0QQQQ",
        "\0\0\x01\0\0\0\0\0",
        "\x10\0\0\0\0\0\0\0",
        "x-a",
        "tenant",
        "{\"a\":1}",
        "200",
        "/a?b",
        "client-ip",
    ],
    max_bytes: 4096,
};

fn make() -> Run {
    let (statement, leases) = wasm::statement(&tollgate_guests::caller());
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("an event loop");
    Box::new(move |input| {
        let mut exchange = wasm::exchange();
        exchange.request_body = Some(Bytes::copy_from_slice(input));
        let (exchange, called) = event_loop.block_on(leases.call_waiting(&statement, Phase::OnRequest, exchange));
        let exchange = exchange.expect("an exchange is gone only if a host function panicked");
        let diff = &exchange.effects.diff;
        let edits = (diff.request.headers.iter().count().min(4), diff.variables.len().min(4), diff.staged.len().min(4));
        if std::env::var_os("TOLLGATE_FUZZ_SAY").is_some() {
            eprintln!("{called:?} {diff:?}");
        }
        match called {
            Ok(called) => outcome((called.verdict.label(), edits, called.fuel.checked_ilog2())),
            Err(fault) => {
                let words = fault.detail.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3);
                outcome((fault.kind.name(), words.take(24).collect::<Vec<_>>()))
            }
        }
    })
}
