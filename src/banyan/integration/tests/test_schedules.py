"""The times of a schedule: zones, clocks that change, times that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from banyan.integration import schedules


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def after(cron: str, start: datetime, zone: str = "", most: int = 3) -> list[str]:
    detail = {"cron": cron} | ({"zone": zone} if zone else {})
    there = schedules.zone_of(detail)
    return [f"{one.astimezone(there):%m-%d %H:%M%z}" for one in islice(schedules.beats_after(detail, start), most)]


@pytest.mark.parametrize(
    ("cron", "start", "zone", "found"),
    [
        ("30 7 * * 1-5", "2027-01-01T08:00", "", ["01-04 07:30+0800", "01-05 07:30+0800", "01-06 07:30+0800"]),
        ("0 0 1 * *", "2027-01-01T08:00", "", ["02-01 00:00+0800", "03-01 00:00+0800", "04-01 00:00+0800"]),
        ("*/20 22 * * sun", "2027-01-01T00:00", "", ["01-03 22:00+0800", "01-03 22:20+0800", "01-03 22:40+0800"]),
        # half past two does not exist on the morning the clocks go forward: it comes right after the gap
        ("30 2 * * *", "2027-03-27T12:00", "Europe/Berlin",
         ["03-28 03:00+0200", "03-29 02:30+0200", "03-30 02:30+0200"]),
        # and it comes twice, but counts once, when they go back
        ("30 2 * * *", "2027-10-30T12:00", "Europe/Berlin",
         ["10-31 02:30+0200", "11-01 02:30+0100", "11-02 02:30+0100"]),
        # what runs each hour goes on by the hours that pass
        ("0 * * * *", "2027-10-31T01:30", "Europe/Berlin",
         ["10-31 02:00+0200", "10-31 02:00+0100", "10-31 03:00+0100"]),
    ],
)  # fmt: skip
def test_the_times_of_a_cron_expression(cron, start, zone, found):
    assert after(cron, at(start, zone or "Asia/Shanghai"), zone) == found


def test_every_so_many_seconds_keeps_to_the_round_times():
    found = islice(schedules.beats_after({"every": 3600}, at("2027-01-01T10:20")), 2)
    assert [f"{one:%H:%M}" for one in found] == ["11:00", "12:00"]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2027-01-04T10:00", "2027-01-04T10:30", None),
        ("2027-01-04T08:00", "2027-01-04T08:00", None),
        ("2027-01-04T07:59", "2027-01-04T08:00", "2027-01-04T08:00"),
        ("2027-01-04T10:00", "2027-01-08T07:59", "2027-01-07T08:00"),
        ("2023-01-04T10:00", "2027-01-08T12:00", "2027-01-08T08:00"),
    ],
)
def test_of_the_times_that_were_missed_the_last_one_counts(since, until, found):
    zone = "Asia/Shanghai"
    latest = schedules.latest_beat({"cron": "0 8 * * *"}, at(since, zone), at(until, zone))
    assert latest == (at(found, zone) if found else None)


def test_a_rare_time_is_found_however_long_ago():
    leap_day = {"cron": "0 0 29 2 *", "zone": "UTC"}
    latest = schedules.latest_beat(leap_day, at("2023-01-01T00:00"), at("2027-06-01T00:00"))
    assert latest == at("2024-02-29T00:00")


def test_the_night_the_clocks_go_back_is_not_counted_again():
    detail = {"cron": "30 2 * * *", "zone": "Europe/Berlin"}
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert schedules.latest_beat(detail, first - timedelta(hours=3), first + timedelta(minutes=1)) == first
    assert schedules.latest_beat(detail, first, first + timedelta(hours=5)) is None


@pytest.mark.parametrize(
    ("detail", "word"),
    [
        ({"cron": "0 8 * *"}, "five fields"), ({"cron": "0 0 8 * * *"}, "five fields"), ({"cron": 8}, "five fields"),
        ({"cron": "61 8 * * *"}, "minute"), ({"cron": "0 8 * * FUN"}, "day-of-week"),
        ({"cron": "0 0 30 2 *"}, "day-of-month"), ({"cron": "0 8 * * *", "zone": "Nowhere/Land"}, "Nowhere/Land"),
        ({"cron": "0 8 * * *", "zone": "../etc/passwd"}, "zone"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(detail, word):
    assert word in schedules.fault_of(detail).en


def test_what_can_be_read_has_no_fault():
    assert schedules.fault_of({"cron": "0 8 * * 1-5", "zone": "Asia/Shanghai"}) is None
