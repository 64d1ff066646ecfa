"""What must never be of messages, told to the nightly scan."""

from __future__ import annotations

from datetime import datetime

from banyan.integration import proofs
from banyan.kernel import db
from banyan.kernel.impossible import Rows, impossible
from banyan.lib.labels import L

NOUN = "integration.message"
#: A message of a running flow that is older and still waits is stuck: the usual tries are over by then.
STUCK_HOURS = 72


@impossible(
    "integration.stuck",
    L("消息卡住 {hours} 小时（流 {flow}，键 {key}）", "Stuck for {hours} hours (flow {flow}, key {key})"), noun=NOUN,
)  # fmt: skip
def stuck(now: datetime) -> Rows:
    """Name messages of running flows that have waited longer than all tries take."""
    return db.rows(
        f"""
        SELECT m.id, jsonb_build_object('flow', f.code, 'key', m.key,
                                        'hours', round(extract(epoch FROM %(now)s::timestamptz - m.at) / 3600))
        FROM integration_flow f JOIN integration_system s ON s.id = f.system_id
        JOIN integration_message m ON m.flow_id = f.id AND m.state = 'waiting'
        WHERE f.state = 'active' AND s.state = 'active'
          AND m.at < %(now)s::timestamptz - {STUCK_HOURS} * interval '1 hour'
        ORDER BY m.at LIMIT 5000
        """, {"now": now},
    )  # fmt: skip


@impossible("integration.overtaken", L("严格按序的消息被超越：{what}", "A strict key was overtaken: {what}"), noun=NOUN)
def overtaken(now: datetime) -> Rows:
    """Name messages that were done before what stood before them, as the proof finds them."""
    return [(fault.record, {"what": fault.text}) for fault in proofs.keys_are_not_overtaken().faults]
