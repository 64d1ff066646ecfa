"""What accountants ask: balances, ledgers and statements, each opening to what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.schema import Day, Input, field
from banyan.kernel.spec import Choice
from banyan.kernel.titles import titles
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant
from banyan.modules.finance import queries


class Days(Input):
    """The days asked for; the present month when not told."""

    first: Day | None = field("从", "From", None, help=L("空为本月", "Empty: this month"))
    last: Day | None = field("到", "To", None)


def _days(ctx: Context, data: Days) -> tuple[date, date]:
    today = default_plant().day(ctx.now)
    return data.first or today.replace(day=1), data.last or today


@query(
    "finance.trial_balance",
    L("科目余额表", "Trial balance"),
    input=Days,
    icon="scale",
    columns=(
        column("code", "科目编码", "Code"),
        column("name", "科目名称", "Account"),
        column("opening", "期初余额", "Opening", "money"),
        column("debit", "借方发生", "Debit", "money"),
        column("credit", "贷方发生", "Credit", "money"),
        column("closing", "期末余额", "Closing", "money"),
    ),
)
def trial_balance(ctx: Context, data: Days) -> Iterator[dict[str, Any]]:
    """Give the balance of every account, those above summed up; a row opens the account's ledger."""
    first, last = _days(ctx, data)
    for row in queries.trial_balance(first, last):
        yield dict(
            code=row.code,
            name=row.name if ctx.language == "zh" or not row.name_en else row.name_en,
            opening=row.opening,
            debit=row.debit,
            credit=row.credit,
            closing=row.closing,
            _query="finance.ledger",
            _input=dict(account=str(row.account), first=first.isoformat(), last=last.isoformat()),
        )


class LedgerOf(Days):
    """An account and the days asked for."""

    account: UUID = field("科目", "Account", reference="finance.account")
    party: UUID | None = field("往来单位", "Party", None, reference="parties.party")


@query(
    "finance.ledger",
    L("明细账", "Account ledger"),
    input=LedgerOf,
    icon="book",
    columns=(
        column("on", "日期", "Date", "date"),
        column("text", "摘要", "Text"),
        column("account", "科目", "Account"),
        column("party", "往来单位", "Party"),
        column("work_order", "工单", "Work order"),
        column("debit", "借方", "Debit", "money", summed=True),
        column("credit", "贷方", "Credit", "money", summed=True),
        column("balance", "余额", "Balance", "money"),
    ),
)
def ledger(ctx: Context, data: LedgerOf) -> Iterator[dict[str, Any]]:
    """Give the lines of an account and those below it, with running balance; a row opens its entry."""
    first, last = _days(ctx, data)
    code = db.one("SELECT code FROM finance_account WHERE id = %s", [data.account])
    if code is None:
        return
    opening = db.one(
        """
        SELECT coalesce(sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END), 0)
            FROM finance_entryline l
        JOIN finance_account a ON a.id = l.account_id
        WHERE a.code LIKE %s || '%%' AND l.on < %s AND (%s::uuid IS NULL OR l.party_id = %s)
        """,
        [code[0], first, data.party, data.party],
    )[0]
    balance: Decimal = opening
    rows = db.rows(
        """
        SELECT l.on, e.event, e.text, a.id, p.name, w.number, l.side, l.amount, e.id
        FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
            JOIN finance_account a ON a.id = l.account_id
        LEFT JOIN parties_party p ON p.id = l.party_id
            LEFT JOIN production_workorder w ON w.id = l.work_order_id
        WHERE a.code LIKE %s || '%%' AND l.on BETWEEN %s AND %s AND (%s::uuid IS NULL OR l.party_id = %s)
        ORDER BY l.on, e.posted_at, e.id, l.position LIMIT 10000
        """,
        [code[0], first, last, data.party, data.party],
    )
    names = titles("finance.account", {account for _, _, _, account, *_ in rows})
    for on, event, text, account, party, order, side, amount, entry in rows:
        balance += amount if side == "debit" else -amount
        yield dict(
            on=on,
            text=text or _event_label(event, ctx.language),
            account=names[account],
            party=party or "",
            work_order=order or "",
            debit=amount if side == "debit" else None,
            credit=amount if side == "credit" else None,
            balance=balance,
            _noun="finance.entry",
            _id=str(entry),
        )


def _event_label(event: str, language: str) -> str:
    from banyan.modules.finance.nouns import EVENTS

    return next((c.label.in_(language) for c in EVENTS if c.key == event), event)


_SIDES = (Choice("customer", L("客户", "Customers")), Choice("supplier", L("供应商", "Suppliers")))


class Side(Input):
    """Customers or suppliers."""

    side: str = field("往来", "Side", "customer", choices=_SIDES, pattern="^(customer|supplier)$")


@query(
    "finance.open_items",
    L("往来账龄", "Open items and ageing"),
    input=Side,
    icon="hourglass",
    columns=(
        column("party", "往来单位", "Party"),
        column("number", "单据", "Document"),
        column("due_on", "到期日", "Due on", "date"),
        column("open", "未结金额", "Open", "money", summed=True),
        column("overdue_days", "逾期天数", "Days overdue", "integer"),
    ),
)
def open_items(ctx: Context, data: Side) -> Iterator[dict[str, Any]]:
    """Give the open invoices of all customers or suppliers, oldest first; a row opens the invoice."""
    table = "customer_invoice" if data.side == "customer" else "supplier_invoice"
    today = default_plant().day(ctx.now)
    for key, party, number, due_on, open_ in db.rows(
        f"""
        SELECT i.id, p.name, i.number, i.due_on, i.gross_amount - i.settled_amount
        FROM finance_{table.replace("_", "")} i JOIN parties_party p ON p.id = i.party_id
        WHERE i.state = 'posted' AND i.gross_amount <> i.settled_amount ORDER BY i.due_on, i.number
            LIMIT 10000
        """
    ):
        yield dict(
            party=party,
            number=number,
            due_on=due_on,
            open=open_,
            overdue_days=max(0, (today - due_on).days) if due_on else 0,
            _noun=f"finance.{table}",
            _id=str(key),
        )


class OrderCost(Input):
    """A work order."""

    work_order: UUID = field("工单", "Work order", reference="production.work_order")


@query(
    "finance.order_cost",
    L("工单成本", "Cost of a work order"),
    input=OrderCost,
    icon="coin",
    columns=(
        column("account", "成本项目", "Cost element"),
        column("debit", "投入", "In", "money", summed=True),
        column("credit", "转出", "Out", "money", summed=True),
        column("balance", "在制", "Left in process", "money", summed=True),
    ),
)
def order_cost(ctx: Context, data: OrderCost) -> Iterator[dict[str, Any]]:
    """Give what a work order cost by element: material, labour, machine, and what went to stock."""
    rows = db.rows(
        """
        SELECT a.id, sum(CASE WHEN l.side = 'debit' THEN l.amount ELSE 0 END),
               sum(CASE WHEN l.side = 'credit' THEN l.amount ELSE 0 END)
        FROM finance_entryline l JOIN finance_account a ON a.id = l.account_id
        WHERE l.work_order_id = %s GROUP BY a.id ORDER BY a.code
        """,
        [data.work_order],
    )
    names = titles("finance.account", [account for account, *_ in rows])
    for account, debit, credit in rows:
        yield dict(
            account=names[account],
            debit=debit,
            credit=credit,
            balance=debit - credit,
            _query="finance.ledger",
            _input=dict(account=str(account), first="1990-01-01"),
        )
