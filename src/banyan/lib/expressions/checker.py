"""Names and types: each part of a tree gets its type, or the text is refused with place and reason."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from banyan.lib.expressions.faults import fault
from banyan.lib.expressions.functions import AGGREGATES, SIMPLE, read_date
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
    parts_of,
)
from banyan.lib.labels import L, Label

Typed = tuple[Node, Type]
_ORDERED = (Type.NUMBER, Type.DATE, Type.NULL)
_NUMBERS_OR_DATES = L("数字或日期", "numbers or dates")
_TO_ONE_VALUE = L("用 sum、min、max 或 count 得出单个值", "Make it one value with sum, min, max or count")
_SPECIAL = {"if", "coalesce", "concat", "date", *AGGREGATES}


def checked(root: Node, types: Mapping[str, Type]) -> tuple[Node, Type, frozenset[str]]:
    """Give the tree with its types filled in, the type of the whole, and the names it reads.

    Raises: ExpressionFault
    """
    checker = _Checker(types)
    node, kind = checker.typed(root, frozenset())
    return node, kind, frozenset(checker.names)


class _Checker:
    """`rows` are the lists whose rows are being walked at a place: there, their members are single values."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = types
        self.lists = sorted(name for name, kind in types.items() if kind.is_list)
        self.names: set[str] = set()

    def typed(self, node: Node, rows: frozenset[str]) -> Typed:
        match node:
            case Literal():
                return node, node.type
            case Name():
                return self.name(node, rows)
            case Listed():
                return self.listed(node, rows)
            case Unary():
                wanted = Type.NUMBER if node.operator == "-" else Type.BOOL
                return replace(node, operand=self.wanted(node.operand, wanted, rows, node.operator)), wanted
            case Binary():
                return self.binary(node, rows)
            case Logic():
                operands = (self.wanted(each, Type.BOOL, rows, node.operator) for each in node.operands)
                return replace(node, operands=tuple(operands)), Type.BOOL
            case Call():
                return self.call(node, rows)
        raise TypeError(f"the parser makes no {type(node).__name__}")

    # names

    def name(self, node: Name, rows: frozenset[str]) -> Typed:
        kind = self.types.get(node.name)
        if kind is None:
            raise fault("unknown_name", node.at, _nearest(node.name, self.types), name=node.name)
        self.names.add(node.name)
        base = self.base(node)
        if base and base != node.name:
            kind = kind if base in rows else kind.many
        elif base in rows and kind.element:
            kind = kind.element
        return replace(node, type=kind), kind

    def base(self, node: Name) -> str | None:
        """Give the list that the name is or belongs to; None for a single value."""
        above = [name for name in self.lists if node.name == name or node.name.startswith(f"{name}.")]
        if len(above) > 1:
            raise fault("list_in_list", node.at, name=node.name)
        return above[0] if above else None

    # operators

    def wanted(self, node: Node, kind: Type, rows: frozenset[str], where: str) -> Node:
        """Give the checked node, which must be of the kind (or nothing, which fits everywhere)."""
        made, found = self.typed(node, rows)
        if found not in (kind, Type.NULL):
            hint = _TO_ONE_VALUE if found.is_list else None
            raise fault("wrong_type", node.at, hint, where=where, wanted=kind.label, found=found.label)
        return made

    def listed(self, node: Listed, rows: frozenset[str]) -> Typed:
        items = [self.typed(item, rows) for item in node.items]
        kind = self.common(items)
        if kind is Type.NULL:
            raise fault("empty_list", node.at)
        return replace(node, items=tuple(item for item, _ in items)), kind.many

    def binary(self, node: Binary, rows: frozenset[str]) -> Typed:
        if node.operator in "+-*/%":
            left = self.wanted(node.left, Type.NUMBER, rows, node.operator)
            right = self.wanted(node.right, Type.NUMBER, rows, node.operator)
            return replace(node, left=left, right=right), Type.NUMBER
        if node.operator == "in":
            return self.inside(node, rows)
        sides = [self.typed(node.left, rows), self.typed(node.right, rows)]
        kind = self.common(sides)
        if node.operator not in ("=", "!="):
            self.ordered(node, kind, node.operator)
        return replace(node, left=sides[0][0], right=sides[1][0]), Type.BOOL

    def inside(self, node: Binary, rows: frozenset[str]) -> Typed:
        many, kind = self.typed(node.right, rows)
        if not kind.element:
            raise fault("needs_list", node.right.at, function="in")
        return replace(node, left=self.wanted(node.left, kind.element, rows, "in"), right=many), Type.BOOL

    def common(self, parts: Iterable[Typed]) -> Type:
        """Give the one type of single values that all parts have; nothing fits every type."""
        kind = Type.NULL
        for node, found in parts:
            if found.is_list:
                raise fault("one_value", node.at, _TO_ONE_VALUE, found=found.label)
            if Type.NULL not in (kind, found) and kind is not found:
                raise fault("different_types", node.at, one=kind.label, other=found.label)
            kind = found if kind is Type.NULL else kind
        return kind

    # functions

    def call(self, node: Call, rows: frozenset[str]) -> Typed:
        if node.function in AGGREGATES and (len(node.arguments) == 1 or node.function in ("sum", "count")):
            return self.aggregate(node, rows)
        match node.function:
            case "if":
                self.counted(node, 3, 3)
                condition = self.wanted(node.arguments[0], Type.BOOL, rows, "if")
                return self.alternatives(node, node.arguments[1:], rows, (condition,))
            case "coalesce":
                self.counted(node, 1, None)
                return self.alternatives(node, node.arguments, rows)
            case "min" | "max":
                return self.extreme(node, rows)
            case "concat":
                arguments = [self.typed(each, rows) for each in node.arguments]
                for each in arguments:
                    self.common([each])
                return replace(node, arguments=tuple(made for made, _ in arguments)), Type.TEXT
            case "date":
                return self.date(node, rows)
        if node.function not in SIMPLE:
            hint = _nearest(node.function, [*SIMPLE, *_SPECIAL])
            raise fault("unknown_function", node.at, hint, name=node.function)
        return self.simple(node, rows)

    def counted(self, node: Call, least: int, most: int | None) -> None:
        found = len(node.arguments)
        if found < least or (most is not None and found > most):
            wanted = str(least) if least == most else f"{least}–{most}" if most else f"{least}+"
            raise fault("argument_count", node.at, function=node.function, wanted=wanted, found=found)

    def alternatives(
        self, node: Call, choices: tuple[Node, ...], rows: frozenset[str], before: tuple[Node, ...] = ()
    ) -> Typed:
        made = [self.typed(each, rows) for each in choices]
        kind = self.common(made)
        return replace(node, arguments=(*before, *(each for each, _ in made))), kind

    def extreme(self, node: Call, rows: frozenset[str]) -> Typed:
        self.counted(node, 1, None)
        made, kind = self.alternatives(node, node.arguments, rows)
        self.ordered(node, kind, node.function)
        return made, kind

    def ordered(self, node: Node, kind: Type, where: str) -> None:
        if kind not in _ORDERED:
            raise fault("wrong_type", node.at, where=where, wanted=_NUMBERS_OR_DATES, found=kind.label)

    def date(self, node: Call, rows: frozenset[str]) -> Typed:
        if len(node.arguments) != 1:
            self.counted(node, 3, 3)
            arguments = (self.wanted(each, Type.NUMBER, rows, "date") for each in node.arguments)
            return replace(node, arguments=tuple(arguments)), Type.DATE
        text = self.wanted(node.arguments[0], Type.TEXT, rows, "date")
        if not isinstance(text, Literal) or text.value is None:
            return replace(node, arguments=(text,)), Type.DATE
        day = read_date(str(text.value))
        if day is None:
            raise fault("no_such_date", text.at, given=text.value)
        return Literal(node.at, Type.DATE, day), Type.DATE

    def simple(self, node: Call, rows: frozenset[str]) -> Typed:
        function = SIMPLE[node.function]
        self.counted(node, function.least, len(function.takes))
        pairs = zip(node.arguments, function.takes, strict=False)
        arguments = tuple(self.wanted(each, kind, rows, node.function) for each, kind in pairs)
        return replace(node, arguments=arguments), function.gives

    def aggregate(self, node: Call, rows: frozenset[str]) -> Typed:
        """Type a function over a list: inside it, the members of the list are those of one row."""
        self.counted(node, 1, 1)
        argument = node.arguments[0]
        over = self.over(node, argument, rows)
        if node.function == "count" and isinstance(argument, Name) and argument.name == over:
            self.names.add(over)
            return Aggregate(node.at, "count", over, None), Type.NUMBER
        of, kind = self.typed(argument, rows | {over})
        self.common([(of, kind)])
        if node.function == "sum" and kind not in (Type.NUMBER, Type.NULL):
            raise fault("wrong_type", argument.at, where="sum", wanted=Type.NUMBER.label, found=kind.label)
        if node.function in ("min", "max"):
            self.ordered(node, kind, node.function)
        result = Type.NUMBER if node.function in ("sum", "count") else kind
        return Aggregate(node.at, node.function, over, of), result

    def over(self, node: Call, argument: Node, rows: frozenset[str]) -> str:
        """Give the list an aggregate walks: the one its argument speaks of and no outer one walks already."""
        bases = {base for name in _names_in(argument) if (base := self.base(name))}
        candidates = bases - rows or bases
        if not candidates:
            raise fault("needs_list", argument.at, function=node.function)
        if len(candidates) > 1:
            raise fault("two_lists", argument.at, function=node.function)
        return candidates.pop()


def _names_in(node: Node) -> Iterator[Name]:
    """Give the names in a tree, leaving out those inside an aggregate of their own."""
    if isinstance(node, Name):
        yield node
    elif not (isinstance(node, Call) and node.function in AGGREGATES and len(node.arguments) == 1):
        for part in parts_of(node):
            yield from _names_in(part)


def _nearest(word: str, known: Collection[str]) -> Label | None:
    """Give a question with the nearest known word, for a slip of the finger."""
    close = get_close_matches(word, known, n=1)
    return L("是否要用“{close}”？", "Did you mean “{close}”?").filled({"close": close[0]}) if close else None
