//! Every host function, with whatever arguments: no guest makes the host panic, whatever handles, pointers and lengths
//! it gives.
//!
//! The guest (`tollgate_guests::caller`) reads a program from the request's body: steps of a function's number and 16
//! words, which become its arguments as they are.

use bytes::Bytes;
use tollgate_core::place::Phase;
use tollgate_runtime::Outcome;

use crate::targets::wasm;
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "host-functions",
    make,
    seeds,
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

/// More than there are functions: numbers are taken modulo their count.
const FUNCTIONS: u8 = 96;

/// A word that becomes the request's handle.
const HANDLE: u64 = 0x5151_5151 << 32;

/// Where the program lies in the guest's memory, and so a text that is there.
const PROGRAM: u64 = 65536;

/// A call of each function, with arguments that some of them take: a handle or none before a text, and a place for what
/// comes back.
fn seeds() -> Vec<Vec<u8>> {
    let arguments: [&[u64]; 4] = [
        &[HANDLE, PROGRAM, 3, PROGRAM, 3, 1024, 1024, 1024],
        &[PROGRAM, 3, PROGRAM, 3, 1024, 1024, 1024],
        &[0, PROGRAM, 3, 1, 0, 5, 1000, 0, 0, 1024, 1024, 1024],
        &[HANDLE, 1024],
    ];
    (0..FUNCTIONS).flat_map(|number| arguments.iter().map(move |arguments| step(number, arguments))).collect()
}

fn step(function: u8, arguments: &[u64]) -> Vec<u8> {
    let mut step = vec![function, b'x', b'-', b'a', 0, 0, 0, 0];
    step.extend((0..16).flat_map(|at| arguments.get(at).copied().unwrap_or(0).to_le_bytes()));
    step
}

fn make() -> Run {
    let (statement, leases) = wasm::statement(&tollgate_guests::caller());
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("an event loop");
    Box::new(move |input| {
        let mut exchange = wasm::exchange();
        exchange.request_body = Some(Bytes::copy_from_slice(input));
        let Outcome { exchange, called, .. } =
            event_loop.block_on(leases.call_waiting(&statement, Phase::OnRequest, exchange));
        let exchange = exchange.expect("an exchange is gone only if a host function panicked");
        let diff = &exchange.effects.diff;
        let edits = (diff.request.headers.iter().count().min(4), diff.variables.len().min(4), diff.staged.len().min(4));
        match called {
            Ok(called) => outcome((called.verdict.label(), edits, called.fuel.checked_ilog2())),
            Err(fault) => {
                let words = fault.detail.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3);
                let step = fault.detail.split("step-").nth(1).and_then(|rest| rest.split(' ').next());
                outcome((fault.kind.name(), step, words.take(24).collect::<Vec<_>>()))
            }
        }
    })
}
