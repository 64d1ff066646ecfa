"""What must never be false of selling, proved again from lines, moves and ledgers."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

LINES = "SELECT count(*) FROM sales_orderline"


@proof(
    "sales.amounts",
    L("订单和报价的金额等于明细之和", "Amounts of orders and quotations are the sums of their lines"),
)
def amounts() -> Found:
    """Compare the amounts of documents with those of their lines."""
    return none_of(
        "sales.order",
        counted="SELECT (SELECT count(*) FROM sales_order) + (SELECT count(*) FROM sales_quotation)",
        faults="""
        SELECT o.id, o.net_amount, coalesce(sum(l.net_amount), 0), o.tax_amount,
            coalesce(sum(l.tax_amount), 0),
               o.gross_amount
        FROM sales_order o LEFT JOIN sales_orderline l ON l.order_id = o.id GROUP BY o.id
        HAVING (o.net_amount, o.tax_amount, o.gross_amount) IS DISTINCT FROM
               (coalesce(sum(l.net_amount), 0), coalesce(sum(l.tax_amount), 0), o.net_amount + o.tax_amount)
        UNION ALL
        SELECT o.id, o.net_amount, coalesce(sum(l.net_amount), 0), o.tax_amount,
            coalesce(sum(l.tax_amount), 0),
               o.gross_amount
        FROM sales_quotation o LEFT JOIN sales_quotationline l ON l.quotation_id = o.id GROUP BY o.id
        HAVING (o.net_amount, o.tax_amount, o.gross_amount) IS DISTINCT FROM
               (coalesce(sum(l.net_amount), 0), coalesce(sum(l.tax_amount), 0), o.net_amount + o.tax_amount)
        """,
        text=L("金额 {1}、税额 {3}、合计 {5}，明细之和 {2}、{4}", "{1}, {3}, {5}; lines add up to {2}, {4}"),
    )


@proof(
    "sales.line_amounts",
    L("明细金额由数量、单价、折扣和税率得出", "Line amounts follow from quantity, price, discount and tax"),
)
def line_amounts() -> Found:
    """Work every line's amounts out again."""
    return none_of(
        "sales.order_line",
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
                FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
                JOIN company_currency c ON c.id = o.currency_id) v) w
        ) k WHERE (k.net_amount, k.tax_amount) IS DISTINCT FROM (k.net, k.tax)
        """,
        text=L("{1} + {2}，应为 {3} + {4}", "{1} + {2}, should be {3} + {4}"),
    )


@proof("sales.shipped", L("已发数量等于发货单之和", "Shipped quantities are the sums of shipments"))
def shipped() -> Found:
    """Compare the counters of order lines with shipments that stand and returns that came."""
    return none_of(
        "sales.order_line",
        counted=LINES,
        faults="""
        SELECT l.id, l.shipped_quantity, coalesce(s.quantity, 0), l.returned_quantity, coalesce(r.quantity, 0)
        FROM sales_orderline l
        LEFT JOIN (SELECT x.order_line_id, sum(x.quantity) AS quantity FROM sales_shipmentline x
                   JOIN sales_shipment h ON h.id = x.shipment_id AND h.state = 'shipped' GROUP BY 1) s
            ON s.order_line_id = l.id
        LEFT JOIN (SELECT x.order_line_id, sum(x.quantity) AS quantity,
            coalesce(sum(x.quantity) FILTER (WHERE x.is_replaced), 0) AS again
                   FROM sales_returnline x JOIN sales_returnorder h ON h.id = x.return_order_id
                       AND h.state = 'received'
                   GROUP BY 1) r ON r.order_line_id = l.id
        WHERE (l.shipped_quantity, l.returned_quantity, l.replaced_quantity)
              <> (coalesce(s.quantity, 0), coalesce(r.quantity, 0), coalesce(r.again, 0))
        """,
        text=L("已发 {1}（单据 {2}），已退 {3}（{4}）", "shipped {1} (documents {2}), returned {3} ({4})"),
    )


@proof("sales.moves", L("发货和退货与库存移动一致", "Shipments and returns agree with stock moves"))
def moves() -> Found:
    """Compare every line of a shipment and return with what moved for it, reversals taken off."""
    return none_of(
        "sales.shipment",
        counted="SELECT (SELECT count(*) FROM sales_shipmentline) + (SELECT count(*) FROM sales_returnline)",
        faults="""
        WITH documents AS (
            SELECT 'sales.shipment' AS noun, h.id, x.id AS line, x.item_id, x.lot_id,
                   CASE WHEN h.state = 'shipped' THEN x.quantity ELSE 0 END AS quantity
            FROM sales_shipmentline x JOIN sales_shipment h ON h.id = x.shipment_id
            UNION ALL
            SELECT 'sales.return_order', h.id, x.id, x.item_id, x.lot_id,
                   CASE WHEN h.state = 'received' THEN x.quantity ELSE 0 END
            FROM sales_returnline x JOIN sales_returnorder h ON h.id = x.return_order_id
        ), moved AS (
            SELECT m.origin_noun AS noun, m.origin, m.origin_line AS line,
                   sum(CASE WHEN m.reverses_id IS NULL THEN m.quantity ELSE -m.quantity END) AS quantity,
                   bool_and(m.item_id = d.item_id AND m.lot_id IS NOT DISTINCT FROM d.lot_id) AS is_same
            FROM inventory_move m LEFT JOIN documents d ON d.line = m.origin_line
            WHERE m.origin_noun IN ('sales.shipment', 'sales.return_order') GROUP BY 1, 2, 3
        )
        SELECT coalesce(d.id, m.origin), coalesce(d.quantity, 0), coalesce(m.quantity, 0),
            coalesce(d.noun, m.noun)
        FROM documents d LEFT JOIN items_item i ON i.id = d.item_id
        FULL JOIN moved m ON m.line = d.line
        WHERE (coalesce(d.quantity, 0) <> coalesce(m.quantity, 0) OR m.is_same = false OR d.line IS NULL)
          AND (i.kind IS NULL OR i.kind NOT IN ('service', 'phantom'))
        """,
        text=L("{3}：单据 {1}，移动 {2}", "{3}: document {1}, moves {2}"),
    )


@proof(
    "sales.promises",
    L(
        "承诺台账连续，最后一条等于订单行的承诺日期",
        "The promise ledger is unbroken and ends in the line's date",
    ),
)
def promises() -> Found:
    """Compare each line's promised day with its last entry, and each entry with the one before."""
    return none_of(
        "sales.order_line",
        counted="SELECT count(*) FROM sales_promiseentry",
        faults="""
        SELECT l.id, l.promised_on, p.promised_on FROM sales_orderline l
        LEFT JOIN LATERAL (SELECT promised_on FROM sales_promiseentry e WHERE e.order_line_id = l.id
                           ORDER BY no DESC LIMIT 1) p ON true
        WHERE l.promised_on IS DISTINCT FROM p.promised_on
        UNION ALL
        SELECT k.order_line_id, k.was, k.before FROM (
            SELECT order_line_id, order_id, no, was,
                   lag(promised_on) OVER w AS before, row_number() OVER w AS place
            FROM sales_promiseentry WINDOW w AS (PARTITION BY order_line_id ORDER BY no)
        ) k JOIN sales_orderline l ON l.id = k.order_line_id
        WHERE k.was IS DISTINCT FROM k.before OR k.no <> k.place OR k.order_id <> l.order_id
        """,
        text="{1} ≠ {2}",
    )


@proof("sales.states", L("订单状态由明细得出", "Orders are in the state of their lines"))
def states() -> Found:
    """Work every order's state out again."""
    return none_of(
        "sales.order",
        counted="SELECT count(*) FROM sales_order",
        faults="""
        SELECT o.id, o.state, k.state FROM sales_order o JOIN (
            SELECT order_id, CASE
                WHEN bool_or(open_quantity > 0) AND bool_or(shipped_quantity > 0) THEN 'partly_shipped'
                WHEN bool_or(open_quantity > 0) THEN 'confirmed'
                WHEN bool_or(shipped_quantity > 0) THEN 'shipped' ELSE 'cancelled' END AS state
            FROM sales_orderline GROUP BY order_id
        ) k ON k.order_id = o.id
        WHERE o.state <> 'draft' AND k.state <> CASE o.state WHEN 'closed' THEN 'shipped' ELSE o.state END
        """,
        text=L("状态 {1}，按明细应为 {2}", "state {1}, by its lines {2}"),
    )


@proof("sales.kept_stock", L("占用的库存属于未发的订单行", "Stock is kept only for lines that are open"))
def kept_stock() -> Found:
    """Compare promises and allocations for order lines with what is open of them."""
    return none_of(
        "sales.order_line",
        counted="SELECT count(*) FROM inventory_promise WHERE demand_noun = 'sales.order_line'",
        faults="""
        SELECT k.demand_line, sum(k.quantity), coalesce(max(CASE WHEN o.state IN ('confirmed',
            'partly_shipped')
                                                       THEN l.open_quantity ELSE 0 END), 0)
        FROM (SELECT demand_line, quantity FROM inventory_promise WHERE demand_noun = 'sales.order_line'
              UNION ALL
              SELECT demand_line, quantity FROM inventory_allocation WHERE demand_noun = 'sales.order_line') k
        LEFT JOIN sales_orderline l ON l.id = k.demand_line LEFT JOIN sales_order o ON o.id = l.order_id
        GROUP BY k.demand_line
        HAVING sum(k.quantity) > coalesce(max(CASE WHEN o.state IN ('confirmed', 'partly_shipped')
                                                   THEN l.open_quantity ELSE 0 END), 0)
        """,
        text=L("占用 {1}，未发 {2}", "kept {1}, open {2}"),
    )


@proof("sales.copies", L("订单行的客户和工厂与订单一致", "Lines know their order's customer and plant"))
def copies() -> Found:
    """Compare what lines have copied from their order."""
    return none_of(
        "sales.order_line",
        counted=LINES,
        faults="SELECT l.id, o.number FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id "
        "WHERE (l.party_id, l.plant_id) <> (o.party_id, o.plant_id)",
        text="{1}",
    )
