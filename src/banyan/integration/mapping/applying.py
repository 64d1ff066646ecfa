"""A payload through a mapping: values, every fault in words, and the trace of each field. Pure; a payload is data.

Nothing (absent, null, empty or blank text) is the default, else a fault where the field is needed, else left out, or
null where the field sends null. An object without any member is left out; a list is left out where its source is.
Limits are those of `Limits`: beyond them the payload is refused as a whole, with one fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from banyan.integration.mapping import paths
from banyan.integration.mapping.converters import (
    LONGEST_TEXT,
    Facts,
    Need,
    Unanswered,
    Use,
    as_text,
    steps_of,
)
from banyan.integration.mapping.definition import (
    ROW_NUMBER,
    Branch,
    Field,
    Formula,
    Leaf,
    Mapping,
    Node,
    Places,
    Rows,
)
from banyan.integration.mapping.faults import REQUIRED, Fault, MappingFailed, Unfit, short
from banyan.integration.mapping.paths import EVERY, MISSING, Parts
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label, plain

#: How a value comes to the type that an expression expects of it.
_TYPED = {kind: steps_of(kind)[0] for kind in ("number", "text", "bool", "date")}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a payload may be, how long it may take, how much is told of it."""

    depth: int = 32
    values: int = 1_000_000
    rows: int = 10_000
    text: int = LONGEST_TEXT
    seconds: float = 20.0
    faults: int = 200
    traces: int = 1_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class TraceLine:
    """How one field came to its value: what was read, what each step made of it, what came out."""

    number: int
    target: str
    source: str
    given: Any
    steps: tuple[tuple[str, Any], ...]
    value: Any
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of a payload. With faults, `value` lacks the fields they name; None where it was refused whole."""

    value: Any
    faults: tuple[Fault, ...] = ()
    trace: tuple[TraceLine, ...] = ()

    @property
    def is_ok(self) -> bool:
        return not self.faults

    def refusal(self) -> MappingFailed:
        """Give the faults as a refusal with fields, for whoever needs the whole or nothing."""
        fields: dict[str, Label | list[Label]] = {}
        for fault in self.faults:
            fields.setdefault(fault.target or "$", fault.text)
        first = self.faults[0]
        return MappingFailed(fields=fields, count=len(self.faults), first=L(
            f"{first.target or '$'}：{first.text.zh}", f"{first.target or '$'}: {first.text.en}"
        ))  # fmt: skip

    def plain(self, numbers: str = "text") -> Any:
        """Give the value as JSON data: instants and dates in ISO, decimals as text or, asked so, numbers."""
        return plainly(self.value, numbers)


def plainly(value: Any, numbers: str = "text") -> Any:
    """Give a value as JSON data; `numbers` is "text" or "number" (text all the same beyond 15 digits)."""
    if isinstance(value, Decimal):
        if numbers == "text":
            return plain(value)
        if value == value.to_integral_value():
            return int(value)
        return float(value) if len(value.normalize().as_tuple().digits) <= 15 else plain(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plainly(one, numbers) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plainly(one, numbers) for one in value]
    return value


def apply(
    mapping: Mapping, body: Any, facts: Facts | None = None, *, traces: bool = False, limits: Limits = LIMITS,
    clock: Callable[[], float] = time.thread_time,
) -> Mapped:  # fmt: skip
    """Give what becomes of a payload.

    Takes:  body: JSON data (dict, list, text, numbers, bool, None); facts: what surrounds it, with lookups answered
            (`queries.facts_for` does both); clock: seconds, only to keep the limit of time: those that this thread
            computes, not those it waits
    Gives:  the value, faults in the order of the table, and with `traces` how each field came about
    """
    run = _Run(Use(facts or Facts()), limits, clock, traces)
    if refused := _too_large(body, limits):
        return Mapped(None, (refused,))
    try:
        value = run.node(mapping.root, _Scope(body), ())
    except _Stopped as stopped:
        return Mapped(None, (stopped.fault, *run.faults[: limits.faults]), tuple(run.trace))
    if value is MISSING:
        value = [] if isinstance(mapping.root, (Rows, Places)) else {}
    return Mapped(value, tuple(run.faults[: limits.faults]), tuple(run.trace))


def needs(mapping: Mapping, bodies: Iterable[Any], facts: Facts | None = None) -> frozenset[Need]:
    """Give what the lookups of a mapping ask for in these payloads and `facts` does not answer yet."""
    found: set[Need] = set()
    for body in bodies:
        run = _Run(Use(facts or Facts(), found), LIMITS, time.thread_time, False)
        if _too_large(body, LIMITS) is None:
            try:
                run.node(mapping.root, _Scope(body), ())
            except _Stopped:
                continue
    return frozenset(found)


class _Stopped(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


@dataclass(slots=True)
class _Scope:
    """Where one stands: the payload, and the row and its place in each list being walked."""

    body: Any
    rows: tuple[Any, ...] = ()
    positions: tuple[int, ...] = ()
    number: int = 0

    def at(self, lists: int) -> Any:
        return self.rows[lists - 1] if lists else self.body


class _Run:
    """One application of a mapping."""

    def __init__(self, use: Use, limits: Limits, clock: Callable[[], float], traces: bool) -> None:
        self.use, self.limits, self.clock, self.traces = use, limits, clock, traces
        self.ends = clock() + limits.seconds
        self.faults: list[Fault] = []
        self.trace: list[TraceLine] = []
        self.made = 0

    # the tree

    def node(self, node: Node, scope: _Scope, target: tuple[int, ...]) -> Any:
        match node:
            case Leaf():
                return self.leaf(node, scope, target)
            case Branch():
                members = {}
                for key, member in node.members:
                    value = self.node(member, scope, target)
                    if value is not MISSING:
                        members[key] = value
                return members or MISSING
            case Places():
                items = [self.node(item, scope, target) for item in node.items]
                while items and items[-1] is MISSING:
                    items.pop()
                return [None if item is MISSING else item for item in items] or MISSING
            case Rows():
                return self.rows(node, scope, target)

    def rows(self, node: Rows, scope: _Scope, target: tuple[int, ...]) -> Any:
        each = node.each
        if each is None and isinstance(node.item, Leaf) and paths.depth(node.walks) == paths.depth(node.outer):
            value = self.leaf(node.item, scope, (*target, 0))
            if value is MISSING or value is None:
                return MISSING
            return list(value) if isinstance(value, (list, tuple)) else [value]
        made: list[Any] = []
        walked = list(self.walked(node, scope))
        is_there = bool(walked) or self.is_there(node, scope)
        for inner in walked:
            place = (*target, len(made))
            if each is not None and each.when is not None and not self.holds(each, each.when, inner, place):
                continue
            if len(made) >= self.limits.rows:
                raise _Stopped(_whole("too_many_rows", L(
                    f"列表超过 {self.limits.rows} 行", f"a list has more than {self.limits.rows} rows"
                ), L("请分批发送", "Send it in parts")))  # fmt: skip
            inner.number = len(made) + 1
            value = self.node(node.item, inner, place)
            if value is not MISSING:
                made.append(value)
        if not made and each is not None and each.is_required:
            self.fault(each, (*target,), scope, None, *REQUIRED)
        return made if made or is_there else MISSING

    def is_there(self, node: Rows, scope: _Scope) -> bool:
        """Say whether the list walked exists in the payload, though empty."""
        lists = paths.depth(node.outer)
        rest = node.walks[len(node.outer) :]
        if not rest:
            return False
        value = paths.read(scope.at(lists), rest[: rest.index(EVERY)])
        return isinstance(value, (list, tuple))

    def walked(self, node: Rows, scope: _Scope) -> Iterator[_Scope]:
        """Give the scope of each row, lists inside lists flattened."""
        lists = paths.depth(node.outer)
        rest = node.walks[len(node.outer) :]
        if not rest:
            yield _Scope(scope.body, scope.rows, scope.positions)
            return
        yield from self.spread(_Scope(scope.body, scope.rows[:lists], scope.positions[:lists]), scope.at(lists), rest)

    def spread(self, scope: _Scope, value: Any, rest: Parts) -> Iterator[_Scope]:
        at = rest.index(EVERY)
        rows = paths.rows(paths.read(value, rest[:at])) or ()
        below = rest[at + 1 :]
        for place, row in enumerate(rows):
            inner = _Scope(scope.body, (*scope.rows, row), (*scope.positions, place))
            if EVERY in below:
                yield from self.spread(inner, row, below)
            else:
                yield inner

    # a field

    def leaf(self, node: Leaf, scope: _Scope, target: tuple[int, ...]) -> Any:
        for field in node.fields:
            if field.when is None or self.holds(field, field.when, scope, target):
                return self.field(field, scope, target)
        return MISSING

    def tick(self) -> None:
        """Count a piece of work, and stop where all of it takes too long."""
        self.made += 1
        if self.made % 64 == 0 and self.clock() > self.ends:
            raise _Stopped(_whole("too_slow", L(
                f"映射超过 {self.limits.seconds:g} 秒", f"mapping took more than {self.limits.seconds:g} seconds"
            ), L("请分批发送，或简化表达式", "Send it in parts, or make the expressions simpler")))  # fmt: skip

    def holds(self, field: Field, when: Formula, scope: _Scope, target: tuple[int, ...]) -> bool:
        self.tick()
        try:
            return self.evaluated(when, scope) is True
        except Unfit as unfit:
            self.fault(field, target, scope, None, unfit.code, unfit.text, unfit.way_out)
            return False

    def field(self, field: Field, scope: _Scope, target: tuple[int, ...]) -> Any:
        self.tick()
        given: Any = None
        passed: list[tuple[str, Any]] = []
        try:
            given = value = self.given(field, scope)
            for step in field.steps:
                if value is not None or step.takes_nothing:
                    value = _something(step.work(value, self.use))
                if self.traces:
                    passed.append((step.text, value))
            if value is None:
                value = self.default(field, scope)
            if value is None and field.is_required:
                raise Unfit(*REQUIRED)
        except Unanswered:
            return MISSING
        except Unfit as unfit:
            self.fault(field, target, scope, given, unfit.code, unfit.text, unfit.way_out)
            self.note(field, target, scope, given, passed, None, unfit.code)
            return MISSING
        self.note(field, target, scope, given, passed, value)
        return value if value is not None else None if field.sends_null else MISSING

    def given(self, field: Field, scope: _Scope) -> Any:
        if field.formula is not None:
            return _something(self.evaluated(field.formula, scope))
        if field.source is None:
            return None
        below = scope.at(field.lists)
        if EVERY in field.rest:
            return tuple(self.clean(one) for one in paths.gathered(below, field.rest)) or None
        value = _something(self.clean(paths.read(below, field.rest)))
        if isinstance(value, (dict, list, tuple)) and field.steps and not field.steps[0].takes_list:
            as_text(value)
        return value

    def clean(self, value: Any) -> Any:
        """Give a value that may be stored and shown: text without NUL or half characters, not too long."""
        if isinstance(value, str):
            if len(value) > self.limits.text:
                raise Unfit(
                    "too_large",
                    L(f"文本超过 {self.limits.text} 个字符", f"the text has more than {self.limits.text} characters"),
                    L("缩短来源文本，或改传附件", "Shorten the text at the source, or send a file"),
                )
            if "\x00" in value or (not value.isascii() and _is_broken(value)):
                raise Unfit("broken_text", L("文本含有无效字符", "the text holds invalid characters"),
                            L("请对方按 UTF-8 重新发送", "Have it sent again in UTF-8"))  # fmt: skip
        return value

    def default(self, field: Field, scope: _Scope) -> Any:
        if field.default_formula is not None:
            return _something(self.evaluated(field.default_formula, scope))
        return field.default

    # expressions

    def evaluated(self, formula: Formula, scope: _Scope) -> Any:
        """Give the value of an expression for one row. Raises: Unfit."""
        env: dict[str, Any] = {}
        for reading in formula.readings:
            _put(env, reading.name.split("."), self.read(reading, scope))
        try:
            return formula.expression.evaluate(env)
        except DomainError as refusal:
            raise Unfit(
                "expression",
                refusal.label,
                L("修改表达式，或用 coalesce 处理空值", "Change the expression, or catch nothing with coalesce"),
            ) from None

    def read(self, reading: Any, scope: _Scope) -> Any:
        facts = self.use.facts
        if reading.name == "today":
            return facts.today
        if reading.name == "system":
            return facts.system
        if reading.name == ROW_NUMBER:
            return Decimal(scope.number)
        if reading.name.startswith("settings."):
            return facts.settings.get(reading.name.removeprefix("settings."))
        below = scope.at(reading.lists)
        if reading.type.startswith("list<"):
            kind = reading.type[5:-1]
            return [self.typed(reading.name, one, kind) for one in paths.rows(paths.read(below, reading.rest)) or ()]
        if reading.type != "list":
            return self.typed(reading.name, paths.read(below, reading.rest), reading.type)
        rows = []
        for row in paths.rows(paths.read(below, reading.rest)) or ():
            made: dict[str, Any] = {}
            for member, kind in reading.members:
                _put(
                    made, list(member), self.typed(f"{reading.name}.{'.'.join(member)}", paths.read(row, member), kind)
                )
            rows.append(made)
        return rows

    def typed(self, name: str, value: Any, kind: str) -> Any:
        value = _something(self.clean(value))
        if value is None:
            return None
        try:
            return _TYPED[kind].work(value, self.use)
        except Unfit as unfit:
            raise Unfit("wrong_type", L(f"“{{name}}”：{unfit.text.zh}", f"“{{name}}”: {unfit.text.en}"),
                        unfit.way_out, name=name) from None  # fmt: skip

    # what is told

    def fault(
        self, field: Field, target: tuple[int, ...], scope: _Scope, given: Any, code: str, text: Label, way_out: Label
    ) -> None:
        if len(self.faults) >= self.limits.faults:
            return
        self.faults.append(Fault(
            paths.written(field.target, target), self.source(field, scope), short(given), code, text, way_out
        ))  # fmt: skip

    def note(
        self,
        field: Field,
        target: tuple[int, ...],
        scope: _Scope,
        given: Any,
        passed: list[tuple[str, Any]],
        value: Any,
        fault: str = "",
    ) -> None:
        if self.traces and len(self.trace) < self.limits.traces:
            self.trace.append(TraceLine(field.number, paths.written(field.target, target), self.source(field, scope),
                                        given, tuple(passed), value, fault))  # fmt: skip

    @staticmethod
    def source(field: Field, scope: _Scope) -> str:
        if field.source is not None:
            return paths.written(field.source, scope.positions[: field.lists])
        return f"= {field.formula.expression.text}" if field.formula else ""


def _something(value: Any) -> Any:
    """Give the value, None for what counts as nothing."""
    if value is MISSING or (isinstance(value, str) and not value.strip()):
        return None
    return value


def _is_broken(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _put(env: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = env.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        env = inner
    env[keys[-1]] = value


def _whole(code: str, text: Label, way_out: Label) -> Fault:
    return Fault("", "$", "", code, text, way_out)


def _too_large(body: Any, limits: Limits) -> Fault | None:
    """Say what about a payload is beyond the limits, walking it without recursion."""
    seen = 0
    level = [body]
    for _ in range(limits.depth + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, Map):
                below.extend(value.values())
            elif isinstance(value, (list, tuple)):
                below.extend(value)
        seen += len(level)
        if seen > limits.values:
            return _whole("too_large", L(f"数据超过 {limits.values} 个值", f"more than {limits.values} values"),
                          L("请分批发送", "Send it in parts"))  # fmt: skip
        if not below:
            return None
        level = below
    return _whole("too_deep", L(f"嵌套超过 {limits.depth} 层", f"nested more than {limits.depth} deep"),
                  L("请对方发送更扁平的结构", "Have it sent in a flatter form"))  # fmt: skip
