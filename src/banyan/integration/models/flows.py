"""Flows: what leads to what, as data; frozen when switched on; held to samples."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.integration.models.systems import System
from banyan.kernel.models import Ledger, Rank, Record, find_column, find_index

DIRECTIONS = ("out", "in")
TRIGGERS = ("event", "schedule", "poll", "webhook", "file", "queue", "saga")
ORDERS = ("strict", "newest", "free")
FLOW_STATES = ("draft", "tested", "active", "stopped", "retired")


class Flow(Record):
    """Trigger → filter → mapping → target. What runs is its `running` version, frozen when it was switched on.

    `trigger` and `detail`: event (`events`: types or patterns; `routes`: which of them go by a filter, mapping, target
    or reply of their own, as banyan.integration.routes says), schedule (`every` seconds, or `cron` with its `zone`;
    it may bring `data`, constants, and `list`, records of ours), poll, file and queue (`operation`, `every` seconds),
    webhook (`operation`), saga (a step, made when it is switched on). Whatever starts it, `target` is an operation of
    the system when it leads out, else a command of ours. `origin` is the system that is read, where what comes of it
    goes to another. `key` is an expression; empty: the record, or what the connector says.
    `retries` are seconds between tries; empty: the usual ones.
    """

    lock_rank = Rank.MASTER + 97

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    system = models.ForeignKey(System, models.PROTECT, related_name="+")
    origin = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    direction = models.CharField(max_length=4)
    trigger = models.CharField(max_length=10)
    detail = models.JSONField(default=dict, blank=True)
    filter = models.TextField(blank=True, default="")
    mapping = models.JSONField(default=dict, blank=True)
    target = models.CharField(max_length=120)
    key = models.TextField(blank=True, default="")
    order = models.CharField(max_length=8, default="strict")
    reply = models.JSONField(default=dict, blank=True)
    retries = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=8, default="draft")
    running = models.ForeignKey(
        "integration.FlowVersion", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    note = models.TextField(blank=True, default="")
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(direction__in=DIRECTIONS), name="integration_flow_direction"),
            models.CheckConstraint(condition=Q(trigger__in=TRIGGERS), name="integration_flow_trigger"),
            models.CheckConstraint(condition=Q(order__in=ORDERS), name="integration_flow_order"),
            models.CheckConstraint(condition=Q(state__in=FLOW_STATES), name="integration_flow_state"),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(running__isnull=False), name="integration_flow_running"
            ),
        ]
        indexes = [find_index("integration_flow_find")]


class FlowVersion(Ledger):
    """A flow as it was when it was switched on; every message remembers the one it used."""

    flow = models.ForeignKey(Flow, models.PROTECT, related_name="+")
    no = models.PositiveIntegerField()
    at = models.DateTimeField()
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    definition = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "no"], name="integration_flow_version_once")]


class Sample(Record):
    """A pinned input of a flow and what must come of it: an output, or nothing where it is filtered."""

    lock_rank = Rank.MASTER + 98

    flow = models.ForeignKey(Flow, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    input = models.JSONField()
    output = models.JSONField(null=True, blank=True)
    is_filtered = models.BooleanField(default=False)


class Position(models.Model):
    """How far a flow has read its partner, and when it reads again; a claim has an end."""

    id = models.UUIDField(primary_key=True, editable=False)
    flow = models.OneToOneField(Flow, models.CASCADE, related_name="+")
    position = models.JSONField(null=True)
    next_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
