"""Where readings come from: topics of a broker, nodes of a controller. Each gives what it hears to a function."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from banyan.connectors.edge.spool import Reading, as_id
from banyan.connectors.reading import json_or_text

log = logging.getLogger("banyan.edge")

#: Gives a reading; the second is called once it is on disk.
Give = Callable[[Reading, Callable[[], None] | None], None]
SESSION_SECONDS = 30 * 24 * 3600


class MqttSource(BaseModel):
    """Topics of a broker, taken with quality 1 in a session that the broker keeps."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    host: str
    port: int = Field(1883, ge=1, le=65535)
    topics: tuple[str, ...] = Field(min_length=1)
    id_field: str = ""
    is_encrypted: bool = False
    user: str = ""
    password_file: str = ""
    in_flight: int = Field(500, ge=1, le=65535)

    def run(self, edge: str, give: Give, stop: threading.Event) -> None:
        """Listen until told to stop; a lost broker is sought again."""
        from paho.mqtt import client as paho
        from paho.mqtt.properties import PacketTypes, Properties

        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"banyan-edge-{edge}-{self.name}",
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        if self.user:
            client.username_pw_set(self.user, _text_of(self.password_file))
        if self.is_encrypted:
            client.tls_set()
        client.reconnect_delay_set(1, 30)

        def connected(_client: Any, _data: Any, _flags: Any, answer: Any, _properties: Any) -> None:
            if answer.is_failure:
                log.warning("%s: the broker refuses us: %s", self.name, answer)
                return
            client.subscribe([(topic, 1) for topic in self.topics])

        def heard(_client: Any, _data: Any, message: Any) -> None:
            mid, qos = message.mid, message.qos
            give(self._reading(message), lambda: client.ack(mid, qos) if qos else None)

        client.on_connect, client.on_message = connected, heard
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = self.in_flight
        properties.SessionExpiryInterval = SESSION_SECONDS
        client.connect_async(self.host, self.port, keepalive=30, clean_start=False, properties=properties)
        client.loop_start()
        stop.wait()
        client.disconnect()
        client.loop_stop()

    def _reading(self, message: Any) -> Reading:
        _, body = json_or_text(message.payload)
        told = dict(getattr(message.properties, "UserProperty", None) or [])
        own = as_id(body.get(self.id_field)) if self.id_field and isinstance(body, dict) else ""
        return Reading(
            self.name, message.topic, datetime.now(UTC), body, own or as_id(told.get("id")),
            packet=str(message.mid) if message.qos else "", is_repeated=bool(message.dup),
        )  # fmt: skip


class OpcUaSource(BaseModel):
    """Nodes of a controller, each change told.

    A controller that is reached again tells once more what its nodes hold: a reading's name is made of its time and
    value, so that what was told before is known again, here and by the server.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    url: str = Field(pattern=r"^opc\.tcp://")
    nodes: dict[str, str] = Field(min_length=1)
    every_ms: int = Field(200, ge=10, le=60_000)
    user: str = ""
    password_file: str = ""

    def run(self, edge: str, give: Give, stop: threading.Event) -> None:
        """Watch until told to stop; a lost controller is sought again."""
        from banyan.connectors.opcua import speaking

        def told(reading: speaking.Reading) -> None:
            body = {"value": reading.value, "is_good": reading.is_good, "status": reading.status}
            name = f"{edge}\0{self.name}\0{reading.node}\0{reading.at.isoformat()}\0{body!r}"
            give(Reading(self.name, reading.node, reading.at, body, sha256(name.encode()).hexdigest()[:32]), None)

        password, wait = _text_of(self.password_file), 1.0
        while not stop.is_set():
            try:
                with (
                    speaking.speaking(self.url, user=self.user, password=password) as client,
                    speaking.watching(client, self.nodes, told, every_ms=self.every_ms),
                ):
                    wait = 1.0
                    while not stop.wait(2):
                        client.check_connection()
            except Exception as fault:
                log.warning("%s: the controller is not reached (%s), again in %.0f s", self.name, fault, wait)
                stop.wait(wait)
                wait = min(wait * 2, 30)


def _text_of(path: str) -> str:
    if not path:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
