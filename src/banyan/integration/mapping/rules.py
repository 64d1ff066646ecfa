"""Decisions without a database: when two texts are the same, which record an outside thing is, whose value stays."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_DIGITS = frozenset("0123456789")


def compared(text: Any, how: str) -> str:
    """Give a text as it is compared: exact, folded (case, width and blanks aside), or its digits only."""
    plain = "" if text is None else str(text).strip()
    if how == "exact":
        return plain
    narrow = unicodedata.normalize("NFKC", plain)
    if how == "digits":
        return "".join(c for c in narrow if c in _DIGITS)
    return "".join(narrow.casefold().split())


class Rule(NamedTuple):
    """One of their facts against one field of ours."""

    fact: str
    field: str
    compare: str
    decides: str

    @property
    def name(self) -> str:
        return f"{self.fact} = {self.field}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which records an outside thing may be: one that is sure, one that is likely, several, or none.

    Takes:  outcome: confirmed, proposed, doubtful or unknown; records with the rules that name each
    """

    outcome: str
    records: tuple[tuple[Any, tuple[str, ...]], ...] = ()


def verdict(found: Sequence[tuple[Rule, Sequence[Any]]], taken: frozenset[Any] = frozenset()) -> Verdict:
    """Give the verdict over one outside thing.

    Takes:  found: for each rule, in order, the records it names; taken: records that have a main code there already
    Gives:  the first rule that names exactly one free record decides, unless a stronger one named several; then all
            records named by any rule are candidates
    """
    by_record: dict[Any, list[str]] = {}
    for rule, records in found:
        for record in records:
            by_record.setdefault(record, []).append(rule.name)
    everyone = tuple((record, tuple(names)) for record, names in by_record.items())
    for rule, records in found:
        if not records:
            continue
        free = [record for record in records if record not in taken]
        if len(records) == 1 and free:
            outcome = "confirmed" if rule.decides == "confirms" else "proposed"
            return Verdict(outcome, ((free[0], tuple(by_record[free[0]])),))
        return Verdict("doubtful", everyone)
    return Verdict("unknown")


@dataclass(frozen=True, slots=True)
class Version:
    """A record as survivorship sees it: its values, when it was made and last changed."""

    key: Any
    values: Mapping[str, Any]
    created_at: Any
    changed_at: Any


def survivors(winner: Version, losers: Sequence[Version], rules: Mapping[str, str]) -> dict[str, tuple[Any, Any]]:
    """Give, for each field that a rule speaks of and that would change, the value kept and whose it is.

    Takes:  rules: by field winner, newest, oldest, filled or longest
    Gives:  only fields whose kept value is not the winner's; nothing never replaces something
    """
    kept: dict[str, tuple[Any, Any]] = {}
    for field, how in rules.items():
        everyone = [one for one in (winner, *losers) if not is_nothing(one.values.get(field))]
        if not everyone or how == "winner":
            continue
        if how == "filled":
            chosen = everyone[0]
        elif how == "newest":
            chosen = max(everyone, key=lambda one: one.changed_at)
        elif how == "oldest":
            chosen = min(everyone, key=lambda one: one.created_at)
        else:
            chosen = max(everyone, key=lambda one, field=field: len(str(one.values[field])))
        if chosen.key != winner.key and chosen.values[field] != winner.values.get(field):
            kept[field] = (chosen.values[field], chosen.key)
    return kept


def is_nothing(value: Any) -> bool:
    return value is None or value == "" or value == []
