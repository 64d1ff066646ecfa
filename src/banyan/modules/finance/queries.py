"""Reads of finance: balances and what they are made of, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.modules.finance.values import TrialRow


def trial_balance(first: date, last: date) -> tuple[TrialRow, ...]:
    """Give every account with an opening or a turnover in the days given, by code; ancestors are summed up.

    Gives:  opening and closing as debit minus credit; red entries lower the turnover of their own side
    """
    return tuple(
        TrialRow(*row)
        for row in db.rows(
            """
        WITH snapshot AS (
            SELECT p.ends_on, b.account_id, b.closing FROM finance_accountbalance b
            JOIN finance_period p ON p.id = b.period_id
            WHERE p.ends_on = (SELECT max(q.ends_on) FROM finance_period q
                               WHERE q.state = 'closed' AND q.ends_on < %(first)s
                                 AND EXISTS (SELECT 1 FROM finance_accountbalance x WHERE x.period_id = q.id))
        ), later AS (
            SELECT l.account_id,
                   sum(CASE WHEN l.on < %(first)s THEN CASE l.side WHEN 'debit' THEN l.amount
                       ELSE -l.amount END ELSE 0 END) AS opening,
                   sum(CASE WHEN l.on >= %(first)s AND l.side = 'debit' THEN l.amount ELSE 0 END) AS debit,
                   sum(CASE WHEN l.on >= %(first)s AND l.side = 'credit' THEN l.amount ELSE 0 END) AS credit
            FROM finance_entryline l
            WHERE l.on <= %(last)s AND l.on > coalesce((SELECT min(ends_on) FROM snapshot), DATE '0001-01-01')
            GROUP BY l.account_id
        ), own AS (
            SELECT coalesce(s.account_id, t.account_id)
                   AS account_id, coalesce(s.closing, 0) + coalesce(t.opening, 0) AS opening,
                   coalesce(t.debit, 0) AS debit, coalesce(t.credit, 0) AS credit
            FROM snapshot s FULL JOIN later t ON t.account_id = s.account_id
        ), tree AS (
            WITH RECURSIVE up(account_id, leaf) AS (
                SELECT account_id, account_id FROM own
                UNION ALL
                SELECT a.parent_id, up.leaf FROM up JOIN finance_account a ON a.id = up.account_id
                    WHERE a.parent_id IS NOT NULL
            ) SELECT * FROM up
        )
        SELECT a.id, a.code, a.name, a.name_en, sum(o.opening), sum(o.debit), sum(o.credit),
               sum(o.opening) + sum(o.debit) - sum(o.credit)
        FROM tree JOIN own o ON o.account_id = tree.leaf JOIN finance_account a ON a.id = tree.account_id
        GROUP BY a.id HAVING bool_or(o.opening <> 0 OR o.debit <> 0 OR o.credit <> 0) ORDER BY a.code
        """,
            {"first": first, "last": last},
        )
    )


def account_balance(
    account_code: str, *, party: UUID | None = None, work_order: UUID | None = None
) -> Decimal:
    """Give debit minus credit of an account and those below it, of one party or work order where told."""
    return db.one(
        """
        SELECT coalesce(sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END), 0)
        FROM finance_entryline l JOIN finance_account a ON a.id = l.account_id
        WHERE a.code LIKE %s || '%%' AND (%s::uuid IS NULL OR l.party_id = %s) AND (%s::uuid IS NULL
            OR l.work_order_id = %s)
        """,
        [account_code, party, party, work_order, work_order],
    )[0]


def balances_by_origin_line(
    account: UUID, origin_lines: Sequence[UUID]
) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Give (quantity, amount) that stand on an account for document lines: goods shipped and not yet invoiced."""
    return {
        row[0]: (row[1], row[2])
        for row in db.rows(
            """
        SELECT origin_line, coalesce(sum(CASE side WHEN 'debit' THEN quantity ELSE -quantity END), 0),
               sum(CASE side WHEN 'debit' THEN amount ELSE -amount END)
        FROM finance_entryline WHERE account_id = %s AND origin_line = ANY(%s) GROUP BY origin_line
        """,
            [account, list(origin_lines)],
        )
    }


def wip_by_order(work_orders: Sequence[UUID], account_prefix: str) -> dict[UUID, Decimal]:
    """Give what stands in work in process per work order."""
    return dict(
        db.rows(
            """
        SELECT l.work_order_id, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
        FROM finance_entryline l JOIN finance_account a ON a.id = l.account_id
        WHERE l.work_order_id = ANY(%s) AND a.code LIKE %s || '%%' GROUP BY l.work_order_id
        """,
            [list(work_orders), account_prefix],
        )
    )


def items_waiting_for(invoice: UUID) -> tuple[UUID, ...]:
    """Give the open lines of shops' statements for orders on an invoice, or for the order it refers to."""
    rows = db.rows(
        """
        WITH numbers AS (
            SELECT DISTINCT o.shop_id, o.outside_number FROM finance_customerinvoiceline l
            JOIN sales_orderline x ON x.id = l.order_line_id JOIN channels_channelorder o ON o.order_id = x.order_id
            WHERE l.invoice_id = %(invoice)s
            UNION
            SELECT o.shop_id, o.outside_number FROM finance_customerinvoice i CROSS JOIN channels_shop s
            JOIN channels_channelorder o
                ON o.shop_id = s.id AND o.outside_number = i.reference AND o.party_id = i.party_id
            WHERE i.id = %(invoice)s AND i.reference <> ''
        )
        SELECT t.id FROM numbers n
        JOIN channels_channelorder r ON r.shop_id = n.shop_id AND r.outside_number = n.outside_number
        JOIN finance_settlementitem t ON t.channel_order_id = r.id AND t.state = 'open'
        ORDER BY t.id
        """,
        {"invoice": invoice},
    )
    return tuple(key for (key,) in rows)


@dataclass(frozen=True, slots=True)
class StatementSums:
    """What a shop's statement came to in the books."""

    paid: Decimal
    fees: Decimal
    decided: Decimal
    open: Decimal
    open_lines: int


def sums_of_statement(settlement: UUID) -> StatementSums | None:
    """Give what a statement came to; None for one that is not in the books. One statement."""
    row = db.one(
        "SELECT sum(paid_amount), sum(fee_amount), sum(decided_amount), sum(open_amount), "
        "count(*) FILTER (WHERE state = 'open') FROM finance_settlementitem WHERE settlement_id = %s",
        [settlement],
    )
    return StatementSums(*row) if row and row[0] is not None else None


def payments_of_line(item: UUID) -> tuple[tuple[UUID, str], ...]:
    """Give (payment, number) that a statement's line is part of. One statement."""
    rows = db.rows(
        "SELECT p.id, p.number FROM finance_settlementshare s JOIN finance_payment p ON p.id = s.payment_id "
        "WHERE s.item_id = %s GROUP BY p.id HAVING sum(s.amount) <> 0 ORDER BY p.number",
        [item],
    )
    return tuple((key, number or "") for key, number in rows)


def receivable(parties: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give what each party owes: posted customer invoices less payments in, from the ledger."""
    return dict(
        db.rows(
            """
        SELECT l.party_id, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
        FROM finance_entryline l JOIN finance_postingrule r ON r.event = 'customer_invoice'
            AND r.debit_id = l.account_id
        WHERE l.party_id = ANY(%s) GROUP BY l.party_id
        """,
            [list(parties)],
        )
    )


def codes_of_invoices(
    parties: Sequence[UUID], currencies: Sequence[UUID], items: Sequence[UUID], taxes: Sequence[UUID]
) -> dict[UUID, tuple[str, str]]:
    """Give code and name of what invoices name, in one statement."""
    rows = db.rows(
        """
        SELECT id, code, name FROM parties_party WHERE id = ANY(%(parties)s)
        UNION ALL SELECT id, code, name FROM company_currency WHERE id = ANY(%(currencies)s)
        UNION ALL SELECT id, code, name FROM items_item WHERE id = ANY(%(items)s)
        UNION ALL SELECT id, code, name FROM company_taxcode WHERE id = ANY(%(taxes)s)
        """,
        {"parties": list(parties), "currencies": list(currencies), "items": list(items), "taxes": list(taxes)},
    )
    return {key: (code, name) for key, code, name in rows}


def units_of_items(ids: Sequence[UUID]) -> dict[UUID, str]:
    """Give the codes of items' stock units. One statement, none for none."""
    if not ids:
        return {}
    return dict(db.rows(
        "SELECT i.id, u.code FROM items_item i JOIN company_unit u ON u.id = i.unit_id WHERE i.id = ANY(%s)",
        [list(ids)],
    ))  # fmt: skip


def orders_of_lines(lines: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """Give the number of each order line's order, and the other side's own. One statement, none for none."""
    if not lines:
        return {}
    rows = db.rows(
        """
        SELECT l.id, o.number, o.customer_reference FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
        WHERE l.id = ANY(%(lines)s)
        UNION ALL
        SELECT l.id, o.number, o.supplier_reference FROM purchasing_orderline l
        JOIN purchasing_order o ON o.id = l.order_id WHERE l.id = ANY(%(lines)s)
        """,
        {"lines": list(lines)},
    )
    return {line: (number, reference) for line, number, reference in rows}


def sums_of_vouchers(vouchers: Sequence[UUID]) -> dict[UUID, list[tuple[str, str, str, Decimal, str, str, str, str]]]:
    """Give what vouchers put on each side of each account, apart by the dimensions that the account keeps.

    Gives:  (account, name, side, amount, customer, supplier, department, employee) by voucher, codes, empty where there
            is none; debits first, by account; what cancels out is left out. One statement
    """
    found: dict[UUID, list[tuple[str, str, str, Decimal, str, str, str, str]]] = {}
    for voucher, *line in db.rows(
        """
        SELECT v.voucher_id, a.code, a.name, l.side, sum(l.amount),
               CASE WHEN 'customer' = ANY(a.auxiliaries) THEN coalesce(p.code, '') ELSE '' END AS customer,
               CASE WHEN 'supplier' = ANY(a.auxiliaries) THEN coalesce(p.code, '') ELSE '' END AS supplier,
               CASE WHEN 'department' = ANY(a.auxiliaries) THEN coalesce(d.code, '') ELSE '' END AS department,
               CASE WHEN 'employee' = ANY(a.auxiliaries) THEN coalesce(e.code, '') ELSE '' END AS employee
        FROM finance_voucherentry v JOIN finance_entryline l ON l.entry_id = v.entry_id
        JOIN finance_account a ON a.id = l.account_id
        LEFT JOIN parties_party p ON p.id = l.party_id
        LEFT JOIN company_department d ON d.id = l.department_id
        LEFT JOIN people_employee e ON e.id = l.employee_id
        WHERE v.voucher_id = ANY(%s)
        GROUP BY v.voucher_id, a.id, l.side, 6, 7, 8, 9 HAVING sum(l.amount) <> 0
        ORDER BY v.voucher_id, l.side DESC, a.code, 6, 7, 8, 9
        """,
        [list(vouchers)],
    ):
        found.setdefault(voucher, []).append(tuple(line))
    return found
