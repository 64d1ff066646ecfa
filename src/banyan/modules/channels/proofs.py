"""What must never be false of channels, proved again from orders, promises, offers and statements."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L
from banyan.modules.channels.queries import FREE_IN

ORDERS = "SELECT count(*) FROM channels_channelorder"
#: What is free in every warehouse that ships.
IN_WAREHOUSES = FREE_IN.replace(
    "= ANY(%(places)s)", "IN (SELECT location_id FROM channels_warehouse WHERE is_active)"
).replace("= ANY(%(items)s)", "IS NOT NULL")


@proof(
    "channels.amounts",
    L("每张渠道订单对应一张销售订单，金额一分不差", "Each channel order has one sales order, equal to the cent"),
)
def amounts() -> Found:
    """Compare what was paid with the sales order, with the bookings of its lines, and with the order's own lines."""
    return none_of(
        "channels.order",
        counted=f"{ORDERS} WHERE order_id IS NOT NULL",
        faults="""
        SELECT o.id, o.total_amount, s.gross_amount, coalesce(b.amount, 0), coalesce(l.amount, 0)
        FROM channels_channelorder o
        LEFT JOIN sales_order s ON s.id = o.order_id
        LEFT JOIN (SELECT channel_order_id, sum(amount) AS amount FROM channels_booking GROUP BY 1) b
            ON b.channel_order_id = o.id
        LEFT JOIN (SELECT channel_order_id, sum(amount) AS amount FROM channels_channelorderline GROUP BY 1) l
            ON l.channel_order_id = o.id
        WHERE o.order_id IS NOT NULL
          AND (o.total_amount IS DISTINCT FROM s.gross_amount OR o.total_amount <> coalesce(b.amount, 0)
               OR o.total_amount <> coalesce(l.amount, 0) - o.discount_amount + o.freight_amount)
        """,
        text=L("实付 {1}，销售订单 {2}，登记 {3}，明细 {4}", "paid {1}, sales order {2}, bookings {3}, lines {4}"),
    )


@proof(
    "channels.bookings",
    L("销售订单的每一行都有来历", "Every line of such a sales order is booked for a line of the shop's, or is freight"),
)
def bookings() -> Found:
    """Find lines of sales orders of channels without a booking, and bookings for another order's line."""
    return none_of(
        "channels.order",
        counted="SELECT count(*) FROM channels_booking",
        faults="""
        SELECT o.id, x.position FROM channels_channelorder o
        JOIN sales_orderline x ON x.order_id = o.order_id
        LEFT JOIN channels_booking b ON b.order_line_id = x.id AND b.channel_order_id = o.id
        WHERE b.id IS NULL OR b.quantity <> x.stock_quantity
        """,
        text=L("行 {1}", "line {1}"),
    )


@proof(
    "channels.cancelled",
    L("已取消的渠道订单不占库存", "Cancelled channel orders keep no stock"),
)
def cancelled() -> Found:
    """Find promises and allocations for orders that were given up."""
    return none_of(
        "channels.order",
        counted=f"{ORDERS} WHERE state = 'cancelled'",
        faults="""
        SELECT o.id, sum(k.quantity) FROM channels_channelorder o
        JOIN sales_orderline x ON x.order_id = o.order_id
        JOIN (SELECT demand_line, quantity FROM inventory_promise WHERE demand_noun = 'sales.order_line'
              UNION ALL
              SELECT demand_line, quantity FROM inventory_allocation WHERE demand_noun = 'sales.order_line') k
            ON k.demand_line = x.id
        WHERE o.state = 'cancelled' GROUP BY o.id
        """,
        text=L("仍占用 {1}", "still keeps {1}"),
    )


@proof(
    "channels.offers",
    L("可售不超过可用库存减保留", "No offer is above free stock less the share kept back"),
)
def offers() -> Found:
    """Work every offer out again but those that are due to be."""
    return none_of(
        "channels.offer",
        counted="SELECT count(*) FROM channels_offer",
        faults=f"""
        WITH inside AS ({IN_WAREHOUSES}), places AS (
            SELECT DISTINCT s.id AS shop, coalesce(w.plant_id, s.plant_id) AS plant, w.location_id AS location
            FROM channels_shop s LEFT JOIN channels_warehouse w
                ON w.is_active AND (w.shop_id = s.id OR w.shop_id IS NULL)
        ), plants AS (
            SELECT shop, plant, bool_or(location IS NULL) AS is_whole, array_agg(location) AS locations
            FROM places GROUP BY 1, 2
        ), parts AS (
            SELECT l.id AS listing, l.shop_id AS shop, l.item_id AS item, l.factor AS quantity, l.safety_quantity
            FROM channels_listing l WHERE l.item_id IS NOT NULL
            UNION ALL
            SELECT l.id, l.shop_id, p.item_id, p.quantity, l.safety_quantity
            FROM channels_listing l JOIN channels_listingpart p ON p.listing_id = l.id AND p.kind = 'part'
            WHERE l.item_id IS NULL
        ), there AS (
            SELECT p.listing, p.item, p.quantity, p.safety_quantity, p.shop,
                   coalesce(sum(CASE WHEN k.is_whole THEN greatest(v.available - v.promised, 0) ELSE
                       least(greatest(v.available - v.promised, 0), (
                           SELECT coalesce(sum(greatest(i.free, 0)), 0) FROM inside i
                           WHERE i.item_id = p.item AND i.root = ANY(k.locations))) END), 0) AS free
            FROM parts p JOIN plants k ON k.shop = p.shop
            LEFT JOIN inventory_supply v ON v.item_id = p.item AND v.plant_id = k.plant
            GROUP BY 1, 2, 3, 4, 5
        ), most AS (
            SELECT t.listing, min(floor(greatest(t.free - greatest(t.free * s.safety_percent / 100,
                                                                   t.safety_quantity), 0) / t.quantity)) AS pieces
            FROM there t JOIN channels_shop s ON s.id = t.shop GROUP BY t.listing
        )
        SELECT o.id, o.quantity, m.pieces FROM channels_offer o JOIN most m ON m.listing = o.listing_id
        WHERE o.quantity > m.pieces
          AND NOT EXISTS (SELECT FROM channels_offerdue d WHERE d.listing = o.listing_id)
          AND NOT EXISTS (SELECT FROM channels_offerdue d JOIN parts p ON p.item = d.item
                          WHERE p.listing = o.listing_id)
        """,
        text=L("可售 {1}，最多 {2}", "offered {1}, at most {2}"),
    )


@proof(
    "channels.warehouses",
    L("渠道订单从其发货工厂的仓库发货", "Channel orders leave from a store of their plant"),
)
def warehouses() -> Found:
    """Find orders whose warehouse is in another plant than theirs."""
    return none_of(
        "channels.order",
        counted=f"{ORDERS} WHERE location_id IS NOT NULL",
        faults="""
        SELECT o.id, p.code FROM channels_channelorder o JOIN inventory_location p ON p.id = o.location_id
        WHERE p.plant_id <> o.plant_id
        """,
        text="{1}",
    )


@proof(
    "channels.settlements",
    L("结算单明细之和等于文件合计", "Lines of a statement add up to its file"),
)
def settlements() -> Found:
    """Compare statements with the sums of their lines and of their differences."""
    return none_of(
        "channels.settlement",
        counted="SELECT count(*) FROM channels_settlement",
        faults="""
        SELECT s.id, s.total_amount, coalesce(sum(l.amount), 0), s.difference_amount, coalesce(sum(l.difference), 0)
        FROM channels_settlement s LEFT JOIN channels_settlementline l ON l.settlement_id = s.id
        GROUP BY s.id
        HAVING (s.total_amount, s.difference_amount)
               IS DISTINCT FROM (coalesce(sum(l.amount), 0), coalesce(sum(l.difference), 0))
        """,
        text=L("文件 {1}，明细 {2}；差异 {3}，明细 {4}", "file {1}, lines {2}; differs {3}, lines {4}"),
    )


@proof(
    "channels.bodies",
    L("每张渠道订单都留有原文", "Every channel order is kept as it came"),
)
def bodies() -> Found:
    """Find orders without the body they came with."""
    return none_of(
        "channels.order",
        counted=ORDERS,
        faults="""
        SELECT o.id, o.outside_number FROM channels_channelorder o
        WHERE NOT EXISTS (SELECT FROM channels_orderbody b JOIN channels_channelorder w ON w.id = b.channel_order_id
                          WHERE w.shop_id = o.shop_id AND w.outside_number = o.outside_number)
        """,
        text="{1}",
    )


@proof(
    "channels.refunds",
    L("已退款等于退款单之和", "What is refunded is the sum of refunds that were paid"),
)
def refunds() -> Found:
    """Compare what orders say is refunded with their refunds."""
    return none_of(
        "channels.order",
        counted="SELECT count(*) FROM channels_refund",
        faults="""
        SELECT o.id, o.refunded_amount, coalesce(sum(r.amount), 0) FROM channels_channelorder o
        LEFT JOIN channels_refund r ON r.channel_order_id = o.id AND r.state = 'refunded'
        GROUP BY o.id HAVING o.refunded_amount <> coalesce(sum(r.amount), 0)
        """,
        text=L("订单 {1}，退款单 {2}", "order {1}, refunds {2}"),
    )
