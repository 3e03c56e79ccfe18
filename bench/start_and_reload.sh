#!/usr/bin/env bash
# Start with every built-in and a warm compile cache; memory then; reload of APIS × 10 statements.
#
# usage: bench/start_and_reload.sh [APIS]
set -euo pipefail
apis=${1:-1000}
root=$(cd "$(dirname "$0")/.." && pwd)
tollgate=${TOLLGATE_BIN:-$root/target/release/tollgate}
work=$(mktemp -d)
pid=
# Ends only what was started here.
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT

head_of() { printf '%s\n' "listen: 127.0.0.1:0" "admin: off" "access-log: off" "state: { directory: $work/state }"; }

cat >"$work/all.yaml" <<Y
$(head_of)
event-logs: [ { id: events, file: $work/events.log } ]
products:
  - id: gold
    apis: [ all ]
    policies: { inbound: [ base, quota: { calls: 5, renewal-period: 3600 } ] }
apis:
  - id: all
    path: all
    backend: http://127.0.0.1:9
    policies:
      inbound:
        - cors: { allowed-origins: [ "https://a.example" ] }
        - ip-filter: { action: forbid, addresses: [192.0.2.0/24] }
        - check-header: { name: x-a, failed-check-httpcode: 400, failed-check-error-message: no, ignore-case: true }
        - validate-jwt: { header-name: authorization, issuer-signing-keys: [ { key: c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA== } ] }
        - rate-limit: { calls: 5, renewal-period: 10 }
        - rate-limit-by-key: { calls: 5, renewal-period: 10, counter-key: client-ip }
        - quota-by-key: { calls: 5, renewal-period: 3600, counter-key: client-ip }
        - validate-parameters: { specified-parameter-action: prevent, unspecified-parameter-action: ignore }
        - validate-content: { unspecified-content-type-action: ignore, max-size: 1024, size-exceeded-action: prevent }
        - cache-lookup: {}
        - cache-lookup-value: { key: a, variable-name: a }
        - cache-store-value: { key: a, value: b, duration: 5 }
        - cache-remove-value: { key: a }
        - send-request: { response-variable-name: r, set-url: "http://127.0.0.1:9/" }
        - send-one-way-request: { set-url: "http://127.0.0.1:9/" }
        - authentication-basic: { username: a, password: b }
        - set-backend-service: { base-url: "http://127.0.0.1:9" }
        - rewrite-uri: { template: /a }
        - set-query-parameter: { name: a, value: b }
        - set-method: POST
        - set-body: a
        - json-to-xml: { apply: content-type-json }
        - set-header: { name: x-b, value: c }
        - trace: { source: a, message: b }
        - emit-metric: { name: a, dimensions: [ { name: API ID } ] }
        - log-event: { logger-id: events, message: a }
        - mock-response: { status-code: 200 }
        - return-response: { set-status: { code: 200 } }
      outbound:
        - validate-status-code: { unspecified-status-code-action: ignore }
        - validate-headers: { specified-header-action: ignore, unspecified-header-action: ignore }
        - set-status: { code: 200 }
        - find-and-replace: { from: a, to: b }
        - redirect-content-urls: {}
        - jsonp: { callback-parameter-name: cb }
        - xml-to-json: { kind: direct, apply: content-type-xml }
        - cache-store: { duration: 5 }
Y
start() { # FILE
    "$tollgate" run "$1" >"$work/out" 2>"$work/err" & pid=$!
    until grep -q '^listening' "$work/out"; do kill -0 "$pid" || { cat "$work/err" >&2; exit 1; }; sleep 0.005; done
}
now() { date +%s%N; }
for round in 1 2 3 4 5; do
    before=$(now)
    start "$work/all.yaml"
    after=$(now)
    rss=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
    echo "start with all built-ins, round $round: $(((after - before) / 1000000)) ms, resident $rss KiB"
    kill "$pid"; wait "$pid" || true; pid=
done

{
    head_of
    echo "apis:"
    for ((a = 0; a < apis; a++)); do
        printf '%s\n' "  - id: api-$a" "    path: api-$a" "    backend: http://127.0.0.1:9" "    policies:" "      inbound:"
        for ((s = 0; s < 10; s++)); do echo "        - set-header: { name: x-$s, value: \"${1:-}$a-$s\" }"; done
    done
} >"$work/many.yaml"
before=$(now)
start "$work/many.yaml"
echo "start with $apis APIs x 10 statements: $((($(now) - before) / 1000000)) ms, resident $(awk '/VmRSS/ { print $2 }' "/proc/$pid/status") KiB"
for round in 1 2 3; do
    seen=$(grep -c '"reloaded"' "$work/err" || true)
    kill -HUP "$pid"
    until [ "$(grep -c '"reloaded"' "$work/err" || true)" -gt "$seen" ]; do sleep 0.02; done
    echo "reload, nothing changed, round $round: $(grep '"reloaded"' "$work/err" | tail -1 | grep -o '"seconds":[0-9.]*') s"
done
sed -i 's/value: "\([^"]*\)"/value: "\1-changed"/' "$work/many.yaml"
seen=$(grep -c '"reloaded"' "$work/err" || true)
kill -HUP "$pid"
until [ "$(grep -c '"reloaded"' "$work/err" || true)" -gt "$seen" ]; do sleep 0.02; done
echo "reload, every statement changed: $(grep '"reloaded"' "$work/err" | tail -1 | grep -o '"seconds":[0-9.]*') s"
