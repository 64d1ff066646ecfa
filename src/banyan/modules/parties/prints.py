"""What papers say of a party: where it is, and whom to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from banyan.kernel import prints
from banyan.lib.labels import is_chinese, spoken_language
from banyan.modules.parties.models import Address, Contact

ADDRESS = prints.given("party_address", "text", "地址", "Address", see="parties.party.read")
CONTACT = prints.given("party_contact", "text", "联系人", "Contact", see="parties.party.read")
GIVEN = (ADDRESS, CONTACT)


def add_addresses(records: Iterable[dict[str, Any]], kind: str) -> None:
    """Set the address of each record's party, of the kind if there is one, and its contact. Two statements."""
    records = list(records)
    parties = {one["party"] for one in records if one.get("party")}
    addresses: dict[str, tuple[tuple[bool, bool, int], str]] = {}
    for one in Address.objects.filter(party__in=parties).order_by("position"):
        rank = (one.kind != kind, not one.is_default, one.position)
        key = str(one.party_id)
        if key not in addresses or rank < addresses[key][0]:
            addresses[key] = (rank, _worded(one))
    contacts: dict[str, str] = {}
    for party, name, phone in (
        Contact.objects.filter(party__in=parties).order_by("position").values_list("party", "name", "phone")
    ):
        contacts.setdefault(str(party), f"{name} {phone}".strip())
    for one in records:
        one[ADDRESS.key] = addresses.get(one.get("party"), ((), ""))[1]
        one[CONTACT.key] = contacts.get(one.get("party"), "")


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
