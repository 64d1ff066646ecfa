"""What suppliers have invoiced, counted on the order lines for the module that keeps the invoices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.modules.items import queries as items
from banyan.modules.purchasing.errors import TooMuchInvoiced
from banyan.modules.purchasing.models import Order, OrderLine


def count_invoiced(ctx: Context, quantities: Mapping[UUID, Decimal], *, may_exceed: bool = False) -> None:
    """Add to what is invoiced of order lines; called inside the command that posts or reverses an invoice.

    Takes:  quantities in the item's stock unit by order line, below zero for a credit; may_exceed: also more
            than was received, where the invoice comes before the goods
    Raises: TooMuchInvoiced
    Writes: invoiced quantities; locks the orders
    """
    keys = list(quantities)
    orders = lock(Order, OrderLine.objects.filter(pk__in=keys).values_list("order_id", flat=True))
    lines = list(OrderLine.objects.filter(pk__in=keys).order_by("pk"))
    for line in lines:
        line.invoiced_quantity += quantities[line.pk]
        if quantities[line.pk] > 0 and line.invoiced_quantity > line.received_quantity and not may_exceed:
            raise TooMuchInvoiced(
                order=orders[line.order_id].number, item=items.items_by_id([line.item_id])[line.item_id].code,
                received=line.received_quantity, invoiced=line.invoiced_quantity,
            )  # fmt: skip
    db.update_rows(lines, ["invoiced_quantity"])
