"""The SOAP connector: operations described by a WSDL, sent and polled; faults are refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from banyan.connectors.rest.connector import Walk, judge
from banyan.connectors.rest.settings import RestOperation
from banyan.connectors.soap.clients import bound_of, call, client_of
from banyan.connectors.soap.settings import SoapOperation, SoapSettings
from banyan.integration import clocks
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Operation,
    Outgoing,
    Page,
    Sent,
    connector,
)  # fmt: skip
from banyan.integration.guard import Answer
from banyan.integration.templates import MISSING, at, filled
from banyan.integration.values import as_json
from banyan.lib.labels import L

_DEEPEST = 12
_KINDS = {"Integer": "integer", "Int": "integer", "Long": "integer", "Short": "integer", "Boolean": "boolean",
          "Decimal": "string", "Float": "number", "Double": "number", "PositiveInteger": "integer",
          "NonNegativeInteger": "integer", "UnsignedInt": "integer"}  # fmt: skip


@connector
class Soap(Connector):
    """A partner that speaks SOAP 1.1 or 1.2 by a WSDL."""

    key: ClassVar[str] = "soap"
    label = L("SOAP 服务", "SOAP service")
    help = L("按对方的 WSDL 调用", "Calls by the partner's WSDL")
    settings = SoapSettings
    secrets: ClassVar[tuple[str, ...]] = ("password",)

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the operations of the WSDL with the shape of their arguments and replies. Raises: Failed."""
        client = client_of(connection)
        settings: SoapSettings = connection.settings
        bound = bound_of(client, settings)
        named = {each.name or each.key: each for each in settings.operations}
        found = []
        for name in sorted(bound._operations):
            wsdl = bound._binding.get(name)
            said = named.get(name)
            found.append(
                Operation(
                    said.key if said else name, L(name, name), frozenset(said.ways if said else ["send"]),
                    _shape(wsdl.input), _shape(wsdl.output) if wsdl.output is not None else {},
                )
            )  # fmt: skip
        return tuple(found)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Call an operation once. Raises: Failed: refused with the fault's code, mapping for wrong arguments."""
        asked = _operation(connection, out.operation, "send")
        facts = {"body": out.body, "id": str(out.id), "key": out.key, "type": out.type}
        arguments = filled(asked.arguments, facts)
        if not isinstance(arguments, Mapping):
            raise Failed("mapping", L("参数须为键值", "The arguments are names and values"))
        if connection.settings.id_field:
            arguments = {**arguments, connection.settings.id_field: str(out.id)}
        reply = plain_reply(call(connection, asked.name or asked.key, arguments))
        if asked.outcome is not None:
            judge(asked.outcome, reply)
        return Sent(reply)

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give what is new, walked as a REST poll is: what a page is asked for goes into the arguments."""
        asked = _operation(connection, operation, "poll")
        shape = RestOperation(
            key="poll", ways=["poll"], list_path=asked.list_path, id_path=asked.id_path, key_path=asked.key_path,
            version_path=asked.version_path, type=asked.key, since=asked.since, paging=asked.paging,
        )  # fmt: skip
        walk = Walk(shape, position if isinstance(position, Mapping) else {}, limit, connection.now)
        arguments = {} if asked.arguments == "{body}" else filled(asked.arguments, walk.facts())
        reply = plain_reply(call(connection, asked.name or asked.key, {**arguments, **walk.parameters()}))
        if asked.outcome is not None:
            judge(asked.outcome, reply)
        records = at(reply, asked.list_path, MISSING)
        records = [] if records is MISSING or records is None else records
        return walk.page(reply, Answer(200, {}, b""), records if isinstance(records, list) else [records])

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position of a walk that begins at a time, where the operation asks by time."""
        asked = _operation(connection, operation, "poll")
        return {"since": clocks.written(since)} if asked.since is not None else None

    def health(self, connection: Connection) -> Health:
        """Read the WSDL."""
        try:
            count = len(self.describe(connection))
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh or fault.kind, en or zh or fault.kind))
        return Health(True, L(f"WSDL 有 {count} 个操作", f"The WSDL has {count} operations"))


def plain_reply(reply: Any) -> Any:
    """Give zeep's objects as JSON data."""
    from zeep.helpers import serialize_object

    return as_json(serialize_object(reply, dict))


def _operation(connection: Connection, key: str, way: str) -> SoapOperation:
    for each in connection.settings.operations:
        if each.key == key:
            if way not in each.ways:
                raise Failed("refused", L(f"操作 {key} 不能这样使用", f"The operation {key} cannot be used so"))
            return each
    if way == "poll":
        raise Failed("refused", L(f"操作 {key} 未设置轮询", f"Polling is not set up for {key}"))
    return SoapOperation(key=key)


def _shape(message: Any) -> dict[str, Any]:
    try:
        return _schema(message.body.type, 0) if message is not None and message.body is not None else {}
    except (AttributeError, NotImplementedError):
        return {}


def _schema(kind: Any, depth: int) -> dict[str, Any]:
    elements = getattr(kind, "elements", None)
    if elements is None or depth > _DEEPEST:
        return {"type": _KINDS.get(type(kind).__name__, "string")}
    properties, needed = {}, []
    for name, element in elements:
        shape = _schema(element.type, depth + 1) if hasattr(element, "type") else {}
        many = getattr(element, "accepts_multiple", False)
        properties[name] = {"type": "array", "items": shape} if many else shape
        if not getattr(element, "is_optional", True):
            needed.append(name)
    return {"type": "object", "properties": properties, "required": needed}
