"""Pairs of (noun key, id): where a record remembers another without a foreign key, people see its noun and title."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec
from banyan.lib.labels import Label

_END = "_noun"


@dataclass(frozen=True, slots=True)
class Pointed:
    """A record that another remembers by noun and id."""

    noun: str
    id: str  # empty where no record can be opened
    label: Label
    title: str

    def __str__(self) -> str:
        return f"{self.label} {self.title}".strip()


def pairs_of(keys: Iterable[str]) -> dict[str, str]:
    """Give the fields that hold an id, each with the field that names its noun: `origin` by `origin_noun`."""
    known = list(keys)
    stems = {key.removesuffix(_END): key for key in known if key.endswith(_END)}
    return {key: noun for stem, noun in stems.items() for key in known if key in (stem, f"{stem}_line")}


def mates(keys: Sequence[str], fields: Iterable[FieldSpec]) -> tuple[str, ...]:
    """Give the keys that must be read beside others, so that both halves of every pair are there."""
    pairs = pairs_of(f.key for f in fields)
    return tuple(dict.fromkeys(pairs[key] for key in keys if key in pairs and pairs[key] not in keys))


def english_of(keys: Sequence[str], known: Container[str]) -> dict[str, str]:
    """Give the texts among keys that are there in English too, with the key of that where it is not itself shown."""
    pairs = {key: f"{key}_en" for key in keys}
    return {key: other for key, other in pairs.items() if other in known and other not in keys}


def in_english(row: Mapping[str, Any], pairs: Mapping[str, str]) -> dict[str, Any]:
    """Give a row whose texts are those in English, where it has them."""
    return {**row, **{key: row.get(other) or row.get(key) for key, other in pairs.items()}}


def pointed(rows: Iterable[Mapping[str, Any]], fields: Iterable[FieldSpec]) -> list[dict[str, Any]]:
    """Give rows whose ids of pairs have become the records they mean; one statement per noun and its title's nouns.

    Gives:  nouns' keys as their labels; where there is no id, or no such record, only what the noun's field says
    """
    found = [dict(row) for row in rows]
    pairs = pairs_of(found[0]) if found else {}
    wanted: dict[str, set[UUID]] = {}
    for row in found:
        for one, by in pairs.items():
            if row[one] and registry.has_noun(row[by] or ""):
                wanted.setdefault(row[by], set()).add(UUID(str(row[one])))
    named = {key: titles(key, list(ids)) for key, ids in wanted.items()}
    said = {f.key: {c.key: c.label for c in f.choices} for f in fields if f.key in pairs.values()}
    for row in found:
        for one, by in pairs.items():
            row[one] = _pointed(row[by], row[one], named, said.get(by, {}))
        for by in set(pairs.values()):
            row[by] = str(registry.noun(row[by]).spec.label) if registry.has_noun(row[by] or "") else row[by]
    return found


def _pointed(
    noun: str, key: Any, named: Mapping[str, Mapping[UUID, str]], said: Mapping[str, Label]
) -> Pointed | None:
    label = registry.noun(noun).spec.label if registry.has_noun(noun or "") else said.get(noun)
    title = named.get(noun, {}).get(UUID(str(key))) if key else None
    if label is None:
        return None
    return Pointed(noun, str(key) if title is not None else "", label, title or "")
