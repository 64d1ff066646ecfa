"""What people ask of wages: what did I earn, what waits for approval, what a statement is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, Sum

from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.schema import Day, Input, field
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant
from banyan.modules.wages import queries, rules
from banyan.modules.wages.models import SharingItem, StatementItem, WageLine
from banyan.modules.wages.nouns import KINDS, PAY

LINE, STATEMENT, SHARING, BONUS = "wages.line", "wages.statement", "wages.sharing", "wages.bonus"
_KINDS = {one.key: one.label for one in KINDS}
_LINE_COLUMNS = (
    column("day", "日期", "Day", "date"), column("number", "工单", "Work order"),
    column("operation", "工序", "Operation"), column("kind", "类型", "Kind"),
    column("quantity", "合格数", "Good", "quantity", summed=True),
    column("minutes", "工时（分）", "Minutes", "quantity", summed=True),
    column("piece", "计件工资", "Piece wage", "money", summed=True),
    column("time", "计时工资", "Time wage", "money", summed=True),
    column("deduction", "质量扣款", "Deduction", "money", summed=True),
    column("bonus", "奖扣", "Bonus", "money", summed=True),
    column("pooled", "归入班组", "Into the pool", "money", summed=True),
    column("amount", "金额", "Amount", "money", summed=True),
)  # fmt: skip
_AMOUNTS = {"piece": "piece_amount", "time": "time_amount", "deduction": "deduction_amount",
            "bonus": "bonus_amount", "pooled": "pooled_amount", "amount": "amount"}


class MyMonth(Input):
    """Whose, and of which month."""

    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")
    month: Day | None = field("月份", "Month", None, help=L("空为本月", "This one when empty"))


class OfStatement(Input):
    """Which statement."""

    statement: UUID = field("工资单", "Statement", reference=STATEMENT)


class Until(Input):
    """Up to which day."""

    last: Day | None = field("到", "To", None)


def _sees_pay(ctx: Context, employee: UUID | None = None) -> bool:
    """Say whether one sees what others are paid, or what that person is; one's own is always seen."""
    is_own = employee is not None and employee == ctx.principal.employee
    return is_own or ctx.principal.reach(PAY) not in (None, "own")


def _row(ctx: Context, line: WageLine, sees: bool) -> dict[str, Any]:
    amounts = {name: getattr(line, column) if sees else None for name, column in _AMOUNTS.items()}
    noun, record = next(
        (noun, record) for noun, record in (
            ("production.report", line.report_id), (SHARING, line.sharing_id), (BONUS, line.bonus_id)
        ) if record
    )  # fmt: skip
    return {
        "day": line.day, "number": line.work_order.number if line.work_order else "",
        "operation": line.operation.title.in_(ctx.language) if line.operation
        else line.bonus.reason if line.bonus else "",
        "kind": _KINDS[line.kind].in_(ctx.language), "quantity": line.quantity, "minutes": line.minutes, **amounts,
        **({} if ctx.principal.reach(f"{noun}.read") is None else {"_noun": noun, "_id": record}),
    }  # fmt: skip


@query(
    "wages.my_month", L("我的工资", "My wages"), input=MyMonth, area="people", icon="wallet", permission=f"{LINE}.read",
    card=("day", "operation", "quantity", "amount"), order=7, columns=_LINE_COLUMNS,
    help=L("当月每次报工挣得的工资", "What each report of the month earned"),
)  # fmt: skip
def my_month(ctx: Context, data: MyMonth) -> Iterator[dict[str, Any]]:
    """Give what somebody's reports of a month earned, for themselves and who may see pay. A row opens the report, the
    sharing or the bonus."""
    employee = data.employee or ctx.principal.employee
    if employee is None:
        return
    first, last = rules.month_of(data.month or default_plant().day(ctx.now))
    is_own = employee == ctx.principal.employee
    reach = Q() if is_own else access.scope(ctx, registry.noun(LINE), f"{LINE}.read") or Q()
    lines = WageLine.objects.filter(reach, employee=employee, day__range=(first, last))
    for line in lines.select_related("work_order", "operation", "bonus").order_by("-day", "-at"):
        yield _row(ctx, line, _sees_pay(ctx, employee))


@query(
    "wages.of_statement", L("工资单明细", "What a statement pays"), input=OfStatement, area="people",
    icon="receipt", permission=f"{STATEMENT}.read", columns=_LINE_COLUMNS,
    help=L("工资单里的每次报工", "Each report that a statement pays"),
)  # fmt: skip
def of_statement(ctx: Context, data: OfStatement) -> Iterator[dict[str, Any]]:
    """Give the wage lines of a statement within reach. A row opens the report."""
    reach = access.scope(ctx, registry.noun(STATEMENT), f"{STATEMENT}.read") or Q()
    items = StatementItem.objects.filter(
        statement__in=registry.noun(STATEMENT).model.objects.filter(reach, pk=data.statement)
    )
    for item in items.select_related("line__work_order", "line__operation", "line__bonus").order_by("position"):
        yield _row(ctx, item.line, _sees_pay(ctx, item.line.employee_id))


@query(
    "wages.to_approve", L("待审核工资", "Wages to approve"), input=Until, area="people", icon="checks",
    permission=f"{LINE}.approve", card=("employee", "day", "quantity", "lines"), order=8,
    columns=(
        column("day", "日期", "Day", "date"), column("employee", "员工", "Employee"),
        column("lines", "条数", "Lines", "integer", summed=True),
        column("quantity", "合格数", "Good", "quantity", summed=True),
        column("minutes", "工时（分）", "Minutes", "quantity", summed=True),
        column("amount", "金额", "Amount", "money", summed=True),
    ),
)  # fmt: skip
def to_approve(ctx: Context, data: Until) -> Iterator[dict[str, Any]]:
    """Give what waits for approval by person and day; a row opens that person's month."""
    reach = access.scope(ctx, registry.noun(LINE), f"{LINE}.approve") or Q()
    waiting = WageLine.objects.filter(queries.is_waiting(), reach, *([Q(day__lte=data.last)] if data.last else []))
    groups = waiting.values("day", "employee", "employee__code", "employee__name").annotate(
        lines=Count("pk"), quantity=Sum("quantity"), minutes=Sum("minutes"), amount=Sum("amount")
    )
    for one in groups.order_by("day", "employee__code"):
        yield {
            "day": one["day"], "employee": f"{one['employee__code']} {one['employee__name']}", "lines": one["lines"],
            "quantity": one["quantity"], "minutes": one["minutes"],
            "amount": one["amount"] if _sees_pay(ctx, one["employee"]) else None,
            "_query": "wages.my_month", "_input": {"employee": one["employee"], "month": one["day"]},
        }  # fmt: skip


@query(
    "wages.to_share", L("待分配的班组工资", "Team wages to share"), input=Until, area="people", icon="chart-pie",
    permission=f"{SHARING}.share", card=("team", "day", "lines", "amount"), order=9,
    columns=(
        column("day", "日期", "Day", "date"), column("team", "班组", "Team"),
        column("lines", "条数", "Lines", "integer", summed=True),
        column("amount", "未分配", "Not shared", "money", summed=True),
    ),
    help=L("已审核、尚未按出勤分配的班组计件工资", "Approved piece wages of teams that are not shared yet"),
)  # fmt: skip
def to_share(ctx: Context, data: Until) -> Iterator[dict[str, Any]]:
    """Give what approved reports have brought to pools since their day was shared, by day; a row opens the pool."""
    reach = access.scope(ctx, registry.noun(SHARING), f"{SHARING}.share") or Q()
    shared = Exists(SharingItem.objects.filter(line=OuterRef("pk"), is_active=True))
    lines = WageLine.objects.filter(
        ~shared, queries.is_approved(), reach, *([Q(day__lte=data.last)] if data.last else []), pool__isnull=False
    )
    groups = lines.values("day", "pool", "pool__team__code", "pool__team__name").annotate(
        lines=Count("pk"), amount=Sum("pooled_amount")
    )
    for one in groups.order_by("day", "pool__team__code"):
        yield {
            "day": one["day"], "team": f"{one['pool__team__code']} {one['pool__team__name']}", "lines": one["lines"],
            "amount": one["amount"] if _sees_pay(ctx) else None, "_noun": "wages.pool", "_id": one["pool"],
        }  # fmt: skip
