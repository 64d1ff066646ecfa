"""Every change that buying makes, cut by what it is about."""

from banyan.modules.purchasing.commands.history import import_history
from banyan.modules.purchasing.commands.invoiced import count_invoiced
from banyan.modules.purchasing.commands.orders import (
    Need,
    cancel_orders,
    close_orders,
    confirm_orders,
    order_needs,
    place_orders,
    receive_orders,
)
from banyan.modules.purchasing.commands.receipts import arrive_receipts, book_receipts, reverse_receipts
from banyan.modules.purchasing.commands.returns import cancel_returns, send_returns

__all__ = [
    "Need",
    "arrive_receipts",
    "book_receipts",
    "cancel_orders",
    "cancel_returns",
    "close_orders",
    "confirm_orders",
    "count_invoiced",
    "import_history",
    "order_needs",
    "place_orders",
    "receive_orders",
    "reverse_receipts",
    "send_returns",
]
