"""Quotations and orders: prices, amounts, promises, cancelling, closing; and every refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Audit, Outbox
from banyan.lib.errors import Conflict, DomainError, Invalid, NeedsConfirmation, NotAllowed, NotFound, Stale
from banyan.lib.ids import new_id
from banyan.modules.inventory.errors import NotEnoughStock
from banyan.modules.sales import queries
from banyan.modules.sales.models import CustomerPrice, Order, PromiseEntry, Quotation

pytestmark = pytest.mark.django_db
MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 6)


def price(world, value, **more):
    return world.make("sales.customer_price", item=more.pop("item", world.part), price=value, **more)


# --- drafts: prices and amounts -----------------------------------------------------------------------------


def test_an_order_is_completed_from_customer_item_and_plant(shop, world):
    order = shop.order(shop.line(world.part, 3, "9.99", discount_percent="10"), wanted_on="2026-03-20")
    (line,) = shop.lines(order)
    assert (order.currency, order.exchange_rate, order.ordered_on) == (world.currency, D(1), MONDAY)
    assert (line.unit, line.stock_quantity, line.tax_code) == (world.pieces, D(3), world.vat13)
    assert (line.net_amount, line.tax_amount, line.wanted_on) == (D("26.97"), D("3.51"), date(2026, 3, 20))
    assert (order.net_amount, order.tax_amount, order.gross_amount) == (D("26.97"), D("3.51"), D("30.48"))
    assert (order.number, order.state) == (None, "draft")


def test_a_price_with_tax_inside_is_split(shop, world):
    order = shop.order(shop.line(world.part, 10, "11.30", price_includes_tax=True))
    assert (order.net_amount, order.tax_amount, order.gross_amount) == (D("100.00"), D("13.00"), D("113.00"))


def test_the_price_list_fills_what_nobody_says(shop, world):
    price(world, "10", valid_from="2026-01-01")
    price(world, "9", minimum_quantity="100", valid_from="2026-01-01")
    price(world, "8", party=world.customer, valid_from="2026-01-01", valid_to="2026-03-02")
    price(world, "7.5", party=world.customer, valid_from="2026-03-02", price_includes_tax=True)
    order = shop.order({"item": world.part, "quantity": "5"}, {"item": world.part, "quantity": "500"})
    assert [(ln.price, ln.price_includes_tax) for ln in shop.lines(order)] == [(D("7.5"), True)] * 2
    other = shop.order(
        {"item": world.part, "quantity": "5"}, {"item": world.part, "quantity": "100"},
        party=world.party(tax_code=world.vat13),
    )  # fmt: skip
    assert [ln.price for ln in shop.lines(other)] == [D(10), D(9)]


def test_a_line_without_any_price_is_named(shop, world):
    with pytest.raises(Invalid) as refusal:
        shop.order(shop.line(world.part, 1), {"item": world.part, "quantity": "1"})
    assert list(refusal.value.fields) == ["records.0.lines.1.price"]


def test_prices_of_one_kind_do_not_overlap(shop, world):
    price(world, "10", valid_from="2026-01-01", valid_to="2026-06-01")
    with pytest.raises(Conflict) as refusal:
        price(world, "11", valid_from="2026-05-31")
    assert refusal.value.code == "sales.prices_overlap"
    price(world, "11", valid_from="2026-06-01")
    price(world, "9", valid_from="2026-01-01", minimum_quantity="10")
    price(world, "8", valid_from="2026-01-01", party=world.customer)
    assert CustomerPrice.objects.count() == 4


def test_a_line_in_another_unit_counts_in_the_stock_unit(shop, world):
    order = shop.order(shop.line(world.screw, 3, "50", unit=world.box))
    (line,) = shop.lines(order)
    assert (line.quantity, line.stock_quantity, line.net_amount) == (D(3), D(300), D("150.00"))


def test_a_foreign_currency_has_the_rate_of_its_day(shop, world):
    assert world.company
    order = shop.order(shop.line(world.part, 1, "100"), currency=world.dollar)
    assert order.exchange_rate == D("7.10")
    early = shop.order(shop.line(world.part, 1, "100"), currency=world.dollar, ordered_on="2026-02-28")
    assert early.exchange_rate == D("7.00")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"quantity": "0"}, "records.0.lines.0.quantity"),
        ({"quantity": "-1"}, "records.0.lines.0.quantity"),
        ({"quantity": "1.5"}, "records.0.lines.0.quantity"),
        ({"quantity": "1e400"}, "records.0.lines.0.quantity"),
        ({"quantity": "99999999999999", "price": "99999999999999"}, "records.0.lines.0.price"),
        ({"price": "-0.01"}, "records.0.lines.0.price"),
        ({"discount_percent": "100.5"}, "records.0.lines.0.discount_percent"),
        ({"discount_percent": "-1"}, "records.0.lines.0.discount_percent"),
        ({"item": str(new_id())}, "records.0.lines.0.item"),
        ({"note": "字" * 256}, "records.0.lines.0.note"),
    ],
)
def test_what_cannot_be_is_named_by_line(shop, world, values, path):
    with pytest.raises(Invalid) as refusal:
        shop.order(shop.line(world.part, 1) | values)
    assert list(refusal.value.fields) == [path]
    assert Order.objects.count() == 0


def test_chinese_and_emoji_stay_as_they_are(shop, world):
    order = shop.confirmed(
        shop.line(world.part, 1, note="轴承🔩 ①"), customer_reference="客户单—🙂", terms="货到付款"
    )
    order.refresh_from_db()
    assert (order.customer_reference, shop.lines(order)[0].note) == ("客户单—🙂", "轴承🔩 ①")
    assert Order.objects.filter(find_text__found="户单").count() == 1


def test_only_customers_in_good_standing_get_orders(shop, world):
    with pytest.raises(Conflict) as refusal:
        shop.order(shop.line(world.part, 1), party=world.supplier)
    assert refusal.value.code == "parties.not_a_customer"
    order = shop.order(shop.line(world.part, 1))
    world.do("parties.party.block", world.customer, reason="逾期")
    with pytest.raises(Conflict) as refusal:
        world.do("sales.order.confirm", order)
    assert refusal.value.code == "parties.blocked"
    with pytest.raises(Conflict):
        shop.order(shop.line(world.part, 1))


def test_an_item_out_of_use_is_not_sold(shop, world):
    order = shop.order(shop.line(world.part, 1))
    world.do("items.item.deactivate", world.part)
    with pytest.raises(Conflict) as refusal:
        world.do("sales.order.confirm", order)
    assert refusal.value.code == "items.inactive"


def test_amounts_follow_a_change_of_lines(shop, world):
    order = shop.order(shop.line(world.part, 10), shop.line(world.screw, 1))
    first = shop.lines(order)[0]
    world.change(order, lines=[shop.line(world.part, 20, id=first.pk)])
    assert (order.net_amount, [ln.pk for ln in shop.lines(order)]) == (D("200.00"), [first.pk])


def test_a_confirmed_order_is_not_edited_or_deleted(shop, world):
    order = shop.confirmed(shop.line(world.part, 1))
    with pytest.raises(WrongState):
        world.change(order, terms="x")
    with pytest.raises(WrongState):
        world.do("sales.order.delete", order)


# --- confirming ---------------------------------------------------------------------------------------------


def test_confirming_promises_what_is_free_and_dates_the_rest_by_lead_time(shop, world):
    world.planned(world.part, lead_time_days=3)
    shop.put(world.part, 6)
    order = shop.confirmed(
        shop.line(world.part, 4), shop.line(world.part, 4), shop.line(world.part, 4, wanted_on="2026-05-04")
    )
    lines = shop.lines(order)
    assert [shop.promised(line) for line in lines] == [D(4), D(2), D(0)]
    assert [line.promised_on for line in lines] == [MONDAY, date(2026, 3, 5), date(2026, 5, 4)]
    assert (order.state, order.promised_on, order.number[:6]) == ("confirmed", date(2026, 5, 4), "SO2603")
    assert shop.supply(world.part) == (D(6), D(6))
    assert shop.ledger(order) == [
        (1, 1, None, MONDAY, ""), (2, 1, None, date(2026, 3, 5), ""), (3, 1, None, date(2026, 5, 4), ""),
    ]  # fmt: skip


def test_confirming_tells_what_listeners_need(shop, world):
    order = shop.confirmed(shop.line(world.part, 2, "50"), currency=world.dollar, address="杭州文一路 1 号")
    event = Outbox.objects.get(type="sales.order_confirmed")
    assert (event.record, event.number) == (order.pk, order.number)
    assert (event.payload["gross_amount"], event.payload["amount"]) == ("113", "802.3")
    assert event.payload["address"] == "杭州文一路 1 号"
    (line,) = event.payload["lines"]
    told = [line[name] for name in ("quantity", "item_code", "item_name", "unit", "has_stock")]
    assert told == ["2", world.part.code, world.part.name, "pcs", True]
    assert [line[name] for name in ("net_amount", "tax_amount", "tax_code")] == ["100", "13", "VAT13"]
    assert event.payload["ordered_on"] == order.ordered_on.isoformat()


def test_must_promise_refuses_when_one_line_is_short(shop, world):
    shop.put(world.part, 5)
    order = shop.order(shop.line(world.part, 3), shop.line(world.part, 3))
    with pytest.raises(NotEnoughStock) as refusal:
        world.do("sales.order.confirm", order, must_promise=True)
    assert [s.missing for s in refusal.value.shortages] == [D(1)]
    order.refresh_from_db()
    assert (order.state, order.number, shop.supply(world.part)) == ("draft", None, (D(5), D(0)))
    assert PromiseEntry.objects.count() == 0
    shop.put(world.part, 1)
    world.do("sales.order.confirm", order, must_promise=True)
    assert (order.state, order.promised_on) == ("confirmed", MONDAY)


def test_services_need_no_stock(shop, world):
    fee = world.item(kind="service", code="FEE", name="安装费")
    order = shop.order(shop.line(fee, 1, "300"))
    world.do("sales.order.confirm", order, must_promise=True)
    assert order.promised_on == MONDAY
    (shipment,) = world.do("sales.order.ship", order)
    assert (order.state, shop.moves(shipment)) == ("shipped", [])


def test_the_plan_is_asked_for_what_is_not_free(shop, world, monkeypatch):
    asked = []

    def answer(ctx, wishes):
        asked.extend(wishes)
        return {wish.line: date(2026, 6, 1) for wish in wishes}

    monkeypatch.setitem(registry._ports, "sales.earliest_date", answer)
    shop.put(world.part, 1)
    order = shop.confirmed(shop.line(world.part, 1), shop.line(world.part, 7))
    assert [(wish.quantity, wish.item) for wish in asked] == [(D(7), world.part.pk)]
    assert [line.promised_on for line in shop.lines(order)] == [MONDAY, date(2026, 6, 1)]


def test_a_given_day_counts_for_all_lines_and_never_lies_in_the_past(shop, world):
    order = shop.order(shop.line(world.part, 1), shop.line(world.screw, 1))
    with pytest.raises(Invalid) as refusal:
        world.do("sales.order.confirm", order, promised_on="2026-03-01")
    assert refusal.value.code == "sales.promise_in_past"
    world.do("sales.order.confirm", order, promised_on="2026-03-06")
    assert {line.promised_on for line in shop.lines(order)} == {FRIDAY}


@pytest.mark.parametrize(("quantity", "most"), [(5, 14), (500, 15)])
def test_confirming_three_lines_takes_few_statements(shop, world, quantity, most):
    """Counts the listeners of the modules above too; what stock does not have costs the plant's calendar."""
    items = (world.part, world.screw, world.steel)
    for item in items:
        world.planned(item, lead_time_days=2)
        shop.put(item, 100, lot="L1" if item.tracking == "lot" else "")
    order = shop.order(*(shop.line(item, quantity) for item in items))
    confirm = registry.command("sales.order.confirm")
    statements = shop.count(lambda: execute(shop.ctx, confirm, ids=[order.pk]))
    assert len(statements) <= most, "\n".join(statements)


def test_many_orders_are_confirmed_in_as_many_statements_as_one(shop, world):
    shop.put(world.part, 1000)
    orders = [shop.order(shop.line(world.part, 5)) for _ in range(8)]
    confirm = registry.command("sales.order.confirm")
    one = shop.count(lambda: execute(shop.ctx, confirm, ids=[orders[0].pk]))
    many = shop.count(lambda: execute(shop.ctx, confirm, ids=[o.pk for o in orders[1:]]))
    assert len(many) <= len(one) + 1, "\n".join(many)
    assert len(set(Order.objects.values_list("number", flat=True))) == 8


# --- promising anew, reserving ------------------------------------------------------------------------------


def test_every_change_of_a_promise_is_kept_with_its_reason(shop, world):
    order = shop.confirmed(shop.line(world.part, 1), shop.line(world.screw, 1))
    first, second = shop.lines(order)
    with pytest.raises(Invalid) as refusal:
        world.do("sales.order.promise", order, promised_on="2026-03-09")
    assert refusal.value.code == "sales.reason_needed"
    world.do("sales.order.promise", order, promised_on="2026-03-09", reason="缺料🙁", lines=[first.pk])
    world.do("sales.order.promise", order, promised_on="2026-03-09", reason="同日无变化", lines=[first.pk])
    assert shop.ledger(order) == [
        (1, 1, None, MONDAY, ""), (1, 2, MONDAY, date(2026, 3, 9), "缺料🙁"), (2, 1, None, MONDAY, ""),
    ]  # fmt: skip
    assert (order.promised_on, second.promised_on) == (date(2026, 3, 9), MONDAY)
    assert [row.no for row in queries.promise_ledger([first.pk])] == [1, 2]
    told = Outbox.objects.get(type="sales.order_promised")
    assert [line["promised_on"] for line in told.payload["lines"]] == ["2026-03-09"]


def test_the_plan_may_be_asked_again_without_a_reason_of_ones_own(shop, world):
    world.planned(world.part, lead_time_days=4)
    order = shop.confirmed(shop.line(world.part, 3))
    assert order.promised_on == FRIDAY
    shop.put(world.part, 3)
    world.do("sales.order.promise", order)
    assert order.promised_on == FRIDAY
    world.do("sales.order.reserve", order)
    world.do("sales.order.promise", order)
    assert order.promised_on == MONDAY
    assert shop.ledger(order) == [(1, 1, None, FRIDAY, ""), (1, 2, FRIDAY, MONDAY, "按库存和计划重新计算")]


def test_a_line_of_another_order_is_refused(shop, world):
    order, other = shop.confirmed(shop.line(world.part, 1)), shop.confirmed(shop.line(world.part, 1))
    foreign = [shop.lines(other)[0].pk]
    for command, data in (
        ("promise", {"reason": "x", "lines": foreign}),
        ("cancel", {"reason": "x", "lines": foreign}),
    ):
        with pytest.raises(Invalid) as refusal:
            world.do(f"sales.order.{command}", order, **data)
        assert refusal.value.code == "sales.line_unknown"


def test_reserving_takes_what_has_become_free(shop, world):
    order = shop.confirmed(shop.line(world.part, 10))
    (line,) = shop.lines(order)
    shop.put(world.part, 4)
    assert world.do("sales.order.reserve", order) == {line.pk: D(4)}
    shop.put(world.part, 40)
    assert world.do("sales.order.reserve", order) == {line.pk: D(10)}
    assert world.do("sales.order.reserve", order) == {line.pk: D(10)}
    assert (shop.promised(line), shop.supply(world.part)) == (D(10), (D(44), D(10)))


# --- cancelling, closing ------------------------------------------------------------------------------------


def test_cancelling_frees_what_was_promised(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 8))
    world.do("sales.order.cancel", order, reason="客户撤单")
    (line,) = shop.lines(order)
    assert (order.state, order.cancel_reason, line.cancelled_quantity, line.open_quantity) == (
        "cancelled", "客户撤单", D(8), D(0),
    )  # fmt: skip
    assert shop.supply(world.part) == (D(10), D(0))
    assert Outbox.objects.get(type="sales.order_cancelled").payload["lines"][0]["quantity"] == "8"


def test_a_draft_is_cancelled_without_noise(shop, world):
    order = shop.order(shop.line(world.part, 8))
    world.do("sales.order.cancel", order, reason="重复")
    assert (order.state, Outbox.objects.filter(type="sales.order_cancelled").count()) == ("cancelled", 0)


def test_one_line_is_cancelled_and_the_rest_goes_on(shop, world):
    shop.put(world.part, 20)
    order = shop.confirmed(shop.line(world.part, 8), shop.line(world.part, 2))
    first, second = shop.lines(order)
    world.do("sales.order.cancel", order, reason="不要了", lines=[second.pk])
    assert (order.state, shop.supply(world.part)) == ("confirmed", (D(20), D(8)))
    with pytest.raises(Conflict) as refusal:
        world.do("sales.order.cancel", order, reason="再来", lines=[second.pk])
    assert refusal.value.code == "sales.nothing_open"
    world.do("sales.order.ship", order, lines=[{"order_line": first.pk, "quantity": "3"}])
    world.do("sales.order.cancel", order, reason="其余取消")
    first.refresh_from_db()
    assert (order.state, first.cancelled_quantity, first.shipped_quantity) == ("shipped", D(5), D(3))
    assert shop.supply(world.part) == (D(17), D(0))


def test_closing_asks_first_when_something_is_not_invoiced(shop, world, ctx):
    shop.put(world.part, 5)
    order = shop.shipped(shop.line(world.part, 5))
    close = registry.command("sales.order.close")
    with pytest.raises(NeedsConfirmation) as refusal:
        execute(ctx, close, ids=[order.pk])
    assert refusal.value.code == "sales.close_uninvoiced"
    execute(ctx.with_(consents=frozenset({"sales.close_uninvoiced"})), close, ids=[order.pk])
    order.refresh_from_db()
    assert order.state == "closed"


# --- who may, what state, stale, twice ----------------------------------------------------------------------


COMMANDS = [
    ("confirm", {}),
    ("promise", {}),
    ("reserve", None),
    ("ship", {}),
    ("pick", {}),
    ("cancel", {"reason": "x"}),
    ("close", None),
]


@pytest.mark.parametrize(("name", "data"), COMMANDS)
def test_without_the_right_nothing_happens(shop, world, nobody, name, data):
    order = shop.order(shop.line(world.part, 1))
    with pytest.raises(NotAllowed):
        execute(nobody, registry.command(f"sales.order.{name}"), ids=[order.pk], data=data)
    order.refresh_from_db()
    assert (order.state, order.version) == ("draft", 1)
    assert Audit.objects.filter(command=f"sales.order.{name}", outcome="refused").count() == 1


@pytest.mark.parametrize(
    ("name", "data"), [("promise", {}), ("reserve", None), ("ship", {}), ("pick", {}), ("close", None)]
)
def test_a_draft_is_confirmed_before_anything_else(shop, world, name, data):
    order = shop.order(shop.line(world.part, 1))
    with pytest.raises(WrongState):
        execute(shop.ctx, registry.command(f"sales.order.{name}"), ids=[order.pk], data=data)


def test_confirming_twice_is_refused_and_promises_once(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 4))
    with pytest.raises(WrongState):
        world.do("sales.order.confirm", order)
    assert shop.supply(world.part) == (D(10), D(4))


def test_the_same_key_confirms_once(shop, world):
    shop.put(world.part, 10)
    order = shop.order(shop.line(world.part, 4))
    confirm, keyed = registry.command("sales.order.confirm"), shop.ctx.with_(key="k-1")
    assert not execute(keyed, confirm, ids=[order.pk], data={}).is_replay
    assert execute(keyed, confirm, ids=[order.pk], data={}).is_replay
    assert (shop.supply(world.part), PromiseEntry.objects.count()) == ((D(10), D(4)), 1)


def test_a_stale_version_is_refused(shop, world):
    order = shop.order(shop.line(world.part, 4))
    world.change(order, terms="新条款")
    with pytest.raises(Stale):
        execute(
            shop.ctx, registry.command("sales.order.confirm"), ids=[order.pk], data={}, versions={order.pk: 1}
        )


def test_an_order_of_another_plant_is_not_there(shop, world, person):
    order = shop.order(shop.line(world.part, 4))
    elsewhere = person(("sales.*", "plant"), plants=[world.second_plant.pk])
    with pytest.raises(NotFound):
        execute(elsewhere, registry.command("sales.order.confirm"), ids=[order.pk], data={})


def test_an_order_that_lost_its_lines_is_not_confirmed(shop, world):
    order = shop.order(shop.line(world.part, 4))
    world.change(order, lines=[])
    with pytest.raises(Conflict) as refusal:
        world.do("sales.order.confirm", order)
    assert refusal.value.code == "sales.order_empty"


# --- quotations ---------------------------------------------------------------------------------------------


def quotation(world, shop, **more):
    lines = [shop.line(world.part, 5, "12.5", discount_percent="4", note="带附件")]
    return world.make("sales.quotation", party=world.customer, plant=world.plant, lines=lines, **more)


def test_a_quotation_becomes_an_order_at_the_prices_offered(shop, world):
    offer = quotation(world, shop, valid_until="2026-03-31", terms="含运费", customer_reference="RFQ-1")
    world.do("sales.quotation.send", offer)
    assert (offer.state, offer.number) == ("sent", "QU2603-0001")
    world.do("sales.quotation.accept", offer)
    (order,) = world.do("sales.quotation.order", offer, wanted_on="2026-03-20")
    order.refresh_from_db()
    (line,) = shop.lines(order)
    assert (offer.state, order.state, order.quotation_id) == ("ordered", "draft", offer.pk)
    assert (order.net_amount, order.terms, order.customer_reference) == (offer.net_amount, "含运费", "RFQ-1")
    assert (line.price, line.discount_percent, line.note, line.wanted_on) == (
        D("12.5"),
        D(4),
        "带附件",
        date(2026, 3, 20),
    )


def test_a_quotation_is_revised_under_its_number_and_may_be_lost(shop, world):
    offer = quotation(world, shop)
    world.do("sales.quotation.send", offer)
    world.do("sales.quotation.revise", offer)
    world.change(offer, lines=[shop.line(world.part, 5, "11")])
    world.do("sales.quotation.send", offer)
    assert (offer.number, offer.net_amount) == ("QU2603-0001", D("55.00"))
    world.do("sales.quotation.lose", offer, reason="价格高")
    assert (offer.state, offer.lost_reason) == ("lost", "价格高")
    with pytest.raises(WrongState):
        world.do("sales.quotation.order", offer)


@pytest.mark.parametrize(
    ("name", "data"),
    [("send", None), ("revise", None), ("accept", None), ("lose", {"reason": "x"}), ("order", {})],
)
def test_quotations_need_the_right_and_the_state(shop, world, nobody, name, data):
    offer = quotation(world, shop)
    command = registry.command(f"sales.quotation.{name}")
    with pytest.raises(NotAllowed):
        execute(nobody, command, ids=[offer.pk], data=data)
    if name != "send":
        with pytest.raises(DomainError) as refusal:
            execute(shop.ctx, command, ids=[offer.pk], data=data)
        assert refusal.value.code == "wrong_state"
    assert Quotation.objects.get().state == "draft"
