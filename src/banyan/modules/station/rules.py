"""When what a device tells has happened, whatever its clock says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

#: A difference between two clocks that may as well be the time a message takes.
LATENCY = timedelta(seconds=5)
NO_TIME = timedelta(0)
#: Nothing told lies further back than a phone may have lain in a drawer: an older time is a broken clock's.
OLDEST = timedelta(days=62)
#: A clock that is off by more is worth a word to the worker and to the leader.
FAR_OFF = timedelta(minutes=5)


def is_far_off(offset: timedelta) -> bool:
    """Say whether a device's clock is so wrong that somebody should set it."""
    return abs(offset) > FAR_OFF


def clock_offset(sent_at: datetime, now: datetime) -> timedelta:
    """Give what must be added to a device's time; nothing where its clock is right but for the way here."""
    offset = now - sent_at
    return offset if abs(offset) > LATENCY else NO_TIME


def happened(
    clocks: Sequence[datetime],
    offset: timedelta,
    now: datetime,
    *,
    after: datetime | None = None,
    known: Mapping[int, datetime] = MappingProxyType({}),
) -> tuple[datetime, ...]:
    """Give when each of some acts happened.

    Takes:  clocks: the device's own time of each act, in the order in which they were done; after: when its last act
            before them did; known: of those that were sent before, by place, what was found then
    Gives:  times set right, never later than now nor older than OLDEST, each later than the one before, so that the
            order stands even where the device's clock was put back in between, or its difference is measured a
            little otherwise
    """
    found: list[datetime] = []
    latest = now - timedelta(milliseconds=len(clocks))
    for place, clock in enumerate(clocks):
        at = known.get(place) or max(min(clock + offset, latest), now - OLDEST)
        if place not in known and after is not None and at <= after:
            at = after + timedelta(milliseconds=1)
        after = at if after is None else max(at, after)
        found.append(at)
    return tuple(found)
