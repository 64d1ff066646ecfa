"""When the clock starts a flow: every so many seconds, or at the times of a cron expression in a zone.

`{"every": 3600}`, or `{"cron": "30 7 * * 1-5", "zone": "Asia/Shanghai"}`: five fields as in crontab(5) (minute, hour,
day of month, month, day of week), the company's zone where none is named. Where the clocks change, it goes as in
Debian's cron: a time that is skipped is made up for at once, one that comes twice is taken once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from banyan.lib.labels import L, Label
from banyan.web.acting import HOME_ZONE

FIELDS = 5
LONGEST = 200
#: How far back a missed time is looked for first: a day or so costs little; further only where there is none.
_SPANS = (timedelta(days=2), timedelta(days=40), timedelta(days=400))


def fault_of(detail: Mapping[str, Any]) -> Label | None:
    """Give what is wrong with the cron expression or zone of a schedule, None where nothing is."""
    text = detail["cron"]
    if not isinstance(text, str) or len(text) > LONGEST or len(text.split()) != FIELDS:
        return L("cron 要有 5 段：分 时 日 月 周，如 30 7 * * 1-5",
                 "cron has five fields: minute hour day month weekday, as 30 7 * * 1-5")  # fmt: skip
    try:
        zone = zone_of(detail)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return L("没有名为“{zone}”的时区", "There is no zone “{zone}”").filled({"zone": str(detail["zone"])[:60]})
    try:
        if next(iter(CronSim(text, datetime(2024, 1, 1, tzinfo=zone))), None) is None:
            return L("这个时间永远不会到来", "That time never comes")
    except CronSimError as fault:
        part = {"minute": "分", "hour": "时", "day-of-month": "日", "month": "月", "day-of-week": "周"}
        name = str(fault).removeprefix("Bad ")
        return L("cron 的“{zh}”一段看不懂", "cron's {en} cannot be read").filled(
            {"zh": part.get(name, name), "en": name})  # fmt: skip
    return None


def zone_of(detail: Mapping[str, Any]) -> ZoneInfo:
    """Give the zone a schedule's times are meant in. Raises: ZoneInfoNotFoundError, ValueError"""
    return ZoneInfo(detail.get("zone") or HOME_ZONE)


def beats_after(detail: Mapping[str, Any], after: datetime) -> Iterator[datetime]:
    """Give the times of a schedule later than an instant, in order, in UTC."""
    if "cron" not in detail:
        every = float(detail["every"])
        seconds = after.timestamp() // every * every
        while True:
            seconds += every
            yield datetime.fromtimestamp(seconds, UTC)
    for beat in CronSim(detail["cron"], after.astimezone(zone_of(detail))):
        if (found := beat.astimezone(UTC)) > after:
            yield found


def latest_beat(detail: Mapping[str, Any], since: datetime, until: datetime) -> datetime | None:
    """Give the last time of a cron schedule later than `since` and no later than `until`, None where there is none."""
    for start in (*(until - span for span in _SPANS), since):
        found = None
        for beat in beats_after(detail, max(start, since)):
            if beat > until:
                break
            found = beat
        if found or start <= since:
            return found
    return None
