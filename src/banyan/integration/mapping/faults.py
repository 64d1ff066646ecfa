"""What can be wrong with a mapping table, and with a payload put through one: the field, the value, the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from banyan.lib.errors import Invalid
from banyan.lib.labels import L, Label

LONGEST_SHOWN = 120


class DefinitionFault(Invalid):
    """The table is no valid mapping; `fields` holds every fault by `fields.N.column`."""

    code = "mapping.definition"
    zh = "映射表有 {count} 处错误：{first}"
    en = "The mapping table has {count} faults: {first}"
    way_out_zh = "按提示修改这些行后再试"
    way_out_en = "Correct the lines named and try again"


class MappingFailed(Invalid):
    """The payload could not be mapped wholly; `fields` holds the faults by target."""

    code = "mapping.failed"
    zh = "映射失败，共 {count} 处：{first}"
    en = "The payload could not be mapped, {count} faults: {first}"
    way_out_zh = "改正来源数据或映射表后重放"
    way_out_en = "Correct the data at the source or the mapping table, then replay"


class Unfit(Exception):
    """A value that a step cannot take: a code, words, the way out. Becomes a `Fault` with its place."""

    def __init__(self, code: str, text: Label, way_out: Label, **facts: Any) -> None:
        super().__init__(code)
        shown = {name: short(value) for name, value in facts.items()}
        self.code, self.text, self.way_out = code, text.filled(shown), way_out.filled(shown)


@dataclass(frozen=True, slots=True)
class Fault:
    """One field without a right value.

    Takes:  target and source with positions, such as `lines[2].item` and `order.rows[2].sku`; given: the value found,
            shortened; code: short and stable, for grouping
    """

    target: str
    source: str
    given: str
    code: str
    text: Label
    way_out: Label

    def as_json(self, language: str | None = None) -> dict[str, str]:
        return {
            "target": self.target, "source": self.source, "given": self.given, "code": self.code,
            "text": self.text.in_(language), "way_out": self.way_out.in_(language),
        }  # fmt: skip


def short(value: Any) -> Any:
    """Give a value as it is shown in a fault: text, not longer than a line."""
    if isinstance(value, Label):
        return value
    text = value if isinstance(value, str) else "" if value is None else _text(value)
    text = "".join(c if c.isprintable() else "�" for c in text[: LONGEST_SHOWN + 1])
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{len(value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if not isinstance(value, int) or abs(value) < 10**LONGEST_SHOWN else "…"


REQUIRED = (
    "required", L("必填，但来源没有值", "needed, but the source has no value"),
    L("在来源补上该值，或在映射表填写默认值", "Fill in the value at the source, or give the field a default"),
)  # fmt: skip
