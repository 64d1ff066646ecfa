"""What has happened to exceptions, for connected systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class ExceptionRaised(Event):
    """Somebody called for help; `is_stopping` says that its operation stands still until it is contained."""

    type = "exceptions.raised"
    noun = "exceptions.exception"

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

    clock: str
    level: int
    round: int
    people: tuple[UUID, ...]
