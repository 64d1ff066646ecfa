"""What connectors' tests stand on: a connection as the bus gives it, and local stand-ins of partners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from banyan.integration.connecting import Connection, Connector, Outgoing
from banyan.lib.ids import new_id

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def only_here(host: str, port: int) -> str:
    """Give the address of a loopback host; a test goes nowhere else."""
    assert host in ("127.0.0.1", "localhost"), f"a test went to {host}:{port}"
    return "127.0.0.1"


def connection_to(
    connector: Connector,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    http: Any = None,
    now: datetime = NOON,
    timeout: float = 10.0,
    system: str = "partner",
) -> Connection:
    """Give a connection as the bus makes it for a system with these settings and secrets."""
    known = dict(secrets or {})
    return Connection(
        system=system,
        environment="test",
        settings=connector.settings(**settings),
        secret=lambda name: known.get(name, ""),
        http=http,
        allows=only_here,
        now=now,
        timeout=timeout,
    )


def outgoing(operation: str, body: Any, *, key: str = "", id: UUID | None = None) -> Outgoing:
    """Give a message to send."""
    return Outgoing(id=id or new_id(), operation=operation, body=body, key=key, at=NOON)
