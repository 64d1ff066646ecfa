"""What cost runs add to the value of stock."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.money import round_money
from banyan.modules.inventory import errors
from banyan.modules.inventory.commands.books import Books, insert
from banyan.modules.inventory.events import StockRevalued
from banyan.modules.inventory.rules import Worth
from banyan.modules.inventory.values import ValueChange

_ENTRY = {
    "id": "uuid", "item_id": "uuid", "plant_id": "uuid", "quantity": "numeric", "amount": "numeric",
    "difference": "numeric", "kind": "text", "cost_run": "uuid", "moved_at": "timestamptz",
    "posted_at": "timestamptz",
}  # fmt: skip


def revalue(ctx: Context, cost_run: UUID, changes: Sequence[ValueChange]) -> None:
    """Add differences to the value of what is in stock now; nothing already posted is rewritten.

    Takes:  one change per item and plant, to the cent, up or down; the run's own id
    Raises: NoValueLeft where there is no stock to carry it, or less value than is taken
    Writes: value entries tagged with the run, stock value; locks supply and value by key; tells StockRevalued
    """
    changes = [change for change in changes if change.amount]
    if not changes:
        return
    books = Books(ctx)
    books.lock_worths([Worth((change.item, change.plant)) for change in changes])
    for change in changes:
        worth = books.worths[change.item, change.plant]
        after = worth.amount + round_money(change.amount)
        if not worth.quantity or after < 0:
            row = db.one("SELECT code FROM items_item WHERE id = %s", [change.item])
            raise errors.NoValueLeft(
                item=row[0] if row else change.item, value=worth.amount, amount=change.amount
            )
        worth.amount = after
    rows = [
        (new_id(), c.item, c.plant, 0, round_money(c.amount), 0, c.kind, cost_run, ctx.now, ctx.now)
        for c in changes
    ]
    books.write({"entries": insert("inventory_valueentry", _ENTRY, rows)})
    told = tuple((c.item, c.plant, round_money(c.amount), c.kind) for c in changes)
    tell(StockRevalued(record=cost_run, noun="finance.cost_run", changes=told))
