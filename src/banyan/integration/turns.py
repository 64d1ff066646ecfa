"""What is taken of a flow in one turn: as much as the breakers and buckets of what it calls let through.

Where routes go to operations with limits of their own, each message is judged by its own operation, after it was
claimed: what may not go yet is put back until it may, with what stands behind it in its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from banyan.integration import claims, sending
from banyan.integration.claims import Due, Held, Result
from banyan.integration.plans import Plan

#: So many that are due are looked at, though fewer may be taken.
LOOKS = 400
#: What waits for another message to try a breaker is looked at again after so many seconds, and what waits for a bucket
#: after so many at most: limits may be changed meanwhile.
TRIED_SECONDS, MOST_SECONDS = 1.0, 60.0


def take(
    plan: Plan, due: Due, most: int, now: datetime | None = None, *, is_busy: bool = False
) -> tuple[list[Held], int]:
    """Claim what is due of a flow and may be sent now.

    Takes:  is_busy: messages of it are under way, so that an open breaker is not tried
    Gives:  the messages by seq, and how many were touched: where there were some, more may be due at once
    Writes: claims, tokens, the try of an open breaker; puts back what has to wait for its own operation
    """
    if plan.is_parted:
        return _take_apart(plan, most, now)
    is_probe = due.breaker != "closed"
    if due.is_shut or (is_probe and is_busy):
        return [], 0
    granted = claims.take_tokens(plan, 1 if is_probe else most, now)
    if not granted:
        return [], 0
    if is_probe and not claims.may_probe(plan, now):
        claims.give_tokens(plan, granted)
        return [], 0
    held, parked = claims.claim(plan, granted, sending.lease_of(plan), now, looks=LOOKS)
    claims.give_tokens(plan, granted - len(held))
    if is_probe and parked and not held:
        claims.give_probe_back(plan, now)
    return held, len(held) + parked


@dataclass(slots=True)
class _Gate:
    """What one operation lets through in this turn."""

    way: Plan
    granted: int = 0
    left: int = 0
    #: The seconds after which more may go: all that is refused together, or one after the other by the bucket's rate.
    pause: float = 0.0
    is_probe: bool = False
    refused: int = 0

    def open(self, wanted: int, now: datetime | None) -> None:
        breaker, shut = claims.held_for(self.way, now)
        if shut:
            self.pause = min(shut, TRIED_SECONDS) if breaker == "half_open" else shut
            return
        self.is_probe = breaker != "closed"
        self.granted = claims.take_tokens(self.way, 1 if self.is_probe else wanted, now)
        if self.granted and self.is_probe and not claims.may_probe(self.way, now):
            claims.give_tokens(self.way, self.granted)
            self.granted = 0
        self.left = self.granted
        if self.is_probe:
            self.pause = TRIED_SECONDS

    def lets(self) -> bool:
        if self.left:
            self.left -= 1
            return True
        self.refused += 1
        return False

    @property
    def wait(self) -> float:
        """Give the seconds that the one refused last waits."""
        return self.pause or min(MOST_SECONDS, self.refused / (self.way.rate or 1.0))

    def close(self, now: datetime | None) -> None:
        claims.give_tokens(self.way, self.left)
        if self.is_probe and self.granted and self.left == self.granted:
            claims.give_probe_back(self.way, now)


def _take_apart(plan: Plan, most: int, now: datetime | None) -> tuple[list[Held], int]:
    held, parked = claims.claim(plan, most, sending.lease_of(plan), now, looks=LOOKS)
    gates: dict[str, _Gate] = {}
    for gauge, same in claims.by_gauge(plan, held, lambda one: one.type).items():
        gates[gauge] = _Gate(plan.way_of(same[0].type))
        gates[gauge].open(len(same), now)
    go: list[Held] = []
    back: list[Result] = []
    behind: set[str] = set()
    for one in held:
        gate = gates[plan.way_of(one.type).gauge]
        if plan.order != "free" and one.key in behind:
            back.append(Result(one, "back"))
        elif gate.lets():
            go.append(one)
        else:
            behind.add(one.key)
            back.append(Result(one, "back", retry_after=gate.wait))
    for gate in gates.values():
        gate.close(now)
    if back:
        claims.put_back(plan, back, now)
    return go, len(held) + parked
