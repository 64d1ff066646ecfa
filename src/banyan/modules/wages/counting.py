"""What reports earn, counted with rates, people and deductions that a process keeps, and written at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.people.queries import work_day
from banyan.modules.production.events import Reported
from banyan.modules.wages import queries, rules
from banyan.modules.wages.models import Approval, WageLine
from banyan.modules.wages.values import Price, Share, Wage, Work, Worker

ZERO = Decimal(0)
_TAKE_BACK = """
    INSERT INTO wages_wageline (id, report_id, employee_id, plant_id, team_id, work_order_id, operation_id, item_id,
        rate_id, kind, day, at, quantity, minutes, piece_price, hour_price, shift_minimum, piece_amount,
        time_amount, deduction_amount, bonus_amount, pool_id, pooled_amount, amount, reverses_id)
    SELECT v.id, v.report, l.employee_id, l.plant_id, l.team_id, l.work_order_id, l.operation_id, l.item_id,
        l.rate_id, l.kind, l.day, v.at, -l.quantity, -l.minutes, l.piece_price, l.hour_price, l.shift_minimum,
        -l.piece_amount, -l.time_amount, -l.deduction_amount, 0, l.pool_id, -l.pooled_amount,
        -l.amount, l.id
    FROM jsonb_to_recordset(%s::jsonb) v(id uuid, report uuid, undone uuid, employee uuid, at timestamptz)
    JOIN wages_wageline l ON l.report_id = v.undone AND l.employee_id = v.employee
"""


def work_of(event: Reported) -> Work:
    """Give a report that is just told as wages see it."""
    return Work(
        event.report, event.record, event.operation, event.operation_name, event.kind, event.item, event.plant,
        event.reported_at, event.happened_at, event.day,
        tuple((p.employee, p.share, p.quantity, p.minutes) for p in event.people), event.defects,
    )  # fmt: skip


def count_wages(reports: Sequence[Work]) -> int:
    """Write the wage lines of reports; who has no rate gets none. Gives: how many. One statement."""
    if not reports:
        return 0
    people = queries.workers()
    made = [line for work in reports for line in _lines(work, people)]
    db.insert_rows(made)
    return len(made)


def take_back_wages(undone: Sequence[Reported]) -> None:
    """Write the opposite of the lines of reports that are undone, for the same day. One statement."""
    rows = [
        dict(id=new_id(), report=e.report, undone=e.reverses, employee=part.employee, at=e.reported_at)
        for e in undone
        for part in e.people
    ]
    if rows:
        db.run(_TAKE_BACK, [orjson.dumps(rows).decode()])


def approve_wages(ctx: Context, reports: Sequence[UUID]) -> int:
    """Approve the lines of reports that wait still; give how many. Two statements."""
    waiting = WageLine.objects.filter(queries.is_waiting(), report__in=list(reports)).values_list("pk", "plant_id")
    made = [
        Approval(id=new_id(), line_id=line, plant_id=plant, at=ctx.now, person=ctx.person) for line, plant in waiting
    ]
    db.insert_rows(made, ignore_conflicts=True)
    return len(made)


def _lines(work: Work, people: Mapping[UUID, Worker]) -> list[WageLine]:
    """Give the lines of a report, each for the day of that person's own shift."""
    paid = []
    for employee, share, quantity, minutes in work.people:
        worker = people.get(employee)
        day = work_day(employee, work.plant, work.happened_at) if worker else None
        price = _price(work, worker, day) if worker else None
        if price is not None:
            hour_price = worker.hourly_pay if price.is_own_pay else price.hour_price
            part = Share(price, hour_price, _weight(employee, share, day), quantity, minutes)
            paid.append((employee, worker.team, day, part))
    lost = _lost(work, work.day) if paid and work.defects else []
    wages = rules.wages([part for *_, part in paid], is_good=work.kind == "good", deductions=lost)
    return [_line(work, *one, wage) for one, wage in zip(paid, wages, strict=True)]


def _weight(employee: UUID, share: Decimal | None, day: date) -> Decimal:
    """Give how much of what is shared somebody gets: the share told, else their factor of the day, else one."""
    if share is not None:
        return share
    return queries.factor_on(employee, day)


def _price(work: Work, worker: Worker, day: date) -> Price | None:
    return queries.price_of(queries.prices(), worker, work.plant, work.item, work.operation_name, day)


def _lost(work: Work, day: date) -> list[tuple[Decimal, Decimal]]:
    """Give (count, price) of the bad pieces that cost something."""
    known = queries.deductions()
    priced = [(count, rules.number_on(known.get(reason, ()), day, work.item)) for reason, count in work.defects]
    return [(count, price) for count, price in priced if price is not None]


def _line(work: Work, employee: UUID, team: UUID | None, day: date, part: Share, wage: Wage) -> WageLine:
    pool = queries.pool_of(team, day)
    own, pooled = (ZERO, wage.piece_amount) if pool else (wage.piece_amount, ZERO)
    return WageLine(
        id=new_id(), report_id=work.report, employee_id=employee, plant_id=work.plant, team_id=team,
        work_order_id=work.work_order, operation_id=work.operation, item_id=work.item, rate_id=part.price.id,
        kind=work.kind, day=day, at=work.reported_at, quantity=part.quantity if work.kind == "good" else ZERO,
        minutes=part.minutes, piece_price=part.price.piece_price, hour_price=part.hour_price,
        shift_minimum=part.price.shift_minimum, piece_amount=own, time_amount=wage.time_amount,
        deduction_amount=wage.deduction_amount, pool_id=pool, pooled_amount=pooled, amount=wage.amount - pooled,
    )  # fmt: skip
