"""The description of all events: AsyncAPI 3.0, made from the event classes of the registry and the flows that run.

Every event is a message in the envelope of CloudEvents 1.0. Where it can be heard is said for those who may read
outside systems: a channel for each running flow that carries events by webhook or AMQP.

Source: AsyncAPI 3.0.0; CloudEvents 1.0.2 with its extension for distributed tracing
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.http import HttpResponse

from banyan.integration import rules
from banyan.integration.gateway import payloads
from banyan.integration.routes import number_of, ways_of
from banyan.kernel import db, registry
from banyan.kernel.context import Context
from banyan.kernel.events import Event, label_of
from banyan.lib.labels import L
from banyan.web.rest import answers, parameters, routes
from banyan.web.rest.resources import Call

Node = dict[str, Any]
PATH = "asyncapi.json"
#: Who may read systems and flows is told which partner hears what.
SYSTEMS = ("integration.system.read", "integration.flow.read")
CONTENT = "application/cloudevents+json"


def document(language: str = "zh", ctx: Context | None = None) -> Node:
    """Give the AsyncAPI document of every event there is now.

    Takes:  ctx: who asks; without anybody, or without the right to read systems and flows, no partner is named
    """
    made = orjson.loads(_base(registry.epoch, language))
    if ctx is not None and all(ctx.may(one) for one in SYSTEMS):
        _carry(made, language)
    return made


@lru_cache(maxsize=8)
def _base(epoch: int, language: str) -> bytes:
    say = _Speaker(language)
    kinds = payloads.event_types()
    return orjson.dumps({
        "asyncapi": "3.0.0",
        "id": "urn:banyan:events",
        "info": {
            "title": say("Banyan 榕：业务事件", "Banyan 榕: events"),
            "version": "1",
            "description": say(
                "业务中已经发生的事。每个事件是一个 CloudEvents 1.0 信封，至少送达一次，id 相同即同一事件；"
                "同一单据的事件按发生的顺序。数量和金额写成文本，时刻带时区，标识为 UUID。"
                "接收方式（Webhook、AMQP 等）由集成流设定；有权查看外部系统的人会在 channels 中看到。",
                "What has happened. Each event comes in the envelope of CloudEvents 1.0, at least once: the same id is "
                "the same event; those of one document in the order in which they happened. Quantities and amounts "
                "are text, instants carry a zone, keys are UUIDs. How they are heard (webhook, AMQP and others) is "
                "set by flows; who may read outside systems sees them among the channels.",
            ),
        },
        "defaultContentType": CONTENT,
        "channels": {kind.type: _channel(kind, say) for kind in kinds},
        "operations": {
            f"tell.{kind.type}": {
                "action": "send",
                "title": label_of(kind).in_(language),
                "channel": _ref("channels", kind.type),
                "messages": [_ref("channels", kind.type, "messages", "event")],
            }
            for kind in kinds
        },
        "components": {
            "messages": {kind.type: _message(kind, say) for kind in kinds},
            "schemas": {"CloudEvent": _envelope(say)}
            | {f"data.{kind.type}": payloads.of_event(kind, language) for kind in kinds},
        },
    })  # fmt: skip


class _Speaker:
    """Words things in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, zh: str, en: str) -> str:
        return L(zh, en).in_(self.language)


def _tag(kind: type[Event], say: _Speaker) -> Node:
    """Give the tag of an event's noun, of its module where it happens to several."""
    if not registry.has_noun(kind.noun):
        return {"name": kind.noun or kind.type.split(".")[0]}
    return {"name": kind.noun, "description": registry.noun(kind.noun).spec.label.in_(say.language)}


def _channel(kind: type[Event], say: _Speaker) -> Node:
    """Give the channel of a type: it has no address of its own, a flow says where it leads."""
    return {
        "address": None,
        "title": label_of(kind).in_(say.language),
        "description": say("由集成流转发；地址由其设定", "Carried by flows, which say where it leads"),
        "messages": {"event": _ref("components", "messages", kind.type)},
    }


def _message(kind: type[Event], say: _Speaker) -> Node:
    return {
        "name": kind.type,
        "title": label_of(kind).in_(say.language),
        **({"description": kind.help.in_(say.language)} if kind.help else {}),
        "contentType": CONTENT,
        "tags": [_tag(kind, say)],
        "payload": {
            "allOf": [
                _ref("components", "schemas", "CloudEvent"),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": kind.type},
                        # an event of several kinds of documents names its noun itself
                        "noun": {"const": kind.noun} if kind.noun else {"type": "string"},
                        "dataversion": {"const": kind.event_version},
                        "data": _ref("components", "schemas", f"data.{kind.type}"),
                    },
                },
            ]
        },
    }


def _envelope(say: _Speaker) -> Node:
    """Give the envelope, as `integration.fanout` freezes it."""
    text: Node = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "subject", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "format": "uuid", "description": say("事件编号", "The event's own key")},
            "source": {**text, "format": "uri-reference"},
            "type": text,
            "time": {"type": "string", "format": "date-time"},
            "subject": {**text, "description": say("单号，没有时为记录标识", "The document's number, else its key")},
            "datacontenttype": {"const": "application/json"},
            "dataversion": {"type": "integer", "description": say("内容的版本", "The version of what it carries")},
            "noun": {**text, "description": say("单据类型", "The noun it happened to")},
            "record": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
            "traceparent": {
                **text, "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "description": say("W3C 追踪；没有追踪时省略", "W3C trace context; left out where nobody traces it"),
            },
            "data": {},
        },
    }  # fmt: skip


# --- where they are heard ---------------------------------------------------------------------------------------

_CARRIED = """
    SELECT f.code, f.name, f.state, v.definition::text, s.code, s.name, s.connector, s.settings::text
    FROM integration_flow f JOIN integration_flowversion v ON v.id = f.running_id
    JOIN integration_system s ON s.id = f.system_id
    WHERE f.direction = 'out' AND f.trigger = 'event' AND f.state = 'active' AND s.state = 'active'
      AND s.connector IN ('webhook', 'amqp')
    ORDER BY s.code, f.code
"""


def _carry(made: Node, language: str) -> None:
    """Add servers and channels of the flows that carry events by webhook and AMQP. One statement."""
    say, servers = _Speaker(language), {}
    for flow, name, _, definition, system, system_name, connector, settings in db.rows(_CARRIED):
        whole, facts = orjson.loads(definition), orjson.loads(settings)
        heard = [kind for kind in made["components"]["messages"] if rules.matches(kind, whole["detail"]["events"])]
        for number, frozen in enumerate(ways_of(whole)):
            told = [kind for kind in heard if number_of(whole, kind) == number]
            where = _webhook(facts) if connector == "webhook" else _amqp(facts, frozen["target"])
            if where is None or not told:
                continue
            server, address, bindings = where
            servers[system] = {**server, "title": system_name}
            way = f"{flow}.{number}" if number else flow
            channel = f"flow.{way}"
            mode = facts.get("mode", "structured") if connector == "webhook" else "plain"
            messages = _told(made, channel, told, frozen, mode, say)
            made["channels"][channel] = {
                "address": address, "title": name, "servers": [_ref("servers", system)], "messages": messages,
                "bindings": bindings, "x-flow": flow, "x-events": told if number else whole["detail"]["events"],
            }  # fmt: skip
            http = {"bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}}
            made["operations"][f"send.{way}"] = {
                "action": "send", "title": name, "channel": _ref("channels", channel),
                "messages": [_ref("channels", channel, "messages", key) for key in messages],
                **(http if connector == "webhook" else {}),
            }  # fmt: skip
    if servers:
        made["servers"] = servers


def _told(made: Node, channel: str, told: list[str], frozen: Mapping[str, Any], mode: str, say: _Speaker) -> Node:
    """Give the messages of a channel: the events as they are, or in the form a flow gives them."""
    messages, schemas = made["components"]["messages"], made["components"]["schemas"]
    if not frozen["mapping"] and mode == "plain":
        return {key: {**messages[key], "contentType": "application/json"} for key in told}
    data: Node = {} if frozen["mapping"] else {"anyOf": [messages[key]["payload"] for key in told]}
    if mode != "structured":  # in binary mode the envelope goes in headers, the body is what it carries
        payload, content = data, "application/json"
    else:
        outer = {"type": {"enum": told}, "data": data, "subject": {"description": say("排序键", "The ordering key")}}
        schemas["Told"] = _outer()
        payload = {"allOf": [_ref("components", "schemas", "Told"), {"type": "object", "properties": outer}]}
        content = CONTENT
    messages[channel] = {
        "name": channel, "contentType": content, "payload": payload,
        "summary": say("经集成流映射的内容", "What the flow's mapping makes of events") if frozen["mapping"] else
        say("事件装在信封的 data 中", "The event within the envelope's data"),
    }  # fmt: skip
    return {"mapped" if frozen["mapping"] else "event": _ref("components", "messages", channel)}


def _outer() -> Node:
    """Give the envelope that the webhook connector makes."""
    text: Node = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {"specversion": {"const": "1.0"}, "id": text, "source": text, "type": text, "time": text,
                       "subject": text, "traceparent": text, "datacontenttype": text, "data": {}},
    }  # fmt: skip


def _webhook(settings: Mapping[str, Any]) -> tuple[Node, str, Node] | None:
    """Give server, address and bindings; neither a query nor a name within the address, which may be secrets."""
    parts = urlsplit(settings.get("address", ""))
    if not parts.hostname:
        return None
    host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return {"host": host, "protocol": parts.scheme}, parts.path or "/", {}


def _amqp(settings: Mapping[str, Any], target: str) -> tuple[Node, str, Node] | None:
    way = next((one for one in settings.get("ways", ()) if one.get("key") == target), None)
    if way is None:
        return None
    protocol = "amqps" if settings.get("is_encrypted") else "amqp"
    server = {"host": f"{settings['host']}:{settings.get('port', 5672)}", "protocol": protocol,
              "protocolVersion": "0.9.1", "pathname": f"/{settings.get('virtual_host', '/').lstrip('/')}"}  # fmt: skip
    exchange, routing = way.get("exchange", ""), way.get("routing_key", "") or way.get("queue", "")
    if exchange:
        binding: Node = {"is": "routingKey", "exchange": {"name": exchange, "vhost": settings.get("virtual_host", "/")}}
    else:
        binding = {"is": "queue", "queue": {"name": routing, "durable": True,
                                            "vhost": settings.get("virtual_host", "/")}}  # fmt: skip
    return server, routing, {"amqp": {**binding, "bindingVersion": "0.3.0"}}


def _ref(*parts: str) -> Node:
    return {"$ref": "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)}


def describe(call: Call) -> HttpResponse:
    """Answer GET /api/v1/asyncapi.json."""
    body = answers.body_of(document(call.ctx.language, call.ctx))
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    if parameters.is_known(call.request, tag):
        return answers.empty(304, ETag=tag)
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = tag
    return response


routes.serve(PATH, GET=describe)
