"""What work is paid: prices, what each report earned, statements of a month."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce

from banyan.kernel.models import (
    Document,
    Ledger,
    Line,
    MoneyField,
    PriceField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)

EVERY = Value("00000000-0000-0000-0000-000000000000", output_field=models.UUIDField())
STATES = ("draft", "confirmed", "paid", "reversed")
REPORT_KINDS = ("good", "scrap", "rework")
BONUS_STATES = ("draft", "approved", "reversed")


class _Days(Func):
    function = "daterange"
    output_field = DateRangeField()


def _once_at_a_time(name: str, *columns: str | Coalesce) -> ExclusionConstraint:
    """Give the rule that of those alike none is valid while another is."""
    return ExclusionConstraint(
        name=name,
        expressions=[
            *((column, RangeOperators.EQUAL) for column in columns),
            (_Days("valid_from", "valid_to"), RangeOperators.OVERLAPS),
        ],
    )


def _validity(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name=name
    )


class Rate(Record):
    """What a good piece and an hour are paid; what is left empty counts for all, the narrower one goes first.

    A skill is one that the person must have on the day. Valid from a day up to (not with) another. Once it has
    paid something it may only be ended.
    """

    is_steady = True
    lock_rank = Rank.MASTER + 70

    plant = models.ForeignKey("company.Plant", models.PROTECT, null=True, blank=True, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    operation = models.CharField(max_length=120, blank=True, default="")
    skill = models.ForeignKey("people.Skill", models.PROTECT, null=True, blank=True, related_name="+")
    piece_price = PriceField(default=0)
    hour_price = PriceField(default=0)
    is_own_pay = models.BooleanField(default=False)
    shift_minimum = MoneyField(default=0)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, default="")
    find_text = find_column("operation", "note")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(piece_price__gte=0, hour_price__gte=0, shift_minimum__gte=0), name="wages_rate_prices"
            ),
            models.CheckConstraint(
                condition=Q(is_own_pay=False) | Q(hour_price=0), name="wages_rate_one_hour_price"
            ),
            _validity("wages_rate_days"),
            _once_at_a_time(
                "wages_rate_once_at_a_time", Coalesce("plant", EVERY), Coalesce("item", EVERY), "operation",
                Coalesce("skill", EVERY),
            ),
        ]  # fmt: skip
        indexes = [find_index("wages_rate_find")]


class Deduction(Record):
    """What a bad piece costs those who made it, by the reason it is bad."""

    is_steady = True
    lock_rank = Rank.MASTER + 71

    reason = models.ForeignKey("production.DefectReason", models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    price = PriceField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="wages_deduction_price"),
            _validity("wages_deduction_days"),
            _once_at_a_time("wages_deduction_once_at_a_time", "reason", Coalesce("item", EVERY)),
        ]


class Factor(Record):
    """How much of shared piece wages somebody gets, from a day up to (not with) another: 1.2 to a head's 1."""

    is_steady = True
    lock_rank = Rank.MASTER + 72

    employee = models.ForeignKey("people.Employee", models.PROTECT, related_name="+")
    factor = QuantityField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(factor__gte=0, factor__lte=100), name="wages_factor_size"),
            _validity("wages_factor_days"),
            _once_at_a_time("wages_factor_once_at_a_time", "employee"),
        ]


class Pool(Record):
    """Piece wages of a team are put together by the day and shared over those who were there.

    By minutes there × factor, or by factor alone; from a day up to (not with) another.
    """

    is_steady = True
    lock_rank = Rank.MASTER + 73

    team = models.ForeignKey("people.Team", models.PROTECT, related_name="+")
    is_by_time = models.BooleanField(default=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [_validity("wages_pool_days"), _once_at_a_time("wages_pool_once_at_a_time", "team")]


class Sharing(Record):
    """How a pool's piece wages of a day were shared; a later one of the day takes its place."""

    lock_rank = Rank.DOCUMENT + 91

    pool = models.ForeignKey(Pool, models.PROTECT, related_name="+", editable=False)
    team = models.ForeignKey("people.Team", models.PROTECT, related_name="+", editable=False)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+", editable=False)
    day = models.DateField(editable=False)
    amount = MoneyField(editable=False)
    is_current = models.BooleanField(default=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "day"], condition=Q(is_current=True), name="wages_sharing_one_current"
            )
        ]
        indexes = [models.Index(fields=["day", "id"], name="wages_sharing_day")]


class Bonus(Record):
    """What somebody gets on top for a day, or loses, by hand and with a reason; counts once another approves it."""

    lock_rank = Rank.DOCUMENT + 92

    employee = models.ForeignKey("people.Employee", models.PROTECT, related_name="+")
    day = models.DateField()
    amount = MoneyField()
    reason = models.CharField(max_length=255)
    state = models.CharField(max_length=12, default="draft", editable=False)
    find_text = find_column("reason")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BONUS_STATES), name="wages_bonus_state"),
            models.CheckConstraint(condition=~Q(amount=0), name="wages_bonus_amount"),
        ]
        indexes = [models.Index(fields=["day", "id"], name="wages_bonus_day"), find_index("wages_bonus_find")]


class WageLine(Ledger):
    """What a report earned somebody, at the rate that was valid on the day; an undone report has its opposite.

    What it earned their team's pool is `pooled_amount`, and no part of `amount`: kind `share` is what the sharing of
    a day gives, kind `bonus` what is given by hand; these have no report. `day` is that of the shift; prices and the
    guaranteed minimum are those of the rate. But for the line taken back, the sharing and the bonus there are no
    foreign keys in the database, because thousands of reports at once would share locks on few rows. `banyan verify`
    compares them.
    """

    report = models.ForeignKey(
        "production.Report", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    employee = models.ForeignKey(
        "people.Employee", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    team = models.ForeignKey(
        "people.Team", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    work_order = models.ForeignKey(
        "production.WorkOrder", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    operation = models.ForeignKey(
        "production.Operation", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey(
        "items.Item", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    rate = models.ForeignKey(
        Rate, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    pool = models.ForeignKey(
        Pool, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    sharing = models.ForeignKey(Sharing, models.PROTECT, null=True, db_index=False, related_name="+")
    bonus = models.ForeignKey(Bonus, models.PROTECT, null=True, db_index=False, related_name="+")
    kind = models.CharField(max_length=8)
    day = models.DateField()
    at = models.DateTimeField()
    quantity = QuantityField(default=0)
    minutes = QuantityField(default=0)
    piece_price = PriceField(default=0)
    hour_price = PriceField(default=0)
    shift_minimum = MoneyField(default=0)
    piece_amount = MoneyField(default=0)
    time_amount = MoneyField(default=0)
    deduction_amount = MoneyField(default=0)
    bonus_amount = MoneyField(default=0)
    pooled_amount = MoneyField(default=0)
    amount = MoneyField(default=0)
    reverses = models.ForeignKey("self", models.PROTECT, null=True, db_index=False, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "employee"], name="wages_line_once"),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="wages_line_taken_back_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    amount=F("piece_amount") + F("time_amount") + F("deduction_amount") + F("bonus_amount")
                ),
                name="wages_line_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(kind="share", sharing__isnull=False, report__isnull=True, bonus__isnull=True)
                | Q(kind="bonus", bonus__isnull=False, report__isnull=True, sharing__isnull=True)
                | Q(
                    kind__in=REPORT_KINDS, report__isnull=False, rate__isnull=False, sharing__isnull=True,
                    bonus__isnull=True,
                ),
                name="wages_line_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(pool__isnull=False) | Q(pooled_amount=0), name="wages_line_pooled"),
        ]
        indexes = [
            models.Index(fields=["employee", "day"], name="wages_line_employee"),
            models.Index(fields=["employee", "at"], name="wages_line_at"),
            models.Index(fields=["day", "id"], name="wages_line_day"),
            models.Index(fields=["pool", "day"], condition=Q(pool__isnull=False), name="wages_line_pool"),
            models.Index(fields=["bonus"], condition=Q(bonus__isnull=False), name="wages_line_bonus"),
            models.Index(fields=["sharing"], condition=Q(sharing__isnull=False), name="wages_line_sharing"),
        ]  # fmt: skip


class SharingPerson(Line):
    """Who was there on a shared day, how long, and what they got."""

    sharing = models.ForeignKey(Sharing, models.CASCADE, related_name="people")
    employee = models.ForeignKey("people.Employee", models.PROTECT, related_name="+")
    minutes = models.PositiveSmallIntegerField()
    factor = QuantityField()
    amount = MoneyField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sharing", "employee"], name="wages_sharing_person_once")]


class SharingItem(Line):
    """A report's wage line whose pooled amount was shared; each is in one sharing that stands."""

    sharing = models.ForeignKey(Sharing, models.CASCADE, related_name="items")
    line = models.ForeignKey(WageLine, models.PROTECT, db_index=False, related_name="+")
    amount = MoneyField()
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(is_active=True), name="wages_sharing_item_once")
        ]
        indexes = [models.Index(fields=["line"], name="wages_sharing_item_line")]


class Approval(Ledger):
    """Somebody's word that a wage line is right; its reversal, should there be one, needs none of its own."""

    line = models.OneToOneField(WageLine, models.PROTECT, related_name="+")
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField()
    person = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["at", "id"], name="wages_approval_at")]


class Statement(Document):
    """What somebody is paid for a month: the wage lines approved until its end and in no other statement yet."""

    lock_rank = Rank.DOCUMENT + 90

    employee = models.ForeignKey("people.Employee", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+", editable=False)
    team = models.ForeignKey("people.Team", models.PROTECT, null=True, related_name="+", editable=False)
    department = models.ForeignKey(
        "company.Department", models.PROTECT, null=True, related_name="+", editable=False
    )
    starts_on = models.DateField(editable=False)
    ends_on = models.DateField(editable=False)
    state = models.CharField(max_length=12, default="draft", editable=False)
    quantity = QuantityField(default=0, editable=False)
    minutes = QuantityField(default=0, editable=False)
    piece_amount = MoneyField(default=0, editable=False)
    time_amount = MoneyField(default=0, editable=False)
    deduction_amount = MoneyField(default=0, editable=False)
    bonus_amount = MoneyField(default=0, editable=False)
    top_up_amount = MoneyField(default=0, editable=False)
    amount = MoneyField(default=0, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    paid_on = models.DateField(null=True, editable=False)
    reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("number", "reason")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="wages_statement_state"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="wages_statement_days"),
            models.CheckConstraint(
                condition=Q(
                    amount=F("piece_amount") + F("time_amount") + F("deduction_amount") + F("bonus_amount")
                    + F("top_up_amount")
                ),
                name="wages_statement_adds_up",
            ),
            models.UniqueConstraint(
                fields=["employee", "starts_on"], condition=Q(state="draft"), name="wages_statement_one_draft"
            ),
        ]
        indexes = [
            models.Index(fields=["employee", "starts_on"], name="wages_statement_employee"),
            models.Index(fields=["starts_on", "id"], name="wages_statement_month"),
            find_index("wages_statement_find"),
        ]


class StatementDay(Line):
    """A day of a statement: what it earned, and what lacks to the guaranteed minimum of a shift."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="days")
    day = models.DateField()
    quantity = QuantityField(default=0)
    minutes = QuantityField(default=0)
    piece_amount = MoneyField(default=0)
    time_amount = MoneyField(default=0)
    deduction_amount = MoneyField(default=0)
    bonus_amount = MoneyField(default=0)
    shift_minimum = MoneyField(default=0)
    top_up_amount = MoneyField(default=0)
    amount = MoneyField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["statement", "day"], name="wages_statement_day_once")]


class StatementItem(Line):
    """A wage line that a statement pays, with what it says; released where the statement is reversed."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="items")
    line = models.ForeignKey(WageLine, models.PROTECT, db_index=False, related_name="+")
    day = models.DateField()
    report = models.ForeignKey(
        "production.Report", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    quantity = QuantityField(default=0)
    minutes = QuantityField(default=0)
    amount = MoneyField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(is_active=True), name="wages_item_once")
        ]
        indexes = [models.Index(fields=["line"], name="wages_item_line")]
