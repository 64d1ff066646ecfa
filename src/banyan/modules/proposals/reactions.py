"""A closed temporary card becomes a proposal in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.context import Context
from banyan.kernel.events import before_commit
from banyan.modules.production.events import WorkOrderClosed
from banyan.modules.proposals.making import propose


@before_commit(WorkOrderClosed)
def propose_what_was_done(ctx: Context, events: Sequence[WorkOrderClosed]) -> None:
    """Make a proposal of each temporary card that was closed."""
    for event in events:
        if event.kind == "temporary":
            propose(ctx, event)
