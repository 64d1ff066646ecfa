"""What everyone stands on: company, plants, departments, calendars, currencies, tax codes and units."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import Line, PercentField, PriceField, Rank, Record, find_column, find_index


class Unit(Record):
    """A unit of measure; `places` is how finely it is counted, 0 for pieces.

    Units of one dimension convert by their factors to its base unit; packages have none and convert per item.
    """

    lock_rank = Rank.MASTER

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=40, blank=True, default="")
    places = models.PositiveSmallIntegerField(default=0)
    dimension = models.CharField(max_length=12, blank=True, default="")
    factor = models.DecimalField(max_digits=20, decimal_places=9, null=True, blank=True)
    find_text = find_column("code", "name", "name_en")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(places__lte=6), name="company_unit_places"),
            models.CheckConstraint(
                condition=Q(factor__isnull=True) | Q(factor__gt=0) & ~Q(dimension=""),
                name="company_unit_factor",
            ),
        ]
        indexes = [find_index("company_unit_find")]


class Currency(Record):
    """A currency by its ISO 4217 code; its rates say what one of it is worth in the company's own."""

    lock_rank = Rank.MASTER + 1

    code = models.CharField(max_length=3, unique=True)
    name = models.CharField(max_length=40)
    symbol = models.CharField(max_length=8, blank=True, default="")
    places = models.PositiveSmallIntegerField(default=2)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z]{3}$"), name="company_currency_code"),
            models.CheckConstraint(condition=Q(places__lte=2), name="company_currency_places"),
        ]
        indexes = [find_index("company_currency_find")]


class ExchangeRate(Line):
    """From a day on, one unit of the currency is worth `rate` of the company's currency."""

    currency = models.ForeignKey(Currency, models.CASCADE, related_name="rates")
    valid_from = models.DateField()
    rate = PriceField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["currency", "valid_from"], name="company_rate_once_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="company_rate_positive"),
        ]


class TaxCode(Record):
    """A VAT rate by the name that stands on invoices."""

    lock_rank = Rank.MASTER + 2

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=60)
    rate = PercentField()
    kind = models.CharField(max_length=12, default="vat")
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rate__gte=0) & Q(rate__lt=100), name="company_tax_code_rate"),
            models.CheckConstraint(
                condition=Q(kind__in=("vat", "simplified")) | Q(kind__in=("exempt", "export"), rate=0),
                name="company_tax_code_kind",
            ),
        ]
        indexes = [find_index("company_tax_code_find")]


class Calendar(Record):
    """When a plant or work centre works: the shifts of a week, and the days that differ."""

    lock_rank = Rank.MASTER + 3

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=60)
    find_text = find_column("code", "name")

    class Meta:
        indexes = [find_index("company_calendar_find")]


class CalendarShift(Line):
    """A span of work on a weekday, 0 for Monday; an end before the start lies on the next day."""

    is_steady = True

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="shifts")
    weekday = models.PositiveSmallIntegerField()
    starts_at = models.TimeField()
    ends_at = models.TimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="company_shift_weekday"),
            models.UniqueConstraint(fields=["calendar", "weekday", "starts_at"], name="company_shift_once"),
        ]


class CalendarException(Line):
    """A day unlike its weekday: a holiday without times, or a span worked instead of the usual ones."""

    is_steady = True

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="exceptions")
    day = models.DateField()
    is_working = models.BooleanField(default=False)
    starts_at = models.TimeField(null=True, blank=True)
    ends_at = models.TimeField(null=True, blank=True)
    note = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_working=True, starts_at__isnull=False, ends_at__isnull=False)
                | Q(is_working=False, starts_at__isnull=True, ends_at__isnull=True),
                name="company_exception_times",
            ),
            models.UniqueConstraint(
                fields=["calendar", "day", "starts_at"], nulls_distinct=False, name="company_exception_once"
            ),
        ]


class Company(Record):
    """The legal person whose books these are; its currency is the currency of the ledger."""

    lock_rank = Rank.MASTER + 4

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    tax_number = models.CharField(max_length=32, blank=True, default="")
    currency = models.ForeignKey(Currency, models.PROTECT, related_name="+")
    language = models.CharField(max_length=8, default="zh")
    address = models.CharField(max_length=255, blank=True, default="")
    phone = models.CharField(max_length=40, blank=True, default="")
    find_text = find_column("code", "name", "tax_number")

    class Meta:
        indexes = [find_index("company_company_find")]


class Plant(Record):
    """A factory: where stock lies and work is done; its zone decides which day it is there."""

    lock_rank = Rank.MASTER + 5
    is_steady = True

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    company = models.ForeignKey(Company, models.PROTECT, related_name="+")
    calendar = models.ForeignKey(Calendar, models.PROTECT, related_name="+")
    zone = models.CharField(max_length=40, default="Asia/Shanghai")
    find_text = find_column("code", "name")

    class Meta:
        indexes = [find_index("company_plant_find")]


class Department(Record):
    """A part of the company, under another one or on its own; `kind` says where its costs go."""

    lock_rank = Rank.MASTER + 6

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    plant = models.ForeignKey(Plant, models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=16, default="production")
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("production", "administration", "selling", "research")),
                name="company_department_kind",
            ),
            models.CheckConstraint(
                condition=~Q(parent=F("id")), name="company_department_not_its_own_parent"
            ),
        ]
        indexes = [find_index("company_department_find")]
