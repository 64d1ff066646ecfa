"""Whether a saga's definition says what it must."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from banyan.integration import conditions, mappings
from banyan.integration.checks import LONGEST_PAUSE, MOST_RETRIES, check_reply
from banyan.integration.saga.models import Saga, SagaStep
from banyan.kernel import registry
from banyan.lib.errors import DomainError, FieldFaults
from banyan.lib.expressions import ExpressionFault
from banyan.lib.labels import L

#: Names that expressions and mappings of later steps read: `steps.NAME.answer`.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}", re.ASCII)
MOST_STEPS = 30


def check(saga: Saga, steps: Sequence[SagaStep] | None) -> None:
    """Look at a saga and, where given, its steps.

    Raises: Invalid naming every field that is wrong
    """
    faults = FieldFaults()
    if saga.trigger == "event" and not saga.events:
        faults.add("events", L("列出至少一个事件类型", "list at least one type of event"))
    if saga.trigger != "event" and saga.events:
        faults.add("events", L("由命令发起的事务不听事件，请留空", "a saga that is called hears none: leave it empty"))
    for name in ("filter", "key"):
        if text := getattr(saga, name):
            try:
                conditions.check(text)
            except ExpressionFault as fault:
                faults.add(name, fault.label)
    if not isinstance(saga.retries, list) or len(saga.retries) > MOST_RETRIES or not all(
        isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= LONGEST_PAUSE for one in saga.retries
    ):
        faults.add("retries", L("应为秒数的列表，如 [5, 300]", "must be a list of seconds, as [5, 300]"))
    if steps is not None:
        _check_steps(steps, faults)
    faults.refuse_if_any()


def _check_steps(steps: Sequence[SagaStep], faults: FieldFaults) -> None:
    if len(steps) > MOST_STEPS:
        faults.add("steps", L("最多 {n} 个步骤", "at most {n} steps").filled({"n": MOST_STEPS}))
    seen: set[str] = set()
    for place, step in enumerate(steps):
        at = f"steps.{place}"
        if not _NAME.fullmatch(step.name):
            faults.add(f"{at}.name", L("用小写字母开头的字母、数字、下划线，如 reserve",
                                       "use small letters, digits and underscores, such as reserve"))  # fmt: skip
        if step.name in seen:
            faults.add(f"{at}.name", L("名称重复", "the name is used twice"))
        seen.add(step.name)
        _check_call(f"{at}.target", step.kind, step.target, faults)
        if step.undo_kind == "none":
            if step.undo_target:
                faults.add(f"{at}.undo_target", L("没有补偿时请留空", "leave it empty where there is no compensation"))
        elif not step.undo_target:
            faults.add(f"{at}.undo_target", L("请填写", "is needed"))
        else:
            _check_call(f"{at}.undo_target", step.undo_kind, step.undo_target, faults)
        for name in ("mapping", "undo_mapping"):
            _check_mapping(f"{at}.{name}", getattr(step, name), faults)
        if isinstance(step.reply, Mapping):
            check_reply(step.reply, faults, f"{at}.reply")
        else:
            faults.add(f"{at}.reply", L("应为对象", "must be an object"))


def _check_call(place: str, kind: str, target: str, faults: FieldFaults) -> None:
    if kind == "command" and not registry.has_command(target):
        said = L("没有名为“{key}”的操作", "there is no command named “{key}”")
        faults.add(place, said.filled({"key": target}))


def _check_mapping(place: str, definition: Any, faults: FieldFaults) -> None:
    if not isinstance(definition, Mapping):
        faults.add(place, L("应为对象", "must be an object"))
    elif definition:
        settings = definition.get(mappings.SETTINGS, {})
        if not isinstance(settings, Mapping) or not all(isinstance(one, str) for one in settings.values()):
            faults.add(place, L("settings 应为名称和文本", "settings must be names with texts"))
            return
        try:
            mappings.check(definition)
        except DomainError as refusal:
            faults.add(place, refusal.label)
