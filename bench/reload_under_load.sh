#!/bin/sh
# 1,000 reloads under load: how many requests fail, and how many are served by two plans at once.
#
#   bench/reload_under_load.sh [RELOADS]
#
# Needs a built target/release/tollgate and python3. Each plan stamps its number into what goes to the origin and into
# what comes back; the origin returns the first stamp. Prints one line. Only loopback, only ports that the kernel chose.
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH=bench PYTHONDONTWRITEBYTECODE=1
exec python3 - "${1:-1000}" <<'PYTHON'
import hashlib, signal, subprocess, sys, time
from under_load import Clients, Document

RELOADS = int(sys.argv[1])
document = Document()
document.write(0)
gateway = subprocess.Popen(
    ["target/release/tollgate", "run", document.file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
)
clients = Clients(gateway.stdout.readline().split()[-1], keep=True)
begin = time.monotonic()
for number in range(1, RELOADS + 1):
    # As the log names a document.
    digest = "sha256:" + hashlib.sha256(document.write(number).encode()).hexdigest()[:16]
    gateway.send_signal(signal.SIGHUP)
    while True:
        line = gateway.stderr.readline()
        if "reloaded" in line and digest in line:
            break
        if not line or "reload failed" in line:
            gateway.kill()
            sys.exit(f"reload {number} failed: {line}")
seconds = time.monotonic() - begin
clients.end()
gateway.terminate()
gateway.wait()
print(
    f"{RELOADS} reloads in {seconds:.1f} s, {clients.sent} requests by {len(clients.plans)} plans: "
    f"{clients.failed} failed, {clients.mixed} mixed"
)
sys.exit(bool(clients.failed or clients.mixed))
PYTHON
