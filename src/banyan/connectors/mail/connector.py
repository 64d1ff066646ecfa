"""Sends mail with attachments and takes what has come; a mail is deleted at its server when we have kept it."""

from __future__ import annotations

import poplib
import smtplib
import ssl
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from banyan.connectors.threads import PerThread
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    Sent,
    connector,
)  # fmt: skip
from banyan.kernel.schema import field
from banyan.lib.labels import L

Safety = Literal["tls", "starttls", "none"]


class MailSettings(BaseModel):
    """Where mail goes out and where it is taken; either may be left empty."""

    model_config = ConfigDict(extra="forbid")

    sender: str = field("发件人", "Sender", "")
    smtp_host: str = field("发信服务器（SMTP）", "SMTP server", "")
    smtp_port: int = field("SMTP 端口", "SMTP port", 465, ge=1, le=65535)
    smtp_safety: Safety = field("SMTP 加密", "SMTP safety", "tls")
    pop_host: str = field("收信服务器（POP3）", "POP3 server", "")
    pop_port: int = field("POP3 端口", "POP3 port", 995, ge=1, le=65535)
    pop_safety: Literal["tls", "none"] = field("POP3 加密", "POP3 safety", "tls")
    user: str = field("用户", "User", "")
    deletes: bool = field("收下后在服务器删除", "Deleted at the server once kept", False)


@connector
class Mail(Connector):
    """Mail by SMTP and POP3."""

    key = "mail"
    label = L("邮件", "Mail")
    help = L("发送带附件的邮件（SMTP），收取邮件（POP3）", "Sends mail with attachments (SMTP) and takes mail (POP3)")
    settings = MailSettings
    secrets = ("password",)
    holds_polled = True

    def __init__(self) -> None:
        self._kept = PerThread()

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give `send` and `inbox`."""
        sample = {
            "to": ["buyer@example.com"], "cc": [], "subject": "采购订单 PO-17", "text": "见附件。",
            "attachments": [{"name": "PO-17.csv", "media_type": "text/csv", "base64": "UE8tMTc="}],
        }  # fmt: skip
        return (
            Operation("send", L("发送邮件", "Send mail"), frozenset({"send"}), samples=(sample,)),
            Operation("inbox", L("收取邮件", "Take mail"), frozenset({"poll"})),
        )

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Send one mail. Its Message-ID is that of our message, so that a repeated one is known.

        Takes:  body: {"to", "subject", "text", "cc"?, "html"?, "attachments"?: [{"name", "media_type", "base64"}]}
        Raises: Failed naming each recipient that the server does not take: then nobody gets it, and a repeated try
                tells nobody twice
        """
        settings: MailSettings = connection.settings
        if not settings.smtp_host or not settings.sender:
            raise Failed("refused", L("未填写发件服务器或发件人", "No outgoing server or sender has been entered"))
        mail = _composed(connection, out)
        if len(mail.as_bytes()) > connection.most_bytes:
            raise Failed("too_large", L("邮件过大", "The mail is too large"))
        try:
            with _smtp(connection) as server:
                server.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            raise _failed(error) from error
        return Sent(None, "250")

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Take mail that is not known yet.

        Takes:  position: numbers (UIDL) of mail that stays at the server and is kept here already
        """
        settings: MailSettings = connection.settings
        if operation != "inbox" or not settings.pop_host:
            raise Failed("refused", L("未填写收件服务器", "No incoming server has been entered"))
        known = set((position or {}).get("known", ()))
        mine = self._kept.mine()
        if (before := mine.pop("server", None)) is not None:
            _quit(before)
        server = mine["server"] = _pop(connection)
        try:
            there = [line.decode("ascii", "replace").split(" ", 1) for line in server.uidl()[1]]
            fresh = [(number, name) for number, name in there if name not in known][:limit]
            messages = tuple(_incoming(server, number, name, connection.most_bytes) for number, name in fresh)
        except (poplib.error_proto, OSError) as error:
            raise _failed(error) from error
        present = {name for _, name in there}
        kept = (known & present) | {name for _, name in fresh}

        def confirm() -> None:
            try:
                if settings.deletes:
                    for number, _ in fresh:
                        server.dele(int(number))
                # Until the farewell nothing is deleted.
                server.quit()
                mine.pop("server", None)
            except (poplib.error_proto, OSError) as error:
                raise _failed(error) from error

        if not messages:
            _quit(server)
            mine.pop("server", None)
        more = len(there) > len(known & present) + len(fresh)
        return Page(messages, {"known": sorted(kept)}, more, confirm if messages else None)

    def health(self, connection: Connection) -> Health:
        """Speak to both servers, with name and password."""
        try:
            if connection.settings.smtp_host:
                with _smtp(connection) as server:
                    server.noop()
            if connection.settings.pop_host:
                _quit(_pop(connection))
        except (smtplib.SMTPException, poplib.error_proto, OSError) as error:
            return Health(False, L(f"连不上：{error}"[:200], f"Cannot connect: {error}"[:200]))
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh, en or zh))
        return Health(True, L("可用", "Well"))


def _composed(connection: Connection, out: Outgoing) -> EmailMessage:
    body = out.body if isinstance(out.body, Mapping) else {}
    mail = EmailMessage()
    try:
        mail["From"] = connection.settings.sender
        for name, field in (("To", "to"), ("Cc", "cc")):
            told = body.get(field) or []
            if told:
                mail[name] = ", ".join([told] if isinstance(told, str) else told)
        mail["Subject"] = str(body.get("subject") or "")
        mail["Date"] = format_datetime((out.at or connection.now).astimezone(UTC))
        mail["Message-ID"] = f"<{out.id}@banyan>"
        if not mail["To"] or any(not each.addr_spec for each in mail["To"].addresses):
            raise ValueError("to")
        mail.set_content(str(body.get("text") or ""))
        if body.get("html"):
            mail.add_alternative(str(body["html"]), subtype="html")
        for each in body.get("attachments") or ():
            main, _, sub = str(each.get("media_type") or "application/octet-stream").partition("/")
            octets = b64decode(each["base64"], validate=True)
            mail.add_attachment(octets, maintype=main, subtype=sub or "octet-stream", filename=str(each["name"]))
    except (KeyError, TypeError, ValueError) as error:
        # A line break in an address or subject is refused here too: it would begin another header.
        raise Failed("validation", L(f"邮件内容有误：{error}", f"The mail is not in order: {error}")) from error
    return mail


def _smtp(connection: Connection) -> Any:
    settings: MailSettings = connection.settings
    address, seconds = connection.allows(settings.smtp_host, settings.smtp_port), connection.timeout
    context = ssl.create_default_context()
    if settings.smtp_safety == "tls":
        server: Any = _TlsSmtp(settings.smtp_host, address, settings.smtp_port, seconds, context)
    else:
        server = _Smtp(address, settings.smtp_port, timeout=seconds)
        if settings.smtp_safety == "starttls":
            server._host = settings.smtp_host
            server.starttls(context=context)
    if settings.user:
        server.login(settings.user, connection.secret("password"))
    return server


class _ToAllOrNobody:
    """Sends no mail of which the server does not take each recipient."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.refused: dict[str, tuple[int, bytes]] = {}
        super().__init__(*given, **more)

    def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
        """Name a recipient; what the server refuses is remembered."""
        code, said = super().rcpt(recip, options)  # type: ignore[misc]
        if code not in (250, 251):
            self.refused[recip] = (code, said)
        return code, said

    def data(self, msg: bytes) -> tuple[int, bytes]:
        """Give the mail itself. Raises: SMTPRecipientsRefused"""
        if self.refused:
            self.rset()  # type: ignore[attr-defined]
            raise smtplib.SMTPRecipientsRefused(self.refused)
        return super().data(msg)  # type: ignore[misc]


class _Smtp(_ToAllOrNobody, smtplib.SMTP):
    """Speaks without TLS, or takes it up by STARTTLS."""


class _TlsSmtp(_ToAllOrNobody, smtplib.SMTP_SSL):
    """Speaks to the checked address and checks the certificate for the name."""

    def __init__(self, name: str, address: str, port: int, seconds: float, context: ssl.SSLContext) -> None:
        self._name, self._address = name, address
        super().__init__(name, port, timeout=seconds, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = smtplib.SMTP._get_socket(self, self._address, port, timeout)  # type: ignore[attr-defined]
        return self.context.wrap_socket(plain, server_hostname=self._name)


def _pop(connection: Connection) -> poplib.POP3:
    settings: MailSettings = connection.settings
    address = connection.allows(settings.pop_host, settings.pop_port)
    try:
        if settings.pop_safety == "none":
            server = poplib.POP3(address, settings.pop_port, timeout=connection.timeout)
        else:
            server = _TlsPop(settings.pop_host, address, settings, connection.timeout)
        server.user(settings.user)
        server.pass_(connection.secret("password"))
    except (poplib.error_proto, OSError) as error:
        raise _failed(error) from error
    return server


class _TlsPop(poplib.POP3_SSL):
    """Speaks to the checked address and checks the certificate for the name."""

    def __init__(self, name: str, address: str, settings: MailSettings, seconds: float) -> None:
        self._address = address
        super().__init__(name, settings.pop_port, timeout=seconds, context=ssl.create_default_context())

    def _create_socket(self, timeout: float) -> Any:
        import socket

        plain = socket.create_connection((self._address, self.port), timeout)
        return self.context.wrap_socket(plain, server_hostname=self.host)


def _quit(server: poplib.POP3) -> None:
    try:
        server.rset()
        server.quit()
    except (poplib.error_proto, OSError):
        pass


def _incoming(server: poplib.POP3, number: str, name: str, most_bytes: int) -> Incoming:
    size = int(server.list(int(number)).split()[-1])
    if size > most_bytes:
        lines = server.top(int(number), 0)[1]
        octets, note = b"\r\n".join(lines), f"{size} bytes: only the head was taken"
    else:
        octets, note = b"\r\n".join(server.retr(int(number))[1]), ""
    mail = BytesParser(policy=policy.default).parsebytes(octets)
    text = mail.get_body(("plain", "html"))
    attachments = [] if note else [_attachment(part) for part in mail.iter_attachments()]
    body = {
        "from": str(mail["From"] or ""), "to": str(mail["To"] or ""), "subject": str(mail["Subject"] or ""),
        "date": str(mail["Date"] or ""), "message_id": str(mail["Message-ID"] or ""),
        "text": _text(text), "attachments": attachments, "note": note,
    }  # fmt: skip
    at = None
    try:
        at = parsedate_to_datetime(body["date"]).astimezone(UTC) if body["date"] else None
    except ValueError:
        pass
    own = body["message_id"] or sha256(octets).hexdigest()
    return Incoming(f"{name} {own}", body, key=body["from"], type="mail", at=at)


def _text(part: Any) -> str:
    try:
        return part.get_content().replace("\0", "") if part is not None else ""
    except (LookupError, UnicodeError):
        return (part.get_payload(decode=True) or b"").decode("gb18030", "replace").replace("\0", "")


def _attachment(part: Any) -> dict[str, Any]:
    octets = part.get_payload(decode=True) or b""
    return {
        "name": part.get_filename() or "", "media_type": part.get_content_type(), "base64": b64encode(octets).decode(),
    }  # fmt: skip


def _failed(error: BaseException) -> Failed:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        words = L("邮件服务器不认用户或密码", "The mail server knows no such user or password")
        return Failed("not_allowed", words, code="535")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        kind = "unavailable" if all(400 <= code < 500 for code in codes) else "refused"
        who = ", ".join(f"{one} ({code} {said.decode('utf-8', 'replace')})"
                        for one, (code, said) in error.recipients.items())[:400]  # fmt: skip
        words = L("收件人不被接受，邮件没有发给任何人：{who}",
                  "The mail went to nobody: these recipients are not taken: {who}")  # fmt: skip
        return Failed(kind, words.filled({"who": who}), code=str(max(codes)))
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        kind = "unavailable" if 400 <= error.smtp_code < 500 else "refused"
        return Failed(kind, f"{error.smtp_code} {said}"[:300], code=str(error.smtp_code))
    if isinstance(error, poplib.error_proto):
        said = str(error)
        return Failed("not_allowed" if "AUTH" in said or "-ERR" in said else "refused", said[:300])
    if isinstance(error, TimeoutError):
        return Failed("timeout", L("邮件服务器未在时限内应答", "The mail server did not answer in time"))
    return Failed("transport", f"{type(error).__name__}: {error}"[:300])
