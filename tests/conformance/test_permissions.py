"""What a role may do holds alike on page, fragment, REST, import, export and find.

A refusal leaves only its audit line.

For every default role, every noun and every command. The short run opens pages for every seventh noun and
command, another seventh for each role; the long one opens all. REST is asked for everything in both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from banyan.kernel import access, rates, registry
from banyan.kernel.context import Principal
from banyan.kernel.models import AccessToken, Role, User, UserRole
from banyan.lib.ids import new_id
from banyan.ops.roles import ROLES, write_defaults
from banyan.web.rest import offered
from tests.plugins.levels import runs_all

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
EVERY = 7
#: Counters, seals and sessions: what is written whether or not anything was done.
BESIDE = ("kernel_ratelease", "django_session", "kernel_audit")


@dataclass
class Someone:
    """A person of a role, in a browser and by token."""

    principal: Principal
    browser: Client
    program: Client
    headers: dict[str, str]

    def rest(self, method: str, path: str, body: Any = None) -> int:
        answer = self.program.generic(
            method,
            f"/api/v1/{path}",
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers=self.headers,
        )
        return _status(answer)

    def page(self, method: str, path: str, data: dict | None = None, **headers: str) -> int:
        send = self.browser.get if method == "GET" else self.browser.post
        return _status(send(f"/{path}", data or {}, headers=headers))


def _status(answer: Any) -> int:
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code


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


def is_opened(place: int, code: str) -> bool:
    """Say whether this run opens the pages of a noun or command, by its place and the role."""
    return runs_all() or (place + [role.code for role in ROLES].index(code)) % EVERY == 0


every_role = pytest.mark.parametrize("code", [role.code for role in ROLES])


@every_role
def test_reading_holds_alike_everywhere(someone, code):
    who, findings = someone(code), Findings()
    for place, noun in enumerate(registry.nouns()):
        spec, allowed = noun.spec, who.principal.may(noun.spec.permission("read"))
        findings.expect(f"REST {spec.path}", who.rest("GET", f"{spec.path}?limit=1"), allowed=allowed)
        findings.expect(f"REST export {spec.path}", who.rest("GET", f"{spec.path}/export"), allowed=allowed)
        if not allowed:
            findings.expect(
                f"REST record {spec.path}", who.rest("GET", f"{spec.path}/{new_id()}"), allowed=False
            )
        if is_opened(place, code):
            findings.expect(f"page {spec.path}", who.page("GET", spec.path), allowed=allowed)
            findings.expect(f"fragment {spec.path}", who.page("GET", spec.path, **PART), allowed=allowed)
            findings.expect(
                f"page export {spec.path}", who.page("GET", f"{spec.path}/export.csv"), allowed=allowed
            )
    assert findings.found == []


@every_role
def test_find_shows_only_what_may_be_read(someone, samples, code):
    who, shown = someone(code), set()
    for noun in registry.nouns():
        if not noun.spec.find or "create" not in noun.spec.verbs:
            continue
        with undone():
            writable = [
                f.key
                for f in noun.spec.fields
                if f.key in noun.spec.find and f.type in ("text", "long_text") and not f.readonly
            ]
            if not writable:
                continue
            text = writable[0]
            try:
                key = samples.make(noun, **{text: "Fünfzehn"[: noun.spec.field(text).max_length or 40]})
            except Exception:  # the text must be something else; another noun will do
                transaction.set_rollback(True)
                continue
            answer = who.program.get(
                "/api/v1/find",
                {"q": "fünfzeh"[: noun.spec.field(text).max_length or 40]},
                headers=who.headers,
            )
            is_found = str(key) in {item["id"] for item in json.loads(answer.content)["items"]}
            if is_found and not who.principal.may(noun.spec.permission("read")):
                shown.add(noun.spec.key)
            if who.principal.reach(noun.spec.permission("read")) == "all" and not is_found:
                shown.add(f"{noun.spec.key} is not found")
    assert shown == set()


@every_role
def test_commands_hold_alike_everywhere(someone, code):
    who, findings, before = someone(code), Findings(), rows_written()
    for number, cmd in enumerate(registry.commands()):
        if not cmd.rest or not registry.has_noun(cmd.noun) or who.principal.may(cmd.permission):
            continue
        noun = registry.noun(cmd.noun)
        place = f"{noun.spec.path}/{new_id()}"
        if cmd.name == "create" and not offered.offers(noun, "create"):
            continue
        if cmd.name == "create":
            status = who.rest("POST", noun.spec.path, {})
        elif cmd.name == "delete":
            status = _with_version(who, "DELETE", place)
        elif cmd.name == "change":
            status = _with_version(who, "PATCH", place)
        else:
            asked = f"{place}/{cmd.name}" if cmd.on == "records" else f"{noun.spec.path}/{cmd.name}"
            status = who.rest("POST", asked, {})
        findings.refused(f"REST {cmd.key}", status)
        if cmd.screen and cmd.name not in ("create", "change") and is_opened(number, code):
            data, asked = {"ids": str(new_id())}, f"{noun.spec.path}/do/{cmd.name}"
            findings.refused(f"page {cmd.key}", who.page("POST", asked, data))
            findings.refused(f"fragment {cmd.key}", who.page("POST", asked, data, **PART))
    after = rows_written()
    assert [t for t in after if after[t] != before[t]] == []
    assert findings.found == []


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
def test_a_granted_command_is_never_refused_for_want_of_a_right(someone, code):
    who, found = someone(code), []
    for cmd in registry.commands():
        if (
            not cmd.rest
            or not registry.has_noun(cmd.noun)
            or not who.principal.may(cmd.permission)
            or cmd.name in ("create", "change", "delete")
        ):
            continue
        noun = registry.noun(cmd.noun)
        path = (
            f"{noun.spec.path}/{new_id()}/{cmd.name}"
            if cmd.on == "records"
            else f"{noun.spec.path}/{cmd.name}"
        )
        with undone():
            answer = who.program.post(
                f"/api/v1/{path}", b"{}", content_type="application/json", headers=who.headers
            )
        if answer.status_code >= 500 or (
            answer.status_code == 403 and cmd.permission in answer.content.decode()
        ):
            found.append(f"{cmd.key}: {answer.status_code} {answer.content.decode()[:200]}")
    assert found == []


@every_role
def test_imports_and_forms_hold_alike_everywhere(someone, code):
    who, findings, before = someone(code), Findings(), rows_written()
    for place, noun in enumerate(registry.nouns()):
        if not offered.offers(noun, "create") or not offered.takes_tables(noun):
            continue
        spec, path = noun.spec, noun.spec.path
        if who.principal.may(spec.permission("create")):
            with undone():
                findings.expect(f"REST import {path}", _import(who, path), allowed=True)
                findings.expect(f"REST create {path}", who.rest("POST", path, {}), allowed=True)
                if is_opened(place, code):
                    findings.expect(f"page import {path}", who.page("GET", f"{path}/import"), allowed=True)
                    findings.expect(f"page form {path}", who.page("GET", f"{path}/new"), allowed=True)
            findings.told = refusals()
            continue
        findings.refused(f"REST import {path}", _import(who, path))
        findings.refused(f"REST create {path}", who.rest("POST", path, {}))
        if is_opened(place, code):
            findings.expect(f"page import {path}", who.page("GET", f"{path}/import"), allowed=False)
            findings.expect(f"page form {path}", who.page("GET", f"{path}/new"), allowed=False)
            findings.refused(f"page sent {path}", who.page("POST", f"{path}/new", {}))
            findings.refused(f"fragment sent {path}", who.page("POST", f"{path}/new", {}, **PART))
            findings.refused(f"import sent {path}", who.page("POST", f"{path}/import", {"step": "do"}))
    after = rows_written()
    assert [t for t in after if after[t] != before[t]] == []
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
