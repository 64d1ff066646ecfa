"""Giving up an order: before it has gone, stock becomes free; after, it is stopped on its way or comes back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from banyan.kernel import db, registry
from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.channels.commands.accepting import other_parts, words_of
from banyan.modules.channels.events import OrderCancelled
from banyan.modules.channels.models import BINDING, OPEN, ChannelOrder, Refund, Shop
from banyan.modules.sales.models import OrderLine

ZERO = Decimal(0)


def cancel(
    ctx: Context, orders: Sequence[ChannelOrder], reason: str, *, held: Sequence[ChannelOrder] = (),
    is_outside: bool = False,
) -> None:  # fmt: skip
    """Cancel orders: what is promised becomes free; for what has gone a refund is asked for, to stop it on its way.

    Takes:  orders, locked; an order of which a part has gone keeps that part; held: others that
            the caller has changed and not saved yet; is_outside: the shop cancelled them
    Raises: what sales refuses
    Writes: sales orders, promises, refunds; sets the orders' states; tells OrderCancelled
    """
    shops = Shop.objects.in_bulk({order.shop_id for order in orders})
    others, known = other_parts(orders), {order.pk: order for order in (*held, *orders)}
    told = []
    for order in orders:
        if order.state in ("cancelled", "refunded"):
            continue
        order.cancel_reason = reason
        if order.state in OPEN:
            order.state, order.hold = "cancelled", ""
        elif order.state in BINDING:
            _cancel_sales(ctx, order, reason)
        elif order.total_amount > order.refunded_amount:
            _intercept(ctx, order, reason)
            continue
        told.append(
            OrderCancelled(
                **words_of(order, shops[order.shop_id]), reason=reason, is_whole=order.state == "cancelled",
                is_all=order.state == "cancelled" and all(
                    (known[one].state if one in known else state) == "cancelled"
                    for one, state in others[order.pk].items()
                ),
                is_outside=is_outside,
            )
        )  # fmt: skip
    tell(*told)


def _cancel_sales(ctx: Context, order: ChannelOrder, reason: str) -> None:
    lines = list(OrderLine.objects.filter(order=order.order_id).values_list("shipped_quantity", "open_quantity"))
    if any(open_ > 0 for _, open_ in lines):
        registry.command("sales.order.cancel")(ctx, [order.order_id], {"reason": reason})
    order.state = "shipped" if any(shipped > 0 for shipped, _ in lines) else "cancelled"
    if order.state == "shipped":
        order.shipped_at = order.shipped_at or ctx.now


def _intercept(ctx: Context, order: ChannelOrder, reason: str) -> None:
    """Ask once to stop what has gone on its way, for all that was paid and not refunded."""
    if Refund.objects.filter(channel_order=order.pk, state__in=("asked", "agreed", "returned")).exists():
        return
    db.insert_rows([
        Refund(
            id=new_id(), channel_order_id=order.pk, kind="intercept", reason=reason[:255], asked_at=ctx.now,
            amount=order.total_amount - order.refunded_amount, created_at=ctx.now, changed_at=ctx.now,
            created_by_id=ctx.person, changed_by_id=ctx.person,
        )
    ])  # fmt: skip
