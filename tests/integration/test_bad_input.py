"""What partners send that is no good: refused in plain words, logged, nothing of it kept; the next good one goes in."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import time
import zipfile
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client

from banyan.connectors.sql import engines
from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration import guard as guarding
from banyan.integration import inbox, polling
from banyan.integration.connecting import Failed, Incoming
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Attempt, Message, Position
from banyan.integration.plans import plan_of
from banyan.integration.tests.telling import sell
from banyan.kernel.models import Role
from banyan.lib.ids import new_id
from tests.integration.both_sides import bus_agrees, red, sold
from tests.integration.shop import Integrator, table
from tests.integration.test_faults import ROLE, WORD
from tests.integration.wire import answering, http

BOMB = b'<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rows><row>&b;</row></rows>'
OUTSIDE = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rows><row><name>&x;</name></row></rows>'
MEGABYTES = 50_000_000


@pytest.fixture
def hand(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    yield Integrator(ctx)
    assert red() == []
    connection.close()


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def roles():
    return list(Role.objects.filter(code__startswith="K").values_list("code", flat=True).order_by("code"))


# --- pushed ---------------------------------------------------------------------------------------------------


def push(raw, name="m1", age=0, **headers):
    seconds = int(time.time()) - age
    (key,) = keys_of(WORD)
    signed = signature(key, name, seconds, raw)
    sent = {"webhook-id": name, "webhook-timestamp": str(seconds), "webhook-signature": signed}
    return Client().post("/hooks/HOOK/roles", raw, content_type="application/json", headers=sent | headers)


PUSHED = {
    # name: (body, status, reason)
    "GBK": (json.dumps(ROLE | {"name_zh": "车间主任"}, ensure_ascii=False).encode("gbk"), 400, "validation"),
    "UTF-16": (json.dumps(ROLE).encode("utf-16"), 400, "validation"),
    "an XML bomb": (BOMB, 400, "validation"),
    "nesting without end": (b"[" * 200_000, 400, "validation"),
    "half of it": (json.dumps(ROLE).encode()[:20], 400, "validation"),
    "fifty megabytes": (b" " * MEGABYTES, 413, "too_large"),
}


def hears(hand):
    system = hand.system("HOOK", "webhook", {}, {"signing_secret": WORD}, account=hand.account("kernel.role.create"))
    return hand.flow(system, "IN", ROLE, direction="in", trigger="webhook", detail={"operation": "roles"},
                     target="kernel.role.create", order="free")  # fmt: skip


def test_a_push_that_is_no_good_is_refused_said_and_leaves_nothing(hand, caplog):
    hears(hand)
    for case, (raw, status, reason) in PUSHED.items():
        caplog.clear()
        begun = time.monotonic()
        answer = push(raw)
        assert time.monotonic() - begun < 10, case
        said = answer.json()
        assert (case, answer.status_code, said["ok"], said["reason"]) == (case, status, False, reason)
        assert reason == "too_large" or said["text"]
        (line,) = [one for one in lines(caplog) if one.startswith("HOOK/roles: refused a request")]
        print(line)
        assert f"({reason})" in line
        assert len(line) < 600
    carry_until_quiet()
    assert not Message.objects.exists()
    assert roles() == []
    assert push(json.dumps(ROLE).encode(), "m2").status_code == 204
    carry_until_quiet()
    assert roles() == ["K1"]


def test_a_forger_is_told_nothing_and_is_logged(hand, caplog):
    hears(hand)
    answer = push(json.dumps(ROLE).encode(), **{"webhook-signature": "v1,AAAA"})
    assert (answer.status_code, answer.json()) == (401, {"ok": False, "reason": "forged"})
    assert [one for one in lines(caplog) if "HOOK/roles: refused a request (forged)" in one]
    assert WORD not in caplog.text
    assert not Message.objects.exists()


def test_a_replayed_signature_does_nothing_twice_and_an_old_one_nothing_at_all(hand, caplog):
    hears(hand)
    raw = json.dumps(ROLE).encode()
    old = push(raw, age=600)
    assert (old.status_code, old.json()) == (401, {"ok": False, "reason": "forged"})
    assert [one for one in lines(caplog) if "HOOK/roles: refused a request (forged)" in one]
    assert not Message.objects.exists()
    caplog.clear()
    caplog.set_level(logging.INFO, logger="banyan.bus")
    told = "HOOK/roles: nothing of a request was new: 1 known already, 'm1' the first"
    for times in range(3):
        assert push(raw, age=60).status_code == 204
        assert [record.getMessage() for record in caplog.records].count(told) == times
    assert push(json.dumps(ROLE | {"code": "K2"}).encode(), age=60).status_code == 422, "another body by the same name"
    carry_until_quiet()
    assert roles() == ["K1"]
    assert sorted(Message.objects.values_list("state", "reason")) == [("dead", "source_reused"), ("done", "")]


# --- files ----------------------------------------------------------------------------------------------------


def packed(size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", b"0" * size)
    return out.getvalue()


GOOD_CSV = "code,name_zh,name_en\nK9,好,Good\n".encode()
EDI = (b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*0800*U*00401*000000001*0*P*>~"
       b"GS*PO*S")  # fmt: skip
EDIFACT = b"UNA:+.? 'UNB+UNOC:3+SENDER+RECEIVER+260302:0800+REF42'UNH+1+ORDERS:D:96A:UN:EAN008'BGM+220"
FILES = {
    # name: (what is said of the format, the file, a word of the fault)
    "an XML bomb": ({"format": "xml", "record": "row"}, BOMB, "DOCTYPE"),
    "an XML file that reads another": ({"format": "xml", "record": "row"}, OUTSIDE, "DOCTYPE"),
    "GBK that says it is UTF-8": ({"format": "csv", "encoding": "utf-8"}, "code,名称\nK1,班长\n".encode("gbk"), "byte"),
    "UTF-16 cut in a character": ({"format": "csv", "encoding": "utf-16"}, "code\nK1\n".encode("utf-16")[:-1], "UTF"),
    "fifty megabytes": ({"format": "csv"}, b"code\n" + b"K1\n" * (MEGABYTES // 3 + 1), "50"),
    "a zip that unpacks without end": ({"format": "xlsx"}, packed(60 * MEGABYTES), ""),
    "broken X12": ({"format": "edi", "edi": "x12"}, EDI, ""),
    "EDIFACT cut off": ({"format": "edi", "edi": "edifact"}, EDIFACT, ""),
    "EDIFACT in GBK that is no Latin": ({"format": "edi", "edi": "edifact"}, "UNA:+.? '订单".encode("gbk"), ""),
}  # fmt: skip


def test_a_file_that_is_no_good_is_set_aside_said_and_holds_no_other_up(hand, tmp_path, caplog):
    folder, cases = tmp_path / "exchange" / "wms", {f"f{n}": name for n, name in enumerate(FILES)}
    said = {key: FILES[name] for key, name in cases.items()} | {"good": ({"format": "csv"}, GOOD_CSV, "")}
    system = hand.system("FILES", "file", {"folder": "wms", "operations": [
        {"key": key, "folder": key, "ready": "at_once", **how} for key, (how, _, _) in said.items()
    ]}, {}, account=hand.account("kernel.role.create"))  # fmt: skip
    for key, (_, body, _) in said.items():
        (folder / key).mkdir(parents=True)
        (folder / key / "a.dat").write_bytes(body)
        os.utime(folder / key / "a.dat", (time.time() - 3600,) * 2)
        hand.flow(system, key.upper(), {"code": "K", "name_zh": "甲", "name_en": "A"}, direction="in", trigger="file",
                  detail={"operation": key, "every": 1}, target="kernel.role.create")  # fmt: skip
    now = datetime.now(UTC)
    begun = time.monotonic()
    for n in range(4):
        while polling.read_due(now + timedelta(seconds=3 * n)):
            pass
    assert time.monotonic() - begun < 40
    carry_until_quiet(now + timedelta(minutes=1))
    assert roles() == ["K9"], "the good file went in, nothing of the bad ones did"
    assert list(Message.objects.values_list("flow__code", "state")) == [("GOOD", "done")]
    for key, name in cases.items():
        (line,) = [one for one in lines(caplog) if one.startswith(f"{key.upper()}:")][:1]
        print(f"{name}: {line}")
        assert FILES[name][2].lower() in line.lower()
        left = [path.relative_to(folder / key).as_posix() for path in (folder / key).rglob("*") if path.is_file()]
        kept = [path for path in folder.rglob("a.dat*") if path.stat().st_size == len(FILES[name][1])]
        assert "a.dat" not in left, f"{name} is out of the way"
        assert kept, f"{name} is kept for a person"
    assert not Position.objects.filter(flow__code="GOOD").exclude(error="").exists()


@pytest.mark.parametrize("length", [20, 190])
def test_equal_rows_of_a_file_are_all_kept_however_long_its_name(hand, tmp_path, length):
    folder = tmp_path / "exchange" / "wms" / "in"
    folder.mkdir(parents=True)
    system = hand.system("FILES", "file", {"folder": "wms", "operations": [{"key": "moves", "ready": "at_once"}]}, {},
                         account=hand.account("kernel.role.create"))  # fmt: skip
    hand.flow(system, "MOVES", ROLE, direction="in", trigger="file", detail={"operation": "moves", "every": 1},
              target="kernel.role.create")  # fmt: skip
    (folder / ("x" * (length - 4) + ".csv")).write_bytes(b"sku,quantity\nA,1\nA,1\nB,2\n")
    now = datetime.now(UTC)
    for n in range(3):
        while polling.read_due(now + timedelta(seconds=3 * n)):
            pass
    kept = Message.objects.order_by("seq").values_list("body__sku", "body__quantity")
    assert list(kept) == [("A", "1"), ("A", "1"), ("B", "2")]


# --- read -----------------------------------------------------------------------------------------------------

ANSWERS = {
    # name: (what the partner answers, a word of the fault)
    "GBK that says nothing of it": (http('{"orders": [{"id": 1, "name": "班长"}]}'.encode("gbk")), "utf-8"),
    "UTF-16 that says nothing of it": (http('{"orders": []}'.encode("utf-16")), "utf-8"),
    "an XML bomb": (http(BOMB), "JSON"),
    "fifty megabytes declared": (b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n{", "bytes"),
    "nesting without end": (http(b'{"orders":' + b"[" * 100_000), ""),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", ""),
    "a text where a list should be": (http(b'{"orders": "none"}'), ""),
}


def test_an_answer_that_is_no_good_is_said_and_the_next_good_one_is_read(hand, caplog):
    good = http(json.dumps({"orders": [{"id": 1, "code": "K5", "name_zh": "五", "name_en": "Five"}]}).encode())
    answers = [said for said, _ in ANSWERS.values()]
    with answering(lambda asked, number: answers[number - 1] if number <= len(answers) else good) as there:
        operations = [{"key": "orders", "ways": ["poll"], "method": "GET", "path": "/o", "list_path": "orders"}]
        system = hand.system("READ", "rest", {"address": there.url, "operations": operations}, {},
                             account=hand.account("kernel.role.create"))  # fmt: skip
        hand.flow(
            system, "IN", {"id": 1, "code": "K", "name_zh": "甲", "name_en": "A"}, direction="in", trigger="poll",
            detail={"operation": "orders", "every": 1}, target="kernel.role.create",
            mapping={"format": 1, "code": "t", "fields": [{"target": name, "source": name, "required": True}
                                                          for name in ("code", "name_zh", "name_en")]},
        )  # fmt: skip
        now = datetime.now(UTC)
        for number, (case, (_, word)) in enumerate(ANSWERS.items(), 1):
            caplog.clear()
            assert polling.read_due(now)
            now += timedelta(minutes=15)
            position = Position.objects.get()
            assert (case, position.failures) == (case, number)
            assert word.lower() in position.error.lower()
            assert position.error
            (line,) = [one for one in lines(caplog) if one.startswith("IN: the partner could not be read")]
            print(f"{case}: {line}")
        assert not Message.objects.exists()
        assert polling.read_due(now)
        carry_until_quiet(now)
    assert roles() == ["K5"]
    assert (Position.objects.get().failures, Position.objects.get().error) == (0, "")


def test_a_message_that_its_connector_cannot_take_is_kept_dead_and_its_neighbours_go_on(hand):
    flow = hears(hand)
    inbox.keep(plan_of(flow.pk), [
        Incoming("1", ROLE), Incoming("2", {"bytes": MEGABYTES}, fault=Failed("too_large", "太大\ntoo large")),
        Incoming("3", ROLE | {"code": "K3"}),
    ], datetime.now(UTC))  # fmt: skip
    carry_until_quiet(datetime.now(UTC) + timedelta(seconds=1))
    assert list(Message.objects.order_by("seq").values_list("state", "reason", "error")) == [
        ("done", "", ""), ("dead", "too_large", "太大\ntoo large"), ("done", "", "")]  # fmt: skip
    assert roles() == ["K1", "K3"]


# --- addresses ------------------------------------------------------------------------------------------------

TARGETS = {
    # name: (address, hosts that are allowed); {own}: a server of ours that nobody may speak to, {open}: one that is
    # allowed, and sends on
    "the clouds' own address": ("http://169.254.169.254/latest/meta-data/", ["*.example.com"]),
    "another spelling of this machine": ("http://2130706433:{own}/", ["api.example.com"]),
    "a name like this machine's": ("http://localhost.example.com:8000/", ["10.0.0.0/8:8000"]),
    "a public name that leads inside": ("http://api.example.com:{own}/", ["api.example.com:*"]),
    "a public name one of whose addresses is inside": ("http://two.example.com:{own}/", ["*.example.com:*"]),
    "sent on to another port": ("http://127.0.0.1:{open}/port", ["127.0.0.1:{open}"]),
    "sent on to the clouds' own address": ("http://127.0.0.1:{open}/cloud", ["127.0.0.1:{open}"]),
    "sent on to a name that leads inside": ("http://127.0.0.1:{open}/name", ["127.0.0.1:{open}", "api.example.com:*"]),
}
NAMES = {"api.example.com": ["127.0.0.1"], "two.example.com": ["93.184.215.14", "10.0.0.8"]}


@pytest.fixture
def names(monkeypatch):
    """Let some names lead inside."""
    asked = socket.getaddrinfo

    def look_up(host, port, *given, **named):
        if host not in NAMES:
            return asked(host, port, *given, **named)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port or 0)) for one in NAMES[host]]

    monkeypatch.setattr(guarding.socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("case", TARGETS)
def test_what_leads_inside_is_dead_with_its_reason_and_nobody_there_hears_of_it(hand, ctx, names, case):
    def sends_on(asked, _):
        to = {b"/port": own.url, b"/cloud": "http://169.254.169.254/", b"/name": f"http://api.example.com:{own.port}/"}
        return http(b"", "307 Temporary Redirect", f"Location: {to[asked.split(b' ')[1]]}")

    with answering(lambda *_: http()) as own, answering(sends_on) as opened:
        ports = {"own": own.port, "open": opened.port}
        address, hosts = TARGETS[case]
        system = hand.system("TOLD", "webhook", {"address": address.format(**ports)}, {"signing_secret": WORD},
                             hosts=[one.format(**ports) for one in hosts])  # fmt: skip
        hand.flow(system, "OUT", {"data": {"n": 1}}, direction="out", trigger="event", target="event",
                  detail={"events": ["test.sold"]})  # fmt: skip
        sell(ctx, (new_id(), 1))
        carry_until_quiet()
        bus_agrees("out", sold(), [], {1: "not_allowed"})
        assert own.connections == 0
    message = Message.objects.get()
    zh, _, en = message.error.partition("\n")
    print(f"{case}: {en}")
    assert zh
    assert en
    assert list(Attempt.objects.values_list("outcome", "reason")) == [("dead", "not_allowed")]


# --- databases ------------------------------------------------------------------------------------------------

STRANGE = """
    CREATE TABLE strange (id int PRIMARY KEY, changed timestamptz, names text[], amount numeric, d date, at timestamp,
        grid int[][], days date[], doc jsonb, b bytea, f float8, dur interval, e uuid, net inet, r int4range,
        bits bit(8), price money, x xml, p point, v tsvector, big numeric, t time);
    INSERT INTO strange (id, changed, names, amount, d) VALUES
        (1, '2026-03-05 08:00:01+00', '{K1,甲}', 1.5, '2026-03-05'),
        (2, '2026-03-05 08:00:02+00', '{K2}', 'NaN', '2026-03-05'),
        (3, '2026-03-05 08:00:03+00', '{K3}', 1e40, '2026-03-05'),
        (4, '2026-03-05 08:00:04+00', '{K4}', 'Infinity', '2026-03-05'),
        (5, '2026-03-05 08:00:05+00', '{K5}', 1, 'infinity'),
        (6, '2026-03-05 08:00:06+00', '{K6}', 1, '0044-03-15 BC'),
        (7, '2026-03-05 08:00:07+00', NULL, 1, '2026-03-05'),
        (8, '2026-03-05 08:00:08+00', '{}', 1, '2026-03-05'),
        (9, '-infinity', '{K10}', 1, '2026-03-05'),
        (10, 'infinity', '{K11}', 1, '2026-03-05'),
        (11, '2026-03-05 08:00:09+00', '{K9}', 2, '2026-03-06');
    UPDATE strange SET at = 'infinity', grid = '{{1,2},{3,4}}', days = '{-infinity,2026-03-05}', b = '\\x00ff',
        doc = '{"名": [1e400, null], "n": 123456789012345678901234567890}', f = 'NaN', dur = '-25:30:00', r = '[1,5)',
        e = '0195a3f0-0000-7000-8000-000000000001', net = '10.0.0.1/8', bits = B'00000101', price = 12.5, x = '<a/>',
        p = '(1,2)', v = 'a b'::tsvector, big = 12345678901234567890123456789.123456, t = '24:00' WHERE id = 1;
"""
READ = {
    # a column of strange type: as it is read
    "at": "infinity", "grid": [[1, 2], [3, 4]], "days": ["-infinity", "2026-03-05"], "b": "AP8=", "f": "nan",
    "dur": "-91800", "r": "[1,5)", "e": "0195a3f0-0000-7000-8000-000000000001", "net": "10.0.0.1/8",
    "bits": "00000101", "x": "<a/>", "p": "(1,2)", "v": "'a' 'b'", "big": "12345678901234567890123456789.123456",
    "t": "24:00:00", "names": ["K1", "甲"],
}  # fmt: skip


@pytest.fixture
def strange(live_db, monkeypatch):
    """Have a table of strange types in a PostgreSQL database; give the settings of the system that reads it."""
    with psycopg.connect(live_db.url(), autocommit=True) as opened:
        opened.execute(STRANGE)
    connect = psycopg.connect

    def led_there(*given, **named):
        ours = named.get("application_name") == "banyan"
        return connect(live_db.url(), options=named["options"]) if ours else connect(*given, **named)

    monkeypatch.setattr(psycopg, "connect", led_there)
    yield {"kind": "postgresql", "host": "127.0.0.1", "port": 5432, "database": "wms", "user": "erp", "tls": "off",
           "operations": [{"key": "rows", "table": "strange", "watermark": "changed", "key_column": "id"}]}
    while engines._engines:
        engines._engines.popitem()[1].dispose()


def test_rows_of_strange_types_are_mapped_or_dead_with_their_reason_one_by_one(hand, strange):
    system = hand.system("DB", "sql", strange, {"password": "p"}, account=hand.account("kernel.role.create"))
    mapping = table(("code", "names", "first"), ("name_zh", "d", "date | format(YYYY-MM-DD)"),
                    ("name_en", "amount", "number | text"))  # fmt: skip
    hand.flow(
        system, "IN", {"names": ["K"], "amount": "1", "d": "2026-03-05"}, direction="in", trigger="poll",
        detail={"operation": "rows", "every": 60}, target="kernel.role.create", mapping=mapping,
    )  # fmt: skip
    now = datetime.now(UTC)
    for n in range(3):  # what is read again is known
        while polling.read_due(now + timedelta(minutes=2 * n)):
            pass
    carry_until_quiet(now + timedelta(minutes=5))
    position = Position.objects.get()
    assert (position.failures, position.error) == (0, "")
    assert position.position["mark"] == ["datetime", "2026-03-05T08:00:09+00:00"]
    for one in Message.objects.filter(state="dead").order_by("key"):
        print(f"row {one.body['id']}: {one.reason}: {one.error.splitlines()[-1]}")
    bad = dict.fromkeys((2, 3, 4, 5, 6, 7, 8, 9, 10), "mapping")
    made = [(f"K{n}", n) for n in range(1, 12)]
    got = [(code, code, {"K1": 1, "K9": 11}[code]) for code in roles()]
    bus_agrees("in", made[:10] + [("K9", 11)], got, bad, number=lambda body: body["id"])
    body = Message.objects.get(body__id=1).body
    assert {name: body[name] for name in READ} == READ
