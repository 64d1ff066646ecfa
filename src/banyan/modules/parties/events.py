"""What has happened to a party."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event


@dataclass(frozen=True)
class PartyBlocked(Event):
    """No new documents with this party from now on."""

    type = "parties.party_blocked"
    noun = "parties.party"

    reason: str


@dataclass(frozen=True)
class PartyUnblocked(Event):
    """Documents with this party are possible again."""

    type = "parties.party_unblocked"
    noun = "parties.party"


@dataclass(frozen=True)
class PartyDeactivated(Event):
    """The party is no longer offered; listeners refuse while something with it is open."""

    type = "parties.party_deactivated"
    noun = "parties.party"
