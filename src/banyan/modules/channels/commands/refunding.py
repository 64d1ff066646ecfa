"""What buyers want back: money, goods, or both, until it is paid or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import Sum
from pydantic import Field

from banyan.kernel import db, registry
from banyan.kernel.commands import attempt, command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.kernel.schema import Input, Money, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.pricing import part_amount
from banyan.modules.channels import queries, rules
from banyan.modules.channels.choices import REFUND_KINDS
from banyan.modules.channels.commands.accepting import words_of
from banyan.modules.channels.commands.receiving import note_differences
from banyan.modules.channels.errors import (
    GoodsNotBack,
    GoodsStillOut,
    LineUnknown,
    NoSuchOrder,
    NoSuchShop,
    RefundsTooMuch,
    ReturnsNothing,
)
from banyan.modules.channels.events import RefundDecided
from banyan.modules.channels.inputs import OutsideRefund, Pieces, ReceiveRefunds
from banyan.modules.channels.models import (
    Booking,
    ChannelOrder,
    ChannelOrderLine,
    Refund,
    RefundLine,
    Shop,
)
from banyan.modules.sales.models import OrderLine, ReturnOrder

ZERO = Decimal(0)
#: What an order's difference is about where its refunds come to more than its invoices: left to credit, and due.
CREDIT_NOTE = "credit_note"
#: States in which a refund counts against what was paid.
COUNTED = ("asked", "agreed", "returned", "refunded")


class AskLine(Input):
    """How much of a line comes back."""

    line: UUID = field("明细行", "Line")
    quantity: Pieces = field("数量", "Quantity")


class Ask(Input):
    """What is to be given back."""

    kind: Literal["refund", "return", "intercept"] = field("类型", "Kind", "refund", choices=REFUND_KINDS)
    amount: Annotated[Money, Field(gt=0)] = field("金额", "Amount")
    reason: Text = field("原因", "Reason", min_length=1, max_length=255)
    lines: list[AskLine] = field("退回明细", "Lines that come back", default_factory=list, max_length=500)


class Answer(Input):
    """What the buyer is told."""

    answer: Text = field("答复", "Answer", "", max_length=255)


class Refuse(Input):
    """Why not."""

    answer: Text = field("原因", "Reason", min_length=1, max_length=255)


class Uncredited(Input):
    """What of an order's refunds the books cannot credit."""

    order: UUID = field("渠道订单", "Channel order", reference="channels.order")
    due: Money = field("应冲减", "To be credited")
    left: Money = field("可冲减", "Left to credit")


@command("channels.refund.receive", L("接收退款申请", "Receive refunds"), input=ReceiveRefunds, on="noun",
         icon="download", screen=False)  # fmt: skip
def receive_refunds(ctx: Context, data: ReceiveRefunds) -> tuple[Refund, ...]:
    """Take in refunds that shops ask for; one that is known already is given back as it stands.

    An order that was split has a refund for each part that it touches, under the same outside number.

    Gives:  the refunds, in the order of the input
    Raises: NoSuchShop, NoSuchOrder, LineUnknown, RefundsTooMuch, ReturnsNothing; nothing is written
    Writes: refunds; locks those that we began, then the orders, by key
    """
    shops = queries.shops_by_code(one.shop for one in data.refunds)
    wanted: dict[tuple[UUID, str], OutsideRefund] = {}
    for one in data.refunds:
        if one.shop not in shops:
            raise NoSuchShop(shop=one.shop)
        wanted[shops[one.shop].pk, one.order] = one
    parts = queries.parts_of(wanted)
    for key, one in wanted.items():
        if key not in parts:
            raise NoSuchOrder(shop=one.shop, number=one.order)
    keys = [key for keys in parts.values() for key in keys]
    began = lock(Refund, Refund.objects.filter(channel_order__in=keys, outside_number="").values_list("pk", flat=True))
    orders = lock(ChannelOrder, keys)
    made: list[Refund] = []
    for one in data.refunds:
        mine = [orders[key] for key in parts[shops[one.shop].pk, one.order]]
        known = list(Refund.objects.filter(channel_order__in=mine, outside_number=one.number)
                     .order_by("channel_order__part"))  # fmt: skip
        ours = [refund for refund in began.values() if refund.channel_order_id in {order.pk for order in mine}]
        made += known or _ours(ours, one) or _outside(ctx, mine, one, ours)
        save(ctx, [refund for refund in ours if dirty(refund)])
    return tuple(made)


def _ours(began: Sequence[Refund], one: OutsideRefund) -> list[Refund]:
    """Give the refund that we began ourselves and that the shop now tells of: its reason begins with our number."""
    for refund in began:
        if refund.number and not refund.outside_number and f"{one.reason} ".startswith(f"{refund.number} "):
            refund.outside_number = one.number
            return [refund]
    return []


def _outside(
    ctx: Context, parts: Sequence[ChannelOrder], one: OutsideRefund, began: Sequence[Refund]
) -> list[Refund]:  # fmt: skip
    """Ask for a refund at each part of an order that it touches: those whose lines come back first.

    What we asked for ourselves when the shop cancelled what had gone is given up: its own refund says it now
    """
    wanted: dict[UUID, dict[UUID, Decimal]] = {}
    lines = _lines(parts)
    left = {line.pk: line.quantity for line in lines}
    for row in one.lines:
        same = [ln for ln in lines if (ln.outside_line == row.line if row.line else ln.sku == row.sku)]
        if not same:
            raise LineUnknown(order=one.order)
        pieces = row.quantity
        for ln in same:
            taken = pieces if ln is same[-1] else min(pieces, left[ln.pk])
            if taken > 0:
                rows = wanted.setdefault(ln.channel_order_id, {})
                rows[ln.pk] = rows.get(ln.pk, ZERO) + taken
                left[ln.pk] -= taken
                pieces -= taken
    for refund in began:
        if refund.kind == "intercept" and refund.state == "asked":
            refund.state, refund.answer = "refused", f"→ {one.number}"
    save(ctx, [refund for refund in began if dirty(refund)])
    touched = sorted(parts, key=lambda part: (part.pk not in wanted, part.part))
    known = _counted([part.pk for part in parts])
    amounts = rules.spread(one.amount, [part.total_amount - known.get(part.pk, ZERO) for part in touched])
    if amounts is None:
        raise RefundsTooMuch(
            order=one.order, total=sum((part.total_amount for part in parts), ZERO),
            known=sum(known.values(), ZERO), amount=one.amount,
        )  # fmt: skip
    made = []
    for part, amount in zip(touched, amounts, strict=True):
        rows = wanted.get(part.pk, {})
        if amount or rows:
            kind = "refund" if one.kind == "return" and one.lines and not rows else one.kind
            made.append(_ask(ctx, part, kind, amount, one.reason, rows, one.number, one.asked_at))
    return made


def _lines(parts: Sequence[ChannelOrder]) -> list[ChannelOrderLine]:
    found = ChannelOrderLine.objects.filter(channel_order__in=[part.pk for part in parts])
    return list(found.order_by("channel_order__part", "position"))


def _counted(orders: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give what is refunded of orders or asked for. One statement."""
    rows = Refund.objects.filter(channel_order__in=orders, state__in=COUNTED).values("channel_order_id")
    return dict(rows.annotate(total=Sum("amount")).values_list("channel_order_id", "total"))


@command("channels.order.ask_refund", L("申请退款", "Ask for a refund"), input=Ask, icon="cash-banknote", tone="orange")
def ask_refunds(ctx: Context, orders: Sequence[ChannelOrder], data: Ask) -> None:
    """Ask for money back for a buyer, with goods or without. Raises: as receiving refunds. Writes: refunds."""
    for order in orders:
        wanted: dict[UUID, Decimal] = {}
        for row in data.lines:
            wanted[row.line] = wanted.get(row.line, ZERO) + row.quantity
        _ask(ctx, order, data.kind, data.amount, data.reason, wanted, "")


def _ask(
    ctx: Context, order: ChannelOrder, kind: str, amount: Decimal, reason: str, wanted: Mapping[UUID, Decimal],
    number: str, asked_at: datetime | None = None,
) -> Refund:  # fmt: skip
    known = _counted([order.pk]).get(order.pk, ZERO)
    if known + amount > order.total_amount:
        raise RefundsTooMuch(
            order=order.outside_number, total=order.total_amount, known=known, amount=amount
        )
    lines = {line.pk: line for line in ChannelOrderLine.objects.filter(channel_order=order.pk)}
    for key, quantity in wanted.items():
        if key not in lines or quantity > lines[key].quantity:
            raise LineUnknown(order=order.outside_number)
    if kind == "return" and (not wanted or order.state not in ("shipped", "done", "accepted", "allocated")):
        raise ReturnsNothing
    refund = Refund(
        id=new_id(), channel_order_id=order.pk, outside_number=number, kind=kind, amount=amount, reason=reason,
        asked_at=asked_at or ctx.now, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person,
    )  # fmt: skip
    db.insert_rows([refund])
    db.insert_rows([
        RefundLine(refund_id=refund.pk, position=n, order_line_id=key, quantity=quantity)
        for n, (key, quantity) in enumerate(wanted.items(), start=1)
    ])  # fmt: skip
    return refund


@command("channels.refund.agree", L("同意", "Agree"), input=Answer, icon="check", tone="green", is_primary=True)
def agree_refunds(ctx: Context, refunds: Sequence[Refund], data: Answer) -> None:
    """Agree to refunds; where goods come back, a return is made out for them in sales.

    Raises: ReturnsNothing where nothing of it has gone; what sales refuses
    Writes: return orders; tells RefundDecided
    """
    for refund in refunds:
        refund.answer = data.answer
        if refund.kind == "return":
            with attempt(ctx):
                refund.return_order_id = _return(ctx, refund)
    _tell(refunds, "agreed")


def _return(ctx: Context, refund: Refund) -> UUID:
    """Make out a return in sales for the parts of the lines that come back; gifts come with them."""
    order = ChannelOrder.objects.get(pk=refund.channel_order_id)
    lines = {line.pk: line for line in ChannelOrderLine.objects.filter(channel_order=order.pk)}
    rows = list(RefundLine.objects.filter(refund=refund.pk).order_by("position"))
    bookings = list(Booking.objects.filter(line__in=[row.order_line_id for row in rows]))
    sold = OrderLine.objects.in_bulk([one.order_line_id for one in bookings])
    back = []
    for row in rows:
        for one in bookings:
            if one.line_id == row.order_line_id:
                there = sold[one.order_line_id].shipped_quantity - sold[one.order_line_id].returned_quantity
                whole = lines[row.order_line_id].quantity
                quantity = min(
                    there, part_amount(one.quantity, whole=whole, before=ZERO, part=row.quantity, places=6)
                )
                if quantity > 0:
                    back.append({"order_line": one.order_line_id, "quantity": quantity, "outcome": "inspection"})
    if not back:
        raise ReturnsNothing
    (made,) = registry.command("sales.return_order.create")(ctx, {"records": [{
        "party": order.party_id, "plant": order.plant_id, "reason": "other", "note": refund.reason,
        "customer_reference": order.outside_number, "lines": back,
    }]})  # fmt: skip
    return made.pk


@command("channels.refund.refuse", L("拒绝", "Refuse"), input=Refuse, icon="x", tone="red")
def refuse_refunds(ctx: Context, refunds: Sequence[Refund], data: Refuse) -> None:
    """Refuse refunds. Writes: cancels returns that have not come; tells RefundDecided."""
    for refund in refunds:
        refund.answer = data.answer
        if refund.return_order_id and ReturnOrder.objects.filter(pk=refund.return_order_id, state="draft").exists():
            with attempt(ctx):
                registry.command("sales.return_order.cancel")(ctx, [refund.return_order_id])
    _tell(refunds, "refused")


@command("channels.refund.take_back", L("收到退货", "Goods are back"), icon="truck-loading")
def take_back(ctx: Context, refunds: Sequence[Refund]) -> None:
    """Note that the goods are back. Raises: GoodsStillOut while sales has not received the return."""
    waiting = dict(
        ReturnOrder.objects.filter(pk__in=[r.return_order_id for r in refunds if r.return_order_id])
        .exclude(state="received").values_list("pk", "number")
    )  # fmt: skip
    for refund in refunds:
        if refund.return_order_id in waiting:
            raise GoodsStillOut(number=waiting[refund.return_order_id] or "—")


@command("channels.refund.pay", L("退款", "Pay back"), icon="cash", tone="green", is_primary=True,
         confirm=L("确定退款？", "Pay it back?"))  # fmt: skip
def pay_refunds(ctx: Context, refunds: Sequence[Refund]) -> None:
    """Note that the money was given back; an order of which all is refunded counts as such.

    Raises: GoodsNotBack, to be consented to, where goods were to come back first
    Writes: refunded amounts and states of orders; tells RefundDecided
    """
    for refund in refunds:
        if refund.kind == "return" and refund.state != "returned" and GoodsNotBack.code not in ctx.consents:
            raise GoodsNotBack(refund=refund.number)
    orders = lock(ChannelOrder, [refund.channel_order_id for refund in refunds])
    for refund in refunds:
        order = orders[refund.channel_order_id]
        if order.refunded_amount + refund.amount > order.total_amount:
            raise RefundsTooMuch(
                order=order.outside_number, total=order.total_amount, known=order.refunded_amount,
                amount=refund.amount,
            )  # fmt: skip
        order.refunded_amount += refund.amount
        if order.refunded_amount == order.total_amount and order.state in ("shipped", "done"):
            order.state = "refunded"
    save(ctx, list(orders.values()))
    _tell(refunds, "refunded")


@command("channels.order.note_uncredited", L("记录未冲减的退款", "Note refunds not credited"), input=Uncredited,
         on="noun", icon="receipt-refund", screen=False, rest=False)  # fmt: skip
def note_uncredited(ctx: Context, data: Uncredited) -> None:
    """Leave to a person what was given back of an order beyond what is invoiced of it and not credited.

    Writes: a difference of the order, once while it is open; locks the order
    """
    orders = list(lock(ChannelOrder, [data.order]).values())
    for order in orders:
        note_differences(ctx, order, {CREDIT_NOTE: (f"{data.left:,.2f}", f"{data.due:,.2f}")})
    save(ctx, orders)


def _tell(refunds: Sequence[Refund], decision: str) -> None:
    orders = ChannelOrder.objects.in_bulk([refund.channel_order_id for refund in refunds])
    shops = Shop.objects.in_bulk({order.shop_id for order in orders.values()})
    for refund in refunds:
        order = orders[refund.channel_order_id]
        tell(
            RefundDecided(
                **{**words_of(order, shops[order.shop_id]), "record": refund.pk},
                number=refund.number or "", outside_refund=refund.outside_number, decision=decision, kind=refund.kind,
                amount=refund.amount, reason=refund.reason, answer=refund.answer,
            )
        )  # fmt: skip
