"""What stands beside a body on its way through a broker."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

from banyan.connectors.amqp.connector import Queue, _incoming, _prepared
from banyan.integration.connecting import Outgoing
from tests.integration.partner import NOW

ID = UUID("0195a3f0-0000-7000-8000-000000000001")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FRAME = SimpleNamespace(exchange="", routing_key="told")


def test_a_trace_goes_along_as_the_messages_own_step_and_is_taken_in_again():
    link = SimpleNamespace(most_bytes=1000, now=NOW)
    properties, body = _prepared(link, Outgoing(ID, "told", {"a": 1}, "K-1", "t", NOW, trace=TRACE))
    assert properties.headers == {
        "key": "K-1", "traceparent": f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ID.hex[16:]}-01",
    }  # fmt: skip
    message = _incoming(Queue(key="told", queue="told"), FRAME, properties, body, 1000)
    assert (message.id, message.key, message.trace) == (str(ID), "K-1", properties.headers["traceparent"])


def test_what_nobody_traces_bears_no_trace():
    link = SimpleNamespace(most_bytes=1000, now=NOW)
    properties, body = _prepared(link, Outgoing(ID, "told", {"a": 1}, "K-1", "t", NOW))
    assert properties.headers == {"key": "K-1"}
    assert _incoming(Queue(key="told", queue="told"), FRAME, properties, body, 1000).trace == ""
