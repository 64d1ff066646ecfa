"""What shops' interfaces call goods, beside the SKU: learnt from orders and lists of goods, kept in listings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.lib.labels import L
from banyan.modules.channels import queries
from banyan.modules.channels.commands.offering import work_out
from banyan.modules.channels.errors import NoSuchShop
from banyan.modules.channels.inputs import NoteGoods
from banyan.modules.channels.models import ChannelOrderLine
from banyan.modules.channels.rules import Outside


@dataclass(frozen=True, slots=True)
class Said:
    """The keys that a shop gives a SKU."""

    shop: UUID
    sku: str
    keys: Outside


@command("channels.listing.note_goods", L("记下平台商品 ID", "Note the shop's keys of goods"), input=NoteGoods,
         on="noun", icon="key", screen=False, gathers="goods")  # fmt: skip
def note_goods(ctx: Context, data: NoteGoods) -> int:
    """Keep in listings by which keys shops know what they sell; SKUs that are not listed are passed over.

    Gives:  how many listings were changed
    Raises: NoSuchShop; nothing is written
    Writes: listings; tells OfferChanged of those that were changed
    """
    shops = queries.shops_by_code(one.shop for one in data.goods)
    for one in data.goods:
        if one.shop not in shops:
            raise NoSuchShop(shop=one.shop)
    return learn(ctx, [
        Said(shops[one.shop].pk, one.sku,
             Outside(one.outside_item, one.outside_sku, one.outside_stock, one.outside_place))
        for one in data.goods
    ])  # fmt: skip


_LEARN = """
    WITH said AS (
        SELECT DISTINCT ON (shop, sku) *
        FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
            AS k(shop, sku, item, key, stock, place, n)
        ORDER BY shop, sku, n DESC
    ), due AS (
        SELECT l.id, s.* FROM channels_listing l JOIN said s ON s.shop = l.shop_id AND s.sku = l.sku
        WHERE s.item NOT IN ('', l.outside_item) OR s.key NOT IN ('', l.outside_sku)
           OR s.stock NOT IN ('', l.outside_stock) OR s.place NOT IN ('', l.outside_place)
        ORDER BY l.id FOR NO KEY UPDATE OF l
    )
    UPDATE channels_listing l SET
        outside_item = coalesce(nullif(d.item, ''), l.outside_item),
        outside_sku = coalesce(nullif(d.key, ''), l.outside_sku),
        outside_stock = coalesce(nullif(d.stock, ''), l.outside_stock),
        outside_place = coalesce(nullif(d.place, ''), l.outside_place)
    FROM due d WHERE d.id = l.id RETURNING l.id
"""


def tell_again(ctx: Context, orders: Collection[UUID]) -> None:
    """Tell the offers of what orders are for, changed or not. No statement without orders."""
    if orders:
        lines = ChannelOrderLine.objects.filter(channel_order__in=orders, listing__isnull=False)
        work_out(ctx, sorted(set(lines.values_list("listing_id", flat=True))), is_full=True)


def learn(ctx: Context, said: Iterable[Said]) -> int:
    """Keep in listings what shops call them where it is new, and tell their offers again, which go by it.

    Gives:  how many listings were changed. No statement where nothing is said
    """
    rows = [(one.shop, one.sku, one.keys.item, one.keys.sku, one.keys.stock, one.keys.place) for one in said]
    if not rows:
        return 0
    changed = [key for (key,) in db.rows(_LEARN, [list(column) for column in zip(*rows, strict=True)])]
    work_out(ctx, changed, is_full=True)
    return len(changed)
