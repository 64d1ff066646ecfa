"""Stand-ins of shops' platforms: orders that go on changing while they are read, and what every preset must do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from banyan.connectors.platform import Platform
from banyan.integration.connecting import Connection, Failed
from banyan.integration.mapping.applying import apply
from banyan.integration.mapping.converters import Facts
from banyan.integration.mapping.definition import compile_mapping
from tests.integration.partner import partner
from tests.partners.standing import connection_to, outgoing

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


class Counter:
    """A shop's platform as its document says: what buyers do there, what we may tell it, and what it refuses.

    Each order is the connector's sample under a number of its own: two lamps, of most shops with a bulb.
    """

    connector: Platform
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    #: SKU and its price as the sample has it, by our items.
    goods = ("LAMP-01-W", "BULB-9")
    total = Decimal("207.80")
    currency = "CNY"
    #: What we call the carrier there, where it wants a code of its own.
    carrier = ""
    #: What the shop takes back of the first line in `take_back`, and for how much.
    back = (1, Decimal("88.90"))
    #: Whether goods come back by its interface; else money is asked for before they go.
    returns = True

    def __init__(self, now: datetime) -> None:
        self.now, self.url = now, ""
        self.orders: dict[str, dict[str, Any]] = {}
        self.stock: dict[str, int] = {}
        self.sent: list[tuple[str, str, dict[str, int]]] = []
        self.cancelled: list[str] = []
        self.answers: list[Any] = []
        self.given_back: list[tuple[str, Decimal]] = []
        self.refused: list[Any] = []

    def link(self, **secrets: str) -> Connection:
        """Give a connection to it, with other secrets where they are named."""
        return connection_to(
            self.connector, self.settings_of(), {**self.secrets, **secrets}, now=self.now, timeout=5.0
        )

    def settings_of(self) -> dict[str, Any]:
        return {"address": self.url, **self.settings}

    def tell(self, operation: str, body: Mapping[str, Any]) -> Any:
        """Send it a message and give its reply."""
        return self.connector.send(self.link(), outgoing(operation, body)).reply

    def polled(self, operation: str) -> list[Any]:
        """Give what a poll brings, all pages."""
        return [one.body for one in read_all(self.connector, self.link(), operation=operation)[0].values()]

    def mapped(self, name: str, body: Any) -> Any:
        """Give what the preset's mapping makes of a body; lookups are answered by nothing."""
        definition = self.connector.mapping(name)
        facts = Facts(settings={"shop": "S1"}, zone="Asia/Shanghai")
        made = apply(compile_mapping(definition), body, facts)
        assert made.is_ok, made.refusal()
        return made.plain()

    def told(self, name: str, **data: Any) -> Any:
        """Give what the preset's mapping makes of the sample of its event, with other facts where they are named."""
        [preset] = [one for one in self.connector.presets() if one.name == name]
        return self.mapped(name, {**preset.sample, "data": {**preset.sample["data"], **data}})

    def place(self) -> str:
        """Take a buyer's order; give its number."""
        raise NotImplementedError

    def cancel(self, number: str) -> None:
        """Cancel an order, as its buyer does."""
        raise NotImplementedError

    def take_back(self, number: str) -> None:
        """Take `back` back, as its buyer asks."""
        raise NotImplementedError

    def send_back(self, number: str) -> None:
        """Send back what was agreed to, as its buyer does; most shops do not say so."""

    def pay_out(self, number: str) -> None:
        """Settle an order with us."""
        raise NotImplementedError

    def answer(self, asked: Any) -> Any:
        raise NotImplementedError


@contextmanager
def opened(counter: Counter) -> Iterator[Counter]:
    """Have a shop's platform listen meanwhile."""
    with partner(counter.answer) as there:
        counter.url = there.url
        yield counter
