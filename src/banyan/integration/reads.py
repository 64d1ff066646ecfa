"""Calls that read a partner: each takes its turn by the system's gauge, as what is sent does by its claim.

A read takes a token of the system's bucket, keeps away while the breaker is open or the partner asked to be left
alone, and counts: what it fails with may open the breaker, what it is told to wait holds for the whole system.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from django.db import connection

from banyan.integration import claims
from banyan.integration.connecting import Failed
from banyan.integration.plans import Limits, Plan, refused
from banyan.lib.labels import L

#: Seconds before what may pass is tried again, where somebody has the patience; for how long one page is waited for.
PAUSES: tuple[float, ...] = (1.0, 5.0, 20.0)
MOST_WAIT = 300.0
BEAT_SECONDS = 1.0
SHORTEST = 0.05
T = TypeVar("T")


class NotNow(Failed):
    """The system is to be left alone for now; nothing was asked."""

    def __init__(self, seconds: float) -> None:
        said = L(
            "该系统暂停调用，{n} 秒后再试（熔断、限速或对方要求）",
            "The system is left alone for {n} seconds yet (breaker, rate, or the partner asked for it)",
        )
        super().__init__("throttled", said.filled({"n": math.ceil(seconds)}), retry_after=max(seconds, SHORTEST))


def once(limits: Plan | Limits, call: Callable[[], T], now: datetime | None = None) -> T:
    """Make a call that reads, if it may be made now.

    Inside a transaction of somebody's the gauge's row would be locked to its end, and all that is sent with it: there
    the gauge is only looked at.

    Raises: NotNow; whatever the call raises
    Writes: the gauge
    """
    breaker, seconds = claims.held_for(limits, now)
    if seconds > 0:
        raise NotNow(seconds)
    if connection.in_atomic_block:
        return call()
    if not claims.take_tokens(limits, 1, now):
        raise NotNow(1.0 / limits.rate if limits.rate else 1.0)
    if breaker != "closed" and not claims.may_probe(limits, now):
        claims.give_tokens(limits, 1)
        raise NotNow(1.0)
    try:
        found = call()
    except Exception as fault:  # whatever a connector raises is a failed try
        failed = refused(fault)
        claims.note(
            limits, now, succeeded=not failed.is_passing and bool(failed.code), failed=failed.kind in claims.TROUBLE,
            throttled=[failed.retry_after or 1.0] if failed.kind == "throttled" else [], error=failed.text,
        )  # fmt: skip
        raise
    claims.note(limits, now, succeeded=True)
    return found


def aside(limits: Plan | Limits, call: Callable[[], T]) -> T:
    """Make a call that reads as `once` does, for somebody who is in the middle of a transaction.

    On a thread and connection of its own: the gauge counts it whatever becomes of that transaction, and is not locked
    by it. What the transaction itself has written is not seen, and must not be the system.

    Raises: as `once`
    Writes: the gauge
    """

    def made() -> T:
        try:
            return once(limits, call)
        finally:
            connection.close()

    with ThreadPoolExecutor(1, thread_name_prefix="read-aside") as thread:
        return thread.submit(made).result()


def patiently(limits: Plan | Limits, call: Callable[[], T], beat: Callable[[], None]) -> T:
    """Make a call that reads; wait for its turn, and try again what may pass, for some minutes.

    Takes:  beat: hears once a second that it still waits, and may refuse to go on
    Raises: as `once`, when it has waited in vain or would have to wait too long
    Writes: the gauge
    """
    end, tries = time.monotonic() + MOST_WAIT, 0
    while True:
        try:
            return once(limits, call)
        except Exception as fault:
            failed = refused(fault)
            pause = failed.retry_after or SHORTEST
            if not isinstance(fault, NotNow):
                if not failed.is_passing or tries == len(PAUSES):
                    raise
                pause = max(pause, PAUSES[tries])
                tries += 1
            if time.monotonic() + pause > end:
                raise
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, BEAT_SECONDS))
            beat()
