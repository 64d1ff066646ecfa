"""Events to tell in tests of the bus."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from banyan.kernel import dispatcher
from banyan.kernel.commands import Command, execute, tell
from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class Sold(Event):
    type = "test.sold"
    noun = "kernel.user"
    n: int = 0


@dataclass(frozen=True)
class Cancelled(Event):
    type = "test.cancelled"
    noun = "kernel.user"
    n: int = 0


def sell(ctx, *told: tuple[UUID, int], drains: bool = True) -> None:
    """Tell of sales, in one transaction, and let the dispatcher hand them on."""
    happen(ctx, *(Sold(record=record, n=n) for record, n in told), drains=drains)


def happen(ctx, *events: Event, drains: bool = True) -> None:
    """Tell of events, in one transaction, and let the dispatcher hand them on."""
    command = Command(
        key="kernel.user.sell", label=L("售出", "Sell"), on="noun", permission="kernel.user.sell",
        function=lambda ctx: tell(*events),
    )  # fmt: skip
    execute(ctx, command)
    if drains:
        dispatcher.wait_until_quiet()
