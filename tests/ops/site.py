"""A running `banyan up` in a data folder of its own."""

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from banyan.config.environ import database_user
from banyan.ops import processes
from banyan.ops.cluster import OWNER, Cluster, find_binaries
from banyan.ops.supervisor import MARK

START_SECONDS = 150


def until(holds: Callable[[], object], seconds: float, what: str) -> object:
    """Wait until something holds; give what it gave."""
    limit = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < limit, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


def plain_surroundings() -> dict[str, str]:
    """Give this process's surroundings without what concerns Banyan."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("BANYAN_", "DJANGO_"))}


@dataclass
class Site:
    """A running `banyan up` in a data folder of its own; words: what the command is started with."""

    folder: Path
    port: int
    surroundings: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ("--empty",)
    process: subprocess.Popen | None = None

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start it and wait so long until all of it runs and the site answers."""
        output = open(self.folder / "terminal", "ab")  # noqa: SIM115 (the process holds it)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "banyan.config.cli", "up", *self.words],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env=self._surroundings(),
        )  # fmt: skip
        output.close()
        until(self.is_ours, seconds, "all its processes run")
        until(self.answers, START_SECONDS, "the site answers")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `banyan` with its data folder to the command's end."""
        return subprocess.run(
            [sys.executable, "-m", "banyan.config.cli", *words],
            capture_output=True, text=True, check=False, env=self._surroundings(),
        )  # fmt: skip

    def said(self) -> str:
        """Give what all its starts have printed."""
        return (self.folder / "terminal").read_text()

    def _surroundings(self) -> dict[str, str]:
        own = {"BANYAN_DATA": str(self.folder), "BANYAN_PORT": str(self.port)}
        return plain_surroundings() | own | self.surroundings

    def record(self) -> dict:
        """Give what the supervisor has recorded of itself and its processes."""
        try:
            return json.loads((self.folder / "run" / "processes.json").read_text())
        except FileNotFoundError:
            return {}

    def is_ours(self) -> bool:
        """Tell whether all processes run, under the supervisor that was started last."""
        assert self.process.poll() is None, self.said()
        record = self.record()
        names = {child["name"] for child in record.get("children", ())}
        return {"web", "worker", "dispatcher", "bus"} <= names and record["supervisor"][0] == self.process.pid

    def answers(self) -> bool:
        """Tell whether site and database answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def cluster(self) -> Cluster:
        """Give its embedded database."""
        return Cluster(self.folder / "postgres", user=database_user())

    def child(self, name: str) -> dict:
        """Give what is recorded of a process: pid, start, mark; pid None while there is none."""
        return next((child for child in self.record()["children"] if child["name"] == name), {"pid": None})

    def family(self) -> list[tuple[int, int]]:
        """Give number and start of all processes and their children, but the database's."""
        marks = [f"{MARK}={child['mark']}" for child in self.record()["children"]]
        return [process for mark in marks for process in processes.with_mark(mark)]

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def remove(self) -> None:
        """End it and its database, and remove the folder."""
        self.interrupt()
        self.cluster().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def fill(cluster: Cluster, template: Cluster, name: str) -> None:
    """Fill a new cluster with the tests' migrated template, which is much quicker than to migrate."""
    programs = find_binaries()
    cluster.start()
    dump = subprocess.run([programs / "pg_dump", template.url(OWNER, name)], capture_output=True, check=True)
    subprocess.run(
        [programs / "psql", "-q", "-X", cluster.url(OWNER)],
        input=dump.stdout, capture_output=True, check=True,
    )  # fmt: skip
    cluster.stop()


def bare_site(**surroundings: str) -> Site:
    """Make a site on a free port whose data folder is empty; it does not run yet."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-up-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Site(folder, probe.getsockname()[1], surroundings)


def make_site(template: Cluster, name: str, **surroundings: str) -> Site:
    """Make a site whose database is a copy of the tests' migrated template; it does not run yet."""
    made = bare_site(**surroundings)
    fill(made.cluster(), template, name)
    return made
