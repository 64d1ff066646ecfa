"""Runs against the database: what they propose, keep, and leave alone; and what becomes of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.kernel import reading, registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Outbox
from banyan.kernel.proofs import run as prove
from banyan.kernel.queries import ask as ask_query
from banyan.kernel.queries import declared_query
from banyan.lib.errors import NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Location
from banyan.modules.planning import queries, reactions
from banyan.modules.planning.errors import LinesUnknown, NoSupplier, NothingProposed, StructureBroken
from banyan.modules.planning.models import Message, Peg, PlannedOrder, Run
from banyan.modules.production.models import WorkOrder
from banyan.modules.purchasing.models import Order, OrderLine
from banyan.modules.sales.commands import DateWish
from banyan.modules.sales.models import OrderLine as OrderLineOfSales


def on(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


WORKED = [
    ("FG", 8, on("04-22"), on("04-27")),
    ("BOLT", 46, on("04-17"), on("04-22")),
    ("SA", 8, on("04-20"), on("04-22")),
    ("PART", 30, on("04-13"), on("04-20")),
    ("BAR", 30, on("04-02"), on("04-13")),
]


def test_a_run_proposes_what_is_missing_and_keeps_why(worked):
    run = worked.plan()
    assert worked.orders() == WORKED
    assert (run.number, run.is_current, run.order_count, run.new_count) == ("MRP260302-001", True, 5, 5)
    up = queries.serves(run.pk, [worked.order(worked.bar).pk])
    assert [(s.level, s.demand_noun, s.demand_line) for s in up][-1] == (4, "sales.order", worked.line.pk)
    down = queries.served_by(run.pk, [worked.line.pk])
    assert {(s.item, s.supply_noun, s.quantity) for s in down} >= {
        (worked.fg.pk, "inventory.balance", D(4)), (worked.bolt.pk, "purchasing.order", D(32)),
        (worked.bar.pk, "planning.planned_order", D(30)),
    }  # fmt: skip
    assert Outbox.objects.filter(type="planning.planned").count() == 1
    assert worked.messages(run) == []


def test_what_a_shop_sells_made_to_order_is_demand_of_the_plan(factory):
    stall = Stall(factory.world)
    assert factory.standing
    shop = stall.shop("S")
    stall.listing(shop, "MADE", factory.fg, is_made_to_order=True)
    given = stall.outside(shop, {"sku": "MADE", "quantity": "3"}, ship_by="2026-04-27T08:00:00Z")
    assert stall.receive(given)[0].state == "accepted"
    factory.plan()
    made = [(code, quantity, due) for code, quantity, _, due in factory.orders() if code in ("FG", "SA", "PART")]
    assert made == [("FG", 3, on("04-27")), ("SA", 3, on("04-22")), ("PART", 30, on("04-20"))]
    order = stall.order(shop, given["number"]).order_id
    demand = Peg.objects.filter(demand_noun="sales.order").values_list("demand_line", flat=True).distinct()
    assert list(demand) == list(OrderLineOfSales.objects.filter(order=order).values_list("pk", flat=True))


def test_running_twice_changes_nothing(worked):
    first = worked.plan()
    tables = (PlannedOrder, Peg, Message)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    again = worked.plan()
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    assert (again.new_count, again.changed_count, again.gone_count) == (0, 0, 0)
    assert (again.pk, again.number, again.version) == (first.pk, first.number, 2)
    assert Run.objects.get() == again


def test_a_changed_demand_changes_only_what_depends_on_it(worked):
    worked.plan()
    bar = worked.order(worked.bar)
    worked.sell(worked.fg, 1, "2026-04-29")
    run = worked.plan()
    assert (run.new_count, run.changed_count, run.gone_count) == (3, 1, 0)
    assert ("FG", 1, on("04-24"), on("04-29")) in worked.orders()
    assert PlannedOrder.objects.get(pk=bar.pk).version == bar.version


def test_firm_orders_are_left_alone_and_count_as_supply(worked, world):
    worked.plan()
    part = worked.order(worked.part)
    world.do("planning.planned_order.firm", part)
    assert part.number == "PL2603-00001"
    world.change(part, quantity="50", starts_on="2026-04-06", due_on="2026-04-10")
    run = worked.plan()
    assert [o for o in worked.orders() if o[0] in ("PART", "BAR")] == [
        ("PART", 50, on("04-06"), on("04-10")), ("BAR", 50, on("03-26"), on("04-06"))]  # fmt: skip
    assert worked.messages(run) == [
        ("surplus", "PL2603-00001: 20 of PART are not needed; reduce it"),
        ("postpone", "PL2603-00001: PART is not wanted before 2026-04-20; put it off from 2026-04-10"),
    ]
    world.do("planning.planned_order.loosen", part)
    worked.plan()
    assert worked.orders() == WORKED


def test_a_planned_order_is_not_changed_before_it_is_firm(worked, world):
    worked.plan()
    with pytest.raises(WrongState):
        world.change(worked.order(worked.bar), quantity="5")


def test_planned_orders_become_work_orders_and_one_purchase_order_per_supplier(worked, world):
    other = world.party(code="SU-2", is_customer=False, is_supplier=True, tax_code=world.vat13)
    worked.offer(worked.bar, "11", party=other, is_preferred=True)
    worked.plan()
    orders = list(PlannedOrder.objects.all())
    world.do("planning.planned_order.convert", orders)
    made = WorkOrder.objects.order_by("-due_on", "-starts_on")
    worked_out = [(o.item.code, int(o.quantity), o.starts_on, o.due_on) for o in made]
    assert worked_out == [row for row in WORKED if row[0] in ("FG", "SA", "PART")]
    bought = OrderLine.objects.filter(order__state="draft").order_by("item__code")
    assert [(ln.item.code, ln.order.party.code, ln.stock_quantity, ln.wanted_on) for ln in bought] == [
        ("BAR", "SU-2", 30, on("04-13")), ("BOLT", "SU-1", 46, on("04-22"))]  # fmt: skip
    assert {o.state for o in PlannedOrder.objects.all()} == {"converted"}
    assert Outbox.objects.filter(type="planning.planned_order_converted").count() == 5


def test_after_conversion_a_run_proposes_nothing_more(worked, world):
    worked.plan()
    world.do("planning.planned_order.convert", list(PlannedOrder.objects.all()))
    for order in Order.objects.filter(state="draft"):
        world.do("purchasing.order.order", order)
    run = worked.plan()
    assert (run.order_count, run.late_count) == (0, 0)
    assert worked.messages(run) == []


def test_released_work_orders_ask_for_their_own_lines(worked, world):
    worked.plan()
    sa = worked.order(worked.sa)
    world.do("planning.planned_order.convert", [sa])
    work = WorkOrder.objects.get()
    world.ctx = world.ctx.with_(consents=frozenset({"production.not_kitted"}))
    world.do("production.work_order.release", work, check_kit=False)
    worked.plan()
    assert [o for o in worked.orders(state="planned")] == [o for o in WORKED if o[0] != "SA"]


def test_orders_in_a_suppliers_unit_and_packs(worked, world):
    world.change(worked.bolt, units=[{"unit": world.box, "numerator": "10", "denominator": "1"}])
    other = world.party(code="SU-2", is_customer=False, is_supplier=True, tax_code=world.vat13)
    worked.offer(worked.bolt, "2.8", party=other, unit=world.box, pack_factor="2", is_preferred=True)
    worked.plan()
    world.do("planning.planned_order.convert", [worked.order(worked.bolt)])
    line = OrderLine.objects.get(order__state="draft")
    assert (line.quantity, line.unit, line.stock_quantity, line.price) == (6, world.box, 60, D("2.8"))


def test_what_nobody_delivers_is_said_and_not_converted(worked, world):
    steel = world.item(code="STEEL", kind="bought")
    worked.sell(steel, 3, "2026-05-04")
    run = worked.plan()
    assert worked.messages(run) == [
        ("no_supplier", "3 of STEEL are to be bought, but no supplier in use delivers it")
    ]
    with pytest.raises(NoSupplier) as refusal:
        world.do("planning.planned_order.convert", list(PlannedOrder.objects.all()))
    assert refusal.value.data == {"item": ["STEEL"]}
    assert not WorkOrder.objects.exists()
    order = PlannedOrder.objects.get(item=steel)
    world.do("planning.planned_order.firm", order)
    world.change(order, supplier=world.supplier)


def test_what_is_out_of_use_or_lies_at_line_sides_is_said(worked, world):
    side = world.make("inventory.location", code="LS", name="LS", kind="line_side", plant=worked.plant)
    steel = world.item(code="STEEL", kind="bought")
    worked.offer(steel, "3")
    worked.put(steel, 4)
    store = Location.objects.get(pk=queries.inventory.standing(worked.plant.pk).warehouse)
    world.do("inventory.stock_document.transfer", item=steel, quantity="3", source=store, target=side)
    worked.sell(steel, 6, "2026-05-04")
    world.do("items.item.deactivate", steel)
    said = [text for kind, text in worked.messages(worked.plan()) if kind != "late"]
    assert said == [
        "2 of STEEL are wanted, but it is out of use: take it up again or replace it",
        "3 of STEEL, wanted on 2026-05-04, lie at line sides: fetch them to store first",
    ]


def test_a_late_order_says_what_holds_it_up(factory):
    factory.put(factory.bolt, 100)
    line = factory.sell(factory.fg, 1, "2026-03-09")
    run = factory.plan()
    assert run.late_count == 1
    late = Message.objects.get(kind="late")
    assert (late.days_late, late.day, late.wanted_on, late.cause_item) == (
        16,
        on("03-25"),
        on("03-09"),
        factory.bar,
    )
    assert late.demand_line == line.pk
    assert late.text_zh.endswith("卡在 BAR：采购，2026-03-02 下单 2026-03-11 到")
    assert factory.order(factory.fg).ready_on == on("03-25")


def test_a_trial_changes_no_planned_order_and_is_compared(factory):
    factory.put(factory.fg, 10)
    factory.put(factory.bar, 100)
    factory.put(factory.bolt, 500)
    early = factory.sell(factory.fg, 10, "2026-03-04")
    rush = factory.sell(factory.fg, 10, "2026-03-05")
    current = factory.plan()
    before = list(PlannedOrder.objects.order_by("pk").values())
    trial = factory.plan(is_trial=True, rush=[rush.pk])
    assert list(PlannedOrder.objects.order_by("pk").values()) == before
    assert Run.objects.get(is_current=True) == current
    slips = queries.compare_runs(current.pk, trial.pk)
    assert [(s.line, s.before, s.after) for s in slips] == [
        (early.pk, on("03-02"), on("03-16")), (rush.pk, on("03-16"), on("03-02"))]  # fmt: skip


def test_the_list_of_messages_shows_those_of_the_current_plan(factory):
    factory.sell(factory.fg, 1, "2026-03-09")
    first = factory.plan()
    factory.plan(is_trial=True)
    assert set(Message.objects.filter(is_current=True).values_list("run", flat=True)) == {first.pk}
    factory.sell(factory.fg, 1, "2026-03-10")
    second = factory.plan()
    assert set(Message.objects.filter(is_current=True).values_list("run", flat=True)) == {second.pk}
    assert Message.objects.filter(run=first).exists()


def test_proposals_for_firm_orders_are_accepted(worked, world):
    worked.plan()
    part, bar = worked.order(worked.part), worked.order(worked.bar)
    world.do("planning.planned_order.firm", [part, bar])
    world.change(part, quantity="50", starts_on="2026-04-06", due_on="2026-04-10")
    world.change(bar, starts_on="2026-04-16", due_on="2026-04-27")
    worked.plan()
    told = Message.objects.filter(is_current=True).exclude(kind="late")
    assert set(told.values_list("item__code", "kind")) == {
        ("PART", "surplus"), ("PART", "postpone"), ("BAR", "expedite")}  # fmt: skip
    world.do("planning.message.accept", list(told))
    assert worked.orders(state="firm") == [
        ("PART", 30, on("04-16"), on("04-20")), ("BAR", 30, on("03-26"), on("04-06"))]  # fmt: skip
    assert not told.all().exists()


def test_a_firm_order_that_nobody_needs_goes_with_the_next_run(worked, world):
    worked.plan()
    part = worked.order(worked.part)
    world.do("planning.planned_order.firm", part)
    world.do("sales.order.cancel", worked.line.order_id, reason="不要了", lines=[])
    run = worked.plan()
    message = Message.objects.get(run=run, supply=part.pk)
    assert message.kind == "cancel"
    world.do("planning.message.accept", message)
    worked.plan()
    assert not PlannedOrder.objects.filter(item=worked.part).exists()
    with pytest.raises(NothingProposed):
        world.do("planning.message.accept", message)


def test_what_is_not_ours_to_move_is_refused(worked, world):
    world.do("sales.order.cancel", worked.line.order_id, reason="不要了", lines=[])
    message = Message.objects.get(run=worked.plan(), kind="cancel")
    with pytest.raises(NothingProposed) as refusal:
        world.do("planning.message.accept", message)
    assert "BOLT" in refusal.value.text("en")


def test_a_rush_order_is_served_from_stock_first(factory):
    factory.put(factory.fg, 10)
    factory.sell(factory.fg, 10, "2026-03-04")
    rush = factory.sell(factory.fg, 10, "2026-03-05", priority="urgent")
    run = factory.plan()
    served = queries.served_by(run.pk, [rush.pk])
    assert [(s.level, s.supply_noun) for s in served] == [(1, "inventory.balance")]
    assert set(PlannedOrder.objects.values_list("priority", flat=True)) == {"normal"}


def test_rush_lines_must_be_open(factory):
    with pytest.raises(LinesUnknown):
        factory.plan(is_trial=True, rush=[new_id()])


def test_a_structure_with_a_loop_is_not_planned(factory):
    factory.world.make(
        "engineering.bom",
        item=factory.bar,
        revision="A",
        lines=[{"component": factory.fg, "quantity": "1"}],
    )
    with connection.cursor() as at:
        at.execute("UPDATE engineering_bom SET state = 'released', effective_from = '2026-01-01'")
    factory.sell(factory.fg, 1, "2026-04-01")
    with pytest.raises(StructureBroken) as refusal:
        factory.plan()
    codes = refusal.value.data["path"].split(" → ")
    assert codes[0] == codes[-1]
    assert set(codes) == {"FG", "SA", "PART", "BAR"}


def test_planning_needs_the_right(factory, person):
    with pytest.raises(NotAllowed):
        execute(
            person("planning.*.read"), registry.command("planning.run.plan"), data={"plant": factory.plant.pk}
        )


def test_old_runs_lose_their_pegs_not_their_figures(worked, monkeypatch):
    monkeypatch.setattr("banyan.modules.planning.commands.writing.KEPT_RUNS", 1)
    runs = [worked.plan(is_trial=n < 2) for n in range(3)]
    kept = [Peg.objects.filter(run=run).exists() for run in runs]
    assert kept == [False, True, True]
    assert Run.objects.count() == 3


def test_a_run_takes_a_fixed_number_of_statements(worked, world, django_assert_max_num_queries):
    worked.plan()
    for n in range(20):
        worked.sell(worked.fg, 1, f"2026-05-{n + 4:02}")
    with django_assert_max_num_queries(40):
        worked.plan()
    with django_assert_max_num_queries(30):
        worked.plan()


# --- what planners ask --------------------------------------------------------------------------------------


def answer(factory, key, **data):
    return ask_query(factory.world.ctx, declared_query(key), data)


def test_the_outlook_of_an_item_ends_where_its_plan_ends(worked):
    worked.plan()
    rows = answer(worked, "planning.outlook", item=worked.bolt.pk)
    assert [(r["day"], r["incoming"], r["outgoing"], r["left"]) for r in rows] == [
        ("2026-04-15", "50", None, "50"),
        ("2026-04-20", None, "32", "18"),
        ("2026-04-22", "46", None, "64"),
        ("2026-04-22", None, "64", "0"),
    ]
    assert answer(worked, "planning.outlook", item=worked.fg.pk)[-1]["left"] == "0"


def test_what_an_order_is_for_and_what_serves_it(worked):
    worked.plan()
    up = answer(worked, "planning.serves", order=worked.order(worked.bar).pk)
    assert [(r["level"], r["item"].split()[0]) for r in up] == [(1, "BAR"), (2, "PART"), (3, "SA"), (4, "FG")]
    assert up[-1]["demand"].startswith("销售订单 SO")
    down = answer(worked, "planning.served_by", order=worked.line.order_id)
    assert down[0]["supply"] == "库存"
    assert {r["item"].split()[0] for r in down} == {"FG", "SA", "BOLT", "PART", "BAR"}


def test_compared_runs_name_orders_and_days(factory):
    factory.put(factory.fg, 10)
    factory.sell(factory.fg, 10, "2026-03-04")
    rush = factory.sell(factory.fg, 10, "2026-03-05")
    before, after = factory.plan(), factory.plan(is_trial=True, rush=[rush.pk])
    rows = answer(factory, "planning.slips", before=before.pk, after=after.pk)
    assert [r["days"] for r in rows] == [23, -23]
    assert rows[0]["_noun"] == "sales.order"


# --- the answer to sales ------------------------------------------------------------------------------------


def ask(factory, *wants):
    wishes = [
        DateWish(
            line=new_id(),
            order=new_id(),
            item=item.pk,
            plant=factory.plant.pk,
            quantity=D(quantity),
            wanted_on=None,
            priority="normal",
            lead_time_days=0,
        )  # fmt: skip
        for item, quantity in wants
    ]
    found = reactions.earliest_dates(factory.world.ctx, wishes)
    return [found[wish.line] for wish in wishes]


def test_the_earliest_day_counts_stock_open_supply_and_lead_times(factory):
    assert ask(factory, (factory.fg, 5)) == [on("03-25")]
    factory.put(factory.sa, 5)
    assert ask(factory, (factory.fg, 5)) == [on("03-10")]
    factory.buy(factory.bolt, 40, "2026-03-04")
    assert ask(factory, (factory.fg, 5)) == [on("03-09")]
    factory.put(factory.fg, 8)
    assert ask(factory, (factory.fg, 5), (factory.fg, 5)) == [on("03-02"), on("03-09")]


def test_what_others_are_pegged_to_is_not_promised_again(factory):
    factory.put(factory.sa, 5)
    factory.put(factory.bolt, 40)
    assert ask(factory, (factory.fg, 5)) == [on("03-05")]
    factory.sell(factory.fg, 5, "2026-03-05")
    factory.plan()
    assert ask(factory, (factory.fg, 5)) == [on("03-25")]


def test_confirming_an_order_promises_what_planning_says(factory, world):
    order = world.make(
        "sales.order", party=world.customer, plant=factory.plant, wanted_on="2026-03-05",
        lines=[{"item": factory.fg, "quantity": "5", "price": "100"}],
    )  # fmt: skip
    world.do("sales.order.confirm", order)
    assert order.lines.get().promised_on == on("03-25")


def test_what_asks_for_safety_stock_is_opened_by_its_noun_and_key(worked, ctx):
    settings = worked.world.planned(worked.world.screw, safety_stock="5")
    worked.plan()
    named = Peg.objects.get(demand_noun="items.item_plant")
    told = Message.objects.get(demand_noun="items.item_plant")
    assert (named.demand, told.demand) == (settings.pk, settings.pk)
    row = reading.read_record(ctx, registry.noun(named.demand_noun), named.demand)
    assert row["safety_stock"] == "5"


# --- proofs -------------------------------------------------------------------------------------------------


def faults(key: str, sql: str) -> list[str]:
    assert prove([key])[0].is_green
    with connection.cursor() as at:
        at.execute(sql)
    return [fault.text.rpartition(" / ")[2] for fault in prove([key])[0].found.faults]


@pytest.mark.plants("planning.pegs")
def test_a_peg_beyond_its_order_is_named(worked):
    worked.plan()
    sql = f"UPDATE planning_peg SET quantity = 31 WHERE supply = '{worked.order(worked.bar).pk}'"
    assert faults("planning.pegs", sql) == ["planned order for BAR of 30.000000 serves 31.000000"]


@pytest.mark.plants("planning.references")
def test_a_peg_without_its_planned_order_is_named(worked):
    worked.plan()
    lost = worked.order(worked.bar).pk
    found = faults("planning.references", f"DELETE FROM planning_plannedorder WHERE id = '{lost}'")
    assert set(found) == {f"peg names planning.planned_order {lost}, which does not exist"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("peg SET supply = '{lost}' WHERE supply_noun = 'purchasing.order'", "peg names purchasing.order {lost}"),
        ("peg SET supply_line = '{lost}' WHERE supply_noun = 'purchasing.order'",
         "peg names line {lost} of purchasing.order"),
        ("peg SET demand = '{lost}' WHERE demand_noun = 'sales.order'", "peg names sales.order {lost}"),
        ("peg SET demand_line = '{lost}' WHERE demand_noun = 'sales.order'", "peg names line {lost} of sales.order"),
        ("peg SET demand_noun = 'items.item_plant', demand = '{lost}'", "peg names items.item_plant {lost}"),
        ("message SET supply_noun = 'purchasing.order', supply = '{lost}'", "message names purchasing.order {lost}"),
        ("message SET demand_noun = 'sales.order', demand = '{lost}'", "message names sales.order {lost}"),
        ("message SET demand_noun = 'sales.order', demand_line = '{lost}'", "message names line {lost} of sales.order"),
    ],
)  # fmt: skip
@pytest.mark.plants("planning.references")
def test_a_supply_or_demand_that_is_not_there_is_named(worked, change, says):
    worked.sell(worked.fg, 100, "2026-03-03")
    worked.plan()
    lost = new_id()
    found = faults("planning.references", f"UPDATE planning_{change.format(lost=lost)}")
    assert f"{says.format(lost=lost)}, which does not exist" in found


@pytest.mark.parametrize("way", ["command", "sql"])
def test_a_draft_that_a_plan_counted_on_may_be_deleted(worked, world, way):
    draft = world.make(
        "production.work_order", item=worked.fg, plant=worked.plant, quantity="5", due_on="2026-04-20"
    )
    worked.plan()
    assert Peg.objects.filter(supply=draft.pk).exists()
    world.do("production.work_order.change", draft, note="x")
    if way == "command":
        registry.command("production.work_order.delete")(world.ctx, [draft.pk])
    else:
        WorkOrder.objects.filter(pk=draft.pk)._raw_delete("default")
    assert prove(["planning.references"])[0].is_green == (way == "command")


@pytest.mark.parametrize("way", ["command", "sql"])
def test_a_line_of_a_draft_may_be_taken_away_by_changing_it(worked, world, way):
    needs = [{"item": worked.bolt, "quantity": "400"}]
    draft = world.make(
        "production.work_order", item=worked.fg, plant=worked.plant, quantity="5", due_on="2026-04-20", materials=needs
    )
    worked.plan()
    assert Peg.objects.filter(demand_line__in=draft.materials.values("id")).exists()
    if way == "command":
        world.do("production.work_order.change", draft, materials=[{"item": worked.bolt, "quantity": "3"}])
    else:
        draft.materials.all()._raw_delete("default")
    assert prove(["planning.references"])[0].is_green == (way == "command")


@pytest.mark.plants("planning.results")
def test_an_order_that_came_of_a_planned_one_may_be_deleted_while_a_draft(worked, world):
    worked.plan()
    part, bar = worked.order(worked.part), worked.order(worked.bar)
    world.do("planning.planned_order.convert", [part, bar])
    registry.command("production.work_order.delete")(world.ctx, [PlannedOrder.objects.get(pk=part.pk).result])
    assert prove(["planning.results"])[0].found.counted == 2
    assert prove(["planning.results"])[0].is_green
    PlannedOrder.objects.filter(pk=bar.pk).update(result=new_id())
    assert prove(["planning.results"])[0].found.broken == 1


@pytest.mark.plants("planning.results")
def test_a_conversion_without_its_order_is_named(worked, world):
    worked.plan()
    part = worked.order(worked.part)
    world.do("planning.planned_order.convert", [part])
    found = faults("planning.results", "DELETE FROM production_workorder")
    assert found == [
        f"planned order {part.number} names production.work_order {part.result}, which does not exist"
    ]


@pytest.mark.plants("planning.messages")
def test_a_lost_message_is_named(factory):
    factory.sell(factory.fg, 1, "2026-03-03")
    factory.plan()
    assert faults("planning.messages", "DELETE FROM planning_message") == [
        "run MRP260302-001 gave 1 messages and has 0"
    ]
