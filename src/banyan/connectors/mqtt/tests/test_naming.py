"""By what a reading is known again: its own name, else what makes it one."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from banyan.connectors.mqtt.connector import Topic, own_id


def reading(payload=b"5", *, topic="line/1", mid=7, told=()):
    return SimpleNamespace(
        topic=topic, mid=mid, payload=payload, properties=SimpleNamespace(UserProperty=list(told)) if told else None
    )


NAMED, PLAIN = Topic(key="a", topic="line/+", id_field="id"), Topic(key="a", topic="line/+")


@pytest.mark.parametrize(
    ("topic", "body", "told", "name"),
    [
        (NAMED, {"id": "r-1"}, [("id", "m-1")], "r-1"), (NAMED, {"id": 0}, [], "0"),
        (NAMED, {"id": ""}, [("id", "m-1")], "m-1"), (NAMED, [1], [("id", "m-1")], "m-1"),
        (PLAIN, {"id": "r-1"}, [("id", "m-1")], "m-1"),
    ],
)  # fmt: skip
def test_a_reading_is_known_by_its_field_else_by_its_property(topic, body, told, name):
    assert own_id(topic, reading(told=told), body) == name


def test_else_by_topic_packet_day_and_payload(monkeypatch):
    first = own_id(PLAIN, reading(), 5)
    assert own_id(PLAIN, reading(), 5) == first, "the same packet again"
    others = [reading(mid=8), reading(topic="line/2"), reading(b"6")]
    assert len({first, *(own_id(PLAIN, other, 5) for other in others)}) == 4
    monkeypatch.setattr(time, "gmtime", lambda: time.struct_time((2030, 1, 2, 0, 0, 0, 2, 2, 0)))
    assert own_id(PLAIN, reading(), 5) != first, "packet numbers begin anew"
