"""The life of a work order: firm, released with its own copy of BOM and routing, cancelled, closed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Text, field
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.values import Demand
from banyan.modules.items.queries import items_by_id
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.copying import copy_recipes
from banyan.modules.production.commands.materials import open_of
from banyan.modules.production.commands.reworking import give_up
from banyan.modules.production.errors import (
    HasBegun,
    NotAllApproved,
    NotAllReceived,
    NotKitted,
    OpenDebts,
    OpenRework,
)
from banyan.modules.production.events import CompletedLine, WorkOrderCancelled, WorkOrderClosed
from banyan.modules.production.models import Assignment, Material, WorkOrder
from banyan.modules.production.queries import released

ORDER = "production.work_order"
ZERO = Decimal(0)
SHOWN = 5


class Release(Input):
    """How to release: what is free in stock is kept for the order."""

    check_kit: bool = field(
        "检查齐套", "Check the kit", True, help=L("缺料时先确认", "Ask before releasing what lacks material")
    )


class Why(Input):
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command("production.work_order.firm", L("确认", "Firm"), icon="pin", tone="purple")
def firm_orders(ctx: Context, orders: Sequence[WorkOrder]) -> None:
    """Decide that planned orders will be made: a planning run leaves them alone from now on."""


@command(
    "production.work_order.release",
    L("下达", "Release"),
    input=Release,
    icon="player-play",
    is_primary=True,
    help=L(
        "复制当日生效的物料清单和工艺路线，为工单预留现有库存",
        "Copies the BOM and routing in force today and keeps what is free in stock for the order",
    ),
)
def release_orders(ctx: Context, orders: Sequence[WorkOrder], data: Release) -> None:
    """Send orders to the shop, each with its own copy of BOM and routing lines, and keep free stock for them.

    Raises: NothingToRelease where there is neither BOM nor routing; NotKitted to be confirmed, with what is
            missing
    Writes: operations, materials, outputs, promises; tells WorkReleased. A fixed number of statements per
            plant, however many orders
    """
    materials = copy_recipes(ctx, orders)
    plants = {order.pk: order.plant_id for order in orders}
    wishes = [
        (m, Demand(ORDER, m.pk, m.item_id, plants[m.work_order_id], m.quantity))
        for m in materials
        if m.quantity
    ]
    kept = stock.promise_what_is_free(ctx, [demand for _, demand in wishes])
    if data.check_kit and NotKitted.code not in ctx.consents:
        missing = [
            (m, m.quantity - kept[demand.key]) for m, demand in wishes if kept[demand.key] < m.quantity
        ]
        if missing:
            raise NotKitted(missing=_named(missing), count=len(missing))
    for order in orders:
        order.released_at = ctx.now
    tell(*released(orders))


def _named(lines: Sequence[tuple[Material, Decimal]]) -> list[str]:
    """Give the items and quantities of the first lines in words."""
    codes = items_by_id([material.item_id for material, _ in lines[:SHOWN]])
    return [f"{codes[m.item_id].code} × {quantity.normalize():f}" for m, quantity in lines[:SHOWN]]


@command(
    "production.work_order.cancel",
    L("取消", "Cancel"),
    input=Why,
    icon="ban",
    tone="red",
    confirm=L("确定取消工单？", "Cancel the order?"),
)
def cancel_orders(ctx: Context, orders: Sequence[WorkOrder], data: Why) -> None:
    """Give orders up on which nothing has been done, or everything taken back.

    Raises: HasBegun
    Writes: operations closed, promises given back; tells WorkOrderCancelled
    """
    keys = [order.pk for order in orders]
    _lock(orders)
    shop = flow.read_shop(orders=keys)
    materials = flow.lock_materials(keys)
    for order in orders:
        ops = shop.by_order.get(order.pk, {}).values()
        mine = [m for m in materials.values() if m.work_order_id == order.pk]
        if order.made_quantity or any(_has_counts(op) for op in ops) or any(_has_moved(m) for m in mine):
            raise HasBegun(order=order.number or order.pk)
        order.reason = data.reason
    _end(ctx, orders, shop, materials)
    tell(
        *(
            WorkOrderCancelled(
                record=o.pk, item=o.item_id, plant=o.plant_id, quantity=o.quantity, reason=data.reason,
                was_released=o.released_at is not None,
            )
            for o in orders
        )
    )


def _lock(orders: Sequence[WorkOrder]) -> None:
    """Lock the operations of orders, and those that rework orders among them return to."""
    flow.lock_all_operations([o.pk for o in orders], also=[o.returns_to_id for o in orders if o.returns_to_id])


def _refuse_open_rework(orders: Sequence[WorkOrder], shop: flow.Shop) -> None:
    for order in orders:
        away = [op for op in shop.by_order.get(order.pk, {}).values() if op.flow.away]
        if away:
            raise OpenRework(order=order.number, operation=away[0].title, quantity=away[0].flow.away)


def _has_counts(op: flow.Op) -> bool:
    return bool(op.flow.good or op.flow.scrap or op.flow.rework or op.started)


def _has_moved(material: Material) -> bool:
    return material.issued_quantity != material.returned_quantity or bool(material.debt_quantity)


@command(
    "production.work_order.close",
    L("关闭", "Close"),
    icon="lock",
    tone="green",
    confirm=L("关闭后不能再报工和领料，确定？", "Nothing can be reported or issued after that. Close it?"),
)
def close_orders(ctx: Context, orders: Sequence[WorkOrder]) -> None:
    """Say that nothing more will come: what is left in work in progress is spread, promises are given back.

    Raises: OpenDebts; NotAllApproved; NotAllReceived where good pieces and receipts differ
    Writes: operations closed; tells WorkOrderClosed with what went to stock
    """
    keys = [order.pk for order in orders]
    _lock(orders)
    shop = flow.read_shop(orders=keys)
    _refuse_open_rework(orders, shop)
    materials = flow.lock_materials(keys)
    for order in orders:
        owed = [
            (m, m.debt_quantity)
            for m in materials.values()
            if m.work_order_id == order.pk and m.debt_quantity
        ]
        if owed:
            raise OpenDebts(order=order.number, debts=_named(owed))
        for op in shop.by_order.get(order.pk, {}).values():
            if op.flow.needs_approval and op.flow.approved != op.flow.good:
                raise NotAllApproved(
                    order=order.number, operation=op.title, good=op.flow.good, approved=op.flow.approved
                )
        finished = (
            shop.finished(order.pk) if order.pk in shop.by_order and order.kind != "disassembly" else None
        )
        brought = order.returned_quantity if order.returns_to_id else order.made_quantity
        if finished is not None and finished != brought and not order.part_name:
            raise NotAllReceived(order=order.number, good=finished, made=brought)
    _end(ctx, orders, shop, materials)
    made = made_lines(keys)
    for order in orders:
        order.closed_at = ctx.now
    tell(
        *(
            WorkOrderClosed(
                record=o.pk,
                item=o.item_id,
                plant=o.plant_id,
                quantity=o.quantity,
                made_quantity=o.made_quantity,
                scrapped_quantity=o.scrapped_quantity,
                kind=o.kind,
                part_name=o.part_name,
                planned_amount=round_money(o.quantity * o.unit_cost),
                completed_amount=o.completed_amount,
                made=made.get(o.pk, ()),
            )
            for o in orders
        )
    )


def _end(ctx: Context, orders: Sequence[WorkOrder], shop: flow.Shop, materials: dict[UUID, Material]) -> None:
    """Close the operations, take people off them, and give back what stock was kept."""
    keys = [order.pk for order in orders]
    plants = {order.pk: order.plant_id for order in orders}
    for op in shop.ops.values():
        if op.state != "skipped":
            op.state, op.is_changed = "closed", True
    flow.save_shop(shop)
    give_up(ctx, orders)
    Assignment.objects.filter(work_order__in=keys, is_active=True).update(is_active=False)
    cards = {order.pk for order in orders if order.kind == "temporary"}
    kept = [m for m in materials.values() if m.work_order_id not in cards or open_of(m) > 0]
    stock.release_promises(ctx, [Demand(ORDER, m.pk, m.item_id, plants[m.work_order_id]) for m in kept])


def made_lines(orders: Sequence[UUID]) -> dict[UUID, tuple[CompletedLine, ...]]:
    """Give what orders have brought to stock, by item and lot. One statement."""
    found: dict[UUID, list[CompletedLine]] = {}
    for order, item, lot, quantity, amount, is_main in db.rows(
        "SELECT c.work_order_id, l.item_id, l.lot_id, sum(l.quantity), sum(l.amount), l.output_id IS NULL "
        "FROM production_completionline l JOIN production_completion c ON c.id = l.completion_id "
        "WHERE c.work_order_id = ANY(%s) AND c.state = 'posted' GROUP BY 1, 2, 3, 6 ORDER BY 1, 6 DESC, 2, 3",
        [list(orders)],
    ):
        found.setdefault(order, []).append(CompletedLine(item, lot, quantity, amount, is_main))
    return {order: tuple(lines) for order, lines in found.items()}
