"""Each proof of the bus names the fault that is planted for it."""

from __future__ import annotations

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Message
from banyan.integration.tests.telling import sell
from banyan.kernel import db, proofs
from banyan.lib.ids import new_id

ONE = "(SELECT id FROM integration_message ORDER BY seq LIMIT 1)"


@pytest.fixture
def carried(ctx, flow, partner):
    """Give three messages of one key, done in order."""
    made = flow()
    one = new_id()
    sell(ctx, (one, 1), (one, 2), (one, 3))
    carry_until_quiet()
    assert {m.state for m in Message.objects.all()} == {"done"}
    return made


@pytest.mark.parametrize(
    ("key", "fault", "says"),
    [
        (
            "integration.once",
            "INSERT INTO integration_attempt (id, message_id, position, at, ms, outcome, reason, code, error, used_id) "
            "SELECT gen_random_uuid(), message_id, 2, at, ms, outcome, reason, code, error, used_id "
            f"FROM integration_attempt WHERE message_id = {ONE}",
            "was done 2 times",
        ),
        ("integration.once", f"UPDATE integration_message SET state = 'filtered' WHERE id = {ONE}", "was done 1 times"),
        (
            "integration.carried",
            f"DELETE FROM integration_attempt WHERE message_id = {ONE}; "
            f"DELETE FROM integration_message WHERE id = {ONE}",
            "has no message in flow",
        ),
        (
            "integration.order",
            f"UPDATE integration_message SET done_at = done_at + interval '1 minute' WHERE id = {ONE}",
            "was done before an earlier one",
        ),
        (
            "integration.order",
            f"UPDATE integration_message SET state = 'waiting', done_at = NULL WHERE id = {ONE}",
            "was done before an earlier one",
        ),
        (
            "integration.claims",
            "UPDATE integration_message SET state = 'waiting', next_at = now(), claimed_until = now() - interval "
            f"'11 minutes' WHERE id = {ONE}",
            "held since a claim that ended",
        ),
        (
            "integration.claims",
            "UPDATE integration_message SET state = 'waiting', next_at = now() + interval '1 day', claimed_until = "
            f"now() + interval '1 minute' WHERE id = {ONE}",
            "held since a claim that ended",
        ),
    ],
)
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(carried, key, fault, says):
    (before,) = proofs.run([key])
    assert before.is_green
    assert before.found.counted in (0, 3)
    db.run("ALTER TABLE integration_attempt DISABLE TRIGGER USER")
    for statement in fault.split("; "):
        assert db.run(statement) == 1
    db.run("ALTER TABLE integration_attempt ENABLE TRIGGER USER")
    (after,) = proofs.run([key])
    assert not after.is_green
    assert says in after.found.faults[0].text
