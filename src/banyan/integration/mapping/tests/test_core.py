"""Payloads through mappings, as tables of cases: what comes out, what is refused, in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest

from banyan.integration.mapping.applying import Limits, apply, needs
from banyan.integration.mapping.converters import KINDS, Facts, Need
from banyan.integration.mapping.definition import compile_mapping
from banyan.integration.mapping.faults import DefinitionFault
from banyan.integration.mapping.payloads import PayloadUnreadable, read_payload, sources_of, types_of

PARTY = "0190f000-0000-7000-8000-000000000001"
FACTS = Facts(
    system="shop", today=date(2026, 3, 1), zone="Asia/Shanghai", settings={"warehouse": "W1"},
    found={
        Need("ours", "shop", "parties.party", "C9"): PARTY,
        Need("theirs", "shop", "parties.party", PARTY): "C9",
        Need("theirs", "erp", "parties.party", PARTY): "K-77",
        Need("record", "", "items.item", "A-1"): "item-1",
        Need("code_of", "", "items.item", "item-1"): "A-1",
    },
)  # fmt: skip
VALUE_MAPS = {
    "states": {"lines": [["paid", "confirmed"], ["PAID", "confirmed"], ["new", "draft"]], "unknown": "refuse"},
    "loose": {"lines": [["1", "一"]], "unknown": "pass"},
    "safe": {"lines": [["1", "一"]], "unknown": "default", "default": "其他"},
}


def out(value, converter, **field):
    """Put one value through one converter; give what came out, or the code of its fault."""
    mapping = compile_mapping({
        "fields": [{"target": "x", "source": "v", "converter": converter, **field}], "value_maps": VALUE_MAPS,
    })  # fmt: skip
    mapped = apply(mapping, {"v": value}, FACTS)
    assert len(mapped.faults) <= 1
    return f"! {mapped.faults[0].code}" if mapped.faults else mapped.value.get("x")


CONVERTED = [
    # text
    (" a ", "trim", "a"), ("ab", "upper", "AB"), ("ÄB", "lower", "äb"), ("ＡＢ１", "narrow", "AB1"),
    ("7", "pad(4)", "0007"), ("7", "pad(4, *, right)", "7***"), ("12345", "pad(4)", "12345"),
    ("张三丰", "cut(2)", "张三"),
    ("ABCDEF", "part(2, 3)", "BCD"), ("a-b-c", 'replace("-", "")', "abc"), ("9", "concat(before=SO-)", "SO-9"),
    ("a/b/c", 'split("/", 2)', "b"), ("a/b/c", 'split("/", -1)', "c"), ("a", 'split("/", 2)', None),
    ("tel. 010-123", "digits", "010123"), (12, "text", "12"), (1.50, "text", "1.5"), (True, "text", "true"),
    ("😀 家👨‍👩‍👧", "text", "😀 家👨‍👩‍👧"), (" ab ", "trim | upper | concat(before=x, after=y)", "xABy"),
    ("ab", "trim｜pad（4，x）", "xxab"), (["a", "b"], 'join("、")', "a、b"), ([1, 2.5], "sum", D("3.5")),
    (["a", "b"], "count", D(2)), ([], "count", D(0)), (["a", "b"], "last", "b"), (["a", "b"], "first", "a"),
    ({"a": 1}, "json", '{"a": 1}'),
    ({"a": 1}, "text", "! not_single"), (["a"], "upper", "! not_single"),
    # numbers
    ("12.50", "number", D("12.50")), ("1,234.5", "number", D("1234.5")),
    ("1.234,5", 'number(decimal=",")', D("1234.5")),
    ("1,23", "number", "! number"), ("1.5", 'number(decimal=",")', "! number"), ("１２", "number", D(12)),
    ("abc", "number", "! number"), (True, "number", "! number"), (float("nan"), "number", "! number"),
    (float("inf"), "number", "! number"), (1e300, "number", "! number"), (0.1, "number", D("0.1")),
    ("1.2345678", "quantity", "! number"), ("1.2345678", "round(6) | quantity", D("1.234568")),
    ("3.0", "integer", D(3)),
    ("3.5", "integer", "! number"), ("2.5", "round", D(3)), (-2.5, "round", D(-3)), (3, "times(0.5)", D("1.5")),
    ("", "number", None), ("  ", "number", None), (None, "number", None), (10**40, "number", "! number"),
    # money
    (1999, "money(fen)", D("19.99")), ("1999", "money(cents)", D("19.99")), ("￥1,234.50", "money", D("1234.50")),
    ("12.345", "money", "! number"), ("19.9", "money(fen)", "! number"), (D("19.99"), "to_money(fen)", D(1999)),
    ("12元", "money", D("12.00")), ("0.001", "to_money(fen)", "! number"),
    # units
    (1500, "unit(g, kg)", D("1.500000")), (1, "unit(lb, kg)", D("0.453592")), ("2", "unit(打, 个)", D("24.000000")),
    (1, "unit(公斤, 斤)", D("2.000000")), (1, "unit(in, mm, 2)", D("25.40")),
    # dates
    ("2026/03/01", "date(YYYY/MM/DD)", date(2026, 3, 1)), ("1.3.2026", "date(D.M.YYYY)", date(2026, 3, 1)),
    ("2026年3月1日", "date(YYYY年M月D日)", date(2026, 3, 1)), ("2026-02-30", "date", "! date"),
    ("20260301", "date(YYYYMMDD)", date(2026, 3, 1)),
    ("2026-03-01 08:00:00", 'instant("YYYY-MM-DD HH:mm:ss")', datetime(2026, 3, 1, tzinfo=UTC)),
    ("2026-03-01T08:00:00+02:00", "instant", datetime(2026, 3, 1, 6, tzinfo=UTC)),
    ("2026-03-01T01:00", "instant(iso, America/New_York)", datetime(2026, 3, 1, 6, tzinfo=UTC)),
    (1767225600, "instant(unix)", datetime(2026, 1, 1, tzinfo=UTC)),
    ("1767225600000", "instant(unix_ms)", datetime(2026, 1, 1, tzinfo=UTC)), (46082, "date(excel)", date(2026, 3, 1)),
    ("2026-02-28T17:00:00Z", "date", date(2026, 3, 1)), ("99999999999999", "instant(unix)", "! date"),
    ("2026-03-01T00:00:00Z", "format(YYYYMMDDHHmmss)", "20260301080000"),
    ("2026-03-01", "format(DD.MM.YY)", "01.03.26"),
    ("2026-03-01T00:00:00Z", "instant | format(unix)", D(1772323200)), ("heute", "date", "! date"),
    (True, "date", "! date"),
    # yes and no
    ("是", "bool", True), ("N", "bool", False), (1, "bool", True), ("", "bool", None), ("maybe", "bool", "! bool"),
    ("J", "bool(J, N)", True), ("N", "bool(J, N)", False), ("true", "bool(J, N)", "! bool"),
    (False, "yes_no(Y, N)", "N"),
    # values and keys
    ("paid", "map(states)", "confirmed"), ("lost", "map(states)", "! unknown_value"), ("2", "map(loose)", "2"),
    ("2", "map(safe)", "其他"), (None, "map(safe)", "其他"), ("confirmed", "map_out(states)", "paid"),
    ("a", "map(a=b, *=c)", "b"), ("z", "map(a=b, *=c)", "c"), ("z", "map(a=b)", "! unknown_value"),
    ("C9", "ours(parties.party)", PARTY), ("C8", "ours(parties.party)", "! unknown_key"),
    ("C8", "ours(parties.party, unknown=pass)", "C8"), ("C8", "ours(parties.party, unknown=nothing)", None),
    (PARTY, "theirs(parties.party)", "C9"), ("C9", "ours(parties.party) | theirs(parties.party, system=erp)", "K-77"),
    ("A-1", "record(items.item)", "item-1"), ("item-1", "code_of(items.item)", "A-1"),
    (None, "constant(EA)", "EA"), ("x", "setting(warehouse)", "W1"),
    # texts that must not pass
    ("a\x00b", "text", "! broken_text"), ("a\ud800", "text", "! broken_text"), ("x" * 100_001, "text", "! too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "converter", "gives"),
    CONVERTED, ids=[c[1] for c in CONVERTED])
def test_a_value_goes_through_its_converter(value, converter, gives):
    found = out(value, converter)
    assert found == gives
    assert type(found) is type(gives)


def test_every_kind_of_step_is_among_the_cases():
    tried = " ".join(converter for _, converter, _ in CONVERTED)
    assert [name for name in KINDS if name not in tried] == []


ORDER = {
    "order": {
        "id": "SO-1", "paid": "true", "buyer": {"name": "李雷", "tags": ["vip", "新"]},
        "rows": [
            {"sku": "A", "qty": 2, "price": "1.50", "lots": [{"no": "L1"}, {"no": "L2"}]},
            {"sku": "B", "qty": 1, "price": "3", "lots": []},
            {"sku": "C", "qty": 0, "price": None, "lots": {"no": "L9"}},
        ],
    },
    "odd key.x": {"a b": 1}, "empty": [],
}  # fmt: skip
TYPES = types_of(ORDER)


def shape(*fields, body=ORDER, **more):
    return apply(compile_mapping({"fields": list(fields), "types": TYPES}), body, FACTS, **more)


def t(target, source="", **more):
    return {"target": target, "source": source, **more}


SHAPED = {
    "members": ([t("a.b.c", "order.buyer.name")], {"a": {"b": {"c": "李雷"}}}),
    "the whole": ([t("all", "$")], {"all": ORDER}),
    "quoted keys": ([t("x", '["odd key.x"]["a b"]')], {"x": 1}),
    "list in, list out": ([t("lines[].item", "order.rows[].sku")], {"lines": [{"item": "A"}, {"item": "B"},
        {"item": "C"}]}),
    "plain list": ([t("skus[]", "order.rows[].sku")], {"skus": ["A", "B", "C"]}),
    "list of texts": ([t("tags[]", "order.buyer.tags[]")], {"tags": ["vip", "新"]}),
    "fixed place": ([t("x", "order.rows[1].sku"), t("y", "order.rows[-1].sku"), t("z", "order.rows[7].sku")],
                    {"x": "B", "y": "C"}),
    "fixed places out": ([t("p[0].a", "order.id"), t("p[1].a", "order.buyer.name")], {"p": [{"a": "SO-1"},
        {"a": "李雷"}]}),
    "parent's value": ([t("lines[].item", "order.rows[].sku"), t("lines[].order", "order.id")],
                       {"lines": [{"item": s, "order": "SO-1"} for s in "ABC"]}),
    "lists inside lists": ([t("lines[].sku", "order.rows[].sku"), t("lines[].lots[].no", "order.rows[].lots[].no")],
                           {"lines": [{"sku": "A", "lots": [{"no": "L1"}, {"no": "L2"}]}, {"sku": "B", "lots": []},
                                      {"sku": "C", "lots": [{"no": "L9"}]}]}),
    "flattened": ([t("all[].lot", "order.rows[].lots[].no"), t("all[].sku", "order.rows[].sku")],
                  {"all": [{"lot": "L1", "sku": "A"}, {"lot": "L2", "sku": "A"}, {"lot": "L9", "sku": "C"}]}),
    "outer list from inner": ([t("o[].lots[].no", "order.rows[].lots[].no")],
                              {"o": [{"lots": [{"no": "L1"}, {"no": "L2"}]}, {"lots": []}, {"lots": [{"no": "L9"}]}]}),
    "one row of the parent": ([t("lines[].x", "order.id")], {"lines": [{"x": "SO-1"}]}),
    "list joined": ([t("x", "order.rows[].sku", converter="join(+)")], {"x": "A+B+C"}),
    "list summed in a row": ([t("l[].sku", "order.rows[].sku"),
        t("l[].n", "order.rows[].lots[].no", converter="count")],
                             {"l": [{"sku": "A", "n": D(2)}, {"sku": "B", "n": D(0)}, {"sku": "C", "n": D(1)}]}),
    "split to a list": ([t("x[]", "order.id", converter='split("-")')], {"x": ["SO", "1"]}),
    "empty list stays": ([t("l[].x", "empty[].x")], {"l": []}),
    "absent list is left out": ([t("l[].x", "nowhere[].x"), t("y", "order.id")], {"y": "SO-1"}),
    "nothing at all": ([t("y", "nowhere.x")], {}),
    "null is written": ([t("y", "nowhere", sends_null=True)], {"y": None}),
    "default": ([t("y", "nowhere", default="7", converter="number"),
        t("z", default="=concat(system, settings.warehouse)")],
                {"y": D(7), "z": "shopW1"}),
    "expression": ([t("n", expression="sum(order.rows.qty) + 1"), t("p", expression='if(order.paid = "true", 1, 2)')],
                   {"n": D(4), "p": D(1)}),
    "expression in a row": ([t("l[].v", expression="order.rows.qty * number(order.rows.price)"),
        t("l[].s", "order.rows[].sku"),
                             t("l[].n", expression="row_number * 10")],
                            {"l": [{"v": D(3), "s": "A", "n": D(10)}, {"v": D(3), "s": "B", "n": D(20)},
                                   {"s": "C", "n": D(30)}]}),
    "rows left out": ([t("l[]", "order.rows[]", when="order.rows.qty > 0"), t("l[].s", "order.rows[].sku"),
                       t("l[].n", expression="row_number")],
                      {"l": [{"s": "A", "n": D(1)}, {"s": "B", "n": D(2)}]}),
    "either or": ([t("x", "order.id", when='order.buyer.name = "韩"'), t("x", "order.buyer.name")], {"x": "李雷"}),
    "left out by condition": ([t("x", "nowhere", required=True, when="false"), t("y", "order.id")], {"y": "SO-1"}),
    "texts in a list": ([t("x", expression='"vip" in order.buyer.tags')], {"x": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_a_payload_takes_the_shape_of_the_targets(name):
    fields, gives = SHAPED[name]
    mapped = shape(*fields)
    assert mapped.faults == ()
    assert mapped.value == gives


def test_a_single_object_is_read_as_a_list_of_one():
    mapped = shape(t("l[].s", "order.rows[].sku"), body={"order": {"rows": {"sku": "A"}}})
    assert mapped.value == {"l": [{"s": "A"}]}


def test_a_payload_that_is_a_list_makes_a_list():
    mapping = compile_mapping({"fields": [t("rows[].x", "[].a")]})
    assert apply(mapping, [{"a": 1}, {"a": 2}]).value == {"rows": [{"x": 1}, {"x": 2}]}
    whole = compile_mapping({"fields": [t("[].x", "rows[].a")]})
    assert apply(whole, {"rows": [{"a": 1}]}).value == [{"x": 1}]
    assert apply(whole, {}).value == []


FAULTY = {
    "missing": ([t("l[].s", "order.rows[].price", required=True)], "l[2].s", "order.rows[2].price", "", "required"),
    "wrong type": ([t("l[].s", "order.rows[].sku", converter="number")], "l[0].s", "order.rows[0].sku", "A", "number"),
    "no rows": ([t("l[]", "empty[]", required=True), t("l[].x", "empty[].x")], "l[]", "empty[]", "", "required"),
    "expression fails": ([t("x", expression="1 / (order.rows.qty - 2)", when="true") | {"target": "l[].x"},
                          t("l[].s", "order.rows[].sku")], "l[0].x", "= 1 / (order.rows.qty - 2)", "", "expression"),
    "name of a wrong type": ([t("x", expression="number(order.id)")], "x", "= number(order.id)", "", "expression"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_names_target_source_value_and_the_way_out(name):
    fields, target, source, given, code = FAULTY[name]
    mapped = shape(*fields)
    fault = mapped.faults[0]
    assert (fault.target, fault.source, fault.given, fault.code) == (target, source, given, code)
    for language in ("zh", "en"):
        assert fault.text.in_(language)
        assert fault.way_out.in_(language)
        assert "{" not in fault.text.in_(language) + fault.way_out.in_(language)
    assert fault.target in mapped.refusal().fields


def test_the_other_fields_are_mapped_though_one_is_wrong():
    mapped = shape(t("a", "order.id", converter="number"), t("b", "order.id"))
    assert mapped.value == {"b": "SO-1"}
    assert not mapped.is_ok


WRONG = {
    "no target": ([t("", "a")], "fields.0.target"),
    "no source": ([t("x")], "fields.0.source"),
    "both": ([t("x", "a", expression="1")], "fields.0.expression"),
    "path": ([t("x", "a..b[")], "fields.0.source"),
    "unknown step": ([t("x", "a", converter="trimm")], "fields.0.converter"),
    "option": ([t("x", "a", converter="pad")], "fields.0.converter"),
    "left over": ([t("x", "a", converter="trim(1)")], "fields.0.converter"),
    "bracket": ([t("x", "a", converter="pad(4")], "fields.0.converter"),
    "bar": ([t("x", "a", converter="trim |")], "fields.0.converter"),
    "no value map": ([t("x", "a", converter="map(nowhere)")], "fields.0.converter"),
    "units": ([t("x", "a", converter="unit(kg, m)")], "fields.0.converter"),
    "zone": ([t("x", "a", converter="instant(iso, Mars/Base)")], "fields.0.converter"),
    "format": ([t("x", "a", converter="date(MM/DD)")], "fields.0.converter"),
    "entity": ([t("x", "a", converter="ours(party)")], "fields.0.converter"),
    "expression": ([t("x", expression="1 +")], "fields.0.expression"),
    "unknown name": ([t("x", expression="order.nobody")], "fields.0.expression"),
    "condition": ([t("x", "a", when="1")], "fields.0.when"),
    "default": ([t("x", "a", converter="number", default="seven")], "fields.0.default"),
    "default expression": ([t("x", "a", default="=nobody")], "fields.0.default"),
    "twice": ([t("x", "a"), t("x", "b")], "fields.1.target"),
    "value and object": ([t("x", "a"), t("x.y", "b")], "fields.1.target"),
    "object and list": ([t("x.y", "a"), t("x[].y", "b[].c")], "fields.0.target"),
    "gap": ([t("x[0]", "a"), t("x[2]", "b")], "fields.0.target"),
    "many into one": ([t("x", "order.rows[].sku")], "fields.0.source"),
    "two lists": ([t("l[].a", "order.rows[].sku"), t("l[].b", "order.buyer.tags[]")], "fields.1.source"),
    "unknown column": ([{"target": "x", "source": "a", "sauce": 1}], "fields.0"),
    "row with converter": ([t("l[]", "a[]", converter="trim"), t("l[].x", "a[].b")], "fields.0.target"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_is_wrong_is_refused_with_the_place(name):
    fields, place = WRONG[name]
    with pytest.raises(DefinitionFault) as caught:
        compile_mapping({"fields": fields, "types": TYPES})
    assert place in caught.value.fields
    assert "{" not in caught.value.text("zh") + caught.value.text("en")


@pytest.mark.parametrize("definition", [
    {}, {"fields": []}, {"fields": "x"}, {"fields": [t("x", "a")] * 501}, {"fields": [t("x", "a")], "format": 2},
    {"fields": [t("x", "a")], "surprise": 1}, {"fields": [t("x", "a")], "types": {"a": "object"}},
    {"fields": [t("x", "a")], "value_maps": {"m": {"lines": [["a"]]}}}, {"fields": [t("x", "a")],
    "value_maps": {"m": 1}},
    {"fields": [7]}, [],
])  # fmt: skip
def test_what_is_no_definition_is_refused(definition):
    with pytest.raises(DefinitionFault):
        compile_mapping(definition)


def test_every_fault_of_a_table_is_told_at_once():
    with pytest.raises(DefinitionFault) as caught:
        compile_mapping({"fields": [t("x", "a["), t("y", "b", converter="nope"), t("z")]})
    assert set(caught.value.fields) == {"fields.0.source", "fields.1.converter", "fields.2.source"}


def test_deep_payloads_are_refused_whole():
    deep = {"a": 1}
    for _ in range(5_000):
        deep = {"a": deep}
    mapped = apply(compile_mapping({"fields": [t("x", "b")]}), deep)
    assert mapped.value is None
    assert [f.code for f in mapped.faults] == ["too_deep"]


def test_huge_lists_are_refused_and_the_largest_allowed_is_mapped():
    mapping = compile_mapping({"fields": [t("l[].x", "rows[].a", converter="number")]})
    assert len(apply(mapping, {"rows": [{"a": "1"}] * 10_000}).value["l"]) == 10_000
    mapped = apply(mapping, {"rows": [{"a": "1"}] * 10_001})
    assert (mapped.value, [f.code for f in mapped.faults]) == (None, ["too_many_rows"])
    many = apply(mapping, {"rows": [{"a": 1}] * 20}, limits=Limits(values=30))
    assert [f.code for f in many.faults] == ["too_large"]


def test_time_is_limited():
    ticks = iter(range(1_000_000))
    mapping = compile_mapping({"fields": [t("l[].x", "rows[].a")]})
    mapped = apply(mapping, {"rows": [{"a": 1}] * 5_000}, clock=lambda: float(next(ticks)))
    assert (mapped.value, [f.code for f in mapped.faults]) == (None, ["too_slow"])


def test_faults_are_told_up_to_a_number():
    mapping = compile_mapping({"fields": [t("l[].x", "rows[].a", required=True)]})
    mapped = apply(mapping, {"rows": [{}] * 5_000})
    assert len(mapped.faults) == 200


def test_needs_are_collected_and_none_is_a_fault():
    mapping = compile_mapping({"fields": [
        t("l[].i", "rows[].sku", converter="trim | record(items.item)"),
            t("p", "buyer", converter="ours(parties.party)"),
    ]})  # fmt: skip
    needed = needs(mapping, [{"rows": [{"sku": " A "}, {"sku": "B"}], "buyer": "C9"}], FACTS)
    assert needed == {Need("record", "", "items.item", "A"), Need("record", "", "items.item", "B")}


def test_the_trace_tells_each_step():
    mapped = shape(t("x", "order.rows[1].price", converter="number | times(2)"), traces=True)
    line = mapped.trace[0]
    assert (line.target, line.source, line.given, line.value) == ("x", "order.rows[1].price", "3", D(6))
    assert line.steps == (("number", D(3)), ("times(2)", D(6)))


def test_the_same_payload_gives_the_same_and_is_left_as_it_was():
    before = repr(ORDER)
    first = shape(t("l[].v", expression="order.rows.qty"), t("l[]", "order.rows[]"), t("all", "$"))
    assert shape(t("l[].v", expression="order.rows.qty"), t("l[]", "order.rows[]"), t("all", "$")) == first
    assert repr(ORDER) == before


def test_the_result_as_json_keeps_decimals():
    mapped = shape(t("a", default="1.50", converter="number"), t("d", expression="today"))
    assert mapped.plain() == {"a": "1.5", "d": "2026-03-01"}
    assert mapped.plain("number") == {"a": 1.5, "d": "2026-03-01"}


# --- payloads -----------------------------------------------------------------------------------------------

XML = (
    '<o:Order xmlns:o="urn:x" id="7"><row><sku>螺丝</sku></row><row><sku>B</sku></row>'
    '<note lang="zh">急</note><e/></o:Order>'
)


def test_xml_becomes_data_by_the_stated_rule():
    assert read_payload(XML) == {"Order": {
        "@id": "7", "row": [{"sku": "螺丝"}, {"sku": "B"}], "note": {"@lang": "zh", "#text": "急"}, "e": "",
    }}  # fmt: skip


@pytest.mark.parametrize(("raw", "gives"), [
    ('{"a": "螺丝😀"}'.encode(), "螺丝😀"), ('{"a": "螺丝"}'.encode("gbk"), "螺丝"),
    ('{"a": "螺丝"}'.encode("utf-16"), "螺丝"), ('\ufeff{"a": "螺丝"}'.encode(), "螺丝"),
    ('<?xml version="1.0" encoding="GBK"?><a>螺丝</a>'.encode("gbk"), "螺丝"),
    ('<?xml version="1.0" encoding="UTF-8"?><a>螺丝</a>'.encode(), "螺丝"),
])  # fmt: skip
def test_bytes_are_read_in_their_encoding(raw, gives):
    assert read_payload(raw)["a"] == gives


@pytest.mark.parametrize("given", [
    "", "nonsense", '{"a": NaN}', "[" * 100_000, '{"a": 1' + "0" * 70 + ".5}", "<a>", "<a>" * 100, b"\xff\xfe\x00",
    '<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', b"\x81\xff\xff",
    b'<?xml version="1.0" encoding="none"?><a/>',
])  # fmt: skip
def test_what_cannot_be_read_is_refused(given):
    with pytest.raises(PayloadUnreadable):
        read_payload(given)


def test_numbers_of_json_keep_their_digits():
    assert read_payload('{"a": 0.10}') == {"a": D("0.10")}


def test_sources_are_picked_from_a_sample():
    found = {one.path: (one.kind, one.sample) for one in sources_of(ORDER)}
    assert found["order.rows[]"] == ("list", None)
    assert found["order.rows[].sku"] == ("text", "A")
    assert found["order.rows[].price"] == ("text", "1.50")
    assert found['["odd key.x"]["a b"]'] == ("number", 1)
    assert found["order.buyer.tags[]"] == ("list<text>", None)


def test_types_of_several_samples_are_those_that_hold_for_all():
    first = {"a": None, "b": 1, "c": [], "d": [1], "e": [{"f": 1}], "g": "x"}
    second = {"a": 2, "b": "x", "c": ["t"], "d": ["t"], "e": [], "g": None}
    assert types_of(first, second) == {
        "a": "number", "b": "text", "c": "list<text>", "d": "list<text>", "e": "list", "e.f": "number", "g": "text",
    }  # fmt: skip


def test_sums_and_products_keep_every_digit():
    long = "12345678901234567890.123456789012"
    assert out([long, "0.000000000001"], "sum") == D("12345678901234567890.123456789013")
    assert out(long, "times(1)") == D(long)
    assert out("12345678901234567890.12", "to_money(fen)") == D("1234567890123456789012")


def test_conditions_count_as_work_too():
    ticks = iter(range(1_000_000))
    mapping = compile_mapping({"fields": [t("l[]", "rows[]", when="false"), t("l[].x", "rows[].a")]})
    mapped = apply(mapping, {"rows": [{"a": 1}] * 5_000}, clock=lambda: float(next(ticks)))
    assert [f.code for f in mapped.faults] == ["too_slow"]
