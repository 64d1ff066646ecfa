"""Stand-ins of shops' platforms: orders that go on changing while they are read, and what every preset must do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from banyan.connectors.platform import Platform
from banyan.integration.connecting import Connection, Failed
from tests.partners.standing import outgoing

NOW = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
CONNECTORS = Path(__file__).parents[2] / "src" / "banyan" / "connectors"


class Orders:
    """A shop's orders, each with the moment of its last change."""

    def __init__(self, count: int, every: timedelta = timedelta(seconds=7), until: datetime = NOW) -> None:
        self.changed = {n: until - every * (count - n) for n in range(count)}

    def within(self, begin: datetime, end: datetime) -> list[tuple[int, datetime]]:
        """Give those changed in a window, the first change first."""
        return sorted(((n, at) for n, at in self.changed.items() if begin <= at < end), key=lambda pair: pair[1])

    def touch(self, *numbers: int, at: datetime) -> None:
        self.changed |= dict.fromkeys(numbers, at)


def read_all(
    connector: Platform, link: Connection, *, operation: str = "orders", position: Any = None, limit: int = 40,
    between: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], Any]:  # fmt: skip
    """Poll until nothing more is there at once; the position goes through JSON as it does in the database.

    Gives:  messages by id, the position to go on from
    """
    found: dict[str, Any] = {}
    for page in range(200):
        given = connector.poll(link, operation, position, limit)
        found |= {message.id: message for message in given.messages}
        position = json.loads(json.dumps(given.position))
        if not given.has_more:
            return found, position
        if between:
            between(page)
    raise AssertionError("the poll never ends")


def polls_lose_nothing(connector: Platform, link: Connection, orders: Orders, *, operation: str = "orders") -> None:
    """Prove that each order is seen in its last state, though some change while the pages are read."""
    moved = iter(([0, 1, 2], [45, 46], [90]))

    def change(page: int) -> None:
        for numbers in [next(moved, [])]:
            orders.touch(*numbers, at=NOW + timedelta(seconds=30 + page))

    first, position = read_all(connector, link, operation=operation, between=change)
    later = replace(link, now=NOW + timedelta(minutes=5))
    second, position = read_all(connector, later, operation=operation, position=position)
    seen = {message.key for message in (first | second).values()}
    assert len(seen) == len(orders.changed), "each order was seen"
    assert len({message.key for message in second.values()}) >= 6, "what changed meanwhile came again"
    much_later = replace(later, now=NOW + timedelta(minutes=9))
    third, _ = read_all(connector, much_later, operation=operation, position=position)
    assert third == {}, "what has not changed does not come again"


def is_refused(connector: Platform, link: Connection, kind: str, operation: str = "orders") -> Failed:
    """Prove that a poll is refused for that reason, and give the refusal."""
    with pytest.raises(Failed) as fault:
        connector.poll(link, operation, None, 10)
    assert fault.value.kind == kind
    return fault.value


def sample(connector: Platform, name: str) -> dict[str, Any]:
    """Give a payload of the connector's folder."""
    return json.loads((CONNECTORS / connector.key / "payloads" / name).read_text(encoding="utf-8"))


def form_of(asked: Any) -> dict[str, str]:
    """Give the form of a request."""
    return dict(parse_qsl(asked.body.decode(), keep_blank_values=True))


def ships(connector: Platform, link: Connection, body: Mapping[str, Any], operation: str = "ship") -> Any:
    """Send a shipment and give the partner's reply."""
    return connector.send(link, outgoing(operation, body)).reply
