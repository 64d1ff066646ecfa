"""A saga's steps as flows of the bus: what is frozen when it is switched on, and which flows carry what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Max

from banyan.integration import checks, mappings
from banyan.integration.models import Flow, FlowVersion
from banyan.integration.saga.errors import SagaNotReady
from banyan.integration.saga.models import OPEN, Run, Saga, SagaStep, SagaVersion
from banyan.kernel import db
from banyan.kernel.commands import save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.lib.labels import L


def steps_of(sagas: Sequence[Saga]) -> dict[UUID, list[SagaStep]]:
    """Give the steps of sagas in their order, with their systems. One statement."""
    found: dict[UUID, list[SagaStep]] = {saga.pk: [] for saga in sagas}
    for step in SagaStep.objects.filter(saga__in=sagas).select_related("system").order_by("saga", "position"):
        found[step.saga_id].append(step)
    return found


def freeze(ctx: Context, saga: Saga, steps: Sequence[SagaStep]) -> SagaVersion:
    """Freeze a saga as it is: each action and each compensation becomes a flow, or stays the one it was.

    Raises: SagaNotReady where a mapping cannot be frozen
    Writes: the version; flows with theirs; flows of older versions that carry nothing any more are retired
    """
    no = (SagaVersion.objects.filter(saga=saga).aggregate(last=Max("no"))["last"] or 0) + 1
    known = _flows_before(saga)
    rows = []
    for place, step in enumerate(steps, start=1):
        rows.append({
            "name": step.name, "title": step.title, "deadline_minutes": step.deadline_minutes,
            "is_point_of_no_return": step.is_point_of_no_return,
            "do": _flow(ctx, saga, step, f"{saga.code}-{no}-{place}", known, is_undo=False),
            "undo": None if step.undo_kind == "none" else
            _flow(ctx, saga, step, f"{saga.code}-{no}-{place}U", known, is_undo=True),
        })  # fmt: skip
    version = SagaVersion(
        id=new_id(), saga=saga, no=no, at=ctx.now, person_id=ctx.person,
        definition=dict(trigger=saga.trigger, events=saga.events, filter=saga.filter, key=saga.key,
                        retries=saga.retries, steps=rows),
    )  # fmt: skip
    db.insert_rows([version])
    saga.running_id = version.pk
    retire_unused(ctx, saga, keep=flows_in(version.definition))
    return version


def flows_in(definition: Mapping[str, Any]) -> set[UUID]:
    """Give the flows that carry the steps of a version."""
    return {UUID(one["flow"]) for step in definition["steps"] for one in (step["do"], step["undo"]) if one}


def _same(definition: Mapping[str, Any]) -> bytes:
    return orjson.dumps(definition, option=orjson.OPT_SORT_KEYS)


def _flows_before(saga: Saga) -> dict[tuple[UUID, str, bytes], Flow]:
    """Give the flows of the newest version by system, step and definition, so that they go on where nothing changed."""
    last = SagaVersion.objects.filter(saga=saga).order_by("-no").first()
    if last is None:
        return {}
    flows = {flow.pk: flow for flow in Flow.objects.filter(pk__in=flows_in(last.definition), state="active")
             .select_related("running")}  # fmt: skip
    return {
        (flow.system_id, step["name"], _same(flow.running.definition)): flow
        for step in last.definition["steps"] for one in (step["do"], step["undo"])
        if one and (flow := flows.get(UUID(one["flow"])))
    }  # fmt: skip


def _flow(
    ctx: Context, saga: Saga, step: SagaStep, code: str, known: Mapping[tuple[UUID, str, bytes], Flow], *, is_undo: bool
) -> dict[str, str]:
    kind, target, mapping = (
        (step.undo_kind, step.undo_target, step.undo_mapping) if is_undo else (step.kind, step.target, step.mapping)
    )
    try:
        frozen = mappings.frozen(mapping)
    except DomainError as refusal:
        why = L("步骤“{step}”的映射：{why}", "the mapping of step “{step}”: {why}")
        raise SagaNotReady(saga=saga.code, why=why.filled({"step": step.title, "why": refusal.label})) from None
    definition = dict(
        direction="in" if kind == "command" else "out", trigger=checks.SAGA, detail={}, filter="", mapping=frozen,
        target=target, key="", order="free", reply={**({} if is_undo else step.reply), "keep": True},
        retries=saga.retries,
    )  # fmt: skip
    flow = known.get((step.system_id, step.name, _same(definition)))
    if flow is None:
        flow = Flow.objects.create(
            code=code, name=f"{saga.name} · {'↩ ' if is_undo else ''}{step.title}"[:120], system=step.system,
            state="draft",
            created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
            **(definition | {"mapping": mapping}),
        )  # fmt: skip
        version = FlowVersion(
            id=new_id(), flow=flow, no=1, at=ctx.now, person_id=ctx.person, definition=definition
        )  # fmt: skip
        db.insert_rows([version])
        Flow.objects.filter(pk=flow.pk).update(state="active", running=version)
        flow.running_id = version.pk
    return {"flow": str(flow.pk), "version": str(flow.running_id), "system": str(flow.system_id),
            "direction": definition["direction"]}  # fmt: skip


def retire_unused(ctx: Context, saga: Saga, *, keep: set[UUID]) -> None:
    """Retire the flows of a saga that no running version and no open run needs. Writes: flows"""
    needed = set(keep)
    everything: set[UUID] = set()
    used = set(Run.objects.filter(saga=saga, state__in=OPEN).values_list("used", flat=True))
    for version in SagaVersion.objects.filter(saga=saga):
        everything |= flows_in(version.definition)
        if version.pk in used:
            needed |= flows_in(version.definition)
    flows = [one for one in lock(Flow, everything - needed).values() if one.state != "retired"]
    for flow in flows:
        flow.state = "retired"
    if flows:
        save(ctx, flows)


def unready(saga: Saga, steps: Sequence[SagaStep]) -> Iterator[Any]:
    """Give what keeps a saga from being switched on, in words."""
    if saga.role_id is None and saga.person_id is None:
        yield L("写明需要人工时问哪个角色或人员", "say which role or person is asked when somebody is needed")
    for step in steps:
        if "command" in (step.kind, step.undo_kind) and step.system.account_id is None:
            yield L("步骤“{step}”要执行我方命令，外部系统 {system} 没有执行账号",
                    "step “{step}” runs a command of ours, and system {system} has no account to act as").filled(
                {"step": step.title, "system": step.system.code})  # fmt: skip
        elif step.system.state == "draft":
            yield L("步骤“{step}”的外部系统 {system} 还没有启用",
                    "system {system} of step “{step}” is not switched on").filled(
                {"step": step.title, "system": step.system.code})  # fmt: skip
