"""What the machines told and the server has not yet: on disk, oldest first, bounded.

SQLite with a write-ahead log and full synchronising: what `add` has returned for survives kill -9 and a power cut.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from banyan.lib.ids import new_id

#: So many packets of each source are remembered, to know a repeated one again.
REMEMBERED = 5000
REFUSED_KEPT = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS reading (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, subject TEXT NOT NULL,
    at TEXT NOT NULL, body TEXT NOT NULL, parcel TEXT);
CREATE INDEX IF NOT EXISTS reading_parcel ON reading (parcel) WHERE parcel IS NOT NULL;
CREATE TABLE IF NOT EXISTS seen (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, packet TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS seen_packet ON seen (source, packet);
CREATE TABLE IF NOT EXISTS refused (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
    reason TEXT NOT NULL, refused_at TEXT NOT NULL);
"""


class Full(Exception):
    """The spool holds as much as it may."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing a machine told.

    Takes:  id: its own where it has one, else made here; subject: topic or node; packet: what a repeated delivery
            of the same packet has in common with the first, empty where there is none
    """

    source: str
    subject: str
    at: datetime
    body: Any
    id: str = ""
    packet: str = ""
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading in the spool."""

    id: str
    source: str
    subject: str
    at: str
    body: str


@dataclass(frozen=True, slots=True)
class State:
    """What the spool holds."""

    waiting: int
    oldest_at: str | None
    refused: int
    bytes: int


class Spool:
    """One file. Each thread opens its own.

    Takes:  most_readings and most_bytes: what it may hold
    """

    def __init__(self, path: Path, *, most_readings: int = 2_000_000, most_bytes: int = 2_000_000_000) -> None:
        self.path, self.most_readings, self.most_bytes = path, most_readings, most_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)

    def add(self, readings: Sequence[Reading]) -> int:
        """Keep readings, all or none; on disk when this returns.

        Gives:  how many are new: repeated packets and ids that wait already are left out
        Raises: Full, nothing is kept
        """
        with self._writing() as database:
            if self._is_full(len(readings)):
                raise Full
            fresh = 0
            for reading in readings:
                packet = _packet(reading)
                if reading.is_repeated and packet and self._was_seen(reading.source, packet):
                    continue
                made = database.execute(
                    "INSERT INTO reading (id, source, subject, at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (
                        reading.id or str(new_id()),
                        reading.source,
                        reading.subject,
                        reading.at.astimezone(UTC).isoformat(),
                        json.dumps(reading.body, ensure_ascii=False, separators=(",", ":"), default=str),
                    ),
                )
                fresh += made.rowcount
                if packet:
                    database.execute("INSERT INTO seen (source, packet) VALUES (?, ?)", (reading.source, packet))
            database.execute("DELETE FROM seen WHERE seq <= (SELECT max(seq) FROM seen) - ?", (REMEMBERED,))
            return fresh

    def parcel(self, most: int) -> tuple[str, tuple[Kept, ...]]:
        """Give the oldest readings under one name, the same again until they are `sent` or `split`.

        Which readings a parcel holds is on disk before it is first sent: a repeated parcel is equal to the first.
        """
        with self._writing() as database:
            named = "SELECT parcel FROM reading WHERE parcel IS NOT NULL ORDER BY seq LIMIT 1"
            row = database.execute(named).fetchone()
            name = row[0] if row else str(new_id())
            if row is None:
                database.execute(
                    "UPDATE reading SET parcel = ? WHERE seq IN (SELECT seq FROM reading ORDER BY seq LIMIT ?)",
                    (name, most),
                )
            return name, self._held(name)

    def sent(self, parcel: str) -> None:
        """Forget a parcel that the server has kept."""
        with self._writing() as database:
            database.execute("DELETE FROM reading WHERE parcel = ?", (parcel,))

    def split(self, parcel: str, reason: str) -> None:
        """Halve a parcel that the server refused whole; a single refused reading is laid aside with the reason."""
        with self._writing() as database:
            rows = database.execute("SELECT seq FROM reading WHERE parcel = ? ORDER BY seq", (parcel,)).fetchall()
            if len(rows) > 1:
                half = rows[len(rows) // 2][0]
                for condition in ("seq < ?", "seq >= ?"):
                    database.execute(
                        f"UPDATE reading SET parcel = ? WHERE parcel = ? AND {condition}",
                        (str(new_id()), parcel, half),
                    )
                return
            database.execute(
                "INSERT OR REPLACE INTO refused"
                " SELECT id, source, subject, at, body, ?, ? FROM reading WHERE parcel = ?",
                (reason[:500], datetime.now(UTC).isoformat(), parcel),
            )
            database.execute("DELETE FROM reading WHERE parcel = ?", (parcel,))
            database.execute(
                "DELETE FROM refused WHERE id IN (SELECT id FROM refused ORDER BY refused_at DESC LIMIT -1 OFFSET ?)",
                (REFUSED_KEPT,),
            )

    def again(self) -> int:
        """Let what was refused wait again. Gives: how many."""
        with self._writing() as database:
            made = database.execute(
                "INSERT OR IGNORE INTO reading (id, source, subject, at, body)"
                " SELECT id, source, subject, at, body FROM refused ORDER BY at"
            )
            database.execute("DELETE FROM refused")
            return made.rowcount

    def state(self) -> State:
        """Say what the spool holds."""
        waiting, oldest = self._database.execute("SELECT count(*), min(at) FROM reading").fetchone()
        [refused] = self._database.execute("SELECT count(*) FROM refused").fetchone()
        return State(waiting, oldest, refused, self._bytes())

    def close(self) -> None:
        self._database.close()

    def _held(self, parcel: str) -> tuple[Kept, ...]:
        rows = self._database.execute(
            "SELECT id, source, subject, at, body FROM reading WHERE parcel = ? ORDER BY seq", (parcel,)
        )
        return tuple(Kept(*row) for row in rows)

    def _was_seen(self, source: str, packet: str) -> bool:
        found = self._database.execute("SELECT 1 FROM seen WHERE source = ? AND packet = ? LIMIT 1", (source, packet))
        return found.fetchone() is not None

    def _is_full(self, more: int) -> bool:
        span = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM reading"
        first, last = self._database.execute(span).fetchone()
        return last - first + 1 + more > self.most_readings or self._bytes() > self.most_bytes

    def _bytes(self) -> int:
        [pages] = self._database.execute("PRAGMA page_count").fetchone()
        [free] = self._database.execute("PRAGMA freelist_count").fetchone()
        [size] = self._database.execute("PRAGMA page_size").fetchone()
        return (pages - free) * size

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the spool's lock; two edge processes never share one. Raises: BlockingIOError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _packet(reading: Reading) -> str:
    if not reading.packet:
        return ""
    return sha256(f"{reading.packet}\0{reading.subject}\0{reading.body!r}".encode()).hexdigest()[:32]


def as_id(value: Any) -> str:
    """Give a reading's own name as text, empty where it has none or one that is no name."""
    if isinstance(value, UUID | int | str) and not isinstance(value, bool) and 0 < len(str(value)) <= 200:
        return str(value)
    return ""
