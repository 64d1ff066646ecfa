"""The server is killed again and again in the middle of its work: what was acknowledged is there, once; nothing is half-done."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field

import pytest

from banyan.kernel import db, proofs
from banyan.lib.ids import new_id
from banyan.modules.inventory.commands import ensure_standing
from tests.plugins.server import Server, robot_token
from tests.plugins.world import World

CLIENTS = 6


@dataclass
class Client(threading.Thread):
    """Moves one piece at a time from a bin to another, repeating a key until it is answered."""

    port: int
    token: str
    body: dict
    stop: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        key, link = str(new_id()), None
        while not self.stop.is_set():
            try:
                link = link or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                link.request("POST", "/api/v1/inventory/stock_documents/transfer", json.dumps(self.body | {"reason": key}), {
                    "Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"})
                answer = link.getresponse()
                text = answer.read().decode()
                if answer.status in (200, 201):
                    self.acknowledged.append(key)
                else:
                    self.unexpected.append(f"{answer.status} {text[:300]}")
                key = str(new_id())
            except (OSError, http.client.HTTPException):
                link = None
                time.sleep(0.05)


def kill_and_look(kills: int, live_db, ctx, tmp_path, seed: int) -> None:
    """Kill the server that many times, each inside an open transaction; then look at what is there."""
    chance, world = random.Random(seed), World(ctx)
    print(f"seed {seed}")
    ensure_standing(ctx, world.plant.pk)
    there, here = (world.make("inventory.location", code=c, name=c, kind="bin", plant=world.plant) for c in ("A1", "B1"))
    source = db.one("SELECT id FROM inventory_location WHERE kind = 'adjustment' AND plant_id = %s", [world.plant.pk])[0]
    paper = world.make("inventory.stock_document", kind="adjustment", plant=world.plant, source=str(source), reason="test", lines=[
        {"item": world.part, "quantity": "100000", "amount": "100000.00", "target": there}])
    world.do("inventory.stock_document.post", paper)
    token = robot_token()
    body = {"item": str(world.part.pk), "quantity": "1", "source": str(there.pk), "target": str(here.pk)}
    live_db.cluster.sql("GRANT pg_read_all_stats TO banyan_owner")       # to see when a transaction is open
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
                inside = db.one(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'banyan_app' "
                    "AND xact_start IS NOT NULL AND backend_xid IS NOT NULL")[0]
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
    keys = [k for c in clients for k in c.acknowledged]
    moved = dict(db.rows("SELECT reason, count(*) FROM inventory_move WHERE source_id = %s AND target_id = %s GROUP BY reason", [there.pk, here.pk]))
    print(f"{kills} kills, {len(keys)} transfers acknowledged, {sum(moved.values())} moves")
    assert [u for c in clients for u in c.unexpected] == []
    assert len(keys) > kills
    assert {k: moved.get(k) for k in keys if moved.get(k) != 1} == {}
    assert all(count == 1 for count in moved.values())
    assert db.one("SELECT on_hand FROM inventory_balance WHERE location_id = %s", [here.pk])[0] == sum(moved.values())
    assert {v.proof.key: v.found.faults for v in proofs.run() if not v.is_green} == {}


def test_three_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(3, live_db, ctx, tmp_path, seed=random.SystemRandom().randrange(10**6))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_kills_lose_nothing(live_db, ctx, tmp_path):
    kill_and_look(50, live_db, ctx, tmp_path, seed=random.SystemRandom().randrange(10**6))
