"""What holds for every event that the product can tell: it is called something, in both languages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields

import pytest

from banyan.integration.gateway import payloads
from banyan.kernel.events import Event, label_of
from banyan.lib.labels import Label

HAN = re.compile(r"[\u4e00-\u9fff]")
CODE = re.compile(r"`([^`]+)`")
KINDS = payloads.event_types()


def faults(kind: type[Event]) -> list[str]:
    """Give what is wrong with how an event is called; a label or a sentence of the class it extends is not its own."""
    label, help_ = vars(kind).get("label"), vars(kind).get("help")
    found = [] if isinstance(label, Label) else ["no label of its own"]
    if help_ is None and kind.help is not None:
        found.append("the sentence of another event")
    for text in (one for one in (label, help_) if one is not None):
        found += [] if HAN.search(text.zh) else [f"no Chinese: {text.zh}"]
        found += [f"Chinese in English: {text.en}"] if HAN.search(text.en) else []
    if help_ is not None and Counter(CODE.findall(help_.zh)) != Counter(CODE.findall(help_.en)):
        found.append("the languages name other facts")
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_an_event_has_a_label_of_its_own_in_both_languages(kind):
    assert faults(kind) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_two_events_are_called_the_same(language):
    called = Counter(label_of(kind).in_(language) for kind in KINDS)
    assert [label for label, count in called.items() if count > 1] == []


def test_what_an_event_says_of_itself_is_none_of_its_facts():
    assert not [kind.type for kind in KINDS if {"label", "help"} & {field.name for field in fields(kind)}]


def test_an_event_that_only_inherits_its_words_is_found():
    named = next(kind for kind in KINDS if kind.help is not None)
    heir = type("Heir", (named,), {"__module__": __name__})
    assert faults(heir) == ["no label of its own", "the sentence of another event"]
