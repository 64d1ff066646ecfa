"""How much an order is to make, changed while it is at work, and a part of it split off for a lot of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, TypeVar
from uuid import UUID

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
from banyan.modules.inventory.values import Demand, Edge
from banyan.modules.items.queries import items_by_id
from banyan.modules.production import queries, rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.deviating import ORDER, kept_of, only
from banyan.modules.production.commands.materials import by
from banyan.modules.production.commands.noting import note
from banyan.modules.production.errors import AlreadyBegun, LotNamedBefore, ReworkIsFixed
from banyan.modules.production.models import Material, Operation, Output, Report, WorkOrder

ZERO = Decimal(0)
Reason = Annotated[Text, Field(min_length=1, max_length=255)]
Row = TypeVar("Row", bound=Line)


class ChangeQuantity(Input):
    quantity: Annotated[Quantity, Field(gt=0)] = field("新数量", "New quantity")
    reason: Reason = field("原因", "Reason")


class Split(Input):
    """A part of the order becomes an order of its own: what nobody has begun, else what waits half-way."""

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
    help=L("把一部分拆成另一张工单，如单独成批：先拆还没开工的，否则拆同在一道工序前等着的，已报的留在原工单",
           "A part becomes an order of its own, for a lot for instance: what nobody has begun, else what waits before "
           "one operation; what was reported stays"),
)  # fmt: skip
def split_order(ctx: Context, orders: Sequence[WorkOrder], data: Split) -> WorkOrder:
    """Make an order of a part of another, with the same operations and materials: of what nobody has begun, or of what
    waits before one operation. There the operations before are left out, with their reports and material on the first
    order; lots that went into them are known for both orders in proportion.

    Raises: AlreadyBegun where not so much waits in one place; LotNamedBefore; Invalid for all of it; as
            `change_quantity`
    Writes: a released order with its lines and promises; the first one as `change_quantity`; tells WorkReleased
    """
    order = only(orders)
    whole = order.quantity
    if data.quantity >= whole:
        raise Invalid(fields={"quantity": L("须小于工单数量", "must be less than the order's")})
    if order.returns_to_id:
        raise ReworkIsFixed(order=order.number)
    flow.lock_all_operations([order.pk])
    flows = _flows_of(order)
    operations = list(Operation.objects.filter(work_order=order).order_by("position"))
    at = _cut(order, operations, flows, data.quantity)
    past = rules.before(at, flows) if at else frozenset()
    materials = list(Material.objects.filter(work_order=order).order_by("position"))
    outputs = list(Output.objects.filter(work_order=order).order_by("position"))
    here = next((one for one in operations if one.sequence == at), None)
    if here:
        _refuse_named_lots(order, here, [one.pk for one in operations if one.sequence in past])
    parts = {s: data.quantity / (whole + rules.moved_on(s, flows)) for s in flows}
    made = WorkOrder(
        id=new_id(), item_id=order.item_id, plant_id=order.plant_id, kind=order.kind, state="released",
        quantity=data.quantity, starts_on=order.starts_on, due_on=data.due_on or order.due_on,
        priority=order.priority, tolerance_percent=order.tolerance_percent, bom_id=order.bom_id,
        routing_id=order.routing_id, note=data.note, origin_noun=ORDER, origin=order.pk, has_own_lines=True,
        part_name=order.part_name, unit_cost=order.unit_cost, released_at=ctx.now, **by(ctx),
    )  # fmt: skip
    if made.starts_on and made.starts_on > made.due_on:
        made.starts_on = made.due_on
    _resize(ctx, order, whole - data.quantity, here, made.pk)
    made.save(force_insert=True)
    owe_numbers([made])
    db.insert_rows([_part_of_operation(one, made, parts[one.sequence], past) for one in operations])
    rest = data.quantity / whole
    copied = [
        _part_of_material(m, made, parts.get(_used_at(m, flows), rest))
        for m in materials if _used_at(m, flows) not in past
    ]  # fmt: skip
    db.insert_rows(copied)
    db.insert_rows([_part_of_output(one, made, rest) for one in outputs])
    stock.promise_what_is_free(
        ctx, [Demand(ORDER, m.pk, m.item_id, made.plant_id, m.quantity) for m in copied if m.quantity]
    )
    left = {"operation": f"{here.sequence} {here.name}", "counts": data.quantity * here.report_ratio} if here else {}
    note(
        ctx, order, "split", data.reason, before={"quantity": whole}, after={"quantity": order.quantity} | left,
        operation=here, other=(ORDER, made.pk),
    )  # fmt: skip
    tell(*queries.released([made]))
    return made


def _flows_of(order: WorkOrder) -> dict[int, rules.Flow]:
    shop = flow.read_shop(orders=[order.pk])
    return shop.flows(order.pk) if order.pk in shop.by_order else {}


def _used_at(material: Material, flows: Mapping[int, rules.Flow]) -> int | None:
    """Give the operation that uses a material: the first one where it names none."""
    return material.operation if material.operation in flows else min(flows, default=None)


def _cut(
    order: WorkOrder, operations: Sequence[Operation], flows: Mapping[int, rules.Flow], quantity: Decimal
) -> int | None:
    """Give the operation before which the pieces to be split off wait, None where nobody has begun them.

    Raises: AlreadyBegun
    """
    left = order.quantity - quantity
    shrunk = {
        one.sequence: replace(flows[one.sequence], quantity=_planned(one.quantity * factor, one))
        for one in operations for factor in [_factor(one.sequence, flows, order.quantity, left)]
    }  # fmt: skip
    if not rules.overdrawn(shrunk, left, order.tolerance_percent):
        return None
    at = rules.cut(flows, order.quantity, quantity)
    if at is None:
        raise AlreadyBegun(order=order.number, quantity=left)
    return at


def _factor(sequence: int, flows: Mapping[int, rules.Flow], before: Decimal, after: Decimal) -> Decimal:
    """Give by how much what an operation has to do changes; pieces that went on in another order stay done here."""
    gone = rules.moved_on(sequence, flows)
    return (after + gone) / (before + gone)


def _refuse_named_lots(order: WorkOrder, here: Operation, past: Sequence[UUID]) -> None:
    rows = Report.objects.filter(operation__in=past, output_lot__isnull=False, reverses=None)
    named = rows.exclude(pk__in=Report.objects.filter(operation__in=past).exclude(reverses=None).values("reverses"))
    lot = named.values_list("output_lot__number", flat=True).first()
    if lot:
        raise LotNamedBefore(order=order.number, operation=here.title, lot=lot)


def _resize(
    ctx: Context, order: WorkOrder, quantity: Decimal, at: Operation | None = None, into: UUID | None = None
) -> None:
    """Set the quantity of an order and of all that follows from it.

    Takes:  at, into: the operation before which pieces leave for another order, and that order
    Raises: AlreadyBegun, ReworkIsFixed
    """
    if order.returns_to_id:
        raise ReworkIsFixed(order=order.number)
    places = items_by_id([order.item_id])[order.item_id].places
    if round_quantity(quantity, places) != quantity:
        raise Invalid(fields={"quantity": L(f"最多 {places} 位小数", f"at most {places} decimal places")})
    flow.lock_all_operations([order.pk])
    whole, flows = order.quantity, _flows_of(order)
    past = rules.before(at.sequence, flows) if at else frozenset()
    factors = {s: Decimal(1) if s in past else _factor(s, flows, whole, quantity) for s in flows}
    operations = list(Operation.objects.filter(work_order=order))
    for one in operations:
        one.quantity = _planned(one.quantity * factors[one.sequence], one)
        if at and one.pk == at.pk:
            one.split_quantity += (whole - quantity) * one.report_ratio
    db.update_rows(operations, ["quantity", "split_quantity"])
    order.quantity = quantity
    _refuse_begun(order)
    materials = flow.lock_materials([order.pk])
    part = quantity / whole
    changed = [one for one in materials.values() if not one.is_fixed]
    for one in changed:
        factor = factors.get(_used_at(one, flows), part)
        one.quantity = max(kept_of(one), round_quantity(one.quantity * factor, one.places, Rounding.UP))
    db.update_rows(changed, ["quantity"])
    outputs = list(Output.objects.filter(work_order=order))
    for one in outputs:
        one.quantity = max(one.made_quantity, round_quantity(one.quantity * part))
    db.update_rows(outputs, ["quantity"])
    if at and into:
        used = [one for one in materials.values() if _used_at(one, flows) in past]
        _share_lots(ctx, order, into, used, whole, quantity)
    promise_again(ctx, order, changed)
    order.state = rules.order_state(order.state, made=order.made_quantity, quantity=quantity)


_KNOWN = """
    SELECT g.input_lot_id, sum(g.quantity) FROM inventory_genealogy g JOIN inventory_lot l ON l.id = g.input_lot_id
    WHERE g.origin = %s AND g.output_lot_id IS NULL AND l.item_id = ANY(%s) GROUP BY 1 HAVING sum(g.quantity) > 0
    ORDER BY 1
"""


def _share_lots(
    ctx: Context, order: WorkOrder, into: UUID, used: Sequence[Material], whole: Decimal, left: Decimal
) -> None:
    """Let lots that went into what leaves be known for the order it leaves for, as many as its share of the pieces."""
    rows = db.rows(_KNOWN, [order.pk, sorted({m.item_id for m in used})]) if used else []
    edges = []
    for lot, quantity in rows:
        part = round_quantity(quantity * (whole - left) / whole)
        edges += [Edge(lot, None, -part, ORDER, order.pk), Edge(lot, None, part, ORDER, into)] if part else []
    stock.link_lots(ctx, edges)


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


def _part_of_operation(one: Operation, made: WorkOrder, part: Decimal, past: frozenset[int]) -> Operation:
    none = dict.fromkeys(
        ("good_quantity", "scrap_quantity", "rework_quantity", "sent_back_quantity", "come_back_quantity",
         "away_quantity", "split_quantity", "approved_quantity"), ZERO,
    )  # fmt: skip
    return _copied(
        one, made, quantity=_planned(one.quantity * part, one), started=0, has_setup_charged=False, is_stopped=False,
        state="skipped" if one.state == "skipped" or one.sequence in past else "open", **none,
    )  # fmt: skip


def _part_of_material(one: Material, made: WorkOrder, part: Decimal) -> Material:
    quantity = one.quantity if one.is_fixed else round_quantity(one.quantity * part, one.places, Rounding.UP)
    none = dict.fromkeys(("issued_quantity", "returned_quantity", "flushed_quantity", "debt_quantity"), ZERO)
    return _copied(one, made, quantity=quantity, **none)


def _part_of_output(one: Output, made: WorkOrder, part: Decimal) -> Output:
    return _copied(one, made, quantity=round_quantity(one.quantity * part), made_quantity=ZERO)
