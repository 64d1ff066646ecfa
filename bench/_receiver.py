"""A partner on the loopback that takes webhooks as fast as they come and knows when each arrived.

A webhook is checked as a partner does: signed with `SECRET` (Standard Webhooks), and a CloudEvent 1.0 of the same id.
Run as a process of its own: prints its port, answers `GET /` with what it saw as JSON, and forgets at `DELETE /`. Given
a broker's port and a queue, it takes from there as well.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time

import _amqp
import orjson

KEY = b"bench" * 6
SECRET = "whsec_" + base64.b64encode(KEY).decode()
SEEN: dict[bytes | str, tuple[float, float]] = {}
TWICE = [0]


def note(name: bytes | str, body: bytes) -> None:
    """Note when a message arrived, and when it was sent as it says itself."""
    place = body.find(b'"sent":')
    sent = float(body[place + 7 :].split(b",", 1)[0].split(b"}", 1)[0]) if place >= 0 else 0.0
    if name in SEEN:
        TWICE[0] += 1
    else:
        SEEN[name] = (sent, time.time())


class Receiver(asyncio.Protocol):
    """HTTP/1.1 as far as a webhook needs it."""

    def connection_made(self, transport) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            lower = head.lower()
            place = lower.find(b"content-length:")
            size = int(lower[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            self.transport.write(self.answer(head, lower, body))

    def answer(self, head: bytes, lower: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST"):
            name = _header(head, lower, b"\r\nwebhook-id:")
            if fault := refused(name, head, lower, body):
                return b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(fault), fault)
            note(name, body)
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
        if head.startswith(b"DELETE"):
            SEEN.clear()
            TWICE[0] = 0
        if head.startswith(b"GET /count"):
            said = str(len(SEEN)).encode()
        else:
            said = json.dumps({"seen": list(SEEN.values()), "twice": TWICE[0]}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)


def refused(name: bytes, head: bytes, lower: bytes, body: bytes) -> bytes:
    """Give why a webhook is refused, nothing where it is signed and the event that its head names."""
    signed = b"%b.%b.%b" % (name, _header(head, lower, b"\r\nwebhook-timestamp:"), body)
    expected = b"v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256))
    if not hmac.compare_digest(expected, _header(head, lower, b"\r\nwebhook-signature:")):
        return b"the signature does not match"
    event = orjson.loads(body)
    if event.get("specversion") != "1.0" or event.get("id") != name.decode() or "data" not in event:
        return b"no CloudEvent of that id"
    return b""


def _header(head: bytes, lower: bytes, name: bytes) -> bytes:
    place = lower.find(name)
    return head[place + len(name) :].split(b"\r\n", 1)[0].strip() if place >= 0 else b""


async def main() -> None:
    """Listen until ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    if len(sys.argv) > 1:
        port, queue = sys.argv[1:]
        wire = await _amqp.Wire.open(int(port), queue)
        await wire.consume(queue, note)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
