"""Decisions of buying: what to order, how far an order is, what may come in, how well suppliers deliver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from uuid import UUID

from banyan.lib.money import EXACT, rounded
from banyan.lib.quantity import PLACES

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a line is, in the item's stock unit: ordered, at the gate, judged, gone back."""

    ordered: Decimal
    received: Decimal = ZERO
    booked: Decimal = ZERO
    rejected: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO
    replaced: Decimal = ZERO
    invoiced: Decimal = ZERO

    @property
    def open(self) -> Decimal:
        """Give what is still to come; a return that the supplier is to replace opens it again."""
        return max(ZERO, self.ordered - self.cancelled + self.replaced - self.received)

    @property
    def in_inspection(self) -> Decimal:
        """Give what stands between gate and store: the gap that is watched."""
        return self.received - self.booked

    @property
    def to_invoice(self) -> Decimal:
        """Give what we keep and have no invoice for; negative where a credit is due."""
        return self.received - self.returned - self.invoiced


def order_state(lines: Iterable[Progress], *, is_confirmed: bool) -> str:
    """Give the state of a placed order from its lines.

    Gives:  ordered or confirmed while nothing has come, partly_received while something is open, received
            when nothing is; cancelled when nothing is open and nothing ever came
    """
    rows = tuple(lines)
    is_open, has_come = any(r.open for r in rows), any(r.received for r in rows)
    if is_open:
        if has_come:
            return "partly_received"
        return "confirmed" if is_confirmed else "ordered"
    return "received" if has_come else "cancelled"


def receipt_state(rows: Iterable[tuple[Decimal, Decimal]]) -> str:
    """Give the state of a receipt from (arrived, judged) per line: arrived, partly_booked or booked."""
    pairs = tuple(rows)
    if all(judged >= arrived for arrived, judged in pairs):
        return "booked"
    return "partly_booked" if any(judged for _, judged in pairs) else "arrived"


def may_still_come(progress: Progress, tolerance_percent: Decimal) -> Decimal:
    """Give how much the gate may take in: what is open, and the tolerance on what was ordered."""
    spare = EXACT.divide(EXACT.multiply(progress.ordered, tolerance_percent), Decimal(100))
    most = progress.ordered - progress.cancelled + progress.replaced + spare
    return max(ZERO, rounded(most - progress.received, PLACES))


def received_too_much(
    wanted: Mapping[UUID, Decimal], lines: Mapping[UUID, Progress], tolerance: Mapping[UUID, Decimal]
) -> dict[UUID, Decimal]:
    """Give by how much each line's arrival goes beyond what may come; empty when all may."""
    excess = {
        key: quantity - may_still_come(lines[key], tolerance.get(key, ZERO))
        for key, quantity in wanted.items()
    }
    return {line: over for line, over in excess.items() if over > 0}


def quantity_to_order(need: Decimal, *, minimum: Decimal = ZERO, pack: Decimal = ZERO) -> Decimal:
    """Give what to order for a need: at least the minimum, in whole packs."""
    wanted = max(need, minimum)
    if not pack or wanted <= 0:
        return max(wanted, ZERO)
    return EXACT.divide(wanted, pack).to_integral_value(ROUND_CEILING) * pack


@dataclass(frozen=True, slots=True)
class Source:
    """A row of the supplier list: who delivers an item at which price."""

    id: UUID
    party: UUID
    item: UUID
    unit: UUID
    currency: UUID
    price: Decimal
    price_includes_tax: bool
    tax_code: UUID | None
    lead_time_days: int
    minimum_quantity: Decimal
    pack_factor: Decimal
    over_receipt_percent: Decimal
    is_preferred: bool
    priority: int
    supplier_code: str
    valid_from: date
    valid_to: date | None

    def is_valid(self, day: date) -> bool:
        """Say whether it counts on the day; the last day is the one before `valid_to`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def source_for(
    sources: Iterable[Source],
    *,
    item: UUID,
    day: date,
    party: UUID | None = None,
    unit: UUID | None = None,
    currency: UUID | None = None,
) -> Source | None:
    """Give the source that counts: the preferred one, then by priority, then the cheaper.

    Takes:  party, unit and currency narrow the choice where they are known already
    """
    fitting = [
        s
        for s in sources
        if s.item == item
        and s.is_valid(day)
        and party in (None, s.party)
        and unit in (None, s.unit)
        and currency in (None, s.currency)
    ]
    return min(fitting, key=lambda s: (not s.is_preferred, s.priority, s.price, s.id), default=None)


def days_late(*, due_on: date | None, came_on: date) -> int:
    """Give how many days after the due day it came: negative when early, zero without a due day."""
    return (came_on - due_on).days if due_on else 0


def warning(
    *,
    open_quantity: Decimal,
    wanted_on: date | None,
    confirmed_on: date | None,
    today: date,
    lead_time_days: int = 0,
) -> str | None:
    """Give why a line must be looked at before the need day.

    Gives:  overdue (its day has passed), will_be_late (confirmed later than wanted), unconfirmed (wanted
            within the lead time and no word from the supplier), None
    """
    if open_quantity <= 0:
        return None
    due = confirmed_on or wanted_on
    if due and due < today:
        return "overdue"
    if confirmed_on and wanted_on and confirmed_on > wanted_on:
        return "will_be_late"
    if confirmed_on is None and wanted_on and (wanted_on - today).days <= lead_time_days:
        return "unconfirmed"
    return None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivered line: when it was due and came, what came and what was refused."""

    due_on: date | None
    came_on: date
    received: Decimal
    rejected: Decimal


@dataclass(frozen=True, slots=True)
class Performance:
    """How well a supplier delivers; shares in percent to one place."""

    lines: int
    on_time: int
    late: int
    average_days_late: Decimal
    on_time_percent: Decimal
    rejected_percent: Decimal


def performance(deliveries: Iterable[Delivery], *, grace_days: int = 0) -> Performance:
    """Give the figures of some deliveries; days late are averaged over the late ones only.

    Takes:  deliveries without a due day count as in time; grace_days: so late is still in time
    """
    rows = tuple(deliveries)
    delays = [days_late(due_on=d.due_on, came_on=d.came_on) for d in rows]
    late = [d for d in delays if d > grace_days]
    received, rejected = sum((d.received for d in rows), ZERO), sum((d.rejected for d in rows), ZERO)
    return Performance(
        lines=len(rows),
        on_time=len(rows) - len(late),
        late=len(late),
        average_days_late=_share(Decimal(sum(late)), Decimal(len(late)), 1),
        on_time_percent=_share(Decimal(len(rows) - len(late)), Decimal(len(rows)), 100),
        rejected_percent=_share(rejected, received, 100),
    )


def _share(part: Decimal, whole: Decimal, scale: int) -> Decimal:
    if not whole:
        return rounded(ZERO, 1)
    return rounded(EXACT.divide(EXACT.multiply(part, Decimal(scale)), whole), 1, ROUND_HALF_UP)
