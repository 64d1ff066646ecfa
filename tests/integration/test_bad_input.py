"""What partners send that is no good: refused in plain words, logged, nothing of it kept; the next good one goes in."""

from __future__ import annotations

import io
import json
import logging
import os
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration import inbox, polling
from banyan.integration.connecting import Failed, Incoming
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Message, Position
from banyan.integration.plans import plan_of
from banyan.kernel import proofs
from banyan.kernel.models import Role
from tests.integration.shop import Integrator
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
    assert [v.found.faults for v in proofs.run() if v.proof.key.startswith("integration.") and not v.is_green] == []
    connection.close()


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def roles():
    return list(Role.objects.filter(code__startswith="K").values_list("code", flat=True).order_by("code"))


# --- pushed ---------------------------------------------------------------------------------------------------


def push(raw, name="m1", **headers):
    seconds = int(time.time())
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


# --- files ----------------------------------------------------------------------------------------------------


def packed(size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", b"0" * size)
    return out.getvalue()


GOOD_CSV = "code,name_zh,name_en\nK9,好,Good\n".encode()
EDI = (b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260302*0800*U*00401*000000001*0*P*>~"
       b"GS*PO*S")  # fmt: skip
FILES = {
    # name: (what is said of the format, the file, a word of the fault)
    "an XML bomb": ({"format": "xml", "record": "row"}, BOMB, "DOCTYPE"),
    "an XML file that reads another": ({"format": "xml", "record": "row"}, OUTSIDE, "DOCTYPE"),
    "GBK that says it is UTF-8": ({"format": "csv", "encoding": "utf-8"}, "code,名称\nK1,班长\n".encode("gbk"), "byte"),
    "UTF-16 cut in a character": ({"format": "csv", "encoding": "utf-16"}, "code\nK1\n".encode("utf-16")[:-1], "UTF"),
    "fifty megabytes": ({"format": "csv"}, b"code\n" + b"K1\n" * (MEGABYTES // 3 + 1), "50"),
    "a zip that unpacks without end": ({"format": "xlsx"}, packed(60 * MEGABYTES), ""),
    "broken EDI": ({"format": "edi", "edi": "x12"}, EDI, ""),
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


# --- read -----------------------------------------------------------------------------------------------------

ANSWERS = {
    # name: (what the partner answers, a word of the fault)
    "GBK that says nothing of it": (http('{"orders": [{"id": 1, "name": "班长"}]}'.encode("gbk")), "utf-8"),
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
