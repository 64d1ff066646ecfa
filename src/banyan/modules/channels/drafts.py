"""What completes shops, listings and rules before they are written."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.lib.errors import FieldFaults
from banyan.lib.expressions import ExpressionFault, compile
from banyan.modules.channels import rules
from banyan.modules.channels.errors import ListingEmpty, NotAStore
from banyan.modules.company import queries as company
from banyan.modules.inventory.kinds import FREE
from banyan.modules.parties import queries as parties


def prepare_shops(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete shops: the company's currency. Raises: what `parties.require_usable` refuses."""
    parties.require_usable([d.record.party_id for d in drafts if d.record.party_id and "party" in d.given], "customer")
    for draft in drafts:
        draft.record.currency_id = draft.record.currency_id or company.the_company().currency_id


def prepare_listings(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse listings that stand for nothing. Raises: ListingEmpty."""
    for draft in drafts:
        parts = [part for part in draft.lines.get("parts", ()) if part.kind == "part"]
        if draft.record.item_id is None and not parts:
            raise ListingEmpty(sku=draft.record.sku)


def prepare_warehouses(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a warehouse that is not one of the plant's stores. Raises: NotAStore."""
    for draft in drafts:
        place = draft.record.location
        if place is not None and (place.plant_id != draft.record.plant_id or place.kind not in FREE):
            raise NotAStore(location=place.code)


def prepare_rules(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Check the conditions. Raises: Invalid with the fault and its place in the text."""
    faults = FieldFaults()
    for n, draft in enumerate(drafts):
        path = ("records", n, "condition") if draft.record._state.adding else ("condition",)
        try:
            compile(draft.record.condition, rules.RULE_NAMES, expects="bool")
        except ExpressionFault as fault:
            faults.add(path, fault.label)
    faults.refuse_if_any()
