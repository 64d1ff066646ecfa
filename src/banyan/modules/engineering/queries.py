"""Reads of structure and cost: sets in, frozen values out, a fixed number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.lib.graph import topological_levels
from banyan.modules.engineering import rules
from banyan.modules.engineering.rules import Recipe
from banyan.modules.engineering.values import (
    BomFacts,
    CostBreakdown,
    Exploded,
    Line,
    Need,
    Operation,
    Output,
    Rates,
    RoutingFacts,
    Use,
)
from banyan.modules.equipment import queries as equipment
from banyan.modules.inventory import queries as inventory
from banyan.modules.items import queries as items

__all__ = ["BomFacts", "CostBreakdown", "Exploded", "Making", "Need", "Operation", "RoutingFacts", "Use"]

DEPTH_LIMIT = 40

#: The revision that counts on a day, one per item: the plant's own before the one for every plant.
_IN_FORCE = """
    SELECT DISTINCT ON (r.item_id)
           r.id, r.item_id, r.revision, r.plant_id, r.effective_from, r.effective_to {more}
    FROM {table} r
    WHERE r.state <> 'draft' AND r.effective_from <= %(on)s
      AND (r.effective_to IS NULL OR r.effective_to > %(on)s)
      AND (r.plant_id IS NULL OR r.plant_id = %(plant)s)
    ORDER BY r.item_id, r.plant_id NULLS LAST
"""
_BOMS_IN_FORCE = _IN_FORCE.format(table="engineering_bom", more=", r.base_quantity")
_ROUTINGS_IN_FORCE = _IN_FORCE.format(table="engineering_routing", more="")
_VALID = "(l.valid_from IS NULL OR l.valid_from <= %(on)s) AND (l.valid_to IS NULL OR l.valid_to > %(on)s)"

_BOMS = f"""
    WITH RECURSIVE counting AS MATERIALIZED ({_BOMS_IN_FORCE}),
    wanted (item) AS (
        SELECT unnest(%(items)s::uuid[])
        UNION
        SELECT l.component_id FROM wanted w JOIN counting b ON b.item_id = w.item
        JOIN engineering_bomline l ON l.bom_id = b.id JOIN items_item i ON i.id = l.component_id
        WHERE {_VALID} AND (%(deep)s OR i.kind = 'phantom')
    )
    SELECT b.id, b.item_id, b.revision, b.plant_id, b.effective_from, b.effective_to, b.base_quantity
    FROM counting b WHERE %(items)s::uuid[] IS NULL OR b.item_id IN (SELECT item FROM wanted)
"""
_LINES = f"""
    SELECT l.bom_id, l.component_id, l.quantity, l.is_fixed, l.scrap_percent, l.operation, l.id, l.place
    FROM engineering_bomline l WHERE l.bom_id = ANY(%(boms)s) AND {_VALID}
    ORDER BY l.bom_id, l.position, l.id
"""
_OUTPUTS = """
    SELECT bom_id, item_id, quantity, cost_share, kind FROM engineering_bomoutput
    WHERE bom_id = ANY(%(boms)s) ORDER BY bom_id, position, id
"""
_OPERATIONS = """
    SELECT routing_id, sequence, name, work_centre_id, setup_minutes, run_minutes, queue_minutes,
           overlap_quantity, report_ratio, predecessors, yield_percent, skill_id, instructions,
           is_subcontracted, supplier_id, service_item_id, subcontract_price, subcontract_days,
           data::text, id, name_en, needs_approval
    FROM engineering_routingoperation WHERE routing_id = ANY(%s) ORDER BY routing_id, sequence
"""


@dataclass(frozen=True, slots=True)
class Making:
    """What it takes to make items at a plant on a day, by item: BOM, routing, and the planning data of the
    items and of everything on their BOMs."""

    boms: dict[UUID, BomFacts]
    routings: dict[UUID, RoutingFacts]
    planning: dict[UUID, items.PlanningFacts]


def making(item_ids: Sequence[UUID], on: date, plant: UUID | None) -> Making:
    """Give what it takes to make each item; one without BOM or routing lacks it there. Six statements."""
    return _making(item_ids, on, plant, deep=False)


def released_boms(
    item_ids: Sequence[UUID] | None, on: date, plant: UUID | None, *, deep: bool = False
) -> dict[UUID, BomFacts]:
    """Give the BOM that counts for each item on a day, lines valid that day; items without one are left out.

    Takes:  item_ids: None for all; deep: also those of everything below
    Gives:  `lines` as written, `needs` with all allowances and phantoms dissolved. Six statements
    """
    return _making(item_ids, on, plant, deep=deep).boms


def _making(item_ids: Sequence[UUID] | None, on: date, plant: UUID | None, *, deep: bool) -> Making:
    heads = db.rows(_BOMS, {"on": on, "plant": plant, "items": _ids(item_ids), "deep": deep})
    wanted = {"boms": [row[0] for row in heads], "on": on}
    lines, outputs = _grouped(db.rows(_LINES, wanted)), _grouped(db.rows(_OUTPUTS, wanted))
    made_here = {row[1] for row in heads} | set(item_ids or ())
    facts = _planning(plant, made_here | {one[0] for several in lines.values() for one in several})
    routings = released_routings(list(made_here), on, plant)
    places = {key: one.places for key, one in facts.items()}
    phantoms = {key for key, one in facts.items() if one.kind == "phantom"}
    made: dict[UUID, BomFacts] = {}
    for bom, item, revision, own_plant, effective_from, effective_to, base in heads:
        written = tuple(Line(*one) for one in lines.get(bom, ()))
        routing = routings.get(item)
        needs = rules.needs_of(
            written, base_quantity=base, operations=routing.operations if routing else (),
            item_yield=facts[item].yield_percent, places=places,
        )  # fmt: skip
        made[item] = BomFacts(
            bom, item, revision, base, written, needs, tuple(Output(*one) for one in outputs.get(bom, ())),
            own_plant, effective_from, effective_to,
        )  # fmt: skip
    dissolved = rules.dissolve(rules.recipes_of(made.values()), phantoms)
    asked = None if item_ids is None or deep else set(item_ids)
    boms = {
        item: replace(bom, needs=dissolved[item])
        for item, bom in made.items()
        if asked is None or item in asked
    }
    return Making(boms, routings, facts)


def released_routings(
    item_ids: Sequence[UUID] | None, on: date, plant: UUID | None
) -> dict[UUID, RoutingFacts]:
    """Give the routing that counts for each item on a day; items without one are left out. Two statements."""
    heads = db.rows(
        f"SELECT * FROM ({_ROUTINGS_IN_FORCE}) r "
        "WHERE %(items)s::uuid[] IS NULL OR r.item_id = ANY(%(items)s)",
        {"on": on, "plant": plant, "items": _ids(item_ids)},
    )
    operations = _grouped(db.rows(_OPERATIONS, [[row[0] for row in heads]]))
    return {
        item: RoutingFacts(
            routing,
            item,
            revision,
            rules.linked([_operation(row) for row in operations.get(routing, ())]),
            own_plant,
        )  # fmt: skip
        for routing, item, revision, own_plant, *_ in heads
    }


def explode(
    item: UUID, quantity: Decimal, on: date, plant: UUID | None, *, phantoms: bool = False
) -> tuple[Exploded, ...]:
    """Give everything below an item in the order of the drawings, each use on its own row. Six statements.

    Takes:  phantoms: whether they are dissolved, as an order dissolves them
    Gives:  at most rules.MOST_ROWS rows
    """
    boms = released_boms([item], on, plant, deep=True)
    return rules.explode(_recipes(boms, dissolved=phantoms), item, quantity)


def total_needs(wants: Mapping[UUID, Decimal], on: date, plant: UUID | None) -> dict[UUID, Decimal]:
    """Give how much of every item the wants take, each item once, parents first. Six statements."""
    boms = released_boms(list(wants), on, plant, deep=True)
    return rules.total_needs(_recipes(boms, dissolved=True), wants)


def _recipes(boms: Mapping[UUID, BomFacts], *, dissolved: bool) -> dict[UUID, tuple[Need, ...]]:
    """Give what items need; phantoms kept as levels of their own where they are not dissolved."""
    if dissolved:
        return rules.recipes_of(boms.values())
    return {item: rules.needs_of(bom.lines, base_quantity=bom.base_quantity) for item, bom in boms.items()}


_USES = """
    WITH RECURSIVE up (level, component, item, bom, revision, state, quantity, is_fixed, plant) AS (
        SELECT 1, l.component_id, b.item_id, b.id, b.revision, b.state, l.quantity, l.is_fixed, b.plant_id
        FROM engineering_bomline l JOIN engineering_bom b ON b.id = l.bom_id
        WHERE l.component_id = ANY(%(items)s) AND {counts}
        UNION
        SELECT u.level + 1, l.component_id, b.item_id, b.id, b.revision, b.state, l.quantity, l.is_fixed,
               b.plant_id
        FROM up u JOIN engineering_bomline l ON l.component_id = u.item
        JOIN engineering_bom b ON b.id = l.bom_id
        WHERE u.level < %(depth)s AND {counts}
    )
    SELECT u.* FROM up u JOIN items_item i ON i.id = u.item ORDER BY u.level, i.code, u.revision
"""
_COUNTS_ON = (
    "b.state <> 'draft' AND b.effective_from <= %(on)s "
    "AND (b.effective_to IS NULL OR b.effective_to > %(on)s) AND " + _VALID
)


def where_used(item_ids: Sequence[UUID], on: date | None = None, depth: int = DEPTH_LIMIT) -> tuple[Use, ...]:
    """Give the places where items are used, up to the finished products. One statement.

    Takes:  on: only revisions and lines that count that day; None: every revision, drafts too
    Gives:  by level, 1 for the items' own parents
    """
    counts = "true" if on is None else _COUNTS_ON
    rows = db.rows(_USES.format(counts=counts), {"items": list(item_ids), "on": on, "depth": depth})
    return tuple(Use(*row) for row in rows)


def low_level_codes(edges: Iterable[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Give each item its low-level code. Raises: CircleFound with the path."""
    return topological_levels(edges)


def standard_costs(plant: UUID, item_ids: Sequence[UUID] | None, on: date) -> dict[UUID, CostBreakdown]:
    """Give what one stock unit costs by today's structure, rates and prices, each item computed once.

    Takes:  item_ids: with all below them; None for everything that has a BOM
    Gives:  what is bought costs its standard, else what its stock is worth; what has neither is `missing`.
            Twelve statements at most
    Source: docs/algorithms/roll-up.md
    """
    boms = released_boms(item_ids, on, plant, deep=True)
    routings = released_routings(list(boms), on, plant)
    named = {need.component for bom in boms.values() for need in bom.needs} | set(boms) | set(item_ids or ())
    named |= {output.item for bom in boms.values() for output in bom.outputs}
    facts = _planning(plant, named)
    named &= set(facts)
    recipes = {
        item: Recipe(
            bom.needs,
            routings[item].operations if item in routings else (),
            bom.outputs,
            bom.base_quantity,
            facts[item].yield_percent,
            facts[item].standard_lot,
        )  # fmt: skip
        for item, bom in boms.items()
    }
    prices = {item: facts[item].standard_cost for item in named if item not in recipes}
    unpriced = [item for item, price in prices.items() if price is None]
    worth = inventory.unit_costs(plant, unpriced) if unpriced else {}
    known = {item: price if price is not None else worth.get(item) for item, price in prices.items()}
    hours = equipment.rates([o.work_centre for r in routings.values() for o in r.operations])
    return rules.roll_up(
        recipes, {item: price for item, price in known.items() if price is not None},
        {centre: Rates(one.labour, one.machine, one.overhead) for centre, one in hours.items()},
    )  # fmt: skip


def _planning(plant: UUID | None, ids: Iterable[UUID]) -> dict[UUID, items.PlanningFacts]:
    return items.planning_data(plant or UUID(int=0), list(ids))


def _ids(given: Sequence[UUID] | None) -> list[UUID] | None:
    return None if given is None else list(given)


def _grouped(rows: Iterable[tuple]) -> dict[UUID, list[tuple]]:
    found: dict[UUID, list[tuple]] = defaultdict(list)
    for key, *rest in rows:
        found[key].append(tuple(rest))
    return found


def _operation(row: tuple) -> Operation:
    """Give an operation from its columns; predecessors are stored as text, data as JSON."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["predecessors"] = rules.parse_predecessors(values["predecessors"])
    data = orjson.loads(values["data"]) if values["data"] else []
    values["data"] = tuple(data) if isinstance(data, list) else (data,)
    return Operation(**values)


_COLUMNS = (
    "sequence", "name", "work_centre", "setup_minutes", "run_minutes", "queue_minutes", "overlap_quantity",
    "report_ratio", "predecessors", "yield_percent", "skill", "instructions", "is_subcontracted", "supplier",
    "service_item", "subcontract_price", "subcontract_days", "data", "operation", "name_en",
    "needs_approval",
)  # fmt: skip
