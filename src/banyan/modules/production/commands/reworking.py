"""Pieces sent out of an order for rework: an order with operations and cost of its own, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db, locks
from banyan.kernel.commands import command, owe_numbers, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.quantity import round_quantity
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.copying import copy_recipes
from banyan.modules.production.commands.deviating import ORDER, Minutes, only
from banyan.modules.production.commands.materials import by
from banyan.modules.production.commands.noting import note
from banyan.modules.production.commands.reports import DefectCount, OneReport, book_reports
from banyan.modules.production.errors import NothingToReturn, NoWayBack, OperationUnknown
from banyan.modules.production.models import Operation, WorkOrder
from banyan.modules.production.queries import released

ZERO = Decimal(0)


class ReworkStep(Input):
    """An operation of the rework."""

    name: Annotated[Text, Field(min_length=1, max_length=120)] = field("工序", "Operation")
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")
    run_minutes: Minutes = field("单件工时", "Run time", ZERO, unit="min")


class Rework(Input):
    """How many pieces at which operation, why, and what is done about them; one operation where none is told."""

    operation: UUID = field("不良品所在工序", "At operation", reference="production.operation")
    quantity: Annotated[Quantity, Field(gt=0)] = field("数量", "Quantity")
    defect: UUID | None = field("不良原因", "Why bad", None, reference="production.defect_reason")
    operations: Annotated[list[ReworkStep], Field(max_length=30)] = field(
        "返工工序", "Rework operations", default_factory=list,
        help=L("空为一道“返工”，在同一工作中心", "Empty: one, at the same work centre"),
    )  # fmt: skip
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


class Back(Input):
    """How many go back to the operation they came from; all that are good where nothing is told."""

    quantity: Annotated[Quantity, Field(gt=0)] | None = field("数量", "Quantity", None)


@command(
    "production.work_order.rework", L("返工", "Send for rework"), input=Rework, icon="arrow-back", tone="orange",
    creates=True,
    help=L("生成返工工单，单独归集成本；做完送回原工序",
           "Makes a rework order with cost of its own, whose pieces come back to this operation"),
)  # fmt: skip
def send_for_rework(ctx: Context, orders: Sequence[WorkOrder], data: Rework) -> WorkOrder:
    """Take pieces off an operation into a rework order; they cannot be reported here until they are back.

    Raises: OperationUnknown; TooMuchReported where not so many are there
    Writes: a report of rework without time, the counts that are away, a released order; tells WorkReleased. Locks
            the operation
    """
    order = only(orders)
    flow.lock_operations([data.operation])
    operation = Operation.objects.filter(work_order=order, pk=data.operation).first()
    if operation is None:
        raise OperationUnknown(fields={"operation": L("不属于该工单", "not of this order")})
    defects = [DefectCount(reason=data.defect, quantity=data.quantity)] if data.defect else []
    book_reports(ctx, [OneReport(
        id=new_id(), operation=operation.pk, kind="rework", quantity=data.quantity, defects=defects,
        minutes=ZERO, machine_minutes=ZERO, note=data.reason,
    )], is_work=False)  # fmt: skip
    pieces = round_quantity(data.quantity / operation.report_ratio)
    made = _rework_order(ctx, order, operation, pieces)
    steps = data.operations or [ReworkStep(name="返工", work_centre=operation.work_centre_id)]
    db.insert_rows([
        Operation(
            id=new_id(), work_order=made, plant_id=made.plant_id, position=n, sequence=10 * n, name=step.name,
            name_en="Rework" if step.name == "返工" else "", work_centre_id=step.work_centre,
            run_minutes=step.run_minutes, deviation_reason=data.reason,
        )
        for n, step in enumerate(steps, start=1)
    ])  # fmt: skip
    copy_recipes(ctx, [made])
    db.update_rows([made], ["unit_cost", "bom_id"])
    _count_away(operation.pk, data.quantity)
    note(
        ctx, order, "rework", data.reason, operation=operation, after={"quantity": data.quantity},
        other=(ORDER, made.pk),
    )  # fmt: skip
    tell(*released([made]))
    return made


def _rework_order(ctx: Context, order: WorkOrder, operation: Operation, pieces: Decimal) -> WorkOrder:
    made = WorkOrder(
        id=new_id(), item_id=order.item_id, plant_id=order.plant_id, kind="rework", state="released",
        quantity=pieces, due_on=order.due_on, priority=order.priority, has_own_lines=True, part_name=order.part_name,
        note=f"{order.number} {operation.sequence} {operation.name}"[:500], origin_noun=ORDER, origin=order.pk,
        origin_line=operation.pk, returns_to=operation, released_at=ctx.now, **by(ctx),
    )  # fmt: skip
    made.save(force_insert=True)
    owe_numbers([made])
    return locks.remember(made)


def _count_away(operation: UUID, counts: Decimal) -> None:
    """Change how many counts of an operation, locked already, are away."""
    db.run(
        "UPDATE production_operation SET away_quantity = away_quantity + %s WHERE id = %s", [counts, operation]
    )


@command(
    "production.work_order.return_rework", L("送回原工序", "Back to the operation"), input=Back,
    icon="arrow-forward", tone="green",
)  # fmt: skip
def return_rework(ctx: Context, orders: Sequence[WorkOrder], data: Back) -> None:
    """Give reworked pieces back to the operation they came from; what was lost on the way is scrapped there.

    Raises: NoWayBack for an order that is no rework of an operation; NothingToReturn beyond the good pieces
    Writes: returned quantities, the counts that are away, a report of scrap without time; locks the first order,
            then the operations of both
    """
    order = only(orders)
    if order.returns_to_id is None:
        raise NoWayBack(order=order.number)
    target = _lock_way_back([order])[order.pk]
    shop = flow.read_shop(orders=[order.pk])
    finished, lost = shop.finished(order.pk) or ZERO, shop.lost(order.pk)
    ready, scrapped = finished - order.returned_quantity, lost - order.returned_scrap_quantity
    quantity = ready if data.quantity is None else data.quantity
    if quantity > ready or not (quantity or scrapped):
        raise NothingToReturn(order=order.number, asked=quantity, ready=max(ZERO, ready))
    _count_away(target.pk, -round_quantity((quantity + scrapped) * target.report_ratio))
    if scrapped > 0:
        book_reports(ctx, [OneReport(
            id=new_id(), operation=target.pk, kind="scrap", quantity=round_quantity(scrapped * target.report_ratio),
            minutes=ZERO, machine_minutes=ZERO, note=f"{order.number}", offline=True, device_at=ctx.now,
        )], is_work=False)  # fmt: skip
    order.returned_quantity += quantity
    order.returned_scrap_quantity += scrapped
    order.state = rules.order_state(
        order.state, made=order.returned_quantity + order.returned_scrap_quantity, quantity=order.quantity
    )


def give_up(ctx: Context, orders: Sequence[WorkOrder]) -> None:
    """Let what rework orders, that come to an end, still have count at its operation again; it was not reworked.

    Takes:  orders whose operations and those they return to are locked
    """
    for order in orders:
        if order.returns_to_id:
            left = order.quantity - order.returned_quantity - order.returned_scrap_quantity
            db.run(
                "UPDATE production_operation SET away_quantity = greatest(0, away_quantity - %s * report_ratio) "
                "WHERE id = %s",
                [left, order.returns_to_id],
            )


def _lock_way_back(orders: Sequence[WorkOrder]) -> dict[UUID, Operation]:
    """Lock the operations of rework orders and those they return to, before these their orders; give the latter."""
    wanted = {order.returns_to_id for order in orders if order.returns_to_id}
    parents = Operation.objects.filter(pk__in=wanted).values_list("work_order_id", flat=True)
    known = locks.lock(WorkOrder, parents)
    for parent in known.values():
        if parent.state in ("closed", "cancelled"):
            raise Invalid("production.parent_closed", L("原工单已关闭", "The order it came from is closed"))
    flow.lock_all_operations([o.pk for o in orders], also=wanted)
    found = Operation.objects.in_bulk(list(wanted))
    return {order.pk: found[order.returns_to_id] for order in orders if order.returns_to_id}
