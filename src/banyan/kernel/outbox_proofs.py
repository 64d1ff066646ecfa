"""What the kernel proves of its own ledgers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from banyan.kernel import db
from banyan.kernel.proofs import Fault, Found, proof
from banyan.lib.ids import first_id
from banyan.lib.labels import L

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
        SELECT o.id, o.type, 'dead for ' || d.listener FROM kernel_delivery d JOIN kernel_outbox o ON o.id = d.event_id
        WHERE d.state = 'dead'
        UNION ALL
        SELECT o.id, o.type, 'not taken up since ' || o.at FROM kernel_outbox o
        WHERE o.dispatched_at IS NULL
          AND (o.id < %s OR (SELECT max(x.dispatched_at) FROM kernel_outbox x WHERE x.seq > o.seq) IS NOT NULL)
        """,
        [first_id(datetime.now(UTC) - PATIENCE)],
    )
    faults = tuple(Fault("kernel.outbox", str(r[0]), f"{r[1]}: {r[2]}") for r in rows[:20])
    return Found(total, faults, len(rows))

