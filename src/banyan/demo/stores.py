"""Work that waits in the warehouse of the demo factory, so that a newcomer sees it on a phone at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from banyan.demo.acting import Cast, key_of
from banyan.kernel import db

#: Bought items that one supplier delivers and that lie in stock, each with how many are usual.
_BOUGHT = """
    SELECT DISTINCT ON (s.party_id) s.party_id, s.item_id, greatest(s.minimum_quantity, 10)
    FROM purchasing_supplieritem s JOIN items_item i ON i.id = s.item_id
    WHERE s.is_preferred AND i.kind = 'bought' AND i.is_active AND i.tracking = 'none'
      AND s.valid_from <= %(on)s AND (s.valid_to IS NULL OR s.valid_to > %(on)s)
      AND EXISTS (SELECT FROM inventory_balance b WHERE b.item_id = i.id AND b.plant_id = %(plant)s AND b.on_hand > 0)
    ORDER BY s.party_id, i.code LIMIT 2
"""
#: The bin with most kinds of things in it.
_FULL = """
    SELECT b.location_id FROM inventory_balance b WHERE b.plant_id = %s AND b.kind IN ('bin', 'warehouse')
      AND b.on_hand > 0 AND b.owner_id IS NULL
    GROUP BY b.location_id ORDER BY (min(b.kind) = 'bin') DESC, count(*) DESC, b.location_id LIMIT 1
"""


def tell(cast: Cast, plant: object, finished: str) -> None:
    """Leave goods to receive and to put away, an order to pick for and a bin to count."""
    cast.chapter("仓库：待收货、待上架、待拣料、待盘点", "Warehouse: to receive, to put away, to pick, to count")
    cast.now = max(cast.now, datetime.now(UTC) - timedelta(hours=20))
    orders = []
    for party, item, quantity in db.rows(_BOUGHT, {"plant": plant, "on": cast.now.date()}):
        line = dict(item=str(item), quantity=str(quantity))
        made = cast.do(
            "buyer", "purchasing.order.create", records=[dict(party=str(party), plant=str(plant), lines=[line])]
        )
        cast.do("buyer", "purchasing.order.order", made.ids)
        orders += made.ids
    if len(orders) > 1:
        cast.do("warehouse", "purchasing.order.receive", orders[1:])
    due = str((cast.now + timedelta(days=14)).date())
    row = dict(item=str(key_of("items.item", finished)), quantity="2", plant=str(plant), due_on=due)
    work = cast.do("planner", "production.work_order.create", records=[row]).ids
    cast.do("planner", "production.work_order.release", work, check_kit=False)
    (place,) = db.one(_FULL, [plant])
    row = dict(plant=str(plant), location=str(place), tolerance_percent="1")
    cast.do("warehouse", "inventory.count.create", records=[row])
    cast.fact("待收货 {open} 单，待上架 {gate} 单，待拣料 1 单，待盘点 1 处",
              "{open} orders to receive, {gate} to put away, 1 to pick for, 1 place to count",
              open=len(orders[:1]), gate=len(orders[1:]))  # fmt: skip
