"""What every place of files can do, and what it says of a file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its name, size in bytes, when it was last written (seconds), and the store's mark of its version."""

    name: str
    size: int
    changed: float
    mark: str = ""


class Place(Protocol):
    """What is done with files; folders and names are joined by `/`."""

    def files(self, folder: str) -> list[Entry]: ...
    def read(self, path: str, most_bytes: int) -> bytes: ...
    def write(self, path: str, body: bytes) -> None: ...
    def move(self, path: str, target: str) -> None: ...
    def remove(self, path: str) -> None: ...


def another(name: str) -> str:
    """Give the name that a file gets where its own is taken already."""
    return f"{name}.{int(time.time() * 1000)}"
