"""How much an order is to make, changed while it is at work, and a part of it split off for a lot of its own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, owe_numbers, tell
from banyan.kernel.context import Context
from banyan.kernel.models import Line
from banyan.kernel.schema import Day, Input, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.quantity import Rounding, round_quantity
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.values import Demand
from banyan.modules.items.queries import items_by_id
from banyan.modules.production import queries, rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.deviating import ORDER, kept_of, only
from banyan.modules.production.commands.materials import by
from banyan.modules.production.commands.noting import note
from banyan.modules.production.errors import AlreadyBegun, ReworkIsFixed
from banyan.modules.production.models import Material, Operation, Output, WorkOrder

ZERO = Decimal(0)
Reason = Annotated[Text, Field(min_length=1, max_length=255)]
Row = TypeVar("Row", bound=Line)


class ChangeQuantity(Input):
    quantity: Annotated[Quantity, Field(gt=0)] = field("新数量", "New quantity")
    reason: Reason = field("原因", "Reason")


class Split(Input):
    """A part of the order that nobody has begun becomes an order of its own."""

    quantity: Annotated[Quantity, Field(gt=0)] = field("拆出数量", "Quantity to split off")
    due_on: Day | None = field("计划完工", "Due on", None, help=L("空为原工单的", "Empty: as the order"))
    note: Annotated[Text, Field(max_length=500)] = field("批次或备注", "Lot or note", "")
    reason: Reason = field("原因", "Reason")


@command("production.work_order.change_quantity", L("改数量", "Change the quantity"), input=ChangeQuantity, icon="sum")
def change_quantity(ctx: Context, orders: Sequence[WorkOrder], data: ChangeQuantity) -> None:
    """Let an order make more or less; what has been reported, issued and received stands.

    Raises: AlreadyBegun below what has been begun or received; ReworkIsFixed for a rework order with a way back
    Writes: the order, planned counts of its operations, open material, further outputs, promises; locks all
            operations, then materials, then stock
    """
    order = only(orders)
    before = order.quantity
    _resize(ctx, order, data.quantity)
    note(ctx, order, "quantity", data.reason, before={"quantity": before}, after={"quantity": order.quantity})


@command(
    "production.work_order.split", L("拆单", "Split off"), input=Split, icon="git-branch", creates=True,
    help=L("把还没开工的一部分拆成另一张工单，如单独成批",
           "What nobody has begun becomes an order of its own, for a lot for instance"),
)  # fmt: skip
def split_order(ctx: Context, orders: Sequence[WorkOrder], data: Split) -> WorkOrder:
    """Make an order of a part of another that nobody has begun, with the same operations and materials.

    Raises: AlreadyBegun where not so much is left; Invalid for all of it; as `change_quantity`
    Writes: a released order with its lines and promises; the first one as `change_quantity`; tells WorkReleased
    """
    order = only(orders)
    before = order.quantity
    if data.quantity >= before:
        raise Invalid(fields={"quantity": L("须小于工单数量", "must be less than the order's")})
    part = data.quantity / before
    operations = list(Operation.objects.filter(work_order=order).order_by("position"))
    materials = list(Material.objects.filter(work_order=order).order_by("position"))
    outputs = list(Output.objects.filter(work_order=order).order_by("position"))
    _resize(ctx, order, before - data.quantity)
    made = WorkOrder(
        id=new_id(), item_id=order.item_id, plant_id=order.plant_id, kind=order.kind, state="released",
        quantity=data.quantity, starts_on=order.starts_on, due_on=data.due_on or order.due_on,
        priority=order.priority, tolerance_percent=order.tolerance_percent, bom_id=order.bom_id,
        routing_id=order.routing_id, note=data.note, origin_noun=ORDER, origin=order.pk, has_own_lines=True,
        part_name=order.part_name, unit_cost=order.unit_cost, released_at=ctx.now, **by(ctx),
    )  # fmt: skip
    if made.starts_on and made.starts_on > made.due_on:
        made.starts_on = made.due_on
    made.save(force_insert=True)
    owe_numbers([made])
    db.insert_rows([_part_of_operation(one, made, part) for one in operations])
    copied = [_part_of_material(one, made, part) for one in materials]
    db.insert_rows(copied)
    db.insert_rows([_part_of_output(one, made, part) for one in outputs])
    stock.promise_what_is_free(
        ctx, [Demand(ORDER, m.pk, m.item_id, made.plant_id, m.quantity) for m in copied if m.quantity]
    )
    note(
        ctx, order, "split", data.reason, before={"quantity": before}, after={"quantity": order.quantity},
        other=(ORDER, made.pk),
    )  # fmt: skip
    tell(*queries.released([made]))
    return made


def _resize(ctx: Context, order: WorkOrder, quantity: Decimal) -> None:
    """Set the quantity of an order and of all that follows from it. Raises: AlreadyBegun, ReworkIsFixed."""
    if order.returns_to_id:
        raise ReworkIsFixed(order=order.number)
    places = items_by_id([order.item_id])[order.item_id].places
    if round_quantity(quantity, places) != quantity:
        raise Invalid(fields={"quantity": L(f"最多 {places} 位小数", f"at most {places} decimal places")})
    flow.lock_all_operations([order.pk])
    part = quantity / order.quantity
    operations = list(Operation.objects.filter(work_order=order))
    for one in operations:
        one.quantity = _planned(one.quantity * part, one)
    db.update_rows(operations, ["quantity"])
    order.quantity = quantity
    _refuse_begun(order)
    materials = flow.lock_materials([order.pk])
    changed = [one for one in materials.values() if not one.is_fixed]
    for one in changed:
        one.quantity = max(kept_of(one), round_quantity(one.quantity * part, one.places, Rounding.UP))
    db.update_rows(changed, ["quantity"])
    outputs = list(Output.objects.filter(work_order=order))
    for one in outputs:
        one.quantity = max(one.made_quantity, round_quantity(one.quantity * part))
    db.update_rows(outputs, ["quantity"])
    promise_again(ctx, order, changed)
    order.state = rules.order_state(order.state, made=order.made_quantity, quantity=quantity)


def promise_again(ctx: Context, order: WorkOrder, materials: Sequence[Material]) -> None:
    """Keep stock for what of some materials is open now, no more and no less."""
    demands = [Demand(ORDER, m.pk, m.item_id, order.plant_id) for m in materials]
    stock.release_promises(ctx, demands)
    wanted = [(m, m.quantity - m.issued_quantity + m.returned_quantity) for m in materials]
    stock.promise_what_is_free(
        ctx, [Demand(ORDER, m.pk, m.item_id, order.plant_id, open_) for m, open_ in wanted if open_ > 0]
    )


def _refuse_begun(order: WorkOrder) -> None:
    """Refuse a quantity below what has been begun or received, and say where operations stand now."""
    shop = flow.read_shop(orders=[order.pk])
    over = {}
    if order.pk in shop.by_order:
        over = rules.overdrawn(shop.flows(order.pk), order.quantity, order.tolerance_percent)
    if over or order.made_quantity > order.quantity:
        raise AlreadyBegun(order=order.number, quantity=order.quantity)
    for op in shop.ops.values():
        state = rules.operation_state(op.state, op.flow, op.started)
        op.is_changed, op.state = state != op.state, state
    flow.save_shop(shop)


def _planned(quantity: Decimal, operation: Operation) -> Decimal:
    pieces = round_quantity(quantity / operation.report_ratio, operation.places, Rounding.UP)
    return round_quantity(pieces * operation.report_ratio)


def _copied(line: Row, made: WorkOrder, **changes: object) -> Row:
    values = {f.attname: getattr(line, f.attname) for f in line._meta.concrete_fields if not f.generated}
    return type(line)(**(values | {"id": new_id(), "work_order_id": made.pk} | changes))


def _part_of_operation(one: Operation, made: WorkOrder, part: Decimal) -> Operation:
    none = dict.fromkeys(
        ("good_quantity", "scrap_quantity", "rework_quantity", "sent_back_quantity", "come_back_quantity",
         "away_quantity"), ZERO,
    )  # fmt: skip
    return _copied(
        one, made, quantity=_planned(one.quantity * part, one), started=0, has_setup_charged=False, is_stopped=False,
        state="skipped" if one.state == "skipped" else "open", **none,
    )  # fmt: skip


def _part_of_material(one: Material, made: WorkOrder, part: Decimal) -> Material:
    quantity = one.quantity if one.is_fixed else round_quantity(one.quantity * part, one.places, Rounding.UP)
    none = dict.fromkeys(("issued_quantity", "returned_quantity", "flushed_quantity", "debt_quantity"), ZERO)
    return _copied(one, made, quantity=quantity, **none)


def _part_of_output(one: Output, made: WorkOrder, part: Decimal) -> Output:
    return _copied(one, made, quantity=round_quantity(one.quantity * part), made_quantity=ZERO)
