"""Deviations on an order that is at work: operations added, moved, skipped or sent elsewhere, material added or
replaced.

A deviation is normal: it is allowed to those who hold the right, carries its reason, changes this order only, and
is kept: who, when, why, before and after (`production.deviation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from django.db.models import F
from pydantic import Field

from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.quantity import Rounding, round_quantity
from banyan.modules.equipment.queries import rates as rates_of
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.queries import unit_costs
from banyan.modules.inventory.values import Demand
from banyan.modules.items.queries import items_by_id, planning_data, substitutes
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.noting import note
from banyan.modules.production.errors import (
    AlreadyIssued,
    NotASubstitute,
    NotSkippable,
    OneAtATime,
    OperationUnknown,
    SequenceTaken,
    StillNeededLater,
    WrongLine,
)
from banyan.modules.production.models import Assignment, Material, Operation, WorkOrder

ORDER = "production.work_order"
ZERO = Decimal(0)

Reason = Annotated[Text, Field(min_length=1, max_length=255)]
Minutes = Annotated[Quantity, Field(ge=0)]


class AddOperation(Input):
    """A further operation, after one or several others; those that waited for these wait for it."""

    sequence: Annotated[int, Field(ge=1, le=9_999, strict=True)] = field("序号", "Sequence")
    name: Annotated[Text, Field(min_length=1, max_length=120)] = field("工序", "Operation")
    after: Annotated[list[int], Field(max_length=20)] = field("在这些工序之后", "After", default_factory=list)
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")
    setup_minutes: Minutes = field("准备工时", "Set-up", ZERO, unit="min")
    run_minutes: Minutes = field("单件工时", "Run time", ZERO, unit="min")
    instructions: Annotated[Text, Field(max_length=20_000)] = field("作业指导", "Instructions", "")
    is_subcontracted: bool = field("委外", "Subcontracted", False)
    supplier: UUID | None = field("委外商", "Subcontractor", None, reference="parties.party", only="is_supplier")
    reason: Reason = field("原因", "Reason")


class Skip(Input):
    operation: UUID = field("工序", "Operation", reference="production.operation")
    reason: Reason = field("原因", "Reason")


class Move(Input):
    """Another place in the order for an operation: after which it comes, first where none is named."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    after: Annotated[list[int], Field(max_length=20)] = field(
        "改到这些工序之后", "After", default_factory=list, help=L("空为最先", "Empty: first")
    )
    reason: Reason = field("原因", "Reason")


class Reroute(Input):
    """Another work centre or machine for an operation, or a supplier; what is told replaces what was
    planned."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine")
    is_subcontracted: bool = field("委外", "Subcontracted", False)
    supplier: UUID | None = field("委外商", "Subcontractor", None, reference="parties.party", only="is_supplier")
    run_minutes: Minutes | None = field("单件工时", "Run time", None, unit="min")
    reason: Reason = field("原因", "Reason")


class AddMaterial(Input):
    """A further component, or one in place of another whose open quantity it takes over."""

    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Quantity = field("整单用量", "Quantity for the order", gt=0)
    operation: int | None = field("用于工序", "For operation", None)
    replaces: UUID | None = field("替代用料行", "Replaces line", None)
    reason: Reason = field("原因", "Reason")


class Substitute(Input):
    """Another item for what is still open of a material; one of the item's substitutes where none is named."""

    material: UUID = field("用料行", "Material line")
    item: UUID | None = field(
        "替代物料", "Use instead", None, reference="items.item",
        help=L("空为物料档案里优先的替代料", "Empty: the first substitute of the item"),
    )  # fmt: skip
    quantity: Annotated[Quantity, Field(gt=0)] | None = field(
        "数量", "Quantity", None, help=L("空为未领数量 × 替代比例", "Empty: what is open × the ratio")
    )
    reason: Reason = field("原因", "Reason")


def only(orders: Sequence[WorkOrder]) -> WorkOrder:
    """Give the one order that is to be changed. Raises: OneAtATime."""
    if len(orders) != 1:
        raise OneAtATime
    return orders[0]


@command(
    "production.work_order.add_operation",
    L("加工序", "Add an operation"),
    input=AddOperation,
    icon="row-insert-bottom",
)
def add_operation(ctx: Context, orders: Sequence[WorkOrder], data: AddOperation) -> Operation:
    """Put a further operation into an order.

    Raises: SequenceTaken; Invalid for operations it cannot follow
    Writes: the operation, the links of those that followed; locks all operations of the order
    """
    order = only(orders)
    flow.lock_all_operations([order.pk])
    rows = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    if data.sequence in rows:
        raise SequenceTaken(order=order.number, sequence=data.sequence)
    if any(one not in rows for one in data.after):
        raise Invalid(fields={"after": L("没有这道工序", "no such operation")})
    links, after = _links(rows), set(data.after)
    earlier = _with_earlier(after, links)
    for one, before in links.items():
        if one not in earlier and before & after:
            links[one] = before - after | {data.sequence}
    links[data.sequence] = after
    first = next(iter(rows.values()), None)
    places = first.places if first else items_by_id([order.item_id])[order.item_id].places
    begun = rows[data.after[0]] if data.after else None
    made = Operation(
        id=new_id(),
        work_order=order,
        plant_id=order.plant_id,
        position=len(rows) + 1,
        sequence=data.sequence,
        name=data.name,
        work_centre_id=data.work_centre,
        setup_minutes=data.setup_minutes,
        run_minutes=data.run_minutes,
        instructions=data.instructions,
        is_subcontracted=data.is_subcontracted,
        supplier_id=data.supplier,
        places=places,
        predecessors=rules.written_links(sorted(links[data.sequence])),
        deviation_reason=data.reason,
        quantity=begun.quantity / begun.report_ratio if begun else order.quantity,
    )
    _set_rates(made)
    made.save(force_insert=True)
    relink({**rows, made.sequence: made}, links)
    refuse_overdrawn(order)
    after = _said(made, "sequence", "name", "predecessors")
    note(ctx, order, "add_operation", data.reason, operation=made, after=after)
    return made


def _links(rows: dict[int, Operation]) -> dict[int, set[int]]:
    return {s: {int(p) for p in o.predecessors.split(";") if p} for s, o in rows.items()}


def _with_earlier(sequences: set[int], links: dict[int, set[int]]) -> set[int]:
    """Give operations with all that are done before them."""
    found: set[int] = set()
    left = list(sequences)
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += links.get(one, ())
    return found


def relink(rows: dict[int, Operation], links: dict[int, set[int]]) -> None:
    """Write what each operation waits for, and let them stand in the order in which they are done."""
    depth: dict[int, int] = {}
    while len(depth) < len(rows):
        for one in rows:
            if one not in depth and all(before in depth for before in links[one]):
                depth[one] = 1 + max((depth[before] for before in links[one]), default=0)
    for place, one in enumerate(sorted(rows, key=lambda one: (depth[one], one)), start=1):
        rows[one].predecessors, rows[one].position = rules.written_links(sorted(links[one])), place
    flow.save_links(list(rows.values()))


def _said(record: Operation | Material, *names: str) -> dict[str, object]:
    """Give some fields of a line as a deviation keeps them."""
    return {name: getattr(record, name) for name in names}


@command(
    "production.work_order.move_operation",
    L("调整工序顺序", "Move an operation"),
    input=Move,
    icon="arrows-sort",
)
def move_operation(ctx: Context, orders: Sequence[WorkOrder], data: Move) -> Operation:
    """Let an operation be done at another place in the order; its number stays, so that travellers stay right.

    Raises: OperationUnknown; Invalid for operations it cannot follow; StillNeededLater where reports are already
            further than the new order allows
    Writes: the links of the operations; locks all operations of the order
    """
    order = only(orders)
    flow.lock_all_operations([order.pk])
    operation = _operation(order, data.operation)
    rows = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    own, after = operation.sequence, set(data.after)
    if own in after or any(one not in rows for one in after):
        raise Invalid(fields={"after": L("没有这道工序", "no such operation")})
    before, links = rows[own].predecessors, _links(rows)
    for one, waits in links.items():
        if own in waits:
            links[one] = waits - {own} | links[own]
    earlier = _with_earlier(after, links)
    for one, waits in links.items():
        if one != own and one not in earlier and (waits & after if after else not waits):
            links[one] = waits - after | {own}
    links[own] = after
    rows[own].deviation_reason = data.reason
    rows[own].save(update_fields=["deviation_reason"])
    relink(rows, links)
    refuse_overdrawn(order)
    note(
        ctx, order, "reorder", data.reason, operation=operation,
        before={"predecessors": before}, after={"predecessors": rows[own].predecessors},
    )  # fmt: skip
    return rows[own]


def _set_rates(operation: Operation) -> None:
    found = rates_of([operation.work_centre_id] if operation.work_centre_id else [])
    rate = found.get(operation.work_centre_id)
    operation.labour_rate, operation.machine_rate, operation.overhead_rate = (
        (rate.labour, rate.machine, rate.overhead) if rate else (ZERO, ZERO, ZERO)
    )


def refuse_overdrawn(order: WorkOrder) -> None:
    """Refuse a change after which operations would have taken more than could have come to them."""
    ops = flow.read_shop(orders=[order.pk]).by_order[order.pk]
    over = rules.overdrawn({s: op.flow for s, op in ops.items()}, order.quantity, order.tolerance_percent)
    over = {s: counts for s, counts in over.items() if ops[s].flow.predecessors}
    if over:
        worst = max(over, key=over.get)
        raise StillNeededLater(order=order.number, operation=ops[worst].title, excess=over[worst])


@command(
    "production.work_order.skip_operation",
    L("跳过工序", "Skip an operation"),
    input=Skip,
    icon="player-skip-forward",
    tone="orange",
)
def skip_operation(ctx: Context, orders: Sequence[WorkOrder], data: Skip) -> Operation:
    """Let pieces pass an operation without being reported there; what was reported on it stays.

    Raises: OperationUnknown, NotSkippable
    Writes: the operation; locks all operations of the order
    """
    order = only(orders)
    flow.lock_all_operations([order.pk])
    operation = _operation(order, data.operation)
    if operation.state in ("skipped", "closed"):
        raise NotSkippable(operation=operation.title)
    before = _said(operation, "state", "good_quantity")
    operation.state, operation.deviation_reason = "skipped", data.reason
    operation.save(update_fields=["state", "deviation_reason"])
    note(ctx, order, "skip", data.reason, operation=operation, before=before, after={"state": "skipped"})
    return operation


def _operation(order: WorkOrder, key: UUID) -> Operation:
    found = Operation.objects.filter(work_order=order, pk=key).first()
    if found is None:
        raise OperationUnknown(fields={"operation": L("不属于该工单", "not of this order")})
    return found


@command(
    "production.work_order.reroute_operation",
    L("改派工序", "Re-route an operation"),
    input=Reroute,
    icon="route",
)
def reroute_operation(ctx: Context, orders: Sequence[WorkOrder], data: Reroute) -> Operation:
    """Send an operation to another work centre, machine or supplier; later reports count with its rates.

    Raises: OperationUnknown, NotSkippable for one at an end
    Writes: the operation and the machines of those assigned to it; locks it
    """
    order = only(orders)
    flow.lock_operations([data.operation])
    operation = _operation(order, data.operation)
    if operation.state == "closed":
        raise NotSkippable(operation=operation.title)
    was, centre, machine = _where(operation), operation.work_centre_id, operation.machine_id
    if data.work_centre:
        operation.work_centre_id, operation.machine_id = data.work_centre, data.machine
        _set_rates(operation)
    elif data.machine:
        operation.machine_id = data.machine
    operation.is_subcontracted, operation.supplier_id = data.is_subcontracted, data.supplier
    if data.run_minutes is not None:
        operation.run_minutes = data.run_minutes
    operation.deviation_reason = data.reason
    operation.save(
        update_fields=[
            "work_centre",
            "machine",
            "labour_rate",
            "machine_rate",
            "overhead_rate",
            "is_subcontracted",
            "supplier",
            "run_minutes",
            "deviation_reason",
        ]
    )
    _take_people_along(ctx, operation, machine, is_elsewhere=operation.work_centre_id != centre)
    note(ctx, order, "reroute", data.reason, operation=operation, before=was, after=_where(operation))
    return operation


def _take_people_along(ctx: Context, operation: Operation, machine: UUID | None, *, is_elsewhere: bool) -> None:
    """Put whoever was on the operation's machine on its new one; at another work centre everybody."""
    if operation.machine_id == machine and not is_elsewhere:
        return
    assigned = Assignment.objects.filter(operation=operation, is_active=True)
    moved = assigned if is_elsewhere else assigned.filter(machine=machine)
    moved.update(
        machine=operation.machine_id, version=F("version") + 1, changed_at=ctx.now, changed_by=ctx.person
    )


def _where(operation: Operation) -> dict[str, object]:
    return _said(operation, "work_centre_id", "machine_id", "run_minutes", "is_subcontracted", "supplier_id")


@command(
    "production.work_order.add_material",
    L("加料/替代", "Add or replace material"),
    input=AddMaterial,
    icon="playlist-add",
)
def add_material(ctx: Context, orders: Sequence[WorkOrder], data: AddMaterial) -> Material:
    """Add a component to an order, or put it in place of another, whose quantity falls to what was issued.

    Raises: WrongLine, AlreadyIssued where nothing of the replaced one is open
    Writes: materials, promises; locks the operations' flags, then materials, then stock
    """
    order = only(orders)
    made = _new_material(order, data.item, data.quantity, data.operation, data.reason)
    materials = flow.lock_materials([order.pk])
    old = materials.get(data.replaces) if data.replaces else None
    if data.replaces and old is None:
        raise WrongLine(fields={"replaces": L("不属于该工单", "not of this order")})
    before = _replace(ctx, order, old, data.reason) if old else {}
    _put_in(ctx, order, made, len(materials))
    note(
        ctx, order, "substitute" if old else "add_material", data.reason, material=made,
        before=before, after=_said(made, "item_id", "quantity", "operation"),
    )  # fmt: skip
    return made


@command(
    "production.work_order.substitute_material",
    L("替代料", "Substitute material"),
    input=Substitute,
    icon="exchange",
)
def substitute_material(ctx: Context, orders: Sequence[WorkOrder], data: Substitute) -> Material:
    """Use another item for what is open of a material: one of its substitutes, or any other that is named.

    Raises: WrongLine, AlreadyIssued; NotASubstitute where none is named and there is none
    Writes: as `add_material`
    """
    order = only(orders)
    old = Material.objects.filter(work_order=order, pk=data.material).first()
    if old is None:
        raise WrongLine(fields={"material": L("不属于该工单", "not of this order")})
    listed = {one.item: one.ratio for one in substitutes([old.item_id]).get(old.item_id, ())}
    item = data.item or next(iter(listed), None)
    if item is None:
        raise NotASubstitute(item=items_by_id([old.item_id])[old.item_id].code)
    made = _new_material(order, item, data.quantity or Decimal(1), old.operation, data.reason)
    materials = flow.lock_materials([order.pk])
    old = materials[old.pk]
    open_quantity = old.quantity - kept_of(old)
    before = _replace(ctx, order, old, data.reason)
    made.quantity = data.quantity or round_quantity(open_quantity * listed.get(item, 1), made.places, Rounding.UP)
    _put_in(ctx, order, made, len(materials))
    note(
        ctx, order, "substitute", data.reason, material=made,
        before=before, after=_said(made, "item_id", "quantity", "operation"),
    )  # fmt: skip
    return made


def _new_material(
    order: WorkOrder, item: UUID, quantity: Decimal, operation: int | None, reason: str
) -> Material:
    """Give a further material line, not written yet; where reports use it by themselves, its operation says so."""
    operations = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    if operation is not None and operation not in operations:
        raise Invalid(fields={"operation": L("没有这道工序", "no such operation")})
    facts = planning_data(order.plant_id, [item]).get(item)
    if facts is None or not facts.is_active or facts.kind in ("service", "phantom"):
        raise Invalid(fields={"item": L("没有该物料，或不能领用", "no such item, or not one to issue")})
    sequence = operation if operation is not None else min(operations, default=None)
    is_backflushed = facts.backflush and sequence is not None
    if is_backflushed and not operations[sequence].has_backflush:
        flow.lock_operations([operations[sequence].pk])
        Operation.objects.filter(pk=operations[sequence].pk).update(has_backflush=True)
    return Material(
        id=new_id(), work_order=order, item_id=item, quantity=quantity, operation=sequence,
        is_backflushed=is_backflushed, places=facts.places, deviation_reason=reason,
        unit_cost=unit_costs(order.plant_id, [item]).get(item, ZERO),
    )  # fmt: skip


def _put_in(ctx: Context, order: WorkOrder, made: Material, count: int) -> None:
    made.position = count + 1
    made.save(force_insert=True)
    stock.promise_what_is_free(ctx, [Demand(ORDER, made.pk, made.item_id, order.plant_id, made.quantity)])


def kept_of(material: Material) -> Decimal:
    """Give what of a material is at the order, or has been asked for by reports: it cannot be planned away."""
    return max(material.issued_quantity - material.returned_quantity, material.flushed_quantity)


def _replace(ctx: Context, order: WorkOrder, old: Material, reason: str) -> dict[str, object]:
    """Let a material's quantity fall to what was issued; give how it stood before."""
    kept, before = kept_of(old), _said(old, "item_id", "quantity", "issued_quantity")
    if kept >= old.quantity:
        raise AlreadyIssued
    old.quantity, old.deviation_reason = kept, reason
    old.save(update_fields=["quantity", "deviation_reason"])
    stock.release_promises(ctx, [Demand(ORDER, old.pk, old.item_id, order.plant_id)])
    return before
