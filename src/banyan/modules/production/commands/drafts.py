"""Completing work orders as they are written down."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L
from banyan.lib.quantity import round_quantity
from banyan.modules.items.queries import items_by_id
from banyan.modules.production import rules

MAKEABLE = ("made", "subcontracted", "phantom", "tool")


def complete_drafts(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Check orders and their lines, and give the lines what follows from the order. One statement.

    Raises: Invalid naming row and field: an item that cannot be made, a quantity finer than its unit,
            operations that are linked wrongly
    """
    items = items_by_id(_items_of(drafts))
    faults = FieldFaults()
    for place, draft in enumerate(drafts):
        order = draft.record
        order.has_own_lines = any(draft.lines.values())
        facts = items.get(order.item_id)
        if facts and not facts.is_active:
            faults.add(("records", place, "item"), L("物料已停用", "the item is out of use"))
        if facts and order.kind == "standard" and facts.kind not in MAKEABLE:
            faults.add(
                ("records", place, "item"),
                L("外购件和服务不能下生产工单", "bought items and services are not made"),
            )
        if facts and round_quantity(order.quantity, facts.places) != order.quantity:
            faults.add(
                ("records", place, "quantity"),
                L(f"最多 {facts.places} 位小数", f"at most {facts.places} decimal places"),
            )
        if order.quantity <= 0:
            faults.add(("records", place, "quantity"), L("须大于零", "must be above zero"))
        if order.starts_on and order.starts_on > order.due_on:
            faults.add(
                ("records", place, "starts_on"), L("不能晚于计划完工", "must not be after the due date")
            )
        _complete_operations(draft, place, faults)
        for line in draft.lines.get("materials", ()):
            line.places = items[line.item_id].places if line.item_id in items else 0
    faults.refuse_if_any()


def _items_of(drafts: Sequence[Draft]) -> list:
    return [d.record.item_id for d in drafts] + [
        line.item_id for d in drafts for key in ("materials", "outputs") for line in d.lines.get(key, ())
    ]


def _complete_operations(draft: Draft, place: int, faults: FieldFaults) -> None:
    operations = draft.lines.get("operations", ())
    for operation in operations:
        operation.plant_id = draft.record.plant_id
    if len({o.sequence for o in operations}) < len(operations):
        faults.add(("records", place, "operations"), L("工序序号重复", "a sequence is used twice"))
        return
    try:
        rules.predecessor_links([(o.sequence, o.predecessors) for o in operations])
    except ValueError as fault:
        faults.add(
            ("records", place, "operations"), L(f"前道工序有误：{fault}", f"predecessors are wrong: {fault}")
        )
