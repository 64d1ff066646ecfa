"""What the dialogs of lots offer at first: the usual reasons, one tap each; any other is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L

#: Why lots are held, or judged bad, as a rule.
STOP_REASONS = (
    L("检验不合格", "Failed inspection"), L("客户投诉", "Customer’s complaint"), L("供应商通知", "Supplier’s notice"),
    L("混料或标识错误", "Mixed up or wrongly labelled"), L("设备或参数异常", "Machine or settings went wrong"),
)  # fmt: skip
RELEASE_REASONS = (
    L("复检合格", "Passed at a second look"), L("让步接收", "Accepted as it is"), L("误冻结", "Held by mistake"),
)  # fmt: skip


@answers("inventory.lot.hold.start")
def hold(ctx: Context, lots: Sequence[UUID]) -> dict[str, Any]:
    """Offer why lots are held as a rule."""
    return {"_usual": {"reason": STOP_REASONS}}


@answers("inventory.lot.reject.start")
def reject(ctx: Context, lots: Sequence[UUID]) -> dict[str, Any]:
    """Offer why lots are judged bad as a rule."""
    return {"_usual": {"reason": STOP_REASONS}}


@answers("inventory.lot.release.start")
def release(ctx: Context, lots: Sequence[UUID]) -> dict[str, Any]:
    """Offer why lots are released as a rule."""
    return {"_usual": {"reason": RELEASE_REASONS}}
