"""A field with a right of its own is nowhere without that right: no value, no key, no filter, no order, no input.

Every such field of every noun, with and without its right, by REST, on pages, in exports, imports and histories. What
is looked for is planted first, past all rules, and found by whoever holds the right: so it is known to be findable.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import python_calamine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models, transaction
from django.db.models.fields import NOT_PROVIDED
from django.test import Client

from banyan.kernel import access, db, exchange, rates, reading, registry
from banyan.kernel.models import AccessToken, Role, RoleGrant, User, UserRole
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec
from banyan.lib.errors import Invalid, NotAllowed
from banyan.lib.ids import new_id

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


def fields_of(noun: Noun) -> Iterator[tuple[str, FieldSpec]]:
    """Give the fields of a noun and of its lines, each with the key of the lines, empty for its own."""
    yield from (("", field) for field in noun.spec.fields)
    for line in noun.spec.lines:
        yield from ((line.key, field) for field in line.fields)


CASES = sorted({(n.spec.key, f.see) for n in registry.nouns() for _, f in fields_of(n) if f.see})


def test_there_is_something_to_walk():
    assert {right for _, right in CASES} >= {
        "items.cost", "people.pay", "equipment.rates", "engineering.cost", "production.costs", "wages.pay",
        "inventory.count.see_expected", "station.badge.replace",
    }  # fmt: skip


# --- who looks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Someone:
    """A person who holds every right about a noun, but perhaps not the one in question."""

    sees: bool
    browser: Client
    program: Client

    def rest(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        kind = "application/json" if data else ""
        return self.program.generic(method, f"/api/v1/{path}", data, content_type=kind, headers=headers)

    def page(self, path: str, **headers: str) -> Any:
        return self.browser.get(f"/{path}", headers=headers)


def someone(noun: Noun, right: str, sees: bool) -> Someone:
    own = {c.permission for c in registry.commands() if c.noun == noun.spec.key}
    own |= {noun.spec.permission(verb) for verb in ("read", "create", "change", "delete")} | {"*.read"}
    own |= {f.see for _, f in fields_of(noun) if f.see}
    user = User.objects.create(login=f"eye-{new_id().hex[-8:]}", name="某人", language="en")
    role = Role.objects.create(code=user.login, name_zh="某", name_en="Some")
    held = own | {right} if sees else own - {right}
    RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach="all") for p in held)
    UserRole.objects.create(user=user, role=role)
    token = access.new_token()
    AccessToken.objects.create(user=user, name="test", digest=access.token_digest(token), scopes=["*"])
    browser = Client(raise_request_exception=False)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    program = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    assert access.principal_of(user.pk).may(right) is sees
    return Someone(sees, browser, program)


# --- what is looked for -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """A record whose hidden fields, and those of a line of each kind, hold values that are found nowhere else."""

    noun: Noun
    key: UUID
    hidden: Mapping[tuple[str, str], FieldSpec]
    values: Mapping[tuple[str, str], str]

    @property
    def own(self) -> list[FieldSpec]:
        return [field for (line, _), field in self.hidden.items() if not line]

    @property
    def lines(self) -> set[str]:
        return {line for line, _ in self.hidden if line}

    @property
    def only_hidden(self) -> set[str]:
        """Give the keys that no field has that everybody sees."""
        return {key for _, key in self.hidden} - {f.key for _, f in fields_of(self.noun) if not f.see}


_numbers = count(7_310_001)


class Planter:
    """Writes rows whose checks are put aside; what they refer to is there where a sample of it can be made."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def plant(self, noun: Noun, right: str) -> Planted:
        hidden = {(line, f.key): f for line, f in fields_of(noun) if f.see == right}
        marks: dict[tuple[str, str], Any] = {at: self._mark(f) for at, f in hidden.items()}
        record = self._row(noun, noun.model, noun.spec.fields, {})
        rows = [("", record)]
        for line in noun.spec.lines:
            if any(at == line.key for at, _ in hidden):
                model = noun.line_models[line.key]
                parent = {model._meta.get_field(line.parent).attname: record.pk}
                rows.append((line.key, self._row(noun, model, line.fields, parent)))
        _put_checks_aside([type(row) for _, row in rows])
        for line, row in rows:
            _write(row, {f.column: marks[at] for at, f in hidden.items() if at[0] == line})
        return Planted(noun, record.pk, hidden, {at: str(mark) for at, mark in marks.items()})

    def _mark(self, field: FieldSpec) -> Any:
        if field.type == "reference":
            return self._reference(field)
        assert field.is_number, f"{field.key}: say what is to be planted in a {field.type}"
        return next(_numbers) if field.type == "integer" else Decimal(next(_numbers))

    def _row(
        self, noun: Noun, model: type[models.Model], fields: tuple[FieldSpec, ...], given: Mapping[str, Any]
    ) -> models.Model:
        """Give a row with a value wherever the table wants one."""
        known = {f.column: f for f in fields}
        values = dict(given)
        for column in model._meta.concrete_fields:
            is_free = column.null or column.has_default() or column.generated or column.db_default is not NOT_PROVIDED
            if column.attname in values or column.primary_key or is_free:
                continue
            field = known.get(column.attname)
            values[column.attname] = self._value(noun, field) if field else _plain(column)
        return model(**values)

    def _value(self, noun: Noun, field: FieldSpec) -> Any:
        if field.type == "reference":
            return self._reference(field)
        return self.samples.value(noun, field)

    def _reference(self, field: FieldSpec) -> UUID:
        """Give a record that the field may refer to; the key of none where people make none."""
        if field.reference and registry.has_noun(field.reference):
            target = registry.noun(field.reference)
            if "create" in target.spec.verbs:
                return self.samples.any(field.reference)
        return new_id()


def _plain(column: models.Field) -> Any:
    if column.is_relation:
        return new_id()
    return {
        "UUIDField": new_id(), "CharField": "x", "TextField": "x", "BooleanField": False, "JSONField": {},
        "DateField": "2026-03-02", "DateTimeField": "2026-03-02T08:00:00Z", "TimeField": "08:00", "BinaryField": b"",
    }.get(column.get_internal_type(), 1)  # fmt: skip


def _put_checks_aside(planted: list[type[models.Model]]) -> None:
    """Drop the checks of tables until the transaction is rolled back: what is planted need not make sense."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for table in {model._meta.db_table for model in planted}:
            found = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
            for (name,) in db.rows(found, [f'"{table}"']):
                cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')


def _write(row: models.Model, marks: Mapping[str, Any]) -> None:
    """Write a row, then the marks into it, so that its history tells of them too where it keeps one."""
    is_kept = getattr(row, "append_only", False)
    for column, mark in marks.items() if is_kept else ():
        setattr(row, column, mark)
    row.save(force_insert=True)
    if marks and not is_kept:
        assert type(row)._base_manager.filter(pk=row.pk).update(**marks) == 1


# --- the walk -----------------------------------------------------------------------------------------------


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def shows(text: str, value: str) -> bool:
    """Say whether a text holds a value, its thousands grouped or not."""
    joined = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return any(re.search(rf"(?<![\w.-]){re.escape(value)}(?!\w)", one) for one in (text, joined))


class Walk:
    """Looks at a planted record in every way, as one person; `found` is what does not hold."""

    def __init__(self, who: Someone, planted: Planted, samples: Any) -> None:
        self.who, self.planted, self.noun, self.samples = who, planted, planted.noun, samples
        self.path, self.here = self.noun.spec.path, f"{self.noun.spec.path}/{planted.key}"
        self.found: list[str] = []

    def expect(self, what: str, holds: bool) -> None:
        if not holds:
            self.found.append(f"{'with' if self.who.sees else 'without'} the right: {what}")

    def status(self, what: str, answer: Any, *wanted: int) -> bool:
        holds = answer.status_code in wanted
        self.expect(f"{what}: {answer.status_code} {'' if holds else content_of(answer)[:300]!r}", holds)
        return holds

    def nowhere(self, what: str, text: str, *, keys: bool = True) -> None:
        """Expect that a text tells nothing of what is hidden from the person."""
        if self.who.sees:
            return
        for (line, key), value in self.planted.values.items():
            self.expect(f"{what} holds the value of {line}.{key}", not shows(text, value))
        for key in sorted(self.planted.only_hidden) if keys else ():
            self.expect(f"{what} names {key}", not re.search(rf"""["'.]{key}["']""", text))

    def values(self, what: str, row: Mapping[str, Any], line: str = "") -> None:
        """Expect the hidden fields of a row as the person may see them."""
        for (at, key), value in self.planted.values.items():
            if at == line:
                self.expect(f"{what}: {line}.{key} is {row.get(key)!r}", (str(row.get(key)) == value) is self.who.sees)
                self.expect(f"{what}: the key {line}.{key}", (key in row) is self.who.sees)

    def reading(self) -> None:
        answer = self.who.rest(self.here)
        if self.status("REST read", answer, 200):
            row = answer.json()
            self.values("REST read", row)
            for line in self.planted.lines:
                self.values("REST read", row[line][0], line)
            self.nowhere("REST read", answer.content.decode())

    def listing(self) -> None:
        names = ",".join([*(f.key for f in self.planted.own), *sorted(self.planted.lines)])
        for what in ("", f"&fields={names}"):
            answer = self.who.rest(f"{self.path}?id={self.planted.key}{what}")
            if self.status(f"REST list{what}", answer, 200):
                (row,) = answer.json()["items"]
                self.values(f"REST list{what}", row)
                for line in self.planted.lines if what else ():
                    self.values(f"REST list{what}", row[line][0], line)
                self.nowhere(f"REST list{what}", answer.content.decode())

    def filtering(self) -> None:
        for field in self.planted.own:
            value = self.planted.values["", field.key]
            ways = [("eq", value), ("ne", "0" if field.is_number else str(new_id())), ("in", value), ("empty", "false")]
            ways += [(way, value) for way in ("gte", "lte")] if field.is_number else []
            for way, text in ways:
                answer = self.who.rest(f"{self.path}?id={self.planted.key}&{field.key}__{way}={text}")
                if self.who.sees:
                    if self.status(f"REST filter {field.key} {way}", answer, 200):
                        self.expect(f"REST filter {field.key} {way} finds it", len(answer.json()["items"]) == 1)
                else:
                    self.refused(f"REST filter {field.key} {way}", answer)
                page = self.who.page(f"{self.path}?{field.key}:{way}={text}")
                self.status(f"page filter {field.key} {way}", page, 200 if self.who.sees else 403)
                file = self.who.rest(f"{self.path}/export?{field.key}__{way}={text}")
                self.status(f"export filter {field.key} {way}", file, 200 if self.who.sees else 403)

    def sorting(self) -> None:
        for field in self.planted.own:
            for way in (field.key, f"-{field.key}"):
                wanted = (200,) if field.sortable and self.who.sees else (403,) if field.sortable else (422,)
                self.status(f"REST sort {way}", self.who.rest(f"{self.path}?sort={way}"), *wanted)
                self.status(f"page sort {way}", self.who.page(f"{self.path}?sort={way}"), *wanted)

    def refused(self, what: str, answer: Any) -> None:
        if self.status(what, answer, 403):
            self.expect(f"{what}: {answer.json()['code']}", answer.json()["code"] == "field_not_allowed")

    def exporting(self) -> None:
        names = ",".join(f.key for f in self.planted.own)
        by_rest = f"{self.path}/export?id={self.planted.key}"
        by_page = f"id:eq={self.planted.key}"
        shown = f"&fields={names}" if names else ""
        ways = {
            "REST": [self.who.rest(f"{by_rest}&format={form}{shown}") for form in ("csv", "xlsx")],
            "REST full": [self.who.rest(f"{by_rest}&format={form}&full=true") for form in ("csv", "xlsx")],
            "page": [self.who.page(f"{self.path}/export.{form}?{by_page}&columns={names}") for form in ("csv", "xlsx")],
            "page full": [self.who.page(f"{self.path}/export.{form}?{by_page}&full=1") for form in ("csv", "xlsx")],
        }
        if all(field.readonly for _, field in fields_of(self.noun)):  # there is nothing that an import would read
            del ways["REST full"], ways["page full"]
        for way, answers in ways.items():
            for form, answer in zip(("csv", "xlsx"), answers, strict=True):
                what = f"export {way} {form}"
                if not self.status(what, answer, 200):
                    continue
                table = exchange.read_table(f"x.{form}", content_of(answer))
                text = "\n".join(str(cell) for row in table.rows for cell in row)
                self.nowhere(what, text, keys=False)
                for (line, key), field in self.planted.hidden.items():
                    if "full" in way:
                        known, is_there = {f"{line}.{key}" if line else key}, not field.readonly
                    else:
                        known, is_there = {field.label.zh, field.label.en}, not line
                    is_named = bool(known & set(table.columns))
                    if not self.who.sees:
                        self.expect(f"{what} has the column {key}", not is_named or (bool(line) and "full" not in way))
                    elif is_there:
                        self.expect(f"{what} lacks the column {key}", is_named)
                        value = self.planted.values[line, key]
                        self.expect(f"{what} lacks {key}", field.type == "reference" or shows(text, value))

    def importing(self) -> None:
        places = {f"{line}.{key}" if line else key: f for (line, key), f in self.planted.hidden.items()}
        places = {path: field for path, field in places.items() if not field.readonly}
        if "create" not in self.noun.spec.verbs:
            return
        labels = {t.path: (t.label.zh, t.label.en) for t in exchange.targets(self.noun)}
        answer = self.who.page(f"{self.path}/import/example")
        if self.status("import example", answer, 200):
            book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content_of(answer)))
            (head,) = book.get_sheet_by_index(0).to_python()
            for path in places:
                is_there = any(label in head for label in labels[path])
                self.expect(f"the example's column {path}", is_there is self.who.sees)
        columns = "\t".join(places) or "x"
        answer = self.who.browser.post(f"/{self.path}/import", {"step": "read", "text": f"{columns}\n1"}, headers=PART)
        if self.status("import map", answer, 200):
            text = answer.content.decode()
            for path in places:
                self.expect(f"the place {path} to map to", (f'value="{path}"' in text) is self.who.sees)
        if self.who.sees:
            return
        for path in places:
            data = {key: str(value) for key, value in self._input().items() if not isinstance(value, (list, dict))}
            line = path.partition(".")[0]
            if "." in path:
                data |= {f"{line}.{key}": str(value) for key, value in self._line(line).items()}
            data[path] = "7"
            table = "\t".join(data) + "\n" + "\t".join(data.values())
            file = SimpleUploadedFile("t.txt", table.encode())
            given = {"file": file, "mapping": json.dumps({name: name for name in data})}
            with undone():
                self.refused(f"import of {path}", self.who.program.post(f"/api/v1/{self.path}/import", given))

    def writing(self) -> None:
        """Look whether a field that cannot be seen can be written."""
        if self.who.sees or "create" not in self.noun.spec.verbs:
            return
        whole = self._input()
        for (line, key), field in self.planted.hidden.items():
            if field.readonly:
                continue
            told = {line: [self._line(line) | {key: "7"}]} if line else {key: "7"}
            with undone():
                self.refused(f"change of {line}.{key}", self.who.rest(self.here, "PATCH", told, **{"If-Match": "*"}))
            with undone():
                self.refused(f"create with {line}.{key}", self.who.rest(self.path, "POST", whole | told))

    def _input(self) -> dict[str, Any]:
        return {k: v for k, v in self.samples.input(self.noun).items() if k not in {f.key for f in self.planted.own}}

    def _line(self, line: str) -> dict[str, Any]:
        fields = self.noun.spec.line(line).fields
        return {f.key: self.samples.value(self.noun, f) for f in fields if f.required and not f.readonly}

    def remembering(self) -> None:
        kept = db.rows(
            "SELECT new::text FROM kernel_history WHERE operation = 'update' AND %s IN (record, parent)",
            [self.planted.key],
        )
        kept = [value for value in self.planted.values.values() if any(shows(text, value) for (text,) in kept)]
        here = f"{self.here}/timeline"
        answers = {"REST": self.who.rest(here), "page": self.who.page(here, **PART)}
        for way, answer in answers.items():
            if self.status(f"timeline {way}", answer, 200):
                text = answer.content.decode()
                self.nowhere(f"timeline {way}", text)
                for value in kept if self.who.sees else ():
                    self.expect(f"timeline {way} lacks {value}", len(value) == 36 or shows(text, value))
        if answers["REST"].status_code == 200:
            named = {(c["line"], c["field"]) for m in answers["REST"].json()["items"] for c in m["changes"]}
            for (line, key), field in self.planted.hidden.items():
                about = self.noun.spec.line(line).label if line else ""
                is_named = any((str(a), str(b)) in named for a in _words(about) for b in _words(field.label))
                self.expect(f"timeline names {line}.{key}", self.who.sees or not is_named)

    def pages(self) -> None:
        names = ",".join(f.key for f in self.planted.own) or self.noun.spec.list[0]
        listed = self.who.page(f"{self.path}?id:eq={self.planted.key}&columns={names}")
        if self.status("list page", listed, 200):
            self._page("list page", listed, {("", f.key) for f in self.planted.own}, keys=False)  # it was asked by key
        record = self.who.page(self.here)
        if self.status("record page", record, 200):
            columns = {(line.key, key) for line in self.noun.spec.lines for key in line.columns}
            self._page("record page", record, columns | {("", f.key) for f in self.planted.own})
        for path in (
            f"{self.path}?layout=board", self.path, f"{self.path}/new", f"{self.path}/new?like={self.planted.key}",
            f"{self.here}/edit", f"{self.path}/do/change?ids={self.planted.key}", f"{self.path}/do/create",
            f"print/{self.path}?ids={self.planted.key}", f"{self.here}/chain",
        ):  # fmt: skip
            answer = self.who.page(path)
            self.expect(f"{path}: {answer.status_code}", answer.status_code < 500)
            if answer.status_code == 200:
                self.nowhere(path, content_of(answer).decode())

    def _page(self, what: str, answer: Any, shown: set[tuple[str, str]], *, keys: bool = True) -> None:
        text = answer.content.decode()
        self.nowhere(what, text, keys=keys)
        for at, field in self.planted.hidden.items() if self.who.sees else ():
            is_shown = at in shown and field.type != "reference"
            self.expect(f"{what} lacks {at}", not is_shown or shows(text, self.planted.values[at]))


def _words(label: Any) -> tuple[str, ...]:
    return (label.zh, label.en) if label else ("",)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is done in it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize(("key", "right"), CASES)
def test_what_is_hidden_is_nowhere_without_its_right(key, right, samples, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    rates._leases.clear()
    noun, found = registry.noun(key), []
    with undone():
        planted = Planter(samples).plant(noun, right)
        for sees in (True, False):
            walk = Walk(someone(noun, right, sees), planted, samples)
            for look in (walk.reading, walk.listing, walk.filtering, walk.sorting, walk.exporting, walk.importing,
                         walk.writing, walk.remembering, walk.pages):  # fmt: skip
                look()
            found += walk.found
    assert found == []


def test_a_list_is_not_ordered_by_what_is_hidden(person):
    noun = registry.noun("items.item_plant")
    fields = tuple(replace(f, sortable=f.sortable or f.key == "standard_cost") for f in noun.spec.fields)
    noun = replace(noun, spec=replace(noun.spec, fields=fields))
    for sort in ("standard_cost", "-standard_cost"):
        assert reading.list_records(person("items.*"), noun, reading.Query(sort=sort)).rows == []
        with pytest.raises(NotAllowed) as refusal:
            reading.list_records(person("items.item_plant.read"), noun, reading.Query(sort=sort))
        assert refusal.value.code == "field_not_allowed"
    with pytest.raises(Invalid) as fault:
        reading.list_records(person("items.item_plant.read"), noun, reading.Query(sort="nothing"))
    assert "standard_cost" not in fault.value.data["allowed"]
