"""The gateway's screen: clients with their day, acts on them, a call with what came of it, the catalogue of events."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client as Browser
from django.utils import timezone

from banyan.integration.gateway import queries
from banyan.integration.gateway.payloads import event_types
from banyan.integration.watch import metrics
from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import AccessToken, Call, CallDay, Client, User
from banyan.lib.ids import new_id
from banyan.web.rest import calls
from tests.web.conftest import PART, person_named, signed_in  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_log():
    calls._noted.clear()
    yield
    calls._noted.clear()


def client(ctx, name: str, **more) -> Client:
    """Make a client of an account of its own."""
    user = User.objects.create(login=name, name=f"{name}程序", is_program=True)
    issued = execute(ctx, registry.command("kernel.client.issue"), data={"name": name, "user": str(user.pk)} | more)
    return Client.objects.get(client_id=issued.value.client_id)


def today(key, **figures) -> None:
    now = timezone.now()
    CallDay.objects.create(key=key, day=now.astimezone(ZoneInfo("Asia/Shanghai")).date(), last_at=now, **figures)


@pytest.fixture
def boss(signed_in):  # noqa: F811
    return signed_in("*", login="boss")


def test_each_client_is_shown_with_owner_scopes_quota_and_its_day(ctx, boss):
    shop, mes = client(ctx, "shop", scopes=["kernel.role.read"], per_day=200), client(ctx, "mes")
    today(shop.pk, calls=50, refused=3, throttled=10, failed=1, ms=1000)
    execute(ctx, registry.command("kernel.client.stop"), ids=[mes.pk])
    page = boss.get("/integration/gateway")
    text = page.content.decode()
    assert page.status_code == 200
    for word in ("shop程序", "kernel.role.read", "200", f"/kernel/calls?client:in={shop.pk}&amp;outcome:in=refused"):
        assert word in text, word
    assert 'value="20"' in text  # 40 of 200
    assert re.search(r"今天 50 次调用", text)
    assert f"/kernel/clients/do/resume?ids={mes.pk}" in text
    assert f"/kernel/clients/do/rotate?ids={mes.pk}" not in text
    assert f"/kernel/clients/do/rotate?ids={shop.pk}" in text


def test_it_takes_as_many_statements_for_forty_clients_as_for_one(ctx, boss, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert boss.get("/integration/gateway/board", headers=PART).status_code == 200
        return len(seen)

    client(ctx, "first")
    statements()
    one = statements()
    for n in range(40):
        client(ctx, f"more-{n}")
    assert statements() == one


def called(who: Client, n: int, status: int = 200) -> Call:
    return Call.objects.create(
        id=new_id(), at=timezone.now() - timedelta(minutes=n), user=who.user, client=who, program=f"client:{who.name}",
        method="GET", path="sales/orders", operation=f"sales.order.call{n}", status=status,
        outcome=calls.outcome_of(status), ms=1.5, bytes_in=0, bytes_out=10,
    )  # fmt: skip


def test_the_last_twenty_calls_lead_to_their_pages_in_as_many_statements_as_one(ctx, boss, signed_in):  # noqa: F811
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def shown(browser) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as seen:
            text = browser.get("/integration/gateway/board", headers=PART).content.decode()
        return text, len(seen)

    shop = client(ctx, "shop")
    assert "还没有调用" in shown(boss)[0]
    called(shop, 0, 500)
    one = shown(boss)[1]
    logged = [called(shop, n) for n in range(1, 25)]
    text, statements = shown(boss)
    assert statements == one
    found = re.findall(r'href="(/integration/gateway/calls/[^"]+)">([^<]+)<', text)
    assert [name for _, name in found] == [f"sales.order.call{n}" for n in range(20)]
    assert found[1][0].endswith(str(logged[0].pk))
    assert "故障</span> 500" in text
    assert boss.get(found[1][0]).status_code == 200
    other = shown(signed_in("kernel.client.read", login="other"))[0]
    assert "/integration/gateway/calls/" not in other
    assert "最近的调用" not in other
    own = shown(signed_in("kernel.client.read", ("kernel.call.read", "own"), login="own"))[0]
    assert "/integration/gateway/calls/" not in own


def test_who_may_only_read_clients_gets_no_buttons_and_no_others_tokens(ctx, signed_in):  # noqa: F811
    client(ctx, "shop")
    holder = User.objects.create(login="holder", name="Holder")
    AccessToken.objects.create(user=holder, name="of-another", digest="x", scopes=["*"])
    text = signed_in("kernel.client.read", ("kernel.token.*", "own")).get("/integration/gateway").content.decode()
    assert "shop" in text
    assert "/do/" not in text
    assert "of-another" not in text
    own = signed_in(("kernel.client.*", "own"), login="own").get("/integration/gateway").content.decode()
    assert "shop程序" not in own
    stranger = Browser()
    assert stranger.get("/integration/gateway").status_code == 302


@pytest.mark.parametrize(
    "path", ["/integration/gateway", "/integration/gateway/board", "/integration/gateway/events"]
)
def test_without_the_right_there_is_no_page(signed_in, path):  # noqa: F811
    assert signed_in("somewhere.else").get(path).status_code == 403


def test_the_dialog_shows_a_new_secret_once(ctx, boss):
    made = client(ctx, "shop")
    path = "/kernel/clients/do/rotate"
    asked = {"ids": str(made.pk), "hours": "2", "_key": "once-1"}
    answer = boss.post(path, asked, headers=PART | {"HX-Target": "dialog-body"})
    text = answer.content.decode()
    (secret,) = re.findall(r'id="once-2">([^<]+)<', text)
    assert made.client_id in text
    assert len(secret) > 40
    made.refresh_from_db()
    assert made.old_until > timezone.now() + timedelta(hours=1)
    again = boss.post(path, asked, headers=PART | {"HX-Target": "dialog-body"})
    assert secret not in again.content.decode()


def test_the_log_is_filtered_by_client_outcome_status_operation_and_time(ctx, boss):
    shop, mes = client(ctx, "shop"), client(ctx, "mes")
    now = timezone.now()
    for n, (who, status, operation) in enumerate((
        (shop, 200, "sales.order.list"), (shop, 422, "sales.order.create"), (mes, 500, "sales.order.create"),
    )):  # fmt: skip
        Call.objects.create(
            id=new_id(), at=now - timedelta(hours=n), user=who.user, client=who, program=f"client:{who.name}",
            method="GET", path="sales/orders", operation=operation, status=status, outcome=calls.outcome_of(status),
            ms=1.5, bytes_in=0, bytes_out=10,
        )  # fmt: skip

    def rows(query: str) -> int:
        return len(re.findall(r'data-path="/kernel/calls/', boss.get(f"/kernel/calls?{query}").content.decode()))

    since = (now - timedelta(minutes=90)).isoformat().replace("+", "%2B")
    asked = ("", f"client:in={shop.pk}", "outcome:in=refused,failed", "status:eq=500",
             "operation:eq=sales.order.create", f"at:gte={since}")  # fmt: skip
    assert [rows(query) for query in asked] == [3, 2, 2, 1, 2, 2]


def test_every_event_is_in_the_catalogue_and_opens(boss):
    text = boss.get("/integration/gateway/events").content.decode()
    assert text.count("?event=") > 40
    opened = boss.get("/integration/gateway/events?event=exceptions.raised").content.decode()
    assert "response_due_at" in opened
    assert "specversion" in opened
    assert boss.get("/integration/gateway/events?event=nothing").status_code == 200


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_catalogue_speaks_the_readers_language(boss, language):
    def text(query: str = "") -> str:
        return unescape(boss.get(f"/integration/gateway/events{query}").content.decode())

    User.objects.update(language=language)
    whole = text()
    assert [kind.type for kind in event_types() if kind.label.in_(language) not in whole] == []
    marked = {
        "zh": "<code>is_stopping</code> 表示工序停下", "en": "<code>is_stopping</code> says that its operation",
    }[language]  # fmt: skip
    assert marked in whole
    assert marked in text("?event=exceptions.raised")


def test_machines_read_calls_by_client(ctx):
    shop = client(ctx, "shop")
    today(shop.pk, calls=50, refused=3, throttled=10, failed=1, ms=1500)
    text = metrics.text()
    assert 'banyan_api_calls_total{client="shop",outcome="done"} 36' in text
    assert 'banyan_api_calls_total{client="shop",outcome="limited"} 10' in text
    assert 'banyan_api_seconds_total{client="shop"} 1.5' in text


def test_what_an_entrance_has_used_of_its_day_is_told_without_what_was_refused_over_it(ctx):
    shop = client(ctx, "shop", per_day=10)
    today(shop.pk, calls=15, throttled=5)
    now = timezone.now()
    (one,) = queries.clients(now, now.astimezone(ZoneInfo("Asia/Shanghai")).date())
    assert (one.share, one.mean_ms) == (100, 0)
