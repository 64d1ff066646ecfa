"""The names by which people know records: those of any number of nouns in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from banyan.kernel import db, registry
from banyan.kernel.spec import FieldSpec
from banyan.lib.labels import is_chinese, spoken_language


def titles(noun_key: str, ids: Collection[UUID | str]) -> Mapping[UUID, str]:
    """Give the names of records of one noun."""
    return titles_of({noun_key: ids}).get(noun_key, {})


def titles_of(wanted: Mapping[str, Collection[UUID | str]]) -> dict[str, dict[UUID, str]]:
    """Give the names of records by noun, in the language now spoken.

    One statement, plus one per depth of references in titles.
    """
    asked = [(key, [str(one) for one in ids if one is not None]) for key, ids in wanted.items()]
    asked = [(key, ids) for key, ids in asked if ids]
    if not asked:
        return {}
    fields = [_fields(key, registry.epoch) for key, _ in asked]
    width = max(map(len, fields))
    rows = db.rows(
        " UNION ALL ".join(
            _select(key, registry.epoch, n, width, is_chinese(spoken_language()))
            for n, (key, _) in enumerate(asked)
        ),
        [ids for _, ids in asked],
    )
    named = titles_of(_referred(rows, fields))
    words = [[_words(field, named) for field in group] for group in fields]
    found: dict[str, dict[UUID, str]] = {key: {} for key, _ in asked}
    for place, key, *values in rows:
        parts = zip(words[place], values, strict=False)
        found[asked[place][0]][key] = " ".join(
            known.get(value, value) if known is not None else value for known, value in parts if value
        )
    return found


@lru_cache(maxsize=1024)
def _fields(key: str, epoch: int) -> tuple[FieldSpec, ...]:
    spec = registry.noun(key).spec
    return tuple(spec.field(name) for name, _ in spec.naming)


@lru_cache(maxsize=4096)
def _select(key: str, epoch: int, place: int, width: int, in_chinese: bool) -> str:
    """Give the SELECT of a noun's title fields as text, filled up to the width of the widest.

    What is there in English too is taken from there for those who read English.
    """
    spec, meta = registry.noun(key).spec, registry.noun(key).model._meta
    columns = {f.attname: f.column for f in meta.concrete_fields}
    shown = []
    for name, english in spec.naming:
        text = f'"{columns[spec.field(name).column]}"::text'
        if english and not in_chinese:
            text = f"""coalesce(nullif("{columns[spec.field(english).column]}"::text, ''), {text})"""
        shown.append(text)
    shown += ["NULL"] * (width - len(shown))
    return (
        f'SELECT {place}, "{meta.pk.column}", {", ".join(shown)} FROM "{meta.db_table}" '
        f'WHERE "{meta.pk.column}" = ANY(%s::uuid[])'
    )


def _referred(rows: Sequence[tuple], fields: Sequence[Sequence[FieldSpec]]) -> Mapping[str, Collection[str]]:
    wanted: dict[str, set[str]] = {}
    for place, group in enumerate(fields):
        for n, field in enumerate(group, start=2):
            if field.type == "reference" and field.reference:
                wanted.setdefault(field.reference, set()).update(
                    row[n] for row in rows if row[0] == place and row[n] is not None
                )
    return wanted


def _words(field: FieldSpec, named: Mapping[str, Mapping[UUID, str]]) -> Mapping[str, str] | None:
    """Give how the values of a title field are worded, None where they are as they stand."""
    if field.type == "reference" and field.reference:
        return {str(key): title for key, title in named.get(field.reference, {}).items()}
    return {c.key: str(c.label) for c in field.choices} if field.choices else None
