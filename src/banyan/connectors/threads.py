"""What each thread keeps for itself: clients that no two threads may use at once."""

from __future__ import annotations

import threading
from typing import Any


class PerThread:
    """A keep of clients, one for each thread that asks."""

    def __init__(self) -> None:
        self._local = threading.local()

    def mine(self) -> dict[Any, Any]:
        """Give what the thread that asks keeps, by whatever it is known by."""
        try:
            return self._local.kept
        except AttributeError:
            self._local.kept = {}
            return self._local.kept
