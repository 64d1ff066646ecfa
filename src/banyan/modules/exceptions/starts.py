"""What the call for help is filled in with: the operation at work where it is called from; calls of stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.kernel.registry import answers
from banyan.lib.labels import L, in_english
from banyan.modules.exceptions import queries
from banyan.modules.exceptions.commands.raising import CALLED_ON, raise_exception
from banyan.modules.exceptions.models import Category, ShopException
from banyan.modules.production.queries import OPERATION_NAME

MOST = 12
ON = {name: noun for noun, name in CALLED_ON}
_OPERATIONS = f"""
    SELECT o.id, w.number || ' · ' || o.sequence || ' ' || {OPERATION_NAME}, o.work_order_id = %(key)s
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
    WHERE w.state IN ('released', 'running', 'completed') AND o.state IN ('open', 'running') AND (
        o.work_order_id = %(key)s OR o.machine_id = %(key)s
        OR o.state = 'running' AND o.work_centre_id = (SELECT work_centre_id FROM equipment_machine WHERE id = %(key)s)
    )
    ORDER BY (o.started > 0) DESC, (o.state = 'running') DESC, w.due_on, o.sequence LIMIT {MOST}
"""


@answers("exceptions.exception.raise.start")
def call(ctx: Context, records: Sequence[UUID]) -> dict[str, Any]:
    """Give the operations to choose from, those that people are at first.

    Takes:  the order, operation, machine or lot that help is called from
    Gives:  on an order the first one is chosen; on a machine or lot it may as well be none. The others of order,
            operation, machine, lot and plant follow from where it is called: there is nothing to choose
    """
    places = queries.places(**{name: records[0] for name in ON}, plant=None) if len(records) == 1 else {}
    if len(places) != 1:
        return {}
    key, (on,) = records[0], places
    choices: dict[str, list[tuple[UUID, str]]] = {name: [] for name in (*ON, "plant")}
    choices[on] = [(key, titles(ON[on], [key])[key])]
    found = db.rows(_OPERATIONS, {"key": key, "english": in_english()})
    if on != "operation" and found:
        choices["operation"] = [(operation, text) for operation, text, _ in found]
    is_chosen = on != "operation" and found and found[0][2]
    return {"_choices": choices} | ({"operation": found[0][0]} if is_chosen else {})


@answers("station.act.help")
def called(ctx: Context, told: Mapping[str, Any]) -> dict[str, Any]:
    """Raise what was called at a station, maybe without a network a while ago; the same key is the same call."""
    known = ShopException.objects.filter(pk=told["id"], created_by_id=ctx.person).first()
    if known is None:
        call = {k: v for k, v in told["body"].items() if k in CALL and v}
        if not call.keys() & ON.keys():
            call["plant"] = ctx.plant
        (known,) = raise_exception(ctx, call | {"id": told["id"], "device_at": told["happened_at"]})
    return {"text": L("异常 {number}", "Exception {number}").filled({"number": known.number})}


CALL = ("category", "operation", "machine", "lot", "problem", "defect_reason")


@answers("station.day.help")
def categories(ctx: Context) -> list[dict[str, Any]] | None:
    """Give what help may be called for at a station, None to whom may not. One statement."""
    if not ctx.may(f"{queries.NOUN}.raise"):
        return None
    rows = Category.objects.filter(is_active=True).order_by("code")
    return list(rows.values("id", "code", "name", "name_en", "severity"))
