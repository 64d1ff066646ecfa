"""`banyan up` serves, survives the loss of any of its processes, and ends whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psycopg
import pytest

from banyan.config.environ import database_user
from banyan.ops import processes
from banyan.ops.cluster import OWNER, Cluster, find_binaries
from banyan.ops.supervisor import MARK

pytestmark = pytest.mark.timeout(420)
START_SECONDS = 150


def _until(holds: Callable[[], object], seconds: float, what: str) -> object:
    limit = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < limit, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


def _plain_surroundings() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith(("BANYAN_", "DJANGO_"))}


@dataclass
class Site:
    """A running `banyan up` in a data folder of its own."""

    folder: Path
    port: int
    process: subprocess.Popen | None = None

    def start(self) -> None:
        output = open(self.folder / "terminal", "ab")  # noqa: SIM115 (the process holds it)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "banyan.config.cli", "up", "--empty"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env=_plain_surroundings() | {"BANYAN_DATA": str(self.folder), "BANYAN_PORT": str(self.port)},
        )  # fmt: skip
        output.close()
        _until(self.is_ours, START_SECONDS, "all its processes run")
        _until(self.answers, START_SECONDS, "the site answers")

    def record(self) -> dict:
        try:
            return json.loads((self.folder / "run" / "processes.json").read_text())
        except FileNotFoundError:
            return {}

    def is_ours(self) -> bool:
        assert self.process.poll() is None, (self.folder / "terminal").read_text()
        record = self.record()
        names = {child["name"] for child in record.get("children", ())}
        return {"web", "worker", "dispatcher"} <= names and record["supervisor"][0] == self.process.pid

    def answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def cluster(self) -> Cluster:
        return Cluster(self.folder / "postgres", user=database_user())

    def child(self, name: str) -> dict:
        return next((child for child in self.record()["children"] if child["name"] == name), {"pid": None})

    def family(self) -> list[tuple[int, int]]:
        marks = [f"{MARK}={child['mark']}" for child in self.record()["children"]]
        return [process for mark in marks for process in processes.with_mark(mark)]

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)


def _migrated(cluster: Cluster, template: Cluster, name: str) -> None:
    """Fill a new cluster with the tests' migrated template, which is much quicker than to migrate."""
    programs = find_binaries()
    cluster.start()
    dump = subprocess.run([programs / "pg_dump", template.url(OWNER, name)], capture_output=True, check=True)
    subprocess.run(
        [programs / "psql", "-q", "-X", cluster.url(OWNER)],
        input=dump.stdout, capture_output=True, check=True,
    )  # fmt: skip
    cluster.stop()


@pytest.fixture(scope="module")
def site(test_databases) -> Iterator[Site]:
    """Give a site that serves; each test leaves it serving."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-up-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Site(folder, probe.getsockname()[1])
    databases, _ = test_databases
    try:
        _migrated(made.cluster(), databases.cluster, databases.template)
        made.start()
        yield made
    finally:
        made.interrupt()
        made.cluster().stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", ["web", "worker", "dispatcher"])
def test_a_killed_process_is_replaced_and_the_site_serves_on(site, name):
    before = site.child(name)
    os.kill(before["pid"], signal.SIGKILL)
    _until(lambda: site.child(name)["pid"] not in (None, before["pid"]), 15, f"{name} is started again")
    _until(site.answers, 20, "the site answers")
    assert not processes.is_same(before["pid"], before["start"])


def test_a_killed_web_worker_is_replaced(site):
    web = site.child("web")
    workers = [pid for pid, _ in processes.with_mark(f"{MARK}={web['mark']}") if pid != web["pid"]]
    os.kill(workers[0], signal.SIGKILL)
    _until(lambda: not processes.started_at(workers[0]), 5, "the worker is gone")
    _until(site.answers, 20, "the site answers")

    def is_complete() -> bool:
        mark = f"{MARK}={site.child('web')['mark']}"
        return len(list(processes.with_mark(mark))) == 1 + len(workers)

    _until(is_complete, 20, "as many workers as before")


def test_a_killed_database_is_started_again_with_all_that_was_committed(site):
    with psycopg.connect(site.cluster().url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 500) AS n")
    pid, start = site.cluster().postmaster()
    os.kill(pid, signal.SIGKILL)
    _until(lambda: site.cluster().postmaster() not in (None, (pid, start)), 20, "a new postmaster")
    _until(site.answers, 20, "the site answers")
    with psycopg.connect(site.cluster().url(OWNER)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (500,)
        connection.execute("DROP TABLE kept")


def test_a_killed_supervisor_is_followed_by_a_clean_start(site):
    left = site.family()
    site.process.kill()
    site.process.wait()
    site.start()
    assert not any(processes.is_same(*process) for process in left)
    assert site.cluster().is_running()


def test_a_second_start_beside_a_running_one_says_where_it_is(site):
    done = subprocess.run(
        [sys.executable, "-m", "banyan.config.cli", "up"], capture_output=True, text=True, check=False,
        env=_plain_surroundings() | {"BANYAN_DATA": str(site.folder)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"http://127.0.0.1:{site.port}/" in done.stderr


def test_control_c_ends_everything_and_the_next_start_serves_again(site):
    family = [*site.family(), site.cluster().postmaster()]
    site.interrupt()
    assert site.process.returncode == 0
    assert [processes.command_line(pid) for pid, start in family if processes.is_same(pid, start)] == []
    site.start()
