"""Keeping a deviation: who changed what on an order at work, when and why, as it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import plain
from banyan.modules.production import queries
from banyan.modules.production.models import Deviation, Material, Operation, WorkOrder

#: Deviations by which an order is made otherwise than it was released: those who run the shop by it must hear.
MADE_OTHERWISE = frozenset({"quantity", "split", "add_operation", "skip", "reorder", "reroute", "revision"})


def note(
    ctx: Context,
    order: WorkOrder,
    kind: str,
    reason: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    operation: Operation | None = None,
    material: Material | None = None,
    other: tuple[str, UUID] | None = None,
) -> Deviation:
    """Write the record of a deviation, after what it changed. Takes: other: the (noun, id) that came of it.

    Writes: the deviation; tells WorkChanged where the order is made otherwise
    """
    made = Deviation(
        id=new_id(), work_order=order, plant_id=order.plant_id, kind=kind, reason=reason[:255],
        before=_plain(before or {}), after=_plain(after or {}), operation=operation, material=material,
        other_noun=other[0] if other else "", other=other[1] if other else None, person_id=ctx.person, at=ctx.now,
    )  # fmt: skip
    made.save(force_insert=True)
    if kind in MADE_OTHERWISE:
        tell(queries.changed(order, kind, made.reason))
    return made


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return [_value(one) for one in value]
    if isinstance(value, Mapping):
        return _plain(value)
    return value if value is None or isinstance(value, (bool, int)) else str(value)
