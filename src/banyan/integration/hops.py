"""Events that go in a circle: an event leads to a command of ours, which tells the same event again.

Each transaction in which the bus runs a command for an event notes over how many flows that event had come. What it
tells is found by the transaction's number, and so the circle is seen and ends: after MOST flows in a row the message is
kept dead, reason `loop`. What listeners of ours tell after the commit begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.lib.labels import L

MOST = 10
#: The numbers of transactions begin again where a database is set up from a copy: an old note is not believed.
KEPT = timedelta(hours=12)

_NOTED = "SELECT xid, hops FROM integration_hop WHERE xid = ANY(%s) AND at > %s"
_OF_SOURCES = """
    SELECT m.id, h.hops FROM integration_message m
    JOIN kernel_outbox o ON o.id = left(m.source, 36)::uuid JOIN integration_hop h ON h.xid = o.xid
    WHERE m.id = ANY(%s) AND h.at > o.at - %s::interval
"""
_NOTE = """
    WITH old AS (DELETE FROM integration_hop WHERE xid = ANY(ARRAY(
        SELECT xid FROM integration_hop WHERE at < %(now)s::timestamptz - 2 * %(kept)s::interval LIMIT 10)))
    INSERT INTO integration_hop (xid, hops, at) VALUES (banyan_xid(), %(hops)s, %(now)s)
    ON CONFLICT (xid) DO UPDATE SET hops = greatest(integration_hop.hops, excluded.hops), at = excluded.at
"""


def looping(rows: Sequence[Any]) -> frozenset[UUID]:
    """Give the events, of outbox rows, that have come over as many flows as may be. One statement."""
    if not rows:
        return frozenset()
    noted = dict(db.rows(_NOTED, [list({row.xid for row in rows}), min(row.at for row in rows) - KEPT]))
    return frozenset(row.pk for row in rows if noted.get(row.xid, 0) >= MOST)


def of_messages(messages: Sequence[UUID]) -> dict[UUID, int]:
    """Give over how many flows the events of messages had come; those not named are the first of theirs."""
    return dict(db.rows(_OF_SOURCES, [list(messages), KEPT]))


def note(hops: int, now: datetime) -> None:
    """Note over how many flows what this transaction tells has come. Writes: a row, kept for a day"""
    db.run(_NOTE, {"hops": min(hops, 1_000), "now": now, "kept": KEPT})


def said(flow: str) -> str:
    """Say in both languages why a message is not carried."""
    label = L(
        "循环：这个事件是集成流自己的命令引起的，已连续经过 {n} 个流（{flow} 为最后一个），到此停止。"
        "请给流加上过滤条件，使它不再被自己引起的事件触发，然后放弃这条消息",
        "A loop: this event came of the command of a flow, over {n} flows in a row ({flow} the last), and stops here. "
        "Give the flow a filter that its own events do not pass, then give this message up",
    ).filled({"n": MOST, "flow": flow})  # fmt: skip
    return f"{label.zh}\n{label.en}"
