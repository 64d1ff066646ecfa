"""What can be wrong with an expression, in words and with the place."""

from typing import Any

from banyan.lib.errors import Invalid
from banyan.lib.labels import L, Label


class ExpressionFault(Invalid):
    """The text is no valid expression; found when it is compiled."""

    code = "expression.fault"
    zh = "表达式有误"
    en = "The expression is not valid"


class ExpressionFailed(Invalid):
    """The expression is valid, but has no value for these data; found when it is evaluated."""

    code = "expression.failed"
    zh = "表达式无法计算"
    en = "The expression has no value for these data"


_FAULTS = {
    "too_long": L("表达式最多 {most} 个字符", "an expression has at most {most} characters"),
    "too_deep": L("嵌套超过 {most} 层", "nested more than {most} deep"),
    "unknown_character": L("不能使用字符“{character}”", "the character “{character}” means nothing here"),
    "unclosed_text": L("文本缺少结束引号", "the text lacks its closing quote"),
    "unknown_escape": L("文本中不能使用“{escape}”", "“{escape}” means nothing inside a text"),
    "unexpected": L("此处不应出现“{found}”", "“{found}” is not expected here"),
    "unexpected_end": L("表达式不完整", "the expression ends too early"),
    "chained_comparison": L(
        "比较不能连写，请用 and 连接", "comparisons cannot be chained; join them with and"
    ),
    "unknown_name": L("没有名为“{name}”的字段", "there is no field “{name}”"),
    "unknown_function": L("没有名为“{name}”的函数", "there is no function “{name}”"),
    "argument_count": L(
        "{function} 需要 {wanted} 个参数，实际为 {found} 个",
        "{function} takes {wanted} arguments, not {found}",
    ),
    "wrong_type": L("{where} 需要{wanted}，实际为{found}", "{where} needs {wanted}, not {found}"),
    "different_types": L("{one}与{other}不能一起使用", "{one} and {other} do not go together"),
    "one_value": L("此处需要单个值，实际为{found}", "one value is needed here, not {found}"),
    "needs_list": L("{function} 需要列表", "{function} needs a list"),
    "two_lists": L("{function} 一次只能用于一个列表", "{function} works on one list at a time"),
    "list_in_list": L(
        "“{name}”是列表中的列表，不能使用", "“{name}” is a list inside a list and cannot be used"
    ),
    "empty_list": L("列表至少要有一个值", "a list needs at least one value"),
    "wrong_result": L("结果应为{wanted}，实际为{found}", "the result must be {wanted}, not {found}"),
    "number_too_large": L("数字超出范围", "the number is out of range"),
    "number_too_fine": L("小数最多 {places} 位", "a number has at most {places} decimal places"),
    "no_such_date": L("“{given}”不是有效日期", "“{given}” is not a date"),
    "division_by_zero": L("除数为零", "division by zero"),
    "not_whole": L("{function} 需要整数，实际为 {given}", "{function} needs a whole number, not {given}"),
    "not_a_number": L("“{given}”不是数字", "“{given}” is not a number"),
    "text_too_long": L("文本超过 {most} 个字符", "the text has more than {most} characters"),
    "places_range": L("小数位数须在 0 到 {most} 之间", "decimal places must be between 0 and {most}"),
    "too_many_steps": L("计算超过 {most} 步", "it takes more than {most} steps"),
    "no_value": L("没有提供“{name}”的值", "no value was given for “{name}”"),
    "wrong_value": L("“{name}”的值不是{wanted}", "the value of “{name}” is not {wanted}"),
}


def fault(kind: str, at: int, way_out: Label | None = None, **facts: Any) -> ExpressionFault:
    """Give the fault of a text, with the position counted from 1."""
    return ExpressionFault(
        f"expression.{kind}", _placed(kind), {**facts, "position": at + 1}, way_out=way_out
    )


def failed(kind: str, at: int, **facts: Any) -> ExpressionFailed:
    """Give the failure of an evaluation, with the position counted from 1."""
    return ExpressionFailed(f"expression.{kind}", _placed(kind), {**facts, "position": at + 1})


def _placed(kind: str) -> Label:
    words = _FAULTS[kind]
    return L(f"第 {{position}} 个字符：{words.zh}", f"At character {{position}}: {words.en}")
