"""What a mapping says: steps, values, joins, lines, reasons and sums, read from TOML.

A value is one of
    "Column"                                          the cell as it stands, an empty one as nothing
    {of = "Column", as = "date", empty = 0}           the cell in a type of `values.TYPES`
    {of = "Column", is = {1 = "made", 0 = "bought"}}  the cell translated
    {text = "AW-{LocationID:03}"}                     cells in a text; {a.B|c}: column B of join a, else c
    {value = true}                                    always the same
    {ref = "company.unit", key = "{UnitMeasureCode}"} the record that the source's key has become
    {rule = "weight"}                                 what that function of rules.py gives for the row

A condition is a table of columns and what they hold: `X = "1"`, `X = ["1", "3"]`, `X = ""` (empty),
`X = "*"` (anything), `X = {not = "EA"}`, `X = {above = 0}`; `rule.route = "part"`: what a rule gives.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from banyan.lib.labels import L, Label
from banyan.ops.migration.sources import NoSource

MAPPINGS = Path(__file__).parent
Condition = Mapping[str, Any]


class BadMapping(ValueError):
    """A programming fault: the mapping says something that the engine does not understand."""


@dataclass(frozen=True, slots=True)
class Value:
    """How one field is made of a row; exactly one of of, text, value, ref and rule is given."""

    of: str = ""
    text: str = ""
    value: Any = None
    ref: str = ""
    key: str = ""
    rule: str = ""
    type: str = "text"
    translation: Mapping[str, Any] | None = None
    empty: Any = None


@dataclass(frozen=True, slots=True)
class Join:
    """A row of another source beside each row; `first` picks one of several, "-X" the highest X."""

    source: str
    on: Mapping[str, Value]
    where: Condition = field(default_factory=dict)
    first: str = ""


@dataclass(frozen=True, slots=True)
class LinesStep:
    """How lines are made: of another source's rows that match, else of the record's own rows."""

    fields: Mapping[str, Value]
    source: str = ""
    on: Mapping[str, Value] = field(default_factory=dict)
    where: Condition = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    key: str = ""
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Then:
    """A command that each record goes through unless it holds these values, or one on a noun as a whole.

    What a record goes through `once` is not done to it again, whatever people have made of it since.
    """

    command: str
    unless: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    where: Condition = field(default_factory=dict)
    fields: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Total:
    """A sum that must agree: a column over the step's rows, and a field over its records.

    `tolerance` is what each row may be off, half a cent where the source counts finer than we do.
    """

    label: Label
    column: str
    field: str
    tolerance: str = "0"


@dataclass(frozen=True, slots=True)
class Step:
    """One noun made of one source.

    `key` names a record for ever in the source's words; `group` makes one record of several rows; `adopt`
    takes over a record that exists already by that field ("first": any there is); what `is_known` another
    step has made, and it is only changed here; rows are not counted twice; what `is_final` is booked once and
    never compared again; `common` is what the command takes once for all records.
    """

    noun: str
    key: str
    source: str = ""
    rows: tuple[Mapping[str, str], ...] = ()
    where: Condition = field(default_factory=dict)
    group: tuple[str, ...] = ()
    joins: Mapping[str, Join] = field(default_factory=dict)
    fields: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, LinesStep] = field(default_factory=dict)
    then: tuple[Then, ...] = ()
    totals: tuple[Total, ...] = ()
    command: str = "create"
    common: Mapping[str, Value] = field(default_factory=dict)
    adopt: str = ""
    is_known: bool = False
    is_counted: bool = True
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Why rows of a source are not brought in."""

    source: str
    reason: Label
    where: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Something to say of rows that were brought in: {n} of them, under an assumption."""

    source: str
    text: Label
    where: Condition = field(default_factory=dict)


@dataclass(frozen=True)
class SystemMapping:
    """A whole mapping: its system, the files it needs, its steps in order."""

    system: str
    title: Label
    currency: str
    needs: tuple[str, ...]
    tables: Path
    steps: tuple[Step, ...]
    left: tuple[Left, ...]
    notes: tuple[Note, ...]
    rules: Mapping[str, Callable[..., Any]]

    def fits(self, folder: Path) -> bool:
        """Say whether a folder holds every file that the mapping needs."""
        return not self._lacking(folder)

    def require(self, folder: Path) -> None:
        """Refuse a folder that lacks a file that the mapping needs. Raises: NoSource"""
        if lacking := self._lacking(folder):
            raise NoSource(file=lacking[0], folder=str(folder))

    def _lacking(self, folder: Path) -> list[str]:
        return [f"{name}.csv" for name in self.needs if not (folder / f"{name}.csv").is_file()]


def load(system: str) -> SystemMapping:
    """Read the mapping of a system. Raises: BadMapping naming file and place."""
    folder = MAPPINGS / system
    head = tomllib.loads((folder / "mapping.toml").read_text("utf-8"))
    steps, left, notes = [], [], []
    for file in sorted(folder.glob("[0-9]*.toml")):
        said = tomllib.loads(file.read_text("utf-8"))
        try:
            steps += [_step(one) for one in said.pop("step", ())]
            left += [_left(one) for one in said.pop("left", ())]
            notes += [_note(one) for one in said.pop("note", ())]
            if said:
                raise BadMapping(f"unknown: {', '.join(said)}")
        except (BadMapping, TypeError, KeyError) as fault:
            raise BadMapping(f"{file.name}: {fault}") from fault
    return SystemMapping(
        system=system, title=L(head["zh"], head["en"]), currency=head["currency"], needs=tuple(head["needs"]),
        tables=folder, steps=tuple(steps), left=tuple(left), notes=tuple(notes), rules=_rules(system),
    )  # fmt: skip


def systems() -> tuple[str, ...]:
    """Give the systems there is a mapping for."""
    return tuple(sorted(file.parent.name for file in MAPPINGS.glob("*/mapping.toml")))


def _rules(system: str) -> Mapping[str, Callable[..., Any]]:
    module = importlib.import_module(f"{__package__}.{system}.rules")
    return dict(module.RULES)


def _step(said: dict[str, Any]) -> Step:
    readers = {
        "fields": _values, "common": _values, "rows": tuple, "group": tuple, "joins": _joins,
        "lines": lambda all_: {name: _lines(one) for name, one in all_.items()},
        "then": lambda all_: tuple(_then(one) for one in all_),
        "totals": lambda all_: tuple(_total(one) for one in all_),
    }  # fmt: skip
    return _made(Step, said, f"step {said.get('noun')}", **readers)


def _lines(said: dict[str, Any]) -> LinesStep:
    return _made(LinesStep, said, "lines", fields=_values, on=_values, joins=_joins)


def _joins(said: dict[str, Any]) -> dict[str, Join]:
    return {name: _made(Join, one, f"join {name}", on=_values) for name, one in said.items()}


def _then(said: dict[str, Any]) -> Then:
    return _made(Then, said, "then", fields=_values)


def _total(said: dict[str, Any]) -> Total:
    return Total(label=L(said.pop("zh"), said.pop("en")), **said)


def _left(said: dict[str, Any]) -> Left:
    return Left(reason=L(said.pop("zh"), said.pop("en")), **said)


def _note(said: dict[str, Any]) -> Note:
    return Note(text=L(said.pop("zh"), said.pop("en")), **said)


def _made(kind: type, said: dict[str, Any], place: str, **readers: Callable[[Any], Any]) -> Any:
    known = {one.name for one in fields(kind)}
    if unknown := set(said) - known:
        raise BadMapping(f"{place}: unknown {', '.join(sorted(unknown))}")
    return kind(**{key: readers[key](one) if key in readers else one for key, one in said.items()})


def _values(said: Mapping[str, Any]) -> dict[str, Value]:
    return {key: value_of(one) for key, one in said.items()}


def value_of(said: Any) -> Value:
    """Read a value. Raises: BadMapping for a form that is none."""
    if isinstance(said, str):
        return Value(of=said)
    names = {"as": "type", "is": "translation"}
    if not isinstance(said, Mapping) or len({"of", "text", "value", "ref", "rule"} & set(said)) != 1:
        raise BadMapping(f"{said!r} is no value: exactly one of of, text, value, ref and rule")
    return _made(Value, {names.get(key, key): one for key, one in said.items()}, "value")
