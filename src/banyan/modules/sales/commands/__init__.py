"""Every change that selling makes, cut by what it is about."""

from banyan.modules.sales.commands.invoiced import count_invoiced
from banyan.modules.sales.commands.orders import (
    DateWish,
    cancel_orders,
    close_orders,
    confirm_orders,
    earliest_date,
    promise_days,
    reserve_stock,
)
from banyan.modules.sales.commands.quotations import (
    accept_quotations,
    lose_quotations,
    order_quotations,
    revise_quotations,
    send_quotations,
)
from banyan.modules.sales.commands.returns import cancel_returns, receive_returns
from banyan.modules.sales.commands.shipments import (
    pick_orders,
    reverse_shipments,
    ship_orders,
    ship_parts,
    ship_shipments,
    track_shipments,
)

__all__ = [
    "DateWish",
    "accept_quotations",
    "cancel_orders",
    "cancel_returns",
    "close_orders",
    "confirm_orders",
    "count_invoiced",
    "earliest_date",
    "lose_quotations",
    "order_quotations",
    "pick_orders",
    "promise_days",
    "receive_returns",
    "reserve_stock",
    "reverse_shipments",
    "revise_quotations",
    "send_quotations",
    "ship_orders",
    "ship_parts",
    "ship_shipments",
    "track_shipments",
]
