"""Reports that come while others are being booked go together in the next transaction (docs/adr/0011).

How they wait for one another says `kernel.gathering`. What is more than plain reports, or does not go with others, goes
its own way: `sync`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from banyan.kernel import db
from banyan.kernel.commands import TOGETHER_WAIT, Apart, Call, execute_together
from banyan.kernel.gathering import Gathering, Letter, without_those_apart
from banyan.modules.company.queries import plant_calendars
from banyan.modules.production.commands import report_work
from banyan.modules.production.commands.reports import Reports, goes_along
from banyan.modules.station import clocks, queries, rules
from banyan.modules.station.acts import Act, Batch, Further, reports_of
from banyan.modules.station.badges import Ticket
from banyan.modules.station.signing import Seat, seats_of
from banyan.modules.station.sync import Told, answer_of, is_news, lock_keys, read_acts

#: Acts of one request above which it goes by itself.
MOST_ACTS = 5


@dataclass(eq=False, slots=True, kw_only=True)
class Posted(Letter):
    """A request with plain reports only, and what becomes of it: an answer, or that it goes its own way."""

    ticket: Ticket
    batch: Batch
    language: str
    told: list[Told]
    answer: dict[str, Any] | None = None


def letter_of(ticket: Ticket, batch: Batch, language: str) -> Posted | None:
    """Give a request that may be booked together with others', None where it has more than plain reports."""
    if batch.person or not 0 < len(batch.acts) <= MOST_ACTS:
        return None
    told = read_acts(batch)
    if not all(_is_plain(one.act) for one in told):
        return None
    keys = frozenset(key for one in told for key in (one.act.id, *(part.id for part in one.act.parts)))
    return Posted(sender=batch.device, keys=keys, ticket=ticket, batch=batch, language=language, told=told)


def _is_plain(act: Act | Further | None) -> bool:
    """Say whether an act is of reports only, at an operation that the device knew."""
    return isinstance(act, Act) and act.named is None and all(map(goes_along, (act, *act.parts)))


def settle(letter: Posted) -> dict[str, Any] | None:
    """Give the answer to a request, None where it is to go its own way."""
    _gathering.settle(letter)
    return letter.answer


def book(letters: Sequence[Posted]) -> None:
    """Book requests of several people in one transaction, and answer each; those that must go apart get no answer.

    Writes: as `report_work` for each; what goes wrong for all leaves nothing, and each goes its own way
    """
    seats = dict(zip(letters, seats_of([one.ticket for one in letters]), strict=True))
    done = without_those_apart(
        [one for one in letters if seats[one] is not None], lambda left: _booked({one: seats[one] for one in left})
    )
    if done:
        _answer(done[0], seats, *done[1])


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a request: its acts' answers, and how its device's clock goes."""

    acts: list[dict[str, Any]]
    offset: int


def _booked(seats: dict[Posted, Seat]) -> tuple[datetime, dict[Posted, _Done]]:
    """Book requests inside a transaction. Raises: Apart for what is known already, or does not go with others'"""
    db.run(_TURNS, [TOGETHER_WAIT, lock_keys(one.batch.device for one in seats)])
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
    outcomes = execute_together(report_work, list(calls.values()))
    answers = {answer.id: answer for outcome in outcomes for answer in outcome.value}
    _note(seats)
    return now, {
        letter: _Done([answer_of(one, answers).as_json(letter.language) for one in letter.told],
                      round(offsets[letter].total_seconds()))
        for letter in seats
    }  # fmt: skip


#: The devices' turns; a group waits for no device long, for the others would wait with it.
_TURNS = """
    SELECT pg_advisory_xact_lock(k) FROM (SELECT set_config('lock_timeout', %s, true)) s, unnest(%s::bigint[]) k
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


def _senders(seats: dict[Posted, Seat]) -> dict[str, list[UUID]]:
    return {
        "devices": [one.batch.device for one in seats], "people": [seat.principal.id for seat in seats.values()],
    }  # fmt: skip


def _last_moments(seats: dict[Posted, Seat]) -> dict[tuple[UUID, UUID], datetime]:
    """Give when the last act of each person at each device happened. Raises: Apart for what was sent before"""
    given = {"keys": [key for one in seats for key in one.keys], **_senders(seats)}
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


def _note(seats: dict[Posted, Seat]) -> None:
    """Remember when the last act of each person at a device happened."""
    db.run(_NOTE, _senders(seats) | {"times": [max(told.happened_at for told in one.told) for one in seats]})


def _answer(
    letters: Sequence[Posted], seats: dict[Posted, Seat | None], now: datetime, done: dict[Posted, _Done]
) -> None:
    """Give each request its answer with the day's sums, and note what is news of devices."""
    news = {
        seats[one].device: done[one].offset for one in letters if is_news(seats[one], now, done[one].offset)
    }  # fmt: skip
    if news:
        db.run(_SEEN, {"stations": list(news), "offsets": list(news.values()), "now": now})
    for one in letters:
        clocks.watch(seats[one].context(now, one.language), seats[one], done[one].offset)
    by_day: dict[Any, list[Posted]] = {}
    calendars = None if all(seats[one].has_own_shift for one in letters) else plant_calendars()
    for one in letters:
        by_day.setdefault(seats[one].day(now, calendars), []).append(one)
    for on, group in by_day.items():
        sums = queries.todays([seats[one].principal.employee for one in group], on)
        for one in group:
            one.answer = {
                "now": now.isoformat(), "offset": done[one].offset, "acts": done[one].acts,
                "today": sums[seats[one].principal.employee],
            }  # fmt: skip


_gathering = Gathering(book)
