"""What has happened in planning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class Planned(Event):
    """A run has been calculated and its planned orders stand."""

    type = "planning.planned"
    noun = "planning.run"

    plant: UUID
    planned_on: date
    orders: int
    new: int
    changed: int
    gone: int
    late: int


@dataclass(frozen=True)
class PlannedOrderConverted(Event):
    """A planned order has become a work order or a purchase order."""

    type = "planning.planned_order_converted"
    noun = "planning.planned_order"

    item: UUID
    result_noun: str
    result: UUID
