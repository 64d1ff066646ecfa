"""Reads of production: sets in, frozen values out, a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.registry import port
from banyan.lib.labels import L, in_english
from banyan.lib.quantity import round_quantity
from banyan.modules.engineering import queries as engineering
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.queries import available, held_by
from banyan.modules.people.queries import employees_by_id
from banyan.modules.production import rules
from banyan.modules.production.events import ReleasedStep, WorkChanged, WorkReleased
from banyan.modules.production.models import Material, WorkOrder
from banyan.modules.production.values import BuiltLine, BuiltStep, Chip, DemandRow, Done, SupplyRow, Task, WipFacts

ORDER = "production.work_order"
ZERO = Decimal(0)
_OPEN = "('planned', 'firm', 'released', 'running')"
#: What an operation `o` is called in the reader's language: `%(english)s` by `labels.in_english`.
OPERATION_NAME = "CASE WHEN %(english)s AND o.name_en <> '' THEN o.name_en ELSE o.name END"


_RELEASED = """
    SELECT w.id, i.code, i.name, u.code, o.id, o.sequence, o.name, coalesce(c.code, ''), o.quantity, o.setup_minutes,
           o.run_minutes
    FROM production_workorder w JOIN items_item i ON i.id = w.item_id JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN production_operation o ON o.work_order_id = w.id AND o.state <> 'skipped'
    LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
    WHERE w.id = ANY(%s) ORDER BY w.id, o.sequence
"""


def released(orders: Sequence[WorkOrder]) -> tuple[WorkReleased, ...]:
    """Give what is told of orders that have just been released, in one statement."""
    return tuple(WorkReleased(**facts) for facts in _facts_of(orders))


def changed(order: WorkOrder, change: str, reason: str) -> WorkChanged:
    """Give what is told of an order that was changed at work, as it is to be made now. One statement."""
    (facts,) = _facts_of([order])
    return WorkChanged(**facts, change=change, reason=reason)


def _facts_of(orders: Sequence[WorkOrder]) -> list[dict[str, Any]]:
    names: dict[UUID, tuple[str, str, str]] = {}
    steps: dict[UUID, list[ReleasedStep]] = {}
    for order, code, name, unit, *step in db.rows(_RELEASED, [[order.pk for order in orders]]):
        names[order] = code, name, unit
        steps.setdefault(order, []).extend([ReleasedStep(*step)] if step[0] else [])
    return [
        dict(
            record=order.pk, item=order.item_id, plant=order.plant_id, quantity=order.quantity,
            unit_cost=order.unit_cost, item_code=names[order.pk][0], item_name=names[order.pk][1],
            unit=names[order.pk][2], due_on=order.due_on, steps=tuple(steps[order.pk]),
        )
        for order in orders
    ]  # fmt: skip


# --- for planning -------------------------------------------------------------------------------------------

#: Columns as in SupplyRow without its noun; planning asks it together with others.
OPEN_SUPPLY = f"""
    SELECT w.id, NULL::uuid, w.item_id, w.quantity - w.made_quantity, w.due_on, w.state <> 'planned',
           w.number, w.starts_on,
           EXISTS (SELECT 1 FROM production_material m WHERE m.work_order_id = w.id)
    FROM production_workorder w
    WHERE w.plant_id = %(plant)s AND w.state IN {_OPEN} AND w.kind <> 'disassembly' AND w.quantity >
           w.made_quantity
    UNION ALL
    SELECT w.id, o.id, o.item_id, o.quantity - o.made_quantity, w.due_on, w.state <> 'planned', w.number,
           w.starts_on, true
    FROM production_output o JOIN production_workorder w ON w.id = o.work_order_id
    WHERE w.plant_id = %(plant)s AND w.state IN {_OPEN} AND o.quantity > o.made_quantity
    ORDER BY 5, 1
"""


def open_supply(plant_id: UUID) -> tuple[SupplyRow, ...]:
    """Give what work orders of a plant will still bring, by due date; planned ones are not firm. One
    statement."""
    return tuple(
        SupplyRow(ORDER, order, line, item, quantity, due_on, is_firm, number or "", starts_on, is_exploded)
        for order, line, item, quantity, due_on, is_firm, number, starts_on, is_exploded in db.rows(
            OPEN_SUPPLY, {"plant": plant_id}
        )
    )


_DEMAND = f"""
    SELECT w.id, m.id, m.item_id, m.quantity - m.issued_quantity + m.returned_quantity, coalesce(w.starts_on,
           w.due_on),
           w.priority, w.number
    FROM production_material m JOIN production_workorder w ON w.id = m.work_order_id
    WHERE w.plant_id = %(plant)s AND w.state IN {_OPEN}
      AND m.quantity - m.issued_quantity + m.returned_quantity > 0
    UNION ALL
    SELECT w.id, m.id, m.item_id, m.debt_quantity, coalesce(w.starts_on, w.due_on), w.priority, w.number
    FROM production_material m JOIN production_workorder w ON w.id = m.work_order_id
    WHERE w.plant_id = %(plant)s AND w.state = 'completed' AND m.debt_quantity > 0
    ORDER BY 5, 1, 2
"""


def component_demand(plant_id: UUID) -> tuple[DemandRow, ...]:
    """Give what work orders of a plant still need by their own material lines, by the day they start. One
    statement.

    Orders without lines of their own are not among them: what they need follows from their BOM
    (`is_exploded`)
    """
    return tuple(
        DemandRow(ORDER, order, line, item, quantity, due_on, priority, number or "")
        for order, line, item, quantity, due_on, priority, number in db.rows(_DEMAND, {"plant": plant_id})
    )


# --- kit check ----------------------------------------------------------------------------------------------


def kit_check(orders: Sequence[UUID], *, on: object = None) -> tuple[rules.KitLine, ...]:
    """Give for each order and component what is needed, what is there for it, and what is missing.

    Takes:  orders served in the order given; on: the day whose BOM counts for orders without lines of their
            own
    Gives:  what is kept for the order already counts for it, the rest comes from what is free. Released
            orders in three statements per plant, orders not released yet in ten
    """
    heads = {
        key: rest
        for key, *rest in WorkOrder.objects.filter(pk__in=list(orders)).values_list(
            "id", "plant_id", "item_id", "quantity", "due_on"
        )
    }
    lines: dict[UUID, list[tuple[UUID, UUID, Decimal]]] = {}
    for key, order, item, quantity, issued, returned in (
        Material.objects.filter(work_order__in=list(orders))
        .order_by("position", "pk")
        .values_list("id", "work_order_id", "item_id", "quantity", "issued_quantity", "returned_quantity")
    ):
        lines.setdefault(order, []).append((key, item, quantity - issued + returned))
    kept = held_by([line[0] for several in lines.values() for line in several])
    found: list[rules.KitLine] = []
    for plant in dict.fromkeys(head[0] for head in heads.values()):
        here = [order for order in orders if order in heads and heads[order][0] == plant]
        unlined = [order for order in here if order not in lines]
        boms = (
            engineering.released_boms(
                sorted({heads[o][1] for o in unlined}), on or max(heads[o][3] for o in unlined), plant
            )
            if unlined
            else {}
        )
        for order in unlined:
            bom = boms.get(heads[order][1])
            lines[order] = (
                [(n.line, n.component, n.for_order(heads[order][2])) for n in bom.needs] if bom else []
            )
        free = available(plant, sorted({item for o in here for _, item, _ in lines[o]}))
        needs = [(o, *line) for o in here for line in lines[o] if line[2] > 0]
        found += rules.kit_check(needs, free, {key: sum(held) for key, held in kept.items()})
    return tuple(found)


# --- for people ---------------------------------------------------------------------------------------------

#: The order in which somebody's tasks are to be done: an urgent one that nobody has placed, then as placed.
TASK_ORDER = """
    coalesce(a.place, CASE WHEN w.priority = 'urgent' THEN 0 END) NULLS LAST, w.priority DESC,
    a.starts_at NULLS LAST, w.due_on, w.number, o.sequence
"""
_TASKS = f"""
    SELECT a.id, w.id, w.number, w.item_id, o.id, o.sequence, {OPERATION_NAME}, o.state, coalesce(a.quantity,
           o.quantity),
           o.good_quantity, coalesce(a.machine_id, o.machine_id), w.due_on, w.priority, a.starts_at, w.part_name
    FROM production_assignment a
    JOIN production_operation o ON o.id = a.operation_id
    JOIN production_workorder w ON w.id = o.work_order_id
    WHERE a.is_active AND (a.employee_id = %(employee)s OR a.team_id = %(team)s)
      AND w.state IN ('released', 'running') AND o.state IN ('open', 'running')
    ORDER BY {TASK_ORDER}
"""


def machines_given(employee_id: UUID, operations: Sequence[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Give the machine, and its code, that an employee was put on at operations, alone or with the team; nothing
    where the leader named none. One statement."""
    from banyan.modules.production.commands.flow import ASSIGNED

    rows = db.rows(
        f"SELECT g.operation, m.id, m.code FROM ({ASSIGNED}) g JOIN equipment_machine m ON m.id = g.machine_id",
        {"at": list(operations), "hands": [employee_id] * len(operations)},
    )
    return {operation: (machine, code) for operation, machine, code in rows}


def my_tasks(employee_id: UUID) -> tuple[Task, ...]:
    """Give the open operations assigned to an employee or their team: as the leader has placed them, urgent
    first, then by start and due date.

    Gives:  `room`: how many counts may be reported now, by what has come from the operation before. Three
            statements
    """
    from banyan.modules.production.commands.flow import read_shop

    person = employees_by_id([employee_id]).get(employee_id)
    if person is None:
        return ()
    rows = db.rows(_TASKS, {"employee": employee_id, "team": person.team, "english": in_english()})
    shop = read_shop(orders=sorted({row[1] for row in rows})) if rows else None
    found = []
    for (
        key,
        order,
        number,
        item,
        operation,
        sequence,
        name,
        state,
        quantity,
        good,
        machine,
        due_on,
        priority,
        starts_at,
        part_name,
    ) in rows:
        op = shop.ops[operation]
        room = max(ZERO, rules.room(sequence, shop.flows(order), op.planned, op.tolerance))
        found.append(
            Task(
                key,
                order,
                number,
                item,
                operation,
                sequence,
                name,
                state,
                quantity,
                good,
                room,
                machine,
                due_on,
                priority,
                starts_at,
                part_name,
            )
        )
    return tuple(found)


_CHIPS = """
    SELECT * FROM (
        SELECT o.name, max(o.name_en), mode() WITHIN GROUP (ORDER BY o.work_centre_id), count(*),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY o.sequence) AS place
        FROM (
            SELECT o.name, o.name_en, o.work_centre_id, o.sequence
            FROM engineering_routingoperation o JOIN engineering_routing r ON r.id = o.routing_id
            WHERE r.state = 'released' AND NOT o.is_subcontracted AND (r.plant_id IS NULL OR r.plant_id = %(plant)s)
            UNION ALL
            SELECT o.name, o.name_en, o.work_centre_id, o.sequence
            FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
            WHERE w.kind = 'temporary' AND w.plant_id = %(plant)s
        ) o JOIN equipment_workcentre c ON c.id = o.work_centre_id
        WHERE c.plant_id = %(plant)s AND c.is_active
        GROUP BY o.name ORDER BY 4 DESC, 1 LIMIT %(most)s
    ) usual ORDER BY place, 1
"""


def usual_operations(plant_id: UUID, most: int = 24) -> tuple[Chip, ...]:
    """Give the operations that are most usual at a plant, each with its usual work centre, in their usual order. One
    statement."""
    return tuple(Chip(name, en or name, centre) for name, en, centre, *_ in db.rows(
        _CHIPS, {"plant": plant_id, "most": most}
    ))


#: What a report says of somebody is asked once for each person: in the join it took most of the time.
_WORK = f"""
    WITH asked AS MATERIALIZED (
        SELECT e AS employee, jsonb_build_array(jsonb_build_object('employee', e)) AS part
        FROM unnest(%(employees)s::text[]) e
    ), done AS (
        SELECT a.employee, r.work_order_id, r.operation_id, coalesce(u.kind, r.kind) AS kind,
               sum((mine.p ->> 'quantity')::numeric) AS quantity, sum((mine.p ->> 'minutes')::numeric) AS minutes
        FROM asked a JOIN production_report r ON r.people @> a.part AND r.day = %(day)s
        LEFT JOIN production_report u ON u.id = r.reverses_id
        CROSS JOIN LATERAL (
            SELECT CASE jsonb_array_length(r.people) WHEN 1 THEN r.people -> 0 ELSE (
                SELECT p FROM jsonb_array_elements(r.people) p WHERE p ->> 'employee' = a.employee LIMIT 1
            ) END AS p OFFSET 0
        ) mine
        WHERE coalesce(u.kind, r.kind) IN ('good', 'scrap', 'rework')
        GROUP BY 1, 2, 3, 4 HAVING sum((mine.p ->> 'quantity')::numeric) <> 0
    )
    SELECT done.employee::uuid, w.number, o.id, o.sequence, {OPERATION_NAME}, done.kind, done.quantity, done.minutes
    FROM done JOIN production_workorder w ON w.id = done.work_order_id
    JOIN production_operation o ON o.id = done.operation_id
    ORDER BY w.number, o.sequence, done.kind
"""


#: What people's work of a plant's day has earned: (employees, day) → {employee: {(operation, kind): amount}}; under
#: the kind "share" an estimate of what they get of their team's piece wages.
earned_by = port("wages.earned", lambda employees, day: {})


def earned(employee_id: UUID, day: date) -> dict[tuple[UUID, str], Decimal]:
    """Give what somebody's work of a plant's day has earned, by operation and kind."""
    return earned_by([employee_id], day).get(employee_id, {})


def work_of(employee_id: UUID, day: date) -> tuple[Done, ...]:
    """Give what an employee reported on a plant's day, their own part of count and time. One
    statement."""
    return works_of([employee_id], day).get(employee_id, ())


def works_of(employees: Sequence[UUID], day: date) -> dict[UUID, tuple[Done, ...]]:
    """Give what employees reported on a plant's day, as `work_of` does of one. One statement."""
    found: dict[UUID, tuple[Done, ...]] = {}
    asked = {"employees": [str(one) for one in employees], "day": day, "english": in_english()}
    for employee, number, *rest in db.rows(_WORK, asked):
        found[employee] = (*found.get(employee, ()), Done(number or "", *rest))
    return found


# --- where an order stands ----------------------------------------------------------------------------------

_WIP = """
    SELECT w.id, w.number, w.item_id, w.plant_id, w.state, w.quantity, w.made_quantity, w.scrapped_quantity,
           w.unit_cost,
           w.completed_amount, coalesce(sum(r.labour_minutes + r.setup_minutes), 0),
           coalesce(sum(r.machine_minutes + r.setup_minutes), 0),
           coalesce(sum(r.labour_amount + r.machine_amount + r.overhead_amount), 0)
    FROM production_workorder w LEFT JOIN production_report r ON r.work_order_id = w.id
    WHERE w.state IN ('released', 'running', 'completed') AND (%(plant)s::uuid IS NULL OR w.plant_id =
           %(plant)s)
      AND (%(orders)s::uuid[] IS NULL OR w.id = ANY(%(orders)s))
    GROUP BY w.id ORDER BY w.number
"""


def wip_facts(plant_id: UUID | None = None, orders: Sequence[UUID] | None = None) -> tuple[WipFacts, ...]:
    """Give where open orders stand in pieces, time and money, all or those named. Two statements."""
    from banyan.modules.production.commands.flow import read_shop

    rows = db.rows(_WIP, {"plant": plant_id, "orders": None if orders is None else list(orders)})
    shop = read_shop(orders=[row[0] for row in rows])
    found = []
    for (
        order,
        number,
        item,
        plant,
        state,
        quantity,
        made,
        scrapped,
        unit_cost,
        completed,
        labour,
        machine,
        conversion,
    ) in rows:
        ops = shop.by_order.get(order, {})
        finished = shop.finished(order) if ops else made
        found.append(
            WipFacts(
                order,
                number or "",
                item,
                plant,
                state,
                quantity,
                finished,
                made,
                scrapped,
                _equivalents([op for op in ops.values() if op.state != "skipped"], finished),
                labour,
                machine,
                conversion,
                round(quantity * unit_cost, 2),
                completed,
            )
        )
    return tuple(found)


_LEFT = """
    SELECT w.id, coalesce((
            SELECT -sum(e.amount + e.difference) FROM inventory_valueentry e JOIN inventory_move v ON v.id = e.move_id
            WHERE v.origin = w.id AND v.origin_noun = 'production.work_order'), 0)
        + coalesce((SELECT sum(r.labour_amount + r.machine_amount + r.overhead_amount) FROM production_report r
                    WHERE r.work_order_id = w.id), 0)
        + coalesce((SELECT sum(x.amount) FROM production_outsidework x WHERE x.work_order_id = w.id), 0)
        - w.completed_amount
    FROM production_workorder w WHERE w.id = ANY(%s)
"""


def wip_left(orders: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give what orders have cost so far (material, reported time, outside work) less what went to store with pieces.
    One statement."""
    return dict(db.rows(_LEFT, [list(orders)]))


def _equivalents(ops: Sequence, finished: Decimal) -> Decimal:
    """Give the work done on pieces that are not finished, in finished pieces: weighted by routing time."""
    total = sum((op.run_minutes for op in ops), ZERO)
    weights = [op.run_minutes / total if total else Decimal(1) / len(ops) for op in ops]
    done = sum(
        (
            max(ZERO, op.flow.good / op.flow.ratio - finished) * weight
            for op, weight in zip(ops, weights, strict=True)
        ),
        ZERO,
    )
    return round_quantity(done)


def _designed_on(released_at: datetime, starts_on: date | None, ends_on: date | None) -> date:
    """Give a day on which a revision counts: that of the release, else the nearest one."""
    on = released_at.date()
    if starts_on and on < starts_on:
        return starts_on
    return ends_on - timedelta(days=1) if ends_on and on >= ends_on else on


_HEAD = """
    SELECT w.bom_id, w.routing_id, w.item_id, w.quantity, w.plant_id, coalesce(w.released_at, w.created_at),
           b.effective_from, b.effective_to, r.effective_from, r.effective_to
    FROM production_workorder w LEFT JOIN engineering_bom b ON b.id = w.bom_id
    LEFT JOIN engineering_routing r ON r.id = w.routing_id WHERE w.id = %s
"""


def as_designed(order: UUID) -> tuple[BuiltLine, ...]:
    """Give the components of an order by the BOM revision it follows, for its quantity. Eight statements."""
    head = db.one(_HEAD, [order])
    if head is None or head[0] is None:
        return ()
    _, _, item, quantity, plant, released_at, starts_on, ends_on, *_ = head
    on = _designed_on(released_at, starts_on, ends_on)
    bom = engineering.released_boms([item], on, plant).get(item)
    return tuple(
        BuiltLine(n.component, n.for_order(quantity), n.operation, source_line=n.line)
        for n in (bom.needs if bom else ())
    )


def operations_designed(order: UUID) -> tuple[BuiltStep, ...]:
    """Give the operations of an order by the routing revision it follows. Three statements."""
    head = db.one(_HEAD, [order])
    if head is None or head[1] is None:
        return ()
    _, _, item, quantity, plant, released_at, _, _, starts_on, ends_on = head
    on = _designed_on(released_at, starts_on, ends_on)
    routing = engineering.released_routings([item], on, plant).get(item)
    return tuple(
        BuiltStep(
            step.sequence, str(L(step.name, step.name_en or step.name)), step.work_centre,
            step.setup_minutes + step.run_minutes * quantity, quantity,
            before=rules.written_links(step.predecessors),
        )
        for step in (routing.operations if routing else ())
    )  # fmt: skip


_STEPS = f"""
    SELECT o.sequence, {OPERATION_NAME}, o.work_centre_id, o.setup_minutes + o.run_minutes * w.quantity,
           o.quantity / o.report_ratio, o.state, o.predecessors, o.deviation_reason, o.id, o.is_subcontracted,
           (o.good_quantity + o.scrap_quantity) / o.report_ratio, coalesce(r.minutes, 0), coalesce(r.amount, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN (SELECT operation_id, sum(labour_minutes + setup_minutes) AS minutes,
                      sum(labour_amount + machine_amount + overhead_amount) AS amount
               FROM production_report WHERE work_order_id = %(order)s GROUP BY 1) r ON r.operation_id = o.id
    WHERE o.work_order_id = %(order)s ORDER BY o.position, o.sequence
"""


def operations_planned_and_built(order: UUID) -> tuple[tuple[BuiltStep, BuiltStep], ...]:
    """Give the order's own operations as planned and as reported: pieces, minutes, cost. One statement."""
    found = []
    for (
        sequence, name, centre, planned, quantity, state, before, reason, key, is_outside, done, minutes, amount,
    ) in db.rows(_STEPS, {"order": order, "english": in_english()}):  # fmt: skip
        more = dict(state=state, before=before, reason=reason, operation=key, is_outside=is_outside)
        found.append((
            BuiltStep(sequence, name, centre, planned, quantity, **more),
            BuiltStep(sequence, name, centre, minutes, done, amount=amount, **more),
        ))  # fmt: skip
    return tuple(found)


def as_planned(order: UUID) -> tuple[BuiltLine, ...]:
    """Give the order's own material lines, with the reason of each deviation. One statement."""
    return tuple(
        BuiltLine(item, quantity, operation, None, key, source, reason)
        for key, item, quantity, operation, source, reason in Material.objects.filter(work_order=order)
        .order_by("position", "pk")
        .values_list("id", "item_id", "quantity", "operation", "source_line", "deviation_reason")
    )


def as_built(order: UUID) -> tuple[BuiltLine, ...]:
    """Give what has gone into an order by material line and lot, what came back taken off. One statement."""
    rows = db.rows(
        "SELECT m.id, m.item_id, m.operation, m.source_line, m.deviation_reason, h.lot, h.quantity "
        f"FROM production_material m JOIN ({_HELD}) h ON h.material = m.id "
        "WHERE m.work_order_id = %(order)s AND h.quantity <> 0 ORDER BY m.position, m.id, h.lot",
        {"order": order, "orders": [order]},
    )
    return tuple(
        BuiltLine(item, quantity, operation, lot, key, source, reason)
        for key, item, operation, source, reason, lot, quantity in rows
    )


_HELD = """
    SELECT v.origin_line AS material, v.lot_id AS lot,
           sum(CASE WHEN t.kind = 'production' THEN v.quantity ELSE -v.quantity END) AS quantity,
           coalesce(-sum(e.amount), 0) AS worth
    FROM inventory_move v JOIN inventory_location t ON t.id = v.target_id
    LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM inventory_valueentry WHERE move_id = v.id) e ON true
    WHERE v.origin = ANY(%(orders)s) AND v.origin_noun = 'production.work_order'
    GROUP BY v.origin_line, v.lot_id
"""


def material_held(
    materials: Sequence[UUID], orders: Sequence[UUID]
) -> dict[tuple[UUID, UUID | None], tuple[Decimal, Decimal]]:
    """Give (quantity, value) that orders hold of their materials, by (material, lot). One statement."""
    rows = db.rows(
        f"SELECT h.* FROM ({_HELD}) h WHERE h.material = ANY(%(materials)s)",
        {"orders": list(orders), "materials": list(materials)},
    )
    return {(material, lot): (quantity, worth) for material, lot, quantity, worth in rows}


# --- lots ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LotFacts:
    """A lot as reports see it."""

    item: UUID
    number: str
    state: str
    expires_on: date | None


_CAME_OUT = """
    SELECT c.work_order_id, l.lot_id FROM production_completionline l
    JOIN production_completion c ON c.id = l.completion_id
    WHERE c.work_order_id = ANY(%(orders)s) AND c.state = 'posted' AND l.lot_id IS NOT NULL
    UNION SELECT r.work_order_id, r.output_lot_id FROM production_report r
    WHERE r.work_order_id = ANY(%(orders)s) AND r.output_lot_id IS NOT NULL AND r.kind = 'good'
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
"""


def lots_out_of(orders: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Give (order, lot) of what has come out of orders, to store or by a report that stands. One statement."""
    return db.rows(_CAME_OUT, {"orders": list(orders)})


def lots_by_id(ids: Sequence[UUID]) -> dict[UUID, LotFacts]:
    """Give lots by key. One statement, none for none."""
    if not ids:
        return {}
    rows = Lot.objects.filter(pk__in=set(ids)).values_list("id", "item_id", "number", "state", "expires_on")
    return {key: LotFacts(*rest) for key, *rest in rows}
