"""What may move, what it uses up, what it is worth: decisions and sums over rows that are already locked.

A posting works on `Shelf` (a balance row), `Pool` (what can be promised of an item in a plant) and `Worth`
(its value); they are changed here step by step in memory and written back by the command as deltas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from banyan.lib.money import EXACT, round_money, take_value
from banyan.modules.inventory.kinds import FREE, OURS, STOPPED
from banyan.modules.inventory.values import DemandKey

ZERO = Decimal(0)
#: A balance row by what it is of: item, lot, location, owner.
ShelfKey = tuple[UUID, UUID | None, UUID, UUID | None]
PoolKey = tuple[UUID, UUID]

METHODS = ("moving_average", "fifo", "standard", "monthly_average")


# --- the rows a posting works on ----------------------------------------------------------------------------


@dataclass(slots=True)
class Shelf:
    """What lies of an item, lot and owner in one of our locations; `id` is None until the row exists.

    `is_free` says that what is not allocated counts as available: our own, in a store, of no stopped lot.
    """

    key: ShelfKey
    plant: UUID
    kind: str
    is_free: bool
    on_hand: Decimal = ZERO
    allocated: Decimal = ZERO
    id: UUID | None = None
    was_on_hand: Decimal = ZERO
    was_allocated: Decimal = ZERO

    def __post_init__(self) -> None:
        self.was_on_hand, self.was_allocated = self.on_hand, self.allocated


@dataclass(slots=True)
class Pool:
    """What is available of an item in a plant, and how much of it is promised."""

    key: PoolKey
    available: Decimal = ZERO
    promised: Decimal = ZERO
    id: UUID | None = None
    was_available: Decimal = ZERO
    was_promised: Decimal = ZERO

    def __post_init__(self) -> None:
        self.was_available, self.was_promised = self.available, self.promised

    @property
    def free(self) -> Decimal:
        return self.available - self.promised


@dataclass(slots=True)
class Claim:
    """A promise (`place` is a pool) or an allocation (`place` is a shelf) of a demand line."""

    id: UUID
    demand: DemandKey
    place: tuple
    quantity: Decimal
    at: datetime
    was: Decimal = ZERO

    def __post_init__(self) -> None:
        self.was = self.quantity

    def cut(self, most: Decimal) -> Decimal:
        """Take up to so much away, and give how much it was."""
        taken = min(self.quantity, most)
        self.quantity -= taken
        return taken


@dataclass(slots=True)
class Layer:
    """What is left of one receipt."""

    id: UUID
    move: UUID | None
    received_at: datetime
    quantity: Decimal
    amount: Decimal
    is_new: bool = False
    was: Decimal = ZERO

    def __post_init__(self) -> None:
        self.was = self.quantity

    def cut(self, most: Decimal) -> tuple[Decimal, Decimal]:
        """Take up to so much away with its share of the amount, and give both."""
        taken = min(self.quantity, most)
        if taken <= 0:
            return ZERO, ZERO
        amount = take_value(self.quantity, self.amount, taken)
        self.quantity -= taken
        self.amount -= amount
        return taken, amount


@dataclass(frozen=True, slots=True)
class Valued:
    """What stock took on or gave up, and what the document carried beyond that."""

    amount: Decimal
    difference: Decimal = ZERO


@dataclass(slots=True)
class Worth:
    """The value of our own stock of an item in a plant, by its costing method.

    Takes:  last_unit: what a piece was worth when there was one last; layers: for first in, first out
    """

    key: PoolKey
    method: str = "moving_average"
    standard_cost: Decimal | None = None
    last_unit: Decimal | None = None
    quantity: Decimal = ZERO
    amount: Decimal = ZERO
    id: UUID | None = None
    layers: list[Layer] = field(default_factory=list)
    was_quantity: Decimal = ZERO
    was_amount: Decimal = ZERO

    def __post_init__(self) -> None:
        self.was_quantity, self.was_amount = self.quantity, self.amount

    def put(self, quantity: Decimal, given: Decimal | None, layer: Layer) -> Valued:
        """Take a quantity on at what was given for it, else at what a piece is worth.

        Takes:  layer: an empty one, kept where value goes first in, first out
        Source: at standard 4.00, 10 pieces received for 41.50 are 40.00 in stock and 1.50 variance
        """
        if self.method == "standard":
            amount = times(self.standard_cost or ZERO, quantity)
            difference = ZERO if given is None else given - amount
        else:
            amount, difference = self.expected(quantity) if given is None else given, ZERO
        self.quantity += quantity
        self.amount += amount
        if self.method == "fifo":
            layer.quantity, layer.amount, layer.is_new = quantity, amount, True
            self.layers.append(layer)
        return Valued(amount, difference)

    def take(self, quantity: Decimal, given: Decimal | None, reverses: UUID | None) -> Valued:
        """Give a quantity up at its share of the value; with the last piece goes all that is left.

        Takes:  given: the value a document takes back; stock gives up that much where it has it, and the rest
                is the difference; reverses: the move whose layer goes before the older ones
        """
        if self.method == "fifo":
            amount = self._take_layers(quantity, reverses)
        elif given is not None and self.method != "standard":
            amount = min(given, self.amount)
        else:
            amount = take_value(self.quantity, self.amount, quantity)
        if quantity == self.quantity:
            amount = self.amount
        self.quantity -= quantity
        self.amount -= amount
        return Valued(amount, ZERO if given is None else given - amount)

    def _take_layers(self, quantity: Decimal, reverses: UUID | None) -> Decimal:
        """Take from the layers, oldest first; stock in none is older than the method and goes first."""
        queue = sorted(self.layers, key=lambda one: one.received_at)
        loose = self.quantity - sum((one.quantity for one in queue), ZERO)
        for layer in queue:
            if loose < 0:
                loose += layer.cut(-loose)[0]
        if loose > 0:
            value = max(ZERO, self.amount - sum((one.amount for one in queue), ZERO))
            queue.insert(0, Layer(UUID(int=0), None, datetime.min, loose, value))
        amount = ZERO
        for layer in sorted(queue, key=lambda one: reverses is None or one.move != reverses):
            taken, part = layer.cut(quantity)
            quantity -= taken
            amount += part
        return min(amount, self.amount)

    def expected(self, quantity: Decimal) -> Decimal:
        """Give what a quantity would be worth that comes in without a value of its own."""
        if self.quantity > 0:
            return round_money(EXACT.divide(EXACT.multiply(self.amount, quantity), self.quantity))
        return times(self.standard_cost or self.last_unit or ZERO, quantity)


def part_of(amount: Decimal | None, quantity: Decimal, whole: Decimal) -> Decimal | None:
    """Give the share of an amount that goes with a part of its quantity."""
    return amount if amount is None or quantity == whole else take_value(whole, amount, quantity)


def times(price: Decimal, quantity: Decimal) -> Decimal:
    """Give price times quantity to the cent."""
    return round_money(EXACT.multiply(price, quantity))


# --- where things may go ------------------------------------------------------------------------------------


def is_free(kind: str, owner: UUID | None, lot_state: str | None) -> bool:
    """Say whether stock there may be promised: our own, in a store, of no lot that is held or rejected."""
    return kind in FREE and owner is None and lot_state not in STOPPED


def stops_held(source_kind: str, target_kind: str) -> bool:
    """Say whether a held lot may not go this way: into use or to others, by issue or shipment."""
    return source_kind in OURS and target_kind in ("production", "customer", "line_side", "subcontractor")


def value_kind(source_kind: str, target_kind: str, is_reversal: bool) -> str:
    """Give the word for what a move does to value, as the ledger of value entries keeps it."""
    if is_reversal:
        return "reversal"
    if source_kind in OURS and target_kind in OURS:
        return "transfer"
    if source_kind in OURS:
        return {
            "supplier": "supplier_return", "customer": "shipment", "production": "issue", "scrap": "scrap",
        }.get(target_kind, "adjustment")  # fmt: skip
    return {"supplier": "receipt", "customer": "customer_return", "production": "production"}.get(
        source_kind, "adjustment"
    )


#: Which ends a manual document joins: (kinds it may come from, kinds it may go to).
DOCUMENT_ENDS: Mapping[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "receipt": ((("supplier", "production", "adjustment"), OURS),),
    "issue": ((OURS, ("production", "adjustment", "scrap")),),
    "transfer": ((OURS, OURS),),
    "return": ((("customer", "production"), OURS), (OURS, ("supplier",))),
    "adjustment": ((("adjustment",), OURS), (OURS, ("adjustment",))),
}


def may_document(kind: str, source_kind: str, target_kind: str) -> bool:
    """Say whether a manual document of that kind may move from one kind of location to the other."""
    return any(source_kind in out and target_kind in into for out, into in DOCUMENT_ENDS[kind])


# --- taking from a shelf, putting on one --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step took from a shelf, what of it is missing, and how much was free to be taken."""

    quantity: Decimal
    missing: Decimal
    free: Decimal


def take_out(
    shelf: Shelf, pool: Pool, quantity: Decimal, demand: DemandKey | None, promises: Sequence[Claim],
    allocations: Sequence[Claim], shelves: Mapping[ShelfKey, Shelf], is_fact: bool,
) -> Taken:  # fmt: skip
    """Take a quantity from a shelf, using up what the demand holds: its allocation there, then its promise,
    then its allocations elsewhere, which become available again.

    Takes:  promises and allocations: those of the demand for the item and plant; is_fact: what lies there
            goes, whoever holds it
    Gives:  a missing quantity where the shelf, or what others leave of it, does not reach
    """
    own = [claim for claim in allocations if claim.place == shelf.key]
    others = shelf.allocated - sum((claim.quantity for claim in own), ZERO)
    reach = shelf.on_hand if is_fact else max(ZERO, shelf.on_hand - others)
    taken = min(quantity, reach)
    used = cut_all(own, taken)
    shelf.on_hand -= taken
    shelf.allocated -= used
    if shelf.is_free:
        pool.available -= taken - used
    if demand is not None:
        left = taken - used
        kept = cut_all(promises, left)
        pool.promised -= kept
        _give_back(allocations, left - kept, shelves, pool)
    return Taken(taken, quantity - taken, reach)


def put_in(shelf: Shelf, pool: Pool, quantity: Decimal) -> None:
    """Put a quantity on a shelf."""
    shelf.on_hand += quantity
    if shelf.is_free:
        pool.available += quantity


def cut_all(claims: Iterable[Claim], most: Decimal) -> Decimal:
    """Take up to so much away from claims, the first ones first, and give how much it was."""
    total = ZERO
    for claim in claims:
        total += claim.cut(most - total)
    return total


def _give_back(
    allocations: Iterable[Claim], most: Decimal, shelves: Mapping[ShelfKey, Shelf], pool: Pool
) -> Decimal:
    """Take up to so much away from allocations, so that it is available again where its shelf is free."""
    total = ZERO
    for claim in allocations:
        shelf = shelves.get(claim.place)
        if shelf is not None and total < most:
            cut = claim.cut(most - total)
            shelf.allocated -= cut
            if shelf.is_free:
                pool.available += cut
            total += cut
    return total


def give_back(
    claims: Sequence[Claim], allocations: Sequence[Claim], most: Decimal | None,
    shelves: Mapping[ShelfKey, Shelf], pool: Pool,
) -> Decimal:  # fmt: skip
    """Release what a demand holds, promises before allocations; all of it when `most` is None."""
    limit = most if most is not None else sum((c.quantity for c in (*claims, *allocations)), ZERO)
    kept = cut_all(claims, limit)
    pool.promised -= kept
    return kept + _give_back(allocations, limit - kept, shelves, pool)


# --- promises -----------------------------------------------------------------------------------------------


def share(wishes: Sequence[tuple[PoolKey, Decimal]], free: Mapping[PoolKey, Decimal]) -> tuple[Decimal, ...]:
    """Give what each wish gets of what is free, first come, first served."""
    left = dict(free)
    shares = []
    for key, quantity in wishes:
        got = max(ZERO, min(quantity, left.get(key, ZERO)))
        left[key] = left.get(key, ZERO) - got
        shares.append(got)
    return tuple(shares)


def break_claims(claims: Iterable[Claim], excess: Decimal) -> tuple[tuple[Claim, Decimal], ...]:
    """Take the excess away from the newest claims first; give those that lost something, with how much."""
    broken = []
    for claim in sorted(claims, key=lambda one: (one.at, one.id), reverse=True):
        cut = claim.cut(excess)
        excess -= cut
        if cut:
            broken.append((claim, cut))
    return tuple(broken)


@dataclass(frozen=True, slots=True)
class Pickable:
    """A shelf that may be picked from, with what decides its turn."""

    key: ShelfKey
    free: Decimal
    expires_on: date | None
    first_in_at: datetime
    location_code: str
    lot_number: str


def picking_order(rows: Iterable[Pickable]) -> tuple[Pickable, ...]:
    """Give shelves in the order to pick from: first expiry, then first in, then by place and lot."""
    return tuple(
        sorted(rows, key=lambda r: (r.expires_on or date.max, r.first_in_at, r.location_code, r.lot_number))
    )


def pick(quantity: Decimal, rows: Sequence[Pickable]) -> tuple[tuple[tuple[Pickable, Decimal], ...], Decimal]:
    """Give which shelves to take a quantity from, in the given order, and what is then missing."""
    chosen = []
    for row in rows:
        part = min(quantity, row.free)
        if part > 0:
            chosen.append((row, part))
            quantity -= part
    return tuple(chosen), quantity


# --- counts -------------------------------------------------------------------------------------------------


def found(counted: Decimal | None, recounted: Decimal | None) -> Decimal | None:
    """Give what was found: the second count where there is one."""
    return counted if recounted is None else recounted


def is_over_tolerance(expected: Decimal, counted: Decimal, percent: Decimal) -> bool:
    """Say whether a count differs from the books by more than so many percent of them."""
    return abs(counted - expected) * 100 > expected * percent


# --- time ---------------------------------------------------------------------------------------------------


def is_fact_before_hold(is_fact: bool, moved_at: datetime, stopped_at: datetime | None) -> bool:
    """Say whether something had happened already when its lot was stopped, so that it is booked."""
    return is_fact and stopped_at is not None and moved_at < stopped_at


def expiry(made_on: date | None, shelf_life_days: int | None) -> date | None:
    """Give the last day a lot may be used, where it is known when it was made and how long it keeps."""
    if made_on is None or shelf_life_days is None:
        return None
    return made_on + timedelta(days=shelf_life_days)
