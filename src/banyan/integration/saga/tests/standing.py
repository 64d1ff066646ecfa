"""Systems that stand in for partners: one real server that keeps what it did, knows a call again, and refuses."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Outside:
    """Warehouse, carrier and books behind one port: `POST /operation`, known again by its name in a header.

    `got` is every call in the order it came, `did` what was done, once for each name, however often it was asked.
    `says` gives for an operation what to answer next: a status, or a function of the body that gives one; without,
    it is done. `slow` gives seconds to think after it was done and before it is answered.
    """

    def __init__(self, header: str = "Webhook-Id") -> None:
        self.header = header
        self.got: list[tuple[str, str, Any]] = []
        self.did: dict[str, tuple[str, Any, dict[str, Any]]] = {}
        self.says: dict[str, list[Any] | Callable[[Any], int]] = {}
        self.slow: dict[str, float] = {}
        self.lock = threading.Lock()
        self.port = 0
        self.server: ThreadingHTTPServer | None = None
        self.open: list[socket.socket] = []

    def up(self) -> None:
        """Listen, on the port it had before."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.open.append(self.connection)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.path.strip("/")
                status, answer = outer.take(operation, self.headers[outer.header], body)
                time.sleep(outer.slow.get(operation, 0.0))
                content = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # who asked is gone

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Hang up and listen no more."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open.clear()
            self.server = None

    def take(self, operation: str, name: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Do what is asked, once for each name, or refuse."""
        with self.lock:
            self.got.append((operation, name, body))
            if name in self.did:
                return 200, self.did[name][2]
            says = self.says.get(operation)
            said = says(body) if callable(says) else says.pop(0) if says else 200
            if said != 200:
                return said, {"refused": operation}
            answer = {"id": f"{operation}-{len(self.did) + 1}"}
            self.did[name] = operation, body, answer
            return 200, answer

    @property
    def done(self) -> list[str]:
        """Give the operations that were done, in their order."""
        return [operation for operation, _, _ in self.did.values()]

    @property
    def asked(self) -> list[str]:
        """Give the operations asked for, in the order of the calls."""
        return [operation for operation, _, _ in self.got]
