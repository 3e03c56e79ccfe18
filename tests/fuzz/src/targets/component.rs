//! `Runtime::admit`: bytes that say they are a component are one, or are refused in words.

use crate::targets::wasm::{runtime, source};
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "component",
    make,
    seeds: || SEEDS.iter().map(|name| tollgate_guests::component(name)).collect(),
    words: &[
        "\0asm",
        "\x0d\0\x01\0",
        "\x01\0\0\0",
        "tollgate:policy/lifecycle@0.1.0",
        "describe",
        "\u{7f}",
        "wasi:cli/run@0.2.0",
    ],
    max_bytes: 64 << 10,
};

/// Guests of the suites.
const SEEDS: [&str; 5] =
    ["faults_edit_then_next", "limits_log_flood", "load_core_module", "load_unknown_import", "state_counter_in_memory"];

fn make() -> Run {
    let runtime = runtime();
    Box::new(move |input| match runtime.admit(&source(input)) {
        Ok(admitted) => outcome((admitted.imports().len(), admitted.phases().len())),
        Err(error) => {
            let text = error.to_string();
            // Offsets and indices differ for each.
            let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 2).take(12);
            outcome(words.collect::<Vec<_>>())
        }
    })
}
