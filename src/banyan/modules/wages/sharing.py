"""Piece wages of a team's day shared over those who were there, and what is given by hand on top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, Sum

from banyan.kernel import access, db, records, registry
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Day, Input, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.people.models import Attendance, Employee, Shift
from banyan.modules.wages import queries, rules
from banyan.modules.wages.errors import NobodyThere, OwnBonus, PoolInUse, ReportedButNotThere
from banyan.modules.wages.models import Approval, Bonus, Pool, Sharing, SharingItem, SharingPerson, WageLine
from banyan.modules.wages.values import Worker

POOL, SHARING, BONUS, ATTENDANCE = "wages.pool", "wages.sharing", "wages.bonus", "people.attendance"
ZERO = Decimal(0)


# --- pools


def prepare_pools(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse that a pool which has piece wages change its team, or end before them. Raises: PoolInUse."""
    changed = {d.record.pk: d.record for d in drafts if hasattr(d.record, "_stored") and dirty(d.record)}
    for key, first, last in _used(changed):
        pool = changed[key]
        is_kept = all(rules.is_valid(pool.valid_from, pool.valid_to, day) for day in (first, last))
        if not is_kept or "team" in dirty(pool) or "team_id" in dirty(pool):
            raise PoolInUse(first=first, last=last)


@command(f"{POOL}.delete", L("删除", "Delete"), icon="trash", tone="red", confirm=L("确定删除？", "Delete it?"))
def delete_pools(ctx: Context, pools: Sequence[Pool]) -> tuple[Pool, ...]:
    """Delete pools into which nothing went yet. Raises: PoolInUse."""
    for _, first, last in _used([pool.pk for pool in pools]):
        raise PoolInUse(first=first, last=last)
    return records.delete(ctx, registry.noun(POOL), pools)


def _used(pools: Iterable[UUID]) -> list[tuple[UUID, date, date]]:
    lines = WageLine.objects.filter(pool__in=list(pools)).order_by("pool").values("pool")
    found = lines.annotate(first=Min("day"), last=Max("day"))
    return [(row["pool"], row["first"], row["last"]) for row in found]


# --- attendance


class Days(Input):
    """Which days, and whose; every team's when none is told."""

    first: Day = field("从", "From")
    last: Day = field("到", "To")
    team: UUID | None = field("班组", "Team", None, reference="people.team")


@command(
    f"{ATTENDANCE}.propose", L("按报工推算考勤", "Propose from reports"), input=Days, on="noun", creates=True,
    icon="calendar-plus",
    help=L(
        "给当天有报工、还没有考勤的人补一条：有班次按班次时长减休息，否则按报工工时；可再修改",
        "For who reported and has no attendance that day: the shift's time less its break, else the time reported",
    ),
)  # fmt: skip
def propose_attendance(ctx: Context, data: Days) -> tuple[Attendance, ...]:
    """Make the attendance of those within reach of whose day wages know reports and nothing is recorded yet.

    Writes: attendance, which may be changed as any other
    """
    told = Q(team=data.team) if data.team else Q()
    reach = access.scope(ctx, registry.noun("wages.line"), f"{ATTENDANCE}.propose") or Q()
    lines = WageLine.objects.filter(reach, told, report__isnull=False, day__range=(data.first, data.last))
    worked = lines.order_by("day", "employee").values("day", "employee").annotate(
        total=Sum("minutes"), told=Count("pk"), undone=Count("reverses")
    )
    known = set(Attendance.objects.filter(day__range=(data.first, data.last)).values_list("employee_id", "day"))
    new = [
        row for row in worked if row["told"] > 2 * row["undone"] and (row["employee"], row["day"]) not in known
    ]
    people = Employee.objects.filter(pk__in={row["employee"] for row in new}).select_related("shift")
    shifts = {one.pk: one.shift for one in people}
    stamp = dict(created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)
    note = L("按报工推算", "Proposed from reports").in_(ctx.language)
    made = [
        Attendance(
            id=new_id(), employee_id=row["employee"], day=row["day"], shift=shifts[row["employee"]], note=note,
            minutes=_minutes(shifts[row["employee"]], row["total"]), **stamp,
        )
        for row in new
    ]  # fmt: skip
    db.insert_rows(made)
    return tuple(made)


def _minutes(shift: Shift | None, reported: Decimal) -> int:
    if shift is None:
        return min(1440, max(0, round(reported)))
    start, end = (datetime.combine(date.min, at) for at in (shift.starts_at, shift.ends_at))
    length = (end - start) % timedelta(days=1)
    return max(0, int(length.total_seconds()) // 60 - shift.break_minutes)


# --- sharing


class _Key(NamedTuple):
    pool: UUID
    day: date


@command(
    f"{SHARING}.share", L("按出勤分配", "Share by attendance"), input=Days, on="noun", creates=True,
    icon="chart-pie", is_primary=True, offered_on=(),
    help=L(
        "把班组当天已审核的计件工资按出勤分给到岗的人；有变化可再次分配，先红字冲回再重写",
        "Share the approved piece wages of a team's day over those who were there; done again after a change, what "
        "was given is taken back and given anew",
    ),
)  # fmt: skip
def share_days(ctx: Context, data: Days) -> tuple[Sharing, ...]:
    """Share what the approved reports of days have earned pools within reach; days as they were stay untouched.

    Gives:  the sharings made
    Raises: NobodyThere, ReportedButNotThere; nothing is written
    Writes: sharings, wage lines with their approval, and the opposite of those of an earlier sharing of the day;
            another who does it at once waits
    """
    db.run("SELECT pg_advisory_xact_lock(hashtext('wages.sharing'))")
    days = (data.first, data.last)
    reach = access.scope(ctx, registry.noun(SHARING), f"{SHARING}.share") or Q()
    told = Q(team=data.team) if data.team else Q()
    pooled = WageLine.objects.filter(queries.is_approved(), reach, told, pool__isnull=False, day__range=days)
    items: dict[_Key, list[WageLine]] = {}
    for line in pooled.order_by("day", "pk"):
        items.setdefault(_Key(line.pool_id, line.day), []).append(line)
    pools = {one.pk: one for one in Pool.objects.filter(pk__in={key.pool for key in items}).select_related("team")}
    there = _there(pools, items, days)
    old = {
        _Key(one.pool_id, one.day): one
        for one in Sharing.objects.filter(pool__in=pools, day__range=days, is_current=True)
        .prefetch_related("people", "items")
    }  # fmt: skip
    made = []
    for key, lines in items.items():
        people = _parts(pools[key.pool], key.day, lines, there.get(key, {}))
        if not _is_same(old.get(key), lines, people):
            made.append((pools[key.pool], key.day, lines, people))
    _take_back(ctx, [old[_Key(pool.pk, day)] for pool, day, *_ in made if _Key(pool.pk, day) in old])
    return _written(ctx, made)


def _there(
    pools: dict[UUID, Pool], items: dict[_Key, list[WageLine]], days: tuple[date, date]
) -> dict[_Key, dict[UUID, int]]:
    """Give the minutes of those who share, by pool and day: the team's people, and who reported into it."""
    workers = queries.workers()
    present: dict[date, dict[UUID, int]] = {}
    seen = Attendance.objects.filter(day__range=days).order_by("employee__code").values_list("day", "employee")
    for day, employee, minutes in seen.annotate(total=Sum("minutes")):
        present.setdefault(day, {})[employee] = minutes
    found = {}
    for key, lines in items.items():
        reporters = {line.employee_id for line in lines}
        found[key] = {
            one: minutes for one, minutes in present.get(key.day, {}).items()
            if one in reporters or workers[one].team == pools[key.pool].team_id
        }  # fmt: skip
    return found


class _Part(NamedTuple):
    employee: UUID
    minutes: int
    factor: Decimal
    amount: Decimal


def _parts(pool: Pool, day: date, lines: Sequence[WageLine], there: dict[UUID, int]) -> list[_Part]:
    sums: dict[UUID, Decimal] = {}
    for line in lines:
        sums[line.employee_id] = sums.get(line.employee_id, ZERO) + line.pooled_amount
    absent = [one for one, amount in sums.items() if amount and one not in there]
    if absent:
        names = Employee.objects.filter(pk__in=absent).order_by("code").values_list("name", flat=True)
        raise ReportedButNotThere(names="、".join(names), day=day)
    factors = {one: queries.factor_on(one, day) for one in there}
    weights = [factors[one] * (minutes if pool.is_by_time else bool(minutes)) for one, minutes in there.items()]
    amount = sum(sums.values(), ZERO)
    if amount and not any(weights):
        raise NobodyThere(team=pool.team.name, day=day)
    parts = rules.parts_of(amount, weights) if there else ()
    return [_Part(one, there[one], factors[one], part) for one, part in zip(there, parts, strict=True)]


def _is_same(old: Sharing | None, lines: Sequence[WageLine], people: Sequence[_Part]) -> bool:
    if old is None:
        return False
    had = {(one.employee_id, one.minutes, one.factor, one.amount) for one in old.people.all()}
    return had == {tuple(one) for one in people} and {i.line_id for i in old.items.all()} == {n.pk for n in lines}


def _take_back(ctx: Context, old: Sequence[Sharing]) -> None:
    """Write the opposite of what sharings gave; they stand no longer."""
    keys = [one.pk for one in old]
    given = WageLine.objects.filter(sharing__in=keys, reverses__isnull=True).order_by("pk")
    db.insert_rows([
        _line(ctx, line.employee_id, line.plant_id, line.team_id, line.day, "share", -line.piece_amount,
              sharing_id=line.sharing_id, reverses_id=line.pk)
        for line in given
    ])  # fmt: skip
    SharingItem.objects.filter(sharing__in=keys).update(is_active=False)
    Sharing.objects.filter(pk__in=keys).update(
        is_current=False, version=F("version") + 1, changed_at=ctx.now, changed_by_id=ctx.person
    )


def _written(ctx: Context, made: Sequence[tuple[Pool, date, list[WageLine], list[_Part]]]) -> tuple[Sharing, ...]:
    stamp = dict(created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)
    workers = queries.workers()
    sharings, people, items, lines = [], [], [], []
    for pool, day, pooled, parts in made:
        sharing = Sharing(
            id=new_id(), pool=pool, team=pool.team, plant_id=pool.team.plant_id, day=day,
            amount=sum((part.amount for part in parts), ZERO), **stamp,
        )  # fmt: skip
        sharings.append(sharing)
        for n, part in enumerate(parts, 1):
            people.append(SharingPerson(id=new_id(), sharing=sharing, position=n, employee_id=part.employee,
                                        minutes=part.minutes, factor=part.factor, amount=part.amount))  # fmt: skip
            if part.amount:
                lines.append(_line(ctx, part.employee, workers[part.employee].plant, pool.team_id, day, "share",
                                   part.amount, sharing_id=sharing.pk))  # fmt: skip
        items += [
            SharingItem(id=new_id(), sharing=sharing, position=n, line=line, amount=line.pooled_amount)
            for n, line in enumerate(pooled, 1)
        ]
    for rows in (sharings, people, items):
        db.insert_rows(rows)
    _write_approved(ctx, lines)
    return tuple(sharings)


def _line(
    ctx: Context, employee: UUID, plant: UUID, team: UUID | None, day: date, kind: str, amount: Decimal,
    **more: UUID,
) -> WageLine:  # fmt: skip
    name = "piece_amount" if kind == "share" else "bonus_amount"
    return WageLine(
        id=new_id(), employee_id=employee, plant_id=plant, team_id=team, day=day, at=ctx.now, kind=kind, amount=amount,
        **{name: amount}, **more,
    )  # fmt: skip


def _write_approved(ctx: Context, lines: Sequence[WageLine]) -> None:
    """Write lines that stand on what is approved already."""
    db.insert_rows(list(lines))
    db.insert_rows(
        [Approval(id=new_id(), line_id=n.pk, plant_id=n.plant_id, at=ctx.now, person=ctx.person) for n in lines]
    )


# --- bonuses


@command(f"{BONUS}.approve", L("审核", "Approve"), icon="check", tone="green", is_primary=True)
def approve_bonuses(ctx: Context, bonuses: Sequence[Bonus]) -> None:
    """Let bonuses count, which somebody else has made for somebody else.

    Raises: OwnBonus
    Writes: wage lines with their approval
    """
    for bonus in bonuses:
        if ctx.principal.id.int and ctx.person == bonus.created_by_id or ctx.principal.employee == bonus.employee_id:
            raise OwnBonus()
    workers = queries.workers()
    _write_approved(ctx, [_of_bonus(ctx, one, workers[one.employee_id], one.amount) for one in bonuses])


@command(
    f"{BONUS}.reverse", L("冲销", "Reverse"), icon="arrow-back-up", tone="orange",
    confirm=L("确定冲销？", "Take it back?"),
)  # fmt: skip
def reverse_bonuses(ctx: Context, bonuses: Sequence[Bonus]) -> None:
    """Take bonuses back. Writes: the opposite of their wage lines."""
    given = WageLine.objects.filter(bonus__in=[one.pk for one in bonuses], reverses__isnull=True).order_by("pk")
    db.insert_rows([
        _line(ctx, line.employee_id, line.plant_id, line.team_id, line.day, "bonus", -line.bonus_amount,
              bonus_id=line.bonus_id, reverses_id=line.pk)
        for line in given
    ])  # fmt: skip


def _of_bonus(ctx: Context, bonus: Bonus, worker: Worker, amount: Decimal) -> WageLine:
    return _line(ctx, bonus.employee_id, worker.plant, worker.team, bonus.day, "bonus", amount, bonus_id=bonus.pk)
