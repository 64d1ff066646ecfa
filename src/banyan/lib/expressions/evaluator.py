"""From a checked tree and named values to a value. Nothing is changed, nothing outside is read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from banyan.lib.expressions import numbers
from banyan.lib.expressions.faults import failed
from banyan.lib.expressions.functions import SIMPLE, as_text, made_date, read_date, whole
from banyan.lib.expressions.nodes import (
    Aggregate,
    Binary,
    Call,
    Listed,
    Literal,
    Logic,
    Name,
    Node,
    Type,
    Unary,
)
from banyan.lib.labels import plain

MOST_STEPS = 10_000
Value = Decimal | str | bool | date | tuple | None

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def handed_out(value: Any) -> Value:
    """Give a result in its plainest form: no idle zeros."""
    if isinstance(value, Decimal):
        return Decimal(plain(value))
    return tuple(handed_out(each) for each in value) if isinstance(value, list) else value


class Run:
    """One evaluation: the values, the rows being walked, the steps left."""

    def __init__(self, env: Mapping[str, Any], most_steps: int) -> None:
        self.env = env
        self.most = self.left = most_steps
        self.rows: dict[str, Any] = {}

    def value(self, node: Node) -> Any:
        self.spend(1, node)
        match node:
            case Literal():
                return node.value
            case Name():
                return self.name(node)
            case Listed():
                return [self.value(item) for item in node.items]
            case Unary():
                operand = self.value(node.operand)
                if node.operator == "not":
                    return operand is not True
                return None if operand is None else operand.copy_negate()
            case Binary():
                return self.binary(node)
            case Logic():
                decisive = node.operator == "or"
                decided = any((self.value(each) is True) is decisive for each in node.operands)
                return decided is decisive
            case Call():
                return self.call(node)
            case Aggregate():
                return self.aggregate(node)
        raise TypeError(f"the checker makes no {type(node).__name__}")

    def spend(self, steps: int, node: Node) -> None:
        self.left -= steps
        if self.left < 0:
            raise failed("too_many_steps", node.at, most=self.most)

    # names

    def name(self, node: Name) -> Any:
        for base, row in self.rows.items():
            if node.name == base:
                return _taken_in(row, node.type, node)
            if node.name.startswith(f"{base}."):
                return _taken_in(_walked(row, node.name[len(base) + 1 :], node), node.type, node)
        if not node.type.element:
            return _taken_in(_walked(self.env, node.name, node), node.type, node)
        values = list(_spread(self.env, node.name.split("."), node))
        self.spend(len(values), node)
        return [_taken_in(each, node.type.element, node) for each in values]

    # operators

    def binary(self, node: Binary) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        match node.operator:
            case "=":
                return left == right
            case "!=":
                return left != right
            case "in":
                self.spend(len(right), node)
                return left in right
            case "<" | "<=" | ">" | ">=":
                return left is not None and right is not None and _ORDER[node.operator](left, right)
        if left is None or right is None:
            return None
        try:
            return numbers.calculated(node.operator, left, right)
        except ZeroDivisionError:
            raise failed("division_by_zero", node.at) from None
        except numbers.OutOfRange:
            raise failed("number_too_large", node.at) from None

    # functions

    def call(self, node: Call) -> Any:
        match node.function:
            case "if":
                condition, then, otherwise = node.arguments
                return self.value(then if self.value(condition) is True else otherwise)
            case "coalesce":
                tried = (self.value(each) for each in node.arguments)
                return next((each for each in tried if each is not None), None)
        values = [self.value(each) for each in node.arguments]
        match node.function:
            case "min" | "max":
                return _extreme(node.function, values)
            case "concat":
                return "".join(as_text(each) for each in values)
            case "date":
                return self.date(node, values)
        function = SIMPLE[node.function]
        if None in values:
            return function.unknown
        try:
            return function.work(node.at, *values)
        except numbers.OutOfRange:
            raise failed("number_too_large", node.at) from None

    def date(self, node: Call, values: list[Any]) -> date | None:
        if None in values:
            return None
        if len(values) == 1:
            day, given = read_date(values[0]), values[0]
        else:
            parts = [whole(each, "date", node.at) for each in values]
            day, given = made_date(*parts), "-".join(map(str, parts))
        if day is None:
            raise failed("no_such_date", node.at, given=given)
        return day

    def aggregate(self, node: Aggregate) -> Any:
        rows = self.rows_of(node)
        if node.of is None:
            return Decimal(len(rows))
        values = [value for value in self.each(node, node.of, rows) if value is not None]
        if node.function == "count":
            return Decimal(sum(value is not False for value in values))
        if node.function != "sum":
            return _extreme(node.function, values)
        total = Decimal(0)
        try:
            for value in values:
                total = numbers.calculated("+", total, value)
        except numbers.OutOfRange:
            raise failed("number_too_large", node.at) from None
        return total

    def rows_of(self, node: Aggregate) -> Sequence[Any]:
        rows = _walked(self.env, node.over, node)
        if rows is None:
            return ()
        if not isinstance(rows, (list, tuple)):
            raise failed("wrong_value", node.at, name=node.over, wanted=Type.ROWS.label)
        return rows

    def each(self, node: Aggregate, of: Node, rows: Sequence[Any]) -> Iterator[Any]:
        """Give the value for each row in turn; a walk over the same list further out is put back after."""
        outer = self.rows
        for row in rows:
            self.rows = {**outer, node.over: row}
            yield self.value(of)
        self.rows = outer


def _walked(values: Any, name: str, node: Node) -> Any:
    """Give the value at a dotted name; null anywhere on the way gives null."""
    for key in name.split("."):
        if values is None:
            return None
        if not isinstance(values, Mapping) or key not in values:
            raise failed("no_value", node.at, name=name)
        values = values[key]
    return values


def _spread(values: Any, keys: list[str], node: Name, inside: bool = False) -> Iterator[Any]:
    """Give the values at a dotted name of which one part, or the whole, is a list; null is an empty list."""
    for at, key in enumerate(keys):
        if isinstance(values, (list, tuple)):
            for row in values:
                yield from _spread(row, keys[at:], node, inside=True)
            return
        values = _walked(values, key, node)
    if inside:
        yield values
    elif isinstance(values, (list, tuple)):
        yield from values
    elif values is not None:
        raise failed("wrong_value", node.at, name=node.name, wanted=node.type.label)


def _taken_in(value: Any, kind: Type, node: Name) -> Any:
    """Give a value from outside as the language knows it, or refuse it."""
    if value is None:
        return None
    match kind:
        case Type.NUMBER if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            number = Decimal(value)
            if not number.is_finite():
                raise failed("wrong_value", node.at, name=node.name, wanted=kind.label)
            try:
                return numbers.fitted(number)
            except numbers.OutOfRange:
                raise failed("number_too_large", node.at) from None
        case Type.TEXT if isinstance(value, str):
            return value
        case Type.BOOL if isinstance(value, bool):
            return value
        case Type.DATE if isinstance(value, date) and not isinstance(value, datetime):
            return value
    raise failed("wrong_value", node.at, name=node.name, wanted=kind.label)


def _extreme(function: str, values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return (min if function == "min" else max)(known, default=None)
