"""What people do with a quotation: send it, note the answer, make an order of it."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel import registry
from banyan.kernel.commands import command, execute, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.labels import L
from banyan.modules.sales.errors import OrderEmpty
from banyan.modules.sales.events import QuotationLost, QuotationOrdered
from banyan.modules.sales.models import Order, Quotation, QuotationLine


class Lose(Input):
    """Why the customer decided otherwise."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


class OrderIt(Input):
    """What the order says beyond the quotation."""

    customer_reference: Text = field("客户订单号", "Customer's order", "", max_length=80)
    wanted_on: Day | None = field("需求日期", "Wanted on", None)


@command("sales.quotation.send", L("发出", "Send"), icon="send", is_primary=True)
def send_quotations(ctx: Context, quotations: Sequence[Quotation]) -> None:
    """Note that quotations went out; they get their numbers. Raises: OrderEmpty."""
    filled = set(
        QuotationLine.objects.filter(quotation__in=quotations).values_list("quotation_id", flat=True)
    )
    for quotation in quotations:
        if quotation.pk not in filled:
            raise OrderEmpty(order=quotation.number or str(L("报价单", "The quotation")))


@command("sales.quotation.revise", L("修订", "Revise"), icon="pencil")
def revise_quotations(ctx: Context, quotations: Sequence[Quotation]) -> None:
    """Take quotations back to draft, to be changed and sent again under the same number."""


@command("sales.quotation.accept", L("接受", "Accept"), icon="thumb-up", tone="green")
def accept_quotations(ctx: Context, quotations: Sequence[Quotation]) -> None:
    """Note that the customer said yes."""


@command("sales.quotation.lose", L("失单", "Mark as lost"), input=Lose, icon="thumb-down", tone="red")
def lose_quotations(ctx: Context, quotations: Sequence[Quotation], data: Lose) -> None:
    """Note that the customer decided otherwise, and why. Writes: the reason; tells QuotationLost."""
    for quotation in quotations:
        quotation.lost_reason = data.reason
    tell(*(QuotationLost(record=q.pk, party=q.party_id, reason=data.reason) for q in quotations))


_COPIED = (
    "item",
    "quantity",
    "unit",
    "price",
    "price_includes_tax",
    "discount_percent",
    "tax_code",
    "wanted_on",
    "note",
)


@command(
    "sales.quotation.order", L("转订单", "Make an order"), input=OrderIt, icon="file-invoice", tone="green",
    is_primary=True,
)  # fmt: skip
def order_quotations(ctx: Context, quotations: Sequence[Quotation], data: OrderIt) -> tuple[Order, ...]:
    """Make a draft order of each quotation, with the prices that were offered.

    Gives:  the orders, in the order of the quotations
    Raises: the refusals of creating an order
    Writes: orders with lines; tells QuotationOrdered
    """
    lines: dict = {quotation.pk: [] for quotation in quotations}
    for line in QuotationLine.objects.filter(quotation__in=quotations).order_by("quotation_id", "position"):
        values = {key: getattr(line, QuotationLine._meta.get_field(key).attname) for key in _COPIED}
        lines[line.quotation_id].append(values)
    records = [
        {
            "party": quotation.party_id, "plant": quotation.plant_id, "currency": quotation.currency_id,
            "wanted_on": data.wanted_on or quotation.wanted_on, "terms": quotation.terms,
            "customer_reference": data.customer_reference or quotation.customer_reference,
            "lines": lines[quotation.pk],
        }
        for quotation in quotations
    ]  # fmt: skip
    made = execute(ctx, registry.command("sales.order.create"), data={"records": records}).value
    for quotation, order in zip(quotations, made, strict=True):
        order.quotation_id = quotation.pk
    Order.objects.bulk_update(made, ["quotation"])
    tell(
        *(
            QuotationOrdered(record=q.pk, order=order.pk, party=q.party_id)
            for q, order in zip(quotations, made, strict=True)
        )
    )
    return tuple(made)
