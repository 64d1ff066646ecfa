"""Decisions about channels: what an order's lines come to, who looks at it first, who ships it, what is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, NamedTuple
from uuid import UUID

from banyan.lib.money import EXACT, exact, round_money, rounded
from banyan.lib.pricing import part_amount

ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)
FAR = 10**9

#: What the condition of a hold rule may name.
RULE_NAMES: Mapping[str, str] = {
    "shop": "text", "platform": "text", "total": "number", "goods": "number", "discount": "number",
    "freight": "number", "pieces": "number", "buyer": "text", "buyer_name": "text", "phone": "text",
    "country": "text", "region": "text", "city": "text", "address": "text", "postcode": "text", "remark": "text",
    "seller_note": "text", "orders_of_buyer": "number", "lines": "list", "lines.sku": "text",
    "lines.title": "text", "lines.quantity": "number", "lines.price": "number", "lines.amount": "number",
    "lines.expected": "number",
}  # fmt: skip


# --- amounts ------------------------------------------------------------------------------------------------


def line_amount(quantity: Decimal, price: Decimal, discount: Decimal = ZERO) -> Decimal:
    """Give what is paid for a line. Source: 3 × 9.99 less 1.00 = 28.97."""
    return round_money(EXACT.multiply(exact(quantity), exact(price))) - discount


def disagreement(lines: Iterable[Decimal], discount: Decimal, freight: Decimal, total: Decimal) -> Decimal:
    """Give by how much the total paid differs from lines less discount plus freight; zero when they agree."""
    return total - (sum(lines, ZERO) - discount + freight)


def shared(amount: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Give an amount in shares by weight, to the cent, that add up to it; by number where all weigh nothing.

    Source: 10.00 by 1, 1, 1: 3.33, 3.34, 3.33
    """
    if not weights:
        return ()
    heavy = weights if sum(weights, ZERO) > 0 else [ONE] * len(weights)
    whole, before, found = sum(heavy, ZERO), ZERO, []
    for weight in heavy:
        found.append(part_amount(amount, whole=whole, before=before, part=weight))
        before += weight
    return tuple(found)


def unit_price(amount: Decimal, quantity: Decimal) -> Decimal:
    """Give the price, to six places, that comes to the amount again for the quantity."""
    return rounded(EXACT.divide(exact(amount), exact(quantity)), 6)


# --- what a line stands for ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bundle, or a gift from so many pieces on; quantity in the item's stock unit, per piece."""

    item: UUID
    quantity: Decimal
    weight: Decimal = ONE
    is_gift: bool = False
    least_quantity: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Outside:
    """The keys by which a shop's interface knows what it sells."""

    item: str = ""
    sku: str = ""
    stock: str = ""
    place: str = ""

    def says_more(self, other: Outside) -> bool:
        """Say whether there is a key here that the other has not, or has otherwise."""
        return any(
            mine and mine != theirs
            for mine, theirs in zip(
                (self.item, self.sku, self.stock, self.place), (other.item, other.sku, other.stock, other.place),
                strict=True,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """What a SKU stands for: an item and its factor, or parts."""

    id: UUID
    item: UUID | None
    factor: Decimal = ONE
    parts: tuple[Part, ...] = ()
    is_made_to_order: bool = False
    price: Decimal | None = None
    safety_quantity: Decimal = ZERO
    outside: Outside = Outside()

    @property
    def pieces(self) -> tuple[Part, ...]:
        """Give what one piece is made of, gifts not counted."""
        if self.item is not None:
            return (Part(self.item, self.factor),)
        return tuple(part for part in self.parts if not part.is_gift)


@dataclass(frozen=True, slots=True)
class Wanted:
    """So much of an item, in its stock unit, for a line of the order (None: freight), and what is paid for it."""

    line: int | None
    item: UUID
    quantity: Decimal
    amount: Decimal
    is_made_to_order: bool = False


def wanted(
    lines: Sequence[tuple[Decimal, Decimal, Listed]], discount: Decimal = ZERO
) -> tuple[Wanted, ...]:
    """Give what is to be sold for the lines of an order, bundles taken apart, gifts added, to the cent.

    Takes:  lines: (pieces, amount paid for the line, what it stands for); discount of the whole order, which
            falls on the lines by their amounts
    Gives:  amounts add up to those of the lines less the discount; gifts cost nothing; a gift that the order has
            earned by several lines of one listing is given for each line by its own pieces
    """
    off = shared(discount, [amount for _, amount, _ in lines]) if discount else (ZERO,) * len(lines)
    found = []
    for n, ((pieces, amount, listed), less) in enumerate(zip(lines, off, strict=True)):
        parts = listed.pieces
        paid = shared(amount - less, [part.weight for part in parts])
        found += [
            Wanted(n, part.item, part.quantity * pieces, share, listed.is_made_to_order)
            for part, share in zip(parts, paid, strict=True)
        ]
        found += [
            Wanted(n, gift.item, gift.quantity * _times(pieces, gift.least_quantity), ZERO)
            for gift in listed.parts
            if gift.is_gift and _times(pieces, gift.least_quantity) > 0
        ]
    return tuple(found)


def _times(pieces: Decimal, least: Decimal) -> Decimal:
    """Give how often a gift is earned: once for every so many pieces, for every piece where nothing is said."""
    return (pieces / least if least > 0 else pieces).to_integral_value(rounding=ROUND_FLOOR)


def spread(amount: Decimal, most: Sequence[Decimal]) -> tuple[Decimal, ...] | None:
    """Give an amount in parts, the first as much as it can take, then the next; None where all together take less.

    Source: 70.00 over 60.00 and 40.00: 60.00, 10.00
    """
    found = []
    for one in most:
        found.append(min(amount, max(one, ZERO)))
        amount -= found[-1]
    return None if amount > 0 else tuple(found)


# --- who looks at it first ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason to wait for a person."""

    reason: str
    text: str = ""
    rule: UUID | None = None


def price_too_low(price: Decimal, expected: Decimal | None, tolerance_percent: Decimal) -> bool:
    """Say whether a piece was sold for less than its price, the tolerance taken off; never without a price."""
    if expected is None:
        return False
    return price < EXACT.divide(EXACT.multiply(exact(expected), HUNDRED - exact(tolerance_percent)), HUNDRED)


def broken_rules(rules: Iterable[tuple[UUID, str, str, Callable[[], bool]]]) -> tuple[Hold, ...]:
    """Give a hold for every rule whose condition is true; one that cannot be worked out holds as well.

    Takes:  (rule, reason, name, condition)
    """
    return tuple(Hold(reason, name, rule) for rule, reason, name, holds in rules if holds())


# --- who ships ----------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where goods leave from: a plant, or one warehouse of it."""

    plant: UUID
    location: UUID | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A place that may ship: how far it is from the buyer, how readily and at what cost, what it has.

    `kept` is what shops keep back of an item: it is touched only where nothing else covers the order.
    """

    place: Place
    distance: int = FAR
    priority: int = 50
    cost: Decimal = ZERO
    free: Mapping[UUID, Decimal] = field(default_factory=dict)
    kept: Mapping[UUID, Decimal] = field(default_factory=dict)

    def has(self, needs: Mapping[UUID, Decimal], *, beyond_shares: bool = False) -> bool:
        """Say whether it has all of it."""
        return all(
            self.free.get(item, ZERO) - (self.kept.get(item, ZERO) if beyond_shares else ZERO) >= quantity
            for item, quantity in needs.items()
        )

    def less(self, needs: Mapping[UUID, Decimal]) -> Source:
        """Give it as it is when so much has been taken."""
        return replace(self, free={**self.free, **{i: self.free.get(i, ZERO) - q for i, q in needs.items()}})


class Stock:
    """What is free in plants and in their warehouses, while orders that are being decided on take theirs."""

    def __init__(self, free: Mapping[tuple[Place, UUID], Decimal]) -> None:
        self.free = dict(free)

    def at(self, place: Place, items: Iterable[UUID]) -> dict[UUID, Decimal]:
        """Give what is free of items: in a warehouse never more than in its plant."""
        return {item: min(self._one(place, item), self._one(Place(place.plant), item)) for item in items}

    def over(self, places: Iterable[Place], items: Iterable[UUID]) -> dict[UUID, Decimal]:
        """Give what is free of items over places: of a plant all of it, or what its warehouses have, never more."""
        wanted: dict[UUID, set[Place]] = {}
        for place in places:
            wanted.setdefault(place.plant, set()).add(place)
        found = {}
        for item in set(items):
            found[item] = ZERO
            for plant, mine in wanted.items():
                whole = max(self._one(Place(plant), item), ZERO)
                part = sum((max(self._one(place, item), ZERO) for place in mine), ZERO)
                found[item] += whole if Place(plant) in mine else min(whole, part)
        return found

    def take(self, place: Place, needs: Mapping[UUID, Decimal]) -> None:
        """Note that so much has been taken, of the warehouse and of its plant."""
        for at in {place, Place(place.plant)}:
            for item, quantity in needs.items():
                self.free[at, item] = self._one(at, item) - quantity

    def _one(self, place: Place, item: UUID) -> Decimal:
        return self.free.get((place, item), ZERO)


@dataclass(frozen=True, slots=True)
class Allotment:
    """The place that ships each line, in the order of the lines; none at all where something is missing."""

    places: tuple[Place, ...] = ()
    missing: Mapping[UUID, Decimal] = field(default_factory=dict)


def summed(needs: Iterable[Mapping[UUID, Decimal]]) -> dict[UUID, Decimal]:
    """Give needs added up by item."""
    total: dict[UUID, Decimal] = {}
    for one in needs:
        for item, quantity in one.items():
            total[item] = total.get(item, ZERO) + quantity
    return total


def allot(
    lines: Sequence[Mapping[UUID, Decimal]], sources: Iterable[Source], *, may_split: bool = False
) -> Allotment:
    """Choose who ships: one parcel first, then the nearest, the priority, the cost.

    Takes:  lines: what each needs by item, in stock units; a line never leaves from two places
    Gives:  the place that has all of it beyond the shares kept back, else the one that has all of it; else, where
            it may be split, place after place with the most lines; else what is missing at the place that is best
    """
    ranked = sorted(sources, key=lambda s: (s.distance, s.priority, s.cost, str(s.place)))
    whole = summed(lines)
    for beyond in (True, False):
        for source in ranked:
            if source.has(whole, beyond_shares=beyond):
                return Allotment((source.place,) * len(lines))
    found = _split(lines, ranked) if may_split else None
    return Allotment(found) if found else Allotment(missing=_missing(whole, ranked, may_split))


def _split(lines: Sequence[Mapping[UUID, Decimal]], ranked: Sequence[Source]) -> tuple[Place, ...] | None:
    chosen: dict[int, Place] = {}
    unused = list(ranked)
    while unused and len(chosen) < len(lines):
        best, taken = None, ()
        for source in unused:
            mine = _taken(lines, chosen, source)
            if len(mine) > len(taken):
                best, taken = source, mine
        if best is None:
            return None
        unused.remove(best)
        chosen |= {n: best.place for n in taken}
    return tuple(chosen[n] for n in range(len(lines))) if len(chosen) == len(lines) else None


def _taken(
    lines: Sequence[Mapping[UUID, Decimal]], chosen: Mapping[int, Place], source: Source
) -> tuple[int, ...]:
    """Give which lines that nobody ships yet a place can ship together."""
    mine = []
    for n, needs in enumerate(lines):
        if n not in chosen and source.has(needs):
            mine.append(n)
            source = source.less(needs)
    return tuple(mine)


def _missing(
    whole: Mapping[UUID, Decimal], ranked: Sequence[Source], may_split: bool
) -> dict[UUID, Decimal]:
    def short(there: Callable[[UUID], Decimal]) -> dict[UUID, Decimal]:
        return {i: q - max(there(i), ZERO) for i, q in whole.items() if q > max(there(i), ZERO)}

    if not ranked:
        return dict(whole)
    if may_split:
        return short(lambda i: sum((max(s.free.get(i, ZERO), ZERO) for s in ranked), ZERO)) or dict(whole)
    return min((short(lambda i, s=s: s.free.get(i, ZERO)) for s in ranked), key=len)


# --- what is offered ----------------------------------------------------------------------------------------


def kept_back(free: Decimal, percent: Decimal, quantity: Decimal = ZERO) -> Decimal:
    """Give what a shop leaves of what is free: its share, or the listing's own quantity where that is more."""
    share = EXACT.divide(EXACT.multiply(exact(max(free, ZERO)), exact(percent)), HUNDRED)
    return max(share, quantity)


def offered(
    parts: Sequence[Part], free: Mapping[UUID, Decimal], *, percent: Decimal = ZERO, quantity: Decimal = ZERO
) -> Decimal:
    """Give how many pieces may be sold now: whole ones, of the part that has least; none without parts.

    Source: 10 free, 20 % kept, 3 in a piece: 8 / 3 = 2
    """
    found = []
    for part in parts:
        there = max(free.get(part.item, ZERO), ZERO)
        left = max(there - kept_back(there, percent, quantity), ZERO)
        found.append((left / part.quantity).to_integral_value(rounding=ROUND_FLOOR))
    return min(found, default=ZERO)


# --- what may leave together, what has changed --------------------------------------------------------------


def leaves_together(one: Any, other: Any, minutes: int | None = None) -> bool:
    """Say whether two orders go in one parcel: one buyer, address, customer, warehouse and currency.

    Takes:  minutes: how far apart they may have been ordered, any time when None
    """
    if any(getattr(one, name) != getattr(other, name) for name in PARCEL):
        return False
    if not one.address or not (one.buyer or one.phone):
        return False
    if minutes is None or one.ordered_at is None or other.ordered_at is None:
        return minutes is None
    return abs(one.ordered_at - other.ordered_at) <= timedelta(minutes=minutes)


PARCEL = (
    "shop_id", "buyer", "buyer_name", "phone", "country", "region", "city", "address", "postcode", "party_id",
    "plant_id", "location_id", "currency_id",
)  # fmt: skip
#: What a shop may still change of an accepted order without anybody's work.
FREE_TO_CHANGE = (
    "outside_id", "remark", "seller_note", "outside_version", "outside_changed_at", "outside_state", "paid_at",
    "pay_by",
)  # fmt: skip


def changes(known: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give what the shop says differently now: (ours, theirs) by field, in the order of the fields."""
    return {name: (known.get(name), value) for name, value in now.items() if known.get(name) != value}


def is_older(known: datetime | None, given: datetime | None) -> bool:
    """Say whether a version is older than the one we have; what says no time is taken as newer."""
    return known is not None and given is not None and given < known


#: So many minutes before it is due a clock turns orange.
SOON = 6 * 60


def minutes_left(due: datetime, now: datetime) -> int:
    """Give the minutes until it is due, below zero when that has passed."""
    return int((due - now).total_seconds() // 60)


def clock_tone(left: int) -> str:
    """Give the colour of a clock: red when late, orange when soon, else green."""
    return "red" if left < 0 else "orange" if left <= SOON else "green"


# --- settling -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line of a statement with the order it is for; fees count as what the platform keeps of it."""

    kind: str
    order: UUID | None
    amount: Decimal


def settled_differences(
    lines: Sequence[SettledLine], expected: Mapping[UUID, tuple[Decimal, Decimal]]
) -> tuple[Decimal, ...]:
    """Give by how much what was paid and given back differs from what we expect, on the last line of each.

    Takes:  expected: by order, what is to be received for it and what was refunded of it
    Gives:  a difference per line, in order; zero for fees and for lines without an order
    Source: 100 expected, lines of 60 and 39: 0, −1
    """
    last: dict[tuple[UUID, str], int] = {}
    sums: dict[tuple[UUID, str], Decimal] = {}
    for n, line in enumerate(lines):
        if line.order is not None and line.kind in ("order", "refund"):
            key = (line.order, line.kind)
            last[key] = n
            sums[key] = sums.get(key, ZERO) + line.amount
    found = [ZERO] * len(lines)
    for (order, kind), n in last.items():
        due, refunded = expected[order]
        found[n] = sums[order, kind] - (due if kind == "order" else -refunded)
    return tuple(found)
