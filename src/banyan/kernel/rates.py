"""Rate limits that hold over several processes without a write per call.

A process takes calls of a principal's minute in leases: one UPDATE for every `LEASE` calls. Over all processes no more
than the limit is granted; at worst a lease in an idle process goes unused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from banyan.kernel import db
from banyan.lib.errors import TooMany
from banyan.lib.labels import L

LEASE = 50
_leases: dict[str, tuple[int, int]] = {}
_guard = threading.Lock()

_TAKE = """
INSERT INTO kernel_ratelease AS r (principal, "window", used) VALUES (%s, %s, %s)
ON CONFLICT (principal, "window") DO UPDATE SET used = r.used + excluded.used WHERE r.used + excluded.used <= %s
RETURNING used
"""


def take(principal: str, limit: int, *, lease: int = LEASE, clock: Callable[[], float] = time.time) -> None:
    """Count one call of a principal in the present minute.

    Takes:  limit: calls per minute, over all processes; lease: calls taken at once (1 for sign-in and the like)
    Raises: TooMany with the seconds to wait
    """
    now = clock()
    window = int(now // 60)
    with _guard:
        held_window, left = _leases.get(principal, (window, 0))
        if held_window == window and left > 0:
            _leases[principal] = (window, left - 1)
            return
    size = min(lease, limit)
    if db.one(_TAKE, [principal, window, size, limit]) is None:
        wait = 60 - int(now % 60)
        raise TooMany(
            "too_many",
            L("请求过于频繁（每分钟 {limit} 次），请 {wait} 秒后再试",
              "Too many requests ({limit} a minute); try again in {wait} s"),
            {"limit": limit, "wait": wait},
        )
    with _guard:
        if len(_leases) > 10_000:
            _leases.clear()
        _leases[principal] = (window, size - 1)
