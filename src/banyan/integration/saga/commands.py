"""Sagas switched on and off; runs started, moved, and decided on by people, each time with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import Field

from banyan.integration import fanout
from banyan.integration.rules import matches
from banyan.integration.saga import asking, checks, plans, rehearsing, rules
from banyan.integration.saga.errors import (
    BeingTried,
    NothingToSkip,
    NotRunning,
    PastNoReturn,
    SagaNotReady,
    StillUnderWay,
)
from banyan.integration.saga.models import OPEN, Decision, Run, RunStep, Saga, SagaVersion
from banyan.integration.saga.moving import Move, judged, made_steps
from banyan.kernel import db
from banyan.kernel.commands import OfferedOn, command
from banyan.kernel.context import Context
from banyan.kernel.models import Outbox
from banyan.kernel.registry import answers
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

#: How many of the latest events are looked through for one that a saga hears.
MOST_EVENTS = 2_000

# --- definitions --------------------------------------------------------------------------------------------


@command("saga.saga.activate", L("启用", "Switch on"), icon="player-play", is_primary=True, tone="green")
def activate_sagas(ctx: Context, sagas: Sequence[Saga]) -> None:
    """Freeze sagas as they are and switch them on; runs under way keep the version they began with.

    Raises: SagaNotReady, Invalid
    Writes: versions, and the flows that carry the steps
    """
    steps = plans.steps_of(sagas)
    for saga in sagas:
        checks.check(saga, steps[saga.pk])
        for why in plans.unready(saga, steps[saga.pk]):
            raise SagaNotReady(saga=saga.code, why=why)
        plans.freeze(ctx, saga, steps[saga.pk])
    fanout.wake()


@command("saga.saga.stop", L("停止", "Stop"), icon="player-stop", tone="red",
         confirm=L("停止后不再开始新的执行；已开始的继续", "No new run begins; those under way go on"))  # fmt: skip
def stop_sagas(ctx: Context, sagas: Sequence[Saga]) -> None:
    """Let no run begin; what starts one is kept and waits. Runs under way go on."""


@command("saga.saga.resume", L("恢复", "Resume"), icon="player-play", is_primary=True, tone="green")
def resume_sagas(ctx: Context, sagas: Sequence[Saga]) -> None:
    """Let runs begin again, those that waited first. Raises: SagaNotReady for a saga that never ran"""
    for saga in sagas:
        if saga.running_id is None:
            raise SagaNotReady(saga=saga.code, why=L("还没有启用过", "it was never switched on"))
    fanout.wake()


@command("saga.saga.revise", L("修订", "Revise"), icon="pencil")
def revise_sagas(ctx: Context, sagas: Sequence[Saga]) -> None:
    """Open stopped sagas for change; what waits begins by the version that is switched on next."""


@command("saga.saga.retire", L("停用", "Retire"), icon="archive", tone="red",
         confirm=L("停用后不再发起，不能恢复", "Nothing is started by it any more; it cannot be resumed"))  # fmt: skip
def retire_sagas(ctx: Context, sagas: Sequence[Saga]) -> None:
    """Start nothing any more. Raises: StillUnderWay. Writes: the flows of its steps, retired too"""
    for saga in sagas:
        if count := Run.objects.filter(saga=saga, state__in=OPEN).count():
            raise StillUnderWay(saga=saga.code, n=count)
        plans.retire_unused(ctx, saga, keep=set())


class Rehearse(Input):
    """A saga, and what is led through it."""

    saga: UUID = field("跨系统事务", "Saga", reference="saga.saga")
    payload: dict[str, Any] = field(
        "样例", "Sample", default_factory=dict,
        help=L("发起它的内容或事件；已填最近的一份", "What starts it; the latest one is filled in"),
    )  # fmt: skip
    answers: dict[str, Any] = field(
        "各步骤的回复", "Answers of its steps", default_factory=dict,
        help=L('按步骤名称，如 {"reserve": {"id": "R-1"}}；后面的步骤读作 steps.名称.answer',
               'By the step\'s name, as {"reserve": {"id": "R-1"}}; later steps read steps.NAME.answer'),
    )  # fmt: skip


@command("saga.saga.rehearse", L("试运行", "Dry run"), input=Rehearse, on="noun", icon="flask",
         help=L("逐步映射并检查，不发送、不写入", "Maps and checks step by step, sends nothing and writes nothing"),
         offered_on=(OfferedOn("saga.saga", "saga", states=("draft", "active", "stopped")),))  # fmt: skip
def rehearse_saga(ctx: Context, data: Rehearse) -> list[dict[str, Any]]:
    """Lead a sample through a saga as it stands: what each step would be given, then what takes the steps back.

    Gives:  by call, in order: step, way, system, target, value, whether it would be sent, reason and error; where the
            sample starts no run, or its key cannot be made, that first
    Raises: NotFound, Invalid for a definition that is not whole
    """
    saga = Saga.objects.filter(pk=data.saga).first()
    if saga is None:
        raise NotFound
    steps = plans.steps_of([saga])[saga.pk]
    checks.check(saga, steps)
    found = rehearsing.rehearse(saga, steps, data.payload, data.answers, ctx.now)
    said = [
        {"step": one.step, "way": one.way.in_(ctx.language), "system": one.system, "target": one.target,
         "value": one.value, "is_well": not one.reason, "reason": one.reason, "error": one.error}
        for one in found.parts
    ]  # fmt: skip
    start = {"step": L("发起", "Start").in_(ctx.language), "way": "", "system": "", "target": "",
             "value": {"key": found.key}, "is_well": found.starts and not found.fault,
             "reason": "" if found.starts else "filtered", "error": found.fault}  # fmt: skip
    return [start, *said]


@answers("saga.saga.rehearse.heads")
def _heads() -> dict[str, Label]:
    """Give what the members of a dry run's answer are called."""
    return {
        "step": L("步骤", "Step"), "way": L("方向", "Way"), "system": L("外部系统", "Outside system"),
        "target": L("目标", "Target"), "value": L("交给目标", "What the target gets"),
        "is_well": L("能办理", "Would be done"), "reason": L("原因", "Reason"), "error": L("错误", "Error"),
    }  # fmt: skip


@answers("saga.saga.rehearse.start")
def _sample(ctx: Context, sagas: Sequence[UUID]) -> dict[str, Any]:
    """Give what started it last, with what was answered then; else the latest event that it hears."""
    saga = Saga.objects.filter(pk__in=sagas).first()
    if saga is None:
        return {}
    run = Run.objects.filter(saga=saga).order_by("-began_at", "-pk").first()
    if run is not None:
        steps = RunStep.objects.filter(run=run).exclude(answer__isnull=True).values_list("name", "answer")
        return {"payload": run.start, "answers": dict(steps)}
    for one in Outbox.objects.order_by("-seq")[:MOST_EVENTS] if saga.events else ():
        if matches(one.type, saga.events):
            return {"payload": orjson.loads(fanout.bodies_of([one.pk])[0][2])}
    return {}


# --- runs start and go on -----------------------------------------------------------------------------------


class Start(Input):
    """What to start, and what its steps are told."""

    saga: UUID = field("跨系统事务", "Saga", reference="saga.saga")
    payload: dict[str, Any] = field(
        "内容", "Payload", default_factory=dict,
        help=L('各步骤的映射可读取，如 {"order": "A-1"}', 'Read by the mappings of steps, as {"order": "A-1"}'),
    )  # fmt: skip
    key: Annotated[Text, Field(max_length=200)] = field("键", "Key", "", help=L("如单号", "Such as a number"))
    once: Annotated[Text, Field(max_length=190)] | None = field("发起编号", "Start id", None, help=L(
        "同一编号只发起一次；空为每次都发起", "The same one starts one run; empty: each time a new one"))  # fmt: skip
    noun: Annotated[Text, Field(max_length=80)] = field("单据类型", "Noun", "")
    record: UUID | None = field("单据", "Record", None)


@command("saga.run.start", L("发起", "Start"), input=Start, on="noun", creates=True, icon="player-play",
         offered_on=(OfferedOn("saga.saga", "saga", states=("active",)),))  # fmt: skip
def start_run(ctx: Context, data: Start) -> Run:
    """Start a run of a saga; give the run that is there already where it was started before by that id.

    Raises: NotFound, NotRunning; Invalid where the saga's key cannot be made of the payload
    Writes: the run, waiting for its first step
    """
    saga = Saga.objects.filter(pk=data.saga).first()
    if saga is None:
        raise NotFound
    if saga.running_id is None or saga.state != "active":
        raise NotRunning(saga=saga.code)
    source = f"call {data.once}" if data.once else f"call {new_id()}"
    definition = definition_of(saga.running_id)
    run = Run(
        id=new_id(), saga=saga, used_id=saga.running_id, source=source, start=data.payload, origin_noun=data.noun,
        origin=data.record, due_at=ctx.now, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person,
    )  # fmt: skip
    _, run.key, fault = judged(definition | {"filter": ""}, data.payload, data.key)
    if fault:
        raise Invalid(fields={"payload": L(fault, fault)})
    Run.objects.bulk_create([run], ignore_conflicts=True)
    kept = Run.objects.get(saga=saga, source=source)
    if kept.pk != run.pk:
        return kept
    RunStep.objects.bulk_create(made_steps(run, definition))
    fanout.wake()
    return run


@lru_cache(maxsize=256)
def definition_of(version: UUID) -> dict[str, Any]:
    """Give what is frozen in a version, which never changes."""
    return SagaVersion.objects.get(pk=version).definition


@command("saga.run.advance", L("推进", "Advance"), icon="player-track-next", screen=False, rest=False)
def advance_runs(ctx: Context, runs: Sequence[Run]) -> None:
    """Let runs go on as far as nothing has to be waited for. Done by the bus, as the system.

    Writes: runs, steps, messages, inboxes; tells RunDone, RunUndone, RunNeedsPerson
    """
    sagas = Saga.objects.in_bulk({run.saga_id for run in runs})
    for run in runs:
        run.saga = sagas[run.saga_id]
        if run.state == "waiting":
            _take_newest(run)
    steps: dict[UUID, list[RunStep]] = {run.pk: [] for run in runs}
    for step in RunStep.objects.filter(run__in=runs).order_by("run", "position"):
        steps[step.run_id].append(step)
    for run in runs:
        Move(ctx, run, steps[run.pk], definition_of(run.used_id)).go()


def _take_newest(run: Run) -> None:
    """Let a run that has not begun go by the version that runs now."""
    newest = run.saga.running_id
    if newest is not None and newest != run.used_id:
        run.used_id = newest
        RunStep.objects.filter(run=run).delete()
        RunStep.objects.bulk_create(made_steps(run, definition_of(newest)))


def move(ctx: Context, run: Run) -> Move:
    """Give a locked run, ready to be moved or decided on."""
    return Move(ctx, run, RunStep.objects.filter(run=run).order_by("position"), definition_of(run.used_id))


# --- what people decide -------------------------------------------------------------------------------------


class Decide(Input):
    """Why."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)] = field("原因", "Reason")


@command("saga.run.retry", L("重试", "Try again"), input=Decide, icon="repeat", is_primary=True, is_at_hand=True)
def retry_runs(ctx: Context, runs: Sequence[Run], data: Decide) -> None:
    """Try the step a run is at again, now and from the first try, under the name it had.

    Writes: runs, steps, messages; settles inboxes
    """
    for run in runs:
        moved = move(ctx, run)
        step = moved.current()
        if step is not None:
            if step.state == "failed" and not run.is_backward:
                step.state, step.is_unsure = "doing", False
            message = step.undo_message if run.is_backward else step.message
            if message is not None and step.state in ("doing", "undoing"):
                moved.again(message)
                moved.set_deadline(step)
        _decided(ctx, moved, "retry", step, data.reason)


@command("saga.run.skip", L("跳过步骤", "Skip the step"), input=Decide, icon="player-skip-forward", tone="orange",
         is_at_hand=True)  # fmt: skip
def skip_steps(ctx: Context, runs: Sequence[Run], data: Decide) -> None:
    """Take the step a run is at as seen to by hand; taking back, what it did stays.

    Raises: BeingTried, NothingToSkip; nothing is written
    Writes: runs, steps, messages; settles inboxes
    """
    for run in runs:
        moved = move(ctx, run)
        step = moved.current()
        if step is None:
            raise NothingToSkip(run=run.number or run.key)
        _withdraw(moved, step, data.reason)
        step.state = "kept" if run.is_backward else "skipped"
        _decided(ctx, moved, "skip", step, data.reason)


@command("saga.run.undo", L("撤销", "Undo"), input=Decide, icon="arrow-back-up", tone="red", is_at_hand=True,
         confirm=L("已完成的步骤将逐个撤销", "Steps that are done will be taken back, one by one"))  # fmt: skip
def undo_runs(ctx: Context, runs: Sequence[Run], data: Decide) -> None:
    """Take back what is done of runs, the latest step first.

    Raises: PastNoReturn, BeingTried; nothing is written
    Writes: runs, steps, messages; settles inboxes
    """
    for run in runs:
        moved = move(ctx, run)
        if rules.is_past_return(moved.rules()):
            point = next(s for s in moved.steps if s.is_point_of_no_return and s.state in rules.PASSED)
            raise PastNoReturn(run=run.number or run.key, step=point.title)
        step = moved.current()
        if step is not None and step.state == "doing":
            seen = _withdraw(moved, step, data.reason)
            step.state, step.is_unsure, step.error = "failed", seen.is_unsure, seen.error
            if seen.state == "done":
                step.state, step.done_at, step.answer = "done", ctx.now, seen.reply
        run.is_backward, run.ended_at = True, None
        _decided(ctx, moved, "undo", step, data.reason)


@command("saga.run.accept", L("人工认可", "Accept by hand"), input=Decide, icon="check", tone="orange",
         confirm=L("不再自动执行或撤销，按现状了结", "Nothing more is done or undone: it ends so"))  # fmt: skip
def accept_runs(ctx: Context, runs: Sequence[Run], data: Decide) -> None:
    """End runs as they stand: what is left is seen to by hand.

    Raises: BeingTried; nothing is written
    Writes: runs, messages; settles inboxes
    """
    for run in runs:
        moved = move(ctx, run)
        step = moved.current()
        if step is not None and step.state in ("doing", "undoing"):
            _withdraw(moved, step, data.reason)
        _decided(ctx, moved, "accept", step, data.reason)
        run.state, run.ended_at, run.due_at, run.at_step = "accepted", ctx.now, None, ""


def _withdraw(moved: Move, step: RunStep, reason: str) -> Any:
    """Let a step's message rest. Raises: BeingTried while a worker has it"""
    message = step.undo_message if moved.run.is_backward else step.message
    if message is None:
        return None
    seen = moved.look(message)
    if seen.state == "waiting" and seen.is_taken:
        raise BeingTried(run=moved.run.number or moved.run.key, step=step.title)
    moved.withdraw(seen, reason)
    return seen


def _decided(ctx: Context, moved: Move, what: str, step: RunStep | None, reason: str) -> None:
    """Note a decision, and let the bus go on by it at once."""
    run = moved.run
    moved.keep()
    place = Decision.objects.filter(run=run).count() + 1
    db.insert_rows([Decision(
        id=new_id(), run=run, position=place, at=ctx.now, person_id=ctx.person, what=what,
        step=step.title if step else "", reason=reason,
    )])  # fmt: skip
    run.reason, run.error, run.asked_at = reason, "", None
    run.message, run.due_at = None, ctx.now
    if run.state != "waiting":
        run.state = "compensating" if run.is_backward else "running"
    asking.settle(ctx, [run.pk])
    fanout.wake()


__all__ = [
    "accept_runs", "activate_sagas", "advance_runs", "resume_sagas", "retire_sagas", "retry_runs", "revise_sagas",
    "skip_steps", "start_run", "stop_sagas", "undo_runs",
]  # fmt: skip
