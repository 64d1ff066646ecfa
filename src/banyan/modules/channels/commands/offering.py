"""What each shop may sell now: worked out anew where stock, a listing or a shop has changed, and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.channels import queries, rules
from banyan.modules.channels.commands.accepting import try_again
from banyan.modules.channels.events import OfferChanged
from banyan.modules.channels.models import Listing, Offer
from banyan.modules.channels.rules import Place, Stock

ZERO = Decimal(0)
#: So many listings are worked out together.
MOST = 2000


class Pushed(Input):
    """What the shop was told."""

    quantity: Annotated[Quantity, Field(ge=0)] = field("数量", "Quantity")


class RefreshAll(Input):
    """Which shop; all of them when empty."""

    shop: UUID | None = field("店铺", "Shop", None, reference="channels.shop")


class RefreshNext(Input):
    """Where to go on: behind this listing; at the first one when empty."""

    after: UUID | None = field("从此之后", "After", None, reference="channels.listing")


@command("channels.offer.refresh", L("重新计算", "Work out"), icon="refresh")
def refresh_offers(ctx: Context, offers: Sequence[Offer]) -> int:
    """Work offers out anew; give how many changed. Writes: offers; tells OfferChanged."""
    changed = work_out(ctx, [offer.listing_id for offer in offers], held={o.listing_id: o for o in offers})
    return len(changed)


@command("channels.offer.note_pushed", L("已推送", "Was told"), input=Pushed, icon="check", bumps=False, screen=False)
def note_pushed(ctx: Context, offers: Sequence[Offer], data: Pushed) -> None:
    """Note what the shop was last told. Writes: the offers, without a new version."""
    for offer in offers:
        offer.pushed_quantity, offer.pushed_at = data.quantity, ctx.now
    db.update_rows(offers, ["pushed_quantity", "pushed_at"])


@command("channels.offer.refresh_all", L("全量计算可售库存", "Work out all offers"), input=RefreshAll, on="noun",
         icon="refresh")  # fmt: skip
def refresh_all(ctx: Context, data: RefreshAll) -> int:
    """Work out every offer of a shop, or of all of them, and tell them in full; give how many were told.

    Writes: offers; tells OfferChanged for each of an active listing, changed or not, for stock may have been changed in
            the shop itself; of others where they changed or the shop was told otherwise
    """
    listings = Listing.objects.order_by("pk").values_list("pk", flat=True)
    if data.shop:
        listings = listings.filter(shop=data.shop)
    keys = list(listings)
    return sum(
        len(work_out(ctx, keys[start : start + MOST], is_full=True)) for start in range(0, len(keys), MOST)
    )


@command("channels.offer.refresh_next", L("逐批计算可售库存", "Work out a batch of offers"), input=RefreshNext,
         on="noun", icon="refresh", screen=False, rest=False, permission="channels.offer.refresh_all")  # fmt: skip
def refresh_next(ctx: Context, data: RefreshNext) -> UUID | None:
    """Work out the next offers as `refresh_all` does; give the listing to go on behind, none after the last.

    Writes: as refresh_all
    """
    listings = Listing.objects.order_by("pk").values_list("pk", flat=True)
    if data.after:
        listings = listings.filter(pk__gt=data.after)
    keys = list(listings[:MOST])
    work_out(ctx, keys, is_full=True)
    return keys[-1] if keys else None


@command("channels.offer.refresh_due", L("计算变化的可售库存", "Work out changed offers"), on="noun", icon="refresh",
         screen=False, rest=False)  # fmt: skip
def refresh_due(ctx: Context) -> int:
    """Work out the offers that changes of stock, listings and shops have touched; give how many changed.

    Where stock has grown, orders that waited for it are accepted first. Takes what is due once, whoever asks; what is
    added meanwhile stays for the next time

    Writes: offers; as receiving does for orders; tells OfferChanged
    """
    taken = db.rows(
        "DELETE FROM channels_offerdue WHERE id IN (SELECT id FROM channels_offerdue ORDER BY id LIMIT 10000 "
        "FOR UPDATE SKIP LOCKED) RETURNING listing, item, is_more"
    )
    if not taken:
        return 0
    try_again(ctx, {item for _, item, is_more in taken if is_more})
    listings = {listing for listing, *_ in taken if listing} | set(
        queries.listings_using({item for _, item, _ in taken if item})
    )
    keys = sorted(listings)
    return sum(len(work_out(ctx, keys[start : start + MOST])) for start in range(0, len(keys), MOST))


def work_out(
    ctx: Context, listings: Sequence[UUID], *, held: dict[UUID, Offer] | None = None, is_full: bool = False
) -> list[UUID]:
    """Write what the offers of listings are now, and tell those that have changed.

    A listing that is made to order has no offer and nothing is told of it: the shop sells it as its people set it there

    Takes:  held: offers that the caller has locked, to be set in memory as well; is_full: tell also those that have not
            changed, what is not offered only where the shop was told otherwise, or not yet
    Gives:  the offers told. Seven statements, however many listings
    """
    if not listings:
        return []
    db.rows("SELECT id FROM channels_offer WHERE listing_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(listings)])
    if held is None:  # else the caller goes on with the offers that it holds
        db.run(
            "DELETE FROM channels_offer o USING channels_listing l "
            "WHERE l.id = o.listing_id AND l.is_made_to_order AND o.listing_id = ANY(%s)", [list(listings)],
        )  # fmt: skip
    rows = queries.offer_rows(listings)
    ships = queries.who_ships({row.shop for row in rows})
    free = queries.free_stock(
        {part.item for row in rows for part in row.listing.pieces},
        {one.place for found in ships.values() for one in found},
    )
    fresh: list[tuple[UUID, UUID, UUID, Decimal]] = []
    told: list[OfferChanged] = []
    for row in rows:
        quantity = _offered(row, [one.place for one in ships.get(row.shop, ())], free)
        offer = row.offer or new_id()
        is_new = row.quantity is None or row.quantity != quantity
        if is_new:
            fresh.append((offer, row.shop, row.listing.id, quantity))
        if is_new or (is_full and (row.is_offered or row.pushed != quantity)):
            told.append(_told(ctx.now, offer, row, quantity))
        if held and row.listing.id in held and is_new:
            held[row.listing.id].quantity, held[row.listing.id].offered_at = quantity, ctx.now
    _write(ctx, fresh)
    tell(*told)
    return [one.record for one in told]


def _offered(row: queries.OfferRow, places: Sequence[Place], free: Stock) -> Decimal:
    if not row.is_offered:
        return ZERO
    parts = row.listing.pieces
    there = free.over(places, [part.item for part in parts])
    return rules.offered(parts, there, percent=row.percent, quantity=row.listing.safety_quantity)


def _told(now: datetime, offer: UUID, row: queries.OfferRow, quantity: Decimal) -> OfferChanged:
    return OfferChanged(
        record=offer, shop=row.code, system=row.system, platform=row.platform, sku=row.sku,
        outside_item=row.listing.outside.item, outside_sku=row.listing.outside.sku,
        outside_stock=row.listing.outside.stock, outside_place=row.listing.outside.place, item=row.listing.item,
        quantity=quantity, was=row.quantity, at=now,
    )  # fmt: skip


def _write(ctx: Context, fresh: Sequence[tuple[UUID, UUID, UUID, Decimal]]) -> None:
    if not fresh:
        return
    keys, shops, listings, quantities = (list(column) for column in zip(*fresh, strict=True))
    db.run(
        "INSERT INTO channels_offer (id, version, created_at, changed_at, created_by_id, changed_by_id, shop_id, "
        "listing_id, quantity, offered_at) "
        "SELECT k.id, 1, %(now)s, %(now)s, %(by)s, %(by)s, k.shop, k.listing, k.quantity, %(now)s "
        "FROM unnest(%(keys)s::uuid[], %(shops)s::uuid[], %(listings)s::uuid[], %(quantities)s::numeric[]) "
        "AS k(id, shop, listing, quantity) "
        "ON CONFLICT (listing_id) DO UPDATE SET quantity = excluded.quantity, offered_at = excluded.offered_at",
        {"now": ctx.now, "by": ctx.person, "keys": keys, "shops": shops, "listings": listings,
         "quantities": quantities},
    )  # fmt: skip
