"""What is made, bought, kept and sold, and how each plant plans and values it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import (
    Line,
    PercentField,
    PriceField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)


class Category(Record):
    """A group of items, under another one or on its own."""

    lock_rank = Rank.MASTER + 20

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True, default="")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    find_text = find_column("code", "name", "name_en")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="items_category_not_its_own_parent")
        ]
        indexes = [find_index("items_category_find")]


class Item(Record):
    """A material, part, product, service or tool; ledgers count it in its stock unit."""

    lock_rank = Rank.MASTER + 21

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160, blank=True, default="")
    specification = models.CharField(max_length=255, blank=True, default="")
    unit = models.ForeignKey("company.Unit", models.PROTECT, related_name="+")
    second_unit = models.ForeignKey("company.Unit", models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=16, default="made", db_index=True)
    tracking = models.CharField(max_length=8, default="none")
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, null=True, blank=True, related_name="+")
    drawing_number = models.CharField(max_length=60, blank=True, default="")
    drawing_revision = models.CharField(max_length=16, blank=True, default="")
    weight = QuantityField(null=True, blank=True)
    shelf_life_days = models.PositiveIntegerField(null=True, blank=True)
    is_active = models.BooleanField(default=True, db_index=True)
    is_sold = models.BooleanField(default=False)
    is_critical = models.BooleanField(default=False)
    find_text = find_column("code", "name", "name_en", "specification", "drawing_number")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("made", "bought", "subcontracted", "phantom", "service", "tool")),
                name="items_item_kind",
            ),
            models.CheckConstraint(
                condition=Q(tracking__in=("none", "lot", "serial")), name="items_item_tracking"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=("service", "phantom")) | Q(tracking="none"),
                name="items_item_tracking_needs_stock",
            ),
            models.CheckConstraint(
                condition=Q(shelf_life_days__isnull=True) | Q(shelf_life_days__gt=0) & ~Q(tracking="none"),
                name="items_item_shelf_life_needs_lots",
            ),
            models.CheckConstraint(
                condition=Q(weight__isnull=True) | Q(weight__gt=0), name="items_item_weight"
            ),
            models.CheckConstraint(
                condition=Q(second_unit__isnull=True) | ~Q(second_unit=F("unit")),
                name="items_item_second_unit_differs",
            ),
        ]
        indexes = [find_index("items_item_find"), models.Index(fields=["name", "id"], name="items_item_name")]


class ItemUnit(Line):
    """One of this unit is numerator / denominator stock units: a box of 12 pieces is 12 / 1."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="units")
    unit = models.ForeignKey("company.Unit", models.PROTECT, related_name="+")
    numerator = QuantityField(default=1)
    denominator = QuantityField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "unit"], name="items_item_unit_once"),
            models.CheckConstraint(
                condition=Q(numerator__gt=0, denominator__gt=0), name="items_item_unit_positive"
            ),
        ]


class Substitute(Line):
    """What may be used in an item's place; `ratio` is how much of it replaces one, priority 1 comes first."""

    main = models.ForeignKey(Item, models.CASCADE, related_name="substitutes")
    item = models.ForeignKey(Item, models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField(default=1)
    ratio = QuantityField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["main", "item"], name="items_substitute_once"),
            models.CheckConstraint(condition=~Q(main=F("item")), name="items_substitute_differs"),
            models.CheckConstraint(condition=Q(ratio__gt=0), name="items_substitute_ratio"),
        ]


class ItemPlant(Record):
    """How a plant plans and values an item."""

    lock_rank = Rank.MASTER + 22

    item = models.ForeignKey(Item, models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    lead_time_days = models.PositiveSmallIntegerField(default=0)
    lot_rule = models.CharField(max_length=20, default="lot_for_lot")
    lot_minimum = QuantityField(default=0)
    lot_multiple = QuantityField(default=0)
    lot_fixed = QuantityField(default=0)
    supply_days = models.PositiveSmallIntegerField(default=0)
    safety_stock = QuantityField(default=0)
    safety_days = models.PositiveSmallIntegerField(default=0)
    yield_percent = PercentField(default=100)
    costing_method = models.CharField(max_length=16, default="moving_average")
    standard_lot = QuantityField(default=1)
    standard_cost = PriceField(null=True, blank=True)
    backflush = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "plant"], name="items_item_plant_once"),
            models.CheckConstraint(
                condition=Q(lot_rule="lot_for_lot")
                | Q(lot_rule="fixed", lot_fixed__gt=0)
                | Q(lot_rule="minimum_multiple") & (Q(lot_minimum__gt=0) | Q(lot_multiple__gt=0))
                | Q(lot_rule="days_of_supply", supply_days__gt=0),
                name="items_item_plant_lot_rule",
            ),
            models.CheckConstraint(
                condition=Q(
                    lot_minimum__gte=0,
                    lot_multiple__gte=0,
                    lot_fixed__gte=0,
                    safety_stock__gte=0,
                    standard_lot__gt=0,
                ),
                name="items_item_plant_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(yield_percent__gt=0, yield_percent__lte=100), name="items_item_plant_yield"
            ),
            models.CheckConstraint(
                condition=Q(costing_method__in=("moving_average", "fifo", "standard", "monthly_average")),
                name="items_item_plant_costing_method",
            ),
            models.CheckConstraint(
                condition=Q(standard_cost__isnull=True) | Q(standard_cost__gte=0),
                name="items_item_plant_standard_cost",
            ),
        ]
        indexes = [
            models.Index(fields=["plant", "item"], name="items_item_plant_by_plant"),
            models.Index(fields=["created_at", "id"], name="items_item_plant_made"),
        ]
