"""How runs and what they propose appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, noun, numbering, preset, section
from banyan.kernel.spec import Link, Scope
from banyan.lib.labels import L
from banyan.modules.planning.models import Message, Peg, PlannedOrder, Run

ORDER_KINDS = [choice("make", "自制", "Make", "blue"), choice("buy", "采购", "Buy", "green")]
PRIORITIES = [
    choice("urgent", "紧急", "Urgent", "red"), choice("normal", "普通", "Normal"),
    choice("safety", "安全库存", "Safety stock"),
]  # fmt: skip
MESSAGE_KINDS = [
    choice("late", "延误", "Late", "red"), choice("past", "过期未发", "Past due", "red"),
    choice("expedite", "提前", "Move earlier", "orange"), choice("overdue", "逾期", "Overdue", "orange"),
    choice("cancel", "取消", "Cancel", "orange"), choice("surplus", "减少", "Reduce", "blue"),
    choice("postpone", "推后", "Move later", "blue"),
    choice("below_safety", "低于安全库存", "Below safety stock", "orange"),
    choice("no_supplier", "无供应商", "No supplier", "purple"), choice("no_bom", "无BOM", "No BOM", "purple"),
    choice("out_of_use", "已停用", "Out of use", "purple"),
    choice("line_side", "待调回", "At line side", "blue"),
]  # fmt: skip
NOUNS = [
    choice("production.work_order", "工单", "Work order"),
    choice("purchasing.order", "采购订单", "Purchase order"),
    choice("sales.order", "销售订单", "Sales order"),
    choice("purchasing.receipt", "待检", "In inspection"),
    choice("planning.planned_order", "计划订单", "Planned order"),
    choice("inventory.balance", "库存", "Stock"),
    choice("items.item_plant", "安全库存", "Safety stock"),
]

noun(
    Run,
    key="planning.run",
    plural_key="runs",
    icon="calculator",
    area="planning",
    find_order=70,
    label=L("计划运算", "Planning run"),
    plural=L("计划运算", "Planning runs"),
    help=L("一次物料需求计算，保留为一个版本", "One calculation of what is needed, kept as a version"),
    fields=dict(
        plant=f("工厂", "Plant", readonly=True),
        planned_at=f("运算时间", "Planned at", readonly=True, sortable=True),
        planned_on=f("计划日", "Day", readonly=True),
        is_trial=f("试算", "Trial", readonly=True),
        is_current=f("当前", "Current", readonly=True),
        order_count=f("计划订单", "Planned orders", readonly=True),
        new_count=f("新增", "New", readonly=True),
        changed_count=f("变更", "Changed", readonly=True),
        gone_count=f("取消", "Taken away", readonly=True),
        message_count=f("消息", "Messages", readonly=True),
        untold_count=f("未列出的消息", "Messages not listed", L("每类最多列出一千条，最急的在前",
                       "A thousand of a kind are listed at most, the most urgent ones"), readonly=True),
        late_count=f("延误订单行", "Late lines", readonly=True),
    ),
    verbs=(),
    numbering=numbering("MRP{yy}{mm}{dd}-{n:03}"),
    title=("number", "planned_on"),
    list=("number", "plant", "planned_at", "is_current", "is_trial", "order_count", "new_count",
          "changed_count", "gone_count", "late_count", "message_count"),
    filters=("plant", "is_current", "is_trial"),
    form=(
        section("运算", "Run", "number", "plant", "planned_at", "is_current", "is_trial"),
        section("结果", "Result", "order_count", "new_count", "changed_count", "gone_count", "late_count",
                "message_count", "untold_count"),
    ),
    phone=("number", "late_count", "order_count"),
    sort="-planned_at",
)  # fmt: skip

noun(
    PlannedOrder,
    key="planning.planned_order",
    plural_key="planned_orders",
    icon="calendar-plus",
    area="planning",
    find_order=60,
    label=L("计划订单", "Planned order"),
    plural=L("计划订单", "Planned orders"),
    help=L("计划建议生产或采购什么；确认后不再随计划变动",
           "What a run proposes to make or buy; once firm, runs leave it alone"),
    fields=dict(
        item=f("物料", "Item", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        kind=f("方式", "Make or buy", choices=ORDER_KINDS, readonly=True),
        quantity=f("数量", "Quantity", minimum=Decimal("0.000001"), sortable=True),
        starts_on=f("开始日期", "Starts on", sortable=True),
        due_on=f("完成日期", "Due on", sortable=True),
        ready_on=f("预计齐料完成", "Ready on", L("按物料到齐算", "As its material allows"), readonly=True),
        supplier=f("供应商", "Supplier", only="is_supplier"),
        priority=f("优先级", "Priority", choices=PRIORITIES, readonly=True),
        run=f("计划运算", "Planning run", readonly=True),
        result_noun=f("转为", "Became", choices=NOUNS[:2], readonly=True),
        result=f("生成的订单", "Resulting order", readonly=True, type="text"),
    ),
    verbs=("change",),
    life=life(
        states=[
            choice("planned", "计划", "Planned"), choice("firm", "已确认", "Firm", "purple"),
            choice("converted", "已转订单", "Converted", "green"),
        ],
        edges=[
            ("planned", "firm", "firm"), ("firm", "planned", "loosen"),
            ("planned", "converted", "convert"), ("firm", "converted", "convert"),
        ],
        editable=("firm",),
    ),
    numbering=numbering("PL{yy}{mm}-{n:05}"),
    title=("number", "item", "due_on"),
    list=("item", "quantity", "kind", "starts_on", "due_on", "ready_on", "supplier", "priority", "state"),
    filters=("state", "kind", "plant", "supplier", "priority", "item"),
    form=(
        section("计划订单", "Planned order", "item", "plant", "kind", "quantity", "supplier"),
        section("日期", "Days", "starts_on", "due_on", "ready_on", "priority"),
        section("去向", "Became", "result_noun", "result", "run"),
    ),
    phone=("item", "quantity", "due_on"),
    find_through=("item",),
    sort="due_on",
    links=(Link("", "result"),),
)  # fmt: skip

noun(
    Peg,
    key="planning.peg",
    plural_key="pegs",
    icon="link",
    area="planning",
    label=L("供需关联", "Peg"),
    plural=L("供需关联", "Pegging"),
    help=L("哪一供给满足哪一需求", "Which supply serves which demand, up to the customer"),
    fields=dict(
        run=f("计划运算", "Planning run", readonly=True),
        item=f("物料", "Item", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        supply_noun=f("供给类型", "Supply", choices=NOUNS, readonly=True),
        supply=f("供给", "Supply record", readonly=True, type="text"),
        supply_on=f("可用日期", "There on", readonly=True),
        demand_noun=f("需求类型", "Demand", choices=NOUNS, readonly=True),
        demand=f("需求", "Demand record", readonly=True, type="text"),
        demand_on=f("需求日期", "Wanted on", readonly=True, sortable=True),
        priority=f("优先级", "Priority", choices=PRIORITIES, readonly=True),
    ),
    verbs=(),
    title=("item", "demand_on"),
    list=("item", "quantity", "supply", "supply_on", "demand", "demand_on", "priority"),
    filters=("run", "item", "supply_noun", "demand_noun", "priority"),
    phone=("item", "quantity", "demand_on"),
    sort="demand_on",
    scope=Scope(),
    retention="derived",
    links=(Link("demand", "supply", only="run__is_current"),),
)  # fmt: skip

noun(
    Message,
    key="planning.message",
    plural_key="messages",
    icon="message-exclamation",
    area="planning",
    label=L("计划消息", "Plan message"),
    plural=L("计划消息", "Plan messages"),
    help=L("要提前、推后、取消或补全什么，为什么", "What to speed up, cancel or mend, and why"),
    fields=dict(
        run=f("计划运算", "Planning run", readonly=True),
        kind=f("类型", "Kind", choices=MESSAGE_KINDS, readonly=True),
        item=f("物料", "Item", readonly=True),
        text_zh=f("内容", "Text (Chinese)", readonly=True),
        text_en=f("英文内容", "Text (English)", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        day=f("日期", "Day", readonly=True),
        wanted_on=f("需要日期", "Wanted on", readonly=True),
        days_late=f("晚几天", "Days late", readonly=True, sortable=True),
        cause_item=f("卡在", "Held up by", readonly=True),
        supply_noun=f("供给类型", "Supply", choices=NOUNS, readonly=True),
        supply=f("供给", "Supply record", readonly=True, type="text"),
        demand_noun=f("需求类型", "Demand", choices=NOUNS, readonly=True),
        demand=f("需求", "Demand record", readonly=True, type="text"),
        is_current=f("当前", "Current", readonly=True),
    ),
    verbs=(),
    title=("text_zh",),
    list=("kind", "text_zh", "item", "days_late", "day", "wanted_on", "supply", "demand"),
    filters=("run", "kind", "item"),
    form=(
        section("消息", "Message", "kind", "text_zh", "text_en", "item", "quantity"),
        section("日期", "Days", "day", "wanted_on", "days_late", "cause_item"),
        section("来自", "Of", "supply", "demand", "run", "is_current"),
    ),
    phone=("kind", "text_zh"),
    presets=(preset("current", "当前计划", "Current plan", "is_current:eq=true", first=True),),
    sort="-days_late",
    scope=Scope(),
    retention="derived",
)  # fmt: skip
