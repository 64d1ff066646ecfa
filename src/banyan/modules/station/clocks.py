"""A device whose clock is far off: set right at each sync, and a leader hears of it once, until it goes right again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from banyan.kernel import beside, db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.models import InboxItem
from banyan.kernel.schema import Input, field
from banyan.lib.labels import L
from banyan.modules.station.rules import is_far_off
from banyan.modules.station.signing import Seat

DEVICE, PERSON, KIND = "station.device", "people.employee", "station.clock"
#: The leader of somebody's team, where that has a user account; not who acts.
_LEADER = """
    SELECT l.user_id, e.name FROM people_employee e LEFT JOIN people_team t ON t.id = e.team_id
    LEFT JOIN people_employee l ON l.id = t.leader_id AND l.is_active AND l.id <> e.id
    WHERE e.id = %s
"""


def watch(ctx: Context, seat: Seat, offset: int) -> None:
    """Have the leader told of a clock that is far off, and settle that once it is right.

    Takes:  offset: by how many seconds the clock is behind now
    No statement while a station's clock stays as it was
    """
    was, now = is_far_off(timedelta(seconds=seat.clock_offset or 0)), is_far_off(timedelta(seconds=offset))
    if now != was or (now and seat.device is None):
        note_clock(ctx, {"device": seat.device, "name": seat.device_code, "offset": offset})


class Clock(Input):
    """A station's clock, or that of a person's own device where none is named."""

    device: UUID | None = field("工位设备", "Station device", None)
    name: str = field("编码", "Code", "")
    offset: int = field("时钟偏差", "Clock offset", unit="s")


@command("self.station_clock.note", L("时钟偏差", "Clock offset"), input=Clock, on="noun", rest=False, screen=False)
def note_clock(ctx: Context, data: Clock) -> int:
    """Put a clock that is far off into the inbox of the leader of who is at the device, once; take it out of all
    where it is right. Gives: how many were told"""
    noun, record = (DEVICE, data.device) if data.device else (PERSON, ctx.principal.employee)
    if record is None:
        return 0
    if not is_far_off(timedelta(seconds=data.offset)):
        beside.settle(ctx, [KIND], noun, [record])
        return 0
    found = db.one(_LEADER, [ctx.principal.employee]) if ctx.principal.employee else None
    if not found or not found[0] or InboxItem.objects.filter(kind=KIND, record=record, done_at=None).exists():
        return 0
    said = {
        "device": data.name or L("自己的设备", "own device"), "name": found[1], "minutes": abs(data.offset) // 60,
        "way": L("慢", "behind") if data.offset > 0 else L("快", "ahead"),
    }  # fmt: skip
    text = L(
        "{device} 的时钟{way}了 {minutes} 分钟（{name}）；报工时间已校正，请把设备的时间设对",
        "The clock of {device} is {minutes} minutes {way} ({name}); reports are set right, set the device’s time",
    ).filled(said)
    beside.notify(ctx, [found[0]], KIND, text, noun, record)
    return 1
