"""What must never be false of buying, proved again from lines, moves and values."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L

LINES = "SELECT count(*) FROM purchasing_orderline"


@proof(
    "purchasing.amounts",
    L("采购订单的金额等于明细之和", "Amounts of purchase orders are the sums of their lines"),
)
def amounts() -> Found:
    """Compare the amounts of orders with those of their lines."""
    return none_of(
        "purchasing.order",
        counted="SELECT count(*) FROM purchasing_order",
        faults="""
        SELECT o.id, o.net_amount, coalesce(sum(l.net_amount), 0), o.tax_amount,
            coalesce(sum(l.tax_amount), 0),
               o.gross_amount
        FROM purchasing_order o LEFT JOIN purchasing_orderline l ON l.order_id = o.id GROUP BY o.id
        HAVING (o.net_amount, o.tax_amount, o.gross_amount) IS DISTINCT FROM
               (coalesce(sum(l.net_amount), 0), coalesce(sum(l.tax_amount), 0), o.net_amount + o.tax_amount)
        """,
        text=L("金额 {1}、税额 {3}、合计 {5}，明细之和 {2}、{4}", "{1}, {3}, {5}; lines add up to {2}, {4}"),
    )


@proof(
    "purchasing.line_amounts",
    L(
        "采购明细金额由数量、单价、折扣和税率得出",
        "Line amounts follow from quantity, price, discount and tax",
    ),
)
def line_amounts() -> Found:
    """Work every line's amounts out again."""
    return none_of(
        "purchasing.order_line",
        counted=LINES,
        faults="""
        SELECT k.id, k.net_amount, k.tax_amount, k.net, k.tax FROM (
            SELECT w.*, CASE WHEN w.price_includes_tax THEN w.paid - w.inner
                ELSE round(w.paid * w.rate, w.places) END AS tax,
                   CASE WHEN w.price_includes_tax THEN w.inner ELSE w.paid END AS net
            FROM (SELECT v.*, round(v.paid / (1 + v.rate), v.places) AS inner FROM (
                SELECT l.id, l.net_amount, l.tax_amount, l.price_includes_tax,
                    l.tax_percent / 100 AS rate, c.places,
                       round(l.quantity * l.price * (100 - l.discount_percent) / 100, c.places) AS paid
                FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
                JOIN company_currency c ON c.id = o.currency_id) v) w
        ) k WHERE (k.net_amount, k.tax_amount) IS DISTINCT FROM (k.net, k.tax)
        """,
        text=L("{1} + {2}，应为 {3} + {4}", "{1} + {2}, should be {3} + {4}"),
    )


@proof(
    "purchasing.received",
    L(
        "到货、判定和退货数量等于单据之和",
        "Received, booked and returned quantities are the sums of documents",
    ),
)
def received() -> Found:
    """Compare counters with receipts that stand and returns that went; history is taken as given."""
    return none_of(
        "purchasing.order_line",
        counted=LINES,
        faults="""
        SELECT l.id, l.received_quantity, coalesce(s.quantity, 0), l.booked_quantity, coalesce(s.judged, 0),
               l.returned_quantity, coalesce(r.quantity, 0)
        FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id AND NOT o.is_history
        LEFT JOIN (SELECT x.order_line_id, sum(x.quantity) AS quantity, sum(x.rejected_quantity) AS bad,
                          sum(x.accepted_quantity + x.rejected_quantity) AS judged
                   FROM purchasing_receiptline x JOIN purchasing_receipt h
                        ON h.id = x.receipt_id AND h.state IN ('arrived', 'partly_booked', 'booked')
                   GROUP BY 1) s ON s.order_line_id = l.id
        LEFT JOIN (SELECT x.order_line_id, sum(x.quantity) AS quantity,
            coalesce(sum(x.quantity) FILTER (WHERE x.is_replaced), 0) AS again
                   FROM purchasing_returnline x
                   JOIN purchasing_returnorder h ON h.id = x.return_order_id AND h.state = 'returned'
                   GROUP BY 1) r ON r.order_line_id = l.id
        WHERE (l.received_quantity, l.booked_quantity, l.rejected_quantity, l.returned_quantity,
            l.replaced_quantity)
           <> (coalesce(s.quantity, 0), coalesce(s.judged, 0), coalesce(s.bad, 0),
               coalesce(r.quantity, 0), coalesce(r.again, 0))
        """,
        text=L(
            "到货 {1}（单据 {2}），判定 {3}（{4}），退货 {5}（{6}）",
            "received {1} (documents {2}), booked {3} ({4}), returned {5} ({6})",
        ),
    )


@proof("purchasing.moves", L("收货和退货与库存移动一致", "Receipts and returns agree with stock moves"))
def moves() -> Found:
    """Compare every line of receipts and returns with what crossed the gate and what left inspection."""
    return none_of(
        "purchasing.receipt",
        counted="SELECT (SELECT count(*) FROM purchasing_receiptline)"
        " + (SELECT count(*) FROM purchasing_returnline)",
        faults="""
        WITH documents AS (
            SELECT 'purchasing.receipt' AS noun, h.id, x.id AS line, x.item_id, x.lot_id,
                   CASE WHEN h.state IN ('draft', 'reversed') THEN 0 ELSE x.quantity END AS came,
                   CASE WHEN h.state IN ('draft', 'reversed') THEN 0
                       ELSE x.accepted_quantity + x.rejected_quantity END AS judged
            FROM purchasing_receiptline x JOIN purchasing_receipt h ON h.id = x.receipt_id
            UNION ALL
            SELECT 'purchasing.return_order', h.id, x.id, x.item_id, x.lot_id,
                   CASE WHEN h.state = 'returned' THEN -x.quantity ELSE 0 END, 0
            FROM purchasing_returnline x JOIN purchasing_returnorder h ON h.id = x.return_order_id
        ), moved AS (
            SELECT m.origin_noun AS noun, m.origin, m.origin_line AS line,
                   sum(CASE WHEN s.kind = 'supplier' THEN m.quantity WHEN t.kind = 'supplier'
                       THEN -m.quantity ELSE 0 END) AS came,
                   sum(CASE WHEN 'supplier' IN (s.kind, t.kind) THEN 0
                            WHEN m.reverses_id IS NULL THEN m.quantity ELSE -m.quantity END) AS judged,
                   bool_and(m.item_id = d.item_id AND m.lot_id IS NOT DISTINCT FROM d.lot_id) AS is_same
            FROM inventory_move m JOIN inventory_location s ON s.id = m.source_id
            JOIN inventory_location t ON t.id = m.target_id LEFT JOIN documents d ON d.line = m.origin_line
            WHERE m.origin_noun IN ('purchasing.receipt', 'purchasing.return_order') GROUP BY 1, 2, 3
        )
        SELECT coalesce(d.id, m.origin), coalesce(d.came, 0), coalesce(m.came, 0), coalesce(d.judged, 0),
               coalesce(m.judged, 0), coalesce(d.noun, m.noun)
        FROM documents d LEFT JOIN items_item i ON i.id = d.item_id
        FULL JOIN moved m ON m.line = d.line
        WHERE ((coalesce(d.came, 0), coalesce(d.judged, 0)) <> (coalesce(m.came, 0), coalesce(m.judged, 0))
               OR m.is_same = false OR d.line IS NULL)
          AND (i.kind IS NULL OR i.kind NOT IN ('service', 'phantom'))
        """,
        text=L("{5}：到货 {1}，移动 {2}；判定 {3}，移动 {4}", "{5}: came {1}, moved {2}; judged {3}, moved {4}"),
    )


@proof(
    "purchasing.values",
    L("到货的入库价值等于订单净价之份额", "Goods came in at their share of the order's net amount"),
)
def values() -> Found:
    """Compare the value of each receipt line with the value entries of its arrival."""
    return none_of(
        "purchasing.receipt",
        counted="SELECT count(*) FROM purchasing_receiptline",
        faults="""
        SELECT h.id, x.amount, sum(v.amount + v.difference)
        FROM purchasing_receiptline x JOIN purchasing_receipt h ON h.id = x.receipt_id
        JOIN inventory_move m ON m.origin = h.id AND m.origin_line = x.id AND m.reverses_id IS NULL
        JOIN inventory_location s ON s.id = m.source_id AND s.kind = 'supplier'
        JOIN inventory_valueentry v ON v.move_id = m.id
        GROUP BY h.id, x.id HAVING x.amount <> sum(v.amount + v.difference)
        """,
        text="{1} ≠ {2}",
    )


@proof("purchasing.states", L("采购订单状态由明细得出", "Purchase orders are in the state of their lines"))
def states() -> Found:
    """Work every order's state out again; history is taken as given."""
    return none_of(
        "purchasing.order",
        counted="SELECT count(*) FROM purchasing_order",
        faults="""
        SELECT o.id, o.state, k.state FROM purchasing_order o JOIN (
            SELECT order_id, CASE
                WHEN bool_or(open_quantity > 0) AND bool_or(received_quantity > 0) THEN 'partly_received'
                WHEN bool_or(open_quantity > 0) THEN 'ordered'
                WHEN bool_or(received_quantity > 0) THEN 'received' ELSE 'cancelled' END AS state
            FROM purchasing_orderline GROUP BY order_id
        ) k ON k.order_id = o.id
        WHERE o.state <> 'draft' AND NOT o.is_history
          AND k.state <> CASE o.state WHEN 'closed' THEN 'received' WHEN 'confirmed'
              THEN 'ordered' ELSE o.state END
        """,
        text=L("状态 {1}，按明细应为 {2}", "state {1}, by its lines {2}"),
    )


@proof(
    "purchasing.copies",
    L("采购订单行的供应商和工厂与订单一致", "Lines know their order's supplier and plant"),
)
def copies() -> Found:
    """Compare what lines have copied from their order."""
    return none_of(
        "purchasing.order_line",
        counted=LINES,
        faults="""
        SELECT l.id, o.number FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
        WHERE (l.party_id, l.plant_id) <> (o.party_id, o.plant_id)
        """,
        text="{1}",
    )


_NAMED = Reference(
    "purchasing.order_line", L("采购明细", "order line"), "purchasing_orderline", noun="origin_noun", record="origin",
)  # fmt: skip


@proof("purchasing.origins", L("采购明细的来源存在", "What order lines were made for exists"))
def origins() -> Found:
    """Look up every origin that an order line names."""
    return exist(_NAMED)
