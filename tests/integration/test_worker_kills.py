"""The bus is killed at random moments, by a partner with faults of its own: both ways, all comes to pass once."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Min

from banyan.integration.models import Attempt, Message
from banyan.integration.secrets import new_key
from banyan.integration.tests.telling import sell
from banyan.lib.ids import new_id
from tests.integration.hard_times import both_sides_agree, come_to_rest, join, workers
from tests.integration.shop import Integrator
from tests.partners import servers
from tests.partners.nodes import wait_for
from tests.plugins import figures

KEYS = 25


def kill_and_look(kills: int, offered: int, live_db, ctx, settings, tmp_path) -> None:
    """Kill the bus that many times while events are told and orders offered; then compare both sides.

    Events are told until the last kill. A quarter of the kills takes the dispatcher too. Most must leave a claim or
    an open message, and a tenth a claim: the bus was at work
    """
    seed = figures.seed()
    chance, port, over = random.Random(seed), servers.free_port(), threading.Event()
    told, claimed, waiting = 0, 0, 0
    print(f"seed {seed}")
    settings.BANYAN_SECRETS_KEY = new_key()
    records = [new_id() for _ in range(KEYS)]
    program = [sys.executable, str(Path(__file__).with_name("bookkeeper.py")), "127.0.0.1", str(port), str(offered)]
    address = f"http://127.0.0.1:{port}"

    def tell() -> None:
        nonlocal told
        while not over.is_set():
            sell(ctx, *((records[n % KEYS], n) for n in range(told, told + 10)), drains=False)
            told += 10
            over.wait(0.15)
        connection.close()

    with servers.running(program, port, tmp_path / "log"), workers(live_db.url(), settings.BANYAN_SECRETS_KEY) as bus:
        join(Integrator(ctx), address, "127.0.0.1")
        telling = threading.Thread(target=tell)
        telling.start()
        begun = time.monotonic()
        try:
            bus.start("dispatch")
            for number in range(kills):
                bus.start()
                time.sleep(chance.uniform(0.02, 1.2))
                if number % 4 == 1:
                    bus.end(signal.SIGKILL, "dispatch")
                    bus.start("dispatch")
                held = bus.kill()
                claimed += bool(held)
                waiting += bool(held) or Message.objects.filter(state="waiting").exists()
        finally:
            over.set()
            telling.join()
        bus.start()
        come_to_rest(told, offered, 90)
        bus.end()
        bus.end(name="dispatch")
        took = time.monotonic() - begun
        print(f"seed {seed}: {kills} kills of the bus, {len(range(1, kills, 4))} with the dispatcher, in {took:.0f} s: "
            f"{claimed} left a claim, {waiting} a claim or an open message")  # fmt: skip
        assert waiting > kills / 2, "nothing was under way at most kills"
        assert claimed >= kills // 10, "hardly a kill met the bus at work"
        both_sides_agree(address, told, offered)


@pytest.mark.slow
def test_five_kills_lose_nothing_and_double_nothing(live_db, ctx, settings, tmp_path):
    kill_and_look(5, 100, live_db, ctx, settings, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_a_killed_bus_held_is_carried_when_its_claims_have_ended_by_themselves(live_db, ctx, settings, tmp_path):
    """Nobody touches the claims: a call's time-out of a second makes one of twelve, and what comes in has two."""
    port, told, offered = servers.free_port(), 200, 60
    address = f"http://127.0.0.1:{port}"
    settings.BANYAN_SECRETS_KEY = new_key()
    records = [new_id() for _ in range(KEYS)]
    program = [sys.executable, str(Path(__file__).with_name("bookkeeper.py")), "127.0.0.1", str(port), str(offered)]
    held: dict[UUID, tuple[datetime, int]] = {}

    def done() -> int:
        return Message.objects.filter(flow__code="OUT", state="done").count()

    with servers.running(program, port, tmp_path / "log"), workers(
        live_db.url(), settings.BANYAN_SECRETS_KEY, 2.0
    ) as bus:
        join(Integrator(ctx), address, "127.0.0.1", timeout_seconds=1)
        for half in (range(told // 2), range(told // 2, told)):
            sell(ctx, *((records[n % KEYS], n) for n in half))
            before = done()
            bus.start()
            wait_for(lambda least=before + 5: done() >= least, 30, "sending")
            held |= bus.kill()
        killed = time.monotonic()
        bus.start()
        come_to_rest(told, offered, 60)
        bus.end()
        took = time.monotonic() - killed
        after = [(_tried_after(one, attempts) - until).total_seconds() for one, (until, attempts) in held.items()]
        print(f"2 kills left {len(held)} messages claimed; the first was tried again {min(after, default=0):.1f} s "
            f"after its claim had ended; all was done {took:.0f} s after the last kill")  # fmt: skip
        assert after, "the bus held nothing when it was killed"
        assert min(after) >= 0, "what another held was tried before its claim had ended"
        both_sides_agree(address, told, offered)


def _tried_after(message: UUID, attempts: int) -> datetime:
    """Give when a message was tried that had been tried so often."""
    return Attempt.objects.filter(message=message, position__gt=attempts).aggregate(at=Min("at"))["at"]


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_fifty_kills_lose_nothing_and_double_nothing(live_db, ctx, settings, tmp_path):
    kill_and_look(50, 750, live_db, ctx, settings, tmp_path)
