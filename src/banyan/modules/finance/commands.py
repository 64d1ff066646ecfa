"""Every write of finance: periods, vouchers, manual entries, invoices, payments, matching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from banyan.kernel import db, registry
from banyan.kernel.commands import OfferedOn, command, execute, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Day, Input, Money, Text, field
from banyan.lib.errors import Conflict
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant
from banyan.modules.finance import charts, posting, queries, rules
from banyan.modules.finance.errors import (
    NotALeaf,
    NotBalanced,
    NothingToInvoice,
    OtherParty,
    PaidByStatement,
    PeriodIncomplete,
    SamePerson,
    TooMuchMatched,
)
from banyan.modules.finance.events import (
    CustomerInvoiced,
    CustomerInvoiceReversed,
    InvoicedLine,
    Paid,
    PeriodClosedEvent,
    SupplierInvoiced,
    SupplierInvoiceReversed,
    VoucherChecked,
    VoucherLine,
)
from banyan.modules.finance.models import (
    Account,
    CustomerInvoice,
    CustomerInvoiceLine,
    ManualEntry,
    ManualEntryLine,
    Matching,
    Payment,
    Period,
    SettlementShare,
    StockAccount,
    SupplierInvoice,
    SupplierInvoiceLine,
    Voucher,
    VoucherEntry,
)
from banyan.modules.finance.values import Leg, Posting
from banyan.modules.purchasing import commands as purchasing
from banyan.modules.sales import commands as sales

ZERO = Decimal(0)


# --- setting up ---------------------------------------------------------------------------------------------


class InstallChart(Input):
    """Which chart the books use."""

    chart: str = field(
        "科目表",
        "Chart",
        "cas_small",
        choices=[
            choice("cas_small", "小企业会计准则", "Accounting standard for small enterprises"),
            choice("cas", "企业会计准则", "Accounting standard for enterprises"),
        ],
    )


@command(
    "finance.account.install",
    L("启用科目表", "Install a chart"),
    input=InstallChart,
    on="noun",
    creates=True,
    icon="list-tree",
)
def install_chart(ctx: Context, data: InstallChart) -> tuple[Account, ...]:
    """Create the accounts of a chart, the posting rules and the general stock account; only where there are none.

    Raises: Conflict when there are accounts already
    """
    if Account.objects.exists():
        raise Conflict(
            "finance.chart_exists",
            L(
                "已有会计科目，不能再次启用科目表",
                "There are accounts already; a chart cannot be installed again",
            ),
        )
    made = charts.accounts(ctx, data.chart)
    db.insert_rows(made)
    by_code = {a.code: a.pk for a in made}
    db.insert_rows(charts.rules(ctx, data.chart, by_code))
    db.insert_rows(
        [
            StockAccount(
                account_id=by_code["1403"],
                created_at=ctx.now,
                created_by_id=ctx.person,
                changed_at=ctx.now,
                changed_by_id=ctx.person,
            )
        ]
    )
    return tuple(made)


# --- periods and vouchers -----------------------------------------------------------------------------------


class NewYear(Input):
    """A year whose twelve months are wanted as periods."""

    year: int = field("年度", "Year", ge=1990, le=2200)


@command(
    "finance.period.open_year",
    L("新建年度", "Create a year"),
    input=NewYear,
    on="noun",
    creates=True,
    icon="calendar-plus",
)
def open_year(ctx: Context, data: NewYear) -> tuple[Period, ...]:
    """Create the twelve periods of a year; those that exist stay."""
    made = []
    known = set(Period.objects.filter(starts_on__year=data.year).values_list("code", flat=True))
    for month in range(1, 13):
        first = date(data.year, month, 1)
        if f"{data.year:04}-{month:02}" not in known:
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            made.append(
                Period(
                    code=f"{data.year:04}-{month:02}",
                    starts_on=first,
                    ends_on=last,
                    created_at=ctx.now,
                    created_by_id=ctx.person,
                    changed_at=ctx.now,
                    changed_by_id=ctx.person,
                )
            )
    db.insert_rows(made)
    return tuple(made)


@command(
    "finance.period.close",
    L("结账", "Close"),
    icon="lock",
    is_primary=True,
    confirm=L("结账后该期间不能再记账，确定？", "No more entries after that. Close it?"),
)
def close_period(ctx: Context, periods: Sequence[Period]) -> None:
    """Close periods: entries get their vouchers, balances are kept, nothing more may be posted.

    Raises: PeriodIncomplete when an earlier period is open, or vouchers wait for their check
    Writes: locks the periods against postings; vouchers, account balances
    """
    for period in sorted(periods, key=lambda p: p.starts_on):
        db.one("SELECT finance_close_lock()")
        if (
            Period.objects.filter(starts_on__lt=period.starts_on, state="open")
            .exclude(pk__in=[p.pk for p in periods])
            .exists()
        ):
            raise PeriodIncomplete(
                period=period.code, reason=L("前面还有未结账的期间", "an earlier period is open")
            )
        number_vouchers(ctx, period)
        unchecked = Voucher.objects.filter(period=period, state="made").count()
        if unchecked:
            raise PeriodIncomplete(
                period=period.code,
                reason=L("有 {n} 张凭证未审核", "{n} vouchers are not checked").filled({"n": unchecked}),
            )
        _keep_balances(period)
        tell(PeriodClosedEvent(record=period.pk, code=period.code, ends_on=period.ends_on))


@command(
    "finance.period.reopen",
    L("反结账", "Re-open"),
    icon="lock-open",
    tone="orange",
    confirm=L("反结账后可以补记，确定？", "Entries can be added again. Re-open it?"),
)
def reopen_period(ctx: Context, periods: Sequence[Period]) -> None:
    """Open closed periods again; refused while a later one is closed."""
    for period in periods:
        if (
            Period.objects.filter(starts_on__gt=period.starts_on, state="closed")
            .exclude(pk__in=[p.pk for p in periods])
            .exists()
        ):
            raise PeriodIncomplete(
                period=period.code, reason=L("后面还有已结账的期间", "a later period is closed")
            )
        db.run("DELETE FROM finance_accountbalance WHERE period_id = %s", [period.pk])


def _keep_balances(period: Period) -> None:
    db.run("DELETE FROM finance_accountbalance WHERE period_id = %s", [period.pk])
    db.run(
        """
        INSERT INTO finance_accountbalance (period_id, account_id, debit, credit, closing)
        SELECT %(period)s, account_id,
               sum(CASE WHEN "on" >= %(first)s AND side = 'debit' THEN amount ELSE 0 END),
               sum(CASE WHEN "on" >= %(first)s AND side = 'credit' THEN amount ELSE 0 END),
               sum(CASE side WHEN 'debit' THEN amount ELSE -amount END)
        FROM finance_entryline WHERE "on" <= %(last)s GROUP BY account_id
        """,
        {"period": period.pk, "first": period.starts_on, "last": period.ends_on},
    )


def number_vouchers(ctx: Context, period: Period) -> int:
    """Give summary vouchers, numbered without gaps, to a period's entries that have none: one per day and event.

    Gives:  how many vouchers were made
    Writes: vouchers and the links to their entries; one person at a time (the period's counter)
    """
    db.one("SELECT pg_advisory_xact_lock(hashtextextended('finance.voucher', 0))")
    rows = db.rows(
        """
        SELECT e.id, e.on, e.event, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE 0 END)
        FROM finance_entry e JOIN finance_entryline l ON l.entry_id = e.id
        WHERE e.period_id = %s AND NOT EXISTS (SELECT 1 FROM finance_voucherentry v WHERE v.entry_id = e.id)
        GROUP BY e.id ORDER BY e.on, e.posted_at, e.id
        """,
        [period.pk],
    )
    groups = rules.voucher_groups((str(r[0]), r[1].isoformat(), r[2]) for r in rows)
    amounts = {str(r[0]): r[3] for r in rows}
    last = db.one(
        "SELECT coalesce(max(no), 0) FROM finance_voucher WHERE period_id = %s AND word = '记'", [period.pk]
    )[0]
    vouchers, links = [], []
    for no, ((day, event), keys) in enumerate(groups.items(), start=last + 1):
        voucher = Voucher(
            id=new_id(),
            period=period,
            no=no,
            on=date.fromisoformat(day),
            event=event,
            entries=len(keys),
            amount=sum((amounts[k] for k in keys), ZERO),
            made_by=ctx.person,
            created_at=ctx.now,
            created_by_id=ctx.person,
            changed_at=ctx.now,
            changed_by_id=ctx.person,
        )
        vouchers.append(voucher)
        links += [VoucherEntry(id=new_id(), voucher_id=voucher.pk, entry_id=UUID(k)) for k in keys]
    db.insert_rows(vouchers)
    db.insert_rows(links)
    return len(vouchers)


@command(
    "finance.voucher.number", L("生成凭证", "Make vouchers"), on="noun", icon="list-numbers", is_primary=True
)
def make_vouchers(ctx: Context) -> int:
    """Number the entries of all open periods; the job does the same by itself."""
    return sum(number_vouchers(ctx, p) for p in Period.objects.filter(state="open").order_by("starts_on"))


@command("finance.voucher.check", L("审核", "Check"), icon="checks", is_primary=True)
def check_voucher(ctx: Context, vouchers: Sequence[Voucher]) -> None:
    """Check vouchers made by somebody else, which makes them final.

    Raises: SamePerson
    Writes: tells VoucherChecked
    """
    for voucher in vouchers:
        if voucher.made_by == ctx.person:
            raise SamePerson()
        voucher.checked_by = ctx.person
    _tell_of_vouchers(vouchers)


def _tell_of_vouchers(vouchers: Sequence[Voucher]) -> None:
    """Tell of checked vouchers in whole, so that other books need to ask for nothing."""
    from banyan.modules.finance.nouns import EVENTS

    words = {each.key: each.label.zh for each in EVENTS}
    periods = dict(Period.objects.filter(pk__in={v.period_id for v in vouchers}).values_list("pk", "code"))
    sums = queries.sums_of_vouchers([v.pk for v in vouchers])
    for voucher in vouchers:
        tell(
            VoucherChecked(
                record=voucher.pk,
                word=voucher.word,
                no=voucher.no,
                period=periods[voucher.period_id],
                on=voucher.on,
                event=voucher.event,
                text=words.get(voucher.event, voucher.event),
                entries=voucher.entries,
                amount=voucher.amount,
                lines=tuple(
                    VoucherLine(
                        code, name, amount if side == "debit" else None, amount if side == "credit" else None, *codes
                    )
                    for code, name, side, amount, *codes in sums.get(voucher.pk, ())
                ),
            )
        )


# --- manual entries -----------------------------------------------------------------------------------------


@command("finance.manual_entry.post", L("审核记账", "Check and post"), icon="check", is_primary=True)
def post_manual_entry(ctx: Context, entries: Sequence[ManualEntry]) -> None:
    """Post entries written by somebody else.

    Raises: SamePerson, NotBalanced, NotALeaf, PeriodClosed
    """
    for entry in entries:
        if entry.created_by_id == ctx.person and not ctx.principal.id.int == 0:
            raise SamePerson()
        legs = tuple(
            Leg(
                account=row.account_id,
                side=row.side,
                amount=row.amount,
                party=row.party_id,
                employee=row.employee_id,
                department=row.department_id,
                item=row.item_id,
                work_order=row.work_order_id,
            )
            for row in ManualEntryLine.objects.filter(entry=entry).order_by("position")
        )
        debit, credit = rules.totals(legs)
        if not legs or debit != credit:
            raise NotBalanced(debit=debit, credit=credit)
        bad = (
            Account.objects.filter(pk__in={leg.account for leg in legs})
            .exclude(is_leaf=True, is_active=True)
            .first()
        )
        if bad:
            raise NotALeaf(account=f"{bad.code} {bad.name}")
        posting.post(
            ctx,
            [
                Posting(
                    "opening" if entry.is_opening else "manual",
                    entry.on,
                    "finance.manual_entry",
                    entry.pk,
                    legs,
                    entry.text,
                )
            ],
        )


class Reason(Input):
    reason: Text = field("原因", "Reason", min_length=1, max_length=200)


@command(
    "finance.manual_entry.reverse",
    L("红字冲销", "Reverse"),
    input=Reason,
    icon="arrow-back-up",
    tone="orange",
)
def reverse_manual_entry(ctx: Context, entries: Sequence[ManualEntry], data: Reason) -> None:
    """Take posted entries back by red ones, dated today where their period is closed."""
    reverse_of(ctx, [e.pk for e in entries])


def reverse_of(ctx: Context, origins: Sequence[UUID]) -> None:
    """Take entries of documents back by red ones, dated today where their period is closed."""
    rows = db.rows(
        """
        SELECT e.id, e.on, p.state FROM finance_entry e JOIN finance_period p ON p.id = e.period_id
        WHERE e.origin = ANY(%s) AND e.reverses_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM finance_entry r WHERE r.reverses_id = e.id)
        """,
        [list(origins)],
    )
    today = default_plant().day(ctx.now)
    for day in sorted({r[1] if r[2] == "open" else today for r in rows}):
        posting.reverse(ctx, [r[0] for r in rows if (r[1] if r[2] == "open" else today) == day], day)


# --- invoices from orders -----------------------------------------------------------------------------------

_TO_INVOICE = """
SELECT l.id, o.party_id, o.plant_id, o.currency_id, p.payment_days, l.item_id, l.tax_code_id,
       l.stock_quantity,
       l.net_amount, l.tax_amount, l.invoiced_quantity,
           l.{delivered} - l.returned_quantity - l.invoiced_quantity AS open
FROM {module}_orderline l JOIN {module}_order o ON o.id = l.order_id JOIN parties_party p ON p.id = o.party_id
WHERE l.order_id = ANY(%s) {more} AND l.{delivered} - l.returned_quantity <> l.invoiced_quantity
ORDER BY o.party_id, o.currency_id, o.id, l.position
"""


def _invoice(
    ctx: Context,
    rows: Sequence[tuple],
    data: InvoiceOrders | InvoicePurchases,
    model: type,
    line_model: type,
    post: Callable[..., None],
) -> tuple[Any, ...]:
    """Make invoices of what was delivered and not invoiced, one per party, currency and sign; post them where told.

    Takes:  rows of _TO_INVOICE
    Raises: NothingToInvoice
    """
    if not rows:
        raise NothingToInvoice()
    day = data.invoiced_on or default_plant().day(ctx.now)
    made: dict[tuple, tuple[Any, list[Any]]] = {}
    for line, party, plant, currency, days, item, tax_code, total, net, tax, done, open_ in rows:
        kind = "invoice" if open_ > 0 else "credit"
        key = (party, plant, currency, kind)
        if key not in made:
            made[key] = (
                model(
                    id=new_id(),
                    party_id=party,
                    plant_id=plant,
                    currency_id=currency,
                    kind=kind,
                    invoiced_on=day,
                    due_on=day + timedelta(days=days or 0),
                    reference=data.reference,
                    created_at=ctx.now,
                    created_by_id=ctx.person,
                    changed_at=ctx.now,
                    changed_by_id=ctx.person,
                ),
                [],
            )
        invoice, lines = made[key]
        net_part, tax_part = rules.share(net, done, open_, total), rules.share(tax, done, open_, total)
        lines.append(
            line_model(
                id=new_id(),
                invoice_id=invoice.pk,
                position=len(lines) + 1,
                item_id=item,
                quantity=open_,
                price=rules.price_of(net_part, open_),
                tax_code_id=tax_code,
                order_line_id=line,
                net_amount=net_part,
                tax_amount=tax_part,
            )
        )
        invoice.net_amount += net_part
        invoice.tax_amount += tax_part
        invoice.gross_amount = invoice.net_amount + invoice.tax_amount
    invoices = tuple(invoice for invoice, _ in made.values())
    db.insert_rows(invoices)
    db.insert_rows([row for _, lines in made.values() for row in lines])
    if data.post:
        post(ctx, [i.pk for i in invoices])
        for invoice in invoices:
            invoice.refresh_from_db()
    return invoices


# --- customer invoices --------------------------------------------------------------------------------------


class InvoiceOrders(Input):
    """Which orders to invoice: everything shipped, less what came back, that is not invoiced yet."""

    orders: list[UUID] = field(
        "销售订单", "Sales orders", min_length=1, max_length=500, reference="sales.order"
    )
    invoiced_on: Day | None = field("开票日期", "Invoiced on", None)
    reference: Text = field("发票号码", "Invoice reference", "", max_length=80)
    post: bool = field("直接记账", "Post at once", True)


@command(
    "finance.customer_invoice.from_orders",
    L("按订单开票", "Invoice orders"),
    input=InvoiceOrders,
    on="noun",
    creates=True,
    icon="file-invoice",
    is_primary=True,
    offered_on=(
        OfferedOn("sales.order", "orders", states=("partly_shipped", "shipped", "closed")),
        OfferedOn("sales.shipment", "orders", value="order", states=("shipped",)),
    ),
)
def invoice_orders(ctx: Context, data: InvoiceOrders) -> tuple[CustomerInvoice, ...]:
    """Invoice what was shipped of orders, one invoice per customer and currency; what came back as a red credit note.

    Raises: NothingToInvoice; what posting raises
    Writes: invoices with lines; entries when posted at once
    """
    rows = db.rows(_TO_INVOICE.format(module="sales", delivered="shipped_quantity", more=""), [data.orders])
    return _invoice(ctx, rows, data, CustomerInvoice, CustomerInvoiceLine, post_customer_invoice)


@command("finance.customer_invoice.post", L("记账", "Post"), icon="check", is_primary=True)
def post_customer_invoice(ctx: Context, invoices: Sequence[CustomerInvoice]) -> None:
    """Post customer invoices: receivable against revenue and VAT, and the cost of what was shipped.

    Raises: NothingToInvoice without lines; what sales refuses when more is invoiced than was shipped
    Writes: entries; the order lines' invoiced quantity; locks the orders
    """
    lines = list(CustomerInvoiceLine.objects.filter(invoice__in=invoices).order_by("invoice", "position"))
    _count_invoiced(ctx, sales.count_invoiced, lines)
    accounts = posting.accounts_needed(("customer_invoice", "customer_invoice_tax", "cost_of_sales"))
    receivable, revenue = accounts["customer_invoice"]
    _, output_tax = accounts["customer_invoice_tax"]
    cost, shipped = accounts["cost_of_sales"]
    standing = queries.balances_by_origin_line(shipped, [r.order_line_id for r in lines if r.order_line_id])
    postings = []
    for invoice in invoices:
        own = [r for r in lines if r.invoice_id == invoice.pk]
        if not own:
            raise NothingToInvoice()
        legs = [
            Leg(receivable, "debit", invoice.gross_amount, party=invoice.party_id, plant=invoice.plant_id)
        ]
        for row in own:
            legs.append(
                Leg(
                    revenue,
                    "credit",
                    row.net_amount,
                    party=invoice.party_id,
                    item=row.item_id,
                    plant=invoice.plant_id,
                    quantity=row.quantity,
                )
            )
            quantity, amount = standing.get(row.order_line_id, (ZERO, ZERO))
            value = rules.cost_share(quantity, amount, row.quantity)
            standing[row.order_line_id] = (quantity - row.quantity, amount - value)
            legs += [
                Leg(
                    cost,
                    "debit",
                    value,
                    party=invoice.party_id,
                    item=row.item_id,
                    plant=invoice.plant_id,
                    quantity=row.quantity,
                ),
                Leg(
                    shipped,
                    "credit",
                    value,
                    party=invoice.party_id,
                    item=row.item_id,
                    plant=invoice.plant_id,
                    quantity=row.quantity,
                    origin_line=row.order_line_id,
                ),
            ]
        legs.append(
            Leg(output_tax, "credit", invoice.tax_amount, party=invoice.party_id, plant=invoice.plant_id)
        )
        postings.append(
            Posting(
                "customer_invoice", invoice.invoiced_on, "finance.customer_invoice", invoice.pk, tuple(legs)
            )
        )
    posting.post(ctx, postings)
    _tell_of(CustomerInvoiced, invoices, lines)


def _tell_of(
    event: type,
    invoices: Sequence[CustomerInvoice | SupplierInvoice],
    lines: Sequence[CustomerInvoiceLine | SupplierInvoiceLine],
    sign: int = 1,
) -> None:
    """Tell of invoices in whole, so that other books need to ask for nothing. sign: -1 where they are taken back."""
    names = queries.codes_of_invoices(
        [i.party_id for i in invoices], [i.currency_id for i in invoices],
        [r.item_id for r in lines if r.item_id], [r.tax_code_id for r in lines],
    )  # fmt: skip
    units = queries.units_of_items([r.item_id for r in lines if r.item_id])
    orders = queries.orders_of_lines([r.order_line_id for r in lines if r.order_line_id])
    for invoice in invoices:
        code, name = names[invoice.party_id]
        tell(
            event(
                record=invoice.pk,
                kind=invoice.kind,
                party=code,
                party_name=name,
                invoiced_on=invoice.invoiced_on,
                due_on=invoice.due_on,
                currency=names[invoice.currency_id][0],
                reference=invoice.reference,
                net_amount=sign * invoice.net_amount,
                tax_amount=sign * invoice.tax_amount,
                gross_amount=sign * invoice.gross_amount,
                lines=tuple(
                    InvoicedLine(
                        order_line=row.order_line_id,
                        item=names[row.item_id][0] if row.item_id else "",
                        text=row.text or (names[row.item_id][1] if row.item_id else ""),
                        quantity=sign * row.quantity,
                        price=row.price,
                        tax_code=names[row.tax_code_id][0],
                        net_amount=sign * row.net_amount,
                        tax_amount=sign * row.tax_amount,
                        unit=units.get(row.item_id, ""),
                        order_number=orders.get(row.order_line_id, ("", ""))[0],
                        order_reference=orders.get(row.order_line_id, ("", ""))[1],
                    )
                    for row in lines
                    if row.invoice_id == invoice.pk
                ),
            )
        )


def _count_invoiced(
    ctx: Context,
    count: Callable[..., None],
    lines: Sequence[CustomerInvoiceLine | SupplierInvoiceLine],
    sign: int = 1,
) -> None:
    """Tell the orders what is invoiced of their lines, or no longer is."""
    wanted: dict[UUID, Decimal] = {}
    for row in lines:
        if row.order_line_id:
            wanted[row.order_line_id] = wanted.get(row.order_line_id, ZERO) + sign * row.quantity
    if wanted:
        count(ctx, wanted)


@command(
    "finance.customer_invoice.reverse",
    L("红字冲销", "Reverse"),
    input=Reason,
    icon="arrow-back-up",
    tone="orange",
)
def reverse_customer_invoice(ctx: Context, invoices: Sequence[CustomerInvoice], data: Reason) -> None:
    """Take posted invoices back whole by red entries. Raises: Conflict when a payment is matched to one."""
    _refuse_settled(invoices)
    lines = list(CustomerInvoiceLine.objects.filter(invoice__in=invoices).order_by("invoice", "position"))
    _count_invoiced(ctx, sales.count_invoiced, lines, -1)
    reverse_of(ctx, [i.pk for i in invoices])
    _tell_of(CustomerInvoiceReversed, invoices, lines, -1)


def _refuse_settled(invoices: Sequence[CustomerInvoice | SupplierInvoice]) -> None:
    for invoice in invoices:
        if invoice.settled_amount:
            raise Conflict(
                "finance.invoice_settled",
                L("{number} 已有核销，先取消核销", "{number} is matched to a payment; take that back first"),
                {"number": invoice.number},
            )


# --- supplier invoices --------------------------------------------------------------------------------------


class InvoicePurchases(Input):
    """Which purchase orders the supplier has invoiced: everything received that is not invoiced yet."""

    orders: list[UUID] = field(
        "采购订单", "Purchase orders", min_length=1, max_length=500, reference="purchasing.order"
    )
    invoiced_on: Day | None = field("发票日期", "Invoiced on", None)
    reference: Text = field("发票号码", "Invoice reference", "", max_length=80)
    post: bool = field("直接记账", "Post at once", True)


@command(
    "finance.supplier_invoice.from_orders",
    L("按采购订单收票", "Enter from orders"),
    input=InvoicePurchases,
    on="noun",
    creates=True,
    icon="file-import",
    is_primary=True,
    offered_on=(
        OfferedOn("purchasing.order", "orders", states=("partly_received", "received", "closed")),
        OfferedOn("purchasing.receipt", "orders", value="order", states=("partly_booked", "booked")),
    ),
)
def invoice_purchases(ctx: Context, data: InvoicePurchases) -> tuple[SupplierInvoice, ...]:
    """Enter the supplier's invoice for what was received, at the order's prices, one per supplier and currency.

    Raises: NothingToInvoice; what posting raises
    """
    rows = db.rows(
        _TO_INVOICE.format(module="purchasing", delivered="received_quantity", more="AND NOT o.is_history"),
        [data.orders],
    )
    return _invoice(ctx, rows, data, SupplierInvoice, SupplierInvoiceLine, post_supplier_invoice)


@command("finance.supplier_invoice.post", L("记账", "Post"), icon="check", is_primary=True)
def post_supplier_invoice(ctx: Context, invoices: Sequence[SupplierInvoice]) -> None:
    """Post supplier invoices: received not invoiced and input VAT against the payable; price differences apart.

    Raises: what purchasing refuses when more is invoiced than was received
    """
    lines = list(SupplierInvoiceLine.objects.filter(invoice__in=invoices).order_by("invoice", "position"))
    _count_invoiced(ctx, purchasing.count_invoiced, lines)
    accounts = posting.accounts_needed(("supplier_invoice", "supplier_invoice_tax", "price_variance"))
    received, payable = accounts["supplier_invoice"]
    input_tax, _ = accounts["supplier_invoice_tax"]
    variance, _ = accounts["price_variance"]
    standing = queries.balances_by_origin_line(received, [r.order_line_id for r in lines if r.order_line_id])
    postings = []
    for invoice in invoices:
        own = [r for r in lines if r.invoice_id == invoice.pk]
        if not own:
            raise NothingToInvoice()
        legs = []
        for row in own:
            if row.order_line_id:
                quantity, amount = standing.get(row.order_line_id, (ZERO, ZERO))
                value = -rules.cost_share(-quantity, amount, row.quantity) if quantity else row.net_amount
                standing[row.order_line_id] = (quantity + row.quantity, amount + value)
            else:
                value = row.net_amount
            legs.append(
                Leg(
                    received,
                    "debit",
                    value,
                    party=invoice.party_id,
                    item=row.item_id,
                    plant=invoice.plant_id,
                    quantity=row.quantity,
                    origin_line=row.order_line_id,
                )
            )
            legs.append(
                Leg(
                    variance,
                    "debit",
                    row.net_amount - value,
                    party=invoice.party_id,
                    item=row.item_id,
                    plant=invoice.plant_id,
                )
            )
        legs.append(
            Leg(input_tax, "debit", invoice.tax_amount, party=invoice.party_id, plant=invoice.plant_id)
        )
        legs.append(
            Leg(payable, "credit", invoice.gross_amount, party=invoice.party_id, plant=invoice.plant_id)
        )
        postings.append(
            Posting(
                "supplier_invoice", invoice.invoiced_on, "finance.supplier_invoice", invoice.pk, tuple(legs)
            )
        )
    posting.post(ctx, postings)
    _tell_of(SupplierInvoiced, invoices, lines)


@command(
    "finance.supplier_invoice.reverse",
    L("红字冲销", "Reverse"),
    input=Reason,
    icon="arrow-back-up",
    tone="orange",
)
def reverse_supplier_invoice(ctx: Context, invoices: Sequence[SupplierInvoice], data: Reason) -> None:
    """Take posted supplier invoices back whole by red entries. Raises: Conflict when a payment is matched to one."""
    _refuse_settled(invoices)
    lines = list(SupplierInvoiceLine.objects.filter(invoice__in=invoices).order_by("invoice", "position"))
    _count_invoiced(ctx, purchasing.count_invoiced, lines, -1)
    reverse_of(ctx, [i.pk for i in invoices])
    _tell_of(SupplierInvoiceReversed, invoices, lines, -1)


# --- payments -----------------------------------------------------------------------------------------------


class Share(Input):
    """How much of a payment settles which invoice; empty means as much as possible."""

    invoice: UUID = field("发票", "Invoice")
    amount: Money | None = field("金额", "Amount", None)


class PostPayment(Input):
    """Which invoices the payment settles; the rest is an advance."""

    invoices: list[Share] = field("核销发票", "Settles", default_factory=list, max_length=500)


@command("finance.payment.post", L("记账", "Post"), input=PostPayment, icon="check", is_primary=True)
def post_payment(ctx: Context, payments: Sequence[Payment], data: PostPayment) -> None:
    """Post payments and match them to invoices where told.

    Raises: TooMuchMatched, OtherParty
    Writes: entries, matchings; locks the invoices
    """
    postings = entries_of_payments(payments)
    if data.invoices and len(payments) == 1:
        _match(ctx, payments[0], data.invoices)
    posting.post(ctx, postings)


def entries_of_payments(payments: Sequence[Payment]) -> list[Posting]:
    """Give what payments post, and tell of them. Raises: BooksOff, NoRule."""
    accounts = posting.accounts_needed({"payment_in", *(f"payment_{payment.direction}" for payment in payments)})
    postings = []
    for payment in payments:
        if payment.direction == "in":
            other = accounts["payment_in"][1]
            legs = (
                Leg(payment.account_id, "debit", payment.amount),
                Leg(other, "credit", payment.amount, party=payment.party_id),
            )
        else:
            other = accounts[f"payment_{payment.direction}"][0]
            legs = (
                Leg(other, "debit", payment.amount, party=payment.party_id),
                Leg(payment.account_id, "credit", payment.amount),
            )
        postings.append(
            Posting(
                f"payment_{payment.direction}",
                payment.paid_on,
                "finance.payment",
                payment.pk,
                legs,
                payment.reference,
            )
        )
        tell(
            Paid(
                record=payment.pk, party=payment.party_id, direction=payment.direction, amount=payment.amount
            )
        )
    return postings


@command("finance.payment.match", L("核销", "Match"), input=PostPayment, icon="link")
def match_payment(ctx: Context, payments: Sequence[Payment], data: PostPayment) -> None:
    """Match posted payments to invoices, in the order given. Raises: TooMuchMatched, OtherParty."""
    for payment in payments:
        _match(ctx, payment, data.invoices)


def _match(ctx: Context, payment: Payment, shares: Sequence[Share]) -> None:
    kind = SupplierInvoice if payment.direction == "out" else CustomerInvoice
    sign = -1 if payment.direction == "back" else 1
    invoices = lock(kind, [s.invoice for s in shares])
    made = []
    for share in shares:
        invoice = invoices.get(share.invoice)
        if invoice is None or invoice.party_id != payment.party_id:
            raise OtherParty(
                fields={"invoices": L("不是该往来单位的发票", "is not an invoice of that party")}
            )
        if invoice.state != "posted":
            raise Conflict(
                "finance.not_posted",
                L("{number} 尚未记账或已冲销", "{number} is not posted or was reversed"),
                {"number": invoice.number or "—"},
            )
        open_ = sign * (invoice.gross_amount - invoice.settled_amount)
        amount = (
            share.amount if share.amount is not None else min(open_, payment.amount - payment.matched_amount)
        )
        if not 0 < amount <= open_:
            raise TooMuchMatched(document=invoice.number, open=open_, given=amount)
        if amount > payment.amount - payment.matched_amount:
            raise TooMuchMatched(
                document=payment.number or L("本次付款", "this payment"),
                open=payment.amount - payment.matched_amount,
                given=amount,
            )
        invoice.settled_amount += sign * amount
        payment.matched_amount += amount
        if invoice.settled_amount == invoice.gross_amount:
            invoice.state = "paid"
        made.append(
            Matching(
                payment=payment,
                amount=sign * amount,
                at=ctx.now,
                by=ctx.person,
                customer_invoice=invoice if kind is CustomerInvoice else None,
                supplier_invoice=invoice if kind is SupplierInvoice else None,
            )
        )
    save(ctx, list(invoices.values()))
    db.insert_rows(made)


class Settle(Input):
    """How invoices are paid; what is left empty follows from them and from the posting rule."""

    amount: Money | None = field(
        "金额", "Amount", None, gt=0, help=L("空为全部未结", "All that is open when empty")
    )
    paid_on: Day | None = field("日期", "Paid on", None)
    account: UUID | None = field("账户", "Account", None, reference="finance.account")
    method: Text = field(
        "方式",
        "Method",
        "transfer",
        choices=[
            choice("transfer", "转账", "Transfer"),
            choice("cash", "现金", "Cash"),
            choice("acceptance", "承兑汇票", "Acceptance bill"),
            choice("other", "其他", "Other"),
        ],
    )
    reference: Text = field("流水号", "Reference", "", max_length=80)


class Collect(Settle):
    """Which invoices a customer pays."""

    invoices: list[UUID] = field(
        "销售发票", "Customer invoices", min_length=1, max_length=500, reference="finance.customer_invoice"
    )


class PayInvoices(Settle):
    """Which suppliers' invoices are paid."""

    invoices: list[UUID] = field(
        "采购发票", "Supplier invoices", min_length=1, max_length=500, reference="finance.supplier_invoice"
    )


@command(
    "finance.payment.collect",
    L("收款", "Receive payment"),
    input=Collect,
    on="noun",
    creates=True,
    icon="cash",
    is_primary=True,
    offered_on=(OfferedOn("finance.customer_invoice", "invoices", states=("posted",)),),
)
def collect(ctx: Context, data: Collect) -> tuple[Payment, ...]:
    """Note that a customer has paid invoices: a payment, posted and matched to them in their order.

    Raises: OtherParty for invoices of several; what posting and matching raise
    Writes: as creating and posting a payment
    """
    return _settle(ctx, data, CustomerInvoice, "in")


@command(
    "finance.payment.pay",
    L("付款", "Pay"),
    input=PayInvoices,
    on="noun",
    creates=True,
    icon="cash",
    is_primary=True,
    offered_on=(OfferedOn("finance.supplier_invoice", "invoices", states=("posted",)),),
)
def pay(ctx: Context, data: PayInvoices) -> tuple[Payment, ...]:
    """Note that suppliers' invoices have been paid, as `collect` does for customers."""
    return _settle(ctx, data, SupplierInvoice, "out")


def _settle(ctx: Context, data: Collect | PayInvoices, model: type, direction: str) -> tuple[Payment, ...]:
    found = {invoice.pk: invoice for invoice in model.objects.filter(pk__in=data.invoices)}
    if (
        len(found) < len(set(data.invoices))
        or len({(i.party_id, i.currency_id) for i in found.values()}) != 1
    ):
        raise OtherParty(
            fields={"invoices": L("须为同一往来单位、同一币种的发票", "must be of one party and currency")}
        )
    first = found[data.invoices[0]]
    received, paid = posting.accounts_needed(("payment_in", "payment_out")).values()
    amount = data.amount or sum((i.gross_amount - i.settled_amount for i in found.values()), ZERO)
    record = {
        "direction": direction,
        "party": first.party_id,
        "currency": first.currency_id,
        "amount": amount,
        "account": data.account or (received[0] if direction == "in" else paid[1]),
        "method": data.method,
        "paid_on": data.paid_on or default_plant().day(ctx.now),
        "reference": data.reference,
    }
    made = execute(ctx, registry.command("finance.payment.create"), data={"records": [record]}).value
    shares = _shares([found[key] for key in data.invoices], amount)
    post_payment(ctx, [made[0].pk], {"invoices": [{"invoice": key} for key in shares]})
    made[0].refresh_from_db()
    return tuple(made)


def _shares(invoices: Sequence[Any], amount: Decimal) -> list[UUID]:
    """Give the invoices that an amount reaches, in their order."""
    reached = []
    for invoice in invoices:
        if amount > 0:
            reached.append(invoice.pk)
            amount -= invoice.gross_amount - invoice.settled_amount
    return reached


@command(
    "finance.payment.reverse", L("红字冲销", "Reverse"), input=Reason, icon="arrow-back-up", tone="orange"
)
def reverse_payment(ctx: Context, payments: Sequence[Payment], data: Reason) -> None:
    """Take posted payments back: matchings are undone by opposite rows, entries by red ones.

    Raises: PaidByStatement while a shop's statement counts on one
    """
    shares = SettlementShare.objects.filter(payment__in=payments).values("payment_id").annotate(total=Sum("amount"))
    counted = set(shares.exclude(total=0).values_list("payment_id", flat=True))
    for payment in payments:
        if payment.pk in counted:
            raise PaidByStatement(payment=payment.number)
    matched = (
        Matching.objects.filter(payment__in=payments)
        .values("payment_id", "customer_invoice_id", "supplier_invoice_id")
        .annotate(total=Sum("amount"))
        .exclude(total=0)
    )
    rows = list(matched)
    for kind, column in ((CustomerInvoice, "customer_invoice_id"), (SupplierInvoice, "supplier_invoice_id")):
        invoices = lock(kind, [r[column] for r in rows if r[column]])
        for row in rows:
            if row[column]:
                invoice = invoices[row[column]]
                invoice.settled_amount -= row["total"]
                invoice.state = "posted"
        save(ctx, list(invoices.values()))
    db.insert_rows(
        [
            Matching(
                payment_id=r["payment_id"],
                customer_invoice_id=r["customer_invoice_id"],
                supplier_invoice_id=r["supplier_invoice_id"],
                amount=-r["total"],
                at=ctx.now,
                by=ctx.person,
            )
            for r in rows
        ]
    )
    for payment in payments:
        payment.matched_amount = ZERO
    reverse_of(ctx, [p.pk for p in payments])
