"""The embedded database starts from nothing and after every kind of crash, with nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from banyan.config.environ import database_user
from banyan.ops import processes
from banyan.ops.cluster import APP, OWNER, SOCKET_LIMIT, SOCKET_NAME, Cluster, ClusterError, find_binaries


@pytest.fixture
def cluster(open_folder: Path) -> Iterator[Cluster]:
    """Give a durable cluster, not started."""
    made = Cluster(open_folder / "pg", user=database_user())
    yield made
    made.stop()


def _backend(connection: psycopg.Connection) -> int:
    return connection.info.backend_pid


def _ended(pid: int, start: int | None) -> bool:
    limit = time.monotonic() + 10
    while processes.is_same(pid, start) and time.monotonic() < limit:
        time.sleep(0.02)
    return not processes.is_same(pid, start)


def test_a_new_cluster_has_both_roles_and_the_extensions(cluster):
    assert cluster.start() is True
    assert cluster.start() is False
    with psycopg.connect(cluster.url(APP)) as connection:
        found = connection.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
        assert {"btree_gist", "pg_trgm"} <= {name for (name,) in found}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (n int)")
    with psycopg.connect(cluster.url(OWNER)) as connection:
        connection.execute("CREATE TABLE owned (n int)")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_what_was_committed_is_there_after_the_postmaster_was_killed(cluster):
    cluster.start()
    with psycopg.connect(cluster.url(OWNER)) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    idle = psycopg.connect(cluster.url(OWNER))
    pid, start = cluster.postmaster()
    os.kill(pid, signal.SIGKILL)
    assert _ended(pid, start)
    assert not cluster.is_running()
    assert (cluster.data / "postmaster.pid").exists()

    begun = time.monotonic()
    assert cluster.start() is True
    assert time.monotonic() - begun < 10
    with psycopg.connect(cluster.url(OWNER)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    idle.close()


@pytest.mark.slow
def test_a_cluster_whose_backend_was_killed_recovers_by_itself_and_is_waited_for(cluster):
    cluster.start()
    session = psycopg.connect(cluster.url(OWNER), autocommit=True)
    session.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postmaster = cluster.postmaster()
    os.kill(_backend(session), signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT pg_sleep(10)")
    assert cluster.start() is False
    assert cluster.postmaster() == postmaster
    with psycopg.connect(cluster.url(OWNER)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


@pytest.mark.slow
def test_a_cluster_that_is_about_to_end_is_waited_for_and_started_again(cluster):
    cluster.start()
    session = psycopg.connect(cluster.url(OWNER))
    old, start = cluster.postmaster()
    os.kill(old, signal.SIGTERM)  # it ends when its last session has
    ends = threading.Timer(1.0, session.close)
    ends.start()
    assert cluster.start() is True
    assert not processes.is_same(old, start)
    psycopg.connect(cluster.url(OWNER)).close()


def test_a_lock_file_that_names_another_process_is_cleared_and_the_process_spared(cluster):
    cluster.start()
    cluster.stop()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (cluster.data / "postmaster.pid").write_text(
            f"{bystander.pid}\n{cluster.data}\n1\n5432\n\n\n1 1\nready\n"
        )
        assert not cluster.is_running()
        assert cluster.start() is True
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_last_borrower_stops_what_the_first_started(cluster):
    with cluster.borrow():
        with Cluster(cluster.folder, user=cluster.user).borrow():
            assert cluster.is_running()
        assert cluster.is_running()
    assert not cluster.is_running()


@pytest.mark.slow
def test_a_borrower_leaves_a_running_cluster_running(cluster):
    cluster.start()
    with cluster.borrow():
        pass
    assert cluster.is_running()


def test_a_half_made_cluster_is_made_anew(cluster):
    half = cluster.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    cluster.start()
    assert cluster.sql("SELECT 1").strip() == "1"
    assert not half.exists()


def test_a_cluster_of_a_version_without_programs_says_what_to_install():
    with pytest.raises(ClusterError, match="postgresql-14"):
        find_binaries(14)


def test_a_deep_folder_gets_a_short_socket(open_folder):
    deep = Cluster(open_folder / ("d" * 90) / "pg")
    assert len(os.fsencode(deep.socket_folder / SOCKET_NAME)) < SOCKET_LIMIT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the database as another user")
def test_a_folder_that_the_database_user_cannot_enter_is_refused(open_folder):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ClusterError, match="cannot enter"):
        Cluster(closed / "pg", user=database_user()).start()
