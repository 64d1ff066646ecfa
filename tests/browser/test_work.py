"""What hands do: paste, keys, undo, drag, find; and how many taps it takes."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from tests.browser.conftest import settle
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PASTE = """text => { const cell = document.activeElement, data = new DataTransfer();
data.setData('text/plain', text);
cell.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})) }"""


def rows(page) -> list[list[str]]:
    """Give the filled cells of the line grid: item, quantity, price."""
    return [
        [row.locator("[data-cell]").nth(n).input_value() for n in (0, 1, 3)]
        for row in page.locator("[data-rows] [data-row]").all()
        if row.locator("[data-cell]").nth(0).input_value()
    ]


def choose(page, label: str, text: str) -> None:
    box = page.get_by_role("combobox", name=label, exact=False).first
    box.fill(text)
    page.wait_for_selector(".options [data-id]")
    box.press("Enter")


def test_a_block_from_a_spreadsheet_becomes_lines_of_an_order(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders/new")
    choose(page, "客户", "华东")
    page.locator("[data-rows] [data-cell]").first.focus()
    page.evaluate(PASTE, "物料\t数量\t单价\nFG-001\t1,200\t12.5\nFG-002\t3\t￥8\nFG-999\t1\t1\n")
    page.wait_for_selector("[data-rows] .is-faulty")
    assert rows(page)[:2] == [["FG-001 减速机 R10", "1200", "12.5"], ["FG-002 减速机 R20", "3", "8"]]
    assert "找不到“FG-999”" in page.locator("[data-rows] .is-faulty").inner_text()
    page.locator("[data-row]", has=page.locator(".is-faulty")).locator("[data-remove]").click()
    page.keyboard.press("Control+s")
    page.wait_for_url("**/sales/orders/*-*")
    lines = (
        registry.noun("sales.order")
        .line_models["lines"]
        .objects.order_by("-order__created_at", "position")[:2]
    )
    assert [(row.item.code, int(row.quantity)) for row in lines] == [("FG-001", 1200), ("FG-002", 3)]
    assert page.faults == []


def test_keys_move_through_the_grid_and_undo_takes_a_paste_back(factory, signed_in):
    page = signed_in()
    page.goto(f"/sales/orders/{factory.orders[41].pk}/edit")
    before = rows(page)
    quantity = page.locator("[data-row] >> nth=0").locator("[data-cell]").nth(1)
    quantity.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "lines.1.quantity"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "lines.0.quantity"
    page.evaluate(PASTE, "7\n8\n9\n10")
    expect(page.locator("[data-rows] [data-row]").nth(3)).to_be_visible()
    assert [r[1] for r in rows(page)][:2] == ["7", "8"]
    page.locator("[data-row] >> nth=0").locator("[data-cell]").nth(1).focus()
    page.keyboard.press("Control+z")
    assert rows(page) == before


def test_a_wrong_cell_is_marked_and_everything_typed_stays(factory, signed_in):
    page = signed_in()
    page.goto(f"/sales/orders/{factory.orders[42].pk}/edit")
    cell = page.locator('[name="lines.1.quantity"]')
    cell.fill("many")
    page.locator('[name="customer_reference"]').evaluate("e => { e.closest('details').open = true }")
    page.fill('[name="customer_reference"]', "PO-typed")
    page.click(".edit-actions .btn-primary")
    page.wait_for_selector('td[data-path="lines.1.quantity"].is-faulty')
    assert "须为数字" in page.locator('td[data-path="lines.1.quantity"]').inner_text()
    assert page.input_value('[name="customer_reference"]') == "PO-typed"
    assert page.evaluate("document.activeElement.name") == "lines.1.quantity"
    cell.fill("6")
    assert page.locator(".is-faulty").count() == 0
    page.click(".edit-actions .btn-primary")
    page.wait_for_selector(".record")
    factory.orders[42].refresh_from_db()
    assert factory.orders[42].customer_reference == "PO-typed"


def test_nobody_leaves_unsaved_changes_unasked(factory, signed_in):
    page = signed_in()
    page.goto(f"/sales/orders/{factory.orders[43].pk}/edit")
    page.locator('[name="lines.0.quantity"]').fill("77")
    asked = []
    page.once("dialog", lambda box: (asked.append(box.message), box.dismiss()))
    page.click(".edit-actions a.btn")
    settle(page)
    assert asked == ["修改还没有保存，确定离开？"]
    assert page.input_value('[name="lines.0.quantity"]') == "77"
    page.once("dialog", lambda box: box.accept())
    page.click(".edit-actions a.btn")
    page.wait_for_selector(".record")


def test_an_order_is_confirmed_in_three_taps_on_a_phone(factory, signed_in):
    page = signed_in(phone=True)
    page.goto("/sales/orders?state:in=draft")
    settle(page)
    page.tap(".row-link >> nth=0")
    page.wait_for_selector(".head-actions > .btn-primary")
    settle(page)
    page.tap(".head-actions > .btn-primary")
    page.tap("dialog[open] .box-foot .btn-primary")
    page.wait_for_selector(".state-blue")
    assert "已确认" in page.locator("h1").inner_text()
    assert page.faults == []


def test_a_card_is_dragged_to_the_next_state(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders?layout=board")
    settle(page)
    card = page.locator('[data-state="draft"] .board-card').first
    key = card.get_attribute("data-id")
    start = card.bounding_box()
    goal = page.locator('[data-state="confirmed"] [data-cards]').bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 120, start["y"] + 50, steps=4)
    page.mouse.move(goal["x"] + 80, goal["y"] + 60, steps=12)
    page.mouse.up()
    page.wait_for_selector("dialog[open] .box-foot .btn-primary")
    page.click("dialog[open] .box-foot .btn-primary")
    page.wait_for_selector(f'[data-state="confirmed"] [data-id="{key}"]')


def test_selected_orders_are_confirmed_together(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders?state:in=draft")
    page.locator("#rows input[name=ids]").nth(0).click()
    page.locator("#rows input[name=ids]").nth(2).click(modifiers=["Shift"])
    assert page.locator("[data-picked-count]").inner_text() == "3"
    page.click("#picked button:has-text('确认')")
    page.wait_for_selector("dialog[open] form")
    page.click("dialog[open] .box-foot .btn-primary")
    page.wait_for_selector(".note")
    assert registry.noun("sales.order").model.objects.filter(state="confirmed").count() == 13


def test_all_rows_are_ticked_on_a_phone_too(factory, signed_in):
    page = signed_in(phone=True)
    page.goto("/parties/parties")
    page.get_by_role("checkbox").first.tap()
    page.tap("#picked [data-pick-every]")
    assert page.locator("#rows input:checked").count() == page.locator("#rows input").count() > 1
    assert page.locator("[data-picked-count]").inner_text() == str(page.locator("#rows input").count())


def test_a_finger_that_scrolls_the_choices_chooses_none(factory, signed_in):
    page = signed_in(phone=True)
    page.goto("/sales/orders/new")
    item = page.get_by_role("combobox", name="物料").and_(page.locator("[data-cell]")).first
    item.tap()
    options = page.locator(".options [data-id]")
    options.first.wait_for()
    page.evaluate("scrollBy(0, 40)")  # as a phone does whose keyboard needs room
    settle(page)
    beside = "([list, field]) => Math.min(Math.abs(list.top - field.bottom), Math.abs(field.top - list.bottom))"
    gap = page.evaluate(f"fields => ({beside})(fields.map(e => e.getBoundingClientRect()))", [
        page.locator(".options").element_handle(), item.element_handle(),
    ])  # fmt: skip
    assert gap < 4, "the choices stay at their field"
    place = options.nth(2).bounding_box()
    finger = page.context.new_cdp_session(page)
    for kind, up in (("touchStart", 0), ("touchMove", 25), ("touchMove", 50), ("touchEnd", None)):
        points = [] if up is None else [{"x": place["x"] + 40, "y": place["y"] + place["height"] / 2 - up}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(options.first).to_be_attached()
    assert item.input_value() == ""
    options.first.tap()
    expect(item).to_have_value("FG-001 减速机 R10")


def test_a_press_that_slips_out_of_a_dialog_does_not_close_it(factory, signed_in):
    page = signed_in()
    page.goto(f"/sales/orders/{factory.orders[40].pk}")
    page.click(".head-actions > .btn-primary")
    box = page.locator("dialog[open]")
    place = box.bounding_box()
    page.mouse.move(place["x"] + 40, place["y"] + 40)
    page.mouse.down()
    page.mouse.move(place["x"] - 40, place["y"] + 40)
    page.mouse.up()
    expect(box).to_be_visible()
    page.mouse.click(place["x"] - 40, place["y"] + 40)
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_long_list_goes_on_when_it_is_scrolled(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders")
    assert page.locator("#rows tr[data-path]").count() == 80
    page.locator("#more").scroll_into_view_if_needed()
    expect(page.locator("#rows tr[data-path]")).to_have_count(100)
    assert page.locator("#more").count() == 0


def test_typing_into_search_keeps_the_cursor_and_the_address(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders")
    page.locator("#q").press_sequentially("北方", delay=40)
    expect(page.locator("#rows tr[data-path]")).to_have_count(25)
    assert page.evaluate("document.activeElement.id") == "q"
    expect(page.locator("#list-total")).to_contain_text("25")
    assert "q=" in page.url
    page.reload()
    assert page.locator("#rows tr[data-path]").count() == 25


def test_back_leads_to_the_list_as_it_was(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders?state:in=confirmed")
    page.click(".row-link >> nth=0")
    page.wait_for_selector(".record")
    page.go_back()
    page.wait_for_selector("#rows")
    assert page.locator('.tab[aria-current="true"]').inner_text().startswith("已确认")


def test_any_record_is_found_from_anywhere_by_the_keyboard(factory, signed_in):
    page = signed_in()
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("海川")
    page.wait_for_selector(".palette-hit:has-text('海川自动化')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".record")
    assert "海川自动化" in page.locator("h1").inner_text()


def test_a_theme_chosen_stays(factory, signed_in):
    page = signed_in()
    page.goto("/")
    page.click(".top-tools .menu summary")
    page.click("[data-theme-next]")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    settle(page)
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_without_network_the_page_says_so(factory, signed_in):
    page = signed_in()
    page.goto("/sales/orders")
    page.context.set_offline(True)
    page.wait_for_selector("#network:not([hidden])")
    page.click(".side-nav a >> nth=0")
    page.wait_for_selector(".note-red")
    page.context.set_offline(False)
