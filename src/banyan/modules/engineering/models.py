"""What an item is made of and how: BOM and routing revisions. A line points to an item, not to a BOM."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce

from banyan.kernel.models import Line, PercentField, PriceField, QuantityField, Rank, Record

STATES = ("draft", "released", "superseded")
EVERY_PLANT = Value("00000000-0000-0000-0000-000000000000", output_field=models.UUIDField())


class _Days(Func):
    function = "daterange"
    output_field = DateRangeField()


class Revision(Record):
    """One version of an item's structure: a draft may change, a released one never does.

    `plant` None counts for every plant that has none of its own. A superseded revision still counts up to
    `effective_to`, the first day on which it no longer does.
    """

    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, null=True, blank=True, related_name="+")
    revision = models.CharField(max_length=20)
    state = models.CharField(max_length=12, default="draft", db_index=True)
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        abstract = True


def _rules(name: str) -> list[models.BaseConstraint]:
    """Give the constraints of a revision table; only one released revision counts on a day."""
    return [
        models.UniqueConstraint(
            fields=["item", "plant", "revision"],
            nulls_distinct=False,
            name=f"engineering_{name}_revision_once",
        ),
        models.CheckConstraint(condition=Q(state__in=STATES), name=f"engineering_{name}_state"),
        models.CheckConstraint(
            condition=Q(effective_to__isnull=True) | Q(effective_to__gte=F("effective_from")),
            name=f"engineering_{name}_days",
        ),
        models.CheckConstraint(
            condition=Q(state="draft") | Q(effective_from__isnull=False), name=f"engineering_{name}_from"
        ),
        ExclusionConstraint(
            name=f"engineering_{name}_one_a_day",
            expressions=[
                ("item", RangeOperators.EQUAL),
                (Coalesce("plant", EVERY_PLANT), RangeOperators.EQUAL),
                (_Days("effective_from", "effective_to"), RangeOperators.OVERLAPS),
            ],
            condition=~Q(state="draft"),
        ),
    ]


class Bom(Revision):
    """What `base_quantity` of an item is made of."""

    lock_rank = Rank.MASTER + 60

    base_quantity = QuantityField(default=1)

    class Meta:
        constraints = [
            *_rules("bom"),
            models.CheckConstraint(condition=Q(base_quantity__gt=0), name="engineering_bom_base"),
        ]


class BomLine(Line):
    """One component: so much per base quantity, or per order where fixed, plus scrap; in its stock unit."""

    bom = models.ForeignKey(Bom, models.CASCADE, related_name="lines")
    component = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    quantity = QuantityField()
    is_fixed = models.BooleanField(default=False)
    scrap_percent = PercentField(default=0)
    operation = models.PositiveIntegerField(null=True, blank=True)
    place = models.CharField(max_length=60, blank=True, default="")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="engineering_bom_line_quantity"),
            models.CheckConstraint(
                condition=Q(scrap_percent__gte=0, scrap_percent__lt=100), name="engineering_bom_line_scrap"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True)
                | Q(valid_from__isnull=True)
                | Q(valid_to__gt=F("valid_from")),
                name="engineering_bom_line_days",
            ),
        ]


class BomOutput(Line):
    """What else comes out of it: co-products carry a share of the cost, by-products none."""

    bom = models.ForeignKey(Bom, models.CASCADE, related_name="outputs")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=4, default="by")
    quantity = QuantityField()
    cost_share = PercentField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bom", "item"], name="engineering_output_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="engineering_output_quantity"),
            models.CheckConstraint(
                condition=Q(kind="co", cost_share__gte=0, cost_share__lt=100) | Q(kind="by", cost_share=0),
                name="engineering_output_share",
            ),
        ]


class Routing(Revision):
    """The operations an item goes through."""

    lock_rank = Rank.MASTER + 61

    class Meta:
        constraints = _rules("routing")


class RoutingOperation(Line):
    """One step at a work centre or a supplier; minutes per order, but run minutes per finished piece."""

    routing = models.ForeignKey(Routing, models.CASCADE, related_name="operations")
    sequence = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True, default="")
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    setup_minutes = QuantityField(default=0)
    run_minutes = QuantityField(default=0)
    queue_minutes = QuantityField(default=0)
    overlap_quantity = QuantityField(null=True, blank=True)
    report_ratio = QuantityField(default=1)
    predecessors = models.CharField(max_length=120, blank=True, default="")
    yield_percent = PercentField(default=100)
    skill = models.ForeignKey("people.Skill", models.PROTECT, null=True, blank=True, related_name="+")
    instructions = models.TextField(blank=True, default="")
    is_subcontracted = models.BooleanField(default=False)
    supplier = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    service_item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    subcontract_price = PriceField(default=0)
    subcontract_days = models.PositiveSmallIntegerField(default=0)
    data = models.JSONField(default=list, blank=True)
    needs_approval = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["routing", "sequence"], name="engineering_operation_once"),
            models.CheckConstraint(
                condition=Q(setup_minutes__gte=0, run_minutes__gte=0, queue_minutes__gte=0)
                & Q(subcontract_price__gte=0),
                name="engineering_operation_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(report_ratio__gt=0)
                & (Q(overlap_quantity__isnull=True) | Q(overlap_quantity__gt=0)),
                name="engineering_operation_ratio",
            ),
            models.CheckConstraint(
                condition=Q(yield_percent__gt=0, yield_percent__lte=100), name="engineering_operation_yield"
            ),
            models.CheckConstraint(
                condition=Q(work_centre__isnull=False) | Q(is_subcontracted=True),
                name="engineering_operation_somewhere",
            ),
        ]
