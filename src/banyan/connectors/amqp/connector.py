"""Publishes with confirms in batches, takes from queues and acknowledges after our commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.reading import json_or_text
from banyan.connectors.threads import PerThread
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    Sent,
    connector,
)
from banyan.kernel.schema import field
from banyan.lib.labels import L

if TYPE_CHECKING:
    import pika

    from banyan.connectors.amqp.publishing import Publisher


class Way(BaseModel):
    """A place to publish to: an exchange with a routing key; the empty exchange leads to the queue of that name."""

    model_config = ConfigDict(extra="forbid")

    key: str = field("代号", "Key")
    exchange: str = field("交换机", "Exchange", "", help=L("空为直达队列", "Empty: straight to the queue"))
    routing_key: str = field("路由键", "Routing key", "")
    queue: str = field("队列", "Queue", "", help=L("首条消息前声明并绑定的仲裁队列",
                                              "A quorum queue declared and bound before the first message"))


class Queue(BaseModel):
    """A queue to take from."""

    model_config = ConfigDict(extra="forbid")

    key: str = field("代号", "Key")
    queue: str = field("队列", "Queue")
    declare: bool = field("没有则声明", "Declared where missing", True)
    id_header: str = field("编号的消息头", "Header of the id", "", help=L("空为 message_id", "message_id when empty"))


class AmqpSettings(BaseModel):
    """Where the broker is and what is published and taken there."""

    model_config = ConfigDict(extra="forbid")

    host: str = field("主机", "Host")
    port: int = field("端口", "Port", 5672, ge=1, le=65535)
    virtual_host: str = field("虚拟主机", "Virtual host", "/")
    user: str = field("用户", "User", "guest")
    is_encrypted: bool = field("加密（TLS）", "Encrypted (TLS)", False)
    ways: tuple[Way, ...] = field("发布到", "Published to", ())
    queues: tuple[Queue, ...] = field("取自队列", "Taken from", ())
    wait_seconds: float = field("等待首条消息", "Waits for a message", 0.2, unit="s", gt=0, le=10)


@connector
class Amqp(Connector):
    """RabbitMQ by AMQP 0-9-1."""

    key = "amqp"
    label = L("AMQP 消息队列（RabbitMQ）", "AMQP queues (RabbitMQ)")
    help = L(
        "向交换机发布（逐条确认、不可路由即拒绝），从队列取消息，提交后才确认。",
        "Publishes to exchanges (each confirmed, what finds no queue is refused) and takes from queues, "
        "acknowledged after our commit.",
    )
    settings = AmqpSettings
    secrets = ("password",)
    sends_many = True
    holds_polled = True

    def __init__(self) -> None:
        self._kept = PerThread()

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give one operation per way and one per queue."""
        settings: AmqpSettings = connection.settings
        return (
            *(Operation(w.key, L(f"发布 {w.key}", f"Publish {w.key}"), frozenset({"send"})) for w in settings.ways),
            *(Operation(q.key, L(f"取自 {q.queue}", f"Take {q.queue}"), frozenset({"poll"})) for q in settings.queues),
        )

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Publish one message and wait for its confirm."""
        [answer] = self.send_many(connection, (out,))
        if isinstance(answer, Failed):
            raise answer
        return answer

    def send_many(self, connection: Connection, outs: Sequence[Outgoing]) -> Sequence[Sent | Failed]:
        """Publish all, then wait for all confirms.

        Gives:  for each: confirmed by the broker (in a quorum queue: by most of its members), or why not
        """
        answers: dict[int, Sent | Failed] = {}
        by_way: dict[str, list[int]] = {}
        for index, out in enumerate(outs):
            by_way.setdefault(out.operation, []).append(index)
        for operation, indexes in by_way.items():
            given = self._publish(connection, operation, [outs[i] for i in indexes])
            answers |= dict(zip(indexes, given, strict=True))
        return tuple(answers[index] for index in range(len(outs)))

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Take at most so many from a queue; they stay the broker's until `confirm`.

        What is not confirmed (our commit failed, the process died) comes again at the next poll. The broker keeps
        the position, so ours is None.
        """
        import pika

        from banyan.connectors.amqp.publishing import failed

        queue = _one(connection.settings.queues, operation)
        place = _identity(connection, ("queue", operation))
        taken = self._kept.mine().get(place)
        if taken is not None:
            _close(taken)
        opened, channel = _channel(connection)
        self._kept.mine()[place] = opened
        try:
            if queue.declare:
                channel.queue_declare(queue.queue, durable=True, arguments={"x-queue-type": "quorum"})
            channel.basic_qos(prefetch_count=limit)
            messages, last = [], None
            for frame, properties, body in channel.consume(
                queue.queue, inactivity_timeout=connection.settings.wait_seconds
            ):
                if frame is None:
                    break
                messages.append(_incoming(queue, frame, properties, body, connection.most_bytes))
                last = frame.delivery_tag
                if len(messages) >= limit:
                    break
        except pika.exceptions.AMQPError as error:
            raise failed(error) from error

        def confirm() -> None:
            try:
                if last is not None:
                    channel.basic_ack(last, multiple=True)
                _close(opened)
            except pika.exceptions.AMQPError as error:
                raise failed(error) from error

        if last is None:
            _close(opened)
        return Page(tuple(messages), None, len(messages) >= limit, confirm if last is not None else None)

    def health(self, connection: Connection) -> Health:
        """Open a connection and a channel, which proves address, name and right to the virtual host."""
        started = datetime.now(UTC)
        try:
            opened, _ = _channel(connection)
        except Failed as fault:
            return Health(False, L(f"连不上：{fault.text}", f"Cannot connect: {fault.text}"))
        _close(opened)
        return Health(True, L("可用", "Well"), (datetime.now(UTC) - started).total_seconds() * 1000)

    def _publish(self, connection: Connection, operation: str, outs: Sequence[Outgoing]) -> Sequence[Sent | Failed]:
        try:
            way = _one(connection.settings.ways, operation)
        except Failed as fault:
            return [fault] * len(outs)
        prepared: list[tuple[pika.BasicProperties, bytes] | Failed] = [_prepared(connection, out) for out in outs]
        ready = [each for each in prepared if not isinstance(each, Failed)]
        if ready:
            given = iter(self._publisher(connection, way).publish(ready, connection.timeout))
        return [each if isinstance(each, Failed) else next(given) for each in prepared]

    def _publisher(self, connection: Connection, way: Way) -> Publisher:
        from banyan.connectors.amqp.publishing import Publisher

        key = (way.exchange, way.routing_key, way.queue)
        kept, place = self._kept.mine(), _identity(connection, ("way", *key))
        if place not in kept:
            kept[place] = Publisher(_parameters(connection), *key)
        return kept[place]


def _identity(connection: Connection, key: Any) -> tuple[Any, ...]:
    """Give what makes a pooled connection the right one: a changed password or host is another."""
    password = hashlib.sha256(connection.secret("password").encode()).hexdigest()
    return connection.system, connection.environment, connection.settings.model_dump_json(), password, key


def _one(declared: Iterable[Any], operation: str) -> Any:
    for each in declared:
        if each.key == operation:
            return each
    raise Failed("refused", f"the system's settings name no {operation}")


def _parameters(connection: Connection) -> pika.ConnectionParameters:
    import pika

    settings: AmqpSettings = connection.settings
    encryption = None
    if settings.is_encrypted:
        import ssl

        encryption = pika.SSLOptions(ssl.create_default_context(), settings.host)
    return pika.ConnectionParameters(
        host=connection.allows(settings.host, settings.port),
        port=settings.port,
        virtual_host=settings.virtual_host,
        credentials=pika.PlainCredentials(settings.user, connection.secret("password")),
        ssl_options=encryption,
        socket_timeout=connection.timeout,
        stack_timeout=connection.timeout,
        blocked_connection_timeout=connection.timeout,
        connection_attempts=1,
        heartbeat=120,
        client_properties={"connection_name": f"banyan {connection.system}"},
    )


def _channel(connection: Connection) -> tuple[pika.BlockingConnection, Any]:
    import pika

    from banyan.connectors.amqp.publishing import failed

    try:
        opened = pika.BlockingConnection(_parameters(connection))
        return opened, opened.channel()
    except (pika.exceptions.AMQPError, OSError) as error:
        raise failed(error) from error


def _close(opened: pika.BlockingConnection) -> None:
    import pika

    try:
        if opened.is_open:
            opened.close()
    except pika.exceptions.AMQPError:
        pass


def _prepared(connection: Connection, out: Outgoing) -> tuple[pika.BasicProperties, bytes] | Failed:
    import pika

    body = json.dumps(out.body, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    if len(body) > connection.most_bytes:
        return Failed("too_large", f"a body of {len(body)} bytes; at most {connection.most_bytes}")
    properties = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=str(out.id),
        type=out.type or None,
        timestamp=int((out.at or connection.now).timestamp()),
        headers={
            **out.headers,
            **({"key": out.key} if out.key else {}),
            **({"traceparent": out.traceparent} if out.trace else {}),
        },
    )
    return properties, body


def _incoming(
    queue: Queue, frame: Any, properties: pika.BasicProperties, octets: bytes, most_bytes: int
) -> Incoming:  # fmt: skip
    """Give a message as it was; of one that is too large, its size and hash, so that it does not block the queue."""
    headers, fault = properties.headers or {}, None
    if len(octets) > most_bytes:
        text, body = "", {"bytes": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}
        words = L("消息有 {size} 字节，最多 {most}", "A message of {size} bytes; at most {most}")
        fault = Failed("too_large", words.filled({"size": len(octets), "most": most_bytes}))
    else:
        text, body = json_or_text(octets)
    own = str(headers.get(queue.id_header) or "") if queue.id_header else properties.message_id or ""
    if not own:
        made_of = (frame.exchange, frame.routing_key, str(properties.timestamp), sorted(map(str, headers.items())))
        own = hashlib.sha256(repr(made_of).encode() + octets).hexdigest()
    return Incoming(
        id=own,
        body=body,
        key=str(headers.get("key") or ""),
        type=properties.type or frame.routing_key,
        at=datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None,
        raw=text,
        trace=str(headers.get("traceparent") or ""),
        fault=fault,
    )
