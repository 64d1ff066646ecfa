"""Values of drivers and protocols as JSON data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

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
