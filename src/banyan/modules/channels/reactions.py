"""What channels hear after commit: goods that have left, orders that were given up, what a person must tell."""

from __future__ import annotations

from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.events import after_commit
from banyan.modules.channels import by_hand, events
from banyan.modules.channels.commands.refunding import take_back
from banyan.modules.channels.commands.shipping import (
    note_cancelled,
    orders_of_shipments,
    tell_shipments,
)
from banyan.modules.channels.models import BINDING, ChannelOrder, Refund
from banyan.modules.sales.events import (
    GoodsReturned,
    GoodsShipped,
    OrderCancelled,
    ShipmentReversed,
    ShipmentTracked,
)


@after_commit(GoodsShipped, ShipmentReversed, ShipmentTracked)
def tell_of_shipments(ctx: Context, event: Delivered) -> None:
    """Tell shops of what sales has shipped, tracked or taken back for their orders. One statement for others."""
    if event.record and orders_of_shipments([event.record]):
        execute(ctx, tell_shipments, data={"shipments": [event.record]})


@after_commit(OrderCancelled)
def tell_of_cancelled(ctx: Context, event: Delivered) -> None:
    """Cancel the channel orders of sales orders that were cancelled by themselves."""
    if ChannelOrder.objects.filter(order=event.record, state__in=BINDING).exists():
        execute(ctx, note_cancelled, data={"orders": [event.record]})


@after_commit(GoodsReturned)
def goods_are_back(ctx: Context, event: Delivered) -> None:
    """Note on refunds that their goods are back."""
    keys = list(Refund.objects.filter(return_order=event.record, state="agreed").values_list("pk", flat=True))
    if keys:
        execute(ctx, take_back, ids=keys)


@after_commit(events.OrderCancelled, events.RefundDecided)
def ask_of_by_hand(ctx: Context, event: Delivered) -> None:
    """Ask a person to do in the shop's back office what its platform takes from no program."""
    by_hand.ask_person(ctx, event)
