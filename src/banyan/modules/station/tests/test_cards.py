"""A temporary card at a station: whatever is scanned is material as used; elsewhere the wrong part stays wrong."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from PIL import Image

from banyan.kernel import files
from banyan.kernel.models import Attachment, RoleGrant
from banyan.kernel.proofs import run
from banyan.lib.ids import new_id
from banyan.modules.inventory.models import Lot, Move
from banyan.modules.production.errors import MaterialShort, OpenDebts
from banyan.modules.production.models import Material, MaterialDebt, MaterialIssue, Operation, WorkOrder
from banyan.modules.station.models import KeptAct
from banyan.ops.roles import ROLES
from banyan.web import codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(shop):
    """Give the only operation of a card on a part without an item."""
    shop.world.do("production.work_order.make_card", part_name="支架", quantity="5", plant=shop.world.plant.pk)
    return Operation.objects.get(work_order__kind="temporary")


@pytest.fixture
def worker():
    """Let the person at the station do just what a worker may."""
    held = RoleGrant.objects.filter(role__code="floor")
    role = held.first().role
    held.delete()
    granted = dict(next(one for one in ROLES if one.code == "worker").grants)
    RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in granted.items())
    return role


def use(operation, code: str, quantity: str) -> dict:
    return {
        "id": str(new_id()), "seq": 1, "kind": "use", "at": timezone.now().isoformat(), "said": "用料",
        "operation": str(operation.pk), "code": code, "quantity": quantity, "photos": [],
    }  # fmt: skip


def used(operation) -> dict[str, D]:
    rows = Material.objects.filter(work_order=operation.work_order_id)
    return {m.item.code: m.issued_quantity for m in rows.select_related("item")}


def red() -> set[str]:
    """Give the proofs that fail."""
    return {one.proof.key for one in run() if not one.is_green}


def test_a_worker_books_lots_and_items_that_no_list_names(station, shop, card, worker):
    lot = use(card, codes.make("inventory.lot", shop.steel_lot.pk), "2.5")
    screws = use(card, shop.world.screw.code, "8")
    assert station.states(lot, screws, lot) == ["done", "done", "done"]
    assert station.states(lot) == ["done"]
    assert used(card) == {shop.world.steel.code: D("2.5"), shop.world.screw.code: 8}
    assert {str(key) for key in MaterialIssue.objects.values_list("pk", flat=True)} == {lot["id"], screws["id"]}
    assert Move.objects.filter(origin=card.work_order_id, lot=shop.steel_lot).count() == 1
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(card.pk))
    assert task["temporary"] is True
    assert [one["item"] for one in task["materials"]] == [shop.world.steel.code, shop.world.screw.code]
    assert station.day().json()["person"]["may_use"] is True


def test_it_goes_to_the_operation_at_which_it_was_used(station, shop, worker):
    steps = [{"name": "下料"}, {"name": "钻孔"}]
    shop.world.do("production.work_order.make_card", part_name="板", operations=steps, plant=shop.world.plant.pk)
    second = Operation.objects.get(name="钻孔")
    assert station.states(use(second, shop.world.screw.code, "4")) == ["done"]
    assert Material.objects.get(work_order=second.work_order_id).operation == second.sequence


def test_it_comes_from_the_line_side_where_it_lies_there(station, shop, worker):
    world = shop.world
    line = world.make("inventory.location", code="LINE", name="车削线边", kind="line_side", plant=world.plant)
    world.change(world.turning, line_side=line)
    shop.receive(world.screw, 10, "1", target=line.pk)
    steps = [{"name": "车削", "work_centre": world.turning.pk}]
    world.do("production.work_order.make_card", part_name="轴", operations=steps, plant=world.plant.pk)
    turning = Operation.objects.get(work_order__kind="temporary")
    assert station.states(use(turning, world.screw.code, "8"), {**use(turning, world.screw.code, "5"), "seq": 2}) == [
        "done", "done"
    ]  # fmt: skip
    moves = Move.objects.filter(origin=turning.work_order_id).order_by("quantity")
    assert [(m.quantity, m.source_id == line.pk) for m in moves] == [(5, False), (8, True)]


def test_on_another_order_what_is_not_listed_stays_refused(station, shop, first, worker):
    act = use(first, shop.world.screw.code, "8")
    before = used(first)
    assert station.states(act) == ["kept"]
    assert KeptAct.objects.get().code == "production.not_temporary"
    assert used(first) == before
    assert not MaterialIssue.objects.exists()
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(first.pk))
    assert "temporary" not in task


def test_who_may_not_use_material_has_it_kept_for_the_leader(station, shop, card, worker):
    RoleGrant.objects.filter(role=worker, permission="production.work_order.use_material").delete()
    assert station.day().json()["person"]["may_use"] is False
    act = use(card, shop.world.screw.code, "8")
    assert station.states(act) == ["kept"]
    assert used(card) == {}
    shop.world.do("station.kept_act.book", KeptAct.objects.get())
    assert used(card) == {shop.world.screw.code: 8}


def test_what_nobody_knows_waits_for_the_leader(station, shop, card, worker):
    acts = use(card, "没有的", "1"), use(card, shop.world.screw.code, "-1")
    assert station.states(*acts) == ["kept", "kept"]
    found = {str(kept.pk): kept.code for kept in KeptAct.objects.all()}
    assert [found[act["id"]] for act in acts] == ["station.material_unknown", "invalid"]
    assert used(card) == {}


@pytest.mark.parametrize("ago", [timedelta(hours=1), timedelta(0)], ids=["before the hold", "after it"])
def test_a_lot_on_hold_by_now_is_booked_and_what_came_of_it_held(station, shop, worker, ago):
    world, steel = shop.world, shop.steel_lot
    world.do("production.work_order.make_card", item=world.product.pk, quantity="5", plant=world.plant.pk)
    card = Operation.objects.get(work_order__kind="temporary")
    assert station.states(station.good(card.pk, 5, output_lot="FG-9")) == ["done"]
    world.do("production.work_order.complete", card.work_order)
    world.do("inventory.lot.hold", steel, reason="炉号待查")
    act = {**use(card, steel.number, "2"), "at": (timezone.now() - ago).isoformat()}
    station.key = new_id()
    assert station.states(act) == ["flagged"]
    assert used(card) == {world.steel.code: 2}
    made = Lot.objects.get(number="FG-9")
    assert (made.state, "炉号待查" in made.reason) == ("held", True)
    assert Move.objects.get(lot=steel, origin=card.work_order_id).flag == "held_lot"
    assert station.states(act) == ["flagged"]
    assert MaterialIssue.objects.count() == 1
    kept = KeptAct.objects.get()
    assert (kept.code, kept.operation_id, kept.fault_en) == (
        "station.booked_flagged", card.pk, "Booked, to be looked at: held lot used; what came of it is held too"
    )  # fmt: skip
    line = {"item": world.steel.pk, "quantity": "1", "lot": steel.pk}
    with pytest.raises(MaterialShort):  # what has not happened yet stays refused
        world.do("production.work_order.use_material", card.work_order, lines=[line])
    world.do("station.kept_act.book", kept)
    assert (kept.state, used(card), MaterialIssue.objects.count()) == ("booked", {world.steel.code: 2}, 1)
    assert station.states(act) == ["done"]
    assert red() <= {"inventory.references"}  # goods of the fixture come from no paper


def test_what_was_not_used_after_all_is_taken_back_and_owed_no_more(station, shop, card, worker):
    world = shop.world
    there = shop.on_hand(world.screw)
    part, none = use(card, world.screw.code, f"{there + 3}"), use(card, world.item(code="NEW-1").code, "4")
    none["seq"] = 2
    assert station.states(part, none) == ["flagged", "flagged"]
    assert station.states(part, none) == ["flagged", "flagged"]
    rows = {m.item.code: (m.issued_quantity, m.debt_quantity) for m in Material.objects.select_related("item")}
    assert rows == {world.screw.code: (there, 3), "NEW-1": (0, 4)}
    assert {str(key) for key in MaterialDebt.objects.values_list("pk", flat=True)} == {part["id"], none["id"]}
    with pytest.raises(OpenDebts):
        world.do("production.work_order.finish_card", card.work_order)
    for kept in KeptAct.objects.all():
        assert "more than the books had" in kept.fault_en
        world.do("station.kept_act.dismiss", kept, answer="误操作")
    assert set(Material.objects.values_list("issued_quantity", "debt_quantity")) == {(0, 0)}
    assert (shop.on_hand(world.screw), MaterialIssue.objects.get().state) == (there, "reversed")
    assert red() <= {"inventory.references"}  # goods of the fixture come from no paper


@pytest.mark.plants("station.kept_acts")
def test_a_use_that_is_said_to_be_booked_and_is_not_is_found(station, card, worker):
    assert station.states(use(card, "没有的", "1")) == ["kept"]
    assert run(["station.kept_acts"])[0].is_green
    KeptAct.objects.update(state="booked")
    assert not run(["station.kept_acts"])[0].is_green


def test_who_told_it_cannot_withdraw_what_is_booked(station, shop, card, worker):
    act = use(card, shop.world.screw.code, f"{shop.on_hand(shop.world.screw) + 1}")
    assert station.states(act) == ["flagged"]
    undo = {**station.act("undo", None, ("undo", 0)), "seq": 2}
    undo["parts"][0]["reverses"] = act["id"]
    station.states(undo)
    assert KeptAct.objects.get(pk=act["id"]).state == "open"


def test_an_expired_lot_is_told_and_booked_with_a_flag(station, shop, card, worker):
    yesterday = timezone.now().date() - timedelta(days=2)
    Lot.objects.filter(pk=shop.steel_lot.pk).update(expires_on=yesterday, made_on=None)
    found = station.client.get(
        "/station/api/material", {"code": "HEAT-1"}, headers={"Authorization": f"Station {station.ticket}"}
    )
    assert found.json()["expires"] == yesterday.isoformat()
    late = use(card, "HEAT-1", "2")
    before = {**use(card, "HEAT-1", "3"), "at": (timezone.now() - timedelta(days=4)).isoformat()}
    assert station.states(late) == ["flagged"]
    assert KeptAct.objects.get().fault_en == "Booked, to be looked at: expired lot used"
    station.key = new_id()
    assert station.states(before) == ["done"]
    assert used(card) == {shop.world.steel.code: 5}


def test_a_key_of_one_card_is_no_key_of_another(station, shop, card, worker):
    act = use(card, shop.world.screw.code, "8")
    assert station.states(act) == ["done"]
    shop.world.do("production.work_order.make_card", part_name="别的", plant=shop.world.plant.pk)
    other = Operation.objects.exclude(pk=card.pk).get(work_order__kind="temporary")
    assert station.states({**act, "operation": str(other.pk)}) == ["kept"]
    assert KeptAct.objects.get().code == "production.report_key_reused"
    assert used(other) == {}


# --- its photo


def picture(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, kind)
    return out.getvalue()


def get(station, path: str):
    return station.client.get(f"/station/api/{path}", headers={"Authorization": f"Station {station.ticket}"})


@pytest.fixture
def photo(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return files.store("part.jpg", [picture()])


def test_the_photo_of_the_part_is_on_the_task(station, shop, photo, worker):
    drawn = files.store("item.png", [picture("PNG")])
    shop.world.do("items.item.attach", shop.world.product, digest=drawn.digest, name="FG-1.png")
    shop.world.do(
        "production.work_order.make_card", item=shop.world.product.pk, photo=photo.digest, plant=shop.world.plant.pk
    )
    shop.world.do("production.work_order.make_card", part_name="支架", photo=photo.digest, plant=shop.world.plant.pk)
    shown = {one["item_name"]: one["drawings"] for one in station.day().json()["tasks"]}
    (part,) = shown["支架"]
    assert (part["name"], part["type"], part["small"]) == ("支架.jpg", "image/jpeg", True)
    assert [one["name"] for one in shown[shop.world.product.name]][1:] == ["FG-1.png"]
    whole, small = get(station, f"drawing/{part['id']}"), get(station, f"drawing/{part['id']}/small")
    assert (whole.content, small["Content-Type"]) == (picture(), "image/jpeg")


def test_papers_of_an_order_and_pictures_elsewhere_are_not_shown(station, shop, first, photo, worker):
    paper = files.store("offer.pdf", [b"%PDF-1.4\n%%EOF"])
    shop.world.do("production.work_order.attach", first.work_order, digest=paper.digest, name="offer.pdf")
    shop.world.do("production.work_order.attach", first.work_order, digest=photo.digest, name="part.jpg")
    shop.world.do("inventory.lot.attach", shop.steel_lot, digest=photo.digest, name="lot.jpg")
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(first.pk))
    assert [one["name"] for one in task["drawings"]] == ["part.jpg"]
    for name, status in (("part.jpg", 200), ("offer.pdf", 404), ("lot.jpg", 404)):
        assert get(station, f"drawing/{Attachment.objects.get(name=name).pk}").status_code == status, name
    plant = shop.world.plant
    other = shop.world.make("company.plant", code="P-9", name="别厂", company=plant.company, calendar=plant.calendar)
    WorkOrder.objects.filter(pk=first.work_order_id).update(plant=other)
    assert get(station, f"drawing/{Attachment.objects.get(name='part.jpg').pk}").status_code == 404
