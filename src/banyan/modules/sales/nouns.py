"""How quotations, orders, shipments, returns and prices appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, section
from banyan.kernel.spec import Scope
from banyan.lib.labels import L
from banyan.modules.items import heads
from banyan.modules.sales import errors  # noqa: F401  its words for constraints
from banyan.modules.sales.drafts import (
    prepare_orders,
    prepare_prices,
    prepare_quotations,
    prepare_returns,
    prepare_shipments,
)
from banyan.modules.sales.models import (
    CustomerPrice,
    Order,
    OrderLine,
    Parcel,
    PromiseEntry,
    Quotation,
    QuotationLine,
    ReturnLine,
    ReturnOrder,
    Shipment,
    ShipmentLine,
)

ZERO, LEAST, HUNDRED = Decimal(0), Decimal("0.000001"), Decimal(100)
PRIORITIES = (choice("normal", "普通", "Normal"), choice("urgent", "加急", "Urgent", "red"))
REASONS = (
    choice("defective", "质量问题", "Defective", "red"), choice("wrong", "发错货", "Wrong goods", "orange"),
    choice("damaged", "运输损坏", "Damaged in transit", "orange"), choice("surplus", "多余", "Surplus"),
    choice("other", "其他", "Other"),
)  # fmt: skip
OUTCOMES = (
    choice("stock", "回良品库", "Back to stock", "green"),
    choice("inspection", "待检", "To inspection", "blue"),
    choice("rejected", "不良品", "Rejected", "red"),
)
STOCK_UNIT = L("按库存单位", "In the item's stock unit")


def _priced() -> dict:
    """Give the words of the fields that every priced line has."""
    return dict(
        item=f("物料", "Item"),
        quantity=f("数量", "Quantity", minimum=LEAST),
        unit=f("单位", "Unit", L("空为库存单位", "Empty: the stock unit"), required=False),
        price=f(
            "单价", "Price", L("空则按价目表", "Empty: from the price list"), required=False, minimum=ZERO
        ),
        price_includes_tax=f("含税", "Tax included"),
        discount_percent=f("折扣", "Discount", unit="%", minimum=ZERO, maximum=HUNDRED),
        tax_code=f("税码", "Tax code", required=False),
        wanted_on=f("需求日期", "Wanted on", L("空则取表头", "Empty: that of the document")),
        note=f("备注", "Note"),
        net_amount=f("不含税金额", "Net amount", readonly=True),
        tax_amount=f("税额", "Tax", readonly=True),
    )


def _totals() -> dict:
    """Give the words of the fields that every priced document has."""
    return dict(
        net_amount=f("不含税金额", "Net amount", readonly=True),
        tax_amount=f("税额", "Tax", readonly=True),
        gross_amount=f("价税合计", "Gross amount", readonly=True),
    )


noun(
    CustomerPrice,
    key="sales.customer_price",
    plural_key="customer_prices",
    icon="tag",
    area="sales",
    find_order=70,
    label=L("客户价", "Customer price"),
    plural=L("价目表", "Price list"),
    help=L(
        "客户的价格，或人人适用的价格；可按数量分档、按时间生效",
        "Prices for a customer or for everybody, by quantity and validity",
    ),
    fields=dict(
        party=f("客户", "Customer", L("空为所有客户", "Empty: everybody"), only="is_customer"),
        item=f("物料", "Item"),
        unit=f("单位", "Unit", L("空为库存单位", "Empty: the stock unit"), required=False),
        minimum_quantity=f("起订量", "From quantity", minimum=ZERO),
        price=f("单价", "Price", minimum=ZERO),
        price_includes_tax=f("含税", "Tax included"),
        currency=f("币种", "Currency", required=False),
        tax_code=f("税码", "Tax code"),
        valid_from=f("生效日期", "Valid from", required=False),
        valid_to=f("失效日期", "Valid to", L("从这一天起不再有效", "No longer valid from this day on")),
        customer_item_code=f("客户料号", "Customer's code"),
    ),
    title=("item", "party"),
    list=(
        "item",
        "party",
        "minimum_quantity",
        "price",
        "price_includes_tax",
        "currency",
        "valid_from",
        "valid_to",
    ),
    filters=("party", "item", "currency"),
    form=(
        section(
            "价格",
            "Price",
            "party",
            "item",
            "unit",
            "minimum_quantity",
            "price",
            "price_includes_tax",
            "currency",
        ),
        section("有效期", "Validity", "valid_from", "valid_to"),
        section("其他", "More", "tax_code", "customer_item_code", folded=True),
    ),
    phone=("item", "party", "price"),
    find=("customer_item_code",),
    find_through=("item", "party"),
    prepare=prepare_prices,
)

noun(
    Quotation,
    key="sales.quotation",
    plural_key="quotations",
    icon="file-description",
    area="sales",
    find_order=40,
    label=L("报价单", "Quotation"),
    plural=L("报价单", "Quotations"),
    help=L("给客户的报价，接受后转为订单", "What we offer; accepted ones become orders"),
    fields=dict(
        party=f("客户", "Customer", only="is_customer"),
        plant=f("工厂", "Plant", required=False),
        currency=f("币种", "Currency", required=False),
        quoted_on=f("报价日期", "Quoted on", required=False),
        valid_until=f("有效至", "Valid until"),
        wanted_on=f("需求日期", "Wanted on"),
        customer_reference=f("客户询价号", "Customer's reference"),
        terms=f("条款", "Terms"),
        lost_reason=f("失单原因", "Why lost", readonly=True),
        **_totals(),
    ),
    lines=[lines("lines", QuotationLine, L("明细", "Lines"), fields=_priced(), required=True)],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("sent", "已发出", "Sent", "blue"),
            choice("accepted", "已接受", "Accepted", "green"),
            choice("ordered", "已下单", "Ordered", "green"),
            choice("lost", "失单", "Lost", "red"),
        ],  # fmt: skip
        edges=[
            ("draft", "sent", "send"),
            ("sent", "draft", "revise"),
            ("sent", "accepted", "accept"),
            ("sent", "ordered", "order"),
            ("accepted", "ordered", "order"),
            ("sent", "lost", "lose"),
            ("accepted", "lost", "lose"),
        ],  # fmt: skip
    ),
    numbering=numbering("QU{yy}{mm}-{n:04}"),
    title=("number", "party"),
    list=("number", "party", "quoted_on", "valid_until", "gross_amount", "currency", "state"),
    filters=("state", "party", "plant"),
    form=(
        section("报价", "Quotation", "party", "plant", "currency", "quoted_on", "valid_until", "wanted_on"),
        section("金额", "Amounts", "net_amount", "tax_amount", "gross_amount"),
        section("其他", "More", "customer_reference", "terms", "lost_reason", folded=True),
    ),
    phone=("number", "party", "gross_amount"),
    find=("number", "customer_reference"),
    find_through=("party",),
    prepare=prepare_quotations,
)

noun(
    Order,
    key="sales.order",
    plural_key="orders",
    icon="file-invoice",
    area="sales",
    find_order=30,
    label=L("销售订单", "Sales order"),
    plural=L("销售订单", "Sales orders"),
    help=L(
        "客户订的货、答应的日期和发货进度", "What customers ordered, the dates promised, and how far it is"
    ),
    fields=dict(
        party=f("客户", "Customer", only="is_customer"),
        plant=f("工厂", "Plant", required=False),
        currency=f("币种", "Currency", required=False),
        exchange_rate=f(
            "汇率",
            "Exchange rate",
            L("一单位折合本位币", "What one of it is worth in our own"),
            minimum=LEAST,
        ),
        ordered_on=f("订单日期", "Ordered on", required=False, sortable=True),
        wanted_on=f("需求日期", "Wanted on"),
        promised_on=f("承诺日期", "Promised on", readonly=True),
        priority=f("优先级", "Priority", choices=PRIORITIES),
        customer_reference=f("客户订单号", "Customer's order"),
        address=f("收货地址", "Delivery address"),
        terms=f("条款", "Terms"),
        quotation=f("报价单", "Quotation", readonly=True),
        cancel_reason=f("取消原因", "Why cancelled", readonly=True),
        **_totals(),
    ),
    lines=[
        lines(
            "lines",
            OrderLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                **_priced(),
                stock_quantity=f("库存数量", "Stock quantity", STOCK_UNIT, readonly=True),
                promised_on=f("承诺日期", "Promised on", readonly=True),
                open_quantity=f("未发", "Open", STOCK_UNIT, readonly=True),
                shipped_quantity=f("已发", "Shipped", STOCK_UNIT, readonly=True),
                returned_quantity=f("已退", "Returned", STOCK_UNIT, readonly=True),
                cancelled_quantity=f("已取消", "Cancelled", STOCK_UNIT, readonly=True),
                invoiced_quantity=f("已开票", "Invoiced", STOCK_UNIT, readonly=True),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("confirmed", "已确认", "Confirmed", "blue"),
            choice("partly_shipped", "部分发货", "Partly shipped", "orange"),
            choice("shipped", "已发货", "Shipped", "green"),
            choice("closed", "已关闭", "Closed"),
            choice("cancelled", "已取消", "Cancelled", "red"),
        ],  # fmt: skip
        edges=[
            ("draft", "confirmed", "confirm"),
            ("draft", "cancelled", "cancel"),
            ("confirmed", "confirmed", "promise"),
            ("partly_shipped", "partly_shipped", "promise"),
            ("confirmed", "confirmed", "reserve"),
            ("partly_shipped", "partly_shipped", "reserve"),
            ("confirmed", "partly_shipped", "ship"),
            ("confirmed", "shipped", "ship"),
            ("partly_shipped", "partly_shipped", "ship"),
            ("partly_shipped", "shipped", "ship"),
            ("confirmed", "confirmed", "pick"),
            ("partly_shipped", "partly_shipped", "pick"),
            ("confirmed", "confirmed", "cancel"),
            ("confirmed", "cancelled", "cancel"),
            ("partly_shipped", "partly_shipped", "cancel"),
            ("partly_shipped", "shipped", "cancel"),
            ("shipped", "closed", "close"),
        ],  # fmt: skip
    ),
    numbering=numbering("SO{yy}{mm}-{n:05}"),
    title=("number", "party"),
    list=(
        "number",
        "party",
        "customer_reference",
        "wanted_on",
        "promised_on",
        "priority",
        "gross_amount",
        "state",
    ),
    filters=("state", "party", "plant", "priority"),
    form=(
        section("订单", "Order", "party", "plant", "ordered_on", "wanted_on", "promised_on", "priority"),
        section("金额", "Amounts", "currency", "exchange_rate", "net_amount", "tax_amount", "gross_amount"),
        section(
            "其他",
            "More",
            "customer_reference",
            "address",
            "terms",
            "quotation",
            "cancel_reason",
            folded=True,
        ),
    ),
    phone=("number", "party", "promised_on"),
    find=("number", "customer_reference"),
    find_through=("party",),
    prepare=prepare_orders,
    import_map={
        "party": ("客户编码", "客户编号", "客户代码", "Customer no.", "Customer code"),
        "wanted_on": ("交期", "交货日期", "要货日期", "Due date", "Delivery date"),
        "customer_reference": ("客户单号", "客户PO", "PO", "PO no.", "PO number", "Customer PO"),
        "address": ("送货地址", "Ship to"),
        "lines.item": heads.CODE,
        "lines.quantity": ("订单数量", "订购数量", "Qty"),
        "lines.price": ("销售单价", "售价", "Unit price"),
    },
)

noun(
    OrderLine,
    key="sales.order_line",
    plural_key="order_lines",
    icon="list-details",
    area="sales",
    find_order=90,
    label=L("销售订单行", "Sales order line"),
    plural=L("销售订单明细", "Sales order lines"),
    help=L(
        "所有订单的明细：谁要什么、答应哪天、还差多少",
        "The lines of all orders: who wants what, by when, how much is open",
    ),
    fields=dict(
        order=f("订单", "Order", readonly=True),
        party=f("客户", "Customer", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        item=f("物料", "Item", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        unit=f("单位", "Unit", readonly=True),
        price=f("单价", "Price", readonly=True),
        net_amount=f("不含税金额", "Net amount", readonly=True),
        wanted_on=f("需求日期", "Wanted on", readonly=True),
        promised_on=f("承诺日期", "Promised on", readonly=True),
        stock_quantity=f("库存数量", "Stock quantity", STOCK_UNIT, readonly=True),
        open_quantity=f("未发", "Open", STOCK_UNIT, readonly=True),
        shipped_quantity=f("已发", "Shipped", STOCK_UNIT, readonly=True),
        returned_quantity=f("已退", "Returned", STOCK_UNIT, readonly=True),
        replaced_quantity=f("待换货", "To replace", STOCK_UNIT, readonly=True),
        cancelled_quantity=f("已取消", "Cancelled", STOCK_UNIT, readonly=True),
        invoiced_quantity=f("已开票", "Invoiced", STOCK_UNIT, readonly=True),
    ),
    title=("order", "item"),
    list=("order", "party", "item", "quantity", "unit", "wanted_on", "promised_on", "open_quantity"),
    filters=("party", "item", "plant", "promised_on"),
    form=(
        section("订单行", "Line", "order", "party", "item", "quantity", "unit", "price", "net_amount"),
        section("日期", "Dates", "wanted_on", "promised_on"),
        section(
            "进度",
            "Progress",
            "open_quantity",
            "shipped_quantity",
            "returned_quantity",
            "replaced_quantity",
            "cancelled_quantity",
            "invoiced_quantity",
        ),  # fmt: skip
    ),
    phone=("item", "promised_on", "open_quantity"),
    find_through=("party", "item"),
    sort="promised_on",
    verbs=(),
    scope=Scope(own="created_by_id", plant="plant_id"),
)

noun(
    PromiseEntry,
    key="sales.promise_entry",
    plural_key="promise_entries",
    icon="calendar-stats",
    area="sales",
    find_order=95,
    label=L("承诺记录", "Promise entry"),
    plural=L("承诺台账", "Promise ledger"),
    help=L(
        "答应过的每个日期和每次改期的原因，只增不改",
        "Every date promised and why it changed; nothing is ever altered",
    ),
    fields=dict(
        at=f("时间", "At", readonly=True),
        order=f("订单", "Order", readonly=True),
        order_line=f("订单行", "Line", readonly=True),
        was=f("原日期", "Was", readonly=True),
        promised_on=f("承诺日期", "Promised on", readonly=True),
        reason=f("原因", "Reason", readonly=True),
        person=f("经办人", "By", readonly=True, reference="kernel.user"),
    ),
    title=("order", "promised_on"),
    list=("at", "order_line", "was", "promised_on", "reason", "person"),
    filters=("order", "order_line"),
    form=(section("承诺", "Promise", "order", "order_line", "was", "promised_on", "reason", "at", "person"),),
    phone=("order_line", "promised_on", "reason"),
    sort="-at",
    verbs=(),
    retention="ledger",
)

noun(
    Shipment,
    key="sales.shipment",
    plural_key="shipments",
    icon="truck-delivery",
    area="sales",
    find_order=45,
    label=L("发货单", "Shipment"),
    plural=L("发货单", "Shipments"),
    help=L(
        "发给客户的货：批次、库位、包裹和运单",
        "Goods leaving to customers: lots, places, parcels and waybills",
    ),
    fields=dict(
        party=f("客户", "Customer", only="is_customer"),
        plant=f("工厂", "Plant", required=False),
        order=f("订单", "Order", readonly=True),
        shipped_on=f("发货日期", "Shipped on", readonly=True),
        shipped_at=f("发货时间", "Shipped at", readonly=True),
        carrier=f("承运商", "Carrier", only="is_carrier"),
        tracking_number=f("运单号", "Tracking number"),
        address=f("收货地址", "Delivery address"),
        note=f("备注", "Note"),
        reverse_reason=f("撤销原因", "Why reversed", readonly=True),
    ),
    lines=[
        lines(
            "lines",
            ShipmentLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                order_line=f("订单行", "Order line"),
                item=f("物料", "Item", readonly=True),
                quantity=f("数量", "Quantity", STOCK_UNIT, minimum=LEAST),
                lot=f("批次", "Lot", L("空则按先到期先出", "Empty: first expiry first out")),
                location=f("库位", "Location", L("空则自动选取", "Empty: chosen by itself")),
                parcel=f("包裹", "Parcel", minimum=Decimal(1)),
            ),
        ),
        lines(
            "parcels",
            Parcel,
            L("包裹", "Parcels"),
            fields=dict(
                parcel=f("包裹号", "Parcel", minimum=Decimal(1)),
                tracking_number=f("运单号", "Tracking number"),
                weight=f("重量", "Weight", unit="kg", minimum=LEAST),
            ),
        ),
    ],
    life=life(
        states=[
            choice("draft", "待发", "To ship"),
            choice("shipped", "已发", "Shipped", "green"),
            choice("reversed", "已撤销", "Reversed", "red"),
        ],  # fmt: skip
        edges=[
            ("draft", "shipped", "ship"),
            ("draft", "shipped", "ship_part"),
            ("shipped", "reversed", "reverse"),
            ("shipped", "shipped", "track"),
        ],
    ),
    numbering=numbering("SH{yy}{mm}-{n:05}"),
    title=("number", "party"),
    list=("number", "party", "order", "shipped_on", "carrier", "tracking_number", "state"),
    filters=("state", "party", "plant", "carrier"),
    form=(
        section("发货", "Shipment", "party", "plant", "order", "shipped_on", "shipped_at", "address"),
        section("运输", "Transport", "carrier", "tracking_number", "note", "reverse_reason"),
    ),
    phone=("number", "party", "tracking_number"),
    find=("number", "tracking_number"),
    find_through=("party",),
    prepare=prepare_shipments,
)

noun(
    ReturnOrder,
    key="sales.return_order",
    plural_key="returns",
    icon="truck-return",
    area="sales",
    find_order=60,
    label=L("销售退货", "Sales return"),
    plural=L("销售退货", "Sales returns"),
    help=L("客户退回的货、原因和去处", "Goods that come back from customers, why, and where they go"),
    fields=dict(
        party=f("客户", "Customer", only="is_customer"),
        plant=f("工厂", "Plant", required=False),
        reason=f("原因", "Reason", choices=REASONS),
        note=f("说明", "Note"),
        customer_reference=f("客户单号", "Customer's reference"),
        received_on=f("收货日期", "Received on", readonly=True),
    ),
    lines=[
        lines(
            "lines",
            ReturnLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                order_line=f("订单行", "Order line"),
                item=f("物料", "Item", readonly=True),
                quantity=f("数量", "Quantity", STOCK_UNIT, minimum=LEAST),
                lot=f("批次", "Lot"),
                outcome=f("去处", "Goes to", choices=OUTCOMES),
                location=f("库位", "Location", L("空则用默认库位", "Empty: the standing place")),
                is_replaced=f(
                    "换货", "To be replaced", L("还要补发同样数量", "As many are to be shipped again")
                ),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "待收", "Expected"),
            choice("received", "已收", "Received", "green"),
            choice("cancelled", "已取消", "Cancelled", "red"),
        ],  # fmt: skip
        edges=[("draft", "received", "receive"), ("draft", "cancelled", "cancel")],
    ),
    numbering=numbering("RT{yy}{mm}-{n:04}"),
    title=("number", "party"),
    list=("number", "party", "reason", "received_on", "state", "created_at"),
    filters=("state", "party", "reason", "plant"),
    form=(
        section("退货", "Return", "party", "plant", "reason", "customer_reference", "note", "received_on"),
    ),
    phone=("number", "party", "reason"),
    find=("number", "customer_reference"),
    find_through=("party",),
    prepare=prepare_returns,
)
