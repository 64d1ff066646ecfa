"""Runs a mapping: reads rows, makes records of them, writes what is new or differs, accounts for all.

A record's key is derived from the system, the noun and the source's own key (UUIDv5), so that the source's
keys stay known without a table, references need no look-up, and a second run finds what the first has made.
Each noun is written by one run of its own command, so the rules and constraints of daily work hold here too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, get_args
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db.models import Sum
from pydantic import BaseModel

from banyan.kernel import reading, registry, schema
from banyan.kernel.commands import Command, execute
from banyan.kernel.context import Context
from banyan.kernel.models import Audit
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label
from banyan.modules.company import queries as company
from banyan.ops.migration.mapping import Join, LinesStep, Step, SystemMapping, Then
from banyan.ops.migration.report import Problem, Report, SourceResult, StepResult, TotalResult
from banyan.ops.migration.sources import Row, Sources
from banyan.ops.migration.values import NotBroughtIn, evaluate, holds

SAME_KEY = L("与前面的行编号相同", "Has the same key as an earlier row")
NO_ROW = Row("", 0, {})
NO_NOUN = L("系统没有这种单据或档案", "There is no such noun here")
POSTED = L("已不能修改，来源与本系统不同：{fields}", "Can no longer change, and the source differs: {fields}")
Say = Callable[[str], None]


@dataclass(slots=True)
class Wanted:
    """A record as the source wants it, with every row that it is made of."""

    key: str
    id: UUID
    rows: list[Row]
    head: Row
    data: dict[str, Any] = field(default_factory=dict)
    parsed: BaseModel | None = None


def migrate(ctx: Context, mapping: SystemMapping, folder: Path, say: Say = lambda _: None) -> Report:
    """Bring in what the folder holds by the mapping, and account for every row.

    Takes:  say: told the name of each noun as it begins
    Raises: NoSource when a needed file is missing; nothing is written then
    Writes: records by the commands of their nouns, one transaction each: an interrupted run is taken up again
    """
    began = time.perf_counter()
    run = Run(ctx.with_(through="import"), mapping, Sources(folder, mapping.tables))
    for name in mapping.needs:
        run.sources[name]
    for step in mapping.steps:
        say(step.noun)
        run.take(step)
    report = run.account()
    report.seconds = time.perf_counter() - began
    return report


class Run:
    """One run of a mapping; what rules and values see as their surroundings."""

    def __init__(self, ctx: Context, mapping: SystemMapping, sources: Sources) -> None:
        self.ctx, self.mapping, self.sources, self.rules = ctx, mapping, sources, mapping.rules
        self.memory: dict[str, Any] = {}
        self._space = uuid5(NAMESPACE_URL, f"banyan:migration:{mapping.system}")
        self._known: dict[tuple[str, str], UUID] = {}
        self._report = Report(mapping.system, mapping.title)

    @cached_property
    def rate(self) -> Decimal:
        """Give what one of the source's currency is worth in the company's own, by its first rate."""
        return company.first_rate(self.mapping.currency)

    def key_of(self, noun: str, key: str) -> UUID:
        """Give the record that a key of the source has become. Raises: NotBroughtIn."""
        found = self._known.get((noun, key))
        if found is None:
            label = registry.noun(noun).spec.label if registry.has_noun(noun) else noun
            raise NotBroughtIn(noun=label, key=key)
        return found

    def known_keys(self, noun: str) -> Mapping[str, UUID]:
        """Give the records of a noun by the source's keys."""
        return {key: id for (name, key), id in self._known.items() if name == noun}

    # one step

    def take(self, step: Step) -> None:
        """Take one step: make, adopt, compare, change, and go on with the commands that follow."""
        if not registry.has_noun(step.noun):
            self._report.problems.append(Problem(step.noun, "*", NO_NOUN))
            return
        noun = registry.noun(step.noun)
        result = StepResult(step.noun, noun.spec.label)
        wanted = self._wanted(step, noun, result)
        adopted, present, new = self._sorted_out(step, noun, wanted)
        result.adopted = len(adopted)
        made = self._create(step, noun, new, result)
        result.made = len(made)
        kept = [*adopted, *present, *made]
        for one in kept:
            self._known[(step.noun, one.key)] = one.id
        if step.noun == "company.plant" and kept:
            self.ctx = self.ctx.with_(plant=kept[0].id)
        if not step.is_final:
            self._change(noun, present, result)
        result.unchanged = len(present) - result.changed
        if step.is_counted:
            for one in kept:
                self._mark(one.rows)
        for then in step.then:
            self._go_on(then, [*present, *made])
        self._add_totals(step, noun, [*present, *made])
        self._report.steps.append(result)

    def _wanted(self, step: Step, noun: Noun, result: StepResult) -> list[Wanted]:
        found: dict[str, Wanted] = {}
        model = record_model(registry.command(f"{step.noun}.{step.command}"))
        for rows in self._groups(step):
            head = rows[0]
            key = head.filled(step.key)
            one = Wanted(key, self._id(step.noun, key), list(rows), head)
            try:
                if key in found:
                    raise DomainError("migration.same_key", SAME_KEY)
                self._fill(step, one, rows)
                if not step.is_known:
                    one.parsed = schema.parse(model, {"id": one.id, **one.data})
            except DomainError as refusal:
                self._leave(one, refusal, result)
            else:
                found[key] = one
        return list(found.values())

    def _groups(self, step: Step) -> Iterable[Sequence[Row]]:
        if step.rows:
            return [(Row("", number, cells),) for number, cells in enumerate(step.rows, start=1)]
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in self.sources[step.source].rows:
            joined = self._joined(row, step.joins)
            if holds(step.where, joined, self):
                key = tuple(joined[column] for column in step.group) if step.group else (str(row.number),)
                groups.setdefault(key, []).append(joined)
        return groups.values()

    def _joined(self, row: Row, joins: Mapping[str, Join]) -> Row:
        if not joins:
            return row
        joined: dict[str, Row | None] = dict(row.joined)
        for name, join in joins.items():
            beside = Row(row.source, row.number, row.cells, joined)
            joined[name] = self._first(join, beside)
        return Row(row.source, row.number, row.cells, joined)

    def _first(self, join: Join, row: Row) -> Row | None:
        cells = tuple(str(evaluate(value, row, self) or "") for value in join.on.values())
        rows = [
            one
            for one in self.sources[join.source].matching(tuple(join.on), cells)
            if holds(join.where, one, self)
        ]
        if not rows or not join.first:
            return rows[0] if rows else None
        pick = max if join.first.startswith("-") else min
        return pick(rows, key=lambda one: one[join.first.lstrip("-")])

    def _fill(self, step: Step, one: Wanted, rows: Sequence[Row]) -> None:
        for name, value in step.fields.items():
            one.data[name] = evaluate(value, one.head, self)
        one.data = {name: value for name, value in one.data.items() if value is not None}
        for name, lines in step.lines.items():
            one.data[name] = [
                self._line(step, name, lines, one, row) for row in self._line_rows(lines, one, rows)
            ]

    def _line_rows(self, lines: LinesStep, one: Wanted, rows: Sequence[Row]) -> list[Row]:
        if lines.source:
            cells = tuple(str(evaluate(value, one.head, self)) for value in lines.on.values())
            rows = self.sources[lines.source].matching(tuple(lines.on), cells)
            one.rows += rows
        found = [
            row for row in (self._joined(row, lines.joins) for row in rows) if holds(lines.where, row, self)
        ]
        return sorted(found, key=lambda row: row[lines.sort]) if lines.sort else found

    def _line(self, step: Step, name: str, lines: LinesStep, one: Wanted, row: Row) -> dict[str, Any]:
        values = {field: evaluate(value, row, self) for field, value in lines.fields.items()}
        if step.command == "create":
            key = f"{one.key}/{row.filled(lines.key) if lines.key else row.number}"
            values["id"] = self._id(f"{step.noun}.{name}", key)
        return {field: value for field, value in values.items() if value is not None}

    def _id(self, noun: str, key: str) -> UUID:
        return uuid5(self._space, f"{noun}/{key}")

    def _sorted_out(
        self, step: Step, noun: Noun, wanted: Sequence[Wanted]
    ) -> tuple[list[Wanted], list[Wanted], list[Wanted]]:
        rows = noun.model._base_manager
        there = set(rows.filter(pk__in=[one.id for one in wanted]).values_list("pk", flat=True))
        present = [one for one in wanted if one.id in there]
        missing = [one for one in wanted if one.id not in there]
        if step.is_known:
            return [], present, []
        if not step.adopt or not missing:
            return [], present, missing
        if step.adopt == "first":
            first = rows.order_by("created_at", "pk").values_list("pk", flat=True).first()
            taken = {one.key: first for one in missing} if first else {}
        else:
            column = step.adopt
            by_value = dict(
                rows.filter(**{f"{column}__in": [one.data[column] for one in missing]}).values_list(
                    column, "pk"
                )
            )
            taken = {one.key: by_value[one.data[column]] for one in missing if one.data[column] in by_value}
        for one in missing:
            one.id = taken.get(one.key, one.id)
        adopted = [one for one in missing if one.key in taken]
        return adopted, present, [one for one in missing if one.key not in taken]

    # writing

    def _create(self, step: Step, noun: Noun, wanted: list[Wanted], result: StepResult) -> list[Wanted]:
        """Write new records in one command; what it refuses by name is left out, the rest tried again."""
        command = registry.command(f"{step.noun}.{step.command}")
        while wanted:
            common = {name: evaluate(value, NO_ROW, self) for name, value in step.common.items()}
            data = command.input_model().model_construct(records=[one.parsed for one in wanted], **common)
            try:
                execute(self.ctx, command, data=data)
                return wanted
            except DomainError as refusal:
                named = _named_records(refusal)
                if not named and len(wanted) > 1:
                    middle = len(wanted) // 2
                    return [
                        *self._create(step, noun, wanted[:middle], result),
                        *self._create(step, noun, wanted[middle:], result),
                    ]
                for number in named or {0}:
                    self._leave(wanted[number], refusal, result, f"records.{number}")
                wanted = [one for number, one in enumerate(wanted) if number not in (named or {0})]
        return []

    def _change(self, noun: Noun, present: Sequence[Wanted], result: StepResult) -> None:
        """Change what differs from the source, only the fields that do."""
        command = registry.command(noun.spec.permission("change")) if "change" in noun.spec.verbs else None
        states = command.sources() if command else ()
        stored = reading.read_records(self.ctx, noun, [one.id for one in present], expand=False)
        for one, there in zip(present, stored, strict=True):
            given = _differences(noun, one.data, there)
            if not given:
                continue
            if command is None or states is not None and there[noun.spec.life.field] not in states:
                self._problem(noun, one, POSTED.filled({"fields": sorted(given)}))
                continue
            try:
                execute(self.ctx, command, ids=[one.id], data=given)
                result.changed += 1
            except DomainError as refusal:
                self._problem(noun, one, _reason(refusal))

    def _go_on(self, then: Then, wanted: Sequence[Wanted]) -> None:
        command = registry.command(then.command)
        noun = registry.noun(command.noun)
        due = [one for one in wanted if holds(then.where, one.head, self)]
        if command.on == "noun":
            for data in {repr(said): said for said in (self._said(then, one) for one in due)}.values():
                execute(self.ctx, command, data=data)
            return
        done = noun.model._base_manager.filter(pk__in=[one.id for one in due], **then.unless)
        skipped = set(done.values_list("pk", flat=True))
        if then.once:
            skipped |= _gone_through(then.command, [one.id for one in due])
        alike: dict[str, list[Wanted]] = {}
        given: dict[str, dict[str, Any]] = {}
        for one in due:
            if one.id not in skipped:
                data = self._said(then, one)
                alike.setdefault(repr(data), []).append(one)
                given[repr(data)] = data
        for same, several in alike.items():
            by_id = {one.id: one for one in several}
            try:
                execute(self.ctx, command, ids=list(by_id), data=given[same] or None)
            except DomainError:
                outcome = execute(self.ctx, command, ids=list(by_id), data=given[same] or None, each=True)
                for id, refusal in outcome.faults.items():
                    self._problem(noun, by_id[id], _reason(refusal))

    def _said(self, then: Then, one: Wanted) -> dict[str, Any]:
        return {name: evaluate(value, one.head, self) for name, value in then.fields.items()}

    # accounting

    def _mark(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.source:
                self.sources[row.source].brought.add(row.number)
                self._mark(one for one in row.joined.values() if one is not None)

    def _leave(self, one: Wanted, refusal: DomainError, result: StepResult, path: str = "") -> None:
        result.left += 1
        reason = _reason(refusal, path)
        for row in one.rows:
            if row.source:
                self.sources[row.source].left.setdefault(row.number, reason)

    def _problem(self, noun: Noun, one: Wanted, text: Label) -> None:
        self._report.problems.append(Problem(noun.spec.key, one.key, text))

    def _add_totals(self, step: Step, noun: Noun, wanted: Sequence[Wanted]) -> None:
        for total in step.totals:
            line, dot, name = total.field.partition(".")
            ids = [one.id for one in wanted]
            if dot:
                spec = noun.spec.line(line)
                rows, column = (
                    noun.line_models[line]._base_manager.filter(**{f"{spec.parent}__in": ids}),
                    name,
                )
            else:
                rows, column = noun.model._base_manager.filter(pk__in=ids), total.field
            ours = rows.aggregate(total=Sum(column))["total"] or Decimal(0)
            theirs = sum(
                (
                    Decimal(row[total.column])
                    for one in wanted
                    for row in one.rows
                    if total.column in row.cells
                ),
                Decimal(0),
            )
            rows_summed = sum(1 for one in wanted for row in one.rows if total.column in row.cells)
            self._report.totals.append(
                TotalResult(total.label, theirs, ours, Decimal(total.tolerance) * rows_summed)
            )

    def account(self) -> Report:
        """Give the report, with what became of every row of every file in the folder."""
        for said in self.mapping.left:
            source = self.sources[said.source]
            for row in source.open_rows:
                if holds(said.where, row, self):
                    source.left[row.number] = said.reason
        for said in self.mapping.notes:
            rows = [row for row in self.sources[said.source].rows if holds(said.where, row, self)]
            self._report.notes.append((len(rows), said.text))
        for source in self.sources.outside():
            by_reason: dict[Label, list[int]] = {}
            for number, reason in source.left.items():
                if number not in source.brought:
                    by_reason.setdefault(reason, []).append(number)
            self._report.sources.append(SourceResult(
                source.name, len(source.rows), len(source.brought),
                tuple((reason, tuple(sorted(rows))) for reason, rows in by_reason.items()),
                tuple(row.number for row in source.open_rows),
            ))  # fmt: skip
        return self._report


def record_model(command: Command) -> type[BaseModel]:
    """Give the model of one record of a command that takes many as `records`."""
    return get_args(command.input_model().model_fields["records"].annotation)[0]


def _gone_through(command: str, ids: Sequence[UUID]) -> set[UUID]:
    """Give those of the records that a command has been done to before."""
    rows = Audit.objects.filter(command=command, outcome="done", records__overlap=list(ids))
    return {id for records in rows.values_list("records", flat=True) for id in records}


def _named_records(refusal: DomainError) -> set[int]:
    """Give the numbers of the records that a refusal names in its paths (`records.3.code`)."""
    parts = [path.split(".") for path in refusal.fields]
    return {int(path[1]) for path in parts if len(path) > 1 and path[0] == "records" and path[1].isdigit()}


def _reason(refusal: DomainError, path: str = "") -> Label:
    """Give a refusal in one sentence of each language; of its faults those at the path, else all."""
    own = {where: fault for where, fault in refusal.fields.items() if where.startswith(path)}
    if not own:
        return refusal.label
    return L(_told(own, path, "zh"), _told(own, path, "en"))


def _told(faults: Mapping[str, Any], path: str, language: str) -> str:
    told = []
    for where, fault in faults.items():
        for one in fault if isinstance(fault, list) else [fault]:
            told.append(f"{where[len(path) :].strip('.')} {one.in_(language)}".strip())
    return "; ".join(told)


def _differences(noun: Noun, wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of the wanted values is not yet so; lines as a whole where any of them differs."""
    found = {}
    for name, value in wanted.items():
        if noun.spec.has_field(name):
            if not _same(noun.spec.field(name), value, there.get(name)):
                found[name] = value
        elif not _same_lines({one.key: one for one in noun.spec.line(name).fields}, value, there[name]):
            found[name] = value
    return found


def _same_lines(
    fields: Mapping[str, FieldSpec], wanted: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]
) -> bool:
    return len(wanted) == len(there) and all(
        str(line["id"]) == found["id"]
        and all(_same(fields[k], v, found.get(k)) for k, v in line.items() if k != "id")
        for line, found in zip(wanted, there, strict=True)
    )


def _same(spec: FieldSpec, wanted: Any, there: Any) -> bool:
    if wanted is None or there is None:
        return wanted is there
    if spec.is_number:
        return Decimal(str(wanted)) == Decimal(str(there))
    return wanted == there or str(wanted) == str(there)
