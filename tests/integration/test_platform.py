"""How a poll of a platform goes on from page to page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from banyan.connectors.platform import Platform, Poll, next_window, rest_of
from banyan.integration.connecting import Failed, connectors

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


POLLED = [(one, call) for one in connectors() if isinstance(one, Platform) for call in one.calls if call.poll]


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
