"""Zeep's client on our guarded way out: what it loads and posts goes nowhere else."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from banyan.connectors.rest.signing import Secrets, basic, needed
from banyan.connectors.soap.settings import SoapSettings
from banyan.integration import xml
from banyan.integration.connecting import Connection, Failed
from banyan.integration.guard import Answer
from banyan.lib.labels import L

if TYPE_CHECKING:
    import zeep

#: Where the text of a WSDL given in the settings stands for zeep; nothing answers there.
TEXT = "http://wsdl.invalid/service.wsdl"
LASTS_SECONDS = 3600.0
MOST_CLIENTS = 32
_using: ContextVar[Connection] = ContextVar("soap_connection")
_expected: ContextVar[str] = ContextVar("soap_expected", default="")
_clients: OrderedDict[tuple[str, ...], tuple[zeep.Client, float]] = OrderedDict()
_gate = threading.Lock()


class Response:
    """An answer as zeep wants to see one."""

    def __init__(self, answer: Answer) -> None:
        self.status_code, self.headers = answer.status, {"Content-Type": answer.headers.get("content-type", "")}
        self.content, self.encoding = answer.body, "utf-8"

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


def client_of(connection: Connection) -> zeep.Client:
    """Give the client of a system, its WSDL read anew after an hour. Raises: Failed for a WSDL that cannot be read."""
    import zeep
    from zeep import exceptions

    settings: SoapSettings = connection.settings
    named = settings.wsdl_address or hashlib.sha256(settings.wsdl.encode()).hexdigest()
    key = (connection.system, connection.environment, named)
    with _gate:
        found = _clients.get(key)
        if found is not None and found[1] > time.monotonic():
            return found[0]
    before = _using.set(connection)
    try:
        strict = zeep.Settings(
            strict=True, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True
        )  # fmt: skip
        made = zeep.Client(settings.wsdl_address or TEXT, transport=_transport(), settings=strict)
    except Failed:
        raise
    except (exceptions.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError, LookupError) as error:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise Failed("refused", L(f"WSDL 无法读取：{text}", f"The WSDL cannot be read: {text}")) from None
    finally:
        _using.reset(before)
    with _gate:
        _clients[key] = (made, time.monotonic() + LASTS_SECONDS)
        while len(_clients) > MOST_CLIENTS:
            _clients.popitem(last=False)
    return made


def call(connection: Connection, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call an operation and give its reply as zeep's objects. Raises: Failed."""
    from lxml import etree
    from zeep import exceptions

    settings: SoapSettings = connection.settings
    client = client_of(connection)
    before = _using.set(connection)
    try:
        service = _service(client, settings)
        client_wsse = _wsse(connection)
        operation = service._operations.get(name)
        if operation is None:
            known = ", ".join(sorted(service._operations))[:300]
            raise Failed("refused", L(f"WSDL 没有操作 {name}，有 {known}", f"The WSDL has no {name}; it has {known}"))
        service._client = _Signed(client, client_wsse)
        _expected.set(_answer_of(service, name))
        if "_soapheaders" in arguments:
            raise Failed("mapping", L("参数不能是 _soapheaders", "_soapheaders is no argument"))
        return service[name](**{str(key): value for key, value in arguments.items()})
    except exceptions.Fault as fault:
        code = str(fault.code or "").rpartition(":")[2]
        text = " ".join(str(fault.message or "").split())[:400]
        kind = "unavailable" if code in settings.passing_faults else "refused"
        raise Failed(kind, f"{code}: {text}" if code else text, code=code) from None  # type: ignore[arg-type]
    except (exceptions.ValidationError, TypeError) as error:
        text = " ".join(str(error).split())[:300]
        raise Failed("mapping", L(f"参数与 WSDL 不符：{text}", f"The arguments do not fit the WSDL: {text}")) from None
    except (exceptions.Error, etree.LxmlError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())[:300] or type(error).__name__
        if "XML compatible" in text:
            raise Failed("mapping", L("值中有 XML 不容的字符", "A value holds characters that XML cannot")) from None
        raise Failed("refused", L(f"应答无法理解：{text}", f"The answer cannot be understood: {text}")) from None
    finally:
        _using.reset(before)


class _Signed:
    """A client that proves who we are; it lends all else from the one that is shared."""

    def __init__(self, client: zeep.Client, wsse: Any) -> None:
        self._client, self.wsse = client, wsse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def bound_of(client: zeep.Client, settings: SoapSettings) -> Any:
    """Give the service and port that are meant. Raises: Failed where the WSDL has none such."""
    try:
        bound = client.bind(settings.service or None, settings.port or None)
    except ValueError as error:
        raise Failed("refused", str(error)) from None
    if bound is None:
        raise Failed("refused", L("WSDL 中没有服务", "The WSDL has no service"))
    return bound


def _service(client: zeep.Client, settings: SoapSettings) -> Any:
    bound = bound_of(client, settings)
    if settings.address:
        return client.create_service(bound._binding.name.text, settings.address)
    return bound


def _answer_of(service: Any, name: str) -> str:
    """Give the element an answer must have, where the style is document; else empty."""
    try:
        body = service._binding.get(name).output.body
        return str(body.qname) if service._binding.get(name).style == "document" and body is not None else ""
    except AttributeError:
        return ""


def _check_body(content: bytes, expected: str, most_bytes: int) -> None:
    """Refuse an envelope whose body holds something else. Raises: Failed."""
    try:
        root = xml.parsed(content, most_bytes)
    except Failed as fault:
        raise Failed("refused", fault.text) from None
    body = next((each for each in root if xml.name_of(each) == "Body"), None)
    first = next(iter(body), None) if body is not None else None
    found = "" if first is None else str(first.tag)
    if expected and found != expected and xml.name_of(first if first is not None else root) != "Fault":
        raise Failed(
            "refused", L(f"应答不是 {expected}，而是 {found or '—'}", f"The answer is no {expected} but {found or '—'}")
        )


def _wsse(connection: Connection) -> Any:
    settings: SoapSettings = connection.settings
    if settings.auth not in ("text", "digest"):
        return None
    from zeep.wsse.username import UsernameToken

    return UsernameToken(settings.user, needed(Secrets(connection), "password"), use_digest=settings.auth == "digest")


def _transport() -> Any:
    from zeep.transports import Transport

    class Guarded(Transport):
        """Zeep's transport over the connection in use."""

        def __init__(self) -> None:
            super().__init__(cache=None)

        def load(self, url: str) -> bytes:
            connection = _using.get()
            if url == TEXT:
                return connection.settings.wsdl.encode()
            answer = self._ask("GET", url, None, {"Accept": "text/xml, application/xml, */*"})
            return answer.checked().body

        def get(self, address: str, params: Any, headers: Mapping[str, str]) -> Response:
            raise Failed("refused", L("不支持 HTTP GET 绑定", "The HTTP GET binding is not supported"))

        def post(self, address: str, message: Any, headers: Mapping[str, str]) -> Response:
            body = message.encode() if isinstance(message, str) else message
            answer = self._ask("POST", address, body, {"Accept": "text/xml, application/soap+xml", **headers})
            if not answer.is_ok and "xml" not in answer.headers.get("content-type", ""):
                answer.checked()
            if answer.body.strip() and not answer.headers.get("content-type", "").startswith("multipart/"):
                _check_body(answer.body, _expected.get(), _using.get().most_bytes)
            return Response(answer)

        def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
            connection = _using.get()
            settings: SoapSettings = connection.settings
            secrets_of = Secrets(connection)
            sent = dict(headers)
            if settings.auth == "basic":
                sent["Authorization"] = basic(settings.user, needed(secrets_of, "password"))
            found: Answer = connection.http.request(
                method, url, headers=sent, body=body, timeout=connection.timeout, most_bytes=connection.most_bytes,
                hide=tuple(secrets_of.shown),
            )  # fmt: skip
            return found

    return Guarded()
