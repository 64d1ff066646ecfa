"""Declared queries over REST: by address or by body the same answer; refused like any other read."""

from __future__ import annotations

import pytest

from banyan.kernel import queries
from banyan.web.rest import openapi

pytestmark = pytest.mark.django_db
BALANCE = "queries/finance.trial_balance"


@pytest.fixture
def plant(world):
    return world.plant


def test_address_and_body_give_the_same_answer(api, plant):
    days = {"first": "2026-01-01", "last": "2026-01-31"}
    by_address, by_body = api.get(f"{BALANCE}?first=2026-01-01&last=2026-01-31"), api.post(BALANCE, days)
    assert (by_address.status_code, by_body.status_code) == (200, 200)
    assert by_address.data == by_body.data
    assert [c["key"] for c in by_address.data["columns"]] == [
        "code",
        "name",
        "opening",
        "debit",
        "credit",
        "closing",
    ]


def test_what_is_left_empty_in_an_address_is_not_told(api, plant):
    assert api.get(f"{BALANCE}?first=&last=").status_code == 200


@pytest.mark.parametrize(("query", "field"), [("first=soon", "first"), ("nothing=1", "nothing")])
def test_a_fault_in_an_address_is_named(api, query, field):
    answer = api.get(f"{BALANCE}?{query}")
    assert answer.status_code == 422
    assert field in answer.content.decode()


def test_a_missing_field_is_named(api):
    answer = api.get("queries/finance.ledger")
    assert answer.status_code == 422
    assert "account" in answer.content.decode()


def test_who_has_no_right_is_refused(account):
    assert account("sales.*").get(BALANCE).status_code == 403


def test_every_query_is_described_with_its_fields_in_the_address():
    paths = openapi.document("en")["paths"]
    for asked in queries.queries():
        told = paths[f"/queries/{asked.key}"]["get"].get("parameters", [])
        assert {one["name"] for one in told} == set(asked.input.model_fields if asked.input else ())
        assert all(one["in"] == "query" and one["description"] for one in told)


def test_a_question_about_a_record_that_does_not_exist_is_refused(api):
    """Whatever the query: every reference that a question can name is checked before it is asked."""
    nobody = "67d9849f-3c94-58e0-9974-b822f0a612e1"
    answer = api.post("queries/engineering.explosion", {"item": nobody, "is_summed": True})
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.data["errors"]] == ["item"]
