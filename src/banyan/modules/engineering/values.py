"""What other modules are told of a BOM, a routing, an explosion and a cost: frozen values.

A need is kept as an exact fraction and rounded once, up, when an order asks for its quantity; so 98 good
pieces at 98 % yield start 100 pieces, not 101.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

MICRO = 1_000_000


def micro(quantity: Decimal) -> int:
    """Give a quantity in millionths, the finest a quantity is kept."""
    return int(quantity.scaleb(6))


def from_micro(quantity: int) -> Decimal:
    """Give the quantity of so many millionths."""
    return Decimal(quantity).scaleb(-6)


@dataclass(frozen=True, slots=True)
class Need:
    """What one finished piece, or one order, takes of a component, with all allowances.

    `numerator / denominator` is per finished piece, or millionths per order where `is_fixed`; `places` is
    how finely the component's unit is counted. `line` is the BOM line it comes from, `operation` the
    sequence that uses it, None for the first one.
    """

    component: UUID
    numerator: int
    denominator: int
    is_fixed: bool = False
    operation: int | None = None
    line: UUID | None = None
    place: str = ""
    places: int = 6

    def for_micro(self, quantity: int) -> int:
        """Give the need of an order in millionths, rounded up to what the component's unit allows."""
        step = 10 ** (6 - self.places)
        top = self.numerator if self.is_fixed else self.numerator * quantity
        return -(-top // (self.denominator * step)) * step

    def for_order(self, quantity: Decimal) -> Decimal:
        """Give the need of an order for so many good pieces, in the component's stock unit, rounded up."""
        return from_micro(self.for_micro(micro(quantity)))

    def per_piece(self, lot: Decimal) -> Decimal:
        """Give the need of one piece, not rounded; what is fixed per order is spread over the lot."""
        if self.is_fixed:
            return Decimal(self.numerator) / (Decimal(self.denominator) * MICRO * lot)
        return Decimal(self.numerator) / Decimal(self.denominator)


@dataclass(frozen=True, slots=True)
class Line:
    """A BOM line as written: quantity per base quantity, or per order where fixed."""

    component: UUID
    quantity: Decimal
    is_fixed: bool = False
    scrap_percent: Decimal = Decimal(0)
    operation: int | None = None
    line: UUID | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A further output of a BOM: a co-product carries cost by share, a by-product none."""

    item: UUID
    quantity: Decimal
    cost_share: Decimal = Decimal(0)
    kind: str = "by"


@dataclass(frozen=True, slots=True)
class BomFacts:
    """A BOM revision on a day: its valid lines as written, and what they need, phantoms dissolved."""

    bom: UUID | None
    item: UUID
    revision: str
    base_quantity: Decimal
    lines: tuple[Line, ...]
    needs: tuple[Need, ...] = ()
    outputs: tuple[Output, ...] = ()
    plant: UUID | None = None
    effective_from: date | None = None
    effective_to: date | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a routing revision; minutes per order (set-up, queue) and per finished piece (run)."""

    sequence: int
    name: str
    work_centre: UUID | None = None
    setup_minutes: Decimal = Decimal(0)
    run_minutes: Decimal = Decimal(0)
    queue_minutes: Decimal = Decimal(0)
    overlap_quantity: Decimal | None = None
    report_ratio: Decimal = Decimal(1)
    predecessors: tuple[int, ...] = ()
    yield_percent: Decimal = Decimal(100)
    skill: UUID | None = None
    instructions: str = ""
    is_subcontracted: bool = False
    supplier: UUID | None = None
    service_item: UUID | None = None
    subcontract_price: Decimal = Decimal(0)
    subcontract_days: int = 0
    data: tuple[Any, ...] = ()
    operation: UUID | None = None
    name_en: str = ""
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """A routing revision in force on a day, operations in order of sequence."""

    routing: UUID | None
    item: UUID
    revision: str
    operations: tuple[Operation, ...]
    plant: UUID | None = None


@dataclass(frozen=True, slots=True)
class Exploded:
    """One line of a multi-level explosion, in the order of the drawing; `path` names the items above it."""

    level: int
    item: UUID
    quantity: Decimal
    parent: UUID | None = None
    line: UUID | None = None
    operation: int | None = None
    path: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A place where an item is used: the BOM revision and its line, `level` 1 for the item's own parents."""

    level: int
    component: UUID
    item: UUID
    bom: UUID
    revision: str
    state: str
    quantity: Decimal
    is_fixed: bool
    plant: UUID | None = None


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The cost of one stock unit by what it is spent on, all levels below included.

    `missing` names the items below, or the item itself, for which there is no cost to build on.
    """

    material: Decimal = Decimal(0)
    labour: Decimal = Decimal(0)
    machine: Decimal = Decimal(0)
    overhead: Decimal = Decimal(0)
    subcontract: Decimal = Decimal(0)
    level: int = 0
    missing: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def total(self) -> Decimal:
        return self.material + self.labour + self.machine + self.overhead + self.subcontract

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @classmethod
    def bought(cls, price: Decimal | None, item: UUID) -> CostBreakdown:
        """Give the cost of an item that is bought, or of one that nobody has priced."""
        if price is None:
            return cls(missing=frozenset((item,)))
        return cls(material=price)


@dataclass(frozen=True, slots=True)
class CostRow:
    """What an item costs, as people read it; `missing` names the codes that have no cost."""

    code: str
    name: str
    material: Decimal
    labour: Decimal
    machine: Decimal
    overhead: Decimal
    subcontract: Decimal
    total: Decimal
    missing: tuple[str, ...]
    item: UUID


@dataclass(frozen=True, slots=True)
class Rates:
    """What an hour at a work centre costs, and how much of an hour its people work."""

    labour: Decimal = Decimal(0)
    machine: Decimal = Decimal(0)
    overhead: Decimal = Decimal(0)


def items_in(facts: Iterable[BomFacts]) -> frozenset[UUID]:
    """Give every item that a set of BOMs names, as parent or component."""
    found: set[UUID] = set()
    for bom in facts:
        found.add(bom.item)
        found.update(need.component for need in bom.needs)
    return frozenset(found)
