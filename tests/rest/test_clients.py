"""Clients: what they are limited to, how often they may call, how their secret is replaced; and the log of calls."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.db import ProgrammingError, connection
from django.test import Client as Browser
from django.utils import timezone

from banyan.kernel import jobs, rates, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import covers, narrowed
from banyan.kernel.models import AccessToken, Audit, Call, CallDay, Client, History
from banyan.lib import traces
from banyan.lib.errors import TooMany
from banyan.lib.ids import new_id
from banyan.web.rest import calls, openapi

pytestmark = pytest.mark.django_db
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def program(api, account):
    """Give a program's account, and its client as the interface issued it."""
    made = account("kernel.*", is_program=True)
    issued = api.post("kernel/clients/issue", {"name": "shop", "user": str(made.user.pk)})
    assert issued.status_code == 200, issued.content
    made.issued = issued.data["result"]
    made.row = Client.objects.get(client_id=made.issued["client_id"])
    return made


def ask(program, secret=None, **more) -> tuple[int, dict]:
    """Ask for a token; give the status and the answer."""
    basic = base64.b64encode(f"{program.issued['client_id']}:{secret or program.issued['client_secret']}".encode())
    answer = Browser().post(
        "/oauth/token", urlencode({"grant_type": "client_credentials"} | more),
        content_type="application/x-www-form-urlencoded", headers={"Authorization": f"Basic {basic.decode()}"},
    )  # fmt: skip
    return answer.status_code, json.loads(answer.content)


def signed_in(program, **more):
    status, body = ask(program, **more)
    assert status == 200, body
    program.token = body["access_token"]
    return program


def do(api, program, command, **data):
    return api.post(f"kernel/clients/{program.row.pk}/{command}", data or None)


# --- scopes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "limits", "both"),
    [
        (("*",), ("sales.*",), ("sales.*",)),
        (("sales.order.read",), ("sales.*",), ("sales.order.read",)),
        (("*.*.read",), ("sales.*",), ("sales.*.read",)),
        (("sales.*",), ("*.order.*",), ("sales.order.*",)),
        (("sales.*",), ("items.*",), ()),
        (("sales.order",), ("sales.order.read",), ()),
        (("*.read",), ("*.change",), ()),
        (("a.b", "c.*"), ("a.*", "c.d"), ("a.b", "c.d")),
    ],
)
def test_two_limits_leave_what_both_cover(patterns, limits, both):
    assert narrowed(patterns, limits) == both
    words = [f"{a}.{b}.{c}" for a in ("sales", "items") for b in ("order", "item") for c in ("read", "change")]
    for word in words:
        by_each = all(any(covers(one, word) for one in group) for group in (patterns, limits))
        assert any(covers(one, word) for one in both) == by_each, word


def test_a_client_is_limited_and_its_tokens_with_it_at_once(api, program):
    signed_in(program)
    assert program.get("kernel/users").status_code == 200
    assert do(api, program, "limit", scopes=["kernel.role.read"]).status_code == 200
    assert program.get("kernel/users").status_code == 403
    assert program.get("kernel/roles").status_code == 200
    assert ask(program, scope="kernel.user.read")[0] == 400
    assert ask(program, scope="*.role.*")[0] == 200


def test_scopes_that_cover_nothing_are_refused_by_place(api, program):
    refused = do(api, program, "limit", scopes=["kernel.role.read", "sales.ordre.read", "No!"])
    assert (refused.status_code, [one["path"] for one in refused.data["errors"]]) == (422, ["scopes.1", "scopes.2"])
    program.row.refresh_from_db()
    assert program.row.scopes == ["*"]


def test_a_client_is_made_only_for_an_active_program_and_no_wider_than_who_asks(api, account, program):
    person = account()
    refused = api.post("kernel/clients/issue", {"name": "x", "user": str(person.user.pk)})
    assert (refused.status_code, refused.data["code"]) == (409, "kernel.no_program")
    narrow = account("*", limits=["kernel.client.*"])
    wider = narrow.post("kernel/clients/issue", {"name": "x", "user": str(program.user.pk)})
    assert (wider.status_code, wider.data["code"]) == (403, "token_too_wide")
    assert narrow.post(f"kernel/clients/{program.row.pk}/rotate", {}).status_code == 403
    assert Client.objects.count() == 1


# --- the secret, and whether it runs ------------------------------------------------------------------------


def test_a_new_secret_and_the_old_one_are_both_good_for_a_while(api, program):
    old = program.issued["client_secret"]
    rotated = do(api, program, "rotate", hours=2)
    new = rotated.data["result"]["client_secret"]
    assert new != old
    assert [ask(program, secret)[0] for secret in (new, old, "wrong")] == [200, 200, 401]
    Client.objects.update(old_until=timezone.now() - timedelta(seconds=1))
    assert [ask(program, secret)[0] for secret in (new, old)] == [200, 401]


def test_an_old_secret_is_ended_by_hand_or_by_the_next_rotation(api, program):
    first = program.issued["client_secret"]
    second = do(api, program, "rotate").data["result"]["client_secret"]
    third = do(api, program, "rotate").data["result"]["client_secret"]
    assert [ask(program, secret)[0] for secret in (first, second, third)] == [401, 200, 200]
    assert do(api, program, "end_old_secret").status_code == 200
    assert [ask(program, secret)[0] for secret in (second, third)] == [401, 200]
    assert do(api, program, "end_old_secret").data["code"] == "kernel.no_old_secret"
    fourth = do(api, program, "rotate", hours=0).data["result"]["client_secret"]
    assert [ask(program, secret)[0] for secret in (third, fourth)] == [401, 200]


def test_neither_audit_nor_history_nor_a_stored_answer_holds_a_secret(api, program):
    headers = {"Idempotency_Key": "r-1"}
    rotated = api.post(f"kernel/clients/{program.row.pk}/rotate", {"hours": 2}, **headers).data["result"]
    again = api.post(f"kernel/clients/{program.row.pk}/rotate", {"hours": 2}, **headers).data["result"]
    assert again["client_secret"] is None
    program.row.refresh_from_db()
    kept = json.dumps([
        list(Audit.objects.values_list("input", flat=True)), list(History.objects.values_list("old", "new")),
    ], default=str)  # fmt: skip
    secrets = (program.issued["client_secret"], rotated["client_secret"], program.row.old_secret)
    assert all(secrets)
    assert not [one for one in secrets if one in kept]


def test_a_stopped_client_gets_no_token_and_is_refused_with_the_one_it_has(api, program):
    signed_in(program)
    assert program.get("kernel/roles").status_code == 200
    assert do(api, program, "stop").status_code == 200
    assert program.get("kernel/roles").status_code == 401
    assert ask(program)[0] in (400, 401)
    assert do(api, program, "resume").status_code == 200
    assert program.get("kernel/roles").status_code == 200


# --- quota --------------------------------------------------------------------------------------------------


def test_a_quota_a_minute_answers_429_with_how_long_to_wait(api, program):
    do(api, program, "set_quota", per_minute=3)
    signed_in(program)
    answers = [program.get("me") for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert [re.search(r'"minute";r=(\d+)', one["RateLimit"])[1] for one in answers[:3]] == ["2", "1", "0"]
    assert '"minute";q=3;w=60' in answers[0]["RateLimit-Policy"]
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert answers[3].data["data"]["limit"] == 3
    assert api.get("me").status_code == 200


def test_a_quota_a_day_holds_beyond_the_minute(api, program):
    do(api, program, "set_quota", per_day=2)
    signed_in(program)
    assert [program.get("me").status_code for _ in range(3)] == [200, 200, 429]
    refused = program.get("me")
    assert 1 <= int(refused["Retry-After"]) <= 86_400
    assert refused.data["data"]["window"] == "day"
    do(api, program, "set_quota")
    assert program.get("me").status_code == 200


def test_a_tokens_quota_is_its_own(account, api):
    holder = account("kernel.*")
    AccessToken.objects.filter(user=holder.user).update(per_minute=1)
    assert [holder.get("me").status_code for _ in range(2)] == [200, 429]
    other = api.post("kernel/tokens/issue", {"name": "other", "user": str(holder.user.pk)}).data["result"]["token"]
    assert holder.get("me", Authorization=f"Bearer {other}").status_code == 200


def test_processes_share_a_small_quota_to_the_last_call(monkeypatch):
    clock = lambda: 1_000_000.0  # noqa: E731
    held = [{}, {}]
    granted = 0
    for n in range(400):
        monkeypatch.setattr(rates, "_leases", held[n % 2])
        try:
            rates.take("k", 130, clock=clock)
        except TooMany:
            continue
        granted += 1
    assert granted == 130


def test_a_day_begins_and_ends_at_the_companys_midnight():
    zone = ZoneInfo("Asia/Shanghai")
    before = datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC).timestamp()
    first, second = rates.day(before, zone), rates.day(before + 1, zone)
    assert (first.wait, second.wait, second.seconds) == (1, 86_400, 86_400)
    assert second.begins - first.begins == 1440


# --- the log ------------------------------------------------------------------------------------------------


def test_a_call_is_noted_without_a_statement_and_written_with_all_others_in_one(
    program, django_assert_num_queries
):
    signed_in(program)
    program.get("me")
    with django_assert_num_queries(1):  # who calls
        program.get("me")
    assert len(calls._noted) == 3  # and the one that made the client
    with django_assert_num_queries(3):  # savepoint, all of them, release
        assert calls.write() == 3
    assert Call.objects.filter(client=program.row).count() == 2
    assert calls.write() == 0


def test_what_is_written_says_who_what_and_how_it_ended_but_nothing_of_what_was_said(program):
    signed_in(program)
    role = registry.noun("kernel.role").model.objects.first().pk
    program.get(f"kernel/roles/{role}?fields=code", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    program.post("kernel/roles", {"code": "sealed-word"})
    calls.write()
    read, refused = Call.objects.filter(client=program.row).order_by("id")
    assert (read.method, read.path, read.operation, read.status, read.outcome) == (
        "GET", "kernel/roles/{id}", "kernel.role.read", 200, "done",
    )  # fmt: skip
    assert (read.user_id, read.program, read.token_id) == (program.user.pk, "client:shop", None)
    assert read.trace == traces.step(f"00-{TRACE}-00f067aa0ba902b7-01", read.pk)
    assert (refused.operation, refused.status, refused.outcome) == ("kernel.role.create", 422, "refused")
    assert refused.bytes_in == len(json.dumps({"code": "sealed-word"}))
    assert refused.bytes_out > 0 < refused.ms
    assert "sealed-word" not in json.dumps(list(Call.objects.values()), default=str)
    line = Audit.objects.get(at=refused.at, person=refused.user_id)
    assert (line.command, line.outcome) == ("kernel.role.create", "refused")


def test_a_call_is_told_its_key(api):
    answer = api.get("me")
    calls.write()
    assert Call.objects.get().pk.hex == answer["X-Request-Id"].replace("-", "")


def test_an_address_that_leads_nowhere_is_not_kept(api):
    assert api.get("kernel/secret-123/of-somebody").status_code == 404
    calls.write()
    call = Call.objects.get()
    assert (call.path, call.operation, call.status, call.outcome) == (calls.NOWHERE, "", 404, "refused")


def test_people_are_not_in_the_log(account):
    person = account("kernel.*")
    browser = Browser()
    browser.force_login(person.user, backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.get("/api/v1/me")
    assert answer.status_code == 200
    assert "X-Request-Id" not in answer
    assert calls.write() == 0


def test_days_are_summed_by_client_and_outcome(api, program):
    do(api, program, "set_quota", per_minute=2)
    signed_in(program)
    for path in ("me", "kernel/nothing", "me"):
        program.get(path)
    calls.write()
    program.get("me")
    calls.write()
    day = CallDay.objects.get(key=program.row.pk)
    assert (day.calls, day.refused, day.throttled, day.failed) == (4, 1, 2, 0)
    assert day.day == timezone.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert day.last_at == Call.objects.filter(client=program.row).latest("at").at


def test_more_calls_than_the_log_takes_are_dropped_and_counted(monkeypatch, api, caplog):
    monkeypatch.setattr(calls, "MOST", 2)
    for _ in range(5):
        assert api.get("me").status_code == 200
    assert calls.write() == 2
    assert "3 calls were made faster" in caplog.text


def test_what_cannot_be_written_now_is_written_later(monkeypatch, api):
    api.get("me")
    with monkeypatch.context() as broken:
        broken.setattr(calls, "_WRITE", "SELECT nothing_of_the_kind")
        with pytest.raises(ProgrammingError, match="nothing_of_the_kind"):
            calls.write()
    assert calls.write() == 1


def test_what_can_never_be_written_does_not_stand_in_the_way(api, caplog):
    api.get("me")
    calls._noted.append(calls._noted.pop()._replace(program="x" * 200))
    assert calls.write() == 0
    assert "1 calls cannot be written" in caplog.text
    api.get("me")
    assert calls.write() == 1


def test_old_calls_are_forgotten_by_the_job_and_their_days_stay(api, monkeypatch):
    monkeypatch.setattr(jobs, "CALLS_AT_ONCE", 2)
    for _ in range(6):
        api.get("me")
    calls.write()
    old = list(Call.objects.order_by("id").values_list("pk", flat=True)[:5])
    Call.objects.filter(pk__in=old).update(at=timezone.now() - timedelta(days=8))
    assert jobs.forget_calls(9) == 0
    assert jobs.forget_calls(7) == 5
    assert Call.objects.count() == 1
    assert CallDay.objects.get().calls == 6


def test_every_operation_of_the_description_is_known_to_the_log():
    wrong = {}
    for path, node in openapi.document("en")["paths"].items():
        place = re.sub(r"\{\w+\}", str(new_id()), path.removeprefix("/"))
        for method in ("get", "post", "patch", "delete"):
            if method in node:
                told = (calls.template_of(place), calls.operation_of(method.upper(), place))
                if told != (path.removeprefix("/"), node[method]["operationId"]):
                    wrong[f"{method} {path}"] = told
    assert wrong == {}


def test_clients_made_before_there_were_limits_go_on(program):
    """Hold the statement of the migration to a client that only the library knows."""
    from importlib import import_module

    Client.objects.all().delete()
    (step,) = import_module("banyan.kernel.migrations.0004_clients").Migration.operations
    with connection.cursor() as cursor:
        cursor.execute(step.sql)
    signed_in(program)
    assert program.get("kernel/roles").status_code == 200


def test_the_commands_are_audited(ctx, program):
    execute(ctx, registry.command("kernel.client.set_quota"), ids=[program.row.pk], data={"per_minute": 5})
    line = Audit.objects.filter(command="kernel.client.set_quota").get()
    assert (line.records, line.input) == ([program.row.pk], {"per_minute": 5})
