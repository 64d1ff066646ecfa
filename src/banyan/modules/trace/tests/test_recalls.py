"""A lot is held with what was made of it, customers are told one by one, lots are released, the recall is closed."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Outbox
from banyan.kernel.proofs import proofs, run
from banyan.lib.errors import DomainError, Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.inventory.errors import HeldLot, NotEnoughStock
from banyan.modules.inventory.models import Lot
from banyan.modules.trace.errors import (
    CustomersNotTold,
    NotACustomerOfIt,
    NothingHeld,
    NotReached,
    RecalledAlready,
)
from banyan.modules.trace.models import Recall

pytestmark = pytest.mark.django_db
KEYS = [p.key for p in proofs() if p.key.startswith("trace.")]


def faults() -> list[str]:
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def test_a_recall_holds_the_lot_with_what_was_made_of_it_and_names_the_customers(line, shipped):
    first, second = line.shipped
    other = line.lot(line.world.steel, "OTHER")
    recall = line.begin()
    assert (line.state(line.steel_lot), line.state(line.gear), line.state(other)) == ("held", "held", "released")
    assert (recall.state, recall.number[:2], recall.plant_id) == ("open", "RC", line.world.plant.pk)
    lots = list(recall.lots.order_by("depth").values_list("lot__number", "depth", "was_stopped"))
    assert lots == [("HEAT-1", 0, False), ("GB-1", 1, False)]
    got = {row.party_id: (row.shipments, int(row.quantity)) for row in recall.customers.all()}
    assert got == {first.pk: (2, 3), second.pk: (1, 2)}
    event = Outbox.objects.get(type="trace.recall_begun")
    assert set(event.payload["customers"]) == {str(first.pk), str(second.pk)}
    assert faults() == []


def test_what_is_held_is_neither_allocated_nor_issued_nor_shipped(line, made):
    customer = line.world.customer
    order = line.sold(customer, 2) if line.gear else None
    line.begin()
    with pytest.raises(DomainError) as refused:
        line.world.do("sales.order.ship", order)
    assert isinstance(refused.value, (HeldLot, NotEnoughStock))
    later = line.draft(customer, 1)
    with pytest.raises(NotEnoughStock):
        line.world.do("sales.order.confirm", later, must_promise=True)
    work = line.released(quantity="2")
    with pytest.raises(DomainError):
        line.world.do("production.work_order.issue", work)


def test_only_so_many_levels_are_held_when_told(line, made):
    assert line.gear
    recall = line.begin(levels=0)
    assert (line.state(line.steel_lot), line.state(line.gear)) == ("held", "released")
    assert recall.lots.count() == 1


def test_what_was_rejected_stays_so_and_is_not_released_with_the_others(line, made):
    line.world.do("inventory.lot.reject", line.gear, reason="裂纹")
    recall = line.begin()
    assert line.state(line.gear) == "rejected"
    line.world.do("trace.recall.release", recall, reason="复检合格")
    assert (line.state(line.steel_lot), line.state(line.gear)) == ("released", "rejected")
    assert recall.lots.get(lot=line.steel_lot).released_at
    with pytest.raises(NothingHeld):
        line.world.do("trace.recall.release", recall, reason="再来")
    assert faults() == []


def test_single_lots_are_released(line, made):
    assert line.gear
    recall = line.begin()
    line.world.do("trace.recall.release", recall, reason="本批合格", lots=[line.gear.pk])
    assert (line.state(line.steel_lot), line.state(line.gear)) == ("held", "released")
    with pytest.raises(NotReached):
        line.world.do("trace.recall.release", recall, reason="别的", lots=[line.lot(line.world.steel, "X").pk])


@pytest.mark.plants("trace.told")
def test_customers_are_ticked_off_one_by_one_before_it_is_closed(line, shipped):
    first, second = line.shipped
    recall = line.begin()
    with pytest.raises(CustomersNotTold) as refused:
        line.world.do("trace.recall.close", recall, conclusion="完成")
    assert "远山机械" in str(refused.value.text("zh"))
    line.world.do("trace.recall.tell", recall, party=first.pk, note="电话，约定退回 3 件")
    with pytest.raises(NotACustomerOfIt):
        line.world.do("trace.recall.tell", recall, party=line.world.supplier.pk)
    with pytest.raises(CustomersNotTold):
        line.world.do("trace.recall.close", recall, conclusion="完成")
    line.world.do("trace.recall.tell", recall, party=second.pk)
    line.world.do("trace.recall.close", recall, conclusion="全部退回")
    assert (recall.state, recall.conclusion) == ("closed", "全部退回")
    told = recall.customers.get(party=first)
    assert (told.note, told.told_by_id, told.told_at) == ("电话，约定退回 3 件", line.ctx.person, line.ctx.now)
    assert faults() == []
    recall.customers.filter(party=first).update(told_at=None)
    (verdict,) = run(["trace.told"])
    assert [fault.record for fault in verdict.found.faults] == [str(recall.pk)]


@pytest.mark.plants("trace.held")
def test_a_lot_that_lost_its_hold_without_anybody_is_named(line):
    recall = line.begin()
    assert faults() == []
    Lot.objects.filter(pk=line.steel_lot.pk).update(state="released", stopped_at=None)
    (verdict,) = run(["trace.held"])
    assert [fault.record for fault in verdict.found.faults] == [str(recall.pk)]


def test_a_lot_is_recalled_once_at_a_time(line):
    recall = line.begin()
    with pytest.raises(RecalledAlready):
        line.begin()
    line.world.do("trace.recall.close", recall, conclusion="误报")
    assert line.begin().pk != recall.pk


def test_what_has_come_to_light_since_is_added_by_tracing_again(line, shipped):
    assert line.shipped
    recall = line.begin()
    first = recall.customers.order_by("position").first()
    line.world.do("trace.recall.tell", recall, party=first.party_id)
    line.world.do("inventory.lot.release", line.gear, reason="误放")
    line.ship(first.party, 1)
    line.world.do("trace.recall.again", recall)
    assert line.state(line.gear) == "held"
    row = recall.customers.get(party=first.party_id)
    assert row.told_at is None  # who got more is told again
    assert recall.lots.get(lot=line.gear).released_at is None


@pytest.mark.parametrize(
    "data",
    [{"lot": new_id()}, {"reason": ""}, {"levels": -1}, {"levels": 21}, {"levels": "many"}, {"reason": "长" * 256}],
)
def test_wrong_input_holds_nothing(line, made, data):
    assert line.gear
    with pytest.raises(Invalid):
        line.begin(**data)
    assert not Recall.objects.exists()
    assert set(Lot.objects.values_list("state", flat=True)) == {"released"}


def test_any_words_are_taken_as_they_are(line):
    reason = "客户投诉：🔥 “过热” <b>; DROP TABLE"
    assert line.begin(reason=reason).reason == reason


@pytest.mark.parametrize(("role", "may"), [
    ("quality", True), ("boss", True), ("warehouse", False), ("worker", False), ("leader", False), ("sales", False),
])  # fmt: skip
def test_quality_and_boss_recall_and_nobody_else(line, made, role, may):
    assert line.gear
    ctx, data = line.acting(role), {"lot": str(line.steel_lot.pk), "reason": "超差"}
    begin = registry.command("trace.recall.begin")
    if may:
        assert execute(ctx, begin, data=data).value[0].state == "open"
    else:
        with pytest.raises(NotAllowed):
            execute(ctx, begin, data=data)
        assert line.state(line.steel_lot) == "released"


def test_quality_of_another_plant_does_not_recall(line):
    from banyan.kernel.models import User
    from banyan.lib.errors import NotFound

    ctx = line.acting("quality")
    User.objects.filter(login="quality").update(plants=[line.world.second_plant.pk])
    from banyan.kernel import access

    ctx = ctx.with_(principal=access.principal_of(ctx.person))
    with pytest.raises(NotFound):
        execute(ctx, registry.command("trace.recall.begin"), data={"lot": str(line.steel_lot.pk), "reason": "超差"})


def test_an_order_that_took_a_lot_before_the_hold_brings_out_held_goods(line):
    """The steel lies at the order; it is held; what the order completes afterwards is held as well."""
    order = line.released(quantity="10")
    line.world.do("production.work_order.issue", order)
    line.begin()
    line.through(order, 10)
    lot = line.complete(order, 10, "GB-LATE")
    assert (lot.state, lot.reason) == ("held", "HEAT-1: 炉号成分超差")
    with pytest.raises(NotEnoughStock):
        line.world.do("sales.order.confirm", line.draft(line.world.customer, 1), must_promise=True)
