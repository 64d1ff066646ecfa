"""What has happened in selling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line as it was ordered; the quantity in the item's stock unit."""

    line: UUID
    item: UUID
    quantity: Decimal
    wanted_on: date | None
    promised_on: date | None


@dataclass(frozen=True, slots=True)
class ConfirmedLine(OrderedLine):
    """A line as it became binding, with what whoever picks or bills it must read.

    Takes:  unit: code of the item's stock unit; net_amount and tax_amount: of the whole line, in the order's currency
    """

    item_code: str
    item_name: str
    unit: str
    has_stock: bool
    net_amount: Decimal
    tax_amount: Decimal
    tax_code: str


@dataclass(frozen=True)
class OrderConfirmed(Event):
    """An order is binding; `amount` is its gross amount in the company's currency."""

    type = "sales.order_confirmed"
    noun = "sales.order"
    event_version = 4
    label = L("销售订单已确认", "Sales order confirmed")
    help = L(
        "订单从此有约束力；`amount` 为公司本位币含税金额",
        "The order is binding; `amount` is its gross amount in the company's currency",
    )

    party: UUID
    party_code: str
    plant: UUID
    ordered_on: date
    currency: UUID
    gross_amount: Decimal
    amount: Decimal
    priority: str
    address: str
    customer_reference: str
    lines: tuple[ConfirmedLine, ...]


@dataclass(frozen=True)
class OrderPromised(Event):
    """Days were promised, for the first time or anew."""

    type = "sales.order_promised"
    noun = "sales.order"
    label = L("销售订单已承诺日期", "Sales order promised")
    help = L("首次承诺日期，或改了承诺日期", "Days were promised, for the first time or anew")

    party: UUID
    reason: str
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True)
class OrderCancelled(Event):
    """An order, or the rest of it, is no longer wanted; quantities are those given up."""

    type = "sales.order_cancelled"
    noun = "sales.order"
    label = L("销售订单已取消", "Sales order cancelled")
    help = L(
        "整单或剩余部分不再需要；数量为放弃的数量",
        "The order, or the rest of it, is no longer wanted; quantities are those given up",
    )

    party: UUID
    plant: UUID
    reason: str
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True)
class OrderClosed(Event):
    """Nothing more will happen to the order."""

    type = "sales.order_closed"
    noun = "sales.order"
    label = L("销售订单已关闭", "Sales order closed")
    help = L("订单不会再有后续", "Nothing more will happen to the order")

    party: UUID


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """What left, or came back, for an order line.

    Net and tax are this part's share of the line's, in the order's currency; `amount` is the net amount in
    the company's own. `moves` is empty for services.

    Takes:  order_number: ours; customer_reference: the customer's own number of the order; unit: the stock unit's code
    """

    order: UUID
    order_line: UUID
    item: UUID
    lot: UUID | None
    quantity: Decimal
    net_amount: Decimal
    tax_amount: Decimal
    amount: Decimal
    moves: tuple[UUID, ...]
    order_number: str
    customer_reference: str
    item_code: str = ""
    unit: str = ""


@dataclass(frozen=True)
class GoodsShipped(Event):
    """Goods have left to the customer; who carries them under which number, where that is known by then."""

    type = "sales.goods_shipped"
    noun = "sales.shipment"
    event_version = 3
    label = L("销售已发货", "Goods shipped")
    help = L(
        "货已发往客户；`carrier`、`tracking_number` 为当时已知的承运商和运单号",
        "Goods have left to the customer; `carrier` and `tracking_number` as far as they were known then",
    )

    order: UUID | None
    party: UUID
    party_code: str
    plant: UUID
    shipped_on: date
    currency: UUID
    carrier: UUID | None
    tracking_number: str
    lines: tuple[ShippedLine, ...]


@dataclass(frozen=True)
class ShipmentReversed(GoodsShipped):
    """A shipment was taken back as if it had never left; quantities and amounts are negative."""

    type = "sales.shipment_reversed"
    label = L("发货已撤销", "Shipment reversed")
    help = L(
        "视同从未发货；数量和金额为负",
        "A shipment was taken back as if it had never left; quantities and amounts are negative",
    )


@dataclass(frozen=True)
class ShipmentTracked(Event):
    """A waybill became known after the goods had left."""

    type = "sales.shipment_tracked"
    noun = "sales.shipment"
    label = L("已补填运单号", "Waybill added")
    help = L("发货之后才得知运单号", "A waybill became known after the goods had left")

    order: UUID | None
    party: UUID
    carrier: UUID | None
    tracking_number: str


@dataclass(frozen=True)
class GoodsReturned(Event):
    """Goods came back from the customer; quantities and amounts, those they were sold for, are negative."""

    type = "sales.goods_returned"
    noun = "sales.return_order"
    event_version = 2
    label = L("销售退货已收货", "Goods returned by a customer")
    help = L(
        "客户退回的货已收到；数量和金额为负，金额按原售价",
        "Goods came back from the customer; quantities and amounts, those they were sold for, are negative",
    )

    party: UUID
    plant: UUID
    reason: str
    returned_on: date
    currency: UUID
    lines: tuple[ShippedLine, ...]


@dataclass(frozen=True)
class QuotationOrdered(Event):
    """A quotation became an order."""

    type = "sales.quotation_ordered"
    noun = "sales.quotation"
    label = L("报价单已转订单", "Quotation ordered")
    help = L("由报价单生成了销售订单 `order`", "The quotation became the sales order `order`")

    order: UUID
    party: UUID


@dataclass(frozen=True)
class QuotationLost(Event):
    """The customer decided otherwise."""

    type = "sales.quotation_lost"
    noun = "sales.quotation"
    label = L("报价单已失单", "Quotation lost")
    help = L("客户另有选择", "The customer decided otherwise")

    party: UUID
    reason: str
