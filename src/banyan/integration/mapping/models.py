"""Mapping tables with their fields and samples, value maps, key links with rules, duplicates and findings."""

# Ranks below those of the records that links name, because a decision locks its own paper first.

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from banyan.kernel.models import Ledger, Line, Rank, Record, find_column, find_index

DIRECTIONS = ("in", "out")
TARGETS = ("command", "noun", "operation")
UNKNOWN = ("refuse", "pass", "default")
LINK_STATES = ("proposed", "confirmed")
ORIGINS = ("person", "match", "message", "import", "merge")
COMPARES = ("exact", "folded", "digits")
DECIDES = ("confirms", "proposes")
SURVIVES = ("winner", "newest", "oldest", "filled", "longest")
DUPLICATE_STATES = ("open", "linked", "merged", "dismissed")
FINDINGS = ("link_gone", "without_link", "linked_twice")
FINDING_STATES = ("open", "gone")


class Table(Record):
    """What becomes of one thing from one system: into the input of a command, a noun, or an operation of theirs.

    `system` is the code of an outside system, empty where the table serves several. `from_entity` says what is read:
    an entity or operation of theirs, or an event of ours.
    """

    lock_rank = Rank.MASTER - 9

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    system = models.CharField(max_length=60, blank=True, default="")
    direction = models.CharField(max_length=4, default="in")
    from_entity = models.CharField(max_length=120, blank=True, default="")
    target_kind = models.CharField(max_length=10, default="command")
    target = models.CharField(max_length=120, blank=True, default="")
    is_active = models.BooleanField(default=True)
    note = models.CharField(max_length=400, blank=True, default="")
    find_text = find_column("code", "name", "system", "target")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(direction__in=DIRECTIONS), name="mapping_table_direction"),
            models.CheckConstraint(condition=Q(target_kind__in=TARGETS), name="mapping_table_target_kind"),
        ]
        indexes = [find_index("mapping_table_find")]


class TableField(Line):
    """One field of a mapping table; what each column may hold is said in definition.py."""

    table = models.ForeignKey(Table, models.CASCADE, related_name="lines")
    target = models.CharField(max_length=240)
    source = models.CharField(max_length=400, blank=True, default="")
    expression = models.CharField(max_length=2000, blank=True, default="")
    converter = models.CharField(max_length=400, blank=True, default="")
    default = models.CharField(max_length=400, blank=True, default="")
    is_required = models.BooleanField(default=False)
    when = models.CharField(max_length=1000, blank=True, default="")
    sends_null = models.BooleanField(default=False)
    sample = models.CharField(max_length=400, blank=True, default="")
    note = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["table", "position"], name="mapping_field_of")]


class Sample(Record):
    """A real payload pinned to a table, as it was received, with what must come out of it."""

    lock_rank = Rank.MASTER - 8

    table = models.ForeignKey(Table, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    body = models.TextField(max_length=1_000_000)
    expected = models.JSONField(null=True, blank=True)
    note = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "name"], name="mapping_sample_once")]


class ValueMap(Record):
    """Outside values and ours: order states, carriers, colours; and what an unknown one becomes."""

    lock_rank = Rank.MASTER - 10

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    system = models.CharField(max_length=60, blank=True, default="")
    unknown = models.CharField(max_length=8, default="refuse")
    default = models.CharField(max_length=200, blank=True, default="")
    note = models.CharField(max_length=240, blank=True, default="")
    find_text = find_column("code", "name", "system")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unknown__in=UNKNOWN), name="mapping_value_map_unknown"),
        ]
        indexes = [find_index("mapping_value_map_find")]


class ValueLine(Line):
    """One outside value and ours; read backwards, the first line with our value decides."""

    value_map = models.ForeignKey(ValueMap, models.CASCADE, related_name="lines")
    outside = models.CharField(max_length=200)
    ours = models.CharField(max_length=200)
    note = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["value_map", "outside"], name="mapping_value_line_once"),
        ]


class KeyLink(Record):
    """An outside code is one of our records. A record has one main code per system; merged ones may leave more.

    `entity` is the key of the noun, `record` a record of it without foreign key: the cross-check looks after it.
    """

    lock_rank = Rank.MASTER - 2

    system = models.CharField(max_length=60)
    entity = models.CharField(max_length=80)
    code = models.CharField(max_length=200)
    record = models.UUIDField()
    is_main = models.BooleanField(default=True)
    state = models.CharField(max_length=10, default="proposed")
    origin = models.CharField(max_length=8, default="person")
    reason = models.CharField(max_length=240, blank=True, default="")
    find_text = find_column("system", "entity", "code")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "entity", "code"], name="mapping_key_link_code"),
            models.UniqueConstraint(
                fields=["system", "entity", "record"], condition=Q(is_main=True), name="mapping_key_link_record"
            ),
            models.CheckConstraint(condition=Q(state__in=LINK_STATES), name="mapping_key_link_state"),
            models.CheckConstraint(condition=Q(origin__in=ORIGINS), name="mapping_key_link_origin"),
            models.CheckConstraint(condition=~Q(code=""), name="mapping_key_link_has_code"),
        ]
        indexes = [
            models.Index(fields=["entity", "record"], name="mapping_key_link_of"),
            find_index("mapping_key_link_find"),
        ]


class MatchRule(Record):
    """How an outside thing is recognised: one of its facts against one field of ours; rules are tried in order."""

    lock_rank = Rank.MASTER - 6

    entity = models.CharField(max_length=80)
    sequence = models.PositiveIntegerField(default=10)
    system = models.CharField(max_length=60, blank=True, default="")
    fact = models.CharField(max_length=80)
    field = models.CharField(max_length=80)
    compare = models.CharField(max_length=8, default="exact")
    decides = models.CharField(max_length=8, default="proposes")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(compare__in=COMPARES), name="mapping_match_rule_compare"),
            models.CheckConstraint(condition=Q(decides__in=DECIDES), name="mapping_match_rule_decides"),
        ]
        indexes = [models.Index(fields=["entity", "sequence"], name="mapping_match_rule_of")]


class Survivorship(Record):
    """Which record's value of a field stays when two records of an entity are merged; the winner's without a rule."""

    lock_rank = Rank.MASTER - 5

    entity = models.CharField(max_length=80)
    field = models.CharField(max_length=80)
    keeps = models.CharField(max_length=8, default="winner")
    note = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "field"], name="mapping_survivorship_once"),
            models.CheckConstraint(condition=Q(keeps__in=SURVIVES), name="mapping_survivorship_keeps"),
        ]


class Duplicate(Record):
    """An outside code for which several of our records come into question: a person decides.

    `facts` is what the system said of it. Once decided, `record` is the one it was linked to.
    """

    lock_rank = Rank.MASTER - 4

    system = models.CharField(max_length=60)
    entity = models.CharField(max_length=80)
    code = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True, default="")
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="open")
    record = models.UUIDField(null=True, blank=True)
    reason = models.CharField(max_length=240, blank=True, default="")
    find_text = find_column("system", "code", "name")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "entity", "code"], condition=Q(state="open"), name="mapping_duplicate_open_once"
            ),
            models.CheckConstraint(condition=Q(state__in=DUPLICATE_STATES), name="mapping_duplicate_state"),
            models.CheckConstraint(
                condition=Q(record__isnull=False) | ~Q(state__in=("linked", "merged")), name="mapping_duplicate_record"
            ),
        ]
        indexes = [find_index("mapping_duplicate_find")]


class Candidate(Line):
    """One of our records that an outside code may be, and the rules that say so."""

    duplicate = models.ForeignKey(Duplicate, models.CASCADE, related_name="candidates")
    record = models.UUIDField()
    title = models.CharField(max_length=200, blank=True, default="")
    rules = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["duplicate", "record"], name="mapping_candidate_once"),
        ]


class Merge(Ledger):
    """Two of our records became one: what each said before, and whose value of which field was kept."""

    entity = models.CharField(max_length=80)
    winner = models.UUIDField()
    losers = ArrayField(models.UUIDField())
    before = models.JSONField()
    kept = models.JSONField()
    at = models.DateTimeField()
    person = models.ForeignKey("kernel.User", models.DO_NOTHING, db_constraint=False, related_name="+")
    reason = models.CharField(max_length=240, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["entity", "winner"], name="mapping_merge_of")]


class Finding(Record):
    """What the daily cross-check found; `gone` once a later check no longer finds it."""

    lock_rank = Rank.MASTER - 1

    kind = models.CharField(max_length=12)
    system = models.CharField(max_length=60)
    entity = models.CharField(max_length=80)
    code = models.CharField(max_length=200, blank=True, default="")
    record = models.UUIDField(null=True, blank=True)
    title = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=8, default="open")
    found_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FINDINGS), name="mapping_finding_kind"),
            models.CheckConstraint(condition=Q(state__in=FINDING_STATES), name="mapping_finding_state"),
            models.UniqueConstraint(
                fields=["kind", "system", "entity", "code", "record"], condition=Q(state="open"),
                nulls_distinct=False, name="mapping_finding_once",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["state", "kind"], name="mapping_finding_state_kind")]
