#!/bin/sh
# Gateways that take over from one another under load: how many requests fail, and how long the slowest one takes.
#
#   bench/takeover_under_load.sh [TAKEOVERS]
#
# Needs a built target/release/tollgate and python3. Each request has a connection of its own, so that what waits to be
# accepted is what could be lost. Prints one line. Only loopback, only ports that the kernel chose.
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH=bench PYTHONDONTWRITEBYTECODE=1
exec python3 - "${1:-50}" <<'PYTHON'
import subprocess, sys, time
from under_load import Clients, Document

TAKEOVERS = int(sys.argv[1])
document = Document()
document.write(0)


def start(*options):
    process = subprocess.Popen(
        ["target/release/tollgate", "run", *options, document.file],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return process, process.stdout.readline().split()[-1]


gateway, address = start()
clients = Clients(address, keep=False)
begin = time.monotonic()
for _ in range(TAKEOVERS):
    successor, now = start("--takeover")
    assert now == address, (now, address)
    assert gateway.wait(timeout=60) == 0
    gateway = successor
seconds = time.monotonic() - begin
clients.end()
gateway.terminate()
gateway.wait()
print(
    f"{TAKEOVERS} takeovers in {seconds:.1f} s, {clients.sent} requests: {clients.failed} failed, "
    f"the slowest took {clients.slowest * 1000:.0f} ms"
)
sys.exit(bool(clients.failed))
PYTHON
