"""What has happened to exceptions, for connected systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class ExceptionRaised(Event):
    """Somebody called for help; `is_stopping` says that its operation stands still until it is contained."""

    type = "exceptions.raised"
    noun = "exceptions.exception"
    label = L("异常已发起", "Exception raised")
    help = L(
        "有人呼叫求助；`is_stopping` 表示工序停下，直到采取临时措施",
        "Somebody called for help; `is_stopping` says that its operation stands still until it is contained",
    )

    category: UUID
    severity: str
    plant: UUID
    work_order: UUID | None
    operation: UUID | None
    machine: UUID | None
    lot: UUID | None
    team: UUID | None
    is_stopping: bool
    response_due_at: datetime
    resolution_due_at: datetime


@dataclass(frozen=True)
class ExceptionMoved(Event):
    """A step was taken: assigned, graded, taken, contained, resolved, closed, reopened or cancelled."""

    type = "exceptions.moved"
    noun = "exceptions.exception"
    label = L("异常处理有进展", "Exception moved on")
    help = L(
        "完成一个处理步骤：指派、定级、接手、采取临时措施、解决、关闭、重开或取消",
        "A step was taken: assigned, graded, taken, contained, resolved, closed, reopened or cancelled",
    )

    step: str
    state: str
    severity: str
    team: UUID | None
    round: int
    at: datetime


@dataclass(frozen=True)
class ExceptionEscalated(Event):
    """A clock has run out and a level was told."""

    type = "exceptions.escalated"
    noun = "exceptions.exception"
    label = L("异常已升级", "Exception escalated")
    help = L("时限已过，已通知某一升级级别的人", "A clock has run out and a level was told")

    clock: str
    level: int
    round: int
    people: tuple[UUID, ...]
