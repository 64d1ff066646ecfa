"""Every operation of the description is reached: a request that succeeds for each, by a factory's life."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from banyan.web.rest import openapi
from tests.rest.bus_life import BUS
from tests.rest.floor_life import FLOOR
from tests.rest.life import LEGS, asking, live
from tests.rest.travels import Traveller, visit_noun

pytestmark = pytest.mark.django_db


def test_every_operation_succeeds_at_least_once(api, account, samples, world, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    traveller = Traveller(api, account("*"), samples)
    live(traveller, world, (*LEGS, *FLOOR, *BUS, asking))
    for noun in registry.nouns():
        visit_noun(traveller, noun)
    document = openapi.document("en")
    described = {
        node[method]["operationId"]
        for node in document["paths"].values()
        for method in ("get", "post", "patch", "delete")
        if method in node
    }
    missing = {key: "never asked" for key in sorted(described - traveller.reached)} | traveller.failed
    assert missing == {}
