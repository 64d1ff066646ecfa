"""Deviations on an order that is at work: operations added, skipped or sent elsewhere, material added or
replaced.

A deviation is normal: it is allowed to those who hold the right, carries its reason, and changes this order
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.equipment.queries import rates as rates_of
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.queries import unit_costs
from banyan.modules.inventory.values import Demand
from banyan.modules.items.queries import items_by_id, planning_data
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.errors import (
    AlreadyIssued,
    NotSkippable,
    OneAtATime,
    OperationUnknown,
    SequenceTaken,
    StillNeededLater,
    WrongLine,
)
from banyan.modules.production.models import Material, Operation, WorkOrder

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
    supplier: UUID | None = field("委外商", "Subcontractor", None, reference="parties.party")
    reason: Reason = field("原因", "Reason")


class Skip(Input):
    operation: UUID = field("工序", "Operation", reference="production.operation")
    reason: Reason = field("原因", "Reason")


class Reroute(Input):
    """Another work centre or machine for an operation, or a supplier; what is told replaces what was
    planned."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine")
    is_subcontracted: bool = field("委外", "Subcontracted", False)
    supplier: UUID | None = field("委外商", "Subcontractor", None, reference="parties.party")
    run_minutes: Minutes | None = field("单件工时", "Run time", None, unit="min")
    reason: Reason = field("原因", "Reason")


class AddMaterial(Input):
    """A further component, or one in place of another whose open quantity it takes over."""

    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Quantity = field("整单用量", "Quantity for the order", gt=0)
    operation: int | None = field("用于工序", "For operation", None)
    replaces: UUID | None = field("替代用料行", "Replaces line", None)
    reason: Reason = field("原因", "Reason")


def _only(orders: Sequence[WorkOrder]) -> WorkOrder:
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
    order = _only(orders)
    flow.lock_all_operations([order.pk])
    rows = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    if data.sequence in rows:
        raise SequenceTaken(order=order.number, sequence=data.sequence)
    if any(one not in rows for one in data.after):
        raise Invalid(fields={"after": L("没有这道工序", "no such operation")})
    links = {s: {int(p) for p in o.predecessors.split(";") if p} for s, o in rows.items()}
    for before in links.values():
        if before & set(data.after):
            before -= set(data.after)
            before.add(data.sequence)
    links[data.sequence] = set(data.after)
    changed = [o for s, o in rows.items() if rules.written_links(sorted(links[s])) != o.predecessors]
    for one in changed:
        one.predecessors = rules.written_links(sorted(links[one.sequence]))
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
    flow.save_links(changed)
    _refuse_overdrawn(order)
    return made


def _set_rates(operation: Operation) -> None:
    found = rates_of([operation.work_centre_id] if operation.work_centre_id else [])
    rate = found.get(operation.work_centre_id)
    operation.labour_rate, operation.machine_rate, operation.overhead_rate = (
        (rate.labour, rate.machine, rate.overhead) if rate else (ZERO, ZERO, ZERO)
    )


def _refuse_overdrawn(order: WorkOrder) -> None:
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
    order = _only(orders)
    flow.lock_all_operations([order.pk])
    operation = _operation(order, data.operation)
    if operation.state in ("skipped", "closed"):
        raise NotSkippable(operation=f"{operation.sequence} {operation.name}")
    operation.state, operation.deviation_reason = "skipped", data.reason
    operation.save(update_fields=["state", "deviation_reason"])
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
    Writes: the operation; locks it
    """
    order = _only(orders)
    flow.lock_operations([data.operation])
    operation = _operation(order, data.operation)
    if operation.state == "closed":
        raise NotSkippable(operation=f"{operation.sequence} {operation.name}")
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
    return operation


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
    order = _only(orders)
    operations = {o.sequence: o for o in Operation.objects.filter(work_order=order)}
    if data.operation is not None and data.operation not in operations:
        raise Invalid(fields={"operation": L("没有这道工序", "no such operation")})
    facts = planning_data(order.plant_id, [data.item]).get(data.item)
    if facts is None:
        raise Invalid(fields={"item": L("找不到该物料", "no such item")})
    sequence = data.operation if data.operation is not None else min(operations, default=None)
    is_backflushed = facts.backflush and sequence is not None
    if is_backflushed and not operations[sequence].has_backflush:
        flow.lock_operations([operations[sequence].pk])
        Operation.objects.filter(pk=operations[sequence].pk).update(has_backflush=True)
    materials = flow.lock_materials([order.pk])
    made = Material(
        id=new_id(),
        work_order=order,
        position=len(materials) + 1,
        item_id=data.item,
        quantity=data.quantity,
        operation=sequence,
        is_backflushed=is_backflushed,
        places=facts.places,
        deviation_reason=data.reason,
        unit_cost=unit_costs(order.plant_id, [data.item]).get(data.item, ZERO),
    )
    if data.replaces:
        _replace(ctx, order, materials, data)
    made.save(force_insert=True)
    stock.promise_what_is_free(ctx, [Demand(ORDER, made.pk, made.item_id, order.plant_id, made.quantity)])
    return made


def _replace(ctx: Context, order: WorkOrder, materials: dict[UUID, Material], data: AddMaterial) -> None:
    old = materials.get(data.replaces)
    if old is None:
        raise WrongLine(fields={"replaces": L("不属于该工单", "not of this order")})
    kept = max(old.issued_quantity - old.returned_quantity, old.flushed_quantity)
    if kept >= old.quantity:
        raise AlreadyIssued
    old.quantity, old.deviation_reason = kept, data.reason
    old.save(update_fields=["quantity", "deviation_reason"])
    stock.release_promises(ctx, [Demand(ORDER, old.pk, old.item_id, order.plant_id)])
