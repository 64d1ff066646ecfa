"""An operation done by a subcontractor: its service is bought, material lies at the supplier, and what comes back
reports the operation."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid5

from django.db.models import Q
from pydantic import Field

from banyan.kernel import db, locks
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Quantity, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.quantity import Rounding, round_quantity
from banyan.modules.engineering.models import RoutingOperation
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Location
from banyan.modules.inventory.values import MoveIntent
from banyan.modules.items.queries import items_by_id
from banyan.modules.parties.queries import require_usable
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.deviating import ORDER, Reason, only
from banyan.modules.production.commands.materials import IssueLine, chosen, issue_lines, open_of
from banyan.modules.production.commands.noting import note
from banyan.modules.production.commands.reports import OneReport, Undo, book_reports, undo_report
from banyan.modules.production.errors import NoPlaceOutside, NothingLeft, NotSkippable, OperationUnknown, ServiceNeeded
from banyan.modules.production.events import OutsideWorkReceived
from banyan.modules.production.models import Material, Operation, OutsideWork, Report, WorkOrder
from banyan.modules.purchasing.commands import Need, order_needs
from banyan.modules.purchasing.models import Order as PurchaseOrder
from banyan.modules.purchasing.models import OrderLine

OPERATION = "production.operation"
ZERO = Decimal(0)


class Subcontract(Input):
    """Who does the operation instead of us, at what price a piece; what is not told follows from the routing."""

    operation: UUID = field("工序", "Operation", reference=OPERATION)
    supplier: UUID = field("委外商", "Subcontractor", reference="parties.party", only="is_supplier")
    service: UUID | None = field(
        "服务", "Service", None, reference="items.item", help=L("空为工艺路线上的", "Empty: as in the routing")
    )
    quantity: Annotated[Quantity, Field(gt=0)] | None = field(
        "数量", "Quantity", None, help=L("空为还没做的全部", "Empty: all that is not done yet")
    )
    price: Annotated[Quantity, Field(ge=0)] | None = field("单价（不含税）", "Price without tax", None)
    due_on: Day | None = field("要求日期", "Wanted on", None)
    send_material: bool = field(
        "物料发往委外商", "Send the material", True,
        help=L("该工序未领的物料调拨到委外仓，仍是我们的库存", "What it still needs moves there and stays ours"),
    )  # fmt: skip
    reason: Reason = field("原因", "Reason")


@command(
    "production.work_order.subcontract", L("工序委外", "Subcontract"), input=Subcontract, icon="truck-delivery",
    help=L("生成服务采购订单；收货入库即报工", "Orders the service; booking what comes back reports it"),
)  # fmt: skip
def subcontract_operation(ctx: Context, orders: Sequence[WorkOrder], data: Subcontract) -> PurchaseOrder:
    """Let a subcontractor do an operation, or the rest of it.

    Gives:  the draft purchase order of the service; its line names the operation
    Raises: OperationUnknown, NotSkippable, NothingLeft; ServiceNeeded; NoPlaceOutside where material is to be sent
            and the supplier has no place; MaterialShort; what purchasing refuses
    Writes: the operation, a purchase order, moves to the supplier's place; locks the operation, then stock
    """
    order = only(orders)
    flow.lock_operations([data.operation])
    operation = Operation.objects.filter(work_order=order, pk=data.operation).first()
    if operation is None:
        raise OperationUnknown(fields={"operation": L("不属于该工单", "not of this order")})
    if operation.state in ("skipped", "closed", "done"):
        raise NotSkippable(operation=operation.title)
    require_usable([data.supplier], "supplier")
    left = operation.quantity - operation.good_quantity - operation.scrap_quantity
    quantity = data.quantity or round_quantity(left / operation.report_ratio)
    if left <= 0 or quantity * operation.report_ratio > left:
        raise NothingLeft(operation=operation.title, left=max(ZERO, left))
    before = dict(
        is_subcontracted=operation.is_subcontracted, supplier_id=operation.supplier_id,
        subcontract_price=operation.subcontract_price,
    )  # fmt: skip
    price = operation.subcontract_price if data.price is None else data.price
    purchase = _buy(ctx, order, operation, data, quantity, price)
    operation.is_subcontracted, operation.supplier_id = True, data.supplier
    operation.subcontract_price, operation.deviation_reason = price, data.reason
    operation.save(update_fields=["is_subcontracted", "supplier", "subcontract_price", "deviation_reason"])
    if data.send_material:
        _send(ctx, order, operation, data, quantity * operation.report_ratio / operation.quantity)
    after = dict(is_subcontracted=True, supplier_id=data.supplier, subcontract_price=price, quantity=quantity)
    note(
        ctx, order, "subcontract", data.reason, operation=operation, before=before, after=after,
        other=("purchasing.order", purchase.pk),
    )  # fmt: skip
    return purchase


def _buy(
    ctx: Context, order: WorkOrder, operation: Operation, data: Subcontract, quantity: Decimal, price: Decimal
) -> PurchaseOrder:
    """Order the service. Raises: ServiceNeeded."""
    service = data.service
    if service is None and operation.source_line:
        rows = RoutingOperation.objects.filter(pk=operation.source_line)
        service = rows.values_list("service_item_id", flat=True).first()
    facts = items_by_id([service]).get(service) if service else None
    if facts is None or facts.kind != "service":
        raise ServiceNeeded(operation=operation.title)
    need = Need(
        item=service, plant=order.plant_id, quantity=quantity, due_on=data.due_on or order.due_on,
        party=data.supplier, origin_noun=OPERATION, origin=operation.pk, price=price,
    )  # fmt: skip
    return order_needs(ctx, [need], {})[0]


def _send(ctx: Context, order: WorkOrder, operation: Operation, data: Subcontract, share: Decimal) -> None:
    """Move what the operation still needs, for its share of the pieces, to the supplier's place.

    Raises: NoPlaceOutside, MaterialShort
    """
    first = Operation.objects.filter(work_order=order).order_by("sequence").values_list("sequence", flat=True).first()
    materials = [
        m for m in flow.lock_materials([order.pk]).values()
        if (m.operation or first) == operation.sequence and open_of(m) > 0
    ]  # fmt: skip
    if not materials:
        return
    place = _place_of(order.plant_id, data.supplier)
    wanted = [(m, min(open_of(m), round_quantity(m.quantity * share, m.places, Rounding.UP))) for m in materials]
    parts = chosen(ctx, [order], [(m, IssueLine(material=m.pk, quantity=quantity)) for m, quantity in wanted])
    stock.post_moves(ctx, [
        MoveIntent(
            item=part.material.item_id, quantity=part.quantity, lot=part.lot, source=part.location, target=place,
            origin_noun=OPERATION, origin=operation.pk, origin_line=part.material.pk,
            demand=(ORDER, part.material.pk), reason=data.reason,
        )
        for part in parts
    ])  # fmt: skip


def _place_of(plant: UUID, supplier: UUID) -> UUID:
    rows = Location.objects.filter(plant=plant, kind="subcontractor", is_active=True, party=supplier)
    found = rows.order_by("code").values_list("pk", flat=True).first()
    if found is None:
        raise NoPlaceOutside
    return found


# --- what comes back ----------------------------------------------------------------------------------------


class ReceivedOutside(Input):
    """A quantity of a purchase order's line that was booked, with its value; the key says that it comes once.

    What was rejected has no value, and a reason.
    """

    key: UUID = field("标识", "Key")
    order_line: UUID = field("采购订单行", "Order line", reference="purchasing.order_line")
    receipt: UUID = field("收货单", "Receipt", reference="purchasing.receipt")
    quantity: Annotated[Quantity, Field(gt=0)] = field("数量", "Quantity")
    amount: Quantity = field("金额", "Amount", ZERO)
    is_rejected: bool = field("不合格", "Rejected", False)
    reason: Annotated[Text, Field(max_length=255)] = field("原因", "Reason", "")


class TakenBack(Input):
    """A receipt that was reversed."""

    receipt: UUID = field("收货单", "Receipt", reference="purchasing.receipt")


@command(
    "production.operation.use_outside", L("委外用料", "Use material outside"), input=ReceivedOutside,
    on="noun", screen=False, rest=False, permission="production.work_order.report",
)  # fmt: skip
def use_outside(ctx: Context, data: ReceivedOutside) -> None:
    """Issue what lay at the subcontractor for the pieces that came back; reports do not use it up again.

    Writes: an issue from the supplier's place, counters of the materials; locks the order, materials, then stock
    """
    line, operation = _operation_of(data.order_line)
    if operation is not None and not OutsideWork.objects.filter(pk=data.key).exists():
        order = locks.lock(WorkOrder, [operation.work_order_id])[operation.work_order_id]
        _use_sent(ctx, order, operation, line, data.quantity)


def _operation_of(order_line: UUID) -> tuple[OrderLine | None, Operation | None]:
    line = OrderLine.objects.filter(pk=order_line, origin_noun=OPERATION).first()
    return line, Operation.objects.filter(pk=line.origin).first() if line else None


@command(
    "production.operation.receive_outside", L("委外收货报工", "Report outside work"), input=ReceivedOutside,
    on="noun", screen=False, rest=False, permission="production.work_order.report",
)  # fmt: skip
def receive_outside(ctx: Context, data: ReceivedOutside) -> OutsideWork | None:
    """Report an operation that a subcontractor has done: pieces that were rejected are to be mended there.

    Gives:  nothing where it was reported before, or the line is for no operation
    Writes: a report without time, what it cost; tells OutsideWorkReceived of what was accepted
    """
    line, operation = _operation_of(data.order_line)
    if operation is None or OutsideWork.objects.filter(pk=data.key).exists():
        return None
    locks.lock(WorkOrder, [operation.work_order_id])
    said = OneReport(
        id=uuid5(data.key, "report"), operation=operation.pk, kind="rework" if data.is_rejected else "good",
        quantity=round_quantity(data.quantity * operation.report_ratio), minutes=ZERO, machine_minutes=ZERO,
        offline=True, device_at=ctx.now, note=data.reason,
    )  # fmt: skip
    book_reports(ctx, [said], is_work=False)
    made = OutsideWork(
        id=data.key, work_order_id=operation.work_order_id, operation=operation, plant_id=operation.plant_id,
        party_id=line.party_id, item_id=line.item_id, receipt_id=data.receipt, order_line=line,
        report_id=said.id, quantity=data.quantity, amount=data.amount, at=ctx.now,
    )  # fmt: skip
    made.save(force_insert=True)
    if not data.is_rejected:
        tell(_told(made))
    return made


@command(
    "production.operation.return_outside", L("撤销委外报工", "Take outside work back"), input=TakenBack,
    on="noun", screen=False, rest=False, permission="production.work_order.report",
)  # fmt: skip
def return_outside(ctx: Context, data: TakenBack) -> tuple[OutsideWork, ...]:
    """Take back what a reversed receipt had reported; material that was used stays with the order."""
    every = OutsideWork.objects.filter(receipt=data.receipt)
    rows = every.filter(reverses=None).select_related("report").order_by("pk")
    taken = set(every.exclude(reverses=None).values_list("reverses", flat=True))
    made = []
    for row in rows:
        if row.pk in taken:
            continue
        locks.lock(WorkOrder, [row.work_order_id])
        if not Report.objects.filter(reverses=row.report_id).exists():
            undo_report(ctx, Undo(id=uuid5(row.pk, "undo"), report=row.report_id))
        back = OutsideWork(
            id=new_id(), work_order_id=row.work_order_id, operation_id=row.operation_id, plant_id=row.plant_id,
            party_id=row.party_id, item_id=row.item_id, receipt_id=row.receipt_id, order_line_id=row.order_line_id,
            quantity=-row.quantity, amount=-row.amount, reverses=row, at=ctx.now,
        )  # fmt: skip
        back.save(force_insert=True)
        if row.report.kind == "good":
            tell(_told(back))
        made.append(back)
    return tuple(made)


def _told(row: OutsideWork) -> OutsideWorkReceived:
    return OutsideWorkReceived(
        record=row.work_order_id, outside=row.pk, operation=row.operation_id, party=row.party_id, item=row.item_id,
        plant=row.plant_id, order_line=row.order_line_id, quantity=row.quantity, amount=row.amount, at=row.at,
    )  # fmt: skip


_SENT = """
    SELECT m.origin_line, m.lot_id, m.target_id, sum(m.quantity) - coalesce((
               SELECT sum(v.quantity) FROM inventory_move v
               WHERE v.origin = %(order)s AND v.origin_line = m.origin_line AND v.source_id = m.target_id
                 AND v.lot_id IS NOT DISTINCT FROM m.lot_id), 0)
    FROM inventory_move m
    WHERE m.origin = %(operation)s AND m.origin_noun = 'production.operation' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def _use_sent(ctx: Context, order: WorkOrder, operation: Operation, line: OrderLine, quantity: Decimal) -> None:
    """Issue what lay at the subcontractor for so many pieces; with the last ones all that is left."""
    rows = db.rows(_SENT, {"order": order.pk, "operation": operation.pk})
    sent = [(key, lot, place, left) for key, lot, place, left in rows if left > 0]
    if not sent:
        return
    materials = flow.lock_materials([order.pk])
    accepted = OutsideWork.objects.filter(Q(report__kind="good") | Q(reverses__report__kind="good"), order_line=line)
    done = sum(accepted.values_list("quantity", flat=True), ZERO)
    rest = line.stock_quantity - line.cancelled_quantity - done
    lines: list[tuple[Material, IssueLine]] = []
    for key, lot, place, left in sent:
        material = materials[key]
        part = left if quantity >= rest else round_quantity(left * quantity / rest, material.places)
        if part > 0:
            lines.append((material, IssueLine(material=key, quantity=part, lot=lot, location=place)))
            if material.is_backflushed:
                material.flushed_quantity += part
    if lines:
        issue_lines(ctx, [order], materials, lines, "issue", "", None)
