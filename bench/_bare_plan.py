"""A planning run by hand: set-based netting, level by level, over the tables of the product.

It knows what the drawn factory has: lots for what is wanted, raised to a minimum and a multiple; safety stock; yield
and scrap; stock and customers' orders. It keeps a run with its planned orders, all pegs, the days on which material
allows each order, and whom it makes wait, under the client's key, with audit and event.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import UUID

from _bare import Bare, connected

from banyan.kernel import db
from banyan.lib.ids import new_id

_ITEMS = """
    CREATE TEMP TABLE plan_item ON COMMIT DROP AS
    SELECT i.id AS item, i.code, p.id AS settings, CASE i.kind WHEN 'made' THEN 'make' ELSE 'buy' END AS kind,
           coalesce(nullif(p.lead_time_days, 0), s.lead_time_days, 0) AS lead, p.lot_minimum AS minimum,
           p.lot_multiple AS multiple, p.safety_stock AS safety, p.safety_days, power(10::numeric, -u.places) AS step,
           p.yield_percent AS good, s.party_id AS supplier, 0 AS level,
           coalesce((SELECT sum(b.on_hand) FROM inventory_balance b LEFT JOIN inventory_lot l ON l.id = b.lot_id
                     WHERE b.item_id = i.id AND b.plant_id = p.plant_id AND b.owner_id IS NULL AND b.on_hand > 0
                       AND b.kind = ANY(%s) AND (l.id IS NULL OR l.state = 'released')
                       AND (l.expires_on IS NULL OR l.expires_on >= %s)), 0) AS stock
    FROM items_itemplant p JOIN items_item i ON i.id = p.item_id JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN LATERAL (
        SELECT x.party_id, x.lead_time_days FROM purchasing_supplieritem x JOIN parties_party y ON y.id = x.party_id
        WHERE i.kind <> 'made' AND x.item_id = i.id AND y.is_active AND NOT y.is_blocked AND x.valid_from <= %s
          AND (x.valid_to IS NULL OR x.valid_to > %s)
        ORDER BY x.is_preferred DESC, x.priority, x.price, x.id LIMIT 1
    ) s ON true
    WHERE p.plant_id = %s AND i.is_active
"""
_NEEDS = """
    CREATE TEMP TABLE plan_need ON COMMIT DROP AS
    SELECT b.item_id AS parent, l.component_id AS part, l.position, c.step,
           l.quantity * (100 + l.scrap_percent) AS top, b.base_quantity * p.good AS bottom
    FROM (SELECT DISTINCT ON (item_id) * FROM engineering_bom
          WHERE state <> 'draft' AND effective_from <= %s AND (effective_to IS NULL OR effective_to > %s)
            AND (plant_id IS NULL OR plant_id = %s) ORDER BY item_id, plant_id NULLS LAST) b
    JOIN plan_item p ON p.item = b.item_id JOIN engineering_bomline l ON l.bom_id = b.id
    JOIN plan_item c ON c.item = l.component_id
    WHERE (l.valid_from IS NULL OR l.valid_from <= %s) AND (l.valid_to IS NULL OR l.valid_to > %s)
"""
_LEVELS = """
    WITH RECURSIVE below (item, level) AS (
        SELECT item, 0 FROM plan_item
        UNION SELECT n.part, b.level + 1 FROM below b JOIN plan_need n ON n.parent = b.item
    )
    UPDATE plan_item p SET level = b.level FROM (SELECT item, max(level) AS level FROM below GROUP BY item) b
    WHERE b.item = p.item AND b.level > 0
"""
#: Each day with how many days are worked up to it; each worked day by that number.
_DAYS = """
    CREATE TEMP TABLE plan_day ON COMMIT DROP AS
    SELECT d::date AS day, worked, count(*) FILTER (WHERE worked) OVER (ORDER BY d)::int AS k
    FROM generate_series(%s::date - 400, %s::date + 1500, interval '1 day') d, LATERAL (
        SELECT coalesce((SELECT e.is_working FROM company_calendarexception e WHERE e.calendar_id = p.calendar_id
                         AND e.day = d::date LIMIT 1),
                        EXISTS (SELECT FROM company_calendarshift s WHERE s.calendar_id = p.calendar_id
                                AND s.weekday = extract(isodow FROM d) - 1)) AS worked
        FROM company_plant p WHERE p.id = %s) w
"""
_DEMAND = """
    INSERT INTO plan_demand (item, quantity, day, rank, noun, record, line)
    SELECT l.item_id, l.open_quantity, coalesce(l.promised_on, l.wanted_on, o.ordered_on),
           CASE o.priority WHEN 'urgent' THEN 0 ELSE 1 END, 'sales.order', o.id, l.id
    FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
    WHERE l.plant_id = %s AND l.open_quantity > 0 AND o.state = ANY(%s) ORDER BY 3, o.number, l.position
"""
#: Safety stock is wanted on the first day on which less would be left.
_SAFETY = """
    INSERT INTO plan_demand (item, quantity, day, rank, noun, record)
    SELECT p.item, p.safety, CASE WHEN p.stock < p.safety THEN %(today)s ELSE coalesce((
               SELECT min(g.day) FROM (
                   SELECT greatest(d.day, %(today)s) AS day,
                          sum(sum(d.quantity)) OVER (ORDER BY greatest(d.day, %(today)s)) AS gone
                   FROM plan_demand d WHERE d.item = p.item GROUP BY 1
               ) g WHERE p.stock - g.gone < p.safety), %(today)s) END, 9, 'items.item_plant', p.settings
    FROM plan_item p WHERE p.level = %(level)s AND p.safety > 0
"""
_FROM_STOCK = """
    WITH queue AS (
        SELECT d.*, p.stock, sum(d.quantity) OVER (PARTITION BY d.item ORDER BY d.rank, d.day, d.n) AS upto
        FROM plan_demand d JOIN plan_item p ON p.item = d.item WHERE p.level = %(level)s
    ), served AS (
        SELECT q.*, greatest(least(q.upto, q.stock) - (q.upto - q.quantity), 0) AS taken FROM queue q
    ), pegged AS (
        INSERT INTO plan_peg (item, quantity, supply, demand) SELECT item, taken, NULL, n FROM served WHERE taken > 0
    )
    INSERT INTO plan_missing (n, item, day, rank, quantity, upto)
    SELECT n, item, greatest(day, %(today)s), rank, quantity - taken,
           sum(quantity - taken) OVER (PARTITION BY item ORDER BY greatest(day, %(today)s), rank, n)
    FROM served WHERE quantity > taken
"""
_LOTS = """
    CREATE OR REPLACE FUNCTION pg_temp.plan_lots() RETURNS TABLE (item uuid, day date, size numeric)
    LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE r record; last uuid; more numeric := 0;
    BEGIN
        FOR r IN SELECT m.item, m.day, sum(m.quantity) AS net, p.minimum, p.multiple, p.step
                 FROM plan_missing m JOIN plan_item p ON p.item = m.item GROUP BY 1, 2, 4, 5, 6 ORDER BY 1, 2
        LOOP
            IF r.item IS DISTINCT FROM last THEN last := r.item; more := 0; END IF;
            IF more >= r.net THEN more := more - r.net; CONTINUE; END IF;
            item := r.item; day := r.day; size := greatest(r.net - more, r.minimum);
            IF r.multiple > 0 THEN size := ceil(size / r.multiple) * r.multiple; END IF;
            size := ceil(size / r.step) * r.step;
            more := more + size - r.net;
            RETURN NEXT;
        END LOOP;
    END $$
"""
_ORDERS = """
    INSERT INTO plan_order (id, item, kind, supplier, lead, level, size, upto, start, due, ready)
    SELECT gen_random_uuid(), l.item, p.kind, p.supplier, p.lead, p.level, l.size,
           sum(l.size) OVER (PARTITION BY l.item ORDER BY l.day), s.day, e.day, e.day
    FROM pg_temp.plan_lots() l JOIN plan_item p ON p.item = l.item JOIN plan_day w ON w.day = l.day
    CROSS JOIN LATERAL (SELECT w.k - p.safety_days - p.lead AS early,
                         (SELECT d.k + CASE WHEN d.worked THEN 0 ELSE 1 END
                          FROM plan_day d WHERE d.day = %(today)s) AS first) k
    JOIN plan_day s ON s.worked AND s.k = greatest(k.early, k.first)
    JOIN plan_day e ON e.worked AND e.k = greatest(k.early, k.first) + p.lead
"""
_FROM_ORDERS = """
    INSERT INTO plan_peg (item, quantity, supply, demand)
    SELECT m.item, least(m.upto, o.upto) - greatest(m.upto - m.quantity, o.upto - o.size), o.id, m.n
    FROM plan_missing m JOIN plan_order o ON o.item = m.item AND o.level = %(level)s
     AND o.upto > m.upto - m.quantity AND o.upto - o.size < m.upto
"""
_RANKS = """
    UPDATE plan_order o SET rank = r.rank FROM (
        SELECT p.supply, min(d.rank) AS rank FROM plan_peg p JOIN plan_demand d ON d.n = p.demand GROUP BY 1
    ) r WHERE r.supply = o.id AND o.level = %(level)s
"""
_PARTS = """
    INSERT INTO plan_demand (item, quantity, day, rank, noun, record)
    SELECT n.part, ceil(n.top * o.size / (n.bottom * n.step)) * n.step, o.start, o.rank, 'planning.planned_order', o.id
    FROM plan_order o JOIN plan_need n ON n.parent = o.item WHERE o.level = %(level)s
    ORDER BY o.item, o.due, o.id, n.position
"""
#: An order whose parts come after its start is done its lead time after the last of them.
_READY = """
    UPDATE plan_order o SET ready = greatest(o.due, e.day)
    FROM (SELECT d.record, max(s.ready) AS held FROM plan_peg p JOIN plan_demand d ON d.n = p.demand
          JOIN plan_order s ON s.id = p.supply WHERE d.noun = 'planning.planned_order' GROUP BY 1) h,
         plan_day b, plan_day e
    WHERE h.record = o.id AND o.level = %(level)s AND h.held > o.start AND b.day = h.held - 1
      AND e.worked AND e.k = b.k + 1 + o.lead
"""
_TABLES = (
    "CREATE TEMP TABLE plan_demand (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item uuid, quantity numeric, "
    "day date, rank int, noun text, record uuid, line uuid) ON COMMIT DROP",
    "CREATE TEMP TABLE plan_missing (n bigint, item uuid, day date, rank int, quantity numeric, upto numeric) "
    "ON COMMIT DROP",
    "CREATE TEMP TABLE plan_order (id uuid PRIMARY KEY, item uuid, kind text, supplier uuid, lead int, level int, "
    "size numeric, upto numeric, start date, due date, ready date, rank int DEFAULT 1) ON COMMIT DROP",
    "CREATE TEMP TABLE plan_peg (item uuid, quantity numeric, supply uuid, demand bigint) ON COMMIT DROP",
    "CREATE INDEX ON plan_demand (item)", "CREATE INDEX ON plan_order (item)", "CREATE INDEX ON plan_peg (demand)",
    "CREATE INDEX ON plan_peg (supply)",
)
_PRIORITY = "CASE {} WHEN 0 THEN 'urgent' WHEN 9 THEN 'safety' ELSE 'normal' END"
_KEEP = (
    f"""
    INSERT INTO planning_plannedorder (id, version, created_at, created_by_id, changed_at, changed_by_id, plant_id,
        run_id, state, result_noun, item_id, kind, quantity, starts_on, due_on, ready_on, supplier_id, priority)
    SELECT id, 1, %(now)s, %(user)s, %(now)s, %(user)s, %(plant)s, %(run)s, 'planned', '', item, kind, size, start, due,
           ready, supplier, {_PRIORITY.format('rank')} FROM plan_order
    """,
    f"""
    INSERT INTO planning_peg (run_id, supply_noun, supply, supply_on, item_id, quantity, demand_noun, demand,
        demand_line, demand_on, priority)
    SELECT %(run)s, CASE WHEN p.supply IS NULL THEN 'inventory.balance' ELSE 'planning.planned_order' END, p.supply,
           coalesce(o.ready, %(today)s), p.item, p.quantity, d.noun, d.record, d.line, d.day,
           {_PRIORITY.format('d.rank')}
    FROM plan_peg p JOIN plan_demand d ON d.n = p.demand LEFT JOIN plan_order o ON o.id = p.supply
    """,
    """
    INSERT INTO planning_message (run_id, item_id, quantity, kind, day, wanted_on, days_late, supply_noun, supply,
        demand_noun, demand, demand_line, text_zh, text_en, is_current)
    SELECT %(run)s, d.item, CASE WHEN d.rank = 9 THEN i.safety - i.stock ELSE d.quantity END,
           CASE WHEN d.rank = 9 THEN 'below_safety' ELSE 'late' END, l.ready, d.day,
           CASE WHEN d.rank = 9 THEN 0 ELSE l.ready - d.day END, 'planning.planned_order', l.supply, d.noun, d.record,
           d.line, '到 ' || l.ready, 'there on ' || l.ready, true
    FROM plan_demand d JOIN plan_item i ON i.item = d.item, LATERAL (
        SELECT p.supply, o.ready FROM plan_peg p JOIN plan_order o ON o.id = p.supply WHERE p.demand = d.n
        ORDER BY o.ready DESC LIMIT 1) l
    WHERE d.noun <> 'planning.planned_order' AND CASE WHEN d.rank = 9 THEN i.stock < i.safety ELSE l.ready > d.day END
    """,
)


def plan_seconds(user: UUID, plant: UUID) -> float:
    """Give the seconds in which a plant is planned by hand, from the key taken to the commit."""
    with connected() as bare:
        bare.run("ANALYZE")
        begun = time.perf_counter()
        plan(bare, user, plant, datetime.now(UTC))
        return time.perf_counter() - begun


def orders_of(plant: UUID) -> list[tuple]:
    """Give the planned orders of a plant, items by their number in the drawing."""
    return db.rows(
        "SELECT split_part(i.code, '-', 2), o.kind, o.quantity, o.starts_on, o.due_on, o.ready_on, o.priority "
        "FROM planning_plannedorder o JOIN items_item i ON i.id = o.item_id WHERE o.plant_id = %s", [plant],
    )  # fmt: skip


def plan(bare: Bare, user: UUID, plant: UUID, now: datetime) -> UUID:
    """Plan a plant: what nobody has decided upon is planned anew. Gives: the run"""
    run, today = new_id(), now.date()
    given = {"run": run, "plant": plant, "user": user, "now": now, "today": today}
    with bare.held.transaction():
        key = bare.begin(user, "planning.run.plan")
        bare.run("SELECT pg_advisory_xact_lock(7, hashtext(%s))", str(plant))
        bare.run("DELETE FROM planning_plannedorder WHERE plant_id = %s AND state = 'planned'", plant)
        _read(bare, plant, today)
        (deepest,) = bare.one("SELECT max(level) FROM plan_item")
        for level in range(deepest + 1):
            _net(bare, {"level": level, "today": today})
        for level in range(deepest, -1, -1):
            _with(bare, _READY, {"level": level})
        _keep(bare, given)
        bare.end(user, key, "planning.run.plan", run, "planning.planned", {"run": str(run), "plant": str(plant)})
    return run


def _read(bare: Bare, plant: UUID, today: object) -> None:
    for statement in _TABLES:
        bare.run(statement)
    bare.run(_ITEMS, ["warehouse", "zone", "bin", "line_side"], today, today, today, plant)
    bare.run("CREATE INDEX ON plan_item (item)")
    bare.run(_NEEDS, today, today, plant, today, today)
    bare.run(_LEVELS)
    bare.run(_DAYS, today, today, plant)
    bare.run(_DEMAND, plant, ["confirmed", "partly_shipped"])
    bare.run("CREATE INDEX ON plan_day (day)")
    for table in ("plan_item", "plan_need", "plan_day", "plan_demand"):
        bare.run(f"ANALYZE {table}")
    bare.run(_LOTS)


def _net(bare: Bare, given: dict[str, object]) -> None:
    """Net the items of one level: stock first, then orders in lots, which ask for their parts."""
    bare.run("TRUNCATE plan_missing")
    for statement in (_SAFETY, _FROM_STOCK, _ORDERS, _FROM_ORDERS, _RANKS, _PARTS):
        _with(bare, statement, given)


def _keep(bare: Bare, given: dict[str, object]) -> None:
    for table, column in (("planning_message", "run_id"), ("planning_run", "id")):
        bare.run(
            f"UPDATE {table} SET is_current = false WHERE is_current AND {column} IN "
            "(SELECT id FROM planning_run WHERE plant_id = %s AND is_current)", given["plant"],
        )  # fmt: skip
    for statement in _KEEP:
        _with(bare, statement, given)
    count = bare.one("SELECT count(*) FROM plan_order")[0]
    (told,) = bare.one("SELECT count(*) FROM planning_message WHERE run_id = %s", given["run"])
    bare.put("planning_run", dict(
        id=given["run"], version=1, created_at=given["now"], created_by_id=given["user"], changed_at=given["now"],
        changed_by_id=given["user"], number=bare.number("bare.plan"), plant_id=given["plant"], planned_at=given["now"],
        planned_on=given["today"], is_trial=False, is_current=True, order_count=count, new_count=count,
        message_count=told,
    ))  # fmt: skip


def _with(bare: Bare, statement: str, given: dict[str, object]) -> None:
    bare.count += 1
    bare.cursor.execute(statement, given)
