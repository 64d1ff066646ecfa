"""What mappings look up, all at once: key links both ways, our own codes, and the definition of a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import F

from banyan.integration.mapping.applying import needs
from banyan.integration.mapping.converters import Facts, Need
from banyan.integration.mapping.definition import Mapping as Compiled
from banyan.integration.mapping.models import KeyLink, Sample, Table, TableField, ValueLine, ValueMap
from banyan.integration.mapping.payloads import read_payload, types_of
from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError, NotFound
from banyan.lib.labels import L

#: So many lookups of lookups are answered: their code → our record → the code of another system.
MOST_ROUNDS = 4


def keys_of(system: str, entity: str, codes: Iterable[str]) -> dict[str, UUID]:
    """Give our records by outside code, confirmed links only. One statement."""
    rows = KeyLink.objects.filter(system=system, entity=entity, code__in=list(codes), state="confirmed")
    return dict(rows.values_list("code", "record"))


def codes_of(system: str, entity: str, records: Iterable[UUID]) -> dict[UUID, str]:
    """Give the main outside code of our records, confirmed links only. One statement."""
    rows = KeyLink.objects.filter(
        system=system, entity=entity, record__in=list(records), state="confirmed", is_main=True
    )
    return dict(rows.values_list("record", "code"))


def facts_for(
    mapping: Compiled,
    bodies: Sequence[Any],
    *,
    system: str = "",
    today: date | None = None,
    zone: str = "Asia/Shanghai",
    settings: Mapping[str, str] | None = None,
    ctx: Context | None = None,
) -> Facts:
    """Give the facts with every lookup that these payloads need answered.

    Takes:  ctx: who looks, where it is a person: only what they may read is found
    Gives:  a lookup without an answer is absent, and becomes a fault where it is used. One statement per kind,
            system and entity; once more for lookups of what was looked up
    """
    facts = Facts(system, today, zone, dict(settings or {}))
    asked: set[Need] = set()
    for _ in range(MOST_ROUNDS):
        needed = needs(mapping, bodies, facts) - asked
        if not needed:
            break
        asked |= needed
        facts = Facts(system, today, zone, facts.settings, {**facts.found, **answered(needed, ctx)})
    return facts


def answered(needs: Iterable[Need], ctx: Context | None = None) -> dict[Need, str]:
    """Give the answers there are, by need; for a person, those they may read."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for need in needs:
        groups[need.kind, need.system, need.entity].append(need.key)
    found: dict[Need, str] = {}
    for (kind, system, entity), keys in sorted(groups.items()):
        if kind in ("ours", "theirs"):
            answers = _links(ctx, kind, system, entity, keys)
        else:
            answers = _own(ctx, kind, entity, keys)
        found |= {Need(kind, system, entity, key): str(value) for key, value in answers.items()}
    return found


def _links(ctx: Context | None, kind: str, system: str, entity: str, keys: list[str]) -> Mapping[str, Any]:
    if ctx is not None and not ctx.may("mapping.key_link.read"):
        return {}
    if kind == "ours":
        return keys_of(system, entity, keys)
    ids = _uuids(keys)
    codes = codes_of(system, entity, ids.values())
    return {text: codes[key] for text, key in ids.items() if key in codes}


def _own(ctx: Context | None, kind: str, entity: str, keys: list[str]) -> Mapping[str, Any]:
    """Give records by our own code or number, or the other way; a code that several records bear names none."""
    if not registry.has_noun(entity):
        return {}
    noun = registry.noun(entity)
    natural = noun.spec.natural_key or (noun.spec.numbering.field if noun.spec.numbering else None)
    if natural is None:
        return {}
    within = access.scope(ctx, noun, noun.spec.permission("read")) if ctx is not None else None
    rows = noun.model._base_manager.filter(within) if within is not None else noun.model._base_manager
    if kind == "record":
        found: dict[str, list[UUID]] = defaultdict(list)
        for code, key in rows.filter(**{f"{natural}__in": keys}).values_list(natural, "pk"):
            found[code].append(key)
        return {code: same[0] for code, same in found.items() if len(same) == 1}
    ids = _uuids(keys)
    named = dict(rows.filter(pk__in=ids.values(), **{f"{natural}__isnull": False}).values_list("pk", natural))
    return {text: named[key] for text, key in ids.items() if key in named}


def _uuids(texts: Iterable[str]) -> dict[str, UUID]:
    """Give the keys that texts are, by text; what is none is left out."""
    made = {}
    for text in texts:
        try:
            made[text] = UUID(text)
        except ValueError:
            continue
    return made


def definition_of(table: Table | UUID | str) -> dict[str, Any]:
    """Give a mapping table as the JSON that a flow freezes: fields, the value maps they name, types from samples.

    Takes:  the table, its id, or its code
    Raises: NotFound
    """
    found = table if isinstance(table, Table) else _table(table)
    lines = list(TableField.objects.filter(table=found).order_by("position", "pk"))
    return frozen(found.code, [as_definition(line) for line in lines], sample_bodies(found.pk))


def _table(key: UUID | str) -> Table:
    found = Table.objects.filter(**({"pk": key} if isinstance(key, UUID) else {"code": key})).first()
    if found is None:
        raise NotFound("mapping.table_unknown", L("没有映射表 {table}", "There is no mapping table {table}"),
                       {"table": str(key)})  # fmt: skip
    return found


def frozen(code: str, fields: list[dict[str, Any]], bodies: Iterable[Any]) -> dict[str, Any]:
    """Give a definition of these fields: types read from payloads, value maps as they are now."""
    return {"format": 1, "code": code, "fields": fields, "types": types_of(*bodies),
            "value_maps": value_maps_for(fields)}  # fmt: skip


def as_definition(line: TableField) -> dict[str, Any]:
    """Give a line of a table as a field of a definition."""
    given = {
        "target": line.target, "source": line.source, "expression": line.expression, "converter": line.converter,
        "default": line.default, "required": line.is_required, "when": line.when, "sends_null": line.sends_null,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value not in ("", False)}


def value_maps_for(fields: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the value maps that converters of these fields may name, as a definition holds them. Two statements."""
    text = " ".join(str(field.get("converter") or "") for field in fields)
    if "map" not in text:
        return {}
    maps = [one for one in ValueMap.objects.all() if one.code in text]
    pairs: dict[UUID, list[list[str]]] = defaultdict(list)
    rows = ValueLine.objects.filter(value_map__in=maps).order_by("position", "pk")
    for key, outside, ours in rows.values_list(F("value_map"), "outside", "ours"):
        pairs[key].append([outside, ours])
    return {m.code: {"lines": pairs[m.pk], "unknown": m.unknown, "default": m.default} for m in maps}


def sample_bodies(table: UUID) -> list[Any]:
    """Give the pinned samples of a table as data, those that cannot be read left out."""
    bodies = []
    for text in Sample.objects.filter(table=table).order_by("created_at").values_list("body", flat=True):
        try:
            bodies.append(read_payload(text))
        except DomainError:
            continue
    return bodies
