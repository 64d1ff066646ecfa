"""Lots that were used at an operation though nothing says so: unknown ones, wrong parts, lots issued elsewhere.

A report of what has happened already is never turned down for them. What there is of such a lot moves into the order
like anything else that is used there, and the report is flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from banyan.kernel import locks
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.inventory.queries import unit_costs
from banyan.modules.items.queries import planning_data
from banyan.modules.production.commands.noting import note
from banyan.modules.production.models import Material, WorkOrder
from banyan.modules.production.queries import material_held
from banyan.modules.production.values import Used

UNLISTED = L("报工用了清单外的批次", "A report used a lot that is not listed")


def strange_lots(
    ctx: Context, used: Sequence[Used], materials: dict[UUID, Material], items: Mapping[UUID, UUID]
) -> dict[UUID, set[UUID]]:
    """Give the lots that reports have used and that nothing at their orders speaks for, by report.

    Takes:  used: only what has happened already; materials locked; items by lot, without those that do not exist
    Gives:  lots unknown, of an item that is not listed, or not issued where others of the item were
    Writes: a line that is used as it is reported for each item that an order does not list, with its deviation;
            it is put among the materials. One statement where all is listed and used as reported, none without lots
    """
    found: dict[UUID, set[UUID]] = {}
    issued = [m for m in materials.values() if not m.is_backflushed and m.item_id in items.values()]
    held = material_held([m.pk for m in issued], sorted({m.work_order_id for m in issued})) if issued else {}
    for one in used:
        item = items.get(one.lot)
        mine = [m for m in materials.values() if m.work_order_id == one.order and m.item_id == item]
        if any(m.is_backflushed for m in mine):
            continue
        lots = {lot for m in mine for (line, lot), (quantity, _) in held.items() if line == m.pk and quantity > 0}
        if mine and (one.lot in lots or not lots):
            continue
        if item and not mine and (made := _further_line(ctx, one, item, materials)):
            materials[made.pk] = made
        found.setdefault(one.report, set()).add(one.lot)
    return found


def _further_line(ctx: Context, one: Used, item: UUID, materials: Mapping[UUID, Material]) -> Material | None:
    """Write a line for what was used beside all that is planned; nothing for what is not kept in stock."""
    order = WorkOrder.objects.get(pk=one.order)
    facts = planning_data(order.plant_id, [item]).get(item)
    if facts is None or facts.kind in ("service", "phantom"):
        return None
    places = [m.position for m in materials.values() if m.work_order_id == one.order]
    reason = str(UNLISTED.zh)
    made = Material(
        id=new_id(), work_order=order, position=max(places, default=0) + 1, item_id=item, quantity=0,
        operation=one.sequence, is_backflushed=True, places=facts.places, deviation_reason=reason,
        unit_cost=unit_costs(order.plant_id, [item]).get(item, 0),
    )  # fmt: skip
    made.save(force_insert=True)
    note(ctx, order, "add_material", reason, material=made, after={"item_id": item, "quantity": 0})
    return locks.remember(made)
