"""The process that carries messages: one thread claims and marks, some send, some execute, some read partners.

What is true stands in the tables; a worker that is killed loses nothing but time. Woken by the database
(`LISTEN banyan_bus`); asleep it asks twice a second.
"""

from __future__ import annotations

import logging
import queue
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import close_old_connections, connection

from banyan.integration import claims, effects, polling, sending, turns
from banyan.integration.claims import Due, Held, Result
from banyan.integration.fanout import CHANNEL
from banyan.integration.plans import Plan, plans_of

log = logging.getLogger("banyan.bus")

SENDERS, EXECUTORS, READERS = 8, 2, 2
BATCH = turns.LOOKS
RUN = 50
IN_FLIGHT = 800
IDLE_SECONDS = 0.5
STOP_SECONDS = 8.0


@dataclass(slots=True)
class _Run:
    plan: Plan
    held: list[Held]
    deadline: float


_WAKE = object()
#: What else is done when it is due: functions of a time (the database's when None) that give how much there was.
_also: list[Callable[[datetime | None], int]] = []


def also_does(work: Callable[[datetime | None], int]) -> Callable[[datetime | None], int]:
    """Let the process do something else of its kind, in a thread of its own."""
    if work not in _also:
        _also.append(work)
    return work


class Bus:
    """Carries messages until told to stop."""

    def __init__(self, stop: threading.Event | None = None, *, senders: int = SENDERS) -> None:
        self.stop = stop or threading.Event()
        self.senders = senders
        self._runs: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._back: queue.SimpleQueue = queue.SimpleQueue()
        self._in_flight: dict[UUID, int] = {}
        self._wake_in = threading.Event()

    def run(self) -> None:
        """Carry until told to stop by a signal or the event; survives a restart of the database.

        What is being sent when it ends is finished and marked, as long as that takes seconds.
        """
        if threading.current_thread() is threading.main_thread():
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, lambda *_: self.end())
        threads = [
            *(threading.Thread(target=self._send, name=f"send-{n}", daemon=True) for n in range(self.senders)),
            *(threading.Thread(target=self._loop, args=(effects.execute_due, self._wake_in), daemon=True,
                               name=f"execute-{n}") for n in range(EXECUTORS)),
            *(threading.Thread(target=self._loop, args=(polling.read_due, None), name=f"read-{n}", daemon=True)
              for n in range(READERS)),
            *(threading.Thread(target=self._loop, args=(partial(work, None), self._wake_in), daemon=True,
                               name=work.__name__) for work in _also),
            threading.Thread(target=self._listen, name="listen", daemon=True),
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        while not self.stop.is_set():
            try:
                if not self._turn():
                    self._rest()
            except Exception:
                log.exception("Messages could not be claimed or marked; trying again")
                connection.close()
                self.stop.wait(1.0)
        self._finish()
        for thread in threads:
            thread.join(1.0)
        connection.close()

    def end(self) -> None:
        """Ask for the end."""
        self.stop.set()
        self._wake_in.set()
        self._back.put(_WAKE)

    # The one that claims and marks

    def _turn(self) -> bool:
        """Mark what has come back and claim what is due; say whether there was anything."""
        marked = self._mark()
        claimed = 0
        for due in claims.due_flows("out"):
            room = IN_FLIGHT - self._in_flight.get(due.flow, 0)
            if room < RUN:
                continue
            plan = plans_of({due.flow: (due.version, due.system_version)}).get(due.flow)
            if plan is not None:
                claimed += self._claim(plan, due, min(room, BATCH))
        return bool(marked or claimed)

    def _claim(self, plan: Plan, due: Due, most: int) -> int:
        deadline = time.monotonic() + sending.lease_of(plan) - sending.SLACK_SECONDS / 2
        held, touched = turns.take(plan, due, most, is_busy=bool(self._in_flight.get(plan.flow, 0)))
        if held:
            self._in_flight[plan.flow] = self._in_flight.get(plan.flow, 0) + len(held)
            size = min(RUN, max(1, -(-len(held) // self.senders)))
            for one in sending.runs_of(plan, held, size):
                self._runs.put(_Run(plan, one, deadline))
        return touched

    def _mark(self) -> int:
        """Mark all that has come back by now, one statement per flow."""
        found: dict[UUID, tuple[Plan, list[Result]]] = {}
        count = 0
        while count < 1000:
            try:
                back = self._back.get_nowait()
            except queue.Empty:
                break
            if back is _WAKE:
                continue
            plan, results = back
            found.setdefault(plan.version, (plan, []))[1].extend(results)
            count += len(results)
        while found:
            version, (plan, results) = found.popitem()
            try:
                claims.mark(plan, results, [random.random() for _ in results])
            except Exception:
                found[version] = plan, results
                for one in found.values():
                    self._back.put(one)  # marked when the database is there again
                raise
            self._in_flight[plan.flow] = self._in_flight.get(plan.flow, 0) - len(results)
        return count

    def _rest(self) -> None:
        """Wait until something comes back, the database wakes us, or the time is over."""
        try:
            back = self._back.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            close_old_connections()
            return
        if back is not _WAKE:
            self._back.put(back)

    def _finish(self) -> None:
        """Let what is being sent come to its end, and mark it."""
        while True:
            try:
                run = self._runs.get_nowait()
            except queue.Empty:
                break
            if run is not None:
                self._back.put((run.plan, [Result(held, "back") for held in run.held]))
        for _ in range(self.senders):
            self._runs.put(None)
        limit = time.monotonic() + STOP_SECONDS
        while sum(self._in_flight.values()) > 0 and time.monotonic() < limit:
            try:
                if not self._mark():
                    self._rest_for_results(limit)
            except Exception:
                log.exception("What was sent could not be marked")
                connection.close()
                time.sleep(0.2)

    def _rest_for_results(self, limit: float) -> None:
        try:
            self._back.put(self._back.get(timeout=max(0.01, min(0.2, limit - time.monotonic()))))
        except queue.Empty:
            pass

    # The others

    def _send(self) -> None:
        while (run := self._runs.get()) is not None:
            left = {held.id: held for held in run.held}
            results: list[Result] = []
            told = time.monotonic()
            try:
                for result in sending.send_run(run.plan, run.held, run.deadline):
                    results.append(result)
                    left.pop(result.held.id)
                    if time.monotonic() - told > 0.05:
                        self._back.put((run.plan, results))
                        results, told = [], time.monotonic()
            except Exception:
                log.exception("A run of %s broke off", run.plan.code)
                results += [Result(held, "back", retry_after=5.0) for held in left.values()]
            if results:
                self._back.put((run.plan, results))

    def _loop(self, work: Callable[[], int], wake: threading.Event | None) -> None:
        """Do what is due, in a thread with a connection of its own."""
        while not self.stop.is_set():
            try:
                busy = work()
            except Exception:
                log.exception("%s failed; trying again", threading.current_thread().name)
                connection.close()
                self.stop.wait(1.0)
                continue
            if not busy:
                close_old_connections()
                (wake or self.stop).wait(IDLE_SECONDS)
                if wake:
                    wake.clear()
        connection.close()

    def _listen(self) -> None:
        """Hear the database say that there is something new."""
        while not self.stop.is_set():
            try:
                connection.ensure_connection()
                bare = connection.connection
                bare.autocommit = True
                bare.execute(f"LISTEN {CHANNEL}")
                while not self.stop.is_set():
                    for _ in bare.notifies(timeout=1.0, stop_after=1):
                        self._wake_in.set()
                        self._back.put(_WAKE)
            except Exception:
                log.info("Not listening; trying again", exc_info=True)
                self.stop.wait(1.0)
            finally:
                connection.close()


def carry_once(now: datetime | None = None, most: int = BATCH) -> int:
    """Send and execute what is due now, once, in this thread; give how many messages were tried."""
    tried = 0
    for due in claims.due_flows("out", now):
        plan = plans_of({due.flow: (due.version, due.system_version)}).get(due.flow)
        if plan is None:
            continue
        held, touched = turns.take(plan, due, most, now)
        runs = sending.runs_of(plan, held, most)
        results = [result for run in runs for result in sending.send_run(plan, run, now=now)]
        if results:
            claims.mark(plan, results, [0.5] * len(results), now)
        tried += touched
    return tried + effects.execute_due(now) + sum(work(now) for work in _also)


def carry_until_quiet(now: datetime | None = None, seconds: float = 30.0) -> None:
    """Carry until nothing is due, for stories and tests. Raises: TimeoutError."""
    end = time.monotonic() + seconds
    while carry_once(now):
        if time.monotonic() > end:
            raise TimeoutError("messages are still due")
