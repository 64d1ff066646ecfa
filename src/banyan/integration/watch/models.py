"""What watches the links: figures of minutes and days, alert rules and alerts, scans, runs and discrepancies."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from banyan.integration.models import Flow, System
from banyan.kernel.models import Rank, Record, find_column, find_index
from banyan.lib.ids import new_id

MEASURES = ("dead", "waiting", "breaker", "blocked", "errors", "differences", "silence", "renewal")
SCOPES = ("all", "system", "flow")
WAYS = ("inbox", "mail", "webhook", "wecom", "dingtalk", "feishu")
ALERT_STATES = ("pending", "raised", "acknowledged", "cleared")
NEWS = ("", "raised", "repeated", "cleared")
SCAN_KINDS = ("ours", "theirs")
RUN_STATES = ("running", "done", "failed")
DIFFERENCES = ("impossible", "missing_there", "missing_here", "different")
REPAIRS = ("send_again", "fetch_again", "task")
DISCREPANCY_STATES = ("open", "repairing", "accepted", "closed")


class Minute(models.Model):
    """What tries of one flow came to within a minute: of those done, the ones that took about as long.

    Written by the statement that writes the tries (a trigger on them), so that sums and tries are true together. Rows
    of the same minute add up; those of a minute that is over are folded into one. `bucket` is a class of times from
    event to effect (`rules.GROWTH`), -1 for tries that did nothing; `ms` the sum of these times in whole milliseconds.
    """

    id = models.BigAutoField(primary_key=True)
    flow = models.ForeignKey(Flow, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    minute = models.DateTimeField()
    bucket = models.SmallIntegerField()
    tries = models.IntegerField()
    failed = models.IntegerField()
    dead = models.IntegerField()
    retried = models.IntegerField()
    ms = models.BigIntegerField()
    is_folded = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["minute"], name="watch_minute_at"),
            models.Index(fields=["minute"], name="watch_minute_loose", condition=Q(is_folded=False)),
        ]


class Day(models.Model):
    """What one flow, or without a flow all flows of a system, did on one day; added up from its minutes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    on = models.DateField()
    system = models.ForeignKey(System, models.PROTECT, db_index=False, related_name="+")
    flow = models.ForeignKey(Flow, models.PROTECT, null=True, db_index=False, related_name="+")
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    retried = models.PositiveIntegerField(default=0)
    dead = models.PositiveIntegerField(default=0)
    mean_ms = models.FloatField(null=True)
    p50_ms = models.FloatField(null=True)
    p95_ms = models.FloatField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["on", "system", "flow"], nulls_distinct=False, name="watch_day_once"),
        ]


class AlertRule(Record):
    """What is measured of which flows or systems, from which value and after how long who is told, and how.

    Flows are measured each by itself, systems for `breaker`, `differences` and `renewal`; the scope narrows which.
    """

    lock_rank = Rank.MASTER + 94

    name = models.CharField(max_length=120)
    measure = models.CharField(max_length=12)
    scope = models.CharField(max_length=8, default="all")
    system = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    flow = models.ForeignKey(Flow, models.PROTECT, null=True, blank=True, related_name="+")
    threshold = models.DecimalField(max_digits=12, decimal_places=2, default=1)
    minutes = models.PositiveIntegerField(default=0)
    window_minutes = models.PositiveIntegerField(default=60)
    repeat_minutes = models.PositiveIntegerField(default=240)
    role = models.ForeignKey("kernel.Role", models.PROTECT, null=True, blank=True, related_name="+")
    person = models.ForeignKey("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    way = models.CharField(max_length=8, default="inbox")
    via = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    operation = models.CharField(max_length=80, blank=True, default="")
    is_active = models.BooleanField(default=True)
    find_text = find_column("name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(measure__in=MEASURES), name="watch_alert_rule_measure"),
            models.CheckConstraint(condition=Q(way__in=WAYS), name="watch_alert_rule_way"),
            models.CheckConstraint(
                condition=Q(scope="all", system__isnull=True, flow__isnull=True)
                | Q(scope="system", system__isnull=False, flow__isnull=True)
                | Q(scope="flow", system__isnull=True, flow__isnull=False),
                name="watch_alert_rule_scope",
            ),
            models.CheckConstraint(condition=Q(way="inbox") | Q(via__isnull=False), name="watch_alert_rule_via"),
            models.CheckConstraint(condition=Q(threshold__gt=0), name="watch_alert_rule_threshold"),
            models.CheckConstraint(
                condition=Q(window_minutes__gte=1, window_minutes__lte=1440), name="watch_alert_rule_window"
            ),
        ]
        indexes = [find_index("watch_alert_rule_find")]


class Alert(Record):
    """A rule broken by one flow or system: waiting out its duration, raised, seen by somebody, over.

    `news` is what has not been told to the outside yet, `told` how often it was told.
    """

    lock_rank = Rank.DOCUMENT + 98
    derived = ("value", "news_at", "news_failures", "news_error")

    rule = models.ForeignKey(AlertRule, models.PROTECT, related_name="+")
    system = models.ForeignKey(System, models.PROTECT, null=True, db_index=False, related_name="+")
    flow = models.ForeignKey(Flow, models.PROTECT, null=True, db_index=False, related_name="+")
    state = models.CharField(max_length=12, default="pending")
    value = models.FloatField()
    since = models.DateTimeField()
    raised_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    cleared_at = models.DateTimeField(null=True, blank=True)
    told = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True, blank=True)
    news = models.CharField(max_length=8, blank=True, default="")
    news_at = models.DateTimeField(null=True, blank=True)
    news_failures = models.PositiveSmallIntegerField(default=0)
    news_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "system", "flow"], condition=~Q(state="cleared"), nulls_distinct=False,
                name="watch_alert_once",
            ),
            models.CheckConstraint(condition=Q(state__in=ALERT_STATES), name="watch_alert_state"),
            models.CheckConstraint(condition=Q(news__in=NEWS), name="watch_alert_news"),
            models.CheckConstraint(
                condition=Q(state="pending", raised_at__isnull=True)
                | ~Q(state="pending") & Q(raised_at__isnull=False),
                name="watch_alert_raised",
            ),
        ]
        indexes = [
            models.Index(fields=["news_at"], name="watch_alert_news_due", condition=~Q(news="")),
            models.Index(fields=["-since"], name="watch_alert_since"),
        ]


class Scan(Record):
    """What is compared: our own states that must never be, or our records with what a partner lists.

    `their_…` are paths into what the partner lists or, with `is_mapped`, into what the mapping of `fetch_flow` makes of
    it; `their_filter` is a condition on what they list. `fields` are pairs `{"ours": …, "theirs": …, "values": {…}}`.
    Compared is what lies at least `quiet_minutes` and at most `days` back; without `their_at`, what is there now and
    has not changed for `quiet_minutes`.
    """

    lock_rank = Rank.MASTER + 99

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, default="ours")
    checks = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    system = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    operation = models.CharField(max_length=80, blank=True, default="")
    noun = models.CharField(max_length=80, blank=True, default="")
    where = models.CharField(max_length=400, blank=True, default="")
    key_field = models.CharField(max_length=80, blank=True, default="")
    at_field = models.CharField(max_length=80, blank=True, default="")
    amount_field = models.CharField(max_length=80, blank=True, default="")
    their_key = models.CharField(max_length=120, blank=True, default="")
    their_at = models.CharField(max_length=120, blank=True, default="")
    their_amount = models.CharField(max_length=120, blank=True, default="")
    fields = models.JSONField(default=list, blank=True)
    their_filter = models.CharField(max_length=1000, blank=True, default="")
    is_mapped = models.BooleanField(default=False)
    days = models.PositiveIntegerField(default=30)
    window_hours = models.PositiveIntegerField(default=24)
    quiet_minutes = models.PositiveIntegerField(default=15)
    send_flow = models.ForeignKey(Flow, models.PROTECT, null=True, blank=True, related_name="+")
    fetch_flow = models.ForeignKey(Flow, models.PROTECT, null=True, blank=True, related_name="+")
    owner = models.ForeignKey("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    repairs_itself = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SCAN_KINDS), name="watch_scan_kind"),
            models.CheckConstraint(
                condition=Q(days__gte=1, days__lte=400, window_hours__gte=1, window_hours__lte=744),
                name="watch_scan_range",
            ),
            models.CheckConstraint(
                condition=Q(kind="ours") | Q(system__isnull=False) & ~Q(operation=""), name="watch_scan_partner"
            ),
        ]
        indexes = [find_index("watch_scan_find")]


class Seed(models.Model):
    """What was made by itself, once: what a person deletes is not made again."""

    key = models.CharField(primary_key=True, max_length=120)
    at = models.DateTimeField()


class ScanRun(models.Model):
    """One run of a scan: how much was compared, which windows differed, what came of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scan = models.ForeignKey(Scan, models.PROTECT, related_name="+")
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    state = models.CharField(max_length=8, default="running")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    ours = models.PositiveIntegerField(default=0)
    theirs = models.PositiveIntegerField(default=0)
    windows = models.PositiveIntegerField(default=0)
    windows_differ = models.PositiveIntegerField(default=0)
    sums = models.JSONField(default=list)
    found = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="watch_scan_run_state")]
        indexes = [models.Index(fields=["scan", "-started_at"], name="watch_scan_run_of")]


class ScanRow(models.Model):
    """A row that a run compares, of either side; gone when the run is over."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ScanRun, models.CASCADE, db_index=False, related_name="+")
    is_ours = models.BooleanField()
    key = models.CharField(max_length=200)
    at = models.DateTimeField(null=True)
    slot = models.IntegerField(null=True)
    amount = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    fields = models.JSONField()
    digest = models.BigIntegerField()
    record = models.UUIDField(null=True)
    body = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "is_ours", "key"], name="watch_scan_row_once")]


class Discrepancy(Record):
    """A difference that a scan found. While it persists it is the same one; once it is gone it closes itself.

    `facts` are the fields that differ, as [ours, theirs]; `body` what the partner listed, to be fetched again.
    """

    lock_rank = Rank.DOCUMENT + 99
    derived = ("last_seen_at", "last_run", "times")

    scan = models.ForeignKey(Scan, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=14)
    key = models.CharField(max_length=240)
    text = models.CharField(max_length=1000, blank=True, default="")
    noun = models.CharField(max_length=80, blank=True, default="")
    record = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    facts = models.JSONField(default=dict)
    body = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=10, default="open")
    proposed = models.CharField(max_length=12, default="task")
    owner = models.ForeignKey("kernel.User", models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=400, blank=True, default="")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_run = models.UUIDField()
    times = models.PositiveIntegerField(default=1)
    acted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    find_text = find_column("key")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scan", "kind", "key"], condition=~Q(state="closed"), name="watch_discrepancy_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=DIFFERENCES), name="watch_discrepancy_kind"),
            models.CheckConstraint(condition=Q(state__in=DISCREPANCY_STATES), name="watch_discrepancy_state"),
            models.CheckConstraint(condition=Q(proposed__in=REPAIRS), name="watch_discrepancy_proposed"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | ~Q(state="closed") & Q(closed_at__isnull=True),
                name="watch_discrepancy_closed",
            ),
        ]
        indexes = [
            models.Index(fields=["scan", "state"], name="watch_discrepancy_open", condition=~Q(state="closed")),
            find_index("watch_discrepancy_find"),
        ]
