"""What is measured, once more by hand: plain SQL that keeps the same invariants on the same database.

Every act takes the client's key, locks what it changes, writes document, ledger, balances, entries, audit, outbox
and the answer under the key, and commits durably. It has no rights, no rules and no words, so it is what remains when
everything that makes a product is taken away. After a chain and reports all proofs of the product hold
(tests/ops/test_bench_by_hand.py); bench/README.md says what is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
from _factory import Factory
from _server import at_once
from django.db import connection
from django.test import Client as DjangoClient
from psycopg.types.json import Jsonb

from banyan.config import database
from banyan.lib.ids import new_id
from banyan.lib.money import round_money

ZERO = Decimal(0)
#: As many as two web processes keep, 8 each (config/database.py).
CONNECTIONS = 16


@contextmanager
def connected() -> Iterator[Bare]:
    """Give a connection as the product's own role, which commits by act."""
    address = database.embedded().url(database.ROLES["app"], database.DATABASE)
    with psycopg.connect(address, autocommit=True) as held:
        yield Bare(held)


def count_statements(act: Callable[[], Any]) -> int:
    """Give how many statements an act in this process sends to the database, those of COPY among them."""
    sent: list[Any] = []
    copy = psycopg.Cursor.copy

    def note_copy(cursor: psycopg.Cursor, sql: Any, *args: Any, **more: Any) -> Any:
        sent.append(sql)
        return copy(cursor, sql, *args, **more)

    with _noting(sent), patch.object(psycopg.Cursor, "copy", note_copy):
        act()
    return len(sent)


def count_together(act: Callable[[int], Any], clients: int, times: int) -> float:
    """Give how many statements an act takes that so many threads of this process do at the same time, as often.

    Takes:  act: gets the thread's number
    """
    sent: list[Any] = []

    def one(number: int, task: int) -> None:
        try:
            with _noting(sent):
                act(number)
        finally:
            connection.close()

    at_once(range(clients * times), one, clients)
    return len(sent) / (clients * times)


def _noting(sent: list[Any]) -> AbstractContextManager[None]:
    def note(execute: Callable, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    return connection.execute_wrapper(note)


class Inside:
    """The product's REST door in this process."""

    def __init__(self, token: str) -> None:
        self.client = DjangoClient(
            HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}", raise_request_exception=True
        )

    def get(self, path: str) -> Any:
        """Ask; give what is answered. Raises: RuntimeError where it is refused."""
        return self._read(path, self.client.get(f"/api/v1/{path}"))

    def post(self, path: str, data: Any = None) -> Any:
        """Send JSON with a key; give what is answered. Raises: RuntimeError where it is refused."""
        key = {"Idempotency-Key": str(new_id())}
        return self._read(path, self.client.post(f"/api/v1/{path}", data, content_type="application/json", headers=key))

    def page(self, path: str, password: str) -> Callable[[], Any]:
        """Sign in as a person does; give what asks for a page. Raises: RuntimeError where it is refused."""
        browser = DjangoClient(HTTP_HOST="localhost", raise_request_exception=True)
        if browser.post("/login", {"username": "bench", "password": password}).status_code != 302:
            raise RuntimeError("could not sign in")

        def ask() -> None:
            answer = browser.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:300]!r}")

        return ask

    @staticmethod
    def _read(path: str, answer: Any) -> Any:
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:300]!r}")
        return answer.json()


class Bare:
    """A connection with few words: run, one, put."""

    def __init__(self, held: psycopg.Connection) -> None:
        self.held = held
        self.cursor = held.cursor()
        self.count = 0

    def run(self, sql: str, *params: Any) -> int:
        """Run a statement with its values, or with one dictionary of them; give how many rows it touched."""
        self.count += 1
        self.cursor.execute(sql, params[0] if params and isinstance(params[0], dict) else params)
        return self.cursor.rowcount

    def one(self, sql: str, *params: Any) -> tuple:
        """Give the first row of a statement."""
        self.run(sql, *params)
        return self.cursor.fetchone()

    def all(self, sql: str, *params: Any) -> list[tuple]:
        """Give all rows of a statement."""
        self.run(sql, *params)
        return self.cursor.fetchall()

    def put(self, table: str, *rows: Mapping[str, Any], then: str = "", given: Sequence[Any] = ()) -> None:
        """Insert rows, the columns that must not be null and are not told empty.

        Takes:  then: what the same statement does beside it, with what is `written`; given: its values
        """
        insert, values = _insert(table, rows)
        self.run(f"WITH written AS ({insert} RETURNING *) {then}" if then else insert, *values, *given)

    def begin(self, user: UUID, what: str, body: bytes = b"") -> UUID:
        """Say who acts, and take the client's key."""
        key = new_id()
        found = self.one(
            "WITH actor AS (SELECT set_config('banyan.actor', %s, true)) "
            "INSERT INTO kernel_request (id, principal, key, body_hash) SELECT %s, %s, %s, %s FROM actor "
            "ON CONFLICT (principal, key) DO NOTHING RETURNING id",
            f"{user}|{what}|rest",
            key,
            user,
            str(key),
            body or key.bytes,
        )
        if found is None:
            raise RuntimeError("the key was used before")
        return key

    def end(
        self, user: UUID, key: UUID, what: str, record: UUID | list[UUID], event: str, payload: Mapping[str, Any]
    ) -> None:
        """Write audit, outbox (of one record) and the answer under the key."""
        now, records = datetime.now(UTC), record if isinstance(record, list) else [record]
        noun = what.rsplit(".", 1)[0]
        answer = {"ids": [str(one) for one in records], "answer": {"status": 200, "headers": {}, "body": str(payload)}}
        self.put(
            "kernel_audit",
            dict(
                id=new_id(),
                at=now,
                person=user,
                program="token:bench",
                through="rest",
                command=what,
                noun=noun,
                records=records,
                input=Jsonb(payload),
                outcome="done",
                code="",
                key=str(key),
            ),
            then="UPDATE kernel_request SET answer = %s WHERE principal = %s AND key = %s",
            given=(Jsonb(answer), user, str(key)),
        )
        if event:
            self.put(
                "kernel_outbox",
                dict(
                    id=new_id(),
                    at=now,
                    type=event,
                    event_version=1,
                    key=str(record),
                    noun=noun,
                    record=record,
                    number="",
                    payload=Jsonb(payload),
                    person=user,
                ),
            )

    def number(self, series: str) -> str:
        """Give the next number of a series, without gaps."""
        (last,) = self.one(
            "INSERT INTO kernel_counter (series, period, last) VALUES (%s, 'bare', 1) "
            "ON CONFLICT (series, period) DO UPDATE SET last = kernel_counter.last + 1 RETURNING "
            "last",
            series,
        )
        return f"{series}-{last}"

    def post(
        self, user: UUID, event: str, noun: str, origin: UUID, legs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write an entry that balances, in an open period that is held against its close."""
        if sum(leg["amount"] if leg["side"] == "debit" else -leg["amount"] for leg in legs):
            raise RuntimeError("the entry does not balance")
        now = datetime.now(UTC)
        period, state = self.one("SELECT period, state FROM finance_periods(%s::date[])", [now.date()])
        if state != "open":
            raise RuntimeError("the period is closed")
        entry = dict(
            id=new_id(),
            on=now.date(),
            period_id=period,
            event=event,
            origin_noun=noun,
            origin=origin,
            text="",
            posted_at=now,
            posted_by=user,
        )
        lines = [
            dict(id=new_id(), entry_id=entry["id"], position=n, on=now.date(), **leg)
            for n, leg in enumerate(legs, start=1)
        ]
        insert, values = _insert("finance_entryline", lines)
        self.put("finance_entry", entry, then=insert, given=values)


_known: dict[tuple[str, tuple[str, ...]], tuple[str, list[Any]]] = {}
_EMPTY = {
    "text": "",
    "character varying": "",
    "numeric": 0,
    "integer": 0,
    "smallint": 0,
    "boolean": False,
    "ARRAY": [],
    "jsonb": Jsonb({}),
    "bytea": b"",
}


def _insert(table: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[Any]]:
    """Give the statement that inserts rows, and its values."""
    columns, empty = _columns(table, tuple(rows[0]))
    one = f"({', '.join(['%s'] * (len(rows[0]) + len(empty)))})"
    values = [value for row in rows for value in (*row.values(), *empty)]
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(rows))}", values


def _columns(table: str, told: tuple[str, ...]) -> tuple[str, list[Any]]:
    """Give the columns of an insert, and the values of those that must be there and are not told."""
    if (table, told) not in _known:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s "
                "AND is_nullable = 'NO' AND column_default IS NULL AND is_generated = 'NEVER' ORDER "
                "BY 1",
                [table],
            )
            rest = [(name, _EMPTY[kind]) for name, kind in cursor.fetchall() if name not in told]
        names = ", ".join(f'"{name}"' for name in (*told, *(name for name, _ in rest)))
        _known[table, told] = names, [value for _, value in rest]
    return _known[table, told]


# --- reports ------------------------------------------------------------------------------------------------


#: As the product has it, each report waits for its leader, who is found by the team that the worker has now.
_APPROVAL = """
    INSERT INTO production_reportapproval
        (id, report_id, work_order_id, operation_id, plant_id, employee_id, team_id, state, at)
    SELECT r.id, r.id, r.work_order_id, r.operation_id, r.plant_id, e.id, e.team_id, 'waiting', r.reported_at
    FROM written r LEFT JOIN people_employee e ON e.id = r.worker
"""


def report(
    bare: Bare, factory: Factory, operation: UUID, quantity: int = 1, accounts: Mapping | None = None
) -> None:
    """Book a report: what came before limits it; counter, ledger, approval and books tell the same."""
    with bare.held.transaction():
        _report(bare, factory, operation, quantity, 1, accounts or accounts_of(bare))


def _report(
    bare: Bare,
    factory: Factory,
    operation: UUID,
    quantity: int,
    minutes: int,
    accounts: Mapping,
    lot: UUID | None = None,
) -> None:
    user = factory.user
    key = bare.begin(user, "production.work_order.report")
    order, plant, state, setup, labour, machine, overhead, planned = bare.one(
        "SELECT o.work_order_id, o.plant_id, w.state, CASE WHEN o.has_setup_charged THEN 0 ELSE o.setup_minutes END, "
        "o.labour_rate, o.machine_rate, o.overhead_rate, w.quantity "
        "FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id "
        "WHERE o.id = %s AND w.state IN ('released', 'running') FOR NO KEY UPDATE OF o",
        operation,
    )
    touched = bare.run(
        "UPDATE production_operation o SET good_quantity = good_quantity + %s, has_setup_charged = true, "
        "state = CASE WHEN good_quantity + scrap_quantity + %s >= quantity THEN 'done' ELSE 'running' END "
        "WHERE id = %s "
        "AND good_quantity + scrap_quantity + %s <= coalesce((SELECT p.good_quantity FROM production_operation p "
        "WHERE p.work_order_id = o.work_order_id AND p.sequence < o.sequence ORDER BY p.sequence DESC LIMIT 1), %s)",
        quantity,
        quantity,
        operation,
        quantity,
        planned,
    )
    if not touched:
        raise RuntimeError("more reported than arrived")
    now, one = datetime.now(UTC), new_id()
    amounts = [round_money((minutes + setup) * rate / 60) for rate in (labour, machine, overhead)]
    bare.put(
        "production_report",
        dict(
            id=one,
            work_order_id=order,
            operation_id=operation,
            plant_id=plant,
            kind="good",
            quantity=quantity,
            minutes=minutes,
            labour_minutes=minutes,
            machine_minutes=minutes,
            setup_minutes=setup,
            labour_amount=amounts[0],
            machine_amount=amounts[1],
            overhead_amount=amounts[2],
            setup_amount=round_money(setup * (labour + machine + overhead) / 60),
            output_lot_id=lot,
            defects=Jsonb([]),
            people=Jsonb([]),
            lots=Jsonb([]),
            reported_at=now,
            day=now.date(),
            person=user,
            worker=user,
            digest=one.bytes,
        ),
        then=_APPROVAL,
    )
    if state == "released":
        bare.run(
            "UPDATE production_workorder SET state = 'running', version = version + 1, changed_at = %s, "
            "changed_by_id = %s WHERE id = %s AND state = 'released'",
            now,
            user,
            order,
        )
    legs = [
        dict(
            account_id=accounts[event][n],
            side=side,
            amount=amount,
            plant_id=plant,
            work_order_id=order if n == 0 else None,
        )
        for event, amount in zip(("labour", "machine", "overhead"), amounts, strict=True)
        if amount
        for n, side in enumerate(("debit", "credit"))
    ]
    bare.post(user, "conversion", "production.report", one, legs)
    bare.end(user, key, "production.work_order.report", order, "production.reported", {"report": str(one)})


def accounts_of(bare: Bare) -> dict[str, tuple[UUID, UUID]]:
    """Give debit and credit account per event."""
    return {
        event: (debit, credit)
        for event, debit, credit in bare.all("SELECT event, debit_id, credit_id FROM finance_postingrule")
    }


def report_rate(factory: Factory, operations: Sequence[UUID], count: int, clients: int) -> float:
    """Give how many reports a second so many connections book by hand."""
    with ExitStack() as stack:
        held = [stack.enter_context(connected()) for _ in range(clients)]
        accounts = accounts_of(held[0])
        for place, operation in enumerate(operations):
            report(held[0], factory, operation, 500_000 - 1000 * place, accounts)
        tasks = [operations[n % len(operations)] for n in range(count)]
        seconds, _ = at_once(tasks, lambda n, key: report(held[n], factory, key, 1, accounts), clients)
    return count / seconds


# --- overselling --------------------------------------------------------------------------------------------


def confirm(bare: Bare, factory: Factory, order: UUID) -> bool:
    """Confirm an order if its goods are free; say whether they were."""
    user, now = factory.user, datetime.now(UTC)
    try:
        with bare.held.transaction():
            _confirm(bare, user, order, now, must_promise=True)
    except LookupError:
        bare.put(
            "kernel_audit",
            dict(
                id=new_id(),
                at=now,
                person=user,
                program="token:bench",
                through="rest",
                command="sales.order.confirm",
                noun="sales.order",
                records=[order],
                input=Jsonb({}),
                outcome="refused",
                code="not_enough",
                key="",
            ),
        )
        return False
    return True


#: What is free of each item is kept for the lines of an order, in their order.
_PROMISE = """
    WITH free AS MATERIALIZED (
        SELECT s.item_id, greatest(s.available - s.promised, 0) AS quantity FROM inventory_supply s
        WHERE s.plant_id = %(plant)s AND s.item_id = ANY(%(items)s) ORDER BY s.id FOR NO KEY UPDATE
    ), shared AS (
        SELECT k.id, k.line, k.item,
               least(k.quantity, f.quantity - (sum(k.quantity) OVER earlier - k.quantity)) AS quantity
        FROM unnest(%(ids)s::uuid[], %(lines)s::uuid[], %(items)s::uuid[], %(quantities)s::numeric[])
             WITH ORDINALITY AS k(id, line, item, quantity, n)
        JOIN free f ON f.item_id = k.item WINDOW earlier AS (PARTITION BY k.item ORDER BY k.n)
    ), taken AS (
        UPDATE inventory_supply s SET promised = s.promised + k.quantity
        FROM (SELECT item, sum(quantity) AS quantity FROM shared WHERE quantity > 0 GROUP BY item) k
        WHERE s.item_id = k.item AND s.plant_id = %(plant)s
    )
    INSERT INTO inventory_promise (id, demand_noun, demand_line, item_id, plant_id, quantity, promised_at)
    SELECT id, %(noun)s, line, item, %(plant)s, quantity, %(now)s FROM shared WHERE quantity > 0 RETURNING quantity
"""
#: All that a line wants is kept, or nothing: the last pieces go to one of those who ask.
_PROMISE_WHOLE = """
    WITH taken AS (
        UPDATE inventory_supply SET promised = promised + %s
        WHERE item_id = %s AND plant_id = %s AND available - promised >= %s RETURNING item_id, plant_id
    )
    INSERT INTO inventory_promise (id, demand_noun, demand_line, item_id, plant_id, quantity, promised_at)
    SELECT %s, 'sales.order_line', %s, item_id, plant_id, %s, %s FROM taken
"""


def _promise(bare: Bare, plant: UUID, noun: str, lines: Sequence[tuple[UUID, UUID, Decimal]]) -> Decimal:
    """Keep what is free for lines, each with its item and quantity; give how much that is."""
    kept = bare.all(
        _PROMISE,
        dict(
            ids=[new_id() for _ in lines],
            lines=[line for line, *_ in lines],
            items=[item for _, item, _ in lines],
            quantities=[quantity for *_, quantity in lines],
            plant=plant,
            noun=noun,
            now=datetime.now(UTC),
        ),
    )
    return sum((quantity for (quantity,) in kept), ZERO)


def _confirm(bare: Bare, user: UUID, order: UUID, now: datetime, *, must_promise: bool) -> None:
    key = bare.begin(user, "sales.order.confirm")
    state, plant = bare.one("SELECT state, plant_id FROM sales_order WHERE id = %s FOR NO KEY UPDATE", order)
    if state != "draft":
        raise RuntimeError(f"the order is {state}")
    lines = bare.all(
        "SELECT id, item_id, open_quantity FROM sales_orderline WHERE order_id = %s ORDER BY item_id", order
    )
    if must_promise:
        for line, item, quantity in lines:
            if not bare.run(_PROMISE_WHOLE, quantity, item, plant, quantity, new_id(), line, quantity, now):
                raise LookupError
    else:
        _promise(bare, plant, "sales.order_line", lines)
    bare.run("UPDATE sales_orderline SET promised_on = %s WHERE order_id = %s", now.date(), order)
    bare.put(
        "sales_promiseentry",
        *(
            dict(
                id=new_id(),
                order_id=order,
                order_line_id=line,
                no=1,
                promised_on=now.date(),
                reason="",
                at=now,
                person=user,
            )
            for line, *_ in lines
        ),
    )
    bare.run(
        "UPDATE sales_order SET state = 'confirmed', version = version + 1, changed_at = %s, changed_by_id "
        "= %s, "
        "promised_on = %s, number = %s WHERE id = "
        "%s",
        now,
        user,
        now.date(),
        bare.number("bare.order"),
        order,
    )
    bare.end(user, key, "sales.order.confirm", order, "sales.order_confirmed", {"order": str(order)})


def oversell_seconds(factory: Factory, item: UUID, drafts: Sequence[UUID], there: int) -> float:
    """Give the seconds that sixteen connections need for the last pieces."""
    with ExitStack() as stack:
        held = [stack.enter_context(connected()) for _ in range(CONNECTIONS)]
        seconds, done = at_once(drafts, lambda n, key: confirm(held[n], factory, key), CONNECTIONS)
        (kept,) = held[0].one("SELECT sum(quantity) FROM inventory_promise WHERE item_id = %s", item)
    if not sum(won for _, won in done) == kept == there:
        raise RuntimeError(f"{kept} promised by hand of {there} pieces")
    return seconds


# --- lists --------------------------------------------------------------------------------------------------


#: What a list shows of an order, with the names of what it refers to; as many rows as tell whether there are more.
_LISTED = """
    SELECT o.*, p.name, f.name, c.code FROM sales_order o JOIN parties_party p ON p.id = o.party_id
    JOIN company_plant f ON f.id = o.plant_id JOIN company_currency c ON c.id = o.currency_id
    WHERE {} ORDER BY o.created_at DESC, o.id DESC LIMIT 81
"""
_WRITTEN = (
    "strpos({0}find_text, banyan_normal(%s)) > 0 AND banyan_bigrams({0}find_text) @> banyan_query_bigrams(%s)"
)


def list_ms(rounds: int, after: tuple[datetime, UUID] | None = None) -> float:
    """Give the median milliseconds of reading 80 orders with their customers' names.

    Takes:  after: the row after which they come, as a cursor says it
    """
    condition, values = "true", ()
    if after is not None:
        condition, values = "(o.created_at, o.id) < (%s, %s)", after
    with connected() as bare:
        rows, spent = _median_ms(lambda: bare.all(_LISTED.format(condition), *values), rounds)
    if len(rows) != 81:
        raise RuntimeError(f"{len(rows)} orders by hand")
    return spent


def search_ms(term: str, hits: int, rounds: int) -> float:
    """Give the median milliseconds of finding orders by what is written on them or on their customers."""
    with connected() as bare:
        bare.held.prepare_threshold = None  # a rare term is planned by its index, a common one by age
        rows, spent = _median_ms(lambda: _search(bare, term), rounds)
    if len(rows) != min(hits, 81):
        raise RuntimeError(f"{len(rows)} orders with {term} by hand, {hits} are there")
    return spent


def _search(bare: Bare, term: str) -> list[tuple]:
    parties = bare.all(f"SELECT id FROM parties_party WHERE {_WRITTEN.format('')} LIMIT 2000", term, term)
    condition, values = f"({_WRITTEN.format('o.')})", [term, term]
    if parties:
        condition, values = f"{condition} OR o.party_id = ANY(%s)", [*values, [key for (key,) in parties]]
    return bare.all(_LISTED.format(condition), *values)


def _median_ms(act: Callable[[], list[tuple]], rounds: int) -> tuple[list[tuple], float]:
    spent, rows = [], act()
    for _ in range(rounds):
        begun = time.perf_counter()
        rows = act()
        spent.append(1000 * (time.perf_counter() - begun))
    return rows, sorted(spent)[rounds // 2]


# --- trace --------------------------------------------------------------------------------------------------


_TRACED = """
    WITH RECURSIVE reached (lot, depth) AS (
        VALUES (%s::uuid, 0)
        UNION
        SELECT e.output_lot_id, reached.depth + 1 FROM reached, LATERAL (
            SELECT output_lot_id FROM inventory_genealogy WHERE input_lot_id = reached.lot AND output_lot_id IS NOT NULL
            GROUP BY output_lot_id HAVING sum(quantity) > 0
        ) e WHERE reached.depth < 20
    )
    SELECT l.id, min(reached.depth), l.number, l.state, i.code, i.name
    FROM reached JOIN inventory_lot l ON l.id = reached.lot JOIN items_item i ON i.id = l.item_id
    WHERE reached.depth > 0 GROUP BY l.id, i.id ORDER BY 2, 3
"""


def trace_ms(lot: UUID, rounds: int) -> tuple[set[str], float]:
    """Give the lots that were made of one, with their items, and the median milliseconds of asking for them."""
    with connected() as bare:
        rows, spent = _median_ms(lambda: bare.all(_TRACED, lot), rounds)
    return {str(row[0]) for row in rows}, spent


# --- items --------------------------------------------------------------------------------------------------


_ITEMS = """
    INSERT INTO items_item (
        id, version, created_at, created_by_id, changed_at, changed_by_id, code, name, name_en, specification, unit_id,
        kind, tracking, drawing_number, drawing_revision, is_active, is_sold, is_critical
    )
    SELECT k.id, 1, %s, %s, %s, %s, k.code, k.name, '', '', u.id, 'bought', 'none', '', '', true, false, false
    FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS k(id, code, name) JOIN company_unit u ON u.id = %s
"""


def make_items(bare: Bare, factory: Factory, codes: Sequence[str]) -> None:
    """Make items in one transaction: each code once, the unit there, one audit line, history, the answer kept."""
    user, now, ids = factory.user, datetime.now(UTC), [new_id() for _ in codes]
    with bare.held.transaction():
        key = bare.begin(user, "items.item.create")
        names = [f"物料 {code}" for code in codes]
        made = bare.run(_ITEMS, now, user, now, user, ids, list(codes), names, factory.unit)
        if made != len(codes):
            raise RuntimeError(f"made {made} of {len(codes)} items: the unit is not there")
        bare.end(user, key, "items.item.create", ids, "", {"codes": list(codes)})


def item_rates(factory: Factory, many: int, single: int) -> tuple[float, float]:
    """Give how many items a second one connection makes by hand: so many at once, and one after the other."""
    rates = []
    with connected() as bare:
        for turn in range(3):
            begun = time.perf_counter()
            make_items(bare, factory, [f"BARE{turn}-{n}" for n in range(many)])
            rates.append(many / (time.perf_counter() - begun))
        for n in range(10):
            make_items(bare, factory, [f"BAREW-{n}"])
        begun = time.perf_counter()
        for n in range(single):
            make_items(bare, factory, [f"BARES-{n}"])
        one = single / (time.perf_counter() - begun)
    return sorted(rates)[1], one


# --- the chain ----------------------------------------------------------------------------------------------


#: What was kept for the demand is given back as its goods move.
_SUPPLY = """
    WITH gone AS (
        DELETE FROM inventory_promise WHERE demand_line = ANY(%(demands)s) AND plant_id = %(plant)s
        RETURNING item_id, quantity
    )
    UPDATE inventory_supply s SET available = s.available + %(sign)s * k.quantity,
           promised = s.promised - coalesce(g.quantity, 0)
    FROM unnest(%(items)s::uuid[], %(quantities)s::numeric[]) AS k(item, quantity)
    LEFT JOIN (SELECT item_id, sum(quantity) AS quantity FROM gone GROUP BY item_id) g ON g.item_id = k.item
    WHERE s.item_id = k.item AND s.plant_id = %(plant)s
"""
_TO_SHIP = """
    SELECT l.id, l.item_id, b.id, b.lot_id, l.open_quantity FROM sales_orderline l LEFT JOIN LATERAL (
        SELECT b.id, b.lot_id FROM inventory_balance b
        WHERE b.item_id = l.item_id AND b.location_id = %s AND b.on_hand - b.allocated >= l.open_quantity
        ORDER BY b.first_in_at LIMIT 1 FOR NO KEY UPDATE
    ) b ON true WHERE l.order_id = %s ORDER BY l.position
"""
#: With each line what stands of it on the account of goods that are shipped and not invoiced.
_TO_INVOICE = """
    SELECT l.id, l.item_id, l.tax_code_id, l.shipped_quantity - l.invoiced_quantity, l.net_amount, l.tax_amount,
           s.quantity, s.amount
    FROM sales_orderline l LEFT JOIN LATERAL (
        SELECT sum(CASE side WHEN 'debit' THEN quantity ELSE -quantity END) AS quantity,
               sum(CASE side WHEN 'debit' THEN amount ELSE -amount END) AS amount
        FROM finance_entryline WHERE account_id = %s AND origin_line = l.id
    ) s ON true WHERE l.order_id = %s AND l.shipped_quantity > l.invoiced_quantity ORDER BY l.position
"""


class Chain:
    """The chain from order to invoice by hand, eleven transactions as through the product."""

    def __init__(self, bare: Bare, factory: Factory) -> None:
        self.bare, self.factory, self.user = bare, factory, factory.user
        self.accounts = accounts_of(bare)
        self.places = {
            kind: key for kind, key in bare.all("SELECT kind, id FROM inventory_location WHERE is_default")
        }
        (self.stock_account,) = bare.one(
            "SELECT account_id FROM finance_stockaccount WHERE category_id IS NULL"
        )
        self.statements = 0

    def run(self) -> None:
        """Run the chain once."""
        self.bare.count = 0
        order = self._order()
        with self.bare.held.transaction():
            _confirm(self.bare, self.user, order, datetime.now(UTC), must_promise=False)
        work = self._work_order()
        operations, materials = self._release(work)
        self._issue(work, materials)
        lot = None
        for operation in operations:
            with self.bare.held.transaction():
                lot = lot or self._lot(work)
                _report(self.bare, self.factory, operation, 10, 20, self.accounts, lot)
        self._complete(work, lot)
        self._ship(order)
        self._invoice(order)
        self.statements = self.bare.count

    def _head(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        return dict(
            id=new_id(),
            version=1,
            created_at=now,
            created_by_id=self.user,
            changed_at=now,
            changed_by_id=self.user,
        )

    def _order(self) -> UUID:
        bare, factory = self.bare, self.factory
        with bare.held.transaction():
            key, head = bare.begin(self.user, "sales.order.create"), self._head()
            wanted = ((factory.product, 10), (factory.goods[0], 5), (factory.goods[1], 5))
            known = bare.all(
                "SELECT id, unit_id FROM items_item WHERE id = ANY(%s) AND is_active", [i for i, _ in wanted]
            )
            (tax, rate) = bare.one(
                "SELECT t.id, t.rate FROM parties_party p JOIN company_taxcode t ON t.id = p.tax_code_id "
                "WHERE p.id = %s AND p.is_active",
                factory.customer,
            )
            units = dict(known)
            bare.put(
                "sales_order",
                head
                | dict(
                    party_id=factory.customer,
                    plant_id=factory.plant,
                    currency_id=factory.currency,
                    exchange_rate=1,
                    state="draft",
                    ordered_on=factory.today,
                    priority="normal",
                    net_amount=2000,
                    tax_amount=260,
                    gross_amount=2260,
                ),
            )
            bare.put(
                "sales_orderline",
                *(
                    dict(
                        id=new_id(),
                        position=n,
                        order_id=head["id"],
                        party_id=factory.customer,
                        plant_id=factory.plant,
                        item_id=item,
                        quantity=quantity,
                        unit_id=units[item],
                        stock_quantity=quantity,
                        price=100,
                        tax_code_id=tax,
                        tax_percent=rate,
                        net_amount=100 * quantity,
                        tax_amount=13 * quantity,
                    )
                    for n, (item, quantity) in enumerate(wanted, start=1)
                ),
            )
            bare.end(self.user, key, "sales.order.create", head["id"], "", {})
        return head["id"]

    def _work_order(self) -> UUID:
        bare = self.bare
        with bare.held.transaction():
            key, head = bare.begin(self.user, "production.work_order.create"), self._head()
            bare.put(
                "production_workorder",
                head
                | dict(
                    item_id=self.factory.product,
                    plant_id=self.factory.plant,
                    kind="standard",
                    state="planned",
                    quantity=10,
                    due_on=self.factory.today,
                    priority="normal",
                ),
            )
            bare.end(self.user, key, "production.work_order.create", head["id"], "", {})
        return head["id"]

    def _release(self, work: UUID) -> tuple[list[UUID], list[tuple[UUID, UUID]]]:
        bare, plant = self.bare, self.factory.plant
        with bare.held.transaction():
            key = bare.begin(self.user, "production.work_order.release")
            (quantity,) = bare.one(
                "SELECT quantity FROM production_workorder WHERE id = %s AND state = 'planned' FOR NO KEY UPDATE", work
            )
            lines = bare.all(
                "SELECT l.id, l.component_id, l.quantity * %s, round(v.amount / v.quantity, 6), b.id "
                "FROM engineering_bom b JOIN engineering_bomline l ON l.bom_id = b.id "
                "JOIN inventory_stockvalue v ON v.item_id = l.component_id AND v.plant_id = %s AND v.quantity > 0 "
                "WHERE b.item_id = %s AND b.state = 'released' ORDER BY l.position",
                quantity,
                plant,
                self.factory.product,
            )
            steps = bare.all(
                "SELECT o.sequence, o.name, o.setup_minutes, o.run_minutes, c.id, c.labour_rate, c.machine_rate, "
                "c.overhead_rate, o.id, (o.setup_minutes + o.run_minutes * %s) "
                "* (c.labour_rate + c.machine_rate + c.overhead_rate) / 60, r.id "
                "FROM engineering_routing r JOIN engineering_routingoperation o ON o.routing_id = r.id "
                "JOIN equipment_workcentre c ON c.id = o.work_centre_id "
                "WHERE r.item_id = %s AND r.state = 'released' ORDER BY o.sequence",
                quantity,
                self.factory.product,
            )
            cost = sum(needed * each for _, _, needed, each, _ in lines) + sum(step[9] for step in steps)
            operations = [new_id() for _ in steps]
            materials = [(new_id(), component) for _, component, *_ in lines]
            bare.put(
                "production_operation",
                *(
                    dict(
                        id=one,
                        position=n,
                        work_order_id=work,
                        plant_id=plant,
                        sequence=sequence,
                        predecessors=before,
                        name=name,
                        work_centre_id=centre,
                        setup_minutes=setup,
                        run_minutes=run,
                        report_ratio=1,
                        quantity=quantity,
                        state="open",
                        capture=Jsonb([]),
                        labour_rate=labour,
                        machine_rate=machine,
                        overhead_rate=overhead,
                        source_line=source,
                    )
                    for n, one, before, (
                        sequence, name, setup, run, centre, labour, machine, overhead, source, *_
                    ) in zip(count(1), operations, ("", *(str(step[0]) for step in steps)), steps, strict=False)
                ),
            )
            bare.put(
                "production_material",
                *(
                    dict(
                        id=one,
                        position=n,
                        work_order_id=work,
                        item_id=item,
                        operation=steps[0][0],
                        quantity=needed,
                        unit_cost=each,
                        source_line=line,
                    )
                    for n, ((one, item), (line, _, needed, each, _)) in enumerate(
                        zip(materials, lines, strict=True), start=1
                    )
                ),
            )
            needs = [(one, item, needed) for (one, item), (_, _, needed, *_) in zip(materials, lines, strict=True)]
            if _promise(bare, plant, "production.work_order", needs) < sum(needed for *_, needed in needs):
                raise RuntimeError("material is missing")
            bare.run(
                "UPDATE production_workorder SET state = 'released', version = version + 1, number = %s, "
                "unit_cost = round(%s, 6), bom_id = %s, routing_id = %s, released_at = now() WHERE id = %s",
                bare.number("bare.work"),
                cost / quantity,
                lines[0][4],
                steps[0][10],
                work,
            )
            bare.end(self.user, key, "production.work_order.release", work, "production.released", {})
        return operations, materials

    def _issue(self, work: UUID, materials: Sequence[tuple[UUID, UUID]]) -> None:
        bare = self.bare
        with bare.held.transaction():
            key, head = bare.begin(self.user, "production.work_order.issue"), self._head()
            bare.run("SELECT 1 FROM production_workorder WHERE id = %s FOR NO KEY UPDATE", work)
            bare.run(
                "UPDATE production_material SET issued_quantity = issued_quantity + 10 "
                "WHERE work_order_id = %s AND issued_quantity + 10 <= quantity",
                work,
            )
            moved = self._move(
                [(item, None, 10, None, material) for material, item in materials],
                "warehouse",
                "production",
                "production.work_order",
                work,
                [material for material, _ in materials],
            )
            bare.put(
                "production_materialissue",
                head
                | dict(
                    work_order_id=work,
                    plant_id=self.factory.plant,
                    kind="issue",
                    state="posted",
                    moved_at=head["created_at"],
                    number=bare.number("bare.issue"),
                ),
            )
            bare.put(
                "production_materialissueline",
                *(
                    dict(
                        id=new_id(),
                        position=n,
                        issue_id=head["id"],
                        material_id=material,
                        item_id=item,
                        location_id=self.places["warehouse"],
                        quantity=10,
                        move_id=move,
                    )
                    for n, ((material, item), (move, _)) in enumerate(
                        zip(materials, moved, strict=True), start=1
                    )
                ),
            )
            debit, _ = self.accounts["material_issue"]
            self._book(
                "material_issue",
                "production.work_order",
                work,
                [
                    leg
                    for (_, item), (_, amount) in zip(materials, moved, strict=True)
                    for leg in (
                        self._leg(debit, "debit", amount, item, 10, work=work),
                        self._leg(self.stock_account, "credit", amount, item, 10),
                    )
                ],
            )
            bare.end(self.user, key, "production.work_order.issue", work, "inventory.stock_moved", {})

    def _lot(self, work: UUID) -> UUID:
        head = self._head()
        self.bare.put(
            "inventory_lot",
            head
            | dict(
                item_id=self.factory.product,
                number=f"BARE-{work}",
                state="released",
                made_on=self.factory.today,
                origin_noun="production.work_order",
                origin=work,
            ),
        )
        return head["id"]

    def _complete(self, work: UUID, lot: UUID) -> None:
        bare = self.bare
        with bare.held.transaction():
            key, head = bare.begin(self.user, "production.work_order.complete"), self._head()
            (unit_cost,) = bare.one("SELECT unit_cost FROM production_workorder WHERE id = %s FOR NO KEY UPDATE", work)
            line, item = new_id(), self.factory.product
            (finished,) = bare.one(
                "SELECT good_quantity FROM production_operation WHERE work_order_id = %s ORDER BY sequence "
                "DESC LIMIT 1 "
                "FOR NO KEY UPDATE",
                work,
            )
            if finished != 10:
                raise RuntimeError(f"{finished} of 10 are made")
            ((move, amount),) = self._move(
                [(item, lot, 10, round_money(10 * unit_cost), line)],
                "production",
                "warehouse",
                "production.completion",
                head["id"],
            )
            bare.put(
                "production_completion",
                head
                | dict(
                    work_order_id=work,
                    plant_id=self.factory.plant,
                    state="posted",
                    moved_at=head["created_at"],
                    number=bare.number("bare.completion"),
                ),
            )
            bare.put(
                "production_completionline",
                dict(
                    id=line,
                    position=1,
                    completion_id=head["id"],
                    item_id=item,
                    lot_id=lot,
                    location_id=self.places["warehouse"],
                    quantity=10,
                    amount=amount,
                    move_id=move,
                ),
            )
            bare.run(
                "UPDATE production_workorder SET made_quantity = made_quantity + 10, "
                "completed_amount = completed_amount + %s, state = 'completed', version = version + 1 "
                "WHERE id = %s AND made_quantity + 10 <= quantity",
                amount,
                work,
            )
            _, credit = self.accounts["completion"]
            self._book(
                "completion",
                "production.completion",
                head["id"],
                [
                    self._leg(self.stock_account, "debit", amount, item, 10),
                    self._leg(credit, "credit", amount, item, 10, work=work),
                ],
            )
            bare.end(self.user, key, "production.work_order.complete", work, "production.completed", {})

    def _ship(self, order: UUID) -> None:
        bare = self.bare
        with bare.held.transaction():
            key, head = bare.begin(self.user, "sales.order.ship"), self._head()
            bare.run("SELECT 1 FROM sales_order WHERE id = %s FOR NO KEY UPDATE", order)
            shelves = bare.all(_TO_SHIP, self.places["warehouse"], order)
            if any(shelf is None for _, _, shelf, *_ in shelves):
                raise RuntimeError("not enough in stock")
            lines = [new_id() for _ in shelves]
            moved = self._move(
                [(item, lot, q, None, one) for one, (_, item, _, lot, q) in zip(lines, shelves, strict=True)],
                "warehouse",
                "customer",
                "sales.shipment",
                head["id"],
                [line for line, *_ in shelves],
            )
            bare.put(
                "sales_shipment",
                head
                | dict(
                    party_id=self.factory.customer,
                    plant_id=self.factory.plant,
                    order_id=order,
                    state="shipped",
                    shipped_on=self.factory.today,
                    shipped_at=head["created_at"],
                    number=bare.number("bare.shipment"),
                ),
            )
            bare.put(
                "sales_shipmentline",
                *(
                    dict(
                        id=one,
                        position=n,
                        shipment_id=head["id"],
                        order_line_id=line,
                        item_id=item,
                        quantity=quantity,
                        lot_id=lot,
                        location_id=self.places["warehouse"],
                    )
                    for n, (one, (line, item, _, lot, quantity)) in enumerate(
                        zip(lines, shelves, strict=True), start=1
                    )
                ),
            )
            bare.run(
                "UPDATE sales_orderline SET shipped_quantity = shipped_quantity + open_quantity WHERE "
                "order_id = %s",
                order,
            )
            bare.run("UPDATE sales_order SET state = 'shipped', version = version + 1 WHERE id = %s", order)
            debit, _ = self.accounts["shipment"]
            self._book(
                "shipment",
                "sales.shipment",
                head["id"],
                [
                    leg
                    for (line, item, _, _, q), (_, amount) in zip(shelves, moved, strict=True)
                    for leg in (
                        self._leg(debit, "debit", amount, item, q, party=self.factory.customer, line=line),
                        self._leg(self.stock_account, "credit", amount, item, q),
                    )
                ],
            )
            bare.end(self.user, key, "sales.order.ship", order, "sales.goods_shipped", {})

    def _invoice(self, order: UUID) -> None:
        bare = self.bare
        with bare.held.transaction():
            key, head = bare.begin(self.user, "finance.customer_invoice.from_orders"), self._head()
            (days,) = bare.one(
                "SELECT p.payment_days FROM sales_order o JOIN parties_party p ON p.id = o.party_id WHERE o.id = %s "
                "FOR NO KEY UPDATE OF o",
                order,
            )
            receivable, revenue = self.accounts["customer_invoice"]
            _, output_tax = self.accounts["customer_invoice_tax"]
            cost, shipped = self.accounts["cost_of_sales"]
            lines = bare.all(_TO_INVOICE, shipped, order)
            net, tax = sum(line[4] for line in lines), sum(line[5] for line in lines)
            bare.put(
                "finance_customerinvoice",
                head
                | dict(
                    party_id=self.factory.customer,
                    plant_id=self.factory.plant,
                    kind="invoice",
                    invoiced_on=self.factory.today,
                    due_on=self.factory.today + timedelta(days),
                    currency_id=self.factory.currency,
                    net_amount=net,
                    tax_amount=tax,
                    gross_amount=net + tax,
                    state="posted",
                    number=bare.number("bare.invoice"),
                ),
            )
            bare.put(
                "finance_customerinvoiceline",
                *(
                    dict(
                        id=new_id(),
                        position=n,
                        invoice_id=head["id"],
                        item_id=item,
                        quantity=quantity,
                        price=100,
                        tax_code_id=code,
                        order_line_id=line,
                        net_amount=a,
                        tax_amount=t,
                    )
                    for n, (line, item, code, quantity, a, t, *_) in enumerate(lines, start=1)
                ),
            )
            bare.run(
                "UPDATE sales_orderline SET invoiced_quantity = shipped_quantity WHERE order_id = %s", order
            )
            party = self.factory.customer
            legs = [self._leg(receivable, "debit", net + tax, party=party)]
            for line, item, _, q, amount, _, standing, worth in lines:
                value = round_money(worth * q / standing) if standing else ZERO
                legs += [
                    self._leg(revenue, "credit", amount, item, q, party=party),
                    self._leg(cost, "debit", value, item, q, party=party),
                    self._leg(shipped, "credit", value, item, q, party=party, line=line),
                ]
            legs.append(self._leg(output_tax, "credit", tax, party=party))
            self._book("customer_invoice", "finance.customer_invoice", head["id"], legs)
            bare.end(
                self.user,
                key,
                "finance.customer_invoice.from_orders",
                head["id"],
                "finance.customer_invoiced",
                {},
            )

    def _leg(
        self,
        account: UUID,
        side: str,
        amount: Decimal,
        item: UUID | None = None,
        quantity: Decimal | int | None = None,
        *,
        work: UUID | None = None,
        party: UUID | None = None,
        line: UUID | None = None,
    ) -> dict[str, Any]:
        return dict(
            account_id=account,
            side=side,
            amount=amount,
            item_id=item,
            quantity=quantity,
            work_order_id=work,
            party_id=party,
            origin_line=line,
            plant_id=self.factory.plant,
        )

    def _book(self, event: str, noun: str, origin: UUID, legs: Sequence[Mapping[str, Any]]) -> None:
        self.bare.post(self.user, event, noun, origin, [leg for leg in legs if leg["amount"]])

    def _move(
        self,
        rows: Sequence[tuple[UUID, UUID | None, int, Decimal | None, UUID]],
        source: str,
        target: str,
        noun: str,
        origin: UUID,
        demands: Sequence[UUID] = (),
    ) -> list[tuple[UUID, Decimal]]:
        """Move goods: balances, supply, what was kept of it, value, and the ledgers. Gives (move, amount) per row.

        Takes:  rows: item, lot, quantity, amount where it is known, line of the paper; demands: the lines served
        """
        bare, plant, now = self.bare, self.factory.plant, datetime.now(UTC)
        out = source == "warehouse"
        sign, place = (-1, self.places[source]) if out else (1, self.places[target])
        items, quantities = [row[0] for row in rows], [row[2] for row in rows]
        known = {
            item: (quantity, amount)
            for item, quantity, amount in bare.all(
                "SELECT v.item_id, v.quantity, v.amount FROM inventory_supply s "
                "JOIN inventory_stockvalue v ON v.id = s.id "
                "WHERE s.plant_id = %s AND s.item_id = ANY(%s) ORDER BY s.id FOR NO KEY "
                "UPDATE",
                plant,
                items,
            )
        }
        amounts = [
            given if given is not None else round(known[i][1] * q / known[i][0], 2) for i, _, q, given, _ in rows
        ]
        if out:
            touched = bare.run(
                "UPDATE inventory_balance b SET on_hand = on_hand - k.quantity "
                "FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[]) AS k(item, lot, quantity) WHERE "
                "b.item_id = k.item "
                "AND b.lot_id IS NOT DISTINCT FROM k.lot AND b.location_id = %s AND b.owner_id IS NULL "
                "AND b.on_hand - b.allocated >= "
                "k.quantity",
                items,
                [row[1] for row in rows],
                quantities,
                place,
            )
            if touched != len(rows):
                raise RuntimeError("not enough in stock")
        else:
            bare.put(
                "inventory_balance",
                *(
                    dict(
                        id=new_id(),
                        item_id=item,
                        lot_id=lot,
                        location_id=place,
                        plant_id=plant,
                        kind="warehouse",
                        on_hand=quantity,
                        first_in_at=now,
                    )
                    for item, lot, quantity, *_ in rows
                ),
            )
            for item in items:
                if item not in known:
                    row = dict(id=new_id(), item_id=item, plant_id=plant)
                    bare.put("inventory_supply", row)
                    bare.put("inventory_stockvalue", row)
        bare.run(_SUPPLY, dict(sign=sign, items=items, quantities=quantities, plant=plant, demands=list(demands)))
        bare.run(
            "UPDATE inventory_stockvalue s SET quantity = s.quantity + %s * k.quantity, amount = s.amount "
            "+ %s * k.amount "
            "FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[]) AS k(item, quantity, amount) "
            "WHERE s.item_id = k.item AND s.plant_id = %s",
            sign,
            sign,
            items,
            quantities,
            amounts,
            plant,
        )
        moves = [new_id() for _ in rows]
        bare.put(
            "inventory_move",
            *(
                dict(
                    id=move,
                    item_id=item,
                    lot_id=lot,
                    quantity=quantity,
                    source_id=self.places[source],
                    target_id=self.places[target],
                    plant_id=plant,
                    moved_at=now,
                    posted_at=now,
                    origin_noun=noun,
                    origin=origin,
                    origin_line=line,
                    person=self.user,
                )
                for move, (item, lot, quantity, _, line) in zip(moves, rows, strict=True)
            ),
        )
        bare.put(
            "inventory_valueentry",
            *(
                dict(
                    id=new_id(),
                    move_id=move,
                    item_id=item,
                    plant_id=plant,
                    quantity=sign * quantity,
                    amount=sign * amount,
                    kind={"production": "issue", "customer": "shipment", "warehouse": "production"}[target],
                    moved_at=now,
                    posted_at=now,
                )
                for move, (item, _, quantity, *_), amount in zip(moves, rows, amounts, strict=True)
            ),
        )
        return list(zip(moves, amounts, strict=True))
