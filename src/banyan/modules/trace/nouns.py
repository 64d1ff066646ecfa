"""How recalls appear."""

from __future__ import annotations

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, preset, section
from banyan.lib.labels import L
from banyan.modules.trace import errors  # noqa: F401  its words for constraints
from banyan.modules.trace.models import Recall, RecallCustomer, RecallLot
from banyan.web import areas

areas.screen(
    "trace.lots", L("追溯", "Trace"), area="inventory", path="/trace", icon="hierarchy", order=19,
    permission="inventory.lot.read",
)  # fmt: skip

noun(
    Recall,
    key="trace.recall",
    plural_key="recalls",
    icon="arrow-back-up",
    area="inventory",
    find_order=31,
    label=L("召回", "Recall"),
    plural=L("召回", "Recalls"),
    help=L("把一个批次连同用它做出的批次一起冻结，并逐个通知客户",
           "A lot is held with what was made of it, and the customers are told one by one"),
    verbs=(),
    fields=dict(
        lot=f("批次", "Lot", readonly=True),
        item=f("物料", "Item", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        reason=f("原因", "Reason", readonly=True),
        levels=f("向下层数", "Levels down", readonly=True),
        is_cut=f("谱系未到底", "Cut off", L("还有更下层的批次没有列入", "Genealogy goes on beyond what is listed"),
                 readonly=True),
        conclusion=f("结论", "Conclusion", readonly=True),
        closed_at=f("关闭时间", "Closed at", readonly=True),
    ),
    lines=[
        lines(
            "customers", RecallCustomer, L("受影响的客户", "Customers affected"),
            fields=dict(
                party=f("客户", "Customer", readonly=True),
                shipments=f("发货次数", "Shipments", readonly=True),
                last_shipped_on=f("最近发货", "Last shipped", readonly=True),
                quantity=f("发货数量", "Shipped", L("只有一种物料时", "Where all is of one item"), readonly=True),
                told_at=f("通知时间", "Told at", readonly=True),
                told_by=f("通知人", "Told by", readonly=True),
                note=f("说明", "Note", readonly=True),
            ),
        ),
        lines(
            "lots", RecallLot, L("涉及的批次", "Lots reached"),
            fields=dict(
                lot=f("批次", "Lot", readonly=True),
                depth=f("层", "Level", readonly=True),
                was_stopped=f("此前已冻结", "Stopped before", readonly=True),
                released_at=f("解冻时间", "Released at", readonly=True),
            ),
        ),
    ],
    life=life(
        states=[choice("open", "进行中", "Open", "red"), choice("closed", "已关闭", "Closed", "green")],
        edges=[("open", "open", "tell"), ("open", "open", "again"), ("open", "open", "release"),
               ("open", "closed", "close")],
        editable=(),
    ),
    numbering=numbering("RC{yy}{mm}-{n:04}"),
    title=("number", "lot"),
    list=("number", "lot", "item", "reason", "created_by", "created_at", "state"),
    filters=("state", "item", "lot", "plant", "created_at"),
    form=(
        section("召回", "Recall", "lot", "item", "plant", "reason", "levels", "is_cut"),
        section("结果", "Outcome", "conclusion", "closed_at"),
    ),
    phone=("number", "lot", "reason"),
    find=("number", "reason"),
    find_through=("lot",),
    presets=(preset("open", "进行中", "Open", "state:in=open", first=True),),
)  # fmt: skip
