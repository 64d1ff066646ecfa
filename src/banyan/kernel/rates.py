"""Rate limits and quotas that hold over several processes without a write per call.

A process takes calls of a window in leases: one UPDATE for a number of calls, the smaller the limit the fewer. Over all
processes no more than the limit is granted; at worst what an idle process holds in lease goes unused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from banyan.kernel import db
from banyan.lib.errors import TooMany
from banyan.lib.labels import L

LEASE = 50
#: A lease is no more than this part of a limit, so that a small one is not used up by a process that stands idle.
SHARES = 20
_leases: dict[str, tuple[int, int, int]] = {}
_guard = threading.Lock()

_TAKE = """
INSERT INTO kernel_ratelease AS r (principal, "window", used) VALUES (%s, %s, %s)
ON CONFLICT (principal, "window") DO UPDATE SET used = r.used + excluded.used WHERE r.used < %s
RETURNING used
"""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time that calls are counted in.

    Takes:  begins: the minute since 1970 it began at; seconds: how long it lasts; wait: seconds until its end
    """

    name: str
    begins: int
    seconds: int
    wait: int


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit, as far as this process knows: others may have used some of it meanwhile."""

    window: Window
    limit: int
    calls: int


class QuotaUsed(TooMany):
    """The calls of a window are used up; `wait` is the seconds until the next one."""

    code = "too_many"
    zh = "请求过于频繁（每{span}{limit} 次），请 {wait} 秒后再试"
    en = "Too many requests ({limit} a {span}); try again in {wait} s"


_SPANS = {"minute": L("分钟 ", "minute"), "day": L("天 ", "day")}


def minute(now: float) -> Window:
    """Give the minute that an instant, in seconds since 1970, lies in."""
    return Window("minute", int(now // 60), 60, 60 - int(now % 60))


def day(now: float, zone: ZoneInfo) -> Window:
    """Give the day of a zone that an instant lies in."""
    here = datetime.fromtimestamp(now, zone)
    first = here.replace(hour=0, minute=0, second=0, microsecond=0)
    begins, ends = first.timestamp(), (first + timedelta(days=1)).timestamp()
    return Window("day", int(begins // 60), int(ends - begins), max(1, int(ends - now)))


def take(
    principal: str, limit: int, *, lease: int = LEASE, zone: ZoneInfo | None = None,
    clock: Callable[[], float] = time.time,
) -> Left:
    """Count one call of a principal in the present minute, or in the present day of a zone.

    Takes:  limit: calls per window, over all processes, one at least; lease: calls taken at once (1 for sign-in and
            the like)
    Raises: QuotaUsed with the seconds to wait
    """
    now = clock()
    window = day(now, zone) if zone else minute(now)
    with _guard:
        held, left, free = _leases.get(principal, (window.begins, 0, 0))
        if held == window.begins and left > 0:
            _leases[principal] = (held, left - 1, free)
            return Left(window, limit, min(free + left, limit) - 1)
    size = max(1, min(lease, limit // SHARES))
    row = db.one(_TAKE, [principal, window.begins, size, limit])
    if row is None:
        raise QuotaUsed(limit=limit, wait=window.wait, span=_SPANS[window.name], window=window.name)
    granted, free = min(size, limit - (row[0] - size)), max(0, limit - row[0])
    with _guard:
        if len(_leases) > 10_000:
            _leases.clear()
        held, left, _ = _leases.get(principal, (window.begins, 0, 0))
        left = granted - 1 + (left if held == window.begins else 0)  # another thread may have taken one meanwhile
        _leases[principal] = (window.begins, left, free)
    return Left(window, limit, free + left)
