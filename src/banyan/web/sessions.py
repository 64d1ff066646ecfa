"""Sessions in the database, read by one prepared statement; written as Django writes them."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from banyan.kernel import db

_LOAD = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


class SessionStore(DatabaseStore):
    """Django's store of sessions. Source: django.contrib.sessions.backends.db, whose `load` this is."""

    def load(self) -> dict[str, Any]:
        found = db.one(_LOAD, [self.session_key, timezone.now()])
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])
