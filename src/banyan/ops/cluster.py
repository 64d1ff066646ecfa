"""The embedded PostgreSQL: a private cluster made with the machine's own binaries, on a Unix socket."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from banyan.ops import processes

OLDEST = 15
PATIENCE = 120.0
SOCKET_LIMIT = 107
SOCKET_NAME = ".s.PGSQL.5432"
OWNER, APP = "banyan_owner", "banyan_app"
SUPERUSER = "postgres"

TUNING = """\
listen_addresses = ''
port = 5432
max_connections = 120
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
min_wal_size = 128MB
wal_compression = on
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
default_statistics_target = 200
jit = off
max_parallel_workers_per_gather = 1
idle_in_transaction_session_timeout = 10min
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_duration_statement = 2s
log_line_prefix = '%m [%p] %q%u@%d '
"""
SAFE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"
FAST_AND_LOSABLE = (
    "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
    "wal_level = minimal\nmax_wal_senders = 0\nmax_connections = 240\nlog_min_duration_statement = -1\n"
)


class ClusterError(Exception):
    """The embedded database cannot be made or started; the text says what to do."""


def find_binaries(major: int | None = None) -> Path:
    """Give the folder of PostgreSQL's programs: of that version, or the newest of at least 15.

    Raises: ClusterError when the machine has none
    """
    found: dict[int, Path] = {}
    for folder in (*Path("/usr/lib/postgresql").glob("*/bin"), *_on_path()):
        if not (folder / "initdb").exists() or not (folder / "postgres").exists():
            continue
        version = _major_of(folder)
        if version >= OLDEST:
            found.setdefault(version, folder)
    if major is not None:
        if major not in found:
            raise ClusterError(
                f"The data folder was made by PostgreSQL {major}, whose programs are missing. "
                f"Install the package postgresql-{major}."
            )
        return found[major]
    if not found:
        raise ClusterError(f"PostgreSQL {OLDEST} or later is missing. Install the package postgresql.")
    return found[max(found)]


def _on_path() -> Iterator[Path]:
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry and (Path(entry) / "postgres").exists():
            yield (Path(entry) / "postgres").resolve().parent


def _major_of(folder: Path) -> int:
    named = folder.parent.name
    if named.isdigit():
        return int(named)
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    digits = answer.stdout.rpartition(" ")[2].split(".")[0].strip()
    return int(digits) if digits.isdigit() else 0


class Cluster:
    """A private PostgreSQL cluster in a folder.

    The folder holds `data` (PostgreSQL's own), `socket`, `log` and the locks. Several programs may use the
    cluster at once: each borrows it, and the last that gives back a borrowed cluster stops it.
    """

    def __init__(self, folder: Path, *, user: str | None = None, is_losable: bool = False) -> None:
        self.folder = folder
        self.user = user
        self.is_losable = is_losable
        self.data = folder / "data"
        self.log = folder / "log"
        self.socket_folder = self._short_socket_folder()

    def _short_socket_folder(self) -> Path:
        beside = self.folder / "socket"
        if len(os.fsencode(beside / SOCKET_NAME)) < SOCKET_LIMIT:
            return beside
        return Path("/tmp") / f"banyan-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"

    # What is

    def postmaster(self) -> tuple[int, int] | None:
        """Give number and start of the running postmaster, None when there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        start = processes.started_at(pid)
        if start is None or not self._is_ours(pid):
            return None
        return pid, start

    def exists(self) -> bool:
        """Tell whether the cluster was made."""
        return (self.data / "PG_VERSION").exists()

    def is_running(self) -> bool:
        """Tell whether the postmaster lives."""
        return self.postmaster() is not None

    def _is_ours(self, pid: int) -> bool:
        return processes.program(pid) == "postgres" and processes.working_folder(pid) == self.data

    # Life

    def start(self) -> bool:
        """Start the cluster, made first where it does not exist; clear what a crash left.

        Gives:  False when it was running
        Raises: ClusterError with the end of the log
        """
        with self._lock("start"):
            if self._is_there():
                return False
            if not self.exists():
                self._make()
            self._clear_after_crash()
            self._configure()
            self._launch()
            self._prepare()
            return True

    def _is_there(self) -> bool:
        """Tell whether a postmaster takes sessions; one that just comes, goes or recovers is waited for."""
        limit = time.monotonic() + PATIENCE
        while self.is_running():
            if self._run([find_binaries() / "pg_isready", "-q", "-h", self.socket_folder]).returncode == 0:
                return True
            if time.monotonic() > limit:
                raise ClusterError(f"PostgreSQL runs, but takes no sessions for two minutes; see {self.log}.")
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """Stop the cluster if it runs; sessions still open are ended."""
        with self._lock("start"):
            self._stop()

    def _stop(self) -> None:
        running = self.postmaster()
        if running is None:
            return
        gone = processes.end(*running, (signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))
        if not gone:
            raise ClusterError(f"PostgreSQL (process {running[0]}) does not stop; see {self.log}.")

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Cluster]:
        """Keep the cluster running meanwhile, and leave it as it was found.

        The last of several borrowers stops what the first of them started.
        """
        with self._lock("use", fcntl.LOCK_SH) as use:
            if self.start():
                self._mark_borrowed(True)
            try:
                yield self
            finally:
                with self._lock("start"):
                    fcntl.flock(use, fcntl.LOCK_UN)
                    if self._is_borrowed() and _try_exclusive(use):
                        self._stop()
                        self._mark_borrowed(False)

    def keep(self) -> None:
        """Keep a borrowed cluster running after its last borrower."""
        self._mark_borrowed(False)

    def _is_borrowed(self) -> bool:
        return (self.folder / "borrowed").exists()

    def _mark_borrowed(self, is_borrowed: bool) -> None:
        mark = self.folder / "borrowed"
        mark.touch() if is_borrowed else mark.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _lock(self, name: str, kind: int = fcntl.LOCK_EX) -> Iterator[IO[str]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"{name}.lock", "a") as file:
            fcntl.flock(file, kind)
            yield file

    # Making

    def _make(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a crash leaves no half."""
        self._check_reach()
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        for folder in (draft, self.data):
            shutil.rmtree(folder, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._give(draft)
        command = [
            find_binaries() / "initdb", "-D", draft, "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=peer", "--no-sync", "--data-checksums",
        ]  # fmt: skip
        done = self._run(command)
        if done.returncode:
            raise ClusterError(f"initdb failed: {done.stderr.strip()}")
        subprocess.run(["sync", "-f", str(draft)], check=False)
        (self.folder / "prepared").unlink(missing_ok=True)  # said of a cluster that is gone
        draft.rename(self.data)

    def _check_reach(self) -> None:
        """Refuse a folder that the database's user could not enter."""
        if self.user is None:
            return
        for parent in self.folder.parents:
            if not parent.stat().st_mode & 0o001:
                raise ClusterError(
                    f"The database's user {self.user} cannot enter {parent}. "
                    "Set BANYAN_DATA to a folder that it can enter, such as /var/lib/banyan."
                )

    def _configure(self) -> None:
        """Write settings, access rules and the socket's folder; the same at every start."""
        settings = TUNING + (FAST_AND_LOSABLE if self.is_losable else SAFE)
        settings += f"unix_socket_directories = '{self.socket_folder}'\n"
        self._write("banyan.conf", settings)
        main = (self.data / "postgresql.conf").read_text()
        line = "include 'banyan.conf'\n"
        if line not in main:
            self._write("postgresql.conf", main + line)
        self._write("pg_hba.conf", "local all all peer map=banyan\n")
        self._write("pg_ident.conf", self._identities())
        if self.socket_folder.is_symlink():
            raise ClusterError(f"{self.socket_folder} is a link; remove it.")
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        self._give(self.socket_folder)
        for stale in self.socket_folder.glob(f"{SOCKET_NAME}*"):
            stale.unlink()
        self.log.touch(mode=0o600)
        self._give(self.log)

    def _identities(self) -> str:
        people = {pwd.getpwuid(os.geteuid()).pw_name, self.user or "", "root"} - {""}
        roles = (SUPERUSER, OWNER, APP)
        return "".join(f'banyan "{person}" {role}\n' for person in sorted(people) for role in roles)

    def _write(self, name: str, text: str) -> None:
        file = self.data / name
        draft = file.with_suffix(".new")
        draft.write_text(text)
        draft.chmod(0o600)
        self._give(draft)
        draft.rename(file)

    def _give(self, path: Path) -> None:
        if self.user is not None:
            shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)

    # Starting

    def _clear_after_crash(self) -> None:
        """End the backends of a killed postmaster and remove a lock file that names another process."""
        for pid in processes.living():
            if self._is_ours(pid):
                start = processes.started_at(pid)
                processes.end(pid, start, (signal.SIGTERM, 3), (signal.SIGQUIT, 3), (signal.SIGKILL, 3))
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self) -> None:
        version = int((self.data / "PG_VERSION").read_text())
        programs = find_binaries(version)
        with open(self.log, "a") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", self.data], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd=self.data, umask=0o077, **self._as_user(),
            )  # fmt: skip
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            if server.poll() is not None:
                raise ClusterError(f"PostgreSQL did not start; the end of {self.log}:\n{self._log_end()}")
            if self._is_ready():
                return
            time.sleep(0.02)
        raise ClusterError(f"PostgreSQL is not ready after two minutes; see {self.log}.")

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _prepare(self) -> None:
        """Make the roles and the database where they are missing."""
        if not (self.folder / "prepared").exists():
            powers = "CREATEDB" if self.is_losable else "NOCREATEDB"
            self.sql(
                f"""
                DO $$ BEGIN
                  IF to_regrole('{OWNER}') IS NULL THEN CREATE ROLE {OWNER} LOGIN {powers}; END IF;
                  IF to_regrole('{APP}') IS NULL THEN CREATE ROLE {APP} LOGIN; END IF;
                END $$;
                GRANT {APP} TO {OWNER};
                """
            )
            self.make_database("banyan")
            (self.folder / "prepared").touch()

    def make_database(self, name: str) -> None:
        """Make an empty database with the product's extensions, owned by the owner role, where missing."""
        there = self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if not there.strip():
            self.sql(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE template0')
        self.sql(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS btree_gist;"
            f" ALTER SCHEMA public OWNER TO {OWNER}; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
            f' REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;'
            f' GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO {APP};',
            database=name,
        )

    def remake_database(self, name: str) -> None:
        """Drop a database with all it holds, end its sessions, and make it again, empty."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.make_database(name)

    # Programs

    def sql(self, text: str, *, database: str = "postgres") -> str:
        """Run SQL as the superuser and give psql's plain answer.

        Raises: ClusterError with the server's words
        """
        command = [
            find_binaries() / "psql", "-h", self.socket_folder, "-U", SUPERUSER, "-d", database,
            "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text,
        ]  # fmt: skip
        done = self._run(command)
        if done.returncode:
            raise ClusterError(done.stderr.strip())
        return done.stdout

    def url(self, role: str, database: str = "banyan") -> str:
        """Give the address of a database as one of the two roles."""
        return f"postgresql://{role}@/{database}?host={self.socket_folder}"

    def _run(self, command: list) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **self._as_user(),
        )  # fmt: skip

    def _as_user(self) -> dict:
        if self.user is None:
            return {}
        person = pwd.getpwnam(self.user)
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])


def _try_exclusive(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
