"""Work that is told after its period was closed: booked on the first open day, and said so."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from banyan.lib.ids import new_id
from banyan.modules.finance import posting
from banyan.modules.finance.models import Entry
from banyan.modules.finance.tests.test_ledger import close
from banyan.modules.inventory.errors import PeriodClosed
from banyan.modules.inventory.models import Move
from banyan.modules.production.models import Report, ReportFlag
from banyan.modules.production.tests.conftest import Shop
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
FEBRUARY = datetime(2026, 2, 27, 2, tzinfo=UTC)


@pytest.fixture
@stands
def books(world):
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=2026)


@pytest.fixture
@stands
def shop(world, books):
    made = Shop(world)
    made.stocked()
    return made


def late(shop, order, at=FEBRUARY):
    """Turn and mill three pieces offline; milling takes screws by itself."""
    said = {"offline": True, "device_at": at.isoformat()}
    shop.send(*(shop.say(order, sequence, "good", 3, **said) for sequence in (10, 20)))
    return Entry.objects.filter(event="conversion"), Move.objects.filter(origin=order.pk, item=shop.world.screw)


def test_late_work_is_posted_on_the_day_it_was_done_while_that_is_open(shop):
    entries, moves = late(shop, shop.released())
    assert set(entries.values_list("on", "text")) == {(date(2026, 2, 27), "")}
    assert set(moves.values_list("moved_at", "flag")) == {(FEBRUARY, "")}
    assert not ReportFlag.objects.exists()


def test_work_of_a_closed_period_is_posted_on_the_first_open_day_and_says_so(shop, ctx):
    order = shop.released()
    for code in ("2026-01", "2026-02"):
        close(ctx, code)
    entries, moves = late(shop, order)
    ((on, text),) = set(entries.values_list("on", "text"))
    assert on == date(2026, 3, 1)
    assert "2026-02-27" in text
    ((moved_at, flag),) = set(moves.values_list("moved_at", "flag"))
    assert (moved_at, flag) == (datetime(2026, 2, 28, 16, tzinfo=UTC), "closed_period")  # midnight in Shanghai
    assert set(Report.objects.values_list("day", flat=True)) == {date(2026, 2, 27)}
    assert list(ReportFlag.objects.values_list("kind", "state")) == [("period", "open")] * 2


def test_a_hold_put_on_later_does_not_stop_what_a_closed_period_dates_later(shop, ctx):
    from banyan.modules.inventory import commands as stock
    from banyan.modules.inventory.values import MoveIntent

    for code in ("2026-01", "2026-02"):
        close(ctx, code)
    lot = shop.steel_lot
    shop.world.do("inventory.lot.hold", lot, reason="复检")
    fact = MoveIntent(
        item=shop.world.steel.pk, quantity=1, source=shop.places.warehouse, target=shop.places.production, lot=lot.pk,
        origin_noun="test.fact", origin=new_id(), moved_at=FEBRUARY, is_fact=True,
    )  # fmt: skip
    (move,) = shop.inside(lambda ctx: stock.post_moves(ctx, [fact]))
    assert move.flag == "held_lot"


def test_the_first_open_day_skips_what_is_closed(shop, ctx):
    day = date(2026, 1, 5)
    assert posting.first_open_day(day) == day
    close(ctx, "2026-01")
    assert posting.first_open_day(day) == date(2026, 2, 1)
    assert posting.first_open_day(date(2025, 6, 1)) == date(2026, 2, 1)
    assert posting.first_open_day(date(2027, 1, 1)) is None


def test_without_books_every_day_is_open(world):
    assert posting.first_open_day(date(2026, 1, 5)) == date(2026, 1, 5)


def test_an_undo_on_a_closed_order_leaves_its_books_at_nothing(shop):
    from banyan.kernel.proofs import run

    order = shop.released()
    told = shop.report(order, 10, "good", 3)
    shop.world.do("production.work_order.close", order)
    back = shop.say(order, None, "undo", reverses=told.id, offline=True, device_at=shop.ctx.now.isoformat())
    assert shop.send(back)[0].flags == ("closed",)
    assert [v.proof.key for v in run(["finance.closed_orders"]) if not v.is_green] == []


def told(shop, at, key, *ids, **data):
    """Do something that was done earlier, as a warehouse's phone tells it."""
    before, shop.world.ctx = shop.world.ctx, shop.ctx.with_(told_at=at)
    try:
        return shop.world.do(key, *ids, **data)
    finally:
        shop.world.ctx = before


def test_goods_that_came_in_a_closed_period_are_posted_on_the_first_open_day_and_keep_their_own(shop, ctx):
    world = shop.world
    lines = [{"item": world.part, "quantity": "9", "price": "10"}]
    order = world.make("purchasing.order", party=world.supplier, plant=world.plant, lines=lines)
    world.do("purchasing.order.order", order)
    bin = world.make("inventory.location", code="B-1", name="货位", kind="bin", plant=world.plant)
    for code in ("2026-01", "2026-02"):
        close(ctx, code)
    (receipt,) = told(shop, FEBRUARY, "purchasing.order.receive", order)
    told(shop, FEBRUARY, "purchasing.receipt.book", receipt)
    moved = dict(item=world.part.pk, quantity="2", source=shop.places.warehouse, target=bin.pk)
    document = told(shop, FEBRUARY, "inventory.stock_document.transfer", **moved)
    receipt.refresh_from_db()
    assert (receipt.arrived_at, receipt.booked_at, document.moved_at) == (FEBRUARY,) * 3
    assert receipt.arrived_on == date(2026, 2, 27)
    moves = Move.objects.filter(origin__in=[receipt.pk, document.pk])
    assert set(moves.values_list("moved_at", "flag")) == {(datetime(2026, 2, 28, 16, tzinfo=UTC), "closed_period")}
    assert moves.count() == 3
    assert set(Entry.objects.filter(origin=receipt.pk).values_list("on", flat=True)) == {date(2026, 3, 1)}
    paper = world.make(
        "inventory.stock_document", kind="transfer", plant=world.plant, moved_at=FEBRUARY.isoformat(), target=bin.pk,
        lines=[{"item": world.part, "quantity": "1"}],
    )  # fmt: skip
    with pytest.raises(PeriodClosed):  # what is written down at the desk is no fact
        world.do("inventory.stock_document.post", paper)
