"""What has happened to recalls."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class RecallBegun(Event):
    """A lot and what was made of it are recalled; `held` are the lots stopped by it, `customers` are to be told."""

    type = "trace.recall_begun"
    noun = "trace.recall"
    label = L("召回已发起", "Recall begun")
    help = L(
        "批次及由它制成的批次一并召回：`held` 为被冻结的批次，`customers` 为须通知的客户",
        "A lot and what was made of it are recalled: `held` are the lots stopped by it, `customers` are to be told",
    )

    lot: UUID = UUID(int=0)
    reason: str = ""
    held: tuple[UUID, ...] = ()
    customers: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class CustomerTold(Event):
    """A customer has been told of a recall."""

    type = "trace.customer_told"
    noun = "trace.recall"
    label = L("客户已获召回通知", "Customer told of a recall")

    party: UUID = UUID(int=0)


@dataclass(frozen=True)
class RecallClosed(Event):
    """A recall is done: every customer has been told."""

    type = "trace.recall_closed"
    noun = "trace.recall"
    label = L("召回已关闭", "Recall closed")
    help = L("须通知的客户都已通知", "Every customer who was to be told has been")

    conclusion: str = ""
