"""The story, told on the demo factory and on real records: from a customer's order to the books.

It is told as the role that `banyan story` has, so that a missing grant is found here.
"""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.demo import cycles
from banyan.demo.story import CHAPTERS, fill, is_unfinished
from banyan.kernel import db
from banyan.lib.errors import DomainError


class Aloud:
    """Prints the story and keeps its titles and facts."""

    def __init__(self):
        self.chapters, self.facts = [], []

    def chapter(self, title):
        self.chapters.append(title)
        print("==", title.zh, flush=True)

    def fact(self, text):
        self.facts.append(text)
        print("  ", text.zh, flush=True)


def tell_of(factory, teller):
    """Set a factory up and tell its story; a refusal fails the test in words."""
    try:
        told = fill(factory, teller)
    except DomainError as refusal:
        pytest.fail(f"{refusal.code}: {refusal} {refusal.data} {refusal.field_texts('en')}")
    assert db.one("SELECT current_user")[0] == "banyan_app"
    assert not is_unfinished()
    assert len(set(teller.chapters)) == CHAPTERS[factory]
    return told


def prove(told):
    """Prove what the story must come to in any factory."""
    figures = told.figures
    assert figures["refused"] == "finance.credit_exceeded"
    assert figures["broken"] == []
    assert len(told.shipments) == 2
    assert len(told.payments) == 2
    assert told.rejected[1:] == (D(10), D(3))
    assert told.scrapped[1] == D(1)
    assert figures["parts"] > figures["supplied"] > 0
    assert figures["depth"] >= 3
    assert figures["whereabouts"] > 0
    assert len(figures["customers"]) == 1
    debit, credit, closing = figures["trial"]
    assert debit == credit
    assert closing == 0
    made, checked = figures["vouchers"]
    assert made == checked > 0
    invoice, credit_note = (
        db.one("SELECT gross_amount FROM finance_customerinvoice WHERE id = %s", [key])[0]
        for key in (told.invoices[0], told.credit_note)
    )
    assert credit_note < 0 < invoice
    assert figures["receivable"] == figures["receivable_explained"]
    assert set(figures["unit_cost"]) >= {"直接材料", "直接人工", "机器费用"}
    assert min(figures["unit_cost"].values()) > 0
    open_orders = "SELECT count(*) FROM production_workorder WHERE id = ANY(%s) AND state <> 'closed'"
    assert db.one(open_orders, [told.work_orders])[0] == 0


@pytest.fixture
def aloud(live_db, app_role, settings, tmp_path):
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    return Aloud()


def test_the_story_of_the_demo_factory(aloud):
    """One pass, because it is long: each figure is what the chapters must come to, told in both languages."""
    told = tell_of("demo", aloud)
    prove(told)
    assert len(told.work_orders) >= 20
    for text in (*aloud.chapters, *aloud.facts):
        assert "{" not in text.zh + text.en


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_story_of_the_bicycle_maker(aloud, needs):
    """The same story on the whole AdventureWorks set; its records must lie beside the checkout.

    The plan finds parts out of use and parts at line sides; the factory takes up again and fetches them.
    """
    needs(cycles.RECORDS.is_dir(), "the records of AdventureWorks; set BANYAN_ADVENTUREWORKS to their folder")
    told = tell_of("adventureworks", aloud)
    prove(told)
    assert told.taken_up == ["FW-M762", "HS-2451", "RW-M762"]
    assert told.fetched > 30
    codes = "SELECT count(DISTINCT i.code) FROM production_workorder w JOIN items_item i ON i.id = w.item_id"
    assert db.one(codes)[0] >= 14
    left = "SELECT count(*), count(*) FILTER (WHERE priority <> 'safety') FROM planning_plannedorder"
    waiting, for_customers = db.one(f"{left} WHERE state = 'planned'")
    assert waiting > 100
    assert for_customers == 0
