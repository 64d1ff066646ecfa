"""Signed webhooks: the documented example byte for byte, forged and replayed ones refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from banyan.connectors.webhook.connector import Webhook
from banyan.connectors.webhook.settings import WebhookSettings
from banyan.connectors.webhook.signature import check, keys_of, signature
from banyan.integration.connecting import Failed, Outgoing, Received
from tests.integration.partner import NOW, connection, partner

EXAMPLE = json.loads((Path(__file__).parent / "payloads" / "standard.json").read_text())
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
webhook = Webhook()


def system(secret: str = SECRET, now: datetime = NOW, **settings):
    return connection(WebhookSettings(**settings), {"signing_secret": secret}, now=now)


def request(body: bytes, *, secret: str = SECRET, at: datetime = NOW, id: str = "msg_1", **headers: str) -> Received:
    seconds = str(int(at.timestamp()))
    signed = {"Webhook-Id": id, "Webhook-Timestamp": seconds}
    signed["Webhook-Signature"] = signature(keys_of(secret)[0], id, seconds, body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received("POST", "/hooks/x", {}, {**signed, "Content-Type": "application/json", **named}, body, NOW)


def out(**more) -> Outgoing:
    return Outgoing(ID, "event", {"number": "SO-1", "客户": "苏州"}, "SO-1", "sales.OrderConfirmed", NOW, **more)


def test_the_documents_example_is_met_byte_for_byte():
    key = keys_of(EXAMPLE["secret"])[0]
    assert signature(key, EXAMPLE["id"], EXAMPLE["timestamp"], EXAMPLE["body"].encode()) == EXAMPLE["signature"]


def test_an_event_goes_out_structured_and_signed_with_every_valid_secret():
    with partner(lambda asked: {"ok": 1}) as there:
        sent = webhook.send(system(f"{SECRET} {OLDER}", address=f"{there.url}/hook", source="/erp"), out())
        asked = there.asked[0]
    assert (sent.code, sent.reply) == ("200", {"ok": 1})
    assert asked.json == {
        "specversion": "1.0", "id": str(ID), "source": "/erp", "type": "sales.OrderConfirmed", "subject": "SO-1",
        "time": "2026-03-05T08:30:00.000Z", "datacontenttype": "application/json",
        "data": {"number": "SO-1", "客户": "苏州"},
    }  # fmt: skip
    assert asked.headers["content-type"].startswith("application/cloudevents+json")
    given = (asked.headers["webhook-id"], asked.headers["webhook-timestamp"], asked.headers["webhook-signature"])
    assert given[0] == str(ID)
    for secret in (SECRET, OLDER):
        check(keys_of(secret), *given, asked.body, NOW)


def test_an_event_goes_out_binary():
    with partner(lambda asked: b"HTTP/1.1 202 Taken\r\nContent-Length: 0\r\n\r\n") as there:
        webhook.send(system(address=there.url, mode="binary"), Outgoing(ID, "event", {"a": 1}, "单-1", "t", NOW))
        asked = there.asked[0]
    assert asked.json == {"a": 1}
    assert {n: v for n, v in asked.headers.items() if n.startswith("ce-")} == {
        "ce-specversion": "1.0", "ce-id": str(ID), "ce-source": "/banyan", "ce-type": "t", "ce-subject": "%E5%8D%95-1",
        "ce-time": "2026-03-05T08:30:00.000Z",
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_what_one_of_us_tells_another_takes(mode):
    with partner(lambda asked: {}) as there:
        webhook.send(system(address=there.url, mode=mode), out())
        asked = there.asked[0]
    received = Received("POST", "/", {}, asked.headers, asked.body, NOW)
    message = webhook.receive(system(), "event", received)[0]
    assert (message.id, message.key, message.type, message.at, message.body) == (
        str(ID), "SO-1", "sales.OrderConfirmed", NOW, {"number": "SO-1", "客户": "苏州"},
    )  # fmt: skip


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("mode", ["structured", "binary", "plain"])
def test_an_events_trace_goes_along_and_the_request_is_a_step_of_it(mode):
    with partner(lambda asked: {}) as there:
        webhook.send(system(address=there.url, mode=mode), out(trace=TRACE))
        webhook.send(system(address=there.url, mode=mode), out())
        asked, untraced = there.asked
    assert asked.headers["traceparent"] == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ID.hex[16:]}-01"
    assert "traceparent" not in untraced.headers
    if mode != "plain":
        received = Received("POST", "/", {}, asked.headers, asked.body, NOW)
        assert webhook.receive(system(), "event", received)[0].trace == TRACE


def test_bare_json_is_taken_with_its_type_and_key():
    body = b'{"type":"order.paid","timestamp":"2026-03-05T08:29:00Z","data":{"no":"D-1"}}'
    (message,) = webhook.receive(system(key_path="data.no"), "event", request(body))
    assert (message.id, message.key, message.type, message.raw) == ("msg_1", "D-1", "order.paid", body.decode())
    assert message.at == datetime(2026, 3, 5, 8, 29, tzinfo=UTC)


def test_a_batch_gives_its_events_each_with_a_name():
    event = {"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "data": 1}
    body = json.dumps([event, {**event, "data": 2}]).encode()
    sent = request(body, Content_Type="application/cloudevents-batch+json")
    assert [(m.id, m.body) for m in webhook.receive(system(), "event", sent)] == [("msg_1.0", 1), ("msg_1.1", 2)]


def test_a_replayed_request_has_the_same_name_so_that_the_inbox_knows_it():
    first, again = (webhook.receive(system(), "event", request(b"{}", at=NOW + timedelta(seconds=s))) for s in (0, 60))
    assert first[0].id == again[0].id


def test_an_older_secret_is_valid_while_both_are_entered():
    assert webhook.receive(system(f"{SECRET},{OLDER}"), "event", request(b"{}", secret=OLDER))
    with pytest.raises(Failed, match="signature"):
        webhook.receive(system(SECRET), "event", request(b"{}", secret=OLDER))


def changed(received: Received, body: bytes | None = None, **headers: str | None) -> Received:
    kept = dict(received.headers)
    for name, value in headers.items():
        kept.pop(name.replace("_", "-"))
        if value is not None:
            kept[name.replace("_", "-")] = value
    return Received("POST", "/", {}, kept, received.body if body is None else body, NOW)


@pytest.mark.parametrize(
    "forge",
    [
        lambda r: changed(r, b'{"amount":2}'),
        lambda r: changed(r, Webhook_Id="msg_2"),
        lambda r: changed(r, Webhook_Id="msg_1.1"),
        lambda r: changed(r, Webhook_Timestamp=str(int(NOW.timestamp()) + 1)),
        lambda r: changed(r, Webhook_Timestamp="soon"),
        lambda r: changed(r, Webhook_Timestamp="-5"),
        lambda r: changed(r, Webhook_Timestamp="9" * 400),
        lambda r: changed(r, Webhook_Timestamp="１７７２"),
        lambda r: changed(r, Webhook_Signature="v1,"),
        lambda r: changed(r, Webhook_Signature=r.headers["Webhook-Signature"].replace("v1,", "v0,")),
        lambda r: changed(r, Webhook_Signature=r.headers["Webhook-Signature"].removeprefix("v1,")),
        lambda r: changed(r, Webhook_Signature="é"),
        lambda r: changed(r, Webhook_Signature=None),
        lambda r: changed(r, Webhook_Id=None),
        lambda r: changed(r, Webhook_Timestamp=None),
    ],
)
def test_a_forged_request_is_refused(forge):
    with pytest.raises(Failed) as told:
        webhook.receive(system(), "event", forge(request(b'{"amount":1}')))
    assert told.value.kind == "forged"
    assert webhook.answer(system(), "event", 0, told.value).status == 401


@pytest.mark.parametrize("seconds", [-301, 301, -86_400 * 365])
def test_a_request_out_of_its_time_is_refused(seconds):
    with pytest.raises(Failed, match="timestamp") as told:
        webhook.receive(system(), "event", request(b"{}", at=NOW + timedelta(seconds=seconds)))
    assert told.value.kind == "forged"


@pytest.mark.parametrize("seconds", [-299, 299])
def test_clocks_may_differ_within_five_minutes(seconds):
    assert webhook.receive(system(), "event", request(b"{}", at=NOW + timedelta(seconds=seconds)))


def test_fifty_megabytes_are_refused_before_they_are_hashed():
    body = bytes(50_000_000)
    received = Received("POST", "/", {}, request(b"{}").headers, body, NOW)
    with pytest.raises(Failed) as told:
        webhook.receive(system(), "event", received)
    assert told.value.kind == "too_large"
    assert webhook.answer(system(), "event", 0, told.value).status == 413


@pytest.mark.parametrize(
    "body",
    ['{"名":"轴承"}'.encode("gbk"), '{"a":1}'.encode("utf-16"), b"", b"{", b"[" * 100_000, b"<xml/>", b'{"a":NaN}'],
)
def test_a_signed_body_that_is_no_json_is_refused(body):
    with pytest.raises(Failed) as told:
        webhook.receive(system(), "event", request(body))
    assert told.value.kind == "validation"
    assert webhook.answer(system(), "event", 0, told.value).status == 400


@pytest.mark.parametrize("spoil", ["specversion", "id", "source", "type"])
def test_an_event_without_what_it_must_have_is_refused(spoil):
    event = {"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "data": 1}
    del event[spoil]
    with pytest.raises(Failed, match=spoil) as told:
        webhook.receive(
            system(), "event", request(json.dumps(event).encode(), Content_Type="application/cloudevents+json")
        )
    assert told.value.kind == "validation"


@pytest.mark.parametrize("secret", ["", "short", "whsec_c2hvcnQ=", "whsec_" + "é" * 40])
def test_a_secret_that_is_none_is_refused_not_shown(secret):
    with pytest.raises(Failed) as told:
        webhook.receive(system(secret), "event", request(b"{}"))
    assert told.value.kind == "refused"
    assert not secret or secret not in told.value.text


def test_health_checks_address_and_secret_and_sends_nothing():
    with partner(lambda asked: {}) as there:
        assert webhook.health(system(address=there.url)).is_well
        assert there.asked == []
    assert not webhook.health(system(address="https://elsewhere.example.com/")).is_well
    assert not webhook.health(system("bad")).is_well


def test_what_is_kept_is_answered_by_204_and_what_may_pass_by_503():
    assert webhook.answer(system(), "event", 1, None).status == 204
    assert webhook.answer(system(), "event", 0, Failed("busy", "")).status == 503
