"""The page on configuration says what the code reads."""

from __future__ import annotations

import re

from banyan.config.environ import CHECKOUT, VARIABLES, as_table

PAGE = CHECKOUT / "docs" / "configuration.md"


def test_the_page_holds_the_table_of_all_variables():
    assert as_table() in PAGE.read_text(), "write it anew: python -m banyan.config.environ"


def test_the_readme_lists_every_variable():
    readme = (CHECKOUT / "README.md").read_text()
    assert [name for name in VARIABLES if name not in readme] == []


def test_no_variable_is_read_that_is_not_declared():
    read = re.compile(r"""(?:environ(?:\.get\(|\[)|getenv\(|envvar=)\s*["'](BANYAN_[A-Z_]+)""")
    sources = [*(CHECKOUT / "src" / "banyan").rglob("*.py")]
    found = {name for file in sources if "tests" not in file.parts for name in read.findall(file.read_text())}
    assert found, "the pattern finds nothing any more"
    assert found - set(VARIABLES) == set()


def test_every_default_can_be_read():
    for variable in VARIABLES.values():
        variable.read(variable.default)
