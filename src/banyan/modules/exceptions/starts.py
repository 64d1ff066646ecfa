"""What the call for help is filled in with: the operation at work where it is called from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.registry import answers

MOST = 12
_OPERATIONS = f"""
    SELECT o.id, w.number || ' · ' || o.sequence || ' ' || o.name, o.work_order_id = %(key)s
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    WHERE w.state IN ('released', 'running', 'completed') AND o.state IN ('open', 'running') AND (
        o.work_order_id = %(key)s OR o.id = %(key)s OR o.machine_id = %(key)s
        OR o.state = 'running' AND o.work_centre_id = (SELECT work_centre_id FROM equipment_machine WHERE id = %(key)s)
    )
    ORDER BY (o.started > 0) DESC, (o.state = 'running') DESC, w.due_on, o.sequence LIMIT {MOST}
"""


@answers("exceptions.exception.raise.start")
def call(ctx: Context, records: Sequence[UUID]) -> dict[str, Any]:
    """Give the operations to choose from, those that people are at first.

    Takes:  the order, operation, machine or lot that help is called from
    Gives:  on an order and an operation the first one is chosen; on a machine it may as well be none
    """
    found = db.rows(_OPERATIONS, {"key": records[0]}) if len(records) == 1 else []
    if not found:
        return {}
    named = [(key, text) for key, text, _ in found]
    is_chosen = found[0][2] or found[0][0] == records[0]
    return {"_choices": {"operation": named}} | ({"operation": named[0][0]} if is_chosen else {})
