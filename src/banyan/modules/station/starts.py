"""Where a scanned label leads somebody who works at it, and what dialogs are filled with."""

from __future__ import annotations

from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.registry import answers


@answers("production.operation.go")
def operation(ctx: Context, key: UUID) -> str:
    """Give the report page of an operation to a worker; others see its record."""
    return _at_station(ctx, "o", key)


@answers("production.work_order.go")
def work_order(ctx: Context, key: UUID) -> str:
    """Give the report page of an order's next operation to a worker; others see its record."""
    return _at_station(ctx, "w", key)


def _at_station(ctx: Context, short: str, key: UUID) -> str:
    who = ctx.principal
    is_worker = who.employee and who.may("production.work_order.report") and not who.may("production.work_order.change")
    return f"/station/#/go/{short}/{key}" if is_worker else ""
