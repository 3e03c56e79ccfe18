#!/bin/sh
# 1,000 reloads under load: how many requests fail, and how many are served by two plans at once.
#
#   bench/reload_under_load.sh [RELOADS]
#
# Needs a built target/release/tollgate and python3. Each plan stamps its number into what goes to the origin and into
# what comes back; the origin returns the first stamp. Prints one line. Only loopback, only ports that the kernel chose.
set -eu
cd "$(dirname "$0")/.."
exec python3 - "${1:-1000}" <<'PYTHON'
import hashlib, http.client, http.server, os, signal, socketserver, subprocess, sys, tempfile, threading, time

RELOADS = int(sys.argv[1])
CLIENTS = 8


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("x-in", self.headers.get("x-in", ""))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def plan(number):
    return f"""listen: 127.0.0.1:0
admin: off
access-log: off
policies:
  inbound: [ {{ set-header: {{ name: x-in, value: 'v{number}' }} }} ]
  outbound: [ {{ set-header: {{ name: x-out, value: 'v{number}' }} }} ]
apis: [ {{ id: all, path: '', backend: 'http://127.0.0.1:{origin.server_port}', subscription-required: false }} ]
"""


origin = Server(("127.0.0.1", 0), Origin)
threading.Thread(target=origin.serve_forever, daemon=True).start()
folder = tempfile.mkdtemp()
file = os.path.join(folder, "tollgate.yaml")


def write(number):
    text = plan(number)
    with open(file + ".new", "w") as out:
        out.write(text)
    os.rename(file + ".new", file)
    # As the log names a document.
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


write(0)
gateway = subprocess.Popen(
    ["target/release/tollgate", "run", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
)
address = gateway.stdout.readline().split()[-1]
host, port = address.rsplit(":", 1)
stop = threading.Event()
tallies = []


def client():
    sent = failed = mixed = 0
    seen = set()
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    while not stop.is_set():
        try:
            connection.request("GET", "/x")
            response = connection.getresponse()
            response.read()
            sent += 1
            failed += response.status != 200
            mixed += response.headers["x-in"] != response.headers["x-out"]
            seen.add(response.headers["x-out"])
        except OSError:
            failed += 1
            connection.close()
    tallies.append((sent, failed, mixed, seen))


threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
for thread in threads:
    thread.start()
begin = time.monotonic()
for number in range(1, RELOADS + 1):
    digest = write(number)
    gateway.send_signal(signal.SIGHUP)
    while True:
        line = gateway.stderr.readline()
        if "reloaded" in line and digest in line:
            break
        if not line or "reload failed" in line:
            stop.set()
            gateway.kill()
            sys.exit(f"reload {number} failed: {line}")
seconds = time.monotonic() - begin
stop.set()
for thread in threads:
    thread.join()
gateway.terminate()
gateway.wait()
sent, failed, mixed = (sum(tally[at] for tally in tallies) for at in range(3))
plans = len(set().union(*(tally[3] for tally in tallies)))
print(f"{RELOADS} reloads in {seconds:.1f} s, {sent} requests by {plans} plans: {failed} failed, {mixed} mixed")
sys.exit(bool(failed or mixed))
PYTHON
