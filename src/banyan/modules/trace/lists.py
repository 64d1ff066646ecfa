"""The recall list: who has got pieces, what is still here, on its way, or in work orders; a row each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.lib.labels import L, Label, is_chinese, spoken_language
from banyan.modules.inventory.values import LotWhereabouts
from banyan.modules.trace.queries import Contact, LotFacts, Picture

#: Where pieces are, in the order of the list.
SECTIONS: dict[str, Label] = {
    "customer": L("已发给客户", "Shipped to customers"),
    "stock": L("在库", "In stock"),
    "transit": L("在途或委外", "In transit or outside"),
    "order": L("在工单中", "In work orders"),
    "used": L("工单已用", "Used by work orders"),
    "other": L("已报废或退出", "Scrapped or gone"),
}
OUTSIDE = ("transit", "subcontractor")
AT_WORK = ("planned", "firm", "released", "running")
STATES = {
    "released": L("可用", "Released"), "held": L("冻结", "Held"), "rejected": L("不良", "Rejected"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """So much of a lot in one place, or with one document."""

    section: str
    lot: LotFacts
    quantity: Decimal
    place: str = ""
    noun: str = ""
    id: UUID | None = None
    document: str = ""
    on: date | None = None
    order: str = ""
    party: UUID | None = None
    party_name: str = ""
    contact: Contact = Contact()


def rows_of(found: Picture) -> Iterator[Row]:
    """Give the recall list of a lot: of itself and all that was made of it."""
    made = sorted(_rows(found), key=lambda row: (list(SECTIONS).index(row.section), row.party_name, str(row.on)))
    yield from made


def _rows(found: Picture) -> Iterator[Row]:
    for one in found.gone:
        paper = found.papers.get(one.origin) if one.origin else None
        lot = found.lots[one.lot]
        if paper is None:
            yield Row("other", lot, one.quantity, place=one.location_code, on=one.last_at.date())
            continue
        yield Row(
            "customer" if one.kind == "customer" else "other", lot, one.quantity, one.location_code, paper.noun,
            paper.id, paper.number, paper.on, paper.order_number, paper.party, paper.party_name,
            found.contacts.get(paper.party, Contact()),
        )  # fmt: skip
    for one in found.places:
        section = "transit" if one.kind in OUTSIDE else "stock"
        yield Row(section, found.lots[one.lot], one.quantity, place=one.location_code, on=one.last_at.date())
    for one in found.in_orders:
        yield _in_order(found, one)


def _in_order(found: Picture, one: LotWhereabouts) -> Row:
    order = found.orders[one.origin]
    return Row(
        "order" if order.state in AT_WORK else "used", found.lots[one.lot], one.quantity, noun="production.work_order",
        id=order.id, document=order.number, on=one.last_at.date(), place=named(order.code, order.name, order.name_en),
    )  # fmt: skip


def named(code: str, name: str, name_en: str) -> str:
    """Give a code with the name in the language spoken."""
    return f"{code} {spoken(name, name_en)}"


def spoken(name: str, name_en: str) -> str:
    """Give a name in the language spoken, the Chinese one where there is no other."""
    return name if is_chinese(spoken_language()) or not name_en else name_en
