"""Publishes and takes by topic with quality 1: at least once, acknowledged after our commit."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from banyan.connectors.reading import json_or_text
from banyan.connectors.rest.settings import WAYS
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
    from paho.mqtt import client as paho

#: A broker keeps what came for us while we were away: so long.
SESSION_SECONDS = 7 * 24 * 3600


class Topic(BaseModel):
    """A topic to publish to, or a filter of topics to take from."""

    model_config = ConfigDict(extra="forbid")

    key: str = field("代号", "Key")
    topic: str = field("主题", "Topic", help=L("接收时可用 + 和 #", "May hold + and # where it is taken from"))
    way: Literal["send", "poll"] = field("用法", "Used to", "poll", choices=WAYS)
    id_field: str = field("编号字段", "Field of the id", "", help=L(
        "JSON 的字段，或报文的用户属性", "A field of its JSON, or a user property of the packet"))  # fmt: skip
    is_retained: bool = field("保留消息", "Retained", False)


class MqttSettings(BaseModel):
    """Where the broker is, and which topics are spoken of."""

    model_config = ConfigDict(extra="forbid")

    host: str = field("主机", "Host")
    port: int = field("端口", "Port", 1883, ge=1, le=65535)
    is_encrypted: bool = field("加密（TLS）", "Encrypted (TLS)", False)
    user: str = field("用户", "User", "")
    version: Literal["5", "3.1.1"] = field("MQTT 版本", "MQTT version", "5")
    topics: tuple[Topic, ...] = field("主题", "Topics", ())
    wait_seconds: float = field("等待首条消息", "Waits for a message", 0.3, unit="s", gt=0, le=10)


@connector
class Mqtt(Connector):
    """A broker such as mosquitto or EMQX, by MQTT 5 or 3.1.1."""

    key = "mqtt"
    label = L("MQTT 消息", "MQTT messages")
    help = L(
        "按主题收发（QoS 1，提交后才确认）。网络常断处请用边缘进程。",
        "Takes and publishes by topic (quality 1, acknowledged after our commit). "
        "Where the network is often away, use the edge process.",
    )
    settings = MqttSettings
    secrets = ("password",)
    holds_polled = True
    sends_many = True

    def __init__(self) -> None:
        self._kept = PerThread()

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give one operation per topic of the settings."""
        return tuple(
            Operation(each.key, L(f"主题 {each.topic}", f"Topic {each.topic}"), frozenset({each.way}))
            for each in connection.settings.topics
        )

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Publish one message and wait until the broker has it."""
        [answer] = self.send_many(connection, (out,))
        if isinstance(answer, Failed):
            raise answer
        return answer

    def send_many(self, connection: Connection, outs: Sequence[Outgoing]) -> Sequence[Sent | Failed]:
        """Publish all, then wait for all acknowledgements of the broker."""
        from paho.mqtt import client as paho

        session = Session(connection, f"banyan-{connection.system}-out", lasting=False)
        limit = time.monotonic() + connection.timeout
        answers: list[Any] = []
        try:
            session.open(limit)
            answers = [self._publish(connection, session, out) for out in outs]
            for index, waiting in enumerate(answers):
                if isinstance(waiting, paho.MQTTMessageInfo):
                    answers[index] = _published(session, waiting, limit)
        except Failed as fault:
            answers += [fault] * (len(outs) - len(answers))
        finally:
            session.close()
        return [each if isinstance(each, Sent | Failed) else Failed("timeout", "not confirmed") for each in answers]

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Take what the broker keeps for us, at most so many; they stay its own until `confirm`."""
        topic = _one(connection, operation, "poll")
        name = f"banyan-{connection.system}-{connection.environment}-{operation}"
        held = self._kept.mine()
        if (before := held.pop(name, None)) is not None:
            before.close()
        session = held[name] = Session(connection, name, lasting=True, most=limit)
        session.open(time.monotonic() + connection.timeout, topic.topic)
        taken = session.take(limit, connection.settings.wait_seconds)
        messages = tuple(_incoming(topic, message) for message in taken)

        def confirm() -> None:
            session.acknowledge(taken, connection.timeout)
            session.close()
            held.pop(name, None)

        if not messages:
            confirm()
        return Page(messages, None, len(messages) >= limit, confirm if messages else None)

    def health(self, connection: Connection) -> Health:
        """Connect, which proves address, name and password."""
        started = time.perf_counter()
        session = Session(connection, f"banyan-{connection.system}-health", lasting=False)
        try:
            session.open(time.monotonic() + connection.timeout)
        except Failed as fault:
            return Health(False, L(f"连不上：{fault.text}", f"Cannot connect: {fault.text}"))
        finally:
            session.close()
        return Health(True, L("可用", "Well"), (time.perf_counter() - started) * 1000)

    def _publish(self, connection: Connection, session: Session, out: Outgoing) -> Any:
        from paho.mqtt.properties import PacketTypes, Properties

        try:
            topic = _one(connection, out.operation, "send")
        except Failed as fault:
            return fault
        body = json.dumps(out.body, ensure_ascii=False, separators=(",", ":"), default=str).encode()
        if len(body) > connection.most_bytes:
            return Failed("too_large", f"a body of {len(body)} bytes; at most {connection.most_bytes}")
        properties = None
        if session.is_five:
            properties = Properties(PacketTypes.PUBLISH)
            properties.UserProperty = [("id", str(out.id)), *([("key", out.key)] if out.key else [])]
            properties.ContentType = "application/json"
        return session.client.publish(topic.topic, body, qos=1, retain=topic.is_retained, properties=properties)


class Session:
    """One connection to a broker.

    Takes:  lasting: the broker keeps the session and what comes meanwhile; most: how many unacknowledged it may send
    """

    def __init__(self, connection: Connection, name: str, *, lasting: bool, most: int = 100) -> None:
        from paho.mqtt import client as paho

        settings: MqttSettings = connection.settings
        self.is_five = settings.version == "5"
        self._connection, self._lasting, self._most = connection, lasting, most
        self._came = threading.Condition()
        self._messages: list[Any] = []
        self._answer: Any = None
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=name if lasting else "",
            protocol=paho.MQTTv5 if self.is_five else paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
            **({} if self.is_five else {"clean_session": not lasting}),
        )
        if settings.user:
            self.client.username_pw_set(settings.user, connection.secret("password"))
        if settings.is_encrypted:
            self.client.tls_set()
        self.client.max_inflight_messages_set(1000)
        self.client.on_connect = lambda *told: self._tell(told[3])
        self.client.on_message = self._take
        self._subscribed, self._heard, self._ended = (threading.Event() for _ in range(3))
        self.client.on_unsubscribe = lambda *_: self._heard.set()
        self.client.on_disconnect = lambda *_: self._ended.set()
        self.client.on_subscribe = lambda *_: self._subscribed.set()

    def open(self, limit: float, topic: str = "") -> None:
        """Connect, and subscribe where a topic is given. Raises: Failed."""
        from paho.mqtt.properties import PacketTypes, Properties

        settings: MqttSettings = self._connection.settings
        properties = None
        if self.is_five:
            properties = Properties(PacketTypes.CONNECT)
            properties.ReceiveMaximum = max(self._most, 1)
            properties.SessionExpiryInterval = SESSION_SECONDS if self._lasting else 0
        try:
            address = self._connection.allows(settings.host, settings.port)
            self.client.connect_timeout = max(limit - time.monotonic(), 0.1)
            self.client.connect(
                address if not settings.is_encrypted else settings.host,
                settings.port,
                keepalive=30,
                **({"clean_start": not self._lasting, "properties": properties} if self.is_five else {}),
            )
        except TimeoutError as error:
            raise Failed("timeout", "the broker did not answer in time") from error
        except OSError as error:
            raise Failed("transport", f"{type(error).__name__}: {error}"[:300]) from error
        self.client.loop_start()
        with self._came:
            self._came.wait_for(lambda: self._answer is not None, max(limit - time.monotonic(), 0))
        if self._answer is None:
            raise Failed("timeout", "the broker did not answer in time")
        if self._answer.is_failure:
            refused = str(self._answer)
            passing = refused in ("Server unavailable", "Server busy", "Connection rate exceeded")
            raise Failed("unavailable" if passing else "not_allowed", f"the broker refuses us: {refused}")
        if topic:
            self.client.subscribe(topic, qos=1)
            if not self._subscribed.wait(max(limit - time.monotonic(), 0)):
                raise Failed("timeout", "the broker did not confirm the subscription in time")

    def take(self, limit: int, wait_seconds: float) -> list[Any]:
        """Give what has come, at most so many; wait so long for a first and for one more."""
        with self._came:
            while len(self._messages) < limit and self._came.wait(wait_seconds):
                pass
            return self._messages[:limit]

    def acknowledge(self, messages: Sequence[Any], seconds: float) -> None:
        """Tell the broker that these are kept, and wait until it has heard it."""
        for message in messages:
            self.client.ack(message.mid, message.qos)
        # An acknowledgement has no answer; what is asked after it has one.
        if messages:
            self.client.unsubscribe("banyan/none")
            self._heard.wait(seconds)

    def close(self) -> None:
        """End the connection; a lasting session stays at the broker."""
        # What is written last goes out with the farewell, so wait for it.
        if self.client.is_connected():
            self.client.disconnect()
            self._ended.wait(2)
        self.client.loop_stop()

    def _tell(self, answer: Any) -> None:
        with self._came:
            self._answer = answer
            self._came.notify_all()

    def _take(self, _client: Any, _data: Any, message: Any) -> None:
        with self._came:
            self._messages.append(message)
            self._came.notify_all()


def own_id(topic: Topic, message: Any, body: Any) -> str:
    """Give the message's own name: from its JSON or its user property `id`, else from what makes it one.

    Two equal readings are two messages and carry different packet numbers; a repeated packet carries the same.
    A broker counts them to 65 535 and begins anew, so the day belongs to the name.
    """
    if topic.id_field and isinstance(body, dict) and body.get(topic.id_field) not in (None, ""):
        return str(body[topic.id_field])
    told = dict(getattr(message.properties, "UserProperty", None) or []) if message.properties else {}
    if told.get("id"):
        return str(told["id"])
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return sha256(f"{message.topic}\0{message.mid}\0{day}\0".encode() + message.payload).hexdigest()


def _incoming(topic: Topic, message: Any) -> Incoming:
    text, body = json_or_text(message.payload)
    told = dict(getattr(message.properties, "UserProperty", None) or []) if message.properties else {}
    return Incoming(
        id=own_id(topic, message, body),
        body={"topic": message.topic, "value": body},
        key=told.get("key") or message.topic,
        type=message.topic,
        raw=text,
    )


def _one(connection: Connection, operation: str, way: str) -> Topic:
    for each in connection.settings.topics:
        if each.key == operation and each.way == way:
            return each
    raise Failed("refused", f"the system's settings name no topic {operation} to {way}")


def _published(session: Session, waiting: paho.MQTTMessageInfo, limit: float) -> Sent | Failed:
    try:
        waiting.wait_for_publish(max(limit - time.monotonic(), 0.001))
    except (RuntimeError, ValueError) as error:
        return Failed("transport", str(error)[:300])
    if waiting.is_published():
        return Sent()
    return Failed("timeout", "the broker did not acknowledge in time")
