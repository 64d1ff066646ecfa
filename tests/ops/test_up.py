"""`banyan up` serves, survives the loss of any of its processes, and ends whole."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import psycopg
import pytest

from banyan.ops import processes
from banyan.ops.cluster import OWNER
from banyan.ops.supervisor import MARK
from tests.ops.site import Site, make_site, until

pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def site(test_databases) -> Iterator[Site]:
    """Give a site that serves; each test leaves it serving."""
    databases, _ = test_databases
    made = make_site(databases.cluster, databases.template)
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.mark.parametrize("name", [
    "dispatcher", "bus", *(pytest.param(name, marks=pytest.mark.slow) for name in ("web", "worker")),
])  # fmt: skip
def test_a_killed_process_is_replaced_and_the_site_serves_on(site, name):
    before = site.child(name)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: site.child(name)["pid"] not in (None, before["pid"]), 15, f"{name} is started again")
    until(site.answers, 20, "the site answers")
    assert not processes.is_same(before["pid"], before["start"])


def test_a_killed_web_worker_is_replaced(site):
    web = site.child("web")
    workers = [pid for pid, _ in processes.with_mark(f"{MARK}={web['mark']}") if pid != web["pid"]]
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: not processes.started_at(workers[0]), 5, "the worker is gone")
    until(site.answers, 20, "the site answers")

    def is_complete() -> bool:
        mark = f"{MARK}={site.child('web')['mark']}"
        return len(list(processes.with_mark(mark))) == 1 + len(workers)

    until(is_complete, 20, "as many workers as before")


def test_a_killed_database_is_started_again_with_all_that_was_committed(site):
    with psycopg.connect(site.cluster().url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 500) AS n")
    pid, start = site.cluster().postmaster()
    os.kill(pid, signal.SIGKILL)
    until(lambda: site.cluster().postmaster() not in (None, (pid, start)), 20, "a new postmaster")
    until(site.answers, 20, "the site answers")
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
    done = site.run("up")
    assert done.returncode == 1
    assert f"http://127.0.0.1:{site.port}/" in done.stderr


def test_control_c_ends_everything_and_the_next_start_serves_again(site):
    family = [*site.family(), site.cluster().postmaster()]
    site.interrupt()
    assert site.process.returncode == 0
    assert [processes.command_line(pid) for pid, start in family if processes.is_same(pid, start)] == []
    site.start()


SEAL = """
    INSERT INTO kernel_auditseal (id, no, horizon, rows, previous, hash, at)
    VALUES (gen_random_uuid(), 1, 1, 1, '', '', now())
"""


@pytest.mark.slow
def test_a_database_that_was_taken_away_from_its_audit_head_is_told_and_nothing_is_made(test_databases):
    databases, _ = test_databases
    lone = make_site(databases.cluster, databases.template)
    head = lone.folder / "audit-head.json"
    try:
        head.write_text('{"no": 1, "horizon": 1, "hash": "", "at": "2026-11-29T08:00:00+00:00"}')
        emptied = lone.run("up", "--empty")
        with lone.cluster().borrow() as cluster, psycopg.connect(cluster.url(OWNER)) as connection:
            connection.execute(SEAL)
        assert lone.run("prepare").returncode == 0
        shutil.rmtree(lone.folder / "postgres")
        removed = lone.run("up", "--empty")
        assert not (lone.folder / "postgres").exists()
    finally:
        lone.remove()
    for done in (emptied, removed):
        assert done.returncode == 1
        assert f"mv {head} {head}.old" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
