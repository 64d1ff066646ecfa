"""A shop floor in a live database, and a hand at a station that counts its taps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Role, User, UserRole
from banyan.modules.production.models import Operation
from banyan.modules.production.tests.conftest import Shop
from banyan.ops.roles import write_defaults
from tests.browser.looks import picture
from tests.browser.soon import expect
from tests.ops.site import until
from tests.plugins.world import World

SCREENS = Path(__file__).parents[2] / "build" / "screens"
LOOKS = SCREENS / "station"
CAPTURED = [
    {"name": "直径", "name_en": "Diameter", "kind": "number", "unit": "mm", "minimum": "38", "maximum": "42"},
    {"name": "首件", "name_en": "First piece", "kind": "photo"},
]
#: The screens that a station is tried on.
SIZES = ("phone", "small", "tablet", "upright")
#: The smallest side of what a gloved finger is to hit, in CSS pixels.
FINGER = 48


class Floor:
    """A plant with an order released, a task for one worker, and a station that is to be paired."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        world = World(Context(SYSTEM, now=now - timedelta(days=1), through="story"))
        self.shop, self.world = Shop(world), world
        self.shop.stocked()
        world.ctx = self.shop.ctx = world.ctx.with_(now=now)
        write_defaults(world.ctx)
        self.orders = [self.shop.released(quantity=str(n)) for n in (100, 60, 40)]
        self.first, self.second = (self.shop.operation(self.orders[0], n) for n in (10, 20))
        Operation.objects.filter(name="车削").update(instructions="外圆 Ø40 h6，Ra 1.6\n首件送检")
        Operation.objects.filter(work_order=self.orders[2], sequence=10).update(capture=CAPTURED)
        world.make("wages.rate", operation="车削", piece_price="1.50", valid_from="2020-01-01")
        world.do("exceptions.category.add_usual")
        self.shop.receive(world.part, 100, "1000")
        self.shop.receive(world.steel, 20, "100", self.shop.steel_lot)
        world.do("production.work_order.issue", self.orders[2])
        for code, name in (("D01", "划伤"), ("D02", "尺寸超差"), ("D03", "砂眼"), ("D04", "碰伤"), ("D05", "毛刺")):
            world.make("production.defect_reason", code=code, name=name, name_en=name and code, kind="both")
        user = User.objects.create(login="zhao", name="赵师傅", plants=[world.plant.pk])
        UserRole.objects.create(user=user, role=Role.objects.get(code="worker"))
        world.change(world.worker, user=user.pk)
        assert world.second_worker
        self.badge = world.make("station.badge", employee=world.worker)
        self.device = world.make("station.device", code="ST-01", name="车削一号", plant=world.plant)
        for order in self.orders:
            operation = self.shop.operation(order, 10)
            world.do(
                "production.work_order.assign", order, lines=[{"operation": operation.pk, "employee": world.worker}]
            )

    def pairing_code(self) -> str:
        return self.world.do("station.device.pair", self.device).in_("en").split("enter ")[1].split()[0]

    def pin(self) -> str:
        return self.world.do("station.badge.new_pin", self.badge).in_("en").split()[-1]


class Worker:
    """A hand at a station, who counts the taps; digits on the number pad are not counted."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name, self.taps = page, name, []
        page.on("console", lambda m: None)

    def tap(self, selector: str, word: str = "") -> None:
        self.page.locator(selector).first.click()
        if not selector.startswith("[data-key"):
            self.taps.append(word or selector)

    def digits(self, number: str) -> None:
        for one in number:
            self.tap(f'[data-key="{one}"]')

    def took(self, what: str, most: int) -> None:
        """Print the taps that something took, refuse more than so many, and count from here on."""
        print(f"{what}: {len(self.taps)} taps: {', '.join(self.taps)}")
        assert len(self.taps) <= most, what
        self.taps.clear()

    def look(self, name: str) -> None:
        picture(self.page, LOOKS / f"{self.name}-{name}.png")
        self.check(name)

    def check(self, name: str) -> None:
        """Refuse small targets, a page too wide, and a primary button hidden by other than what asks or warns."""
        small = self.page.evaluate(
            """(least) => [...document.querySelectorAll('button, a.btn, input, select, summary')]
                .filter((one) => one.checkVisibility() && !one.closest('.entry'))
                .map((one) => [one.textContent.trim() || one.ariaLabel, one.getBoundingClientRect()])
                .filter(([, r]) => r.height < least - 0.5 || r.width < least - 0.5)
                .map(([text, r]) => `${text}: ${r.width}x${r.height}`)""",
            FINGER,
        )
        assert small == [], name
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        hidden = self.page.evaluate(
            """() => [...document.querySelectorAll('.btn-primary')].filter((one) => {
                if (!one.checkVisibility()) return false;
                one.scrollIntoView({block: 'nearest'});
                const r = one.getBoundingClientRect();
                const seen = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
                const isOut = r.left < 0 || r.right > innerWidth || r.bottom > innerHeight + 0.5;
                return isOut || !(one.contains(seen) || seen?.closest('.alarm, .scan, .ask'));
            }).map((one) => one.textContent.trim())"""
        )
        assert hidden == [], f"{name}: a primary button lies off the screen or under something"

    def sign_in(self, floor: Floor) -> None:
        page = self.page
        page.goto("/station/")
        page.locator("#pairing").fill(floor.pairing_code())
        page.get_by_role("button", name="配对").click()
        pin = floor.pin()
        page.locator("#sign-code").fill("E-WORK")
        page.locator('[data-field="pin"]').click()
        page.evaluate("(pin) => [...pin].forEach((one) => document.querySelector(`[data-key='${one}']`).click())", pin)
        self.look("sign-in")
        page.get_by_role("button", name="登录", exact=True).click()
        expect(page.locator("[data-task]").first).to_be_visible()
        self.pin = pin

    def report(self, task: object, good: str) -> None:
        self.tap(f'[data-task="{task}"]', "the task")
        self.digits(good)
        self.tap("[data-done]", "done")
        expect(self.page.locator(".tick")).to_be_visible()

    def to_tasks(self) -> None:
        self.page.get_by_role("button", name="任务").click()

    def synced(self) -> None:
        expect(self.page.locator("[data-queue]")).to_have_attribute("data-queue", "0")


def shell_is_kept(page: Page) -> None:
    """Wait until the device holds the shell, and its worker script answers for the page."""
    comes_true(page, "navigator.serviceWorker.ready.then(() => Boolean(navigator.serviceWorker.controller))")
    comes_true(page, "caches.open('station-shell').then((c) => c.keys()).then((k) => k.length > 4)")


def comes_true(page: Page, promise: str, seconds: float = 20) -> None:
    """Wait until what a promise of the page gives is true; Playwright's own wait takes the promise itself for true."""
    until(lambda: page.evaluate(promise), seconds, promise)


#: Whether all that a selector finds lies on the screen, and nothing upon it.
LIES_OPEN = """(selector) => {
    const found = [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    return found.length > 0 && found.every((one) => {
        const r = one.getBoundingClientRect();
        const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
        const points = [[x, y], [r.left + 3, y], [r.right - 3, y], [x, r.top + 3], [x, r.bottom - 3]];
        return r.width > 0 && points.every((at) => one.contains(document.elementFromPoint(...at)));
    });
}"""


def jpeg(folder: Path, wide: int = 640) -> Path:
    """Write a photo of so many points in width."""
    file = folder / "camera.jpg"
    Image.effect_noise((wide, wide * 3 // 4), 60).convert("RGB").save(file, "JPEG")
    return file


def shoot(page: Page, button: str, file: Path) -> None:
    """Take a photo, as the device's camera gives one."""
    with page.expect_file_chooser() as asked:
        page.locator(button).click()
    asked.value.set_files(file)


def scanned(page: Page, button: str, text: str) -> None:
    """Scan what a label says, by typing it where there is no camera."""
    page.locator(button).click()
    page.get_by_label("编号").fill(text)
    page.get_by_role("button", name="确定").click()
