"""The REST connector against partners that behave as documents say they do, and as they do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from banyan.connectors.rest.connector import Rest
from banyan.connectors.rest.settings import RestSettings, Signing
from banyan.connectors.rest.signing import Secrets, signed
from banyan.integration.connecting import Failed, Outgoing, connector_of
from tests.integration.partner import NOW, connection, partner

PAYLOADS = Path(__file__).parent / "payloads"
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
ORDERS = json.loads((PAYLOADS / "orders.json").read_text())
rest = Rest()


def system(url: str, *operations: dict, secrets: dict | None = None, **more):
    return connection(RestSettings(address=f"{url}/v1", operations=list(operations), **more), secrets)


def out(operation="put", body=None, **more) -> Outgoing:
    return Outgoing(
        ID, operation, {"id": "SO/1", "客户": "苏州"} if body is None else body, "SO-1", "sales.order", NOW, **more
    )


def polled(link, operation="list", position=None, limit=100):
    """Poll until nothing more is there at once; give all messages, the position, and how many calls it took."""
    messages, calls = [], 0
    while True:
        page = rest.poll(link, operation, position, limit)
        messages += page.messages
        position, calls = json.loads(json.dumps(page.position)), calls + 1
        assert calls < 50
        if not page.has_more:
            return messages, position, calls


def test_it_is_registered_under_its_folders_name():
    assert isinstance(connector_of("rest"), Rest)


def test_a_message_goes_out_once_with_its_name():
    with partner(lambda asked: {"ok": True, "id": 77}) as there:
        link = system(
            there.url, {"key": "put", "method": "PUT", "path": "/orders/{body.id}", "query": {"way": "{type}"}}
        )
        sent = rest.send(link, out())
        asked = there.asked[0]
    assert (sent.reply, sent.code) == ({"ok": True, "id": 77}, "200")
    assert (asked.method, asked.target) == ("PUT", "/v1/orders/SO%2F1?way=sales.order")
    assert asked.headers["idempotency-key"] == str(ID)
    assert asked.json == {"id": "SO/1", "客户": "苏州"}


def test_the_trace_of_a_message_goes_along_as_a_step_of_its_own():
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with partner(lambda asked: {}) as there:
        link = system(there.url, {"key": "put", "path": "/orders"})
        rest.send(link, out(operation="put", trace=trace))
        rest.send(link, out(operation="put"))
        traced, other = there.asked
    assert traced.headers["traceparent"] == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{ID.hex[16:]}-01"
    assert "traceparent" not in other.headers


@pytest.mark.parametrize("name", ["..", ".", ""])
def test_a_value_cannot_lead_to_another_path(name):
    with partner(lambda asked: {}) as there:
        link = system(there.url, {"key": "put", "path": "/orders/{body.id}/lines"})
        with pytest.raises(Failed, match="empty") as told:
            rest.send(link, out(body={"id": name}))
        assert (told.value.kind, there.asked) == ("mapping", [])


def test_a_missing_value_is_named():
    with partner(lambda asked: {}) as there, pytest.raises(Failed, match=r"body\.number") as told:
        rest.send(system(there.url, {"key": "put", "path": "/o/{body.number}"}), out())
    assert told.value.kind == "mapping"


def test_a_body_is_wrapped_or_sent_as_a_form():
    with partner(lambda asked: b"HTTP/1.1 204 None\r\n\r\n") as there:
        link = system(
            there.url,
            {"key": "wrapped", "body": {"order": "{body}", "source": "banyan/{key}"}},
            {"key": "form", "is_form": True, "body": {"biz": "{body}", "n": 1}},
        )
        assert rest.send(link, out("wrapped")).reply is None
        rest.send(link, out("form", body={"名": "a&b"}))
        first, second = there.asked
    assert first.json == {"order": {"id": "SO/1", "客户": "苏州"}, "source": "banyan/SO-1"}
    assert second.body == b"biz=%7B%22%E5%90%8D%22%3A%22a%26b%22%7D&n=1"


@pytest.mark.parametrize(
    ("auth", "secrets", "header", "value"),
    [
        ({"kind": "basic", "user": "王"}, {"password": "p:w"}, "authorization", "Basic 546LOnA6dw=="),
        ({"kind": "header", "name": "X-Key"}, {"api_key": "k-123"}, "x-key", "k-123"),
        ({"kind": "bearer"}, {"token": "t-123"}, "authorization", "Bearer t-123"),
    ],
)  # fmt: skip
def test_we_prove_who_we_are(auth, secrets, header, value):
    with partner(lambda asked: {}) as there:
        rest.send(system(there.url, {"key": "put"}, auth=auth, secrets=secrets), out())
        assert there.asked[0].headers[header] == value


def test_a_key_in_the_query_is_in_no_fault():
    with partner(lambda asked: (403, {"sent": asked.target})) as there:
        link = system(there.url, {"key": "put"}, auth={"kind": "query", "name": "key"}, secrets={"api_key": "k-secret"})
        with pytest.raises(Failed) as told:
            rest.send(link, out())
        assert there.asked[0].one("key") == "k-secret"
    assert "k-secret" not in told.value.text


def test_a_secret_that_was_not_entered_is_named():
    with partner(lambda asked: {}) as there, pytest.raises(Failed, match="api_key") as told:
        rest.send(system(there.url, {"key": "put"}, auth={"kind": "header"}), out())
    assert told.value.kind == "refused"


def test_a_token_is_asked_for_once_and_again_when_it_is_refused():
    given = []

    def answer(asked):
        if asked.path == "/token":
            given.append(asked.body.decode())
            return {"access_token": f"at-{len(given)}", "expires_in": 3600, "token_type": "Bearer"}
        return (401, {}) if asked.headers["authorization"] == "Bearer at-1" and len(there.asked) > 4 else {}

    with partner(answer) as there:
        auth = {"kind": "oauth2", "token_address": f"{there.url}/token", "client_id": "erp", "scope": "orders"}
        link = system(there.url, {"key": "put"}, auth=auth, secrets={"client_secret": "cs-1"})
        for _ in range(4):
            rest.send(link, out())
        paths = [asked.path for asked in there.asked]
        first = there.asked[0].headers["authorization"]
    assert paths == ["/token", "/v1/", "/v1/", "/v1/", "/v1/", "/token", "/v1/"]
    assert first == "Basic " + base64.b64encode(b"erp:cs-1").decode()
    assert given[0] == "grant_type=client_credentials&scope=orders"


def test_a_token_that_is_refused_twice_is_a_refusal():
    with partner(lambda asked: {"access_token": "a", "expires_in": 60} if asked.path == "/t" else (401, {})) as there:
        auth = {"kind": "oauth2", "token_address": f"{there.url}/t", "client_id": "e"}
        link = system(there.url, {"key": "put"}, auth=auth, secrets={"client_secret": "x"})
        with pytest.raises(Failed) as told:
            rest.send(link, out())
        assert (told.value.kind, told.value.code, len(there.asked)) == ("refused", "401", 4)


def test_a_request_is_signed_as_the_settings_say():
    """The signature is worked out by hand from the request that arrived."""
    signing = {
        "parts": ["{method}", "{path}", "{query}", "{timestamp}", "{nonce}", "{body_sha256}"], "joiner": "\n",
        "encoding": "base64", "clock": "unix_ms",
        "headers": {"X-Time": "{timestamp}", "X-Nonce": "{nonce}", "X-Sign": "v1 {signature}"},
    }  # fmt: skip
    with partner(lambda asked: {}) as there:
        auth = {"kind": "signed", "signing": signing}
        link = system(
            there.url, {"key": "put", "query": {"b": "2", "a": "x y"}}, auth=auth, secrets={"signing_key": "sk-1"}
        )
        rest.send(link, out())
        asked = there.asked[0]
    assert asked.target == "/v1/?a=x+y&b=2"
    assert asked.headers["x-time"] == "1772699400000"
    text = "\n".join(
        ["POST", "/v1/", "a=x+y&b=2", "1772699400000", asked.headers["x-nonce"], hashlib.sha256(asked.body).hexdigest()]
    )
    expected = base64.b64encode(hmac.new(b"sk-1", text.encode(), "sha256").digest()).decode()
    assert asked.headers["x-sign"] == f"v1 {expected}"


def test_the_way_of_open_platforms_can_be_said_as_data():
    """MD5 of secret, sorted names and values, secret, in capitals, Beijing time: the example of Taobao."""
    signing = Signing(
        parts=["{secret.signing_key}", "{params}", "{secret.signing_key}"], hash="md5", is_keyed=False, encoding="HEX",
        clock="%Y-%m-%d %H:%M:%S", zone="Asia/Shanghai",
        query={"app_key": "12345678", "timestamp": "{timestamp}", "sign": "{signature}"},
    )  # fmt: skip
    link = connection(None, {"signing_key": "helloworld"}, now=datetime(2016, 1, 1, 4, 0, tzinfo=UTC))
    pairs, _ = signed(
        signing, link, Secrets(link), method="GET", path="/router/rest", headers={}, body=b"",
        query=[("method", "taobao.item.seller.get"), ("fields", "num_iid,title,nick,price,num"), ("format", "json"),
               ("num_iid", "11223344"), ("session", "test"), ("sign_method", "md5"), ("v", "2.0")],
    )  # fmt: skip
    by_hand = (
        "helloworld" "app_key12345678" "fieldsnum_iid,title,nick,price,num" "formatjson" "methodtaobao.item.seller.get"
        "num_iid11223344" "sessiontest" "sign_methodmd5" "timestamp2016-01-01 12:00:00" "v2.0" "helloworld"
    )  # fmt: skip
    assert dict(pairs)["sign"] == hashlib.md5(by_hand.encode()).hexdigest().upper()
    assert dict(pairs)["sign"] == "66987CB115214E59E6EC978214934FB8"


def test_a_signing_key_in_a_wrong_form_is_named_not_shown():
    signing = {"parts": ["{body}"], "secret_encoding": "hex", "headers": {"X-Sign": "{signature}"}}
    auth = {"kind": "signed", "signing": signing}
    with partner(lambda asked: {}) as there, pytest.raises(Failed) as told:
        rest.send(system(there.url, {"key": "put"}, auth=auth, secrets={"signing_key": "no-hex-at-all"}), out())
    assert "hex" in told.value.text
    assert "no-hex-at-all" not in told.value.text


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        ({"code": 0, "msg": "ok"}, None, ""),
        ({"code": 40013, "msg": "单据不存在"}, "refused", "40013"),
        ({"code": 1006, "msg": "slow down"}, "throttled", "1006"),
        ({"code": -1, "msg": "busy"}, "unavailable", "-1"),
        ({"result": 1}, "refused", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "refused", "200"),
    ],
)
def test_a_fault_inside_a_good_answer_is_a_fault(said, kind, code):
    outcome = {"path": "code", "good": ["0"], "text_path": "msg", "throttled": ["1006"], "passing": ["-1"]}
    with partner(lambda asked: said) as there:
        link = system(there.url, {"key": "put"}, outcome=outcome)
        if kind is None:
            assert rest.send(link, out()).reply == said
            return
        with pytest.raises(Failed) as told:
            rest.send(link, out())
    assert (told.value.kind, told.value.code) == (kind, code)


def test_an_answer_in_gbk_is_read_by_its_declared_encoding():
    body = '{"名":"轴承"}'.encode("gbk")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=GBK\r\nContent-Length: {len(body)}\r\n\r\n"
    with partner(lambda asked: head.encode() + body) as there:
        assert rest.send(system(there.url, {"key": "put"}), out()).reply == {"名": "轴承"}


def test_an_answer_in_a_wrong_encoding_is_refused():
    body = '{"名":"轴承"}'.encode("gbk")
    with partner(lambda asked: (200, body)) as there, pytest.raises(Failed) as told:
        rest.poll(system(there.url, {"key": "list", "ways": ["poll"], "method": "GET"}), "list", None, 10)
    assert told.value.kind == "refused"


def test_a_nested_bomb_is_refused():
    with partner(lambda asked: (200, b"[" * 200_000)) as there, pytest.raises(Failed) as told:
        rest.poll(system(there.url, {"key": "list", "ways": ["poll"], "method": "GET"}), "list", None, 10)
    assert told.value.kind == "refused"


POLL = {
    "key": "list", "ways": ["poll"], "method": "GET", "path": "/orders", "list_path": "data.orders",
    "since": {"parameter": "updated_after", "path": "updated_at", "overlap": 60},
}  # fmt: skip


def test_a_page_with_a_cursor_is_walked_to_its_end():
    def answer(asked):
        if asked.one("token") is None:
            return ORDERS
        return {"code": 0, "data": {"orders": [{"id": "O-3", "updated_at": "2026-03-05T08:05:00Z"}], "next": None}}

    paging = {"kind": "cursor", "parameter": "token", "next_path": "data.next", "size_parameter": "limit", "size": 50}
    with partner(answer) as there:
        link = system(there.url, {**POLL, "paging": paging, "key_path": "customer"})
        messages, position, calls = polled(link)
        assert (there.asked[0].target, there.asked[1].one("token")) == ("/v1/orders?limit=50", "c2")
        assert (len(messages), calls) == (3, 2)
        assert position == {"since": "2026-03-05T08:10:00+00:00"}
        assert messages[0].key == "苏州精工"
        assert messages[0].id.startswith("O-1@")
        assert messages[0].body == ORDERS["data"]["orders"][0]
        polled(link, position=position)
        assert there.asked[2].one("updated_after") == "2026-03-05T08:09:00Z"


def test_the_same_record_has_the_same_name_until_it_changes():
    with partner(lambda asked: ORDERS) as there:
        link = system(there.url, POLL)
        first, _, _ = polled(link)
        again, _, _ = polled(link)
    assert [m.id for m in first] == [m.id for m in again]
    assert len({m.id for m in first}) == 2


def test_a_link_is_followed_within_the_host_only():
    with partner(lambda asked: {}) as other:

        def answer(asked):
            if asked.one("p") is None:
                return 200, {"data": {"orders": [{"id": 1}]}}, f'Link: <{there.url}/v1/orders?p=2>; rel="next"'
            return 200, {"data": {"orders": [{"id": 2}]}}, f'Link: <{other.url}/v1/orders?p=3>; rel="next"'

        with partner(answer) as there:
            link = system(there.url, {**POLL, "since": None, "paging": {"kind": "link"}})
            page = rest.poll(link, "list", None, 10)
            page = rest.poll(link, "list", page.position, 10)
            assert page.messages[0].body == {"id": 2}
            with pytest.raises(Failed) as told:
                rest.poll(link, "list", page.position, 10)
            assert told.value.kind == "not_allowed"
        assert other.asked == []


class Shop:
    """A partner that lists records by the time of change, a page at a time, as most do."""

    def __init__(self, count: int, *, is_exclusive: bool = False, step: float = 1.0) -> None:
        start = datetime(2026, 3, 5, tzinfo=UTC)
        self.rows = {f"R{n}": start + timedelta(seconds=int(n * step)) for n in range(count)}
        self.is_exclusive = is_exclusive
        self.moves: list = []

    def __call__(self, asked):
        since = asked.one("updated_after")
        since = datetime.fromisoformat(since) if since else datetime(1970, 1, 1, tzinfo=UTC)
        rows = sorted((at, id) for id, at in self.rows.items() if at > since or (at == since and not self.is_exclusive))
        offset = int(asked.one("offset") or 0)
        size = int(asked.one("limit"))
        found = [{"id": id, "updated_at": at.isoformat()} for at, id in rows[offset : offset + size]]
        if self.moves:
            id, at = self.moves.pop(0)
            self.rows[id] = at
        return {"data": {"orders": found}}


@pytest.mark.parametrize("is_exclusive", [False, True])
@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize("step", [1.0, 0.2, 0.05])
def test_no_record_is_missed_over_pages_and_ties(is_exclusive, is_sorted, step):
    shop = Shop(95, is_exclusive=is_exclusive, step=step)
    paging = {"kind": "offset", "parameter": "offset", "size_parameter": "limit", "size": 10}
    with partner(shop) as there:
        link = system(there.url, {**POLL, "since": {**POLL["since"], "is_sorted": is_sorted}, "paging": paging})
        messages, _, _ = polled(link)
    assert {m.body["id"] for m in messages} == set(shop.rows)


def test_a_record_that_moves_while_pages_are_read_hides_no_other():
    """R3 changes after the first page and leaves its place: with offsets alone, R10 would slip through."""
    shop = Shop(40)
    shop.moves = [("R3", datetime(2026, 3, 6, tzinfo=UTC))]
    paging = {"kind": "offset", "parameter": "offset", "size_parameter": "limit", "size": 10}
    with partner(shop) as there:
        link = system(there.url, {**POLL, "since": {**POLL["since"], "is_sorted": True}, "paging": paging})
        messages, _, _ = polled(link)
    assert {m.body["id"] for m in messages} == set(shop.rows)


def test_a_record_that_becomes_visible_late_is_found_by_the_overlap():
    shop = Shop(5)
    with partner(shop) as there:
        link = system(there.url, {**POLL, "paging": {"size_parameter": "limit"}})
        _, position, _ = polled(link)
        shop.rows["late"] = datetime(2026, 3, 4, 23, 59, 30, tzinfo=UTC)
        messages, after, _ = polled(link, position=position)
    assert "late" in {m.body["id"] for m in messages}
    assert after == position


def test_a_walk_that_is_broken_off_goes_on_where_it_was():
    shop = Shop(30)
    paging = {"kind": "offset", "parameter": "offset", "size_parameter": "limit", "size": 10}
    with partner(shop) as there:
        link = system(there.url, {**POLL, "paging": paging})
        page = rest.poll(link, "list", None, 10)
        assert page.has_more
        assert page.position["since"] is None
        messages, _, _ = polled(link, position=page.position)
    assert {m.body["id"] for m in (*page.messages, *messages)} == set(shop.rows)


def test_a_poll_by_post_puts_what_it_asks_into_the_body():
    with partner(lambda asked: {"rows": []}) as there:
        operation = {
            "key": "list", "ways": ["poll"], "method": "POST", "path": "/query", "list_path": "rows",
            "body": {"formid": "SAL_Order", "filter": "FModifyDate >= '{since}'", "limit": "{size}"},
            "since": {"parameter": "", "path": "t", "first": "2026-01-01T00:00:00", "zone": "Asia/Shanghai",
                      "clock": "%Y-%m-%d %H:%M:%S"},
        }  # fmt: skip
        rest.poll(system(there.url, operation), "list", None, 20)
        assert there.asked[0].json == {
            "formid": "SAL_Order", "filter": "FModifyDate >= '2026-01-01 00:00:00'", "limit": 20,
        }  # fmt: skip


def test_what_lists_no_list_is_a_fault_of_mapping():
    with (
        partner(lambda asked: {"data": {"orders": "none"}}) as there,
        pytest.raises(Failed, match=r"data\.orders") as told,
    ):
        rest.poll(system(there.url, POLL), "list", None, 10)
    assert told.value.kind == "mapping"


def test_health_tells_what_the_partner_answers():
    with partner(lambda asked: {} if asked.path == "/v1/ping" else (401, {})) as there:
        assert rest.health(system(there.url, health_path="/ping")).is_well
        assert not rest.health(system(there.url, health_path="/else")).is_well
        assert not rest.health(system(there.url)).is_well
    health = rest.health(system(there.url))
    assert not health.is_well


@pytest.mark.parametrize(
    "settings",
    [
        {"address": "file:///etc/passwd"},
        {"address": "https://user:pw@x.example.com"},
        {"address": "https://x.example.com", "unknown": 1},
        {"address": "https://x.example.com", "auth": {"kind": "oauth2"}},
        {"address": "https://x.example.com", "operations": [{"key": "a"}, {"key": "a"}]},
        {"address": "https://x.example.com", "operations": [{"key": "Ä"}]},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValidationError):
        RestSettings.model_validate(settings)
