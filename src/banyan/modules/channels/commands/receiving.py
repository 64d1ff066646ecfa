"""Outside orders as they come: frozen, understood, and brought as far as they get by themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from banyan.kernel import beside, db
from banyan.kernel.commands import attempt, command, save
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.kernel.schema import dump
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.channels import by_hand, queries, rules
from banyan.modules.channels.commands.accepting import DECIDED, Known, take
from banyan.modules.channels.commands.cancelling import cancel
from banyan.modules.channels.commands.merging import put_together
from banyan.modules.channels.commands.naming import Said, learn, tell_again
from banyan.modules.channels.errors import NoSuchShop, UnknownCurrency
from banyan.modules.channels.inputs import OutsideOrder, Receive
from banyan.modules.channels.models import (
    BINDING,
    OPEN,
    ChannelHold,
    ChannelOrder,
    ChannelOrderLine,
    Difference,
    OrderBody,
    Shop,
)
from banyan.modules.channels.rules import Listed, Outside
from banyan.modules.company.models import Currency

#: What the current understanding of an order takes from the outside one, beside amounts and lines.
SAID = (
    "buyer", "buyer_name", "phone", "country", "region", "city", "address", "postcode", "remark", "seller_note",
    "ordered_at", "paid_at", "pay_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an outside order: `result` is new, updated, unchanged, older, difference or cancelled.

    `state` and `hold` are where our order stands now; `text` says why it is held.
    """

    order: UUID
    shop: str
    number: str
    result: str
    state: str
    hold: str
    text: str


@command(
    "channels.order.receive", L("接收外部订单", "Receive outside orders"), input=Receive, on="noun",
    icon="download", screen=False, gathers="orders",
)  # fmt: skip
def receive_orders(ctx: Context, data: Receive) -> tuple[Received, ...]:
    """Take outside orders in: each is kept as it came, understood, accepted or held; the answer says which.

    The same body again changes nothing. A newer one changes what may still change; what is done already stands,
    and a person is told the difference.

    Raises: NoSuchShop, UnknownCurrency; nothing is written
    Writes: channel orders, their bodies, differences, sales orders and promises; locks channel orders by key
    """
    shops = _shops(data.orders)
    currencies = _currencies(data.orders)
    answers: dict[int, Received] = {}
    for turn in _turns(data.orders):
        found = _receive(ctx, shops, currencies, [data.orders[n] for n in turn])
        answers |= dict(zip(turn, found, strict=True))
    return tuple(answers[n] for n in range(len(data.orders)))


def _turns(orders: Sequence[OutsideOrder]) -> list[list[int]]:
    """Give the places of orders so that no order stands twice in a turn: the second version follows the first."""
    turns: list[list[int]] = []
    seen: dict[tuple[str, str], int] = {}
    for n, one in enumerate(orders):
        turn = seen.get((one.shop, one.number), -1) + 1
        seen[one.shop, one.number] = turn
        if turn == len(turns):
            turns.append([])
        turns[turn].append(n)
    return turns


def _shops(orders: Sequence[OutsideOrder]) -> dict[str, Shop]:
    shops = queries.shops_by_code(one.shop for one in orders)
    for one in orders:
        if one.shop not in shops:
            raise NoSuchShop(shop=one.shop)
    return shops


def _currencies(orders: Sequence[OutsideOrder]) -> dict[str, UUID]:
    wanted = {one.currency for one in orders if one.currency}
    known = dict(Currency.objects.filter(code__in=wanted).values_list("code", "pk")) if wanted else {}
    for one in orders:
        if one.currency and one.currency not in known:
            raise UnknownCurrency(number=one.number, currency=one.currency)
    return known


def _receive(
    ctx: Context, shops: Mapping[str, Shop], currencies: Mapping[str, UUID], given: Sequence[OutsideOrder]
) -> list[Received]:
    """Receive orders that are all different ones."""
    outside = {(shops[one.shop].pk, one.number): one for one in given}
    drafts = {
        key: _draft(ctx, shops[one.shop], currencies, one) for key, one in outside.items()
    }
    db.insert_rows([drafts[key] for key in sorted(drafts, key=str)], ignore_conflicts=True)
    stored = _stored(drafts)
    new = [key for key in drafts if stored[key] == drafts[key].pk]
    known = lock(ChannelOrder, [stored[key] for key in drafts if key not in new])
    db.insert_rows([_body(ctx, drafts[key].pk, 1, outside[key]) for key in new])
    written, listed = _write_lines(drafts, outside, new)
    seen = _digests(known)
    results = {key: ("new", drafts[key]) for key in new}
    given_up = {key for key, order in known.items() if order.state == "cancelled"}
    for key in drafts:
        if key not in results:
            order = known[stored[key]]
            results[key] = (_update(ctx, order, drafts[key], outside[key], seen[order.pk]), order)
    ours = [order for _, order in results.values()]
    by_key = {shop.pk: shop for shop in shops.values()}
    moving = [order for result, order in results.values() if result in ("new", "updated")]
    fresh = {drafts[key].pk for key in new}
    free = [order for order in moving if order.outside_state != "cancelled" and order.hold != "person"]
    take(ctx, free, Known(by_key, fresh, written, listed))
    for order in ours:
        if order.outside_state == "cancelled" and order.state in OPEN:
            order.state, order.hold, order.cancel_reason = "cancelled", "", CANCELLED.in_(ctx.language)
    db.update_rows([drafts[key] for key in new], DECIDED)
    save(ctx, [order for order in known.values() if dirty(order)])
    put_together(ctx, [order for order in moving if order.state in BINDING], by_key)
    # What we gave up and the shop has now let go of as well, it may have added to the stock we told it meanwhile.
    tell_again(ctx, [order.pk for result, order in results.values() if result == "cancelled" and order.pk in given_up])
    learn(ctx, _keys(outside, {key for key, (result, _) in results.items() if result in ("new", "updated")}, listed))
    texts = _texts([order.pk for order in ours if order.state == "held"])
    return [
        Received(order.pk, by_key[order.shop_id].code, order.outside_number, result, order.state, order.hold,
                 texts.get(order.pk, ""))
        for result, order in (results[shops[one.shop].pk, one.number] for one in given)
    ]  # fmt: skip


def _keys(
    outside: Mapping[tuple[UUID, str], OutsideOrder], moving: set[tuple[UUID, str]],
    listed: Mapping[tuple[UUID, str], Listed],
) -> list[Said]:  # fmt: skip
    """Give the keys of goods that orders name and their listings, where these were looked up, do not know."""
    return [
        Said(shop, line.sku, keys)
        for shop, number in moving for line in outside[shop, number].lines
        if (keys := Outside(line.outside_item, line.outside_sku)).says_more(
            known.outside if (known := listed.get((shop, line.sku))) else Outside()
        )
    ]  # fmt: skip


CANCELLED = L("店铺已取消", "The shop has cancelled it")


# --- what is written of it ----------------------------------------------------------------------------------


def _draft(ctx: Context, shop: Shop, currencies: Mapping[str, UUID], one: OutsideOrder) -> ChannelOrder:
    amounts = _amounts(one)
    return ChannelOrder(
        id=new_id(), shop_id=shop.pk, plant_id=shop.plant_id, outside_number=one.number,
        outside_id=one.outside_id, outside_version=one.version,
        outside_state=one.state, outside_changed_at=one.changed_at, received_at=ctx.now,
        **{name: getattr(one, name) for name in SAID},
        ship_by=one.ship_by or (one.paid_at or one.ordered_at or ctx.now) + timedelta(hours=shop.ship_hours),
        currency_id=currencies[one.currency] if one.currency else shop.currency_id,
        goods_amount=sum(amounts), discount_amount=one.discount_amount, freight_amount=one.freight_amount,
        total_amount=one.total_amount, party_id=shop.party_id, created_at=ctx.now, changed_at=ctx.now,
        created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip


def _amounts(one: OutsideOrder) -> list[Any]:
    return [
        max(rules.line_amount(line.quantity, line.price, line.discount_amount), rules.ZERO)
        if line.amount is None else line.amount
        for line in one.lines
    ]  # fmt: skip


def _lines(order: ChannelOrder, one: OutsideOrder) -> list[ChannelOrderLine]:
    return [
        ChannelOrderLine(
            channel_order_id=order.pk, position=n, outside_line=line.line, sku=line.sku, title=line.title,
            outside_item=line.outside_item, outside_sku=line.outside_sku, quantity=line.quantity, price=line.price,
            discount_amount=line.discount_amount, amount=amount,
        )
        for n, (line, amount) in enumerate(zip(one.lines, _amounts(one), strict=True), start=1)
    ]  # fmt: skip


def _write_lines(
    drafts: Mapping[tuple[UUID, str], ChannelOrder], outside: Mapping[tuple[UUID, str], OutsideOrder],
    new: Sequence[tuple[UUID, str]],
) -> tuple[dict[UUID, list[ChannelOrderLine]], dict[tuple[UUID, str], Listed]]:  # fmt: skip
    """Write the lines of new orders, matched to listings where their SKUs are known.

    Gives:  the lines by order, and what the SKUs stand for
    """
    lines = {key: _lines(drafts[key], outside[key]) for key in new}
    known = queries.listed((shop, line.sku) for (shop, _), rows in lines.items() for line in rows) if new else {}
    for (shop, _), rows in lines.items():
        for line in rows:
            found = known.get((shop, line.sku))
            line.listing_id = found.id if found else None
    db.insert_rows([line for rows in lines.values() for line in rows])
    return {drafts[key].pk: rows for key, rows in lines.items()}, known


def _given(one: OutsideOrder) -> Any:
    return dump(one) if one.body is None else one.body


def _frozen(one: OutsideOrder) -> str:
    """Give what is kept: text as it is, else the JSON with its names in the order they came."""
    given = _given(one)
    return given if isinstance(given, str) else orjson.dumps(given, default=str).decode()


def digest_of(one: OutsideOrder) -> str:
    """Give by what the same body is known again, whatever the order of its names."""
    return hashlib.sha256(orjson.dumps(_given(one), option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def _body(ctx: Context, order: UUID, no: int, one: OutsideOrder) -> OrderBody:
    return OrderBody(
        channel_order_id=order, no=no, outside_version=one.version, digest=digest_of(one), body=_frozen(one),
        at=ctx.now,
    )  # fmt: skip


def _stored(keys: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """Give the whole orders that stand under outside numbers. One statement."""
    pairs = list(keys)
    rows = db.rows(
        "SELECT o.shop_id, o.outside_number, o.id FROM channels_channelorder o "
        "JOIN unnest(%s::uuid[], %s::text[]) AS k(shop, number) ON k.shop = o.shop_id AND k.number = o.outside_number "
        "WHERE o.part = 0",
        [[shop for shop, _ in pairs], [number for _, number in pairs]],
    )
    return {(shop, number): key for shop, number, key in rows}


def _digests(orders: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = {key: {} for key in orders}
    if found:
        rows = OrderBody.objects.filter(channel_order__in=list(found)).values_list("channel_order_id", "digest", "no")
        for key, digest, no in rows:
            found[key][digest] = no
    return found


def _texts(orders: Sequence[UUID]) -> dict[UUID, str]:
    """Give why orders are held, in a line each."""
    found: dict[UUID, list[str]] = {}
    if orders:
        rows = ChannelHold.objects.filter(channel_order__in=orders, released_at__isnull=True).order_by("position")
        for key, text in rows.values_list("channel_order_id", "text"):
            found.setdefault(key, []).append(text)
    return {key: "; ".join(texts) for key, texts in found.items()}


# --- what came again ----------------------------------------------------------------------------------------


def _update(
    ctx: Context, order: ChannelOrder, draft: ChannelOrder, one: OutsideOrder, seen: Mapping[str, int]
) -> str:
    """Bring a known order up to what the shop says now, as far as it may still change; give what became of it."""
    if digest_of(one) in seen:
        return "unchanged"
    db.insert_rows([_body(ctx, order.pk, max(seen.values(), default=0) + 1, one)])
    if rules.is_older(order.outside_changed_at, one.changed_at):
        return "older"
    parts = _parts(order)
    was = _said(order, parts)
    for name in rules.FREE_TO_CHANGE:
        setattr(order, name, getattr(draft, name))
    if one.state == "cancelled":
        return _cancel(ctx, order, parts)
    if order.state in OPEN and len(parts) == 1:
        for name in (*SAID, "ship_by", "currency_id", "goods_amount", "discount_amount", "freight_amount",
                     "total_amount"):  # fmt: skip
            setattr(order, name, getattr(draft, name))
        ChannelOrderLine.objects.filter(channel_order=order.pk).delete()
        ChannelHold.objects.filter(channel_order=order.pk).exclude(reason="person").delete()
        db.insert_rows(_lines(order, one))
        return "updated"
    if order.state in ("done", "cancelled", "refunded"):
        return "updated"
    now = {name: getattr(draft, name) for name in SAID} | {"total_amount": one.total_amount, "lines": _signature(
        (line.sku, line.quantity, amount) for line, amount in zip(one.lines, _amounts(one), strict=True)
    )}  # fmt: skip
    found = {name: pair for name, pair in rules.changes(was, now).items() if name not in rules.FREE_TO_CHANGE}
    return "difference" if note_differences(ctx, order, found) else "updated"


def _parts(order: ChannelOrder) -> list[ChannelOrder]:
    return list(ChannelOrder.objects.filter(shop=order.shop_id, outside_number=order.outside_number).order_by("part"))


def _said(order: ChannelOrder, parts: Sequence[ChannelOrder]) -> dict[str, Any]:
    """Give what we know of an outside order, its parts taken together."""
    lines = ChannelOrderLine.objects.filter(channel_order__in=[part.pk for part in parts])
    return {name: getattr(order, name) for name in SAID} | {
        "total_amount": sum((part.total_amount for part in parts), rules.ZERO),
        "lines": _signature(lines.values_list("sku", "quantity", "amount")),
    }


def _signature(lines: Iterable[tuple[str, Any, Any]]) -> str:
    """Give lines in words, by SKU, so that two versions can be laid side by side."""
    sums: dict[str, list[Any]] = {}
    for sku, quantity, amount in lines:
        one = sums.setdefault(sku, [rules.ZERO, rules.ZERO])
        one[0] += quantity
        one[1] += amount
    return "; ".join(f"{sku} × {pieces.normalize():f} = {amount:.2f}" for sku, (pieces, amount) in sorted(sums.items()))


def _cancel(ctx: Context, order: ChannelOrder, parts: Sequence[ChannelOrder]) -> str:
    """Cancel what the shop has cancelled, all its parts; what has gone is stopped on its way, by a person's leave."""
    others = list(lock(ChannelOrder, [part.pk for part in parts if part.pk != order.pk]).values())
    done = []
    for one in (order, *others):
        before = one.state
        try:
            with attempt(ctx):
                cancel(ctx, [one], CANCELLED.in_(ctx.language), is_outside=True)
        except DomainError as refusal:
            one.cancel_reason = ""
            note_differences(ctx, one, {"state": (one.state, f"cancelled ({refusal.text()})")})
        done.append(one.state == "cancelled" or one.state == before == "cancelled")
        if before in ("shipped", "done") and one.state == before:
            note_differences(ctx, one, {"state": (before, "cancelled")})
    save(ctx, [one for one in others if dirty(one)])
    beside.settle(ctx, (by_hand.KIND,), "channels.order", [one.pk for one in (order, *others)])
    return "cancelled" if all(done) else "difference"


def note_differences(ctx: Context, order: ChannelOrder, found: Mapping[str, tuple[Any, Any]]) -> bool:
    """Write what a person has to decide on, each field once while it is open; say whether there is any."""
    if not found:
        return False
    open_ = {one.field: one for one in Difference.objects.filter(channel_order=order.pk, state="open")}
    fresh = []
    for name, (ours, theirs) in found.items():
        one = open_.get(name) or Difference(
            channel_order_id=order.pk, field=name, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
            changed_by_id=ctx.person,
        )  # fmt: skip
        one.ours, one.theirs = str("" if ours is None else ours)[:500], str("" if theirs is None else theirs)[:500]
        if one._state.adding:
            fresh.append(one)
    db.insert_rows(fresh)
    db.update_rows([one for one in open_.values() if one.field in found], ["ours", "theirs"])
    order.has_difference = True
    return True
