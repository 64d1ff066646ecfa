"""From the spool to the server's webhook entrance: signed parcels of CloudEvents, oldest first, until they are kept."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from banyan.connectors.edge.spool import Kept, Spool
from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration.connecting import Failed
from banyan.integration.guard import Guard

log = logging.getLogger("banyan.edge")

#: What the server refuses for what it holds, not for when it comes: looked at one by one.
ABOUT_THE_BODY = frozenset({400, 413, 422})
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Forwarder:
    """Sends parcels one after the other.

    Takes:  secret: `whsec_…` as the server's system of kind webhook has it; clock: seconds since 1970
    """

    def __init__(
        self, spool: Spool, name: str, url: str, secret: str, *, most: int = 200, timeout: float = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._guard = Guard([f"{parts.hostname}:{port} inside"], timeout=timeout)
        self._spool, self._name, self._url, self._most, self._clock = spool, name, url, most, clock
        self._key = keys_of(secret)[0]
        self._wait = FIRST_WAIT

    def step(self) -> bool:
        """Send one parcel. Gives: whether it may go on at once; False: nothing waits, or the server is away."""
        parcel, readings = self._spool.parcel(self._most)
        if not readings:
            return False
        body = packed(self._name, readings)
        seconds = int(self._clock())
        headers = {
            "Content-Type": "application/cloudevents-batch+json; charset=utf-8",
            "webhook-id": parcel,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(self._key, parcel, seconds, body),
        }
        try:
            answer = self._guard.request("POST", self._url, headers=headers, body=body)
        except Failed as fault:
            return self._later(fault.text)
        if answer.is_ok:
            self._spool.sent(parcel)
            self._wait = FIRST_WAIT
            return True
        if answer.status in ABOUT_THE_BODY:
            self._spool.split(parcel, f"HTTP {answer.status}: {answer.body[:300].decode(errors='replace')}")
            log.warning("the server refuses %d readings: HTTP %d", len(readings), answer.status)
            return True
        return self._later(f"HTTP {answer.status}")

    def run(self, stop: threading.Event) -> None:
        """Send whatever waits until told to stop."""
        while not stop.is_set():
            if not self.step():
                stop.wait(self._wait * random.uniform(0.8, 1.2) if self._wait > FIRST_WAIT else 0.2)

    def _later(self, why: str) -> bool:
        log.warning("the server is not reached (%s), again in %.0f s", why.splitlines()[-1] if why else "?", self._wait)
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        return False


def packed(name: str, readings: Sequence[Kept]) -> bytes:
    """Give the body of a parcel: equal readings give equal bytes."""
    head = {"specversion": "1.0", "type": "edge.reading", "datacontenttype": "application/json"}
    events = [
        {**head, "id": each.id, "source": f"edge/{name}/{each.source}", "subject": each.subject, "time": each.at,
         "data": {"reading": each.id, "source": each.source, "subject": each.subject, "value": json.loads(each.body)}}
        for each in readings
    ]  # fmt: skip
    return json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()
