"""From a definition (plain JSON, frozen into a flow's version) to a checked `Mapping`; no database, no clock.

    {"format": 1,
     "fields": [{"target": "lines[].item", "source": "order.rows[].sku", "converter": "trim | record(items.item)",
                 "default": "", "required": true, "when": "order.rows.qty > 0"}],
     "types": {"order.rows": "list", "order.rows.qty": "number"},
     "value_maps": {"states": {"lines": [["paid", "confirmed"]], "unknown": "refuse", "default": ""}}}

A field takes its value from `source` (a path), or from `expression` (the product's one expression language), or from
`default` alone; puts it through `converter`; and writes it at `target`. `types` name what expressions and conditions
may read; a value is brought to its type or refused. Inside a list's row the members of that list are single values,
`row_number` counts from one, and `today`, `system` and `settings.NAME` are known everywhere.

A target list walks the source list that its fields name; a shorter path is the parent's value, repeated. Source
lists inside lists are flattened where the target has fewer. A field whose target ends in `[]` says which list to
walk, and its `when` which rows; alone, it makes a list of plain values.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from banyan.integration.mapping import paths
from banyan.integration.mapping.converters import Step, ValueMap, steps_of
from banyan.integration.mapping.faults import DefinitionFault, Unfit
from banyan.integration.mapping.paths import EVERY, Part, Parts
from banyan.lib import expressions
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label

FORMAT = 1
MOST_FIELDS = 500
MOST_TYPES = 2_000
MOST_VALUE_MAPS = 100
MOST_PAIRS = 20_000
LONGEST_DEFAULT = 2_000
KEYS = frozenset({"target", "source", "expression", "converter", "default", "required", "when", "sends_null",
                  "sample", "note"})  # fmt: skip
ALWAYS = {"today": "date", "system": "text"}
ROW_NUMBER = "row_number"
_TYPES = frozenset({"number", "text", "bool", "date", "list", "list<text>", "list<number>", "list<bool>"})


@dataclass(frozen=True, slots=True)
class Reading:
    """Where one named value of an expression comes from.

    Takes:  lists: how many of the lists walked are above it; rest: the path below the innermost of them;
            members: for rows, what is read of each
    """

    name: str
    type: str
    lists: int
    rest: Parts
    members: tuple[tuple[Parts, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression with all it reads."""

    expression: expressions.Expression
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the table, checked. `lists` of its source's lists are walked by its target; `rest` is below them."""

    number: int
    target: Parts
    source: Parts | None
    lists: int
    rest: Parts
    formula: Formula | None
    steps: tuple[Step, ...]
    default: Any
    default_formula: Formula | None
    is_required: bool
    when: Formula | None
    sends_null: bool

    @property
    def gives(self) -> str:
        """Give the kind of value it comes to, "any" where that is the payload's affair."""
        if self.steps:
            return self.steps[-1].gives
        return self.formula.expression.type.value if self.formula else "any"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Fields with one target; the first whose `when` holds gives the value."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """An object of the result."""

    members: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Places:
    """A list of the result with fixed places."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of the result, one element per row of what it walks.

    Takes:  walks: the whole path of lists; outer: how much of it the lists above walk already; each: the field that
            names the list, where one does
    """

    walks: Parts
    outer: Parts
    item: Node
    each: Field | None


Node = Leaf | Branch | Places | Rows


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping; `applying.apply(mapping, body, facts)` does what it says."""

    fields: tuple[Field, ...]
    root: Node
    value_maps: tuple[str, ...]


def compile_mapping(definition: Map[str, Any]) -> Mapping:
    """Give the checked mapping of a definition.

    Takes:  the JSON of the module's docstring; unknown keys are refused
    Raises: DefinitionFault with every fault by `fields.N.column`, N counted from 0
    """
    return _Compiler(definition).mapping()


def value_maps_of(given: Any) -> dict[str, ValueMap]:
    """Give the value maps of a definition. Raises: Unfit."""
    made: dict[str, ValueMap] = {}
    for code, one in (given or {}).items():
        rows = one.get("lines", ()) if isinstance(one, Map) else None
        if rows is None or any(not isinstance(r, (list, tuple)) or len(r) != 2 for r in rows) or \
                one.get("unknown", "refuse") not in ("refuse", "pass", "default"):  # fmt: skip
            raise Unfit("value_map", L("对照值“{code}”格式不对", "The value map “{code}” is malformed"),
                        L("每行一对：外部值、我方值", "Give pairs: their value, ours"), code=code)  # fmt: skip
        if len(rows) > MOST_PAIRS or len(made) >= MOST_VALUE_MAPS:
            raise Unfit("value_map", L("对照值“{code}”太大", "The value map “{code}” is too large"),
                        L(f"最多 {MOST_PAIRS} 行；更多时用主键对照", f"At most {MOST_PAIRS} lines; else key links"),
                        code=code)  # fmt: skip
        pairs = tuple((str(outside), str(ours)) for outside, ours in rows)
        made[code] = ValueMap(code, pairs, one.get("unknown", "refuse"), str(one.get("default", "")))
    return made


class _Compiler:
    """Checks line by line, gathers every fault, then builds the tree of the result."""

    def __init__(self, definition: Map[str, Any]) -> None:
        self.definition = definition
        self.faults: dict[str, Label | list[Label]] = {}
        self.types: dict[str, str] = {}
        self.value_maps: dict[str, ValueMap] = {}

    def mapping(self) -> Mapping:
        lines = self.lines()
        drafts = [draft for number, line in enumerate(lines) if (draft := self.draft(number, line))]
        self.refuse()
        root = _Grown(drafts, self).tree()
        self.refuse()
        used = {step.value_map for draft in drafts for step in draft.steps if step.value_map}
        return Mapping(tuple(_fields(root)), root, tuple(sorted(used)))

    def refuse(self) -> None:
        if self.faults:
            first = next(iter(self.faults.values()))
            raise DefinitionFault(fields=self.faults, count=len(self.faults),
                                  first=first[0] if isinstance(first, list) else first)  # fmt: skip

    def fault(self, place: str, words: Label) -> None:
        self.faults.setdefault(place, words)

    def lines(self) -> list[Map[str, Any]]:
        given = self.definition
        if not isinstance(given, Map) or not isinstance(given.get("fields"), (list, tuple)):
            self.fault("fields", L("定义须是带 fields 列表的对象", "A definition is an object with a list “fields”"))
            self.refuse()
        if given.get("format", FORMAT) != FORMAT:
            self.fault("format", L("不认识的格式版本", "This version of the format is not known"))
        unknown = set(given) - {"format", "fields", "types", "value_maps", "code", "name"}
        for name in sorted(unknown):
            self.fault(str(name), L("不认识的属性", "This property is not known"))
        lines = list(given["fields"])
        if not 1 <= len(lines) <= MOST_FIELDS:
            self.fault("fields", L(f"须有 1 到 {MOST_FIELDS} 个字段", f"There must be 1 to {MOST_FIELDS} fields"))
        types = given.get("types") or {}
        if not isinstance(types, Map) or len(types) > MOST_TYPES:
            self.fault(
                "types", L(f"types 须是最多 {MOST_TYPES} 项的对象", f"types is an object of at most {MOST_TYPES}")
            )
        else:
            for name, kind in types.items():
                if kind not in _TYPES:
                    self.fault(f"types.{name}", L("类型只能是 number、text、bool、date、list",
                                                  "A type is number, text, bool, date, list"))  # fmt: skip
                else:
                    self.types[str(name)] = kind
        try:
            self.value_maps = value_maps_of(given.get("value_maps"))
        except (Unfit, AttributeError, TypeError) as unfit:
            self.fault("value_maps", unfit.text if isinstance(unfit, Unfit)
                       else L("对照值格式不对", "The value maps are malformed"))  # fmt: skip
        self.refuse()
        return lines

    def draft(self, number: int, line: Any) -> _Draft | None:
        place = f"fields.{number}"
        if not isinstance(line, Map) or set(line) - KEYS:
            extra = ", ".join(sorted(map(str, set(line) - KEYS))) if isinstance(line, Map) else "?"
            self.fault(place, L("不认识的列：{extra}", "Columns not known: {extra}").filled({"extra": extra}))
            return None
        before = len(self.faults)
        target = self.path(f"{place}.target", line.get("target"))
        if target is not None and (not target or any(isinstance(p, int) and p < 0 for p in target)):
            self.fault(f"{place}.target", L("目标须指到一个成员", "The target must name a member"))
        text, formula = line.get("source"), line.get("expression")
        if text and formula:
            self.fault(f"{place}.expression", L("来源与表达式只能填一个", "Give a source or an expression, not both"))
        source = self.path(f"{place}.source", text) if text else None
        steps: tuple[Step, ...] = ()
        if line.get("converter"):
            try:
                steps = steps_of(str(line["converter"]), self.value_maps)
            except Unfit as unfit:
                self.fault(f"{place}.converter", unfit.text)
        default = line.get("default")
        if isinstance(default, (Map, list)) or len(str(default)) > LONGEST_DEFAULT:
            self.fault(f"{place}.default", L("默认值须是单个值", "A default is one value"))
        is_each = bool(target) and target[-1] is EVERY and not steps and default in (None, "")
        if source is None and not formula and default in (None, "") and \
                not any(step.takes_nothing for step in steps) and not is_each:  # fmt: skip
            self.fault(f"{place}.source", L("来源、表达式、默认值至少填一个",
                                            "Give a source, an expression or a default"))  # fmt: skip
        if len(self.faults) > before or target is None:
            return None
        return _Draft(number, target, source, str(formula or ""), steps, default, bool(line.get("required")),
                      str(line.get("when") or ""), bool(line.get("sends_null")))  # fmt: skip

    def path(self, place: str, text: Any) -> Parts | None:
        try:
            return paths.parse(str(text or ""))
        except Unfit as unfit:
            self.fault(place, unfit.text)
            return None

    def formula(self, place: str, text: str, walked: Parts, expects: str | None = None) -> Formula | None:
        """Give a checked expression as it reads inside the rows of `walked`."""
        if not text:
            return None
        lists = _lists_of(walked)
        types = {**ALWAYS, **self.types, ROW_NUMBER: "number"} if walked else {**ALWAYS, **self.types}
        settings = {name: "text" for name in _setting_names(text) if name not in types}
        types = {name: kind for name, kind in (types | settings).items() if name not in lists}
        try:
            expression = expressions.compile(text, types, expects)
        except DomainError as refusal:
            words = refusal.label
            if refusal.code == "expression.unknown_name":
                words = L(f"{words.zh}（先固定一个含该字段的样例）", f"{words.en} (pin a sample that holds it)")
            self.fault(place, words)
            return None
        return Formula(expression, tuple(self.readings(expression, types, lists)))

    def readings(self, expression: expressions.Expression, types: Map[str, str], lists: list[str]) -> Iterator[Reading]:
        rows: dict[str, list[str]] = {}
        bases = sorted((n for n, kind in types.items() if kind == "list"), key=len)
        for name in sorted(expression.names):
            base = next((b for b in bases if name == b or name.startswith(f"{b}.")), None)
            if base is not None:
                rows.setdefault(base, [])
                if name != base:
                    rows[base].append(name)
                continue
            above, rest = _placed(name, lists)
            yield Reading(name, types[name], above, rest)
        for base, names in rows.items():
            above, rest = _placed(base, lists)
            members = tuple((tuple(n[len(base) + 1 :].split(".")), types[n]) for n in names)
            yield Reading(base, "list", above, rest, members)

    def field(self, draft: _Draft, walked: Parts) -> Field:
        """Give the finished field as it stands inside the rows of `walked`."""
        place = f"fields.{draft.number}"
        lists, rest = 0, draft.source or ()
        if draft.source is not None:
            path = paths.list_path(draft.source)
            lists = min(paths.depth(path), paths.depth(walked))
            inside = paths.cut(draft.source, lists)
            takes_list = bool(draft.steps) and draft.steps[0].takes_list
            if inside != paths.cut(walked, lists):
                self.fault(f"{place}.source", _other_list(draft.source, walked))
            elif paths.depth(path) > lists and not takes_list:
                self.fault(f"{place}.source", L(
                    "来源“{source}”有多个值，目标只要一个：用 join、first、固定位置，或表达式 sum",
                    "“{source}” gives many values, the target takes one: use join, first, a fixed position, sum",
                ).filled({"source": paths.written(draft.source)}))  # fmt: skip
            rest = draft.source[len(inside) :]
        default, computed = draft.default, None
        if isinstance(default, str) and default.startswith("="):
            computed = self.formula(f"{place}.default", default[1:], walked)
            default = None
        elif default == "":
            default = None
        formula = self.formula(f"{place}.expression", draft.formula, walked)
        made = Field(
            draft.number, draft.target, draft.source, lists, rest, formula, draft.steps, None, computed,
            draft.is_required, self.formula(f"{place}.when", draft.when, walked, "bool"), draft.sends_null,
        )  # fmt: skip
        if formula and formula.expression.type.is_list and not (draft.steps and draft.steps[0].takes_list) \
                and draft.target[-1] is not EVERY:  # fmt: skip
            self.fault(f"{place}.expression", L("表达式给出列表，目标只要一个值",
                                                "The expression gives a list, the target takes one value"))  # fmt: skip
        try:
            return _with(made, default=_as_given(default, made.gives))
        except Unfit as unfit:
            self.fault(f"{place}.default", unfit.text)
            return made


@dataclass(frozen=True, slots=True)
class _Draft:
    """A line read but not yet placed."""

    number: int
    target: Parts
    source: Parts | None
    formula: str
    steps: tuple[Step, ...]
    default: Any
    is_required: bool
    when: str
    sends_null: bool

    @property
    def walks(self) -> Parts:
        """Give the lists its source goes through, none where a step takes them together."""
        if self.source is None or (self.steps and self.steps[0].takes_list):
            return ()
        return paths.list_path(self.source)


class _Grown:
    """Grows the tree of the result from the targets."""

    def __init__(self, drafts: list[_Draft], compiler: _Compiler) -> None:
        self.drafts, self.compiler = drafts, compiler

    def tree(self) -> Node:
        return self.node(self.drafts, 0, ())

    def fault(self, draft: _Draft, column: str, words: Label) -> None:
        self.compiler.fault(f"fields.{draft.number}.{column}", words)

    def node(self, drafts: list[_Draft], at: int, walked: Parts) -> Node:
        """Give the node for drafts that share their target up to `at`."""
        ends = [d for d in drafts if len(d.target) == at]
        below = [d for d in drafts if len(d.target) > at]
        if ends and below:
            self.fault(
                below[0],
                "target",
                L("目标“{target}”既是单个值又有成员", "“{target}” is one value and has members").filled(
                    {"target": paths.written(ends[0].target)}
                ),
            )
            return Leaf(())
        if ends:
            return self.leaf(ends, walked)
        kinds = {
            "list" if d.target[at] is EVERY else "place" if isinstance(d.target[at], int) else "member" for d in below
        }
        if len(kinds) > 1:
            self.fault(below[0], "target", L("同一目标不能既是列表又是对象",
                                             "One target cannot be a list and an object"))  # fmt: skip
            return Leaf(())
        if kinds == {"list"}:
            return self.rows(below, at, walked)
        groups: dict[Part, list[_Draft]] = {}
        for draft in below:
            groups.setdefault(draft.target[at], []).append(draft)
        if kinds == {"member"}:
            return Branch(tuple((str(key), self.node(group, at + 1, walked)) for key, group in groups.items()))
        if sorted(groups) != list(range(len(groups))):  # type: ignore[type-var]
            self.fault(below[0], "target", L("固定位置须从 [0] 起连续", "Fixed positions run from [0] without a gap"))
            return Leaf(())
        return Places(tuple(self.node(groups[place], at + 1, walked) for place in range(len(groups))))

    def leaf(self, ends: list[_Draft], walked: Parts) -> Leaf:
        for draft in ends[:-1]:
            if not draft.when:
                self.fault(ends[-1], "target", L("目标“{target}”写了两次：前面的须有条件",
                                                 "“{target}” is written twice: the first needs a condition").filled(
                    {"target": paths.written(draft.target)}))  # fmt: skip
        return Leaf(tuple(self.compiler.field(draft, walked) for draft in ends))

    def rows(self, drafts: list[_Draft], at: int, outer: Parts) -> Node:
        each = [d for d in drafts if len(d.target) == at + 1]
        inner = [d for d in drafts if len(d.target) > at + 1]
        walks = self.walks(drafts, at, outer)
        if not inner:
            return Rows(walks, outer, self.leaf(each, walks), None)
        if len(each) > 1 or (each and (each[0].steps or each[0].formula)):
            self.fault(each[-1], "target", L("列表行只能有一个来源，不能有转换或表达式",
                                             "The line of a list takes only a source"))  # fmt: skip
        item = self.node(inner, at + 1, walks)
        return Rows(walks, outer, item, self.compiler.field(each[0], walks) if each else None)

    def walks(self, drafts: list[_Draft], at: int, outer: Parts) -> Parts:
        """Give the source lists that a target list walks: the longest of its own fields, else its inner lists'."""
        own = [d.walks for d in drafts if EVERY not in d.target[at + 1 :]]
        longest = max(own, key=paths.depth, default=())
        if paths.depth(longest) > paths.depth(outer):
            return longest
        for draft in drafts:
            deeper = paths.depth(draft.target[at + 1 :])
            spare = paths.depth(draft.walks) - deeper
            if deeper and spare > paths.depth(outer):
                return paths.cut(draft.walks, spare)
        return outer


def _fields(node: Node) -> Iterator[Field]:
    match node:
        case Leaf():
            yield from node.fields
        case Branch():
            for _, member in node.members:
                yield from _fields(member)
        case Places():
            for item in node.items:
                yield from _fields(item)
        case Rows():
            if node.each:
                yield node.each
            yield from _fields(node.item)


def _with(field: Field, default: Any) -> Field:
    return Field(
        field.number, field.target, field.source, field.lists, field.rest, field.formula, field.steps, default,
        field.default_formula, field.is_required, field.when, field.sends_null,
    )  # fmt: skip


def _as_given(default: Any, gives: str) -> Any:
    """Give a default as a value of the kind the field comes to. Raises: Unfit."""
    if default is None or not isinstance(default, str):
        return Decimal(str(default)) if isinstance(default, (int, float)) and not isinstance(default, bool) else default
    kinds = {"number": "number", "bool": "bool", "date": "date", "instant": "instant"}
    if gives not in kinds:
        return default
    from banyan.integration.mapping.converters import Facts, Use

    return steps_of(kinds[gives])[0].work(default, Use(Facts(zone="UTC")))


def _other_list(source: Parts, walked: Parts) -> Label:
    return L("来源“{source}”属于另一个列表；此处逐行读取“{walked}”",
             "“{source}” belongs to another list; the rows here are those of “{walked}”").filled(
        {"source": paths.written(source), "walked": paths.written(walked)})  # fmt: skip


def _lists_of(walked: Parts) -> list[str]:
    """Give the dotted names of the lists walked, outermost first; "" for a payload that is itself a list."""
    names: list[str] = []
    keys: list[str] = []
    for part in walked:
        if part is EVERY:
            names.append(".".join(keys))
        elif isinstance(part, str):
            keys.append(part)
        else:
            keys.append(str(part))
    return names


def _placed(name: str, lists: list[str]) -> tuple[int, Parts]:
    """Give how many of the walked lists are above a name, and the path below the innermost."""
    for above in range(len(lists), 0, -1):
        base = lists[above - 1]
        if not base:
            return above, tuple(name.split("."))
        if name.startswith(f"{base}."):
            return above, tuple(name[len(base) + 1 :].split("."))
    return 0, tuple(name.split("."))


def _setting_names(text: str) -> set[str]:
    import re

    return set(re.findall(r"\bsettings\.\w+", text))
