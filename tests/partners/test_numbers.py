"""Numbers for partners that take none written as text."""

from __future__ import annotations

import json

from banyan.connectors.numbers import with_numbers


def test_named_texts_are_numbers_however_deep_and_what_cannot_be_said_stays():
    given = {"qty": "40", "price": "88.90", "code": "007", "lines": [{"qty": "0.5", "note": "1"}], "at": {"qty": None}}
    assert json.dumps(with_numbers(given, {"qty", "price"})) == (
        '{"qty": 40, "price": 88.9, "code": "007", "lines": [{"qty": 0.5, "note": "1"}], "at": {"qty": null}}'
    )
    for text in ("12345678901234.567", "viel", ""):
        assert with_numbers({"qty": text}, {"qty"}) == {"qty": text}
