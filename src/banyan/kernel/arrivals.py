"""Where what comes in by a command is found again: told by whoever owns it, so that it can be compared with its source.

    arrives(Arrival(
        "channels.order.receive", noun="channels.order", key=("orders.0.number", "outside_number"),
        at=("orders.0.ordered_at", "ordered_at"), amount=("orders.0.total_amount", "total_amount"),
        within=("orders.0.shop", "shop", "channels.shop"),
    ))

Where nobody looks, nothing is lost: the nightly scan of the bus does (`banyan.integration.watch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a command makes of what comes in.

    Takes:  key, at, amount: a dotted path in the command's input, and the field of the noun that keeps it;
            within: path and field of the record it belongs to, dotted where that lies further off, and the noun of
            that, which is named by its code
    """

    command: str
    noun: str
    key: tuple[str, str]
    at: tuple[str, str]
    amount: tuple[str, str]
    within: tuple[str, str, str]


_known: dict[str, Arrival] = {}


def arrives(one: Arrival) -> None:
    """Register what comes of a command."""
    _known[one.command] = one


def arrivals() -> Mapping[str, Arrival]:
    """Give all, by command."""
    return dict(sorted(_known.items()))
