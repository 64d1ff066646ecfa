"""Charts of accounts as published, and the accounts the posting rules take in each."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.finance.models import Account, PostingRule

FOLDER = Path(__file__).parent
#: First digits that differ between the charts: production cost, overhead, revenue, cost of sales, selling.
_PREFIX = {
    "cas_small": {"WIP": "4001", "OVH": "4101", "REV": "5001", "COS": "5401", "SELL": "5601"},
    "cas": {"WIP": "5001", "OVH": "5101", "REV": "6001", "COS": "6401", "SELL": "6601"},
}
#: Event → (debit, credit, note); an empty side is the item's stock account.
_RULES = {
    "purchase_receipt": (
        "", "220202",
        L("货到票未到，按不含税价暂估", "Goods before their invoice, at the price without tax"),
    ),
    "material_issue": ("{WIP}0101", "", L("领用材料计入工单", "Material issued to work orders")),
    "labour": ("{WIP}0102", "{OVH}08", L("报工工时 × 人工费率", "Reported hours × labour rate")),
    "machine": ("{WIP}0103", "{OVH}09", L("报工机时 × 机器费率", "Reported machine hours × machine rate")),
    "overhead": ("{WIP}0104", "{OVH}99", L("报工工时 × 制造费用率", "Reported hours × overhead rate")),
    "subcontract": (
        "{WIP}0105", "220202",
        L("委外工序收货，按不含税价暂估", "Outside operations received, at the price without tax"),
    ),
    "completion": ("", "{WIP}0106", L("按工单计划单位成本", "At the work order's planned unit cost")),
    "production_variance": ("{COS}02", "", L("工单关闭时的余额", "What a work order leaves when it is closed")),
    "temporary_work": (
        "{COS}02", "",
        L("无物料编码的临时工艺卡，关闭时转出", "Temporary cards without an item, when they are closed"),
    ),
    "shipment": ("1406", "", L("发货按成本转发出商品", "Shipped goods at cost")),
    "stock_gain": ("", "190101", L("盘盈待处理", "Found by count, to be decided")),
    "stock_loss": ("190101", "", L("盘亏待处理", "Lost by count, to be decided")),
    "stock_scrap": ("190101", "", L("库存报废待处理", "Scrapped stock, to be decided")),
    "stock_opening": (
        "", "1999",
        L("期初库存；与期初余额对冲后为零", "Opening stock; meets the opening balances and leaves nothing"),
    ),
    "customer_invoice": ("1122", "{REV}", L("应收与收入", "Receivables and revenue")),
    "customer_invoice_tax": ("1122", "22210107", L("销项税额", "Output tax")),
    "cost_of_sales": ("{COS}01", "1406", L("开票时结转成本", "Cost carried over at invoicing")),
    "supplier_invoice": ("220202", "220201", L("冲暂估，转应付", "Estimate taken back, payables instead")),
    "supplier_invoice_tax": ("22210101", "220201", L("进项税额", "Input tax")),
    "price_variance": ("{COS}03", "", L("发票价与暂估价之差", "Invoice price less estimated price")),
    "payment_in": ("1002", "1122", L("收款", "Received payment")),
    "payment_out": ("220201", "1002", L("付款", "Paid")),
    "payment_back": ("1122", "1002", L("退款给客户", "Refund to a customer")),
    "settlement": (
        "101203", "122104",
        L("平台结算：款进平台账户，核销前挂平台待清", "Platform settlement: on the platform's account until matched"),
    ),
    "platform_fee": ("{SELL}07", "101203", L("平台从结算款中扣的费用", "Fees that a platform keeps")),
    "wage_accrual": (
        "{OVH}08", "221101",
        L("计提计件计时工资，与已分配人工对冲", "Piece and time wages accrued, against labour absorbed"),
    ),
    "wage_payment": ("221101", "1002", L("发放工资", "Wages paid")),
}  # fmt: skip
#: Our own: opening stock and opening balances meet here and leave nothing.
_OPENING = Account(
    code="1999", name="期初过渡", name_en="Opening clearing", kind="asset", normal_side="debit"
)


def accounts(ctx: Context, chart: str) -> list[Account]:
    """Give the accounts of a chart, parents first."""
    stamp = dict(created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person)
    with (FOLDER / f"{chart}.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda r: r["code"])
    parents = {r["parent_code"] for r in rows}
    made: dict[str, Account] = {}
    for r in rows:
        parent = made.get(r["parent_code"])
        made[r["code"]] = Account(
            id=new_id(),
            code=r["code"],
            name=r["name_zh"],
            name_en=r["name_en"],
            kind=r["kind"],
            normal_side=r["normal_side"],
            parent_id=parent.pk if parent else None,
            is_leaf=r["code"] not in parents,
            auxiliaries=[a for a in r["auxiliaries"].split(";") if a],
            **stamp,
        )
    opening = Account(
        code=_OPENING.code,
        name=_OPENING.name,
        name_en=_OPENING.name_en,
        kind="asset",
        normal_side="debit",
        **stamp,
    )
    return [*made.values(), opening]


def rules(ctx: Context, chart: str, by_code: Mapping[str, UUID]) -> list[PostingRule]:
    """Give the posting rules of a chart. Raises: KeyError when the chart lacks an account they need."""

    def account(form: str) -> UUID | None:
        return by_code[form.format(**_PREFIX[chart])] if form else None

    return [
        PostingRule(
            event=event,
            debit_id=account(debit),
            credit_id=account(credit),
            note=f"{note.zh} / {note.en}",
            created_at=ctx.now,
            created_by_id=ctx.person,
            changed_at=ctx.now,
            changed_by_id=ctx.person,
        )
        for event, (debit, credit, note) in _RULES.items()
    ]
