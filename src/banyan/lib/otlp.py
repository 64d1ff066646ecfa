"""Steps of traces in the form that collectors take: OTLP over HTTP, as JSON.

Source: OpenTelemetry Protocol 1.10, "JSON Protobuf Encoding" (names of traces and steps in hex, long numbers as text);
        opentelemetry/proto/trace/v1/trace.proto
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["internal", "server", "client", "producer", "consumer"]
_KINDS: dict[str, int] = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_ERROR = 2
_RECORDED = 1
PATH = "/v1/traces"
#: Characters of an attribute's text.
TEXT = 200


class Span(NamedTuple):
    """A step that is over.

    Takes:  trace: its `traceparent`; parent: the step it belongs to, empty for the first of a trace; begun and ended in
            nanoseconds since 1970; fault: what went wrong as a short code, None where nothing did
    """

    trace: str
    parent: str
    name: str
    kind: Kind
    begun: int
    ended: int
    facts: Mapping[str, Any]
    fault: str | None = None


def request_of(resource: Mapping[str, Any], version: str, spans: Iterable[Span]) -> dict[str, Any]:
    """Give the body of a request to a collector, as JSON data.

    Takes:  resource: what the process is; version: ours
    """
    scope = {"name": "banyan", "version": version}
    return {"resourceSpans": [{
        "resource": {"attributes": _attributes(resource)},
        "scopeSpans": [{"scope": scope, "spans": [_span(one) for one in spans]}],
    }]}  # fmt: skip


def _span(one: Span) -> dict[str, Any]:
    said: dict[str, Any] = {
        "traceId": one.trace[3:35], "spanId": one.trace[36:52], "flags": _RECORDED, "name": one.name,
        "kind": _KINDS[one.kind], "startTimeUnixNano": str(one.begun), "endTimeUnixNano": str(one.ended),
        "attributes": _attributes(one.facts), "status": {},
    }  # fmt: skip
    if one.parent:
        said["parentSpanId"] = one.parent
    if one.fault is not None:
        said["status"] = {"code": _ERROR, "message": one.fault}
    return said


def _attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in facts.items() if value not in (None, "")]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": _text(str(value))}


def _text(value: str) -> str:
    """Give a text as UTF-8 can have it, and not at length: a partner's code may hold anything."""
    return value[:TEXT] if value.isascii() else value[:TEXT].encode("utf-8", "replace").decode()
