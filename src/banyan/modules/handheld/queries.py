"""What a warehouse's phone shows: a shift's receipts, put-aways, counts and picks, and the walk to fetch things by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.labels import plain
from banyan.modules.handheld import rules
from banyan.modules.inventory.kinds import FREE, OURS, STOPPED
from banyan.modules.production.models import AT_WORK, Material
from banyan.modules.production.queries import ORDER
from banyan.modules.purchasing.queries import OPEN as PURCHASE_OPEN
from banyan.modules.sales.queries import OPEN as SALES_OPEN

ZERO = Decimal(0)
#: So many rows of a kind a phone keeps at most; what is beyond is asked for when it is scanned.
MOST = 2_000

_ITEM = "i.id, i.code, i.name, u.name, u.name_en, u.places, i.tracking"
_ITEM_NAMES = ("item", "code", "name", "unit", "unit_en", "places", "tracking")
_ITEM_FROM = "JOIN company_unit u ON u.id = i.unit_id"


def needed(material: Material) -> Decimal:
    """Give what an order still needs of a material."""
    return material.quantity - material.issued_quantity + material.returned_quantity


# --- a shift ------------------------------------------------------------------------------------------------


def day(ctx: Context, on: Any) -> dict[str, Any]:
    """Give what somebody in the warehouse needs for a shift; what needs a network is named only. A fixed number of
    statements.

    Gives:  plain JSON, quantities as text; a part is empty for whoever may not do what it is for
    """
    plant = ctx.plant
    gate = _at_gate(plant) if ctx.may("purchasing.receipt.book") else []
    counts = _counts(plant) if ctx.may("inventory.count.enter") else []
    return {
        "day": on.isoformat(),
        "orders": _expected(plant) if ctx.may("purchasing.order.receive") else [],
        "gate": gate,
        "counts": counts,
        "work": _work(plant) if ctx.may("production.work_order.issue") else [],
        "shipments": _shipments(plant) if ctx.may("sales.shipment.ship") else [],
        "may": [right for right in RIGHTS if ctx.may(right)],
        "places": _places(plant),
        "items": _items(plant, {line["item"] for one in gate for line in one["lines"]}),
        "lots": _lots(plant),
    }


#: What a phone shows only to those who may do it.
RIGHTS = (
    "purchasing.order.receive", "purchasing.receipt.book", "inventory.stock_document.transfer", "inventory.count.enter",
    "inventory.count.start", "inventory.count.post", "production.work_order.issue",
    "production.work_order.return_material", "handheld.borrow.borrow", "sales.shipment.ship",
    "sales.shipment.ship_part", "sales.order.pick", "handheld.other_lot.take",
)  # fmt: skip


def _grouped(rows: Iterable[dict[str, Any]], heads: Sequence[str]) -> list[dict[str, Any]]:
    """Give rows as heads with their lines, in the order in which heads first appear."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        head = found.setdefault(row["id"], {key: row[key] for key in heads} | {"lines": []})
        head["lines"].append({key: value for key, value in row.items() if key not in heads})
    return list(found.values())


def _named(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Give rows by name, as JSON can carry them; what is empty is left out."""
    return [
        {n: _said(v) for n, v in zip(names, row, strict=True) if v is not None and v != ""} for row in rows
    ]  # fmt: skip


def _said(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


_EXPECTED = f"""
    SELECT o.id, o.number, p.name, l.id, {_ITEM}, l.open_quantity, coalesce(l.confirmed_on, l.wanted_on)
    FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id JOIN parties_party p ON p.id = o.party_id
    JOIN items_item i ON i.id = l.item_id {_ITEM_FROM}
    WHERE l.plant_id = %s AND l.open_quantity > 0 AND o.state = ANY(%s) AND NOT o.is_history
    ORDER BY min(coalesce(l.confirmed_on, l.wanted_on)) OVER (PARTITION BY o.id) NULLS LAST, o.number, l.position
    LIMIT %s
"""


def _expected(plant: UUID | None) -> list[dict[str, Any]]:
    rows = db.rows(_EXPECTED, [plant, list(PURCHASE_OPEN), MOST])
    names = ("id", "number", "party", "line", *_ITEM_NAMES, "open", "due")
    return _grouped(_full(_named(names, rows), "due"), ("id", "number", "party"))


def _full(rows: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """Give rows in which keys stand even where there is nothing."""
    return [dict.fromkeys(keys, "") | row for row in rows]


_AT_GATE = f"""
    SELECT r.id, r.number, p.name, r.arrived_at, l.id, {_ITEM},
           l.quantity - l.accepted_quantity - l.rejected_quantity, l.lot_id, l.lot_number, l.order_line_id
    FROM purchasing_receiptline l JOIN purchasing_receipt r ON r.id = l.receipt_id
    JOIN parties_party p ON p.id = r.party_id JOIN items_item i ON i.id = l.item_id {_ITEM_FROM}
    WHERE r.plant_id = %s AND r.state IN ('arrived', 'partly_booked')
      AND l.quantity > l.accepted_quantity + l.rejected_quantity
    ORDER BY r.arrived_at, r.id, l.position LIMIT %s
"""


def _at_gate(plant: UUID | None) -> list[dict[str, Any]]:
    names = ("id", "number", "party", "at", "line", *_ITEM_NAMES, "open", "lot", "lot_number", "order_line")
    rows = _named(names, db.rows(_AT_GATE, [plant, MOST]))
    places = proposals(plant, [(UUID(r["item"]), UUID(r["lot"]) if "lot" in r else None) for r in rows])
    for row in rows:
        found = places.get((UUID(row["item"]), UUID(row["lot"]) if "lot" in row else None))
        row["into"], row["why"] = (str(found[0]), found[1]) if found else ("", "")
    return _grouped(_full(rows, "lot", "lot_number", "order_line"), ("id", "number", "party", "at"))


def receipt_lines(receipt: UUID) -> dict[UUID, list[tuple[UUID, Decimal]]] | None:
    """Give the lines of a receipt by their order line, each with what of it is not put away yet; where pieces have
    serial numbers each is a line. None where there is no such receipt. One statement."""
    rows = db.rows(
        "SELECT l.order_line_id, l.id, l.quantity - l.accepted_quantity - l.rejected_quantity "
        "FROM purchasing_receipt r LEFT JOIN purchasing_receiptline l "
        "ON l.receipt_id = r.id WHERE r.id = %s ORDER BY l.position, l.id",
        [receipt],
    )
    found: dict[UUID, list[tuple[UUID, Decimal]]] = {}
    for order_line, line, left in rows:
        if order_line:
            found.setdefault(order_line, []).append((line, left))
    return found if rows else None


_PROPOSED = """
    SELECT DISTINCT ON (k.n) k.n, x.location_id, x.why
    FROM unnest(%s::int[], %s::uuid[], %s::uuid[]) AS k(n, item, lot) CROSS JOIN LATERAL (
        SELECT b.location_id, CASE WHEN b.lot_id = k.lot THEN 1 ELSE 3 END AS turn,
               CASE WHEN b.lot_id = k.lot THEN 'lot' ELSE 'item' END AS why, b.first_in_at AS at
        FROM inventory_balance b JOIN inventory_location l ON l.id = b.location_id AND l.is_active
        WHERE b.item_id = k.item AND b.plant_id = %s AND b.kind = ANY(%s) AND b.on_hand > 0 AND b.owner_id IS NULL
        UNION ALL
        SELECT o.location_id, 2, 'own', NULL FROM inventory_itemlocation o
        JOIN inventory_location l ON l.id = o.location_id AND l.is_active
        WHERE o.item_id = k.item AND o.plant_id = %s
        UNION ALL
        SELECT m.target_id, 4, 'last', m.posted_at FROM inventory_move m
        JOIN inventory_location l ON l.id = m.target_id AND l.is_active AND l.kind = ANY(%s) AND l.plant_id = %s
        WHERE m.item_id = k.item
    ) x ORDER BY k.n, x.turn, x.at DESC NULLS LAST
"""


def proposals(
    plant: UUID | None, wanted: Sequence[tuple[UUID, UUID | None]]
) -> dict[tuple[UUID, UUID | None], tuple[UUID, str]]:
    """Give where to put things away, and why: with their lot, at the item's own place, with the item, where it was.

    One statement, none for nothing.
    """
    keys = list(dict.fromkeys(wanted))
    if not keys:
        return {}
    columns = [list(range(len(keys))), [item for item, _ in keys], [lot for _, lot in keys]]
    rows = db.rows(_PROPOSED, [*columns, plant, list(FREE), plant, list(FREE), plant])
    return {keys[n]: (location, why) for n, location, why in rows}


_AGAIN = """
    (l.counted IS NOT NULL AND l.recounted IS NULL
     AND abs(l.counted - l.expected) * 100 > l.expected * c.tolerance_percent)
"""
_COUNTS = f"""
    SELECT c.id, c.number, c.state, p.code, p.name, c.note, e.name, c.version, l.id, {_ITEM}, l.lot_id, t.number,
           l.location_id, q.code, q.walk_order, l.owner_id, w.name,
           CASE WHEN l.counted IS NULL THEN 'open' WHEN {_AGAIN} THEN 'again' ELSE 'done' END
    FROM inventory_count c JOIN inventory_location p ON p.id = c.location_id
    LEFT JOIN people_employee e ON e.id = c.counter_id
    LEFT JOIN inventory_countline l ON l.count_id = c.id LEFT JOIN items_item i ON i.id = l.item_id
    LEFT JOIN company_unit u ON u.id = i.unit_id LEFT JOIN inventory_lot t ON t.id = l.lot_id
    LEFT JOIN inventory_location q ON q.id = l.location_id LEFT JOIN parties_party w ON w.id = l.owner_id
    WHERE c.plant_id = %s AND c.state IN ('draft', 'counting') ORDER BY c.created_at, c.id, l.position LIMIT %s
"""
_COUNT_HEAD = ("id", "number", "state", "place", "place_name", "note", "counter", "version")


def _counts(plant: UUID | None) -> list[dict[str, Any]]:
    """Give the counts to be done, their lines in the order to walk; what the books say is never told."""
    names = (*_COUNT_HEAD, "line", *_ITEM_NAMES, "lot", "lot_number", "location", "bin", "aisle", "owner", "owner_name",
             "is")  # fmt: skip
    rows = _full(_named(names, db.rows(_COUNTS, [plant, MOST])), *_COUNT_HEAD[1:], "lot", "lot_number", "owner", "bin")
    found = _grouped(rows, _COUNT_HEAD)
    for one in found:
        one["lines"] = _walked(line for line in one["lines"] if "line" in line)
    return found


def _walked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give rows in the order to walk, without the numbers of aisles."""
    found = rules.walk(rows, lambda row: row["bin"] or "", lambda row: row.get("aisle"))
    for row in found:
        row.pop("aisle", None)
    return found


def to_recount(count: UUID) -> int:
    """Give how many lines of a count differ by more than its tolerance and were counted once. One statement."""
    return db.one(
        f"SELECT count(*) FROM inventory_countline l JOIN inventory_count c ON c.id = l.count_id "
        f"WHERE c.id = %s AND {_AGAIN}",
        [count],
    )[0]


_WORK = """
    SELECT w.id, w.number, i.code, i.name, w.quantity, w.due_on, w.priority, count(m.id) FILTER (
        WHERE NOT m.is_backflushed AND m.quantity > m.issued_quantity - m.returned_quantity)
    FROM production_workorder w JOIN items_item i ON i.id = w.item_id
    LEFT JOIN production_material m ON m.work_order_id = w.id
    WHERE w.plant_id = %s AND w.state = ANY(%s) GROUP BY w.id, i.id
    ORDER BY w.priority DESC, w.due_on, w.number LIMIT %s
"""


def _work(plant: UUID | None) -> list[dict[str, Any]]:
    names = ("id", "number", "code", "name", "quantity", "due", "priority", "open")
    return _named(names, db.rows(_WORK, [plant, list(AT_WORK), MOST]))


_SHIPMENTS = """
    SELECT s.id, 'shipment', coalesce(s.number, o.number), p.name, count(l.id), o.id
    FROM sales_shipment s JOIN parties_party p ON p.id = s.party_id LEFT JOIN sales_order o ON o.id = s.order_id
    LEFT JOIN sales_shipmentline l ON l.shipment_id = s.id
    WHERE s.plant_id = %(plant)s AND s.state = 'draft' GROUP BY s.id, o.id, p.id
    UNION ALL
    SELECT o.id, 'order', o.number, p.name, count(l.id), o.id
    FROM sales_order o JOIN parties_party p ON p.id = o.party_id
    JOIN sales_orderline l ON l.order_id = o.id AND l.open_quantity > 0
    WHERE o.plant_id = %(plant)s AND o.state = ANY(%(open)s)
      AND NOT EXISTS (SELECT FROM sales_shipment s WHERE s.order_id = o.id AND s.state = 'draft')
    GROUP BY o.id, p.id
    ORDER BY 2 DESC, 3 LIMIT %(most)s
"""


def _shipments(plant: UUID | None) -> list[dict[str, Any]]:
    rows = db.rows(_SHIPMENTS, {"plant": plant, "open": list(SALES_OPEN), "most": MOST})
    return _named(("id", "kind", "number", "party", "lines", "order"), rows)


def _places(plant: UUID | None) -> list[dict[str, Any]]:
    rows = db.rows(
        "SELECT id, code, name, name_en, kind, barcode FROM inventory_location "
        "WHERE plant_id = %s AND is_active AND kind = ANY(%s) ORDER BY code LIMIT %s",
        [plant, list(OURS), MOST],
    )
    return _named(("id", "code", "name", "name_en", "kind", "barcode"), rows)


def _items(plant: UUID | None, also: set[str]) -> list[dict[str, Any]]:
    rows = db.rows(
        f"SELECT {_ITEM} FROM items_item i {_ITEM_FROM} WHERE i.id = ANY(%s::uuid[]) OR EXISTS ("
        "SELECT FROM inventory_balance b WHERE b.item_id = i.id AND b.plant_id = %s AND b.on_hand > 0) "
        "ORDER BY i.code LIMIT %s",
        [sorted(also), plant, MOST],
    )
    return _named(("id", *_ITEM_NAMES[1:]), rows)


def _lots(plant: UUID | None) -> list[dict[str, Any]]:
    rows = db.rows(
        "SELECT l.id, l.number, l.item_id, l.state, l.expires_on FROM inventory_lot l WHERE EXISTS ("
        "SELECT FROM inventory_balance b WHERE b.lot_id = l.id AND b.plant_id = %s AND b.on_hand > 0) "
        "ORDER BY l.created_at DESC, l.id LIMIT %s",
        [plant, MOST],
    )
    return _named(("id", "number", "item", "state", "expires"), rows)


# --- live: what needs the balances of this moment -----------------------------------------------------------

_STEP_NAMES = (
    "key", "material", *_ITEM_NAMES, "quantity", "lot", "lot_number", "lot_state", "expires", "location", "bin",
    "bin_name", "aisle",
)  # fmt: skip
_WALK_OF_ORDER = f"""
    SELECT a.id, m.id, {_ITEM}, least(a.quantity, m.quantity - m.issued_quantity + m.returned_quantity), b.lot_id,
           l.number, l.state, l.expires_on, b.location_id, p.code, p.name, p.walk_order
    FROM production_material m
    JOIN inventory_allocation a ON a.demand_line = m.id AND a.demand_noun = %s
    JOIN inventory_balance b ON b.id = a.balance_id JOIN inventory_location p ON p.id = b.location_id
    JOIN items_item i ON i.id = m.item_id {_ITEM_FROM} LEFT JOIN inventory_lot l ON l.id = b.lot_id
    WHERE m.work_order_id = %s AND m.quantity - m.issued_quantity + m.returned_quantity > 0
    ORDER BY m.position, a.id
"""
_WALK_OF_SHIPMENT = f"""
    SELECT x.id, x.order_line_id, {_ITEM}, x.quantity, x.lot_id, l.number, l.state, l.expires_on, x.location_id, p.code,
           p.name, p.walk_order
    FROM sales_shipmentline x JOIN items_item i ON i.id = x.item_id {_ITEM_FROM}
    LEFT JOIN inventory_lot l ON l.id = x.lot_id LEFT JOIN inventory_location p ON p.id = x.location_id
    WHERE x.shipment_id = %s ORDER BY x.position, x.id
"""
_MISSING = f"""
    SELECT {_ITEM}, m.quantity - m.issued_quantity + m.returned_quantity - coalesce(sum(a.quantity), 0)
    FROM production_material m JOIN items_item i ON i.id = m.item_id {_ITEM_FROM}
    LEFT JOIN inventory_allocation a ON a.demand_line = m.id AND a.demand_noun = %s
    WHERE m.work_order_id = %s AND NOT m.is_backflushed GROUP BY m.id, i.id, u.id
    HAVING m.quantity - m.issued_quantity + m.returned_quantity > coalesce(sum(a.quantity), 0) ORDER BY m.position
"""


def walk_of_order(order: UUID) -> dict[str, Any]:
    """Give what is fixed for a work order, in the order to walk, and what is not there. Two statements."""
    missing = _named((*_ITEM_NAMES, "missing"), db.rows(_MISSING, [ORDER, order]))
    return {"steps": _steps(db.rows(_WALK_OF_ORDER, [ORDER, order])), "missing": missing}


def walk_of_shipment(shipment: UUID) -> dict[str, Any]:
    """Give what is fixed for a shipment, in the order to walk. One statement."""
    return {"steps": _steps(db.rows(_WALK_OF_SHIPMENT, [shipment])), "missing": []}


def _steps(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    steps = _full(_named(_STEP_NAMES, rows), "lot", "lot_number", "lot_state", "location", "bin", "bin_name")
    return _walked(steps)


_HELD = f"""
    SELECT m.id, {_ITEM}, v.lot_id, l.number,
           sum(CASE WHEN t.kind = 'production' THEN v.quantity ELSE -v.quantity END)
    FROM production_material m JOIN inventory_move v ON v.origin = m.work_order_id AND v.origin_line = m.id
    JOIN inventory_location t ON t.id = v.target_id JOIN items_item i ON i.id = m.item_id {_ITEM_FROM}
    LEFT JOIN inventory_lot l ON l.id = v.lot_id
    WHERE m.work_order_id = %s AND v.origin_noun = %s GROUP BY m.id, i.id, u.id, v.lot_id, l.number
    HAVING sum(CASE WHEN t.kind = 'production' THEN v.quantity ELSE -v.quantity END) > 0 ORDER BY m.position, l.number
"""


def held(order: UUID, plant: UUID | None) -> list[dict[str, Any]]:
    """Give what a work order has of its materials, by lot, and where each would go back to. Two statements."""
    names = ("material", *_ITEM_NAMES, "lot", "lot_number", "quantity")
    rows = _full(_named(names, db.rows(_HELD, [order, ORDER])), "lot", "lot_number")
    places = proposals(plant, [(UUID(r["item"]), UUID(r["lot"]) if r["lot"] else None) for r in rows])
    for row in rows:
        found = places.get((UUID(row["item"]), UUID(row["lot"]) if row["lot"] else None))
        row["into"] = str(found[0]) if found else ""
    return rows


_LENDERS = f"""
    SELECT {_ITEM}, mine.needed, w.id, w.number, sum(h.held), sum(h.kept)
    FROM (SELECT item_id, max(quantity - issued_quantity + returned_quantity) AS needed FROM production_material
          WHERE work_order_id = %(order)s GROUP BY item_id) mine
    JOIN items_item i ON i.id = mine.item_id {_ITEM_FROM}
    LEFT JOIN (
        SELECT m.item_id, m.work_order_id, m.issued_quantity - m.returned_quantity AS held,
               coalesce((SELECT sum(p.quantity) FROM inventory_promise p
                         WHERE p.demand_line = m.id AND p.demand_noun = %(noun)s), 0)
               + coalesce((SELECT sum(a.quantity) FROM inventory_allocation a
                           WHERE a.demand_line = m.id AND a.demand_noun = %(noun)s), 0) AS kept
        FROM production_material m JOIN production_workorder o ON o.id = m.work_order_id
        WHERE o.plant_id = %(plant)s AND o.state = ANY(%(states)s) AND o.id <> %(order)s
          AND m.item_id IN (SELECT item_id FROM production_material WHERE work_order_id = %(order)s)
    ) h ON h.item_id = i.id AND (h.held > 0 OR h.kept > 0)
    LEFT JOIN production_workorder w ON w.id = h.work_order_id
    WHERE mine.needed > 0 GROUP BY i.id, u.id, mine.needed, w.id ORDER BY i.code, sum(h.kept) DESC NULLS LAST, w.number
"""


def lenders(order: UUID, plant: UUID | None) -> list[dict[str, Any]]:
    """Give what an order still needs, and which orders could lend how much of it. One statement."""
    names = (*_ITEM_NAMES, "needed", "order", "number", "held", "kept")
    rows = db.rows(_LENDERS, {"order": order, "plant": plant, "noun": ORDER, "states": list(AT_WORK)})
    heads = (*_ITEM_NAMES, "needed")
    return _grouped(
        [{**row, "id": row["item"]} for row in _full(_named(names, rows), *heads, "order")], ("id", *heads)
    )  # fmt: skip


_SHELVES = """
    SELECT a.demand_line, b.location_id, b.lot_id, coalesce(a.quantity, b.on_hand - b.allocated)
    FROM inventory_balance b LEFT JOIN inventory_lot l ON l.id = b.lot_id
    JOIN company_plant z ON z.id = b.plant_id
    CROSS JOIN LATERAL (
        SELECT demand_line, quantity FROM inventory_allocation
        WHERE balance_id = b.id AND demand_line = ANY(%(lines)s) AND demand_noun = %(noun)s
        UNION ALL SELECT NULL, NULL
    ) a
    WHERE b.item_id = %(item)s AND b.plant_id = %(plant)s AND b.kind = ANY(%(free)s) AND b.owner_id IS NULL
      AND b.on_hand > 0 AND (%(lot)s::uuid IS NULL OR b.lot_id = %(lot)s)
      AND (l.id IS NULL OR l.state <> ALL(%(stopped)s))
      AND (l.expires_on IS NULL OR l.expires_on >= (%(now)s::timestamptz AT TIME ZONE z.zone)::date)
    ORDER BY a.demand_line NULLS LAST, l.expires_on NULLS LAST, b.first_in_at, b.id
"""


def shelves_for(
    lines: Sequence[UUID], plant: UUID, item: UUID, now: datetime, lot: UUID | None
) -> list[tuple[UUID | None, rules.Shelf]]:
    """Give what lies in stores for demand lines: what is fixed for each, then what is free, in the order to pick it."""
    given = {
        "lines": list(lines), "noun": ORDER, "item": item, "plant": plant, "free": list(FREE), "lot": lot,
        "stopped": list(STOPPED), "now": now,
    }  # fmt: skip
    return [(line, rules.Shelf(place, of, quantity)) for line, place, of, quantity in db.rows(_SHELVES, given)]


_LIES = f"""
    SELECT {_ITEM}, b.lot_id, l.number, l.state, l.expires_on, b.location_id, p.code, b.on_hand,
           CASE WHEN l.state = ANY(%(stopped)s) THEN 0 ELSE b.on_hand - b.allocated END
    FROM inventory_balance b JOIN items_item i ON i.id = b.item_id {_ITEM_FROM}
    JOIN inventory_location p ON p.id = b.location_id LEFT JOIN inventory_lot l ON l.id = b.lot_id
    WHERE b.plant_id = %(plant)s AND b.on_hand > 0 AND b.owner_id IS NULL
      AND (b.item_id = %(key)s OR b.lot_id = %(key)s OR b.location_id = %(key)s)
    ORDER BY i.code, l.expires_on NULLS LAST, b.first_in_at LIMIT 200
"""


def lies(key: UUID, plant: UUID | None) -> list[dict[str, Any]]:
    """Give what lies of an item, of a lot, or in a place. One statement."""
    names = (*_ITEM_NAMES, "lot", "lot_number", "lot_state", "expires", "location", "bin", "on_hand", "free")
    rows = db.rows(_LIES, {"key": key, "plant": plant, "stopped": list(STOPPED)})
    return _full(_named(names, rows), "lot", "lot_number")


_CODES = """
    SELECT 'inventory.location', id, code FROM inventory_location
        WHERE plant_id = %(plant)s AND (code = %(code)s OR barcode = %(code)s)
    UNION ALL SELECT 'items.item', id, code FROM items_item WHERE code = %(code)s
    UNION ALL SELECT 'inventory.lot', id, number FROM inventory_lot WHERE number = %(code)s
    UNION ALL SELECT 'production.work_order', id, number FROM production_workorder
        WHERE number = %(code)s AND plant_id = %(plant)s
    UNION ALL SELECT 'purchasing.order', id, number FROM purchasing_order
        WHERE number = %(code)s AND plant_id = %(plant)s
    UNION ALL SELECT 'purchasing.receipt', id, number FROM purchasing_receipt
        WHERE number = %(code)s AND plant_id = %(plant)s
    UNION ALL SELECT 'sales.shipment', id, number FROM sales_shipment WHERE number = %(code)s AND plant_id = %(plant)s
    LIMIT 5
"""


def named(code: str, plant: UUID | None) -> list[dict[str, Any]]:
    """Give what bears a number or a code, for labels that a phone does not know. One statement."""
    return _named(("noun", "id", "code"), db.rows(_CODES, {"code": code, "plant": plant}))
