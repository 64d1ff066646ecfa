"""Payloads as text or bytes to data, and what stands in them: JSON, and XML by a stated rule.

XML becomes JSON so: an element with only text is that text; one with attributes or children an object; attributes
are `@name`, text beside them `#text`; names lose their prefix; what stands several times is a list. A path reads a
single element as a list of one, so it does not matter how many there were. Document types and entities are refused.
Bytes are UTF-8 or UTF-16 by their mark, the declared encoding of XML, else UTF-8, else GB 18030.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.parsers import expat

from banyan.integration.mapping import paths
from banyan.integration.mapping.applying import LIMITS
from banyan.integration.mapping.faults import short
from banyan.lib.errors import Invalid

LARGEST = 20_000_000
MOST_NAMES = 2_000
_DECLARED = re.compile(r"""^<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]{1,40})["'][^>]*\?>""")
_NAME = re.compile(r"[^\W\d]\w*")
_WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})


class PayloadUnreadable(Invalid):
    code = "mapping.payload_unreadable"
    zh = "数据无法读取：{why}"
    en = "The payload cannot be read: {why}"
    way_out_zh = "粘贴完整的 JSON 或 XML，编码用 UTF-8"
    way_out_en = "Paste whole JSON or XML, encoded as UTF-8"


@dataclass(frozen=True, slots=True)
class Found:
    """One source that can be picked: its path, what kind of value stands there, the first one found.

    Takes:  kind: number, text, bool, null, list of objects, or list<text> and so on of plain values
    """

    path: str
    kind: str
    sample: Any


def decoded(raw: bytes) -> str:
    """Give the text of bytes. Raises: PayloadUnreadable."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return _decode(raw, name)
    declared = _DECLARED.match(raw[:200].decode("ascii", "replace"))
    if declared:
        name = declared.group(1).lower()
        return _decode(raw, "gb18030" if name in ("gbk", "gb2312", "cp936") else name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(raw, "gb18030")


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode(name)
    except (UnicodeDecodeError, LookupError):
        raise PayloadUnreadable(why=f"encoding {name}") from None


def read_payload(given: str | bytes) -> Any:
    """Give a payload as data; XML where it begins with <, else JSON. Numbers keep their digits.

    Raises: PayloadUnreadable
    """
    if len(given) > LARGEST:
        raise PayloadUnreadable(why=f"> {LARGEST} bytes")
    text = (decoded(given) if isinstance(given, bytes) else given).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _xml(text)
    try:
        return json.loads(text, parse_float=_number, parse_constant=_no_number)
    except RecursionError:
        raise PayloadUnreadable(why="too deep") from None
    except ValueError as fault:
        raise PayloadUnreadable(why=short(str(fault))) from None


def _number(text: str) -> Decimal:
    if len(text) > 60:
        raise ValueError("a number of more than 60 digits")
    return Decimal(text)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class _Reader:
    """Builds data from the parser's calls; `stack` holds the open elements as (name, members, text)."""

    def __init__(self) -> None:
        self.stack: list[tuple[str, dict[str, Any], list[str]]] = []
        self.root: dict[str, Any] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= LIMITS.depth:
            raise PayloadUnreadable(why=f"nested more than {LIMITS.depth} deep")
        members = {f"@{_bare(key)}": value for key, value in attributes.items() if not key.startswith("xmlns")}
        self.stack.append((_bare(name), members, []))

    def end(self, _name: str) -> None:
        name, members, texts = self.stack.pop()
        text = "".join(texts).strip()
        if members and text:
            members["#text"] = text
        value: Any = members or text
        above = self.stack[-1][1] if self.stack else self.root
        if name not in above:
            above[name] = value
        elif isinstance(above[name], list):
            above[name].append(value)
        else:
            above[name] = [above[name], value]

    def text(self, data: str) -> None:
        if self.stack:
            self.stack[-1][2].append(data)


def _bare(name: str) -> str:
    return name.rsplit(":", 1)[-1]


def _refuse_types(*_: Any) -> None:
    raise PayloadUnreadable(why="document types and entities are not read")


def _xml(text: str) -> Any:
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler, parser.buffer_text = reader.text, True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_types
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(_DECLARED.sub("", text).encode("utf-8"), True)
    except (expat.ExpatError, UnicodeEncodeError) as fault:
        raise PayloadUnreadable(why=short(str(fault))) from None
    return reader.root


def sources_of(body: Any) -> list[Found]:
    """Give what can be picked from a payload, in its order: values and lists, each path once, at most 2,000."""
    found: dict[str, Found] = {}
    for parts, value in _walked(body, ()):
        if len(found) >= MOST_NAMES:
            break
        path = paths.written(parts)
        known = found.get(path)
        if known is None or (known.kind == "null" and value is not None):
            found[path] = Found(path, _kind(value), None if isinstance(value, (dict, list)) else value)
    return list(found.values())


def _walked(value: Any, parts: paths.Parts, depth: int = 0) -> Iterator[tuple[paths.Parts, Any]]:
    if depth > LIMITS.depth or parts.count(paths.EVERY) > paths.MOST_LISTS:
        return
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _walked(member, (*parts, str(key)), depth + 1)
    elif isinstance(value, list):
        yield (*parts, paths.EVERY), value
        for member in value[:50]:
            if isinstance(member, (dict, list)):
                yield from _walked(member, (*parts, paths.EVERY), depth + 1)
    elif parts:
        yield parts, value


def _kind(value: Any) -> str:
    if isinstance(value, list):
        plain = [one for one in value if not isinstance(one, (dict, list)) and one is not None]
        kinds = {_kind(one) for one in plain}
        return "list" if not plain or len(plain) < len(value) else f"list<{kinds.pop() if len(kinds) == 1 else 'text'}>"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float, Decimal)) else "text"


def types_of(*bodies: Any) -> dict[str, str]:
    """Give the types that expressions may read payloads by: names joined by dots, lists as "list".

    Gives:  only what can be written as a name; text that holds a number or a date stays text, and so does what is
            text in one payload and something else in another; null says nothing where another payload says more
    """
    types: dict[str, str] = {}
    for body in bodies:
        for name, kind in _types_in(body):
            known = types.get(name, "null")
            types[name] = kind if known in ("null", kind) else known if kind == "null" else _both(known, kind)
    return {name: "text" if kind == "null" else kind for name, kind in types.items()}


def _both(one: str, other: str) -> str:
    """Give the type that holds values of both: an empty list is of any kind."""
    if one.startswith("list") and other.startswith("list"):
        return max(one, other, key=len) if "list" in (one, other) else "list<text>"
    return "text"


def _types_in(body: Any) -> Iterator[tuple[str, str]]:
    for one in sources_of(body):
        parts = paths.parse(one.path)
        keys = [part for part in parts if part is not paths.EVERY]
        if not keys or not all(isinstance(k, str) and _NAME.fullmatch(k) and k not in _WORDS for k in keys):
            continue
        yield ".".join(map(str, keys)), one.kind
