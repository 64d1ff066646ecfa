"""A connection of the pool of a web process: before each request it must be known to stand still."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg

#: Seconds after which a connection is asked over the wire all the same: a network may go without a word.
DOUBTED_AFTER = 20.0


class Pooled(psycopg.Connection):
    """A connection that asks the server whether it still stands only where there is reason to doubt it.

    The pool asks before each request by an empty statement, whose way there and back was a fourteenth of a report.
    A server that has ended a connection has closed it or said so, which shows at the socket without asking.
    """

    _known_at = float("-inf")

    def execute(self, query: Any, *args: Any, **more: Any) -> Any:
        """Run a statement; the empty one only where the connection is in doubt."""
        if query != "":
            return super().execute(query, *args, **more)
        now = time.monotonic()
        if now - self._known_at < DOUBTED_AFTER and self._is_quiet():
            return self.cursor()
        answered = super().execute(query, *args, **more)
        self._known_at = now
        return answered

    def _is_quiet(self) -> bool:
        """Say whether the server has neither spoken nor hung up since it was last heard."""
        if self.closed:
            return False
        socket = select.poll()
        socket.register(self.fileno(), select.POLLIN)
        return not socket.poll(0)
