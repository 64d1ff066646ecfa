"""What a leader sees of the own teams at a glance."""

from __future__ import annotations

from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, measured
from banyan.lib.labels import L
from banyan.modules.teamboard import queries
from banyan.modules.teamboard.queries import READ


@measured("teamboard.to_approve", L("待审核报工", "Reports to approve"), permission=READ, tone="orange", icon="checks")
def to_approve(ctx: Context, _days: Days) -> Measure:
    """Count the reports of one's teams that wait for approval. Two statements."""
    return Measure(_counted(ctx)[0], path="/teamboard/approval?team=all")


@measured("teamboard.flags", L("异常报工", "Flagged reports"), permission=READ, tone="red", icon="flag")
def flagged(ctx: Context, _days: Days) -> Measure:
    """Count the reports of one's teams that a leader should look at. Two statements."""
    return Measure(_counted(ctx)[1], path="/teamboard/flags?team=all")


def _counted(ctx: Context) -> tuple[int, int]:
    return queries.counts(ctx, *queries.chosen_teams(ctx, "all"))
