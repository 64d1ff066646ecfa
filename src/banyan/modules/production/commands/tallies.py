"""A report as a person at the machine says it: so many good, so many bad and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel.commands import OfferedOn, command, hear
from banyan.kernel.context import Context
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.errors import DomainError, Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain
from banyan.modules.company.queries import default_plant
from banyan.modules.production import queries
from banyan.modules.production.commands.reports import DefectCount, OneReport, book_reports

ZERO = Decimal(0)
#: What a fault of a report is about, in the words of the tally.
_FIELDS = {"defects": "reason", "output_lot": "lot", "operation": "operation", "minutes": "minutes"}


class Tally(Input):
    """What was made at an operation since the last report."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    good: Annotated[Quantity, Field(ge=0)] = field("合格", "Good", ZERO)
    bad: Annotated[Quantity, Field(ge=0)] = field("不良", "Bad", ZERO)
    reason: UUID | None = field("不良原因", "Why bad", None, reference="production.defect_reason", when="bad")
    bad_is: Literal["scrap", "rework"] = field(
        "不良品", "Bad pieces", "scrap",
        choices=[choice("scrap", "报废", "Scrapped"), choice("rework", "返工", "To be reworked")], when="bad",
    )  # fmt: skip
    lot: Annotated[Text, Field(max_length=60)] = field("产出批号", "Output lot", "")
    minutes: Annotated[Quantity, Field(ge=0, le=100_000)] | None = field("工时", "Time", None, unit="min")
    note: Annotated[Text, Field(max_length=500)] = field("备注", "Note", "")


@command(
    "production.operation.tally",
    L("报工", "Report"),
    input=Tally,
    on="noun",
    permission="production.work_order.report",
    icon="checkbox",
    is_primary=True,
    is_big=True,
    offered_on=(
        OfferedOn("production.work_order", "operation", states=("released", "running")),
        OfferedOn("production.operation", "operation"),
    ),
)
def tally_work(ctx: Context, data: Tally) -> Label:
    """Book the good and the bad pieces of an operation for whoever asks.

    Gives:  what was booked, and what the person has done today
    Raises: Invalid where nothing is told, or bad pieces without a reason; what `report_work` refuses
    Writes: as `report_work`
    """
    reports = _reports(data)
    try:
        book_reports(ctx, reports)
    except DomainError as refusal:
        refusal.fields = {_field(path, reports): fault for path, fault in refusal.fields.items()}
        raise
    return _said(ctx, data)


def _reports(data: Tally) -> list[OneReport]:
    if not data.good and not data.bad:
        raise Invalid(fields={"good": L("填写合格或不良的数量", "say how many are good or bad")})
    if data.bad and not data.reason:
        raise Invalid(fields={"reason": L("不良品要选原因", "say why they are bad")})
    said: dict = {"operation": data.operation, "note": data.note}
    made = []
    if data.good:
        made.append(OneReport(
            id=new_id(), kind="good", quantity=data.good, output_lot=data.lot, minutes=data.minutes, **said
        ))  # fmt: skip
    if data.bad:
        minutes = None if data.good else data.minutes
        why = [DefectCount(reason=data.reason, quantity=data.bad)]
        made.append(OneReport(
            id=new_id(), kind=data.bad_is, quantity=data.bad, defects=why, minutes=minutes, **said
        ))  # fmt: skip
    return made


def _field(path: str, reports: list[OneReport]) -> str:
    """Give the field of the tally that a fault of a report is about: `reports.0.quantity` is good, or bad."""
    _, place, name, *_ = [*path.split("."), "", ""]
    if name == "quantity" and place.isdigit():
        return "good" if reports[int(place)].kind == "good" else "bad"
    return _FIELDS.get(name, "__root__")


def _said(ctx: Context, data: Tally) -> Label:
    """Give what was booked in words; to an employee also the day's pieces and wage."""
    facts = {"good": plain(data.good), "bad": plain(data.bad)}
    booked = L("已报：合格 {good}，不良 {bad}", "Booked: {good} good, {bad} bad").filled(facts)
    employee = ctx.principal.employee
    if not employee:
        return booked
    hear(ctx)
    day = default_plant().day(ctx.now)
    done = queries.work_of(employee, day)
    pieces = sum((one.quantity for one in done if one.kind == "good"), ZERO)
    earned = queries.earned(employee, day)
    wage, share = sum(earned.values(), ZERO), sum((v for (_, kind), v in earned.items() if kind == "share"), ZERO)
    today = {"booked": booked, "pieces": plain(pieces), "wage": f"{wage:,.2f}"}
    if not wage:
        return L("{booked}。今天合格 {pieces} 件", "{booked}. Today {pieces} good").filled(today)
    if share:
        return L(
            "{booked}。今天合格 {pieces} 件，工资约 ¥{wage}，其中班组份额 ¥{share} 按目前报工估算，以出勤分配为准",
            "{booked}. Today {pieces} good, wage about ¥{wage}, of it ¥{share} as a share of the team's figure so far, "
            "to be settled by attendance",
        ).filled(today | {"share": f"{share:,.2f}"})
    return L(
        "{booked}。今天合格 {pieces} 件，工资 ¥{wage}",
        "{booked}. Today {pieces} good, wage ¥{wage}",
    ).filled(today)
