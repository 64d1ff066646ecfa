"""What dialogs are filled with at first: the materials still needed, so that only lots and less are typed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers


@answers("production.work_order.issue.start")
def issue(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give a line for every material that one order still needs from the store."""
    noun = registry.noun("production.work_order")
    if len(orders) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, orders, expand=False)
    lines = []
    for line in found[0]["materials"] if found else ():
        there = Decimal(line["issued_quantity"]) - Decimal(line["returned_quantity"])
        open_ = Decimal(line["quantity"]) - there
        if open_ > 0 and not line["is_backflushed"]:
            lines.append({"material": line["id"], "quantity": open_})
    return {"lines": lines}
