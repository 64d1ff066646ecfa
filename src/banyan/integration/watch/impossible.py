"""What must never be of messages, told to the nightly scan."""

from __future__ import annotations

from datetime import datetime

from banyan.integration import proofs
from banyan.integration.rules import JITTER, RETRIES
from banyan.kernel import db
from banyan.kernel.impossible import Rows, impossible
from banyan.lib.labels import L

NOUN = "integration.message"
#: A day is nobody's fault: a backlog or an open breaker uses up no tries.
LEAST_HOURS = 24
#: What tries themselves may take beside the pauses between them.
SLACK_HOURS = 1


@impossible(
    "integration.stuck",
    L("消息卡住 {hours} 小时（流 {flow}，键 {key}）", "Stuck for {hours} hours (flow {flow}, key {key})"), noun=NOUN,
)  # fmt: skip
def stuck(now: datetime) -> Rows:
    """Name messages of running flows that have waited longer than all tries of their flow's schedule take."""
    return db.rows(
        """
        SELECT m.id, jsonb_build_object('flow', f.code, 'key', m.key,
                                        'hours', round(extract(epoch FROM %(now)s::timestamptz - m.at) / 3600))
        FROM integration_flow f JOIN integration_system s ON s.id = f.system_id
        JOIN integration_flowversion v ON v.id = f.running_id
        CROSS JOIN LATERAL (
            SELECT greatest(coalesce(sum(pause::float8), %(usual)s) * %(most)s, %(least)s) + %(slack)s AS seconds
            FROM jsonb_array_elements_text(v.definition->'retries') pause) t
        JOIN integration_message m ON m.flow_id = f.id AND m.state = 'waiting'
        WHERE f.state = 'active' AND s.state = 'active'
          AND m.at < %(now)s::timestamptz - t.seconds * interval '1 second'
        ORDER BY m.at LIMIT 5000
        """,
        {"now": now, "usual": float(sum(RETRIES)), "most": 1 + JITTER, "least": LEAST_HOURS * 3600.0,
         "slack": SLACK_HOURS * 3600.0},
    )  # fmt: skip


@impossible("integration.overtaken", L("严格按序的消息被超越：{what}", "A strict key was overtaken: {what}"), noun=NOUN)
def overtaken(now: datetime) -> Rows:
    """Name messages that were done before what stood before them, as the proof finds them."""
    return [(fault.record, {"what": fault.text}) for fault in proofs.keys_are_not_overtaken().faults]
