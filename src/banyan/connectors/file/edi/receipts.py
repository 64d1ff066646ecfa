"""Acknowledgements: 997 for X12, CONTRL for EDIFACT, for an interchange that was taken or refused.

Source: ASC X12 004010 transaction set 997 (AK1, AK2, AK5, AK9; codes 717, 715, 718); ISO 9735-4, CONTRL 4.1 (UCI, UCM)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from banyan.connectors.file.edi.envelopes import Interchange, Message, Party, closed, standard_of
from banyan.connectors.file.edi.segments import (
    EdiFault,
    Marks,
    Segment,
    cut,
    edifact_marks,
    seg,
    x12_marks,
)  # fmt: skip
from banyan.lib.labels import L


def receipt(taken: Interchange, control: str, when: datetime, refused: Mapping[str, EdiFault] | None = None) -> str:
    """Give the acknowledgement of an interchange whose envelopes are in order.

    Takes:  refused: faults by control number of the message; control: of the acknowledgement
    Gives:  empty where the interchange itself holds acknowledgements only, which are never acknowledged
    """
    refused = refused or {}
    said = [each for each in taken.messages if each.type not in ("997", "999", "CONTRL")]
    if not said:
        return ""
    if taken.standard == "x12":
        messages = []
        for group in dict.fromkeys((each.group, each.group_control) for each in said):
            members = [each for each in said if (each.group, each.group_control) == group]
            lines = [seg("AK1", group[0], group[1])]
            for each in members:
                fault = refused.get(each.control)
                lines.append(seg("AK2", each.type, each.control))
                lines.append(seg("AK5", "R", fault.code or "5") if fault else seg("AK5", "A"))
            bad = sum(each.control in refused for each in members)
            verdict = "A" if not bad else "R" if bad == len(members) else "P"
            lines.append(seg("AK9", verdict, str(len(members)), str(len(members)), str(len(members) - bad)))
            messages.append(("997", lines))
        return closed("x12", taken.receiver, taken.sender, control, messages, when, is_test=taken.is_test)
    lines = [_uci(taken.control, taken.sender, taken.receiver, "8" if refused else "7")]
    for each in said:
        named = (each.type, *each.version.split(":"))
        fault = refused.get(each.control)
        lines.append(
            seg("UCM", each.control, named, "4", fault.code or "12") if fault else seg("UCM", each.control, named, "7")
        )
    return closed("edifact", taken.receiver, taken.sender, control, [("CONTRL", lines)], when, is_test=taken.is_test)


def refusal(text: str, fault: EdiFault, control: str, when: datetime) -> str:
    """Give the acknowledgement that refuses a broken interchange; empty where its head cannot be read."""
    try:
        if standard_of(text) == "x12":
            marks, start = x12_marks(text)
            segments = _until_broken(text, marks, start)
            isa, group = segments[0], next((each for each in segments if each.tag == "GS"), None)
            if group is None:
                return ""
            sender, receiver = (
                Party(isa.get(6).strip(), isa.get(5).strip()),
                Party(isa.get(8).strip(), isa.get(7).strip()),
            )
            lines = [seg("AK1", group.get(1), group.get(6))]
            if message := next((each for each in segments if each.tag == "ST"), None):
                lines += [seg("AK2", message.get(1), message.get(2)), seg("AK5", "R", fault.code or "5")]
            lines.append(seg("AK9", "R", "1", "1", "0"))
            return closed("x12", receiver, sender, control, [("997", lines)], when, is_test=isa.get(15) == "T")
        marks, start = edifact_marks(text)
        segments = _until_broken(text, marks, start)
        unb = segments[0]
        if unb.tag != "UNB" or not unb.get(5):
            return ""
        sender, receiver = Party(unb.get(2), unb.get(2, 2)), Party(unb.get(3), unb.get(3, 2))
        uci = _uci(unb.get(5), sender, receiver, "4", fault.code or "12", fault.tag)
        return closed("edifact", receiver, sender, control, [("CONTRL", [uci])], when, is_test=unb.get(11) == "1")
    except (EdiFault, IndexError):
        return ""


def _uci(control: str, sender: Party, receiver: Party, action: str, code: str = "", tag: str = "") -> Segment:
    return seg("UCI", control, (sender.id, sender.qualifier), (receiver.id, receiver.qualifier), action, code,
               tag if re.fullmatch(r"UN[A-Z]", tag) else "")  # fmt: skip


def _until_broken(text: str, marks: Marks, start: int) -> tuple[Segment, ...]:
    try:
        return cut(text, marks, start)
    except EdiFault as fault:
        return cut(text[: fault.offset], marks, start)


def read(message: Message) -> dict[str, Any]:
    """Give a partner's acknowledgement: what it is of, and whether it was accepted, as a whole and by message."""
    said: dict[str, Any] = {"kind": "receipt", "messages": []}
    for each in message.segments:
        match each.tag:
            case "AK1":
                said["of"] = each.get(2)
            case "AK2":
                said["messages"].append({"type": each.get(1), "control": each.get(2)})
            case "AK5" if said["messages"]:
                said["messages"][-1] |= {"is_accepted": each.get(1) in ("A", "E"), "code": each.get(2)}
            case "AK9":
                said["is_accepted"] = each.get(1) in ("A", "E")
            case "UCI":
                said |= {"of": each.get(1), "is_accepted": each.get(4) in ("7", "8"), "code": each.get(5)}
            case "UCM":
                said["messages"].append(
                    {"type": each.get(2), "control": each.get(1), "is_accepted": each.get(3) in ("7", "8"),
                     "code": each.get(4)}
                )  # fmt: skip
    if "is_accepted" not in said:
        raise message.head.fault(L("回执没有结论", "the acknowledgement gives no verdict"))
    said["is_accepted"] = said["is_accepted"] and all(each.get("is_accepted", True) for each in said["messages"])
    return said
