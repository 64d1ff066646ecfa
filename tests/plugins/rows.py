"""Rows of any noun without the life that makes them: each is whole, with a value in every column that wants one.

Most nouns that people do not make (a move, an entry, a message) come of long lives of others. How they are read does
not hang on how they came to be. `stand_in` puts a table before a noun's own until the transaction ends: of the same
columns, key, defaults and computed columns, empty, and without the checks and triggers that only a life satisfies.
`Rows.add` fills it, or the noun's own table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from banyan.kernel import registry
from banyan.kernel.models import StoredFile, User
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec, LineSpec
from tests.plugins.acting import NOW

#: Of what records a row tells that names its record beside the noun of it.
TOLD = "items.item"
#: A value by kind of column; the first that fits.
VALUES: tuple[tuple[type[models.Field], Any], ...] = (
    (ArrayField, []), (models.BooleanField, False), (models.IntegerField, 1), (models.FloatField, 1.0),
    (models.DecimalField, 1), (models.DateTimeField, NOW), (models.DateField, date(2026, 3, 2)),
    (models.TimeField, time(8)), (models.JSONField, {}), (models.BinaryField, b"\0"),
)  # fmt: skip

_numbers = count(1)


class Lines(NamedTuple):
    """Lines that are no noun of their own, of which rows are written as of a noun."""

    model: type[models.Model]
    spec: LineSpec
    noun: str


def lines() -> Iterator[Lines]:
    """Give the lines of all nouns, but for those that are nouns themselves."""
    own = {noun.model for noun in registry.nouns()}
    for noun in registry.nouns():
        for line in noun.spec.lines:
            if noun.line_models[line.key] not in own:
                yield Lines(noun.line_models[line.key], line, noun.spec.key)


class Rows:
    """Writes rows of nouns past their commands.

    Takes:  known: keys that references to a noun point to, in turn; nouns without have keys of no record
            turn: which row, by number, a reference of a row points to; the one of the same number unless given
    """

    def __init__(
        self,
        known: Mapping[str, list[UUID]] | None = None,
        turn: Callable[[type[models.Model], models.Field, int], int] = lambda model, field, n: n,
    ) -> None:
        self.known = dict(known or {})
        self.turn = turn
        self.added: dict[type[models.Model], int] = {}

    def stand_in(self, noun: Noun | Lines) -> None:
        """Put an empty table before a noun's own. Writes: a temporary table, gone with the transaction."""
        table, key = map(connection.ops.quote_name, (noun.model._meta.db_table, noun.model._meta.pk.column))
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMPORARY TABLE {table} (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED, "
                f"PRIMARY KEY ({key})) ON COMMIT DROP"
            )

    def add(self, noun: Noun | Lines, many: int) -> list[UUID]:
        """Write so many more rows of a noun; give their keys. Writes: rows of its table, or of what stands before it"""
        first = self.added.get(noun.model, 0)
        self.added[noun.model] = first + many
        rows = [self._row(noun, n) for n in range(first, first + many)]
        noun.model._base_manager.bulk_create(rows)
        return [row.pk for row in rows]

    def _row(self, noun: Noun | Lines, n: int) -> models.Model:
        row, specs = noun.model(pk=key_of(noun.model, n)), {field.column: field for field in noun.spec.fields}
        told: set[str] = set()
        for field in noun.model._meta.concrete_fields:
            if field.primary_key or getattr(field, "generated", False):
                continue
            value = self._referred(noun, field, specs.get(field.attname), n)
            if value is None and not (field.null or field.has_default() or field.has_db_default()):
                value = self._value(field, specs.get(field.attname))
            if value is not None:
                setattr(row, field.attname, value)
                told |= {_told(noun.model, field)} - {None}
        for name in told:
            setattr(row, name, TOLD)
        return row

    def _referred(self, noun: Noun | Lines, field: models.Field, spec: FieldSpec | None, n: int) -> Any:
        """Give what a reference points to; None for what is none, or may point to a row of the same table."""
        n = self.turn(noun.model, field, n)
        if isinstance(field, models.ForeignKey):
            if field.related_model in (noun.model, StoredFile) and field.null:
                return None
            return self._one(field.related_model, n)
        if not isinstance(field, models.UUIDField):
            return None
        key = spec.reference if spec and spec.reference else TOLD if _told(noun.model, field) else None
        if key is None or registry.noun(key).model is noun.model:
            return None
        return self._one(registry.noun(key).model, n)

    def _one(self, model: type[models.Model], n: int) -> Any:
        known = self.known.get(self._keys.get(model, ""), ())
        return known[n % len(known)] if known else key_of(model, n)

    @cached_property
    def _keys(self) -> dict[type[models.Model], str]:
        return {noun.model: noun.spec.key for noun in registry.nouns()}

    def _value(self, field: models.Field, spec: FieldSpec | None) -> Any:
        if spec and spec.choices:
            return spec.choices[0].key
        for kind, value in VALUES:
            if isinstance(field, kind):
                return value
        if isinstance(field, models.UUIDField):
            return key_of(User, next(_numbers))
        if field.name in ("noun", "entity") or field.name.endswith("_noun"):
            return TOLD
        return f"样{next(_numbers)}"[: field.max_length or 40]


def key_of(model: type[models.Model], n: int) -> Any:
    """Give the key of a model's row by its number, the same each time."""
    if isinstance(model._meta.pk, models.IntegerField):
        return n + 1
    return uuid5(NAMESPACE_OID, f"{model._meta.db_table} {n}")


def _told(model: type[models.Model], field: models.Field) -> str | None:
    """Give the column that names the noun of the record in this one, None where there is none."""
    if not isinstance(field, models.UUIDField) or isinstance(field, models.ForeignKey):
        return None
    names = {one.name for one in model._meta.concrete_fields}
    places = (f"{field.name}_noun", "noun" if field.name == "record" else "")
    return next((place for place in places if place in names), None)
