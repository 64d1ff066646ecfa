"""Revisions, explosion, where-used and cost, against the database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction

from banyan.kernel import registry
from banyan.kernel.commands import Command, WrongState, execute
from banyan.kernel.models import Outbox
from banyan.kernel.proofs import run as prove
from banyan.kernel.queries import ask, declared_query
from banyan.lib.errors import Conflict, Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.engineering import queries
from banyan.modules.engineering.errors import (
    EndsBeforeItBegins,
    NothingInside,
    ReleasedIsFinal,
    ReleasedTwice,
    StructureLoop,
    WrongPredecessors,
)
from banyan.modules.engineering.models import Bom, BomLine, Routing
from banyan.modules.items.models import ItemPlant
from tests.plugins.standing import stands

TODAY = date(2026, 3, 2)
APRIL = date(2026, 4, 1)


@pytest.fixture(autouse=True)
def _a_plant(world):
    assert world.plant.code == "P1"


def bom(world, item, *lines, released=True, **more):
    """Make a BOM from (component, quantity) or mappings; released today unless told."""
    rows = [row if isinstance(row, dict) else {"component": row[0], "quantity": str(row[1])} for row in lines]
    made = world.make("engineering.bom", **({"item": item, "revision": "A", "lines": rows} | more))
    if released:
        world.do("engineering.bom.release", made)
    return made


def routing(world, item, *operations, released=True, **more):
    rows = [
        {"sequence": 10 * n, "name": f"工序{n}", "work_centre": world.turning, "run_minutes": "6"} | one
        for n, one in enumerate(operations, start=1)
    ]
    made = world.make("engineering.routing", **({"item": item, "revision": "A", "operations": rows} | more))
    if released:
        world.do("engineering.routing.release", made)
    return made


# --- release ------------------------------------------------------------------------------------------------


def test_release_lets_a_revision_count_from_its_day_and_tells_so(world):
    made = bom(world, world.product, (world.part, 2), effective_from="2026-02-01")
    assert (made.state, made.effective_from, made.effective_to) == ("released", date(2026, 2, 1), None)
    told = Outbox.objects.get(type="engineering.bom_released")
    assert (told.payload["revision"], told.payload["superseded"]) == ("A", [])
    assert set(queries.released_boms([world.product.pk], TODAY, world.plant.pk)) == {world.product.pk}
    assert queries.released_boms([world.product.pk], date(2026, 1, 31), world.plant.pk) == {}


def test_the_next_revision_supersedes_from_its_day_on(world):
    first = bom(world, world.product, (world.part, 2))
    second = bom(world, world.product, (world.part, 3), revision="B", released=False)
    world.do("engineering.bom.release", second, effective_from="2026-04-01")
    first.refresh_from_db()
    assert (first.state, first.effective_to) == ("superseded", APRIL)
    counting = [
        queries.released_boms([world.product.pk], day, world.plant.pk)[world.product.pk].revision
        for day in (TODAY, date(2026, 3, 31), APRIL)
    ]
    assert counting == ["A", "A", "B"]


def test_a_plants_own_revision_comes_before_the_common_one(world):
    bom(world, world.product, (world.part, 2))
    bom(world, world.product, (world.part, 5), revision="P2", plant=world.second_plant)
    found = [
        queries.released_boms([world.product.pk], TODAY, plant.pk)[world.product.pk].lines[0].quantity
        for plant in (world.plant, world.second_plant)
    ]
    assert found == [2, 5]


def test_an_empty_revision_is_not_released(world):
    made = bom(world, world.product, released=False)
    with pytest.raises(NothingInside) as refusal:
        world.do("engineering.bom.release", made)
    assert refusal.value.data == {"item": "FG-1", "revision": "A"}
    assert Bom.objects.get().state == "draft"


def test_two_revisions_of_one_item_are_not_released_at_once(world):
    both = [bom(world, world.product, (world.part, 1), revision=code, released=False) for code in "AB"]
    with pytest.raises(ReleasedTwice):
        world.do("engineering.bom.release", both)


def test_a_revision_cannot_end_before_it_begins(world):
    made = bom(world, world.product, (world.part, 1), released=False, effective_to="2026-03-02")
    with pytest.raises(EndsBeforeItBegins):
        world.do("engineering.bom.release", made)


def test_a_loop_is_refused_with_its_path(world):
    top, middle, low = (world.item(code=code) for code in ("TOP", "MIDDLE", "LOW"))
    bom(world, top, (middle, 1))
    bom(world, middle, (low, 1))
    made = bom(world, low, (top, 1), (world.screw, 4), released=False)
    with pytest.raises(StructureLoop) as refusal:
        world.do("engineering.bom.release", made)
    assert refusal.value.data == {"path": "LOW → TOP → MIDDLE → LOW"}
    assert Bom.objects.get(pk=made.pk).state == "draft"


def test_a_loop_within_one_batch_is_refused(world):
    first, second = world.item(code="ONE"), world.item(code="TWO")
    both = [bom(world, first, (second, 1), released=False), bom(world, second, (first, 1), released=False)]
    with pytest.raises(StructureLoop):
        world.do("engineering.bom.release", both)


def test_an_item_is_not_its_own_component_even_in_a_draft(world):
    with pytest.raises(StructureLoop):
        bom(world, world.product, (world.product, 1), released=False)


def test_what_has_ceased_to_count_closes_no_loop(world):
    first, second = world.item(code="ONE"), world.item(code="TWO")
    bom(world, first, (second, 1))
    bom(world, first, (world.screw, 1), revision="B")
    assert bom(world, second, (first, 1)).state == "released"


@pytest.mark.parametrize("text", ["30", "99", "ten"])
def test_predecessors_must_come_before(world, text):
    with pytest.raises(WrongPredecessors):
        routing(world, world.part, {}, {"predecessors": text}, {})


def test_release_needs_the_right(world, person):
    made = bom(world, world.product, (world.part, 1), released=False)
    with pytest.raises(NotAllowed):
        execute(
            person("engineering.bom.read"),
            registry.command("engineering.bom.release"),
            ids=[made.pk],
            data={},
        )


# --- what never changes -------------------------------------------------------------------------------------


def test_a_released_revision_is_neither_changed_nor_deleted(world):
    made = bom(world, world.product, (world.part, 2))
    for act in ("change", "delete", "release"):
        with pytest.raises(WrongState):
            world.do(f"engineering.bom.{act}", made, **({"note": "x"} if act == "change" else {}))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE engineering_bom SET base_quantity = 7",
        "UPDATE engineering_bom SET state = 'draft'",
        "DELETE FROM engineering_bomline",
        "UPDATE engineering_bomline SET quantity = 9",
        "UPDATE engineering_bomline SET bom_id = (SELECT id FROM engineering_bom WHERE state = 'draft')",
        "INSERT INTO engineering_bomline"
        " (id, position, bom_id, component_id, quantity, is_fixed, scrap_percent, place)"
        " SELECT gen_random_uuid(), 9, b.id, i.id, 1, false, 0, '' FROM engineering_bom b, items_item i"
        " WHERE b.state <> 'draft' LIMIT 1",
        "UPDATE engineering_routingoperation SET run_minutes = 1",
    ],
)
def test_the_database_is_the_last_guard_of_released_revisions(world, sql):
    bom(world, world.product, (world.part, 2))
    bom(world, world.product, revision="B", released=False)
    routing(world, world.product, {})
    with (
        pytest.raises(IntegrityError, match="can no longer change"),
        transaction.atomic(),
        connection.cursor() as at,
    ):
        at.execute(sql)


def test_the_guard_speaks_in_words(world):
    made = bom(world, world.product, (world.part, 2))
    Bom.objects.filter(pk=made.pk).update(version=7)
    with pytest.raises(Conflict) as refusal:
        execute(world.ctx, _spoiling_command(made), data=None)
    assert isinstance(refusal.value, ReleasedIsFinal)


def _spoiling_command(made):
    def spoil(ctx):
        BomLine.objects.filter(bom=made).delete()

    return Command("engineering.bom.spoil", L("破坏", "Spoil"), spoil, on="noun")


@pytest.mark.parametrize(
    "line",
    [{"quantity": "0"}, {"quantity": "1", "scrap_percent": "100"}, {"quantity": "1", "scrap_percent": "-1"}],
)
def test_figures_out_of_range_are_refused(world, line):
    with pytest.raises(Invalid):
        bom(world, world.product, {"component": world.part} | line)


def test_only_one_released_revision_counts_on_a_day(world):
    bom(world, world.product, (world.part, 1))
    bom(world, world.product, (world.part, 2), revision="B", released=False)
    with pytest.raises(IntegrityError, match="one_a_day"), transaction.atomic(), connection.cursor() as at:
        at.execute(
            "UPDATE engineering_bom SET state = 'released', effective_from = '2026-05-01' "
            "WHERE revision = 'B'"
        )


def test_a_sequence_stands_once_in_a_routing(world):
    with pytest.raises(Invalid):
        routing(world, world.part, {"sequence": 10}, {"sequence": 10})


# --- new revisions ------------------------------------------------------------------------------------------


def test_a_new_revision_copies_word_for_word(world):
    made = bom(
        world, world.product,
        {"component": world.part, "quantity": "2.5", "scrap_percent": "3", "operation": 10, "place": "7"},
        {"component": world.screw, "quantity": "4", "is_fixed": True, "valid_to": "2026-12-01"},
        base_quantity="10", note="初版", outputs=[{"item": world.steel, "kind": "by", "quantity": "1"}],
    )  # fmt: skip
    world.make("items.item_plant", item=world.product, plant=world.plant, lead_time_days=99)
    (copy,) = world.do("engineering.bom.new_revision", made)
    assert (copy.revision, copy.state, copy.base_quantity, copy.note) == ("B", "draft", 10, "初版")
    assert (copy.effective_from, copy.effective_to) == (None, None)
    columns = ("component_id", "quantity", "is_fixed", "scrap_percent", "operation", "place", "valid_to")
    assert list(copy.lines.order_by("position").values_list(*columns)) == list(
        made.lines.order_by("position").values_list(*columns)
    )
    assert copy.outputs.count() == 1
    version = made.version
    made.refresh_from_db()
    assert made.version == version
    (third,) = world.do("engineering.bom.new_revision", made)
    assert third.revision == "C"


def test_a_new_routing_revision_is_changed_and_released(world):
    made = routing(world, world.part, {}, {"predecessors": "10"})
    (copy,) = world.do("engineering.routing.new_revision", made, revision="B2")
    world.do("engineering.routing.release", copy, effective_from="2026-04-01")
    assert sorted(Routing.objects.values_list("revision", "state", "effective_to")) == [
        ("A", "superseded", APRIL), ("B2", "released", None)]  # fmt: skip


# --- what people ask ----------------------------------------------------------------------------------------


@pytest.fixture
@stands
def reducer(world):
    """A product of two sub-assemblies and a kit; gear from steel, with losses."""
    shaft, kit = world.item(code="SA-1"), world.item(code="KIT", kind="phantom")
    world.planned(world.part, yield_percent="96", standard_lot="40")
    bom(
        world,
        world.product,
        (shaft, 2),
        (kit, 1),
        {"component": world.grease, "quantity": "0.5", "is_fixed": True},
    )
    bom(world, shaft, (world.part, 3))
    bom(world, kit, (world.screw, 8))
    bom(world, world.part, {"component": world.steel, "quantity": "1.2", "scrap_percent": "5"})
    return {"shaft": shaft, "kit": kit}


def test_explosion_and_totals(world, reducer, django_assert_num_queries):
    with django_assert_num_queries(6):
        rows = queries.explode(world.product.pk, D(10), TODAY, world.plant.pk, phantoms=True)
    assert [(r.level, r.item, r.quantity) for r in rows] == [
        (1, reducer["shaft"].pk, 20), (2, world.part.pk, 60), (3, world.steel.pk, D("78.75")),
        (1, world.screw.pk, 80), (1, world.grease.pk, D("0.5")),
    ]  # fmt: skip
    with django_assert_num_queries(6):
        totals = queries.total_needs({world.product.pk: D(10), world.part.pk: D(4)}, TODAY, world.plant.pk)
    assert totals[world.part.pk] == 64
    assert totals[world.steel.pk] == D("84")
    shown = ask(
        world.ctx, declared_query("engineering.explosion"), {"item": world.product.pk, "quantity": "10"}
    )
    assert [(r["level"], r["item"], r["quantity"]) for r in shown][:3] == [
        (1, f"SA-1 {reducer['shaft'].name}", "20"),
        (2, "MP-1 齿轮", "60"),
        (3, "RM-1 圆钢", "78.75"),
    ]
    summed = ask(
        world.ctx, declared_query("engineering.explosion"), {"item": world.product.pk, "is_summed": True}
    )
    assert {row["item"]: row["quantity"] for row in summed}["BP-1 螺钉"] == "8"


def test_lines_count_only_while_they_are_valid(world):
    bom(
        world, world.product,
        {"component": world.part, "quantity": "1", "valid_to": "2026-03-02"},
        {"component": world.screw, "quantity": "2", "valid_from": "2026-03-02"},
        effective_from="2026-01-01",
    )  # fmt: skip
    found = [
        [
            one.component
            for one in queries.released_boms([world.product.pk], day, None)[world.product.pk].needs
        ]
        for day in (date(2026, 3, 1), TODAY)
    ]
    assert found == [[world.part.pk], [world.screw.pk]]


def test_where_used_goes_up_to_the_finished_product(world, reducer, django_assert_num_queries):
    with django_assert_num_queries(1):
        uses = queries.where_used([world.steel.pk], TODAY)
    assert [(u.level, u.item, u.quantity) for u in uses] == [
        (1, world.part.pk, D("1.2")), (2, reducer["shaft"].pk, 3), (3, world.product.pk, 2)
    ]  # fmt: skip
    assert queries.where_used([world.steel.pk], date(2020, 1, 1)) == ()
    shown = ask(world.ctx, declared_query("engineering.where_used"), {"item": world.screw.pk})
    assert [(r["level"], r["item"], r["state"]) for r in shown] == [
        (1, f"KIT {reducer['kit'].name}", "已发布"), (2, "FG-1 减速机", "已发布")]  # fmt: skip


def test_cost_roll_up_stores_standard_costs(world, reducer, django_assert_max_num_queries):
    world.planned(world.steel, standard_cost="10")
    world.planned(world.screw, standard_cost="0.25")
    world.planned(world.grease, standard_cost="40")
    world.planned(world.product, standard_lot="10")
    routing(world, world.part, {"setup_minutes": "20", "yield_percent": "98"}, {"run_minutes": "1.5"})
    with django_assert_max_num_queries(12):
        costs = queries.standard_costs(world.plant.pk, None, TODAY)
    part = costs[world.part.pk]
    # steel 1.2 × 1.05 ÷ 0.98 ÷ 0.96 × 10; minutes (20/40 + 6 + 1.5) ÷ 0.98 ÷ 0.96 at 36, 48 and 12 an hour
    assert (part.material, part.labour, part.machine, part.overhead) == (
        D("13.392857"), D("5.102041"), D("6.802721"), D("1.700680"))  # fmt: skip
    assert costs[world.product.pk].material == D("6") * D("13.392857") + 2 + 2
    assert all(cost.is_complete for cost in costs.values())
    world.do("engineering.bom.roll_up")
    stored = dict(ItemPlant.objects.values_list("item__code", "standard_cost"))
    assert stored["MP-1"] == part.total == D("26.998299")
    assert stored["RM-1"] == 10
    assert set(stored) == {"MP-1", "RM-1", "BP-1", "RM-2", "FG-1", "SA-1", "KIT"}


def test_an_incomplete_cost_is_given_but_not_stored(world, reducer):
    world.planned(world.screw, standard_cost="0.25")
    costs = {row.code: row for row in world.do("engineering.bom.roll_up", items=[world.product])}
    assert costs["FG-1"].missing == ("RM-1", "RM-2")
    assert set(costs) == {"FG-1", "SA-1", "KIT", "MP-1"}
    assert dict(ItemPlant.objects.values_list("item__code", "standard_cost")) == {
        "MP-1": None, "BP-1": D("0.25"), "KIT": D("2")}  # fmt: skip


def test_release_takes_a_fixed_number_of_statements(world, django_assert_max_num_queries):
    made = [bom(world, world.item(), (world.screw, 1), released=False) for _ in range(5)]
    with django_assert_max_num_queries(14):
        world.do("engineering.bom.release", [m.pk for m in made])


# --- proofs -------------------------------------------------------------------------------------------------


def verdicts(key: str) -> list[str]:
    (verdict,) = prove([key])
    return [fault.text.rpartition(" / ")[2] for fault in verdict.found.faults]


def by_hand(sql: str) -> None:
    with connection.cursor() as at:
        at.execute(sql)


@pytest.mark.plants("engineering.no_loops")
def test_a_loop_slipped_in_by_hand_is_named(world):
    first, second = world.item(code="ONE"), world.item(code="TWO")
    bom(world, first, (second, 1))
    bom(world, second, (first, 1), released=False)
    assert verdicts("engineering.no_loops") == []
    by_hand(
        "UPDATE engineering_bom SET state = 'released', effective_from = '2026-01-01' WHERE state = 'draft'"
    )
    assert verdicts("engineering.no_loops")[0] in (
        "its BOMs form a circle: ONE → TWO → ONE", "its BOMs form a circle: TWO → ONE → TWO")  # fmt: skip


@pytest.mark.plants("engineering.filled")
def test_a_revision_released_empty_by_hand_is_named(world):
    bom(world, world.product, released=False)
    routing(world, world.part, released=False)
    by_hand("UPDATE engineering_bom SET state = 'released', effective_from = '2026-01-01'")
    by_hand("UPDATE engineering_routing SET state = 'released', effective_from = '2026-01-01'")
    assert verdicts("engineering.filled") == [
        "BOM FG-1 A is released without lines", "routing MP-1 A is released without operations"]  # fmt: skip


@pytest.mark.plants("engineering.work_centres")
def test_a_work_centre_out_of_use_is_named(world):
    routing(world, world.part, {})
    assert verdicts("engineering.work_centres") == []
    by_hand("UPDATE equipment_workcentre SET is_active = false")
    assert verdicts("engineering.work_centres") == [
        "routing MP-1 A, operation 10: work centre TURN is not in use there"
    ]


@pytest.mark.plants("engineering.predecessors")
def test_a_predecessor_that_does_not_exist_is_named(world):
    routing(world, world.part, {}, {}, released=False)
    by_hand("UPDATE engineering_routingoperation SET predecessors = '15' WHERE sequence = 20")
    by_hand("UPDATE engineering_routing SET state = 'released', effective_from = '2026-01-01'")
    assert verdicts("engineering.predecessors") == [
        "routing MP-1 A, operation 20: there is no operation 15 before it"
    ]


def test_an_item_that_does_not_exist_costs_nothing(world):
    assert queries.standard_costs(world.plant.pk, [new_id()], date(2026, 3, 2)) == {}
    assert world.do("engineering.bom.roll_up", plant=world.plant, items=[new_id()]) == ()
