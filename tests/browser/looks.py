"""What holds for every page: nothing sticks out, fingers fit, one language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.plugins.levels import runs_all

CHINESE = re.compile(r"[\u3400-\u9fff]")
#: Parts that show what people have entered, in whatever language.
ENTERED = (
    ".rows td, .values dd, .board-card, .chain-box, .timeline, .head h1, .top-place, .menu-title, "
    ".avatar-round, .lines td, .linegrid, .task, .inbox-lines, .box-what, option, .brand, .language"
)
SMALL = """() => [...document.querySelectorAll(
    'button, .btn, select, .bottom > *, .menu-item, summary.btn, summary.chip')]
.filter(e => e.checkVisibility() && !e.closest('.token, .options'))
.map(e => [e.getBoundingClientRect(), e]).filter(([r]) => r.height > 0 && r.height < 43.5)
.map(([r, e]) => `${e.outerHTML.slice(0, 90)} ${r.height}`)"""
WORDS = """entered => { const copy = document.querySelector('#main').cloneNode(true);
copy.querySelectorAll(entered).forEach(e => e.remove()); return copy.textContent }"""
#: The innermost parts that reach beyond the screen, unless something around them scrolls for itself.
WIDE = """width => { if (document.documentElement.scrollWidth <= width && innerWidth <= width) return [];
const scrolls = e => e && e !== document.body && e !== document.documentElement
  && (/(auto|scroll|hidden|clip)/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
const out = [...document.body.querySelectorAll('*')].filter(
  e => e.checkVisibility() && e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
return [`${document.documentElement.scrollWidth} ${innerWidth}`,
  ...out.filter(e => !out.some(o => o !== e && e.contains(o))).map(e => e.outerHTML.slice(0, 120))] }"""
WIDER = """() => [...document.querySelectorAll('dialog[open], dialog[open] .box-body')]
.filter(e => e.scrollWidth > e.clientWidth + 1)
.map(e => `${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""

#: Lines of a document that have to be pushed sideways.
SIDEWAYS = """() => [...document.querySelectorAll('#main .lines')].map(e => e.parentElement)
.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => `${e.scrollWidth} > ${e.clientWidth}`)"""

CUT = """() => [...document.querySelectorAll('#main .num, #main .btn, dialog[open] .btn')]
.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && !e.matches('input'))
.map(e => e.textContent.trim().slice(0, 60))"""

#: Badges of a row that lie on each other.
OVERLAID = """() => [...document.querySelectorAll('#main tr')].filter(row => {
const boxes = [...row.querySelectorAll('.state')].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect());
return boxes.some((a, n) => boxes.slice(n + 1).some(b =>
  a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)) })
.map(row => row.textContent.trim().slice(0, 60))"""


def picture(page: Page, file: Path, **how: Any) -> None:
    """Keep what a page looks like, for people to see: in `make test-all`, for it proves nothing and takes its time."""
    if runs_all():
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file, **how)


def check(page: Page, name: str, *, is_phone: bool = False, language: str = "zh") -> None:
    """Hold a page, and the dialog that is open on it, to what holds for all."""
    wide = page.evaluate(WIDE, page.viewport_size["width"])
    assert wide == [], f"{name} is wider than the screen: {wide}"
    assert page.evaluate(WIDER) == [], f"the dialog of {name} scrolls sideways"
    if is_phone:
        assert page.evaluate(SMALL) == [], name
        assert page.evaluate(SIDEWAYS) == [], f"the lines of {name} scroll sideways"
    if language == "en":
        words = page.evaluate(WORDS, ENTERED)
        assert not CHINESE.search(words), f"{name}: {CHINESE.findall(words)}"


def check_whole(page: Page, name: str) -> None:
    """Hold a page to it that neither an amount nor the words of a button are cut off, and no badge lies on another."""
    assert page.evaluate(CUT) == [], f"{name} cuts words off"
    assert page.evaluate(OVERLAID) == [], f"badges of {name} lie on each other"
