"""What is checked before mapping tables, links and rules are written: lines one by one, entities, fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from banyan.integration.mapping import paths
from banyan.integration.mapping.converters import ValueMap as Values
from banyan.integration.mapping.converters import steps_of
from banyan.integration.mapping.faults import Unfit
from banyan.integration.mapping.models import ValueMap
from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.lib.errors import FieldFaults, Invalid
from banyan.lib.expressions import ExpressionFault
from banyan.lib.expressions.parser import parsed
from banyan.lib.labels import L, Label


class LinesWrong(Invalid):
    code = "mapping.lines_wrong"
    zh = "映射表有 {count} 处不能读懂"
    en = "{count} entries of the mapping table cannot be read"
    way_out_zh = "按每行的提示修改"
    way_out_en = "Correct the lines as each one says"


class EntityUnknown(Invalid):
    code = "mapping.entity_unknown"
    zh = "没有实体“{entity}”"
    en = "There is no entity “{entity}”"
    way_out_zh = "填写单据或档案的名称，如 parties.party、items.item"
    way_out_en = "Give the key of a noun, such as parties.party or items.item"


class RecordsUnknown(Invalid):
    code = "mapping.records_unknown"
    zh = "有 {count} 条对照所指的我方记录不存在，或您看不到"
    en = "{count} of the records to be linked do not exist, or are not yours to see"
    way_out_zh = "检查“我方记录”的标识，或先建立该记录；按编码关联请用“关联”"
    way_out_en = "Check the keys of our records, or make the records first; to link by our code use Link"


class FieldUnknown(Invalid):
    code = "mapping.field_unknown"
    zh = "{entity} 没有字段“{field}”"
    en = "{entity} has no field “{field}”"
    way_out_zh = "可用字段：{known}"
    way_out_en = "Fields there are: {known}"


def lines_are_right(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse lines that cannot be read: path, converter, grammar of expressions; the whole is checked when compiled.

    Raises: LinesWrong with a fault by `lines.N.column`
    """
    codes = frozenset(ValueMap.objects.values_list("code", flat=True))
    known = {code: Values(code, ()) for code in codes}
    for draft in drafts:
        faults: dict[str, Label | list[Label]] = {}
        for number, line in enumerate(draft.lines.get("lines", ())):
            for column, words in _line_faults(line, known):
                faults.setdefault(f"lines.{number}.{column}", words)
        if faults:
            raise LinesWrong(fields=faults, count=len(faults))


def _line_faults(line: Any, value_maps: dict[str, Values]) -> Iterator[tuple[str, Label]]:
    for column in ("target", "source"):
        try:
            if text := getattr(line, column):
                paths.parse(text)
        except Unfit as unfit:
            yield column, unfit.text
    if line.source and line.expression:
        yield "expression", L("来源与表达式只能填一个", "Give a source or an expression, not both")
    try:
        steps_of(line.converter, value_maps)
    except Unfit as unfit:
        yield "converter", unfit.text
    default = line.default.removeprefix("=") if line.default.startswith("=") else ""
    for column, text in (("expression", line.expression), ("when", line.when), ("default", default)):
        try:
            if text:
                parsed(text)
        except ExpressionFault as fault:
            yield column, fault.label


def entities_exist(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse an entity that is no noun. Raises: EntityUnknown."""
    for draft in drafts:
        require_entity(draft.record.entity)


def records_exist(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse links to records that are not there, or not for this person to read. One statement per entity.

    Raises: EntityUnknown, RecordsUnknown naming every draft (`records.3.record`)
    """
    entities_exist(ctx, drafts)
    named: dict[str, set[UUID]] = {}
    for draft in drafts:
        named.setdefault(draft.record.entity, set()).add(draft.record.record)
    there = {entity: set(readable(ctx, require_entity(entity), keys)) for entity, keys in named.items()}
    faults, count = FieldFaults(), 0
    for number, draft in enumerate(drafts):
        if draft.record.record not in there[draft.record.entity]:
            label = require_entity(draft.record.entity).spec.label
            text = L("找不到该{noun}", "There is no such {noun}").filled({"noun": label})
            faults.add(("records", number, "record"), text)
            count += 1
    if count:
        raise RecordsUnknown(count=count, fields=faults.found)


def readable(ctx: Context, noun: Any, keys: Iterable[UUID]) -> Iterator[UUID]:
    """Give those of the keys that are records which the person may read. One statement."""
    rows = noun.model._base_manager.filter(pk__in=list(keys))
    within = access.scope(ctx, noun, noun.spec.permission("read"))
    return (rows if within is None else rows.filter(within)).values_list("pk", flat=True).iterator()


def fields_exist(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a rule for an entity or a field of it that does not exist. Raises: EntityUnknown, FieldUnknown."""
    for draft in drafts:
        spec = require_entity(draft.record.entity).spec
        if not spec.has_field(draft.record.field):
            known = [field.key for field in spec.fields if not field.readonly]
            raise FieldUnknown(entity=spec.key, field=draft.record.field, known=known,
                               fields={"field": L("没有此字段", "There is no such field")})  # fmt: skip


def require_entity(key: str) -> Any:
    """Give the noun of that key. Raises: EntityUnknown."""
    if not registry.has_noun(key):
        raise EntityUnknown(entity=key, fields={"entity": L("没有此实体", "There is no such entity")})
    return registry.noun(key)
