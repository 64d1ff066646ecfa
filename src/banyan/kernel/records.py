"""Create, change and delete for every noun: three commands derived from its spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field, create_model

from banyan.kernel import db, registry, schema, steady
from banyan.kernel.access import may_see
from banyan.kernel.commands import Command, owe_numbers
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft, Noun
from banyan.kernel.spec import FieldSpec
from banyan.kernel.titles import titles  # noqa: F401  asked for here by those who show records
from banyan.lib.errors import FieldFaults, Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.lib.labels import L


@registry.with_each_noun
def add_record_commands(noun: Noun) -> None:
    """Register the generic create, change and delete of a noun, where it has the verb and no command of its own."""
    spec = noun.spec
    made = {
        "create": Command(
            key=spec.permission("create"), label=L("新建", "Create"), permission=spec.permission("create"),
            function=lambda ctx, data: create(ctx, noun, data.records), input=lambda: create_input(noun),
            on="noun", creates=True, icon="plus", is_primary=True,
        ),
        "change": Command(
            key=spec.permission("change"), label=L("修改", "Change"), permission=spec.permission("change"),
            function=lambda ctx, records, data: change(ctx, noun, records, data),
            input=lambda: schema.input_of(spec, partial=True), icon="pencil",
        ),
        "delete": Command(
            key=spec.permission("delete"), label=L("删除", "Delete"), permission=spec.permission("delete"),
            function=lambda ctx, records: delete(ctx, noun, records), icon="trash", tone="red",
            confirm=L("确定删除？", "Delete it?"),
        ),
    }
    for verb in spec.verbs:
        known = registry.has_command(spec.permission(verb)) and registry.command(spec.permission(verb))
        if not known or known.function.__module__ == __name__:
            registry.add_command(made[verb])


_create_inputs: dict[int, type[BaseModel]] = {}


def create_input(noun: Noun) -> type[BaseModel]:
    """Give the input of a noun's create: a list of records, so that one and ten thousand go the same way."""
    key = id(noun.spec)
    if key not in _create_inputs:
        one = schema.input_of(noun.spec)
        _create_inputs[key] = create_model(
            f"{one.__name__}Many", __base__=schema.Input, records=(list[one], Field(..., min_length=1))
        )
    return _create_inputs[key]


def create(ctx: Context, noun: Noun, rows: Sequence[BaseModel]) -> tuple[Any, ...]:
    """Write new records with their lines.

    Gives:  the records, in the order of the rows
    Raises: Invalid naming row and field of every fault (`records.3.party`)
    Writes: one INSERT per table
    """
    faults = FieldFaults()
    check_references(ctx, noun, rows, faults)
    drafts = [_draft(ctx, noun, row) for row in rows]
    _guard_hidden(ctx, noun, rows)
    faults.refuse_if_any()
    if noun.prepare:
        noun.prepare(ctx, drafts)
    db.insert_rows([d.record for d in drafts])
    _write_lines(noun, drafts)
    for draft in drafts:
        draft.record.empty_lines = tuple(key for key, rows in draft.lines.items() if not rows)
    made = tuple(d.record for d in drafts)
    owe_numbers(made)
    return made


def change(ctx: Context, noun: Noun, records: Sequence[Any], data: BaseModel) -> tuple[Any, ...]:
    """Change what is set in the input on every record; given lines replace the old ones by id.

    Writes: lines; the engine saves the records' own fields and version
    """
    faults = FieldFaults()
    check_references(ctx, noun, [data], faults, prefix=False)
    _check_line_ids(noun, records, data, faults)
    _guard_hidden(ctx, noun, [data])
    faults.refuse_if_any()
    given = frozenset(data.model_fields_set)
    if not given:
        raise Invalid("nothing_to_change", L("没有要修改的内容", "There is nothing to change"))
    drafts = []
    for record in records:
        for field in noun.spec.fields:
            if field.key in given and not field.readonly:
                value = getattr(data, field.key)
                if value is None and not field.nullable:
                    faults.add(field.key, L("不能为空", "must not be empty"))
                setattr(record, field.column, value)
        draft = Draft(record, given=given)
        for line in noun.spec.lines:
            model = noun.line_models[line.key]
            if line.key in given:
                rows = getattr(data, line.key)
                stored = model._base_manager.in_bulk([row.id for row in rows if row.id]) if rows else {}
                draft.lines[line.key] = [
                    _line(noun, line, model, record, row, n, stored.get(row.id)) for n, row in enumerate(rows, start=1)
                ]
            elif noun.prepare:
                draft.lines[line.key] = list(model._base_manager.filter(**{line.parent: record}).order_by("position"))
        drafts.append(draft)
    faults.refuse_if_any()
    if noun.prepare:
        noun.prepare(ctx, drafts)
    for line in noun.spec.lines:
        if line.key in given or noun.prepare:
            model = noun.line_models[line.key]
            if line.key in given:
                kept = [row.pk for d in drafts for row in d.lines[line.key]]
                model._base_manager.filter(**{f"{line.parent}__in": records}).exclude(pk__in=kept).delete()
            rows = [row for d in drafts for row in d.lines.get(line.key, ())]
            if rows:
                columns = [f.name for f in model._meta.concrete_fields if not f.primary_key and not f.generated]
                model._base_manager.bulk_create(
                    rows, update_conflicts=True, unique_fields=["id"], update_fields=columns
                )
    return tuple(records)


def delete(ctx: Context, noun: Noun, records: Sequence[Any]) -> tuple[Any, ...]:
    """Delete drafts, or master data that nothing refers to; their lines go with them."""
    steady.written(noun.model)
    keys = [record.pk for record in records]
    for line in noun.spec.lines:
        noun.line_models[line.key]._base_manager.filter(**{f"{line.parent}__in": keys})._raw_delete("default")
    noun.model._base_manager.filter(pk__in=keys)._raw_delete("default")
    return tuple(records)


def _draft(ctx: Context, noun: Noun, row: BaseModel) -> Draft:
    values: dict[str, Any] = {}
    for field in noun.spec.fields:
        if not field.readonly and field.key in row.model_fields_set:
            value = getattr(row, field.key)
            if value is not None or field.nullable:
                values[field.column] = value
    record = noun.model(
        id=getattr(row, "id", None) or new_id(), created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person, **values,
    )
    draft = Draft(record, given=frozenset(row.model_fields_set))
    for line in noun.spec.lines:
        model = noun.line_models[line.key]
        draft.lines[line.key] = [
            _line(noun, line, model, record, one, n) for n, one in enumerate(getattr(row, line.key), start=1)
        ]
    return draft


def _line(
    noun: Noun, line: Any, model: Any, record: Any, row: BaseModel, position: int, stored: Any = None
) -> Any:
    """Give the line to write: a new one, or the stored one with what the input sets; the rest of it stays."""
    parent = model._meta.get_field(line.parent).attname
    values = {
        field.column: getattr(row, field.key) for field in line.fields
        if not field.readonly and field.key in row.model_fields_set
        and (getattr(row, field.key) is not None or field.nullable)
    }
    if stored is None:
        return model(id=row.id or new_id(), position=position, **{parent: record.pk}, **values)
    stored.position = position
    for column, value in values.items():
        setattr(stored, column, value)
    return stored


def _write_lines(noun: Noun, drafts: Sequence[Draft]) -> None:
    for key in noun.line_models:
        db.insert_rows([row for draft in drafts for row in draft.lines.get(key, ())])


def _guard_hidden(ctx: Context, noun: Noun, rows: Sequence[BaseModel]) -> None:
    """Refuse input for a field, of the noun or of its lines, that the person may not see. Raises: NotAllowed"""
    _guard_fields(ctx, noun.spec.fields, rows)
    for line in noun.spec.lines:
        given = [one for row in rows if line.key in row.model_fields_set for one in getattr(row, line.key)]
        _guard_fields(ctx, line.fields, given)


def _guard_fields(ctx: Context, fields: Sequence[FieldSpec], rows: Sequence[BaseModel]) -> None:
    for field in fields:
        if not may_see(ctx, field) and any(field.key in row.model_fields_set for row in rows):
            raise NotAllowed("field_not_allowed", L("您没有“{field}”的权限", "You have no right to “{field}”"),
                             {"field": field.label})


def check_references(
    ctx: Context, noun: Noun, rows: Sequence[BaseModel], faults: FieldFaults, *, prefix: bool = True
) -> None:
    """Note every reference to a record that does not exist. One statement"""
    wanted: dict[str, dict[UUID, list[tuple]]] = {}

    def collect(fields: Sequence[FieldSpec], row: BaseModel, path: tuple) -> None:
        for field in fields:
            if field.type in ("reference", "tags") and field.reference and field.key in row.model_fields_set:
                value = getattr(row, field.key)
                for one in value if isinstance(value, list) else [value] if value is not None else []:
                    wanted.setdefault(field.reference, {}).setdefault(one, []).append((*path, field.key))

    for number, row in enumerate(rows):
        path = ("records", number) if prefix else ()
        collect([f for f in noun.spec.fields if not f.readonly], row, path)
        for line in noun.spec.lines:
            if line.key in row.model_fields_set:
                for n, one in enumerate(getattr(row, line.key)):
                    collect([f for f in line.fields if not f.readonly], one, (*path, line.key, n))
    note_unknown(wanted, faults)


def note_unknown(wanted: Mapping[str, Mapping[UUID, Sequence[tuple]]], faults: FieldFaults) -> None:
    """Note every named record that does not exist. One statement

    Takes:  by noun and record, the places where it is named
    """
    asked = [(registry.noun(key), uses) for key, uses in sorted(wanted.items())]
    known = set(db.rows(_named([target for target, _ in asked]), [list(uses) for _, uses in asked]) if asked else ())
    for n, (target, uses) in enumerate(asked):
        for value, paths in uses.items():
            if (n, value) not in known:
                for path in paths:
                    faults.add(path, L("找不到所选的{noun}", "no such {noun}").filled({"noun": target.spec.label}))


def _named(targets: Sequence[Noun]) -> str:
    """Give the statement that says which of some keys of each noun exist."""
    each = 'SELECT {n}, "{key}" FROM "{table}" WHERE "{key}" = ANY(%s)'
    models = [(n, target.model._meta) for n, target in enumerate(targets)]
    return " UNION ALL ".join(each.format(n=n, key=meta.pk.column, table=meta.db_table) for n, meta in models)


def _check_line_ids(noun: Noun, records: Sequence[Any], data: BaseModel, faults: FieldFaults) -> None:
    """Note every given line id that is given twice or belongs to another record.

    A change never takes a line away from its own.
    """
    for line in noun.spec.lines:
        rows = getattr(data, line.key) if line.key in data.model_fields_set else ()
        ids = [row.id for row in rows if row.id]
        if not ids:
            continue
        model = noun.line_models[line.key]
        parent = model._meta.get_field(line.parent).attname
        parents = dict(model._base_manager.filter(pk__in=ids).values_list("pk", parent))
        for n, row in enumerate(rows):
            if row.id and ids.count(row.id) > 1:
                faults.add((line.key, n, "id"), L("同一行出现了两次", "this line is given twice"))
            elif row.id in parents and [parents[row.id]] != [record.pk for record in records]:
                faults.add((line.key, n, "id"), L("该行属于另一条记录", "this line belongs to another record"))
