"""Our commands by SOAP: each has a WSDL at `/soap/<command>?wsdl`, so that an old system can call it.

Document/literal, SOAP 1.1. What goes in is the command's input, with `id` for each record it acts on and `key`, which
makes a repeated call the same call. Who calls is known by HTTP basic or by a WS-Security UsernameToken: login name and
personal token. A refusal is a fault: `Client`, our code and text, the faults by field in its detail.
"""

from __future__ import annotations

import base64
import binascii
import logging
import secrets as chance
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from banyan.integration import xml
from banyan.integration.connecting import Failed
from banyan.integration.values import as_json
from banyan.kernel import access, registry
from banyan.kernel.commands import Command, execute
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError, Invalid, NotAuthenticated, NotFound, TooLarge
from banyan.lib.labels import L
from banyan.web.rest import answers, callers, entry

if TYPE_CHECKING:
    from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
MOST_BYTES = 2_000_000
_SIMPLE = {"string": "xs:string", "integer": "xs:integer", "number": "xs:decimal", "boolean": "xs:boolean"}
log = logging.getLogger(__name__)


@csrf_exempt
def service(request: HttpRequest, key: str) -> HttpResponse:
    """Give a command's WSDL, or run it.

    Gives:  an envelope; a fault has status 500, as SOAP 1.1 says, 401 where the caller is not known
    """
    begun = time.perf_counter()
    response = _answered(request, key)
    entry.logged(request, response, f"/soap/{key}", begun, key)
    return response


def _answered(request: HttpRequest, key: str) -> HttpResponse:
    language = "zh" if request.headers.get("Accept-Language", "zh").lower().startswith("zh") else "en"
    try:
        cmd = _command(key)
        if request.method == "GET":
            return HttpResponse(
                wsdl_of(cmd, request.build_absolute_uri(request.path)), content_type="text/xml; charset=utf-8"
            )
        return _run(request, cmd)
    except DomainError as refusal:
        log.warning("soap %s: refused a call (%s): %s", key[:120], refusal.code, refusal.label.en)
        return _refused(refusal, language)
    except Exception as fault:
        number = chance.token_hex(4).upper()
        log.error("incident %s at %s %s", number, request.method, request.path, exc_info=fault)
        text = L(f"系统故障，编号 {number}", f"A fault of the system, number {number}").in_(language)
        return _envelope([_fault("Server", text, {"incident": number})], 500)


def wsdl_of(cmd: Command, address: str) -> bytes:
    """Give the WSDL of a command."""
    from lxml import etree

    namespace, name = namespace_of(cmd), "call"
    root = etree.Element(
        f"{{{WSDL}}}definitions",
        {"targetNamespace": namespace, "name": _service_name(cmd)},
        nsmap={"wsdl": WSDL, "soap": SOAP, "xs": XSD, "t": namespace},
    )
    types = _sub(root, WSDL, "types")
    schema = _sub(types, XSD, "schema", targetNamespace=namespace, elementFormDefault="qualified")
    shape, named = input_schema(cmd)
    for each, definition in named.items():
        _complex(_sub(schema, XSD, "complexType", name=each), definition, named)
    _complex(_sub(_sub(schema, XSD, "element", name=name), XSD, "complexType"), shape, named)
    result = _sub(_sub(_sub(schema, XSD, "element", name=f"{name}Response"), XSD, "complexType"), XSD, "sequence")
    _sub(result, XSD, "element", name="id", type="xs:string", minOccurs="0", maxOccurs="unbounded")
    _sub(result, XSD, "element", name="result", type="xs:string", minOccurs="0")
    for message, element in (("In", name), ("Out", f"{name}Response")):
        part = _sub(_sub(root, WSDL, "message", name=message), WSDL, "part", name="parameters")
        part.set("element", f"t:{element}")
    port = _sub(root, WSDL, "portType", name="Port")
    operation = _sub(port, WSDL, "operation", name=name)
    _sub(operation, WSDL, "documentation").text = f"{cmd.label.zh} {cmd.label.en}"
    _sub(operation, WSDL, "input", message="t:In")
    _sub(operation, WSDL, "output", message="t:Out")
    binding = _sub(root, WSDL, "binding", name="Binding", type="t:Port")
    _sub(binding, SOAP, "binding", style="document", transport="http://schemas.xmlsoap.org/soap/http")
    operation = _sub(binding, WSDL, "operation", name=name)
    _sub(operation, SOAP, "operation", soapAction=f"{namespace}:{name}")
    for way in ("input", "output"):
        _sub(_sub(operation, WSDL, way), SOAP, "body", use="literal")
    there = _sub(_sub(root, WSDL, "service", name=_service_name(cmd)), WSDL, "port", name="Port", binding="t:Binding")
    _sub(there, SOAP, "address", location=address)
    return xml.written(root)


def namespace_of(cmd: Command) -> str:
    """Give the namespace of a command's service."""
    return f"urn:banyan:{cmd.key}"


def input_schema(cmd: Command) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the JSON schema of what a call takes, and the named schemas it refers to."""
    model = cmd.input_model()
    whole = model.model_json_schema() if model is not None else {"type": "object", "properties": {}}
    ahead: dict[str, Any] = {"key": {"type": "string"}}
    needed = list(whole.get("required", ()))
    if cmd.on == "records":
        ahead["id"] = {"type": "array", "items": {"type": "string"}}
        needed.append("id")
    return {**whole, "properties": {**ahead, **whole.get("properties", {})}, "required": needed}, whole.get("$defs", {})


def data_of(element: etree._Element, shape: Mapping[str, Any], named: Mapping[str, Any], path: str = "") -> Any:
    """Give an element as the data its schema wants: lists where they may repeat, texts elsewhere. Raises: Invalid."""
    kind, shape = _kind(shape, named)
    if kind != "object":
        text = (element.text or "").strip()
        if kind == "boolean" and text in ("true", "1", "false", "0"):
            return text in ("true", "1")
        if kind == "integer" and text.lstrip("-").isdigit() and len(text) < 20:
            return int(text)
        return text if not len(element) else xml.as_data(element)
    properties = shape.get("properties", {})
    if not properties:
        return xml.as_data(element)
    out: dict[str, Any] = {}
    for child in element:
        name = xml.name_of(child)
        here = f"{path}.{name}".lstrip(".")
        if name not in properties:
            raise Invalid(fields={here: L("没有这个字段", "There is no such field")})
        if child.get("{http://www.w3.org/2001/XMLSchema-instance}nil") in ("true", "1"):
            out[name] = None
            continue
        of, inner = _kind(properties[name], named)
        if of == "array":
            out.setdefault(name, []).append(data_of(child, inner.get("items", {}), named, here))
        elif name in out:
            raise Invalid(fields={here: L("不可重复", "It must not repeat")})
        else:
            out[name] = data_of(child, properties[name], named, here)
    return out


def _run(request: HttpRequest, cmd: Command) -> HttpResponse:
    root = _read(request)
    header = next((each for each in root if each.tag == f"{{{ENVELOPE}}}Header"), None)
    body = next((each for each in root if each.tag == f"{{{ENVELOPE}}}Body"), None)
    call = next(iter(body), None) if body is not None else None
    if root.tag != f"{{{ENVELOPE}}}Envelope" or call is None or call.tag != f"{{{namespace_of(cmd)}}}call":
        raise Invalid("soap_body", L("正文须为该服务的 call 元素", "The body must be the service's call element"))
    ctx = _context(request, header)
    shape, named = input_schema(cmd)
    data = data_of(call, shape, named)
    key, ids = data.pop("key", None), data.pop("id", []) if cmd.on == "records" else []
    try:
        records = [UUID(str(each)) for each in ids]
    except ValueError:
        raise Invalid(fields={"id": L("须为记录的 id", "It must be a record's id")}) from None
    if cmd.on == "records" and not records:
        raise Invalid(fields={"id": L("必填", "Required")})
    if key:
        if len(key) > 200 or not key.isascii() or not key.isprintable():
            raise Invalid(fields={"key": L("须为 1 到 200 个可见字符", "1 to 200 visible characters")})
        ctx = ctx.with_(key=key)
    done = execute(
        ctx, cmd, ids=records, data=data or None if cmd.input_model() is None else data,
        render=lambda outcome: {
            "id": [str(each) for each in outcome.ids], "result": answers.told(outcome.value),
        },
    )  # fmt: skip
    said = xml.as_element("callResponse", _answer(done.answer), namespace_of(cmd))
    return _envelope([said], 200)


def _answer(kept: Mapping[str, Any]) -> dict[str, Any]:
    import orjson

    result = kept.get("result")
    text = result if isinstance(result, str) else orjson.dumps(as_json(result)).decode() if result is not None else None
    return {"id": list(kept.get("id") or ()), **({"result": text} if text is not None else {})}


def _read(request: HttpRequest) -> etree._Element:
    try:
        body = request.body
    except RequestDataTooBig:
        raise TooLarge() from None
    try:
        return xml.parsed(body, MOST_BYTES)
    except Failed as fault:
        if fault.kind == "too_large":
            raise TooLarge() from None
        zh, _, en = fault.text.partition("\n")
        raise Invalid("soap_malformed", L(zh, en or zh)) from None


def _context(request: HttpRequest, header: etree._Element | None) -> Context:
    name, token = _basic(request) or _username_token(header) or ("", "")
    now = timezone.now()
    found = access.bearer(token, now) if token else None
    if found is None or found.who.login != name:
        raise NotAuthenticated("token_refused", L("用户名或令牌无效", "The user's name or token is not valid"))
    caller = request.caller = callers.bearing(found, now, "soap")  # type: ignore[attr-defined]
    callers.trace_on(caller, request)
    callers.count(caller)
    return Context(
        principal=caller.principal, now=now, through="rest", program=caller.program, plant=caller.plant,
        language=caller.principal.language, trace=caller.trace,
    )  # fmt: skip


def _basic(request: HttpRequest) -> tuple[str, str] | None:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, token = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, token


def _username_token(header: etree._Element | None) -> tuple[str, str] | None:
    if header is None:
        return None
    for each in header.iter():
        if isinstance(each.tag, str) and xml.name_of(each) == "UsernameToken":
            parts = {xml.name_of(child): child for child in each}
            name, password = parts.get("Username"), parts.get("Password")
            if name is None or password is None or (password.get("Type") or "").endswith("#PasswordDigest"):
                return None
            return (name.text or "").strip(), (password.text or "").strip()
    return None


def _command(key: str) -> Command:
    if not registry.has_command(key) or not registry.command(key).rest:
        raise NotFound(
            "command_unknown", L("没有名为 {command} 的操作", "There is no command named {command}"), {"command": key}
        )
    return registry.command(key)


def _service_name(cmd: Command) -> str:
    return "".join(part.capitalize() for part in cmd.key.replace("_", ".").split("."))


def _sub(parent: etree._Element, space: str, tag: str, /, **attributes: str) -> etree._Element:
    from lxml import etree

    return etree.SubElement(parent, f"{{{space}}}{tag}", attributes)


def _kind(shape: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Give what a schema is at heart: object, array, string, integer, number, boolean; and that part of it."""
    for _ in range(10):
        if "$ref" in shape:
            shape = named.get(str(shape["$ref"]).rpartition("/")[2], {})
        elif options := [each for each in shape.get("anyOf", ()) if each.get("type") != "null"]:
            numbers = [each for each in options if each.get("type") == "number"]
            shape = numbers[0] if numbers else options[0]
        elif all_of := shape.get("allOf"):
            shape = all_of[0]
        else:
            break
    kind = str(shape.get("type") or ("object" if "properties" in shape else "string"))
    return kind, shape


def _complex(parent: etree._Element, shape: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    kind, shape = _kind(shape, named)
    sequence = _sub(parent, XSD, "sequence")
    if kind != "object" or not shape.get("properties"):
        _sub(sequence, XSD, "any", minOccurs="0", maxOccurs="unbounded", processContents="skip")
        return
    needed = set(shape.get("required", ()))
    for name, each in shape["properties"].items():
        attributes = {"name": name, **({} if name in needed else {"minOccurs": "0"})}
        of, inner = _kind(each, named)
        source = each
        if of == "array":
            attributes["maxOccurs"] = "unbounded"
            source = inner.get("items", {})
            of, inner = _kind(source, named)
        if of in _SIMPLE:
            _sub(sequence, XSD, "element", **attributes, type=_SIMPLE[of])
        elif reference := _reference(source):
            _sub(sequence, XSD, "element", **attributes, type=f"t:{reference}")
        else:
            _complex(_sub(_sub(sequence, XSD, "element", **attributes), XSD, "complexType"), inner, named)


def _reference(shape: Mapping[str, Any]) -> str:
    for each in (shape, *shape.get("anyOf", ()), *shape.get("allOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return ""


def _refused(refusal: DomainError, language: str) -> HttpResponse:
    problem = refusal.as_problem(language)
    detail = {"code": refusal.code, "status": refusal.status}
    if problem.get("way_out"):
        detail["wayOut"] = problem["way_out"]
    if problem.get("errors"):
        detail["error"] = [{"path": each["path"], "detail": each["detail"]} for each in problem["errors"]]
    response = _envelope([_fault("Client", problem["detail"], detail)], 401 if refusal.status == 401 else 500)
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Banyan", charset="UTF-8"'
    return response


def _fault(code: str, text: str, detail: Mapping[str, Any]) -> etree._Element:
    from lxml import etree

    fault = etree.Element(f"{{{ENVELOPE}}}Fault", nsmap={"s": ENVELOPE})
    etree.SubElement(fault, "faultcode").text = f"s:{code}"
    etree.SubElement(fault, "faultstring").text = text
    fault.append(xml.as_element("detail", {"problem": dict(detail)}))
    return fault


def _envelope(inside: list[etree._Element], status: int) -> HttpResponse:
    from lxml import etree

    root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"s": ENVELOPE})
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    for each in inside:
        body.append(each)
    response = HttpResponse(xml.written(root), status=status, content_type="text/xml; charset=utf-8")
    response._has_been_logged = True  # type: ignore[attr-defined]  # SOAP's 500 is a refusal, not a fault of ours
    return response
