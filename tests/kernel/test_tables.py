"""Tables as people bring them: encodings, delimiters, workbooks, and what is none of them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time

import pytest
import python_calamine
import xlsxwriter

from banyan.kernel import tables
from banyan.kernel.tables import read_table
from banyan.lib.errors import Invalid, TooLarge, UnsupportedMedia


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_files_of_all_encodings_are_read(encoding):
    table = read_table("x.csv", "编码,中文名\nA,甲\n".encode(encoding))
    assert (table.columns, list(table.rows), len(table.rows)) == (("编码", "中文名"), [["A", "甲"]], 1)


def test_chinese_that_comes_only_late_in_a_file_is_read():
    text = "code,name\n" + "".join(f"A-{n},part\n" for n in range(20_000)) + "Z,轴承\n"
    assert list(read_table("x.csv", text.encode("gb18030")).rows)[-1] == ["Z", "轴承"]


@pytest.mark.parametrize("text", ["a\tb\n1\t2\n", "a,b\r\n1,2\r\n", "a;b\r1;2\r", '"a","b"\n"1","2"\n'])
def test_what_stands_between_cells_is_told_by_the_first_line(text):
    assert list(read_table("x", text).rows) == [["1", "2"]]


def test_rows_without_anything_are_no_rows_and_can_be_read_again(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text('a,b\n\n"one\ntwo",2\n,\n3,\n')
    table = read_table("x.csv", file)
    assert [list(table.rows), list(table.rows)] == [[["one\ntwo", "2"], ["3", ""]]] * 2
    assert (len(table.rows), table.head) == (2, (["one\ntwo", "2"], ["3", ""]))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table_empty"),
        (b"\n,,\n", "table_empty"),
        (b" , \n1,2\n", "table_headless"),
        (b"a,b\n1,\x00\n", "table_encoding"),
        (b"\xff\xfea\x00\x00\x00", "table_encoding"),
        (b'a,b\n1,"' + b"x" * 1_100_000, "table_broken"),
        (b"PK\x03\x04nothing", "workbook_broken"),
    ],
)
def test_what_is_no_table_is_refused(content, code):
    with pytest.raises((Invalid, UnsupportedMedia)) as refusal:
        read_table("x", content)
    assert refusal.value.code == code


def test_a_table_of_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 30)
    assert len(read_table("x", "a\n" + "1\n" * 30).rows) == 30
    with pytest.raises(TooLarge):
        read_table("x", "a\n" + "1\n" * 31)


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "MOST_UNPACKED", 1_000_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)
    with pytest.raises(TooLarge):
        read_table("bomb.xlsx", packed.getvalue())


def workbook(**options) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, **options})
    sheet = book.add_worksheet()
    day, moment, hour = (book.add_format({"num_format": f}) for f in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "hh:mm"))
    money = book.add_format({"num_format": '#,##0.00 "days"'})
    bold = book.add_format({"bold": True})
    sheet.write_row(0, 0, ["text", "number", "truth", "day", "moment", "hour", "money", "formula"])
    for n in range(1, 40):
        sheet.write_string(n, 0, f"轴承 & <{n}>")
        sheet.write_number(n, 1, n * 0.1)
        sheet.write_boolean(n, 2, n % 2 == 0)
        sheet.write_datetime(n, 3, datetime(2026, 3, n % 28 + 1), day)
        sheet.write_datetime(n, 4, datetime(2026, 3, 1, 8, 30, n), moment)
        sheet.write_datetime(n, 5, time(8, n), hour)
        sheet.write_number(n, 6, 1234.5, money)
        sheet.write_formula(n, 7, "=1+1", None, n)
    sheet.write_rich_string(41, 0, "one ", bold, "two")
    sheet.write_number(43, 7, 7)
    sheet.write_string(44, 30, "far")
    book.close()
    return out.getvalue()


@pytest.mark.parametrize("options", [{}, {"constant_memory": True}, {"date_1904": True}])
def test_a_workbook_is_read_as_another_reader_reads_it(options):
    content = workbook(**options)
    theirs = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    wanted = [row for row in theirs.to_python(skip_empty_area=False) if any(cell != "" for cell in row)]
    table = read_table("x.xlsx", content)
    width = max(len(row) for row in wanted)
    ours = [list(table.columns), *(list(row) for row in table.rows)]
    assert [row + [""] * (width - len(row)) for row in ours] == wanted
    assert [type(cell) for cell in ours[1]] == [str, float, bool, date, datetime, time, float, float]


def sheet_of(xml: str, texts: str = "") -> bytes:
    """Give a workbook whose only sheet has these rows."""
    packed = io.BytesIO()
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rels = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(packed, "w") as book:
        book.writestr("_rels/.rels", f'<Relationships {rels}><Relationship Id="a" Type="{kind}/officeDocument" '
                                     'Target="/book.xml"/></Relationships>')  # fmt: skip
        book.writestr("book.xml", f'<workbook {space} xmlns:r="{kind}"><sheets><sheet name="S" r:id="b"/></sheets>'
                                  "</workbook>")  # fmt: skip
        book.writestr("_rels/book.xml.rels", f'<Relationships {rels}><Relationship Id="b" Type="{kind}/worksheet" '
                      f'Target="one.xml"/><Relationship Id="c" Type="{kind}/sharedStrings" Target="texts.xml"/>'
                      "</Relationships>")  # fmt: skip
        book.writestr("one.xml", xml.replace("<sheetData>", f"<worksheet {space}><sheetData>")
                                    .replace("</sheetData>", "</sheetData></worksheet>"))  # fmt: skip
        book.writestr("texts.xml", f"<sst {space}>{texts}</sst>")
    return packed.getvalue()


def test_cells_without_places_inline_texts_and_readings_of_characters_are_known():
    rows = ('<sheetData><row><c t="inlineStr"><is><t>a</t></is></c><c t="s"><v>0</v></c></row>'
            '<row><c t="e"><v>#N/A</v></c><c><v>2</v></c></row></sheetData>')  # fmt: skip
    table = read_table("x.xlsx", sheet_of(rows, "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>"))
    assert (table.columns, list(table.rows)) == (("a", "東京"), [["#N/A", 2.0]])


@pytest.mark.parametrize(
    "rows",
    [
        '<sheetData><row><c t="s"><v>5</v></c></row></sheetData>',
        '<sheetData><row><c r="ZZZZ1"><v>5</v></c></row></sheetData>',
        "<sheetData><row><c><v>five</v></c></row></sheetData>",
        "<sheetData><row>",
        '<!DOCTYPE a [<!ENTITY b "c">]><sheetData><row><c t="str"><v>&b;</v></c></row></sheetData>',
    ],
)
def test_a_workbook_that_is_not_whole_is_refused(rows):
    with pytest.raises(UnsupportedMedia) as refusal:
        read_table("x.xlsx", sheet_of(rows))
    assert refusal.value.code == "workbook_broken"
