"""A partner over HTTP that a test scripts, and the connection that leads to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from banyan.integration.connecting import Connection
from banyan.integration.guard import Guard
from tests.integration.wire import answering, http

NOW = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)


@dataclass
class Asked:
    """One request as the partner heard it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    target: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def one(self, name: str) -> str | None:
        return self.query.get(name, [None])[0]


@dataclass
class Partner:
    """Where it listens and what it has heard."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


def heard(raw: bytes) -> Asked:
    """Read a request."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    parts = urlsplit(target)
    return Asked(method, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body, target)


@contextmanager
def partner(answer: Callable[[Asked], Any]) -> Iterator[Partner]:
    """Listen; the function's result is answered.

    Takes:  answer: gives bytes as they are, JSON data as 200, or (status, JSON data or bytes, *headers); None hangs up
    """
    found: list[Asked] = []

    def reply(raw: bytes, _: int) -> bytes | None:
        asked = heard(raw)
        found.append(asked)
        said = answer(asked)
        if said is None or isinstance(said, bytes):
            return said
        status, body, *headers = said if isinstance(said, tuple) else (200, said)
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return http(content, f"{status} X", *headers)

    with answering(reply) as wire:
        yield Partner(wire.port, found, wire.url)


def connection(
    settings: Any,
    secrets: Mapping[str, str] | None = None,
    *,
    hosts: tuple[str, ...] = ("127.0.0.1:*",),
    now: datetime = NOW,
    timeout: float = 5.0,
    most_bytes: int = 5_000_000,
) -> Connection:
    """Give a system as a connector sees it."""
    guard = Guard(hosts, timeout=timeout, most_bytes=most_bytes)
    kept = dict(secrets or {})
    return Connection(
        "wms", "test", settings, lambda name: kept.get(name, ""), guard, guard.allows, now, timeout, most_bytes
    )
