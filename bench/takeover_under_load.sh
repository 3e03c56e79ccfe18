#!/bin/sh
# Gateways that take over from one another under load: how many requests fail, and how long the slowest one takes.
#
#   bench/takeover_under_load.sh [TAKEOVERS]
#
# Needs a built target/release/tollgate and python3. Each request has a connection of its own, so that what waits to be
# accepted is what could be lost. Prints one line. Only loopback, only ports that the kernel chose.
set -eu
cd "$(dirname "$0")/.."
exec python3 - "${1:-50}" <<'PYTHON'
import http.client, http.server, os, socketserver, subprocess, sys, tempfile, threading, time

TAKEOVERS = int(sys.argv[1])
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


with open(file, "w") as out:
    out.write(plan(0))


def start(*options):
    process = subprocess.Popen(
        ["target/release/tollgate", "run", *options, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return process, process.stdout.readline().split()[-1]


gateway, address = start()
host, port = address.rsplit(":", 1)
stop = threading.Event()
tallies = []


def client():
    sent = failed = 0
    slowest = 0
    while not stop.is_set():
        begin = time.monotonic()
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            connection.request("GET", "/x")
            response = connection.getresponse()
            response.read()
            sent += 1
            failed += response.status != 200
        except (OSError, http.client.HTTPException):
            failed += 1
        connection.close()
        slowest = max(slowest, time.monotonic() - begin)
    tallies.append((sent, failed, slowest))


threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
for thread in threads:
    thread.start()
begin = time.monotonic()
for _ in range(TAKEOVERS):
    successor, now = start("--takeover")
    assert now == address, (now, address)
    assert gateway.wait(timeout=60) == 0
    gateway = successor
seconds = time.monotonic() - begin
stop.set()
for thread in threads:
    thread.join()
gateway.terminate()
gateway.wait()
sent, failed = (sum(tally[at] for tally in tallies) for at in range(2))
slowest = max(tally[2] for tally in tallies)
print(f"{TAKEOVERS} takeovers in {seconds:.1f} s, {sent} requests: {failed} failed, the slowest took {slowest * 1000:.0f} ms")
sys.exit(bool(failed))
PYTHON
