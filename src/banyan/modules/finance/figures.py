"""What accountants and the boss see of money at a glance, in the company's own currency."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Count, F, Sum

from banyan.kernel import db, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.figures import Days, Measure, figure, measured
from banyan.kernel.reading import Query
from banyan.lib.labels import L
from banyan.modules.company.queries import the_company
from banyan.modules.finance import posting

CUSTOMERS, SUPPLIERS = "finance.customer_invoice", "finance.supplier_invoice"
ZERO = Decimal(0)
DOCUMENTS = L("{n} 张发票", "{n} invoices")
_TO_INVOICE = """
    SELECT count(DISTINCT l.order_id), coalesce(sum(round(
        l.net_amount * (l.shipped_quantity - l.returned_quantity - l.invoiced_quantity)
        / nullif(l.stock_quantity, 0), 2)), 0)
    FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
    WHERE o.currency_id = %s AND l.shipped_quantity - l.returned_quantity > l.invoiced_quantity
"""
_CASH = """
    SELECT coalesce(sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END), 0)
    FROM finance_entryline l
    WHERE l.account_id = ANY(%s)
       OR l.account_id IN (SELECT account_id FROM finance_payment WHERE state = 'posted'
                           UNION SELECT debit_id FROM finance_postingrule WHERE event = 'settlement'
                           EXCEPT SELECT credit_id FROM finance_postingrule WHERE event = 'settlement')
"""


def _open(ctx: Context, noun: str, *filters: tuple[str, str, str]) -> Measure:
    """Add up what is open of posted invoices in the company's currency. Two statements."""
    asked = (("state", "in", "posted"), ("currency", "in", str(the_company().currency_id)), *filters)
    rows = reading.matching(ctx, registry.noun(noun), Query(filters=asked))
    found = rows.aggregate(open=Sum(F("gross_amount") - F("settled_amount")), n=Count("pk"))
    path = f"/{registry.noun(noun).spec.path}?{'&'.join(f'{f}:{o}={v}' for f, o, v in asked)}"
    return Measure(found["open"] or ZERO, "money", path, DOCUMENTS.filled(found) if found["n"] else None)


@measured(
    "finance.receivables_overdue", L("逾期应收", "Receivables overdue"), permission=f"{CUSTOMERS}.read",
    tone="red", icon="clock-exclamation",
)  # fmt: skip
def receivables_overdue(ctx: Context, days: Days) -> Measure:
    """Give what customers should have paid before today."""
    return _open(ctx, CUSTOMERS, ("due_on", "lt", days.today.isoformat()))


@measured(
    "finance.receivables", L("应收合计", "Receivables"), permission=f"{CUSTOMERS}.read", tone="blue",
    icon="coin",
)  # fmt: skip
def receivables(ctx: Context, _days: Days) -> Measure:
    """Give what customers owe by posted invoices."""
    return _open(ctx, CUSTOMERS)


@measured(
    "finance.payables_due", L("7 天内应付", "Payables due in 7 days"), permission=f"{SUPPLIERS}.read",
    tone="orange", icon="cash-banknote",
)  # fmt: skip
def payables_due(ctx: Context, days: Days) -> Measure:
    """Give what is to be paid within a week, and what should have been paid."""
    return _open(ctx, SUPPLIERS, ("due_on", "lte", days.week.isoformat()))


@measured("finance.cash", L("货币资金", "Cash"), permission="finance.account.read", tone="blue", icon="wallet")
def cash(_ctx: Context, _days: Days) -> Measure | None:
    """Give the balance of the accounts that payments go through, clearing left out. Two statements; None without books.
    """
    rules = posting.accounts_of(("payment_in", "payment_out"))
    if not rules:
        return None
    named = [one for one in (rules["payment_in"][0], rules["payment_out"][1]) if one]
    return Measure(db.one(_CASH, [named])[0], "money", "/queries/finance.trial_balance")


@measured(
    "finance.to_invoice", L("已发未开票", "Shipped, not invoiced"), permission=f"{CUSTOMERS}.read",
    tone="orange", icon="file-invoice",
)  # fmt: skip
def to_invoice(_ctx: Context, _days: Days) -> Measure:
    """Give the net amount of what was shipped and not invoiced, and of how many orders. Two statements."""
    orders, amount = db.one(_TO_INVOICE, [the_company().currency_id])
    note = L("{n} 张订单", "{n} orders").filled({"n": orders}) if orders else None
    return Measure(amount, "money", "/sales/orders?state:in=partly_shipped,shipped", note)


figure(
    "finance.vouchers", L("待审核凭证", "Vouchers to check"), noun="finance.voucher", where="state:in=made",
    tone="orange", icon="checks",
)  # fmt: skip
figure(
    "finance.statement_lines", L("平台结算待处理", "Statement lines to decide"), noun="finance.settlement_item",
    where="state:in=open", tone="orange", icon="receipt",
)  # fmt: skip
figure(
    "finance.drafts", L("未记账发票", "Invoices to post"), noun=CUSTOMERS, where="state:in=draft",
    tone="orange", icon="file-invoice",
)  # fmt: skip
figure(
    "finance.open_periods", L("未结账期间", "Periods to close"), noun="finance.period", icon="lock-open",
    where="state:in=open&ends_on:lt={today}", tone="orange",
)  # fmt: skip
