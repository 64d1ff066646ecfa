"""What sends steps of traces to a collector: a bounded store in memory and a thread that empties it.

Whoever ends a step puts it in and goes on, whatever the collector does. What finds the store full is dropped and
counted. A collector that is away is asked again after a pause that doubles to half a minute; one that refuses a batch
does not get it again. How many were sent and dropped is added up over all processes in `kernel_spantally`, and what was
dropped is said in the log once a minute. Loaded only where BANYAN_OTLP_ENDPOINT is set (docs/adr/0013).
"""

from __future__ import annotations

import atexit
import http.client
import logging
import multiprocessing.util
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from banyan.lib import otlp
from banyan.lib.otlp import Span

log = logging.getLogger("banyan.traces")
#: Steps that wait at most, a kilobyte each; steps in one request.
MOST, BATCH = 8_000, 500
EVERY_SECONDS, LONGEST_PAUSE, TIMEOUT_SECONDS, END_SECONDS = 1.0, 30.0, 5.0, 2.0
TALLY_SECONDS, SAY_SECONDS = 10.0, 60.0
ANSWER_BYTES = 65_536
#: Answers after which the same batch may be taken later. Source: OTLP 1.10, "Retryable Response Codes"
_PASSING = frozenset({429, 502, 503, 504})

Outcome = Literal["sent", "again", "refused"]


class Exporter:
    """Sends the steps of this process.

    Takes:  address: of the collector, with or without /v1/traces; headers: sent along, never shown; most: how many
            steps may wait; tell: is told how many were sent and dropped since it was last told, None: the database is
    """

    def __init__(
        self, address: str, headers: Mapping[str, str], *, most: int = MOST,
        tell: Callable[[int, int], None] | None = None, every: float = EVERY_SECONDS,
    ) -> None:
        self._given = (address, headers, most, tell, every)
        self.most, self.every, self._tell = most, every, tell or keep_tally
        parts = urlsplit(address)
        path = parts.path.rstrip("/")
        self._path = path if path.endswith(otlp.PATH) else path + otlp.PATH
        self._is_secure, self._host, self._port = parts.scheme == "https", parts.hostname or "", parts.port
        self._headers = {"Content-Type": "application/json", "User-Agent": f"banyan/{_VERSION}", **headers}
        self._resource = {
            "service.name": "banyan", "service.version": _VERSION, "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(), "process.pid": os.getpid(),
        }  # fmt: skip
        self._waiting: deque[Span] = deque()
        self._guard, self._sending, self._wake = threading.Lock(), threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._is_over, self._is_cut, self._ends_at = False, False, 0.0
        self._link: http.client.HTTPConnection | None = None
        self.sent = self.dropped = 0
        self._told = (0, 0)
        self._told_at = self._said_at = time.monotonic()
        self._said, self._fault = 0, ""

    def anew(self) -> Exporter:
        """Give one like it that has nothing yet, for a forked process."""
        address, headers, most, tell, every = self._given
        return Exporter(address, headers, most=most, tell=tell, every=every)

    def take(self, span: Span) -> None:
        """Keep a step until it is sent. Waits for nobody."""
        waiting = len(self._waiting)
        if waiting >= self.most:
            self._drop(1)
            return
        self._waiting.append(span)
        if self._thread is None:
            self._begin()
        elif waiting == BATCH:
            self._wake.set()

    def flush(self, seconds: float = END_SECONDS) -> bool:
        """Send what waits now, in this thread; say whether all of it was taken or refused."""
        end = time.monotonic() + seconds
        with self._sending:
            return self._send_all(end)

    def end(self, seconds: float = END_SECONDS) -> None:
        """Send what is left and end the thread; what the collector does not take by then is dropped."""
        if self._is_over:
            return
        self._is_over, self._ends_at = True, time.monotonic() + seconds
        self._wake.set()
        if self._thread is None:
            return
        self._thread.join(seconds)
        link = self._link
        if self._thread.is_alive() and link is not None and link.sock is not None:
            self._is_cut = True
            with suppress(OSError):  # an answer that does not come is not waited for
                link.sock.shutdown(socket.SHUT_RDWR)
            self._thread.join(0.5)

    # The thread

    def _begin(self) -> None:
        with self._guard:
            if self._thread is not None or self._is_over:
                return
            thread = threading.Thread(target=self._go_on, name="traces", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the process may have no more of them; who ends a step is not to hear of that
                log.warning("No thread could be had that sends steps of traces; they wait")
                return
            self._thread = thread
            atexit.register(self.end)
            multiprocessing.util.Finalize(None, self.end, exitpriority=90)  # a multiprocessing child has no other end

    def _go_on(self) -> None:
        pause, due = self.every, 0.0
        while not self._is_over:
            self._wake.wait(self.every)
            self._wake.clear()
            try:
                if time.monotonic() >= due and not self._is_over:
                    is_well = self.flush(TIMEOUT_SECONDS)
                    pause = self.every if is_well else min(LONGEST_PAUSE, pause * 2)
                    due = 0.0 if is_well else time.monotonic() + pause
                self._account()
            except Exception:
                log.exception("Steps of traces could not be sent; trying again")
        try:
            self.flush(self._ends_at - time.monotonic())
            self._drop(len(self._waiting))
            self._waiting.clear()
            self._account(is_over=True)
        except Exception:
            log.exception("The last steps of traces could not be sent")
        finally:
            self._hang_up()

    def _send_all(self, end: float) -> bool:
        while batch := [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]:
            left = end - time.monotonic()
            outcome, refused = self._post(batch, left) if left > 0 else ("again", 0)
            if outcome == "again":
                self._waiting.extendleft(reversed(batch))
                return False
            if outcome == "sent":
                self.sent += len(batch) - refused
            self._drop(refused if outcome == "sent" else len(batch))
        return True

    def _post(self, batch: list[Span], seconds: float) -> tuple[Outcome, int]:
        """Send a batch; give what came of it, and how many of it the collector did not want."""
        body = orjson.dumps(otlp.request_of(self._resource, _VERSION, batch))
        is_used = self._link is not None
        try:
            status, answer = self._ask(body, seconds)
        except (OSError, http.client.HTTPException) as fault:
            self._hang_up()
            if not is_used or self._is_cut or isinstance(fault, TimeoutError):
                return self._failed(fault)
            try:  # a collector closes what was idle for long
                status, answer = self._ask(body, seconds)
            except (OSError, http.client.HTTPException) as again:
                self._hang_up()
                return self._failed(again)
        if status in _PASSING:
            self._fault = f"HTTP {status}"
            return "again", 0
        if not 200 <= status < 300:
            self._fault = f"HTTP {status}"
            return "refused", 0
        return "sent", min(len(batch), _rejected(answer))

    def _failed(self, fault: Exception) -> tuple[Outcome, int]:
        self._fault = f"{type(fault).__name__}: {fault}"[:200]
        return "again", 0

    def _ask(self, body: bytes, seconds: float) -> tuple[int, bytes]:
        timeout = max(0.1, min(TIMEOUT_SECONDS, seconds))
        if self._link is None:
            if self._is_secure:
                context = ssl.create_default_context()
                self._link = http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
            else:
                self._link = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        elif self._link.sock is not None:
            self._link.sock.settimeout(timeout)
        self._link.request("POST", self._path, body, self._headers)
        response = self._link.getresponse()
        answer = response.read(ANSWER_BYTES)
        if response.will_close or response.read(1):
            self._hang_up()
        return response.status, answer

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    # What is counted

    def _drop(self, count: int) -> None:
        if count:
            with self._guard:
                self.dropped += count

    def _account(self, *, is_over: bool = False) -> None:
        now = time.monotonic()
        if is_over or now - self._said_at >= SAY_SECONDS:
            if lost := self.dropped - self._said:
                log.warning("%s steps of traces were dropped (%s)", lost, self._fault or "more than can be sent")
            elif self._fault:
                log.warning("The collector of traces takes no steps (%s); %s wait", self._fault, len(self._waiting))
            self._said, self._said_at, self._fault = self.dropped, now, ""
        if is_over or now - self._told_at >= TALLY_SECONDS:
            self._told_at = now
            sent, dropped = self.sent, self.dropped
            if (sent, dropped) != self._told:
                self._tell(sent - self._told[0], dropped - self._told[1])
                self._told = sent, dropped


_VERSION = version("banyan")


def _rejected(answer: bytes) -> int:
    """Give how many steps of a batch a collector did not want. Source: OTLP 1.10, "Partial Success"."""
    try:
        return int(orjson.loads(answer)["partialSuccess"]["rejectedSpans"])
    except (ValueError, KeyError, TypeError):
        return 0


_TALLY = """
    INSERT INTO kernel_spantally AS t (id, sent, dropped, at) VALUES (1, %(sent)s, %(dropped)s, now())
    ON CONFLICT (id) DO UPDATE SET sent = t.sent + excluded.sent, dropped = t.dropped + excluded.dropped, at = now()
"""


def keep_tally(sent: int, dropped: int) -> None:
    """Add to what all processes have sent and dropped, on this thread's own connection.

    Writes: the tally
    """
    from django.db import connection

    from banyan.kernel import db

    try:
        db.run(_TALLY, {"sent": sent, "dropped": dropped})
    finally:
        connection.close()
