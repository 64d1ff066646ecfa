"""What has happened to somebody's employment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class EmployeeLeft(Event):
    """Somebody no longer works here."""

    type = "people.employee_left"
    noun = "people.employee"
    label = L("员工已离职", "Employee left")

    left_on: date


@dataclass(frozen=True)
class EmployeeReturned(Event):
    """Somebody who had left works here again."""

    type = "people.employee_returned"
    noun = "people.employee"
    label = L("员工已重新入职", "Employee returned")
    help = L("离职的员工又在这里工作", "Somebody who had left works here again")
