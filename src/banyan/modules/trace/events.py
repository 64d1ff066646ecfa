"""What has happened to recalls."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class RecallBegun(Event):
    """A lot and what was made of it are recalled; `held` are the lots stopped by it, `customers` are to be told."""

    type = "trace.recall_begun"
    noun = "trace.recall"

    lot: UUID = UUID(int=0)
    reason: str = ""
    held: tuple[UUID, ...] = ()
    customers: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class CustomerTold(Event):
    """A customer has been told of a recall."""

    type = "trace.customer_told"
    noun = "trace.recall"

    party: UUID = UUID(int=0)


@dataclass(frozen=True)
class RecallClosed(Event):
    """A recall is done: every customer has been told."""

    type = "trace.recall_closed"
    noun = "trace.recall"

    conclusion: str = ""
