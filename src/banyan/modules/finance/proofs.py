"""What finance must never get wrong, proved again from the ledgers."""

from __future__ import annotations

from banyan.kernel.proofs import SHOWN, Found, none_of, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L
from banyan.modules.finance.posting import are_books_on

_SIGNED = "CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END"


@proof("finance.entries_balance", L("每笔分录借贷相等", "Every entry balances"))
def entries_balance() -> Found:
    return none_of(
        "finance.entry",
        counted="SELECT count(*) FROM finance_entry",
        faults=f"""
        SELECT e.id, coalesce(sum({_SIGNED}), 0) FROM finance_entry e
            LEFT JOIN finance_entryline l ON l.entry_id = e.id
        GROUP BY e.id HAVING coalesce(sum({_SIGNED}), 1) <> 0 OR count(l.id) = 0
        """,
        text=L("借贷相差 {1}", "debit and credit differ by {1}"),
    )


@proof(
    "finance.entries_in_period",
    L("分录日期在其期间内，行与分录同日", "Entries lie in their period, lines on their entry's day"),
)
def entries_in_period() -> Found:
    return none_of(
        "finance.entry",
        counted="SELECT count(*) FROM finance_entryline",
        faults="""
        SELECT e.id, CASE WHEN p.id IS NULL THEN 'no_period' ELSE 'outside' END, e.on, p.code FROM finance_entry e
            LEFT JOIN finance_period p ON p.id = e.period_id
        WHERE p.id IS NULL OR e.on NOT BETWEEN p.starts_on AND p.ends_on
        UNION ALL
        SELECT e.id, 'other_day', l.on, e.on::text FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
            WHERE l.on <> e.on
        """,
        text={
            "no_period": L("{2} 的分录没有期间", "an entry of {2} has no period"),
            "outside": L("{2} 不属于 {3}", "{2} does not belong to {3}"),
            "other_day": L("{2} 的分录行属于 {3} 的分录", "a line of {2} is of an entry of {3}"),
        },
    )


@proof("finance.dimensions", L("分录行的科目与辅助核算存在", "Accounts and dimensions of entry lines exist"))
def dimensions() -> Found:
    checks = (
        ("account_id", "finance_account", L("缺少科目 {2}", "account {2} is missing")),
        ("party_id", "parties_party", L("缺少往来单位 {2}", "party {2} is missing")),
        ("item_id", "items_item", L("缺少物料 {2}", "item {2} is missing")),
        ("work_order_id", "production_workorder", L("缺少工单 {2}", "work order {2} is missing")),
        ("plant_id", "company_plant", L("缺少工厂 {2}", "plant {2} is missing")),
    )
    return none_of(
        "finance.entry",
        counted="SELECT count(*) FROM finance_entryline",
        faults=" UNION ALL ".join(
            f"SELECT l.entry_id, '{column}', l.{column} FROM finance_entryline l "
            f"WHERE l.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.id = l.{column})"
            for column, table, _ in checks
        ),
        text={column: label for column, _, label in checks},
    )


@proof(
    "finance.stock_in_ledger", L("总账存货 = 库存价值分录", "Stock in the ledger equals the value entries")
)
def stock_in_ledger() -> Found:
    """Compare, per item and plant, what stands on stock accounts with what the value entries sum up to."""
    if not are_books_on():
        return Found(0)
    return none_of(
        "items.item",
        counted="SELECT count(*) FROM inventory_valueentry",
        faults="""
        WITH accounts AS (SELECT DISTINCT account_id FROM finance_stockaccount), ledger AS (
            SELECT l.item_id, l.plant_id, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
                AS amount
            FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
            WHERE l.account_id IN (SELECT account_id FROM accounts) AND e.event <> 'opening' GROUP BY 1, 2
        ), stock AS (
            SELECT item_id, plant_id, sum(amount) AS amount FROM inventory_valueentry GROUP BY 1, 2
        )
        SELECT coalesce(s.item_id, l.item_id), i.code, coalesce(l.amount, 0), coalesce(s.amount, 0)
        FROM stock s FULL JOIN ledger l ON l.item_id = s.item_id AND l.plant_id = s.plant_id
        LEFT JOIN items_item i ON i.id = coalesce(s.item_id, l.item_id)
        WHERE coalesce(l.amount, 0) <> coalesce(s.amount, 0)
        """,
        text=L("{1}：账上 {2}，库存 {3}", "{1}: ledger {2}, stock {3}"),
    )


@proof(
    "finance.wip",
    L(
        "工单在制成本 = 其领料、报工、委外、完工",
        "Work in process by order equals its issues, reports, outside work and completions",
    ),
)
def wip() -> Found:
    if not are_books_on():
        return Found(0)
    return none_of(
        "production.work_order",
        counted="SELECT count(DISTINCT work_order_id) FROM finance_entryline",
        faults="""
        WITH ledger AS (
            SELECT l.work_order_id AS id, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
                AS amount
            FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
                JOIN finance_account a ON a.id = l.account_id
            WHERE l.work_order_id IS NOT NULL AND a.kind = 'cost'
                AND e.event NOT IN ('production_variance', 'temporary_work') GROUP BY 1
        ), happened AS (
            SELECT m.origin AS id, -sum(v.amount + v.difference) AS amount FROM inventory_valueentry v
            JOIN inventory_move m ON m.id = v.move_id WHERE m.origin_noun = 'production.work_order' GROUP BY 1
            UNION ALL
            SELECT r.work_order_id, sum(r.labour_amount + r.machine_amount + r.overhead_amount)
                FROM production_report r GROUP BY 1
            UNION ALL
            SELECT c.work_order_id, -sum(v.amount + v.difference) FROM inventory_valueentry v
            JOIN inventory_move m ON m.id = v.move_id JOIN production_completion c ON c.id = m.origin
            WHERE m.origin_noun = 'production.completion' GROUP BY 1
            UNION ALL
            SELECT x.work_order_id, sum(x.amount) FROM production_outsidework x GROUP BY 1
        ), summed AS (SELECT id, sum(amount) AS amount FROM happened GROUP BY 1)
        SELECT coalesce(s.id, l.id), w.number, coalesce(l.amount, 0), coalesce(s.amount, 0)
        FROM summed s FULL JOIN ledger l ON l.id = s.id
            LEFT JOIN production_workorder w ON w.id = coalesce(s.id, l.id)
        WHERE coalesce(l.amount, 0) <> coalesce(s.amount, 0)
        """,
        text=L("{1}：账上 {2}，业务 {3}", "{1}: ledger {2}, events {3}"),
    )


@proof("finance.closed_orders", L("已关闭工单没有在制余额", "Closed work orders leave nothing in process"))
def closed_orders() -> Found:
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_workorder WHERE state = 'closed'",
        faults=f"""
        SELECT w.id, w.number, sum({_SIGNED}) FROM finance_entryline l
            JOIN finance_account a ON a.id = l.account_id
        JOIN production_workorder w ON w.id = l.work_order_id
        WHERE w.state = 'closed' AND a.kind = 'cost' GROUP BY w.id HAVING sum({_SIGNED}) <> 0
        """,
        text=L("{1} 已关闭，在制仍有 {2}", "{1} is closed with {2} in process"),
    )


@proof(
    "finance.vouchers",
    L("凭证号连续，已结账期间分录均有凭证", "Vouchers run without gaps; closed periods are complete"),
)
def vouchers() -> Found:
    return none_of(
        "finance.voucher",
        counted="SELECT count(*) FROM finance_voucher",
        faults="""
        SELECT p.id, 'gap', p.code, max(v.no), count(*)
        FROM finance_voucher v JOIN finance_period p ON p.id = v.period_id GROUP BY p.id, v.word
            HAVING max(v.no) <> count(*)
        UNION ALL
        SELECT e.id, 'no_voucher', p.code, NULL, NULL FROM finance_entry e
            JOIN finance_period p ON p.id = e.period_id
        WHERE p.state = 'closed' AND NOT EXISTS (SELECT 1 FROM finance_voucherentry x WHERE x.entry_id = e.id)
        UNION ALL
        SELECT v.id, 'entries', p.code || ' ' || v.word || v.no, v.entries, count(x.id)
        FROM finance_voucher v JOIN finance_period p ON p.id = v.period_id
            LEFT JOIN finance_voucherentry x ON x.voucher_id = v.id
        GROUP BY v.id, p.code HAVING count(x.id) <> v.entries
        UNION ALL
        SELECT v.id, 'amount', p.code || ' ' || v.word || v.no, v.amount, coalesce(sum(l.amount), 0)
        FROM finance_voucher v JOIN finance_period p ON p.id = v.period_id
            LEFT JOIN finance_voucherentry x ON x.voucher_id = v.id
            LEFT JOIN finance_entryline l ON l.entry_id = x.entry_id AND l.side = 'debit'
        GROUP BY v.id, p.code HAVING v.amount <> coalesce(sum(l.amount), 0)
        """,
        text={
            "gap": L("{2}：凭证号到 {3}，凭证有 {4} 张", "{2}: numbers run to {3}, there are {4} vouchers"),
            "no_voucher": L("{2}：有分录没有凭证", "{2}: an entry has no voucher"),
            "amount": L("凭证 {2} 金额 {3}，分录合计 {4}", "voucher {2} is of {3}, its entries of {4}"),
            "entries": L("凭证 {2} 写有分录 {3} 笔，实有 {4} 笔", "voucher {2} names {3} entries, there are {4}"),
        },
    )


_BALANCES = """
WITH daily AS MATERIALIZED (
    SELECT account_id, "on", coalesce(sum(amount) FILTER (WHERE side = 'debit'), 0) AS debit,
           coalesce(sum(amount) FILTER (WHERE side = 'credit'), 0) AS credit
    FROM finance_entryline GROUP BY 1, 2
), days AS (
    SELECT d."on", p.id AS period_id FROM (SELECT DISTINCT "on" FROM daily) d
    JOIN finance_period p ON d."on" BETWEEN p.starts_on AND p.ends_on
), moved AS (
    SELECT d.account_id, y.period_id, sum(d.debit) AS debit, sum(d.credit) AS credit
    FROM daily d JOIN days y ON y."on" = d."on" GROUP BY 1, 2
), standing AS (
    SELECT p.id AS period_id, p.state, a.account_id, coalesce(m.debit, 0) AS debit, coalesce(m.credit, 0) AS credit,
           sum(coalesce(m.debit - m.credit, 0)) OVER earlier AS closing, count(m.period_id) OVER earlier AS moves
    FROM finance_period p CROSS JOIN (SELECT DISTINCT account_id FROM moved) a
    LEFT JOIN moved m ON m.period_id = p.id AND m.account_id = a.account_id
    WINDOW earlier AS (PARTITION BY a.account_id ORDER BY p.starts_on)
), expected AS (
    SELECT * FROM standing WHERE state = 'closed' AND moves > 0
)
SELECT coalesce(e.period_id, b.period_id),
       CASE WHEN b.period_id IS NULL THEN 'missing' WHEN e.period_id IS NULL THEN 'too_many' ELSE 'differs' END,
       p.code || ' ' || coalesce(a.code, ''), b.debit, b.credit, b.closing, e.debit, e.credit, e.closing
FROM expected e FULL JOIN finance_accountbalance b ON b.period_id = e.period_id AND b.account_id = e.account_id
JOIN finance_period p ON p.id = coalesce(e.period_id, b.period_id)
LEFT JOIN finance_account a ON a.id = coalesce(e.account_id, b.account_id)
WHERE (b.debit, b.credit, b.closing) IS DISTINCT FROM (e.debit, e.credit, e.closing)
"""


@proof(
    "finance.balances",
    L("已结账期间的余额 = 分录行之和", "Balances kept of closed periods are the sums of entry lines"),
)
def balances() -> Found:
    """Add up every closed period again, with all before it, and compare with what closing kept of it."""
    return none_of(
        "finance.period",
        counted="SELECT count(*) FROM finance_accountbalance",
        faults=_BALANCES,
        text={
            "differs": L(
                "{2}：保存的借 {3}、贷 {4}、余 {5}；分录为 {6}、{7}、{8}",
                "{2}: kept debit {3}, credit {4}, balance {5}; the entries say {6}, {7}, {8}",
            ),
            "missing": L(
                "{2}：没有保存余额；分录为借 {6}、贷 {7}、余 {8}",
                "{2}: no balance is kept; the entries say debit {6}, credit {7}, balance {8}",
            ),
            "too_many": L(
                "{2}：保存了余额 {5}，但期间未结账或科目没有分录",
                "{2}: a balance of {5} is kept, but the period is open or the account has no entries",
            ),
        },
    )


#: What an invoice's entry says of its (net, tax, gross), as conditions on its lines: rules of accounts may change.
#: Only lines of goods have a quantity; of cost of sales and goods shipped one is a debit, the other has an origin line.
_SAID = {
    "customer": (
        "l.side = 'credit' AND l.quantity IS NOT NULL AND l.origin_line IS NULL",
        "l.side = 'credit' AND l.quantity IS NULL",
        "l.side = 'debit' AND l.quantity IS NULL",
    ),
    "supplier": (
        "l.side = 'debit' AND (l.quantity IS NOT NULL OR l.item_id IS NOT NULL)",
        "l.side = 'debit' AND l.quantity IS NULL AND l.item_id IS NULL",
        "l.side = 'credit'",
    ),
}
_INVOICES = """
SELECT i.id, 'lines', coalesce(i.number, '—'), i.net_amount, i.tax_amount, i.gross_amount,
       coalesce(sum(l.net_amount), 0), coalesce(sum(l.tax_amount), 0),
       coalesce(sum(l.net_amount + l.tax_amount), 0)
FROM finance_{side}invoice i LEFT JOIN finance_{side}invoiceline l ON l.invoice_id = i.id GROUP BY i.id
HAVING (i.net_amount, i.tax_amount, i.gross_amount) IS DISTINCT FROM
       (coalesce(sum(l.net_amount), 0), coalesce(sum(l.tax_amount), 0), coalesce(sum(l.net_amount + l.tax_amount), 0))
UNION ALL
SELECT i.id, 'entry', coalesce(i.number, '—'), i.net_amount * k.times, i.tax_amount * k.times,
       i.gross_amount * k.times, coalesce(s.net, 0), coalesce(s.tax, 0), coalesce(s.gross, 0)
FROM finance_{side}invoice i
CROSS JOIN LATERAL (SELECT CASE WHEN i.state IN ('posted', 'paid') THEN 1 ELSE 0 END AS times) k
LEFT JOIN (
    SELECT e.origin, sum(l.amount) FILTER (WHERE {net}) AS net, sum(l.amount) FILTER (WHERE {tax}) AS tax,
           sum(l.amount) FILTER (WHERE {gross}) AS gross
    FROM finance_entry e JOIN finance_entryline l ON l.entry_id = e.id
    WHERE e.origin_noun = 'finance.{side}_invoice' GROUP BY 1
) s ON s.origin = i.id
WHERE (i.net_amount * k.times, i.tax_amount * k.times, i.gross_amount * k.times) IS DISTINCT FROM
      (coalesce(s.net, 0), coalesce(s.tax, 0), coalesce(s.gross, 0))
"""


@proof(
    "finance.invoice_amounts",
    L("发票金额 = 明细之和 = 其分录", "Amounts of invoices are the sums of their lines, and what was posted"),
)
def invoice_amounts() -> Found:
    """Compare invoices with their lines and with what their entries, red ones taken off, have posted."""
    text = {
        "lines": L(
            "{2}：不含税 {3}、税额 {4}、合计 {5}；明细之和 {6}、{7}、{8}",
            "{2}: net {3}, tax {4}, gross {5}; its lines add up to {6}, {7}, {8}",
        ),
        "entry": L(
            "{2}：应记账不含税 {3}、税额 {4}、合计 {5}；分录为 {6}、{7}、{8}",
            "{2}: net {3}, tax {4}, gross {5} should be posted; its entries say {6}, {7}, {8}",
        ),
    }
    founds = [
        none_of(
            f"finance.{side}_invoice",
            counted=f"SELECT count(*) FROM finance_{side}invoice",
            faults=_INVOICES.format(side=side, net=net, tax=tax, gross=gross),
            text=text,
        )
        for side, (net, tax, gross) in _SAID.items()
    ]
    faults = tuple(fault for found in founds for fault in found.faults)[:SHOWN]
    return Found(sum(f.counted for f in founds), faults, sum(f.broken for f in founds))


@proof(
    "finance.matched",
    L("发票已核销与收付款已核销 = 核销记录", "Settled and matched amounts equal the matchings"),
)
def matched() -> Found:
    return none_of(
        "finance.matching",
        counted="SELECT count(*) FROM finance_matching",
        faults="""
        SELECT p.id, p.number, p.matched_amount, coalesce(sum(m.amount), 0) FROM finance_payment p
        LEFT JOIN finance_matching m ON m.payment_id = p.id GROUP BY p.id
            HAVING p.matched_amount <> coalesce(sum(m.amount), 0) * CASE p.direction WHEN 'back' THEN -1 ELSE 1 END
        UNION ALL
        SELECT i.id, i.number, i.settled_amount, coalesce(sum(m.amount), 0) FROM finance_customerinvoice i
        LEFT JOIN finance_matching m ON m.customer_invoice_id = i.id GROUP BY i.id
            HAVING i.settled_amount <> coalesce(sum(m.amount), 0)
        UNION ALL
        SELECT i.id, i.number, i.settled_amount, coalesce(sum(m.amount), 0) FROM finance_supplierinvoice i
        LEFT JOIN finance_matching m ON m.supplier_invoice_id = i.id GROUP BY i.id
            HAVING i.settled_amount <> coalesce(sum(m.amount), 0)
        """,
        text=L("{1}：记录 {2}，核销 {3}", "{1}: kept {2}, matched {3}"),
    )


@proof(
    "finance.invoiced", L("订单行已开票 = 发票明细", "Invoiced quantities of order lines equal the invoices")
)
def invoiced() -> Found:
    return none_of(
        "finance.customer_invoice",
        counted="SELECT count(*) FROM finance_customerinvoiceline",
        faults="""
        SELECT l.id, 'sales', l.invoiced_quantity, coalesce(sum(r.quantity)
            FILTER (WHERE i.state IN ('posted', 'paid')), 0)
        FROM sales_orderline l LEFT JOIN finance_customerinvoiceline r ON r.order_line_id = l.id
        LEFT JOIN finance_customerinvoice i ON i.id = r.invoice_id GROUP BY l.id
        HAVING l.invoiced_quantity <> coalesce(sum(r.quantity)
            FILTER (WHERE i.state IN ('posted', 'paid')), 0)
        UNION ALL
        SELECT l.id, 'purchasing', l.invoiced_quantity, coalesce(sum(r.quantity)
            FILTER (WHERE i.state IN ('posted', 'paid')), 0)
        FROM purchasing_orderline l LEFT JOIN finance_supplierinvoiceline r ON r.order_line_id = l.id
        LEFT JOIN finance_supplierinvoice i ON i.id = r.invoice_id GROUP BY l.id
        HAVING l.invoiced_quantity <> coalesce(sum(r.quantity)
            FILTER (WHERE i.state IN ('posted', 'paid')), 0)
        """,
        text={
            "sales": L("销售订单行：计数 {2}，已开票 {3}", "line of a sales order: {2} counted, {3} invoiced"),
            "purchasing": L("采购订单行：计数 {2}，已开票 {3}", "line of a purchase order: {2} counted, {3} invoiced"),
        },
    )


@proof(
    "finance.statements",
    L("平台结算单 = 核销 + 费用 + 已处理 + 待处理", "Shops' statements are payments, fees, and differences"),
)
def statements() -> Found:
    """Compare shops' statements with the payments made of them, the fees and decisions posted, and what is open."""
    return none_of(
        "channels.settlement",
        counted="SELECT count(DISTINCT settlement_id) FROM finance_settlementitem",
        faults="""
        WITH items AS (
            SELECT settlement_id AS id, sum(amount) AS amount, sum(paid_amount) AS paid, sum(fee_amount) AS fees,
                   sum(decided_amount) AS decided, sum(open_amount) AS open
            FROM finance_settlementitem GROUP BY 1
        ), paid AS (
            SELECT t.settlement_id AS id, sum(CASE p.direction WHEN 'back' THEN -p.amount ELSE p.amount END) AS amount
            FROM finance_payment p JOIN (
                SELECT DISTINCT s.payment_id, i.settlement_id FROM finance_settlementshare s
                JOIN finance_settlementitem i ON i.id = s.item_id) t ON t.payment_id = p.id
            WHERE p.state = 'posted' GROUP BY 1
        ), posted AS (
            SELECT e.origin AS id, sum(l.amount) FILTER (WHERE e.event = 'settlement') AS came,
                   -sum(l.amount) FILTER (WHERE e.event = 'platform_fee') AS fees
            FROM finance_entry e JOIN finance_entryline l ON l.entry_id = e.id AND l.side = 'debit'
            WHERE e.origin_noun = 'channels.settlement' GROUP BY 1
        ), decided AS (
            SELECT i.settlement_id AS id, sum(l.amount) AS amount
            FROM finance_settlementitem i JOIN finance_entry e ON e.origin = i.id
            JOIN finance_entryline l ON l.entry_id = e.id AND l.side = 'debit' GROUP BY 1
        )
        SELECT s.id, s.outside_number, s.total_amount, coalesce(p.amount, 0), coalesce(b.fees, 0),
               coalesce(d.amount, 0), i.open, coalesce(b.came, 0)
        FROM items i JOIN channels_settlement s ON s.id = i.id LEFT JOIN paid p ON p.id = i.id
        LEFT JOIN posted b ON b.id = i.id LEFT JOIN decided d ON d.id = i.id
        WHERE s.total_amount <> coalesce(p.amount, 0) + coalesce(b.fees, 0) + coalesce(d.amount, 0) + i.open
           OR coalesce(b.came, 0) <> i.amount - i.fees
           OR (i.paid, i.fees, i.decided) <> (coalesce(p.amount, 0), coalesce(b.fees, 0), coalesce(d.amount, 0))
        """,
        text=L(
            "{1}：{2}；收付款 {3}，费用 {4}，已定 {5}，未定 {6}；已入账 {7}",
            "{1}: {2}; payments {3}, fees {4}, decided {5}, open {6}; posted {7}",
        ),
    )


@proof(
    "finance.shares",
    L("结算明细的核销 = 其收款分配", "What statement lines paid for equals the shares of their payments"),
)
def shares() -> Found:
    """Compare lines and payments of shops' statements with the shares that join them."""
    return none_of(
        "finance.settlement_item",
        counted="SELECT count(*) FROM finance_settlementshare",
        faults="""
        SELECT i.id, i.outside_number, i.paid_amount, coalesce(sum(s.amount), 0) FROM finance_settlementitem i
        LEFT JOIN finance_settlementshare s ON s.item_id = i.id GROUP BY i.id
            HAVING i.paid_amount <> coalesce(sum(s.amount), 0)
        UNION ALL
        SELECT p.id, p.number, CASE p.direction WHEN 'back' THEN -p.matched_amount ELSE p.matched_amount END,
            sum(s.amount)
        FROM finance_payment p JOIN finance_settlementshare s ON s.payment_id = p.id GROUP BY p.id
            HAVING CASE p.direction WHEN 'back' THEN -p.matched_amount ELSE p.matched_amount END <> sum(s.amount)
        """,
        text=L("{1}：记录 {2}，分摊 {3}", "{1}: kept {2}, shared {3}"),
    )


_NAMED = (
    Reference(
        "finance.entry", L("分录", "entry"), "finance_entry", noun="origin_noun", record="origin", called="r.text",
    ),
    Reference(
        "finance.entry", L("分录行", "entry line"), "finance_entryline", nouns=("sales.order", "purchasing.order"),
        line="origin_line", key="entry_id",
    ),
)  # fmt: skip


@proof("finance.origins", L("分录的来源单据存在", "The documents that entries name exist"))
def origins() -> Found:
    """Look up the document of every entry, and the order line by which its lines are invoiced."""
    return exist(*_NAMED)
