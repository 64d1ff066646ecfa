"""What inventory takes from and gives to other modules: frozen values, no rows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

#: A demand line: the noun it belongs to, and its id.
DemandKey = tuple[str, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveIntent:
    """What should move, or as a fact has moved, from one location to another.

    Takes:  quantity in the item's stock unit, above zero; origin: the record it is for (with its noun's key
            and line); moved_at: None is now; amount: the value that comes in from supplier or production,
            None where it follows from the stock; demand: whose allocation and promise it uses up;
            is_fact: it has physically happened, so that what is there moves although it was promised to
            others, the rest is told as missing, and a lot held only afterwards does not stop it; is_told: a
            fact that is heard of afterwards, which a lot held before does not stop either
    """

    item: UUID
    quantity: Decimal
    source: UUID
    target: UUID
    origin_noun: str
    origin: UUID
    lot: UUID | None = None
    owner: UUID | None = None
    origin_line: UUID | None = None
    moved_at: datetime | None = None
    person: UUID | None = None
    amount: Decimal | None = None
    demand: DemandKey | None = None
    is_fact: bool = False
    is_told: bool = False
    reason: str = ""
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True)
class MovedFact:
    """A move as the event `StockMoved` tells it.

    Gives:  amount: the value that went in or out of stock with it, zero inside a plant and for others' stock;
            difference: what the document carried beyond that, for the variance account, so that the far side
            is amount + difference. Between plants to_plant differs from plant, to_amount is what it took on
    """

    move: UUID
    item: UUID
    lot: UUID | None
    quantity: Decimal
    amount: Decimal
    source: UUID
    source_kind: str
    target: UUID
    target_kind: str
    plant: UUID
    origin_noun: str
    origin: UUID
    origin_line: UUID | None
    moved_at: datetime
    reason: str
    owner: UUID | None = None
    difference: Decimal = Decimal(0)
    to_plant: UUID | None = None
    to_amount: Decimal = Decimal(0)
    reverses: UUID | None = None
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand line's wish for stock of an item at a plant.

    Takes:  quantity in the stock unit; None only when releasing: all of it; within: allocated only from this location
            and those below it
    """

    noun: str
    line: UUID
    item: UUID
    plant: UUID
    quantity: Decimal | None = None
    within: UUID | None = None

    @property
    def key(self) -> DemandKey:
        return self.noun, self.line


@dataclass(frozen=True, slots=True)
class Allocated:
    """What an allocation has fixed: so much of a lot in a location for a demand line."""

    noun: str
    line: UUID
    item: UUID
    lot: UUID | None
    location: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A promise or allocation that a physical fact or a hold has taken away from a demand line."""

    noun: str
    line: UUID
    item: UUID
    plant: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LotWant:
    """A lot that should exist. Takes: number: empty gives one made of the day and a count."""

    item: UUID
    number: str = ""
    supplier: UUID | None = None
    supplier_lot: str = ""
    heat_number: str = ""
    made_on: date | None = None
    expires_on: date | None = None
    origin_noun: str = ""
    origin: UUID | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """So much of an input lot went into an output lot (None: known for the order only); below zero undoes."""

    input_lot: UUID
    output_lot: UUID | None
    quantity: Decimal
    origin_noun: str
    origin: UUID


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One lot found by a trace, at its least depth, and the lot and order through which it was reached."""

    depth: int
    lot: UUID
    number: str
    item: UUID
    state: str
    through: UUID
    quantity: Decimal
    origin_noun: str
    origin: UUID


@dataclass(frozen=True, slots=True)
class Trace:
    """All lots found, by depth and number; `is_cut` says that the depth or the number of rows set an end."""

    steps: tuple[TraceStep, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """The locations that documents of a plant use when nobody names others."""

    plant: UUID
    supplier: UUID
    customer: UUID
    production: UUID
    adjustment: UUID
    scrap: UUID
    warehouse: UUID
    inspection: UUID
    rejected: UUID


@dataclass(frozen=True, slots=True)
class StockRow:
    """What lies in one place of one item, lot and owner."""

    balance: UUID
    item: UUID
    lot: UUID | None
    lot_number: str
    lot_state: str
    expires_on: date | None
    location: UUID
    location_code: str
    kind: str
    plant: UUID
    owner: UUID | None
    on_hand: Decimal
    allocated: Decimal
    first_in_at: datetime


@dataclass(frozen=True, slots=True)
class StockWorth:
    """Quantity and amount of our own stock of an item in a plant."""

    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class LotOrigin:
    """Where a lot came from: the move that brought it in, with its document."""

    lot: UUID
    quantity: Decimal
    source: UUID
    source_kind: str
    moved_at: datetime
    origin_noun: str
    origin: UUID


@dataclass(frozen=True, slots=True)
class LotWhereabouts:
    """Where a lot is or has gone: our locations with what lies there, far ends with what went there net."""

    lot: UUID
    location: UUID
    location_code: str
    kind: str
    quantity: Decimal
    origin_noun: str
    origin: UUID | None
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ValueChange:
    """What a cost run adds to the value of an item in a plant; the quantity stays."""

    item: UUID
    plant: UUID
    amount: Decimal
    kind: str = "cost_run"
