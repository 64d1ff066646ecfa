from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.lib.calendar import NoWorkingTime, Shift, Span, Window, WorkingCalendar, shift_day

MORNING, AFTERNOON = Span(time(8), time(12)), Span(time(13), time(17))
DAY_SHIFTS = [Shift(weekday, *span) for weekday in range(5) for span in (MORNING, AFTERNOON)]
CHINA = WorkingCalendar(
    "Asia/Shanghai",
    DAY_SHIFTS,
    {date(2025, 10, day): () for day in range(1, 9)}
    | {date(2025, 9, 28): (MORNING, AFTERNOON), date(2025, 10, 11): (MORNING,)},
)


def china(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2025-09-01 08:00", 0, "2025-09-01 08:00"),
        ("2025-09-01 08:00", 60, "2025-09-01 09:00"),
        ("2025-09-01 11:30", 60, "2025-09-01 13:30"),
        ("2025-09-01 12:30", 10, "2025-09-01 13:10"),
        ("2025-09-01 08:00", 240, "2025-09-01 12:00"),
        ("2025-09-01 08:00", 481, "2025-09-02 08:01"),
        ("2025-09-05 16:00", 120, "2025-09-08 09:00"),  # over the weekend
        ("2025-09-30 16:30", 60, "2025-10-09 08:30"),  # over the October holiday
        ("2025-09-26 17:00", 30, "2025-09-28 08:30"),  # a Sunday worked instead
        ("2025-10-10 16:00", 301, "2025-10-13 08:01"),  # a Saturday with the morning only
    ],
)
def test_working_time_is_added_over_breaks_nights_and_holidays(start, minutes, end):
    assert CHINA.add_working_time(china(start), minutes) == china(end)
    assert CHINA.working_minutes_between(china(start), china(end)) == minutes


@pytest.mark.parametrize(
    ("end", "minutes", "start"),
    [
        ("2025-09-01 17:00", 0, "2025-09-01 17:00"),
        ("2025-09-01 13:30", 60, "2025-09-01 11:30"),
        ("2025-09-08 09:00", 120, "2025-09-05 16:00"),
        ("2025-10-09 08:00", 1, "2025-09-30 16:59"),
        ("2025-10-03 12:00", 480, "2025-09-30 08:00"),
    ],
)
def test_working_time_is_subtracted_the_same_way(end, minutes, start):
    assert CHINA.subtract_working_time(china(end), minutes) == china(start)


def test_parts_of_a_minute_count():
    assert CHINA.add_working_time(china("2025-09-01 08:00"), D("0.5")) == china("2025-09-01 08:00:30")
    assert CHINA.working_minutes_between(china("2025-09-01 08:00"), china("2025-09-01 08:00:20")) == D(
        "0.333333"
    )


def test_nothing_is_worked_when_the_end_is_not_later():
    assert CHINA.working_minutes_between(china("2025-09-02 08:00"), china("2025-09-01 08:00")) == 0
    assert CHINA.working_minutes_between(china("2025-09-01 10:00"), china("2025-09-01 09:00")) == 0
    assert CHINA.windows_between(china("2025-09-01 10:00"), china("2025-09-01 10:00")) == ()


def test_an_instant_moves_to_the_next_working_one():
    assert CHINA.next_working_instant(china("2025-09-01 09:00")) == china("2025-09-01 09:00")
    assert CHINA.next_working_instant(china("2025-09-01 12:00")) == china("2025-09-01 13:00")
    assert CHINA.is_working_at(china("2025-09-01 08:00"))
    assert not CHINA.is_working_at(china("2025-09-01 12:00"))


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2025-09-01", 0, "2025-09-01"),
        ("2025-09-01", 1, "2025-09-02"),
        ("2025-09-05", 1, "2025-09-08"),
        ("2025-09-26", 1, "2025-09-28"),
        ("2025-09-30", 2, "2025-10-10"),
        ("2025-09-08", -1, "2025-09-05"),
        ("2025-10-09", -2, "2025-09-29"),
        ("2025-10-04", -1, "2025-09-30"),
    ],
)
def test_working_days_are_counted_either_way(day, count, expected):
    assert CHINA.add_working_days(date.fromisoformat(day), count) == date.fromisoformat(expected)


def test_a_free_day_moves_forward_or_back():
    saturday = date(2025, 9, 6)
    assert not CHINA.is_working_day(saturday)
    assert CHINA.working_day_from(saturday) == CHINA.next_working_day(saturday) == date(2025, 9, 8)
    assert CHINA.working_day_until(saturday) == date(2025, 9, 5)
    assert CHINA.working_day_from(date(2025, 9, 5)) == CHINA.working_day_until(date(2025, 9, 5))
    assert CHINA.next_working_day(date(2025, 9, 4)) == date(2025, 9, 5)
    assert CHINA.day_of(china("2025-09-06 00:30")) == saturday


NIGHTS = WorkingCalendar("Asia/Shanghai", [Shift(weekday, time(22), time(6)) for weekday in range(5)])


def test_a_night_shift_belongs_to_the_day_it_begins():
    assert NIGHTS.add_working_time(china("2025-09-05 22:00"), 480) == china("2025-09-06 06:00")
    assert NIGHTS.add_working_time(china("2025-09-06 03:00"), 181) == china("2025-09-08 22:01")
    assert NIGHTS.subtract_working_time(china("2025-09-06 12:00"), 481) == china("2025-09-05 05:59")
    assert not NIGHTS.is_working_day(date(2025, 9, 6))


def test_time_in_two_shifts_counts_once():
    around = WorkingCalendar(
        "Asia/Shanghai",
        [
            *[Shift(day, time(0), time(0)) for day in range(7)],
            Shift(1, time(9), time(10)),
            Shift(2, time(20), time(4)),
        ],
    )
    week = (china("2025-09-01 00:00"), china("2025-09-08 00:00"))
    assert around.working_minutes_between(*week) == 7 * 24 * 60
    assert around.windows_between(*week) == (Window(*week),)
    spill = WorkingCalendar("Asia/Shanghai", [Shift(0, time(22), time(6)), Shift(1, time(5), time(9))])
    assert spill.windows_between(*week) == (Window(china("2025-09-01 22:00"), china("2025-09-02 09:00")),)


@pytest.mark.parametrize(
    ("start", "end", "day", "minutes"),
    [
        ("22:00", "06:00", "2025-03-29", 420),  # the hour from two to three does not happen
        ("22:00", "06:00", "2025-10-25", 540),  # it happens twice
        ("02:00", "03:00", "2025-03-30", 0),
        ("02:30", "03:30", "2025-03-30", 30),
        ("01:00", "02:30", "2025-03-30", 60),
        ("02:00", "03:00", "2025-10-26", 120),
        ("00:00", "00:00", "2025-03-30", 1380),
        ("00:00", "00:00", "2025-10-26", 1500),
    ],
)
def test_a_shift_is_as_long_as_it_lasts_when_the_clocks_change(start, end, day, minutes):
    on = date.fromisoformat(day)
    shift = Span(time.fromisoformat(start), time.fromisoformat(end))
    berlin = WorkingCalendar("Europe/Berlin", [], {on: (shift,)})
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    assert berlin.working_minutes_between(noon - timedelta(days=2), noon + timedelta(days=2)) == minutes


def test_shifts_that_meet_in_the_skipped_hour_do_not_overlap():
    spans = (Span(time(1), time(2, 30)), Span(time(2, 30), time(4)))
    berlin = WorkingCalendar("Europe/Berlin", [], {date(2025, 3, 30): spans})
    start, end = datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 3, 30, 2, tzinfo=UTC)
    assert berlin.windows_between(start - timedelta(days=1), end + timedelta(days=1)) == (Window(start, end),)


def test_a_calendar_without_working_time_says_so():
    for calendar in (
        WorkingCalendar("Asia/Shanghai", []),
        WorkingCalendar("Asia/Shanghai", [], {date(2020, 1, 1): (MORNING,)}),
    ):
        with pytest.raises(NoWorkingTime, match="2025-09-01"):
            calendar.add_working_time(china("2025-09-01 08:00"), 1)
        with pytest.raises(NoWorkingTime):
            calendar.next_working_instant(china("2025-09-01 08:00"))
        with pytest.raises(NoWorkingTime):
            calendar.next_working_day(date(2025, 9, 1))
    with pytest.raises(NoWorkingTime):
        WorkingCalendar("Asia/Shanghai", []).subtract_working_time(china("2025-09-01 08:00"), 1)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="not an instant"):
        CHINA.add_working_time(datetime(2025, 9, 1), 1)
    with pytest.raises(ValueError, match="subtract it instead"):
        CHINA.add_working_time(china("2025-09-01 08:00"), -1)
    with pytest.raises(ValueError, match="not a weekday"):
        WorkingCalendar("Asia/Shanghai", [Shift(7, time(8), time(9))])


times = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
days = st.dates(date(2025, 1, 1), date(2025, 12, 31))
calendars = st.builds(
    WorkingCalendar,
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.lists(st.builds(Shift, st.integers(0, 6), times, times), min_size=1, max_size=8),
    st.dictionaries(days, st.lists(st.builds(Span, times, times), max_size=2), max_size=5),
)
instants = st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC))


@given(calendars, instants, st.integers(0, 5_000))
def test_added_time_lies_between_and_no_shorter_way_exists(calendar, start, minutes):
    end = calendar.add_working_time(start, minutes)
    assert calendar.working_minutes_between(start, end) == minutes
    if minutes:
        assert calendar.working_minutes_between(start, end - timedelta(seconds=1)) < minutes
    assert end.utcoffset() == timedelta()


@given(calendars, instants, st.integers(0, 5_000))
def test_subtracted_time_lies_between_and_no_shorter_way_exists(calendar, end, minutes):
    start = calendar.subtract_working_time(end, minutes)
    assert calendar.working_minutes_between(start, end) == minutes
    if minutes:
        assert calendar.working_minutes_between(start + timedelta(seconds=1), end) < minutes


@given(calendars, instants, st.integers(0, 3_000), st.integers(0, 3_000))
def test_time_added_in_two_parts_is_time_added_at_once(calendar, start, first, second):
    in_two = calendar.add_working_time(calendar.add_working_time(start, first), second)
    assert in_two == calendar.add_working_time(start, first + second)


@given(calendars, instants, st.lists(st.integers(0, 20_000), min_size=2, max_size=2))
def test_windows_are_in_order_apart_and_inside(calendar, start, lengths):
    end = start + timedelta(minutes=lengths[0])
    windows = calendar.windows_between(start, end)
    edges = [edge for window in windows for edge in window]
    assert edges == sorted(set(edges))
    assert all(start <= edge <= end for edge in edges)
    later = end + timedelta(minutes=lengths[1])
    whole, first, second = (
        calendar.working_minutes_between(*part) for part in ((start, later), (start, end), (end, later))
    )
    assert abs(whole - first - second) <= D("0.000001")


@given(calendars, days, st.integers(-60, 60))
def test_working_days_are_found_again_by_counting(calendar, day, count):
    begin = calendar.working_day_from(day)
    end = calendar.add_working_days(begin, count)
    assert calendar.is_working_day(end)
    assert calendar.working_days_between(begin, end) == count


NIGHT, THIRD = Span(time(20), time(8)), Span(time(22), time(6))
THREE = (Span(time(6), time(14)), Span(time(14), time(22)), THIRD)


@pytest.mark.parametrize(
    ("at", "last_night", "today", "day"),
    [
        ("2026-03-02 23:59", (), (), 2),
        ("2026-03-02 15:30", (Span(time(7), time(15)),), (Span(time(7), time(15)),), 2),
        ("2026-03-02 20:10", (NIGHT,), (NIGHT,), 2),
        ("2026-03-03 02:00", (NIGHT,), (NIGHT,), 2),
        ("2026-03-03 08:20", (NIGHT,), (NIGHT,), 2),
        ("2026-03-03 13:59", (NIGHT,), (NIGHT,), 2),
        ("2026-03-03 14:00", (NIGHT,), (NIGHT,), 3),
        ("2026-03-03 05:59", THREE, THREE, 2),
        ("2026-03-03 06:00", THREE, THREE, 3),
        ("2026-03-03 07:29", (THIRD,), (Span(time(9), time(17)),), 2),
        ("2026-03-03 07:30", (THIRD,), (Span(time(9), time(17)),), 3),
        ("2026-03-03 05:00", (), (THIRD,), 3),  # nobody was there the night before
        ("2026-03-03 13:59", (THIRD,), (), 2),  # a holiday begins
    ],
)
def test_what_is_done_in_a_night_shift_belongs_to_the_day_it_began(at, last_night, today, day):
    assert shift_day(datetime.fromisoformat(at), last_night, today) == date(2026, 3, day)


def test_a_calendar_knows_the_day_of_a_shift_in_its_own_zone():
    mill = WorkingCalendar("Asia/Shanghai", [Shift(day, *NIGHT) for day in range(5)])
    assert mill.shift_day(china("2026-03-03 02:00")) == date(2026, 3, 2)
    assert mill.shift_day(china("2026-03-02 02:00")) == date(2026, 3, 2)  # nobody works on Sundays
    assert mill.shift_day(china("2026-03-07 03:00")) == date(2026, 3, 6)
    assert CHINA.shift_day(china("2025-09-02 01:00")) == date(2025, 9, 2)
