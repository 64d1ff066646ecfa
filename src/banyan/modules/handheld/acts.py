"""What a warehouse's phone tells later, because no live balance is needed for it: booked by the commands of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from pydantic import Field

from banyan.kernel import access, registry, schema
from banyan.kernel.commands import command, execute
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, field
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label
from banyan.modules.handheld import queries, rules
from banyan.modules.handheld.errors import ArrivalNotBooked
from banyan.modules.inventory.commands.counts import Enter
from banyan.modules.inventory.commands.documents import Transfer
from banyan.modules.purchasing.commands.orders import Receive
from banyan.modules.purchasing.commands.receipts import BookLine
from banyan.modules.purchasing.errors import LineUnknown
from banyan.modules.purchasing.queries import brought_too_much


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
#: Puts pieces away that are a line each by the order line they came for: under its own key what was told counts once.
TOGETHER = "self.put_away.book"
COUNT = Way(Counted, "inventory.count.enter", "count", L("已记录", "Noted"))


def book(way: Way, ctx: Context, told: Mapping[str, Any]) -> dict[str, Any]:
    """Book an act by its command, under the act's key, as of when it was done: sent again, nothing more happens.

    Gives:  what the person is told; flags: more came than was ordered
    Raises: KeyReused for another act under the same key; ArrivalNotBooked; what the command refuses
    """
    said = schema.parse(way.input, told["body"])
    ids = [getattr(said, way.record)] if way.record else []
    keyed = ctx.with_(key=f"act:{told['id']}", device_at=told["happened_at"], told_at=told["happened_at"])
    data = said.model_dump(exclude_unset=True, exclude={way.record})
    if way is GATE:
        data["receipt"] = told["id"]
    if way is STORE:
        known = _known_lines(said)
        if any(not line.receipt_line and len(known[line.order_line]) > 1 for line in said.lines):
            execute(keyed, registry.command(TOGETHER), data=said)
            return {"text": way.text}
        data["lines"] = _lines_of(said, known)
    execute(keyed, registry.command(way.command), ids=ids, data=data)
    is_over = way is GATE and brought_too_much(UUID(str(told["id"])))
    return {"text": way.text, "flags": ("over",) if is_over else ()}


def take_back_arrival(ctx: Context, key: UUID) -> None:
    """Take back an arrival that was told and was none. Raises: what reversing its receipt refuses"""
    reason = str(L("没有到货", "It did not come"))
    execute(ctx, registry.command("purchasing.receipt.reverse"), ids=[key], data={"reason": reason})


Lines = Mapping[UUID, Sequence[tuple[UUID, Decimal]]]


def _known_lines(said: Store) -> Lines:
    """Give the lines of the receipt that something was put away of. Raises: ArrivalNotBooked, LineUnknown"""
    known = queries.receipt_lines(said.receipt)
    if known is None:
        raise ArrivalNotBooked
    unknown = [line.order_line for line in said.lines if not line.receipt_line and line.order_line not in known]
    if unknown:
        raise LineUnknown(lines=unknown)
    return known


def _lines_of(said: Store, known: Lines) -> list[dict[str, Any]]:
    """Give what was put away by the lines of its receipt; told together, serial numbers are taken in their order."""
    found = []
    for line in said.lines:
        row = line.model_dump(exclude_unset=True, exclude={"order_line"})
        several = known[line.order_line] if not line.receipt_line else ()
        if len(several) > 1:
            parts = rules.spread(line.accepted, line.rejected, several)
            found += [row | {"receipt_line": key, "accepted": good, "rejected": bad} for key, good, bad in parts]
        else:
            found.append(row | {"receipt_line": line.receipt_line or several[0][0]})
    return found


@command(
    TOGETHER, L("一起上架", "Put away together"), input=Store, on="noun", rest=False, screen=False,
    permission=STORE.command,
)  # fmt: skip
def put_away_together(ctx: Context, data: Store) -> None:
    """Put pieces with serial numbers away that nobody could tell apart yet: the first of those that stand at the gate.

    Raises: NotFound for a receipt out of reach; ArrivalNotBooked, LineUnknown; what booking it refuses
    Writes: as `purchasing.receipt.book`
    """
    noun = registry.noun("purchasing.receipt")
    within = access.scope(ctx, noun, STORE.command) or Q()
    if not noun.model.objects.filter(within, pk=data.receipt).exists():
        raise NotFound
    lines = _lines_of(data, _known_lines(data))
    execute(ctx, registry.command(STORE.command), ids=[data.receipt], data={"lines": lines})


def recount(told: Mapping[str, Any]) -> Label:
    """Give how many lines of a count must be counted again, by now."""
    again = queries.to_recount(UUID(str(told["body"]["count"])))
    return L("{n} 行超差，请复盘", "{n} lines to be counted again").filled({"n": again}) if again else COUNT.text
