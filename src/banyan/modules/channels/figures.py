"""What sellers see of their shops at a glance."""

from __future__ import annotations

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L

ORDERS = "channels.order"


@measured(
    "channels.late", L("渠道订单逾期未发", "Channel orders late"), permission=f"{ORDERS}.read", tone="red",
    icon="clock-exclamation",
)  # fmt: skip
def late(ctx: Context, days: Days) -> Measure:
    """Count the paid orders that should have been shipped by now. One statement."""
    waits = Query(filters=(("state", "in", "received,held,accepted,allocated"), ("outside_state", "eq", "paid")))
    rows = reading.matching(ctx, registry.noun(ORDERS), waits).filter(ship_by__lt=ctx.now)
    return Measure(rows.count(), path="/channels/desk")


figure(
    "channels.held", L("渠道订单待处理", "Channel orders held"), noun=ORDERS, where="state:in=held", tone="orange",
    icon="player-pause",
)  # fmt: skip
figure(
    "channels.differences", L("渠道订单差异", "Order differences"), noun="channels.difference", where="state:in=open",
    tone="orange", icon="arrows-diff",
)  # fmt: skip
figure(
    "channels.refunds", L("待审核退款", "Refunds to decide"), noun="channels.refund", where="state:in=asked",
    tone="orange", icon="cash-banknote",
)  # fmt: skip
