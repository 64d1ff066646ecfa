"""Decisions and sums of wages: pure, no database, no clock."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.lib.money import EXACT, allocate, round_money
from banyan.modules.wages.values import Price, Share, Valid, Wage

ZERO, ONE, HOUR = Decimal(0), Decimal(1), Decimal(60)


def is_valid(valid_from: date | None, valid_to: date | None, day: date) -> bool:
    """Say whether what is valid from a day up to (not with) another is so on a day; None is without end."""
    return (valid_from is None or valid_from <= day) and (valid_to is None or day < valid_to)


def narrowest_first(prices: Iterable[Price]) -> tuple[Price, ...]:
    """Give rates in the order in which they are asked: item, then operation, skill and plant narrow them."""
    return tuple(
        sorted(
            prices, reverse=True,
            key=lambda p: (p.item is not None, bool(p.operation), p.skill is not None, p.plant is not None,
                           p.valid_from, p.id),
        )
    )  # fmt: skip


def price_for(
    prices: Iterable[Price], *, plant: UUID, item: UUID, operation: str, skills: frozenset[UUID], day: date
) -> Price | None:
    """Give the rate of somebody's work on a day, None where there is none.

    Takes:  prices: narrowest first; skills: those that the person has on the day
    """
    return next(
        (
            p for p in prices
            if p.plant in (None, plant) and p.item in (None, item) and p.operation in ("", operation)
            and (p.skill is None or p.skill in skills) and is_valid(p.valid_from, p.valid_to, day)
        ),
        None,
    )  # fmt: skip


def number_on(numbers: Iterable[Valid], day: date, item: UUID | None = None) -> Decimal | None:
    """Give the number valid on a day, that of the item before that of all; None where there is none."""
    found = [n for n in numbers if n.item in (None, item) and is_valid(n.valid_from, n.valid_to, day)]
    return max(found, key=lambda n: n.item is not None).number if found else None


def month_of(day: date) -> tuple[date, date]:
    """Give the first and the last day of a day's month."""
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def wages(shares: Sequence[Share], *, is_good: bool, deductions: Sequence[tuple[Decimal, Decimal]]) -> tuple[Wage, ...]:
    """Give what a report earned each of those who share it; the parts of each price add up to its whole.

    Takes:  deductions: (count, price) by reason
    Gives:  piece_price × the good pieces of all at one rate, by weight; hour_price × the time of all at one price,
            by their own time; deductions over all, by weight
    """
    pieces = _spread(
        shares, lambda s: s.price.id, lambda group: _times(group[0].price.piece_price, _sum(group, "quantity")),
        lambda s: s.weight,
    ) if is_good else [ZERO] * len(shares)  # fmt: skip
    times = _spread(
        shares, lambda s: s.hour_price, lambda group: _times(group[0].hour_price, _sum(group, "minutes") / HOUR),
        lambda s: s.minutes,
    )  # fmt: skip
    lost = sum((_times(price, count) for count, price in deductions), ZERO)
    lost_by = _spread(shares, lambda s: None, lambda group: lost, lambda s: s.weight)
    return tuple(Wage(p, t, -d) for p, t, d in zip(pieces, times, lost_by, strict=True))


def parts_of(amount: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Give the parts of an amount by weight, to the cent; all alike where nobody has a weight."""
    return allocate(amount, weights if any(weights) else [ONE] * len(weights))


def _spread(
    shares: Sequence[Share], group_of: Callable[[Share], Any], whole: Callable[[list[Share]], Decimal],
    weight: Callable[[Share], Decimal],
) -> list[Decimal]:
    """Give each share its part of its group's whole, all alike where nobody has a weight."""
    groups: dict[Any, list[int]] = {}
    for n, share in enumerate(shares):
        groups.setdefault(group_of(share), []).append(n)
    found = [ZERO] * len(shares)
    for places in groups.values():
        parts = parts_of(whole([shares[n] for n in places]), [weight(shares[n]) for n in places])
        for n, part in zip(places, parts, strict=True):
            found[n] = part
    return found


def _sum(group: Sequence[Share], name: str) -> Decimal:
    return sum((getattr(one, name) for one in group), ZERO)


def _times(price: Decimal, quantity: Decimal) -> Decimal:
    return round_money(EXACT.multiply(price, quantity))


def top_up(*, minimum: Decimal, earned: Decimal, granted: Decimal) -> Decimal:
    """Give what lacks to a shift's minimum, less what other statements have given for the day; may be negative.

    Takes:  minimum: zero where none is guaranteed; earned: on the day in all statements
    """
    lacks = max(ZERO, minimum - earned) if minimum else ZERO
    return lacks - granted
