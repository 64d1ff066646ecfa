"""What papers say of a party: where it is, and whom to ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.lib.labels import is_chinese, spoken_language
from banyan.modules.parties.models import Address, Contact

ADDRESS = prints.given("party_address", "text", "地址", "Address", see="parties.party.read")
CONTACT = prints.given("party_contact", "text", "联系人", "Contact", see="parties.party.read")
GIVEN = (ADDRESS, CONTACT)


def add_addresses(ctx: Context, records: Sequence[dict[str, Any]], kind: str) -> None:
    """Set where each record's party is, at an address of the kind if there is one, and whom to ask there.

    Gives:  empty to whoever may not read parties. Two statements
    """
    may_read = ctx.may("parties.party.read")
    parties = {one["party"] for one in records if one.get("party")} if may_read else set()
    addresses = _addresses(parties, kind)
    contacts: dict[str, str] = {}
    rows = Contact.objects.filter(party__in=parties).order_by("position")
    for party, name, phone in rows.values_list("party", "name", "phone"):
        contacts.setdefault(str(party), f"{name} {phone}".strip())
    for one in records:
        one[ADDRESS.key] = addresses.get(one.get("party"), "")
        one[CONTACT.key] = contacts.get(one.get("party"), "")


def _addresses(parties: Collection[str], kind: str) -> dict[str, str]:
    rows = list(Address.objects.filter(party__in=parties))
    rows.sort(key=lambda one: (one.kind != kind, not one.is_default, one.position))
    found: dict[str, str] = {}
    for one in rows:
        found.setdefault(str(one.party_id), _worded(one))
    return found


def _worded(address: Address) -> str:
    """Give an address as it is written in the language spoken."""
    if is_chinese(spoken_language()):
        place = "" if address.region == address.city else address.region
        return f"{place}{address.city}{address.line}" + (
            f"（{address.postcode}）" if address.postcode else ""
        )
    town = " ".join(p for p in (address.city, address.postcode) if p)
    country = "" if address.country == "CN" else address.country
    return ", ".join(p for p in (address.line, town, address.region, country) if p)
