"""The database of the tests: a private cluster, a migrated template, one copy of it per worker.

The cluster lies in the data folder and is shared by all workers and runs; the last one stops it.
The template is keyed by everything that shapes it, so that a run with unchanged migrations starts at once.

What a test takes back leaves dead rows behind, and nothing sweeps the cluster (autovacuum would move plans about), so
a worker's copy is made anew after so many tests, and the catalogue that copies of databases fill is swept.

A factory is not made for every test that wants it: in a test's transaction it stands below it (`stands`, in
tests/plugins/standing.py); in the live database its rows are put back (`again`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from banyan.config import environ
from banyan.ops.cluster import OWNER, Cluster
from tests.plugins.alone import locked
from tests.plugins.standing import standing
from tests.plugins.sweeping import Held, Sweeper

KEPT_TEMPLATES = 3
#: Tests after which a worker's database is made anew, and copies after which the shared catalogue is swept.
SERVED, COPIED = 200, 25


def test_cluster() -> Cluster:
    """Give the cluster of the tests: quick, and not safe against a power cut."""
    return Cluster(environ.data_folder() / "test", user=environ.database_user(), is_losable=True)


def template_key() -> str:
    """Give a hash of all that shapes a migrated database: migrations, grants, locked packages."""
    package = environ.CHECKOUT / "src" / "banyan"
    shaping = [
        *package.glob("**/migrations/*.py"),
        *package.glob("**/functions.sql"),
        *package.glob("**/models.py"),
        package / "kernel" / "apps.py",
        package / "kernel" / "guards.py",
        package / "config" / "settings.py",
        package / "config" / "grants.py",
        package / "config" / "migrations.py",
        package / "kernel" / "db.py",
        environ.CHECKOUT / "requirements" / "base.lock",
    ]
    digest = hashlib.sha256()
    for file in sorted(file for file in shaping if file.is_file()):
        digest.update(str(file.relative_to(environ.CHECKOUT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class TestDatabases:
    """Makes and drops copies of the migrated template."""

    __test__ = False
    cluster: Cluster
    template: str
    copies: list[str] = field(default_factory=list)

    def copy(self, name: str) -> None:
        """Make a database, dropped first where a killed run left it, as a copy of the template."""
        with self._alone():
            self.drop(name)
            self.cluster.sql(
                f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{self.template}" STRATEGY file_copy'
            )
        self.copies.append(name)
        if len(self.copies) % COPIED == 0:
            self.cluster.sql("VACUUM pg_shdepend")

    def drop(self, name: str) -> None:
        """Drop a database and end its sessions."""
        self.cluster.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def ensure_template(self) -> None:
        """Migrate a template where there is none for the present code, and drop the oldest ones."""
        with self._alone():
            known = self.cluster.sql(
                "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%' AND datistemplate "
                "AND datname NOT IN ('template0', 'template1') ORDER BY oid"
            ).split()
            if self.template in known:
                return
            for old in known[: -(KEPT_TEMPLATES - 1) or None]:
                self.cluster.sql(f'ALTER DATABASE "{old}" IS_TEMPLATE false')
                self.drop(old)
            self._migrate()

    def _migrate(self) -> None:
        draft = f"{self.template}_new"
        self.drop(draft)
        self.cluster.make_database(draft)
        surroundings = os.environ | {
            "DATABASE_URL": self.cluster.url("banyan_owner", draft),
            "BANYAN_DB_ROLE": "owner",
            "DJANGO_SETTINGS_MODULE": "banyan.config.settings",
        }
        done = subprocess.run(
            [sys.executable, "-m", "banyan.config.cli", "migrate"],
            env=surroundings, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise pytest.UsageError(f"The migrations fail:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
        self.cluster.sql(f'ALTER DATABASE "{draft}" RENAME TO "{self.template}"')
        self.cluster.sql(f'ALTER DATABASE "{self.template}" IS_TEMPLATE true')

    def _alone(self) -> AbstractContextManager[None]:
        return locked(self.cluster.folder / "template.lock")


@contextmanager
def _own_slot(folder: Path) -> Iterator[int]:
    """Give a number that no other worker of any run has meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(64):
        with open(folder / f"slot-{number}.lock", "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise RuntimeError("64 test runs are under way at once")


@pytest.fixture(scope="session")
def test_databases() -> Iterator[tuple[TestDatabases, int]]:
    """Give the maker of databases and this worker's own number."""
    cluster = test_cluster()
    with cluster.borrow(), _own_slot(cluster.folder) as slot:
        databases = TestDatabases(cluster, f"template_{template_key()}")
        databases.ensure_template()
        yield databases, slot


class Kept:
    """This worker's own database; every test finds in it what the template holds."""

    def __init__(self, databases: TestDatabases, name: str) -> None:
        self.databases, self.name = databases, name
        self.served = 0
        self.sweeper = Sweeper(databases.cluster, name)
        self.made: dict[Callable[[], Any], tuple[Any, Held]] = {}

    def renew(self) -> None:
        """Make it anew."""
        from django.db import connections

        standing.clear()
        connections.close_all()
        self.sweeper.close()
        self.databases.copy(self.name)
        self.served = 0

    def begin(self) -> None:
        """Let a test commit from here on."""
        standing.clear()
        self.sweeper.begin(_own_connection())

    def again(self, make: Callable[[], Any]) -> Any:
        """Give what a function makes in an empty database; what it committed is kept and put back for the next test.

        Takes:  make: a class or function without arguments; what it gives can be copied
        """
        if make not in self.made:
            made = make()
            self.made[make] = deepcopy(made), self.sweeper.held()
            return made
        made, held = self.made[make]
        self.sweeper.put(held)
        return deepcopy(made)

    def end(self) -> None:
        """Take back all that was committed since."""
        if not self.sweeper.is_restored(_own_connection()):
            self.renew()


def _own_connection() -> int | None:
    """Give the process id of this thread's connection, its writes counted; None where it has none."""
    from django.db import connection

    own = connection.connection
    with suppress(psycopg.OperationalError):
        if own and own.info.transaction_status is TransactionStatus.IDLE and not connection.in_atomic_block:
            own.execute("SELECT pg_stat_force_next_flush()")
            return own.info.backend_pid
    connection.close()
    return None


_kept: list[Kept] = []


@pytest.fixture(scope="session")
def django_db_setup(test_databases, django_test_environment, django_db_blocker) -> Iterator[None]:
    """Give this worker a database of its own, instead of pytest-django's way of making one."""
    databases, slot = test_databases
    kept = Kept(databases, f"test_banyan_{slot}")
    databases.copy(kept.name)
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(connected_to(databases.cluster, kept.name))
        stack.enter_context(django_db_blocker.block())
        _kept.append(kept)
        yield
        _kept.clear()
    kept.sweeper.close()
    databases.drop(kept.name)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Make the worker's database anew once it has served many tests."""
    done = yield
    for kept in _kept:
        kept.served += "db" in getattr(item, "fixturenames", ()) or item.get_closest_marker("django_db") is not None
        if kept.served >= SERVED:
            kept.renew()
    return done


@pytest.fixture(scope="session")
def _files(tmp_path_factory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def own_files(_files: Path, monkeypatch) -> None:
    """Keep what a test writes beside its database apart from other tests and from the product's own data."""
    from django.conf import settings

    own = _files / uuid4().hex
    own.mkdir()
    monkeypatch.setattr(settings, "MEDIA_ROOT", own / "files")
    monkeypatch.setattr(settings, "BANYAN_AUDIT_HEAD", own / "audit-head.json")


@pytest.fixture(autouse=True)
def own_calls() -> None:
    """Forget calls of other tests that wait to be written to the log, that they are not taken for this one's."""
    if calls := sys.modules.get("banyan.web.rest.calls"):
        calls._noted.clear()


@contextmanager
def connected_to(cluster: Cluster, name: str) -> Iterator[None]:
    """Let Django meanwhile speak, as the owner, to a database of a cluster."""
    from django.db import connections

    connection = connections["default"]
    connection.close()
    before = dict(connection.settings_dict)
    # The dictionary is the one that new threads read, so it is changed in place.
    connection.settings_dict |= {
        "NAME": name, "USER": OWNER, "PASSWORD": "", "HOST": str(cluster.socket_folder), "PORT": "5432",
    }  # fmt: skip
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict |= before


@dataclass(frozen=True)
class LiveDatabase:
    """A real, committed database of one test."""

    name: str
    cluster: Cluster

    def url(self, role: str = OWNER) -> str:
        """Give its address, for other processes (`DATABASE_URL`)."""
        return self.cluster.url(role, self.name)


@pytest.fixture
def live_db(django_db_setup, django_db_blocker) -> Iterator[LiveDatabase]:
    """Give a database with real commits, for tests of several threads or processes; it is swept afterwards.

    No transaction is around the test; threads close their connections by `connection.close()`.
    """
    (kept,) = _kept
    with django_db_blocker.unblock():
        kept.begin()
        yield LiveDatabase(kept.name, kept.databases.cluster)
        kept.end()


def until_older_end(seconds: float = 10.0) -> None:
    """Wait until nothing that began before the last audit row is open: autovacuum, say, has such for a moment."""
    from django.db import connection

    end = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT banyan_horizon() > max(xid) FROM kernel_audit")
            if cursor.fetchone()[0]:
                return
            assert time.monotonic() < end, "something that began earlier stays open"
            time.sleep(0.005)


@pytest.fixture
def again(live_db) -> Callable[[Callable[[], Any]], Any]:
    """Give a function that has what a class or function makes stand in the live database, made once a worker."""
    (kept,) = _kept
    return kept.again


@pytest.fixture
def app_role(request) -> Iterator[None]:
    """Run the test as `banyan_app`, which owns nothing; ask for `db` or `live_db` as well."""
    from django.db import connection

    if "live_db" not in request.fixturenames:
        request.getfixturevalue("db")
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE banyan_app")
    yield
    if connection.connection is not None and not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
