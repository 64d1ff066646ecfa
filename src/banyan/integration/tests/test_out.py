"""Events out: each once, in order per key, whatever the partner does."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from banyan.integration import claims, sending
from banyan.integration.engine import carry_once, carry_until_quiet
from banyan.integration.errors import WrongRange
from banyan.integration.mapping.models import KeyLink
from banyan.integration.models import Attempt, Gauge, Message
from banyan.integration.plans import plan_of
from banyan.integration.tests.conftest import do
from banyan.integration.tests.telling import sell
from banyan.kernel import dispatcher
from banyan.kernel.models import Outbox
from banyan.lib.ids import new_id
from tests.integration.both_sides import bus_agrees, sold

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("proved")


def seen(partner) -> list[int]:
    return [body["data"]["n"] for body in partner.bodies]


def states() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("seq").values_list("state", "reason"))


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_an_event_reaches_the_partner_as_a_cloud_event_and_is_done(ctx, flow, partner):
    made = flow()
    one = new_id()
    sell(ctx, (one, 7))
    assert states() == [("waiting", "")]
    carry_until_quiet()
    (got_id, body), message = partner.got[0], Message.objects.get()
    assert got_id == str(message.pk)
    assert (body["specversion"], body["type"], body["subject"]) == ("1.0", "test.sold", str(one))
    assert body["data"] == {"record": str(one), "n": 7}
    assert (message.state, message.code, message.used_id) == ("done", "200", made.running_id)
    assert list(Attempt.objects.values_list("outcome", "position")) == [("done", 1)]


def test_a_flow_that_does_not_hear_an_event_gets_no_message(ctx, flow):
    flow(detail={"events": ["test.bought"]})
    sell(ctx, (new_id(), 1))
    assert states() == []


def test_what_the_filter_keeps_back_is_seen_as_filtered(ctx, flow, partner):
    body = {"data": {"n": 11}}
    flow(filter="data.n > 10", key="data.n", sample=(body, body))
    sell(ctx, (new_id(), 5), (new_id(), 15))
    carry_until_quiet()
    assert states() == [("filtered", ""), ("done", "")]
    assert Message.objects.get(state="done").key == "15"
    assert seen(partner) == [15]


def test_a_filter_that_cannot_be_worked_out_leaves_a_dead_letter(ctx, flow, partner):
    body = {"data": {"n": True}}
    flow(filter="data.n", sample=(body, body))
    sell(ctx, (new_id(), 5))
    carry_until_quiet()
    assert states() == [("dead", "mapping")]
    assert "not true or false" in Message.objects.get().error


def test_the_outbox_handed_on_twice_makes_one_message(ctx, flow):
    flow()
    sell(ctx, (new_id(), 1))
    from banyan.kernel.models import Outbox

    Outbox.objects.update(dispatched_at=None)
    dispatcher.wait_until_quiet()
    assert states() == [("waiting", "")]


def test_a_partner_that_is_down_gets_everything_in_order_when_it_is_up(ctx, flow, partner, system):
    flow()
    one = new_id()
    partner.down()
    sell(ctx, (one, 1), (one, 2), (one, 3))
    carry_once()
    assert states() == [("waiting", "transport"), ("waiting", ""), ("waiting", "")]
    partner.up()
    carry_until_quiet()
    assert seen(partner) == []  # the first waits for its time, the others behind it
    carry_until_quiet(later(6))
    assert seen(partner) == [1, 2, 3]
    bus_agrees("out", sold(), partner.books)


def test_after_a_day_without_the_partner_everything_is_there_once_and_in_order(ctx, flow, partner, system):
    do(ctx, "integration.system.change", system.pk, failures=3)
    flow()
    keys, now = [new_id() for _ in range(3)], later(1)
    partner.down()
    for hour in range(0, 24, 3):
        sell(ctx, (keys[hour % 2], hour), (keys[2], hour + 1))
        carry_until_quiet(now := now + timedelta(hours=3))
    assert {state for state, _ in states()} == {"waiting"}, "a day is shorter than the tries"
    assert Gauge.objects.get().breaker == "open"
    partner.up()
    for _ in range(8):  # what was tried last has the longest pause of the schedule before it
        carry_until_quiet(now := now + timedelta(hours=3))
    bus_agrees("out", sold(), partner.books)


@pytest.mark.parametrize(
    ("said", "reason"), [(500, "unavailable"), (503, "unavailable"), ("half", "transport"), ((429, {}), "throttled")]
)
def test_what_may_pass_is_tried_again_and_succeeds(ctx, flow, partner, said, reason):
    flow()
    partner.script = [said]
    sell(ctx, (new_id(), 1))
    carry_once()
    assert states() == [("waiting", reason)]
    carry_until_quiet(later(6))
    bus_agrees("out", sold(), partner.books)
    assert list(Attempt.objects.order_by("position").values_list("outcome", "reason")) == [
        ("failed", reason), ("done", ""),
    ]  # fmt: skip
    assert len({got for got, _ in partner.got}) == 1  # the same name at every try


def test_retry_after_is_honoured_by_the_message_and_by_the_whole_system(ctx, flow, partner):
    flow()
    partner.script = [(429, {"Retry-After": "120"})]
    sell(ctx, (new_id(), 1), (new_id(), 2))
    carry_once()
    carry_until_quiet(later(100))
    assert len(partner.got) == 1
    carry_until_quiet(later(130))
    assert sorted(seen(partner)) == [1, 1, 2] or sorted(seen(partner)) == [1, 2, 2]
    bus_agrees("out", sold(), partner.books)


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "refused"), (404, "refused"), (410, "gone"), (413, "too_large"), (422, "refused")]
)
def test_what_the_partner_refuses_is_dead_at_once_with_its_reason(ctx, flow, partner, status, reason):
    flow()
    partner.script = [status]
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    message = Message.objects.get()
    assert (message.state, message.reason, message.code, message.attempts) == ("dead", reason, str(status), 1)
    bus_agrees("out", sold(), partner.books, {1: reason})


def test_tries_end_and_the_message_is_dead_as_exhausted(ctx, flow, partner):
    flow(retries=[5, 5])
    partner.answer = lambda body: 500
    sell(ctx, (new_id(), 1))
    for step in range(4):
        carry_until_quiet(later(step * 700))
    message = Message.objects.get()
    assert (message.state, message.reason, message.attempts) == ("dead", "exhausted", 3)
    bus_agrees("out", sold(), partner.books, {1: "exhausted"})


def test_a_dead_one_blocks_its_key_only_until_it_is_given_up(ctx, flow, partner):
    flow()
    one, other = new_id(), new_id()
    partner.answer = lambda body: 422 if body["data"]["n"] == 1 else 200
    sell(ctx, (one, 1), (one, 2), (other, 3), (one, 4))
    carry_until_quiet()
    assert seen(partner) == [1, 3]
    do(ctx, "integration.message.give_up", Message.objects.get(state="dead").pk, reason="已在对方手工录入")
    carry_until_quiet()
    assert seen(partner) == [1, 3, 2, 4]
    gone = Message.objects.get(state="given_up")
    assert gone.note == "已在对方手工录入"


def test_a_replayed_dead_one_goes_before_those_behind_it(ctx, flow, partner):
    flow()
    one = new_id()
    partner.script = [422]
    sell(ctx, (one, 1), (one, 2))
    carry_until_quiet()
    assert seen(partner) == [1]
    do(ctx, "integration.message.replay", Message.objects.get(state="dead").pk)
    carry_until_quiet(later(1))
    assert seen(partner) == [1, 1, 2]
    bus_agrees("out", sold(), partner.books)


def test_newest_wins_supersedes_what_waits(ctx, flow, partner):
    flow(order="newest")
    one, other = new_id(), new_id()
    sell(ctx, (one, 1), (one, 2), (other, 3), (one, 4))
    carry_until_quiet()
    assert sorted(seen(partner)) == [3, 4]
    assert [state for state, _ in states()] == ["superseded", "superseded", "done", "done"]


def test_newest_supersedes_also_what_waits_for_its_next_try(ctx, flow, partner):
    flow(order="newest")
    one = new_id()
    partner.script = [500]
    sell(ctx, (one, 1))
    carry_once()
    sell(ctx, (one, 2))
    carry_until_quiet()
    assert seen(partner) == [1, 2]
    assert [state for state, _ in states()] == ["superseded", "done"]


def test_free_flows_are_not_held_up(ctx, flow, partner):
    flow(order="free")
    one = new_id()
    partner.script = [422]
    sell(ctx, (one, 1), (one, 2))
    carry_until_quiet()
    assert seen(partner) == [1, 2]


def test_the_breaker_opens_probes_with_one_and_closes(ctx, flow, partner, system):
    do(ctx, "integration.system.change", system.pk, failures=3)
    flow(order="free")
    partner.answer = lambda body: 500
    sell(ctx, *((new_id(), n) for n in range(4)))
    carry_until_quiet()
    assert (Gauge.objects.get().breaker, len(partner.got)) == ("open", 4)
    sell(ctx, *((new_id(), n) for n in range(4, 8)))
    carry_until_quiet()
    assert len(partner.got) == 4  # nobody calls
    carry_until_quiet(later(8))
    gauge = Gauge.objects.get()
    assert (len(partner.got), gauge.breaker, gauge.opened) == (5, "open", 2)
    partner.answer = None
    carry_until_quiet(later(3000))
    assert Gauge.objects.get().breaker == "closed"
    assert {state for state, _ in states()} == {"done"}


def test_an_open_breaker_is_probed_by_the_first_of_a_key_however_many_wait_behind_it(ctx, flow, partner, system):
    do(ctx, "integration.system.change", system.pk, failures=3)
    flow()
    keys = [new_id() for _ in range(3)]
    partner.answer = lambda body: 500
    sell(ctx, *((key, n) for n, key in enumerate(keys)))
    carry_until_quiet()
    assert (Gauge.objects.get().breaker, len(partner.got)) == ("open", 3)
    sell(ctx, *((keys[n % 3], n) for n in range(3, 40)))
    partner.answer = None
    carry_until_quiet(later(20))
    assert Gauge.objects.get().breaker == "closed"
    assert {state for state, _ in states()} == {"done"}
    assert sorted(seen(partner)[3:]) == list(range(40))


def test_a_rate_is_kept_over_processes(ctx, flow, partner, system):
    do(ctx, "integration.system.change", system.pk, rate="10", burst=5)
    flow(order="free")
    sell(ctx, *((new_id(), n) for n in range(12)))
    start = later(1)
    carry_once(start)
    carry_once(start)
    assert len(partner.got) == 5
    carry_once(start + timedelta(seconds=0.3))
    assert len(partner.got) == 8


def test_a_stopped_flow_or_system_keeps_its_messages_and_goes_on_with_them(ctx, flow, partner, system):
    made = flow()
    do(ctx, "integration.flow.stop", made.pk)
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    do(ctx, "integration.flow.resume", made.pk)
    do(ctx, "integration.system.stop", system.pk)
    carry_until_quiet()
    assert (partner.got, states()) == ([], [("waiting", "")])
    do(ctx, "integration.system.resume", system.pk)
    carry_until_quiet()
    assert seen(partner) == [1]


@pytest.mark.slow
def test_two_senders_at_once_send_each_message_once(ctx, flow, partner):
    flow()
    keys = [new_id() for _ in range(10)]
    sell(ctx, *((keys[n % 10], n) for n in range(200)))

    def carry() -> None:
        try:
            for _ in range(60):
                carry_once(most=15)
        finally:
            connection.close()

    threads = [threading.Thread(target=carry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    carry_until_quiet()
    assert len(partner.got) == 200
    bus_agrees("out", sold(), partner.books)


def test_a_claim_that_ran_out_returns_by_itself_and_a_late_answer_counts_once(ctx, flow, partner):
    made = flow()
    sell(ctx, (new_id(), 1))
    plan = plan_of(made.pk)
    (held,), _ = claims.claim(plan, 10, sending.lease_of(plan))
    carry_until_quiet()
    assert partner.got == []
    carry_until_quiet(later(sending.lease_of(plan) + 1))
    assert seen(partner) == [1]
    late = list(sending.send_run(plan, [held]))
    claims.mark(plan, late, [0.5])
    assert list(Attempt.objects.order_by("position").values_list("outcome", flat=True)) == ["done", "again"]
    assert states() == [("done", "")]


def test_a_workers_clock_does_not_matter(ctx, flow, partner, monkeypatch):
    """Claims, pauses and order follow the database's clock alone."""
    from banyan.integration import engine

    class Skewed(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2020, 1, 1, tzinfo=tz)

    monkeypatch.setattr(engine, "datetime", Skewed)
    flow()
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    assert Message.objects.get().done_at > datetime(2026, 1, 1, tzinfo=UTC)
    bus_agrees("out", sold(), partner.books)


def test_an_answer_is_kept_linked_and_brought_in_as_a_message(ctx, flow, partner):
    flow(code="BACK", direction="in", trigger="webhook", detail={"operation": "answers"}, target="kernel.role.create")
    flow(reply={"keep": True, "link": {"code": "concat(\"S-\", \"1\")"}, "flow": "BACK"})
    one = new_id()
    sell(ctx, (one, 1))
    carry_once()
    out = Message.objects.get(direction="out")
    assert (out.state, out.reply, out.error) == ("done", {"ok": True}, "")
    link = KeyLink.objects.get()
    assert (link.entity, link.code, link.record) == ("kernel.user", "S-1", one)
    back = Message.objects.get(direction="in")
    assert (back.source, back.type, back.body["reply"]) == (str(out.pk), "test.sold.reply", {"ok": True})


def test_an_answer_nothing_can_be_done_with_is_said_at_the_done_message(ctx, flow, partner):
    flow(reply={"link": {"code": "number"}})
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    out = Message.objects.get()
    assert (out.state, out.reply) == ("done", None)
    assert "nothing to link" in out.error


def test_a_revised_flow_goes_on_by_its_next_version(ctx, flow, partner):
    made = flow()
    do(ctx, "integration.flow.stop", made.pk)
    sell(ctx, (new_id(), 1))
    do(ctx, "integration.flow.revise", made.pk)
    do(ctx, "integration.flow.change", made.pk, target="orders2")
    do(ctx, "integration.flow.test", made.pk)
    do(ctx, "integration.flow.activate", made.pk)
    carry_until_quiet()
    made.refresh_from_db()
    message = Message.objects.get()
    assert (message.state, message.used_id) == ("done", made.running_id)
    assert message.used.no == 2


def test_events_of_a_range_are_filled_in_once_or_sent_again_on_purpose(ctx, flow, partner):
    sell(ctx, (new_id(), 1))
    made = flow()
    sell(ctx, (new_id(), 2))
    carry_until_quiet()
    assert seen(partner) == [2]
    reach = dict(flow=str(made.pk), since="2026-01-01T00:00:00Z", until="2026-12-31T00:00:00Z", reason="新伙伴")
    do(ctx, "integration.flow.backfill", **reach)
    carry_until_quiet(later(1))
    assert seen(partner) == [2, 1]
    do(ctx, "integration.flow.backfill", **reach, only_missing=False)
    carry_until_quiet(later(1))
    assert sorted(seen(partner)) == [1, 1, 2, 2]


def test_only_events_of_the_range_are_filled_in_its_end_not_among_them(ctx, flow, partner):
    days = [datetime(2026, 2, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3, 4)]
    for n, day in enumerate(days, start=1):
        sell(replace(ctx, now=day), (new_id(), n))
    assert list(Outbox.objects.filter(type="test.sold").order_by("seq").values_list("at", flat=True)) == days
    reach = dict(flow=str(flow().pk), reason="新伙伴", since=days[1].isoformat(), until=days[3].isoformat())
    assert "2" in str(do(ctx, "integration.flow.backfill", **reach).value)
    carry_until_quiet(later(1))
    assert sorted(seen(partner)) == [2, 3]
    with pytest.raises(WrongRange):
        do(ctx, "integration.flow.backfill", **reach | {"until": reach["since"]})
    do(ctx, "integration.flow.backfill", **reach | {"until": later(1).isoformat()})
    carry_until_quiet(later(2))
    assert sorted(seen(partner)) == [2, 3, 4]
    do(ctx, "integration.flow.backfill", **reach | {"since": "2020-01-01T00:00:00Z"})
    carry_until_quiet(later(3))
    assert sorted(seen(partner)) == [1, 2, 3, 4]
