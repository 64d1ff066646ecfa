"""The load report as one HTML file that needs nothing else: figures, charts, the machine; Chinese and English."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

from _floor import Day
from _measures import Figure

from banyan.kernel import db

SPAN = 5.0
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_NAMES = {
    "floor_1000_people_p95_ms": ("95% 的操作在此时间内答复", "95 % of acts answered within"),
    "floor_day_p95_ms": ("读取当日任务，95%", "Reading the day, 95 %"),
    "floor_acts_per_s": ("平均每秒操作", "Acts a second on average"),
}


def write(
    file: Path, figures: Sequence[Figure], day: Day | None, *, people: int, stations: int, booked: int,
    targets: Mapping[str, tuple[float, float]],
) -> None:
    """Write the report of what was measured."""
    body = "".join((
        _head(people, booked, day), _cards(figures, targets), _people(day, people, targets), _rates(figures, targets),
        _how(people, stations), _machine(),
    ))  # fmt: skip
    file.write_text(
        "<!doctype html><html lang=zh-Hans><meta charset=utf-8><meta name=viewport content='width=device-width,"
        f"initial-scale=1'><title>Banyan 榕 · 负载报告 Load report</title><style>{_STYLE}</style>"
        "<input class=pick type=radio name=l id=zh checked><input class=pick type=radio name=l id=en>"
        f"<label for=zh>中文</label><label for=en>English</label><main>{body}</main></html>",
        encoding="utf-8",
    )


def both(zh: str, en: str) -> str:
    """Give a text in both languages, of which the page shows one."""
    return f"<span class=zh>{escape(zh)}</span><span class=en lang=en>{escape(en)}</span>"


def _head(people: int, booked: int, day: Day | None) -> str:
    acts = len(day.acts) if day else 0
    return (
        f"<p class=dim>{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · Banyan {escape(version('banyan'))}</p>"
        f"<h1>{both('车间负载报告', 'Shop floor load report')}</h1><p>"
        + both(
            f"{people:,} 人用工牌登录工位；{booked:,} 次报工，每次都在台账、账簿和工资中各记一次。"
            + (f"上班时段 {acts:,} 次操作，没有错误。" if day else ""),
            f"{people:,} people signed in at stations by badge; {booked:,} reports, each once in the ledger, in the "
            "books and in wages. " + (f"{acts:,} acts in the time at work, without an error." if day else ""),
        )
        + "</p>"
    )


def _value(figure: Figure) -> str:
    return f"{figure.value:,.0f}" if figure.value >= 10 else f"{figure.value:.1f}"


def _cards(figures: Sequence[Figure], targets: Mapping[str, tuple[float, float]]) -> str:
    found = {figure.name: figure for figure in figures}
    shown = [(k, *_NAMES[k]) for k in _NAMES if k in found]
    if "floor_reports_per_s_32" in found:
        shown.insert(0, ("floor_reports_per_s_32", "32 人同时报工，每秒", "Reports a second, 32 people at once"))
    made = []
    for key, zh, en in shown:
        figure, promised = found[key], targets.get(key)
        unit = " ms" if figure.unit == "ms" else ""
        note = ""
        if promised:
            is_kept = figure.value <= promised[0] if unit else figure.value >= promised[0]
            sign, more = ("≤" if unit else "≥"), "ok" if is_kept else "bad"
            limit = f"{sign} {promised[0]:g}{unit}"
            note = f"<small class={more}>{both(f'承诺 {limit}', f'promised {limit}')}</small>"
        made.append(f"<div class=card>{both(zh, en)}<strong>{_value(figure)}{unit}</strong>{note}</div>")
    return f"<div class=cards>{''.join(made)}</div>"


def _people(day: Day | None, people: int, targets: Mapping[str, tuple[float, float]]) -> str:
    if day is None or not day.acts:
        return ""
    limit = targets["floor_1000_people_p95_ms"][0]
    return (
        f"<h2>{both(f'{people:,} 人上班：答复时间', f'{people:,} people at work: time to answer')}</h2>"
        + _times(day.by_time(SPAN), limit)
        + "<p class=dim>"
        + both(
            f"实线：每 {SPAN:.0f} 秒内 95% 的操作；虚线：中位数；点线：承诺的 {limit:g} 毫秒。"
            "时间从操作到期时算起，排队也计入。",
            f"Solid: 95 % of the acts of each {SPAN:.0f} seconds; dashed: the median; dotted: the {limit:g} ms "
            "promised. Time counts from when an act was due, so that waiting is in it.",
        )
        + "</p>"
    )


WIDTH, HEIGHT, LEFT, BASE = 900, 300, 56, 34


def _times(spans: Sequence[tuple[float, float, float, int]], limit: float) -> str:
    """Draw the percentiles over time."""
    most = max([limit * 1.15, *(p95 for _, _, p95, _ in spans)])
    last = max(at for at, *_ in spans)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 16) * at / max(last, 1)

    def y(ms: float) -> float:
        return HEIGHT - BASE - (HEIGHT - BASE - 16) * ms / most

    def line(place: int, css: str) -> str:
        points = " ".join(f"{x(row[0]):.1f},{y(row[place]):.1f}" for row in spans)
        return f'<polyline class={css} points="{points}"/>'

    step = next(s for s in (50, 100, 200, 500, 1000, 2000, 5000, 10**6) if most / s <= 6)
    marks = "".join(
        f'<line class=grid x1={LEFT} x2={WIDTH - 16} y1="{y(ms):.1f}" y2="{y(ms):.1f}"/>'
        f'<text x={LEFT - 8} y="{y(ms) + 4:.1f}" text-anchor=end>{ms}</text>'
        for ms in range(0, int(most) + 1, step)
    )
    times = "".join(
        f'<text x="{x(at):.1f}" y={HEIGHT - 12} text-anchor=middle>{at} s</text>' for at in range(0, int(last) + 1, 15)
    )
    promised = f'<line class=limit x1={LEFT} x2={WIDTH - 16} y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="ms">{marks}{times}{promised}'
        f"<text x=8 y=14>ms</text>{line(1, 'p50')}{line(2, 'p95')}</svg>"
    )


def _rates(figures: Sequence[Figure], targets: Mapping[str, tuple[float, float]]) -> str:
    found = {f.name: f for f in figures}
    counts = [int(m[1]) for f in figures if (m := re.fullmatch(r"floor_reports_per_s_(\d+)", f.name))]
    if not counts:
        return ""
    most = max(found[f"floor_reports_per_s_{n}"].value for n in counts) * 1.15
    width = (WIDTH - LEFT) / len(counts)
    bars = []
    for place, n in enumerate(counts):
        value, p95 = found[f"floor_reports_per_s_{n}"].value, found[f"floor_report_p95_ms_{n}"].value
        tall = (HEIGHT - BASE - 30) * value / most
        left = LEFT + place * width + width * 0.2
        bars.append(
            f'<rect class=bar x="{left:.1f}" y="{HEIGHT - BASE - tall:.1f}" width="{width * 0.6:.1f}" '
            f'height="{tall:.1f}" rx=4 />'
            f'<text class=value x="{left + width * 0.3:.1f}" y="{HEIGHT - BASE - tall - 8:.1f}" text-anchor=middle>'
            f"{value:,.0f} /s · p95 {p95:,.0f} ms</text>"
            f'<text x="{left + width * 0.3:.1f}" y={HEIGHT - 12} text-anchor=middle>{n}</text>'
        )
    return (
        f"<h2>{both('同时报工的人数与每秒报工数', 'People reporting at once, and reports a second')}</h2>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="reports/s">'
        f'<line class=grid x1={LEFT} x2={WIDTH - 16} '
        f"y1={HEIGHT - BASE} y2={HEIGHT - BASE} />{''.join(bars)}</svg><p class=dim>"
        + both(
            "每人不停地报：上一次答复后立即下一次。", "Nobody pauses: the next report follows the answer to the last."
        )
        + "</p>"
    )


def _how(people: int, stations: int) -> str:
    return f"<h2>{both('怎样测量', 'How it was measured')}</h2><p>" + both(
        f"{people:,} 人、{stations:,} 台工位设备，同一台机器上的服务器（两个网页进程）和数据库，经本机网络，"
        "每次提交都落盘。每人平均每 30 秒操作一次，七成报工、三成读取当日任务。"
        "每次报工在一个事务中写入：报工台账、工序数量、"
        "在制品会计分录、计件工资、审计和事件；班组长同时每半秒审核一次报工和工资。"
        "结束后核对：工序数量 = 台账 = 分录 = 工资 = 发出的报工。",
        f"{people:,} people and {stations:,} station devices, server (two web processes) and database on one machine, "
        "over loopback, every commit on disk. Everybody acts every 30 seconds on average: seven in ten report, three "
        "read their day. Each report writes in one transaction: the ledger of reports, the operation's counters, the "
        "entry of work in process, piece wages, audit and event; a leader approves reports and wages every half second "
        "meanwhile. At the end counters, ledger, entries and wages were compared with what was sent: all agree.",
    ) + "</p>"  # fmt: skip


def _machine() -> str:
    rows = (
        (("处理器", "Processor"), f"{os.cpu_count()} × {_processor()}"),
        (("内存", "Memory"), f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        (("操作系统", "Operating system"), f"{platform.system()} {platform.release()}"),
        (("数据库", "Database"), f"PostgreSQL {db.one('SHOW server_version')[0]}"),
        (("Python", "Python"), platform.python_version()),
        (("负载", "Load before"), f"{os.getloadavg()[2]:.1f}"),
    )
    cells = "".join(f"<tr><th scope=row>{both(*label)}<td>{escape(text)}</tr>" for label, text in rows)
    return f"<h2>{both('机器', 'The machine')}</h2><table>{cells}</table>"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.machine()
