"""Quantities with allowances, explosion, low-level codes, cost roll-up and effectivity, in tables."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal as D
from pathlib import Path
from uuid import UUID, uuid5

import pytest

import banyan
from banyan.lib.graph import CircleFound
from banyan.modules.engineering import rules
from banyan.modules.engineering.rules import Recipe, Window
from banyan.modules.engineering.values import Line, Need, Operation, Output, Rates

FACTORY = Path(banyan.__file__).parent / "demo" / "factory"


def key(code: str) -> UUID:
    return uuid5(UUID(int=0), code)


def op(sequence: int, yield_percent="100", **more) -> Operation:
    return Operation(sequence, f"op {sequence}", yield_percent=D(yield_percent), **more)


def need(code: str, per: int | str, places: int = 0, **more) -> Need:
    top, bottom = D(per).as_integer_ratio()
    return Need(key(code), top, bottom, places=places, **more)


THREE_STEPS = (op(10, "98"), op(20, "100"), op(30, "95"))


@pytest.mark.parametrize(
    ("line", "base", "operations", "item_yield", "order", "places", "wanted"),
    [
        pytest.param({"quantity": "2"}, "1", (), "100", "10", 0, "20", id="plain"),
        pytest.param(
            {"quantity": "8", "scrap_percent": "1"},
            "1",
            (),
            "100",
            "10",
            0,
            "81",
            id="scrap, up to the piece",
        ),
        pytest.param(
            {"quantity": "8", "scrap_percent": "1"}, "1", (), "100", "10", 3, "80.8", id="scrap, in kg"
        ),
        pytest.param({"quantity": "1"}, "1", (), "98", "98", 0, "100", id="item yield divides exactly"),
        pytest.param({"quantity": "1"}, "1", (), "98", "97", 0, "99", id="98.98 started are 99"),
        pytest.param(
            {"quantity": "1", "operation": 10}, "1", THREE_STEPS, "100", "931", 0, "1000", id="used first"
        ),
        pytest.param(
            {"quantity": "1", "operation": 20}, "1", THREE_STEPS, "100", "931", 0, "980", id="used second"
        ),
        pytest.param(
            {"quantity": "1", "operation": 30}, "1", THREE_STEPS, "100", "95", 0, "100", id="used last"
        ),
        pytest.param(
            {"quantity": "1"}, "1", THREE_STEPS, "100", "931", 0, "1000", id="no operation is the first"
        ),
        pytest.param(
            {"quantity": "1", "operation": 99}, "1", THREE_STEPS, "100", "931", 0, "1000", id="unknown too"
        ),
        pytest.param(
            {"quantity": "3", "scrap_percent": "2", "operation": 10},
            "1",
            (op(10, "96"),),
            "97",
            "100",
            6,
            "328.60824743",
            id="all three, worked in explosion.md",
        ),
        pytest.param({"quantity": "250"}, "100", (), "100", "40", 0, "100", id="per base quantity"),
        pytest.param(
            {"quantity": "2", "is_fixed": True, "scrap_percent": "50"},
            "100",
            THREE_STEPS,
            "90",
            "5000",
            0,
            "3",
            id="fixed per order",
        ),
        pytest.param(
            {"quantity": "0.333333"}, "1", (), "100", "3", 6, "0.999999", id="six places stay exact"
        ),
    ],
)
def test_an_order_needs(line, base, operations, item_yield, order, places, wanted):
    line = {name: D(v) if isinstance(v, str) else v for name, v in line.items()}
    made = rules.needs_of(
        [Line(key("x"), **line)],
        base_quantity=D(base),
        operations=operations,
        item_yield=D(item_yield),
        places={key("x"): places},
    )
    got = made[0].for_order(D(order))
    assert got.quantize(D("1e-8") if places == 6 else got) == (
        D(wanted)
        if places < 6
        else D(wanted).quantize(D("1e-6"), rounding="ROUND_CEILING").quantize(D("1e-8"))
    )


def test_phantoms_pass_their_components_to_the_parent_operation():
    kit = (need("m6", 8, line=key("l1")), need("glue", 1_000_000, is_fixed=True))
    recipes = {
        key("box"): (need("board", 1),),
        key("top"): (need("kit", 2, operation=30, place="70"), need("box", 1)),
        key("kit"): (*kit, need("inner kit", 3)),
        key("inner kit"): (need("pin", "0.5"),),
    }
    dissolved = rules.dissolve(recipes, {key("kit"), key("inner kit"), key("never made")})
    assert [(n.component, n.for_order(D(10)), n.operation, n.is_fixed) for n in dissolved[key("top")]] == [
        (key("m6"), 160, 30, False),
        (key("glue"), 1, 30, True),
        (key("pin"), 30, 30, False),
        (key("box"), 10, None, False),
    ]
    assert dissolved[key("top")][0].line == key("l1")


def chain(**needs: dict[str, str]) -> dict[UUID, tuple[Need, ...]]:
    return {key(item): tuple(need(c, q) for c, q in parts.items()) for item, parts in needs.items()}


def test_low_level_code_is_the_deepest_use():
    recipes = chain(fg={"sa": "1", "bolt": "4"}, sa={"part": "2", "bolt": "2"}, part={"bar": "1"})
    assert rules.low_level_codes(recipes) == {
        key("fg"): 0,
        key("sa"): 1,
        key("bolt"): 2,
        key("part"): 2,
        key("bar"): 3,
    }


def test_a_circle_is_named_with_its_path():
    with pytest.raises(CircleFound) as found:
        rules.low_level_codes(chain(a={"b": "1"}, b={"c": "1"}, c={"a": "1"}))
    assert found.value.path == (key("a"), key("b"), key("c"), key("a"))


def test_explosion_lists_every_use_and_totals_each_item_once():
    recipes = chain(fg={"sa": "2", "bolt": "4"}, sa={"bolt": "3", "bar": "0.7"})
    rows = rules.explode(recipes, key("fg"), D(5))
    assert [(r.level, r.item, r.quantity, r.parent) for r in rows] == [
        (1, key("sa"), 10, key("fg")),
        (2, key("bolt"), 30, key("sa")),
        (2, key("bar"), 7, key("sa")),
        (1, key("bolt"), 20, key("fg")),
    ]
    assert rules.total_needs(recipes, {key("fg"): D(5)}) == {
        key("fg"): 5,
        key("sa"): 10,
        key("bolt"): 50,
        key("bar"): 7,
    }


def test_explosion_of_a_deep_structure_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr(rules, "MOST_ROWS", 100)
    recipes = chain(**{f"i{n}": {f"i{n + 1}": "1", f"i{n + 2}": "1"} for n in range(40)})
    assert len(rules.explode(recipes, key("i0"), D(1))) == 100


# --- cost ---------------------------------------------------------------------------------------------------


def test_cost_of_a_welded_frame_as_in_the_worked_example():
    cut = op(10, "98", work_centre=key("saw"), setup_minutes=D(30), run_minutes=D(6))
    weld = op(20, "100", work_centre=key("weld"), run_minutes=D(12))
    paint = op(30, is_subcontracted=True, subcontract_price=D("9.80"))
    recipes = {
        key("frame"): Recipe(
            rules.needs_of(
                [Line(key("bar"), D("3"), scrap_percent=D(2)), Line(key("rod"), D("1"), is_fixed=True)],
                base_quantity=D(1),
                operations=(cut, weld, paint),
            ),
            operations=(cut, weld, paint),
            lot=D(20),
        )
    }
    rates = {key("saw"): Rates(D(40), D(20)), key("weld"): Rates(D(60), D(30), D(10))}
    cost = rules.roll_up(recipes, {key("bar"): D(8), key("rod"): D(50)}, rates)[key("frame")]
    assert (cost.material, cost.labour, cost.machine, cost.overhead, cost.subcontract) == (
        D("27.479592"),
        D("17.346939"),
        D("8.673469"),
        D("2.040816"),
        D("10.000000"),
    )
    assert cost.total == D("65.540816")
    assert cost.is_complete


def test_co_products_share_the_cost_and_by_products_carry_none():
    recipes = {
        key("plate"): Recipe(
            (need("sheet", 1),),
            base_quantity=D(10),
            outputs=(Output(key("disc"), D(20), D(30), "co"), Output(key("chips"), D(5), D(0))),
        )
    }
    costs = rules.roll_up(recipes, {key("sheet"): D(100)}, {})
    assert costs[key("plate")].total == 70
    assert costs[key("disc")].total == 15
    assert costs[key("chips")].total == 0
    assert costs[key("plate")].total * 10 + costs[key("disc")].total * 20 == 1000


def test_what_has_no_price_is_named_all_the_way_up():
    recipes = {key("a"): Recipe((need("b", 1), need("c", 1))), key("b"): Recipe((need("d", 1),))}
    costs = rules.roll_up(recipes, {key("c"): D(2)}, {})
    assert costs[key("a")].missing == {key("d")}
    assert costs[key("a")].total == 2
    assert costs[key("b")].level == 1


def read(name: str) -> list[dict[str, str]]:
    with (FACTORY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str) -> D:
    return D(text or "0")


def factory_recipes() -> dict[UUID, Recipe]:
    """Give the demo factory's released structure."""
    heads = {
        name: {r["item_code"]: r["revision"] for r in read(name) if r["state"] == "released"}
        for name in ("boms", "routings")
    }
    lines, operations = defaultdict(list), defaultdict(list)
    for r in read("bom_lines"):
        if heads["boms"].get(r["item_code"]) == r["revision"]:
            lines[r["item_code"]].append(
                Line(
                    key(r["component_item_code"]),
                    number(r["quantity_per"]),
                    r["quantity_kind"] == "fixed",
                    number(r["scrap_percent"]),
                    int(r["operation_sequence"]) if r["operation_sequence"] else None,
                )
            )
    for r in read("routing_operations"):
        if heads["routings"].get(r["item_code"]) == r["revision"]:
            operations[r["item_code"]].append(
                op(
                    int(r["sequence"]),
                    r["yield_percent"],
                    work_centre=key(r["work_centre_code"]),
                    setup_minutes=number(r["setup_minutes"]),
                    run_minutes=number(r["run_minutes"]),
                    is_subcontracted=r["is_subcontracted"] == "true",
                    subcontract_price=number(r["subcontract_price"]),
                )
            )
    planned = {r["item_code"]: r for r in read("item_plants")}
    return {
        key(item): Recipe(
            rules.needs_of(
                lines[item],
                base_quantity=D(1),
                operations=operations[item],
                item_yield=number(planned[item]["yield_percent"]),
            ),
            tuple(operations[item]),
            item_yield=number(planned[item]["yield_percent"]),
            lot=number(planned[item]["standard_lot_quantity"]),
        )
        for item in lines
    }


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ("FG-R37", "958.4403"),
        ("MP-R37-PIN1", "59.7199"),
        ("SA-R37-MID", "188.8826"),
        ("FG-NMRV050", "608.4025"),
        ("FG-PX90", "763.5288"),
        ("MP-CAP-90", None),
    ],
)
def test_the_demo_factory_costs_what_its_opening_stock_says(item, wanted):
    prices = {key(r["item_code"]): number(r["price"]) for r in read("supplier_items") if r["priority"] == "1"}
    rates = {
        key(r["code"]): Rates(number(r["labour_rate"]), number(r["machine_rate"]))
        for r in read("work_centres")
    }
    costs = rules.roll_up(factory_recipes(), prices, rates)
    got = costs[key(item)]
    assert got.is_complete
    if wanted:
        assert got.total.quantize(D("0.0001")) == D(wanted)
    for row in read("stock_opening"):
        if row["item_code"] == item and not row["owner_code"]:
            assert abs(number(row["amount"]) - got.total * number(row["quantity"])) < D("0.01")


def test_twelve_gear_reducers_explode_to_these_totals():
    recipes = rules.dissolve({i: r.needs for i, r in factory_recipes().items()}, {key("PH-FAST-W")})
    totals = rules.total_needs(recipes, {key("FG-NMRV050"): D(12)})
    assert totals[key("SA-W050-WORM")] == 12
    assert totals[key("BP-BOLT-M6")] == D("96.96")
    assert totals[key("AX-SEALANT")] == 1
    assert key("PH-FAST-W") not in totals


# --- revisions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("A", "B"),
        ("Z", "AA"),
        ("AZ", "BA"),
        ("ZZ", "AAA"),
        ("1", "2"),
        ("9", "10"),
        ("V1.9", "V1.10"),
        ("R09", "R10"),
        ("", "A"),
        ("初版", "初版2"),
        ("x", "x2"),
    ],
)
def test_next_revision(code, wanted):
    assert rules.next_revision(code) == wanted


JAN, MAR, JUN, SEP = (date(2026, m, 1) for m in (1, 3, 6, 9))
OLD, NEW, LATER = key("old"), key("new"), key("later")


@pytest.mark.parametrize(
    ("new", "others", "ends_on", "cut"),
    [
        pytest.param((MAR, None), [], None, {}, id="the first one"),
        pytest.param((MAR, None), [(OLD, JAN, None)], None, {OLD: MAR}, id="supersedes the earlier"),
        pytest.param((MAR, JUN), [(OLD, JAN, None)], JUN, {OLD: MAR}, id="its own end stands"),
        pytest.param(
            (MAR, None), [(OLD, JAN, None), (LATER, JUN, None)], JUN, {OLD: MAR}, id="ends at the later one"
        ),
        pytest.param(
            (MAR, None), [(OLD, MAR, None)], None, {OLD: MAR}, id="same day leaves none to the earlier"
        ),
        pytest.param(
            (MAR, None), [(OLD, JAN, JAN), (LATER, JUN, JUN)], None, {}, id="empty ones do not count"
        ),
        pytest.param((SEP, None), [(OLD, JAN, MAR)], None, {}, id="after a gap"),
    ],
)
def test_a_revision_fits_between_the_others(new, others, ends_on, cut):
    fitted, shortened = rules.fit_window(Window(NEW, *new), [Window(*o) for o in others])
    assert fitted.ends_on == ends_on
    assert {w.key: w.ends_on for w in shortened} == cut


@pytest.mark.parametrize(
    ("text", "wanted"), [("", ()), ("10;20", (10, 20)), ("20，10", (10, 20)), (" 10 ", (10,))]
)
def test_predecessors_are_read(text, wanted):
    assert rules.parse_predecessors(text) == wanted


def test_operations_without_links_follow_each_other():
    assert [o.predecessors for o in rules.linked([op(20), op(10), op(30)])] == [(), (10,), (20,)]
    parallel = [op(10), op(20), op(30, predecessors=(10, 20))]
    assert [o.predecessors for o in rules.linked(parallel)] == [(), (), (10, 20)]


def test_wrong_predecessors_are_named():
    assert rules.wrong_predecessors({10: (), 20: (10,), 30: (40, 20), 40: ()}) == {30: (40,)}
