"""Tables of finance: accounts and periods, immutable entries, vouchers, invoices, payments."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from banyan.kernel.models import (
    Document,
    Ledger,
    Line,
    MoneyField,
    PriceField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)

DIRECTIONS = ("in", "out", "back")
SIDES = ("debit", "credit")
KINDS = ("asset", "liability", "equity", "cost", "income", "expense")


class Account(Record):
    """An account of the chart; only leaves take entries."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120, blank=True, default="")
    kind = models.CharField(max_length=10)
    normal_side = models.CharField(max_length=6)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    is_leaf = models.BooleanField(default=True)
    auxiliaries = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    find_text = find_column("code", "name", "name_en")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="account_kind"),
            models.CheckConstraint(condition=Q(normal_side__in=SIDES), name="account_side"),
        ]
        indexes = [find_index("account_find")]


class Period(Record):
    """An accounting month; a closed one takes no more entries."""

    code = models.CharField(max_length=7, unique=True)
    starts_on = models.DateField(unique=True)
    ends_on = models.DateField()
    state = models.CharField(max_length=8, default="open")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="period_forward"),
            models.CheckConstraint(condition=Q(state__in=("open", "closed")), name="period_state"),
        ]


class Entry(Ledger):
    """An immutable entry: what happened, when, from which document; its lines balance (trigger).

    Period, accounts and dimensions carry no foreign key: every posting of the factory would share a lock on
    the same few rows. None of them can be deleted, and `banyan verify` looks for what is missing.
    """

    on = models.DateField()
    period = models.ForeignKey(Period, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    event = models.CharField(max_length=40)
    origin_noun = models.CharField(max_length=60)
    origin = models.UUIDField()
    text = models.CharField(max_length=200, blank=True, default="")
    reverses = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    posted_at = models.DateTimeField()
    posted_by = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["origin"], name="entry_origin"),
            models.Index(fields=["period", "on"], name="entry_period"),
            models.Index(fields=["posted_at"], name="entry_posted"),
        ]
        constraints = [models.UniqueConstraint(fields=["reverses"], name="entry_reversed_once")]


class EntryLine(Ledger):
    """A line of an entry: an account, a side, and a signed amount (red entries are negative on the same side)."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    on = models.DateField()
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    side = models.CharField(max_length=6)
    amount = MoneyField()
    currency = models.ForeignKey(
        "company.Currency", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    currency_amount = MoneyField(null=True)
    quantity = QuantityField(null=True)
    party = models.ForeignKey(
        "parties.Party", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    item = models.ForeignKey(
        "items.Item", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    work_order = models.ForeignKey(
        "production.WorkOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    department = models.ForeignKey(
        "company.Department", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    employee = models.ForeignKey(
        "people.Employee", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    plant = models.ForeignKey(
        "company.Plant", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    origin_line = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(side__in=SIDES), name="entry_line_side"),
            models.CheckConstraint(condition=~Q(amount=0), name="entry_line_amount"),
        ]
        indexes = [
            models.Index(fields=["account", "on"], name="entry_line_account"),
            models.Index(
                fields=["work_order"], name="entry_line_order", condition=Q(work_order__isnull=False)
            ),
            models.Index(
                fields=["party", "account"], name="entry_line_party", condition=Q(party__isnull=False)
            ),
            models.Index(
                fields=["origin_line"], name="entry_line_origin", condition=Q(origin_line__isnull=False)
            ),
        ]


class AccountBalance(models.Model):
    """Turnover of an account in a closed period and its balance at the end; written by close, dropped by re-open."""

    period = models.ForeignKey(Period, models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    debit = MoneyField()
    credit = MoneyField()
    closing = MoneyField()
    pk = models.CompositePrimaryKey("period_id", "account_id")


class Voucher(Record):
    """A summary voucher: a gap-free number per word and month over entries; checked by someone other than its maker."""

    lock_rank = Rank.DOCUMENT + 8

    word = models.CharField(max_length=4, default="记")
    period = models.ForeignKey(Period, models.PROTECT, related_name="+")
    no = models.PositiveIntegerField()
    on = models.DateField()
    event = models.CharField(max_length=40)
    entries = models.PositiveIntegerField()
    amount = MoneyField()
    state = models.CharField(max_length=8, default="made")
    made_by = models.UUIDField(null=True)
    checked_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "word", "no"], name="voucher_number_once"),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True) | Q(made_by__isnull=True) | ~Q(checked_by=F("made_by")),
                name="voucher_maker_is_not_checker",
            ),
        ]


class VoucherEntry(Ledger):
    """Names the voucher of an entry."""

    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="+")
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")


class PostingRule(Record):
    """How an event becomes an entry: which account on which side; `stock` stands for the item's stock account."""

    is_steady = True

    event = models.CharField(max_length=40, unique=True)
    debit = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    credit = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="")


class StockAccount(Record):
    """The stock account of a category of items; the row without category serves all others."""

    category = models.OneToOneField("items.Category", models.PROTECT, null=True, blank=True, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")


class Invoice(Document):
    """What customer's and supplier's invoices share."""

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, default="invoice")
    reverses = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    invoiced_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    reference = models.CharField(max_length=80, blank=True, default="")
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)
    gross_amount = MoneyField(default=0, editable=False)
    settled_amount = MoneyField(default=0, editable=False)
    state = models.CharField(max_length=10, default="draft")
    find_text = find_column("number", "reference")
    derived = ("settled_amount",)

    class Meta:
        abstract = True


class InvoiceLine(Line):
    """A line of an invoice: quantity, price without tax, tax."""

    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    text = models.CharField(max_length=200, blank=True, default="")
    quantity = QuantityField()
    price = PriceField()
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, related_name="+")
    net_amount = MoneyField(default=0, editable=False)
    tax_amount = MoneyField(default=0, editable=False)

    class Meta:
        abstract = True


_SETTLED = Q(settled_amount__gte=0, settled_amount__lte=F("gross_amount")) | Q(
    settled_amount__lte=0, settled_amount__gte=F("gross_amount")
)


class CustomerInvoice(Invoice):
    """An invoice to a customer, or with negative quantities its red credit note."""

    lock_rank = Rank.DOCUMENT + 5

    class Meta:
        constraints = [models.CheckConstraint(condition=_SETTLED, name="customer_invoice_settled")]
        indexes = [
            find_index("customer_invoice_find"),
            models.Index(fields=["party", "state"], name="customer_invoice_party"),
            models.Index(fields=["-created_at", "-id"], name="customer_invoice_new"),
        ]


class CustomerInvoiceLine(InvoiceLine):
    invoice = models.ForeignKey(CustomerInvoice, models.CASCADE, related_name="+")
    order_line = models.ForeignKey("sales.OrderLine", models.PROTECT, null=True, blank=True, related_name="+")


class SupplierInvoice(Invoice):
    """A supplier's invoice, matched to receipts line by line."""

    lock_rank = Rank.DOCUMENT + 6

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_SETTLED, name="supplier_invoice_settled"),
            models.UniqueConstraint(
                fields=["party", "reference"],
                name="supplier_invoice_once",
                condition=~Q(reference="") & ~Q(state="reversed"),
            ),
        ]
        indexes = [
            find_index("supplier_invoice_find"),
            models.Index(fields=["party", "state"], name="supplier_invoice_party"),
            models.Index(fields=["-created_at", "-id"], name="supplier_invoice_new"),
        ]


class SupplierInvoiceLine(InvoiceLine):
    invoice = models.ForeignKey(SupplierInvoice, models.CASCADE, related_name="+")
    order_line = models.ForeignKey(
        "purchasing.OrderLine", models.PROTECT, null=True, blank=True, related_name="+"
    )


class Payment(Document):
    """Money in or out, or back to a customer, with one party; matched to invoices in part or whole."""

    lock_rank = Rank.DOCUMENT + 4

    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+")
    direction = models.CharField(max_length=4)
    paid_on = models.DateField()
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    currency = models.ForeignKey("company.Currency", models.PROTECT, related_name="+")
    amount = MoneyField()
    matched_amount = MoneyField(default=0, editable=False)
    method = models.CharField(max_length=12, default="transfer")
    reference = models.CharField(max_length=80, blank=True, default="")
    state = models.CharField(max_length=10, default="draft")
    find_text = find_column("number", "reference")
    derived = ("matched_amount",)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(direction__in=DIRECTIONS), name="payment_direction"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_positive"),
            models.CheckConstraint(
                condition=Q(matched_amount__gte=0, matched_amount__lte=F("amount")), name="payment_matched"
            ),
        ]
        indexes = [
            find_index("payment_find"),
            models.Index(
                fields=["party"], name="payment_party_open", condition=Q(matched_amount__lt=F("amount"))
            ),
            models.Index(fields=["-created_at", "-id"], name="payment_new"),
        ]


class Matching(Ledger):
    """A part of a payment settles a part of an invoice; taken back by a row with the opposite amount.

    The amount has the sign of the invoice: what is paid back settles a credit note, below zero.
    """

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="+")
    customer_invoice = models.ForeignKey(CustomerInvoice, models.PROTECT, null=True, related_name="+")
    supplier_invoice = models.ForeignKey(SupplierInvoice, models.PROTECT, null=True, related_name="+")
    amount = MoneyField()
    at = models.DateTimeField()
    by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(customer_invoice__isnull=True) ^ Q(supplier_invoice__isnull=True),
                name="matching_one_invoice",
            ),
        ]


# --- shops' statements --------------------------------------------------------------------------------------


class SettlementItem(Record):
    """A line of a shop's statement in the books: paid for invoices, taken as a fee, or open until a person decides.

    Open amounts stand on the clearing account (posting rule `settlement`, credit), and nothing else does.
    """

    lock_rank = Rank.DOCUMENT + 3

    settlement = models.ForeignKey("channels.Settlement", models.PROTECT, related_name="+")
    line = models.OneToOneField("channels.SettlementLine", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8)
    outside_number = models.CharField(max_length=80, blank=True, default="")
    channel_order = models.ForeignKey("channels.ChannelOrder", models.PROTECT, null=True, related_name="+")
    amount = MoneyField()
    paid_amount = MoneyField(default=0)
    fee_amount = MoneyField(default=0)
    decided_amount = MoneyField(default=0)
    open_amount = MoneyField(default=0)
    state = models.CharField(max_length=8, default="open")
    reason = models.CharField(max_length=10, blank=True, default="")
    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="")
    find_text = find_column("outside_number")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount=F("paid_amount") + F("fee_amount") + F("decided_amount") + F("open_amount")),
                name="settlement_item_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(state="open") & ~Q(open_amount=0) | ~Q(state="open") & Q(open_amount=0),
                name="settlement_item_open",
            ),
        ]
        indexes = [
            models.Index(fields=["settlement", "state"], name="settlement_item_statement"),
            models.Index(fields=["channel_order"], name="settlement_item_order",
                         condition=Q(channel_order__isnull=False)),
            models.Index(fields=["-created_at", "-id"], name="settlement_item_new"),
            find_index("settlement_item_find"),
        ]  # fmt: skip


class SettlementShare(Ledger):
    """How much of a statement's line a payment has brought to which invoice, for which of its orders.

    Taken back by a row with the opposite amount; a credit note's shares are below zero.
    """

    item = models.ForeignKey(SettlementItem, models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="+")
    customer_invoice = models.ForeignKey(CustomerInvoice, models.PROTECT, related_name="+")
    order = models.ForeignKey("sales.Order", models.PROTECT, null=True, related_name="+")
    amount = MoneyField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="settlement_share_amount")]


class ManualEntry(Document):
    """An entry written by hand; posted by another person than its maker."""

    lock_rank = Rank.DOCUMENT + 7

    on = models.DateField()
    text = models.CharField(max_length=200)
    is_opening = models.BooleanField(default=False)
    state = models.CharField(max_length=10, default="draft")
    amount = MoneyField(default=0, editable=False)
    find_text = find_column("number", "text")

    class Meta:
        indexes = [find_index("manual_entry_find")]


class ManualEntryLine(Line):
    entry = models.ForeignKey(ManualEntry, models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    side = models.CharField(max_length=6)
    amount = MoneyField()
    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+")
    employee = models.ForeignKey("people.Employee", models.PROTECT, null=True, blank=True, related_name="+")
    department = models.ForeignKey(
        "company.Department", models.PROTECT, null=True, blank=True, related_name="+"
    )
    item = models.ForeignKey("items.Item", models.PROTECT, null=True, blank=True, related_name="+")
    work_order = models.ForeignKey(
        "production.WorkOrder", models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(side__in=SIDES), name="manual_line_side"),
            models.CheckConstraint(condition=~Q(amount=0), name="manual_line_amount"),
        ]
