"""What a card teaches: used against released, per finished piece. No database, no clock."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.lib.quantity import round_quantity

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation stands: `done` its place on the card, `was` its number as released, `number` as proposed."""

    done: int | None
    was: int | None
    number: int


@dataclass(frozen=True, slots=True)
class Used:
    """What went into a card of a component, or was spent on an operation: for all pieces, and what it cost.

    Takes:  key: the component, or where the operation stands
    """

    key: UUID | Place
    quantity: Decimal
    amount: Decimal = ZERO
    work_centre: UUID | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """A line of a proposal: per piece as released, as it happened; `change` is what follows from that."""

    key: UUID | Place
    change: str
    released: Decimal | None
    actual: Decimal
    proposed: Decimal
    amount: Decimal = ZERO
    work_centre: UUID | None = None


def learnt(used: Iterable[Used], released: Mapping[UUID | Place, Decimal], pieces: Decimal) -> tuple[Learnt, ...]:
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


def placed(done: Sequence[str], released: Sequence[tuple[int, str]]) -> tuple[Place, ...]:
    """Give every operation a number, so that numbers rise in the order of the card.

    Takes:  done: names in the order of the card; released: (number, name), rising. A name may stand there several times
    Gives:  what was done, then what was released and not done. As many as can keep their number; what is new, or was
            done at another place, stands right behind what the card did before it
    """
    both = dict(in_both(done, [name for _, name in released]))
    left = [n for n in range(len(released)) if n not in both.values()]
    order: list[tuple[int | None, int | None, bool]] = []
    for place, name in enumerate(done):
        known = both.get(place, next((n for n in left if released[n][1] == name), None))
        if known in left:
            left.remove(known)
        order.append((place, None if known is None else released[known][0], place in both))
    for was in (released[n][0] for n in left):
        at = next((n for n, (_, old, is_kept) in enumerate(order) if is_kept and old > was), len(order))
        order.insert(at, (None, was, True))
    numbers = numbered([was if is_kept else None for _, was, is_kept in order])
    found = [Place(place, was, n) for (place, was, _), n in zip(order, numbers, strict=True)]
    return tuple(sorted(found, key=lambda one: one.done is None))


def in_both(one: Sequence[Hashable], other: Sequence[Hashable]) -> tuple[tuple[int, int], ...]:
    """Give the most that stands in two rows in the same order, as pairs of places."""
    most = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for a in reversed(range(len(one))):
        for b in reversed(range(len(other))):
            most[a][b] = 1 + most[a + 1][b + 1] if one[a] == other[b] else max(most[a + 1][b], most[a][b + 1])
    pairs, a, b = [], 0, 0
    while a < len(one) and b < len(other):
        if one[a] == other[b]:
            pairs.append((a, b))
            a, b = a + 1, b + 1
        elif most[a + 1][b] >= most[a][b + 1]:
            a += 1
        else:
            b += 1
    return tuple(pairs)


def numbered(kept: Sequence[int | None]) -> list[int]:
    """Give rising numbers: those kept stay, the others lie between their neighbours.

    Behind the last one they go on in tens; where no number is free, those behind are pushed on in tens as well.
    """
    numbers: list[int] = []
    while len(numbers) < len(kept):
        here, low = len(numbers), numbers[-1] if numbers else 0
        run = next((n for n, one in enumerate(kept[here:]) if one is not None), len(kept) - here)
        if not run and kept[here] > low:
            numbers.append(kept[here])
            continue
        width = kept[here + run] - low if here + run < len(kept) else 0
        if run and width > run:
            numbers += [low + width * n // (run + 1) for n in range(1, run + 1)]
        else:
            numbers += [(low // 10 + n) * 10 for n in range(1, max(run, 1) + 1)]
    return numbers


def relinked(links: Mapping[int, set[int]], numbers: Mapping[int, int], added: Iterable[int]) -> dict[int, set[int]]:
    """Give what each operation waits for after some have gone, moved, or come in between.

    Takes:  links: by number as released; numbers: of those that stay, from released to new; added: new numbers
    Gives:  by new number; nothing where none named any before, for then each follows the one before it. Those that
            waited for what has gone wait for what it waited for; what comes in stands behind the number before it
    """
    if not any(links.values()):
        return {}
    in_order = sorted(numbers)
    stays = {in_order[n] for n, _ in in_both(in_order, sorted(numbers, key=numbers.__getitem__))}
    left = {was: set(waits) for was, waits in links.items()}
    for one in sorted(set(links) - stays):
        waits = left.pop(one)
        for others in left.values():
            if one in others:
                others.remove(one)
                others |= waits
    found = {numbers[was]: {numbers[one] for one in waits} for was, waits in left.items()}
    for own in sorted([*added, *(number for was, number in numbers.items() if was not in stays)]):
        before = max((one for one in found if one < own), default=None)
        for waits in found.values():
            if before in waits or (before is None and not waits):
                waits.discard(before)
                waits.add(own)
        found[own] = set() if before is None else {before}
    return found


def next_code(known: Sequence[str]) -> str:
    """Give the first revision code that is not used: A, B … Z, A1 and so on."""
    letters = [chr(ord("A") + n) for n in range(26)]
    every = letters + [f"{letter}{n}" for n in range(1, 100) for letter in letters]
    return next(code for code in every if code not in known)
