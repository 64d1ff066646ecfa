"""X12 850, 855, 856 and 810 (version 004010) as documents, and back.

Source: ASC X12 004010 transaction sets 850, 855, 856, 810; element lists 353, 587, 668, 235, 98, 374
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from banyan.connectors.file.edi.segments import Segment, seg
from banyan.integration.connecting import Failed
from banyan.lib.labels import L, Label, plain

KINDS = {"850": "order", "855": "order_answer", "856": "despatch", "810": "invoice"}
TYPES = {kind: code for code, kind in KINDS.items()}
_PURPOSES = {"00": "original", "01": "cancellation", "04": "change", "05": "replace", "06": "confirmation"}
_ROLES = {"BY": "buyer", "SE": "supplier", "SU": "supplier", "VN": "supplier", "ST": "ship_to", "SF": "ship_from",
          "BT": "invoice_to", "RE": "pay_to", "CA": "carrier"}  # fmt: skip
_CODES = {"BP": "buyer", "IN": "buyer", "VP": "supplier", "VN": "supplier", "UP": "gtin", "EN": "gtin", "UK": "gtin",
          "MG": "maker"}  # fmt: skip
_DATES = {"002": "delivery", "010": "ship", "011": "shipped", "017": "arrival", "068": "ship", "067": "delivery",
          "035": "delivered", "003": "invoice"}  # fmt: skip
_REFERENCES = {"PO": "order", "CO": "customer_order", "BM": "bill_of_lading", "CN": "waybill", "VN": "supplier_order",
               "CT": "contract", "DP": "department", "IV": "invoice", "PK": "packing_list"}  # fmt: skip
_ANSWERS = {"AC": "changed", "AD": "accepted", "AK": "accepted", "RD": "rejected", "RJ": "rejected", "AE": "accepted"}
_LINE_ANSWERS = {"IA": "accepted", "IB": "backordered", "IC": "changed", "IP": "price_changed",
                 "IQ": "quantity_changed",
                 "IR": "rejected", "DR": "date_changed", "R1": "rejected"}  # fmt: skip


def read(type: str, segments: Iterable[Segment]) -> dict[str, Any]:
    """Give a message as a document. Raises: EdiFault for what must be there and is not; Failed for another type."""
    if type not in KINDS:
        raise Failed("validation", L(f"不处理 X12 {type}", f"X12 {type} is not handled"))
    doc: dict[str, Any] = {"kind": KINDS[type], "parties": {}, "references": {}, "dates": {}, "lines": [], "notes": []}
    here: dict[str, Any] = doc
    party: dict[str, Any] | None = None
    levels: dict[str, str] = {}
    package, order = "", ""
    has_head = False
    for each in segments:
        if each.tag not in ("N2", "N3", "N4", "PER"):
            party = None
        match each.tag:
            case "BEG" | "BAK" | "BSN" | "BIG":
                _head(each, doc)
                has_head = True
            case "CUR":
                doc["currency"] = each.get(2)
            case "REF":
                name = _REFERENCES.get(each.get(1), each.get(1))
                here.setdefault("references", {})[name] = each.get(2) or each.get(3)
            case "DTM":
                here.setdefault("dates", {})[_DATES.get(each.get(1), each.get(1))] = _day(each, 2)
            case "N1":
                party = {"name": each.get(2), "id": each.get(4), "qualifier": each.get(3)}
                doc["parties"][_ROLES.get(each.get(1), each.get(1))] = party
            case "N3" if party is not None:
                party["street"] = " ".join(filter(None, (each.get(1), each.get(2))))
            case "N4" if party is not None:
                party |= {"city": each.get(1), "region": each.get(2), "postcode": each.get(3), "country": each.get(4)}
            case "PO1" | "IT1":
                here = {
                    "number": each.get(1), "quantity": _number(each, 2), "unit": each.get(3), "price": _number(each, 4),
                    "codes": _codes(each, 6),
                }  # fmt: skip
                doc["lines"].append(here)
            case "PID" if here is not doc:
                here["text"] = " ".join(filter(None, (here.get("text"), each.get(5))))
            case "ACK":
                here["answer"] = _LINE_ANSWERS.get(each.get(1), each.get(1))
                here["answered_quantity"] = _number(each, 2)
                if each.get(5):
                    here.setdefault("dates", {})[_DATES.get(each.get(4), each.get(4))] = _day(each, 5)
            case "HL":
                levels[each.need(1, L("层号", "the level's number"))] = each.get(3)
                if each.get(2) and each.get(2) not in levels:
                    raise each.fault(L(f"上级 {each.get(2)} 不存在", f"there is no parent {each.get(2)}"))
                if each.get(3) == "S":
                    here = doc
                elif each.get(3) == "I":
                    here = {"order": order, "package": package}
                    doc["lines"].append(here)
                elif each.get(3) == "O":
                    package = ""
            case "PRF":
                order = each.need(1, L("订单号", "the order's number"))
                doc["references"].setdefault("order", order)
            case "MAN":
                package = each.get(2)
            case "LIN":
                if here is doc:
                    raise each.fault(L("不在货品层内", "outside an item level"))
                here["number"] = each.get(1) or str(len(doc["lines"]))
                here["codes"] = _codes(each, 2)
            case "SN1":
                here["quantity"], here["unit"] = _number(each, 2), each.get(3)
            case "TD5":
                doc["carrier"] = {"code": each.get(3), "name": each.get(5)}
            case "TDS":
                cents = each.need(1, L("总额", "the total"))
                doc["amount"] = _decimal(each, cents, Decimal("0.01"))
                here = doc
            case "TXI":
                tax = {"code": each.get(1), "amount": _number(each, 2), "percent": _number(each, 3)}
                here.setdefault("taxes", []).append({k: v for k, v in tax.items() if v})
            case "MSG" | "NTE":
                doc["notes"].append(each.get(1) if each.tag == "MSG" else each.get(2))
            case "CTT":
                counted = len(doc["lines"]) if type != "856" else len(levels)
                if each.get(1).isdigit() and int(each.get(1)) != counted:
                    raise each.fault(
                        L(f"行数写 {each.get(1)}，实为 {counted}", f"{each.get(1)} lines are said, there are {counted}")
                    )
                here = doc
    if not has_head:
        raise Failed("validation", L(f"X12 {type} 没有开头段", f"X12 {type} has no beginning segment"))
    return lean(doc)


def write(doc: Mapping[str, Any]) -> tuple[str, list[Segment]]:
    """Give type and segments of a document. Raises: Failed("mapping") naming what is missing."""
    match doc.get("kind"):
        case "order":
            return "850", _order(doc)
        case "order_answer":
            return "855", _answer(doc)
        case "despatch":
            return "856", _despatch(doc)
        case "invoice":
            return "810", _invoice(doc)
    kinds = tuple(TYPES)
    raise Failed("mapping", L(f"kind 须为 {'、'.join(kinds)}", f"kind is one of {', '.join(kinds)}"))


def _head(each: Segment, doc: dict[str, Any]) -> None:
    number, day = L("单号", "the number"), L("日期", "the date")
    match each.tag:
        case "BEG":
            doc |= {"function": _PURPOSES.get(each.get(1), each.get(1)), "number": each.need(3, number)}
            doc["date"] = _day(each, 5, day)
        case "BAK":
            doc |= {
                "function": _PURPOSES.get(each.get(1), each.get(1)),
                "answer": _ANSWERS.get(each.get(2), each.get(2)),
            }
            doc["references"]["order"] = each.need(3, number)
            doc |= {"number": each.get(8) or each.get(3), "date": _day(each, 9) or _day(each, 4)}
            doc["dates"]["order"] = _day(each, 4)
        case "BSN":
            doc |= {"function": _PURPOSES.get(each.get(1), each.get(1)), "number": each.need(2, number)}
            doc["date"] = _day(each, 3, day)
        case _:
            doc |= {"date": _day(each, 1, day), "number": each.need(2, number)}
            if each.get(4):
                doc["references"]["order"] = each.get(4)
            if each.get(3):
                doc["dates"]["order"] = _day(each, 3)


def _order(doc: Mapping[str, Any]) -> list[Segment]:
    made = [
        seg("BEG", _code(_PURPOSES, doc.get("function"), "00"), "SA", need(doc, "number"), "", packed_day(doc, "date"))
    ]
    made += _common(doc)
    for place, line in enumerate(doc.get("lines") or (), 1):
        made.append(
            seg("PO1", _text(line, "number") or str(place), need(line, "quantity", place), need(line, "unit", place),
                _text(line, "price"), "", *_code_elements(line, place))
        )  # fmt: skip
        made += _line_extras(line)
    return [*made, seg("CTT", str(len(doc.get("lines") or ())))]


def _answer(doc: Mapping[str, Any]) -> list[Segment]:
    references, dates = doc.get("references") or {}, doc.get("dates") or {}
    made = [
        seg("BAK", _code(_PURPOSES, doc.get("function"), "00"), _code(_ANSWERS, doc.get("answer"), "AC"),
            need(references, "order"), packed_day(dates, "order") or packed_day(doc, "date"), "", "", "",
            _text(doc, "number"), packed_day(doc, "date"))
    ]  # fmt: skip
    made += _common(doc)
    for place, line in enumerate(doc.get("lines") or (), 1):
        made.append(
            seg("PO1", _text(line, "number") or str(place), need(line, "quantity", place), need(line, "unit", place),
                _text(line, "price"), "", *_code_elements(line, place))
        )  # fmt: skip
        made += _line_extras(line, dates=False)
        day = packed_day(line.get("dates") or {}, "ship")
        made.append(
            seg("ACK", _code(_LINE_ANSWERS, line.get("answer"), "IA"), _text(line, "answered_quantity") or
                _text(line, "quantity"), _text(line, "unit"), "068" if day else "", day)
        )  # fmt: skip
    return [*made, seg("CTT", str(len(doc.get("lines") or ())))]


def _despatch(doc: Mapping[str, Any]) -> list[Segment]:
    dates, references = doc.get("dates") or {}, doc.get("references") or {}
    purpose = _code(_PURPOSES, doc.get("function"), "00")
    made = [seg("BSN", purpose, need(doc, "number"), packed_day(doc, "date"), "0000", "0001"), seg("HL", "1", "", "S")]
    carrier = doc.get("carrier") or {}
    if carrier:
        made.append(seg("TD5", "", "2", _text(carrier, "code"), "", _text(carrier, "name")))
    made += [
        seg("REF", code, str(references[name])) for code, name in _each(_REFERENCES, references) if name != "order"
    ]
    made += [seg("DTM", code, packed_day(dates, name)) for code, name in _each(_DATES, dates)]
    made += _parties(doc)
    level = 1
    order = package = ""
    order_level = package_level = 0
    for place, line in enumerate(doc.get("lines") or (), 1):
        here = str(line.get("order") or references.get("order") or "")
        if not here:
            raise missing("lines.order", place)
        if here != order or not order_level:
            level += 1
            order, order_level, package, package_level = here, level, "", 0
            made += [seg("HL", str(level), "1", "O"), seg("PRF", order)]
        if str(line.get("package") or "") != package:
            package = str(line.get("package") or "")
            level += 1
            package_level = level
            made += [seg("HL", str(level), str(order_level), "P"), seg("MAN", "GM", package)]
        level += 1
        made.append(seg("HL", str(level), str(package_level or order_level), "I"))
        made.append(seg("LIN", _text(line, "number") or str(place), *_code_elements(line, place)))
        made.append(seg("SN1", "", need(line, "quantity", place), need(line, "unit", place)))
        made += [
            seg("REF", code, str(line["references"][n])) for code, n in _each(_REFERENCES, line.get("references") or {})
        ]
    return [*made, seg("CTT", str(level))]


def _invoice(doc: Mapping[str, Any]) -> list[Segment]:
    references, dates = doc.get("references") or {}, doc.get("dates") or {}
    made = [
        seg("BIG", packed_day(doc, "date"), need(doc, "number"), packed_day(dates, "order"), _text(references, "order"))
    ]
    made += _common(doc, skip=("order",))
    for place, line in enumerate(doc.get("lines") or (), 1):
        made.append(
            seg("IT1", _text(line, "number") or str(place), need(line, "quantity", place), need(line, "unit", place),
                need(line, "price", place), "", *_code_elements(line, place))
        )  # fmt: skip
        made += [seg("TXI", tax.get("code") or "TX", _text(tax, "amount"), _text(tax, "percent")) for tax in
                 line.get("taxes") or ()]  # fmt: skip
        made += _line_extras(line)
    cents = Decimal(need(doc, "amount")) * 100
    made.append(seg("TDS", plain(cents.quantize(Decimal(1)))))
    made += [
        seg("TXI", tax.get("code") or "TX", _text(tax, "amount"), _text(tax, "percent"))
        for tax in doc.get("taxes") or ()
    ]
    return [*made, seg("CTT", str(len(doc.get("lines") or ())))]


def _common(doc: Mapping[str, Any], skip: tuple[str, ...] = ()) -> list[Segment]:
    made = [seg("CUR", "BY", str(doc["currency"]))] if doc.get("currency") else []
    references, dates = doc.get("references") or {}, doc.get("dates") or {}
    if doc.get("kind") != "order":
        skip = (*skip, "order")
    made += [
        seg("REF", code, str(references[name])) for code, name in _each(_REFERENCES, references) if name not in skip
    ]
    made += [seg("DTM", code, packed_day(dates, name)) for code, name in _each(_DATES, dates)]
    return [*made, *_parties(doc), *(seg("MSG", str(note)) for note in doc.get("notes") or ())]


def _parties(doc: Mapping[str, Any]) -> list[Segment]:
    made: list[Segment] = []
    for code, role in _each(_ROLES, doc.get("parties") or {}):
        party = doc["parties"][role]
        made.append(
            seg("N1", code, _text(party, "name"), _text(party, "qualifier") or ("92" if party.get("id") else ""),
                _text(party, "id"))
        )  # fmt: skip
        if party.get("street"):
            made.append(seg("N3", *_halves(str(party["street"]), 55)))
        if party.get("city"):
            made.append(seg("N4", *(_text(party, name) for name in ("city", "region", "postcode", "country"))))
    return made


def _line_extras(line: Mapping[str, Any], dates: bool = True) -> list[Segment]:
    made = []
    if line.get("text"):
        made.append(seg("PID", "F", "", "", "", str(line["text"])[:80]))
    if dates:
        given = line.get("dates") or {}
        made += [seg("DTM", code, packed_day(given, name)) for code, name in _each(_DATES, given)]
    references = line.get("references") or {}
    return [*made, *(seg("REF", code, str(references[name])) for code, name in _each(_REFERENCES, references))]


def _codes(each: Segment, first: int) -> dict[str, str]:
    found = {}
    for place in range(first, len(each.elements), 2):
        if each.get(place) and each.get(place + 1):
            found[_CODES.get(each.get(place), each.get(place))] = each.get(place + 1)
    return found


def _code_elements(line: Mapping[str, Any], place: int) -> list[str]:
    codes = line.get("codes") or {}
    made = [part for code, name in _each(_CODES, codes) for part in (code, str(codes[name]))]
    if not made:
        raise missing("lines.codes", place)
    return made


def _each(table: Mapping[str, str], given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give (code, name) of what is given, each name once by its first code; unknown names that are codes stay."""
    first: dict[str, str] = {}
    for code, name in table.items():
        first.setdefault(name, code)
    found = [(code, name) for name, code in first.items() if given.get(name)]
    return found + [(name, name) for name in given if name not in first and name.isupper() and given[name]]


def _code(table: Mapping[str, str], name: Any, default: str) -> str:
    return next((code for code, each in table.items() if each == name), str(name) if name in table else default)


def need(given: Mapping[str, Any], name: str, line: int = 0) -> str:
    """Give a value as text. Raises: Failed("mapping") naming it."""
    found = _text(given, name)
    if not found:
        raise missing(name, line)
    return found


def missing(name: str, line: int = 0) -> Failed:
    """Give the refusal of a document that lacks something."""
    zh, en = (
        (f"第 {line} 行缺少 {name}", f"Line {line} lacks {name}") if line else (f"缺少 {name}", f"{name} is missing")
    )
    return Failed("mapping", L(zh, en))


def packed_day(given: Mapping[str, Any], name: str) -> str:
    """Give a date as CCYYMMDD; empty where there is none. Raises: Failed("mapping")."""
    text = _text(given, name)
    if not text:
        return ""
    digits = text[:10].replace("-", "")
    if len(digits) != 8 or not digits.isdigit():
        raise Failed("mapping", L(f"{name}：{text} 不是日期", f"{name}: {text} is no date"))
    return digits


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return plain(Decimal(str(value)))
    return str(value)


def _day(each: Segment, element: int, what: Label | None = None) -> str:
    text = each.need(element, what) if what else each.get(element)
    if not text:
        return ""
    if len(text) == 6 and text.isdigit():
        text = f"20{text}"
    if len(text) != 8 or not text.isdigit() or not ("01" <= text[4:6] <= "12" and "01" <= text[6:] <= "31"):
        raise each.fault(L(f"{text} 不是日期", f"{text} is no date"))
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _number(each: Segment, element: int) -> str:
    text = each.get(element).strip()
    return _decimal(each, text) if text else ""


def _decimal(each: Segment, text: str, unit: Decimal = Decimal(1)) -> str:
    try:
        number = Decimal(text)
        if not number.is_finite() or len(text) > 30:
            raise InvalidOperation
    except InvalidOperation:
        raise each.fault(L(f"{text[:30]} 不是数", f"{text[:30]} is no number")) from None
    return plain(number * unit)


def _halves(text: str, most: int) -> tuple[str, ...]:
    return tuple(text[start : start + most] for start in (0, most) if text[start : start + most])


def lean(doc: dict[str, Any]) -> dict[str, Any]:
    """Give a document without what is empty; lines always stay."""
    out: dict[str, Any] = {}
    for name, value in doc.items():
        if isinstance(value, dict):
            value = lean(value)
        elif isinstance(value, list):
            value = [lean(each) if isinstance(each, dict) else each for each in value]
        if value not in ("", None, {}, []) or name == "lines":
            out[name] = value
    return out
