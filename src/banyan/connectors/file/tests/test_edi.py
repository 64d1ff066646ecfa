"""EDI: read, written, acknowledged; what is broken is refused with the place of the fault."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.connectors.file.edi import edifact, envelopes, receipts, segments, x12
from banyan.connectors.file.edi.envelopes import Party, closed, opened
from banyan.connectors.file.edi.segments import EDIFACT, X12, EdiFault, cut, joined, seg
from banyan.integration.connecting import Failed

PAYLOADS = Path(__file__).parent / "payloads"
WHEN = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
X12_ORDER = (PAYLOADS / "850.edi").read_text()
EDIFACT_ORDER = (PAYLOADS / "orders.edi").read_text()

ORDER = {
    "kind": "order", "function": "original", "number": "PO-1", "date": "2026-03-05", "currency": "EUR",
    "references": {"contract": "CT-9"}, "dates": {"delivery": "2026-03-20"},
    "parties": {
        "buyer": {"id": "ACME", "qualifier": "92", "name": "Acme Tools", "street": "Main Street 1", "city": "Detroit",
                  "region": "MI", "postcode": "48201", "country": "US"},
        "ship_to": {"id": "DC-E", "qualifier": "92", "name": "DC East"},
    },
    "lines": [
        {"number": "1", "quantity": "100", "unit": "EA", "price": "4.25", "text": "Bearing 6204",
         "codes": {"buyer": "A-100", "supplier": "V-6204", "gtin": "4000862141404"},
         "dates": {"delivery": "2026-03-18"}},
        {"number": "2", "quantity": "12.5", "unit": "KG", "price": "0.8", "codes": {"buyer": "A-200"}},
    ],
}  # fmt: skip
ANSWER = {
    **ORDER, "kind": "order_answer", "number": "OC-1", "answer": "changed",
    "references": {"order": "PO-1", "contract": "CT-9"},
    "lines": [
        {"number": "1", "quantity": "100", "unit": "EA", "price": "4.25", "codes": {"buyer": "A-100"},
         "answer": "accepted", "answered_quantity": "100"},
        {"number": "2", "quantity": "12.5", "unit": "KG", "codes": {"buyer": "A-200"}, "answer": "rejected",
         "answered_quantity": "0"},
    ],
}  # fmt: skip
DESPATCH = {
    "kind": "despatch", "function": "original", "number": "DN-1", "date": "2026-03-19",
    "references": {"order": "PO-1", "bill_of_lading": "BL-5"}, "dates": {"shipped": "2026-03-19"},
    "carrier": {"code": "SFEX", "name": "SF Express"},
    "parties": {"ship_to": {"id": "DC-E", "qualifier": "92", "name": "DC East"}},
    "lines": [
        {"number": "1", "order": "PO-1", "package": "340123450000000018", "quantity": "60", "unit": "EA",
         "codes": {"buyer": "A-100"}},
        {"number": "2", "order": "PO-1", "package": "340123450000000025", "quantity": "40", "unit": "EA",
         "codes": {"buyer": "A-100"}},
    ],
}  # fmt: skip
INVOICE = {
    "kind": "invoice", "number": "INV-1", "date": "2026-03-21", "currency": "EUR",
    "references": {"order": "PO-1"}, "amount": "485.34",
    "parties": {"buyer": {"id": "ACME", "qualifier": "92", "name": "Acme Tools"}},
    "lines": [
        {"number": "1", "quantity": "100", "unit": "EA", "price": "4.25", "codes": {"buyer": "A-100"},
         "taxes": [{"code": "VAT", "percent": "13"}]},
    ],
}  # fmt: skip
DOCUMENTS = {doc["kind"]: doc for doc in (ORDER, ANSWER, DESPATCH, INVOICE)}


def through(standard, doc):
    """Write a document into an interchange and read it again."""
    writer = x12 if standard == "x12" else edifact
    text = closed(standard, Party("BANYAN", "ZZ"), Party("ACME", "01"), "77", [writer.write(doc)], WHEN, is_test=True)
    taken = opened(text)
    (message,) = taken.messages
    assert (taken.sender.id, taken.receiver.id, int(taken.control), taken.is_test) == ("BANYAN", "ACME", 77, True)
    reader = x12.read if standard == "x12" else edifact.read
    return text, message.type, reader(message.type, message.segments)


@pytest.mark.parametrize("standard", ["x12", "edifact"])
@pytest.mark.parametrize("kind", list(DOCUMENTS))
def test_a_document_comes_back_as_it_went(standard, kind):
    doc = DOCUMENTS[kind]
    _, type, again = through(standard, doc)
    assert type == (x12 if standard == "x12" else edifact).TYPES[kind]
    for name in ("kind", "number", "date", "references", "parties", "amount", "answer"):
        assert again.get(name) == doc.get(name), name
    if kind != "despatch":
        assert again["currency"] == doc["currency"]
    assert again.get("dates", {}).items() >= doc.get("dates", {}).items()
    assert len(again["lines"]) == len(doc["lines"])
    for made, line in zip(again["lines"], doc["lines"], strict=True):
        assert {name: made.get(name) for name in line} == line


def test_an_850_of_a_partner_is_read():
    taken = opened(X12_ORDER)
    assert (taken.sender, taken.receiver, taken.control, taken.is_test) == (
        Party("006922827SUH1", "01"), Party("BANYAN", "ZZ"), "000000042", True,
    )  # fmt: skip
    doc = x12.read("850", taken.messages[0].segments)
    assert doc == {
        "kind": "order", "function": "original", "number": "PO-4711", "date": "2026-03-05", "currency": "USD",
        "references": {"department": "WAREHOUSE 3"}, "dates": {"delivery": "2026-03-20"},
        "parties": {
            "buyer": {"name": "ACME TOOLS", "id": "ACME", "qualifier": "92", "street": "12 MAIN STREET GATE B",
                      "city": "DETROIT", "region": "MI", "postcode": "48201", "country": "US"},
            "ship_to": {"name": "ACME DC EAST", "id": "DC-E", "qualifier": "92"},
        },
        "lines": [
            {"number": "1", "quantity": "100", "unit": "EA", "price": "4.25", "text": "DEEP GROOVE BEARING 6204",
             "codes": {"buyer": "A-100", "supplier": "V-6204", "gtin": "012345678905"}},
            {"number": "2", "quantity": "12.5", "unit": "KG", "price": "0.8", "codes": {"buyer": "A-200"}},
        ],
    }  # fmt: skip


def test_an_orders_of_a_partner_is_read_with_released_marks_and_commas():
    taken = opened(EDIFACT_ORDER)
    doc = edifact.read("ORDERS", taken.messages[0].segments, taken.marks.decimal)
    assert (doc["number"], doc["notes"]) == ("B-2026+17", ["Bitte an Tor 3 liefern: Herr O'Neil"])
    assert doc["references"] == {"contract": "RV-7"}
    assert doc["parties"]["buyer"] == {
        "id": "4012345500004", "qualifier": "9", "name": "Müller Maschinen GmbH", "street": "Hauptstraße 1",
        "city": "Stuttgart", "postcode": "70173", "country": "DE", "tax_number": "DE123456789",
    }  # fmt: skip
    assert doc["lines"] == [
        {"number": "1", "codes": {"gtin": "4000862141404", "buyer": "A-100", "supplier": "V-6204"},
         "text": "Rillenkugellager 6204", "quantity": "100", "unit": "PCE", "price": "4.25",
         "dates": {"delivery": "2026-03-18"}},
        {"number": "2", "codes": {"buyer": "A-200"}, "quantity": "12.5", "unit": "KGM"},
    ]  # fmt: skip


def broken(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "position", "tag", "word"),
    [
        (broken(X12_ORDER, "SE*14*", "SE*15*"), 16, "SE", "there are 14"),
        (broken(X12_ORDER, "SE*14*0001", "SE*14*0002"), 16, "SE", "0002"),
        (broken(X12_ORDER, "GE*1*42", "GE*1*43"), 17, "GE", "43"),
        (broken(X12_ORDER, "GE*1*42", "GE*2*42"), 17, "GE", "there are 1"),
        (broken(X12_ORDER, "IEA*1*000000042", "IEA*1*000000041"), 18, "IEA", "000000041"),
        (broken(X12_ORDER, "IEA*1*000000042~\n", ""), 17, "GE", "cut off"),
        (broken(X12_ORDER, "ST*850*0001~\n", ""), 3, "BEG", "outside"),
        (broken(X12_ORDER, "GE*1*42~", "GE*1*42~\nXX*1~"), 18, "XX", "outside"),
        (broken(X12_ORDER, "IEA*1*000000042~", "IEA*1*000000042"), 18, "IEA", "no end"),
        (broken(X12_ORDER, "REF*DP", "r f*DP"), 6, "r f", "no segment"),
        (X12_ORDER + "ISA*~", 19, "ISA", "more after"),
        (broken(EDIFACT_ORDER, "UNT+23+1", "UNT+22+1"), 24, "UNT", "there are 23"),
        (broken(EDIFACT_ORDER, "UNT+23+1", "UNT+23+9"), 24, "UNT", "9"),
        (broken(EDIFACT_ORDER, "UNZ+1+REF42", "UNZ+1+REF43"), 25, "UNZ", "REF43"),
        (broken(EDIFACT_ORDER, "UNZ+1+REF42", "UNZ+2+REF42"), 25, "UNZ", "there are 1"),
        (broken(EDIFACT_ORDER, "UNZ+1+REF42'\n", ""), 24, "UNT", "cut off"),
        (broken(EDIFACT_ORDER, "UNH+1+ORDERS:D:96A:UN:EAN008'\n", ""), 2, "BGM", "outside"),
    ],
)
def test_a_broken_envelope_is_refused_with_its_place(text, position, tag, word):
    with pytest.raises(EdiFault) as told:
        opened(text)
    assert (told.value.kind, told.value.position, told.value.tag) == ("validation", position, tag)
    assert word in told.value.text
    assert f"第 {position} 段" in told.value.text
    if tag not in ("XX", "r f"):
        assert text[told.value.offset :].lstrip().startswith(tag)


@pytest.mark.parametrize(
    "text", ["", "ISA*00*", "ISA" + "x" * 200, "UNA:+.", "UNAaaaaaa", "UNB", "hello", "\x00" * 300, "UNZ+1+1'"]
)
def test_what_is_no_edi_is_refused(text):
    with pytest.raises(Failed) as told:
        opened(text)
    assert told.value.kind == "validation"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("BEG*00*SA*PO-4711**20260305", "BEG*00*SA***20260305", "number is missing"),
        ("BEG*00*SA*PO-4711**20260305", "BEG*00*SA*PO-4711**2026-03-05", "no date"),
        ("BEG*00*SA*PO-4711**20260305", "BEG*00*SA*PO-4711**20261305", "no date"),
        ("PO1*1*100*", "PO1*1*many*", "no number"),
        ("PO1*1*100*", "PO1*1*NaN*", "no number"),
        ("PO1*1*100*", "PO1*1*1E999999999999999999999999999999*", "no number"),
        ("CTT*2", "CTT*3", "3 lines"),
    ],
)
def test_a_broken_message_is_refused_with_its_place(old, new, word):
    with pytest.raises(EdiFault, match=word) as told:
        x12.read("850", opened(broken(X12_ORDER, old, new)).messages[0].segments)
    assert told.value.tag == old[:3]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("BGM+220+B-2026?+17+9", "BGM+220", "number is missing"),
        ("DTM+137:20260305:102", "DTM+137:20263005:102", "no date"),
        ("QTY+21:100:PCE", "QTY+21:1x:PCE", "no number"),
        ("CNT+2:2", "CNT+2:5", "5 lines"),
    ],
)
def test_a_broken_edifact_message_is_refused_with_its_place(old, new, word):
    with pytest.raises(EdiFault, match=word) as told:
        edifact.read("ORDERS", opened(broken(EDIFACT_ORDER, old, new)).messages[0].segments)
    assert told.value.tag == old[:3]


def test_a_level_without_its_parent_is_refused():
    _, _, _ = through("x12", DESPATCH)
    text = closed("x12", Party("A"), Party("B"), "1", [x12.write(DESPATCH)], WHEN)
    with pytest.raises(EdiFault, match="no parent 9") as told:
        x12.read("856", opened(broken(text, "HL*2*1*O", "HL*2*9*O")).messages[0].segments)
    assert told.value.tag == "HL"


def test_a_997_accepts_and_refuses_by_message():
    taken = opened(X12_ORDER)
    text = receipts.receipt(taken, "7", WHEN)
    answer = opened(text)
    assert (answer.sender, answer.receiver) == (taken.receiver, taken.sender)
    said = [(s.tag, *(e[0] for e in s.elements)) for s in answer.messages[0].segments]
    assert said == [("AK1", "PO", "42"), ("AK2", "850", "0001"), ("AK5", "A"), ("AK9", "A", "1", "1", "1")]
    fault = EdiFault(11, "PO1", 600, segments.L("x", "x"))
    said = opened(receipts.receipt(taken, "8", WHEN, {"0001": fault})).messages[0].segments
    assert [s.elements[0][0] for s in said] == ["PO", "850", "R", "R"]
    assert receipts.receipt(answer, "9", WHEN) == ""


def test_a_contrl_accepts_and_refuses():
    taken = opened(EDIFACT_ORDER)
    answer = opened(receipts.receipt(taken, "7", WHEN))
    said = answer.messages[0].segments
    assert answer.messages[0].type == "CONTRL"
    assert (said[0].get(1), said[0].get(2), said[0].get(4)) == ("REF42", "4012345500004", "7")
    assert (said[1].get(1), said[1].get(2), said[1].get(3)) == ("1", "ORDERS", "7")


@pytest.mark.parametrize(
    ("text", "code"),
    [(broken(X12_ORDER, "SE*14*", "SE*15*"), "4"), (broken(X12_ORDER, "SE*14*0001", "SE*14*0002"), "3")],
)
def test_a_broken_x12_is_answered_by_a_refusing_997(text, code):
    with pytest.raises(EdiFault) as told:
        opened(text)
    said = opened(receipts.refusal(text, told.value, "5", WHEN)).messages[0].segments
    assert [(s.tag, s.get(1), s.get(2)) for s in said][2:] == [("AK5", "R", code), ("AK9", "R", "1")]


def test_a_broken_edifact_is_answered_by_a_refusing_contrl():
    text = broken(EDIFACT_ORDER, "UNZ+1+REF42'", "UNZ+1+REF42")
    with pytest.raises(EdiFault) as told:
        opened(text)
    said = opened(receipts.refusal(text, told.value, "5", WHEN)).messages[0].segments
    assert (said[0].get(1), said[0].get(4), said[0].get(6)) == ("REF42", "4", "UNZ")


def test_what_cannot_be_answered_is_not():
    fault = EdiFault(1, "", 0, segments.L("x", "x"))
    assert receipts.refusal("ISA*00*", fault, "1", WHEN) == ""
    assert receipts.refusal("hello", fault, "1", WHEN) == ""


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda d: d.pop("number"), "number"),
        (lambda d: d.update(date="soon"), "no date"),
        (lambda d: d["lines"][0].pop("quantity"), "Line 1 lacks quantity"),
        (lambda d: d["lines"][0].pop("codes"), "Line 1 lacks lines.codes"),
        (lambda d: d.update(kind="letter"), "kind"),
    ],
)
@pytest.mark.parametrize("writer", [x12, edifact])
def test_a_document_that_lacks_something_is_not_written(writer, spoil, word):
    doc = {**ORDER, "lines": [dict(line) for line in ORDER["lines"]]}
    spoil(doc)
    with pytest.raises(Failed, match=word) as told:
        writer.write(doc)
    assert told.value.kind == "mapping"


def test_x12_refuses_a_value_that_holds_its_marks():
    with pytest.raises(Failed, match="PO1"):
        closed("x12", Party("A"), Party("B"), "1", [x12.write({**ORDER, "lines": [
            {**ORDER["lines"][0], "codes": {"buyer": "A*100"}}]})], WHEN)  # fmt: skip


@pytest.mark.parametrize(
    ("standard", "control"), [("x12", "1234567890"), ("x12", "A"), ("edifact", "x" * 15), ("edifact", "")]
)
def test_a_control_number_must_fit(standard, control):
    with pytest.raises(Failed) as told:
        closed(standard, Party("A"), Party("B"), control, [], WHEN)
    assert told.value.kind == "mapping"


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), max_size=30), min_size=1, max_size=6
    )
)
def test_any_text_survives_edifact(values):
    text = joined([seg("FTX", *values, "end")], EDIFACT)
    assert [e[0] for e in cut(text, EDIFACT)[0].elements] == [*values, "end"]


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader_otherwise_than_by_a_refusal(text):
    for start in ("", X12_ORDER[:106], "UNA:+.? 'UNB+UNOC:3+A+B+260305:0830+1'", EDIFACT_ORDER[:120]):
        with contextlib.suppress(Failed):
            opened(start + text)


def test_an_interchange_with_many_messages_is_quick():
    import time

    text = closed("edifact", Party("A"), Party("B"), "1", [edifact.write(ORDER)] * 2000, WHEN)
    begun = time.thread_time()
    taken = opened(text)
    docs = [edifact.read(m.type, m.segments) for m in taken.messages]
    assert (len(docs), time.thread_time() - begun < 5) == (2000, True)
    assert envelopes.standard_of(text) == "edifact"
    assert X12.end == "~"
