"""What connectors' tests stand on: a connection as the bus gives it, and local stand-ins of partners."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from banyan.integration.connecting import Connection, Connector, Outgoing
from banyan.lib.ids import new_id
from tests.integration.partner import connection

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def connection_to(
    connector: Connector,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    *,
    now: datetime = NOON,
    timeout: float = 10.0,
) -> Connection:
    """Give a connection as the bus makes it for a system with these settings and secrets; it leads to loopback only."""
    return connection(connector.settings(**settings), secrets, now=now, timeout=timeout)


def outgoing(operation: str, body: Any, *, key: str = "", id: UUID | None = None) -> Outgoing:
    """Give a message to send."""
    return Outgoing(id=id or new_id(), operation=operation, body=body, key=key, at=NOON)
