"""The board: right figures, a fixed number of statements, who may see it; the report; figures for machines."""

from __future__ import annotations

import re
import shutil
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from banyan.integration.models import Flow, Gauge, Message
from banyan.integration.tests.conftest import do
from banyan.integration.watch import days, health
from banyan.integration.watch.models import Day, Discrepancy, Scan
from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from tests.plugins import papers

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai


def ago(**given: float) -> datetime:
    return NOW - timedelta(**given)


@pytest.fixture
def busy(flow, message) -> Flow:
    """Give a flow with 3 done yesterday (one after a retry), 2 done and 2 dead in the last hour, 1 waiting."""
    made = flow()
    for seconds in (1, 2):
        message(made, ago(days=1), (seconds, "done"))
    message(made, ago(days=1), (1, "failed"), (30, "done"))
    message(made, ago(minutes=30), (4, "done"))
    message(made, ago(minutes=20), (6, "done"))
    message(made, ago(minutes=10), (1, "dead"), state="dead", key="A")
    message(made, ago(minutes=9), (1, "dead"), state="dead", key="A")
    message(made, ago(minutes=40))
    return made


def test_the_board_counts_the_hour_today_and_yesterday(busy, system):
    days.rebuild(days.due_days(NOW, ZONE), ZONE, NOW)
    (shown,) = health.board(NOW, ZONE).systems
    assert astuple(shown.yesterday)[:5] == (3, 1, 1, 0, 11_000)
    assert astuple(shown.yesterday)[5:] == pytest.approx((2_000, 27_200), rel=0.05)
    assert astuple(shown.hour)[:5] == (2, 2, 0, 2, 5_000)
    assert astuple(shown.hour)[5:] == pytest.approx((5_000, 5_900), rel=0.05)
    assert shown.today == shown.hour
    (flow,) = shown.flows
    assert (flow.yesterday, flow.hour) == (shown.yesterday, shown.hour)
    assert (flow.signs.waiting, flow.signs.dead, flow.signs.blocked, flow.oldest_at) == (1, 2, 1, ago(minutes=40))
    assert (flow.colour, flow.says.in_("en")) == ("red", "Blocked keys: 1")


def test_days_are_counted_anew_and_only_those_that_are_not_final(busy, ctx):
    assert len(days.due_days(NOW, ZONE)) == 8
    days.rebuild(days.due_days(NOW, ZONE), ZONE, NOW)
    days.rebuild(days.due_days(NOW, ZONE), ZONE, NOW)
    assert Day.objects.filter(flow=busy).count() == 2
    Day.objects.filter(on=ago(days=1).astimezone(ZONE).date()).update(done=99)
    assert ago(days=1).astimezone(ZONE).date() not in days.due_days(NOW, ZONE)
    do(ctx, "watch.day.rebuild", first="2026-03-01", last="2026-03-01")
    assert set(Day.objects.filter(on="2026-03-01").values_list("done", flat=True)) == {3}


def test_the_board_takes_six_statements_however_much_there_is(busy, flow, message, django_assert_num_queries):
    with django_assert_num_queries(6):
        health.board(NOW, ZONE)
    for _ in range(4):
        message(flow(), ago(minutes=5), (1, "done"))
    with django_assert_num_queries(6):
        assert len(health.board(NOW, ZONE).flows) == 5


def test_the_worst_system_comes_first_and_an_open_breaker_is_said(busy, system):
    Gauge.objects.create(id=system.pk, system=system, breaker="open", error="no route", until=ago(minutes=-5))
    (shown,) = health.board(NOW, ZONE).systems
    assert (shown.colour, shown.error) == ("red", "no route")
    assert health.board(NOW, ZONE).count("red") == 1


@pytest.fixture
def browse(live_db):
    def make(*grants: str) -> Client:
        user = User.objects.create(login=f"w{new_id().hex[-8:]}", name="看的人")
        role = Role.objects.create(code=new_id().hex[-12:], name_zh="看", name_en="See")
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=one) for one in grants)
        UserRole.objects.create(user=user, role=role)
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return client

    return make


def test_the_page_leads_to_what_is_wrong_and_offers_what_one_may_do(busy, system, browse):
    text = browse("*").get("/integration/health").content.decode()
    assert f"/integration/messages?flow:in={busy.pk}&amp;state:in=dead" in text
    assert f"/integration/systems/do/stop?ids={system.pk}" in text
    assert f"/integration/systems/do/check?system={system.pk}" in text
    seen = browse("watch.day.read").get("/integration/health").content.decode()
    assert "/do/stop" not in seen
    assert "/do/check" not in seen


@pytest.fixture
def dead(flow, message) -> Flow:
    """Give a flow with three dead letters that were refused, the oldest of five hours, and one whose source is used."""
    made, now = flow(order="free"), datetime.now(UTC)
    for hours in (1, 5, 3):
        message(made, now - timedelta(hours=hours), (1, "dead"), state="dead", error="HTTP 404")
    message(made, now - timedelta(hours=2), state="dead", reason="source_reused", error="used twice")
    message(made, now - timedelta(hours=9), (1, "done"))
    return made


def test_dead_letters_are_grouped_by_reason_the_commonest_first(dead, flow, message):
    other = flow()
    message(other, datetime.now(UTC), (1, "dead"), state="dead", error="HTTP 400")
    shown = {one.code: one for one in health.board(datetime.now(UTC), ZONE).flows}
    oldest = Message.objects.filter(flow=dead, reason="refused").earliest("at").at
    (refused, reused) = shown[dead.code].dead
    assert (refused.reason, refused.count, refused.oldest_at) == ("refused", 3, oldest)
    assert (reused.reason, reused.count) == ("source_reused", 1)
    assert [(one.reason, one.count) for one in shown[other.code].dead] == [("refused", 1)]


@pytest.mark.parametrize(("language", "words"), [("zh", "被拒绝 3|最久 5 小时"), ("en", "Refused 3|oldest 5 h")])
def test_a_group_of_dead_letters_leads_to_its_list_and_to_its_replay(dead, browse, language, words):
    client = browse("*")
    User.objects.update(language=language)
    text = client.get("/integration/health").content.decode()
    (group,) = re.findall(r"<li>.*?</li>", text.split('class="wh-dead"')[1].split("source_reused")[0])[:1]
    assert all(one in group for one in words.split("|"))
    listed = unescape(re.search(r'href="([^"]+)"', group)[1])
    assert set(re.findall(r"/integration/messages/([0-9a-f-]{36})", client.get(listed).content.decode())) == {
        str(one) for one in Message.objects.filter(flow=dead, reason="refused").values_list("pk", flat=True)
    }  # fmt: skip
    dialog = client.get(unescape(re.search(r'hx-get="([^"]+)"', group)[1]), headers={"HX-Request": "true"})
    assert (dialog.status_code, str(dead.pk) in dialog.content.decode()) == (200, True)
    assert re.search(r'<option value="refused"[^>]* selected', dialog.content.decode())
    assert text.count("/integration/messages/do/replay_where?") == 1, "a source that is used is not replayed by group"
    seen = browse("watch.day.read").get("/integration/health").content.decode()
    assert "replay_where" not in seen


def test_a_systems_discrepancies_lead_to_its_own_and_nobody_elses(ctx, busy, system, browse):
    other = do(ctx, "integration.system.create", records=[dict(
        code="OTHER", name="别家", connector="test_loop", settings={"url": "http://127.0.0.1:9"})]).ids[0]  # fmt: skip
    scans = {}
    for code, of in (("A", system.pk), ("B", system.pk), ("C", system.pk), ("D", other), ("E", None)):
        theirs = dict(kind="theirs", operation="rows", noun="kernel.role", key_field="code", at_field="created_at",
                      their_key="code")  # fmt: skip
        scans[code] = Scan.objects.create(code=code, name=code, system_id=of, **(theirs if of else {"kind": "ours"}))
    for code, state in (("A", "open"), ("A", "open"), ("B", "repairing"), ("C", "closed"), ("D", "open"),
                        ("E", "open")):  # fmt: skip
        Discrepancy.objects.create(scan=scans[code], kind="different", key=new_id().hex, state=state,
                                   first_seen_at=NOW, last_seen_at=NOW, last_run=new_id(),
                                   closed_at=NOW if state == "closed" else None)  # fmt: skip
    shown = {one.code: (one.signs.differences, set(one.scans)) for one in health.board(NOW, ZONE).systems}
    assert shown == {"SHOP": (3, {scans["A"].pk, scans["B"].pk}), "OTHER": (1, {scans["D"].pk})}
    client = browse("*")
    text = client.get("/integration/health").content.decode()
    links = [unescape(one) for one in re.findall(r'href="(/watch/discrepancies\?[^"]*scan:in=[^"]*)"', text)]
    assert len(links) == 2
    keys = {frozenset(re.findall(r"/watch/discrepancies/([0-9a-f-]{36})", client.get(one).content.decode()))
            for one in links}  # fmt: skip
    assert keys == {
        frozenset(str(one) for one in Discrepancy.objects.filter(scan__system=of).exclude(state="closed").values_list(
            "pk", flat=True)) for of in (system.pk, other)
    }  # fmt: skip


def test_who_has_no_right_sees_neither_board_nor_report(busy, browse):
    client = browse("sales.*")
    for path in ("/integration/health", "/integration/health/board", "/integration/health/report.pdf"):
        assert client.get(path).status_code == 403
    assert Client().get("/integration/health").status_code == 302


@pytest.fixture
def past_days(flow, message) -> Flow:
    """Give a flow of which yesterday 3 were done (one after a retry) and 2 died, 4 more done the day before.

    One waits for two hours.
    """
    made, now = flow(), datetime.now(UTC)
    noon = now.astimezone(ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    yesterday, before = noon - timedelta(days=1), noon - timedelta(days=2)
    for _ in range(2):
        message(made, yesterday, (2, "done"))
    message(made, yesterday, (1, "failed"), (32, "done"))
    for _ in range(2):
        message(made, yesterday, (1, "dead"), state="dead", key="A")
    for _ in range(4):
        message(made, before, (2, "done"))
    message(made, now - timedelta(hours=2))
    days.rebuild((yesterday.date(), before.date()), ZONE, now)
    return made


@pytest.mark.parametrize(
    ("days_", "figures"), [(1, "3 3 1 2 12.0 s 2.0 s 28.0 s"), (7, "7 3 1 2 6.3 s 2.0 s 28.0 s")]
)
def test_the_report_says_the_figures_of_its_days_and_what_stands_now(past_days, browse, needs, days_, figures):
    program = shutil.which("pdftotext")
    needs(program, "pdftotext of poppler-utils")
    answer = browse("watch.day.read").get(f"/integration/health/report.pdf?days={days_}")
    assert answer["Content-Type"] == "application/pdf"
    said = papers.lines(answer.content, program)
    last = datetime.now(ZONE).date() - timedelta(days=1)
    assert (f"最近 7 天 {last - timedelta(days=6)} — {last}" if days_ > 1 else f"昨天 {last}") in said
    assert said[0].endswith("现在：1 故障，0 留意，0 正常，0 告警")
    for name in ("商店", "流"):
        assert f"{name} 1 个单据卡住 {figures} 1 2 小时 0" in said
    assert {"SHOP", past_days.code} <= set(said)


def test_machines_on_the_same_machine_get_figures_and_others_do_not(busy, settings):
    days.rebuild((NOW.astimezone(ZONE).date(),), ZONE, NOW)
    answer = Client().get("/metrics")
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.content.decode()
    assert f'banyan_bus_messages{{flow="{busy.code}",system="SHOP",state="dead"}} 2\n' in text
    assert f'banyan_bus_done_total{{flow="{busy.code}"}} 2\n' in text
    assert 'banyan_bus_breaker{system="SHOP"} 0\n' in text
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0
    assert Client(REMOTE_ADDR="10.0.0.9").get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 404
    settings.BANYAN_METRICS_TOKEN = "open-sesame"
    assert Client().get("/metrics").status_code == 404
    assert Client(REMOTE_ADDR="10.0.0.9").get(
        "/metrics", headers={"Authorization": "Bearer open-sesame"}).status_code == 200  # fmt: skip
