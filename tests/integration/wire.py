"""A partner made of a socket: it answers what a test tells it to, byte for byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Wire:
    """What listens, and what it has heard."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def answering(
    answer: Callable[[bytes, int], bytes | None], *, wrap: Callable[[socket.socket], socket.socket] | None = None
) -> Iterator[Wire]:
    """Listen on a free port; each request (head and body) and its number give the bytes to answer.

    Takes:  answer: None closes the connection; wrap: puts TLS around what was accepted
    """
    server = socket.create_server(("127.0.0.1", 0))
    wire = Wire(server.getsockname()[1])
    stop = threading.Event()

    def serve(client: socket.socket) -> None:
        try:
            if wrap is not None:
                client = wrap(client)
            client.settimeout(10)
            rest = b""
            while not stop.is_set():
                while b"\r\n\r\n" not in rest:
                    got = client.recv(65536)
                    if not got:
                        return
                    rest += got
                head, _, rest = rest.partition(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                while len(rest) < length:
                    got = client.recv(65536)
                    if not got:
                        return
                    rest += got
                body, rest = rest[:length], rest[length:]
                wire.heard.append(head + b"\r\n\r\n" + body)
                said = answer(wire.heard[-1], len(wire.heard))
                if said is None:
                    return
                client.sendall(said)
        except OSError:
            pass
        finally:
            client.close()

    def accept() -> None:
        while not stop.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                return
            wire.connections += 1
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield wire
    finally:
        stop.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def http(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Give a whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
