"""Reports that come while others are being booked go together in the next transaction (docs/adr/0011).

One request of a process books at a time, for all that have come by then; the others wait for it to answer theirs.
Who comes alone waits for nobody. What is more than plain reports, or does not go with others, goes its own way: `sync`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from banyan.kernel import db
from banyan.kernel.commands import Apart, Call, execute_together
from banyan.lib.errors import DomainError
from banyan.modules.production.commands import report_work
from banyan.modules.production.commands.reports import Reports, goes_alone, report_together
from banyan.modules.station import queries, rules
from banyan.modules.station.acts import Act, Batch, reports_of
from banyan.modules.station.badges import Ticket
from banyan.modules.station.signing import Seat, seats_of
from banyan.modules.station.sync import Told, answer_of, is_news, lock_keys, read_acts

log = logging.getLogger("banyan.station")
#: Reports booked in one transaction, and acts of one request above which it goes by itself.
MOST_REPORTS, MOST_ACTS = 100, 5
#: Seconds after which somebody does not wait for the others any more.
PATIENCE = 2.0
#: Who comes first so many seconds after others were booked together waits a moment, for they are likely to come again.
CROWD, MOMENT = 0.05, 0.003


@dataclass(eq=False, slots=True)
class Letter:
    """A request with plain reports only, and what becomes of it: an answer, or that it goes its own way."""

    ticket: Ticket
    batch: Batch
    language: str
    told: list[Told]
    heard: threading.Event = field(default_factory=threading.Event)
    is_leader: bool = False
    answer: dict[str, Any] | None = None

    @property
    def size(self) -> int:
        return sum(len(one.act.parts) for one in self.told)


def letter_of(ticket: Ticket, batch: Batch, language: str) -> Letter | None:
    """Give a request that may be booked together with others', None where it has more than plain reports."""
    if not 0 < len(batch.acts) <= MOST_ACTS:
        return None
    told = read_acts(batch)
    is_plain = all(
        isinstance(one.act, Act) and not any(map(goes_alone, (one.act, *one.act.parts))) for one in told
    )  # fmt: skip
    return Letter(ticket, batch, language, told) if is_plain else None


class Gathering:
    """Those who wait to be booked; one of them books for all, then hands over to the next that waits."""

    def __init__(self, book: Callable[[Sequence[Letter]], None]) -> None:
        self.book = book
        self.guard = threading.Lock()
        self.waiting: list[Letter] = []
        self.is_busy = False
        self.crowded_until = 0.0

    def settle(self, letter: Letter) -> dict[str, Any] | None:
        """Give the answer to a request, None where it is to go its own way."""
        with self.guard:
            leads, self.is_busy = not self.is_busy, True
            if not leads:
                self.waiting.append(letter)
        if not leads:
            self._wait(letter)
            if not letter.is_leader:
                return letter.answer
        elif time.monotonic() < self.crowded_until:
            time.sleep(MOMENT)
        group = self._group(letter)
        try:
            self.book(group)
        finally:
            self.crowded_until = time.monotonic() + CROWD if len(group) > 1 else 0.0
            self._hand_over()
            for one in group:
                one.heard.set()
        return letter.answer

    def _wait(self, letter: Letter) -> None:
        """Wait to be answered, or to book for others; who waits too long goes their own way."""
        if not letter.heard.wait(PATIENCE):
            with self.guard:
                if letter in self.waiting:
                    self.waiting.remove(letter)
                    return
            letter.heard.wait()

    def _group(self, first: Letter) -> list[Letter]:
        """Give who is booked now: the first, and of those who wait as many as go together, one of a device."""
        group, reports = [first], first.size
        with self.guard:
            for one in list(self.waiting):
                taken = {held.batch.device for held in group}
                if one.batch.device not in taken and reports + one.size <= MOST_REPORTS:
                    self.waiting.remove(one)
                    group.append(one)
                    reports += one.size
        return group

    def _hand_over(self) -> None:
        with self.guard:
            if not self.waiting:
                self.is_busy = False
                return
            following = self.waiting.pop(0)
            following.is_leader = True
        following.heard.set()


def book(letters: Sequence[Letter]) -> None:
    """Book requests of several people in one transaction, and answer each; those that must go apart get no answer.

    Writes: as `report_work` for each; what goes wrong for all leaves nothing, and each goes its own way
    """
    seats = dict(zip(letters, seats_of([one.ticket for one in letters]), strict=True))
    left = [one for one in letters if seats[one] is not None]
    while left:
        try:
            with transaction.atomic():
                now, done = _booked({one: seats[one] for one in left})
        except Apart as found:
            left = [one for one in left if not found.keys & _keys(one)]
        except (DomainError, DatabaseError) as fault:
            log.info("%d requests go apart: %s", len(left), fault)
            return
        except Exception as fault:
            log.warning("%d requests go apart after a fault", len(left), exc_info=fault)
            return
        else:
            _answer(left, seats, now, done)
            return


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a request: its acts' answers, and how its device's clock goes."""

    acts: list[dict[str, Any]]
    offset: int


def _booked(seats: dict[Letter, Seat]) -> tuple[datetime, dict[Letter, _Done]]:
    """Book requests inside a transaction. Raises: Apart for what is known already, or does not go with others'"""
    db.run(_TURNS, [lock_keys(one.batch.device for one in seats)])
    last = _last_moments(seats)
    now = timezone.now()
    calls, offsets = {}, {}
    for letter, seat in seats.items():
        ctx = seat.context(now, letter.language)
        offset = offsets[letter] = rules.clock_offset(letter.batch.sent_at, now)
        after = last.get((letter.batch.device, ctx.person))
        times = rules.happened([one.clock_at for one in letter.told], offset, now, after=after)
        for one, at in zip(letter.told, times, strict=True):
            one.happened_at = at
            one.reports = reports_of(one.act, at)
            calls[one.act.id] = Call(ctx, Reports(reports=one.reports))
    answers = execute_together(report_work, list(calls.values()), report_together)
    _note(seats)
    return now, {
        letter: _Done([answer_of(one, answers).as_json(letter.language) for one in letter.told],
                      round(offsets[letter].total_seconds()))
        for letter in seats
    }  # fmt: skip


#: The devices' turns; a group waits for no row long, for those who do not need that row would wait with it.
_TURNS = """
    SELECT pg_advisory_xact_lock(k) FROM (SELECT set_config('lock_timeout', '1s', true)) s, unnest(%s::bigint[]) k
"""
_LAST = """
    SELECT id, NULL::uuid, NULL::uuid, NULL::timestamptz FROM production_report WHERE id = ANY(%(keys)s::uuid[])
    UNION ALL
    SELECT id, NULL, NULL, NULL FROM station_keptact WHERE id = ANY(%(keys)s::uuid[])
    UNION ALL
    SELECT NULL::uuid, s.device, s.person, s.happened_at
    FROM unnest(%(devices)s::uuid[], %(people)s::uuid[]) v(device, person)
    JOIN station_sender s ON s.device = v.device AND s.person = v.person
"""


def _senders(seats: dict[Letter, Seat]) -> dict[str, list[UUID]]:
    return {
        "devices": [one.batch.device for one in seats], "people": [seat.principal.id for seat in seats.values()],
    }  # fmt: skip


def _last_moments(seats: dict[Letter, Seat]) -> dict[tuple[UUID, UUID], datetime]:
    """Give when the last act of each person at each device happened. Raises: Apart for what was sent before"""
    given = {"keys": [key for one in seats for key in _keys(one)], **_senders(seats)}
    rows = db.rows(_LAST, given)
    known = [key for key, *_ in rows if key]
    if known:
        raise Apart(known)
    return {(device, person): at for _, device, person, at in rows}


_NOTE = """
    INSERT INTO station_sender AS s (device, person, happened_at)
    SELECT * FROM unnest(%(devices)s::uuid[], %(people)s::uuid[], %(times)s::timestamptz[])
    ON CONFLICT (device, person) DO UPDATE SET happened_at = greatest(s.happened_at, excluded.happened_at)
"""
#: Written after the reports and without waiting for the disk; devices in their order, for others do so too.
_SEEN = """
    WITH held AS (SELECT id FROM station_device WHERE id = ANY(%(stations)s::uuid[]) ORDER BY id FOR NO KEY UPDATE),
    seen AS (
        UPDATE station_device d SET seen_at = %(now)s, clock_offset = v.clock_offset
        FROM unnest(%(stations)s::uuid[], %(offsets)s::int[]) v(id, clock_offset) JOIN held ON held.id = v.id
        WHERE d.id = v.id
    ) SELECT set_config('synchronous_commit', 'off', true)
"""


def _note(seats: dict[Letter, Seat]) -> None:
    """Remember when the last act of each person at a device happened."""
    db.run(_NOTE, _senders(seats) | {"times": [max(told.happened_at for told in one.told) for one in seats]})


def _answer(
    letters: Sequence[Letter], seats: dict[Letter, Seat | None], now: datetime, done: dict[Letter, _Done]
) -> None:
    """Give each request its answer with the day's sums, and note what is news of devices."""
    news = {
        seats[one].device: done[one].offset for one in letters if is_news(seats[one], now, done[one].offset)
    }  # fmt: skip
    if news:
        db.run(_SEEN, {"stations": list(news), "offsets": list(news.values()), "now": now})
    by_day: dict[Any, list[Letter]] = {}
    for one in letters:
        by_day.setdefault(seats[one].day(now), []).append(one)
    for on, group in by_day.items():
        sums = queries.todays([seats[one].principal.employee for one in group], on)
        for one in group:
            one.answer = {
                "now": now.isoformat(), "offset": done[one].offset, "acts": done[one].acts,
                "today": sums[seats[one].principal.employee],
            }  # fmt: skip


def _keys(letter: Letter) -> set[UUID]:
    return {key for one in letter.told for key in (one.act.id, *(part.id for part in one.act.parts))}


gathering = Gathering(book)
