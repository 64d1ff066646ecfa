"""Sessions in the database, read by one prepared statement; written as Django writes them.

Each session of somebody who has signed in has its record (kernel.sessions): where that has ended, or outlived its
limits, the session is nobody's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from banyan.kernel import db, sessions
from banyan.kernel.models import User
from banyan.kernel.sessions import Standing
from banyan.web import devices

_LOAD = f"""
    SELECT s.session_data, {sessions.COLUMNS} FROM django_session s LEFT JOIN kernel_session k ON k.digest = %s
    WHERE s.session_key = %s AND s.expire_date > %s
"""
#: Sent by scripts with what they ask by themselves: a page that is left open is not in use.
UNASKED = "Banyan-Unasked"


class SessionStore(DatabaseStore):
    """Django's store of sessions. Source: django.contrib.sessions.backends.db, whose `load` this is.

    `standing` says of whose session this is that it stands; None while nobody has signed in.
    """

    standing: Standing | None = None

    def load(self) -> dict[str, Any]:
        now, self.standing = timezone.now(), None
        found = db.one(_LOAD, [sessions.digest_of(self.session_key or ""), self.session_key, now])
        data = self.decode(found[0]) if found else None
        if data is not None and SESSION_KEY in data:
            self.standing = Standing(*found[1:]) if found[1] else None
            if self.standing is None or not self.standing.holds(now):
                self.standing = data = None
        if data is None:
            self._session_key = None
            return {}
        return data

    def seen(self, now: datetime) -> None:
        """Note that whoever has signed in uses it."""
        if self.standing is not None:
            sessions.seen([self.standing], now)

    def cycle_key(self) -> None:
        """Give the session a new key. Source: django.contrib.sessions.backends.base; its record goes on with it."""
        data, old = self._session, self.session_key
        self.create()
        self._session_cache = data
        if old:
            sessions.moved(old, self.session_key)
            self.delete(old)

    def delete(self, session_key: str | None = None) -> None:
        gone = session_key or self.session_key
        super().delete(session_key)
        if gone:
            sessions.left(gone, timezone.now())


@receiver(user_logged_in, dispatch_uid="banyan.sessions")
def note(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Note where somebody has signed in. Writes: the session's record"""
    if isinstance(request.session, SessionStore):
        if request.session.session_key is None:  # somebody else was signed in here: that session was thrown away
            request.session.create()
        sessions.begin(
            user.pk, "password", device=devices.words_of(request.META.get("HTTP_USER_AGENT", "")),
            address=devices.address_of(request), now=timezone.now(), key=request.session.session_key,
        )  # fmt: skip
