"""What must never be of shops' orders, shipments and statements, told to the nightly scan."""

from __future__ import annotations

from datetime import datetime

from banyan.kernel import db
from banyan.kernel.impossible import Rows, impossible
from banyan.lib.labels import L

SHIPMENT = "sales.shipment"
#: So long a carrier may take to name its waybill.
WAYBILL_HOURS = 24
#: What has left is told within seconds; so much later it was lost.
TELLING_HOURS = 1
#: A statement may name orders that are still on their way to us.
STATEMENT_HOURS = 72
#: Shipments of shops' orders that have left or were taken back, with the waybill that the shop is told.
_SHIPMENTS = """
    WITH told AS MATERIALIZED (
        SELECT s.id, s.number, s.state, s.shipped_at, s.changed_at, b.channel_order_id AS channel_order,
               coalesce(nullif(s.tracking_number, ''), (SELECT p.tracking_number FROM sales_parcel p
                        WHERE p.shipment_id = s.id AND p.tracking_number <> ''
                        ORDER BY p.parcel LIMIT 1), '') AS waybill
        FROM channels_booking b JOIN sales_shipmentline x ON x.order_line_id = b.order_line_id
        JOIN sales_shipment s ON s.id = x.shipment_id
        WHERE s.state IN ('shipped', 'reversed')
        GROUP BY s.id, b.channel_order_id
    )
    SELECT t.id, jsonb_build_object(
        'number', t.number, 'orders', string_agg(o.outside_number, ', ' ORDER BY o.outside_number, o.part))
    FROM told t JOIN channels_channelorder o ON o.id = t.channel_order
    WHERE {condition}
    GROUP BY t.id, t.number ORDER BY t.number LIMIT 5000
"""


def _shipments(condition: str, now: datetime, hours: int) -> Rows:
    return db.rows(_SHIPMENTS.replace("{condition}", condition), {"now": now, "hours": hours})


@impossible(
    "channels.shipped_without_waybill",
    L("已发货却没有运单号：{number}（渠道订单 {orders}）",
      "Shipped without a waybill: {number} (channel orders {orders})"),
    noun=SHIPMENT,
)  # fmt: skip
def shipped_without_waybill(now: datetime) -> Rows:
    """Name shipments of shops' orders that left without a waybill and have none yet."""
    condition = """
        t.state = 'shipped' AND t.waybill = '' AND t.shipped_at < %(now)s::timestamptz - %(hours)s * interval '1 hour'
    """
    return _shipments(condition, now, WAYBILL_HOURS)


@impossible(
    "channels.shipment_untold",
    L("发货、运单号或撤销未告知店铺：{number}（渠道订单 {orders}）",
      "The shop was not told of a shipment, its waybill or its taking back: {number} (channel orders {orders})"),
    noun=SHIPMENT,
)  # fmt: skip
def shipment_untold(now: datetime) -> Rows:
    """Name shipments of which a shop does not know what has become of them; one never told of needs no taking back."""
    condition = """
        t.changed_at < %(now)s::timestamptz - %(hours)s * interval '1 hour'
        AND NOT EXISTS (SELECT FROM channels_dispatched d
                        WHERE d.channel_order_id = t.channel_order AND d.shipment_id = t.id
                          AND d.is_reversed = (t.state = 'reversed') AND d.tracking_number = t.waybill)
        AND (t.state = 'shipped' OR EXISTS (SELECT FROM channels_dispatched d
                                            WHERE d.channel_order_id = t.channel_order AND d.shipment_id = t.id))
    """
    return _shipments(condition, now, TELLING_HOURS)


@impossible(
    "channels.paid_without_order",
    L("已付款却没有接单：{shop} {number}，应于 {ship_by} 前发货",
      "Paid and not taken as an order: {shop} {number}, to be shipped by {ship_by}"),
    noun="channels.order",
)  # fmt: skip
def paid_without_order(now: datetime) -> Rows:
    """Name orders paid outside that were neither accepted, held nor cancelled before their time to ship was over."""
    return db.rows(
        """
        SELECT o.id, jsonb_build_object('shop', s.code, 'number', o.outside_number,
                                        'ship_by', to_char(x.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
        FROM channels_channelorder o JOIN channels_shop s ON s.id = o.shop_id
        CROSS JOIN LATERAL (SELECT coalesce(o.ship_by, o.received_at + s.ship_hours * interval '1 hour') AS until) x
        WHERE o.state = 'received' AND o.outside_state = 'paid' AND x.until < %(now)s::timestamptz
        ORDER BY x.until LIMIT 5000
        """, {"now": now},
    )  # fmt: skip


@impossible(
    "channels.settled_without_order",
    L("平台已结算却没有订单：结算单 {number} 中 {count} 个，如 {first}",
      "Settled by the shop without an order of ours: {count} in statement {number}, such as {first}"),
    noun="channels.settlement",
)  # fmt: skip
def settled_without_order(now: datetime) -> Rows:
    """Name statements not yet settled by a person that pay for orders which have never come to us."""
    return db.rows(
        """
        SELECT t.id, jsonb_build_object('number', t.outside_number, 'count', count(DISTINCT l.outside_number),
                                        'first', min(l.outside_number))
        FROM channels_settlement t JOIN channels_settlementline l ON l.settlement_id = t.id
        WHERE t.state = 'draft' AND t.created_at < %(now)s::timestamptz - %(hours)s * interval '1 hour'
          AND l.kind IN ('order', 'refund') AND l.outside_number <> '' AND l.channel_order_id IS NULL
          AND NOT EXISTS (SELECT FROM channels_channelorder o
                          WHERE o.shop_id = t.shop_id AND o.outside_number = l.outside_number)
        GROUP BY t.id ORDER BY t.created_at LIMIT 5000
        """, {"now": now, "hours": STATEMENT_HOURS},
    )  # fmt: skip
