"""Every write of wages but the lines themselves: approval in one sweep, the statements of a month and their life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Max, Min, Q
from pydantic import Field

from banyan.kernel import access, db, records, registry
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.modules.company import queries as company
from banyan.modules.production.commands.flow import lock_operations
from banyan.modules.production.models import ReportApproval
from banyan.modules.wages import queries, rules
from banyan.modules.wages.counting import approve_wages, count_wages
from banyan.modules.wages.errors import RateInUse
from banyan.modules.wages.events import StatementConfirmed, StatementPaid, StatementReversed
from banyan.modules.wages.models import Approval, Rate, Statement, StatementDay, StatementItem, WageLine

ZERO = Decimal(0)
LINE, STATEMENT = "wages.line", "wages.statement"
_AMOUNTS = ("quantity", "minutes", "piece_amount", "time_amount", "deduction_amount", "bonus_amount")


# --- rates


def prepare_rates(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse that a rate which has paid something be anything but ended. Raises: RateInUse."""
    changed = [d.record for d in drafts if hasattr(d.record, "_stored") and set(dirty(d.record)) - {"note"}]
    if not changed:
        return
    used = db.rows(
        "SELECT rate_id, min(day), max(day) FROM wages_wageline WHERE rate_id = ANY(%s) GROUP BY 1",
        [[rate.pk for rate in changed]],
    )
    rates = {rate.pk: rate for rate in changed}
    for key, first, last in used:
        rate = rates[key]
        is_kept = rules.is_valid(rate.valid_from, rate.valid_to, first) and rules.is_valid(
            rate.valid_from, rate.valid_to, last
        )
        if not is_kept or set(dirty(rate)) - {"note", "valid_from", "valid_to"}:
            raise RateInUse(first=first, last=last)


@command(
    "wages.rate.delete", L("删除", "Delete"), icon="trash", tone="red", confirm=L("确定删除？", "Delete it?")
)  # fmt: skip
def delete_rates(ctx: Context, rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """Delete rates by which nothing was paid yet. Raises: RateInUse."""
    keys = [rate.pk for rate in rates]
    used = WageLine.objects.filter(rate__in=keys).aggregate(first=Min("day"), last=Max("day"))
    if used["first"]:
        raise RateInUse(**used)
    return records.delete(ctx, registry.noun("wages.rate"), rates)


# --- approval


class Approve(Input):
    """Which wages are right: those named, or all that fit what is told."""

    lines: Annotated[list[UUID], Field(max_length=10_000)] = field(
        "工资明细", "Wage lines", default_factory=list, reference=LINE
    )
    first: Day | None = field("从", "From", None)
    last: Day | None = field("到", "To", None)
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")


@command(
    f"{LINE}.approve", L("审核工资", "Approve wages"), input=Approve, on="noun", icon="checks", tone="green",
    is_primary=True, offered_on=(),
    help=L("一次审核全部，或按日期、班组、员工", "All at once, or by day, team, person"),
)  # fmt: skip
def approve_lines(ctx: Context, data: Approve) -> Label:
    """Approve every waiting wage line within reach that fits; one approved meanwhile stays as it is.

    Gives:  how many were approved
    Writes: approvals, in one sweep
    """
    told = Q(pk__in=data.lines) if data.lines else Q()
    for name, value in (("day__gte", data.first), ("day__lte", data.last), ("team", data.team),
                        ("employee", data.employee)):  # fmt: skip
        told &= Q(**{name: value}) if value else Q()
    reach = access.scope(ctx, registry.noun(LINE), f"{LINE}.approve") or Q()
    waiting = WageLine.objects.filter(queries.is_waiting(), reach, told).order_by("pk").values_list("pk", "plant_id")
    made = [
        Approval(id=new_id(), line_id=line, plant_id=plant, at=ctx.now, person=ctx.person) for line, plant in waiting
    ]
    db.insert_rows(made, ignore_conflicts=True)
    return L("已审核 {n} 条", "{n} approved").filled({"n": len(made)})


class Days(Input):
    """Reports of which days, by the plant's clock."""

    first: Day = field("从", "From")
    last: Day = field("到", "To")


@command(
    f"{LINE}.count_missing", L("补算工资", "Count missing wages"), input=Days, on="noun", icon="calculator",
    help=L("工价后定时，补算尚无工资的报工", "For rates made later: reports that have earned nobody anything yet"),
)  # fmt: skip
def count_missing(ctx: Context, data: Days) -> Label:
    """Count the wages of reports that were sent before there was a rate, by what is valid on their day.

    Gives:  how many wage lines were written
    Writes: wage lines, approved where their reports are; locks the operations of the reports, so that none is
            undone meanwhile
    """
    reach = ctx.principal.reach(f"{LINE}.count_missing")
    plants = None if reach == "all" else ctx.principal.plants
    first_seen = queries.unpaid_work(data.first, data.last, plants)
    lock_operations(work.operation for work in first_seen)
    found = queries.unpaid_work(data.first, data.last, plants) if first_seen else ()
    made = count_wages(found)
    approved = ReportApproval.objects.filter(pk__in=[work.report for work in found], state="approved")
    approve_wages(ctx, list(approved.values_list("pk", flat=True)) if made else [])
    return L("已补算 {n} 条", "{n} counted").filled({"n": made})


# --- statements


class Month(Input):
    """Which month, and whose wages; everybody's when nothing is told."""

    month: Day = field("月份", "Month", help=L("该月任意一天", "Any day of it"))
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")


class Paid(Input):
    """The day on which it was paid."""

    paid_on: Day = field("发放日", "Paid on")


class Why(Input):
    """Why it is taken back."""

    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command(
    f"{STATEMENT}.prepare", L("生成工资单", "Make statements"), input=Month, on="noun", creates=True,
    icon="calculator", is_primary=True, offered_on=(),
    help=L(
        "汇总截至月末已审核、未进工资单的工资；可重复执行，草稿会更新",
        "Of the wages approved until the month's end and in no statement yet; drafts are made anew",
    ),
)  # fmt: skip
def prepare_statements(ctx: Context, data: Month) -> tuple[Statement, ...]:
    """Make the drafts of a month: the approved wages until its end that no statement has, and what is guaranteed.

    Gives:  the drafts, old ones made anew; a draft without anything left goes
    Writes: statements with days and items, in a fixed number of statements; another who does it at once waits
    """
    db.run("SELECT pg_advisory_xact_lock(hashtext('wages.statement'))")
    first, last = rules.month_of(data.month)
    told = Q(employee=data.employee) if data.employee else Q()
    told &= Q(team=data.team) if data.team else Q()
    permission = f"{STATEMENT}.prepare"
    mine = access.scope(ctx, registry.noun(STATEMENT), permission) or Q()
    known = Statement.objects.filter(mine, told, starts_on=first, state="draft").values_list("pk", flat=True)
    drafts = {s.employee_id: s for s in lock(Statement, list(known), where=Q(state="draft")).values()}
    StatementItem.objects.filter(statement__in=drafts.values()).delete()
    StatementDay.objects.filter(statement__in=drafts.values()).delete()
    reach = access.scope(ctx, registry.noun(LINE), permission) or Q()
    lines = list(
        WageLine.objects.filter(queries.is_approved(), queries.is_open(), reach, told, day__lte=last)
        .order_by("day", "at", "pk")
        .values_list("pk", "employee_id", "day", "report_id", "quantity", "minutes", "amount")
    )  # fmt: skip
    drafts |= _begun(ctx, {employee for _, employee, *_ in lines} - set(drafts), first, last)
    places: dict[UUID, int] = {}
    items = []
    for line, employee, day, report, quantity, minutes, amount in lines:
        places[employee] = places.get(employee, 0) + 1
        items.append(StatementItem(
            id=new_id(), statement=drafts[employee], position=places[employee], line_id=line, day=day,
            report_id=report, quantity=quantity, minutes=minutes, amount=amount,
        ))  # fmt: skip
    db.insert_rows(items)
    empty = [s for employee, s in drafts.items() if employee not in places]
    Statement.objects.filter(pk__in=[s.pk for s in empty]).delete()
    full = [s for employee, s in drafts.items() if employee in places]
    _add_up(ctx, full)
    return tuple(sorted(full, key=lambda s: s.pk))


def _begun(ctx: Context, employees: set[UUID], first: date, last: date) -> dict[UUID, Statement]:
    people = queries.workers()
    stamp = dict(created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)
    made = [
        Statement(
            id=new_id(), employee_id=key, plant_id=people[key].plant, team_id=people[key].team,
            department_id=people[key].department, starts_on=first, ends_on=last, **stamp,
        )
        for key in sorted(employees)
    ]  # fmt: skip
    Statement.objects.bulk_create(made, batch_size=2000)
    return {s.employee_id: s for s in made}


#: Per day of a statement: its own sums; of the whole day in all statements what was earned, the highest minimum of
#: lines that stand, and what other statements have given on top.
_DAYS = """
    WITH own AS MATERIALIZED (
        SELECT i.statement_id, l.employee_id, l.day, sum(l.quantity) AS quantity, sum(l.minutes) AS minutes,
               sum(l.piece_amount) AS piece_amount, sum(l.time_amount) AS time_amount,
               sum(l.deduction_amount) AS deduction_amount, sum(l.bonus_amount) AS bonus_amount
        FROM wages_statementitem i JOIN wages_wageline l ON l.id = i.line_id
        WHERE i.statement_id = ANY(%s) GROUP BY 1, 2, 3
    )
    SELECT o.statement_id, o.day, o.quantity, o.minutes, o.piece_amount, o.time_amount, o.deduction_amount,
           o.bonus_amount, w.earned, w.minimum, g.granted
    FROM own o CROSS JOIN LATERAL (
        SELECT sum(l.amount - l.bonus_amount) AS earned,
               coalesce(max(l.shift_minimum) FILTER (WHERE l.reverses_id IS NULL AND NOT EXISTS (
                   SELECT 1 FROM wages_wageline r JOIN wages_statementitem k ON k.line_id = r.id AND k.is_active
                   WHERE r.reverses_id = l.id)), 0) AS minimum
        FROM wages_wageline l JOIN wages_statementitem i ON i.line_id = l.id AND i.is_active
        WHERE l.employee_id = o.employee_id AND l.day = o.day
    ) w CROSS JOIN LATERAL (
        SELECT coalesce(sum(d.top_up_amount), 0) AS granted
        FROM wages_statement s JOIN wages_statementday d ON d.statement_id = s.id
        WHERE s.employee_id = o.employee_id AND s.state <> 'reversed' AND s.id <> o.statement_id AND d.day = o.day
    ) g
    ORDER BY o.statement_id, o.day
"""


def _add_up(ctx: Context, statements: Sequence[Statement]) -> None:
    """Write the days of drafts and their totals."""
    if not statements:
        return
    days: dict[UUID, list[StatementDay]] = {s.pk: [] for s in statements}
    for statement, day, *sums, earned, minimum, granted in db.rows(_DAYS, [[s.pk for s in statements]]):
        more = rules.top_up(minimum=minimum, earned=earned, granted=granted)
        days[statement].append(StatementDay(
            id=new_id(), statement_id=statement, position=len(days[statement]) + 1, day=day,
            **dict(zip(_AMOUNTS, sums, strict=True)), shift_minimum=minimum, top_up_amount=more,
            amount=sum(sums[2:], ZERO) + more,
        ))  # fmt: skip
    db.insert_rows([day for group in days.values() for day in group])
    totals = (*_AMOUNTS, "top_up_amount", "amount")
    for statement in statements:
        for name in totals:
            setattr(statement, name, sum((getattr(day, name) for day in days[statement.pk]), ZERO))
        statement.changed_at, statement.changed_by_id = ctx.now, ctx.person
    db.update_rows(statements, [*totals, "changed_at", "changed_by_id"])


@command(f"{STATEMENT}.confirm", L("确认", "Confirm"), icon="check", tone="green", is_primary=True)
def confirm_statements(ctx: Context, statements: Sequence[Statement]) -> None:
    """Say that wages are owed as the statements have them. Writes: the statements; tells StatementConfirmed."""
    for statement in statements:
        statement.confirmed_at = ctx.now
    tell(*(StatementConfirmed(**_owed(s, s.ends_on)) for s in statements))


@command(f"{STATEMENT}.pay", L("发放", "Pay"), input=Paid, icon="cash", tone="green", is_primary=True)
def pay_statements(ctx: Context, statements: Sequence[Statement], data: Paid) -> None:
    """Note that wages are paid. Writes: the statements; tells StatementPaid."""
    for statement in statements:
        statement.paid_on = data.paid_on
    tell(*(StatementPaid(**_owed(s, data.paid_on)) for s in statements))


@command(f"{STATEMENT}.reverse", L("冲销", "Reverse"), input=Why, icon="arrow-back-up", tone="orange")
def reverse_statements(ctx: Context, statements: Sequence[Statement], data: Why) -> None:
    """Take statements back; their wages may go into others.

    Writes: the statements, their items; tells StatementReversed, on the day it is at their plant
    """
    zones = {plant.id: plant for plant in company.plants({s.plant_id for s in statements})}
    for statement in statements:
        statement.reason = data.reason
    StatementItem.objects.filter(statement__in=[s.pk for s in statements]).update(is_active=False)
    tell(*(StatementReversed(**_owed(s, zones[s.plant_id].day(ctx.now))) for s in statements))


def _owed(statement: Statement, on: date) -> dict[str, Any]:
    return dict(
        record=statement.pk, employee=statement.employee_id, plant=statement.plant_id,
        department=statement.department_id, on=on, amount=statement.amount,
    )  # fmt: skip
