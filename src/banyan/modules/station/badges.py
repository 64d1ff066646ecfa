"""Codes and tickets of the shop floor: what a badge's QR says, what pairs a device, what a sign-in is worth.

Nothing here is stored: a badge's code is a keyed hash of who and which issue, so that a copy of the database
opens no door, and a lost card is made void by its next issue.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing

from banyan.kernel import sessions
from banyan.web import codes

#: Letters and digits that are not mistaken for one another.
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAIRING_LENGTH = 10
_MAC_LENGTH = 20
_SALT = "banyan.station.ticket"
MARK = "BB1."


def new_pairing_code() -> str:
    """Make a code that a person can type: 31^10 possibilities for a quarter of an hour."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_PAIRING_LENGTH))


def spelled(code: str) -> str:
    """Give a pairing code in two groups."""
    return f"{code[:5]}-{code[5:]}"


def tidy(code: str) -> str:
    """Give a pairing code as it was made, however it was typed."""
    return "".join(c for c in code.upper() if c in _LETTERS)


def badge_code(badge: UUID, serial: int) -> str:
    """Give what the QR on a badge says."""
    return f"{MARK}{codes.shorten(badge)}.{_mac(badge, serial)}"


def read_badge(text: str) -> tuple[UUID, str] | None:
    """Give the badge and the proof that a scanned text names, None where it is no badge."""
    head, _, proof = text.strip().removeprefix(MARK).partition(".")
    found = codes.read_ref("station.badge", head) if text.strip().startswith(MARK) else None
    return (found.id, proof) if found and found.id and proof else None


def is_genuine(badge: UUID, serial: int, proof: str) -> bool:
    """Say whether a proof is that of a badge's present issue."""
    return hmac.compare_digest(_mac(badge, serial), proof)


def _mac(badge: UUID, serial: int) -> str:
    key = hashlib.sha256(b"banyan.station.badge" + settings.SECRET_KEY.encode()).digest()
    number = int.from_bytes(hmac.new(key, badge.bytes + serial.to_bytes(8, "big"), hashlib.sha256).digest(), "big")
    return "".join(_LETTERS[number >> 5 * n & 31] for n in range(_MAC_LENGTH))


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who signed in, on which paired device (none: the person's own), and what must still hold for it to count.

    `session` is the sign-in's, or on a device of one's own that of the browser.
    """

    user: UUID
    device: UUID | None
    badge: UUID | None
    stamp: str
    session: UUID


def ticket_age() -> timedelta:
    """Give how long a station may send what somebody did who signed in on it once; a new sign-in begins it anew."""
    return sessions.limits("badge")[1]


def sealed(ticket: Ticket) -> str:
    """Give a ticket as the device keeps it."""
    held = [str(ticket.user), str(ticket.device or ""), str(ticket.badge or ""), ticket.stamp, str(ticket.session)]
    return signing.dumps(held, salt=_SALT)


def opened(text: str) -> Ticket | None:
    """Give the ticket that was sealed, None where it is not genuine or too old."""
    try:
        user, device, badge, stamp, session = signing.loads(text, salt=_SALT, max_age=ticket_age())
        return Ticket(
            UUID(user), UUID(device) if device else None, UUID(badge) if badge else None, stamp, UUID(session)
        )  # fmt: skip
    except (signing.BadSignature, ValueError, TypeError):
        return None
