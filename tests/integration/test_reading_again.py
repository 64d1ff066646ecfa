"""A partner read again from a date: what is missing comes in, what is here stays once, the flow's own place stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from banyan.integration import reads
from banyan.integration.commands.reading import JOB
from banyan.integration.errors import NothingRead, NotListedByTime, WrongRange
from banyan.integration.models import Flow, Message, Position
from banyan.kernel import jobs
from banyan.kernel.models import JobRun
from banyan.modules.channels.models import ChannelOrder
from banyan.modules.channels.tests.conftest import Stall
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, joined, open_shop
from tests.integration.test_faults import ROLE
from tests.plugins.world import World

DAY = timedelta(days=1)


@pytest.fixture
def trade(live_db, ctx, settings, tmp_path):
    """Give a shop that sold a lamp 20, 12 and 10 days before it was joined to us, which reads back for seven."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    stall, hand = Stall(World(ctx)), Integrator(ctx.with_(now=datetime.now(UTC)))
    now = datetime.now(UTC).replace(microsecond=0)
    with open_shop(now, "LAMP") as shop:
        ours = stall.shop("W1", platform="woocommerce", system="WOO")
        joined(hand, shop)
        stall.listing(ours, "LAMP", stall.world.part, price="88.90")
        stall.put(stall.world.part, 100)
        for days in (20, 12, 10, 3):
            shop.now = now - days * DAY
            shop.place("LAMP", 1, "88.90")
        shop.now = now
        carry(now)
        assert numbers() == ["1003"]
        yield shop, hand, now
    connection.close()


def numbers() -> list[str]:
    return sorted(ChannelOrder.objects.values_list("outside_number", flat=True))


def again(hand, since, until=None, **more):
    flow = Flow.objects.get(code="ORDERS")
    facts = dict(flow=str(flow.pk), since=since.isoformat(), reason="接入前的订单") | more
    return hand.do("integration.flow.read_again", **facts | ({"until": until.isoformat()} if until else {}))


def done() -> dict:
    run = JobRun.objects.get(kind=JOB, finished_at=None)
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert run.state == "done", run.error
    return run.result


def test_a_range_before_the_flows_time_is_counted_then_taken_in_once(trade):
    shop, hand, now = trade
    place = Position.objects.get(flow__code="ORDERS").position
    since, until = now - 15 * DAY, now - 11 * DAY
    said = again(hand, since, until, only_count=True)
    assert str(said.value.zh) == "对方列出 1 条，其中 1 条我方没有；没有收入任何一条"
    assert (numbers(), JobRun.objects.filter(kind=JOB).count()) == (["1003"], 0)
    again(hand, since, until)
    result = done()
    assert (result["listed"], result["new"], result["said"]["en"]) == (1, 1, "1 listed, 1 taken in")
    carry(datetime.now(UTC))
    assert numbers() == ["1001", "1003"]
    again(hand, now - 30 * DAY)
    assert (done()["new"], done_messages()) == (2, 4)
    assert numbers() == ["1000", "1001", "1002", "1003"]
    again(hand, now - 30 * DAY)
    assert done()["new"] == 0
    carry(datetime.now(UTC))
    assert Message.objects.filter(flow__code="ORDERS").count() == 4
    assert numbers() == ["1000", "1001", "1002", "1003"]
    assert Position.objects.get(flow__code="ORDERS").position["from"] >= place["from"]
    assert "until" not in Position.objects.get(flow__code="ORDERS").position


def done_messages() -> int:
    carry(datetime.now(UTC))
    return Message.objects.filter(flow__code="ORDERS", state="done").count()


def test_a_partner_that_is_away_is_said_and_nothing_is_kept(trade, monkeypatch):
    shop, hand, now = trade
    monkeypatch.setattr(reads, "PAUSES", (0.01, 0.01))
    shop.is_down = True
    with pytest.raises(NothingRead):
        again(hand, now - 30 * DAY, only_count=True)
    again(hand, now - 30 * DAY)
    run = JobRun.objects.get(kind=JOB)
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert (run.state, numbers()) == ("failed", ["1003"])


def test_a_range_that_ends_before_it_begins_is_refused(trade):
    _, hand, now = trade
    with pytest.raises(WrongRange):
        again(hand, now, now - DAY)
    assert not JobRun.objects.filter(kind=JOB).exists()


def rest(hand, url, **more):
    operation = {"key": "rows", "ways": ["poll"], "method": "GET", "list_path": "rows"} | more
    system = hand.system("P", "rest", {"address": url, "operations": [operation]}, {},
                         account=hand.account("kernel.role.create"))  # fmt: skip
    return hand.flow(system, "ROWS", ROLE, direction="in", trigger="poll", detail={"operation": "rows", "every": 60},
                     target="kernel.role.create")  # fmt: skip


def test_what_a_partner_lists_beyond_the_range_is_left_out(live_db, ctx):
    """A REST partner lists from a time to now: what says that it is later, or earlier, is none of the range."""
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
    rows = [{"id": n, "at": at.isoformat(), **ROLE} for n, at in enumerate(days)]
    hand = Integrator(ctx)
    with partner(lambda asked: {"rows": rows}) as there:
        flow = rest(hand, there.url, since={"parameter": "since", "path": "at"})
        hand.do("integration.flow.read_again", flow=str(flow.pk), since=days[1].isoformat(), until=days[3].isoformat(),
                reason="漏")  # fmt: skip
        assert done()["listed"] == 2
        assert there.asked[0].one("since") == "2026-03-01T23:55:00Z"  # with the operation's overlap
    assert sorted(Message.objects.values_list("body__id", flat=True)) == [1, 2]
    connection.close()


def test_a_partner_that_lists_by_no_time_and_a_flow_that_is_not_polled_are_refused(live_db, ctx):
    hand = Integrator(ctx)
    with partner(lambda asked: {"rows": []}) as there:
        flow = rest(hand, there.url)
        out = hand.flow(flow.system_id, "OUT", {"a": 1}, direction="out", trigger="event",
                        detail={"events": ["test.sold"]}, target="rows")  # fmt: skip
        with pytest.raises(NotListedByTime):
            hand.do("integration.flow.read_again", flow=str(flow.pk), since="2026-03-01T00:00:00Z", only_count=True,
                    reason="漏")  # fmt: skip
        with pytest.raises(NotListedByTime):
            hand.do("integration.flow.read_again", flow=str(out.pk), since="2026-03-01T00:00:00Z", reason="漏")
        assert there.asked == []
    assert not JobRun.objects.exists()
    connection.close()
