"""The page on configuration says what the code reads."""

from __future__ import annotations

from banyan.config.environ import CHECKOUT, VARIABLES, as_table

PAGE = CHECKOUT / "docs" / "configuration.md"


def test_the_page_holds_the_table_of_all_variables():
    assert as_table() in PAGE.read_text(), "write it anew: python -m banyan.config.environ"


def test_the_readme_lists_every_variable():
    readme = (CHECKOUT / "README.md").read_text()
    assert [name for name in VARIABLES if name not in readme] == []


def test_every_default_can_be_read():
    for variable in VARIABLES.values():
        variable.read(variable.default)
