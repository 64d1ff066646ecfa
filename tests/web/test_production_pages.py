"""The page of an order in three views, and that of the temporary card: seen, used, refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from banyan.modules.production.models import Operation, WorkOrder
from src.banyan.modules.production.tests.conftest import Shop
from src.banyan.modules.production.tests.test_running import newer

pytestmark = pytest.mark.django_db
CARD = "/production/card"
FORM = {"_key": "k-1", "part_name": "支架", "quantity": "3", "more": "去毛刺，清洗"}


@pytest.fixture
def shop(world):
    return Shop(world)


def test_a_card_is_made_from_the_page_once(everyone, shop):
    assert shop.recipe
    form = FORM | {"plant": shop.world.plant.pk, "step": [f"车削|{shop.world.turning.pk}"]}
    assert "车削" in everyone.get(CARD).content.decode()
    for _ in range(2):
        answer = everyone.post(CARD, form, headers={"HX-Request": "true"})
        assert answer.status_code == 204, answer.content.decode()
    card = WorkOrder.objects.get()
    assert (card.kind, card.part_name, card.quantity) == ("temporary", "支架", 3)
    names = Operation.objects.filter(work_order=card).order_by("sequence").values_list("name", flat=True)
    assert list(names) == ["车削", "去毛刺", "清洗"]


def test_operations_stand_in_the_order_of_the_taps_and_one_typed_names_its_work_centre(everyone, shop):
    assert shop.recipe
    world = shop.world
    steps = [f"车削|{world.turning.pk}", f"铣削|{world.milling.pk}", f"去毛刺|{world.turning.pk}"]
    form = FORM | {
        "plant": world.plant.pk, "step": steps, "taps": "\n".join([steps[2], steps[1], steps[0]]), "more": "清洗",
        "more_centre": world.milling.pk,
    }  # fmt: skip
    assert everyone.post(CARD, form, headers={"HX-Request": "true"}).status_code == 204
    found = Operation.objects.order_by("sequence").values_list("name", "work_centre_id")
    assert list(found) == [
        ("去毛刺", world.turning.pk), ("铣削", world.milling.pk), ("车削", world.turning.pk), ("清洗", world.milling.pk)
    ]  # fmt: skip


def test_a_work_centre_of_another_plant_is_refused(everyone, shop):
    assert shop.recipe
    world = shop.world
    calendar = world.plant.calendar_id
    plant = world.make("company.plant", code="P-9", name="二厂", company=world.company, calendar=calendar)
    other = shop.world.make("equipment.work_centre", code="WC-9", name="别处", plant=plant)
    form = FORM | {"plant": shop.world.plant.pk, "more_centre": other.pk}
    assert everyone.post(CARD, form, headers={"HX-Request": "true"}).status_code == 422
    assert not WorkOrder.objects.exists()


@pytest.mark.parametrize("wrong", [{"part_name": ""}, {"quantity": "0"}, {"quantity": "x"}, {"item": "nonsense"},
                                   {"people": "nonsense"}, {"step": "车削|nonsense"}])  # fmt: skip
def test_a_wrong_card_is_refused_in_words(everyone, shop, wrong):
    assert shop.world.plant
    answer = everyone.post(CARD, FORM | wrong, headers={"HX-Request": "true"})
    assert answer.status_code in (400, 422)
    assert not WorkOrder.objects.exists()


def test_who_may_not_sees_neither_page(signed_in, shop):
    order = shop.released()
    client = signed_in("items.*")
    assert client.get(CARD).status_code == 403
    assert client.post(CARD, FORM).status_code == 403
    assert client.get(f"/production/work_orders/{order.pk}/views").status_code in (403, 404)


def test_the_three_views_take_few_statements_and_link_from_the_order(
    everyone, shop, django_assert_max_num_queries
):
    order = shop.released()
    path = f"/production/work_orders/{order.pk}"
    assert f"{path}/views" in everyone.get(path).content.decode()
    with django_assert_max_num_queries(30):
        page = everyone.get(f"{path}/views?revision=1").content.decode()
    assert "as designed" in page.lower() or "设计" in page
    assert everyone.get(f"{path}/views?revision=1&on=nonsense").status_code == 422


def test_a_newer_revision_is_shown_line_by_line_and_accepted_from_the_page(everyone, shop, ctx):
    shop.ctx = shop.world.ctx = ctx.with_(now=timezone.now() - timedelta(days=1))
    order = shop.released()
    path = f"/production/work_orders/{order.pk}"
    assert "工单已是当日生效的版本" in everyone.get(f"{path}/views?revision=1").content.decode()
    _, seal, bom, routing = newer(shop)
    text = everyone.get(f"{path}/views?revision=1").content.decode().split('id="revision"')[1].split("</section>")[0]
    lines = [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row)) for row in text.split("<tr>")[2:]]
    assert len(lines) == 7
    for change, name, *figures in (
        ("增加", seal.code), ("修改", "BP-1", "400", "300"), ("删除", "RM-1"), ("增加", "25"), ("删除", "20"),
    ):  # fmt: skip
        (line,) = [one for one in lines if one.startswith(f" {change} {name} ")]
        assert all(figure in line for figure in figures), line
    form = dict(re.findall(r'name="(_key|ids|on|accepted|_from)" value="([^"]+)"', text))
    assert form["on"] in everyone.get(f"{path}/views?revision=1").content.decode().split("</h2>")[0]
    do, part = "/production/work_orders/do/change_revision", {"HX-Request": "true"}
    assert everyone.post(do, form | {"reason": ""}, headers=part).status_code == 422
    stale = form | {"accepted": "0" * len(form["accepted"]), "reason": "ECN-7"}
    assert everyone.post(do, stale, headers=part).status_code == 409
    order.refresh_from_db()
    assert order.bom_id != bom.pk
    answer = everyone.post(do, form | {"_key": "k-2", "reason": "ECN-7"}, headers=part)
    assert answer.status_code in (200, 204), answer.content.decode()
    order.refresh_from_db()
    assert (order.bom_id, order.routing_id) == (bom.pk, routing.pk)
    assert "ECN-7" in everyone.get(f"{path}/views").content.decode()


def test_operations_are_told_by_number_and_name_and_several_are_ticked(everyone, shop):
    order = shop.released()
    dialog, path = {"HX-Request": "true", "HX-Target": "dialog-body"}, "/production/work_orders/do"
    steps = Operation.objects.filter(work_order=order)
    skip = everyone.get(f"{path}/skip_operation?ids={order.pk}", headers=dialog).content.decode()
    assert [f">{one.sequence} {one.name}</option>" in skip for one in steps] == [True] * 3
    add = everyone.get(f"{path}/add_operation?ids={order.pk}", headers=dialog).content.decode()
    assert [f'name="after" value="{number}"' in add for number in (10, 20, 30)] == [True] * 3
    assert 'value="40"' in add
    form = {"ids": order.pk, "sequence": "40", "name": "去毛刺", "after": ["10", "20"], "after.shown": "1",
            "setup_minutes": "0", "run_minutes": "1", "reason": "毛刺多", "_key": "k-2"}  # fmt: skip
    answer = everyone.post(f"{path}/add_operation", form, headers={"HX-Request": "true"})
    assert answer.status_code == 204, answer.content.decode()
    made = steps.get(sequence=40)
    assert (made.predecessors, steps.get(sequence=30).predecessors) == ("10;20", "40")
