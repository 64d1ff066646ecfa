"""Each proof of sagas names the fault that is planted for it."""

from __future__ import annotations

import pytest

from banyan.integration.saga.tests.conftest import STEPS, carry
from banyan.kernel import db, proofs

RUN = "(SELECT id FROM saga_run WHERE key = 'A-1')"


@pytest.fixture
def carried(saga, start, partner):
    """Give a run that is done, one that is taken back, and one under way."""
    made = saga(STEPS[0], STEPS[1] | {"is_point_of_no_return": True}, STEPS[2])
    partner.says["book"] = lambda body: {"A-2": 422, "A-3": 503}.get(body["order"], 200)
    for order in ("A-1", "A-2", "A-3"):
        start(made, order)
    carry()
    assert db.rows("SELECT state FROM saga_run ORDER BY key") == [("done",), ("undone",), ("running",)]


def verdicts() -> dict:
    return {v.proof.key: v for v in proofs.run(("saga.settled", "saga.moving"))}


def test_nothing_is_wrong_with_what_came_about_by_itself(carried):
    found = verdicts()
    assert [v.found.broken for v in found.values()] == [0, 0]
    assert found["saga.settled"].found.counted == 3
    assert found["saga.moving"].found.counted == 1


@pytest.mark.parametrize(
    ("key", "fault", "says"),
    [
        ("saga.settled", f"UPDATE saga_runstep SET state = 'pending', message = NULL WHERE run_id = {RUN} "
                         "AND name = 'finance'", "it is done and a step is not"),
        ("saga.settled", f"UPDATE saga_runstep SET state = 'undone' WHERE run_id = {RUN} AND name = 'finance'",
         "behind the point of no return"),
        ("saga.settled", "UPDATE integration_message SET state = 'given_up' WHERE type = 'saga.reserve.do' "
                         f"AND source = {RUN}::text", "step 预留库存 is done; its messages are given_up, —"),
        ("saga.settled", "UPDATE saga_run SET state = 'done', ended_at = now() WHERE key = 'A-3'",
         "it is done and a step is not"),
        ("saga.settled", "UPDATE saga_runstep SET undo_message = NULL WHERE state = 'undone'",
         "step 预留库存 is undone; its messages are done, —"),
        ("saga.moving", "UPDATE saga_run SET due_at = now() - interval '11 minutes' WHERE key = 'A-3'",
         "stands still at 预订运单"),
        ("saga.moving", "UPDATE saga_run SET due_at = NULL, message = NULL WHERE key = 'A-3'",
         "stands still at 预订运单"),
    ],
)  # fmt: skip
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(carried, key, fault, says):
    db.run(fault)
    found = verdicts()[key].found
    assert found.broken >= 1
    assert any(says in one.text for one in found.faults), found.faults
