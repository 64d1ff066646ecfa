"""No missing translation: every text in Python, data and glossary stands in both languages, with the same facts.

Templates and scripts are read by tests/web/test_words.py. Left to English are the terminal's words (`--help`, click),
logs, faults of programming, and what only programs read.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from banyan.lib import errors
from tests.plugins.wording import CHINESE, SLOT, faults_of_pair, is_chinese

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "banyan"
FILES = [f for f in sorted(SOURCES.rglob("*.py")) if not {"tests", "migrations"} & set(f.relative_to(SOURCES).parts)]
#: Functions that make a label: the place of its Chinese side.
MAKERS = {"L": 0, "f": 0, "field": 0, "section": 0, "choice": 1, "column": 1, "fact": 0, "chapter": 0, "say": 0}
#: Names that two keywords or two attributes of a class share but for the language.
SIDES = re.compile(r"(?P<stem>.*?)_?zh")
#: Chinese that is no text for a person to read in another language, and why.
ALONE = {
    "connectors": "words and keys of Chinese partners' interfaces",
    "demo": "names and remarks of the demo factory, as its people type them",
    "integration/mapping/converters.py": "reads what partners write",
    "kernel/exchange.py": "reads dates as people type them",
    "kernel/workbooks.py": "reads the formats of dates in workbooks",
    "web/printing/capitals.py": "amounts in Chinese capitals, on Chinese papers only",
    "web/printing/letterhead.py": "finds a picture by its file's name",
    "modules/items/heads.py": "heads of columns as people write them",
    "lib/regions.py": "names of places as shops and people write them",
    "ops/migration": "data of an earlier system",
}
#: Chinese words that stand by themselves elsewhere, and why.
WORDS = {
    "中文": "the language's own name",
    "简体中文": "the language's own name",
    "系统": "the name of the system's login",
    "记": "the word of a voucher, as the law has it",
    "李明": "a person in the interface's examples",
    "期初": "a reason as people type it",
    "加工": "the name of an operation, its English beside it in `name_en`",
    "返工": "the name of an operation, its English beside it in `name_en`",
    "临时件": "the name of an item, its English beside it in `name_en`",
    **dict.fromkeys("分时日月周", "a part of cron, English is what it came from"),
}
FAMILIES = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DomainError)
}


def text_of(node: ast.AST | None) -> str | None:
    """Give a text as written, the expressions of an f-string as slots; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else f"{{{_expression(v)}}}" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        both = text_of(node.left), text_of(node.right)
        return None if None in both else "".join(both)
    return None


def _expression(value: ast.FormattedValue) -> str:
    """Give a name for an expression, without the words it may give and the language it is named after."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", ast.unparse(value.value))
    return "x_" + re.sub(r"[^a-z0-9]", "_", bare.lower())


def pairs_of(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Give the pairs of a module as (line, Chinese, English): of makers, keywords and attributes of classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.ClassDef):
            named = {
                one.targets[0].id if isinstance(one, ast.Assign) else one.target.id: text_of(one.value)
                for one in node.body
                if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
                or isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            }
            yield from _of_names(node.lineno, named)


def _of_call(node: ast.Call) -> Iterator[tuple[int, str, str]]:
    place = MAKERS.get(ast.unparse(node.func).rpartition(".")[2])
    texts = [text_of(one) for one in node.args]
    if place is not None and len(texts) > place + 1 and texts[place] is not None and texts[place + 1] is not None:
        yield node.lineno, texts[place], texts[place + 1]
    yield from _of_names(node.lineno, {k.arg: text_of(k.value) for k in node.keywords if k.arg})


def _of_names(line: int, named: dict[str, str | None]) -> Iterator[tuple[int, str, str]]:
    for name, zh in named.items():
        found = SIDES.fullmatch(name)
        other = f"{found['stem']}_en".lstrip("_") if found else ""
        if zh is not None and other in named and named[other] is not None and (zh or named[other]):
            yield line, zh, named[other]


def loose_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give Chinese texts that stand without their English: neither beside them nor within the same text."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_chinese(node.value)):
            continue
        whole, parent = node, parents[node]
        while isinstance(parent, ast.JoinedStr | ast.FormattedValue | ast.BinOp):
            whole, parent = parent, parents[parent]
        if not _has_english(whole, parent, parents):
            yield node.lineno, node.value


def _is_chinese(text: str) -> bool:
    return is_chinese(text) and text not in WORDS and "word = '记'" not in text


def _has_english(whole: ast.AST, parent: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    if isinstance(parent, ast.Expr):
        return True  # a docstring
    text = text_of(whole) or ""
    if _said_twice(text):
        return True
    if any(isinstance(one, ast.Dict) and _languages(one) for one in _above(whole, parents)):
        return True
    if any(isinstance(one, ast.keyword) and one.arg == "import_map" for one in _above(whole, parents)):
        return True  # heads of columns as people write them
    if isinstance(parent, ast.IfExp):
        other = text_of(parent.orelse if whole is parent.body else parent.body)
        return other is not None and (_is_chinese(text) != _is_chinese(other) or not _is_chinese(text))
    row = parent.args if isinstance(parent, ast.Call) else getattr(parent, "elts", ())
    if whole in row:
        place = row.index(whole)
        beside = [text_of(one) for one in row[place + 1 : place + 2]]
        return bool(beside and beside[0] and not is_chinese(beside[0]))
    if isinstance(parent, ast.keyword):
        found = SIDES.fullmatch(parent.arg or "")
        other = f"{found['stem']}_en".lstrip("_") if found else f"{parent.arg}_en"
        return any(one.arg == other for one in parents[parent].keywords)
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        found = SIDES.fullmatch(getattr(target, "id", ""))
        owner = parents[parent]
        other = f"{found['stem']}_en".lstrip("_") if found else ""
        return bool(found) and any(
            getattr(t, "id", "") == other
            for one in getattr(owner, "body", ())
            for t in (getattr(one, "targets", None) or [getattr(one, "target", None)])
        )
    return False


def _above(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def _languages(node: ast.Dict) -> bool:
    """Say whether a dictionary holds something by language."""
    return {"zh", "en"} <= {text_of(key) for key in node.keys}


def _said_twice(text: str) -> bool:
    """Say whether one text holds both languages, a line or a side of a slash each."""
    if re.fullmatch(r"\W*[\u4e00-\u9fff]+ [A-Z][A-Za-z ,]+:?\s*", SLOT.sub("", text)):
        return True
    sides = re.split(r"\n| / ", text)
    return any(map(CHINESE.search, sides)) and any(s.strip() and not CHINESE.search(s) for s in sides)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCES)))
def test_a_module_says_everything_in_both_languages(file):
    tree, place = ast.parse(file.read_text()), file.relative_to(SOURCES).as_posix()
    found = [f"{line}: {fault}" for line, zh, en in pairs_of(tree) for fault in faults_of_pair(zh, en)]
    if place.startswith("demo/"):  # names come from columns of their own in either language
        found = [one for one in found if "name other facts" not in one]
    if not any(place == alone or place.startswith(f"{alone}/") for alone in ALONE):
        found += [f"{line}: {text!r} stands without its English" for line, text in loose_in(tree)]
    found += [f"{line}: {text!r} is said in one language" for line, text in one_sided(tree)]
    assert found == []


def one_sided(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give refusals and faults of proofs that are worded as a plain text, which is the same in both languages."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        said = node.args[1:2] if name in FAMILIES else node.args[2:3] if name == "Fault" else []
        said += [k.value for k in node.keywords if name == "none_of" and k.arg == "text"]
        for one in said:
            text = text_of(one)
            if text and re.search("[A-Za-z]|" + CHINESE.pattern, re.sub(r"\{[^{}]*\}", "", text)):
                yield node.lineno, text


def test_every_refusal_is_worded_in_both_languages():
    found = {}
    for kind in _below(errors.DomainError):
        pairs = [(kind.zh, kind.en), (kind.title.zh, kind.title.en)]
        pairs += [(kind.way_out_zh, kind.way_out_en)] if kind.way_out_zh or kind.way_out_en else []
        if faults := [fault for pair in pairs for fault in faults_of_pair(*pair)]:
            found[kind.__qualname__] = faults
    assert found == {}


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def texts_in(value: Any) -> Iterator[tuple[str, str]]:
    """Give the pairs that data hold: objects with `zh` or `en`, and columns that differ by the language alone."""
    if isinstance(value, dict):
        for name, one in value.items():
            stem = re.fullmatch(r"(.*?_?)(zh|Zh)", name or "")
            if stem and isinstance(one, str):
                other = stem[1] + ("en" if stem[2] == "zh" else "En")
                if other in value or stem[2] == "zh":  # a table of an earlier system has the English name itself
                    yield one, value.get(other) or ""
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)


def read(file: Path) -> Any:
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as source:
            return list(csv.DictReader(source))
    return json.loads(file.read_text()) if file.suffix == ".json" else tomllib.loads(file.read_text())


#: Data that the product brings along: charts of accounts, mappings, presets; not what partners send, nor table dumps.
DATA = [
    f
    for f in sorted(SOURCES.rglob("*"))
    if f.suffix in (".csv", ".json", ".toml")
    and not {"tests", "payloads", "dist"} & set(f.parts)
    and SOURCES / "demo" / "adventureworks" not in f.parents
]


@pytest.mark.parametrize("file", DATA, ids=lambda f: str(f.relative_to(SOURCES)))
def test_data_say_everything_in_both_languages(file):
    assert [fault for zh, en in texts_in(read(file)) if zh or en for fault in faults_of_pair(zh, en)] == []


def test_the_data_hold_texts():
    assert sum(len(list(texts_in(read(file)))) for file in DATA) > 200


def test_the_glossary_names_every_notion_once_in_both_languages():
    found, seen, section = [], set(), ""
    for number, line in enumerate((ROOT / "docs" / "glossary.md").read_text().splitlines(), start=1):
        if line.startswith("## "):
            section = f"{line} (line {number})"
        if not line.startswith("| `"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not all(cells):
            found.append(f"{line}: four cells, none of them empty")
            continue
        key, zh, en, meaning = cells
        if not CHINESE.search(zh) or CHINESE.search(en) or not re.search("[a-z]{2}", meaning):
            found.append(f"{line}: Chinese, English, the meaning in English")
        if (section, key) in seen:
            found.append(f"{key} stands twice under {section}")
        seen.add((section, key))
    assert found == []
    assert len(seen) > 300


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('L("保存 {n}", "Save")', "name other facts"),
        ('L("Save it", "Store it")', "is not Chinese"),
        ('L("保存", "保存 it")', "is not English"),
        ('L("保存", " ")', "the English side is empty"),
        ('choice("a", "甲 {x}", "A {y}")', "name other facts"),
        ('L(f"甲 {row[0]}", f"A {row[1]}")', "name other facts"),
        ('class E(Conflict):\n    zh = "甲 {x}"\n    en = "A"', "name other facts"),
        ('print("只有中文")', "stands without its English"),
        ('class E(Conflict):\n    zh = "只有中文"', "stands without its English"),
        ('raise Conflict("a.b", "only English")', "said in one language"),
        ('Fault("a.b", key, f"{n} is missing")', "said in one language"),
        ('none_of("a.b", counted="", faults="", text="{1} is missing")', "said in one language"),
    ],
)
def test_what_is_missing_is_seen(source, fault):
    tree = ast.parse(source)
    found = [one for _, zh, en in pairs_of(tree) for one in faults_of_pair(zh, en)]
    found += [f"{text!r} stands without its English" for _, text in loose_in(tree)]
    found += [f"{text!r} is said in one language" for _, text in one_sided(tree)]
    assert [one for one in found if fault in one], found
