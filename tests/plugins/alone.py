"""Measured tests have the machine to themselves: while one marked `alone` runs, the other workers begin none."""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from banyan.config import environ


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a measured test wait until no other runs."""
    with turn(environ.data_folder() / "test", is_alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def turn(folder: Path, *, is_alone: bool) -> Iterator[None]:
    """Hold the room, with others or alone; who comes after one that waits to be alone waits at the gate."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with locked(folder / "gate.lock", is_alone):
            held.enter_context(locked(folder / "room.lock", is_alone))
        yield


@contextmanager
def locked(path: Path, is_alone: bool = True) -> Iterator[None]:
    """Hold a file's lock, with others or alone."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
