"""Envelopes: who sends what to whom, and whether counts and control numbers agree at both ends.

Source: ASC X12.5 and X12.6 (ISA/IEA, GS/GE, ST/SE); ISO 9735 syntax 3 and 4 (UNB/UNZ, UNG/UNE, UNH/UNT)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.connectors.file.edi.segments import (
    EDIFACT,
    X12,
    Marks,
    Segment,
    cut,
    edifact_marks,
    joined,
    seg,
    x12_marks,
)  # fmt: skip
from banyan.integration.connecting import Failed
from banyan.lib.labels import L, Label

X12_GROUPS = {"850": "PO", "855": "PR", "856": "SH", "810": "IN", "997": "FA"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type, its control number, its segments without head and trailer; version as its head says."""

    type: str
    control: str
    segments: tuple[Segment, ...]
    head: Segment
    version: str = ""
    group: str = ""
    group_control: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """An address of an envelope and what kind of address it is."""

    id: str
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Interchange:
    """A checked interchange."""

    standard: str
    sender: Party
    receiver: Party
    control: str
    messages: tuple[Message, ...]
    is_test: bool = False
    marks: Marks = field(default=X12)
    syntax: str = ""


def standard_of(text: str) -> str:
    """Say whether a text is x12 or edifact; empty where it is neither."""
    start = text.lstrip("\ufeff\r\n \t")[:3]
    return "x12" if start == "ISA" else "edifact" if start in ("UNA", "UNB") else ""


def opened(text: str) -> Interchange:
    """Read an interchange and check its envelopes. Raises: EdiFault with the place; Failed("validation") for no EDI."""
    match standard_of(text):
        case "x12":
            return _opened_x12(text)
        case "edifact":
            return _opened_edifact(text)
    raise Failed(
        "validation", L("不是 X12 或 EDIFACT：应以 ISA、UNA 或 UNB 开头", "Neither X12 nor EDIFACT: no ISA, UNA or UNB")
    )


def closed(
    standard: str, sender: Party, receiver: Party, control: str,
    messages: list[tuple[str, list[Segment]]], when: datetime, *, is_test: bool = False, version: str = "",
    syntax: str = "UNOC:3",
) -> str:  # fmt: skip
    """Write an interchange around messages (type, segments); control numbers of messages count from 1.

    Takes:  control: 1 to 9 digits for X12, 1 to 14 letters or digits for EDIFACT; when: as it is written
    Raises: Failed("mapping") for what an envelope cannot hold
    """
    if standard == "x12":
        return _closed_x12(sender, receiver, control, messages, when, is_test, version or "004010")
    return _closed_edifact(sender, receiver, control, messages, when, is_test, version or "D:96A:UN", syntax)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a standard lays its envelopes: tags of heads and trailers, where control numbers stand, codes of faults."""

    group: tuple[str, str]
    message: tuple[str, str]
    end: str
    group_control: int
    message_control: int
    needs_group: bool
    made: Callable[[Segment, tuple[Segment, ...], Segment | None], Message]
    #: Codes that receipts give back: of a count and a control number of messages, of groups, of the whole.
    message_codes: tuple[str, str]
    group_codes: tuple[str, str]
    end_codes: tuple[str, str]
    words: Mapping[str, Label]


def _message_x12(head: Segment, body: tuple[Segment, ...], group: Segment | None) -> Message:
    return Message(head.get(1), head.get(2), body, head, group.get(8), group.get(1), group.get(6))


def _message_edifact(head: Segment, body: tuple[Segment, ...], group: Segment | None) -> Message:
    version = ":".join(head.elements[1][1:4]) if len(head.elements) > 1 else ""
    named = (group.get(1), group.get(5)) if group else ("", "")
    return Message(head.get(2), head.get(1), body, head, version, *named)


_X12 = _Layout(
    group=("GS", "GE"), message=("ST", "SE"), end="IEA", group_control=6, message_control=2, needs_group=True,
    made=_message_x12, message_codes=("4", "3"), group_codes=("5", "4"), end_codes=("", ""),
    words={
        "after": L("IEA 之后还有内容", "there is more after IEA"),
        "group": L("上一组没有 GE", "the group before has no GE"),
        "message": L("ST 不在组内，或上一报文没有 SE", "ST outside a group, or no SE before"),
        "no_message": L("SE 之前没有 ST", "SE without ST"),
        "no_group": L("GE 之前没有 GS，或报文没有 SE", "GE without GS, or a message has no SE"),
        "open": L("组没有 GE", "a group has no GE"),
        "cut": L("没有 IEA，文件不完整", "there is no IEA: the file is cut off"),
        "messages": L("组内报文数", "count of messages"),
        "message_control": L("报文控制号", "message control number"),
        "group_control": L("组控制号", "group control number"),
        "groups": L("组数", "count of groups"),
        "control": L("交换控制号", "interchange control number"),
    },
)  # fmt: skip
_EDIFACT = _Layout(
    group=("UNG", "UNE"), message=("UNH", "UNT"), end="UNZ", group_control=5, message_control=1, needs_group=False,
    made=_message_edifact, message_codes=("29", "28"), group_codes=("29", "28"), end_codes=("29", "28"),
    words={
        "after": L("UNZ 之后还有内容", "there is more after UNZ"),
        "group": L("上一组没有 UNE", "the group before has no UNE"),
        "message": L("上一报文没有 UNT", "the message before has no UNT"),
        "no_message": L("UNT 之前没有 UNH", "UNT without UNH"),
        "no_group": L("UNE 之前没有 UNG，或报文没有 UNT", "UNE without UNG, or a message has no UNT"),
        "open": L("报文没有 UNT 或组没有 UNE", "a message has no UNT or a group no UNE"),
        "cut": L("没有 UNZ，文件不完整", "there is no UNZ: the file is cut off"),
        "messages": L("组内报文数", "count of messages"),
        "message_control": L("报文参考号", "message reference"),
        "group_control": L("组参考号", "group reference"),
        "groups": L("交换内的数量", "count of the interchange"),
        "control": L("交换控制号", "interchange control reference"),
    },
)  # fmt: skip


def _messages(segments: Sequence[Segment], layout: _Layout, control: str) -> tuple[Message, ...]:
    """Give the messages between an interchange's head and its trailer, and check the envelopes.

    Takes:  segments, the interchange's head first; control: its number as the head says it
    Raises: EdiFault with the place
    """
    words, messages = layout.words, []
    group: Segment | None = None
    head: Segment | None = None
    body: list[Segment] = []
    in_group = groups = 0
    has_ended = False
    for each in segments[1:]:
        if has_ended:
            raise each.fault(words["after"])
        if each.tag == layout.group[0]:
            if group is not None or head is not None:
                raise each.fault(words["group"])
            group, in_group, groups = each, 0, groups + 1
        elif each.tag == layout.message[0]:
            if head is not None or (layout.needs_group and group is None):
                raise each.fault(words["message"])
            head, body = each, []
        elif each.tag == layout.message[1]:
            if head is None:
                raise each.fault(words["no_message"])
            count, same = layout.message_codes
            _count(each, 1, len(body) + 2, L("报文段数", "count of segments"), count)
            _same(each, 2, head.get(layout.message_control), words["message_control"], same)
            messages.append(layout.made(head, tuple(body), group))
            head, in_group = None, in_group + 1
        elif each.tag == layout.group[1]:
            if group is None or head is not None:
                raise each.fault(words["no_group"])
            count, same = layout.group_codes
            _count(each, 1, in_group, words["messages"], count)
            _same(each, 2, group.get(layout.group_control), words["group_control"], same)
            group = None
        elif each.tag == layout.end:
            if group is not None or head is not None:
                raise each.fault(words["open"])
            count, same = layout.end_codes
            _count(each, 1, groups or len(messages), words["groups"], count)
            _same(each, 2, control, words["control"], same)
            has_ended = True
        elif head is None:
            raise each.fault(L("不在任何报文之内", "outside any message"))
        else:
            body.append(each)
    if not has_ended:
        raise segments[-1].fault(words["cut"])
    return tuple(messages)


def _opened_x12(text: str) -> Interchange:
    marks, start = x12_marks(text)
    segments = cut(text, marks, start)
    isa = segments[0]
    control = isa.get(13).strip()
    messages = _messages(segments, _X12, control)
    sender, receiver = Party(isa.get(6).strip(), isa.get(5).strip()), Party(isa.get(8).strip(), isa.get(7).strip())
    return Interchange("x12", sender, receiver, control, messages, isa.get(15) == "T", marks, isa.get(12))


def _opened_edifact(text: str) -> Interchange:
    marks, start = edifact_marks(text)
    segments = cut(text, marks, start)
    if not segments or segments[0].tag != "UNB":
        raise (segments[0] if segments else Segment("UNB", (), 1, start)).fault(
            L("应以 UNB 开头", "UNB must come first")
        )
    unb = segments[0]
    control = unb.need(5, L("交换控制号", "the interchange control reference"))
    messages = _messages(segments, _EDIFACT, control)
    return Interchange(
        "edifact", Party(unb.get(2), unb.get(2, 2)), Party(unb.get(3), unb.get(3, 2)), control, messages,
        unb.get(11) == "1", marks, ":".join(unb.elements[0]),
    )  # fmt: skip


def _closed_x12(
    sender: Party, receiver: Party, control: str, messages: list[tuple[str, list[Segment]]], when: datetime,
    is_test: bool, version: str,
) -> str:  # fmt: skip
    if not (control.isascii() and control.isdigit() and len(control) <= 9):
        raise Failed("mapping", L("X12 控制号须为 1 至 9 位数字", "An X12 control number has 1 to 9 digits"))
    for party in (sender, receiver):
        if not party.id or len(party.id) > 15:
            raise Failed("mapping", L("X12 交换方编号须为 1 至 15 位", "An X12 address has 1 to 15 characters"))
    number = control.zfill(9)
    groups: dict[str, list[tuple[str, list[Segment]]]] = {}
    for message_type, segments in messages:
        groups.setdefault(X12_GROUPS.get(message_type, "ZZ"), []).append((message_type, segments))
    lines = [
        Segment("ISA", tuple((each,) for each in (
            "00", " " * 10, "00", " " * 10, (sender.qualifier or "ZZ").ljust(2), sender.id.ljust(15),
            (receiver.qualifier or "ZZ").ljust(2), receiver.id.ljust(15), f"{when:%y%m%d}", f"{when:%H%M}",
            "U" if version < "004020" else X12.repeat, "00401" if version < "004020" else version[:5], number, "0",
            "T" if is_test else "P", X12.component,
        )))
    ]  # fmt: skip
    for index, (code, members) in enumerate(groups.items()):
        group_control = str(int(control) + index)
        lines.append(
            seg("GS", code, sender.id, receiver.id, f"{when:%Y%m%d}", f"{when:%H%M}", group_control, "X", version)
        )
        for place, (message_type, segments) in enumerate(members, 1):
            reference = f"{place:04}"
            lines += [seg("ST", message_type, reference), *segments]
            lines.append(seg("SE", str(len(segments) + 2), reference))
        lines.append(seg("GE", str(len(members)), group_control))
    lines.append(seg("IEA", str(len(groups)), number))
    return joined(lines, X12)


def _closed_edifact(
    sender: Party, receiver: Party, control: str, messages: list[tuple[str, list[Segment]]], when: datetime,
    is_test: bool, version: str, syntax: str,
) -> str:  # fmt: skip
    if not (1 <= len(control) <= 14 and control.isascii() and control.isalnum()):
        raise Failed("mapping", L("EDIFACT 控制号须为 1 至 14 位字母数字", "A reference has 1 to 14 letters or digits"))
    for party in (sender, receiver):
        if not party.id or len(party.id) > 35:
            raise Failed("mapping", L("EDIFACT 交换方编号须为 1 至 35 位", "An EDIFACT address has 1 to 35 characters"))
    date = f"{when:%Y%m%d}" if syntax.endswith(":4") else f"{when:%y%m%d}"
    last = ["", "", "", "", "", "1"] if is_test else []
    lines = [
        seg("UNB", syntax.split(":"), (sender.id, sender.qualifier), (receiver.id, receiver.qualifier),
            (date, f"{when:%H%M}"), control, *last)
    ]  # fmt: skip
    for place, (message_type, segments) in enumerate(messages, 1):
        said = "4:1:UN" if message_type == "CONTRL" else version
        lines += [seg("UNH", str(place), (message_type, *said.split(":"))), *segments]
        lines.append(seg("UNT", str(len(segments) + 2), str(place)))
    lines.append(seg("UNZ", str(len(messages)), control))
    return "UNA:+.? '\n" + joined(lines, EDIFACT)


def _count(trailer: Segment, element: int, counted: int, what: Label, code: str = "") -> None:
    said = trailer.get(element).strip()
    if not said.isdigit() or int(said) != counted:
        raise trailer.fault(
            L(
                f"{what.zh}写 {said or '空'}，实为 {counted}",
                f"{what.en} says {said or 'nothing'}, there are {counted}",
            ),
            code,
        )


def _same(trailer: Segment, element: int, expected: str, what: Label, code: str = "") -> None:
    said = trailer.get(element).strip()
    if said != expected.strip():
        raise trailer.fault(
            L(f"{what.zh} {said} 与开头的 {expected} 不符", f"{what.en} {said} differs from {expected} at the head"),
            code,
        )
