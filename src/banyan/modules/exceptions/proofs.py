"""What must never be false of exceptions."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_LAST = """
    (SELECT max(s.at) FROM exceptions_step s WHERE s.exception_id = x.id AND s.round = x.round AND s.kind = '{kind}'
     AND s.at >= coalesce((SELECT max(a.at) FROM exceptions_step a WHERE a.exception_id = x.id
                           AND a.round = x.round AND a.kind = 'assigned'), s.at))
"""
_CLOCKS = f"""
    SELECT x.id, x.number, x.state FROM exceptions_shopexception x
    WHERE x.raised_at IS DISTINCT FROM (
        SELECT min(s.at) FROM exceptions_step s WHERE s.exception_id = x.id AND s.kind = 'raised')
    OR x.taken_at IS DISTINCT FROM {_LAST.format(kind="taken")}
    OR x.contained_at IS DISTINCT FROM {_LAST.format(kind="contained")}
    OR x.resolved_at IS DISTINCT FROM {_LAST.format(kind="resolved")}
    OR x.closed_at IS DISTINCT FROM {_LAST.format(kind="closed")}
    OR x.round <> (SELECT 1 + count(*) FROM exceptions_step s WHERE s.exception_id = x.id AND s.kind = 'reopened')
    OR (x.responded_in IS NULL) <> NOT EXISTS (
        SELECT 1 FROM exceptions_step s WHERE s.exception_id = x.id AND s.kind = 'taken')
    OR (x.resolved_in IS NULL) <> (x.resolved_at IS NULL)
    OR x.resolved_in * interval '1 minute' > x.resolved_at - x.raised_at + interval '1 second'
    OR x.state = 'cancelled' AND NOT EXISTS (
        SELECT 1 FROM exceptions_step s WHERE s.exception_id = x.id AND s.kind = 'cancelled')
    OR x.state IN ('taken', 'contained', 'resolved', 'closed') AND x.taken_at IS NULL
    OR x.state IN ('resolved', 'closed') AND x.resolved_at IS NULL
"""


@proof("exceptions.clocks", L("异常的时间与步骤一致", "The clocks of exceptions agree with their steps"))
def clocks_agree() -> Found:
    """Prove the times, rounds and measured minutes of each exception against its steps."""
    return none_of(
        "exceptions.exception",
        counted="SELECT count(*) FROM exceptions_shopexception",
        faults=_CLOCKS,
        text=L("{1}（{2}）的计时与其步骤不符", "the clocks of {1} ({2}) differ from its steps"),
    )


_LEVELS = """
    SELECT x.id, x.number, x.level FROM exceptions_shopexception x
    WHERE x.level <> coalesce((SELECT max(e.level) FROM exceptions_escalation e
                               WHERE e.exception_id = x.id AND e.round = x.round), 0)
    OR EXISTS (
        SELECT 1 FROM exceptions_escalation e JOIN exceptions_escalation l ON l.exception_id = e.exception_id
        AND l.round = e.round AND l.clock = e.clock AND l.level < e.level AND l.at > e.at
        WHERE e.exception_id = x.id)
    OR EXISTS (SELECT 1 FROM exceptions_escalation e WHERE e.exception_id = x.id AND e.round > x.round)
"""


@proof("exceptions.levels", L("异常只会逐级上升", "Escalated levels only rise"))
def levels_only_rise() -> Found:
    """Prove that no lower level was told after a higher one, and that each exception stands at the highest told."""
    return none_of(
        "exceptions.exception",
        counted="SELECT count(*) FROM exceptions_escalation",
        faults=_LEVELS,
        text=L("{1} 处于 {2} 级，与通知的不符", "{1} stands at level {2}, which is not what was told"),
    )


_STOPS = """
    SELECT o.id, w.number, o.sequence FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    WHERE o.is_stopped <> EXISTS (
        SELECT 1 FROM exceptions_shopexception x WHERE x.operation_id = o.id AND x.severity = 'severe'
        AND x.state IN ('raised', 'taken'))
"""


@proof(
    "exceptions.stops",
    L("停工的工序都有未遏制的严重异常", "Operations stand still for a severe exception, and only for one"),
)
def stops_have_reasons() -> Found:
    """Prove that exactly the operations of severe exceptions that are not contained stand still."""
    return none_of(
        "production.operation",
        counted="SELECT count(*) FROM production_operation WHERE is_stopped",
        faults=_STOPS,
        text=L(
            "{1} 的工序 {2} 无原因停工，或有原因却未停工",
            "operation {2} of {1} is stopped without a reason, or not stopped with one",
        ),
    )


_PLACES = """
    SELECT x.id, x.number FROM exceptions_shopexception x
    LEFT JOIN production_operation o ON o.id = x.operation_id
    LEFT JOIN production_workorder w ON w.id = x.work_order_id
    WHERE o.work_order_id <> x.work_order_id OR w.plant_id <> x.plant_id
"""


@proof("exceptions.places", L("异常的工序、工单和工厂一致", "Exceptions name operations of their own order and plant"))
def places_agree() -> Found:
    """Prove order and plant of each exception against its operation and order."""
    return none_of(
        "exceptions.exception",
        counted="SELECT count(*) FROM exceptions_shopexception WHERE work_order_id IS NOT NULL",
        faults=_PLACES,
        text=L("{1} 所指的工序或工单属于别的工单或工厂", "{1} names an operation or order of another order or plant"),
    )
