"""What has happened to proposals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class ProposalMade(Event):
    """A card was closed and engineering has something to decide; standard is none where nothing was released."""

    type = "proposals.proposal_made"
    noun = "proposals.proposal"
    label = L("工程建议已提出", "Proposal made")
    help = L(
        "临时工艺卡已结束，有内容待工程决定；原先没有已发布的版本时 `standard_amount` 为空",
        "A card was closed and engineering has something to decide; `standard_amount` is none where nothing was "
        "released",
    )

    work_order: UUID
    plant: UUID
    item: UUID | None
    part_name: str
    actual_amount: Decimal
    standard_amount: Decimal | None


@dataclass(frozen=True)
class ProposalApplied(Event):
    """The accepted lines became drafts of engineering."""

    type = "proposals.proposal_applied"
    noun = "proposals.proposal"
    label = L("工程建议已生成草稿", "Proposal applied")
    help = L("接受的行已成为工程草稿", "The accepted lines became drafts of engineering")

    item: UUID
    bom: UUID | None
    routing: UUID | None
