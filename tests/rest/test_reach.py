"""Every operation of the description is reached: a request that succeeds for each, by a factory's life."""

from __future__ import annotations

import jsonschema_rs
import pytest

from banyan.integration.gateway import payloads
from banyan.kernel import registry
from banyan.kernel.models import Outbox
from banyan.web.rest import openapi
from tests.rest.bus_life import BUS
from tests.rest.floor_life import FLOOR
from tests.rest.life import LEGS, asking, live
from tests.rest.travels import Traveller, visit_noun

pytestmark = pytest.mark.django_db


def wrongly_described() -> dict[str, str]:
    """Give what is wrong with the description of an event that has been told, by type."""
    kinds = {kind.type: payloads.of_event(kind, "en") for kind in payloads.event_types()}
    checkers = {key: jsonschema_rs.Draft7Validator(schema, validate_formats=True) for key, schema in kinds.items()}
    wrong = {}
    nouns = {kind.type: kind.noun for kind in payloads.event_types()}
    for type_, noun, payload in Outbox.objects.values_list("type", "noun", "payload"):
        if nouns.get(type_) not in ("", noun):
            wrong[type_] = f"told of {noun}"
        fault = next(checkers[type_].iter_errors(payload), None) if type_ in checkers else "not described"
        if fault is not None:
            wrong[type_] = getattr(fault, "message", fault)
    return wrong


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
    assert wrongly_described() == {}
    missing = {key: "never asked" for key in sorted(described - traveller.reached)} | traveller.failed
    assert missing == {}
