"""The REST connector: what the settings describe is sent and polled, and nothing of a poll is missed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import orjson

from banyan.connectors.rest.settings import Outcome, RestOperation, RestSettings
from banyan.connectors.rest.signing import Secrets, basic, forget, needed, signed, token
from banyan.integration import clocks
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    Sent,
    connector,
)  # fmt: skip
from banyan.integration.guard import Answer, covered
from banyan.integration.templates import MISSING, as_text, at, filled
from banyan.lib.labels import L


@connector
class Rest(Connector):
    """JSON over HTTP with a partner whose operations are data."""

    key: ClassVar[str] = "rest"
    label = L("REST 接口", "REST interface")
    help = L(
        "以 JSON 收发的网络接口：操作、翻页、增量与签名均以数据描述",
        "JSON over HTTP; operations, paging, watermark and signing are data",
    )
    settings = RestSettings
    secrets: ClassVar[tuple[str, ...]] = ("password", "api_key", "token", "client_secret", "signing_key")

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the operations of the settings."""
        return tuple(
            Operation(
                each.key, L(each.zh or each.key, each.en or each.key), frozenset(each.ways), each.input, each.output,
                tuple(each.samples),
            )
            for each in connection.settings.operations
        )  # fmt: skip

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Send one message. Raises: Failed."""
        operation = _operation(connection, out.operation, "send")
        facts = {
            "body": out.body, "id": str(out.id), "key": out.key, "type": out.type, "attempt": out.attempt,
            "at": out.at.isoformat() if out.at else "", "now": connection.now.isoformat(),
        }  # fmt: skip
        headers = dict(out.headers)
        if out.traceparent:
            headers["traceparent"] = out.traceparent
        if connection.settings.idempotency_header:
            headers[connection.settings.idempotency_header] = str(out.id)
        query = _pairs(filled(operation.query, facts))
        body = filled(operation.body, facts) if operation.method not in ("GET", "DELETE") else None
        answer = call(connection, operation, facts, query, headers, body)
        reply = _checked(connection.settings, operation, answer)
        return Sent(reply, str(answer.status))

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give a page of what has changed; the position tells how the walk over its pages goes on.

        Takes:  position: {since, walk} as given before; since is asked again with the operation's overlap
        """
        asked = _operation(connection, operation, "poll")
        walk = Walk(asked, position if isinstance(position, Mapping) else {}, limit, connection.now)
        facts = walk.facts()
        if walk.url:
            answer = _follow(connection, asked, walk.url)
        else:
            query = _pairs(filled(asked.query, facts))
            if asked.method == "GET":
                answer = call(connection, asked, facts, [*query, *_pairs(walk.parameters())], {}, None)
            else:
                given = {} if asked.body == "{body}" else filled(asked.body, facts)
                answer = call(connection, asked, facts, query, {}, {**given, **walk.parameters()})
        said = _checked(connection.settings, asked, answer)
        records = at(said, asked.list_path, MISSING)
        if records is MISSING or records is None:
            records = []
        if isinstance(records, Mapping):
            records = [records]
        if not isinstance(records, list):
            raise Failed(
                "mapping", L("{path} 处不是列表", "There is no list at {path}").filled({"path": asked.list_path})
            )
        return walk.page(said, answer, records)

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position of a walk that begins at a time, where the operation asks by time."""
        return {"since": _iso(since)} if _operation(connection, operation, "poll").since is not None else None

    def health(self, connection: Connection) -> Health:
        """Ask the health path, or the address itself."""
        probe = RestOperation(key="health", method="GET", path=connection.settings.health_path or "/", body=None)
        try:
            answer = call(connection, probe, {}, [], {}, None)
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh or fault.kind, en or zh or fault.kind))
        strict = bool(connection.settings.health_path)
        well = answer.is_ok if strict else answer.status < 500 and answer.status not in (401, 403)
        return Health(well, L(f"应答 HTTP {answer.status}", f"Answered HTTP {answer.status}"), answer.ms)


def call(
    connection: Connection, operation: RestOperation, facts: Mapping[str, Any],
    query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: Any, url: str = "",
) -> Answer:  # fmt: skip
    """Make a request and send it, with a new token once where the kept one is refused. Raises: Failed."""
    settings: RestSettings = connection.settings
    url = url or settings.address + filled(operation.path, facts, _segment)
    secrets_of = Secrets(connection)
    sent = {**settings.headers, **operation.headers, **headers}
    sent = {name: str(filled(text, {**facts, "secret": secrets_of})) for name, text in sent.items()}
    form: list[tuple[str, str]] = []
    content: bytes | None = None
    if body is not None:
        if operation.is_form:
            form = _pairs(body)
            content = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        else:
            content = orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
    answer, used = _ask(connection, operation.method, url, list(query), sent, content, form, secrets_of)
    if answer.status == 401 and used:
        forget(connection, settings.auth, secrets_of, used)
        answer, _ = _ask(connection, operation.method, url, list(query), sent, content, form, secrets_of)
    return answer


def _ask(
    connection: Connection, method: str, url: str, query: list[tuple[str, str]], headers: dict[str, str],
    content: bytes | None, form: list[tuple[str, str]], secrets_of: Secrets,
) -> tuple[Answer, str]:  # fmt: skip
    auth = connection.settings.auth
    used = ""
    match auth.kind:
        case "basic":
            headers = {**headers, "Authorization": basic(auth.user, needed(secrets_of, "password"))}
        case "header":
            headers = {**headers, auth.name: needed(secrets_of, "api_key")}
        case "query":
            query = [*query, (auth.name, needed(secrets_of, "api_key"))]
        case "bearer":
            headers = {**headers, "Authorization": f"Bearer {needed(secrets_of, 'token')}"}
        case "oauth2":
            used = token(connection, auth, secrets_of)
            headers = {**headers, "Authorization": f"Bearer {used}"}
        case "signed" if auth.signing is not None:
            parts = urlsplit(url)
            query, headers = signed(
                auth.signing, connection, secrets_of, method=method, path=parts.path or "/",
                query=[*parse_qsl(parts.query, keep_blank_values=True), *query], headers=headers, body=content or b"",
                form=form,
            )  # fmt: skip
            url = parts._replace(query="").geturl()
    answer = connection.http.request(
        method, url, query=query, headers=headers, body=content, timeout=connection.timeout,
        most_bytes=connection.most_bytes, hide=tuple(secrets_of.shown),
    )  # fmt: skip
    return answer, used


class Walk:
    """One walk over the pages of what changed since a moment; it moves on only when its last page is read."""

    def __init__(self, operation: RestOperation, position: Mapping[str, Any], limit: int, now: datetime) -> None:
        self.operation, self.now = operation, now
        since = operation.since
        self.since = clocks.read(position.get("since"))
        if self.since is None and since is not None:
            self.since = clocks.read(since.first, "iso", since.zone)
        walk = position.get("walk") or {}
        self.begun = clocks.read(walk.get("from"))
        if self.begun is None and self.since is not None and since is not None:
            self.begun = self.since - timedelta(seconds=since.overlap) if position.get("since") else self.since
        self.high = clocks.read(walk.get("high")) or self.since
        self.cursor: str = walk.get("cursor") or position.get("cursor") or ""
        self.offset = int(walk.get("offset") or 0)
        self.number = int(walk.get("page") or operation.paging.first_page)
        self.size = int(walk.get("size") or min(limit, operation.paging.size))
        self.url: str = walk.get("url") or ""
        self.lasting = ""

    def facts(self) -> dict[str, Any]:
        """Give what the slots of a poll's path, query and body may name."""
        return {
            "since": self._since_text(), "cursor": self.cursor, "offset": self.offset, "page": self.number,
            "size": self.size, "now": self.now.isoformat(),
        }  # fmt: skip

    def parameters(self) -> dict[str, Any]:
        """Give what a poll asks for by name."""
        paging, since = self.operation.paging, self.operation.since
        given: dict[str, Any] = {}
        if since is not None and since.parameter and self.begun is not None:
            given[since.parameter] = self._since_text()
        if paging.size_parameter:
            given[paging.size_parameter] = self.size
        if paging.parameter:
            match paging.kind:
                case "cursor" if self.cursor:
                    given[paging.parameter] = self.cursor
                case "offset":
                    given[paging.parameter] = self.offset
                case "page":
                    given[paging.parameter] = self.number
        return given

    def page(self, said: Any, answer: Answer, records: list[Any]) -> Page:
        """Give the messages of a page and the position after it."""
        messages = tuple(_message(self.operation, record) for record in records)
        latest = max((m.at for m in messages if m.at is not None), default=None)
        if latest is not None:
            self.high = max(latest, self.high) if self.high else latest
        step = self._next(said, answer, records, latest)
        if step is None:
            return Page(messages, self._rested())
        walk = {"from": _iso(self.begun), "high": _iso(self.high), "size": self.size, **step}
        return Page(messages, {"since": _iso(self.since), "walk": walk}, has_more=True)

    def _next(self, said: Any, answer: Answer, records: list[Any], latest: datetime | None) -> dict[str, Any] | None:
        paging, since = self.operation.paging, self.operation.since
        if paging.kind == "link":
            url = at(said, paging.next_path) if paging.next_path else _next_link(answer.headers.get("link", ""))
            return {"url": urljoin(self.url or answer.url, str(url))} if url else None
        if paging.kind == "cursor":
            cursor = at(said, paging.next_path)
            has_more = bool(at(said, paging.more_path)) if paging.more_path else bool(cursor)
            if cursor and paging.is_lasting:
                self.lasting = str(cursor)
            return {"cursor": str(cursor)} if cursor and has_more and str(cursor) != self.cursor else None
        if paging.more_path:
            is_full = bool(at(said, paging.more_path)) and bool(records)
        else:
            is_full = bool(records) and (not paging.size_parameter or len(records) >= self.size)
        if not is_full or (paging.kind == "none" and not (since and since.is_sorted and paging.size_parameter)):
            return None
        if since is not None and since.is_sorted and latest is not None:
            # One second earlier: more records of that moment may follow, whether "since" includes it or not.
            again = latest - timedelta(seconds=1)
            if self.begun is None or again > self.begun:
                self.begun = again
                return {"offset": 0, "page": paging.first_page}
        if paging.kind == "none":
            raise Failed(
                "mapping",
                L(
                    "一页 {size} 条记录的更新时间相同，无法继续；请加大每页条数或设置翻页",
                    "All {size} records of a page changed at the same moment: enlarge the page or set how pages follow",
                ).filled({"size": self.size}),
            )
        return {"offset": self.offset + len(records), "page": self.number + 1}

    def _rested(self) -> dict[str, Any]:
        rested = {
            "since": _iso(self.high),
            "cursor": (self.lasting or self.cursor) if self.operation.paging.is_lasting else "",
        }
        return {name: value for name, value in rested.items() if value}

    def _since_text(self) -> str:
        since = self.operation.since
        if since is None or self.begun is None:
            return ""
        return clocks.written(self.begun, since.clock, since.zone)


def _message(operation: RestOperation, record: Any) -> Incoming:
    since = operation.since
    when = clocks.read(at(record, since.path), since.clock, since.zone) if since is not None else None
    name = as_text(at(record, operation.id_path)) if operation.id_path else ""
    if operation.version_path:
        version = as_text(at(record, operation.version_path))
    else:
        version = hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]
    identity = f"{name}@{version}" if name else version
    key = as_text(at(record, operation.key_path)) if operation.key_path else name
    return Incoming(identity, record, key, operation.type or operation.key, when)


def _operation(connection: Connection, key: str, way: str) -> RestOperation:
    found = next((each for each in connection.settings.operations if each.key == key), None)
    if found is None or way not in found.ways:
        raise Failed(
            "refused",
            L("系统没有可这样使用的操作 {key}", "The system has no operation {key} to be used so").filled({"key": key}),
        )
    return found


def _follow(connection: Connection, operation: RestOperation, url: str) -> Answer:
    here, there = urlsplit(connection.settings.address), urlsplit(url)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise Failed("not_allowed", L("下一页在另一主机上", "The next page lies on another host"))
    query = parse_qsl(there.query, keep_blank_values=True)
    asked = operation.model_copy(update={"method": "GET"})
    return call(connection, asked, {}, query, {}, None, there._replace(query="").geturl())


def _checked(settings: RestSettings, operation: RestOperation, answer: Answer) -> Any:
    answer.checked()
    outcome = operation.outcome or settings.outcome
    if not answer.body.strip():
        return None
    try:
        said = answer.json()
    except Failed:
        if outcome is not None or operation.list_path or "poll" in operation.ways:
            raise
        return {"text": answer.text()[:2000]}
    if outcome is not None:
        judge(outcome, said, answer.hide)
    return said


def judge(outcome: Outcome, said: Any, hide: Sequence[str] = ()) -> None:
    """Refuse an answer that says of itself that it is a fault. Raises: Failed: refused, throttled, unavailable."""
    value = at(said, outcome.path, MISSING)
    code = "" if value is MISSING else as_text(value)
    if code in outcome.good:
        return
    text = covered(as_text(at(said, outcome.text_path)) if outcome.text_path else "", hide)[:500]
    kind = "throttled" if code in outcome.throttled else "unavailable" if code in outcome.passing else "refused"
    raise Failed(kind, f"{code or outcome.path + ' ?'}: {text}" if text else code or f"{outcome.path} ?", code=code)


def _pairs(given: Any) -> list[tuple[str, str]]:
    if not isinstance(given, Mapping):
        raise Failed("mapping", L("表单须为一层的键值", "A form holds names and values on one level"))
    pairs = []
    for name, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            text = orjson.dumps(each).decode() if isinstance(each, (Mapping, list)) else as_text(each)
            pairs.append((str(name), text))
    return pairs


def _segment(text: str) -> str:
    if text in ("", ".", ".."):
        raise Failed("mapping", L("地址中的值为空", "A value within the address is empty"))
    return quote(text, safe="")


def _next_link(text: str) -> str:
    for part in text.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest or "rel=next" in rest:
            return address.strip().strip("<>")
    return ""


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
