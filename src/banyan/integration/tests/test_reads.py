"""What reads a partner takes its turn by the system's gauge: breaker, rate, and what the partner asked to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from banyan.integration import polling, reads, rereading
from banyan.integration.connecting import Failed, Incoming, Page
from banyan.integration.engine import carry_until_quiet
from banyan.integration.errors import NothingRead
from banyan.integration.models import Gauge, Message, Position
from banyan.integration.plans import limits_of, plan_of
from banyan.integration.tests.conftest import Loop, do
from banyan.integration.tests.telling import sell
from banyan.kernel.jobs import Cancelled
from banyan.lib.ids import new_id


@pytest.fixture
def at() -> Callable[[float], datetime]:
    """Give moments by the seconds after the test's beginning."""
    begun = datetime.now(UTC).replace(microsecond=0)
    return lambda seconds: begun + timedelta(seconds=seconds)


class Said:
    """What the partner says to one read after the other: a failure, or a page of so many; then empty pages."""

    def __init__(self) -> None:
        self.script: list[Failed | int] = []
        self.calls = 0

    def poll(self, connection, operation, position, limit):
        self.calls += 1
        said = self.script.pop(0) if self.script else 0
        if isinstance(said, Failed):
            raise said
        first = position or 0
        found = (Incoming(id=str(n), body={"n": n}, key=str(n)) for n in range(first, first + said))
        return Page(tuple(found), first + said, bool(self.script))


@pytest.fixture
def said(monkeypatch) -> Said:
    made = Said()
    monkeypatch.setattr(Loop, "poll", lambda self, *given: made.poll(*given))
    monkeypatch.setattr(Loop, "position_at", lambda self, *given: 0)
    monkeypatch.setattr(reads, "PAUSES", (0.01, 0.01, 0.01))
    return made


@pytest.fixture
def inward(flow, live_db):
    return flow(direction="in", trigger="poll", detail={"operation": "rows", "every": 60},
                target="kernel.role.create")  # fmt: skip


def read(now: datetime) -> None:
    while polling.read_due(now):
        pass


def away() -> Failed:
    return Failed("unavailable", "HTTP 503", code="503")


def test_polls_that_fail_open_the_breaker_and_an_open_one_keeps_polls_and_sends_away(
    ctx, inward, flow, partner, system, said, at
):
    do(ctx, "integration.system.change", system.pk, failures=2)
    flow()
    said.script = [away(), away()]
    for seconds in (0, 200):
        read(at(seconds))
    gauge = Gauge.objects.get()
    assert (gauge.breaker, gauge.failures, gauge.error, said.calls) == ("open", 2, "HTTP 503", 2)
    sell(ctx, (new_id(), 1))
    Position.objects.update(next_at=at(201))
    carry_until_quiet(at(201))
    read(at(201))
    assert (said.calls, partner.got) == (2, [])  # nobody calls
    place = Position.objects.get()
    assert (place.failures, place.error, place.next_at) == (2, "HTTP 503", gauge.until)
    read(gauge.until)  # one that reads may be the one that tries it
    assert (said.calls, Gauge.objects.get().breaker) == (3, "closed")
    assert Position.objects.get().failures == 0
    carry_until_quiet(at(300))
    assert len(partner.got) == 1


def test_what_a_read_is_told_to_wait_holds_for_sends_and_the_other_way_round(ctx, inward, flow, partner, said, at):
    flow()
    said.script = [Failed("throttled", "HTTP 429", code="429", retry_after=500.0)]
    read(at(0))
    sell(ctx, (new_id(), 1))
    carry_until_quiet(at(490))
    assert (partner.got, Gauge.objects.get().until) == ([], at(500))
    partner.script = [(429, {"Retry-After": "400"})]
    carry_until_quiet(at(501))
    assert len(partner.got) == 1
    read(at(890))
    assert said.calls == 1
    read(at(902))
    assert said.calls == 2


def test_polls_take_the_tokens_of_the_systems_rate(ctx, inward, system, said, at):
    do(ctx, "integration.system.change", system.pk, rate="1", burst=2)
    said.script = [1] * 5
    read(at(0))
    assert (said.calls, Message.objects.count(), Position.objects.get().position) == (2, 2, 2)
    assert at(0) < Position.objects.get().next_at <= at(1)
    read(at(2))
    assert said.calls == 4
    read(at(10))
    assert (said.calls, Message.objects.count()) == (5, 5)


def test_reading_again_waits_and_tries_again_and_ends_when_it_is_in_vain(inward, said, at):
    plan = plan_of(inward.pk)
    waited: list[int] = []
    said.script = [Failed("throttled", "HTTP 429", code="429", retry_after=0.2), away(), 2, away(), 1]
    begun = datetime.now(UTC)
    assert rereading.read(plan, at(-90), at(0), waited.append).new == 3
    assert (said.calls, datetime.now(UTC) - begun > timedelta(seconds=0.2)) == (5, True)
    assert waited[0] == 0  # it is heard while it waits
    said.script, said.calls = [away() for _ in range(9)], 0
    with pytest.raises(NothingRead):
        rereading.read(plan, at(-90), at(0), waited.append)
    assert said.calls == 1 + len(reads.PAUSES)


def test_a_wait_that_is_too_long_or_that_somebody_ends_is_not_waited_out(inward, said, at):
    plan = plan_of(inward.pk)
    said.script = [Failed("throttled", "HTTP 429", code="429", retry_after=reads.MOST_WAIT + 1)]
    with pytest.raises(NothingRead):
        rereading.read(plan, at(-90), at(0), lambda _: None)
    Gauge.objects.update(until=datetime.now(UTC) + timedelta(seconds=20))

    def end(_: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        rereading.read(plan, at(-90), at(0), end)
    assert said.calls == 1


def test_a_refusal_is_not_tried_again_and_says_that_the_partner_is_there(inward, said, at):
    plan = plan_of(inward.pk)
    said.script = [away(), Failed("refused", "HTTP 404", code="404")]
    with pytest.raises(NothingRead):
        rereading.read(plan, at(-90), at(0), lambda _: None)
    assert (said.calls, Gauge.objects.get().failures) == (2, 0)


def test_inside_a_transaction_the_gauge_is_looked_at_and_not_locked(inward, system, said):
    limits = limits_of(system.pk)
    with transaction.atomic():
        assert reads.once(limits, lambda: 7) == 7
    assert not Gauge.objects.exists()
    Gauge.objects.create(id=system.pk, system=system, until=datetime.now(UTC) + timedelta(seconds=60))
    with transaction.atomic(), pytest.raises(reads.NotNow) as held:
        reads.once(limits, lambda: 7)
    assert 50 < held.value.retry_after <= 60


def peek(ctx, system):
    return do(ctx, "integration.flow.peek", system=str(system.pk), operation="rows").value


def test_a_look_takes_a_token_of_the_systems_rate(ctx, system, said):
    do(ctx, "integration.system.change", system.pk, rate="0.01", burst=2)
    said.script = [1] * 3
    assert [len(peek(ctx, system)) for _ in range(2)] == [1, 1]
    with pytest.raises(NothingRead, match="暂停调用"):
        peek(ctx, system)
    assert said.calls == 2


def test_looks_that_fail_open_the_breaker_of_their_operation_and_an_open_one_keeps_them_away(ctx, system, said):
    do(ctx, "integration.system.change", system.pk, limits={"operations": [{"operation": "rows", "failures": 2}]})
    said.script = [away()] * 3
    for _ in range(2):
        with pytest.raises(NothingRead, match="503"):
            peek(ctx, system)
    assert list(Gauge.objects.values_list("operation", "breaker", "failures")) == [("rows", "open", 2)]
    with pytest.raises(NothingRead, match="暂停调用"):
        peek(ctx, system)
    assert said.calls == 2
    Gauge.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))
    said.script = [1]
    assert len(peek(ctx, system)) == 1
    assert Gauge.objects.get().breaker == "closed"


def test_counting_what_is_listed_moves_the_gauge_too(ctx, inward, said, at):
    said.script = [Failed("throttled", "HTTP 429", code="429", retry_after=500.0)]
    facts = dict(flow=str(inward.pk), since="2026-03-01T00:00:00Z", only_count=True, reason="核对")
    for _ in range(2):
        with pytest.raises(NothingRead):
            do(ctx, "integration.flow.read_again", **facts)
    assert (said.calls, Gauge.objects.get().until > at(400)) == (1, True)
