"""The operations of orders as a command works on them: locked, read, changed in memory, written back at
once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from banyan.kernel import db, locks
from banyan.kernel.context import Context
from banyan.lib.errors import jsonable
from banyan.lib.labels import Label
from banyan.modules.production import rules
from banyan.modules.production.errors import OrderClosed
from banyan.modules.production.models import AT_WORK, Material, Operation, WorkOrder
from banyan.modules.production.values import titled

_COLUMNS = """
    o.id, o.work_order_id, o.plant_id, o.sequence, o.name, o.predecessors, o.report_ratio, o.quantity,
    o.places,
    o.good_quantity, o.scrap_quantity, o.rework_quantity, o.sent_back_quantity, o.come_back_quantity,
    o.away_quantity, o.state,
    o.started,
    o.has_setup_charged, o.setup_minutes, o.run_minutes, o.labour_rate, o.machine_rate, o.overhead_rate,
    o.work_centre_id, o.machine_id, o.has_backflush,
    w.number, w.item_id, w.quantity, w.tolerance_percent, w.state, w.created_by_id, o.is_stopped,
    nullif(o.capture::text, '[]'), o.approved_quantity, o.needs_approval, o.split_quantity,
    o.name_en, coalesce(c.reporters, 'anyone')
"""


@dataclass(slots=True)
class Op:
    """An operation with what a report needs of its order; `flow` and what follows it are changed in
    memory."""

    id: UUID
    order: UUID
    plant: UUID
    sequence: int
    name: str
    places: int
    state: str
    started: int
    has_setup_charged: bool
    setup_minutes: Decimal
    run_minutes: Decimal
    rates: rules.Rates
    work_centre: UUID | None
    machine: UUID | None
    has_backflush: bool
    number: str
    item: UUID
    planned: Decimal
    tolerance: Decimal
    order_state: str
    created_by: UUID | None
    flow: rules.Flow
    is_stopped: bool = False
    capture: str | None = None
    is_changed: bool = False
    name_en: str = ""
    reporters: str = "anyone"

    @property
    def title(self) -> Label:
        return titled(self.sequence, self.name, self.name_en)


@dataclass(frozen=True, slots=True)
class NamedMachine:
    """A machine that a report names: where it stands, and since when it is in its state."""

    centre: UUID
    plant: UUID
    state: str
    since: datetime | None


class Shop:
    """The operations of some orders, by key and by order and sequence; `known` are the digests of reports
    that are in the ledger already, `machines` those that the leader gave to people, by operation and employee,
    `named` those that reports name."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self.ops = {op.id: op for op in ops}
        self.known: dict[UUID, bytes] = {}
        self.machines: dict[tuple[UUID, UUID], UUID] = {}
        self.named: dict[UUID, NamedMachine] = {}
        self.by_order: dict[UUID, dict[int, Op]] = {}
        for op in self.ops.values():
            self.by_order.setdefault(op.order, {})[op.sequence] = op

    def flows(self, order: UUID) -> dict[int, rules.Flow]:
        """Give the counters of an order's operations."""
        return {sequence: op.flow for sequence, op in self.by_order[order].items()}

    def apply(self, order: UUID, step: rules.Step) -> None:
        """Count a report, and say where its operation stands now."""
        for sequence, after in rules.applied(self.flows(order), step).items():
            op = self.by_order[order][sequence]
            if after != op.flow:
                op.flow, op.is_changed = after, True
                op.state = rules.operation_state(op.state, after, op.started)

    def lost(self, order: UUID) -> Decimal:
        """Give the finished-piece equivalents scrapped on an order."""
        return sum((rules.lost_pieces(op.flow) for op in self.by_order[order].values()), Decimal(0))

    def finished(self, order: UUID) -> Decimal | None:
        """Give the good pieces that left an order's last operations; None for an order without operations."""
        return rules.finished(self.flows(order), next(iter(self.by_order[order].values())).planned)


def lock_operations(ids: Iterable[UUID]) -> None:
    """Lock operations in key order; those that do not exist are passed over."""
    wanted = sorted(set(ids))
    locks.claim(Operation.lock_rank, wanted)
    db.run("SELECT 1 FROM production_operation WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [wanted])


def mark_stopped(stopped: Mapping[UUID, bool]) -> None:
    """Say which operations, locked already, nobody may go on with, and with which one may. One statement."""
    if stopped:
        db.run(
            "UPDATE production_operation o SET is_stopped = v.stopped "
            "FROM jsonb_to_recordset(%s::jsonb) v(id uuid, stopped boolean) "
            "WHERE o.id = v.id AND o.is_stopped <> v.stopped",
            [as_json([dict(id=key, stopped=is_stopped) for key, is_stopped in sorted(stopped.items())])],
        )


def lock_all_operations(orders: Iterable[UUID], also: Iterable[UUID] = ()) -> None:
    """Lock every operation of some orders, whose rows are locked already, and further ones by key."""
    rows = db.rows(
        "SELECT id FROM production_operation WHERE work_order_id = ANY(%s) OR id = ANY(%s) "
        "ORDER BY id FOR NO KEY UPDATE",
        [list(orders), list(also)],
    )
    locks.claim(Operation.lock_rank, [row[0] for row in rows])


_LOCK = """
    WITH orders AS MATERIALIZED (
        SELECT id FROM production_workorder
        WHERE id IN (SELECT work_order_id FROM production_operation WHERE id = ANY(%(named)s))
          AND {orders}
        ORDER BY id FOR NO KEY UPDATE
    )
    SELECT o.id, (SELECT array_agg(id) FROM orders) FROM production_operation o
    WHERE {operations} AND (SELECT count(*) FROM orders) >= 0
    ORDER BY o.id FOR NO KEY UPDATE OF o
"""


_SIBLINGS = "o.work_order_id IN (SELECT work_order_id FROM production_operation WHERE id = ANY(%(named)s))"


def lock_for_reports(
    operations: Sequence[UUID], *, released_orders: bool, all_orders: bool, siblings: bool
) -> tuple[UUID, ...]:
    """Lock operations, before them the rows of their orders where these will change. One statement.

    Takes:  released_orders: those that wait for their first report; siblings: all operations of the orders
    Gives:  the orders locked
    """
    statement = _LOCK.format(
        orders="true" if all_orders else "state = 'released'" if released_orders else "false",
        operations=_SIBLINGS if siblings else "o.id = ANY(%(named)s)",
    )
    rows = db.rows(statement, {"named": list(operations)})
    orders = tuple(rows[0][1] or ()) if rows else ()
    locks.claim(WorkOrder.lock_rank, orders)
    locks.claim(Operation.lock_rank, [key for key, _ in rows])
    return orders


#: The machine that people were given at operations (`hands`): in their own assignment before their team's.
ASSIGNED = """
    SELECT k.operation, k.employee, g.machine_id
    FROM unnest(%(at)s::uuid[], %(hands)s::uuid[]) k(operation, employee) CROSS JOIN LATERAL (
        SELECT a.machine_id FROM production_assignment a
        WHERE a.operation_id = k.operation AND a.is_active AND a.machine_id IS NOT NULL AND (
            a.employee_id = k.employee OR a.team_id = (SELECT e.team_id FROM people_employee e WHERE e.id = k.employee))
        ORDER BY a.employee_id NULLS LAST LIMIT 1) g
"""


#: Whether somebody ({employee}) is none of those who report at an operation `o` by its work centre `c`, as it was on a
#: {day}, at a moment ({at}): what was taken off them later was theirs then.
OUTSIDER = """
    CASE c.reporters
    WHEN 'skilled' THEN coalesce(o.skill_id, c.skill_id) IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM people_employeeskill k
        WHERE k.employee_id = {employee} AND k.skill_id = coalesce(o.skill_id, c.skill_id)
          AND coalesce(k.valid_from, '-infinity') <= {day} AND {day} < coalesce(k.valid_to, 'infinity'))
    WHEN 'given' THEN NOT EXISTS (
        SELECT 1 FROM production_assignment a WHERE a.operation_id = o.id AND (a.is_active OR a.changed_at > {at})
          AND (a.employee_id = {employee}
               OR a.team_id = (SELECT e.team_id FROM people_employee e WHERE e.id = {employee})))
    ELSE false END
"""


def read_shop(
    operations: Sequence[UUID] = (), orders: Sequence[UUID] = (), reports: Sequence[UUID] = (),
    hands: Sequence[tuple[UUID, UUID]] = (), machines: Sequence[UUID] = (),
) -> Shop:
    """Read all operations of the orders named, and of those that the operations named belong to, which of
    the reports are in the ledger already, and on which machine people were put. One statement.

    Takes:  hands: who is at which operation, as (operation, employee); machines: those that reports name

    Read after the locks are held, so that it sees what others committed while this one waited
    """
    if not orders and not operations:
        return Shop(())
    named = {"orders": list(orders), "named": list(operations), "reports": list(reports)}
    named |= {"at": [operation for operation, _ in hands], "hands": [employee for _, employee in hands]}
    named |= {"machines": list(machines)}
    ways = ("o.work_order_id = ANY(%(orders)s)" if orders else "", _SIBLINGS if operations else "")
    rows = db.rows(
        f"""
        SELECT (SELECT jsonb_object_agg(id, encode(digest, 'hex')) FROM production_report WHERE id = ANY(%(reports)s)),
               (SELECT jsonb_agg(jsonb_build_array(operation, employee, machine_id)) FROM ({ASSIGNED}) g),
               (SELECT jsonb_agg(jsonb_build_array(m.id, c.id, c.plant_id, m.state, m.state_since))
                FROM equipment_machine m JOIN equipment_workcentre c ON c.id = m.work_centre_id
                WHERE m.id = ANY(%(machines)s::uuid[])),
               {_COLUMNS}
        FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
        LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
        WHERE {" OR ".join(filter(None, ways))}
        ORDER BY o.sequence
        """,
        named,
    )
    shop = Shop(_op(row[3:]) for row in rows)
    known = rows[0][0] if rows else None
    shop.known = (
        {UUID(key): bytes.fromhex(digest) for key, digest in orjson.loads(known).items()} if known else {}
    )
    given = orjson.loads(rows[0][1] or "[]") if rows else ()
    shop.machines = {(UUID(at), UUID(who)): UUID(machine) for at, who, machine in given}
    shop.named = {
        UUID(key): NamedMachine(UUID(centre), UUID(plant), state, datetime.fromisoformat(since) if since else None)
        for key, centre, plant, state, since in (orjson.loads(rows[0][2] or "[]") if rows else ())
    }
    return shop


def _op(row: tuple) -> Op:
    (
        key,
        order,
        plant,
        sequence,
        name,
        predecessors,
        ratio,
        quantity,
        places,
        good,
        scrap,
        rework,
        sent_back,
        come_back,
        away,
        state,
        started,
        has_setup,
        setup,
        run,
        labour,
        machine_rate,
        overhead,
        work_centre,
        machine,
        backflush,
        number,
        item,
        planned,
        tolerance,
        order_state,
        created_by,
        is_stopped,
        capture,
        approved,
        needs_approval,
        split,
        name_en,
        reporters,
    ) = row
    before = tuple(int(one) for one in predecessors.split(";")) if predecessors else ()
    return Op(
        key,
        order,
        plant,
        sequence,
        name,
        places,
        state,
        started,
        has_setup,
        setup,
        run,
        rules.Rates(labour, machine_rate, overhead),
        work_centre,
        machine,
        backflush,
        number or "",
        item,
        planned,
        tolerance,
        order_state,
        created_by,
        rules.Flow(
            sequence, before, ratio, quantity, good, scrap, rework, sent_back, come_back, state == "skipped",
            approved, needs_approval, away, split,
        ),
        is_stopped,
        capture,
        name_en=name_en,
        reporters=reporters,
    )


_COUNTERS = """
    UPDATE production_operation o SET good_quantity = v.good, scrap_quantity = v.scrap,
           rework_quantity = v.rework, sent_back_quantity = v.sent, come_back_quantity = v.come,
           away_quantity = v.away, state = v.state, started = v.started, has_setup_charged = v.setup,
           approved_quantity = v.approved
    FROM jsonb_to_recordset(%s::jsonb) v(
        id uuid, good numeric, scrap numeric, rework numeric, sent numeric, come numeric, away numeric,
        state text, started smallint, setup boolean, approved numeric
    )
    WHERE o.id = v.id
"""
_WRITE = f"""
    WITH counters AS ({_COUNTERS}), reports AS (
        INSERT INTO production_report
        SELECT * FROM jsonb_populate_recordset(NULL::production_report, %s::jsonb)
        ON CONFLICT (id) DO NOTHING
        RETURNING id, work_order_id, operation_id, plant_id, kind, worker, reported_at, reverses_id, person
    ), waiting AS (
        INSERT INTO production_reportapproval
            (id, report_id, work_order_id, operation_id, plant_id, employee_id, team_id, state, at)
        SELECT r.id, r.id, r.work_order_id, r.operation_id, r.plant_id, e.id, e.team_id, 'waiting', r.reported_at
        FROM reports r LEFT JOIN people_employee e ON e.id = r.worker WHERE r.kind IN ('good', 'scrap', 'rework')
    ), undone AS (
        UPDATE production_reportapproval a SET state = 'undone', person = r.person, decided_at = r.reported_at
        FROM reports r WHERE a.id = r.reverses_id
    )
    SELECT count(*) FROM reports
"""


def _changed(shop: Shop) -> list[dict[str, Any]]:
    return [
        dict(
            id=op.id, good=op.flow.good, scrap=op.flow.scrap, rework=op.flow.rework, sent=op.flow.sent_back,
            come=op.flow.come_back, away=op.flow.away, state=op.state, started=op.started, setup=op.has_setup_charged,
            approved=op.flow.approved,
        )
        for op in shop.ops.values() if op.is_changed
    ]  # fmt: skip


def save_shop(shop: Shop) -> None:
    """Write the counters and states of changed operations back. One statement."""
    changed = _changed(shop)
    if changed:
        db.run(_COUNTERS, [as_json(changed)])


def write_reports(shop: Shop, reports: Sequence[dict[str, Any]]) -> int:
    """Write reports, all columns told, that those of pieces wait for approval, and the counters of changed
    operations. One statement.

    Gives:  how many were written; one whose key exists already is left as it is
    """
    return db.one(_WRITE, [as_json(_changed(shop)), as_json(reports)])[0]


def begin_orders(ctx: Context, orders: Sequence[UUID]) -> None:
    """Say that work on released orders has begun; their rows are locked."""
    if orders:
        db.run(
            "UPDATE production_workorder SET state = 'running', version = version + 1, changed_at = "
            "%s, changed_by_id = %s "
            "WHERE id = ANY(%s) AND state = 'released'",
            [ctx.now, ctx.person, list(orders)],
        )


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Give rows as the JSON that `jsonb_to_recordset` reads."""
    return orjson.dumps(rows, default=jsonable).decode()


def lock_materials(orders: Iterable[UUID], *, backflushed_only: bool = False) -> dict[UUID, Material]:
    """Lock the materials of some orders in key order and give them by key."""
    rows = Material.objects.filter(work_order__in=list(orders)).order_by("pk")
    if backflushed_only:
        rows = rows.filter(is_backflushed=True)
    found = {row.pk: locks.remember(row) for row in rows.select_for_update(no_key=True)}
    locks.claim(Material.lock_rank, found)
    return found


def save_materials(materials: Iterable[Material]) -> None:
    """Write the counters of changed materials back. One statement."""
    changed = [
        dict(
            id=m.pk,
            issued=m.issued_quantity,
            returned=m.returned_quantity,
            flushed=m.flushed_quantity,
            debt=m.debt_quantity,
        )
        for m in materials
        if locks.dirty(m)
    ]
    if changed:
        db.run(
            "UPDATE production_material m SET issued_quantity = v.issued, returned_quantity = v.returned, "
            "flushed_quantity = v.flushed, debt_quantity = v.debt FROM jsonb_to_recordset(%s::jsonb) "
            "v(id uuid, issued numeric, returned numeric, flushed numeric, debt numeric) WHERE m.id = v.id",
            [as_json(changed)],
        )


def lock_open_orders(orders: Iterable[UUID]) -> dict[UUID, WorkOrder]:
    """Lock orders in key order and give them by key. Raises: OrderClosed for the first on which the shop does
    not work."""
    found = locks.lock(WorkOrder, orders)
    for order in found.values():
        if order.state not in AT_WORK:
            raise OrderClosed(order=order.number or order.pk)
    return found


def open_debts(materials: Sequence[UUID]) -> list[tuple[UUID, UUID | None, Decimal]]:
    """Give (material, report, quantity) of what is owed still. One statement."""
    return db.rows(
        "SELECT material_id, report_id, sum(quantity) FROM production_materialdebt WHERE material_id "
        "= ANY(%s) "
        "GROUP BY 1, 2 HAVING sum(quantity) > 0 ORDER BY 1, 2",
        [list(materials)],
    )


def save_links(operations: Sequence[Operation]) -> None:
    """Write the predecessors of operations and their places back. One statement."""
    db.update_rows(operations, ["predecessors", "position"])
