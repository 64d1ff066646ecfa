"""A collector of traces on the loopback: it reads what comes by the protocol's own definition, and keeps the tree."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from banyan.kernel import tracing
from tests.integration.partner import Asked, partner

KINDS = ("unset", "internal", "server", "client", "producer", "consumer")
_NAMES = ("traceId", "spanId", "parentSpanId")


@dataclass(frozen=True)
class Seen:
    """A step as the collector has it; `fault` is None where its status is not an error."""

    trace: str
    step: str
    parent: str
    name: str
    kind: str
    ns: int
    facts: dict[str, Any]
    fault: str | None
    pid: int


@dataclass
class Collector:
    """What has come, request by request; `says` is answered, or what a function of the request gives."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    says: Any = field(default_factory=dict)

    def answer(self, asked: Asked) -> Any:
        self.asked.append(asked)
        said = self.says(asked) if isinstance(self.says, Callable) else self.says
        if said is not None and not (isinstance(said, tuple) and said[0] >= 400):
            self.seen += read(asked)
        return said

    def gathered(self) -> list[Seen]:
        """Let the process send what it has, and give all that came."""
        assert tracing.exporter().flush()
        return self.seen

    def one(self, name: str) -> Seen:
        """Give the one step of that name."""
        found = [one for one in self.gathered() if one.name == name]
        assert len(found) == 1, [one.name for one in self.seen]
        return found[0]


def read(asked: Asked) -> list[Seen]:
    """Read a request as a collector does that is made from the protocol's definition: nothing unknown, right types."""
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/v1/traces", "application/json")
    body = json.loads(asked.body)
    for resource in body["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:  # OTLP writes these in hex where other JSON of protobuf has base64
                span.update({name: base64.b64encode(bytes.fromhex(span[name])).decode()
                             for name in _NAMES if name in span})  # fmt: skip
    message = json_format.ParseDict(body, ExportTraceServiceRequest())
    (resource,) = message.resource_spans
    named = facts_of(resource.resource.attributes)
    assert named["service.name"] == "banyan"
    assert named["process.pid"] > 0
    found = []
    for span in resource.scope_spans[0].spans:
        assert (len(span.trace_id), len(span.span_id), len(span.parent_span_id) in (0, 8)) == (16, 8, True)
        assert 1_500_000_000 * 10**9 < span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.flags & 1
        found.append(Seen(
            span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name, KINDS[span.kind],
            span.end_time_unix_nano - span.start_time_unix_nano, facts_of(span.attributes),
            span.status.message if span.status.code == 2 else None, named["process.pid"],
        ))  # fmt: skip
    return found


def facts_of(attributes: Any) -> dict[str, Any]:
    """Give attributes as a mapping; none may come twice."""
    found = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
    assert len(found) == len(attributes)
    return found


@contextmanager
def collecting(**more: Any) -> Iterator[Collector]:
    """Have a collector, and this process send to it what it does meanwhile."""
    made = Collector()
    with partner(made.answer) as there:
        made.url = there.url
        tracing.set_up(there.url, **{"every": 3600.0, "tell": lambda sent, dropped: None} | more)
        try:
            yield made
        finally:
            tracing.end()
