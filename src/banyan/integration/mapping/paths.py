"""Paths into nested data: `order.lines[].sku`, `rows[0].id`, `["odd key"].x`, `@id`; "$" is the whole.

`[]` stands for every element, `[2]` for the third, `[-1]` for the last. A single object where a list is read counts
as a list of one, because XML and many gateways cannot tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from banyan.integration.mapping.faults import Unfit
from banyan.lib.labels import L

LONGEST = 400
MOST_PARTS = 24
MOST_LISTS = 4


class _Every:
    def __repr__(self) -> str:
        return "[]"


class _Missing:
    def __repr__(self) -> str:
        return "missing"

    def __bool__(self) -> bool:
        return False


EVERY: Final = _Every()
MISSING: Final = _Missing()
Part = str | int | _Every
Parts = tuple[Part, ...]

_PART = re.compile(r"""\[(?P<index>-?\d{1,6})?\]|\[(?P<quoted>"[^"]*"|'[^']*')\]|\.?(?P<key>[^.\[\]"']+)""")


def parse(text: str) -> Parts:
    """Give the parts of a path.

    Raises: Unfit
    """
    given = text.strip()
    if len(given) > LONGEST:
        raise _unfit(text)
    if given == "$":
        return ()
    parts: list[Part] = []
    at = 2 if given.startswith("$.") else 1 if given.startswith("$[") else 0
    while at < len(given):
        found = _PART.match(given, at)
        if not found or (not parts and given[at] == "."):
            raise _unfit(text)
        at = found.end()
        if found["key"] is not None:
            key = found["key"].strip()
            if not key:
                raise _unfit(text)
            parts.append(key)
        elif found["quoted"] is not None:
            parts.append(found["quoted"][1:-1])
        else:
            parts.append(EVERY if found["index"] is None else int(found["index"]))
    if not parts or len(parts) > MOST_PARTS or parts.count(EVERY) > MOST_LISTS:
        raise _unfit(text)
    return tuple(parts)


def _unfit(text: str) -> Unfit:
    return Unfit(
        "path", L("“{path}”不是有效路径", "“{path}” is not a path"),
        L(f"写法如 order.lines[].sku、rows[0].id；最多 {MOST_PARTS} 段、{MOST_LISTS} 层列表",
          f"Write order.lines[].sku or rows[0].id; at most {MOST_PARTS} parts and {MOST_LISTS} lists"),
        path=text,
    )  # fmt: skip


def written(parts: Sequence[Part], positions: Sequence[int] = ()) -> str:
    """Give a path as text, with the positions of its lists filled in as far as they are told."""
    left = list(positions)
    text = ""
    for part in parts:
        if part is EVERY:
            text += f"[{left.pop(0)}]" if left else "[]"
        elif isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[^.\[\]\"'\s]+", str(part)):
            text += f".{part}" if text else str(part)
        else:
            text += f'["{part}"]'
    return text or "$"


def list_path(parts: Parts) -> Parts:
    """Give the path up to and with its last list; empty where it has none."""
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] is EVERY:
            return parts[: at + 1]
    return ()


def depth(parts: Sequence[Part]) -> int:
    """Give how many lists a path goes through."""
    return sum(part is EVERY for part in parts)


def cut(parts: Parts, lists: int) -> Parts:
    """Give the path up to and with so many of its lists."""
    seen = 0
    for at, part in enumerate(parts):
        if seen == lists:
            return parts[:at] if lists == 0 else list_path(parts[:at])
        seen += part is EVERY
    return list_path(parts)


def read(value: Any, parts: Sequence[Part]) -> Any:
    """Give what stands at a path without lists; MISSING where nothing does."""
    for part in parts:
        if isinstance(part, int):
            items = rows(value)
            if items is None or not -len(items) <= part < len(items):
                return MISSING
            value = items[part]
        elif isinstance(value, Mapping):
            if part not in value:
                return MISSING
            value = value[part]
        else:
            return MISSING
    return value


def rows(value: Any) -> Sequence[Any] | None:
    """Give the elements of a list; a single object or value is a list of one, nothing none at all."""
    if value is MISSING or value is None or value == "":
        return None
    return value if isinstance(value, (list, tuple)) else (value,)


def gathered(value: Any, parts: Sequence[Part]) -> Iterator[Any]:
    """Give every value at a path through lists, missing ones left out."""
    for at, part in enumerate(parts):
        if part is EVERY:
            for row in rows(value) or ():
                yield from gathered(row, parts[at + 1 :])
            return
        value = read(value, (part,))
        if value is MISSING:
            return
    if value is not None and value is not MISSING:
        yield value
