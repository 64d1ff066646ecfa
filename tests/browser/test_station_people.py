"""The station and its people: what waits of somebody signed out is sent by their leader, and one's own last report is
taken back from any device."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banyan.kernel import access
from banyan.kernel.models import Role, Session, User, UserRole
from banyan.modules.production.models import Report, ReportFlag
from tests.browser.conftest import watched
from tests.browser.floor import Worker, shell_is_kept
from tests.browser.sizes import later
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def leader_of(floor):
    """Give the code and PIN of somebody who leads the worker's team."""
    world = floor.world
    user = User.objects.create(login="li", name="李班长", plants=[world.plant.pk])
    UserRole.objects.create(user=user, role=Role.objects.get(code="leader"))
    employee = world.employee(code="E-LEAD", name="李班长", user=user.pk, team=world.team)
    world.change(world.team, leader=employee)
    badge = world.make("station.badge", employee=employee)
    return "E-LEAD", world.do("station.badge.new_pin", badge).in_("en").split()[-1]


def sign_in(page, code, pin):
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="换人 / 退出").click()
    page.locator("#sign-code").fill(code)
    page.locator('[data-field="pin"]').click()
    for one in pin:
        page.locator(f'[data-key="{one}"]').click()
    page.get_by_role("button", name="登录", exact=True).click()


@pytest.mark.parametrize("size", ["phone", later("tablet")])
def test_a_leader_sends_what_waits_of_somebody_signed_out(floor, open_page, size):
    page = watched(open_page(**{size: True}))
    hand = Worker(page, size)
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    hand.report(floor.first.pk, "5")
    hand.to_tasks()
    hand.report(floor.first.pk, "7")
    now = datetime.now(UTC)
    Session.objects.filter(user__login="zhao").update(state="ended", ended_at=now, digest=None)
    page.context.set_offline(False)
    page.locator("[data-queue]").click()
    waiting = page.locator('[data-stranded="2"]')
    expect(waiting).to_contain_text("登录已失效")
    hand.look("stranded-own")
    code, pin = leader_of(floor)
    sign_in(page, code, pin)
    page.locator("[data-queue]").click()
    hand.look("stranded")
    page.locator("[data-send-for]").click()
    expect(page.locator(".note")).to_contain_text("已代发")
    hand.synced()
    hand.look("sent-for")
    assert sorted(Report.objects.values_list("quantity", "note")) == [(5, "代发：李班长"), (7, "代发：李班长")]
    assert {Report.objects.first().person} == {User.objects.get(login="zhao").pk}
    assert ReportFlag.objects.filter(kind="sender").count() == 2


@pytest.mark.parametrize("size", ["phone", later("tablet")])
def test_ones_own_report_of_another_device_is_taken_back(floor, open_page, size):
    page = watched(open_page(**{size: True}))
    hand = Worker(page, size)
    hand.sign_in(floor)
    me = floor.world.ctx.with_(principal=access.principal_of(User.objects.get(login="zhao").pk))
    people = [{"employee": floor.world.worker.pk}]
    floor.shop.report(floor.orders[0], 10, "good", 6, people=people, ctx=me.with_(now=datetime.now(UTC)))
    page.reload()
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="我的今天").click()
    expect(page.locator("[data-own-reports]")).to_contain_text("在别的设备上报的")
    hand.look("own-reports")
    page.locator("[data-own-reports] [data-undo]").click()
    expect(page.locator(".note")).to_contain_text("已撤销")
    hand.synced()
    floor.first.refresh_from_db()
    assert floor.first.good_quantity == 0
