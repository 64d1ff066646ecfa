"""What a factory's story begins from: who may sign in, who orders what."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

#: The password of every login of the demo factory; shown at the start, never used for a real one.
PASSWORD = "banyan-demo"
ROLES = (
    "worker", "leader", "planner", "warehouse", "sales", "accountant", "buyer", "quality", "boss", "admin",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A line of the customer's order; its price is that of the price list."""

    item: str
    quantity: Decimal
    in_days: int
    is_urgent: bool = False


@dataclass(frozen=True)
class Plot:
    """What differs between factories: who orders what, whose history is told, how much is carried out.

    Takes:  finished: the item whose history is told; scrap_reason: why a piece of a part is scrapped;
            whole_plan: everything that is planned becomes orders, else only what serves the customer, and
            safety stocks stay with the planner
    """

    customer: str
    lines: tuple[Wanted, ...]
    finished: str
    scrap_reason: str
    tax: Decimal = Decimal("13")
    whole_plan: bool = True
