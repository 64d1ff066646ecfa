"""Events to RabbitMQ and queue messages to commands by the bus's own process, while both are killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time

import pika
import pytest
from django.db import connection

from banyan.integration.models import Attempt, Message
from banyan.integration.tests.telling import sell
from banyan.kernel import db
from banyan.kernel.models import Role
from banyan.lib.ids import new_id
from tests.integration.both_sides import bus_agrees, roles, sold
from tests.integration.shop import Integrator, table
from tests.partners.nodes import wait_for

pytestmark = [pytest.mark.partner("RabbitMQ"), pytest.mark.timeout(600)]
AT_FIRST, SLICE, BACKLOG, KEYS = 600, 100, 1000, 30
BUS = "import django; django.setup()\nfrom banyan.integration.engine import Bus\nprint('up', flush=True)\nBus().run()"


def start(live_db, keys):
    """Start a bus of its own; give it when it is up."""
    surroundings = os.environ | {
        "DATABASE_URL": live_db.url(), "BANYAN_DB_ROLE": "owner", "DJANGO_SETTINGS_MODULE": "tests.settings",
        "BANYAN_SECRETS_KEY": keys,
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", BUS], env=surroundings, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    return process


def kill(process):
    """End it as a power cut does, and let its claims' time pass."""
    process.kill()
    process.wait()
    db.run("UPDATE integration_message SET next_at = now(), claimed_until = now() WHERE claimed_until IS NOT NULL "
           "AND state = 'waiting'")  # fmt: skip
    db.run("UPDATE integration_position SET next_at = now(), claimed_until = NULL")


def still_out(state):
    """Give how many of what is told are in a state."""
    return Message.objects.filter(flow__code="OUT", state=state).count()


def channel(rabbitmq):
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port)).channel()


def take_all(rabbitmq, queue):
    """Take everything out of a queue; give (message's name, body)."""
    found, opened = [], channel(rabbitmq)
    while True:
        frame, properties, body = opened.basic_get(queue, auto_ack=True)
        if frame is None:
            opened.connection.close()
            return found
        found.append((properties.message_id, json.loads(body)))


def test_nothing_is_lost_and_nothing_happens_twice_when_broker_and_bus_are_killed(
    live_db, ctx, settings, monkeypatch, rabbitmq
):
    from banyan.integration.secrets import new_key

    keys = settings.BANYAN_SECRETS_KEY = new_key()
    hand, chance, name = Integrator(ctx), random.Random(11), f"bus{new_id().hex[-8:]}"
    system = hand.system(
        "RABBIT", "amqp",
        {"host": "127.0.0.1", "port": rabbitmq.port, "ways": [{"key": "told", "queue": f"{name}-out"}],
         "queues": [{"key": "asked", "queue": f"{name}-in"}]},
        {"password": "guest"}, account=hand.account("kernel.role.create"), timeout_seconds=5,
    )  # fmt: skip
    hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="told",
              detail={"events": ["test.sold"]}, retries=[1] * 20)  # fmt: skip
    hand.flow(
        system, "IN", {"n": 1}, direction="in", trigger="queue", detail={"operation": "asked", "every": 1},
        target="kernel.role.create",
        mapping=table(("code", "n", 'text | concat(K, "")'), ("name_zh", "n", "text"), ("name_en", "n", "text")),
    )  # fmt: skip
    opened = channel(rabbitmq)
    for queue in (f"{name}-out", f"{name}-in"):
        opened.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    opened.confirm_delivery()
    for n in range(100):
        for _ in range(1 + n % 2):  # every second one is sent twice, by the same name
            opened.basic_publish("", f"{name}-in", json.dumps({"n": n}).encode(),
                                 pika.BasicProperties(message_id=f"m{n}", delivery_mode=2))  # fmt: skip
    opened.connection.close()
    records, told, enough, waits = [new_id() for _ in range(KEYS)], [0], threading.Event(), []

    def tell(count):
        sell(ctx, *((records[n % KEYS], n) for n in range(told[0], told[0] + count)))
        told[0] += count

    def go_on_telling():
        """Keep a backlog, so that whenever something is killed it is being published."""
        while not enough.wait(0.01):
            if still_out("waiting") < BACKLOG:
                tell(SLICE)
        connection.close()

    telling = threading.Thread(target=go_on_telling)
    tell(AT_FIRST)
    time.sleep(5)  # RabbitMQ 3.10 forgets the term of a younger queue when it is killed
    process = start(live_db, keys)
    try:
        telling.start()
        for _ in range(2):
            time.sleep(chance.uniform(0.5, 1.5))
            kill(process)
            process = start(live_db, keys)
        for _ in range(2):
            published = still_out("done") + chance.randrange(50, 300)
            wait_for(lambda least=published: still_out("done") >= least, 60, "publishing")
            before = still_out("waiting")
            rabbitmq.kill()
            at_once = still_out("waiting")
            time.sleep(1)
            waits.append((before, at_once, still_out("waiting")))
            rabbitmq.start()
            db.run("UPDATE integration_gauge SET until = now() WHERE until IS NOT NULL")
        enough.set()
        telling.join()
        wait_for(lambda: not Message.objects.filter(state="waiting").exists() and
                 Role.objects.filter(code__startswith="K").count() == 100, 90, "the end")  # fmt: skip
    finally:
        enough.set()
        if telling.ident:
            telling.join()
        process.terminate()
        process.wait(15)
    taken = take_all(rabbitmq, f"{name}-out")
    failed = Attempt.objects.filter(message__flow__code="OUT", outcome="failed").count()
    print(f"waiting before, at and after each kill of the broker {waits}, {failed} tries failed; "
          f"150 sent to us of 100 names")  # fmt: skip
    assert all(min(one) > 0 for one in waits), "nothing was being published when the broker was killed"
    assert failed > 0, "no try met the broker's end"
    made = sold()
    assert len(made) == told[0]
    bus_agrees("out", made, [(one, body["subject"], body["data"]["n"]) for one, body in taken])
    bus_agrees("in", [(f"K{n}", n) for n in range(100)], roles("K"), number=lambda body: body["n"])
    connection.close()
