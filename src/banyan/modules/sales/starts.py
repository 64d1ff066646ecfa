"""What dialogs are filled with at first: the lines still open, so that only what differs is typed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers


@answers("sales.order.ship.start")
@answers("sales.order.pick.start")
def ship(ctx: Context, orders: Sequence[UUID]) -> dict[str, Any]:
    """Give a line for everything of one order that has not gone; none where several are asked for."""
    noun = registry.noun("sales.order")
    if len(orders) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, orders, expand=False)
    lines = found[0]["lines"] if found else []
    return {"lines": [
        {"order_line": line["id"], "quantity": Decimal(line["open_quantity"])}
        for line in lines if Decimal(line["open_quantity"]) > 0
    ]}  # fmt: skip


@answers("sales.shipment.ship_part.start")
def ship_part(ctx: Context, shipments: Sequence[UUID]) -> dict[str, Any]:
    """Give what was prepared, line by line; none where several are asked for."""
    noun = registry.noun("sales.shipment")
    if len(shipments) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, shipments, expand=False)
    lines = found[0]["lines"] if found else []
    return {"lines": [{"line": line["id"], "quantity": Decimal(line["quantity"])} for line in lines]}
