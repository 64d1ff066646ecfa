"""The team board: a task is given by two taps, or dragged; reports are approved in one sweep."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page

from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Role, User, UserRole
from banyan.modules.production.models import Assignment, Operation, ReportApproval, ReportFlag
from banyan.modules.production.queries import my_tasks
from banyan.modules.production.tests.conftest import Shop
from banyan.modules.station import badges
from banyan.ops.roles import write_defaults
from tests.browser.conftest import PASSWORD, SCREENS, watched
from tests.browser.floor import scanned
from tests.browser.hands import let_in, settle
from tests.browser.looks import picture
from tests.browser.sizes import later
from tests.browser.soon import expect
from tests.ops.site import until
from tests.plugins.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LOOKS = SCREENS / "teamboard"
FINGER = 48


class Floor:
    """A plant with a leader, two people and three orders."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        world = World(Context(SYSTEM, now=now - timedelta(days=1), through="story"))
        self.shop, self.world = Shop(world), world
        self.shop.stocked()
        world.ctx = self.shop.ctx = world.ctx.with_(now=now)
        write_defaults(world.ctx)
        self.orders = [self.shop.released(quantity=str(n)) for n in (100, 60, 40)]
        self.first = self.shop.operation(self.orders[0], 10)
        user = User(login="leader", name="王建军", plants=[world.plant.pk])
        user.set_password(PASSWORD)
        user.save()
        UserRole.objects.create(user=user, role=Role.objects.get(code="leader"))
        world.change(world.worker, user=user.pk)
        world.change(world.team, leader=world.worker)
        assert world.second_worker

    def report(self, quantity: int, **more: object) -> None:
        people = [{"employee": self.world.second_worker.pk}]
        self.shop.report(self.orders[0], 10, "good", quantity, people=people, **more)

    def hands(self, operation: object) -> list[object]:
        rows = Assignment.objects.filter(operation=operation, is_active=True)
        return list(rows.values_list("employee_id", flat=True))

    def order_of(self, person: object) -> list[object]:
        """Give the operations of a person in the order in which they are to be done."""
        return [task.operation for task in my_tasks(person.pk)]


@pytest.fixture
def floor(again) -> Floor:
    return again(Floor)


@pytest.fixture
def come(floor, open_page):
    """Open the board where the leader has signed in."""

    def make(**size: object) -> Page:
        page = watched(open_page(**size))
        let_in(page, "leader", PASSWORD)
        page.goto("/teamboard/")
        return page

    return make


def card(page: Page, operation: object) -> object:
    return page.locator(f'.tb-card[data-task="{operation.pk}"]')


def row(page: Page, person: object) -> object:
    return page.locator(f'[data-person-row="{person.pk}"]')


#: Where the card under the hand would be put if it were let go: its list's owner and its place there.
PLACE = """card => [card.parentElement.dataset.for || card.parentElement.dataset.forTeam || 'pool',
    [...card.parentElement.querySelectorAll('.tb-card')].indexOf(card)].join()"""


def drag(what: Locator, onto: Locator, *, at: tuple[int, int] | None = None) -> None:
    """Drag as a hand does: press, move a little, go on until the card stands somewhere else, let go.

    Takes:  at: the place within what it is dragged onto, in pixels from its corner; the middle when not told
    """
    page = what.page
    what.hover()
    page.mouse.down()
    start = what.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2 + 6, start["y"] + start["height"] / 2 + 6, steps=3)
    ghost = page.locator(".tb-card.sortable-ghost")
    expect(ghost).to_have_count(1)
    before, end = ghost.evaluate(PLACE), onto.bounding_box()
    x, y = at or (end["width"] / 2, end["height"] / 2)
    page.mouse.move(end["x"] + x, end["y"] + y, steps=6)
    nudges = itertools.cycle((1, 0))

    def stands_elsewhere() -> bool:
        page.mouse.move(end["x"] + x + next(nudges), end["y"] + y)
        return ghost.evaluate(PLACE) != before

    until(stands_elsewhere, 10, "the card stands elsewhere")
    page.mouse.up()


def drawn(page: Page, floor: Floor, operation: object, person: object) -> None:
    """Wait until a task is given to somebody, and the board shows it anew."""
    until(lambda: floor.hands(operation) == [person.pk], 10, "the task is given")
    given = Assignment.objects.get(operation=operation, is_active=True)
    expect(row(page, person).locator(f'.tb-card[data-assignment="{given.pk}"]')).to_be_visible()


def look(page: Page, name: str) -> None:
    """Keep what the page looks like; refuse small targets and a page wider than the screen."""
    picture(page, LOOKS / f"{name}.png")
    small = page.evaluate(
        """(least) => [...document.querySelectorAll('#main button, #main a.btn, #main .chip, #main .tab, .tb-card')]
            .filter((one) => one.getClientRects().length)
            .map((one) => [one.textContent.trim() || one.ariaLabel, one.getBoundingClientRect()])
            .filter(([, r]) => r.height < least - 0.5 || r.width < least - 0.5)
            .map(([text, r]) => `${text}: ${r.width}x${r.height}`)""",
        FINGER,
    )
    assert small == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"


@pytest.mark.parametrize("size", ["phone", later("tablet"), later("desktop")])
def test_two_taps_give_a_task_and_the_board_follows(floor, come, size):
    page = come(**({} if size == "desktop" else {size: True}))
    look(page, f"{size}-empty")
    card(page, floor.first).click()
    expect(page.locator("#tb-bar")).to_be_visible()
    look(page, f"{size}-chosen")
    row(page, floor.world.second_worker).locator("[data-give]").click()
    expect(row(page, floor.world.second_worker).locator(".tb-card")).to_have_count(1)
    assert floor.hands(floor.first) == [floor.world.second_worker.pk]
    card(page, floor.first).click()
    row(page, floor.world.worker).locator("[data-give]").click()
    expect(row(page, floor.world.worker).locator(".tb-card")).to_have_count(1)
    assert floor.hands(floor.first) == [floor.world.worker.pk]
    look(page, f"{size}-given")
    card(page, floor.first).click()
    page.get_by_role("button", name="取消派工").click()
    expect(page.locator("[data-pool] .tb-card")).to_have_count(9)
    assert floor.hands(floor.first) == []
    assert page.faults == []


def test_a_task_is_dragged_from_one_person_to_another_and_before_another_task(floor, come):
    page, (first, second) = come(), (floor.world.worker, floor.world.second_worker)
    other = floor.shop.operation(floor.orders[1], 10)
    for operation, person in ((floor.first, second), (other, first), (floor.first, first)):
        drag(card(page, operation), row(page, person).locator("[data-tasks]"))
        drawn(page, floor, operation, person)
    before = floor.order_of(first)
    assert sorted(before) == sorted([floor.first.pk, other.pk])
    cards = row(page, first).locator(".tb-card")
    drag(cards.nth(1), cards.nth(0), at=(20, 4))
    until(lambda: floor.order_of(first) == before[::-1], 10, "the order of the tasks")
    assert floor.order_of(second) == []
    assert page.faults == []


def test_the_board_is_not_drawn_anew_under_a_hand_but_right_after(floor, come):
    page = come()
    board = page.locator(".tb")
    board.evaluate("board => board.dataset.old = 1")
    card(page, floor.first).hover()
    page.mouse.down()
    page.evaluate("document.dispatchEvent(new Event('banyan:board'))")
    settle(page)
    assert page.locator(".tb[data-old]").count() == 1
    page.mouse.up()
    expect(page.locator(".tb[data-old]")).to_have_count(0)
    expect(card(page, floor.first)).to_have_attribute("aria-pressed", "true")
    assert page.faults == []


def test_a_task_is_dragged_split_and_what_another_leader_did_is_not_lost(floor, come):
    page = come()
    target = row(page, floor.world.second_worker).locator("[data-tasks]")
    drag(card(page, floor.first), target)
    expect(page.locator(".note")).to_contain_text("已派工")
    assert floor.hands(floor.first) == [floor.world.second_worker.pk]
    card(page, floor.first).click()
    page.get_by_role("button", name="拆分").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("赵师傅", exact=True).check()
    dialog.get_by_role("button", name="派工").click()
    expect(page.locator("[data-person-row] .tb-card")).to_have_count(2)
    halves = Assignment.objects.filter(operation=floor.first, is_active=True).values_list("quantity", flat=True)
    assert sorted(map(int, halves)) == [50, 50]
    seen = page.locator(f'[data-for="{floor.world.worker.pk}"] .tb-card')
    team = {"operation": floor.first.pk, "hands": [{"team": floor.world.team.pk}]}
    floor.world.do("production.work_order.dispatch", lines=[team])
    drag(seen, page.locator("[data-pool] .tb-card").first)
    expect(page.locator(".note .refusal")).to_contain_text("已被他人修改")
    expect(page.locator("[data-for-team] .tb-card")).to_have_count(1)


@pytest.mark.parametrize("size", [later("phone"), "desktop"])
def test_a_work_centre_is_chosen_and_stays_chosen(floor, come, size):
    page = come(**({} if size == "desktop" else {size: True}))
    expect(page.locator("[data-pool] .tb-card")).to_have_count(9)
    page.locator("[data-tb-centre]").select_option(str(floor.world.milling.pk))
    expect(page.locator("[data-pool] .tb-card")).to_have_count(3)
    look(page, f"{size}-centre")
    page.reload()
    expect(page.locator("[data-pool] .tb-card")).to_have_count(3)
    expect(page.locator("[data-tb-centre]")).to_have_value(str(floor.world.milling.pk))
    page.locator("[data-tb-centre]").select_option("")
    expect(page.locator("[data-pool] .tb-card")).to_have_count(9)
    assert page.faults == []


@pytest.mark.parametrize("size", [later("phone"), "tablet"])
def test_the_sweep_is_one_tap(floor, come, size):
    for quantity in (3, 4, 5):
        floor.report(quantity)
    late = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    floor.report(500, offline=True, device_at=late)
    page = come(**{size: True})
    page.locator(".tab", has_text="审核").click()
    expect(page.locator(".tb-line")).to_have_count(4)
    look(page, f"{size}-approval")
    page.get_by_role("button", name="全部审核（3）").click()
    expect(page.locator(".tb-line")).to_have_count(1)
    assert ReportApproval.objects.filter(state="approved").count() == 3
    page.locator(".tab", has_text="异常报工").click()
    expect(page.locator(".tb-flag")).to_have_count(1)
    look(page, f"{size}-flags")
    page.get_by_role("button", name="更正或改工序").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("正确数量").fill("50")
    dialog.get_by_label("数量数错").check(force=True)
    dialog.get_by_role("button", name="更正", exact=True).click()
    expect(page.locator(".tb-flag")).to_have_count(0)
    floor.first.refresh_from_db()
    assert (int(floor.first.good_quantity), int(floor.first.approved_quantity)) == (62, 12)
    assert page.faults == []


@pytest.mark.parametrize(
    ("size", "language", "theme"),
    [
        ("phone", "zh", "light"), later("tablet", "en", "dark"), later("desktop", "zh", "dark"),
        later("desktop", "en", "light"),
    ],
)  # fmt: skip
def test_what_came_too_late_is_settled_in_one_tap_each(floor, come, size, language, theme):
    User.objects.filter(login="leader").update(language=language, theme=theme)
    late = {"offline": True, "device_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    people = [{"employee": floor.world.second_worker.pk}]
    made = floor.shop.report(floor.orders[0], 10, "good", 40, people=people)
    floor.shop.report(floor.orders[0], 20, "good", 30, people=people)
    floor.shop.send(
        floor.shop.say(floor.orders[0], None, "undo", reverses=made.id, note="报错工单", **late),
        ctx=floor.shop.ctx.with_(now=floor.shop.ctx.now + timedelta(seconds=9)),
    )  # fmt: skip
    floor.world.do("production.work_order.close", floor.orders[1])
    floor.shop.report(floor.orders[1], 10, "start", people=people, **late)
    page = come(**({} if size == "desktop" else {size: True}))
    expect(page.locator("[data-tb-flags]")).to_have_text("2")
    page.goto("/teamboard/flags")
    expect(page.locator(".tb-flag")).to_have_count(2)
    look(page, f"{size}-{language}-{theme}-late")
    accept, enough = ("认可", "已当面核对") if language == "zh" else ("Accept", "Checked with the worker")
    page.locator(".tb-flag").first.get_by_role("button", name=accept, exact=True).click()
    expect(page.locator(".tb-flag")).to_have_count(1)
    page.get_by_role("button", name=enough).click()
    expect(page.locator(".tb-flag")).to_have_count(0)
    assert sorted(ReportFlag.objects.values_list("state", "answer")) == sorted(
        [("settled", {"zh": "认可", "en": "Accepted"}[language]), ("settled", enough)]
    )
    assert page.faults == []


@pytest.mark.parametrize(("size", "language", "theme"), [
    ("tablet", "zh", "dark"), later("phone", "zh", "light"), later("desktop", "en", "light"),
])  # fmt: skip
def test_what_was_told_stands_beside_what_it_should_be(floor, come, size, language, theme):
    User.objects.filter(login="leader").update(language=language, theme=theme)
    world = floor.world
    heat = {"name": "硬度", "name_en": "Hardness", "kind": "number", "minimum": "58", "maximum": "62", "unit": "HRC"}
    type(floor.first).objects.filter(pk=floor.first.pk).update(capture=[heat], machine=world.lathe)
    mill = world.make("equipment.machine", code="F-1", name="F-1", work_centre=world.milling)
    late = {"offline": True, "device_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    floor.report(4, data={"硬度": "63.5"}, **late)
    floor.report(5, data={}, **late)
    floor.report(6, data={"硬度": "60"}, machine=mill.pk, **late)
    page = come(**({} if size == "desktop" else {size: True}))
    page.goto("/teamboard/flags")
    expect(page.locator(".tb-flag")).to_have_count(3)
    for words in ("63.5 HRC", "58–62 HRC", "F-1", world.milling.name, world.turning.name):
        expect(page.locator("#main")).to_contain_text(words)
    look(page, f"{size}-{language}-{theme}-told")
    assert page.faults == []


def test_work_goes_by_rule_and_an_urgent_order_comes_first_at_the_station(floor, come, open_page):
    world = floor.world
    turning, milling = (Operation.objects.filter(name=name).order_by("work_order__number") for name in ("车削", "铣削"))
    turning.update(skill=world.skill)
    badge = world.make("station.badge", employee=world.worker)
    device = world.make("station.device", code="ST-01", name="车削一号", plant=world.plant)
    page = come()
    page.get_by_role("button", name="建议派工").click()
    dialog = page.locator("#dialog")
    expect(dialog.locator(".tb-pairs li")).to_have_count(9)
    expect(dialog.locator(".tb-pairs li", has_text="车削").filter(has_text="赵师傅")).to_have_count(3)
    look(page, "desktop-proposed")
    dialog.locator(f'[value^="{milling[2].pk}:"]').uncheck()
    dialog.get_by_role("button", name="派工", exact=True).click()
    expect(page.locator(".note")).to_contain_text("已派工 8 道工序")
    expect(page.locator("[data-pool] .tb-card")).to_have_count(1)
    # only one has the skill for turning; who has nothing yet gets the milling
    assert [floor.hands(one) for one in turning] == [[world.worker.pk]] * 3
    assert [floor.hands(one) for one in milling] == [[world.second_worker.pk]] * 2 + [[]]
    station = watched(open_page(phone=True))
    station.goto("/station/")
    station.locator("#pairing").fill(world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0])
    station.get_by_role("button", name="配对").click()
    scanned(station, ".btn-huge", badges.badge_code(badge.pk, badge.serial))
    tasks = station.locator(".list").first.locator("[data-task]")
    expect(tasks.first).to_have_attribute("data-task", str(turning[0].pk))
    # what becomes urgent on the board is the first thing to do at the station
    card(page, turning[2]).click()
    page.locator("[data-tb-urgent]").click()
    expect(page.locator(".note").last).to_contain_text("已设为紧急")
    expect(card(page, turning[2])).to_contain_text("急")
    station.get_by_role("button", name="菜单").click()
    station.get_by_role("button", name="刷新任务").click()
    expect(tasks.first).to_have_attribute("data-task", str(turning[2].pk))
    expect(tasks.first).to_contain_text("紧急")
    assert page.faults == station.faults == []
