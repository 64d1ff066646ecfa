"""Recalls: a lot that must not be used, what was made of it and held with it, and the customers to be told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.kernel.models import Document, Line, QuantityField, Rank, find_column, find_index

STATES = ("open", "closed")
#: How far genealogy is followed at most.
MOST_LEVELS = 20


class Recall(Document):
    """A lot held with what was made of it. `levels` is how far down, `is_cut` says that genealogy went on beyond."""

    lock_rank = Rank.DOCUMENT + 72

    lot = models.ForeignKey("inventory.Lot", models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", db_index=False, editable=False)
    plant = models.ForeignKey("company.Plant", models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=255)
    levels = models.PositiveSmallIntegerField(default=MOST_LEVELS)
    state = models.CharField(max_length=8, default="open")
    is_cut = models.BooleanField(default=False, editable=False)
    conclusion = models.CharField(max_length=500, blank=True, default="", editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    find_text = find_column("number", "reason")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="trace_recall_state"),
            models.CheckConstraint(condition=Q(levels__lte=MOST_LEVELS), name="trace_recall_levels"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | Q(state="open", closed_at__isnull=True),
                name="trace_recall_closed_at",
            ),
            models.UniqueConstraint(fields=["lot"], condition=Q(state="open"), name="trace_recall_one_open"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="trace_recall_made"),
            find_index("trace_recall_find"),
        ]


class RecallLot(Line):
    """A lot that the recall has reached; `was_stopped`: it was held or rejected before, so that it stays so."""

    derived = ("released_at",)

    recall = models.ForeignKey(Recall, models.CASCADE, related_name="lots")
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, related_name="+")
    depth = models.PositiveSmallIntegerField(default=0)
    was_stopped = models.BooleanField(default=False)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recall", "lot"], name="trace_recall_lot_once")]


class RecallCustomer(Line):
    """A customer who has got pieces of the lots, and when and how that customer was told."""

    recall = models.ForeignKey(Recall, models.CASCADE, related_name="customers")
    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    shipments = models.PositiveIntegerField(default=0)
    last_shipped_on = models.DateField(null=True)
    quantity = QuantityField(null=True)
    told_at = models.DateTimeField(null=True)
    told_by = models.ForeignKey(
        "kernel.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    note = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recall", "party"], name="trace_recall_customer_once")]
