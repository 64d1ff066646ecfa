"""Shops that sell for us, what they list and offer, the orders they send, and what they settle."""

from __future__ import annotations

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
from banyan.lib.ids import new_id

PLATFORMS = (
    "taobao", "jd", "douyin", "pinduoduo", "shopify", "woocommerce", "vendure", "other",
)  # fmt: skip
STATES = ("received", "held", "accepted", "allocated", "shipped", "done", "cancelled", "refunded")
#: States in which nothing is promised yet, so that everything of the order may still change.
OPEN = ("received", "held")
#: States in which goods are promised and have not all gone.
BINDING = ("accepted", "allocated")
REASONS = (
    "unmatched", "amounts", "price", "no_stock", "remark", "address", "quantity", "duplicate", "customer",
    "rule", "person",
)  # fmt: skip
OUTSIDE_STATES = ("placed", "paid", "cancelled")
PART_KINDS = ("part", "gift")
REFUND_KINDS = ("refund", "return", "intercept")
REFUND_STATES = ("asked", "agreed", "returned", "refunded", "refused")
SETTLEMENT_KINDS = ("order", "refund", "fee", "other")


# --- what is set up -----------------------------------------------------------------------------------------


class Shop(Record):
    """One shop on one platform: whom its orders bill, from where they ship, and how carefully they are taken.

    Its amounts are what buyers pay, tax inside. `system` is the code of the outside system by which the bus reaches it.
    """

    lock_rank = Rank.MASTER + 62

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    platform = models.CharField(max_length=16, default="other")
    system = models.CharField(max_length=60, blank=True, default="")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, null=True, blank=True, related_name="+")
    freight_item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    price_tolerance_percent = PercentField(default=0)
    safety_percent = PercentField(default=0)
    priority = models.PositiveSmallIntegerField(default=50)
    is_automatic = models.BooleanField(default=True)
    is_split = models.BooleanField(default=False)
    merge_minutes = models.PositiveIntegerField(default=0)
    ship_hours = models.PositiveSmallIntegerField(default=48)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(platform__in=PLATFORMS), name="channels_shop_platform"),
            models.CheckConstraint(
                condition=Q(
                    price_tolerance_percent__gte=0, price_tolerance_percent__lte=100,
                    safety_percent__gte=0, safety_percent__lte=100, ship_hours__gte=1,
                ),
                name="channels_shop_shares",
            ),
        ]  # fmt: skip
        indexes = [find_index("channels_shop_find")]


class Listing(Record):
    """What a shop calls an item: so many stock units of it, or the parts of a bundle; gifts go along.

    `safety_quantity` is kept back in the item's stock unit, where it is more than the shop's share. `outside_item` and
    what follows it are the shop's own keys of its goods, learnt from its orders and lists of goods.
    """

    lock_rank = Rank.MASTER + 63

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+")
    sku = models.CharField(max_length=120)
    title = models.CharField(max_length=255, blank=True, default="")
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    factor = QuantityField(default=1)
    price = PriceField(null=True, blank=True)
    safety_quantity = QuantityField(default=0)
    is_made_to_order = models.BooleanField(default=False)
    is_offered = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    outside_item = models.CharField(max_length=80, blank=True, default="")
    outside_sku = models.CharField(max_length=80, blank=True, default="")
    outside_stock = models.CharField(max_length=80, blank=True, default="")
    outside_place = models.CharField(max_length=80, blank=True, default="")
    find_text = find_column("sku", "title")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "sku"], name="channels_listing_once"),
            models.CheckConstraint(
                condition=Q(factor__gt=0, safety_quantity__gte=0) & (Q(price__isnull=True) | Q(price__gte=0)),
                name="channels_listing_figures",
            ),
        ]
        indexes = [
            models.Index(fields=["item"], name="channels_listing_item"),
            find_index("channels_listing_find"),
        ]


class ListingPart(Line):
    """A part of a bundle with its weight in the price, or a gift from so many pieces on."""

    listing = models.ForeignKey(Listing, models.CASCADE, related_name="parts")
    kind = models.CharField(max_length=8, default="part")
    item = models.ForeignKey("items.Item", models.PROTECT, related_name="+")
    quantity = QuantityField(default=1)
    weight = QuantityField(default=1)
    least_quantity = QuantityField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=PART_KINDS), name="channels_listing_part_kind"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, weight__gte=0, least_quantity__gte=0),
                name="channels_listing_part_figures",
            ),
        ]
        indexes = [
            models.Index(fields=["listing", "position"], name="channels_listing_part_place"),
            models.Index(fields=["item"], name="channels_listing_part_item"),
        ]


class Warehouse(Record):
    """A plant, or one warehouse of it, that ships for a shop or for all: how readily, at what cost, and to where."""

    lock_rank = Rank.MASTER + 64

    shop = models.ForeignKey(Shop, models.PROTECT, null=True, blank=True, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    location = models.ForeignKey("inventory.Location", models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=120, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=50)
    parcel_cost = MoneyField(default=0)
    is_active = models.BooleanField(default=True)
    find_text = find_column("name")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "plant", "location"], nulls_distinct=False, name="channels_warehouse_once"
            ),
            models.CheckConstraint(condition=Q(parcel_cost__gte=0), name="channels_warehouse_cost"),
        ]
        indexes = [find_index("channels_warehouse_find")]


class WarehouseRegion(Line):
    """How far a region is from the warehouse, in any measure that is the same for all of them."""

    warehouse = models.ForeignKey(Warehouse, models.CASCADE, related_name="regions")
    region = models.CharField(max_length=80)
    distance = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["warehouse", "region"], name="channels_warehouse_region_once")
        ]


class HoldRule(Record):
    """A condition on an order under which a person looks at it first."""

    lock_rank = Rank.MASTER + 65

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=120)
    shop = models.ForeignKey(Shop, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=12, default="rule")
    condition = models.CharField(max_length=2000)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(reason__in=REASONS), name="channels_rule_reason")]
        indexes = [find_index("channels_rule_find")]


# --- orders -------------------------------------------------------------------------------------------------


class ChannelOrder(Record):
    """An outside order as we understand it now; as it came it stands in `OrderBody`, which only grows.

    Amounts are what the shop says. `outside_id` is by what its interface knows the order, where that is not the
    number. `part` counts the parcels' orders that one outside order was split into,
    0 being the whole or what is left of it; orders of one `parcel` leave together.
    """

    lock_rank = Rank.DOCUMENT + 20

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    location = models.ForeignKey(
        "inventory.Location", models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )
    outside_number = models.CharField(max_length=80)
    outside_id = models.CharField(max_length=80, blank=True, default="", editable=False)
    part = models.PositiveSmallIntegerField(default=0, editable=False)
    outside_version = models.CharField(max_length=80, blank=True, default="")
    outside_state = models.CharField(max_length=12, default="paid")
    outside_changed_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, default="received")
    hold = models.CharField(max_length=12, blank=True, default="", editable=False)
    has_difference = models.BooleanField(default=False, editable=False)
    buyer = models.CharField(max_length=120, blank=True, default="")
    buyer_name = models.CharField(max_length=120, blank=True, default="")
    phone = models.CharField(max_length=40, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    region = models.CharField(max_length=80, blank=True, default="")
    city = models.CharField(max_length=80, blank=True, default="")
    address = models.CharField(max_length=400, blank=True, default="")
    postcode = models.CharField(max_length=16, blank=True, default="")
    remark = models.CharField(max_length=1000, blank=True, default="")
    seller_note = models.CharField(max_length=1000, blank=True, default="")
    ordered_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    pay_by = models.DateTimeField(null=True, blank=True)
    ship_by = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    shipped_at = models.DateTimeField(null=True, editable=False)
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    goods_amount = MoneyField(default=0)
    discount_amount = MoneyField(default=0)
    freight_amount = MoneyField(default=0)
    total_amount = MoneyField(default=0)
    refunded_amount = MoneyField(default=0, editable=False)
    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    order = models.OneToOneField("sales.Order", models.PROTECT, null=True, editable=False, related_name="+")
    parcel = models.UUIDField(null=True, editable=False)
    cancel_reason = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("outside_number", "buyer", "buyer_name", "phone")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "outside_number", "part"], name="channels_order_once"
            ),
            models.CheckConstraint(condition=Q(state__in=STATES), name="channels_order_state"),
            models.CheckConstraint(condition=Q(outside_state__in=OUTSIDE_STATES), name="channels_order_outside"),
            models.CheckConstraint(
                condition=Q(state__in=(*OPEN, "cancelled")) | Q(order__isnull=False),
                name="channels_order_is_booked",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=OPEN) | Q(order__isnull=True), name="channels_order_open_is_not_booked"
            ),
            models.CheckConstraint(
                condition=Q(state="held") & ~Q(hold="") | ~Q(state="held") & Q(hold=""),
                name="channels_order_held_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(
                    goods_amount__gte=0, discount_amount__gte=0, freight_amount__gte=0, total_amount__gte=0,
                    refunded_amount__gte=0, refunded_amount__lte=F("total_amount"),
                ),
                name="channels_order_amounts",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["state", "ship_by"], name="channels_order_clock"),
            models.Index(fields=["shop", "state"], name="channels_order_shop"),
            models.Index(fields=["shop", "buyer", "ordered_at"], name="channels_order_buyer"),
            models.Index(fields=["created_at", "id"], name="channels_order_made"),
            models.Index(fields=["shop", "outside_id"], name="channels_order_key", condition=~Q(outside_id="")),
            models.Index(fields=["parcel"], name="channels_order_parcel", condition=Q(parcel__isnull=False)),
            models.Index(fields=["location"], name="channels_order_place",
                         condition=Q(location__isnull=False, state__in=("accepted", "allocated"))),
            models.Index(fields=["ordered_at", "id"], name="channels_order_short",
                         condition=Q(state="held", hold="no_stock")),
            find_index("channels_order_find"),
        ]


class ChannelOrderLine(Line):
    """A line as the shop names it, with the listing it was matched to; `amount` is what is paid for it.

    `price` is per piece as the shop counts, before `discount_amount`; the order's own discount is not in it.
    """

    channel_order = models.ForeignKey(ChannelOrder, models.CASCADE, related_name="lines")
    outside_line = models.CharField(max_length=80, blank=True, default="")
    sku = models.CharField(max_length=120)
    outside_item = models.CharField(max_length=80, blank=True, default="", editable=False)
    outside_sku = models.CharField(max_length=80, blank=True, default="", editable=False)
    title = models.CharField(max_length=255, blank=True, default="")
    quantity = QuantityField()
    price = PriceField(default=0)
    discount_amount = MoneyField(default=0)
    amount = MoneyField(default=0)
    listing = models.ForeignKey(Listing, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, price__gte=0, discount_amount__gte=0, amount__gte=0),
                name="channels_order_line_figures",
            )
        ]
        indexes = [
            models.Index(fields=["channel_order", "position"], name="channels_order_line_place"),
            models.Index(fields=["sku"], name="channels_order_line_open", condition=Q(listing__isnull=True)),
        ]


class Booking(models.Model):
    """Which line of the sales order stands for how much of a line of the shop's; freight stands for none."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    channel_order = models.ForeignKey(ChannelOrder, models.CASCADE, related_name="+")
    line = models.ForeignKey(ChannelOrderLine, models.CASCADE, null=True, related_name="+")
    order_line = models.OneToOneField("sales.OrderLine", models.CASCADE, related_name="+")
    quantity = QuantityField()
    amount = MoneyField()

    class Meta:
        indexes = [models.Index(fields=["channel_order"], name="channels_booking_order")]


class ChannelHold(Line):
    """Why the order waits for a person, and who let it go."""

    channel_order = models.ForeignKey(ChannelOrder, models.CASCADE, related_name="holds")
    reason = models.CharField(max_length=12)
    rule = models.ForeignKey(HoldRule, models.PROTECT, null=True, blank=True, related_name="+")
    text = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(reason__in=REASONS), name="channels_hold_reason")]
        indexes = [models.Index(fields=["channel_order", "position"], name="channels_hold_place")]


class OrderBody(Ledger):
    """An outside order exactly as it came, once for every version of it; `digest` is of its JSON, names sorted."""

    channel_order = models.ForeignKey(ChannelOrder, models.PROTECT, related_name="+")
    no = models.PositiveIntegerField()
    outside_version = models.CharField(max_length=80, blank=True, default="")
    digest = models.CharField(max_length=64)
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel_order", "no"], name="channels_body_once"),
        ]
        indexes = [models.Index(fields=["at", "id"], name="channels_body_at")]


class Difference(Record):
    """What the shop says of an order and what we have already done; a person decides."""

    lock_rank = Rank.DOCUMENT + 18

    channel_order = models.ForeignKey(ChannelOrder, models.CASCADE, related_name="+")
    field = models.CharField(max_length=40)
    ours = models.CharField(max_length=500, blank=True, default="")
    theirs = models.CharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=8, default="open")
    note = models.CharField(max_length=255, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel_order", "field"], condition=Q(state="open"), name="channels_difference_once"
            ),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="channels_difference_made")]


class Dispatched(Ledger):
    """What of a shipment was told to the shop of an order; a reversal is told with `is_reversed`."""

    channel_order = models.ForeignKey(ChannelOrder, models.PROTECT, related_name="+")
    shipment = models.ForeignKey("sales.Shipment", models.PROTECT, related_name="+")
    is_reversed = models.BooleanField(default=False)
    carrier = models.CharField(max_length=160, blank=True, default="")
    tracking_number = models.CharField(max_length=80, blank=True, default="")
    lines = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel_order", "shipment", "is_reversed", "tracking_number"],
                name="channels_dispatched_once",
            )
        ]
        indexes = [models.Index(fields=["at", "id"], name="channels_dispatched_at")]


class Refund(Document):
    """Money to be given back, with goods that come back or are stopped on their way, or without."""

    lock_rank = Rank.DOCUMENT + 19

    channel_order = models.ForeignKey(ChannelOrder, models.PROTECT, related_name="+")
    outside_number = models.CharField(max_length=80, blank=True, default="")
    kind = models.CharField(max_length=12, default="refund")
    amount = MoneyField()
    reason = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=12, default="asked")
    asked_at = models.DateTimeField(editable=False)
    return_order = models.ForeignKey(
        "sales.ReturnOrder", models.PROTECT, null=True, editable=False, related_name="+"
    )
    answer = models.CharField(max_length=255, blank=True, default="", editable=False)
    find_text = find_column("number", "outside_number")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=REFUND_KINDS), name="channels_refund_kind"),
            models.CheckConstraint(condition=Q(state__in=REFUND_STATES), name="channels_refund_state"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="channels_refund_amount"),
            models.UniqueConstraint(
                fields=["channel_order", "outside_number"], condition=~Q(outside_number=""),
                name="channels_refund_once",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["created_at", "id"], name="channels_refund_made"),
            find_index("channels_refund_find"),
        ]


class RefundLine(Line):
    """So many pieces, as the shop counts, of a line come back."""

    refund = models.ForeignKey(Refund, models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(ChannelOrderLine, models.PROTECT, related_name="+")
    quantity = QuantityField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="channels_refund_line_quantity")]


# --- offers and settlements ---------------------------------------------------------------------------------


class Offer(Record):
    """How many pieces of a listing its shop may sell now, and what the shop was last told."""

    lock_rank = Rank.DOCUMENT + 24
    derived = ("quantity", "offered_at", "pushed_quantity", "pushed_at")

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+")
    listing = models.OneToOneField(Listing, models.CASCADE, related_name="+")
    quantity = QuantityField(default=0)
    offered_at = models.DateTimeField()
    pushed_quantity = QuantityField(null=True)
    pushed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gte=0), name="channels_offer_quantity")]
        indexes = [models.Index(fields=["shop", "offered_at"], name="channels_offer_shop")]


class OfferDue(models.Model):
    """What may have changed an offer since offers were last worked out; triggers add it.

    It is a listing, or an item whose free stock in a plant has changed; `is_more` where it has grown. A row is added
    for each change and none is ever altered, so that those who move stock never wait here.
    """

    id = models.BigAutoField(primary_key=True)
    listing = models.UUIDField(null=True)
    item = models.UUIDField(null=True)
    plant = models.UUIDField(null=True)
    is_more = models.BooleanField(default=False, db_default=False)


class Settlement(Document):
    """A shop's statement of what it pays out: orders, refunds and fees of some days."""

    lock_rank = Rank.DOCUMENT + 1

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+")
    outside_number = models.CharField(max_length=80)
    state = models.CharField(max_length=12, default="draft")
    settled_on = models.DateField()
    total_amount = MoneyField()
    difference_amount = MoneyField(default=0, editable=False)
    unmatched = models.PositiveIntegerField(default=0, editable=False)
    note = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("number", "outside_number")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "outside_number"], name="channels_settlement_once"),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="channels_settlement_made"),
            find_index("channels_settlement_find"),
        ]


class SettlementLine(Line):
    """A line of the statement: what was received for an order, given back, or taken as a fee.

    `difference` is its amount less what we expect, on the last line of each order.
    """

    settlement = models.ForeignKey(Settlement, models.CASCADE, related_name="lines")
    kind = models.CharField(max_length=8, default="order")
    outside_number = models.CharField(max_length=80, blank=True, default="")
    fee = models.CharField(max_length=80, blank=True, default="")
    amount = MoneyField()
    channel_order = models.ForeignKey(ChannelOrder, models.PROTECT, null=True, editable=False, related_name="+")
    difference = MoneyField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SETTLEMENT_KINDS), name="channels_settlement_line_kind")
        ]
        indexes = [
            models.Index(fields=["settlement", "position"], name="channels_settlement_line_place"),
            models.Index(
                fields=["channel_order"], name="channels_settlement_line_order",
                condition=Q(channel_order__isnull=False),
            ),
        ]  # fmt: skip
