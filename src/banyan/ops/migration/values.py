"""From a row to the values of a record: types, translations, references, conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from uuid import UUID

from banyan.lib.errors import Invalid
from banyan.lib.money import rounded
from banyan.ops.migration.mapping import BadMapping, Condition, Value
from banyan.ops.migration.sources import Row


class NotBroughtIn(Invalid):
    code = "migration.not_brought_in"
    zh = "引用的 {noun} {key} 没有导入"
    en = "refers to {noun} {key}, which was not brought in"


class CellUnreadable(Invalid):
    code = "migration.cell_unreadable"
    zh = "{column} 列的“{cell}”不是{type}"
    en = "{column}: “{cell}” is not a {type}"


class NoTranslation(Invalid):
    code = "migration.no_translation"
    zh = "{column} 列的“{cell}”没有对应"
    en = "{column}: the mapping has no translation of “{cell}”"


class Surroundings(Protocol):
    """What values need besides the row."""

    rate: Decimal
    rules: Mapping[str, Callable[..., Any]]

    def key_of(self, noun: str, key: str) -> UUID: ...


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


TYPES: dict[str, Callable[[str, Surroundings], Any]] = {
    "text": lambda text, _: text,
    "integer": lambda text, _: int(Decimal(text)),
    "decimal": lambda text, _: Decimal(text),
    "flag": lambda text, _: {"0": False, "1": True}[text],
    "date": lambda text, _: _day(text),
    "day_after": lambda text, _: _day(text) + timedelta(days=1),
    "time": lambda text, _: time.fromisoformat(text[:8]),
    "price": lambda text, around: rounded(Decimal(text) * around.rate, 6),
    "amount": lambda text, around: rounded(Decimal(text) * around.rate, 2),
}


def evaluate(value: Value, row: Row, around: Surroundings) -> Any:
    """Give what a field holds for a row; None is nothing.

    Raises: CellUnreadable, NoTranslation, NotBroughtIn
    """
    if value.rule:
        return around.rules[value.rule](row, around)
    if value.ref:
        key = row.filled(value.key)
        return around.key_of(value.ref, key) if key else None
    if value.text:
        return row.filled(value.text) or value.empty
    if value.of:
        return _cell(value, row, around)
    return value.value


def _cell(value: Value, row: Row, around: Surroundings) -> Any:
    cell = row[value.of]
    if cell == "":
        return value.empty
    if value.translation is not None:
        if cell not in value.translation:
            raise NoTranslation(column=value.of, cell=cell)
        return value.translation[cell]
    if value.type not in TYPES:
        raise BadMapping(f"{value.of}: there is no type {value.type}")
    try:
        return TYPES[value.type](cell, around)
    except (ValueError, KeyError, InvalidOperation) as fault:
        raise CellUnreadable(column=value.of, cell=cell, type=value.type) from fault


def holds(condition: Condition, row: Row, around: Surroundings) -> bool:
    """Say whether a row fulfils a condition; an empty condition holds for all."""
    for column, wanted in condition.items():
        if column == "rule":
            if any(around.rules[name](row, around) != one for name, one in wanted.items()):
                return False
        elif not _fits(row[column], wanted):
            return False
    return True


def _fits(cell: str, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if "not" in wanted:
            return not _fits(cell, wanted["not"])
        return Decimal(cell or 0) > Decimal(str(wanted["above"]))
    if isinstance(wanted, (list, tuple)):
        return cell in wanted
    return cell != "" if wanted == "*" else cell == wanted
