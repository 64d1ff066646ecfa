"""When what a device tells has happened, whatever its clock says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

#: A difference between two clocks that may as well be the time a message takes.
LATENCY = timedelta(seconds=5)
NO_TIME = timedelta(0)


def clock_offset(sent_at: datetime, now: datetime) -> timedelta:
    """Give what must be added to a device's time; nothing where its clock is right but for the way here."""
    offset = now - sent_at
    return offset if abs(offset) > LATENCY else NO_TIME


def happened(clocks: Sequence[datetime], offset: timedelta, now: datetime) -> tuple[datetime, ...]:
    """Give when each of some acts happened.

    Takes:  clocks: the device's own time of each act, in the order in which they were done
    Gives:  times set right, never later than now, each later than the one before, so that the order stands
            even where the device's clock was put back in between
    """
    found: list[datetime] = []
    latest = now - timedelta(milliseconds=len(clocks))
    before: datetime | None = None
    for clock in clocks:
        at = min(clock + offset, latest)
        if before is not None and at <= before:
            at = before + timedelta(milliseconds=1)
        before = at
        found.append(at)
    return tuple(found)
