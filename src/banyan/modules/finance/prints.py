"""Invoices and credit notes as papers between the parties; the tax invoice is another thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.kernel.prints import block, column, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L
from banyan.modules.parties.prints import GIVEN, add_addresses

prints.document(
    "invoice",
    "finance.customer_invoice",
    L("销售账单", "Invoice"),
    heading="kind",
    headings=(("credit", L("红字账单", "Credit note")),),
    valid_in=("posted", "paid"),
    blocks=(
        block(
            "客户",
            "Bill to",
            column("party.name", is_strong=True, stays=True),
            column("party_address"),
            column("party.tax_number", L("税号", "Tax number")),
            column("party.bank_name", L("开户行", "Bank")),
            column("party.bank_account", L("账号", "Account")),
        ),
        block(
            "付款",
            "Payment",
            column("invoiced_on", L("日期", "Date"), stays=True),
            column("due_on", L("到期日", "Due on")),
            column("currency.code", L("币种", "Currency")),
            column("reference", L("发票号码", "Tax invoice")),
            column("reverses.number", L("冲销", "Credits")),
        ),
    ),
    tables=(
        table(
            "lines",
            column("item.code", L("物料编码", "Item")),
            column("item.name", L("名称及规格", "Name and specification"), "item.specification", "text"),
            column("quantity", stays=True),
            column("item.unit.name", L("单位", "Unit")),
            column("price", stays=True),
            column("tax_code.rate", L("税率", "VAT"), stays=True),
            column("net_amount", L("不含税金额", "Net amount"), stays=True),
            column("tax_amount", L("税额", "VAT"), stays=True),
            stays=True,
        ),
    ),
    totals=(
        column("net_amount", L("不含税金额", "Net amount"), stays=True),
        column("tax_amount", L("税额", "VAT"), stays=True),
        column("gross_amount", L("价税合计", "Total"), stays=True),
    ),
    in_words=("gross_amount", "currency.code"),
    signs=(
        sign("制单", "Made by", "created_by"),
        sign("审核", "Checked by"),
        sign("客户签章", "Customer (stamp)"),
    ),
    remark=L("本单供双方对账，不是税务发票。", "For the parties' accounts, not a tax invoice (fapiao)."),
    given=GIVEN,
)


@answers("finance.customer_invoice.invoice.fill")
def fill_invoices(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the customer is. Two statements."""
    add_addresses(ctx, records, "invoice")
