"""Messages out: mapped, sent outside of any transaction, in order where order matters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson

from banyan.integration import replies, stepping
from banyan.integration.claims import Held, Result
from banyan.integration.connecting import Connection, Failed, Outgoing, Sent
from banyan.integration.plans import Plan, refused
from banyan.kernel import tracing

#: A claim lasts for two calls and a little more; what has not begun when one call would no longer fit goes back.
SLACK_SECONDS = 10.0


def lease_of(plan: Plan) -> float:
    """Give the seconds a claim of this flow lasts."""
    return 2 * plan.timeout + SLACK_SECONDS


def runs_of(plan: Plan, held: Sequence[Held], most: int) -> Iterator[list[Held]]:
    """Give what one worker sends one after the other: those of one key stay together and in order."""
    if plan.order == "free":
        for start in range(0, len(held), most):
            yield list(held[start : start + most])
        return
    run: list[Held] = []
    for _, same in groupby(sorted(held, key=lambda one: (one.key, one.seq)), key=lambda one: one.key):
        run += same
        if len(run) >= most:
            yield run
            run = []
    if run:
        yield run


def send_run(
    plan: Plan, run: Sequence[Held], deadline: float | None = None, now: datetime | None = None
) -> Iterator[Result]:
    """Send messages one after the other; behind one that failed, those of its key go back.

    What the partner has answered already is not sent again: its answer is handed on. Where a command of ours depends on
    answers, one of a key is sent at a time.

    Takes:  deadline: monotonic time of the claim's end, from which on nothing more is begun; now: what the connector
            takes for the time, the machine's when not given
    Gives:  a result for each, as it comes about
    """
    answered = [held for held in run if held.answer is not None]
    yield from (Result(held, "done", reply=orjson.loads(held.answer or "null")) for held in answered)
    if answered and not (run := [held for held in run if held.answer is None]):
        return
    connection = _safely(plan, now)
    if isinstance(connection, Failed):
        yield from (_failed(held, connection, 0.0) for held in run)
        return
    blocked = {held.key for held in answered if replies.waits(plan.way_of(held.type))}
    if plan.connector.sends_many:
        yield from _send_parts(plan, connection, run, blocked, deadline)
        return
    pauses: dict[str, float] = {}
    for held, body in zip(run, _mapped(plan, run), strict=True):
        way = plan.way_of(held.type)
        pause = pauses.get(way.gauge, 0.0)
        if pause or _is_late(plan, deadline) or (plan.order != "free" and held.key in blocked):
            blocked.add(held.key)
            yield Result(held, "back", retry_after=pause)
            continue
        result = _send(way, connection, held, body)
        if result.outcome != "done" or replies.waits(way):
            blocked.add(held.key)
        if result.reason == "throttled":
            pauses[way.gauge] = result.retry_after or 1.0
        yield result


def _mapped(plan: Plan, run: Sequence[Held]) -> list[Any]:
    return plan.map_each([held.type for held in run], [orjson.loads(held.body) for held in run])


def _is_late(plan: Plan, deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() + plan.timeout > deadline


def _safely(plan: Plan, now: datetime | None) -> Connection | Failed:
    try:
        return plan.connect(now)
    except Exception as fault:  # what is stored of the system may be unusable by now
        return refused(fault)


def outgoing(plan: Plan, held: Held, body: Any, attempt: UUID | None = None) -> Outgoing:
    """Give a message as the connector gets it. Raises: Failed("mapping") where that is what became of its body.

    Takes:  attempt: the key of this try, where it is recorded as a step of its trace
    """
    if isinstance(body, Failed):
        raise body
    return Outgoing(
        id=held.id, operation=plan.target, body=body, key=held.key, type=held.type,
        at=held.at, attempt=held.attempts + 1, trace=held.trace, step=attempt,
    )  # fmt: skip


def _send(plan: Plan, connection: Connection, held: Held, body: Any) -> Result:
    step, bears = stepping.of_try(plan, held)
    return stepping.ended(step, _sent(plan, connection, held, body, bears.get("attempt")), bears)


def _sent(plan: Plan, connection: Connection, held: Held, body: Any, attempt: UUID | None) -> Result:
    begun = time.perf_counter()
    try:
        sent = plan.connector.send(connection, outgoing(plan, held, body, attempt))
    except Exception as fault:  # whatever a connector raises is a failed try, never the end of the worker
        return _failed(held, refused(fault), (time.perf_counter() - begun) * 1000)
    return _done(plan, held, sent, (time.perf_counter() - begun) * 1000)


def parts_of(plan: Plan, run: Sequence[Held]) -> Iterator[list[Held]]:
    """Give a run in as few parts of one target each as its order allows: of a key, what is earlier goes before."""
    rest = list(run) if plan.routes else []
    if not rest:
        yield list(run)
    while rest:
        target, part, left, behind = plan.way_of(rest[0].type).target, [], [], set()
        for held in rest:
            if plan.way_of(held.type).target == target and (plan.order == "free" or held.key not in behind):
                part.append(held)
            else:
                left.append(held)
                behind.add(held.key)
        yield part
        rest = left


def _send_parts(
    plan: Plan, connection: Connection, run: Sequence[Held], blocked: set[str], deadline: float | None
) -> Iterator[Result]:
    """Hand what goes to one target to the connector at once, each target behind what must be there before."""
    pauses: dict[str, float] = {}
    for place, part in enumerate(parts_of(plan, run)):
        gauge = plan.way_of(part[0].type).gauge
        if place and (gauge in pauses or _is_late(plan, deadline)):
            blocked |= {held.key for held in part}
            yield from (Result(held, "back", retry_after=pauses.get(gauge, 0.0)) for held in part)
            continue
        for result in _send_together(plan, connection, part, blocked):
            if result.outcome != "done":
                blocked.add(result.held.key)
            if result.reason == "throttled":
                pauses[gauge] = result.retry_after or 1.0
            yield result


def _send_together(
    plan: Plan, connection: Connection, run: Sequence[Held], blocked: set[str]
) -> Iterator[Result]:
    """Hand several to the connector at once. Of what it did not answer for, nothing is known: it is tried again."""
    ready: list[tuple[Held, Outgoing]] = []
    steps: list[tuple[tracing.Step, dict[str, Any]]] = []
    for held, body in zip(run, _mapped(plan, run), strict=True):
        if plan.order != "free" and held.key in blocked:
            yield Result(held, "back")
            continue
        way = plan.way_of(held.type)
        step, bears = stepping.of_try(way, held)
        try:
            ready.append((held, outgoing(way, held, body, bears.get("attempt"))))
            steps.append((step, bears))
            if replies.waits(way):
                blocked.add(held.key)
        except Failed as fault:
            blocked.add(held.key)
            yield stepping.ended(step, _failed(held, fault, 0.0), bears)
    if not ready:
        return
    begun = time.perf_counter()
    answers: list[Sent | Failed]
    try:
        answers = list(plan.connector.send_many(replace(connection), [out for _, out in ready]))
    except Exception as fault:
        answers = [refused(fault)] * len(ready)
    answers += [Failed("transport", "the connector gave no answer for it")] * (len(ready) - len(answers))
    ms = (time.perf_counter() - begun) * 1000 / len(ready)
    for (held, _), answer, (step, bears) in zip(ready, answers, steps, strict=False):
        result = _failed(held, answer, ms) if isinstance(answer, Failed) else _done(
            plan.way_of(held.type), held, answer, ms)  # fmt: skip
        yield stepping.ended(step, result, bears)


def _done(plan: Plan, held: Held, sent: Sent, ms: float) -> Result:
    reply: Any = sent.reply if plan.definition["reply"] else None
    return Result(held, "done", code=sent.code, ms=ms, reply=reply)


def _failed(held: Held, fault: Failed, ms: float) -> Result:
    return Result(held, "failed" if fault.is_passing else "dead", reason=fault.kind, error=fault.text, code=fault.code,
                  ms=ms, retry_after=fault.retry_after)  # fmt: skip
