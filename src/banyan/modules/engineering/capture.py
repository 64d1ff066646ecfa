"""What is to be entered with a report at an operation: numbers with limits, choices, texts, photos, times.

A routing's operation keeps it as JSON, an order's operation has its own copy. An entry that is a mere text is the name
of a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from banyan.kernel.schema import Input, Quantity, Text, field, parse
from banyan.lib.labels import plain

Name = Annotated[Text, Field(min_length=1, max_length=60)]
MOST = 30
#: A time of day, as an input of a page gives it; or a day with it.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ])?([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


class Datum(Input):
    """One thing to enter; `minimum` and `maximum` bound a number, `choices` are those of a choice."""

    name: Name = field("名称", "Name")
    name_en: Annotated[Text, Field(max_length=60)] = field("英文名", "English name", "")
    kind: Literal["number", "choice", "text", "photo", "time"] = field("类型", "Kind", "text")
    unit: Annotated[Text, Field(max_length=16)] = field("单位", "Unit", "")
    minimum: Quantity | None = field("下限", "Least", None)
    maximum: Quantity | None = field("上限", "Most", None)
    choices: Annotated[list[Name], Field(max_length=MOST)] = field("选项", "Choices", default_factory=list)
    is_required: bool = field("必填", "Required", True)


class Data(Input):
    """All that is to be entered at an operation."""

    data: Annotated[list[Datum], Field(max_length=MOST)] = field("采集数据", "Data to capture", default_factory=list)


def _whole(entries: Any) -> Any:
    if not isinstance(entries, (list, tuple)):
        return entries
    return [{"name": one} if isinstance(one, str) else one for one in entries]


def checked(entries: Any) -> list[Datum]:
    """Give what is to be entered, as somebody wrote it. Raises: Invalid"""
    return parse(Data, {"data": _whole(entries)}).data


_READ = TypeAdapter(list[Datum])


def read(entries: Any) -> Sequence[Datum]:
    """Give what is to be entered, as it is stored; nothing where it was never understood."""
    try:
        return _READ.validate_python(_whole(entries or []))
    except ValidationError:
        return ()


def as_json(data: Sequence[Datum]) -> list[dict[str, Any]]:
    """Give it as a device reads it; figures as text, what is empty left out."""
    found = []
    for one in data:
        row = one.model_dump(exclude_defaults=True) | {"name": one.name, "kind": one.kind}
        found.append({k: plain(v) if isinstance(v, Decimal) else v for k, v in row.items()})
    return found


def missing(asked: Sequence[Datum], told: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of what is required and was not entered."""
    return tuple(one.name for one in asked if one.is_required and str(told.get(one.name) or "").strip() == "")


def beyond(asked: Sequence[Datum], told: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of what was entered and is no number, beyond its limits, no time, or none of the choices."""
    return tuple(one.name for one in asked if one.name in told and not _is_within(one, told[one.name]))


def _is_within(asked: Datum, value: Any) -> bool:
    text = str(value if value is not None else "").strip()
    if not text:
        return True
    if asked.kind == "choice":
        return not asked.choices or text in asked.choices
    if asked.kind == "time":
        return _TIME.fullmatch(text) is not None
    if asked.kind != "number":
        return True
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    least, most = asked.minimum, asked.maximum
    return number.is_finite() and (least is None or number >= least) and (most is None or number <= most)
