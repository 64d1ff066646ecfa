"""What wages do when something is reported or approved: the same, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.context import Context
from banyan.kernel.events import before_commit
from banyan.modules.production.events import Reported, ReportsApproved
from banyan.modules.wages import queries
from banyan.modules.wages.counting import approve_wages, count_wages, take_back_wages, work_of


@before_commit(Reported)
def count_reports(ctx: Context, events: Sequence[Reported]) -> None:
    """Write what reports have earned, and take back what undone ones had.

    Writes: wage lines, one statement for all reports and one for all that are undone; none where no rates are
    """
    if not queries.prices():
        return
    count_wages([work_of(e) for e in events if e.reverses is None and e.people])
    take_back_wages([e for e in events if e.reverses is not None and e.people])


@before_commit(ReportsApproved)
def approve_with_reports(ctx: Context, events: Sequence[ReportsApproved]) -> None:
    """Approve the wages of reports that are approved. Two statements, none where no rates are."""
    if queries.prices():
        approve_wages(ctx, [report for event in events for report in event.reports])
