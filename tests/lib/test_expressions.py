"""The cases stand in expressions.json, so that another evaluator can prove itself by them.

`python3 tests/lib/test_expressions.py` writes their trees anew into expressions_trees.json.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.lib.expressions import ExpressionFailed, ExpressionFault, Type, compile

HERE = Path(__file__).parent
TABLE = json.loads((HERE / "expressions.json").read_text())
TREES = HERE / "expressions_trees.json"
TYPES = TABLE["types"]
READ = {"number": D, "date": date.fromisoformat}


def read(value, kind):
    """Give a value of the table as the language takes it: numbers and dates stand there as text."""
    if value is None:
        return None
    if isinstance(value, list):
        one = kind.removeprefix("list<").removesuffix(">")
        return tuple(read(each, one) for each in value)
    return READ.get(kind, lambda same: same)(value)


def read_env(values, prefix=""):
    """Give the table's values by the types of their dotted names."""
    env = {}
    for key, value in values.items():
        kind = TYPES.get(prefix + key)
        if isinstance(value, dict):
            env[key] = read_env(value, f"{prefix}{key}.")
        elif kind == "list" and value is not None:
            env[key] = [read_env(row, f"{prefix}{key}.") for row in value]
        else:
            env[key] = read(value, kind)
    return env


ENV = read_env(TABLE["env"])


def cases(kind):
    return [pytest.param(case, id=case["text"] or "empty") for case in TABLE[kind]]


def trees():
    written = [case["text"] for kind in ("cases", "failures") for case in TABLE[kind]]
    return {text: compile(text, TYPES).to_json() for text in written}


@pytest.mark.parametrize("case", cases("cases"))
def test_an_expression_has_its_type_and_its_value(case):
    expression = compile(case["text"], TYPES)
    assert expression.type == case["type"]
    value = expression.evaluate(ENV)
    assert value == read(case["gives"], case["type"])
    assert type(value) is type(read(case["gives"], case["type"]))


@pytest.mark.parametrize("case", cases("failures"))
def test_an_expression_without_a_value_says_why_and_where(case):
    expression = compile(case["text"], TYPES)
    with pytest.raises(ExpressionFailed) as caught:
        expression.evaluate(ENV)
    assert (caught.value.code, caught.value.data["position"]) == (case["code"], case["position"])


@pytest.mark.parametrize("case", cases("faults"))
def test_a_text_that_is_no_expression_is_refused_with_the_place(case):
    with pytest.raises(ExpressionFault) as caught:
        compile(case["text"], TYPES)
    assert (caught.value.code, caught.value.data["position"]) == (case["code"], case["position"])
    for language in ("zh", "en"):
        assert str(case["position"]) in caught.value.text(language)
        assert "{" not in caught.value.text(language)


def test_the_written_trees_are_those_of_the_table():
    assert json.loads(TREES.read_text()) == trees()


def test_a_fault_is_told_in_both_languages_with_a_guess_at_what_was_meant():
    with pytest.raises(ExpressionFault) as caught:
        compile('n + stat = "a"', TYPES)
    assert caught.value.text("zh") == "第 5 个字符：没有名为“stat”的字段"
    assert caught.value.text("en") == "At character 5: there is no field “stat”"
    assert caught.value.way_out.en == "Did you mean “state”?"
    with pytest.raises(ExpressionFault) as caught:
        compile("lines.quantity > 3", TYPES)
    assert caught.value.way_out.zh == "用 sum、min、max 或 count 得出单个值"


def test_the_whole_can_be_required_to_have_a_type():
    assert compile("n > 1", TYPES, expects="bool").type is Type.BOOL
    assert compile("null", TYPES, expects=Type.NUMBER).evaluate({}) is None
    with pytest.raises(ExpressionFault, match="结果应为是/否，实际为数字"):
        compile("n + 1", TYPES, expects=Type.BOOL)


def test_an_expression_tells_which_names_it_reads():
    expression = compile('sum(lines.quantity) > n and count(tags) > 1 and "A" in lines.item', TYPES)
    assert expression.names == {"lines.quantity", "lines.item", "tags", "n"}
    assert compile("count(lines)", TYPES).names == {"lines"}
    assert compile("1 + 1", TYPES).names == frozenset()


def test_limits_hold_for_length_depth_and_steps():
    compile("(" * 49 + "1" + ")" * 49, {})
    compile(" or ".join(["true"] * 240), {})
    compile("1" + " " * 1_999, {})
    for deep in ("(" * 50 + "1" + ")" * 50, "+".join(["1"] * 51), "-" * 60 + "1", "not " * 60 + "true"):
        with pytest.raises(ExpressionFault) as caught:
            compile(deep, {})
        assert caught.value.code == "expression.too_deep"
    with pytest.raises(ExpressionFault) as caught:
        compile("1" + " " * 2_000, {})
    assert caught.value.code == "expression.too_long"

    total = compile("sum(lines.quantity * 2)", {"lines": "list", "lines.quantity": "number"})
    rows = [{"quantity": 1}] * 3_333
    assert total.evaluate({"lines": rows}) == 6_666
    with pytest.raises(ExpressionFailed) as caught:
        total.evaluate({"lines": [*rows, *rows]})
    assert caught.value.code == "expression.too_many_steps"
    with pytest.raises(ExpressionFailed):
        compile("1 in tags", {"tags": "list<number>"}).evaluate({"tags": [2] * 20_000})
    assert total.evaluate({"lines": [*rows, *rows]}, most_steps=20_000) == 13_332


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "7"),
        ("number", 1.5),
        ("number", True),
        ("number", D("NaN")),
        ("number", D("Infinity")),
        ("text", 7),
        ("bool", 1),
        ("date", "2025-03-01"),
        ("date", datetime(2025, 3, 1, tzinfo=UTC)),
        ("text", ["a"]),
        ("list<text>", "abc"),
        ("list<text>", [1]),
        ("list<text>", {"a": 1}),
    ],
)
def test_a_value_of_another_type_is_refused_not_guessed(kind, value):
    with pytest.raises(ExpressionFailed) as caught:
        compile("x", {"x": kind}).evaluate({"x": value})
    assert caught.value.code == "expression.wrong_value"
    assert caught.value.data["name"] == "x"


def test_a_name_without_any_value_is_refused_but_a_null_on_the_way_is_null():
    types = {"customer.code": "text", "lines": "list", "lines.item": "text"}
    for env in ({}, {"customer": {}}, {"customer": "C-9"}):
        with pytest.raises(ExpressionFailed) as caught:
            compile("customer.code", types).evaluate(env)
        assert caught.value.code == "expression.no_value"
    for text in ("lines.item", "count(lines.item)"):
        with pytest.raises(ExpressionFailed) as caught:
            compile(text, types).evaluate({"lines": [{}]})
        assert caught.value.code == "expression.no_value"
        with pytest.raises(ExpressionFailed) as caught:
            compile(text, types).evaluate({"lines": "abc"})
        assert caught.value.code in ("expression.no_value", "expression.wrong_value")


def test_a_list_inside_a_list_is_refused():
    types = {"lines": "list", "lines.tags": "list<text>", "lines.lots": "list", "lines.lots.code": "text"}
    for text in ("count(lines.tags)", "count(lines.lots)", "count(lines.lots.code)"):
        with pytest.raises(ExpressionFault) as caught:
            compile(text, types)
        assert caught.value.code == "expression.list_in_list"


def test_numbers_from_outside_come_onto_the_grid():
    one = compile("x", {"x": "number"})
    assert one.evaluate({"x": D("0.0000000000005")}) == D("0.000000000001")
    assert str(one.evaluate({"x": D("1E+3")})) == "1000"
    assert one.evaluate({"x": D("0E+30")}) == 0
    with pytest.raises(ExpressionFailed):
        one.evaluate({"x": 10**20})


def test_an_evaluation_changes_nothing_and_repeats():
    env = {"lines": [{"quantity": 1}, {"quantity": 2}]}
    total = compile(
        "sum(lines.quantity) + max(lines.quantity)", {"lines": "list", "lines.quantity": "number"}
    )
    assert total.evaluate(env) == total.evaluate(env) == 5
    assert env == {"lines": [{"quantity": 1}, {"quantity": 2}]}


WORDS = """
n state rush due lines lines.quantity tags nothing 1 2.5 "a" true null and or not in + - * / % = < >= ( ) [ ]
, if( sum( count( min( round( concat( date( coalesce( add_days( ，
"""
PIECES = st.sampled_from(WORDS.split())


def outcome(act):
    """Give what the act gives, or the refusal it ends in; anything else it raises is an error."""
    try:
        return act(), None
    except (ExpressionFault, ExpressionFailed) as refusal:
        return None, refusal


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_gives_a_value_or_a_refusal_in_words(text):
    expression, refusal = outcome(lambda: compile(text, TYPES))
    if expression:
        json.dumps(expression.to_json())
        value, refusal = outcome(lambda: expression.evaluate(ENV))
        kinds = {"number": D, "text": str, "bool": bool, "date": date, "null": type(None)}
        assert value is None or isinstance(value, kinds.get(expression.type, tuple))
    if refusal:
        assert 1 <= refusal.data["position"] <= len(text) + 1


numbers = st.integers(-(10**12), 10**12).map(lambda whole: D(whole).scaleb(-4))


@given(numbers, numbers, numbers)
def test_sums_agree_with_decimal_arithmetic(a, b, c):
    types = dict.fromkeys("abc", "number")
    env = {"a": a, "b": b, "c": c}
    assert compile("a + b - c", types).evaluate(env) == a + b - c
    assert compile("a * b", types).evaluate(env) == a * b
    assert compile("a < b and b < c", types).evaluate(env) == (a < b < c)
    if b:
        quotient = compile("a / b", types).evaluate(env)
        assert abs(quotient * b - a) <= abs(b) * D("0.0000000000005")
        assert compile("a % b", types).evaluate(env) == a % b


if __name__ == "__main__":
    lines = (f"{json.dumps(text)}: {json.dumps(tree, sort_keys=True)}" for text, tree in trees().items())
    TREES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
