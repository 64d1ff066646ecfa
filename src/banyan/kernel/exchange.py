"""Import and export of any noun: a table in, a table out, by its spec alone.

Import: read a file or a pasted block → map columns to fields → check every cell → do all of it in one transaction or
none of it; undo takes it back. Rows that follow each other with the same header values, or with empty ones, are lines
of one record. References are written as the other noun's natural key (code, number) or id.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from banyan.kernel import access, locks, reading, registry, schema
from banyan.kernel.commands import Command, audits_refusals, execute
from banyan.kernel.context import Context
from banyan.kernel.models import ImportBatch
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec
from banyan.lib.errors import Conflict, FieldFaults, Invalid, NotFound, TooLarge, UnsupportedMedia, jsonable
from banyan.lib.labels import L, Label

MOST_ROWS = 200_000
MOST_UNPACKED = 400 * 1024 * 1024
CHUNK = 2_000
SHOWN_FAULTS = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Table:
    """Cells as they stand: column heads, and rows as text (or as the workbook's own values)."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    name: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with a cell; `row` counts from 1 below the head, `column` is empty for a whole row."""

    row: int
    column: str
    text: Label


@dataclass(frozen=True)
class Check:
    """What an import would do: records to make, records to change, and every fault (the first 500)."""

    rows: int
    creates: int
    changes: int
    faults: tuple[CellFault, ...] = ()
    fault_count: int = 0


@dataclass(frozen=True)
class Target:
    """A place a column can go to: `lines.item` for a line's field."""

    path: str
    label: Label
    required: bool


# --- reading tables -----------------------------------------------------------------------------------------


def read_table(name: str, content: bytes | str) -> Table:
    """Read CSV, a block pasted from a spreadsheet, or XLSX (first sheet).

    Takes:  content: bytes of a file, or pasted text; UTF-8, UTF-16 and GB18030 are told apart
    Raises: Invalid for an empty table, TooLarge above 200,000 rows, UnsupportedMedia for what is neither
    """
    raw = content.encode() if isinstance(content, str) else content
    digest = hashlib.sha256(raw).hexdigest()
    rows = _sheet(raw) if raw[:4] == b"PK\x03\x04" else _text_rows(_decoded(content))
    rows = [row for row in rows if any(cell not in ("", None) for cell in row)]
    if not rows:
        raise Invalid("table_empty", L("表格是空的", "The table is empty"))
    if len(rows) > MOST_ROWS + 1:
        raise TooLarge("table_too_long", L("最多 {most} 行", "At most {most} rows"), {"most": MOST_ROWS})
    heads = tuple(str(cell or "").strip() for cell in rows[0])
    if not any(heads):
        raise Invalid("table_headless", L("第一行须为列名", "The first row must name the columns"))
    return Table(heads, rows[1:], name, digest)


def _sheet(raw: bytes) -> list[list[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    _check_unpacked(raw)
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError):
        raise UnsupportedMedia("workbook_broken", L("无法读取该工作簿", "The workbook cannot be read")) from None


def _check_unpacked(raw: bytes) -> None:
    """Refuse a workbook that would fill the memory when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except zipfile.BadZipFile:
        raise UnsupportedMedia("workbook_broken", L("无法读取该工作簿", "The workbook cannot be read")) from None
    if size > MOST_UNPACKED:
        raise TooLarge("workbook_too_large",
                       L("工作簿解压后超过 {most} MB", "The workbook is larger than {most} MB when unpacked"),
                       {"most": MOST_UNPACKED // 1024 // 1024})


def _decoded(content: bytes | str) -> str:
    if isinstance(content, str):
        return content
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnsupportedMedia("table_encoding", L("无法识别文件编码", "The file's encoding cannot be told"))


def _text_rows(text: str) -> list[list[str]]:
    head = text[:4096].split("\n", 1)[0]
    delimiter = max("\t,;", key=head.count)
    csv.field_size_limit(1_000_000)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise UnsupportedMedia("table_broken", L("无法按表格读取", "It cannot be read as a table")) from None


# --- columns ------------------------------------------------------------------------------------------------


def targets(noun: Noun) -> tuple[Target, ...]:
    """Give the places a column can go to: the noun's writable fields, then those of its lines."""
    found = [Target("id", L("标识", "Key"), False)]
    found += [Target(f.key, f.label, f.required) for f in noun.spec.fields if not f.readonly]
    for line in noun.spec.lines:
        found += [
            Target(f"{line.key}.{f.key}",
                   L(f"{line.label.zh}·{f.label.zh}", f"{line.label.en}: {f.label.en}"), f.required)
            for f in line.fields if not f.readonly
        ]
    return tuple(found)


def suggest_map(noun: Noun, columns: Sequence[str]) -> dict[str, str]:
    """Give the likely target per column: by key, label in either language, or the noun's import map."""
    known: dict[str, str] = {}
    for target in targets(noun):
        for name in (target.path, target.label.zh, target.label.en, target.path.split(".")[-1]):
            known.setdefault(_bare(name), target.path)
    known |= {_bare(source): path for source, path in noun.spec.import_map}
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


class _Builder:
    """Turns a table into input data of a noun, collecting cell faults; references are resolved in one go each."""

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
        self.references: dict[str, dict[str, UUID | None]] = {}

    def fault(self, row: int, column: str, text: Label) -> None:
        self.fault_count += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(CellFault(row, column, text))

    def build(self) -> list[_Built]:
        self._resolve()
        built: list[_Built] = []
        last_head: tuple | None = None
        for number, cells in enumerate(self.table.rows, start=1):
            head = tuple(_cell(cells, index) for index, _, _ in self.heads)
            continues = bool(self.lines) and built and (head == last_head or not any(_filled(c) for c in head))
            if not continues:
                data = {}
                for (_, column, spec), value in zip(self.heads, head, strict=True):
                    self._put(data, number, column, spec, value)
                built.append(_Built(number, data))
                last_head = head
            for key, columns in self.lines.items():
                values: dict[str, Any] = {}
                for index, column, spec in columns:
                    self._put(values, number, column, spec, _cell(cells, index))
                if values:
                    built[-1].data.setdefault(key, []).append(values)
                    built[-1].line_rows.setdefault(key, []).append(number)
        return built

    def _put(self, data: dict[str, Any], row: int, column: str, spec: FieldSpec | None, value: Any) -> None:
        if not _filled(value):
            return
        if spec is None:
            data["id"] = str(value).strip()
            return
        if spec.reference and spec.type in ("reference", "tags"):
            known = {name: self.references[spec.reference].get(name) for name in _names_in(spec, value)}
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

    def _resolve(self) -> None:
        wanted: dict[str, set[str]] = {}
        columns = [(i, s) for i, _, s in self.heads if s] + [(i, s) for c in self.lines.values() for i, _, s in c]
        for index, spec in columns:
            if spec.reference and spec.type in ("reference", "tags"):
                names = wanted.setdefault(spec.reference, set())
                for row in self.table.rows:
                    if _filled(cell := _cell(row, index)):
                        names.update(_names_in(spec, cell))
        for key, names in wanted.items():
            self.references[key] = resolve(key, names)


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
    if keys:
        for one in noun.model._base_manager.filter(pk__in=list(keys)).values_list("pk", flat=True):
            found[keys[one]] = one
    natural = noun.spec.natural_key or (noun.spec.numbering.field if noun.spec.numbering else None)
    rest = [name for name in names if found[name] is None and schema.NUL not in name]
    if natural and rest:
        column = noun.spec.field(natural).column
        for value, pk in noun.model._base_manager.filter(**{f"{column}__in": rest}).values_list(column, "pk"):
            found[value] = pk
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


@dataclass
class _Plan:
    creates: list[tuple[_Built, Any]]
    changes: list[tuple[_Built, UUID, Any]]
    builder: _Builder


def _plan(ctx: Context, noun: Noun, table: Table, mapping: Mapping[str, str]) -> _Plan:
    builder = _Builder(noun, table, mapping)
    built = builder.build()
    natural = noun.spec.natural_key
    existing: dict[str, UUID | None] = {}
    if natural and natural in builder.column_of:
        existing = resolve(noun.spec.key, {str(b.data[natural]) for b in built if natural in b.data})
        seen: dict[str, int] = {}
        for one in built:
            value = str(one.data.get(natural, ""))
            if value and value in seen:
                builder.fault(one.row, builder.column_of[natural],
                              L("与第 {row} 行重复", "repeats row {row}").filled({"row": seen[value]}))
            seen.setdefault(value, one.row)
    plan = _Plan([], [], builder)
    for one in built:
        known = existing.get(str(one.data.get(natural))) if natural else None
        model = schema.input_of(noun.spec, partial=known is not None)
        try:
            parsed = model.model_validate(one.data)
        except ValidationError as fault:
            for path, texts in schema.refusal_of_input(fault, model).fields.items():
                _place(builder, one, path, texts)
            continue
        if known is not None:
            plan.changes.append((one, known, parsed))
        else:
            plan.creates.append((one, parsed))
    return plan


def _place(builder: _Builder, built: _Built, path: str, texts: Label | list[Label]) -> None:
    """Note a fault at the cell that its path in the record came from."""
    parts = path.split(".")
    row, key = built.row, parts[0]
    if len(parts) > 1 and parts[1].isdigit() and key in built.line_rows:
        row = built.line_rows[key][int(parts[1])]
        key = ".".join([key, *parts[2:]])
    about = None if key in builder.column_of else _label_of(builder.noun, key)
    for text in texts if isinstance(texts, list) else [texts]:
        said = L(f"{about.zh}：{text.zh}", f"{about.en}: {text.en}") if about else text
        builder.fault(row, builder.column_of.get(key, ""), said)


def _label_of(noun: Noun, path: str) -> Label | None:
    """Give the words for a field that no column stands for: `plant`, `lines.item`; None where there is none."""
    key, _, inner = path.partition(".")
    line = next((one for one in noun.spec.lines if one.key == key), None)
    if line is None:
        return noun.spec.field(key).label if noun.spec.has_field(key) else None
    field = next((f for f in line.fields if f.key == inner), None)
    return L(f"{line.label.zh}·{field.label.zh}", f"{line.label.en}: {field.label.en}") if field else line.label


def check(
    ctx: Context, noun: Noun, table: Table, mapping: Mapping[str, str], *, is_rehearsed: bool = True
) -> Check:
    """Say what an import would do and everything that is wrong, writing nothing.

    Takes:  is_rehearsed: when no cell is wrong, do the import in full and roll it back
    """
    ctx.require(noun.spec.permission("create"), noun.spec.label)
    plan = _plan(ctx, noun, table, mapping)
    builder = plan.builder
    if is_rehearsed and not builder.faults:
        try:
            execute(ctx.with_(through="import", key=None), _command(noun, table, mapping, plan),
                    data={"digest": table.digest, "columns": dict(mapping)}, dry_run=True)
        except Invalid as refusal:
            _faults_of_records(plan, refusal)
        except Conflict as refusal:
            builder.fault(0, "", refusal.label)
    return Check(len(table.rows), len(plan.creates), len(plan.changes), tuple(builder.faults), builder.fault_count)


def _faults_of_records(plan: _Plan, refusal: Invalid) -> None:
    for path, texts in refusal.fields.items():
        parts = path.split(".")
        if parts[0] == "records" and len(parts) > 1 and parts[1].isdigit():
            _place(plan.builder, plan.creates[int(parts[1])][0], ".".join(parts[2:]), texts)
        elif parts[0] == "rows" and len(parts) > 1 and parts[1].isdigit():
            for text in texts if isinstance(texts, list) else [texts]:
                plan.builder.fault(int(parts[1]), ".".join(parts[2:]), text)
        else:
            for text in texts if isinstance(texts, list) else [texts]:
                plan.builder.fault(0, "", text)
    if not refusal.fields:
        plan.builder.fault(0, "", refusal.label)


def run(
    ctx: Context, noun: Noun, table: Table, mapping: Mapping[str, str], *, progress: Progress | None = None
) -> ImportBatch:
    """Import all rows in one transaction, or none.

    Raises: Invalid with a fault per cell (`rows.12.Code`); NotAllowed; nothing is written then
    Writes: the records through create and change, and the batch that undo reads
    """
    source = {"digest": table.digest, "columns": dict(mapping)}
    with audited(ctx, noun, data=source):
        plan = _plan(ctx, noun, table, mapping)
        faults = FieldFaults()
        for fault in plan.builder.faults:
            faults.add(("rows", fault.row, fault.column), fault.text)
        faults.refuse_if_any()
    done = execute(ctx.with_(through="import"), _command(noun, table, mapping, plan, progress), data=source)
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
    noun: Noun, table: Table, mapping: Mapping[str, str], plan: _Plan, progress: Progress | None = None
) -> Command:
    """Give the command that does a plan: one permission, one transaction, one audit line."""
    spec = noun.spec

    def work(ctx: Context, _data: Any) -> ImportBatch:
        total, done = len(plan.creates) + len(plan.changes), 0
        made: list[UUID] = []
        create = registry.command(spec.permission("create"))
        for start in range(0, len(plan.creates), CHUNK):
            part = plan.creates[start : start + CHUNK]
            try:
                records = create(ctx, create.input_model().model_construct(records=[p for _, p in part]))
            except Invalid as refusal:
                raise _shifted(refusal, start) from refusal
            made += [r.pk for r in records]
            done += len(part)
            if progress:
                progress(done, total)
        changed = _change(ctx, noun, plan, progress, done, total) if plan.changes else []
        batch = ImportBatch(
            noun=spec.key, source_name=table.name[:255], source_digest=table.digest, columns=dict(mapping), made=made,
            changed=changed, rows=len(table.rows), created_at=ctx.now, created_by_id=ctx.person,
            changed_at=ctx.now, changed_by_id=ctx.person,
        )
        ImportBatch.objects.bulk_create([batch])
        return batch

    return import_command(noun, work)


class _Source(schema.Input):
    """Which table it is and how its columns go to fields; the rows travel beside the input."""

    digest: str
    columns: dict[str, str]


def _shifted(refusal: Invalid, start: int) -> Invalid:
    """Give the refusal with record numbers counted over all chunks."""
    moved = {}
    for path, fault in refusal.fields.items():
        parts = path.split(".")
        if parts[0] == "records" and len(parts) > 1 and parts[1].isdigit():
            parts[1] = str(int(parts[1]) + start)
        moved[".".join(parts)] = fault
    return Invalid(refusal.code, refusal.label, refusal.facts, fields=moved)


def _change(
    ctx: Context, noun: Noun, plan: _Plan, progress: Progress | None, done: int, total: int
) -> list[dict[str, Any]]:
    """Change known records where the import says something new; give their old values for undo."""
    ctx.require(noun.spec.permission("change"), noun.spec.label)
    change = registry.command(noun.spec.permission("change"))
    keys = [key for _, key, _ in plan.changes]
    _require_in_scope(ctx, noun, change.permission, plan)
    before = {row["id"]: row for row in reading.read_records(ctx, noun, keys, expand=False)}
    changed = []
    for number, (_built, key, parsed) in enumerate(plan.changes, start=1):
        old = before.get(str(key), {})
        given = {k for k in parsed.model_fields_set if k != "id"}
        new = jsonable(schema.dump(parsed))
        if any(not _same(old.get(k), new.get(k)) for k in given):
            change(ctx, key, parsed)
            was = {k: old.get(k) for k in sorted(given)}
            changed.append({"id": str(key), "old": was, "version": old.get("version", 0) + 1})
        if progress and number % 200 == 0:
            progress(done + number, total)
    return changed


def _require_in_scope(ctx: Context, noun: Noun, permission: str, plan: _Plan) -> None:
    """Refuse rows that name records outside the person's scope, as if there were none but taken."""
    limits = access.scope(ctx, noun, permission)
    if limits is None:
        return
    rows = noun.model._base_manager.filter(limits, pk__in=[k for _, k, _ in plan.changes])
    within = set(rows.values_list("pk", flat=True))
    faults = FieldFaults()
    for built, key, _ in plan.changes:
        if key not in within:
            faults.add(("rows", built.row, plan.builder.column_of.get(noun.spec.natural_key or "", "")),
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
        _require_all_in_scope(ctx, noun, [*held.made, *(UUID(c["id"]) for c in held.changed)])
        rows = noun.model._base_manager.filter(pk__in=held.made).values_list("pk", "version")
        touched = [pk for pk, version in rows if version != 1]
        now = dict(noun.model._base_manager.filter(pk__in=[c["id"] for c in held.changed]).values_list("pk", "version"))
        touched += [UUID(c["id"]) for c in held.changed if now.get(UUID(c["id"])) != c["version"]]
        if touched:
            raise Conflict(
                "import_changed_since",
                L("有 {count} 条记录在导入后又被修改，不能撤销",
                  "{count} records were changed after the import; it cannot be taken back"),
                {"count": len(touched), "ids": touched[:20]},
            )
        for start in range(0, len(held.made), CHUNK):
            registry.command(noun.spec.permission("delete"))(ctx, held.made[start : start + CHUNK])
            if progress:
                progress(min(start + CHUNK, len(held.made)), len(held.made) + len(held.changed))
        if held.changed:
            change = registry.command(noun.spec.permission("change"))
            for one in held.changed:
                change(ctx, UUID(one["id"]), _restorable(noun, one["old"]))
        held.state = "undone"
        ImportBatch.objects.filter(pk=batch_key).update(state="undone", changed_at=ctx.now, changed_by_id=ctx.person)
        return held

    return execute(ctx.with_(through="import"), undo_command(noun, work), data={"batch": str(batch_key)}).value


def _require_all_in_scope(ctx: Context, noun: Noun, keys: Sequence[UUID]) -> None:
    limits = access.scope(ctx, noun, noun.spec.permission("delete"))
    rows = noun.model._base_manager.filter(pk__in=keys)
    if limits is not None and rows.exclude(limits).exists():
        raise NotFound("import_unknown", L("没有这次导入，或不在您的范围内",
                                           "There is no such import, or it lies outside your scope"))


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
            under their keys, as `run` reads them back; else the columns shown, under their labels
    Raises: NotAllowed without the right to read; fields the person may not see are left out
    """
    heads, rows = _full(ctx, noun, query) if full else _shown(ctx, noun, query)
    return csv_of(heads, rows) if form == "csv" else xlsx_of(heads, rows)


def _shown(ctx: Context, noun: Noun, query: reading.Query) -> tuple[list[str], Iterator[list[Any]]]:
    fields = reading.fields_for(ctx, noun, query.columns or noun.spec.list)
    reading.require_read(ctx, noun)

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
            sheet.write_row(number, 0, [float(c) if isinstance(c, Decimal) else c for c in row])
        book.close()
        with open(file.name, "rb") as done:
            while piece := done.read(65536):
                yield piece

