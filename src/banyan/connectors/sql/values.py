"""Values of databases as JSON data, and marks of a walk as text that keeps its kind."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.lib.labels import plain

MOST_INTEGER = 2**63 - 1


def as_json(value: Any) -> Any:
    """Give a column's value as JSON can carry it.

    Gives:  decimals, dates, times, intervals (seconds) and keys as text, bytes as base64, what JSON lacks as text
    """
    match value:
        case None | bool() | str():
            return value.value if isinstance(value, Enum) else value
        case int():
            return value if -MOST_INTEGER <= value <= MOST_INTEGER else str(value)
        case float():
            return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
        case Decimal():
            return plain(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return plain(Decimal(str(value.total_seconds())))
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case UUID():
            return str(value)
        case Mapping():
            return {str(name): as_json(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_json(each) for each in value]
        case Enum():
            return as_json(value.value)
    return str(value)


def kept(value: Any) -> list[str] | None:
    """Give a mark for the position, as (kind, text); None for no mark."""
    match value:
        case None:
            return None
        case datetime():
            return ["datetime", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case bool() | int():
            return ["int", str(int(value))]
        case float() | Decimal():
            return ["decimal", str(value)]
        case bytes() | bytearray() | memoryview():
            return ["bytes", bytes(value).hex()]
        case UUID():
            return ["uuid", str(value)]
    return ["text", str(value)]


def mark(given: Any) -> Any:
    """Give the value of a kept mark. Raises: ValueError for what was not kept by `kept`."""
    if given is None:
        return None
    kind, text = given
    match kind:
        case "datetime":
            return datetime.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "int":
            return int(text)
        case "decimal":
            return Decimal(text)
        case "bytes":
            return bytes.fromhex(text)
        case "uuid":
            return UUID(text)
        case "text":
            return text
    raise ValueError(f"{kind} is no kind of mark")


def before(value: Any, overlap: float) -> Any:
    """Give the mark that lies the overlap before; texts and row versions have none and stay."""
    match value:
        case datetime():
            return value - timedelta(seconds=overlap)
        case date():
            return value - timedelta(days=int(-(-overlap // 86_400)))
        case bool():
            return value
        case int():
            return value - int(overlap)
        case Decimal():
            return value - Decimal(str(overlap))
    return value


def instant(value: Any, zone: str) -> datetime | None:
    """Give a watermark as an instant where it is a time, else None."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return None
