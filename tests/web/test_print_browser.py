"""By hand: select rows, choose a label, print; a scanned operation opens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import factory, settle, signed_in  # noqa: F401  the factory and its people
from tests.plugins.levels import later

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


#: Chooses labels in the very moment in which the choice of layouts comes into the page, as the quickest hand would.
AT_ONCE = """() => new MutationObserver((_, watch) => {
  const layout = document.querySelector('#dialog-body select[name=layout]')
  if (!layout) return
  watch.disconnect()
  layout.value = 'label'
  layout.dispatchEvent(new Event('change', { bubbles: true }))
}).observe(document.querySelector('#dialog-body'), { childList: true, subtree: true })"""


def test_a_choice_made_as_the_dialog_appears_is_heard(signed_in):  # noqa: F811
    page = signed_in()
    page.goto("/sales/orders")
    page.evaluate(AT_ONCE)
    page.locator("#rows input[name=ids]").first.check()
    page.locator("#picked button[hx-get='/print/sales/orders']").click()
    expect(page.locator("#dialog select[name=size]")).to_be_visible()


def test_only_copies_that_make_the_print_long_change_the_dialog(signed_in):  # noqa: F811
    page = signed_in()
    page.goto("/sales/orders")
    page.locator("#rows input[name=ids]").first.check()
    page.locator("#picked button[hx-get='/print/sales/orders']").click()
    page.locator("#dialog select[name=layout]").select_option("label")
    copies, asked = page.locator("#dialog input[name=copies]"), []
    page.on("request", lambda request: asked.append(request.url))
    for number, background in (("300", 0), ("301", 1), ("302", 1), ("2", 0)):
        copies.fill(number)
        copies.blur()
        expect(page.locator("#dialog form[hx-post]")).to_have_count(background)
        settle(page)
    assert [re.search(r"copies=(\d+)", url)[1] for url in asked] == ["301", "2"]


@pytest.mark.parametrize("phone", [later(False, id="desktop"), pytest.param(True, id="phone")])
def test_selected_rows_print_in_a_new_tab(signed_in, phone):  # noqa: F811
    page = signed_in(phone=phone)
    page.goto("/sales/orders")
    for row in range(3):
        page.locator("#rows input[name=ids]").nth(row).check()
    page.locator("#picked button[hx-get='/print/sales/orders']").click()
    page.locator("#dialog select[name=layout]").select_option("label")
    page.locator("#dialog select[name=size]").wait_for()
    page.locator("#dialog select[name=language]").select_option("en")
    page.locator("#dialog input[name=copies]").fill("2")
    with page.context.expect_event("response", lambda answer: "/print/sales/orders.pdf" in answer.url) as seen:
        page.locator("#dialog .box-foot .btn-primary").click()
    assert seen.value.status == 200
    assert seen.value.headers["content-type"] == "application/pdf"
    assert "language=en&size=60x40&copies=2" in seen.value.url
    assert page.faults == []
