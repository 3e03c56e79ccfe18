#!/usr/bin/env bash
# Thousands of connections that send their heads, or bodies, or read responses, as slowly as they can, while somebody who behaves
# calls a hundred times a second: how many of those calls are served, and how fast.
#
# usage: bench/slow.sh [CONNECTIONS] [SECONDS]     needs: slowhttptest, nginx, python3 (Debian), cargo xtask build
set -euo pipefail
connections=${1:-4000} seconds=${2:-20}
root=$(cd "$(dirname "$0")/.." && pwd)
tollgate=${TOLLGATE_BIN:-$root/target/release/tollgate}
work=$(mktemp -d)
pids=()
# Ends only what was started here.
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null; rm -rf "$work"' EXIT
ulimit -n "$(ulimit -Hn)"

port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >"$work/origin.conf" <<CONF
worker_processes 1; daemon off; pid $work/origin.pid; error_log /dev/null; master_process off;
events { worker_connections 10000; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  server { listen 127.0.0.1:$port; location / { default_type text/plain; return 200 'hello, world'; } }
}
CONF
nginx -p "$work" -c "$work/origin.conf" & pids+=($!)
cat >"$work/tollgate.yaml" <<YAML
listen: 127.0.0.1:0
admin: off
access-log: off
state: { directory: $work/state }
apis: [ { id: all, path: "", backend: "http://127.0.0.1:$port", subscription-required: false } ]
YAML
"$tollgate" run "$work/tollgate.yaml" >"$work/out" 2>"$work/err" & gateway=$!
pids+=("$gateway")
until grep -q '^listening' "$work/out" 2>/dev/null; do kill -0 "$gateway" || { cat "$work/err" >&2; exit 1; }; sleep 0.05; done
address=$(awk '/^listening/ { print $NF }' "$work/out")

rss() { awk '/VmRSS/ { print $2 }' "/proc/$gateway/status"; }
before=$(rss)
for attack in "heads -H -i 5" "bodies -B -i 5 -s 8192" "readers -X -w 1 -y 8 -n 5 -z 8 -k 3"; do
    read -r name options <<<"$attack"
    # shellcheck disable=SC2086
    slowhttptest -c "$connections" $options -r 1000 -l "$seconds" -p 3 -u "http://$address/" >"$work/slow" 2>&1 & slow=$!
    pids+=("$slow")
    sleep 3
    echo "$name: $(python3 - "$address" "$((seconds - 6))" <<'PY'
import http.client, sys, time
address, seconds = sys.argv[1], int(sys.argv[2])
served, errors, times, end = 0, 0, [], time.monotonic() + seconds
while time.monotonic() < end:
    begin = time.monotonic()
    try:
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/well")
        ok = connection.getresponse().read() == b"hello, world"
        connection.close()
    except OSError:
        ok = False
    served, errors = served + ok, errors + (not ok)
    times.append(time.monotonic() - begin)
    time.sleep(max(0, 0.01 - times[-1]))
times.sort()
print(f"{served} served, {errors} errors, median {times[len(times)//2]*1000:.2f} ms, p99 {times[len(times)*99//100]*1000:.2f} ms", end="")
PY
), $(ss -Htn state established "( sport = :${address##*:} )" 2>/dev/null | wc -l) connections open, resident $(rss) KiB ($before before)"
    wait "$slow" || true
done
