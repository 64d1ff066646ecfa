"""Charts of accounts as published, and the accounts the posting rules take in each."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.finance.models import Account, PostingRule

FOLDER = Path(__file__).parent
#: First digits that differ between the charts: production cost, overhead, revenue, cost of sales, selling.
_PREFIX = {
    "cas_small": {"WIP": "4001", "OVH": "4101", "REV": "5001", "COS": "5401", "SELL": "5601"},
    "cas": {"WIP": "5001", "OVH": "5101", "REV": "6001", "COS": "6401", "SELL": "6601"},
}
#: Event → (debit, credit, note); an empty side is the item's stock account.
_RULES = {
    "purchase_receipt": ("", "220202", "货到票未到，按不含税价暂估"),
    "material_issue": ("{WIP}0101", "", "领用材料计入工单"),
    "labour": ("{WIP}0102", "{OVH}08", "报工工时 × 人工费率"),
    "machine": ("{WIP}0103", "{OVH}09", "报工机时 × 机器费率"),
    "overhead": ("{WIP}0104", "{OVH}99", "报工工时 × 制造费用率"),
    "subcontract": ("{WIP}0105", "220202", "委外工序收货，按不含税价暂估"),
    "completion": ("", "{WIP}0106", "按工单计划单位成本"),
    "production_variance": ("{COS}02", "", "工单关闭时的余额"),
    "temporary_work": ("{COS}02", "", "无物料编码的临时工艺卡，关闭时转出"),
    "shipment": ("1406", "", "发货按成本转发出商品"),
    "stock_gain": ("", "190101", "盘盈待处理"),
    "stock_loss": ("190101", "", "盘亏待处理"),
    "stock_scrap": ("190101", "", "库存报废待处理"),
    "stock_opening": ("", "1999", "期初库存；与期初余额对冲后为零"),
    "customer_invoice": ("1122", "{REV}", "应收与收入"),
    "customer_invoice_tax": ("1122", "22210107", "销项税额"),
    "cost_of_sales": ("{COS}01", "1406", "开票时结转成本"),
    "supplier_invoice": ("220202", "220201", "冲暂估，转应付"),
    "supplier_invoice_tax": ("22210101", "220201", "进项税额"),
    "price_variance": ("{COS}03", "", "发票价与暂估价之差"),
    "payment_in": ("1002", "1122", "收款"),
    "payment_out": ("220201", "1002", "付款"),
    "payment_back": ("1122", "1002", "退款给客户"),
    "settlement": ("101203", "122104", "平台结算：款进平台账户，核销前挂平台待清"),
    "platform_fee": ("{SELL}07", "101203", "平台从结算款中扣的费用"),
    "wage_accrual": ("{OVH}08", "221101", "计提计件计时工资，与已分配人工对冲"),
    "wage_payment": ("221101", "1002", "发放工资"),
}
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
            note=note,
            created_at=ctx.now,
            created_by_id=ctx.person,
            changed_at=ctx.now,
            changed_by_id=ctx.person,
        )
        for event, (debit, credit, note) in _RULES.items()
    ]
