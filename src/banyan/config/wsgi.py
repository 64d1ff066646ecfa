"""The WSGI application that the web processes serve."""

import gc
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.settings")
DRAINED_MOST = 128 * 1024 * 1024
PIECE = 256 * 1024


def drained(application: Callable) -> Callable:
    """Give the application that reads on, up to 128 MB, what it was sent and did not want.

    A connection is cut when it still carries a body, and whoever sends one too large would not read the answer why.
    """

    def answer(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        answered = application(environ, start_response)
        left = DRAINED_MOST
        try:
            while left > 0 and (piece := environ["wsgi.input"].read(PIECE)):
                left -= len(piece)
        except OSError:
            pass
        return answered

    return answer


application = drained(get_wsgi_application())

# What is loaded stays: the collector need not look through it again and again (4 % of a report's time).
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
