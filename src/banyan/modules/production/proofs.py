"""What must never be false of production, proved again from reports, moves and papers."""

from __future__ import annotations

from banyan.kernel import db
from banyan.kernel.proofs import SHOWN, Fault, Found, none_of, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L
from banyan.modules.production import rules
from banyan.modules.production.commands.flow import read_shop

#: Each report with the kind it counts as: an undo as that of the report it takes back.
_COUNTED = """
    SELECT r.operation_id, r.back_to_id, r.quantity, r.back_quantity, coalesce(u.kind, r.kind) AS kind
    FROM production_report r LEFT JOIN production_report u ON u.id = r.reverses_id
"""

_COUNTERS = f"""
    WITH counted AS ({_COUNTED}), here AS (
        SELECT operation_id, sum(quantity) FILTER (WHERE kind = 'good') AS good,
               sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap,
               sum(quantity) FILTER (WHERE kind = 'rework') AS rework,
               sum(quantity) FILTER (WHERE kind = 'rework' AND back_to_id IS NOT NULL) AS sent_back
        FROM counted GROUP BY operation_id
    ), back AS (SELECT back_to_id, sum(back_quantity) AS come_back FROM counted WHERE back_to_id IS NOT NULL
    GROUP BY 1)
    SELECT o.id, w.number, o.sequence, o.good_quantity, coalesce(h.good, 0), o.scrap_quantity,
           coalesce(h.scrap, 0),
           o.rework_quantity, coalesce(h.rework, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN here h ON h.operation_id = o.id LEFT JOIN back b ON b.back_to_id = o.id
    WHERE (o.good_quantity, o.scrap_quantity, o.rework_quantity, o.sent_back_quantity, o.come_back_quantity)
       <> (coalesce(h.good, 0), coalesce(h.scrap, 0), coalesce(h.rework, 0), coalesce(h.sent_back, 0),
           coalesce(b.come_back, 0))
"""


@proof(
    "production.counters", L("工序计数等于报工之和", "Counters of operations are the sums of their reports")
)
def counters_are_sums() -> Found:
    """Prove good, scrap, rework and what went back against the ledger of reports."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_operation",
        faults=_COUNTERS,
        text=L(
            "{1} 工序 {2}：合格 {3}，按报工 {4}；报废 {5}，按报工 {6}；返工 {7}，按报工 {8}",
            "{1} operation {2}: good {3} is {4} by reports, scrap {5} is {6}, rework {7} is {8}",
        ),
    )


_STARTED = """
    SELECT o.id, w.number, o.sequence, o.started, coalesce(s.people, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN (
        SELECT operation_id, count(*) FILTER (WHERE kind = 'start') AS people FROM (
            SELECT DISTINCT ON (r.operation_id, r.worker) r.operation_id, r.kind FROM production_report r
            WHERE r.kind IN ('start', 'pause')
              AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
            ORDER BY r.operation_id, r.worker, coalesce(r.device_at, r.reported_at) DESC, r.id DESC
        ) last GROUP BY operation_id
    ) s ON s.operation_id = o.id
    WHERE o.started <> coalesce(s.people, 0)
"""


@proof(
    "production.started",
    L("在做人数等于未暂停的开工", "People at operations are those who started and did not pause"),
)
def started_are_marks() -> Found:
    """Prove how many people are at each operation against their last marks."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_operation WHERE started > 0",
        faults=_STARTED,
        text=L("{1} 工序 {2}：在岗 {3} 人，按报工 {4} 人", "{1} operation {2}: {3} people at it are {4} by reports"),
    )


_LOST = """
    SELECT w.id, w.number, w.scrapped_quantity, coalesce(sum(round(o.scrap_quantity / o.report_ratio, 6)), 0)
    FROM production_workorder w LEFT JOIN production_operation o ON o.work_order_id = w.id
    GROUP BY w.id HAVING w.scrapped_quantity <> coalesce(sum(round(o.scrap_quantity / o.report_ratio, 6)), 0)
"""


@proof(
    "production.scrapped",
    L("工单报废数等于各工序报废", "What orders have lost is what their operations lost"),
)
def lost_is_scrap() -> Found:
    """Prove the scrapped quantity of orders against their operations."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_workorder",
        faults=_LOST,
        text=L("{1}：报废 {2}，按工序 {3}", "{1}: scrapped {2} is {3} by its operations"),
    )


_ISSUED = """
    SELECT m.id, w.number, m.issued_quantity - m.returned_quantity, coalesce(v.quantity, 0)
    FROM production_material m JOIN production_workorder w ON w.id = m.work_order_id
    LEFT JOIN (
        SELECT v.origin_line, sum(CASE WHEN t.kind = 'production' THEN v.quantity ELSE -v.quantity END) AS
               quantity
        FROM inventory_move v JOIN inventory_location t ON t.id = v.target_id
        WHERE v.origin_noun = 'production.work_order' GROUP BY v.origin_line
    ) v ON v.origin_line = m.id
    WHERE m.issued_quantity - m.returned_quantity <> coalesce(v.quantity, 0)
"""


@proof("production.issued", L("工单用料等于库存移动", "Material of orders is what has moved to them"))
def issued_is_moved() -> Found:
    """Prove what was issued less what came back against the stock moves."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_material",
        faults=_ISSUED,
        text=L("{1}：一条用料明细为 {2}，移动之和 {3}", "{1}: a material line holds {2}, its moves say {3}"),
    )


_DEBTS = """
    SELECT m.id, w.number, m.debt_quantity, coalesce(d.quantity, 0)
    FROM production_material m JOIN production_workorder w ON w.id = m.work_order_id
    LEFT JOIN (SELECT material_id, sum(quantity) AS quantity FROM production_materialdebt GROUP BY 1) d
      ON d.material_id = m.id
    WHERE m.debt_quantity <> coalesce(d.quantity, 0)
"""


@proof("production.debts", L("欠料等于欠料流水之和", "Material debts are the sums of their rows"))
def debts_are_rows() -> Found:
    """Prove what orders owe against the ledger of debts."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_material",
        faults=_DEBTS,
        text=L("{1}：欠料 {2}，按明细 {3}", "{1}: a debt of {2} is {3} by its rows"),
    )


_CLOSED = """
    SELECT m.id, w.number, m.debt_quantity FROM production_material m
    JOIN production_workorder w ON w.id = m.work_order_id
    WHERE m.debt_quantity > 0 AND w.state IN ('closed', 'cancelled')
"""


@proof("production.closed_without_debts", L("已关闭的工单没有欠料", "Closed orders owe nothing"))
def closed_orders_owe_nothing() -> Found:
    """Prove that no order was closed or cancelled with a debt. A report that came after the close is flagged
    instead."""
    return none_of(
        "production.work_order",
        text=L("{1} 已关闭但仍欠料 {2}", "{1} is closed and owes {2}"),
        counted="SELECT count(*) FROM production_workorder WHERE state IN ('closed', 'cancelled')",
        faults=_CLOSED + " AND NOT EXISTS (SELECT 1 FROM production_reportflag f "
        "WHERE f.work_order_id = w.id AND f.kind = 'closed')",
    )


_MADE = """
    SELECT w.id, w.number, w.made_quantity, coalesce(l.quantity, 0), w.completed_amount, coalesce(l.amount, 0)
    FROM production_workorder w LEFT JOIN (
        SELECT c.work_order_id, sum(l.quantity) FILTER (WHERE l.output_id IS NULL) AS quantity, sum(l.amount)
               AS amount
        FROM production_completionline l JOIN production_completion c ON c.id = l.completion_id
        WHERE c.state = 'posted' GROUP BY 1
    ) l ON l.work_order_id = w.id
    WHERE (w.made_quantity, w.completed_amount) <> (coalesce(l.quantity, 0), coalesce(l.amount, 0))
"""


@proof(
    "production.made", L("入库数和金额等于入库单之和", "What orders have made is what their completions say")
)
def made_is_completed() -> Found:
    """Prove quantity and amount that orders brought to store against their papers."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_workorder",
        faults=_MADE,
        text=L(
            "{1}：完工 {2}，按入库 {3}；金额 {4}，按入库 {5}",
            "{1}: made {2} is {3} by completions, amount {4} is {5}",
        ),
    )


_PAPERS = """
    SELECT l.id, 'production.completion', c.number, l.quantity, v.quantity
    FROM production_completionline l JOIN production_completion c ON c.id = l.completion_id
    JOIN inventory_move v ON v.id = l.move_id
    WHERE (l.item_id, l.quantity) <> (v.item_id, v.quantity) OR l.lot_id IS DISTINCT FROM v.lot_id
       OR (c.state = 'reversed') <> EXISTS (SELECT 1 FROM inventory_move r WHERE r.reverses_id = v.id)
    UNION ALL
    SELECT l.id, 'production.material_issue', c.number, l.quantity, v.quantity
    FROM production_materialissueline l JOIN production_materialissue c ON c.id = l.issue_id
    JOIN inventory_move v ON v.id = l.move_id
    WHERE (l.item_id, l.quantity) <> (v.item_id, v.quantity) OR l.lot_id IS DISTINCT FROM v.lot_id
       OR (c.state = 'reversed') <> EXISTS (SELECT 1 FROM inventory_move r WHERE r.reverses_id = v.id)
"""


@proof(
    "production.papers", L("领料单和入库单与库存移动一致", "Issues and completions agree with their moves")
)
def papers_agree_with_moves() -> Found:
    """Prove each line of a paper against its move, and each reversed paper against reverse moves."""
    return none_of(
        "production.completion",
        faults=_PAPERS,
        text=L(
            "{1} {2}：明细 {3} 的移动为 {4}，或只冲销了一边",
            "{1} {2}: a line of {3} has a move of {4}, or is reversed by one only",
        ),
        counted="SELECT (SELECT count(*) FROM production_completionline) + (SELECT count(*) FROM "
        "production_materialissueline)",
    )


_APPROVALS = """
    SELECT r.id, w.number, a.state FROM production_report r JOIN production_workorder w ON w.id = r.work_order_id
    LEFT JOIN production_reportapproval a ON a.id = r.id
    WHERE r.kind IN ('good', 'scrap', 'rework') AND (
        a.id IS NULL OR (a.report_id, a.operation_id, a.work_order_id, a.plant_id, a.at)
            <> (r.id, r.operation_id, r.work_order_id, r.plant_id, r.reported_at)
        OR (a.state = 'undone') <> EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
        OR (a.state = 'waiting') <> (a.decided_at IS NULL))
    UNION ALL
    SELECT a.id, NULL, a.state FROM production_reportapproval a
    WHERE NOT EXISTS (SELECT 1 FROM production_report r WHERE r.id = a.id)
"""


@proof("production.approvals", L("每次报工都有审核状态", "Each report of pieces waits, is approved, or is undone"))
def approvals_are_of_reports() -> Found:
    """Prove the approval of each report against the report and its undo."""
    return none_of(
        "production.report",
        counted="SELECT count(*) FROM production_reportapproval",
        faults=_APPROVALS,
        text=L(
            "{1} 的一条报工与其审批 {2} 不一致",
            "a report on {1} has the approval {2}, which does not agree with it",
        ),
    )


_APPROVED = """
    SELECT o.id, w.number, o.sequence, o.approved_quantity, coalesce(a.quantity, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN (
        SELECT r.operation_id, sum(r.quantity) AS quantity FROM production_reportapproval a
        JOIN production_report r ON r.id = a.id WHERE a.state = 'approved' AND r.kind = 'good' GROUP BY 1
    ) a ON a.operation_id = o.id
    WHERE o.approved_quantity <> coalesce(a.quantity, 0)
"""


@proof(
    "production.approved", L("已审核数等于已审核报工之和", "Approved counts are the sums of approved reports")
)
def approved_are_sums() -> Found:
    """Prove the approved counts of operations, which may pass on, against the reports that are approved."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_operation WHERE approved_quantity > 0",
        faults=_APPROVED,
        text=L("{1} 工序 {2}：已审批 {3}，按报工 {4}", "{1} operation {2}: approved {3} is {4} by reports"),
    )


_COPY = """
    SELECT r.id, w.number, o.sequence FROM production_report r
    JOIN production_operation o ON o.id = r.operation_id LEFT JOIN production_workorder w ON w.id =
    r.work_order_id
    WHERE w.id IS NULL OR (r.work_order_id, r.plant_id) <> (o.work_order_id, o.plant_id) OR o.plant_id <>
           w.plant_id
       OR EXISTS (SELECT 1 FROM production_operation b WHERE b.id = r.back_to_id AND b.work_order_id <>
       o.work_order_id)
       OR EXISTS (SELECT 1 FROM production_report u WHERE u.id = r.reverses_id AND u.operation_id <>
       r.operation_id)
"""


@proof(
    "production.reports", L("报工属于其工单的工序", "Reports belong to the operations of their own orders")
)
def reports_belong_to_orders() -> Found:
    """Prove order, plant, way back and undo of each report against the order's own operations."""
    return none_of(
        "production.report",
        counted="SELECT count(*) FROM production_report",
        faults=_COPY,
        text=L(
            "{1} 工序 {2} 的一条报工属于别的工单、工厂或报工",
            "a report on {1} operation {2} belongs to another order, plant or report",
        ),
    )


_PEOPLE = """
    SELECT r.id, p ->> 'employee' FROM production_report r, jsonb_array_elements(r.people) p
    WHERE NOT EXISTS (SELECT 1 FROM people_employee e WHERE e.id = (p ->> 'employee')::uuid)
"""


@proof("production.people", L("报工中的人员存在", "The people in reports exist"))
def people_exist() -> Found:
    """Prove that everybody named in a report is an employee."""
    return none_of(
        "production.report",
        counted="SELECT count(*) FROM production_report WHERE people <> '[]'",
        faults=_PEOPLE,
        text=L("报工中的员工 {1} 不存在", "employee {1} of a report does not exist"),
    )


@proof(
    "production.within_limits",
    L("报工没有超出可报数，超出的已标记", "No operation took more than came to it, unless flagged"),
)
def nothing_beyond_limits() -> Found:
    """Prove for every order at work that what went beyond its links was flagged for the leader."""
    orders = [
        row[0]
        for row in db.rows(
            "SELECT id FROM production_workorder WHERE state IN ('released', 'running', 'completed') "
            "ORDER BY id"
        )
    ]
    flagged = {row[0] for row in db.rows("SELECT DISTINCT work_order_id FROM production_reportflag")}
    shop = read_shop(orders=orders)
    faults = []
    for order, ops in shop.by_order.items():
        first = next(iter(ops.values()))
        over = rules.overdrawn(shop.flows(order), first.planned, first.tolerance)
        over = {s: counts for s, counts in over.items() if ops[s].flow.predecessors}
        if over and order not in flagged:
            beyond = ", ".join(f"{ops[s].title} {counts.normalize():f}" for s, counts in sorted(over.items()))
            why = L(f"{first.number} 超出可报数：{beyond}", f"{first.number} took too much: {beyond}")
            faults.append(Fault("production.work_order", str(order), why))
    return Found(len(orders), tuple(faults[:SHOWN]), len(faults))


_AWAY = """
    SELECT o.id, w.number, o.sequence, o.away_quantity, coalesce(r.away, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN (
        SELECT returns_to_id, sum(quantity - returned_quantity - returned_scrap_quantity) AS away
        FROM production_workorder WHERE returns_to_id IS NOT NULL AND state IN ('released', 'running', 'completed')
        GROUP BY 1
    ) r ON r.returns_to_id = o.id
    WHERE o.away_quantity <> round(coalesce(r.away, 0) * o.report_ratio, 6)
"""


@proof("production.away", L("返工中的件数等于返工工单未送回的", "What is away for rework is at open rework orders"))
def away_is_at_rework() -> Found:
    """Prove the counts that are away from each operation against the rework orders that will give them back."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_workorder WHERE returns_to_id IS NOT NULL",
        faults=_AWAY,
        text=L("{1} 工序 {2}：送返工 {3}，按返工工单 {4}", "{1} operation {2}: {3} away are {4} by rework orders"),
    )


_DEVIATED = """
    SELECT o.work_order_id, 'operation', w.number, o.sequence || ' ' || o.name FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    WHERE o.state = 'skipped' AND w.origin_noun <> 'production.work_order' AND NOT EXISTS (
        SELECT 1 FROM production_deviation d WHERE d.work_order_id = w.id
        AND (d.operation_id = o.id AND d.kind = 'skip' OR d.kind = 'revision'))
    UNION ALL
    SELECT o.work_order_id, 'operation', w.number, o.sequence || ' ' || o.name FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    WHERE o.deviation_reason <> '' AND w.origin_noun <> 'production.work_order'
      AND NOT EXISTS (SELECT 1 FROM production_deviation d WHERE d.work_order_id = w.id)
    UNION ALL
    SELECT m.work_order_id, 'material', w.number, m.position::text FROM production_material m
    JOIN production_workorder w ON w.id = m.work_order_id
    WHERE m.deviation_reason <> '' AND w.origin_noun <> 'production.work_order'
      AND NOT EXISTS (SELECT 1 FROM production_deviation d WHERE d.work_order_id = w.id
                      AND d.kind IN ('add_material', 'substitute', 'revision'))
    UNION ALL
    SELECT w.id, 'quantity', w.number, trim_scale(w.quantity)::text FROM production_workorder w
    JOIN LATERAL (SELECT d.after ->> 'quantity' AS quantity FROM production_deviation d WHERE d.work_order_id = w.id
                  AND d.kind IN ('quantity', 'split') ORDER BY d.at DESC, d.id DESC LIMIT 1) d ON true
    WHERE d.quantity::numeric <> w.quantity
"""


@proof(
    "production.deviations", L("工单与计划的每处偏离都有记录", "What differs on orders at work has been recorded")
)
def deviations_are_kept() -> Found:
    """Prove that skipped operations, lines with a reason and changed quantities have the record of who changed them."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_deviation",
        faults=_DEVIATED,
        text={
            "operation": L("{2}：工序 {3} 有差异但无记录", "{2}: operation {3} differs without a record"),
            "material": L("{2}：物料行 {3} 有差异但无记录", "{2}: material line {3} differs without a record"),
            "quantity": L("{2}：数量 {3} 与记录不符", "{2}: its quantity of {3} is not what the record says"),
        },
    )


_SPLIT = """
    SELECT o.work_order_id, w.number, o.sequence, o.split_quantity, coalesce(d.counts, 0)
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    LEFT JOIN (
        SELECT d.operation_id, sum((d.after ->> 'counts')::numeric) AS counts FROM production_deviation d
        WHERE d.kind = 'split' AND d.operation_id IS NOT NULL GROUP BY 1
    ) d ON d.operation_id = o.id
    WHERE o.split_quantity <> coalesce(d.counts, 0)
"""


@proof("production.split", L("半途拆走的件数都有记录", "What was split off half-way has been recorded"))
def split_is_recorded() -> Found:
    """Prove what left an operation for another order against the deviations that say so."""
    return none_of(
        "production.work_order",
        counted="SELECT count(*) FROM production_operation WHERE split_quantity > 0",
        faults=_SPLIT,
        text=L("{1} 工序 {2}：拆走 {3}，按记录 {4}", "{1} operation {2}: {3} split off are {4} by the records"),
    )


_OUTSIDE = """
    SELECT x.id, w.number, o.sequence FROM production_outsidework x
    JOIN production_operation o ON o.id = x.operation_id JOIN production_workorder w ON w.id = o.work_order_id
    JOIN purchasing_orderline l ON l.id = x.order_line_id JOIN purchasing_receipt p ON p.id = x.receipt_id
    WHERE x.work_order_id <> o.work_order_id OR l.origin IS DISTINCT FROM o.id OR l.party_id <> x.party_id
       OR (x.reverses_id IS NULL AND NOT EXISTS (
           SELECT 1 FROM production_report r WHERE r.id = x.report_id AND r.operation_id = o.id
             AND r.quantity = round(x.quantity * o.report_ratio, 6)))
       OR (p.state = 'reversed') AND x.reverses_id IS NULL AND NOT EXISTS (
           SELECT 1 FROM production_outsidework b WHERE b.reverses_id = x.id)
"""


@proof("production.outside", L("委外收货与报工、采购一致", "Outside work agrees with reports and purchases"))
def outside_work_is_reported() -> Found:
    """Prove each subcontractor's work against the report it made, its purchase line and its receipt."""
    return none_of(
        "production.outside_work",
        counted="SELECT count(*) FROM production_outsidework",
        faults=_OUTSIDE,
        text=L(
            "{1} 工序 {2} 的外协没有报工，或采购不符",
            "outside work on {1} operation {2} has no report, or another purchase",
        ),
    )


#: A purchase order that came of a deviation is a draft at first, which its buyer may delete.
_NAMED = (
    Reference(
        "production.work_order", L("工单", "work order"), "production_workorder", noun="origin_noun", record="origin",
        line="origin_line", called="r.number",
    ),
    Reference(
        "production.deviation", L("工单偏离", "deviation"), "production_deviation", noun="other_noun", record="other",
        may_go=True,
    ),
    Reference(
        "production.work_order", L("工单用料", "material of an order"), "production_material",
        nouns=("engineering.bom",), line="source_line", key="work_order_id",
    ),
    Reference(
        "production.work_order", L("工单工序", "operation of an order"), "production_operation",
        nouns=("engineering.routing",), line="source_line", key="work_order_id", called="r.sequence::text",
    ),
)  # fmt: skip


@proof(
    "production.origins",
    L("工单来源和所依据的BOM、工艺明细存在", "The origins of work orders exist, and the lines they were copied from"),
)
def origins_exist() -> Found:
    """Look up what orders are for, what came of their deviations, and the lines of BOM and routing they follow."""
    return exist(*_NAMED)
