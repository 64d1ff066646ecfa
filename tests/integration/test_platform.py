"""How a poll of a platform goes on from page to page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any

import pytest
from pydantic import BaseModel

from banyan.connectors.platform import Call, Platform, Poll, next_window, rest_of
from banyan.integration.connecting import Failed, connectors
from banyan.integration.guard import ahead_of
from banyan.lib.labels import L
from tests.integration.partner import connection, partner
from tests.partners.shops import read_all as polled

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
POLL = Poll(lambda window: {}, records="", id="id", version="at", moves=datetime.fromisoformat, size=16)


def read_all(records: list[dict[str, str]], limit: int) -> tuple[set[str], int]:
    """Read records by a partner's filter from a moment on; give what was seen and in how many calls."""
    position: Any = {"from": (NOW - timedelta(hours=1)).isoformat()}
    seen, calls = set(), 0
    while True:
        calls += 1
        window = next_window(POLL, position, NOW, limit)
        page = [one for one in records if window.begin <= datetime.fromisoformat(one["at"]) < window.end]
        page = page[: window.size]
        seen |= {one["id"] for one in page}
        position, has_more = rest_of(POLL, window, {}, page, position, NOW)
        if not has_more or calls > 50:
            return seen, calls


def sold(*moments: int) -> list[dict[str, str]]:
    """Give records by the seconds before now at which each changed, oldest first."""
    return [{"id": str(n), "at": (NOW - timedelta(seconds=s)).isoformat()} for n, s in enumerate(moments)]


@pytest.mark.parametrize(
    "moments", [(), (9,), (9, 8, 7, 6, 5, 4, 3), (9,) * 7, (9,) * 15, (9, 9, 9, 5, 5, 5, 5, 5, 5, 5, 2)], ids=str
)
def test_every_record_is_read_though_many_changed_at_one_moment(moments):
    records = sold(*moments)
    seen, calls = read_all(records, 4)
    assert seen == {one["id"] for one in records}
    assert calls <= 1 + len(records)


def test_more_of_one_moment_than_the_partner_gives_at_once_is_said():
    with pytest.raises(Failed) as refused:
        read_all(sold(*(9,) * 17), 4)
    assert (refused.value.kind, "at one moment" in refused.value.text) == ("mapping", True)


#: What is listed by windows of time; Douyin's days are counted otherwise.
POLLED = [
    (one, call) for one in connectors() if isinstance(one, Platform) for call in one.calls
    if call.poll and "from" in one.position_at(None, call.key, NOW)
]  # fmt: skip


@pytest.mark.parametrize(("partner", "call"), POLLED, ids=lambda one: one.key)
def test_a_list_since_a_time_begins_there_and_goes_on_to_now(partner, call):
    since = NOW - timedelta(days=31)
    position: Any = partner.position_at(None, call.key, since)
    begins, ends = [], []
    while True:
        window = next_window(call.poll, position, NOW, 100)
        begins.append(window.begin)
        ends.append(window.end)
        position, has_more = rest_of(call.poll, window, {}, [], position, NOW)
        if not has_more:
            break
    assert (begins[0], ends[-1]) == (since, NOW)
    assert all(begin <= end for begin, end in zip(begins[1:], ends, strict=False)), "no time is left out"


# --- clocks that differ -------------------------------------------------------------------------------------------


def _asked(window: Any) -> dict[str, Any]:
    begin, end = (one.strftime("%FT%TZ") for one in (window.begin, window.end))
    return {"begin": begin, "end": end, "page": window.page, "size": window.size, "after": window.after}


_WAYS = {"moves": {"moves": datetime.fromisoformat}, "total": {"total": "total"}, "cursor": {"cursor": "next"}}


class Shelf(Platform):
    """Records that are listed in each of the three ways."""

    key = "shelf"
    label = L("架", "Shelf")
    settings = BaseModel
    calls = tuple(
        Call(way, L("架", "Shelf"), way, Poll(_asked, records="rows", id="id", version="at", size=10, **more))
        for way, more in _WAYS.items()
    )

    def ask(self, connection, call, parameters):
        return connection.http.get(f"{self.url}/{call.name}", query=parameters).checked().json()


class Keeper:
    """Whose clock is off: it stamps what changes, lists it, and says its time with each answer."""

    def __init__(self, off: timedelta) -> None:
        self.off, self.now = off, NOW
        self.rows: dict[int, tuple[datetime, int]] = {}
        self.versions = count()
        self.calls = 0
        self.moved: list[int] = []

    def touch(self, *numbers: int) -> None:
        """Change records one after the other, a second between them, the last now."""
        for before, n in enumerate(reversed(numbers)):
            self.rows[n] = self.now + self.off - timedelta(seconds=before), next(self.versions)

    def answer(self, asked: Any) -> Any:
        """List what changed within a window: counted pages the latest first, those of a cursor by id."""
        self.calls += 1
        begin, end = (datetime.fromisoformat(asked.one(name)) for name in ("begin", "end"))
        page, size, after = int(asked.one("page")), int(asked.one("size")), int(asked.one("after") or -1)
        rows = [(at, n, seen) for n, (at, seen) in self.rows.items() if begin <= at < end]
        more: dict[str, Any] = {}
        match asked.path:
            case "/moves":
                found = sorted(rows)[:size]
            case "/total":
                found = sorted(rows, reverse=True)[page * size : (page + 1) * size]
                more = {"total": len(rows)}
            case _:
                behind = sorted((row for row in rows if row[1] > after), key=lambda row: row[1])
                found = behind[:size]
                more = {"next": str(found[-1][1]) if len(behind) > size else ""}
        if self.moved:
            self.touch(self.moved.pop())
        said = [{"id": str(n), "at": at.isoformat(), "seen": seen} for at, n, seen in found]
        date = format_datetime(datetime.now(UTC) + self.off, usegmt=True)
        return 200, {"rows": said, **more}, f"Date: {date}"


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("off", [-10, 0, 10], ids=["theirs is behind", "one time", "theirs is before"])
def test_nothing_is_lost_where_our_clock_and_the_partners_differ(way, off):
    """Each minute something changes between polls, now and then also between the pages of one."""
    keeper, shelf = Keeper(timedelta(minutes=off)), Shelf()
    keeper.touch(*range(35))
    seen: dict[str, Any] = {}
    with partner(keeper.answer) as there:
        shelf.url = there.url
        link = connection(None)
        _, position = polled(shelf, replace(link, now=keeper.now), operation=way)
        for minute in range(45):
            keeper.now = NOW + timedelta(minutes=minute)
            keeper.moved = [7, 21] if minute % 5 == 0 else []
            given, position = polled(shelf, replace(link, now=keeper.now), operation=way, position=position)
            seen |= {one: message.body for one, message in given.items()}
            keeper.now += timedelta(seconds=30)
            keeper.touch(minute % 35, *(range(25) if minute == 20 else ()))
        before = keeper.calls
        keeper.now += timedelta(minutes=15)
        given, position = polled(shelf, replace(link, now=keeper.now), operation=way, position=position)
        seen |= {one: message.body for one, message in given.items()}
        last = {n: seen_as for n, (_, seen_as) in keeper.rows.items()}
        got = {n: max((body["seen"] for body in seen.values() if body["id"] == str(n)), default=None) for n in last}
        assert got == last, "the last state of each came"
        rested = polled(shelf, replace(link, now=keeper.now), operation=way, position=position)[0]
        assert set(rested) <= set(seen), "what comes again is known by id and version"
    assert before <= 45 * 8, "a poll comes to rest"


def test_a_date_that_says_nothing_moves_nothing():
    asked = datetime(2026, 3, 2, 8, 0, 0, 400_000, tzinfo=UTC)
    for date in ("", "soon", "Mon, 02 Mar 2026 08:00:00 GMT", "Mon, 02 Mar 2026 08:10:00 GMT"):
        assert ahead_of(date, asked) == timedelta()
    assert ahead_of("Mon, 02 Mar 2026 07:50:00 GMT", asked) == timedelta(seconds=599.4)
