"""Every trigger leads to either end: a command of ours, or an operation of a system; circles end and say so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from banyan.integration import hops, polling
from banyan.integration.connecting import Incoming
from banyan.integration.engine import carry_once, carry_until_quiet
from banyan.integration.errors import FlowNotReady
from banyan.integration.models import Hop, Message, Position, System
from banyan.integration.tests.conftest import CONFIRMED, PAGES, do
from banyan.integration.tests.telling import Sold, sell
from banyan.kernel import dispatcher, registry
from banyan.kernel.commands import Command, tell
from banyan.kernel.models import Audit, Outbox, Role
from banyan.kernel.schema import Input, field
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.lib.labels import L

pytestmark = pytest.mark.usefixtures("proved")


def role_of(code: str, **types: str) -> dict:
    """Give a mapping that makes a role whose code an expression gives."""
    return {"types": types, "fields": [{"target": "code", "expression": code}, {"target": "name_zh", "default": "角色"},
                                       {"target": "name_en", "default": "Role"}]}  # fmt: skip


ROLE_OF_EVENT = role_of('concat("R", data.n)', **{"data.n": "number"})


@pytest.fixture
def other(ctx, system, account) -> System:
    """Give a second system, which is read."""
    made = do(ctx, "integration.system.create", records=[dict(
        code="MES", name="车间", connector="test_loop", settings={}, hosts=["127.0.0.1:*"], timeout_seconds=2,
        account=str(account("*").pk),
    )]).ids[0]  # fmt: skip
    do(ctx, "integration.system.activate", made)
    return System.objects.get(pk=made)


def read(now=None):
    while polling.read_due(now):
        pass


def states():
    return list(Message.objects.order_by("seq").values_list("source", "state", "reason"))


def test_an_event_leads_to_a_command_of_ours(ctx, flow, system):
    flow(direction="in", target="kernel.role.create", mapping=ROLE_OF_EVENT, filter="data.n < 9",
         sample=({"data": {"n": 1}}, {"code": "R1", "name_zh": "角色", "name_en": "Role"}))  # fmt: skip
    sell(ctx, (new_id(), 1), (new_id(), 2), (new_id(), 9))
    carry_until_quiet()
    assert set(Role.objects.filter(code__startswith="R").values_list("code", flat=True)) == {"R1", "R2"}
    assert [(m.direction, m.state) for m in Message.objects.order_by("seq")] == [
        ("in", "done"), ("in", "done"), ("in", "filtered")]  # fmt: skip
    line = Audit.objects.filter(command="kernel.role.create", outcome="done").first()
    assert (line.person, line.program) == (system.account_id, "bus SHOP")
    sell(ctx, (new_id(), 1))  # there is such a role: dead with its reason, as whatever comes in
    carry_until_quiet()
    assert (states()[-1][1:]) == ("dead", "refused")


class Again(Input):
    """How many."""

    n: int = field("数量", "Number")


@pytest.fixture
def sells_again(monkeypatch):
    """Register a command that tells the event which leads to it."""
    made = Command(
        key="kernel.user.resell", label=L("再售", "Sell again"), on="noun", permission="kernel.user.resell",
        input=Again, function=lambda ctx, data: tell(Sold(record=new_id(), n=data.n)),
    )  # fmt: skip
    monkeypatch.setitem(registry._commands, made.key, made)
    return made.key


def test_a_circle_of_events_ends_and_says_so(ctx, flow, sells_again):
    flow(direction="in", target=sells_again, mapping={"fields": [{"target": "n", "source": "data.n"}]},
         order="free", sample=({"data": {"n": 1}}, {"n": 1}))  # fmt: skip
    sell(ctx, (new_id(), 1))
    for _ in range(3 * hops.MOST):
        carry_until_quiet()
        dispatcher.wait_until_quiet()
    found = Message.objects.order_by("seq")
    assert [one.state for one in found] == ["done"] * hops.MOST + ["dead"]
    assert (found.last().reason, "A loop" in found.last().error, "循环" in found.last().error) == ("loop", True, True)
    # another's event is not taken for one of that circle
    sell(ctx, (new_id(), 1))
    carry_once()
    assert Message.objects.order_by("seq").last().state == "done"


def test_those_of_one_batch_are_not_counted_by_the_longest_way_among_them(ctx, flow, sells_again):
    flow(direction="in", target=sells_again, mapping={"fields": [{"target": "n", "source": "data.n"}]},
         order="free", sample=({"data": {"n": 1}}, {"n": 1}))  # fmt: skip
    sell(ctx, (new_id(), 1))
    carry_once()
    sell(ctx, (new_id(), 1))  # drained: one that has come over one flow, and a new one, are due together
    carry_once()
    dispatcher.wait_until_quiet()
    assert sorted(Hop.objects.values_list("hops", flat=True)) == [1, 1, 2]


@pytest.mark.parametrize("brings_list", [False, True])
def test_the_clock_leads_to_a_command_of_ours(ctx, flow, brings_list):
    detail = {"every": 3600, "data": {"prefix": "T"}}
    if brings_list:
        Role.objects.create(code="FIRST", name_zh="甲", name_en="One")
        detail["list"] = {"noun": "kernel.role", "where": "code=FIRST"}
    mapping = role_of("concat(data.prefix, coalesce(data.count, 0))", **{"data.prefix": "text", "data.count": "number"})
    sample = ({"data": {"prefix": "T", "count": 0}}, {"code": "T0", "name_zh": "角色", "name_en": "Role"})
    flow(code="TICK", direction="in", trigger="schedule", detail=detail, target="kernel.role.create", mapping=mapping,
         sample=sample)  # fmt: skip
    read()
    carry_until_quiet()
    message = Message.objects.get()
    assert (message.direction, message.state, message.error) == ("in", "done", "")
    assert Role.objects.filter(code="T1" if brings_list else "T0").exists()
    if brings_list:
        role = Role.objects.get(code="FIRST")
        assert message.body["data"]["ids"] == [str(role.pk)]
        assert message.body["data"]["rows"][0]["code"] == "FIRST"


def test_a_list_the_account_may_not_read_leaves_a_dead_message(ctx, flow, system, account):
    system.account = account("integration.*")
    system.save()
    flow(direction="in", trigger="schedule", detail={"every": 3600, "list": {"noun": "kernel.role"}},
         target="kernel.role.create")  # fmt: skip
    read()
    assert [(m.state, m.reason) for m in Message.objects.all()] == [("dead", "not_allowed")]


@pytest.mark.parametrize(("changes", "word"), [
    ({"detail": {"every": 60, "data": []}}, "data must be an object"),
    ({"detail": {"every": 60, "data": {"rows": 1}}}, "the clock gives it"),
    ({"detail": {"every": 60, "list": {"noun": "no.such"}}}, "no noun"),
    ({"detail": {"every": 60, "list": {"noun": "kernel.role", "where": "colour=1"}}}, "colour"),
    ({"detail": {"every": 60}, "origin": "OTHER"}, "read from one system and sent to another"),
])  # fmt: skip
def test_what_a_clock_cannot_bring_is_said(ctx, system, changes, word):
    facts = dict(code="TICK", name="钟", system=str(system.pk), direction="out", trigger="schedule", target="x")
    if changes.get("origin"):
        changes = changes | {"origin": str(system.pk)}
    with pytest.raises(Invalid) as refused:
        do(ctx, "integration.flow.create", records=[facts | changes])
    assert word in json.dumps(refused.value.field_texts("en"))


def test_what_one_partner_lists_is_sent_to_another_once_and_in_order(ctx, flow, system, other, partner):
    flow(direction="out", trigger="poll", detail={"operation": "reports", "every": 60}, origin=str(other.pk),
         key="order", filter='order != "X"', mapping={"fields": [{"target": "no", "source": "order"}]},
         retries=[5], sample=({"order": "A"}, {"no": "A"}))  # fmt: skip
    PAGES["reports"] = [[Incoming(id=str(n), body={"order": order, "n": n}) for n, order in enumerate("AABX")],
                        [Incoming(id="0", body={"order": "A", "n": 0})]]  # fmt: skip
    partner.script = [503]
    read()
    assert CONFIRMED == [0, 1]
    carry_until_quiet()
    # the first of A failed: the second of A waits behind it, B does not
    assert [one["no"] for one in partner.bodies] == ["A", "B"]
    assert [state for _, state, _ in states()] == ["waiting", "waiting", "done", "filtered"]
    carry_until_quiet(datetime.now(UTC) + timedelta(seconds=30))
    assert [one["no"] for one in partner.bodies] == ["A", "B", "A", "A"]
    assert len(set(partner.got[0][0] for _ in "1") | {partner.got[2][0]}) == 1  # the same name at every try
    found = Message.objects.order_by("seq")
    assert [(one.direction, one.system_id, one.state) for one in found][:3] == [("out", system.pk, "done")] * 3


def test_what_the_other_partner_refuses_is_dead_until_it_is_replayed(ctx, flow, other, partner):
    flow(direction="out", trigger="poll", detail={"operation": "reports", "every": 60}, origin=str(other.pk))
    PAGES["reports"] = [[Incoming(id="1", body={"a": 1})]]
    partner.script = [422]
    read()
    carry_until_quiet()
    assert states() == [("1", "dead", "refused")]
    do(ctx, "integration.message.replay", Message.objects.get().pk)
    carry_until_quiet()
    assert (states(), len(partner.got)) == ([("1", "done", "")], 2)


def test_reading_goes_on_while_the_target_stands_still_and_not_while_the_source_does(ctx, flow, system, other, partner):
    flow(direction="out", trigger="poll", detail={"operation": "reports", "every": 1}, origin=str(other.pk))
    PAGES["reports"] = [[Incoming(id="1", body={"a": 1})], [Incoming(id="2", body={"a": 2})]]
    do(ctx, "integration.system.stop", system.pk)
    read()
    carry_until_quiet()
    assert (states()[0], partner.got) == (("1", "waiting", ""), [])
    count = Message.objects.count()
    do(ctx, "integration.system.stop", other.pk)
    PAGES["reports"].append([Incoming(id="3", body={"a": 3})])
    read(datetime.now(UTC) + timedelta(seconds=60))
    assert Message.objects.count() == count
    assert Position.objects.get().failures == 0


def test_what_one_partner_pushes_is_sent_to_another(ctx, flow, other, partner, seal_here):
    do(ctx, "integration.secret.set", system=str(other.pk), name="word", value="abc")
    flow(direction="out", trigger="webhook", detail={"operation": "reports"}, origin=str(other.pk))
    client = Client()
    push = {"data": json.dumps({"id": 7, "a": 1}), "content_type": "application/json", "headers": {"word": "abc"}}
    assert client.post("/hooks/SHOP/reports", **push).status_code == 404
    assert client.post("/hooks/MES/reports", **push).status_code == 200
    assert client.post("/hooks/MES/reports", **push).status_code == 200
    carry_until_quiet()
    assert (partner.bodies, states()) == ([{"id": 7, "a": 1}], [("7", "done", "")])


def test_this_installation_runs_commands_and_is_not_sent_to(ctx, live_db, account):
    own = do(ctx, "integration.system.create", records=[dict(
        code="OWN", name="本系统", connector="own", settings={}, account=str(account("*").pk))]).ids[0]  # fmt: skip
    do(ctx, "integration.system.activate", own)
    facts = dict(code="IN", name="流", system=str(own), direction="in", trigger="event",
                 detail={"events": ["test.sold"]}, target="kernel.role.create", mapping=ROLE_OF_EVENT)  # fmt: skip
    key = do(ctx, "integration.flow.create", records=[facts]).ids[0]
    out = do(ctx, "integration.flow.create", records=[
        facts | {"code": "OUT", "direction": "out", "mapping": {}, "target": "push"}]).ids[0]  # fmt: skip
    put, comes = {"data": {"n": 1}}, {"code": "R1", "name_zh": "角色", "name_en": "Role"}
    for one, output in ((key, comes), (out, put)):
        do(ctx, "integration.sample.create", records=[dict(flow=str(one), name="一", input=put, output=output)])
    for name in ("test", "activate"):
        do(ctx, f"integration.flow.{name}", key)
    with pytest.raises(FlowNotReady, match="没有可发送的操作"):
        do(ctx, "integration.flow.test", out)
    sell(ctx, (new_id(), 5))
    carry_until_quiet()
    assert Role.objects.filter(code="R5").exists()
    assert Outbox.objects.filter(type="test.sold").count() == 1
