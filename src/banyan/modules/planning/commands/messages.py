"""What people do about messages: let decided orders follow what a plan proposes."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel import locks
from banyan.kernel.commands import command, save
from banyan.kernel.context import Context
from banyan.lib.labels import L
from banyan.modules.planning.errors import NothingProposed
from banyan.modules.planning.models import Message, PlannedOrder
from banyan.modules.planning.queries import ORDER

#: What a plan proposes for orders that it leaves alone by itself.
PROPOSALS = ("expedite", "postpone", "surplus", "cancel")


@command(
    "planning.message.accept", L("接受建议", "Accept"), icon="check", tone="green", bumps=False,
    help=L("已确认的计划订单照建议改期、减少或松开", "Firm planned orders are moved, reduced or loosened"),
)  # fmt: skip
def accept_messages(ctx: Context, messages: Sequence[Message]) -> None:
    """Let firm planned orders follow what the current plan proposes.

    Raises: NothingProposed where a message proposes nothing, is of an old plan, or speaks of another order
    Writes: the planned orders, one that nobody needs is loosened and goes with the next run; the messages
            are current no more. Three statements
    """
    proposed = {m.supply for m in messages if m.supply_noun == ORDER and m.kind in PROPOSALS and m.is_current}
    orders = locks.lock(PlannedOrder, proposed)
    refused = [m for m in messages if m.supply not in orders or orders[m.supply].state != "firm"]
    if refused:
        raise NothingProposed(
            messages=L("；".join(m.text_zh for m in refused), "; ".join(m.text_en for m in refused))
        )
    for one in messages:
        _follow(orders[one.supply], one)
    save(ctx, list(orders.values()))
    Message.objects.filter(pk__in=[one.pk for one in messages]).update(is_current=False)


def _follow(order: PlannedOrder, proposal: Message) -> None:
    if proposal.kind == "cancel":
        order.state = "planned"
    elif proposal.kind == "surplus":
        order.quantity -= proposal.quantity
    else:
        order.starts_on += proposal.wanted_on - order.due_on
        order.due_on = proposal.wanted_on
        order.ready_on = max(order.ready_on, order.due_on)
