"""What a run reads, and what people ask of its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.lib.calendar import WorkingCalendar
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.values import Need, micro
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.kinds import USABLE
from banyan.modules.items import queries as items
from banyan.modules.planning.rules import Known
from banyan.modules.planning.values import (
    NORMAL,
    SAFETY,
    URGENT,
    Demand,
    PlanItem,
    Ref,
    Supply,
    WorkDays,
    World,
)
from banyan.modules.production import queries as production
from banyan.modules.purchasing import queries as purchasing
from banyan.modules.sales import queries as sales

RANKS = {"urgent": URGENT, "normal": NORMAL, "safety": SAFETY}
PRIORITY = {rank: word for word, rank in RANKS.items()}
STOCK, ORDER, AT_GATE = "inventory.balance", "planning.planned_order", "purchasing.receipt"
SAFETY_STOCK, WORK_ORDER = "items.item_plant", "production.work_order"


# --- what a run reads ---------------------------------------------------------------------------------------


def load_world(plant: UUID, today: date, calendar: WorkingCalendar, rush: Sequence[UUID] = ()) -> World:
    """Give all that a plan of a plant is made from, in a fixed number of statements.

    Takes:  rush: customer order lines that count as urgent whatever their order says
    """
    known = plan_items(plant, today)
    urgent = frozenset(rush)
    return World(
        today.toordinal(), WorkDays(calendar.is_working_day, today), known,
        _of_known(known, [*customer_demand(plant, urgent), *component_demand(plant)]),
        _of_known(known, [*stock(plant, None, today), *open_supply(plant, today), *firm_orders(plant)]),
        {s.item: s.quantity for s in stock(plant, None, today, kinds=("line_side",))},
    )  # fmt: skip


def _of_known(known: dict[UUID, PlanItem], rows: Iterable) -> list:
    return [row for row in rows if row.item in known and row.quantity > 0]


def plan_items(plant: UUID, on: date) -> dict[UUID, PlanItem]:
    """Give all items as the plant plans them. Eight statements."""
    boms = engineering.released_boms(None, on, plant)
    facts = items.planning_data(plant)
    return planned_items(facts, {key: bom.needs for key, bom in boms.items()}, on)


def planned_items(
    facts: Mapping[UUID, items.PlanningFacts], recipes: Mapping[UUID, tuple[Need, ...]], on: date
) -> dict[UUID, PlanItem]:
    """Give items by what is known of them, with the supplier to buy from. One statement.

    Takes:  recipes: what items with a BOM need
    Gives:  services are not planned; phantoms are, should somebody order one
    """
    bought = [key for key, one in facts.items() if _kind(one.kind, key in recipes) == "buy"]
    suppliers = purchasing.preferred_suppliers(bought, on)
    return {
        key: _plan_item(one, recipes.get(key, ()), suppliers.get(key))
        for key, one in facts.items()
        if one.kind != "service"
    }


def _kind(kind: str, has_bom: bool) -> str:
    return "make" if kind in ("made", "phantom") or kind == "subcontracted" and has_bom else "buy"


def _plan_item(one: items.PlanningFacts, needs: tuple, supplier) -> PlanItem:
    lead = one.lead_time_days or (supplier.lead_time_days if supplier else 0)
    return PlanItem(
        one.item, one.code, _kind(one.kind, bool(needs)), lead, one.lot_rule, micro(one.lot_minimum),
        micro(one.lot_multiple), micro(one.lot_fixed), one.supply_days,
        micro(one.safety_stock) if one.is_active else 0, one.safety_days, 10 ** (6 - one.places), needs,
        supplier.party if supplier else None, one.is_active, one.backflush, one.settings,
    )  # fmt: skip


def customer_demand(plant: UUID, rush: frozenset[UUID] = frozenset()) -> list[Demand]:
    """Give what customers wait for. One statement."""
    return [
        Demand(
            row.item, micro(row.quantity), row.due.toordinal(),
            Ref(row.noun, row.order, row.line, row.number),
            URGENT if row.line in rush else RANKS[row.priority],
        )
        for row in sales.open_demand(plant)
    ]  # fmt: skip


def component_demand(plant: UUID) -> list[Demand]:
    """Give what work orders with material lines of their own still need. One statement."""
    return [
        Demand(
            row.item, micro(row.quantity), row.due_on.toordinal(),
            Ref(row.noun, row.order, row.line, row.number), RANKS[row.priority],
        )
        for row in production.component_demand(plant)
    ]  # fmt: skip


def stock(
    plant: UUID, ids: Sequence[UUID] | None, today: date, kinds: Sequence[str] = USABLE
) -> list[Supply]:
    """Give the stock that may be used, in some kinds of locations where told. One statement."""
    return [
        Supply(item, micro(quantity), today.toordinal(), Ref(STOCK, None), "stock")
        for item, quantity in inventory.usable_stock(plant, ids, today, kinds).items()
    ]


def open_supply(plant: UUID, today: date) -> list[Supply]:
    """Give what work orders and suppliers are to bring, and what waits for inspection. Two statements."""
    made = [
        Supply(
            row.item, micro(row.quantity), row.due_on.toordinal(),
            Ref(row.noun, row.order, row.line, row.number), "order",
            explodes=row.line is None and not row.is_exploded,
            start=row.starts_on.toordinal() if row.starts_on else 0,
        )
        for row in production.open_supply(plant)
    ]  # fmt: skip
    return made + [
        Supply(
            row.item, micro(row.quantity), max(row.due, today).toordinal() if row.noun == AT_GATE else
            row.due.toordinal(), Ref(row.noun, row.order, row.line, row.number),
            "gate" if row.noun == AT_GATE else "order",
        )
        for row in purchasing.open_supply(plant)
    ]  # fmt: skip


def firm_orders(plant: UUID) -> list[Supply]:
    """Give the planned orders that people have decided upon. One statement."""
    rows = db.rows(
        "SELECT item_id, quantity, starts_on, due_on, id, number FROM planning_plannedorder "
        "WHERE plant_id = %s AND state = 'firm'",
        [plant],
    )
    return [
        Supply(
            item, micro(quantity), due.toordinal(), Ref(ORDER, key, None, number), "firm", explodes=True,
            start=starts.toordinal(),
        )
        for item, quantity, starts, due, key, number in rows
    ]  # fmt: skip


#: Days as ordinals, as the core reckons.
_OPEN = """
    SELECT id, item_id, quantity, starts_on - '0001-01-01'::date + 1,
           due_on - '0001-01-01'::date + 1, ready_on - '0001-01-01'::date + 1, kind, supplier_id, priority
    FROM planning_plannedorder WHERE plant_id = %s AND state = 'planned' ORDER BY id FOR NO KEY UPDATE
"""


def lock_open_orders(plant: UUID) -> list[Known]:
    """Lock the planned orders that nobody has decided upon, and give them. One statement."""
    return [
        Known(key, item, micro(quantity), *rest, RANKS[priority])
        for key, item, quantity, *rest, priority in db.rows(_OPEN, [plant])
    ]


# --- what people ask ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What comes in (above zero) or goes out of an item on a day, in millionths, and by which document."""

    day: date
    quantity: int
    noun: str
    record: UUID | None
    priority: str = ""


_PLANNED_CHANGES = """
    SELECT o.due_on, o.quantity, %(order)s, o.id, o.priority FROM planning_plannedorder o
    WHERE o.plant_id = %(plant)s AND o.item_id = %(item)s AND o.state = 'planned'
    UNION ALL
    SELECT p.demand_on, -sum(p.quantity), p.demand_noun, p.demand, p.priority
    FROM planning_peg p JOIN planning_run r ON r.id = p.run_id AND r.is_current AND r.plant_id = %(plant)s
    WHERE p.item_id = %(item)s AND p.demand_noun = ANY(%(ours)s)
      AND (p.demand_noun <> %(work)s OR p.demand_line IS NULL)
    GROUP BY p.demand_on, p.demand_noun, p.demand, p.priority
"""


def changes_of(plant: UUID, item: UUID, today: date) -> tuple[Change, ...]:
    """Give what comes and goes of an item, by day: stock first, supply before demand. Seven statements.

    Gives:  what exists by its documents; planned orders, and what orders without lines of their own take, by
            the current run
    """
    there = [*stock(plant, [item], today), *open_supply(plant, today), *firm_orders(plant)]
    wanted = [*customer_demand(plant), *component_demand(plant)]
    rows = [
        Change(date.fromordinal(s.day), s.quantity, s.ref.noun, s.ref.record) for s in there if s.item == item
    ] + [
        Change(date.fromordinal(d.day), -d.quantity, d.ref.noun, d.ref.record, PRIORITY[d.rank])
        for d in wanted
        if d.item == item
    ]
    given = {"plant": plant, "item": item, "order": ORDER, "work": WORK_ORDER, "ours": [ORDER, WORK_ORDER]}
    rows += [Change(day, micro(q), *rest) for day, q, *rest in db.rows(_PLANNED_CHANGES, given)]
    return tuple(
        sorted(rows, key=lambda c: (c.noun != STOCK, max(c.day, today), c.quantity < 0, str(c.record)))
    )


@dataclass(frozen=True, slots=True)
class PegStep:
    """One peg on the way from a supply up to customers, or from a demand down to what serves it."""

    level: int
    item: UUID
    quantity: Decimal
    supply_noun: str
    supply: UUID | None
    supply_on: date
    demand_noun: str
    demand: UUID
    demand_line: UUID | None
    demand_on: date


_STEP = """
    {level}, p.item_id, p.quantity, p.supply_noun, p.supply, p.supply_on, p.demand_noun, p.demand,
    p.demand_line, p.demand_on
"""
_UP = f"""
    WITH RECURSIVE up AS (
        SELECT {_STEP.format(level="1 AS level")} FROM planning_peg p
        WHERE p.run_id = %(run)s AND p.supply = ANY(%(keys)s)
        UNION
        SELECT {_STEP.format(level="u.level + 1")} FROM up u JOIN planning_peg p
        ON p.run_id = %(run)s AND p.supply = u.demand WHERE u.level < 40
    ) SELECT * FROM up ORDER BY level, demand_on, demand
"""
_DOWN = f"""
    WITH RECURSIVE down AS (
        SELECT {_STEP.format(level="1 AS level")} FROM planning_peg p
        WHERE p.run_id = %(run)s AND (p.demand_line = ANY(%(keys)s) OR p.demand = ANY(%(keys)s))
        UNION
        SELECT {_STEP.format(level="d.level + 1")} FROM down d JOIN planning_peg p
        ON p.run_id = %(run)s AND p.demand = d.supply WHERE d.level < 40
    ) SELECT * FROM down ORDER BY level, supply_on, item_id
"""


def current_run(plant: UUID) -> UUID | None:
    """Give the run that planned orders of a plant follow, None before the first. One statement."""
    row = db.one("SELECT id FROM planning_run WHERE plant_id = %s AND is_current", [plant])
    return row[0] if row else None


def current_run_with(order: UUID) -> UUID | None:
    """Give the current run in which an order serves or is served, None where there is none. One statement."""
    row = db.one(
        "SELECT r.id FROM planning_run r WHERE r.is_current AND ("
        "EXISTS (SELECT FROM planning_peg p WHERE p.run_id = r.id AND p.demand = %(order)s) OR "
        "EXISTS (SELECT FROM planning_peg p WHERE p.run_id = r.id AND p.supply = %(order)s))",
        {"order": order},
    )
    return row[0] if row else None


def serves(run: UUID, supplies: Sequence[UUID]) -> tuple[PegStep, ...]:
    """Give what some orders are for, level by level up to the customers. One statement."""
    return tuple(PegStep(*row) for row in db.rows(_UP, {"run": run, "keys": list(supplies)}))


def served_by(run: UUID, demands: Sequence[UUID]) -> tuple[PegStep, ...]:
    """Give what serves some orders or order lines, level by level down to what is bought. One statement."""
    return tuple(PegStep(*row) for row in db.rows(_DOWN, {"run": run, "keys": list(demands)}))


@dataclass(frozen=True, slots=True)
class Slip:
    """A customer order line whose day differs between two runs; `days` above zero are lost."""

    order: UUID
    line: UUID
    item: UUID
    wanted_on: date
    before: date | None
    after: date | None
    days: int


_SLIPS = """
    SELECT coalesce(a.demand, b.demand), coalesce(a.demand_line, b.demand_line),
           coalesce(a.item_id, b.item_id), coalesce(a.demand_on, b.demand_on), a.ready, b.ready,
           coalesce(b.ready - a.ready, 0)
    FROM ({side}) a FULL JOIN ({other}) b ON b.demand_line = a.demand_line
    WHERE a.ready IS DISTINCT FROM b.ready ORDER BY 7 DESC, 4, 2
"""
_READY = """
    SELECT demand, demand_line, item_id, demand_on, max(supply_on) AS ready FROM planning_peg
    WHERE run_id = %({run})s AND demand_noun = 'sales.order' GROUP BY demand, demand_line, item_id, demand_on
"""


def compare_runs(before: UUID, after: UUID) -> tuple[Slip, ...]:
    """Give the customer order lines that come earlier or later in one run than in another. One statement."""
    sql = _SLIPS.format(side=_READY.format(run="before"), other=_READY.format(run="after"))
    return tuple(Slip(*row) for row in db.rows(sql, {"before": before, "after": after}))
