"""What planners and the boss see of the plan at a glance."""

from __future__ import annotations

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L
from banyan.modules.planning.models import Run

MESSAGES = "planning.message"


def _messages(ctx: Context, kinds: str) -> Measure | None:
    """Count messages of the current runs by kind. Two statements; None before the first run."""
    current = Run.objects.filter(is_current=True).order_by("-planned_at")
    runs = [str(key) for key in current.values_list("pk", flat=True)]
    if not runs:
        return None
    filters = [("run", "in", ",".join(runs))] + ([("kind", "in", kinds)] if kinds else [])
    count = reading.matching(ctx, registry.noun(MESSAGES), Query(filters=tuple(filters))).count()
    return Measure(count, path=f"/planning/messages?{'&'.join(f'{f}:{o}={v}' for f, o, v in filters)}")


@measured(
    "planning.late", L("计划延误", "Plan: late"), permission=f"{MESSAGES}.read", tone="red",
    icon="message-exclamation",
)  # fmt: skip
def late(ctx: Context, _days: Days) -> Measure | None:
    """Count what the plan cannot bring in time."""
    return _messages(ctx, "late")


@measured(
    "planning.messages", L("计划消息", "Plan messages"), permission=f"{MESSAGES}.read", tone="orange",
    icon="message-exclamation",
)  # fmt: skip
def messages(ctx: Context, _days: Days) -> Measure | None:
    """Count everything the plan asks people to look at."""
    return _messages(ctx, "")


figure(
    "planning.to_convert", L("待转计划订单", "Planned orders to convert"), noun="planning.planned_order",
    where="state:in=planned,firm", tone="orange", icon="arrow-right-circle",
)  # fmt: skip
figure(
    "planning.to_buy", L("建议采购", "Proposed purchases"), noun="planning.planned_order", tone="orange",
    where="state:in=planned,firm&kind:in=buy", icon="shopping-cart",
)  # fmt: skip
