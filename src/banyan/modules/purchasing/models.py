"""Who delivers what at which price, what is ordered, what has come, and what goes back."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Greatest

from banyan.kernel.models import (
    Document,
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

REASONS = ("defective", "wrong", "damaged", "surplus", "other")
_VALIDITY = Func("valid_from", "valid_to", function="daterange", output_field=DateRangeField())


class SupplierItem(Record):
    """An item at a supplier: price, lead time and the quantities it is sold in, for some time.

    `minimum_quantity` and `pack_factor` are in the row's unit; an order is whole packs, zero means any.
    """

    lock_rank = Rank.MASTER + 51

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    supplier_code = models.CharField(max_length=60, blank=True, default="")
    unit = models.ForeignKey("company.Unit", models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    price = PriceField()
    price_includes_tax = models.BooleanField(default=False)
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, null=True, blank=True, related_name="+")
    lead_time_days = models.PositiveSmallIntegerField(default=0)
    minimum_quantity = QuantityField(default=0)
    pack_factor = QuantityField(default=0)
    over_receipt_percent = PercentField(default=0)
    is_preferred = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(default=1)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    find_text = find_column("supplier_code")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    price__gte=0,
                    minimum_quantity__gte=0,
                    pack_factor__gte=0,
                    over_receipt_percent__gte=0,
                    over_receipt_percent__lte=100,
                ),
                name="purchasing_source_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="purchasing_source_validity",
            ),
            ExclusionConstraint(
                name="purchasing_source_no_overlap",
                expressions=[
                    ("party", RangeOperators.EQUAL),
                    ("item", RangeOperators.EQUAL),
                    ("unit", RangeOperators.EQUAL),
                    ("currency", RangeOperators.EQUAL),
                    (_VALIDITY, RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="purchasing_source_one_preferred",
                expressions=[("item", RangeOperators.EQUAL), (_VALIDITY, RangeOperators.OVERLAPS)],
                condition=Q(is_preferred=True),
            ),
        ]
        indexes = [
            models.Index(fields=["item", "party"], name="purchasing_source_item"),
            find_index("purchasing_source_find"),
        ]


class Order(Document):
    """What we have ordered of a supplier; `exchange_rate` is what one of its currency is worth in our own.

    One of an earlier system (`is_history`) makes no moves: what it says was received is taken as given.
    """

    lock_rank = Rank.DOCUMENT + 45
    derived = ("net_amount", "tax_amount", "gross_amount")

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    exchange_rate = PriceField(default=1)
    state = models.CharField(max_length=16, default="draft")
    ordered_on = models.DateField()
    wanted_on = models.DateField(null=True, blank=True)
    is_confirmed = models.BooleanField(default=False, editable=False)
    is_history = models.BooleanField(default=False, editable=False)
    supplier_reference = models.CharField(max_length=80, blank=True, default="")
    terms = models.CharField(max_length=500, blank=True, default="")
    cancel_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)
    gross_amount = MoneyField(default=0, editable=False)
    find_text = find_column("number", "supplier_reference")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(exchange_rate__gt=0), name="purchasing_order_rate")]
        indexes = [
            models.Index(fields=["created_at", "id"], name="purchasing_order_made"),
            models.Index(fields=["plant", "state"], name="purchasing_order_plant_state"),
            models.Index(fields=["party", "ordered_on"], name="purchasing_order_party"),
            find_index("purchasing_order_find"),
        ]


class OrderLine(Line):
    """An item ordered; its counters, in the item's stock unit, follow from receipts, returns and invoices.

    Received is what came through the gate, booked what has been judged since, rejected the bad part of it.
    Plant, supplier and maker are those of the order, kept here so that lines are filtered without a join.
    """

    derived = (
        "party_id",
        "plant_id",
        "created_by_id",
        "received_quantity",
        "booked_quantity",
        "rejected_quantity",
        "returned_quantity",
        "replaced_quantity",
        "invoiced_quantity",
        "open_quantity",
        "arrived_on",
    )

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", editable=False)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+", editable=False)
    created_by = models.ForeignKey(
        "kernel.User",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    note = models.CharField(max_length=255, blank=True, default="")
    quantity = QuantityField()
    unit = models.ForeignKey("company.Unit", models.PROTECT, related_name="+")
    stock_quantity = QuantityField(editable=False)
    price = PriceField()
    price_includes_tax = models.BooleanField(default=False)
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, related_name="+")
    tax_percent = PercentField(default=0, editable=False)
    discount_percent = PercentField(default=0)
    over_receipt_percent = PercentField(default=0)
    wanted_on = models.DateField(null=True, blank=True)
    confirmed_on = models.DateField(null=True, blank=True, editable=False)
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)
    origin_noun = models.CharField(max_length=80, blank=True, default="")
    origin = models.UUIDField(null=True, blank=True)
    arrived_on = models.DateField(null=True, blank=True, editable=False)
    received_quantity = QuantityField(default=0, editable=False)
    booked_quantity = QuantityField(default=0, editable=False)
    rejected_quantity = QuantityField(default=0, editable=False)
    returned_quantity = QuantityField(default=0, editable=False)
    replaced_quantity = QuantityField(default=0, editable=False)
    cancelled_quantity = QuantityField(default=0, editable=False)
    invoiced_quantity = QuantityField(default=0, editable=False)
    open_quantity = models.GeneratedField(
        expression=Greatest(
            F("stock_quantity") - F("cancelled_quantity") + F("replaced_quantity") - F("received_quantity"),
            Value(0),
            output_field=QuantityField(),
        ),
        output_field=QuantityField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    quantity__gt=0,
                    stock_quantity__gt=0,
                    price__gte=0,
                    discount_percent__gte=0,
                    discount_percent__lte=100,
                    over_receipt_percent__gte=0,
                    over_receipt_percent__lte=100,
                ),
                name="purchasing_order_line_priced",
            ),
            models.CheckConstraint(
                condition=Q(
                    received_quantity__gte=0,
                    booked_quantity__gte=0,
                    rejected_quantity__gte=0,
                    cancelled_quantity__gte=0,
                    returned_quantity__gte=0,
                    replaced_quantity__gte=0,
                ),
                name="purchasing_order_line_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    booked_quantity__lte=F("received_quantity"), rejected_quantity__lte=F("booked_quantity")
                ),
                name="purchasing_order_line_gate_first",
            ),
            models.CheckConstraint(
                condition=Q(
                    returned_quantity__lte=F("received_quantity"),
                    replaced_quantity__lte=F("returned_quantity"),
                ),
                name="purchasing_order_line_returns",
            ),
        ]
        indexes = [
            models.Index(fields=["order", "position"], name="purchasing_line_place"),
            models.Index(
                fields=["plant", "item"], name="purchasing_line_open", condition=Q(open_quantity__gt=0)
            ),
            models.Index(fields=["item"], name="purchasing_line_item"),
            models.Index(fields=["wanted_on", "id"], name="purchasing_line_wanted"),
        ]


class Receipt(Document):
    """Goods from a supplier: announced, at the gate, judged and booked."""

    lock_rank = Rank.DOCUMENT + 40

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    state = models.CharField(max_length=16, default="draft")
    delivery_note = models.CharField(max_length=80, blank=True, default="")
    expected_on = models.DateField(null=True, blank=True)
    arrived_on = models.DateField(null=True, blank=True, editable=False)
    arrived_at = models.DateTimeField(null=True, blank=True, editable=False)
    booked_at = models.DateTimeField(null=True, blank=True, editable=False)
    note = models.CharField(max_length=500, blank=True, default="")
    reverse_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("number", "delivery_note")

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="purchasing_receipt_made"),
            models.Index(fields=["order"], name="purchasing_receipt_order"),
            models.Index(fields=["party"], name="purchasing_receipt_party"),
            models.Index(
                fields=["plant", "arrived_at"],
                name="purchasing_receipt_gap",
                condition=Q(state__in=("arrived", "partly_booked")),
            ),
            find_index("purchasing_receipt_find"),
        ]


class ReceiptLine(Line):
    """A quantity of an order line as it came, of one lot, in the item's stock unit, and what was found of it.

    `amount` is its value at the gate, in the company's currency.
    """

    derived = ("accepted_quantity", "rejected_quantity", "amount", "lot_id")

    receipt = models.ForeignKey(Receipt, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", editable=False)
    quantity = QuantityField()
    lot_number = models.CharField(max_length=60, blank=True, default="")
    supplier_lot = models.CharField(max_length=60, blank=True, default="")
    heat_number = models.CharField(max_length=60, blank=True, default="")
    made_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    lot = models.ForeignKey(
        "inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    accepted_quantity = QuantityField(default=0, editable=False)
    rejected_quantity = QuantityField(default=0, editable=False)
    reject_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    amount = MoneyField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="purchasing_receipt_line_quantity"),
            models.CheckConstraint(
                condition=Q(
                    accepted_quantity__gte=0,
                    rejected_quantity__gte=0,
                    accepted_quantity__lte=F("quantity") - F("rejected_quantity"),
                ),
                name="purchasing_receipt_line_judged",
            ),
        ]
        indexes = [
            models.Index(fields=["receipt", "position"], name="purchasing_receipt_line_place"),
            models.Index(fields=["order_line"], name="purchasing_receipt_line_order"),
        ]


class ReturnOrder(Document):
    """Goods that go back to a supplier, and why."""

    lock_rank = Rank.DOCUMENT + 41

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, default="draft")
    reason = models.CharField(max_length=12, default="defective")
    note = models.CharField(max_length=500, blank=True, default="")
    returned_on = models.DateField(null=True, blank=True, editable=False)
    find_text = find_column("number", "note")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=REASONS), name="purchasing_return_reason")
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="purchasing_return_made"),
            models.Index(fields=["party"], name="purchasing_return_party"),
            find_index("purchasing_return_find"),
        ]


class ReturnLine(Line):
    """A quantity that goes back, from where it lies, and whether other pieces are to come for it."""

    return_order = models.ForeignKey(ReturnOrder, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", editable=False)
    quantity = QuantityField()
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey(
        "inventory.Location", models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_replaced = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="purchasing_return_line_quantity")
        ]
        indexes = [
            models.Index(fields=["return_order", "position"], name="purchasing_return_line_place"),
            models.Index(fields=["order_line"], name="purchasing_return_line_order"),
        ]
