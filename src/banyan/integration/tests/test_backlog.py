"""Very many waiting messages are not read on the way to a new one."""

from __future__ import annotations

import json
import threading
import time

import orjson
import pytest
from django.db import connection

from banyan.integration import claims
from banyan.integration.engine import Bus, carry_once
from banyan.integration.models import Gauge, Message
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
    facts = {"flow": full.pk, "most": 200, "takes": 200, "claim": new_id(), "lease": 60.0, "now": None}
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


# --- after an outage ----------------------------------------------------------------------------------------------

WAITING = """
    INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type, key, body,
        raw, state, reason, error, attempts, at, next_at, code, note, noun)
    SELECT gen_random_uuid(), nextval('integration_message_seq'), f.id, f.system_id, f.running_id, 'out', 'w' || n, '',
           't', 'K' || n %% %(keys)s::int, '{"data": {"n": 1}}', '', 'waiting', '', '', 0, now(), now(), '', '', ''
    FROM integration_flow f, generate_series(1, %(count)s::int) n WHERE f.id = %(flow)s
"""


def shut(flow, opened: int = 8, **facts) -> None:
    """Leave the breaker as a long outage does, due to be tried."""
    Gauge.objects.update_or_create(system_id=flow.system_id, defaults={
        "id": flow.system_id, "breaker": "open", "failures": 50, "opened": opened, "until": None, **facts})  # fmt: skip
    db.run("UPDATE integration_gauge SET until = now()")


def test_what_stands_behind_a_dead_one_holds_no_probe_up(ctx, flow, partner):
    made = flow()
    db.run(WAITING, {"flow": made.pk, "count": 2000, "keys": 1})
    first = Message.objects.order_by("seq").first()
    Message.objects.filter(pk=first.pk).update(state="dead", reason="refused")
    sell(ctx, (new_id(), 7))
    shut(made)
    turns = 0
    while not partner.got and turns < 20:
        carry_once()
        turns += 1
    assert [body["data"]["n"] for body in partner.bodies] == [7]
    assert turns <= 6
    assert Gauge.objects.get().breaker == "closed"


def test_a_probe_is_one_message_however_many_are_due(ctx, flow, partner):
    made = flow()
    db.run(WAITING, {"flow": made.pk, "count": 300, "keys": 300})
    partner.answer = lambda body: 503
    shut(made)
    carry_once()
    assert len(partner.got) == 1
    assert Message.objects.filter(attempts=0).count() == 299
    assert Gauge.objects.get().breaker == "open"


def test_what_was_tried_in_a_long_outage_is_due_when_it_is_over_and_after_a_short_one_in_its_time(ctx, flow, partner):
    made = flow(order="free")
    db.run(WAITING, {"flow": made.pk, "count": 5, "keys": 5})
    tried = list(Message.objects.order_by("seq")[:4].values_list("pk", flat=True))
    db.run("UPDATE integration_message SET attempts = 4, reason = 'unavailable', next_at = now() + interval '5 hours' "
           "WHERE id = ANY(%s)", [tried])  # fmt: skip
    db.run("UPDATE integration_message SET reason = 'throttled' WHERE id = %s", [tried[0]])
    shut(made, opened=1)
    carry_once()
    assert Message.objects.filter(state="done").count() == 1
    assert carry_once() == 0
    db.run(WAITING.replace("'w'", "'x'"), {"flow": made.pk, "count": 1, "keys": 1})
    shut(made)
    carry_once()
    carry_once()
    left = Message.objects.filter(state="waiting")
    assert list(left.values_list("pk", "reason")) == [(tried[0], "throttled")]  # the partner asked for that one


@pytest.mark.slow
def test_ten_thousand_that_waited_for_a_partner_go_as_fast_as_any_when_it_is_back(ctx, flow, partner):
    made = flow()
    bus = Bus(threading.Event())
    thread = threading.Thread(target=bus.run)
    db.run(WAITING.replace("'w'", "'a'"), {"flow": made.pk, "count": 4000, "keys": 500})
    thread.start()
    try:
        usual = 4000 / _drained()
        partner.answer = lambda body: 503
        db.run(WAITING, {"flow": made.pk, "count": 10_000, "keys": 500})
        end = time.monotonic() + 30
        while not Gauge.objects.filter(breaker="open").exists() and time.monotonic() < end:
            time.sleep(0.1)
        tried = Message.objects.filter(state="waiting", attempts__gt=0).count()
        shut(made)  # as after hours, and the next probe is due now
        partner.answer = None
        after = 10_000 / _drained()
    finally:
        bus.end()
        thread.join(20)
        connection.close()
    print(f"\n10,000 waiting, {tried} tried in vain: {after:.0f} a second after the outage, {usual:.0f} without one")
    assert after > 0.5 * usual


def _drained() -> float:
    """Wait until nothing waits; give the seconds that took."""
    begun = time.monotonic()
    while Message.objects.filter(state="waiting").exists() and time.monotonic() < begun + 120:
        time.sleep(0.1)
    assert not Message.objects.filter(state="waiting").exists()
    return time.monotonic() - begun
