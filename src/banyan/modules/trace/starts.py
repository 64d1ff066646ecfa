"""What the dialogs of recalls are filled with at first, and the way from a lot to its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.modules.inventory.starts import STOP_REASONS
from banyan.modules.trace.models import RecallCustomer, RecallLot


@answers("trace.recall.begin.start")
def begin(ctx: Context, lots: Sequence[UUID]) -> dict[str, Any]:
    """Offer why lots are held as a rule."""
    return {"_usual": {"reason": STOP_REASONS}}


@answers("trace.recall.tell.start")
def tell(ctx: Context, recalls: Sequence[UUID]) -> dict[str, Any]:
    """Give the customers to choose from, those not told yet first, and the first of them chosen. One statement."""
    rows = list(
        RecallCustomer.objects.filter(recall__in=recalls).order_by("told_at", "position")
        .values_list("party_id", "party__name", "told_at")
    )  # fmt: skip
    rows.sort(key=lambda row: row[2] is not None)
    found: dict[str, Any] = {"_choices": {"party": [(key, name) for key, name, _ in rows]}}
    if rows and rows[0][2] is None:
        found["party"] = rows[0][0]
    return found


@answers("trace.recall.release.start")
def release(ctx: Context, recalls: Sequence[UUID]) -> dict[str, Any]:
    """Give the lots that the recall holds still. One statement."""
    rows = RecallLot.objects.filter(
        recall__in=recalls, was_stopped=False, released_at=None, lot__state="held"
    ).order_by("depth", "position")  # fmt: skip
    return {"_choices": {"lots": list(rows.values_list("lot_id", "lot__number")[:200])}}


@answers("inventory.lot.pages")
def trace_page(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way from a lot's page to its trace."""
    return (("hierarchy", L("追溯", "Trace"), f"/trace/lots/{record['id']}"),)
