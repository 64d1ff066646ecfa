"""Every line of `banyan verify` has a test that plants a fault for it and sees it named."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from banyan.config.environ import CHECKOUT
from banyan.kernel import proofs
from banyan.lib.labels import L
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


#: A literal with a blank between letters, or one that is joined to others: said in one language, whoever reads.
_LITERAL = re.compile(r"(?P<before>\|\|\s*|interval\s+)?'(?P<text>(?:[^']|'')*)'(?P<after>\s*\|\|)?", re.IGNORECASE)
_SQL = re.compile(r"\b(SELECT|FROM|WHERE|CASE)\b")


def worded(sql: str) -> list[str]:
    """Give the literals of a statement that are words for people rather than codes."""
    found = []
    for one in _LITERAL.finditer(sql):
        before, text = (one["before"] or "").lower(), one["text"]
        joined = before.startswith("||") or one["after"]
        prose = re.search(r"[^\W\d_]", text) if joined else re.search(r"[^\W\d_]\s+\S|[一-鿿]", text)
        found += [text] if prose and not before.startswith("interval") else []
    return found


def statements(source: str) -> list[str]:
    """Give the SQL of a file, what is put in by f-strings left out."""
    nodes = list(ast.walk(ast.parse(source)))
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = [
        "".join(str(one.value) if isinstance(one, ast.Constant) else "0" for one in getattr(node, "values", [node]))
        for node in nodes
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in pieces
    ]
    return [text for text in texts if _SQL.search(text)]


def test_the_sql_of_proofs_holds_no_words_for_people():
    files = {inspect.getsourcefile(one.function) for one in proofs.proofs()}
    sources = {file: statements(Path(file).read_text()) for file in sorted(files)}
    assert sum(map(len, sources.values())) > len(files), "where the SQL of proofs is, is known"
    assert {file: words for file, all_ in sources.items() if (words := [w for sql in all_ for w in worded(sql)])} == {}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 'an entry has no voucher'", ["an entry has no voucher"]),
        ("SELECT 'material ' || m.position", ["material "]),
        ("SELECT v.no || ' names ' || v.entries", [" names "]),
        ("SELECT '缺少'", ["缺少"]),
        ("SELECT 'no_voucher', a || ' ' || b WHERE x.at < now() - interval '10 minutes' AND s = 'closed'", []),
    ],
)
def test_words_are_told_from_codes(sql, words):
    assert worded(sql) == words


def test_a_fault_says_what_its_code_means_in_both_languages(db):
    text = {"a": L("甲 {2}", "A {2}"), "b": L("乙 {2}", "B {2}")}
    found = proofs.none_of("x.y", counted="SELECT 2", faults="SELECT 1, 'b', 7 UNION ALL SELECT 2, 'a', 8", text=text)
    assert [fault.text for fault in found.faults] == ["乙 7 / B 7", "甲 8 / A 8"]
