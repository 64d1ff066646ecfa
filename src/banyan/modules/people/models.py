"""Who works here, in which team, with which skills, and when they were there."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from banyan.kernel.models import Line, PriceField, Rank, Record, find_column, find_index


class Skill(Record):
    """Something one must be able to do for certain operations."""

    lock_rank = Rank.MASTER + 30

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    find_text = find_column("code", "name")

    class Meta:
        indexes = [find_index("people_skill_find")]


class Shift(Record):
    """A span of the day that people work; an end before the start lies on the next day."""

    is_steady = True
    lock_rank = Rank.MASTER + 31

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=60)
    starts_at = models.TimeField()
    ends_at = models.TimeField()
    break_minutes = models.PositiveSmallIntegerField(default=0)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(starts_at=F("ends_at")), name="people_shift_has_length")
        ]
        indexes = [find_index("people_shift_find")]


class Team(Record):
    """People who work together under a leader; what they do is seen with reach “team”."""

    lock_rank = Rank.MASTER + 32

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    leader = models.ForeignKey("people.Employee", models.PROTECT, null=True, blank=True, related_name="+")
    find_text = find_column("code", "name")

    class Meta:
        indexes = [find_index("people_team_find")]


class Employee(Record):
    """A person who works here, with or without a user of their own."""

    is_steady = True
    lock_rank = Rank.MASTER + 33

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    department = models.ForeignKey(
        "company.Department", models.PROTECT, null=True, blank=True, related_name="+"
    )
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    shift = models.ForeignKey(Shift, models.PROTECT, null=True, blank=True, related_name="+")
    phone = models.CharField(max_length=40, blank=True, default="")
    job_title = models.CharField(max_length=80, blank=True, default="")
    hired_on = models.DateField(null=True, blank=True)
    left_on = models.DateField(null=True, blank=True)
    is_active = models.BooleanField(default=True, db_index=True)
    user = models.OneToOneField("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    hourly_pay = PriceField(null=True, blank=True)
    find_text = find_column("code", "name", "job_title")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(left_on__isnull=True) | Q(hired_on__isnull=True) | Q(left_on__gte=F("hired_on")),
                name="people_employee_left_after_hired",
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, left_on__isnull=True) | Q(is_active=False, left_on__isnull=False),
                name="people_employee_active_until_left",
            ),
            models.CheckConstraint(
                condition=Q(hourly_pay__isnull=True) | Q(hourly_pay__gte=0), name="people_employee_pay"
            ),
        ]
        indexes = [
            find_index("people_employee_find"),
            models.Index(fields=["name", "id"], name="people_employee_name"),
        ]


class EmployeeSkill(Line):
    """A skill somebody has, at a level from 1 to 5, from a day up to (not with) another."""

    is_steady = True

    employee = models.ForeignKey(Employee, models.CASCADE, related_name="skills")
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="+")
    level = models.PositiveSmallIntegerField(default=1)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__gte=1, level__lte=5), name="people_employee_skill_level"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_from__lt=F("valid_to")),
                name="people_employee_skill_validity",
            ),
            ExclusionConstraint(
                name="people_employee_skill_once_at_a_time",
                expressions=[
                    ("employee", RangeOperators.EQUAL),
                    ("skill", RangeOperators.EQUAL),
                    (
                        Func("valid_from", "valid_to", function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]


class Attendance(Record):
    """How long somebody was there on a day, in a shift."""

    lock_rank = Rank.MASTER + 34

    employee = models.ForeignKey(Employee, models.PROTECT, related_name="+")
    day = models.DateField()
    shift = models.ForeignKey(Shift, models.PROTECT, null=True, blank=True, related_name="+")
    minutes = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["employee", "day", "shift"], nulls_distinct=False, name="people_attendance_once"
            ),
            models.CheckConstraint(condition=Q(minutes__lte=1440), name="people_attendance_minutes"),
        ]
        indexes = [models.Index(fields=["day", "id"], name="people_attendance_day")]
