"""Messages in: a command of the registry does what a message says, and the mark commits with it.

They come from partners, from events of ours and from the clock.
The account of the system acts. A refusal leaves the message dead with its reason and the command's audit line; what
the command wrote is gone. A worker killed on the way has done nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from django.db import IntegrityError, OperationalError, connection, transaction

from banyan.integration import claims, hops, replies, stepping
from banyan.integration.claims import Held, Result
from banyan.integration.connecting import Failed
from banyan.integration.performing import perform, reason_of, said
from banyan.integration.plans import Plan, context_of, plans_of
from banyan.kernel import db, registry, schema
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.lib import traces
from banyan.lib.errors import DomainError

log = logging.getLogger("banyan.bus")
BATCH = 50
LEASE_SECONDS = 120.0

_HOLD = """
    SELECT id FROM integration_message WHERE id = ANY(%s) AND claim = %s AND state = 'waiting'
    ORDER BY seq FOR UPDATE
"""


def execute_due(now: datetime | None = None, most: int = BATCH) -> int:
    """Execute what is due of every flow that leads in; give how many messages were tried or parked."""
    tried = 0
    for due in claims.due_flows("in", now):
        plan = plans_of({due.flow: (due.version, due.system_version)}).get(due.flow)
        if plan is None:
            continue
        held, parked = claims.claim(plan, most, LEASE_SECONDS, now)
        if held:
            execute_batch(plan, held, now)
        tried += len(held) + parked
    return tried


def execute_batch(plan: Plan, held: Sequence[Held], now: datetime | None = None) -> None:
    """Execute messages and mark them, all in one transaction; should that break, each in one of its own.

    Writes: what the commands write; messages, attempts
    """
    blocked: set[str] = set()
    if plan.tells and len(held) > 1:
        for _, alike in groupby(_by_hops(plan, held), key=itemgetter(0)):
            _execute_alike(plan, [one for _, one in alike], now, blocked)
        return
    _execute_alike(plan, held, now, blocked)


def _by_hops(plan: Plan, held: Sequence[Held]) -> list[tuple[tuple[int, int], Held]]:
    """Give messages in their order, each with how far its event has come, so that none counts by another's way.

    Those of one route go together: what does several in one call does them all alike.
    """
    known = hops.of_messages([one.id for one in held])
    return [((known.get(one.id, 0), id(plan.way_of(one.type))), one) for one in held]


def _execute_alike(plan: Plan, held: Sequence[Held], now: datetime | None, blocked: set[str]) -> None:
    try:
        _in_one(plan, held, now, blocked)
    except (OperationalError, IntegrityError) as fault:
        if connection.connection is None or connection.connection.closed:
            raise
        log.info("%s: one by one after %s", plan.code, type(fault).__name__)
        for one in held:
            try:
                _in_one(plan, [one], now, blocked)
            except (OperationalError, IntegrityError) as fault:
                if connection.connection is None or connection.connection.closed:
                    raise
                refusal = schema.refusal_of(fault) if isinstance(fault, IntegrityError) else None
                result = Result(one, "dead", reason="validation", error=said(refusal)) if refusal else Result(
                    one, "failed", reason="busy", error=str(fault)[:1000])  # fmt: skip
                claims.mark(plan, [result], [0.5], now)
                if plan.order != "free":
                    blocked.add(one.key)


def _in_one(plan: Plan, held: Sequence[Held], now: datetime | None, blocked: set[str]) -> None:
    """Execute messages of one way and mark them in one transaction; behind one that was not done its key goes back.

    Takes:  blocked: keys, where order matters, of which an earlier one was not done; at the end those of these too
    """
    stuck, at = set(blocked), now or datetime.now(UTC)
    with transaction.atomic():
        mine = {row[0] for row in db.rows(_HOLD, [[one.id for one in held], held[0].claim])}
        ctx = context_of(plan, at)
        here = [one for one in held if one.id in mine]
        results = _do_together(plan.way_of(held[0].type), ctx, here) if stuck.isdisjoint(x.key for x in here) else []
        for one in here if not results else ():
            if one.key in stuck:
                results.append(Result(one, "back"))
                continue
            result = _execute(plan.way_of(one.type), ctx, one)
            if result.outcome != "done" and plan.order != "free":
                stuck.add(one.key)
            results.append(result)
        if plan.tells and here:
            hops.note(max(hops.of_messages([one.id for one in here]).values(), default=0) + 1, at)
        if results:
            rows = [claims.as_row(plan, one, 0.5) for one in results]
            claims.write_marks(plan, rows, now)
    blocked |= stuck


def _do_together(plan: Plan, ctx: Context | Failed, held: Sequence[Held]) -> list[Result]:
    """Do several messages in one call of their command, which costs little more than doing one.

    Gives:  a result for each; none where they must be taken one by one: nothing is written then, no audit line either
    """
    command = registry.command(plan.target) if registry.has_command(plan.target) else None
    if len(held) < 2 or isinstance(ctx, Failed) or command is None or plan.definition["reply"].get("link"):
        return []
    creates = command.creates and command.name == "create"
    field = "records" if creates else command.gathers
    if command.on != "noun" or not field:
        return []
    if any(one.trace for one in held):  # what a command tells is of one trace
        return []
    begun = time.perf_counter()
    entries: list[Any] = []
    for value in plan.map_all([orjson.loads(one.body) for one in held]):
        is_input = isinstance(value, Mapping) and set(value) == {field}
        if isinstance(value, (Failed, list)) or is_input == creates:
            return []
        entries += [value] if creates else value[field] if isinstance(value[field], list) else [value[field]]
    try:
        with transaction.atomic():
            made = execute(ctx, command, data={field: entries})
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    except (DomainError, IntegrityError):
        return []
    if creates and len(made.ids) != len(held):
        raise RuntimeError(f"{command.key} made {len(made.ids)} records of {len(held)}")
    ms, keeps = _ms(begun) / len(held), plan.definition["reply"].get("keep")
    return [
        Result(one, "done", ms=ms, noun=command.noun if key else "", record=key,
               reply={"ids": [str(key)] if key else []} if keeps else None)
        for one, key in zip(held, made.ids if creates else [None] * len(held), strict=True)
    ]  # fmt: skip


def _execute(plan: Plan, ctx: Context | Failed, held: Held) -> Result:
    step, bears = stepping.of_try(plan, held)
    if step and isinstance(ctx, Context):
        ctx = step.of(ctx)
    elif held.trace and isinstance(ctx, Context):
        ctx = ctx.with_(trace=traces.step(held.trace, held.id))
    return stepping.ended(step, _executed(plan, ctx, held), bears)


def _executed(plan: Plan, ctx: Context | Failed, held: Held) -> Result:
    begun = time.perf_counter()
    try:
        if isinstance(ctx, Failed):
            raise ctx
        body = orjson.loads(held.body)
        noun = registry.command(plan.target).noun
        outcome = perform(
            ctx, plan.target, plan.map(body),
            after=lambda made: replies.link(plan, ctx, body, noun, made.ids[0] if made.ids else None),
        )  # fmt: skip
    except Failed as fault:
        return Result(held, "failed" if fault.is_passing else "dead", reason=fault.kind, error=fault.text,
                      code=fault.code, ms=_ms(begun))  # fmt: skip
    except DomainError as refusal:
        return Result(held, "dead", reason=reason_of(refusal), error=said(refusal), code=refusal.code[:40],
                      ms=_ms(begun))  # fmt: skip
    except IntegrityError as fault:
        return Result(held, "dead", reason="validation", error=said(schema.refusal_of(fault)), ms=_ms(begun))
    except OperationalError as fault:
        if connection.connection is None or connection.connection.closed:
            raise
        return Result(held, "failed", reason="busy", error=str(fault)[:1000], ms=_ms(begun))
    except Exception as fault:
        if connection.connection is None or connection.connection.closed:
            raise
        log.exception("%s: %s", plan.code, held.id)
        return Result(held, "dead", reason="fault", error=f"{type(fault).__name__}: {fault}"[:1000], ms=_ms(begun))
    made = outcome.ids[0] if outcome.ids else None
    reply = {"ids": [str(one) for one in outcome.ids[:100]]} if plan.definition["reply"].get("keep") else None
    return Result(held, "done", ms=_ms(begun), noun=noun if made else "", record=made,
                  reply=reply)  # fmt: skip


def _ms(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
