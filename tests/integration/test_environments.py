"""A copy calls nobody of another environment, whatever the protocol; one that came from elsewhere calls nobody."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db.models import F
from django.test import Client

from banyan.config.environ import CHECKOUT
from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration import environments, polling
from banyan.integration.connecting import Failed, Outgoing
from banyan.integration.engine import carry_until_quiet
from banyan.integration.errors import EnvironmentGiven, NothingRead
from banyan.integration.models import Installation, Message, Position, System
from banyan.integration.plans import link_of
from banyan.integration.tests.telling import sell
from banyan.lib.ids import new_id
from tests.integration.shop import Integrator
from tests.integration.test_faults import ROLE, WORD
from tests.integration.wire import answering, http
from tests.plugins.levels import later

WSDL = "http://127.0.0.1:{port}/service?wsdl"
KEY = "SHA256:" + base64.b64encode(bytes(32)).decode().rstrip("=")

#: Protocols whose silence takes seconds to prove.
SLOW = ("opcua", "mqtt")
#: By protocol: connector, settings with the partner's port, secrets, what is asked of it.
PROTOCOLS = {
    "rest": ("rest", {"address": "http://127.0.0.1:{port}", "operations": [{"key": "orders", "path": "/orders"}]}, {},
             "send orders"),
    "soap": ("soap", {"wsdl_address": WSDL}, {}, "send Order"),
    "sql": ("sql", {"kind": "postgresql", "host": "127.0.0.1", "port": "{port}", "database": "mes", "user": "mes",
                    "tls": "off", "operations": [{"key": "rows", "table": "rows", "watermark": "at",
                                                  "key_column": "id"}]}, {"password": "geheim"}, "poll rows"),
    "sftp": ("file", {"place": "sftp", "host": "127.0.0.1", "port": "{port}", "user": "wms", "host_key": KEY,
                      "operations": [{"key": "rows"}]}, {"password": "geheim"}, "poll rows"),
    "s3": ("file", {"place": "s3", "address": "http://127.0.0.1:{port}", "bucket": "wms", "user": "wms",
                    "operations": [{"key": "rows"}]}, {"secret_key": "geheim"}, "poll rows"),
    "amqp": ("amqp", {"host": "127.0.0.1", "port": "{port}", "ways": [{"key": "orders", "routing_key": "orders"}]},
             {"password": "geheim"}, "send orders"),
    "mqtt": ("mqtt", {"host": "127.0.0.1", "port": "{port}", "topics": [{"key": "t", "topic": "t", "way": "send"}]}, {},
             "send t"),
    "opcua": ("opcua", {"url": "opc.tcp://127.0.0.1:{port}", "groups": [{"key": "g", "nodes": {"n": "ns=2;s=n"}}]},
              {"password": "geheim"},
              "poll g"),
    "mail": ("mail", {"sender": "erp@example.com", "smtp_host": "127.0.0.1", "smtp_port": "{port}",
                      "smtp_safety": "none"}, {}, "send mail"),
    "robots": ("robots", {"kind": "wecom", "address": "http://127.0.0.1:{port}/send"},
               {"token": "word", "signing_secret": "word"}, "send tell"),
    "people": ("people", {"kind": "feishu", "app_key": "app", "address": "http://127.0.0.1:{port}"},
               {"app_secret": "word"}, "send tell"),
    "webhook": ("webhook", {"address": "http://127.0.0.1:{port}/hook"}, {"signing_secret": WORD}, "send event"),
}  # fmt: skip


class Door:
    """A port that counts who knocks, and lets nobody in."""

    def __init__(self) -> None:
        self.port, self.knocks = 0, 0


@contextmanager
def door() -> Iterator[Door]:
    found = Door()
    server = socket.create_server(("127.0.0.1", 0))
    found.port = server.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            found.knocks += 1
            client.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield found
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(2)


@pytest.fixture
def hand(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    settings.BANYAN_ENVIRONMENT, settings.BANYAN_ENVIRONMENT_FILE = "", tmp_path / "environment"
    return Integrator(ctx)


def told(settings: dict, port: int) -> dict:
    return {name: port if one == "{port}" else one.format(port=port) if isinstance(one, str) else one
            for name, one in settings.items()}  # fmt: skip


def moved(system: UUID, environment: str) -> None:
    System.objects.filter(pk=system).update(environment=environment, version=F("version") + 1)


def fault_of(system: UUID, asked: str) -> Failed:
    way, operation = asked.split(" ")
    connector, connect = link_of(system)
    body = {"to": ["a@example.com"], "subject": "s", "text": "t"}
    try:
        if way == "poll":
            connector.poll(connect(), operation, None, 10)
        else:
            connector.send(connect(), Outgoing(id=new_id(), operation=operation, body=body))
    except Failed as fault:
        return fault
    raise AssertionError("it was not refused")


# --- by protocol ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [later(one) if one in SLOW else one for one in PROTOCOLS])
def test_a_partner_of_another_environment_hears_nothing(hand, protocol):
    connector, facts, secrets, asked = PROTOCOLS[protocol]
    with door() as there:
        system = hand.system("P", connector, told(facts, there.port), secrets, timeout_seconds=2)
        fault_of(system, asked)
        assert there.knocks > 0, "the case proves nothing: nobody would have been called"
        before = there.knocks
        moved(system, "production")
        fault = fault_of(system, asked)
        assert (fault.kind, fault.is_passing, there.knocks) == ("environment", False, before)
        assert "P 属于正式环境，本安装是测试环境" in fault.text
        assert "correct the environment of the system" in fault.text


def test_a_folder_of_another_environment_stays_as_it_is(hand, tmp_path):
    out = tmp_path / "exchange" / "wms" / "out"
    facts = {"place": "local", "folder": "wms", "operations": [{"key": "rows", "ways": ["send"], "folder": "out"}]}
    system = hand.system("P", "file", facts, {})

    def write():
        connector, connect = link_of(system)
        connector.send(connect(), Outgoing(id=new_id(), operation="rows", body={"a": 1}))

    write()
    assert len(list(out.iterdir())) == 1
    moved(system, "production")
    with pytest.raises(Failed, match="P 属于正式环境"):
        write()
    assert len(list(out.iterdir())) == 1


def test_there_is_one_way_to_a_connection():
    """Whatever speaks to a partner has its way out from a Connection, and these are made behind the one check."""
    sources = (CHECKOUT / "src" / "banyan").rglob("*.py")
    made = [file.name for file in sources if "tests" not in file.parts and " Connection(\n" in file.read_text()]
    assert made == ["connections.py"]


# --- through the bus ------------------------------------------------------------------------------------------


def test_what_would_go_out_is_dead_with_its_reason_and_goes_once_that_is_settled(hand, ctx):
    with answering(lambda raw, n: http(b"{}")) as wire:
        facts = {"address": wire.url, "operations": [{"key": "orders", "path": "/orders"}]}
        system = hand.system("P", "rest", facts, {})
        hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event",
                  detail={"events": ["test.sold"]}, target="orders")  # fmt: skip
        moved(system, "production")
        sell(ctx, (new_id(), 1), (new_id(), 2))
        carry_until_quiet()
        assert list(Message.objects.values_list("state", "reason", "attempts")) == [("dead", "environment", 1)] * 2
        assert wire.connections == 0
        assert "本安装是测试环境" in Message.objects.first().error
        moved(system, "test")
        hand.do("integration.message.replay_where", reason="environment")
        carry_until_quiet()
        assert list(Message.objects.values_list("state", flat=True)) == ["done"] * 2
        assert len(wire.heard) == 2


def test_who_is_polled_is_not_asked_and_the_position_says_why(hand):
    with door() as there:
        facts = {"address": f"http://127.0.0.1:{there.port}",
                 "operations": [{"key": "rows", "ways": ["poll"], "method": "GET"}]}  # fmt: skip
        system = hand.system("P", "rest", facts, {}, account=hand.account("kernel.role.create"))
        hand.flow(system, "IN", ROLE, direction="in", trigger="poll", detail={"operation": "rows", "every": 60},
                  target="kernel.role.create")  # fmt: skip
        moved(system, "production")
        assert polling.read_due() == 1
        assert "本安装是测试环境" in Position.objects.get().error
        assert there.knocks == 0


def test_a_webhook_of_another_environment_is_not_taken(hand):
    account = hand.account("kernel.role.create")
    system = hand.system("HOOK", "webhook", {}, {"signing_secret": WORD}, account=account)
    hand.flow(system, "IN", ROLE, direction="in", trigger="webhook", detail={"operation": "roles"},
              target="kernel.role.create", order="free")  # fmt: skip

    def push(name):
        raw, seconds = json.dumps(ROLE).encode(), int(time.time())
        signed = signature(keys_of(WORD)[0], name, seconds, raw)
        headers = {"webhook-id": name, "webhook-timestamp": str(seconds), "webhook-signature": signed}
        return Client().post("/hooks/HOOK/roles", raw, content_type="application/json", headers=headers)

    assert push("m1").status_code == 204
    moved(system, "production")
    refused = push("m2")
    assert (refused.status_code, refused.json()) == (503, {"ok": False, "reason": "environment"})
    assert Message.objects.count() == 1


def test_checks_and_looks_say_it_too(hand):
    with door() as there:
        facts = {"address": f"http://127.0.0.1:{there.port}", "operations": [{"key": "rows", "ways": ["poll"]}]}
        system = hand.system("P", "rest", facts, {})
        moved(system, "production")
        said = hand.do("integration.system.check", system=str(system))
        assert "本安装是测试环境" in str(said.value.zh)
        with pytest.raises(NothingRead, match="本安装是测试环境"):
            hand.do("integration.flow.peek", system=str(system), operation="rows")
        assert there.knocks == 0


# --- which environment this is --------------------------------------------------------------------------------


def test_the_first_start_writes_down_what_the_installation_is(hand, tmp_path):
    assert environments.settle().environment == "test"
    assert (tmp_path / "environment").read_text() == "test\n"
    assert list(Installation.objects.values_list("environment", flat=True)) == ["test"]


def test_the_variable_decides_at_the_first_start(hand, settings, tmp_path):
    settings.BANYAN_ENVIRONMENT = "production"
    environments.settle()
    settings.BANYAN_ENVIRONMENT = ""
    assert environments.stored().environment == "production"


COPIES = {
    # what the database, the data folder and the variable say: who may be called
    ("production", "production", ""): "production",
    ("production", "", "production"): "production",
    ("production", "", ""): None,
    ("production", "test", ""): None,
    ("production", "", "test"): None,
    ("production", "production", "test"): None,
    ("test", "production", "production"): None,
    ("", "production", ""): "production",
    ("", "", ""): "test",
    ("production", "elsewhere", ""): None,
}


@pytest.mark.parametrize(("said", "environment"), COPIES.items(), ids=str)
def test_a_copy_is_noticed_by_what_does_not_agree(said, environment):
    kept, file, given = said
    assert environments.Here(given=given, file=file, kept=kept).environment == environment


def test_a_database_restored_elsewhere_calls_nobody_until_it_is_told_what_it_is(hand, settings, tmp_path):
    settings.BANYAN_ENVIRONMENT = "production"
    environments.settle()
    settings.BANYAN_ENVIRONMENT = ""
    with door() as there:
        facts = {"address": f"http://127.0.0.1:{there.port}", "operations": [{"key": "orders", "path": "/orders"}]}
        system = hand.system("P", "rest", facts, {}, environment="production")
        fault_of(system, "send orders")
        heard = there.knocks
        assert heard > 0
        settings.BANYAN_ENVIRONMENT_FILE = tmp_path / "another machine" / "environment"
        assert environments.settle().environment is None  # a start settles nothing by itself
        fault = fault_of(system, "send orders")
        assert (fault.kind, there.knocks) == ("environment", heard)
        assert "banyan environment test" in fault.text
        assert "database: production; data folder: nothing; BANYAN_ENVIRONMENT: nothing" in fault.text
        environments.bind("test")
        assert "本安装是测试环境" in fault_of(system, "send orders").text
        environments.bind("production")
        assert fault_of(system, "send orders").kind == "transport"
        assert there.knocks > heard


def test_binding_reaches_plans_that_are_at_hand(hand, ctx):
    with answering(lambda raw, n: http(b"{}")) as wire:
        facts = {"address": wire.url, "operations": [{"key": "orders", "path": "/orders"}]}
        system = hand.system("P", "rest", facts, {}, environment="production")
        hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event",
                  detail={"events": ["test.sold"]}, target="orders")  # fmt: skip
        environments.bind("production")
        sell(ctx, (new_id(), 1))
        carry_until_quiet()
        environments.bind("test")
        sell(ctx, (new_id(), 2))
        carry_until_quiet()
        assert sorted(Message.objects.values_list("state", "reason")) == [("dead", "environment"), ("done", "")]


def test_what_the_variable_says_is_not_talked_over(hand, settings, tmp_path):
    settings.BANYAN_ENVIRONMENT = "test"
    environments.settle()
    with pytest.raises(EnvironmentGiven):
        environments.bind("production")
    assert (tmp_path / "environment").read_text() == "test\n"
    assert environments.stored().environment == "test"
