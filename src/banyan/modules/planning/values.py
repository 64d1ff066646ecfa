"""What planning reckons with: items, demands, supplies as loaded; planned orders, pegs, messages as found.

Quantities are whole millionths of the stock unit, days are ordinals (`date.toordinal`): exact and quick to
compare. Nothing here knows the database.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

from banyan.lib.calendar import HORIZON_DAYS, NoWorkingTime
from banyan.modules.engineering.values import Need

#: Who is served first: urgent orders, the others, and what only refills the safety stock.
URGENT, NORMAL, SAFETY = 0, 1, 9

OrderKind = Literal["make", "buy"]
#: `gate` is what has arrived and waits for inspection: there today, nobody's to move or to cancel.
SupplyKind = Literal["stock", "gate", "order", "firm", "planned"]
MessageKind = Literal[
    "late", "past", "below_safety", "expedite", "postpone", "overdue", "cancel", "surplus", "no_supplier",
    "no_bom", "out_of_use", "line_side",
]  # fmt: skip


class Ref(NamedTuple):
    """The document and line that a demand or supply comes from; `number` is how people call it."""

    noun: str
    record: UUID | None
    line: UUID | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """An item as a plant plans it; `step` is the grid of its stock unit, `needs` what one piece takes.

    `settings` is the record that says how the plant plans it, and how much is to be kept.
    """

    key: UUID
    code: str
    kind: OrderKind
    lead: int = 0
    rule: str = "lot_for_lot"
    minimum: int = 0
    multiple: int = 0
    fixed: int = 0
    supply_days: int = 0
    safety: int = 0
    safety_days: int = 0
    step: int = 1
    needs: tuple[Need, ...] = ()
    supplier: UUID | None = None
    is_active: bool = True
    is_backflushed: bool = False
    settings: UUID | None = None


class Demand(NamedTuple):
    """So much of an item wanted on a day, served in order of rank, day and number."""

    item: UUID
    quantity: int
    day: int
    ref: Ref
    rank: int = NORMAL


class Supply(NamedTuple):
    """So much of an item at hand or expected; `explodes` when nobody has asked for its components yet.

    `start` is the day its components are wanted, 0 for its lead time before `day`.
    """

    item: UUID
    quantity: int
    day: int
    ref: Ref
    kind: SupplyKind = "order"
    explodes: bool = False
    start: int = 0


@dataclass(slots=True)
class Order:
    """A planned order: to start, due as the plan wants it, and ready as its material allows."""

    item: UUID
    quantity: int
    start: int
    due: int
    kind: OrderKind
    supplier: UUID | None = None
    rank: int = NORMAL
    ready: int = 0
    key: UUID | None = None


class Peg(NamedTuple):
    """So much of a supply serves a demand; both are places in the plan's lists."""

    supply: int
    demand: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Message:
    """Something a planner should do or know.

    `day` is when it comes about, `wanted` when it was wanted; `cause` is the place of the supply that holds a
    late demand up, `supply` and `demand` what is spoken of.
    """

    kind: MessageKind
    item: UUID
    quantity: int = 0
    day: int = 0
    wanted: int = 0
    supply: int | None = None
    demand: int | None = None
    cause: int | None = None

    @property
    def days_late(self) -> int:
        """Give by how many days a customer waits beyond the day wanted."""
        return self.day - self.wanted if self.kind in ("late", "past") else 0


@dataclass(frozen=True)
class World:
    """All that a plan is made from.

    `apart` is what of an item's stock lies at line sides, where neither issue nor shipment takes from.
    """

    today: int
    days: WorkDays
    items: dict[UUID, PlanItem]
    demands: list[Demand]
    supplies: list[Supply]
    apart: dict[UUID, int] = field(default_factory=dict)


@dataclass
class Plan:
    """All that a plan says.

    `supplies` are those of the world followed by the planned orders, `demands` those of the world followed by
    what orders take of their components and what refills safety stocks; `parents` names per demand the supply
    that takes it, -1 for none; `ready` says per supply when it will really be there.
    """

    orders: list[Order] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    supplies: list[Supply] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    pegs: list[Peg] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    first_order: int = 0

    def order_of(self, supply: int) -> Order | None:
        """Give the planned order at a place among the supplies, None for a supply that exists already."""
        return self.orders[supply - self.first_order] if supply >= self.first_order else None


class WorkDays:
    """The working days of a plant, to count with quickly; worked out as far as somebody asks.

    Takes:  is_working: whether a day is worked
    Raises: NoWorkingTime where twenty years hold no working day
    """

    def __init__(self, is_working: Callable[[date], bool], today: date) -> None:
        self._is_working = is_working
        self._low = self._high = today.toordinal()
        self._days: list[int] = []
        self._reach(self._low - 60, self._high + 400)

    def on_or_after(self, day: int) -> int:
        """Give the day itself if it is worked, else the first working day after it."""
        return self.plus(day - 1, 1)

    def on_or_before(self, day: int) -> int:
        """Give the day itself if it is worked, else the last working day before it."""
        return self.minus(day + 1, 1)

    def plus(self, day: int, count: int) -> int:
        """Give the count-th working day after a day; the day itself for zero."""
        if not count:
            return day
        if not self._low <= day <= self._high:
            self._reach(min(day, self._low), max(day, self._high))
        place = bisect_right(self._days, day) + count - 1
        while place >= len(self._days):
            self._farther(day, self._low, self._high + 400)
        return self._days[place]

    def minus(self, day: int, count: int) -> int:
        """Give the count-th working day before a day; the day itself for zero."""
        if not count:
            return day
        if not self._low <= day <= self._high:
            self._reach(min(day, self._low), max(day, self._high))
        place = bisect_left(self._days, day) - count
        while place < 0:
            before = len(self._days)
            self._farther(day, self._low - 400, self._high)
            place += len(self._days) - before
        return self._days[place]

    def _farther(self, day: int, low: int, high: int) -> None:
        if high - day > HORIZON_DAYS * 2 or day - low > HORIZON_DAYS * 2:
            raise NoWorkingTime(day=date.fromordinal(day))
        self._reach(low, high)

    def _reach(self, low: int, high: int) -> None:
        if not self._days and low < self._low:
            self._days, self._low, self._high = self._worked(low, high), low, high
        if low < self._low:
            self._days[:0] = self._worked(low, self._low - 1)
            self._low = low
        if high > self._high:
            self._days += self._worked(self._high + 1, high)
            self._high = high

    def _worked(self, low: int, high: int) -> list[int]:
        return [day for day in range(low, high + 1) if self._is_working(date.fromordinal(day))]
