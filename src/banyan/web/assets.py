"""What the front-end build has made: file names by their source."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DIST = Path(__file__).parent / "static" / "dist"
_SYMBOL = re.compile(r'<symbol id="([^"]+)"')


@lru_cache(maxsize=1)
def _read_manifest() -> dict[str, dict]:
    try:
        return json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        raise ImproperlyConfigured("The front end is not built. Run `make setup`.") from None


def manifest() -> dict[str, dict]:
    """Give the build's manifest. Raises: ImproperlyConfigured when there is no build."""
    if settings.DEBUG:
        _read_manifest.cache_clear()
    return _read_manifest()


def address(source: str) -> str:
    """Give the address of the file made from a source such as `src/main.ts`."""
    return f"{settings.STATIC_URL}dist/{manifest()[source]['file']}"


def styles(source: str) -> list[str]:
    """Give the addresses of the style sheets that a source brings along."""
    return [f"{settings.STATIC_URL}dist/{name}" for name in manifest()[source].get("css", ())]


@lru_cache(maxsize=1)
def icon_names() -> frozenset[str]:
    """Give the icons of the sprite."""
    file = DIST / manifest()["src/icons.svg"]["file"]
    return frozenset(_SYMBOL.findall(file.read_text()))
