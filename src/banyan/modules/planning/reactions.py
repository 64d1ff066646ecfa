"""What planning answers sales: when could it be there? In four statements per plant, however many lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.modules.company import queries as company
from banyan.modules.engineering import rules as engineering
from banyan.modules.engineering.values import Line, Need, Operation, micro
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.kinds import USABLE
from banyan.modules.items import queries as items
from banyan.modules.items.queries import PlanningFacts
from banyan.modules.planning.queries import ORDER, STOCK, planned_items
from banyan.modules.planning.rules import Want, earliest_days
from banyan.modules.planning.values import PlanItem, WorkDays
from banyan.modules.production import queries as production
from banyan.modules.purchasing import queries as purchasing
from banyan.modules.sales.commands.orders import DateWish

Free = dict[UUID, list[tuple[int, int]]]


@answers("sales.earliest_date")
def earliest_dates(ctx: Context, wishes: Sequence[DateWish]) -> dict[UUID, date]:
    """Give for each customer order line the first day on which it can be there, first asked first served.

    Takes:  wishes: line, item, plant, quantity in the stock unit
    Gives:  by line: today where stock suffices, else by open supply and lead times down the BOM; never before
            the day the line is wanted. Four statements per plant, however many lines
    Source: docs/algorithms/netting.md, "When could it be there"
    """
    found: dict[UUID, date] = {}
    for plant in sorted({wish.plant for wish in wishes}):
        asked = [wish for wish in wishes if wish.plant == plant]
        calendar = company.plant_calendar(plant)
        today = calendar.day_of(ctx.now)
        known = items_below(plant, list({wish.item for wish in asked}), today)
        free = free_supply(plant, list(known), [wish.line for wish in asked], today)
        days = earliest_days(
            [Want(wish.line, wish.item, micro(wish.quantity)) for wish in asked if wish.item in known],
            known, free, today.toordinal(), WorkDays(calendar.is_working_day, today),
        )  # fmt: skip
        found |= {line: date.fromordinal(day) for line, day in days.items()}
    wanted = {wish.line: wish.wanted_on for wish in wishes}
    return {line: max(day, wanted[line] or day) for line, day in found.items()}


# --- what it is made of -------------------------------------------------------------------------------------

#: The revision of an item that counts on a day: the plant's own before the one for every plant.
_COUNTING = """
    LATERAL (
        SELECT r.* FROM {table} r
        WHERE r.item_id = {item} AND r.state <> 'draft' AND r.effective_from <= %(on)s
          AND (r.effective_to IS NULL OR r.effective_to > %(on)s)
          AND (r.plant_id IS NULL OR r.plant_id = %(plant)s)
        ORDER BY r.plant_id NULLS LAST LIMIT 1
    )
"""
_LINES = """
    engineering_bomline l WHERE l.bom_id = b.id AND (l.valid_from IS NULL OR l.valid_from <= %(on)s)
        AND (l.valid_to IS NULL OR l.valid_to > %(on)s)
"""
_BELOW = f"""
    WITH RECURSIVE below (item) AS (
        SELECT unnest(%(asked)s::uuid[])
        UNION
        SELECT c.component_id FROM below w, {_COUNTING.format(table="engineering_bom", item="w.item")} b,
               LATERAL (SELECT l.component_id FROM {_LINES}) c
    )
    SELECT p.*, b.base_quantity,
           (SELECT json_agg(json_build_array(l.component_id, l.quantity::text, l.is_fixed,
                            l.scrap_percent::text, l.operation) ORDER BY l.position, l.id)::text
            FROM {_LINES}),
           (SELECT json_agg(json_build_array(o.sequence, o.yield_percent::text) ORDER BY o.sequence)::text
            FROM engineering_routingoperation o WHERE o.routing_id = r.id)
    FROM below w JOIN ({items.PLANNING}) p ON p.id = w.item
    LEFT JOIN {_COUNTING.format(table="engineering_bom", item="w.item")} b ON true
    LEFT JOIN {_COUNTING.format(table="engineering_routing", item="w.item")} r ON true
"""


def items_below(plant: UUID, ids: Sequence[UUID], on: date) -> dict[UUID, PlanItem]:
    """Give items and everything below them as the plant plans them. Two statements."""
    rows = db.rows(_BELOW, {"asked": list(ids), "ids": None, "plant": plant, "on": on})
    facts = {row[0]: PlanningFacts(*row[:-3]) for row in rows}
    places = {key: one.places for key, one in facts.items()}
    written = {
        key: _needs(facts[key], base, lines, operations, places)
        for key, *_, base, lines, operations in rows
        if base is not None
    }
    phantoms = {key for key, one in facts.items() if one.kind == "phantom"}
    return planned_items(facts, engineering.dissolve(written, phantoms), on)


def _needs(
    one: PlanningFacts, base: Decimal, lines: str | None, operations: str | None, places: dict[UUID, int]
) -> tuple[Need, ...]:
    return engineering.needs_of(
        [
            Line(UUID(component), Decimal(quantity), is_fixed, Decimal(scrap), operation)
            for component, quantity, is_fixed, scrap, operation in orjson.loads(lines or "[]")
        ],
        base_quantity=base, item_yield=one.yield_percent, places=places,
        operations=[
            Operation(sequence, "", yield_percent=Decimal(percent))
            for sequence, percent in orjson.loads(operations or "[]")
        ],
    )  # fmt: skip


# --- what is free -------------------------------------------------------------------------------------------

_PROMISABLE = "promisable"
#: Noun, record, line, item, day, quantity; what is pegged to others below zero.
_SUPPLY = f"""
    SELECT '{STOCK}', NULL::uuid, NULL::uuid, s.item, NULL::date, s.quantity
    FROM ({inventory.USABLE_STOCK}) s (item, quantity)
    UNION ALL
    SELECT '{_PROMISABLE}', NULL, NULL, a.item, NULL, a.quantity
    FROM ({inventory.AVAILABLE}) a (item, quantity)
    UNION ALL
    SELECT '{production.ORDER}', m."order", m.line, m.item, m.due, m.quantity
    FROM ({production.OPEN_SUPPLY}) m ("order", line, item, quantity, due) WHERE m.item = ANY(%(items)s)
    UNION ALL
    SELECT b.noun, b."order", b.line, b.item, b.due, b.quantity
    FROM ({purchasing.OPEN_SUPPLY}) b (noun, "order", line, item, quantity, due) WHERE b.item = ANY(%(items)s)
    UNION ALL
    SELECT '{ORDER}', f.id, NULL, f.item_id, f.due_on, f.quantity FROM planning_plannedorder f
    WHERE f.plant_id = %(plant)s AND f.state = 'firm' AND f.item_id = ANY(%(items)s)
    UNION ALL
    SELECT p.supply_noun, p.supply, p.supply_line, p.item_id, NULL, -sum(p.quantity)
    FROM planning_peg p JOIN planning_run r ON r.id = p.run_id
    WHERE r.plant_id = %(plant)s AND r.is_current AND p.item_id = ANY(%(items)s)
      AND p.demand_noun <> 'items.item_plant'
      AND (p.demand_line IS NULL OR p.demand_line <> ALL(%(lines)s))
    GROUP BY p.supply_noun, p.supply, p.supply_line, p.item_id
"""


def free_supply(plant: UUID, ids: Sequence[UUID], lines: Sequence[UUID], today: date) -> Free:
    """Give what of stock and open supply of items nobody else is pegged to, as (day, millionths).

    Takes:  lines: customer order lines whose own pegs do not count
    Gives:  safety stock is free to be promised; stock is never more than what inventory can still promise.
            One statement
    """
    given = {
        "plant": plant, "items": list(ids), "lines": list(lines), "on": today, "kinds": list(USABLE),
        "open": list(purchasing.OPEN),
    }  # fmt: skip
    left: dict[tuple, int] = defaultdict(int)
    days: dict[tuple, date] = {}
    for *ref, day, quantity in db.rows(_SUPPLY, given):
        left[tuple(ref)] += micro(quantity)
        if day:
            days[tuple(ref)] = day
    free: Free = {}
    for ref, quantity in left.items():
        noun, *_, item = ref
        if noun == STOCK:
            quantity = min(quantity, left.get((_PROMISABLE, None, None, item), 0))
        if noun != _PROMISABLE and quantity > 0:
            free.setdefault(item, []).append((days.get(ref, today).toordinal(), quantity))
    return free
