"""The kinds of location, and what each of them means for stock: the words that models and rules share."""

from __future__ import annotations

#: Where stock is ours and lies: counted in balances and in value.
OURS = ("warehouse", "zone", "bin", "line_side", "inspection", "rejected", "transit", "subcontractor")
#: The far ends of moves: nothing lies there, things come from or go there.
VIRTUAL = ("supplier", "customer", "production", "adjustment", "scrap")
#: Of ours, the places from which stock may be promised to a demand.
FREE = ("warehouse", "zone", "bin")
#: Where it may be used, though what lies at a line side must be fetched before it is issued or shipped.
USABLE = (*FREE, "line_side")
KINDS = OURS + VIRTUAL
#: One location of each of these is what documents use when nobody names another.
STANDING = (*VIRTUAL, "warehouse", "inspection", "rejected")
LOT_STATES = ("released", "held", "rejected")
#: A lot in one of these states may neither be issued nor shipped, and is not available.
STOPPED = ("held", "rejected")
