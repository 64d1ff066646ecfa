"""Every process of an installation is killed while people and jobs work on it: nothing is lost, nothing done twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction

from banyan.kernel import dispatcher, files, jobs
from banyan.kernel.models import Delivery, JobRun, Outbox
from banyan.modules.items.models import Item
from banyan.ops import processes
from banyan.ops.supervisor import MARK
from banyan.web.jobs import IMPORT
from tests.concurrency.transfers import Client, assert_nothing_lost, stocked
from tests.ops.site import Site, make_site, until
from tests.plugins import figures
from tests.plugins.database import connected_to
from tests.plugins.server import robot_token
from tests.plugins.world import World

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
ROUNDS = int(os.environ.get("BANYAN_ROUNDS") or 2)
CLIENTS, ROWS = 4, 1_500
#: What a client meets while the database is away.
WITHOUT_DATABASE = (500, 502, 503)


@pytest.fixture
def site(test_databases, django_db_blocker, settings) -> Iterator[Site]:
    """Give a whole installation at work, with its database as Django's own."""
    databases, _ = test_databases
    made = make_site(databases.cluster, databases.template, BANYAN_RATE_PER_MINUTE="10000000")
    settings.MEDIA_ROOT, settings.BANYAN_AUDIT_HEAD = made.folder / "files", made.folder / "audit-head.json"
    try:
        made.start()
        with django_db_blocker.unblock(), connected_to(made.cluster(), "banyan"):
            yield made
    finally:
        made.remove()


def patiently(ask: Callable[[], object]) -> object:
    """Ask the database until it is there to answer."""
    limit = time.monotonic() + 60
    while True:
        try:
            return ask()
        except OperationalError:
            connection.close()
            assert time.monotonic() < limit, "the database does not come back"
            time.sleep(0.2)


def begin_import(ctx, number: int) -> UUID:
    """Start the import of items as a job; give the job when it is under way."""
    lines = "".join(f"J{number}-{n},物料{n},pcs\n" for n in range(ROWS))

    def start() -> UUID:
        stored = files.store("items.csv", [f"code,name,unit\n{lines}".encode()])
        mapping = {name: name for name in ("code", "name", "unit")}
        with transaction.atomic():
            data = {"noun": "items.item", "digest": stored.digest, "name": "items.csv", "mapping": mapping}
            return jobs.start(ctx, IMPORT, data).pk

    key = patiently(start)
    began = lambda: patiently(lambda: JobRun.objects.exclude(state="waiting").filter(pk=key).exists())  # noqa: E731
    until(began, 120, "the job has begun")
    return key


def victim(site: Site, kind: str, chance: random.Random) -> int:
    """Give the number of a process of a kind."""
    if kind == "supervisor":
        return site.process.pid
    pid, _ = site.cluster().postmaster()
    if kind == "postmaster":
        return pid
    if kind == "backend":
        mine = [
            p
            for p in processes.living()
            if processes.command_line(p).startswith("postgres: banyan_app banyan")
        ]
        return chance.choice([p for p in mine if processes.working_folder(p) == site.cluster().data])
    if kind == "web worker":
        web = site.child("web")
        return chance.choice([p for p, _ in processes.with_mark(f"{MARK}={web['mark']}") if p != web["pid"]])
    return site.child(kind)["pid"]


def kill(site: Site, kind: str, chance: random.Random) -> float:
    """Kill a process of a kind; give the seconds until all runs and answers again."""
    pid = victim(site, kind, chance)
    start, begun = processes.started_at(pid), time.monotonic()
    os.kill(pid, signal.SIGKILL)
    if kind == "supervisor":
        site.process.wait()
        site.start()
    else:
        until(lambda: not processes.is_same(pid, start), 10, f"the {kind} is gone")
        until(lambda: is_whole(site), 60, f"all runs after the loss of the {kind}")
        until(site.answers, 60, f"the site answers after the loss of the {kind}")
    return time.monotonic() - begun


def is_whole(site: Site) -> bool:
    """Tell whether every recorded process lives, and the database with them."""
    alive = [processes.is_same(child["pid"], child["start"]) for child in site.record().get("children", ())]
    return site.is_ours() and all(alive) and site.cluster().is_running()


def test_no_kill_of_any_process_loses_or_doubles_anything(site, ctx):
    seed = figures.seed()
    chance, stop, world = random.Random(seed), threading.Event(), World(ctx)
    body, token = stocked(ctx, world), robot_token()
    clients = [Client(site.port, token, body, stop, retried=WITHOUT_DATABASE) for _ in range(CLIENTS)]
    kinds = ["web", "web worker", "worker", "dispatcher", "bus", "postmaster", "backend", "supervisor"] * ROUNDS
    chance.shuffle(kinds)
    begun = []
    try:
        for client in clients:
            client.start()
        for number, kind in enumerate(kinds):
            begun.append(begin_import(ctx, number))
            time.sleep(chance.uniform(0.0, 1.5))
            print(f"{kind}: whole again after {kill(site, kind, chance):.1f} s")
        time.sleep(1)
    finally:
        stop.set()
    for client in clients:
        client.join(30)

    def ended() -> bool:
        return not JobRun.objects.filter(pk__in=begun, finished_at=None).exists()

    until(lambda: patiently(ended), 240, "all jobs have ended")
    assert dict(JobRun.objects.filter(pk__in=begun).values_list("pk", "state")) == dict.fromkeys(
        begun, "done"
    )
    assert Item.objects.filter(code__startswith="J").count() == ROWS * len(begun)
    until(lambda: not Outbox.objects.filter(dispatched_at=None).exists(), 60, "all events are delivered")
    until(lambda: not Delivery.objects.exclude(state="done").exists(), 60, "all deliveries are done")
    assert dispatcher.dead_letters() == []
    acknowledged = assert_nothing_lost(clients, body)
    print(f"{len(kinds)} kills, {acknowledged} transfers acknowledged, {len(begun)} imports of {ROWS} rows")
    assert acknowledged > len(kinds)
