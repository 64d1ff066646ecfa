"""Octets to data: JSON where it is JSON, else text, else base64. Nothing that came is dropped."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any


def json_or_text(octets: bytes) -> tuple[str, Any]:
    """Give the text as received and what it says.

    Gives:  (text, data); what is no JSON is {"text": …}, what no database column can hold as text is {"base64": …}
    """
    try:
        text = octets.decode()
        if "\0" in text or "\\u0000" in text:
            raise ValueError("a null character")
    except ValueError:
        text = b64encode(octets).decode()
        return text, {"base64": text}
    try:
        return text, json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text, {"text": text}


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
