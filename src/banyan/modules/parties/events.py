"""What has happened to a party."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class PartyBlocked(Event):
    """No new documents with this party from now on."""

    type = "parties.party_blocked"
    noun = "parties.party"
    label = L("往来单位已冻结", "Party blocked")
    help = L("从此不能与其新建单据", "No new documents with this party from now on")

    reason: str


@dataclass(frozen=True)
class PartyUnblocked(Event):
    """Documents with this party are possible again."""

    type = "parties.party_unblocked"
    noun = "parties.party"
    label = L("往来单位已解除冻结", "Party unblocked")
    help = L("又可以与其新建单据", "Documents with this party are possible again")


@dataclass(frozen=True)
class PartyDeactivated(Event):
    """The party is no longer offered; listeners refuse while something with it is open."""

    type = "parties.party_deactivated"
    noun = "parties.party"
    label = L("往来单位已停用", "Party deactivated")
    help = L("不再供选择", "The party is no longer offered")
