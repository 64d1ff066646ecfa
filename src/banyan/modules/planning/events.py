"""What has happened in planning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class Planned(Event):
    """A run has been calculated and its planned orders stand."""

    type = "planning.planned"
    noun = "planning.run"
    label = L("计划运算已完成", "Planning run done")
    help = L("一次计划运算已完成，计划订单已生效", "A run has been calculated and its planned orders stand")

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
    label = L("计划订单已转订单", "Planned order converted")
    help = L("计划订单已转为工单或采购订单", "A planned order has become a work order or a purchase order")

    item: UUID
    result_noun: str
    result: UUID
