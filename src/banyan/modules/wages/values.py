"""Frozen values of wages: prices and people as a report meets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """A rate; what is None or empty counts for all. Valid up to, not with, `valid_to`."""

    id: UUID
    plant: UUID | None
    item: UUID | None
    operation: str
    skill: UUID | None
    piece_price: Decimal
    hour_price: Decimal
    is_own_pay: bool
    shift_minimum: Decimal
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Valid:
    """A number that is valid from a day up to, not with, another; of one item where told."""

    number: Decimal
    valid_from: date
    valid_to: date | None
    item: UUID | None = None


@dataclass(frozen=True, slots=True)
class PoolDays:
    """A team's pool. Valid up to, not with, `valid_to`."""

    id: UUID
    is_by_time: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody as wages see them; skills with the days they are valid."""

    plant: UUID
    team: UUID | None
    department: UUID | None
    hourly_pay: Decimal
    skills: tuple[tuple[UUID, date | None, date | None], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """A report as wages see it: people with their share, count and minutes; defects as (reason, count); `day` is that
    whose shift it belongs to."""

    report: UUID
    work_order: UUID
    operation: UUID
    operation_name: str
    kind: str
    item: UUID
    plant: UUID
    reported_at: datetime
    happened_at: datetime
    day: date
    people: tuple[tuple[UUID, Decimal | None, Decimal, Decimal], ...]
    defects: tuple[tuple[UUID, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Somebody's share of a report that is paid at a rate.

    Takes:  weight: how much of what is shared by piece; quantity and minutes: their own part of the report
    """

    price: Price
    hour_price: Decimal
    weight: Decimal
    quantity: Decimal
    minutes: Decimal


@dataclass(frozen=True, slots=True)
class Wage:
    """What a report earned somebody; deductions are negative."""

    piece_amount: Decimal
    time_amount: Decimal
    deduction_amount: Decimal

    @property
    def amount(self) -> Decimal:
        return self.piece_amount + self.time_amount + self.deduction_amount
