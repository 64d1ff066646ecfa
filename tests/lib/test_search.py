import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banyan.lib.search import matches, normalised, query_tokens, search_tokens, words

scripts = st.text(alphabet="销售订单螺丝钉 abcABC012-_/．Ａ　éß\u200bꜰﬁкЖ가나", max_size=30) | st.text(
    max_size=30
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  销售　订单\n２０２５ ", "销售 订单 2025"),
        ("ＡＢＣ Straße ﬁx", "abc strasse fix"),
        ("零\u200b件\ufeff\x00号", "零件 号"),
        ("", ""),
    ],
)
def test_width_case_and_spaces_do_not_matter(text, expected):
    assert normalised(text) == expected


def test_chinese_is_stored_by_characters_and_pairs():
    assert search_tokens("销售订单") == sorted(["销", "售", "订", "单", "销售", "售订", "订单"])


def test_codes_are_stored_by_triples_too():
    assert search_tokens("A1-2") == sorted(["a", "1", "-", "2", "a1", "1-", "-2", "a1-", "1-2"])
    assert search_tokens("M6螺") == sorted(["m", "6", "螺", "m6", "6螺"])


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("", []),
        ("单", ["单"]),
        ("订单", ["订单"]),
        ("售订单", ["售订", "订单"]),
        ("a", ["a"]),
        ("ab", ["ab"]),
        ("ABCD", ["abc", "bcd"]),
        ("M6螺丝", ["6螺", "m6", "螺丝"]),
        ("so-1螺", ["1螺", "o-1", "so-"]),
        ("螺丝 M6", ["m6", "螺丝"]),
    ],
)
def test_a_query_asks_for_the_fewest_tokens_that_say_it_all(term, expected):
    assert query_tokens(term) == expected


@pytest.mark.parametrize(
    ("text", "term", "found"),
    [
        ("不锈钢内六角螺丝 M6×20", "螺", True),
        ("不锈钢内六角螺丝 M6×20", "螺丝", True),
        ("不锈钢内六角螺丝 M6×20", "内六角", True),
        ("不锈钢内六角螺丝 M6×20", "m6", True),
        ("不锈钢内六角螺丝 M6×20", "Ｍ６ 不锈钢", True),
        ("不锈钢内六角螺丝 M6×20", "六内角", False),
        ("不锈钢内六角螺丝 M6×20", "丝m", False),
        ("SO-2025-000123", "000123", True),
        ("SO-2025-000123", "000124", False),
        ("anything", " ", True),
    ],
)
def test_a_term_is_found_by_any_part(text, term, found):
    assert matches(text, term) is found


@given(scripts, scripts, scripts)
@example("", "丝 M", "6")
def test_a_text_that_contains_the_term_holds_its_tokens_and_matches(before, term, after):
    text = before + term + after
    if normalised(term) in normalised(text):
        assert set(query_tokens(term)) <= set(search_tokens(text))
        assert matches(text, term)


@given(scripts, st.lists(scripts, max_size=3))
def test_whatever_matches_passes_the_index(text, terms):
    term = " ".join(terms)
    if matches(text, term):
        assert set(query_tokens(term)) <= set(search_tokens(text))


@given(scripts, st.integers(0, 30), st.integers(1, 5))
def test_every_part_of_a_normalised_text_is_found(text, start, length):
    whole = normalised(text)
    part = whole[start : start + length]
    assert set(query_tokens(part)) <= set(search_tokens(text))


@given(scripts)
@example("e\u200b\u0301")
def test_normalising_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) == once
    assert words(once) == words(text)
