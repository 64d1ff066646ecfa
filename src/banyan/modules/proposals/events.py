"""What has happened to proposals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class ProposalMade(Event):
    """A card was closed and engineering has something to decide; standard is none where nothing was released."""

    type = "proposals.proposal_made"
    noun = "proposals.proposal"

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

    item: UUID
    bom: UUID | None
    routing: UUID | None
