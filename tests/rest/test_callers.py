"""Who may call: tokens, programs by OAuth2, browsers by session; and how often."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel.models import AccessToken, Audit, Request, RoleGrant, User, UserRole

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer x", "Basic YTpi", "Bearer byn_unknown", "Bearer 🙂", "bearer"]
)
def test_without_a_valid_token_nothing_is_told(api, header):
    api.token = ""
    answer = api.call("GET", "kernel/users", **({"Authorization": header} if header else {}))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.data["code"] in ("not_authenticated", "token_refused", "scheme_unknown")


def test_a_token_ends_at_once_when_it_is_revoked_expires_or_its_owner_is_shut_out(account):
    for change in ({"is_active": False}, {"expires_at": timezone.now() - timedelta(seconds=1)}, None):
        api = account("kernel.user.read")
        assert api.get("kernel/users").status_code == 200
        if change:
            AccessToken.objects.filter(user=api.user).update(**change)
        else:
            User.objects.filter(pk=api.user.pk).update(is_active=False)
        assert api.get("kernel/users").status_code == 401


def test_a_call_by_token_costs_one_statement_to_know_who_calls(api, django_assert_num_queries):
    api.get("me")  # takes a lease of calls
    with django_assert_num_queries(1):
        assert api.get("me").status_code == 200


def test_a_grant_given_or_taken_holds_at_the_next_call(account):
    api = account("kernel.user.read")
    assert api.get("kernel/users").status_code == 200
    RoleGrant.objects.filter(role__code=UserRole.objects.get(user=api.user).role.code).update(
        permission="kernel.role.read"
    )
    assert api.get("kernel/users").status_code == 403
    assert api.get("kernel/roles").status_code == 200
    UserRole.objects.filter(user=api.user).delete()
    assert api.get("kernel/roles").status_code == 403


def test_a_token_is_narrowed_to_its_scopes(account):
    api = account("*", limits=["kernel.role.read", "kernel.token.*"])
    assert api.get("kernel/roles").status_code == 200
    assert api.get("kernel/users").status_code == 403
    refused = api.post("kernel/roles", {"code": "x", "name_zh": "x", "name_en": "x"})
    assert (refused.status_code, refused.data["data"]["permission"]) == (403, "kernel.role.create")
    assert (
        api.post("kernel/tokens/issue", {"name": "wider", "scopes": ["*"]}).data["code"] == "token_too_wide"
    )
    assert (
        api.post("kernel/tokens/issue", {"name": "same", "scopes": ["kernel.role.read"]}).status_code == 200
    )


def test_a_token_is_shown_once_and_kept_as_a_hash(api):
    answer = api.post(
        "kernel/tokens/issue", {"name": "scale", "scopes": ["kernel.user.read"]}, Idempotency_Key="t-1"
    )
    token = answer.data["result"]["token"]
    assert token.startswith("byn_")
    replay = api.post(
        "kernel/tokens/issue", {"name": "scale", "scopes": ["kernel.user.read"]}, Idempotency_Key="t-1"
    )
    assert replay.data["result"] == answer.data["result"] | {"token": None}
    kept = json.dumps(
        [
            list(Request.objects.values_list("answer", flat=True)),
            list(Audit.objects.values_list("input", flat=True)),
        ]
    )
    assert token not in kept
    assert api.get("me", Authorization=f"Bearer {token}").data["limits"] == ["kernel.user.read"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": ["sales order"]},
        {"name": "x", "scopes": []},
        {"name": ""},
        {"name": "x", "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "user": "no"},
    ],
)
def test_a_token_that_makes_no_sense_is_refused(api, body):
    assert api.post("kernel/tokens/issue", body).status_code == 422


def test_only_who_keeps_users_issues_tokens_for_others(account, api):
    clerk = account(("kernel.token.*", "own"))
    assert clerk.post("kernel/tokens/issue", {"name": "mine"}).status_code == 200
    assert clerk.post("kernel/tokens/issue", {"name": "theirs", "user": str(api.user.pk)}).status_code == 403
    assert api.post("kernel/tokens/issue", {"name": "theirs", "user": str(clerk.user.pk)}).status_code == 200
    assert len(clerk.get("kernel/tokens").data["items"]) == 3


# --- OAuth2 -------------------------------------------------------------------------------------------------


@pytest.fixture
def client(api, account):
    """Give (id, secret, account) of a program with the right to read users and roles."""
    program = account("kernel.user.read", "kernel.role.read", is_program=True)
    made = api.post(f"kernel/users/{program.user.pk}/issue_client", {"name": "shop"})
    assert made.status_code == 200, made.content
    return made.data["result"]["client_id"], made.data["result"]["client_secret"], program


def form(path, fields, basic):
    return Client().post(
        path,
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Basic {basic}"},
    )


def grant(client, **more):
    key, secret, _ = client
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    answer = form("/oauth/token", {"grant_type": "client_credentials"} | more, basic)
    return answer, json.loads(answer.content)


def test_a_program_gets_a_token_and_calls_with_it(client):
    answer, body = grant(client, scope="kernel.user.read")
    assert (answer.status_code, body["token_type"], body["expires_in"], body["scope"]) == (
        200,
        "Bearer",
        3600,
        "kernel.user.read",
    )
    program = client[2]
    program.token = body["access_token"]
    assert program.get("kernel/users").status_code == 200
    assert program.get("kernel/roles").status_code == 403
    from oauth2_provider.models import get_access_token_model

    assert get_access_token_model().objects.get().token == ""


def test_without_a_scope_a_program_may_do_all_its_account_may(client):
    program = client[2]
    program.token = grant(client)[1]["access_token"]
    assert program.get("kernel/roles").status_code == 200
    assert program.post("kernel/roles", {}).status_code == 403


def test_a_wrong_secret_a_wrong_grant_and_a_wrong_scope_get_nothing(client):
    key, secret, program = client
    assert grant((key, "wrong", program))[0].status_code == 401
    assert grant(client, grant_type="password", username="x", password="y")[0].status_code == 400
    assert grant(client, scope="sales order!")[1]["error"] == "invalid_scope"
    User.objects.filter(pk=program.user.pk).update(is_active=False)
    assert grant(client)[0].status_code in (400, 401)


def test_a_revoked_token_ends_at_once(client):
    key, secret, program = client
    program.token = grant(client)[1]["access_token"]
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    assert form("/oauth/revoke", {"token": program.token}, basic).status_code == 200
    assert program.get("kernel/users").status_code == 401


def test_only_a_programs_account_has_clients(api, account):
    person = account()
    refused = api.post(f"kernel/users/{person.user.pk}/issue_client", {"name": "x"})
    assert (refused.status_code, refused.data["code"]) == (409, "kernel.no_program")


def test_an_address_asks_for_tokens_thirty_times_a_minute(client):
    statuses = [grant((client[0], "wrong", None))[0].status_code for _ in range(31)]
    assert statuses[:30] == [401] * 30
    assert statuses[30] == 429


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("PUT", 405), ("DELETE", 405)])
def test_tokens_are_asked_for_by_post(method, status, db):
    assert Client().generic(method, "/oauth/token").status_code == status


# --- sessions -----------------------------------------------------------------------------------------------


def test_a_browser_reads_by_session_and_writes_with_the_forms_token(account):
    api = account("kernel.role.*")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(api.user, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/api/v1/me").json()["login"] == api.user.login
    body = json.dumps({"code": "x", "name_zh": "x", "name_en": "x"})
    refused = browser.post("/api/v1/kernel/roles", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "form_expired")
    browser.cookies["csrftoken"] = token = "a" * 32
    made = browser.post(
        "/api/v1/kernel/roles", body, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert made.status_code == 201
    assert (
        browser.post(
            "/api/v1/kernel/roles", body, content_type="application/json", headers={"X-CSRFToken": "b" * 32}
        ).status_code
        == 403
    )


def test_a_stranger_is_sent_to_sign_in_by_the_page_and_refused_by_the_interface(db):
    assert Client().get("/api/v1/me").status_code == 401
    page = Client().get("/api/v1/")
    assert (page.status_code, page["Location"]) == (302, "/login?next=%2Fapi%2Fv1%2F")


# --- rates --------------------------------------------------------------------------------------------------


def test_calls_beyond_the_rate_wait_for_the_next_minute(account, settings):
    settings.BANYAN_RATE_PER_MINUTE = 5
    api, other = account("kernel.user.read"), account("kernel.user.read")
    statuses = [api.get("me").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    refused = api.get("me")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert other.get("me").status_code == 200
