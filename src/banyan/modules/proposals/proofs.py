"""What must never be false of proposals."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_COSTS = """
    SELECT p.id, p.number, p.actual_amount, c.amount FROM proposals_proposal p JOIN LATERAL (
        SELECT coalesce((SELECT -sum(e.amount + e.difference) FROM inventory_valueentry e
                         JOIN inventory_move v ON v.id = e.move_id
                         WHERE v.origin = p.work_order_id AND v.origin_noun = 'production.work_order'), 0)
             + coalesce((SELECT sum(r.labour_amount + r.machine_amount + r.overhead_amount) FROM production_report r
                         WHERE r.work_order_id = p.work_order_id), 0)
             + coalesce((SELECT sum(x.amount) FROM production_outsidework x
                         WHERE x.work_order_id = p.work_order_id), 0) AS amount
    ) c ON true
    WHERE p.actual_amount <> c.amount
       OR p.actual_amount <> (SELECT coalesce(sum(l.actual_amount), 0) FROM proposals_proposalline l
                              WHERE l.proposal_id = p.id)
"""


@proof(
    "proposals.costs", L("工程建议的实际成本等于工艺卡发生的", "The actual cost of proposals is what their cards cost")
)
def costs_are_those_of_cards() -> Found:
    """Prove what a proposal says that its card cost against material, reports and outside work, and its lines."""
    return none_of(
        "proposals.proposal",
        counted="SELECT count(*) FROM proposals_proposal",
        faults=_COSTS,
        text=L("{1}：{2}，按工艺卡或明细为 {3}", "{1}: {2} is {3} by its card, or by its lines"),
    )


_DECIDED = """
    SELECT p.id, p.number FROM proposals_proposal p
    WHERE p.state <> 'open' AND EXISTS (
              SELECT 1 FROM proposals_proposalline l WHERE l.proposal_id = p.id AND l.decision = 'open')
       OR p.state = 'applied' AND p.made_item_id IS NULL
    UNION ALL
    SELECT w.id, w.number FROM production_workorder w
    WHERE w.kind = 'temporary' AND w.state = 'closed'
      AND NOT EXISTS (SELECT 1 FROM proposals_proposal p WHERE p.work_order_id = w.id)
"""


@proof(
    "proposals.decided",
    L("关闭的工艺卡都有建议，已定的建议每行都有决定", "Closed cards have a proposal, and decided ones no open line"),
)
def all_is_decided() -> Found:
    """Prove that every closed card has its proposal, and that those decided have all lines decided."""
    return none_of(
        "proposals.proposal",
        counted="SELECT count(*) FROM production_workorder WHERE kind = 'temporary' AND state = 'closed'",
        faults=_DECIDED,
        text=L("{1} 没有建议，或已决定却有未决明细", "{1} has no proposal, or is decided with open lines"),
    )
