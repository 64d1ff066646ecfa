"""What must never be false of plans."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L

_CURRENT = "planning_peg p JOIN planning_run r ON r.id = p.run_id AND r.is_current"


@proof("planning.pegs", L("供需关联不超过计划订单数量", "Pegs do not exceed their planned orders"))
def pegs_fit_their_orders() -> Found:
    """Prove that no undecided planned order serves more than it brings."""
    return none_of(
        "planning.planned_order",
        counted=f"SELECT count(DISTINCT p.supply) FROM {_CURRENT} "
        "WHERE p.supply_noun = 'planning.planned_order'",
        faults="SELECT o.id, i.code, o.quantity, s.pegged FROM planning_plannedorder o "
        f"JOIN (SELECT p.supply, sum(p.quantity) AS pegged FROM {_CURRENT} "
        "WHERE p.supply_noun = 'planning.planned_order' GROUP BY p.supply) s ON s.supply = o.id "
        "JOIN items_item i ON i.id = o.item_id WHERE o.state = 'planned' AND s.pegged > o.quantity",
        text=L("{1} 的计划订单 {2}，供给 {3}", "planned order for {1} of {2} serves {3}"),
    )


#: What a run read may be taken away before the next: planned work orders are drafts, as is what is bought at first.
_NAMED = (
    *(
        Reference(
            "planning.peg", L("供需关联", "peg"), "planning_peg", noun=f"{end}_noun", record=end, line=f"{end}_line",
            only="r.run_id IN (SELECT id FROM planning_run WHERE is_current)", may_go=True,
        )
        for end in ("supply", "demand")
    ),
    *(
        Reference(
            "planning.message", L("计划消息", "message"), "planning_message", noun=f"{end}_noun", record=end,
            line=f"{end}_line", only="r.is_current", may_go=True,
        )
        for end in ("supply", "demand")
    ),
)  # fmt: skip
_RESULTS = Reference(
    "planning.planned_order", L("计划订单", "planned order"), "planning_plannedorder", noun="result_noun",
    record="result", called="r.number", may_go=True,
)  # fmt: skip


@proof(
    "planning.references",
    L("当前计划的供给和需求单据都存在", "What supplies and demands by the current plan exists"),
)
def supplies_and_demands_exist() -> Found:
    """Look up what current pegs and messages name, planned orders and those of other modules, with their lines."""
    return exist(*_NAMED)


@proof("planning.results", L("已转的计划订单有对应的订单", "Converted planned orders became orders"))
def results_exist() -> Found:
    """Look up what planned orders became."""
    return exist(_RESULTS)


@proof("planning.messages", L("计划消息齐全", "Plan messages are complete"))
def messages_are_complete() -> Found:
    """Prove that the current runs still have all messages they gave."""
    return none_of(
        "planning.run",
        counted="SELECT count(*) FROM planning_run WHERE is_current",
        faults="SELECT r.id, r.number, r.message_count, count(m.id) FROM planning_run r "
        "LEFT JOIN planning_message m ON m.run_id = r.id WHERE r.is_current "
        "GROUP BY r.id HAVING count(m.id) <> r.message_count",
        text=L("运算 {1} 给出 {2} 条消息，现有 {3} 条", "run {1} gave {2} messages and has {3}"),
    )
