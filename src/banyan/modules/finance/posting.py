"""Writing entries: the one way into the ledger, used by commands and by reactions to what happens elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from banyan.kernel import db, steady
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.finance import rules
from banyan.modules.finance.errors import BooksOff, NoPeriod, NoRule, NotBalanced, PeriodClosed
from banyan.modules.finance.models import Entry, EntryLine, PostingRule
from banyan.modules.finance.values import Leg, Posting


def post(ctx: Context, postings: Iterable[Posting]) -> tuple[UUID, ...]:
    """Write entries for what has happened.

    Gives:  keys of the entries written; a posting without any amount gives none
    Raises: PeriodClosed, NoPeriod, NotBalanced; nothing is written
    Writes: entries and lines, in one statement; shares the ledger's lock, so that close waits
    """
    wanted = [kept for p in postings if (kept := rules.without_nothing(p))]
    if not wanted:
        return ()
    for posting in wanted:
        debit, credit = rules.totals(posting.legs)
        if debit != credit:
            raise NotBalanced(debit=debit, credit=credit, event=posting.event)
    entries, lines = [], []
    for posting in wanted:
        entry = new_id()
        entries.append(
            dict(
                id=entry,
                on=posting.on,
                event=posting.event,
                origin_noun=posting.origin_noun,
                origin=posting.origin,
                text=posting.text[:200],
                reverses=posting.reverses,
                person=posting.person or ctx.person,
            )
        )
        lines += [_line(entry, n, posting.on, leg) for n, leg in enumerate(posting.legs, start=1)]
    days = sorted({p.on for p in wanted})
    for day, period, state in db.rows(_WRITE, [days, ctx.now, _json(entries), _json(lines)]):
        if period is None:
            raise NoPeriod(day=day)
        if state != "open":
            raise PeriodClosed(day=day)
    return tuple(entry["id"] for entry in entries)


_FIRST_OPEN = """
    SELECT min(greatest(starts_on, %(day)s::date)) FROM finance_period WHERE state = 'open' AND ends_on >= %(day)s::date
"""


def first_open_day(day: date) -> date | None:
    """Give the first day from one on whose period is open, None where none is; the day itself while books are off.

    Two statements, three while none is open. Nobody closes a period until the transaction ends
    """
    db.run("SELECT pg_advisory_xact_lock_shared(7211)")
    found = db.one(_FIRST_OPEN, {"day": day})[0]
    return found if found or are_books_on() else day


#: The periods are held against closing until commit (finance_periods, functions.sql), then entries and lines
#: written; those of a day that is not open are not, and the caller refuses.
_WRITE = """
    WITH days AS MATERIALIZED (SELECT d."on", d.period, d.state FROM finance_periods(%s::date[]) d),
    entries AS (
        INSERT INTO finance_entry (id, "on", period_id, event, origin_noun, origin, text, reverses_id,
            posted_at, posted_by)
        SELECT v.id, v."on", d.period, v.event, v.origin_noun, v.origin, v.text, v.reverses, %s, v.person
        FROM jsonb_to_recordset(%s::jsonb) v(id uuid, "on" date, event text, origin_noun text, origin uuid,
                                             text text,
                                             reverses uuid, person uuid)
        JOIN days d ON d."on" = v."on" AND d.state = 'open'
    ), lines AS (
        INSERT INTO finance_entryline (id, entry_id, position, "on", account_id, side, amount, currency_id,
            currency_amount,
            quantity, party_id, item_id, work_order_id, department_id, employee_id, plant_id, origin_line)
        SELECT v.id, v.entry, v.position, v."on", v.account, v.side, v.amount, v.currency, v.currency_amount,
               v.quantity, v.party, v.item, v.work_order, v.department, v.employee, v.plant, v.origin_line
        FROM jsonb_to_recordset(%s::jsonb) v(id uuid, entry uuid, position smallint, "on" date, account uuid,
            side text,
            amount numeric, currency uuid, currency_amount numeric, quantity numeric, party uuid, item uuid,
            work_order uuid, department uuid, employee uuid, plant uuid, origin_line uuid)
        JOIN days d ON d."on" = v."on" AND d.state = 'open'
    )
    SELECT "on", period, state FROM days
"""


def _line(entry: UUID, position: int, on: date, leg: Leg) -> dict[str, Any]:
    """Give a line as it is written; what is not told is left out."""
    told = {name: value for name in Leg.__slots__ if (value := getattr(leg, name)) is not None}
    return told | {"id": new_id(), "entry": entry, "position": position, "on": on}


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()


def accounts_of(events: Iterable[str]) -> dict[str, tuple[UUID | None, UUID | None]]:
    """Give (debit, credit) account per event from the posting rules; None stands for the item's stock account.

    Gives:  nothing while the books are off: a factory may start with quantities alone, and has no period then
    Raises: NoRule naming the first event that has none
    """
    wanted = sorted(set(events))
    every = _rules()
    found = {event: every[event] for event in wanted if event in every}
    for event in wanted:
        if event not in found:
            if not are_books_on():
                return {}
            raise NoRule(event=event)
    return found


@steady.kept(PostingRule)
def _rules() -> dict[str, tuple[UUID | None, UUID | None]]:
    found = db.rows("SELECT event, debit_id, credit_id FROM finance_postingrule")
    return {event: (debit, credit) for event, debit, credit in found}


def accounts_needed(events: Iterable[str]) -> dict[str, tuple[UUID | None, UUID | None]]:
    """Give (debit, credit) account per event where nothing can be done without books. Raises: BooksOff, NoRule."""
    found = accounts_of(events)
    if not found:
        raise BooksOff
    return found


def are_books_on() -> bool:
    """Say whether the factory keeps books: it does from its first period on."""
    return db.one("SELECT EXISTS (SELECT 1 FROM finance_period)")[0]


def stock_accounts(items: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give the stock account per item: its category's, or the nearest above, or the general one. One statement.

    Raises: NoRule when there is no general stock account
    """
    rows = db.rows(
        """
        WITH RECURSIVE up(item, category, depth) AS (
            SELECT i.id, i.category_id, 0 FROM items_item i WHERE i.id = ANY(%s)
            UNION ALL
            SELECT up.item, c.parent_id, up.depth + 1 FROM up JOIN items_category c ON c.id = up.category
                WHERE depth < 8
        )
        SELECT DISTINCT ON (up.item) up.item, s.account_id
        FROM up JOIN finance_stockaccount s ON s.category_id IS NOT DISTINCT FROM up.category
        ORDER BY up.item, up.category IS NULL, up.depth
        """,
        [list(set(items))],
    )
    found = dict(rows)
    if len(found) < len(set(items)):
        raise NoRule(event="stock")
    return found


def reverse(ctx: Context, entries: Sequence[UUID], on: date, event: str = "reversal") -> tuple[UUID, ...]:
    """Take entries back by red ones: the same lines with opposite sign, naming the first."""
    lines = EntryLine.objects.filter(entry__in=entries).order_by("entry", "position")
    heads = {e.pk: e for e in Entry.objects.filter(pk__in=entries)}
    legs: dict[UUID, list[Leg]] = {key: [] for key in heads}
    for line in lines:
        legs[line.entry_id].append(
            Leg(
                account=line.account_id,
                side=line.side,
                amount=-line.amount,
                party=line.party_id,
                item=line.item_id,
                work_order=line.work_order_id,
                department=line.department_id,
                employee=line.employee_id,
                plant=line.plant_id,
                quantity=None if line.quantity is None else -line.quantity,
                origin_line=line.origin_line,
                currency=line.currency_id,
                currency_amount=None if line.currency_amount is None else -line.currency_amount,
            )
        )
    return post(
        ctx,
        [
            Posting(event, on, head.origin_noun, head.origin, tuple(legs[key]), head.text, reverses=key)
            for key, head in heads.items()
        ],
    )
