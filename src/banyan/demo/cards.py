"""Temporary cards and an order changed while it is at work, in the demo factory after its story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from banyan.demo.acting import Cast
from banyan.kernel import db, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L

ORDER = "production.work_order"

#: Stock without lots that nobody has reserved, the most of it first.
_FREE = """
    SELECT b.item_id FROM inventory_balance b JOIN items_item i ON i.id = b.item_id
    JOIN inventory_location l ON l.id = b.location_id
    WHERE i.tracking = 'none' AND i.kind = 'bought' AND l.kind IN ('warehouse', 'zone', 'bin')
    GROUP BY b.item_id HAVING sum(b.on_hand - b.allocated) > 20 ORDER BY sum(b.on_hand - b.allocated) DESC, 1 LIMIT 2
"""
_STEPS = """
    SELECT name, work_centre_id FROM engineering_routingoperation
    WHERE work_centre_id IS NOT NULL AND NOT is_subcontracted GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 3
"""
_OPERATIONS = "SELECT id FROM production_operation WHERE work_order_id = %s ORDER BY sequence"
#: An item with a routing of three operations or more, to be made once more.
_MADE = """
    SELECT r.item_id FROM engineering_routing r JOIN engineering_routingoperation o ON o.routing_id = r.id
    WHERE r.state = 'released' GROUP BY r.id HAVING count(*) >= 3 ORDER BY count(*), r.item_id LIMIT 1
"""


def tell(cast: Cast) -> None:
    """Make two cards, finish one of them, so that engineering has a proposal; change an order at work."""
    cast.chapter("临时工艺卡与工单偏离：样件先做，工程再定；在制工单可改，处处留痕",
                 "Temporary cards and deviations: made first, decided by engineering; all changes kept")  # fmt: skip
    at = datetime.now(UTC) - timedelta(hours=26)
    steps = [{"name": name, "work_centre": str(centre)} for name, centre in db.rows(_STEPS)]
    said = cast.actors["leader"].language
    name = L("电机支架样件", "Motor bracket sample").in_(said)
    bracket = _do(cast, at, "make_card", part_name=name, quantity="2", operations=steps[:2])[0]
    items = [str(key) for (key,) in db.rows(_FREE)]
    _do(cast, at, "use_material", bracket.pk, lines=[{"item": key, "quantity": "2"} for key in items])
    for (operation,) in db.rows(_OPERATIONS, [bracket.pk]):
        one = {"id": str(new_id()), "operation": str(operation), "kind": "good", "quantity": "2", "minutes": "50"}
        _do(cast, at + timedelta(hours=2), "report", reports=[one])
    _do(cast, at + timedelta(hours=3), "finish_card", bracket.pk)
    _do(cast, at + timedelta(hours=4), "make_card", quantity="1", operations=steps[1:],
        part_name=L("试模压板", "Trial clamp").in_(said))  # fmt: skip
    changed = _changed_order(cast, at)
    (proposals, deviations) = db.one(
        "SELECT (SELECT count(*) FROM proposals_proposal), (SELECT count(*) FROM production_deviation)"
    )
    cast.fact("工程建议 {proposals} 个待定；工单 {number} 偏离 {deviations} 处",
              "Proposals to decide: {proposals}; deviations on {number}: {deviations}",
              proposals=proposals, number=changed, deviations=deviations)  # fmt: skip


def _changed_order(cast: Cast, at: datetime) -> str:
    """Release an order, and change it as a shop does: an operation more, less pieces."""
    found = db.one(_MADE)
    if found is None:
        return "—"
    (plant,) = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")
    planner = Context(cast.actors["planner"], now=at, plant=plant, through="story", program="story")
    due_on = f"{at + timedelta(days=9):%Y-%m-%d}"
    record = {"item": str(found[0]), "plant": str(plant), "quantity": "20", "due_on": due_on}
    made = execute(planner, registry.command(f"{ORDER}.create"), data={"records": [record]}).value[0]
    execute(planner, registry.command(f"{ORDER}.release"), ids=[made.pk], data={"check_kit": False})
    first, *_, last = (key for (key,) in db.rows(_OPERATIONS, [made.pk]))
    (sequence,) = db.one("SELECT sequence FROM production_operation WHERE id = %s", [first])
    said = {"id": str(new_id()), "operation": str(first), "kind": "good", "quantity": "6", "minutes": "90"}
    _do(cast, at + timedelta(hours=1), "report", reports=[said])
    name = L("去毛刺", "Deburring").in_(cast.actors["leader"].language)
    _do(cast, at + timedelta(hours=2), "add_operation", made.pk, sequence=sequence + 1, after=[sequence],
        name=name, run_minutes="1.5", reason="毛刺超差")  # fmt: skip
    _do(cast, at + timedelta(hours=3), "change_quantity", made.pk, quantity="16", reason="客户减单")
    _do(cast, at + timedelta(hours=4), "skip_operation", made.pk, operation=str(last), reason="客户到厂验收")
    (number,) = db.one("SELECT number FROM production_workorder WHERE id = %s", [made.pk])
    return number


def _do(cast: Cast, at: datetime, what: str, *ids: UUID, **data: Any) -> Any:
    (plant,) = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")
    ctx = Context(cast.actors["leader"], now=at, plant=plant, through="story", program="story")
    return execute(ctx, registry.command(f"{ORDER}.{what}"), ids=ids, data=data or None).value
