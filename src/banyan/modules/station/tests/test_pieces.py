"""What went in and what came out, as it was told at a station: reasons of bad pieces, lots nobody expected, serials."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone

from banyan.kernel.models import RoleGrant
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.modules.inventory.models import Genealogy, Lot
from banyan.modules.inventory.proofs import balances, genealogy
from banyan.modules.items.models import Item
from banyan.modules.production.models import Deviation, Material, MaterialDebt, Report, ReportFlag
from banyan.modules.production.proofs import deviations_are_kept
from banyan.modules.production.starts import complete as complete_start
from banyan.modules.station.models import KeptAct

pytestmark = pytest.mark.django_db


def flags() -> list[str]:
    return list(ReportFlag.objects.values_list("kind", flat=True))


def sound() -> bool:
    return not any(proof().faults for proof in (balances, genealogy, deviations_are_kept))


# --- bad pieces


def test_bad_pieces_of_one_report_bear_several_reasons_each_with_its_quantity(station, shop, first):
    make = shop.world.make
    scratch, size = (make("production.defect_reason", code=c, name=c, kind="both") for c in ("D1", "D2"))
    act = station.act("report", first.pk, ("good", 8), ("scrap", 5))
    told = [{"reason": str(scratch.pk), "quantity": "3"}, {"reason": str(size.pk), "quantity": "2"}]
    act["parts"][1]["defects"] = told
    assert station.states(act) == ["done"]
    row = Report.objects.get(kind="scrap")
    found = [(one["reason"], D(str(one["quantity"]))) for one in row.defects]
    assert found == [(str(scratch.pk), 3), (str(size.pk), 2)]


# --- material


def used(station, first, lot, quantity="2", **more):
    return station.good(first.pk, 4, lots=[{"lot": str(lot), "quantity": quantity}], **more)


def test_a_lot_of_a_part_that_the_order_does_not_list_is_booked_and_flagged(station, shop, first):
    world = shop.world
    odd = world.item(code="ODD-1", name="错料", tracking="lot", unit=world.steel.unit)
    lot = shop.lot(odd, "ODD-L1")
    shop.receive(odd, 50, "500", lot)
    act = used(station, first, lot.pk, output_lot="FG-9")
    assert station.states(act) == ["flagged"]
    assert station.states(act) == ["flagged"]
    assert flags() == ["lot"]
    assert not KeptAct.objects.exists()
    first.refresh_from_db()
    assert first.good_quantity == 4
    line = Material.objects.get(work_order=first.work_order_id, item=odd)
    assert (line.quantity, line.issued_quantity, line.debt_quantity) == (0, 2, 0)
    assert Deviation.objects.get().kind == "add_material"
    assert shop.on_hand(odd) == 48
    edge = Genealogy.objects.get(input_lot=lot)
    assert (edge.output_lot.number, edge.quantity) == ("FG-9", 2)
    assert sound()
    assert station.states(station.undo(act)) == ["done"]
    line.refresh_from_db()
    assert (line.issued_quantity, shop.on_hand(odd)) == (0, 50)
    assert sum(Genealogy.objects.filter(input_lot=lot).values_list("quantity", flat=True)) == 0
    assert sound()


def test_what_was_never_in_stock_is_owed_and_an_unknown_lot_is_only_flagged(station, shop, first):
    odd = shop.world.item(code="ODD-2", name="错料", tracking="lot", unit=shop.world.steel.unit)
    unknown = new_id()
    act = used(station, first, shop.lot(odd, "ODD-L2").pk)
    act["lots"].append({"lot": str(unknown), "quantity": "1"})
    assert station.states(act) == ["flagged"]
    assert flags() == ["lot"]
    assert [(one.item_id, one.quantity) for one in MaterialDebt.objects.all()] == [(odd.pk, 2)]
    kept = Report.objects.get().lots
    assert [one["is_strange"] for one in kept] == [True, True]
    assert station.states(station.undo(act)) == ["done"]
    assert sum(MaterialDebt.objects.values_list("quantity", flat=True)) == 0
    assert sound()


def test_a_lot_of_the_right_part_that_was_not_issued_here_moves_and_is_flagged(station, shop, first):
    shop.world.do("production.work_order.issue", first.work_order)
    other = shop.lot(shop.world.steel, "HEAT-2")
    shop.receive(shop.world.steel, 10, "50", other)
    assert station.states(used(station, first, shop.steel_lot.pk, output_lot="FG-1")) == ["done"]
    assert flags() == []
    act = used(station, first, other.pk, output_lot="FG-2")
    assert station.states(act) == ["flagged"]
    assert (flags(), shop.on_hand(shop.world.steel, other)) == (["lot"], 8)
    edge = Genealogy.objects.get(input_lot=other)
    assert (edge.output_lot.number, edge.quantity) == ("FG-2", 2)
    assert sound()
    assert station.states(station.undo(act)) == ["done"]
    assert shop.on_hand(shop.world.steel, other) == 10
    assert sum(Genealogy.objects.filter(input_lot=other).values_list("quantity", flat=True)) == 0
    assert sound()


def test_told_as_it_happens_a_wrong_lot_is_refused(shop, first):
    odd = shop.world.item(code="ODD-3", name="错料", tracking="lot", unit=shop.world.steel.unit)
    lots = [{"lot": shop.lot(odd, "ODD-L3").pk, "quantity": "1"}]
    with pytest.raises(Invalid):
        shop.report(first.work_order, 10, "good", 2, lots=lots)
    assert not Report.objects.exists()


# --- serial numbers


@pytest.fixture
def last(shop):
    Item.objects.filter(pk=shop.world.product.pk).update(tracking="serial")
    order = shop.released(quantity="10")
    for sequence in (10, 20):
        shop.report(order, sequence, "good", 10)
    return shop.operation(order, 30)


def pieces(station, last, *numbers, **more):
    act = station.act("report", last.pk, *[("good", 1)] * len(numbers), **more)
    for part, number in zip(act["parts"], numbers, strict=True):
        part["output_lot"] = number
    return act


def test_each_finished_piece_gets_its_serial_number_and_what_went_into_it(station, shop, last):
    number = last.work_order.number
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(last.pk))
    assert (task["tracking"], task["serials"], task["is_last"]) == ("serial", 0, True)
    shop.world.do("production.work_order.issue", last.work_order)
    act = pieces(station, last, f"{number}-001", f"{number}-002")
    for part in act["parts"]:
        part["lots"] = [{"lot": str(shop.steel_lot.pk), "quantity": "0.5"}]
    assert station.states(act) == ["done"]
    assert station.states(act) == ["done"]
    last.refresh_from_db()
    assert last.good_quantity == 2
    edges = Genealogy.objects.filter(output_lot__isnull=False).order_by("output_lot__number")
    assert [(one.output_lot.number, one.quantity) for one in edges] == [
        (f"{number}-001", D("0.5")), (f"{number}-002", D("0.5"))
    ]  # fmt: skip
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(last.pk))
    assert task["serials"] == 2
    role = RoleGrant.objects.first().role
    RoleGrant.objects.create(role=role, permission="inventory.lot.read", reach="plant")
    sheet = station.client.get(
        "/station/api/label", {"operation": str(last.pk), "lot": [f"{number}-001", f"{number}-002"]},
        headers={"Authorization": f"Station {station.ticket}"},
    )  # fmt: skip
    assert (sheet.status_code, sheet.content[:5]) == (200, b"%PDF-")
    assert station.states(station.undo(act)) == ["done"]
    last.refresh_from_db()
    assert last.good_quantity == 0
    assert sound()


def test_the_serials_reported_are_proposed_where_the_goods_are_received(station, shop, last):
    number = last.work_order.number
    assert station.states(pieces(station, last, "SN-1", f"{number}-002"), station.good(last.pk, 2)) == ["done"] * 2
    lines = complete_start(shop.ctx, [last.work_order_id])["lines"]
    assert [one["lot"] for one in lines] == ["SN-1", f"{number}-002", f"{number}-001", f"{number}-003"]
    shop.world.do("production.work_order.complete", last.work_order, lines=lines)
    assert set(Lot.objects.filter(item=shop.world.product).values_list("number", flat=True)) == {
        one["lot"] for one in lines
    }
    assert shop.on_hand(shop.world.product) == 4


def test_a_serial_number_used_twice_is_booked_and_flagged_or_refused_as_it_happens(station, shop, last):
    assert station.states(pieces(station, last, "SN-1")) == ["done"]
    assert station.states(pieces(station, last, "SN-1", "SN-2", "SN-2")) == ["flagged"]
    assert flags() == ["serial", "serial"]
    with pytest.raises(Invalid):
        shop.report(last.work_order, 30, "good", 1, output_lot="SN-1")
    with pytest.raises(Invalid):
        shop.report(last.work_order, 30, "good", 2, output_lot="SN-9")
    undone = pieces(station, last, "SN-7")
    assert station.states(undone, station.undo(undone)) == ["done", "done"]
    assert station.states(pieces(station, last, "SN-7")) == ["done"]


def test_the_clock_of_one_go_counts_once_however_many_pieces_it_has(station, last):
    at = timezone.now() - timedelta(hours=2)
    assert station.states(station.act("start", last.pk, ("start", 0), at=at)) == ["done"]
    act = pieces(station, last, "SN-1", "SN-2", "SN-3", at=at + timedelta(minutes=30))
    assert station.states(act) == ["done"]
    minutes = Report.objects.filter(kind="good", operation=last).values_list("labour_minutes", flat=True)
    assert sorted(minutes) == [0, 0, 30]
