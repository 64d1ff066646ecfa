"""Signing in at a station: pairing a device, a badge or a PIN, and the ticket that acts are sent with.

Misses are counted in the database under the row's lock, over all processes: five lock a badge, thirty a device,
for a quarter of an hour. A ticket stops to count when the person, the session, the device or the badge's issue does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from banyan.kernel import access, db, registry, sessions
from banyan.kernel.context import Context, Principal
from banyan.kernel.models import User
from banyan.lib.calendar import Span, WorkingCalendar, shift_day, shift_end
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant, plant_calendar
from banyan.modules.people.queries import employees_by_id, shift_of
from banyan.modules.production.commands.leading import require_led
from banyan.modules.production.errors import NotYourTeam
from banyan.modules.station import badges
from banyan.modules.station.badges import Ticket
from banyan.modules.station.errors import (
    DeviceUnknown,
    NotABadge,
    NotForOthers,
    SignInLocked,
    SignInNeeded,
    SignInRefused,
    WrongPairingCode,
)
from banyan.modules.station.models import Badge, Device
from banyan.web import acting, codes

LOCK = timedelta(minutes=15)
MISSES_OF_BADGE = 5
MISSES_OF_DEVICE = 30


@dataclass(frozen=True, slots=True)
class Seat:
    """Who acts, at which station; when that was last heard of, by how many seconds its clock was behind, at which
    machine it stands, and who sends it where that is somebody else."""

    principal: Principal
    device: UUID | None
    device_code: str
    plant: UUID | None
    zone: str = ""
    shift: Span | None = None
    seen_at: datetime | None = None
    clock_offset: int | None = None
    machine: UUID | None = None
    sender: Principal | None = None

    @property
    def has_own_shift(self) -> bool:
        """Say whether the day is known without the plant's calendar: at a station, of who has a shift."""
        return bool(self.shift and self.zone)

    def day(self, now: datetime, calendars: Mapping[UUID, WorkingCalendar] | None = None) -> date:
        """Give the day whose shift the person is in, at the station's plant, as `shift_at` does."""
        return self.shift_at(now, calendars)[0]

    def shift_at(
        self, now: datetime, calendars: Mapping[UUID, WorkingCalendar] | None = None
    ) -> tuple[date, datetime]:
        """Give the day whose shift the person is in, and when that is over.

        Takes:  calendars: of the plants, where they are known already
        No statement for who `has_own_shift`, else one or two, of which the calendars may save one
        """
        own = self.shift if self.zone else shift_of(self.principal.employee)
        plant = self.plant or default_plant().id
        calendar = None if self.has_own_shift else calendars[plant] if calendars else plant_calendar(plant)
        if own:
            zone = calendar.zone if calendar else ZoneInfo(self.zone)
            day = shift_day(now.astimezone(zone), [own], [own])
            return day, shift_end(day, [own], [own]).replace(tzinfo=zone)
        day = calendar.shift_day(now)
        return day, calendar.shift_end(day)

    def context(self, now: datetime, language: str) -> Context:
        """Give the circumstances of an act at this station."""
        return Context(
            principal=self.principal, now=now, plant=self.plant, language=language,
            program=f"station {self.device_code}".strip() + (f" / {self.sender.name}" if self.sender else ""),
        )  # fmt: skip


def pair(code: str, now: datetime) -> tuple[str, Device]:
    """Make a device the station whose pairing code it was told; the code is worth nothing afterwards.

    Gives:  the token that the device keeps; only its hash is stored
    Raises: WrongPairingCode
    """
    digest = access.token_digest(badges.tidy(code))
    with transaction.atomic():
        device = Device.objects.select_for_update().filter(pairing_digest=digest, is_active=True).first()
        if device is None or device.pairing_until is None or device.pairing_until < now:
            raise WrongPairingCode
        token = access.new_token()
        device.digest, device.paired_at = access.token_digest(token), now
        device.pairing_digest, device.pairing_until = None, None
        device.save(update_fields=["digest", "paired_at", "pairing_digest", "pairing_until"])
    return token, device


def device_of(token: str) -> Device:
    """Give the station of a device's token. Raises: DeviceUnknown"""
    found = Device.objects.filter(digest=access.token_digest(token), is_active=True).first() if token else None
    if found is None:
        raise DeviceUnknown
    return found


def sign_in(
    device: Device, now: datetime, *, badge: str = "", code: str = "", pin: str = "", address: str = ""
) -> str:
    """Give a ticket for a badge that was scanned, or for an employee's code and PIN.

    Takes:  address: that the device is seen at

    Raises: NotABadge for another label of ours, which can be no guess and is no miss; SignInLocked after too many
            misses, of the badge or of the device; SignInRefused
    Writes: misses, committed even where it is refused; the session, in place of an earlier one at this station
    """
    _require_badge(badge[:200])
    with transaction.atomic():
        device = Device.objects.select_for_update().get(pk=device.pk)
        _require_open(device, now)
        found = _scanned(badge) if badge else _named(code)
        if found is not None:
            _require_open(found, now)
        is_right = _is_right(found, badge=badge, pin=pin)
        user = User.objects.filter(employee_key=found.employee_id, is_active=True).first() if is_right else None
        if user is None:
            _missed(device, MISSES_OF_DEVICE, now)
            if found is not None:
                _missed(found, MISSES_OF_BADGE, now)
        else:
            Device.objects.filter(pk=device.pk).update(misses=0, locked_until=None)
            Badge.objects.filter(pk=found.pk).update(misses=0, locked_until=None, used_at=now)
            session = _begun(user, device, "badge" if badge else "pin", address, now)
    if user is None:
        raise SignInRefused
    return badges.sealed(Ticket(user.pk, device.pk, found.pk, str(found.serial), session))


def _begun(user: User, device: Device, way: str, address: str, now: datetime) -> UUID:
    name = f"{device.code} {device.name}".strip()
    sessions.replaced(user.pk, ("badge", "pin"), name, now)
    return sessions.begin(user.pk, way, device=name, address=address, now=now)


def ticket_of_session(ctx: Context, session: UUID) -> str:
    """Give a ticket for somebody who has signed in to the product itself, on a device of their own.

    It ends with that session.
    """
    return _own(User.objects.get(pk=ctx.person), session)


def ticket_of_link(user: User, now: datetime) -> str:
    """Give a ticket of somebody for a device that opens a link; it ends with their password.

    Writes: its session, where no other link's still stands
    """
    held = [one.pk for one in sessions.of_person(user.pk, now) if one.way == "link"]
    return _own(user, held[0] if held else sessions.begin(user.pk, "link", device="", address="", now=now))


def _own(user: User, session: UUID) -> str:
    return badges.sealed(Ticket(user.pk, None, None, _stamp(user.password), session))


def seat_of(text: str) -> Seat:
    """Give who a ticket lets act, while person, device and badge still stand. Raises: SignInNeeded"""
    ticket = badges.opened(text)
    found = seats_of([ticket])[0] if ticket else None
    if found is None:
        raise SignInNeeded
    return found


def seats_of(tickets: Sequence[Ticket]) -> list[Seat | None]:
    """Give who each ticket lets act, None where person, session, device or badge do not stand any more.

    Writes: when each session was last used, where that was not noted a moment ago. Two statements, else three
    """
    if not tickets:
        return []
    people, now = access.people_of(ticket.user for ticket in tickets), timezone.now()
    held = zip(*((ticket.device, ticket.badge, ticket.session) for ticket in tickets), strict=True)
    standing = {row[:3]: row[3:] for row in db.rows(_STANDING, [*map(list, held)])}
    found = [standing.get((one.device, one.badge, one.session)) for one in tickets]
    seats = [_seat(one, people.get(one.user), row, now) for one, row in zip(tickets, found, strict=True)]
    used = {row[0]: sessions.Standing(*row[:6]) for row, seat in zip(found, seats, strict=True) if row and seat}
    sessions.seen(used.values(), now)
    return seats


#: The right to send what waits of others: that of a leader over what stations told.
SEND = "station.kept_act.book"


def may_send_for_others(who: Principal) -> bool:
    """Say whether somebody may send what waits at a device of people of theirs who are signed out."""
    return who.reach(SEND) not in (None, "own")


def seat_for(seat: Seat, person: UUID, now: datetime) -> Seat:
    """Give the seat of somebody away, for whom another one signed in at the device sends what waits there.

    Gives:  one that acts as that person and names the sender; without any right where the account is shut, so that
            all that is sent is kept for the leader
    Raises: NotForOthers without the right, for people of other plants or teams, and for programs
    """
    who = seat.principal
    account = User.objects.filter(pk=person, is_program=False).first()
    if account is None:
        raise NotForOthers(person=L("此人", "this person"))
    other = access.principal_of(person) or Principal(account.pk, account.name, employee=account.employee_key)
    facts = employees_by_id([other.employee]).get(other.employee) if other.employee else None
    is_near = who.reach(SEND) == "all" or (facts is not None and facts.plant in who.plants)
    if not may_send_for_others(who) or not is_near:
        raise NotForOthers(person=account.name)
    try:
        require_led(seat.context(now, who.language), SEND, people=[other.employee])
    except NotYourTeam as refusal:
        raise NotForOthers(person=account.name) from refusal
    other = replace(other, grants=(*other.grants, acting.OWN_GRANT))
    return replace(seat, principal=other, sender=who, shift=None, zone="", machine=None)


def _seat(
    ticket: Ticket, found: tuple[Principal, str] | None, standing: tuple[Any, ...] | None, now: datetime
) -> Seat | None:
    if found is None or found[0].is_program or standing is None:
        return None
    who, password = found
    session = sessions.Standing(*standing[:6])
    if session.user != who.id or not session.holds(now):
        return None
    station: tuple[Any, ...] = ("", None)
    if ticket.badge is not None:
        serial, employee, *at = standing[6:]
        if str(serial) != ticket.stamp or employee != who.employee or at[0] is None:
            return None
        station = tuple(at)
    elif ticket.stamp != _stamp(password):
        return None
    who = replace(who, grants=(*who.grants, acting.OWN_GRANT))
    code, plant, zone, starts, ends, *more = (*station, "", None, None) if len(station) == 2 else station
    plant = plant or (who.plants[0] if who.plants else default_plant().id)
    return Seat(who, ticket.device, code, plant, zone, Span(starts, ends) if starts else None, *more)


_STANDING = f"""
    SELECT t.device, t.badge, t.session, {sessions.COLUMNS},
           b.serial, b.employee_id, d.code, d.plant_id, p.zone, s.starts_at, s.ends_at, d.seen_at, d.clock_offset,
           d.machine_id
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) t(device, badge, session)
    JOIN kernel_session k ON k.id = t.session
    LEFT JOIN station_badge b ON b.id = t.badge AND b.is_active
    LEFT JOIN station_device d ON d.id = t.device AND d.is_active AND d.digest IS NOT NULL
    LEFT JOIN company_plant p ON p.id = d.plant_id
    LEFT JOIN people_employee e ON e.id = b.employee_id LEFT JOIN people_shift s ON s.id = e.shift_id
"""


def _stamp(password: str) -> str:
    return User(password=password).get_session_auth_hash()[:16]


def _require_badge(text: str) -> None:
    other = None if text.strip().startswith(badges.MARK) else codes.parse(text)
    if other:
        raise NotABadge(what=registry.noun(other.noun).spec.label)


def _scanned(text: str) -> Badge | None:
    read = badges.read_badge(text[:200])
    return Badge.objects.select_for_update().filter(pk=read[0], is_active=True).first() if read else None


def _named(code: str) -> Badge | None:
    rows = Badge.objects.select_for_update(of=("self",)).filter(is_active=True, employee__is_active=True)
    return rows.filter(employee__code__iexact=code.strip()[:32]).first() if code.strip() else None


def _is_right(found: Badge | None, *, badge: str, pin: str) -> bool:
    """Say whether badge or PIN is right; a PIN of nobody takes as long to refuse as a wrong one."""
    if badge:
        read = badges.read_badge(badge[:200])
        return found is not None and read is not None and badges.is_genuine(found.pk, found.serial, read[1])
    if found is None or not found.pin_hash:
        make_password(pin[:12])
        return False
    return check_password(pin[:12], found.pin_hash)


def _require_open(row: Any, now: datetime) -> None:
    if row.locked_until and row.locked_until > now:
        raise SignInLocked(minutes=math.ceil((row.locked_until - now).total_seconds() / 60))


def _missed(row: Any, most: int, now: datetime) -> None:
    misses = row.misses + 1
    locked = now + LOCK if misses >= most else None
    type(row).objects.filter(pk=row.pk).update(misses=0 if locked else misses, locked_until=locked)
