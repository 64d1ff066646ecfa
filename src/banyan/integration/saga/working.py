"""Runs go on: what starts them, taken with the batches of events; what moves them, done by the bus's process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from banyan.integration import fanout
from banyan.integration.rules import matches
from banyan.integration.saga.commands import advance_runs, definition_of
from banyan.integration.saga.models import Run, RunStep
from banyan.integration.saga.moving import due, judged, made_steps, put_off
from banyan.kernel import db
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.errors import Conflict
from banyan.lib.ids import new_id

log = logging.getLogger("banyan.bus")

MOST = 100
TOGETHER = 20
PUT_OFF_SECONDS = 60.0
#: No saga hears what is told of runs.
OWN = "saga."

_LISTENING = """
    SELECT s.id, s.running_id FROM saga_saga s JOIN saga_sagaversion v ON v.id = s.running_id
    WHERE s.state <> 'retired' AND v.definition ->> 'trigger' = 'event' ORDER BY s.code
"""


def take_batch(rows: Sequence[Any], at: datetime) -> None:
    """Make a run for every event and saga that hears it and wants it, in the dispatcher's transaction.

    Writes: runs with their steps, waiting; wakes the bus when the transaction commits
    """
    made: list[Run] = []
    others = [row for row in rows if not row.type.startswith(OWN)]
    steps: list[RunStep] = []
    for saga, version in db.rows(_LISTENING):
        definition = definition_of(version)
        heard = {row.pk: row for row in others if matches(row.type, definition["events"])}
        known = set(Run.objects.filter(saga=saga, source__in=map(str, heard)).values_list("source", flat=True))
        for event, key, body in fanout.bodies_of(list(heard)) if heard else ():
            start = orjson.loads(body)
            is_wanted, named, fault = judged(definition, start, start.get("subject") or key)
            if not is_wanted or str(event) in known:
                continue
            row = heard[event]
            run = Run(id=new_id(), saga_id=saga, used_id=version, source=str(event), key=named, start=start,
                      origin_noun=row.noun, origin=row.record, error=fault, due_at=at, created_at=at,
                      changed_at=at)  # fmt: skip
            made.append(run)
            steps += made_steps(run, definition)
    if made:
        Run.objects.bulk_create(made)
        RunStep.objects.bulk_create(steps)
        fanout.wake()


def advance_due(now: datetime | None = None, most: int = MOST) -> int:
    """Move the runs that have something to look at, several in a transaction; give how many were looked at.

    A fault of ours at one run is logged, and does not keep the others
    """
    found = due(now, most)
    for start in range(0, len(found), TOGETHER):
        some = found[start : start + TOGETHER]
        try:
            _execute([run for run, _ in some], some[0][1])
        except Exception:  # one of them is at fault, or was decided on meanwhile: each by itself
            if not _is_there():
                raise
            for run, at in some:
                advance(run, at)
    return len(found)


def advance(run: UUID, at: datetime) -> None:
    """Move one run; put it off where that fails."""
    try:
        _execute([run], at)
    except Conflict:
        log.info("Run %s was decided on meanwhile", run, exc_info=True)
    except Exception as fault:
        if not _is_there():
            raise
        log.exception("Run %s could not be moved", run)
        put_off(run, at + timedelta(seconds=PUT_OFF_SECONDS), f"{type(fault).__name__}: {fault}")


def _execute(runs: Sequence[UUID], at: datetime) -> None:
    execute(Context(SYSTEM, now=at, through="job", program="bus"), advance_runs, ids=runs)


def _is_there() -> bool:
    """Say whether the database answers."""
    try:
        return db.one("SELECT 1") is not None
    except Exception:
        return False
