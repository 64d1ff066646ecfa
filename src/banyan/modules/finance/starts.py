"""What dialogs are filled with at first: the invoices that a payment can settle, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.reading import Query
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.modules.finance import queries
from banyan.modules.finance.refunds import credits_of_order

INVOICES = {
    "in": "finance.customer_invoice", "out": "finance.supplier_invoice", "back": "finance.customer_invoice",
}  # fmt: skip
CREDIT = L("红字发票 {number}（{amount}）", "Credit note {number} ({amount})")
OPEN = L("{number} · {day} · 未结 {open}", "{number} · {day} · open {open}")


@answers("finance.payment.post.start")
@answers("finance.payment.match.start")
def settle(ctx: Context, payments: Sequence[UUID]) -> dict[str, Any]:
    """Give the open invoices of the party of one payment to choose from, the oldest first."""
    noun = registry.noun("finance.payment")
    if len(payments) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, payments, expand=False)
    wanted = registry.noun(INVOICES[found[0]["direction"]]) if found else None
    if wanted is None or not ctx.may(wanted.spec.permission("read")):
        return {}
    kind = "credit" if found[0]["direction"] == "back" else "invoice"
    open_ = reading.list_records(ctx, wanted, Query(
        filters=(("party", "eq", str(found[0]["party"])), ("state", "eq", "posted"), ("kind", "eq", kind)),
        columns=("number", "invoiced_on", "due_on", "gross_amount", "settled_amount"),
        sort="invoiced_on", expand=(), limit=reading.MOST,
    ))  # fmt: skip
    return {"_choices": {"invoice": [(row["id"], _said(row)) for row in open_.rows]}}


def _said(row: dict[str, Any]) -> str:
    left = abs(Decimal(row["gross_amount"]) - Decimal(row["settled_amount"]))
    day = row["due_on"] or row["invoiced_on"]
    return str(OPEN.filled({"number": row["number"], "day": day, "open": f"{left:,.2f}"}))


@answers("finance.customer_invoice.from_orders.is_due")
def is_customer_invoice_due(_ctx: Context, noun: str, key: UUID) -> bool:
    """Say whether something of an order, or of a shipment's order, was delivered and not invoiced."""
    return _is_invoice_due("sales", "shipped_quantity", "shipment", noun, key)


@answers("finance.supplier_invoice.from_orders.is_due")
def is_supplier_invoice_due(_ctx: Context, noun: str, key: UUID) -> bool:
    """Say whether something of an order, or of a receipt's order, has come and not been invoiced."""
    return _is_invoice_due("purchasing", "received_quantity", "receipt", noun, key)


def _is_invoice_due(module: str, delivered: str, paper: str, noun: str, key: UUID) -> bool:
    order = "%s" if noun == f"{module}.order" else f"(SELECT order_id FROM {module}_{paper} WHERE id = %s)"
    return db.one(
        f"SELECT EXISTS (SELECT FROM {module}_orderline WHERE order_id = {order} "
        f"AND {delivered} - returned_quantity <> invoiced_quantity)",
        [key],
    )[0]


@answers("finance.payment.collect.is_due")
def is_collection_due(_ctx: Context, _noun: str, key: UUID) -> bool:
    """Say whether an invoice is one to be paid, not a credit note."""
    return db.one("SELECT kind = 'invoice' FROM finance_customerinvoice WHERE id = %s", [key])[0]


@answers("finance.payment.pay.is_due")
def is_payment_due(_ctx: Context, _noun: str, key: UUID) -> bool:
    """Say whether a supplier's invoice is one to be paid, not a credit note."""
    return db.one("SELECT kind = 'invoice' FROM finance_supplierinvoice WHERE id = %s", [key])[0]


@answers("channels.settlement.pages")
def pages_of_statement(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way from a shop's statement to what became of its lines in the books."""
    spec = registry.noun("finance.settlement_item").spec
    if record["state"] != "settled" or not ctx.may(spec.permission("read")):
        return ()
    return (("scale", L("账上的去向", "In the books"), f"/{spec.path}?settlement:in={record['id']}"),)


@answers("finance.settlement_item.pages")
def pages_of_statement_line(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way from a statement's line to the payments that it is part of."""
    spec = registry.noun("finance.payment").spec
    if not ctx.may(spec.permission("read")):
        return ()
    return tuple(
        ("cash", L("{number}", "{number}").filled({"number": number}), f"/{spec.path}/{payment}")
        for payment, number in queries.payments_of_line(record["id"])
    )


@answers("channels.settlement.notices")
def notices_of_statement(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label], ...]:
    """Say what a shop's statement came to: paid for invoices, fees, open differences."""
    found = queries.sums_of_statement(record["id"]) if record["state"] == "settled" else None
    if found is None or not ctx.may(registry.noun("finance.settlement_item").spec.permission("read")):
        return ()
    facts = {"paid": f"{found.paid:,.2f}", "fees": f"{found.fees:,.2f}", "decided": f"{found.decided:,.2f}",
             "open": f"{found.open:,.2f}", "n": found.open_lines}  # fmt: skip
    said = L("核销应收 {paid}，费用 {fees}，已处理差额 {decided}",
             "Paid for invoices {paid}, fees {fees}, decided {decided}").filled(facts)  # fmt: skip
    left = L("{n} 行待处理，共 {open}", "{n} lines to be decided, {open}").filled(facts)
    return (("blue", said), ("orange", left)) if found.open_lines else (("green", said),)


@answers("channels.refund.pages")
def pages_of_refund(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way from a refund without goods to the credit notes of its order."""
    spec = registry.noun("finance.customer_invoice").spec
    if (record["kind"], record["state"]) != ("refund", "refunded") or not ctx.may(spec.permission("read")):
        return ()
    return tuple(
        ("receipt-refund", CREDIT.filled({"number": number, "amount": f"{amount:,.2f}"}), f"/{spec.path}/{key}")
        for key, number, amount in credits_of_order(record["channel_order"])
    )
