"""What dialogs that the board opens are filled with at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.modules.production.models import Report


@answers("production.report.correct.start")
def correct(ctx: Context, reports: Sequence[UUID]) -> dict[str, Any]:
    """Give what a report says, of which only the quantity is typed anew."""
    row = Report.objects.filter(pk__in=list(reports)[:1]).first()
    return {"report": row.pk, "quantity": row.quantity} if row and len(reports) == 1 else {}
