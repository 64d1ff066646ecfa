"""What has happened to stock."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.modules.inventory.values import Allocated, BrokenPromise, MovedFact


@dataclass(frozen=True)
class StockMoved(Event):
    """Goods have moved; told once per posting. `record` and `noun` are the origin of the first move."""

    type = "inventory.stock_moved"

    noun: str = field(default="", kw_only=True)
    moves: tuple[MovedFact, ...] = ()


@dataclass(frozen=True)
class StockRevalued(Event):
    """A cost run has changed what stock is worth; `record` is the cost run."""

    type = "inventory.stock_revalued"

    noun: str = field(default="", kw_only=True)
    changes: tuple[tuple[UUID, UUID, Decimal, str], ...] = ()


@dataclass(frozen=True)
class PromisesBroken(Event):
    """A fact or a hold has left less than was promised: what these demand lines have lost, newest first."""

    type = "inventory.promises_broken"

    noun: str = field(default="", kw_only=True)
    broken: tuple[BrokenPromise, ...] = ()


@dataclass(frozen=True)
class LotHeld(Event):
    """A lot may no longer be issued or shipped; what is allocated on it stays so until it is decided upon."""

    type = "inventory.lot_held"
    noun = "inventory.lot"

    item: UUID = UUID(int=0)
    number: str = ""
    state: str = "held"
    reason: str = ""
    allocated: tuple[Allocated, ...] = ()


@dataclass(frozen=True)
class LotReleased(Event):
    """A lot may be issued and shipped again."""

    type = "inventory.lot_released"
    noun = "inventory.lot"

    item: UUID = UUID(int=0)
    number: str = ""
    reason: str = ""


@dataclass(frozen=True)
class CountPosted(Event):
    """A count is done; the differences, by item, lot and location, have been booked as adjustments."""

    type = "inventory.count_posted"
    noun = "inventory.count"

    plant: UUID = UUID(int=0)
    differences: tuple[tuple[UUID, UUID | None, UUID, Decimal], ...] = ()
