"""Every change that selling through channels makes, cut by what it is about."""

from banyan.modules.channels.commands.handling import (
    accept_orders,
    allocate_orders,
    cancel_orders,
    finish_orders,
    hold_orders,
    merge_orders,
    release_orders,
    settle_differences,
    ship_orders,
    split_orders,
)
from banyan.modules.channels.commands.matching import match_skus
from banyan.modules.channels.commands.naming import note_goods
from banyan.modules.channels.commands.offering import (
    note_pushed,
    refresh_all,
    refresh_due,
    refresh_offers,
)
from banyan.modules.channels.commands.receiving import Received, receive_orders
from banyan.modules.channels.commands.refunding import (
    agree_refunds,
    ask_refunds,
    note_uncredited,
    pay_refunds,
    receive_refunds,
    refuse_refunds,
    take_back,
)
from banyan.modules.channels.commands.settling import (
    match_settlements,
    receive_settlement,
    settle_statements,
)
from banyan.modules.channels.commands.shipping import note_cancelled, tell_shipments

__all__ = [
    "Received", "accept_orders", "agree_refunds", "allocate_orders", "ask_refunds", "cancel_orders",
    "finish_orders", "hold_orders", "match_settlements", "match_skus", "merge_orders", "note_cancelled",
    "note_goods", "note_pushed", "note_uncredited", "pay_refunds", "receive_orders", "receive_refunds",
    "receive_settlement", "refresh_all", "refresh_due", "refresh_offers", "refuse_refunds", "release_orders",
    "settle_differences", "settle_statements", "ship_orders", "split_orders", "take_back", "tell_shipments",
]  # fmt: skip
