"""What shops are told: every payload is complete, so that a flow of the bus need not ask again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class OutsideLine:
    """A line as the shop names it; quantity in the shop's pieces."""

    outside_line: str
    sku: str
    quantity: Decimal


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

    order: UUID
    plant: UUID
    total_amount: Decimal
    ship_by: datetime | None
    lines: tuple[OutsideLine, ...]


@dataclass(frozen=True)
class OrderHeld(ShopEvent):
    """An outside order waits for a person; reasons as (reason, text)."""

    type = "channels.order_held"

    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OrderCancelled(ShopEvent):
    """An outside order will not be shipped, or no more of it."""

    type = "channels.order_cancelled"

    reason: str
    is_whole: bool


@dataclass(frozen=True)
class ShipmentTold(ShopEvent):
    """Goods of an outside order have left, or a waybill became known; quantities below zero were taken back."""

    type = "channels.shipment_told"

    shipment: UUID
    shipment_number: str
    carrier: str
    tracking_number: str
    is_reversed: bool
    is_last: bool
    lines: tuple[OutsideLine, ...]


@dataclass(frozen=True)
class OfferChanged(Event):
    """A shop may sell another quantity of a SKU; `record` is the offer, `was` what it was before."""

    type = "channels.offer_changed"
    noun = "channels.offer"

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

    shop: str
    system: str
    platform: str
    outside_number: str
    currency: UUID
    party: UUID | None
    total_amount: Decimal
    difference_amount: Decimal
    amounts: tuple[tuple[str, Decimal], ...]
