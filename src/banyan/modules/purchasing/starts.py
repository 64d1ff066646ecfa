"""What dialogs are filled with at first: the lines still open, so that only what differs is typed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers


@answers("purchasing.order.receive.start")
def receive(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give a line for everything of one order that has not come."""
    found = _only(ctx, "purchasing.order", orders)
    return {"lines": [
        {"order_line": line["id"], "quantity": Decimal(line["open_quantity"])}
        for line in found if Decimal(line["open_quantity"]) > 0
    ]}  # fmt: skip


@answers("purchasing.receipt.book.start")
def book(ctx: Context, receipts: Sequence[UUID]) -> dict[str, Any]:
    """Give a line for everything of one receipt that has not been judged, as if all of it were good."""
    lines = []
    for line in _only(ctx, "purchasing.receipt", receipts):
        judged = Decimal(line["accepted_quantity"]) + Decimal(line["rejected_quantity"])
        left = Decimal(line["quantity"]) - judged
        if left > 0:
            lines.append({"receipt_line": line["id"], "accepted": left})
    return {"lines": lines}


def _only(ctx: Context, noun: str, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give the lines of the one record that is asked for, none where several are or it may not be read."""
    kept = registry.noun(noun)
    if len(ids) != 1 or not ctx.may(kept.spec.permission("read")):
        return []
    found = reading.read_records(ctx, kept, ids, expand=False)
    return found[0]["lines"] if found else []
