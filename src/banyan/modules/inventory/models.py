"""Where stock lies, which lots it is of, and the ledgers that change it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from banyan.kernel.models import (
    Document,
    Ledger,
    Line,
    MoneyField,
    PercentField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)
from banyan.lib.ids import new_id
from banyan.modules.inventory.kinds import KINDS, LOT_STATES, OURS


def _item(**more) -> models.ForeignKey:
    return models.ForeignKey("items.Item", models.PROTECT, related_name="+", **more)


def _plant(**more) -> models.ForeignKey:
    return models.ForeignKey("company.Plant", models.PROTECT, related_name="+", **more)


def _location(**more) -> models.ForeignKey:
    return models.ForeignKey("inventory.Location", models.PROTECT, related_name="+", **more)


def _lot(**more) -> models.ForeignKey:
    return models.ForeignKey("inventory.Lot", models.PROTECT, related_name="+", **more)


def _owner(**more) -> models.ForeignKey:
    return models.ForeignKey(
        "parties.Party", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, **more
    )


# --- places and lots ----------------------------------------------------------------------------------------


class Location(Record):
    """A place stock lies in or passes through; its code is unique in all plants, because a scan names it.

    `walk_order` is the number of its aisle on the way through the store.
    """

    lock_rank = Rank.MASTER + 40

    plant = _plant()
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True, default="")
    kind = models.CharField(max_length=16)
    barcode = models.CharField(max_length=80, blank=True, default="")
    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    walk_order = models.PositiveIntegerField(null=True, blank=True)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name", "name_en", "barcode")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="inventory_location_kind"),
            models.CheckConstraint(
                condition=~Q(parent=F("id")), name="inventory_location_not_its_own_parent"
            ),
            models.UniqueConstraint(
                fields=["plant", "kind"], condition=Q(is_default=True), name="inventory_location_one_default"
            ),
            models.UniqueConstraint(
                fields=["barcode"], condition=~Q(barcode=""), name="inventory_location_barcode_once"
            ),
        ]
        indexes = [find_index("inventory_location_find")]


class ItemLocation(Record):
    """Where an item is put away in a plant when nobody names another place."""

    lock_rank = Rank.MASTER + 41

    item = _item()
    plant = _plant()
    location = _location()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "plant"], name="inventory_item_location_once")]


class Lot(Record):
    """Pieces of one origin, or one piece with its serial number. Hold and issue take the same row lock."""

    lock_rank = Rank.STOCK - 10

    item = _item()
    number = models.CharField(max_length=60)
    state = models.CharField(max_length=10, default="released")
    stopped_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    supplier = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    supplier_lot = models.CharField(max_length=60, blank=True, default="")
    heat_number = models.CharField(max_length=60, blank=True, default="")
    made_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    origin_noun = models.CharField(max_length=80, blank=True, default="")
    origin = models.UUIDField(null=True, blank=True)
    find_text = find_column("number", "supplier_lot", "heat_number")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="inventory_lot_once"),
            models.CheckConstraint(condition=Q(state__in=LOT_STATES), name="inventory_lot_state"),
            models.CheckConstraint(
                condition=Q(state="released", stopped_at__isnull=True)
                | ~Q(state="released") & Q(stopped_at__isnull=False),
                name="inventory_lot_stopped_at",
            ),
            models.CheckConstraint(
                condition=Q(made_on__isnull=True)
                | Q(expires_on__isnull=True)
                | Q(expires_on__gte=F("made_on")),
                name="inventory_lot_expires_after_made",
            ),
        ]
        indexes = [
            find_index("inventory_lot_find"),
            models.Index(fields=["origin"], name="inventory_lot_origin", condition=Q(origin__isnull=False)),
            models.Index(fields=["created_at", "id"], name="inventory_lot_created"),
        ]


# --- ledgers: rows are added, never altered -----------------------------------------------------------------


class Move(Ledger):
    """A quantity of an item and lot that went from one location to another; a move naming it takes it back.

    `plant` is that of the source where it is ours, else of the target. `flag` says why a move booked as a
    physical fact deserves a look: it used a held lot.
    """

    item = _item(db_index=False)
    lot = _lot(null=True, db_index=False)
    owner = _owner()
    quantity = QuantityField()
    source = _location(db_index=False)
    target = _location(db_index=False)
    plant = _plant(db_index=False)
    moved_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    origin_noun = models.CharField(max_length=80)
    origin = models.UUIDField()
    origin_line = models.UUIDField(null=True)
    person = models.UUIDField(null=True)
    device_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    flag = models.CharField(max_length=16, blank=True, default="")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="inventory_move_quantity"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="inventory_move_goes_somewhere"),
        ]
        indexes = [
            models.Index(fields=["posted_at", "id"], name="inventory_move_posted"),
            models.Index(fields=["item", "posted_at"], name="inventory_move_item"),
            models.Index(
                fields=["lot", "posted_at"], name="inventory_move_lot", condition=Q(lot__isnull=False)
            ),
            models.Index(fields=["origin"], name="inventory_move_origin"),
        ]


class ValueEntry(Ledger):
    """What a move or a cost run adds to the value of an item in a plant.

    `difference` is what the document carried beyond what stock took on: it belongs to the variance account.
    """

    move = models.ForeignKey(Move, models.PROTECT, null=True, related_name="+")
    item = _item(db_index=False)
    plant = _plant(db_index=False)
    quantity = QuantityField()
    amount = MoneyField()
    difference = MoneyField(default=0)
    kind = models.CharField(max_length=16)
    cost_run = models.UUIDField(null=True)
    moved_at = models.DateTimeField()
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(move__isnull=False) | Q(cost_run__isnull=False, quantity=0),
                name="inventory_value_entry_has_cause",
            )
        ]
        indexes = [
            models.Index(fields=["item", "plant", "posted_at"], name="inventory_value_item"),
            models.Index(fields=["posted_at", "id"], name="inventory_value_posted"),
            models.Index(
                fields=["cost_run"], name="inventory_value_cost_run", condition=Q(cost_run__isnull=False)
            ),
        ]


class Genealogy(Ledger):
    """So much of an input lot went into an output lot; without one it is known for the order only."""

    input_lot = _lot(db_index=False)
    output_lot = _lot(null=True, db_index=False)
    quantity = QuantityField()
    origin_noun = models.CharField(max_length=80)
    origin = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(quantity=0), name="inventory_genealogy_quantity"),
            models.CheckConstraint(
                condition=Q(output_lot__isnull=True) | ~Q(output_lot=F("input_lot")),
                name="inventory_genealogy_not_itself",
            ),
        ]
        indexes = [
            models.Index(fields=["input_lot", "output_lot"], name="inventory_genealogy_down"),
            models.Index(fields=["output_lot", "input_lot"], name="inventory_genealogy_up"),
            models.Index(fields=["origin"], name="inventory_genealogy_origin"),
            models.Index(fields=["at", "id"], name="inventory_genealogy_at"),
        ]


# --- balances: kept by delta in the same transaction, proved again from the ledgers -------------------------


class Kept(models.Model):
    """A row that follows from the ledgers: it has neither history nor version, and is proved instead."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class Balance(Kept):
    """What lies of an item, lot and owner in one of our locations; of that, what is allocated to demands."""

    lock_rank = Rank.STOCK

    item = _item(db_index=False)
    lot = _lot(null=True)
    location = _location()
    owner = _owner()
    plant = _plant(db_index=False)
    kind = models.CharField(max_length=16)
    on_hand = QuantityField(default=0)
    allocated = QuantityField(default=0)
    first_in_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "lot", "location", "owner"],
                nulls_distinct=False,
                name="inventory_balance_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=OURS), name="inventory_balance_ours"),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="inventory_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(allocated__gte=0) & Q(allocated__lte=F("on_hand")),
                name="inventory_balance_allocated",
            ),
        ]
        indexes = [models.Index(fields=["plant", "item", "kind"], name="inventory_balance_plant")]


class Supply(Kept):
    """What can be promised of an item in a plant, and what is promised.

    `available` is our own released stock in stores less what is allocated, `promised` the part of it that is
    kept for demand lines.
    """

    lock_rank = Rank.STOCK + 10

    item = _item(db_index=False)
    plant = _plant()
    available = QuantityField(default=0)
    promised = QuantityField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "plant"], name="inventory_supply_once"),
            models.CheckConstraint(
                condition=Q(promised__gte=0) & Q(promised__lte=F("available")),
                name="inventory_supply_promised",
            ),
        ]


class StockValue(Kept):
    """The truth of value: quantity and amount of our own stock of an item in a plant; has its supply's id."""

    lock_rank = Rank.COST

    item = _item(db_index=False)
    plant = _plant()
    quantity = QuantityField(default=0)
    amount = MoneyField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "plant"], name="inventory_stock_value_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, amount__gte=0) | Q(quantity=0, amount=0),
                name="inventory_stock_value_none_without_stock",
            ),
        ]


class ValueLayer(Kept):
    """What is left of one receipt of an item valued first in, first out; locked with its stock value."""

    lock_rank = Rank.COST + 1

    item = _item(db_index=False)
    plant = _plant(db_index=False)
    move = models.OneToOneField(Move, models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    quantity = QuantityField()
    amount = MoneyField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, amount__gte=0), name="inventory_value_layer_left"
            )
        ]
        indexes = [models.Index(fields=["item", "plant", "received_at"], name="inventory_value_layer_item")]


class Promise(Kept):
    """Quantity of an item at a plant kept for a demand line, not yet fixed on a lot and bin."""

    lock_rank = Rank.STOCK + 11

    demand_noun = models.CharField(max_length=80)
    demand_line = models.UUIDField()
    item = _item(db_index=False)
    plant = _plant(db_index=False)
    quantity = QuantityField()
    promised_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["demand_line", "item", "plant", "demand_noun"], name="inventory_promise_once"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="inventory_promise_quantity"),
        ]
        indexes = [
            models.Index(fields=["item", "plant", "promised_at"], name="inventory_promise_item"),
            models.Index(fields=["promised_at", "id"], name="inventory_promise_at"),
        ]


class Allocation(Kept):
    """Quantity on one balance row, that is of one lot in one bin, fixed for a demand line."""

    lock_rank = Rank.STOCK + 1

    demand_noun = models.CharField(max_length=80)
    demand_line = models.UUIDField()
    balance = models.ForeignKey(Balance, models.PROTECT, related_name="+")
    quantity = QuantityField()
    allocated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["demand_line", "balance", "demand_noun"], name="inventory_allocation_once"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="inventory_allocation_quantity"),
        ]
        indexes = [models.Index(fields=["allocated_at", "id"], name="inventory_allocation_at")]


# --- documents ----------------------------------------------------------------------------------------------


class StockDocument(Document):
    """Goods moved by hand: other receipt, other issue, transfer, return, adjustment; always with a reason."""

    lock_rank = Rank.DOCUMENT + 60

    kind = models.CharField(max_length=12)
    plant = _plant()
    state = models.CharField(max_length=10, default="draft")
    source = _location(null=True, blank=True)
    target = _location(null=True, blank=True)
    owner = _owner()
    moved_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("reason")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("receipt", "issue", "transfer", "return", "adjustment")),
                name="inventory_stock_document_kind",
            )
        ]
        indexes = [
            find_index("inventory_stock_document_find"),
            models.Index(fields=["created_at", "id"], name="inventory_stock_document_at"),
        ]


class StockDocumentLine(Line):
    """One item of it; below zero in an adjustment means taken away. Empty places are the head's."""

    document = models.ForeignKey(StockDocument, models.CASCADE, related_name="lines")
    item = _item()
    lot = _lot(null=True, blank=True)
    lot_number = models.CharField(max_length=60, blank=True, default="")
    quantity = QuantityField()
    source = _location(null=True, blank=True)
    target = _location(null=True, blank=True)
    amount = MoneyField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(quantity=0), name="inventory_stock_document_line_quantity"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0),
                name="inventory_stock_document_line_amount",
            ),
        ]


class Count(Document):
    """A task to count a location with all below it: blind, and again where the difference is too large."""

    lock_rank = Rank.DOCUMENT + 61

    plant = _plant()
    location = _location()
    state = models.CharField(max_length=10, default="draft")
    is_blind = models.BooleanField(default=True)
    tolerance_percent = PercentField(default=0)
    counter = models.ForeignKey("people.Employee", models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("note")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tolerance_percent__gte=0, tolerance_percent__lte=100),
                name="inventory_count_tolerance",
            )
        ]
        indexes = [
            find_index("inventory_count_find"),
            models.Index(fields=["created_at", "id"], name="inventory_count_at"),
        ]


class CountLine(Line):
    """What should lie in a place by the books at the moment of counting, and what was found there."""

    count = models.ForeignKey(Count, models.CASCADE, related_name="lines")
    item = _item()
    lot = _lot(null=True, blank=True)
    location = _location()
    owner = _owner()
    expected = QuantityField(default=0)
    counted = QuantityField(null=True, blank=True)
    recounted = QuantityField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["count", "item", "lot", "location", "owner"],
                nulls_distinct=False,
                name="inventory_count_line_once",
            ),
            models.CheckConstraint(
                condition=(Q(counted__isnull=True) | Q(counted__gte=0))
                & (Q(recounted__isnull=True) | Q(recounted__gte=0)),
                name="inventory_count_line_not_negative",
            ),
        ]
