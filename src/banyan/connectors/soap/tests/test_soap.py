"""SOAP against a stand-in that answers by a WSDL; a real server answers in tests/partners/test_soap.py."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from banyan.connectors.soap import clients
from banyan.connectors.soap.connector import Soap
from banyan.connectors.soap.settings import SoapSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection, partner

WSDL = (Path(__file__).parent / "payloads" / "wms.wsdl").read_text()
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
soap = Soap()


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    monkeypatch.setattr(clients, "_clients", clients.OrderedDict())


def envelope(body: str, extra: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{extra}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:t="urn:wms"><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def xml(body: bytes, status: int = 200):
    return status, body, "Content-Type: text/xml; charset=utf-8"


GOOD = envelope("<t:AddOrderResponse><t:id>7</t:id><t:total>12.50</t:total><t:text>已收</t:text></t:AddOrderResponse>")


def fault(code: str, text: str) -> bytes:
    return envelope(f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{text}</faultstring></s:Fault>")


def system(there, **more):
    given = {"wsdl": WSDL} if "wsdl_address" not in more else {}
    limits = {name: more.pop(name) for name in ("timeout", "most_bytes") if name in more}
    settings = SoapSettings(**given, address=f"{there.url}/wms", **more)
    return connection(settings, {"password": "p-榕"}, **limits)


def out(body=None, operation="AddOrder") -> Outgoing:
    whole = {
        "number": "SO-1",
        "customer": "苏州 <精工> & 子",
        "lines": [{"sku": "轴承", "qty": "2.5"}, {"sku": "B", "qty": 1}],
    }
    return Outgoing(ID, operation, whole if body is None else body, "SO-1", "t", NOW)


def test_an_order_is_called_in_with_chinese_and_lines():
    with partner(lambda asked: xml(GOOD)) as there:
        sent = soap.send(system(there, id_field="messageId"), out())
        asked = there.asked[0]
    assert sent.reply == {"id": 7, "total": "12.5", "text": "已收"}
    text = asked.body.decode()
    assert "苏州 &lt;精工&gt; &amp; 子" in text
    assert re.findall(r":qty>([\d.]+)<", text) == ["2.5", "1"]
    assert str(ID) in text
    assert asked.headers["soapaction"] == '"urn:wms/AddOrder"'
    assert asked.path == "/wms"


def test_the_wsdl_says_what_can_be_asked():
    with partner(lambda asked: (200, WSDL.encode())) as there:
        found = soap.describe(system(there, wsdl_address=f"{there.url}/wms?wsdl"))
        soap.describe(system(there, wsdl_address=f"{there.url}/wms?wsdl"))
        assert [asked.target for asked in there.asked] == ["/wms?wsdl"]
    assert [each.key for each in found] == ["AddOrder", "Changed"]
    assert found[0].input["required"] == ["number"]
    assert found[0].input["properties"]["lines"]["items"]["properties"] == {
        "sku": {"type": "string"}, "qty": {"type": "string"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (xml(fault("Client", "订单已存在"), 500), "refused", "Client"),
        (xml(fault("Server.Busy", "later"), 500), "unavailable", "Server.Busy"),
        ((503, b"down", "Content-Type: text/html"), "unavailable", "503"),
        ((401, b"who?", "Content-Type: text/html"), "refused", "401"),
        ((429, b"", "Content-Type: text/plain", "Retry-After: 9"), "throttled", "429"),
        (xml(b"<html>"), "refused", ""),
        (xml(envelope("<t:Other/>")), "refused", ""),
        (xml(envelope("", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>')), "refused", ""),
        (xml(envelope("&a9;", "<!DOCTYPE a [" + "".join(
            f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(10)) + "]>")), "refused", ""),
        (None, "transport", ""),
    ],
)  # fmt: skip
def test_a_fault_says_whether_to_try_again(answer, kind, code):
    with partner(lambda asked: answer) as there, pytest.raises(Failed) as told:
        soap.send(system(there, passing_faults=["Server.Busy"]), out())
    assert (told.value.kind, told.value.code) == (kind, code)
    assert "root:" not in told.value.text


def test_a_partner_that_is_slow_or_endless_is_left():
    import time

    def slow(asked):
        time.sleep(0.5)
        return xml(GOOD)

    with partner(slow) as there, pytest.raises(Failed) as told:
        soap.send(system(there, timeout=0.2), out())
    assert told.value.kind == "timeout"
    with partner(lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n") as there:
        with pytest.raises(Failed) as told:
            soap.send(system(there), out())
        assert told.value.kind == "too_large"


@pytest.mark.parametrize(
    ("body", "operation", "kind", "word"),
    [
        ({"customer": "x"}, "AddOrder", "mapping", "number"),
        ({"number": "1", "nope": 1}, "AddOrder", "mapping", "nope"),
        ({"number": "a\x00b"}, "AddOrder", "mapping", "XML"),
        ([1], "AddOrder", "mapping", "names"),
        ({"number": "1"}, "DropAll", "refused", "AddOrder"),
    ],
)
def test_arguments_that_do_not_fit_never_leave(body, operation, kind, word):
    with partner(lambda asked: xml(GOOD)) as there:
        with pytest.raises(Failed) as told:
            soap.send(system(there), out(body, operation))
        assert there.asked == []
    assert (told.value.kind, word in told.value.text) == (kind, True)


@pytest.mark.parametrize(
    "wsdl",
    [
        "<html/>", "no xml", WSDL[:500],
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + WSDL.split("?>", 1)[1],
        WSDL.replace("<wsdl:types>", '<wsdl:import namespace="urn:x" location="http://10.0.0.1/x"/><wsdl:types>'),
        WSDL.replace("<wsdl:types>", '<wsdl:import namespace="urn:x" location="file:///etc/passwd"/><wsdl:types>'),
    ],
    ids=["html", "text", "half", "entity", "metadata", "file"],
)  # fmt: skip
def test_a_wsdl_with_tricks_is_refused(wsdl):
    with partner(lambda asked: (200, wsdl.encode())) as there, pytest.raises(Failed) as told:
        soap.send(system(there, wsdl_address=f"{there.url}/x"), out())
    assert told.value.kind in ("refused", "not_allowed")
    assert "root:" not in told.value.text


@pytest.mark.parametrize("auth", ["basic", "text", "digest"])
def test_we_prove_who_we_are(auth):
    with partner(lambda asked: xml(GOOD)) as there:
        soap.send(system(there, auth=auth, user="erp"), out())
        text, headers = there.asked[0].body.decode(), there.asked[0].headers
    assert ("authorization" in headers) == (auth == "basic")
    assert ("UsernameToken" in text) == (auth != "basic")
    assert ("PasswordDigest" in text) == (auth == "digest")
    assert ("p-榕" in text) == (auth == "text")


def test_what_has_changed_is_polled_by_time():
    body = envelope(
        "<t:ChangedResponse><t:order><t:number>A</t:number><t:changed>2026-03-05T08:00:00Z</t:changed></t:order>"
        "<t:order><t:number>B</t:number><t:changed>2026-03-05T08:10:00Z</t:changed></t:order></t:ChangedResponse>"
    )
    operation = {
        "key": "orders", "name": "Changed", "ways": ["poll"], "id_path": "number",
        "since": {"parameter": "since", "path": "changed", "overlap": 60},
    }  # fmt: skip
    with partner(lambda asked: xml(body)) as there:
        link = system(there, operations=[operation])
        page = soap.poll(link, "orders", None, 50)
        soap.poll(link, "orders", page.position, 50)
        assert "since" not in there.asked[0].body.decode()
        assert "2026-03-05T08:09:00Z" in there.asked[1].body.decode()
    assert [m.body["number"] for m in page.messages] == ["A", "B"]
    assert page.position == {"since": "2026-03-05T08:10:00+00:00"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"wsdl": "x", "wsdl_address": "http://h/x"},
        {"wsdl_address": "file:///etc/passwd"},
        {"wsdl": "x", "auth": "basic"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValidationError):
        SoapSettings.model_validate(settings)


def test_a_wsdl_on_a_host_that_is_not_allowed_is_not_read():
    link = connection(SoapSettings(wsdl_address="http://169.254.169.254/x?wsdl"), hosts=("wms.example.com",))
    health = soap.health(link)
    assert (health.is_well, "169.254.169.254" in health.text.en) == (False, True)
