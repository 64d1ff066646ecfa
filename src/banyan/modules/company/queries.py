"""Reads of the company's master data; frozen values for the modules above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.kernel import db, steady
from banyan.lib.calendar import Shift, Span, WorkingCalendar
from banyan.modules.company.errors import NoExchangeRate, NotSetUp
from banyan.modules.company.models import (
    CalendarException,
    CalendarShift,
    Company,
    Currency,
    ExchangeRate,
    Plant,
    TaxCode,
    Unit,
)


@dataclass(frozen=True, slots=True)
class PlantFacts:
    """A plant as others see it."""

    id: UUID
    code: str
    name: str
    company: UUID
    calendar: UUID
    zone: str

    def day(self, instant: datetime) -> date:
        """Give the plant's day at an instant."""
        return instant.astimezone(ZoneInfo(self.zone)).date()


@dataclass(frozen=True, slots=True)
class TaxFacts:
    """A tax code as others see it; `fraction` is 0.13 for 13 %, as `lib.money.vat` takes it."""

    id: UUID
    code: str
    name: str
    fraction: Decimal
    kind: str


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """A unit as others see it."""

    id: UUID
    code: str
    name: str
    places: int
    dimension: str
    factor: Decimal | None


def the_company() -> Company:
    """Give the company whose books these are, the first one made. Raises: NotSetUp."""
    found = Company.objects.select_related("currency").order_by("created_at", "pk").first()
    if found is None:
        raise NotSetUp
    return found


def plants(ids: Sequence[UUID] | None = None) -> tuple[PlantFacts, ...]:
    """Give all plants, or those named, by code. At most one statement."""
    wanted = None if ids is None else {UUID(str(one)) for one in ids}
    return tuple(plant for plant in _plants() if wanted is None or plant.id in wanted)


@steady.kept(Plant)
def _plants() -> tuple[PlantFacts, ...]:
    found = db.rows("SELECT id, code, name, company_id, calendar_id, zone FROM company_plant ORDER BY code")
    return tuple(PlantFacts(*row) for row in found)


def default_plant() -> PlantFacts:
    """Give the first plant by code. Raises: NotSetUp when there is none."""
    found = plants()
    if not found:
        raise NotSetUp
    return found[0]


def plant(plant_id: UUID) -> PlantFacts:
    """Give one plant. Raises: NotSetUp when it does not exist."""
    found = plants((plant_id,))
    if not found:
        raise NotSetUp
    return found[0]


def plant_day(plant_id: UUID, instant: datetime) -> date:
    """Give the day it is at the plant. One statement."""
    return plant(plant_id).day(instant)


_CALENDAR = """
    SELECT p.id, p.zone, s.weekday, NULL::date, true, s.starts_at, s.ends_at
    FROM company_plant p
    LEFT JOIN company_calendarshift s ON s.calendar_id = coalesce(%(calendar)s::uuid, p.calendar_id)
    WHERE %(plants)s::uuid[] IS NULL OR p.id = ANY(%(plants)s::uuid[])
    UNION ALL
    SELECT p.id, p.zone, NULL, e.day, e.is_working, e.starts_at, e.ends_at
    FROM company_plant p
    JOIN company_calendarexception e ON e.calendar_id = coalesce(%(calendar)s::uuid, p.calendar_id)
    WHERE %(plants)s::uuid[] IS NULL OR p.id = ANY(%(plants)s::uuid[])
"""


def plant_calendar(plant_id: UUID, calendar: UUID | None = None) -> WorkingCalendar:
    """Give the plant's own calendar, or another one, in the plant's zone. One statement.

    Raises: NotSetUp when the plant does not exist
    """
    found = _calendars([plant_id], calendar)
    if not found:
        raise NotSetUp
    return found[plant_id]


def _calendars(plant_ids: Sequence[UUID] | None, calendar: UUID | None) -> dict[UUID, WorkingCalendar]:
    asked = {"plants": None if plant_ids is None else list(plant_ids), "calendar": calendar}
    rows: dict[UUID, list[tuple]] = {}
    for plant, *row in db.rows(_CALENDAR, asked):
        rows.setdefault(plant, []).append(tuple(row))
    return {plant: _calendar(own) for plant, own in rows.items()}


def _calendar(rows: Sequence[tuple]) -> WorkingCalendar:
    shifts: list[Shift] = []
    special: dict[date, list[Span]] = {}
    for _, weekday, day, is_working, start, end in rows:
        if day is not None:
            special.setdefault(day, []).extend([Span(start, end)] if is_working else ())
        elif weekday is not None:
            shifts.append(Shift(weekday, start, end))
    return WorkingCalendar(rows[0][0], shifts, special)


@steady.kept(Plant, CalendarShift, CalendarException)
def plant_calendars() -> Mapping[UUID, WorkingCalendar]:
    """Give each plant's own calendar. At most one statement."""
    return _calendars(None, None)


def tax_codes(ids: Sequence[UUID] | None = None) -> dict[UUID, TaxFacts]:
    """Give all tax codes, or those named, by key. One statement."""
    rows = TaxCode.objects.all()
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return {
        key: TaxFacts(key, code, name, rate / 100, kind)
        for key, code, name, rate, kind in rows.values_list("id", "code", "name", "rate", "kind")
    }


def units(ids: Sequence[UUID] | None = None) -> dict[UUID, UnitFacts]:
    """Give all units, or those named, by key. One statement."""
    rows = Unit.objects.all()
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    columns = ("id", "code", "name", "places", "dimension", "factor")
    return {row[0]: UnitFacts(*row) for row in rows.values_list(*columns)}


def exchange_rate(currency_id: UUID, day: date) -> Decimal:
    """Give what one of the currency is worth in the company's own on a day: 1 for its own. Two statements.

    Raises: NoExchangeRate when none is valid yet
    """
    company = the_company()
    if currency_id == company.currency_id:
        return Decimal(1)
    found = (
        ExchangeRate.objects.filter(currency=currency_id, valid_from__lte=day)
        .order_by("-valid_from")
        .values_list("rate", flat=True)
        .first()
    )
    if found is None:
        code = Currency.objects.filter(pk=currency_id).values_list("code", flat=True).first()
        raise NoExchangeRate(currency=code or currency_id, day=day)
    return found


def first_rate(currency_code: str) -> Decimal:
    """Give the earliest known worth of a currency in the company's own, 1 for that itself. Two statements.

    Raises: NoExchangeRate when it has none
    """
    if the_company().currency.code == currency_code:
        return Decimal(1)
    rates = ExchangeRate.objects.filter(currency__code=currency_code).order_by("valid_from")
    found = rates.values_list("rate", flat=True).first()
    if found is None:
        raise NoExchangeRate(currency=currency_code, day="-")
    return found
