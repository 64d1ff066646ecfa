"""Operations with limits of their own: a breaker and a bucket each; the others share their system's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from banyan.integration import claims
from banyan.integration.engine import carry_once, carry_until_quiet
from banyan.integration.models import Flow, Gauge, Message, System
from banyan.integration.plans import limits_of, plan_of
from banyan.integration.tests.conftest import do
from banyan.integration.tests.telling import Cancelled, Sold, happen, sell
from banyan.kernel.models import User
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id


def limit(ctx, system, **given):
    do(ctx, "integration.system.change", system.pk, limits={"operations": [{"operation": "slow"} | given]})


@pytest.fixture
def two(flow):
    """Make a flow to an operation of its own limits, and one to another; both hear the same."""
    return (flow(code="SLOW", target="slow", order="free", mapping={"fields": [{"target": "slow", "default": "1"}]},
                 sample=({"a": 1}, {"slow": "1"})),
            flow(code="QUICK", target="orders", order="free", mapping={"fields": [{"target": "slow", "default": "0"}]},
                 sample=({"a": 1}, {"slow": "0"})))  # fmt: skip


def done(flow):
    return Message.objects.filter(flow=flow, state="done").count()


def test_a_breaker_of_one_operation_leaves_the_others_alone(ctx, system, two, partner):
    slow, quick = two
    limit(ctx, system, failures=2)
    partner.answer = lambda body: 503 if body["slow"] == "1" else None
    sell(ctx, *((new_id(), n) for n in range(3)))
    carry_until_quiet()
    gauge = Gauge.objects.get()
    assert (gauge.system_id, gauge.operation, gauge.breaker) == (system.pk, "slow", "open")
    sell(ctx, (new_id(), 4))
    carry_until_quiet()
    assert (done(slow), done(quick)) == (0, 4)
    assert [body["slow"] for body in partner.bodies].count("1") == 3
    partner.answer = None
    carry_until_quiet(datetime.now(UTC) + timedelta(minutes=20))
    assert (done(slow), Gauge.objects.get().breaker) == (4, "closed")


def test_an_operation_that_is_not_named_shares_the_breaker_of_its_system(ctx, system, two, partner):
    System.objects.filter(pk=system.pk).update(failures=2)
    limit(ctx, system, failures=50)
    partner.answer = lambda body: 503 if body["slow"] == "0" else None
    sell(ctx, *((new_id(), n) for n in range(3)))
    carry_until_quiet()
    assert [(one.operation, one.breaker) for one in Gauge.objects.all()] == [("", "open")]
    sell(ctx, (new_id(), 4))
    carry_until_quiet()
    slow, quick = two
    assert (done(slow), done(quick)) == (4, 0)


def test_a_bucket_of_one_operation_holds_back_nobody_else(ctx, system, two, partner):
    slow, quick = two
    limit(ctx, system, rate="1", burst=1)
    now = datetime.now(UTC)
    sell(ctx, *((new_id(), n) for n in range(3)))
    for _ in range(3):
        carry_once(now + timedelta(seconds=1))
    assert (done(slow), done(quick)) == (1, 3)
    for n in range(2, 5):
        carry_once(now + timedelta(seconds=n))
    assert done(slow) == 3


# --- by their routes ------------------------------------------------------------------------------------------

#: What a cancellation is told as.
GONE = {"fields": [{"target": "gone", "source": "data.n"}]}
SAMPLES = [({"type": "test.sold", "data": {"n": 1}},) * 2, ({"type": "test.cancelled", "data": {"n": 2}}, {"gone": 2})]


@pytest.fixture
def routed(flow):
    """Make a flow whose sales go to one operation and whose cancellations go to the one with limits of its own."""

    def make(own: str = "orders", by_route: str = "slow", order: str = "strict") -> Flow:
        heard = ["test.sold", "test.cancelled"]
        detail = {"events": heard, "routes": [{"events": heard[1:], "target": by_route, "mapping": GONE}]}
        return flow(target=own, detail=detail, samples=SAMPLES, order=order)

    return make


def gone_to(partner, path):
    return [body.get("gone") or body["data"]["n"] for at, body in zip(partner.paths, partner.bodies, strict=True)
            if at == f"/{path}"]  # fmt: skip


@pytest.mark.parametrize("order", ["strict", "newest", "free"])
def test_a_breaker_of_a_routes_operation_stops_what_goes_by_it_and_nothing_else(ctx, system, routed, partner, order):
    limit(ctx, system, failures=1)
    routed(order=order)
    partner.answer = lambda body: 503 if "gone" in body else None
    happen(ctx, Cancelled(record=new_id(), n=1))
    carry_until_quiet()
    happen(ctx, Cancelled(record=new_id(), n=2), *(Sold(record=new_id(), n=n) for n in (3, 4)))
    carry_until_quiet()
    assert [(one.operation, one.breaker) for one in Gauge.objects.all()] == [("slow", "open")]
    assert (gone_to(partner, "slow"), gone_to(partner, "orders")) == ([1], [3, 4])
    assert Message.objects.get(body__data__n=2).attempts == 0
    partner.answer = None
    carry_until_quiet(datetime.now(UTC) + timedelta(minutes=20))
    carry_until_quiet(datetime.now(UTC) + timedelta(minutes=21))
    assert sorted(gone_to(partner, "slow")) == [1, 1, 2]
    assert Gauge.objects.get().breaker == "closed"
    assert not Message.objects.exclude(state="done").exists()


def test_what_stands_behind_a_shut_operation_in_its_key_waits_with_it(ctx, system, routed, partner):
    limit(ctx, system, failures=1)
    routed()
    partner.answer = lambda body: 503 if "gone" in body else None
    one, other = new_id(), new_id()
    happen(ctx, Cancelled(record=new_id(), n=1))
    carry_until_quiet()
    happen(ctx, Sold(record=one, n=2), Cancelled(record=one, n=3), Sold(record=one, n=4), Sold(record=other, n=5))
    carry_until_quiet()
    assert gone_to(partner, "orders") == [2, 5]
    partner.answer = None
    for minute in range(20, 23):
        carry_until_quiet(datetime.now(UTC) + timedelta(minutes=minute))
    said = [body.get("gone") or body["data"]["n"] for body in partner.bodies]
    assert [n for n in said if n in (2, 3, 4)] == [2, 3, 4]
    assert not Message.objects.exclude(state="done").exists()


def test_a_flow_whose_own_operation_is_shut_goes_on_by_its_routes(ctx, system, routed, partner):
    limit(ctx, system, failures=1)
    routed(own="slow", by_route="cancellations")
    partner.answer = lambda body: None if "gone" in body else 503
    happen(ctx, Sold(record=new_id(), n=1))
    carry_until_quiet()
    happen(ctx, Sold(record=new_id(), n=2), Cancelled(record=new_id(), n=3))
    carry_until_quiet()
    assert (gone_to(partner, "slow"), gone_to(partner, "cancellations")) == ([1], [3])


def test_a_bucket_of_a_routes_operation_holds_back_what_goes_by_it_alone(ctx, system, routed, partner):
    limit(ctx, system, rate="1", burst=1)
    routed()
    now = datetime.now(UTC)
    happen(ctx, *(Cancelled(record=new_id(), n=n) for n in (1, 2, 3)), *(Sold(record=new_id(), n=n) for n in (4, 5)))
    carry_until_quiet(now + timedelta(seconds=1))
    assert (len(gone_to(partner, "slow")), gone_to(partner, "orders")) == (1, [4, 5])
    for n in range(2, 6):
        carry_until_quiet(now + timedelta(seconds=n))
    assert sorted(gone_to(partner, "slow")) == [1, 2, 3]


def test_a_partner_that_asks_to_be_left_alone_means_the_operation_that_was_called(ctx, system, routed, partner):
    limit(ctx, system, failures=5)
    routed()
    partner.answer = lambda body: (429, {"Retry-After": "30"}) if "gone" in body else None
    happen(ctx, *(Cancelled(record=new_id(), n=n) for n in (1, 2)), Sold(record=new_id(), n=3))
    carry_until_quiet()
    happen(ctx, Cancelled(record=new_id(), n=4), Sold(record=new_id(), n=5))
    carry_until_quiet()
    assert (gone_to(partner, "slow"), gone_to(partner, "orders")) == ([1], [3, 5])
    partner.answer = None
    for seconds in (40, 80):
        carry_until_quiet(datetime.now(UTC) + timedelta(seconds=seconds))
    assert sorted(gone_to(partner, "slow")) == [1, 1, 2, 4]


def test_what_reads_takes_its_turn_by_the_limits_of_what_it_reads(ctx, system, flow):
    limit(ctx, system, rate="2", burst=3, failures=4)
    polled = flow(direction="in", trigger="poll", detail={"operation": "slow", "every": 60},
                  target="kernel.role.create")  # fmt: skip
    plan = plan_of(polled.pk)
    assert (plan.gauge, plan.rate, plan.burst, plan.failures) == ("slow", 2.0, 3, 4)
    assert claims.take_tokens(plan, 5) == 3
    assert claims.take_tokens(limits_of(system.pk), 5) == 5
    assert limits_of(system.pk, "orders").gauge == ""


@pytest.mark.parametrize("wrong", [
    {"operations": [{"operation": "a", "rate": "0"}]}, {"operations": [{"operation": "a", "burst": 0}]},
    {"operations": [{"operation": "a"}, {"operation": "a"}]}, {"operations": [{"rate": "1"}]}, {"else": 1},
])  # fmt: skip
def test_what_is_no_limit_is_refused_at_its_place(ctx, system, wrong):
    with pytest.raises(Invalid) as refused:
        do(ctx, "integration.system.change", system.pk, limits=wrong)
    assert all(path.startswith("limits") for path in refused.value.fields)


def test_the_board_and_the_form_show_them(ctx, system, two, partner):
    limit(ctx, system, failures=1, rate="7")
    partner.answer = lambda body: 503 if body["slow"] == "1" else None
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    client = Client(headers={"HX-Request": "true"})
    client.force_login(User.objects.create(login="boss", name="林", is_superuser=True, language="en"))
    page = client.get("/integration/health").content.decode()
    part = page.split("Own limits")[1].split("</p>")[0]
    assert ("<code>slow</code>" in part, "7 a second" in part, 'class="wh-bad">Open' in part) == (True, True, True)
    form = client.get(f"/integration/systems/{system.pk}/edit").content.decode()
    assert 'name="limits.operations.0.operation" value="slow"' in form or 'value="slow"' in form.split(
        'name="limits.operations.0.operation"')[1][:200]  # fmt: skip
