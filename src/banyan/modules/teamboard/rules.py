"""Whom to give what, and what a shift should bring hour by hour: no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.lib.quantity import round_quantity

ZERO, HOUR = Decimal(0), Decimal(60)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be given work.

    Takes:  load: minutes of work given already; machines and centres: where the person works at present
    """

    id: UUID
    code: str
    skills: frozenset[UUID] = frozenset()
    load: Decimal = ZERO
    machines: frozenset[UUID] = frozenset()
    centres: frozenset[UUID] = frozenset()
    is_here: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """An operation that nobody has been given: what it takes."""

    operation: UUID
    minutes: Decimal = ZERO
    skill: UUID | None = None
    machine: UUID | None = None
    centre: UUID | None = None


def propose(needs: Iterable[Need], people: Sequence[Candidate]) -> tuple[tuple[UUID, UUID], ...]:
    """Give (operation, person) for the operations that somebody here can do, in their order.

    Gives:  only those with the skill and here; of them first who is at that machine, then who is at that work
            centre, but never with more than twice the work of the least busy and an hour; then who has least to do
    """
    found, now = [], {one.id: one for one in people if one.is_here}
    for need in needs:
        able = [one for one in now.values() if need.skill is None or need.skill in one.skills]
        if not able:
            continue
        least = min(one.load for one in able)
        chosen = min(able, key=lambda one: _wish(one, need, least))
        found.append((need.operation, chosen.id))
        now[chosen.id] = replace(
            chosen, load=chosen.load + need.minutes,
            machines=chosen.machines | ({need.machine} - {None}), centres=chosen.centres | ({need.centre} - {None}),
        )  # fmt: skip
    return tuple(found)


def _wish(one: Candidate, need: Need, least: Decimal) -> tuple:
    is_busy = one.load > least * 2 + HOUR
    is_at_machine = need.machine is not None and need.machine in one.machines
    is_at_centre = need.centre is not None and need.centre in one.centres
    return is_busy, not is_at_machine, not is_at_centre, one.load, one.code


def split_evenly(quantity: Decimal, count: int, places: int = 0) -> tuple[Decimal, ...]:
    """Give parts of a quantity as alike as its places allow, the first ones larger; they add up to it."""
    if count <= 0:
        return ()
    unit = Decimal(1).scaleb(-places)
    each, rest = divmod(quantity / unit, count)
    parts = [each + (1 if n < rest.to_integral_value() else 0) for n in range(count)]
    parts[-1] += quantity / unit - sum(parts)
    return tuple(round_quantity(part * unit) for part in parts)


@dataclass(frozen=True, slots=True)
class Load:
    """Work that somebody has before them on a day: so many counts, so many minutes each."""

    quantity: Decimal
    minutes_each: Decimal


def hours_of(
    starts: time, ends: time, break_minutes: int, day: date, zone: ZoneInfo
) -> tuple[tuple[datetime, Decimal], ...]:
    """Give the clock hours of a shift, each with the minutes worked in it; the break lies in the middle."""
    begin = datetime.combine(day, starts, zone)
    end = datetime.combine(day + timedelta(days=1 if ends <= starts else 0), ends, zone)
    middle = begin + (end - begin) / 2
    pause = middle - timedelta(minutes=break_minutes) / 2, middle + timedelta(minutes=break_minutes) / 2
    found, at = [], begin.replace(minute=0)
    while at < end:
        worked = _overlap(at, begin, end) - _overlap(at, *pause)
        found.append((at, Decimal(max(0, round(worked)))))
        at += timedelta(hours=1)
    return tuple(found)


def _overlap(hour: datetime, begin: datetime, end: datetime) -> float:
    span = min(hour + timedelta(hours=1), end) - max(hour, begin)
    return max(0.0, span.total_seconds() / 60)


def planned(hours: Sequence[tuple[datetime, Decimal]], loads: Iterable[Load]) -> dict[datetime, Decimal]:
    """Give the counts that somebody should make in each hour, doing one load after the other.

    Gives:  exact shares of counts; a load that takes no time is done in the hour in which its turn comes
    """
    found: dict[datetime, Decimal] = {}
    left = list(loads)
    for hour, minutes in hours:
        while left and (minutes > 0 or not left[0].minutes_each):
            load = left[0]
            made = load.quantity if not load.minutes_each else min(load.quantity, minutes / load.minutes_each)
            found[hour] = found.get(hour, ZERO) + made
            minutes -= made * load.minutes_each
            if made < load.quantity:
                left[0] = replace(load, quantity=load.quantity - made)
                break
            left.pop(0)
    return found


#: What a person does now, in the order in which a leader should look at them.
STATUSES = ("stopped", "free", "paused", "none", "working", "absent")


def status(*, is_absent: bool, mark: str, is_stopped: bool, has_tasks: bool) -> str:
    """Give what somebody does now.

    Takes:  mark: the last start or pause that stands, empty for none; is_stopped: the operation they are at is
    """
    if mark == "start":
        return "stopped" if is_stopped else "working"
    if mark == "pause":
        return "paused"
    if is_absent:
        return "absent"
    return "free" if has_tasks else "none"
