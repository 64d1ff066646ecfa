"""Whose work somebody decides on: who is held to teams reads the whole plant, and acts for people of these only."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from banyan.kernel import access, registry
from banyan.kernel.context import Context, Principal, Reach
from banyan.kernel.nouns import Draft
from banyan.kernel.registry import port
from banyan.modules.people.queries import employees_by_id, teams_looked_after
from banyan.modules.production.errors import NotYourTeam
from banyan.modules.production.models import Report, ReportApproval

APPROVAL, APPROVE, ASSIGN = "production.report_approval", "production.report.approve", "production.work_order.assign"


def _no_board(who: Principal) -> Reach | None:
    return None


#: How far somebody looks after people, whatever a token of theirs is limited to; None where nothing says so.
board_reach = port("production.board_reach", _no_board)


def teams_led(ctx: Context, permission: str) -> frozenset[UUID] | None:
    """Give the teams for whose people somebody may act; None where the right's own reach is all that holds.

    One statement at most
    """
    who = ctx.principal
    if not {"own", "team"} & {board_reach(who)} and who.reach(permission) != "team":
        return None
    return teams_looked_after(who.teams, who.employee)


def approvals(ctx: Context) -> Q:
    """Give the condition of the reports that somebody may approve or put right. One statement at most"""
    within = access.scope(ctx, registry.noun(APPROVAL), APPROVE) or Q()
    led = teams_led(ctx, APPROVE)
    return within if led is None else Q(team__in=led)


def require_led(
    ctx: Context, permission: str, *, people: Iterable[UUID | None] = (), teams: Iterable[UUID | None] = ()
) -> None:
    """Refuse to decide for people of other teams than one's own. Raises: NotYourTeam. Two statements at most

    Takes:  people: keys of employees, of whom nobody stands for somebody unknown
    """
    named, asked = set(people), set(teams)
    if not named | asked or (led := teams_led(ctx, permission)) is None:
        return
    facts = employees_by_id([one for one in named if one])
    asked |= {facts[one].team if one in facts else None for one in named}
    if asked - led:
        raise NotYourTeam


def teams_of_reports(reports: Iterable[UUID]) -> set[UUID | None]:
    """Give the teams of those who told reports, and of what undos took back; None for people without one.

    Two statements, three where a report needs no approval
    """
    rows = list(Report.objects.filter(pk__in=list(reports)).values_list("pk", "reverses_id", "worker"))
    told = {reverses or key: worker for key, reverses, worker in rows}
    known = dict(ReportApproval.objects.filter(pk__in=list(told)).values_list("pk", "team_id"))
    left = [worker for key, worker in told.items() if key not in known]
    facts = employees_by_id(left)
    return {*known.values(), *(facts[one].team if one in facts else None for one in left)}


def prepare_assignments(ctx: Context, drafts: Iterable[Draft]) -> None:
    """Refuse to change what people of other teams are given. Raises: NotYourTeam"""
    rows = [draft.record for draft in drafts]
    require_led(
        ctx, ASSIGN, people=[row.employee_id for row in rows if row.employee_id],
        teams=[row.team_id for row in rows if row.team_id],
    )  # fmt: skip
