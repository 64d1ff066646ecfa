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
from banyan.integration.models import Attempt, Flow, Gauge, Message, System
from banyan.integration.tests.telling import sell
from banyan.kernel import dispatcher, proofs
from banyan.kernel.models import Role
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from tests.integration.partner import partner
from tests.integration.shop import Integrator

WORD = "whsec_" + base64.b64encode(b"k" * 32).decode()
ROLE = {"code": "K1", "name_zh": "一", "name_en": "One"}


@pytest.fixture
def hand(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    yield Integrator(ctx)
    red = [v.found.faults for v in proofs.run() if v.proof.key.startswith("integration.") and not v.is_green]
    assert red == []
    connection.close()


def hears(hand):
    """Join a partner who tells us of roles by signed webhooks."""
    system = hand.system("HOOK", "webhook", {}, {"signing_secret": WORD}, account=hand.account("kernel.role.create"))
    hand.flow(system, "IN", ROLE, direction="in", trigger="webhook", detail={"operation": "roles"},
              target="kernel.role.create")  # fmt: skip


def push(body, *, id="m1", age=0, word=WORD, signed=None):
    raw, seconds = json.dumps(body).encode(), int(time.time()) - age
    (key,) = keys_of(word)
    made = signed or signature(key, id, seconds, raw)
    headers = {"webhook-id": id, "webhook-timestamp": str(seconds), "webhook-signature": made}
    return Client().post("/hooks/HOOK/roles", raw, content_type="application/json", headers=headers).status_code


OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()
PUSHES = {
    # name: (pushes, what each is answered, messages as (state, reason))
    "duplicates": ([{}] * 5, [204] * 5, [("done", "")]),
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


def tells(hand, url, hosts=("127.0.0.1:*",), word=WORD):
    """Join a partner whom we tell of sales."""
    system = hand.system("TOLD", "webhook", {"address": url}, {"signing_secret": word}, hosts=list(hosts),
                         failures=50)  # fmt: skip
    hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="event",
              detail={"events": ["test.sold"]})  # fmt: skip
    return system


def numbers(there):
    return [asked.json["data"]["data"]["n"] for asked in there.asked]


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
        assert Attempt.objects.filter(outcome="done").count() == 3


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
    down = [True]
    with partner(lambda asked: (500, {}) if down[0] else {}) as there:
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
        assert set(Message.objects.values_list("state", flat=True)) == {"done"}
        assert Gauge.objects.get().breaker == "closed"


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
        told.append((asked.headers["idempotency-key"], asked.json["n"]))
        return {}

    with partner(answer) as there:
        auth = {"kind": "oauth2", "token_address": f"{there.url}/token", "client_id": "erp"}
        operations = [{"key": "sales", "path": "/sales", "body": {"n": "{body.data.n}"}}]
        system = hand.system("OAUTH", "rest", {"address": there.url, "auth": auth, "operations": operations},
                             {"client_secret": "s3cret"}, failures=100)  # fmt: skip
        hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="sales",
                  detail={"events": ["test.sold"]}, retries=[5] * 10)  # fmt: skip
        record = new_id()
        now = datetime.now(UTC) + timedelta(seconds=5)
        sell(ctx, *((record, n) for n in range(12)))
        carry_until_quiet(now)
        assert [n for _, n in told] == list(range(12))
        assert len(given) == 3
        is_closed[0], left[0] = True, 2
        sell(ctx, *((record, n) for n in range(12, 18)))
        carry_until_quiet(now := now + timedelta(minutes=1))
        waiting = Message.objects.filter(state="waiting").count()
        is_closed[0] = False
        for _ in range(6):
            carry_until_quiet(now := now + timedelta(minutes=1))
    print(f"{len(given)} tokens, {len(told)} told, {waiting} waited while no token was given",
          Message.objects.exclude(state="done").values_list("state", "reason", "error"))  # fmt: skip
    assert [n for _, n in told] == list(range(18))
    assert len({name for name, _ in told}) == 18
    assert waiting == 4
    assert set(Message.objects.values_list("state", flat=True)) == {"done"}
