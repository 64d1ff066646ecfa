"""What leaders, quality and the boss see of exceptions at a glance."""

from __future__ import annotations

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L

NOUN = "exceptions.exception"
_OPEN = "state:in=raised,taken,contained"

figure(
    "exceptions.open", L("未解决异常", "Open exceptions"), noun=NOUN, where=_OPEN, tone="orange", icon="urgent",
)  # fmt: skip
figure(
    "exceptions.severe", L("严重异常", "Severe exceptions"), noun=NOUN, where=f"{_OPEN}&severity:in=severe",
    tone="red", icon="hand-stop",
)  # fmt: skip


@measured(
    "exceptions.overdue", L("超时异常", "Overdue exceptions"), permission=f"{NOUN}.read", tone="red",
    icon="clock-exclamation",
)  # fmt: skip
def overdue(ctx: Context, _days: Days) -> Measure:
    """Count the exceptions whose clock has run out. One statement."""
    now = ctx.now.isoformat()
    count = reading.matching(ctx, registry.noun(NOUN), Query(filters=(("due_at", "lt", now),))).count()
    return Measure(count, path=f"/exceptions/exceptions?due_at:lt={now.replace('+', '%2B')}")
