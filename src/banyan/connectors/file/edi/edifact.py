"""EDIFACT ORDERS, ORDRSP, DESADV and INVOIC (directory D.96A) as documents, and back.

Source: UN/EDIFACT directory D.96A; code lists 1001, 1225, 2005, 3035, 5025, 6063, 7143, 1229, 1153
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from banyan.connectors.file.edi.segments import Segment, seg
from banyan.connectors.file.edi.x12 import lean, missing, need, packed_day
from banyan.integration.connecting import Failed
from banyan.lib.labels import L, plain

KINDS = {"ORDERS": "order", "ORDRSP": "order_answer", "DESADV": "despatch", "INVOIC": "invoice"}
TYPES = {kind: code for code, kind in KINDS.items()}
_NAMES = {"order": "220", "order_answer": "231", "despatch": "351", "invoice": "380"}
_FUNCTIONS = {"9": "original", "1": "cancellation", "5": "replace", "4": "change", "29": "accepted", "27": "rejected"}
_ROLES = {"BY": "buyer", "SU": "supplier", "SE": "supplier", "DP": "ship_to", "ST": "ship_to", "SF": "ship_from",
          "IV": "invoice_to", "PE": "pay_to", "CA": "carrier"}  # fmt: skip
_DATES = {"137": "date", "2": "delivery", "69": "delivery", "11": "shipped", "17": "arrival", "35": "delivered",
          "171": "order", "13": "due", "10": "ship"}  # fmt: skip
_REFERENCES = {"ON": "order", "VN": "supplier_order", "DQ": "despatch", "CT": "contract", "IV": "invoice",
               "BM": "bill_of_lading", "CN": "waybill", "VA": "tax_number"}  # fmt: skip
_CODES = {"BP": "buyer", "IN": "buyer", "SA": "supplier", "SRV": "gtin", "EN": "gtin", "UP": "gtin", "MF": "maker"}
_ACTIONS = {"5": "accepted", "3": "changed", "7": "rejected", "1": "added", "2": "deleted", "6": "amended"}
_QUANTITIES = {"21": "quantity", "12": "quantity", "47": "quantity", "46": "quantity", "113": "answered_quantity",
               "61": "returned_quantity", "1": "quantity"}  # fmt: skip
_QUANTITY_OF = {"order": "21", "order_answer": "21", "despatch": "12", "invoice": "47"}
_AMOUNTS = {"77": "amount", "9": "amount", "86": "amount", "79": "lines_amount", "125": "taxable_amount",
            "124": "tax_amount", "176": "tax_amount"}  # fmt: skip


def read(type: str, segments: Iterable[Segment], decimal: str = ".") -> dict[str, Any]:
    """Give a message as a document. Raises: EdiFault for what must be there and is not; Failed for another type."""
    if type not in KINDS:
        raise Failed("validation", L(f"不处理 EDIFACT {type}", f"EDIFACT {type} is not handled"))
    doc: dict[str, Any] = {"kind": KINDS[type], "parties": {}, "references": {}, "dates": {}, "lines": [], "notes": []}
    here: dict[str, Any] = doc
    party: dict[str, Any] | None = None
    package = ""
    for each in segments:
        match each.tag:
            case "BGM":
                doc["number"] = each.need(2, L("单号", "the number"))
                said = _FUNCTIONS.get(each.get(3) or "9", each.get(3))
                if KINDS[type] == "order_answer" and each.get(3) in ("29", "27", "4"):
                    doc |= {"answer": "changed" if said == "change" else said, "function": "original"}
                else:
                    doc["function"] = said
            case "DTM":
                name = _DATES.get(each.get(1), each.get(1))
                day = _day(each)
                if name == "date" and here is doc:
                    doc["date"] = day
                else:
                    here.setdefault("dates", {})[name] = day
            case "RFF":
                name = _REFERENCES.get(each.get(1), each.get(1))
                if party is not None and name == "tax_number":
                    party["tax_number"] = each.get(1, 2)
                elif here is not doc and name == "order":
                    here["order"] = each.get(1, 2)
                else:
                    here.setdefault("references", {})[name] = each.get(1, 2)
            case "NAD":
                party = {
                    "id": each.get(2), "qualifier": each.get(2, 3),
                    "name": _joined(each, 4) or _joined(each, 3), "street": _joined(each, 5), "city": each.get(6),
                    "region": each.get(7), "postcode": each.get(8), "country": each.get(9),
                }  # fmt: skip
                doc["parties"][_ROLES.get(each.get(1), each.get(1))] = party
            case "CUX":
                doc["currency"] = each.get(1, 2)
            case "TDT":
                doc["carrier"] = {"code": each.get(5), "name": each.get(5, 4)}
            case "FTX":
                (here.setdefault("notes", []) if here is not doc else doc["notes"]).append(_joined(each, 4))
            case "CPS" | "PAC":
                package = "" if each.tag == "CPS" else package
                here, party = doc, None
            case "GIN" if each.get(1) in ("BJ", "BE", "AW"):
                package = each.get(2)
            case "LIN":
                party = None
                here = {"number": each.get(1), "codes": {}}
                if each.get(2):
                    here["answer"] = _ACTIONS.get(each.get(2), each.get(2))
                if each.get(3):
                    here["codes"][_CODES.get(each.get(3, 2), "gtin")] = each.get(3)
                if package:
                    here["package"] = package
                doc["lines"].append(here)
            case "PIA" if here is not doc:
                for place in range(2, len(each.elements) + 1):
                    if each.get(place):
                        name = _CODES.get(each.get(place, 2), each.get(place, 2) or "other")
                        here["codes"].setdefault(name, each.get(place))
            case "IMD" if here is not doc:
                text = "".join((each.get(3, 4), each.get(3, 5)))
                here["text"] = " ".join(filter(None, (here.get("text"), text)))
            case "QTY" if here is not doc:
                name = _QUANTITIES.get(each.get(1), f"quantity_{each.get(1)}")
                here[name] = _number(each, each.get(1, 2), decimal)
                here["unit"] = each.get(1, 3) or here.get("unit", "")
            case "PRI" if here is not doc:
                if each.get(1) in ("AAA", "AAB", "INV", "CAL"):
                    here["price"] = _number(each, each.get(1, 2), decimal)
            case "MOA":
                amount = _number(each, each.get(1, 2), decimal)
                if here is not doc:
                    here["amount" if each.get(1) in ("203", "66", "38") else f"amount_{each.get(1)}"] = amount
                else:
                    doc[_AMOUNTS.get(each.get(1), f"amount_{each.get(1)}")] = amount
            case "TAX":
                tax = {"code": each.get(2), "percent": _number(each, each.get(5, 4), decimal)}
                here.setdefault("taxes", []).append(tax)
            case "UNS":
                here, party = doc, None
            case "CNT" if each.get(1) == "2":
                if each.get(1, 2).isdigit() and int(each.get(1, 2)) != len(doc["lines"]):
                    raise each.fault(
                        L(f"行数写 {each.get(1, 2)}，实为 {len(doc['lines'])}",
                          f"{each.get(1, 2)} lines are said, there are {len(doc['lines'])}")
                    )  # fmt: skip
    if "number" not in doc:
        raise Failed("validation", L(f"EDIFACT {type} 没有 BGM", f"EDIFACT {type} has no BGM"))
    return lean(doc)


def write(doc: Mapping[str, Any]) -> tuple[str, list[Segment]]:
    """Give type and segments of a document. Raises: Failed("mapping") naming what is missing."""
    kind = str(doc.get("kind"))
    if kind not in TYPES:
        raise Failed("mapping", L(f"kind 须为 {'、'.join(TYPES)}", f"kind is one of {', '.join(TYPES)}"))
    references, dates = dict(doc.get("references") or {}), doc.get("dates") or {}
    made = [seg("BGM", _NAMES[kind], need(doc, "number"), _function(doc))]
    made.append(seg("DTM", ("137", packed_day(doc, "date") or missing_day("date"), "102")))
    made += [
        seg("DTM", (code, packed_day(dates, name), "102")) for code, name in _each(_DATES, dates) if name != "date"
    ]
    made += [seg("FTX", "AAI", "", "", _pieces(str(note), 70, 5)) for note in doc.get("notes") or ()]
    made += [seg("RFF", (code, str(references[name]))) for code, name in _each(_REFERENCES, references)]
    made += _parties(doc)
    if doc.get("currency") and kind != "despatch":
        made.append(seg("CUX", ("2", str(doc["currency"]), "4" if kind == "invoice" else "9")))
    if doc.get("carrier"):
        made.append(seg("TDT", "20", "", "", "", (str(doc["carrier"].get("code") or ""), "", "",
                                                str(doc["carrier"].get("name") or ""))))  # fmt: skip
    package, level = None, 0
    for place, line in enumerate(doc.get("lines") or (), 1):
        if kind == "despatch" and str(line.get("package") or "") != package:
            package = str(line.get("package") or "")
            level += 1
            made.append(seg("CPS", str(level)))
            if package:
                made += [seg("PAC", "1", "", "CT"), seg("PCI", "33E"), seg("GIN", "BJ", package)]
        made += _line(kind, line, place)
    if kind != "despatch":
        made.append(seg("UNS", "S"))
    if kind == "invoice":
        need(doc, "amount")
    for code, name in _each(_AMOUNTS, doc):
        made.append(seg("MOA", (code, _number_text(doc[name]))))
    made += [seg("TAX", "7", str(tax.get("code") or "VAT"), "", "", ("", "", "", _number_text(tax.get("percent")))) for
             tax in doc.get("taxes") or ()]  # fmt: skip
    made.append(seg("CNT", ("2", str(len(doc.get("lines") or ())))))
    return TYPES[kind], made


def missing_day(name: str) -> str:
    """Refuse a document without a date. Raises: Failed("mapping")."""
    raise missing(name)


def _function(doc: Mapping[str, Any]) -> str:
    wanted = doc.get("answer") if doc.get("kind") == "order_answer" and doc.get("answer") else doc.get("function")
    wanted = "change" if wanted == "changed" else wanted
    return next((code for code, name in _FUNCTIONS.items() if name == wanted), "9")


def _parties(doc: Mapping[str, Any]) -> list[Segment]:
    made = []
    for code, role in _each(_ROLES, doc.get("parties") or {}):
        party = {name: str(value or "") for name, value in doc["parties"][role].items()}
        said = ("id", "name", "street", "city", "region", "postcode", "country")
        id, name, street, city, region, postcode, country = (party.get(each, "") for each in said)
        made.append(
            seg("NAD", code, (id, "", party.get("qualifier") or "92") if id else "", "", _pieces(name, 35, 5),
                _pieces(street, 35, 3), city, region, postcode, country)
        )  # fmt: skip
        if party.get("tax_number"):
            made.append(seg("RFF", ("VA", party["tax_number"])))
    return made


def _line(kind: str, line: Mapping[str, Any], place: int) -> list[Segment]:
    codes = {name: str(code) for name, code in (line.get("codes") or {}).items() if code}
    if not codes:
        raise missing("lines.codes", place)
    gtin = codes.pop("gtin", "")
    action = next((code for code, name in _ACTIONS.items() if name == line.get("answer")), "")
    if line.get("answer") and not action:
        action = "3"
    made = [seg("LIN", str(line.get("number") or place), action, (gtin, "SRV") if gtin else "")]
    if codes:
        made.append(seg("PIA", "5" if not gtin else "1", *((value, code) for code, name in _each(_CODES, codes) for
                                                          value in (codes[name],))))  # fmt: skip
    if line.get("text"):
        made.append(seg("IMD", "F", "", ("", "", "", *_pieces(str(line["text"]), 35, 2))))
    unit = str(line.get("unit") or "")
    made.append(seg("QTY", (_QUANTITY_OF[kind], need(line, "quantity", place), unit)))
    if line.get("answered_quantity"):
        made.append(seg("QTY", ("113", _number_text(line["answered_quantity"]), unit)))
    dates = line.get("dates") or {}
    made += [seg("DTM", (code, packed_day(dates, name), "102")) for code, name in _each(_DATES, dates)]
    made += [seg("FTX", "AAI", "", "", _pieces(str(note), 70, 5)) for note in line.get("notes") or ()]
    if line.get("amount") and kind != "despatch":
        made.append(seg("MOA", ("203", _number_text(line["amount"]))))
    if line.get("price") and kind != "despatch":
        made.append(seg("PRI", ("AAA", _number_text(line["price"]))))
    if line.get("order"):
        made.append(seg("RFF", ("ON", str(line["order"]))))
    references = line.get("references") or {}
    made += [
        seg("RFF", (code, str(references[name]))) for code, name in _each(_REFERENCES, references) if name != "order"
    ]
    made += [seg("TAX", "7", str(tax.get("code") or "VAT"), "", "", ("", "", "", _number_text(tax.get("percent")))) for
             tax in line.get("taxes") or ()]  # fmt: skip
    return made


def _each(table: Mapping[str, str], given: Mapping[str, Any]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    for code, name in table.items():
        first.setdefault(name, code)
    return [(code, name) for name, code in first.items() if given.get(name)]


def _number_text(value: Any) -> str:
    if value is None or value == "":
        return ""
    try:
        return plain(Decimal(str(value)))
    except InvalidOperation:
        raise Failed("mapping", L(f"{value} 不是数", f"{value} is no number")) from None


def _number(each: Segment, text: str, decimal: str) -> str:
    text = text.strip()
    if not text:
        return ""
    try:
        number = Decimal(text.replace(",", ".") if decimal == "," or "." not in text else text)
        if not number.is_finite() or len(text) > 35:
            raise InvalidOperation
    except InvalidOperation:
        raise each.fault(L(f"{text[:35]} 不是数", f"{text[:35]} is no number")) from None
    return plain(number)


_FORMS = {"102": "%Y%m%d", "101": "%y%m%d", "203": "%Y%m%d%H%M", "204": "%Y%m%d%H%M%S", "201": "%y%m%d%H%M"}


def _day(each: Segment) -> str:
    text, form = each.get(1, 2), each.get(1, 3) or "102"
    if not text:
        return ""
    try:
        if form in _FORMS:
            if not text.isdigit():
                raise ValueError
            found = datetime.strptime(text, _FORMS[form])
            return found.date().isoformat() if form in ("101", "102") else found.isoformat()
        if form == "616":
            return datetime.strptime(f"{text}1", "%G%V%u").date().isoformat()
    except ValueError:
        raise each.fault(L(f"{text[:35]} 不是 {form} 格式的日期", f"{text[:35]} is no date of form {form}")) from None
    return text


def _joined(each: Segment, element: int) -> str:
    if element > len(each.elements):
        return ""
    return " ".join(part for part in each.elements[element - 1] if part)


def _pieces(text: str, size: int, most: int) -> tuple[str, ...]:
    found = tuple(text[at : at + size] for at in range(0, len(text), size))[:most]
    return found or ("",)
