"""A saga led through its steps with a sample, as it stands in its form: what each would be given, and what undoes it.

Nothing is sent or run: mappings are done, and the input of commands of ours is checked. What a partner would answer is
given with the sample; where it is not, later steps see no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from banyan.integration import mappings
from banyan.integration.connecting import Failed
from banyan.integration.plans import account_context
from banyan.integration.rehearsing import Stage, checked
from banyan.integration.saga.models import Saga, SagaStep
from banyan.integration.saga.moving import RUN, STEPS, judged
from banyan.kernel import registry
from banyan.lib.errors import DomainError, jsonable
from banyan.lib.labels import L, Label

NUMBER = "SG-0"
DO, UNDO = L("执行", "Done"), L("撤销", "Undone")


@dataclass(frozen=True, slots=True)
class Part:
    """One call of a step: what it would be given; `reason` and `error` as its message would bear them."""

    step: str
    way: Label
    system: str
    target: str
    value: Any
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Whether the sample starts a run, and by which key; its parts: forward, then back, the latest first."""

    starts: bool
    key: str
    fault: str
    parts: tuple[Part, ...]


def rehearse(
    saga: Saga, steps: Sequence[SagaStep], payload: Any, answers: Mapping[str, Any], now: datetime
) -> Rehearsed:
    """Lead a payload through a saga.

    Takes:  answers: by step, what its partner, or its command, would answer
    """
    definition = {"filter": saga.filter, "key": saga.key}
    facts = payload if isinstance(payload, Mapping) else {}
    starts, key, fault = judged(definition, payload, str(facts.get("subject") or ""))
    told = {step.name: {"state": "pending", "answer": None, "message": None} for step in steps}
    run = {"id": str(UUID(int=0)), "number": NUMBER, "key": key, "noun": str(facts.get("noun") or ""),
           "record": facts.get("record")}  # fmt: skip
    forward = []
    for step in steps:
        forward.append(_part(step, {**facts, RUN: run, STEPS: told}, now, is_undo=False))
        told = told | {step.name: {"state": "done", "answer": answers.get(step.name), "message": str(UUID(int=0))}}
    back = [
        _part(step, {**facts, RUN: run, STEPS: told}, now, is_undo=True)
        for step in reversed(_undone(steps)) if step.undo_kind != "none"
    ]  # fmt: skip
    return Rehearsed(starts, key, fault, (*forward, *back))


def _undone(steps: Sequence[SagaStep]) -> list[SagaStep]:
    """Give the steps that may be taken back: those up to the point of no return."""
    last = next((place for place, step in enumerate(steps) if step.is_point_of_no_return), len(steps) - 1)
    return list(steps[: last + 1])


def _part(step: SagaStep, body: Mapping[str, Any], now: datetime, *, is_undo: bool) -> Part:
    kind, target, mapping = (
        (step.undo_kind, step.undo_target, step.undo_mapping) if is_undo else (step.kind, step.target, step.mapping)
    )
    said = _given(step, kind, target, mapping, jsonable(body), now)
    return Part(step.title, UNDO if is_undo else DO, step.system.code, target, said.value, said.reason, said.text)


def _given(step: SagaStep, kind: str, target: str, mapping: Mapping[str, Any], body: Any, now: datetime) -> Stage:
    try:
        value = jsonable(mappings.apply(mappings.frozen(mapping), body, system=step.system.code))
    except Failed as fault:
        return Stage("fault", None, fault.kind, fault.text)
    except DomainError as refusal:
        return Stage("fault", None, "mapping", f"{refusal.label.zh}\n{refusal.label.en}")
    if kind != "command":
        return Stage("ok", value)
    acting = account_context(step.system.account_id, step.system.code, now)
    if isinstance(acting, Failed):
        return Stage("fault", value, acting.kind, acting.text)
    if registry.has_command(target) and not acting.may(registry.command(target).permission):
        said = L("执行账号没有“{what}”的权限", "its account has no right to “{what}”").filled({"what": target})
        return Stage("fault", value, "not_allowed", f"{said.zh}\n{said.en}")
    return checked(target, value)
