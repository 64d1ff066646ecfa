"""How proposals appear."""

from __future__ import annotations

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, preset, section
from banyan.lib.labels import L
from banyan.modules.proposals import errors  # noqa: F401  its words
from banyan.modules.proposals.models import Proposal, ProposalLine

PARTS = [choice("item", "物料", "Item", "purple"), choice("bom", "物料清单", "BOM", "blue"),
         choice("routing", "工艺路线", "Routing", "green")]  # fmt: skip
CHANGES = [
    choice("new", "新增", "New", "green"), choice("same", "相同", "Same"),
    choice("changed", "不同", "Different", "orange"), choice("unused", "没有用到", "Not used", "red"),
]  # fmt: skip
DECISIONS = [
    choice("open", "未决定", "Open", "orange"), choice("accepted", "接受", "Accepted", "green"),
    choice("edited", "改后接受", "Edited", "blue"), choice("rejected", "拒绝", "Rejected", "red"),
]  # fmt: skip

noun(
    Proposal,
    key="proposals.proposal",
    plural_key="proposals",
    label=L("工程建议", "Engineering proposal"),
    plural=L("工程建议", "Engineering proposals"),
    help=L(
        "由临时工艺卡实际发生的用料和工序形成，工程逐行决定；接受的成为草稿",
        "Made of what really happened on a temporary card; engineering decides line by line, and what is accepted "
        "becomes drafts",
    ),
    icon="bulb",
    area="engineering",
    find_order=42,
    verbs=(),
    fields=dict(
        work_order=f("工艺卡", "Card", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        item=f("物料", "Item", readonly=True),
        part_name=f("零件名称", "Part", L("还没有物料编码的", "What is no item yet"), readonly=True),
        quantity=f("做了", "Made", readonly=True),
        actual_amount=f("实际成本", "Actual cost", readonly=True, see="production.costs"),
        standard_amount=f(
            "标准成本", "Standard cost", L("按已发布的版本", "By the released revisions"), readonly=True,
            see="production.costs",
        ),
        base_bom=f("对比的物料清单", "BOM compared with", readonly=True),
        base_routing=f("对比的工艺路线", "Routing compared with", readonly=True),
        made_item=f("形成的物料", "Item made", readonly=True),
        made_bom=f("形成的物料清单", "BOM made", readonly=True),
        made_routing=f("形成的工艺路线", "Routing made", readonly=True),
        reason=f("原因", "Reason", readonly=True),
    ),
    lines=[
        lines(
            "lines", ProposalLine, L("明细", "Lines"),
            fields=dict(
                part=f("部分", "Part of", choices=PARTS, readonly=True),
                change=f("差异", "Difference", choices=CHANGES, readonly=True),
                component=f("子件", "Component", readonly=True),
                sequence=f("工序号", "Sequence", readonly=True),
                code=f(
                    "编码", "Code", L("工序：已发布的工序号", "Of an operation: its number as released"), readonly=True
                ),
                name=f("名称", "Name", readonly=True),
                work_centre=f("工作中心", "Work centre", readonly=True),
                released_quantity=f("已发布（每件）", "Released, per piece", readonly=True),
                actual_quantity=f("实际（每件）", "Actual, per piece", readonly=True),
                quantity=f("建议（每件）", "Proposed, per piece", readonly=True),
                actual_amount=f("实际金额", "Actual amount", readonly=True, see="production.costs"),
                decision=f("决定", "Decision", choices=DECISIONS, readonly=True),
                reason=f("原因", "Reason", readonly=True),
            ),
            columns=("part", "change", "code", "name", "sequence", "work_centre", "released_quantity",
                     "actual_quantity", "quantity", "actual_amount", "decision", "reason"),
        )
    ],
    life=life(
        states=[
            choice("open", "待决定", "Open", "orange"), choice("applied", "已成草稿", "Applied", "green"),
            choice("rejected", "已拒绝", "Rejected", "red"),
        ],
        edges=[("open", "open", "decide"), ("open", "applied", "apply"), ("open", "rejected", "reject")],
        editable=(),
        way=("open", "applied"),
    ),
    numbering=numbering("EP{yy}{mm}-{n:05}"),
    title=("number", "part_name", "item"),
    list=("number", "work_order", "item", "part_name", "quantity", "actual_amount", "standard_amount", "state"),
    filters=("state", "item", "plant", "work_order"),
    form=(
        section("建议", "Proposal", "work_order", "item", "part_name", "quantity", "plant", "reason"),
        section("成本", "Cost", "actual_amount", "standard_amount"),
        section("对比与结果", "Compared and made", "base_bom", "base_routing", "made_item", "made_bom", "made_routing"),
    ),
    phone=("number", "part_name", "item", "state"),
    find=("number", "part_name"),
    find_through=("item",),
    presets=(preset("open", "待决定", "Open", "state:in=open", first=True),),
)  # fmt: skip
