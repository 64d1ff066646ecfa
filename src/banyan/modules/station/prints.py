"""The card that an employee signs in with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from banyan.kernel import prints
from banyan.kernel.prints import column
from banyan.lib.labels import L
from banyan.modules.station.badges import badge_code


def _says(badge: Mapping[str, Any]) -> str:
    """Give what the card's code says; only to those who may hand cards out, whoever else sees no serial."""
    return badge_code(UUID(badge["id"]), badge["serial"]) if badge.get("serial") else " "


prints.label(
    "card",
    "station.badge",
    L("工牌", "Badge"),
    title="employee.name",
    lines=(column("employee.code"), column("employee.team.name"), column("employee.job_title")),
    says=_says,
    preferred="card",
)
