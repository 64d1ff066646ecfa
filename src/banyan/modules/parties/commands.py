"""What people do with a party besides writing it down: block, deactivate, and back."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Text, field
from banyan.lib.labels import L
from banyan.modules.parties.errors import AlreadyBlocked
from banyan.modules.parties.events import PartyBlocked, PartyDeactivated, PartyUnblocked
from banyan.modules.parties.models import Party


class Block(Input):
    """Why no new documents may be made with the party."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


@command(
    "parties.party.block",
    L("冻结", "Block"),
    input=Block,
    icon="lock",
    tone="orange",
    help=L("冻结后不能再下单、发货或付款", "A blocked party gets no orders, shipments or payments"),
)
def block_parties(ctx: Context, parties: Sequence[Party], data: Block) -> None:
    """Bar parties from new documents.

    Raises: AlreadyBlocked, so that the first reason is not overwritten
    Writes: the parties; tells PartyBlocked
    """
    for party in parties:
        if party.is_blocked:
            raise AlreadyBlocked(party=party.name, reason=party.block_reason)
        party.is_blocked, party.block_reason = True, data.reason
    tell(*(PartyBlocked(record=party.pk, reason=data.reason) for party in parties))


@command("parties.party.unblock", L("解除冻结", "Unblock"), icon="lock-open", tone="green")
def unblock_parties(ctx: Context, parties: Sequence[Party]) -> None:
    """Let documents be made with the parties again. Writes: the parties; tells PartyUnblocked."""
    freed = [party for party in parties if party.is_blocked]
    for party in freed:
        party.is_blocked, party.block_reason = False, ""
    tell(*(PartyUnblocked(record=party.pk) for party in freed))


@command("parties.party.deactivate", L("停用", "Deactivate"), icon="archive", tone="orange")
def deactivate_parties(ctx: Context, parties: Sequence[Party]) -> None:
    """Take parties out of use; their records stay. Writes: the parties; tells PartyDeactivated."""
    for party in parties:
        party.is_active = False
    tell(*(PartyDeactivated(record=party.pk) for party in parties))


@command("parties.party.activate", L("启用", "Activate"), icon="archive-off", tone="green")
def activate_parties(ctx: Context, parties: Sequence[Party]) -> None:
    """Bring parties back into use."""
    for party in parties:
        party.is_active = True
