"""Work orders go to an MES by SOAP and its reports come back through RabbitMQ: each counts once, in any order."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pika
import pytest
from django.db import connection

from banyan.integration.models import Message, System
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Scan
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import proofs
from banyan.modules.production.models import Operation, Report
from banyan.modules.production.tests.conftest import Shop
from tests.integration.shop import Integrator, carry, samples
from tests.partners import servers
from tests.plugins import figures
from tests.plugins.world import World

pytestmark = [pytest.mark.partner("a SOAP service and RabbitMQ"), pytest.mark.timeout(300)]


@pytest.fixture
def mes(tmp_path, rabbitmq):
    """Give an MES's address, the queue it reports by, and the folder of its own books."""
    queue, port = f"mes{tmp_path.name[-20:]}", servers.free_port()
    opened = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port)).channel()
    for kind in ("reports", "undone"):
        opened.queue_declare(f"{queue}-{kind}", durable=True, arguments={"x-queue-type": "quorum"})
    opened.connection.close()
    seed = figures.seed()
    print(f"seed {seed}")
    program = [sys.executable, str(Path(__file__).with_name("mes_spyne.py")), str(port), str(rabbitmq.port), queue,
               str(tmp_path), str(seed)]  # fmt: skip
    with servers.running(program, port, tmp_path / "log"):
        yield f"http://127.0.0.1:{port}", queue, tmp_path


@pytest.fixture
def shop(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    made = Shop(World(ctx.with_(now=datetime.now(UTC))))
    made.stocked()
    yield made
    connection.close()


def join(hand, address, rabbitmq, queue):
    """Join the pair: the MES by its WSDL, its queues, and what goes which way."""
    system = hand.system("MES", "mes", {"wsdl_address": f"{address}/?wsdl"}, {}, timeout_seconds=10,
                         account=hand.account("production.work_order.report"))  # fmt: skip
    hand.flow(
        system, "ORDERS", samples("mes", "work_released.json"), direction="out", trigger="event",
        detail={"events": ["production.work_released"]}, target="add_work_order",
        mapping={"preset": "mes.work_orders"}, reply={"keep": True},
    )  # fmt: skip
    queues = [{"key": kind, "queue": f"{queue}-{kind}"} for kind in ("reports", "undone")]
    back = hand.system(
        "MESQ", "amqp", {"host": "127.0.0.1", "port": rabbitmq.port, "queues": queues}, {"password": "guest"},
        account=hand.account("production.work_order.report", "production.report.undo"), timeout_seconds=5,
    )  # fmt: skip
    for kind, sample in (("reports", "report.json"), ("undone", "undone.json")):
        hand.flow(
            back, kind.upper(), samples("mes", sample), direction="in", trigger="queue", order="free",
            detail={"operation": kind, "every": 1}, target="production.work_order.report",
            mapping={"preset": f"mes.{kind}"},
        )  # fmt: skip


def pass_time(seconds):
    for n in range(seconds):
        carry(datetime.now(UTC) + timedelta(seconds=n + 1))


def book(folder, name):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_released_orders_are_made_at_the_mes_and_every_report_counts_once(shop, mes, rabbitmq):
    address, queue, folder = mes
    join(hand := Integrator(shop.ctx), address, rabbitmq, queue)
    due = (shop.ctx.now + timedelta(days=20)).date()
    orders = [shop.released(quantity=str(quantity), due_on=due) for quantity in (40, 25, 12)]
    pass_time(6)
    dead = list(Message.objects.filter(state="dead").values_list("flow__code", "reason"))
    print(f"taken back before they came: {dead}")
    assert {flow for flow, _ in dead} <= {"UNDONE"}, "only what is taken back before it came waits for a word"
    hand.do("integration.message.replay_where", system=str(System.objects.get(code="MESQ").pk))
    pass_time(3)
    assert list(Message.objects.exclude(state="done").values_list("flow__code", "state", "reason", "error")) == []

    told = book(folder, "orders")
    assert sorted((one["number"], int(D(one["quantity"])), one["steps"]) for one in told) == sorted(
        (order.number, int(order.quantity), 3) for order in orders)  # fmt: skip
    reports = book(folder, "reports")
    wrong = {one["undone"] for one in reports if "undone" in one}
    theirs: Counter = Counter()
    for one in reports:
        if "undone" not in one and one["id"] not in wrong:
            theirs[one["order"], one["sequence"], one["kind"].lower()] += one["quantity"]
    ours: Counter = Counter()
    for row in Operation.objects.filter(work_order__in=orders).select_related("work_order"):
        for kind, quantity in (("good", row.good_quantity), ("scrap", row.scrap_quantity)):
            if quantity:
                ours[row.work_order.number, row.sequence, kind] += int(quantity)
    sent = Message.objects.filter(flow__code__in=("REPORTS", "UNDONE"))
    print(f"MES: {len(told)} orders, {len(reports) - len(wrong)} reports, {len(wrong)} taken back, "
          f"{sum(theirs.values())} pieces; ours: {sent.count()} messages, {Report.objects.count()} reports, "
          f"{sum(ours.values())} pieces")  # fmt: skip
    assert ours == theirs
    assert Report.objects.exclude(kind="undo").count() == len(reports) - len(wrong)
    assert sent.count() > Report.objects.count(), "some came twice"
    defaults.seed(shop.ctx)
    for code, ours_are in (("SCAN-REPORTS", len(reports) - len(wrong)), ("SCAN-UNDONE", len(wrong))):
        scan = Scan.objects.select_related("system").get(code=code)
        scanned = run_scan(shop.ctx.with_(now=datetime.now(UTC) + timedelta(hours=1)), scan)
        print(f"{code}: {scanned.ours} ours, {scanned.theirs} theirs, {scanned.found} found")
        assert (scanned.ours, scanned.found, scanned.windows_differ) == (ours_are, 0, 0)
    mine = ("integration.", "production.")
    red = [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith(mine)]
    assert red == []
