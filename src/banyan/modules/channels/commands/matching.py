"""SKUs that nobody has matched: once they are, the orders that waited for them go on."""

from __future__ import annotations

from banyan.kernel import registry
from banyan.kernel.commands import command, save
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.lib.labels import L
from banyan.modules.channels.commands.accepting import take
from banyan.modules.channels.commands.merging import put_together
from banyan.modules.channels.errors import MatchesNothing
from banyan.modules.channels.inputs import Match
from banyan.modules.channels.models import BINDING, OPEN, ChannelHold, ChannelOrder, ChannelOrderLine, Listing


@command("channels.listing.match", L("对照 SKU", "Match SKUs"), input=Match, on="noun", icon="link", creates=True)
def match_skus(ctx: Context, data: Match) -> tuple[Listing, ...]:
    """Say once what unknown SKUs stand for; the orders that waited for them go on.

    Gives:  the new listings
    Takes:  rows without an item are left for later
    Raises: MatchesNothing, ListedTwice
    Writes: listings; as receiving does for the orders; locks orders by key
    """
    rows = [row for row in data.rows if row.item]
    if not rows:
        raise MatchesNothing
    said = {
        (shop, sku): dict(zip(("title", "outside_item", "outside_sku"), words, strict=True))
        for shop, sku, *words in ChannelOrderLine.objects.filter(
            sku__in=[row.sku for row in rows], listing__isnull=True
        ).values_list("channel_order__shop_id", "sku", "title", "outside_item", "outside_sku")
    }  # fmt: skip
    made = registry.command("channels.listing.create")(ctx, {"records": [
        {"shop": row.shop, "sku": row.sku, "item": row.item, **said.get((row.shop, row.sku), {}), "factor": row.factor,
         "is_made_to_order": row.is_made_to_order}
        for row in rows
    ]})  # fmt: skip
    keys = (
        ChannelOrderLine.objects.filter(
            sku__in=[row.sku for row in rows], listing__isnull=True, channel_order__state__in=OPEN,
            channel_order__shop__in=[row.shop for row in rows],
        ).values_list("channel_order_id", flat=True)
    )  # fmt: skip
    orders = list(lock(ChannelOrder, set(keys)).values())
    waiting = ChannelHold.objects.filter(channel_order__in=orders, reason="unmatched", released_at__isnull=True)
    waiting.update(released_at=ctx.now, released_by=ctx.person)
    take(ctx, [order for order in orders if order.hold != "person"])
    save(ctx, [order for order in orders if dirty(order)])
    put_together(ctx, [order for order in orders if order.state in BINDING])
    return tuple(made)
