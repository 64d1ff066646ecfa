"""What a temporary card has taught engineering: a proposed item, BOM and routing, decided line by line."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.kernel.models import Document, Line, MoneyField, PriceField, QuantityField, Rank, find_column, find_index

STATES = ("open", "applied", "rejected")
PARTS = ("item", "bom", "routing")
CHANGES = ("new", "same", "changed", "unused")
DECISIONS = ("open", "accepted", "edited", "rejected")


class Proposal(Document):
    """A draft for engineering made from what happened on a card; amounts are those of all pieces together.

    `item` is what was made, none where the card had only a name. `base_bom` and `base_routing` are the released
    revisions it was compared with; `made_item`, `made_bom` and `made_routing` what came of the accepted lines.
    """

    #: Below that of BOMs and routings, because accepted lines become drafts of those.
    lock_rank = Rank.MASTER + 59

    work_order = models.OneToOneField("production.WorkOrder", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    part_name = models.CharField(max_length=160, blank=True, default="")
    state = models.CharField(max_length=8, default="open")
    quantity = QuantityField()
    actual_amount = MoneyField(default=0)
    standard_amount = MoneyField(null=True, blank=True)
    base_bom = models.ForeignKey("engineering.Bom", models.PROTECT, null=True, blank=True, related_name="+")
    base_routing = models.ForeignKey("engineering.Routing", models.PROTECT, null=True, blank=True, related_name="+")
    made_item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    made_bom = models.ForeignKey("engineering.Bom", models.SET_NULL, null=True, blank=True, related_name="+")
    made_routing = models.ForeignKey("engineering.Routing", models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("number", "part_name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="proposals_proposal_state"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="proposals_proposal_quantity"),
            models.CheckConstraint(
                condition=Q(item__isnull=False) | ~Q(part_name=""), name="proposals_proposal_subject"
            ),
        ]
        indexes = [
            models.Index(fields=["plant", "id"], name="proposals_open", condition=Q(state="open")),
            find_index("proposals_proposal_find"),
        ]


class ProposalLine(Line):
    """The item, a component, or an operation: as released, as it happened, and as it is proposed.

    Quantities are per finished piece: pieces of the component in its stock unit, or minutes of the operation.
    `sequence` is the operation's number as proposed, `code` the one it has as released, if it has one.
    """

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="lines")
    part = models.CharField(max_length=8)
    change = models.CharField(max_length=8)
    component = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    sequence = models.PositiveIntegerField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True, default="")
    name = models.CharField(max_length=160, blank=True, default="")
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_quantity = QuantityField(null=True, blank=True)
    actual_quantity = QuantityField(default=0)
    quantity = QuantityField(default=0)
    actual_amount = MoneyField(default=0)
    unit_cost = PriceField(default=0)
    decision = models.CharField(max_length=8, default="open")
    reason = models.CharField(max_length=255, blank=True, default="")

    @property
    def released_sequence(self) -> int | None:
        """The number of the operation as released; none for what is new."""
        return None if self.part != "routing" or self.change == "new" else int(self.code or self.sequence)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(part__in=PARTS, change__in=CHANGES, decision__in=DECISIONS), name="proposals_line_kind"
            ),
            models.CheckConstraint(
                condition=Q(part="bom", component__isnull=False) | Q(part="routing", sequence__isnull=False)
                | Q(part="item"),
                name="proposals_line_subject",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="proposals_line_quantity"),
        ]
        indexes = [models.Index(fields=["proposal", "position"], name="proposals_line_place")]
