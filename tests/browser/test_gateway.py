"""The gateway in a real browser: clients, a secret rotated, the log of a client, the catalogue of events."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import AccessToken, Audit, Call, CallDay, Client, User
from banyan.lib import traces
from banyan.lib.ids import new_id
from banyan.web.rest import calls
from tests.browser import looks
from tests.browser.conftest import PASSWORD, watched
from tests.browser.hands import let_in, sign_in
from tests.browser.sizes import every_size_and_language
from tests.browser.soon import expect
from tests.plugins.browser import TABLET

pytestmark = [pytest.mark.browser]


def _client(name: str, owner: str, **more) -> Client:
    ctx = Context(SYSTEM, now=timezone.now(), through="story")
    user = User.objects.create(login=name.lower(), name=owner, is_program=True)
    issued = execute(ctx, registry.command("kernel.client.issue"), data={"name": name, "user": str(user.pk)} | more)
    return Client.objects.get(client_id=issued.value.client_id)


def _called(key, *, days: int = 0, **figures) -> None:
    at = timezone.now() - timedelta(days=days)
    CallDay.objects.create(key=key, day=at.astimezone(ZoneInfo("Asia/Shanghai")).date(), last_at=at, **figures)


@pytest.fixture
def opened(live_db) -> Client:
    """Give a shop with a quota it has nearly used, an old MES that is stopped, a scale with a personal token."""
    boss = User(login="all", name="Lin", is_superuser=True)
    boss.set_password(PASSWORD)
    boss.save()
    shop = _client("Web shop", "Shop program", scopes=["sales.order.*", "items.item.read", "channels.*"],
                   per_minute=600, per_day=20_000)  # fmt: skip
    mes = _client("MES line 3", "MES", scopes=["production.*", "*.*.read"])
    old = _client("Old WMS", "WMS", scopes=["inventory.*.read"])
    ctx = Context(SYSTEM, now=timezone.now(), through="story")
    execute(ctx, registry.command("kernel.client.stop"), ids=[old.pk])
    execute(ctx, registry.command("kernel.client.rotate"), ids=[mes.pk], data={"hours": 48})
    token = AccessToken.objects.create(user=boss, name="Scale at gate 2", digest="x", scopes=["inventory.*"],
                                       expires_at=timezone.now() + timedelta(days=5))  # fmt: skip
    _called(shop.pk, calls=16_480, refused=37, throttled=120, failed=2, ms=402_000)
    _called(mes.pk, calls=2_310, ms=51_000)
    _called(old.pk, days=40, calls=1, ms=9)
    _called(token.pk, calls=64, refused=1, ms=900)
    for n, (status, operation, path) in enumerate((
        (200, "sales.order.list", "sales/orders"), (201, "sales.order.create", "sales/orders"),
        (422, "sales.order.create", "sales/orders"), (429, "sales.order.read", "sales/orders/{id}"),
        (500, "sales.order.confirm", "sales/orders/{id}/confirm"),
    )):  # fmt: skip
        key, at = new_id(), timezone.now() - timedelta(minutes=n)
        Call.objects.create(
            id=key, at=at, user=shop.user, client=shop, program="client:Web shop",
            method="GET" if operation.endswith(("list", "read")) else "POST", path=path, operation=operation,
            status=status, outcome=calls.outcome_of(status), ms=12.4 + n, bytes_in=210, bytes_out=1800 + n,
            trace=traces.begun(key),
        )  # fmt: skip
        if status == 422:
            Audit.objects.create(at=at, person=shop.user_id, program="client:Web shop", through="rest",
                                 command="sales.order.create", noun="sales.order", records=[], input={},
                                 outcome="refused", code="invalid")  # fmt: skip
    return shop


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("BANYAN_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@every_size_and_language
def test_clients_are_seen_and_looked_after_on_one_screen(opened, open_page, language, size):
    page = watched(open_page(phone=size == "phone", language=language))
    if size == "tablet":
        page.set_viewport_size(TABLET)
    sign_in(page, "all", PASSWORD)
    if language == "en":
        page.context.request.get("/")
        User.objects.filter(login="all").update(language="en")
    name, is_phone, zh = f"gateway-{language}-{size}", size == "phone", language == "zh"
    page.goto("/integration/gateway")
    shop = page.get_by_role("region", name="Web shop")
    expect(shop.locator(".wh-head .state").first).to_have_text("启用" if zh else "Active")
    assert page.locator(".wh-system h2 a").all_inner_texts() == ["MES line 3", "Web shop", "Old WMS"]
    looks.check(page, name, is_phone=is_phone, language=language)
    _shot(page, name)
    shop.get_by_role("button", name="更换密钥" if zh else "Rotate").click()
    expect(page.locator("dialog[open] .box-foot")).to_be_visible()
    page.locator("dialog[open] .box-foot .btn-primary").click()
    secret = page.locator("dialog[open] .secret-facts code").nth(1)
    expect(secret).to_have_text(re.compile(r"\S{40,}"))
    looks.check(page, f"{name}-secret", is_phone=is_phone)
    _shot(page, f"{name}-secret")
    page.locator("dialog[open] [data-close]").last.click()
    expect(page.get_by_role("region", name="Web shop")).to_contain_text("旧密钥至" if zh else "old secret until")
    page.get_by_role("region", name="Web shop").locator(".wh-facts .wh-warn a").first.click()
    page.wait_for_url("**/kernel/calls?client:in=*&outcome:in=refused**")
    expect(page.locator(".rows tbody tr")).to_have_count(1)
    looks.check(page, f"{name}-log", is_phone=is_phone, language=language)
    page.goto(f"/integration/gateway/calls/{Call.objects.get(status=422).pk}")
    expect(page.locator("#main")).to_contain_text("sales.order.create")
    looks.check(page, f"{name}-call", is_phone=is_phone, language=language)
    _shot(page, f"{name}-call")
    page.goto("/integration/gateway/events")
    looks.check(page, f"{name}-events", is_phone=is_phone, language=language)
    _shot(page, f"{name}-events")
    page.goto("/integration/gateway/events?event=sales.order_confirmed")
    looks.check(page, f"{name}-event", is_phone=is_phone, language=language)
    _shot(page, f"{name}-event")
    assert page.faults == []


def test_a_client_is_limited_to_what_there_is(opened, open_page):
    page = watched(open_page(language="zh"))
    let_in(page, "all", PASSWORD)
    page.goto("/integration/gateway")
    page.get_by_role("region", name="MES line 3").get_by_role("button", name="限定范围").click()
    tokens, typed = page.locator("dialog[open] [data-token]"), page.locator("dialog[open] .combo-text")
    expect(tokens).to_have_count(2)
    typed.fill("nothing.here")
    typed.press("Enter")
    page.locator("dialog[open] .box-foot .btn-primary").click()
    expect(page.locator("dialog[open]")).to_contain_text("没有任何操作符合 nothing.here")
    _shot(page, "gateway-limit-refused")
    for name in ("nothing.here", "*.*.read"):
        tokens.filter(has_text=name).get_by_role("button").click()
    # picked by what it is called, from its module
    typed.fill("销售订单 确认")
    page.locator(".options [data-id='sales.order.confirm']").click()
    expect(tokens).to_have_text([re.compile("production"), re.compile("sales.order.confirm")])
    page.locator("dialog[open] .box-foot .btn-primary").click()
    expect(page.get_by_role("region", name="MES line 3").locator(".gw-scopes code")).to_have_text(
        ["production.*", "sales.order.confirm"])
    assert datetime.now(UTC) > Client.objects.get(name="MES line 3").changed_at
