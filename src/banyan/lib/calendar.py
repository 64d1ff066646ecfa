"""The working calendar of a plant: weekly shifts, holidays and extra days, and sums of working time.

Days and shifts are in plant time, instants come and go in UTC. A shift belongs to the day on which it
begins, also when it ends after midnight. On the days when the clocks change a shift is as long as it
really lasts; a wall time that the clocks skip is taken as the moment of the change.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from banyan.lib.errors import Conflict
from banyan.lib.money import EXACT, exact, rounded

# Twenty years: no order takes longer, so a longer way means that the calendar has no working time left.
HORIZON_DAYS = 7_305
_DAY = timedelta(days=1)
_MICROSECONDS_A_MINUTE = 60_000_000
_MINUTE_PLACES = 6


class NoWorkingTime(Conflict):
    code = "calendar.no_working_time"
    zh = "{day} 前后二十年内，工作日历没有足够的工作时间"
    en = "The calendar has not enough working time within twenty years of {day}"
    way_out_zh = "检查工厂日历的班次和例外日"
    way_out_en = "Check the shifts and exceptions of the plant's calendar"


class Span(NamedTuple):
    """Part of a day in wall time; an end at or before the start lies on the next day (22:00 to 06:00)."""

    start: time
    end: time


class Shift(NamedTuple):
    """A span that returns every week; weekday 0 is Monday, as in `date.weekday`."""

    weekday: int
    start: time
    end: time


class Window(NamedTuple):
    """Working time without a break, as instants in UTC, half open."""

    start: datetime
    end: datetime


def shift_day(at: datetime, last_night: Iterable[Span], today: Iterable[Span]) -> date:
    """Give the day whose shift a moment belongs to.

    Takes:  at: in plant time; last_night: the shifts that began the day before; today: those that begin on its day
    Gives:  the day before for the hours after midnight of a night shift, and after it up to halfway to the next
            shift, its own next start where there is none today
    """
    starts = [_minutes_of(span.start) for span in today]
    for span in last_night:
        end = _minutes_of(span.end)
        next_start = min((one for one in starts if one >= end), default=_minutes_of(span.start))
        if span.end <= span.start and 2 * _minutes_of(at.time()) < end + next_start:
            return at.date() - _DAY
    return at.date()


def shift_end(day: date, last_night: Iterable[Span], today: Iterable[Span]) -> datetime:
    """Give the moment, in plant time, from which on work no longer belongs to a day's shifts.

    Takes:  last_night: the shifts that begin on the day; today: those of the day after
    """
    midnight = datetime.combine(day + _DAY, time())
    starts = [_minutes_of(span.start) for span in today]
    found = midnight
    for span in last_night:
        end = _minutes_of(span.end)
        if span.end <= span.start:
            next_start = min((one for one in starts if one >= end), default=_minutes_of(span.start))
            found = max(found, midnight + timedelta(minutes=(end + next_start + 1) // 2))
    return found


def _minutes_of(wall: time) -> int:
    return wall.hour * 60 + wall.minute


class WorkingCalendar:
    """When a plant or work centre works; never changed once made, so what it has worked out is kept.

    Takes:  zone: IANA name; shifts: the usual week, of which time that overlaps counts once;
            exceptions: by day, the spans worked instead of the usual ones, none for a holiday
    """

    def __init__(
        self, zone: str, shifts: Iterable[Shift], exceptions: Mapping[date, Iterable[Span]] | None = None
    ) -> None:
        self.zone = ZoneInfo(zone)
        self._exceptions = {day: _sorted(spans) for day, spans in (exceptions or {}).items()}
        self._week = _week(shifts)
        self._known: dict[date, tuple[Window, ...]] = {}

    # days, in plant time

    def day_of(self, instant: datetime) -> date:
        """Give the plant's day at an instant."""
        return _utc(instant).astimezone(self.zone).date()

    def shift_day(self, instant: datetime) -> date:
        """Give the day whose shift an instant belongs to: that on which a night shift began."""
        at = _utc(instant).astimezone(self.zone)
        return shift_day(at, self._spans_of(at.date() - _DAY), self._spans_of(at.date()))

    def shift_end(self, day: date) -> datetime:
        """Give the instant from which on work no longer belongs to a day's shifts."""
        return shift_end(day, self._spans_of(day), self._spans_of(day + _DAY)).replace(tzinfo=self.zone)

    def is_working_day(self, day: date) -> bool:
        """Tell whether any shift begins on the day."""
        return bool(self._spans_of(day))

    def next_working_day(self, day: date) -> date:
        """Give the first working day after the day."""
        return self._first_worked(day + _DAY, _DAY)

    def working_day_from(self, day: date) -> date:
        """Give the day itself if it is worked, else the first working day after it."""
        return self._first_worked(day, _DAY)

    def working_day_until(self, day: date) -> date:
        """Give the day itself if it is worked, else the last working day before it."""
        return self._first_worked(day, -_DAY)

    def add_working_days(self, day: date, count: int) -> date:
        """Give the count-th working day after the day, before it when negative; the day itself for zero."""
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day = self._first_worked(day + step, step)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Give how many working days come after start, up to and with end; negative when end is earlier.

        From one working day to another it is the count that `add_working_days` would need.
        """
        if end < start:
            return -sum(self.is_working_day(end + _DAY * step) for step in range((start - end).days))
        return sum(self.is_working_day(start + _DAY * step) for step in range(1, (end - start).days + 1))

    # instants, in UTC

    def windows_between(self, start: datetime, end: datetime) -> tuple[Window, ...]:
        """Give the working time between two instants, in order, as windows that do not touch each other."""
        start, end = _utc(start), _utc(end)
        found: list[Window] = []
        for window in self._windows_from(start):
            if max(window.start, start) >= end:
                break
            if found and found[-1].end == window.start:
                found[-1] = Window(found[-1].start, min(window.end, end))
            else:
                found.append(Window(max(window.start, start), min(window.end, end)))
        return tuple(found)

    def is_working_at(self, instant: datetime) -> bool:
        """Tell whether the instant lies in a window; its end no longer does."""
        return bool(self.windows_between(instant, _utc(instant) + timedelta.resolution))

    def working_minutes_between(self, start: datetime, end: datetime) -> Decimal:
        """Give the working minutes between two instants, to six places; zero when end is not later."""
        worked = sum((window.end - window.start for window in self.windows_between(start, end)), timedelta())
        microseconds = Decimal(worked // timedelta.resolution)
        return rounded(EXACT.divide(microseconds, Decimal(_MICROSECONDS_A_MINUTE)), _MINUTE_PLACES)

    def add_working_time(self, start: datetime, minutes: Decimal | int) -> datetime:
        """Give the first instant by which so many minutes have been worked since start; start for zero.

        Raises: NoWorkingTime when the calendar does not hold them; ValueError for less than zero
        """
        left, start = _duration(minutes), _utc(start)
        if not left:
            return start
        for window in self._windows_from(start):
            begin = max(window.start, start)
            if window.end - begin >= left:
                return begin + left
            left -= window.end - begin
        raise NoWorkingTime(day=self.day_of(start))

    def subtract_working_time(self, end: datetime, minutes: Decimal | int) -> datetime:
        """Give the last instant from which so many minutes are worked until end; end for zero.

        Raises: NoWorkingTime when the calendar does not hold them; ValueError for less than zero
        """
        left, end = _duration(minutes), _utc(end)
        if not left:
            return end
        for window in self._windows_back_from(end):
            finish = min(window.end, end)
            if finish - window.start >= left:
                return finish - left
            left -= finish - window.start
        raise NoWorkingTime(day=self.day_of(end))

    def next_working_instant(self, instant: datetime) -> datetime:
        """Give the instant itself if it is worked, else the beginning of the next window."""
        instant = _utc(instant)
        for window in self._windows_from(instant):
            return max(window.start, instant)
        raise NoWorkingTime(day=self.day_of(instant))

    # how it is worked out

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        special = self._exceptions.get(day)
        return self._week[day.weekday()] if special is None else special

    def _first_worked(self, day: date, step: timedelta) -> date:
        for count in range(HORIZON_DAYS):
            if self._spans_of(day + step * count):
                return day + step * count
        raise NoWorkingTime(day=day)

    def _windows_from(self, start: datetime) -> Iterator[Window]:
        """Give the windows that end after start, in order; the first may lie in a shift of the day before."""
        first = self.day_of(start) - _DAY
        for count in range(HORIZON_DAYS):
            for window in self._windows_of(first + _DAY * count):
                if window.end > start:
                    yield window

    def _windows_back_from(self, end: datetime) -> Iterator[Window]:
        """Give the windows that start before end, latest first."""
        last = self.day_of(end)
        for count in range(HORIZON_DAYS):
            for window in reversed(self._windows_of(last - _DAY * count)):
                if window.start < end:
                    yield window

    def _windows_of(self, day: date) -> tuple[Window, ...]:
        """Give the windows of the shifts that begin on a day, less what a longer shift covers already."""
        if day not in self._known:
            covered = max((end for _, end in self._instants_of(day - _DAY)), default=None)
            windows: list[Window] = []
            for start, end in self._instants_of(day):
                start = start if covered is None else max(start, covered)
                if start < end:
                    windows.append(Window(start, end))
                    covered = end
            self._known[day] = tuple(windows)
        return self._known[day]

    def _instants_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Give start and end of each shift that begins on a day, by start."""
        return [
            (self._instant(day, start), self._instant(day if end > start else day + _DAY, end))
            for start, end in self._spans_of(day)
        ]

    def _instant(self, day: date, wall: time) -> datetime:
        """Give the instant of a wall time: the first where it comes twice, the change where it is skipped."""
        local = datetime.combine(day, wall)
        instant = local.replace(tzinfo=self.zone).astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) == local:
            return instant
        before = int(local.replace(tzinfo=self.zone, fold=1).timestamp())
        after = int(instant.timestamp()) + 1
        old = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if self._offset(middle) == old else (before, middle)
        return datetime.fromtimestamp(after, UTC)

    def _offset(self, second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, self.zone).utcoffset()


def _week(shifts: Iterable[Shift]) -> tuple[tuple[Span, ...], ...]:
    """Give the spans of each weekday, Monday first."""
    days: list[list[Span]] = [[] for _ in range(7)]
    for weekday, start, end in shifts:
        if not 0 <= weekday <= 6:
            raise ValueError(f"{weekday} is not a weekday: Monday is 0, Sunday is 6")
        days[weekday].append(Span(start, end))
    return tuple(_sorted(spans) for spans in days)


def _sorted(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(sorted(Span(*span) for span in spans))


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} is a wall time without a zone, not an instant")
    return instant.astimezone(UTC)


def _duration(minutes: Decimal | int) -> timedelta:
    if exact(minutes) < 0:
        raise ValueError(f"{minutes} minutes: working time is not negative; subtract it instead")
    return timedelta(microseconds=int(rounded(EXACT.multiply(exact(minutes), _MICROSECONDS_A_MINUTE), 0)))
