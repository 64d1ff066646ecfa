"""A system as a connector sees it: settings, secrets, the guarded way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from banyan.integration import environments, secrets
from banyan.integration.connecting import Connection, Failed
from banyan.integration.guard import Guard
from banyan.lib.errors import DomainError
from banyan.lib.labels import L


@dataclass(frozen=True)
class Sealed:
    """What is stored of a system, its secrets still sealed by name.

    Takes:  kept: which environment the database says that this installation is, None where it says nothing
    """

    key: UUID
    system: str
    environment: Any
    settings: Any
    hosts: tuple[str, ...]
    sealed: Mapping[str, str]
    timeout: float
    most_bytes: int
    kept: str | None


def purpose(system: UUID, name: str) -> str:
    """Give what a secret is sealed for, so that it opens nowhere else."""
    return f"integration.system:{system}:{name}"


def connection_of(link: Sealed, now: datetime) -> Connection:
    """Give the connection to a system; a secret is opened only when it is asked for.

    Raises: Failed("environment") for a system of another environment than this installation's
    """
    environments.require(link.system, link.environment, link.kept)

    def secret(name: str) -> str:
        if name not in link.sealed:
            raise Failed("refused", L("密钥 {name} 没有填写", "the secret {name} is not set").filled({"name": name}))
        try:
            return secrets.reveal(link.sealed[name], purpose(link.key, name))
        except DomainError as refusal:
            raise Failed("refused", refusal.label) from None

    guard = Guard(link.hosts, timeout=link.timeout, most_bytes=link.most_bytes)
    return Connection(
        system=link.system, environment=link.environment, settings=link.settings, secret=secret, http=guard,
        allows=guard.allows, now=now, timeout=link.timeout, most_bytes=link.most_bytes,
    )  # fmt: skip
