"""What a warehouse's phone tells later, because no live balance is needed for it: booked by the commands of others."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.schema import field
from banyan.lib.labels import L, Label
from banyan.modules.handheld import queries
from banyan.modules.inventory.commands.counts import Enter
from banyan.modules.inventory.commands.documents import Transfer
from banyan.modules.purchasing.commands.orders import Receive
from banyan.modules.purchasing.commands.receipts import Book


class Gate(Receive):
    """Goods that came for an order."""

    order: UUID = field("采购订单", "Purchase order", reference="purchasing.order")


class Store(Book):
    """Goods of a receipt, judged and put away."""

    receipt: UUID = field("收货单", "Receipt", reference="purchasing.receipt")


class Move(Transfer):
    """Goods carried from one place to another."""


class Counted(Enter):
    """What was found for a count."""

    count: UUID = field("盘点", "Count", reference="inventory.count")


def book_gate(ctx: Context, act: Gate, at: datetime) -> Label:
    """Take goods in at the gate."""
    _run(ctx, "purchasing.order.receive", [act.order], _without(act, "order"))
    return L("已到货，待入库", "At the gate, to be put away")


def book_store(ctx: Context, act: Store, at: datetime) -> Label:
    """Book goods into the places they were put."""
    _run(ctx, "purchasing.receipt.book", [act.receipt], _without(act, "receipt"))
    return L("已入库", "Put away")


def book_move(ctx: Context, act: Move, at: datetime) -> Label:
    """Move goods between places."""
    _run(ctx, "inventory.stock_document.transfer", [], _without(act))
    return L("已移库", "Moved")


def book_count(ctx: Context, act: Counted, at: datetime) -> Label:
    """Note what was found, as it was at the moment of counting; tell what must be counted again, and no figure."""
    _run(ctx.with_(device_at=at), "inventory.count.enter", [act.count], _without(act, "count"))
    again = queries.to_recount(act.count)
    if again:
        return L("{n} 行超差，请复盘", "{n} lines to be counted again").filled({"n": again})
    return L("已记录", "Noted")


def _run(ctx: Context, name: str, ids: list[UUID], data: dict[str, Any]) -> None:
    execute(ctx, registry.command(name), ids=ids, data=data)


def _without(act: Any, *names: str) -> dict[str, Any]:
    return act.model_dump(exclude_unset=True, exclude=set(names))
