"""The edge's spool and forwarder: nothing lost, nothing twice, bounded, in order."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from banyan.connectors.edge.forwarding import Forwarder
from banyan.connectors.edge.running import Keeper
from banyan.connectors.edge.spool import Full, Reading, Spool, alone
from banyan.connectors.webhook.connector import Webhook
from banyan.connectors.webhook.settings import WebhookSettings
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import connection, partner

PAYLOADS = Path(__file__).parents[1] / "payloads"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def readings(count, first=0):
    return [
        Reading("line", "车间/一线/产量", AT + timedelta(seconds=n), {"good": n}, id=f"r-{n}")
        for n in range(first, first + count)
    ]


class Server:
    """The webhook entrance: checks signature and age with the real connector, keeps each id once."""

    def __init__(self, faults=()):
        self.kept, self.order, self.faults, self.parcels = {}, [], list(faults), 0

    def __call__(self, asked):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "down":
            return 503, {"ok": False}
        system = connection(WebhookSettings(), {"signing_secret": SECRET}, now=datetime.now(UTC))
        request = Received(asked.method, asked.path, {}, asked.headers, asked.body, datetime.now(UTC))
        try:
            messages = Webhook().receive(system, "readings", request)
        except Failed as refused:
            return 401 if refused.kind == "forged" else 422, {"reason": refused.kind}
        if any(message.body["value"].get("good") == -1 for message in messages):
            return 422, {"reason": "validation"}
        self.parcels += 1
        for message in messages:
            if self.kept.setdefault(message.id, message.body) != message.body:
                return 422, {"reason": "source_reused"}
            if message.body["reading"] not in self.order:
                self.order.append(message.body["reading"])
        return None if fault == "lost answer" else (200, {"ok": True})


def forwarder(spool, there, **more):
    return Forwarder(spool, "line-1", f"{there.url}/hooks/edge/readings", SECRET, **more)


def test_readings_reach_the_server_once_and_in_order_over_all_faults(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    spool.add(readings(50))
    server = Server(["down", "lost answer", "down", None, "lost answer", "lost answer"])
    with partner(server) as there:
        sending = forwarder(spool, there, most=20)
        for _ in range(20):
            sending.step()
    assert server.order == [f"r-{n}" for n in range(50)]
    assert len(server.kept) == 50, "a parcel sent again has the same ids"
    assert spool.state().waiting == 0


def test_a_parcel_goes_out_as_it_is_documented_and_is_read_by_the_entrance(tmp_path):
    shown = json.loads((PAYLOADS / "parcel.json").read_text(encoding="utf-8"))
    spool, heard = Spool(tmp_path / "spool.db"), []
    spool.add([Reading(one["data"]["source"], one["subject"], datetime.fromisoformat(one["time"]),
                       one["data"]["value"], id=one["id"]) for one in shown])  # fmt: skip
    server = Server()
    with partner(lambda asked: heard.append(asked) or server(asked)) as there:
        forwarder(spool, there).step()
    assert heard[0].json == shown
    assert heard[0].headers["content-type"].startswith("application/cloudevents-batch+json")
    assert list(server.kept.values()) == [one["data"] for one in shown]


def test_a_parcel_that_was_named_before_a_crash_is_the_same_after_it(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    spool.add(readings(3))
    first = spool.parcel(10)
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    spool.add(readings(5, 3))
    assert spool.parcel(10) == first


def test_one_bad_reading_is_laid_aside_and_holds_nothing_up(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    spool.add([*readings(7), Reading("line", "x", AT, {"good": -1}, id="bad"), *readings(7, 7)])
    server = Server()
    with partner(server) as there:
        sending = forwarder(spool, there)
        while sending.step():
            pass
        assert (spool.state().waiting, spool.state().refused) == (0, 1)
        assert server.order == [f"r-{n}" for n in range(14)]
        assert spool.again() == 1
        assert spool.state().waiting == 1


def test_a_wrong_secret_loses_nothing(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    spool.add(readings(3))
    with partner(Server()) as there:
        wrong = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
        assert Forwarder(spool, "line-1", f"{there.url}/x", wrong).step() is False
    assert (spool.state().waiting, spool.state().refused) == (3, 0)


def test_a_repeated_packet_is_known_again_and_an_equal_reading_is_not_one(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    told = dict(source="gw", subject="t", at=AT, body={"good": 1})
    assert spool.add([Reading(**told, packet="7"), Reading(**told, packet="8")]) == 2
    assert spool.add([Reading(**told, packet="7", is_repeated=True)]) == 0
    assert spool.add([Reading(**told, packet="7")]) == 1, "the broker counts anew: the same number is another packet"
    assert spool.add([Reading(**told, packet="9", is_repeated=True)]) == 1, "its first delivery never reached the disk"


def test_a_full_spool_refuses_and_tells_the_gap_when_there_is_room(tmp_path):
    spool = Spool(tmp_path / "spool.db", most_readings=10)
    spool.add(readings(10))
    with pytest.raises(Full):
        spool.add(readings(1, 10))
    keeper = Keeper(spool)
    for reading in readings(3, 20):
        keeper.give(reading, None)
    from threading import Event

    stop = Event()
    stop.set()
    keeper.run(stop)
    assert spool.state().waiting == 10
    parcel, _ = spool.parcel(10)
    spool.sent(parcel)
    keeper.give(readings(1, 30)[0], None)
    keeper.run(stop)
    _, held = spool.parcel(10)
    assert [(each.subject, each.body) for each in held][0] == (
        "gap",
        '{"lost":3,"from":"2026-03-02T04:00:20+00:00","to":"2026-03-02T04:00:22+00:00"}',
    )


def test_two_processes_never_share_a_spool(tmp_path):
    with alone(tmp_path / "spool.db"), pytest.raises(BlockingIOError), alone(tmp_path / "spool.db"):
        pass


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from banyan.connectors.edge.spool import Reading, Spool
spool = Spool(Path(sys.argv[1]))
n = int(sys.argv[2])
while True:
    spool.add([Reading("line", "t", datetime.now(UTC), {"n": n + i}, id=str(n + i)) for i in range(5)])
    n += 5
    print(n, flush=True)
"""


def test_what_was_kept_survives_kill_9_at_random_moments(tmp_path):
    path, kept = tmp_path / "spool.db", 0
    spool = Spool(path)
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(kept)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        writer.stdout.readline()
        time.sleep(random.uniform(0.01, 0.1))
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout if line.endswith("\n")]
        writer.wait()
        [count] = spool._database.execute("SELECT count(*) FROM reading").fetchone()
        assert count >= (told[-1] if told else kept + 5), "what add returned for is on disk"
        assert count % 5 == 0, "all of an add or none"
        kept = count
    with partner(Server()) as there:
        sending = forwarder(spool, there)
        while sending.step():
            pass
    assert spool.state().waiting == 0


def test_sequence_numbers_never_come_back(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    seqs = []
    for n in range(3):
        spool.add(readings(1, n))
        seqs += spool._database.execute("SELECT max(seq) FROM reading").fetchone()
        spool.sent(spool.parcel(1)[0])
    assert all(a < b for a, b in pairwise(seqs)), "an id once used is not used again"
