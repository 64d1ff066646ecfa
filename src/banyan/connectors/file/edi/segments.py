"""Segments of EDI: text to segments and back; every fault names the segment's place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from banyan.integration.connecting import Failed
from banyan.lib.labels import L, Label

Element = tuple[str, ...]
MOST_SEGMENTS = 500_000


class EdiFault(Failed):
    """Broken EDI: which segment, where it begins, and what is wrong.

    Takes:  code: for the acknowledgement (X12 AK502, EDIFACT 0085)
    """

    def __init__(self, position: int, tag: str, offset: int, text: Label, code: str = "") -> None:
        where = L(f"第 {position} 段 {tag}（字符 {offset}）", f"Segment {position} {tag} (character {offset})")
        super().__init__("validation", L(f"{where.zh}：{text.zh}", f"{where.en}: {text.en}"), code=code)
        self.position, self.tag, self.offset, self.label = position, tag, offset, text


@dataclass(frozen=True, slots=True)
class Segment:
    """A tag and its elements, each of one or more components; position counts from 1."""

    tag: str
    elements: tuple[Element, ...]
    position: int = 0
    offset: int = 0

    def get(self, element: int, component: int = 1) -> str:
        """Give a component, both counted from 1; empty where it is missing."""
        if element > len(self.elements):
            return ""
        found = self.elements[element - 1]
        return found[component - 1] if component <= len(found) else ""

    def need(self, element: int, what: Label, component: int = 1) -> str:
        """Give a component that must be there. Raises: EdiFault."""
        found = self.get(element, component).strip()
        if not found:
            raise self.fault(L(f"缺少{what.zh}", f"{what.en} is missing"))
        return found

    def fault(self, text: Label, code: str = "") -> EdiFault:
        return EdiFault(self.position, self.tag, self.offset, text, code)


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters that part an interchange."""

    element: str
    component: str
    end: str
    release: str = ""
    repeat: str = ""
    decimal: str = "."


X12 = Marks("*", ":", "~", repeat="^")
EDIFACT = Marks("+", ":", "'", release="?")


def seg(tag: str, *elements: str | Sequence[str]) -> Segment:
    """Make a segment; empty elements and components at its end are left out."""
    made = []
    for each in elements:
        parts = [each] if isinstance(each, str) else list(each)
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        made.append(tuple(parts))
    while made and made[-1] == ("",):
        made.pop()
    return Segment(tag, tuple(made))


def cut(text: str, marks: Marks, start: int = 0) -> tuple[Segment, ...]:
    """Give the segments of an interchange.

    Takes:  start: where the first one begins
    Raises: EdiFault for one without end, without tag, or with characters that are none
    """
    found: list[Segment] = []
    at, length = start, len(text)
    while True:
        while at < length and text[at] in "\r\n \t":
            at += 1
        if at >= length:
            return tuple(found)
        position = len(found) + 1
        end = _end(text, marks, at)
        if end < 0:
            raise EdiFault(position, text[at : at + 3], at, L("没有段结束符", "the segment has no end"))
        elements = _parts(text[at:end].strip("\r\n"), marks.element, marks.release)
        tag = elements[0]
        if not (2 <= len(tag) <= 3 and tag.isascii() and tag.isalnum() and tag.isupper()):
            raise EdiFault(position, tag[:10], at, L("这不是段名", "this is no segment's name"))
        if position > MOST_SEGMENTS:
            raise EdiFault(position, tag, at, L("段数过多", "there are too many segments"))
        is_isa = tag == "ISA"
        found.append(
            Segment(
                tag,
                tuple(
                    (each,)
                    if is_isa
                    else tuple(_released(part, marks.release) for part in _parts(each, marks.component, marks.release))
                    for each in elements[1:]
                ),
                position,
                at,
            )
        )
        at = end + 1


def joined(segments: Iterable[Segment], marks: Marks, line: str = "\n") -> str:
    """Give segments as text. Raises: Failed("mapping") where a value holds a mark and X12 cannot release it."""
    lines = []
    for each in segments:
        parts = [each.tag]
        for element in each.elements:
            is_plain = each.tag in ("ISA", "UNA")
            parts.append(marks.component.join(part if is_plain else _safe(part, marks, each.tag) for part in element))
        lines.append(marks.element.join(parts) + marks.end)
    return line.join(lines) + line


def x12_marks(text: str) -> tuple[Marks, int]:
    """Give the marks of an X12 interchange, as its ISA of fixed width says, and where it begins."""
    start = len(text) - len(text.lstrip("\ufeff\r\n \t"))
    head = text[start : start + 106]
    if len(head) < 106 or not head.startswith("ISA"):
        raise EdiFault(1, head[:3], start, L("ISA 段须恰为 106 个字符", "ISA has exactly 106 characters"))
    element, repeat, component, end = head[3], head[82], head[104], head[105]
    if head.count(element) != 16 or element.isalnum() or end.isalnum() or len({element, component, end}) != 3:
        raise EdiFault(1, "ISA", start, L("ISA 段的分隔符不一致", "the marks of ISA do not agree"))
    return Marks(element, component, end, repeat="" if repeat.isalnum() else repeat), start


def edifact_marks(text: str) -> tuple[Marks, int]:
    """Give the marks of an EDIFACT interchange: of its UNA, else the usual ones; and where its UNB begins."""
    start = len(text) - len(text.lstrip("\ufeff\r\n \t"))
    if not text.startswith("UNA", start):
        return EDIFACT, start
    head = text[start + 3 : start + 9]
    if len(head) < 6 or any(c.isalnum() for c in head.replace(" ", "")) or len({head[0], head[1], head[5]}) != 3:
        raise EdiFault(1, "UNA", start, L("UNA 段有误", "UNA is malformed"))
    return Marks(head[1], head[0], head[5], head[3].strip(), decimal=head[2]), start + 9


def _end(text: str, marks: Marks, at: int) -> int:
    if not marks.release:
        return text.find(marks.end, at)
    while (end := text.find(marks.end, at)) >= 0:
        back = end
        while back > 0 and text[back - 1] == marks.release:
            back -= 1
        if (end - back) % 2 == 0:
            return end
        at = end + 1
    return -1


def _parts(text: str, mark: str, release: str) -> list[str]:
    if not release or release not in text:
        return text.split(mark)
    found, piece, at = [], "", 0
    while at < len(text):
        char = text[at]
        if char == release and at + 1 < len(text):
            piece += text[at : at + 2]
            at += 2
            continue
        if char == mark:
            found.append(piece)
            piece = ""
        else:
            piece += char
        at += 1
    return [*found, piece]


def _released(text: str, release: str) -> str:
    if not release or release not in text:
        return text
    out, at = "", 0
    while at < len(text):
        if text[at] == release and at + 1 < len(text):
            at += 1
        out += text[at]
        at += 1
    return out


def _safe(text: str, marks: Marks, tag: str) -> str:
    text = " ".join(text.split()) if any(c in text for c in "\r\n\t") else text
    special = [mark for mark in (marks.element, marks.component, marks.end, marks.repeat, marks.release) if mark]
    if not any(mark in text for mark in special):
        return text
    if not marks.release:
        raise Failed(
            "mapping",
            L(
                "{tag} 的值 {text} 含有分隔符 {marks}，X12 无法转义",
                "{tag}: the value {text} holds one of the marks {marks}, which X12 cannot release",
            ).filled({"tag": tag, "text": text[:40], "marks": " ".join(special)}),
        )
    return "".join(marks.release + c if c in special else c for c in text)
