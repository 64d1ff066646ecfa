"""What finance does when something happens elsewhere: it posts in the same transaction, and may refuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import execute, teller
from banyan.kernel.context import Context
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.events import after_commit, before_commit
from banyan.kernel.registry import answers
from banyan.lib.labels import L
from banyan.modules.channels.events import RefundDecided, StatementSettled
from banyan.modules.channels.models import Refund
from banyan.modules.company.queries import plants
from banyan.modules.finance import posting, queries, rules
from banyan.modules.finance.errors import CreditExceeded, CreditNeedsConsent
from banyan.modules.finance.events import CustomerInvoiced
from banyan.modules.finance.models import Period
from banyan.modules.finance.refunds import credit_what_is_due, orders_given_back
from banyan.modules.finance.statements import match_items, take_in
from banyan.modules.finance.values import Leg, Posting
from banyan.modules.inventory.events import StockMoved, StockRevalued
from banyan.modules.inventory.values import MovedFact
from banyan.modules.production.events import OutsideWorkReceived, Reported, WorkOrderClosed
from banyan.modules.sales.events import OrderConfirmed
from banyan.modules.wages.events import StatementConfirmed, StatementPaid, StatementReversed

ZERO = Decimal(0)
WORK_ORDER, COMPLETION = "production.work_order", "production.completion"
#: Where a document's line says which order line it is about, and whose: noun → SQL over its lines' keys.
_LINE_OF = {
    "sales.shipment": (
        "SELECT s.id, s.order_line_id, p.party_id FROM sales_shipmentline s "
        "JOIN sales_shipment p ON p.id = s.shipment_id WHERE s.id = ANY(%s)"
    ),
    "sales.return_order": (
        "SELECT s.id, s.order_line_id, p.party_id FROM sales_returnline s "
        "JOIN sales_returnorder p ON p.id = s.return_order_id WHERE s.id = ANY(%s)"
    ),
    "purchasing.receipt": (
        "SELECT s.id, s.order_line_id, p.party_id FROM purchasing_receiptline s "
        "JOIN purchasing_receipt p ON p.id = s.receipt_id WHERE s.id = ANY(%s)"
    ),
    "purchasing.return_order": (
        "SELECT s.id, s.order_line_id, p.party_id FROM purchasing_returnline s "
        "JOIN purchasing_returnorder p ON p.id = s.return_order_id WHERE s.id = ANY(%s)"
    ),
}


@answers("inventory.period_is_open")
def period_is_open(day: date) -> bool:
    """Say whether goods may be moved on a day: its period is open, or the factory keeps no books yet."""
    is_open = Period.objects.filter(starts_on__lte=day, ends_on__gte=day, state="open").exists()
    return is_open or not posting.are_books_on()


@answers("inventory.first_open_day")
def first_open_day(day: date) -> date | None:
    """Give the first day from one on whose period is open; the day itself while the factory keeps no books."""
    return posting.first_open_day(day)


@before_commit(StockMoved)
def post_stock(ctx: Context, events: Sequence[StockMoved]) -> None:
    """Post every move that changes what our stock is worth, by the posting rule of its kind; taken back ones red."""
    facts = [f for e in events for f in e.moves if f.amount or f.difference]
    if not facts:
        return
    lines = _lines(facts)
    made = _items_of_orders({f.origin for f in facts if f.origin_noun == WORK_ORDER})
    papers = _orders_of_completions({f.origin for f in facts if f.origin_noun == COMPLETION})
    kinds = {f.move: _kind(f, made, papers) for f in facts}
    facts = [f for f in facts if kinds[f.move]]
    accounts = posting.accounts_of(
        {rules.RED.get(kinds[f.move][0], kinds[f.move][0]) for f in facts} | {"price_variance"}
    )
    if not facts or not accounts:
        return
    stock = posting.stock_accounts([f.item for f in facts])
    zones = {p.id: p for p in plants({f.plant for f in facts})}
    groups: dict[tuple, list[Leg]] = {}
    for fact in facts:
        event, sign = kinds[fact.move]
        if event in rules.RED:
            event, sign = rules.RED[event], -sign
        debit, credit = accounts[event]
        line, party = lines.get(fact.origin_line, (None, None))
        order = fact.origin if fact.origin_noun == WORK_ORDER else papers.get(fact.origin)
        far = dict(
            item=fact.item,
            plant=fact.plant,
            quantity=sign * fact.quantity,
            party=party,
            work_order=order,
            origin_line=line,
        )
        near = dict(item=fact.item, plant=fact.plant, quantity=sign * fact.quantity)
        amount = sign * fact.amount
        legs = groups.setdefault(
            (event, zones[fact.plant].day(fact.moved_at), fact.origin_noun, fact.origin, fact.reason), []
        )
        whole = amount + sign * fact.difference
        if debit is None:
            legs += [Leg(stock[fact.item], "debit", amount, **near), Leg(credit, "credit", whole, **far)]
            legs.append(
                Leg(accounts["price_variance"][0], "debit", whole - amount, item=fact.item, plant=fact.plant)
            )
        else:
            legs += [Leg(debit, "debit", whole, **far), Leg(stock[fact.item], "credit", amount, **near)]
            legs.append(
                Leg(accounts["price_variance"][0], "credit", whole - amount, item=fact.item, plant=fact.plant)
            )
    posting.post(
        ctx,
        [
            Posting(event, day, noun, origin, tuple(legs), reason)
            for (event, day, noun, origin, reason), legs in groups.items()
        ],
    )


def _kind(fact: MovedFact, made: dict[UUID, UUID], papers: dict[UUID, UUID]) -> tuple[str, int] | None:
    """Give (event, sign) of a move; a reverse move is the first one's event with the sign turned."""
    source, target, sign = fact.source_kind, fact.target_kind, 1
    if fact.reverses:
        source, target, sign = target, source, -1
    is_finished = fact.origin in papers or made.get(fact.origin) == fact.item
    event = rules.stock_event(
        source, target, is_finished=is_finished, is_opening=fact.reason in ("opening", "期初")
    )
    return (event, sign) if event else None


def _lines(facts: Sequence[MovedFact]) -> dict[UUID | None, tuple[UUID, UUID]]:
    found: dict[UUID | None, tuple[UUID, UUID]] = {}
    for noun, sql in _LINE_OF.items():
        ids = {f.origin_line for f in facts if f.origin_noun == noun and f.origin_line}
        if ids:
            found |= {key: (line, party) for key, line, party in db.rows(sql, [list(ids)])}
    return found


def _orders_of_completions(papers: set[UUID]) -> dict[UUID, UUID]:
    if not papers:
        return {}
    return dict(db.rows("SELECT id, work_order_id FROM production_completion WHERE id = ANY(%s)", [list(papers)]))


def _items_of_orders(orders: set[UUID]) -> dict[UUID, UUID]:
    if not orders:
        return {}
    return dict(db.rows("SELECT id, item_id FROM production_workorder WHERE id = ANY(%s)", [list(orders)]))


@before_commit(StockRevalued)
def post_revaluation(ctx: Context, events: Sequence[StockRevalued]) -> None:
    """Post what a cost run changed: stock against the production variance it came from."""
    changes = [(e, *c) for e in events for c in e.changes if c[2]]
    if not changes:
        return
    accounts = posting.accounts_of(["production_variance"])
    if not accounts:
        return
    variance = accounts["production_variance"][0]
    stock = posting.stock_accounts([item for _, item, *_ in changes])
    zones = {p.id: p for p in plants({plant for _, _, plant, *_ in changes})}
    posting.post(
        ctx,
        [
            Posting(
                "production_variance",
                zones[plant].day(ctx.now),
                e.noun or "inventory.value_entry",
                e.record,
                (
                    Leg(stock[item], "debit", amount, item=item, plant=plant),
                    Leg(variance, "credit", amount, item=item, plant=plant),
                ),
                reason,
            )
            for e, item, plant, amount, reason in changes
        ],
    )


@before_commit(Reported)
def post_conversion(ctx: Context, events: Sequence[Reported]) -> None:
    """Post reported time to work in process: labour, machine and overhead against what is absorbed.

    It is posted on the day on which it was done; told after that day's period was closed, on the first open day, and
    the entry says so
    """
    paid = [e for e in events if e.labour_amount or e.machine_amount or e.overhead_amount]
    if not paid:
        return
    accounts = posting.accounts_of(("labour", "machine", "overhead"))
    if not accounts:
        return
    days = _days_of(paid)
    postings = []
    for e in paid:
        legs = []
        for kind, amount in (
            ("labour", e.labour_amount),
            ("machine", e.machine_amount),
            ("overhead", e.overhead_amount),
        ):
            debit, credit = accounts[kind]
            legs += [
                Leg(debit, "debit", amount, work_order=e.record, plant=e.plant),
                Leg(credit, "credit", amount, plant=e.plant),
            ]
        on, text = days[e.report]
        postings.append(
            Posting(
                "conversion", on, "production.report", e.report, tuple(legs), text, person=teller(ctx, e).person
            )
        )
    posting.post(ctx, postings)


def _days_of(events: Sequence[Reported]) -> dict[UUID, tuple[date, str]]:
    """Give on which day each report is posted, and what the entry says where that is not the day of the work.

    Two statements for each day before today, none without such
    """
    zones = {p.id: p for p in plants({e.plant for e in events})}
    days = {e.report: (zones[e.plant].day(e.happened_at), zones[e.plant].day(e.reported_at)) for e in events}
    late = sorted({done for done, told in days.values() if done < told})
    opens = {done: posting.first_open_day(done) for done in late}
    text = L("{day} 的报工，期间已结账，记到首个开放日", "Work of {day}, whose period is closed: on the first open day")
    found = {}
    for report, (done, told) in days.items():
        on = min(opens.get(done, done) or told, told)
        found[report] = (on, "" if on == done else str(text.filled({"day": done})))
    return found


@before_commit(OutsideWorkReceived)
def post_outside_work(ctx: Context, events: Sequence[OutsideWorkReceived]) -> None:
    """Post a subcontractor's work to work in process against what is received and not invoiced; red when taken back."""
    accounts = posting.accounts_of(["subcontract"])
    if not accounts:
        return
    debit, credit = accounts["subcontract"]
    zones = {p.id: p for p in plants({e.plant for e in events})}
    posting.post(
        ctx,
        [
            Posting(
                "subcontract", zones[e.plant].day(e.at), "production.outside_work", e.outside,
                (
                    Leg(debit, "debit", e.amount, work_order=e.record, plant=e.plant),
                    Leg(
                        credit, "credit", e.amount, party=e.party, item=e.item, plant=e.plant, quantity=e.quantity,
                        origin_line=e.order_line,
                    ),
                ),
            )
            for e in events
        ],
    )  # fmt: skip


@before_commit(WorkOrderClosed)
def post_variance(ctx: Context, events: Sequence[WorkOrderClosed]) -> None:
    """Take what is left of a closed order's work in process to the production variance, so that it ends at zero; that
    of a temporary card on what is no item to the account of temporary work."""
    left: dict[UUID, list[tuple[UUID, Decimal]]] = {}
    for order, account, amount in db.rows(
        """
        SELECT l.work_order_id, l.account_id, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
        FROM finance_entryline l JOIN finance_account a ON a.id = l.account_id
        WHERE l.work_order_id = ANY(%s) AND a.kind = 'cost' GROUP BY 1, 2
        HAVING sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END) <> 0
        """,
        [[e.record for e in events]],
    ):
        left.setdefault(order, []).append((account, amount))
    if not left:
        return
    names = {e.record: "temporary_work" if e.part_name else "production_variance" for e in events}
    accounts = posting.accounts_of(names.values())
    zones = {p.id: p for p in plants({e.plant for e in events})}
    posting.post(
        ctx,
        [
            Posting(
                names[e.record],
                zones[e.plant].day(ctx.now),
                "production.work_order",
                e.record,
                (
                    Leg(
                        accounts[names[e.record]][0],
                        "debit",
                        sum((a for _, a in left[e.record]), ZERO),
                        work_order=e.record,
                        item=e.item,
                        plant=e.plant,
                    ),
                    *(
                        Leg(account, "credit", amount, work_order=e.record, plant=e.plant)
                        for account, amount in left[e.record]
                    ),
                ),
            )
            for e in events
            if e.record in left
        ],
    )


@before_commit(StatementConfirmed)
def accrue_wages(ctx: Context, events: Sequence[StatementConfirmed]) -> None:
    """Post wages that are owed, by person: what was absorbed as labour against wages payable."""
    _post_wages(ctx, "wage_accrual", events, 1)


@before_commit(StatementReversed)
def take_back_wages(ctx: Context, events: Sequence[StatementReversed]) -> None:
    """Post red what a statement that is taken back had accrued."""
    _post_wages(ctx, "wage_accrual", events, -1)


@before_commit(StatementPaid)
def pay_wages(ctx: Context, events: Sequence[StatementPaid]) -> None:
    """Post wages that are paid: wages payable against the bank."""
    _post_wages(ctx, "wage_payment", events, 1)


def _post_wages(
    ctx: Context, event: str, told: Sequence[StatementConfirmed | StatementReversed | StatementPaid], sign: int
) -> None:
    accounts = posting.accounts_of([event])
    if not accounts:
        return
    debit, credit = accounts[event]
    posting.post(
        ctx,
        [
            Posting(
                event, e.on, "wages.statement", e.record,
                tuple(
                    Leg(account, side, sign * e.amount, department=e.department, employee=e.employee, plant=e.plant)
                    for account, side in ((debit, "debit"), (credit, "credit"))
                ),
            )
            for e in told
        ],
    )  # fmt: skip


@before_commit(StatementSettled)
def post_statements(ctx: Context, events: Sequence[StatementSettled]) -> None:
    """Bring shops' statements into the books: payments for invoices, fees, and what stays open."""
    take_in(ctx, [e.record for e in events])


@after_commit(CustomerInvoiced)
def pay_by_statements(ctx: Context, event: Delivered) -> None:
    """Let what shops have paid out for an order before it was invoiced pay for its invoice now."""
    waiting = queries.items_waiting_for(event.record)
    if waiting:
        execute(ctx, match_items, ids=waiting, data={})


@after_commit(RefundDecided)
def credit_refund(ctx: Context, event: Delivered) -> None:
    """Credit what a shop's buyer was paid back without goods."""
    if (event.payload["decision"], event.payload["kind"]) == ("refunded", "refund"):
        credit_what_is_due(ctx, Refund.objects.filter(pk=event.record).values_list("channel_order_id", flat=True))


@after_commit(CustomerInvoiced)
def credit_refunds_of_invoiced(ctx: Context, event: Delivered) -> None:
    """Credit what was paid back of a shop's order before it was invoiced."""
    credit_what_is_due(ctx, orders_given_back(event.record))


@before_commit(OrderConfirmed)
def check_credit(ctx: Context, events: Sequence[OrderConfirmed]) -> None:
    """Refuse an order that exceeds the customer's credit limit; who may override is asked once.

    Raises: CreditExceeded, CreditNeedsConsent
    """
    parties = [e.party for e in events]
    limits = {
        key: (name, limit)
        for key, name, limit in db.rows(
            "SELECT id, name, credit_limit FROM parties_party "
            "WHERE id = ANY(%s) AND credit_limit IS NOT NULL ORDER BY id FOR NO KEY UPDATE",
            [parties],
        )
    }
    if not limits:
        return
    owed = queries.receivable(list(limits))
    on_order = dict(
        db.rows(
            """
        SELECT o.party_id, sum((l.net_amount + l.tax_amount)
            * (l.stock_quantity - l.cancelled_quantity - l.invoiced_quantity) / l.stock_quantity)
        FROM sales_order o JOIN sales_orderline l ON l.order_id = o.id
        WHERE o.party_id = ANY(%s) AND o.state IN ('confirmed', 'partly_shipped', 'shipped')
          AND NOT o.id = ANY(%s)
          AND l.stock_quantity - l.cancelled_quantity > l.invoiced_quantity
        GROUP BY o.party_id
        """,
            [list(limits), [e.record for e in events]],
        )
    )
    for e in events:
        if e.party not in limits:
            continue
        name, limit = limits[e.party]
        used = owed.get(e.party, ZERO) + on_order.get(e.party, ZERO)
        over = rules.credit_over(
            limit=limit, owed=owed.get(e.party, ZERO), on_order=on_order.get(e.party, ZERO), amount=e.amount
        )
        on_order[e.party] = on_order.get(e.party, ZERO) + e.amount
        if not over:
            continue
        if not ctx.may("finance.override_credit"):
            raise CreditExceeded(
                party=name, limit=limit, used=round(used, 2), amount=e.amount, over=round(over, 2)
            )
        if "finance.credit_consent" not in ctx.consents:
            raise CreditNeedsConsent(party=name, over=round(over, 2))
