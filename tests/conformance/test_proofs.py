"""Every line of `banyan verify` has a test that plants a fault for it and sees it named."""

from __future__ import annotations

import pytest

from banyan.config.environ import CHECKOUT
from banyan.kernel import proofs
from tests.plugins.planting import planted

FOLDERS = (CHECKOUT / "tests", CHECKOUT / "src" / "banyan")


def test_every_proof_is_seen_red_for_a_planted_fault():
    files = [file for folder in FOLDERS for file in sorted(folder.glob("**/test_*.py"))]
    seen = {key for file in files for key in planted(file.read_text())}
    assert {proof.key for proof in proofs.proofs()} - seen == set()
    assert seen - {proof.key for proof in proofs.proofs()} == set()


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        ('[("a.one", 1), ("a.two", 2)]', ["a.one", "a.two"]),
        ("FAULTS", ["b.one", "b.two"]),
        ("sorted(FAULTS)", ["b.one", "b.two"]),
    ],
)
def test_marks_are_read_from_the_source(rows, keys):
    names = '("key", "n")' if rows.startswith("[") else '"key"'
    source = f"""
FAULTS = {{"b.one": 1, "b.two": 2}}

@pytest.mark.parametrize({names}, {rows})
@pytest.mark.plants("key")
def test_a(key): ...

@pytest.mark.plants("c.one", "c.two")
def test_b(): ...

def test_only_named(): "d.one"
"""
    assert list(planted(source)) == [*keys, "c.one", "c.two"]


def test_a_test_that_sees_no_fault_fails(request, db):
    hook = request.config.pluginmanager.get_plugin("tests.plugins.planting").pytest_runtest_call

    class Item:
        @staticmethod
        def iter_markers(_):
            return [pytest.mark.plants("items.units").mark]

    called = hook(Item())
    next(called)
    assert proofs.run(["items.units"])[0].is_green
    with pytest.raises(pytest.fail.Exception, match=r"no fault was seen by items\.units"):
        called.send(None)
