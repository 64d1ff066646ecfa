"""What a request carries: JSON within limits, a file, or a form with a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from json import loads as exact_loads
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from banyan.kernel import files
from banyan.lib.errors import DomainError, FieldFaults, Invalid, TooLarge, UnsupportedMedia
from banyan.lib.labels import L

JSON_MOST = 2 * 1024 * 1024
FILE_MOST = files.MOST_BYTES + 64 * 1024
TABLE_MOST = 50 * 1024 * 1024
DEPTH_MOST = 40
#: Where a number too long for a double may stand; that it does is for the exact parser to say.
_LONG_NUMBER = re.compile(rb"[:,\[]\s*-?\d(?:[\d.]{15}|[\d.]*[eE])")
_JSON = frozenset({"application/json", "application/merge-patch+json"})


class Malformed(DomainError):
    """The body is no JSON, or no form."""

    status = 400
    title = L("格式错误", "Malformed")
    code = "malformed"
    zh = "请求内容不是有效的 {form}：{fault}"
    en = "The body is not valid {form}: {fault}"


class LengthWanted(DomainError):
    """The body comes in pieces, so that nobody knows how long it will be."""

    status = 411
    title = L("缺少长度", "Length required")
    code = "length_wanted"
    zh = "请求没有说明内容的长度"
    en = "The request does not say how long its body is"
    way_out_zh = "发送 Content-Length，不要分块传输"
    way_out_en = "Send Content-Length instead of a chunked body"


class NumberTooLong(Invalid):
    code = "number_too_long"
    zh = "数字 {number} 超出 JSON 数字能精确表示的范围"
    en = "The number {number} has more digits than a JSON number carries exactly"
    way_out_zh = '把它写成文本，如 "12345678901234.567891"'
    way_out_en = 'Write it as text, such as "12345678901234.567891"'


def read_json(request: HttpRequest) -> Any:
    """Give the body's JSON value, None where there is no body.

    Gives:  numbers only where a double carries them exactly; of a name given twice the last value
    Raises: TooLarge above 2 MB, UnsupportedMedia, Malformed, Invalid for NUL, long numbers and deep nesting
    """
    raw = _raw(request, JSON_MOST)
    if not raw.strip():
        return None
    kind = media_type(request)
    if kind not in _JSON:
        raise UnsupportedMedia(
            "media_type",
            L("请用 application/json 提交，而不是 {kind}", "Send application/json, not {kind}"),
            {"kind": kind or "—"},
        )
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        if "recursion" in str(fault):
            raise _too_deep() from None
        raise Malformed(form="JSON", fault=str(fault)) from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MOST:
        _check_depth(value)
    if b"\\u0000" in raw:
        _refuse_nul(value)
    if _LONG_NUMBER.search(raw):
        exact_loads(raw, parse_float=_exact, parse_int=_exact)
    return value


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Give the body's JSON object, an empty one where there is no body.

    Raises: as `read_json`, and Invalid for what is no object
    """
    value = read_json(request)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("not_an_object", L("请求内容须为 JSON 对象", "The body must be a JSON object"))
    return value


def read_upload(request: HttpRequest, most: int) -> tuple[str, Iterator[bytes], dict[str, str]]:
    """Give an uploaded file: from a form (field `file`), or as the body itself with its name in X-File-Name.

    Gives:  (name, pieces, the form's other fields or the query's)
    Raises: TooLarge, Malformed, Invalid where there is no file
    """
    _check_length(request, most)
    if media_type(request) == "multipart/form-data":
        try:
            found = request.FILES.get("file")
            fields = {key: str(request.POST[key]) for key in request.POST}
        except (MultiPartParserError, UnreadablePostError, SuspiciousOperation) as fault:
            raise Malformed(form="multipart/form-data", fault=str(fault)) from None
        if not isinstance(found, UploadedFile) or not found.name:
            raise _no_file()
        return found.name, found.chunks(), fields
    if media_type(request) in (*_JSON, "application/x-www-form-urlencoded"):
        raise UnsupportedMedia(
            "media_type",
            L("请用 multipart/form-data，或直接提交文件内容", "Send multipart/form-data, or the file itself"),
        )
    name = request.headers.get("X-File-Name") or request.GET.get("name", "")
    if not name or not request.headers.get("Content-Length", "").strip("0"):
        raise _no_file()
    return name, _pieces(request, most), {key: request.GET[key] for key in request.GET}


def media_type(request: HttpRequest) -> str:
    """Give the body's media type without its parameters."""
    return request.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()


def form_wanted() -> UnsupportedMedia:
    """Give the refusal of what is no web form."""
    return UnsupportedMedia(
        "media_type",
        L("请用 application/x-www-form-urlencoded 提交", "Send application/x-www-form-urlencoded"),
    )


def _no_file() -> Invalid:
    return Invalid(
        "file_missing",
        L("没有收到文件", "No file was sent"),
        way_out=L(
            "表单字段名为 file；或直接提交内容并用 X-File-Name 说明文件名",
            "Name the form's field file, or send the content itself with X-File-Name",
        ),
    )


def _check_length(request: HttpRequest, most: int) -> None:
    if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
        raise LengthWanted()
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise Malformed(form="HTTP", fault="Content-Length") from None
    if length > most:
        raise TooLarge(
            "body_too_large",
            L("请求内容超过 {limit} MB", "The body is larger than {limit} MB"),
            {"limit": most // 1024 // 1024},
        )


def _raw(request: HttpRequest, most: int) -> bytes:
    _check_length(request, most)
    return b"".join(_pieces(request, most))


def _pieces(request: HttpRequest, most: int) -> Iterator[bytes]:
    size = 0
    try:
        while piece := request.read(256 * 1024):
            size += len(piece)
            if size > most:
                raise TooLarge(
                    "body_too_large",
                    L("请求内容超过 {limit} MB", "The body is larger than {limit} MB"),
                    {"limit": most // 1024 // 1024},
                )
            yield piece
    except UnreadablePostError as fault:
        raise Malformed(form="HTTP", fault=str(fault)) from None


def _too_deep() -> Invalid:
    return Invalid(
        "too_deep",
        L("内容嵌套超过 {most} 层", "The content is nested deeper than {most} levels"),
        {"most": DEPTH_MOST},
    )


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, (dict, list))]:
        depth += 1
        if depth > DEPTH_MOST:
            raise _too_deep()
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]


def _refuse_nul(value: Any) -> None:
    faults, waiting = FieldFaults(), [((), value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, str) and "\x00" in one:
            faults.add(path or ("__root__",), L("不能含有空字符（NUL）", "must not contain NUL characters"))
        elif isinstance(one, dict):
            if any("\x00" in key for key in one):
                faults.add(
                    path or ("__root__",), L("字段名不能含有空字符（NUL）", "has a name with NUL characters")
                )
            waiting += [((*path, key.replace("\x00", "")), inner) for key, inner in one.items()]
        elif isinstance(one, list):
            waiting += [((*path, n), inner) for n, inner in enumerate(one)]
    faults.refuse_if_any()


def _exact(text: str) -> None:
    """Refuse a number that a double, or 64 bits, would not carry exactly."""
    try:
        if "." not in text and "e" not in text.lower():
            is_exact = len(text) <= 20 and -(2**63) <= int(text) < 2**63
        else:
            is_exact = Decimal(text) == Decimal(repr(float(text)))
    except (InvalidOperation, OverflowError, ValueError):
        is_exact = False
    if not is_exact:
        raise NumberTooLong(number=f"{text[:24]}…" if len(text) > 24 else text)
