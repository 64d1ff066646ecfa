"""The steps a value goes through: `trim | number(decimal=",") | round(2)`. Each takes a value and gives one or refuses.

    number(decimal=",")         a step with an option
    map(new=draft, *=open)      outside value = ours; * is every other
    ours(parties.party)         their code becomes the key of our record

Steps stand in order, joined by `|`. Quotes keep commas, bars and spaces; full-width signs are read too. Nothing given
stays nothing: only `constant`, `count` and `map` with `*` make something of it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from banyan.integration.mapping.faults import Unfit
from banyan.integration.mapping.patterns import Pattern, pattern
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label, plain
from banyan.lib.money import EXACT, rounded
from banyan.lib.quantity import Conversion, parse_decimal

MOST_STEPS = 12
LONGEST = 1_000
LONGEST_TEXT = 100_000
PLACES = 12
DIGITS = 20


class Need(NamedTuple):
    """Something that must be looked up outside: kind is ours, theirs, record or code_of."""

    kind: str
    system: str
    entity: str
    key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a payload's surroundings say. `found` answers needs: ids and codes as text, absent where there is none.

    Takes:  zone: IANA name, for instants written without one; settings: named texts of the system or flow
    """

    system: str = ""
    today: date | None = None
    zone: str = "Asia/Shanghai"
    settings: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[Need, str] = field(default_factory=dict)


class Unanswered(Exception):
    """A need met while needs are being collected."""


@dataclass(slots=True)
class Use:
    """One use of a mapping: the facts, and the needs when they are collected rather than answered."""

    facts: Facts
    needs: set[Need] | None = None

    def look_up(self, need: Need) -> str | None:
        answer = self.facts.found.get(need)
        if answer is None and self.needs is not None:
            self.needs.add(need)
            raise Unanswered
        return answer


Work = Callable[[Any, Use], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step, ready to be taken. `gives` is text, number, bool, date, instant, list or any."""

    text: str
    gives: str
    work: Work
    takes_list: bool = False
    takes_nothing: bool = False
    value_map: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step: its name, words for people, how it is written, and what makes it from its options."""

    name: str
    label: Label
    example: str
    make: Callable[[Options], Step]


@dataclass(slots=True)
class Options:
    """What stands in the brackets of a step; `take` hands out by place or by name, `end` refuses what is left."""

    text: str
    name: str
    places: list[str]
    named: dict[str, str]
    value_maps: Mapping[str, ValueMap]

    def take(self, name: str, default: str | None = None) -> str:
        if name in self.named:
            return self.named.pop(name)
        if self.places:
            return self.places.pop(0)
        if default is None:
            raise bad_step(self.text, L("{step} 缺少 {option}", "{step} lacks {option}"), step=self.name, option=name)
        return default

    def whole(self, name: str, default: int | None, least: int, most: int) -> int:
        given = self.take(name, None if default is None else str(default))
        if not re.fullmatch(r"-?\d{1,6}", given) or not least <= int(given) <= most:
            raise bad_step(
                self.text, L("{option} 须是 {least} 到 {most} 的整数，不能是“{given}”",
                             "{option} must be a whole number from {least} to {most}, not “{given}”"),
                option=name, least=str(least), most=str(most), given=given,
            )  # fmt: skip
        return int(given)

    def one_of(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        given = self.take(name, default)
        if given not in allowed:
            raise bad_step(self.text, L("{option} 只能是 {allowed}，不能是“{given}”",
                                        "{option} must be one of {allowed}, not “{given}”"),
                           option=name, allowed=", ".join(allowed), given=given)  # fmt: skip
        return given

    def end(self) -> None:
        left = [*self.places, *self.named]
        if left:
            raise bad_step(self.text, L("{step} 不认识“{option}”", "{step} knows no “{option}”"),
                           step=self.name, option=left[0])  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Outside values and ours, in order; `unknown` is refuse, pass or default."""

    code: str
    pairs: tuple[tuple[str, str], ...]
    unknown: str = "refuse"
    default: str = ""

    def inward(self) -> dict[str, str]:
        return dict(reversed(self.pairs))

    def outward(self) -> dict[str, str]:
        return {ours: outside for outside, ours in reversed(self.pairs)}


def bad_step(text: str, words: Label, **facts: Any) -> Unfit:
    return Unfit(
        "converter",
        words,
        L('写法如 trim | number(decimal=",")', 'Write trim | number(decimal=",")'),
        **facts,
        converter=text,
    )


KINDS: dict[str, Kind] = {}


def step(name: str, zh: str, en: str, example: str = "") -> Callable[[Callable[[Options], Step]], Any]:
    """Declare a kind of step."""

    def register(make: Callable[[Options], Step]) -> Callable[[Options], Step]:
        KINDS[name] = Kind(name, L(zh, en), example or name, make)
        return make

    return register


# --- the notation -------------------------------------------------------------------------------------------

_WIDE = str.maketrans({"（": "(", "）": ")", "，": ",", "｜": "|", "＝": "="})
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>[(),|=])|(?P<word>[^(),|="']+))"""
)


def steps_of(text: str, value_maps: Mapping[str, ValueMap] | None = None) -> tuple[Step, ...]:
    """Give the steps of a converter's text.

    Raises: Unfit
    """
    if len(text) > LONGEST:
        raise bad_step(text, L(f"最多 {LONGEST} 个字符", f"at most {LONGEST} characters"))
    tokens, spans = _tokens(text)
    made: list[Step] = []
    at = 0
    while at < len(tokens):
        kind, name = tokens[at]
        start = spans[at][0]
        if kind != "word":
            raise bad_step(text, L("“{found}”不应出现在这里", "“{found}” is not expected here"), found=name)
        options, at = _options(text, name, tokens, at + 1, value_maps or {})
        made.append(replace(_made(options), text=text[start : spans[at - 1][1]].strip()))
        if at < len(tokens):
            if tokens[at] != ("sign", "|") or at + 1 == len(tokens):
                raise bad_step(
                    text, L("“{found}”不应出现在这里", "“{found}” is not expected here"), found=tokens[at][1]
                )
            at += 1
    if len(made) > MOST_STEPS:
        raise bad_step(text, L("最多 {most} 步", "at most {most} steps"), most=str(MOST_STEPS))
    return tuple(made)


def _made(options: Options) -> Step:
    kind = KINDS.get(options.name)
    if kind is None:
        near = get_close_matches(options.name, KINDS, n=1)
        words = L("没有名为“{step}”的转换，是否要用“{near}”？", "No step “{step}”; did you mean “{near}”?") if near \
            else L("没有名为“{step}”的转换", "There is no step “{step}”")  # fmt: skip
        raise bad_step(options.text, words, step=options.name, near=near[0] if near else "")
    made = kind.make(options)
    options.end()
    return made


def _tokens(text: str) -> tuple[list[tuple[str, str]], list[tuple[int, int]]]:
    tokens: list[tuple[str, str]] = []
    spans: list[tuple[int, int]] = []
    at = 0
    wide = text.translate(_WIDE)
    while at < len(text):
        if not text[at:].strip():
            break
        found = _TOKEN.match(wide, at)
        if not found:
            raise bad_step(text, L("缺少结束引号", "a closing quote is missing"))
        kind = str(found.lastgroup)
        start = found.start(kind)
        if kind == "quoted":
            tokens.append(("quoted", re.sub(r"\\(.)", r"\1", text[start + 1 : found.end() - 1])))
        elif kind == "sign":
            tokens.append(("sign", wide[start]))
        else:
            tokens.append(("word", text[start : found.end()].strip()))
        at = found.end()
        spans.append((start, at))
    return tokens, spans


def _options(
    text: str, name: str, tokens: list[tuple[str, str]], at: int, value_maps: Mapping[str, ValueMap]
) -> tuple[Options, int]:
    options = Options(text, name.lower(), [], {}, value_maps)
    if at >= len(tokens) or tokens[at] != ("sign", "("):
        return options, at
    at += 1
    while at < len(tokens) and tokens[at] != ("sign", ")"):
        kind, word = tokens[at]
        if kind == "sign":
            raise bad_step(text, L("“{found}”不应出现在这里", "“{found}” is not expected here"), found=word)
        if tokens[at + 1 : at + 2] == [("sign", "=")]:
            value = tokens[at + 2] if at + 2 < len(tokens) else ("sign", "=")
            if value[0] == "sign":
                options.named[word], at = "", at + 2
            else:
                options.named[word], at = value[1], at + 3
        else:
            options.places.append(word)
            at += 1
        if tokens[at : at + 1] == [("sign", ",")]:
            at += 1
    if at >= len(tokens):
        raise bad_step(text, L("缺少右括号", "a closing bracket is missing"))
    return options, at + 1


# --- text ---------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """Give a single value as text; numbers without idle zeros."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return plain(as_number(value))
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise Unfit(
        "not_single",
        L("这里需要单个值，实际是{given}", "one value is needed here, not {given}"),
        L("把来源指到其中一个成员", "Let the source name one of its members"),
        given=value,
    )


def _text_step(options: Options, work: Callable[[str], Any], gives: str = "text") -> Step:
    def run(value: Any, use: Use) -> Any:
        made = work(as_text(value))
        if isinstance(made, str) and len(made) > LONGEST_TEXT:
            raise too_long()
        return made

    return Step(options.text, gives, run)


def too_long() -> Unfit:
    return Unfit("too_large", L(f"文本超过 {LONGEST_TEXT} 个字符", f"the text has more than {LONGEST_TEXT} characters"),
                 L("缩短来源文本，或改传附件", "Shorten the text at the source, or send a file"))  # fmt: skip


@step("text", "文本", "Text")
def _text(options: Options) -> Step:
    return _text_step(options, lambda text: text)


@step("trim", "去首尾空白", "Trim")
def _trim(options: Options) -> Step:
    return _text_step(options, str.strip)


@step("upper", "大写", "Upper case")
def _upper(options: Options) -> Step:
    return _text_step(options, str.upper)


@step("lower", "小写", "Lower case")
def _lower(options: Options) -> Step:
    return _text_step(options, str.lower)


@step("narrow", "全角转半角", "Full width to half width")
def _narrow(options: Options) -> Step:
    return _text_step(options, lambda text: unicodedata.normalize("NFKC", text))


@step("digits", "只留数字", "Digits only")
def _digits(options: Options) -> Step:
    return _text_step(
        options, lambda text: "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")
    )


@step("pad", "补位", "Pad", "pad(8, 0)")
def _pad(options: Options) -> Step:
    width, fill = options.whole("width", None, 1, 400), options.take("fill", "0")
    side = options.one_of("side", ("left", "right"), "left")
    if len(fill) != 1:
        raise bad_step(options.text, L("补位字符只能是一个字符", "pad with one character"))
    return _text_step(options, lambda text: text.rjust(width, fill) if side == "left" else text.ljust(width, fill))


@step("cut", "截取前几个字符", "First characters", "cut(20)")
def _cut(options: Options) -> Step:
    length = options.whole("length", None, 1, LONGEST_TEXT)
    return _text_step(options, lambda text: text[:length])


@step("part", "截取一段", "A part of the text", "part(1, 6)")
def _part(options: Options) -> Step:
    start, length = options.whole("from", None, 1, LONGEST_TEXT), options.whole("length", LONGEST_TEXT, 1, LONGEST_TEXT)
    return _text_step(options, lambda text: text[start - 1 : start - 1 + length])


@step("replace", "替换", "Replace", 'replace("-", "")')
def _replace(options: Options) -> Step:
    old, new = options.take("old"), options.take("new", "")
    if not old:
        raise bad_step(options.text, L("要替换的文本不能为空", "the text to replace is empty"))

    def run(text: str) -> str:
        if new and len(text) + text.count(old) * (len(new) - len(old)) > LONGEST_TEXT:
            raise too_long()
        return text.replace(old, new)

    return _text_step(options, run)


@step("concat", "前后加文本", "Text before and after", "concat(before=SO-)")
def _concat(options: Options) -> Step:
    before, after = options.take("before", ""), options.take("after", "")
    return _text_step(options, lambda text: f"{before}{text}{after}")


@step("split", "按分隔符取第几段", "Piece between separators", 'split("/", 2)')
def _split(options: Options) -> Step:
    separator, at = options.take("by"), options.whole("piece", 0, -100, 10_000)
    if not separator:
        raise bad_step(options.text, L("分隔符不能为空", "the separator is empty"))
    if at == 0:
        return _text_step(options, lambda text: [p.strip() for p in text.split(separator) if p.strip()], "list")

    def run(text: str) -> str | None:
        pieces = text.split(separator)
        place = at - 1 if at > 0 else at
        return pieces[place].strip() if -len(pieces) <= place < len(pieces) else None

    return _text_step(options, run)


@step("join", "列表连成文本", "Join a list", 'join("、")')
def _join(options: Options) -> Step:
    separator = options.take("by", ",")

    def run(value: Any, use: Use) -> str:
        text = separator.join(as_text(one) for one in _many(value))
        if len(text) > LONGEST_TEXT:
            raise too_long()
        return text

    return Step(options.text, "text", run, takes_list=True)


@step("first", "列表第一个", "First of a list")
def _first(options: Options) -> Step:
    return Step(options.text, "any", lambda value, use: next(iter(_many(value)), None), takes_list=True)


@step("last", "列表最后一个", "Last of a list")
def _last(options: Options) -> Step:
    return Step(options.text, "any", lambda value, use: next(reversed(_many(value)), None), takes_list=True)


@step("count", "列表个数", "Count of a list")
def _count(options: Options) -> Step:
    return Step(
        options.text, "number", lambda value, use: Decimal(len(_many(value))), takes_list=True, takes_nothing=True
    )


@step("sum", "列表合计", "Sum of a list")
def _sum(options: Options) -> Step:
    def run(value: Any, use: Use) -> Decimal:
        total = Decimal(0)
        for one in _many(value):
            total = as_number(EXACT.add(total, as_number(one)))
        return total

    return Step(options.text, "number", run, takes_list=True)


def _many(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


# --- numbers ------------------------------------------------------------------------------------------------


def as_number(value: Any) -> Decimal:
    """Give a number of JSON, or one written with a point, as a decimal of at most 12 places; nothing is guessed."""
    if isinstance(value, float):
        value = Decimal(repr(value)) if value == value and abs(value) != float("inf") else "NaN"
    if isinstance(value, Decimal) and value.is_finite() and len(str(value)) > 60:
        value = plain(value)[:61] if abs(value.adjusted()) < 60 else "NaN"
    try:
        return parse_decimal(value, places=PLACES, integer_digits=DIGITS)
    except DomainError as refusal:
        raise Unfit("number", refusal.label, L(
            "检查来源字段，或写明小数点，如 number(decimal=\",\")",
            "Check the source field, or say the decimal mark: number(decimal=\",\")",
        )) from None  # fmt: skip


_MARKS = re.compile(r"[¥￥$€£\s]|元|CNY|RMB|USD|EUR", re.IGNORECASE)


def _number_of(value: Any, decimal: str, group: str) -> Decimal:
    if not isinstance(value, str):
        return as_number(value)
    text = unicodedata.normalize("NFKC", value).strip()
    if group and group in text:
        whole, mark, part = text.partition(decimal)
        pieces = whole.lstrip("+-").split(group)
        if group in part or any(len(p) != 3 for p in pieces[1:]) or not 1 <= len(pieces[0]) <= 3:
            raise Unfit("number", L("“{given}”的千位分隔不对", "the thousands of “{given}” are not grouped by three"),
                        L("检查小数点和千位符的设置", "Check which is the decimal mark and which groups the thousands"),
                        given=value)  # fmt: skip
        text = whole.replace(group, "") + mark + part
    if decimal != ".":
        if "." in text:
            raise Unfit("number", L("“{given}”里有小数点“.”，但设置的是“{mark}”",
                                    "“{given}” has a point, but the decimal mark is “{mark}”"),
                        L("检查小数点的设置", "Check the decimal mark"), given=value, mark=decimal)  # fmt: skip
        text = text.replace(decimal, ".")
    return as_number(text)


def _fixed(number: Decimal, places: int, way_out: Label) -> Decimal:
    if rounded(number, places) != number:
        raise Unfit("number", L("{given} 超过 {places} 位小数", "{given} has more than {places} places"), way_out,
                    given=plain(number), places=str(places))  # fmt: skip
    return rounded(number, places)


_ROUND_FIRST = L("在前面加 round(位数)，或改来源", "Put round(places) before it, or correct the source")


@step("number", "数字", "Number", 'number(decimal=",")')
def _number(options: Options) -> Step:
    decimal = options.take("decimal", ".")
    group = options.take("group", "," if decimal == "." else "." if decimal == "," else "")
    places = options.whole("places", -1, -1, PLACES)
    if len(decimal) != 1 or decimal == group:
        raise bad_step(
            options.text, L("小数点和千位符须是不同的单个字符", "decimal mark and group must be two characters")
        )

    def run(value: Any, use: Use) -> Decimal:
        number = _number_of(value, decimal, group)
        return number if places < 0 else _fixed(number, places, _ROUND_FIRST)

    return Step(options.text, "number", run)


@step("quantity", "数量（6 位小数）", "Quantity (6 places)")
def _quantity(options: Options) -> Step:
    return Step(options.text, "number", lambda value, use: _fixed(_number_of(value, ".", ","), 6, _ROUND_FIRST))


@step("integer", "整数", "Whole number")
def _integer(options: Options) -> Step:
    return Step(options.text, "number", lambda value, use: _fixed(_number_of(value, ".", ","), 0, _ROUND_FIRST))


@step("round", "四舍五入", "Round", "round(2)")
def _round(options: Options) -> Step:
    places = options.whole("places", 0, 0, PLACES)
    return Step(options.text, "number", lambda value, use: rounded(as_number(value), places))


@step("times", "乘以", "Times", "times(0.5)")
def _times(options: Options) -> Step:
    factor = as_number(options.take("factor"))

    def run(value: Any, use: Use) -> Decimal:
        return as_number(rounded(EXACT.multiply(as_number(value), factor), PLACES))

    return Step(options.text, "number", run)


_MINOR = {"yuan": 0, "fen": 2, "cents": 2, "li": 3}


@step("money", "金额：元或分 → 元", "Amount: yuan or fen to yuan", "money(fen)")
def _money(options: Options) -> Step:
    places = _MINOR[options.one_of("unit", tuple(_MINOR), "yuan")]

    def run(value: Any, use: Use) -> Decimal:
        number = _number_of(_MARKS.sub("", value) if isinstance(value, str) else value, ".", ",")
        if places:
            number = _fixed(
                number,
                0,
                L(
                    "分必须是整数；来源若是元，请用 money",
                    "Fen are whole; use money without fen if the source sends yuan",
                ),
            ).scaleb(-places, context=EXACT)
        return _fixed(number, 2, _ROUND_FIRST)  # fmt: skip

    return Step(options.text, "number", run)


@step("to_money", "金额：元 → 分", "Amount: yuan to fen", "to_money(fen)")
def _to_money(options: Options) -> Step:
    places = _MINOR[options.one_of("unit", tuple(_MINOR), "fen")]
    return Step(
        options.text,
        "number",
        lambda value, use: (
            _fixed(as_number(value).scaleb(places, context=EXACT), 0, _ROUND_FIRST)
            if places
            else _fixed(as_number(value), 2, _ROUND_FIRST)
        ),
    )


# --- units --------------------------------------------------------------------------------------------------

#: Each unit as a fraction of the first of its family, exactly. Source: SI; 1959 yard and pound; GB 3100.
_UNITS: dict[str, dict[str, tuple[int, int]]] = {
    "mass": {"kg": (1, 1), "g": (1, 1000), "mg": (1, 1_000_000), "t": (1000, 1), "jin": (1, 2), "liang": (1, 20),
             "lb": (45_359_237, 100_000_000), "oz": (45_359_237, 1_600_000_000)},
    "length": {"m": (1, 1), "mm": (1, 1000), "cm": (1, 100), "dm": (1, 10), "km": (1000, 1),
               "in": (254, 10_000), "ft": (3048, 10_000), "yd": (9144, 10_000)},
    "area": {"m2": (1, 1), "cm2": (1, 10_000), "mm2": (1, 1_000_000), "ft2": (9_290_304, 100_000_000)},
    "volume": {"l": (1, 1), "ml": (1, 1000), "m3": (1000, 1), "cm3": (1, 1000),
               "gal": (3_785_411_784, 1_000_000_000)},
    "time": {"s": (1, 1), "ms": (1, 1000), "min": (60, 1), "h": (3600, 1), "d": (86_400, 1)},
    "count": {"pcs": (1, 1), "pair": (2, 1), "doz": (12, 1), "gross": (144, 1), "k": (1000, 1)},
}  # fmt: skip
_UNIT_WORDS = {
    "千克": "kg", "公斤": "kg", "kgs": "kg", "克": "g", "毫克": "mg", "吨": "t", "斤": "jin", "两": "liang",
    "磅": "lb", "lbs": "lb", "盎司": "oz", "米": "m", "毫米": "mm", "厘米": "cm", "分米": "dm", "千米": "km",
    "公里": "km", "英寸": "in", "英尺": "ft", "码": "yd", "平方米": "m2", "㎡": "m2", "升": "l", "毫升": "ml",
    "立方米": "m3", "秒": "s", "毫秒": "ms", "分钟": "min", "小时": "h", "天": "d", "个": "pcs", "件": "pcs",
    "只": "pcs", "pc": "pcs", "ea": "pcs", "双": "pair", "对": "pair", "打": "doz", "dozen": "doz",
    "罗": "gross", "千件": "k",
}  # fmt: skip


def factor_of(one: str, other: str) -> Conversion:
    """Give the conversion between two physical units. Raises: Unfit."""
    names = [_UNIT_WORDS.get(name, name) for name in (unicodedata.normalize("NFKC", u).strip().lower()
                                                       for u in (one, other))]  # fmt: skip
    for units in _UNITS.values():
        if names[0] in units and names[1] in units:
            return Conversion(*units[names[0]]).then(Conversion(*units[names[1]]).back())
    raise Unfit("unit", L("不能从“{one}”换算到“{other}”", "“{one}” cannot be converted into “{other}”"),
                L("用 times(系数)，或先用 map 统一单位名", "Use times(factor), or map the unit's name first"),
                one=one, other=other)  # fmt: skip


@step("unit", "单位换算", "Unit conversion", "unit(g, kg)")
def _unit(options: Options) -> Step:
    one, other = options.take("from"), options.take("to")
    places = options.whole("places", 6, 0, PLACES)
    conversion = factor_of(one, other)
    return Step(options.text, "number",
                lambda value, use: conversion.convert(as_number(value), places))  # fmt: skip


# --- dates --------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL = datetime(1899, 12, 30)


def _instant_of(value: Any, shape: Pattern, zone: ZoneInfo | None, use: Use) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    elif shape.name in ("unix", "unix_ms", "excel"):
        number = as_number(value)
        try:
            if shape.name == "excel":
                moment = _EXCEL + timedelta(milliseconds=int(rounded(number * 86_400_000, 0)))
            else:
                moment = _EPOCH + timedelta(milliseconds=int(number * (1000 if shape.name == "unix" else 1)))
        except OverflowError:
            raise _no_date(value, shape) from None
    else:
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise _no_date(value, shape)
        found = shape.read(unicodedata.normalize("NFKC", str(value)).strip())
        if found is None:
            raise _no_date(value, shape)
        moment = found
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or ZoneInfo(use.facts.zone))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _no_date(value, shape) from None


def _no_date(value: Any, shape: Pattern) -> Unfit:
    return Unfit("date", L("“{given}”不是 {shape} 格式的日期", "“{given}” is not a date written {shape}"),
                 L("检查日期格式，如 date(YYYY/MM/DD)", "Check the format, such as date(DD.MM.YYYY)"),
                 given=value, shape=shape.text)  # fmt: skip


def _zone(options: Options, name: str = "zone") -> ZoneInfo | None:
    given = options.take(name, "")
    if not given:
        return None
    try:
        return ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        raise bad_step(options.text, L("没有时区“{zone}”", "There is no time zone “{zone}”"), zone=given) from None


def _shape(options: Options, default: str) -> Pattern:
    given = options.take("format", default)
    made = pattern(given)
    if made is None:
        raise bad_step(options.text, L("“{shape}”不是日期格式", "“{shape}” is not a date format"), shape=given)
    return made


@step("date", "日期", "Date", "date(YYYY/MM/DD)")
def _date(options: Options) -> Step:
    shape, zone = _shape(options, "iso"), _zone(options)

    def run(value: Any, use: Use) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        moment = _instant_of(value, shape, zone, use)
        return moment.astimezone(zone or ZoneInfo(use.facts.zone)).date()

    return Step(options.text, "date", run)


@step("instant", "时间点", "Date and time", 'instant("YYYY-MM-DD HH:mm:ss", Asia/Shanghai)')
def _instant(options: Options) -> Step:
    shape, zone = _shape(options, "iso"), _zone(options)
    return Step(options.text, "instant", lambda value, use: _instant_of(value, shape, zone, use))


@step("format", "日期写成文本", "Write a date", "format(YYYYMMDD)")
def _format(options: Options) -> Step:
    shape, zone = _shape(options, "iso"), _zone(options)
    iso = pattern("iso")
    assert iso is not None

    def run(value: Any, use: Use) -> Any:
        there = zone or ZoneInfo(use.facts.zone)
        if isinstance(value, str) and len(value) == 10 or (isinstance(value, date) and not isinstance(value, datetime)):
            moment = _instant_of(value, iso, there, use)
        else:
            moment = _instant_of(value, iso, None, use)
        if shape.name in ("unix", "unix_ms"):
            milliseconds = int((moment - _EPOCH) / timedelta(milliseconds=1))
            return Decimal(milliseconds if shape.name == "unix_ms" else milliseconds // 1000)
        return shape.write(moment.astimezone(there))

    return Step(options.text, "number" if shape.name in ("unix", "unix_ms") else "text", run)


# --- yes and no ---------------------------------------------------------------------------------------------

_YES = frozenset({"true", "1", "yes", "y", "on", "t", "是", "对", "有", "真", "√", "x"})
_NO = frozenset({"false", "0", "no", "n", "off", "f", "否", "不", "无", "假", "×"})


@step("bool", "是/否", "Yes or no", "bool(Y, N)")
def _bool(options: Options) -> Step:
    yes, no = options.take("yes", ""), options.take("no", "")
    truths, lies = (frozenset({yes.lower()}), frozenset({no.lower()})) if yes else (_YES, _NO)

    def run(value: Any, use: Use) -> bool:
        if isinstance(value, bool) and not yes:
            return value
        word = unicodedata.normalize("NFKC", as_text(value)).strip().lower()
        if word in truths:
            return True
        if word in lies:
            return False
        raise Unfit("bool", L("“{given}”既不是“是”也不是“否”", "“{given}” is neither yes nor no"),
                    L("写明用词，如 bool(Y, N)", "Say the words: bool(Y, N)"), given=value)  # fmt: skip

    return Step(options.text, "bool", run)


@step("yes_no", "是/否写成文本", "Write yes or no", "yes_no(Y, N)")
def _yes_no(options: Options) -> Step:
    yes, no = options.take("yes", "Y"), options.take("no", "N")

    def run(value: Any, use: Use) -> str:
        if not isinstance(value, bool):
            raise Unfit("bool", L("“{given}”不是 true 或 false", "“{given}” is not true or false"),
                        L("在前面加 bool", "Put bool before it"), given=value)  # fmt: skip
        return yes if value else no

    return Step(options.text, "text", run)


# --- values and keys ----------------------------------------------------------------------------------------


@step("map", "对照值：外部 → 我方", "Value map: theirs to ours", "map(order_state)")
def _map(options: Options) -> Step:
    if options.named:
        pairs = tuple(options.named.items())
        options.named = {}
        rest = dict(pairs).get("*")
        known = ValueMap(
            "", tuple(p for p in pairs if p[0] != "*"), "refuse" if rest is None else "default", rest or ""
        )
        return _map_step(options, known, known.inward())
    known = _value_map(options)
    return _map_step(options, known, known.inward())


@step("map_out", "对照值：我方 → 外部", "Value map: ours to theirs", "map_out(order_state)")
def _map_out(options: Options) -> Step:
    known = _value_map(options)
    # a default is one of our values: on the way out it stands in for what no line names, in their words
    backward = known.outward()
    return _map_step(options, known, backward, default=backward.get(known.default, known.default))


def _value_map(options: Options) -> ValueMap:
    code = options.take("code")
    if code not in options.value_maps:
        raise bad_step(options.text, L("没有对照值表“{map}”", "There is no value map “{map}”"), map=code)
    return options.value_maps[code]


def _map_step(options: Options, known: ValueMap, pairs: Mapping[str, str], default: str | None = None) -> Step:
    fallback = known.default if default is None else default

    def run(value: Any, use: Use) -> Any:
        word = as_text(value).strip() if value is not None else None
        if word is not None and word in pairs:
            return pairs[word]
        if known.unknown == "default":
            return fallback or None
        if word is None or known.unknown == "pass":
            return value
        raise Unfit("unknown_value", L("对照值里没有“{given}”", "“{given}” is in no line of the value map"),
                    L("在对照值表 {map} 中加一行", "Add a line to the value map {map}"), given=value,
                    map=known.code or options.text)  # fmt: skip

    return Step(options.text, "text", run, takes_nothing=known.unknown == "default", value_map=known.code)


_LOOKUPS = {
    "ours": (L("外部编码 → 我方记录", "Their code to our record"), L("主键对照", "key links")),
    "theirs": (L("我方记录 → 外部编码", "Our record to their code"), L("主键对照", "key links")),
    "record": (L("我方编码 → 记录", "Our code to the record"), L("我方编码", "our codes")),
    "code_of": (L("记录 → 我方编码", "The record to our code"), L("我方记录", "our records")),
}


def _lookup(kind: str) -> Callable[[Options], Step]:
    def make(options: Options) -> Step:
        entity = options.take("entity")
        unknown = options.one_of("unknown", ("refuse", "pass", "nothing"), "refuse")
        system = options.take("system", "") if kind in ("ours", "theirs") else ""
        if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", entity):
            raise bad_step(
                options.text,
                L("“{entity}”不是实体，如 parties.party", "“{entity}” is no entity such as parties.party"),
                entity=entity,
            )

        def run(value: Any, use: Use) -> Any:
            key = as_text(value).strip()
            where = (system or use.facts.system) if kind in ("ours", "theirs") else ""
            answer = use.look_up(Need(kind, where, entity, key))
            if answer is not None or unknown == "nothing":
                return answer
            if unknown == "pass":
                return value
            raise Unfit(
                "unknown_key", L("{where}里没有 {entity} 的“{given}”", "{where} know no {entity} “{given}”"),
                L("在主键对照中关联它，或先同步该档案", "Link it among the key links, or bring the record over first"),
                given=value, entity=entity, where=_LOOKUPS[kind][1],
            )  # fmt: skip

        return Step(options.text, "text", run)

    return make


for _kind, (_label, _) in _LOOKUPS.items():
    KINDS[_kind] = Kind(_kind, _label, f"{_kind}(parties.party)", _lookup(_kind))


# --- the rest -----------------------------------------------------------------------------------------------


@step("constant", "固定值", "Constant", "constant(EA)")
def _constant(options: Options) -> Step:
    value = options.take("value")
    return Step(options.text, "any", lambda given, use: value, takes_nothing=True)


@step("setting", "系统设置的值", "A setting of the system", "setting(warehouse)")
def _setting(options: Options) -> Step:
    name = options.take("name")
    return Step(options.text, "text", lambda given, use: use.facts.settings.get(name), takes_nothing=True)


@step("json", "原样写成 JSON 文本", "Write as JSON text")
def _json(options: Options) -> Step:
    def run(value: Any, use: Use) -> str:
        text = json.dumps(value, ensure_ascii=False, default=str)
        if len(text) > LONGEST_TEXT:
            raise too_long()
        return text

    return Step(options.text, "text", run, takes_list=True)
