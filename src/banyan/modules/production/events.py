"""What has happened on the shop floor, for those above: planning, finance, integrations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L

ZERO = Decimal(0)


@dataclass(frozen=True)
class ReleasedStep:
    """An operation of a released order, as who runs the shop floor needs it; quantity in counts of the operation."""

    operation: UUID
    sequence: int
    name: str
    work_centre: str
    quantity: Decimal
    setup_minutes: Decimal
    run_minutes: Decimal


@dataclass(frozen=True)
class WorkReleased(Event):
    """An order went to the shop with its own copy of BOM and routing."""

    type = "production.work_released"
    noun = "production.work_order"
    event_version = 2
    label = L("工单已下达", "Work order released")
    help = L(
        "工单带着自己的物料清单和工艺路线副本下达车间",
        "An order went to the shop with its own copy of BOM and routing",
    )

    item: UUID
    plant: UUID
    quantity: Decimal
    unit_cost: Decimal
    item_code: str
    item_name: str
    unit: str
    due_on: date
    steps: tuple[ReleasedStep, ...]


@dataclass(frozen=True)
class WorkChanged(WorkReleased):
    """An order at work is to be made otherwise: all that holds now is told anew, operations left out included.

    Takes:  change: what changed, a kind of `production.deviation`; reason: why
    """

    type = "production.work_changed"
    event_version = 1
    label = L("在制工单已更改", "Work order changed")
    help = L(
        "已下达的工单改了数量、工序或版本；内容为更改后的全部",
        "A released order's quantity, operations or revision changed; all of it is told as it is now",
    )

    change: str
    reason: str


@dataclass(frozen=True)
class Part:
    """Somebody's part of a report: the share as it was told, none where all are alike, and what it comes to."""

    employee: UUID
    share: Decimal | None
    quantity: Decimal
    minutes: Decimal


@dataclass(frozen=True)
class Reported(Event):
    """Somebody reported on an operation; amounts contain the set-up, `setup_amount` says how much of them it
    is.

    Takes:  kind as reported, for an undo that of the report taken back: quantity, minutes and amounts are
            negative then and `reverses` names it; quantity in counts of the operation, pieces in
            finished-piece equivalents; happened_at is earlier than reported_at for what was kept offline;
            day: of the shift it was made in, for an undo that of the report taken back;
            defects: (reason, count)
    """

    type = "production.reported"
    noun = "production.work_order"
    label = L("已报工", "Work reported")
    help = L(
        "撤销时 `kind` 与被撤销的报工相同，数量、工时和金额为负，`reverses` 指明该报工；金额含准备，`setup_amount` "
        "为其中的准备部分",
        "For an undo `kind` is that of the report taken back, which `reverses` names, and quantity, minutes and "
        "amounts are negative; amounts contain the set-up, `setup_amount` says how much",
    )

    report: UUID
    operation: UUID
    kind: str
    quantity: Decimal
    pieces: Decimal
    item: UUID
    plant: UUID
    work_centre: UUID | None
    labour_minutes: Decimal
    machine_minutes: Decimal
    setup_minutes: Decimal
    labour_amount: Decimal
    machine_amount: Decimal
    overhead_amount: Decimal
    setup_amount: Decimal
    reported_at: datetime
    happened_at: datetime
    day: date
    operation_name: str = ""
    people: tuple[Part, ...] = ()
    defects: tuple[tuple[UUID, Decimal], ...] = ()
    reverses: UUID | None = None


@dataclass(frozen=True)
class ReportsApproved(Event):
    """A leader has approved reports of an order."""

    type = "production.reports_approved"
    noun = "production.work_order"
    label = L("报工已审核", "Reports approved")
    help = L("班组长审核了一张工单的报工", "A leader has approved reports of an order")

    reports: tuple[UUID, ...]


@dataclass(frozen=True)
class CompletedLine:
    """Finished pieces of one lot, with what they took out of work in progress."""

    item: UUID
    lot: UUID | None
    quantity: Decimal
    amount: Decimal
    is_main: bool


@dataclass(frozen=True)
class GoodsCompleted(Event):
    """Finished pieces went to stock at the order's planned unit cost, or came back from it: then all is
    negative.

    Takes:  quantity and amount of all lines together; `unit_cost` is the order's planned one
    """

    type = "production.goods_completed"
    noun = "production.work_order"
    label = L("完工已入库", "Goods completed")
    help = L(
        "成品按工单的计划单位成本入库；撤回时全部为负",
        "Finished pieces went to stock at the order's planned unit cost, or came back from it: then all is negative",
    )

    completion: UUID
    item: UUID
    plant: UUID
    quantity: Decimal
    amount: Decimal
    unit_cost: Decimal
    lines: tuple[CompletedLine, ...]
    moved_at: datetime


@dataclass(frozen=True)
class WorkOrderClosed(Event):
    """Nothing more will come: what is left of the order's work in progress is to be spread.

    Takes:  made: what went to stock by lot, with the amounts given to it; scrapped in finished-piece
            equivalents; planned: quantity × planned unit cost; part_name: of a temporary card on what is no item
    """

    type = "production.work_order_closed"
    noun = "production.work_order"
    label = L("工单已关闭", "Work order closed")
    help = L(
        "不会再有后续：工单剩余的在制品待分摊",
        "Nothing more will come: what is left of the order's work in process is to be spread",
    )

    item: UUID
    plant: UUID
    quantity: Decimal
    made_quantity: Decimal
    scrapped_quantity: Decimal
    planned_amount: Decimal
    completed_amount: Decimal
    made: tuple[CompletedLine, ...]
    kind: str = "standard"
    part_name: str = ""


@dataclass(frozen=True)
class OutsideWorkReceived(Event):
    """A subcontractor's work came back to an operation, or was taken back: then all is negative."""

    type = "production.outside_work_received"
    noun = "production.work_order"
    label = L("委外已收货", "Outside work received")
    help = L(
        "委外商做完的工序已收回；撤回时全部为负",
        "A subcontractor's work came back to an operation, or was taken back: then all is negative",
    )

    outside: UUID
    operation: UUID
    party: UUID
    item: UUID
    plant: UUID
    order_line: UUID
    quantity: Decimal
    amount: Decimal
    at: datetime


@dataclass(frozen=True)
class WorkOrderCancelled(Event):
    """An order will not be made; nothing had been reported on it or issued to it.

    Takes:  was_released: whether the shop had been told of it
    """

    type = "production.work_order_cancelled"
    noun = "production.work_order"
    event_version = 2
    label = L("工单已取消", "Work order cancelled")
    help = L(
        "工单不再生产；此前没有报工，也没有领料",
        "An order will not be made; nothing had been reported on it or issued to it",
    )

    item: UUID
    plant: UUID
    quantity: Decimal
    reason: str
    was_released: bool
