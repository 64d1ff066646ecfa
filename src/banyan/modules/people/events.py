"""What has happened to somebody's employment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from banyan.kernel.events import Event


@dataclass(frozen=True)
class EmployeeLeft(Event):
    """Somebody no longer works here."""

    type = "people.employee_left"
    noun = "people.employee"

    left_on: date


@dataclass(frozen=True)
class EmployeeReturned(Event):
    """Somebody who had left works here again."""

    type = "people.employee_returned"
    noun = "people.employee"
