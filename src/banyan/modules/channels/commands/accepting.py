"""From an outside order to a sales order: looked at by rules, shipped by whom, promised or held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db, registry
from banyan.kernel.commands import attempt, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.lib.errors import DomainError
from banyan.lib.expressions import ExpressionFailed, compile
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.regions import keys_of
from banyan.modules.channels import queries, rules
from banyan.modules.channels.commands.merging import put_together
from banyan.modules.channels.commands.parting import AMOUNTS, part_lines
from banyan.modules.channels.errors import AmountsDiffer
from banyan.modules.channels.events import OrderAccepted, OrderHeld, OutsideLine
from banyan.modules.channels.models import (
    OPEN,
    Booking,
    ChannelHold,
    ChannelOrder,
    ChannelOrderLine,
    HoldRule,
    Shop,
)
from banyan.modules.channels.rules import Hold, Listed, Place, Source, Wanted
from banyan.modules.inventory.errors import NotEnoughStock, Shortage
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.parties import queries as parties

ZERO = Decimal(0)
#: Others may take what was free a moment ago; so often a place is chosen anew.
TRIES = 3
#: So many of the orders that wait for an item are tried when some of it becomes free.
MOST_AGAIN = 500
#: What is decided on an order after it was written.
DECIDED = (
    "state", "hold", "accepted_at", "order_id", "party_id", "plant_id", "location_id", "cancel_reason", *AMOUNTS,
)  # fmt: skip
#: What a person cannot let pass: it is worked out again.
NEVER_WAIVED = frozenset({"unmatched", "no_stock", "customer"})


@dataclass(slots=True)
class Case:
    """An order that is being decided on, with all that the decision needs."""

    order: ChannelOrder
    shop: Shop
    lines: list[ChannelOrderLine]
    listed: list[Listed | None]
    waived: set[tuple[str, UUID | None]] = field(default_factory=set)
    wanted: tuple[Wanted, ...] = ()
    holds: list[Hold] = field(default_factory=list)
    places: tuple[Place, ...] = ()

    @property
    def needs(self) -> list[dict[UUID, Decimal]]:
        """Give what each line takes from stock, by item."""
        found: list[dict[UUID, Decimal]] = [{} for _ in self.lines]
        for one in self.wanted:
            if one.line is not None and not one.is_made_to_order:
                found[one.line][one.item] = found[one.line].get(one.item, ZERO) + one.quantity
        return found


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller has at hand, so that it is not read again: shops; for orders just written, lines and listings.

    Takes:  new: orders that nobody can have let go before; lines of theirs, written a moment ago, by order
    """

    shops: Mapping[UUID, Shop] | None = None
    new: Collection[UUID] = ()
    lines: Mapping[UUID, list[ChannelOrderLine]] = field(default_factory=dict)
    listed: Mapping[tuple[UUID, str], Listed] = field(default_factory=dict)


def take(
    ctx: Context, orders: Sequence[ChannelOrder], known: Known | None = None, *, is_asked: bool = False
) -> None:  # fmt: skip
    """Accept open orders that nothing holds, hold the others, and leave those that are not paid.

    Takes:  orders, locked or new; is_asked: a person wants them accepted, whatever the shop does by itself
    Writes: sales orders, promises, bookings, holds; locks sales orders, then stock; tells OrderAccepted, OrderHeld
    """
    cases = _cases([order for order in orders if order.state in OPEN], known or Known())
    _look(cases)
    held = [case for case in cases if case.holds]
    ready = [
        case for case in cases
        if not case.holds and case.order.outside_state == "paid" and (is_asked or case.shop.is_automatic)
    ]  # fmt: skip
    for case in cases:
        case.order.state, case.order.hold = "received", ""
    _accept(ctx, sorted(ready, key=lambda c: (c.shop.priority, c.order.ordered_at or ctx.now, c.order.pk)))
    _hold(ctx, [*held, *(case for case in ready if case.holds)])


def try_again(ctx: Context, items: Collection[UUID]) -> int:
    """Accept what waited for stock of items and can be had now, the oldest first; what cannot waits as it did.

    Gives:  how many were accepted, of the MOST_AGAIN oldest
    Writes: as `take` does, but nothing for orders that go on waiting; holds of those accepted are released by nobody;
            locks orders by key
    """
    keys = queries.orders_short_of(items, MOST_AGAIN) if items else ()
    if not keys:
        return 0
    held = lock(ChannelOrder, keys)
    cases = _cases([one for key in keys if (one := held.get(key)) and (one.state, one.hold) == ("held", "no_stock")])
    _look(cases)
    _choose([case for case in cases if not case.holds])
    _accept(ctx, [case for case in cases if not case.holds and case.order.outside_state == "paid"])
    _hold(ctx, [case for case in cases if case.holds and case.holds[0].reason != "no_stock"])
    done = [case.order for case in cases if case.order.state == "accepted"]
    holds = ChannelHold.objects.filter(channel_order__in=done, released_at__isnull=True)
    holds.update(released_at=ctx.now)
    save(ctx, [case.order for case in cases if dirty(case.order)])
    put_together(ctx, done)
    return len(done)


# --- what is known of an order ------------------------------------------------------------------------------


def _cases(orders: Sequence[ChannelOrder], known: Known | None = None) -> list[Case]:
    """Give orders with shop, lines and what their SKUs stand for, matching anew what was not written just now.

    Five statements, none for what the caller knows
    """
    known = known or Known()
    if not orders:
        return []
    shops = known.shops or Shop.objects.in_bulk({order.shop_id for order in orders})
    older = [order for order in orders if order.pk not in known.lines]
    lines, listed = dict(known.lines), dict(known.listed)
    if older:
        found, more = _matched(older)
        lines, listed = lines | found, listed | more
    waived = _waived([order.pk for order in orders if order.pk not in known.new])
    return [
        Case(order, shops[order.shop_id], lines[order.pk],
             [listed.get((order.shop_id, line.sku)) for line in lines[order.pk]], waived.get(order.pk, set()))
        for order in orders
    ]  # fmt: skip


def _matched(
    orders: Sequence[ChannelOrder],
) -> tuple[dict[UUID, list[ChannelOrderLine]], dict[tuple[UUID, str], Listed]]:
    """Give the lines of orders, and what their SKUs stand for now. Writes: their listings."""
    lines: dict[UUID, list[ChannelOrderLine]] = {order.pk: [] for order in orders}
    for line in ChannelOrderLine.objects.filter(channel_order__in=list(lines)).order_by("channel_order_id", "position"):
        lines[line.channel_order_id].append(line)
    shop_of = {order.pk: order.shop_id for order in orders}
    known = queries.listed((shop_of[key], line.sku) for key, rows in lines.items() for line in rows)
    changed = []
    for key, rows in lines.items():
        for line in rows:
            found = known.get((shop_of[key], line.sku))
            if line.listing_id != (found and found.id):
                line.listing_id = found and found.id
                changed.append(line)
    db.update_rows(changed, ["listing_id"])
    return lines, known


def _waived(orders: Sequence[UUID]) -> dict[UUID, set[tuple[str, UUID | None]]]:
    """Give what persons have let pass of orders, as (reason, rule)."""
    found: dict[UUID, set[tuple[str, UUID | None]]] = {}
    if orders:
        rows = ChannelHold.objects.filter(channel_order__in=orders, released_at__isnull=False)
        for key, reason, rule in rows.values_list("channel_order_id", "reason", "rule_id"):
            if reason not in NEVER_WAIVED:
                found.setdefault(key, set()).add((reason, rule))
    return found


# --- who looks at it first ----------------------------------------------------------------------------------


def _look(cases: Sequence[Case]) -> None:
    """Find what each order is held for, and what it comes to where nothing is unknown. Three statements."""
    known = [one for case in cases for one in case.listed if one]
    facts = items.items_by_id([part.item for one in known for part in (*one.pieces, *one.parts)])
    own = list(HoldRule.objects.filter(is_active=True).order_by("code")) if cases else []
    others = queries.orders_of_buyers([case.order.pk for case in cases]) if own else {}
    for case in cases:
        case.holds = [
            hold for hold in _found(case, facts, own, others.get(case.order.pk, 0))
            if (hold.reason, hold.rule) not in case.waived
        ]  # fmt: skip
        if not case.holds:
            case.wanted = _wanted(case)


def _found(case: Case, facts: dict[UUID, ItemFacts], own: Sequence[HoldRule], others: int) -> Iterable[Hold]:
    order, shop = case.order, case.shop
    unknown = [line.sku for line, one in zip(case.lines, case.listed, strict=True) if one is None]
    if unknown:
        yield Hold("unmatched", ", ".join(unknown)[:500])
    off = rules.disagreement(
        [line.amount for line in case.lines], order.discount_amount, order.freight_amount, order.total_amount
    )
    if off:
        yield Hold("amounts", f"{off:+}")
    if order.freight_amount and shop.freight_item_id is None:
        yield Hold("amounts", L("店铺没有设置运费项目", "The shop has no freight item").in_("zh"))
    off = rules.shared(order.discount_amount, [line.amount for line in case.lines])
    for line, one, less in zip(case.lines, case.listed, off, strict=True):
        paid = (line.amount - less) / line.quantity
        if one and rules.price_too_low(paid, one.price, shop.price_tolerance_percent):
            yield Hold("price", f"{line.sku}: {paid:.2f} < {one.price:.2f}")
    inactive = {
        facts[part.item].code for one in case.listed if one for part in (*one.pieces, *one.parts)
        if not facts[part.item].is_active
    }  # fmt: skip
    if inactive:
        yield Hold("unmatched", ", ".join(sorted(inactive))[:500])
    mine = [rule for rule in own if rule.shop_id in (None, shop.pk)]
    env = _environment(case, others) if mine else {}
    yield from rules.broken_rules((r.pk, r.reason, r.name, lambda r=r: _is_broken(r, env)) for r in mine)


def _is_broken(rule: HoldRule, env: dict) -> bool:
    """Say whether a rule's condition is true; one that has no value for an order holds it, to be seen."""
    try:
        return compile(rule.condition, rules.RULE_NAMES, expects="bool").evaluate(env) is True
    except ExpressionFailed:
        return True


def _environment(case: Case, others: int) -> dict:
    order = case.order
    return {
        "shop": case.shop.code, "platform": case.shop.platform, "total": order.total_amount,
        "goods": order.goods_amount, "discount": order.discount_amount, "freight": order.freight_amount,
        "pieces": sum((line.quantity for line in case.lines), ZERO), "buyer": order.buyer,
        "buyer_name": order.buyer_name, "phone": order.phone, "country": order.country, "region": order.region,
        "city": order.city, "address": order.address, "postcode": order.postcode, "remark": order.remark,
        "seller_note": order.seller_note, "orders_of_buyer": others,
        "lines": [
            {"sku": line.sku, "title": line.title, "quantity": line.quantity, "price": line.price,
             "amount": line.amount, "expected": one.price if one else None}
            for line, one in zip(case.lines, case.listed, strict=True)
        ],
    }  # fmt: skip


def _wanted(case: Case) -> tuple[Wanted, ...]:
    """Give what is to be sold, freight as a line of its own, to the cent.

    A disagreement that a person let pass falls on discount or freight: what was paid is what is charged.
    """
    order = case.order
    lines = [(line.quantity, line.amount, one) for line, one in zip(case.lines, case.listed, strict=True) if one]
    goods = sum((line.amount for line in case.lines), ZERO)
    off = rules.disagreement([goods], order.discount_amount, order.freight_amount, order.total_amount)
    if off:
        order.discount_amount -= off
        if order.discount_amount < 0:
            order.freight_amount, order.discount_amount = order.freight_amount - order.discount_amount, ZERO
    found = rules.wanted(lines, order.discount_amount)
    if order.freight_amount and case.shop.freight_item_id:
        found += (Wanted(None, case.shop.freight_item_id, Decimal(1), order.freight_amount),)
    return found


# --- held ---------------------------------------------------------------------------------------------------


def _hold(ctx: Context, cases: Sequence[Case]) -> None:
    """Write why orders wait, each reason once while it lasts, and tell."""
    known: dict[UUID, set[tuple[str, UUID | None, str]]] = {}
    most: dict[UUID, int] = {}
    rows = ChannelHold.objects.filter(channel_order__in=[case.order.pk for case in cases])
    for key, reason, rule, text, place, at in rows.values_list(
        "channel_order_id", "reason", "rule_id", "text", "position", "released_at"
    ):
        most[key] = max(most.get(key, 0), place)
        if at is None:
            known.setdefault(key, set()).add((reason, rule, text))
    fresh = []
    for case in cases:
        case.order.state, case.order.hold = "held", case.holds[0].reason
        place = most.get(case.order.pk, 0)
        for n, hold in enumerate(case.holds, start=1):
            if (hold.reason, hold.rule, hold.text[:500]) not in known.get(case.order.pk, ()):
                fresh.append(
                    ChannelHold(channel_order_id=case.order.pk, position=place + n, reason=hold.reason,
                                rule_id=hold.rule, text=hold.text[:500], at=ctx.now)
                )  # fmt: skip
    db.insert_rows(fresh)
    tell(*(
        OrderHeld(**words_of(case.order, case.shop), reasons=tuple((h.reason, h.text) for h in case.holds))
        for case in cases
    ))  # fmt: skip


def other_parts(orders: Iterable[ChannelOrder]) -> dict[UUID, dict[UUID, str]]:
    """Give by order the stored states of the other parts of its outside order. One statement."""
    keys = [order.pk for order in orders]
    rows = db.rows(
        "SELECT o.id, x.id, x.state FROM channels_channelorder o JOIN channels_channelorder x "
        "ON x.shop_id = o.shop_id AND x.outside_number = o.outside_number AND x.id <> o.id WHERE o.id = ANY(%s)",
        [keys],
    )
    found: dict[UUID, dict[UUID, str]] = {key: {} for key in keys}
    for key, other, state in rows:
        found[key][other] = state
    return found


def words_of(order: ChannelOrder, shop: Shop) -> dict:
    """Give what every event of an order says."""
    return {
        "record": order.pk, "shop": shop.code, "system": shop.system, "platform": shop.platform,
        "outside_number": order.outside_number, "outside_id": order.outside_id or order.outside_number,
        "part": order.part,
    }  # fmt: skip


# --- accepted -----------------------------------------------------------------------------------------------


def _accept(ctx: Context, cases: Sequence[Case]) -> None:
    """Accept orders together; where one is refused, each for itself, so that it stops nobody but itself."""
    if not cases:
        return
    if len(cases) == 1:
        _accept_one(ctx, cases[0])
        return
    _choose(cases)
    whole = [case for case in cases if len(set(case.places)) == 1]
    rest = [case for case in cases if case not in whole]
    try:
        with attempt(ctx):
            made = _book(ctx, whole)
        _accepted(ctx, whole, made)
    except DomainError:
        rest = sorted([*rest, *whole], key=cases.index)
    for case in rest:
        _accept_one(ctx, case)


def _accept_one(ctx: Context, case: Case) -> None:
    for turn in range(TRIES):
        case.holds = []
        _choose([case])
        if case.holds:
            return
        before = [getattr(case.order, name) for name in AMOUNTS]
        try:
            with attempt(ctx):
                parts = _parted(ctx, case)
                made = _book(ctx, parts)
            _accepted(ctx, parts, made)
            db.update_rows([part.order for part in parts[1:]], DECIDED)
            return
        except DomainError as refusal:
            for name, value in zip(AMOUNTS, before, strict=True):
                setattr(case.order, name, value)
            if not isinstance(refusal, NotEnoughStock):
                reason = "amounts" if isinstance(refusal, AmountsDiffer) else "customer"
                case.holds = [Hold(reason, refusal.text()[:500])]
                return
            if turn == TRIES - 1:
                case.holds = [Hold("no_stock", refusal.text()[:500])]


def _choose(cases: Sequence[Case]) -> None:
    """Choose the place for every line of every order, as if the orders before it had taken theirs.

    Two statements, three where shops ship from warehouses of a plant
    """
    ships = queries.who_ships(case.shop.pk for case in cases)
    stock = queries.free_stock(
        (item for case in cases for needs in case.needs for item in needs),
        (one.place for found in ships.values() for one in found),
    )
    for case in cases:
        needs = case.needs
        kept_most = {one.item: one2.safety_quantity for one2 in case.listed if one2 for one in one2.pieces}
        where = keys_of(case.order.country, case.order.region, case.order.city)
        sources: list[Source] = []
        for one in ships[case.shop.pk]:
            there = stock.at(one.place, rules.summed(needs))
            kept = {
                item: rules.kept_back(quantity, case.shop.safety_percent, kept_most.get(item, ZERO))
                for item, quantity in there.items()
            }
            sources.append(one.source(where, there, kept))
        found = rules.allot(needs, sources, may_split=case.shop.is_split)
        case.places = found.places
        if found.missing:
            case.holds = [Hold("no_stock", _shortage(found.missing))]
            continue
        for place, line in zip(found.places, needs, strict=True):
            stock.take(place, line)


def _shortage(missing: dict[UUID, Decimal]) -> str:
    facts = items.items_by_id(list(missing))
    return ", ".join(
        sorted(f"{facts[item].code} × {quantity.normalize():f}" for item, quantity in missing.items())
    )


def _parted(ctx: Context, case: Case) -> list[Case]:
    """Give an order per place; what leaves from the first place, and the freight, stay with the order itself."""
    if len(set(case.places)) <= 1:
        return [case]
    first = case.places[0]
    groups: dict[Place, dict[UUID, Decimal]] = {}
    for line, place in zip(case.lines, case.places, strict=True):
        if place != first:
            groups.setdefault(place, {})[line.pk] = line.quantity
    made = part_lines(ctx, case.order, list(groups.values()))
    cases = _cases([case.order, *made])
    for one, place in zip(cases, [first, *groups], strict=True):
        one.wanted, one.places = _wanted(one), (place,) * len(one.lines)
    return cases


def _book(ctx: Context, cases: Sequence[Case]) -> list[tuple]:
    """Write and confirm a sales order for each; give them with the bookings of their lines.

    Raises: NotEnoughStock; what sales and its listeners refuse; nothing is written
    """
    if not cases:
        return []
    billed = _parties(ctx, cases)
    records, bookings, made_to_order = [], [], []
    for case in cases:
        keys = [new_id() for _ in case.wanted]
        plant = case.places[0].plant if case.places else case.shop.plant_id
        records.append(_record(case, billed[case.order.pk], plant, keys))
        made_to_order.append([key for key, one in zip(keys, case.wanted, strict=True) if one.is_made_to_order])
        bookings.append([
            Booking(channel_order_id=case.order.pk, order_line_id=key, quantity=one.quantity, amount=one.amount,
                    line_id=None if one.line is None else case.lines[one.line].pk)
            for key, one in zip(keys, case.wanted, strict=True)
        ])  # fmt: skip
    orders = registry.command("sales.order.create")(ctx, {"records": records})
    for case, made in zip(cases, orders, strict=True):
        if made.gross_amount != case.order.total_amount:
            raise AmountsDiffer(
                number=case.order.outside_number, total=case.order.total_amount, gross=made.gross_amount
            )
    # Stock is taken last of all that can come before it: who wants the same piece waits until we commit.
    db.insert_rows([row for rows in bookings for row in rows])
    registry.command("sales.order.confirm")(
        ctx, [made.pk for made in orders],
        {"must_promise": True, "made_to_order": [key for keys in made_to_order for key in keys]},
    )  # fmt: skip
    _refuse_short_warehouses(cases)
    return [(made.pk, record["party"], record["plant"]) for made, record in zip(orders, records, strict=True)]


def _refuse_short_warehouses(cases: Sequence[Case]) -> None:
    """Refuse orders that together take more from a warehouse than is free in it, now that their plant's is theirs.

    Who promises holds the plant's supply until commit, so nobody takes from its warehouses meanwhile. One statement,
    none where nobody ships from a warehouse

    Raises: NotEnoughStock
    """
    wanted: dict[Place, dict[UUID, Decimal]] = {}
    for case in cases:
        if case.places and case.places[0].location:
            place = case.places[0]
            wanted[place] = rules.summed([wanted.get(place, {}), *case.needs])
    free = queries.free_in({item for needs in wanted.values() for item in needs}, wanted)
    short = [
        Shortage(str(item), str(place.location), quantity, max(free.get((place, item), ZERO), ZERO),
                 quantity - max(free.get((place, item), ZERO), ZERO), item)
        for place, needs in wanted.items() for item, quantity in needs.items()
        if quantity > free.get((place, item), ZERO)
    ]  # fmt: skip
    if short:
        facts = items.items_by_id([one.item_id for one in short])
        raise NotEnoughStock([replace(one, item=facts[one.item_id].code) for one in short])


def _record(case: Case, party: UUID, plant: UUID, keys: Sequence[UUID]) -> dict:
    order = case.order
    words = [case.lines[one.line].sku if one.line is not None else "" for one in case.wanted]
    return {
        "id": new_id(), "party": party, "plant": plant, "currency": order.currency_id,
        "customer_reference": order.outside_number,
        "address": " ".join(
            word for word in (order.buyer_name, order.phone, order.region, order.city, order.address, order.postcode)
            if word
        )[:500],
        "wanted_on": order.ship_by and order.ship_by.date(),
        "lines": [
            {
                "id": key, "item": one.item, "quantity": one.quantity, "note": word,
                "price": rules.unit_price(one.amount, one.quantity), "price_includes_tax": True,
                **({"tax_code": case.shop.tax_code_id} if case.shop.tax_code_id else {}),
            }
            for key, one, word in zip(keys, case.wanted, words, strict=True)
        ],
    }  # fmt: skip


def _accepted(ctx: Context, cases: Sequence[Case], made: Sequence[tuple]) -> None:
    """Note on orders that they are booked, and tell."""
    for case, (order, party, plant) in zip(cases, made, strict=True):
        case.order.state, case.order.hold, case.order.accepted_at = "accepted", "", ctx.now
        case.order.order_id, case.order.party_id, case.order.plant_id = order, party, plant
        case.order.location_id = case.places[0].location if case.places else None
    tell(*(
        OrderAccepted(
            **words_of(case.order, case.shop), order=case.order.order_id, plant=case.order.plant_id,
            total_amount=case.order.total_amount, ship_by=case.order.ship_by, lines=told_lines(case.lines),
        )
        for case in cases
    ))  # fmt: skip


def told_lines(lines: Iterable[ChannelOrderLine]) -> tuple[OutsideLine, ...]:
    """Give lines as the shop names them."""
    return tuple(told_line(line, line.quantity) for line in lines)


def told_line(line: ChannelOrderLine, quantity: Decimal) -> OutsideLine:
    """Give so many pieces of a line as shops are told of it."""
    return OutsideLine(line.outside_line, line.sku, line.outside_item, line.outside_sku, quantity)


# --- whom it is billed to -----------------------------------------------------------------------------------


def _parties(ctx: Context, cases: Sequence[Case]) -> dict[UUID, UUID]:
    """Give whom each order bills: the shop's customer, else one for its buyer, who is made when new.

    Writes: customers, known by the shop's code and the buyer's account; one buyer is made once
    """
    found = {case.order.pk: case.shop.party_id for case in cases if case.shop.party_id}
    own: dict[Shop, dict[str, Case]] = {}
    for case in cases:
        if not case.shop.party_id:
            own.setdefault(case.shop, {})[_buyer(case.order)] = case
    for shop, buyers in sorted(own.items(), key=lambda one: one[0].code):
        system, codes = f"shop:{shop.code}"[:40], sorted(buyers)
        db.rows(
            "SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) FROM unnest(%s::text[]) AS k",
            [[f"{system} {code}" for code in codes]],
        )
        known = parties.by_outside_codes(system, codes)
        new = [code for code in codes if code not in known]
        if new:
            made = registry.command("parties.party.create")(
                ctx, {"records": [_customer(shop, system, code, buyers[code].order) for code in new]}
            )
            known |= {code: one.pk for code, one in zip(new, made, strict=True)}
        for case in cases:
            if case.shop == shop:
                found[case.order.pk] = known[_buyer(case.order)]
    return found


def _buyer(order: ChannelOrder) -> str:
    """Give by what a buyer is known: the account, else the phone, else the order."""
    return (order.buyer or order.phone or order.outside_number)[:80]


def _customer(shop: Shop, system: str, code: str, order: ChannelOrder) -> dict:
    return {
        "code": f"{shop.code[:11]}-{new_id().hex[-20:]}", "name": (order.buyer_name or code)[:160],
        "is_customer": True, "payment_terms": "prepaid",
        "external_ids": [{"system": system, "outside_code": code}],
        "addresses": [
            {"kind": "delivery", "line": (order.address or "—")[:255], "city": order.city, "region": order.region,
             "country": order.country or "CN", "postcode": order.postcode}
        ],
    }  # fmt: skip

