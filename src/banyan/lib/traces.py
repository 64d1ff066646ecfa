"""Traces over several systems: the `traceparent` of W3C Trace Context, read, begun and handed on.

A trace has one name of 32 hex digits from end to end; every step in it has a name of its own of 16. Ours are the tails
of our keys, so that the call or message that took a step is known from the step alone.

Source: W3C Trace Context, level 1, section 3.2 (traceparent)
"""

from __future__ import annotations

import re
import secrets
from uuid import UUID

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NONE = ("0" * 32, "0" * 16)
#: As long as one of the present version is.
LENGTH = 55


def received(text: str | None) -> str | None:
    """Give a `traceparent` that came in as one of the present version, None where it is none: a new trace begins.

    A later version is read as far as the present one goes.
    """
    found = _FORM.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    version, trace, step, flags, more = found.groups()
    if version == "ff" or trace == _NONE[0] or step == _NONE[1] or (version == "00" and more):
        return None
    return f"00-{trace}-{step}-{int(flags, 16) & 1:02x}"


def step(parent: str, key: UUID) -> str:
    """Give the same trace with the step of one of our keys in place of its parent's."""
    return f"{parent[:36]}{key.hex[16:]}{parent[52:]}"


def begun(key: UUID, *, is_recorded: bool = False) -> str:
    """Give a new trace whose first step is one of our keys; where we do not record it, nobody further on need do so."""
    return f"00-{secrets.token_hex(16)}-{key.hex[16:]}-{is_recorded:02x}"


def is_recorded(traceparent: str) -> bool:
    """Say whether those before us record this trace, so that we do, too."""
    return int(traceparent[53:55], 16) & 1 == 1


def step_of(traceparent: str) -> str:
    """Give the name of the step that a `traceparent` stands at."""
    return traceparent[36:52]


def trace_of(traceparent: str) -> str:
    """Give what all steps of one trace begin with, up to the step's own name."""
    return traceparent[:36]
