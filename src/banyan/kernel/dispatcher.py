"""The dispatcher: takes events from the outbox in commit order and brings each to those who hear of it.

Reads only what committed before the oldest transaction open in this database (`banyan_horizon`), so nothing that
appears late is missed; sorted by `seq`, which is drawn while the record is locked, so the order per record is the
order of commits. Each listener gets each event at least once and one record's events in order: while one waits for a
retry, later ones of the same record and listener wait behind it. After `MOST_ATTEMPTS` a delivery is dead: seen in
the list of deliveries, and replayed or given up by hand.
"""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from django.db import close_old_connections, connection, transaction
from pydantic import Field

from banyan.kernel import db, events, tracing
from banyan.kernel.commands import command
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Delivery, Outbox
from banyan.kernel.schema import Input, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

log = logging.getLogger("banyan.dispatcher")
POLL_SECONDS = 0.2
HELD_SECONDS = 0.002
BATCH = 500
MOST_ATTEMPTS = 12
_LOCK = 0x62616E79616E  # one dispatcher drains at a time; a second one waits its turn


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event as a listener after commit gets it."""

    id: UUID
    seq: int
    at: datetime
    type: str
    event_version: int
    noun: str
    record: UUID | None
    number: str
    payload: dict[str, Any]
    person: UUID | None


def run(stop: threading.Event | None = None) -> None:
    """Drain the outbox until told to stop by a signal or the event; survives a database restart."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
    while not stop.is_set():
        try:
            busy = drain()
        except Exception:
            log.exception("The outbox could not be drained; trying again")
            connection.close()
            stop.wait(1.0)
            continue
        close_old_connections()
        if not busy:
            stop.wait(POLL_SECONDS)


def drain(now: datetime | None = None) -> int:
    """Deliver one batch of new events and all due retries; give how many deliveries were tried."""
    at = now or datetime.now(UTC)
    with transaction.atomic():
        if not db.one("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])[0]:
            return 0
        fresh = list(
            Outbox.objects.filter(dispatched_at__isnull=True)
            .extra(where=["xid < (SELECT banyan_horizon())"]).order_by("seq")[:BATCH]
        )
        wanted = [
            Delivery(id=new_id(), event=event, seq=event.seq, key=event.key, listener=name, next_at=at)
            for event in fresh for name, _ in events.listeners_after(event.type)
        ]
        if wanted:
            Delivery.objects.bulk_create(wanted, ignore_conflicts=True)
        if fresh:
            for take in events.takers_of_batches():
                take(fresh, at)
            Outbox.objects.filter(pk__in=[event.pk for event in fresh]).update(dispatched_at=at)
    return len(fresh) + _deliver_due(at)


_DUE = """
SELECT d.id FROM kernel_delivery d
WHERE d.state = 'waiting' AND d.next_at <= %s AND NOT EXISTS (
    SELECT 1 FROM kernel_delivery b
    WHERE b.listener = d.listener AND b.key = d.key AND b.seq < d.seq AND b.state IN ('waiting', 'dead'))
ORDER BY d.seq LIMIT %s
"""


def _deliver_due(at: datetime) -> int:
    tried = 0
    while due := [row[0] for row in db.rows(_DUE, [at, BATCH])]:
        for delivery in Delivery.objects.filter(pk__in=due).select_related("event").order_by("seq"):
            _deliver(delivery, at)
            tried += 1
    return tried


def _deliver(delivery: Delivery, at: datetime) -> None:
    """Run one listener for one event in a transaction of its own; its effect and its mark commit together."""
    event = delivery.event
    function = next((f for name, f in events.listeners_after(event.type) if name == delivery.listener), None)
    try:
        with transaction.atomic():
            held = Delivery.objects.select_for_update(skip_locked=True).filter(pk=delivery.pk, state="waiting").first()
            if held is None:
                return
            if function is not None:
                ctx = Context(SYSTEM, now=at, through="job", program="dispatcher", trace=event.trace)
                with _step(delivery) as step:
                    function(step.of(ctx), _delivered(event))
            Delivery.objects.filter(pk=delivery.pk).update(
                state="done", done_at=at, attempts=delivery.attempts + 1,
                error="" if function else "the listener no longer exists",
            )
    except Exception as fault:
        attempts = delivery.attempts + 1
        dead = attempts >= MOST_ATTEMPTS
        log.warning("%s failed for %s (%s. try)%s", delivery.listener, event.type, attempts, ": dead" if dead else "",
                    exc_info=dead)
        Delivery.objects.filter(pk=delivery.pk).update(
            state="dead" if dead else "waiting", attempts=attempts, next_at=at + _pause(attempts),
            error=_told(fault),
        )


def _told(fault: Exception) -> str:
    """Give a fault in a line: what it says, and where it arose; the log has the way there."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__}: {fault}"[:800] + f" ({Path(last.filename).name}:{last.lineno})"


def _step(delivery: Delivery) -> tracing.Step:
    """Give the step that a listener's hearing of an event is in its trace."""
    event = delivery.event
    if event.trace is None or not tracing.is_on():
        return tracing.NOTHING
    return tracing.begin(f"hear {delivery.listener}", event.trace, kind="consumer", event=event.type,
                         attempt=delivery.attempts + 1)  # fmt: skip


def _delivered(event: Outbox) -> Delivered:
    return Delivered(event.pk, event.seq, event.at, event.type, event.event_version, event.noun, event.record,
                     event.number, event.payload, event.person)


def _pause(attempts: int) -> timedelta:
    """Give the wait before the next try: doubling from 2 s to 1 h, with a tenth of chance."""
    return timedelta(seconds=min(3600.0, 2.0**attempts) * random.uniform(0.9, 1.1))


# --- dead letters: seen, replayed, or given up ---------------------------------------------------------------


@command("kernel.delivery.replay", L("重新投递", "Deliver again"), icon="repeat", is_primary=True, bumps=False)
def replay(ctx: Context, deliveries: Sequence[Delivery]) -> Label:
    """Send dead deliveries again, from the first try; later events of the same records follow them in order.

    Writes: deliveries
    """
    _set(deliveries, state="waiting", attempts=0, next_at=ctx.now)
    return L("{n} 项将重新投递", "{n} are delivered again").filled({"n": len(deliveries)})


class GiveUp(Input):
    """Why nobody tries any more; kept in the audit trail."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)] = field("原因", "Reason")


@command("kernel.delivery.give_up", L("放弃投递", "Give up"), input=GiveUp, icon="ban", tone="red", bumps=False,
         help=L("这一事件不再投递给该接收方，其后的事件继续",
                "This event never reaches the listener; later ones of the record go on"))  # fmt: skip
def give_up(ctx: Context, deliveries: Sequence[Delivery], data: GiveUp) -> None:
    """Let dead deliveries rest, with a reason, so that later events of the same record go on.

    Writes: deliveries
    """
    _set(deliveries, state="given_up", done_at=ctx.now)


def _set(deliveries: Sequence[Delivery], **values: Any) -> None:
    Delivery.objects.filter(pk__in=[one.pk for one in deliveries]).update(**values)


def dead_letters(limit: int = 200) -> list[Delivery]:
    """Give dead deliveries with their events, oldest first."""
    return list(Delivery.objects.filter(state="dead").select_related("event").order_by("seq")[:limit])


def wait_until_quiet(seconds: float = 30.0) -> None:
    """Drain until nothing is new or due, for stories and tests. Raises: TimeoutError."""
    end = time.monotonic() + seconds
    while drain() or _is_held_back():
        if time.monotonic() > end:
            raise TimeoutError("events are still waiting")


def _is_held_back() -> bool:
    """Say, after a pause, whether new events wait for what is open elsewhere; within a transaction one's own do."""
    if connection.in_atomic_block or not Outbox.objects.filter(dispatched_at__isnull=True).exists():
        return False
    time.sleep(HELD_SECONDS)
    return True
