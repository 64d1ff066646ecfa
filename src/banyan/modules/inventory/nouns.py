"""How stock appears: places, lots, what lies where, what moved, what it is worth, and the documents."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, preset, section
from banyan.lib.labels import L
from banyan.modules.inventory import errors  # noqa: F401  its words for constraints
from banyan.modules.inventory.commands import (
    prepare_documents,
    prepare_item_locations,
    prepare_locations,
    prepare_lots,
)
from banyan.modules.inventory.models import (
    Allocation,
    Balance,
    Count,
    CountLine,
    Genealogy,
    ItemLocation,
    Location,
    Lot,
    Move,
    Promise,
    StockDocument,
    StockDocumentLine,
    StockValue,
    Supply,
    ValueEntry,
    ValueLayer,
)
from banyan.modules.items import heads

KINDS = (
    choice("warehouse", "仓库", "Warehouse", "blue"), choice("zone", "库区", "Zone", "blue"),
    choice("bin", "货位", "Bin", "blue"), choice("line_side", "线边", "Line side", "green"),
    choice("inspection", "待检", "Inspection", "orange"), choice("rejected", "不良品", "Rejected", "red"),
    choice("transit", "在途", "Transit", "purple"),
    choice("subcontractor", "委外商", "Subcontractor", "purple"),
    choice("supplier", "供应商", "Supplier"), choice("customer", "客户", "Customer"),
    choice("production", "生产", "Production"), choice("adjustment", "库存调整", "Adjustment"),
    choice("scrap", "报废", "Scrap"),
)  # fmt: skip
VALUE_KINDS = (
    choice("receipt", "采购入库", "Receipt", "green"),
    choice("supplier_return", "采购退货", "Return to supplier", "orange"),
    choice("issue", "领料", "Issue", "blue"), choice("production", "生产入库", "From production", "green"),
    choice("shipment", "发货", "Shipment", "blue"),
    choice("customer_return", "销售退货", "Return by customer", "orange"),
    choice("transfer", "工厂间调拨", "Between plants"), choice("adjustment", "调整", "Adjustment", "orange"),
    choice("scrap", "报废", "Scrap", "red"), choice("reversal", "冲销", "Reversal", "red"),
    choice("cost_run", "成本计算", "Cost run", "purple"),
)  # fmt: skip
FLAGS = (
    choice("", "无", "None"),
    choice("held_lot", "用了冻结批次", "Used a held lot", "orange"),
    choice("closed_period", "期间已结账，记到首个开放日", "Period closed: booked on the first open day", "orange"),
)

# --- places and lots ----------------------------------------------------------------------------------------

noun(
    Location,
    key="inventory.location",
    plural_key="locations",
    icon="building-warehouse",
    area="inventory",
    find_order=40,
    label=L("库位", "Location"),
    plural=L("库位", "Locations"),
    help=L(
        "货物所在或经过的地方：仓库、货位、线边、待检，以及供应商、客户等虚拟库位",
        "Where stock lies or passes through: stores, bins, line side, inspection, and the far ends",
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name", sortable=True),
        name_en=f("英文名", "English name"),
        kind=f("类型", "Kind", choices=KINDS),
        plant=f("工厂", "Plant"),
        parent=f("上级库位", "Within"),
        barcode=f("条码", "Barcode", L("扫码时的内容，空则用编码", "What a scan reads; the code when empty")),
        party=f("往来单位", "Party", L("委外商或客户处的库位属于谁", "Whose place it is, outside our gate")),
        walk_order=f(
            "行走顺序",
            "Walking order",
            L("通道的号码：拣货和盘点从小到大走，号码相同的按编码走，隔一条通道反向；空的最后走",
              "The aisle's number: walks go from the lowest up, within one by code, every other one backwards; places "
              "without a number come last"),
        ),
        is_default=f(
            "默认",
            "Default",
            L("单据不指明时用它，每种类型一个", "Used when nobody names one; one of a kind"),
        ),
        is_active=f("启用", "Active"),
    ),
    title=("code", "name"),
    natural_key="code",
    sort="code",
    list=("code", "name", "kind", "plant", "parent", "is_active"),
    filters=("kind", "plant", "parent", "is_active"),
    form=(
        section("库位", "Location", "code", "name", "name_en", "kind", "plant", "parent"),
        section("使用", "Use", "barcode", "walk_order", "party", "is_default", "is_active"),
    ),
    phone=("code", "name", "kind"),
    find=("code", "name", "name_en", "barcode"),
    prepare=prepare_locations,
)

noun(
    ItemLocation,
    key="inventory.item_location",
    plural_key="item_locations",
    icon="map-pin",
    area="inventory",
    find_order=90,
    label=L("物料默认库位", "Item's place"),
    plural=L("物料默认库位", "Items' places"),
    help=L("物料入库时默认放哪里", "Where an item is put away when nobody says otherwise"),
    fields=dict(item=f("物料", "Item"), plant=f("工厂", "Plant"), location=f("库位", "Location")),
    title=("item", "location"),
    list=("item", "plant", "location"),
    filters=("plant", "location", "item"),
    form=(section("默认库位", "Place", "item", "plant", "location"),),
    find_through=("item", "location"),
    prepare=prepare_item_locations,
)

noun(
    Lot,
    key="inventory.lot",
    plural_key="lots",
    icon="barcode",
    area="inventory",
    find_order=30,
    label=L("批次", "Lot"),
    plural=L("批次", "Lots"),
    verbs=("create", "change"),
    help=L(
        "同一来源、一起追溯的货物；序列号是只有一件的批次",
        "Goods of one origin; a serial number is a lot of one",
    ),
    fields=dict(
        number=f("批号", "Number", sortable=True),
        item=f("物料", "Item"),
        reason=f("原因", "Reason", readonly=True),
        stopped_at=f("冻结于", "Stopped at", readonly=True),
        supplier=f("供应商", "Supplier", only="is_supplier"),
        supplier_lot=f("供应商批号", "Supplier's lot"),
        heat_number=f("炉号", "Heat number"),
        made_on=f("生产日期", "Made on"),
        expires_on=f("有效期至", "Expires on"),
        origin_noun=f("来源单据类型", "Origin", readonly=True),
        origin=f("来源单据", "Origin record", readonly=True),
    ),
    life=life(
        states=[
            choice("released", "可用", "Released", "green"),
            choice("held", "冻结", "Held", "orange"),
            choice("rejected", "不良", "Rejected", "red"),
        ],
        edges=[
            ("released", "held", "hold"),
            ("rejected", "held", "hold"),
            ("released", "rejected", "reject"),
            ("held", "rejected", "reject"),
            ("held", "released", "release"),
            ("rejected", "released", "release"),
        ],
        editable=("released", "held", "rejected"),
    ),
    title=("number", "item"),
    natural_key="number",
    list=("number", "item", "state", "supplier_lot", "heat_number", "expires_on", "created_at"),
    filters=("state", "item", "supplier", "expires_on", "heat_number"),
    form=(
        section("批次", "Lot", "number", "item", "state", "reason", "stopped_at"),
        section("来历", "Origin", "supplier", "supplier_lot", "heat_number", "made_on", "expires_on"),
    ),
    phone=("number", "item", "state"),
    find=("number", "supplier_lot", "heat_number"),
    find_through=("item",),
    prepare=prepare_lots,
)

# --- what is there ------------------------------------------------------------------------------------------

noun(
    Balance,
    key="inventory.balance",
    plural_key="balances",
    icon="stack-2",
    area="inventory",
    verbs=(),
    label=L("库存", "Stock"),
    plural=L("库存", "Stock"),
    help=L("每个物料、批次、库位、货主的现存量", "What lies of each item, lot and owner in each place"),
    fields=dict(
        item=f("物料", "Item", readonly=True, sortable=True),
        lot=f("批次", "Lot", readonly=True),
        location=f("库位", "Location", readonly=True),
        kind=f("库位类型", "Kind of place", readonly=True, choices=KINDS),
        plant=f("工厂", "Plant", readonly=True),
        owner=f("货主", "Owner", L("空为本公司", "Empty: ourselves"), readonly=True),
        on_hand=f("现存量", "On hand", readonly=True),
        allocated=f("已分配", "Allocated", L("已为单据留定的部分", "Fixed for demands"), readonly=True),
        first_in_at=f("入库于", "In since", readonly=True),
    ),
    title=("item", "lot", "location"),
    sort="item",
    list=("item", "lot", "location", "kind", "on_hand", "allocated", "owner"),
    export=("item", "lot", "plant", "location", "kind", "owner", "on_hand", "allocated", "first_in_at"),
    presets=(preset("in_stock", "有库存", "In stock", "on_hand:ne=0", first=True),),
    filters=("item", "lot", "location", "kind", "plant", "on_hand", "owner"),
    phone=("item", "location", "on_hand"),
    form=(
        section("库存", "Stock", "item", "lot", "location", "kind", "plant", "owner"),
        section("数量", "Quantity", "on_hand", "allocated", "first_in_at"),
    ),
    find_through=("item", "lot", "location"),
)

noun(
    Supply,
    key="inventory.supply",
    plural_key="supplies",
    icon="chart-bar",
    area="inventory",
    verbs=(),
    label=L("可用量", "Available stock"),
    plural=L("可用量", "Available stock"),
    help=L(
        "可承诺的库存：本公司、在库、未冻结、未分配；其中多少已承诺给需求",
        "What can be promised of our own released stock in stores, and what of it is promised",
    ),
    fields=dict(
        item=f("物料", "Item", readonly=True, sortable=True),
        plant=f("工厂", "Plant", readonly=True),
        available=f("可用", "Available", readonly=True),
        promised=f("已占用", "Promised", readonly=True),
    ),
    title=("item", "plant"),
    sort="item",
    list=("item", "plant", "available", "promised"),
    presets=(preset("in_stock", "有可用量", "With stock", "available:ne=0", first=True),),
    filters=("item", "plant", "available"),
    phone=("item", "available", "promised"),
    form=(section("可用量", "Available", "item", "plant", "available", "promised"),),
    find_through=("item",),
)

noun(
    StockValue,
    key="inventory.stock_value",
    plural_key="stock_values",
    icon="coin",
    area="inventory",
    verbs=(),
    label=L("存货价值", "Stock value"),
    plural=L("存货价值", "Stock values"),
    help=L("每个物料在每个工厂的数量与金额", "Quantity and amount of each item in each plant"),
    fields=dict(
        item=f("物料", "Item", readonly=True, sortable=True),
        plant=f("工厂", "Plant", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        amount=f("金额", "Amount", readonly=True),
    ),
    title=("item", "plant"),
    sort="item",
    list=("item", "plant", "quantity", "amount"),
    presets=(preset("in_stock", "有库存", "In stock", "quantity:ne=0", first=True),),
    filters=("item", "plant", "amount"),
    phone=("item", "quantity", "amount"),
    form=(section("存货价值", "Stock value", "item", "plant", "quantity", "amount"),),
    find_through=("item",),
)

noun(
    Promise,
    key="inventory.promise",
    plural_key="promises",
    icon="lock-square",
    area="inventory",
    verbs=(),
    label=L("占用", "Promise"),
    plural=L("占用", "Promises"),
    help=L("为需求行保留、尚未落到批次货位的数量", "Kept for a demand line, not yet fixed on a lot and bin"),
    fields=dict(
        item=f("物料", "Item", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        demand_noun=f("需求单据类型", "Demand", readonly=True),
        demand_line=f("需求行", "Demand line", readonly=True),
        promised_at=f("占用于", "Promised at", readonly=True),
    ),
    title=("item", "quantity"),
    sort="-promised_at",
    list=("item", "plant", "quantity", "demand_line", "promised_at"),
    filters=("item", "plant", "demand_line"),
    phone=("item", "quantity", "promised_at"),
    form=(
        section("占用", "Promise", "item", "plant", "quantity", "demand_noun", "demand_line", "promised_at"),
    ),
    find_through=("item",),
)

noun(
    Allocation,
    key="inventory.allocation",
    plural_key="allocations",
    icon="pin",
    area="inventory",
    verbs=(),
    label=L("分配", "Allocation"),
    plural=L("分配", "Allocations"),
    help=L("已落到批次和货位的占用", "A promise fixed on a lot and bin"),
    fields=dict(
        balance=f("库存", "Stock", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        demand_noun=f("需求单据类型", "Demand", readonly=True),
        demand_line=f("需求行", "Demand line", readonly=True),
        allocated_at=f("分配于", "Allocated at", readonly=True),
    ),
    title=("balance", "quantity"),
    sort="-allocated_at",
    list=("balance", "quantity", "demand_line", "allocated_at"),
    filters=("balance", "demand_line"),
    phone=("balance", "quantity"),
    form=(
        section("分配", "Allocation", "balance", "quantity", "demand_noun", "demand_line", "allocated_at"),
    ),
)

# --- ledgers ------------------------------------------------------------------------------------------------

noun(
    Move,
    key="inventory.move",
    plural_key="moves",
    icon="arrows-right-left",
    area="inventory",
    verbs=(),
    label=L("库存移动", "Stock move"),
    plural=L("库存移动", "Stock moves"),
    help=L("库存流水：从哪里到哪里，只增不改", "The ledger of stock: from where to where, never altered"),
    fields=dict(
        posted_at=f("记账时间", "Posted at", readonly=True),
        moved_at=f("发生时间", "Moved at", readonly=True),
        item=f("物料", "Item", readonly=True),
        lot=f("批次", "Lot", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        source=f("从", "From", readonly=True),
        target=f("到", "To", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        owner=f("货主", "Owner", readonly=True),
        origin_noun=f("来源单据类型", "Origin", readonly=True),
        origin=f("来源单据", "Origin record", readonly=True),
        origin_line=f("来源行", "Origin line", readonly=True),
        person=f("操作人", "Person", readonly=True, reference="kernel.user"),
        reason=f("原因", "Reason", readonly=True),
        flag=f("提示", "Flag", readonly=True, choices=FLAGS),
        reverses=f("冲销", "Reverses", readonly=True),
    ),
    title=("item", "quantity"),
    sort="-posted_at",
    list=("posted_at", "item", "lot", "quantity", "source", "target", "origin", "person"),
    filters=("item", "lot", "source", "target", "plant", "origin_noun", "origin", "posted_at", "flag"),
    phone=("item", "quantity", "target"),
    form=(
        section("移动", "Move", "item", "lot", "quantity", "source", "target", "plant", "owner"),
        section(
            "来历",
            "Origin",
            "moved_at",
            "posted_at",
            "origin_noun",
            "origin",
            "origin_line",
            "person",
            "reason",
            "flag",
            "reverses",
        ),
    ),
    find_through=("item", "lot"),
)

noun(
    ValueEntry,
    key="inventory.value_entry",
    plural_key="value_entries",
    icon="cash",
    area="inventory",
    verbs=(),
    label=L("存货价值分录", "Value entry"),
    plural=L("存货价值分录", "Value entries"),
    help=L("每次移动或成本计算给存货增减的价值", "What a move or a cost run adds to the value of stock"),
    fields=dict(
        posted_at=f("记账时间", "Posted at", readonly=True),
        moved_at=f("发生时间", "Moved at", readonly=True),
        kind=f("类型", "Kind", readonly=True, choices=VALUE_KINDS),
        item=f("物料", "Item", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        amount=f("金额", "Amount", readonly=True),
        difference=f(
            "差异", "Difference", L("单据金额与入账价值之差", "Beyond what stock took on"), readonly=True
        ),
        move=f("移动", "Move", readonly=True),
        cost_run=f("成本计算", "Cost run", readonly=True),
    ),
    title=("item", "amount"),
    sort="-posted_at",
    list=("posted_at", "kind", "item", "plant", "quantity", "amount", "difference"),
    filters=("item", "plant", "kind", "posted_at", "cost_run"),
    phone=("item", "kind", "amount"),
    form=(
        section("价值", "Value", "kind", "item", "plant", "quantity", "amount", "difference"),
        section("来历", "Origin", "moved_at", "posted_at", "move", "cost_run"),
    ),
    find_through=("item",),
)

noun(
    ValueLayer,
    key="inventory.value_layer",
    plural_key="value_layers",
    icon="stack",
    area="inventory",
    verbs=(),
    label=L("计价层", "Value layer"),
    plural=L("计价层", "Value layers"),
    help=L(
        "先进先出计价的物料，每次入库还剩多少",
        "What is left of each receipt of items valued first in, first out",
    ),
    fields=dict(
        item=f("物料", "Item", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        received_at=f("入库于", "Received at", readonly=True),
        quantity=f("剩余数量", "Quantity left", readonly=True),
        amount=f("剩余金额", "Amount left", readonly=True),
        move=f("移动", "Move", readonly=True),
    ),
    title=("item", "received_at"),
    sort="received_at",
    list=("item", "plant", "received_at", "quantity", "amount"),
    filters=("item", "plant", "received_at"),
    phone=("item", "quantity", "amount"),
    form=(section("计价层", "Layer", "item", "plant", "received_at", "quantity", "amount", "move"),),
    find_through=("item",),
)

noun(
    Genealogy,
    key="inventory.genealogy",
    plural_key="genealogy",
    icon="binary-tree",
    area="inventory",
    verbs=(),
    label=L("批次谱系", "Genealogy"),
    plural=L("批次谱系", "Genealogy"),
    help=L("哪个批次用进了哪个批次", "Which lot went into which"),
    fields=dict(
        at=f("时间", "At", readonly=True),
        input_lot=f("投入批次", "Input lot", readonly=True),
        output_lot=f(
            "产出批次", "Output lot", L("空：只知道工单", "Empty: known for the order"), readonly=True
        ),
        quantity=f("数量", "Quantity", readonly=True),
        origin_noun=f("来源单据类型", "Origin", readonly=True),
        origin=f("来源单据", "Origin record", readonly=True),
    ),
    title=("input_lot", "output_lot"),
    sort="-at",
    list=("at", "input_lot", "output_lot", "quantity", "origin"),
    filters=("input_lot", "output_lot", "origin"),
    phone=("input_lot", "output_lot", "quantity"),
    form=(
        section(
            "批次谱系", "Genealogy", "at", "input_lot", "output_lot", "quantity", "origin_noun", "origin"
        ),
    ),
    find_through=("input_lot", "output_lot"),
)

# --- documents ----------------------------------------------------------------------------------------------

noun(
    StockDocument,
    key="inventory.stock_document",
    plural_key="stock_documents",
    icon="clipboard-list",
    area="inventory",
    find_order=45,
    label=L("出入库单", "Stock document"),
    plural=L("出入库单", "Stock documents"),
    help=L(
        "手工的其他入库、其他出库、调拨、退货和调整",
        "Other receipts and issues, transfers, returns, adjustments",
    ),
    fields=dict(
        kind=f(
            "类型",
            "Kind",
            choices=[
                choice("receipt", "其他入库", "Receipt", "green"),
                choice("issue", "其他出库", "Issue", "blue"),
                choice("transfer", "调拨", "Transfer", "purple"),
                choice("return", "退货", "Return", "orange"),
                choice("adjustment", "调整", "Adjustment", "red"),
            ],
        ),
        plant=f("工厂", "Plant"),
        source=f("从", "From", L("空则按类型取工厂的基本库位", "Empty: the plant's own place for the kind")),
        target=f("到", "To", L("空则按类型取工厂的基本库位", "Empty: the plant's own place for the kind")),
        owner=f("货主", "Owner", L("他人的货不计价值", "Others' stock carries no value")),
        moved_at=f("发生时间", "Moved at", L("空为过账时；只能补记到未结账的期间", "Empty: when posted")),
        reason=f("原因", "Reason"),
    ),
    lines=[
        lines(
            "lines",
            StockDocumentLine,
            L("明细", "Lines"),
            required=True,
            fields=dict(
                item=f("物料", "Item"),
                lot=f("批次", "Lot"),
                lot_number=f("批号", "Lot number", L("没有的批次入库时新建", "A new one is made at receipt")),
                quantity=f(
                    "数量", "Quantity", L("调整时负数为减少", "In an adjustment, below zero takes away")
                ),
                source=f("从", "From"),
                target=f("到", "To"),
                amount=f(
                    "金额", "Amount", L("入库的价值，空则按现有成本", "Value coming in; empty: at cost")
                ),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("posted", "已过账", "Posted", "green"),
            choice("reversed", "已冲销", "Reversed", "red"),
        ],
        edges=[("draft", "posted", "post"), ("posted", "reversed", "reverse")],
    ),
    numbering=numbering("ST{yy}{mm}-{n:05}"),
    title=("number", "kind"),
    list=("number", "kind", "plant", "reason", "state", "moved_at", "created_by"),
    filters=("state", "kind", "plant", "moved_at", "created_by"),
    form=(
        section("单据", "Document", "number", "kind", "plant", "reason", "state"),
        section("从哪里到哪里", "Where", "source", "target", "owner", "moved_at"),
    ),
    phone=("number", "kind", "reason"),
    find=("reason",),
    prepare=prepare_documents,
    import_map={
        "lines.item": heads.CODE,
        "lines.quantity": ("库存数量", "期初数量", "现存量", "结存数量", "On hand", "Qty"),
        "lines.amount": ("库存金额", "期初金额", "结存金额", "Value"),
        "lines.lot_number": ("批次号", "Batch", "Batch no."),
        "lines.target": ("仓位", "货位", "库位", "Bin"),
    },
)

noun(
    Count,
    key="inventory.count",
    plural_key="counts",
    icon="list-check",
    area="inventory",
    find_order=46,
    label=L("盘点", "Count"),
    plural=L("盘点", "Counts"),
    help=L("把货架上的实物与账面对上", "Makes the books fit the shelf"),
    fields=dict(
        plant=f("工厂", "Plant"),
        location=f("库位", "Location", L("连同其下的库位", "With all below it")),
        counter=f("盘点人", "Counter"),
        is_blind=f("盲盘", "Blind", L("不显示账面数", "Hides what the books say")),
        tolerance_percent=f(
            "允差",
            "Tolerance",
            L("差异超过它须复盘", "A larger difference is counted again"),
            unit="%",
            minimum=Decimal(0),
            maximum=Decimal(100),
        ),
        note=f("说明", "Note"),
    ),
    lines=[
        lines(
            "lines",
            CountLine,
            L("明细", "Lines"),
            fields=dict(
                item=f("物料", "Item", readonly=True),
                lot=f("批次", "Lot", readonly=True),
                location=f("库位", "Location", readonly=True),
                owner=f("货主", "Owner", readonly=True),
                expected=f("账面", "By the books", readonly=True, see="inventory.count.see_expected"),
                counted=f("实盘", "Counted", readonly=True),
                recounted=f("复盘", "Counted again", readonly=True),
                counted_at=f("盘点于", "Counted at", readonly=True),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("counting", "盘点中", "Counting", "blue"),
            choice("posted", "已过账", "Posted", "green"),
            choice("cancelled", "已取消", "Cancelled"),
        ],
        edges=[
            ("draft", "counting", "start"),
            ("counting", "counting", "enter"),
            ("counting", "posted", "post"),
            ("draft", "cancelled", "cancel"),
            ("counting", "cancelled", "cancel"),
        ],
    ),
    numbering=numbering("CT{yy}{mm}-{n:05}"),
    title=("number", "location"),
    list=("number", "location", "counter", "state", "created_at"),
    filters=("state", "plant", "location", "counter"),
    form=(
        section("盘点", "Count", "number", "plant", "location", "counter", "state"),
        section("方法", "How", "is_blind", "tolerance_percent", "note"),
    ),
    phone=("number", "location", "state"),
    find=("note",),
    find_through=("location",),
)
