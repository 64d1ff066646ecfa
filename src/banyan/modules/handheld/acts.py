"""What a warehouse's phone tells later, because no live balance is needed for it: booked by the commands of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from banyan.kernel import registry, schema
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, field
from banyan.lib.labels import L, Label
from banyan.modules.handheld import queries
from banyan.modules.handheld.errors import ArrivalNotBooked
from banyan.modules.inventory.commands.counts import Enter
from banyan.modules.inventory.commands.documents import Transfer
from banyan.modules.purchasing.commands.orders import Receive
from banyan.modules.purchasing.commands.receipts import BookLine
from banyan.modules.purchasing.errors import LineUnknown


class Gate(Receive):
    """Goods that came for an order."""

    order: UUID = field("采购订单", "Purchase order", reference="purchasing.order")


class StoreLine(BookLine):
    """What was found of a line, by the order line where its arrival was not booked yet when it was put away."""

    receipt_line: UUID | None = field("收货行", "Receipt line", None)
    order_line: UUID | None = field("订单行", "Order line", None)


class Store(Input):
    """Goods of a receipt, judged and put away; the receipt of an arrival bears the key of the act that told it."""

    receipt: UUID = field("收货单", "Receipt", reference="purchasing.receipt")
    lines: Annotated[list[StoreLine], Field(max_length=5000)] = field("明细", "Lines", default_factory=list)


class Counted(Enter):
    """What was found for a count."""

    count: UUID = field("盘点", "Count", reference="inventory.count")


@dataclass(frozen=True, slots=True)
class Way:
    """How an act is booked: what it says, the command, the field that names its record, what the person is told."""

    input: type[Input]
    command: str
    record: str
    text: Label


GATE = Way(Gate, "purchasing.order.receive", "order", L("已到货，待入库", "At the gate, to be put away"))
STORE = Way(Store, "purchasing.receipt.book", "receipt", L("已入库", "Put away"))
MOVE = Way(Transfer, "inventory.stock_document.transfer", "", L("已移库", "Moved"))
COUNT = Way(Counted, "inventory.count.enter", "count", L("已记录", "Noted"))


def book(way: Way, ctx: Context, told: Mapping[str, Any]) -> dict[str, Any]:
    """Book an act by its command, under the act's key: sent again, nothing more happens.

    Raises: KeyReused for another act under the same key; ArrivalNotBooked; what the command refuses
    """
    said = schema.parse(way.input, told["body"])
    ids = [getattr(said, way.record)] if way.record else []
    keyed = ctx.with_(key=f"act:{told['id']}", device_at=told["happened_at"])
    data = said.model_dump(exclude_unset=True, exclude={way.record})
    if way is GATE:
        data["receipt"] = told["id"]
    if way is STORE:
        data["lines"] = _lines_of(said)
    execute(keyed, registry.command(way.command), ids=ids, data=data)
    return {"text": way.text}


def _lines_of(said: Store) -> list[dict[str, Any]]:
    """Give what was put away by the lines of its receipt. Raises: ArrivalNotBooked, LineUnknown"""
    known = queries.receipt_lines(said.receipt)
    if known is None:
        raise ArrivalNotBooked
    unknown = [line.order_line for line in said.lines if not line.receipt_line and line.order_line not in known]
    if unknown:
        raise LineUnknown(lines=unknown)
    return [
        line.model_dump(exclude_unset=True, exclude={"order_line"})
        | {"receipt_line": line.receipt_line or known[line.order_line]}
        for line in said.lines
    ]


def recount(told: Mapping[str, Any]) -> Label:
    """Give how many lines of a count must be counted again, by now."""
    again = queries.to_recount(UUID(str(told["body"]["count"])))
    return L("{n} 行超差，请复盘", "{n} lines to be counted again").filled({"n": again}) if again else COUNT.text
