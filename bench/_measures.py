"""What is measured: each function fills its figures from a running server and its factory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import _bare
from _factory import FOUND, NOT_FOUND, OPERATIONS, PARTS, PASSWORD, Factory
from _server import Client, Server, at_once
from django.db import transaction

from banyan.kernel import db
from banyan.lib.ids import new_id

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was seen, what hand-written SQL needs for the same, how many statements each request
    takes.

    `ratio` is in terms of cost: how many times as long as the bare one.
    """

    name: str
    value: float
    unit: str
    bare: float | None = None
    ratio: float | None = None
    note: str = ""


@dataclass
class Bench:
    """A running server, its factory, and a client for each of many people."""

    server: Server
    factory: Factory

    def __post_init__(self) -> None:
        self.clients = [Client(self.server.port, self.factory.token) for _ in range(32)]
        self.client = self.clients[0]

    def post(self, path: str, data: Any = None, client: int = 0) -> Any:
        """Call REST with a key of its own, so that it may be sent again; give what it answers."""
        answer = self.clients[client].post(f"{API}/{path}", data, Idempotency_Key=str(new_id()))
        return answer.json() if answer.body else None


@contextmanager
def cost(bench: Bench, acts: int) -> Iterator[list[str]]:
    """Give the processor time of an act, which other people's load does not stretch."""
    web, data = bench.server.spent()
    told: list[str] = []
    yield told
    after = bench.server.spent()
    told.append(
        f"{1000 * (after[0] - web) / acts:.1f} + {1000 * (after[1] - data) / acts:.1f} ms of processor"
    )


def statements(bench: Bench, path: str, data: Any = None) -> str:
    """Say how many statements a request takes, counted in this process."""
    door, path = _bare.Inside(bench.factory.token), path.removeprefix(f"{API}/")
    return f"{_bare.count_statements(lambda: door.post(path, data) if data else door.get(path))} statements"


def page_statements(bench: Bench, path: str) -> str:
    """Say how many statements a page takes that was drawn before, counted in this process."""
    ask = _bare.Inside(bench.factory.token).page(path, PASSWORD)
    ask()
    return f"{_bare.count_statements(ask)} statements"


def slower(value: float, bare: float | None) -> float | None:
    """Give how many times as long as bare."""
    return None if not bare else round(value / bare, 2)


# --- the chain ----------------------------------------------------------------------------------------------


def chain(bench: Bench, rounds: int = 17) -> list[Figure]:
    """Measure the chain from order to invoice, through REST, one person."""
    for _ in range(2):
        _chain(bench)
    with cost(bench, rounds) as used:
        seconds = [timed(lambda: _chain(bench)) for _ in range(rounds)]
    value = statistics.median(seconds)
    with _bare.connected() as bare:
        chain_of = _bare.Chain(bare, bench.factory)
        chain_of.run()
        bares = [timed(chain_of.run) for _ in range(rounds)]
    least = statistics.median(bares)
    _chain_inside(bench)  # the first one in a process also reads what is kept in memory
    counted = _bare.count_statements(lambda: _chain_inside(bench))
    note = f"{counted} statements, bare {chain_of.statements}; {used[0]}; fastest {min(seconds):.3f} s"
    return [Figure("chain_s", value, "s", least, slower(value, least), note)]


def timed(act: Callable[[], Any]) -> float:
    """Give the seconds an act takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _chain(bench: Bench) -> None:
    _steps(bench.factory, lambda path, data=None: bench.post(path, data))


def _steps(factory: Factory, post: Callable[..., Any]) -> None:
    """Send the chain: order, confirm, work order, release, issue, reports, completion, shipment, invoice."""
    goods = factory.goods
    order = post("sales/orders", factory.order((factory.product, 10), (goods[0], 5), (goods[1], 5)))["id"]
    post(f"sales/orders/{order}/confirm", {})
    work = post("production/work_orders", factory.work_order(10))["id"]
    released = post(f"production/work_orders/{work}/release", {})["record"]
    if (len(released["operations"]), len(released["materials"])) != (OPERATIONS, PARTS):
        raise RuntimeError(f"the work order is not the one meant: {released}")
    post(f"production/work_orders/{work}/issue", {})
    lot = f"L{work[-12:]}"
    for operation in released["operations"]:
        report = dict(
            id=str(new_id()),
            operation=operation["id"],
            kind="good",
            quantity="10",
            minutes="20",
            output_lot=lot,
        )
        post("production/work_orders/report", {"reports": [report]})
    made = post(f"production/work_orders/{work}/complete", {"lines": [{"quantity": "10", "lot": lot}]})
    if made["record"]["state"] != "completed":
        raise RuntimeError(f"the work order is not completed: {made}")
    post(f"sales/orders/{order}/ship", {})
    post("finance/customer_invoices/from_orders", {"orders": [order]})


def _chain_inside(bench: Bench) -> None:
    """Run the chain through the same door, in this process, so that statements can be counted."""
    door = _bare.Inside(bench.factory.token)
    _steps(bench.factory, door.post)


# --- reports ------------------------------------------------------------------------------------------------


def reports(bench: Bench, per_client: int = 25) -> list[Figure]:
    """Measure reports by 1, 8 and 32 people over eight orders, then by 32 on one operation."""
    figures = []
    for clients in (1, 8, 32):
        count = max(200, per_client * clients)
        rate, slow, least, used = _report_run(bench, clients, count, orders=8, operations=OPERATIONS)
        figures.append(Figure(f"reports_per_s_{clients}", rate, "1/s", least, slower(least, rate), used))
        if clients == 32:
            figures.append(Figure("reports_p95_ms_32", slow, "ms"))
    rate, slow, least, used = _report_run(bench, 32, 400, orders=1, operations=1)
    figures.append(
        Figure("reports_one_op_per_s", rate, "1/s", least, slower(least, rate), f"p95 {slow:.0f} ms; {used}")
    )
    return figures


def _report_run(
    bench: Bench, clients: int, count: int, *, orders: int, operations: int
) -> tuple[float, float, float, str]:
    """Send reports and prove that every piece was kept.

    Gives:  the rate, the 95th percentile in milliseconds, the bare rate, what a report costs and its statements
    """
    made = bench.factory.released_orders(orders)
    first = bench.factory.operations_of(made)[: orders * operations]
    feed = {key: 500_000 for key in first}
    for place, key in enumerate(first):  # so many pieces pass that every operation has some to report
        _report(bench, key, str(feed[key] - 1000 * (place // orders)), 0)
    tasks = [first[n % len(first)] for n in range(count)]
    with cost(bench, count) as used:
        seconds, done = at_once(tasks, lambda client, key: _report(bench, key, "1", client), clients)
    _prove(made, first, count, {key: feed[key] - 1000 * (place // orders) for place, key in enumerate(first)})
    spent = sorted(one for one, _ in done)
    bare_orders = bench.factory.released_orders(orders)
    bare_ops = bench.factory.operations_of(bare_orders)[: orders * operations]
    least = _bare.report_rate(bench.factory, bare_ops, count, min(clients, _bare.CONNECTIONS))
    note = f"{_report_statements(bench, first, clients)} statements; {used[0]}"
    return count / seconds, 1000 * spent[int(len(spent) * 0.95)], least, note


def _report(bench: Bench, operation: UUID, quantity: str, client: int) -> Any:
    one = dict(id=str(new_id()), operation=str(operation), kind="good", quantity=quantity, minutes="1")
    return bench.post("production/work_orders/report", {"reports": [one]}, client)


def _prove(orders: Sequence[UUID], operations: Sequence[UUID], count: int, fed: dict[UUID, int]) -> None:
    """Refuse figures that lost a piece: the counters, the ledger and the books must tell the same."""
    counters = dict(
        db.rows("SELECT id, good_quantity FROM production_operation WHERE id = ANY(%s)", [list(operations)])
    )
    ledger = dict(
        db.rows(
            "SELECT operation_id, sum(quantity) FROM production_report WHERE operation_id = ANY(%s) GROUP "
            "BY 1",
            [list(operations)],
        )
    )
    sent = sum(fed.values()) + count
    posted = db.one(
        "SELECT count(*) FROM finance_entry e JOIN production_report r ON r.id = e.origin WHERE "
        "r.work_order_id = ANY(%s)",
        [list(orders)],
    )[0]
    if not (sum(counters.values()) == sum(ledger.values()) == sent and posted == count + len(fed)):
        raise RuntimeError(
            f"sent {sent}, counted {sum(counters.values())}, in the ledger {sum(ledger.values())}, posted "
            f"{posted}"
        )


def _report_statements(bench: Bench, operations: Sequence[UUID], clients: int, times: int = 8) -> str:
    """Count statements a report, in this process: of as many people at once, for what comes together goes together.

    Takes:  operations: which have been reported on, as the first report also begins the order
    """
    doors = [_bare.Inside(bench.factory.token) for _ in range(clients)]

    def report(client: int) -> None:
        operation = operations[client % len(operations)]
        one = dict(id=str(new_id()), operation=str(operation), kind="good", quantity="1", minutes="1")
        doors[client].post("production/work_orders/report", {"reports": [one]})

    report(0)
    return f"{_bare.count_together(report, clients, times):.3g}"


# --- overselling --------------------------------------------------------------------------------------------


def oversell(bench: Bench, tries: int = 200, there: int = 100, rounds: int = 3) -> list[Figure]:
    """Measure 32 people at the last hundred pieces: as many are promised as there are; the middle round counts."""

    def confirm(client: int, key: UUID) -> int:
        path = f"{API}/sales/orders/{key}/confirm"
        answer = bench.clients[client].post(path, {"must_promise": True}, Idempotency_Key=str(new_id()))
        if answer.status not in (200, 409):
            raise RuntimeError(f"{answer.status}: {answer.body[:300]!r}")
        return answer.status

    ours: list[tuple[float, str]] = []
    bare: list[float] = []
    for _ in range(rounds):
        item = bench.factory.new_item(there)
        drafts = bench.factory.drafts(tries, item)
        with cost(bench, tries) as used:
            seconds, done = at_once(drafts, confirm, 32)
        won = sum(status == 200 for _, status in done)
        kept = db.one("SELECT coalesce(sum(quantity), 0) FROM inventory_promise WHERE item_id = %s", [item])[0]
        if not (won == kept == there):
            raise RuntimeError(f"{won} confirmed and {kept} promised of {there} pieces")
        ours.append((seconds, used[0]))
        item = bench.factory.new_item(there)
        bare.append(_bare.oversell_seconds(bench.factory, item, bench.factory.drafts(tries, item), there))
    (draft,) = bench.factory.drafts(1, bench.factory.goods[0])
    door = _bare.Inside(bench.factory.token)
    counted = _bare.count_statements(
        lambda: door.post(f"sales/orders/{draft}/confirm", {"must_promise": True})
    )
    (seconds, spent), least = sorted(ours)[rounds // 2], statistics.median(bare)
    each = ", ".join(f"{one:.2f}" for one, _ in ours)
    text = f"{there} promised each time, in {each} s; {counted} statements; {spent}"
    return [Figure("oversell_s", seconds, "s", least, slower(seconds, least), text)]


# --- lists --------------------------------------------------------------------------------------------------


def lists(bench: Bench, rounds: int = 30) -> list[Figure]:
    """Measure pages of 80 among 100,000 orders: first, deep, and searched, as JSON and as a page."""
    bench.factory.many_orders()
    browser = signed_in(bench.server.port)
    middle = _middle()
    bare, bare_deep, deep = _bare.list_ms(rounds), _bare.list_ms(rounds, middle), _cursor(*middle)
    rest, page = f"{API}/sales/orders?limit=80", "/sales/orders"
    found = [
        ("list_rest_ms", bench.client, rest, bare),
        ("list_rest_deep_ms", bench.client, f"{rest}&cursor={deep}", bare_deep),
        ("list_page_ms", browser, page, bare),
        ("list_page_deep_ms", browser, f"{page}?cursor={deep}", bare_deep),
    ]
    figures = []
    for name, client, path, least in found:
        with cost(bench, rounds + 1) as used:
            value, size = _median_ms(client, path, rounds)
        counted = statements(bench, path) if client is bench.client else page_statements(bench, path)
        figures.append(
            Figure(name, value, "ms", least, slower(value, least), f"{counted}; {size // 1000} kB; {used[0]}")
        )
    worst = (0.0, 0.0)
    for term, hits in ((NOT_FOUND, 0), *((t, n) for t, n in FOUND.items())):
        with cost(bench, rounds + 1) as used:
            value, _ = _median_ms(bench.client, path := f"{rest}&q={_quoted(term)}", rounds)
        least = _bare.search_ms(term, hits, rounds)
        note = f"{statements(bench, path)}; {used[0]}"
        figures.append(Figure(f"list_search_{hits}_ms", value, "ms", least, slower(value, least), note))
        worst = max(worst, (value, least))
    value, least = worst
    note = "the slowest of the three"
    return [*figures, Figure("list_search_ms", value, "ms", least, slower(value, least), note)]


def _quoted(term: str) -> str:
    from urllib.parse import quote

    return quote(term)


def _middle() -> tuple[datetime, UUID]:
    """Give the row at the middle of the list, by which paging would come to it."""
    return db.one("SELECT created_at, id FROM sales_order ORDER BY created_at DESC, id DESC OFFSET 50000 LIMIT 1")


def _cursor(at: datetime, key: UUID) -> str:
    """Give the cursor that stands after a row."""
    from banyan.kernel import reading

    return reading._cursor(at, key)


def _median_ms(client: Client, path: str, rounds: int) -> tuple[float, int]:
    client.get(path)
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        answer = client.get(path)
        spent.append(1000 * (time.perf_counter() - begun))
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
    return statistics.median(spent), len(answer.body)


def signed_in(port: int) -> Client:
    """Give a client that has signed in as a person does."""
    browser = Client(port)
    browser.get("/login")
    token = browser.cookies.partition("csrftoken=")[2].partition(";")[0]
    answer = browser.form("/login", f"csrfmiddlewaretoken={token}&username=bench&password={PASSWORD}")
    if answer.status != 302:
        raise RuntimeError(f"could not sign in: {answer.status}")
    return browser


# --- items --------------------------------------------------------------------------------------------------


def items(bench: Bench, many: int = 1000, single: int = 200) -> list[Figure]:
    """Measure making items: a thousand in one call, and one by one; of three rounds each the middle one counts."""

    def item(code: str) -> dict[str, Any]:
        return dict(code=code, name=f"物料 {code}", unit=str(bench.factory.unit), kind="bought")

    rates = []
    for turn in range(3):
        rows = [item(f"B{turn}-{n}") for n in range(many)]
        begun = time.perf_counter()
        done = bench.post("items/items/bulk", {"command": "create", "records": rows})
        rates.append(many / (time.perf_counter() - begun))
        if done["done"] != many:
            raise RuntimeError(f"made {done['done']} of {many}")
    for n in range(10):
        bench.post("items/items", item(f"W{n}"))
    alone: list[tuple[float, str]] = []
    for turn in range(3):
        rows = [item(f"S{turn}-{n}") for n in range(single)]
        with cost(bench, single) as used:
            seconds = timed(lambda rows=rows: [bench.post("items/items", row) for row in rows])
        alone.append((single / seconds, used[0]))
    one, spent = sorted(alone)[1]
    one_counted = statements(bench, f"{API}/items/items", item("INSIDE"))
    many_rows = [item(f"INSIDE-{n}") for n in range(many)]
    many_counted = statements(bench, f"{API}/items/items/bulk", {"command": "create", "records": many_rows})
    many_bare, one_bare = _bare.item_rates(bench.factory, many, single)
    bulk = statistics.median(rates)
    return [
        Figure("bulk_items_per_s", bulk, "1/s", many_bare, slower(many_bare, bulk), many_counted),
        Figure("single_items_per_s", one, "1/s", one_bare, slower(one_bare, one), f"{one_counted}; {spent}"),
    ]


# --- plan and trace -----------------------------------------------------------------------------------------


def plan(bench: Bench) -> list[Figure]:
    """Measure a planning run of 1,000 finished goods among 2,000 items, depth 4, planned and written."""
    import planning

    return _plan(bench, "plan_1000", planning.Size())


def plan_large(bench: Bench) -> list[Figure]:
    """Measure a planning run among 10,000 items and 50,000 BOM lines."""
    import planning

    return _plan(bench, "plan_10000", planning.LARGE)


def _plan(bench: Bench, name: str, size: Any) -> list[Figure]:
    """Measure the run that plans anew, and the one that finds the same again."""
    import planning

    factory = planning.Factory(size, bench.factory.context().now.date())
    with transaction.atomic():
        factory.draw()
    first, used = _run(bench, factory)
    again, used_again = _run(bench, factory)
    run = factory.current_run()
    if not run.order_count or run.new_count:
        raise RuntimeError(f"the second run found {run.new_count} of {run.order_count} orders to be new")
    least, counted = _plan_by_hand(bench, size, factory)
    first_counted, again_counted = _plan_statements(bench, size, factory)
    size_seen = f"{run.order_count:,} planned orders, {factory.pegs(run):,} pegs, {factory.lines:,} BOM lines"
    memory = f"at most {bench.server.peak_memory()} MB in a web process"
    note = f"{first_counted} statements, bare {counted}; {size_seen}; {used}; {memory}"
    return [
        Figure(f"{name}_s", first, "s", least, slower(first, least), note),
        Figure(f"{name}_again_s", again, "s", note=f"{again_counted} statements; {used_again}"),
    ]


_PLANNED = """
    SELECT split_part(i.code, '-', 2), o.kind, o.quantity, o.starts_on, o.due_on, o.ready_on, o.priority
    FROM planning_plannedorder o JOIN items_item i ON i.id = o.item_id WHERE o.plant_id = %s
"""


def _plan_by_hand(bench: Bench, size: Any, planned: Any) -> tuple[float, str]:
    """Plan by hand a factory that is drawn the same; give the seconds and what that takes.

    Raises: RuntimeError where its planned orders or its pegs are not those of the product
    """
    import _plan
    import planning

    factory = planning.Factory(size, planned.today)
    with transaction.atomic():
        factory.draw()
    with _bare.connected() as bare, cost(bench, 1) as used:
        seconds = timed(lambda: _plan.make_plan(bare, bench.factory.user, factory.plant.pk, factory.today))
        counted = f"{bare.count} statements"
    differ = db.one(
        f"SELECT count(*) FROM (({_PLANNED} EXCEPT ALL {_PLANNED}) UNION ALL ({_PLANNED} EXCEPT ALL {_PLANNED})) d",
        [one.plant.pk for one in (planned, factory, factory, planned)],
    )[0]
    pegs = [one.pegs(one.current_run()) for one in (planned, factory)]
    if differ or pegs[0] != pegs[1]:
        raise RuntimeError(f"{differ} planned orders differ by hand; {pegs[0]} pegs, {pegs[1]} by hand")
    return seconds, f"{counted}, {used[0]}"


def _plan_statements(bench: Bench, size: Any, planned: Any) -> tuple[int, int]:
    """Count in this process the statements of the run that plans anew and of the next one, of a factory drawn the same.

    Raises: RuntimeError where it does not plan as many orders
    """
    import planning

    factory = planning.Factory(size, planned.today)
    with transaction.atomic():
        factory.draw()
    door, meant = _bare.Inside(bench.factory.token), planned.current_run().order_count
    plan = {"plant": str(factory.plant.pk)}
    counted = [_bare.count_statements(lambda: door.post("planning/runs/plan", plan)) for _ in range(2)]
    if factory.current_run().order_count != meant:
        raise RuntimeError(f"{factory.current_run().order_count} planned orders where they are counted, not {meant}")
    return counted[0], counted[1]


def _run(bench: Bench, factory: Any) -> tuple[float, str]:
    with cost(bench, 1) as used:
        seconds = timed(lambda: bench.post("planning/runs/plan", {"plant": str(factory.plant.pk)}))
    return seconds, used[0]


def trace(bench: Bench, rounds: int = 15, least: int = 1_000_000) -> list[Figure]:
    """Measure following one lot among a million edges of genealogy: asked over REST, and its page.

    Raises: RuntimeError where there are fewer edges, or REST gives other lots than hand-written SQL
    """
    lot = bench.factory.many_edges(least)
    edges = db.one("SELECT count(*) FROM inventory_genealogy")[0]
    if edges < least:
        raise RuntimeError(f"{edges:,} edges, not {least:,}")
    path = f"{API}/queries/inventory.trace?lot={lot}&direction=down"
    with cost(bench, rounds + 1) as used:
        rest, size = _median_ms(bench.client, path, rounds)
    lots, bare = _bare.trace_ms(lot, rounds)
    told = bench.client.get(path).json()["items"]
    if {row["_id"] for row in told} != lots:
        raise RuntimeError(f"REST tells {len(told)} lots, hand-written SQL {len(lots)}")
    note = f"{statements(bench, path)}; {len(told)} lots found, {edges:,} edges, {size // 1000} kB; {used[0]}"
    browser, path = signed_in(bench.server.port), f"/trace/lots/{lot}"
    with cost(bench, rounds + 1) as used:
        page, size = _median_ms(browser, path, rounds)
    drawn = f"the page of that lot, {page_statements(bench, path)}, {size // 1000} kB; {used[0]}"
    return [
        Figure("trace_1m_ms", rest, "ms", bare, slower(rest, bare), note),
        Figure("trace_page_1m_ms", page, "ms", note=drawn),
    ]
