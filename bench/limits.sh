#!/usr/bin/env bash
# Limits at full size: the tests of tests/suites/tests/suites/hostile/limits.rs with larger numbers, their figures printed.
#
# usage: bench/limits.sh [exact|flood|kill|timing]…     needs: cargo xtask build
#
#   exact    a million requests from 256 clients against rate limits and quotas: how many over, how many under
#   flood    ten million keys beside 10,000 blocked ones, on the store itself: memory, and whether a blocked key is let go
#   kill     200 times kill -9 at a random moment, batched and strict: counts lost against the client's log
#   timing   a million refusals of a revoked and of an unknown key: Welch's t
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export TOLLGATE_BIN=${TOLLGATE_BIN:-$root/target/release/tollgate}

run() { # TEST, of the suites or of a library
    local tests=(--test suites)
    [[ $1 == hostile::* ]] || tests=(--lib)
    (cd "$root" && cargo test --release --workspace "${tests[@]}" -- --exact --nocapture "$1") \
        | grep -vE '^(running 0|test result: ok. 0|running|test result|$)'
}

for what in "${@:-exact flood kill timing}"; do
    for one in $what; do
        case $one in
            exact) TOLLGATE_LIMIT_REQUESTS=1000000 TOLLGATE_LIMIT_CLIENTS=256 run hostile::limits::row_41_no_limit_admits_one_call_more_or_less_over_many ;;
            flood) TOLLGATE_FLOOD_KEYS=10000000 TOLLGATE_FLOOD_BYTES=$((64 << 20)) run limiter::store::tests::a_flood_of_keys_takes_no_more_memory_than_was_given ;;
            kill)
                export TOLLGATE_KILL_CYCLES=200
                run hostile::limits::kill::row_48_a_killed_gateway_has_lost_no_count_that_is_older_than_100_ms
                run hostile::limits::kill::row_48_a_killed_gateway_has_lost_no_count_at_all_if_it_is_strict
                ;;
            timing) TOLLGATE_TIMING_SAMPLES=1000000 run hostile::limits::row_50_the_time_of_a_refusal_tells_nothing_of_the_key ;;
            *) echo "unknown: $one" >&2; exit 2 ;;
        esac
    done
done
