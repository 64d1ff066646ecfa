"""Tryton's JSON-RPC: values that JSON has not travel as `__class__`, a session is opened by name and password."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from banyan.connectors.platform import needed
from banyan.integration.connecting import Connection, Failed
from banyan.lib.labels import L

_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
#: Two wrote one record, or its database was busy for a moment: another try finds it free.
_BUSY = ("ConcurrencyException",)
_BUSY_TEXTS = ("database is locked", "could not serialize", "deadlock detected", "could not obtain lock")


def encoded(value: Any) -> Any:
    """Give data as Tryton wants it: decimals, days and instants as `__class__` objects."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": format(value, "f")}
    if isinstance(value, datetime):
        at = value.astimezone(UTC)
        return {"__class__": "datetime", "year": at.year, "month": at.month, "day": at.day, "hour": at.hour,
                "minute": at.minute, "second": at.second, "microsecond": at.microsecond}  # fmt: skip
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Mapping):
        return {key: encoded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(one) for one in value]
    return value


def decoded(value: Any) -> Any:
    """Give what Tryton said as plain JSON data: decimals and times as text, instants in UTC."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    match value.get("__class__"):
        case None:
            return {key: decoded(one) for key, one in value.items()}
        case "Decimal":
            return str(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"]).isoformat()
        case "datetime":
            parts = (int(value.get(part) or 0) for part in _PARTS)
            return datetime(*parts, tzinfo=UTC).isoformat(timespec="microseconds")
        case "time":
            return f"{value['hour']:02}:{value['minute']:02}:{value['second']:02}"
        case "timedelta":
            return value["seconds"]
        case "bytes":
            return {"base64": "".join(str(value["base64"]).split())}
        case other:
            raise Failed("mapping", L("Tryton 返回未知类型 {kind}", "Tryton gave an unknown kind {kind}").filled(
                {"kind": other}))  # fmt: skip


class Sessions:
    """Sessions as they were opened, kept while Tryton takes them; what is lost is opened anew."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], str] = {}
        self._gate = threading.Lock()

    def call(self, connection: Connection, method: str, *params: Any) -> Any:
        """Call one method and give what it gives, decoded. A session that is over is opened anew, once.

        Raises: Failed: refused by Tryton in its own words, busy, not_allowed
        """
        for attempt in (1, 2):
            header = self._session(connection, anew=attempt == 2)
            answer = _post(connection, method, params, {"Authorization": header})
            if answer.status == 401 and attempt == 1:
                continue
            if answer.status in (401, 403):
                words = L("Tryton 不允许用户 {user} 调用 {method}", "Tryton does not let the user {user} call {method}")
                raise Failed("not_allowed", words.filled({"user": connection.settings.user, "method": method}),
                             code=str(answer.status))  # fmt: skip
            return result_of(answer.checked().json())
        raise AssertionError

    def _session(self, connection: Connection, *, anew: bool) -> str:
        settings, password = connection.settings, needed(connection, "password")
        key = (connection.system, connection.environment, settings.address, settings.database, settings.user, password)
        with self._gate:
            if key in self._kept and not anew:
                return self._kept[key]
            self._kept.pop(key, None)
            login = (settings.user, {"password": password}, settings.language)
            answer = _post(connection, "common.db.login", login, {})
            if answer.status == 401:
                words = L("Tryton 不认用户 {user} 或其密码", "Tryton does not know the user {user} by this password")
                raise Failed("not_allowed", words.filled({"user": settings.user}), code="401")
            if answer.status == 404:
                words = L("Tryton 没有数据库 {name}", "Tryton has no database {name}")
                raise Failed("refused", words.filled({"name": settings.database}), code="404")
            user, token, *_ = result_of(answer.checked().json()) or (0, "")
            made = b64encode(f"{settings.user}:{user}:{token}".encode()).decode()
            self._kept[key] = f"Session {made}"
            return self._kept[key]


def _post(connection: Connection, method: str, params: Any, headers: Mapping[str, str]) -> Any:
    settings = connection.settings
    return connection.http.request(
        "POST", f"{settings.address.rstrip('/')}/{settings.database}/rpc/", headers=headers,
        json={"id": 1, "method": method, "params": encoded(list(params))},
        hide=(connection.secret("password"), headers.get("Authorization", "").removeprefix("Session ")),
    )  # fmt: skip


def result_of(said: Any) -> Any:
    """Give the result of an answer. Raises: Failed in Tryton's own words; its tracebacks stay out of them."""
    if not isinstance(said, Mapping) or ("result" not in said and "error" not in said):
        raise Failed("refused", L("应答不是 Tryton 的 JSON-RPC", "The answer is not Tryton's JSON-RPC"))
    if "error" not in said:
        return decoded(said["result"])
    kind, *more = said["error"] if isinstance(said["error"], list) else (said["error"],)
    kind, more = str(kind), more[0] if more else ""
    if kind == "UserError":
        text = " ".join(str(part) for part in more[:2] if part)
    elif kind == "UserWarning":
        text = " ".join(str(part) for part in more[1:3] if part)
    elif kind in ("LoginException", "ConcurrencyException"):
        text = str(more)
    else:
        is_busy = any(each in kind for each in _BUSY_TEXTS)
        raise Failed("busy" if is_busy else "refused", f"Tryton: {kind}"[:500], code="fault")
    raise Failed("busy" if kind in _BUSY else "refused", text[:1000] or kind, code=kind)
