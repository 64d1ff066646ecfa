"""What goes wrong on the shop floor, who puts it right, and who hears of it when nobody does."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import Document, Ledger, Line, QuantityField, Rank, Record, find_column, find_index

SEVERITIES = ("minor", "major", "severe")
STATES = ("raised", "taken", "contained", "resolved", "closed", "cancelled")
#: States in which somebody still has to do something against the clock.
OPEN = ("raised", "taken", "contained")
#: States in which a severe exception stops its operation.
STOPPING = ("raised", "taken")
AUDIENCES = ("team_leader", "department", "role")
CLOCKS = ("response", "resolution")
STEPS = (
    "raised", "assigned", "graded", "taken", "contained", "resolved", "closed", "reopened", "cancelled",
)  # fmt: skip


class Category(Record):
    """A kind of exception, with how severe it is and how fast it must be answered, unless told otherwise.

    Minutes are working minutes of the plant.
    """

    lock_rank = Rank.MASTER + 90

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60, blank=True, default="")
    team = models.ForeignKey("people.Team", models.PROTECT, null=True, blank=True, related_name="+")
    severity = models.CharField(max_length=8, default="major")
    response_minutes = models.PositiveIntegerField(default=15)
    resolution_minutes = models.PositiveIntegerField(default=240)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name", "name_en")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=SEVERITIES), name="exceptions_category_severity"),
            models.CheckConstraint(
                condition=Q(response_minutes__gte=1, resolution_minutes__gte=F("response_minutes")),
                name="exceptions_category_minutes",
            ),
        ]
        indexes = [find_index("exceptions_category_find")]


class Cause(Record):
    """Why things go wrong, in words that can be counted."""

    lock_rank = Rank.MASTER + 91

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True, default="")
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name", "name_en")

    class Meta:
        indexes = [find_index("exceptions_cause_find")]


class Route(Record):
    """Which team is responsible where: what a route names must agree, the one that names most decides.

    An operation is named as it is in the routing, in either language: operations of orders are copies of those.
    """

    lock_rank = Rank.MASTER + 92

    sequence = models.PositiveIntegerField(default=10)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    operation_name = models.CharField(max_length=120, blank=True, default="")
    defect_reason = models.ForeignKey(
        "production.DefectReason", models.PROTECT, null=True, blank=True, related_name="+"
    )
    team = models.ForeignKey("people.Team", models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)


class Level(Record):
    """Who is told when a clock has run out, and so many working minutes after that."""

    lock_rank = Rank.MASTER + 93

    sequence = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60, blank=True, default="")
    after_minutes = models.PositiveIntegerField(default=0)
    audience = models.CharField(max_length=12, default="team_leader")
    role = models.ForeignKey("kernel.Role", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sequence__gte=1), name="exceptions_level_sequence"),
            models.CheckConstraint(condition=Q(audience__in=AUDIENCES), name="exceptions_level_audience"),
            models.CheckConstraint(
                condition=~Q(audience="role") | Q(role__isnull=False), name="exceptions_level_role"
            ),
        ]


class LevelHead(Line):
    """Who is told of a department's exceptions at a level; without a department, of all."""

    level = models.ForeignKey(Level, models.CASCADE, related_name="heads")
    department = models.ForeignKey("company.Department", models.PROTECT, null=True, blank=True, related_name="+")
    employee = models.ForeignKey("people.Employee", models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["level", "department", "employee"], nulls_distinct=False,
                name="exceptions_level_head_once",
            ),
        ]  # fmt: skip


class ShopException(Document):
    """An exception in five sections: problem, responsible team, countermeasure, root cause, prevention.

    Its key is made by who raises it; `digest` is of what was sent, so that a key used twice for different things
    is seen. `round` counts from one, one more each time it is opened again. `due_at` is when the clock runs out
    that runs now, `escalates_at` when the next level is told, none when no clock runs or nobody is left to
    tell; `level` is the highest told in this round. `responded_in` and `resolved_in` are working minutes since
    it was first raised.
    """

    lock_rank = Rank.DOCUMENT + 95
    derived = ("level", "due_at", "escalates_at")

    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    severity = models.CharField(max_length=8)
    state = models.CharField(max_length=10, default="raised")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    work_order = models.ForeignKey(
        "production.WorkOrder", models.PROTECT, null=True, blank=True, related_name="+"
    )
    operation = models.ForeignKey(
        "production.Operation", models.PROTECT, null=True, blank=True, related_name="+"
    )
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    machine = models.ForeignKey("equipment.Machine", models.PROTECT, null=True, blank=True, related_name="+")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    defect_reason = models.ForeignKey(
        "production.DefectReason", models.PROTECT, null=True, blank=True, related_name="+"
    )
    problem = models.CharField(max_length=1000, blank=True, default="")
    team = models.ForeignKey("people.Team", models.PROTECT, null=True, blank=True, related_name="+")
    countermeasure = models.CharField(max_length=1000, blank=True, default="")
    cause = models.ForeignKey(Cause, models.PROTECT, null=True, blank=True, related_name="+")
    root_cause = models.CharField(max_length=1000, blank=True, default="")
    prevention = models.CharField(max_length=1000, blank=True, default="")
    raised_at = models.DateTimeField()
    device_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, blank=True, db_constraint=False, related_name="+"
    )
    contained_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    responded_in = QuantityField(null=True, blank=True)
    resolved_in = QuantityField(null=True, blank=True)
    response_due_at = models.DateTimeField()
    resolution_due_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    escalates_at = models.DateTimeField(null=True, blank=True)
    level = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField(default=1)
    digest = models.CharField(max_length=64, editable=False)
    find_text = find_column("number", "problem", "root_cause")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="exceptions_exception_state"),
            models.CheckConstraint(condition=Q(severity__in=SEVERITIES), name="exceptions_exception_severity"),
            models.CheckConstraint(
                condition=Q(due_at__isnull=False, state__in=OPEN) | Q(due_at__isnull=True) & ~Q(state__in=OPEN),
                name="exceptions_exception_clock",
            ),
            models.CheckConstraint(
                condition=Q(operation__isnull=True) | Q(work_order__isnull=False),
                name="exceptions_exception_operation",
            ),
            models.CheckConstraint(
                condition=Q(resolution_due_at__gte=F("response_due_at")), name="exceptions_exception_dues"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="exceptions_exception_due", condition=Q(due_at__isnull=False)),
            models.Index(
                fields=["escalates_at"], name="exceptions_escalates", condition=Q(escalates_at__isnull=False)
            ),
            models.Index(fields=["raised_at", "id"], name="exceptions_exception_raised"),
            models.Index(
                fields=["operation"], name="exceptions_stopping",
                condition=Q(severity="severe", state__in=STOPPING, operation__isnull=False),
            ),
            find_index("exceptions_exception_find"),
        ]  # fmt: skip

    @property
    def is_stopping(self) -> bool:
        return self.severity == "severe" and self.state in STOPPING and self.operation_id is not None


class Step(Ledger):
    """What was done about an exception, when and by whom; its clocks follow from these."""

    exception = models.ForeignKey(ShopException, models.PROTECT, db_index=False, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10)
    at = models.DateTimeField()
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    note = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=STEPS), name="exceptions_step_kind")]
        indexes = [models.Index(fields=["exception", "at"], name="exceptions_step_of")]


class Escalation(Ledger):
    """A level that was told because a clock had run out; each once in a round."""

    exception = models.ForeignKey(ShopException, models.PROTECT, db_index=False, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField()
    clock = models.CharField(max_length=10)
    level = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    at = models.DateTimeField()
    people = ArrayField(models.UUIDField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["exception", "round", "clock", "level"], name="exceptions_escalation_once"
            ),
            models.CheckConstraint(condition=Q(clock__in=CLOCKS), name="exceptions_escalation_clock"),
            models.CheckConstraint(condition=Q(at__gte=F("due_at")), name="exceptions_escalation_after_due"),
        ]
