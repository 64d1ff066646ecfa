"""What is told of runs; no saga hears it, so that none starts another without end."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from banyan.kernel.events import Event


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


@dataclass(frozen=True)
class RunUndone(RunEvent):
    """What had been done is taken back."""

    type = "saga.run_undone"


@dataclass(frozen=True)
class RunNeedsPerson(RunEvent):
    """It does not go on by itself, or not in time; somebody was asked."""

    type = "saga.run_needs_person"
    why: str = ""
