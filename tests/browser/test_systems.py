"""An outside system set up by its form, told which environment it is of, and read again from a date."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banyan.integration.commands.reading import JOB
from banyan.integration.models import Message, System
from banyan.kernel import jobs
from banyan.kernel.models import JobRun
from tests.browser.conftest import SCREENS, settle
from tests.browser.looks import check, picture
from tests.browser.sizes import every_look
from tests.browser.soon import expect
from tests.integration.partner import partner
from tests.integration.shop import Integrator

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SQL = {"kind": "mysql", "host": "mes.lan", "database": "mes", "user": "erp", "operations": [
    {"key": "reports", "zh": "报工", "en": "Reports", "table": "reports", "watermark": "changed_at",
     "key_column": "id"}]}  # fmt: skip


def faults_of(page) -> list[str]:
    return [f for f in page.faults if not any(word in f for word in ("422", "htmx:afterRequest", "htmx:sendAbort"))]


def look(page, name: str, *, is_phone: bool, language: str) -> None:
    settle(page)
    picture(page, SCREENS / "systems" / f"{name}.png", full_page=True)
    check(page, name, is_phone=is_phone, language=language)


def test_a_system_is_set_up_without_a_line_of_json(factory, signed_in):
    page = signed_in()
    page.goto("/integration/systems/new")
    page.locator("[name=code]").fill("MES-DB")
    page.locator("[name=name]").fill("车间数据库")
    page.locator("[name=connector]").select_option("sql")
    settle(page)
    page.locator('[name="settings.host"]').fill("mes.lan")
    page.locator('[name="settings.database"]').fill("mes")
    page.locator("[name=\"settings.kind\"]").select_option("mysql")
    page.get_by_role("button", name="加一项").click()
    page.locator('[name="settings.operations.0.key"]').fill("reports")
    expect(page.locator("[data-card-name]").first).to_have_text("reports")
    page.locator('[name="settings.operations.0.table"]').fill("reports")
    page.get_by_role("button", name="保存", exact=True).click()
    # what is missing is said where it is missing, a thing of a list included
    expect(page.locator('[data-path="settings.user"] [data-fault]')).to_contain_text("必填")
    page.locator('[name="settings.user"]').fill("erp")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.locator('[data-path="settings.operations.0.watermark"] [data-fault]')).to_contain_text("水位列")
    page.locator('[name="settings.operations.0.watermark"]').fill("changed_at")
    page.locator('[name="settings.operations.0.key_column"]').fill("id")
    # one added and taken away again leaves nothing behind
    page.get_by_role("button", name="加一项").click()
    page.locator("[data-card-remove]").nth(1).click()
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url(lambda url: "/new" not in url)
    kept = System.objects.get(code="MES-DB").settings
    assert (kept["host"], kept["user"]) == ("mes.lan", "erp")
    (operation,) = kept["operations"]
    assert (operation["key"], operation["watermark"], operation["ways"]) == ("reports", "changed_at", ["poll"])
    assert faults_of(page) == []


@every_look
def test_the_form_of_a_system_looks_right(factory, signed_in, device, size, language, theme):
    system = factory.make("integration.system", code="MES-DB", name="MES", connector="sql", settings=SQL)
    page = signed_in(**size, language=language, color_scheme=theme)
    page.goto(f"/integration/systems/{system.pk}/edit")
    page.locator("[data-card] summary").first.click()
    is_phone = device == "phone"
    look(page, f"form-{device}-{language}-{theme}", is_phone=is_phone, language=language)
    page.locator(".mark summary").click()
    expect(page.locator(".mark .menu-body")).to_be_visible()
    page.locator(".mark summary").click()
    assert faults_of(page) == []


def _ask(page, since: str, *, only_count: bool) -> None:
    offered = page.get_by_role("button", name="从某日重读")
    if not offered.first.is_visible():
        page.locator(".head-actions details > summary").last.click()
    offered.first.click()
    dialog = page.locator("#dialog")
    dialog.locator('[name="since"]').fill(since)
    if only_count:
        dialog.get_by_label("只清点").check()
    dialog.get_by_label("原因").fill("对方漏推")
    settle(page)
    picture(page, SCREENS / "systems" / "read-again.png")
    dialog.get_by_role("button", name="从某日重读").click()


def test_a_polled_flow_is_counted_and_read_again_from_its_page(factory, signed_in):
    days = [datetime(2026, 3, n, 12, tzinfo=UTC).isoformat() for n in (1, 2, 3)]
    rows = [{"id": n, "at": at, "code": f"R{n}", "name_zh": "角", "name_en": "R"} for n, at in enumerate(days, 1)]
    hand = Integrator(factory.ctx)
    sample = {"code": "R", "name_zh": "角", "name_en": "R"}
    with partner(lambda asked: {"rows": rows}) as there:
        operation = {"key": "rows", "ways": ["poll"], "method": "GET", "list_path": "rows",
                     "since": {"parameter": "since", "path": "at"}}  # fmt: skip
        system = hand.system("P", "rest", {"address": there.url, "operations": [operation]}, {},
                             account=hand.account("kernel.role.create"))  # fmt: skip
        flow = hand.flow(system, "ROWS", sample, direction="in", trigger="poll", target="kernel.role.create",
                         detail={"operation": "rows", "every": 60})  # fmt: skip
        page = signed_in()
        page.goto(f"/integration/flows/{flow.pk}")
        _ask(page, "2026-03-02T00:00", only_count=True)
        expect(page.locator("body")).to_contain_text("没有收入任何一条")
        assert not JobRun.objects.filter(kind=JOB).exists()
        assert not Message.objects.exists()
        _ask(page, "2026-03-02T00:00", only_count=False)
        expect(page.locator("body")).to_contain_text("已在后台开始重读")
        run = JobRun.objects.get(kind=JOB)
        jobs.perform(run.pk)
        page.goto(f"/jobs/{run.pk}")
        expect(page.locator("#job")).to_contain_text("新收 2 条")
    assert sorted(Message.objects.values_list("body__id", flat=True)) == [2, 3]
    assert faults_of(page) == []
