"""What dialogs are filled with at first, what is wrong with an order, and the pages of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from banyan.kernel.arrivals import Arrival, arrives
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.modules.channels import queries
from banyan.modules.channels.models import Difference
from banyan.modules.items import queries as items

arrives(Arrival(
    "channels.order.receive", noun="channels.order", key=("orders.0.number", "outside_number"),
    at=("orders.0.ordered_at", "ordered_at"), amount=("orders.0.total_amount", "total_amount"),
    within=("orders.0.shop", "shop", "channels.shop"),
))  # fmt: skip
arrives(Arrival(
    "channels.refund.receive", noun="channels.refund", key=("refunds.0.number", "outside_number"),
    at=("refunds.0.asked_at", "asked_at"), amount=("refunds.0.amount", "amount"),
    within=("refunds.0.shop", "channel_order.shop", "channels.shop"),
))  # fmt: skip
#: So many SKUs are matched in one go.
MOST = 50


@answers("channels.listing.match.start")
def match(ctx: Context, listings: Sequence[UUID]) -> dict[str, Any]:
    """Give the SKUs that orders wait for, with the item of the same code where there is one. Two statements."""
    unknown = queries.unknown_skus(MOST)
    known = items.items_by_code([one.sku for one in unknown]) if unknown else {}
    return {"rows": [
        {"shop": one.shop, "sku": one.sku, "item": known[one.sku].id if one.sku in known else None, "factor": 1}
        for one in unknown
    ]}  # fmt: skip


@answers("channels.order.pages")
def pages(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way from an order to what came."""
    return (("file-code", L("与原文对照", "Beside the original"), f"/channels/orders/{record['id']}/original"),)


@answers("channels.order.notices")
def notices(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label], ...]:
    """Give what a person has to decide on."""
    if not record.get("has_difference"):
        return ()
    count = Difference.objects.filter(channel_order=record["id"], state="open").count()
    said = L("有 {n} 处差异，请处理", "Differences to be decided: {n}").filled({"n": count})
    return (("orange", said),)
