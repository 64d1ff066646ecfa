"""`banyan up`."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException

import click
from rich.console import Console
from rich.table import Table

from banyan.config import database
from banyan.config.cli._django import DatabaseLost, database_ready
from banyan.config.environ import SOURCES, audit_head, data_folder, env, has_part
from banyan.ops import processes
from banyan.ops.supervisor import AlreadyRunning, Failed, Program, Supervisor

PORTS_TRIED = 50
# Connections that wait to be taken, and those that a web process holds: a browser keeps up to six while it rests, and
# who comes beyond that number stands outside until one of them goes.
BACKLOG, CONNECTIONS = "4096", "16384"
STATE = "state.json"
# Compiled modules are kept, whatever the surroundings say: each start would else compile them five times.
CACHED = {"PYTHONDONTWRITEBYTECODE": ""}
BANYAN = (sys.executable, "-m", "banyan.config.cli")
# Which database it is, and how many migrations it has seen.
WHICH = """
    SELECT system_identifier, oid,
        (SELECT last_value FROM pg_sequences WHERE sequencename = 'django_migrations_id_seq')
    FROM pg_control_system(), pg_database WHERE datname = current_database()
"""
console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option("--empty", is_flag=True, help="Do not load the demo factory into an empty database.")
def command(empty: bool) -> None:
    """Start everything: database, web, jobs, dispatcher. Ctrl-C ends it.

    The first start makes the database and loads the demo factory. What ends unexpectedly is started again.
    """
    cluster = database.embedded() if database.is_embedded() else None
    supervisor = Supervisor(data_folder() / "run", cluster=cluster, say=_say)
    with ExitStack() as stack:
        try:
            stack.enter_context(supervisor)
        except AlreadyRunning as error:
            raise click.ClickException(str(error)) from error
        if cluster is not None and not cluster.exists() and audit_head().exists():
            raise DatabaseLost()  # before an empty one stands where the former may be put back
        stack.enter_context(database_ready())
        stack.callback(supervisor.end)  # before the database, which they use
        try:
            state = _prepare(supervisor, empty=empty)
        except Failed as failure:
            if failure.is_stopped:
                return
            raise click.ClickException(f"`banyan {failure}` failed; the reason stands above.") from None
        processes.allow_open_files()
        port = _free_port(env("BANYAN_BIND"), env("BANYAN_PORT"))
        web, *others = _programs(port)
        supervisor.start(web)
        address = f"http://{_shown_host()}:{port}/"
        supervisor.tell(address=address)
        _wait_until_served(supervisor, port)
        supervisor.start(*others)
        if not supervisor.is_stopping:
            _welcome(address, state["logins"], state.get("station", ""))
        supervisor.watch()
        _say("Stopping")


def _say(text: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


def _prepare(supervisor: Supervisor, *, empty: bool) -> dict:
    """Migrate as the owner, load the demo factory where it belongs, and give what the database holds.

    A load that was broken off is thrown away with its database, which held nothing else.
    """
    state = _state(supervisor, empty=empty)
    if state["is_unfinished"]:
        if not database.is_embedded():
            raise click.ClickException(
                "The load of the demo factory was broken off. Empty the database and start again."
            )
        _say("The load of the demo factory was broken off; it starts anew")
        audit_head().unlink(missing_ok=True)  # first: without seals, a head that is left refuses every start
        database.embedded().remake_database(database.DATABASE)
        state = _state(supervisor, empty=empty)
    if not state["has_company"] and not empty and has_part("banyan.demo.story"):
        _say("The database is empty: the demo factory is loaded, once")
        (supervisor.folder / STATE).unlink()
        supervisor.run(Program("story", [*BANYAN, "story", "--factory", "demo"], CACHED))
        state = _state(supervisor, empty=empty)
    return state


def _state(supervisor: Supervisor, *, empty: bool) -> dict:
    """Give what `banyan prepare` finds, or found last time if code and database are still the same."""
    file = supervisor.folder / STATE
    key = _key()
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        known = {}
    if key is not None and known.get("key") == key and (known["has_company"] or empty):
        return known
    supervisor.run(Program("prepare", [*BANYAN, "prepare", "--output", str(file)], CACHED))
    state = json.loads(file.read_text()) | {"key": _key()}
    file.write_text(json.dumps(state))
    return state


def _key() -> str | None:
    """Give what tells this code and this database from any other, None where a server keeps the database."""
    if not database.is_embedded():
        return None
    digest = hashlib.sha256()
    for file in sorted((SOURCES / "banyan").rglob("*.*")):
        if file.suffix in (".py", ".sql"):
            status = file.stat()
            digest.update(f"{file} {status.st_mtime_ns} {status.st_size}\n".encode())
    digest.update(database.embedded().sql(WHICH, database=database.DATABASE).encode())
    return digest.hexdigest()


def _programs(port: int) -> list[Program]:
    common = {"DJANGO_SETTINGS_MODULE": "banyan.config.settings", "BANYAN_DB_ROLE": "app"} | CACHED
    web = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", env("BANYAN_BIND"),
        "--port", str(port), "--workers", str(env("BANYAN_WEB_WORKERS")),
        "--blocking-threads", str(env("BANYAN_WEB_THREADS")), "--no-ws", "--respawn-failed-workers",
        "--respawn-interval", "0.5", "--workers-kill-timeout", "5",
        "--backlog", BACKLOG, "--backpressure", CONNECTIONS,
        "banyan.config.wsgi:application",
    ]  # fmt: skip
    programs = [
        Program("web", web, common | {"BANYAN_DB_POOL": "yes"}),
        Program("worker", [*BANYAN, "work"], common),
    ]
    if has_part("banyan.kernel.dispatcher"):
        programs.append(Program("dispatcher", [*BANYAN, "dispatch"], common))
    if has_part("banyan.integration.engine"):
        programs.append(Program("bus", [*BANYAN, "bus"], common))
    return programs


def _free_port(host: str, wanted: int) -> int:
    for port in range(wanted, wanted + PORTS_TRIED):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if port != wanted:
            _say(f"Port {wanted} is in use; {port} is taken instead")
        return port
    raise click.ClickException(
        f"No port from {wanted} on is free. Choose another: BANYAN_PORT=9000 banyan up"
    )


def _shown_host() -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(env("BANYAN_BIND"), env("BANYAN_BIND"))


def _wait_until_served(supervisor: Supervisor, port: int) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not supervisor.is_stopping:
        supervisor.tick()
        if _answers(port):
            return
        time.sleep(0.05)
    if not supervisor.is_stopping:
        _say(f"The site does not answer yet; see {supervisor.folder / 'web.log'}")


def _answers(port: int) -> bool:
    connection = HTTPConnection(_shown_host().strip("[]"), port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _welcome(address: str, logins: list[dict[str, str]], station: str = "") -> None:
    console.print(f"\nBanyan 榕  [bold]{address}[/bold]   (Ctrl-C ends it; data in {data_folder()})")
    if not logins:
        console.print("People are made by `banyan user add`.\n" if os.isatty(1) else "")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("角色 Role", "登录 Login", "密码 Password"):
        table.add_column(heading)
    for login in logins:
        table.add_row(f"{login['zh']} {login['en']}", login["login"], login["password"])
    console.print(table)
    if station:
        console.print(f"工位 Station, as the worker, one tap:  {address}{station}\n", markup=False)
