"""What a role may do holds alike on page, fragment, REST, import, export and find.

A refusal leaves only its audit line.

For every default role: every noun, one made of data among them, every command, every query; REST is asked for
everything, and the pages of everything are opened. The short run walks with a few roles, and opens each noun, command
and query for one that may and one that may not, another pair for the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel import access, data_nouns, queries, rates, registry
from banyan.kernel.commands import Command
from banyan.kernel.context import Context, Principal
from banyan.kernel.models import AccessToken, Attachment, ImportBatch, Role, StoredFile, User, UserRole
from banyan.kernel.nouns import Noun
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.ops.roles import ROLES, write_defaults
from banyan.web.rest import offered
from tests.kernel.visitor_pass import VISITOR_PASS
from tests.plugins.acting import NOW
from tests.plugins.levels import later, runs_all
from tests.plugins.rows import Rows

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
#: Roles that the short run walks with: they reach what is their own, and everything.
FEW = ("worker", "admin")
#: Counters, seals and sessions: what is written whether or not anything was done.
BESIDE = ("kernel_ratelease", "django_session", "kernel_audit")
#: What every noun has, and how it may be refused though granted: a record that is used, or is past changing.
GENERIC = offered.GENERIC | {"comment", "attach", "detach"}
REFUSED = {"create": (409, 422), "change": (409, 422), "delete": (409, 422)}
#: What a leader is told of people of other teams, though granted: it goes by whose they are, not by what is done.
NOT_THEIRS = "production.not_your_team"


@dataclass
class Someone:
    """A person of a role, in a browser and by token."""

    principal: Principal
    browser: Client
    program: Client
    headers: dict[str, str]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.program.generic(
            method,
            f"/api/v1/{path}",
            b"" if body is None else json.dumps(body, default=str).encode(),
            content_type="application/json",
            headers=self.headers | headers,
        )

    def rest(self, method: str, path: str, body: Any = None) -> int:
        return _status(self.send(method, path, body))

    def page(self, method: str, path: str, data: dict | None = None, **headers: str) -> int:
        send = self.browser.get if method == "GET" else self.browser.post
        return _status(send(f"/{path}", data or {}, headers=headers))


def _status(answer: Any) -> int:
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code


@pytest.fixture(autouse=True)
def _made_of_data(db) -> Iterator[None]:
    """Let a noun made of data walk with the declared ones."""
    made = _visitor_pass()
    data_nouns.create_tables(made)
    registry.publish([made])
    yield
    registry.withdraw(made.spec.key)


@cache
def _visitor_pass() -> Noun:
    return data_nouns.compile_definition(VISITOR_PASS)


@pytest.fixture
def someone(ctx, samples, settings) -> Callable[[str], Someone]:
    """Make a person of a default role, at the plant of the samples."""
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    rates._leases.clear()
    write_defaults(ctx)

    def make(code: str) -> Someone:
        user = User.objects.create(login=f"{code}-1", name=code, plants=[samples.any("company.plant")])
        UserRole.objects.create(user=user, role=Role.objects.get(code=code))
        token = access.new_token()
        AccessToken.objects.create(user=user, name="test", digest=access.token_digest(token), scopes=["*"])
        browser = Client(raise_request_exception=False)
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        program = Client(raise_request_exception=False)
        return Someone(access.principal_of(user.pk), browser, program, {"Authorization": f"Bearer {token}"})

    return make


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def rows_written() -> dict[str, int]:
    """Give the number of rows of every table that a refusal must not touch."""
    with connection.cursor() as cursor:
        names = [t for t in connection.introspection.table_names(cursor) if t not in BESIDE]
        cursor.execute(" UNION ALL ".join(f"SELECT '{t}', count(*) FROM \"{t}\"" for t in names))
        return dict(cursor.fetchall())


def refusals() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kernel_audit WHERE outcome = 'refused' AND code = 'not_allowed'")
        return cursor.fetchone()[0]


class Findings:
    """What does not hold, collected, so that one run tells all of it."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.told = refusals()

    def refused(self, what: str, status: int) -> None:
        """Note it where what was asked was not refused, or the refusal left other than one line in the audit."""
        self.expect(what, status, allowed=False)
        told, self.told = self.told, refusals()
        if self.told != told + 1:
            self.found.append(f"{what}: the audit has {self.told - told} lines of the refusal")

    def expect(self, what: str, status: int, *, allowed: bool) -> None:
        if allowed and status in (401, 403, 500) or not allowed and status != 403:
            self.found.append(f"{what}: {status} though {'allowed' if allowed else 'not allowed'}")

    def read(self, what: str, status: int, *, allowed: bool, is_there: bool = True) -> None:
        """Note it where what may be read is not told, or is told from out of reach."""
        if status != (403 if not allowed else 200 if is_there else 404):
            place = "there" if is_there else "out of reach"
            self.found.append(f"{what}: {status} though {'allowed' if allowed else 'not allowed'} and {place}")


@cache
def roles_that(permission: str, may: bool) -> tuple[str, ...]:
    """Give the roles of the short run that hold a permission, or that do not."""
    few = (role for role in ROLES if role.code in FEW)
    held = {role.code: Principal(new_id(), role.code, role.grants).may(permission) for role in few}
    return tuple(code for code, is_held in held.items() if is_held == may)


def is_opened(place: int, code: str, permission: str) -> bool:
    """Say whether this run opens the pages of a noun, command or query, by its place, its permission and the role."""
    chosen = (some[place % len(some)] for may in (True, False) if (some := roles_that(permission, may)))
    return runs_all() or code in chosen


def record_of(samples, noun: Noun) -> UUID:
    """Give a record of a noun; the key of none where people make none."""
    if "create" in noun.spec.verbs:
        return samples.any(noun.spec.key)
    return noun.model._base_manager.values_list("pk", flat=True).first() or new_id()


def records_for(who: Someone, samples) -> dict[str, UUID]:
    """Give a record of every noun, one within the person's reach where there is one.

    Writes: records of what people make; of the rest, where there is none, a row that stands in
    """
    for noun in registry.nouns():
        if "create" in noun.spec.verbs:
            samples.any(noun.spec.key)
    known = {key: [one] for key, one in samples.kept.items()} | {"kernel.user": [who.principal.id]}
    rows, given = Rows(known), {}
    for noun in registry.nouns():
        if not noun.model._base_manager.exists():
            rows.stand_in(noun)
            rows.add(noun, 1)
        near = reached(who, noun, noun.spec.permission("read"))
        given[noun.spec.key] = near.first() or noun.model._base_manager.values_list("pk", flat=True).first()
    return given


def reached(who: Someone, noun: Noun, permission: str) -> QuerySet:
    """Give the keys of a noun's records that a permission of somebody reaches."""
    limits = access.scope(Context(who.principal, now=NOW, through="rest"), noun, permission)
    rows = noun.model._base_manager.order_by("pk").values_list("pk", flat=True)
    return rows if limits is None else rows.filter(limits)


def place_of(cmd: Command, key: UUID) -> str:
    """Give the address of a command, below /api/v1/."""
    if not registry.has_noun(cmd.noun):
        return cmd.key.replace(".", "/")
    path = registry.noun(cmd.noun).spec.path
    return f"{path}/{key}/{cmd.name}" if cmd.on == "records" else f"{path}/{cmd.name}"


every_role = pytest.mark.parametrize("code", [
    role.code if role.code in FEW else later(role.code) for role in ROLES
])  # fmt: skip


def test_each_noun_command_and_query_is_opened_by_a_role_that_may_and_one_that_may_not(monkeypatch):
    monkeypatch.setattr("tests.conformance.test_permissions.runs_all", lambda: False)
    asked = [n.spec.permission("read") for n in registry.nouns()]
    for permissions in (asked, [c.permission for c in registry.commands()], [q.permission for q in queries.queries()]):
        for place, permission in enumerate(permissions):
            opened = [role.code for role in ROLES if is_opened(place, role.code, permission)]
            for may in (True, False):
                some = roles_that(permission, may)
                assert not some or set(some) & set(opened), permission
    assert {c for p, one in enumerate(asked) for c in FEW if is_opened(p, c, one)} == set(FEW)


@every_role
def test_reading_holds_alike_everywhere(someone, samples, code):
    who, findings = someone(code), Findings()
    known = records_for(who, samples)
    before, seen = rows_written(), 0
    for place, noun in enumerate(registry.nouns()):
        spec, allowed = noun.spec, who.principal.may(noun.spec.permission("read"))
        key, here = known[spec.key], f"{spec.path}/{known[spec.key]}"
        is_there = reached(who, noun, spec.permission("read")).filter(pk=key).exists()
        seen += is_there
        if who.principal.reach(spec.permission("read")) == "all" and not is_there:
            findings.found.append(f"{spec.key}: no record to be read")
        for path in (f"{spec.path}?limit=1", f"{spec.path}/export"):
            findings.read(f"REST {path}", who.rest("GET", path), allowed=allowed)
        findings.read(f"REST {here}", who.rest("GET", here), allowed=allowed, is_there=is_there)
        if not is_opened(place, code, spec.permission("read")):
            continue
        for path in (f"{here}/timeline", f"{here}/attachments"):
            findings.read(f"REST {path}", who.rest("GET", path), allowed=allowed, is_there=is_there)
        lists = [spec.path, f"{spec.path}?_part=counts", f"{spec.path}/export.csv", f"{spec.path}/export.xlsx",
                 f"options/{spec.key}"]  # fmt: skip
        others = [f"print/{spec.path}?ids={key}"]
        if spec.life:
            ways = f"source={spec.life.states[0].key}&target={spec.life.states[-1].key}"
            lists.append(f"{spec.path}?layout=board")
            others.append(f"{spec.path}/move?{ways}&id={key}")
        ones = [here, f"{here}/timeline", f"{here}/files", f"{here}/chain"]
        for path in lists + ones:
            found = is_there or path in lists
            findings.read(f"page {path}", who.page("GET", path), allowed=allowed, is_there=found)
            if path in (spec.path, here):
                part = who.page("GET", path, **PART)
                findings.read(f"fragment {path}", part, allowed=allowed, is_there=found)
        for path in others:
            findings.expect(f"page {path}", who.page("GET", path), allowed=allowed)
        if not allowed:
            findings.expect(f"paper {here}", who.page("GET", f"print/{here}.pdf"), allowed=False)
    assert changed(before) == []
    assert findings.found == []
    assert seen


def changed(before: dict[str, int]) -> list[str]:
    """Give the tables in which something was written or removed."""
    after = rows_written()
    return [table for table in after if after[table] != before[table]]


@every_role
def test_queries_hold_alike_everywhere(someone, code):
    who, findings, before = someone(code), Findings(), rows_written()
    for place, asked in enumerate(queries.queries()):
        allowed, path = who.principal.may(asked.permission), f"queries/{asked.key}"
        findings.expect(f"REST {path}", who.rest("GET", path), allowed=allowed)
        findings.expect(f"REST sent {path}", who.rest("POST", path, {}), allowed=allowed)
        if is_opened(place, code, asked.permission):
            findings.expect(f"fragment {path}", who.page("GET", path, **PART), allowed=allowed)
            for page in (path, f"{path}/export.csv", f"{path}/export.xlsx"):
                findings.expect(f"page {page}", who.page("GET", page), allowed=allowed)
    assert changed(before) == []
    assert findings.found == []


@every_role
def test_find_shows_only_what_may_be_read(someone, samples, code):
    who, shown = someone(code), []
    for noun in registry.nouns():
        if not noun.spec.find:
            continue
        kept = dict(samples.kept)
        with undone():
            key, text = findable(samples, noun)
            samples.kept = kept  # what was made on the way is undone too
            if key is None:
                continue
            told = json.loads(who.program.get("/api/v1/find", {"q": text, "limit": 50}, headers=who.headers).content)
            by_rest = str(key) in {item["id"] for item in told["items"]}
            page = who.browser.get("/find", {"q": text}, headers=PART).content.decode()
            by_page = f"/{noun.spec.path}/{key}" in page
            reach = who.principal.reach(noun.spec.permission("read"))
            for way, is_found in (("REST", by_rest), ("page", by_page)):
                if is_found and reach is None or reach == "all" and not is_found:
                    shown.append(f"{way}: {noun.spec.key} is {'' if is_found else 'not '}found by {text!r}")
    assert shown == []


@every_role
def test_find_looks_into_what_may_be_read_and_nothing_else(someone, code):
    who = someone(code)
    found = {noun.spec.key for noun in registry.nouns() if noun.spec.find}
    allowed = {key for key in found if who.principal.may(registry.noun(key).spec.permission("read"))}
    for ask in (
        lambda: who.program.get("/api/v1/find", {"q": "某"}, headers=who.headers),
        lambda: who.browser.get("/find", {"q": "某"}, headers=PART),
    ):
        with CaptureQueriesContext(connection) as asked:
            assert ask().status_code == 200
        (search,) = [one["sql"] for one in asked if "banyan_query_bigrams" in one["sql"]]
        assert {key for key in found if f"SELECT '{key}'" in search} == allowed


def findable(samples, noun: Noun) -> tuple[UUID | None, str]:
    """Give a record of a noun with a text that it is found by; None where people make none, or none with a text."""
    if "create" not in noun.spec.verbs:
        return None, ""
    word = f"找{new_id().hex[-7:]}"
    for field in noun.spec.fields:
        if field.key in noun.spec.find and field.type in ("text", "long_text") and not field.readonly:
            with suppress(DomainError), transaction.atomic():
                return samples.make(noun, **{field.key: word[: field.max_length or 40]}), word[: field.max_length or 40]
    key = samples.make(noun)
    columns = [noun.spec.field(one).column for one in noun.spec.find]
    row = noun.model._base_manager.values(*columns).get(pk=key)
    return (key, text) if (text := next((str(v) for v in row.values() if v), "")) else (None, "")


@every_role
def test_find_offers_only_what_may_be_made(someone, code):
    who, found = someone(code), []
    for place, noun in enumerate(registry.nouns()):
        permission = noun.spec.permission("create")
        if not offers_form(noun) or not is_opened(place, code, permission):
            continue
        page = who.browser.get("/find", {"q": str(noun.spec.label)}, headers=PART).content.decode()
        is_offered = f"/{noun.spec.path}/new" in page or f"/{noun.spec.path}/do/create" in page
        if is_offered and not who.principal.may(permission):
            found.append(f"{noun.spec.key} is offered to whoever may not make it")
    assert found == []


def offers_form(noun: Noun) -> bool:
    return registry.has_command(noun.spec.permission("create"))


@every_role
def test_commands_hold_alike_everywhere(someone, samples, code):
    who, findings = someone(code), Findings()
    known = {noun.spec.key: record_of(samples, noun) for noun in registry.nouns()}
    findings.told, before = refusals(), rows_written()
    for number, cmd in enumerate(registry.commands()):
        if who.principal.may(cmd.permission):
            continue
        key = known.get(cmd.noun, new_id())
        if cmd.rest:
            _refused_by_rest(who, findings, cmd, key)
        if registry.has_noun(cmd.noun) and is_opened(number, code, cmd.permission):
            _refused_by_page(who, findings, cmd, key)
    assert changed(before) == []
    assert findings.found == []


def _refused_by_rest(who: Someone, findings: Findings, cmd: Command, key: UUID) -> None:
    if not registry.has_noun(cmd.noun):
        findings.refused(f"REST {cmd.key}", who.rest("POST", place_of(cmd, key), {}))
        return
    noun = registry.noun(cmd.noun)
    path = noun.spec.path
    if cmd.name in offered.GENERIC and not offered.offers(noun, cmd.name):
        return
    if cmd.name == "create":
        findings.refused(f"REST {cmd.key}", who.rest("POST", path, {}))
    elif cmd.name == "delete":
        findings.refused(f"REST {cmd.key}", _with_version(who, "DELETE", f"{path}/{key}"))
    elif cmd.name == "change":
        findings.refused(f"REST {cmd.key}", _with_version(who, "PATCH", f"{path}/{key}"))
    else:
        findings.refused(f"REST {cmd.key}", who.rest("POST", place_of(cmd, key), {}))
    if cmd.on == "records":
        many = {"command": cmd.name, "ids": [str(key)]}
        findings.refused(f"REST bulk {cmd.key}", who.rest("POST", f"{path}/bulk", many))


def _refused_by_page(who: Someone, findings: Findings, cmd: Command, key: UUID) -> None:
    path = registry.noun(cmd.noun).spec.path
    by_name = {
        "change": f"{path}/{key}/edit", "comment": f"{path}/{key}/comment", "attach": f"{path}/{key}/files",
        "detach": f"{path}/{key}/files/{new_id()}/remove",
    }  # fmt: skip
    if cmd.screen and cmd.name != "create":
        place, data = f"{path}/do/{cmd.name}", {"ids": str(key)}
        findings.expect(f"dialog {cmd.key}", who.page("GET", place, data), allowed=False)
        findings.refused(f"page {cmd.key}", who.page("POST", place, data))
        findings.refused(f"fragment {cmd.key}", who.page("POST", place, data, **PART))
    if cmd.name in by_name:
        findings.refused(f"page of {cmd.key}", who.page("POST", by_name[cmd.name], {"text": "x"}))
        findings.refused(f"fragment of {cmd.key}", who.page("POST", by_name[cmd.name], {"text": "x"}, **PART))


def _with_version(who: Someone, method: str, place: str) -> int:
    headers = who.headers | {"If-Match": '"v1"'}
    return who.program.generic(
        method,
        f"/api/v1/{place}",
        b'{"name": "x"}' if method == "PATCH" else b"",
        content_type="application/json",
        headers=headers,
    ).status_code


@every_role
def test_a_granted_command_is_never_refused_for_want_of_a_right(someone, samples, code):
    who, found = someone(code), []
    known = {noun.spec.key: record_of(samples, noun) for noun in registry.nouns()}

    def tell(what: str, answer: Any) -> None:
        text = answer.content.decode(errors="replace")
        if answer.status_code >= 500 or answer.status_code == 403 and cmd.permission in text:
            found.append(f"{what} {cmd.key}: {answer.status_code} {text[:200]}")

    for number, cmd in enumerate(registry.commands()):
        if not who.principal.may(cmd.permission) or cmd.name in GENERIC:
            continue
        key = known.get(cmd.noun, new_id())
        if cmd.rest:
            with undone():
                place = f"/api/v1/{place_of(cmd, new_id())}"
                tell("REST", who.program.post(place, b"{}", content_type="application/json", headers=who.headers))
        if cmd.screen and registry.has_noun(cmd.noun) and is_opened(number, code, cmd.permission):
            place = f"/{registry.noun(cmd.noun).spec.path}/do/{cmd.name}"
            tell("dialog", who.browser.get(place, {"ids": str(key)}))
            tell("fragment", who.browser.get(place, {"ids": str(key)}, headers=PART))
    assert found == []


@every_role
def test_a_granted_generic_command_does_what_it_says(someone, samples, code):
    who, found, done = someone(code), [], 0
    known, kept = records_for(who, samples), dict(samples.kept)
    stored = StoredFile.objects.create(digest="ab" * 32, size=1, media_type="text/plain")
    for number, cmd in enumerate(registry.commands()):
        if cmd.name not in GENERIC or not registry.has_noun(cmd.noun) or not is_opened(number, code, cmd.permission):
            continue
        noun, key = registry.noun(cmd.noun), known[cmd.noun]
        is_near = cmd.name == "create" or reached(who, noun, cmd.permission).filter(pk=key).exists()
        if not who.principal.may(cmd.permission) or not is_near or not _is_offered(noun, cmd.name):
            continue
        with undone():
            answer = _granted(who, samples, noun, cmd, key, stored)
        samples.kept = dict(kept)  # what was made on the way is undone too
        done += answer.status_code < 300
        if answer.status_code == 403 and json.loads(answer.content)["code"] == NOT_THEIRS:
            continue
        if answer.status_code not in (200, 201, 204, *REFUSED.get(cmd.name, ())):
            found.append(f"{cmd.key}: {answer.status_code} {answer.content.decode(errors='replace')[:300]}")
    assert found == []
    print(f"{done} generic commands done")


def _is_offered(noun: Noun, name: str) -> bool:
    return name not in offered.GENERIC or offered.offers(noun, name)


def _granted(who: Someone, samples, noun: Noun, cmd: Command, key: UUID, stored: StoredFile) -> Any:
    """Send a generic command with an input that is right."""
    path = noun.spec.path
    if cmd.name == "create":
        return who.send("POST", path, samples.input(noun))
    if cmd.name in offered.GENERIC:
        row = noun.model._base_manager.get(pk=key)
        matched = {"If-Match": f'"v{getattr(row, "version", 1)}"'}
        if cmd.name == "delete":
            return who.send("DELETE", f"{path}/{key}", **matched)
        told = json.loads(who.send("GET", f"{path}/{key}").content)
        same = {f.key: told[f.key] for f in noun.spec.fields if not f.readonly and told.get(f.key) is not None}
        return who.send("PATCH", f"{path}/{key}", dict(list(same.items())[:1]), **matched)
    hung = Attachment.objects.create(noun=noun.spec.key, record=key, file=stored, name="a.txt")
    body = {
        "comment": {"text": "核对过了"}, "attach": {"digest": stored.pk, "name": "b.txt"},
        "detach": {"attachment": str(hung.pk)},
    }[cmd.name]  # fmt: skip
    return who.send("POST", f"{path}/{key}/{cmd.name}", body)


@every_role
def test_imports_and_forms_hold_alike_everywhere(someone, code):
    who, findings = someone(code), Findings()
    nouns = [n for n in registry.nouns() if offered.offers(n, "create") and offered.takes_tables(n)]
    made = ImportBatch.objects.bulk_create(ImportBatch(noun=n.spec.key, source_digest="0" * 64) for n in nouns)
    before = rows_written()
    for place, (noun, batch) in enumerate(zip(nouns, made, strict=True)):
        spec, path, create = noun.spec, noun.spec.path, noun.spec.permission("create")
        is_seen = is_opened(place, code, create)
        if not who.principal.may(spec.permission("delete")):
            if offered.offers(noun, "delete"):
                findings.refused(f"REST undo {path}", who.rest("POST", f"{path}/import/{batch.pk}/undo"))
            if is_seen:
                findings.refused(f"page undo {path}", who.page("POST", f"{path}/import/{batch.pk}/undo"))
        if who.principal.may(create):
            with undone():
                findings.expect(f"REST import {path}", _import(who, path), allowed=True)
                findings.expect(f"REST create {path}", who.rest("POST", path, {}), allowed=True)
                findings.expect(f"REST batch {path}", who.rest("GET", f"{path}/import/{batch.pk}"), allowed=True)
                for page in (f"{path}/import", f"{path}/new") if is_seen else ():
                    findings.expect(f"page {page}", who.page("GET", page), allowed=True)
                    findings.expect(f"fragment {page}", who.page("GET", page, **PART), allowed=True)
            findings.told = refusals()
            continue
        findings.refused(f"REST import {path}", _import(who, path))
        findings.refused(f"REST create {path}", who.rest("POST", path, {}))
        findings.refused(f"REST bulk {path}", who.rest("POST", f"{path}/bulk", {"command": "create", "records": [{}]}))
        findings.expect(f"REST batch {path}", who.rest("GET", f"{path}/import/{batch.pk}"), allowed=False)
        if is_seen:
            for page in (f"{path}/import", f"{path}/import/example", f"{path}/new"):
                findings.expect(f"page {page}", who.page("GET", page), allowed=False)
                findings.expect(f"fragment {page}", who.page("GET", page, **PART), allowed=False)
            findings.refused(f"page sent {path}", who.page("POST", f"{path}/new", {}))
            findings.refused(f"fragment sent {path}", who.page("POST", f"{path}/new", {}, **PART))
            for step in ("read", "map", "check", "do"):
                findings.refused(f"import {step} {path}", who.page("POST", f"{path}/import", {"step": step}))
    assert changed(before) == []
    assert findings.found == []


def _import(who: Someone, path: str) -> int:
    table = SimpleUploadedFile("x.csv", b"nothing\n1\n")
    return _status(who.program.post(f"/api/v1/{path}/import", {"file": table}, headers=who.headers))


def test_a_token_never_reaches_further_than_its_scopes(someone):
    who = someone("admin")
    token = access.new_token()
    AccessToken.objects.create(
        user_id=who.principal.id, name="narrow", digest=access.token_digest(token), scopes=["items.*.read"]
    )
    who.headers = {"Authorization": f"Bearer {token}"}
    statuses = {noun.spec.key: who.rest("GET", noun.spec.path) for noun in registry.nouns()}
    assert {key for key, status in statuses.items() if status == 200} == {
        n.spec.key for n in registry.nouns() if n.spec.module == "items"
    }
    assert {status for status in statuses.values()} == {200, 403}
