"""A database on a server that DATABASE_URL names: made ready from nothing, or refused with the way out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from banyan.config import database, server
from banyan.config.environ import database_user
from banyan.ops.cluster import APP, OWNER, SUPERUSER, Cluster
from tests.plugins.levels import later


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    """Give a server that lets everybody in who reaches its socket."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-server-"))
    folder.chmod(0o755)
    made = Cluster(folder / "pg", user=database_user(), is_losable=True)
    made.start()
    (made.data / "pg_hba.conf").write_text("local all all trust\n")
    made.sql("SELECT pg_reload_conf()")
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(running: Cluster, monkeypatch) -> Cluster:
    """Give the server as if it had never heard of the product.

    `maker` may create roles, `plain` may not; each owns a database of its own name.
    """
    for name in ("banyan", "maker", "plain", "latin", "full"):
        running.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    running.sql(f"DROP ROLE IF EXISTS {OWNER}, {APP}, maker, plain")
    running.sql("CREATE ROLE maker LOGIN CREATEROLE; CREATE ROLE plain LOGIN")
    for name in ("maker", "plain"):
        running.sql(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
    monkeypatch.delenv("BANYAN_OWNER_DATABASE_URL", raising=False)
    return running


def connected(role: str) -> psycopg.Connection:
    """Connect as the product does for one of its two roles."""
    settings = database._taking(database.ROLES[role], database._from_url(database.server_url(role)))
    return psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], **settings["OPTIONS"]
    )


def test_a_database_without_tables_is_refused_with_the_way_out(cluster):
    surroundings = os.environ | {"DATABASE_URL": cluster.url("plain", "plain"), "LC_ALL": "zh_CN.UTF-8"}
    server_of = [sys.executable, "-m", "banyan.config.cli", "verify"]
    cluster.sql(f"CREATE ROLE {OWNER}; CREATE ROLE {APP}; GRANT {OWNER}, {APP} TO plain")
    done = subprocess.run(server_of, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "数据库里还没有表。请先执行 `banyan migrate`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_who_may_create_roles_gets_them_made_and_works_as_they_do(cluster, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", cluster.url("maker", "maker"))
    assert len(server.make_ready()) == 4
    assert server.make_ready() == []
    with connected("owner") as owner:
        assert owner.execute("SELECT current_user, session_user").fetchone() == (OWNER, "maker")
        owner.execute("CREATE TABLE kept (n int)")
        assert owner.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'").fetchone() == (OWNER,)
        owner.execute("SELECT similarity('a', 'b')")
    with connected("app") as app:
        assert app.execute("SELECT current_user").fetchone() == (APP,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (n int)")
    # a second database of the same server finds the roles there, and who may not create roles but was granted them
    cluster.sql(f"GRANT {OWNER}, {APP} TO plain")
    monkeypatch.setenv("DATABASE_URL", cluster.url("plain", "plain"))
    assert server.make_ready() == ["Extension pg_trgm installed", "Extension btree_gist installed"]
    with connected("owner") as owner:
        owner.execute("CREATE TABLE kept (n int)")


@pytest.mark.parametrize(
    ("user", "name", "says"),
    [
        ("plain", "plain", "ALTER ROLE \"plain\" CREATEROLE"),
        later("plain", "plain", f"GRANT {OWNER}, {APP} TO \"plain\";"),
        later("maker", "plain", "ALTER DATABASE \"plain\" OWNER TO \"maker\";"),
        ("maker", "nowhere", "CREATE DATABASE"),
        later(SUPERUSER, "latin", "ENCODING 'UTF8'"),
        later(SUPERUSER, "full", "an empty database"),
    ],
)
def test_what_is_unfit_is_refused_with_the_way_out_and_nothing_is_made(cluster, monkeypatch, user, name, says):
    if name == "latin":
        cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    if name == "full":
        cluster.sql('CREATE DATABASE "full" TEMPLATE template0')
        cluster.sql("CREATE TABLE theirs (n int)", database="full")
    monkeypatch.setenv("DATABASE_URL", cluster.url(user, name))
    with pytest.raises(server.ServerUnfit) as refusal:
        server.make_ready()
    assert says in refusal.value.label.en
    assert cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname IN ('{OWNER}', '{APP}')").strip() == "0"


def test_the_application_alone_is_told_to_name_the_owner(cluster, monkeypatch):
    cluster.sql(f"CREATE ROLE {OWNER} LOGIN; CREATE ROLE {APP} LOGIN")
    monkeypatch.setenv("DATABASE_URL", cluster.url(APP, "maker"))
    with pytest.raises(server.ServerUnfit) as refusal:
        server.make_ready()
    assert "BANYAN_OWNER_DATABASE_URL" in refusal.value.label.en


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_an_empty_database_of_a_server_is_prepared_whole(cluster, tmp_path):
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("BANYAN_", "DJANGO_"))} | {
        "DATABASE_URL": cluster.url("maker", "maker"), "BANYAN_DATA": str(tmp_path), "LC_ALL": "C.UTF-8",
    }  # fmt: skip

    def banyan(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "banyan.config.cli", *words],
            capture_output=True, text=True, check=False, env=surroundings,
        )  # fmt: skip

    done = banyan("prepare")
    assert done.returncode == 0, done.stderr
    assert f"Role {OWNER} made" in done.stderr
    owners = "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables WHERE schemaname = 'public'"
    assert cluster.sql(owners, database="maker").strip() == OWNER
    assert cluster.sql("SELECT to_regclass('procrastinate_jobs')", database="maker").strip() == "procrastinate_jobs"
    rights = f"SELECT has_table_privilege('{APP}', 'kernel_audit', %s)"
    told = [cluster.sql(rights.replace("%s", f"'{one}'"), database="maker").strip() for one in ("INSERT", "DELETE")]
    assert told == ["t", "f"]
    again = banyan("prepare")
    assert again.returncode == 0, again.stderr
    assert "made" not in again.stderr
    verified = banyan("verify")
    assert verified.returncode == 0, verified.stdout[-2000:] + verified.stderr[-2000:]
    unfit = subprocess.run(
        [sys.executable, "-m", "banyan.config.cli", "up", "--empty"], capture_output=True, text=True, check=False,
        env=surroundings | {"DATABASE_URL": cluster.url("maker", "nowhere")},
    )  # fmt: skip
    assert (unfit.returncode, "Traceback" in unfit.stderr) == (1, False)
    assert "CREATE DATABASE" in unfit.stderr
