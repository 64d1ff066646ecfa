"""What dialogs are filled with at first: materials needed, pieces ready; only what differs is typed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label, plain
from banyan.modules.items.queries import items_by_id
from banyan.modules.production import comparing, rules
from banyan.modules.production.commands import flow

#: So many pieces with serial numbers are offered at once, at most.
MOST_SERIALS = 200
#: How far the numbers of operations lie apart.
STEP = 10
SUBSTITUTE_REASONS = (
    L("替代料档案", "Listed substitute"), L("缺料", "Short of stock"), L("来料不合格", "Material was rejected"),
    L("用完库存", "Using up stock"),
)  # fmt: skip
ROOM = L("{operation} · 可报 {room}", "{operation} · {room} to report")


@answers("production.work_order.pages")
def pages(ctx: Context, record: dict[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the pages that are about an order, as (icon, label, address)."""
    key = record["id"]
    return (
        ("git-compare", comparing.TITLE, f"/production/work_orders/{key}/views"),
        ("checklist", L("齐套检查", "Kit check"), f"/queries/production.kit_check?work_order={key}"),
    )


@answers("production.work_order.issue.start")
def issue(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give a line for every material that one order still needs from the store."""
    lines = []
    for line in _only(ctx, orders).get("materials", ()):
        there = Decimal(line["issued_quantity"]) - Decimal(line["returned_quantity"])
        open_ = Decimal(line["quantity"]) - there
        if open_ > 0 and not line["is_backflushed"]:
            lines.append({"material": line["id"], "quantity": open_})
    return {"lines": lines}


@answers("production.work_order.complete.start")
def complete(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give the good pieces of one order not in store yet: a line, or one per piece with its serial number.

    Serial numbers are those that were reported, then such as go on from the order's number.
    """
    found = _only(ctx, orders)
    if not found or found["kind"] == "disassembly":
        return {}
    order, item = orders[0], UUID(found["item"])
    made = Decimal(found["made_quantity"])
    shop = flow.read_shop(orders=[order])
    good = shop.finished(order) if order in shop.by_order else Decimal(found["quantity"])
    ready = (good or Decimal(0)) - made
    if ready <= 0:
        return {}
    tracking = items_by_id([item])[item].tracking
    if tracking == "lot":
        return {"lines": _lots_ready(order, ready)}
    if tracking != "serial":
        return {"lines": [{"quantity": ready}]}
    told = [line | {"quantity": 1} for line in _lots_ready(order, ready) if "lot" in line][:MOST_SERIALS]
    lack = min(int(ready), MOST_SERIALS) - len(told)
    return {"lines": told + [{"quantity": 1, "lot": one} for one in _further_serials(order, found["number"], lack)]}


def _further_serials(order: UUID, stem: str, count: int) -> list[str]:
    """Give so many serial numbers after an order's own that no piece of it bears yet."""
    taken = {number for (number,) in db.rows("SELECT number FROM inventory_lot WHERE origin = %s", [order])}
    numbers = (f"{stem}-{n:03}" for n in range(1, len(taken) + count + 1))
    return [number for number in numbers if number not in taken][: max(0, count)]


#: Good counts of the last operation by the lot they were reported as, less what is in store of it.
_LOTS_READY = """
    WITH last AS (
        SELECT id, report_ratio FROM production_operation WHERE work_order_id = %(order)s AND state <> 'skipped'
        ORDER BY sequence DESC LIMIT 1
    ), told AS (
        SELECT coalesce(u.output_lot_id, r.output_lot_id) AS lot, sum(r.quantity) / min(o.report_ratio) AS quantity
        FROM production_report r JOIN last o ON o.id = r.operation_id
        LEFT JOIN production_report u ON u.id = r.reverses_id
        WHERE r.work_order_id = %(order)s AND coalesce(u.kind, r.kind) = 'good' GROUP BY 1
    ), stored AS (
        SELECT c.lot_id AS lot, sum(c.quantity) AS quantity FROM production_completionline c
        JOIN production_completion p ON p.id = c.completion_id
        WHERE p.work_order_id = %(order)s AND p.state = 'posted' AND c.output_id IS NULL GROUP BY 1
    )
    SELECT l.number, t.quantity - coalesce(s.quantity, 0) FROM told t JOIN inventory_lot l ON l.id = t.lot
    LEFT JOIN stored s ON s.lot = t.lot WHERE t.quantity > coalesce(s.quantity, 0) ORDER BY l.number
"""


def _lots_ready(order: UUID, ready: Decimal) -> list[dict[str, Any]]:
    """Give a line for each lot that was reported and is not in store yet, and one for what was told of no lot."""
    lines = []
    for number, quantity in db.rows(_LOTS_READY, {"order": order}):
        part = min(quantity, ready)
        ready -= part
        if part > 0:
            lines.append({"quantity": part, "lot": number})
    return lines + ([{"quantity": ready}] if ready > 0 else [])


@answers("production.work_order.add_operation.start")
def add_operation(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give the operations of one order that a further one may follow, and a number for it that is free."""
    steps = _steps(ctx, orders)
    last = max((sequence for sequence, _ in steps), default=0)
    return {"sequence": last + STEP, "_choices": {"after": steps}} if last else {}


@answers("production.work_order.move_operation.start")
def move_operation(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give the operations of one order after which another may be done."""
    steps = _steps(ctx, orders)
    return {"_choices": {"after": steps}} if steps else {}


@answers("production.work_order.substitute_material.start")
def substitute_material(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Offer why a material is replaced as a rule."""
    return {"_usual": {"reason": SUBSTITUTE_REASONS}}


def _steps(ctx: Context, orders: Sequence[UUID]) -> list[tuple[int, str]]:
    """Give the operations of one order in the order in which they are done, each by its number."""
    rows = _only(ctx, orders).get("operations", ())
    return [(row["sequence"], f"{row['sequence']} {row['name']}") for row in rows]


@answers("production.operation.tally.start")
def tally(ctx: Context, records: Sequence[UUID]) -> dict[str, Any]:
    """Give the operations of one order on which something may be reported, the next one first chosen.

    Takes:  the order the report is asked from, or one operation of it
    Gives:  the operations with how many may still be reported, as choices; how many, as the good pieces' most
    """
    row = db.one(_OF_ORDER, {"key": records[0]}) if len(records) == 1 else None
    if row is None:
        return {}
    order, is_one = row
    shop = flow.read_shop(orders=[order])
    flows = shop.flows(order)
    rooms = [
        (op, max(Decimal(0), rules.room(sequence, flows, op.planned, op.tolerance)))
        for sequence, op in sorted(shop.by_order[order].items())
        if op.state not in ("skipped", "closed") and (op.id == records[0] or not is_one)
    ]
    open_ = [(op, room) for op, room in rooms if room > 0] or rooms
    if not open_:
        return {}
    named = [(op.id, str(ROOM.filled({"operation": op.title, "room": plain(room)}))) for op, room in open_]
    most = {"good": open_[0][1]} if len(open_) == 1 and open_[0][1] else {}
    return {"operation": open_[0][0].id, "_choices": {"operation": named}, "_most": most}


_OF_ORDER = """
    SELECT work_order_id, id = %(key)s FROM production_operation WHERE id = %(key)s OR work_order_id = %(key)s
"""


def _only(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give the one order that is asked for, nothing where several are or it may not be read."""
    noun = registry.noun("production.work_order")
    if len(orders) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, orders, expand=False)
    return found[0] if found else {}
