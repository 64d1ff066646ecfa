"""The server is killed again and again amid its work: what was acknowledged is there, once; nothing is half-done."""

from __future__ import annotations

import random
import threading
import time

import pytest

from banyan.kernel import db
from tests.concurrency.transfers import Client, assert_nothing_lost, stocked
from tests.plugins.server import Server, robot_token
from tests.plugins.world import World

CLIENTS = 6
OPEN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'banyan_app' AND xact_start IS NOT NULL
        AND backend_xid IS NOT NULL
"""


def kill_and_look(kills: int, live_db, ctx, tmp_path, seed: int) -> None:
    """Kill the server that many times, each inside an open transaction; then look at what is there."""
    chance, world = random.Random(seed), World(ctx)
    print(f"seed {seed}")
    body, token = stocked(ctx, world), robot_token()
    live_db.cluster.sql("GRANT pg_read_all_stats TO banyan_owner")  # to see when a transaction is open
    server, stop = Server(live_db.url("banyan_app"), tmp_path), threading.Event()
    server.start()
    clients = [Client(server.port, token, body, stop) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0.05, 0.6))
            inside, patience = 0, time.monotonic() + 30
            while not inside and time.monotonic() < patience:
                (inside,) = db.one(OPEN)
            assert inside, f"no transaction was open to be killed in; {[c.unexpected[:1] for c in clients]}"
            server.kill()
            server.start()
        time.sleep(1)
        stop.set()
        for client in clients:
            client.join(20)
    finally:
        stop.set()
        server.kill()
    acknowledged = assert_nothing_lost(clients, body)
    print(f"{kills} kills, {acknowledged} transfers acknowledged")
    assert acknowledged > kills


def test_three_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(3, live_db, ctx, tmp_path, seed=random.SystemRandom().randrange(10**6))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(50, live_db, ctx, tmp_path, seed=random.SystemRandom().randrange(10**6))
