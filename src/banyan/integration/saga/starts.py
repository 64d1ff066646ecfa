"""What a run's page says of what comes next, the way to the message under way, and the mappings a step may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from banyan.integration.connecting import connectors
from banyan.integration.mapping.models import Table
from banyan.integration.models import System
from banyan.integration.saga.models import OPEN, Run, RunStep
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label


@answers("saga.saga.picks")
def mappings_to_pick() -> dict[str, Sequence[tuple[str, str]]]:
    """Give the mappings to choose from for a step and its compensation: tables, and what connectors bring along."""
    tables = Table.objects.filter(is_active=True).order_by("code").values_list("code", "name")
    found = [({"table": code}, f"{code} {name}") for code, name in tables]
    used = set(System.objects.values_list("connector", flat=True))
    found += [
        ({"preset": f"{one.key}.{preset.name}"}, f"{one.label}：{preset.label}")
        for one in connectors() if one.key in used for preset in one.presets() if not preset.mapping
    ]  # fmt: skip
    picks = [(orjson.dumps(value).decode(), text) for value, text in found]
    return {"mapping": picks, "undo_mapping": picks}


@answers("saga.run.notices")
def notices(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label], ...]:
    """Say what comes next of a run: which step, which way, until when. Two statements."""
    if record.get("state") not in OPEN or not record.get("id"):
        return ()
    run = Run.objects.select_related("saga").get(pk=record["id"])
    facts = {"step": run.at_step or "—"}
    match run.state:
        case "waiting":
            said = L("待开始", "It has not begun") if run.saga.state == "active" else L(
                "事务已停止：恢复后开始", "The saga is stopped: it begins when that is resumed")  # fmt: skip
            return (("blue", said),)
        case "running":
            return (("blue", L("正在执行：{step}", "Under way: {step}").filled(facts)),)
        case "compensating":
            return (("orange", L("正在撤销：{step}", "Being undone: {step}").filled(facts)),)
    steps = RunStep.objects.filter(run=run, state__in=("done", "skipped"), is_point_of_no_return=True)
    ways = L("重试、跳过步骤或人工认可", "try again, skip the step, or accept it by hand") \
        if run.is_backward or steps.exists() else \
        L("重试、跳过步骤、撤销或人工认可", "try again, skip the step, undo, or accept it by hand")  # fmt: skip
    said = L("等待决定（{step}）：{ways}", "A decision is needed ({step}): {ways}")
    return (("red", said.filled(facts | {"ways": ways})),)


@answers("saga.run.pages")
def pages(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way to the message of the step a run is at. One statement."""
    if not record.get("id") or not ctx.may("integration.message.read"):
        return ()
    run = Run.objects.only("message").filter(pk=record["id"]).first()
    if run is None or run.message is None:
        return ()
    return (("mail-forward", L("当前消息", "Message under way"), f"/integration/messages/{run.message}"),)


