"""How a run goes on: looks at the message it waits for, and hands the next step to the bus.

Nothing is sent here. A step is a message of the bus, written in the transaction that moves the run; a worker that is
killed has moved nothing or all of it. The message's name is made of run, step and direction: the partner sees the
same one at every try, and there is one of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import orjson

from banyan.integration import conditions, fanout
from banyan.integration.commands.messages import replay
from banyan.integration.connecting import UNREACHED, Failed
from banyan.integration.models import Message
from banyan.integration.names import fitted
from banyan.integration.rules import pause_before_next
from banyan.integration.saga import asking, rules
from banyan.integration.saga.events import RunDone, RunUndone
from banyan.integration.saga.models import Run, RunStep
from banyan.kernel import db, locks
from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.lib.labels import L, Label

#: Names in what a step's mapping reads that are ours, whatever started the run.
RUN, STEPS = "run", "steps"

_LOOK = f"""
    SELECT m.id, m.state, m.reason, m.code, m.error, m.attempts, m.reply::text, m.claimed_until > statement_timestamp(),
           m.claimed_until,
           m.direction = 'out' AND (m.claim IS NOT NULL OR EXISTS (
               SELECT 1 FROM integration_attempt a WHERE a.message_id = m.id AND a.code <> '{UNREACHED}'
               AND a.reason IN ('transport', 'timeout', 'unavailable')))
    FROM integration_message m WHERE m.id = %(id)s FOR UPDATE
"""
_AGAIN = """
    UPDATE integration_message SET state = 'waiting', next_at = %(at)s, claim = NULL, claimed_until = NULL,
        done_at = NULL
    WHERE id = %(id)s
"""
_WITHDRAW = """
    UPDATE integration_message SET state = 'given_up', note = %(note)s, done_at = %(now)s, claim = NULL,
        claimed_until = NULL
    WHERE id = %(id)s AND state IN ('waiting', 'dead')
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A step's message as it stands, its row locked. `is_unsure`: the partner may have done it without saying so."""

    id: UUID
    state: str
    reason: str
    code: str
    error: str
    attempts: int
    reply: Any
    is_taken: bool | None
    taken_until: datetime | None
    is_unsure: bool


class Move:
    """One run, its row locked, its steps by place, as long as a transaction lasts."""

    def __init__(self, ctx: Context, run: Run, steps: Sequence[RunStep], definition: Mapping[str, Any]) -> None:
        self.ctx, self.run, self.steps = ctx, run, [locks.remember(step) for step in steps]
        self.definition = {one["name"]: one for one in definition["steps"]}
        self.retries = definition["retries"]

    # What it looks like

    def rules(self) -> list[rules.Step]:
        """Give the steps as the rules see them."""
        return [
            rules.Step(one.state, self.definition[one.name]["undo"] is not None, one.is_point_of_no_return,
                       one.is_unsure)
            for one in self.steps
        ]  # fmt: skip

    def current(self) -> RunStep | None:
        """Give the step a run is at, in the direction it goes; None when none is left."""
        place = rules.next_back(self.rules()) if self.run.is_backward else rules.next_forward(self.rules())
        return None if place is None else self.steps[place]

    def look(self, message: UUID) -> Seen:
        """Give a message as it stands, and lock it. Writes: its lock"""
        row = db.one(_LOOK, {"id": message})
        return Seen(*row[:6], None if row[6] is None else orjson.loads(row[6]), *row[7:])

    # How it goes on

    def go(self) -> None:
        """Go on as far as nothing has to be waited for. Writes: the run's fields (for the engine), steps, messages"""
        run, before = self.run, self.run.state
        run.message, run.due_at = None, None
        if run.state == "waiting":
            if run.error:
                self.ask(L("启动条件无法判断：{why}", "Whether it is wanted cannot be told: {why}")
                         .filled({"why": run.error}))  # fmt: skip
                return
            run.state, run.began_at, run.due_at = "running", self.ctx.now, self.ctx.now
            return  # its number is given with this, and the first step tells it
        while self._step():
            if run.state == "needs_person":
                run.state = "compensating" if run.is_backward else "running"
        step = self.current()
        run.at_step = step.title if step is not None and run.ended_at is None else ""
        self.keep()
        if before == "needs_person" and run.state != "needs_person":
            run.asked_at = None
            run.error = run.error if run.ended_at else ""
            asking.settle(self.ctx, [run.pk])

    def keep(self) -> None:
        """Write back what has changed of the steps. One statement."""
        changes = [locks.dirty(step) for step in self.steps]
        columns = sorted({column for one in changes for column in one})
        if columns:
            db.update_rows([step for step, one in zip(self.steps, changes, strict=True) if one], columns)

    def _step(self) -> bool:
        """Do one thing; say whether something can be done right after it."""
        step = self.current()
        if step is None:
            self._end()
            return False
        if self.run.is_backward:
            return self._back(step)
        return self._forward(step)

    def _end(self) -> None:
        run = self.run
        run.state, run.ended_at = ("undone" if run.is_backward else "done"), self.ctx.now
        failed = next((step for step in self.steps if run.is_backward and step.state == "failed"), None)
        run.error = _failed(failed) if failed else ""
        event = RunUndone if run.is_backward else RunDone
        tell(event(**asking.facts(run)))

    def _forward(self, step: RunStep) -> bool:
        if step.state == "pending":
            self._begin(step, "do")
            return False
        if step.state == "failed":  # and it is a person's to decide
            return False
        seen = self.look(step.message)
        if seen.state == "done":
            step.state, step.done_at, step.answer, step.error = "done", self.ctx.now, seen.reply, ""
            return True
        step.error = seen.error
        is_late = step.deadline_at is not None and step.deadline_at <= self.ctx.now
        if rules.is_past_return(self.rules()):
            return self._repeat(step, seen, is_late)
        if seen.state == "waiting" and not is_late:
            self._wait(seen, step.deadline_at)
            return False
        if seen.state == "waiting" and seen.is_taken:
            self._wait(seen, seen.taken_until)
            return False
        if seen.state == "waiting":
            self.withdraw(seen, "deadline")
            step.error = _lines(L("超过期限 {at}", "past its deadline, {at}").filled({"at": step.deadline_at}),
                                seen.error)  # fmt: skip
        step.state, step.is_unsure = "failed", seen.is_unsure
        place = self.steps.index(step)
        if rules.is_failure_askable(self.rules(), place):
            self.ask(L("步骤“{step}”失败，但对方可能已执行，而它是不可回头点：{why}",
                       "Step “{step}” failed, may have been done all the same, and is the point of no return: {why}")
                     .filled({"step": step.title, "why": step.error or seen.reason}))  # fmt: skip
            return False
        self.run.is_backward, self.run.state = True, "compensating"
        self.run.error = _failed(step)
        return True

    def _back(self, step: RunStep) -> bool:
        if step.state != "undoing":
            if self.definition[step.name]["undo"] is None:
                step.state = "kept"
                return True
            self._begin(step, "undo")
            return False
        seen = self.look(step.undo_message)
        is_absent = seen.state == "dead" and (seen.reason == "gone" or seen.code == "404")
        if seen.state == "done" or (step.is_unsure and is_absent):
            # nothing was there to be taken back of what may have happened: so it did not
            step.state, step.undone_at, step.undo_answer, step.error = "undone", self.ctx.now, seen.reply, ""
            return True
        step.error = seen.error
        return self._repeat(step, seen, step.deadline_at is not None and step.deadline_at <= self.ctx.now)

    def _repeat(self, step: RunStep, seen: Seen, is_late: bool) -> bool:
        """Wait for what must come about; let a refused one be tried again by the schedule; ask somebody in the end."""
        if seen.state == "dead" and seen.reason != "exhausted":
            pause = pause_before_next(max(1, seen.attempts), self.retries, 0.5, None)
            if pause is not None:
                db.run(_AGAIN, {"id": seen.id, "at": self.ctx.now + timedelta(seconds=pause)})
                fanout.wake()
                seen = self.look(seen.id)
        if seen.state == "waiting":
            self._wait(seen, None if is_late else step.deadline_at)
        if is_late or seen.state != "waiting":
            what = L("撤销", "undoing") if self.run.is_backward else L("执行", "doing")
            more = L("仍在重试", "it is still being tried") if seen.state == "waiting" else L(
                "不再自动重试", "it is not tried any more")  # fmt: skip
            said = L("{what}步骤“{step}”没有成功（{more}）：{why}",
                     "{what} step “{step}” has not succeeded ({more}): {why}")  # fmt: skip
            why = seen.error or seen.reason
            self.ask(said.filled({"what": what, "step": step.title, "more": more, "why": why}))
        return False

    def _wait(self, seen: Seen, until: datetime | None) -> None:
        self.run.message, self.run.due_at = seen.id, until

    def _begin(self, step: RunStep, way: str) -> None:
        """Hand a step, or what takes it back, to the bus. Writes: its message, once"""
        call, now = self.definition[step.name][way], self.ctx.now
        message = name_of(self.run.pk, step.name, way)
        Message.objects.create(
            id=message, flow_id=call["flow"], system_id=call["system"], used_id=call["version"],
            direction=call["direction"], source=str(self.run.pk), type=f"saga.{step.name}.{way}",
            key=self.run.key, body=self.body(), at=now, next_at=now, record_noun=self.run.origin_noun,
            record=self.run.origin,
        )  # fmt: skip
        fanout.wake()
        if way == "do":
            step.state, step.message, step.began_at = "doing", message, now
        else:
            step.state, step.undo_message = "undoing", message
        self.set_deadline(step)
        self.run.message, self.run.due_at = message, step.deadline_at

    def set_deadline(self, step: RunStep) -> None:
        """Give a step its whole time, from now on."""
        step.deadline_at = self.ctx.now + timedelta(minutes=self.definition[step.name]["deadline_minutes"])

    def body(self) -> dict[str, Any]:
        """Give what the mappings of steps read: what started the run, the run, the steps with their answers."""
        run = self.run
        return {
            **run.start,
            RUN: {"id": str(run.pk), "number": run.number, "key": run.key, "noun": run.origin_noun,
                  "record": str(run.origin) if run.origin else None},
            STEPS: {one.name: {"state": one.state, "answer": one.answer,
                               "message": str(one.message) if one.message else None} for one in self.steps},
        }  # fmt: skip

    def withdraw(self, seen: Seen, note: str) -> None:
        """Try a message no more. Writes: the message"""
        db.run(_WITHDRAW, {"id": seen.id, "note": note[:1000], "now": self.ctx.now})

    def again(self, message: UUID) -> None:
        """Try a message from the first try, unless it is being tried or done. Writes: the message"""
        seen = self.look(message)
        if seen.state != "done" and not seen.is_taken:
            replay([message], self.ctx.now)

    def ask(self, why: Label) -> None:
        """Let somebody decide; who was asked already is not asked again. Writes: inboxes"""
        run, run.error = self.run, _lines(why)
        if run.state != "needs_person":
            run.state, run.asked_at = "needs_person", self.ctx.now
            asking.ask(self.ctx, run, why)


def name_of(run: UUID, step: str, way: str) -> UUID:
    """Give the name of a step's message: the same for run, step and direction, whoever asks and how often."""
    return uuid5(run, f"{step} {way}")


def _failed(step: RunStep) -> str:
    return _lines(L("步骤“{step}”失败", "Step “{step}” failed").filled({"step": step.title}), step.error)


def _lines(first: Label, *more: str) -> str:
    return "\n".join([first.zh, first.en, *(one for one in more if one)])[:4000]


def judged(definition: Mapping[str, Any], body: Any, usual: str) -> tuple[bool, str, str]:
    """Say whether a body starts a run, with which key, and what kept that from being told."""
    try:
        if definition["filter"] and not conditions.is_true(definition["filter"], body):
            return False, "", ""
        return True, conditions.key_of(definition["key"], body) if definition["key"] else fitted(usual), ""
    except Failed as fault:
        return True, fitted(usual), fault.text


def made_steps(run: Run, definition: Mapping[str, Any]) -> list[RunStep]:
    """Give the steps of a run that has not begun."""
    return [
        RunStep(run=run, position=place, name=one["name"], title=one["title"],
                is_point_of_no_return=one["is_point_of_no_return"])
        for place, one in enumerate(definition["steps"])
    ]  # fmt: skip


_DUE = """
    SELECT r.id, coalesce(%(now)s::timestamptz, statement_timestamp())
    FROM saga_run r JOIN saga_saga s ON s.id = r.saga_id
    LEFT JOIN integration_message m ON m.id = r.message
    WHERE r.state IN ('waiting', 'running', 'compensating', 'needs_person')
      AND (r.due_at <= coalesce(%(now)s::timestamptz, statement_timestamp()) OR m.state <> 'waiting')
      AND (r.state <> 'waiting' OR s.state = 'active')
    ORDER BY r.due_at, r.id LIMIT %(most)s
"""


def due(now: datetime | None, most: int) -> list[tuple[UUID, datetime]]:
    """Give the runs that have something to look at, each with the time by the database."""
    return db.rows(_DUE, {"now": now, "most": most})


_PUT_OFF = "UPDATE saga_run SET due_at = %(at)s, error = %(error)s, message = NULL WHERE id = %(id)s"


def put_off(run: UUID, at: datetime, error: str) -> None:
    """Look at a run again later, where looking at it failed by a fault of ours."""
    db.run(_PUT_OFF, {"id": run, "at": at, "error": error[:1000]})
