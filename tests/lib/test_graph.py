import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.lib.graph import CircleFound, find_cycle, topological_levels


@pytest.mark.parametrize(
    ("edges", "levels"),
    [
        ([], {}),
        ([("car", "wheel"), ("wheel", "bolt")], {"car": 0, "wheel": 1, "bolt": 2}),
        ([("car", "bolt"), ("car", "wheel"), ("wheel", "bolt")], {"car": 0, "wheel": 1, "bolt": 2}),
        ([("car", "bolt"), ("car", "bolt"), ("van", "bolt")], {"car": 0, "van": 0, "bolt": 1}),
    ],
)
def test_the_low_level_code_is_the_longest_way_down(edges, levels):
    assert topological_levels(edges) == levels


def test_parents_come_before_children_in_order():
    assert list(topological_levels([("c", "d"), ("a", "b"), ("b", "c")])) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("edges", "path"),
    [
        ([("a", "a")], ("a", "a")),
        ([("top", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "leaf")], ("a", "b", "c", "a")),
        ([("x", "y"), ("b", "a"), ("a", "b")], ("b", "a", "b")),
    ],
)
def test_a_circle_is_shown_as_a_path(edges, path):
    assert find_cycle(edges) == path
    with pytest.raises(CircleFound) as caught:
        topological_levels(edges)
    assert caught.value.path == path
    assert str(caught.value) == " → ".join(path)


def test_a_diamond_is_no_circle():
    assert find_cycle([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]) is None


def test_a_structure_may_be_deeper_than_the_recursion_limit():
    chain = [(at, at + 1) for at in range(20_000)]
    assert topological_levels(chain)[20_000] == 20_000
    assert find_cycle([*chain, (20_000, 0)]) == (*range(20_001), 0)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_either_all_levels_descend_or_a_true_circle_is_named(edges):
    circle = find_cycle(edges)
    if circle is None:
        levels = topological_levels(edges)
        assert all(levels[parent] < levels[child] for parent, child in edges)
        assert set(levels) == {node for edge in edges for node in edge}
        for node, level in levels.items():
            assert level == max((levels[parent] + 1 for parent, child in edges if child == node), default=0)
    else:
        steps = list(zip(circle, circle[1:], strict=False))
        assert steps
        assert set(steps) <= set(edges)
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(steps)
