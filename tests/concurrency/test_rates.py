"""A limit holds over processes: two real ones share it to the last call, and none of them knows of the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from banyan.kernel import db
from tests.plugins.server import SECRET

#: Takes calls as it is told, a line each, and says how many of them were granted.
WORKER = """
import sys, django
django.setup()
from banyan.kernel import rates
from banyan.lib.errors import TooMany
print("ready", flush=True)
for line in sys.stdin:
    principal, limit, calls = line.split()
    granted = 0
    for _ in range(int(calls)):
        try:
            rates.take(principal, int(limit), clock=lambda: 1_000_000.0)
        except TooMany:
            continue
        granted += 1
    print(granted, flush=True)
"""


class Worker:
    """A process that takes calls of principals."""

    def __init__(self, url: str, folder: str) -> None:
        surroundings = os.environ | {
            "DATABASE_URL": url, "BANYAN_DB_ROLE": "app", "DJANGO_SETTINGS_MODULE": "banyan.config.settings",
            "BANYAN_SECRET_KEY": SECRET, "BANYAN_DATA": folder,
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=surroundings, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def tell(self, principal: str, limit: int, calls: int) -> None:
        self.process.stdin.write(f"{principal} {limit} {calls}\n")
        self.process.stdin.flush()

    def said(self) -> str:
        return self.process.stdout.readline().strip()

    def take(self, principal: str, limit: int, calls: int) -> int:
        """Take calls; give how many were granted."""
        self.tell(principal, limit, calls)
        return int(self.said())


@pytest.fixture
def workers(live_db, tmp_path) -> Iterator[list[Worker]]:
    """Give two processes that are up."""
    made = [Worker(live_db.url("banyan_app"), str(tmp_path)) for _ in range(2)]
    try:
        assert [one.said() for one in made] == ["ready"] * 2
        yield made
    finally:
        for one in made:
            one.process.kill()
            one.process.communicate(timeout=10)


def used(principal: str) -> int:
    return db.one("SELECT used FROM kernel_ratelease WHERE principal = %s", [principal])[0]


def test_two_processes_share_a_limit_to_the_last_call(workers):
    one, other = workers
    assert one.take("k", 130, 1) == 1
    assert used("k") == 6, "a lease is a twentieth of the limit"
    assert other.take("k", 130, 200) == 124, "all but what the idle process holds"
    assert one.take("k", 130, 20) == 5, "what it holds is its own"
    assert (one.take("k", 130, 5), other.take("k", 130, 5)) == (0, 0)
    assert other.take("l", 130, 1) == 1, "another's calls are not counted"


@pytest.mark.slow
def test_two_processes_at_once_are_granted_no_more_than_the_limit(workers):
    for limit in (1, 7, 130, 1000):
        for worker in workers:
            worker.tell(f"k{limit}", limit, limit + 50)
        granted = [int(worker.said()) for worker in workers]
        assert sum(granted) == limit, granted
