#!/usr/bin/env bash
# Sixty hostile components against one gateway, and a neighbour who calls another API: the test of
# tests/suites/tests/suites/hostile/guests/storm.rs with larger numbers, its figures printed.
#
# usage: bench/guests.sh [CALLS] [LIMITS]     needs: cargo xtask build
#
#   CALLS    calls of each component: 10000
#   LIMITS   limits of each statement, as in a document; the defaults without. Without quarantine, so that each call enters
#            its component: bench/guests.sh 1000 'quarantine-after: 1000000000, quarantine-after-ms: 3600000, fuel: 1000000'
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export TOLLGATE_BIN=${TOLLGATE_BIN:-$root/target/release/tollgate}
export TOLLGATE_GUEST_CALLS=${1:-10000} TOLLGATE_GUEST_LIMITS=${2:-}
test=hostile::guests::storm::row_60_sixty_hostile_components_cost_a_neighbour_no_request_and_the_gateway_no_memory
cd "$root" && cargo test --release --workspace --test suites -- --exact --nocapture "$test" | grep -vE '^(running|test result|$)'
