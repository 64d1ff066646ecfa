"""How borrowed material appears."""

from __future__ import annotations

from banyan.kernel.nouns import choice, f, life, noun, numbering, preset, section
from banyan.lib.labels import L
from banyan.modules.handheld import errors  # noqa: F401  its words
from banyan.modules.handheld.models import Borrow, OtherLot, Settlement
from banyan.web import areas

areas.screen(
    "handheld", L("仓库手持", "Warehouse phone"), area="inventory", path="/station/", icon="device-mobile",
    permission="inventory.count.enter", order=1,
)  # fmt: skip

noun(
    Borrow,
    key="handheld.borrow",
    plural_key="borrows",
    icon="arrows-exchange",
    area="inventory",
    find_order=47,
    label=L("借料", "Borrowed material"),
    plural=L("借料", "Borrowed material"),
    help=L("一张工单借用了另一张工单的料；料到时自动结清",
           "One order took another's material; it is settled when material arrives"),
    verbs=(),
    fields=dict(
        item=f("物料", "Item", readonly=True),
        lot=f("批次", "Lot", readonly=True),
        quantity=f("借了", "Borrowed", readonly=True),
        settled_quantity=f("已还", "Settled", readonly=True),
        lender=f("借出工单", "Lender", readonly=True),
        borrower=f("借入工单", "Borrower", readonly=True),
        source=f(
            "料在哪里", "Where it was", readonly=True,
            choices=[choice("kept", "库里为借出工单保留", "In store, kept for the lender"),
                     choice("held", "已领到借出工单", "With the lender already")],
        ),
        issue=f("领料单", "Material issue", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        borrowed_at=f("借料时间", "Borrowed at", readonly=True, sortable=True),
        settled_at=f("结清时间", "Settled at", readonly=True),
        note=f("说明", "Note", readonly=True),
    ),
    life=life(
        states=[
            choice("open", "未还", "Open", "orange"),
            choice("settled", "已结清", "Settled", "green"),
            choice("waived", "已核销", "Waived"),
        ],
        edges=[("open", "open", "settle"), ("open", "settled", "settle"), ("open", "waived", "waive")],
        editable=(),
        way=("open", "settled"),
    ),
    numbering=numbering("BR{yy}{mm}-{n:05}"),
    title=("number", "item"),
    list=("number", "item", "lot", "quantity", "settled_quantity", "borrower", "lender", "borrowed_at", "state"),
    filters=("state", "item", "lender", "borrower", "plant", "borrowed_at"),
    form=(
        section("借料", "Borrowed", "number", "item", "lot", "quantity", "settled_quantity", "state"),
        section("工单", "Orders", "borrower", "lender", "source", "issue", "note"),
        section("时间", "When", "borrowed_at", "settled_at", "plant"),
    ),
    phone=("number", "item", "quantity", "state"),
    find=("number", "note"),
    find_through=("item", "lender", "borrower"),
    presets=(preset("open", "未还", "Open", "state:in=open", first=True),),
    sort="-borrowed_at",
)  # fmt: skip

noun(
    Settlement,
    key="handheld.settlement",
    plural_key="settlements",
    icon="checks",
    area="inventory",
    label=L("借料结清", "Settlement"),
    plural=L("借料结清", "Settlements"),
    help=L("借料是怎样还的", "How borrowed material was given back"),
    verbs=(),
    fields=dict(
        borrow=f("借料", "Borrowed", readonly=True),
        kind=f(
            "方式", "How", readonly=True,
            choices=[choice("arrival", "到料，为借出工单保留", "Arrived, kept for the lender", "green"),
                     choice("issue", "已领到借出工单", "Issued to the lender", "green"),
                     choice("waived", "核销", "Waived", "orange")],
        ),
        quantity=f("数量", "Quantity", readonly=True),
        reason=f("原因", "Reason", readonly=True),
        person=f("谁", "Who", readonly=True),
        at=f("时间", "At", readonly=True, sortable=True),
    ),
    title=("borrow", "kind"),
    list=("at", "borrow", "kind", "quantity", "reason"),
    filters=("borrow", "kind"),
    form=(section("结清", "Settlement", "borrow", "kind", "quantity", "reason", "at"),),
    phone=("borrow", "kind", "quantity"),
    find_through=("borrow",),
    sort="-at",
)  # fmt: skip

noun(
    OtherLot,
    key="handheld.other_lot",
    plural_key="other_lots",
    icon="exchange",
    area="inventory",
    label=L("换批次", "Other lot taken"),
    plural=L("换批次", "Other lots taken"),
    help=L("没有按先到期、先进先出拿的批次：谁同意、为什么", "Lots taken out of their turn: who agreed, and why"),
    verbs=(),
    fields=dict(
        item=f("物料", "Item", readonly=True),
        quantity=f("数量", "Quantity", readonly=True),
        due_lot=f("应出批次", "Lot due", readonly=True),
        lot=f("实出批次", "Lot taken", readonly=True),
        location=f("库位", "Location", readonly=True),
        work_order=f("工单", "Work order", readonly=True),
        shipment=f("发货单", "Shipment", readonly=True),
        reason=f("原因", "Reason", readonly=True),
        person=f("谁", "Who", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        at=f("时间", "At", readonly=True, sortable=True),
    ),
    title=("item", "lot"),
    list=("at", "item", "due_lot", "lot", "quantity", "work_order", "shipment", "reason"),
    filters=("item", "lot", "work_order", "shipment", "plant", "at"),
    form=(
        section("换批次", "Other lot", "item", "quantity", "due_lot", "lot", "location"),
        section("同意", "Consent", "reason", "person", "at", "work_order", "shipment", "plant"),
    ),
    phone=("item", "due_lot", "lot", "reason"),
    find_through=("item", "lot", "due_lot"),
    sort="-at",
)  # fmt: skip
