"""What buyers and the gate see at a glance."""

from __future__ import annotations

from django.db.models import Count
from django.db.models.functions import Coalesce

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L

LINES = "purchasing.order_line"
OPEN = ("ordered", "confirmed", "partly_received")


def _open_lines(ctx: Context):
    """Give the lines of placed orders of which something has not come, with the day that counts."""
    rows = reading.matching(ctx, registry.noun(LINES), Query(filters=(("open_quantity", "gt", "0"),)))
    return rows.filter(order__state__in=OPEN).annotate(due=Coalesce("confirmed_on", "wanted_on"))


@measured(
    "purchasing.late", L("逾期未到货", "Deliveries late"), permission=f"{LINES}.read", tone="red",
    icon="clock-exclamation",
)  # fmt: skip
def late(ctx: Context, days: Days) -> Measure:
    """Count the lines that should have come before today. One statement."""
    found = _open_lines(ctx).filter(due__lt=days.today).aggregate(lines=Count("pk"))
    return Measure(found["lines"], path="/queries/purchasing.late_warnings")


@measured(
    "purchasing.due_this_week", L("7 天内到货", "Coming in 7 days"), permission=f"{LINES}.read", tone="blue",
    icon="truck-loading",
)  # fmt: skip
def due_this_week(ctx: Context, days: Days) -> Measure:
    """Count the lines that are to come from today on, for a week. One statement."""
    found = _open_lines(ctx).filter(due__gte=days.today, due__lte=days.week).aggregate(lines=Count("pk"))
    path = days.fill("/purchasing/order_lines?open_quantity:gt=0&wanted_on:gte={today}&wanted_on:lte={week}")
    return Measure(found["lines"], path=path)


figure(
    "purchasing.drafts", L("待下单", "Orders to place"), noun="purchasing.order", where="state:in=draft",
    tone="orange", icon="send",
)  # fmt: skip
figure(
    "purchasing.unconfirmed", L("供应商未确认", "Not confirmed"), noun="purchasing.order", tone="orange",
    where="state:in=ordered&is_confirmed:eq=false", icon="calendar-check",
)  # fmt: skip
figure(
    "purchasing.to_receive", L("待到货订单", "Orders to receive"), noun="purchasing.order", tone="blue",
    where="state:in=ordered,confirmed,partly_received", icon="truck-loading",
)  # fmt: skip
figure(
    "purchasing.to_book", L("待检待入库", "Receipts to book"), noun="purchasing.receipt", tone="orange",
    where="state:in=arrived,partly_booked", icon="building-warehouse",
)  # fmt: skip
