"""File formats: bytes to rows and back. A row is a dict of texts; what cannot be read says where."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson

from banyan.connectors.file.settings import FileOperation
from banyan.integration.connecting import Failed
from banyan.integration.guard import too_large
from banyan.integration.templates import MISSING, at
from banyan.lib.labels import L, plain

Row = dict[str, Any]
MOST_ROWS = 1_000_000
MOST_PARTS = 2_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def decoded(body: bytes, encoding: str = "") -> str:
    """Give a body as text: in the encoding stated, else by its mark, UTF-16 by its zeros, UTF-8, GB18030.

    Raises: Failed("validation") naming the encoding and the first bad byte
    """
    chosen = {"gbk": "gb18030", "gb2312": "gb18030", "utf-8": "utf-8-sig"}.get(encoding.lower(), encoding)
    tried = [chosen] if chosen else encodings_of(body)
    fault: UnicodeDecodeError | None = None
    for each in tried:
        try:
            text = body.decode(each)
        except LookupError:
            raise Failed("refused", L(f"没有编码 {each}", f"There is no encoding {each}")) from None
        except UnicodeDecodeError as error:
            fault = fault or error
            continue
        if "\0" in text:
            raise Failed(
                "validation",
                L("文本中有空字符，编码不对或不是文本", "The text holds zeros: a wrong encoding, or no text"),
            )
        return text
    start = fault.start if fault else 0
    named = encoding or "UTF-8 / GB18030"
    raise Failed("validation", L(f"不是 {named} 文本：第 {start + 1} 字节", f"No text in {named}: byte {start + 1}"))


def encodings_of(body: bytes) -> list[str]:
    """Give the encodings to try, the likeliest first."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return [name]
    head = body[:4000]
    if len(head) >= 4 and head.count(0) * 4 > len(head):
        return ["utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"]
    return ["utf-8", "gb18030"]


def rows_of(operation: FileOperation, body: bytes, most_bytes: int) -> list[Row]:
    """Give the rows of a file. Raises: Failed("validation"), Failed("too_large")."""
    match operation.format:
        case "csv":
            rows: Iterable[Any] = _csv(operation, decoded(body, operation.encoding))
        case "xlsx":
            rows = _xlsx(operation, body, most_bytes)
        case "xml":
            rows = _xml(operation, body, most_bytes)
        case "fixed":
            rows = _fixed(operation, body)
        case "json":
            rows = _json(operation, body)
        case "jsonl":
            rows = _lines(operation, body)
        case _:
            raise Failed("refused", L(f"{operation.format} 不按行读取", f"{operation.format} is not read by rows"))
    found = []
    for row in rows:
        if len(found) >= MOST_ROWS:
            raise Failed("too_large", L(f"超过 {MOST_ROWS} 行", f"More than {MOST_ROWS} rows"))
        found.append(row)
    return found


def packed(operation: FileOperation, body: Any) -> bytes:
    """Give a body as a file; rows are its list, or what lies at `rows_path`. Raises: Failed("mapping")."""
    encoding = operation.encoding or "utf-8"
    if operation.format == "json":
        return orjson.dumps(body, option=orjson.OPT_INDENT_2)
    if operation.format == "xml":
        from banyan.integration import xml

        return xml.written(xml.as_element(operation.root, _xml_body(operation, body)), encoding)
    rows = _rows(operation, body)
    match operation.format:
        case "jsonl":
            return b"".join(orjson.dumps(row) + b"\n" for row in rows)
        case "csv":
            return encoded(_csv_text(operation, rows), encoding)
        case "fixed":
            return _fixed_bytes(operation, rows, encoding)
        case "xlsx":
            return _xlsx_bytes(operation, rows)
    raise Failed("refused", L(f"不能写 {operation.format}", f"{operation.format} cannot be written"))


def _csv(operation: FileOperation, text: str) -> Iterable[Row]:
    csv.field_size_limit(1_000_000)
    lines = text.splitlines(keepends=True)[operation.skip_rows :]
    delimiter = operation.delimiter or _delimiter(lines[0] if lines else "")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    heading = list(operation.columns)
    try:
        if operation.has_heading:
            heading = _heading(next(reader, []), operation)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if heading and len(values) > len(heading) and any(values[len(heading) :]):
                raise _at_line(reader.line_num + operation.skip_rows, L("字段多于标题", "more fields than headings"))
            yield _row(heading, values)
    except csv.Error as error:
        raise _at_line(reader.line_num + operation.skip_rows, L(str(error), str(error))) from None


def _xlsx(operation: FileOperation, body: bytes, most_bytes: int) -> Iterable[Row]:
    import python_calamine

    check_zip(body, most_bytes)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        name = operation.sheet or book.sheet_names[0]
        if name not in book.sheet_names:
            raise Failed("validation", L(f"没有工作表 {name}", f"There is no sheet {name}"))
        values = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except Failed:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise Failed("validation", L(f"不是可读的工作簿：{text}", f"No readable workbook: {text}")) from None
    values = values[operation.skip_rows :]
    heading = _heading([_cell(each) for each in values[0]], operation) if operation.has_heading and values else list(
        operation.columns
    )  # fmt: skip
    for each in values[1 if operation.has_heading else 0 :]:
        cells = [_cell(value) for value in each]
        if any(cells):
            yield _row(heading, cells)


def _xml(operation: FileOperation, body: bytes, most_bytes: int) -> Iterable[Row]:
    from banyan.integration import xml

    root = xml.parsed(body, most_bytes)
    found = [root]
    for part in [each for each in operation.record.split("/") if each]:
        found = [child for each in found for child in each if xml.name_of(child) == part]
    for each in found:
        data = xml.as_data(each)
        yield data if isinstance(data, dict) else {"#text": data}


def _fixed(operation: FileOperation, body: bytes) -> Iterable[Row]:
    text = decoded(body, operation.encoding)
    encoding = (operation.encoding or encodings_of(body)[0]).lower().removesuffix("-sig")
    encoding = "gb18030" if encoding in ("gbk", "gb2312") else encoding
    if operation.width_unit == "bytes" and not operation.encoding:
        try:
            body.decode(encoding)
        except UnicodeDecodeError:
            encoding = "gb18030"
    for number, line in enumerate(text.splitlines(), 1):
        if number <= operation.skip_rows or not line.strip():
            continue
        cut: Any = line.encode(encoding) if operation.width_unit == "bytes" else line
        row: Row = {}
        for column in operation.widths:
            piece = cut[column.start - 1 : column.start - 1 + column.length]
            try:
                value = piece.decode(encoding) if isinstance(piece, bytes) else piece
            except UnicodeDecodeError:
                raise _at_line(
                    number, L(f"{column.name} 在字中间断开", f"{column.name} cuts a character in two")
                ) from None
            row[column.name] = value.strip()
        yield row


def _json(operation: FileOperation, body: bytes) -> Iterable[Row]:
    data = _loaded(body if not operation.encoding else decoded(body, operation.encoding).encode(), 0)
    found = at(data, operation.record, MISSING)
    if found is MISSING:
        raise Failed("validation", L(f"{operation.record} 处没有内容", f"There is nothing at {operation.record}"))
    for each in found if isinstance(found, list) else [found]:
        yield each if isinstance(each, dict) else {"value": each}


def _lines(operation: FileOperation, body: bytes) -> Iterable[Row]:
    for number, line in enumerate(decoded(body, operation.encoding).splitlines(), 1):
        if line.strip():
            each = _loaded(line.encode(), number)
            yield each if isinstance(each, dict) else {"value": each}


def _loaded(body: bytes, number: int) -> Any:
    try:
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        raise _at_line(number or error.lineno, L(f"不是 JSON：{error.msg}", f"no JSON: {error.msg}")) from None


def check_zip(body: bytes, most_bytes: int) -> None:
    """Refuse a packed file whose parts are too many or unpack to more than ten times the limit. Raises: Failed."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed_file:
            parts = packed_file.infolist()
            if len(parts) > MOST_PARTS or sum(each.file_size for each in parts) > most_bytes * 10:
                raise too_large(most_bytes * 10)
            for each in parts:
                if each.file_size > 1_000_000 and each.file_size > 200 * max(each.compress_size, 1):
                    raise too_large(most_bytes)
    except zipfile.BadZipFile:
        raise Failed("validation", L("不是 XLSX 文件", "No XLSX file")) from None


def _csv_text(operation: FileOperation, rows: Sequence[Mapping[str, Any]]) -> str:
    heading = operation.columns or list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=operation.delimiter or ",", lineterminator="\r\n")
    if operation.has_heading:
        writer.writerow(heading)
    writer.writerows([cell_text(row.get(name)) for name in heading] for row in rows)
    return out.getvalue()


def _fixed_bytes(operation: FileOperation, rows: Sequence[Mapping[str, Any]], encoding: str) -> bytes:
    is_bytes = operation.width_unit == "bytes"
    width = max(column.start - 1 + column.length for column in operation.widths)
    out = []
    for number, row in enumerate(rows, 1):
        line: Any = bytearray(b" " * width) if is_bytes else [" "] * width
        for column in operation.widths:
            text = cell_text(row.get(column.name))
            piece: Any = encoded(text, encoding) if is_bytes else text
            if len(piece) > column.length or "\n" in text or "\r" in text:
                raise Failed(
                    "mapping",
                    L(f"第 {number} 行 {column.name}：{text[:40]} 超过 {column.length}",
                      f"Row {number}, {column.name}: {text[:40]} is longer than {column.length}"),
                )  # fmt: skip
            fill: Any = column.fill.encode(encoding) if is_bytes else column.fill
            padded = piece.ljust(column.length, fill) if column.align == "left" else piece.rjust(column.length, fill)
            line[column.start - 1 : column.start - 1 + column.length] = padded
        out.append(bytes(line) if is_bytes else encoded("".join(line), encoding))
    return b"".join(line + b"\r\n" for line in out)


def _xlsx_bytes(operation: FileOperation, rows: Sequence[Mapping[str, Any]]) -> bytes:
    import xlsxwriter

    heading = operation.columns or list(dict.fromkeys(name for row in rows for name in row))
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(operation.sheet or None)
    if operation.has_heading:
        sheet.write_row(0, 0, heading)
    for number, row in enumerate(rows, 1 if operation.has_heading else 0):
        for place, name in enumerate(heading):
            value = row.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53:
                sheet.write_number(number, place, value)
            elif value is not None:
                sheet.write_string(number, place, cell_text(value))
    book.close()
    return out.getvalue()


def cell_text(value: Any) -> str:
    """Give a value as it stands in a field of text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal)):
        return plain(Decimal(str(value)))
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return str(value)


def _rows(operation: FileOperation, body: Any) -> list[Mapping[str, Any]]:
    found = at(body, operation.rows_path, MISSING) if operation.rows_path else body
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        where = operation.rows_path or "body"
        raise Failed("mapping", L(f"{where} 不是行的列表", f"{where} is no list of rows"))
    return found


def _xml_body(operation: FileOperation, body: Any) -> Any:
    return {operation.record or "row": body} if isinstance(body, list) else body


def encoded(text: str, encoding: str) -> bytes:
    """Give a text as bytes. Raises: Failed("mapping") naming the character that the encoding lacks."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        char = text[error.start]
        raise Failed("mapping", L(f"{encoding} 写不出“{char}”", f"{encoding} has no {char!r}")) from None
    except LookupError:
        raise Failed("refused", L(f"没有编码 {encoding}", f"There is no encoding {encoding}")) from None


def _delimiter(line: str) -> str:
    return max(",;\t|", key=line.count)


def _heading(values: Sequence[str], operation: FileOperation) -> list[str]:
    names = [value.strip() for value in values]
    while names and not names[-1]:
        names.pop()
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice or "" in names:
        what = ", ".join(twice) or "—"
        raise _at_line(operation.skip_rows + 1, L(f"标题为空或重复：{what}", f"headings empty or twice: {what}"))
    return names


def _row(heading: Sequence[str], values: Sequence[str]) -> Row:
    if not heading:
        return {f"c{place}": value for place, value in enumerate(values, 1)}
    return dict(zip(heading, [*values, *([""] * len(heading))], strict=False))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return plain(Decimal(repr(value)))
    if isinstance(value, datetime):
        return value.isoformat() if value.time() != time() else value.date().isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value).strip()


def _at_line(number: int, text: Any) -> Failed:
    return Failed("validation", L(f"第 {number} 行：{text.zh}", f"Line {number}: {text.en}"))
