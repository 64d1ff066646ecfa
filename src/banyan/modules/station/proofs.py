"""What must never be false of stations."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_LOST = """
    SELECT k.id, k.said FROM station_keptact k
    WHERE k.state = 'booked' AND k.kind IN ('start', 'pause', 'report', 'undo') AND NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(k.body -> 'parts') p JOIN production_report r ON r.id = (p ->> 'id')::uuid)
    UNION ALL
    SELECT k.id, k.said FROM station_keptact k
    WHERE k.kind = 'use' AND (k.state = 'booked' OR k.state = 'open' AND k.code = 'station.booked_flagged')
      AND NOT EXISTS (SELECT 1 FROM production_materialissue i WHERE i.id = k.id)
      AND NOT EXISTS (SELECT 1 FROM production_materialdebt d WHERE d.id = k.id)
"""


@proof("station.kept_acts", L("已入账的工位报工都在账上", "Acts said to be booked stand in the ledger of reports"))
def booked_acts_stand() -> Found:
    """Prove that what a leader booked of kept acts is in the ledger."""
    return none_of(
        "station.kept_act",
        counted="SELECT count(*) FROM station_keptact WHERE state = 'booked'",
        faults=_LOST, text=L("操作 {1} 记为已入账，却没有报工", "act {1} is said to be booked and has no report"),
    )  # fmt: skip
