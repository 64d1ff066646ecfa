"""What has happened to wages, for those above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class _Owed(Event):
    """Wages of somebody, on a day of the books."""

    noun = "wages.statement"

    employee: UUID
    plant: UUID
    department: UUID | None
    on: date
    amount: Decimal


@dataclass(frozen=True)
class StatementConfirmed(_Owed):
    """The wages of a month are owed; `on` is its last day."""

    type = "wages.statement_confirmed"
    label = L("工资单已确认", "Wage statement confirmed")
    help = L("一个月的工资成为应付；`on` 为当月最后一天", "The wages of a month are owed; `on` is its last day")


@dataclass(frozen=True)
class StatementReversed(_Owed):
    """What was owed by a statement is not; the amount is that of the statement, to be taken back."""

    type = "wages.statement_reversed"
    label = L("工资单已冲销", "Wage statement reversed")
    help = L(
        "原应付的不再应付；`amount` 为该工资单的金额，待冲回",
        "What was owed by a statement is not; `amount` is that of the statement, to be taken back",
    )


@dataclass(frozen=True)
class StatementPaid(_Owed):
    """What was owed by a statement is paid."""

    type = "wages.statement_paid"
    label = L("工资单已发放", "Wage statement paid")
