"""The state bar: the happy path, and a side state only for the record that is in it."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from banyan.web.views.forms import steps


def shown(noun: str, state: str) -> str:
    marks = {"done": "", "now": "*", "next": ""}
    return " ".join(step.key + marks[place] for step, place in steps(registry.noun(noun), state))


@pytest.mark.parametrize(
    ("noun", "state", "bar"),
    [
        ("inventory.lot", "released", ""),
        ("inventory.lot", "held", "released held*"),
        ("inventory.lot", "rejected", "released rejected*"),
        ("sales.order", "confirmed", "draft confirmed* shipped closed"),
        ("sales.order", "partly_shipped", "draft confirmed partly_shipped* shipped closed"),
        ("sales.order", "cancelled", "draft confirmed cancelled*"),
        ("sales.shipment", "shipped", "draft shipped*"),
        ("purchasing.order", "ordered", "draft ordered* confirmed received closed"),
        ("purchasing.receipt", "arrived", "draft arrived* booked"),
        ("production.work_order", "released", "planned released* running completed closed"),
        ("production.work_order", "firm", "planned firm* released running completed closed"),
        ("production.completion", "posted", ""),
        ("finance.customer_invoice", "posted", "draft posted* paid"),
        ("finance.customer_invoice", "reversed", "draft posted reversed*"),
        ("engineering.bom", "superseded", "draft released superseded*"),
    ],
)
def test_the_bar_shows_the_happy_path(noun, state, bar):
    assert shown(noun, state) == bar


def test_no_bar_leads_by_itself_to_a_failure():
    for noun in registry.nouns():
        life = noun.spec.life
        for step, place in steps(noun, life.initial) if life else ():
            assert place != "next" or step.tone != "red", noun.spec.key
