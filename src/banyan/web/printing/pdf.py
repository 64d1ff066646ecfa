"""From HTML to PDF, and from an address to a picture of its code. Nothing is fetched from anywhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

#: It would write a line for every page.
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)


def pages_of(html: str) -> Any:
    """Give HTML laid out on pages."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    return HTML(string=html, url_fetcher=URLFetcher(allowed_protocols={"data"})).render()


def pdf_of(sheets: Iterable[str], progress: Callable[[int], None] = lambda _done: None) -> bytes:
    """Give sheets of HTML as one PDF; each counts its own pages.

    Takes:  progress: told after each sheet how many are laid out
    """
    laid = []
    for number, sheet in enumerate(sheets, start=1):
        laid.append(pages_of(sheet))
        progress(number)
    first, pages = laid[0], [page for one in laid for page in one.pages]
    return first.copy(pages).write_pdf()


#: Dots a side of each module of a code: enough for a printer to keep its edges, and drawn faster than shapes.
_DOTS = 6


@lru_cache(maxsize=4096)
def qr(text: str) -> str:
    """Give a code to scan, with its quiet zone, as it stands in a page."""
    import segno

    return segno.make(text, error="m", micro=False).png_data_uri(border=4, scale=_DOTS)
