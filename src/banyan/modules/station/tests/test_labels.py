"""What labels stand for on a device without a network: orders at work are known there, others are told by number."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from banyan.lib.ids import new_id
from banyan.modules.production.models import Operation, Report, WorkOrder
from banyan.modules.station import finding, together
from banyan.modules.station.acts import Batch
from banyan.modules.station.badges import opened
from banyan.modules.station.models import KeptAct

pytestmark = pytest.mark.django_db


def orders(station, **headers: str):
    return station.client.get(
        "/station/api/orders", headers={"Authorization": f"Station {station.ticket}", **headers}
    )  # fmt: skip


def numbers(station) -> list[str]:
    return [one["number"] for one in orders(station).json()["orders"]]


def test_a_device_knows_what_the_labels_of_orders_at_work_stand_for(station, shop, first):
    order = first.work_order
    answer = orders(station)
    (told,) = answer.json()["orders"]
    steps = told.pop("operations")
    assert told == {
        "id": str(order.pk), "number": order.number, "item": "FG-1", "item_name": "减速机", "unit": "件",
        "unit_en": "piece",
    }  # fmt: skip
    assert steps[0] == {"id": str(first.pk), "sequence": 10, "name": "车削", "quantity": "100", "places": 0}
    assert [one["sequence"] for one in steps] == [10, 20, 30]
    assert orders(station, **{"If-None-Match": answer["ETag"]}).status_code == 304
    assert station.client.get("/station/api/orders").status_code == 401
    # what is done is no longer told, and neither is an order that is not at work
    shop.through(order, 100, (10,))
    shop.order()
    (left,) = orders(station, **{"If-None-Match": answer["ETag"]}).json()["orders"]
    assert [one["sequence"] for one in left["operations"]] == [20, 30]
    shop.through(order, 100, (20, 30))
    assert numbers(station) == []


def test_only_orders_of_the_plant_are_told_and_those_due_first(station, shop, first, monkeypatch):
    sooner, other = shop.released(due_on="2026-03-01"), shop.released()
    WorkOrder.objects.filter(pk=other.pk).update(plant=shop.world.second_plant)
    assert numbers(station) == [sooner.number, first.work_order.number]
    monkeypatch.setattr(finding, "MOST_ORDERS", 1)
    assert numbers(station) == [sooner.number]


def test_many_orders_are_told_by_one_statement(station, shop, first, django_assert_num_queries):
    with CaptureQueriesContext(connection) as few:
        orders(station)
    for _ in range(4):
        shop.released()
    with django_assert_num_queries(len(few)):
        assert len(numbers(station)) == 5


def by_number(station, quantity: int, **named):
    return station.act("report", None, ("good", quantity), named=named, said=f"{named} 合格 {quantity}")


def test_what_was_told_by_number_is_booked_where_it_belongs_and_once(station, shop, first):
    order = first.work_order
    second = shop.operation(order, 20)
    acts = [
        by_number(station, 5, order=str(order.pk), sequence=10),
        by_number(station, 3, number=order.number, sequence=20),
        by_number(station, 1, number=order.number.lower(), sequence=10),
    ]
    assert station.states(*acts) == ["done", "done", "done"]
    assert station.states(*reversed(acts)) == ["done", "done", "done"]
    rows = Report.objects.order_by("device_at").values_list("operation_id", "quantity")
    assert [(key, int(quantity)) for key, quantity in rows] == [(first.pk, 5), (second.pk, 3), (first.pk, 1)]
    assert station.states(station.undo(acts[1])) == ["done"]
    second.refresh_from_db()
    assert second.good_quantity == 0


@pytest.mark.parametrize("wrong", ["sequence", "number", "nothing", "plant"])
def test_a_number_that_fits_no_order_here_is_kept_for_the_leader_who_says_where(station, shop, first, wrong):
    order = first.work_order
    if wrong == "plant":
        order = shop.released()
        WorkOrder.objects.filter(pk=order.pk).update(plant=shop.world.second_plant)
        Operation.objects.filter(work_order=order).update(plant=shop.world.second_plant)
    named = {
        "sequence": {"order": str(order.pk), "sequence": 99}, "number": {"number": "WO-NONE", "sequence": 10},
        "nothing": {"sequence": 10}, "plant": {"number": order.number, "sequence": 10},
    }[wrong]  # fmt: skip
    act = by_number(station, 4, **named)
    after = station.good(first.pk, 2)
    assert station.states(act, after) == ["kept", "done"]
    assert station.states(act) == ["kept"]
    kept = KeptAct.objects.get()
    assert (kept.code, kept.operation_id, kept.plant_id) == (
        "station.operation_not_there", None, shop.world.plant.pk
    )  # fmt: skip
    assert Report.objects.count() == 1
    shop.world.do("station.kept_act.book", kept, operation=first.pk)
    assert Report.objects.get(pk=act["id"]).operation_id == first.pk
    assert station.states(act) == ["done"]


def test_a_leader_books_by_the_number_itself_once_the_order_is_there(station, shop, first):
    order = shop.order()
    act = by_number(station, 4, order=str(order.pk), sequence=10)
    assert station.states(act) == ["kept"]
    shop.world.do("production.work_order.release", order, check_kit=False)
    shop.world.do("station.kept_act.book", KeptAct.objects.get())
    assert Report.objects.get().operation_id == shop.operation(order, 10).pk


def test_an_empty_number_means_no_order_that_has_none_yet(station, shop, first):
    draft = shop.order()
    WorkOrder.objects.filter(pk=draft.pk).update(number="")
    assert station.states(by_number(station, 4, number="", sequence=10)) == ["kept"]


def test_what_is_told_by_number_goes_its_own_way(station, first):
    def letter(*acts: dict):
        given = {"device": str(new_id()), "sent_at": timezone.now().isoformat(), "acts": list(acts)}
        return together.letter_of(opened(station.ticket), Batch(**given), "zh")

    assert letter(station.good(first.pk, 1)) is not None
    assert letter(station.good(first.pk, 1), by_number(station, 1, number="WO", sequence=10)) is None
