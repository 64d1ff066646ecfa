"""The server is killed again and again amid its work: what was acknowledged is there, once; nothing is half-done.

BANYAN_SEED repeats a run.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence

import pytest

from banyan.kernel import db, dispatcher, proofs
from tests.concurrency.transfers import Client, assert_nothing_lost, stocked
from tests.plugins import figures
from tests.plugins.server import Server, robot_token
from tests.plugins.world import World

CLIENTS = 6
#: Transactions of the server that have written and are not ended.
OPEN = """
    SELECT backend_xid::text FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'banyan_app' AND backend_xid IS NOT NULL
        AND state IN ('active', 'idle in transaction')
"""


def until_open(clients: Sequence[Client]) -> list[str]:
    """Wait until transactions of the server are open; give them. Raises: AssertionError after half a minute."""
    patience = time.monotonic() + 30
    while time.monotonic() < patience:
        if found := [number for (number,) in db.rows(OPEN)]:
            return found
    raise AssertionError(f"no transaction was open to be killed in; {[c.unexpected[:1] for c in clients]}")


def lost(numbers: Sequence[str]) -> int:
    """Wait until transactions have ended; give how many of them left nothing."""
    fates, patience = ["in progress"], time.monotonic() + 30
    while "in progress" in fates and time.monotonic() < patience:
        fates = [db.one("SELECT pg_xact_status(%s::xid8)", [number])[0] for number in numbers]
    assert set(fates) <= {"aborted", "committed"}, fates
    return fates.count("aborted")


def kill_and_look(kills: int, live_db, ctx, tmp_path) -> None:
    """Kill the server that many times inside an open transaction; then look at what is there.

    A kill counts where a transaction that was open right before never came to its end. One that the server ended
    between the look and the kill does not, and the kill is done again.
    """
    seed = figures.seed()
    chance, world = random.Random(seed), World(ctx)
    body, token = stocked(ctx, world), robot_token()
    live_db.cluster.sql("GRANT pg_read_all_stats TO banyan_owner")  # to see when a transaction is open
    server, stop = Server(live_db.url("banyan_app"), tmp_path), threading.Event()
    server.start()
    clients = [Client(server.port, token, body, stop) for _ in range(CLIENTS)]
    inside, tries, transactions = 0, 0, 0
    try:
        for client in clients:
            client.start()
        while inside < kills and tries < 2 * kills + 3:
            time.sleep(chance.uniform(0.05, 0.6))
            opened = until_open(clients)
            known, cut = ({key for c in clients for key in getattr(c, name)} for name in ("acknowledged", "cut"))
            server.kill()
            ended = lost(opened)
            server.start()
            unanswered = {key for client in clients for key in client.cut} - cut
            assert len(unanswered) >= ended, "a transaction was lost, and nobody waited for it"
            assert not unanswered & known, "a request was answered, and broke off afterwards"
            tries, inside, transactions = tries + 1, inside + bool(ended), transactions + ended
        time.sleep(1)
        stop.set()
        for client in clients:
            client.join(20)
    finally:
        stop.set()
        server.kill()
    print(f"{tries} kills, {inside} inside {transactions} open transactions", flush=True)
    dispatcher.wait_until_quiet(120)  # none ran beside: events older than five minutes are a fault of their own
    acknowledged = assert_nothing_lost(clients, body)
    print(f"{acknowledged} transfers acknowledged and kept once, {len(proofs.proofs())} proofs green")
    assert inside == kills
    assert acknowledged > kills


def test_three_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(3, live_db, ctx, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(50, live_db, ctx, tmp_path)
