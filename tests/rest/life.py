"""A small factory's life over REST: from opening stock to closed books, by every command on the way."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from banyan.kernel import queries, registry, sessions
from banyan.kernel.models import Client
from banyan.lib.ids import new_id
from banyan.web.rest import calls
from tests.rest.travels import Traveller, plain

TODAY = timezone.now().date()


def live(t: Traveller, world: Any, legs: Sequence[Callable[[Traveller, Any], None]]) -> None:
    """Live through the legs of a life, one after the other."""
    for leg in legs:
        try:
            leg(t, world)
        except (
            TypeError,
            KeyError,
            IndexError,
            StopIteration,
        ) as fault:  # an answer that was needed did not come
            t.failed[leg.__name__] = (
                f"{fault!r} in line {traceback.extract_tb(fault.__traceback__)[-1].lineno} of this life"
            )


def books(t: Traveller, world: Any) -> None:
    assert world.plant
    t.post("finance.account.install", chart="cas_small")
    t.post("finance.period.open_year", year=TODAY.year)


def accounts(t: Traveller, world: Any) -> None:
    """Users, tokens, clients; people who leave and come back."""
    for name in ("scale", "gate"):
        t.post("kernel.token.issue", name=name)
    program = t.make("kernel.user", login="shop", name="商城", is_program=True)
    t.post("kernel.user.issue_client", program, name="shop")
    t.post("kernel.client.issue", name="edge", user=program, scopes=["sales.*"], per_day=1000)
    client = str(Client.objects.get(name="edge").pk)
    t.post("kernel.client.rotate", client, hours=1)
    t.post("kernel.client.end_old_secret", client)
    t.post("kernel.client.limit", client, scopes=["sales.order.*", "*.*.read"])
    t.post("kernel.client.set_quota", client, per_minute=60)
    t.post("kernel.client.stop", client)
    t.post("kernel.client.resume", client)
    calls.write()
    opened = [
        sessions.begin(t.api.user.pk, "password", device="Chrome · Windows", address="", now=timezone.now())
        for _ in range(2)
    ]
    t.post("kernel.session.end", str(opened[0]))
    t.post("kernel.user.end_sessions", program)
    worker = world.worker.pk
    t.post("people.employee.leave", worker, left_on=str(TODAY))
    t.post("people.employee.return", worker, hired_on=str(TODAY + timedelta(days=1)))
    t.post("kernel.user.comment", program, text="@您", mentions=[str(t.api.user.pk)])


def masters(t: Traveller, world: Any) -> None:
    party, item, centre, machine = world.party().pk, world.item().pk, world.milling.pk, world.lathe.pk
    t.post("parties.party.block", party, reason="超期未付")
    t.post("parties.party.unblock", party)
    for noun, key in (("parties.party", party), ("items.item", item), ("equipment.work_centre", centre)):
        t.post(f"{noun}.deactivate", key)
        t.post(f"{noun}.activate", key)
    t.post("equipment.machine.stop", machine, reason="换刀")
    t.post("equipment.machine.maintain", machine, reason="保养")
    t.post("equipment.machine.start", machine)


def stock(t: Traveller, world: Any) -> None:
    """Opening stock, a transfer, lots held and let go, a count."""
    plant = str(world.plant.pk)
    t.post("inventory.location.make_standing", plant=plant)
    world.planned(world.screw, costing_method="fifo")
    bin_ = t.make("inventory.location", code="BIN-7", name="七号位", kind="bin", plant=plant)
    for item, quantity, amount, more in (
        (world.part, 500, "5000", {}),
        (world.screw, 900, "90", {}),
        (world.steel, 200, "1000", {"lot_number": "HEAT-1"}),
        (world.product, 40, "20000", {"lot_number": "FG-LOT"}),
    ):
        receive(t, plant, item, quantity, amount, **more)
    spare = t.make(
        "inventory.stock_document",
        kind="receipt",
        plant=plant,
        reason="期初",
        lines=[{"item": str(world.part.pk), "quantity": "1", "amount": "10"}],
    )
    t.post("inventory.stock_document.post", spare)
    t.post("inventory.stock_document.reverse", spare, reason="重复")
    source = t.first("inventory.balance", f"item={world.part.pk}")["location"]
    t.post(
        "inventory.stock_document.transfer", item=str(world.part.pk), quantity="5", source=source, target=bin_
    )
    t.inputs["inventory.lot"] = {"item": str(world.steel.pk), "number": "HEAT-9"}
    lot = t.first("inventory.lot", "q=HEAT-1")["id"]
    t.post("inventory.lot.hold", lot, reason="待检")
    t.post("inventory.lot.reject", lot, reason="裂纹")
    t.post("inventory.lot.release", lot, reason="复检合格")
    counts(t, plant, bin_)


def receive(t: Traveller, plant: str, item: Any, quantity: Any, amount: str, **more: Any) -> None:
    made = t.make(
        "inventory.stock_document",
        kind="receipt",
        plant=plant,
        reason="期初",
        lines=[{"item": str(getattr(item, "pk", item)), "quantity": str(quantity), "amount": amount, **more}],
    )
    t.post("inventory.stock_document.post", made)


def counts(t: Traveller, plant: str, bin_: str) -> None:
    count = t.make("inventory.count", plant=plant, location=bin_)
    done = t.post("inventory.count.start", count)
    line = done["record"]["lines"][0]
    t.post("inventory.count.enter", count, found=[{"item": line["item"], "location": bin_, "quantity": "5"}])
    t.post("inventory.count.post", count)
    t.post("inventory.count.cancel", t.make("inventory.count", plant=plant, location=bin_))


def structure(t: Traveller, world: Any) -> None:
    """BOM and routing, released, asked and revised; the oil is taken when work is reported."""
    oil = world.item(kind="bought", tracking="lot")
    world.planned(oil, backflush=True)
    t.kept["oil"] = str(oil.pk)
    bom = t.make(
        "engineering.bom",
        item=str(world.product.pk),
        plant=str(world.plant.pk),
        revision="A",
        base_quantity="1",
        lines=[
            {"component": str(world.part.pk), "quantity": "2", "operation": 10},
            {"component": str(world.screw.pk), "quantity": "4"},
            {"component": str(world.steel.pk), "quantity": "0.5"},
            {"component": t.kept["oil"], "quantity": "1", "operation": 20},
        ],
    )
    routing = t.make(
        "engineering.routing",
        item=str(world.product.pk),
        plant=str(world.plant.pk),
        revision="A",
        operations=[
            {
                "sequence": 10,
                "name": "车削",
                "work_centre": str(world.turning.pk),
                "setup_minutes": "10",
                "run_minutes": "2",
            },
            {"sequence": 20, "name": "铣削", "work_centre": str(world.milling.pk), "run_minutes": "3"},
        ],
    )
    first = str(TODAY - timedelta(days=30))
    t.post("engineering.bom.release", bom, effective_from=first)
    t.post("engineering.routing.release", routing, effective_from=first)
    t.post("engineering.bom.new_revision", bom, revision="B")
    t.post("engineering.routing.new_revision", routing, revision="B")
    t.post("engineering.bom.roll_up")


def selling(t: Traveller, world: Any) -> None:
    """A quotation, orders, a parcel, a return."""
    line = {"item": str(world.product.pk), "quantity": "4", "price": "900", "tax_code": str(world.vat13.pk)}
    head = {"party": str(world.customer.pk), "plant": str(world.plant.pk), "currency": str(world.currency.pk)}
    quotation = t.make("sales.quotation", **head, lines=[line])
    t.post("sales.quotation.send", quotation)
    t.post("sales.quotation.revise", quotation)
    t.post("sales.quotation.send", quotation)
    t.post("sales.quotation.accept", quotation)
    t.post("sales.quotation.order", quotation, customer_reference="PO-1")
    lost = t.make("sales.quotation", **head, lines=[line])
    t.post("sales.quotation.send", lost)
    t.post("sales.quotation.lose", lost, reason="价格")
    order = t.kept["order"] = t.make(
        "sales.order", **head, wanted_on=str(TODAY + timedelta(days=9)), lines=[line]
    )
    t.post("sales.order.confirm", order)
    t.post("sales.order.promise", order, promised_on=str(TODAY + timedelta(days=9)), reason="有货")
    t.post("sales.order.reserve", order)
    t.post("sales.order.pick", order)
    shipment = t.first("sales.shipment", "state=draft")["id"]
    t.post("sales.shipment.ship", shipment)
    t.post("sales.shipment.track", shipment, tracking_number="SF1001")
    shipped_in_part(t, world, head, line)
    other = t.make("sales.order", **head, lines=[line])
    t.post("sales.order.confirm", other)
    t.post("sales.order.ship", other)
    t.post(
        "sales.shipment.reverse",
        t.first("sales.shipment", "state=shipped&sort=-created_at")["id"],
        reason="发错",
    )
    cancelled = t.make("sales.order", **head, lines=[line])
    t.post("sales.order.cancel", cancelled, reason="客户取消")
    returned(t, world, head, order)
    t.post("sales.order.close", order, consent="sales.close_uninvoiced")


def shipped_in_part(t: Traveller, world: Any, head: dict[str, str], line: dict[str, str]) -> None:
    """A shipment of which one piece is of another lot than the one due, and of which a part goes."""
    receive(t, head["plant"], world.product, 10, "5000", lot_number="FG-OTHER")
    order = t.make("sales.order", **head, lines=[line])
    t.post("sales.order.confirm", order)
    t.post("sales.order.pick", order)
    shipment = t.first("sales.shipment", "state=draft")["id"]
    row = t.send("sales.shipment.read", "GET", f"sales/shipments/{shipment}")["lines"][0]
    t.post(
        "handheld.other_lot.take", shipment_line=row["id"], due_lot=row["lot"], due_location=row["location"],
        lot=t.first("inventory.lot", "q=FG-OTHER")["id"], quantity="1", reason="包装破损",
    )  # fmt: skip
    rows = t.send("sales.shipment.read", "GET", f"sales/shipments/{shipment}")["lines"]
    t.post("sales.shipment.ship_part", shipment, lines=[{"line": one["id"], "quantity": "1"} for one in rows])


def returned(t: Traveller, world: Any, head: dict[str, str], order: str) -> None:
    sold = t.send("sales.order.read", "GET", f"sales/orders/{order}")["lines"][0]["id"]
    lot = str(t.first("inventory.lot", "q=FG-LOT")["id"])
    line = {"order_line": sold, "quantity": "1", "lot": lot}
    t.inputs["sales.shipment"] = {**head, "lines": [{"order_line": sold, "quantity": "1"}]}
    t.inputs["sales.shipment"].pop("currency")
    for step in ("receive", "cancel"):
        made = t.make(
            "sales.return_order", party=head["party"], plant=head["plant"], reason="defective", lines=[line]
        )
        t.post(f"sales.return_order.{step}", made)


def channels(t: Traveller, world: Any) -> None:
    """Shops, their orders on every way they may take, refunds, offers and a statement."""
    plant, part = str(world.plant.pk), str(world.part.pk)
    shop = t.make("channels.shop", code="TB1", name="旗舰店", plant=plant, party=str(world.customer.pk))
    t.make("channels.listing", shop=shop, sku="A-1", item=part)
    t.make("channels.warehouse", plant=plant, shop=shop)
    t.make("channels.rule", code="BIG", name="大单", condition="pieces > 50")
    t.inputs["channels.rule"] = {"condition": "total > 9"}
    t.inputs["channels.listing"] = {"item": part}

    def taken(number: str, **more: Any) -> str:
        line = {"sku": more.pop("sku", "A-1"), "quantity": more.pop("quantity", "2"), "price": "10.00", "line": "1"}
        total = f"{int(line['quantity']) * 10}.00"
        given = {"shop": "TB1", "number": number, "buyer": "b1", "address": "文一路 1 号", "phone": "1",
                 "ordered_at": "2026-03-02T08:00:00Z", "lines": [line], "total_amount": total} | more  # fmt: skip
        return t.post("channels.order.receive", orders=[given])["result"][0]["order"]

    first, second = taken("T1"), taken("T2")
    t.post("channels.order.merge", first, others=[second])
    t.post("channels.order.allocate", first)
    t.post("channels.order.ship", first, tracking_number="SF1")
    shipment = t.first("sales.shipment", "tracking_number=SF1")["id"]
    t.post("channels.order.note_shipments", shipments=[shipment])
    t.post("channels.order.note_cancelled", orders=[t.first("channels.order", "outside_number=T2")["order"]])
    t.post("channels.order.cancel", second, reason="不要了")
    t.post("channels.order.finish", first)
    t.post("channels.order.ask_refund", first, amount="1.00", reason="少件")
    line = {"line": "1", "quantity": "1"}
    for number, amount in (("R1", "3.00"), ("R2", "2.00")):
        t.post("channels.refund.receive", refunds=[
            {"shop": "TB1", "order": "T1", "number": number, "kind": "return", "amount": amount, "lines": [line]}
        ])  # fmt: skip
    back = t.first("channels.refund", "outside_number=R1")["id"]
    t.post("channels.refund.agree", back)
    t.post("sales.return_order.receive", t.first("channels.refund", "outside_number=R1")["return_order"])
    t.post("channels.refund.take_back", back)
    t.post("channels.refund.pay", back)
    t.post("channels.refund.refuse", t.first("channels.refund", "outside_number=R2")["id"], answer="已退")
    waits = taken("T3", state="placed", lines=[
        {"sku": "A-1", "quantity": "2", "price": "5.00"}, {"sku": "A-1", "quantity": "1", "price": "10.00"},
    ])  # fmt: skip
    seen = t.send("channels.order.read", "GET", f"channels/orders/{waits}")
    version, lines = seen["version"], seen["lines"]
    note = {"seller_note": "当天发"}
    t.send("channels.order.change", "PATCH", f"channels/orders/{waits}", note, If_Match=f'"v{version}"')
    t.post("channels.order.split", waits, lines=[{"line": lines[0]["id"], "quantity": "1"}])
    t.post("channels.order.hold", waits, reason="等客户")
    t.post("channels.order.release", waits)
    t.post("channels.order.hold", waits, reason="等客户")
    t.post("channels.order.release", taken("T4", quantity="60"))
    by_hand = t.make("channels.shop", code="TB2", name="分店", plant=plant, party=str(world.customer.pk),
                     is_automatic=False)  # fmt: skip
    t.make("channels.listing", shop=by_hand, sku="A-1", item=part)
    t.post("channels.order.accept", taken("T5", shop="TB2"))
    taken("T5", shop="TB2", address="换地址")
    t.post("channels.difference.settle", t.first("channels.difference", "state=open")["id"], note="已确认")
    taken("T6", sku="N-1")
    t.post("channels.listing.match", rows=[{"shop": shop, "sku": "N-1", "item": part}])
    t.post("channels.listing.note_goods", goods=[{"shop": "TB1", "sku": "N-1", "outside_sku": "4711"}])
    t.post("channels.offer.refresh_all")
    offer = t.first("channels.offer")["id"]
    t.post("channels.offer.refresh", offer)
    t.post("channels.offer.note_pushed", offer, quantity="5")
    paid = [{"order": "T1", "amount": "20.00"}, {"order": "T1", "kind": "refund", "amount": "-3.00"}]
    t.post("channels.settlement.receive", shop="TB1", number="2026-03", settled_on=str(TODAY), lines=paid)
    statement = t.first("channels.settlement", "outside_number=2026-03")["id"]
    t.post("channels.settlement.match", statement)
    t.post("channels.settlement.settle", statement)


def buying(t: Traveller, world: Any) -> None:
    """Orders, goods at the gate, goods booked, goods sent back; history of another system."""
    line = {"item": str(world.screw.pk), "quantity": "100", "price": "0.1", "tax_code": str(world.vat13.pk)}
    head = {"party": str(world.supplier.pk), "plant": str(world.plant.pk), "currency": str(world.currency.pk)}
    order = t.make("purchasing.order", **head, lines=[line])
    t.post("purchasing.order.order", order)
    t.post("purchasing.order.confirm", order, confirmed_on=str(TODAY + timedelta(days=5)))
    t.post("purchasing.order.receive", order, delivery_note="DN-1")
    receipt = t.first("purchasing.receipt", "state=arrived")["id"]
    came = t.send("purchasing.receipt.read", "GET", f"purchasing/receipts/{receipt}")["lines"][0]["id"]
    t.post(
        "purchasing.receipt.book",
        receipt,
        lines=[{"receipt_line": came, "accepted": "98", "rejected": "2", "reason": "尺寸"}],
    )
    t.post("finance.supplier_invoice.from_orders", orders=[order], reference="INV-1")
    other = t.make("purchasing.order", **head, lines=[line])
    t.post("purchasing.order.order", other)
    bought = t.send("purchasing.order.read", "GET", f"purchasing/orders/{other}")["lines"][0]["id"]
    gate = t.make(
        "purchasing.receipt",
        plant=head["plant"],
        party=head["party"],
        lines=[{"order_line": bought, "quantity": "10"}],
    )
    t.post("purchasing.receipt.arrive", gate)
    t.post("purchasing.receipt.reverse", gate, reason="送错")
    t.post("purchasing.order.cancel", t.make("purchasing.order", **head, lines=[line]), reason="不需要了")
    received = t.send("purchasing.order.read", "GET", f"purchasing/orders/{order}")["lines"][0]["id"]
    for step in ("send", "cancel"):
        made = t.make(
            "purchasing.return_order",
            party=head["party"],
            plant=head["plant"],
            reason="defective",
            lines=[{"order_line": received, "quantity": "2"}],
        )
        t.post(f"purchasing.return_order.{step}", made)
    t.post("purchasing.order.close", order, consent="purchasing.close_uninvoiced")
    t.post(
        "purchasing.order.import_history",
        tax_code=str(world.vat13.pk),
        plant=head["plant"],
        currency=head["currency"],
        records=[
            {
                "number": "OLD-1",
                "party": str(world.supplier.pk),
                "ordered_on": "2025-05-01",
                "lines": [{"item": str(world.screw.pk), "quantity": "10", "price": "0.1"}],
            }
        ],
    )


def making(t: Traveller, world: Any) -> None:
    """Work orders: released, changed on the way, reported, completed, closed."""
    for step in ("firm", "release"):
        order = work(t, world)
        t.post(f"production.work_order.{step}", order, **({"check_kit": False} if step == "release" else {}))
    t.post("production.work_order.cancel", work(t, world), reason="不做了")
    read = t.send("production.work_order.read", "GET", f"production/work_orders/{order}")
    turn, mill = (o["id"] for o in read["operations"])
    t.post(
        "production.work_order.assign",
        order,
        lines=[{"operation": turn, "employee": str(world.second_worker.pk), "quantity": "2"}],
    )
    t.post("production.work_order.issue", order)
    part = next(m for m in read["materials"] if m["item"] == str(world.part.pk))
    t.post(
        "production.work_order.supplement",
        order,
        lines=[{"material": part["id"], "quantity": "1"}],
        reason="损坏",
    )
    t.post("production.work_order.return_material", order, lines=[{"material": part["id"], "quantity": "1"}])
    t.post("production.work_order.add_material", order, item=str(world.steel.pk), quantity="1", reason="垫片")
    t.post(
        "production.work_order.add_operation",
        order,
        sequence=30,
        name="去毛刺",
        work_centre=str(world.milling.pk),
        run_minutes="1",
        reason="毛刺",
    )
    read = t.send("production.work_order.read", "GET", f"production/work_orders/{order}")
    added = next(o["id"] for o in read["operations"] if o["sequence"] == 30)
    t.post(
        "production.work_order.reroute_operation",
        order,
        operation=mill,
        work_centre=str(world.turning.pk),
        reason="铣床故障",
    )
    t.post("production.work_order.skip_operation", order, operation=added, reason="不需要")
    reports(t, world, turn, mill)
    lot = t.make(
        "inventory.lot", item=t.kept["oil"], number="OIL-1"
    )  # comes in held, so that nothing settles by itself
    t.post("inventory.lot.hold", lot, reason="待检")
    receive(t, str(world.plant.pk), t.kept["oil"], 9, "45", lot_number="OIL-1")
    t.post("inventory.lot.release", lot, reason="合格")
    t.post("production.work_order.settle_debts", order)
    t.post("production.work_order.waive_debts", order, reason="盘点后清账")
    t.post("production.work_order.complete", order, lines=[{"quantity": "2", "lot": "FG-2"}])
    t.post("production.completion.reverse", t.first("production.completion", "state=posted")["id"])
    t.post(
        "production.material_issue.reverse",
        t.first("production.material_issue", "state=posted&kind=supplement")["id"],
    )
    t.post("production.work_order.complete", order, lines=[{"quantity": "2", "lot": "FG-3"}], is_last=True)
    t.post("production.work_order.close", order)


def work(t: Traveller, world: Any) -> str:
    return t.make(
        "production.work_order",
        item=str(world.product.pk),
        quantity="2",
        plant=str(world.plant.pk),
        due_on=str(TODAY + timedelta(days=7)),
    )


def reports(t: Traveller, world: Any, turn: str, mill: str) -> None:
    people = [{"employee": str(world.second_worker.pk)}]
    wrong = str(new_id())
    for key, operation, quantity in (
        (wrong, turn, "1"),
        (str(new_id()), turn, "9"),
        (str(new_id()), mill, "2"),
    ):
        if key != wrong and operation == turn:
            t.post("production.report.undo", id=str(new_id()), report=wrong)
            t.post("production.operation.tally", operation=turn, good="1", lot="FG-2")
            quantity = "1"
        t.post(
            "production.work_order.report",
            reports=[
                {
                    "id": key,
                    "operation": operation,
                    "kind": "good",
                    "quantity": quantity,
                    "people": people,
                    "output_lot": "FG-2",
                }
            ],
        )
    late = {
        "id": str(new_id()),
        "operation": mill,
        "kind": "good",
        "quantity": "30",
        "people": people,
        "output_lot": "FG-2",
    }
    t.post(
        "production.work_order.report",
        reports=[late | {"offline": True, "device_at": timezone.now().isoformat()}],
    )
    t.post(
        "production.report_flag.settle", t.first("production.report_flag", "state=open")["id"], answer="确认"
    )


def wages(t: Traveller, world: Any) -> None:
    """A rate made late; what was reported is counted, approved, owed, taken back, owed again and paid."""
    today = str(TODAY)
    t.make("wages.rate", item=str(world.product.pk), piece_price="2.5", valid_from="2020-01-01")
    day = timedelta(days=1)
    t.post("wages.line.count_missing", first=str(TODAY - day), last=str(TODAY + day))
    t.post("wages.line.approve")
    shared_and_given(t, world)
    t.post("wages.statement.prepare", month=str(TODAY + day))
    draft = t.first("wages.statement", "state=draft")["id"]
    t.send("wages.statement.delete", "DELETE", f"wages/statements/{draft}", If_Match='"v1"')
    for paid in (False, True):
        t.post("wages.statement.prepare", month=str(TODAY + day))
        statement = t.first("wages.statement", "state=draft")["id"]
        t.post("wages.statement.confirm", statement)
        if paid:
            t.post("wages.statement.pay", statement, paid_on=today)
        else:
            t.post("wages.statement.reverse", statement, reason="单价有误")


def shared_and_given(t: Traveller, world: Any) -> None:
    """A day of a team shared by attendance; a bonus approved and taken back; a pool that nothing went into."""
    today = str(TODAY)
    unused = t.make("wages.pool", team=str(world.team.pk), valid_from="2019-01-01", valid_to="2019-02-01")
    t.send("wages.pool.delete", "DELETE", f"wages/pools/{unused}", If_Match='"v1"')
    t.make("wages.pool", team=str(world.team.pk), valid_from="2020-01-01")
    order = t.make(
        "production.work_order", item=str(world.product.pk), quantity="5", plant=str(world.plant.pk),
        due_on=str(TODAY + timedelta(days=7)),
    )  # fmt: skip
    t.post("production.work_order.release", order, check_kit=False)
    operation = t.send("production.work_order.read", "GET", f"production/work_orders/{order}")["operations"][0]["id"]
    report = {
        "id": str(new_id()), "operation": operation, "kind": "good", "quantity": "2",
        "people": [{"employee": str(world.worker.pk)}],
    }  # fmt: skip
    t.post("production.work_order.report", reports=[report])
    t.post("wages.line.approve")
    days = {"first": str(TODAY - timedelta(days=1)), "last": str(TODAY + timedelta(days=1))}
    t.post("people.attendance.propose", **days)
    t.post("wages.sharing.share", **days)
    bonus = t.make("wages.bonus", employee=str(world.worker.pk), day=today, amount="5", reason="急单")
    other = t.make("wages.bonus", employee=str(world.worker.pk), day=today, amount="1", reason="误填")
    t.send("wages.bonus.delete", "DELETE", f"wages/bonuses/{other}", If_Match='"v1"')
    t.post("wages.bonus.approve", bonus, by=t.other)
    t.post("wages.bonus.reverse", bonus)


def planning(t: Traveller, world: Any) -> None:
    """Plan what is missing, firm it, loosen it, make orders of it."""
    head = {"party": str(world.customer.pk), "plant": str(world.plant.pk), "currency": str(world.currency.pk)}
    picked = t.make(
        "sales.order",
        **head,
        lines=[
            {"item": str(world.product.pk), "quantity": "3", "price": "900", "tax_code": str(world.vat13.pk)}
        ],
    )
    t.post("sales.order.confirm", picked)
    t.post("sales.order.pick", picked)
    order = t.make(
        "sales.order",
        **head,
        wanted_on=str(TODAY + timedelta(days=30)),
        lines=[
            {
                "item": str(world.product.pk),
                "quantity": "200",
                "price": "900",
                "tax_code": str(world.vat13.pk),
            }
        ],
    )
    t.post("sales.order.confirm", order)
    t.post("planning.run.plan", plant=head["plant"])
    planned = t.first("planning.planned_order", f"state=planned&item={world.product.pk}")["id"]
    t.post("planning.planned_order.firm", planned)
    row = t.send("planning.planned_order.read", "GET", f"planning/planned_orders/{planned}")
    t.send(
        "planning.planned_order.change",
        "PATCH",
        f"planning/planned_orders/{planned}",
        {"quantity": str(10 * float(row["quantity"]))},
        If_Match=f'"v{row["version"]}"',
    )
    t.post("planning.run.plan", plant=head["plant"])
    too_much = t.first("planning.message", "kind=surplus&is_current=true&supply_noun=planning.planned_order")
    t.post("planning.message.accept", too_much["id"])
    t.post("planning.planned_order.loosen", planned)
    t.post("planning.planned_order.convert", planned)


def money(t: Traveller, world: Any) -> None:
    """Invoices, payments, entries by hand, vouchers, the close of a month."""
    made = t.post("finance.customer_invoice.from_orders", orders=[t.kept["order"]])
    invoice = made["result"][0]["id"] if isinstance(made["result"], list) else made["result"]["id"]
    account = t.first("finance.account", "code=1002")["id"]
    payment = paid(t, world, account)
    t.post("finance.payment.post", payment)
    t.post("finance.payment.match", payment, invoices=[{"invoice": invoice}])
    spare = paid(t, world, account)
    t.post("finance.payment.post", spare)
    t.post("finance.payment.reverse", spare, reason="错账")
    for side, party, settle in (
        ("customer", world.customer, "collect"),
        ("supplier", world.supplier, "pay"),
    ):
        noun = registry.noun(f"finance.{side}_invoice")
        for reverse in (True, False):
            key = t.make(
                noun.spec.key,
                **plain(t.samples.input(noun, party=str(party.pk), currency=str(world.currency.pk))),
            )
            t.post(f"finance.{side}_invoice.post", key)
            if reverse:
                t.post(f"finance.{side}_invoice.reverse", key, reason="开错")
            else:
                t.post(f"finance.payment.{settle}", invoices=[key])
    entry = t.make(
        "finance.manual_entry",
        on=str(TODAY),
        text="手工",
        lines=[
            {"account": account, "side": "debit", "amount": "10"},
            {"account": t.first("finance.account", "code=1001")["id"], "side": "credit", "amount": "10"},
        ],
    )
    t.post("finance.manual_entry.post", entry, by=t.other)
    t.post("finance.manual_entry.reverse", entry, reason="记错")
    statement_lines(t)
    t.post("finance.voucher.number")
    t.post("finance.voucher.check", t.first("finance.voucher", "state=made")["id"], by=t.other)
    period = t.first("finance.period", "sort=code")["id"]
    t.post("finance.period.close", period)
    t.post("finance.period.reopen", period)


def statement_lines(t: Traveller) -> None:
    """What a shop's statement left open is matched to an order, decided, and taken back."""
    paid_for = t.first("channels.order", "outside_number=T1")["order"]
    t.post("finance.customer_invoice.from_orders", orders=[paid_for])
    came = t.first("finance.settlement_item", "kind=order")["id"]
    t.post("finance.settlement_item.match", came, order=t.first("channels.order", "outside_number=T1")["id"])
    back = t.first("finance.settlement_item", "kind=refund")["id"]
    account = t.first("finance.account", "code=560199")["id"]
    t.post("finance.settlement_item.decide", back, account=account, note="平台补贴")
    t.post("finance.settlement_item.reopen", back, reason="对错了")
    less = t.first("channels.refund", "kind=refund")
    t.post("channels.refund.agree", less["id"])
    t.post("channels.refund.pay", less["id"])
    t.post("finance.customer_invoice.from_refunds", orders=[less["channel_order"]])


def paid(t: Traveller, world: Any, account: str) -> str:
    return t.make(
        "finance.payment",
        direction="in",
        party=str(world.customer.pk),
        paid_on=str(TODAY),
        account=account,
        currency=str(world.currency.pk),
        amount="10",
    )


def asking(t: Traveller, world: Any) -> None:
    """Ask every declared query about records that exist."""
    t.send("me", "GET", "me")
    t.send("find", "GET", "find?q=齿轮")
    t.send("openapi", "GET", "openapi.json")
    for asked in queries.queries():
        body = {}
        for name, field in (asked.input.model_fields if asked.input else {}).items():
            if field.is_required():
                said = (field.json_schema_extra or {}).get("x-banyan", {})
                body[name] = str(
                    registry.noun(said["reference"]).model._base_manager.values_list("pk", flat=True).first()
                )
        t.send(f"queries.{asked.key}", "POST", f"queries/{asked.key}", body or None)
        t.send(f"queries.{asked.key}.read", "GET", f"queries/{asked.key}?{urlencode(body)}")


LEGS = (books, accounts, masters, stock, structure, selling, channels, buying, making, wages, planning, money)
