"""Servers of partners, one process each on a free loopback port, stopped by their own number."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.partners.brokers import Broker, free_port


@contextmanager
def running(
    program: Sequence[str],
    port: int,
    log: Path,
    *,
    user: str | None = None,
    seconds: float = 30.0,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a server running meanwhile, from when it listens."""
    more = {}
    if user and os.geteuid() == 0:
        more = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    with log.open("wb") as out:
        process = subprocess.Popen(program, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=cwd, **more)  # type: ignore[call-overload]
    try:
        limit = time.monotonic() + seconds
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > limit:
                pytest.fail(f"{program[0]} does not listen: {log.read_text(errors='replace')[-2000:]}", pytrace=False)
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Have a folder that a server's own user may enter; pytest closes its folders to others whenever a run begins."""
    made = Path(tempfile.mkdtemp(prefix="banyan-partner-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def mariadb(folder: Path) -> Iterator[int]:
    """Have a MariaDB server with an empty database `wms` and the user `erp` (password `s3cret-榕`)."""
    data, port = folder / "mariadb", free_port()
    user = "mysql" if os.geteuid() == 0 else None
    data.mkdir()
    if user:
        shutil.chown(data, user)
    install = ["mariadb-install-db", "--no-defaults", "--basedir=/usr", f"--datadir={data}", "--skip-test-db",
               "--auth-root-authentication-method=normal", *([f"--user={user}"] if user else [])]  # fmt: skip
    done = subprocess.run(install, check=False, capture_output=True, timeout=120, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    program = [
        "/usr/sbin/mariadbd", "--no-defaults", "--basedir=/usr", f"--datadir={data}", "--bind-address=127.0.0.1",
        f"--port={port}", f"--socket={data}/s.sock", f"--pid-file={data}/pid", "--character-set-server=utf8mb4",
        "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", *([f"--user={user}"] if user else []),
    ]  # fmt: skip
    with running(program, port, folder / "mariadb.log"):
        import pymysql

        with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as opened, opened.cursor() as c:
            c.execute("CREATE DATABASE wms CHARACTER SET utf8mb4")
            c.execute("CREATE USER 'erp'@'%' IDENTIFIED BY 's3cret-榕'")
            c.execute("GRANT ALL ON wms.* TO 'erp'@'%'")
        yield port


@contextmanager
def postgresql(folder: Path) -> Iterator[int]:
    """Have a PostgreSQL server on a port with an empty database `wms` and the user `erp` (password `s3cret-榕`)."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    data, port = folder / "postgresql", free_port()
    user = "postgres" if os.geteuid() == 0 else None
    data.mkdir()
    if user:
        shutil.chown(data, user)
    more = {"user": user} if user else {}
    subprocess.run(
        [programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
         "--no-sync"],
        check=True, capture_output=True, timeout=60, cwd=data, **more,
    )  # fmt: skip
    rights = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (data / "pg_hba.conf").write_text(rights)
    program = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", "",
               "-c", "listen_addresses=127.0.0.1",
               "-c", "fsync=off"]  # fmt: skip
    with running(program, port, folder / "postgresql.log", user=user, cwd=data):
        import psycopg

        address = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
        with _patient(lambda: psycopg.connect(address, autocommit=True), psycopg.OperationalError) as opened:
            opened.execute("CREATE ROLE erp LOGIN PASSWORD 's3cret-榕'")
            opened.execute("CREATE DATABASE wms OWNER erp")
        yield port


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[int, Path, str, str]]:
    """Have an OpenSSH server for SFTP only.

    Gives:  port, folder served, private key of the one who may sign in, the server's key (public line)
    """
    user = "postgres" if os.geteuid() == 0 else None
    port, home = free_port(), folder / "sftp"
    home.mkdir()
    for name in ("host", "client", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, capture_output=True
        )
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    settings = folder / "sshd_config"
    settings.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {home}\nAllowTcpForwarding no\n"
    )
    if user:
        for path in (home, folder / "host", settings, folder / "authorized"):
            shutil.chown(path, user)
    with running(["/usr/sbin/sshd", "-D", "-e", "-f", str(settings)], port, folder / "sshd.log", user=user):
        yield port, home, (folder / "client").read_text(), (folder / "host.pub").read_text()


@contextmanager
def script(path: Path, port: int, log: Path) -> Iterator[None]:
    """Have a Python script running as a server on a port, given as its argument."""
    with running([sys.executable, str(path), str(port)], port, log):
        yield


TRYTON = Path(__file__).parents[2] / ".data" / "partners" / "tryton"


@contextmanager
def tryton(folder: Path) -> Iterator[Broker]:
    """Have a Tryton with a company, chart and taxes (tests/partners/tryton/template.py) in FOLDER/tryton.sqlite."""
    shutil.copy(TRYTON / "template.sqlite", folder / "tryton.sqlite")
    port, settings = free_port(), folder / "trytond.conf"
    settings.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\nretry = 20\n[web]\nlisten = 127.0.0.1:{port}\n"
    )
    program = [str(TRYTON / "env" / "bin" / "trytond"), "-c", str(settings), "-d", "tryton"]
    server = Broker(program, port, folder, patience=60)
    server.start()
    try:
        yield server
    finally:
        server.stop()


S3 = Path(__file__).parents[2] / ".data" / "partners" / "s3"


@contextmanager
def s3(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Have an S3 store with an empty bucket `wms` that checks signatures.

    Gives:  its address, the id of the one access key that may use it, its secret
    """
    port = free_port()
    program = [str(S3 / "env" / "bin" / "python"), str(Path(__file__).parent / "s3" / "server.py"), str(port)]
    with running([*program, str(folder)], port, folder / "s3.log"):
        ready, limit = folder / "key.json", time.monotonic() + 30
        while not ready.exists():
            if time.monotonic() > limit:
                pytest.fail(f"no key: {(folder / 's3.log').read_text(errors='replace')[-2000:]}", pytrace=False)
            time.sleep(0.05)
        key = json.loads(ready.read_text())
        yield f"http://127.0.0.1:{port}", key["id"], key["secret"]


def is_there(*programs: str) -> bool:
    """Say whether programs are installed."""
    return all(Path(each).exists() or shutil.which(each) for each in programs)


def _patient(connect: Callable[[], Any], fault: type[Exception]) -> Any:
    """Give a connection to a server that listens before it is ready."""
    for _ in range(100):
        try:
            return connect()
        except fault:
            time.sleep(0.1)
    return connect()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0
