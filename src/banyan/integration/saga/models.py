"""Sagas and what is under way by them: definitions frozen when switched on, runs, their steps, people's decisions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from banyan.integration.models import System
from banyan.kernel.models import Document, Ledger, Line, Rank, Record, find_column, find_index

TRIGGERS = ("event", "call")
SAGA_STATES = ("draft", "active", "stopped", "retired")
KINDS = ("operation", "command")
UNDO_KINDS = ("none", "operation", "command")
OPEN = ("waiting", "running", "compensating", "needs_person")
RUN_STATES = (*OPEN, "done", "undone", "accepted")
STEP_STATES = ("pending", "doing", "done", "skipped", "failed", "undoing", "undone", "kept")
DECISIONS = ("retry", "skip", "undo", "accept")


class Saga(Record):
    """Steps over several systems. What runs is its `running` version, frozen when it was switched on.

    `events` are types or patterns; a saga that is called has none. `filter` and `key` are expressions over what
    starts a run. `retries` are seconds between tries of a step; empty: the usual ones. Whom a run that needs somebody
    asks: the role's people, the person.
    """

    lock_rank = Rank.MASTER + 88

    code = models.CharField(max_length=24, unique=True)
    name = models.CharField(max_length=80)
    trigger = models.CharField(max_length=8, default="event")
    events = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    filter = models.TextField(blank=True, default="")
    key = models.TextField(blank=True, default="")
    retries = models.JSONField(default=list, blank=True)
    role = models.ForeignKey("kernel.Role", models.PROTECT, null=True, blank=True, related_name="+")
    person = models.ForeignKey("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=8, default="draft")
    running = models.ForeignKey(
        "saga.SagaVersion", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    note = models.TextField(blank=True, default="")
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(trigger__in=TRIGGERS), name="saga_saga_trigger"),
            models.CheckConstraint(condition=Q(state__in=SAGA_STATES), name="saga_saga_state"),
            models.CheckConstraint(condition=~Q(state="active") | Q(running__isnull=False), name="saga_saga_running"),
        ]
        indexes = [find_index("saga_saga_find")]


class SagaStep(Line):
    """A step: its action and what takes it back, each an operation of the system or a command of ours.

    A command is executed as the system's account. `deadline_minutes` is how long the action may take, and how long
    its compensation is repeated before somebody is asked. Once the point of no return is done, all goes forward.
    """

    saga = models.ForeignKey(Saga, models.CASCADE, related_name="+")
    name = models.CharField(max_length=24)
    title = models.CharField(max_length=60)
    system = models.ForeignKey(System, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, default="operation")
    target = models.CharField(max_length=120)
    mapping = models.JSONField(default=dict, blank=True)
    undo_kind = models.CharField(max_length=10, default="none")
    undo_target = models.CharField(max_length=120, blank=True, default="")
    undo_mapping = models.JSONField(default=dict, blank=True)
    deadline_minutes = models.PositiveIntegerField(default=60)
    is_point_of_no_return = models.BooleanField(default=False)
    reply = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga", "name"], name="saga_step_name",
                                    deferrable=models.Deferrable.DEFERRED),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="saga_step_kind"),
            models.CheckConstraint(condition=Q(undo_kind__in=UNDO_KINDS), name="saga_step_undo_kind"),
            models.CheckConstraint(condition=Q(undo_kind="none") | ~Q(undo_target=""), name="saga_step_undo_target"),
            models.CheckConstraint(
                condition=Q(deadline_minutes__gte=1, deadline_minutes__lte=43_200), name="saga_step_deadline"
            ),
        ]  # fmt: skip


class SagaVersion(Ledger):
    """A saga as it was when it was switched on, with the flows that carry its steps; each run names the one it uses."""

    saga = models.ForeignKey(Saga, models.PROTECT, related_name="+")
    no = models.PositiveIntegerField()
    at = models.DateTimeField()
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    definition = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["saga", "no"], name="saga_version_once")]


class Run(Document):
    """What is under way by a saga.

    `source` is the event's key, or what the caller named it by: once per saga. `start` is what started it. `message`
    is the message of the bus that is waited for; `due_at` when to look again whatever became of it; neither: it waits
    for a person, or is over. `is_backward`: it is being taken back.
    """

    lock_rank = Rank.DOCUMENT + 96
    derived = ("message", "due_at")

    saga = models.ForeignKey(Saga, models.PROTECT, related_name="+")
    used = models.ForeignKey(SagaVersion, models.PROTECT, db_index=False, related_name="+")
    source = models.CharField(max_length=200)
    key = models.CharField(max_length=200, blank=True, default="")
    origin_noun = models.CharField(max_length=80, blank=True, default="")
    origin = models.UUIDField(null=True, blank=True)
    start = models.JSONField(default=dict)
    state = models.CharField(max_length=12, default="waiting")
    is_backward = models.BooleanField(default=False)
    at_step = models.CharField(max_length=60, blank=True, default="")
    error = models.TextField(blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    asked_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    message = models.UUIDField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    find_text = find_column("key", "at_step")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga", "source"], name="saga_run_once"),
            models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="saga_run_state"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, ended_at__isnull=True) | ~Q(state__in=OPEN) & Q(ended_at__isnull=False),
                name="saga_run_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="saga_run_due", condition=Q(state__in=OPEN)),
            models.Index(fields=["saga", "state"], name="saga_run_of"),
            models.Index(fields=["origin"], name="saga_run_origin", condition=Q(origin__isnull=False)),
            find_index("saga_run_find"),
        ]


class RunStep(Line):
    """A step of a run. `is_unsure`: it failed, and it may all the same have happened at the partner."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+")
    name = models.CharField(max_length=24)
    title = models.CharField(max_length=60)
    is_point_of_no_return = models.BooleanField(default=False)
    state = models.CharField(max_length=10, default="pending")
    is_unsure = models.BooleanField(default=False)
    deadline_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    message = models.UUIDField(null=True)
    undo_message = models.UUIDField(null=True)
    answer = models.JSONField(null=True)
    undo_answer = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="saga_run_step_once"),
            models.CheckConstraint(condition=Q(state__in=STEP_STATES), name="saga_run_step_state"),
        ]


class Decision(Ledger):
    """What somebody decided about a run, with the reason."""

    run = models.ForeignKey(Run, models.PROTECT, db_index=False, related_name="+")
    position = models.PositiveIntegerField()
    at = models.DateTimeField()
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    what = models.CharField(max_length=8)
    step = models.CharField(max_length=60, blank=True, default="")
    reason = models.CharField(max_length=500)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="saga_decision_once"),
            models.CheckConstraint(condition=Q(what__in=DECISIONS), name="saga_decision_what"),
        ]
