"""What has happened to wages, for those above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event


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


@dataclass(frozen=True)
class StatementReversed(_Owed):
    """What was owed by a statement is not; the amount is that of the statement, to be taken back."""

    type = "wages.statement_reversed"


@dataclass(frozen=True)
class StatementPaid(_Owed):
    """What was owed by a statement is paid."""

    type = "wages.statement_paid"
