"""Decisions of selling: which price counts, how far an order is, what may be shipped, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.lib.calendar import WorkingCalendar

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Offer:
    """A row of the price list; no party means that it is for everybody."""

    id: UUID
    party: UUID | None
    item: UUID
    unit: UUID
    currency: UUID
    minimum_quantity: Decimal
    price: Decimal
    price_includes_tax: bool
    valid_from: date
    valid_to: date | None
    tax_code: UUID | None = None

    def is_valid(self, day: date) -> bool:
        """Say whether it counts on the day; the last day is the one before `valid_to`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def price_for(
    offers: Iterable[Offer],
    *,
    party: UUID,
    item: UUID,
    unit: UUID,
    currency: UUID,
    quantity: Decimal,
    day: date,
) -> Offer | None:
    """Give the price that counts: the customer's own before everybody's, then the highest quantity reached.

    Gives:  None where no row fits the item, unit, currency, day and quantity
    """
    fitting = [
        o
        for o in offers
        if o.item == item
        and o.unit == unit
        and o.currency == currency
        and o.party in (None, party)
        and o.minimum_quantity <= quantity
        and o.is_valid(day)
    ]
    return max(fitting, key=lambda o: (o.party is not None, o.minimum_quantity), default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a line is, in the item's stock unit."""

    ordered: Decimal
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO
    replaced: Decimal = ZERO
    invoiced: Decimal = ZERO

    @property
    def open(self) -> Decimal:
        """Give what is still to be shipped; a return that is to be replaced opens it again."""
        return max(ZERO, self.ordered - self.cancelled + self.replaced - self.shipped)

    @property
    def to_invoice(self) -> Decimal:
        """Give what the customer keeps and has not been charged for; negative where a credit is due."""
        return self.shipped - self.returned - self.invoiced


def order_state(lines: Iterable[Progress]) -> str:
    """Give the state of a confirmed order from its lines.

    Gives:  confirmed while nothing has gone, partly_shipped while something is open, shipped when nothing is;
            cancelled when nothing is open and nothing ever went
    """
    rows = tuple(lines)
    is_open, has_gone = any(r.open for r in rows), any(r.shipped for r in rows)
    if is_open:
        return "partly_shipped" if has_gone else "confirmed"
    return "shipped" if has_gone else "cancelled"


def shipped_too_much(
    wanted: Mapping[UUID, Decimal], open_by_line: Mapping[UUID, Decimal]
) -> dict[UUID, Decimal]:
    """Give by how much each line's wish goes beyond what is open; empty when all may be shipped."""
    excess = {line: quantity - open_by_line.get(line, ZERO) for line, quantity in wanted.items()}
    return {line: over for line, over in excess.items() if over > 0}


def returned_too_much(wanted: Mapping[UUID, Decimal], lines: Mapping[UUID, Progress]) -> dict[UUID, Decimal]:
    """Give by how much each line's return goes beyond what the customer still has."""
    excess = {
        key: quantity - (lines[key].shipped - lines[key].returned if key in lines else ZERO)
        for key, quantity in wanted.items()
    }
    return {line: over for line, over in excess.items() if over > 0}


def default_promise(
    *, wanted_on: date | None, today: date, is_free: bool, lead_time_days: int, calendar: WorkingCalendar
) -> date:
    """Give the day to promise when nobody plans: what lies free can go today, the rest after its lead time.

    Takes:  lead_time_days in working days
    Gives:  never before today, and not before the customer wants it
    """
    earliest = today if is_free else calendar.add_working_days(today, lead_time_days)
    return max(earliest, wanted_on) if wanted_on else earliest


def days_late(*, promised_on: date | None, done_on: date) -> int:
    """Give how many days after the promise it was; zero when in time or never promised."""
    return max(0, (done_on - promised_on).days) if promised_on else 0


@dataclass(frozen=True, slots=True)
class PromiseChange:
    """A line's promised day as it was and as it becomes."""

    line: UUID
    was: date | None
    becomes: date | None


def promise_changes(
    known: Mapping[UUID, date | None], wanted: Mapping[UUID, date | None]
) -> tuple[PromiseChange, ...]:
    """Give what the ledger has to note: only days that really change, in order of the wishes."""
    return tuple(PromiseChange(k, known.get(k), day) for k, day in wanted.items() if known.get(k) != day)


def latest_day(days: Sequence[date | None]) -> date | None:
    """Give the day on which the whole order will have gone; None when a line has no promise."""
    return max(days) if days and all(days) else None  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What lies of a lot in a place, or is taken from there."""

    lot: UUID | None
    location: UUID
    quantity: Decimal


def take(shelves: list[Shelf], wanted: Decimal) -> list[Shelf]:
    """Take a quantity from shelves in their order, and leave in the list what remains.

    Gives:  what is taken of each, as much as there is where it does not suffice
    """
    taken = []
    while wanted > 0 and shelves:
        first = shelves.pop(0)
        part = min(first.quantity, wanted)
        if part > 0:
            taken.append(Shelf(first.lot, first.location, part))
            wanted -= part
        if first.quantity > part:
            shelves.insert(0, Shelf(first.lot, first.location, first.quantity - part))
    return taken
