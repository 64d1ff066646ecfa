"""Shops' statements in the books: what they paid for invoices, what they kept, and what a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from banyan.kernel import db, registry
from banyan.kernel.commands import command, owe_numbers, save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.channels.models import ChannelOrder, Settlement, SettlementLine
from banyan.modules.company.queries import default_plant
from banyan.modules.finance import posting, rules
from banyan.modules.finance.commands import entries_of_payments, reverse_of
from banyan.modules.finance.errors import NotALeaf, NothingToTakeBack, OrderOfAnotherShop
from banyan.modules.finance.models import (
    Account,
    CustomerInvoice,
    Matching,
    Payment,
    Period,
    SettlementItem,
    SettlementShare,
)
from banyan.modules.finance.values import Due, Leg, Paid, Posting

ZERO = Decimal(0)
EVENTS = ("settlement", "platform_fee", "payment_in", "payment_back")


class MatchItem(Input):
    """For which order a line is."""

    order: UUID | None = field(
        "渠道订单", "Channel order", None, reference="channels.order",
        help=L("空则按结算单上的外部订单号", "Empty: by the outside number of the statement"),
    )  # fmt: skip


class DecideItem(Input):
    """Where an open amount goes."""

    account: UUID = field(
        "科目", "Account", reference="finance.account",
        help=L("如其他销售费用、营业外收入", "Such as other selling expenses or non-operating income"),
    )  # fmt: skip
    note: Text = field("处理说明", "What was decided", min_length=1, max_length=200)


class Why(Input):
    """Why it is taken back."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=200)


# --- a statement comes into the books -----------------------------------------------------------------------


def take_in(ctx: Context, settlements: Sequence[UUID]) -> None:
    """Post settled statements: money and fees, payments for the invoices of their orders, the rest as open.

    Raises: NoRule, PeriodClosed; nothing is written while the books are off
    Writes: items, entries, payments, matchings; locks the invoices
    """
    accounts = posting.accounts_of(EVENTS)
    if not accounts:
        return
    found = Settlement.objects.in_bulk(list(settlements))
    items: dict[UUID, list[SettlementItem]] = {key: [] for key in found}
    fees: dict[UUID, dict[str, Decimal]] = {key: {} for key in found}
    for line in SettlementLine.objects.filter(settlement__in=list(found)).order_by("settlement", "position"):
        item = _item(ctx, line)
        items[line.settlement_id].append(item)
        if line.kind == "fee":
            sums = fees[line.settlement_id]
            sums[line.fee] = sums.get(line.fee, ZERO) + line.amount
    money, clearing = accounts["settlement"]
    expense, kept_from = accounts["platform_fee"]
    postings = []
    for key, rows in items.items():
        day = _day(ctx, found[key].settled_on)
        total = sum((row.open_amount for row in rows), ZERO)
        legs = (Leg(money, "debit", total), Leg(clearing, "credit", total))
        postings.append(Posting("settlement", day, "channels.settlement", key, legs, found[key].outside_number))
        for name, amount in fees[key].items():
            legs = (Leg(expense, "debit", -amount), Leg(kept_from, "credit", -amount))
            postings.append(Posting("platform_fee", day, "channels.settlement", key, legs, name))
    db.insert_rows([row for rows in items.values() for row in rows])
    posting.post(ctx, postings)
    changed = []
    for key, rows in items.items():
        pay_for(ctx, rows, _day(ctx, found[key].settled_on))
        changed += rows
    db.update_rows(changed, ["paid_amount", "open_amount", "state", "reason"])


def _item(ctx: Context, line: SettlementLine) -> SettlementItem:
    is_fee = line.kind == "fee"
    return SettlementItem(
        id=new_id(), settlement_id=line.settlement_id, line_id=line.pk, kind=line.kind,
        outside_number=line.outside_number, channel_order_id=line.channel_order_id, amount=line.amount,
        fee_amount=line.amount if is_fee else ZERO, open_amount=ZERO if is_fee else line.amount,
        state="fee" if is_fee else "open" if line.amount else "matched", note=line.fee if is_fee else "",
        created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person,
    )  # fmt: skip


def _day(ctx: Context, wanted: date) -> date:
    """Give the day wanted where its period takes entries, else today."""
    is_open = Period.objects.filter(starts_on__lte=wanted, ends_on__gte=wanted, state="open").exists()
    return wanted if is_open else default_plant().day(ctx.now)


# --- paid for invoices --------------------------------------------------------------------------------------

_DUES = """
    WITH asked AS (
        SELECT r.id AS root, o.order_id, o.party_id, o.currency_id, o.outside_number
        FROM channels_channelorder r
        JOIN channels_channelorder o ON o.shop_id = r.shop_id AND o.outside_number = r.outside_number
        WHERE r.id = ANY(%s) AND o.order_id IS NOT NULL
    ), found AS (
        SELECT a.root, l.invoice_id AS invoice, a.order_id AS sold, sum(l.net_amount + l.tax_amount) AS amount
        FROM asked a JOIN sales_orderline x ON x.order_id = a.order_id
        JOIN finance_customerinvoiceline l ON l.order_line_id = x.id
        JOIN finance_customerinvoice i ON i.id = l.invoice_id AND i.state = 'posted' AND i.currency_id = a.currency_id
        GROUP BY 1, 2, 3
        UNION ALL
        SELECT DISTINCT a.root, i.id, NULL::uuid, i.gross_amount
        FROM asked a JOIN finance_customerinvoice i ON i.party_id = a.party_id AND i.currency_id = a.currency_id
            AND i.reference = a.outside_number AND i.state = 'posted'
        WHERE NOT EXISTS (SELECT FROM finance_customerinvoiceline l WHERE l.invoice_id = i.id
                          AND l.order_line_id IS NOT NULL)
    ), shared AS MATERIALIZED (
        SELECT customer_invoice_id AS invoice, coalesce(order_id, customer_invoice_id) AS what, sum(amount) AS amount
        FROM finance_settlementshare WHERE customer_invoice_id IN (SELECT invoice FROM found) GROUP BY 1, 2
    )
    SELECT f.root, f.invoice, f.sold, f.amount - coalesce(s.amount, 0)
    FROM found f JOIN finance_customerinvoice i ON i.id = f.invoice
    LEFT JOIN shared s ON s.invoice = f.invoice AND s.what = coalesce(f.sold, f.invoice)
    ORDER BY f.root, i.invoiced_on, i.number, f.sold
"""


def _dues(orders: Sequence[UUID]) -> dict[UUID, list[Due]]:
    """Give what is due for channel orders, all their parts together: by invoices of their lines, or by reference."""
    found: dict[UUID, list[Due]] = {}
    for root, invoice, sold, amount in db.rows(_DUES, [list(orders)]):
        found.setdefault(root, []).append(Due(invoice, sold, amount))
    return found


def pay_for(ctx: Context, items: Sequence[SettlementItem], day: date) -> None:
    """Let the open amounts of items pay for the invoices of their orders, and say why the rest stays open.

    Takes:  items, new or locked; the caller saves them
    Writes: payments out of the clearing account with their entries, matchings; locks the invoices. A handful of
            statements for any number of items, and those of creating and posting payments
    """
    waiting = {item.pk: item for item in items if item.open_amount}
    orders = list({item.channel_order_id for item in waiting.values() if item.channel_order_id})
    dues = _dues(orders)
    invoices = lock(CustomerInvoice, {due.invoice for known in dues.values() for due in known})
    if invoices:
        dues = _dues(orders)
        lines = [(key, item.channel_order_id, item.open_amount) for key, item in waiting.items()]
        open_ = {
            key: one.gross_amount - one.settled_amount for key, one in invoices.items() if one.state == "posted"
        }
        found = rules.paid_of(lines, dues, open_)
        _pay(ctx, found, waiting, invoices, day)
    for item in waiting.values():
        item.state = "open" if item.open_amount else "matched"
        item.reason = _reason(item, dues) if item.open_amount else ""


def _reason(item: SettlementItem, dues: dict[UUID, list[Due]]) -> str:
    """Say why an amount is open: of no order we know, not invoiced yet, or more than was open."""
    if item.channel_order_id is None:
        return "other" if item.kind == "other" else "no_order"
    is_due = any((due.amount > 0) == (item.amount > 0) for due in dues.get(item.channel_order_id, ()))
    return "more" if is_due or item.paid_amount else "no_invoice"


def _pay(
    ctx: Context, found: Sequence[Paid], items: dict[UUID, SettlementItem], invoices: dict[UUID, CustomerInvoice],
    day: date,
) -> None:  # fmt: skip
    """Write a payment for each statement, party, currency and direction, matched to all that it settles."""
    payments: dict[tuple, Payment] = {}
    matched: dict[tuple[UUID, UUID], Matching] = {}
    shares = []
    clearing = posting.accounts_needed(["settlement"])["settlement"][1]
    for one in found:
        item, invoice = items[one.item], invoices[one.due.invoice]
        sign = 1 if one.amount > 0 else -1
        key = (item.settlement_id, invoice.party_id, invoice.currency_id, sign)
        if key not in payments:
            payments[key] = Payment(
                id=new_id(), party_id=invoice.party_id, direction="in" if sign > 0 else "back", paid_on=day,
                account_id=clearing, currency_id=invoice.currency_id, amount=ZERO, method="other", state="posted",
                created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person,
            )  # fmt: skip
        payment = payments[key]
        payment.amount += abs(one.amount)
        payment.matched_amount += abs(one.amount)
        item.paid_amount += one.amount
        item.open_amount -= one.amount
        invoice.settled_amount += one.amount
        if invoice.settled_amount == invoice.gross_amount:
            invoice.state = "paid"
        match = matched.setdefault(
            (payment.pk, invoice.pk),
            Matching(payment=payment, customer_invoice=invoice, amount=ZERO, at=ctx.now, by=ctx.person),
        )
        match.amount += one.amount
        shares.append(
            SettlementShare(item_id=item.pk, payment_id=payment.pk, customer_invoice_id=invoice.pk,
                            order_id=one.due.order, amount=one.amount)
        )  # fmt: skip
    numbers = dict(
        Settlement.objects.filter(pk__in={key[0] for key in payments}).values_list("pk", "outside_number")
    )
    for (settlement, *_), payment in payments.items():
        payment.reference = numbers[settlement]
    made = list(payments.values())
    db.insert_rows(made)
    owe_numbers(made)
    save(ctx, list(invoices.values()))
    db.insert_rows(list(matched.values()))
    db.insert_rows(shares)
    posting.post(ctx, entries_of_payments(made) if made else [])


# --- what a person does about the rest ----------------------------------------------------------------------


@command("finance.settlement_item.match", L("核销", "Match"), input=MatchItem, icon="link", is_primary=True)
def match_items(ctx: Context, items: Sequence[SettlementItem], data: MatchItem) -> None:
    """Let open amounts pay for invoices of their orders, or of the order that is named.

    Raises: OrderOfAnotherShop; PeriodClosed
    Writes: payments, matchings, entries; locks the invoices
    """
    chosen = ChannelOrder.objects.filter(pk=data.order).first() if data.order else None
    settlements = Settlement.objects.in_bulk({item.settlement_id for item in items})
    if chosen and any(one.shop_id != chosen.shop_id for one in settlements.values()):
        raise OrderOfAnotherShop(number=chosen.outside_number)
    numbers = {(settlements[item.settlement_id].shop_id, item.outside_number) for item in items}
    known = {
        (shop, number): key
        for shop, number, key in ChannelOrder.objects.filter(
            shop__in={shop for shop, _ in numbers}, outside_number__in={number for _, number in numbers if number},
            part=0,
        ).values_list("shop_id", "outside_number", "pk")
    }  # fmt: skip
    if chosen and chosen.part:
        chosen = ChannelOrder.objects.get(shop=chosen.shop_id, outside_number=chosen.outside_number, part=0)
    for item in items:
        place = (settlements[item.settlement_id].shop_id, item.outside_number)
        if chosen and item.open_amount == item.amount:
            item.channel_order_id = chosen.pk
        elif item.channel_order_id is None:
            item.channel_order_id = known.get(place)
    pay_for(ctx, items, default_plant().day(ctx.now))


@command("finance.settlement_item.decide", L("处理差额", "Decide"), input=DecideItem, icon="gavel", tone="orange")
def decide_items(ctx: Context, items: Sequence[SettlementItem], data: DecideItem) -> None:
    """Take open amounts to an account, with what was decided. Raises: NotALeaf; PeriodClosed. Writes: entries."""
    clearing = posting.accounts_needed(["settlement"])["settlement"][1]
    account = Account.objects.get(pk=data.account)
    if not (account.is_leaf and account.is_active):
        raise NotALeaf(account=f"{account.code} {account.name}")
    today = default_plant().day(ctx.now)
    posting.post(ctx, [
        Posting(
            "settlement", today, "finance.settlement_item", item.pk,
            (Leg(clearing, "debit", item.open_amount), Leg(account.pk, "credit", item.open_amount)), data.note,
        )
        for item in items
    ])  # fmt: skip
    for item in items:
        item.decided_amount, item.open_amount = item.decided_amount + item.open_amount, ZERO
        item.account_id, item.note, item.reason = account.pk, data.note, ""


@command(
    "finance.settlement_item.reopen", L("撤销处理", "Take back"), input=Why, icon="arrow-back-up", tone="orange",
    confirm=L("撤销这些明细的核销和处理？同一笔收款的其他明细也会撤销",
              "Take back what these lines settled? Other lines of the same payments are taken back as well"),
)  # fmt: skip
def reopen_items(ctx: Context, items: Sequence[SettlementItem], data: Why) -> None:
    """Make what was matched or decided open again: payments are reversed whole, decisions by red entries.

    Raises: NothingToTakeBack
    Writes: payments, invoices, entries; items of the same payments; locks them by key
    """
    for item in items:
        if not item.paid_amount and not item.decided_amount:
            raise NothingToTakeBack(number=item.outside_number or "—")
    rows = list(SettlementShare.objects.filter(
        payment__in=SettlementShare.objects.filter(item__in=items).values("payment")
    ).values("item_id", "payment_id", "customer_invoice_id", "order_id").annotate(total=Sum("amount")).exclude(total=0)
    .order_by("payment_id", "item_id"))  # fmt: skip
    held = {item.pk: item for item in items}
    others = lock(SettlementItem, {row["item_id"] for row in rows} - held.keys())
    held |= others
    db.insert_rows([
        SettlementShare(item_id=row["item_id"], payment_id=row["payment_id"], order_id=row["order_id"],
                        customer_invoice_id=row["customer_invoice_id"], amount=-row["total"])
        for row in rows
    ])  # fmt: skip
    for row in rows:
        held[row["item_id"]].paid_amount -= row["total"]
        held[row["item_id"]].open_amount += row["total"]
    payments = sorted({row["payment_id"] for row in rows})
    if payments:
        registry.command("finance.payment.reverse")(ctx, payments, {"reason": data.reason})
    decided = [item for item in items if item.decided_amount]
    reverse_of(ctx, [item.pk for item in decided])
    for item in decided:
        item.open_amount, item.decided_amount, item.account_id = item.open_amount + item.decided_amount, ZERO, None
    for item in held.values():
        if item.open_amount:
            item.state, item.reason = "open", "back"
    save(ctx, list(others.values()))
