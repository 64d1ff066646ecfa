"""Keeps the processes of one installation running: starts them, starts them again, ends them all.

Each process runs in a session of its own, dies with the supervisor (the kernel sends SIGTERM), and carries
a mark in its environment by which its whole family is found again. What a killed supervisor left is ended by
the next one, before anything new starts.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from banyan.ops import processes
from banyan.ops.cluster import Cluster, ClusterError

MARK = "BANYAN_PROCESS_MARK"
TICK = 0.2
STOP_PATIENCE = 12.0
PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0)
STEADY_SECONDS = 20.0
LOG_LIMIT = 20_000_000
LOG_SECONDS = 60.0
_SET_PARENT_DEATH_SIGNAL = 1
_libc = ctypes.CDLL(None, use_errno=True)


class AlreadyRunning(Exception):
    """Another supervisor serves the same data folder; the text names it."""


class Failed(Exception):
    """A program that had to end well before the others start did not."""

    def __init__(self, name: str, is_stopped: bool) -> None:
        super().__init__(name)
        self.is_stopped = is_stopped


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    surroundings: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen | None = None
    mark: str = ""
    begun: float = 0.0
    falls: int = 0
    due: float = 0.0


class Supervisor:
    """Runs programs, and watches over the embedded cluster if there is one.

    Takes:  folder for the lock, the record of what runs and the logs; say, told one line per happening
    """

    def __init__(self, folder: Path, *, cluster: Cluster | None, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.cluster = cluster
        self.say = say
        self.record = folder / "processes.json"
        self.is_stopping = False
        self._children: list[_Child] = []
        self._lock = None

    def __enter__(self) -> Supervisor:
        """Become the only supervisor of the folder and end what a killed one left.

        Raises: AlreadyRunning
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(self.folder / "supervisor.lock", "a+")  # noqa: SIM115 (held for life)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise AlreadyRunning(self._described()) from None
        self._lock = lock
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._end_left_over()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.record.unlink(missing_ok=True)
        self._lock.close()

    def start(self, *programs: Program) -> None:
        """Start programs, in order, and keep them running from now on."""
        for program in programs:
            child = _Child(program, self.folder / f"{program.name}.log")
            self._children.append(child)
            self._launch(child)

    def run(self, program: Program) -> None:
        """Run a program to its end, on the terminal, before the others start.

        Raises: Failed when it does not end well or a signal asks for the end
        """
        child = _Child(program, self.folder / f"{program.name}.log")
        self._children = [child]
        self._spawn(child)
        while child.process.poll() is None and not self.is_stopping:
            time.sleep(0.02)
        code = child.process.poll()
        self.end()
        if code != 0:
            raise Failed(program.name, self.is_stopping)

    def watch(self) -> None:
        """Keep everything running until a signal asks for the end."""
        logs = [child.log for child in self._children] + ([self.cluster.log] if self.cluster else [])
        logs_due = 0.0
        while not self.is_stopping:
            self.tick()
            if time.monotonic() > logs_due:
                for log in logs:
                    shorten_log(log)
                logs_due = time.monotonic() + LOG_SECONDS
            time.sleep(TICK)

    def tick(self) -> None:
        """Start again what has ended, once."""
        self._mind_cluster()
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.due and not self.is_stopping:
                    self._launch(child)
            elif child.process.poll() is not None and not self.is_stopping:
                self._on_fall(child)

    def tell(self, **facts: object) -> None:
        """Record facts that a second start shows, such as the address."""
        self._write_record(facts)

    # One child

    def _launch(self, child: _Child) -> None:
        shorten_log(child.log)
        with open(child.log, "ab") as log:
            self._spawn(child, stdout=log, stderr=log)

    def _spawn(self, child: _Child, **streams: IO | int | None) -> None:
        child.mark = secrets.token_hex(12)
        supervisor = os.getpid()

        def die_with_supervisor() -> None:
            _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)

        child.process = subprocess.Popen(
            list(child.program.command), stdin=subprocess.DEVNULL,
            env=os.environ | child.program.surroundings | {MARK: child.mark},
            start_new_session=True, umask=0o077, preexec_fn=die_with_supervisor, **streams,
        )  # fmt: skip
        child.begun = time.monotonic()
        self._write_record()

    def _on_fall(self, child: _Child) -> None:
        code = child.process.returncode
        processes.end_marked(f"{MARK}={child.mark}", patience=1)
        child.falls = 0 if time.monotonic() - child.begun > STEADY_SECONDS else child.falls + 1
        pause = PAUSES[min(child.falls, len(PAUSES) - 1)]
        child.process, child.due = None, time.monotonic() + pause
        self.say(f"{child.program.name} has ended ({_cause(code)}) and is started again; see {child.log}")

    def end(self) -> None:
        """End all programs: asked first, killed when they take too long."""
        limit = time.monotonic() + STOP_PATIENCE
        running = [child for child in self._children if child.process is not None]
        for child in running:
            with suppress(ProcessLookupError):
                child.process.terminate()
        for child in running:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, limit - time.monotonic()))
            processes.end_marked(f"{MARK}={child.mark}", patience=1)
            child.process.wait()
        self._children = []

    # The cluster

    def _mind_cluster(self) -> None:
        if self.cluster is None or self.cluster.is_running():
            return
        try:
            if self.cluster.start():
                self.say("The database had ended and is started again")
        except ClusterError as error:
            self.say(f"The database cannot be started: {error}")
            time.sleep(2)

    # What is recorded

    def _write_record(self, facts: Mapping[str, object] | None = None) -> None:
        known = self._read_record().get("facts", {}) if facts is None else dict(facts)
        record = {
            "supervisor": [os.getpid(), processes.started_at(os.getpid())],
            "facts": known,
            "children": [
                {
                    "name": child.program.name,
                    "pid": child.process.pid,
                    "start": processes.started_at(child.process.pid),
                    "mark": child.mark,
                }
                for child in self._children
                if child.process is not None
            ],
        }
        draft = self.record.with_suffix(".new")
        draft.write_text(json.dumps(record, indent=1))
        draft.rename(self.record)

    def _read_record(self) -> dict:
        try:
            return json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}

    def _described(self) -> str:
        record = self._read_record()
        pid = record.get("supervisor", ["?"])[0]
        address = record.get("facts", {}).get("address", "")
        return f"Banyan runs already (process {pid}){' at ' + address if address else ''}."

    def _end_left_over(self) -> None:
        """End the families of processes that a killed supervisor recorded.

        They are told by their mark, never by a number, which another process may have by now.
        """
        ended = 0
        for child in self._read_record().get("children", []):
            ended += processes.end_marked(f"{MARK}={child['mark']}", patience=5)
        if ended:
            self.say("What an earlier, killed start had left is cleared away")
        self.record.unlink(missing_ok=True)

    def _on_signal(self, number: int, frame: object) -> None:
        self.is_stopping = True


def shorten_log(log: Path) -> None:
    """Move what a long log holds to `….log.1`; the program that writes it may go on writing."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
