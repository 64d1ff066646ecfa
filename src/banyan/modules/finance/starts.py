"""What dialogs are filled with at first: the invoices that a payment can settle, in words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.reading import Query
from banyan.kernel.registry import answers
from banyan.lib.labels import L

INVOICES = {"in": "finance.customer_invoice", "out": "finance.supplier_invoice"}
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
    open_ = reading.list_records(ctx, wanted, Query(
        filters=(("party", "eq", str(found[0]["party"])), ("state", "eq", "posted")),
        columns=("number", "invoiced_on", "due_on", "gross_amount", "settled_amount"),
        sort="invoiced_on", expand=(), limit=reading.MOST,
    ))  # fmt: skip
    return {"_choices": {"invoice": [(row["id"], _said(row)) for row in open_.rows]}}


def _said(row: dict[str, Any]) -> str:
    left = Decimal(row["gross_amount"]) - Decimal(row["settled_amount"])
    day = row["due_on"] or row["invoiced_on"]
    return str(OPEN.filled({"number": row["number"], "day": day, "open": f"{left:,.2f}"}))
