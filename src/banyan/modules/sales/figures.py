"""What sellers and the boss see of sales at a glance."""

from __future__ import annotations

from django.db.models import Count
from django.db.models.functions import Coalesce

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L

LINES = "sales.order_line"
OPEN = ("confirmed", "partly_shipped")


def _open_lines(ctx: Context):
    """Give the lines of binding orders of which something has not gone, with the day that counts."""
    rows = reading.matching(ctx, registry.noun(LINES), Query(filters=(("open_quantity", "gt", "0"),)))
    return rows.filter(order__state__in=OPEN).annotate(due=Coalesce("promised_on", "wanted_on"))


@measured(
    "sales.late", L("逾期订单", "Orders late"), permission=f"{LINES}.read", tone="red",
    icon="clock-exclamation",
)  # fmt: skip
def late(ctx: Context, days: Days) -> Measure:
    """Count the orders of which something should have gone before today. One statement."""
    rows = _open_lines(ctx).filter(due__lt=days.today)
    found = rows.aggregate(orders=Count("order", distinct=True), lines=Count("pk"))
    note = L("{lines} 行未发", "{lines} lines to ship").filled(found) if found["lines"] else None
    return Measure(found["orders"], path="/queries/sales.late_lines", note=note)


@measured(
    "sales.due_this_week", L("7 天内到期订单", "Orders due in 7 days"), permission=f"{LINES}.read", tone="blue",
    icon="calendar-week",
)  # fmt: skip
def due_this_week(ctx: Context, days: Days) -> Measure:
    """Count the orders of which something is due from today on, for a week. One statement."""
    rows = _open_lines(ctx).filter(due__gte=days.today, due__lte=days.week)
    found = rows.aggregate(orders=Count("order", distinct=True))
    path = days.fill("/sales/order_lines?open_quantity:gt=0&promised_on:gte={today}&promised_on:lte={week}")
    return Measure(found["orders"], path=path)


figure(
    "sales.to_ship", L("待发订单", "Orders to ship"), noun="sales.order",
    where="state:in=confirmed,partly_shipped", tone="blue", icon="truck-delivery",
)  # fmt: skip
figure(
    "sales.urgent", L("紧急订单", "Urgent orders"), noun="sales.order", tone="orange", icon="flame",
    where="state:in=confirmed,partly_shipped&priority:in=urgent",
)  # fmt: skip
figure(
    "sales.drafts", L("未确认订单", "Orders to confirm"), noun="sales.order", where="state:in=draft",
    icon="file-pencil", tone="orange",
)  # fmt: skip
figure(
    "sales.quotations", L("等客户答复的报价", "Quotations out"), noun="sales.quotation", where="state:in=sent",
    icon="send",
)  # fmt: skip
