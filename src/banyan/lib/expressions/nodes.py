"""The tree of an expression: what the parser builds, the checker types and the evaluator walks."""

from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from banyan.lib.errors import jsonable
from banyan.lib.labels import L, Label


class Type(StrEnum):
    """What a value is; "list" is rows with members, the other lists are plain values."""

    NUMBER = "number"
    TEXT = "text"
    BOOL = "bool"
    DATE = "date"
    NULL = "null"
    ROWS = "list"
    NUMBERS = "list<number>"
    TEXTS = "list<text>"
    BOOLS = "list<bool>"
    DATES = "list<date>"

    @property
    def label(self) -> Label:
        return _LABELS[self]

    @property
    def element(self) -> "Type | None":
        """Give the type of one value of a list of plain values, None for anything else."""
        return _ELEMENTS.get(self)

    @property
    def many(self) -> "Type":
        """Give the list type whose values are of this one."""
        return next(many for many, one in _ELEMENTS.items() if one is self)

    @property
    def is_list(self) -> bool:
        return self is Type.ROWS or self in _ELEMENTS


_ELEMENTS = {
    Type.NUMBERS: Type.NUMBER,
    Type.TEXTS: Type.TEXT,
    Type.BOOLS: Type.BOOL,
    Type.DATES: Type.DATE,
}
_LABELS = {
    Type.NUMBER: L("数字", "a number"),
    Type.TEXT: L("文本", "a text"),
    Type.BOOL: L("是/否", "a yes/no value"),
    Type.DATE: L("日期", "a date"),
    Type.NULL: L("空值", "nothing"),
    Type.ROWS: L("明细行", "a list of lines"),
    Type.NUMBERS: L("数字列表", "a list of numbers"),
    Type.TEXTS: L("文本列表", "a list of texts"),
    Type.BOOLS: L("是/否列表", "a list of yes/no values"),
    Type.DATES: L("日期列表", "a list of dates"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One part of an expression; `at` is where it stands in the text, counted from 0."""

    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    type: Type
    value: Decimal | str | bool | date | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A named value; the checker fills in the type it has at this place."""

    name: str
    type: Type = Type.NULL


@dataclass(frozen=True, slots=True)
class Listed(Node):
    """Values written out: `["draft", "open"]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-` or `not`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, a comparison, or `in`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or` over two or more conditions, asked in order until the answer is certain."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """sum, min, max or count over a list; `of` is worked out for each row, None counts the rows."""

    function: str
    over: str
    of: Node | None


def parts_of(node: Node) -> tuple[Node, ...]:
    """Give the nodes right below a node, in the order of the text."""
    values = (getattr(node, each.name) for each in fields(node))
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    return tuple(part for value in several for part in value if isinstance(part, Node))


def as_json(node: Node) -> dict[str, Any]:
    """Give the tree as JSON data: numbers and dates as text, each node named by "node"."""
    shown: dict[str, Any] = {"node": type(node).__name__.lower()}
    for each in fields(node):
        shown[each.name] = _as_json(getattr(node, each.name))
    return shown


def _as_json(value: Any) -> Any:
    if isinstance(value, Node):
        return as_json(value)
    if isinstance(value, tuple):
        return [_as_json(each) for each in value]
    return jsonable(value)
