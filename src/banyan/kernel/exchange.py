"""Import and export of any noun: a table in, a table out, by its spec alone.

Import: read a file or a pasted block → map columns to fields → check every cell → do all of it in one transaction or
none of it; undo takes it back. Rows that follow each other with the same header values, or with empty ones, are lines
of one record. References are written as the other noun's natural key (code, number) or id. A table is read, checked and
done part by part, so that one of a hundred thousand rows takes no more memory than one of a few thousand.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from banyan.kernel import access, db, locks, reading, registry, schema
from banyan.kernel.commands import Command, audits_refusals, execute
from banyan.kernel.context import Context
from banyan.kernel.models import ImportBatch, ImportRow
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec
from banyan.kernel.tables import Table, read_table  # noqa: F401  asked for here by those who import
from banyan.lib.errors import Conflict, FieldFaults, Invalid, NotFound, TooLarge, jsonable
from banyan.lib.labels import L, Label

#: Rows that are read, checked and written at a time.
CHUNK = 2_000
SHOWN_FAULTS = 500
#: Rows of one record; a record that has more lines is refused by its input, so that the rest of it is not wanted.
MOST_LINES = 5_000
#: Names of references that are remembered from one part of a table to the next.
MOST_NAMES = 20_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with a cell; `row` counts from 1 below the head, `column` is empty for a whole row."""

    row: int
    column: str
    text: Label


@dataclass(frozen=True)
class Check:
    """What an import would do: records to make, records to change, and every fault (the first 500).

    `cells` are those of the rows with faults, by number.
    """

    rows: int
    creates: int
    changes: int
    faults: tuple[CellFault, ...] = ()
    fault_count: int = 0
    cells: Mapping[int, Sequence[Any]] = dataclass_field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A place a column can go to: `lines.item` for a line's field."""

    path: str
    label: Label
    required: bool


# --- columns ------------------------------------------------------------------------------------------------


def targets(noun: Noun, ctx: Context | None = None) -> tuple[Target, ...]:
    """Give the places a column can go to: the noun's writable fields, then those of its lines.

    Takes:  ctx: of whom only what they may see is wanted; without it all places are
    """

    def is_place(field: FieldSpec) -> bool:
        return not field.readonly and (ctx is None or access.may_see(ctx, field))

    found = [Target("id", L("标识", "Key"), False)]
    found += [Target(f.key, f.label, f.required) for f in noun.spec.fields if is_place(f)]
    for line in noun.spec.lines:
        found += [
            Target(f"{line.key}.{f.key}",
                   L(f"{line.label.zh}·{f.label.zh}", f"{line.label.en}: {f.label.en}"), f.required)
            for f in line.fields if is_place(f)
        ]
    return tuple(found)


def suggest_map(noun: Noun, columns: Sequence[str], ctx: Context | None = None) -> dict[str, str]:
    """Give the likely target per column: by key or label in either language, by the noun's import map, else by the
    key or label that a line's field has by itself.

    Takes:  ctx: as `targets`; without it a column for what somebody may not see is mapped, and refused when it is read
    """
    places = targets(noun, ctx)
    paths = {target.path for target in places}
    known = {_bare(path): path for path in paths}
    for target in places:
        for name in (target.label.zh, target.label.en):
            known.setdefault(_bare(name), target.path)
    usual = [(path, head) for path, heads in noun.spec.import_map for head in heads]
    usual += [(f"{line.key}.{f.key}", name) for line in noun.spec.lines for f in line.fields
              for name in (f.key, f.label.zh, f.label.en)]  # fmt: skip
    for path, name in usual:
        if path in paths:
            known.setdefault(_bare(name), path)
    taken: set[str] = set()
    mapping = {}
    for column in columns:
        path = known.get(_bare(column))
        if path and path not in taken:
            mapping[column] = path
            taken.add(path)
    return mapping


def _bare(name: str) -> str:
    return re.sub(r"[\s_:：·*（）()\-]+", "", name).casefold()


# --- from cells to inputs -----------------------------------------------------------------------------------


@dataclass
class _Built:
    """One record in the making: the row it starts at, its data, and from which row each line came."""

    row: int
    data: dict[str, Any]
    line_rows: dict[str, list[int]] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: its number, its cells, those of the record's own fields, whether it only adds lines."""

    number: int
    cells: Sequence[Any]
    head: tuple[Any, ...]
    continues: bool


@dataclass(slots=True)
class _Part:
    """Records that follow each other in a table, up to its row `last_row`: those to make, those to change."""

    last_row: int
    creates: list[tuple[_Built, Any]] = dataclass_field(default_factory=list)
    changes: list[tuple[_Built, UUID, Any]] = dataclass_field(default_factory=list)


def _several(texts: Label | Sequence[Label]) -> Sequence[Label]:
    return texts if isinstance(texts, list | tuple) else [texts]  # type: ignore[list-item]


class _Builder:
    """Turns a table into input data of a noun, part by part, collecting cell faults."""

    def __init__(self, noun: Noun, table: Table, mapping: Mapping[str, str]) -> None:
        self.noun, self.table = noun, table
        self.faults: list[CellFault] = []
        self.fault_count = 0
        self.heads: list[tuple[int, str, FieldSpec | None]] = []
        self.lines: dict[str, list[tuple[int, str, FieldSpec]]] = {}
        self.column_of: dict[str, str] = {}
        known = {t.path for t in targets(noun)}
        for index, column in enumerate(table.columns):
            path = mapping.get(column)
            if not path:
                continue
            if path not in known:
                raise Invalid("map_unknown", L("没有可写入的字段 {field}", "There is no field {field} to write"),
                              {"field": path})
            self.column_of[path] = column
            if "." in path:
                line, key = path.split(".", 1)
                self.lines.setdefault(line, []).append((index, column, noun.spec.line(line).field(key)))
            else:
                self.heads.append((index, column, noun.spec.field(path) if path != "id" else None))
        if not self.column_of:
            raise Invalid("map_empty", L("请至少对应一列", "Map at least one column"))
        self._references: dict[str, dict[str, UUID | None]] = {}
        self._seen = _Seen()

    def fault(self, row: int, column: str, text: Label) -> None:
        self.fault_count += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(CellFault(row, column, text))

    def parts(self) -> Iterator[_Part]:
        """Give the table's records, checked, so many at a time that their rows are hardly more than `CHUNK`.

        A fault is noted, and the record left out. What is told of the database is as it is when the part is asked for
        """
        for rows in self._rows():
            yield self._checked(self._built(rows), rows[-1].number)

    def _rows(self) -> Iterator[list[_Row]]:
        part: list[_Row] = []
        last: tuple | None = None
        length = 0
        for number, cells in enumerate(self.table.rows, start=1):
            head = tuple(_cell(cells, index) for index, _, _ in self.heads)
            continues = bool(self.lines) and last is not None and (head == last or not any(_filled(c) for c in head))
            if not continues:
                if len(part) >= CHUNK:
                    yield part
                    part = []
                last, length = head, 0
            length += 1
            if length <= MOST_LINES + 1:
                part.append(_Row(number, cells, head, continues))
        if part:
            yield part

    def _built(self, rows: Sequence[_Row]) -> list[_Built]:
        self._resolve(rows)
        built: list[_Built] = []
        for row in rows:
            if not row.continues:
                data: dict[str, Any] = {}
                for (_, column, spec), value in zip(self.heads, row.head, strict=True):
                    self._put(data, row.number, column, spec, value)
                built.append(_Built(row.number, data))
            for key, columns in self.lines.items():
                values: dict[str, Any] = {}
                for index, column, spec in columns:
                    self._put(values, row.number, column, spec, _cell(row.cells, index))
                if values:
                    built[-1].data.setdefault(key, []).append(values)
                    built[-1].line_rows.setdefault(key, []).append(row.number)
        return built

    def _checked(self, built: Sequence[_Built], last_row: int) -> _Part:
        natural = self.noun.spec.natural_key
        existing: dict[str, UUID | None] = {}
        if natural and natural in self.column_of:
            existing = resolve(self.noun.spec.key, {str(b.data[natural]) for b in built if natural in b.data})
            for one in built:
                value = str(one.data.get(natural, ""))
                if value and (first := self._seen.before(value, one.row)):
                    self.fault(one.row, self.column_of[natural],
                               L("与第 {row} 行重复", "repeats row {row}").filled({"row": first}))
        part = _Part(last_row)
        for one in built:
            known = existing.get(str(one.data.get(natural))) if natural else None
            model = schema.input_of(self.noun.spec, partial=known is not None)
            try:
                parsed = model.model_validate(one.data)
            except ValidationError as fault:
                for path, texts in schema.refusal_of_input(fault, model).fields.items():
                    for row, column, text in self.places(one, path, texts):
                        self.fault(row, column, text)
                continue
            if known is not None:
                part.changes.append((one, known, parsed))
            else:
                part.creates.append((one, parsed))
        return part

    def places(
        self, built: _Built, path: str, texts: Label | Sequence[Label]
    ) -> Iterator[tuple[int, str, Label]]:
        """Give the cells that a path in a record came from, with what is wrong there."""
        parts = path.split(".")
        row, key = built.row, parts[0]
        if len(parts) > 1 and parts[1].isdigit() and key in built.line_rows:
            row = built.line_rows[key][int(parts[1])]
            key = ".".join([key, *parts[2:]])
        about = None if key in self.column_of else _label_of(self.noun, key)
        for text in _several(texts):
            said = L(f"{about.zh}：{text.zh}", f"{about.en}: {text.en}") if about else text
            yield row, self.column_of.get(key, ""), said

    def refuse_if_any(self) -> None:
        """Raise Invalid with the faults so far, if there are any: those shown, and how many there are."""
        if not self.fault_count:
            return
        found = FieldFaults()
        for fault in self.faults:
            found.add(("rows", fault.row, fault.column), fault.text)
        raise Invalid(
            "invalid",
            L("表格里有 {fault_count} 处要改，什么都没有写入",
              "{fault_count} faults in the table; nothing was written"),
            {"fault_count": self.fault_count}, fields=found.found,
        )

    def _put(self, data: dict[str, Any], row: int, column: str, spec: FieldSpec | None, value: Any) -> None:
        if not _filled(value):
            return
        if spec is None:
            data["id"] = str(value).strip()
            return
        if spec.reference and spec.type in ("reference", "tags"):
            known = {name: self._references[spec.reference].get(name) for name in _names_in(spec, value)}
            for name in (name for name, found in known.items() if found is None):
                self.fault(row, column, L("找不到{noun}“{value}”", "no {noun} “{value}”").filled(
                    {"noun": registry.noun(spec.reference).spec.label, "value": name[:80]}))
            if None not in known.values():
                data[spec.key] = list(known.values()) if spec.type == "tags" else next(iter(known.values()))
            return
        try:
            data[spec.key] = value_of(spec, value)
        except ValueError as fault:
            self.fault(row, column, fault.args[0])

    def _resolve(self, rows: Sequence[_Row]) -> None:
        wanted: dict[str, set[str]] = {}
        columns = [(i, s) for i, _, s in self.heads if s] + [(i, s) for c in self.lines.values() for i, _, s in c]
        for index, spec in columns:
            if spec.reference and spec.type in ("reference", "tags"):
                names = wanted.setdefault(spec.reference, set())
                for row in rows:
                    if _filled(cell := _cell(row.cells, index)):
                        names.update(_names_in(spec, cell))
        for key, names in wanted.items():
            known = self._references.setdefault(key, {})
            if len(known) > MOST_NAMES:
                known.clear()
            if new := names - known.keys():
                known |= resolve(key, new)


class _Seen:
    """The natural keys a table has named so far, each with its first row; on the disk, not in the memory."""

    def __init__(self) -> None:
        self._held = sqlite3.connect("", isolation_level=None)
        self._held.execute("PRAGMA synchronous = OFF")
        self._held.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID")
        self._held.execute("BEGIN")

    def before(self, name: str, row: int) -> int | None:
        """Give the row that named it first, None where this one does."""
        if self._held.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (name, row)).rowcount:
            return None
        return self._held.execute("SELECT place FROM seen WHERE name = ?", (name,)).fetchone()[0]


def _names_in(spec: FieldSpec, cell: Any) -> list[str]:
    """Give the names that a cell of a reference holds: one, or those of several records with commas between."""
    return value_of(spec, cell) if spec.type == "tags" else [str(cell).strip()]


def resolve(noun_key: str, names: Iterable[str]) -> dict[str, UUID | None]:
    """Give the records that names stand for: natural key or id; None where there is none. At most two statements."""
    noun = registry.noun(noun_key)
    names = list(names)
    found: dict[str, UUID | None] = dict.fromkeys(names)
    keys = {}
    for name in names:
        try:
            keys[UUID(name)] = name
        except ValueError:
            pass
    meta = noun.model._meta
    table, key = meta.db_table, meta.pk.column
    if keys:
        for (one,) in db.rows(f'SELECT "{key}" FROM "{table}" WHERE "{key}" = ANY(%s)', [list(keys)]):
            found[keys[one]] = one
    natural = noun.spec.natural_key or (noun.spec.numbering.field if noun.spec.numbering else None)
    rest = [name for name in names if found[name] is None and schema.NUL not in name]
    if natural and rest:
        column = meta.get_field(noun.spec.field(natural).column).column
        found |= db.rows(f'SELECT "{column}", "{key}" FROM "{table}" WHERE "{column}" = ANY(%s)', [rest])
    return found


def _cell(row: Sequence[Any], index: int) -> Any:
    return row[index] if index < len(row) else ""


def _filled(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


_YES, _NO = {"是", "yes", "y", "true", "1", "√", "对", "有"}, {"否", "no", "n", "false", "0", "×", "错", "无"}


def value_of(spec: FieldSpec, cell: Any) -> Any:
    """Give a cell's value in the form the field's input takes.

    Raises: ValueError holding the Label that says what is wrong
    """
    text = str(cell).strip()
    if spec.is_number:
        if isinstance(cell, float):
            return repr(int(cell)) if cell == int(cell) and abs(cell) < 1e15 and spec.type != "integer" else (
                int(cell) if spec.type == "integer" and cell == int(cell) else repr(cell))
        bare = re.sub(r"[,，\s ¥￥$%]", "", text)
        if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", bare):
            raise ValueError(L("“{value}”不是数字", "“{value}” is not a number").filled({"value": text[:40]}))
        return int(bare) if spec.type == "integer" and re.fullmatch(r"[+-]?\d{1,10}", bare) else bare
    if spec.type == "boolean":
        if isinstance(cell, bool):
            return cell
        if text.casefold() in _YES or text.casefold() in _NO:
            return text.casefold() in _YES
        raise ValueError(L("“{value}”须为是或否", "“{value}” must be yes or no").filled({"value": text[:40]}))
    if spec.type == "choice":
        for choice in spec.choices:
            if text.casefold() in (choice.key.casefold(), choice.label.zh, choice.label.en.casefold()):
                return choice.key
        raise ValueError(L("“{value}”须为以下之一：{allowed}", "“{value}” must be one of {allowed}").filled(
            {"value": text[:40], "allowed": [c.label for c in spec.choices]}))
    if spec.type == "date":
        if isinstance(cell, (date, datetime)):
            return (cell.date() if isinstance(cell, datetime) else cell).isoformat()
        match = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(:00(\.0+)?)?)?", text)
        if match:
            try:
                return date(*(int(part) for part in match.groups()[:3])).isoformat()
            except ValueError:
                pass
        raise ValueError(L("“{value}”不是日期，如 2026-11-22", "“{value}” is not a date such as 2026-11-22")
                         .filled({"value": text[:40]}))
    if spec.type == "tags":
        return [part.strip() for part in re.split(r"[,，;；、]", text) if part.strip()]
    if spec.type == "json":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ValueError(L("“{value}”不是 JSON", "“{value}” is not JSON").filled({"value": text[:40]})) from None
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return text


# --- check, do, undo ----------------------------------------------------------------------------------------


def _label_of(noun: Noun, path: str) -> Label | None:
    """Give the words for a field that no column stands for: `plant`, `lines.item`; None where there is none."""
    key, _, inner = path.partition(".")
    line = next((one for one in noun.spec.lines if one.key == key), None)
    if line is None:
        return noun.spec.field(key).label if noun.spec.has_field(key) else None
    field = next((f for f in line.fields if f.key == inner), None)
    return L(f"{line.label.zh}·{field.label.zh}", f"{line.label.en}: {field.label.en}") if field else line.label


def check(
    ctx: Context, noun: Noun, table: Table, mapping: Mapping[str, str], *, is_rehearsed: bool = True,
    progress: Progress | None = None,
) -> Check:
    """Say what an import would do and everything that is wrong, writing nothing.

    Takes:  is_rehearsed: when no cell is wrong, do the import in full and roll it back; progress: is told how many rows
            of how many are read
    """
    ctx.require(noun.spec.permission("create"), noun.spec.label)
    builder = _Builder(noun, table, mapping)
    creates = changes = 0
    for part in builder.parts():
        creates, changes = creates + len(part.creates), changes + len(part.changes)
        if progress:
            progress(part.last_row, len(table.rows))
    if is_rehearsed and not builder.fault_count:
        try:
            execute(ctx.with_(through="import", key=None), _command(noun, table, mapping),
                    data={"digest": table.digest, "columns": dict(mapping)}, dry_run=True)
        except Invalid as refusal:
            _note(builder, refusal)
        except Conflict as refusal:
            builder.fault(0, "", refusal.label)
    return Check(len(table.rows), creates, changes, tuple(builder.faults), builder.fault_count,
                 _cells_of(table, {fault.row for fault in builder.faults}))


def _cells_of(table: Table, wanted: set[int]) -> dict[int, Sequence[Any]]:
    """Give the cells of some rows by number; the table is read up to the last of them."""
    rows = islice(table.rows, max(wanted, default=0))
    return {number: cells for number, cells in enumerate(rows, start=1) if number in wanted}


def _note(builder: _Builder, refusal: Invalid) -> None:
    """Note what a rehearsal found, at its cells."""
    for path, texts in refusal.fields.items():
        parts = path.split(".")
        is_placed = parts[0] == "rows" and len(parts) > 1 and parts[1].isdigit()
        for text in _several(texts):
            builder.fault(int(parts[1]) if is_placed else 0, ".".join(parts[2:]) if is_placed else "", text)
    if not refusal.fields:
        builder.fault(0, "", refusal.label)


def run(
    ctx: Context, noun: Noun, table: Table, mapping: Mapping[str, str], *, progress: Progress | None = None
) -> ImportBatch:
    """Import all rows in one transaction, or none.

    Takes:  progress: is told how many rows of how many are done
    Raises: Invalid with a fault per cell (`rows.12.Code`), the first 500, and their count; NotAllowed; nothing is
            written then
    Writes: the records through create and change, and the batch that undo reads
    """
    source = {"digest": table.digest, "columns": dict(mapping)}
    with audited(ctx, noun, data=source):
        builder = _Builder(noun, table, mapping)
        for _ in builder.parts():
            if progress:
                progress(0, len(table.rows))
        builder.refuse_if_any()
    done = execute(ctx.with_(through="import"), _command(noun, table, mapping, progress), data=source)
    return ImportBatch.objects.get(pk=done.ids[0]) if done.is_replay else done.value


@contextmanager
def audited(
    ctx: Context, noun: Noun, make: Callable[[Noun], Command] | None = None, data: Any = None
) -> Iterator[None]:
    """Require the right to an import, or to what `make` gives.

    Leaves the audit line of what is refused before it begins.
    """
    cmd = (make or import_command)(noun)
    with audits_refusals(ctx.with_(through="import"), cmd, data=data):
        ctx.require(cmd.permission, noun.spec.label)
        yield


def require(ctx: Context, noun: Noun, make: Callable[[Noun], Command] | None = None) -> None:
    """Require the right to an import, or to what `make` gives; a refusal leaves its audit line. Raises: NotAllowed"""
    with audited(ctx, noun, make):
        return


def import_command(noun: Noun, work: Callable[[Context, Any], ImportBatch] | None = None) -> Command:
    """Give the command that imports records of a noun."""
    return Command(key=noun.spec.permission("import"), label=L("导入", "Import"), function=work, input=_Source,
                   on="noun", permission=noun.spec.permission("create"))


def undo_command(noun: Noun, work: Callable[[Context, Any], ImportBatch] | None = None) -> Command:
    """Give the command that takes an import of a noun back."""
    return Command(key=noun.spec.permission("import_undo"), label=L("撤销导入", "Take an import back"), function=work,
                   input=_Undo, on="noun", permission=noun.spec.permission("delete"))


def _command(
    noun: Noun, table: Table, mapping: Mapping[str, str], progress: Progress | None = None
) -> Command:
    """Give the command that does an import: one permission, one transaction, one audit line.

    The order of locks is counted anew for each part of the table: two imports may meet in a deadlock, which is retried.
    """

    def work(ctx: Context, _data: Any) -> ImportBatch:
        batch = ImportBatch(
            noun=noun.spec.key, source_name=table.name[:255], source_digest=table.digest, columns=dict(mapping),
            rows=len(table.rows), created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now,
            changed_by_id=ctx.person,
        )
        ImportBatch.objects.bulk_create([batch])
        builder = _Builder(noun, table, mapping)
        for part in builder.parts():
            if not builder.fault_count:
                locked = locks.begin()
                try:
                    batch.made += _make(ctx, noun, builder, part, batch)
                    batch.changed += _change(ctx, noun, builder, part, batch)
                finally:
                    locks.end(locked)
            if progress:
                progress(part.last_row, len(table.rows))
        builder.refuse_if_any()
        ImportBatch.objects.filter(pk=batch.pk).update(made=batch.made, changed=batch.changed)
        return batch

    return import_command(noun, work)


class _Source(schema.Input):
    """Which table it is and how its columns go to fields; the rows travel beside the input."""

    digest: str
    columns: dict[str, str]


def _make(ctx: Context, noun: Noun, builder: _Builder, part: _Part, batch: ImportBatch) -> int:
    """Make the new records of a part; give how many.

    Raises: Invalid with the faults at their cells
    """
    if not part.creates:
        return 0
    create = registry.command(noun.spec.permission("create"))
    try:
        made = create(ctx, create.input_model().model_construct(records=[parsed for _, parsed in part.creates]))
    except Invalid as refusal:
        raise _at_cells(builder, part, refusal) from refusal
    return _keep(batch, [{"record": record.pk, "version": 1} for record in made])


_KEEP = """
    INSERT INTO kernel_importrow (batch_id, record, old, version)
    SELECT %s, v.record, v.old, v.version FROM jsonb_to_recordset(%s::jsonb) v(record uuid, old jsonb, version int)
"""


def _keep(batch: ImportBatch, rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep what was done, for undo; give how many rows. One statement."""
    return db.run(_KEEP, [batch.pk, orjson.dumps(rows, default=str).decode()]) if rows else 0


def _at_cells(builder: _Builder, part: _Part, refusal: Invalid) -> Invalid:
    """Give a refusal of records with its faults at the cells that they came from."""
    found = FieldFaults()
    for path, texts in refusal.fields.items():
        parts = path.split(".")
        if parts[0] == "records" and len(parts) > 1 and parts[1].isdigit():
            for row, column, text in builder.places(part.creates[int(parts[1])][0], ".".join(parts[2:]), texts):
                found.add(("rows", row, column), text)
        else:
            for text in _several(texts):
                found.add(path, text)
    return Invalid(refusal.code, refusal.label, refusal.facts, fields=found.found)


def _change(ctx: Context, noun: Noun, builder: _Builder, part: _Part, batch: ImportBatch) -> int:
    """Change known records of a part where the import says something new; give how many.

    Writes: also their old values, for undo
    """
    if not part.changes:
        return 0
    ctx.require(noun.spec.permission("change"), noun.spec.label)
    change = registry.command(noun.spec.permission("change"))
    _require_in_scope(ctx, noun, change.permission, builder, part)
    keys = [key for _, key, _ in part.changes]
    before = {row["id"]: row for row in reading.read_records(ctx, noun, keys, expand=False)}
    changed = []
    for _built, key, parsed in part.changes:
        old = before.get(str(key), {})
        given = {k for k in parsed.model_fields_set if k != "id"}
        new = jsonable(schema.dump(parsed))
        if any(not _same(old.get(k), new.get(k)) for k in given):
            change(ctx, key, parsed)
            was = {k: old.get(k) for k in sorted(given)}
            changed.append({"record": key, "old": was, "version": old.get("version", 0) + 1})
    return _keep(batch, changed)


def _require_in_scope(ctx: Context, noun: Noun, permission: str, builder: _Builder, part: _Part) -> None:
    """Refuse rows that name records outside the person's scope, as if there were none but taken."""
    limits = access.scope(ctx, noun, permission)
    if limits is None:
        return
    rows = noun.model._base_manager.filter(limits, pk__in=[k for _, k, _ in part.changes])
    within = set(rows.values_list("pk", flat=True))
    faults = FieldFaults()
    for built, key, _ in part.changes:
        if key not in within:
            faults.add(("rows", built.row, builder.column_of.get(noun.spec.natural_key or "", "")),
                       L("已存在，但不在您的范围内", "exists already, outside your scope"))
    faults.refuse_if_any()


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(
            _same({k: v for k, v in o.items() if k in n}, n) if isinstance(n, dict) else o == n
            for o, n in zip(old, new, strict=True)
        )
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_same(old.get(k), v) for k, v in new.items())
    if isinstance(old, str) and isinstance(new, str) and old != new:
        try:
            return Decimal(old) == Decimal(new)
        except ArithmeticError:
            return False
    return old == new


class _Undo(schema.Input):
    batch: UUID = schema.field("导入批次", "Import")


def undo(ctx: Context, batch_key: UUID, *, progress: Progress | None = None) -> ImportBatch:
    """Take an import back: delete what it made, restore what it changed; all or nothing.

    Raises: Conflict when a record was changed since, NotFound for an unknown batch
    """
    batch = ImportBatch.objects.filter(pk=batch_key).first()
    if batch is None or not registry.has_noun(batch.noun):
        raise NotFound()
    noun = registry.noun(batch.noun)

    def work(ctx: Context, _data: Any) -> ImportBatch:
        held = locks.lock(ImportBatch, [batch_key])[batch_key]
        if held.state != "done":
            raise Conflict("import_undone", L("该导入已撤销", "This import was taken back already"))
        _require_all_in_scope(ctx, noun, held)
        _require_untouched(noun, held)
        done, total = 0, held.made + held.changed
        for rows in _rows_of(held):
            locked = locks.begin()
            try:
                if made := [row.record for row in rows if row.old is None]:
                    registry.command(noun.spec.permission("delete"))(ctx, made)
                for row in rows:
                    if row.old is not None:
                        change = registry.command(noun.spec.permission("change"))
                        change(ctx, row.record, _restorable(noun, row.old))
            finally:
                locks.end(locked)
            done += len(rows)
            if progress:
                progress(done, total)
        held.state = "undone"
        ImportBatch.objects.filter(pk=batch_key).update(state="undone", changed_at=ctx.now, changed_by_id=ctx.person)
        return held

    return execute(ctx.with_(through="import"), undo_command(noun, work), data={"batch": str(batch_key)}).value


def _rows_of(batch: ImportBatch) -> Iterator[list[ImportRow]]:
    """Give what an import did, in its order, so many at a time."""
    last = 0
    while rows := list(ImportRow.objects.filter(batch=batch, pk__gt=last).order_by("pk")[:CHUNK]):
        yield rows
        last = rows[-1].pk


def _require_all_in_scope(ctx: Context, noun: Noun, batch: ImportBatch) -> None:
    limits = access.scope(ctx, noun, noun.spec.permission("delete"))
    rows = noun.model._base_manager.filter(pk__in=ImportRow.objects.filter(batch=batch).values("record"))
    if limits is not None and rows.exclude(limits).exists():
        raise NotFound("import_unknown", L("没有这次导入，或不在您的范围内",
                                           "There is no such import, or it lies outside your scope"))


def _require_untouched(noun: Noun, batch: ImportBatch) -> None:
    """Refuse where a record was changed, or deleted, since the import."""
    meta = noun.model._meta
    touched = db.rows(
        f'SELECT r.record, count(*) OVER () FROM kernel_importrow r LEFT JOIN "{meta.db_table}" t '
        f'ON t."{meta.pk.column}" = r.record WHERE r.batch_id = %s AND t.version IS DISTINCT FROM r.version '
        "ORDER BY r.id LIMIT 20", [batch.pk],
    )  # fmt: skip
    if touched:
        raise Conflict(
            "import_changed_since",
            L("有 {count} 条记录在导入后又被修改，不能撤销",
              "{count} records were changed after the import; it cannot be taken back"),
            {"count": touched[0][1], "ids": [record for record, _ in touched]},
        )


def _restorable(noun: Noun, old: Mapping[str, Any]) -> dict[str, Any]:
    """Give old values in the form that change takes: read-only line fields left out."""
    data = {}
    for key, value in old.items():
        line = next((ls for ls in noun.spec.lines if ls.key == key), None)
        if line is None:
            data[key] = value
        else:
            keep = {"id", *(f.key for f in line.fields if not f.readonly)}
            data[key] = [{k: v for k, v in row.items() if k in keep} for row in value]
    return data


# --- export -------------------------------------------------------------------------------------------------


def export(
    ctx: Context, noun: Noun, query: reading.Query, form: str = "csv", *, full: bool = False
) -> Iterator[bytes]:
    """Give a list as a file, in pieces.

    Takes:  form: csv (UTF-8 with mark, so that Excel reads Chinese) or xlsx; full: every writable field and line
            under their keys, as `run` reads them back; else the columns asked for, or what the noun says that files
            hold, under their labels
    Raises: NotAllowed without the right to read; fields the person may not see are left out
    """
    heads, rows = _full(ctx, noun, query) if full else _shown(ctx, noun, query)
    return csv_of(heads, rows) if form == "csv" else xlsx_of(heads, rows)


def _shown(ctx: Context, noun: Noun, query: reading.Query) -> tuple[list[str], Iterator[list[Any]]]:
    reading.require_read(ctx, noun)
    fields = reading.fields_for(ctx, noun, query.columns) or reading.fields_for(ctx, noun, noun.spec.exported)
    query = replace(query, columns=tuple(f.key for f in fields))

    def rows() -> Iterator[list[Any]]:
        for page in reading.each_record(ctx, noun, query):
            for row in page:
                yield [_shown_value(ctx, f, row[f.key], row["_titles"]) for f in fields]

    return [f.label.in_(ctx.language) for f in fields], rows()


def _shown_value(ctx: Context, field: FieldSpec, value: Any, titles: Mapping[str, Mapping[UUID, str]]) -> Any:
    if value is None:
        return ""
    if field.type == "reference" and field.reference:
        return titles.get(field.reference, {}).get(UUID(value), value)
    if field.choices:
        return next((c.label.in_(ctx.language) for c in field.choices if c.key == value), value)
    if field.type == "boolean":
        return L("是", "Yes").in_(ctx.language) if value else L("否", "No").in_(ctx.language)
    if field.type == "tags":
        named = titles.get(field.reference or "", {})
        return ", ".join(named.get(UUID(one), one) if field.reference else one for one in value)
    return Decimal(value) if field.is_number and isinstance(value, str) else value


def _full(ctx: Context, noun: Noun, query: reading.Query) -> tuple[list[str], Iterator[list[Any]]]:
    from banyan.kernel.access import may_see

    reading.require_read(ctx, noun)
    heads = [f for f in noun.spec.fields if not f.readonly and may_see(ctx, f)]
    lines = [(ls, [f for f in ls.fields if not f.readonly and may_see(ctx, f)]) for ls in noun.spec.lines]

    def rows() -> Iterator[list[Any]]:
        for page in reading.each_record(ctx, noun, query):
            records = reading.read_records(ctx, noun, [UUID(r["id"]) for r in page], expand=False)
            names = _natural_names(heads, lines, records)
            for record in records:
                head = [_full_value(f, record[f.key], names) for f in heads]
                depth = max([1, *(len(record[ls.key]) for ls, _ in lines)])
                for n in range(depth):
                    row = head if n == 0 else [""] * len(heads)
                    for ls, fields in lines:
                        own = record[ls.key][n] if n < len(record[ls.key]) else None
                        row = [*row, *(_full_value(f, own[f.key], names) if own else "" for f in fields)]
                    yield row

    return [*(f.key for f in heads), *(f"{ls.key}.{f.key}" for ls, fields in lines for f in fields)], rows()


def _natural_names(
    heads: Sequence[FieldSpec], lines: Sequence[tuple[Any, Sequence[FieldSpec]]], records: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    wanted: dict[str, set[str]] = {}
    for record in records:
        for f in heads:
            if f.reference and record[f.key]:
                several = record[f.key] if f.type == "tags" else [record[f.key]]
                wanted.setdefault(f.reference, set()).update(several)
        for ls, fields in lines:
            for row in record[ls.key]:
                for f in fields:
                    if f.reference and row[f.key]:
                        wanted.setdefault(f.reference, set()).add(row[f.key])
    names: dict[str, dict[str, str]] = {}
    for key, ids in wanted.items():
        noun = registry.noun(key)
        natural = noun.spec.natural_key
        if natural:
            column = noun.spec.field(natural).column
            pairs = noun.model._base_manager.filter(pk__in=ids).values_list("pk", column)
            names[key] = {str(pk): value for pk, value in pairs}
    return names


def _full_value(field: FieldSpec, value: Any, names: Mapping[str, Mapping[str, str]]) -> Any:
    if value is None:
        return ""
    if field.type == "json":
        return orjson.dumps(value).decode()
    if field.type == "tags" and field.reference:
        return ",".join(names.get(field.reference, {}).get(one, one) for one in value)
    if field.reference:
        return names.get(field.reference, {}).get(value, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.type == "tags":
        return ",".join(value)
    return Decimal(value) if field.is_number and isinstance(value, str) else value


#: Rows of a sheet, its head among them. Source: the limits of Excel
MOST_SHEET_ROWS = 1_048_576
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def csv_of(heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("﻿")
    writer.writerow(heads)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_harmless(cell) for cell in row])
        if number % 500 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _harmless(cell: Any) -> Any:
    """Keep a spreadsheet from running text as a formula (numbers stay numbers)."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _RISKY and len(cell) > 1 else cell


def xlsx_of(heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    import tempfile

    import xlsxwriter

    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        book = xlsxwriter.Workbook(
            file.name, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, heads, bold)
        for number, row in enumerate(rows, start=1):
            if number >= MOST_SHEET_ROWS:
                raise TooLarge("sheet_too_long",
                               L("XLSX 最多 {most} 行，请用 CSV 导出", "An XLSX sheet holds {most} rows; use CSV"),
                               {"most": MOST_SHEET_ROWS})
            sheet.write_row(number, 0, [float(c) if isinstance(c, Decimal) else c for c in row])
        book.close()
        with open(file.name, "rb") as done:
            while piece := done.read(65536):
                yield piece

