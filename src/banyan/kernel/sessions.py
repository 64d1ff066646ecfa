"""Sessions: who has signed in, where, and until when; listed, and ended one by one.

A session is a browser's, known by the hash of Django's key to it, or a station's, named in the ticket that the device
keeps. It stands until somebody ends it, until nobody has used it for as long as its idle limit says, or until its whole
time is over: BANYAN_SESSION_… for browsers, BANYAN_STATION_… for stations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from banyan.kernel import db
from banyan.kernel.commands import command, save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.models import Session, User
from banyan.lib.ids import new_id
from banyan.lib.labels import L

#: Ways to sign in at a station; the others are a browser's.
AT_STATIONS = ("badge", "pin", "link")
#: When a session was last used is noted at most this often.
SEEN_EVERY = timedelta(minutes=1)
#: How long a session that has ended can still be looked up.
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a session stands."""

    id: UUID
    user: UUID
    way: str
    state: str
    begun_at: datetime
    seen_at: datetime

    def holds(self, now: datetime) -> bool:
        """Say whether it was neither ended nor has outlived its limits."""
        idle, whole = limits(self.way)
        return self.state == "open" and now < self.seen_at + idle and now < self.begun_at + whole


#: The columns of a `Standing`, of a table called k.
COLUMNS = "k.id, k.user_id, k.way, k.state, k.created_at, k.seen_at"


def limits(way: str) -> tuple[timedelta, timedelta]:
    """Give how long a session stands unused, and at all."""
    if way in AT_STATIONS:
        return timedelta(hours=settings.BANYAN_STATION_IDLE_HOURS), timedelta(hours=settings.BANYAN_STATION_HOURS)
    return timedelta(hours=settings.BANYAN_SESSION_IDLE_HOURS), timedelta(hours=settings.BANYAN_SESSION_HOURS)


def digest_of(key: str) -> str:
    """Give what is stored of the key that a browser holds."""
    return hashlib.sha256(key.encode()).hexdigest()


_BEGIN = """
    INSERT INTO kernel_session (id, version, created_at, created_by_id, changed_at, changed_by_id, user_id, way, device,
                                address, digest, seen_at, state)
    VALUES (%(id)s, 1, %(now)s, %(user)s, %(now)s, %(user)s, %(user)s, %(way)s, %(device)s, %(address)s, %(digest)s,
            %(now)s, 'open')
    ON CONFLICT (digest) DO UPDATE SET seen_at = excluded.seen_at RETURNING id
"""


def begin(user: UUID, way: str, *, device: str, address: str, now: datetime, key: str | None = None) -> UUID:
    """Note that somebody has signed in; give the session.

    Takes:  way: password, badge, pin or link; device: in words; key: a browser's, which goes on with the session it has
    Writes: the session
    """
    return db.one(_BEGIN, {
        "id": new_id(), "now": now, "user": user, "way": way, "device": device[:120], "address": address[:64],
        "digest": digest_of(key) if key else None,
    })[0]  # fmt: skip


_SEEN = """
    UPDATE kernel_session SET seen_at = %s WHERE id IN (
        SELECT id FROM kernel_session WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""


def seen(found: Iterable[Standing], now: datetime) -> None:
    """Note that sessions are in use, of those for which that was not noted a moment ago. At most one statement."""
    due = [one.id for one in found if now - one.seen_at >= SEEN_EVERY]
    if due:
        db.run(_SEEN, [now, due])


def moved(old: str, new: str) -> None:
    """Note that a browser was given a new key to its session."""
    db.run("UPDATE kernel_session SET digest = %s WHERE digest = %s", [digest_of(new), digest_of(old)])


def left(key: str, now: datetime) -> None:
    """Note that the session of a browser's key is over."""
    db.run(f"{_END} WHERE k.digest = %s AND k.state = 'open'", [now, now, digest_of(key)])


def replaced(user: UUID, ways: Sequence[str], device: str, now: datetime) -> None:
    """End what somebody left open on a device where they sign in anew."""
    db.run(
        f"{_END} WHERE k.user_id = %s AND k.way = ANY(%s) AND k.device = %s AND k.state = 'open'",
        [now, now, user, list(ways), device[:120]],
    )


_END = """
    UPDATE kernel_session k SET state = 'ended', ended_at = %s, changed_at = %s, digest = NULL, version = version + 1
"""


def of_person(user: UUID, now: datetime) -> list[Session]:
    """Give the sessions of a person that stand, the last used first."""
    rows = Session.objects.filter(user_id=user, state="open").order_by("-seen_at")
    return [row for row in rows if standing_of(row).holds(now)]


def standing_of(row: Session) -> Standing:
    """Give what decides whether a session stands."""
    return Standing(row.pk, row.user_id, row.way, row.state, row.created_at, row.seen_at)


def end_all(ctx: Context, users: Sequence[UUID], *, keep: UUID | None = None) -> int:
    """End all sessions of people but the one to keep; give how many.

    Writes: the sessions, locked in key order
    """
    keys = Session.objects.filter(user__in=list(users), state="open").exclude(pk=keep).values_list("pk", flat=True)
    held = [row for row in lock(Session, keys).values() if row.state == "open"]
    for row in held:
        row.state, row.ended_at, row.digest = "ended", ctx.now, None
    save(ctx, held)
    return len(held)


@command(
    "kernel.session.end", L("结束", "End"), icon="logout", tone="red", is_primary=True,
    help=L("该设备须重新登录", "The device has to sign in again"),
    confirm=L("结束后，该设备须重新登录。确定？", "The device has to sign in again. Go on?"),
)  # fmt: skip
def end_sessions(ctx: Context, sessions: Sequence[Session]) -> None:
    """End sessions: what is asked for in them next is refused.

    Writes: the sessions
    """
    for one in sessions:
        one.ended_at, one.digest = ctx.now, None


@command(
    "kernel.user.end_sessions", L("结束全部登录", "End all sessions"), icon="logout", tone="red", bumps=False,
    help=L("该用户在所有浏览器和工位上都须重新登录",
           "The person has to sign in again in every browser and at every station"),
    confirm=L("该用户在所有设备上都须重新登录。确定？", "The person has to sign in again on every device. Go on?"),
)  # fmt: skip
def end_sessions_of(ctx: Context, users: Sequence[User]) -> object:
    """End every session of users, in browsers and at stations.

    Gives:  a sentence that says how many
    Writes: the sessions
    """
    return L("已结束 {count} 个登录", "{count} sessions ended").filled({"count": end_all(ctx, [u.pk for u in users])})


def tidy(now: datetime) -> None:
    """Mark what has outlived its limits as ended, and forget what ended long ago. Three statements at most."""
    for station in (True, False):
        idle, whole = limits(AT_STATIONS[0] if station else "password")
        db.run(
            f"{_END} WHERE k.state = 'open' AND (k.way = ANY(%s)) = %s AND (k.seen_at < %s OR k.created_at < %s)",
            [now, now, list(AT_STATIONS), station, now - idle, now - whole],
        )
    db.run("DELETE FROM kernel_session WHERE state = 'ended' AND ended_at < %s", [now - KEPT])
