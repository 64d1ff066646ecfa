"""Material that one work order has borrowed from another, and what has settled it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import Document, Ledger, QuantityField, Rank, find_column, find_index

STATES = ("open", "settled", "waived")
#: Where it was when it was borrowed: in a store, kept for the lender, or with the lender already.
SOURCES = ("kept", "held")
#: What settled it: an arrival that is kept for the lender now, an issue to the lender, or somebody's word.
KINDS = ("arrival", "issue", "waived")


class Borrow(Document):
    """A quantity of an item and lot that went to the borrower's order though it was the lender's.

    `settled_quantity` is what the lender has again; it follows from the settlements. `issue` is the paper that moved
    it to the borrower.
    """

    lock_rank = Rank.DOCUMENT + 79
    derived = ("settled_quantity",)

    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, default="open")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    quantity = QuantityField()
    settled_quantity = QuantityField(default=0)
    source = models.CharField(max_length=4)
    lender = models.ForeignKey("production.WorkOrder", models.PROTECT, related_name="+")
    lender_material = models.ForeignKey("production.Material", models.PROTECT, related_name="+")
    borrower = models.ForeignKey("production.WorkOrder", models.PROTECT, related_name="+")
    borrower_material = models.ForeignKey("production.Material", models.PROTECT, related_name="+")
    issue = models.ForeignKey("production.MaterialIssue", models.PROTECT, related_name="+")
    borrowed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("number", "note")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="handheld_borrow_state"),
            models.CheckConstraint(condition=Q(source__in=SOURCES), name="handheld_borrow_source"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, settled_quantity__gte=0, settled_quantity__lte=F("quantity")),
                name="handheld_borrow_quantity",
            ),
            models.CheckConstraint(condition=~Q(lender=F("borrower")), name="handheld_borrow_two_orders"),
        ]
        indexes = [
            models.Index(fields=["item", "plant"], name="handheld_borrow_open", condition=Q(state="open")),
            models.Index(fields=["borrowed_at", "id"], name="handheld_borrow_at"),
            find_index("handheld_borrow_find"),
        ]


class Settlement(Ledger):
    """So much of what was borrowed the lender has again, or does not need any more."""

    borrow = models.ForeignKey(Borrow, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8)
    quantity = QuantityField()
    reason = models.CharField(max_length=255, blank=True, default="")
    person = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="handheld_settlement_quantity"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="handheld_settlement_kind"),
        ]
        indexes = [models.Index(fields=["at", "id"], name="handheld_settlement_at")]


class OtherLot(Ledger):
    """Another lot than the one that was due was taken for an order or a shipment: who agreed, and why."""

    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    quantity = QuantityField()
    due_lot = models.ForeignKey("inventory.Lot", models.PROTECT, related_name="+")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, related_name="+")
    location = models.ForeignKey("inventory.Location", models.PROTECT, related_name="+")
    work_order = models.ForeignKey("production.WorkOrder", models.PROTECT, null=True, related_name="+")
    shipment = models.ForeignKey("sales.Shipment", models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=255)
    person = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="handheld_other_lot_quantity"),
            models.CheckConstraint(condition=~Q(due_lot=F("lot")), name="handheld_other_lot_differs"),
            models.CheckConstraint(
                condition=Q(work_order__isnull=True) ^ Q(shipment__isnull=True), name="handheld_other_lot_for"
            ),
        ]
        indexes = [models.Index(fields=["at", "id"], name="handheld_other_lot_at")]
