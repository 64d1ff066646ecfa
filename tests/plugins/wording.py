"""What makes a pair of texts whole: said in both languages, each in its own, with the same facts."""

from __future__ import annotations

import re
from collections import Counter

CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
#: `{name}` and `{0}`; what stands between other braces is an example of JSON.
SLOT = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*|\d*)(?:[:!][^{} ]*)?\}")
#: A fact that is named after the language it is in.
_SIDE = re.compile(r"(^|_)(zh|en)(?=_|$)")
_WORD = re.compile(r"[A-Za-z]{2,}")
#: The product's name, the same on either side.
BRAND = "榕"
#: Names that are the same in every language, and the one name that is never translated.
OWN_NAMES = frozenset({("中文", "中文")})


def slots(text: str) -> Counter[str]:
    """Give the facts that a text names, with how often."""
    named = (found[1] or "" for found in SLOT.finditer(text) if found[0] not in ("{{", "}}"))
    return Counter(_SIDE.sub(r"\1side", name) for name in named)


def is_chinese(text: str) -> bool:
    """Say whether a text holds Chinese, beside the product's name."""
    return bool(CHINESE.search(text.replace(BRAND, "")))


def faults_of_pair(zh: str, en: str) -> list[str]:
    """Give what is wrong with a pair of texts; a name may be the same in both."""
    faults = [f"the {side} side is empty" for side, text in (("Chinese", zh), ("English", en)) if not text.strip()]
    if faults or (zh, en) in OWN_NAMES:
        return faults
    if is_chinese(en):
        faults.append(f"{en!r} is not English")
    if zh != en and not is_chinese(zh) and _WORD.search(SLOT.sub("", zh)) and _latin(zh) != _latin(en):
        faults.append(f"{zh!r} is not Chinese")
    if set(slots(zh)) != set(slots(en)):
        faults.append(f"{zh!r} and {en!r} name other facts: {sorted(slots(zh))}, {sorted(slots(en))}")
    return faults


def _latin(text: str) -> list[str]:
    return _WORD.findall(text)
