"""What production tells other modules: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from banyan.lib.labels import L, Label

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """What an order will still bring: `line` is None for its own item, else the further output.

    `is_exploded` says that the order has material lines of its own, so that its needs are `component_demand`;
    the needs of one without are those of its BOM.
    """

    noun: str
    order: UUID
    line: UUID | None
    item: UUID
    quantity: Decimal
    due_on: date
    is_firm: bool
    number: str
    starts_on: date | None = None
    is_exploded: bool = False


@dataclass(frozen=True, slots=True)
class DemandRow:
    """What an order still needs of a component; due when the order starts."""

    noun: str
    order: UUID
    line: UUID
    item: UUID
    quantity: Decimal
    due_on: date
    priority: str
    number: str


def titled(sequence: int, name: str, name_en: str) -> Label:
    """Give an operation's sequence and name, in English the English one where there is one."""
    return L("{sequence} {name}", "{sequence} {name}").filled({"sequence": sequence, "name": L(name, name_en or name)})


@dataclass(frozen=True, slots=True)
class Task:
    """An operation somebody is to do: assigned to them or their team, or open at its work centre."""

    assignment: UUID | None
    work_order: UUID
    number: str
    item: UUID
    operation: UUID
    sequence: int
    name: str
    state: str
    quantity: Decimal
    good_quantity: Decimal
    room: Decimal
    machine: UUID | None
    due_on: date
    priority: str
    starts_at: datetime | None = None
    part_name: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody reported of a kind on an operation on a day: their own part, undone reports taken off."""

    number: str
    operation: UUID
    sequence: int
    name: str
    kind: str
    quantity: Decimal
    minutes: Decimal


@dataclass(frozen=True, slots=True)
class WipFacts:
    """Where an open order stands in pieces, time and money.

    Takes:  equivalents: finished-piece equivalents of the work done on pieces not finished yet, by routing
            time
    """

    order: UUID
    number: str
    item: UUID
    plant: UUID
    state: str
    quantity: Decimal
    finished_quantity: Decimal
    made_quantity: Decimal
    scrapped_quantity: Decimal
    equivalents: Decimal
    labour_minutes: Decimal
    machine_minutes: Decimal
    conversion_amount: Decimal
    planned_amount: Decimal
    completed_amount: Decimal


@dataclass(frozen=True, slots=True)
class BuiltLine:
    """A component of an order as designed, as planned, or as built; a lot where one is known."""

    item: UUID
    quantity: Decimal
    operation: int | None = None
    lot: UUID | None = None
    line: UUID | None = None
    source_line: UUID | None = None
    deviation_reason: str = ""


@dataclass(frozen=True, slots=True)
class BuiltStep:
    """An operation of an order as designed, as planned, or as built: minutes for all pieces, what it cost."""

    sequence: int
    name: str
    work_centre: UUID | None
    minutes: Decimal
    quantity: Decimal
    amount: Decimal = ZERO
    state: str = ""
    before: str = ""
    reason: str = ""
    operation: UUID | None = None
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """An operation that is usual at a plant, to be tapped."""

    name: str
    name_en: str
    work_centre: UUID

    @property
    def label(self) -> Label:
        return L(self.name, self.name_en or self.name)


@dataclass(frozen=True, slots=True)
class Used:
    """So much of a lot that went into a report, at an operation of an order."""

    report: UUID
    order: UUID
    sequence: int
    lot: UUID
    quantity: Decimal
