"""Fixtures for every test, in tests/ and beside the modules."""

pytest_plugins = ["tests.plugins.database", "tests.plugins.acting", "tests.plugins.world"]
