"""Reads of stock, lots and value: sets in, frozen values out, a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.registry import answers
from banyan.lib.money import EXACT, rounded
from banyan.modules.inventory.errors import NoStanding
from banyan.modules.inventory.kinds import OURS, STANDING, USABLE
from banyan.modules.inventory.values import (
    LotOrigin,
    LotWhereabouts,
    MoveIntent,
    Standing,
    StockRow,
    StockWorth,
    Trace,
    TraceStep,
)

ZERO = Decimal(0)


# --- locations ----------------------------------------------------------------------------------------------


def standing(plant_id: UUID) -> Standing:
    """Give the locations that documents of a plant use when nobody names others. One statement.

    Gives:  of several of a kind the one marked default, else the first by code
    Raises: NoStanding when a kind is missing
    """
    rows = db.rows(
        "SELECT DISTINCT ON (kind) kind, id FROM inventory_location "
        "WHERE plant_id = %s AND kind = ANY(%s) AND is_active ORDER BY kind, is_default DESC, code",
        [plant_id, list(STANDING)],
    )
    if len(rows) < len(STANDING):
        code = db.one("SELECT code FROM company_plant WHERE id = %s", [plant_id])
        raise NoStanding(plant=code[0] if code else plant_id)
    return Standing(plant=plant_id, **dict(rows))


def put_away_places(plant_id: UUID, item_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give where each item is put away in the plant; those without a place of their own are left out."""
    return dict(
        db.rows(
            "SELECT item_id, location_id FROM inventory_itemlocation "
            "WHERE plant_id = %s AND item_id = ANY(%s)",
            [plant_id, list(item_ids)],
        )
    )


def locations_below(location_id: UUID) -> tuple[UUID, ...]:
    """Give a location with all that lie below it. One statement."""
    return tuple(
        key
        for (key,) in db.rows(
            "WITH RECURSIVE below AS (SELECT id FROM inventory_location WHERE id = %s "
            "UNION SELECT l.id FROM inventory_location l JOIN below b ON l.parent_id = b.id) "
            "SELECT id FROM below",
            [location_id],
        )
    )


@dataclass(frozen=True, slots=True)
class MoveFacts:
    """What a posting must know of an intent's item and ends; None where there is no such record."""

    item_code: str | None
    item_kind: str
    tracking: str
    places: int
    source_code: str | None
    source_kind: str
    source_plant: UUID
    source_is_active: bool
    target_code: str | None
    target_kind: str
    target_plant: UUID
    target_is_active: bool
    zone: str
    source_method: str
    source_standard: Decimal | None
    target_method: str
    target_standard: Decimal | None


_MOVE_FACTS = """
    SELECT i.code, i.kind, i.tracking, u.places,
           s.code, s.kind, s.plant_id, s.is_active, t.code, t.kind, t.plant_id, t.is_active, p.zone,
           coalesce(a.costing_method, 'moving_average'), a.standard_cost,
           coalesce(b.costing_method, 'moving_average'), b.standard_cost
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) WITH ORDINALITY AS k(item, source, target, n)
    LEFT JOIN items_item i ON i.id = k.item
    LEFT JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN inventory_location s ON s.id = k.source
    LEFT JOIN inventory_location t ON t.id = k.target
    LEFT JOIN company_plant p ON p.id = s.plant_id
    LEFT JOIN items_itemplant a ON a.item_id = k.item AND a.plant_id = s.plant_id
    LEFT JOIN items_itemplant b ON b.item_id = k.item AND b.plant_id = t.plant_id
    ORDER BY k.n
"""


def move_facts(intents: Sequence[MoveIntent]) -> tuple[MoveFacts, ...]:
    """Give what a posting must know, one per intent, in order. One statement."""
    arrays = [[i.item for i in intents], [i.source for i in intents], [i.target for i in intents]]
    return tuple(MoveFacts(*row) for row in db.rows(_MOVE_FACTS, arrays))


# --- stock --------------------------------------------------------------------------------------------------


def on_hand(plant_id: UUID, item_ids: Sequence[UUID] | None = None) -> dict[UUID, Decimal]:
    """Give our own stock in a plant by item, wherever in it; items without any are left out."""
    return dict(
        db.rows(
            "SELECT item_id, sum(on_hand) FROM inventory_balance WHERE plant_id = %(plant)s "
            "AND owner_id IS NULL AND on_hand > 0 "
            "AND (%(items)s::uuid[] IS NULL OR item_id = ANY(%(items)s)) "
            "GROUP BY item_id",
            {"plant": plant_id, "items": None if item_ids is None else list(item_ids)},
        )
    )


#: By item; planning asks these two together with others.
AVAILABLE = """
    SELECT item_id, available - promised FROM inventory_supply
    WHERE plant_id = %(plant)s AND (%(items)s::uuid[] IS NULL OR item_id = ANY(%(items)s))
"""
USABLE_STOCK = """
    SELECT b.item_id, sum(b.on_hand)
    FROM inventory_balance b LEFT JOIN inventory_lot l ON l.id = b.lot_id
    WHERE b.plant_id = %(plant)s AND b.owner_id IS NULL AND b.on_hand > 0
      AND b.kind = ANY(%(kinds)s) AND (l.id IS NULL OR l.state = 'released')
      AND (%(on)s::date IS NULL OR l.expires_on IS NULL OR l.expires_on >= %(on)s)
      AND (%(items)s::uuid[] IS NULL OR b.item_id = ANY(%(items)s))
    GROUP BY b.item_id
"""


def available(plant_id: UUID, item_ids: Sequence[UUID] | None = None) -> dict[UUID, Decimal]:
    """Give what can still be promised by item: released stock of our own in stores, less what is allocated
    and promised. One statement."""
    wanted = None if item_ids is None else list(item_ids)
    return dict(db.rows(AVAILABLE, {"plant": plant_id, "items": wanted}))


def usable_stock(
    plant_id: UUID, item_ids: Sequence[UUID] | None = None, on: date | None = None,
    kinds: Sequence[str] = USABLE,
) -> dict[UUID, Decimal]:  # fmt: skip
    """Give our own stock by item that may be used, promised or not: in stores and line sides, released lots.

    Takes:  on: lots whose last day lies before it are left out; kinds: of the locations that count
    Gives:  what planning reckons with: the demands that hold promises are among its own. One statement
    """
    wanted = None if item_ids is None else list(item_ids)
    given = {"plant": plant_id, "kinds": list(kinds), "on": on, "items": wanted}
    return dict(db.rows(USABLE_STOCK, given))


def stock_rows(
    plant_id: UUID, item_ids: Sequence[UUID] | None = None, *, locations: Sequence[UUID] | None = None,
    lots: Sequence[UUID] | None = None,
) -> tuple[StockRow, ...]:  # fmt: skip
    """Give what lies where, in the order to pick it: first expiry, first in. One statement."""
    given = {"plant": plant_id, "items": item_ids, "locations": locations, "lots": lots}
    rows = db.rows(
        """
        SELECT b.id, b.item_id, b.lot_id, coalesce(l.number, ''), coalesce(l.state, 'released'), l.expires_on,
               b.location_id, p.code, b.kind, b.plant_id, b.owner_id, b.on_hand, b.allocated, b.first_in_at
        FROM inventory_balance b
        JOIN inventory_location p ON p.id = b.location_id
        LEFT JOIN inventory_lot l ON l.id = b.lot_id
        WHERE b.plant_id = %(plant)s AND b.on_hand > 0
          AND (%(items)s::uuid[] IS NULL OR b.item_id = ANY(%(items)s))
          AND (%(locations)s::uuid[] IS NULL OR b.location_id = ANY(%(locations)s))
          AND (%(lots)s::uuid[] IS NULL OR b.lot_id = ANY(%(lots)s))
        ORDER BY b.item_id, l.expires_on NULLS LAST, b.first_in_at, p.code, l.number
        """,
        {k: list(v) if isinstance(v, (list, tuple, set, frozenset)) else v for k, v in given.items()},
    )
    return tuple(StockRow(*row) for row in rows)


def stock_values(plant_id: UUID, item_ids: Sequence[UUID] | None = None) -> dict[UUID, StockWorth]:
    """Give quantity and amount of our own stock by item. One statement."""
    rows = db.rows(
        "SELECT item_id, quantity, amount FROM inventory_stockvalue WHERE plant_id = %(plant)s "
        "AND (%(items)s::uuid[] IS NULL OR item_id = ANY(%(items)s))",
        {"plant": plant_id, "items": None if item_ids is None else list(item_ids)},
    )
    return {item: StockWorth(quantity, amount) for item, quantity, amount in rows}


def unit_costs(plant_id: UUID, item_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give what a piece is worth, for display: the average in stock, else the standard, else the last known.

    Gives:  six places; items of which nothing is known are left out. Two statements at most
    """
    rows = db.rows(
        "SELECT i.id, v.quantity, v.amount, p.standard_cost FROM unnest(%(items)s::uuid[]) AS i(id) "
        "LEFT JOIN inventory_stockvalue v ON v.item_id = i.id AND v.plant_id = %(plant)s "
        "LEFT JOIN items_itemplant p ON p.item_id = i.id AND p.plant_id = %(plant)s",
        {"plant": plant_id, "items": list(set(item_ids))},
    )
    costs = {
        item: rounded(EXACT.divide(amount, quantity), 6) if quantity else standard
        for item, quantity, amount, standard in rows
        if quantity or standard is not None
    }
    unknown = [(item, plant_id) for item, *_ in rows if item not in costs]
    last = last_unit_values(unknown) if unknown else {}
    return costs | {item: rounded(value, 6) for (item, _), value in last.items()}


def last_unit_values(pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Decimal]:
    """Give what a piece was worth in the last entry with a quantity, by (item, plant). One statement."""
    rows = db.rows(
        """
        SELECT k.item, k.plant, e.amount / e.quantity
        FROM unnest(%s::uuid[], %s::uuid[]) AS k(item, plant),
             LATERAL (SELECT amount, quantity FROM inventory_valueentry
                      WHERE item_id = k.item AND plant_id = k.plant AND quantity <> 0
                      ORDER BY posted_at DESC LIMIT 1) e
        """,
        [[item for item, _ in pairs], [plant for _, plant in pairs]],
    )
    return {(item, plant): unit for item, plant, unit in rows}


@answers("items.moved")
def moved_items(item_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Give those of the items that have ever moved. One statement."""
    rows = db.rows(
        "SELECT k.id FROM unnest(%s::uuid[]) AS k(id) "
        "WHERE EXISTS (SELECT FROM inventory_move m WHERE m.item_id = k.id)",
        [list(item_ids)],
    )
    return frozenset(key for (key,) in rows)


# --- lots ---------------------------------------------------------------------------------------------------

MOST_STEPS = 20_000

# An edge without an output lot leads to the lots its order has made, because that is all it knows.
_EDGES = {
    "down": """
        SELECT e.output_lot_id AS lot, e.quantity, e.origin_noun, e.origin
        FROM inventory_genealogy e WHERE e.input_lot_id = r.lot AND e.output_lot_id IS NOT NULL
        UNION ALL
        SELECT l.id, e.quantity, e.origin_noun, e.origin
        FROM inventory_genealogy e JOIN inventory_lot l ON l.origin = e.origin
        WHERE e.input_lot_id = r.lot AND e.output_lot_id IS NULL
    """,
    "up": """
        SELECT e.input_lot_id AS lot, e.quantity, e.origin_noun, e.origin
        FROM inventory_genealogy e WHERE e.output_lot_id = r.lot
        UNION ALL
        SELECT e.input_lot_id, e.quantity, e.origin_noun, e.origin
        FROM inventory_lot l JOIN inventory_genealogy e ON e.origin = l.origin AND e.output_lot_id IS NULL
        WHERE l.id = r.lot
    """,
}

_TRACE = """
    WITH RECURSIVE r (lot, depth, through, quantity, origin_noun, origin) AS (
        SELECT k.id, 0, NULL::uuid, NULL::numeric, NULL::varchar, NULL::uuid
        FROM unnest(%(lots)s::uuid[]) AS k(id)
        UNION
        SELECT s.lot, r.depth + 1, r.lot, s.quantity, s.origin_noun, s.origin
        FROM r, LATERAL (
            SELECT x.lot, sum(x.quantity) AS quantity, x.origin_noun, x.origin FROM ({edges}) x
            GROUP BY x.lot, x.origin_noun, x.origin HAVING sum(x.quantity) > 0
        ) s
        WHERE r.depth < %(limit)s AND s.lot <> r.lot
    ),
    capped AS (SELECT * FROM r LIMIT %(most)s),
    nearest AS (
        SELECT DISTINCT ON (lot) * FROM capped WHERE depth > 0 AND lot <> ALL(%(lots)s::uuid[])
        ORDER BY lot, depth, through
    )
    SELECT n.depth, l.id, l.number, l.item_id, l.state, n.through, n.quantity, n.origin_noun, n.origin,
           (SELECT count(*) FROM capped)
    FROM nearest n JOIN inventory_lot l ON l.id = n.lot
    ORDER BY n.depth, l.number, l.id
"""


def trace(lot_ids: Sequence[UUID], direction: Literal["up", "down"], depth_limit: int = 20) -> Trace:
    """Follow genealogy from lots: down to what was made of them, up to what they were made of. One statement.

    Gives:  every lot once, at its least depth, the lots asked for not among them; edges that were undone
            (they add up to zero) do not lead on. A loop ends at the depth limit, a flood at MOST_STEPS
    """
    wanted = {"lots": list(set(lot_ids)), "limit": depth_limit, "most": MOST_STEPS}
    rows = db.rows(_TRACE.format(edges=_EDGES[direction]), wanted)
    steps = tuple(TraceStep(*row[:-1]) for row in rows)
    is_flood = bool(rows) and rows[0][-1] >= MOST_STEPS
    return Trace(steps, is_flood or any(step.depth == depth_limit for step in steps))


def origins(lot_ids: Sequence[UUID]) -> tuple[LotOrigin, ...]:
    """Give the moves that brought lots into our stock from outside, oldest first. One statement."""
    rows = db.rows(
        """
        SELECT m.lot_id, m.quantity, m.source_id, s.kind, m.moved_at, m.origin_noun, m.origin
        FROM inventory_move m JOIN inventory_location s ON s.id = m.source_id
        WHERE m.lot_id = ANY(%s) AND s.kind <> ALL(%s) AND m.reverses_id IS NULL
          AND NOT EXISTS (SELECT FROM inventory_move x WHERE x.reverses_id = m.id)
        ORDER BY m.moved_at, m.id
        """,
        [list(lot_ids), list(OURS)],
    )
    return tuple(LotOrigin(*row) for row in rows)


def whereabouts(lot_ids: Sequence[UUID]) -> tuple[LotWhereabouts, ...]:
    """Give where lots lie now, and where the rest of them went, net of what came back. One statement.

    Gives:  our places first, without origin; then the far ends (customer, production, scrap …) by document
    """
    rows = db.rows(
        """
        SELECT b.lot_id, b.location_id, p.code, b.kind, b.on_hand, '', NULL::uuid, b.first_in_at, 0 AS turn
        FROM inventory_balance b JOIN inventory_location p ON p.id = b.location_id
        WHERE b.lot_id = ANY(%(lots)s) AND b.on_hand > 0
        UNION ALL
        SELECT w.lot_id, w.place, p.code, p.kind, sum(w.quantity), w.origin_noun, w.origin, max(w.moved_at), 1
        FROM (
            SELECT lot_id, target_id AS place, quantity, origin_noun, origin, moved_at
            FROM inventory_move WHERE lot_id = ANY(%(lots)s)
            UNION ALL
            SELECT lot_id, source_id, -quantity, origin_noun, origin, moved_at
            FROM inventory_move WHERE lot_id = ANY(%(lots)s)
        ) w JOIN inventory_location p ON p.id = w.place
        WHERE p.kind <> ALL(%(ours)s)
        GROUP BY w.lot_id, w.place, p.code, p.kind, w.origin_noun, w.origin HAVING sum(w.quantity) > 0
        ORDER BY 9, 8, 3
        """,
        {"lots": list(lot_ids), "ours": list(OURS)},
    )
    return tuple(LotWhereabouts(*row[:-1]) for row in rows)


def held_by(demand_lines: Sequence[UUID]) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Give what demand lines hold as (promised, allocated), those that hold anything. One statement."""
    rows = db.rows(
        """
        SELECT line, sum(promised), sum(allocated) FROM (
            SELECT demand_line AS line, quantity AS promised, 0 AS allocated
            FROM inventory_promise WHERE demand_line = ANY(%(lines)s)
            UNION ALL
            SELECT demand_line, 0, quantity FROM inventory_allocation WHERE demand_line = ANY(%(lines)s)
        ) h GROUP BY line
        """,
        {"lines": list(demand_lines)},
    )
    return {line: (promised, allocated) for line, promised, allocated in rows}
