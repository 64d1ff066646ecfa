"""XML that comes from outside: no entities, no document types, no network, no depth or size without end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from banyan.integration.connecting import Failed
from banyan.lib.labels import L

if TYPE_CHECKING:
    from lxml import etree

DEEPEST = 100
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def parsed(body: bytes, most_bytes: int = 50_000_000) -> etree._Element:
    """Give the root of a document. Raises: Failed: too_large, validation (with line and column)."""
    from lxml import etree

    if len(body) > most_bytes:
        from banyan.integration.guard import too_large

        raise too_large(most_bytes)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(_as_utf8(body), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise Failed("validation", L(f"不是规范的 XML：{text}", f"No well-formed XML: {text}")) from None
    if root.getroottree().docinfo.doctype:
        raise Failed("validation", L("XML 不得含 DOCTYPE", "XML must not hold a DOCTYPE"))
    return root


def name_of(element: etree._Element) -> str:
    """Give an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def as_data(element: etree._Element, depth: int = 0) -> Any:
    """Give an element as JSON data: text, or an object of children and `@attributes`; what repeats is a list."""
    if depth > DEEPEST:
        raise Failed("validation", L("XML 嵌套过深", "XML is nested too deeply"))
    out: dict[str, Any] = {f"@{str(name).rpartition('}')[2]}": value for name, value in element.attrib.items()}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name, value = name_of(child), as_data(child, depth + 1)
        if name not in out:
            out[name] = value
        elif isinstance(out[name], list):
            out[name].append(value)
        else:
            out[name] = [out[name], value]
    text = (element.text or "").strip()
    if not out:
        return text
    if text:
        out["#text"] = text
    return out


def as_element(name: str, value: Any, namespace: str = "") -> etree._Element:
    """Give JSON data as an element, the other way round. Raises: Failed("mapping") for a name that XML cannot have."""
    from lxml import etree

    try:
        element = etree.Element(f"{{{namespace}}}{name}" if namespace else name)
        _fill(element, value, namespace)
    except ValueError as error:
        raise Failed("mapping", L(f"不能写成 XML：{error}", f"Cannot be written as XML: {error}")) from None
    return element


def written(element: etree._Element, encoding: str = "UTF-8") -> bytes:
    """Give an element as a document."""
    from lxml import etree

    return bytes(etree.tostring(element, xml_declaration=True, encoding=encoding))


def _fill(element: etree._Element, value: Any, namespace: str) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        element.text = "true" if value else "false"
    elif not isinstance(value, Mapping):
        element.text = str(value)
    else:
        for name, each in value.items():
            if name == "#text":
                element.text = str(each)
            elif name.startswith("@"):
                element.set(name[1:], "" if each is None else str(each))
            else:
                for one in each if isinstance(each, list) else [each]:
                    element.append(as_element(name, one, namespace))


def _as_utf8(body: bytes) -> bytes:
    """Give a document in an encoding libxml2 may lack, such as GBK's larger set, as UTF-8 without its declaration."""
    found = _DECLARED.match(body[:200].lstrip())
    if found is None or found.group(1).lower() not in (b"gb2312", b"gbk", b"gb18030"):
        return body
    try:
        text = body.decode("gb18030")
    except UnicodeDecodeError:
        raise Failed("validation", L("XML 不是所声明的 GBK 编码", "The XML is not in GBK as it declares")) from None
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1).encode()
