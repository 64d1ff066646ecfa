"""Reads of shops and their orders; a fixed number of statements each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.lib.regions import key_of
from banyan.modules.channels import rules
from banyan.modules.channels.models import Shop
from banyan.modules.channels.rules import Listed, Outside, Part, Place, Source, Stock

ZERO = Decimal(0)


def shops_by_code(codes: Iterable[str]) -> dict[str, Shop]:
    """Give active shops by code. One statement."""
    return {shop.code: shop for shop in Shop.objects.filter(code__in=set(codes), is_active=True)}


def parts_of(wanted: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], list[UUID]]:
    """Give the parts of outside orders, the whole or what is left of it first. One statement.

    Takes:  (shop, the shop's key of the order or its number); where both are some order's, it is the key
    """
    pairs = sorted(set(wanted), key=str)
    rows = db.rows(
        "SELECT o.shop_id, k.name, o.outside_id = k.name, o.id FROM channels_channelorder o "
        "JOIN unnest(%s::uuid[], %s::text[]) AS k(shop, name) "
        "ON o.shop_id = k.shop AND (o.outside_number = k.name OR o.outside_id = k.name AND o.outside_id <> '') "
        "ORDER BY o.part",
        [[shop for shop, _ in pairs], [name for _, name in pairs]],
    )
    found: dict[tuple[UUID, str], list[UUID]] = {}
    keyed = {(shop, name) for shop, name, is_key, _ in rows if is_key}
    for shop, name, is_key, order in rows:
        if is_key or (shop, name) not in keyed:
            found.setdefault((shop, name), []).append(order)
    return found


_LISTED = """
    SELECT l.id, l.shop_id, l.sku, l.item_id, l.factor, l.is_made_to_order, l.price, l.safety_quantity,
           coalesce((SELECT jsonb_agg(jsonb_build_array(p.item_id, p.quantity::text, p.weight::text, p.kind = 'gift',
                                                        p.least_quantity::text) ORDER BY p.position)
                     FROM channels_listingpart p WHERE p.listing_id = l.id), '[]')::text,
           l.outside_item, l.outside_sku, l.outside_stock, l.outside_place
    FROM channels_listing l
"""


def _listed(row: tuple) -> Listed:
    key, _, _, item, factor, is_made, price, safety, parts, *outside = row
    found = tuple(
        Part(UUID(part), Decimal(quantity), Decimal(weight), is_gift, Decimal(least))
        for part, quantity, weight, is_gift, least in orjson.loads(parts)
    )
    return Listed(key, item, factor, found, is_made, price, safety, Outside(*outside))


def listed(wanted: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], Listed]:
    """Give what SKUs of shops stand for, those that are known and active. One statement.

    Takes:  (shop, SKU)
    """
    pairs = sorted(set(wanted), key=str)
    rows = db.rows(
        f"{_LISTED} JOIN unnest(%s::uuid[], %s::text[]) AS k(shop, sku) ON k.shop = l.shop_id AND k.sku = l.sku "
        "WHERE l.is_active",
        [[shop for shop, _ in pairs], [sku for _, sku in pairs]],
    )
    return {(row[1], row[2]): _listed(row) for row in rows}


_SOURCES = """
    SELECT s.id, coalesce(w.plant_id, s.plant_id), w.location_id, coalesce(w.priority, 50), coalesce(w.parcel_cost, 0),
           coalesce((SELECT jsonb_object_agg(r.region, r.distance) FROM channels_warehouseregion r
                     WHERE r.warehouse_id = w.id), '{}')::text
    FROM channels_shop s
    LEFT JOIN LATERAL (
        SELECT DISTINCT ON (x.plant_id, x.location_id) x.* FROM channels_warehouse x
        WHERE x.is_active AND (x.shop_id = s.id OR x.shop_id IS NULL)
        ORDER BY x.plant_id, x.location_id, x.shop_id NULLS LAST
    ) w ON true
    WHERE s.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Ships:
    """A plant, or one warehouse of it, that ships for a shop, with how far regions are by their keys."""

    place: Place
    priority: int
    cost: Decimal
    regions: dict[str, int]

    def source(self, where: Iterable[str], free: dict[UUID, Decimal], kept: dict[UUID, Decimal]) -> Source:
        """Give it as a source for a place, whose narrowest key that is written down here counts."""
        distance = next((self.regions[key] for key in where if key in self.regions), rules.FAR)
        return Source(self.place, distance, self.priority, self.cost, free, kept)


def who_ships(shops: Iterable[UUID]) -> dict[UUID, tuple[Ships, ...]]:
    """Give what ships for shops: their warehouses and everybody's, else their own plant.

    One statement.
    """
    found: dict[UUID, list[Ships]] = {}
    for shop, *rest in db.rows(_SOURCES, [list(set(shops))]):
        plant, location, priority, cost, regions = rest
        far: dict[str, int] = {}
        for region, distance in orjson.loads(regions).items():
            key = key_of(region)
            far[key] = min(distance, far.get(key, distance))
        found.setdefault(shop, []).append(Ships(Place(plant, location), priority, cost, far))
    return {shop: tuple(places) for shop, places in found.items()}


def free_stock(items: Iterable[UUID], places: Iterable[Place]) -> Stock:
    """Give what nobody has been promised in plants and in their warehouses. One statement, two where there are such."""
    wanted, places = list(set(items)), set(places)
    rows = db.rows(
        "SELECT plant_id, item_id, available - promised FROM inventory_supply "
        "WHERE item_id = ANY(%s) AND plant_id = ANY(%s)",
        [wanted, list({place.plant for place in places})],
    )
    free = {(Place(plant), item): quantity for plant, item, quantity in rows}
    return Stock(free | free_in(wanted, {place for place in places if place.location}))


#: What lies free in warehouses, less what accepted orders that leave from them still have to be given.
FREE_IN = """
    WITH RECURSIVE below(root, id) AS (
        SELECT id, id FROM inventory_location WHERE id = ANY(%(places)s)
        UNION SELECT b.root, l.id FROM below b JOIN inventory_location l ON l.parent_id = b.id
    ), there AS (
        SELECT b.root, v.item_id, sum(v.on_hand - v.allocated) AS quantity
        FROM below b JOIN inventory_balance v ON v.location_id = b.id LEFT JOIN inventory_lot l ON l.id = v.lot_id
        WHERE v.item_id = ANY(%(items)s) AND v.kind IN ('warehouse', 'zone', 'bin') AND v.owner_id IS NULL
          AND (l.id IS NULL OR l.state NOT IN ('held', 'rejected'))
        GROUP BY 1, 2
    ), owed AS (
        SELECT b.root, p.item_id, sum(p.quantity) AS quantity
        FROM below b JOIN channels_channelorder o ON o.location_id = b.id AND o.state IN ('accepted', 'allocated')
        JOIN sales_orderline x ON x.order_id = o.order_id
        JOIN inventory_promise p ON p.demand_line = x.id AND p.demand_noun = 'sales.order_line'
        WHERE p.item_id = ANY(%(items)s) GROUP BY 1, 2
    )
    SELECT t.root, t.item_id, t.quantity - coalesce(o.quantity, 0) AS free
    FROM there t LEFT JOIN owed o ON o.root = t.root AND o.item_id = t.item_id
"""


def free_in(items: Iterable[UUID], places: Iterable[Place]) -> dict[tuple[Place, UUID], Decimal]:
    """Give what is free of items in warehouses. One statement; none without a warehouse."""
    known = {place.location: place for place in places}
    if not known:
        return {}
    rows = db.rows(FREE_IN, {"places": list(known), "items": list(set(items))})
    return {(known[root], item): quantity for root, item, quantity in rows}


_SHORT = """
    SELECT o.id FROM channels_channelorder o
    WHERE o.state = 'held' AND o.hold = 'no_stock' AND EXISTS (
        SELECT FROM channels_channelorderline l JOIN channels_listing g ON g.id = l.listing_id
        LEFT JOIN channels_listingpart p ON p.listing_id = g.id
        WHERE l.channel_order_id = o.id AND (g.item_id = ANY(%(items)s) OR p.item_id = ANY(%(items)s)))
    ORDER BY o.ordered_at, o.id LIMIT %(most)s
"""


def orders_short_of(items: Iterable[UUID], most: int) -> tuple[UUID, ...]:
    """Give the orders that wait for stock of items, the oldest first. One statement."""
    return tuple(key for (key,) in db.rows(_SHORT, {"items": list(set(items)), "most": most}))


def orders_of_buyers(orders: Sequence[UUID]) -> dict[UUID, int]:
    """Give how many other orders the same buyer has placed at the shop within a day of each. One statement."""
    return dict(
        db.rows(
            """
            SELECT o.id, count(x.id) FROM channels_channelorder o
            LEFT JOIN channels_channelorder x
                ON x.shop_id = o.shop_id AND x.buyer = o.buyer AND x.id <> o.id AND x.state <> 'cancelled'
               AND x.outside_number <> o.outside_number
               AND x.ordered_at BETWEEN o.ordered_at - interval '1 day' AND o.ordered_at + interval '1 day'
            WHERE o.id = ANY(%s) AND o.buyer <> '' GROUP BY o.id
            """,
            [list(orders)],
        )
    )


@dataclass(frozen=True, slots=True)
class OfferRow:
    """What a listing's offer follows from, and what it is so far."""

    listing: Listed
    shop: UUID
    sku: str
    code: str
    system: str
    platform: str
    percent: Decimal
    is_offered: bool
    offer: UUID | None
    quantity: Decimal | None
    pushed: Decimal | None


def listings_using(items: Iterable[UUID]) -> tuple[UUID, ...]:
    """Give the listings that items are sold by. One statement."""
    rows = db.rows(
        "SELECT id FROM channels_listing WHERE item_id = ANY(%(items)s) "
        "UNION SELECT listing_id FROM channels_listingpart WHERE item_id = ANY(%(items)s) AND kind = 'part'",
        {"items": list(set(items))},
    )
    return tuple(key for (key,) in rows)


_OFFER_ROWS = _LISTED.replace(
    "FROM channels_listing l",
    ", s.code, s.system, s.platform, s.safety_percent, l.is_active AND l.is_offered AND s.is_active, o.id, o.quantity, "
    "o.pushed_quantity "
    "FROM channels_listing l JOIN channels_shop s ON s.id = l.shop_id "
    "LEFT JOIN channels_offer o ON o.listing_id = l.id",
)


def offer_rows(listings: Sequence[UUID]) -> tuple[OfferRow, ...]:
    """Give what the offers of listings follow from; what is made to order has no stock to offer. One statement."""
    rows = db.rows(
        f"{_OFFER_ROWS} WHERE l.id = ANY(%s) AND NOT l.is_made_to_order ORDER BY l.id", [list(listings)]
    )
    return tuple(OfferRow(_listed(row[:13]), row[1], row[2], *row[13:]) for row in rows)


@dataclass(frozen=True, slots=True)
class UnknownSku:
    """A SKU that orders wait for: how many, since when the first, and what the shop calls it."""

    shop: UUID
    shop_name: str
    sku: str
    title: str
    orders: int
    pieces: Decimal


def unknown_skus(limit: int = 200) -> tuple[UnknownSku, ...]:
    """Give SKUs that nobody has matched, those that most orders wait for first. One statement."""
    rows = db.rows(
        """
        SELECT s.id, s.name, l.sku, max(l.title), count(DISTINCT o.id), sum(l.quantity)
        FROM channels_channelorderline l
        JOIN channels_channelorder o ON o.id = l.channel_order_id AND o.state IN ('received', 'held')
        JOIN channels_shop s ON s.id = o.shop_id
        WHERE l.listing_id IS NULL
        GROUP BY s.id, s.name, l.sku ORDER BY 5 DESC, s.name, l.sku LIMIT %s
        """,
        [limit],
    )
    return tuple(UnknownSku(*row) for row in rows)
