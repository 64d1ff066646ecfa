"""What must never be false of plans."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
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


@proof("planning.peg_orders", L("供需关联的计划订单存在", "Pegs name planned orders that exist"))
def pegged_orders_exist() -> Found:
    """Prove that every planned order a current peg names is there."""
    return none_of(
        "planning.peg",
        counted=f"SELECT count(*) FROM {_CURRENT}",
        faults=f"SELECT p.id, i.code, p.supply FROM {_CURRENT} JOIN items_item i ON i.id = p.item_id "
        "WHERE p.supply_noun = 'planning.planned_order' "
        "AND NOT EXISTS (SELECT FROM planning_plannedorder o WHERE o.id = p.supply)",
        text=L("{1} 的供需关联指向不存在的计划订单 {2}", "peg for {1} names planned order {2}, which does not exist"),
    )


@proof("planning.results", L("已转的计划订单有对应的订单", "Converted planned orders became orders"))
def results_exist() -> Found:
    """Prove that what planned orders became is there."""
    return none_of(
        "planning.planned_order",
        counted="SELECT count(*) FROM planning_plannedorder WHERE state = 'converted'",
        faults="SELECT o.id, o.number, o.result_noun, o.result FROM planning_plannedorder o "
        "LEFT JOIN production_workorder w ON w.id = o.result AND o.result_noun = 'production.work_order' "
        "LEFT JOIN purchasing_order b ON b.id = o.result AND o.result_noun = 'purchasing.order' "
        "WHERE o.state = 'converted' AND w.id IS NULL AND b.id IS NULL",
        text=L("计划订单 {1} 转成的 {2} {3} 不存在", "planned order {1} became {2} {3}, which does not exist"),
    )


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
