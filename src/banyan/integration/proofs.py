"""What must never be false of messages."""

from __future__ import annotations

from banyan.integration import limits
from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

NOUN = "integration.message"

_ONCE = """
    SELECT m.id, m.type, m.key, m.state, coalesce(t.n, 0) FROM integration_message m
    LEFT JOIN (SELECT message_id, count(*) AS n FROM integration_attempt WHERE outcome = 'done' GROUP BY message_id) t
        ON t.message_id = m.id
    WHERE (m.state = 'done' AND coalesce(t.n, 0) <> 1) OR (m.state NOT IN ('done') AND t.n > 0)
    LIMIT 1000
"""


@proof("integration.once", L("每条完成的消息只完成一次", "Each message that is done was done once"))
def done_once() -> Found:
    """Prove that every done message has exactly one try that did it, and no other message has any."""
    return none_of(
        NOUN, counted="SELECT count(*) FROM integration_message WHERE state = 'done'", faults=_ONCE,
        text=L("{2} 的消息 {1} 状态为 {3}，办理了 {4} 次", "message {1} of {2} is {3} and was done {4} times"),
    )  # fmt: skip


_CARRIED = """
    SELECT o.id, o.type, f.code FROM integration_flow f
    JOIN integration_flowversion v ON v.id = f.running_id
    JOIN LATERAL (SELECT min(x.at) AS at FROM integration_flowversion x WHERE x.flow_id = f.id) first ON true
    CROSS JOIN LATERAL jsonb_array_elements_text(v.definition -> 'detail' -> 'events') pattern
    JOIN kernel_outbox o
        ON o.type LIKE replace(replace(replace(pattern, '\\', '\\\\'), '_', '\\_'), '*', '%')
    WHERE f.trigger = 'event' AND f.state IN ('active', 'stopped')
      AND NOT EXISTS (SELECT 1 FROM integration_flowversion x WHERE x.flow_id = f.id AND x.id <> v.id
                      AND x.definition -> 'detail' -> 'events' <> v.definition -> 'detail' -> 'events'
                      AND o.dispatched_at < v.at)
      AND o.dispatched_at > first.at
      AND NOT EXISTS (SELECT 1 FROM integration_message m WHERE m.flow_id = f.id AND m.source = o.id::text)
    LIMIT 1000
"""


@proof("integration.carried", L("每个被订阅的事件都有消息", "Each event that a flow hears has its message"))
def events_are_carried() -> Found:
    """Name events handed on since a flow was switched on, that it hears and has no message of."""
    return none_of(
        NOUN, counted="SELECT count(*) FROM integration_message m JOIN integration_flow f ON f.id = m.flow_id "
        "WHERE f.trigger = 'event'", faults=_CARRIED, params=(),
        text=L("事件 {0}（{1}）在集成流 {2} 中没有消息", "event {0} ({1}) has no message in flow {2}"),
    )  # fmt: skip


_ORDER = """
    SELECT b.id, f.code, b.key, a.seq, b.seq FROM (
        SELECT m.*, min(CASE WHEN m.state IN ('waiting', 'dead') THEN m.seq END)
                        OVER (PARTITION BY m.flow_id, m.key) AS first_open,
               max(m.done_at) FILTER (WHERE m.state = 'done')
                        OVER (PARTITION BY m.flow_id, m.key ORDER BY m.seq
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS last_done
        FROM integration_message m JOIN integration_flow s ON s.id = m.flow_id AND s."order" = 'strict'
        WHERE m.state IN ('waiting', 'dead', 'done') AND m.reason <> 'source_reused'
    ) b JOIN integration_flow f ON f.id = b.flow_id
    JOIN integration_flowversion v ON v.id = b.used_id AND v.definition ->> 'order' = 'strict'
    CROSS JOIN LATERAL (SELECT coalesce(b.first_open, b.seq) AS seq) a
    WHERE b.state = 'done' AND (b.first_open < b.seq OR b.last_done > b.done_at)
    LIMIT 1000
"""


@proof("integration.order", L("严格按序的键没有被超越", "No strict key was overtaken"))
def keys_are_not_overtaken() -> Found:
    """Prove that in strict flows nothing was done before what stood before it in its key, by the database's clock."""
    return none_of(
        NOUN, counted="SELECT count(*) FROM integration_message WHERE state = 'done'", faults=_ORDER,
        text=L(
            "集成流 {1} 键 {2} 的消息 {4} 先于更早的一条（{3}）办理",
            "message {4} of flow {1}, key {2}, was done before an earlier one ({3})",
        ),
    )  # fmt: skip


#: A claim that has ended is due at once; who is not taken within this time has no working bus.
PATIENCE_MINUTES = 10

_CLAIMS = f"""
    SELECT m.id, f.code, m.key, m.claimed_until FROM integration_message m
    JOIN integration_flow f ON f.id = m.flow_id JOIN integration_system s ON s.id = m.system_id
    LEFT JOIN integration_gauge g ON g.system_id = s.id AND g.operation = {limits.gauge_of("f.target")}
    WHERE m.state = 'waiting' AND (
        m.claimed_until < now() - {PATIENCE_MINUTES} * interval '1 minute' AND f.state = 'active'
            AND s.state = 'active' AND (m.direction = 'in' OR g.until IS NULL OR g.until < now())
        OR m.claimed_until IS NOT NULL AND m.next_at > m.claimed_until + interval '1 second')
    LIMIT 1000
"""


@proof("integration.claims", L("没有消息卡在领取之后", "No message is stuck beyond its claim"))
def claims_end() -> Found:
    """Name messages whose claim ended long ago, or whose next try does not follow the end of the claim."""
    return none_of(
        NOUN, counted="SELECT count(*) FROM integration_message WHERE claimed_until IS NOT NULL", faults=_CLAIMS,
        text=L(
            "集成流 {1} 键 {2} 的消息被占住，占用已于 {3} 到期",
            "message of flow {1}, key {2}, is held since a claim that ended at {3}",
        ),
    )  # fmt: skip
