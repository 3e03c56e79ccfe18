"""An origin, a document and clients, for reload_under_load.sh and takeover_under_load.sh: what they do to a gateway meanwhile is theirs.

Each plan stamps its number into what goes to the origin and into what comes back; the origin returns the first stamp.
"""

import http.client, http.server, os, socketserver, tempfile, threading, time

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


class Document:
    """A file that is replaced at once, never half written."""

    def __init__(self):
        self.origin = Server(("127.0.0.1", 0), Origin)
        threading.Thread(target=self.origin.serve_forever, daemon=True).start()
        self.file = os.path.join(tempfile.mkdtemp(), "tollgate.yaml")

    def write(self, number):
        """Write the plan of this number, and return its text."""
        text = f"""listen: 127.0.0.1:0
admin: off
access-log: off
policies:
  inbound: [ {{ set-header: {{ name: x-in, value: 'v{number}' }} }} ]
  outbound: [ {{ set-header: {{ name: x-out, value: 'v{number}' }} }} ]
apis: [ {{ id: all, path: '', backend: 'http://127.0.0.1:{self.origin.server_port}', subscription-required: false }} ]
"""
        with open(self.file + ".new", "w") as out:
            out.write(text)
        os.rename(self.file + ".new", self.file)
        return text


class Clients:
    """Clients that call all the time, each on one connection or (`keep=False`) on a new one for each request."""

    def __init__(self, address, keep):
        self.host, port = address.rsplit(":", 1)
        self.port, self.keep = int(port), keep
        self.sent = self.failed = self.mixed = self.slowest = 0
        self.plans = set()
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        sent = failed = mixed = slowest = 0
        plans = set()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        while not self.stop.is_set():
            begin = time.monotonic()
            try:
                connection.request("GET", "/x")
                response = connection.getresponse()
                response.read()
                sent += 1
                failed += response.status != 200
                mixed += response.headers["x-in"] != response.headers["x-out"]
                plans.add(response.headers["x-out"])
            except (OSError, http.client.HTTPException):
                failed += 1
                connection.close()
            if not self.keep:
                connection.close()
            slowest = max(slowest, time.monotonic() - begin)
        with self.lock:
            self.sent, self.failed, self.mixed = self.sent + sent, self.failed + failed, self.mixed + mixed
            self.slowest = max(self.slowest, slowest)
            self.plans |= plans

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
