"""Forms: what is typed becomes a record, what is wrong is said at its cell, nothing is half done."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from banyan.kernel import registry
from banyan.kernel.models import Audit
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


@pytest.fixture
def Order():  # noqa: N802
    return registry.noun("sales.order").model


@pytest.fixture
def filled(world):
    """Give an order's form as a browser sends it."""
    return {
        "party": str(world.customer.pk), "plant": str(world.plant.pk), "customer_reference": "PO-1",
        "lines.0.item": str(world.product.pk), "lines.0.quantity": "1,200", "lines.0.price": "12.5",
        "lines.1.item": str(world.screw.pk), "lines.1.quantity": "3", "lines.1.price": "1",
        "lines.2.item": "", "lines.2.quantity": "",
    }  # fmt: skip


def send(browser, path, data):
    return browser.post(path, data, headers=PART)


def faults(page) -> dict[str, list[str]]:
    return json.loads(unescape(re.search(r'data-faults="([^"]*)"', page.content.decode())[1]))


def test_a_filled_form_makes_the_record_and_goes_there(everyone, filled, Order):
    made = send(everyone, "/sales/orders/new", filled)
    order = Order.objects.get()
    assert json.loads(made.headers["HX-Location"])["path"] == f"/sales/orders/{order.pk}"
    line = registry.noun("sales.order").line_models["lines"]
    rows = line.objects.filter(order=order).order_by("position").values_list("quantity", flat=True)
    assert [int(q) for q in rows] == [1200, 3]


def test_pressing_save_twice_makes_one_record(everyone, filled, Order):
    filled["_key"] = "5f3c"
    first, second = (send(everyone, "/sales/orders/new", filled) for _ in range(2))
    assert first.headers["HX-Location"] == second.headers["HX-Location"]
    assert Order.objects.count() == 1


def test_every_fault_is_named_by_its_cell_and_nothing_is_written(everyone, filled, Order):
    filled |= {"lines.0.quantity": "abc", "lines.1.item": ""}
    page = send(everyone, "/sales/orders/new", filled)
    assert page.status_code == 422
    assert set(faults(page)) == {"records.0.lines.1.item"}
    filled["lines.1.item"] = filled["lines.0.item"]
    page = send(everyone, "/sales/orders/new", filled)
    assert set(faults(page)) == {"records.0.lines.0.quantity"}
    assert Order.objects.count() == 0


def test_an_order_without_lines_is_refused_at_its_grid(everyone, filled):
    only_head = {k: v for k, v in filled.items() if not k.startswith("lines")}
    assert set(faults(send(everyone, "/sales/orders/new", only_head))) == {"records.0.lines"}


def edit_form(browser, order) -> dict[str, str]:
    """Give what the browser would send back unchanged."""
    html = browser.get(f"/sales/orders/{order.pk}/edit").content.decode().split("<template")[0]
    html = html[html.index('<form class="edit"') :]
    data = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and "checkbox" not in tag:
            data[name[1]] = unescape(value[1]) if value else ""
    for name, body in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        data[name] = chosen[1] if chosen else ""
    for name, text in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', html, re.S):
        data[name] = unescape(text)
    return data


@pytest.fixture
def order(world):
    return world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        customer_reference="PO-1",
        lines=[
            {"item": world.product, "quantity": "5", "price": "12.5"},
            {"item": world.screw, "quantity": "7", "price": "0.35", "unit": world.box},
        ],
    )


def test_a_form_sent_back_unchanged_changes_nothing(everyone, order):
    data = edit_form(everyone, order)
    sent = send(everyone, f"/sales/orders/{order.pk}/edit", data)
    assert "没有改动" in json.loads(sent.headers["HX-Trigger"])["banyan:note"]["text"]
    order.refresh_from_db()
    assert order.version == 1
    assert not Audit.objects.filter(command="sales.order.change").exists()


def test_only_what_was_changed_is_sent_to_the_command(everyone, order):
    data = edit_form(everyone, order) | {"customer_reference": "PO-2"}
    assert send(everyone, f"/sales/orders/{order.pk}/edit", data).status_code == 204
    assert Audit.objects.get(command="sales.order.change").input == {"customer_reference": "PO-2"}


def test_a_line_is_changed_one_removed_and_one_added(everyone, order, world):
    data = edit_form(everyone, order)
    data = {k: v for k, v in data.items() if not k.startswith("lines.0.")}
    data |= {
        "lines.1.quantity": "9",
        "lines.2.item": str(world.part.pk),
        "lines.2.quantity": "4",
        "lines.2.price": "1",
    }
    assert send(everyone, f"/sales/orders/{order.pk}/edit", data).status_code == 204
    line = registry.noun("sales.order").line_models["lines"]
    rows = (
        line.objects.filter(order=order).order_by("position").values_list("item__code", "quantity", "price")
    )
    assert [(c, int(q), str(p.normalize())) for c, q, p in rows] == [("BP-1", 9, "0.35"), ("MP-1", 4, "1")]


def test_two_people_at_one_record_the_second_is_told(everyone, order, world):
    data = edit_form(everyone, order)
    world.change(order, customer_reference="PO-other")
    page = send(everyone, f"/sales/orders/{order.pk}/edit", data | {"customer_reference": "PO-mine"})
    assert page.status_code == 412
    assert "已被修改" in page.content.decode()
    order.refresh_from_db()
    assert order.customer_reference == "PO-other"


def test_an_emptied_field_becomes_empty(everyone, order):
    data = edit_form(everyone, order) | {"customer_reference": ""}
    assert send(everyone, f"/sales/orders/{order.pk}/edit", data).status_code == 204
    order.refresh_from_db()
    assert order.customer_reference == ""


def test_a_copy_starts_with_the_values_of_the_other(everyone, order):
    html = everyone.get(f"/sales/orders/new?like={order.pk}").content.decode()
    assert "CU-1 远山机械" in html
    assert "FG-1 减速机" in html


def test_a_hidden_field_is_neither_shown_nor_taken(signed_in, world):
    browser = signed_in("people.employee.*", "company.*.read")
    worker = world.worker
    page = browser.get(f"/people/employees/{worker.pk}/edit").content.decode()
    assert "hourly_pay" not in page
    data = {
        "code": worker.code,
        "name": "新名",
        "plant": str(worker.plant_id),
        "hourly_pay": "99",
        "_version": "1",
    }
    send(browser, f"/people/employees/{worker.pk}/edit", data)
    worker.refresh_from_db()
    assert (worker.name, worker.hourly_pay) == ("新名", 36)


def test_text_of_a_record_is_never_markup(everyone, world):
    world.item(code="X-1", name="<script>alert(1)</script>")
    page = everyone.get("/items/items?q=X-1").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("path", ["/wages/sharings/new", f"/inventory/moves/{'0' * 8}-0000-0000-0000-{'0' * 12}/edit"])
def test_what_nobody_makes_by_hand_has_no_form(everyone, path):
    assert everyone.get(path).status_code == 404
