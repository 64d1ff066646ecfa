"""The first plan of a plant by hand: set-based SQL, level by level, into the same tables under the same constraints.

It nets stock and firm planned orders against customers, components and safety stock, makes lots, counts working
days, pegs, explodes, works out when things are ready and says what is late or below its safety stock, as
docs/algorithms/netting.md has it. What it does not know it refuses (`_UNKNOWN`); what it leaves out is in README.md.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from _bare import Bare

from banyan.lib.ids import new_id
from banyan.modules.planning.rules import MOST_OF_A_KIND

#: More levels than any structure has: that many are a circle.
MOST_LEVELS = 40

_UNKNOWN = """
    SELECT CASE
        WHEN EXISTS (SELECT FROM planning_plannedorder WHERE plant_id = %(plant)s AND state = 'planned')
            THEN 'planned orders of an earlier run'
        WHEN EXISTS (SELECT FROM items_itemplant WHERE plant_id = %(plant)s
                     AND lot_rule NOT IN ('lot_for_lot', 'minimum_multiple')) THEN 'another lot rule'
        WHEN EXISTS (SELECT FROM items_item i JOIN items_itemplant p ON p.item_id = i.id AND p.plant_id = %(plant)s
                     WHERE i.kind IN ('phantom', 'subcontracted') OR NOT i.is_active)
            THEN 'a phantom, a subcontracted item or one out of use'
        WHEN EXISTS (SELECT FROM engineering_routingoperation WHERE yield_percent <> 100) THEN 'yields of operations'
        WHEN EXISTS (SELECT FROM production_workorder WHERE plant_id = %(plant)s
                     AND state NOT IN ('closed', 'cancelled')) THEN 'work orders'
        WHEN EXISTS (SELECT FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
                     WHERE l.plant_id = %(plant)s AND l.open_quantity > 0 AND NOT o.is_history) THEN 'purchase orders'
        WHEN EXISTS (SELECT FROM purchasing_receipt WHERE plant_id = %(plant)s
                     AND state IN ('arrived', 'partly_booked')) THEN 'receipts in inspection'
        WHEN EXISTS (SELECT FROM inventory_balance WHERE plant_id = %(plant)s AND kind = 'line_side' AND on_hand > 0)
            THEN 'stock at line sides'
    END
"""

# --- what there is ------------------------------------------------------------------------------------------

#: Every day with the numbers of the last worked day up to it and of the first from it on; worked days by number.
_DAYS = """
    CREATE TEMP TABLE hand_day ON COMMIT DROP AS
    SELECT day, sum(worked) OVER (ORDER BY day)::int AS before,
           (sum(worked) OVER (ORDER BY day) + 1 - worked)::int AS after, worked = 1 AS is_worked
    FROM (
        SELECT d::date AS day, CASE
            WHEN EXISTS (SELECT FROM company_calendarexception e WHERE e.calendar_id = p.calendar_id AND e.day = d)
            THEN EXISTS (SELECT FROM company_calendarexception e WHERE e.calendar_id = p.calendar_id AND e.day = d
                         AND e.is_working)
            ELSE EXISTS (SELECT FROM company_calendarshift s WHERE s.calendar_id = p.calendar_id
                         AND s.weekday = extract(isodow FROM d) - 1)
        END::int AS worked
        FROM company_plant p, generate_series(%(today)s::date - 1000, %(today)s::date + 1500, interval '1 day') d
        WHERE p.id = %(plant)s
    ) days
"""
_WORKED = """
    CREATE TEMP TABLE hand_worked ON COMMIT DROP AS
    SELECT before AS n, day FROM hand_day WHERE is_worked
"""
#: What a finished piece takes of its parts; quantities are whole millionths.
_NEEDS = """
    CREATE TEMP TABLE hand_need ON COMMIT DROP AS
    WITH bom AS (
        SELECT DISTINCT ON (b.item_id) b.id, b.item_id, b.base_quantity FROM engineering_bom b
        WHERE b.state <> 'draft' AND b.effective_from <= %(today)s
          AND (b.effective_to IS NULL OR b.effective_to > %(today)s)
          AND (b.plant_id IS NULL OR b.plant_id = %(plant)s)
        ORDER BY b.item_id, b.plant_id NULLS LAST
    )
    SELECT b.item_id AS parent, l.component_id AS part, l.is_fixed,
           row_number() OVER (PARTITION BY b.id ORDER BY l.position, l.id) AS place,
           trunc(l.quantity * 1000000) * trunc((100 + l.scrap_percent) * 1000000) AS top,
           CASE WHEN l.is_fixed THEN 100000000
                ELSE trunc(b.base_quantity * 1000000) * trunc(coalesce(p.yield_percent, 100) * 1000000) END AS bottom,
           power(10::numeric, 6 - u.places)::bigint AS step
    FROM bom b JOIN engineering_bomline l ON l.bom_id = b.id
    JOIN items_item i ON i.id = l.component_id AND i.kind <> 'service' JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN items_itemplant p ON p.item_id = b.item_id AND p.plant_id = %(plant)s
    WHERE (l.valid_from IS NULL OR l.valid_from <= %(today)s) AND (l.valid_to IS NULL OR l.valid_to > %(today)s)
"""
_LEVELS = """
    CREATE TEMP TABLE hand_level ON COMMIT DROP AS
    WITH RECURSIVE down (item, level) AS (
        SELECT DISTINCT parent, 0 FROM hand_need
        UNION
        SELECT n.part, d.level + 1 FROM down d JOIN hand_need n ON n.parent = d.item WHERE d.level < %(most)s
    )
    SELECT item, max(level) AS level FROM down GROUP BY item
"""
_ITEMS = """
    CREATE TEMP TABLE hand_item ON COMMIT DROP AS
    WITH source AS (
        SELECT DISTINCT ON (s.item_id) s.item_id, s.party_id, s.lead_time_days
        FROM purchasing_supplieritem s JOIN parties_party p ON p.id = s.party_id AND p.is_active AND NOT p.is_blocked
        WHERE s.valid_from <= %(today)s AND (s.valid_to IS NULL OR s.valid_to > %(today)s)
        ORDER BY s.item_id, s.is_preferred DESC, s.priority, s.price, s.id
    )
    SELECT i.id, i.code, CASE i.kind WHEN 'made' THEN 'make' ELSE 'buy' END AS kind, coalesce(l.level, 0) AS level,
           row_number() OVER (ORDER BY coalesce(l.level, 0), i.code COLLATE "C") AS place,
           coalesce(nullif(p.lead_time_days, 0), s.lead_time_days, 0) AS lead,
           trunc(coalesce(p.lot_minimum, 0) * 1000000)::bigint AS minimum,
           greatest(trunc(coalesce(p.lot_multiple, 0) * 1000000)::bigint, 1) AS multiple,
           trunc(coalesce(p.safety_stock, 0) * 1000000)::bigint AS safety, coalesce(p.safety_days, 0) AS safety_days,
           power(10::numeric, 6 - u.places)::bigint AS step, s.party_id AS supplier, p.id AS settings
    FROM items_item i JOIN company_unit u ON u.id = i.unit_id LEFT JOIN hand_level l ON l.item = i.id
    LEFT JOIN items_itemplant p ON p.item_id = i.id AND p.plant_id = %(plant)s
    LEFT JOIN source s ON s.item_id = i.id AND i.kind = 'bought'
    WHERE i.kind <> 'service'
"""
#: What is there and what is ordered; `low` to `high` is its place among all there is of the item.
_SUPPLY = """
    CREATE TEMP TABLE hand_supply ON COMMIT DROP AS
    SELECT *, coalesce(sum(quantity) OVER line - quantity, 0)::bigint AS low, (sum(quantity) OVER line)::bigint AS high,
           0 AS rank, greatest(day, %(today)s::date) AS ready, NULL::uuid AS root, NULL::int AS level
    FROM (
        SELECT gen_random_uuid() AS key, NULL::uuid AS record, b.item_id AS item, 'stock' AS kind,
               trunc(sum(b.on_hand) * 1000000)::bigint AS quantity, %(today)s::date AS day, %(today)s::date AS start,
               ''::text AS number
        FROM inventory_balance b LEFT JOIN inventory_lot l ON l.id = b.lot_id
        WHERE b.plant_id = %(plant)s AND b.owner_id IS NULL AND b.on_hand > 0 AND b.kind IN ('warehouse', 'zone', 'bin')
          AND (l.id IS NULL OR l.state = 'released') AND (l.expires_on IS NULL OR l.expires_on >= %(today)s)
        GROUP BY b.item_id
        UNION ALL
        SELECT o.id, o.id, o.item_id, 'firm', trunc(o.quantity * 1000000)::bigint, o.due_on,
               greatest(o.starts_on, (SELECT w.day FROM hand_day d JOIN hand_worked w ON w.n = d.after
                                      WHERE d.day = %(today)s)),
               coalesce(o.number, '')
        FROM planning_plannedorder o WHERE o.plant_id = %(plant)s AND o.state = 'firm'
    ) found
    WINDOW line AS (PARTITION BY item ORDER BY kind <> 'stock', day, number COLLATE "C", record)
"""
_DEMAND = """
    CREATE TEMP TABLE hand_demand ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY due, number COLLATE "C", record, line) AS no, found.*
    FROM (
        SELECT l.item_id AS item, trunc(l.open_quantity * 1000000)::bigint AS quantity,
               coalesce(l.promised_on, l.wanted_on, o.ordered_on) AS due,
               CASE o.priority WHEN 'urgent' THEN 0 ELSE 1 END AS rank, 'sales.order'::text AS noun, o.id AS record,
               l.id AS line, NULL::uuid AS parent, coalesce(o.number, '') AS number
        FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
        WHERE l.plant_id = %(plant)s AND l.open_quantity > 0 AND o.state IN ('confirmed', 'partly_shipped')
    ) found
"""
_PEG = """
    CREATE TEMP TABLE hand_peg (
        no bigint GENERATED ALWAYS AS IDENTITY, level int, place bigint, supply uuid, demand bigint, quantity bigint
    ) ON COMMIT DROP
"""
_MISSING = """
    CREATE TEMP TABLE hand_missing (
        item uuid, day date, rank int, demand bigint, quantity bigint, low bigint, high bigint
    ) ON COMMIT DROP
"""

# --- one level ----------------------------------------------------------------------------------------------

_SAFETY = """
    INSERT INTO hand_demand (no, item, quantity, due, rank, noun, record)
    WITH own AS (
        SELECT i.id, i.place, i.safety, i.settings, coalesce(s.quantity, 0) AS stock
        FROM hand_item i LEFT JOIN hand_supply s ON s.item = i.id AND s.kind = 'stock'
        WHERE i.level = %(level)s AND i.safety > 0
    ), change AS (
        SELECT item, greatest(day, %(today)s::date) AS day, quantity FROM hand_supply WHERE kind <> 'stock'
        UNION ALL SELECT item, greatest(due, %(today)s::date), -quantity FROM hand_demand
    ), ebb AS (
        SELECT o.id, c.day, o.stock + sum(sum(c.quantity)) OVER (PARTITION BY o.id ORDER BY c.day) AS rest
        FROM own o JOIN change c ON c.item = o.id GROUP BY o.id, o.stock, c.day
    )
    SELECT (SELECT max(no) FROM hand_demand) + row_number() OVER (ORDER BY o.place), o.id, o.safety,
           CASE WHEN o.stock < o.safety THEN %(today)s::date ELSE coalesce(min(e.day), %(today)s::date) END,
           9, 'items.item_plant', o.settings
    FROM own o LEFT JOIN ebb e ON e.id = o.id AND e.rest < o.safety
    GROUP BY o.id, o.place, o.safety, o.stock, o.settings
"""
_SERVE = """
    WITH wanted AS MATERIALIZED (
        SELECT d.no, d.item, d.quantity, d.due, d.rank, i.place, sum(d.quantity) OVER (
                   PARTITION BY d.item ORDER BY d.rank, d.due, d.no) AS high
        FROM hand_demand d JOIN hand_item i ON i.id = d.item AND i.level = %(level)s
    ), served AS (
        INSERT INTO hand_peg (level, place, supply, demand, quantity)
        SELECT %(level)s, w.place, s.key, w.no, least(s.high, w.high) - greatest(s.low, w.high - w.quantity)
        FROM wanted w JOIN hand_supply s ON s.item = w.item AND s.low < w.high AND s.high > w.high - w.quantity
        ORDER BY w.place, w.high, s.high
    )
    INSERT INTO hand_missing
    SELECT item, day, rank, no, open, sum(open) OVER line - open, sum(open) OVER line
    FROM (
        SELECT w.item, greatest(w.due, %(today)s::date) AS day, w.rank, w.no,
               least(w.quantity, w.high - coalesce(t.there, 0)) AS open
        FROM wanted w LEFT JOIN (SELECT item, sum(quantity) AS there FROM hand_supply GROUP BY item) t USING (item)
    ) short
    WHERE open > 0
    WINDOW line AS (PARTITION BY item ORDER BY day, rank, no)
"""
#: Day by day, what a lot has over serving the following days.
_ORDER = """
    INSERT INTO hand_supply (key, item, kind, quantity, day, start, number, low, high, ready, level)
    WITH RECURSIVE short AS MATERIALIZED (
        SELECT m.item, m.day, sum(m.quantity) AS net, row_number() OVER (PARTITION BY m.item ORDER BY m.day) AS n,
               i.minimum, i.multiple, i.step
        FROM hand_missing m JOIN hand_item i ON i.id = m.item GROUP BY m.item, m.day, i.minimum, i.multiple, i.step
    ), lot (item, n, day, size, rest) AS (
        SELECT item, n, day, size, size - net FROM short, LATERAL (SELECT
            div(div(greatest(net, minimum) + multiple - 1, multiple) * multiple + step - 1, step) * step AS size) l
        WHERE n = 1
        UNION ALL
        SELECT s.item, s.n, s.day, l.size, p.rest + l.size - s.net
        FROM lot p JOIN short s ON s.item = p.item AND s.n = p.n + 1, LATERAL (SELECT CASE WHEN s.net <= p.rest THEN 0
            ELSE div(div(greatest(s.net - p.rest, s.minimum) + s.multiple - 1, s.multiple) * s.multiple + s.step - 1,
                     s.step) * s.step END AS size) l
    )
    SELECT (%(first)s || lpad(to_hex(%(level)s * 16777216 + row_number() OVER (ORDER BY i.place, l.day)), 8, '0')
           )::uuid,
           l.item, 'planned', l.size, w.due, w.start, '', sum(l.size) OVER line - l.size,
           sum(l.size) OVER line, w.due, %(level)s
    FROM lot l JOIN hand_item i ON i.id = l.item JOIN hand_day d ON d.day = l.day
    JOIN hand_worked due ON due.n = d.before - i.safety_days
    JOIN hand_worked start ON start.n = d.before - i.safety_days - i.lead
    JOIN hand_day t ON t.day = %(today)s JOIN hand_worked first ON first.n = t.after
    JOIN hand_worked soonest ON soonest.n = t.after + i.lead,
    LATERAL (SELECT CASE WHEN start.day < first.day THEN first.day ELSE start.day END AS start,
                    CASE WHEN start.day < first.day THEN soonest.day ELSE due.day END AS due) w
    WHERE l.size > 0
    WINDOW line AS (PARTITION BY l.item ORDER BY l.day)
"""
_PEG_ORDERS = """
    INSERT INTO hand_peg (level, place, supply, demand, quantity)
    SELECT %(level)s, i.place, s.key, m.demand, least(s.high, m.high) - greatest(s.low, m.low)
    FROM hand_missing m JOIN hand_item i ON i.id = m.item
    JOIN hand_supply s ON s.item = m.item AND s.kind = 'planned' AND s.low < m.high AND s.high > m.low
    ORDER BY i.place, s.high, m.high
"""
#: Orders have the rank of the first they serve.
_RANK = """
    UPDATE hand_supply s SET rank = coalesce(p.rank, 1), level = %(level)s
    FROM hand_supply o JOIN hand_item i ON i.id = o.item AND i.level = %(level)s AND o.kind <> 'stock'
    LEFT JOIN (SELECT p.supply, min(d.rank) AS rank FROM hand_peg p JOIN hand_demand d ON d.no = p.demand
               WHERE p.level = %(level)s GROUP BY p.supply) p ON p.supply = o.key
    WHERE s.key = o.key
"""
_EXPLODE = """
    INSERT INTO hand_demand (no, item, quantity, due, rank, noun, record, parent)
    SELECT (SELECT max(no) FROM hand_demand) + row_number() OVER (
               ORDER BY i.place, s.kind <> 'planned', s.high, n.place),
           n.part,
           div(n.top * CASE WHEN n.is_fixed THEN 1 ELSE s.quantity END + n.bottom * n.step - 1, n.bottom * n.step)
               * n.step,
           s.start, s.rank, 'planning.planned_order', s.key, s.key
    FROM hand_supply s JOIN hand_item i ON i.id = s.item AND i.level = %(level)s
    JOIN hand_need n ON n.parent = s.item WHERE s.kind <> 'stock'
"""

# --- when things are really there, deepest parts first ------------------------------------------------------

_READY = """
    WITH held AS (
        SELECT DISTINCT ON (d.parent) d.parent, p.ready, p.root
        FROM hand_demand d JOIN hand_peg g ON g.demand = d.no
        JOIN (SELECT key, ready, coalesce(root, key) AS root FROM hand_supply) p ON p.key = g.supply
        JOIN hand_supply o ON o.key = d.parent AND o.level = %(level)s
        ORDER BY d.parent, p.ready DESC, g.place DESC, g.no DESC
    )
    UPDATE hand_supply s SET root = h.root, ready = greatest(s.ready, w.day)
    FROM held h JOIN hand_day d ON d.day = h.ready JOIN hand_supply o ON o.key = h.parent
    JOIN hand_item i ON i.id = o.item JOIN hand_worked w ON w.n = d.after + i.lead
    WHERE s.key = h.parent AND h.ready > s.start
"""

# --- writing ------------------------------------------------------------------------------------------------

_WRITE_ORDERS = """
    INSERT INTO planning_plannedorder (
        id, version, created_at, changed_at, created_by_id, changed_by_id, plant_id, run_id, item_id, kind, quantity,
        starts_on, due_on, ready_on, supplier_id, priority, state, result_noun
    )
    SELECT s.key, 1, now(), now(), %(user)s, %(user)s, %(plant)s, %(run)s, s.item, i.kind, s.quantity / 1000000.0,
           s.start, s.day, s.ready, CASE i.kind WHEN 'buy' THEN i.supplier END,
           CASE s.rank WHEN 0 THEN 'urgent' WHEN 1 THEN 'normal' ELSE 'safety' END, 'planned', ''
    FROM hand_supply s JOIN hand_item i ON i.id = s.item WHERE s.kind = 'planned' ORDER BY s.key
"""
_WRITE_PEGS = """
    INSERT INTO planning_peg (
        run_id, id, supply_noun, supply, supply_on, item_id, quantity, demand_noun, demand, demand_line, demand_on,
        priority
    )
    SELECT %(run)s, (%(first)s || lpad(to_hex(g.no), 8, '0'))::uuid,
           CASE s.kind WHEN 'stock' THEN 'inventory.balance' ELSE 'planning.planned_order' END,
           CASE WHEN s.kind <> 'stock' THEN s.key END, s.ready, d.item, g.quantity / 1000000.0, d.noun, d.record,
           d.line, d.due, CASE d.rank WHEN 0 THEN 'urgent' WHEN 1 THEN 'normal' ELSE 'safety' END
    FROM hand_peg g JOIN hand_supply s ON s.key = g.supply JOIN hand_demand d ON d.no = g.demand
    ORDER BY g.no
"""
_TOLD = """
    CREATE TEMP TABLE hand_message ON COMMIT DROP AS
    WITH last AS (
        SELECT DISTINCT ON (g.demand) g.demand, s.key AS supply, s.kind, s.ready, coalesce(s.root, s.key) AS root
        FROM hand_peg g JOIN hand_demand d ON d.no = g.demand AND d.parent IS NULL
        JOIN hand_supply s ON s.key = g.supply
        ORDER BY g.demand, s.ready DESC, g.no
    ), found AS (
        SELECT d.*, l.supply, l.kind AS supply_kind, l.ready, l.root, CASE WHEN d.rank = 9 THEN 'below_safety'
                   WHEN l.ready > %(today)s::date THEN 'late' ELSE 'past' END AS kind,
               CASE WHEN d.rank = 9 THEN %(today)s::date ELSE d.due END AS wanted,
               CASE WHEN d.rank = 9 THEN 0 ELSE l.ready - d.due END AS days,
               d.quantity - coalesce(t.stock, 0) AS short
        FROM last l JOIN hand_demand d ON d.no = l.demand
        LEFT JOIN (SELECT item, quantity AS stock FROM hand_supply WHERE kind = 'stock') t ON t.item = d.item
    )
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY days DESC, wanted, no) AS place FROM found
    WHERE CASE WHEN rank = 9 THEN short > 0 ELSE days > 0 END
"""
_WRITE_MESSAGES = """
    INSERT INTO planning_message (
        run_id, id, item_id, quantity, kind, day, wanted_on, days_late, supply_noun, supply, demand_noun, demand,
        demand_line, cause_item_id, text_zh, text_en, is_current
    )
    SELECT %(run)s, gen_random_uuid(), m.item, q.quantity, m.kind, m.ready, m.wanted, m.days,
           CASE m.supply_kind WHEN 'stock' THEN 'inventory.balance' ELSE 'planning.planned_order' END,
           CASE WHEN m.supply_kind <> 'stock' THEN m.supply END, m.noun, m.record, m.line,
           CASE WHEN m.kind <> 'below_safety' THEN c.id END,
           CASE m.kind
               WHEN 'below_safety' THEN format('%%s 的库存比安全库存少 %%s，最早 %%s 补足', i.code, q.plain, m.ready)
               WHEN 'past' THEN format('%%s 的 %%s 应于 %%s 交付，已过 %%s 天，有货未发',
                   m.number, i.code, m.wanted, m.days)
               ELSE format('%%s 的 %%s 最早 %%s 齐，晚 %%s 天，卡在 %%s：%%s',
                   m.number, i.code, m.ready, m.days, c.code,
                   CASE WHEN r.kind = 'stock' THEN '有库存，待发货'
                        WHEN r.kind = 'firm' THEN format('%%s 预计 %%s 到', r.number, r.ready)
                        WHEN c.kind = 'buy' THEN format('采购，%%s 下单 %%s 到', r.start, r.ready)
                        ELSE format('生产，%%s 开工 %%s 完成', r.start, r.ready) END) END,
           CASE m.kind
               WHEN 'below_safety' THEN format('Stock of %%s is %%s below its safety stock, refilled on %%s at best',
                   i.code, q.plain, m.ready)
               WHEN 'past' THEN format('%%s: %%s was wanted on %%s, %%s days ago; it is there and has not gone out',
                   m.number, i.code, m.wanted, m.days)
               ELSE format('%%s: %%s comes on %%s at the earliest, %%s days late; held up by %%s: %%s',
                   m.number, i.code, m.ready, m.days, c.code,
                   CASE WHEN r.kind = 'stock' THEN 'in stock, to be shipped'
                        WHEN r.kind = 'firm' THEN format('%%s is expected on %%s', r.number, r.ready)
                        WHEN c.kind = 'buy' THEN format('to be bought, ordered on %%s, there on %%s', r.start, r.ready)
                        ELSE format('to be made, started on %%s, done on %%s', r.start, r.ready) END) END,
           true
    FROM hand_message m JOIN hand_item i ON i.id = m.item
    JOIN hand_supply r ON r.key = m.root JOIN hand_item c ON c.id = r.item,
    LATERAL (SELECT n AS quantity, trim_scale(n) AS plain FROM (
        SELECT CASE m.kind WHEN 'below_safety' THEN m.short ELSE m.quantity END / 1000000.0 AS n) one) q
    WHERE m.place <= %(kept)s
"""
_WRITE_RUN = """
    INSERT INTO planning_run (
        id, version, created_at, changed_at, created_by_id, changed_by_id, number, plant_id, planned_at, planned_on,
        is_trial, is_current, rush, order_count, new_count, changed_count, gone_count, message_count, untold_count,
        late_count, fingerprint
    )
    SELECT %(run)s, 1, now(), now(), %(user)s, %(user)s, %(number)s, %(plant)s, now(), %(today)s, false, true, '{}',
           o.n, o.n, 0, 0, m.told, m.found - m.told, m.late, ''
    FROM (SELECT count(*) AS n FROM hand_supply WHERE kind = 'planned') o,
         (SELECT count(*) FILTER (WHERE place <= %(kept)s) AS told, count(*) AS found,
                 count(*) FILTER (WHERE kind <> 'below_safety') AS late FROM hand_message) m
    RETURNING order_count, late_count
"""


def make_plan(bare: Bare, user: UUID, plant: UUID, today: date) -> UUID:
    """Plan a plant that has no plan yet in one transaction, by one client's key; give the run.

    Raises: RuntimeError where something is there that the hand-written plan does not know, or a structure is a circle
    Writes: the run, planned orders, pegs, messages, number, audit, outbox, the answer under the key
    """
    with bare.held.transaction():
        key, run = bare.begin(user, "planning.run.plan"), new_id()
        given = {"plant": plant, "today": today, "user": user, "run": run, "most": MOST_LEVELS}
        given |= {"kept": MOST_OF_A_KIND, "first": str(run)[:-8]}
        bare.run("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL default_statistics_target = 10")
        bare.run("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", 0x4D525000, str(plant))
        (unknown,) = _one(bare, _UNKNOWN, given)
        if unknown:
            raise RuntimeError(f"the plan by hand does not know {unknown}")
        deepest = _lay_out(bare, given)
        for level in range(deepest + 1):
            _net(bare, given | {"level": level})
        for level in range(deepest, -1, -1):
            _run(bare, _READY, given | {"level": level})
        _write(bare, user, key, given)
    return run


def _lay_out(bare: Bare, given: dict[str, Any]) -> int:
    """Lay out days, structure, items, supply and demand in temporary tables; give the deepest level."""
    for statement in (_DAYS, _WORKED, _NEEDS, "ANALYZE hand_need", _LEVELS, _ITEMS, _SUPPLY, _DEMAND, _PEG, _MISSING):
        _run(bare, statement, given)
    for index in ("hand_item (id)", "hand_supply (key)", "hand_supply (item)", "hand_demand (no)", "hand_demand (item)",
                  "hand_day (day)", "hand_worked (n)", "hand_need (parent)"):  # fmt: skip
        bare.run(f"CREATE INDEX ON {index}")
    bare.run("ANALYZE hand_day, hand_worked, hand_need, hand_item, hand_supply, hand_demand")
    (deepest,) = bare.one("SELECT coalesce(max(level), 0) FROM hand_item")
    if deepest >= MOST_LEVELS:
        raise RuntimeError("an item is, by a way, its own component")
    return deepest


def _net(bare: Bare, given: dict[str, Any]) -> None:
    """Net the items of a level: stock and firm orders first, orders for what is missing, their parts wanted."""
    for statement in (
        _SAFETY, _SERVE, "ANALYZE hand_missing", _ORDER, "ANALYZE hand_supply", _PEG_ORDERS, "ANALYZE hand_peg", _RANK,
        _EXPLODE, "ANALYZE hand_demand", "TRUNCATE hand_missing",
    ):  # fmt: skip
        _run(bare, statement, given)


def _write(bare: Bare, user: UUID, key: UUID, given: dict[str, Any]) -> None:
    _run(bare, _WRITE_ORDERS, given)
    _run(bare, _WRITE_PEGS, given)
    _run(bare, _TOLD, given)
    _run(bare, _WRITE_MESSAGES, given)
    orders, late = _one(bare, _WRITE_RUN, given | {"number": bare.number("bare.run")})
    told = {"plant": str(given["plant"]), "planned_on": given["today"].isoformat(), "orders": orders, "new": orders,
            "changed": 0, "gone": 0, "late": late}  # fmt: skip
    bare.end(user, key, "planning.run.plan", given["run"], "planning.planned", told)


def _run(bare: Bare, sql: str, given: dict[str, Any]) -> None:
    bare.count += 1
    bare.cursor.execute(sql, given if "%(" in sql else None)


def _one(bare: Bare, sql: str, given: dict[str, Any]) -> tuple:
    _run(bare, sql, given)
    return bare.cursor.fetchone()
