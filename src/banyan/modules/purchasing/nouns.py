"""How supplier items, orders, receipts and returns appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, section
from banyan.kernel.spec import Scope
from banyan.lib.labels import L
from banyan.modules.items import heads
from banyan.modules.purchasing import errors  # noqa: F401  its words for constraints
from banyan.modules.purchasing.drafts import (
    prepare_orders,
    prepare_receipts,
    prepare_returns,
    prepare_sources,
)
from banyan.modules.purchasing.models import (
    Order,
    OrderLine,
    Receipt,
    ReceiptLine,
    ReturnLine,
    ReturnOrder,
    SupplierItem,
)

ZERO, LEAST, HUNDRED = Decimal(0), Decimal("0.000001"), Decimal(100)
REASONS = (
    choice("defective", "质量问题", "Defective", "red"), choice("wrong", "送错货", "Wrong goods", "orange"),
    choice("damaged", "运输损坏", "Damaged in transit", "orange"), choice("surplus", "多送", "Surplus"),
    choice("other", "其他", "Other"),
)  # fmt: skip
STOCK_UNIT = L("按库存单位", "In the item's stock unit")

noun(
    SupplierItem,
    key="purchasing.supplier_item",
    plural_key="supplier_items",
    icon="building-store",
    area="purchasing",
    find_order=70,
    label=L("供应商货源", "Supplier item"),
    plural=L("供应商货源", "Supplier items"),
    help=L("哪家供应商供什么、什么价、多久到", "Who delivers what, at which price and lead time"),
    fields=dict(
        party=f("供应商", "Supplier", only="is_supplier"),
        item=f("物料", "Item"),
        supplier_code=f("供应商料号", "Supplier's code"),
        unit=f("单位", "Unit", L("空为库存单位", "Empty: the stock unit"), required=False),
        price=f("单价", "Price", minimum=ZERO),
        price_includes_tax=f("含税", "Tax included"),
        currency=f("币种", "Currency", required=False),
        tax_code=f("税码", "Tax code"),
        lead_time_days=f(
            "交期", "Lead time", L("自然日", "Calendar days"), unit="d", minimum=ZERO, maximum=Decimal(3650)
        ),
        minimum_quantity=f("起订量", "Minimum quantity", minimum=ZERO),
        pack_factor=f(
            "包装数", "Pack", L("按整包订，0 为不限", "Ordered in whole packs; 0: any quantity"), minimum=ZERO
        ),
        over_receipt_percent=f("超收允差", "Over-receipt allowed", unit="%", minimum=ZERO, maximum=HUNDRED),
        is_preferred=f("首选", "Preferred"),
        priority=f("优先级", "Priority", L("1 最先", "1 comes first"), minimum=Decimal(1)),
        valid_from=f("生效日期", "Valid from", required=False),
        valid_to=f("失效日期", "Valid to", L("从这一天起不再有效", "No longer valid from this day on")),
    ),
    title=("item", "party"),
    list=(
        "item",
        "party",
        "supplier_code",
        "price",
        "currency",
        "lead_time_days",
        "is_preferred",
        "valid_to",
    ),
    filters=("party", "item", "is_preferred", "currency"),
    form=(
        section("货源", "Source", "party", "item", "supplier_code", "unit", "is_preferred", "priority"),
        section(
            "价格", "Price", "price", "price_includes_tax", "currency", "tax_code", "valid_from", "valid_to"
        ),
        section(
            "供货", "Supply", "lead_time_days", "minimum_quantity", "pack_factor", "over_receipt_percent"
        ),
    ),
    phone=("item", "party", "price"),
    find=("supplier_code",),
    find_through=("item", "party"),
    prepare=prepare_sources,
    import_map=dict(
        party=("供应商编码", "供应商编号", "供应商代码", "Vendor", "Vendor no.", "Supplier no."),
        item=heads.CODE,
        supplier_code=("供方料号", "厂家料号", "Vendor part no.", "Supplier part no."),
        price=("采购单价", "采购价", "进价", "Unit price", "Purchase price"),
        lead_time_days=("交期", "采购周期", "采购提前期", "Lead time (days)"),
        minimum_quantity=("最小起订量", "最小订购量", "MOQ"),
    ),
)


def _counters() -> dict:
    """Give the words of an order line's counters."""
    return dict(
        open_quantity=f("未到", "Open", STOCK_UNIT, readonly=True),
        received_quantity=f(
            "已到货",
            "Received",
            L("到货数量，按库存单位", "Came through the gate, in the stock unit"),
            readonly=True,
        ),
        booked_quantity=f("已判定", "Booked", STOCK_UNIT, readonly=True),
        rejected_quantity=f("不合格", "Rejected", STOCK_UNIT, readonly=True),
        returned_quantity=f("已退", "Returned", STOCK_UNIT, readonly=True),
        cancelled_quantity=f("已取消", "Cancelled", STOCK_UNIT, readonly=True),
        invoiced_quantity=f("已开票", "Invoiced", STOCK_UNIT, readonly=True),
    )


noun(
    Order,
    key="purchasing.order",
    plural_key="orders",
    icon="shopping-cart",
    area="purchasing",
    find_order=35,
    label=L("采购订单", "Purchase order"),
    plural=L("采购订单", "Purchase orders"),
    help=L("向供应商订的货、答应的交期和到货进度", "What we ordered, when it is due, and how much has come"),
    fields=dict(
        party=f("供应商", "Supplier", only="is_supplier"),
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
        supplier_reference=f("供应商单号", "Supplier's reference"),
        terms=f("条款", "Terms"),
        is_confirmed=f("供应商已确认", "Confirmed by supplier", readonly=True),
        is_history=f(
            "历史订单",
            "History",
            L("旧系统的订单，不产生库存", "Of an earlier system; makes no moves"),
            readonly=True,
        ),
        cancel_reason=f("取消原因", "Why cancelled", readonly=True),
        net_amount=f("不含税金额", "Net amount", readonly=True),
        tax_amount=f("税额", "Tax", readonly=True),
        gross_amount=f("价税合计", "Gross amount", readonly=True),
    ),
    lines=[
        lines(
            "lines",
            OrderLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                item=f("物料", "Item"),
                quantity=f("数量", "Quantity", minimum=LEAST),
                unit=f(
                    "单位",
                    "Unit",
                    L("空则按货源或库存单位", "Empty: the supplier's or the stock unit"),
                    required=False,
                ),
                price=f(
                    "单价", "Price", L("空则按货源", "Empty: the supplier's"), required=False, minimum=ZERO
                ),
                price_includes_tax=f("含税", "Tax included"),
                discount_percent=f("折扣", "Discount", unit="%", minimum=ZERO, maximum=HUNDRED),
                tax_code=f("税码", "Tax code", required=False),
                wanted_on=f("需求日期", "Wanted on"),
                confirmed_on=f("确认交期", "Confirmed for", readonly=True),
                over_receipt_percent=f(
                    "超收允差", "Over-receipt allowed", unit="%", minimum=ZERO, maximum=HUNDRED
                ),
                note=f("备注", "Note"),
                net_amount=f("不含税金额", "Net amount", readonly=True),
                tax_amount=f("税额", "Tax", readonly=True),
                stock_quantity=f("库存数量", "Stock quantity", STOCK_UNIT, readonly=True),
                **_counters(),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("ordered", "已下单", "Ordered", "blue"),
            choice("confirmed", "已确认", "Confirmed", "blue"),
            choice("partly_received", "部分到货", "Partly received", "orange"),
            choice("received", "已到货", "Received", "green"),
            choice("closed", "已关闭", "Closed"),
            choice("cancelled", "已取消", "Cancelled", "red"),
        ],  # fmt: skip
        edges=[
            ("draft", "ordered", "order"),
            ("draft", "cancelled", "cancel"),
            ("ordered", "confirmed", "confirm"),
            ("confirmed", "confirmed", "confirm"),
            ("partly_received", "partly_received", "confirm"),
            ("ordered", "partly_received", "receive"),
            ("ordered", "received", "receive"),
            ("confirmed", "partly_received", "receive"),
            ("confirmed", "received", "receive"),
            ("partly_received", "partly_received", "receive"),
            ("partly_received", "received", "receive"),
            ("ordered", "ordered", "cancel"),
            ("ordered", "cancelled", "cancel"),
            ("confirmed", "confirmed", "cancel"),
            ("confirmed", "cancelled", "cancel"),
            ("partly_received", "partly_received", "cancel"),
            ("partly_received", "received", "cancel"),
            ("received", "closed", "close"),
        ],  # fmt: skip
    ),
    numbering=numbering("PO{yy}{mm}-{n:05}"),
    title=("number", "party"),
    list=("number", "party", "ordered_on", "wanted_on", "is_confirmed", "gross_amount", "currency", "state"),
    filters=("state", "party", "plant", "is_confirmed", "is_history"),
    form=(
        section(
            "订单", "Order", "party", "plant", "ordered_on", "wanted_on", "is_confirmed", "supplier_reference"
        ),
        section("金额", "Amounts", "currency", "exchange_rate", "net_amount", "tax_amount", "gross_amount"),
        section("其他", "More", "terms", "is_history", "cancel_reason", folded=True),
    ),
    phone=("number", "party", "wanted_on"),
    find=("number", "supplier_reference"),
    find_through=("party",),
    prepare=prepare_orders,
    import_map={
        "party": ("供应商编码", "供应商编号", "供应商代码", "Vendor", "Vendor no.", "Supplier no."),
        "wanted_on": ("交期", "到货日期", "要求到货日期", "Due date", "Delivery date"),
        "lines.item": heads.CODE,
        "lines.quantity": ("订购数量", "采购数量", "Qty"),
        "lines.price": ("采购单价", "采购价", "Unit price"),
    },
)

noun(
    OrderLine,
    key="purchasing.order_line",
    plural_key="order_lines",
    icon="list-details",
    area="purchasing",
    find_order=90,
    label=L("采购订单行", "Purchase order line"),
    plural=L("采购订单明细", "Purchase order lines"),
    help=L(
        "所有采购订单的明细：订了什么、何时到、还差多少",
        "The lines of all orders: what is due when, and how much is open",
    ),
    fields=dict(
        order=f("订单", "Order", readonly=True),
        party=f("供应商", "Supplier", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        item=f("物料", "Item", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        unit=f("单位", "Unit", readonly=True),
        price=f("单价", "Price", readonly=True),
        net_amount=f("不含税金额", "Net amount", readonly=True),
        wanted_on=f("需求日期", "Wanted on", readonly=True),
        confirmed_on=f("确认交期", "Confirmed for", readonly=True),
        arrived_on=f("最近到货", "Last arrival", readonly=True),
        stock_quantity=f("库存数量", "Stock quantity", STOCK_UNIT, readonly=True),
        **_counters(),
        replaced_quantity=f("待补货", "To be replaced", STOCK_UNIT, readonly=True),
    ),
    title=("order", "item"),
    list=("order", "party", "item", "quantity", "unit", "wanted_on", "confirmed_on", "open_quantity"),
    filters=("party", "item", "plant", "wanted_on", "confirmed_on"),
    form=(
        section("订单行", "Line", "order", "party", "item", "quantity", "unit", "price", "net_amount"),
        section("日期", "Dates", "wanted_on", "confirmed_on", "arrived_on"),
        section(
            "进度",
            "Progress",
            "open_quantity",
            "received_quantity",
            "booked_quantity",
            "rejected_quantity",
            "returned_quantity",
            "replaced_quantity",
            "cancelled_quantity",
            "invoiced_quantity",
        ),  # fmt: skip
    ),
    phone=("item", "confirmed_on", "open_quantity"),
    find_through=("party", "item"),
    sort="wanted_on",
    verbs=(),
    scope=Scope(own="created_by_id", plant="plant_id"),
)

noun(
    Receipt,
    key="purchasing.receipt",
    plural_key="receipts",
    icon="truck-loading",
    area="purchasing",
    find_order=45,
    label=L("收货单", "Receipt"),
    plural=L("收货单", "Receipts"),
    help=L(
        "到货与入库是两个时刻：先进待检，判定后入库",
        "Arrival and booking are two moments: first inspection, then the store",
    ),
    fields=dict(
        party=f("供应商", "Supplier", only="is_supplier"),
        plant=f("工厂", "Plant", required=False),
        order=f("订单", "Order", readonly=True),
        delivery_note=f("送货单号", "Delivery note"),
        expected_on=f("预计到货", "Expected on"),
        arrived_on=f("到货日期", "Arrived on", readonly=True),
        arrived_at=f("到货时间", "Arrived at", readonly=True),
        booked_at=f("入库时间", "Booked at", readonly=True),
        note=f("备注", "Note"),
        reverse_reason=f("撤销原因", "Why reversed", readonly=True),
    ),
    lines=[
        lines(
            "lines",
            ReceiptLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                order_line=f("订单行", "Order line"),
                item=f("物料", "Item", readonly=True),
                quantity=f("到货数量", "Quantity", STOCK_UNIT, minimum=LEAST),
                lot_number=f("批号", "Lot number", L("空则自动编号", "Empty: numbered by itself")),
                supplier_lot=f("供应商批号", "Supplier's lot"),
                heat_number=f("炉号", "Heat number"),
                made_on=f("生产日期", "Made on"),
                expires_on=f("到期日期", "Expires on"),
                lot=f("批次", "Lot", readonly=True),
                accepted_quantity=f("合格", "Accepted", readonly=True),
                rejected_quantity=f("不合格", "Rejected", readonly=True),
                reject_reason=f("不合格原因", "Why rejected", readonly=True),
                amount=f("金额", "Value", readonly=True),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "预告", "Announced"),
            choice("arrived", "已到货", "Arrived", "orange"),
            choice("partly_booked", "部分入库", "Partly booked", "orange"),
            choice("booked", "已入库", "Booked", "green"),
            choice("reversed", "已撤销", "Reversed", "red"),
        ],  # fmt: skip
        edges=[
            ("draft", "arrived", "arrive"),
            ("arrived", "partly_booked", "book"),
            ("arrived", "booked", "book"),
            ("partly_booked", "partly_booked", "book"),
            ("partly_booked", "booked", "book"),
            ("arrived", "reversed", "reverse"),
            ("partly_booked", "reversed", "reverse"),
            ("booked", "reversed", "reverse"),
        ],  # fmt: skip
    ),
    numbering=numbering("GR{yy}{mm}-{n:05}"),
    title=("number", "party"),
    list=("number", "party", "order", "delivery_note", "arrived_at", "booked_at", "state"),
    filters=("state", "party", "plant"),
    form=(
        section("收货", "Receipt", "party", "plant", "order", "delivery_note", "expected_on"),
        section("时间", "Moments", "arrived_on", "arrived_at", "booked_at", "note", "reverse_reason"),
    ),
    phone=("number", "party", "delivery_note"),
    find=("number", "delivery_note"),
    find_through=("party",),
    prepare=prepare_receipts,
)

noun(
    ReturnOrder,
    key="purchasing.return_order",
    plural_key="returns",
    icon="truck-return",
    area="purchasing",
    find_order=60,
    label=L("采购退货", "Purchase return"),
    plural=L("采购退货", "Purchase returns"),
    help=L("退给供应商的货和原因", "Goods that go back to suppliers, and why"),
    fields=dict(
        party=f("供应商", "Supplier", only="is_supplier"),
        plant=f("工厂", "Plant", required=False),
        reason=f("原因", "Reason", choices=REASONS),
        note=f("说明", "Note"),
        returned_on=f("退货日期", "Returned on", readonly=True),
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
                location=f("库位", "From", L("空则从不良品库退", "Empty: from the rejected store")),
                is_replaced=f(
                    "补货",
                    "To be replaced",
                    L("供应商还要补送同样数量", "The supplier is to send as many again"),
                ),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "待退", "To return"),
            choice("returned", "已退", "Returned", "green"),
            choice("cancelled", "已取消", "Cancelled", "red"),
        ],  # fmt: skip
        edges=[("draft", "returned", "send"), ("draft", "cancelled", "cancel")],
    ),
    numbering=numbering("PR{yy}{mm}-{n:04}"),
    title=("number", "party"),
    list=("number", "party", "reason", "returned_on", "state", "created_at"),
    filters=("state", "party", "reason", "plant"),
    form=(section("退货", "Return", "party", "plant", "reason", "note", "returned_on"),),
    phone=("number", "party", "reason"),
    find=("number",),
    find_through=("party",),
    prepare=prepare_returns,
)
