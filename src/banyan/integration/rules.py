"""Decisions of the bus, without database, clock or chance: pass them in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

#: Seconds between tries. Source: Standard Webhooks, "Deliverability and reliability".
RETRIES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0


def pause_before_next(tries: int, schedule: Sequence[int], chance: float, retry_after: float | None) -> float | None:
    """Give the seconds until the next try, None when there is none left.

    Takes:  tries: how many there were; schedule: the usual one when empty; chance: from 0 to 1;
            retry_after: seconds the partner asked for, which are never undercut
    """
    pauses = schedule or RETRIES
    if tries > len(pauses):
        return None
    pause = pauses[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return max(pause, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker as it stands: failures in a row, how often it opened in a row."""

    state: str = "closed"
    failures: int = 0
    opened: int = 0


def breaker_after(breaker: Breaker, *, succeeded: int, failed: int, most: int) -> tuple[Breaker, float | None]:
    """Give the breaker after a batch, and the seconds it stays open, None where it does not open now.

    One success closes it. So many failures in a row open it; each time it opens again without a success between,
    it stays open twice as long.
    """
    if succeeded:
        return Breaker(), None
    if not failed:
        return breaker, None
    failures = breaker.failures + failed
    if breaker.state == "closed" and failures < most:
        return replace(breaker, failures=failures), None
    opened = breaker.opened + 1
    return Breaker("open", failures, opened), min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (opened - 1))


def granted(tokens: float, seconds: float, *, rate: float, burst: int, wanted: int) -> tuple[int, float]:
    """Give how many calls a token bucket grants, and what is left in it.

    Takes:  tokens: what was in it; seconds: since then
    """
    filled = min(float(burst), tokens + max(0.0, seconds) * rate)
    given = max(0, min(wanted, int(filled)))
    return given, filled - given


def matches(type_: str, patterns: Sequence[str]) -> bool:
    """Say whether an event's type is one of those named; `*` stands for any text."""
    return any(type_ == pattern or ("*" in pattern and fnmatchcase(type_, pattern)) for pattern in patterns)


_SETTING = re.compile(r"\bsettings\.(\w+)", re.ASCII)


def condition_set_to(text: str, settings: Mapping[str, str]) -> str:
    """Give a condition with the values of settings in place of `settings.NAME`, which filters cannot read."""
    return _SETTING.sub(lambda found: json.dumps(settings.get(found[1], ""), ensure_ascii=False), text)


def value_set_to(value: Any, settings: Mapping[str, str]) -> Any:
    """Give data in which each text that is just `settings.NAME` is that setting."""
    if isinstance(value, Mapping):
        return {name: value_set_to(one, settings) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [value_set_to(one, settings) for one in value]
    if isinstance(value, str) and (found := _SETTING.fullmatch(value)):
        return settings.get(found[1], "")
    return value
