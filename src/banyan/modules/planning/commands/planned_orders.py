"""What people decide on planned orders: firm them, loosen them, turn them into work and purchase orders."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.commands import command, execute, tell
from banyan.kernel.context import Context
from banyan.lib.labels import L
from banyan.lib.money import EXACT
from banyan.modules.company import queries as company
from banyan.modules.items import queries as items
from banyan.modules.planning.errors import NoSupplier
from banyan.modules.planning.events import PlannedOrderConverted
from banyan.modules.planning.models import PlannedOrder
from banyan.modules.purchasing import queries as purchasing

WORK_ORDER, PURCHASE_ORDER = "production.work_order", "purchasing.order"


@command("planning.planned_order.firm", L("确认", "Firm"), icon="pin", tone="purple")
def firm_orders(ctx: Context, orders: Sequence[PlannedOrder]) -> None:
    """Decide that planned orders stand: runs leave their item, quantity and days alone from now on."""


@command("planning.planned_order.loosen", L("取消确认", "Loosen"), icon="pinned-off", tone="orange")
def loosen_orders(ctx: Context, orders: Sequence[PlannedOrder]) -> None:
    """Take the decision back: the next run may change planned orders again, or take them away."""


@command(
    "planning.planned_order.convert", L("转订单", "Convert"), icon="arrow-right-circle", tone="green",
    is_primary=True,
    help=L("自制转工单，外购按供应商合并为采购订单", "Into work orders, and one purchase order per supplier"),
)  # fmt: skip
def convert_orders(ctx: Context, orders: Sequence[PlannedOrder]) -> None:
    """Turn planned orders into work orders, and into one draft purchase order per plant and supplier.

    Raises: NoSupplier; what the orders' own commands refuse
    Writes: work orders, purchase orders; on the planned orders what they became. Tells PlannedOrderConverted
    """
    make = [order for order in orders if order.kind == "make"]
    buy = [order for order in orders if order.kind == "buy"]
    _require_suppliers(buy)
    if make:
        _make(ctx, make)
    if buy:
        _buy(ctx, buy)
    tell(*(PlannedOrderConverted(o.pk, o.item_id, o.result_noun, o.result) for o in orders))


def _require_suppliers(orders: Sequence[PlannedOrder]) -> None:
    lacking = [order.item_id for order in orders if order.supplier_id is None]
    if lacking:
        raise NoSupplier(item=sorted(one.code for one in items.items_by_id(lacking).values()))


def _make(ctx: Context, orders: Sequence[PlannedOrder]) -> None:
    records = [
        {
            "item": order.item_id, "plant": order.plant_id, "quantity": order.quantity,
            "starts_on": order.starts_on, "due_on": order.due_on,
            "priority": "urgent" if order.priority == "urgent" else "normal",
        }
        for order in orders
    ]  # fmt: skip
    for order, made in zip(orders, _create(ctx, WORK_ORDER, records), strict=True):
        order.result_noun, order.result = WORK_ORDER, made.pk


def _buy(ctx: Context, orders: Sequence[PlannedOrder]) -> None:
    groups: dict[tuple[UUID, UUID], list[PlannedOrder]] = {}
    for order in sorted(orders, key=lambda o: (o.due_on, o.pk)):
        groups.setdefault((order.plant_id, order.supplier_id), []).append(order)
    lines = dict(zip((o.pk for o in orders), _lines(ctx, orders), strict=True))
    records = [
        {"party": supplier, "plant": plant, "lines": [lines[order.pk] for order in group]}
        for (plant, supplier), group in groups.items()
    ]
    for group, made in zip(groups.values(), _create(ctx, PURCHASE_ORDER, records), strict=True):
        for order in group:
            order.result_noun, order.result = PURCHASE_ORDER, made.pk


def _lines(ctx: Context, orders: Sequence[PlannedOrder]) -> list[dict]:
    """Give a purchase order line for each planned order, in the unit and packs of the supplier's offer."""
    today = company.plant_day(orders[0].plant_id, ctx.now)
    sources = purchasing.sources_of([(o.supplier_id, o.item_id) for o in orders], today)
    facts = items.items_by_id([o.item_id for o in orders])
    offered = [sources.get((o.supplier_id, o.item_id)) for o in orders]
    units = [
        source.unit if source else facts[o.item_id].unit_id for o, source in zip(orders, offered, strict=True)
    ]
    one_is = items.to_stock_units(
        [(o.item_id, unit, Decimal(1)) for o, unit in zip(orders, units, strict=True)]
    )
    return [
        {
            "item": order.item_id, "unit": unit, "wanted_on": order.due_on,
            "quantity": in_packs(order.quantity, one, source.pack_factor if source else Decimal(0)),
        }
        for order, unit, one, source in zip(orders, units, one_is, offered, strict=True)
    ]  # fmt: skip


def in_packs(quantity: Decimal, one_is: Decimal, pack: Decimal) -> Decimal:
    """Give a stock quantity in the supplier's unit, raised to full packs.

    Takes:  one_is: stock units in one of the supplier's; pack: of that unit, zero or one for none
    """
    counted = EXACT.divide(quantity, one_is)
    if pack > 0:
        return EXACT.divide(counted, pack).to_integral_value(ROUND_CEILING) * pack
    return counted.quantize(Decimal("0.000001"), rounding=ROUND_CEILING)


def _create(ctx: Context, noun: str, records: list[dict]) -> tuple:
    return execute(ctx, registry.command(f"{noun}.create"), data={"records": records}).value
