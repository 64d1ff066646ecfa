"""What a migration did, so that every row of the source is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from banyan.lib.labels import L, Label, plain

SHOWN = 8
RECONCILED = L(
    "与来源勾稽一致：每行都有交代，每个合计都相符", "Reconciled: every row is accounted for, every sum agrees"
)
NOT_RECONCILED = L(
    "与来源勾稽不一致：见上面的“没有交代”、≠ 和 !", "NOT reconciled: see NOT ACCOUNTED FOR, ≠ and ! above"
)


@dataclass(slots=True)
class StepResult:
    """What became of the records of one noun."""

    noun: str
    label: Label
    made: int = 0
    changed: int = 0
    unchanged: int = 0
    adopted: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What became of the rows of one file; `open` are rows that nobody accounts for."""

    name: str
    rows: int
    brought: int
    left: tuple[tuple[Label, tuple[int, ...]], ...]
    open: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TotalResult:
    """A sum in the source beside the same sum here."""

    label: Label
    theirs: Decimal
    ours: Decimal
    tolerance: Decimal

    @property
    def agrees(self) -> bool:
        return abs(self.theirs - self.ours) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not done to a record that is there."""

    noun: str
    key: str
    text: Label


@dataclass(slots=True)
class Report:
    """The whole account."""

    system: str
    title: Label
    steps: list[StepResult] = field(default_factory=list)
    sources: list[SourceResult] = field(default_factory=list)
    totals: list[TotalResult] = field(default_factory=list)
    notes: list[tuple[int, Label]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def made(self) -> int:
        return sum(step.made for step in self.steps)

    @property
    def changed(self) -> int:
        return sum(step.changed for step in self.steps)

    @property
    def is_reconciled(self) -> bool:
        """Say whether every row is accounted for, every sum agrees and nothing was left undone."""
        return not (
            any(source.open for source in self.sources)
            or any(not total.agrees for total in self.totals)
            or self.problems
        )

    def as_json(self) -> dict[str, Any]:
        """Give all of it, every row number included, as JSON data."""
        return {
            "system": self.system, "seconds": round(self.seconds, 2), "is_reconciled": self.is_reconciled,
            "steps": [
                {"noun": s.noun, "made": s.made, "changed": s.changed, "unchanged": s.unchanged,
                 "adopted": s.adopted, "left": s.left}
                for s in self.steps
            ],
            "sources": [
                {"name": s.name, "rows": s.rows, "brought": s.brought, "open": list(s.open),
                 "left": [{"zh": why.zh, "en": why.en, "rows": list(rows)} for why, rows in s.left]}
                for s in self.sources
            ],
            "totals": [
                {"zh": t.label.zh, "en": t.label.en, "theirs": plain(t.theirs), "ours": plain(t.ours),
                 "agrees": t.agrees}
                for t in self.totals
            ],
            "notes": [{"count": count, "zh": text.zh, "en": text.en} for count, text in self.notes],
            "problems": [
                {"noun": p.noun, "key": p.key, "zh": p.text.zh, "en": p.text.en} for p in self.problems
            ],
        }  # fmt: skip

    def lines(self, language: str) -> Iterator[str]:
        """Give the account as lines for a terminal."""
        zh = language == "zh"
        yield self.title.in_(language)
        yield "单据与档案：" if zh else "Records:"
        for step in self.steps:
            counts = (step.made, step.changed, step.unchanged + step.adopted, step.left)
            words = "新建 {:,}，修改 {:,}，不变 {:,}，未导入 {:,}" if zh else (
                "{:,} made, {:,} changed, {:,} as they were, {:,} left out")  # fmt: skip
            yield f"  {step.noun:<26} {step.label.in_(language)}: {words.format(*counts)}"
        yield "来源文件：" if zh else "Source files:"
        for source in self.sources:
            words = (
                "共 {:,} 行，导入 {:,}，未导入 {:,}" if zh else "{:,} rows, {:,} brought in, {:,} left out"
            )
            left = sum(len(rows) for _, rows in source.left)
            yield f"  {source.name:<26} {words.format(source.rows, source.brought, left)}"
            for why, rows in source.left:
                yield f"    {len(rows):,} × {why.in_(language)} ({_shown(rows, zh)})"
            if source.open:
                yield f"    {'没有交代' if zh else 'NOT ACCOUNTED FOR'}: {_shown(source.open, zh)}"
        for count, text in self.notes:
            yield f"* {text.filled({'n': f'{count:,}'}).in_(language)}"
        yield "合计核对：" if zh else "Totals:"
        for total in self.totals:
            mark = "=" if total.agrees and total.theirs == total.ours else "≈" if total.agrees else "≠"
            yield f"  {total.label.in_(language)}: {plain(total.theirs)} {mark} {plain(total.ours)}"
        for problem in self.problems[:SHOWN]:
            yield f"! {problem.noun} {problem.key}: {problem.text.in_(language)}"
        if len(self.problems) > SHOWN:
            rest = len(self.problems) - SHOWN
            yield f"! 另有 {rest} 项" if zh else f"! and {rest} more"
        words = "新建 {:,}，修改 {:,}，用时 {:.1f} 秒" if zh else "{:,} made, {:,} changed, in {:.1f} s"
        yield words.format(self.made, self.changed, self.seconds)
        yield (RECONCILED if self.is_reconciled else NOT_RECONCILED).in_(language)


def _shown(rows: tuple[int, ...], zh: bool) -> str:
    shown = ", ".join(str(row) for row in rows[:SHOWN])
    more = "…" if len(rows) > SHOWN else ""
    return f"行 {shown}{more}" if zh else f"rows {shown}{more}"
