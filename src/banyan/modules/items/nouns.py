"""How items appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, lines, noun, section
from banyan.lib.labels import L
from banyan.modules.items import errors, heads  # noqa: F401  errors: its words for constraints
from banyan.modules.items.commands import prepare_categories, prepare_items
from banyan.modules.items.models import Category, Item, ItemPlant, ItemUnit, Substitute

ZERO, LEAST = Decimal(0), Decimal("0.000001")
KINDS = (
    choice("made", "自制", "Made", "blue"), choice("bought", "外购", "Bought", "green"),
    choice("subcontracted", "委外", "Subcontracted", "purple"), choice("phantom", "虚拟件", "Phantom"),
    choice("service", "服务", "Service"), choice("tool", "工装", "Tool", "orange"),
)  # fmt: skip

noun(
    Category,
    key="items.category",
    plural_key="categories",
    icon="category",
    area="items",
    find_order=80,
    label=L("物料类别", "Item category"),
    plural=L("物料类别", "Item categories"),
    help=L("物料的分组，可以分级", "Groups of items, one under another"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        name_en=f("英文名", "English name"),
        parent=f("上级类别", "Parent"),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "name_en", "parent"),
    filters=("parent",),
    form=(section("类别", "Category", "code", "name", "name_en", "parent"),),
    phone=("code", "name"),
    find=("code", "name", "name_en"),
    sort="code",
    prepare=prepare_categories,
)

noun(
    Item,
    key="items.item",
    plural_key="items",
    icon="box",
    area="items",
    find_order=10,
    label=L("物料", "Item"),
    plural=L("物料", "Items"),
    help=L("原料、零件、成品、服务和工装", "Materials, parts, products, services and tools"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name", sortable=True),
        name_en=f("英文名", "English name"),
        specification=f("规格型号", "Specification"),
        kind=f("来源", "Kind", choices=KINDS),
        category=f("类别", "Category"),
        unit=f("库存单位", "Stock unit", L("库存和生产都按它计", "Ledgers count in it")),
        second_unit=f(
            "辅助单位",
            "Second unit",
            L(
                "仅作说明：移动、结存和报表都不记这一数量",
                "For information only: no move, balance or report carries a quantity in it",
            ),
        ),
        tracking=f(
            "追溯方式",
            "Tracking",
            choices=[
                choice("none", "不追溯", "None"),
                choice("lot", "批次", "Lot"),
                choice("serial", "序列号", "Serial number"),
            ],
        ),
        shelf_life_days=f("保质期", "Shelf life", unit="d", minimum=Decimal(1)),
        tax_code=f("税码", "Tax code"),
        drawing_number=f("图号", "Drawing number"),
        drawing_revision=f("图纸版本", "Drawing revision"),
        weight=f(
            "单重",
            "Weight",
            L("一个库存单位的公斤数", "Kilograms of one stock unit"),
            unit="kg",
            minimum=LEAST,
        ),
        is_sold=f("可销售", "Sold"),
        is_critical=f("关键件", "Critical"),
        is_active=f("启用", "Active", readonly=True),
    ),
    lines=[
        lines(
            "units",
            ItemUnit,
            L("单位换算", "Units"),
            fields=dict(
                unit=f("单位", "Unit"),
                numerator=f(
                    "分子",
                    "Numerator",
                    L("一箱 12 件：分子 12，分母 1", "A box of 12: 12 over 1"),
                    minimum=LEAST,
                ),
                denominator=f("分母", "Denominator", minimum=LEAST),
            ),
        ),
        lines(
            "substitutes",
            Substitute,
            L("替代料", "Substitutes"),
            fields=dict(
                item=f("替代物料", "Item"),
                priority=f("优先级", "Priority", minimum=Decimal(1)),
                ratio=f(
                    "用量比", "Ratio", L("替代一个需要多少", "How much of it replaces one"), minimum=LEAST
                ),
            ),
        ),
    ],
    title=("code", "name"),
    natural_key="code",
    import_map=dict(
        code=heads.CODE,
        name=("品名", "物料名称", "物料描述", "存货名称", "货品名称", "Part name", "Item name", "Description"),
        name_en=("英文品名", "英文名称"),
        specification=("规格", "型号", "Spec", "Model"),
        kind=("物料类型", "物料属性", "Make or buy"),
        category=("物料类别", "物料分类", "存货分类", "分类", "Item group", "Group"),
        unit=("单位", "计量单位", "基本单位", "主计量单位", "Unit of measure", "UoM"),
        shelf_life_days=("保质期天数", "Shelf life (days)"),
        drawing_number=("图纸编号", "Drawing no.", "Drawing"),
        drawing_revision=("图纸版次", "版次"),
    ),
    sort="code",
    list=("code", "name", "specification", "kind", "category", "unit", "tracking", "is_active"),
    export=(
        "code", "name", "name_en", "specification", "kind", "category", "unit", "second_unit", "tracking",
        "shelf_life_days", "weight", "drawing_number", "drawing_revision", "tax_code", "is_sold", "is_critical",
        "is_active",
    ),  # fmt: skip
    filters=("kind", "category", "tracking", "is_sold", "is_critical", "is_active"),
    form=(
        section("基本信息", "Basics", "code", "name", "name_en", "specification", "kind", "category"),
        section(
            "计量与追溯", "Units and tracking", "unit", "second_unit", "tracking", "shelf_life_days", "weight"
        ),
        section("图纸", "Drawing", "drawing_number", "drawing_revision", folded=True),
        section("用途", "Use", "is_sold", "is_critical", "tax_code", "is_active"),
    ),
    phone=("code", "name", "specification"),
    find=("code", "name", "name_en", "specification", "drawing_number"),
    prepare=prepare_items,
)

noun(
    ItemPlant,
    key="items.item_plant",
    plural_key="item_plants",
    icon="adjustments",
    area="items",
    find_order=81,
    label=L("计划参数", "Planning data"),
    plural=L("计划参数", "Planning data"),
    help=L("物料在一个工厂怎样计划和计价", "How a plant plans and values an item"),
    fields=dict(
        item=f("物料", "Item"),
        plant=f("工厂", "Plant"),
        lead_time_days=f(
            "提前期", "Lead time", L("工作日", "Working days"), unit="d", minimum=ZERO, maximum=Decimal(3650)
        ),
        lot_rule=f(
            "批量规则",
            "Lot rule",
            choices=[
                choice("lot_for_lot", "按需", "Lot for lot"),
                choice("fixed", "固定批量", "Fixed"),
                choice("minimum_multiple", "最小与倍数", "Minimum and multiple"),
                choice("days_of_supply", "按天合并", "Days of supply"),
            ],
        ),
        lot_minimum=f("最小批量", "Minimum", minimum=ZERO),
        lot_multiple=f("批量倍数", "Multiple", minimum=ZERO),
        lot_fixed=f("固定批量", "Fixed lot", minimum=ZERO),
        supply_days=f("供应天数", "Days of supply", unit="d", minimum=ZERO, maximum=Decimal(3650)),
        safety_stock=f("安全库存", "Safety stock", minimum=ZERO),
        safety_days=f("安全天数", "Safety days", unit="d", minimum=ZERO, maximum=Decimal(3650)),
        yield_percent=f("合格率", "Yield", unit="%", minimum=Decimal("0.0001"), maximum=Decimal(100)),
        standard_lot=f(
            "标准批量",
            "Standard lot",
            L("分摊准备时间的批量", "Spreads set-up in the cost roll-up"),
            minimum=LEAST,
        ),
        backflush=f("倒冲", "Backflush", L("报工时自动扣料", "Taken when work is reported")),
        costing_method=f(
            "计价方法",
            "Costing method",
            choices=[
                choice("moving_average", "移动加权平均", "Moving average"),
                choice("fifo", "先进先出", "First in first out"),
                choice("standard", "标准成本", "Standard"),
                choice("monthly_average", "月末一次加权", "Month-end average"),
            ],
        ),
        standard_cost=f("标准成本", "Standard cost", minimum=ZERO, see="items.cost"),
    ),
    title=("item", "plant"),
    list=("item", "plant", "lead_time_days", "lot_rule", "safety_stock", "costing_method"),
    filters=("item", "plant", "lot_rule", "costing_method"),
    form=(
        section("物料", "Item", "item", "plant"),
        section(
            "计划",
            "Planning",
            "lead_time_days",
            "lot_rule",
            "lot_minimum",
            "lot_multiple",
            "lot_fixed",
            "supply_days",
            "safety_stock",
            "safety_days",
            "yield_percent",
            "backflush",
        ),
        section("成本", "Cost", "costing_method", "standard_cost", "standard_lot"),
    ),
    phone=("item", "lead_time_days", "safety_stock"),
    find_through=("item",),
)
