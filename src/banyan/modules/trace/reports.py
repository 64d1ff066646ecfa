"""The recall list as a question people and programs may ask, with its export to Excel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.schema import Input, field
from banyan.lib.labels import L
from banyan.modules.trace.lists import SECTIONS, STATES, rows_of, spoken
from banyan.modules.trace.queries import picture


class OfLot(Input):
    """Which lot."""

    lot: UUID = field("批次", "Lot", reference="inventory.lot")


@query(
    "trace.recall_list", L("召回清单", "Recall list"), input=OfLot, permission="inventory.lot.read", area="inventory",
    icon="list-search", order=46,
    help=L("一个批次和用它做出的批次现在在哪里、发给了谁",
           "Where a lot and what was made of it are now, and who got them"),
    columns=(
        column("section", "去向", "Where"), column("party", "客户", "Customer"), column("code", "物料编码", "Item"),
        column("lot", "批号", "Lot"), column("quantity", "数量", "Quantity", "quantity"),
        column("unit", "单位", "Unit"), column("on", "日期", "Date", "date"), column("document", "单据", "Document"),
        column("order", "订单", "Order"),
        column("place", "库位或产品", "Place or product"), column("state", "批次状态", "Lot's state"),
        column("contact", "联系人", "Contact"), column("phone", "电话", "Telephone"), column("email", "邮箱", "E-mail"),
        column("name", "名称", "Name"),
    ),
)  # fmt: skip
def recall_list(ctx: Context, data: OfLot) -> Iterator[dict[str, Any]]:
    """Give where a lot and what was made of it are, customers first; a row opens its document."""
    language = ctx.language
    for row in rows_of(picture(ctx, data.lot)):
        noun, key = (row.noun, row.id) if row.id else ("inventory.lot", row.lot.id)
        yield {
            "section": SECTIONS[row.section].in_(language), "party": row.party_name, "contact": row.contact.name,
            "phone": row.contact.phone, "email": row.contact.email, "document": row.document, "order": row.order,
            "on": row.on, "code": row.lot.code, "name": spoken(row.lot.name, row.lot.name_en),
            "lot": row.lot.number, "state": STATES[row.lot.state].in_(language), "quantity": row.quantity,
            "unit": spoken(row.lot.unit, row.lot.unit_en), "place": row.place, "_noun": noun, "_id": key,
        }  # fmt: skip
