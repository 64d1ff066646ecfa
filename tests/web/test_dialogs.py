"""Commands from a page: dialogs, bulk, boards, and what is said afterwards."""

from __future__ import annotations

import json

import pytest

from banyan.kernel.models import Audit
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
#: The dialog of a command that acts on no record.
PLAN = "/planning/runs/do/plan"


@pytest.fixture
def orders(world):
    return world.make_many(
        "sales.order",
        [
            {
                "party": world.customer,
                "plant": world.plant,
                "wanted_on": "2026-04-01",
                "lines": [{"item": world.product, "quantity": "1", "price": "10"}],
            }
            for _ in range(3)
        ],
    )


def run(browser, name, ids, **data):
    return browser.post(f"/sales/orders/do/{name}", {"ids": [str(o.pk) for o in ids], **data}, headers=PART)


def test_a_command_runs_and_the_page_behind_is_read_again(everyone, orders):
    done = run(everyone, "confirm", orders[:1], _from="record")
    assert done.status_code == 204
    news = json.loads(done.headers["HX-Trigger"])
    assert news["banyan:reload"] is True
    assert news["banyan:note"]["text"] == "已确认"
    orders[0].refresh_from_db()
    assert orders[0].state == "confirmed"


def test_selected_records_go_all_or_none(everyone, orders):
    run(everyone, "confirm", orders[:1])
    refused = run(everyone, "confirm", orders)
    assert refused.status_code == 409
    orders[1].refresh_from_db()
    assert orders[1].state == "draft"


def test_one_by_one_does_what_can_be_done_and_lists_the_rest(everyone, orders):
    run(everyone, "confirm", orders[:1])
    shown = run(everyone, "confirm", orders, _each="on")
    text = shown.content.decode()
    assert "已完成 2 条" in text
    assert "未完成 1 条" in text
    assert str(orders[0].pk) in text


def test_a_command_on_a_changed_record_is_refused(everyone, orders, world):
    seen = orders[0].version
    world.change(orders[0], customer_reference="neu")
    assert run(everyone, "confirm", orders[:1], **{f"v.{orders[0].pk}": str(seen)}).status_code == 412


def test_a_deleted_draft_leads_back_to_the_list(everyone, orders):
    gone = run(everyone, "delete", orders[:1], _from="record")
    assert json.loads(gone.headers["HX-Location"])["path"] == "/sales/orders"


def test_a_command_without_the_right_is_refused_and_audited(signed_in, orders):
    browser = signed_in("sales.order.read")
    assert run(browser, "confirm", orders[:1]).status_code == 403
    assert not Audit.objects.filter(command="sales.order.confirm", outcome="done").exists()


def test_a_record_out_of_reach_does_not_exist(signed_in, orders, world):
    browser = signed_in(("sales.*", "plant"), plants=[world.second_plant.pk])
    assert browser.get(f"/sales/orders/{orders[0].pk}").status_code == 404
    assert run(browser, "confirm", orders[:1]).status_code == 404
    assert str(orders[0].pk) not in browser.get("/sales/orders").content.decode()


def test_a_card_moves_by_the_command_that_leads_there(everyone, orders):
    key = orders[0].pk
    part = everyone.get(f"/sales/orders/move?source=draft&target=confirmed&id={key}", headers=PART)
    assert 'data-run="/sales/orders/do/confirm"' in part.content.decode()
    nowhere = everyone.get(f"/sales/orders/move?source=draft&target=shipped&id={key}", headers=PART)
    assert nowhere.status_code == 409
    assert "可以变为" in nowhere.content.decode()


def test_a_dialog_offers_the_lines_of_the_record(everyone, orders):
    run(everyone, "confirm", orders[:1])
    dialog = everyone.get(
        f"/sales/orders/do/ship?ids={orders[0].pk}", headers=PART | {"HX-Target": "dialog-body"}
    )
    assert "1. FG-1 减速机" in dialog.content.decode()


def test_the_list_finds_filters_sorts_and_counts(everyone, orders, world):
    run(everyone, "confirm", orders[:1])
    assert everyone.get("/sales/orders?state:in=confirmed").content.decode().count('name="ids"') == 1
    assert everyone.get("/sales/orders?q=远山").content.decode().count('name="ids"') == 3
    assert "没有符合条件的记录" in everyone.get("/sales/orders?q=没有的").content.decode()
    counts = everyone.get("/sales/orders?_part=counts", headers=PART).content.decode()
    assert 'id="n-confirmed" hx-swap-oob="true">1<' in counts
    assert "共 3 条" in counts
    assert everyone.get("/sales/orders?nothing:eq=1").status_code == 422
    assert everyone.get("/sales/orders?state:odd=1").status_code == 200


def test_what_is_shown_is_exported(everyone, world):
    world.part, world.screw  # noqa: B018  makes them
    file = everyone.get("/items/items/export.csv?kind:in=bought&columns=code,name")
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    assert text.splitlines() == ["编码,名称", "BP-1,螺钉"]
    assert b"".join(everyone.get("/items/items/export.xlsx").streaming_content)[:2] == b"PK"


def test_find_gives_records_pages_and_commands(everyone, orders):
    text = everyone.get("/find?q=远山", headers=PART).content.decode()
    assert "/parties/parties/" in text
    text = everyone.get("/find?q=销售订单", headers=PART).content.decode()
    assert 'href="/sales/orders"' in text
    assert "新建销售订单" in text
    text = everyone.get("/find?q=运行计划", headers=PART).content.decode()
    assert f'href="{PLAN}" hx-get="{PLAN}" hx-target="#dialog-body"' in text
    assert "运行计划</span>" in text
    assert 'name="plant"' in everyone.get(PLAN, headers=PART).content.decode()


@pytest.mark.parametrize("term", ["运行计划", "Plan"])
def test_find_gives_a_command_to_those_only_who_may(signed_in, term):
    planner = signed_in("planning.*.read", "planning.run.plan", login="planner")
    assert f'href="{PLAN}"' in planner.get(f"/find?q={term}", headers=PART).content.decode()
    reader = signed_in("planning.*.read", login="reader")
    found = reader.get(f"/find?q={term}", headers=PART)
    assert found.status_code == 200
    assert PLAN not in found.content.decode()
    assert reader.get(PLAN, headers=PART).status_code == 403


def test_home_says_what_is_to_do(everyone, orders):
    todo = everyone.get("/todo", headers=PART).content.decode()
    assert 'href="/sales/orders?state:in=draft"' in todo
    assert '<b class="task-count">3</b>' in todo


def test_pasted_names_become_records(everyone, world):
    part = world.part
    found = everyone.post("/options/items.item/resolve", {"names": ["MP-1", "没有"]}).json()["found"]
    assert found == {"MP-1": {"id": str(part.pk), "title": "MP-1 齿轮"}}


def test_only_carriers_are_offered_where_one_is_asked_for(everyone, world, orders):
    carrier, customer = world.carrier, world.customer
    vendor = world.party(code="SU-9", is_customer=False, is_supplier=True)
    asked = f"/sales/orders/do/ship?ids={orders[0].pk}"
    dialog = everyone.get(asked, headers=PART | {"HX-Target": "dialog-body"}).content.decode()
    assert f'value="{carrier.pk}"' in dialog
    assert f'value="{vendor.pk}"' not in dialog
    options = everyone.get("/options/parties.party?only=is_carrier&q=").json()["options"]
    assert [one["id"] for one in options] == [str(carrier.pk)]
    every = {one["id"] for one in everyone.get("/options/parties.party?q=").json()["options"]}
    assert {str(carrier.pk), str(customer.pk), str(vendor.pk)} <= every
    assert everyone.get("/options/parties.party?only=nothing").status_code == 422
    form = everyone.get("/sales/orders/new").content.decode()
    assert 'data-combo="parties.party" data-only="is_customer"' in form
