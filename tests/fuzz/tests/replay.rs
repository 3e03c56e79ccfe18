//! Every input of the corpora, and a short round of new ones for each target.

#![allow(clippy::panic, reason = "what fails here is a failing test")]

use tollgate_fuzz::{TARGETS, Target};

/// The corpus first: a round begins with it.
fn holds(name: &str, executions: u64) {
    let target = Target::named(name).unwrap_or_else(|| panic!("there is no target `{name}`"));
    let corpus = target.corpus().len() as u64;
    assert!(corpus > 0, "`{name}` has no corpus");
    let ended = target.short_round(corpus + executions);
    if let Some(input) = ended.failed {
        panic!("`{name}` fails for {:?}", String::from_utf8_lossy(&input));
    }
    assert_eq!(ended.executions, corpus + executions);
    assert!(ended.new > 0, "`{name}` tells every input alike");
}

macro_rules! targets {
    ($($fact:ident: $name:literal, $executions:literal;)*) => {
        $(#[test] fn $fact() { holds($name, $executions); })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$($name),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), replayed);
        }
    };
}

targets! {
    paths_become_normal_or_nothing: "path", 20_000;
    header_edits_are_what_a_list_of_them_says: "headers", 20_000;
    xml_and_json_become_one_another: "conversion", 3_000;
    documents_are_read_or_refused: "configuration", 3_000;
    expressions_end_and_give_values: "expression", 5_000;
    limits_count_as_an_exact_model_does: "limiter", 20_000;
    components_are_admitted_or_refused: "component", 200;
    host_functions_take_whatever_a_guest_gives: "host-functions", 2_000;
    components_of_chance_harm_nobody: "random-component", 60;
    requests_are_answered_or_refused: "request", 300;
    what_the_cache_gives_is_what_was_asked_for: "cache-key", 150;
}
