"""How the story is told on the terminal: which chapter of how many, so that a person sees how far it is."""

from __future__ import annotations

import re

from banyan.demo.acting import Terminal
from banyan.lib.labels import L, speaking

BUYING, MAKING, BOOKS = L("采购", "Purchasing"), L("生产", "Production"), L("账套", "Books")


def test_a_chapter_has_its_number_of_how_many_and_keeps_it_when_it_comes_again(capsys):
    teller = Terminal(3)
    with speaking("en"):
        for title in (BUYING, MAKING, BUYING, BOOKS):
            teller.chapter(title)
            teller.fact(L("一件", "One piece"))
    said = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\[ +\d+\.\d s\] ", line) for line in said[::2])
    assert [line.partition("] ")[2] for line in said[::2]] == [
        "1/3. Purchasing", "2/3. Production", "1/3. Purchasing (once more)", "3/3. Books",
    ]  # fmt: skip
    assert {line.strip() for line in said[1::2]} == {"One piece"}
