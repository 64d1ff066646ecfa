"""The file connector: takes whole files from a folder, keeps them when their messages are kept, writes whole files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any, ClassVar

from banyan.connectors.file import formats
from banyan.connectors.file.edi import edifact, receipts, x12
from banyan.connectors.file.edi.envelopes import Party, closed, opened
from banyan.connectors.file.edi.segments import EdiFault
from banyan.connectors.file.entries import Entry, Place
from banyan.connectors.file.places import place_of
from banyan.connectors.file.presets import edi_flows, statement_flows
from banyan.connectors.file.settings import FileOperation, FileSettings
from banyan.connectors.platform import mapping_of
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    PresetFlow,
    Sent,
    connector,
)  # fmt: skip
from banyan.integration.templates import as_text, filled
from banyan.lib.labels import L

_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".writing")
_DONE = ".done"
_ENDINGS = {
    "csv": ".csv",
    "xlsx": ".xlsx",
    "xml": ".xml",
    "fixed": ".txt",
    "json": ".json",
    "jsonl": ".jsonl",
    "edi": ".edi",
}


@connector
class File(Connector):
    """Files in folders, here or over SFTP, and in the buckets of an S3 store."""

    key: ClassVar[str] = "file"
    label = L("文件交换", "File exchange")
    help = L(
        "目录、SFTP 或 S3 存储中的 CSV、XLSX、XML、定长、JSON 与 EDI 文件",
        "CSV, XLSX, XML, fixed width, JSON, EDI in folders, over SFTP or in S3 stores",
    )
    settings = FileSettings
    secrets: ClassVar[tuple[str, ...]] = ("password", "private_key", "passphrase", "secret_key")

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the kinds of file of the settings."""
        return tuple(
            Operation(each.key, L(each.zh or each.key, each.en or each.key), frozenset(each.ways))
            for each in connection.settings.operations
        )

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give what stands in NAME.mapping.json beside the connector. Raises: NotFound."""
        return mapping_of(self.key, name) or super().mapping(name)

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows for partners who exchange EDI, and that for shops' statements."""
        return (*edi_flows(), *statement_flows())

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give the messages of the files that are whole, the oldest first.

        Takes:  position: {seen: sizes of the last look, part: the file and row a large one goes on from}
        Gives:  `confirm` moves what was read wholly to the archive and acknowledges EDI
        Raises: Failed: a file that cannot be read goes to the folder of the failed, with the reason beside it, and
                holds no other up
        """
        asked = _operation(connection, operation, "poll")
        before = position if isinstance(position, Mapping) else {}
        messages: list[Incoming] = []
        taken: list[tuple[Entry, str]] = []
        part: dict[str, Any] = {}
        with place_of(connection) as place:
            entries, seen = _whole(asked, place, before.get("seen") or {}, connection)
            for entry in entries:
                if len(messages) >= limit:
                    break
                try:
                    found, answer = _read(connection, asked, place, entry)
                except Failed as fault:
                    if fault.is_passing:
                        raise
                    if messages:
                        break
                    _set_aside(connection, asked, place, entry, fault)
                    raise Failed(fault.kind, f"{entry.name}: {fault.text}", code=fault.code) from None
                start = _start(before.get("part") or {}, entry) if not taken and not messages else 0
                room = limit - len(messages)
                messages += found[start : start + room]
                if start + room < len(found):
                    part = {"name": entry.name, "size": entry.size, "changed": entry.changed, "row": start + room}
                    break
                taken.append((entry, answer))
        rested: dict[str, Any] = {"seen": {name: value for name, value in seen.items()}}
        if part:
            rested["part"] = part
        has_more = bool(part) or len(taken) < len(entries)
        return Page(tuple(messages), rested, has_more, lambda: _keep(connection, asked, taken))

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Write a message as a file; a second try writes the same name over it. Raises: Failed."""
        asked = _operation(connection, out.operation, "send")
        facts = {"type": out.type or out.operation, "key": out.key, "id": str(out.id), "body": out.body,
                 "date": f"{out.at or connection.now:%Y%m%d}"}  # fmt: skip
        name = filled(asked.name, facts, _plain_name)[:200]
        if "." not in asked.name.rpartition("}")[2]:
            name += _ENDINGS[asked.format]
        body = _edi(connection, asked, out) if asked.format == "edi" else formats.packed(asked, out.body)
        path = f"{asked.folder}/{name}" if asked.folder else name
        with place_of(connection) as place:
            place.write(path, body)
            if asked.ready == "done":
                place.write(path + _DONE, b"")
        return Sent({"file": name, "bytes": len(body)})

    def health(self, connection: Connection) -> Health:
        """Look into the folders."""
        begun = datetime.now(UTC)
        try:
            with place_of(connection) as place:
                count = sum(
                    len(place.files(folder)) for folder in {each.folder for each in connection.settings.operations}
                )
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh, en or zh))
        ms = (datetime.now(UTC) - begun).total_seconds() * 1000
        return Health(True, L(f"可以访问，有 {count} 个文件", f"Reached; {count} files lie there"), ms)


def _whole(
    asked: FileOperation, place: Place, seen: Mapping[str, Any], connection: Connection
) -> tuple[list[Entry], dict[str, Any]]:
    """Give the files that are whole, and what was seen, for the next look."""
    now = connection.now.timestamp()
    files = place.files(asked.folder)
    names = {each.name for each in files}
    whole, looked = [], {}
    for each in files:
        if each.name.startswith((".", "~")) or each.name.lower().endswith((*_UNFINISHED, _DONE)):
            continue
        if not fnmatch(each.name, asked.pattern):
            continue
        was = seen.get(each.name)
        since = was[2] if was and list(was[:2]) == [each.size, each.changed] else now
        looked[each.name] = [each.size, each.changed, since]
        match asked.ready:
            case "done":
                is_whole = each.name + _DONE in names
            case "at_once":
                is_whole = True
            case _:
                # The clock of another machine may differ: there, only our own two looks tell.
                is_local = connection.settings.place == "local"
                is_whole = now - (each.changed if is_local else since) >= asked.quiet and (is_local or bool(was))
        if is_whole:
            whole.append(each)
    return whole, looked


def _read(
    connection: Connection, asked: FileOperation, place: Place, entry: Entry
) -> tuple[list[Incoming], str]:  # fmt: skip
    """Give all messages of a file and the acknowledgement it is owed."""
    settings: FileSettings = connection.settings
    if entry.size > settings.most_bytes:
        raise formats.too_large(settings.most_bytes)
    body = place.read(_path(asked.folder, entry.name), settings.most_bytes)
    if asked.format == "edi":
        return _edi_messages(connection, asked, body)
    rows = formats.rows_of(asked, body, settings.most_bytes)
    digest = hashlib.sha256(body).hexdigest()[:16]
    base = f"{entry.name}:{int(entry.changed)}:{digest}"
    when = datetime.fromtimestamp(entry.changed, UTC)
    kind = asked.key
    if asked.each == "file":
        return [Incoming(base, {"file": entry.name, "rows": rows}, entry.name, kind, when)], ""
    if asked.each == "row":
        column, own = asked.key_column, asked.id_column
        return [
            Incoming(
                _needed(row, own, number) if own else f"{base}:{number}", row,
                as_text(row.get(column)) if column else "", kind, when,
            )
            for number, row in enumerate(rows, 1)
        ], ""  # fmt: skip
    groups: list[tuple[str, int, list[formats.Row]]] = []
    for number, row in enumerate(rows, 1):
        key = _needed(row, asked.key_column, number)
        if not groups or groups[-1][0] != key:
            groups.append((key, number, []))
        groups[-1][2].append(row)
    return [
        Incoming(f"{base}:{number}", {"key": key, "rows": members}, key, kind, when) for key, number, members in groups
    ], ""


def _needed(row: formats.Row, column: str, number: int) -> str:
    value = as_text(row.get(column))
    if not value:
        raise Failed("validation", L(f"第 {number} 行没有 {column}", f"Row {number} has no {column}"))
    return value


def _edi_messages(connection: Connection, asked: FileOperation, body: bytes) -> tuple[list[Incoming], str]:
    text = formats.decoded(body, asked.encoding or ("latin-1" if b"UNOC" in body[:40] else ""))
    taken = opened(text)
    settings: FileSettings = connection.settings
    if settings.us is not None and taken.receiver.id != settings.us.id:
        name = taken.receiver.id
        raise Failed("validation", L(f"收件方 {name} 不是我方", f"The receiver {name} is not our address"))
    if settings.them is not None and taken.sender.id != settings.them.id:
        raise Failed(
            "validation", L(f"发件方 {taken.sender.id} 不是对方", f"The sender {taken.sender.id} is not the partner")
        )  # fmt: skip
    found = []
    for each in taken.messages:
        if each.type in ("997", "999", "CONTRL"):
            doc = receipts.read(each)
        elif taken.standard == "x12":
            doc = x12.read(each.type, each.segments)
        else:
            doc = edifact.read(each.type, each.segments, taken.marks.decimal)
        doc["envelope"] = {
            "standard": taken.standard, "type": each.type, "sender": taken.sender.id, "receiver": taken.receiver.id,
            "control": taken.control, "message": each.control, "is_test": taken.is_test,
        }  # fmt: skip
        name = ":".join((taken.standard, taken.sender.id, taken.control, each.group_control, each.control))
        found.append(Incoming(name, doc, doc.get("number") or doc.get("of") or name, each.type, None))
    if not asked.acknowledge:
        return found, ""
    return found, receipts.receipt(taken, _control("", body, taken.standard), connection.now)


def _edi(connection: Connection, asked: FileOperation, out: Outgoing) -> bytes:
    settings: FileSettings = connection.settings
    if settings.us is None or settings.them is None:
        raise Failed("refused", L("未填写双方的 EDI 编号", "The EDI addresses of both sides have not been entered"))
    if not isinstance(out.body, Mapping):
        raise Failed("mapping", L("EDI 正文须为单据", "An EDI body is a document"))
    message = x12.write(out.body) if asked.edi == "x12" else edifact.write(out.body)
    us, them = (Party(each.id, each.qualifier) for each in (settings.us, settings.them))
    encoding = asked.encoding or "utf-8"
    syntax = "UNOC:3" if encoding.lower() in ("latin-1", "iso-8859-1") else "UNOY:4" if asked.edi == "edifact" else ""
    control = _control(str(out.body.get("control") or ""), out.id.bytes, asked.edi)
    when = out.at or connection.now
    text = closed(asked.edi, us, them, control, [message], when, is_test=settings.is_test, syntax=syntax)
    return formats.encoded(text, encoding)


def _control(given: str, seed: bytes, standard: str) -> str:
    """Give the control number: the one given, else one that is the same at every try."""
    if given:
        return given
    number = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big")
    return str(number % 999_999_999 + 1) if standard == "x12" else f"{number:014X}"[-14:]


def _set_aside(connection: Connection, asked: FileOperation, place: Place, entry: Entry, fault: Failed) -> None:
    """Move a file that cannot be read, with the reason beside it; refuse EDI as its rules say."""
    if asked.format == "edi" and asked.acknowledge and isinstance(fault, EdiFault):
        body = place.read(_path(asked.folder, entry.name), connection.settings.most_bytes)
        text = formats.decoded(body, asked.encoding or ("latin-1" if b"UNOC" in body[:40] else ""))
        answer = receipts.refusal(text, fault, _control("", body, "x12"), connection.now)
        if answer:
            place.write(_path(asked.acknowledge, f"ack-{entry.name}"), answer.encode())
    place.write(
        _path(asked.failed, f"{entry.name}.why.txt"), f"{connection.now:%Y-%m-%dT%H:%M:%SZ}\n{fault.text}\n".encode()
    )
    place.move(_path(asked.folder, entry.name), _path(asked.failed, entry.name))
    place.remove(_path(asked.folder, entry.name + _DONE))


def _keep(connection: Connection, asked: FileOperation, taken: Sequence[tuple[Entry, str]]) -> None:
    """Acknowledge and archive what was read wholly; a file that has changed since stays where it is."""
    if not taken:
        return
    with place_of(connection) as place:
        there = {each.name: each for each in place.files(asked.folder)}
        for entry, answer in taken:
            if there.get(entry.name) != entry:
                continue
            if answer:
                place.write(_path(asked.acknowledge, f"ack-{entry.name}"), answer.encode())
            place.move(_path(asked.folder, entry.name), _path(asked.archive, entry.name))
            if entry.name + _DONE in there:
                place.remove(_path(asked.folder, entry.name + _DONE))


def _start(part: Mapping[str, Any], entry: Entry) -> int:
    same = (part.get("name"), part.get("size"), part.get("changed")) == (entry.name, entry.size, entry.changed)
    return int(part.get("row") or 0) if same else 0


def _operation(connection: Connection, key: str, way: str) -> FileOperation:
    found = next((each for each in connection.settings.operations if each.key == key), None)
    if found is None or way not in found.ways:
        raise Failed(
            "refused",
            L("系统没有可这样使用的操作 {key}", "The system has no operation {key} to be used so").filled({"key": key}),
        )
    return found


def _path(folder: str, name: str) -> str:
    return f"{folder.strip('/')}/{name}" if folder.strip("/") else name


def _plain_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip(".")[:80] or "_"
