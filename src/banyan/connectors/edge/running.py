"""The process: sources give, one writer keeps, one forwarder sends. Without the server it goes on by its disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from banyan.connectors.edge.forwarding import Forwarder
from banyan.connectors.edge.sources import MqttSource, OpcUaSource
from banyan.connectors.edge.spool import Full, Reading, Spool, alone

log = logging.getLogger("banyan.edge")

#: Readings come to disk together: so many at most, so long at most after the first.
MOST_TOGETHER, TOGETHER_SECONDS = 500, 0.05


class ServerPart(BaseModel):
    """The webhook entrance of the server."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^https?://")
    secret_file: Path
    parcel: int = Field(200, ge=1, le=2000)


class EdgeConfig(BaseModel):
    """What the process reads, where it keeps, whom it tells."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    spool: Path
    most_readings: int = Field(2_000_000, ge=1)
    most_mb: int = Field(2_000, ge=1)
    server: ServerPart
    mqtt: tuple[MqttSource, ...] = ()
    opcua: tuple[OpcUaSource, ...] = ()

    def opened(self) -> Spool:
        """Open the spool."""
        return Spool(self.spool, most_readings=self.most_readings, most_bytes=self.most_mb * 1_000_000)


def read_config(path: Path) -> EdgeConfig:
    """Read a configuration file in TOML. Raises: OSError, ValueError that says what is wrong."""
    return EdgeConfig(**tomllib.loads(path.read_text(encoding="utf-8")))


class Keeper:
    """Writes what sources give, together, and acknowledges after it is on disk.

    While the spool is full, what a broker gave stays unacknowledged and therefore the broker's; what a controller told
    is lost and counted, and told as a `gap` when there is room again.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._given: queue.Queue[tuple[Reading, Callable[[], None] | None]] = queue.Queue(20_000)
        self._gaps: dict[str, dict[str, Any]] = {}

    def give(self, reading: Reading, kept: Callable[[], None] | None) -> None:
        """Take a reading; `kept` is called when it is on disk."""
        if kept is None:
            try:
                self._given.put_nowait((reading, None))
            except queue.Full:
                self._lost(reading)
        else:
            self._given.put((reading, kept))

    def run(self, stop: threading.Event) -> None:
        """Write until told to stop and nothing is left."""
        while not (stop.is_set() and self._given.empty()):
            together = self._together()
            if together:
                self._write(together, stop)

    def _together(self) -> list[tuple[Reading, Callable[[], None] | None]]:
        try:
            together = [self._given.get(timeout=0.2)]
        except queue.Empty:
            return []
        limit = time.monotonic() + TOGETHER_SECONDS
        while len(together) < MOST_TOGETHER and (left := limit - time.monotonic()) > 0:
            try:
                together.append(self._given.get(timeout=left))
            except queue.Empty:
                break
        return together

    def _write(self, together: list[tuple[Reading, Callable[[], None] | None]], stop: threading.Event) -> None:
        while True:
            gaps = self._told_gaps()
            try:
                self._spool.add([*gaps, *(reading for reading, _ in together)])
                break
            except Full:
                log.error("the spool is full: %d readings", self._spool.state().waiting)
                for reading, kept in together:
                    if kept is None:
                        self._lost(reading)
                together = [each for each in together if each[1] is not None]
                if not together or stop.wait(1):
                    return
        self._gaps.clear()
        for _, kept in together:
            if kept is not None:
                kept()

    def _lost(self, reading: Reading) -> None:
        gap = self._gaps.setdefault(reading.source, {"lost": 0, "from": reading.at.isoformat()})
        gap["lost"] += 1
        gap["to"] = reading.at.isoformat()

    def _told_gaps(self) -> list[Reading]:
        return [Reading(source, "gap", datetime.now(UTC), dict(gap)) for source, gap in list(self._gaps.items())]


def run(config: EdgeConfig, stop: threading.Event) -> None:
    """Run until told to stop. Raises: BlockingIOError where another process has the spool."""
    with alone(config.spool):
        secret = config.server.secret_file.read_text(encoding="utf-8").strip()
        # Of each thread its own connection to the spool, made in that thread.
        def forward() -> None:
            spool = config.opened()
            Forwarder(spool, config.name, config.server.url, secret, most=config.server.parcel).run(stop)
            spool.close()

        spool = config.opened()
        keeper = Keeper(spool)
        threads = [threading.Thread(target=forward, name="forward", daemon=True)]
        threads += [
            threading.Thread(target=source.run, args=(config.name, keeper.give, stop), name=source.name, daemon=True)
            for source in (*config.mqtt, *config.opcua)
        ]
        for thread in threads:
            thread.start()
        keeper.run(stop)
        for thread in threads:
            thread.join(5)
        spool.close()
