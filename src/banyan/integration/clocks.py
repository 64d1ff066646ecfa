"""Times as partners write them: ISO 8601, seconds or milliseconds since 1970, or a pattern in their own zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from banyan.integration.connecting import Failed
from banyan.lib.labels import L


def written(when: datetime, clock: str = "iso", zone: str = "UTC") -> str:
    """Give an instant as text.

    Takes:  clock: iso, iso_ms, unix, unix_ms, or a pattern of strftime; zone: of what is written
    """
    there = when.astimezone(ZoneInfo(zone))
    match clock:
        case "iso" | "iso_ms":
            text = there.isoformat(timespec="milliseconds" if clock == "iso_ms" else "seconds")
            return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
        case "unix":
            return str(int(when.timestamp()))
        case "unix_ms":
            return str(int(when.timestamp() * 1000))
        case _:
            return there.strftime(clock)


def read(value: Any, clock: str = "iso", zone: str = "UTC") -> datetime | None:
    """Give the instant a partner wrote, None for nothing. Raises: Failed("mapping")."""
    if value is None or value == "":
        return None
    try:
        match clock:
            case "unix":
                return datetime.fromtimestamp(float(value), UTC)
            case "unix_ms":
                return datetime.fromtimestamp(float(value) / 1000, UTC)
            case "iso" | "iso_ms":
                found = datetime.fromisoformat(str(value))
            case _:
                found = datetime.strptime(str(value), clock)
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Failed(
            "mapping",
            L("{value} 不是 {clock} 格式的时间", "{value} is no time of the form {clock}").filled(
                {"value": str(value)[:40], "clock": clock}
            ),
        ) from None
