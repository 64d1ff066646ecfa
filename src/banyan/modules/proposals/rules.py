"""What a card teaches: used against released, per finished piece. No database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.lib.quantity import round_quantity

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Used:
    """What went into a card of a component, or was spent on an operation: for all pieces, and what it cost.

    Takes:  key: the component, or the operation's name
    """

    key: UUID | str
    quantity: Decimal
    amount: Decimal = ZERO
    work_centre: UUID | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """A line of a proposal: per piece as released, as it happened; `change` is what follows from that."""

    key: UUID | str
    change: str
    released: Decimal | None
    actual: Decimal
    proposed: Decimal
    amount: Decimal = ZERO
    work_centre: UUID | None = None


def learnt(used: Iterable[Used], released: Mapping[UUID | str, Decimal], pieces: Decimal) -> tuple[Learnt, ...]:
    """Give what should be changed in a released structure, so that it says what happened.

    Takes:  released: per piece, by component or operation
    Gives:  a line for everything used, first, then for what was released and not used; what is the same to a
            hundredth is left as released
    """
    lines, seen = [], set()
    for one in used:
        seen.add(one.key)
        actual, was = round_quantity(one.quantity / pieces), released.get(one.key)
        if was is None:
            lines.append(Learnt(one.key, "new", None, actual, actual, one.amount, one.work_centre))
            continue
        is_same = abs(actual - was) <= was / 100
        change, proposed = ("same", was) if is_same else ("changed", actual)
        lines.append(Learnt(one.key, change, was, actual, proposed, one.amount, one.work_centre))
    for key, was in released.items():
        if key not in seen:
            lines.append(Learnt(key, "unused", was, ZERO, ZERO))
    return tuple(lines)


def next_code(known: Sequence[str]) -> str:
    """Give the first revision code that is not used: A, B … Z, A1 and so on."""
    letters = [chr(ord("A") + n) for n in range(26)]
    every = letters + [f"{letter}{n}" for n in range(1, 100) for letter in letters]
    return next(code for code in every if code not in known)
