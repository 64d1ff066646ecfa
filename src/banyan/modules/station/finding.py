"""What a scanned code means at a station: an operation that may be reported on, or material to be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.labels import plain
from banyan.modules.station.acts import Named
from banyan.modules.station.errors import LotNotMade, MaterialUnknown, OrderNotAtWork
from banyan.web import codes

_OPERATION = """
    SELECT o.id FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    WHERE w.plant_id = %(plant)s AND w.state IN ('released', 'running', 'completed')
      AND o.state NOT IN ('skipped', 'closed') AND (o.id = %(id)s OR w.id = %(id)s OR w.number = %(code)s)
    ORDER BY (o.state = 'done'), o.sequence LIMIT 1
"""
#: Orders at work whose labels a device knows without a network, those that are due first.
MOST_ORDERS = 1_000
_AT_WORK = """
    SELECT w.id, w.number, i.code, coalesce(nullif(w.part_name, ''), i.name), u.name, u.name_en,
           o.id, o.sequence, o.name, o.name_en, o.quantity, o.places
    FROM (
        SELECT x.id, x.number, x.due_on, x.item_id, x.part_name FROM production_workorder x
        WHERE x.plant_id = %(plant)s AND x.state IN ('released', 'running') ORDER BY x.due_on, x.id LIMIT %(most)s
    ) w
    JOIN production_operation o ON o.work_order_id = w.id AND o.state IN ('open', 'running')
    JOIN items_item i ON i.id = w.item_id JOIN company_unit u ON u.id = i.unit_id
    ORDER BY w.due_on, w.id, o.sequence
"""
_ORDER_NAMES = ("id", "number", "item", "item_name", "unit", "unit_en")
_STEP_NAMES = ("id", "sequence", "name", "name_en", "quantity", "places")
_NAMED = """
    SELECT o.id FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    WHERE w.plant_id = %(plant)s AND o.sequence = %(sequence)s
      AND (w.id = %(order)s OR w.number = ANY(%(numbers)s)) ORDER BY w.id LIMIT 1
"""
_LOT = """
    SELECT l.id, l.number, l.state, l.expires_on, i.id, i.code, i.name, i.tracking, u.name, u.name_en, u.places
    FROM inventory_lot l JOIN items_item i ON i.id = l.item_id JOIN company_unit u ON u.id = i.unit_id
    WHERE l.id = %(id)s OR l.number = %(code)s ORDER BY (i.id = ANY(%(items)s)) DESC, l.created_at DESC LIMIT 1
"""
_ITEM = """
    SELECT i.id, i.code, i.name, i.tracking, u.name, u.name_en, u.places
    FROM items_item i JOIN company_unit u ON u.id = i.unit_id WHERE i.id = %(id)s OR i.code = %(code)s LIMIT 1
"""
_NAMES = ("item_id", "item", "name", "tracking", "unit", "unit_en", "places")
_NOWHERE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A scanned text, and the items of which a lot is meant first."""

    noun: str
    id: UUID
    code: str

    @classmethod
    def read(cls, text: str) -> Asked:
        """Give what a text names; a bare one is a number or a code of anything."""
        found = codes.parse(text)
        if found is None:
            return cls("", _NOWHERE, text.strip()[:80])
        return cls(found.noun, found.id or _NOWHERE, found.code)


def operation(ctx: Context, text: str) -> UUID:
    """Give the operation that a code stands for: itself, or the next one of an order. One statement.

    Raises: OrderNotAtWork
    """
    asked = Asked.read(text)
    row = None
    if asked.noun in ("", "production.operation", "production.work_order"):
        row = db.one(_OPERATION, {"plant": ctx.plant, "id": asked.id, "code": asked.code})
    if row is None:
        raise OrderNotAtWork(code=text[:40])
    return row[0]


def at_work(ctx: Context) -> dict[str, Any]:
    """Give what the labels of a plant's orders at work stand for, so that a device knows them all. One statement.

    Gives:  {orders}: those due first, each with its operations that are not done, in their order; what is empty is
            left out
    """
    found: dict[UUID, dict[str, Any]] = {}
    width = len(_ORDER_NAMES)
    for row in db.rows(_AT_WORK, {"plant": ctx.plant, "most": MOST_ORDERS}):
        order = found.get(row[0])
        if order is None:
            order = found[row[0]] = _full(zip(_ORDER_NAMES, row[:width], strict=True)) | {"operations": []}
        step = dict(zip(_STEP_NAMES, row[width:], strict=True))
        order["operations"].append(_full((step | {"quantity": plain(step["quantity"])}).items()))
    return {"orders": list(found.values())}


def _full(facts: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in facts if value not in ("", None)}


def named(plant: UUID | None, one: Named) -> UUID | None:
    """Give the operation that a traveller names, None where a plant has no such. One statement."""
    given = {"order": one.order or _NOWHERE, "sequence": one.sequence, "plant": plant}
    numbers = [one.number, one.number.upper()] if one.number else []
    row = db.one(_NAMED, given | {"numbers": numbers})
    return row[0] if row else None


def material(ctx: Context, text: str, items: tuple[UUID, ...]) -> dict[str, Any]:
    """Give the lot or item that a code stands for. Two statements at most. Raises: MaterialUnknown"""
    asked = Asked.read(text)
    given = {"id": asked.id, "code": asked.code, "items": list(items)}
    if asked.noun in ("", "inventory.lot") and (row := db.one(_LOT, given)):
        lot, number, state, expires, *item = row
        until = {"expires": expires} if expires else {}
        return {"lot": lot, "number": number, "state": state, **until, **dict(zip(_NAMES, item, strict=True))}
    if asked.noun in ("", "items.item") and (row := db.one(_ITEM, given)):
        return dict(zip(_NAMES, row, strict=True))
    raise MaterialUnknown(code=text[:40])


def finished_lots(ctx: Context, operation_id: UUID, numbers: Sequence[str]) -> tuple[UUID, ...]:
    """Give the lots of those numbers of what an operation's order makes. One statement. Raises: LotNotMade"""
    rows = db.rows(
        "SELECT l.number, l.id FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id "
        "JOIN inventory_lot l ON l.item_id = w.item_id AND l.number = ANY(%s) WHERE o.id = %s AND w.plant_id = %s",
        [list(numbers), operation_id, ctx.plant],
    )
    found = dict(rows)
    for number in numbers:
        if number not in found:
            raise LotNotMade(lot=number)
    return tuple(found[number] for number in numbers)
