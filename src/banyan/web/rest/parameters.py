"""What a request says beside its body: filters and pages in the address, versions in the headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, QueryDict

from banyan.kernel import db, reading
from banyan.kernel.nouns import Noun
from banyan.lib.errors import Invalid, PreconditionRequired, Stale
from banyan.lib.labels import L

LIMIT = 80
FIND_LIMIT, FIND_MOST = 8, 50
RESERVED = frozenset({"q", "sort", "cursor", "limit", "fields", "expand", "format", "full"})
_ETAG = re.compile(r'"v([1-9]\d{0,9})"')
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})


def query_of(noun: Noun, given: QueryDict) -> reading.Query:
    """Give what an address asks of a list: `?state=draft&amount__gte=10&q=…&sort=-number&limit=50`.

    Raises: Invalid for an unknown name or value
    """
    filters = []
    for name, values in given.lists():
        if name in RESERVED:
            continue
        key, _, operator = name.partition("__")
        if operator and operator not in reading.OPERATORS:
            raise Invalid(
                "filter_operator",
                L(
                    "没有筛选方式 {operator}；可用：{allowed}",
                    "There is no filter {operator}; use one of {allowed}",
                ),
                {"operator": operator, "allowed": list(reading.OPERATORS)},
            )
        filters += [(key, operator or "eq", value) for value in values]
    return reading.Query(
        filters=tuple(filters),
        search=given.get("q", ""),
        sort=given.get("sort", ""),
        cursor=given.get("cursor", ""),
        limit=_limit(given.get("limit")),
        columns=columns_of(noun, given),
        expand=names(given.get("expand")),
    )


def columns_of(noun: Noun, given: QueryDict) -> tuple[str, ...]:
    """Give the fields asked for; without a wish, all of them. Lines may be named like fields."""
    lines = {line.key for line in noun.spec.lines}
    wanted = names(given.get("fields"))
    own = tuple(key for key in wanted if key not in lines and key not in ("id", "version"))
    return own if wanted else tuple(f.key for f in noun.spec.fields)


def lines_of(noun: Noun, given: QueryDict) -> frozenset[str]:
    """Give the lines asked for by name."""
    return frozenset(names(given.get("fields"))) & {line.key for line in noun.spec.lines}


def asked_of(given: QueryDict) -> dict[str, str | list[str]]:
    """Give a query's input from an address: a name given twice is a list, an empty one is not told."""
    told = {name: [text for text in texts if text] for name, texts in given.lists()}
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in told.items() if texts}


def names(text: str | None) -> tuple[str, ...]:
    """Give the names of a comma-separated list, each once."""
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def find_limit(text: str | None) -> int:
    """Give how many records of each noun are wanted."""
    return _limit(text, FIND_LIMIT, FIND_MOST)


def _limit(text: str | None, usual: int = LIMIT, most: int = reading.MOST) -> int:
    if text is None:
        return usual
    if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= most:
        return int(text)
    raise Invalid("limit", L("limit 须为 1 到 {most}", "limit must be 1 to {most}"), {"most": most})


def flag(text: str | None, name: str) -> bool:
    """Give the truth of a yes/no text, no where there is none. Raises: Invalid naming it."""
    lowered = (text or "").strip().lower()
    if lowered in _YES or lowered in _NO:
        return lowered in _YES
    raise Invalid(
        "flag",
        L("{name} 须为 true 或 false", "{name} must be true or false"),
        {"name": name, "value": lowered[:40]},
    )


def is_rehearsal(request: HttpRequest) -> bool:
    """Say whether the caller only wants to know what would happen."""
    return flag(request.headers.get("Dry-Run"), "Dry-Run")


def etag(version: int) -> str:
    return f'"v{version}"'


def versions_of(
    request: HttpRequest, noun: Noun, key: UUID, *, is_required: bool
) -> Mapping[UUID, int] | None:
    """Give the version that If-Match says a record must have, None where any will do.

    Raises: PreconditionRequired where it must be said; Stale where no version named is the present one
    """
    text = request.headers.get("If-Match")
    if text is None:
        if is_required:
            raise PreconditionRequired()
        return None
    if text.strip() == "*":
        return None
    parts = [part.strip() for part in text.split(",")]
    named = [int(match[1]) for match in map(_ETAG.fullmatch, parts) if match]
    if len(parts) == 1 and named:
        return {key: named[0]}
    if not named:
        if all(part.startswith(('"', 'W/"')) and part.endswith('"') for part in parts):
            raise Stale()
        raise Invalid(
            "if_match",
            L("If-Match 须为 ETag，如 {form}", "If-Match must be an ETag such as {form}"),
            {"form": etag(3)},
        )
    if not hasattr(noun.model, "version"):
        return {key: named[0] if 1 not in named else 1}
    found = db.one(f'SELECT version FROM "{noun.model._meta.db_table}" WHERE id = %s', [key])
    if found and found[0] in named:
        return {key: found[0]}
    raise Stale()


def is_known(request: HttpRequest, tag: str) -> bool:
    """Say whether the caller holds this version already (If-None-Match)."""
    held = request.headers.get("If-None-Match", "")
    return bool(held) and tag in {part.strip().removeprefix("W/") for part in held.split(",")}
