"""The process: carries by itself, ends cleanly, and loses nothing when it is killed in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from banyan.integration.models import Message
from banyan.integration.tests.telling import sell
from banyan.kernel import db, dispatcher
from banyan.lib.ids import new_id
from tests.integration.both_sides import bus_agrees, red, sold

SERVE = """
import banyan.integration.tests.conftest
from banyan.integration.engine import Bus
print("up", flush=True)
Bus(senders=4).run()
"""


def start(live_db):
    """Start a bus of its own that knows the partner of the tests; give it when it is up."""
    surroundings = os.environ | {
        "DATABASE_URL": live_db.url(), "BANYAN_DB_ROLE": "owner", "DJANGO_SETTINGS_MODULE": "tests.settings",
    }  # fmt: skip
    code = "import django; django.setup()\n" + SERVE
    process = subprocess.Popen([sys.executable, "-c", code], env=surroundings, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    return process


def wait_for(condition, seconds=40.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come about in time"
        time.sleep(0.05)


def test_an_event_is_at_the_partner_within_a_second_and_sigterm_ends_it_cleanly(ctx, flow, partner, live_db):
    flow()
    process = start(live_db)
    try:
        time.sleep(1.0)
        sell(ctx, (new_id(), 0))
        wait_for(lambda: partner.got)
        begun = time.monotonic()
        sell(ctx, (new_id(), 1))
        wait_for(lambda: len(partner.got) == 2, 5)
        assert time.monotonic() - begun < 1.0
        sell(ctx, *((new_id(), n) for n in range(100)))
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
    assert Message.objects.filter(claimed_until__isnull=False).count() == 0
    assert Message.objects.filter(state="done").count() == len(partner.got)
    assert red() == []


@pytest.mark.slow
def test_killed_at_random_moments_every_message_arrives_in_order(ctx, flow, partner, live_db, system):
    """At least once on the wire, by the same name; once in our books; in order per key."""
    flow()
    keys = [new_id() for _ in range(20)]
    partner.answer = lambda body: time.sleep(0.002) or 200
    chance = random.Random(7)
    sell(ctx, *((keys[n % 20], n) for n in range(600)))
    for _ in range(4):
        process = start(live_db)
        time.sleep(chance.uniform(0.1, 0.8))
        process.kill()
        process.wait()
        # as if the claims' time had passed
        db.run("UPDATE integration_message SET next_at = now(), claimed_until = now() WHERE claimed_until IS NOT NULL "
               "AND state = 'waiting'")  # fmt: skip
    process = start(live_db)
    try:
        wait_for(lambda: not Message.objects.filter(state="waiting").exists(), 60)
    finally:
        process.terminate()
        process.wait(15)
    assert len(sold()) == 600
    bus_agrees("out", sold(), partner.books)


@pytest.mark.slow
def test_it_goes_on_when_the_database_has_thrown_it_out(ctx, flow, partner, live_db):
    flow()
    process = start(live_db)
    try:
        sell(ctx, (new_id(), 0))
        wait_for(lambda: partner.got)
        db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
               "AND pid <> pg_backend_pid() AND usename LIKE 'banyan%%'")  # fmt: skip
        sell(ctx, (new_id(), 1))
        wait_for(lambda: len(partner.got) == 2)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(15)
    assert red() == []


@pytest.mark.slow
def test_at_rest_it_asks_little(live_db, ctx, flow, partner):
    flow()
    process = start(live_db)
    try:
        time.sleep(2.0)
        before = _spent(process.pid)
        time.sleep(3.0)
        assert _spent(process.pid) - before < 0.45
    finally:
        process.terminate()
        process.wait(15)


def _spent(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_dispatcher_and_the_bus_together_carry_what_is_told_meanwhile(ctx, flow, partner, live_db):
    flow()
    stop = threading.Event()

    def dispatch() -> None:
        dispatcher.run(stop)
        from django.db import connection

        connection.close()

    thread = threading.Thread(target=dispatch)
    process = start(live_db)
    thread.start()
    try:
        one = new_id()
        for n in range(30):
            sell(ctx, (one, n), drains=False)
        wait_for(lambda: len(partner.got) == 30)
    finally:
        stop.set()
        thread.join()
        process.terminate()
        process.wait(15)
    assert [body["data"]["n"] for body in partner.bodies] == list(range(30))
    assert red() == []
