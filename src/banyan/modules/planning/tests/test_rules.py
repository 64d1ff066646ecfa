"""Netting, lots, dates, pegs, messages and promises, as stories about a small factory without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.lib.graph import CircleFound
from banyan.lib.ids import new_id
from banyan.modules.engineering.values import Need
from banyan.modules.planning import rules
from banyan.modules.planning.rules import Known, Want
from banyan.modules.planning.values import (
    NORMAL,
    SAFETY,
    URGENT,
    Demand,
    Plan,
    PlanItem,
    Ref,
    Supply,
    WorkDays,
    World,
)

MONDAY = date(2026, 3, 2)
ONE = 1_000_000


def key(name: str) -> UUID:
    return uuid5(UUID(int=1), name)


def work_days() -> WorkDays:
    return WorkDays(lambda day: day.weekday() < 5, MONDAY)


def day(text: str) -> int:
    """Read 03-09 as the ninth of March 2026."""
    return date.fromisoformat(f"2026-{text}").toordinal()


def shown(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()[5:]


def item(code: str, kind="buy", lead=0, needs: dict | None = None, **more) -> PlanItem:
    scaled = {
        k: int(Decimal(v) * ONE) if k in ("minimum", "multiple", "fixed", "safety") else v
        for k, v in more.items()
    }
    parts = tuple(Need(key(c), *Decimal(q).as_integer_ratio(), places=0) for c, q in (needs or {}).items())
    supplier = key("supplier") if kind == "buy" else None
    return PlanItem(
        key(code), code, kind, lead, **({"supplier": supplier, "step": ONE, "needs": parts} | scaled)
    )


def demand(code: str, quantity, on: str, name="SO1", rank=NORMAL) -> Demand:
    return Demand(
        key(code),
        int(Decimal(quantity) * ONE),
        day(on),
        Ref("sales.order", key(name), key(name + code), name),
        rank,
    )


def stock(code: str, quantity) -> Supply:
    return Supply(
        key(code), int(Decimal(quantity) * ONE), MONDAY.toordinal(), Ref("inventory.balance", None), "stock"
    )


def order(code: str, quantity, on: str, name="PO1", kind="order", explodes=False) -> Supply:
    return Supply(
        key(code),
        int(Decimal(quantity) * ONE),
        day(on),
        Ref("x.order", key(name), None, name),
        kind,
        explodes,
    )


def plan(items, demands=(), supplies=(), today=MONDAY, apart=None) -> Plan:
    beside = {key(code): int(Decimal(q) * ONE) for code, q in (apart or {}).items()}
    known = {i.key: i for i in items}
    return rules.make_plan(
        World(today.toordinal(), work_days(), known, list(demands), list(supplies), beside)
    )


def orders(made: Plan) -> list[tuple]:
    names = {uuid5(UUID(int=1), c): c for c in ["fg", "fg2", "sa", "part", "bar", "bolt"]}
    return [(names[o.item], o.quantity / ONE, shown(o.start), shown(o.due)) for o in made.orders]


def pegs(made: Plan) -> list[tuple]:
    return [
        (
            made.supplies[p.supply].ref.number or made.supplies[p.supply].kind,
            made.demands[p.demand].ref.number or made.demands[p.demand].ref.noun,
            p.quantity / ONE,
        )
        for p in made.pegs
    ]


def messages(made: Plan) -> list[tuple]:
    return [
        (m.kind, m.quantity / ONE, m.day and shown(m.day), m.wanted and shown(m.wanted))
        for m in made.messages
    ]


# --- lots and dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lot", "net", "wanted"),
    [
        pytest.param({}, "7", ["7"], id="lot for lot"),
        pytest.param({}, "7.2", ["8"], id="up to the piece"),
        pytest.param({"rule": "minimum_multiple", "minimum": 30, "multiple": 10}, "7", ["30"], id="minimum"),
        pytest.param(
            {"rule": "minimum_multiple", "minimum": 30, "multiple": 10}, "31", ["40"], id="multiple"
        ),
        pytest.param(
            {"rule": "minimum_multiple", "minimum": 25, "multiple": 10},
            "1",
            ["30"],
            id="minimum off the multiple",
        ),
        pytest.param({"rule": "fixed", "fixed": 100}, "250", ["100", "100", "100"], id="fixed lots"),
        pytest.param({"rule": "fixed", "fixed": 1}, "300", ["300"], id="too many lots are one order"),
        pytest.param(
            {"rule": "days_of_supply", "minimum": 20, "supply_days": 5}, "7", ["20"], id="days with minimum"
        ),
    ],
)
def test_lots(lot, net, wanted):
    made = rules.lots(item("part", **lot), int(Decimal(net) * ONE))
    assert [quantity / ONE for quantity in made] == [float(w) for w in wanted]


@pytest.mark.parametrize(
    ("lead", "safety_days", "wanted", "start", "due"),
    [
        pytest.param(3, 0, "03-13", "03-10", "03-13", id="working days back"),
        pytest.param(5, 0, "03-13", "03-06", "03-13", id="over a weekend"),
        pytest.param(3, 2, "03-13", "03-06", "03-11", id="two safety days"),
        pytest.param(1, 0, "03-15", "03-12", "03-13", id="wanted on a Sunday is due on Friday"),
        pytest.param(0, 0, "03-13", "03-13", "03-13", id="no lead time"),
        pytest.param(10, 0, "03-04", "03-02", "03-16", id="too late: starts today, due as much later"),
    ],
)
def test_order_dates(lead, safety_days, wanted, start, due):
    dates = rules.order_dates(
        item("fg", lead=lead, safety_days=safety_days), day(wanted), MONDAY.toordinal(), work_days()
    )
    assert (shown(dates.start), shown(dates.due)) == (start, due)


def test_days_are_counted_far_beyond_the_first_year():
    days = work_days()
    assert days.plus(MONDAY.toordinal(), 2000) == date(2033, 10, 31).toordinal()
    assert days.minus(MONDAY.toordinal(), 500) == date(2024, 4, 1).toordinal()
    assert days.on_or_before(date(2010, 1, 3).toordinal()) == date(2010, 1, 1).toordinal()


@pytest.mark.parametrize(
    ("stock_left", "changes", "wanted"),
    [
        (5, [], "03-02"),
        (20, [("03-09", -5), ("03-11", -6)], "03-11"),
        (20, [("03-09", -15), ("03-09", 10)], "03-02"),
        (20, [("02-20", -15)], "03-02"),
    ],
)
def test_safety_stock_is_wanted_on_the_day_it_is_eaten_into(stock_left, changes, wanted):
    found = rules.safety_day(10, stock_left, [(day(d), q) for d, q in changes], MONDAY.toordinal())
    assert shown(found) == wanted


# --- netting ------------------------------------------------------------------------------------------------

REDUCER = (
    item("fg", "make", 3, {"sa": 1, "bolt": 8}),
    item("sa", "make", 2, {"part": 2, "bolt": 4}),
    item("part", "make", 5, {"bar": 1}, rule="minimum_multiple", minimum=30, multiple=10),
    item("bar", "buy", 7),
    item("bolt", "buy", 3),
)


def test_the_worked_example():
    """netting.md: twelve reducers for 27 April, four in store, two shafts of material at hand."""
    made = plan(
        REDUCER, [demand("fg", 12, "04-27")], [stock("fg", 4), stock("part", 6), order("bolt", 50, "04-15")]
    )
    assert orders(made) == [
        ("fg", 8, "04-22", "04-27"),
        ("sa", 8, "04-20", "04-22"),
        ("bolt", 46, "04-17", "04-22"),
        ("part", 30, "04-13", "04-20"),
        ("bar", 30, "04-02", "04-13"),
    ]
    assert pegs(made) == [
        ("stock", "SO1", 4),
        ("planned", "SO1", 8),
        ("planned", "planning.planned_order", 8),
        ("PO1", "planning.planned_order", 32),
        ("PO1", "planning.planned_order", 18),
        ("planned", "planning.planned_order", 46),
        ("stock", "planning.planned_order", 6),
        ("planned", "planning.planned_order", 10),
        ("planned", "planning.planned_order", 30),
    ]
    assert made.messages == []


def test_lot_for_lot_makes_one_order_a_day_and_days_of_supply_one_a_period():
    wants = [
        demand("fg", 5, "03-16", "A"),
        demand("fg", 3, "03-16", "B"),
        demand("fg", 2, "03-18", "C"),
        demand("fg", 1, "03-23", "D"),
    ]
    assert orders(plan([item("fg", "make", 1, {"bar": 1}), REDUCER[3]], wants))[:3] == [
        ("fg", 8, "03-13", "03-16"),
        ("fg", 2, "03-17", "03-18"),
        ("fg", 1, "03-20", "03-23"),
    ]
    weekly = item("fg", "buy", 1, rule="days_of_supply", supply_days=5)
    assert orders(plan([weekly], wants)) == [("fg", 10, "03-13", "03-16"), ("fg", 1, "03-20", "03-23")]


def test_what_a_lot_has_over_serves_the_following_days():
    part = item("part", rule="fixed", fixed=50, lead=1)
    made = plan(
        [part],
        [demand("part", 30, "03-10", "A"), demand("part", 30, "03-12", "B"), demand("part", 30, "03-20")],
    )
    assert orders(made) == [("part", 50, "03-09", "03-10"), ("part", 50, "03-11", "03-12")]
    assert [q for _, _, q in pegs(made)] == [30, 20, 10, 30]


def test_safety_stock_is_refilled_after_customers_are_served():
    made = plan([item("part", lead=1, safety=10)], [demand("part", 8, "03-16")], [stock("part", 12)])
    assert pegs(made) == [
        ("stock", "SO1", 8),
        ("stock", "items.item_plant", 4),
        ("planned", "items.item_plant", 6),
    ]
    assert orders(made) == [("part", 6, "03-13", "03-16")]
    assert made.orders[0].rank == SAFETY


def test_an_urgent_order_is_served_from_stock_before_one_that_came_first():
    fg = item("fg", "make", 5, {"bar": 1})
    early, rush = demand("fg", 10, "03-03", "EARLY"), demand("fg", 10, "03-04", "RUSH")
    before = plan([fg, REDUCER[3]], [early, rush], [stock("fg", 10), stock("bar", 50)])
    assert [(s, d) for s, d, _ in pegs(before)][:2] == [("stock", "EARLY"), ("planned", "RUSH")]
    after = plan([fg, REDUCER[3]], [early, rush._replace(rank=URGENT)], [stock("fg", 10), stock("bar", 50)])
    assert [(s, d) for s, d, _ in pegs(after)][:2] == [("stock", "RUSH"), ("planned", "EARLY")]
    assert [(m.kind, after.demands[m.demand].ref.number, shown(m.day)) for m in after.messages] == [
        ("late", "EARLY", "03-09")
    ]


def test_urgency_goes_down_to_the_parts():
    items = [item("fg", "make", 2, {"part": 1}), item("fg2", "make", 2, {"part": 1}), item("part", "buy", 20)]
    made = plan(
        items, [demand("fg", 5, "03-10", "A"), demand("fg2", 5, "03-12", "B", URGENT)], [stock("part", 5)]
    )
    served = [p for p in made.pegs if made.supplies[p.supply].kind == "stock"]
    assert [made.demands[made.pegs[n].demand].ref.number for n in range(2)] == ["A", "B"]
    parent = made.supplies[made.parents[served[0].demand]]
    assert parent.item == key("fg2")
    assert [(made.demands[m.demand].ref.number) for m in made.messages if m.kind == "late"] == ["A"]


def test_firm_orders_stand_and_ask_for_their_parts():
    made = plan(
        REDUCER, [demand("fg", 12, "04-27")], [order("fg", 12, "04-24", "PL1", "firm", explodes=True)]
    )
    assert orders(made)[0] == ("sa", 12, "04-17", "04-21")
    assert pegs(made)[0] == ("PL1", "SO1", 12)


def test_a_released_order_that_asked_already_does_not_ask_again():
    asked = Demand(key("bolt"), 5 * ONE, day("03-20"), Ref("x.order", key("WO1"), key("line"), "WO1"))
    made = plan(REDUCER, [asked], [order("fg", 1, "03-25", "WO1")])
    assert orders(made) == [("bolt", 5, "03-17", "03-20")]
    assert messages(made) == [("cancel", 1, "03-25", 0)]


# --- messages -----------------------------------------------------------------------------------------------


def test_late_orders_name_the_day_and_the_part_that_holds_them_up():
    made = plan(REDUCER, [demand("fg", 1, "03-09")], [stock("bolt", 100)])
    late = made.messages[-1]
    # bar 7 days to 11 March, part 5 to 18, sub-assembly 2 to 20, reducer 3 to 25
    assert (late.kind, shown(late.day), shown(late.wanted)) == ("late", "03-25", "03-09")
    assert made.supplies[late.cause].item == key("bar")
    assert {shown(o.ready) for o in made.orders if o.item == key("part")} == {"03-18"}


def test_open_supply_that_comes_too_late_is_to_be_expedited_not_ordered_twice():
    made = plan([item("bar", lead=3)], [demand("bar", 10, "03-12")], [order("bar", 10, "03-30")])
    assert orders(made) == []
    assert messages(made) == [("expedite", 10, "03-30", "03-12"), ("late", 10, "03-30", "03-12")]


def test_overdue_supply_is_said_to_be_so():
    made = plan([item("bar")], [demand("bar", 10, "03-12")], [order("bar", 10, "02-20")])
    assert messages(made) == [("overdue", 10, "02-20", "02-20")]


@pytest.mark.parametrize(
    ("lot", "there", "wanted"),
    [
        ({}, 10, [("surplus", 7)]),
        ({"rule": "minimum_multiple", "minimum": 10}, 10, []),
        ({"rule": "minimum_multiple", "minimum": 5}, 10, [("surplus", 5)]),
    ],
)
def test_surplus_is_what_the_lot_rule_would_not_order(lot, there, wanted):
    made = plan([item("bar", **lot)], [demand("bar", 3, "03-12")], [order("bar", there, "03-10")])
    assert [(kind, q) for kind, q, *_ in messages(made)] == wanted


@pytest.mark.parametrize(
    ("wanted_on", "safety_days", "said"),
    [
        ("03-12", 0, []),
        ("03-17", 0, []),                                        # five working days do not matter
        ("03-18", 0, [("postpone", 10, "03-10", "03-18")]),
        ("03-23", 2, [("postpone", 10, "03-10", "03-19")]),
        ("03-09", 0, [("expedite", 10, "03-10", "03-09"), ("late", 10, "03-10", "03-09")]),
    ],
)  # fmt: skip
def test_orders_at_the_wrong_time_are_to_be_moved(wanted_on, safety_days, said):
    bar = item("bar", lead=3, safety_days=safety_days)
    made = plan([bar], [demand("bar", 10, wanted_on)], [order("bar", 10, "03-10")])
    assert messages(made) == said


def test_an_order_that_nobody_needs_is_to_be_cancelled_and_goods_at_the_gate_are_left_alone():
    assert messages(plan([item("bar")], (), [order("bar", 10, "02-20")])) == [("cancel", 10, "02-20", 0)]
    assert messages(plan([item("bar")], (), [order("bar", 10, "03-02", kind="gate")])) == []


def test_what_only_refills_the_safety_stock_is_neither_cancelled_nor_moved():
    made = plan([item("bar", lead=2, safety=10)], (), [order("bar", 10, "03-20")])
    assert messages(made) == [("below_safety", 10, "03-20", "03-02")]


def test_stock_below_its_safety_says_when_it_is_refilled():
    made = plan([item("bar", lead=3, safety=10)], [demand("bar", 4, "03-20")], [stock("bar", 7)])
    assert messages(made) == [("below_safety", 3, "03-05", "03-02")]
    assert messages(plan([item("bar", safety=10)], [demand("bar", 4, "03-20")], [stock("bar", 10)])) == []


def test_a_customer_who_has_waited_beyond_the_day_is_past_where_the_goods_are_there():
    made = plan([item("bar", lead=3)], [demand("bar", 4, "02-20")], [stock("bar", 4)])
    assert messages(made) == [("past", 4, "03-02", "02-20")]
    assert made.messages[0].days_late == 10
    assert messages(plan([item("bar", lead=3)], [demand("bar", 4, "02-20")])) == [
        ("late", 4, "03-05", "02-20")
    ]


def test_of_each_kind_the_most_urgent_messages_are_kept(monkeypatch):
    monkeypatch.setattr(rules, "MOST_OF_A_KIND", 2)
    rows = [demand("bar", 1, f"02-{n}", f"SO{n}") for n in range(20, 25)]
    made = plan([replace(item("bar", lead=3), supplier=None)], rows)
    told = rules.most_urgent(made.messages)
    assert [(one.kind, one.wanted and shown(one.wanted)) for one in told] == [
        ("late", "02-20"), ("late", "02-21"), ("no_supplier", 0)]  # fmt: skip


def test_missing_suppliers_and_boms_are_said_once_per_item():
    made = plan(
        [item("fg", "make", 1), replace(item("bar"), supplier=None)],
        [demand("fg", 3, "03-12"), demand("fg", 4, "03-13"), demand("bar", 1, "03-12")],
    )
    assert sorted(messages(made)) == [("no_bom", 7, 0, 0), ("no_supplier", 1, 0, 0)]


def test_what_is_out_of_use_and_wanted_after_all_is_said():
    bar = replace(item("bar"), is_active=False)
    made = plan([bar], [demand("bar", 3, "03-12"), demand("bar", 4, "03-13")])
    assert messages(made) == [("out_of_use", 7, 0, 0)]
    assert messages(plan([bar], (), [stock("bar", 5)])) == []


@pytest.mark.parametrize(
    ("there", "apart", "wanted"),
    [
        (9, 4, []),                                     # the stores hold five
        (9, 6, [("line_side", 2, 0, "03-13")]),         # three in stores serve the first
        (9, 9, [("line_side", 5, 0, "03-12")]),
        (3, 3, [("line_side", 3, 0, "03-12")]),         # the rest is ordered
    ],
)  # fmt: skip
def test_what_must_be_fetched_from_line_sides_is_said(there, apart, wanted):
    rows = [demand("bar", 3, "03-12"), demand("bar", 2, "03-13", name="SO2")]
    bar = item("bar", safety=4)

    def said(one):
        made = plan([one], rows, [stock("bar", there)], apart={"bar": apart})
        return [found for found in messages(made) if found[0] == "line_side"]

    assert said(bar) == wanted
    assert said(replace(bar, is_backflushed=True)) == []


def test_a_loop_is_refused_with_its_path():
    with pytest.raises(CircleFound):
        plan([item("fg", "make", 1, {"sa": 1}), item("sa", "make", 1, {"fg": 1})], [demand("fg", 1, "03-12")])


# --- from one run to the next -------------------------------------------------------------------------------


def known(made: Plan, keys: dict[int, UUID]) -> list[Known]:
    return [
        Known(keys[n], o.item, o.quantity, o.start, o.due, o.ready, o.kind, o.supplier, o.rank)
        for n, o in enumerate(made.orders)
    ]


def test_unchanged_orders_keep_their_keys_and_changed_ones_are_the_nearest():
    first = plan(REDUCER, [demand("fg", 12, "04-27")])
    keys = {n: new_id() for n in range(len(first.orders))}
    again = plan(REDUCER, [demand("fg", 12, "04-27")])
    assert rules.keep_keys(known(first, keys), again.orders) == ([], [], [])
    assert {n: o.key for n, o in enumerate(again.orders)} == keys
    more = plan(REDUCER, [demand("fg", 12, "04-27"), demand("fg", 1, "04-29", "SO2")])
    changes = rules.keep_keys(known(first, keys), more.orders)
    assert changes.gone == []
    kept = {o.key for o in more.orders if o.key} - {o.key for o in changes.changed}
    assert keys[0] in kept
    less = plan(REDUCER, [])
    assert set(rules.keep_keys(known(first, keys), less.orders).gone) == set(keys.values())


CODES = ("fg", "fg2", "sa", "part", "bar", "bolt")
RULES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"rule": st.just("fixed"), "fixed": st.integers(1, 40)}),
    st.fixed_dictionaries(
        {"rule": st.just("minimum_multiple"), "minimum": st.integers(0, 30), "multiple": st.integers(1, 10)}
    ),
    st.fixed_dictionaries({"rule": st.just("days_of_supply"), "supply_days": st.integers(1, 15)}),
)


@st.composite
def worlds(draw) -> tuple[list[PlanItem], list[Demand], list[Supply]]:
    """Draw a factory of six items, each made of some of those after it, with orders and stock."""
    items = []
    for n, code in enumerate(CODES):
        below = draw(st.lists(st.sampled_from(CODES[n + 1 :]), unique=True)) if n < len(CODES) - 1 else []
        needs = {c: draw(st.sampled_from(["1", "2", "0.5", "3.7"])) for c in below}
        items.append(
            item(
                code,
                "make" if needs else "buy",
                draw(st.integers(0, 12)),
                needs,
                safety=draw(st.sampled_from([0, 0, 7])),
                safety_days=draw(st.integers(0, 2)),
                **draw(RULES),
            )
        )
    on = st.integers(0, 60).map(lambda n: date.fromordinal(MONDAY.toordinal() + n - 5).isoformat()[5:])
    demands = [
        demand(
            draw(st.sampled_from(CODES)),
            draw(st.integers(1, 50)),
            draw(on),
            f"SO{n}",
            draw(st.sampled_from([URGENT, NORMAL])),
        )
        for n in range(draw(st.integers(0, 6)))
    ]
    supplies = [
        stock(code, draw(st.integers(1, 60))) for code in draw(st.lists(st.sampled_from(CODES), unique=True))
    ]
    supplies += [
        order(draw(st.sampled_from(CODES)), draw(st.integers(1, 50)), draw(on), f"PO{n}")
        for n in range(draw(st.integers(0, 4)))
    ]
    return items, demands, supplies


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_every_demand_is_met_and_no_supply_is_spent_twice(world):
    made = plan(*world)
    met, spent = [0] * len(made.demands), [0] * len(made.supplies)
    for supply, wanted, quantity in made.pegs:
        assert quantity > 0
        assert made.supplies[supply].item == made.demands[wanted].item
        met[wanted] += quantity
        spent[supply] += quantity
    assert met == [d.quantity for d in made.demands]
    assert all(used <= s.quantity for used, s in zip(spent, made.supplies, strict=True))
    assert all(spent[n] for n in range(made.first_order, len(made.supplies)))


@settings(max_examples=50, deadline=None)
@given(worlds(), st.randoms())
def test_running_twice_changes_nothing(world, chance):
    first = plan(*world)
    keys = {n: new_id() for n in range(len(first.orders))}
    items, demands, supplies = (list(part) for part in world)
    for part in (items, demands, supplies):
        chance.shuffle(part)
    again = plan(items, demands, supplies)
    assert rules.keep_keys(known(first, keys), again.orders) == ([], [], [])
    assert again.pegs == first.pegs
    assert again.messages == first.messages


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_a_plan_that_is_firmed_as_it_is_needs_nothing_more(world):
    items, demands, supplies = world
    first = plan(*world)
    firm = [
        Supply(
            o.item, o.quantity, o.due, Ref("planning.planned_order", new_id(), None, f"PL{n}"), "firm", True
        )
        for n, o in enumerate(first.orders)
    ]
    assert plan(items, demands, [*supplies, *firm]).orders == []


# --- when could it be there ---------------------------------------------------------------------------------


def earliest(wants, free=None) -> list[str]:
    asked = [Want(key(f"line{n}"), key(code), quantity * ONE) for n, (code, quantity) in enumerate(wants)]
    pool = {key(c): [(day(on), q * ONE) for on, q in rows] for c, rows in (free or {}).items()}
    found = rules.earliest_days(asked, {i.key: i for i in REDUCER}, pool, MONDAY.toordinal(), work_days())
    return [shown(found[want.key]) for want in asked]


@pytest.mark.parametrize(
    ("wants", "free", "wanted"),
    [
        pytest.param([("fg", 5)], {"fg": [("03-02", 5)]}, ["03-02"], id="from stock today"),
        pytest.param([("fg", 5)], {}, ["03-25"], id="all lead times added up"),
        pytest.param(
            [("fg", 5)], {"sa": [("03-02", 5)], "bolt": [("03-02", 40)]}, ["03-05"], id="parts at hand"
        ),
        pytest.param([("fg", 5)], {"sa": [("03-02", 5)]}, ["03-10"], id="only bolts to buy"),
        pytest.param(
            [("fg", 5)], {"sa": [("03-02", 5)], "bolt": [("03-04", 40)]}, ["03-09"], id="bolts on their way"
        ),
        pytest.param(
            [("fg", 5)], {"fg": [("03-02", 2), ("03-04", 3)]}, ["03-04"], id="open supply soon enough"
        ),
        pytest.param(
            [("fg", 5)],
            {"fg": [("03-02", 2), ("03-30", 3)], "sa": [("03-02", 9)], "bolt": [("03-02", 99)]},
            ["03-05"],
            id="a new order beats late supply",
        ),
        pytest.param(
            [("fg", 5), ("fg", 5)],
            {"fg": [("03-02", 8)], "sa": [("03-02", 2)], "bolt": [("03-02", 16)]},
            ["03-02", "03-05"],
            id="the second line gets what the first left",
        ),
        pytest.param(
            [("part", 4), ("part", 20), ("part", 10)],
            {"bar": [("03-02", 30)]},
            ["03-09", "03-09", "03-18"],
            id="what the lot has over serves the next line",
        ),
    ],
)
def test_earliest_day(wants, free, wanted):
    assert earliest(wants, free) == wanted
