"""In which order to walk, where to put things, and what of a loan is settled: decisions without a database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

ZERO = Decimal(0)
_PARTS = re.compile(r"(\d+)")
Step = TypeVar("Step")


def walk_key(code: str) -> tuple[tuple[int, int, str], ...]:
    """Give by what places are walked: their codes, numbers by value, so that bin 9 stands before bin 10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _PARTS.split(code) if part)


def walk(steps: Iterable[Step], code: Callable[[Step], str], aisle: Callable[[Step], int | None]) -> list[Step]:
    """Give steps in the order in which one walk passes all their places.

    Takes:  code: gives a step's place, aisle: the number of its aisle, None for a place without one
    Gives:  aisle by aisle, of those where something is to be done every other one backwards, for one has come to its
            far end; what has no aisle at last
    """
    aisles: dict[int, list[Step]] = {}
    rest: list[Step] = []
    for step in sorted(steps, key=lambda step: walk_key(code(step))):
        number = aisle(step)
        (rest if number is None else aisles.setdefault(number, [])).append(step)
    found = [aisles[number][:: -1 if place % 2 else 1] for place, number in enumerate(sorted(aisles))]
    return [step for several in (*found, rest) for step in several]


def spread(accepted: Decimal, rejected: Decimal, lines: Sequence[tuple[UUID, Decimal]]) -> list[tuple]:
    """Give what of each line is accepted and rejected, where goods are told of together: (line, accepted, rejected).

    Takes:  lines: with what of each is left, in their order
    Gives:  what is more than was left on the last line, so that whoever books it refuses it
    """
    found = []
    for place, (line, left) in enumerate(lines, start=1):
        is_last = place == len(lines)
        good = accepted if is_last else min(accepted, left)
        bad = rejected if is_last else min(rejected, left - good)
        accepted, rejected = accepted - good, rejected - bad
        if good or bad:
            found.append((line, good, bad))
    return found


@dataclass(frozen=True, slots=True)
class Shelf:
    """So much of a lot in a place."""

    location: UUID
    lot: UUID | None
    quantity: Decimal


def taken(shelves: Sequence[Shelf], quantity: Decimal) -> tuple[list[Shelf], Decimal]:
    """Give what to take from shelves, in their order, and what is then missing."""
    found = []
    for shelf in shelves:
        part = min(quantity, shelf.quantity)
        if part > 0:
            found.append(Shelf(shelf.location, shelf.lot, part))
            quantity -= part
    return found, quantity


@dataclass(frozen=True, slots=True)
class Owed:
    """What a borrow leaves open, and whose line waits for it."""

    borrow: UUID
    material: UUID
    quantity: Decimal


def paid(owed: Sequence[Owed], got: dict[UUID, Decimal]) -> list[tuple[UUID, Decimal]]:
    """Give how much of each borrow is settled by what the lenders' lines have got, the oldest first."""
    left, found = dict(got), []
    for one in owed:
        part = min(one.quantity, left.get(one.material, ZERO))
        if part > 0:
            left[one.material] -= part
            found.append((one.borrow, part))
    return found


def beyond_need(owed: Sequence[Owed], needs: dict[UUID, Decimal]) -> dict[UUID, Decimal]:
    """Give by line how much more is owed than it still needs: so much of it the lender has again."""
    sums: dict[UUID, Decimal] = {}
    for one in owed:
        sums[one.material] = sums.get(one.material, ZERO) + one.quantity
    return {
        material: total - max(ZERO, needs.get(material, ZERO))
        for material, total in sums.items()
        if total > max(ZERO, needs.get(material, ZERO))
    }
