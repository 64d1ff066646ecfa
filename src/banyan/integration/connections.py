"""A system as a connector sees it: settings, secrets, the guarded way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from banyan.integration.connecting import Connection, Failed


@dataclass(frozen=True)
class Sealed:
    """What is stored of a system, its secrets still sealed by name."""

    system: str
    environment: Any
    settings: Any
    hosts: tuple[str, ...]
    sealed: Mapping[str, str]
    timeout: float
    most_bytes: int


def connection_of(link: Sealed, now: datetime) -> Connection:
    """Give the connection to a system; a secret is opened only when it is asked for."""

    def secret(name: str) -> str:
        if name not in link.sealed:
            raise Failed("refused", f"the secret {name} of {link.system} is not set")
        from banyan.integration import secrets

        return secrets.opened(link.sealed[name])

    def allows(host: str, port: int) -> str:
        raise Failed("not_allowed", f"{host}:{port}")

    return Connection(
        system=link.system, environment=link.environment, settings=link.settings, secret=secret, http=None,
        allows=allows, now=now, timeout=link.timeout, most_bytes=link.most_bytes,
    )  # fmt: skip
