"""Fixtures for every test, in tests/ and beside the modules."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.plugins.alone",
    "tests.plugins.figures",
    "tests.plugins.garbage",
    "tests.plugins.levels",
    "tests.plugins.standing",
    "tests.plugins.order",
    "tests.plugins.database",
    "tests.plugins.browser",
    "tests.plugins.server",
    "tests.plugins.acting",
    "tests.plugins.world",
    "tests.plugins.samples",
    "tests.plugins.planting",
    "tests.partners.brokers",
]

#: A busy machine is no fault of what is tested.
settings.register_profile("banyan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("banyan")
