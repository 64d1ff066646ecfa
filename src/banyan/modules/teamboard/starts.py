"""What modules below ask the board: what its dialogs are filled with, and how far somebody looks after people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context, Principal, Reach
from banyan.kernel.registry import answers
from banyan.modules.production.models import Report
from banyan.modules.teamboard.queries import READ


@answers("production.board_reach")
def board_reach(who: Principal) -> Reach | None:
    """Say how far somebody looks after people: as the board shows them, through a narrow token too."""
    return replace(who, limits=None).reach(READ)


@answers("production.report.correct.start")
def correct(ctx: Context, reports: Sequence[UUID]) -> dict[str, Any]:
    """Give what a report says, of which only the quantity is typed anew."""
    row = Report.objects.filter(pk__in=list(reports)[:1]).first()
    return {"report": row.pk, "quantity": row.quantity} if row and len(reports) == 1 else {}
