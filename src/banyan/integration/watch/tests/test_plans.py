"""How the board and the alert rules read large tables: by indexes, never from end to end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from banyan.integration.tests.conftest import do
from banyan.integration.watch import alerts, health, metrics, minutes
from banyan.integration.watch.models import MEASURES
from banyan.kernel import db
from banyan.kernel.models import Role
from banyan.lib.ids import new_id

NOW = datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
MESSAGES = """
    INSERT INTO integration_message (id, flow_id, system_id, used_id, direction, source, digest, type, key, body, raw,
        state, reason, error, attempts, at, next_at, code, note, noun)
    SELECT md5('m' || n)::uuid, f.id, f.system_id, f.running_id, 'out', n::text, '', 'test.sold', 'K' || n, '{}', '',
        CASE WHEN n %% 100 < 2 THEN 'waiting' WHEN n %% 1000 = 7 THEN 'dead' ELSE 'done' END,
        CASE WHEN n %% 1000 = 7 THEN 'refused' ELSE '' END, '', 1, t.at, t.at, '', '', ''
    FROM integration_flow f, generate_series(1, 20000) n,
        LATERAL (SELECT %s::timestamptz - n * interval '1 minute' AS at) t
"""
ATTEMPTS = """
    INSERT INTO integration_attempt (id, message_id, position, at, ms, outcome, reason, code, error, used_id)
    SELECT md5('a' || m.source)::uuid, m.id, 1, m.at + interval '0.2 seconds', 5, m.state, '', '', '', m.used_id
    FROM integration_message m WHERE m.state IN ('done', 'dead')
"""
LARGE = {"integration_message", "integration_attempt"}
pytestmark = pytest.mark.slow


@pytest.fixture
def full(ctx, flow):
    """Give a flow with what two weeks leave behind, and a rule of each measure."""
    made = flow()
    db.run(MESSAGES, [NOW])
    db.run(ATTEMPTS)
    for table in LARGE:
        db.run(f"ANALYZE {table}")
    role = Role.objects.create(code=new_id().hex[-12:], name_zh="运维", name_en="Operations")
    do(ctx, "watch.alert_rule.create", records=[
        dict(name=one, measure=one, role=str(role.pk), threshold="1", window_minutes=60) for one in MEASURES
    ])  # fmt: skip
    return made


def scans(sql, facts):
    """Give how a statement reads the large tables: (way, index, rows read) each."""
    (plan,) = db.one(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", facts)
    nodes, found = [(plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") in LARGE:
            read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            found.append((node["Node Type"], node.get("Index Name", ""), int(read)))
    return found


@pytest.mark.parametrize(
    ("sql", "facts", "most"),
    [
        (health._FLOWS, {"most": health.MOST + 1}, 500),
        (alerts._BROKEN, {"now": NOW}, 1_500),
    ],
    ids=["flows", "alerts"],
)
def test_no_large_table_is_read_from_end_to_end(full, sql, facts, most):
    found = scans(sql, facts)
    assert found
    assert [one for one in found if one[0] == "Seq Scan"] == []
    assert sum(rows for *_, rows in found) <= most


FACTS = {"today": NOW.date(), "yesterday": NOW.date(), "since": NOW.replace(hour=7), "until": NOW}


@pytest.mark.parametrize(
    "sql", [minutes.SUMS, metrics._TOTALS, health._DAYS, health._OPEN, health._ALERTS, health._SYSTEMS]
)
def test_what_is_counted_beforehand_is_not_counted_again(full, sql):
    facts = {key: value for key, value in FACTS.items() if f"%({key})s" in sql}
    assert scans(sql, facts or None) == []
