"""What must never be false of runs."""

from __future__ import annotations

from banyan.integration.saga import rules
from banyan.integration.saga.models import OPEN
from banyan.kernel import db
from banyan.kernel.proofs import SHOWN, Fault, Found, none_of, proof
from banyan.lib.labels import L

NOUN = "saga.run"

_RUNS = """
    SELECT r.id, r.number, r.state, r.is_backward, array_agg(s.state ORDER BY s.position),
           array_agg(d.step -> 'undo' <> 'null'::jsonb ORDER BY s.position),
           array_agg(s.is_point_of_no_return ORDER BY s.position), array_agg(s.is_unsure ORDER BY s.position)
    FROM saga_run r JOIN saga_runstep s ON s.run_id = r.id JOIN saga_sagaversion v ON v.id = r.used_id
    CROSS JOIN LATERAL (SELECT v.definition -> 'steps' -> s.position::int AS step) d
    GROUP BY r.id
"""
#: A step against its messages: what it says was done, was; what waits, has a message.
_STEPS = """
    SELECT r.id, r.number, s.title, s.state, coalesce(d.state, '—'), coalesce(u.state, '—')
    FROM saga_runstep s JOIN saga_run r ON r.id = s.run_id
    LEFT JOIN integration_message d ON d.id = s.message LEFT JOIN integration_message u ON u.id = s.undo_message
    WHERE s.state = 'done' AND d.state IS DISTINCT FROM 'done'
       OR s.state = 'doing' AND d.id IS NULL
       OR s.state = 'undoing' AND u.id IS NULL
       OR s.state = 'undone' AND u.state IS DISTINCT FROM 'done' AND NOT (s.is_unsure AND u.state = 'dead')
       OR s.state = 'pending' AND s.message IS NOT NULL
    LIMIT 1000
"""


@proof("saga.settled", L("每次事务执行的步骤与其状态一致", "The steps of each run add up to its state"))
def steps_add_up() -> Found:
    """Prove that no run says what its steps do not, and no step what its messages do not."""
    rows = db.rows(_RUNS)
    broken = [
        (run, L(f"运行 {number}（{state}）：{said.zh}", f"run {number}, {state}: {said.en}"))
        for run, number, state, is_backward, *columns in rows
        if (said := rules.contradiction(state, is_backward, [rules.Step(*one) for one in zip(*columns, strict=True)]))
    ]  # fmt: skip
    broken += [
        (run, L(f"运行 {number}：步骤 {title} 为 {state}，它的消息为 {done}、{undone}",
                f"run {number}: step {title} is {state}; its messages are {done}, {undone}"))
        for run, number, title, state, done, undone in db.rows(_STEPS)
    ]
    return Found(len(rows), tuple(Fault(NOUN, str(run), text) for run, text in broken[:SHOWN]), len(broken))


#: What is due is moved within seconds; who waits longer has no working bus.
PATIENCE_MINUTES = 10

_IDLE = f"""
    SELECT r.id, r.number, r.state, r.at_step FROM saga_run r JOIN saga_saga s ON s.id = r.saga_id
    LEFT JOIN integration_message m ON m.id = r.message
    WHERE r.state IN ('waiting', 'running', 'compensating', 'needs_person')
      AND (r.state <> 'waiting' OR s.state = 'active')
      AND (r.due_at < now() - {PATIENCE_MINUTES} * interval '1 minute'
           OR m.state <> 'waiting' AND coalesce(m.done_at, m.next_at) < now() - {PATIENCE_MINUTES} * interval '1 minute'
           OR r.state IN ('waiting', 'running', 'compensating') AND r.due_at IS NULL AND m.id IS NULL)
    LIMIT 1000
"""


@proof("saga.moving", L("没有事务执行停在半路", "No run stands still by itself"))
def runs_are_moved() -> Found:
    """Name open runs that wait for nothing, or that nobody has moved though what they waited for is there."""
    states = ", ".join(f"'{one}'" for one in OPEN)
    return none_of(
        NOUN, counted=f"SELECT count(*) FROM saga_run WHERE state IN ({states})", faults=_IDLE,
        text=L("运行 {1}（{2}）停在 {3}", "run {1}, {2}, stands still at {3}"),
    )  # fmt: skip
