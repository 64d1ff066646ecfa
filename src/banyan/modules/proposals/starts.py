"""What the dialog of decisions is filled with at first: every line that makes a difference, accepted as proposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label, plain
from banyan.modules.proposals.models import ProposalLine

NOUN = "proposals.proposal"
#: How a line is named where it is chosen.
NAMES = {
    "item": L("物料 {name}", "Item {name}"),
    "bom": L("用料 {code} {name}：{was} → {now}", "Material {code} {name}: {was} → {now}"),
    "routing": L("工序 {sequence} {name}：{was} → {now} 分钟", "Operation {sequence} {name}: {was} → {now} min"),
}
NEW = L("新", "new")


@answers("proposals.proposal.decide.start")
def decide(ctx: Context, proposals: Sequence[UUID]) -> dict[str, Any]:
    """Give a row for each line of one proposal that makes a difference, with what is proposed.

    Gives:  the rows; as choices all lines, each by what it is about and how much per piece it was and is to be
    """
    noun = registry.noun(NOUN)
    if len(proposals) != 1 or not ctx.may(noun.spec.permission("read")):
        return {}
    if not reading.read_records(ctx, noun, proposals, expand=False):
        return {}
    lines = list(ProposalLine.objects.filter(proposal=proposals[0]).order_by("position"))
    return {
        "_choices": {"line": [(line.pk, str(_named(line))) for line in lines]},
        "lines": [
            {
                "line": line.pk, "decision": "rejected" if line.decision == "rejected" else "accepted",
                "quantity": None if line.part == "item" else line.quantity,
                "sequence": None if line.change == "unused" else line.sequence, "work_centre": line.work_centre_id,
                "code": line.code if line.part == "item" else "", "name": line.name if line.part != "bom" else "",
                "reason": line.reason,
            }
            for line in lines if line.change != "same"
        ],
    }  # fmt: skip


def _named(line: ProposalLine) -> Label:
    was = NEW if line.released_quantity is None else plain(line.released_quantity)
    is_moved = line.released_sequence not in (None, line.sequence)
    sequence = f"{line.code}→{line.sequence}" if is_moved else line.sequence
    facts = {"code": line.code, "name": line.name, "sequence": sequence, "was": was, "now": plain(line.quantity)}
    return NAMES[line.part].filled(facts)
