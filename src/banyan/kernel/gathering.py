"""Calls of one command that come at the same moment go together in the next transaction (docs/adr/0011).

One call of a process works at a time, for all that have come by then; the others wait for it to answer theirs. Who
comes alone waits for nobody. What does not go with others goes its own way, as if it had come alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from banyan.kernel.commands import Apart, Call, Command, Outcome, execute, execute_together, parse_input
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError

log = logging.getLogger("banyan.gathering")
Value = TypeVar("Value")
#: Parts of all calls that are done in one transaction.
MOST = 100
#: Seconds after which somebody does not wait for the others any more.
PATIENCE = 2.0
#: Who comes first so many seconds after others were done together waits a moment, for they are likely to come again.
CROWD, MOMENT = 0.05, 0.003


@dataclass(eq=False, slots=True, kw_only=True)
class Letter:
    """Somebody who waits.

    Takes:  sender: of those with the same one, one goes at a time; keys: what its parts are known by
    """

    sender: Hashable
    keys: frozenset[UUID]
    heard: threading.Event = field(default_factory=threading.Event)
    is_leader: bool = False


Waiting = TypeVar("Waiting", bound=Letter)


class Gathering(Generic[Waiting]):
    """Those who wait; one of them works for all, then hands over to the next that waits.

    Takes:  work: does what the letters of a group want, and writes into them what became of it
    """

    def __init__(self, work: Callable[[Sequence[Waiting]], None]) -> None:
        self.work = work
        self.guard = threading.Lock()
        self.waiting: list[Waiting] = []
        self.is_busy = False
        self.crowded_until = 0.0

    def settle(self, letter: Waiting) -> None:
        """Return when the letter was worked on, alone or with others, or has waited too long."""
        with self.guard:
            leads, self.is_busy = not self.is_busy, True
            if not leads:
                self.waiting.append(letter)
        if not leads:
            self._wait(letter)
            if not letter.is_leader:
                return
        elif time.monotonic() < self.crowded_until:
            time.sleep(MOMENT)
        group = self._group(letter)
        try:
            self.work(group)
        finally:
            self.crowded_until = time.monotonic() + CROWD if len(group) > 1 else 0.0
            self._hand_over()
            for one in group:
                one.heard.set()

    def _wait(self, letter: Waiting) -> None:
        """Wait to be answered, or to work for others; who waits too long goes their own way."""
        if not letter.heard.wait(PATIENCE):
            with self.guard:
                if letter in self.waiting:
                    self.waiting.remove(letter)
                    return
            letter.heard.wait()

    def _group(self, first: Waiting) -> list[Waiting]:
        """Give whose turn it is: the first, and of those who wait as many as go together, one of a sender."""
        group, size, senders = [first], len(first.keys), {first.sender}
        with self.guard:
            for one in list(self.waiting):
                if one.sender not in senders and size + len(one.keys) <= MOST:
                    self.waiting.remove(one)
                    group.append(one)
                    size += len(one.keys)
                    senders.add(one.sender)
        return group

    def _hand_over(self) -> None:
        with self.guard:
            if not self.waiting:
                self.is_busy = False
                return
            following = self.waiting.pop(0)
            following.is_leader = True
        following.heard.set()


def without_those_apart(
    letters: Sequence[Waiting], act: Callable[[Sequence[Waiting]], Value]
) -> tuple[Sequence[Waiting], Value] | None:
    """Do what letters want in one transaction, without those that must go apart.

    Gives:  those it was done for and what the act gave; None where nothing was done
    Writes: as the act; what goes wrong for all leaves nothing, for each then goes its own way
    """
    left = list(letters)
    while left:
        try:
            with transaction.atomic():
                return left, act(left)
        except Apart as found:
            count, left = len(left), [one for one in left if not found.keys & one.keys]
            if len(left) == count:
                return None
        except (DomainError, DatabaseError) as fault:
            log.info("%d calls go apart: %s", len(left), fault)
            return None
        except Exception as fault:
            log.warning("%d calls go apart after a fault", len(left), exc_info=fault)
            return None
    return None


@dataclass(eq=False, slots=True, kw_only=True)
class Called(Letter):
    """A call of a command that waits for its transaction; without an outcome it goes its own way."""

    cmd: Command
    call: Call
    outcome: Outcome | None = None


def execute_gathered(
    ctx: Context, cmd: Command, *, data: Any = None, render: Callable[[Outcome], Any] | None = None
) -> Outcome:
    """Run a command that acts on no record together with its calls that come at the same moment, where it can be.

    Gives:  as `execute`
    Raises: as `execute`, which each call that is refused is left to
    """
    data, keys = _keys(ctx, cmd, data)
    if keys:
        sender = (ctx.person, ctx.key) if ctx.key else next(iter(keys))
        letter = Called(sender=sender, keys=keys, cmd=cmd, call=Call(ctx, data, render))
        _gathering_of(cmd).settle(letter)
        if letter.outcome is not None:
            return letter.outcome
    return execute(ctx, cmd, data=data, render=render)


def _keys(ctx: Context, cmd: Command, data: Any) -> tuple[Any, frozenset[UUID]]:
    """Give the input, checked where it is right, and what its parts are known by, nothing where it goes alone."""
    if cmd.together is None or not ctx.may(cmd.permission):
        return data, frozenset()
    try:
        data = parse_input(cmd, data)
    except DomainError:
        return data, frozenset()
    return data, cmd.together.keys(data)


_gatherings: dict[str, Gathering[Called]] = {}
_guard = threading.Lock()


def _gathering_of(cmd: Command) -> Gathering[Called]:
    with _guard:
        return _gatherings.setdefault(cmd.key, Gathering(work_together))


def work_together(letters: Sequence[Called]) -> None:
    """Do calls of several people in one transaction; those that must go apart get no outcome."""
    now = timezone.now()

    def act(left: Sequence[Called]) -> list[Outcome]:
        calls = [Call(one.call.ctx.with_(now=now), one.call.data, one.call.render) for one in left]
        return execute_together(left[0].cmd, calls)

    done = without_those_apart(letters, act)
    for one, outcome in zip(*done, strict=True) if done else ():
        one.outcome = outcome
