"""What the system says of a process: is it alive, and is it still the one that was meant."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
#: Files and connections that a process may hold open at once.
OPEN_FILES = 65_536


def allow_open_files() -> None:
    """Let this process, and those it starts, hold many files and connections open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def started_at(pid: int) -> int | None:
    """Give the start of a living process in clock ticks since boot, None when it is gone or a zombie."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def is_same(pid: int, start: int | None) -> bool:
    """Tell whether the process lives and is the one that started then."""
    return start is not None and started_at(pid) == start


def living() -> Iterator[int]:
    """Give the number of every process."""
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def working_folder(pid: int) -> Path | None:
    """Give the folder that a process works in, None when it cannot be told."""
    try:
        return Path(os.readlink(PROC / str(pid) / "cwd"))
    except OSError:
        return None


def program(pid: int) -> str:
    """Give the file name of the program that a process runs, empty when it cannot be told."""
    try:
        return Path(os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")).name
    except OSError:
        return ""


def command_line(pid: int) -> str:
    """Give the words a process was started with, empty when they cannot be told."""
    try:
        return (
            (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
    except OSError:
        return ""


def end(pid: int, start: int | None, *signals: tuple[signal.Signals, float]) -> bool:
    """End a process by one signal after the other, each with the seconds it may take.

    Takes:  start as given by `started_at`, so that a number used again by another process is left alone
    Gives:  True when the process is gone
    """
    for number, seconds in signals:
        if not is_same(pid, start):
            return True
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        limit = time.monotonic() + seconds
        while is_same(pid, start) and time.monotonic() < limit:
            time.sleep(0.02)
    return not is_same(pid, start)


def with_mark(mark: str) -> Iterator[tuple[int, int]]:
    """Give number and start of each living process whose environment holds the text, such as `NAME=value`."""
    wanted = os.fsencode(mark)
    for pid in living():
        try:
            surroundings = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        start = started_at(pid)
        if start is not None and wanted in surroundings:
            yield pid, start


def end_marked(mark: str, *, patience: float) -> int:
    """End every process that carries the mark: asked first, killed after the patience in seconds.

    Gives:  how many there were
    """
    found = list(with_mark(mark))
    for number in (signal.SIGTERM, signal.SIGKILL):
        limit = time.monotonic() + patience
        for pid, start in found:
            if is_same(pid, start):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
        while any(is_same(*process) for process in found) and time.monotonic() < limit:
            time.sleep(0.02)
    return len(found)
