"""Mail against a real SMTP server in this process and a small POP3 one."""

from __future__ import annotations

import json
import socketserver
import threading
from base64 import b64decode
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from banyan.connectors.mail.connector import Mail
from banyan.integration.connecting import Failed
from tests.partners.nodes import free_port
from tests.partners.standing import connection_to, outgoing

mail = Mail()
PAYLOADS = Path(__file__).parents[1] / "payloads"
ORDER = json.loads((PAYLOADS / "send.json").read_text(encoding="utf-8"))


class Keeping:
    def __init__(self):
        self.kept, self.refuses, self.told = [], {}, []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.kept.append(message_from_bytes(envelope.content, policy=policy.default))
        self.told += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def smtp():
    handler = Keeping()
    running = Controller(handler, hostname="127.0.0.1", port=free_port())
    running.start()
    yield running, handler
    running.stop()


class Pop(socketserver.StreamRequestHandler):
    """As much of POP3 (RFC 1939) as a client needs: what is deleted goes at QUIT, not before."""

    def handle(self):
        box, gone, name = self.server.box, set(), ""
        self.say("+OK ready")
        while line := self.rfile.readline().decode().strip():
            word, _, rest = line.partition(" ")
            there = [(n, key) for n, key in enumerate(list(box), 1) if n not in gone]
            match word.upper():
                case "USER":
                    name = rest
                    self.say("+OK")
                case "PASS":
                    self.say("+OK" if (name, rest) == ("erp", "secret") else "-ERR [AUTH] no")
                case "UIDL":
                    self.many([f"{n} {key}".encode() for n, key in there])
                case "LIST":
                    self.say(f"+OK {rest} {len(box[list(box)[int(rest) - 1]])}")
                case "RETR" | "TOP":
                    whole = box[list(box)[int(rest.split()[0]) - 1]]
                    shown = whole.partition(b"\r\n\r\n")[0] if word == "TOP" else whole
                    self.many(shown.split(b"\r\n"))
                case "DELE":
                    gone.add(int(rest))
                    self.say("+OK")
                case "RSET":
                    gone.clear()
                    self.say("+OK")
                case "QUIT":
                    for key in [key for n, key in enumerate(list(box), 1) if n in gone]:
                        del box[key]
                    self.say("+OK")
                    return
                case _:
                    self.say("-ERR unknown")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def many(self, lines):
        self.say("+OK")
        for line in lines:
            self.wfile.write((b"." if line.startswith(b".") else b"") + line + b"\r\n")
        self.say(".")


@pytest.fixture
def pop():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Pop)
    server.daemon_threads, server.box = True, {}
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def sends(smtp, **settings):
    running, _ = smtp
    where = {"smtp_host": "127.0.0.1", "smtp_port": running.port, "smtp_safety": "none", "sender": "erp@example.com"}
    return connection_to(mail, {**where, **settings})


def takes(pop, password="secret", **settings):
    where = {"pop_host": "127.0.0.1", "pop_port": pop.server_address[1], "pop_safety": "none", "user": "erp"}
    return connection_to(mail, {**where, **settings}, {"password": password})


def letter(subject, **more):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "supplier@example.com", "erp@example.com", subject
    made["Message-ID"], made["Date"] = f"<{subject}@example.com>", "Mon, 02 Mar 2026 12:00:00 +0800"
    made.set_content(more.get("text", "请查收"))
    if more.get("attachment"):
        made.add_attachment(more["attachment"], maintype="text", subtype="csv", filename="报价.csv")
    return made.as_bytes(policy=policy.SMTP)


def test_a_mail_goes_out_whole_and_is_known_when_it_comes_again(smtp):
    out = outgoing("send", ORDER)
    for _ in range(2):
        mail.send(sends(smtp), out)
    first, again = smtp[1].kept
    assert first["Message-ID"] == again["Message-ID"] == f"<{out.id}@banyan>"
    assert first["Subject"] == "采购订单 PO-17"
    [attachment] = first.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content().strip()) == ("采购订单.csv", "PO-17")


@pytest.mark.parametrize(("said", "kind"), [("451 later", "unavailable"), ("550 no such user", "refused")])
def test_a_refused_recipient_is_tried_again_only_where_the_server_says_later(smtp, said, kind):
    smtp[1].refuses["buyer@example.com"] = said
    with pytest.raises(Failed) as fault:
        mail.send(sends(smtp), outgoing("send", ORDER))
    assert fault.value.kind == kind


@pytest.mark.parametrize(("said", "kind"), [
    (["550 no such user"], "refused"), (["451 greylisted"], "unavailable"), (["451 later", "550 no"], "refused"),
])  # fmt: skip
def test_where_one_recipient_is_refused_nobody_is_told_and_then_everybody_once(smtp, said, kind):
    out = outgoing("send", {**ORDER, "to": ["a@example.com", "b@example.com"], "cc": ["c@example.com"]})
    bad = ["b@example.com", "c@example.com"][: len(said)]
    smtp[1].refuses |= dict(zip(bad, said, strict=True))
    with pytest.raises(Failed) as fault:
        mail.send(sends(smtp), out)
    assert (fault.value.kind, smtp[1].told) == (kind, [])
    assert all(f"{one} ({words})" in fault.value.text for one, words in zip(bad, said, strict=True))
    assert "a@example.com" not in fault.value.text
    smtp[1].refuses.clear()
    mail.send(sends(smtp), out)
    assert sorted(smtp[1].told) == ["a@example.com", "b@example.com", "c@example.com"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []},
        {"to": ["buyer@example.com\nBcc: all@example.com"]},
        {"subject": "x\nBcc: all@example.com"},
        {"attachments": [{"name": "x", "base64": "???"}]},
    ],
)
def test_what_is_no_mail_is_refused_before_it_is_sent(smtp, wrong):
    with pytest.raises(Failed) as fault:
        mail.send(sends(smtp), outgoing("send", {**ORDER, **wrong}))
    assert (fault.value.kind, smtp[1].kept) == ("validation", [])


def test_a_mail_in_chinese_encodings_is_read_with_its_attachment(pop):
    pop.box["q9"] = (PAYLOADS / "offer.eml").read_bytes()
    [message] = mail.poll(takes(pop), "inbox", None, 5).messages
    body = message.body
    assert (body["from"], body["subject"], body["text"].strip()) == (
        "苏州螺丝 <supplier@example.com>", "报价 Q-9", "请查收。")  # fmt: skip
    [attachment] = body["attachments"]
    assert (attachment["name"], attachment["media_type"]) == ("报价.csv", "text/csv")
    assert b64decode(attachment["base64"]).decode("gb18030").strip() == "单价;9.90"
    assert "<q9@example.com>" in message.id


@pytest.mark.parametrize("deletes", [True, False])
def test_mail_is_taken_once_and_again_until_it_is_confirmed(pop, deletes):
    pop.box |= {f"u{n}": letter(f"m{n}", attachment="单价;9.90".encode("gb18030")) for n in range(3)}
    link = takes(pop, deletes=deletes)
    first = mail.poll(link, "inbox", None, 2)
    assert (len(first.messages), first.has_more) == (2, True)
    again = mail.poll(link, "inbox", None, 2)
    assert [m.id for m in again.messages] == [m.id for m in first.messages]
    again.confirm()
    assert len(pop.box) == (1 if deletes else 3)
    last = mail.poll(link, "inbox", again.position, 2)
    [message] = last.messages
    assert (message.body["subject"], message.body["attachments"][0]["name"]) == ("m2", "报价.csv")
    last.confirm()
    assert mail.poll(link, "inbox", last.position, 2).messages == ()


def test_a_wrong_password_a_server_that_is_away_and_a_mail_too_large_say_so(pop, smtp):
    with pytest.raises(Failed) as fault:
        mail.poll(takes(pop, "wrong"), "inbox", None, 1)
    assert fault.value.kind == "not_allowed"
    with pytest.raises(Failed) as fault:
        mail.send(sends(smtp, smtp_port=1), outgoing("send", ORDER))
    assert fault.value.is_passing
    assert mail.health(takes(pop)).is_well
    assert mail.health(sends(smtp)).is_well
    assert not mail.health(takes(pop, "wrong")).is_well
    pop.box["big"] = letter("big", text="x" * 5_200_000)
    [message] = mail.poll(takes(pop), "inbox", None, 1).messages
    assert (message.body["subject"], message.body["text"].strip()) == ("big", "")
    assert "only the head" in message.body["note"]
