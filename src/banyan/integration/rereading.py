"""A partner read again from a time on, beside the flow's own reading, whose position stays where it is.

What is here already is known by its source and not kept again; nothing is acknowledged to the partner.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.db import DatabaseError

from banyan.integration import inbox, reads
from banyan.integration.connecting import Connector, Incoming, Page
from banyan.integration.errors import NothingRead, NotListedByTime
from banyan.integration.plans import Plan, reader_of, refused
from banyan.integration.polling import page_at
from banyan.kernel import db
from banyan.kernel.jobs import Cancelled
from banyan.lib.labels import L

MOST_PAGES = 5_000
#: Pages that are counted while somebody waits for the answer.
COUNTED_PAGES = 25


@dataclass(frozen=True, slots=True)
class Listed:
    """What a partner lists of a range: how many, how many of them were not here; whether there is still more."""

    listed: int
    new: int
    is_more: bool = False


def count(plan: Plan, since: datetime, until: datetime) -> Listed:
    """Say what there would be to read; nothing is kept, nothing is waited for. Raises: as `pages`"""
    seen: set[str] = set()
    number = 0
    for number, messages in enumerate(pages(plan, since, until, partial(reads.aside, reader_of(plan))), start=1):
        if number > COUNTED_PAGES:
            break
        seen |= {inbox.source_of(one) for one in messages}
    return Listed(len(seen), len(seen) - _known(plan, seen), number > COUNTED_PAGES)


def read(plan: Plan, since: datetime, until: datetime, told: Callable[[int], None]) -> Listed:
    """Keep what a partner lists of a range and is not here, page by page, each in a transaction of its own.

    What may pass is waited for and asked for again.

    Takes:  told: hears after each page, and while it waits, how many were read, and may refuse to go on
    Raises: as `pages`; what was kept stays
    Writes: messages
    """
    seen: set[str] = set()
    new, reader = 0, reader_of(plan)

    def ask(call: Callable[[], Page]) -> Page:
        return reads.patiently(reader, call, lambda: told(len(seen)))

    for messages in pages(plan, since, until, ask):
        new += inbox.keep(plan, messages, datetime.now(UTC)).new
        seen |= {inbox.source_of(one) for one in messages}
        told(len(seen))
    return Listed(len(seen), new)


def pages(
    plan: Plan, since: datetime, until: datetime, ask: Callable[[Callable[[], Page]], Page]
) -> Iterator[tuple[Incoming, ...]]:
    """Give what a partner lists of a range, page by page; what says itself that it is of another time is left
    out.

    Takes:  ask: makes a call as the system's gauge lets it
    Raises: NotListedByTime before anything is asked; NothingRead with what the partner said
    """
    reader = reader_of(plan)
    if not lists_by_time(plan):
        raise NotListedByTime(flow=plan.code)
    try:
        position = reader.connector.position_at(reader.connect(None), reader.operation, since, until)
    except Exception as fault:  # whatever a connector raises says why nothing can be read
        raise _nothing_read(fault) from fault
    if position is None:
        raise NotListedByTime(flow=plan.code)
    for _ in range(MOST_PAGES):
        try:
            page = ask(partial(page_at, reader, position))
        except (Cancelled, DatabaseError):
            raise
        except Exception as fault:
            raise _nothing_read(fault) from fault
        yield tuple(one for one in page.messages if one.at is None or since <= one.at < until)
        if not page.has_more:
            return
        position = page.position
    said = L("对方的清单超过 {n} 页：缩小范围", "their list is longer than {n} pages: choose a smaller range")
    raise NothingRead(why=said.filled({"n": MOST_PAGES}))


def lists_by_time(plan: Plan) -> bool:
    """Say whether a flow reads a partner that can be asked from a time on."""
    reads_by_poll = plan.definition["trigger"] == "poll"
    return reads_by_poll and type(reader_of(plan).connector).position_at is not Connector.position_at


def _known(plan: Plan, sources: Collection[str]) -> int:
    """Give how many of these are here already."""
    return db.one("SELECT count(*) FROM integration_message WHERE flow_id = %s AND source = ANY(%s)",
                  [plan.flow, list(sources)])[0]  # fmt: skip


def _nothing_read(fault: Exception) -> NothingRead:
    said = refused(fault).text.split("\n")
    return NothingRead(why=L(said[0] or "—", said[-1] or "—"))
