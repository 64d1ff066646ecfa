"""Files: whole ones are taken once, broken ones set aside with the reason, nothing outside the folder is touched."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from banyan.connectors.file import formats
from banyan.connectors.file.connector import File
from banyan.connectors.file.edi.envelopes import opened
from banyan.connectors.file.settings import FileOperation, FileSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection

PAYLOADS = Path(__file__).parent / "payloads"
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
file = File()
CSV = "订单,数量,单价\nSO-1,2,3.50\nSO-1,4,1\nSO-2,1,9\n"


@pytest.fixture
def exchange(tmp_path, settings) -> Path:
    """Give the partner's folder below the exchange folder."""
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    folder = tmp_path / "exchange" / "wms"
    (folder / "in").mkdir(parents=True)
    return folder


def system(*operations: dict, now=NOW, **more):
    made = [{"key": "orders", "ready": "at_once", **each} for each in operations]
    return connection(FileSettings(folder="wms", operations=made, **more), now=now)


def put(folder: Path, name: str, body: bytes | str, age: float = 3600) -> Path:
    path = folder / "in" / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    when = NOW.timestamp() - age
    os.utime(path, (when, when))
    return path


def names(folder: Path, sub: str) -> list[str]:
    return sorted(p.name for p in (folder / sub).iterdir()) if (folder / sub).exists() else []


def polled(link, position=None, limit=100, keep=True):
    page = file.poll(link, "orders", position, limit)
    if keep and page.confirm:
        page.confirm()
    return page


def test_a_row_with_a_name_of_its_own_is_known_by_it_in_any_file(exchange):
    link = system({"id_column": "订单", "key_column": "订单"})
    put(exchange, "1.csv", "订单,数量\nSO-1,2\n")
    put(exchange, "2.csv", "订单,数量\nSO-1,2\nSO-2,1\n")
    found = [message.id for _ in range(2) for message in polled(link).messages]
    assert found == ["SO-1", "SO-1", "SO-2"]
    put(exchange, "3.csv", "订单,数量\n,7\n")
    with pytest.raises(Failed, match="订单"):
        polled(link)
    assert "第 1 行没有 订单" in (exchange / "failed" / "3.csv.why.txt").read_text()
    with pytest.raises(ValidationError, match="id_column"):
        FileOperation(key="x", id_column="a", each="file")


def test_rows_become_messages_and_the_file_goes_to_the_archive_when_they_are_kept(exchange):
    put(exchange, "a.csv", CSV)
    page = file.poll(system({"key_column": "订单"}), "orders", None, 100)
    assert [(m.key, m.body["数量"]) for m in page.messages] == [("SO-1", "2"), ("SO-1", "4"), ("SO-2", "1")]
    assert names(exchange, "in") == ["a.csv"]
    page.confirm()
    assert (names(exchange, "in"), names(exchange, "archive")) == ([], ["a.csv"])


def test_a_file_read_again_before_it_was_kept_gives_the_same_names(exchange):
    put(exchange, "a.csv", CSV)
    first, again = (polled(system({}), keep=False) for _ in range(2))
    assert [m.id for m in first.messages] == [m.id for m in again.messages]
    assert len({m.id for m in first.messages}) == 3
    again.confirm()
    put(exchange, "a.csv", CSV, age=60)
    later = polled(system({}))
    assert not {m.id for m in first.messages} & {m.id for m in later.messages}
    assert len(names(exchange, "archive")) == 2


def test_a_file_that_changed_after_it_was_read_is_not_archived(exchange):
    put(exchange, "a.csv", CSV)
    page = polled(system({}), keep=False)
    put(exchange, "a.csv", CSV + "SO-3,1,1\n", age=1)
    page.confirm()
    assert names(exchange, "in") == ["a.csv"]


def test_rows_of_one_document_become_one_message(exchange):
    put(exchange, "a.csv", CSV)
    page = polled(system({"each": "group", "key_column": "订单"}))
    assert [(m.key, len(m.body["rows"])) for m in page.messages] == [("SO-1", 2), ("SO-2", 1)]


def test_a_whole_file_is_one_message(exchange):
    put(exchange, "stock.csv", CSV)
    (message,) = polled(system({"each": "file"})).messages
    assert (message.body["file"], len(message.body["rows"])) == ("stock.csv", 3)


def test_a_large_file_is_taken_in_parts_and_archived_at_its_end(exchange):
    put(exchange, "a.csv", "n\n" + "".join(f"{n}\n" for n in range(25)))
    put(exchange, "b.csv", "n\n99\n", age=60)
    seen, position, calls = [], None, 0
    while True:
        page = polled(system({}), position, 10)
        seen += [m.body["n"] for m in page.messages]
        position, calls = page.position, calls + 1
        if not page.has_more:
            break
    assert seen == [*map(str, range(25)), "99"]
    assert calls == 3
    assert names(exchange, "archive") == ["a.csv", "b.csv"]


def test_a_file_that_is_still_written_is_left(exchange):
    path = put(exchange, "a.csv", CSV, age=3)
    link = system({"ready": "quiet", "quiet": 10})
    assert polled(link).messages == ()
    assert len(polled(system({"ready": "quiet", "quiet": 10}, now=NOW + timedelta(seconds=8))).messages) == 3
    assert not path.exists()


def test_a_file_waits_for_its_mark(exchange):
    put(exchange, "a.csv", CSV)
    link = system({"ready": "done"})
    assert polled(link).messages == ()
    put(exchange, "a.csv.done", "")
    assert len(polled(link).messages) == 3
    assert names(exchange, "in") == []


@pytest.mark.parametrize("name", ["a.csv.tmp", ".a.csv", "~a.csv", "a.csv.filepart", "b.txt"])
def test_what_is_not_meant_is_left(exchange, name):
    put(exchange, name, CSV)
    assert polled(system({"pattern": "*.csv*"})).messages == ()
    assert names(exchange, "in") == [name]


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [("utf-8", ""), ("utf-8-sig", ""), ("gbk", ""), ("gb18030", ""), ("utf-16", ""), ("utf-16-le", ""),
     ("utf-16-be", ""),
     ("gbk", "gbk"), ("utf-16", "utf-16"), ("gb18030", "gb2312")],
)  # fmt: skip
def test_chinese_is_read_in_every_usual_encoding(exchange, encoding, stated):
    text = "name,qty\n轴承（深沟球）6204-2RS,5\n" + ("𠮷,1\n" if encoding != "gbk" else "")
    put(exchange, "a.csv", text.encode(encoding))
    assert polled(system({"encoding": stated})).messages[0].body == {"name": "轴承（深沟球）6204-2RS", "qty": "5"}


@pytest.mark.parametrize(
    ("body", "operation", "word"),
    [
        ("名称\n轴承\n".encode("gbk"), {"encoding": "utf-8"}, "byte 1"),
        (b"\xff\xfe\xff", {}, "No text"),
        (b"a,b\n\x81\x20,1\n", {}, "No text"),
        (b"a\n1\n\x00\x00", {}, "zeros"),
        ("名称\n轴承\n".encode(), {"encoding": "klingon"}, "klingon"),
        ("a,b\n1,2,3\n", {}, "Line 2: more fields"),
        ('a,b\n"1,2\n', {}, "Line 2"),
        ("a,a\n1,2\n", {}, "twice: a"),
        ("a,,b\n1,2,3\n", {}, "headings empty"),
        ("", {}, "headings empty"),
        ("a\n1\n", {"each": "group", "key_column": "k"}, "Row 1 has no k"),
        ("<a><b></a>", {"format": "xml"}, "well-formed"),
        ("not xlsx", {"format": "xlsx"}, "No XLSX"),
        ("{", {"format": "json"}, "no JSON"),
        ('{"a":1}', {"format": "json", "record": "rows"}, "nothing at rows"),
        ('{"a":1}\n{"a":\n', {"format": "jsonl"}, "Line 2: no JSON"),
        ("ISA*00*", {"format": "edi"}, "106"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_holds_no_other_up(exchange, body, operation, word):
    put(exchange, "bad.csv", body)
    put(exchange, "good.csv", CSV if "format" not in operation else "", age=60)
    link = system({"pattern": "bad*", **operation})
    with pytest.raises(Failed) as told:
        file.poll(link, "orders", None, 100)
    assert (told.value.is_passing, word in told.value.text, "bad.csv" in told.value.text) == (False, True, True)
    assert names(exchange, "failed") == ["bad.csv", "bad.csv.why.txt"]
    assert word in (exchange / "failed" / "bad.csv.why.txt").read_text()
    assert names(exchange, "in") == ["good.csv"]
    assert polled(link).messages == ()


def test_messages_of_good_files_come_before_a_bad_one_is_refused(exchange):
    put(exchange, "1.csv", CSV, age=100)
    put(exchange, "2.csv", "a,a\n", age=90)
    put(exchange, "3.csv", CSV, age=80)
    first = polled(system({}))
    assert (len(first.messages), first.has_more) == (3, True)
    with pytest.raises(Failed):
        file.poll(system({}), "orders", first.position, 100)
    assert len(polled(system({}), first.position).messages) == 3
    assert names(exchange, "archive") == ["1.csv", "3.csv"]


BOMB = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "xxxxxxxxxx">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + "]><l>&j;</l>"  # fmt: skip
OUTSIDE = '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'
REMOTE = '<!DOCTYPE l SYSTEM "http://169.254.169.254/x.dtd"><l/>'


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, REMOTE, "<a>" * 5000, "<a " + "b='1' " * 10 + ">"])
def test_xml_with_tricks_is_refused(exchange, body):
    put(exchange, "a.xml", body)
    with pytest.raises(Failed) as told:
        file.poll(system({"format": "xml"}), "orders", None, 10)
    assert told.value.kind == "validation"
    assert "root:" not in told.value.text


def test_a_file_over_the_limit_is_set_aside_unread(exchange):
    path = put(exchange, "a.csv", "")
    os.truncate(path, 60_000_000)
    with pytest.raises(Failed) as told:
        file.poll(system({}), "orders", None, 10)
    assert told.value.kind == "too_large"
    assert "a.csv" in names(exchange, "failed")


def test_a_workbook_that_unpacks_to_a_thousandfold_is_refused(exchange):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", bytes(30_000_000))
    put(exchange, "a.xlsx", out.getvalue())
    with pytest.raises(Failed) as told:
        file.poll(system({"format": "xlsx"}), "orders", None, 10)
    assert told.value.kind == "too_large"


ROWS = [{"code": "A-1", "名称": "轴承", "qty": "2.5"}, {"code": "=1+1", "名称": 'a"b,c\nd', "qty": "0"}]
WIDTHS = [
    {"name": "code", "start": 1, "length": 10},
    {"name": "名称", "start": 11, "length": 12},
    {"name": "qty", "start": 23, "length": 8, "align": "right", "fill": " "},
]


@pytest.mark.parametrize(
    "operation",
    [
        {"format": "csv"}, {"format": "csv", "encoding": "gbk", "delimiter": ";"},
        {"format": "csv", "encoding": "utf-16"}, {"format": "xlsx"}, {"format": "json"}, {"format": "jsonl"},
        {"format": "xml", "record": "row"},
        {"format": "fixed", "widths": WIDTHS, "width_unit": "bytes", "encoding": "gbk"},
        {"format": "fixed", "widths": WIDTHS},
    ],
    ids=lambda o: " ".join(str(v) for v in o.values() if isinstance(v, str)),
)  # fmt: skip
def test_what_is_written_is_read_again(operation):
    rows = ROWS if operation["format"] != "fixed" else [ROWS[0], {**ROWS[1], "名称": "深沟球轴承"}]
    made = FileOperation(key="x", **operation)
    body = formats.packed(made, rows)
    assert formats.rows_of(made, body, 1_000_000) == rows


def test_fixed_width_in_bytes_cuts_no_character_in_two(exchange):
    operation = {
        "format": "fixed",
        "widths": [{"name": "a", "start": 1, "length": 3}],
        "width_unit": "bytes",
        "encoding": "gbk",
    }
    put(exchange, "a.txt", "轴承\n".encode("gbk"))
    with pytest.raises(Failed, match="cuts a character"):
        file.poll(system(operation), "orders", None, 10)


def test_a_value_too_long_for_its_width_is_not_cut():
    made = FileOperation(key="x", format="fixed", widths=[{"name": "a", "start": 1, "length": 3}])
    with pytest.raises(Failed, match="longer than 3") as told:
        formats.packed(made, [{"a": "12345"}])
    assert told.value.kind == "mapping"


def test_a_character_the_encoding_lacks_is_named():
    with pytest.raises(Failed, match="🚚") as told:
        formats.packed(FileOperation(key="x", encoding="gbk"), [{"a": "🚚"}])
    assert told.value.kind == "mapping"


def out(body, **more) -> Outgoing:
    return Outgoing(ID, "orders", body, more.pop("key", "SO/1"), "sales.order", NOW, **more)


def test_a_message_becomes_a_file_and_a_second_try_the_same_one(exchange):
    link = system({"ways": ["send"], "folder": "out", "ready": "done"})
    for _ in range(2):
        sent = file.send(link, out([{"a": "1"}]))
    name = f"sales.order-SO_1-{ID}.csv"
    assert sent.reply == {"file": name, "bytes": 6}
    assert names(exchange, "out") == [name, f"{name}.done"]
    assert (exchange / "out" / name).read_text() == "a\n1\n"


@pytest.mark.parametrize("key", ["../../../etc/x", "..", "/etc/passwd", "a\0b", "a/b\\c", ".hidden", "x" * 500])
def test_a_key_cannot_lead_to_another_folder(exchange, key):
    link = system({"ways": ["send"], "folder": "out", "name": "{key}"})
    file.send(link, out([{"a": "1"}], key=key))
    (made,) = names(exchange, "out")
    assert not made.startswith(".")
    assert {p.name for p in exchange.iterdir()} == {"in", "out"}


@pytest.mark.parametrize("folder", ["../other", "a/../../b", "..", "a\\..\\b"])
def test_a_folder_cannot_lead_outside(folder):
    with pytest.raises(ValidationError):
        FileSettings(folder=folder)
    with pytest.raises(ValidationError):
        FileOperation(key="x", folder=folder)


def test_a_link_to_the_outside_is_not_followed(exchange, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nsecret\n")
    (exchange / "in" / "a.csv").symlink_to(secret)
    assert polled(system({})).messages == ()
    (exchange / "linked").symlink_to(tmp_path)
    with pytest.raises(Failed) as told:
        file.poll(system({"folder": "linked"}), "orders", None, 10)
    assert told.value.kind == "not_allowed"


EDI = {"format": "edi", "acknowledge": "ack", "pattern": "*.edi"}
SIDES = {"us": {"id": "BANYAN", "qualifier": "ZZ"}, "them": {"id": "006922827SUH1", "qualifier": "01"}}


def test_an_edi_order_is_taken_and_acknowledged_when_it_is_kept(exchange):
    put(exchange, "po.edi", (PAYLOADS / "850.edi").read_bytes())
    page = polled(system(EDI, **SIDES), keep=False)
    (message,) = page.messages
    assert (message.id, message.key, message.type) == ("x12:006922827SUH1:000000042:42:0001", "PO-4711", "850")
    assert message.body["envelope"]["sender"] == "006922827SUH1"
    assert names(exchange, "ack") == []
    page.confirm()
    receipt = opened((exchange / "ack" / "ack-po.edi").read_text())
    assert (receipt.receiver.id, receipt.messages[0].type) == ("006922827SUH1", "997")


def test_an_edifact_order_in_latin_letters_is_taken(exchange):
    put(exchange, "po.edi", (PAYLOADS / "orders.edi").read_text().encode("latin-1"))
    (message,) = polled(system(EDI)).messages
    assert message.body["parties"]["buyer"]["name"] == "Müller Maschinen GmbH"


def test_broken_edi_is_refused_to_the_partner_with_the_segment_to_us(exchange):
    text = (PAYLOADS / "850.edi").read_text().replace("SE*14*", "SE*13*")
    put(exchange, "po.edi", text)
    with pytest.raises(Failed, match=r"Segment 16 SE"):
        file.poll(system(EDI, **SIDES), "orders", None, 10)
    said = opened((exchange / "ack" / "ack-po.edi").read_text()).messages[0].segments
    assert [s.get(1) for s in said][-2:] == ["R", "R"]
    assert names(exchange, "failed") == ["po.edi", "po.edi.why.txt"]


def test_edi_for_someone_else_is_refused(exchange):
    put(exchange, "po.edi", (PAYLOADS / "850.edi").read_bytes())
    with pytest.raises(Failed, match="not our address"):
        file.poll(system(EDI, us={"id": "OTHER"}, them=SIDES["them"]), "orders", None, 10)


def test_an_edi_document_goes_out_with_the_same_number_at_every_try(exchange):
    doc = {"kind": "order_answer", "number": "OC-1", "date": "2026-03-05", "answer": "accepted",
           "references": {"order": "PO-4711"},
           "lines": [{"quantity": "1", "unit": "EA", "codes": {"buyer": "A"}}]}  # fmt: skip
    for standard, type in (("x12", "855"), ("edifact", "ORDRSP")):
        link = system({**EDI, "ways": ["send"], "folder": f"out-{standard}", "edi": standard}, **SIDES)
        bodies = set()
        for _ in range(2):
            name = file.send(link, out(doc)).reply["file"]
            bodies.add((exchange / f"out-{standard}" / name).read_text())
        (text,) = bodies
        assert opened(text).messages[0].type == type
        numbered = file.send(link, out({**doc, "control": "17"})).reply["file"]
        assert int(opened((exchange / f"out-{standard}" / numbered).read_text()).control) == 17


def test_a_partners_receipt_is_a_message(exchange):
    put(exchange, "po.edi", (PAYLOADS / "850.edi").read_bytes())
    polled(system(EDI, **SIDES))
    put(exchange, "r.edi", (exchange / "ack" / "ack-po.edi").read_bytes())
    (message,) = polled(system(EDI)).messages
    assert (message.type, message.body["is_accepted"], message.body["of"]) == ("997", True, "42")
    assert message.body["messages"] == [{"type": "850", "control": "0001", "is_accepted": True, "code": ""}]
    assert names(exchange, "ack") == ["ack-po.edi"]


def test_health_counts_what_lies_there(exchange):
    put(exchange, "a.csv", CSV)
    health = file.health(system({}))
    assert (health.is_well, "1" in health.text.en) == (True, True)
