"""What a shop's order, refund and statement look like when they reach us: the one form that all shops map to."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel.schema import Day, Input, Instant, Money, Number, Quantity, Text, field
from banyan.lib.labels import L
from banyan.modules.channels.choices import FEE_KINDS, OUTSIDE_STATES, REFUND_KINDS

Share = Annotated[Money, Field(ge=0)]
Pieces = Annotated[Quantity, Field(gt=0)]
Price = Annotated[Number, Field(ge=0, max_digits=20, decimal_places=6)]


class OutsideLine(Input):
    """A line as the shop counts: `price` per piece of the SKU, before discounts."""

    line: Text = field("外部行号", "Outside line", "", max_length=80)
    sku: Text = field("店铺 SKU", "Shop's SKU", min_length=1, max_length=120)
    outside_item: Text = field("平台商品 ID", "Shop's key of the goods", "", max_length=80)
    outside_sku: Text = field("平台 SKU ID", "Shop's key of the SKU", "", max_length=80)
    title: Text = field("品名", "Title", "", max_length=255)
    quantity: Pieces = field("数量", "Quantity")
    price: Price = field("单价", "Price")
    discount_amount: Share = field("行优惠", "Discount of the line", Decimal(0))
    amount: Share | None = field(
        "行金额", "Amount of the line", None,
        help=L("空则为数量 × 单价 − 行优惠", "Empty: quantity × price − discount"),
    )  # fmt: skip


class OutsideOrder(Input):
    """An order of a shop. The same body again changes nothing; `body` is kept as it came."""

    shop: Text = field("店铺编码", "Shop's code", min_length=1, max_length=32)
    number: Text = field("外部订单号", "Outside number", min_length=1, max_length=80)
    outside_id: Text = field(
        "平台订单 ID", "Shop's key of the order", "", max_length=80,
        help=L("接口所用、与订单号不同时填写", "What its interface goes by, where it is not the number"),
    )  # fmt: skip
    version: Text = field("外部版本", "Outside version", "", max_length=80)
    changed_at: Instant | None = field(
        "外部修改时间", "Changed at", None,
        help=L("早于已收到的则不采用", "An older one than we have is not taken"),
    )  # fmt: skip
    state: Literal["placed", "paid", "cancelled"] = field(
        "外部状态", "Outside state", "paid", choices=OUTSIDE_STATES
    )
    ordered_at: Instant | None = field("下单时间", "Ordered at", None)
    paid_at: Instant | None = field("付款时间", "Paid at", None)
    pay_by: Instant | None = field("付款期限", "To pay by", None)
    ship_by: Instant | None = field(
        "发货期限", "To ship by", None, help=L("空则按店铺的发货时限", "Empty: by the shop's hours to ship")
    )
    buyer: Text = field("买家账号", "Buyer's account", "", max_length=120)
    buyer_name: Text = field("收件人", "Recipient", "", max_length=120)
    phone: Text = field("电话", "Phone", "", max_length=40)
    country: Text = field("国家", "Country", "CN", max_length=2)
    region: Text = field("省/州", "Region", "", max_length=80)
    city: Text = field("城市", "City", "", max_length=80)
    address: Text = field("地址", "Address", "", max_length=400)
    postcode: Text = field("邮编", "Postcode", "", max_length=16)
    remark: Text = field("买家留言", "Buyer's remark", "", max_length=1000)
    seller_note: Text = field("卖家备注", "Seller's note", "", max_length=1000)
    currency: Text = field("币种", "Currency", "", max_length=3, help=L("空则为店铺的", "Empty: the shop's"))
    lines: list[OutsideLine] = field("明细", "Lines", min_length=1, max_length=500)
    discount_amount: Share = field("整单优惠", "Discount of the order", Decimal(0))
    freight_amount: Share = field("运费", "Freight", Decimal(0))
    total_amount: Share = field("实付", "Total paid")
    body: Any = field(
        "原文", "Original", None, help=L("空则保存以上内容", "Empty: what stands above is kept")
    )


class Receive(Input):
    """One outside order or many."""

    orders: list[OutsideOrder] = field("外部订单", "Outside orders", min_length=1, max_length=500)


class OutsideRefundLine(Input):
    """How many pieces of which line come back."""

    line: Text = field("外部行号", "Outside line", "", max_length=80)
    sku: Text = field("店铺 SKU", "Shop's SKU", "", max_length=120)
    quantity: Pieces = field("数量", "Quantity")


class OutsideRefund(Input):
    """A refund that the buyer asks for at the shop."""

    shop: Text = field("店铺编码", "Shop's code", min_length=1, max_length=32)
    order: Text = field(
        "外部订单号", "Outside number of the order", min_length=1, max_length=80,
        help=L("或平台订单 ID", "Or the shop's key of the order"),
    )  # fmt: skip
    number: Text = field("退款编号", "Number of the refund", min_length=1, max_length=80)
    kind: Literal["refund", "return", "intercept"] = field("类型", "Kind", "refund", choices=REFUND_KINDS)
    amount: Annotated[Money, Field(gt=0)] = field("金额", "Amount")
    reason: Text = field("原因", "Reason", "", max_length=255)
    asked_at: Instant | None = field(
        "申请时间", "Asked at", None, help=L("店铺所记；空为现在", "As the shop has it; empty: now")
    )
    lines: list[OutsideRefundLine] = field("退回明细", "Lines that come back", default_factory=list, max_length=500)


class ReceiveRefunds(Input):
    """One refund or many."""

    refunds: list[OutsideRefund] = field("退款", "Refunds", min_length=1, max_length=500)


class OutsideSettlementLine(Input):
    """What was received for an order, given back, or taken as a fee (below zero)."""

    kind: Literal["order", "refund", "fee", "other"] = field("类型", "Kind", "order", choices=FEE_KINDS)
    order: Text = field(
        "外部订单号", "Outside number", "", max_length=80, help=L("或平台订单 ID", "Or the shop's key of the order")
    )
    fee: Text = field("费用名称", "Name of the fee", "", max_length=80)
    amount: Money = field("金额", "Amount")


class ReceiveSettlement(Input):
    """A statement of a shop, as in its file."""

    shop: Text = field("店铺编码", "Shop's code", min_length=1, max_length=32)
    number: Text = field("结算单号", "Number", min_length=1, max_length=80)
    settled_on: Day = field("结算日期", "Settled on")
    total_amount: Money | None = field(
        "合计", "Total", None, help=L("空则为明细之和", "Empty: the sum of the lines")
    )
    note: Text = field("备注", "Note", "", max_length=255)
    lines: list[OutsideSettlementLine] = field("明细", "Lines", min_length=1, max_length=20000)


class OutsideGoods(Input):
    """The keys by which a shop's interface knows what it sells; an empty one leaves what is known."""

    shop: Text = field("店铺编码", "Shop's code", min_length=1, max_length=32)
    sku: Text = field("店铺 SKU", "Shop's SKU", min_length=1, max_length=120)
    outside_item: Text = field("平台商品 ID", "Shop's key of the goods", "", max_length=80)
    outside_sku: Text = field("平台 SKU ID", "Shop's key of the SKU", "", max_length=80)
    outside_stock: Text = field("平台库存项 ID", "Shop's key of the stock", "", max_length=80)
    outside_place: Text = field("平台库存地点 ID", "Shop's key of the place", "", max_length=80)


class NoteGoods(Input):
    """Goods of shops, one or many."""

    goods: list[OutsideGoods] = field("商品", "Goods", min_length=1, max_length=2000)


class MatchRow(Input):
    """What an unknown SKU stands for."""

    shop: UUID = field("店铺", "Shop", reference="channels.shop")
    sku: Text = field("店铺 SKU", "Shop's SKU", min_length=1, max_length=120)
    item: UUID | None = field(
        "物料", "Item", None, reference="items.item", help=L("空则以后再对照", "Empty: not now")
    )
    factor: Pieces = field(
        "每件数量", "Stock units each", Decimal(1), help=L("一件折合的库存数量", "Stock units in one piece")
    )
    is_made_to_order: bool = field("按单生产", "Made to order", False)


class Match(Input):
    """Unknown SKUs, each with its item."""

    rows: list[MatchRow] = field("对照", "Matches", min_length=1, max_length=500)
