"""Temporary cards: named in a few words, reported on at once, material as it is used, closed at what they cost."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel.commands import execute
from banyan.kernel.context import Principal
from banyan.kernel.models import Attachment, StoredFile
from banyan.kernel.registry import command
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.modules.inventory.queries import held_by
from banyan.modules.production import queries
from banyan.modules.production.errors import MaterialShort, NoItemYet, NotTemporary, PartNeeded
from banyan.modules.production.models import Completion, Material, Operation, WorkOrder

pytestmark = pytest.mark.django_db


@pytest.fixture
def leader(shop, ctx):
    """Somebody of the plant's team who may do everything of production there."""
    who = Principal(
        new_id(), "班长", grants=(("production.*", "plant"),), plants=(shop.world.plant.pk,),
        employee=shop.world.worker.pk,
    )  # fmt: skip
    assert shop.world.pieces
    return ctx.with_(principal=who, through="screen", plant=shop.world.plant.pk)


def make(leader, **data):
    return execute(leader, command("production.work_order.make_card"), data=data).value[0]


def test_a_name_is_enough_and_the_team_has_its_tasks(shop, leader):
    assert shop.places
    card = make(leader, part_name="  支架 🔧 样件 ")
    card.refresh_from_db()
    assert (card.kind, card.state, card.part_name, card.quantity) == ("temporary", "released", "支架 🔧 样件", 1)
    assert card.number
    task = queries.my_tasks(shop.world.second_worker.pk)[0]
    assert (task.number, task.name, task.part_name, task.room) == (card.number, "加工", "支架 🔧 样件", 2)
    shop.report(card, 10, "good", 1, ctx=leader)
    assert WorkOrder.objects.get(pk=card.pk).state == "running"


def test_taps_become_operations_in_their_order_priced_by_their_work_centres(shop, leader):
    steps = [{"name": "下料"}, {"name": "车削", "work_centre": shop.world.turning.pk}]
    photo = StoredFile.objects.create(pk="a" * 64, media_type="image/jpeg", size=3)
    card = make(
        leader, item=shop.world.part.pk, quantity="5", operations=steps, people=[shop.world.worker.pk], photo=photo.pk
    )
    rows = list(Operation.objects.filter(work_order=card).order_by("sequence"))
    assert [(o.sequence, o.name, o.predecessors, o.labour_rate) for o in rows] == [
        (10, "下料", "", 0), (20, "车削", "10", 36),
    ]  # fmt: skip
    assert len(queries.my_tasks(shop.world.worker.pk)) == 2
    assert queries.my_tasks(shop.world.second_worker.pk) == ()
    assert Attachment.objects.filter(record=card.pk, file=photo).count() == 1


def test_usual_operations_are_offered_in_their_usual_order(shop, leader):
    assert shop.recipe
    chips = queries.usual_operations(shop.world.plant.pk)
    assert [(c.name, c.work_centre) for c in chips] == [
        ("车削", shop.world.turning.pk), ("铣削", shop.world.milling.pk), ("检验", shop.world.turning.pk),
    ]  # fmt: skip
    assert queries.usual_operations(new_id()) == ()


@pytest.mark.parametrize(
    "data",
    [
        {}, {"part_name": "   "}, {"part_name": "x", "quantity": "0"}, {"part_name": "x", "quantity": "-1"},
        {"part_name": "x", "quantity": "1.5"}, {"item": new_id()}, {"part_name": "x", "people": [new_id()]},
        {"part_name": "x", "team": new_id()}, {"part_name": "x", "plant": new_id()},
        {"part_name": "x", "operations": [{"name": ""}]}, {"part_name": "x" * 161},
        {"part_name": "x", "operations": [{"name": "x", "work_centre": new_id()}]},
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_is_refused_and_leaves_nothing(shop, leader, data):
    assert shop.places
    with pytest.raises(Invalid):
        make(leader, **data)
    assert not WorkOrder.objects.exists()


def test_a_plant_that_is_not_there_is_named(shop):
    with pytest.raises(Invalid) as refused:
        execute(shop.ctx, command("production.work_order.make_card"), data={"part_name": "垫块", "plant": new_id()})
    assert set(refused.value.fields) == {"plant"}


def test_nothing_named_says_what_to_do(leader):
    with pytest.raises(PartNeeded) as asked:
        make(leader)
    assert asked.value.text("en") == "Choose a part, or write its name"


def test_whatever_was_used_is_issued_to_the_card(shop, leader):
    shop.stocked()
    card = make(leader, item=shop.world.item(code="NEW-1").pk, quantity="10")
    use = {"lines": [
        {"item": shop.world.screw.pk, "quantity": "30"},
        {"item": shop.world.steel.pk, "quantity": "2.5", "lot": shop.steel_lot.pk},
        {"item": shop.world.screw.pk, "quantity": "10"},
    ]}  # fmt: skip
    execute(leader, command("production.work_order.use_material"), ids=[card.pk], data=use)
    rows = {m.item_id: (m.quantity, m.issued_quantity) for m in Material.objects.filter(work_order=card)}
    assert rows == {shop.world.screw.pk: (40, 40), shop.world.steel.pk: (D("2.5"), D("2.5"))}
    for wrong in ({"item": new_id(), "quantity": "1"}, {"item": shop.world.screw.pk, "quantity": "0.5"}):
        with pytest.raises(Invalid):
            execute(leader, command("production.work_order.use_material"), ids=[card.pk], data={"lines": [wrong]})
    with pytest.raises(MaterialShort):
        execute(
            leader, command("production.work_order.use_material"), ids=[card.pk],
            data={"lines": [{"item": shop.world.part.pk, "quantity": "9999"}]},
        )  # fmt: skip
    order = shop.released()
    with pytest.raises(NotTemporary):
        execute(leader, command("production.work_order.use_material"), ids=[order.pk], data=use)


def test_what_was_kept_for_another_order_is_used_all_the_same(shop, leader):
    shop.stocked()
    line = Material.objects.get(work_order=shop.released(quantity="150"), item=shop.world.screw.pk)
    kept = held_by([line.pk])
    card = make(leader, part_name="支架")
    use = {"lines": [{"item": shop.world.screw.pk, "quantity": "600"}]}
    execute(leader, command("production.work_order.use_material"), ids=[card.pk], data=use)
    assert sum(kept[line.pk]) == 600
    assert Material.objects.get(work_order=card).issued_quantity == 600
    assert shop.on_hand(shop.world.screw) == 0


def test_a_finished_card_brings_its_item_to_store_at_what_it_cost(shop, leader):
    shop.stocked()
    item = shop.world.item(code="NEW-1")
    steps = [{"name": "车削", "work_centre": shop.world.turning.pk}]
    card = make(leader, item=item.pk, quantity="10", operations=steps)
    execute(
        leader, command("production.work_order.use_material"), ids=[card.pk],
        data={"lines": [{"item": shop.world.part.pk, "quantity": "20"}]},
    )  # fmt: skip
    shop.report(card, 10, "good", 10, minutes="60", ctx=leader)
    execute(leader, command("production.work_order.finish_card"), ids=[card.pk])
    card.refresh_from_db()
    assert (card.state, card.made_quantity, card.completed_amount) == ("closed", 10, D("296.00"))
    assert shop.on_hand(item) == 10
    assert queries.wip_left([card.pk]) == {card.pk: 0}


def test_what_is_no_item_is_closed_without_a_receipt(shop, leader):
    shop.stocked()
    card = make(leader, part_name="夹具")
    shop.report(card, 10, "good", 1, ctx=leader)
    with pytest.raises(NoItemYet):
        execute(leader, command("production.work_order.complete"), ids=[card.pk])
    execute(leader, command("production.work_order.finish_card"), ids=[card.pk])
    card.refresh_from_db()
    assert (card.state, Completion.objects.count()) == ("closed", 0)
    with pytest.raises(NotTemporary):
        execute(leader, command("production.work_order.finish_card"), ids=[shop.released().pk])
