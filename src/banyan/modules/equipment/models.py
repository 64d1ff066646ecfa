"""Where work is done and what it costs an hour."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.kernel.models import PercentField, PriceField, Rank, Record, find_column, find_index

#: Who may report what is made at a work centre; what others report is booked, and flagged for the leader.
REPORTERS = ("anyone", "skilled", "given")


class WorkCentre(Record):
    """People or machines that do the same work; the rates are per hour in the company's currency.

    `reporters`: anyone, those with the skill that the operation asks for (else this one's), or those to whom the
    operation was given, alone or with their team.
    """

    lock_rank = Rank.MASTER + 50

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    department = models.ForeignKey(
        "company.Department", models.PROTECT, null=True, blank=True, related_name="+"
    )
    calendar = models.ForeignKey("company.Calendar", models.PROTECT, null=True, blank=True, related_name="+")
    line_side = models.ForeignKey(
        "inventory.Location", models.PROTECT, null=True, blank=True, related_name="+"
    )
    skill = models.ForeignKey("people.Skill", models.PROTECT, null=True, blank=True, related_name="+")
    reporters = models.CharField(max_length=8, default="anyone")
    labour_rate = PriceField(default=0)
    machine_rate = PriceField(default=0)
    overhead_rate = PriceField(default=0)
    stations = models.PositiveSmallIntegerField(default=1)
    efficiency_percent = PercentField(default=100)
    may_subcontract = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True, db_index=True)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(labour_rate__gte=0, machine_rate__gte=0, overhead_rate__gte=0),
                name="equipment_work_centre_rates",
            ),
            models.CheckConstraint(condition=Q(stations__gte=1), name="equipment_work_centre_stations"),
            models.CheckConstraint(
                condition=Q(efficiency_percent__gt=0, efficiency_percent__lte=200),
                name="equipment_work_centre_efficiency",
            ),
            models.CheckConstraint(condition=Q(reporters__in=REPORTERS), name="equipment_work_centre_reporters"),
        ]
        indexes = [find_index("equipment_work_centre_find")]


class Machine(Record):
    """A machine of a work centre: running, down, or in maintenance."""

    lock_rank = Rank.MASTER + 51

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    work_centre = models.ForeignKey(WorkCentre, models.PROTECT, related_name="+")
    maker_type = models.CharField(max_length=80, blank=True, default="")
    serial_number = models.CharField(max_length=60, blank=True, default="")
    bought_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=12, default="running", db_index=True)
    state_since = models.DateTimeField(null=True, editable=False)
    state_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("code", "name", "serial_number")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("running", "down", "maintenance")), name="equipment_machine_state"
            )
        ]
        indexes = [find_index("equipment_machine_find")]
