"""Reports that a leader approves, one by one or in one sweep, and puts right by taking them back with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.errors import NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.flush import LotUse
from banyan.modules.production.commands.leading import approvals
from banyan.modules.production.commands.reports import DefectCount, OneReport, ReportAnswer, Share, book_reports
from banyan.modules.production.errors import BookedAgain, NobodyNamed, ReportedSince, ReportUnknown
from banyan.modules.production.events import ReportsApproved
from banyan.modules.production.models import Report, ReportApproval, ReportFlag

ZERO = Decimal(0)
#: Reports approved in one sweep at most.
MOST = 5_000


class Approve(Input):
    """Which reports are right: those named, else all within reach that fit and bear no flag."""

    reports: Annotated[list[UUID], Field(max_length=MOST)] = field(
        "报工", "Reports", default_factory=list, reference="production.report"
    )
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")
    until: Instant | None = field("截至", "Until", None)


class BookAgain(Input):
    """Which undo was wrong: what it took back had been made."""

    report: UUID = field("撤销记录", "Undo", reference="production.report")
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


class Correct(Input):
    """What a report should have said; nothing but its being taken back where the quantity is zero."""

    report: UUID = field("报工", "Report", reference="production.report")
    quantity: Annotated[Quantity, Field(ge=0)] = field("正确数量", "Right quantity")
    operation: UUID | None = field(
        "记到工序", "On operation", None, reference="production.operation",
        help=L("空为原来的工序", "Empty: the one it was told for"),
    )  # fmt: skip
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command(
    "production.report.approve", L("审核报工", "Approve reports"), input=Approve, on="noun", icon="checks",
    tone="green", is_primary=True, offered_on=(),
    help=L("一次审核全部没有异常的报工，或只审核所选", "All without a flag at once, or those chosen"),
)  # fmt: skip
def approve_reports(ctx: Context, data: Approve) -> Label:
    """Approve reports that wait; one approved or taken back meanwhile stays as it is.

    Gives:  how many were approved
    Raises: NotFound for one named that does not exist or lies out of reach
    Writes: approvals, the approved counts of operations, the end of flags of those named; locks operations;
            tells ReportsApproved
    """
    asked = ReportApproval.objects.filter(approvals(ctx))
    if data.reports:
        asked = asked.filter(pk__in=data.reports)
    else:
        told = {"team": data.team, "employee": data.employee, "at__lte": data.until}
        flagged = ReportFlag.objects.filter(state="open").values("report")
        asked = asked.filter(state="waiting", **{name: value for name, value in told.items() if value})
        asked = asked.exclude(pk__in=flagged).order_by("at")[:MOST]
    rows = list(asked.values_list("pk", "operation_id", "state"))
    if len(rows) < len(set(data.reports)):
        raise NotFound("production.reports_unknown", L("找不到所选的报工", "There are no such reports"))
    waiting = {report: operation for report, operation, state in rows if state == "waiting"}
    if data.reports:
        settle_flags_of(ctx, list(waiting), str(L("审核通过", "Approved")))
    flow.lock_operations(waiting.values())
    done = db.rows(_APPROVE, {"reports": list(waiting), "now": ctx.now, "person": ctx.person})
    orders: dict[UUID, list[UUID]] = {}
    for report, order in done:
        orders.setdefault(order, []).append(report)
    tell(*(ReportsApproved(record=order, reports=tuple(sorted(found))) for order, found in sorted(orders.items())))
    if len(done) == len(rows):
        return L("已审核 {n} 条", "{n} approved").filled({"n": len(done)})
    return L(
        "已审核 {n} 条；{rest} 条此前已审核或已撤销", "{n} approved; {rest} were approved or taken back before"
    ).filled({"n": len(done), "rest": len(rows) - len(done)})


_APPROVE = """
    WITH done AS (
        UPDATE production_reportapproval
        SET state = 'approved', decided_at = %(now)s::timestamptz, person = %(person)s::uuid
        WHERE id = ANY(%(reports)s::uuid[]) AND state = 'waiting'
        RETURNING id, operation_id, work_order_id
    ), counts AS (
        SELECT d.operation_id, sum(r.quantity) AS quantity FROM done d JOIN production_report r ON r.id = d.id
        WHERE r.kind = 'good' GROUP BY 1
    ), raised AS (
        UPDATE production_operation o SET approved_quantity = o.approved_quantity + c.quantity
        FROM counts c WHERE o.id = c.operation_id
    )
    SELECT id, work_order_id FROM done
"""


def settle_flags_of(ctx: Context, reports: Sequence[UUID], answer: str, kinds: Sequence[str] = ()) -> int:
    """Say what was done about the open flags of reports, those of some kinds or all; give how many."""
    flags = ReportFlag.objects.filter(report__in=list(reports), state="open")
    if kinds:
        flags = flags.filter(kind__in=list(kinds))
    found = list(flags.order_by("pk").select_for_update(no_key=True))
    for flag in found:
        flag.state, flag.answer, flag.version = "settled", answer, flag.version + 1
        flag.changed_at, flag.changed_by_id = ctx.now, ctx.person
    db.update_rows(found, ("state", "answer", "version", "changed_at", "changed_by_id"))
    return len(found)


@command(
    "production.report.correct", L("更正报工", "Correct a report"), input=Correct, on="noun", icon="edit",
    tone="orange", permission="production.report.approve",
    help=L("冲销原报工，并按正确数量重新入账；两者都留在账上", "Taken back and booked anew as it should be; both stay"),
)  # fmt: skip
def correct_report(ctx: Context, data: Correct) -> tuple[ReportAnswer, ...]:
    """Take a report back, and book it for the same people and time with the right quantity, or elsewhere.

    Raises: ReportUnknown; NobodyNamed; what taking it back and booking it refuse
    Writes: as `report_work`; flags of the report are settled by the reason, the right one waits for approval
    """
    row = Report.objects.filter(pk=data.report).first()
    if row is None or not ReportApproval.objects.filter(approvals(ctx), pk=data.report).exists():
        raise ReportUnknown
    settle_flags_of(ctx, [row.pk], data.reason)
    back = OneReport(id=new_id(), kind="undo", reverses=row.pk, note=data.reason)
    anew = [_anew(row, data)] if data.quantity else []
    answers = book_reports(ctx, [back, *anew], is_work=False)
    if anew and row.flags:
        settle_flags_of(ctx, [anew[0].id], data.reason, row.flags)
    return answers


@command(
    "production.report.book_again", L("恢复报工", "Book again"), input=BookAgain, on="noun", icon="arrow-forward-up",
    tone="orange", permission="production.report.approve",
    help=L("撤销有误时按原样重新入账；撤销和原报工都留在账上",
           "Where an undo was wrong, what it took back is booked as it was; both stay in the ledger"),
)  # fmt: skip
def book_again(ctx: Context, data: BookAgain) -> tuple[ReportAnswer, ...]:
    """Book what an undo took back once more: for the same people, time, machine and lots.

    Raises: ReportUnknown for what is no undo of pieces within reach; BookedAgain; ReportedSince where more would be
            reported than was there, for it has been told anew; NobodyNamed
    Writes: as `report_work`; flags of the undo are settled by the reason, what is booked waits for approval
    """
    undo = Report.objects.filter(pk=data.report, kind="undo").select_related("reverses").first()
    if undo is None or not ReportApproval.objects.filter(approvals(ctx), pk=undo.reverses_id).exists():
        raise ReportUnknown
    row, key = undo.reverses, uuid5(undo.pk, "again")
    settle_flags_of(ctx, [undo.pk], data.reason)
    if Report.objects.filter(pk=key).exists():
        raise BookedAgain
    told = Correct(report=row.pk, quantity=row.quantity, reason=data.reason)
    answers = book_reports(ctx, [_anew(row, told).model_copy(update={"id": key})], is_work=False)
    if "over" in answers[0].flags and "over" not in row.flags:
        raise ReportedSince(quantity=row.quantity)
    settle_flags_of(ctx, [key], data.reason, [*row.flags, "closed", "stopped", "period"])
    return answers


def _anew(row: Report, data: Correct) -> OneReport:
    """Give a report as it should have been: what was used and how long it took changes with the quantity."""
    if not row.people:
        raise NobodyNamed
    part = data.quantity / row.quantity
    is_here = data.operation in (None, row.operation_id)
    scaled = [(d["reason"], rules.round_quantity(Decimal(str(d["quantity"])) * part)) for d in row.defects]
    lots = [(use["lot"], rules.round_quantity(Decimal(str(use["quantity"])) * part)) for use in row.lots]
    return OneReport(
        id=new_id(), kind=row.kind, operation=data.operation or row.operation_id, quantity=data.quantity,
        people=[Share(employee=p["employee"], share=p["share"]) for p in row.people],
        machine=row.machine_id if is_here else None, minutes=row.minutes, note=data.reason,
        back_to=row.back_to_id if is_here else None,
        defects=[DefectCount(reason=reason, quantity=count) for reason, count in scaled if count > 0],
        lots=[LotUse(lot=lot, quantity=count) for lot, count in lots if count > 0] if is_here else [],
        output_lot=row.output_lot.number if row.output_lot_id and is_here else "", data=row.data,
        device_at=row.device_at or row.reported_at, offline=True,
    )  # fmt: skip
