"""By hand: select rows, choose a label, print; a scanned operation opens."""

from __future__ import annotations

import pytest

from tests.browser.conftest import factory, signed_in  # noqa: F401  the factory and its people

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
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
