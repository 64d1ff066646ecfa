"""The pair with a WMS that keeps its own books: each thing is done once, in any order, and a refusal is seen."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.db.models import Sum

from banyan.connectors.wms.connector import SAMPLES, Wms, WmsSettings
from banyan.integration import mappings
from banyan.integration.connecting import Failed
from banyan.integration.models import Message
from banyan.integration.watch import defaults
from banyan.integration.watch.errors import TakenInBefore
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import proofs
from banyan.lib.errors import NotFound
from banyan.modules.inventory.models import Balance, Move, StockDocument
from banyan.modules.purchasing.models import Receipt, ReceiptLine
from banyan.modules.purchasing.tests.conftest import Yard
from banyan.modules.sales.models import Parcel, Shipment, ShipmentLine
from banyan.modules.sales.tests.conftest import Shop
from tests.integration.partner import connection as connected
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.plugins.world import World

OUT = (
    ("deliveries", "sales.order_confirmed", "order_confirmed.json"),
    ("expected", "purchasing.order_placed", "order_placed.json"),
    ("deliveries_cancelled", "sales.order_cancelled", "order_cancelled.json"),
    ("expected_cancelled", "purchasing.order_cancelled", "purchase_cancelled.json"),
)
BACK = {
    "shipped": "sales.order.ship", "received": "purchasing.order.receive",
    "moved": "inventory.stock_document.transfer", "adjusted": "inventory.stock_document.create",
}  # fmt: skip

MOVE = {"item": "FG-1", "lot": "L261201", "from": "A-01", "to": "A-02"}
#: The flow whose scan compares a plant; that of what moved compares what the WMS's account wrote.
PLANTS = {"adjusted": "P1"}


class Warehouse:
    """What the WMS has been told, by our message's id, and what it tells: all of it, at every poll, twice."""

    def __init__(self) -> None:
        self.told: dict[str, dict[str, dict]] = defaultdict(dict)
        self.tells: dict[str, list[dict]] = defaultdict(list)
        self.calls, self.is_weak = 0, True

    def answer(self, asked):
        operation = asked.path.strip("/")
        if asked.method == "GET":
            assert operation in BACK
            return self.tells[operation] * 2
        self.calls += 1
        self.told[operation][asked.headers["idempotency-key"]] = asked.json
        if self.is_weak:
            self.is_weak = False
            return 503, {"error": "booked, but the answer is lost"}
        return {"ok": True}


class Pair:
    """Our plant, the WMS beside it, and the flows between."""

    def __init__(self, ctx, wms: Warehouse, address: str) -> None:
        self.now = ctx.now
        self.world = World(ctx)
        self.shop, self.yard, self.hand, self.wms = Shop(self.world), Yard(self.world), Integrator(ctx), wms
        self.places = {
            code: self.world.make("inventory.location", code=code, name=code, kind="bin", plant=self.world.plant)
            for code in ("A-01", "A-02")
        }
        self.world.party(code="SF", is_customer=False, is_carrier=True)
        self.lots = {
            number: self.shop.put(self.world.product, 50, lot=number, target=self.places[place])
            for number, place in (("L261201", "A-01"), ("L261202", "A-02"))
        }
        system = self.system = self.hand.system(
            "WMS", "wms", {"address": address}, {}, account=self.hand.account(*BACK.values())
        )
        for key, event, name in OUT:
            sample = samples("wms", name)
            sample["data"] |= {"party": str(self.world.customer.pk), "plant": str(self.world.plant.pk)}
            for line in sample["data"]["lines"]:
                line["item"] = str(self.world.product.pk)
            self.hand.flow(system, key.upper(), sample, direction="out", trigger="event", target=key,
                           detail={"events": [event]},
                           mapping={"preset": f"wms.{key}", "settings": {"plant": "P1"}})  # fmt: skip
        for key, command in BACK.items():
            self.hand.flow(system, key.upper(), samples("wms", f"{key}.json"), direction="in", trigger="poll",
                           order="free", detail={"operation": key, "every": 60}, target=command,
                           mapping={"preset": f"wms.{key}", "settings": {"plant": PLANTS.get(key, "")}})  # fmt: skip

    def tell(self, operation: str, id: str, **facts) -> dict:
        """Let the WMS tell something at the next poll."""
        said = {"id": id, "at": self.now.isoformat(), **facts}
        self.wms.tells[operation].append(said)
        return said

    def pass_minutes(self, minutes: int = 2) -> None:
        for _ in range(minutes):
            self.now += timedelta(seconds=61)
            carry(self.now)

    def states(self, flow: str) -> list[tuple[str, str]]:
        rows = Message.objects.filter(flow__code=flow).order_by("seq")
        return list(rows.values_list("state", "reason"))

    def on_hand(self, **where) -> D:
        return Balance.objects.filter(**where).aggregate(n=Sum("on_hand"))["n"] or D(0)


@pytest.fixture
def pair(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    wms = Warehouse()
    with partner(wms.answer) as there:
        yield Pair(ctx.with_(now=datetime.now(UTC)), wms, there.url)
        mine = ("integration.", "inventory.", "sales.", "purchasing.")
        assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith(mine)] == []
    connection.close()


def test_a_binding_order_is_told_once_with_all_that_a_picker_reads(pair):
    fee = pair.world.item(kind="service", code="FEE")
    order = pair.shop.confirmed(
        pair.shop.line(pair.world.product, 40), pair.shop.line(fee, 1), address="杭州文一路 1 号", priority="urgent",
        customer_reference="PO-7781",
    )  # fmt: skip
    bought = pair.yard.placed(pair.yard.line(pair.world.steel, 200), wanted_on="2027-01-08")
    pair.pass_minutes()
    assert pair.wms.calls == 3, "one answer was lost, and its message came again by the same name"
    (delivery,) = pair.wms.told["deliveries"].values()
    goods, _ = pair.shop.lines(order)
    day = delivery["lines"][0].pop("due_on")
    assert day == goods.promised_on.isoformat()
    assert delivery == {
        "number": order.number, "order": str(order.pk), "plant": "P1", "customer": "CU-1", "reference": "PO-7781",
        "address": "杭州文一路 1 号", "priority": "urgent",
        "lines": [{"line": str(goods.pk), "item": "FG-1", "item_name": "减速机", "quantity": "40", "unit": "pcs"}],
    }  # fmt: skip
    (expected,) = pair.wms.told["expected"].values()
    (line,) = pair.yard.lines(bought)
    assert expected == {
        "number": bought.number, "order": str(bought.pk), "plant": "P1", "supplier": "SU-1",
        "lines": [{"line": str(line.pk), "item": "RM-1", "item_name": "圆钢", "quantity": "200", "unit": "kg",
                   "due_on": "2027-01-08"}],
    }  # fmt: skip


def test_what_is_no_longer_wanted_is_told_with_what_was_given_up(pair):
    order = pair.shop.confirmed(pair.shop.line(pair.world.product, 40), pair.shop.line(pair.world.product, 5))
    first, second = pair.shop.lines(order)
    bought = pair.yard.placed(pair.yard.line(pair.world.steel, 200))
    pair.world.do("sales.order.cancel", order, lines=[str(second.pk)], reason="客户改主意")
    pair.world.do("purchasing.order.cancel", bought, reason="供应商断货")
    draft = pair.shop.order(pair.shop.line(pair.world.product, 1))
    pair.world.do("sales.order.cancel", draft, reason="录错")
    pair.pass_minutes()
    (told,) = pair.wms.told["deliveries_cancelled"].values()
    assert told == {
        "number": order.number, "order": str(order.pk), "plant": "P1", "reason": "客户改主意",
        "lines": [{"line": str(second.pk), "item": "FG-1", "quantity": "5"}],
    }  # fmt: skip
    (told,) = pair.wms.told["expected_cancelled"].values()
    assert (told["number"], told["lines"][0]["item"], told["lines"][0]["quantity"]) == (bought.number, "RM-1", "200")


def test_what_went_ships_the_order_once_and_too_much_is_dead(pair):
    order = pair.shop.confirmed(pair.shop.line(pair.world.product, 40))
    (line,) = pair.shop.lines(order)
    row = {"line": str(line.pk), "item": "FG-1", "lot": "L261201", "place": "A-01"}
    pair.tell("shipped", "OUT-2", order=order.number, lines=[row | {"quantity": 6}])
    pair.tell(
        "shipped", "OUT-1", order=order.number, carrier="SF", tracking="SF1",
        lines=[row | {"quantity": 20, "parcel": 1},
               row | {"quantity": 4, "lot": "L261202", "place": "A-02", "parcel": 2}],
        parcels=[{"parcel": 1, "tracking": "SF1", "weight": 36.5}, {"parcel": 2, "tracking": "SF2", "weight": 9.2}],
    )  # fmt: skip
    pair.pass_minutes(3)
    assert pair.states("SHIPPED") == [("done", "")] * 2
    assert Shipment.objects.filter(order=order, state="shipped").count() == 2
    gone = ShipmentLine.objects.filter(order_line=line).values_list("lot__number", "location__code", "parcel")
    assert sorted(gone.annotate(n=Sum("quantity")), key=str) == [
        ("L261201", "A-01", 1, D(20)), ("L261201", "A-01", None, D(6)), ("L261202", "A-02", 2, D(4)),
    ]  # fmt: skip
    assert list(Parcel.objects.order_by("parcel").values_list("tracking_number", "weight")) == [
        ("SF1", D("36.5")), ("SF2", D("9.2")),
    ]  # fmt: skip
    shipment = Shipment.objects.get(tracking_number="SF1")
    assert shipment.carrier.code == "SF"

    wrong = pair.tell("shipped", "OUT-3", order=order.number, lines=[row | {"quantity": 20}])
    pair.pass_minutes()
    dead = Message.objects.get(flow__code="SHIPPED", state="dead")
    assert dead.reason == "refused"
    assert "FG-1" in dead.error
    assert Shipment.objects.count() == 2
    wrong["lines"] = [row | {"quantity": 10}]
    pair.pass_minutes()
    assert ("dead", "source_reused") in pair.states("SHIPPED"), "one id is one thing that happened"
    pair.tell("shipped", "OUT-4", order=order.number, lines=[row | {"quantity": 10}])
    pair.tell("shipped", "OUT-5", order=order.number, lines=[row | {"quantity": 1, "lot": "NONE"}])
    pair.pass_minutes()
    order.refresh_from_db()
    assert order.state == "shipped"
    assert pair.on_hand(item=pair.world.product) == D(60)
    assert "NONE" in Message.objects.get(flow__code="SHIPPED", reason="mapping").error


def test_the_same_by_files_counts_once_whatever_file_it_comes_in(pair, settings, tmp_path):
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    folder = tmp_path / "exchange" / "wms" / "in"
    folder.mkdir(parents=True)
    order = pair.shop.confirmed(pair.shop.line(pair.world.product, 40))
    (line,) = pair.shop.lines(order)
    read = {"key": "shipped", "format": "json", "ready": "at_once", "id_column": "id", "key_column": "order"}
    system = pair.hand.system("WMSF", "file", {"folder": "wms", "operations": [read]}, {},
                              account=pair.hand.account("sales.order.ship"))  # fmt: skip
    pair.hand.flow(system, "FILED", samples("wms", "shipped.json"), direction="in", trigger="poll", order="free",
                   detail={"operation": "shipped", "every": 60}, target="sales.order.ship",
                   mapping={"preset": "wms.shipped"})  # fmt: skip
    goods = {"line": str(line.pk), "lot": "L261201", "place": "A-01"}
    second, first = (
        {"id": id, "order": order.number, "lines": [goods | {"quantity": n}]} for id, n in (("OUT-2", 6), ("OUT-1", 24))
    )
    (folder / "1.json").write_text(json.dumps([second, second]))
    pair.pass_minutes()
    (folder / "2.json").write_text(json.dumps([first, second]))
    (folder / "3.json").write_text(json.dumps([{"order": order.number, "lines": []}]))
    pair.pass_minutes()
    assert pair.states("FILED") == [("done", "")] * 2
    assert Shipment.objects.count() == 2
    assert pair.on_hand(lot__number="L261201") == D(20)
    assert "id" in (folder.parent / "failed" / "3.json.why.txt").read_text()


def test_what_came_is_booked_once_and_what_came_too_early_is_replayed(pair):
    bought = pair.yard.placed(pair.yard.line(pair.world.steel, 200))
    (line,) = pair.yard.lines(bought)
    row = {"line": str(line.pk), "item": "RM-1"}
    rest = [row | {"quantity": 79.5, "lot": "H2"}]
    pair.tell("received", "IN-2", order=bought.number, delivery_note="DN-2", lines=rest)
    pair.tell(
        "received", "IN-1", order=bought.number, delivery_note="DN-1", accepted=True,
        lines=[row | {"quantity": 120.5, "lot": "H1", "supplier_lot": "BX-88", "made_on": "2026-11-28"}],
    )  # fmt: skip
    later = pair.yard.draft(pair.yard.line(pair.world.steel, 10))
    goods = [row | {"line": str(pair.yard.lines(later)[0].pk), "quantity": 10, "lot": "H3"}]
    pair.tell("received", "IN-3", order=str(later.pk), accepted=True, lines=goods)
    pair.tell("received", "IN-4", order="PO-NONE", lines=goods)
    pair.pass_minutes(3)
    assert sorted(pair.states("RECEIVED")) == [("dead", "refused"), ("dead", "validation"), ("done", ""), ("done", "")]
    assert "PO-NONE" in Message.objects.get(flow__code="RECEIVED", reason="validation").error
    assert Receipt.objects.count() == 2
    assert pair.on_hand(lot__number="H1", kind="warehouse") == D("120.5")
    assert pair.on_hand(lot__number="H2", kind="inspection") == D("79.5")
    first = ReceiptLine.objects.get(lot__number="H1")
    assert (first.supplier_lot, first.receipt.delivery_note) == ("BX-88", "DN-1")

    pair.world.do("purchasing.order.order", later)
    pair.hand.do("integration.message.replay_where", system=str(pair.system))
    pair.pass_minutes()
    assert [state for state, _ in sorted(pair.states("RECEIVED"))] == ["dead", "done", "done", "done"]
    later.refresh_from_db()
    assert (later.state, pair.on_hand(lot__number="H3")) == ("received", D(10))


def test_what_was_moved_is_moved_once_and_a_difference_waits_for_a_person(pair):
    pair.tell("moved", "MV-1", **MOVE, quantity=5, reason="补货")
    pair.tell("moved", "MV-2", **MOVE, quantity=500)
    pair.tell(
        "adjusted", "ADJ-1", plant="P1", reason="循环盘点",
        lines=[{"item": "FG-1", "lot": "L261201", "quantity": -2, "place": "A-01"},
               {"item": "FG-1", "lot": "L261202", "quantity": 1, "place": "A-02"}],
    )  # fmt: skip
    pair.pass_minutes(3)
    here = {"lot__number": "L261201", "location": pair.places["A-01"]}
    assert pair.on_hand(**here) == D(45)
    assert sorted(pair.states("MOVED")) == [("dead", "refused"), ("done", "")]
    assert Move.objects.filter(reason="补货").count() == 1
    document = StockDocument.objects.get(kind="adjustment")
    assert document.state == "draft", "nothing is written off because a system says so"
    pair.world.do("inventory.stock_document.post", document)
    assert pair.on_hand(**here) == D(43)
    assert pair.on_hand(lot__number="L261202") == D(51)


def test_what_went_and_what_came_is_compared_each_night_in_the_plant_the_flows_name(pair):
    order = pair.shop.confirmed(pair.shop.line(pair.world.product, 40))
    bought = pair.yard.placed(pair.yard.line(pair.world.steel, 200))
    (line,), (wanted,) = pair.shop.lines(order), pair.yard.lines(bought)
    goods = [{"line": str(line.pk), "item": "FG-1", "lot": "L261201", "place": "A-01", "quantity": 6}]
    steel = [{"line": str(wanted.pk), "item": "RM-1", "quantity": 10, "lot": "H1"}]
    pair.tell("shipped", "OUT-1", order=order.number, tracking="SF1", lines=goods)
    pair.tell("shipped", "OUT-2", order=order.number, lines=goods)
    pair.tell("received", "IN-1", order=bought.number, delivery_note="DN-1", lines=steel)
    pair.pass_minutes()
    assert (Shipment.objects.count(), Receipt.objects.count()) == (2, 1)
    ctx = pair.hand.ctx.with_(now=pair.now + timedelta(hours=3))
    defaults.seed(ctx)
    made = {scan.code: scan for scan in Scan.objects.filter(kind="theirs").select_related("system", "fetch_flow")}
    assert set(made) == {"SCAN-DELIVERIES", "SCAN-EXPECTED", "SCAN-MOVED", "SCAN-ADJUSTED"}

    def found() -> list[tuple[str, str, str]]:
        for scan in made.values():
            scan.refresh_from_db()
            assert run_scan(ctx, scan).state == "done"
        return sorted(Discrepancy.objects.exclude(state="closed").values_list("scan__code", "kind", "key"))

    assert found() == []
    one = [{"order_line": str(line.pk), "quantity": 1}]
    pair.world.do("sales.order.ship", order, tracking_number="OURS", lines=one)
    pair.wms.tells["received"].append(
        {"id": "IN-2", "at": pair.now.isoformat(), "order": bought.number, "delivery_note": "DN-2", "lines": steel}
    )
    assert found() == [("SCAN-DELIVERIES", "missing_there", "OURS"), ("SCAN-EXPECTED", "missing_here", "DN-2")]
    assert set(Discrepancy.objects.values_list("proposed", flat=True)) == {"task"}
    pair.pass_minutes()
    assert found() == [("SCAN-DELIVERIES", "missing_there", "OURS")]


@pytest.fixture
def compared(pair):
    """Give the pair with one move and one count booked, and what runs a scan by its code: what it found."""
    when = pair.now.isoformat()
    pair.tell("moved", "MV-1", **MOVE, quantity=5, at=when)
    pair.tell("adjusted", "ADJ-1", plant="P1", reason="循环盘点", at=when,
              lines=[{"item": "FG-1", "lot": "L261201", "quantity": -2, "place": "A-01"},
                     {"item": "FG-1", "lot": "L261202", "quantity": 1, "place": "A-02"}])  # fmt: skip
    pair.pass_minutes()
    ctx = pair.hand.ctx.with_(now=pair.now + timedelta(hours=3))
    defaults.seed(ctx)

    def found(code: str) -> list[tuple[str, str, str]]:
        scan = Scan.objects.select_related("system", "fetch_flow").get(code=f"SCAN-{code}")
        found.run = run_scan(ctx, scan)
        listed = Discrepancy.objects.filter(scan=scan).exclude(state="closed")
        return sorted(listed.values_list("kind", "key", "proposed"))

    return pair, found


def test_a_day_on_which_both_sides_booked_the_same_is_silent(compared):
    _, found = compared
    assert found("MOVED") == []
    assert (found.run.ours, found.run.windows, found.run.windows_differ) == (1, 1, 0)
    assert found("ADJUSTED") == []
    assert (found.run.ours, found.run.windows, found.run.windows_differ) == (1, 1, 0)


def test_a_move_that_one_side_lacks_is_found_by_its_id_and_taken_in_once(compared):
    pair, found = compared
    when = pair.wms.tells["moved"][0]["at"]
    pair.tell("moved", "MV-2", **MOVE | {"to": "A-03"}, quantity=4, at=when)
    pair.pass_minutes()
    assert ("dead", "mapping") in pair.states("MOVED")
    pair.tell("moved", "MV-3", **MOVE, quantity=3, at=when)
    listed = [("missing_here", "MV-2@MV-2", "fetch_again"), ("missing_here", "MV-3@MV-3", "fetch_again")]
    assert found("MOVED") == listed
    assert found.run.sums[0] | {"slot": 0, "begins": ""} == {
        "slot": 0, "begins": "", "ours": 1, "theirs": 3, "our_sum": "5", "their_sum": "12", "agrees": False,
    }  # fmt: skip
    pair.world.make("inventory.location", code="A-03", name="A-03", kind="bin", plant=pair.world.plant)
    pair.hand.do("watch.discrepancy.fetch_again", *Discrepancy.objects.values_list("pk", flat=True))
    pair.pass_minutes(3)
    assert [state for state, _ in pair.states("MOVED")] == ["done"] * 3, "what is polled later is known by its id"
    assert (StockDocument.objects.filter(kind="transfer").count(), found("MOVED")) == (3, [])

    pair.wms.tells["moved"].pop(0)
    (kind, key, proposed), = found("MOVED")
    assert (kind, key, proposed) == ("missing_there", "MV-1@MV-1", "task")
    assert Discrepancy.objects.get(key=key, kind=kind).noun == "inventory.stock_document"


def test_what_was_reversed_here_is_found_and_not_booked_a_second_time(compared):
    pair, found = compared
    pair.world.do("inventory.stock_document.reverse", StockDocument.objects.get(kind="transfer"), reason="移错")
    assert found("MOVED") == [("missing_here", "MV-1@MV-1", "fetch_again")]
    with pytest.raises(TakenInBefore):
        pair.hand.do("watch.discrepancy.fetch_again", Discrepancy.objects.get().pk)
    assert Message.objects.filter(flow__code="MOVED").count() == 1


def test_a_count_of_another_quantity_is_a_task_and_one_by_hand_is_missing_there(compared):
    pair, found = compared
    pair.wms.tells["adjusted"][0]["lines"][1]["quantity"] = 3
    by_hand = pair.world.make(
        "inventory.stock_document", kind="adjustment", plant=pair.world.plant, reason="抽盘",
        lines=[{"item": pair.world.product, "lot": pair.lots["L261201"], "quantity": "1",
                "target": pair.places["A-01"]}],
    )  # fmt: skip
    pair.world.do("inventory.stock_document.post", by_hand)
    by_hand.refresh_from_db()
    assert found("ADJUSTED") == [("different", "ADJ-1@ADJ-1", "task"), ("missing_there", by_hand.number, "task")]
    (facts,) = Discrepancy.objects.filter(kind="different").values_list("facts", flat=True)
    assert [float(one) for one in facts["="]] == [-1, 1]


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("received", {"order": None}, "records_of"), ("received", {"lines": [{"line": "x", "quantity": "two"}]}, "two"),
        ("received", {"lines": [{"quantity": 1}]}, "line"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(name, change, words):
    with pytest.raises(Failed, match=words) as fault:
        mappings.apply(mappings.frozen({"preset": f"wms.{name}"}), samples("wms", f"{name}.json") | change)
    assert fault.value.kind == "mapping"


def test_every_operation_shows_what_it_looks_like_and_an_unknown_mapping_is_said():
    found = Wms().describe(connected(WmsSettings(address="http://wms.lan")))
    assert {each.key: each.samples for each in found} == {
        key: (samples("wms", name),) for key, name in SAMPLES.items()
    }  # fmt: skip
    with pytest.raises(NotFound):
        Wms().mapping("../mes/reports")
