"""What has happened to stock."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L
from banyan.modules.inventory.values import Allocated, BrokenPromise, MovedFact


@dataclass(frozen=True)
class StockMoved(Event):
    """Goods have moved; told once per posting. `record` and `noun` are the origin of the first move."""

    type = "inventory.stock_moved"
    label = L("库存已移动", "Stock moved")
    help = L(
        "每次过账发出一次；`record` 和 `noun` 为第一笔移动的来源单据",
        "Told once per posting; `record` and `noun` are the origin of the first move",
    )

    noun: str = field(default="", kw_only=True)
    moves: tuple[MovedFact, ...] = ()


@dataclass(frozen=True)
class StockRevalued(Event):
    """A cost run has changed what stock is worth; `record` is the cost run."""

    type = "inventory.stock_revalued"
    label = L("存货价值已调整", "Stock revalued")
    help = L(
        "一次成本计算改变了存货价值；`record` 为该次成本计算",
        "A cost run has changed what stock is worth; `record` is the cost run",
    )

    noun: str = field(default="", kw_only=True)
    changes: tuple[tuple[UUID, UUID, Decimal, str], ...] = ()


@dataclass(frozen=True)
class PromisesBroken(Event):
    """A fact or a hold has left less than was promised: what these demand lines have lost, newest first."""

    type = "inventory.promises_broken"
    label = L("占用已落空", "Promises broken")
    help = L(
        "实际库存变化或冻结使余量少于已占用量：各需求行失去的数量，最新的在前",
        "A fact or a hold has left less than was promised: what these demand lines have lost, newest first",
    )

    noun: str = field(default="", kw_only=True)
    broken: tuple[BrokenPromise, ...] = ()


@dataclass(frozen=True)
class LotHeld(Event):
    """A lot may no longer be issued or shipped; what is allocated on it stays so until it is decided upon."""

    type = "inventory.lot_held"
    noun = "inventory.lot"
    label = L("批次已冻结", "Lot held")
    help = L(
        "不能再领料或发货；已分配的保持不变，等待决定",
        "The lot may no longer be issued or shipped; what is allocated on it stays so until it is decided upon",
    )

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
    label = L("批次已解冻", "Lot released")
    help = L("又可以领料和发货", "The lot may be issued and shipped again")

    item: UUID = UUID(int=0)
    number: str = ""
    reason: str = ""


@dataclass(frozen=True)
class CountPosted(Event):
    """A count is done; the differences, by item, lot and location, have been booked as adjustments."""

    type = "inventory.count_posted"
    noun = "inventory.count"
    label = L("盘点已过账", "Count posted")
    help = L(
        "盘点完成；按物料、批次、库位的差异已记为库存调整",
        "A count is done; the differences, by item, lot and location, have been booked as adjustments",
    )

    plant: UUID = UUID(int=0)
    differences: tuple[tuple[UUID, UUID | None, UUID, Decimal], ...] = ()
