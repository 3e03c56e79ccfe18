#!/usr/bin/env bash
# CPU time per proxied request: Tollgate with 0, 1, 5 and 20 policies, warm and fresh, and answers from the cache, beside nginx;
# in one run, interleaved. `NAMES="none chain-20" bench/compare.sh` measures these rows alone.
#
# usage: bench/compare.sh [ROUNDS] [SECONDS]     needs: nginx, wrk, taskset (Debian: nginx-light wrk util-linux)
#
# The proxy is pinned to core 0, load and origin to core 1. CPU time is what the proxy's processes used, from /proc.
# nginx stands as the field's yardstick: one worker, keep-alive to the origin, no log.
set -euo pipefail
rounds=${1:-3} seconds=${2:-4}
root=$(cd "$(dirname "$0")/.." && pwd)
tollgate=${TOLLGATE_BIN:-$root/target/release/tollgate}
work=$(mktemp -d)
pids=()
# Ends only what was started here.
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null; rm -rf "$work"' EXIT

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

nginx_conf() { # FILE BODY-OF-SERVER [UPSTREAM-PORT]
    local upstream=
    [ -z "${3:-}" ] || upstream="upstream origin { server 127.0.0.1:$3; keepalive 64; keepalive_requests 1000000000; }"
    cat >"$1" <<CONF
worker_processes 1; daemon off; pid $1.pid; error_log /dev/null; master_process off;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
  uwsgi_temp_path $work; scgi_temp_path $work; keepalive_requests 1000000000;
  $upstream
  server { $2 }
}
CONF
}

origin_port=$(free_port)
nginx_conf "$work/origin.conf" "listen 127.0.0.1:$origin_port; location / { default_type text/plain; return 200 'hello, world'; } location /cached { default_type text/plain; add_header Cache-Control max-age=3600; return 200 'hello, world'; }"
taskset -c 1 nginx -p "$work" -c "$work/origin.conf" & pids+=($!)

# Each reads one header and sets one.
policies() { # COUNT ISOLATION
    for ((i = 0; i < $1; i++)); do
        echo "        - set-header: { name: x-bench-$i, value: \"\${request.headers['x-tenant']}\" }"
        echo "          isolation: $2"
    done
}
declare -A port pid
start_tollgate() { # NAME COUNT ISOLATION
    port[$1]=$(free_port)
    {
        echo "listen: 127.0.0.1:${port[$1]}"
        echo "admin: off"
        echo "workers: 1"
        echo "access-log: off"
        echo "state: { directory: $work/state-$1 }"
        echo "apis:"
        echo "  - id: bench"
        echo "    path: \"\""
        echo "    backend: http://127.0.0.1:$origin_port"
        echo "    subscription-required: false"
        if [ "$2" -gt 0 ]; then
            echo "    policies:"
            echo "      inbound:"
            policies "$2" "$3"
        fi
        [ -z "${4:-}" ] || printf '%s\n' "    policies:" "      inbound:" "        - $4"
        [ -z "${5:-}" ] || printf '%s\n' "$5"
    } >"$work/$1.yaml"
    taskset -c 0 "$tollgate" run "$work/$1.yaml" >"$work/$1.out" 2>"$work/$1.err" & pid[$1]=$!
    pids+=($!)
    for _ in $(seq 100); do grep -q '^listening' "$work/$1.out" && return; sleep 0.1; done
    cat "$work/$1.err" >&2
    exit 1
}
port[nginx]=$(free_port)
nginx_conf "$work/proxy.conf" "listen 127.0.0.1:${port[nginx]}; location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; }" "$origin_port"
taskset -c 0 nginx -p "$work" -c "$work/proxy.conf" & pid[nginx]=$!
pids+=($!)
start_tollgate none 0 warm
start_tollgate warm-1 1 warm
start_tollgate warm-5 5 warm
start_tollgate fresh-1 1 fresh
start_tollgate rate-limit 0 warm 'rate-limit-by-key: { calls: 1000000000, renewal-period: 60, counter-key: client-ip }'
# Twenty statements of the catalogue with ten expressions, in the sections where such documents have them.
read -r -d '' chain <<'YAML' || true
    policies:
      inbound:
        - ip-filter: { action: forbid, addresses: [ 192.0.2.0/24 ] }
        - cors: { allowed-origins: [ "https://app.example" ] }
        - check-header: { name: x-tenant, failed-check-httpcode: 401 }
        - set-variable: { name: tenant, value: "${request.headers['x-tenant']}" }
        - rate-limit-by-key: { calls: 1000000000, renewal-period: 60, counter-key: "${variables.tenant}" }
        - set-header: { name: x-tenant-id, value: "${variables.tenant}" }
        - set-header: { name: x-original-path, value: "${request.path}" }
        - set-header: { name: x-api-version, value: "2" }
        - set-header: { name: x-internal, exists-action: delete }
        - set-query-parameter: { name: from, value: "${request.method}" }
        - choose:
            - when: request.headers["x-tenant"] == "acme"
              policies: [ { set-header: { name: x-tier, value: gold } } ]
        - rewrite-uri: { template: /v2/items }
      outbound:
        - set-header: { name: x-powered-by, exists-action: delete }
        - set-header: { name: x-tenant, value: "${variables.tenant}" }
        - set-header: { name: x-origin-status, value: "${response.status}" }
        - choose:
            - when: response.status >= 500
              policies: [ { set-status: { code: 502 } } ]
        - set-header: { name: vary, exists-action: append, value: x-tenant }
        - set-header: { name: x-id, value: "id ${request_id}" }
YAML
start_tollgate chain-20 0 warm "" "$chain"
start_tollgate chain-20-all-new 0 warm "" "$chain"
start_tollgate cache-hit 0 warm "" "    cache: {}"
declare -A path=([cache-hit]=cached)
# No two requests have a tenant and a path in common, so that policies which read them are entered each time. With the plain
# chain-20 all requests are alike, and what most of its statements decide is known from before.
cat >"$work/all-new.lua" <<'LUA'
local number = 0
function request()
    number = number + 1
    wrk.headers["x-tenant"] = "tenant-" .. number
    return wrk.format("GET", "/items/" .. number)
end
LUA
declare -A script
for name in warm-1 warm-5 fresh-1 chain-20-all-new; do script[$name]=$work/all-new.lua; done
load() { # NAME SECONDS
    taskset -c 1 wrk -t1 -c32 -d"$2s" -H 'x-tenant: acme' ${script[$1]:+-s "${script[$1]}"} --latency \
        "http://127.0.0.1:${port[$1]}/${path[$1]:-}"
}
names=${NAMES:-nginx none warm-1 warm-5 fresh-1 rate-limit chain-20 chain-20-all-new cache-hit}
sleep 0.5
for name in nginx none; do
    curl -sf -o /dev/null "http://127.0.0.1:${port[$name]}/" || { echo "$name doesn't answer" >&2; exit 1; }
done

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
hz=$(getconf CLK_TCK)
for ((round = 1; round <= rounds; round++)); do
    for name in $names; do
        load "$name" 1 >/dev/null
        before=$(ticks "${pid[$name]}")
        out=$(load "$name" "$seconds")
        after=$(ticks "${pid[$name]}")
        requests=$(awk '/requests in/ { print $1 }' <<<"$out")
        bad=$(awk '/Non-2xx/ { print $NF }' <<<"$out")
        rss=$(awk '/VmRSS/ { print $2 }' "/proc/${pid[$name]}/status")
        awk -v n="$name" -v t="$((after - before))" -v hz="$hz" -v r="$requests" -v s="$seconds" -v rss="$rss" -v bad="${bad:-0}" \
            -v p99="$(awk '$1 == "99%" { print $2 }' <<<"$out")" \
            'BEGIN { printf "%-16s %7.2f us CPU/request  %7.0f requests/s  p99 %-8s RSS %6d KiB  not 2xx %d\n", n, t / hz * 1e6 / r, r / s, p99, rss, bad }' |
            tee -a "$work/rounds"
    done
done
echo "median of $rounds rounds, us CPU/request:"
for name in $names; do
    awk -v n="$name" '$1 == n { print $2 }' "$work/rounds" | sort -n | awk -v n="$name" '{ v[NR] = $1 } END { printf "  %-16s %7.2f\n", n, v[int((NR + 1) / 2)] }'
done
