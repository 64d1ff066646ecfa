"""What the kernel proves of its own ledgers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from banyan.kernel import db
from banyan.kernel.proofs import Fault, Found, proof
from banyan.lib.ids import first_id
from banyan.lib.labels import L, Label

#: How long an event may wait for the dispatcher.
PATIENCE = timedelta(minutes=5)


@proof("kernel.outbox", L("事件均已投递，或在等待且有原因", "Events are delivered, or wait with a reason"))
def outbox_is_delivered() -> Found:
    """Name deliveries that are dead, and events that no dispatcher took up: passed over, or older than five minutes.

    An event's age is its key's, for its time is that of the act, which may be told later.
    """
    total = db.one("SELECT count(*) FROM kernel_outbox")[0]
    rows = db.rows(
        """
        SELECT o.id, o.type, d.listener, NULL FROM kernel_delivery d JOIN kernel_outbox o ON o.id = d.event_id
        WHERE d.state = 'dead'
        UNION ALL
        SELECT o.id, o.type, NULL, o.at FROM kernel_outbox o
        WHERE o.dispatched_at IS NULL
          AND (o.id < %s OR (SELECT max(x.dispatched_at) FROM kernel_outbox x WHERE x.seq > o.seq) IS NOT NULL)
        """,
        [first_id(datetime.now(UTC) - PATIENCE)],
    )
    faults = tuple(Fault("kernel.outbox", str(key), _why(*more)) for key, *more in rows[:20])
    return Found(total, faults, len(rows))


def _why(kind: str, listener: str | None, since: datetime | None) -> Label:
    if listener:
        return L(f"{kind}：{listener} 投递失败，已停", f"{kind}: dead for {listener}")
    return L(f"{kind}：自 {since} 起未被取走", f"{kind}: not taken up since {since}")

