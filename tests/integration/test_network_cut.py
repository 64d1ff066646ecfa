"""The network between us and a partner is cut: what was under way is told again, and both sides' books agree.

The partner runs in a network namespace of its own, joined by a veth pair; a cut takes one end down, so that packets
are lost as on a line that was torn: nobody says that the connection is over.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from banyan.integration.models import Message
from banyan.integration.secrets import new_key
from banyan.integration.tests.telling import sell
from banyan.lib.ids import new_id
from tests.integration.hard_times import both_sides_agree, come_to_rest, join, workers
from tests.integration.shop import Integrator
from tests.partners.nodes import wait_for
from tests.plugins import figures

pytestmark = [pytest.mark.partner("two network namespaces"), pytest.mark.timeout(240)]
PORT, TOLD, OFFERED, CUTS = 8080, 400, 200, 4


def ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], check=False, capture_output=True, text=True)


class Line:
    """A veth pair into a namespace: our end, theirs, and a switch."""

    def __init__(self, name: str, net: str) -> None:
        self.name, self.here, self.there = name, f"{net}.1", f"{net}.2"
        self.ours, self.theirs = f"{name}a", f"{name}b"

    def lay(self) -> str:
        """Make it; give what went wrong."""
        steps = (
            ("netns", "add", self.name),
            ("link", "add", self.ours, "type", "veth", "peer", "name", self.theirs, "netns", self.name),
            ("addr", "add", f"{self.here}/30", "dev", self.ours), ("link", "set", self.ours, "up"),
            ("-n", self.name, "addr", "add", f"{self.there}/30", "dev", self.theirs),
            ("-n", self.name, "link", "set", self.theirs, "up"), ("-n", self.name, "link", "set", "lo", "up"),
        )  # fmt: skip
        for step in steps:
            if (done := ip(*step)).returncode:
                return f"ip {' '.join(step)}: {done.stderr.strip()}"
        return ""

    def cut(self) -> None:
        """Take their end down: ours stays, so that no other way out is tried."""
        ip("-n", self.name, "link", "set", self.theirs, "down")

    def mend(self) -> None:
        ip("-n", self.name, "link", "set", self.theirs, "up")

    def take_up(self) -> None:
        ip("link", "del", self.ours)
        ip("netns", "del", self.name)


@pytest.fixture
def line(needs: Callable[[object, str], None]) -> Iterator[Line]:
    """Give a line to a namespace; where this machine permits none, the test ends and says so."""
    needs(shutil.which("ip") and os.geteuid() == 0, "a network namespace: it takes root and iproute2")
    made = Line(f"bn{os.getpid() % 100000}", f"10.{random.randrange(200, 250)}.{random.randrange(256)}")
    try:
        fault = made.lay()
        needs(not fault, f"a network namespace, which may not be made here: {fault}")
        yield made
    finally:
        made.take_up()


def test_a_cut_line_loses_nothing_and_doubles_nothing(live_db, ctx, settings, tmp_path, line):
    seed = figures.seed()
    chance = random.Random(seed)
    settings.BANYAN_SECRETS_KEY = new_key()
    records = [new_id() for _ in range(20)]
    address = f"http://{line.there}:{PORT}"
    program = ["ip", "netns", "exec", line.name, sys.executable, str(Path(__file__).with_name("bookkeeper.py")),
               line.there, str(PORT), str(OFFERED)]  # fmt: skip

    def tell() -> None:
        for n in range(0, TOLD, 5):
            sell(ctx, *((records[m % 20], m) for m in range(n, n + 5)))
            time.sleep(0.1)
        connection.close()

    with (tmp_path / "log").open("wb") as log:
        partner = subprocess.Popen(program, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(line), 20, "the partner")
        with workers(live_db.url(), settings.BANYAN_SECRETS_KEY) as bus:
            join(Integrator(ctx), address, line.there)
            bus.start()
            telling = threading.Thread(target=tell)
            telling.start()
            waits = []
            for _ in range(CUTS):
                time.sleep(chance.uniform(0.5, 1.5))
                line.cut()
                time.sleep(chance.uniform(1.5, 4))
                waits.append(Message.objects.filter(flow__code="OUT", state="waiting").count())
                line.mend()
            telling.join()
            come_to_rest(TOLD, OFFERED, 90)
            bus.end()
        print(f"seed {seed}: {CUTS} cuts, waiting at the end of each {waits}; lost on the way: "
            f"{Message.objects.filter(attempts__gt=1).count()} messages took more than one try")  # fmt: skip
        assert max(waits) > 0, "nothing was under way when the line was cut"
        both_sides_agree(address, TOLD, OFFERED)
    finally:
        partner.terminate()
        partner.wait(10)


def _listens(line: Line) -> bool:
    import socket

    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex((line.there, PORT)) == 0
