"""What the dialog of decisions is filled with at first: every open line, accepted as proposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.modules.proposals.models import ProposalLine

NOUN = "proposals.proposal"


@answers("proposals.proposal.decide.start")
def decide(ctx: Context, proposals: Sequence[UUID]) -> dict[str, Any]:
    """Give a row for each line of one proposal that makes a difference, with what is proposed."""
    noun = registry.noun(NOUN)
    if len(proposals) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    if not reading.read_records(ctx, noun, proposals, expand=False):
        return {}
    lines = ProposalLine.objects.filter(proposal=proposals[0]).exclude(change="same").order_by("position")
    return {
        "lines": [
            {
                "line": line.pk, "decision": "rejected" if line.decision == "rejected" else "accepted",
                "quantity": None if line.part == "item" else line.quantity, "work_centre": line.work_centre_id,
                "code": line.code if line.part == "item" else "", "name": line.name if line.part != "bom" else "",
                "reason": line.reason,
            }
            for line in lines
        ]
    }  # fmt: skip
