"""How BOMs and routings appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, lines, noun, section
from banyan.lib.labels import L
from banyan.modules.engineering import errors  # noqa: F401  its words for constraints
from banyan.modules.engineering.commands import prepare_boms, prepare_routings
from banyan.modules.engineering.models import Bom, BomLine, BomOutput, Routing, RoutingOperation

ZERO, LEAST, HUNDRED = Decimal(0), Decimal("0.000001"), Decimal(100)

LIFE = dict(
    states=[
        choice("draft", "草稿", "Draft"), choice("released", "已发布", "Released", "green"),
        choice("superseded", "已被取代", "Superseded", "orange"),
    ],
    edges=[("draft", "released", "release")],
)  # fmt: skip


def revision_fields() -> dict:
    """Give the fields that every revision has."""
    return dict(
        item=f("物料", "Item"),
        plant=f("工厂", "Plant", L("空为所有工厂", "Empty: every plant without one of its own")),
        revision=f("版本", "Revision", sortable=True),
        effective_from=f("生效日期", "Effective from", sortable=True),
        effective_to=f("失效日期", "Effective to", L("这天起无效", "The first day it does not count")),
        note=f("说明", "Note"),
    )


noun(
    Bom,
    key="engineering.bom",
    plural_key="boms",
    icon="sitemap",
    area="engineering",
    find_order=40,
    label=L("物料清单", "Bill of material"),
    plural=L("物料清单", "Bills of material"),
    help=L("物料由什么组成；发布后不再修改", "What an item is made of; once released it never changes"),
    fields=revision_fields()
    | dict(
        base_quantity=f(
            "基数", "Base quantity", L("用量所对的数量", "The quantities are for so many"), minimum=LEAST
        )
    ),
    lines=[
        lines(
            "lines", BomLine, L("子件", "Components"),
            fields=dict(
                component=f("子件", "Component"),
                quantity=f("用量", "Quantity per", minimum=LEAST),
                is_fixed=f("每单固定", "Fixed per order"),
                scrap_percent=f("损耗率", "Scrap", unit="%", minimum=ZERO, maximum=Decimal("99.9999")),
                operation=f("工序", "Operation", L("用它的工序", "The sequence that uses it"), minimum=ZERO),
                place=f("位置", "Position", L("图上的位置号", "Its number on the drawing")),
                valid_from=f("生效", "Valid from"),
                valid_to=f("失效", "Valid to"),
            ),
        ),
        lines(
            "outputs", BomOutput, L("联副产品", "Further outputs"),
            fields=dict(
                item=f("物料", "Item"),
                kind=f("类型", "Kind", choices=[
                    choice("co", "联产品", "Co-product", "blue"), choice("by", "副产品", "By-product"),
                ]),
                quantity=f("数量", "Quantity", minimum=LEAST),
                cost_share=f("成本份额", "Cost share", unit="%", minimum=ZERO, maximum=Decimal("99.9999")),
            ),
        ),
    ],
    life=life(**LIFE),
    title=("item", "revision"),
    list=("item", "plant", "revision", "state", "effective_from", "effective_to"),
    filters=("state", "plant", "item"),
    form=(
        section("物料清单", "Bill of material", "item", "plant", "revision", "base_quantity", "note"),
        section("有效期", "Effectivity", "effective_from", "effective_to"),
    ),
    phone=("item", "revision", "state"),
    find_through=("item",),
    prepare=prepare_boms,
    import_map={
        "item": ("父件", "父件编码", "父项", "父项编码", "母件", "母件编码", "产品编码", "Parent",
                 "Parent item", "Assembly"),
        "revision": ("BOM版本", "版次", "Rev"),
        "lines.component": ("子件编码", "子项", "子项编码", "组件", "组件编码", "Child", "Child item",
                            "Component item"),
        "lines.quantity": ("单位用量", "子件用量", "子项用量", "基本用量", "Qty", "Qty per", "Quantity per assembly"),
        "lines.scrap_percent": ("损耗", "损耗率%", "Scrap %"),
    },
)  # fmt: skip

noun(
    Routing,
    key="engineering.routing",
    plural_key="routings",
    icon="route",
    area="engineering",
    find_order=41,
    label=L("工艺路线", "Routing"),
    plural=L("工艺路线", "Routings"),
    help=L("物料经过的工序；发布后不再修改", "The operations of an item; once released they stay"),
    fields=revision_fields(),
    lines=[
        lines(
            "operations", RoutingOperation, L("工序", "Operations"),
            fields=dict(
                sequence=f("工序号", "Sequence", minimum=ZERO),
                name=f("名称", "Name"),
                name_en=f("英文名", "English name"),
                work_centre=f("工作中心", "Work centre"),
                setup_minutes=f("准备时间", "Set-up time", unit="min", minimum=ZERO),
                run_minutes=f("加工时间", "Run time", L("每件成品", "Per piece"), unit="min", minimum=ZERO),
                queue_minutes=f("排队时间", "Queue time", unit="min", minimum=ZERO),
                overlap_quantity=f(
                    "搭接数量", "Overlap quantity", L("做完后下道可开始", "The next may begin after so many"),
                    minimum=LEAST,
                ),
                report_ratio=f("报工数配比", "Report ratio", L("每件成品报几个", "Counts per finished piece"),
                               minimum=LEAST),
                predecessors=f(
                    "前道工序", "Predecessors", L("如 10;20；都不填则依次", "10;20; none: in order")
                ),
                yield_percent=f("成品率", "Yield", unit="%", minimum=Decimal("0.0001"), maximum=HUNDRED),
                skill=f("技能", "Skill"),
                instructions=f("作业说明", "Instructions"),
                is_subcontracted=f("委外", "Subcontracted"),
                supplier=f("委外商", "Subcontractor", only="is_supplier"),
                service_item=f("服务", "Service", L("采购的服务", "What is bought from the subcontractor")),
                subcontract_price=f("委外单价", "Price outside", minimum=ZERO, see="engineering.cost"),
                subcontract_days=f("委外天数", "Days outside", unit="d", minimum=ZERO),
                data=f(
                    "采集数据", "Data to capture",
                    L("名称，或 {name, kind: number/choice/text/photo/time, unit, minimum, maximum, choices}",
                      "Names, or {name, kind: number/choice/text/photo/time, unit, minimum, maximum, choices}"),
                    type="json",
                ),
                needs_approval=f(
                    "审核后流转", "Passes on when approved",
                    L("合格数经班组长审核后，下道才能开工", "The next may begin on pieces that a leader has approved"),
                ),
            ),
        )
    ],
    life=life(**LIFE),
    title=("item", "revision"),
    list=("item", "plant", "revision", "state", "effective_from", "effective_to"),
    filters=("state", "plant", "item"),
    form=(
        section("工艺路线", "Routing", "item", "plant", "revision", "note"),
        section("有效期", "Effectivity", "effective_from", "effective_to"),
    ),
    phone=("item", "revision", "state"),
    find_through=("item",),
    prepare=prepare_routings,
)  # fmt: skip
