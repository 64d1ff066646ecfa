"""Signing in: who gets in, who is kept out, what the session is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.utils import timezone

from banyan.kernel import rates
from banyan.kernel.models import RoleGrant, User
from banyan.web.views import sign_in as views
from tests.web.conftest import PART, PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(browser: Client, login: str = "lin", password: str = PASSWORD, **more):
    return browser.post("/login", {"username": login, "password": password, **more})


def test_the_right_password_opens_the_page_that_was_asked_for(client, person_named):
    person_named("lin", "items.*")
    asked = client.get("/items/items")
    assert asked.headers["Location"] == "/login?next=%2Fitems%2Fitems"
    assert sign_in(client, next="/items/items").headers["Location"] == "/items/items"
    assert client.get("/items/items").status_code == 200


def test_the_session_gets_a_new_key(client, person_named):
    person_named("lin")
    client.get("/login")
    client.session["planted"] = "yes"
    client.session.save()
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


@pytest.mark.parametrize("login", ["lin", "nobody"])
def test_a_wrong_password_and_an_unknown_name_are_not_told_apart(client, person_named, login):
    person_named("lin")
    page = sign_in(client, login, "wrong")
    assert page.status_code == 401
    assert "登录名或密码不对" in page.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_program_and_somebody_shut_out_cannot_sign_in(client, person_named):
    person_named("robot", is_program=True)
    person_named("gone", is_active=False)
    assert sign_in(client, "robot").status_code == 401
    assert sign_in(client, "gone").status_code == 401


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(client, person_named, there):
    person_named("lin")
    assert sign_in(client, next=there).headers["Location"] == "/"


@override_settings(AXES_ENABLED=True)
def test_too_many_misses_lock_the_pair_of_name_and_address(client, person_named):
    person_named("lin")
    person_named("wang")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        page = sign_in(client, password="wrong")
    assert page.status_code == 429
    assert "尝试次数过多" in page.content.decode()
    assert sign_in(client).status_code == 429
    assert sign_in(Client(), "wang").status_code == 302


def test_a_form_from_elsewhere_is_refused(person_named):
    person_named("lin")
    strict = Client(enforce_csrf_checks=True)
    page = sign_in(strict)
    assert page.status_code == 403
    assert "页面已过期" in page.content.decode()


def test_an_empty_system_says_how_the_first_account_is_made(client):
    assert not User.objects.exists()
    assert "banyan user add" in client.get("/login").content.decode()


def test_the_page_speaks_what_the_browser_asks_for(client):
    assert (
        "Sign in"
        in client.get("/login", headers={"Accept-Language": "en-GB,en;q=0.9,zh;q=0.5"}).content.decode()
    )
    assert (
        "登录"
        in client.get("/login", headers={"Accept-Language": "fr, zh-CN;q=0.8, en;q=0.5"}).content.decode()
    )
    client.post("/language", {"language": "en", "next": "/login"})
    assert "Sign in" in client.get("/login", headers={"Accept-Language": "zh-CN"}).content.decode()


def test_a_fragment_without_a_session_goes_to_the_sign_in_page(client):
    part = client.get("/items/items", headers=PART)
    assert part.status_code == 401
    assert part.headers["HX-Redirect"] == "/login"


def test_somebody_shut_out_is_out_at_once(signed_in):
    browser = signed_in("items.*", login="lin")
    assert browser.get("/items/items").status_code == 200
    User.objects.filter(login="lin").update(is_active=False)
    assert browser.get("/items/items").status_code == 302


def test_a_grant_given_or_taken_holds_at_the_next_page(signed_in):
    browser = signed_in("items.item.read", login="lin")
    menu = browser.get("/items/items").content.decode()
    assert "/items/items" in menu
    assert "/parties/parties" not in menu
    assert browser.get("/parties/parties").status_code == 403
    RoleGrant.objects.update(permission="parties.party.read")
    menu = browser.get("/parties/parties").content.decode()
    assert "/parties/parties" in menu
    assert "/items/items" not in menu
    assert browser.get("/items/items").status_code == 403


def test_a_new_password_ends_the_sessions_before_it(signed_in):
    browser = signed_in("items.*", login="lin")
    assert browser.get("/items/items").status_code == 200
    user = User.objects.get(login="lin")
    user.set_password("Anders-und-lang-8")
    user.save()
    assert browser.get("/items/items").status_code == 302


def test_an_older_secret_key_still_knows_its_sessions(signed_in):
    browser = signed_in("items.*", login="lin")
    newer = "another-secret-key-of-more-than-fifty-characters-0123456789"
    with override_settings(SECRET_KEY=newer, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert browser.get("/items/items").status_code == 200
        assert browser.get("/items/items").status_code == 200
    with override_settings(SECRET_KEY=newer):
        assert browser.get("/items/items").status_code == 200
        assert Client().get("/items/items").status_code == 302


@pytest.mark.parametrize("change", [
    {"_auth_user_id": "nobody"}, {"_auth_user_hash": "0"}, {"_auth_user_hash": None},
    {"_auth_user_backend": "unknown.Backend"},
])  # fmt: skip
def test_a_session_that_does_not_fit_is_nobodys(signed_in, change):
    browser = signed_in("items.*", login="lin")
    session = browser.session
    for key, value in change.items():
        session[key] = value
    session.save()
    assert browser.get("/items/items").status_code == 302


def test_a_session_that_has_run_out_is_nobodys(signed_in):
    browser = signed_in("items.*", login="lin")
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert browser.get("/items/items").status_code == 302


def test_signing_out_ends_the_session(signed_in):
    browser = signed_in("items.*")
    assert browser.get("/logout").status_code == 405
    browser.post("/logout")
    assert browser.get("/items/items").status_code == 302


def test_one_address_tries_only_so_often_over_all_names_and_processes(client, person_named, one_minute, monkeypatch):
    person_named("lin")
    hashed = []
    monkeypatch.setattr(views, "authenticate", lambda *_, username, **__: hashed.append(username))
    for n in range(views.TRIES_PER_MINUTE):
        rates._leases.clear()  # as if another process was asked
        assert sign_in(client, f"name-{n}", "wrong").status_code == 401
    page = sign_in(client, "lin")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "60")
    assert "此地址的登录尝试过于频繁，请 60 秒后再试" in page.content.decode()
    assert len(hashed) == views.TRIES_PER_MINUTE
    elsewhere = sign_in(Client(REMOTE_ADDR="10.0.0.9"), "lin")
    assert (elsewhere.status_code, hashed[-1]) == (401, "lin")
    monkeypatch.undo()
    assert sign_in(client).status_code == 302, "a minute later the address may try again"
