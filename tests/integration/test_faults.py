"""What goes wrong between systems: each message ends done once, or dead with its reason, and keys stay in order."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Flow, Gauge, Message, System
from banyan.integration.tests.telling import sell
from banyan.kernel import dispatcher
from banyan.kernel.models import Audit, Role
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from tests.integration.both_sides import bus_agrees, red, sold
from tests.integration.partner import partner
from tests.integration.shop import Integrator

WORD = "whsec_" + base64.b64encode(b"k" * 32).decode()
ROLE = {"code": "K1", "name_zh": "一", "name_en": "One"}


@pytest.fixture
def hand(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    yield Integrator(ctx)
    assert red() == []
    connection.close()


def hears(hand):
    """Join a partner who tells us of roles by signed webhooks."""
    system = hand.system("HOOK", "webhook", {}, {"signing_secret": WORD}, account=hand.account("kernel.role.create"))
    hand.flow(system, "IN", ROLE, direction="in", trigger="webhook", detail={"operation": "roles"},
              target="kernel.role.create")  # fmt: skip
    return system


def push(body, *, id="m1", age=0, word=WORD, signed=None, to="roles"):
    raw, seconds = json.dumps(body).encode(), int(time.time()) - age
    (key,) = keys_of(word)
    made = signed or signature(key, id, seconds, raw)
    headers = {"webhook-id": id, "webhook-timestamp": str(seconds), "webhook-signature": made}
    return Client().post(f"/hooks/HOOK/{to}", raw, content_type="application/json", headers=headers).status_code


OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()
PUSHES = {
    # name: (pushes, what each is answered, messages as (state, reason))
    "the same five times": ([{}] * 5, [204] * 5, [("done", "")]),
    "a forged signature": ([{"word": OTHER}, {"signed": "v1,AAAA"}, {}], [401, 401, 204], [("done", "")]),
    "a replay after ten minutes": ([{}, {"age": 600}], [204, 401], [("done", "")]),
    "a clock that is four minutes off": ([{"age": -240}, {"age": 240, "id": "m2"}], [204, 204],
                                         [("done", ""), ("dead", "refused")]),
    "a clock that is an hour off": ([{"age": -3600}, {"age": 3600}], [401, 401], []),
    "an id used for something else": ([{}, {"body": ROLE | {"name_en": "Two"}}], [204, 422],
                                      [("done", ""), ("dead", "source_reused")]),
}  # fmt: skip


@pytest.mark.parametrize("case", PUSHES)
def test_what_is_pushed_is_done_once_or_refused_with_its_reason(hand, case):
    hears(hand)
    pushes, answers, messages = PUSHES[case]
    assert [push(one.get("body", ROLE), **{k: v for k, v in one.items() if k != "body"}) for one in pushes] == answers
    carry_until_quiet()
    assert list(Message.objects.order_by("seq").values_list("state", "reason")) == messages
    made = Role.objects.filter(code="K1").values_list("name_en", flat=True)
    assert list(made) == (["One"] if messages else [])
    dead = {n: reason for n, (state, reason) in enumerate(messages, 1) if state == "dead"}
    bus_agrees("in", [("K1", n) for n in range(1, len(messages) + 1)], effects("kernel.role.create"), dead)


def effects(*commands):
    """Give what our own audit has of commands that were done, in the order they were; numbered as `commands` are."""
    found = Audit.objects.filter(command__in=commands, outcome="done", program__startswith="bus ").order_by("seq")
    return [(str(one.pk), "K1", commands.index(one.command) + 1) for one in found]


def test_what_comes_out_of_order_is_dead_with_its_reason_and_done_once_when_it_is_replayed(hand):
    """A change comes before what it changes, each three times: one effect each, in the order they make sense in."""
    system = hears(hand)
    hand.flow(system, "CHANGE", {"records_of": "K1", "name_en": "New"}, direction="in", trigger="webhook",
              detail={"operation": "changes"}, target="kernel.role.change")  # fmt: skip
    hand.do("integration.system.change", system, account=hand.account("kernel.role.*"))
    change = {"records_of": "K1", "name_en": "New"}

    def number(body):
        return 2 if "records_of" in body else 1

    def done():
        return effects("kernel.role.create", "kernel.role.change")

    assert [push(change, id="m2", to="changes") for _ in range(3)] == [204] * 3
    carry_until_quiet()
    assert [push(ROLE) for _ in range(3)] == [204] * 3
    carry_until_quiet()
    bus_agrees("in", [("K1", 1), ("K1", 2)], done(), {2: "validation"}, number=number)
    hand.do("integration.message.replay", Message.objects.get(state="dead").pk)
    carry_until_quiet(datetime.now(UTC) + timedelta(seconds=1))
    assert Role.objects.get(code="K1").name_en == "New"
    bus_agrees("in", [("K1", 1), ("K1", 2)], done(), number=number)


def tells(hand, url, hosts=("127.0.0.1:*",), word=WORD):
    """Join a partner whom we tell of sales."""
    system = hand.system("TOLD", "webhook", {"address": url}, {"signing_secret": word}, hosts=list(hosts),
                         failures=50)  # fmt: skip
    hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="event",
              detail={"events": ["test.sold"]})  # fmt: skip
    return system


def numbers(there):
    return [n for _, _, n in heard(there)]


def heard(there):
    """Give what a partner was told, in its order: by which name, of what, which number."""
    return [(asked.headers["webhook-id"], asked.json["data"]["subject"], asked.json["data"]["data"]["n"])
            for asked in there.asked]  # fmt: skip


def test_a_slow_partner_is_left_and_told_again_in_order(hand, ctx):
    slow = [True]

    def answer(asked):
        if slow.pop() if slow else False:
            time.sleep(1.5)
        return {}

    with partner(answer) as there:
        tells(hand, there.url)
        record, other = new_id(), new_id()
        sell(ctx, (record, 0), (record, 1), (other, 2))
        now = datetime.now(UTC)
        carry_until_quiet(now)
        states = dict(Message.objects.values_list("body__data__n", "state"))
        assert states == {0: "waiting", 1: "waiting", 2: "done"}
        assert Message.objects.get(body__data__n=0).reason == "timeout"
        carry_until_quiet(now + timedelta(minutes=1))
        assert set(Message.objects.values_list("state", flat=True)) == {"done"}
        assert [n for n in numbers(there) if n != 2] == [0, 0, 1], "what timed out is told first again"
        bus_agrees("out", sold(), heard(there))


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://169.254.169.254/latest/meta-data/", ["*.example.com"]),
        ("http://localhost.example.com:8000/", ["10.0.0.0/8:8000"]),
        ("http://2130706433/", ["api.example.com"]),
    ],
)
def test_a_private_address_is_dead_at_once_and_holds_its_key(hand, ctx, url, hosts):
    tells(hand, url, hosts)
    record = new_id()
    sell(ctx, (record, 0), (record, 1))
    carry_until_quiet(datetime.now(UTC))
    first, second = Message.objects.order_by("seq")
    assert (first.state, first.reason, first.attempts) == ("dead", "not_allowed", 1)
    assert (second.state, second.attempts) == ("waiting", 0)
    hand.do("integration.message.give_up", first.pk, reason="地址有误")
    carry_until_quiet(datetime.now(UTC) + timedelta(seconds=5))
    assert Message.objects.get(pk=second.pk).reason == "not_allowed"


def test_a_breaker_that_opened_lets_one_try_and_then_all(hand, ctx):
    down, refused = [True], []

    def answer(asked):
        if down[0]:
            refused.append(asked)
        return (500, {}) if down[0] else {}

    with partner(answer) as there:
        tells(hand, there.url)
        system = System.objects.get(code="TOLD")
        hand.do("integration.system.stop", system.pk)
        sell(ctx, *((new_id(), n) for n in range(60)))
        assert not there.asked
        hand.do("integration.system.resume", system.pk)
        now = datetime.now(UTC) + timedelta(seconds=1)
        carry_until_quiet(now)
        assert Gauge.objects.get().breaker == "open"
        down[0] = False
        dispatcher.wait_until_quiet()
        for _ in range(10):
            now += timedelta(minutes=2)
            carry_until_quiet(now)
        assert Gauge.objects.get().breaker == "closed"
        bus_agrees("out", sold(), heard(there)[len(refused):])


@pytest.mark.parametrize(
    "mapping",
    [
        {"preset": "woocommerce.nothing"}, {"preset": "nobody.orders"}, {"preset": "woocommerce.../shopify/orders"},
        {"preset": "rest.orders"}, {"preset": "woocommerce.orders", "settings": ["S1"]},
        {"preset": "woocommerce.orders", "settings": {"shop": 1}},
    ],
)  # fmt: skip
def test_a_mapping_that_no_connector_brings_is_refused_at_its_field(hand, mapping):
    system = hand.system("HOOK", "webhook", {}, {"signing_secret": WORD})
    with pytest.raises(DomainError) as refusal:
        hand.do("integration.flow.create", records=[dict(
            code="F", name="F", system=str(system), direction="in", trigger="webhook",
            detail={"operation": "orders"}, target="channels.order.receive", mapping=mapping,
        )])  # fmt: skip
    assert [path.rpartition(".")[2] for path in refusal.value.fields] == ["mapping"]
    assert not Flow.objects.exists()


def test_a_token_that_ends_in_the_middle_of_a_run_is_taken_anew_and_each_is_told_once(hand, ctx):
    """Each token is good for five calls; the office that gives tokens is closed for a while."""
    given, left, told, is_closed = [], [0], [], [False]

    def answer(asked):
        if asked.path == "/token":
            if is_closed[0]:
                return 503, {"error": "temporarily_unavailable"}
            given.append(f"at-{len(given)}")
            left[0] = 5
            return {"access_token": given[-1], "expires_in": 3600, "token_type": "Bearer"}
        if asked.headers.get("authorization") != f"Bearer {given[-1] if given else ''}" or not left[0]:
            return 401, {"error": "invalid_token"}
        left[0] -= 1
        told.append((asked.headers["idempotency-key"], asked.json["record"], asked.json["n"]))
        return {}

    with partner(answer) as there:
        auth = {"kind": "oauth2", "token_address": f"{there.url}/token", "client_id": "erp"}
        operations = [{"key": "sales", "path": "/sales",
                       "body": {"n": "{body.data.n}", "record": "{body.data.record}"}}]  # fmt: skip
        system = hand.system("OAUTH", "rest", {"address": there.url, "auth": auth, "operations": operations},
                             {"client_secret": "s3cret"}, failures=100)  # fmt: skip
        hand.flow(system, "OUT", {"data": {"n": 1, "record": "r"}}, direction="out", trigger="event", target="sales",
                  detail={"events": ["test.sold"]}, retries=[5] * 10)  # fmt: skip
        record = new_id()
        now = datetime.now(UTC) + timedelta(seconds=5)
        sell(ctx, *((record, n) for n in range(12)))
        carry_until_quiet(now)
        assert [n for _, _, n in told] == list(range(12))
        assert len(given) == 3
        is_closed[0], left[0] = True, 2
        sell(ctx, *((record, n) for n in range(12, 18)))
        carry_until_quiet(now := now + timedelta(minutes=1))
        waiting = Message.objects.filter(state="waiting").count()
        is_closed[0] = False
        for _ in range(6):
            carry_until_quiet(now := now + timedelta(minutes=1))
    print(f"{len(given)} tokens, {waiting} waited while no token was given")
    assert len(told) == 18, "no second time is wasted"
    assert waiting == 4
    bus_agrees("out", sold(), told)
