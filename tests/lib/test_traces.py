"""Traces: what is taken for one, and what is handed on."""

from __future__ import annotations

from uuid import UUID

import pytest

from banyan.lib import traces
from banyan.lib.ids import new_id

TRACE, STEP = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{STEP}-01"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (GIVEN, GIVEN),
        (f" {GIVEN} ", GIVEN),
        (f"00-{TRACE}-{STEP}-00", f"00-{TRACE}-{STEP}-00"),
        (f"00-{TRACE}-{STEP}-ff", GIVEN),
        (f"01-{TRACE}-{STEP}-01-later", GIVEN),
        (f"00-{TRACE}-{STEP}-01-later", None),
        (f"ff-{TRACE}-{STEP}-01", None),
        (f"00-{'0' * 32}-{STEP}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (GIVEN.upper(), None),
        (GIVEN[:-1], None),
        ("", None),
        (None, None),
        ("🙂" * 55, None),
    ],
)
def test_only_a_well_formed_parent_is_taken(text, kept):
    assert traces.received(text) == kept


def test_a_step_keeps_the_trace_and_its_flag_and_names_our_key():
    key = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
    assert traces.step(GIVEN, key) == f"00-{TRACE}-aea5966c26f8ad91-01"
    assert traces.received(traces.step(GIVEN, key)) == traces.step(GIVEN, key)


def test_what_is_begun_here_is_well_formed_new_and_not_sampled():
    key = new_id()
    first, second = traces.begun(key), traces.begun(key)
    assert first != second
    assert traces.received(first) == first
    assert first[36:52] == key.hex[16:]
    assert first.endswith("-00")
    assert len(first) == traces.LENGTH
