"""What a warehouse's phone sends: later and once, or now with the balances of the moment, or not at all."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from banyan.kernel.models import Role, User, UserRole
from banyan.kernel.proofs import run
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.modules.handheld.models import Borrow, OtherLot
from banyan.modules.handheld.tests.conftest import Phone
from banyan.modules.inventory.models import Allocation, Balance, Count, CountLine, Lot, Move, StockDocument
from banyan.modules.inventory.proofs import allocated, balances, supply, values
from banyan.modules.production.models import MaterialIssue
from banyan.modules.purchasing.models import Order, Receipt
from banyan.modules.sales.models import Shipment
from banyan.modules.sales.proofs import kept_stock, moves, shipped
from banyan.modules.station.models import KeptAct
from banyan.web import codes
from banyan.web.printing.labels import SIZES, size_of
from tests.plugins.papers import boxes

pytestmark = pytest.mark.django_db


@pytest.fixture
def bins(shop) -> list:
    """Give three bins of the warehouse, made in no order."""
    return [
        shop.world.make("inventory.location", code=f"A-{n}", name=f"货位{n}", kind="bin", plant=shop.world.plant)
        for n in (10, 9, 2)
    ]


@pytest.fixture
def bought(shop):
    """Give an order for bought parts that is placed."""
    lines = [{"item": shop.world.screw, "quantity": "500", "price": "0.1"}]
    lines.append({"item": shop.world.steel, "quantity": "20", "price": "5"})
    made = shop.world.make("purchasing.order", party=shop.world.supplier, plant=shop.world.plant, lines=lines)
    shop.world.do("purchasing.order.order", made)
    return made


def there(item, location) -> D:
    return sum((b.on_hand for b in Balance.objects.filter(item=item, location=location)), D(0))


def lay(shop, item, quantity, location, lot=None) -> None:
    shop.receive(item, quantity, "10", lot, location.pk)


# --- who


def test_the_warehouse_is_shown_to_those_who_work_in_one(shop, phone):
    assert phone.person["faces"] == ["warehouse"]
    user = User.objects.create(login="w", name="工人", plants=[shop.world.plant.pk])
    UserRole.objects.create(user=user, role=Role.objects.get(code="worker"))
    shop.world.change(shop.world.second_worker, user=user.pk)
    worker = Phone(shop, shop.world.make("station.badge", employee=shop.world.second_worker))
    assert worker.person["faces"] == ["work"]
    order = shop.released(quantity="10")
    assert worker.do("pick", work_order=order.pk).status_code == 403
    given = dict(lender=order.pk, borrower=order.pk, item=shop.world.part.pk, quantity=1)
    assert worker.do("borrow", **given).status_code == 403
    assert worker.get("day").status_code == 403
    assert Allocation.objects.count() == 0
    assert phone.client.get("/station/api/warehouse/day").status_code == 401


# --- later, and once


def test_goods_come_in_at_the_gate_and_are_put_away_later_once_each(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]
    assert (line["code"], line["open"]) == ("BP-1", "500")
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line["line"], "quantity": "300"}])
    assert phone.states(gate) == phone.states(gate) == ["done"]
    assert Receipt.objects.count() == 1
    arrived = phone.day()["gate"][0]
    found = arrived["lines"][0]
    assert (found["open"], found["why"]) == ("300", "item")
    judged = {"accepted": "290", "rejected": "10", "reason": "断牙", "location": str(bins[0].pk)}
    put = phone.told("store", receipt=arrived["id"], lines=[judged | {"receipt_line": found["line"]}])
    assert phone.states(put, gate) == ["done", "done"]
    assert phone.states(put) == ["done"]
    assert there(shop.world.screw, bins[0]) == 290
    assert phone.day()["gate"] == []
    assert KeptAct.objects.count() == 0


def test_what_has_come_is_put_away_before_its_arrival_is_synced(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "300"}])
    judged = {"order_line": line, "accepted": "120", "location": str(bins[0].pk)}
    put = phone.told("store", receipt=gate["id"], lines=[judged])
    assert phone.states(put, gate) == ["done", "done"]  # in the order in which they were done
    assert phone.states(put, gate) == ["done", "done"]
    assert str(Receipt.objects.get().pk) == gate["id"]
    assert there(shop.world.screw, bins[0]) == 120
    assert phone.day()["gate"][0]["lines"][0]["open"] == "180"
    strange = phone.told("store", receipt=gate["id"], lines=[judged | {"order_line": str(new_id())}])
    assert phone.states(strange) == ["kept"]


def test_what_is_told_later_is_dated_by_when_it_was_done_whatever_the_clock_says(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    now, ahead = timezone.now(), timedelta(hours=3)
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "300"}])
    judged = {"order_line": line, "accepted": "300", "location": str(bins[0].pk)}
    put = phone.told("store", receipt=gate["id"], lines=[judged])
    move = phone.told(
        "move", item=str(shop.world.screw.pk), quantity="40", source=str(bins[0].pk), target=str(bins[1].pk)
    )
    times = [now - timedelta(hours=hours) for hours in (30, 29, 6)]
    for act, at in zip((gate, put, move), times, strict=True):
        act["at"] = at + ahead
    assert phone.states(gate, put, move, ahead=ahead) == ["done"] * 3
    receipt = Receipt.objects.get()
    document = StockDocument.objects.get()
    found = [receipt.arrived_at, receipt.booked_at, document.moved_at]
    assert all(abs(one - at) < timedelta(seconds=30) for one, at in zip(found, times, strict=True))
    rows = Move.objects.filter(origin__in=[receipt.pk, document.pk]).order_by("posted_at", "pk")
    assert [(row.moved_at, row.flag) for row in rows] == [(at, "") for at in found]
    assert all(row.posted_at >= now for row in rows)
    assert receipt.arrived_on == times[0].astimezone(ZoneInfo("Asia/Shanghai")).date()
    bought.refresh_from_db()
    assert bought.lines.get(pk=line).arrived_on == receipt.arrived_on
    assert sound()


def test_no_clock_dates_what_is_told_in_the_future_nor_before_anybody_can_have_done_it(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    lay(shop, shop.world.part, 5, bins[0])
    to = dict(item=str(shop.world.part.pk), quantity="1", source=str(bins[0].pk), target=str(bins[1].pk))
    early, late = phone.told("move", **to), phone.told("move", **to)
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "3"}])
    early["at"], late["at"] = "1970-01-01T00:00:00Z", timezone.now() + timedelta(days=2)
    assert phone.states(early, late, gate) == ["done"] * 3
    first, second = StockDocument.objects.order_by("moved_at").values_list("moved_at", flat=True)
    assert timezone.now() - first < timedelta(days=63)
    assert second <= Receipt.objects.get().arrived_at <= timezone.now()
    judged = {"order_line": line, "accepted": "3", "location": str(bins[0].pk)}
    phone.key = new_id()  # another phone of hers
    put = phone.told("store", receipt=gate["id"], lines=[judged])
    put["at"] -= timedelta(hours=5)
    assert phone.states(put) == ["done"]
    receipt = Receipt.objects.get()
    assert receipt.booked_at == receipt.arrived_at


def counting(shop, phone, place, laid):
    """Begin the count of a bin where parts were laid five hours ago; give it."""
    before, shop.ctx = shop.ctx, shop.ctx.with_(now=timezone.now() - timedelta(hours=5))
    for bin_, quantity in laid.items():
        lay(shop, shop.world.part, quantity, bin_)
    shop.ctx = before
    task = shop.world.make("inventory.count", plant=shop.world.plant, location=place, tolerance_percent="5")
    assert phone.do("count_start", task.pk).status_code == 200
    return task


def test_a_move_is_not_taken_back_by_a_count_that_was_made_after_it(shop, phone, bins):
    task = counting(shop, phone, bins[1], {bins[0]: 50})
    part = str(shop.world.part.pk)
    move = phone.told("move", item=part, quantity="40", source=str(bins[0].pk), target=str(bins[1].pk))
    found = [{"item": part, "location": str(bins[1].pk), "quantity": "39"}]
    count = phone.told("count", count=str(task.pk), found=found)
    move["at"], count["at"] = (timezone.now() - timedelta(minutes=minutes) for minutes in (120, 90))
    assert phone.states(move, count) == ["done", "done"]
    assert CountLine.objects.get(count=task).expected == 40
    assert phone.do("count_post", task.pk).status_code == 200
    assert [there(shop.world.part, one) for one in bins[:2]] == [10, 39]
    assert sound()


def test_a_move_told_only_after_a_count_that_was_made_after_it_is_not_booked_twice(shop, phone, bins):
    task = counting(shop, phone, bins[1], {bins[0]: 50, bins[1]: 40})
    part = str(shop.world.part.pk)
    move = phone.told("move", item=part, quantity="1", source=str(bins[0].pk), target=str(bins[1].pk))
    later = phone.told("move", item=part, quantity="5", source=str(bins[1].pk), target=str(bins[2].pk))
    found = [{"item": part, "location": str(bins[1].pk), "quantity": "41"}]
    count = phone.told("count", count=str(task.pk), found=found)
    for act, minutes in ((move, 120), (count, 90), (later, 60)):
        act["at"] = timezone.now() - timedelta(minutes=minutes)
    assert phone.states(count) == ["done"]
    assert CountLine.objects.get(count=task).expected == 40
    phone.key = new_id()  # another phone, that had no network
    assert phone.states(move, later) == ["done", "done"]
    assert phone.do("count_post", task.pk).status_code == 200
    assert CountLine.objects.get(count=task).expected == 41
    assert [there(shop.world.part, one) for one in bins] == [49, 36, 5]
    assert sound()


def test_pieces_with_serial_numbers_are_put_away_before_their_arrival_is_synced(shop, phone, bins):
    world = shop.world
    motor = world.item(code="MO-1", name="电机", tracking="serial")
    lines = [{"item": motor, "quantity": "5", "price": "100"}]
    order = world.make("purchasing.order", party=world.supplier, plant=world.plant, lines=lines)
    world.do("purchasing.order.order", order)
    line = str(order.lines.get().pk)
    gate = phone.told("gate", order=str(order.pk), lines=[{"order_line": line, "quantity": "5"}])
    judged = {"order_line": line, "location": str(bins[0].pk)}
    first = phone.told("store", receipt=gate["id"], lines=[judged | {"accepted": "2"}])
    second = phone.told(
        "store", receipt=gate["id"],
        lines=[judged | {"accepted": "1", "rejected": "1", "reason": "碰伤", "location": str(bins[1].pk)}],
    )  # fmt: skip
    assert phone.states(gate, first, second) == ["done"] * 3
    assert phone.states(second, first, gate) == ["done"] * 3
    assert [there(motor, bin) for bin in bins] == [2, 1, 0]
    (left,) = phone.day()["gate"][0]["lines"]
    assert left["open"] == "1"
    changed = first | {"lines": [judged | {"accepted": "1"}]}
    assert phone.states(changed) == ["refused"]
    many = phone.told("store", receipt=gate["id"], lines=[judged | {"accepted": "2"}])
    assert phone.states(many) == ["kept"]
    assert sound()


def test_a_put_away_whose_arrival_is_kept_is_kept_too_and_booked_after_it(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "300"}])
    Order.objects.filter(pk=bought.pk).update(state="closed")
    judged = {"order_line": line, "accepted": "300", "location": str(bins[0].pk)}
    put = phone.told("store", receipt=gate["id"], lines=[judged])
    assert phone.states(gate, put) == ["kept", "kept"]
    stored = KeptAct.objects.get(pk=put["id"])
    assert stored.code == "handheld.arrival_not_booked"
    with pytest.raises(DomainError):
        shop.world.do("station.kept_act.book", stored)
    Order.objects.filter(pk=bought.pk).update(state="ordered")
    for key in (gate["id"], put["id"]):
        shop.world.do("station.kept_act.book", KeptAct.objects.get(pk=key))
    assert there(shop.world.screw, bins[0]) == 300
    assert abs(Receipt.objects.get().arrived_at - gate["at"]) < timedelta(seconds=10)  # when it came, not when booked
    assert phone.states(gate, put) == ["done", "done"]


def test_another_act_under_the_same_key_is_refused(shop, phone, bought):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "3"}])
    assert phone.states(gate) == ["done"]
    gate["lines"][0]["quantity"] = "4"
    assert phone.states(gate) == ["refused"]
    assert phone.day()["orders"][0]["lines"][0]["open"] == "497"


def test_what_cannot_be_booked_is_kept_and_stops_nothing(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    shop.world.do("purchasing.order.cancel", bought, reason="改单")
    lay(shop, shop.world.part, 5, bins[0])
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "3"}])
    torn = phone.told("count", found="三个")
    move = phone.told(
        "move", item=str(shop.world.part.pk), quantity="5", source=str(bins[0].pk), target=str(bins[1].pk)
    )
    assert phone.states(gate, torn, move) == ["kept", "kept", "done"]
    assert phone.states(gate, torn, move) == ["kept", "kept", "done"]
    assert there(shop.world.part, bins[1]) == 5
    kept = KeptAct.objects.get(pk=gate["id"])
    assert (kept.kind, kept.employee_id) == ("gate", shop.world.worker.pk)
    shop.world.do("station.kept_act.dismiss", kept, answer="退回供应商")
    assert kept.state == "dismissed"


def test_more_than_was_ordered_is_booked_as_it_came_and_put_before_a_leader(shop, phone, bought, bins):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "501"}])
    judged = {"order_line": line, "accepted": "501", "location": str(bins[0].pk)}
    put = phone.told("store", receipt=gate["id"], lines=[judged])
    assert [(one["state"], one["flags"]) for one in phone.sync(gate, put)] == [("flagged", ["over"]), ("done", [])]
    assert phone.states(gate, put) == ["flagged", "done"]
    assert there(shop.world.screw, bins[0]) == 501
    assert sound()
    bought.refresh_from_db()
    assert (bought.state, bought.lines.get(pk=line).received_quantity) == ("partly_received", 501)
    kept = KeptAct.objects.get()
    assert (kept.code, "多于订单" in kept.fault_zh) == ("station.booked_flagged", True)
    shop.world.do("station.kept_act.book", kept)
    assert (kept.state, kept.answer) == ("booked", "认可")
    assert there(shop.world.screw, bins[0]) == 501
    second = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "7"}])
    assert phone.states(second) == ["flagged"]
    kept = KeptAct.objects.get(pk=second["id"])
    shop.world.do("station.kept_act.dismiss", kept, answer="没有到货")
    assert Receipt.objects.get(pk=second["id"]).state == "reversed"
    assert bought.lines.get(pk=line).received_quantity == 501
    assert sound()
    with pytest.raises(DomainError):  # at the desk it is refused still
        shop.world.do("purchasing.order.receive", bought, lines=[{"order_line": line, "quantity": "1"}])


def test_a_kept_arrival_is_booked_when_the_order_takes_it(shop, phone, bought):
    line = phone.day()["orders"][0]["lines"][0]["line"]
    gate = phone.told("gate", order=str(bought.pk), lines=[{"order_line": line, "quantity": "300"}])
    Order.objects.filter(pk=bought.pk).update(state="closed")
    assert phone.states(gate) == ["kept"]
    Order.objects.filter(pk=bought.pk).update(state="ordered")
    kept = KeptAct.objects.get(pk=gate["id"])
    shop.world.do("station.kept_act.book", kept)
    assert (kept.state, kept.answer) == ("booked", "已入账")
    assert phone.states(gate) == ["done"]
    assert Receipt.objects.count() == 1


def test_a_count_is_blind_by_the_moment_and_asks_again_beyond_the_tolerance(shop, phone, bins):
    before, shop.ctx = shop.ctx, shop.ctx.with_(now=timezone.now() - timedelta(hours=2))
    lay(shop, shop.world.part, 50, bins[0])
    lay(shop, shop.world.screw, 40, bins[1])
    shop.ctx = before
    task = shop.world.make(
        "inventory.count", plant=shop.world.plant, location=shop.places.warehouse, tolerance_percent="1"
    )
    for one in bins:
        shop.world.change(one, parent=shop.places.warehouse)
    assert phone.do("count_start", task.pk).status_code == 200
    shown = phone.day()["counts"][0]
    assert "expected" not in str(shown)
    assert [line["bin"] for line in shown["lines"]][:2] == ["A-9", "A-10"]
    by_bin = {line["bin"]: line for line in shown["lines"]}

    def counted(name: str, quantity: str) -> dict:
        line = by_bin[name]
        found = {"item": line["item"], "location": line["location"], "quantity": quantity}
        return phone.told("count", count=str(task.pk), found=[found])

    first, second = counted("A-10", "50"), counted("A-9", "30")
    second["at"] = first["at"] = timezone.now() - timedelta(minutes=30)
    lay(shop, shop.world.part, 7, bins[0])
    answers = phone.sync(first, second)
    assert [one["state"] for one in answers] == ["done", "done"]
    assert ["复盘" in one["text"] for one in answers] == [False, True]
    line = CountLine.objects.get(count=task, location=bins[0])
    assert (line.counted, line.expected) == (50, 50)
    state = {one["bin"]: one["is"] for one in phone.day()["counts"][0]["lines"]}
    assert (state["A-10"], state["A-9"]) == ("done", "again")
    assert phone.do("count_post", task.pk).status_code == 409
    again = counted("A-9", "30")
    assert phone.states(again, second) == ["done", "done"]
    line = CountLine.objects.get(count=task, location=bins[1])
    assert (line.counted, line.recounted) == (30, 30)
    rest = [
        {"quantity": "0"} | {key: one[key] for key in ("item", "location", "lot") if one[key]}
        for one in phone.day()["counts"][0]["lines"]
        if one["is"] == "open"
    ]
    phone.sync(phone.told("count", count=str(task.pk), found=rest))
    phone.sync(phone.told("count", count=str(task.pk), found=rest))
    assert phone.do("count_post", task.pk).status_code == 200
    assert (there(shop.world.part, bins[0]), there(shop.world.screw, bins[1])) == (57, 30)
    assert Count.objects.get().state == "posted"


# --- now


def test_a_pick_walks_bins_in_order_by_the_lot_that_is_due_and_is_issued_once(shop, phone, bins):
    old, new = shop.lot(shop.world.steel, "OLD"), shop.lot(shop.world.steel, "NEW")
    shop.world.change(old, expires_on="2027-01-01")
    order = shop.released(quantity="100")
    lay(shop, shop.world.steel, 30, bins[0], new)
    lay(shop, shop.world.steel, 20, bins[2], old)
    Balance.objects.filter(lot=new).update(first_in_at=timezone.now())
    walk = phone.do("pick", work_order=order.pk).json()
    steps = walk["steps"]
    assert [s["bin"] for s in steps if s["bin"].startswith("A-")] == ["A-2"]
    assert next(s for s in steps if s["bin"] == "A-2")["lot_number"] == "OLD"
    assert {s["code"] for s in steps} == {"MP-1", "RM-1"}
    lines = [{key: s[key] for key in ("material", "quantity", "location", "lot") if s[key]} for s in steps]
    key = new_id()
    assert phone.do("issue", order.pk, key, lines=lines).json() == phone.do("issue", order.pk, key, lines=lines).json()
    assert MaterialIssue.objects.count() == 1
    assert Allocation.objects.count() == 0
    assert phone.do("issue", order.pk, lines=lines).status_code == 409
    back = phone.get(f"held?id={order.pk}").json()["lines"]
    assert {(one["code"], one["quantity"]) for one in back} >= {("MP-1", "200")}
    part = next(one for one in back if one["code"] == "MP-1")
    given = [{"material": part["material"], "quantity": "5", "location": str(bins[1].pk)}]
    assert phone.do("return", order.pk, lines=given).status_code == 200
    assert there(shop.world.part, bins[1]) == 5


def test_a_pick_list_follows_the_walking_order_of_the_bins(shop, phone, bins):
    order = shop.released(quantity="100")
    for item, bin in zip((shop.world.steel, shop.world.part, shop.world.screw), bins, strict=True):
        Balance.objects.filter(item=item).update(location=bin)

    def walked():
        steps = phone.do("pick", work_order=order.pk).json()["steps"]
        assert not any("aisle" in step for step in steps)
        return [step["bin"] for step in steps]

    assert walked() == sorted(walked(), key=lambda code: int(code.split("-")[1]))
    numbers = {"A-10": 1, "A-9": 2, "A-2": 2}
    for bin in bins:
        shop.world.change(bin, walk_order=numbers[bin.code])
    assert walked() == [code for code in ("A-10", "A-9", "A-2") if code in walked()]
    assert len(walked()) > 1


def test_of_two_pickers_on_the_last_lot_one_gets_it(shop, phone, keeper):
    shop.released(quantity="1")
    first, second = shop.released(quantity="140"), shop.released(quantity="140")
    got = [phone.do("pick", work_order=one.pk).json() for one in (first, second)]
    parts = [sum(D(s["quantity"]) for s in walk["steps"] if s["code"] == "MP-1") for walk in got]
    assert parts == [280, 18]
    missing = [next((m["missing"] for m in walk["missing"] if m["code"] == "MP-1"), "0") for walk in got]
    assert missing == ["0", "262"]
    step = next(s for s in got[0]["steps"] if s["code"] == "MP-1")
    theirs = shop.material(second, shop.world.part)
    stolen = [{"material": theirs.pk, "quantity": "280", "location": step["location"]}]
    refused = phone.do("issue", second.pk, lines=stolen)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.not_enough_stock")
    assert "way_out" in refused.json()


def test_a_held_lot_is_neither_fixed_nor_issued(shop, phone):
    order = shop.released(quantity="100")
    step = next(s for s in phone.do("pick", work_order=order.pk).json()["steps"] if s["lot"])
    shop.world.do("inventory.lot.hold", shop.steel_lot, reason="炉号待查")
    lines = [{"material": step["material"], "quantity": "1", "lot": step["lot"], "location": step["location"]}]
    refused = phone.do("issue", order.pk, lines=lines)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.lot_held")
    seen = phone.get(f"look?text={codes.make('inventory.lot', shop.steel_lot.pk)}").json()
    assert (seen["lies"][0]["lot_state"], seen["lies"][0]["free"]) == ("held", "0")
    walk = phone.do("pick", work_order=order.pk).json()
    assert [s for s in walk["steps"] if s["code"] == "RM-1"] == []
    assert [m["code"] for m in walk["missing"]] == ["RM-1"]


def test_a_shipment_is_prepared_walked_and_shipped_once(shop, phone, bins):
    world = shop.world
    lot = shop.lot(world.product, "FG-L1")
    lay(shop, world.product, 12, bins[1], lot)
    line = {"item": world.product, "quantity": "10", "price": "900", "tax_code": world.vat13}
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line])
    world.do("sales.order.confirm", order)
    assert [(one["kind"], one["number"]) for one in phone.day()["shipments"]] == [("order", order.number)]
    walk = phone.do("prepare", order.pk).json()
    assert [(s["bin"], s["lot_number"], s["quantity"]) for s in walk["steps"]] == [("A-9", "FG-L1", "10")]
    assert [one["kind"] for one in phone.day()["shipments"]] == ["shipment"]
    assert phone.get(f"shipment?id={walk['shipment']}").json()["steps"] == walk["steps"]
    key = new_id()
    assert [phone.do("ship", walk["shipment"], key).status_code for _ in range(2)] == [200, 200]
    assert Shipment.objects.get().state == "shipped"
    assert phone.do("ship", walk["shipment"]).status_code == 409


def test_what_lies_on_a_held_lot_is_not_shipped(shop, phone, bins):
    world, lot = shop.world, shop.lot(shop.world.product, "FG-L1")
    lay(shop, world.product, 12, bins[1], lot)
    line = {"item": world.product, "quantity": "10", "price": "900", "tax_code": world.vat13}
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line])
    world.do("sales.order.confirm", order)
    walk = phone.do("prepare", order.pk).json()
    world.do("inventory.lot.hold", lot, reason="待查")
    refused = phone.do("ship", walk["shipment"])
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.lot_held")
    assert there(world.product, bins[1]) == 12
    assert Shipment.objects.get().state != "shipped"
    assert not KeptAct.objects.exists()
    world.do("inventory.lot.release", lot, reason="复检合格")
    assert phone.do("ship", walk["shipment"]).status_code == 200


@pytest.fixture
def prepared(shop, phone, bins):
    """Give an order for thirty finished pieces, its shipment prepared out of two lots, and a third lot in store."""
    world = shop.world
    lots = {number: shop.lot(world.product, number) for number in ("FG-L1", "FG-L2", "FG-L3")}
    for (number, quantity), place in zip((("FG-L1", 12), ("FG-L3", 40), ("FG-L2", 20)), bins, strict=True):
        lay(shop, world.product, quantity, place, lots[number])
    line = {"item": world.product, "quantity": "30", "price": "900", "tax_code": world.vat13}
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line])
    world.do("sales.order.confirm", order)
    walk = phone.do("prepare", order.pk).json()
    return order, lots, walk


def sound() -> bool:
    bought = [f"purchasing.{name}" for name in ("received", "moves", "values", "states")]
    stock = (balances, allocated, supply, values, shipped, moves, kept_stock)
    return not any(proof().faults for proof in stock) and all(found.is_green for found in run(bought))


def test_a_shipment_may_take_some_of_its_lots_and_the_rest_stays_kept(shop, phone, prepared):
    order, lots, walk = prepared
    first, second = sorted(walk["steps"], key=lambda s: s["lot_number"])
    assert [(s["lot_number"], s["quantity"]) for s in (first, second)] == [("FG-L1", "12"), ("FG-L2", "18")]
    refused = phone.do("ship_part", walk["shipment"], lines=[{"line": first["key"], "quantity": "13"}])
    assert (refused.status_code, refused.json()["code"]) == (409, "sales.part_too_large")
    nothing = phone.do("ship_part", walk["shipment"], lines=[{"line": first["key"], "quantity": "0"}])
    assert nothing.json()["code"] == "sales.nothing_to_ship"
    unknown = phone.do("ship_part", walk["shipment"], lines=[{"line": new_id(), "quantity": "1"}])
    assert unknown.json()["code"] == "sales.line_unknown"
    key = new_id()
    part = [{"line": first["key"], "quantity": "12"}, {"line": second["key"], "quantity": "3"}]
    assert [phone.do("ship_part", walk["shipment"], key, lines=part).status_code for _ in range(2)] == [200, 200]
    order.refresh_from_db()
    assert (order.state, order.lines.get().shipped_quantity) == ("partly_shipped", 15)
    assert [(b.on_hand, b.allocated) for b in Balance.objects.filter(lot=lots["FG-L2"], on_hand__gt=0)] == [(17, 15)]
    again = phone.do("prepare", order.pk).json()
    assert [(s["lot_number"], s["quantity"]) for s in again["steps"]] == [("FG-L2", "15")]
    assert phone.do("ship", again["shipment"]).status_code == 200
    order.refresh_from_db()
    assert order.state == "shipped"
    assert sound()


def test_another_lot_goes_with_consent_and_who_and_why_is_kept(shop, phone, prepared):
    order, lots, walk = prepared
    step = next(s for s in walk["steps"] if s["lot_number"] == "FG-L1")
    asked = {"shipment_line": step["key"], "due_lot": step["lot"], "due_location": step["location"], "quantity": "12"}
    assert phone.do("other_lot", lot=lots["FG-L3"].pk, **asked).status_code == 422
    told = phone.do("other_lot", lot=lots["FG-L3"].pk, reason="包装破损", **asked).json()
    assert sorted((s["lot_number"], s["quantity"]) for s in told["steps"]) == [("FG-L2", "18"), ("FG-L3", "12")]
    row = OtherLot.objects.get()
    assert (row.due_lot, row.lot, row.quantity, row.reason) == (lots["FG-L1"], lots["FG-L3"], 12, "包装破损")
    assert (row.shipment_id, row.person) == (UUID(walk["shipment"]), User.objects.get(login="keeper").pk)
    held = {a.balance.lot_id: a.quantity for a in Allocation.objects.select_related("balance")}
    assert held == {lots["FG-L2"].pk: 18, lots["FG-L3"].pk: 12}
    assert phone.do("ship", walk["shipment"]).status_code == 200
    assert there(shop.world.product, bins_of(lots["FG-L1"])) == 12
    assert sound()


def bins_of(lot):
    return Balance.objects.get(lot=lot, on_hand__gt=0).location


def test_a_part_of_a_line_may_be_another_lot(shop, phone, prepared):
    order, lots, walk = prepared
    step = next(s for s in walk["steps"] if s["lot_number"] == "FG-L2")
    told = phone.do(
        "other_lot", shipment_line=step["key"], due_lot=step["lot"], due_location=step["location"], quantity="5",
        lot=lots["FG-L3"].pk, reason="客户指定",
    ).json()  # fmt: skip
    assert sorted((s["lot_number"], s["quantity"]) for s in told["steps"]) == [
        ("FG-L1", "12"), ("FG-L2", "13"), ("FG-L3", "5")
    ]  # fmt: skip
    assert phone.do("ship", walk["shipment"]).status_code == 200
    assert sound()


def test_a_lot_that_may_not_go_is_refused_whatever_the_reason(shop, phone, prepared):
    order, lots, walk = prepared
    step = next(s for s in walk["steps"] if s["lot_number"] == "FG-L1")
    asked = {
        "shipment_line": step["key"], "due_lot": step["lot"], "due_location": step["location"], "quantity": "12",
        "reason": "拿错",
    }  # fmt: skip
    third = lots["FG-L3"]
    too_much = phone.do("other_lot", **asked | {"lot": lots["FG-L2"].pk})
    assert too_much.json()["code"] == "inventory.not_enough_stock"
    assert phone.do("other_lot", **asked | {"lot": shop.steel_lot.pk}).json()["code"] == "handheld.not_this_lot"
    shop.world.do("inventory.lot.hold", third, reason="待查")
    assert phone.do("other_lot", **asked | {"lot": third.pk}).json()["code"] == "inventory.lot_held"
    shop.world.do("inventory.lot.release", third, reason="没事")
    Lot.objects.filter(pk=third.pk).update(expires_on="2020-01-01")
    assert phone.do("other_lot", **asked | {"lot": third.pk}).json()["code"] == "handheld.lot_expired"
    assert not OtherLot.objects.exists()
    assert {a.balance.lot_id for a in Allocation.objects.select_related("balance")} == {
        lots["FG-L1"].pk, lots["FG-L2"].pk
    }  # fmt: skip


def test_another_lot_is_issued_to_a_work_order(shop, phone):
    order = shop.released(quantity="100")
    other = shop.lot(shop.world.steel, "HEAT-9")
    lay(shop, shop.world.steel, 60, bins_of(shop.steel_lot), other)
    step = next(s for s in phone.do("pick", work_order=order.pk).json()["steps"] if s["lot_number"] == "HEAT-1")
    told = phone.do(
        "other_lot", material=step["material"], due_lot=step["lot"], due_location=step["location"],
        quantity=step["quantity"], lot=other.pk, reason="应出批次压在里面",
    ).json()  # fmt: skip
    now = next(s for s in told["steps"] if s["code"] == step["code"])
    assert (now["lot_number"], now["quantity"]) == ("HEAT-9", step["quantity"])
    line = {"material": now["material"], "quantity": now["quantity"], "lot": now["lot"], "location": now["location"]}
    assert phone.do("issue", order.pk, lines=[line]).status_code == 200
    assert OtherLot.objects.get().work_order_id == order.pk
    assert not Allocation.objects.filter(balance__lot=shop.steel_lot).exists()
    assert sound()


def test_two_scans_borrow(shop, phone):
    lender, borrower = shop.released(quantity="150"), shop.released(quantity="20")
    offered = phone.get(f"lenders?id={borrower.pk}").json()["items"]
    part = next(one for one in offered if one["code"] == "MP-1")
    assert (part["needed"], part["lines"][0]["number"], part["lines"][0]["kept"]) == ("40", lender.number, "300")
    given = dict(lender=lender.pk, borrower=borrower.pk, item=part["item"], quantity="40")
    key = new_id()
    assert [phone.do("borrow", key=key, **given).status_code for _ in range(2)] == [200, 200]
    assert Borrow.objects.count() == 1
    assert phone.do("borrow", **given).json()["code"] == "handheld.not_needed"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "fly"}, 422), ({"kind": "pick", "data": {"work_order": "🙂"}}, 422), ({"kind": "pick"}, 422),
        ({"kind": "issue", "record": "00000000-0000-0000-0000-000000000001", "data": {"lines": []}}, 404),
        ({"kind": "ship", "data": {"x": 1}}, 422), ({"kind": "borrow", "data": {"quantity": "-1"}}, 422),
        ({"kind": "count_start", "record": "no"}, 422), ({"kind": 7}, 422),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_words(phone, body, status):
    answer = phone.post("/station/api/warehouse/act", {"id": new_id()} | body, **phone.signed)
    assert answer.status_code == status, answer.content
    assert answer.json()["detail"]
    assert Move.objects.filter(origin_noun="production.work_order").count() == 0


def test_an_unknown_label_is_said_to_be_unknown_and_known_ones_are_found(shop, phone, bins):
    lay(shop, shop.world.part, 5, bins[0])
    assert phone.get("look?text=A-10").json()["lies"][0]["code"] == "MP-1"
    assert phone.get("look?text=MP-1").json()["hits"][0]["noun"] == "items.item"
    assert phone.get("look?text=🙂").status_code == 404
    assert phone.get("held?id=x").status_code == 422


def test_labels_are_printed(shop, phone):
    answer = phone.post(
        "/station/api/warehouse/label", {"noun": "inventory.lot", "ids": [shop.steel_lot.pk]}, **phone.signed
    )
    assert (answer.status_code, answer.content[:4]) == (200, b"%PDF")
    refused = phone.post("/station/api/warehouse/label", {"noun": "kernel.user", "ids": ["1"]}, **phone.signed)
    assert refused.status_code == 422


@pytest.mark.parametrize("size", ["", *(one.key for one in SIZES)])
def test_labels_are_printed_on_the_paper_the_phone_asks_for(shop, phone, size):
    told = {"noun": "inventory.lot", "ids": [shop.steel_lot.pk], "size": size}
    answer = phone.post("/station/api/warehouse/label", told, **phone.signed)
    paper = size_of(size)
    assert boxes(answer.content) == [(round(paper.page_width), round(paper.page_height))]


def test_a_paper_that_is_not_there_is_refused(shop, phone):
    told = {"noun": "inventory.lot", "ids": [shop.steel_lot.pk], "size": "61x41"}
    refused = phone.post("/station/api/warehouse/label", told, **phone.signed)
    assert (refused.status_code, refused.json()["code"]) == (422, "print.size_unknown")


def test_a_day_takes_as_many_statements_for_one_paper_as_for_many(shop, phone, bought, bins, django_assert_num_queries):
    def more() -> None:
        lines = [{"item": shop.world.screw, "quantity": "5", "price": "1"}]
        made = shop.world.make("purchasing.order", party=shop.world.supplier, plant=shop.world.plant, lines=lines)
        shop.world.do("purchasing.order.order", made)
        shop.world.do("purchasing.order.receive", made, lines=[])
        shop.world.make("inventory.count", plant=shop.world.plant, location=bins[0])
        shop.released(quantity="1")

    more()
    answer = phone.get("day")
    assert phone.get("day", **{"If-None-Match": answer["ETag"]}).status_code == 304
    with CaptureQueriesContext(connection) as few:
        phone.day()
    for _ in range(5):
        more()
    with django_assert_num_queries(len(few)):
        phone.day()
