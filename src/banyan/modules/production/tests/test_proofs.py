"""Each proof is green over ordinary work, and names a fault that is planted."""

from __future__ import annotations

import pytest
from django.db import transaction

from banyan.kernel import db, registry
from banyan.kernel.proofs import proofs, run
from banyan.lib.ids import new_id
from banyan.modules.production.models import Deviation
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [proof.key for proof in proofs() if proof.key.startswith("production.")]


@pytest.fixture
@stands
def busy(shop):
    """An order on which everything has happened: issues, rework, scrap, undo, debts, receipts."""
    shop.receive(shop.world.part, 300, "3000")
    shop.receive(shop.world.steel, 80, "400", shop.steel_lot)
    order = shop.released()
    shop.world.do("production.work_order.issue", order)
    shop.report(order, 10, "start", people=[{"employee": shop.world.worker.pk}])
    shop.report(order, 10, "good", 20, output_lot="G-1", lots=[{"lot": shop.steel_lot.pk, "quantity": "5"}])
    shop.report(order, 20, "good", 12)
    shop.report(order, 20, "rework", 3, back_to=shop.operation(order, 10).pk)
    shop.report(order, 20, "scrap", 2)
    shop.undo(shop.report(order, 20, "good", 3))
    shop.report(order, 30, "good", 10)
    shop.receive(shop.world.screw, 30, "3")
    shop.world.do("production.work_order.complete", order, lines=[{"quantity": "4", "lot": "A"}])
    return order


def verdicts():
    return {verdict.proof.key: verdict.found for verdict in run(KEYS)}


def test_ordinary_work_breaks_nothing(busy):
    found = verdicts()
    assert {key: one.faults for key, one in found.items() if one.broken} == {}
    assert found["production.counters"].counted == 3
    assert found["production.reports"].counted == 8


PLANTED = {
    "production.counters": "UPDATE production_operation SET good_quantity = good_quantity + 1 WHERE "
    "sequence = 10",
    "production.started": "UPDATE production_operation SET started = 2 WHERE sequence = 30",
    "production.scrapped": "UPDATE production_workorder SET scrapped_quantity = 1",
    "production.issued": "UPDATE production_material SET issued_quantity = issued_quantity + 1 WHERE "
    "NOT is_backflushed",
    "production.debts": "UPDATE production_material SET debt_quantity = debt_quantity + 1 WHERE "
    "is_backflushed",
    "production.closed_without_debts": "UPDATE production_workorder SET state = 'closed', closed_at = now()",
    "production.made": "UPDATE production_workorder SET completed_amount = 1",
    "production.papers": "UPDATE production_completion SET state = 'reversed'",
    "production.within_limits": "UPDATE production_operation SET good_quantity = 1 WHERE sequence = 10",
    "production.approvals": "UPDATE production_reportapproval SET state = 'undone', decided_at = now() WHERE "
    "id = (SELECT min(id::text)::uuid FROM production_reportapproval WHERE state = 'waiting')",
    "production.approved": "UPDATE production_operation SET approved_quantity = 1 WHERE sequence = 10",
    "production.away": "UPDATE production_operation SET away_quantity = 1 WHERE sequence = 20",
    "production.deviations": "UPDATE production_operation SET state = 'skipped' WHERE sequence = 30",
    "production.origins": "UPDATE production_workorder SET origin_noun = 'production.work_order', "
    "origin = gen_random_uuid()",
}


@pytest.mark.parametrize("key", sorted(PLANTED))
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(busy, key):
    assert db.run(PLANTED[key])
    found = verdicts()[key]
    assert found.broken
    assert busy.number in found.faults[0].text or "production." in found.faults[0].text


@pytest.mark.plants("production.deviations")
def test_what_differs_without_a_record_is_named(busy, ctx):
    Deviation.objects.create(
        work_order=busy, plant_id=busy.plant_id, kind="quantity", reason="x", after={"quantity": str(busy.quantity)},
        person_id=ctx.person, at=ctx.now,
    )  # fmt: skip
    assert run(["production.deviations"])[0].is_green
    for statement, says in (
        ("UPDATE production_operation SET state = 'skipped' WHERE sequence = 30", "operation 30 "),
        ("UPDATE production_material SET deviation_reason = 'x' WHERE position = 1", "material line 1 "),
        ("UPDATE production_workorder SET quantity = 7.5", "its quantity of 7.5 is not what the record says"),
    ):
        with transaction.atomic():
            assert db.run(statement)
            (fault,) = run(["production.deviations"])[0].found.faults
            transaction.set_rollback(True)
        assert fault.text.split(" / ")[1].startswith(f"{busy.number}: {says}")


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("production.reports", {"plant_id": new_id()}),
        ("production.reports", {"work_order_id": new_id()}),
        ("production.people", {"people": f'[{{"employee": "{new_id()}"}}]'}),
    ],
)
@pytest.mark.plants("key")
def test_a_report_that_was_forged_is_named(busy, key, change):
    ((column, value),) = change.items()
    db.run(
        "INSERT INTO production_report SELECT (jsonb_populate_record(r, jsonb_build_object('id', "
        "gen_random_uuid(), "
        "%s::text, CASE WHEN %s = 'people' THEN %s::jsonb ELSE to_jsonb(%s::text) END))).* "
        "FROM production_report r WHERE kind = 'start'",
        [column, column, value if column == "people" else "null", str(value)],
    )
    assert verdicts()[key].broken == 1


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("workorder", "origin_noun = 'production.work_order', origin = id, origin_line = '{lost}'"),
        ("material", "source_line = '{lost}'"),
        ("operation", "source_line = '{lost}' WHERE sequence = 10"),
    ],
)
@pytest.mark.plants("production.origins")
def test_a_line_that_is_not_there_is_named(busy, table, change):
    (before,) = run(["production.origins"])
    assert before.is_green
    assert before.found.counted >= 3
    lost = new_id()
    changed = db.run(f"UPDATE production_{table} SET {change.format(lost=lost)}")
    found = run(["production.origins"])[0].found
    assert (found.broken, {fault.record for fault in found.faults}) == (changed, {str(busy.pk)})
    assert f"line {lost} of " in found.faults[0].text


@pytest.mark.plants("production.origins")
def test_what_came_of_a_deviation_must_be_there_unless_it_was_deleted_as_a_draft(busy, ctx, shop):
    draft = shop.order()
    for other in (draft.pk, lost := new_id()):
        Deviation.objects.create(
            work_order=busy, plant_id=busy.plant_id, kind="split", reason="x", other_noun="production.work_order",
            other=other, person_id=ctx.person, at=ctx.now,
        )  # fmt: skip
    registry.command("production.work_order.delete")(ctx, [draft.pk])
    (fault,) = run(["production.origins"])[0].found.faults
    assert f"production.work_order {lost}" in fault.text
