"""Who prints: the company of a record's plant, with address, tax number and logo as far as they are known."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from banyan.kernel import files, registry
from banyan.kernel.beside import attachments
from banyan.kernel.nouns import Noun
from banyan.lib.errors import NotFound

#: A picture attached to the company under such a name is its logo.
_LOGO = re.compile(r"(logo|标志|徽标|商标)", re.I)
_LOGO_SIZE = (600, 200)


@dataclass(frozen=True)
class Letterhead:
    """What stands at the head of a paper; empty where nobody has said it."""

    name: str = "Banyan"
    address: str = ""
    phone: str = ""
    tax_number: str = ""
    logo: str = ""


def letterheads(noun: Noun, records: Sequence[Mapping[str, Any]]) -> dict[str, Letterhead]:
    """Give the letterhead of each record by its id: that of its plant's company, else of the first company.

    Gives:  three statements at most
    """
    if not registry.has_noun("company.company"):
        return {one["id"]: Letterhead() for one in records}
    model = registry.noun("company.company").model
    rows = model._base_manager.order_by("code").values_list("pk", "name", "address", "phone", "tax_number")
    made = {key: (name, address, phone, tax) for key, name, address, phone, tax in rows}
    logos = _logos(list(made))
    heads = {key: Letterhead(*facts, logo=logos.get(key, "")) for key, facts in made.items()}
    first = next(iter(heads.values()), Letterhead())
    of_plant = _companies_of(noun, records)
    return {one["id"]: heads.get(of_plant.get(str(one.get("plant"))), first) for one in records}


def _companies_of(noun: Noun, records: Sequence[Mapping[str, Any]]) -> dict[str, UUID]:
    """Give the company of each plant that the records name. One statement, none where they name no plant."""
    spec = noun.spec
    if not spec.has_field("plant") or spec.field("plant").reference != "company.plant":
        return {}
    plants = {one["plant"] for one in records if one.get("plant")}
    model = registry.noun("company.plant").model
    rows = model._base_manager.filter(pk__in=plants).values_list("pk", "company_id")
    return {str(plant): company for plant, company in rows}


def _logos(companies: Sequence[UUID]) -> dict[UUID, str]:
    found: dict[UUID, str] = {}
    for one in attachments(companies):
        if one.record not in found and _LOGO.search(one.name) and one.file.media_type in files.PICTURES:
            found[one.record] = _picture(one.file_id)
    return found


def _picture(digest: str) -> str:
    """Give a stored picture, made small, as it stands in a page; empty where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(files.content(digest)) as picture:
            picture.thumbnail(_LOGO_SIZE)
            out = io.BytesIO()
            picture.convert("RGBA").save(out, "PNG")
    except (NotFound, OSError):
        return ""
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
