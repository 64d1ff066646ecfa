"""What must never be false of recalls."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_NOT_HELD = """
    SELECT r.id, r.number, l.number FROM trace_recall r
    JOIN trace_recalllot x ON x.recall_id = r.id JOIN inventory_lot l ON l.id = x.lot_id
    WHERE r.state = 'open' AND NOT x.was_stopped AND x.released_at IS NULL AND l.state = 'released'
      AND NOT EXISTS (SELECT 1 FROM kernel_audit a WHERE a.command = 'inventory.lot.release' AND a.outcome = 'done'
                      AND l.id = ANY(a.records) AND a.at >= r.created_at)
"""


@proof("trace.held", L("召回冻结的批次没有自行解冻", "What a recall holds is released by somebody only"))
def what_is_recalled_is_held() -> Found:
    """Prove that the lots of open recalls are held, but for those that somebody has released."""
    return none_of(
        "trace.recall", counted="SELECT count(*) FROM trace_recalllot", faults=_NOT_HELD,
        text=L("{1}：批次 {2} 未冻结", "{1}: lot {2} is not held"),
    )  # fmt: skip


_CLOSED = """
    SELECT r.id, r.number, p.name FROM trace_recall r
    JOIN trace_recallcustomer c ON c.recall_id = r.id JOIN parties_party p ON p.id = c.party_id
    WHERE r.state = 'closed' AND c.told_at IS NULL
"""


@proof("trace.told", L("关闭的召回已通知每个客户", "Closed recalls have told every customer"))
def closed_recalls_have_told_all() -> Found:
    """Prove that no recall was closed while a customer did not know."""
    return none_of(
        "trace.recall", counted="SELECT count(*) FROM trace_recallcustomer", faults=_CLOSED,
        text=L("{1}：未通知 {2}", "{1}: {2} was not told"),
    )  # fmt: skip
