"""Finished pieces that go to store, valued at the order's planned unit cost; those of a temporary card at what it
has cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db, locks
from banyan.kernel.commands import command, owe_numbers, save, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.lib.quantity import round_quantity
from banyan.modules.company.queries import plants
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.queries import put_away_places, standing
from banyan.modules.inventory.values import MoveIntent
from banyan.modules.items.queries import ItemFacts, items_by_id
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.flush import output_lots, posted
from banyan.modules.production.commands.materials import by
from banyan.modules.production.errors import (
    GoesBack,
    LotNeeded,
    NoItemYet,
    SerialQuantity,
    TooMuchReceived,
    WrongLine,
)
from banyan.modules.production.events import CompletedLine, GoodsCompleted
from banyan.modules.production.models import Completion, CompletionLine, Output, WorkOrder
from banyan.modules.production.queries import wip_left

PAPER = "production.completion"
ZERO, HUNDRED = Decimal(0), Decimal(100)


class ReceiveLine(Input):
    """A quantity of one lot; without an output it is the order's own item."""

    quantity: Quantity = field("数量", "Quantity", gt=0)
    lot: Annotated[Text, Field(max_length=60)] = field("批号", "Lot number", "")
    location: UUID | None = field("仓位", "Location", None, reference="inventory.location")
    output: UUID | None = field("其他产出", "Further output", None)


class Complete(Input):
    """What goes to store; without lines all good pieces that have not gone there yet."""

    lines: Annotated[list[ReceiveLine], Field(max_length=2_000)] = field(
        "明细", "Lines", default_factory=list
    )
    is_last: bool = field(
        "最后一次入库",
        "Last receipt",
        False,
        help=L("少于计划数也算完工", "Completes the order though less was made"),
    )
    moved_at: Instant | None = field("时间", "At", None)
    note: Annotated[Text, Field(max_length=255)] = field("备注", "Note", "")


@dataclass(slots=True)
class _Line:
    """A receipt on its way: its order, the output it is of, what it is worth."""

    order: WorkOrder
    item: ItemFacts
    quantity: Decimal
    number: str
    location: UUID | None
    output: Output | None
    amount: Decimal = ZERO
    lot: UUID | None = None
    move: UUID | None = None


@command(
    "production.work_order.complete",
    L("完工入库", "Receive finished goods"),
    input=Complete,
    icon="package-import",
    is_big=True,
    tone="green",
    help=L(
        "不填明细则入库全部已报合格而未入库的数量",
        "Without lines all good pieces that have not been received yet",
    ),
)
def complete_orders(ctx: Context, orders: Sequence[WorkOrder], data: Complete) -> tuple[Completion, ...]:
    """Book finished pieces to store, each at the planned unit cost of the order's own lines.

    Takes:  lines for one order only; without lines several orders at once
    Raises: TooMuchReceived beyond the good pieces of the last operation, or of an order without operations
            beyond its quantity and tolerance; LotNeeded, SerialQuantity; GoesBack, NoItemYet
    Writes: a completion per order, lots, moves; tells GoodsCompleted; the order is completed when all is made
    """
    if data.lines and len(orders) > 1:
        raise WrongLine(
            fields={"lines": L("一次只能为一张工单填写明细", "lines are for one order at a time")}
        )
    keys = [order.pk for order in orders]
    for order in orders:
        if order.returns_to_id:
            raise GoesBack(order=order.number)
        if order.part_name:
            raise NoItemYet(order=order.number, part=order.part_name)
    flow.lock_all_operations(keys)
    shop = flow.read_shop(orders=keys)
    outputs = locks.lock(Output, Output.objects.filter(work_order__in=keys).values_list("pk", flat=True))
    items = items_by_id([o.item_id for o in orders] + [o.item_id for o in outputs.values()])
    rooms = {order.pk: _room(order, shop) for order in orders}
    lines = _lines(orders, data, outputs, items, rooms)
    _check(lines, rooms)
    _value(lines)
    _value_at_actual_cost(lines, rooms)
    _name_lots(ctx, lines, data.moved_at or ctx.now)
    papers = _write(ctx, lines, data)
    db.update_rows(list(outputs.values()), ["made_quantity"])
    for order in orders:
        order.state = rules.order_state(
            order.state, made=_done(order, outputs), quantity=order.quantity, is_last=data.is_last
        )
    return papers


def _room(order: WorkOrder, shop: flow.Shop) -> Decimal:
    """Give how many pieces of an order may still go to store."""
    finished = shop.finished(order.pk) if order.pk in shop.by_order else None
    if finished is None:
        finished = round_quantity(order.quantity * (HUNDRED + order.tolerance_percent) / HUNDRED)
    return finished - order.made_quantity


def _done(order: WorkOrder, outputs: Mapping[UUID, Output]) -> Decimal:
    """Give how much of an order is made: of one that is taken apart, as far as its least part."""
    if order.kind != "disassembly":
        return order.made_quantity
    parts = [o.made_quantity / o.quantity for o in outputs.values() if o.work_order_id == order.pk]
    return order.quantity * min(parts, default=ZERO)


def _lines(
    orders: Sequence[WorkOrder],
    data: Complete,
    outputs: Mapping[UUID, Output],
    items: Mapping[UUID, ItemFacts],
    rooms: Mapping[UUID, Decimal],
) -> list[_Line]:
    if data.lines:
        order, made = orders[0], []
        for place, line in enumerate(data.lines):
            output = outputs.get(line.output) if line.output else None
            if (line.output and output is None) or (output is None and order.kind == "disassembly"):
                raise WrongLine(fields={f"lines.{place}.output": L("不属于该工单", "not of this order")})
            item = items[output.item_id if output else order.item_id]
            made.append(_Line(order, item, line.quantity, line.lot, line.location, output))
        return made
    made = [
        _Line(order, items[order.item_id], rooms[order.pk], "", None, None)
        for order in orders
        if order.kind != "disassembly" and rooms[order.pk] > 0
    ]
    made += [
        _Line(order, items[output.item_id], output.quantity - output.made_quantity, "", None, output)
        for order in orders
        if order.kind == "disassembly"
        for output in outputs.values()
        if output.work_order_id == order.pk and output.quantity > output.made_quantity
    ]
    without = [order for order in orders if all(line.order is not order for line in made)]
    if without:
        raise TooMuchReceived(order=without[0].number, asked=ZERO, room=ZERO)
    return made


def _check(lines: Sequence[_Line], rooms: Mapping[UUID, Decimal]) -> None:
    asked: dict[UUID, Decimal] = {}
    for line in lines:
        if line.item.tracking == "serial" and line.quantity != 1:
            raise SerialQuantity(item=line.item.code)
        if line.output is None:
            key = line.order.pk
            asked[key] = asked.get(key, ZERO) + line.quantity
            if asked[key] > rooms[key]:
                raise TooMuchReceived(order=line.order.number, asked=asked[key], room=max(ZERO, rooms[key]))


def _value(lines: Sequence[_Line]) -> None:
    """Say what each line is worth, so that the receipts of an order's own item add up to unit cost ×
    quantity."""
    for line in lines:
        order = line.order
        if line.output is None:
            before, order.made_quantity = order.made_quantity, order.made_quantity + line.quantity
            line.amount = rules.completed_amount(
                order.made_quantity, order.unit_cost
            ) - rules.completed_amount(before, order.unit_cost)
        else:
            line.output.made_quantity += line.quantity
            line.amount = rules.completed_amount(line.quantity, line.output.unit_cost)
        order.completed_amount += line.amount


def _value_at_actual_cost(lines: Sequence[_Line], rooms: Mapping[UUID, Decimal]) -> None:
    """Let pieces of temporary cards bear what the card has really cost so far: nobody has planned it."""
    mine = [line for line in lines if line.order.kind == "temporary" and line.output is None]
    if not mine:
        return
    left = wip_left(sorted({line.order.pk for line in mine}))
    there = dict(rooms)
    for line in mine:
        key = line.order.pk
        was, line.amount = line.amount, max(ZERO, round_money(left[key] * line.quantity / there[key]))
        left[key], there[key] = left[key] - line.amount, there[key] - line.quantity
        line.order.completed_amount += line.amount - was
        line.order.unit_cost = round_quantity(line.order.completed_amount / line.order.made_quantity)


def _name_lots(ctx: Context, lines: Sequence[_Line], moved_at: datetime) -> None:
    """Give each line its lot, made that day where its number is new; a lot without a number is given one."""
    for line in lines:
        if line.item.tracking == "serial" and not line.number:
            raise LotNeeded(item=line.item.code)
    tracked = [line for line in lines if line.item.tracking != "none"]
    days = {plant.id: plant.day(moved_at) for plant in plants()}
    made = [(o.order.pk, o.item.id, o.number, days[o.order.plant_id]) for o in tracked]
    for line, lot in zip(tracked, output_lots(ctx, made), strict=True):
        line.lot = lot


def _write(ctx: Context, lines: Sequence[_Line], data: Complete) -> tuple[Completion, ...]:
    papers = {
        order.pk: Completion(
            id=new_id(),
            work_order_id=order.pk,
            plant_id=order.plant_id,
            moved_at=data.moved_at or ctx.now,
            note=data.note,
            **by(ctx),
        )
        for order in {line.order.pk: line.order for line in lines}.values()
    }
    rows = [new_id() for _ in lines]
    _place(lines)
    production = {plant: standing(plant).production for plant in {line.order.plant_id for line in lines}}
    intents = [
        MoveIntent(
            item=line.item.id,
            quantity=line.quantity,
            source=production[line.order.plant_id],
            target=line.location,
            lot=line.lot,
            amount=line.amount,
            origin_noun=PAPER,
            origin=papers[line.order.pk].pk,
            origin_line=row,
            moved_at=data.moved_at,
        )
        for row, line in zip(rows, lines, strict=True)
    ]
    stock.inherit_holds(ctx, {line.lot: line.order.pk for line in lines if line.lot})
    moves = [move.pk for _, move in posted(ctx, intents)]
    made = db.insert_rows(list(papers.values()))
    db.insert_rows(
        [
            CompletionLine(
                id=row,
                completion_id=papers[line.order.pk].pk,
                position=n,
                output=line.output,
                item_id=line.item.id,
                lot_id=line.lot,
                location_id=line.location,
                quantity=line.quantity,
                amount=line.amount,
                move_id=move,
            )
            for n, (row, line, move) in enumerate(zip(rows, lines, moves, strict=True), start=1)
        ]
    )
    owe_numbers(made)
    for paper in made:
        mine = [line for line in lines if line.order.pk == paper.work_order_id]
        tell(
            _completed(
                mine[0].order,
                paper,
                [
                    CompletedLine(line.item.id, line.lot, line.quantity, line.amount, line.output is None)
                    for line in mine
                ],
            )
        )
    return made


def _place(lines: Sequence[_Line]) -> None:
    """Put lines without a place where their items are put away."""
    for plant in {line.order.plant_id for line in lines if line.location is None}:
        here = [line for line in lines if line.location is None and line.order.plant_id == plant]
        own, store = put_away_places(plant, [line.item.id for line in here]), standing(plant).warehouse
        for line in here:
            line.location = own.get(line.item.id, store)


def _completed(order: WorkOrder, paper: Completion, lines: Sequence[CompletedLine]) -> GoodsCompleted:
    return GoodsCompleted(
        record=order.pk,
        completion=paper.pk,
        item=order.item_id,
        plant=order.plant_id,
        quantity=sum((line.quantity for line in lines), ZERO),
        amount=sum((line.amount for line in lines), ZERO),
        unit_cost=order.unit_cost,
        lines=tuple(lines),
        moved_at=paper.moved_at,
    )


@command(
    "production.completion.reverse",
    L("冲销", "Reverse"),
    icon="arrow-back-up",
    tone="orange",
    confirm=L("冲销这张入库单？", "Reverse it?"),
)
def reverse_completions(ctx: Context, papers: Sequence[Completion]) -> None:
    """Take receipts back by reverse moves, at the value they had; the goods must still be where they went.

    Raises: OrderClosed; what posting refuses, such as goods that have gone on
    Writes: moves, the orders' quantities; tells GoodsCompleted with everything negative
    """
    orders = flow.lock_open_orders({paper.work_order_id for paper in papers})
    lines = list(CompletionLine.objects.filter(completion__in=papers).order_by("position", "pk"))
    keys = {line.output_id for line in lines if line.output_id}
    outputs = locks.lock(
        Output,
        Output.objects.filter(
            work_order__in={orders[p.work_order_id].pk for p in papers if keys}
        ).values_list("pk", flat=True),
    )
    for paper in papers:
        order, back = orders[paper.work_order_id], []
        for line in lines:
            if line.completion_id != paper.pk:
                continue
            if line.output_id:
                outputs[line.output_id].made_quantity -= line.quantity
            else:
                order.made_quantity -= line.quantity
            order.completed_amount -= line.amount
            back.append(
                CompletedLine(line.item_id, line.lot_id, -line.quantity, -line.amount, line.output_id is None)
            )
        order.state = rules.order_state(order.state, made=_done(order, outputs), quantity=order.quantity)
        tell(_completed(order, paper, back))
    stock.reverse_moves(ctx, [line.move_id for line in lines], "reverse")
    db.update_rows(list(outputs.values()), ["made_quantity"])
    save(ctx, list(orders.values()))
