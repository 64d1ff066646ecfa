"""AMQP 0-9-1 as far as a measurement needs it: as lean as can be, so that the broker is measured and not its client.

Run as a process of its own it measures the broker alone: prints the seconds in which so many persistent messages were
confirmed by a quorum queue, over so many connections with so many on the way in each.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from pika import BasicProperties, frame, spec

PREFETCH = 2_000
FRAME_MAX = 131_072


class Wire(asyncio.Protocol):
    """One connection with one channel."""

    def __init__(self) -> None:
        self.buffer = b""
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.deliver: Callable[[str, bytes], None] | None = None
        self.unconfirmed: dict[int, None] = {}
        self.progress = asyncio.Event()
        self._tag, self._name, self._size, self._body = 0, "", 0, b""

    @classmethod
    async def open(cls, port: int, queue: str) -> Wire:
        """Connect as guest and declare a quorum queue."""
        _, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        wire.transport.write(frame.ProtocolHeader().marshal())
        await wire.answers.get()
        login = spec.Connection.StartOk({}, "PLAIN", "\0guest\0guest", "en_US")
        await wire.ask(login, channel=0)
        wire.send(spec.Connection.TuneOk(channel_max=1, frame_max=FRAME_MAX, heartbeat=0), channel=0)
        await wire.ask(spec.Connection.Open("/"), channel=0)
        await wire.ask(spec.Channel.Open())
        await wire.ask(spec.Queue.Declare(queue=queue, durable=True, arguments={"x-queue-type": "quorum"}))
        return wire

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, method: Any, channel: int = 1) -> None:
        """Send a method."""
        self.transport.write(frame.Method(channel, method).marshal())

    async def ask(self, method: Any, channel: int = 1) -> Any:
        """Send a method and give what is answered. Raises: RuntimeError where the broker closes."""
        self.send(method, channel)
        return await self.answers.get()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        place, tag = 0, 0
        while True:
            used, found = frame.decode_frame(self.buffer[place : place + FRAME_MAX + 8])
            if not used:
                break
            place += used
            tag = self._take(found) or tag
        self.buffer = self.buffer[place:]
        if tag:
            self.send(spec.Basic.Ack(tag, multiple=True))

    def _take(self, found: Any) -> int:
        """Take a frame in; give the tag of a message that is whole."""
        if isinstance(found, frame.Header):
            self._name, self._size, self._body = found.properties.message_id or "", found.body_size, b""
        elif isinstance(found, frame.Body):
            self._body += found.fragment
            if len(self._body) == self._size:
                self.deliver(self._name, self._body)
                return self._tag
        elif isinstance(found, frame.Method):
            self._hear(found.method)
        return 0

    def _hear(self, method: Any) -> None:
        match method:
            case spec.Basic.Deliver():
                self._tag = method.delivery_tag
            case spec.Basic.Ack():
                self._confirm(method.delivery_tag, method.multiple)
                self.progress.set()
            case spec.Connection.Close() | spec.Channel.Close() | spec.Basic.Nack():
                sys.exit(f"the broker refuses: {method}")
            case _:
                self.answers.put_nowait(method)

    def _confirm(self, tag: int, multiple: bool) -> None:
        if not multiple:
            self.unconfirmed.pop(tag, None)
            return
        while self.unconfirmed and (first := next(iter(self.unconfirmed))) <= tag:  # tags rise
            del self.unconfirmed[first]

    async def consume(self, queue: str, deliver: Callable[[str, bytes], None]) -> None:
        """Have a function called with the name and body of each message, acknowledged together."""
        self.deliver = deliver
        await self.ask(spec.Basic.Qos(prefetch_count=PREFETCH))
        await self.ask(spec.Basic.Consume(queue=queue))

    async def publish(self, queue: str, body: bytes, count: int, window: int) -> None:
        """Publish a body so often and see it confirmed."""
        await self.ask(spec.Confirm.Select())
        message = b"".join(
            one.marshal() for one in (
                frame.Method(1, spec.Basic.Publish(routing_key=queue, mandatory=True)),
                frame.Header(1, len(body), BasicProperties(delivery_mode=2, content_type="application/json",
                                                           message_id=f"{id(self):036}")),
                frame.Body(1, body),
            )
        )  # fmt: skip
        sent = 0
        while sent < count or self.unconfirmed:
            more = min(window - len(self.unconfirmed), count - sent)
            self.transport.write(message * more)
            self.unconfirmed.update(dict.fromkeys(range(sent + 1, sent + more + 1)))
            sent += more
            self.progress.clear()
            await self.progress.wait()


async def measure(port: int, body: bytes, connections: int, count: int, window: int) -> float:
    """Give the seconds in which the broker confirms so many."""
    queue = "bench-bare"
    wires = [await Wire.open(port, queue) for _ in range(connections)]
    begun = time.perf_counter()
    await asyncio.gather(*(wire.publish(queue, body, count // connections, window) for wire in wires))
    seconds = time.perf_counter() - begun
    await wires[0].ask(spec.Queue.Delete(queue=queue))
    return seconds


def main() -> None:
    """Measure the broker with the body that stands on the standard input."""
    parser = argparse.ArgumentParser()
    for name in ("port", "connections", "count", "window"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    body = sys.stdin.buffer.read()
    print(asyncio.run(measure(asked.port, body, asked.connections, asked.count, asked.window)))


if __name__ == "__main__":
    main()
