"""Marks of a walk over rows, as text that keeps its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


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


def is_mark(value: Any, kind: Any) -> bool:
    """Say whether a walk can go on from a value: no infinity, no NaN, no date that is none.

    Takes:  kind: SQLAlchemy's type of the column
    """
    match value:
        case float():
            return isfinite(value)
        case Decimal():
            return value.is_finite()
        case str():
            return not _is_time(kind)
    return True


def at_mark(kind: Any, since: datetime, zone: str) -> datetime | date | None:
    """Give the mark of a column at an instant, as the database keeps it; None where its type is no time.

    Takes:  kind: SQLAlchemy's type of the column
    """
    if not _is_time(kind):
        return None
    there = since.astimezone(ZoneInfo(zone))
    if kind.python_type is datetime:
        return there if getattr(kind, "timezone", False) else there.replace(tzinfo=None)
    return there.date()


def _is_time(kind: Any) -> bool:
    try:
        return kind.python_type in (datetime, date)
    except NotImplementedError:
        return False


def instant(value: Any, zone: str) -> datetime | None:
    """Give a watermark as an instant where it is a time, else None."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return None
