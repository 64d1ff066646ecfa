"""Base records that every noun stands on, and the kernel's own tables."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from banyan.lib.ids import new_id
from banyan.lib.traces import LENGTH


class Rank:
    """Lock ranks: commands and listeners lock only upward, and by key within a rank (docs/adr/0004)."""

    MASTER = 100
    DOCUMENT = 200
    OPERATION = 300
    STOCK = 400
    COST = 500
    NUMBER = 600


class QuantityField(models.DecimalField):
    """A quantity: numeric(20,6), in the unit the record or its item names."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 6)
        super().__init__(*args, **kwargs)


class MoneyField(models.DecimalField):
    """An amount: numeric(20,2), in the currency the record names or the company's own."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)


class PriceField(models.DecimalField):
    """A price or rate per unit: numeric(20,6)."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 6)
        super().__init__(*args, **kwargs)


class PercentField(models.DecimalField):
    """A share in percent: numeric(9,4); 13 means 13 %."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 9)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)


class _FindText(Func):
    function = "banyan_find_text"
    output_field = models.TextField()


def find_column(*columns: str) -> models.GeneratedField:
    """Give the generated column `find_text` that find and search read, made of the named text columns."""
    return models.GeneratedField(
        expression=_FindText(*columns), output_field=models.TextField(), db_persist=True
    )


def find_index(name: str) -> GinIndex:
    """Give the bigram index for `find_text`, right for one, two and three Chinese characters."""
    return GinIndex(Func("find_text", function="banyan_bigrams", output_field=models.TextField()), name=name)


@models.Field.register_lookup
class Found(models.Lookup):
    """`find_text__found=term`: the bigram index narrows, a substring test of the normalised text decides.

    The substring test stands first: where rows are read without the index, it spares making their bigrams.
    """

    lookup_name = "found"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        column, params = self.process_lhs(compiler, connection)
        return (
            f"(strpos({column}, banyan_normal(%s)) > 0 AND banyan_bigrams({column}) @> banyan_query_bigrams(%s))",
            [*params, self.rhs, *params, self.rhs],
        )


class Record(models.Model):
    """What every noun has: a key that a phone can make, a version, and who made and changed it."""

    lock_rank = Rank.MASTER

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        editable=False,
    )
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    changed_by = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
        editable=False,
    )

    class Meta:
        abstract = True


class Document(Record):
    """A record with a life and a number given at posting; posted ones are reversed, never edited."""

    lock_rank = Rank.DOCUMENT

    number = models.CharField(max_length=40, null=True, unique=True, editable=False)

    class Meta:
        abstract = True


class Line(models.Model):
    """A line of a record; the concrete class names its parent with a cascading foreign key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Ledger(models.Model):
    """An append-only row: neither updated nor deleted by anyone but the owner of the database."""

    append_only = True

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


# --- access -------------------------------------------------------------------------------------------------


#: A quota, where there is one, lets at least one call through.
_QUOTA = (models.Q(per_minute__isnull=True) | models.Q(per_minute__gte=1)) & (
    models.Q(per_day__isnull=True) | models.Q(per_day__gte=1)
)


class UserManager(BaseUserManager):
    """Django's way to a user by login name."""

    def get_by_natural_key(self, username):
        return self.get(login__iexact=username)


class User(AbstractBaseUser, Record):
    """A person or a program that signs in."""

    login = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True, default="")
    language = models.CharField(max_length=8, default="zh", choices=[("zh", "中文"), ("en", "English")])
    theme = models.CharField(max_length=8, default="auto")
    is_active = models.BooleanField(default=True)
    is_program = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    employee_key = models.UUIDField(null=True, blank=True, unique=True)
    plants = ArrayField(models.UUIDField(), default=list, blank=True)
    teams = ArrayField(models.UUIDField(), default=list, blank=True)
    access_epoch = models.PositiveIntegerField(default=1, editable=False)
    find_text = find_column("login", "name")

    USERNAME_FIELD = "login"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        indexes = [find_index("user_find")]

    @property
    def is_staff(self) -> bool:
        return self.is_superuser


class Role(Record):
    """A named set of grants; the defaults come from ops/roles.py and may be changed."""

    code = models.CharField(max_length=40, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    areas = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    home = models.CharField(max_length=120, blank=True, default="")
    cards = ArrayField(models.CharField(max_length=80), default=list, blank=True)


class RoleGrant(Line):
    """A permission, or a pattern of them such as `sales.*` or `*.read`, and how far it reaches."""

    role = models.ForeignKey(Role, models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=120)
    reach = models.CharField(
        max_length=8, default="all", choices=[("own", "own"), ("team", "team"), ("plant", "plant"), ("all", "all")]
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="role_grant_once")]


class UserRole(Line):
    """A user holds a role."""

    user = models.ForeignKey(User, models.CASCADE, related_name="roles")
    role = models.ForeignKey(Role, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role"], name="user_role_once")]


class AccessToken(Record):
    """A personal token: only its hash is kept; `scopes` are permission patterns it is limited to.

    `per_minute` and `per_day` are its quota, beneath that of its account; none where empty.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=120), default=list)
    expires_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    per_minute = models.PositiveIntegerField(null=True, blank=True)
    per_day = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=_QUOTA, name="access_token_quota")]


class Session(Record):
    """A sign-in of somebody, in a browser or at a station: open, or ended (kernel.sessions).

    `digest` is the hash of the key that a browser holds, none at a station, whose ticket names the session.
    """

    lock_rank = Rank.MASTER + 2
    derived = ("seen_at", "digest")

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    way = models.CharField(max_length=8, editable=False)
    device = models.CharField(max_length=120, blank=True, default="", editable=False)
    address = models.CharField(max_length=64, blank=True, default="", editable=False)
    digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    seen_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(max_length=5, default="open")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="open", ended_at__isnull=True)
                | models.Q(state="ended", ended_at__isnull=False, digest__isnull=True),
                name="session_state",
            ),
        ]
        indexes = [models.Index(fields=["user"], name="session_open", condition=models.Q(state="open"))]


CLIENT_STATES = ("active", "stopped")


class Client(Record):
    """A program's way in: an OAuth2 client of a program's account, what it is limited to, how often it may call.

    The OAuth2 library keeps the client by the same `client_id`, with the hash of the present secret. `old_secret` is
    the hash of the one before, good until `old_until`. Scopes and quota are as those of a personal token.
    """

    lock_rank = Rank.MASTER + 1
    derived = ("old_secret",)

    client_id = models.CharField(max_length=100, unique=True, editable=False)
    name = models.CharField(max_length=120)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    scopes = ArrayField(models.CharField(max_length=120), default=list)
    per_minute = models.PositiveIntegerField(null=True, blank=True)
    per_day = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=8, default="active")
    secret_at = models.DateTimeField(editable=False)
    old_secret = models.CharField(max_length=255, blank=True, default="", editable=False)
    old_until = models.DateTimeField(null=True, editable=False)
    note = models.TextField(blank=True, default="")
    find_text = find_column("name", "client_id")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=CLIENT_STATES), name="client_state"),
            models.CheckConstraint(condition=_QUOTA, name="client_quota"),
            models.CheckConstraint(
                condition=models.Q(old_secret="", old_until__isnull=True)
                | (~models.Q(old_secret="") & models.Q(old_until__isnull=False)),
                name="client_old_secret",
            ),
        ]
        indexes = [find_index("client_find")]


class Call(models.Model):
    """One call of the interface by a program: who, what, when, how it ended; never what was said in it.

    Its key is the request's own, told to the caller, and the step that the call is in its `trace`. Written in batches
    beside the calls (web.rest.calls) and forgotten after BANYAN_CALL_LOG_DAYS. `path` is a template; `at` is the very
    instant that the audit lines of the call bear.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField()
    user = models.ForeignKey(User, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    client = models.ForeignKey(
        Client, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    token = models.ForeignKey(
        AccessToken, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    program = models.CharField(max_length=80)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    operation = models.CharField(max_length=160)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=8)
    ms = models.FloatField()
    bytes_in = models.BigIntegerField()
    bytes_out = models.BigIntegerField()
    trace = models.CharField(max_length=LENGTH, null=True)

    class Meta:
        indexes = [
            models.Index(fields=["at", "id"], name="call_at"),
            models.Index(fields=["client", "at"], name="call_client", condition=models.Q(client__isnull=False)),
            models.Index(fields=["token", "at"], name="call_token", condition=models.Q(token__isnull=False)),
            models.Index(fields=["at"], name="call_not_done", condition=~models.Q(outcome="done")),
            models.Index(fields=["trace"], name="call_trace", opclasses=["varchar_pattern_ops"]),
        ]


class CallDay(models.Model):
    """What a client or token did on a day of the company: kept when the calls themselves are forgotten."""

    key = models.UUIDField()
    day = models.DateField()
    calls = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    throttled = models.BigIntegerField(default=0)
    ms = models.FloatField(default=0)
    bytes_out = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()
    pk = models.CompositePrimaryKey("key", "day")


class SpanTally(models.Model):
    """How many steps of traces all processes have sent to the collector, and dropped: one row, there once one was."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    sent = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)
    at = models.DateTimeField()


# --- the life of a command ----------------------------------------------------------------------------------


class Request(models.Model):
    """The stored answer to a client's key, so that the same request twice is done once."""

    id = models.UUIDField(primary_key=True, default=new_id)
    principal = models.UUIDField()
    key = models.CharField(max_length=200)
    body_hash = models.BinaryField()
    answer = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="request_once")]
        indexes = [models.Index(fields=["at"], name="request_at")]


class Audit(Ledger):
    """Who did what, when, through what, with what outcome; one row per command, refusals included."""

    seq = models.BigIntegerField(unique=True, db_default=Func(models.Value("kernel_audit_seq"), function="nextval"))
    xid = models.BigIntegerField(
        db_default=Func(function="banyan_xid", output_field=models.BigIntegerField()), db_index=True
    )
    at = models.DateTimeField()
    device_at = models.DateTimeField(null=True)
    person = models.UUIDField(null=True)
    program = models.CharField(max_length=80)
    through = models.CharField(max_length=12)
    command = models.CharField(max_length=120)
    noun = models.CharField(max_length=80)
    records = ArrayField(models.UUIDField())
    input = models.JSONField()
    outcome = models.CharField(max_length=8)
    code = models.CharField(max_length=120, blank=True, default="")
    key = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [
            GinIndex(fields=["records"], name="audit_records"),
            models.Index(fields=["at"], name="audit_at"),
        ]


class AuditSeal(Ledger):
    """A link of the audit chain: the hash of all rows that committed before `horizon` and after the last seal."""

    no = models.BigIntegerField(unique=True)
    horizon = models.BigIntegerField()
    rows = models.BigIntegerField()
    previous = models.BinaryField()
    hash = models.BinaryField()
    at = models.DateTimeField()


class History(models.Model):
    """Old and new values of a changed row, written by trigger, so that SQL by hand is recorded too."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    xid = models.BigIntegerField(db_default=Func(function="banyan_xid", output_field=models.BigIntegerField()))
    table = models.CharField(max_length=80)
    record = models.UUIDField()
    parent = models.UUIDField(null=True)
    operation = models.CharField(max_length=6)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    actor = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["record", "id"], name="history_record"),
            models.Index(fields=["parent", "id"], name="history_parent", condition=models.Q(parent__isnull=False)),
        ]


class Outbox(models.Model):
    """An event that has happened, waiting for those who hear of it after commit."""

    id = models.UUIDField(primary_key=True, default=new_id)
    seq = models.BigIntegerField(unique=True, db_default=Func(models.Value("kernel_outbox_seq"), function="nextval"))
    xid = models.BigIntegerField(db_default=Func(function="banyan_xid", output_field=models.BigIntegerField()))
    at = models.DateTimeField()
    type = models.CharField(max_length=120)
    event_version = models.PositiveSmallIntegerField(default=1)
    key = models.CharField(max_length=80)
    noun = models.CharField(max_length=80, blank=True, default="")
    record = models.UUIDField(null=True)
    number = models.CharField(max_length=40, blank=True, default="")
    payload = models.JSONField()
    person = models.UUIDField(null=True)
    trace = models.CharField(max_length=LENGTH, null=True)
    dispatched_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["seq"], name="outbox_waiting", condition=models.Q(dispatched_at__isnull=True))]


class Delivery(models.Model):
    """One event for one listener: waiting for its turn, done, dead, or given up; the first dead one holds back later
    ones of its key and listener."""

    lock_rank = Rank.DOCUMENT + 89

    id = models.UUIDField(primary_key=True, default=new_id)
    event = models.ForeignKey(Outbox, models.CASCADE, related_name="+")
    seq = models.BigIntegerField()
    key = models.CharField(max_length=80)
    listener = models.CharField(max_length=160)
    state = models.CharField(max_length=8, default="waiting")
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    error = models.TextField(blank=True, default="")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "listener"], name="delivery_once")]
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=models.Q(state="waiting")),
            models.Index(fields=["listener", "key", "seq"], name="delivery_gate", condition=~models.Q(state="done")),
        ]


class Stamp(models.Model):
    """A steady table's name, and a stamp that is new whenever it was written (kernel.steady)."""

    name = models.CharField(primary_key=True, max_length=80)
    stamp = models.UUIDField()


class Counter(models.Model):
    """The last number given in a series and period."""

    lock_rank = Rank.NUMBER

    series = models.CharField(max_length=80)
    period = models.CharField(max_length=12, blank=True, default="")
    last = models.BigIntegerField(default=0)
    pk = models.CompositePrimaryKey("series", "period")


class RateLease(models.Model):
    """Calls used by a principal in a window, taken by processes in leases (ADR 0008).

    `window` is the minute since 1970 at which the window began, of a minute as of a day.
    """

    principal = models.CharField(max_length=120)
    window = models.BigIntegerField()
    used = models.PositiveIntegerField(default=0)
    pk = models.CompositePrimaryKey("principal", "window")


# --- beside every record ------------------------------------------------------------------------------------


class StoredFile(models.Model):
    """A file's content by its SHA-256; the bytes lie in the data folder."""

    digest = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=120)
    has_thumbnail = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())


class Attachment(Record):
    """A file that belongs to a record."""

    noun = models.CharField(max_length=80)
    record = models.UUIDField()
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)

    class Meta:
        indexes = [models.Index(fields=["record"], name="attachment_record")]


class Comment(Record):
    """What somebody said about a record; `mentions` are told in their inbox."""

    noun = models.CharField(max_length=80)
    record = models.UUIDField()
    text = models.TextField()
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)

    class Meta:
        indexes = [models.Index(fields=["record", "created_at"], name="comment_record")]


class SavedView(Record):
    """A list as somebody wants to see it: filters, columns, sort, layout."""

    noun = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    layout = models.CharField(max_length=10, default="list")
    query = models.JSONField(default=dict)
    is_shared = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["noun"], name="saved_view_noun")]


class InboxItem(Record):
    """Something a person should see or do, with the record it concerns."""

    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    text_zh = models.CharField(max_length=500)
    text_en = models.CharField(max_length=500)
    noun = models.CharField(max_length=80, blank=True, default="")
    record = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["person"], name="inbox_open", condition=models.Q(done_at__isnull=True)),
            models.Index(fields=["record"], name="inbox_about"),
        ]


class JobRun(Record):
    """Long work that a person started: its progress, its answer, its fault."""

    kind = models.CharField(max_length=80)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200)
    input = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="waiting")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")
    is_cancel_asked = models.BooleanField(default=False)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state"], name="job_run_open", condition=~models.Q(state="done"))]


class ImportBatch(Record):
    """One import: its source, its map, how many records it made and changed. Locked before all that it made."""

    lock_rank = Rank.MASTER - 50

    noun = models.CharField(max_length=80)
    source_name = models.CharField(max_length=255)
    source_digest = models.CharField(max_length=64)
    columns = models.JSONField(default=dict)
    made = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, default="done")
    rows = models.BigIntegerField(default=0)


class ImportRow(models.Model):
    """A record that an import made, or changed: then with its old values; and the version it has had since."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="+")
    record = models.UUIDField()
    old = models.JSONField(null=True)
    version = models.PositiveIntegerField()
