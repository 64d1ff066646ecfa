"""How fast the bus is: a server of its own, a partner on the loopback, durable, two processes and all.

banyan bench bus                            all figures, with what is promised: [limit, aim]
banyan bench bus --only webhook backlog     some of them; --json gives an object a line
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from _receiver import SECRET  # noqa: E402 (the folders are put on the path first)
from _server import Answer, Client, Server, running, show  # noqa: E402

from tests.partners.nodes import RABBITMQ, rabbitmq_node, rabbitmq_program  # noqa: E402

#: By figure: the limit and the aim.
TARGETS: dict[str, tuple[float, float]] = {
    "bus_webhook_per_s": (1000, 2000),
    "bus_p95_ms": (1000, 300),
    "bus_amqp_per_s": (1000, 2000),
    "bus_amqp_p95_ms": (1000, 300),
    "inbox_orders_per_s": (150, 250),
    "backlog_1m_slowdown": (2, 1.2),
    "backlog_due_slowdown": (2, 1.2),
    "backlog_due_p95_ms": (1000, 300),
    "bus_health_page_ms": (1000, 300),
    "bus_alerts_ms": (5000, 1000),
}
GROUPS = ("webhook", "amqp", "inbox", "backlog", "health")
BATCH = 500
#: The processes that carry an event, by how they are started.
CARRIERS = (b"cli\0bus", b"cli\0dispatch")
HALF_LOAD_SECONDS = 15.0
BACKLOG = 1_000_000
QUEUE, SKU = "bench-events", "FLANGE"
#: What is published to the broker alone: so many messages, so many unconfirmed at a time in each connection.
BARE, BARE_WINDOW = 40_000, 100
INSTALL = "Install it: BANYAN_TEST_ALL=1 scripts/setup test, or apt-get install rabbitmq-server"


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="banyan bench bus")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="NAME",
                        help=", ".join(GROUPS))  # fmt: skip
    parser.add_argument("--messages", type=int, default=100_000, help="how many events are carried (100000)")
    parser.add_argument("--orders", type=int, default=3_000, help="how many orders come in (3000)")
    parser.add_argument("--backlog", type=int, default=BACKLOG, help="how many messages wait (1000000)")
    asked = parser.parse_args(arguments)
    if not asked.json:
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    with running() as (server, factory), receiver() as port:
        bench = Bench(server, factory, port)
        for name in GROUPS:
            if name in asked.only:
                for figure in getattr(bench, name)(asked):
                    show(figure, asked.json, TARGETS)


@contextmanager
def receiver(*broker: str) -> Iterator[int]:
    """Have the partner listening meanwhile, at a broker's port and queue too where given; give its own port."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("_receiver.py")), *broker], stdout=subprocess.PIPE, text=True
    )
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


def _figure(name: str, value: float, unit: str, note: str = "", bare: float | None = None) -> Any:
    ratio = None if bare is None else round(bare / value, 2)
    return SimpleNamespace(name=name, value=value, unit=unit, bare=bare, ratio=ratio, note=note)


def _order(number: int) -> dict[str, Any]:
    """Give an order of one line as WooCommerce tells it."""
    person = dict(
        first_name="John", last_name="Doe", address_1="金枫南路 1 号", address_2="", city="苏州", state="CN10",
        postcode="215101", country="CN", phone="13800000000", email="john.doe@example.com",
    )  # fmt: skip
    at = dict.fromkeys(("date_created_gmt", "date_modified_gmt", "date_paid_gmt"), "2026-03-02T02:21:07")
    line = dict(id=number, sku=SKU, name="法兰", quantity=2, price=50, subtotal="100.00", total="100.00")
    return dict(
        id=number, number=str(number), status="processing", currency="CNY", discount_total="0.00",
        shipping_total="0.00", total="100.00", customer_id=number, customer_note="", billing=person, shipping=person,
        line_items=[line], **at,
    )  # fmt: skip


def _ms(act: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - begun)


def _good(answer: Answer) -> None:
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.body[:300]!r}")


class Bench:
    """A system and flows to measure with."""

    def __init__(self, server: Server, factory: Any, port: int) -> None:
        self.server, self.factory, self.partner = server, factory, Client(port)
        from banyan.kernel.models import Role, User, UserRole

        user = User.objects.create(login="shop", name="商店接口", is_program=True)
        UserRole.objects.create(user=user, role=Role.objects.get(code="admin"))
        (self.system,) = factory.make("integration.system", dict(
            code="SHOP", name="商店", connector="webhook", hosts=[f"127.0.0.1:{port}"], account=str(user.pk),
            settings={"address": f"http://127.0.0.1:{port}/events", "operations": ["orders"]},
        ))  # fmt: skip
        factory.do("integration.secret.set", system=str(self.system), name="signing_secret", value=SECRET)
        factory.do("integration.system.activate", [self.system])
        self.event = "bench.sold"
        self.flow = self.flow_of("OUT", detail={"events": [self.event]})

    def flow_of(self, code: str, sample: Any = None, **facts: Any) -> Any:
        """Make a flow and switch it on."""
        from banyan.integration import mappings
        from banyan.integration.trying import outcome_of

        sample = sample or {"a": 1}
        given = dict(code=code, name=code, system=str(self.system), direction="out", trigger="event", target="event",
                     mapping={}) | facts  # fmt: skip
        (flow,) = self.factory.make("integration.flow", given)
        output = outcome_of({"filter": "", "mapping": mappings.frozen(given["mapping"])}, sample).value
        self.factory.make("integration.sample", dict(flow=str(flow), name="一", input=sample, output=output))
        self.factory.do("integration.flow.test", [flow])
        self.factory.do("integration.flow.activate", [flow])
        return flow

    # events → webhook

    def webhook(self, asked: Any) -> Iterator[Any]:
        """Event → webhook, signed, as a CloudEvent: all at once, then at half of that rate."""
        self._drive(2_000, None)
        rate, note = self._sustained(asked.messages)
        yield _figure("bus_webhook_per_s", rate, "/s", note)
        yield from self._half("bus_p95_ms", rate)

    def _sustained(self, count: int) -> tuple[float, str]:
        """Give how many of so many events arrive a second, and what each cost."""
        self._forget()
        before = self.server.spent(*CARRIERS)
        seconds, seen, twice = self._drive(count, None)
        after = self.server.spent(*CARRIERS)
        programs, data = (1e6 * (now - was) / count for was, now in zip(before, after, strict=True))
        note = f"{len(seen)} arrived, {twice} twice; {programs:.0f} + {data:.0f} µs of processor each"
        return count / seconds, note

    def _half(self, name: str, rate: float) -> Iterator[Any]:
        self._forget()
        count = int(rate / 2 * HALF_LOAD_SECONDS)
        _, seen, _ = self._drive(count, rate / 2)
        waits = sorted((arrived - sent) * 1000 for sent, arrived in seen)
        p95, p50 = waits[int(len(waits) * 0.95)], waits[len(waits) // 2]
        yield _figure(name, p95, "ms", f"at {rate / 2:.0f} a second, p50 {p50:.0f} ms, most {waits[-1]:.0f} ms")

    def _drive(self, count: int, rate: float | None) -> tuple[float, list[tuple[float, float]], int]:
        """Tell events, each of a record of its own, and wait until all have arrived; give the seconds it took."""
        begun = time.time()
        told = 0
        while told < count:
            size = BATCH if rate is None else min(count - told, max(1, int((time.time() - begun) * rate) - told))
            size = min(size, count - told, BATCH)
            self._tell(size)
            told += size
            if rate is not None:
                time.sleep(max(0.0, begun + told / rate - time.time()) + 0.02)
            elif told - self._arrived() > 20_000:
                time.sleep(0.5)
        limit = time.time() + 600
        while self._arrived() < count:
            if time.time() > limit:
                raise RuntimeError(f"{self._arrived()} of {count} have arrived")
            time.sleep(0.1)
        said = self.partner.get("/").json()
        last = max(arrived for _, arrived in said["seen"])
        return last - begun, said["seen"], said["twice"]

    def _tell(self, count: int) -> None:
        from banyan.kernel import db

        db.run(
            """
            INSERT INTO kernel_outbox (id, at, type, event_version, key, noun, record, number, payload)
            SELECT gen_random_uuid(), now(), %s, 1, r.record::text, 'sales.order', r.record, '',
                   jsonb_build_object('record', r.record, 'sent', extract(epoch FROM clock_timestamp()),
                                      'order', 'SO2601-00001', 'amount', '1280.00', 'customer', 'C1',
                                      'lines', jsonb_build_array(jsonb_build_object('item', 'FG-1', 'quantity', '10')))
            FROM (SELECT gen_random_uuid() AS record FROM generate_series(1, %s::int)) r
            """, [self.event, count],
        )  # fmt: skip

    def _arrived(self) -> int:
        return int(self.partner.get("/count").body)

    def _forget(self) -> None:
        self.partner._send("DELETE", "/", b"", {})

    # events → RabbitMQ

    def amqp(self, asked: Any) -> Iterator[Any]:
        """Event → RabbitMQ → a consumer there, beside what the broker confirms to those who only publish."""
        if rabbitmq_program() is None:
            raise SystemExit(f"bus_amqp_per_s is not measured, for there is no {RABBITMQ}. {INSTALL}")
        folder = self.server.folder / "rabbitmq"
        folder.mkdir()
        with rabbitmq_node(folder) as broker, receiver(str(broker.port), QUEUE) as port:
            usual, self.partner, self.event = (self.partner, self.event), Client(port), "bench.queued"
            flow = self._amqp_flow(broker.port)
            self._drive(2_000, None)
            rate, note = self._sustained(asked.messages)
            bare = self._bare_rate(broker.port, flow)
            yield _figure("bus_amqp_per_s", rate, "/s", note, bare)
            yield from self._half("bus_amqp_p95_ms", rate)
            self.factory.do("integration.flow.stop", [flow])
            self.partner, self.event = usual

    def _amqp_flow(self, port: int) -> Any:
        (system,) = self.factory.make("integration.system", dict(
            code="RABBIT", name="消息队列", connector="amqp", hosts=[f"127.0.0.1:{port}"],
            settings={"host": "127.0.0.1", "port": port, "ways": [{"key": "told", "queue": QUEUE}]},
        ))  # fmt: skip
        self.factory.do("integration.secret.set", system=str(system), name="password", value="guest")
        self.factory.do("integration.system.activate", [system])
        return self.flow_of("QUEUED", system=str(system), target="told", detail={"events": [self.event]})

    def _bare_rate(self, port: int, flow: Any) -> float:
        """Give how many messages like ours a second the broker confirms, over as many connections."""
        from banyan.integration.engine import SENDERS
        from banyan.kernel import db

        body = db.one("SELECT body::text FROM integration_message WHERE flow_id = %s LIMIT 1", [flow])[0]
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("_amqp.py")), *map(str, (port, SENDERS, BARE, BARE_WINDOW))],
            input=body, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return BARE / float(done.stdout)

    # orders in

    def inbox(self, asked: Any) -> Iterator[Any]:
        """Orders of a web shop that have come in, mapped, until each is accepted: promised and confirmed as a sale."""
        from django.utils import timezone

        from banyan.integration import inbox
        from banyan.integration.connecting import Incoming
        from banyan.integration.plans import plan_of
        from banyan.kernel import db

        make, shop = self.factory.make, "W1"
        (key,) = make("channels.shop", dict(
            code=shop, name="旗舰店", platform="woocommerce", plant=str(self.factory.plant),
            party=str(self.factory.customer),
        ))  # fmt: skip
        make("channels.listing", dict(shop=str(key), sku=SKU, item=str(self.factory.goods[0])))
        flow = self.flow_of(
            "IN", _order(0), direction="in", trigger="webhook", detail={"operation": "orders"},
            target="channels.order.receive", mapping={"preset": "woocommerce.orders", "settings": {"shop": shop}},
        )  # fmt: skip
        plan = plan_of(flow)
        orders = [Incoming(id=f"O-{n}", key=f"O-{n}", body=_order(n)) for n in range(1, asked.orders + 1)]
        before, begun = self.server.spent(*CARRIERS), time.perf_counter()
        for start in range(0, len(orders), BATCH):
            inbox.keep(plan, orders[start : start + BATCH], timezone.now())
        while True:
            found = dict(db.rows(
                "SELECT state, count(*) FROM integration_message WHERE flow_id = %s GROUP BY 1", [flow]
            ))  # fmt: skip
            if not found.get("waiting"):
                break
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
        states = dict(db.rows("SELECT state, count(*) FROM channels_channelorder GROUP BY 1"))
        if found != {"done": asked.orders} or states != {"accepted": asked.orders}:
            raise RuntimeError(f"messages {found}, orders {states}")
        after = self.server.spent(*CARRIERS)
        programs, data = (1e3 * (now - was) / asked.orders for was, now in zip(before, after, strict=True))
        yield _figure("inbox_orders_per_s", asked.orders / seconds, "/s",
                      f"{asked.orders} accepted; {programs:.1f} + {data:.1f} ms of processor each")  # fmt: skip

    # a backlog

    def backlog(self, asked: Any) -> Iterator[Any]:
        """How long a new message takes beside very many that wait: of a stopped flow, for a later time; then all due.

        These are of an active flow, whose partner's breaker is open: nothing but that holds them back.
        """
        from banyan.integration.models import Attempt

        few = min(asked.messages, 20_000)
        self._forget()
        alone, _, _ = self._drive(few, None)
        stopped = self.flow_of("STOPPED", detail={"events": ["bench.other"]})
        self.factory.do("integration.flow.stop", [stopped])
        self._fill(stopped, asked.backlog // 2, "now()")
        self._fill(self.flow, asked.backlog - asked.backlog // 2, "now() + interval '1 day'")
        self._forget()
        beside, _, _ = self._drive(few, None)
        yield _figure("backlog_1m_slowdown", beside / alone, "×",
                      f"{few / alone:.0f} a second alone, {few / beside:.0f} beside {asked.backlog}")  # fmt: skip
        shut = self._shut_flow()
        self._fill(shut, asked.backlog, "now()")
        self._forget()
        beside, _, _ = self._drive(few, None)
        tried = Attempt.objects.filter(message__flow=shut).count()
        if tried:
            raise RuntimeError(f"{tried} tries by an open breaker")
        yield _figure("backlog_due_slowdown", beside / alone, "×",
                      f"{few / beside:.0f} a second beside {asked.backlog} due behind an open breaker")  # fmt: skip
        yield from self._half("backlog_due_p95_ms", few / beside)

    def _shut_flow(self) -> Any:
        """Make a flow to a partner that nobody may call for a day, for its breaker is open."""
        from banyan.kernel import db

        (system,) = self.factory.make("integration.system", dict(
            code="AWAY", name="停摆", connector="webhook", hosts=["127.0.0.1:9"],
            settings={"address": "http://127.0.0.1:9/events"},
        ))  # fmt: skip
        self.factory.do("integration.secret.set", system=str(system), name="signing_secret", value=SECRET)
        self.factory.do("integration.system.activate", [system])
        db.run(
            """
            INSERT INTO integration_gauge (id, system_id, operation, breaker, failures, opened, tokens, error, until)
            VALUES (%(system)s, %(system)s, '', 'open', 5, 1, 0, '', now() + interval '1 day')
            ON CONFLICT (system_id, operation) DO UPDATE SET breaker = 'open', until = now() + interval '1 day'
            """, {"system": system},
        )  # fmt: skip
        return self.flow_of("SHUT", system=str(system), detail={"events": ["bench.away"]})

    def health(self, asked: Any) -> Iterator[Any]:
        """The health board's page, and all alert rules, over what the figures before have left behind."""
        from _measures import signed_in
        from django.utils import timezone

        from banyan.integration.watch import alerts
        from banyan.kernel import db
        from banyan.kernel.models import Role

        role = str(Role.objects.get(code="admin").pk)
        self.factory.make("watch.alert_rule", *(
            dict(name=measure, measure=measure, role=role, threshold="1", window_minutes=60)
            for measure in ("dead", "blocked", "waiting", "breaker", "differences", "errors", "silence")
        ))  # fmt: skip
        kept, lately = db.one(
            "SELECT (SELECT count(*) FROM integration_message), (SELECT count(*) FROM integration_attempt "
            "WHERE at > now() - interval '1 hour')"
        )
        note = f"{kept:,} messages, {lately:,} tries in the last hour"
        browser = signed_in(self.server.port)
        pages = sorted(_ms(lambda: _good(browser.get("/integration/health"))) for _ in range(5))
        yield _figure("bus_health_page_ms", pages[2], "ms", f"{note}; slowest {pages[-1]:.0f} ms")
        rules = sorted(_ms(lambda: alerts.broken(timezone.now())) for _ in range(3))
        yield _figure("bus_alerts_ms", rules[1], "ms", "all seven measures")

    def _fill(self, flow: Any, count: int, next_at: str) -> None:
        from banyan.kernel import db

        piece = 100_000
        for start in range(0, count, piece):
            db.run(
                f"""
                INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type,
                    key, body, raw, state, reason, error, attempts, at, next_at, code, note, noun)
                SELECT gen_random_uuid(), nextval('integration_message_seq'), f.id, f.system_id, f.running_id, 'out',
                       'filled ' || n, '', 'bench.sold', 'K' || n, '{{"data": {{"n": 1}}}}', '', 'waiting', '', '', 0,
                       now(), {next_at}, '', '', ''
                FROM integration_flow f, generate_series(%s::int, %s::int) n WHERE f.id = %s
                """,
                [start, min(start + piece, count) - 1, flow],
            )


if __name__ == "__main__":
    main(sys.argv[1:])
