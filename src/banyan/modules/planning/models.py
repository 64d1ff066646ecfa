"""Planning runs, what they propose, and why: planned orders, pegs and messages."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import Document, QuantityField, Rank, Record
from banyan.lib.ids import new_id

PRIORITIES = ("urgent", "normal", "safety")


class Run(Record):
    """One calculation, kept as a version with its pegs and messages.

    The current one is what planned orders follow; a trial changes no planned order, `rush` names the customer
    order lines it took for urgent. `fingerprint` is that of its pegs and messages: a run that finds the same
    again confirms the one that stands.
    """

    lock_rank = Rank.DOCUMENT + 90

    number = models.CharField(max_length=40, null=True, unique=True, editable=False)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    planned_at = models.DateTimeField()
    planned_on = models.DateField()
    is_trial = models.BooleanField(default=False)
    is_current = models.BooleanField(default=False)
    rush = ArrayField(models.UUIDField(), default=list, blank=True)
    order_count = models.PositiveIntegerField(default=0)
    new_count = models.PositiveIntegerField(default=0)
    changed_count = models.PositiveIntegerField(default=0)
    gone_count = models.PositiveIntegerField(default=0)
    message_count = models.PositiveIntegerField(default=0)
    untold_count = models.PositiveIntegerField(default=0)
    late_count = models.PositiveIntegerField(default=0)
    fingerprint = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plant"], condition=Q(is_current=True), name="planning_run_one_current"
            ),
            models.CheckConstraint(
                condition=~Q(is_current=True, is_trial=True), name="planning_run_trial_is_not_current"
            ),
        ]
        indexes = [models.Index(fields=["planned_at", "id"], name="planning_run_at")]


class PlannedOrder(Document):
    """What a run proposes to make or buy; a firm one was decided by a person and is left alone by runs.

    `ready_on` is when its material allows it to be done, later than `due_on` where parts come late. `run` is
    the one that last changed it; `result` names the order it became.
    """

    lock_rank = Rank.DOCUMENT + 91
    #: A run proposes thousands anew; what persons decide on them is in the audit.
    keeps_no_history = True

    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+", db_index=False)
    run = models.ForeignKey(
        Run, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=4)
    quantity = QuantityField()
    starts_on = models.DateField()
    due_on = models.DateField()
    ready_on = models.DateField()
    supplier = models.ForeignKey(
        "parties.Party", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    priority = models.CharField(max_length=8, default="normal")
    state = models.CharField(max_length=10, default="planned")
    result_noun = models.CharField(max_length=80, blank=True, default="", editable=False)
    result = models.UUIDField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="planning_order_quantity"),
            models.CheckConstraint(condition=Q(due_on__gte=F("starts_on")), name="planning_order_days"),
            models.CheckConstraint(condition=Q(kind__in=("make", "buy")), name="planning_order_kind"),
            models.CheckConstraint(
                condition=Q(state__in=("planned", "firm", "converted")), name="planning_order_state"
            ),
            models.CheckConstraint(
                condition=Q(state="converted", result__isnull=False)
                | ~Q(state="converted") & Q(result__isnull=True),
                name="planning_order_result",
            ),
            models.CheckConstraint(condition=Q(priority__in=PRIORITIES), name="planning_order_priority"),
        ]
        indexes = [
            models.Index(
                fields=["plant", "state"], name="planning_order_open", condition=~Q(state="converted")
            ),
            models.Index(fields=["due_on", "id"], name="planning_order_due"),
            models.Index(fields=["item"], name="planning_order_item"),
            models.Index(fields=["result"], name="planning_order_result", condition=Q(result__isnull=False)),
        ]


class _OfARun(models.Model):
    """A row that a run writes by the thousand and that goes with it; keys are not checked one by one."""

    id = models.UUIDField(primary_key=True, default=new_id, db_default=RandomUUID(), editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    item = models.ForeignKey(
        "items.Item", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    quantity = QuantityField()

    class Meta:
        abstract = True


class Peg(_OfARun):  # noqa: DJ008
    """So much of a supply serves a demand, from `supply_on` on; both are named by noun, record and line."""

    supply_noun = models.CharField(max_length=80)
    supply = models.UUIDField(null=True)
    supply_line = models.UUIDField(null=True)
    supply_on = models.DateField()
    demand_noun = models.CharField(max_length=80)
    demand = models.UUIDField()
    demand_line = models.UUIDField(null=True)
    demand_on = models.DateField()
    priority = models.CharField(max_length=8)

    class Meta:
        indexes = [
            models.Index(fields=["run", "supply"], name="planning_peg_supply"),
            models.Index(fields=["run", "demand"], name="planning_peg_demand"),
            models.Index(fields=["run", "item"], name="planning_peg_item"),
        ]


class Message(_OfARun):  # noqa: DJ008
    """Something to speed up, put off, cancel or mend, and why; `is_current` while its run is."""

    is_current = models.BooleanField(default=False)
    kind = models.CharField(max_length=12)
    day = models.DateField(null=True)
    wanted_on = models.DateField(null=True)
    days_late = models.IntegerField(default=0)
    supply_noun = models.CharField(max_length=80, blank=True, default="")
    supply = models.UUIDField(null=True)
    supply_line = models.UUIDField(null=True)
    demand_noun = models.CharField(max_length=80, blank=True, default="")
    demand = models.UUIDField(null=True)
    demand_line = models.UUIDField(null=True)
    cause_item = models.ForeignKey(
        "items.Item", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    text_zh = models.CharField(max_length=500)
    text_en = models.CharField(max_length=500)

    class Meta:
        indexes = [
            models.Index(fields=["run", "-days_late", "id"], name="planning_message_run"),
            models.Index(
                fields=["-days_late", "id"], name="planning_message_current", condition=Q(is_current=True)
            ),
        ]
