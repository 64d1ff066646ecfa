"""Whom we deal with: customers, suppliers and carriers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.kernel.models import Line, MoneyField, Rank, Record, find_column, find_index


class Party(Record):
    """A customer, supplier or carrier, or several at once; a blocked one gets no new documents."""

    lock_rank = Rank.MASTER + 10

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=160)
    short_name = models.CharField(max_length=60, blank=True, default="")
    is_customer = models.BooleanField(default=False)
    is_supplier = models.BooleanField(default=False)
    is_carrier = models.BooleanField(default=False)
    tax_number = models.CharField(max_length=32, blank=True, default="")
    bank_name = models.CharField(max_length=120, blank=True, default="")
    bank_account = models.CharField(max_length=40, blank=True, default="")
    currency = models.ForeignKey("company.Currency", models.PROTECT, null=True, blank=True, related_name="+")
    tax_code = models.ForeignKey("company.TaxCode", models.PROTECT, null=True, blank=True, related_name="+")
    payment_terms = models.CharField(max_length=12, default="monthly")
    payment_days = models.PositiveSmallIntegerField(default=0)
    credit_limit = MoneyField(null=True, blank=True)
    is_active = models.BooleanField(default=True, db_index=True)
    is_blocked = models.BooleanField(default=False)
    block_reason = models.CharField(max_length=255, blank=True, default="")
    find_text = find_column("code", "name", "short_name", "tax_number")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(payment_terms__in=("prepaid", "on_delivery", "monthly")),
                name="parties_party_payment_terms",
            ),
            models.CheckConstraint(
                condition=Q(is_customer=True) | Q(is_supplier=True) | Q(is_carrier=True),
                name="parties_party_has_a_part",
            ),
            models.CheckConstraint(
                condition=Q(credit_limit__isnull=True) | Q(credit_limit__gte=0),
                name="parties_party_credit_limit",
            ),
            models.CheckConstraint(
                condition=Q(is_blocked=False, block_reason="") | Q(is_blocked=True) & ~Q(block_reason=""),
                name="parties_party_block_has_reason",
            ),
        ]
        indexes = [
            find_index("parties_party_find"),
            models.Index(fields=["name", "id"], name="parties_party_name"),
        ]


class Contact(Line):
    """A person at the party."""

    party = models.ForeignKey(Party, models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=80)
    phone = models.CharField(max_length=40, blank=True, default="")
    email = models.CharField(max_length=120, blank=True, default="")
    role = models.CharField(max_length=60, blank=True, default="")


class Address(Line):
    """Where to deliver or to send papers; at most one default of each kind."""

    party = models.ForeignKey(Party, models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=10, default="delivery")
    line = models.CharField(max_length=255)
    city = models.CharField(max_length=80, blank=True, default="")
    region = models.CharField(max_length=80, blank=True, default="")
    country = models.CharField(max_length=2, default="CN")
    postcode = models.CharField(max_length=16, blank=True, default="")
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["party", "kind"], condition=Q(is_default=True), name="parties_address_one_default"
            )
        ]


class ExternalId(Line):
    """The code by which an outside system knows the party."""

    party = models.ForeignKey(Party, models.CASCADE, related_name="external_ids")
    system = models.CharField(max_length=40)
    outside_code = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "outside_code"], name="parties_external_id_once")
        ]
