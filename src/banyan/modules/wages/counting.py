"""What reports earn, counted with rates, people and deductions that a process keeps, and written at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from banyan.kernel import db
from banyan.lib.ids import new_id
from banyan.modules.company.queries import plants
from banyan.modules.production.events import Part, Reported
from banyan.modules.wages import queries, rules
from banyan.modules.wages.models import WageLine
from banyan.modules.wages.values import Price, Share, Wage, Worker

ZERO, ONE = Decimal(0), Decimal(1)
_TAKE_BACK = """
    INSERT INTO wages_wageline (id, report_id, employee_id, plant_id, team_id, work_order_id, operation_id, item_id,
        rate_id, kind, day, at, quantity, minutes, piece_price, hour_price, shift_minimum, piece_amount,
        time_amount, deduction_amount, amount, reverses_id)
    SELECT v.id, v.report, l.employee_id, l.plant_id, l.team_id, l.work_order_id, l.operation_id, l.item_id,
        l.rate_id, l.kind, l.day, v.at, -l.quantity, -l.minutes, l.piece_price, l.hour_price, l.shift_minimum,
        -l.piece_amount, -l.time_amount, -l.deduction_amount, -l.amount, l.id
    FROM jsonb_to_recordset(%s::jsonb) v(id uuid, report uuid, undone uuid, employee uuid, at timestamptz)
    JOIN wages_wageline l ON l.report_id = v.undone AND l.employee_id = v.employee
"""


def count_wages(reports: Sequence[Reported]) -> int:
    """Write the wage lines of reports; who has no rate gets none. Gives: how many. One statement."""
    if not reports:
        return 0
    people, zones = queries.workers(), {p.id: ZoneInfo(p.zone) for p in plants()}
    made = [line for report in reports for line in _lines(report, people, zones[report.plant])]
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


def _lines(report: Reported, people: dict[UUID, Worker], zone: ZoneInfo) -> list[WageLine]:
    local = report.happened_at.astimezone(zone)
    parts = [(p, rules.shift_day(local, people[p.employee].shift)) for p in report.people if p.employee in people]
    shared = [(p, day, _share(report, p, people[p.employee], day)) for p, day in parts]
    paid = [(p, day, share) for p, day, share in shared if share is not None]
    lost = _lost(report, local.date()) if paid else []
    wages = rules.wages([share for *_, share in paid], is_good=report.kind == "good", deductions=lost)
    return [
        _line(report, part, day, people[part.employee], share, wage)
        for (part, day, share), wage in zip(paid, wages, strict=True)
    ]


def _share(report: Reported, part: Part, worker: Worker, day: date) -> Share | None:
    price = _price(report, worker, day)
    if price is None:
        return None
    factor = rules.number_on(queries.factors().get(part.employee, ()), day)
    weight = part.share if part.share is not None else ONE if factor is None else factor
    hour_price = worker.hourly_pay if price.is_own_pay else price.hour_price
    return Share(price, hour_price, weight, part.quantity, part.minutes)


def _price(report: Reported, worker: Worker, day: date) -> Price | None:
    """Give the rate for somebody's work; that of the item goes before those of all items."""
    skills = frozenset(skill for skill, start, end in worker.skills if rules.is_valid(start, end, day))
    by_item = queries.prices()
    for group in (by_item.get(report.item, ()), by_item.get(None, ())):
        found = rules.price_for(
            group, plant=report.plant, item=report.item, operation=report.operation_name, skills=skills, day=day
        )
        if found is not None:
            return found
    return None


def _lost(report: Reported, day: date) -> list[tuple[Decimal, Decimal]]:
    """Give (count, price) of the bad pieces that cost something."""
    known = queries.deductions()
    priced = [
        (count, rules.number_on(known.get(reason, ()), day, report.item)) for reason, count in report.defects
    ]
    return [(count, price) for count, price in priced if price is not None]


def _line(report: Reported, part: Part, day: date, worker: Worker, share: Share, wage: Wage) -> WageLine:
    return WageLine(
        id=new_id(), report_id=report.report, employee_id=part.employee, plant_id=report.plant,
        team_id=worker.team, work_order_id=report.record, operation_id=report.operation, item_id=report.item,
        rate_id=share.price.id, kind=report.kind, day=day, at=report.reported_at,
        quantity=part.quantity if report.kind == "good" else ZERO, minutes=part.minutes,
        piece_price=share.price.piece_price, hour_price=share.hour_price, shift_minimum=share.price.shift_minimum,
        piece_amount=wage.piece_amount, time_amount=wage.time_amount, deduction_amount=wage.deduction_amount,
        amount=wage.amount,
    )  # fmt: skip
