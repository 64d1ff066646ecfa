"""The life of an exception after it was raised: taken, contained, resolved, closed; reopened or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import beside
from banyan.kernel.commands import command
from banyan.kernel.context import SYSTEM_ID, Context
from banyan.kernel.schema import Input, Text, field
from banyan.lib.labels import L, Label
from banyan.modules.exceptions import queries
from banyan.modules.exceptions.commands.clocks import Calendars, note_steps, settle_stops, wind_all
from banyan.modules.exceptions.errors import CauseOutOfUse, SameTeam, TeamOfAnotherPlant, WrongException
from banyan.modules.exceptions.models import Category, Cause, ShopException
from banyan.modules.exceptions.nouns import SEVERITIES
from banyan.modules.people.models import Team

NOUN = queries.NOUN
Words = Annotated[Text, Field(min_length=1, max_length=1000)]
Note = Annotated[Text, Field(max_length=1000)]


class Take(Input):
    """Nothing but a remark."""

    note: Note = field("说明", "Note", "")


class Assign(Input):
    """Which team is responsible, and why it is."""

    team: UUID = field("责任班组", "Responsible team", reference="people.team")
    note: Note = field("说明", "Note", "")


class Grade(Input):
    """How severe it is after all."""

    severity: Literal["minor", "major", "severe"] = field("严重程度", "Severity", choices=SEVERITIES)
    note: Note = field("说明", "Note", "")


class Contain(Input):
    """What was done at once, so that work can go on."""

    countermeasure: Words = field("临时措施", "Temporary countermeasure")


class Resolve(Input):
    """Why it happened."""

    cause: UUID = field("原因类别", "Cause", reference="exceptions.cause")
    root_cause: Words = field("根本原因", "Root cause")


class Close(Input):
    """What keeps it from happening again."""

    prevention: Words = field("预防措施", "Prevention")


class Why(Input):
    """The reason."""

    reason: Words = field("原因", "Reason")


@command(f"{NOUN}.take", L("接手", "Take"), input=Take, icon="hand-stop", is_primary=True)
def take_exceptions(ctx: Context, cases: Sequence[ShopException], data: Take) -> None:
    """Say that one is on it. Raises: WrongState for one that another has taken. Writes: exceptions and steps."""
    calendars = Calendars()
    for case in cases:
        case.state, case.taken_at, case.taken_by_id = "taken", ctx.now, ctx.person
        if case.responded_in is None:
            case.responded_in = calendars.minutes(case, ctx.now)
    wind_all(calendars, cases)
    note_steps(ctx, cases, "taken", data.note)
    _tell_raisers(ctx, cases, L("{number} 已由 {who} 接手", "{number} was taken by {who}"))


@command(f"{NOUN}.assign", L("转派", "Assign"), input=Assign, icon="users-group")
def assign_exceptions(ctx: Context, cases: Sequence[ShopException], data: Assign) -> None:
    """Hand exceptions to another team, which must take them anew; the clocks go on as they are.

    Raises: SameTeam, TeamOfAnotherPlant
    Writes: exceptions, steps, inbox items of the team
    """
    team = Team.objects.filter(pk=data.team).first()
    if team is None:
        raise WrongException(fields={"team": L("没有此班组", "no such team")})
    for case in cases:
        if case.team_id == team.pk:
            raise SameTeam(number=case.number, team=team.name)
        if case.plant_id != team.plant_id:
            raise TeamOfAnotherPlant(team=team.name)
        case.team, case.state, case.taken_at, case.taken_by_id = team, "raised", None, None
    wind_all(Calendars(), cases)
    note_steps(ctx, cases, "assigned", data.note)
    people = [one for one in queries.people_of_team(team.pk) if one != ctx.person]
    text = L("异常 {number} 转给您的班组", "Exception {number} was handed to your team")
    for case in cases:
        beside.notify(ctx, people, "exception", text.filled({"number": case.number}), NOUN, case.pk)


@command(f"{NOUN}.grade", L("定级", "Grade"), input=Grade, icon="flag-2", tone="orange")
def grade_exceptions(ctx: Context, cases: Sequence[ShopException], data: Grade) -> None:
    """Say how severe exceptions are; a severe one that is not contained stops its operation.

    Writes: exceptions, steps; whether operations stand still, their rows locked
    """
    for case in cases:
        case.severity = data.severity
    settle_stops(cases)
    note_steps(ctx, cases, "graded", data.note)


@command(f"{NOUN}.contain", L("遏制", "Contain"), input=Contain, icon="shield-check", is_primary=True)
def contain_exceptions(ctx: Context, cases: Sequence[ShopException], data: Contain) -> None:
    """Say what was done at once; operations that stood still for it go on.

    Writes: exceptions, steps; whether operations stand still, their rows locked
    """
    for case in cases:
        case.state, case.contained_at, case.countermeasure = "contained", ctx.now, data.countermeasure
    settle_stops(cases)
    wind_all(Calendars(), cases)
    note_steps(ctx, cases, "contained", data.countermeasure)


@command(f"{NOUN}.resolve", L("解决", "Resolve"), input=Resolve, icon="circle-check", is_primary=True)
def resolve_exceptions(ctx: Context, cases: Sequence[ShopException], data: Resolve) -> None:
    """Say why it happened and that it is put right; the clock stops.

    Raises: CauseOutOfUse
    Writes: exceptions, steps, inbox items; whether operations stand still, their rows locked
    """
    cause = Cause.objects.filter(pk=data.cause).first()
    if cause is None:
        raise WrongException(fields={"cause": L("没有此原因", "no such cause")})
    if not cause.is_active:
        raise CauseOutOfUse(cause=cause.name)
    calendars = Calendars()
    for case in cases:
        case.state, case.resolved_at, case.cause, case.root_cause = "resolved", ctx.now, cause, data.root_cause
        case.resolved_in = calendars.minutes(case, ctx.now)
    settle_stops(cases)
    wind_all(calendars, cases)
    note_steps(ctx, cases, "resolved", data.root_cause)
    _nobody_waits(ctx, cases)
    _tell_raisers(ctx, cases, L("{number} 已由 {who} 解决，请确认", "{number} was resolved by {who}: please check"))


@command(f"{NOUN}.close", L("关闭", "Close"), input=Close, icon="lock", is_primary=True)
def close_exceptions(ctx: Context, cases: Sequence[ShopException], data: Close) -> None:
    """Say what keeps it from happening again. Writes: exceptions and steps."""
    for case in cases:
        case.state, case.closed_at, case.prevention = "closed", ctx.now, data.prevention
    note_steps(ctx, cases, "closed", data.prevention)


@command(f"{NOUN}.reopen", L("重新打开", "Reopen"), input=Why, icon="refresh-alert", tone="orange")
def reopen_exceptions(ctx: Context, cases: Sequence[ShopException], data: Why) -> None:
    """Say that it is not put right after all: clocks and levels begin anew; a severe one stops its operation again.

    Writes: exceptions, steps, inbox items of the team; whether operations stand still, their rows locked
    """
    calendars = Calendars()
    minutes = Category.objects.in_bulk([case.category_id for case in cases])
    for case in cases:
        case.state, case.round, case.level = "raised", case.round + 1, 0
        case.taken_at = case.taken_by_id = case.contained_at = case.resolved_at = case.closed_at = None
        case.resolved_in = None
        category = minutes[case.category_id]
        calendars.start(case, ctx.now, category.response_minutes, category.resolution_minutes)
    settle_stops(cases)
    wind_all(calendars, cases)
    note_steps(ctx, cases, "reopened", data.reason)
    text = L("异常 {number} 重新打开：{why}", "Exception {number} was opened again: {why}")
    for case in cases:
        people = queries.people_of_team(case.team_id) if case.team_id else ()
        said = text.filled({"number": case.number, "why": data.reason[:200]})
        beside.notify(ctx, [one for one in people if one != ctx.person], "exception", said, NOUN, case.pk)


@command(f"{NOUN}.cancel", L("取消", "Cancel"), input=Why, icon="ban", tone="red")
def cancel_exceptions(ctx: Context, cases: Sequence[ShopException], data: Why) -> None:
    """Say that it was none.

    Writes: exceptions, steps, inbox items; whether operations stand still, their rows locked
    """
    for case in cases:
        case.state = "cancelled"
    settle_stops(cases)
    wind_all(Calendars(), cases)
    note_steps(ctx, cases, "cancelled", data.reason)
    _nobody_waits(ctx, cases)


def _nobody_waits(ctx: Context, cases: Sequence[ShopException]) -> None:
    beside.settle(ctx, ("exception", "escalation"), NOUN, [case.pk for case in cases])


def _tell_raisers(ctx: Context, cases: Sequence[ShopException], text: Label) -> None:
    """Tell the people who raised exceptions what became of them, but not of what they did themselves."""
    raisers = {case.created_by_id for case in cases} - {None, ctx.person, SYSTEM_ID}
    for case in cases:
        if case.created_by_id in raisers:
            said = text.filled({"number": case.number, "who": ctx.principal.name})
            beside.notify(ctx, [case.created_by_id], "exception", said, NOUN, case.pk)
