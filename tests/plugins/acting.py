"""Who acts in a test: the system, nobody, or a person with stated grants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from banyan.kernel import rates
from banyan.kernel.context import SYSTEM, Context, Principal
from banyan.lib.ids import new_id

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def ctx() -> Context:
    """Give the circumstances of the system acting on 2 March 2026, 08:00 UTC."""
    return Context(SYSTEM, now=NOW, through="cli")


@pytest.fixture
def nobody(ctx: Context) -> Context:
    """Give the circumstances of a person without any right."""
    return ctx.with_(principal=Principal(new_id(), "无权者"), through="screen")


@pytest.fixture
def person(ctx: Context) -> Callable[..., Context]:
    """Make the circumstances of a person with grants: `person("sales.*", ("items.item.read", "own"))`."""

    def make(*grants: str | tuple[str, str], plants=(), teams=()) -> Context:
        pairs = tuple(g if isinstance(g, tuple) else (g, "all") for g in grants)
        who = Principal(new_id(), "某人", grants=pairs, plants=tuple(plants), teams=tuple(teams))
        return ctx.with_(principal=who, through="screen")

    return make


@pytest.fixture
def one_minute(monkeypatch) -> None:
    """Keep the minute in which calls are counted: a new one takes a lease, which is a statement more."""
    monkeypatch.setitem(rates.take.__kwdefaults__, "clock", NOW.timestamp)
    monkeypatch.setattr(rates, "_leases", {})
