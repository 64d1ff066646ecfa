"""A partner over HTTP that keeps books, and now and then answers as partners do: `bookkeeper.py HOST PORT OFFERED`.

POST /told books what it is told, once by its Webhook-Id. Of its answers some are a 500, a 429 with Retry-After, half an
answer, or nothing at all; some of these after it has booked. GET /orders?after=N offers OFFERED orders of its own, page
by page, more of them with time. GET /books gives its books.
"""

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOST, PORT, OFFERED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PAGE = 15
begun, gate = time.monotonic(), threading.Lock()
told: dict[str, tuple[str, int]] = {}
calls = [0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/books":
            with gate:
                self.say(200, {"told": [[name, *one] for name, one in told.items()], "calls": calls[0]})
            return
        after = int(parse_qs(parts.query).get("after", ["0"])[0] or 0)
        there = min(OFFERED, int((time.monotonic() - begun) * 20) + PAGE)
        numbers = range(after + 1, min(after + PAGE, there) + 1)
        if self.fault(61):
            return
        orders = [{"id": n, "code": f"R{n:05}", "name_zh": f"甲{n}", "name_en": f"A{n}"} for n in numbers]
        last = orders[-1]["id"] if orders else after
        self.say(200, {"orders": orders, "next": str(last), "more": last < there})

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        with gate:
            calls[0] += 1
            number = calls[0]
        time.sleep(0.002)
        if number % 41 == 0:
            self.say(500, {"message": "out of memory"})
            return
        if number % 67 == 0:
            self.say(429, {"message": "slowly"}, {"Retry-After": "1"})
            return
        with gate:
            told.setdefault(self.headers["Webhook-Id"], (event["subject"], event["data"]["n"]))
        if not self.fault(53, number):
            self.say(200, {"ok": True})

    def fault(self, every, number=None):
        """Break off in the middle of an answer, or before it."""
        number = number or int(time.monotonic() * 1000)
        if number % every:
            return False
        if number % 2:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{")
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        return True

    def say(self, status, body, headers=None):
        octets = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((HOST, PORT), Handler)
server.daemon_threads = True
server.serve_forever()
