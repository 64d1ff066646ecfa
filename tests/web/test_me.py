"""My own account: what I may change, and that nobody else's changes with it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from banyan.kernel import access, sessions
from banyan.kernel.models import AccessToken, Audit, History, SavedView, Session, User
from tests.web.conftest import PART, PASSWORD

pytestmark = pytest.mark.django_db


def test_language_changes_for_one_person_and_every_page(signed_in):
    browser = signed_in("items.*", login="lin")
    other = signed_in("items.*", login="wang")
    browser.post("/me/language", {"language": "en"})
    assert "<h1>Items" in browser.get("/items/items").content.decode()
    assert "<h1>物料" in other.get("/items/items").content.decode()


def test_the_theme_is_in_the_page_from_its_first_byte(signed_in):
    browser = signed_in()
    browser.post("/me/theme", {"theme": "dark"})
    assert 'data-bs-theme="dark"' in browser.get("/").content.decode()
    assert browser.post("/me/theme", {"theme": "pink"}, headers=PART).status_code == 422


def change_password(browser, **given):
    data = {"old": PASSWORD, "new": "Zweig-und-Wurzel-8", "again": "Zweig-und-Wurzel-8"} | given
    return browser.post("/me/password", data, headers=PART)


def test_a_new_password_ends_the_other_sessions_and_leaves_no_trace_of_itself(signed_in):
    browser = signed_in("items.*", login="lin")
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(login="lin"))
    assert change_password(browser).status_code == 204
    assert browser.get("/items/items").status_code == 200
    assert elsewhere.get("/items/items").status_code == 302
    line = Audit.objects.get(command="self.password.change")
    kept = Session.objects.get(digest=sessions.digest_of(browser.session.session_key))
    assert line.input == {"keep": str(kept.pk)}
    user = User.objects.get(login="lin")
    assert user.check_password("Zweig-und-Wurzel-8")
    assert not any(
        "password" in (row.new or {}) for row in History.objects.filter(record=user.pk, operation="update")
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"old": "wrong"}, "old"),
        ({"again": "other"}, "again"),
        ({"new": "short", "again": "short"}, "new"),
        ({"new": "password123", "again": "password123"}, "new"),
    ],
)
def test_a_password_that_will_not_do_is_refused_at_its_field(signed_in, given, field):
    page = change_password(signed_in(login="lin"), **given)
    assert page.status_code == 422
    assert f'data-path="{field}"' in page.content.decode()
    assert User.objects.get(login="lin").check_password(PASSWORD)


def test_a_token_is_shown_once_and_works_until_it_is_revoked(signed_in, ctx):
    browser = signed_in("items.*", "sales.*", login="lin")
    made = browser.post("/me/tokens", {"name": "报表", "scopes": "items.*", "days": "30"}, headers=PART)
    token = re.search(r"byn_[\w-]+", made.content.decode())[0]
    who = access.principal_of_token(token, ctx.now)
    assert (who.login, who.may("items.item.read"), who.may("sales.order.read")) == ("lin", True, False)
    assert token not in browser.get("/me").content.decode()
    assert not Audit.objects.filter(input__icontains=token).exists()
    row = AccessToken.objects.get()
    stranger = signed_in(login="wang")
    assert stranger.post(f"/me/tokens/{row.pk}/revoke", headers=PART).status_code == 404
    browser.post(f"/me/tokens/{row.pk}/revoke", headers=PART)
    assert access.principal_of_token(token, ctx.now) is None


def test_a_view_is_kept_and_opens_first_when_i_say_so(signed_in, world):
    browser = signed_in("items.*", login="lin")
    world.part, world.screw  # noqa: B018  makes them
    data = {"name": "外购件", "query": "kind:in=bought&columns=code,name", "is_default": "on"}
    saved = browser.post("/items/items/views", data, headers=PART)
    assert saved.status_code == 204
    first = browser.get("/items/items").content.decode()
    assert "BP-1" in first
    assert "MP-1" not in first
    assert "MP-1" in browser.get("/items/items?all=1").content.decode()
    view = SavedView.objects.get()
    stranger = signed_in("items.*", login="wang")
    assert "外购件" not in stranger.get("/items/items").content.decode()
    assert stranger.post(f"/items/items/views/{view.pk}/remove", headers=PART).status_code == 404
    browser.post(f"/items/items/views/{view.pk}/remove", headers=PART)
    assert not SavedView.objects.exists()


def test_a_plant_is_chosen_among_my_own(signed_in, world):
    mine, other = world.plant, world.second_plant
    browser = signed_in("items.*", login="lin", plants=[mine.pk])
    browser.post("/me/plant", {"plant": str(other.pk)}, headers=PART)
    assert browser.session["place"]["plant"] == str(mine.pk)
