"""The description of events: valid by AsyncAPI's own schema, complete, and true to what events carry."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints
from uuid import UUID

import jsonschema_rs
import pytest
from django.test import Client

from banyan.integration.gateway import asyncapi, payloads
from banyan.integration.models import System
from banyan.integration.tests.conftest import account, do, flow, partner, seal_here, system  # noqa: F401
from banyan.integration.tests.telling import sell
from banyan.kernel import access, db, registry
from banyan.kernel.events import Event
from banyan.kernel.models import AccessToken, Outbox
from banyan.lib.ids import new_id

OFFICIAL = json.loads((Path(__file__).parent / "asyncapi" / "schema-3.0.0.json").read_text())
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def faults(document) -> list[str]:
    return [f"{'/'.join(map(str, e.instance_path))}: {e.message[:200]}" for e in _checker().iter_errors(document)]


def _checker():
    return jsonschema_rs.Draft7Validator(OFFICIAL)


def of_payload(document, kind):
    """Give what checks a whole message of an event."""
    whole = document["components"]["messages"][kind]["payload"] | {"components": document["components"]}
    return jsonschema_rs.Draft7Validator(whole, validate_formats=True)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_valid_by_the_official_schema_in_both_languages(language):
    document = asyncapi.document(language)
    assert faults(document) == []
    del document["info"]["title"]
    document["channels"]["x"] = {"address": 3}
    assert len(faults(document)) >= 2, "the schema refuses nothing"


def test_every_event_class_of_the_product_is_a_message_with_a_channel_and_an_operation():
    document = asyncapi.document("en")
    kinds = {kind.type for kind in payloads.event_types()}
    assert len(kinds) > 40
    assert set(document["components"]["messages"]) == set(document["channels"]) == kinds
    assert {key.removeprefix("tell.") for key in document["operations"]} == kinds
    assert not [kind for kind in kinds if kind.startswith("test.")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_messages_channels_and_operations_are_named_in_the_language(language):
    document = asyncapi.document(language)
    for kind in payloads.event_types():
        message, label = document["components"]["messages"][kind.type], kind.label.in_(language)
        assert message["title"] == label
        assert document["channels"][kind.type]["title"] == document["operations"][f"tell.{kind.type}"]["title"] == label
        assert message.get("description") == (kind.help.in_(language) if kind.help else None)
    assert document["components"]["messages"]["sales.order_confirmed"]["tags"] == [
        {"name": "sales.order", "description": registry.noun("sales.order").spec.label.in_(language)}
    ]


def test_every_reference_leads_somewhere():
    document = asyncapi.document("en")
    waiting = [document]
    while waiting:
        one = waiting.pop()
        waiting += one if isinstance(one, list) else one.values() if isinstance(one, dict) else ()
        if isinstance(one, dict) and "$ref" in one:
            place = document
            for part in one["$ref"].removeprefix("#/").split("/"):
                place = place[part]


def made(kind: type, name: str = ""):
    """Give a value of an annotated type, with something in every list and every optional fact."""
    from types import NoneType, UnionType
    from typing import Any, Union, get_args, get_origin

    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return made(next(one for one in inner if one is not NoneType), name)
    if origin is tuple:
        return tuple(made(one, name) for one in inner if one is not Ellipsis)
    if kind is Any:
        return {"a": [1]}
    plain = {UUID: new_id(), Decimal: Decimal("-12.500000"), datetime: datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
             date: date(2026, 3, 2), bool: True, int: 7, str: "字", float: 1.5}  # fmt: skip
    if kind in plain:
        return plain[kind]
    hints = get_type_hints(kind)
    return kind(**{f.name: made(hints[f.name], f.name) for f in fields(kind)})


@pytest.mark.parametrize("kind", payloads.event_types(), ids=lambda kind: kind.type)
def test_an_event_of_the_class_is_as_its_schema_says(kind):
    schema = payloads.of_event(kind, "en")
    event = made(kind)
    checker = jsonschema_rs.Draft7Validator(schema, validate_formats=True)
    told = json.loads(json.dumps(event.payload()))
    assert [e.message for e in checker.iter_errors(told)] == []
    told.pop("record")
    assert not checker.is_valid(told)
    assert not checker.is_valid(event.payload() | {"something": "else"})


def test_facts_are_worded_by_the_fields_of_the_noun():
    kind = next(one for one in payloads.event_types() if one.type == "exceptions.raised")
    properties = payloads.of_event(kind, "zh")["properties"]
    field = registry.noun("exceptions.exception").spec.field("plant")
    assert (properties["plant"]["title"], properties["plant"]["x-noun"]) == (field.label.zh, "company.plant")
    assert properties["record"]["x-noun"] == "exceptions.exception"


@dataclass(frozen=True)
class Odd(Event):
    """Facts of every kind."""

    a: tuple[tuple[UUID, Decimal], ...] = ()
    b: dict[str, int] | None = None


def test_unlike_parts_and_names_are_said_exactly():
    checker = jsonschema_rs.Draft7Validator(payloads.of_event(Odd, "en"), validate_formats=True)
    one = str(new_id())
    good = {"record": one, "a": [[one, "1.5"]], "b": {"x": 1}}
    assert checker.is_valid(good)
    for bad in ({"a": [[one]]}, {"a": [[one, 1.5]]}, {"a": [[one, "x"]]}, {"b": {"x": "1"}}, {"b": 3}):
        assert not checker.is_valid(good | bad), bad


def test_what_the_bus_freezes_is_a_message_of_the_description(ctx, live_db, flow, monkeypatch):  # noqa: F811
    kind = next(one for one in payloads.event_types() if one.type == "exceptions.moved")
    monkeypatch.setattr("banyan.integration.tests.telling.Sold", lambda record, n: made(kind))
    flow(detail={"events": ["exceptions.*"]})
    sell(ctx.with_(trace=TRACE), (new_id(), 1), drains=True)
    body = json.loads(db.one("SELECT body::text FROM integration_message")[0])
    checker = of_payload(asyncapi.document("en"), "exceptions.moved")
    assert [e.message for e in checker.iter_errors(body)] == []
    assert body["traceparent"] == TRACE
    assert not checker.is_valid(body | {"type": "exceptions.raised"})
    assert Outbox.objects.get(type="exceptions.moved").trace == TRACE


@pytest.fixture
def carried(ctx, flow, live_db):  # noqa: F811
    """A webhook and a broker that hear events."""
    for code, connector, settings in (
        ("HOOK", "webhook", {"address": "https://erp.example.com:8443/in?key=sealed", "mode": "plain"}),
        ("MQ", "amqp", {"host": "mq.example.com", "ways": [{"key": "push", "exchange": "erp", "routing_key": "x.y"}]}),
    ):
        facts = dict(code=code, name=code, connector=connector, settings=settings, hosts=["*.example.com"])
        made_ = do(ctx, "integration.system.create", records=[facts]).ids[0]
        do(ctx, "integration.system.activate", made_)
    by_code = dict(System.objects.values_list("code", "pk"))
    flow(code="TO-HOOK", system=str(by_code["HOOK"]), target="event", detail={"events": ["exceptions.*"]})
    flow(code="TO-MQ", system=str(by_code["MQ"]), target="push", detail={"events": ["exceptions.raised"]})


def test_flows_that_carry_events_are_channels_for_who_may_read_systems(ctx, nobody, carried):
    document = asyncapi.document("en", ctx)
    assert faults(document) == []
    assert {key: (one["protocol"], one["host"]) for key, one in document["servers"].items()} == {
        "HOOK": ("https", "erp.example.com:8443"), "MQ": ("amqp", "mq.example.com:5672"),
    }  # fmt: skip
    hook, queue = document["channels"]["flow.TO-HOOK"], document["channels"]["flow.TO-MQ"]
    assert (hook["address"], set(hook["messages"])) == (
        "/in", {kind for kind in document["components"]["messages"] if kind.startswith("exceptions.")},
    )  # fmt: skip
    assert (queue["address"], queue["bindings"]["amqp"]["exchange"]["name"]) == ("x.y", "erp")
    assert set(queue["messages"]) == {"exceptions.raised"}
    assert "sealed" not in json.dumps(document)
    assert "servers" not in asyncapi.document("en", nobody)
    assert "servers" not in asyncapi.document("en")


def test_what_goes_by_a_route_is_a_channel_of_its_own(ctx, live_db, flow):  # noqa: F811
    ways = [{"key": key, "queue": key} for key in ("raised", "moved")]
    system_ = do(ctx, "integration.system.create", records=[dict(
        code="MQ", name="MQ", connector="amqp", settings={"host": "mq.example.com", "ways": ways})]).ids[0]  # fmt: skip
    do(ctx, "integration.system.activate", system_)
    mapped = {"fields": [{"target": "number", "source": "subject"}]}
    moved = {"events": ["exceptions.moved"], "target": "moved", "mapping": mapped}
    flow(code="TO-MQ", system=str(system_), target="raised",
         detail={"events": ["exceptions.raised", "exceptions.moved"], "routes": [moved]},
         samples=[({"a": 1}, {"a": 1}), ({"type": "exceptions.moved", "subject": "E1"}, {"number": "E1"})])  # fmt: skip
    document = asyncapi.document("en", ctx)
    assert faults(document) == []
    own, routed = document["channels"]["flow.TO-MQ"], document["channels"]["flow.TO-MQ.1"]
    assert (own["address"], set(own["messages"])) == ("raised", {"exceptions.raised"})
    assert (routed["address"], set(routed["messages"]), routed["x-events"]) == (
        "moved", {"mapped"}, ["exceptions.moved"])  # fmt: skip


def token_of(user) -> dict[str, str]:
    token = access.new_token()
    AccessToken.objects.create(user=user, name="x", digest=access.token_digest(token), scopes=["*"])
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.django_db
def test_it_is_served_by_the_interface_with_a_tag(account):  # noqa: F811
    asked = {"headers": token_of(account("somewhere.else"))}
    answer = Client().get("/api/v1/asyncapi.json", **asked)
    assert (answer.status_code, answer.json()["asyncapi"]) == (200, "3.0.0")
    again = Client().get("/api/v1/asyncapi.json", headers=asked["headers"] | {"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    assert Client().get("/api/v1/asyncapi.json").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(("asked", "title"), [("en", "Sales order confirmed"), ("zh-CN,en;q=0.5", "销售订单已确认")])
def test_it_is_served_in_the_language_asked_for(account, asked, title):  # noqa: F811
    headers = token_of(account("somewhere.else")) | {"Accept-Language": asked}
    document = Client().get("/api/v1/asyncapi.json", headers=headers).json()
    assert document["components"]["messages"]["sales.order_confirmed"]["title"] == title
