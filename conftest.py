"""Fixtures for every test, in tests/ and beside the modules."""

pytest_plugins = [
    "tests.plugins.levels",
    "tests.plugins.database",
    "tests.plugins.browser",
    "tests.plugins.server",
    "tests.plugins.acting",
    "tests.plugins.world",
    "tests.plugins.samples",
]
