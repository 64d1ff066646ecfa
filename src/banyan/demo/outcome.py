"""What a story came to: figures read from the ledgers, told and given by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.demo.acting import Cast
from banyan.kernel import db, proofs
from banyan.lib.labels import L
from banyan.modules.finance import queries as books
from banyan.modules.inventory import queries as stock

Figures = Mapping[str, Any]
ZERO, CENT = Decimal(0), Decimal("0.01")
SHOWN = 4
#: The longest way down from a lot to what went into it; a lot's least depth would hide levels it shares with others.
_LEVELS = """
    WITH RECURSIVE below (lot, depth) AS (
        SELECT %s::uuid, 0
        UNION
        SELECT e.input_lot_id, b.depth + 1 FROM below b JOIN inventory_lot l ON l.id = b.lot
        JOIN inventory_genealogy e ON e.output_lot_id = l.id OR (e.output_lot_id IS NULL AND e.origin = l.origin)
        WHERE b.depth < 20 AND e.input_lot_id <> b.lot
    ) SELECT max(depth) FROM below
"""


def tell_genealogy(cast: Cast, lot: UUID) -> Figures:
    """Tell of which lots a finished lot was made, whence the bought ones came, and where it went.

    Gives:  parts, supplied: lots below it and those of suppliers; depth; whereabouts; customers by name
    """
    number, item = db.one(
        "SELECT l.number, i.code FROM inventory_lot l JOIN items_item i ON i.id = l.item_id WHERE l.id = %s",
        [lot],
    )
    parts = [step.lot for step in stock.trace([lot], "up").steps]
    (depth,) = db.one(_LEVELS, [lot])
    bought = db.rows(
        """
        SELECT i.code, l.number, l.supplier_lot, p.name
        FROM inventory_lot l JOIN items_item i ON i.id = l.item_id
        JOIN parties_party p ON p.id = l.supplier_id WHERE l.id = ANY(%s) ORDER BY p.name, i.code, l.number
        """,
        [parts],
    )
    cast.fact(
        "成品批次 {number}（{item}）：由 {parts} 个批次制成，向下 {depth} 层；"
        "其中 {bought} 个来自 {suppliers} 家供应商",
        "Finished lot {number} ({item}): made of {parts} lots on {depth} levels, {bought} of them from "
        "{suppliers} suppliers",
        number=number,
        item=item,
        parts=len(parts),
        depth=depth,
        bought=len(bought),
        suppliers=len({row[3] for row in bought}),
    )
    for code, name, theirs, supplier in bought[:SHOWN]:
        cast.fact(
            "　{code} 批次 {name}，供应商批号 {theirs}，{supplier}",
            "  {code} lot {name}, the supplier's {theirs}, {supplier}",
            code=code,
            name=name,
            theirs=theirs,
            supplier=supplier,
        )
    places = stock.whereabouts([lot])
    customers = db.rows(
        """
        SELECT p.name, sum(x.quantity) FROM sales_shipmentline x JOIN sales_shipment s ON s.id = x.shipment_id
        JOIN parties_party p ON p.id = s.party_id WHERE x.lot_id = %s GROUP BY p.name ORDER BY p.name
        """,
        [lot],
    )
    for customer, quantity in customers:
        cast.fact(
            "　去向：{customer} {quantity}（含退回 1）；现存：{places}",
            "  It went to {customer}: {quantity}, of which 1 came back; now in: {places}",
            customer=customer,
            quantity=quantity,
            places=[f"{p.location_code} {p.quantity.normalize():f}" for p in places if not p.origin],
        )
    return {
        "parts": len(parts),
        "supplied": len(bought),
        "depth": depth,
        "whereabouts": len(places),
        "customers": [row[0] for row in customers],
    }


def tell_cost(cast: Cast, item: str, orders: Sequence[UUID]) -> Figures:
    """Tell what a finished piece cost, by element, from the ledger lines of its largest work order.

    Gives:  unit_cost: by the name of the cost account
    """
    key, number, made, standard = db.one(
        """
        SELECT w.id, w.number, w.made_quantity, p.standard_cost
        FROM production_workorder w JOIN items_item i ON i.id = w.item_id
        LEFT JOIN items_itemplant p ON p.item_id = w.item_id AND p.plant_id = w.plant_id
        WHERE i.code = %s AND w.id = ANY(%s) ORDER BY w.made_quantity DESC LIMIT 1
        """,
        [item, list(orders)],
    )
    rows = db.rows(
        """
        SELECT a.name, coalesce(nullif(a.name_en, ''), a.name),
               sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
        FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
        JOIN finance_account a ON a.id = l.account_id
        WHERE l.work_order_id = %s AND a.kind = 'cost'
          AND e.event IN ('material_issue', 'conversion', 'material_return')
        GROUP BY a.code, a.name, a.name_en ORDER BY a.code
        """,
        [key],
    )
    each = [(zh, en, (amount / made).quantize(CENT)) for zh, en, amount in rows]
    cast.fact(
        "单位成本，工单 {number}（{item} × {made}）：",
        "Cost of a piece, work order {number} ({item} × {made}):",
        number=number,
        item=item,
        made=made,
    )
    cast.fact(
        "　" + " + ".join(f"{zh} {cost:,.2f}" for zh, _, cost in each) + " = {total}",
        "  " + " + ".join(f"{en} {cost:,.2f}" for _, en, cost in each) + " = {total}",
        total=sum((cost for *_, cost in each), ZERO),
    )
    dearest = db.rows(
        """
        SELECT i.code || ' ' || round(sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END) / %s, 2)
        FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
        JOIN finance_account a ON a.id = l.account_id JOIN items_item i ON i.id = l.item_id
        WHERE l.work_order_id = %s AND a.kind = 'cost' AND e.event IN ('material_issue', 'material_return')
        GROUP BY i.code ORDER BY sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END) DESC LIMIT 3
        """,
        [made, key],
    )
    cast.fact(
        "　最贵的用料：{dearest}；标准成本 {standard}",
        "  The dearest material: {dearest}; standard cost {standard}",
        dearest=[row[0] for row in dearest],
        standard=standard.quantize(CENT) if standard else L("未设", "none"),
    )
    return {"unit_cost": {zh: cost for zh, _, cost in each}}


def tell_receivable(cast: Cast, customer: UUID, opening: Decimal) -> Figures:
    """Tell what the customer owes, and how it came about. Gives: receivable."""
    owed = books.account_balance("1122", party=customer)
    invoiced, credited = db.one(
        "SELECT coalesce(sum(gross_amount) FILTER (WHERE gross_amount > 0), 0), "
        "coalesce(sum(gross_amount) FILTER (WHERE gross_amount < 0), 0) FROM finance_customerinvoice "
        "WHERE party_id = %s AND state <> 'draft'",
        [customer],
    )
    (paid,) = db.one(
        "SELECT coalesce(sum(amount), 0) FROM finance_payment WHERE party_id = %s AND state = 'posted'",
        [customer],
    )
    cast.fact(
        "客户应收余额：期初 {opening} + 发票 {invoiced} − 收款 {paid} + 红字 {credited} = {owed}",
        "The customer's balance: opening {opening} + invoice {invoiced} − payments {paid} "
        "+ credit {credited} = {owed}",
        opening=opening,
        invoiced=invoiced,
        paid=paid,
        credited=credited,
        owed=owed,
    )
    return {"receivable": owed, "receivable_explained": opening + invoiced - paid + credited}


def tell_books(cast: Cast, year: int) -> Figures:
    """Tell the trial balance of a year and its vouchers.

    Gives:  trial: debit, credit, closing; vouchers: all, checked
    """
    rows = books.trial_balance(date(year, 1, 1), date(year, 12, 31))
    tops = [row for row in rows if len(row.code) == 4]
    debit, credit, closing = (
        sum((getattr(row, name) for row in tops), ZERO) for name in ("debit", "credit", "closing")
    )
    cast.fact(
        "试算平衡（{n} 个一级科目）：借方 {debit} = 贷方 {credit}，期末差额 {closing}",
        "Trial balance ({n} top accounts): debit {debit} = credit {credit}, closing difference {closing}",
        n=len(tops),
        debit=debit,
        credit=credit,
        closing=closing,
    )
    made, checked = db.one("SELECT count(*), count(*) FILTER (WHERE state = 'checked') FROM finance_voucher")
    months = db.rows(
        "SELECT to_char(\"on\", 'YYYY-MM') || ' ' || word || ' ' || min(no) || '–' || max(no) "
        "FROM finance_voucher GROUP BY to_char(\"on\", 'YYYY-MM'), word ORDER BY 1"
    )
    cast.fact(
        "凭证 {made} 张，已审核 {checked}：{months}",
        "{made} vouchers, {checked} checked: {months}",
        made=made,
        checked=checked,
        months=[row[0] for row in months],
    )
    return {"trial": (debit, credit, closing), "vouchers": (made, checked)}


def tell_proofs(cast: Cast) -> Figures:
    """Run every proof and tell how many hold. Gives: broken: (proof, fault) of those that do not."""
    verdicts = proofs.run()
    cast.fact(
        "verify：{green}/{all} 项证明成立，核对 {counted} 行",
        "verify: {green} of {all} proofs hold, {counted} rows checked",
        green=sum(v.is_green for v in verdicts),
        all=len(verdicts),
        counted=sum(v.found.counted for v in verdicts),
    )
    return {"broken": [(v.proof.key, f.text) for v in verdicts for f in v.found.faults]}
