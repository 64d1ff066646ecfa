"""What is told of runs; no saga hears it, so that none starts another without end."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class RunEvent(Event):
    """What is told of a run: `saga` is the saga's code, `origin` the record it was started for."""

    noun = "saga.run"

    saga: str
    key: str
    origin_noun: str
    origin: UUID | None


@dataclass(frozen=True)
class RunDone(RunEvent):
    """All steps are done, or were done by hand."""

    type = "saga.run_done"
    label = L("事务执行已完成", "Saga run done")
    help = L("所有步骤已完成，或已人工完成", "All steps are done, or were done by hand")


@dataclass(frozen=True)
class RunUndone(RunEvent):
    """What had been done is taken back."""

    type = "saga.run_undone"
    label = L("事务执行已撤销", "Saga run undone")
    help = L("已做的步骤都已撤回", "What had been done is taken back")


@dataclass(frozen=True)
class RunNeedsPerson(RunEvent):
    """It does not go on by itself, or not in time; somebody was asked."""

    type = "saga.run_needs_person"
    label = L("事务执行待人处理", "Saga run needs a person")
    help = L(
        "不能自行继续，或未能按时完成；已请人处理",
        "It does not go on by itself, or not in time; somebody was asked",
    )
    why: str = ""
