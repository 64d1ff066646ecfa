"""What must never be false of stock, proved again from the ledgers."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L
from banyan.modules.inventory.kinds import FREE, OURS, STOPPED

OUR_KINDS = ", ".join(f"'{kind}'" for kind in OURS)
FREE_KINDS = ", ".join(f"'{kind}'" for kind in FREE)
STOPPED_STATES = ", ".join(f"'{state}'" for state in STOPPED)


@proof("inventory.balances", L("库存余额等于库存移动之和", "Balances are the sums of moves"))
def balances() -> Found:
    """Compare every balance with what moves brought and took."""
    return none_of(
        "inventory.balance",
        counted="SELECT count(*) FROM inventory_balance",
        faults=f"""
        WITH summed AS (
            SELECT item_id, lot_id, place, owner_id, sum(quantity) AS quantity FROM (
                SELECT item_id, lot_id, target_id AS place, owner_id, quantity FROM inventory_move
                UNION ALL
                SELECT item_id, lot_id, source_id, owner_id, -quantity FROM inventory_move
            ) m JOIN inventory_location p ON p.id = m.place AND p.kind IN ({OUR_KINDS})
            GROUP BY item_id, lot_id, place, owner_id
        )
        SELECT coalesce(b.id, s.place), coalesce(b.on_hand, 0), coalesce(s.quantity, 0)
        FROM inventory_balance b
        FULL JOIN summed s ON (s.item_id, s.place) = (b.item_id, b.location_id)
            AND coalesce(s.lot_id, s.item_id) = coalesce(b.lot_id, b.item_id)
            AND coalesce(s.owner_id, s.item_id) = coalesce(b.owner_id, b.item_id)
        WHERE coalesce(b.on_hand, 0) <> coalesce(s.quantity, 0)
        """,
        text=L("现存量 {1}，移动之和 {2}", "{1} on hand, moves add up to {2}"),
    )


@proof("inventory.places", L("余额的工厂和类型与库位一致", "Balances know their location's plant and kind"))
def places() -> Found:
    """Compare what balances have copied from their location."""
    return none_of(
        "inventory.balance",
        counted="SELECT count(*) FROM inventory_balance",
        faults="SELECT b.id, b.kind, p.kind, p.code FROM inventory_balance b "
        "JOIN inventory_location p ON p.id = b.location_id "
        "WHERE (b.kind, b.plant_id) <> (p.kind, p.plant_id)",
        text="{3}: {1} ≠ {2}",
    )


@proof("inventory.lot_items", L("批次属于所移动的物料", "Lots are of the items that moved"))
def lot_items() -> Found:
    """Compare items of moves and balances with those of their lots, and lots with how items are tracked."""
    return none_of(
        "inventory.lot",
        counted="SELECT count(*) FROM inventory_lot",
        faults="""
        SELECT DISTINCT l.id, l.number FROM inventory_lot l
        JOIN (
            SELECT lot_id, item_id FROM inventory_move UNION SELECT lot_id, item_id FROM inventory_balance
        ) m ON m.lot_id = l.id AND m.item_id <> l.item_id
        UNION
        SELECT m.id, i.code FROM inventory_move m JOIN items_item i ON i.id = m.item_id
        WHERE (i.tracking = 'none') <> (m.lot_id IS NULL)
        """,
        text=L("{1}：物料与批次不符", "{1}: item and lot do not match"),
    )


@proof("inventory.serials", L("序列号只在一处，只有一件", "A serial number is one piece in one place"))
def serials() -> Found:
    """Add up what lies of each serial number."""
    return none_of(
        "inventory.lot",
        counted="SELECT count(*) FROM inventory_lot l "
        "JOIN items_item i ON i.id = l.item_id AND i.tracking = 'serial'",
        faults="""
        SELECT l.id, l.number, sum(b.on_hand) FROM inventory_lot l
        JOIN items_item i ON i.id = l.item_id AND i.tracking = 'serial'
        JOIN inventory_balance b ON b.lot_id = l.id
        GROUP BY l.id, l.number HAVING sum(b.on_hand) > 1
        """,
        text="{1}: {2}",
    )


@proof("inventory.allocated", L("已分配量等于分配之和", "Allocated quantities are the sums of allocations"))
def allocated() -> Found:
    """Compare what balances say is allocated with the allocations."""
    return none_of(
        "inventory.balance",
        counted="SELECT count(*) FROM inventory_allocation",
        faults="""
        SELECT b.id, b.allocated, coalesce(a.quantity, 0) FROM inventory_balance b
        LEFT JOIN (
            SELECT balance_id, sum(quantity) AS quantity FROM inventory_allocation GROUP BY balance_id
        ) a ON a.balance_id = b.id
        WHERE b.allocated <> coalesce(a.quantity, 0)
        """,
        text=L("已分配 {1}，分配之和 {2}", "{1} allocated, allocations add up to {2}"),
    )


@proof("inventory.supply", L("可用量与占用量属实", "Available and promised quantities are true"))
def supply() -> Found:
    """Compare supply with usable stock less allocations, and with the promises."""
    return none_of(
        "inventory.supply",
        counted="SELECT count(*) FROM inventory_supply",
        faults=f"""
        WITH usable AS (
            SELECT b.item_id, b.plant_id, sum(b.on_hand - b.allocated) AS quantity FROM inventory_balance b
            LEFT JOIN inventory_lot l ON l.id = b.lot_id
            WHERE b.kind IN ({FREE_KINDS}) AND b.owner_id IS NULL
              AND (l.id IS NULL OR l.state NOT IN ({STOPPED_STATES}))
            GROUP BY b.item_id, b.plant_id
        ), kept AS (
            SELECT item_id, plant_id, sum(quantity) AS quantity
            FROM inventory_promise GROUP BY item_id, plant_id
        ), truth AS (
            SELECT item_id, plant_id, coalesce(u.quantity, 0) AS available,
                   coalesce(k.quantity, 0) AS promised
            FROM usable u FULL JOIN kept k USING (item_id, plant_id)
        )
        SELECT coalesce(s.id, t.item_id), coalesce(s.available, 0), coalesce(t.available, 0),
               coalesce(s.promised, 0), coalesce(t.promised, 0)
        FROM inventory_supply s FULL JOIN truth t USING (item_id, plant_id)
        WHERE coalesce(s.available, 0) <> coalesce(t.available, 0)
           OR coalesce(s.promised, 0) <> coalesce(t.promised, 0)
        """,
        text=L("可用 {1} 应为 {2}，占用 {3} 应为 {4}", "available {1}, should be {2}, promised {3}, {4}"),
    )


@proof("inventory.values", L("存货价值等于价值分录之和", "Stock values are the sums of value entries"))
def values() -> Found:
    """Compare value by item and plant with its entries."""
    return none_of(
        "inventory.stock_value",
        counted="SELECT count(*) FROM inventory_valueentry",
        faults="""
        WITH summed AS (
            SELECT item_id, plant_id, sum(quantity) AS quantity, sum(amount) AS amount
            FROM inventory_valueentry GROUP BY item_id, plant_id
        )
        SELECT coalesce(v.id, s.item_id), coalesce(v.quantity, 0), coalesce(s.quantity, 0),
               coalesce(v.amount, 0), coalesce(s.amount, 0)
        FROM inventory_stockvalue v FULL JOIN summed s USING (item_id, plant_id)
        WHERE coalesce(v.quantity, 0) <> coalesce(s.quantity, 0)
           OR coalesce(v.amount, 0) <> coalesce(s.amount, 0)
        """,
        text=L("数量 {1} 应为 {2}，金额 {3} 应为 {4}", "quantity {1}, should be {2}; amount {3}, should be {4}"),
    )


@proof("inventory.valued", L("有价值的数量就是本公司的库存", "What is valued is what is ours"))
def valued() -> Found:
    """Compare the quantities that are valued with what lies there of our own."""
    return none_of(
        "inventory.stock_value",
        counted="SELECT count(*) FROM inventory_stockvalue",
        faults="""
        WITH own AS (
            SELECT item_id, plant_id, sum(on_hand) AS quantity FROM inventory_balance
            WHERE owner_id IS NULL GROUP BY item_id, plant_id
        )
        SELECT coalesce(v.id, o.item_id), coalesce(v.quantity, 0), coalesce(o.quantity, 0)
        FROM inventory_stockvalue v FULL JOIN own o USING (item_id, plant_id)
        WHERE coalesce(v.quantity, 0) <> coalesce(o.quantity, 0)
        """,
        text=L("计价数量 {1}，现存量 {2}", "{1} valued, {2} on hand"),
    )


@proof("inventory.layers", L("先进先出层不超过库存", "Layers hold no more than there is"))
def layers() -> Found:
    """Compare what is left in layers of first-in-first-out items with their stock."""
    return none_of(
        "inventory.stock_value",
        counted="SELECT count(*) FROM inventory_valuelayer",
        faults="""
        SELECT v.id, sum(l.quantity), v.quantity FROM inventory_valuelayer l
        JOIN inventory_stockvalue v USING (item_id, plant_id)
        JOIN items_itemplant p USING (item_id, plant_id) WHERE p.costing_method = 'fifo'
        GROUP BY v.id, v.quantity HAVING sum(l.quantity) > v.quantity
        """,
        text=L("各层之和 {1}，库存 {2}", "layers add up to {1}, there is {2}"),
    )


@proof("inventory.reversals", L("冲销与原移动相反", "Reversals mirror what they reverse"))
def reversals() -> Found:
    """Compare each reversal with the move it names; one of facts may take back less, never more."""
    return none_of(
        "inventory.move",
        counted="SELECT count(*) FROM inventory_move WHERE reverses_id IS NOT NULL",
        faults="""
        SELECT r.id, m.id FROM inventory_move r JOIN inventory_move m ON m.id = r.reverses_id
        WHERE (r.item_id, r.source_id, r.target_id) <> (m.item_id, m.target_id, m.source_id)
           OR r.lot_id IS DISTINCT FROM m.lot_id OR r.owner_id IS DISTINCT FROM m.owner_id
           OR r.quantity > m.quantity
        """,
        text=L("不是 {1} 的反向移动", "is not the reverse of {1}"),
    )


@proof(
    "inventory.genealogy", L("批次谱系不超过投入生产的移动", "Genealogy is within what went into production")
)
def genealogy() -> Found:
    """Compare what went from each lot into others with what of it was issued to production."""
    return none_of(
        "inventory.lot",
        counted="SELECT count(*) FROM inventory_genealogy",
        faults="""
        WITH used AS (
            SELECT input_lot_id AS lot, sum(quantity) AS quantity
            FROM inventory_genealogy GROUP BY input_lot_id
        ), issued AS (
            SELECT m.lot_id AS lot, sum(CASE
                WHEN t.kind = 'production' THEN m.quantity
                WHEN s.kind = 'production' AND m.reverses_id IS NOT NULL THEN -m.quantity
                ELSE 0 END) AS quantity
            FROM inventory_move m
            JOIN inventory_location s ON s.id = m.source_id JOIN inventory_location t ON t.id = m.target_id
            WHERE m.lot_id IN (SELECT lot FROM used) GROUP BY m.lot_id
        )
        SELECT l.id, l.number, u.quantity, coalesce(i.quantity, 0)
        FROM used u JOIN inventory_lot l ON l.id = u.lot LEFT JOIN issued i ON i.lot = u.lot
        WHERE u.quantity > coalesce(i.quantity, 0)
        """,
        text=L("{1}：谱系 {2}，投入 {3}", "{1}: {2} by genealogy, {3} issued"),
    )


_NAMED = (
    Reference(
        "inventory.move", L("库存移动", "stock move"), "inventory_move", noun="origin_noun", record="origin",
        line="origin_line", lines={"production.operation": "production.work_order"},
    ),
    Reference(
        "inventory.lot", L("批次", "lot"), "inventory_lot", noun="origin_noun", record="origin", called="r.number",
    ),
    Reference(
        "inventory.genealogy", L("批次谱系", "genealogy"), "inventory_genealogy", noun="origin_noun", record="origin",
    ),
    Reference(
        "inventory.promise", L("占用", "promise"), "inventory_promise", noun="demand_noun", line="demand_line",
    ),
    Reference(
        "inventory.allocation", L("分配", "allocation"), "inventory_allocation", noun="demand_noun",
        line="demand_line",
    ),
)  # fmt: skip


@proof("inventory.references", L("来源与需求单据都存在", "Origins and demands exist"))
def references() -> Found:
    """Look up every document and line that stock remembers; none of them can be deleted once goods have moved."""
    return exist(*_NAMED)
