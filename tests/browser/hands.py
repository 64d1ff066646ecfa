"""What a person does with a page: goes by the menu, presses what is named so, fills what is labelled so.

Everything is found by role and label, as it is read on the screen, and waited for by what must appear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.test import Client
from playwright.sync_api import Locator, Page

from tests.browser.soon import expect
from tests.browser.words import said

#: Counts what is under way in a page; `since` is when that last changed. Under way is what has been asked of the server
#: and not got yet, what a timer is about to do, and leaving for another page.
BUSY = """(() => { const seen = window.asked = { open: 0, since: 0 };
const begin = () => { seen.open++; seen.since = performance.now() };
const end = () => { seen.open--; seen.since = performance.now() };
const send = XMLHttpRequest.prototype.send, get = window.fetch;
XMLHttpRequest.prototype.send = function (...rest) {
  begin(); this.addEventListener('loadend', end); return send.apply(this, rest) };
window.fetch = (...rest) => { begin(); return get(...rest).finally(end) };
const later = window.setTimeout, never = window.clearTimeout, due = new Set();
window.setTimeout = (act, wait, ...rest) => {
  if ((wait || 0) > 300 || typeof act !== 'function') return later(act, wait, ...rest);
  begin();
  const timer = later(() => { due.delete(timer); try { act(...rest) } finally { end() } }, wait);
  due.add(timer);
  return timer };
window.clearTimeout = timer => { if (due.delete(timer)) end(); never(timer) };
window.addEventListener('beforeunload', () => { begin(); later(end, 500) }) })()"""
IDLE = """() => document.readyState === 'complete' && document.body.dataset.ready !== undefined
&& window.asked.open === 0 && performance.now() - window.asked.since > 30"""
PASTE = """(cell, text) => { const data = new DataTransfer(); data.setData('text/plain', text);
cell.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})) }"""


def settle(page: Page) -> None:
    """Wait until the page is there, asks the server for nothing more, and has had time to show the answer."""
    page.wait_for_function(IDLE)


def sign_in(page: Page, login: str, password: str) -> None:
    """Sign in by the form and wait until its page has been left for one that is ready."""
    page.goto("/login")
    page.get_by_label(re.compile("^(登录名|Login)$")).fill(login)
    page.get_by_label(re.compile("^(密码|Password)$")).fill(password)
    page.get_by_role("button", name=re.compile("^\\s*(登录|Sign in)\\s*$")).click()
    page.wait_for_url(lambda address: "/login" not in address)
    settle(page)


def let_in(page: Page, login: str, password: str) -> None:
    """Sign in as the form does, without a look at it: whatever is opened next is opened by this person."""
    answer = Client().post("/login", {"username": login, "password": password})
    assert answer.status_code == 302, f"{login} was not let in"
    session = answer.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "domain": "127.0.0.1", "path": "/", "httpOnly": True}]
    )


class Hand:
    """A person at a page, told in Chinese what to look for, who reads it in the language of the page."""

    def __init__(self, page: Page, *, is_touch: bool = False, language: str = "zh") -> None:
        self.page, self.is_touch, self.language = page, is_touch, language
        self.taps = 0

    # --- words ------------------------------------------------------------------------------------------

    def said(self, text: str) -> list[str]:
        """Give the texts that may stand on the screen for a Chinese one."""
        return said(text, self.language)

    def whole(self, text: str, after: str = "") -> re.Pattern:
        """Give a pattern for a text that stands alone; `after` is a pattern of what may follow it."""
        return re.compile(rf"^\s*({'|'.join(map(re.escape, self.said(text)))}){after}\s*$")

    def part(self, text: str | re.Pattern) -> str | re.Pattern:
        """Give what finds a text amid others."""
        texts = self.said(text) if isinstance(text, str) else []
        return re.compile("|".join(map(re.escape, texts))) if len(texts) > 1 else text

    # --- coming in and going about ----------------------------------------------------------------------

    def sign_in(self, login: str, password: str) -> Hand:
        """Sign in by the form, and choose the language."""
        sign_in(self.page, login, password)
        return self._speak()

    def come_in(self, login: str, password: str) -> Hand:
        """Open the first page as somebody who has signed in before, and choose the language."""
        let_in(self.page, login, password)
        self.page.goto("/")
        return self._speak()

    def _speak(self) -> Hand:
        if not self.page.locator(f"html[lang^={self.language}]").count():
            self._tap(self.page.locator(".language button"))
            self.page.wait_for_selector(f"html[lang^={self.language}] body[data-ready]")
        return self.quiet()

    def _open(self, group: Locator) -> None:
        if group.get_attribute("open") is None:
            self._tap(group.locator("summary").first)

    def _entry(self, area: Locator, screen: str) -> Locator:
        """Give a line of the menu; what belongs to it is opened first, where it is among the less usual ones."""
        more = area.locator("details").filter(has=self._named("a", screen))
        if more.count():
            self._open(more)
        return area.get_by_role("link", name=self.whole(screen))

    def go(self, area: str, screen: str) -> Hand:
        """Go to a screen by the menu: its area, then its name."""
        side = self.page.get_by_role("complementary", name=self.whole("菜单"))
        if side.is_visible():
            group = side.locator(".side-group").filter(has=self._named(".side-area", area))
            self._open(group)
            self._tap(self._entry(group, screen))
        else:
            self._tap(self.page.get_by_role("button", name=self.whole("全部")))
            part = self.box.locator("section").filter(has=self._named("h2", area))
            self._tap(self._entry(part, screen))
        expect(self.page.locator("h1")).to_contain_text(self.part(screen))
        return self.quiet()

    def _named(self, tag: str, text: str) -> Locator:
        return self.page.locator(tag, has_text=self.whole(text))

    def quiet(self) -> Hand:
        """Wait until nothing is asked of the server any more."""
        settle(self.page)
        return self

    # --- looking ----------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def number(self) -> str:
        """The number of the document that is open."""
        return self.title.split()[0]

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def box(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    def sees(self, *texts: str | re.Pattern) -> Hand:
        """Wait until texts stand in the page."""
        for text in texts:
            expect(self.main).to_contain_text(self.part(text))
        return self

    def value(self, label: str) -> str:
        """Give what stands under a label of a record's page."""
        word = self.main.locator("dt").filter(has_text=self.whole(label)).first
        return word.locator("xpath=following-sibling::dd[1]").inner_text().strip()

    def row(self, *words: str) -> Locator:
        """Give the rows of a list or table in which all these words stand."""
        rows = self.main.locator("tbody tr")
        for word in words:
            rows = rows.filter(has_text=self.part(word))
        return rows

    def cells(self, *words: str) -> list[str]:
        """Give the cells of the first row that holds these words."""
        return [text.strip() for text in self.row(*words).first.locator("td").all_inner_texts()]

    # --- lists ------------------------------------------------------------------------------------------

    def search(self, text: str) -> Hand:
        """Type into the list's search and wait for its answer."""
        with self.page.expect_response(lambda answer: "q=" in answer.url):
            self._enter(self.main.get_by_role("searchbox", name=self.whole("搜索")), text)
        return self.quiet()

    def open(self, *words: str) -> Hand:
        """Open the record whose row holds these words."""
        self._tap(self.row(*words).first.get_by_role("link").first)
        return self.quiet()

    def pick(self, *words: str) -> Hand:
        """Tick every row that holds these words."""
        for box in self.row(*words).get_by_role("checkbox").all():
            self._tick(box)
        return self

    def pick_all(self) -> Hand:
        """Tick every row: by the box above them; on a phone, which shows none, by the bar under a first tick."""
        every = self.main.get_by_role("checkbox", name=self.whole("全选"))
        if every.is_visible():
            return self._tick(every)
        self._tick(self.row().get_by_role("checkbox").first)
        return self.press("全选")

    # --- pressing and filling ---------------------------------------------------------------------------

    def press(self, name: str) -> Hand:
        """Press what is named so on the page, where it is not shown in the menu of further commands.

        Raises: AssertionError with the refusal's words
        """
        named = self.whole(name)
        found = self.main.get_by_role("button", name=named).or_(self.main.get_by_role("link", name=named))
        shown = found.filter(visible=True)
        if not shown.count():
            self._tap(self.main.get_by_label(self.whole("更多")).first)
        self._tap(shown.first)
        self.quiet()
        refused = self.page.locator("#notes .refusal")
        if refused.count():
            raise AssertionError(refused.first.inner_text())
        return self

    def do(self, name: str, **fields: str) -> Hand:
        """Press a command, fill the dialog by label where it asks something, and send it."""
        self.press(name)
        return self.fill(fields).send() if self.box.count() else self

    def fill(self, fields: Mapping[str, str]) -> Hand:
        """Fill fields outside of grids by their labels: choices, references, tiles and plain ones alike."""
        for label, value in fields.items():
            named = self.whole(label, r"\s*\*?( \S+)?")
            tiles = self._place.get_by_role("radiogroup", name=named)
            if tiles.count():
                self._tap(tiles.get_by_label(self.part(value)).first)
                continue
            found = self._place.get_by_label(named).and_(self.page.locator(":not([data-cell])"))
            self.put(found.first, value)
        return self

    @property
    def _place(self) -> Locator:
        return self.box if self.box.count() else self.main

    def put(self, field: Locator, value: str) -> Hand:
        """Put a value into one field as its kind wants it; a finger first taps it, and types numbers on the pad."""
        kind = field.evaluate("e => e.getAttribute('role') || (e.tagName === 'SELECT' ? 'select' : e.type)")
        if kind == "combobox":
            self._enter(field, value)
            self._tap(self.page.get_by_role("option").filter(has_text=self.part(value)).first)
        elif kind == "select":
            field.select_option(label=field.locator("option", has_text=self.part(value)).first.inner_text())
        elif kind == "checkbox":
            self._tick(field, value == "是")
        else:
            self._enter(field, value)
        return self

    def _enter(self, field: Locator, value: str) -> None:
        if self.is_touch:
            field.tap()
        if self.is_touch and field.evaluate("e => e.matches('.box-form-big [data-number]')"):
            for key in value:
                self.box.get_by_role("button", name=key, exact=True).tap()
            expect(field).to_have_value(value)
        else:
            field.fill(value)

    def _tick(self, box: Locator, is_wanted: bool = True) -> Hand:
        if box.is_checked() != is_wanted:
            self._tap(box)
        expect(box).to_be_checked(checked=is_wanted)
        return self

    def cell(self, column: str, row: int = 1) -> Locator:
        """Give a cell of a line grid by its column's name and its row from 1."""
        found = self._place.get_by_label(self.whole(column)).and_(self.page.locator("[data-cell]"))
        return found.nth(row - 1)

    def remove_line(self, row: int) -> Hand:
        """Take a line out of a grid."""
        self._tap(self._place.get_by_role("button", name=self.whole("删除此行")).nth(row - 1))
        return self

    def enter_lines(self, rows: Sequence[Sequence[str]]) -> Hand:
        """Enter lines, the first row the columns' names: pasted in one go, with a finger cell by cell."""
        if not self.is_touch:
            return self.paste(self.cell(rows[0][0]), rows)
        for place, row in enumerate(rows[1:], start=1):
            for column, value in zip(rows[0], row, strict=True):
                self.put(self.cell(column, place), value)
        return self

    def paste(self, cell: Locator, rows: Sequence[Sequence[str]]) -> Hand:
        """Paste a block from a spreadsheet, its first row the columns' names, at a cell."""
        heads = [self.cell(name).get_attribute("aria-label") for name in rows[0]]
        cell.focus()
        cell.evaluate(PASTE, "\n".join("\t".join(row) for row in [heads, *rows[1:]]) + "\n")
        told = "|".join(self.said("已粘贴 {n} 行")).replace("{n}", str(len(rows) - 1))
        expect(self.page.get_by_text(re.compile(told))).to_be_visible()
        return self.quiet()

    def send(self) -> Hand:
        """Send the open dialog and wait until it has gone.

        Raises: AssertionError with the refusal's words
        """
        self._tap(self.box.locator(".box-foot button").last)
        self.quiet()
        told = self.box.locator(".refusal")
        if told.count():
            marked = self.box.locator(".is-faulty [data-fault]").all_inner_texts()
            raise AssertionError(" | ".join([told.first.inner_text(), *marked]))
        expect(self.box).to_have_count(0)
        return self.quiet()

    def _tap(self, found: Locator) -> None:
        self.taps += 1
        found.tap() if self.is_touch else found.click()
