"""What must never be false of items."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_ABOVE_ITSELF = """
    WITH RECURSIVE above AS (
        SELECT id, parent_id FROM items_category WHERE parent_id IS NOT NULL
        UNION
        SELECT a.id, c.parent_id FROM above a JOIN items_category c ON c.id = a.parent_id
        WHERE c.parent_id IS NOT NULL
    )
    SELECT c.id, c.code FROM above a JOIN items_category c ON c.id = a.id WHERE a.parent_id = a.id
"""

_OWN_UNIT_NOT_ONE = """
    SELECT i.id, i.code, iu.numerator, iu.denominator
    FROM items_itemunit iu JOIN items_item i ON i.id = iu.item_id AND i.unit_id = iu.unit_id
    WHERE iu.numerator <> iu.denominator
"""


@proof("items.categories", L("物料类别层级没有循环", "No item category stands under itself"))
def categories_form_trees() -> Found:
    """Prove that parents never lead back to where one started."""
    return none_of(
        "items.category", counted="SELECT count(*) FROM items_category", faults=_ABOVE_ITSELF,
        text=L("类别 {1} 归属于自己", "category {1} stands under itself"),
    )  # fmt: skip


@proof("items.units", L("库存单位对自身的换算为一", "A stock unit is one of itself"))
def own_units_are_one() -> Found:
    """Prove that no item converts its stock unit to itself by another factor than one."""
    return none_of(
        "items.item", counted="SELECT count(*) FROM items_itemunit", faults=_OWN_UNIT_NOT_ONE,
        text=L("物料 {1} 把库存单位按 {2}/{3} 换算为自己", "item {1} converts its stock unit to itself by {2}/{3}"),
    )  # fmt: skip
