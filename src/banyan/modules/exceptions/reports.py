"""What people ask of exceptions: how fast they are answered, what causes most, what is open and how old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import choice
from banyan.kernel.queries import column, query
from banyan.kernel.reading import Query
from banyan.kernel.records import titles
from banyan.kernel.schema import Day, Input, field
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant
from banyan.modules.exceptions import rules
from banyan.modules.exceptions.models import OPEN
from banyan.modules.exceptions.nouns import SEVERITIES, STATES

NOUN = "exceptions.exception"
READ = f"{NOUN}.read"
_SEVERITIES = {one.key: one.label for one in SEVERITIES}
_STATES = {one.key: one.label for one in STATES}
NONE, UNKNOWN = L("（无）", "(none)"), L("未查明", "Not found yet")
_BY = {"category": "category_id", "team": "team_id", "work_centre": "work_centre_id"}
_NOUNS = {"category": "exceptions.category", "team": "people.team", "work_centre": "equipment.work_centre"}
AGES = (
    L("4 小时内", "Under 4 hours"), L("4 小时至 1 天", "4 hours to 1 day"), L("1 至 3 天", "1 to 3 days"),
    L("3 至 7 天", "3 to 7 days"), L("7 天以上", "Over 7 days"),
)  # fmt: skip


class Days(Input):
    """The days on which exceptions were raised; the last three months when not told."""

    first: Day | None = field("从", "From", None, help=L("空为最近三个月", "Empty: the last three months"))
    last: Day | None = field("到", "To", None)


class DaysBy(Days):
    """The days, and what to tell apart."""

    by: Literal["category", "team", "work_centre", "month"] = field(
        "按", "By", "category",
        choices=[choice("category", "异常类别", "Category"), choice("team", "责任班组", "Responsible team"),
                 choice("work_centre", "工作中心", "Work centre"), choice("month", "月份", "Month")],
    )  # fmt: skip


class OfAge(Input):
    """Which age; all of them when empty."""

    age: Literal["0", "1", "2", "3", "4"] | None = field(
        "已开", "Open for", None, choices=[choice(str(n), one.zh, one.en) for n, one in enumerate(AGES)]
    )


class Percentile(Aggregate):
    """The value below which a share of the rows lies, between two rows in proportion; nulls are left out."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, share: str, expression: str, **extra: Any) -> None:
        super().__init__(expression, share=share, **extra)


def _raised(ctx: Context, data: Days) -> tuple[QuerySet, ZoneInfo]:
    """Give the exceptions raised on the days asked for that the person may read, cancelled ones left out."""
    plant = default_plant()
    zone = ZoneInfo(plant.zone)
    last = data.last or plant.day(ctx.now)
    first = data.first or last - timedelta(days=91)
    rows = reading.matching(ctx, registry.noun(NOUN), Query()).order_by()
    start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    return rows.filter(raised_at__gte=start, raised_at__lt=end).exclude(state="cancelled"), zone


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _minutes(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value)).quantize(Decimal("0.1"))


@query(
    "exceptions.times", L("异常响应和解决用时", "Time to respond and to resolve"), input=DaysBy, permission=READ,
    area="production", icon="hourglass", order=46,
    help=L("工作时间，分钟；中位数和九成以内", "Working minutes; the median, and within which nine of ten are"),
    columns=(
        column("group", "分组", "Group"), column("count", "异常数", "Exceptions", "integer", summed=True),
        column("severe", "严重", "Severe", "integer", summed=True),
        column("taken", "已接手", "Taken", "integer", summed=True),
        column("respond_median", "响应中位数", "Respond, median", "quantity"),
        column("respond_p90", "响应九成", "Respond, 90 %", "quantity"),
        column("resolved", "已解决", "Resolved", "integer", summed=True),
        column("resolve_median", "解决中位数", "Resolve, median", "quantity"),
        column("resolve_p90", "解决九成", "Resolve, 90 %", "quantity"),
        column("escalated", "升级过", "Escalated", "integer", summed=True),
    ),
)  # fmt: skip
def times(ctx: Context, data: DaysBy) -> Iterator[dict[str, Any]]:
    """Give how fast exceptions were taken and resolved, by what is asked; two statements."""
    rows, zone = _raised(ctx, data)
    group = TruncMonth("raised_at", tzinfo=zone) if data.by == "month" else F(_BY[data.by])
    found = list(rows.annotate(grouped=group).values("grouped").annotate(
        n=Count("pk"), severe=Count("pk", filter=Q(severity="severe")), taken=Count("responded_in"),
        resolved=Count("resolved_in"), escalated=Count("pk", filter=Q(level__gt=0)),
        r50=Percentile("0.5", "responded_in"), r90=Percentile("0.9", "responded_in"),
        s50=Percentile("0.5", "resolved_in"), s90=Percentile("0.9", "resolved_in"),
    ))  # fmt: skip
    keys = [row["grouped"] for row in found if row["grouped"]]
    named = {} if data.by == "month" else titles(_NOUNS[data.by], keys)
    by_month = data.by == "month"
    for row in sorted(found, key=lambda r: r["grouped"] if by_month else -r["n"]):
        key = row["grouped"]
        text = f"{key:%Y-%m}" if by_month else named.get(key, str(NONE.in_(ctx.language)))
        yield {
            "group": text, "count": row["n"], "severe": row["severe"], "taken": row["taken"],
            "respond_median": _minutes(row["r50"]), "respond_p90": _minutes(row["r90"]),
            "resolved": row["resolved"], "resolve_median": _minutes(row["s50"]),
            "resolve_p90": _minutes(row["s90"]), "escalated": row["escalated"],
        }  # fmt: skip


@query(
    "exceptions.pareto", L("异常原因排列图", "Pareto of causes"), input=Days, permission=READ, area="production",
    icon="chart-bar", order=47, help=L("先看占多数的少数原因", "The vital few causes first"),
    columns=(
        column("cause", "原因", "Cause"), column("count", "异常数", "Exceptions", "integer", summed=True),
        column("minutes", "解决用时合计", "Minutes to resolve", "quantity", summed=True),
        column("percent", "占比", "Share", "percent"),
        column("cumulative", "累计占比", "Cumulative", "percent"),
    ),
)  # fmt: skip
def causes(ctx: Context, data: Days) -> Iterator[dict[str, Any]]:
    """Give the causes found, the most frequent first; those not found yet count as one. Two statements."""
    rows, _ = _raised(ctx, data)
    found = list(rows.values("cause_id").annotate(n=Count("pk"), minutes=Sum("resolved_in")))
    found.sort(key=lambda row: (-row["n"], row["cause_id"] is None, str(row["cause_id"])))
    named = titles("exceptions.cause", [row["cause_id"] for row in found if row["cause_id"]])
    for row, share in zip(found, rules.pareto([row["n"] for row in found]), strict=True):
        key = row["cause_id"]
        yield {
            "cause": named[key] if key else str(UNKNOWN.in_(ctx.language)), "count": share.count,
            "minutes": row["minutes"] and round(row["minutes"]),
            "percent": share.percent, "cumulative": share.cumulative,
        } | ({"_noun": "exceptions.cause", "_id": key} if key else {})  # fmt: skip


def _open(ctx: Context) -> QuerySet:
    rows = reading.matching(ctx, registry.noun(NOUN), Query())
    return rows.filter(state__in=OPEN).order_by("raised_at", "pk")


@query(
    "exceptions.open_by_age", L("未解决异常按时长", "Open exceptions by age"), permission=READ, area="production",
    icon="calendar-time", order=48, card=("age", "count", "severe", "overdue"),
    help=L("开了多久还没解决", "How long they have been open"),
    columns=(
        column("age", "已开", "Open for"), column("count", "异常数", "Exceptions", "integer", summed=True),
        column("severe", "严重", "Severe", "integer", summed=True),
        column("overdue", "超时", "Overdue", "integer", summed=True),
    ),
)  # fmt: skip
def open_by_age(ctx: Context) -> Iterator[dict[str, Any]]:
    """Give the open exceptions counted by age, the youngest first; a row opens them. One statement."""
    counts = [[0, 0, 0] for _ in AGES]
    for raised, severity, due in _open(ctx).values_list("raised_at", "severity", "due_at"):
        mine = counts[rules.age_group(ctx.now - raised)]
        for place, is_one in enumerate((True, severity == "severe", due <= ctx.now)):
            mine[place] += is_one
    for n, (count, severe, overdue) in enumerate(counts):
        if count:
            yield {
                "age": str(AGES[n].in_(ctx.language)), "count": count, "severe": severe, "overdue": overdue,
                "_query": "exceptions.open", "_input": {"age": str(n)},
            }  # fmt: skip


@query(
    "exceptions.open", L("未解决异常", "Open exceptions"), input=OfAge, permission=READ, area="production",
    icon="urgent", order=49, card=("number", "category", "team", "state", "hours"),
    help=L("最久的在前", "The longest open first"),
    columns=(
        column("number", "单号", "Number"), column("category", "异常类别", "Category"),
        column("severity", "严重程度", "Severity"), column("team", "责任班组", "Responsible team"),
        column("state", "状态", "State"), column("hours", "已开（小时）", "Open, hours", "quantity"),
        column("due_at", "时限", "Due", "instant"), column("level", "升级到", "Level", "integer"),
    ),
)  # fmt: skip
def open_ones(ctx: Context, data: OfAge) -> Iterator[dict[str, Any]]:
    """Give the open exceptions, the longest open first; a row opens the exception. Three statements."""
    columns = ("pk", "number", "category_id", "severity", "team_id", "state", "raised_at", "due_at", "level")
    rows = [
        row for row in _open(ctx).values(*columns)
        if data.age is None or rules.age_group(ctx.now - row["raised_at"]) == int(data.age)
    ]  # fmt: skip
    categories = titles("exceptions.category", [row["category_id"] for row in rows])
    teams: dict[UUID, str] = dict(titles("people.team", [row["team_id"] for row in rows if row["team_id"]]))
    for row in rows:
        hours = Decimal(int((ctx.now - row["raised_at"]).total_seconds())) / 3600
        yield {
            "number": row["number"], "category": categories[row["category_id"]],
            "severity": str(_SEVERITIES[row["severity"]].in_(ctx.language)), "team": teams.get(row["team_id"], ""),
            "state": str(_STATES[row["state"]].in_(ctx.language)), "hours": hours.quantize(Decimal("0.1")),
            "due_at": row["due_at"], "level": row["level"], "_noun": NOUN, "_id": row["pk"],
        }  # fmt: skip
