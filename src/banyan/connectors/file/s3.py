"""Files in a bucket of an S3 store (Amazon, MinIO, Ceph, Aliyun OSS, Tencent COS and what else speaks the protocol)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

from banyan.connectors import signing
from banyan.connectors.file.entries import Entry, another
from banyan.integration import xml
from banyan.integration.connecting import Connection, Failed
from banyan.integration.guard import Answer
from banyan.lib.labels import L

_PLAIN = "-._~"
_MOST_LISTED_BYTES = 4_000_000


def authorization(
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    user: str,
    secret: str,
    region: str,
) -> str:
    """Give the Authorization header of a request: AWS Signature Version 4 for the service `s3`.

    Takes:  path: as it is sent, percent-encoded; headers: all that are signed, in small letters, among them `host`,
            `x-amz-date` and `x-amz-content-sha256`
    Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header"
    """
    names = ";".join(sorted(headers))
    lines = [method, path, _query(query), *(f"{name}:{headers[name].strip()}" for name in sorted(headers))]
    request = "\n".join([*lines, "", names, headers["x-amz-content-sha256"]])
    at = headers["x-amz-date"]
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    signed = "\n".join(["AWS4-HMAC-SHA256", at, scope, signing.digest(request, "sha256").hex()])
    key: str | bytes = f"AWS4{secret}"
    for part in scope.split("/"):
        key = signing.keyed(part, key)
    signature = signing.keyed(signed, key).hex()
    return f"AWS4-HMAC-SHA256 Credential={user}/{scope},SignedHeaders={names},Signature={signature}"


class S3:
    """Folders of a bucket: what begins with the folder's name and a `/`.

    An object appears whole or not at all. Two moves of one name cannot tell of each other, so a move names the very
    version it saw, and a store that knows conditions leaves a newer one alone.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection, self.settings = connection, connection.settings
        self.root = self.settings.folder.strip("/")
        self._seen: dict[str, str] = {}

    def files(self, folder: str) -> list[Entry]:
        prefix = self._key(folder)
        prefix = f"{prefix}/" if prefix else ""
        asked = {"list-type": "2", "prefix": prefix, "delimiter": "/", "encoding-type": "url"}
        found: list[Entry] = []
        while True:
            root = _listing(self._ask("GET", "", query=asked, most_bytes=_MOST_LISTED_BYTES))
            is_coded = _text(root, "EncodingType") == "url"
            for each in (child for child in root if xml.name_of(child) == "Contents"):
                key = _text(each, "Key")
                key = unquote_plus(key) if is_coded else key
                name = key.removeprefix(prefix)
                if not name or "/" in name:
                    continue
                changed = datetime.fromisoformat(_text(each, "LastModified")).timestamp()
                mark = _text(each, "ETag").strip('"')
                self._seen[key] = mark
                found.append(Entry(name, int(_text(each, "Size") or 0), changed, mark))
            token = _text(root, "NextContinuationToken")
            if _text(root, "IsTruncated") != "true" or not token:
                return sorted(found, key=lambda each: (each.changed, each.name))
            asked = {**asked, "continuation-token": token}

    def read(self, path: str, most_bytes: int) -> bytes:
        return self._ask("GET", self._key(path), most_bytes=most_bytes).body

    def write(self, path: str, body: bytes) -> None:
        self._ask("PUT", self._key(path), body=body)

    def move(self, path: str, target: str) -> None:
        source, there = self._key(path), self._key(target)
        if self._ask("HEAD", there, also=(404,)).is_ok:
            there = another(there)
        mark = self._seen.get(source)
        copied = {"x-amz-copy-source": f"/{self.settings.bucket}/{quote(source, safe='/' + _PLAIN)}"}
        if mark:
            copied["x-amz-copy-source-if-match"] = f'"{mark}"'
        answer = self._ask("PUT", there, headers=copied, also=(404, 412))
        if not answer.is_ok:
            return
        if xml.name_of(_parsed(answer)) == "Error":  # A copy may fail after its 200 has been sent.
            raise Failed("unavailable", _said(answer))
        self._remove(source, mark)

    def remove(self, path: str) -> None:
        self._remove(self._key(path), None)

    def _remove(self, key: str, mark: str | None) -> None:
        conditions = {"If-Match": f'"{mark}"'} if mark else {}
        answer = self._ask("DELETE", key, headers=conditions, also=(404, 412, 501))
        if answer.status == 501 and mark:  # A store without conditional deletes.
            self._ask("DELETE", key, also=(404,))

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self.root, path.strip("/")) if part)

    def _ask(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        most_bytes: int | None = None,
        also: tuple[int, ...] = (),
    ) -> Answer:
        """Ask the store. Takes: also: statuses that are an answer, not a fault. Raises: Failed."""
        settings = self.settings
        parts = urlsplit(settings.address)
        host, base = parts.netloc.lower(), parts.path.rstrip("/")
        if settings.bucket_in == "host":
            host = f"{settings.bucket}.{host}"
        else:
            base = f"{base}/{settings.bucket}"
        path = base + "/" + quote(key, safe="/" + _PLAIN)
        signed = {
            "host": _without_usual_port(parts.scheme, host),
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-date": f"{self.connection.now:%Y%m%dT%H%M%SZ}",
            **{name: value for name, value in (headers or {}).items() if name.startswith("x-amz-")},
        }
        secret = self.connection.secret("secret_key")
        sent = {
            **(headers or {}), **{name: value for name, value in signed.items() if name != "host"},
            "Accept": "*/*", "Accept-Encoding": "identity",
            "Authorization": authorization(
                method, path, query or {}, signed, user=settings.user, secret=secret, region=settings.region
            ),
        }  # fmt: skip
        url = f"{parts.scheme}://{host}{path}" + (f"?{_query(query)}" if query else "")
        answer: Answer = self.connection.http.request(
            method, url, headers=sent, body=body if method == "PUT" else None, most_bytes=most_bytes, hide=(secret,)
        )
        if answer.is_ok or answer.status in also:
            return answer
        try:
            return answer.checked()
        except Failed as fault:
            kind = "unavailable" if _code(answer) in ("SlowDown", "RequestTimeout") else fault.kind
            raise Failed(kind, _said(answer), code=fault.code, retry_after=fault.retry_after) from None


def _query(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe=_PLAIN), quote(value, safe=_PLAIN)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _without_usual_port(scheme: str, host: str) -> str:
    return host.removesuffix(":443" if scheme == "https" else ":80")


def _listing(answer: Answer) -> Any:
    root = _parsed(answer)
    if xml.name_of(root) != "ListBucketResult":
        raise Failed("refused", L("对方所答不是 S3 文件列表", "What answers does not list files as S3 does"))
    return root


def _parsed(answer: Answer) -> Any:
    return xml.parsed(answer.body, _MOST_LISTED_BYTES)


def _text(element: Any, name: str) -> str:
    return next((child.text or "" for child in element if xml.name_of(child) == name), "")


def _code(answer: Answer) -> str:
    try:
        return _text(_parsed(answer), "Code")
    except Failed:
        return ""


def _said(answer: Answer) -> str:
    """Give what the store says of a fault: its code and its words, without the keys that it repeats."""
    try:
        root = _parsed(answer)
    except Failed:
        return f"S3: HTTP {answer.status}"
    return f"S3: HTTP {answer.status}: {_text(root, 'Code')}: {_text(root, 'Message')}"[:500]
