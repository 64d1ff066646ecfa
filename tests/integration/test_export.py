"""One order's life as a collector of traces sees it: from a partner's webhook to the webhook that another one gets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from banyan.connectors.webhook.connector import Webhook
from banyan.integration.connecting import Failed, Outgoing
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Attempt, Message
from banyan.integration.tests.telling import Sold
from banyan.kernel import db, dispatcher, events, jobs, tracing
from banyan.kernel.commands import Call as One
from banyan.kernel.commands import Command, Together, execute_together, tell_for
from banyan.kernel.models import Call, Outbox
from banyan.kernel.schema import Input, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.ops import jobs as worker
from banyan.web.rest import calls
from tests.integration.collecting import Seen, collecting
from tests.integration.partner import partner
from tests.integration.trading import GIVEN, KEY, NOTE, SECRET, THEIRS, TRACE, UNWANTED, WORD, Trade


@pytest.fixture
def carrier():
    """Give who is told, and what it answers from now on."""
    says = [{}]
    with partner(lambda asked: says[0]) as there:
        there.says = says
        yield there


@pytest.fixture
def trade(live_db, ctx, settings, tmp_path, carrier, one_minute):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    yield Trade(ctx.with_(now=datetime.now(UTC)), carrier.url)
    connection.close()


def shape(one: Seen) -> tuple:
    return one.name, one.kind, one.parent, one.fault


def test_an_orders_life_is_one_tree_from_webhook_to_webhook(trade, carrier):
    order = trade.order()
    with collecting(headers={"X-Key": KEY}) as collector:
        assert trade.push({"records_of": str(order.pk)}, traceparent=GIVEN) == 204
        trade.carry()
        seen = collector.gathered()
    order.refresh_from_db()
    assert order.state == "confirmed"
    assert {one.trace for one in seen} == {TRACE}
    pushed, done, taken, told = seen  # as they ended
    assert shape(pushed) == ("POST /hooks/{system}/{operation}", "server", THEIRS, None)
    assert shape(taken) == ("take CONFIRM", "consumer", pushed.step, None)
    assert shape(done)[:3] == ("sales.order.confirm", "internal", taken.step)
    assert shape(told) == ("deliver TELL", "client", done.step, None)
    assert {asked.headers["x-key"] for asked in collector.asked} == {KEY}
    (asked,) = carrier.asked
    assert asked.headers["traceparent"] == f"00-{TRACE}-{told.step}-01"
    assert asked.json["traceparent"] == f"00-{TRACE}-{done.step}-01"
    assert Attempt.objects.get(message__direction="out").pk.hex[16:] == told.step
    message = Message.objects.get(direction="out")
    assert told.facts == {
        "banyan.system": "CARRIER", "banyan.flow": "TELL", "banyan.connector": "webhook", "banyan.operation": "event",
        "banyan.event": "sales.order_confirmed", "banyan.message": str(message.pk), "banyan.attempt": 1,
        "banyan.outcome": "done", "http.response.status_code": 200,
    }  # fmt: skip
    assert done.facts == {
        "banyan.command": "sales.order.confirm", "banyan.through": "rest", "banyan.outcome": "done",
        "banyan.records": 1,
    }  # fmt: skip
    assert pushed.facts["http.response.status_code"] == 204
    assert (taken.facts["banyan.flow"], taken.facts["banyan.record_noun"]) == ("CONFIRM", "sales.order")


def test_a_call_of_a_program_begins_a_trace_that_its_event_and_delivery_belong_to(trade, carrier):
    order = trade.order()
    with collecting() as collector:
        answer = trade.call(f"sales/orders/{order.pk}/confirm")
        assert answer.status_code == 200
        trade.carry()
        called = collector.one("POST /api/v1/sales/orders/{id}/confirm")
        done, told = collector.one("sales.order.confirm"), collector.one("deliver TELL")
    assert len(collector.seen) == 3
    assert (called.kind, called.parent, done.parent, told.parent) == ("server", "", called.step, done.step)
    assert {one.trace for one in collector.seen} == {called.trace}
    assert called.ns > done.ns > 0
    assert called.step == answer["X-Request-Id"].replace("-", "")[16:]
    assert called.facts == {
        "http.request.method": "POST", "http.route": "/api/v1/sales/orders/{id}/confirm",
        "http.response.status_code": 200, "banyan.operation": "sales.order.confirm", "banyan.outcome": "done",
    }  # fmt: skip
    calls.write()
    assert Call.objects.get(pk=answer["X-Request-Id"]).trace == f"00-{called.trace}-{called.step}-01"
    assert carrier.asked[0].headers["traceparent"] == f"00-{called.trace}-{told.step}-01"


def test_each_try_is_a_step_with_its_number_and_the_partners_status(trade, carrier):
    order = trade.order()
    carrier.says[0] = 503, {}
    with collecting() as collector:
        trade.call(f"sales/orders/{order.pk}/confirm", traceparent=GIVEN)
        trade.carry()
        carrier.says[0] = {}
        carry_until_quiet(datetime.now(UTC).replace(year=datetime.now(UTC).year + 1))
        tries = [one for one in collector.gathered() if one.name == "deliver TELL"]
    names = ("banyan.attempt", "banyan.outcome", "http.response.status_code")
    assert [(*(one.facts[name] for name in names), one.fault) for one in tries] == [
        (1, "failed", 503, "unavailable"), (2, "done", 200, None),
    ]  # fmt: skip
    assert tries[0].parent == tries[1].parent
    assert [asked.headers["traceparent"][36:52] for asked in carrier.asked] == [one.step for one in tries]
    assert {one.pk.hex[16:] for one in Attempt.objects.all()} == {one.step for one in tries}


def test_a_refusal_is_no_fault_and_says_its_code(trade):
    order = trade.order()
    trade.world.do("sales.order.confirm", order)
    with collecting() as collector:
        assert trade.call(f"sales/orders/{order.pk}/confirm").status_code == 409
        called = collector.one("POST /api/v1/sales/orders/{id}/confirm")
        done = collector.one("sales.order.confirm")
    assert (called.fault, called.facts["http.response.status_code"], called.facts["banyan.outcome"]) == (
        None, 409, "refused",
    )  # fmt: skip
    assert (done.fault, done.facts["banyan.outcome"], done.facts["banyan.refusal"]) == (None, "refused", "wrong_state")


def test_the_partners_flag_decides_of_its_traces_and_the_share_of_ours(trade, carrier):
    one, other, third = trade.order(), trade.order(), trade.order()
    with collecting() as collector:
        assert trade.push({"records_of": str(one.pk)}, traceparent=UNWANTED) == 204
        trade.carry()
        assert collector.gathered() == []
    assert carrier.asked[-1].headers["traceparent"][-2:] == "00"
    with collecting(share=0.0) as collector:
        trade.call(f"sales/orders/{other.pk}/confirm")
        trade.carry()
        assert collector.gathered() == []
        trade.call(f"sales/orders/{third.pk}/confirm", traceparent=GIVEN)
        trade.carry()
        assert len(collector.gathered()) == 3
    assert [asked.headers["traceparent"][-2:] for asked in carrier.asked] == ["00", "00", "01"]


def test_nothing_that_is_secret_or_tells_of_a_person_goes_to_the_collector(trade, carrier):
    carrier.says[0] = 400, {"message": f"{NOTE} is no customer of ours"}
    with collecting(headers={"X-Key": KEY}) as collector:
        order = trade.order()
        trade.push({"records_of": str(order.pk), "note": NOTE}, traceparent=GIVEN)
        trade.push({"records_of": str(order.pk)}, traceparent=GIVEN)
        trade.call(f"sales/orders/{order.pk}/confirm?note={NOTE}", traceparent=GIVEN)
        trade.call(f"sales/{NOTE}/{SECRET}")
        trade.carry()
        names = {one.name for one in collector.gathered()}
    assert {"sales.order.create", "sales.order.confirm", "take CONFIRM", "deliver TELL", "POST /api/v1/…"} <= names
    said = b"".join(asked.body for asked in collector.asked).decode()
    world = trade.world
    for hidden in (SECRET, WORD, KEY, NOTE, trade.token, order.number or "SO-", world.customer.name, "robot", "Robot"):
        assert hidden not in said, hidden


def test_a_job_belongs_to_the_trace_of_the_command_that_started_it(trade, monkeypatch):
    monkeypatch.setitem(jobs._kinds, "test.dive", jobs.Kind("test.dive", L("潜", "Dive"), lambda ctx, run, data: None))
    with collecting() as collector:
        run = jobs.start(trade.ctx.with_(trace=GIVEN), "test.dive", {})
        assert db.one("SELECT args->>'trace' FROM procrastinate_jobs WHERE task_name = 'banyan.job'") == (GIVEN,)
        jobs.perform(run.pk, trace=GIVEN)
        assert shape(collector.one("job test.dive")) == ("job test.dive", "consumer", THEIRS, None)


def test_what_a_partner_pushes_without_a_trace_begins_one_that_is_kept_with_its_message(trade):
    with collecting() as collector:
        trade.push({"records_of": str(trade.order().pk)})
        pushed = collector.one("POST /hooks/{system}/{operation}")
        assert pushed.parent == ""
        assert Message.objects.get().trace == f"00-{pushed.trace}-{pushed.step}-01"
        trade.carry()
        told = collector.one("deliver TELL")
    assert told.trace == pushed.trace


def test_a_listener_and_its_own_work_are_steps_of_what_it_hears_of(trade, monkeypatch):
    def hears(ctx: Any, event: Any) -> None:
        jobs.start(ctx, "test.dive", {})

    monkeypatch.setitem(jobs._kinds, "test.dive", jobs.Kind("test.dive", L("潜", "Dive"), lambda *_: None))
    monkeypatch.setitem(events._after, "sales.order_confirmed", [("test.hears", hears)])
    with collecting() as collector:
        trade.call(f"sales/orders/{trade.order().pk}/confirm", traceparent=GIVEN)
        dispatcher.wait_until_quiet()
        heard, done = collector.one("hear test.hears"), collector.one("sales.order.confirm")
        assert shape(heard) == ("hear test.hears", "consumer", done.step, None)
        (given,) = db.rows("SELECT args->>'trace' FROM procrastinate_jobs WHERE task_name = 'banyan.job'")
        assert given == (f"00-{TRACE}-{heard.step}-01",)


def test_messages_that_go_together_are_each_a_step(trade, carrier, monkeypatch):
    def send_many(self: Webhook, connection: Any, outs: Sequence[Outgoing]) -> list[Any]:
        return [self.send(connection, outs[0]), *(Failed("refused", "no", code="E-7") for _ in outs[1:])]

    monkeypatch.setattr(Webhook, "sends_many", True)
    monkeypatch.setattr(Webhook, "send_many", send_many, raising=False)
    with collecting() as collector:
        for _ in range(2):
            trade.call(f"sales/orders/{trade.order().pk}/confirm")
        trade.carry()
        told = [one for one in collector.gathered() if one.name == "deliver TELL"]
    assert [(one.fault, one.facts.get("banyan.code"), one.facts["banyan.outcome"]) for one in told] == [
        (None, None, "done"), ("refused", "E-7", "dead"),
    ]  # fmt: skip
    assert len({one.trace for one in told}) == 2
    assert carrier.asked[0].headers["traceparent"][36:52] == told[0].step


def test_calls_that_are_done_together_are_each_a_step_of_its_own_trace(trade):
    def act(calls: Sequence[One]) -> list[int]:
        for call in calls:
            tell_for(call.ctx, Sold(record=call.data.which, n=1))
        return [1] * len(calls)

    class Which(Input):
        which: UUID = field("哪个", "Which")

    command = Command(
        key="kernel.user.sell", label=L("售出", "Sell"), on="noun", input=Which, permission="kernel.user.sell",
        function=lambda ctx, data: None, together=Together(keys=lambda data: frozenset({data.which}), act=act),
    )  # fmt: skip
    with collecting(share=0.0) as collector, transaction.atomic():
        contexts = (trade.ctx.with_(trace=GIVEN), trade.ctx.with_(trace=UNWANTED), trade.ctx)
        execute_together(command, [One(one, Which(which=new_id())) for one in contexts])
        sold = collector.one("kernel.user.sell")
    assert (sold.parent, sold.facts["banyan.together"], sold.facts["banyan.outcome"]) == (THEIRS, 3, "done")
    assert set(Outbox.objects.filter(type="test.sold").values_list("trace", flat=True)) == {
        f"00-{TRACE}-{sold.step}-01", UNWANTED, None,
    }  # fmt: skip


def test_what_the_clock_starts_is_a_trace_of_its_own_with_its_commands(trade):
    order = trade.order()

    def work() -> None:
        trade.world.do("sales.order.confirm", order)

    context = SimpleNamespace(job=SimpleNamespace(task_name="sales.nightly"))
    with collecting() as collector:
        worker.as_step(work, context)
        began, done = collector.one("job sales.nightly"), collector.one("sales.order.confirm")
        assert (began.kind, began.parent, began.facts) == ("consumer", "", {"banyan.outcome": "done"})
        assert (done.trace, done.parent) == (began.trace, began.step)
        context.job.task_name = "banyan.job"
        worker.as_step(lambda: None, context)
        assert len(collector.gathered()) == 2
        with tracing.begin("later", None, begins=True) as later:
            assert later.trace[3:35] != began.trace


@pytest.mark.slow
def test_off_nothing_is_loaded_and_nothing_is_kept(trade, carrier):
    assert not tracing.is_on()
    assert trade.push({"records_of": str(trade.order().pk)}) == 204
    trade.carry()
    assert list(Outbox.objects.filter(type="sales.order_confirmed").values_list("trace", flat=True)) == [None]
    assert set(Message.objects.values_list("trace", flat=True)) == {None}
    program = (
        "import sys, threading, django; django.setup(); from banyan.kernel import tracing; import banyan.config.urls;"
        "print(tracing.is_on(), [m for m in sys.modules if 'exporting' in m or 'otlp' in m],"
        " [t.name for t in threading.enumerate()])"
    )
    surroundings = os.environ | {"DJANGO_SETTINGS_MODULE": "banyan.config.settings", "BANYAN_OTLP_ENDPOINT": ""}
    done = subprocess.run([sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False [] ['MainThread']"
