"""What must never be false of work centres and machines."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_WRONG_PLACE = """
    SELECT w.id, w.code, l.code FROM equipment_workcentre w JOIN inventory_location l ON l.id = w.line_side_id
    WHERE l.kind <> 'line_side' OR l.plant_id IS DISTINCT FROM w.plant_id
"""


@proof(
    "equipment.line_sides", L("线边库位属于本工厂", "Line sides are line-side locations of the same plant")
)
def line_sides_fit() -> Found:
    """Prove that every work centre takes its materials from a line side of its own plant."""
    return none_of(
        "equipment.work_centre",
        counted="SELECT count(*) FROM equipment_workcentre WHERE line_side_id IS NOT NULL",
        faults=_WRONG_PLACE, text=L("工作中心 {1} 的线边库是 {2}", "work centre {1} has {2} as its line side"),
    )  # fmt: skip
