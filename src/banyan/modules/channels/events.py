"""What shops are told: every payload is complete, so that a flow of the bus need not ask again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True, slots=True)
class OutsideLine:
    """A line as the shop names it; quantity in the shop's pieces."""

    outside_line: str
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom goods go to, as the shop said it."""

    name: str
    phone: str
    country: str
    region: str
    city: str
    address: str
    postcode: str


@dataclass(frozen=True)
class ShopEvent(Event):
    """What is told of an order: `shop` is our code of the shop, `system` that of its outside system."""

    noun = "channels.order"

    shop: str
    system: str
    platform: str
    outside_number: str
    part: int


@dataclass(frozen=True)
class OrderAccepted(ShopEvent):
    """An outside order is booked: what it needs is promised, or demand of the plan."""

    type = "channels.order_accepted"
    label = L("渠道订单已接单", "Channel order accepted")
    help = L(
        "外部订单已登记：所需货物已占用，或成为计划的需求",
        "An outside order is booked: what it needs is promised, or demand of the plan",
    )

    order: UUID
    plant: UUID
    total_amount: Decimal
    ship_by: datetime | None
    lines: tuple[OutsideLine, ...]


@dataclass(frozen=True)
class OrderHeld(ShopEvent):
    """An outside order waits for a person; reasons as (reason, text)."""

    type = "channels.order_held"
    label = L("渠道订单待处理", "Channel order held")
    help = L(
        "外部订单等待人工处理；`reasons` 为（原因、说明）",
        "An outside order waits for a person; `reasons` as (reason, text)",
    )

    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OrderCancelled(ShopEvent):
    """An outside order will not be shipped, or no more of it."""

    type = "channels.order_cancelled"
    label = L("渠道订单已取消", "Channel order cancelled")
    help = L("外部订单不再发货，或剩余部分不再发货", "An outside order will not be shipped, or no more of it")

    reason: str
    is_whole: bool


@dataclass(frozen=True)
class ShipmentTold(ShopEvent):
    """Goods of an outside order have left, or a waybill became known; quantities below zero were taken back.

    Takes:  carrier: its name; carrier_code: our code of it
    """

    type = "channels.shipment_told"
    event_version = 2
    label = L("渠道订单发货回传", "Shipment of a channel order")
    help = L(
        "外部订单的货已发出，或得知运单号；数量为负表示已撤销",
        "Goods of an outside order have left, or a waybill became known; quantities below zero were taken back",
    )

    shipment: UUID
    shipment_number: str
    carrier: str
    carrier_code: str
    tracking_number: str
    is_reversed: bool
    is_last: bool
    receiver: Receiver
    lines: tuple[OutsideLine, ...]


@dataclass(frozen=True)
class OfferChanged(Event):
    """What a shop may sell of a SKU; `record` is the offer, `was` what it was before, the same when told at night."""

    type = "channels.offer_changed"
    noun = "channels.offer"
    label = L("可售库存已变化", "Offer changed")
    help = L(
        "店铺某 SKU 的可售数量已变，或每夜全量告知；`was` 为之前的数量",
        "A shop may sell another quantity of a SKU, or is told all of them at night; `was` is what it was before",
    )

    shop: str
    system: str
    platform: str
    sku: str
    item: UUID | None
    quantity: Decimal
    was: Decimal | None
    at: datetime


@dataclass(frozen=True)
class RefundDecided(ShopEvent):
    """A refund was agreed to, refused or paid; `record` is the refund."""

    type = "channels.refund_decided"
    noun = "channels.refund"
    label = L("渠道退款已决定", "Refund decided")
    help = L("退款已同意、已拒绝或已支付", "A refund was agreed to, refused or paid")

    outside_refund: str
    decision: str
    kind: str
    amount: Decimal
    answer: str


@dataclass(frozen=True)
class StatementSettled(Event):
    """A statement of a shop is checked: sums by kind, and what differs from what we expect."""

    type = "channels.statement_settled"
    noun = "channels.settlement"
    label = L("平台结算单已核对", "Settlement checked")
    help = L(
        "结算单已核对：各类合计，以及与应有金额的差异",
        "A statement of a shop is checked: sums by kind, and what differs from what we expect",
    )

    shop: str
    system: str
    platform: str
    outside_number: str
    currency: UUID
    party: UUID | None
    total_amount: Decimal
    difference_amount: Decimal
    amounts: tuple[tuple[str, Decimal], ...]
