"""Values that paths lead to: from rows through references, read for all rows at once.

One statement per noun and depth of path (and each five hundred records), and one per noun whose records are
named; never one per row. A path ends
where the person may not see a field, or may not read the records it leads through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import access, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec
from banyan.lib.labels import is_chinese

Row = Mapping[str, Any]
Fields = Mapping[str, FieldSpec]
_TWIN = "_en"


class Reach:
    """Values by path, for rows of several kinds; `want` what is needed, then `read`, then ask."""

    def __init__(self, ctx: Context, language: str) -> None:
        self.ctx = ctx
        self.language = language
        self.titles: dict[str, Mapping[UUID, str]] = {}
        self._wants: list[tuple[Fields, Sequence[Row], list[tuple[str, ...]]]] = []
        self._known: dict[str, dict[str, dict[str, Any]]] = {}
        self._fields: dict[str, Fields | None] = {}

    def field(self, fields: Fields, path: str) -> FieldSpec | None:
        """Give the field a path ends at, None where it does not lead anywhere for this person."""
        found = self._way(fields, path)
        return found[0] if found else None

    def _way(self, fields: Fields, path: str) -> tuple[FieldSpec, str] | None:
        """Give the field at the end of a path and the path as far as the person may go.

        Gives:  where a record must not be read, the reference to it for each part of its title: as on a
                screen, its name is known to whoever sees what refers to it
        """
        first, _, rest = path.partition(".")
        found = fields.get(first)
        if found is None or not access.may_see(self.ctx, found):
            return None
        if not rest:
            return found, first
        inner = self._fields_of(found.reference)
        if inner is not None:
            onward = self._way(inner, rest)
            return (onward[0], f"{first}.{onward[1]}") if onward else None
        names = registry.noun(found.reference).spec.title if registry.has_noun(found.reference or "") else ()
        return (found, first) if rest in names else None

    def want(self, fields: Fields, rows: Sequence[Row], paths: Iterable[str]) -> None:
        """Ask for what paths lead to from some rows; those that lead nowhere are forgotten."""
        ways = [self._way(fields, path) for path in dict.fromkeys(paths)]
        good = list(dict.fromkeys(tuple(way[1].split(".")) for way in ways if way))
        if good:
            self._wants.append((fields, rows, good))

    def read(self) -> None:
        """Read all that is wanted, depth by depth."""
        wants, named = self._wants, dict[str, set[str]]()
        self._wants = []
        while wants:
            ids: dict[str, set[str]] = {}
            tails: dict[str, dict[tuple[str, ...], None]] = {}
            for fields, rows, paths in wants:
                for path in paths:
                    field = fields[path[0]]
                    if not field.reference or not registry.has_noun(field.reference):
                        continue
                    found = {row[path[0]] for row in rows if row.get(path[0])}
                    if len(path) == 1:
                        named.setdefault(field.reference, set()).update(found)
                    else:
                        ids.setdefault(field.reference, set()).update(found)
                        tails.setdefault(field.reference, {})[path[1:]] = None
            wants = [
                (self._fields_of(noun) or {}, self._load(noun, keys, tails[noun]), list(tails[noun]))
                for noun, keys in ids.items()
                if keys
            ]
        for noun, keys in named.items():
            self.titles[noun] = titles(noun, [UUID(k) for k in keys])

    def value(self, fields: Fields, row: Row, path: str) -> Any:
        """Give what a path leads to, as `reading` gives values; None where a reference is empty."""
        way = self._way(fields, path)
        return self._value(fields, row, way[1]) if way else None

    def _value(self, fields: Fields, row: Row, path: str) -> Any:
        first, _, rest = path.partition(".")
        if not rest:
            return row.get(self._twin(fields, row, first))
        noun, key = fields[first].reference or "", row.get(first)
        found = self._known.get(noun, {}).get(key) if key else None
        return self._value(self._fields_of(noun) or {}, found, rest) if found else None

    def _twin(self, fields: Fields, row: Row, key: str) -> str:
        """Give the key of the English twin of a field, where English is spoken and it says something."""
        if is_chinese(self.language) or f"{key}{_TWIN}" not in fields:
            return key
        return f"{key}{_TWIN}" if row.get(f"{key}{_TWIN}") else key

    def _fields_of(self, noun: str | None) -> Fields | None:
        """Give the fields of a noun that this person may see, None where it must not be read."""
        key = noun or ""
        if key not in self._fields:
            spec = registry.noun(key).spec if registry.has_noun(key) else None
            may_read = spec is not None and self.ctx.may(spec.permission("read"))
            self._fields[key] = (
                {f.key: f for f in access.visible(self.ctx, spec.fields)} if may_read else None
            )
        return self._fields[key]

    def _load(self, noun_key: str, keys: set[str], paths: Iterable[tuple[str, ...]]) -> list[dict[str, Any]]:
        noun, fields = registry.noun(noun_key), self._fields_of(noun_key) or {}
        wanted = dict.fromkeys(path[0] for path in paths)
        wanted |= dict.fromkeys(f"{key}{_TWIN}" for key in wanted if f"{key}{_TWIN}" in fields)
        known, loaded = self._known.setdefault(noun_key, {}), []
        for part in _batches(sorted(keys), reading.MOST):
            query = reading.Query(
                ids=tuple(map(UUID, part)), columns=tuple(wanted), expand=(), limit=reading.MOST
            )
            for found in reading.list_records(self.ctx, noun, query).rows:
                row = known.setdefault(found["id"], {})
                row |= {key: found[key] for key in wanted}
                loaded.append(row)
        return loaded


def _batches(keys: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (keys[n : n + size] for n in range(0, len(keys), size))
