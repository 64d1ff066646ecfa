"""A partner with books of its own, joined both ways; a bus that can be killed; and what must be true afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from banyan.integration.models import Message
from banyan.kernel import db, dispatcher
from tests.integration.both_sides import bus_agrees, roles, sold
from tests.integration.shop import Integrator

HERE = Path(__file__).parent


class Workers:
    """The bus, one process at a time, and the dispatcher where it is asked for.

    Takes:  lease: seconds for which it claims what comes in and whom it reads; then claims end by themselves. None:
            `kill` lets their time pass, so that many kills take no hour
    """

    def __init__(self, url: str, keys: str, lease: float | None = None) -> None:
        surroundings = os.environ | {
            "DATABASE_URL": url, "BANYAN_DB_ROLE": "owner", "DJANGO_SETTINGS_MODULE": "tests.settings",
            "BANYAN_SECRETS_KEY": keys,
        }  # fmt: skip
        self.lease = lease
        program = [sys.executable, "-m", "tests.integration.forking", *([str(lease)] if lease else [])]
        self.nursery = subprocess.Popen(
            program, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1],
        )  # fmt: skip
        assert self.nursery.stdout.readline() == "ready\n"
        self.pids: dict[str, int] = {}

    def start(self, name: str = "bus") -> None:
        self.nursery.stdin.write(f"{name}\n")
        self.nursery.stdin.flush()
        self.pids[name] = int(self.nursery.stdout.readline())

    def kill(self) -> dict[UUID, tuple[datetime, int]]:
        """End it as a power cut does; give the messages that it leaves claimed, until when, and how often tried.

        Without a lease of its own the time of its claims is let pass
        """
        self.end(signal.SIGKILL)
        if self.lease:
            time.sleep(0.3)  # what it had asked of the database comes to its end there
        rows = db.rows("SELECT id, claimed_until, attempts FROM integration_message "
                       "WHERE state = 'waiting' AND claimed_until > now()")  # fmt: skip
        held = {one: (until, attempts) for one, until, attempts in rows}
        if self.lease:
            return held
        with transaction.atomic():
            db.run("LOCK TABLE integration_message IN SHARE ROW EXCLUSIVE MODE")  # what it had asked comes to its end
            db.run("UPDATE integration_message SET next_at = now(), claimed_until = now() "
                   "WHERE claimed_until IS NOT NULL AND state = 'waiting'")  # fmt: skip
        db.run("UPDATE integration_position SET next_at = least(next_at, now()), claimed_until = NULL")
        return held

    def end(self, sign: signal.Signals = signal.SIGTERM, name: str = "bus") -> None:
        pid = self.pids.pop(name, 0)
        if not pid:
            return
        os.kill(pid, sign)
        limit = time.monotonic() + 20
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < limit, f"the {name} does not end"
            time.sleep(0.005)

    def stop(self) -> None:
        for name in tuple(self.pids):
            self.end(signal.SIGKILL, name)
        self.nursery.kill()
        self.nursery.wait()


@contextmanager
def workers(url: str, keys: str, lease: float | None = None) -> Iterator[Workers]:
    made = Workers(url, keys, lease)
    try:
        yield made
    finally:
        made.stop()


def join(
    hand: Integrator, address: str, host: str, hears: Sequence[str] = ("test.sold",), **limits: Any
) -> None:
    """Join the bookkeeper: what is sold is told to it, its orders become roles of ours."""
    told = hand.system("TOLD", "webhook", {"address": f"{address}/told"}, {"signing_secret": "whsec_" + "a2tr" * 12},
                       hosts=[f"{host}:*"], failures=50, **limits)  # fmt: skip
    hand.flow(told, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="event",
              detail={"events": list(hears)}, retries=[1] * 20)  # fmt: skip
    orders = {"key": "orders", "ways": ["poll"], "method": "GET", "path": "/orders", "list_path": "orders",
              "paging": {"kind": "cursor", "parameter": "after", "next_path": "next", "more_path": "more",
                         "is_lasting": True}}  # fmt: skip
    asked = hand.system("ASKED", "rest", {"address": address, "operations": [orders]}, {}, hosts=[f"{host}:*"],
                        account=hand.account("kernel.role.create"))  # fmt: skip
    hand.flow(
        asked, "IN", {"id": 1, "code": "R", "name_zh": "甲", "name_en": "A"}, direction="in", trigger="poll",
        detail={"operation": "orders", "every": 1}, target="kernel.role.create",
        mapping={"format": 1, "code": "t", "fields": [{"target": name, "source": name, "required": True}
                                                      for name in ("code", "name_zh", "name_en")]},
    )  # fmt: skip


def books_of(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/books", timeout=10) as answer:
        return json.load(answer)


def both_sides_agree(address: str, told: int, offered: int) -> None:
    """Hold counts, sums and the order of each key against the partner's books, and say them."""
    books = books_of(address)
    print(f"{books['calls']} calls of the partner")
    made = sold()
    assert len(made) == told
    bus_agrees("out", made, [tuple(one) for one in books["told"]])
    codes = [(f"R{n:05}", n) for n in range(1, offered + 1)]
    bus_agrees("in", codes, roles("R"), number=lambda body: body["id"])


def come_to_rest(told: int, offered: int, seconds: float) -> None:
    """Wait until everything is done, or something is dead; what another's open transaction held back is handed on."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        dispatcher.wait_until_quiet()
        states = Counter(Message.objects.values_list("state", flat=True))
        if states["dead"] or states["done"] == told + offered:
            return
        time.sleep(0.1)
    print("it did not come to rest:", db.rows("SELECT breaker, until, error FROM integration_gauge"),
          db.rows("SELECT position::text, next_at, now(), failures, error FROM integration_position"),
          db.rows("SELECT state, reason, attempts, next_at - now(), error FROM integration_message "
                  "WHERE state = 'waiting' LIMIT 5"))  # fmt: skip
