"""Clients that move stock over REST while something is killed, and what must hold afterwards."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field

from banyan.kernel import db, proofs
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.inventory.commands import ensure_standing
from tests.plugins.world import World

PATH = "/api/v1/inventory/stock_documents/transfer"


def stocked(ctx: Context, world: World) -> dict[str, str]:
    """Lay a hundred thousand pieces into a bin; give the body of a transfer of one to another bin."""
    ensure_standing(ctx, world.plant.pk)
    bins = [{"code": c, "name": c, "kind": "bin", "plant": world.plant} for c in ("A1", "B1")]
    there, here = world.make_many("inventory.location", bins)
    (source,) = db.one(
        "SELECT id FROM inventory_location WHERE kind = 'adjustment' AND plant_id = %s", [world.plant.pk]
    )
    lines = [{"item": world.part, "quantity": "100000", "amount": "100000.00", "target": there}]
    paper = world.make(
        "inventory.stock_document",
        kind="adjustment",
        plant=world.plant,
        source=str(source),
        reason="test",
        lines=lines,
    )
    world.do("inventory.stock_document.post", paper)
    return {"item": str(world.part.pk), "quantity": "1", "source": str(there.pk), "target": str(here.pk)}


@dataclass(eq=False)
class Client(threading.Thread):
    """Moves one piece at a time, repeating a key until it is answered.

    Takes:  retried: statuses after which the same key is sent again, as when the database is gone
    Writes: acknowledged: keys whose transfer was answered; cut: keys sent that got no answer, each time
    """

    port: int
    token: str
    body: dict[str, str]
    stop: threading.Event
    retried: tuple[int, ...] = ()
    acknowledged: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        key, link = str(new_id()), None
        while not self.stop.is_set():
            headers = {
                "Authorization": f"Bearer {self.token}",
                "Idempotency-Key": key,
                "Content-Type": "application/json",
            }
            is_sent = False
            try:
                link = link or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                link.request("POST", PATH, json.dumps(self.body | {"reason": key}), headers)
                is_sent = True
                answer = link.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException):
                link = None
                self.cut += [key] if is_sent else []
                time.sleep(0.05)
                continue
            if answer.status in self.retried:
                time.sleep(0.1)
                continue
            if answer.status in (200, 201):
                self.acknowledged.append(key)
            else:
                self.unexpected.append(f"{answer.status} {text[:300]}")
            key = str(new_id())


def assert_nothing_lost(clients: list[Client], body: dict[str, str]) -> int:
    """Hold the ledger against what was acknowledged; give how many transfers there were."""
    assert [text for one in clients for text in one.unexpected] == []
    keys = [key for one in clients for key in one.acknowledged]
    moved = dict(
        db.rows(
            "SELECT reason, count(*) FROM inventory_move WHERE source_id = %s AND target_id = %s GROUP BY 1",
            [body["source"], body["target"]],
        )
    )
    assert {key: moved.get(key) for key in keys if moved.get(key) != 1} == {}
    assert all(count == 1 for count in moved.values())
    (on_hand,) = db.one("SELECT on_hand FROM inventory_balance WHERE location_id = %s", [body["target"]])
    assert on_hand == sum(moved.values())
    red = {v.proof.key: v.found.faults for v in proofs.run() if not v.is_green}
    assert red == {}, red
    return len(keys)
