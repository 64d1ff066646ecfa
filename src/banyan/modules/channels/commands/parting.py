"""Taking an order apart: parcels' orders of their own, whose amounts add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.pricing import part_amount
from banyan.modules.channels import rules
from banyan.modules.channels.models import ChannelOrder, ChannelOrderLine

ZERO = Decimal(0)
AMOUNTS = ("goods_amount", "discount_amount", "freight_amount", "total_amount")


def part_lines(
    ctx: Context, order: ChannelOrder, groups: Sequence[Mapping[UUID, Decimal]]
) -> list[ChannelOrder]:
    """Give a new order for each group of lines; the rest, and the freight, stay with the order.

    Takes:  order, locked and open; groups: pieces by line, never more than the line has
    Writes: new orders and lines; the order's lines and, in memory, its amounts
    """
    lines = {line.pk: line for line in ChannelOrderLine.objects.filter(channel_order=order.pk).order_by("position")}
    last = db.one(
        "SELECT max(part) FROM channels_channelorder WHERE shop_id = %s AND outside_number = %s",
        [order.shop_id, order.outside_number],
    )[0]
    made, fresh, moved = [], [], []
    for n, group in enumerate(groups, start=1):
        part = _copy(ctx, order, last + n)
        made.append(part)
        for position, (key, quantity) in enumerate(group.items(), start=1):
            line = lines[key]
            if quantity == line.quantity:
                line.channel_order_id, line.position = part.pk, position
                moved.append(line)
                part.goods_amount += line.amount
            else:
                piece = _cut(line, quantity, part, position)
                fresh.append(piece)
                part.goods_amount += piece.amount
    left = order.goods_amount - sum((part.goods_amount for part in made), ZERO)
    shares = rules.shared(order.discount_amount, [left, *(part.goods_amount for part in made)])
    for part, share in zip(made, shares[1:], strict=True):
        part.discount_amount, part.total_amount = share, part.goods_amount - share
    order.goods_amount, order.discount_amount = left, shares[0]
    order.total_amount -= sum((part.total_amount for part in made), ZERO)
    db.insert_rows(made)
    db.update_rows(list(lines.values()), ["channel_order_id", "position", "quantity", "amount", "discount_amount"])
    db.insert_rows(fresh)
    return made


def _cut(line: ChannelOrderLine, quantity: Decimal, part: ChannelOrder, position: int) -> ChannelOrderLine:
    """Give so many pieces of a line as a line of another order, with their share of its amounts."""
    share = {"whole": line.quantity, "before": ZERO, "part": quantity}
    piece = ChannelOrderLine(
        channel_order_id=part.pk, position=position, outside_line=line.outside_line, sku=line.sku, title=line.title,
        outside_item=line.outside_item, outside_sku=line.outside_sku, quantity=quantity, price=line.price,
        listing_id=line.listing_id,
        discount_amount=part_amount(line.discount_amount, **share), amount=part_amount(line.amount, **share),
    )  # fmt: skip
    line.quantity -= quantity
    line.amount -= piece.amount
    line.discount_amount -= piece.discount_amount
    return piece


def _copy(ctx: Context, order: ChannelOrder, part: int) -> ChannelOrder:
    own = {"id", "part", "version", "created_at", "changed_at", "created_by", "changed_by", "order", "parcel", *AMOUNTS}
    same = {
        f.attname: getattr(order, f.attname) for f in ChannelOrder._meta.concrete_fields
        if f.name not in own and not f.generated
    }  # fmt: skip
    return ChannelOrder(
        **same, id=new_id(), part=part, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person,
    )  # fmt: skip
