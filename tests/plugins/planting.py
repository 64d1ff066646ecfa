"""Proofs and the faults that are planted for them.

    @pytest.mark.plants("items.units")
    def test_a_unit_that_cannot_be_is_named(world): ...

    @pytest.mark.parametrize("key", sorted(FAULTS))
    @pytest.mark.plants("key")
    def test_a_planted_fault_is_named(key): ...

A test so marked fails unless each of its proofs was run in it by `proofs.run` and named a fault. That every proof has
such a test is held by tests/conformance/test_proofs.py, which reads the marks with `planted`.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator
from dataclasses import replace

import pytest

MARK = "plants"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", f"{MARK}(*keys): plants a fault for these proofs, named by key or by the parameter that holds it"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a test to the proofs for which it says it plants a fault."""
    names = [name for mark in item.iter_markers(MARK) for name in mark.args]
    if not names:
        return (yield)
    from banyan.kernel import proofs

    red: set[str] = set()

    def watched(one: proofs.Proof) -> proofs.Proof:
        def look() -> proofs.Found:
            found = one.function()
            red.update([one.key] if found.broken and found.faults else ())
            return found

        return replace(one, function=look)

    keys = {name if "." in name else item.callspec.params[name] for name in names}
    with pytest.MonkeyPatch.context() as patch:
        for key in keys:
            patch.setitem(proofs._proofs, key, watched(proofs._proofs[key]))
        result = yield
    if keys - red:
        pytest.fail(f"no fault was seen by {', '.join(sorted(keys - red))}", pytrace=False)
    return result


def planted(source: str) -> Iterator[str]:
    """Give the keys for which the tests of a file plant faults, as their marks and parameters say.

    Raises: ValueError where the parameters are neither written out nor a table of the same file
    """
    tree = ast.parse(source)
    tables = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for test in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        calls = {
            one.func.attr: one
            for one in test.decorator_list
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
        }
        for name in (one.value for one in calls[MARK].args) if MARK in calls else ():
            yield from [name] if "." in name else _values(calls["parametrize"], name, tables)


def _values(call: ast.Call, name: str, tables: dict[str, ast.expr]) -> list[str]:
    """Give what a parameter of a test is given, one after another."""
    names, rows = ast.literal_eval(call.args[0]), call.args[1]
    names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    if isinstance(rows, ast.Call):  # sorted(TABLE)
        (rows,) = rows.args
    rows = tables.get(rows.id, rows) if isinstance(rows, ast.Name) else rows
    given = rows.keys if isinstance(rows, ast.Dict) else rows.elts if isinstance(rows, ast.List | ast.Tuple) else None
    if given is None:
        raise ValueError(f"the values of {name} are not written out: {ast.unparse(call)}")
    if len(names) > 1:
        given = [row.elts[names.index(name)] for row in given]
    return [ast.literal_eval(one) for one in given]
