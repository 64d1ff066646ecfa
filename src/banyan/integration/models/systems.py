"""Outside systems: how each is reached, what is sealed for it, how it is doing."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from banyan.kernel.models import Rank, Record, find_column, find_index

ENVIRONMENTS = ("test", "production")
SYSTEM_STATES = ("draft", "active", "stopped")
BREAKER_STATES = ("closed", "open", "half_open")


class System(Record):
    """One partner in one environment: its connector, settings, limits, and the account its commands run as.

    `rate` is calls per second, none when empty; `burst` how many may go at once after a pause; `failures` in a row
    open the breaker. `limits` has those of single operations, which then have a breaker and a bucket of their own
    (integration.limits).
    """

    lock_rank = Rank.MASTER + 95

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    connector = models.CharField(max_length=40)
    environment = models.CharField(max_length=12, default="test")
    state = models.CharField(max_length=8, default="draft")
    settings = models.JSONField(default=dict, blank=True)
    hosts = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    rate = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    burst = models.PositiveIntegerField(default=50)
    failures = models.PositiveIntegerField(default=10)
    limits = models.JSONField(default=dict, blank=True)
    timeout_seconds = models.PositiveIntegerField(default=20)
    most_bytes = models.PositiveIntegerField(default=5_000_000)
    account = models.ForeignKey("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    note = models.TextField(blank=True, default="")
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SYSTEM_STATES), name="integration_system_state"),
            models.CheckConstraint(condition=Q(environment__in=ENVIRONMENTS), name="integration_system_environment"),
            models.CheckConstraint(condition=Q(rate__isnull=True) | Q(rate__gt=0), name="integration_system_rate"),
            models.CheckConstraint(
                condition=Q(burst__gte=1, failures__gte=1, timeout_seconds__gte=1, timeout_seconds__lte=300,
                            most_bytes__gte=1000, most_bytes__lte=50_000_000),
                name="integration_system_limits",
            ),
        ]  # fmt: skip
        indexes = [find_index("integration_system_find")]


class Secret(Record):
    """A sealed secret of a system: written, never read out. History keeps no copy of it.

    Of a session key that is renewed by itself: when it ends, when that is tried next, how often it failed in a row.
    """

    lock_rank = Rank.MASTER + 96
    keeps_no_history = True

    system = models.ForeignKey(System, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    sealed = models.TextField(editable=False)
    ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    renew_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    error = models.TextField(blank=True, default="", editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "name"], name="integration_secret_once")]


class Gauge(models.Model):
    """How a system is doing, shared by all processes: its breaker, and the tokens left of its rate.

    `operation` is empty for the system's own; one with limits of its own has a row of its own. `until` is how long an
    open breaker stays open, or how long the partner asked to be left alone.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    system = models.ForeignKey(System, models.CASCADE, db_index=False, related_name="+")
    operation = models.CharField(max_length=120, blank=True, default="")
    breaker = models.CharField(max_length=10, default="closed")
    failures = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(null=True)
    tokens = models.FloatField(default=0)
    filled_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(breaker__in=BREAKER_STATES), name="integration_gauge_breaker"),
            models.UniqueConstraint(fields=["system", "operation"], name="integration_gauge_once"),
        ]
