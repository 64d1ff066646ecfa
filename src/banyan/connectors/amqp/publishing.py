"""One channel that publishes batches and counts their confirms.

pika's blocking channel waits for each confirm by itself, one round trip a message. Here a batch is written at once and
the answers are gathered, which is many times as fast; the loop runs only inside `publish`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pika
from pika import exceptions

from banyan.integration.connecting import Failed, Reason, Sent

#: An idle connection older than this is opened anew instead of trusted: nobody answered its heartbeats meanwhile.
IDLE_SECONDS = 45.0
#: So many messages at most are written and not yet confirmed.
IN_FLIGHT = 500

#: What the broker's own codes mean for a message.
MEANING: dict[int, Reason] = {
    311: "too_large", 403: "not_allowed", 404: "refused", 405: "busy", 406: "refused", 530: "not_allowed",
}  # fmt: skip

# It tells each step of each connection.
logging.getLogger("pika").setLevel(logging.CRITICAL)

Message = tuple[pika.BasicProperties, bytes]


class Publisher:
    """Publishes to one exchange with one routing key. Not for two threads at once."""

    def __init__(self, parameters: pika.ConnectionParameters, exchange: str, routing_key: str, queue: str) -> None:
        self._parameters = parameters
        self._exchange, self._routing_key, self._queue = exchange, routing_key or queue, queue
        self._connection: Any = None
        self._channel: Any = None
        self._fault: BaseException | None = None
        self._used_at = 0.0
        self._written = 0
        self._batch = _Batch(())

    def publish(self, messages: Sequence[Message], seconds: float) -> Sequence[Sent | Failed]:
        """Publish all and wait for their confirms, at most so many seconds.

        Gives:  one answer each, in their order. A batch that a lost connection interrupts leaves its unconfirmed
                messages failed as transport: some may have arrived, and are known by their id when they come again
        """
        self._batch = batch = _Batch(messages)
        limit = time.monotonic() + seconds
        try:
            self._open(limit)
            self._write(batch, limit)
        except (Failed, exceptions.AMQPError, OSError) as error:
            batch.fail_rest(failed(error))
            self.close()
        self._used_at = time.monotonic()
        return tuple(batch.answers)

    def close(self) -> None:
        """Let the connection go; the next batch opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            connection.close()
            _spin(connection.ioloop, time.monotonic() + 1, lambda: connection.is_closed)

    def _open(self, limit: float) -> None:
        if self._channel is not None and self._channel.is_open and time.monotonic() - self._used_at < IDLE_SECONDS:
            return
        self.close()
        self._fault, self._written = None, 0
        connection = self._connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=lambda opened: opened.channel(on_open_callback=self._opened),
            on_open_error_callback=lambda _, error: self._lost(error),
            on_close_callback=lambda _, reason: self._lost(reason),
        )
        _spin(connection.ioloop, limit, lambda: self._channel is not None or self._fault is not None)
        self._check()
        if self._channel is None:
            raise Failed("timeout", "the broker did not open a channel in time")

    def _opened(self, channel: Any) -> None:
        """Declare the queue, bind it, switch confirms on: each step when the broker has answered the one before."""
        steps: list[Callable[[Callable[[Any], None]], None]] = []
        if self._queue:
            kind = {"x-queue-type": "quorum"}
            steps.append(lambda then: channel.queue_declare(self._queue, durable=True, arguments=kind, callback=then))
            if self._exchange:
                steps.append(
                    lambda then: channel.queue_bind(self._queue, self._exchange, self._routing_key, callback=then)
                )
        steps.append(lambda then: channel.confirm_delivery(self._confirmed, callback=then))

        def next_step(_: Any = None) -> None:
            if steps:
                steps.pop(0)(next_step)
            else:
                self._channel = channel

        channel.add_on_close_callback(lambda _, reason: self._lost(reason))
        channel.add_on_return_callback(lambda _, method, properties, body: self._returned(method, properties))
        next_step()

    def _write(self, batch: _Batch, limit: float) -> None:
        waiting = iter(enumerate(batch.messages))
        left = len(batch.messages)
        while batch.open:
            for index, (properties, body) in _first(waiting, min(IN_FLIGHT - batch.in_flight, left)):
                self._written += 1
                batch.tags[self._written] = index
                left -= 1
                self._channel.basic_publish(self._exchange, self._routing_key, body, properties, mandatory=True)
            enough = IN_FLIGHT // 2 if left else 0
            _spin(
                self._connection.ioloop,
                limit,
                lambda enough=enough: batch.in_flight <= enough or self._fault is not None,
            )
            self._check()
            if batch.open and time.monotonic() >= limit:
                raise Failed("timeout", "the broker did not confirm in time")

    def _confirmed(self, frame: Any) -> None:
        refused = isinstance(frame.method, pika.spec.Basic.Nack)
        self._batch.settle(frame.method.delivery_tag, frame.method.multiple, refused)

    def _returned(self, method: Any, properties: pika.BasicProperties) -> None:
        self._batch.unroutable[properties.message_id] = f"{method.reply_code} {method.reply_text}"

    def _lost(self, reason: BaseException) -> None:
        if self._fault is None:
            self._fault = reason

    def _check(self) -> None:
        if self._fault is not None:
            raise failed(self._fault)


class _Batch:
    """What was asked of one `publish` and what is known of each."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.answers: list[Any] = [None] * len(messages)
        self.tags: dict[int, int] = {}
        self.unroutable: dict[str, str] = {}
        self.open = len(messages)

    @property
    def in_flight(self) -> int:
        return len(self.tags)

    def settle(self, tag: int, multiple: bool, refused: bool) -> None:
        # Tags are added in rising order, and a dict keeps it.
        settled = [each for each in self.tags if each <= tag] if multiple else [tag]
        for each in settled:
            index = self.tags.pop(each, None)
            if index is not None:
                self.answers[index] = self._answer(self.messages[index][0].message_id, refused)
                self.open -= 1

    def _answer(self, name: str, refused: bool) -> Sent | Failed:
        if refused:
            return Failed("busy", "the broker took the message not: the queue is full or has lost its leader")
        if name in self.unroutable:
            code = self.unroutable[name]
            return Failed("refused", f"no queue takes what is published here: {code}", code=code.split()[0])
        return Sent()

    def fail_rest(self, fault: Failed) -> None:
        self.answers = [fault if answer is None else answer for answer in self.answers]
        self.open = 0


def failed(error: BaseException) -> Failed:
    """Say what an error of pika means for the message: lost connections pass, refused rights and names do not."""
    seen: BaseException | None = error
    for _ in range(6):
        if isinstance(seen, Failed):
            return seen
        if isinstance(seen, exceptions.AuthenticationError | exceptions.ProbableAuthenticationError):
            return Failed("not_allowed", "the broker knows no such user or password", code="403")
        if isinstance(seen, exceptions.ProbableAccessDeniedError):
            return Failed("not_allowed", "the user has no right to the virtual host", code="403")
        if isinstance(seen, exceptions.ConnectionClosed | exceptions.ChannelClosed):
            text = seen.reply_text or "closed by the broker"
            return Failed(MEANING.get(seen.reply_code, "transport"), text, code=str(seen.reply_code))
        within = next((each for each in seen.args if isinstance(each, BaseException)), None) if seen else None
        inner = within or getattr(seen, "exception", None) or (seen.__cause__ if seen else None)
        if inner is None:
            break
        seen = inner
    if isinstance(seen, TimeoutError):
        return Failed("timeout", "the broker did not answer in time")
    return Failed("transport", f"{type(seen).__name__}: {seen}"[:300])


def _first(items: Iterator[Any], count: int) -> Iterator[Any]:
    for _ in range(count):
        yield next(items)


def _spin(loop: Any, limit: float, done: Callable[[], bool]) -> None:
    """Run the connection's loop until something is true or the time is over."""
    alarm = loop.call_later(max(limit - time.monotonic(), 0), lambda: None)
    loop.activate_poller()
    try:
        while not done() and time.monotonic() < limit:
            loop.poll()
            loop.process_timeouts()
    finally:
        loop.deactivate_poller()
        loop.remove_timeout(alarm)
