"""Our commands by SOAP: zeep reads the WSDL and calls them; tricks and strangers are refused."""

from __future__ import annotations

import base64

import pytest
import zeep
from django.test import Client
from lxml import etree
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from banyan.kernel import access, registry
from banyan.kernel.models import AccessToken, Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from tests.integration.collecting import collecting

pytestmark = pytest.mark.django_db
KEY = "parties.party.create"


class Through(Transport):
    """Zeep's transport into this process."""

    def __init__(self, caller) -> None:
        super().__init__(cache=None)
        self.caller = caller

    def load(self, url):
        return self.caller.client.get(url.removeprefix("http://testserver")).content

    def post(self, address, message, headers):
        sent = self.caller.post(address.removeprefix("http://testserver"), message, SOAPACTION=headers["SOAPAction"])
        sent.encoding, sent.text = "utf-8", sent.content.decode()
        return sent


class Caller:
    """An account with a personal token."""

    def __init__(self, *permissions: str) -> None:
        self.login = f"u{new_id().hex[:12]}"
        self.user = User.objects.create(login=self.login, name="老系统")
        role = Role.objects.create(code=self.login, name_zh="对接", name_en="Interface")
        for each in permissions:
            RoleGrant.objects.create(role=role, permission=each, reach="all")
        UserRole.objects.create(user=self.user, role=role)
        self.token = access.new_token()
        AccessToken.objects.create(
            user=self.user, name="soap", digest=access.token_digest(self.token), scopes=["*"]
        )
        self.client = Client(raise_request_exception=False)
        self.is_basic = True

    def post(self, path, body, **headers):
        if self.is_basic:
            pair = base64.b64encode(f"{self.login}:{self.token}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return self.client.post(path, body, content_type="text/xml; charset=utf-8", headers=headers)

    def service(self, key=KEY, **more):
        return zeep.Client(f"http://testserver/soap/{key}", transport=Through(self), **more).service


@pytest.fixture
def caller():
    return Caller("parties.*", "items.*")


def party(**more):
    return {"code": f"C-{new_id().hex[-6:]}", "name": "苏州精工 <甲> & 子", "is_customer": True, **more}


def envelope(inside: str, key=KEY, before="") -> bytes:
    return (
        f'{before}<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<call xmlns="urn:banyan:{key}">{inside}</call></e:Body></e:Envelope>'
    ).encode()


def test_every_command_of_rest_has_a_wsdl_that_a_client_reads():
    from banyan.connectors.soap.server import wsdl_of

    commands = [cmd for cmd in registry.commands() if cmd.rest]
    assert len(commands) > 100
    for cmd in commands:
        found = etree.fromstring(wsdl_of(cmd, "http://testserver/soap/x"))
        assert found.tag.endswith("definitions"), cmd.key
        for schema in found.iter("{http://www.w3.org/2001/XMLSchema}schema"):
            etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def test_an_old_system_makes_a_record_and_changes_it(caller):
    made = caller.service().call(records=[party()])
    (id,) = made.id
    from banyan.modules.parties.models import Party

    assert Party.objects.get(pk=id).name == "苏州精工 <甲> & 子"
    caller.service("parties.party.block").call(id=[id], reason="超期未付")
    assert Party.objects.get(pk=id).version > 1


def test_the_same_call_twice_has_one_effect(caller):
    given = {"records": [party()]}
    first, again = (caller.service().call(key="order-1", **given) for _ in range(2))
    assert first.id == again.id


def test_a_user_name_token_is_taken_too(caller):
    caller.is_basic = False
    given = {"records": [party()]}
    assert caller.service(wsse=UsernameToken(caller.login, caller.token)).call(**given).id
    for wrong in (UsernameToken(caller.login, "wrong"), UsernameToken("someone", caller.token), None):
        with pytest.raises(zeep.exceptions.Fault) as told:
            caller.service(wsse=wrong).call(**given)
        assert told.value.code == "s:Client"


def test_a_refusal_is_a_fault_with_code_and_fields(caller):
    given = {**party(), "name": ""}
    with pytest.raises(zeep.exceptions.Fault) as told:
        caller.service().call(records=[given])
    assert told.value.code == "s:Client"
    detail = etree.tostring(told.value.detail, encoding="unicode")
    assert "name" in detail
    assert "<code>" in detail


def test_what_one_may_not_one_may_not_by_soap():
    stranger = Caller("items.item.read")
    with pytest.raises(zeep.exceptions.Fault, match="权限"):
        stranger.service().call(records=[party()])


BOMB = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (envelope("<name>&j;</name>", before=BOMB), "soap_malformed"),
        (envelope("<name>&x;</name>", before='<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "DOCTYPE"),
        (b"<a>" * 10_000, "XML"),
        (b"", "XML"),
        (b"{}", "XML"),
        (envelope("", key="other"), "call"),
        (b"<Envelope/>", "call"),
        (envelope("<nope>1</nope>"), "nope"),
        (envelope("<key>a</key><key>b</key>"), "key"),
    ],
)
def test_tricks_and_mistakes_are_refused(caller, body, word):
    answer = caller.post(f"/soap/{KEY}", body)
    assert answer.status_code == 500
    assert b"faultcode>s:Client<" in answer.content
    assert b"root:" not in answer.content
    assert word in answer.content.decode()


def test_a_body_beyond_the_limit_is_refused(caller):
    answer = caller.post(f"/soap/{KEY}", envelope("x" * 3_000_000))
    assert answer.status_code == 500
    assert b"too_large" in answer.content


def test_nobody_and_nothing_is_answered_by_a_fault(caller):
    caller.is_basic = False
    answer = caller.post(f"/soap/{KEY}", envelope(""))
    assert (answer.status_code, answer["WWW-Authenticate"].startswith("Basic")) == (401, True)
    assert b"command_unknown" in caller.client.get("/soap/no.such.command").content


def test_a_call_and_its_command_are_steps_of_the_callers_trace(caller):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with collecting() as collector:
        caller.post(f"/soap/{KEY}", envelope("<records/>"), traceparent=trace)
        called, done = collector.one(f"POST /soap/{KEY}"), collector.one(KEY)
        caller.post("/soap/some.thing.else", envelope("", "some.thing.else"), traceparent=trace)
        assert len(collector.gathered()) == 2
    assert (called.kind, called.parent, done.parent) == ("server", "00f067aa0ba902b7", called.step)
    assert (done.facts["banyan.outcome"], called.facts["banyan.operation"]) == ("refused", KEY)
