"""The story, told on the demo factory: from a customer's order to the books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from banyan.demo import cycles, rongxi
from banyan.demo.story import Silent, Story
from banyan.kernel import db
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.errors import DomainError


class Aloud(Silent):
    def chapter(self, title):
        print("==", title, flush=True)

    def fact(self, what, figure):
        print("  ", what, figure, flush=True)


def tell_of(set_up):
    """Set a factory up and tell its story; a refusal fails the test in words."""
    begins = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=45)
    try:
        plot, people = set_up(Context(SYSTEM, now=begins, through="story", program="story"), Aloud())
        return Story(plot, people, begins=begins, teller=Aloud()).tell()
    except DomainError as refusal:
        pytest.fail(f"{refusal.code}: {refusal} {refusal.data} {refusal.field_texts('en')}")


@pytest.fixture
def told(live_db, settings, tmp_path):
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    return tell_of(rongxi.set_up)


def test_the_story_of_the_demo_factory(told):
    """One pass, because it is long: each figure is what the chapters must come to."""
    figures = told.figures
    assert figures["refused"] == "finance.credit_exceeded"
    assert figures["broken"] == []
    assert len(told.shipments) == 2
    assert len(told.payments) == 2
    assert told.rejected[1:] == (D(10), D(3))
    assert told.scrapped[1] == D(1)
    assert figures["parts"] >= figures["supplied"] > 0
    assert figures["whereabouts"] > 0
    debit, credit, closing = figures["trial"]
    assert debit == credit
    assert closing == 0
    made, checked = figures["vouchers"]
    assert made == checked > 0
    invoice, credit_note = (db.one("SELECT gross_amount FROM finance_customerinvoice WHERE id = %s", [k])[0]
                            for k in (told.invoices[0], told.credit_note))
    assert credit_note < 0 < invoice
    assert set(figures["unit_cost"]) >= {"直接材料", "直接人工", "机器费用"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_story_of_the_bicycle_maker(live_db, settings, tmp_path, needs):
    """The same story on the whole AdventureWorks set; its records must lie beside the checkout."""
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    needs(cycles.RECORDS.is_dir(), "the records of AdventureWorks; set BANYAN_ADVENTUREWORKS to their folder")
    told = tell_of(cycles.set_up)
    assert told.figures["broken"] == []
    assert len(told.shipments) == 2
    assert told.figures["parts"] > 0
    assert told.figures["trial"][2] == 0
