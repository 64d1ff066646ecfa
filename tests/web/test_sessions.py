"""Where somebody is signed in: listed, ended one by one, ended by themselves; and never somebody else's."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from banyan.kernel import access, jobs, registry, sessions
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.models import AccessToken, Audit, History, Session, User
from banyan.lib.errors import NotAllowed, NotFound
from banyan.web import devices
from tests.web.conftest import PART, PASSWORD

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0"
PAGE = "/items/items"


def enter(login: str = "lin", agent: str = DESK, address: str = "10.1.2.3") -> Client:
    browser = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    assert browser.post("/login", {"username": login, "password": PASSWORD}).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get(PAGE).status_code == 200


@pytest.fixture
def lin(person_named) -> User:
    return person_named("lin", "items.*")


def session_of(browser: Client) -> Session:
    return Session.objects.get(digest=sessions.digest_of(browser.session.session_key))


def test_the_page_lists_where_one_is_signed_in_and_marks_this_one(lin):
    phone, desk = enter(agent=PHONE, address="10.0.0.7"), enter()
    text = phone.get("/me").content.decode()
    assert text.index("Safari · iPhone") < text.index("Edge · Windows")
    assert text.count("本机") == 1 + text.count("除本机外")
    assert "10.0.0.7" in text
    assert f"/me/sessions/{session_of(desk).pk}/end" in text
    assert f"/me/sessions/{session_of(phone).pk}/end" not in text


def test_who_signs_in_over_somebody_else_is_in_and_the_other_is_out(lin, person_named):
    other = person_named("mei", "items.*")
    browser = enter()
    before = session_of(browser)
    browser.force_login(other)
    assert is_in(browser)
    assert session_of(browser).user_id == other.pk
    assert not Session.objects.filter(pk=before.pk, ended_at__isnull=True).exists()


def test_one_is_ended_and_the_others_go_on(lin):
    phone, desk, home = enter(agent=PHONE), enter(), enter()
    ended = session_of(desk)
    assert phone.post(f"/me/sessions/{ended.pk}/end", headers=PART).status_code == 204
    assert [is_in(one) for one in (phone, desk, home)] == [True, False, True]
    assert Session.objects.get(pk=ended.pk).state == "ended"
    line = Audit.objects.get(command="self.session.end")
    assert (line.person, line.outcome, line.input) == (lin.pk, "done", {"session": str(ended.pk)})
    assert phone.post(f"/me/sessions/{ended.pk}/end", headers=PART).status_code == 404, "it has ended"


def test_all_others_are_ended_at_once(lin):
    phone, desk, home = enter(agent=PHONE), enter(), enter()
    assert phone.post("/me/sessions/end-others", headers=PART).status_code == 204
    assert [is_in(one) for one in (phone, desk, home)] == [True, False, False]


def test_nobody_ends_the_session_of_somebody_else(lin, person_named):
    person_named("wang", "items.*")
    mine, theirs = enter(), enter("wang")
    answer = theirs.post(f"/me/sessions/{session_of(mine).pk}/end", headers=PART)
    assert answer.status_code == 404
    assert theirs.post("/me/sessions/end-others", headers=PART).status_code == 204
    assert (is_in(mine), is_in(theirs)) == (True, True)
    assert Audit.objects.filter(command="self.session.end", outcome="refused", code="session_unknown").count() == 1


def principal(login: str) -> Context:
    return Context(access.principal_of(User.objects.get(login=login).pk), timezone.now())


def test_with_the_right_over_all_an_administrator_ends_those_of_others(lin, person_named):
    person_named("own", ("kernel.session.*", "own"))
    person_named("boss", "kernel.*")
    first, second = enter(), enter()
    end, end_all = registry.command("kernel.session.end"), registry.command("kernel.user.end_sessions")
    key = session_of(first).pk
    with pytest.raises(NotFound):
        execute(principal("own"), end, ids=[key])
    with pytest.raises(NotAllowed):
        execute(principal("own"), end_all, ids=[lin.pk])
    with pytest.raises(NotAllowed):
        execute(principal("lin"), end, ids=[key])
    assert is_in(first)
    execute(principal("boss"), end, ids=[key])
    assert (is_in(first), is_in(second)) == (False, True)
    execute(principal("boss"), end_all, ids=[lin.pk])
    assert not is_in(second)
    page = enter("boss").get(f"/kernel/users/{lin.pk}").content.decode()
    assert f"/kernel/sessions?user:in={lin.pk}" in page


def test_rest_gives_and_ends_ones_own_only(lin, person_named, client):
    person_named("program", ("kernel.session.read", "own"), ("kernel.session.end", "own"))
    mine, other = enter("program"), enter()
    token = access.new_token()
    AccessToken.objects.create(user=User.objects.get(login="program"), name="t", digest=access.token_digest(token),
                               scopes=["*"])  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    end = {"data": b"", "content_type": "application/json", "headers": headers}
    (row,) = client.get("/api/v1/kernel/sessions", headers=headers).json()["items"]
    assert (row["id"], row["device"], row["state"]) == (str(session_of(mine).pk), "Edge · Windows", "open")
    assert "digest" not in client.get(f"/api/v1/kernel/sessions/{row['id']}", headers=headers).json()
    theirs = f"/api/v1/kernel/sessions/{session_of(other).pk}"
    assert client.get(theirs, headers=headers).status_code == 404
    assert client.post(f"{theirs}/end", **end).status_code == 404
    assert client.post(f"/api/v1/kernel/sessions/{row['id']}/end", **end).status_code == 200
    assert client.post(f"/api/v1/kernel/sessions/{row['id']}/end", **end).status_code == 409
    assert (is_in(mine), is_in(other)) == (False, True)


def test_a_new_password_ends_all_others_at_stations_too(lin):
    here, there = enter(), enter()
    station = sessions.begin(lin.pk, "badge", device="ST-1", address="", now=timezone.now())
    data = {"old": PASSWORD, "new": "Zweig-und-Wurzel-8", "again": "Zweig-und-Wurzel-8"}
    assert here.post("/me/password", data, headers=PART).status_code == 204
    assert (is_in(here), is_in(there)) == (True, False)
    assert Session.objects.get(pk=station).state == "ended"
    assert [one.pk for one in sessions.of_person(lin.pk, timezone.now())] == [session_of(here).pk]


def test_an_administrators_new_password_ends_them_all(lin, monkeypatch):
    from click.testing import CliRunner

    from banyan.config.cli import user

    here = enter()
    monkeypatch.setattr(user, "running", nullcontext)
    done = CliRunner().invoke(user.command, ["password", "lin", "--password", "Ganz-neu-und-lang-9"])
    assert done.exit_code == 0, done.output
    assert not is_in(here)
    assert sessions.of_person(lin.pk, timezone.now()) == []


def aged(browser: Client, **hours: float) -> None:
    """Let a session's times lie some hours further back."""
    Session.objects.filter(digest=sessions.digest_of(browser.session.session_key)).update(
        **{column: F(column) - timedelta(hours=by) for column, by in hours.items()}
    )


def test_a_session_that_is_not_used_ends(lin, settings):
    settings.BANYAN_SESSION_IDLE_HOURS = 2
    browser = enter()
    aged(browser, seen_at=1.9)
    assert is_in(browser)
    aged(browser, seen_at=1.9)
    assert is_in(browser), "it was used a moment ago"
    aged(browser, seen_at=2.01)
    assert not is_in(browser)
    assert sessions.of_person(lin.pk, timezone.now()) == []


def test_a_page_left_open_that_asks_by_itself_is_not_in_use(lin, settings):
    settings.BANYAN_SESSION_IDLE_HOURS = 2
    browser = enter()
    aged(browser, seen_at=1.9)
    assert browser.get("/inbox/count", headers={"Banyan-Unasked": "1"}).status_code == 200
    aged(browser, seen_at=0.2)
    assert not is_in(browser)


def test_a_session_ends_after_its_whole_time_however_it_is_used(lin, settings):
    settings.BANYAN_SESSION_HOURS = 5
    browser = enter()
    aged(browser, created_at=4.9)
    assert is_in(browser)
    aged(browser, created_at=0.2)
    assert not is_in(browser)


def test_use_is_noted_once_a_minute_and_leaves_no_history(lin):
    browser = enter()
    is_in(browser)
    before, begun = History.objects.count(), session_of(browser).seen_at
    is_in(browser)
    assert session_of(browser).seen_at == begun
    aged(browser, seen_at=0.5)
    is_in(browser)
    assert session_of(browser).seen_at > begun - timedelta(minutes=1)
    assert History.objects.count() == before
    assert not History.objects.filter(new__has_key="digest").exists()


def test_signing_out_ends_it_and_a_new_key_goes_on_with_it(lin):
    browser = enter()
    key = session_of(browser).pk
    store = browser.session
    store.cycle_key()
    store.save()
    browser.cookies["sessionid"] = store.session_key
    assert (is_in(browser), session_of(browser).pk) == (True, key)
    browser.post("/logout")
    assert Session.objects.get(pk=key).state == "ended"


def test_what_has_outlived_its_limits_is_ended_and_forgotten(lin, settings):
    kept, idle, old = enter(), enter(), enter()
    aged(idle, seen_at=13)
    station = sessions.begin(lin.pk, "pin", device="ST-1", address="", now=timezone.now() - timedelta(hours=20))
    ended = session_of(old)
    Session.objects.filter(pk=ended.pk).update(
        state="ended", digest=None, ended_at=timezone.now() - sessions.KEPT - timedelta(days=1)
    )
    jobs.forget_expired(0)
    assert dict(Session.objects.values_list("pk", "state")) == {
        session_of(kept).pk: "open",
        Session.objects.exclude(pk__in=[session_of(kept).pk, station]).get().pk: "ended",
        station: "open",
    }


def test_a_session_without_its_record_is_nobodys(lin):
    browser = enter()
    Session.objects.all().delete()
    assert not is_in(browser)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (PHONE, "Safari · iPhone"),
        (DESK, "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox · Linux"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/126 Mobile Safari/537.36 MicroMessenger/8.0", "WeChat · Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15", "Safari · Mac"),
        ("curl/8.5.0", ""),
    ],
)
def test_a_browser_is_named_in_words(agent, words):
    assert devices.words_of(agent) == words
