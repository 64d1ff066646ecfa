"""Work orders with their own copy of BOM and routing, what was reported on them, and the material they
owe."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import (
    Document,
    Ledger,
    Line,
    MoneyField,
    PercentField,
    PriceField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)
from banyan.lib.labels import Label
from banyan.modules.production.values import titled

KINDS = ("standard", "rework", "temporary", "disassembly")
STATES = ("planned", "firm", "released", "running", "completed", "closed", "cancelled")
#: States in which the shop works on an order.
AT_WORK = ("released", "running", "completed")
#: States in which an order will still bring or need something.
UNDECIDED = ("planned", "firm")
#: Where the approval of a report stands; one that is undone needs none any more.
APPROVAL_STATES = ("waiting", "approved", "undone")
OPERATION_STATES = ("open", "running", "done", "skipped", "closed")
#: What may be changed on an order that is at work.
DEVIATIONS = (
    "add_operation", "skip", "reorder", "reroute", "subcontract", "rework", "add_material", "substitute",
    "quantity", "split", "revision",
)  # fmt: skip
REPORT_KINDS = ("start", "pause", "good", "scrap", "rework", "undo")


class DefectReason(Record):
    """Why a piece is bad; reasons for scrap, for rework, or both, at the work centres named, or everywhere."""

    lock_rank = Rank.MASTER + 80

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True, default="")
    kind = models.CharField(max_length=8, default="both")
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name", "name_en")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("scrap", "rework", "both")), name="production_defect_reason_kind"
            )
        ]
        indexes = [find_index("production_defect_reason_find")]


class DefectReasonCentre(Line):
    """A work centre at which a reason is offered."""

    reason = models.ForeignKey(DefectReason, models.CASCADE, related_name="centres")
    work_centre = models.ForeignKey("equipment.WorkCentre", models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reason", "work_centre"], name="production_defect_reason_centre_once")
        ]


class WorkOrder(Document):
    """An order to make, rework or take apart a quantity of an item.

    `origin` names what it is for (a customer order line, a parent order), without a foreign key: (noun, id,
    line). `part_name` is what a temporary card is about where that is no item yet. A rework order with
    `returns_to` gives its pieces back to that operation instead of the store. `unit_cost` is the planned cost of
    one piece by the order's own lines, fixed at release; `made_quantity`, `scrapped_quantity` and
    `completed_amount` follow from completions and reports.
    """

    lock_rank = Rank.DOCUMENT + 80
    derived = (
        "made_quantity",
        "scrapped_quantity",
        "completed_amount",
        "returned_quantity",
        "returned_scrap_quantity",
    )

    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, default="standard")
    state = models.CharField(max_length=12, default="planned")
    quantity = QuantityField()
    starts_on = models.DateField(null=True, blank=True)
    due_on = models.DateField()
    priority = models.CharField(max_length=8, default="normal")
    tolerance_percent = PercentField(default=0)
    bom = models.ForeignKey(
        "engineering.Bom", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    routing = models.ForeignKey(
        "engineering.Routing", models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=500, blank=True, default="")
    origin_noun = models.CharField(max_length=80, blank=True, default="", editable=False)
    origin = models.UUIDField(null=True, blank=True, editable=False)
    origin_line = models.UUIDField(null=True, blank=True, editable=False)
    has_own_lines = models.BooleanField(default=False, editable=False)
    part_name = models.CharField(max_length=160, blank=True, default="", editable=False)
    returns_to = models.ForeignKey(
        "production.Operation", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    returned_quantity = QuantityField(default=0, editable=False)
    returned_scrap_quantity = QuantityField(default=0, editable=False)
    unit_cost = PriceField(default=0, editable=False)
    made_quantity = QuantityField(default=0, editable=False)
    scrapped_quantity = QuantityField(default=0, editable=False)
    completed_amount = MoneyField(default=0, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("number", "note", "part_name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="production_order_quantity"),
            models.CheckConstraint(
                condition=Q(returns_to__isnull=True, returned_quantity=0, returned_scrap_quantity=0)
                | Q(kind="rework", returned_quantity__gte=0, returned_scrap_quantity__gte=0),
                name="production_order_returns",
            ),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="production_order_kind"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="production_order_state"),
            models.CheckConstraint(
                condition=Q(priority__in=("normal", "urgent")), name="production_order_priority"
            ),
            models.CheckConstraint(
                condition=Q(tolerance_percent__gte=0, tolerance_percent__lte=100),
                name="production_order_tolerance",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True) | Q(starts_on__lte=F("due_on")),
                name="production_order_dates",
            ),
            models.CheckConstraint(
                condition=Q(made_quantity__gte=0, scrapped_quantity__gte=0), name="production_order_made"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False) | ~Q(state="closed"), name="production_order_closed_at"
            ),
        ]
        indexes = [
            models.Index(
                fields=["plant", "item"],
                name="production_order_open",
                condition=~Q(state__in=("closed", "cancelled")),
            ),
            models.Index(fields=["due_on", "id"], name="production_order_due"),
            models.Index(fields=["item"], name="production_order_item"),
            models.Index(
                fields=["origin"], name="production_order_origin", condition=Q(origin__isnull=False)
            ),
            find_index("production_order_find"),
        ]


class Operation(Line):
    """A step of an order, copied from the routing at release; `source_line` is the routing's operation.

    Minutes are per finished piece (run) and per order (set-up); quantities are counts, `report_ratio` of them
    make a finished piece, `places` is how finely they are counted. Counters follow from the reports and
    change under this row's lock only; `started` is how many people are at it, `away_quantity` how many counts
    are at rework orders that will give them back, `split_quantity` how many had come here and went on in an order
    split off. `is_stopped` is set from above
    while something must be put right before anybody goes on. With `needs_approval` good pieces pass on to the
    next operation, or to store, when they are approved; `approved_quantity` is how many of the good ones are.
    """

    lock_rank = Rank.OPERATION
    derived = (
        "good_quantity",
        "scrap_quantity",
        "rework_quantity",
        "sent_back_quantity",
        "come_back_quantity",
        "away_quantity",
        "split_quantity",
        "state",
        "started",
        "has_setup_charged",
        "is_stopped",
        "approved_quantity",
    )

    work_order = models.ForeignKey(WorkOrder, models.CASCADE, related_name="operations")
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_index=False, related_name="+", editable=False
    )
    sequence = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True, default="")
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    machine = models.ForeignKey("equipment.Machine", models.PROTECT, null=True, blank=True, related_name="+")
    setup_minutes = QuantityField(default=0)
    run_minutes = QuantityField(default=0)
    report_ratio = QuantityField(default=1)
    predecessors = models.CharField(max_length=120, blank=True, default="")
    quantity = QuantityField(default=0, editable=False)
    skill = models.ForeignKey("people.Skill", models.PROTECT, null=True, blank=True, related_name="+")
    instructions = models.TextField(blank=True, default="")
    capture = models.JSONField(default=list, blank=True)
    is_subcontracted = models.BooleanField(default=False)
    supplier = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    subcontract_price = PriceField(default=0)
    labour_rate = PriceField(default=0)
    machine_rate = PriceField(default=0)
    overhead_rate = PriceField(default=0)
    places = models.PositiveSmallIntegerField(default=0, editable=False)
    has_backflush = models.BooleanField(default=False, editable=False)
    source_line = models.UUIDField(null=True, blank=True, editable=False)
    deviation_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    state = models.CharField(max_length=8, default="open", editable=False)
    started = models.PositiveSmallIntegerField(default=0, editable=False)
    has_setup_charged = models.BooleanField(default=False, editable=False)
    is_stopped = models.BooleanField(default=False, editable=False)
    good_quantity = QuantityField(default=0, editable=False)
    scrap_quantity = QuantityField(default=0, editable=False)
    rework_quantity = QuantityField(default=0, editable=False)
    sent_back_quantity = QuantityField(default=0, editable=False)
    come_back_quantity = QuantityField(default=0, editable=False)
    needs_approval = models.BooleanField(default=False)
    approved_quantity = QuantityField(default=0, editable=False)
    away_quantity = QuantityField(default=0, editable=False)
    split_quantity = QuantityField(default=0, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["work_order", "sequence"], name="production_operation_sequence"),
            models.CheckConstraint(
                condition=Q(state__in=OPERATION_STATES), name="production_operation_state"
            ),
            models.CheckConstraint(
                condition=Q(
                    report_ratio__gt=0,
                    setup_minutes__gte=0,
                    run_minutes__gte=0,
                    quantity__gte=0,
                    labour_rate__gte=0,
                    machine_rate__gte=0,
                    overhead_rate__gte=0,
                    subcontract_price__gte=0,
                ),
                name="production_operation_plan",
            ),
            models.CheckConstraint(
                condition=Q(
                    good_quantity__gte=0,
                    scrap_quantity__gte=0,
                    rework_quantity__gte=0,
                    sent_back_quantity__gte=0,
                    come_back_quantity__gte=0,
                    approved_quantity__gte=0,
                    approved_quantity__lte=F("good_quantity"),
                    away_quantity__gte=0,
                ),
                name="production_operation_counters",
            ),
        ]
        indexes = [
            models.Index(
                fields=["work_centre"],
                name="production_operation_open",
                condition=Q(state__in=("open", "running")),
            ),
        ]

    @property
    def title(self) -> Label:
        """Give its sequence and what it is called, in the reader's language."""
        return titled(self.sequence, self.name, self.name_en)



class Material(Line):
    """A component of an order, copied from the BOM at release; `source_line` is the BOM's line.

    `quantity` is what the whole order needs, `operation` the sequence that uses it, none for the first.
    `issued_quantity` less `returned_quantity` is what has moved into the order; `flushed_quantity` is what
    backflush has asked for, of which `debt_quantity` was not there and is owed still.
    """

    lock_rank = Rank.OPERATION + 10
    derived = ("issued_quantity", "returned_quantity", "flushed_quantity", "debt_quantity")

    work_order = models.ForeignKey(WorkOrder, models.CASCADE, related_name="materials")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    quantity = QuantityField()
    is_fixed = models.BooleanField(default=False)
    operation = models.PositiveIntegerField(null=True, blank=True)
    is_backflushed = models.BooleanField(default=False)
    place = models.CharField(max_length=120, blank=True, default="")
    places = models.PositiveSmallIntegerField(default=0, editable=False)
    unit_cost = PriceField(default=0, editable=False)
    source_line = models.UUIDField(null=True, blank=True, editable=False)
    deviation_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    issued_quantity = QuantityField(default=0, editable=False)
    returned_quantity = QuantityField(default=0, editable=False)
    flushed_quantity = QuantityField(default=0, editable=False)
    debt_quantity = QuantityField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gte=0, unit_cost__gte=0), name="production_material_plan"
            ),
            models.CheckConstraint(
                condition=Q(
                    issued_quantity__gte=0,
                    returned_quantity__gte=0,
                    flushed_quantity__gte=0,
                    debt_quantity__gte=0,
                    returned_quantity__lte=F("issued_quantity"),
                ),
                name="production_material_counters",
            ),
        ]
        indexes = [
            models.Index(fields=["work_order", "position"], name="production_material_order"),
            models.Index(fields=["item"], name="production_material_item"),
            models.Index(
                fields=["item", "work_order"],
                name="production_material_owed",
                condition=Q(debt_quantity__gt=0),
            ),
        ]


class Output(Line):
    """What an order brings besides its item: co- and by-products, or the parts of what is taken apart."""

    lock_rank = Rank.OPERATION + 11
    derived = ("made_quantity",)

    work_order = models.ForeignKey(WorkOrder, models.CASCADE, related_name="outputs")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=4, default="by")
    quantity = QuantityField()
    unit_cost = PriceField(default=0, editable=False)
    made_quantity = QuantityField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("co", "by", "part"), quantity__gt=0, made_quantity__gte=0),
                name="production_output_plan",
            ),
        ]
        indexes = [models.Index(fields=["work_order"], name="production_output_order")]


class Report(Ledger):
    """A person's word on an operation; its key is made by the device that sent it.

    `device_at` is the device's time set right, `clock_at` as its clock had it. `day` is that whose shift it was made
    in, by the plant's time: however late it came; an undo is of the day of what it takes back.
    `person` sent it, `worker` is whose clock it stops: the first of the people named, else the sender.
    `digest` is of what was sent, so that a key used twice for different things is seen. `moves` are the stock
    moves it made.

    Order and plant follow from the operation; they carry no foreign key of their own, because thousands of
    reports at once would share a lock on one order's and one plant's row. `banyan verify` compares them.
    """

    work_order = models.ForeignKey(
        WorkOrder, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    operation = models.ForeignKey(Operation, models.PROTECT, db_index=False, related_name="+")
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=8)
    quantity = QuantityField(default=0)
    back_to = models.ForeignKey(Operation, models.PROTECT, null=True, db_index=False, related_name="+")
    back_quantity = QuantityField(default=0)
    defects = models.JSONField(default=list)
    people = models.JSONField(default=list)
    machine = models.ForeignKey(
        "equipment.Machine", models.PROTECT, null=True, db_index=False, related_name="+"
    )
    minutes = QuantityField(null=True)
    labour_minutes = QuantityField(default=0)
    machine_minutes = QuantityField(default=0)
    setup_minutes = QuantityField(default=0)
    labour_amount = MoneyField(default=0)
    machine_amount = MoneyField(default=0)
    overhead_amount = MoneyField(default=0)
    setup_amount = MoneyField(default=0)
    lots = models.JSONField(default=list)
    output_lot = models.ForeignKey(
        "inventory.Lot", models.PROTECT, null=True, db_index=False, related_name="+"
    )
    data = models.JSONField(default=dict)
    note = models.CharField(max_length=500, default="")
    flags = ArrayField(models.CharField(max_length=16), default=list)
    device_at = models.DateTimeField(null=True)
    clock_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField()
    day = models.DateField()
    person = models.UUIDField()
    worker = models.UUIDField()
    moves = ArrayField(models.UUIDField(), default=list)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="+")
    digest = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=REPORT_KINDS), name="production_report_kind"),
            models.CheckConstraint(
                condition=Q(kind="undo", reverses__isnull=False) | ~Q(kind="undo") & Q(reverses__isnull=True),
                name="production_report_undo",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("good", "scrap", "rework"), quantity__gt=0)
                | Q(kind__in=("start", "pause"), quantity=0)
                | Q(kind="undo"),
                name="production_report_quantity",
            ),
        ]
        indexes = [
            models.Index(fields=["work_order", "reported_at"], name="production_report_order"),
            models.Index(fields=["reported_at", "id"], name="production_report_time"),
            models.Index(fields=["day", "id"], name="production_report_day"),
            GinIndex(fields=["people"], opclasses=["jsonb_path_ops"], name="production_report_people"),
        ]


class ReportApproval(models.Model):
    """Whether a report of pieces is approved: a row for each, made with it; its key is the report's.

    `team` is that of the worker when it was reported. It changes under the lock of the report's operation only,
    and carries no foreign keys for the reason that reports do not; `banyan verify` compares them.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    report = models.ForeignKey(Report, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    work_order = models.ForeignKey(
        WorkOrder, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    operation = models.ForeignKey(
        Operation, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    employee = models.ForeignKey(
        "people.Employee", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    team = models.ForeignKey(
        "people.Team", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    state = models.CharField(max_length=8, default="waiting")
    at = models.DateTimeField()
    person = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=APPROVAL_STATES), name="production_approval_state"),
        ]
        indexes = [
            models.Index(fields=["plant", "at"], name="production_approval_wait", condition=Q(state="waiting")),
            models.Index(fields=["at", "id"], name="production_approval_time"),
        ]


class ReportFlag(Record):
    """Something about a report that a leader should look at; the report itself stands."""

    lock_rank = Rank.DOCUMENT + 76

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="+")
    operation = models.ForeignKey(Operation, models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    report = models.ForeignKey(Report, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    excess_quantity = QuantityField(default=0)
    state = models.CharField(max_length=8, default="open")
    answer = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=("open", "settled")), name="production_flag_state"),
        ]
        indexes = [
            models.Index(fields=["plant", "id"], name="production_flag_open", condition=Q(state="open"))
        ]


class Assignment(Record):
    """Who does how much of an operation, on which machine, from when; "my tasks" come from here.

    `place` is the leader's word on what a person or team does first, second and so on; none for no word.
    """

    lock_rank = Rank.DOCUMENT + 82

    operation = models.ForeignKey(Operation, models.CASCADE, related_name="+")
    work_order = models.ForeignKey(WorkOrder, models.CASCADE, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    employee = models.ForeignKey("people.Employee", models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey("people.Team", models.PROTECT, null=True, blank=True, related_name="+")
    machine = models.ForeignKey("equipment.Machine", models.PROTECT, null=True, blank=True, related_name="+")
    quantity = QuantityField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    place = models.PositiveSmallIntegerField(null=True, blank=True)
    note = models.CharField(max_length=255, blank=True, default="")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(employee__isnull=False, team__isnull=True)
                | Q(employee__isnull=True, team__isnull=False),
                name="production_assignment_one_or_team",
            ),
            models.CheckConstraint(
                condition=Q(quantity__isnull=True) | Q(quantity__gt=0), name="production_assignment_quantity"
            ),
            models.UniqueConstraint(
                fields=["operation", "employee", "team"],
                nulls_distinct=False,
                condition=Q(is_active=True),
                name="production_assignment_once",
            ),
        ]
        indexes = [
            models.Index(fields=["employee"], name="production_assignment_mine", condition=Q(is_active=True)),
            models.Index(fields=["team"], name="production_assignment_team", condition=Q(is_active=True)),
            models.Index(fields=["plant"], name="production_assignment_plant", condition=Q(is_active=True)),
        ]


class MaterialIssue(Document):
    """Material that went to an order (issue, supplement) or came back from it (return)."""

    lock_rank = Rank.DOCUMENT + 77

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, default="issue")
    state = models.CharField(max_length=8, default="posted")
    moved_at = models.DateTimeField()
    reason = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("number", "reason")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=("issue", "supplement", "return"), state__in=("draft", "posted", "reversed")
                ),
                name="production_issue_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["work_order"], name="production_issue_order"),
            models.Index(fields=["moved_at", "id"], name="production_issue_time"),
            find_index("production_issue_find"),
        ]


class MaterialIssueLine(Line):
    """A quantity of a lot, out of or into a location."""

    issue = models.ForeignKey(MaterialIssue, models.CASCADE, related_name="lines")
    material = models.ForeignKey(Material, models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey("inventory.Location", models.PROTECT, related_name="+")
    quantity = QuantityField()
    move = models.ForeignKey("inventory.Move", models.PROTECT, db_index=False, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="production_issue_line_quantity")
        ]
        indexes = [
            models.Index(fields=["issue", "position"], name="production_issue_line_place"),
            models.Index(fields=["material"], name="production_issue_line_for"),
        ]


class Completion(Document):
    """Finished pieces booked to store, valued at the order's planned unit cost."""

    lock_rank = Rank.DOCUMENT + 78

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, default="posted")
    moved_at = models.DateTimeField()
    note = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("number", "note")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("draft", "posted", "reversed")), name="production_completion_state"
            )
        ]
        indexes = [
            models.Index(fields=["work_order"], name="production_completion_order"),
            models.Index(fields=["moved_at", "id"], name="production_completion_time"),
            find_index("production_completion_find"),
        ]


class CompletionLine(Line):
    """A quantity of a finished lot at a location; `output` where it is not the order's own item."""

    completion = models.ForeignKey(Completion, models.CASCADE, related_name="lines")
    output = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey("inventory.Location", models.PROTECT, related_name="+")
    quantity = QuantityField()
    amount = MoneyField(default=0)
    move = models.ForeignKey("inventory.Move", models.PROTECT, db_index=False, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="production_completion_line_quantity")
        ]
        indexes = [models.Index(fields=["completion", "position"], name="production_completion_line_at")]


class MaterialDebt(Ledger):
    """Material that backflush asked for and stock did not have: owed by a report, less what was settled
    later.

    `quantity` is signed: above zero what a report came to owe, below zero what was settled by a move or taken
    back.
    """

    material = models.ForeignKey(Material, models.PROTECT, db_index=False, related_name="+")
    work_order = models.ForeignKey(
        WorkOrder, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey(
        "items.Item", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    report = models.ForeignKey(Report, models.PROTECT, null=True, db_index=False, related_name="+")
    quantity = QuantityField()
    kind = models.CharField(max_length=8)
    move = models.ForeignKey("inventory.Move", models.PROTECT, null=True, db_index=False, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="owed", quantity__gt=0)
                | Q(kind__in=("settled", "undone", "waived"), quantity__lt=0),
                name="production_debt_sign",
            ),
        ]
        indexes = [
            models.Index(fields=["material", "at"], name="production_debt_material"),
            models.Index(fields=["at", "id"], name="production_debt_time"),
        ]


class Deviation(Ledger):
    """What was changed on an order that was at work: who, when, why, before and after.

    `before` and `after` are what changed, by name, in the words of the record. `other` names the order that came
    of it, or the purchase order.
    """

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, db_index=False, related_name="+")
    operation = models.ForeignKey(Operation, models.PROTECT, null=True, db_index=False, related_name="+")
    material = models.ForeignKey(Material, models.PROTECT, null=True, db_index=False, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=16)
    reason = models.CharField(max_length=255)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    other_noun = models.CharField(max_length=80, default="")
    other = models.UUIDField(null=True)
    person = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DEVIATIONS), name="production_deviation_kind"),
        ]
        indexes = [
            models.Index(fields=["work_order", "at"], name="production_deviation_order"),
            models.Index(fields=["at", "id"], name="production_deviation_time"),
        ]


class OutsideWork(Ledger):
    """Work of a subcontractor that was received on an operation, with what it cost; negative when taken back.

    What was rejected costs nothing; its report says that it is to be mended.
    """

    work_order = models.ForeignKey(WorkOrder, models.PROTECT, related_name="+")
    operation = models.ForeignKey(Operation, models.PROTECT, db_index=False, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, db_index=False, related_name="+")
    party = models.ForeignKey("parties.Party", models.PROTECT, db_index=False, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, db_index=False, related_name="+")
    receipt = models.ForeignKey("purchasing.Receipt", models.PROTECT, related_name="+")
    order_line = models.ForeignKey("purchasing.OrderLine", models.PROTECT, db_index=False, related_name="+")
    report = models.ForeignKey(Report, models.PROTECT, null=True, db_index=False, related_name="+")
    quantity = QuantityField()
    amount = MoneyField()
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at", "id"], name="production_outside_time")]
