"""Messages of both directions, every try to bring one to its effect, every repair."""

from __future__ import annotations

from django.db import models
from django.db.models import Func, Q, Value

from banyan.integration.models.flows import Flow, FlowVersion
from banyan.integration.models.systems import System
from banyan.kernel.models import Ledger, Rank
from banyan.lib.traces import LENGTH

MESSAGE_STATES = ("waiting", "done", "dead", "superseded", "filtered", "given_up")
OUTCOMES = ("done", "again", "failed", "dead")


class Message(models.Model):
    """One payload on its way by one flow, frozen as it was when it happened.

    `seq` is drawn in the order in which messages of a flow commit. `source` is the event's key or the partner's own
    name of it: once per flow. A message that is claimed is due again at the claim's end, so that a killed worker's
    messages return by themselves. `repaired` is the newest repair, used instead of `body`. `trace` is the
    `traceparent` it came with: its event's, or its partner's; what it leads to is a step of its own in it.
    """

    lock_rank = Rank.DOCUMENT + 97

    id = models.UUIDField(primary_key=True, editable=False)
    seq = models.BigIntegerField(
        db_default=Func(Value("integration_message_seq"), function="nextval"), editable=False
    )
    flow = models.ForeignKey(Flow, models.PROTECT, db_index=False, related_name="+")
    system = models.ForeignKey(System, models.PROTECT, db_index=False, related_name="+")
    used = models.ForeignKey(FlowVersion, models.PROTECT, db_index=False, related_name="+")
    direction = models.CharField(max_length=4)
    source = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, blank=True, default="")
    type = models.CharField(max_length=120, blank=True, default="")
    key = models.CharField(max_length=200, blank=True, default="")
    body = models.JSONField()
    raw = models.TextField(blank=True, default="")
    repaired = models.JSONField(null=True)
    state = models.CharField(max_length=10, default="waiting")
    reason = models.CharField(max_length=20, blank=True, default="")
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()
    next_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    reply = models.JSONField(null=True)
    answered_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=40, blank=True, default="")
    note = models.TextField(blank=True, default="")
    record_noun = models.CharField(max_length=80, blank=True, default="", db_column="noun")
    record = models.UUIDField(null=True)
    trace = models.CharField(max_length=LENGTH, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "source"], name="integration_message_once"),
            models.CheckConstraint(condition=Q(state__in=MESSAGE_STATES), name="integration_message_state"),
            models.CheckConstraint(
                condition=~Q(state="dead") | ~Q(reason=""), name="integration_message_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["flow", "next_at", "seq"], name="integration_message_due", condition=Q(state="waiting")
            ),
            models.Index(
                fields=["flow", "key", "seq"], name="integration_message_gate",
                condition=Q(state__in=("waiting", "dead")),
            ),
            models.Index(fields=["at", "id"], name="integration_message_at"),
            models.Index(fields=["flow", "state", "at"], name="integration_message_flow",
                         condition=~Q(state__in=("done", "waiting"))),
            models.Index(fields=["key", "at"], name="integration_message_key"),
            models.Index(fields=["trace"], name="integration_message_trace", opclasses=["varchar_pattern_ops"],
                         condition=Q(trace__isnull=False)),
        ]  # fmt: skip


class Attempt(Ledger):
    """One try to bring a message to its effect: when, how long, what came of it."""

    message = models.ForeignKey(Message, models.PROTECT, db_index=False, related_name="+")
    position = models.PositiveIntegerField()
    at = models.DateTimeField()
    ms = models.FloatField()
    outcome = models.CharField(max_length=8)
    reason = models.CharField(max_length=20, blank=True, default="")
    code = models.CharField(max_length=40, blank=True, default="")
    error = models.TextField(blank=True, default="")
    used = models.ForeignKey(FlowVersion, models.PROTECT, db_index=False, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="integration_attempt_outcome"),
        ]
        indexes = [
            models.Index(fields=["message", "position"], name="integration_attempt_of"),
            models.Index(fields=["at"], name="integration_attempt_at"),
        ]


class Hop(models.Model):
    """What a transaction of ours tells, as the bus brought it about: over how many flows it has come by then.

    An event bears the number of its transaction (`kernel_outbox.xid`), and so finds its own.
    """

    xid = models.BigIntegerField(primary_key=True, editable=False)
    hops = models.PositiveSmallIntegerField()
    at = models.DateTimeField(db_index=True)


class Repair(Ledger):
    """A payload as somebody put it right, beside the frozen original."""

    message = models.ForeignKey(Message, models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    at = models.DateTimeField()
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    body = models.JSONField()
    note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="integration_repair_once")]
