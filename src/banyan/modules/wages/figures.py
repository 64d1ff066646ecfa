"""What leaders and accountants see of wages at a glance."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.lib.labels import L
from banyan.modules.wages import queries
from banyan.modules.wages.models import WageLine

LINE, STATEMENT = "wages.line", "wages.statement"
LOOKED_BACK = timedelta(days=62)


@measured(
    "wages.to_approve", L("待审核工资", "Wages to approve"), permission=f"{LINE}.approve", tone="orange", icon="checks"
)
def to_approve(ctx: Context, days: Days) -> Measure:
    """Count the wage lines of the last two months that wait for approval. One statement."""
    reach = access.scope(ctx, registry.noun(LINE), f"{LINE}.approve") or Q()
    waiting = WageLine.objects.filter(queries.is_waiting(), reach, day__gte=days.today - LOOKED_BACK)
    return Measure(waiting.count(), path="/queries/wages.to_approve")


figure(
    "wages.drafts", L("待确认工资单", "Wage statements to confirm"), noun=STATEMENT, where="state:in=draft",
    tone="orange", icon="receipt",
)  # fmt: skip
figure(
    "wages.to_pay", L("待发工资", "Wages to pay"), noun=STATEMENT, where="state:in=confirmed", sums=("amount",),
    tone="blue", icon="cash",
)  # fmt: skip
