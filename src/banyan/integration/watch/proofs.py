"""What must never be false of figures."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from banyan.integration.watch import minutes
from banyan.kernel import db
from banyan.kernel.proofs import SHOWN, Fault, Found, proof
from banyan.lib.labels import L

NOUN = "integration.flow"
_TRIES = "SELECT count(*) FROM integration_attempt WHERE at >= %(since)s::timestamptz AND at < %(until)s::timestamptz"


@proof("watch.minutes", L("每分钟的统计等于逐条计数", "The sums of each minute are those of its tries"))
def minutes_add_up() -> Found:
    """Prove that each minute's sums are what its tries come to, as long as minutes are kept."""
    until = minutes.begun(timezone.now()) + timedelta(hours=1)
    span = {"since": until - minutes.KEPT + timedelta(hours=2), "until": until}
    rows = db.rows(minutes.DIFFERENT, span)
    text = L("{at}Z：统计为 {said} 次，实际 {made} 次", "{at}Z: the sums say {said} tries, there were {made}")
    faults = (Fault(NOUN, str(flow), text.filled({"at": f"{minute:%Y-%m-%d %H:%M}", "said": said, "made": made}))
              for flow, minute, said, made in rows[:SHOWN])  # fmt: skip
    return Found(db.one(_TRIES, span)[0], tuple(faults), len(rows))
