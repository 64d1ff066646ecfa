"""What has happened in buying."""

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
    confirmed_on: date | None


@dataclass(frozen=True, slots=True)
class PlacedLine(OrderedLine):
    """A line as it was placed, with what whoever takes it in or supplies it must read; `unit` is the stock unit.

    Takes:  net_amount: of the whole line, in the order's currency
    """

    item_code: str
    item_name: str
    unit: str
    has_stock: bool
    net_amount: Decimal


@dataclass(frozen=True)
class OrderPlaced(Event):
    """An order went to the supplier; `amount` is its gross amount in the company's currency."""

    type = "purchasing.order_placed"
    noun = "purchasing.order"
    event_version = 3
    label = L("采购订单已下单", "Purchase order placed")
    help = L(
        "订单已发给供应商；`amount` 为公司本位币含税金额",
        "An order went to the supplier; `amount` is its gross amount in the company's currency",
    )

    party: UUID
    party_code: str
    plant: UUID
    ordered_on: date
    currency: UUID
    gross_amount: Decimal
    amount: Decimal
    lines: tuple[PlacedLine, ...]


@dataclass(frozen=True)
class OrderConfirmed(Event):
    """The supplier said when it will come."""

    type = "purchasing.order_confirmed"
    noun = "purchasing.order"
    label = L("采购订单已确认交期", "Purchase order confirmed")
    help = L("供应商答复了交期", "The supplier said when it will come")

    party: UUID
    plant: UUID
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True)
class OrderCancelled(Event):
    """An order, or the rest of it, will not come; quantities are those given up."""

    type = "purchasing.order_cancelled"
    noun = "purchasing.order"
    label = L("采购订单已取消", "Purchase order cancelled")
    help = L(
        "整单或剩余部分不会再到；数量为放弃的数量",
        "The order, or the rest of it, will not come; quantities are those given up",
    )

    party: UUID
    plant: UUID
    reason: str
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True)
class OrderClosed(Event):
    """Nothing more will happen to the order."""

    type = "purchasing.order_closed"
    noun = "purchasing.order"
    label = L("采购订单已关闭", "Purchase order closed")
    help = L("订单不会再有后续", "Nothing more will happen to the order")

    party: UUID


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """What came, was booked or went back of an order line, in the item's stock unit.

    Net and tax are this part's share of the line's, in the order's currency; `amount` is the net amount in
    the company's own, the value at which it stands in stock. `moves` is empty for services.
    """

    order: UUID
    order_line: UUID
    receipt_line: UUID | None
    item: UUID
    lot: UUID | None
    quantity: Decimal
    net_amount: Decimal
    tax_amount: Decimal
    amount: Decimal
    rejected: Decimal
    reason: str
    moves: tuple[UUID, ...]


@dataclass(frozen=True)
class GoodsArrived(Event):
    """Goods are at the gate and ours: they lie in inspection, at their value."""

    type = "purchasing.goods_arrived"
    noun = "purchasing.receipt"
    label = L("采购已到货", "Goods arrived")
    help = L(
        "货已到门并归我方所有：存放在待检，按其价值计",
        "Goods are at the gate and ours: they lie in inspection, at their value",
    )

    party: UUID
    plant: UUID
    arrived_on: date
    currency: UUID
    lines: tuple[ReceivedLine, ...]


@dataclass(frozen=True)
class GoodsReceived(GoodsArrived):
    """Goods were judged and booked: `quantity` left inspection, `rejected` of it to the rejected store."""

    type = "purchasing.goods_received"
    label = L("采购已入库", "Goods received")
    help = L(
        "货已检验并入库：`quantity` 离开待检，其中 `rejected` 转入不良品",
        "Goods were judged and booked: `quantity` left inspection, `rejected` of it to the rejected store",
    )


@dataclass(frozen=True)
class ArrivalReversed(GoodsArrived):
    """An arrival was taken back as if it had never come; quantities and amounts are negative."""

    type = "purchasing.arrival_reversed"
    label = L("到货已撤销", "Arrival reversed")
    help = L(
        "视同从未到货；数量和金额为负",
        "An arrival was taken back as if it had never come; quantities and amounts are negative",
    )


@dataclass(frozen=True)
class GoodsReturnedToSupplier(Event):
    """Goods went back to the supplier; quantities and amounts are negative."""

    type = "purchasing.goods_returned_to_supplier"
    noun = "purchasing.return_order"
    label = L("采购退货已退出", "Goods returned to a supplier")
    help = L("货已退回供应商；数量和金额为负", "Goods went back to the supplier; quantities and amounts are negative")

    party: UUID
    plant: UUID
    reason: str
    returned_on: date
    currency: UUID
    lines: tuple[ReceivedLine, ...]
