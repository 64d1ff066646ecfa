"""The call log: every call by a program, kept beside the call and not within it.

A call is noted in memory. A thread writes what was noted once a second, in one statement, on a connection of its own; a
process that ends writes what is left. Neither bodies nor secrets are noted, and of an address only its template.
Where calls come faster than they can be written, those beyond `MOST` are not kept, and how many is logged.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util
import threading
from collections import deque
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import DataError, Error, connection, transaction

from banyan.kernel import db, registry
from banyan.lib.errors import DomainError
from banyan.web.acting import HOME_ZONE
from banyan.web.rest.routes import methods_at

log = logging.getLogger("banyan.rest")
MOST = 20_000
BATCH = 2_000
#: What stands for an address that leads nowhere: it may hold anything.
NOWHERE = "/…"


class Noted(NamedTuple):
    """A call, as it is written."""

    id: UUID
    at: datetime
    user: UUID
    client: UUID | None
    token: UUID | None
    program: str
    method: str
    path: str
    operation: str
    status: int
    outcome: str
    ms: float
    bytes_in: int
    bytes_out: int
    trace: str | None


_noted: deque[Noted] = deque()
_guard = threading.Lock()
_writing = threading.Lock()
_wake = threading.Event()
_lost = 0
_thread: threading.Thread | None = None

_WRITE = """
    WITH v AS (
        SELECT * FROM json_to_recordset(%(calls)s::json) v(
            id uuid, at timestamptz, "user" uuid, client uuid, token uuid, program text, method text, path text,
            operation text, status smallint, outcome text, ms float8, bytes_in bigint, bytes_out bigint, trace text)
    ), kept AS (
        INSERT INTO kernel_call (id, at, user_id, client_id, token_id, program, method, path, operation, status,
                                 outcome, ms, bytes_in, bytes_out, trace)
        SELECT id, at, "user", client, token, program, method, path, operation, status, outcome, ms, bytes_in,
               bytes_out, trace FROM v
        ON CONFLICT (id) DO NOTHING
    )
    INSERT INTO kernel_callday AS d (key, day, calls, refused, failed, throttled, ms, bytes_out, last_at)
    SELECT coalesce(client, token), (at AT TIME ZONE %(zone)s)::date, count(*),
           count(*) FILTER (WHERE outcome = 'refused'), count(*) FILTER (WHERE outcome = 'failed'),
           count(*) FILTER (WHERE outcome = 'limited'), sum(ms), sum(bytes_out), max(at)
    FROM v GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (key, day) DO UPDATE SET
        calls = d.calls + excluded.calls, refused = d.refused + excluded.refused, failed = d.failed + excluded.failed,
        throttled = d.throttled + excluded.throttled, ms = d.ms + excluded.ms,
        bytes_out = d.bytes_out + excluded.bytes_out, last_at = greatest(d.last_at, excluded.last_at)
"""


def outcome_of(status: int) -> str:
    """Give how a call ended: done, refused, limited (over a quota), failed."""
    if status < 400:
        return "done"
    return "limited" if status == 429 else "refused" if status < 500 else "failed"


def note(call: Noted) -> None:
    """Keep a call in mind until the next batch is written. Takes no statement and waits for nobody."""
    global _lost
    if len(_noted) >= MOST:
        with _guard:
            _lost += 1
        return
    _noted.append(call)
    if _thread is None and settings.BANYAN_CALL_LOG_SECONDS:
        _begin()


def write() -> int:
    """Write what has been noted so far; give how many calls. What cannot be written now stays noted."""
    global _lost
    written = 0
    with _writing:
        while batch := [_noted.popleft() for _ in range(min(BATCH, len(_noted)))]:
            try:
                with transaction.atomic():
                    db.run(_WRITE, {"calls": orjson.dumps([_row(one) for one in batch]).decode(), "zone": HOME_ZONE})
            except DataError:  # it would stand in the way of all that follow
                log.exception("%s calls cannot be written and are not in the log", len(batch))
                continue
            except Error:
                _noted.extendleft(reversed(batch))
                raise
            written += len(batch)
        with _guard:
            lost, _lost = _lost, 0
    if lost:
        log.warning("%s calls were made faster than the log takes them and are not in it", lost)
    return written


def _row(one: Noted) -> dict[str, object]:
    return one._asdict() | {
        "path": template_of(one.path), "operation": one.operation or operation_of(one.method, one.path),
    }  # fmt: skip


def _begin() -> None:
    global _thread
    with _guard:
        if _thread is not None:
            return
        _thread = threading.Thread(target=_go_on, name="calls", daemon=True)
        atexit.register(_end)
        multiprocessing.util.Finalize(None, _end, exitpriority=100)  # a child of multiprocessing has no other end
        _thread.start()


def _go_on() -> None:
    while True:
        is_over = _wake.wait(settings.BANYAN_CALL_LOG_SECONDS)
        try:
            write()
        except Exception:
            log.exception("The call log could not be written; trying again")
            connection.close()
        if is_over or connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()  # one of a pool goes back to those who answer calls
        if is_over:
            return


def _end() -> None:
    """Write what is left when the process ends."""
    _wake.set()
    if _thread is not None:
        _thread.join(5.0)


# --- what an address means --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _known(epoch: int, method: str, path: str) -> tuple[str, str]:
    """Give the template of a path without keys, and its operation as the description names it."""
    parts = path.split("/")
    plain = [_SAMPLE if part.startswith("{") else part for part in parts]
    try:
        methods = methods_at("/".join(plain))
    except DomainError:
        return NOWHERE, ""
    wanted = "GET" if method == "HEAD" else method
    return path, _named(parts, wanted) if wanted in methods else ""


_SAMPLE = "00000000-0000-0000-0000-000000000000"
_READS = {"GET": "read", "PATCH": "change", "DELETE": "delete"}


def _named(parts: list[str], method: str) -> str:
    if len(parts) == 1:
        return "files.create" if parts[0] == "files" else parts[0].removesuffix(".json")
    if parts[0] == "queries":
        return f"queries.{parts[1]}" if method == "POST" else f"queries.{parts[1]}.read"
    try:
        noun = registry.noun_at("/".join(parts[:2])).spec.key
    except DomainError:
        return ".".join(parts)
    rest = [part for part in parts[2:] if not part.startswith("{")]
    if rest[:1] == ["import"]:
        return f"{noun}.{'_'.join(['import', *rest[1:]])}" if method == "POST" else f"{noun}.import_read"
    if rest == ["attachments"] and len(parts) == 5:
        return f"{noun}.attachment"
    if rest:
        return f"{noun}.{rest[0]}"
    if len(parts) == 2:
        return f"{noun}.create" if method == "POST" else f"{noun}.list"
    return f"{noun}.{_READS.get(method, 'read')}"


def _bare(path: str) -> str:
    names = iter(("{id}", "{attachment}"))
    parts = path.split("/")
    return "/".join(
        ("{batch}" if place and parts[place - 1] == "import" else next(names, "{id}")) if len(part) == 36 and
        part.count("-") == 4 else part
        for place, part in enumerate(parts)
    )  # fmt: skip


def template_of(path: str) -> str:
    """Give an address without what varies in it, such as `sales/orders/{id}/confirm`."""
    if path.startswith("/"):
        return path[:200]
    return _known(registry.epoch, "GET", _bare(path)[:200])[0]


def operation_of(method: str, path: str) -> str:
    """Give what an address means for a method, as the description names it; empty where there is nothing."""
    return _known(registry.epoch, method, _bare(path)[:200])[1] if not path.startswith("/") else ""
