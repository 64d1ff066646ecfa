"""Limits of single operations of a system: each has then a breaker and a bucket of its own, beside the system's.

`{"operations": [{"operation": "orders", "rate": 5, "burst": 10, "failures": 3}]}`. What goes to, or is read by, an
operation that is not named shares what the system has. What goes by a route is counted by the operation that the route
leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, model_validator

from banyan.kernel.schema import Input, Text, Wrong, field

MOST = 200


class OperationLimit(Input):
    """How one operation may be called."""

    operation: Annotated[Text, Field(min_length=1, max_length=120)] = field("操作", "Operation")
    rate: Decimal | None = field("每秒调用", "Calls per second", None, gt=0, le=1_000_000)
    burst: int = field("突发", "Burst", 50, ge=1, le=1_000_000)
    failures: int = field("连续失败几次熔断", "Failures that open the breaker", 10, ge=1, le=1_000_000)


class OwnLimits(Input):
    """Operations with limits of their own."""

    operations: list[OperationLimit] = field(
        "单独限制的操作", "Operations with limits of their own", default_factory=list, max_length=MOST
    )

    @model_validator(mode="after")
    def _once_each(self) -> OwnLimits:
        named = [one.operation for one in self.operations]
        if len(named) != len(set(named)):
            raise Wrong("同一个操作写了两次", "an operation is named twice", "operations")
        return self


def of_operation(limits: Mapping[str, Any], operation: str) -> Mapping[str, Any] | None:
    """Give the limits of an operation, None where it shares the system's."""
    return next((one for one in limits.get("operations", ()) if one["operation"] == operation), None)


def owns(operation: str) -> str:
    """Give the SQL that says whether an operation has limits of its own.

    Takes:  operation: SQL of its name, where `s` is its system
    """
    return f"s.limits -> 'operations' @> jsonb_build_array(jsonb_build_object('operation', {operation}))"


def gauge_of(operation: str) -> str:
    """Give the SQL of the name by which an operation's gauge is found: empty for the system's own."""
    return f"CASE WHEN {owns(operation)} THEN {operation} ELSE '' END"
