"""An amount in words, in the capital numerals that Chinese papers bear beside the figure."""

from __future__ import annotations

from decimal import Decimal

from banyan.lib.money import round_money

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")
MOST = Decimal("9999999999999999.99")


def in_capitals(amount: Decimal) -> str:
    """Give an amount of yuan in capitals: 16409.02 is 壹万陆仟肆佰零玖元零贰分, 1500 is 壹仟伍佰元整.

    Gives:  empty above sixteen digits; 负 before what is below zero
    Source: 中国人民银行《支付结算办法》附一《正确填写票据和结算凭证的基本规定》, with its examples
    """
    rounded = round_money(abs(amount))
    if rounded > MOST:
        return ""
    cents = int(rounded * 100)
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    words = f"{_whole(yuan)}元" if yuan else ""
    if not jiao and not fen:
        words = (words or "零元") + "整"
    else:
        words += f"{_DIGITS[jiao]}角" if jiao else "零" if yuan else ""
        words += f"{_DIGITS[fen]}分" if fen else ""
    return ("负" if amount < 0 and cents else "") + words


def _whole(number: int) -> str:
    """Give a whole number in capitals; zeros between digits are said once, those at the end not at all."""
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    words, has_gap = "", False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if not group:
            has_gap = bool(words)
            continue
        if words and (has_gap or group < 1000):
            words += "零"
        words += _group(group) + _GROUPS[place]
        has_gap = False
    return words.replace("万亿", "万", 1) if words.count("亿") > 1 else words


def _group(number: int) -> str:
    words, has_gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            words += ("零" if has_gap else "") + _DIGITS[digit] + _PLACES[place]
        has_gap = bool(words) and not digit
    return words
