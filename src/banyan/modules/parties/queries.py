"""Reads of parties; frozen values for the modules above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from banyan.modules.parties.errors import NotACarrier, NotACustomer, NotASupplier, PartyBlocked, PartyInactive
from banyan.modules.parties.models import ExternalId, Party

Part = Literal["customer", "supplier", "carrier"]
_REFUSALS = {"customer": NotACustomer, "supplier": NotASupplier, "carrier": NotACarrier}


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """A party as others see it; currency None means the company's own, credit limit None means no limit."""

    id: UUID
    code: str
    name: str
    is_customer: bool
    is_supplier: bool
    is_carrier: bool
    currency: UUID | None
    tax_code: UUID | None
    payment_terms: str
    payment_days: int
    credit_limit: Decimal | None
    is_active: bool
    is_blocked: bool
    block_reason: str


_COLUMNS = (
    "id", "code", "name", "is_customer", "is_supplier", "is_carrier", "currency_id", "tax_code_id",
    "payment_terms", "payment_days", "credit_limit", "is_active", "is_blocked", "block_reason",
)  # fmt: skip


def parties_by_id(ids: Sequence[UUID]) -> dict[UUID, PartyFacts]:
    """Give the facts of parties by key. One statement."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    return {row[0]: PartyFacts(*row) for row in Party.objects.filter(pk__in=wanted).values_list(*_COLUMNS)}


def require_usable(ids: Sequence[UUID], part: Part) -> dict[UUID, PartyFacts]:
    """Give the parties if new documents may be made with all of them in that part. One statement.

    Raises: PartyBlocked, PartyInactive, NotACustomer, NotASupplier or NotACarrier for the first that may not
    """
    found = parties_by_id(ids)
    for party in sorted(found.values(), key=lambda one: one.code):
        if not getattr(party, f"is_{part}"):
            raise _REFUSALS[part](party=party.name)
        if party.is_blocked:
            raise PartyBlocked(party=party.name, reason=party.block_reason)
        if not party.is_active:
            raise PartyInactive(party=party.name)
    return found


def by_outside_codes(system: str, codes: Sequence[str]) -> dict[str, UUID]:
    """Give the parties known to an outside system by its codes. One statement."""
    rows = ExternalId.objects.filter(system=system, outside_code__in=list(codes))
    return dict(rows.values_list("outside_code", "party_id"))
