"""Orders that leave in one parcel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.channels import rules
from banyan.modules.channels.models import BINDING, ChannelOrder, Shop


def put_together(
    ctx: Context, orders: Sequence[ChannelOrder], shops: Mapping[UUID, Shop] | None = None
) -> None:
    """Put orders into one parcel with others of the same buyer and address within the shop's window.

    Writes: the parcels of these orders and of those they join. Three statements where a shop merges at all
    """
    if not orders:
        return
    known = shops or Shop.objects.in_bulk({order.shop_id for order in orders})
    shops = {key: shop for key, shop in known.items() if shop.merge_minutes}
    mine = [order for order in orders if order.shop_id in shops and order.ordered_at and order.buyer]
    if not mine:
        return
    widest = timedelta(minutes=max(shop.merge_minutes for shop in shops.values()))
    around = list(
        ChannelOrder.objects.filter(
            shop__in=list(shops), buyer__in={o.buyer for o in mine}, state__in=BINDING, shipped_at__isnull=True,
            ordered_at__gte=min(o.ordered_at for o in mine) - widest,
            ordered_at__lte=max(o.ordered_at for o in mine) + widest,
        ).order_by("ordered_at", "pk")
    )  # fmt: skip
    changed: dict = {}
    for order in mine:
        minutes = shops[order.shop_id].merge_minutes
        near = [one for one in around if one.pk == order.pk or rules.leaves_together(one, order, minutes)]
        if len(near) < 2:
            continue
        parcel = next((one.parcel for one in near if one.parcel), None) or new_id()
        for one in near:
            if one.parcel != parcel:
                one.parcel = parcel
                changed[one.pk] = one
    for order in mine:
        if order.pk in changed:
            order.parcel = changed[order.pk].parcel
    db.update_rows(sorted(changed.values(), key=lambda one: one.pk), ["parcel"])
