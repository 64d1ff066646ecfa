"""Routes: events of one document go to operations of their own, and still in the order in which they happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from banyan.integration import claims, fanout, sending
from banyan.integration.connecting import Failed, Sent
from banyan.integration.engine import carry_once, carry_until_quiet
from banyan.integration.errors import FlowNotReady, RouteUntried, SamplesFail
from banyan.integration.models import Flow, FlowVersion, Message, System
from banyan.integration.plans import Plan, plan_of
from banyan.integration.tests.conftest import MAKES_A_ROLE, Loop, do
from banyan.integration.tests.telling import Cancelled, Sold, happen
from banyan.kernel.models import Outbox, Role
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id

pytestmark = pytest.mark.usefixtures("proved")
HEARD = ["test.sold", "test.cancelled"]
#: What the partner hears of a cancellation: another operation, another form, of less than all.
GONE = {
    "events": ["test.cancelled"], "filter": "data.n > 0", "target": "cancellations",
    "mapping": {"fields": [{"target": "gone", "source": "data.n", "required": True}]},
}  # fmt: skip
SOLD_SAMPLE = ({"type": "test.sold", "data": {"n": 1}},) * 2
GONE_SAMPLE = ({"type": "test.cancelled", "data": {"n": 2}}, {"gone": 2})


@pytest.fixture
def routed(flow):
    """Make a flow of sales, whose cancellations go by a route."""

    def make(route: Any = GONE, samples: Any = (SOLD_SAMPLE, GONE_SAMPLE), **given: Any) -> Flow:
        return flow(detail={"events": HEARD, "routes": [route]}, samples=samples, **given)

    return make


def states() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("seq").values_list("state", "reason"))


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


# --- by its route ---------------------------------------------------------------------------------------------


def test_each_event_goes_by_its_route_with_its_own_filter_mapping_and_target(ctx, routed, partner):
    routed(filter="data.n < 10")
    one = new_id()
    happen(ctx, Sold(record=one, n=1), Sold(record=one, n=11), Cancelled(record=one, n=12), Cancelled(record=one, n=0))
    assert states() == [("waiting", ""), ("filtered", ""), ("waiting", ""), ("filtered", "")]
    carry_until_quiet()
    assert partner.paths == ["/orders", "/cancellations"]
    assert partner.bodies[0]["data"] == {"record": str(one), "n": 1}
    assert partner.bodies[1] == {"gone": 12}


def test_what_a_route_does_not_name_goes_by_the_flows_own(ctx, routed, partner):
    own = {"filter": "data.n > 5", "mapping": {"fields": [{"target": "number", "source": "data.n"}]}}
    said = [({"type": kind, "data": {"n": 6}}, {"number": 6}) for kind in HEARD]
    routed({"events": ["test.cancelled"], "target": "cancellations"}, said, **own)
    happen(ctx, *(kind(record=new_id(), n=n) for kind in (Sold, Cancelled) for n in (5, 6)))
    carry_until_quiet()
    assert sorted(zip(partner.paths, (body["number"] for body in partner.bodies), strict=True)) == [
        ("/cancellations", 6), ("/orders", 6),
    ]  # fmt: skip


def test_a_version_keeps_its_routes_whatever_the_flow_becomes(ctx, routed, partner):
    made = routed()
    assert FlowVersion.objects.get().definition["detail"]["routes"][0]["target"] == "cancellations"
    for name in ("stop", "revise"):
        do(ctx, f"integration.flow.{name}", made.pk)
    happen(ctx, Cancelled(record=new_id(), n=1))
    do(ctx, "integration.flow.change", made.pk, detail={"events": HEARD, "routes": [GONE | {"target": "returns"}]})
    for name in ("test", "activate"):
        do(ctx, f"integration.flow.{name}", made.pk)
    carry_until_quiet()
    assert partner.paths == ["/returns"]
    assert Message.objects.get().used.no == 2


def test_answers_are_handled_by_the_route(ctx, routed, partner):
    partner.says = {"number": "P-1"}
    routed(GONE | {"reply": MAKES_A_ROLE}, reply={"keep": True})
    one = new_id()
    happen(ctx, Sold(record=one, n=1), Cancelled(record=one, n=2))
    carry_until_quiet()
    carry_until_quiet(later(1))
    sold, gone = Message.objects.order_by("seq")
    assert (sold.state, sold.reply) == ("done", {"number": "P-1"})
    assert (gone.state, gone.error, gone.reply) == ("done", "", None)
    assert Role.objects.get(code="P-1").name_zh == "test.cancelled"


def test_only_a_route_that_filters_has_each_event_looked_at(ctx, flow, routed, django_assert_num_queries):
    plain = flow(detail={"events": HEARD})
    silent = routed({"events": ["test.cancelled"], "target": "cancellations"},
                    (SOLD_SAMPLE, ({"type": "test.cancelled"},) * 2))  # fmt: skip
    judging = routed()
    happen(ctx, Sold(record=new_id(), n=1), Cancelled(record=new_id(), n=2))
    keys = list(Outbox.objects.filter(type__in=HEARD).order_by("seq").values_list("pk", flat=True))
    for made, statements in ((plain, 1), (silent, 1), (judging, 2)):
        plan = plan_of(made.pk)
        with django_assert_num_queries(statements):
            assert fanout.write(plan, keys, datetime.now(UTC), "+again") == 2


# --- in order -------------------------------------------------------------------------------------------------


def test_a_cancellation_waits_for_the_order_that_could_not_be_told_yet(ctx, routed, partner):
    routed()
    one, other = new_id(), new_id()
    partner.script = [500]
    happen(ctx, Sold(record=one, n=1))
    carry_once()
    happen(ctx, Cancelled(record=one, n=2), Sold(record=other, n=3), Cancelled(record=other, n=4))
    carry_until_quiet()
    assert partner.paths == ["/orders", "/orders", "/cancellations"], "another document goes its way"
    carry_until_quiet(later(6))
    assert partner.paths[3:] == ["/orders", "/cancellations"]
    assert partner.bodies[4] == {"gone": 2}
    assert {state for state, _ in states()} == {"done"}


def test_a_dead_order_holds_its_cancellation_and_both_go_in_order_after_a_replay(ctx, routed, partner):
    routed()
    one = new_id()
    partner.script = [422]
    happen(ctx, Sold(record=one, n=1), Cancelled(record=one, n=2))
    carry_until_quiet()
    carry_until_quiet(later(4000))
    assert (partner.paths, states()) == (["/orders"], [("dead", "refused"), ("waiting", "")])
    do(ctx, "integration.message.replay", Message.objects.get(state="dead").pk)
    carry_until_quiet(later(4001))
    assert partner.paths == ["/orders", "/orders", "/cancellations"]
    assert states() == [("done", ""), ("done", "")]


def test_commands_of_ours_by_two_routes_keep_the_order_too(ctx, flow):
    made = {"fields": [{"target": name, "default": name} for name in ("code", "name_zh", "name_en")]}
    gone = {"fields": [{"target": "records_of", "default": "code"}, {"target": "name_en", "default": "Gone"}]}
    said = {"code": "code", "name_zh": "name_zh", "name_en": "name_en"}
    flow(
        direction="in", target="kernel.role.create", mapping=made,
        detail={"events": HEARD, "routes": [
            {"events": ["test.cancelled"], "target": "kernel.role.change", "mapping": gone}]},
        samples=[({"type": "test.sold"}, said),
                 ({"type": "test.cancelled"}, {"records_of": "code", "name_en": "Gone"})],
    )  # fmt: skip
    role, one = Role.objects.create(code="code", name_zh="旧", name_en="Old"), new_id()
    happen(ctx, Sold(record=one, n=1), Cancelled(record=one, n=2))
    carry_until_quiet()
    role.refresh_from_db()
    assert (role.name_en, [state for state, _ in states()]) == ("Old", ["dead", "waiting"])
    Role.objects.filter(code="code").delete()
    do(ctx, "integration.message.replay", Message.objects.get(state="dead").pk)
    carry_until_quiet(later(1))
    assert Role.objects.get(code="code").name_en == "Gone"
    assert states() == [("done", ""), ("done", "")]


# --- many at once -----------------------------------------------------------------------------------------------


def held(plan: Plan, *told: tuple[str, str]) -> list[claims.Held]:
    """Give messages as a worker holds them, of these keys and types."""
    return [
        claims.Held(id=new_id(), seq=place, key=key, source="", type=kind, body='{"data": {"n": 1}}',
                    at=datetime.now(UTC), attempts=0, noun="", record=None, trace=None, answer=None, claim=new_id())
        for place, (key, kind) in enumerate(told)
    ]  # fmt: skip


RUN = (("a", "test.sold"), ("a", "test.cancelled"), ("b", "test.sold"), ("b", "test.cancelled"), ("b", "test.sold"))


@pytest.mark.parametrize(("order", "parts"), [("strict", [[0, 2], [1, 3], [4]]), ("free", [[0, 2, 4], [1, 3]])])
def test_what_goes_at_once_is_of_one_target_and_of_a_key_in_order(routed, order, parts):
    plan = plan_of(routed(order=order).pk)
    run = held(plan, *RUN)
    assert [[one.seq for one in part] for part in sending.parts_of(plan, run)] == parts


def test_without_routes_a_run_goes_as_one(flow):
    plan = plan_of(flow(detail={"events": HEARD}).pk)
    run = held(plan, *RUN)
    assert list(sending.parts_of(plan, run)) == [run]


def test_a_part_is_not_sent_where_what_comes_before_it_was_refused(ctx, routed, monkeypatch):
    sent: list[list[tuple[str, str]]] = []

    def take(self: Any, connection: Any, outs: Any) -> list[Any]:
        sent.append([(out.operation, out.key) for out in outs])
        return [Failed("refused", "no") if (out.operation, out.key) == ("orders", str(one)) else Sent() for out in outs]

    monkeypatch.setattr(Loop, "sends_many", True)
    monkeypatch.setattr(Loop, "send_many", take)
    routed()
    one, other = sorted((new_id(), new_id()), key=str)
    happen(ctx, *(kind(record=key, n=1) for key in (one, other) for kind in (Sold, Cancelled)))
    carry_until_quiet()
    assert sent == [[("orders", str(one)), ("orders", str(other))], [("cancellations", str(other))]]
    assert states() == [("dead", "refused"), ("waiting", ""), ("done", ""), ("done", "")]


# --- dead letters -----------------------------------------------------------------------------------------------


def test_a_repaired_message_is_tried_and_sent_by_the_route_of_its_type(ctx, routed, partner):
    routed(GONE | {"mapping": {"fields": [{"target": "gone", "source": "data.code", "required": True}]}},
           (SOLD_SAMPLE, ({"type": "test.cancelled", "data": {"code": "X", "n": 1}}, {"gone": "X"})))  # fmt: skip
    happen(ctx, Cancelled(record=new_id(), n=2))
    carry_until_quiet()
    assert (partner.paths, states()) == ([], [("dead", "mapping")])
    dead = Message.objects.get()
    (tried,) = do(ctx, "integration.message.dry_run", messages=[str(dead.pk)]).value
    assert (tried["is_well"], tried["reason"]) == (False, "mapping")
    do(ctx, "integration.message.repair", dead.pk, body={"data": {"code": "Y", "n": 2}})
    (tried,) = do(ctx, "integration.message.dry_run", messages=[str(dead.pk)]).value
    assert (tried["is_well"], tried["value"]) == (True, {"gone": "Y"})
    do(ctx, "integration.message.replay", dead.pk)
    carry_until_quiet(later(1))
    assert (partner.paths, partner.bodies) == (["/cancellations"], [{"gone": "Y"}])


# --- samples and refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "untried"), [((SOLD_SAMPLE,), "test.cancelled"), ((GONE_SAMPLE,), "test.sold")])
def test_each_way_through_a_flow_is_held_to_a_sample(routed, samples, untried):
    with pytest.raises(RouteUntried) as refusal:
        routed(samples=samples, code="ONE")
    assert refusal.value.text("zh") == f"集成流 ONE 没有样例走这条路：{untried}"
    assert refusal.value.text("en") == f"No sample of flow ONE goes the way of {untried}"
    assert not FlowVersion.objects.exists()


def test_a_sample_is_tried_by_the_route_of_its_type(routed):
    with pytest.raises(SamplesFail, match="gone"):
        routed(samples=(SOLD_SAMPLE, (GONE_SAMPLE[0], {"gone": 3})))


def test_a_dry_run_of_a_drawn_flow_goes_by_the_route(ctx, system):
    facts = dict(system=str(system.pk), trigger="event", detail={"events": HEARD, "routes": [GONE]}, target="orders")
    found = do(ctx, "integration.flow.rehearse", **facts, body=GONE_SAMPLE[0]).value
    assert (found["filter"]["state"], found["target"]["value"]) == ("ok", {"gone": 2})
    kept = do(ctx, "integration.flow.rehearse", **facts, body={"type": "test.cancelled", "data": {"n": 0}}).value
    assert kept["filter"]["state"] == "held"


def without(name: str) -> dict[str, Any]:
    return {key: one for key, one in GONE.items() if key != name}


@pytest.mark.parametrize(
    ("routes", "zh", "en"),
    [
        ({}, "routes 应为列表", "routes must be a list"),
        (["x"], "第 1 条路由，写法：应为对象", "Route 1, as it is written: must be an object"),
        ([{"events": ["test.cancelled"]}], "至少写一项", "it must name a filter, mapping, target or reply"),
        ([without("events")], "事件：要列出至少一个事件类型", "Route 1, its events: it must list at least one type"),
        ([GONE | {"events": ["test.*"]}], "test.*：写明类型，不用 *", "test.*: name types, without *"),
        ([GONE | {"events": ["test.lost"]}], "test.lost 不在流的 events 中", "test.lost is none of the flow's events"),
        ([GONE, GONE], "第 2 条路由，事件：test.cancelled 已", "Route 2, its events: test.cancelled is named before"),
        ([GONE | {"order": "free"}], "没有 order", "not order"),
        ([GONE | {"filter": "data.n >"}], "第 1 条路由，过滤：", "Route 1, its filter: "),
        ([GONE | {"filter": 3}], "第 1 条路由，过滤：应为文本", "Route 1, its filter: must be text"),
        ([GONE | {"target": ""}], "第 1 条路由，目标：写明操作", "Route 1, its target: name an operation"),
        ([GONE | {"mapping": {"preset": "test_loop.none"}}], "第 1 条路由，映射：", "Route 1, its mapping: "),
        ([GONE | {"mapping": "x"}], "第 1 条路由，映射：应为对象", "Route 1, its mapping: must be an object"),
        ([GONE | {"reply": {"sent": True}}], "第 1 条路由，回执处理：只能有", "Route 1, its reply: only keep"),
    ],
)  # fmt: skip
def test_a_route_that_is_wrong_is_refused_by_its_number(ctx, system, routes, zh, en):
    facts = dict(code="ONE", name="流", system=str(system.pk), direction="out", trigger="event", target="orders",
                 detail={"events": HEARD, "routes": routes})  # fmt: skip
    with pytest.raises(Invalid) as refusal:
        do(ctx, "integration.flow.create", records=[facts])
    for language, words in (("zh", zh), ("en", en)):
        (path, texts), = refusal.value.field_texts(language).items()
        assert path.endswith("detail.routes")
        assert words in " ".join(texts)
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"trigger": "poll", "detail": {"operation": "x", "routes": [GONE]}, "direction": "in",
          "target": "kernel.role.create"}, "only a flow that events trigger has routes"),
        ({"direction": "in", "target": "kernel.role.create", "detail": {"events": HEARD, "routes": [GONE]}},
         "Route 1, its target: there is no command named “cancellations”"),
    ],
)  # fmt: skip
def test_a_route_fits_its_flow(ctx, system, facts, words):
    usual = dict(code="ONE", name="流", system=str(system.pk), direction="out", trigger="event", target="orders")
    with pytest.raises(Invalid) as refusal:
        do(ctx, "integration.flow.create", records=[usual | facts])
    assert words in str(refusal.value.field_texts("en"))


def test_a_route_whose_answers_lead_to_a_command_wants_an_account(routed, system):
    System.objects.filter(pk=system.pk).update(account=None)
    with pytest.raises(FlowNotReady) as refusal:
        routed(GONE | {"reply": MAKES_A_ROLE})
    assert "no account to act as" in refusal.value.text("en")
