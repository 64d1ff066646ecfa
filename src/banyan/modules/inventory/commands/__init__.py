"""Every write of stock. Other modules call the plain functions inside a command of their own.

Call `link_lots` before `post_moves`, and `post_moves` once with everything that moves: it takes locks of
the ranks STOCK and COST, after which nothing lower may be locked.
"""

from banyan.modules.inventory.commands.counts import (
    cancel_counts,
    enter_counts,
    post_counts,
    start_counts,
)
from banyan.modules.inventory.commands.documents import (
    post_documents,
    prepare_documents,
    reverse_documents,
    transfer,
)
from banyan.modules.inventory.commands.locations import (
    ensure_standing,
    make_standing,
    prepare_item_locations,
    prepare_locations,
)
from banyan.modules.inventory.commands.lots import (
    hold_all,
    hold_lots,
    inherit_holds,
    link_lots,
    make_lots,
    prepare_lots,
    reject_lots,
    release_lots,
)
from banyan.modules.inventory.commands.moves import (
    Posted,
    first_open_day,
    lock_moves,
    period_is_open,
    post_moves,
    refuse_missing,
    reversals,
    reverse_moves,
)
from banyan.modules.inventory.commands.promises import (
    allocate,
    promise,
    promise_what_is_free,
    reallocate,
    release_promises,
)
from banyan.modules.inventory.commands.values import revalue

__all__ = [
    "Posted", "allocate", "cancel_counts", "ensure_standing", "enter_counts", "hold_all", "hold_lots",
    "inherit_holds", "link_lots", "lock_moves",
    "first_open_day", "make_lots", "make_standing", "period_is_open", "post_counts", "post_documents", "post_moves",
    "prepare_documents", "prepare_item_locations", "prepare_locations", "prepare_lots", "promise",
    "promise_what_is_free", "reallocate", "refuse_missing", "reject_lots", "release_lots", "release_promises",
    "reversals", "reverse_documents", "reverse_moves", "revalue", "start_counts", "transfer",
]  # fmt: skip
