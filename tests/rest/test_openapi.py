"""The description: valid by itself, complete, and true to the registry."""

from __future__ import annotations

import time

import jsonschema_rs
import pytest

from banyan.kernel import data_nouns, queries, registry, schema
from banyan.web.rest import openapi
from tests.kernel.visitor_pass import VISITOR_PASS

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "patch", "delete")


def operations(document):
    return [
        (path, method, node[method])
        for path, node in document["paths"].items()
        for method in METHODS
        if method in node
    ]


def test_every_noun_and_command_that_rest_offers_is_described():
    document = openapi.document("en")
    described = {operation["operationId"] for _, _, operation in operations(document)}
    for noun in registry.nouns():
        assert {
            f"{noun.spec.key}.{part}"
            for part in ("list", "read", "timeline", "attachments", "bulk", "export")
        } <= described
    missing = {
        c.key
        for c in registry.commands()
        if c.rest and c.key not in described and (c.name != "create" or c.on == "noun")
    }
    assert missing == set()
    assert len(described) == len(operations(document))


def test_every_reference_leads_somewhere_and_nothing_is_left_open():
    document = openapi.document("en")
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            if "$ref" in one:
                place = document
                for part in one["$ref"].removeprefix("#/").split("/"):
                    place = place[part]
    for path, method, operation in operations(document):
        assert "default" not in operation["responses"], (method, path)
        assert {"401", "403", "429"} <= set(operation["responses"]), (method, path)
        assert operation["x-permission"], (method, path)


def test_every_schema_is_a_schema_and_accepts_its_example():
    document = openapi.document("en")
    named = document["components"]["schemas"]
    assert [name for name, schema in named.items() if not jsonschema_rs.meta.is_valid(schema)] == []
    schemas, values = {}, {}
    for path, method, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            schema, key = content.get("schema", {}), f"{method} {path} {kind}"
            assert jsonschema_rs.meta.is_valid(schema), key
            if "example" in content:
                schemas[key], values[key] = schema, content["example"]
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                assert jsonschema_rs.meta.is_valid(content.get("schema", {})), (method, path)
    rooted = {"type": "object", "properties": schemas, "components": {"schemas": named}}
    jsonschema_rs.validator_for(rooted).validate(values)
    assert len(values) > 500


#: What is answered as bytes has no example that could be read.
BYTES = {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "*/*"}


def test_every_successful_answer_has_an_example_that_its_schema_accepts():
    document = openapi.document("en")
    examples, seen = document["components"]["examples"], set()
    schemas, values = {}, {}
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items() if status[0] == "2" else ():
                if kind in BYTES:
                    continue
                if kind == "text/csv":
                    assert len(content["example"].splitlines()) == 2, (method, path)
                    continue
                (named,) = content["examples"].values()
                name = named["$ref"].removeprefix("#/components/examples/")
                key = f"{name} as {content['schema']}"
                schemas[key], values[key] = content["schema"], examples[name]["value"]
                seen.add(name)
    rooted = {"type": "object", "properties": schemas,
              "components": {"schemas": document["components"]["schemas"]}}  # fmt: skip
    jsonschema_rs.validator_for(rooted, validate_formats=True).validate(values)
    assert seen == set(examples)
    order = examples["SalesOrder"]["value"]
    assert {"party", "state", "gross_amount", "created_at"} <= set(order)
    assert order["lines"][0]["quantity"] == "12.5"
    assert set(examples["SalesOrderPage"]["value"]["items"][0]) >= {"id", *registry.noun("sales.order").spec.list}


def test_the_document_stays_small_and_is_made_soon():
    """Less than 30 kB and 40 ms of work for each noun and query: an example stands once, whoever shows it."""
    openapi._made.cache_clear()
    openapi._bytes.cache_clear()
    begun = time.process_time()
    body, _ = openapi.encoded("en")
    took, things = time.process_time() - begun, len(registry.nouns()) + len(queries.queries())
    assert len(body) < 30_000 * things
    assert took < 0.04 * things


def test_inputs_and_answers_never_share_a_name():
    document = openapi.document("en")
    content = document["paths"]["/find"]["get"]["responses"]["200"]["content"]["application/json"]
    found = document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[-1]]
    assert set(found["properties"]) == {"items"}
    assert "Input.Found" in document["components"]["schemas"]


def test_every_example_is_a_valid_input():
    document = openapi.document("en")
    found = {operation["operationId"]: operation for _, _, operation in operations(document)}
    for cmd in registry.commands():
        model = cmd.input_model() if cmd.rest and cmd.key in found else None
        if model is None:
            continue
        example = found[cmd.key]["requestBody"]["content"]["application/json"]["example"]
        if cmd.name == "create" and "records" in model.model_fields:
            example = {"records": [example]}
        if cmd.name != "change":
            schema.parse(model, example)


def test_it_speaks_both_languages_and_names_no_default(api):
    assert (
        api.get("openapi.json", Accept_Language="zh")
        .data["components"]["responses"]["Problem404"]["description"]
        .startswith("找不到")
    )
    answer = api.get("openapi.json", Accept_Language="en")
    assert answer.data["openapi"] == "3.1.0"
    assert api.get("openapi.json", Accept_Language="en", If_None_Match=answer["ETag"]).status_code == 304


def test_a_noun_made_of_data_is_there_at_once_and_gone_at_once(api):
    made = data_nouns.compile_definition(VISITOR_PASS)
    data_nouns.create_tables(made)
    registry.publish([made])
    try:
        document = api.get("openapi.json").data
        assert "/made/visitor_passes/{id}/issue" not in document["paths"]
        assert "/made/visitor_passes" in document["paths"]
        answer = api.post(
            "made/visitor_passes", {"visitor": "陈", "visits_on": "2026-03-02", "things": [{"thing": "电脑"}]}
        )
        assert answer.status_code == 201, answer.content
        assert api.get("made/visitor_passes?state=draft").data["items"][0]["visitor"] == "陈"
    finally:
        registry.withdraw(VISITOR_PASS["key"])
    assert "/made/visitor_passes" not in api.get("openapi.json").data["paths"]
    assert api.get("made/visitor_passes").status_code == 404


def test_the_page_shows_every_noun_and_runs_no_script(api):
    page = api.get("/api/v1/")
    assert page.status_code == 200
    assert "script" not in page["Content-Security-Policy"]
    assert b"<script" not in page.content
    assert b"http://" not in page.content.replace(b"http://www.w3.org", b"")
    for noun in registry.nouns():
        assert noun.spec.path.encode() in page.content
    one = api.get("/api/v1/?noun=kernel.user")
    assert b"POST" in one.content
    assert b"/api/v1/kernel/users/{id}" in one.content
