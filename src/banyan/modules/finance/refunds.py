"""What shops' buyers got back without goods, in the books: a red credit note for what is invoiced of it.

An order's invoices never come to more than what was paid less what was given back: what is not invoiced yet takes the
refund first, so that nothing is credited before there is an invoice, nor for what was cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import OfferedOn, command, execute
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.channels.commands.refunding import note_uncredited
from banyan.modules.company.queries import default_plant
from banyan.modules.finance import posting, rules
from banyan.modules.finance.commands import post_customer_invoice
from banyan.modules.finance.errors import CreditsTooMuch, NothingToCredit
from banyan.modules.finance.models import CustomerInvoice, CustomerInvoiceLine
from banyan.modules.finance.values import Billed, GivenBack

ZERO = Decimal(0)
WORDS = L("退款 {refunds}", "Refund {refunds}")


class CreditRefunds(Input):
    """Whose refunds to credit."""

    orders: list[UUID] = field("渠道订单", "Channel orders", min_length=1, max_length=500, reference="channels.order")


@command(
    "finance.customer_invoice.from_refunds",
    L("按退款开红字", "Credit refunds"),
    input=CreditRefunds,
    on="noun",
    creates=True,
    icon="receipt-refund",
    help=L(
        "不退货的退款，按已开票的明细和税码开红字发票；平时自动开，这里用于补开",
        "Credit notes for refunds without goods, by the items and tax codes invoiced; made by themselves, here by hand",
    ),
    offered_on=(
        OfferedOn(
            "channels.refund", "orders", value="channel_order", states=("refunded",), where=("kind", ("refund",))
        ),
    ),
)
def credit_refunds(ctx: Context, data: CreditRefunds) -> tuple[CustomerInvoice, ...]:
    """Make and post a red credit note for what each order was given back without goods and is not credited yet.

    Gives:  a credit note per order and plant; its reference is the outside number, by which statements find it
    Raises: NothingToCredit; CreditsTooMuch where less is left of the invoices; what posting raises
    Writes: credit notes and entries, on the first open day from today; locks the invoices
    """
    lock(CustomerInvoice, {key for one in given_back(data.orders) for key in one.invoices})
    found = [one for one in given_back(data.orders) if one.due]
    if not found:
        numbers = db.rows("SELECT outside_number FROM channels_channelorder WHERE id = ANY(%s)", [data.orders])
        raise NothingToCredit(order=", ".join(sorted({number for (number,) in numbers})) or "—")
    for one in found:
        if one.is_too_much:
            raise CreditsTooMuch(order=one.number, due=one.due, left=one.left)
    today = default_plant().day(ctx.now)
    day = posting.first_open_day(today) or today
    made = [_note(ctx, one, day) for one in found]
    db.insert_rows([note for note, _ in made])
    db.insert_rows([line for _, lines in made for line in lines])
    post_customer_invoice(ctx, [note.pk for note, _ in made])
    for note, _ in made:
        note.refresh_from_db()
    return tuple(note for note, _ in made)


def _note(ctx: Context, one: GivenBack, day: date) -> tuple[CustomerInvoice, list[CustomerInvoiceLine]]:
    """Give the credit note of what is due, not written yet; its lines name no order line, for no pieces come back."""
    words = WORDS.filled({"refunds": ", ".join(one.refunds)}).in_(ctx.language)[:200]
    parts = rules.credited_of(one.due, one.billed)
    net, tax = sum((part.net for part in parts), ZERO), sum((part.tax for part in parts), ZERO)
    note = CustomerInvoice(
        id=new_id(), party_id=one.party, plant_id=one.plant, currency_id=one.currency, kind="credit",
        reverses_id=one.invoices[0] if len(one.invoices) == 1 else None, invoiced_on=day, due_on=day,
        reference=one.number, net_amount=-net, tax_amount=-tax, gross_amount=-(net + tax), created_at=ctx.now,
        created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person,
    )  # fmt: skip
    lines = [
        CustomerInvoiceLine(
            id=new_id(), invoice_id=note.pk, position=n, item_id=part.item, text=words, quantity=Decimal(-1),
            price=part.net, tax_code_id=part.tax_code, net_amount=-part.net, tax_amount=-part.tax,
        )
        for n, part in enumerate(parts, start=1)
    ]  # fmt: skip
    return note, lines


def credit_what_is_due(ctx: Context, orders: Iterable[UUID]) -> None:
    """Credit each order by itself; what is more than was invoiced becomes a difference of it, for a person.

    Raises: what crediting raises, such as PeriodClosed while no period is open
    """
    for one in given_back(list(orders)):
        if one.is_too_much:
            execute(ctx, note_uncredited, data={"order": one.order, "due": one.due, "left": one.left})
        elif one.due:
            execute(ctx, credit_refunds, data={"orders": [one.order]})


# --- what is due --------------------------------------------------------------------------------------------

_PARTS = """
    WITH asked AS (
        SELECT DISTINCT shop_id, outside_number, plant_id FROM channels_channelorder WHERE id = ANY(%(orders)s)
    ), parts AS MATERIALIZED (
        SELECT o.id, o.shop_id, o.outside_number, o.plant_id, o.order_id, o.party_id, o.currency_id, o.part
        FROM asked a JOIN channels_channelorder o
            ON o.shop_id = a.shop_id AND o.outside_number = a.outside_number AND o.plant_id = a.plant_id
        WHERE o.order_id IS NOT NULL
    )
"""
#: What was given back without goods: not what took the place of stopping goods that had gone, for they come back.
_REFUNDS = _PARTS + """
    SELECT p.shop_id, p.outside_number, p.plant_id, coalesce(nullif(r.outside_number, ''), r.number), r.amount
    FROM parts p JOIN channels_refund r ON r.channel_order_id = p.id
    WHERE r.kind = 'refund' AND r.state = 'refunded' AND NOT EXISTS (
        SELECT FROM channels_refund s
        WHERE s.channel_order_id = r.channel_order_id AND s.kind = 'intercept' AND s.state = 'refused'
          AND r.outside_number <> '' AND s.answer = '→ ' || r.outside_number)
    ORDER BY 1, 2, 3, r.asked_at, r.id
"""
#: Per order: what has not been invoiced of it, goods that came back before that aside, and what of its invoices is
#: still to be credited for goods that came back.
_ORDERS = _PARTS + """
    SELECT p.shop_id, p.outside_number, p.plant_id, (array_agg(p.id ORDER BY p.part))[1],
           (array_agg(p.party_id ORDER BY p.part))[1], (array_agg(p.currency_id ORDER BY p.part))[1],
           sum(CASE WHEN w.open = 0 THEN 0 WHEN w.open + b.quantity >= x.stock_quantity
                    THEN greatest(w.gross - b.amount, 0) ELSE round(w.gross * w.open / x.stock_quantity, 2) END),
           sum(round(w.gross * w.coming / x.stock_quantity, 2))
    FROM parts p JOIN sales_orderline x ON x.order_id = p.order_id
    CROSS JOIN LATERAL (
        SELECT x.net_amount + x.tax_amount AS gross,
               greatest(x.stock_quantity - x.shipped_quantity, 0)
                   + greatest(x.shipped_quantity - x.returned_quantity - x.invoiced_quantity, 0) AS open,
               greatest(x.invoiced_quantity - x.shipped_quantity + x.returned_quantity, 0) AS coming
    ) w
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.net_amount + l.tax_amount), 0) AS amount, coalesce(sum(l.quantity), 0) AS quantity
        FROM finance_customerinvoiceline l
        JOIN finance_customerinvoice i ON i.id = l.invoice_id AND i.state IN ('posted', 'paid')
        WHERE l.order_line_id = x.id AND l.quantity > 0
    ) b
    GROUP BY 1, 2, 3
"""
#: Per order, item and tax code: what is invoiced, goods that were credited taken off, and what was credited without
#: goods, which names the order by its reference.
_BILLED = _PARTS + """
    SELECT p.shop_id, p.outside_number, p.plant_id, l.item_id, l.tax_code_id, true, sum(l.net_amount),
           sum(l.tax_amount), array_agg(DISTINCT i.id) FILTER (WHERE l.quantity > 0)
    FROM parts p JOIN sales_orderline x ON x.order_id = p.order_id
    JOIN finance_customerinvoiceline l ON l.order_line_id = x.id
    JOIN finance_customerinvoice i ON i.id = l.invoice_id AND i.state IN ('posted', 'paid')
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT p.shop_id, p.outside_number, p.plant_id, l.item_id, l.tax_code_id, false, sum(l.net_amount),
           sum(l.tax_amount), NULL
    FROM (SELECT DISTINCT shop_id, outside_number, plant_id, party_id, currency_id FROM parts) p
    JOIN finance_customerinvoice i ON i.party_id = p.party_id AND i.plant_id = p.plant_id
        AND i.currency_id = p.currency_id AND i.reference = p.outside_number AND i.kind = 'credit'
        AND i.state IN ('posted', 'paid')
    JOIN finance_customerinvoiceline l ON l.invoice_id = i.id
    WHERE NOT EXISTS (SELECT FROM finance_customerinvoiceline y
                      WHERE y.invoice_id = i.id AND y.order_line_id IS NOT NULL)
      AND (i.reverses_id IS NULL OR i.reverses_id IN (
          SELECT y.invoice_id FROM parts q JOIN sales_orderline x ON x.order_id = q.order_id
          JOIN finance_customerinvoiceline y ON y.order_line_id = x.id
          WHERE q.shop_id = p.shop_id AND q.outside_number = p.outside_number AND q.plant_id = p.plant_id))
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
"""


def given_back(orders: Sequence[UUID]) -> tuple[GivenBack, ...]:
    """Give how orders stand that were given something back without goods. Three statements, one where none was."""
    asked = {"orders": list(orders)}
    refunds: dict[tuple, list[tuple[str, Decimal]]] = {}
    for *key, number, amount in db.rows(_REFUNDS, asked):
        refunds.setdefault(tuple(key), []).append((number, amount))
    if not refunds:
        return ()
    billed: dict[tuple, dict[tuple, Billed]] = {}
    credited: dict[tuple, Decimal] = {}
    invoices: dict[tuple, set[UUID]] = {}
    for shop, number, plant, item, tax_code, is_goods, net, tax, keys in db.rows(_BILLED, asked):
        key = (shop, number, plant)
        known = billed.setdefault(key, {})
        one = known.get((item, tax_code), Billed(item, tax_code, ZERO, ZERO))
        known[item, tax_code] = Billed(item, tax_code, one.net + net, one.tax + tax)
        invoices.setdefault(key, set()).update(keys or ())
        if not is_goods:
            credited[key] = credited.get(key, ZERO) - net - tax
    found = []
    for shop, number, plant, order, party, currency, not_billed, coming in db.rows(_ORDERS, asked):
        key = (shop, number, plant)
        if key not in refunds:
            continue
        before, rows = credited.get(key, ZERO), tuple(billed.get(key, {}).values())
        due = sum((amount for _, amount in refunds[key]), ZERO) - not_billed - before
        found.append(GivenBack(
            order, number, party, plant, currency, max(due, ZERO), sum((one.gross for one in rows), ZERO) - coming,
            rows, tuple(sorted(invoices.get(key, ()))), rules.not_covered(refunds[key], before),
        ))  # fmt: skip
    return tuple(found)


def orders_given_back(invoice: UUID) -> tuple[UUID, ...]:
    """Give the shops' orders on an invoice of which something was given back without goods. One statement."""
    rows = db.rows(
        """
        SELECT DISTINCT o.id FROM finance_customerinvoiceline l
        JOIN sales_orderline x ON x.id = l.order_line_id JOIN channels_channelorder o ON o.order_id = x.order_id
        WHERE l.invoice_id = %s AND EXISTS (
            SELECT FROM channels_channelorder p JOIN channels_refund r ON r.channel_order_id = p.id
            WHERE p.shop_id = o.shop_id AND p.outside_number = o.outside_number
              AND r.kind = 'refund' AND r.state = 'refunded')
        """,
        [invoice],
    )
    return tuple(key for (key,) in rows)


def credits_of_order(order: UUID) -> tuple[tuple[UUID, str, Decimal], ...]:
    """Give (credit note, number, amount) of what a shop's order was given back without goods. One statement."""
    rows = db.rows(
        """
        SELECT i.id, i.number, i.gross_amount FROM channels_channelorder o
        JOIN finance_customerinvoice i ON i.party_id = o.party_id AND i.plant_id = o.plant_id
            AND i.currency_id = o.currency_id AND i.reference = o.outside_number AND i.kind = 'credit'
            AND i.state IN ('posted', 'paid')
        WHERE o.id = %s AND (i.reverses_id IS NULL OR EXISTS (
            SELECT FROM finance_customerinvoiceline l JOIN sales_orderline x ON x.id = l.order_line_id
            JOIN channels_channelorder q ON q.order_id = x.order_id
            WHERE l.invoice_id = i.reverses_id AND q.shop_id = o.shop_id AND q.outside_number = o.outside_number))
        ORDER BY i.number
        """,
        [order],
    )
    return tuple((key, number or "", amount) for key, number, amount in rows)
