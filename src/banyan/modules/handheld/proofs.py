"""What must never be false of borrowed material."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_SETTLED = """
    SELECT b.id, b.number, b.settled_quantity, coalesce(s.total, 0) FROM handheld_borrow b
    LEFT JOIN (SELECT borrow_id, sum(quantity) AS total FROM handheld_settlement GROUP BY borrow_id) s
        ON s.borrow_id = b.id
    WHERE b.settled_quantity <> coalesce(s.total, 0)
       OR (b.state = 'open') <> (b.settled_quantity < b.quantity)
       OR (b.state = 'open') <> (b.settled_at IS NULL)
       OR b.state = 'settled' AND EXISTS (
            SELECT 1 FROM handheld_settlement w WHERE w.borrow_id = b.id AND w.kind = 'waived')
"""


@proof("handheld.settled", L("借料的结清数等于结清记录", "What is settled of a borrow is the sum of its settlements"))
def settled_agrees() -> Found:
    """Prove quantity and state of each borrow against its settlements."""
    return none_of(
        "handheld.borrow",
        counted="SELECT count(*) FROM handheld_borrow",
        faults=_SETTLED,
        text=L("{1} 记为已结清 {2}，结清记录为 {3}", "{1} says that {2} is settled, its settlements say {3}"),
    )


_MOVED = """
    SELECT min(b.id::text), b.issue_id, sum(b.quantity), coalesce(max(l.total), 0) FROM handheld_borrow b
    LEFT JOIN LATERAL (
        SELECT sum(x.quantity) AS total FROM production_materialissueline x
        WHERE x.issue_id = b.issue_id AND x.material_id = b.borrower_material_id
          AND x.lot_id IS NOT DISTINCT FROM b.lot_id
    ) l ON true
    GROUP BY b.issue_id, b.borrower_material_id, b.lot_id
    HAVING sum(b.quantity) <> coalesce(max(l.total), 0)
"""


@proof("handheld.moved", L("借料都有领料单", "What was borrowed is what was issued to the borrower"))
def borrowed_is_issued() -> Found:
    """Prove the quantity of borrows, lot by lot, against the issue that moved it."""
    return none_of(
        "handheld.borrow",
        counted="SELECT count(DISTINCT issue_id) FROM handheld_borrow",
        faults=_MOVED,
        text=L("发料 {1} 借用 {2}，实际移动 {3}", "borrowed {2} by issue {1}, which moved {3}"),
    )


_LINES = """
    SELECT b.id, b.number FROM handheld_borrow b
    JOIN production_material m ON m.id = b.borrower_material_id
    JOIN production_material o ON o.id = b.lender_material_id
    LEFT JOIN inventory_lot l ON l.id = b.lot_id
    WHERE m.work_order_id <> b.borrower_id OR o.work_order_id <> b.lender_id OR m.item_id <> b.item_id
       OR o.item_id <> b.item_id OR l.item_id <> b.item_id
"""


@proof("handheld.lines", L("借料的工单、物料和批次一致", "Borrows name lines of their own orders, item and lot"))
def lines_agree() -> Found:
    """Prove that lines, orders, item and lot of each borrow belong together."""
    return none_of(
        "handheld.borrow",
        counted="SELECT count(*) FROM handheld_borrow",
        faults=_LINES,
        text=L(
            "{1} 所指的明细、批次或物料属于别的单据或物料",
            "{1} names a line, lot or item of another order or item",
        ),
    )
