"""Reads, writes and watches the nodes of a controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.opcua import speaking
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
from banyan.kernel.nouns import choice
from banyan.kernel.schema import field
from banyan.lib.labels import L


class Group(BaseModel):
    """Nodes that are read or watched together, or one that may be written.

    `read` gives what differs from the last poll; `watch` gives every change while the poll waits.
    """

    model_config = ConfigDict(extra="forbid")

    key: str = field("代号", "Key")
    way: Literal["read", "watch", "write"] = field("用法", "Used to", "read", choices=[
        choice("read", "读取", "Read"), choice("watch", "订阅变化", "Watch"),
        choice("write", "写入", "Write")])  # fmt: skip
    nodes: dict[str, str] = field("节点", "Nodes", help=L(
        "每行一个：名称: ns=2;s=…", "One a line: name: ns=2;s=…"))  # fmt: skip


class OpcUaSettings(BaseModel):
    """Where the controller is, and which of its nodes are spoken of."""

    model_config = ConfigDict(extra="forbid")

    url: str = field("地址", "Address", pattern=r"^opc\.tcp://", help=L("opc.tcp://主机:4840", "opc.tcp://host:4840"))
    user: str = field("用户", "User", "")
    groups: tuple[Group, ...] = field("节点组", "Groups of nodes", ())
    watch_seconds: float = field("每次订阅", "Watches for", 2.0, unit="s", gt=0, le=30)


@connector
class OpcUa(Connector):
    """A controller or gateway by OPC UA (binary, without encryption: inside the machines' own network)."""

    key = "opcua"
    label = L("OPC UA 设备", "OPC UA controllers")
    help = L(
        "读写设备变量。要一个变化都不丢，请用边缘进程订阅。",
        "Reads and writes variables of controllers. To lose no change, subscribe by the edge process.",
    )
    settings = OpcUaSettings
    secrets = ("password",)

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give one operation per group of nodes."""
        return tuple(
            Operation(group.key, L(f"写 {group.key}", f"Write {group.key}"), frozenset({"send"}))
            if group.way == "write"
            else Operation(
                group.key,
                L(f"读 {group.key}", f"Read {group.key}"),
                frozenset({"poll"}),
                samples=tuple(
                    {"node": node, "value": 1, "at": "2026-03-02T04:00:00+00:00", "is_good": True, "status": ""}
                    for node in group.nodes
                ),
            )
            for group in connection.settings.groups
        )

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give what has changed.

        Takes:  position: node → time and value of what was given last, None at first: then all is given
        Gives:  a reading each: {node, value, at, is_good, status}
        """
        group = _group(connection, operation, ("read", "watch"))
        last: dict[str, Any] = dict(position or {})
        came: list[speaking.Reading] = []
        with self._speaking(connection) as client:
            if group.way == "read":
                came = list(speaking.read(client, group.nodes))
            else:
                enough = threading.Event()

                def told(reading: speaking.Reading) -> None:
                    came.append(reading)
                    if len(came) >= limit:
                        enough.set()

                with speaking.watching(client, group.nodes, told):
                    enough.wait(connection.settings.watch_seconds)
        messages = []
        for reading in came:
            mark = [reading.at.isoformat(), reading.value, reading.status]
            if last.get(reading.node) == mark or len(messages) >= limit:
                continue
            # A controller that measures anew each second tells the same value with another time: that is no change.
            if group.way == "read" and reading.node in last and last[reading.node][1:] == mark[1:]:
                continue
            last[reading.node] = mark
            messages.append(_incoming(connection, reading))
        return Page(tuple(messages), last)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Write values.

        Takes:  body: {"node": name of the settings, "value": …}, or {"values": {name: value}}
        Raises: Failed("validation") for a value that is not of the node's type, before anything is written
        """
        group = _group(connection, out.operation, ("write",))
        body = out.body if isinstance(out.body, dict) else {}
        values = body.get("values") or ({body["node"]: body.get("value")} if body.get("node") else {})
        unknown = [name for name in values if name not in group.nodes]
        if unknown or not values:
            named = ", ".join(map(str, unknown)) or "at all"
            raise Failed("validation", f"the settings of {group.key} name no node {named}")
        with self._speaking(connection) as client:
            for name, value in values.items():
                speaking.write(client, group.nodes[name], value)
        return Sent({"written": sorted(values)})

    def health(self, connection: Connection) -> Health:
        """Ask the server's own state."""
        started = time.perf_counter()
        try:
            with self._speaking(connection) as client:
                [state] = speaking.read(client, {"state": "i=2259"})
        except Failed as fault:
            return Health(False, L(f"连不上：{fault.text}", f"Cannot connect: {fault.text}"))
        if state.value != 0:
            return Health(False, L(f"设备状态 {state.value}", f"The controller's state is {state.value}"))
        return Health(True, L("可用", "Well"), speaking.milliseconds(started))

    @staticmethod
    def _speaking(connection: Connection) -> Any:
        settings: OpcUaSettings = connection.settings
        parts = urlsplit(settings.url)
        address = connection.allows(parts.hostname or "", parts.port or 4840)
        url = f"opc.tcp://{f'[{address}]' if ':' in address else address}:{parts.port or 4840}{parts.path}"
        return speaking.speaking(
            url, user=settings.user, password=connection.secret("password"), seconds=connection.timeout
        )


def _incoming(connection: Connection, reading: speaking.Reading) -> Incoming:
    body = {
        "node": reading.node,
        "value": reading.value,
        "at": reading.at.isoformat(),
        "is_good": reading.is_good,
        "status": reading.status,
    }
    name = sha256(repr((connection.system, *body.items())).encode()).hexdigest()
    return Incoming(name, body, key=reading.node, type="reading", at=reading.at)


def _group(connection: Connection, operation: str, ways: tuple[str, ...]) -> Group:
    for each in connection.settings.groups:
        if each.key == operation and each.way in ways:
            return each
    raise Failed("refused", f"the system's settings name no {operation} to {' or '.join(ways)}")
