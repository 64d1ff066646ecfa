"""What is offered, ordered, promised, shipped and taken back."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Greatest

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

PRIORITIES = ("normal", "urgent")
REASONS = ("defective", "wrong", "damaged", "surplus", "other")
OUTCOMES = ("stock", "inspection", "rejected")

#: Stands for everybody in the price list, so that two prices for everybody exclude each other as well.
EVERYBODY = UUID(int=0)


class CustomerPrice(Record):
    """A price of an item for a customer, or for everybody, from a quantity on and for some time."""

    lock_rank = Rank.MASTER + 50

    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    unit = models.ForeignKey("company.Unit", models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    minimum_quantity = QuantityField(default=0)
    price = PriceField()
    price_includes_tax = models.BooleanField(default=False)
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    customer_item_code = models.CharField(max_length=60, blank=True, default="")
    find_text = find_column("customer_item_code")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(minimum_quantity__gte=0, price__gte=0), name="sales_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="sales_price_validity",
            ),
            ExclusionConstraint(
                name="sales_price_no_overlap",
                expressions=[
                    (Coalesce("party", Value(EVERYBODY)), RangeOperators.EQUAL),
                    ("item", RangeOperators.EQUAL),
                    ("unit", RangeOperators.EQUAL),
                    ("currency", RangeOperators.EQUAL),
                    ("minimum_quantity", RangeOperators.EQUAL),
                    (
                        Func("valid_from", "valid_to", function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [
            models.Index(fields=["item", "party"], name="sales_price_item"),
            find_index("sales_price_find"),
        ]


class PricedLine(Line):
    """What is sold at which price; `stock_quantity` is the quantity in the item's stock unit."""

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
    wanted_on = models.DateField(null=True, blank=True)
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)

    class Meta:
        abstract = True


def _priced(prefix: str) -> list[models.CheckConstraint]:
    return [
        models.CheckConstraint(
            condition=Q(
                quantity__gt=0,
                stock_quantity__gt=0,
                price__gte=0,
                discount_percent__gte=0,
                discount_percent__lte=100,
            ),
            name=f"{prefix}_priced",
        ),
    ]


class Quotation(Document):
    """What we offer a customer, until when, and what became of it."""

    lock_rank = Rank.DOCUMENT + 30
    derived = ("net_amount", "tax_amount", "gross_amount")

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, default="draft")
    quoted_on = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    wanted_on = models.DateField(null=True, blank=True)
    customer_reference = models.CharField(max_length=80, blank=True, default="")
    terms = models.CharField(max_length=500, blank=True, default="")
    lost_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)
    gross_amount = MoneyField(default=0, editable=False)
    find_text = find_column("number", "customer_reference")

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="sales_quotation_made"),
            models.Index(fields=["party"], name="sales_quotation_party"),
            find_index("sales_quotation_find"),
        ]


class QuotationLine(PricedLine):
    """An item offered at a price."""

    quotation = models.ForeignKey(Quotation, models.CASCADE, related_name="lines")

    class Meta:
        constraints = _priced("sales_quotation_line")
        indexes = [models.Index(fields=["quotation", "position"], name="sales_quotation_line_place")]


class Order(Document):
    """What a customer has ordered; `exchange_rate` is what one of its currency is worth in our own."""

    lock_rank = Rank.DOCUMENT + 35
    derived = ("net_amount", "tax_amount", "gross_amount", "promised_on")

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    exchange_rate = PriceField(default=1)
    state = models.CharField(max_length=16, default="draft")
    ordered_on = models.DateField()
    wanted_on = models.DateField(null=True, blank=True)
    promised_on = models.DateField(null=True, blank=True, editable=False)
    priority = models.CharField(max_length=8, default="normal")
    customer_reference = models.CharField(max_length=80, blank=True, default="")
    address = models.CharField(max_length=500, blank=True, default="")
    terms = models.CharField(max_length=500, blank=True, default="")
    quotation = models.ForeignKey(
        Quotation, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    cancel_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)
    gross_amount = MoneyField(default=0, editable=False)
    find_text = find_column("number", "customer_reference")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(priority__in=PRIORITIES), name="sales_order_priority"),
            models.CheckConstraint(condition=Q(exchange_rate__gt=0), name="sales_order_rate"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="sales_order_made"),
            models.Index(fields=["plant", "state"], name="sales_order_plant_state"),
            models.Index(fields=["party"], name="sales_order_party"),
            find_index("sales_order_find"),
        ]


class OrderLine(PricedLine):
    """An item ordered; its counters, in the item's stock unit, follow from shipments, returns and invoices.

    Plant, customer and maker are those of the order, kept here so that lines are filtered without a join.
    """

    derived = (
        "party_id",
        "plant_id",
        "created_by_id",
        "shipped_quantity",
        "returned_quantity",
        "replaced_quantity",
        "invoiced_quantity",
        "open_quantity",
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
    promised_on = models.DateField(null=True, blank=True, editable=False)
    shipped_quantity = QuantityField(default=0, editable=False)
    returned_quantity = QuantityField(default=0, editable=False)
    replaced_quantity = QuantityField(default=0, editable=False)
    cancelled_quantity = QuantityField(default=0, editable=False)
    invoiced_quantity = QuantityField(default=0, editable=False)
    open_quantity = models.GeneratedField(
        expression=Greatest(
            F("stock_quantity") - F("cancelled_quantity") + F("replaced_quantity") - F("shipped_quantity"),
            Value(0),
            output_field=QuantityField(),
        ),
        output_field=QuantityField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            *_priced("sales_order_line"),
            models.CheckConstraint(
                condition=Q(shipped_quantity__gte=0, cancelled_quantity__gte=0, replaced_quantity__gte=0),
                name="sales_order_line_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    shipped_quantity__lte=F("stock_quantity")
                    - F("cancelled_quantity")
                    + F("replaced_quantity")
                ),
                name="sales_order_line_not_over",
            ),
            models.CheckConstraint(
                condition=Q(
                    returned_quantity__lte=F("shipped_quantity"),
                    replaced_quantity__lte=F("returned_quantity"),
                ),
                name="sales_order_line_returns",
            ),
        ]
        indexes = [
            models.Index(fields=["order", "position"], name="sales_order_line_place"),
            models.Index(
                fields=["plant", "item"], name="sales_order_line_open", condition=Q(open_quantity__gt=0)
            ),
            models.Index(fields=["promised_on", "id"], name="sales_order_line_promised"),
        ]


class PromiseEntry(Ledger):
    """A day that was promised for a line, what had been promised before, and why it changed."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="+")
    order_line = models.ForeignKey(OrderLine, models.PROTECT, related_name="+")
    promised_on = models.DateField(null=True)
    was = models.DateField(null=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    at = models.DateTimeField()
    person = models.UUIDField(null=True)
    no = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order_line", "no"], name="sales_promise_entry_once")]
        indexes = [
            models.Index(fields=["order", "at"], name="sales_promise_entry_order"),
            models.Index(fields=["at", "id"], name="sales_promise_entry_at"),
        ]


class Shipment(Document):
    """Goods leaving to a customer, from one plant, for one order or several."""

    lock_rank = Rank.DOCUMENT + 31

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    state = models.CharField(max_length=16, default="draft")
    shipped_on = models.DateField(null=True, blank=True, editable=False)
    shipped_at = models.DateTimeField(null=True, blank=True, editable=False)
    carrier = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    tracking_number = models.CharField(max_length=80, blank=True, default="")
    address = models.CharField(max_length=500, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    reverse_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("number", "tracking_number")

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="sales_shipment_made"),
            models.Index(fields=["order"], name="sales_shipment_order"),
            models.Index(fields=["party"], name="sales_shipment_party"),
            find_index("sales_shipment_find"),
        ]


class ShipmentLine(Line):
    """A quantity of an order line, of one lot, from one location, in the item's stock unit."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", editable=False)
    quantity = QuantityField()
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    location = models.ForeignKey(
        "inventory.Location", models.PROTECT, null=True, blank=True, related_name="+"
    )
    parcel = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="sales_shipment_line_quantity")
        ]
        indexes = [
            models.Index(fields=["shipment", "position"], name="sales_shipment_line_place"),
            models.Index(fields=["order_line"], name="sales_shipment_line_order"),
        ]


class Parcel(Line):
    """One of the parcels of a shipment, by the number that its lines name."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="parcels")
    parcel = models.PositiveSmallIntegerField()
    tracking_number = models.CharField(max_length=80, blank=True, default="")
    weight = QuantityField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "parcel"], name="sales_parcel_once"),
            models.CheckConstraint(
                condition=Q(weight__isnull=True) | Q(weight__gt=0), name="sales_parcel_weight"
            ),
        ]


class ReturnOrder(Document):
    """Goods that come back from a customer, and why."""

    lock_rank = Rank.DOCUMENT + 32

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, default="draft")
    reason = models.CharField(max_length=12, default="other")
    note = models.CharField(max_length=500, blank=True, default="")
    customer_reference = models.CharField(max_length=80, blank=True, default="")
    received_on = models.DateField(null=True, blank=True, editable=False)
    find_text = find_column("number", "customer_reference")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(reason__in=REASONS), name="sales_return_reason")]
        indexes = [
            models.Index(fields=["created_at", "id"], name="sales_return_made"),
            models.Index(fields=["party"], name="sales_return_party"),
            find_index("sales_return_find"),
        ]


class ReturnLine(Line):
    """A quantity that comes back, where it goes, and whether the customer is to get other pieces for it."""

    return_order = models.ForeignKey(ReturnOrder, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, models.PROTECT, related_name="+")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+", editable=False)
    quantity = QuantityField()
    lot = models.ForeignKey("inventory.Lot", models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=12, default="inspection")
    location = models.ForeignKey(
        "inventory.Location", models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_replaced = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="sales_return_line_quantity"),
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="sales_return_line_outcome"),
        ]
        indexes = [
            models.Index(fields=["return_order", "position"], name="sales_return_line_place"),
            models.Index(fields=["order_line"], name="sales_return_line_order"),
        ]
