"""What the shop and the boss see of production at a glance."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Count, Sum

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L
from banyan.modules.production.models import CompletionLine

ORDERS, PAPERS = "production.work_order", "production.completion"


@measured(
    "production.output_today", L("今日入库产出", "Made today"), permission=f"{PAPERS}.read", tone="blue",
    icon="package-import",
)  # fmt: skip
def output_today(ctx: Context, days: Days) -> Measure:
    """Count the pieces that went to store today, and the papers that say so. One statement."""
    since = days.midnight.isoformat()
    papers = reading.matching(ctx, registry.noun(PAPERS), Query(filters=(("moved_at", "gte", since),)))
    lines = CompletionLine.objects.filter(completion__in=papers.filter(state="posted"))
    found = lines.aggregate(made=Sum("quantity"), papers=Count("completion", distinct=True))
    path = days.fill("/production/completions?state:in=posted&moved_at:gte={midnight}")
    note = L("{papers} 张入库单", "{papers} receipts").filled(found) if found["papers"] else None
    return Measure(found["made"] or Decimal(0), "quantity", path, note)


figure(
    "production.running", L("在制工单", "Orders in work"), noun=ORDERS, where="state:in=released,running",
    tone="blue", icon="progress",
)  # fmt: skip
figure(
    "production.late", L("逾期工单", "Work orders late"), noun=ORDERS, tone="red", icon="clock-exclamation",
    where="state:in=planned,firm,released,running&due_on:lt={today}",
)  # fmt: skip
figure(
    "production.to_release", L("待下达工单", "Orders to release"), noun=ORDERS, where="state:in=planned,firm",
    tone="orange", icon="player-play",
)  # fmt: skip
figure(
    "production.flags", L("报工异常", "Report flags"), noun="production.report_flag", where="state:in=open",
    tone="orange", icon="flag",
)  # fmt: skip
figure(
    "production.scrap_today", L("今日报废", "Scrapped today"), noun="production.report", sums=("quantity",),
    where="kind:in=scrap&day:eq={today}", tone="orange", icon="trash-x",
)  # fmt: skip
figure(
    "production.good_today", L("今日报工合格", "Reported good today"), noun="production.report",
    sums=("quantity",), where="kind:in=good&day:eq={today}", tone="blue", icon="checkbox",
)  # fmt: skip
