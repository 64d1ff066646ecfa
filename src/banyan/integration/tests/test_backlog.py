"""Very many waiting messages are not read on the way to a new one."""

from __future__ import annotations

import json

import orjson
import pytest

from banyan.integration import claims
from banyan.integration.models import Message
from banyan.integration.plans import plan_of
from banyan.integration.tests.conftest import do
from banyan.integration.tests.telling import sell
from banyan.kernel import db
from banyan.lib.ids import new_id

FILL = """
    INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type, key, body,
        raw, state, reason, error, attempts, at, next_at, code, note, noun)
    SELECT gen_random_uuid(), nextval('integration_message_seq'), f.id, f.system_id, f.running_id, 'out', 'b' || n, '',
           't', 'K' || n, '{}', '', 'waiting', '', '', 0, now(), now() + %s::interval, '', '', ''
    FROM integration_flow f, generate_series(1, 20000) n WHERE f.id = %s
"""


@pytest.fixture
def full(ctx, flow):
    """Give a flow with one message due, beside a stopped one and with many of its own for later."""
    stopped, mine = flow(detail={"events": ["none"]}), flow()
    do(ctx, "integration.flow.stop", stopped.pk)
    db.run(FILL, ["0 s", stopped.pk])
    db.run(FILL, ["1 day", mine.pk])
    db.run("ANALYZE integration_message")
    sell(ctx, (new_id(), 1))
    return mine


def read(sql, facts):
    """Give how many rows a statement read from messages, and by which indexes."""
    (plan,) = db.one(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", facts)
    found, seen = [], 0
    nodes = [(plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Scan" in node["Node Type"] and node.get("Relation Name", node.get("Index Name", "")).startswith(
            "integration_message"
        ):
            seen += int(node["Actual Rows"] * node["Actual Loops"]) + int(node.get("Rows Removed by Filter", 0))
            found.append(node.get("Index Name", node["Node Type"]))
    return seen, found


def test_to_find_and_claim_one_few_rows_are_read(full):
    facts = {"flow": full.pk, "most": 200, "claim": new_id(), "lease": 60.0, "now": None}
    seen, by = read(claims._DUE_FLOWS, {"direction": "out", "now": None})
    assert seen <= 5
    assert "Seq Scan" not in by
    seen, by = read(claims._CLAIM_STRICT, facts)
    assert seen <= 10
    assert "Seq Scan" not in by


def test_to_mark_and_release_one_few_rows_are_read(full):
    plan = plan_of(full.pk)
    (held,), _ = claims.claim(plan, 200, 60)
    rows = [claims.as_row(plan, claims.Result(held, "done"), 0.5)]
    seen, by = read(claims._MARK, {"results": orjson.dumps(rows).decode(), "version": plan.version, "now": None})
    assert seen <= 5
    assert "Seq Scan" not in by
    seen, by = read(claims._RELEASE, {"keys": [held.key], "flow": full.pk, "now": None})
    assert seen <= 5
    assert "Seq Scan" not in by
    assert Message.objects.get(pk=held.id).state == "done"


def test_what_is_held_is_stepped_over(full):
    first, _ = claims.claim(plan_of(full.pk), 200, 60)
    assert len(first) == 1
    assert claims.due_flows("out") == ()
    assert claims.claim(plan_of(full.pk), 200, 60) == ([], 0)
    db.run("UPDATE integration_message SET claimed_until = now() WHERE id = %s", [first[0].id])
    assert [due.flow for due in claims.due_flows("out")] == [full.pk]
    again, _ = claims.claim(plan_of(full.pk), 200, 60)
    assert [one.id for one in again] == [first[0].id]


def test_only_what_is_due_is_claimed(full):
    held, parked = claims.claim(plan_of(full.pk), 200, 60)
    assert (len(held), parked) == (1, 0)
